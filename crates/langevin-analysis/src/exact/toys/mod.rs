//! Toy densities of the plane, in the definitions that figures in the literature use.
//!
//! | name | definition | entropy, nats |
//! |---|---|---|
//! | [`eight_gaussians`] | $\tfrac18\sum_k \mathcal N\bigl(\tfrac{4}{1.414}(\cos\tfrac{k\pi}4, \sin\tfrac{k\pi}4),\ (\tfrac{0.5}{1.414})^2 I\bigr)$ | 2.8319 |
//! | [`moons`] | $2 (\cos\theta, \sin\theta) + (-1, -0.2)$ or $2 (1-\cos\theta, \tfrac12-\sin\theta) + (-1, -0.2)$, θ ~ U(0, π), plus $\mathcal N(0, 0.2^2 I)$ | 2.3939 |
//! | [`checkerboard`] | uniform on [−4, 4]² where ⌊x/2⌋ + ⌊y/2⌋ is even | ln 32 = 3.4657 |
//! | [`circles`] | circles of radius 3 and 1.5 plus $\mathcal N(0, 0.24^2 I)$ | 3.2681 |
//! | [`rings`] | circles of radius 3, 2.25, 1.5 and 0.75 plus $\mathcal N(0, 0.08^2 I)$ | 2.6232 |
//! | [`swissroll`] | $(t\cos t, t\sin t)/5$, t = 1.5π(1 + 2U), plus $\mathcal N(0, 0.2^2 I)$ | 2.6697 |
//! | [`two_spirals`] | $\pm[(-\cos n, \sin n) n/3 + \text{jitter}]$, n = 3π√U, jitter ~ U[0, 1/6]², plus $\mathcal N(0, 0.1^2 I)$ | 2.6455 |
//! | [`pinwheel`] | $2 (r\cos\theta + \tau\sin\theta, \tau\cos\theta - r\sin\theta)$, θ = 2πk/5 + ¼eʳ, r ~ N(1, 0.3²), τ ~ N(0, 0.1²) | 2.3178 |
//!
//! The entropy, computed by quadrature, is the smallest mean negative log-likelihood that any model
//! of the data can reach.
//!
//! Source: Grathwohl et al., "FFJORD", arXiv 1810.01367, `lib/toy_data.py`; it divides by 1.414,
//! not by √2.

mod checkerboard;
mod circles;
mod curve;
mod pinwheel;
mod quadrature;
mod slab;
mod spirals;
mod sum;

use super::gaussian::Gaussian;
use super::mixture::Mixture;
use super::{Density, check_along, check_batch, normals};
use checkerboard::Checkerboard;
use circles::Circles;
use curve::Curve;
use langevin::error::Result;
use langevin::math::{cos, sin};
use langevin::model::At;
use langevin::noise::{SampleId, draws, fill_uniforms};
use langevin::process::Level;
use pinwheel::Pinwheel;
use spirals::Spirals;
use std::f64::consts::FRAC_PI_4;
use sum::{Answer, Sum};

/// Returns eight Gaussians on a circle.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{Density, eight_gaussians};
/// let data = eight_gaussians();
/// assert_eq!((data.dim(), data.components().len()), (2, 8));
/// ```
#[must_use]
pub fn eight_gaussians() -> Mixture {
    let std = 0.5 / 1.414;
    let component = |k: u32| {
        let angle = f64::from(k) * FRAC_PI_4;
        Gaussian::round(vec![4.0 * cos(angle) / 1.414, 4.0 * sin(angle) / 1.414], std * std)
    };
    Mixture::assemble("8gaussians", vec![0.125; 8], (0..8).map(component).collect())
}

/// Returns the one-dimensional mixture ³⁄₁₀ N(−2, 0.3²) + ⁷⁄₁₀ N(1, 0.5²), used throughout the
/// documentation.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::two_gaussians;
/// let mean = two_gaussians().mean()[0];
/// assert!((mean - (0.3 * -2.0 + 0.7 * 1.0)).abs() < 1e-15);
/// ```
#[must_use]
pub fn two_gaussians() -> Mixture {
    let component = |mean: f64, std: f64| Gaussian::round(vec![mean], std * std);
    Mixture::assemble("mixture", vec![0.3, 0.7], vec![component(-2.0, 0.3), component(1.0, 0.5)])
}

/// Returns two interleaved half-circles.
///
/// # Examples
/// ```
/// use langevin::SampleId;
/// use langevin_analysis::exact::{Density, moons};
/// let rows: Vec<SampleId> = (0..1000).map(|index| SampleId { seed: 1, index }).collect();
/// let x = moons().sample(&rows);
/// assert!(x.iter().all(|x| x.abs() < 4.5));
/// ```
#[must_use]
pub fn moons() -> Toy {
    Toy { name: "moons", shape: Shape::Curve(Curve::moons()) }
}

