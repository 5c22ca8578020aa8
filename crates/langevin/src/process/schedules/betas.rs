//! The published rules for tables: $\beta_i$, and from them
//! $\ln\bar\alpha_i = \sum_{j \le i} \ln(1-\beta_j)$.

use crate::error::{Error, Result};
use crate::math::{cos, exp, ln, ln_1p};
use serde::{Deserialize, Serialize};
use std::f64::consts::FRAC_PI_2;

/// The most entries of a table. A document with more is taken to be a mistake.
const MAX_COUNT: usize = 100_000;

/// A rule for the β of a table of N entries, i = 0 … N−1.
///
/// | kind | β_i | usual parameters | source |
/// |---|---|---|---|
/// | `linear` | start to end, evenly spaced | 10⁻⁴, 0.02 | DDPM, arXiv 2006.11239 |
/// | `scaled-linear` | √β evenly spaced | 8.5·10⁻⁴, 0.012 | latent diffusion, arXiv 2112.10752 |
/// | `sigmoid` | start + (end − start)/(1 + e^{−x}), x evenly spaced from −6 to 6 | 10⁻⁴, 0.02 | GeoDiff, arXiv 2203.02923 |
/// | `squared-cosine` | min(1 − φ((i+1)/N)/φ(i/N), max_beta), φ(t) = cos²((t+.008)/1.008·π/2) | 0.999 | arXiv 2102.09672 |
/// | `laplace` | likewise, φ = √(S/(1+S)), ln S = −½ sgn(½−t) ln(1 − 2\|½−t\| + 10⁻⁶) | 0.999 | arXiv 2407.03297, as implemented in diffusers |
/// | `exp` | likewise, φ = e^{−12t} | 0.999 | diffusers |
/// | `list` | `values` | | |
/// | `alpha-bar` | 1 − ᾱ_i/ᾱ_{i−1}, ᾱ = `values` | | |
///
/// ᾱ of the laplace table falls strictly for every N up to 100,000. Its range is short: it begins
/// at σ/α = 0.147 and ends at 5.53.
///
/// # Examples
///
/// ```
/// use langevin::process::{Betas, Tabulated};
/// let table = Tabulated::new(Betas::linear(), 1000)?;
/// assert!((table.alpha_bars()[999] / 4.0358298e-5 - 1.0).abs() < 1e-7);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Betas {
    /// β evenly spaced.
    Linear {
        /// β_0.
        start: f64,
        /// β_{N−1}.
        end: f64,
    },
    /// √β evenly spaced.
    ScaledLinear {
        /// β_0.
        start: f64,
        /// β_{N−1}.
        end: f64,
    },
    /// β along a logistic curve.
    Sigmoid {
        /// β at −∞.
        start: f64,
        /// β at +∞.
        end: f64,
    },
    /// ᾱ along a squared cosine.
    SquaredCosine {
        /// The upper limit of β.
        max_beta: f64,
    },
    /// ᾱ from a log-SNR with a Laplace distribution.
    Laplace {
        /// The upper limit of β.
        max_beta: f64,
    },
    /// ᾱ = e^{−12t}.
    Exp {
        /// The upper limit of β.
        max_beta: f64,
    },
    /// A list of β.
    List {
        /// β_0 … β_{N−1}.
        values: Vec<f64>,
    },
    /// A list of ᾱ.
    AlphaBar {
        /// ᾱ_0 … ᾱ_{N−1}.
        values: Vec<f64>,
    },
}

impl Betas {
    /// Returns DDPM's rule: β evenly spaced from 10⁻⁴ to 0.02.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::process::Betas;
    /// assert_eq!(Betas::linear(), Betas::Linear { start: 1e-4, end: 0.02 });
    /// ```
    #[must_use]
    pub fn linear() -> Self {
        Self::Linear { start: 1e-4, end: 0.02 }
    }

