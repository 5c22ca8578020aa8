//! Diffusion processes: $x_t = \alpha(t) x_0 + \sigma(t) \varepsilon$.
//!
//! All processes here are one process with different time parametrisations, called clocks. Changing
//! the clock leaves the half log-SNR $\lambda = \ln(\alpha/\sigma)$ unchanged, and with it
//! $\sigma_{VE} = \sigma/\alpha = e^{-\lambda}$. Two levels of two processes correspond to each
//! other if their λ agree. The states then differ by a factor,
//! $x_B = (\alpha_B/\alpha_A) x_A = (\sigma_B/\sigma_A) x_A$.
//!
//! | process | α | σ | clock |
//! |---|---|---|---|
//! | [`Vp`] | $e^{-t/2}$ | $\sqrt{1-e^{-t}}$ | Ornstein–Uhlenbeck time, t ≥ 0 |
//! | [`VpLinear`] | $\exp(-\tfrac12\int\beta)$ | $\sqrt{1-\alpha^2}$ | t ∈ \[0, 1\], β linear |
//! | [`VpCosine`] | $\cos(\pi t/2)$ | $\sin(\pi t/2)$ | t ∈ \[0, 1\] |
//! | [`Ve`] | 1 | σ | σ ≥ 0 |
//! | [`RectifiedFlow`] | 1 − s | s | s ∈ \[0, 1\] |
//! | [`SubVp`] | $\exp(-\tfrac12\int\beta)$ | $1-\alpha^2$ | t ∈ \[0, 1\], β linear |
//! | [`Tabulated`] | $\sqrt{\bar\alpha_u}$ | $\sqrt{1-\bar\alpha_u}$ | table index u ∈ \[−1, N−1\]; −1 is clean data |
//!
//! A noise schedule of your own is an implementation of [`Schedule`], passed to [`Process::new`].
//!
//! Sources: Zheng & Lan, arXiv 2604.10465, §2; Song et al., arXiv 2011.13456; Karras et al., arXiv
//! 2206.00364; Liu et al., arXiv 2209.03003; Ho et al., arXiv 2006.11239 (tables).

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

/// The relative difference below which a program that computes in float32 cannot distinguish two
/// noise levels.
pub(crate) const SINGLE: f64 = 2e-6;

/// A noise level of a process: the time, and the coefficients of
/// $x = \alpha x_0 + \sigma\varepsilon$ there.
///
/// A network may receive other numbers for the same level; see
/// [`InputLevel`](crate::model::InputLevel).
///
/// # Examples
///
/// ```
/// use langevin::Process;
/// let level = Process::rectified_flow().level(0.25)?;
/// assert_eq!((level.time, level.alpha, level.sigma), (0.25, 0.75, 0.25));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The time, in the clock of the process.
    pub time: f64,
    /// The factor of the clean datum in the state.
    pub alpha: f64,
    /// The standard deviation of the noise in the state.
    pub sigma: f64,
}

impl Level {
    /// Returns the half log-SNR λ = ln(α/σ): −∞ at α = 0 and +∞ at σ = 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let flow = Process::rectified_flow();
    /// assert_eq!(flow.level(0.5)?.lambda(), 0.0);
    /// assert_eq!(flow.level(1.0)?.lambda(), f64::NEG_INFINITY);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn lambda(&self) -> f64 {
        ln(self.alpha / self.sigma)
    }

    /// Returns $\sigma_{VE} = \sigma/\alpha = e^{-\lambda}$: ∞ at α = 0 and 0 at σ = 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// assert_eq!(Process::rectified_flow().level(0.75)?.sigma_ve(), 3.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn sigma_ve(&self) -> f64 {
        self.sigma / self.alpha
    }

    /// Returns the factor k that maps a state at `self` to the corresponding state at `other`,
    /// $x_B = k x_A$.
    ///
    /// The two levels belong to different processes and have the same λ, so k is both α_B/α_A and
    /// σ_B/σ_A. The larger coefficient of `self` is the divisor, so neither α = 0 nor σ = 0 is
    /// singular.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let flow = Process::rectified_flow().level(0.75)?; // α = 0.25, σ = 0.75
    /// let ve = Process::ve().match_level(&flow)?; // α = 1, σ = 3
    /// assert_eq!(flow.scale_to(&ve), 4.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn scale_to(&self, other: &Level) -> f64 {
        if self.alpha >= self.sigma { other.alpha / self.alpha } else { other.sigma / self.sigma }
    }
}

