//! Computes the moves of a plan in the limit of steps of zero length.
//!
//! In that limit each move is an exact transition of Gaussians in closed form. With
//! $v = \alpha^2 c + \sigma^2$ and $x = \alpha m + \sqrt v y$:
//!
//! | move | $y' = r y + \sqrt{1-r^2} z$ with |
//! |---|---|
//! | R with h/g = η | $r = \left(\frac{c+\omega_t}{c+\omega_s}\right)^{\eta^2/2}$, $\omega = \sigma^2/\alpha^2$ |
//! | R, fresh noise | r = 0 |
//! | F with the process's own noise | $x' = (\alpha_t/\alpha_s) x$ + noise, for every c |
//! | F without a draw among its instructions | r = 1 |
//! | L for the time δ | $r = e^{-\Lambda\delta/v} = \rho^{\sigma^2/v}$, if the plan's row has $\rho = e^{-\Lambda\delta/\sigma^2}$ |
//!
//! All of them carry $p_t$ to $p_{t'}$. Along a path only the error of the start therefore remains,
//! and it can only shrink.

use super::pass::{Moments, Passage};
use langevin::math::pow;
use langevin::moves::{Row, exact_reverse};
use langevin::plan::{Letter, Move};
use langevin::process::Level;

/// The level of the data.
pub(super) const CLEAN: Level = Level { time: 0.0, alpha: 1.0, sigma: 0.0 };

/// One move of the path.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Segment {
    /// A reverse move; `eta: None` means that all noise is drawn anew.
    Reverse {
        from: Level,
        to: Level,
        eta: Option<f64>,
    },
    /// A forward move with the process's own noise, or without noise (k = 0).
    Forward {
        from: Level,
        to: Level,
        noise: bool,
    },
    Langevin {
        at: Level,
        rho: f64,
    },
}

/// The moves of a plan as one path of levels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    segments: Vec<Segment>,
    /// The level at which the plan ends.
    pub(super) end: Level,
    /// The h/g of the last reverse move, or 0 without one, with which the path would continue to
    /// the data.
    last: Option<f64>,
    /// The level at which the last move begins, if it is a reverse move that ends at σ = 0.
    pub(super) leap: Option<Level>,
}

/// Returns `true` if two levels of a plan are equal up to rounding.
fn same(a: &Level, b: &Level) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    near(a.alpha, b.alpha) && near(a.sigma, b.sigma)
}

/// Returns `true` if a move repeats the move before it.
fn again(last: &Move, note: &Move) -> bool {
    last.letter == note.letter && same(&last.from, &note.from) && same(&last.to, &note.to)
}

impl Path {
    /// Returns the path of a plan, or `None` if its moves are not contiguous or go in the wrong
    /// direction.
    pub(super) fn new(passage: &Passage<'_>) -> Option<Self> {
        let plan = passage.plan();
        // A hostile document may hold many moves with many instructions each.
        if plan.moves().windows(2).any(|pair| pair[0].ops[1] >= pair[1].ops[0]) {
            return None;
        }
        // A corrector repeats the step before it and replaces it.
        let mut moves: Vec<&Move> = Vec::new();
        for note in plan.moves() {
            if moves.last().is_some_and(|last| !same(&last.to, &note.from) && again(last, note)) {
                moves.pop();
            }
            moves.push(note);
        }
        let mut at = moves.first()?.from;
        let leap = moves.last().filter(|last| last.letter == Letter::R && last.to.sigma == 0.0).map(|last| last.from);
        // The h/g of the last reverse move; none so far.
        let (mut segments, mut last) = (Vec::new(), None::<Option<f64>>);
        for note in moves {
            let (from, to) = (note.from, note.to);
            if !same(&at, &from) {
                return None;
            }
            at = to;
            let rises = |low: &Level, high: &Level| low.alpha > 0.0 && low.sigma_ve() <= high.sigma_ve();
            let segment = match note.letter {
                Letter::R if rises(&to, &from) => {
                    // A step to σ = 0 keeps no noise, whatever its h/g, so the table may not
                    // contain the h/g.
                    let own = note.eta.or(last.flatten().filter(|_| to.sigma == 0.0));
                    last = Some(own);
                    // Adjacent reverse moves with equal h/g are joined: their factors r multiply.
                    let joined = match segments.last() {
                        Some(Segment::Reverse { from, eta, .. }) if *eta == own => Some(*from),
                        _ => None,
                    };
                    if joined.is_some() {
                        segments.pop();
                    }
                    Segment::Reverse { from: joined.unwrap_or(from), to, eta: own }
                }
                Letter::F if rises(&from, &to) => Segment::Forward { from, to, noise: passage.draws(note.ops) },
                Letter::L if same(&from, &to) => Segment::Langevin { at: from, rho: passage.kept(note.ops)? },
                _ => return None,
            };
            segments.push(segment);
        }
        Some(Self { segments, end: at, last: last.unwrap_or(Some(0.0)), leap })
    }

    /// Carries a Gaussian from the start of the path to its end.
    pub(super) fn carry(&self, c: f64, start: Moments) -> Moments {
        self.segments.iter().fold(start, |x, segment| segment.carry(c, x))
    }

    /// Returns the law of D under $p_t$ at `from`: the result of one step from there to σ = 0, with
    /// variance $c^2/(c+\omega)$.
    pub(super) fn leap(c: f64, from: &Level) -> Moments {
        // α²c/(α²c + σ²) is 0 at α = 0. It is set to 0 at c = 0 too, where σ = 0 would give 0/0.
        let (signal, noise) = (from.alpha * from.alpha * c, from.sigma * from.sigma);
        let share = if signal > 0.0 { signal / (signal + noise) } else { 0.0 };
        Moments { mean: 1.0, variance: c * share }
    }

    /// Carries a Gaussian from the end of the path to the data, with the h/g of the last reverse
    /// move.
    pub(super) fn finish(&self, c: f64, x: Moments) -> Moments {
        if same(&self.end, &CLEAN) {
            return x;
        }
        Segment::Reverse { from: self.end, to: CLEAN, eta: self.last }.carry(c, x)
    }
}

impl Segment {
    fn carry(&self, c: f64, x: Moments) -> Moments {
        let variance = |level: &Level| Moments::marginal(c, level).variance;
        let (from, to, a, fresh) = match self {
            Segment::Reverse { to, eta: None, .. } => return Moments::marginal(c, to),
            // A point at σ = 0 stays a point.
            Segment::Reverse { from, to, .. } if variance(from) == 0.0 => (from, to, to.alpha / from.alpha, 0.0),
            Segment::Reverse { from, to, eta: Some(eta) } => {
                let (a, fresh) = exact_reverse(c, from, to, *eta);
                (from, to, a, fresh)
            }
            // The probability flow stretches a point at variance 0 to all of p_t.
            Segment::Forward { from, to, noise: false } if variance(from) == 0.0 => return Moments::marginal(c, to),
            Segment::Forward { from, to, noise: false } => (from, to, (variance(to) / variance(from)).sqrt(), 0.0),
            Segment::Forward { from, to, noise: true } => {
                let Row { a, c: noise, .. } = Row::forward(from, to);
                (from, to, a, noise * noise)
            }
            Segment::Langevin { at, .. } if at.sigma == 0.0 => return x,
            Segment::Langevin { at, rho } => {
                let r = pow(rho.clamp(0.0, 1.0), at.sigma * at.sigma / variance(at));
                (at, at, r, variance(at) * ((1.0 - r) * (1.0 + r)))
            }
        };
        Moments { mean: to.alpha + a * (x.mean - from.alpha), variance: a * a * x.variance + fresh }
    }
}
