//! Tabulated processes: the discrete tables of DDPM, defined at every real index. See [`Tabulated`]
//! for the formulas.

use super::vp::ln_1p_square;
use super::{Betas, ProcessSpec};
use crate::error::{Error, Result};
use crate::math::{exp, expm1, ln, ln_1p};
use crate::process::{Affine, Schedule};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The smallest positive ᾱ. For a smaller value σ/α leaves the range of f64.
const MIN_ALPHA_BAR: f64 = 1e-300;

/// The quantity that is linear in the index between two entries of a table. Both conventions agree
/// at the entries.
///
/// # Examples
///
/// ```
/// use langevin::Process;
/// let log_sigma = Process::parse("table:linear")?;
/// let log_alpha = Process::parse("table:linear:log-alpha")?;
/// let gap = |u| Ok::<_, langevin::Error>(log_sigma.level(u)?.alpha - log_alpha.level(u)?.alpha);
/// assert!(gap(10.0)?.abs() < 1e-15 && gap(10.5)?.abs() > 1e-9);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Between {
    /// ln(σ/α) is linear: the convention of k-diffusion and diffusers.
    #[default]
    LogSigma,
    /// ln α is linear: the convention of DPM-Solver.
    LogAlpha,
}

/// A process given by a table, $x_i = \sqrt{\bar\alpha_i} x_0 + \sqrt{1-\bar\alpha_i} \varepsilon$
/// with $\bar\alpha_i = \prod_{j\le i}(1-\beta_j)$.
///
/// The clock is the index itself, u ∈ \[−1, N−1\]: −1 is clean data and 0 … N−1 are the entries. A
/// network of the table receives u as its time. Between the entries the process is a convention,
/// [`Between`]. With w = u − i:
///
/// | piece | linear in u | inverse |
/// |---|---|---|
/// | from −1 to 0 | σ/α, from 0 | u = (σ/α)/(σ_0/α_0) − 1 |
/// | entry i to i+1, `log-sigma` | ln(σ/α) = −λ | w = (ln(σ/α) + λ_i)/(λ_i − λ_{i+1}) |
/// | entry i to i+1, `log-alpha` | ln α = ½ ln ᾱ | w = (ln α − ln α_i)/(ln α_{i+1} − ln α_i), ln α = −½ ln(1 + σ²/α²) |
/// | up to a last entry with ᾱ = 0 | α | w = 1 − α/α_i |
///
/// On every piece α² + σ² = 1. The rates α' and σ' jump at the entries. At an entry they are the
/// rates of the piece on its clean side, towards which a sampler steps. At a last entry with α = 0
/// the rates are NaN, because a table does not determine how fast its signal vanishes; a velocity
/// prediction is an error there.
///
/// With zero terminal SNR,
/// $\sqrt{\bar\alpha} \to (\sqrt{\bar\alpha} - \sqrt{\bar\alpha_{N-1}})
/// \sqrt{\bar\alpha_0}/(\sqrt{\bar\alpha_0} - \sqrt{\bar\alpha_{N-1}})$.
///
/// Sources: Ho et al., arXiv 2006.11239; k-diffusion and diffusers (`log-sigma`); Lu et al., arXiv
/// 2206.00927 (`log-alpha`, whose network time N·t − 1 is u); Lin et al., arXiv 2305.08891 (zero
/// terminal SNR). [`Betas`] names the sources of the rules.
///
/// # Examples
///
/// ```
/// use langevin::Process;
/// use langevin::process::{Betas, Tabulated};
/// // Stable Diffusion's table, and the same table rescaled to end without signal.
/// let table = Tabulated::new(Betas::scaled_linear(), 1000)?;
/// let zero = table.clone().with_zero_terminal_snr()?;
/// let process = Process::tabulated(table);
/// assert!((process.level(999.0)?.sigma_ve() - 14.6146).abs() < 1e-4);
/// assert_eq!(process.level(-1.0)?.sigma, 0.0);
/// assert_eq!(Process::tabulated(zero).level(999.0)?.alpha, 0.0);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Tabulated {
    betas: Betas,
    zero_terminal_snr: bool,
    between: Between,
    alpha_bars: Vec<f64>,
    nodes: Vec<Node>,
}

/// One entry of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    alpha: f64,
    sigma: f64,
    /// σ/α.
    ratio: f64,
    /// The coordinate that is linear in the index: ln(σ/α) or ln α.
    height: f64,
}

/// The process at one index.
struct Point {
    alpha: f64,
    sigma: f64,
    alpha_rate: f64,
    sigma_rate: f64,
    /// σ²/α', the factor B of the velocity.
    gain: f64,
}

impl fmt::Debug for Tabulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tabulated")
            .field("kind", &self.betas.name())
            .field("count", &self.nodes.len())
            .field("zero_terminal_snr", &self.zero_terminal_snr)
            .field("between", &self.between)
            .finish_non_exhaustive()
    }
}

