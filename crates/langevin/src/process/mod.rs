//! Diffusion processes: $x_t = \alpha(t) x_0 + \sigma(t) \varepsilon$.
//!
//! Every process here is the same one read in a different clock. What a clock does not change is the half log-SNR
//! $\lambda = \ln(\alpha/\sigma)$, or, the same number in other clothes, $\sigma_{VE} = \sigma/\alpha = e^{-\lambda}$. Two processes are at the same
//! place when these agree; the states then differ by a factor, $x_B = (\alpha_B/\alpha_A) x_A = (\sigma_B/\sigma_A) x_A$.
//!
//! | process | α | σ | clock |
//! |---|---|---|---|
//! | [`Vp`] | $e^{-t/2}$ | $\sqrt{1-e^{-t}}$ | Ornstein–Uhlenbeck time, t ≥ 0 |
//! | [`VpLinear`] | $\exp(-\tfrac12\int\beta)$ | $\sqrt{1-\alpha^2}$ | t ∈ \[0, 1\], β linear |
//! | [`VpCosine`] | $\cos(\pi t/2)$ | $\sin(\pi t/2)$ | t ∈ \[0, 1\] |
//! | [`Ve`] | 1 | σ | σ ≥ 0 |
//! | [`RectifiedFlow`] | 1 − s | s | s ∈ \[0, 1\] |
//! | [`SubVp`] | $\exp(-\tfrac12\int\beta)$ | $1-\alpha^2$ | t ∈ \[0, 1\], β linear |
//! | [`Tabulated`] | $\sqrt{\bar\alpha_u}$ | $\sqrt{1-\bar\alpha_u}$ | the index u ∈ \[−1, N−1\] of a table; −1 is clean data |
//!
//! Source: Zheng & Lan, arXiv 2604.10465, §2; Song et al., arXiv 2011.13456; Karras et al., arXiv 2206.00364; Liu et al., arXiv 2209.03003; Ho et al.,
//! arXiv 2006.11239 (tables).

mod check;
mod schedules;

pub use schedules::{Betas, Between, ProcessSpec, RectifiedFlow, SubVp, Tabulated, Ve, Vp, VpCosine, VpLinear};

#[cfg(test)]
pub(crate) use tests::WIDE as NAMES;

use crate::error::{Error, Result};
use crate::math::{exp, ln};
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::sync::Arc;

/// Two noise levels that differ by this share are the same to a program that computes in float32.
pub(crate) const SINGLE: f64 = 2e-6;

/// A place on a process: its time and the two coefficients there, $x = \alpha x_0 + \sigma\varepsilon$.
///
/// What a network is told of a place is an [`InputLevel`](crate::model::InputLevel).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The time, in the clock of the process.
    pub time: f64,
    /// How much of the datum is in the state.
    pub alpha: f64,
    /// The standard deviation of the noise in the state.
    pub sigma: f64,
}

impl Level {
    /// λ = ln(α/σ), the half log-SNR: −∞ where α = 0, +∞ where σ = 0.
    #[must_use]
    pub fn lambda(&self) -> f64 {
        ln(self.alpha / self.sigma)
    }

    /// $\sigma_{VE} = \sigma/\alpha = e^{-\lambda}$: ∞ where α = 0, 0 where σ = 0.
    #[must_use]
    pub fn sigma_ve(&self) -> f64 {
        self.sigma / self.alpha
    }

    /// The factor k with which a state at `self` becomes the same state at `other`, $x_B = k x_A$.
    ///
    /// It is α_B/α_A and also σ_B/σ_A; the larger of the two coefficients is divided, so neither end is singular.
    #[must_use]
    pub fn scale_to(&self, other: &Level) -> f64 {
        if self.alpha >= self.sigma { other.alpha / self.alpha } else { other.sigma / self.sigma }
    }
}

/// A level in the coordinates z = x/α, y = σ/α, in which every process is the same one.
pub fn ve(y: f64) -> Level {
    Level { time: y, alpha: 1.0, sigma: y }
}

/// The map $(x, y) \mapsto a x + b y$.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The factor of the state.
    pub a: f64,
    /// The factor of the other argument.
    pub b: f64,
}