/// Returns a uniform density on eight squares of side 2, the black squares of a board.
///
/// # Examples
/// ```
/// use langevin::Level;
/// use langevin_analysis::exact::{Density, checkerboard};
/// let clean = Level { time: 0.0, alpha: 1.0, sigma: 0.0 };
/// assert!((checkerboard().log_density(&[0.5, 1.5], &clean) + 32f64.ln()).abs() < 1e-14);
/// assert_eq!(checkerboard().log_density(&[-0.5, 1.5], &clean), f64::NEG_INFINITY);
/// ```
#[must_use]
pub fn checkerboard() -> Toy {
    Toy { name: "checkerboard", shape: Shape::Checkerboard(Checkerboard::new()) }
}

/// Returns two concentric circles with Gaussian noise.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{Density, circles};
/// use langevin::model::At;
/// use langevin::Level;
/// let mut d = [0.0; 2];
/// circles().denoise(&[2.0, 0.0], At::One(Level { time: 0.0, alpha: 1.0, sigma: 0.1 }), &mut d)?;
/// // Between the circles of radius 1.5 and 3, closer to the first.
/// assert!(1.5 < d[0] && d[0] < 2.0 && d[1] == 0.0);
/// # Ok::<(), langevin::Error>(())
/// ```
#[must_use]
pub fn circles() -> Toy {
    Toy { name: "circles", shape: Shape::Circles(Circles { radii: &[3.0, 1.5], std: 0.24 }) }
}

/// Returns four narrow concentric circles.
///
/// # Examples
/// ```
/// use langevin::Level;
/// use langevin_analysis::exact::{Density, rings};
/// let clean = Level { time: 0.0, alpha: 1.0, sigma: 0.0 };
/// let p = |x: f64| rings().log_density(&[x, 0.0], &clean);
/// assert!(p(0.75) > p(1.5) && p(1.5) > p(2.25) && p(0.75) > p(1.1) + 9.0);
/// ```
#[must_use]
pub fn rings() -> Toy {
    Toy { name: "rings", shape: Shape::Circles(Circles { radii: &[3.0, 2.25, 1.5, 0.75], std: 0.08 }) }
}

/// Returns a spiral of one and a half turns.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{Density, swissroll};
/// assert_eq!((swissroll().name(), swissroll().dim()), ("swissroll", 2));
/// ```
#[must_use]
pub fn swissroll() -> Toy {
    Toy { name: "swissroll", shape: Shape::Curve(Curve::swissroll()) }
}

/// Returns two spirals that wind around each other.
///
/// # Examples
/// ```
/// use langevin::Level;
/// use langevin_analysis::exact::{Density, two_spirals};
/// // Half a turn maps each spiral to the other.
/// let level = Level { time: 0.0, alpha: 1.0, sigma: 0.3 };
/// let p = |x: [f64; 2]| two_spirals().log_density(&x, &level);
/// assert!((p([1.0, 0.5]) - p([-1.0, -0.5])).abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
#[must_use]
pub fn two_spirals() -> Toy {
    Toy { name: "2spirals", shape: Shape::Spirals(Spirals::new()) }
}

/// Returns five bent arms.
///
/// # Examples
/// ```
/// use langevin::Level;
/// use langevin_analysis::exact::{Density, pinwheel};
/// // A fifth of a turn changes nothing.
/// let level = Level { time: 0.0, alpha: 1.0, sigma: 0.1 };
/// let p = |angle: f64| pinwheel().log_density(&[2.0 * angle.cos(), 2.0 * angle.sin()], &level);
/// assert!((p(0.3) - p(0.3 + std::f64::consts::TAU / 5.0)).abs() < 1e-9);
/// ```
#[must_use]
pub fn pinwheel() -> Toy {
    Toy { name: "pinwheel", shape: Shape::Pinwheel(Pinwheel::new()) }
}

/// A toy density of the plane that is not a finite mixture.
///
/// It is created by [`moons`], [`checkerboard`], [`circles`], [`rings`], [`swissroll`],
/// [`two_spirals`] and [`pinwheel`]. An integral along a curve is summed over enough nodes to be
/// exact up to rounding, and over fewer nodes at levels where noise has smoothed it. Samples draw
/// the exact position on the curve.
///
/// # Examples
/// ```
/// use langevin::{Grid, Process, Sampler, Sampling};
/// use langevin_analysis::exact::{Density, moons};
/// // A toy density is a model: sample from it with a plan.
/// let process = Process::vp();
/// let levels = Grid::karras(20).levels(&process, 0.01, 80.0)?;
/// let plan = Sampler::ddim(0.0).compile(&process, None, &levels)?;
/// let samples: Vec<f64> = Sampling::new(50, 2).run(&plan, &moons())?;
/// assert!(samples.iter().all(|x| x.abs() < 4.5));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Toy {
    name: &'static str,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Curve(Curve),
    Checkerboard(Checkerboard),
    Circles(Circles),
    Spirals(Spirals),
    Pinwheel(Pinwheel),
}

/// A density at one level, as a sum of terms.
trait Terms {
    /// Adds the terms that are not negligible at x, and sets the width of their gaps.
    fn terms(&self, x: [f64; 2], sum: &mut Sum);
}

