//! Grids: where the steps of a sampler go, from the noisiest level to the cleanest.
//!
//! A grid of N steps has N noise levels between σ_max and σ_min (in σ/α, the same for every process) and a last, clean one:
//!
//! | name | levels i = 0 … N−1 |
//! |---|---|
//! | `karras:ρ` | $\sigma_i = (\sigma_{max}^{1/\rho} + \tfrac{i}{N-1}(\sigma_{min}^{1/\rho} - \sigma_{max}^{1/\rho}))^\rho$, ρ = 7 |
//! | `uniform-lambda` | λ evenly spaced |
//! | `uniform-t` | the process's own time evenly spaced |
//! | `list:…` | the noise levels given, in σ/α |
//!
//! Source of the first: Karras et al., arXiv 2206.00364, equation 5.

use crate::error::{Error, Result};
use crate::math::{exp, ln, pow};
use crate::process::{Level, Process};

/// How many steps a grid may have: beyond it a plan is a mistake.
pub(crate) const MAX_STEPS: usize = 100_000;

/// The spacing of a grid.
#[derive(Clone, Debug, PartialEq)]
enum Spacing {
    /// Karras's power law in σ/α.
    Karras {
        /// The exponent, ρ = 7 by default.
        rho: f64,
    },
    /// Even in λ.
    UniformLambda,
    /// Even in the process's own time.
    UniformTime,
    /// These noise levels, in σ/α, falling.
    List(Vec<f64>),
}

/// Where the steps go. See the [module](self).
///
/// ```
/// use langevin::{Grid, Process};
/// let levels = Grid::parse("karras", Some(3))?.levels(&Process::ve(), 0.002, 80.0)?;
/// let sigmas: Vec<f64> = levels.iter().map(|level| level.sigma).collect();
/// assert_eq!(sigmas.len(), 4);
/// assert!((sigmas[0] - 80.0).abs() < 1e-12 && sigmas[3] == 0.0);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    spacing: Spacing,
    steps: usize,
    clean_end: bool,
}

impl Grid {
    fn new(spacing: Spacing, steps: usize) -> Self {
        Self { spacing, steps, clean_end: true }
    }

    /// Karras's grid with ρ = 7.
    #[must_use]
    pub fn karras(steps: usize) -> Self {
        Self::new(Spacing::Karras { rho: 7.0 }, steps)
    }

    /// Even in λ.
    #[must_use]
    pub fn uniform_lambda(steps: usize) -> Self {
        Self::new(Spacing::UniformLambda, steps)
    }

    /// Even in the process's own time.
    #[must_use]
    pub fn uniform_time(steps: usize) -> Self {
        Self::new(Spacing::UniformTime, steps)
    }

    /// These noise levels (σ/α, falling); a last 0 is the clean end.
    #[must_use]
    pub fn list(sigmas: Vec<f64>) -> Self {
        let clean = sigmas.last() == Some(&0.0);
        let noisy = sigmas.len() - usize::from(clean);
        Self {
            steps: sigmas.len().saturating_sub(1),
            spacing: Spacing::List(sigmas[..noisy].to_vec()),
            clean_end: clean,
        }
    }

    /// Ends at the cleanest noise level instead of at σ = 0. The N steps then go through N + 1 noise levels.
    #[must_use]
    pub fn without_clean_end(mut self) -> Self {
        // A list has its levels; without its clean end it has a step less.
        if self.clean_end && matches!(self.spacing, Spacing::List(_)) {
            self.steps = self.steps.saturating_sub(1);
        }
        self.clean_end = false;
        self
    }