/// Returns a level in the coordinates z = x/α, y = σ/α, in which all processes coincide.
///
/// # Examples
///
/// ```
/// let level = langevin::process::ve(3.0);
/// assert_eq!((level.alpha, level.sigma, level.sigma_ve()), (1.0, 3.0, 3.0));
/// ```
pub fn ve(y: f64) -> Level {
    Level { time: y, alpha: 1.0, sigma: y }
}

/// The affine map $(x, y) \mapsto a x + b y$.
///
/// # Examples
///
/// ```
/// use langevin::{Prediction, Process};
/// let flow = Process::rectified_flow();
/// // D = x − s u for a velocity prediction u.
/// let map = Prediction::Velocity.to_denoised(&flow, &flow.level(0.25)?)?;
/// assert_eq!((map.a, map.b), (1.0, -0.25));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The factor of the state.
    pub a: f64,
    /// The factor of the second argument, usually the network's output.
    pub b: f64,
}

/// The functions that define a process. Implement this trait to add a noise schedule of your own.
///
/// [`Process::new`] checks an implementation. `alpha` must not be negative and must not rise with
/// time; `sigma` / `alpha` must rise with time.
///
/// # Examples
///
/// ```
/// use langevin::process::ProcessSpec;
/// use langevin::{Process, Schedule};
/// /// x_t = (1 − t²) x0 + t² ε, a rectified flow with a quadratic clock.
/// #[derive(Debug)]
/// struct QuadraticFlow;
/// impl Schedule for QuadraticFlow {
///     fn spec(&self) -> ProcessSpec { ProcessSpec::Custom { name: "quadratic-flow".into() } }
///     fn domain(&self) -> (f64, f64) { (0.0, 1.0) }
///     fn alpha(&self, t: f64) -> f64 { 1.0 - t * t }
///     fn sigma(&self, t: f64) -> f64 { t * t }
///     fn alpha_rate(&self, t: f64) -> f64 { -2.0 * t }
///     fn sigma_rate(&self, t: f64) -> f64 { 2.0 * t }
///     fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
///         if ratio.is_infinite() { 1.0 } else { (ratio / (1.0 + ratio)).sqrt() }
///     }
/// }
/// let own = Process::new(QuadraticFlow)?;
/// // The same noise level on the rectified flow is s = t².
/// let level = own.level(0.5)?;
/// assert_eq!(Process::rectified_flow().match_level(&level)?.time, 0.25);
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait Schedule: Debug + Send + Sync {
    /// Returns the form of the process in documents.
    ///
    /// A schedule of your own returns [`ProcessSpec::Custom`] with a name. A schedule that returns
    /// the spec of a built-in process must have the numbers of that process.
    fn spec(&self) -> ProcessSpec;
    /// Returns the first and the last time. The last time may be infinite.
    fn domain(&self) -> (f64, f64);
    /// Returns α(t).
    fn alpha(&self, time: f64) -> f64;
    /// Returns σ(t).
    fn sigma(&self, time: f64) -> f64;
    /// Returns the derivative α'(t).
    fn alpha_rate(&self, time: f64) -> f64;
    /// Returns the derivative σ'(t).
    fn sigma_rate(&self, time: f64) -> f64;
    /// Returns (σ²)'(t) = 2σσ'. Override it if σ' is infinite at a time at which (σ²)' is finite.
    fn variance_rate(&self, time: f64) -> f64 {
        2.0 * self.sigma(time) * self.sigma_rate(time)
    }
    /// Returns the time at which σ/α equals `ratio`, for 0 ≤ `ratio` ≤ ∞. It is the inverse of λ.
    fn time_of_sigma_ve(&self, ratio: f64) -> f64;

    /// Returns the map D = a x + b u for the velocity u = dx/dt of the ODE: $a = -\sigma'/W$,
    /// $b = \sigma/W$, $W = \alpha'\sigma - \alpha\sigma'$.
    ///
    /// Override it if a closed form is finite at a corner at which this formula is 0/0.
    fn velocity(&self, time: f64) -> Affine {
        check::general_velocity(self, time)
    }

    /// Returns ᾱ_i = α² at the times 0 … N−1 if the process is a table, and `None` otherwise.
    fn alpha_bars(&self) -> Option<&[f64]> {
        None
    }
}