impl Tabulated {
    /// Builds the table of `count` entries by the rule `betas`. For a list, `count` must be its
    /// length.
    ///
    /// # Errors
    /// Returns an error if the table has no entry or more than 100,000, or if a β lies outside (0,
    /// 1\]. Returns an error if ᾱ does not fall strictly within (0, 1); only the last ᾱ may be 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::process::{Betas, Tabulated};
    /// let table = Tabulated::new(Betas::List { values: vec![0.5, 0.5] }, 2)?;
    /// assert!((table.alpha_bars()[1] - 0.25).abs() < 1e-15);
    /// assert!(Tabulated::new(Betas::linear(), 0).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn new(betas: Betas, count: usize) -> Result<Self> {
        Self::build(betas, count, false, Between::default())
    }

    /// Returns the table rescaled so that its last entry is pure noise.
    ///
    /// # Errors
    /// Returns an error if the table has only one entry.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::process::{Betas, Tabulated};
    /// let table = Tabulated::new(Betas::linear(), 1000)?.with_zero_terminal_snr()?;
    /// assert_eq!(table.alpha_bars()[999], 0.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn with_zero_terminal_snr(self) -> Result<Self> {
        let count = self.nodes.len();
        Self::build(self.betas, count, true, self.between)
    }

    /// Returns the table with another interpolation between the entries.
    ///
    /// # Errors
    /// Returns an error if two entries have the same value in the coordinate of that interpolation.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::process::{Between, Betas, Tabulated};
    /// let table = Tabulated::new(Betas::linear(), 1000)?.with_between(Between::LogAlpha)?;
    /// assert_eq!(Process::tabulated(table).name(), "table:linear:log-alpha");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn with_between(self, between: Between) -> Result<Self> {
        let count = self.nodes.len();
        Self::build(self.betas, count, self.zero_terminal_snr, between)
    }

    /// Builds a table with all of its options at once.
    pub(super) fn build(betas: Betas, count: usize, zero_terminal_snr: bool, between: Between) -> Result<Self> {
        let (mut alpha_bars, mut logs) = betas.alpha_bars(count)?;
        check_falling(&betas, &alpha_bars)?;
        if zero_terminal_snr {
            rescale(&mut logs).map_err(|error| error.at(format!("table '{}'", betas.name())))?;
            alpha_bars = logs.iter().map(|log| exp(*log)).collect();
            check_falling(&betas, &alpha_bars)?;
        }
        let node = |log: &f64| {
            let (alpha, ratio) = (exp(0.5 * log), expm1(-log).sqrt());
            let height = match between {
                Between::LogSigma => ln(ratio),
                Between::LogAlpha => 0.5 * log,
            };
            Node { alpha, sigma: (-expm1(*log)).sqrt(), ratio, height }
        };
        let nodes: Vec<Node> = logs.iter().map(node).collect();
        // Values of ᾱ that fall may still round to one number in the coordinate.
        match nodes.windows(2).position(|pair| pair[0].ratio >= pair[1].ratio || pair[0].height == pair[1].height) {
            Some(i) => Err(not_falling(&betas, i + 1, alpha_bars[i], alpha_bars[i + 1])),
            None => Ok(Self { betas, zero_terminal_snr, between, alpha_bars, nodes }),
        }
    }

    /// Returns ᾱ_0 … ᾱ_{N−1}.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::process::{Betas, Tabulated};
    /// let bars = vec![0.9, 0.5, 0.1];
    /// let table = Tabulated::new(Betas::AlphaBar { values: bars.clone() }, 3)?;
    /// assert_eq!(table.alpha_bars(), bars);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn alpha_bars(&self) -> &[f64] {
        &self.alpha_bars
    }

    /// Returns the last index, N − 1.
    fn last(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Returns the process at index `u`. An entry belongs to the piece on its clean side.
    fn at(&self, u: f64) -> Point {
        // The entry at the noisy end of the piece.
        let right = (u.ceil().max(0.0) as usize).min(self.last());
        let to = &self.nodes[right];
        let on_entry = u == right as f64;
        let Some(left) = right.checked_sub(1) else {
            // σ/α = r = r_0 (u + 1): α = 1/√(1+r²), σ = rα, α' = −r r' α³, σ' = r' α³.
            let ratio = to.ratio * (u + 1.0);
            let alpha = if on_entry { to.alpha } else { alpha_of(ratio) };
            let rate = to.ratio * alpha * alpha * alpha;
            return Point {
                alpha,
                sigma: if on_entry { to.sigma } else { ratio * alpha },
                alpha_rate: -ratio * rate,
                sigma_rate: rate,
                gain: -(u + 1.0) / alpha,
            };
        };
        let from = &self.nodes[left];
        let slope = to.height - from.height;
        let height = from.height + (u - left as f64) * slope;
        let (alpha, sigma, alpha_rate) = if to.alpha == 0.0 {
            let alpha = from.alpha * (right as f64 - u);
            (alpha, (1.0 - alpha * alpha).sqrt(), if on_entry { f64::NAN } else { -from.alpha })
        } else {
            let (alpha, sigma) = match self.between {
                _ if on_entry => (to.alpha, to.sigma),
                Between::LogSigma => {
                    let ratio = exp(height);
                    let alpha = alpha_of(ratio);
                    (alpha, ratio * alpha)
                }
                Between::LogAlpha => (exp(height), (-expm1(2.0 * height)).sqrt()),
            };
            let rate = match self.between {
                // λ' = −slope, and α' = λ'ασ² where α² + σ² = 1.
                Between::LogSigma => -slope * alpha * sigma * sigma,
                Between::LogAlpha => slope * alpha,
            };
            (alpha, sigma, rate)
        };
        Point { alpha, sigma, alpha_rate, sigma_rate: -alpha * alpha_rate / sigma, gain: sigma * sigma / alpha_rate }
    }
}

