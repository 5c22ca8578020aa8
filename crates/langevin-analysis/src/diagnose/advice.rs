//! Recommended actions for the causes of an error.

use std::fmt;

/// The residual above which a score is suspect. It exceeds the noise of finite differences and
/// single precision, and corresponds to an ε that is about 2.5 % too large.
const DOUBT: f64 = 0.05;

/// The recommended action for one cause.
///
/// Its [`Display`](std::fmt::Display) form is a sentence.
///
/// # Examples
/// ```
/// use langevin_analysis::diagnose::Advice;
/// let advice = Advice::MoreSteps { nfe: Some(40), sampler: None };
/// assert_eq!(advice.to_string(), "use 2× the steps (40 evaluations)");
/// ```
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Advice {
    /// No action, because the share is small.
    Nothing,
    /// No statement about the score, because its error is within the noise.
    Unseen {
        /// The noise, in nats.
        nats: f64,
        /// The level σ/α with the largest residual, and this residual; `None` if no residual was
        /// measured.
        worst: Option<(f64, f64)>,
    },
    /// No action for a cause other than the score, because a score error as large would not be
    /// visible.
    Below {
        /// The noise of the score, in nats.
        nats: f64,
    },
    /// Start from more noise than σ/α = `from`.
    RaiseSigmaMax {
        /// The level σ/α at which the plan starts.
        from: f64,
    },
    /// End with less noise than σ/α = `from`.
    LowerSigmaMin {
        /// The cleanest level σ/α of the plan.
        from: f64,
    },
    /// Use twice the steps, or another sampler with the same NFE.
    MoreSteps {
        /// The NFE of twice the steps, if known.
        nfe: Option<usize>,
        /// The sampler with the smallest discretisation error at the same NFE, if it has less than
        /// half the error.
        sampler: Option<String>,
    },
    /// Train for fewer steps, on more data, or with more weight decay, because the network fits
    /// training rows better than held-out rows.
    StopEarlier {
        /// The excess of −log p of held-out rows over training rows, in nats per row.
        nats: f64,
        /// The standard error of the excess.
        error: f64,
    },
    /// Train the network further, or train a larger one.
    Train {
        /// The level σ/α with the largest residual, and this residual; `None` if no residual was
        /// measured.
        worst: Option<(f64, f64)>,
    },
}

impl Advice {
    /// Returns the advice for a cause with this share of the error.
    pub(super) fn text(&self, share: f64) -> String {
        let percent = percent(share);
        match self {
            Self::Nothing => "no action needed: other causes are larger".into(),
            Self::Unseen { nats, worst } => {
                let doubt = match worst {
                    Some((sigma, rms)) if *rms > DOUBT => {
                        format!(
                            "; but this score is not the score of any density: residual {rms:.2} at σ/α ≈ {}",
                            level(*sigma)
                        )
                    }
                    _ => String::new(),
                };
                format!("no error above the noise of {nats:.1e} nats; more rows would detect a smaller one{doubt}")
                    .replace("e-", "e−")
            }
            Self::Below { nats } => {
                format!("no action needed: a score error of {nats:.1e} nats cannot be detected").replace("e-", "e−")
            }
            Self::RaiseSigmaMax { from } => {
                format!("start from a larger σ_max than {} (--sigma-max)", level(*from))
            }
            Self::LowerSigmaMin { from } => {
                format!("end at a smaller σ_min than {} (--sigma-min)", level(*from))
            }
            Self::MoreSteps { nfe, sampler } => {
                let steps = match nfe {
                    Some(nfe) => format!("use 2× the steps ({nfe} evaluations)"),
                    None => "use more steps".to_owned(),
                };
                match sampler {
                    Some(sampler) => format!("{steps}, or {sampler} with as many evaluations"),
                    None => steps,
                }
            }
            Self::StopEarlier { nats, error } => format!(
                "the network is over-trained: held-out rows are {nats:.2} ± {error:.2} nats less likely than training rows; \
                 train for fewer steps if the held-out bound of the run was lower earlier, otherwise on more data or with more weight decay"
            ),
            Self::Train { worst } => {
                let at = match worst {
                    Some((sigma, rms)) if *rms > DOUBT => {
                        format!("; its score is least consistent at σ/α ≈ {}", level(*sigma))
                    }
                    _ => String::new(),
                };
                format!("more steps will not help: {percent} of the error is the network; train it further{at}")
            }
        }
    }
}

/// Formats a level with three significant digits.
fn level(sigma: f64) -> String {
    if (1e-3..1e4).contains(&sigma) {
        // The number of decimals depends on the size of the level.
        let digits = (2.0 - sigma.log10().floor()).max(0.0) as usize;
        let text = format!("{sigma:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    } else {
        format!("{sigma:.2e}")
    }
}

/// Formats a share as `93 %`, and a nonzero share below 1 % as `<1 %`.
pub(super) fn percent(share: f64) -> String {
    match 100.0 * share {
        0.0 => "0 %".into(),
        percent if percent < 1.0 => "<1 %".into(),
        percent => format!("{percent:.0} %"),
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(1.0))
    }
}