/// A diffusion process: a handle to a [`Schedule`] that is cheap to clone.
///
/// Two handles are equal if they share one schedule, or if both have the same built-in spec.
///
/// # Examples
///
/// ```
/// use langevin::Process;
/// let flow = Process::rectified_flow();
/// let level = flow.level(0.25)?;
/// assert_eq!((level.alpha, level.sigma), (0.75, 0.25));
/// // The corresponding level of the VP process, by matching λ.
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
    /// - At the time that the inverse returns, σ/α equals the ratio passed in, to a relative
    ///   2·10⁻⁶, the resolution of float32.
    /// - α', σ' and (σ²)' lie between the slopes to the left and to the right, to 10⁻⁴ of the
    ///   slope. At the ends of the domain they may be infinite. The velocity is consistent with
    ///   them.
    /// - A schedule whose `spec` is that of a built-in process has its numbers, to 10⁻⁹.
    ///
    /// # Errors
    /// Returns an error if a check fails, or if [`spec`](Schedule::spec) claims a built-in process
    /// that has other numbers. The error names the function, the time, the expected value and the
    /// value found.
    ///
    /// # Examples
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
    pub fn new(schedule: impl Schedule + 'static) -> Result<Self> {
        check::check(&schedule)?;
        Ok(Self::of(schedule))
    }

    /// Builds a process from a schedule of this crate without checks; the crate's tests check it.
    pub(crate) fn of(schedule: impl Schedule + 'static) -> Self {
        Self(Arc::new(schedule))
    }

    /// Returns the variance-preserving process in the clock of the paper: α = e^{−t/2}, t ≥ 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let level = Process::vp().level(1.0)?;
    /// assert!((level.alpha.powi(2) + level.sigma.powi(2) - 1.0).abs() < 1e-15);
    /// assert!((level.alpha - (-0.5_f64).exp()).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn vp() -> Self {
        Self::of(Vp)
    }

    /// Returns the variance-preserving process with β linear from 0.1 to 20 (ScoreSDE), t ∈ \[0,
    /// 1\].
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let level = Process::vp_linear().level(1.0)?;
    /// assert!((level.alpha.powi(2) / (-10.05_f64).exp() - 1.0).abs() < 1e-12); // ∫β = 10.05
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn vp_linear() -> Self {
        Self::of(VpLinear::default())
    }

    /// Returns the variance-preserving process with α = cos(πt/2), t ∈ \[0, 1\].
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let level = Process::vp_cosine().level(0.5)?;
    /// assert!((level.alpha - level.sigma).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn vp_cosine() -> Self {
        Self::of(VpCosine)
    }

    /// Returns the variance-exploding process in Karras's clock: α = 1, t = σ.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let level = Process::ve().level(80.0)?;
    /// assert_eq!((level.alpha, level.sigma), (1.0, 80.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn ve() -> Self {
        Self::of(Ve)
    }

    /// Returns the rectified flow: α = 1 − s, σ = s, s ∈ \[0, 1\].
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let level = Process::rectified_flow().level(0.75)?;
    /// assert_eq!((level.alpha, level.sigma), (0.25, 0.75));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn rectified_flow() -> Self {
        Self::of(RectifiedFlow)
    }

    /// Returns the sub-VP process with β linear from 0.1 to 20 (ScoreSDE): σ = 1 − α², t ∈ \[0,
    /// 1\].
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let level = Process::sub_vp().level(0.5)?;
    /// assert!((level.sigma - (1.0 - level.alpha * level.alpha)).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn sub_vp() -> Self {
        Self::of(SubVp::default())
    }

    /// Returns the process of a table. Its clock is the table index.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::process::{Between, Betas, Tabulated};
    /// let table = Tabulated::new(Betas::linear(), 1000)?
    ///     .with_zero_terminal_snr()?
    ///     .with_between(Between::LogAlpha)?;
    /// let process = Process::tabulated(table);
    /// assert_eq!(process.name(), "table:linear:zero-snr:log-alpha");
    /// assert_eq!(process.alpha_bars().map(<[f64]>::len), Some(1000));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn tabulated(table: Tabulated) -> Self {
        Self::of(table)
    }

    /// Returns the form of this process in documents.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::process::ProcessSpec;
    /// let spec = Process::vp_linear().spec();
    /// assert_eq!(spec, ProcessSpec::VpLinear { beta_min: 0.1, beta_max: 20.0 });
    /// assert_eq!(Process::from_spec(&spec)?, Process::vp_linear());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn spec(&self) -> ProcessSpec {
        self.0.spec()
    }

    /// Returns the schedule: the functions that define the process.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let flow = Process::rectified_flow();
    /// assert_eq!(flow.schedule().domain(), (0.0, 1.0));
    /// assert_eq!(flow.schedule().alpha_rate(0.3), -1.0);
    /// ```
    #[must_use]
    pub fn schedule(&self) -> &dyn Schedule {
        &*self.0
    }

    /// Returns ᾱ_0 … ᾱ_{N−1} if the process is a table, whose clock is the index, and `None`
    /// otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// assert_eq!(Process::parse("table:linear")?.alpha_bars().map(<[f64]>::len), Some(1000));
    /// assert!(Process::vp().alpha_bars().is_none());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn alpha_bars(&self) -> Option<&[f64]> {
        self.0.alpha_bars()
    }

    /// Returns the level at `time`, in the clock of the process.
    ///
    /// # Errors
    /// Returns an error if the time lies outside the domain of the process or is not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let flow = Process::rectified_flow();
    /// assert_eq!(flow.level(0.25)?.sigma, 0.25);
    /// assert!(flow.level(1.5).unwrap_err().is_argument());
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Returns the level at which σ/α equals `ratio`. A ratio of 0 is clean data; ∞ is pure noise,
    /// if the process reaches it.
    ///
    /// # Errors
    /// Returns an error if the ratio is negative, not a number, or beyond the last time of the
    /// process.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// assert_eq!(Process::rectified_flow().level_at_sigma_ve(3.0)?.time, 0.75);
    /// // VE never reaches pure noise.
    /// assert!(Process::ve().level_at_sigma_ve(f64::INFINITY).unwrap_err().is_singular());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn level_at_sigma_ve(&self, ratio: f64) -> Result<Level> {
        if ratio.is_nan() || ratio < 0.0 {
            return Err(Error::argument("σ/α must not be negative").expected("0 ≤ σ/α").got(ratio.to_string()));
        }
        let time = self.0.time_of_sigma_ve(ratio);
        if time.is_nan() {
            return Err(check::no_time(&self.name(), ratio));
        }
        let (first, last) = self.0.domain();
        // A ratio computed at an end of the domain may invert to a time slightly beyond that end.
        let near = |end: f64| (time - end).abs() <= 1e-12 * (1.0 + end.abs());
        let time = match time {
            time if time > last && near(last) => last,
            time if time < first && near(first) => first,
            time => time,
        };
        self.level(time).or_else(|_| {
            let limit = if last.is_finite() { self.0.sigma(last) / self.0.alpha(last) } else { f64::INFINITY };
            // Another program may have computed the last level of a table in float32.
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

    /// Returns the level at the half log-SNR `lambda`.
    ///
    /// # Errors
    /// Returns an error if the process does not reach `lambda`; see
    /// [`level_at_sigma_ve`](Self::level_at_sigma_ve).
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// assert_eq!(Process::rectified_flow().level_at_lambda(0.0)?.time, 0.5);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn level_at_lambda(&self, lambda: f64) -> Result<Level> {
        self.level_at_sigma_ve(exp(-lambda))
    }

    /// Returns the level of this process that has the same λ as `other`, a level of any process.
    ///
    /// # Errors
    /// Returns an error if this process does not reach that λ; see
    /// [`level_at_sigma_ve`](Self::level_at_sigma_ve).
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let ve = Process::ve().level(3.0)?;
    /// let flow = Process::rectified_flow().match_level(&ve)?;
    /// assert_eq!((flow.alpha, flow.sigma), (0.25, 0.75));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn match_level(&self, other: &Level) -> Result<Level> {
        self.level_at_sigma_ve(other.sigma_ve())
    }
}

#[cfg(test)]
pub(crate) mod tests;