/// The precomputed data of one level.
enum Prepared<'a> {
    Checkerboard(checkerboard::At<'a>),
    Circles(circles::At<'a>),
    Spirals(spirals::At<'a>),
    Pinwheel(pinwheel::At<'a>),
    Curve(curve::At<'a>),
}

impl Toy {
    /// Returns this density with more nodes, or with steps that many times finer, at every level.
    #[cfg(test)]
    pub(super) fn finer(&self, nodes: usize) -> Self {
        let shape = match &self.shape {
            Shape::Curve(curve) => Shape::Curve(curve.of(nodes)),
            Shape::Spirals(_) => Shape::Spirals(Spirals::of(nodes)),
            Shape::Pinwheel(pinwheel) => Shape::Pinwheel(pinwheel.finer(nodes)),
            other => other.clone(),
        };
        Self { name: self.name, shape }
    }

    fn prepare(&self, level: &Level) -> Prepared<'_> {
        match &self.shape {
            Shape::Curve(curve) => Prepared::Curve(curve.at(level)),
            Shape::Checkerboard(board) => Prepared::Checkerboard(board.at(level)),
            Shape::Circles(circles) => Prepared::Circles(circles.at(level)),
            Shape::Spirals(spirals) => Prepared::Spirals(spirals.at(level)),
            Shape::Pinwheel(pinwheel) => Prepared::Pinwheel(pinwheel.at(level)),
        }
    }

    /// Calls `f` with all values at each row, one after another.
    fn each(&self, x: &[f64], at: At<'_>, tangent: Option<&[f64]>, mut f: impl FnMut(usize, Answer)) {
        let mut sum = Sum::default();
        let mut prepared: Option<(Level, Prepared<'_>)> = None;
        for (row, x) in x.as_chunks::<2>().0.iter().enumerate() {
            let level = at.row(row);
            let fresh = prepared.take().filter(|(last, _)| *last == level);
            let (_, terms) = prepared.insert(fresh.unwrap_or_else(|| (level, self.prepare(&level))));
            sum.terms.clear();
            terms.terms(*x, &mut sum);
            let v = tangent.and_then(|v| v.as_chunks::<2>().0.get(row)).copied().unwrap_or_default();
            f(row, sum.answer(v).unwrap_or_else(|| nowhere(*x, v, &level)));
        }
    }
}

/// Returns the values if no term is left, which only non-finite input can cause.
fn nowhere(x: [f64; 2], v: [f64; 2], level: &Level) -> Answer {
    let over = |x: [f64; 2]| x.map(|x| x / level.alpha);
    Answer { log: f64::NEG_INFINITY, denoised: over(x), score: [f64::NAN; 2], product: over(v) }
}

impl Terms for Prepared<'_> {
    fn terms(&self, x: [f64; 2], sum: &mut Sum) {
        match self {
            Prepared::Checkerboard(at) => at.terms(x, sum),
            Prepared::Circles(at) => at.terms(x, sum),
            Prepared::Spirals(at) => at.terms(x, sum),
            Prepared::Pinwheel(at) => at.terms(x, sum),
            Prepared::Curve(at) => at.terms(x, sum),
        }
    }
}

/// Writes a row's pair of numbers.
fn put(out: &mut [f64], row: usize, values: [f64; 2]) {
    if let Some(out) = out.as_chunks_mut::<2>().0.get_mut(row) {
        *out = values;
    }
}

impl Density for Toy {
    fn name(&self) -> &str {
        self.name
    }

    fn dim(&self) -> usize {
        2
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<f64> {
        let mut out = Vec::with_capacity(2 * rows.len());
        for (row, z) in rows.iter().zip(normals(rows, 2).as_chunks::<2>().0) {
            let mut u = [0.0; 4];
            fill_uniforms(*row, draws::EXACT_UNIFORMS.first(), &mut u);
            let z = z.map(f64::from);
            out.extend(match &self.shape {
                Shape::Curve(curve) => curve.draw(u, z),
                Shape::Checkerboard(board) => board.draw(u),
                Shape::Circles(circles) => circles.draw(u, z),
                Shape::Spirals(spirals) => spirals.draw(u, z),
                Shape::Pinwheel(pinwheel) => pinwheel.draw(u, z),
            });
        }
        out
    }

    fn log_density(&self, x: &[f64], level: &Level) -> f64 {
        if x.len() != 2 {
            return f64::NAN;
        }
        let mut log = f64::NAN;
        self.each(x, At::One(*level), None, |_, answer| log = answer.log);
        log
    }

    fn denoise(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        check_batch(x, 2, at, out)?;
        self.each(x, at, None, |row, answer| put(out, row, answer.denoised));
        Ok(())
    }

    fn denoise_along(
        &self,
        x: &[f64],
        at: At<'_>,
        tangent: &[f64],
        out: &mut [f64],
        product: &mut [f64],
    ) -> Result<()> {
        check_along(x, 2, at, tangent, out, product)?;
        self.each(x, at, Some(tangent), |row, answer| {
            put(out, row, answer.denoised);
            put(product, row, answer.product);
        });
        Ok(())
    }

    fn score(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        check_batch(x, 2, at, out)?;
        self.each(x, at, None, |row, answer| put(out, row, answer.score));
        Ok(())
    }
}
