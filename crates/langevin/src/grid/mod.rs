//! Grids: where the steps of a sampler go, from the noisiest level to the cleanest.
//!
//! A grid of N steps has N noise levels, i = 0 … N−1, between σ_max and σ_min (in σ/α, the same for every process) and a last, clean one. Without its clean end it has one
//! noise level more, and the formulas hold with N + 1 for N. The number of steps asked for is the number of steps run, or there is an error.
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
//! | `flow-shift:k` | flow time $s_i = s_0 (1 - \tfrac{i}{N})$, then $s' = ks/(1+(k-1)s)$; $s'_0$ is that of σ_max |
//! | `flow-shift-mu:μ` | `flow-shift` with k = e^μ |
//! | `…,terminal=τ` | behind either: s' stretched about $s'_0$ so that $s'_{N-1} = \tau$ |
//! | `vp` | $\sigma_i = \sqrt{\exp(9.95 t^2 + 0.1 t) - 1}$, t from 1 to 10⁻³, evenly |
//! | `ays:sd`, `ays:sdxl`, `ays:svd` | published levels for ten steps, ln σ linear between them for other N |
//! | `list:…` | the noise levels given, in σ/α |
//! | `times:…` | the process's times given |
//!
//! Which need no range: `vp`, `ays`, `list` and `times` bring their noise levels, and `linspace`, `leading` and `trailing` run through the whole of a table; there σ_min and σ_max do
//! not enter ([`Grid::brings_levels`]). `flow-shift` needs only σ_max, and σ_max = ∞ is s = 1, pure noise, on the processes that reach it.
//!
//! Rounding is to the nearest index, halves to even; the sums are those of numpy, so that the indices are diffusers' own. Two cases are not: one `linspace` step starts at the
//! last index and not at the first, and one `leading` step, which would start at the first, is refused. Neither has a use. Where the steps do not divide T, diffusers'
//! `trailing` may add an index −1; here it never does.
//!
//! Noise levels are σ/α on every process. diffusers' FlowMatchEuler applies its Karras, exponential and beta options to s = σ/(α+σ) instead.
//!
//! A terminal with one step has nothing to stretch: the step starts where it starts. diffusers' two kinds of time shift are both here: exponential is `flow-shift-mu:μ`, linear
//! is `flow-shift:μ`.
//!
//! Source: Karras et al., arXiv 2206.00364, equation 5; Lu et al., arXiv 2206.00927 (`lu`); k-diffusion (`exponential`, `poly-exponential`, `vp`); Lee et al.,
//! arXiv 2407.12173 (`beta`); Lin et al., arXiv 2305.08891, table 2 (`linspace`, `leading`, `trailing`); Esser et al., arXiv 2403.03206 (`flow-shift`); Sabour et al.,
//! arXiv 2404.14507 (`ays`).

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
    /// As DDIM counts timesteps.
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
    /// These noise levels, in σ/α, falling.
    List(Vec<f64>),
    /// These times of the process, falling.
    Times(Vec<f64>),
}