    /// The grid of this name: `karras`, `karras:5`, `uniform-lambda`, `uniform-t`, or `list:80,10,1,0` (which brings its own number of steps).
    ///
    /// # Errors
    /// An unknown name with the nearest known one, a bad number, or steps that contradict a list.
    pub fn parse(text: &str, steps: Option<usize>) -> Result<Self> {
        let (name, argument) = text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let count = steps.unwrap_or(20);
        let number = |text: &str| {
            text.trim().parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(|| {
                Error::argument("not a number")
                    .at(format!("grid '{name}'"))
                    .expected("a finite number")
                    .got(format!("'{text}'"))
            })
        };
        let grid = match (name, argument) {
            ("karras", argument) => {
                let rho = argument.map_or(Ok(7.0), number)?;
                if rho <= 0.0 {
                    return Err(Error::argument("bad grid")
                        .at("karras")
                        .expected("an exponent > 0")
                        .got(rho.to_string()));
                }
                Self::new(Spacing::Karras { rho }, count)
            }
            ("uniform-lambda", None) => Self::uniform_lambda(count),
            ("uniform-t", None) => Self::uniform_time(count),
            ("list", Some(list)) => {
                let grid = Self::list(list.split(',').map(number).collect::<Result<_>>()?);
                if steps.is_some_and(|steps| steps != grid.steps) {
                    return Err(Error::argument("the list has another number of steps")
                        .at("grid 'list'")
                        .expected(count.to_string())
                        .got(grid.steps.to_string())
                        .hinting("a list brings its own number of steps"));
                }
                grid
            }
            ("list", None) => {
                return Err(Error::argument("bad grid")
                    .at("list")
                    .expected("noise levels, as in list:80,10,1,0")
                    .got("none"));
            }
            ("uniform-lambda" | "uniform-t", Some(argument)) => {
                return Err(Error::argument("this grid takes no number")
                    .at(name.to_owned())
                    .got(format!("'{argument}'")));
            }
            _ => return Err(Error::unknown("grid", name, &["karras", "uniform-lambda", "uniform-t", "list"])),
        };
        Ok(grid)
    }

    /// The number of steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The levels on `process`, from the noisiest to the cleanest: one more than there are steps.
    ///
    /// # Errors
    /// No step, more than 100,000, a range that is empty or that the process does not reach, or a list that does not fall.
    pub fn levels(&self, process: &Process, sigma_min: f64, sigma_max: f64) -> Result<Vec<Level>> {
        if self.steps == 0 || self.steps > MAX_STEPS {
            return Err(Error::argument("bad number of steps")
                .expected(format!("1 to {MAX_STEPS}"))
                .got(self.steps.to_string()));
        }
        let range = 0.0 < sigma_min && sigma_min <= sigma_max && sigma_max.is_finite();
        if !range && !matches!(self.spacing, Spacing::List(_)) {
            return Err(Error::argument("bad range of noise levels")
                .expected("0 < sigma_min ≤ sigma_max < ∞")
                .got(format!("{sigma_min} and {sigma_max}")));
        }
        let nodes = self.steps + usize::from(!self.clean_end);
        let share = |i: usize| if nodes == 1 { 0.0 } else { i as f64 / (nodes - 1) as f64 };
        // The ends are exact; only what lies between is interpolated.
        let between = |i: usize, from: f64, to: f64| match i {
            0 => from,
            i if i + 1 == nodes => to,
            i => from + share(i) * (to - from),
        };
        let mut levels = match &self.spacing {
            Spacing::Karras { rho } => {
                let (from, to) = (pow(sigma_max, 1.0 / rho), pow(sigma_min, 1.0 / rho));
                let node = |i| match i {
                    0 => sigma_max,
                    i if i + 1 == nodes => sigma_min,
                    i => pow(between(i, from, to), *rho),
                };
                (0..nodes).map(|i| process.level_at_sigma_ve(node(i))).collect::<Result<Vec<_>>>()?
            }
            Spacing::UniformLambda => {
                let (from, to) = (ln(sigma_max), ln(sigma_min));
                let node = |i| match i {
                    0 => sigma_max,
                    i if i + 1 == nodes => sigma_min,
                    i => exp(between(i, from, to)),
                };
                (0..nodes).map(|i| process.level_at_sigma_ve(node(i))).collect::<Result<Vec<_>>>()?
            }
            Spacing::UniformTime => {
                let from = process.level_at_sigma_ve(sigma_max)?.time;
                let to = process.level_at_sigma_ve(sigma_min)?.time;
                (0..nodes).map(|i| process.level(between(i, from, to))).collect::<Result<Vec<_>>>()?
            }
            Spacing::List(sigmas) => {
                sigmas.iter().map(|sigma| process.level_at_sigma_ve(*sigma)).collect::<Result<Vec<_>>>()?
            }
        };
        if self.clean_end {
            levels.push(process.level_at_sigma_ve(0.0)?);
        }
        check_falling(&levels)?;
        Ok(levels)
    }
}

/// Every level cleaner than the one before it.
pub(crate) fn check_falling(levels: &[Level]) -> Result<()> {
    for (i, pair) in levels.windows(2).enumerate() {
        let (before, after) = (pair[0].sigma_ve(), pair[1].sigma_ve());
        if after.partial_cmp(&before).is_none_or(std::cmp::Ordering::is_ge) {
            return Err(Error::argument("the noise levels of a grid must fall")
                .at(format!("step {i}"))
                .expected(format!("σ/α below {before}"))
                .got(after.to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
