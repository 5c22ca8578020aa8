//! Grids: the noise levels of a sampler's steps, from the noisiest to the cleanest.
//!
//! A grid of N steps has N noise levels, i = 0 … N−1, between σ_max and σ_min, and a last clean
//! level. σ_max and σ_min are values of σ/α, which mean the same on every process. A grid without
//! its clean end has one noise level more, and the formulas hold with N + 1 in place of N. A grid
//! always has the requested number of steps, or there is an error.
//!
//! | name | noise levels i = 0 … N−1 |
//! |---|---|
//! | `karras:ρ` | $\sigma_i = (\sigma_{max}^{1/\rho} + \tfrac{i}{N-1}(\sigma_{min}^{1/\rho} - \sigma_{max}^{1/\rho}))^\rho$, ρ = 7 |
//! | `uniform-lambda`, `exponential`, `lu` | λ evenly spaced, that is ln(σ/α): one grid by three names |
//! | `poly-exponential:ρ` | $\ln\sigma_i = \ln\sigma_{min} + (1-\tfrac{i}{N-1})^\rho (\ln\sigma_{max} - \ln\sigma_{min})$, ρ = 1 |
//! | `beta:a,b` | $\sigma_i = \sigma_{min} + x_i (\sigma_{max} - \sigma_{min})$, $I_{x_i}(a, b) = 1 - \tfrac{i}{N-1}$, a = b = 0.6 |
//! | `uniform-t` | the process's own time evenly spaced |
//! | `linspace` | on a table of T entries the indices round((T−1)(N−1−i)/(N−1)); elsewhere `uniform-t` |
//! | `leading:o` | on a table the indices (N−1−i)⌊T/N⌋ + o, o = 0; elsewhere $t_i = t_{min} + \tfrac{N-1-i}{N} (t_{max} - t_{min})$ |
//! | `trailing` | on a table the indices round(T − iT/N) − 1; elsewhere $t_i = t_{max} - \tfrac{i}{N} (t_{max} - t_{min})$ |
//! | `flow-shift:k` | flow time $s_i = s_0 (1 - \tfrac{i}{N})$, then $s' = ks/(1+(k-1)s)$; $s'\_0$ is that of σ_max |
//! | `flow-shift-mu:μ` | `flow-shift` with k = e^μ |
//! | `…,terminal=τ` | after either: s' stretched about $s'\_0$ so that $s'\_{N-1} = \tau$ |
//! | `vp` | $\sigma_i = \sqrt{\exp(9.95 t^2 + 0.1 t) - 1}$, t from 1 to 10⁻³, evenly |
//! | `ays:sd`, `ays:sdxl`, `ays:svd` | published levels for ten steps, ln σ linear between them for other N |
//! | `list:…` | the noise levels given, in σ/α |
//! | `times:…` | the process's times given |
//!
//! # The range σ_min to σ_max
//!
//! Some grids do not use the range ([`Grid::brings_levels`]):
//!
//! - `vp`, `ays`, `list` and `times` bring their own noise levels;
//! - `linspace`, `leading` and `trailing` run through the whole table, if the process is one.
//!
//! `flow-shift` uses only σ_max. There σ_max = ∞ is s = 1, pure noise, on processes that reach it.
//!
//! # Compatibility with diffusers
//!
//! Rounding is to the nearest index, halves to even, and sums are computed as numpy does. The
//! indices are therefore those of diffusers, with three exceptions:
//!
//! - One `linspace` step starts at the last index, not at the first.
//! - One `leading` step, which would start at the first index, is an error.
//! - If the steps do not divide T, diffusers' `trailing` may add an index −1. This crate never
//!   does.
//!
//! Noise levels are σ/α on every process. diffusers' FlowMatchEuler applies its Karras, exponential
//! and beta options to s = σ/(α+σ) instead. Both kinds of time shift of diffusers exist here:
//! exponential is `flow-shift-mu:μ`, linear is `flow-shift:μ`. A terminal time has no effect on a
//! grid of one step, which has nothing to stretch.
//!
//! # Sources
//!
//! Karras et al., arXiv 2206.00364, equation 5; Lu et al., arXiv 2206.00927 (`lu`); k-diffusion
//! (`exponential`, `poly-exponential`, `vp`); Lee et al., arXiv 2407.12173 (`beta`); Lin et al.,
//! arXiv 2305.08891, table 2 (`linspace`, `leading`, `trailing`); Esser et al., arXiv 2403.03206
//! (`flow-shift`); Sabour et al., arXiv 2404.14507 (`ays`).

