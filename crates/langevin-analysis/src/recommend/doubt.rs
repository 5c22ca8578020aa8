//! Reasons why a ranking says little about the steps of its plans.

use super::{By, Candidate};
use crate::analysis::Cause;
use langevin::formulation::Formulation;
use langevin::process::Level;
use langevin::text::number;
use std::fmt;

/// The share of the error above which one cause hides the differences between plans.
const MOST: f64 = 0.9;
/// Plans are considered equal if their errors are within this ratio.
const ALIKE: f64 = 1.01;
/// The number of plans compared for equality: the lines of the table.
const SHOWN: usize = 10;

/// A reason why a ranking says little about the steps of its plans.
///
/// Its [`Display`](std::fmt::Display) form is a sentence with advice.
///
/// # Examples
/// ```
/// use langevin::{Process, Request};
/// use langevin_analysis::Spectrum;
/// use langevin_analysis::recommend::{By, Doubt, Search};
/// // Data far larger than the noise of the start: every plan has the error of its start.
/// let data = Spectrum::from_eigenvalues(&[1e6, 1.0])?;
/// let request = Request::new().process(Process::ve()).range(0.01, 1.0);
/// let ranking = Search::new(&request, &data, 8, By::W2).grids(["karras"]).run()?;
/// assert!(matches!(ranking.doubt(), Some(Doubt::Start { share, .. }) if *share > 0.9));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Doubt {
    /// The start makes up nearly all of the best plan's error.
    Start {
        /// The error of the start alone as a share of the whole error, at most 1.
        share: f64,
        /// The noise level of the start, σ/α.
        from: f64,
        /// `true` if the training range of the network ends at this level.
        trained: bool,
    },
    /// The last step, or the noise left after it, makes up nearly all of the best plan's error.
    Truncation {
        /// The error of the truncation alone as a share of the whole error, at most 1.
        share: f64,
        /// The cleanest noise level before the end, σ/α.
        from: f64,
        /// `true` if the training range of the network ends at this level.
        trained: bool,
    },
    /// The plans of the table have the same error to within 1 %.
    Alike {
        /// The common error; it may be infinite.
        error: f64,
        /// The error by which the plans are ranked.
        by: By,
    },
}

impl Doubt {
    /// Returns the doubt about these candidates, sorted best first.
    ///
    /// With `ends_stay` more steps do not shorten the last step, so its error counts as truncation.
    pub(super) fn of(by: By, candidates: &[Candidate], ends_stay: bool) -> Option<Self> {
        let best = candidates.first()?;
        let error = by.of(&best.analysis.total);
        if error.is_finite() && error > 0.0 {
            let share = |alone: f64| Some((alone / error).min(1.0)).filter(|share| *share >= MOST);
            let alone = |cause| {
                let part = best.analysis.contributions.iter().find(|part| part.cause == cause);
                part.map_or(0.0, |part| by.of(&part.alone))
            };
            let last = best.analysis.last.filter(|_| ends_stay);
            let cut = last.map_or(0.0, |last| by.of(&last.alone)).max(alone(Cause::Truncation));
            let network = best.plan.network().and_then(|spec| Formulation::from_spec(spec).ok());
            let range = network.and_then(|network| network.range).map(|range| range.sigma_ve());
            let near = |level: f64, end: Option<f64>| end.is_some_and(|end| (level - end).abs() <= 1e-6 * end);
            let (first, end) = (best.plan.moves().first(), best.plan.moves().last());
            if let Some(share) = share(alone(Cause::Start)) {
                let from = first.map_or(f64::INFINITY, |first| first.from.sigma_ve());
                return Some(Self::Start { share, from, trained: near(from, range.map(|range| range.1)) });
            }
            if let Some(share) = share(cut) {
                let cleanest = |from: &Level, to: &Level| if to.sigma > 0.0 { to.sigma_ve() } else { from.sigma_ve() };
                let from = end.map_or(0.0, |end| cleanest(&end.from, &end.to));
                return Some(Self::Truncation { share, from, trained: near(from, range.map(|range| range.0)) });
            }
        }
        let last = candidates.iter().take(SHOWN).next_back()?;
        let alike = candidates.len() > 1 && by.of(&last.analysis.total) <= ALIKE * error;
        alike.then_some(Self::Alike { error, by })
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("This ranking says little about the steps: ")?;
        match *self {
            Self::Start { share, from, trained } => {
                write!(f, "{:.0} % of the error is that of the start at σ/α = {}", 100.0 * share, level(from))?;
                f.write_str(if trained {
                    ", the noisiest level that the network was trained on."
                } else {
                    ". Start from more noise (--sigma-max, in Python sigma_max), or scale the data."
                })
            }
            Self::Truncation { share, from, trained } => {
                write!(f, "{:.0} % of the error is that of the end at σ/α = {}", 100.0 * share, level(from))?;
                f.write_str(if trained {
                    ", the cleanest level that the network was trained on."
                } else {
                    ". End with less noise (--sigma-min, in Python sigma_min)."
                })
            }
            Self::Alike { error, by: By::Kl } if error.is_infinite() => {
                f.write_str("the KL of every plan in the table is ∞. Rank by W2.")
            }
            Self::Alike { error, by } => write!(
                f,
                "the plans of the table have the same {} of {} to 1 %. Choose among them by cost, or allow more evaluations.",
                by.name(),
                number(error)
            ),
        }
    }
}

/// Formats a noise level with four significant digits.
fn level(sigma: f64) -> String {
    format!("{sigma:.3e}").parse::<f64>().map_or_else(|_| sigma.to_string(), |rounded| rounded.to_string())
}
