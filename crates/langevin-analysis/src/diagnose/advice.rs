//! What to do about a cause.

use std::fmt;

/// A residual above this is more than differences and single precision make: about that of an ε 2.5 % too large.
const DOUBT: f64 = 0.05;

/// What to do about one cause.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Advice {
    /// Nothing: it is a small share.
    Nothing,
    /// Of the score: nothing can be said, for it is within its noise.
    Unseen {
        /// The noise.
        nats: f64,
        /// The level where the residual is largest, and that; none where none was measured.
        worst: Option<(f64, f64)>,
    },
    /// Of the others: all that is seen, but an error of the score as large would not be.
    Below {
        /// The noise of the score.
        nats: f64,
    },
    /// Start from more noise than σ/α = `from`.
    RaiseSigmaMax {
        /// Where the plan starts.
        from: f64,
    },
    /// End with less noise than σ/α = `from`.
    LowerSigmaMin {
        /// The cleanest level of the plan.
        from: f64,
    },
    /// Twice the steps, or another sampler at the same price.
    MoreSteps {
        /// Evaluations of twice the steps, where they are known.
        nfe: Option<usize>,
        /// The sampler with the least such error of as many evaluations, where it has less than half.
        sampler: Option<String>,
    },
    /// The network fits the rows it was trained on better than held-out rows: train it for fewer steps, on more data, or with more weight decay.
    StopEarlier {
        /// How much less likely held-out rows are than rows of the training, in nats a row.
        nats: f64,
        /// The standard error of that.
        error: f64,
    },
    /// Train the network further, or a larger one.
    Train {
        /// The level where the residual is largest, and that; none where none was measured.
        worst: Option<(f64, f64)>,
    },
}

impl Advice {
    /// The advice, about a cause of this share of the error.
    pub(super) fn text(&self, share: f64) -> String {
        let percent = percent(share);
        match self {
            Self::Nothing => "leave it: other causes are larger".into(),
            Self::Unseen { nats, worst } => {
                let doubt = match worst {
                    Some((sigma, rms)) if *rms > DOUBT => {
                        format!("; but no density has this score: residual {rms:.2} at σ/α ≈ {}", level(*sigma))
                    }
                    _ => String::new(),
                };
                format!("no error beyond the noise of {nats:.1e} nats; more rows would show a smaller one{doubt}")
                    .replace("e-", "e−")
            }
            Self::Below { nats } => {
                format!("leave it: an error of the score of {nats:.1e} nats would not be seen").replace("e-", "e−")
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
                    Some(sampler) => format!("{steps}, or {sampler} at the same price"),
                    None => steps,
                }
            }
            Self::StopEarlier { nats, error } => format!(
                "the network is over-trained: held-out rows are {nats:.2} ± {error:.2} nats less likely than rows of its training; \
                 train for fewer steps, on more data, or with more weight decay"
            ),
            Self::Train { worst } => {
                let at = match worst {
                    Some((sigma, rms)) if *rms > DOUBT => {
                        format!("; its score is least consistent at σ/α ≈ {}", level(*sigma))
                    }
                    _ => String::new(),
                };
                format!("more steps will not help: {percent} is the network; train it further{at}")
            }
        }
    }
}

/// A level in three digits.
fn level(sigma: f64) -> String {
    if (1e-3..1e4).contains(&sigma) {
        // Three digits, whatever the size.
        let digits = (2.0 - sigma.log10().floor()).max(0.0) as usize;
        let text = format!("{sigma:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    } else {
        format!("{sigma:.2e}")
    }
}

/// `93 %`; `<1 %` where there is some.
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
