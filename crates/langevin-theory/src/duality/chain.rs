//! Chains of n steps with any denoiser, by quadrature on the line.
//!
//! The bound follows from E(x − D)² at each level. The density is carried down through the kernels,
//!
//! $$p_{i+1}(z') = \int p_i(z) \mathcal N\bigl(z'; a z + (1-a) D(z), c^2\bigr) dz, \qquad
//!   p_0 = \mathcal N(0, y_0^2), \qquad p(x) = \int p_n(z) \mathcal N(x; z, y_n^2) dz,$$
//!
//! on even grids, one per level. The step of a grid is 1/[`CELLS`] of the width of the next kernel.
//! Grids of half the resolution measure the difference between the sums and the integrals.

use super::{LAMBDA, Terms, Truth};
use crate::line::{Line, Tabled, even};
use langevin::ReadAs;
use langevin::error::{Error, Result};
use langevin::math::{exp, ln};
use langevin::model::{Model, Query};
use langevin::moves::{Row, reverse_rho};
use langevin::noise::SampleId;
use langevin::process::Level;
use langevin::process::ve;
use langevin::space::SliceSpace;
use langevin_analysis::likelihood::{chain_bound, denoiser, optimal_chain, path_integral};
use std::cell::RefCell;
use std::f64::consts::{E, TAU};

/// The largest number of steps for which the density is carried: the grids grow with the steps.
///
/// # Examples
/// ```
/// use langevin_theory::duality::{MAX_STEPS, even_levels};
/// assert_eq!(even_levels(MAX_STEPS)?.len(), MAX_STEPS + 1);
/// assert!(even_levels(MAX_STEPS + 1).is_err());
/// # Ok::<(), langevin::Error>(())
/// ```
pub const MAX_STEPS: usize = 512;
/// The number of grid steps in the width of the kernel that acts on the grid; half as many in the
/// coarse run.
const CELLS: f64 = 8.0;
/// The half-width of a grid in standard deviations of the data and the noise together.
const REACH: f64 = 10.0;
/// The cut-off of a kernel in units of its width, e^{−200} of its peak. A chain of few steps is
/// much narrower than the data, and the data need the logarithm of its tails.
const KERNEL: f64 = 20.0;
/// Smaller masses are left out. The limit is so small for the same reason as `KERNEL`.
const NEGLIGIBLE: f64 = 1e-150;
/// The number of cells of λ on which the best steps lie, 0.01 each.
const SEARCH: usize = 920;

/// Returns the levels of n equal steps in λ between ∓[`LAMBDA`], noisiest first.
///
/// # Errors
/// Returns an error if the number of steps is not in 1..=[`MAX_STEPS`].
///
/// # Examples
/// ```
/// use langevin_theory::duality::even_levels;
/// assert_eq!(even_levels(2)?, [-4.6, 0.0, 4.6]);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn even_levels(steps: usize) -> Result<Vec<f64>> {
    check_steps(steps)?;
    Ok(even(-LAMBDA, LAMBDA, steps))
}

fn check_steps(steps: usize) -> Result<()> {
    match steps {
        1..=MAX_STEPS => Ok(()),
        _ => Err(Error::argument("bad number of steps").expected(format!("1 to {MAX_STEPS}")).got(steps.to_string())),
    }
}

/// A model as the denoised prediction of many states at one level, in z.
struct Denoiser<'a> {
    model: &'a dyn Model<Vec<f64>>,
}

impl Denoiser<'_> {
    fn at(&self, z: &Vec<f64>, level: &Level) -> Result<Vec<f64>> {
        let rows: Vec<SampleId> = (0..z.len() as u64).map(|index| SampleId { seed: 0, index }).collect();
        ReadAs::new(self.model, denoiser(), SliceSpace::new(1)).predict(z, &Query::new(*level, &rows))
    }

    /// Returns E(x − D)² = mmse + E(D* − D)² at λ, over the data and the noise; D* is the exact
    /// prediction.
    fn error(&self, line: &Line, lambda: f64) -> Result<f64> {
        let level = ve(exp(-lambda));
        let (z, weights): (Vec<f64>, Vec<f64>) = line.nodes(&level).into_iter().unzip();
        let found = self.at(&z, &level)?;
        let apart = |((z, weight), d): ((&f64, &f64), &f64)| weight * (line.denoised(*z, &level) - d).powi(2);
        Ok(line.mmse(lambda) + z.iter().zip(&weights).zip(&found).map(apart).sum::<f64>())
    }

    /// Computes a sum over errors, or returns the first failure of the model.
    fn summed(&self, line: &Line, sum: impl FnOnce(&dyn Fn(f64) -> f64) -> Result<f64>) -> Result<f64> {
        let met = RefCell::new(None);
        let found = sum(&|lambda| {
            self.error(line, lambda).unwrap_or_else(|error| {
                met.borrow_mut().get_or_insert(error);
                f64::NAN
            })
        });
        match met.into_inner() {
            Some(error) => Err(error),
            None => found,
        }
    }
}