/// The functions that define a process. Implement it to add your own; see [`Process::new`], which
/// checks them.
///
/// `alpha` must not be negative and not rise with time, and `sigma` / `alpha` must rise.
pub trait Schedule: Debug + Send + Sync {
    /// How the process is written in documents: [`ProcessSpec::Custom`] with a name of your own. A
    /// schedule that returns the spec of a built-in process must have that process's numbers.
    fn spec(&self) -> ProcessSpec;
    /// The first and last time; the last may be infinite.
    fn domain(&self) -> (f64, f64);
    /// α(t).
    fn alpha(&self, time: f64) -> f64;
    /// σ(t).
    fn sigma(&self, time: f64) -> f64;
    /// α'(t).
    fn alpha_rate(&self, time: f64) -> f64;
    /// σ'(t).
    fn sigma_rate(&self, time: f64) -> f64;
    /// (σ²)'(t) = 2σσ'. Override it where σ' is infinite and this is not.
    fn variance_rate(&self, time: f64) -> f64 {
        2.0 * self.sigma(time) * self.sigma_rate(time)
    }
    /// The time at which σ/α has this value (the inverse of λ): 0 ≤ `ratio` ≤ ∞.
    fn time_of_sigma_ve(&self, ratio: f64) -> f64;

    /// D = a x + b u for the velocity u = dx/dt of the ODE: $a = -\sigma'/W$, $b = \sigma/W$, $W = \alpha'\sigma - \alpha\sigma'$.
    ///
    /// Override it where a closed form is finite at a corner where this one is 0/0.
    fn velocity(&self, time: f64) -> Affine {
        check::general_velocity(self, time)
    }

    /// ᾱ_i = α² at the times 0 … N−1, for a process that is a table.
    fn alpha_bars(&self) -> Option<&[f64]> {
        None
    }
}

/// A diffusion process: a cheap handle to a [`Schedule`].
///
/// ```
/// use langevin::Process;
/// let flow = Process::rectified_flow();
/// let level = flow.level(0.25)?;
/// assert_eq!((level.alpha, level.sigma), (0.75, 0.25));
/// // The same place on the VP process, by matching λ.
/// let vp = Process::vp().match_level(&level)?;
/// assert!((vp.lambda() - level.lambda()).abs() < 1e-14);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Process(Arc<dyn Schedule>);

impl PartialEq for Process {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.spec() == other.spec() && !matches!(self.spec(), ProcessSpec::Custom { .. }))
    }
}

impl Process {
    /// Builds a process from a schedule of your own, and checks the schedule at sampled times.
    ///
    /// - α and σ are finite and not negative, α does not rise with time, and σ/α does not fall.
    /// - σ/α at the time that the inverse returns is the ratio passed in, to 2·10⁻⁶ of it, the
    ///   resolution of float32.
    /// - α', σ' and (σ²)' lie between the slopes to the left and to the right, to 10⁻⁴ of the slope;
    ///   at the ends of the domain they may be infinite. The velocity fits them.
    /// - A schedule whose `spec` is that of a built-in process has its numbers, to 10⁻⁹.
    ///
    /// ```
    /// use langevin::process::ProcessSpec;
    /// use langevin::{Process, Schedule};
    /// /// x_t = x0 + t² ε.
    /// #[derive(Debug)]
    /// struct Quadratic;
    /// impl Schedule for Quadratic {
    ///     fn spec(&self) -> ProcessSpec { ProcessSpec::Custom { name: "quadratic".into() } }
    ///     fn domain(&self) -> (f64, f64) { (0.0, f64::INFINITY) }
    ///     fn alpha(&self, _: f64) -> f64 { 1.0 }
    ///     fn sigma(&self, t: f64) -> f64 { t * t }
    ///     fn alpha_rate(&self, _: f64) -> f64 { 0.0 }
    ///     fn sigma_rate(&self, t: f64) -> f64 { 2.0 * t }
    ///     fn time_of_sigma_ve(&self, ratio: f64) -> f64 { ratio.sqrt() }
    /// }
    /// assert_eq!(Process::new(Quadratic)?.level(3.0)?.sigma, 9.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error that names the function, the time, the expected value and the value found if
    /// a check fails, or if [`spec`](Schedule::spec) claims a built-in process that has other numbers.
    pub fn new(schedule: impl Schedule + 'static) -> Result<Self> {
        check::check(&schedule)?;
        Ok(Self::of(schedule))
    }

    /// A process of this crate's own, which its tests check.
    pub(crate) fn of(schedule: impl Schedule + 'static) -> Self {
        Self(Arc::new(schedule))
    }

    /// Variance preserving, the paper's clock: α = e^{−t/2}.
    #[must_use]
    pub fn vp() -> Self {
        Self::of(Vp)
    }

    /// Variance preserving with β linear from 0.1 to 20 (ScoreSDE).
    #[must_use]
    pub fn vp_linear() -> Self {
        Self::of(VpLinear::default())
    }