/// The three ways of DDIM.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Timesteps {
    /// From the first entry to the last.
    Linspace,
    /// From the clean end up.
    Leading {
        /// Added to every index.
        offset: usize,
    },
    /// From the noisy end down.
    Trailing,
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
        Self::new(Spacing::PolyExponential { rho: 1.0 }, steps)
    }

    /// A power law in λ, dense at the clean end for ρ > 1; ρ = 1 is [`uniform_lambda`](Self::uniform_lambda).
    ///
    /// # Errors
    /// Unless 0 < ρ < ∞.
    pub fn poly_exponential(steps: usize, rho: f64) -> Result<Self> {
        Ok(Self::new(Spacing::PolyExponential { rho: check_exponent("poly-exponential", rho)? }, steps))
    }

    /// Quantiles of Beta(a, b) between σ_min and σ_max: dense at both ends where a and b are below 1.
    ///
    /// # Errors
    /// Unless a and b are in \[0.05, 100\].
    pub fn beta(steps: usize, a: f64, b: f64) -> Result<Self> {
        if beta::EXPONENTS.contains(&a) && beta::EXPONENTS.contains(&b) {
            return Ok(Self::new(Spacing::Beta { a, b }, steps));
        }
        Err(bad("beta", "two exponents in [0.05, 100]", format!("{a} and {b}")))
    }

    /// Even in the process's own time.
    #[must_use]
    pub fn uniform_time(steps: usize) -> Self {
        Self::new(Spacing::UniformTime, steps)
    }

    /// DDIM's `linspace`: on a table from its last entry to its first, rounded; elsewhere [`uniform_time`](Self::uniform_time).
    #[must_use]
    pub fn linspace(steps: usize) -> Self {
        Self::new(Spacing::Timesteps(Timesteps::Linspace), steps)
    }

    /// DDIM's `leading`: equal strides from the clean end, raised by `offset` entries. It does not start at the noisiest level.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let table = Process::parse("table:scaled-linear")?;
    /// let times: Vec<f64> = Grid::leading(4, 1).levels(&table, 0.002, 80.0)?.iter().map(|level| level.time).collect();
    /// assert_eq!(times, [751.0, 501.0, 251.0, 1.0, -1.0]); // −1 is clean data
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn leading(steps: usize, offset: usize) -> Self {
        Self::new(Spacing::Timesteps(Timesteps::Leading { offset }), steps)
    }

    /// DDIM's `trailing`: equal strides from the noisy end.
    #[must_use]
    pub fn trailing(steps: usize) -> Self {
        Self::new(Spacing::Timesteps(Timesteps::Trailing), steps)
    }

    /// N equal steps of flow time from σ_max to clean data, shifted by k: s' = ks/(1+(k−1)s), which is λ' = λ − ln k.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let levels = Grid::flow_shift(4, 3.0)?.levels(&Process::rectified_flow(), 0.002, f64::INFINITY)?;
    /// let s: Vec<f64> = levels.iter().map(|level| level.time).collect();
    /// assert_eq!(s, [1.0, 0.9, 0.75, 0.5, 0.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Unless 10⁻⁹ ≤ k ≤ 10⁹.
    pub fn flow_shift(steps: usize, shift: f64) -> Result<Self> {
        if (1e-9..=1e9).contains(&shift) {
            return Ok(Self::new(Spacing::FlowShift { shift, terminal: None }, steps));
        }
        Err(bad("flow-shift", "a shift in [1e-9, 1e9]", shift.to_string()))
    }

    /// [`flow_shift`](Self::flow_shift) with k = e^μ.
    ///
    /// # Errors
    /// As there.
    pub fn flow_shift_mu(steps: usize, mu: f64) -> Result<Self> {
        Self::flow_shift(steps, exp(mu)).map_err(|_| bad("flow-shift-mu", "μ with e^μ in [1e-9, 1e9]", mu.to_string()))
    }

    /// Stretches a flow grid about its start so that its last noise level is at flow time `terminal`.
    ///
    /// # Errors
    /// A grid of another kind, or a time outside (0, 1).
    pub fn with_terminal(mut self, time: f64) -> Result<Self> {
        match &mut self.spacing {
            Spacing::FlowShift { terminal, .. } if time > 0.0 && time < 1.0 => *terminal = Some(time),
            Spacing::FlowShift { .. } => return Err(bad("terminal", "a flow time in (0, 1)", time.to_string())),
            _ => return Err(bad("terminal", "a flow-shift grid", "another".into())),
        }
        Ok(self)
    }

    /// k-diffusion's grid for VP networks, from σ/α = 152.17 to 0.0105.
    #[must_use]
    pub fn vp(steps: usize) -> Self {
        Self::new(Spacing::Vp, steps)
    }

    /// Align Your Steps. A first level within its published rounding beyond the end of a process is that end.
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

    /// Goes through these times of the process, falling; the last one is where the plan ends.
    ///
    /// The first time of a process is its clean end: 0 on most, −1 on a table.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let flow = Process::rectified_flow();
    /// let levels = Grid::times(vec![1.0, 0.6, 0.25, 0.0]).levels(&flow, 0.002, 80.0)?;
    /// assert_eq!(levels.iter().map(|level| level.sigma).collect::<Vec<_>>(), [1.0, 0.6, 0.25, 0.0]);
    /// assert_eq!(Grid::parse("times:1,0.6,0.25,0", None)?, Grid::times(vec![1.0, 0.6, 0.25, 0.0]));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn times(times: Vec<f64>) -> Self {
        Self { steps: times.len().saturating_sub(1), spacing: Spacing::Times(times), clean_end: false }
    }

    /// Ends at the cleanest noise level instead of at σ = 0. The N steps then go through N + 1 noise levels.
    ///
    /// It does not change a grid of [`times`](Self::times), whose last time says where it ends.
    #[must_use]
    pub fn without_clean_end(mut self) -> Self {
        // A list has its levels; without its clean end it has a step less.
        if self.clean_end && matches!(self.spacing, Spacing::List(_)) {
            self.steps = self.steps.saturating_sub(1);
        }
        self.clean_end = false;
        self
    }

    /// The number of steps.
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