/// Returns the first and the last term of the bound: E x²/(2y₀²) + ½ ln(2πe) + ln y_n.
fn ends(truth: &Truth, noisy: f64, clean: f64) -> f64 {
    0.5 * truth.second_moment() * exp(2.0 * noisy) + 0.5 * ln(TAU * E) - clean
}

/// Computes the terms of a chain with this denoiser and steps between `lambdas`, noisiest first.
///
/// The posterior gap is the bound minus the divergence and the entropy.
///
/// # Errors
/// Returns an error if the levels do not rise in λ, if there are more than [`MAX_STEPS`] steps, or
/// if a term is not finite. Errors of the model are passed on.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::two_gaussians;
/// use langevin_theory::duality::{Truth, chain, even_levels};
/// let truth = Truth::new(two_gaussians())?;
/// let terms = |steps| chain(&truth, truth.exact(), &even_levels(steps)?);
/// // More steps make the model better, and the bound tighter.
/// let (few, many) = (terms(4)?, terms(8)?);
/// assert!(many.divergence < few.divergence && many.excess() < few.excess());
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn chain(truth: &Truth, model: &dyn Model<Vec<f64>>, lambdas: &[f64]) -> Result<Terms> {
    check_steps(lambdas.len().saturating_sub(1))?;
    let denoiser = Denoiser { model };
    let line = &truth.line;
    let (noisy, clean) = (lambdas[0], lambdas[lambdas.len() - 1]);
    let steps = denoiser.summed(line, |error| chain_bound(error, lambdas))?;
    let bound = ends(truth, noisy, clean) + steps + truth.log_scale;
    let entropy = truth.entropy();
    let start = ve(exp(-noisy));
    let first = |z: f64| -0.5 * (z * z / (start.sigma * start.sigma) + ln(TAU * start.sigma * start.sigma));
    let prior_gap = line.mean_of(&start, |z| line.log_density(z, &start) - first(z));
    let terms = |cells: f64| -> Result<Terms> {
        let divergence = divergence(truth, &denoiser, lambdas, cells)?;
        let posterior_gap = bound - entropy - divergence;
        Ok(Terms { entropy, bound, divergence, posterior_gap, prior_gap, residual: 0.0, grid_error: 0.0 })
    };
    terms(CELLS)?.against(&terms(0.5 * CELLS)?).checked()
}

/// Computes E[−ELBO] of infinitely many steps, the continuous-time bound, between two values of λ.
///
/// # Errors
/// Returns an error if the range is empty, or if the bound is not finite. Errors of the model are
/// passed on.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::two_gaussians;
/// use langevin_theory::duality::{Truth, endless};
/// let truth = Truth::new(two_gaussians())?;
/// let bound = endless(&truth, truth.exact(), -4.6, 4.6)?;
/// assert!((bound - 1.18345).abs() < 1e-4, "the entropy is 1.18314");
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn endless(truth: &Truth, model: &dyn Model<Vec<f64>>, from: f64, to: f64) -> Result<f64> {
    let denoiser = Denoiser { model };
    let path = denoiser.summed(&truth.line, |error| Ok(path_integral(error, from, to)))?;
    let bound = ends(truth, from, to) + path + truth.log_scale;
    match from < to && bound.is_finite() {
        true => Ok(bound),
        false => Err(Error::singular("the bound is not finite").at(format!("λ from {from} to {to}"))),
    }
}

/// A density on an even grid around 0.
struct OnGrid {
    step: f64,
    places: Vec<f64>,
    values: Vec<f64>,
}

impl OnGrid {
    /// Creates an empty grid over ±`reach` with a step of at most `step`.
    fn new(reach: f64, step: f64) -> Self {
        let half = (reach / step).ceil().max(1.0);
        let places: Vec<f64> = (0..=2 * half as usize).map(|i| (i as f64 - half) * (reach / half)).collect();
        Self { step: reach / half, values: vec![0.0; places.len()], places }
    }

    /// Adds `mass` times a Gaussian bell.
    ///
    /// On an even grid with step δ, in units of the width, a bell is a recurrence:
    /// $g_{k+1} = g_k r_k$ and $r_{k+1} = r_k e^{-\delta^2}$. The recurrence runs from the peak
    /// outwards, so that rounding errors stay relative to small values.
    fn add(&mut self, mass: f64, mean: f64, width: f64) {
        let (near, last) = ((mean - self.places[0]) / self.step, self.places.len() - 1);
        let peak = near.round().clamp(0.0, last as f64) as usize;
        let away = (self.places[peak] - mean) / width;
        let delta = self.step / width;
        let count = (KERNEL / delta) as usize;
        let (bend, top) = (exp(-delta * delta), mass / (TAU.sqrt() * width) * exp(-0.5 * away * away));
        let slope = |away: f64| exp(-delta * (away + 0.5 * delta));
        let (mut value, mut ratio) = (top, slope(away));
        for out in self.values[peak..].iter_mut().take(count) {
            *out += value;
            value *= ratio;
            ratio *= bend;
        }
        let (mut value, mut ratio) = (top, slope(-away));
        for out in self.values[..peak].iter_mut().rev().take(count) {
            value *= ratio;
            ratio *= bend;
            *out += value;
        }
    }
}