    /// Variance preserving, α = cos(πt/2).
    #[must_use]
    pub fn vp_cosine() -> Self {
        Self::of(VpCosine)
    }

    /// Variance exploding, Karras's clock: α = 1, t = σ.
    #[must_use]
    pub fn ve() -> Self {
        Self::of(Ve)
    }

    /// Rectified flow: α = 1 − s, σ = s.
    #[must_use]
    pub fn rectified_flow() -> Self {
        Self::of(RectifiedFlow)
    }

    /// Sub-VP with β linear from 0.1 to 20 (ScoreSDE): σ = 1 − α².
    #[must_use]
    pub fn sub_vp() -> Self {
        Self::of(SubVp::default())
    }

    /// The process of a table.
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::process::{Between, Betas, Tabulated};
    /// let table = Tabulated::new(Betas::linear(), 1000)?.with_zero_terminal_snr()?.with_between(Between::LogAlpha)?;
    /// let process = Process::tabulated(table);
    /// assert_eq!(process.name(), "table:linear:zero-snr:log-alpha");
    /// assert_eq!(process.alpha_bars().map(<[f64]>::len), Some(1000));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn tabulated(table: Tabulated) -> Self {
        Self::of(table)
    }

    /// How this process is written in documents.
    #[must_use]
    pub fn spec(&self) -> ProcessSpec {
        self.0.spec()
    }

    /// The functions behind the handle.
    #[must_use]
    pub fn schedule(&self) -> &dyn Schedule {
        &*self.0
    }

    /// ᾱ_0 … ᾱ_{N−1} where the process is a table's; its clock is then the index.
    #[must_use]
    pub fn alpha_bars(&self) -> Option<&[f64]> {
        self.0.alpha_bars()
    }

    /// The level at `time`.
    ///
    /// # Errors
    /// A time outside the process's domain.
    pub fn level(&self, time: f64) -> Result<Level> {
        let (first, last) = self.0.domain();
        if !(time.is_finite() && first <= time && time <= last) {
            return Err(Error::argument("time outside the process")
                .at(format!("process {}", self.name()))
                .expected(format!("a finite time in [{first}, {last}]"))
                .got(time.to_string()));
        }
        Ok(Level { time, alpha: self.0.alpha(time), sigma: self.0.sigma(time) })
    }

    /// The level at which σ/α = `ratio`; 0 is clean data, ∞ is pure noise where the process reaches it.
    ///
    /// # Errors
    /// A ratio that is negative, not a number, or beyond the process's last time.
    pub fn level_at_sigma_ve(&self, ratio: f64) -> Result<Level> {
        if ratio.is_nan() || ratio < 0.0 {
            return Err(Error::argument("σ/α must not be negative").expected("0 ≤ σ/α").got(ratio.to_string()));
        }
        let time = self.0.time_of_sigma_ve(ratio);
        if time.is_nan() {
            return Err(check::no_time(&self.name(), ratio));
        }
        let (first, last) = self.0.domain();
        // A ratio read off an end of the domain may invert to a hair beyond it.
        let near = |end: f64| (time - end).abs() <= 1e-12 * (1.0 + end.abs());
        let time = match time {
            time if time > last && near(last) => last,
            time if time < first && near(first) => first,
            time => time,
        };
        self.level(time).or_else(|_| {
            let limit = if last.is_finite() { self.0.sigma(last) / self.0.alpha(last) } else { f64::INFINITY };
            // The last level of a table that another program computed in float32.
            if limit.is_finite() && (ratio - limit).abs() <= SINGLE * limit {
                return self.level(last);
            }
            let start = if limit < 80.0 { limit } else { 80.0 };
            Err(Error::singular("the process does not reach this noise level")
                .at(format!("process {}", self.name()))
                .expected(format!("σ/α {} {limit}", if last.is_finite() { "≤" } else { "<" }))
                .got(ratio.to_string())
                .hinting(format!("start from a finite noise level, for instance σ/α = {start}")))
        })
    }

    /// The level at the half log-SNR `lambda`.
    ///
    /// # Errors
    /// As [`level_at_sigma_ve`](Self::level_at_sigma_ve).
    pub fn level_at_lambda(&self, lambda: f64) -> Result<Level> {
        self.level_at_sigma_ve(exp(-lambda))
    }

    /// The level of this process where λ is that of `other`, a level of any process.
    ///
    /// # Errors
    /// As [`level_at_sigma_ve`](Self::level_at_sigma_ve).
    pub fn match_level(&self, other: &Level) -> Result<Level> {
        self.level_at_sigma_ve(other.sigma_ve())
    }
}

#[cfg(test)]
pub(crate) mod tests;