mod ays;
mod beta;
mod levels;
mod parse;
mod timesteps;

pub use ays::Ays;
pub use beta::quantile as beta_quantile;
pub(crate) use levels::check_falling;
pub use levels::{SIGMAS, usual_range};

use crate::error::{Error, Result};
use crate::math::exp;

/// The largest number of steps. A larger number is treated as a mistake.
pub(crate) const MAX_STEPS: usize = 100_000;

/// The spacing of a grid.
#[derive(Clone, Debug, PartialEq)]
enum Spacing {
    /// Karras's power law in σ/α.
    Karras {
        /// The exponent, ρ = 7 by default.
        rho: f64,
    },
    /// A power law in λ; ρ = 1 is even.
    PolyExponential {
        /// The exponent.
        rho: f64,
    },
    /// Quantiles of a beta distribution in σ/α.
    Beta {
        /// The exponent at σ_min.
        a: f64,
        /// The exponent at σ_max.
        b: f64,
    },
    /// Even in the process's own time.
    UniformTime,
    /// DDIM's timestep spacings.
    Timesteps(Timesteps),
    /// Even in flow time, then shifted.
    FlowShift {
        /// k.
        shift: f64,
        /// The flow time of the last noise level.
        terminal: Option<f64>,
    },
    /// Even in the time of the linear VP process.
    Vp,
    /// Published levels.
    Ays(Ays),
    /// Given noise levels, in σ/α, falling.
    List(Vec<f64>),
    /// Given times of the process, falling.
    Times(Vec<f64>),
}

/// The three timestep spacings of DDIM.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Timesteps {
    /// From the first entry to the last.
    Linspace,
    /// From the clean end up.
    Leading {
        /// The number added to every index.
        offset: usize,
    },
    /// From the noisy end down.
    Trailing,
}

