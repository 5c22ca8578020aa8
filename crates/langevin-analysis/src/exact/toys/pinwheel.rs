//! Implements five bent arms.
//!
//! With θ = ¼eʳ + 2πk/5, $e = (\cos\theta, -\sin\theta)$ and $e^\perp = (\sin\theta, \cos\theta)$
//! the datum is $2 (r e + \tau e^\perp)$, where r ~ N(1, 0.3²), τ ~ N(0, 0.1²) and k is uniform.
//! Given r and k it is a Gaussian of rank one, so
//!
//! $$p_t = \tfrac15\sum_k\int \mathcal N(r; 1, 0.3^2)\thinspace \frac{e^{-Q}}{2\pi\sigma\sqrt w}\thinspace dr,
//!   \qquad Q = \frac{a^2}{2\sigma^2} + \frac{b^2}{2w}, \qquad
//!   a = x\cdot e - 2\alpha r, \quad b = x\cdot e^\perp, \quad w = 0.04\thinspace \alpha^2 + \sigma^2.$$
//!
//! The integrand is smooth and vanishes on both sides. A sum with equal steps Δ therefore converges
//! like $e^{-2\pi^2 (\omega/\Delta)^2}$ for an integrand as narrow as ω. With
//! $a' = -(2\alpha + \theta' b)$, $b' = \theta' x\cdot e$ and θ' = ¼eʳ,
//!
//! $$\omega^{-2} = \frac{a'^2}{\sigma^2} + \frac{b'^2}{w} + \frac{1}{0.3^2}.$$
//!
//! Three methods are used:
//!
//! - σ ≥ α/4: a table with Δ = 1/32 or a multiple. It is used if 2π²(ω/Δ)² is at least 36 minus the
//!   nats by which a point is below the largest one.
//! - Smaller σ, and points for which the table is too coarse: Δ = ω/2, with an error of 10⁻³⁴,
//!   which leaves room for parts that are not Gaussian. The points where the integrand exceeds e⁻⁴⁰
//!   of its maximum are found by halving intervals. The bounds |a'| ≤ 2α + θ'|x| and |b'| ≤ θ'|x|
//!   limit Q on each interval.
//! - σ ≤ 10⁻⁵ α: the data's own density, a sum over the roots of a(r) = 0,
//!
//! $$p_0(y) = \tfrac15\sum
//!   \frac{\mathcal N(r; 1, 0.3^2)\thinspace \mathcal N(\tau; 0, 0.1^2)}
//!   {4 \lvert 1 + \theta'\tau\rvert}, \qquad
//!   D = \frac{x + \sigma^2 \nabla\log p_0}{\alpha}.$$
//!
//! The accuracy of log p is 10⁻¹² for the table and the search. The roots leave out
//! $\tfrac12 (\sigma/\alpha)^2 \nabla^2 p_0/p_0$, about 10⁻⁸ at the switch and less below it. Only
//! r within twelve deviations counts, because no sample lies further out.

use super::Terms;
use super::sum::{Sum, Term, dot};
use langevin::math::{cos, exp, ln, sin};
use langevin::process::Level;
use std::f64::consts::{PI, TAU};

const ARMS: usize = 5;
const RATE: f64 = 0.25;
const SCALE: f64 = 2.0;
/// The deviation of r about 1, and of τ about 0.
const RADIAL: f64 = 0.3;
const TANGENTIAL: f64 = 0.1;

/// The range of r, in cells of the table's step. All are multiples of powers of two, so that
/// intervals meet exactly.
const LOW: f64 = -2.625;
const CELLS: usize = 232;
const STEP: f64 = 1.0 / 32.0;

/// Limits of σ/α: from `SMOOTH` the table suffices near the data, from `FLAT` it suffices
/// everywhere, and up to `SHARP` the data's own density is used.
const SMOOTH: f64 = 0.25;
const FLAT: f64 = 2.0;
const SHARP: f64 = 1e-5;

/// Pairs of σ/α and the stride of the table that suffices from there on.
const TABLES: [(f64, usize); 2] = [(10.0, 4), (5.0, 2)];