    /// Returns Stable Diffusion's rule: √β evenly spaced, β from 8.5·10⁻⁴ to 0.012.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::process::{Betas, Tabulated};
    /// let table = Tabulated::new(Betas::scaled_linear(), 1000)?;
    /// assert!((table.alpha_bars()[0] - (1.0 - 0.00085)).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn scaled_linear() -> Self {
        Self::ScaledLinear { start: 0.00085, end: 0.012 }
    }

    /// Returns the logistic rule with β from 10⁻⁴ to 0.02.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::process::Betas;
    /// assert_eq!(Betas::sigmoid(), Betas::Sigmoid { start: 1e-4, end: 0.02 });
    /// ```
    #[must_use]
    pub fn sigmoid() -> Self {
        Self::Sigmoid { start: 1e-4, end: 0.02 }
    }

    /// Returns the squared-cosine rule with β at most 0.999.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::process::{Betas, Tabulated};
    /// let table = Tabulated::new(Betas::squared_cosine(), 1000)?;
    /// assert!(table.alpha_bars()[500] < 0.5 && table.alpha_bars()[490] > 0.49);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn squared_cosine() -> Self {
        Self::SquaredCosine { max_beta: 0.999 }
    }

    /// Returns the Laplace rule with β at most 0.999.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::process::{Betas, Tabulated};
    /// let process = Process::tabulated(Tabulated::new(Betas::laplace(), 1000)?);
    /// assert!((process.level(999.0)?.sigma_ve() - 5.53).abs() < 0.01);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn laplace() -> Self {
        Self::Laplace { max_beta: 0.999 }
    }

    /// Returns the rule ᾱ = e^{−12t} with β at most 0.999.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::process::{Betas, Tabulated};
    /// let table = Tabulated::new(Betas::exp(), 1000)?;
    /// assert!((table.alpha_bars()[499] - (-6.0_f64).exp()).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn exp() -> Self {
        Self::Exp { max_beta: 0.999 }
    }

    /// Returns the kind as it appears in JSON.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear",
            Self::ScaledLinear { .. } => "scaled-linear",
            Self::Sigmoid { .. } => "sigmoid",
            Self::SquaredCosine { .. } => "squared-cosine",
            Self::Laplace { .. } => "laplace",
            Self::Exp { .. } => "exp",
            Self::List { .. } => "list",
            Self::AlphaBar { .. } => "alpha-bar",
        }
    }

    /// Returns (ᾱ_i, ln ᾱ_i) of a table of `count` entries.
    ///
    /// A last ᾱ of 0 is allowed. The caller checks that ᾱ falls.
    pub(super) fn alpha_bars(&self, count: usize) -> Result<(Vec<f64>, Vec<f64>)> {
        let bad = |what: &str, expected: String, got: String| {
            Err(Error::argument(what).at(format!("table '{}'", self.name())).expected(expected).got(got))
        };
        if count == 0 || count > MAX_COUNT {
            return bad("bad number of entries", format!("1 to {MAX_COUNT}"), count.to_string());
        }
        if let Self::List { values } | Self::AlphaBar { values } = self
            && values.len() != count
        {
            return bad("the list has another number of entries", count.to_string(), values.len().to_string());
        }
        if let Self::AlphaBar { values } = self {
            return Ok((values.clone(), values.iter().map(|bar| ln(*bar)).collect()));
        }
        let (mut bars, mut logs, mut log) = (Vec::with_capacity(count), Vec::with_capacity(count), 0.0);
        for i in 0..count {
            let beta = self.beta(i, count);
            if !(beta > 0.0 && beta <= 1.0) {
                let error = bad("a β of the table is out of range", "0 < β ≤ 1".into(), beta.to_string());
                return error.map_err(|error| error.at(format!("entry {i}")));
            }
            log += ln_1p(-beta);
            logs.push(log);
            bars.push(exp(log));
        }
        Ok((bars, logs))
    }

    /// Returns β_i of a rule, and of a list its entry i.
    fn beta(&self, i: usize, count: usize) -> f64 {
        let even = |from: f64, to: f64| match i {
            0 => from,
            i if i + 1 == count => to,
            i => from + i as f64 * ((to - from) / (count - 1) as f64),
        };
        let capped = |bar: fn(f64) -> f64, max: f64| {
            let n = count as f64;
            (1.0 - bar((i + 1) as f64 / n) / bar(i as f64 / n)).min(max)
        };
        match self {
            Self::Linear { start, end } => even(*start, *end),
            Self::ScaledLinear { start, end } => even(start.sqrt(), end.sqrt()).powi(2),
            Self::Sigmoid { start, end } => (end - start) / (1.0 + exp(-even(-6.0, 6.0))) + start,
            Self::SquaredCosine { max_beta } => capped(|t| cos((t + 0.008) / 1.008 * FRAC_PI_2).powi(2), *max_beta),
            Self::Laplace { max_beta } => capped(
                |t| {
                    let snr = exp(-0.5 * (0.5 - t).signum() * ln(1.0 - 2.0 * (0.5 - t).abs() + 1e-6));
                    (snr / (1.0 + snr)).sqrt()
                },
                *max_beta,
            ),
            Self::Exp { max_beta } => capped(|t| exp(-12.0 * t), *max_beta),
            Self::List { values } | Self::AlphaBar { values } => values[i],
        }
    }
}