/// The noise levels of a sampler's steps. See the [module](self).
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

    /// Returns Karras's grid with ρ = 7.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let levels = Grid::karras(3).levels(&Process::ve(), 0.01, 100.0)?;
    /// let sigmas: Vec<f64> = levels.iter().map(|level| level.sigma).collect();
    /// let middle = ((100_f64.powf(1.0 / 7.0) + 0.01_f64.powf(1.0 / 7.0)) / 2.0).powi(7);
    /// assert!((sigmas[1] - middle).abs() < 1e-9);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn karras(steps: usize) -> Self {
        Self::new(Spacing::Karras { rho: 7.0 }, steps)
    }

    /// Returns the grid that is even in λ.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let levels = Grid::uniform_lambda(3).levels(&Process::ve(), 0.01, 100.0)?;
    /// // Halfway in λ is the geometric mean in σ/α.
    /// assert!((levels[1].sigma - 1.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn uniform_lambda(steps: usize) -> Self {
        Self::new(Spacing::PolyExponential { rho: 1.0 }, steps)
    }

    /// Returns a grid with a power law in λ, dense at the clean end if ρ > 1. ρ = 1 is
    /// [`uniform_lambda`](Self::uniform_lambda).
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let levels = Grid::poly_exponential(3, 2.0)?.levels(&Process::ve(), 0.01, 100.0)?;
    /// // A quarter of the range in λ remains after half of the noise levels.
    /// assert!((levels[1].sigma - 0.1).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error unless 0 < ρ < ∞.
    pub fn poly_exponential(steps: usize, rho: f64) -> Result<Self> {
        Ok(Self::new(Spacing::PolyExponential { rho: check_exponent("poly-exponential", rho)? }, steps))
    }

    /// Returns the quantiles of Beta(a, b) between σ_min and σ_max, dense at both ends if a and b
    /// are below 1.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// // Beta(1, 1) is uniform.
    /// let levels = Grid::beta(3, 1.0, 1.0)?.levels(&Process::ve(), 1.0, 3.0)?;
    /// assert!((levels[1].sigma - 2.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error unless a and b are in \[0.05, 100\].
    pub fn beta(steps: usize, a: f64, b: f64) -> Result<Self> {
        if beta::EXPONENTS.contains(&a) && beta::EXPONENTS.contains(&b) {
            return Ok(Self::new(Spacing::Beta { a, b }, steps));
        }
        Err(bad("beta", "two exponents in [0.05, 100]", format!("{a} and {b}")))
    }

    /// Returns the grid that is even in the process's own time.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let flow = Process::rectified_flow();
    /// let levels = Grid::uniform_time(3).levels(&flow, 0.25, 1.0)?;
    /// let times: Vec<f64> = levels.iter().map(|level| level.time).collect();
    /// // σ/α = 1 and ¼ are s = ½ and ⅕.
    /// assert!((times[0] - 0.5).abs() < 1e-12 && (times[1] - 0.35).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn uniform_time(steps: usize) -> Self {
        Self::new(Spacing::UniformTime, steps)
    }

    /// Returns DDIM's `linspace`: from the last entry of a table to its first, rounded.
    ///
    /// On processes without a table it is [`uniform_time`](Self::uniform_time).
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let table = Process::parse("table:linear")?;
    /// let levels = Grid::linspace(3).levels(&table, 0.002, 80.0)?;
    /// let times: Vec<f64> = levels.iter().map(|level| level.time).collect();
    /// assert_eq!(times, [999.0, 500.0, 0.0, -1.0]); // −1 is clean data
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn linspace(steps: usize) -> Self {
        Self::new(Spacing::Timesteps(Timesteps::Linspace), steps)
    }

    /// Returns DDIM's `leading`: equal strides from the clean end, raised by `offset` entries.
    ///
    /// The grid does not start at the noisiest level.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let table = Process::parse("table:scaled-linear")?;
    /// let levels = Grid::leading(4, 1).levels(&table, 0.002, 80.0)?;
    /// let times: Vec<f64> = levels.iter().map(|level| level.time).collect();
    /// assert_eq!(times, [751.0, 501.0, 251.0, 1.0, -1.0]); // −1 is clean data
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn leading(steps: usize, offset: usize) -> Self {
        Self::new(Spacing::Timesteps(Timesteps::Leading { offset }), steps)
    }

    /// Returns DDIM's `trailing`: equal strides from the noisy end.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let table = Process::parse("table:linear")?;
    /// let levels = Grid::trailing(4).levels(&table, 0.002, 80.0)?;
    /// let times: Vec<f64> = levels.iter().map(|level| level.time).collect();
    /// assert_eq!(times, [999.0, 749.0, 499.0, 249.0, -1.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn trailing(steps: usize) -> Self {
        Self::new(Spacing::Timesteps(Timesteps::Trailing), steps)
    }

    /// Returns N equal steps of flow time from σ_max to clean data, shifted by k: s' =
    /// ks/(1+(k−1)s), which is λ' = λ − ln k.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let flow = Process::rectified_flow();
    /// let levels = Grid::flow_shift(4, 3.0)?.levels(&flow, 0.002, f64::INFINITY)?;
    /// let s: Vec<f64> = levels.iter().map(|level| level.time).collect();
    /// assert_eq!(s, [1.0, 0.9, 0.75, 0.5, 0.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error unless 10⁻⁹ ≤ k ≤ 10⁹.
    pub fn flow_shift(steps: usize, shift: f64) -> Result<Self> {
        if (1e-9..=1e9).contains(&shift) {
            return Ok(Self::new(Spacing::FlowShift { shift, terminal: None }, steps));
        }
        Err(bad("flow-shift", "a shift in [1e-9, 1e9]", shift.to_string()))
    }

    /// Returns [`flow_shift`](Self::flow_shift) with k = e^μ.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let (flow, pure) = (Process::rectified_flow(), f64::INFINITY);
    /// let shifted = Grid::flow_shift_mu(4, 0.0)?.levels(&flow, 0.002, pure)?;
    /// assert_eq!(shifted, Grid::flow_shift(4, 1.0)?.levels(&flow, 0.002, pure)?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error unless 10⁻⁹ ≤ e^μ ≤ 10⁹.
    pub fn flow_shift_mu(steps: usize, mu: f64) -> Result<Self> {
        Self::flow_shift(steps, exp(mu)).map_err(|_| bad("flow-shift-mu", "μ with e^μ in [1e-9, 1e9]", mu.to_string()))
    }

    /// Stretches a flow grid about its start so that its last noise level is at flow time `time`.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let grid = Grid::flow_shift(4, 3.0)?.with_terminal(0.2)?;
    /// let levels = grid.levels(&Process::rectified_flow(), 0.002, f64::INFINITY)?;
    /// assert!((levels[3].time - 0.2).abs() < 1e-15);
    /// assert!(Grid::karras(4).with_terminal(0.2).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the grid is of another kind, or if the time is not in (0, 1).
    pub fn with_terminal(mut self, time: f64) -> Result<Self> {
        match &mut self.spacing {
            Spacing::FlowShift { terminal, .. } if time > 0.0 && time < 1.0 => *terminal = Some(time),
            Spacing::FlowShift { .. } => return Err(bad("terminal", "a flow time in (0, 1)", time.to_string())),
            _ => return Err(bad("terminal", "a flow-shift grid", "another".into())),
        }
        Ok(self)
    }

    /// Returns k-diffusion's grid for VP networks, from σ/α = 152.17 to 0.0105.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let levels = Grid::vp(10).levels(&Process::ve(), 0.002, 80.0)?;
    /// assert!((levels[0].sigma - 152.17).abs() < 0.01 && (levels[9].sigma - 0.0105).abs() < 1e-4);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn vp(steps: usize) -> Self {
        Self::new(Spacing::Vp, steps)
    }

    /// Returns the grid of Align Your Steps for a model family.
    ///
    /// If the first level is beyond the end of the process by no more than its published rounding,
    /// the grid starts at that end.
    ///
    /// ```
    /// use langevin::{Grid, Process, grid::Ays};
    /// let levels = Grid::ays(10, Ays::StableDiffusion).levels(&Process::ve(), 0.002, 80.0)?;
    /// assert_eq!((levels[0].sigma, levels[9].sigma, levels[10].sigma), (14.615, 0.152, 0.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn ays(steps: usize, family: Ays) -> Self {
        Self::new(Spacing::Ays(family), steps)
    }

    /// Returns the grid of these noise levels (σ/α, falling). A last 0 is the clean end.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let grid = Grid::list(vec![80.0, 5.0, 0.5, 0.0]);
    /// assert_eq!(grid.steps(), 3);
    /// let levels = grid.levels(&Process::ve(), 0.002, 80.0)?;
    /// assert_eq!(levels[1].sigma, 5.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Returns the grid of these times of the process, falling. The plan ends at the last time.
    ///
    /// The first time of a process is its clean end: 0 on most processes, −1 on a table.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let flow = Process::rectified_flow();
    /// let grid = Grid::times(vec![1.0, 0.6, 0.25, 0.0]);
    /// let levels = grid.levels(&flow, 0.002, 80.0)?;
    /// let sigmas: Vec<f64> = levels.iter().map(|level| level.sigma).collect();
    /// assert_eq!(sigmas, [1.0, 0.6, 0.25, 0.0]);
    /// assert_eq!(Grid::parse("times:1,0.6,0.25,0", None)?, grid);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn times(times: Vec<f64>) -> Self {
        Self { steps: times.len().saturating_sub(1), spacing: Spacing::Times(times), clean_end: false }
    }

    /// Ends the grid at the cleanest noise level instead of at σ = 0. The N steps then go through
    /// N + 1 noise levels.
    ///
    /// A grid of [`times`](Self::times) does not change: its last time states where it ends.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let levels = Grid::karras(4).without_clean_end().levels(&Process::ve(), 0.01, 10.0)?;
    /// assert_eq!(levels.len(), 5);
    /// assert!((levels[4].sigma - 0.01).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn without_clean_end(mut self) -> Self {
        // A list has fixed levels, so without its clean end it has one step less.
        if self.clean_end && matches!(self.spacing, Spacing::List(_)) {
            self.steps = self.steps.saturating_sub(1);
        }
        self.clean_end = false;
        self
    }

    /// Returns the number of steps.
    ///
    /// ```
    /// use langevin::Grid;
    /// assert_eq!(Grid::karras(4).steps(), 4);
    /// assert_eq!(Grid::list(vec![10.0, 1.0]).steps(), 1);
    /// ```
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }
}

fn bad(place: &str, expected: &str, got: String) -> Error {
    Error::argument("bad grid").at(place).expected(expected).got(got)
}

fn check_exponent(place: &str, rho: f64) -> Result<f64> {
    if rho > 0.0 && rho.is_finite() { Ok(rho) } else { Err(bad(place, "an exponent > 0", rho.to_string())) }
}

#[cfg(test)]
mod tests;