/// Terms below e⁻⁴⁰ of the largest one are left out: 4·10⁻¹⁸ of it.
const CUT: f64 = 40.0;

/// Limits of the search, for points so far out that the bounds on Q do not help. The remaining sum
/// is still a mixture with a consistent D.
const DEPTH: usize = 48;
const MOST: usize = 2048;

/// One point on the arm k = 0.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    r: f64,
    cos: f64,
    sin: f64,
    /// θ' = ¼eʳ, which equals θ.
    turn: f64,
}

impl Place {
    fn at(r: f64) -> Self {
        let turn = RATE * exp(r);
        Self { r, cos: cos(turn), sin: sin(turn), turn }
    }

    /// Returns x·e and x·e⊥ for x rotated by the arm.
    fn project(&self, x: [f64; 2]) -> (f64, f64) {
        (x[0] * self.cos - x[1] * self.sin, x[0] * self.sin + x[1] * self.cos)
    }
}

/// The pinwheel, with the midpoints of the table's cells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pinwheel {
    table: Vec<Place>,
    /// The table's step.
    step: f64,
    /// The step Δ/ω of the search.
    share: f64,
    /// The cosines and sines of 2πk/5.
    arms: [[f64; 2]; ARMS],
}

pub(super) struct At<'a> {
    pinwheel: &'a Pinwheel,
    level: Level,
}

/// An interval of r on one arm.
#[derive(Clone, Copy, Debug)]
struct Cell {
    arm: usize,
    left: f64,
    middle: Place,
    along: f64,
    across: f64,
}

impl Pinwheel {
    pub(super) fn new() -> Self {
        Self::of(1)
    }

    /// Returns this density with steps that many times finer.
    #[cfg(test)]
    pub(super) fn finer(&self, times: usize) -> Self {
        Self::of(times)
    }

    fn of(times: usize) -> Self {
        let angle = |k: usize| TAU * k as f64 / ARMS as f64;
        let step = STEP / times as f64;
        Self {
            table: (0..CELLS * times).map(|i| Place::at(LOW + step * (i as f64 + 0.5))).collect(),
            step,
            share: 0.5 / times as f64,
            arms: [0, 1, 2, 3, 4].map(|k| [cos(angle(k)), sin(angle(k))]),
        }
    }

    pub(super) fn at(&self, level: &Level) -> At<'_> {
        At { pinwheel: self, level: *level }
    }

    pub(super) fn draw(&self, u: [f64; 4], z: [f64; 2]) -> [f64; 2] {
        let arm = ((ARMS as f64 * u[0]) as usize).min(ARMS - 1);
        let (r, tau) = (1.0 + RADIAL * z[0], TANGENTIAL * z[1]);
        let Place { cos, sin, .. } = Place::at(r);
        self.back(arm, [SCALE * (r * cos + tau * sin), SCALE * (tau * cos - r * sin)])
    }

    /// Rotates x to the frame of the arm k = 0: e(θ)·x is this vector times e(θ − 2πk/5).
    fn turned(&self, arm: usize, x: [f64; 2]) -> [f64; 2] {
        let [c, s] = self.arms[arm];
        [x[0] * c - x[1] * s, x[0] * s + x[1] * c]
    }

    /// Rotates back from the frame of the arm k = 0.
    fn back(&self, arm: usize, x: [f64; 2]) -> [f64; 2] {
        let [c, s] = self.arms[arm];
        [x[0] * c + x[1] * s, x[1] * c - x[0] * s]
    }
}

/// Returns −(r − 1)²/(2·0.3²).
fn prior(r: f64) -> f64 {
    -0.5 * ((r - 1.0) / RADIAL) * ((r - 1.0) / RADIAL)
}