/// Returns KL(data‖model), on grids whose step is 1/`cells` of the width of the next kernel.
fn divergence(truth: &Truth, denoiser: &Denoiser<'_>, lambdas: &[f64], cells: f64) -> Result<f64> {
    let density = Density::of(truth, denoiser, lambdas, cells)?;
    let clean = ve(0.0);
    // Where the model's density has underflowed, the data are too rare to count. The logarithm must
    // still exist.
    let log = |x: f64| ln(density.at(x).max(f64::MIN_POSITIVE));
    Ok(truth.line.mean_of(&clean, |x| truth.line.log_density(x, &clean) - log(x)))
}

/// The model's density: that of its last state, and the width of its last step.
pub(super) struct Density {
    last: OnGrid,
    width: f64,
}

impl Density {
    #[cfg(test)]
    pub(super) fn of_model(truth: &Truth, model: &dyn Model<Vec<f64>>, lambdas: &[f64]) -> Result<Self> {
        Self::of(truth, &Denoiser { model }, lambdas, CELLS)
    }

    fn of(truth: &Truth, denoiser: &Denoiser<'_>, lambdas: &[f64], cells: f64) -> Result<Self> {
        let levels: Vec<Level> = lambdas.iter().map(|lambda| ve(exp(-lambda))).collect();
        let rows: Vec<Row> =
            levels.windows(2).map(|pair| Row::new(&pair[0], &pair[1], reverse_rho(&pair[0], &pair[1], 1.0))).collect();
        let width = levels[levels.len() - 1].sigma;
        let spread = truth.second_moment();
        // The width of the kernel that acts on the grid of level i.
        let next = |i: usize| rows.get(i).map_or(width, |row| row.c);
        let grid = |i: usize| OnGrid::new(REACH * (spread + levels[i].sigma.powi(2)).sqrt(), next(i) / cells);
        let mut now = grid(0);
        let start = levels[0].sigma;
        for (z, value) in now.places.iter().zip(&mut now.values) {
            *value = exp(-0.5 * (z / start).powi(2)) / (TAU.sqrt() * start);
        }
        for (i, row) in rows.iter().enumerate() {
            let denoised = denoiser.at(&now.places, &levels[i])?;
            let mut after = grid(i + 1);
            for ((z, value), d) in now.places.iter().zip(&now.values).zip(&denoised) {
                if *value * now.step > NEGLIGIBLE {
                    after.add(value * now.step, row.a * z + row.b * d, row.c);
                }
            }
            now = after;
        }
        Ok(Self { last: now, width })
    }

    /// Returns p(x).
    pub(super) fn at(&self, x: f64) -> f64 {
        let OnGrid { step, places, values } = &self.last;
        let place = |z: f64| ((z - places[0]) / step).clamp(0.0, (places.len() - 1) as f64);
        let reach = KERNEL * self.width;
        let (low, high) = (place(x - reach).ceil() as usize, place(x + reach) as usize);
        let near = places[low..=high].iter().zip(&values[low..=high]);
        let bell = |z: f64| exp(-0.5 * ((x - z) / self.width).powi(2)) / (TAU.sqrt() * self.width);
        near.map(|(z, value)| step * value * bell(*z)).sum()
    }

    /// Returns ∫ p, which the last step does not change.
    #[cfg(test)]
    pub(super) fn mass(&self) -> f64 {
        self.last.step * self.last.values.iter().sum::<f64>()
    }
}

/// The chain with the exact denoiser, with equal steps in λ and with the best steps.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::two_gaussians;
/// use langevin_theory::duality::{Truth, layers};
/// let truth = Truth::new(two_gaussians())?;
/// let found = layers(&truth, &[4])?;
/// assert_eq!(found[0].steps, 4);
/// assert!(found[0].best.excess() < found[0].even.excess());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Layers {
    /// The number of steps.
    pub steps: usize,
    /// The terms with equal steps in λ.
    pub even: Terms,
    /// The terms with the best steps on a grid of 920 cells. They minimise E[−ELBO], not every
    /// term.
    pub best: Terms,
}

/// Computes the chain with the exact denoiser for several numbers of steps, over λ from −[`LAMBDA`]
/// to [`LAMBDA`].
///
/// # Errors
/// Returns an error if a number of steps is not in 1..=[`MAX_STEPS`].
pub fn layers(truth: &Truth, steps: &[usize]) -> Result<Vec<Layers>> {
    let line = &truth.line;
    let tabled = Tabled::new(-LAMBDA, LAMBDA, 1200, &|lambda| line.mmse(lambda));
    let error = |lambda: f64| tabled.at(lambda);
    let one = |steps: &usize| -> Result<Layers> {
        let levels = even_levels(*steps)?;
        let best = optimal_chain(&error, -LAMBDA, LAMBDA, *steps, SEARCH)?;
        let terms = |levels: &[f64]| chain(truth, truth.exact(), levels);
        Ok(Layers { steps: *steps, even: terms(&levels)?, best: terms(&best)? })
    };
    steps.iter().map(one).collect()
}