/// Returns α = 1/√(1 + (σ/α)²), without overflow of the square.
fn alpha_of(ratio: f64) -> f64 {
    if ratio > 1e9 { 1.0 / ratio } else { 1.0 / (1.0 + ratio * ratio).sqrt() }
}

/// Applies the zero-terminal-SNR rescaling to ln ᾱ.
fn rescale(logs: &mut [f64]) -> Result<()> {
    let (Some(&first), Some(&last)) = (logs.first(), logs.last().filter(|_| logs.len() > 1)) else {
        return Err(Error::argument("a table of one entry cannot end without signal")
            .expected("2 entries or more")
            .got("1"));
    };
    let (first_root, last_root) = (exp(0.5 * first), exp(0.5 * last));
    let factor = first_root / (first_root - last_root);
    let first_gap = -expm1(0.5 * first);
    for log in logs.iter_mut() {
        let root = (exp(0.5 * *log) - last_root) * factor;
        // Near clean data only 1 − √ᾱ keeps its digits, so the same map is applied to it there.
        let gap = first_gap + (-expm1(0.5 * *log) - first_gap) * factor;
        *log = 2.0 * if root > 0.5 { ln_1p(-gap) } else { ln(root) };
    }
    Ok(())
}

/// Checks that ᾱ falls strictly within (0, 1) and is 0 at most at the last entry.
fn check_falling(betas: &Betas, bars: &[f64]) -> Result<()> {
    let mut before = 1.0;
    for (i, &bar) in bars.iter().enumerate() {
        let last = i + 1 == bars.len();
        if !(bar < before && (bar >= MIN_ALPHA_BAR || (bar == 0.0 && last && i > 0))) {
            return Err(not_falling(betas, i, before, bar));
        }
        before = bar;
    }
    Ok(())
}

/// Returns the error of a table whose ᾱ does not fall at entry `i`.
fn not_falling(betas: &Betas, i: usize, before: f64, got: f64) -> Error {
    Error::argument("ᾱ does not fall as a table must")
        .at(format!("table '{}', entry {i}", betas.name()))
        .expected(format!("below {before} and at least {MIN_ALPHA_BAR:e}, or 0 as the last of several"))
        .got(got.to_string())
}

impl Schedule for Tabulated {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::Tabulated {
            betas: self.betas.clone(),
            count: self.nodes.len(),
            zero_terminal_snr: self.zero_terminal_snr,
            between: self.between,
        }
    }
    fn domain(&self) -> (f64, f64) {
        (-1.0, self.last() as f64)
    }
    fn alpha(&self, u: f64) -> f64 {
        self.at(u).alpha
    }
    fn sigma(&self, u: f64) -> f64 {
        self.at(u).sigma
    }
    fn alpha_rate(&self, u: f64) -> f64 {
        self.at(u).alpha_rate
    }
    fn sigma_rate(&self, u: f64) -> f64 {
        self.at(u).sigma_rate
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        // The first entry that is at least as noisy. For a ratio beyond the last entry, the last
        // piece is extended.
        let right = self.nodes.partition_point(|node| node.ratio < ratio).min(self.last());
        let to = &self.nodes[right];
        if ratio == to.ratio {
            return right as f64;
        }
        let Some(left) = right.checked_sub(1) else {
            return ratio / to.ratio - 1.0;
        };
        let from = &self.nodes[left];
        let share = if to.alpha == 0.0 {
            1.0 - alpha_of(ratio) / from.alpha
        } else {
            let height = match self.between {
                Between::LogSigma => ln(ratio),
                Between::LogAlpha => -0.5 * ln_1p_square(ratio),
            };
            (height - from.height) / (to.height - from.height)
        };
        left as f64 + if ratio < to.ratio { share.clamp(0.0, 1.0) } else { share }
    }
    fn velocity(&self, u: f64) -> Affine {
        let point = self.at(u);
        Affine { a: point.alpha, b: point.gain }
    }
    fn alpha_bars(&self) -> Option<&[f64]> {
        Some(&self.alpha_bars)
    }
}

#[cfg(test)]
mod tests;