impl At<'_> {
    fn w(&self) -> f64 {
        let Level { alpha, sigma, .. } = self.level;
        (SCALE * TANGENTIAL * alpha) * (SCALE * TANGENTIAL * alpha) + sigma * sigma
    }

    /// Returns the logarithm of the integrand's divisor, including the step and the five arms.
    fn volume(&self, step: f64) -> f64 {
        ln(ARMS as f64 * TAU.sqrt() * RADIAL / step) + ln(TAU * self.level.sigma) + 0.5 * ln(self.w())
    }

    /// Returns the term of one point; `log` is given, and the caller sets `gap`.
    fn term(&self, arm: usize, place: &Place, along: f64, across: f64, log: f64) -> Term {
        let Level { alpha, sigma, .. } = self.level;
        let w = self.w();
        let (cos, sin) = (place.cos, place.sin);
        let gain = alpha * (SCALE * TANGENTIAL) * (SCALE * TANGENTIAL) / w;
        let turn =
            |first: f64, second: f64| self.pinwheel.back(arm, [first * cos + second * sin, second * cos - first * sin]);
        let across_unit = turn(0.0, 1.0);
        Term {
            log,
            gap: 0.0,
            denoised: turn(SCALE * place.r, gain * across),
            score: turn(-(along - SCALE * alpha * place.r) / sigma / sigma, -across / w),
            jacobian: [
                gain * across_unit[0] * across_unit[0],
                gain * across_unit[0] * across_unit[1],
                gain * across_unit[1] * across_unit[1],
            ],
        }
    }

    /// Sums over the table with a stride, and returns `true` if the table was fine enough.
    ///
    /// ‖x‖²/2σ² is common to all points and belongs to the gap. The rest of Q is −(2αr x·e −
    /// 2α²r²)/σ² − b²·0.04α²/(2σ²w).
    fn by_table(&self, x: [f64; 2], stride: usize, sum: &mut Sum) -> bool {
        let Level { alpha, sigma, .. } = self.level;
        let w = self.w();
        let bend = 0.5 * (SCALE * TANGENTIAL * alpha / sigma) * (SCALE * TANGENTIAL * alpha / sigma) / w;
        let ratio = SCALE * alpha / sigma;
        let step = self.pinwheel.step * stride as f64;
        let volume = self.volume(step);
        let places = self.pinwheel.table.iter().skip(stride / 2).step_by(stride);
        let mut logs = Vec::with_capacity(ARMS * self.pinwheel.table.len() / stride + ARMS);
        let mut largest = f64::NEG_INFINITY;
        for arm in 0..ARMS {
            let turned = self.pinwheel.turned(arm, x);
            for place in places.clone() {
                let (along, across) = place.project(turned);
                let shift = ratio * place.r;
                let log = prior(place.r) + shift * (along / sigma - 0.5 * shift) + bend * across * across;
                largest = if log > largest { log } else { largest };
                logs.push((arm, place, along, across, log));
            }
        }
        sum.width = sigma;
        let gap = dot(x, x);
        for (arm, place, along, across, log) in logs {
            let below = largest - log;
            if below > CUT {
                continue;
            }
            let sharp = self.sharpness(place.turn, along, across);
            // At high noise a' and b' are large and cancel in Q; the prior is then the narrowest
            // factor.
            if sigma < FLAT * alpha && 2.0 * PI * PI / (step * step * sharp) + below < CUT - 4.0 {
                return false;
            }
            let term = self.term(arm, place, along, across, log - volume);
            sum.terms.push(Term { gap, ..term });
        }
        true
    }

    /// Returns an upper bound of ω⁻².
    fn sharpness(&self, turn: f64, along: f64, across: f64) -> f64 {
        let Level { alpha, sigma, .. } = self.level;
        let (a, b) = ((SCALE * alpha + turn * across.abs()) / sigma, turn * along);
        a * a + b * b / self.w() + 1.0 / (RADIAL * RADIAL)
    }

    fn cell(&self, arm: usize, left: f64, middle: Place, x: [f64; 2]) -> Cell {
        let (along, across) = middle.project(self.pinwheel.turned(arm, x));
        Cell { arm, left, middle, along, across }
    }

    /// Returns all cells of the table.
    fn cells(&self, x: [f64; 2]) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(ARMS * self.pinwheel.table.len());
        for arm in 0..ARMS {
            let turned = self.pinwheel.turned(arm, x);
            for (i, place) in self.pinwheel.table.iter().enumerate() {
                let (along, across) = place.project(turned);
                cells.push(Cell { arm, left: LOW + self.pinwheel.step * i as f64, middle: *place, along, across });
            }
        }
        cells
    }

    /// Returns both halves of every cell.
    fn halves(&self, cells: &[Cell], length: f64, x: [f64; 2]) -> Vec<Cell> {
        let half = 0.5 * length;
        let both = |cell: &Cell| [cell.left, cell.left + half].map(|left| (cell.arm, left));
        cells.iter().flat_map(both).map(|(arm, left)| self.cell(arm, left, Place::at(left + 0.5 * half), x)).collect()
    }

    /// Sums only over the cells in which the integrand is not negligible.
    fn by_search(&self, x: [f64; 2], sum: &mut Sum) {
        let Level { alpha, sigma, .. } = self.level;
        let w = self.w();
        let size = x[0].hypot(x[1]);
        let exponent = |r: f64, a: f64, b: f64| prior(r) - 0.5 * (a / sigma) * (a / sigma) - 0.5 * b * b / w;
        let mut cells = self.cells(x);
        let (mut length, mut best) = (self.pinwheel.step, f64::NEG_INFINITY);
        let mut step = 0.0;
        for _ in 0..DEPTH {
            for Cell { middle, along, across, .. } in &cells {
                best = best.max(exponent(middle.r, along - SCALE * alpha * middle.r, *across));
            }
            let half = 0.5 * length;
            // Since half is at most 1/64, e^half − 1 ≤ 2·half.
            let most_turn = |cell: &Cell| cell.middle.turn * (1.0 + 2.0 * half);
            cells.retain(|cell| {
                let Cell { middle, along, across, .. } = cell;
                let turn = most_turn(cell);
                let a = (along - SCALE * alpha * middle.r).abs() - half * (SCALE * alpha + turn * size);
                let b = across.abs() - half * turn * size;
                let r = ((middle.r - 1.0).abs() - half).max(0.0);
                exponent(1.0 + r, a.max(0.0), b.max(0.0)) - best > -CUT
            });
            let sharpest = cells.iter().fold(0.0_f64, |sharpest, cell| {
                let turn = most_turn(cell);
                let slack = half * turn * size;
                sharpest.max(self.sharpness(turn, cell.along.abs() + slack, cell.across.abs() + slack))
            });
            step = self.pinwheel.share / sharpest.sqrt();
            if length <= 8.0 * step || cells.len() > MOST {
                break;
            }
            cells = self.halves(&cells, length, x);
            length *= 0.5;
        }
        let parts = (length / step).ceil().clamp(1.0, 16.0);
        let step = length / parts;
        let volume = self.volume(step);
        for cell in &cells {
            let turned = self.pinwheel.turned(cell.arm, x);
            for i in 0..parts as usize {
                let place = Place::at(cell.left + step * (i as f64 + 0.5));
                let (along, across) = place.project(turned);
                let log = exponent(place.r, along - SCALE * alpha * place.r, across);
                if log - best > -CUT {
                    sum.terms.push(self.term(cell.arm, &place, along, across, log - volume));
                }
            }
        }
    }

    /// Sums over the roots: the data's own density and its gradient.
    fn by_roots(&self, x: [f64; 2], sum: &mut Sum) {
        let Level { alpha, sigma, .. } = self.level;
        let y = x.map(|x| x / alpha);
        let size = y[0].hypot(y[1]);
        let mut cells = self.cells(y);
        let mut length = self.pinwheel.step;
        for _ in 0..DEPTH {
            let half = 0.5 * length;
            let mut open = Vec::new();
            for cell in &cells {
                let Cell { middle, along, across, .. } = cell;
                let turn = middle.turn * (1.0 + 2.0 * half);
                if (along - SCALE * middle.r).abs() > half * (SCALE + turn * size) {
                    continue;
                }
                // a'' = −θ'b − θ'²x·e.
                let bend = turn * (1.0 + turn) * size;
                if (SCALE + middle.turn * across).abs() >= half * bend {
                    self.root(cell, length, y, sum);
                } else {
                    open.push(*cell);
                }
            }
            if open.is_empty() || open.len() > MOST {
                break;
            }
            cells = self.halves(&open, length, y);
            length = half;
        }
        for term in &mut sum.terms {
            term.score = term.score.map(|s| s / alpha);
            let step = |x: f64, s: f64| (x + sigma * sigma * s) / alpha;
            term.denoised = [step(x[0], term.score[0]), step(x[1], term.score[1])];
            term.log -= 2.0 * ln(alpha);
            term.jacobian = [1.0 / alpha, 0.0, 1.0 / alpha];
        }
    }

    /// Adds the root in a cell where a is monotone, if one exists, by Newton's method with
    /// bisection as the fallback outside the cell.
    fn root(&self, cell: &Cell, length: f64, y: [f64; 2], sum: &mut Sum) {
        let turned = self.pinwheel.turned(cell.arm, y);
        let a = |place: &Place| place.project(turned).0 - SCALE * place.r;
        let (mut low, mut high) = (cell.left, cell.left + length);
        let (at_low, at_high) = (a(&Place::at(low)), a(&Place::at(high)));
        // A root at an end belongs to the cell on its right.
        if at_high == 0.0 || (at_low != 0.0 && (at_low > 0.0) == (at_high > 0.0)) {
            return;
        }
        let rising = at_high > 0.0;
        let mut place = cell.middle;
        for _ in 0..80 {
            let (along, across) = place.project(turned);
            let value = along - SCALE * place.r;
            if (value > 0.0) == rising {
                high = place.r;
            } else {
                low = place.r;
            }
            let next = place.r + value / (SCALE + place.turn * across);
            let next = if next >= low && next <= high { next } else { 0.5 * (low + high) };
            let moved = (next - place.r).abs();
            place = Place::at(next);
            if moved <= 4e-16 * (1.0 + next.abs()) {
                break;
            }
        }
        let (_, across) = place.project(turned);
        let (r, tau, turn) = (place.r, across / SCALE, place.turn);
        // The density is infinite at a fold of the arm. A lower limit, far below the effect of any
        // noise, keeps the numbers finite.
        let fold = 1.0 + turn * tau;
        let fold = if fold.abs() < 1e-8 { 1e-8 } else { fold };
        // Uses dr = e·dy/(2 fold) and dτ = e⊥·dy/2 + rθ' dr.
        let by_tau = -tau / (TANGENTIAL * TANGENTIAL) - turn / fold;
        let by_r = -(r - 1.0) / (RADIAL * RADIAL) - turn * tau / fold + by_tau * r * turn;
        let (first, second) = (by_r / (SCALE * fold), by_tau / SCALE);
        let Place { cos, sin, .. } = place;
        let z = tau / TANGENTIAL;
        sum.terms.push(Term {
            log: prior(r) - 0.5 * z * z - ln(ARMS as f64 * 2.0 * PI * RADIAL * TANGENTIAL * SCALE * SCALE * fold.abs()),
            gap: 0.0,
            denoised: [0.0; 2],
            score: self.pinwheel.back(cell.arm, [first * cos + second * sin, second * cos - first * sin]),
            jacobian: [0.0; 3],
        });
    }
}

impl Terms for At<'_> {
    fn terms(&self, x: [f64; 2], sum: &mut Sum) {
        let Level { alpha, sigma, .. } = self.level;
        sum.width = sigma;
        if sigma >= SMOOTH * alpha {
            let stride = TABLES.iter().find(|(least, _)| sigma >= least * alpha).map_or(1, |(_, stride)| *stride);
            if self.by_table(x, stride, sum) {
                return;
            }
            sum.terms.clear();
            self.by_search(x, sum);
        } else if sigma > SHARP * alpha {
            self.by_search(x, sum);
        } else {
            self.by_roots(x, sum);
        }
    }
}
