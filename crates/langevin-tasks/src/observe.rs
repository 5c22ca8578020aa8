//! What a caller hears of a task while it works, and how it ends one.

use crate::error::{Blame as _, Error, Result};
use crate::words::QUOTED;
use langevin::text::{brief, plural, thousands};
use std::fmt;

/// A program that calls tasks: it hears notes, sees progress, and may end the work.
///
/// Every method has a default, under which nothing is heard and nothing ends; `()` is the observer with all of them.
///
/// ```
/// use langevin_tasks::observe::{Note, Observer};
/// use std::sync::Mutex;
///
/// #[derive(Default)]
/// struct Kept(Mutex<Vec<String>>);
/// impl Observer for Kept {
///     fn note(&self, note: &Note) {
///         self.0.lock().unwrap().push(note.to_string());
///     }
/// }
///
/// let kept = Kept::default();
/// kept.note(&Note::Twice("the grid ends below the network's levels".to_owned()));
/// assert!(kept.0.lock().unwrap()[0].starts_with("the plan cannot be compared with twice the steps"));
/// ```
pub trait Observer: Sync {
    /// Takes what a person should know.
    fn note(&self, _note: &Note) {}

    /// Takes how far the work is.
    fn progress(&self, _progress: &Progress<'_>) {}

    /// Ends the work by returning an error. It is called often, from any thread.
    ///
    /// # Errors
    /// Returns the error that the task shall return.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns whether the caller has every argument that a hint names. Other hints are left out.
    fn knows(&self, _hint: &str) -> bool {
        true
    }
}

impl Observer for () {}

/// Classifies the result of work that [`Observer::check`] may have ended.
///
/// # Errors
/// Returns the error of the check if there is one, or else that of the work.
pub fn or_failed<T, E: std::error::Error + Send + Sync + 'static>(
    result: std::result::Result<T, E>,
    observer: &dyn Observer,
) -> Result<T, Error> {
    match result {
        Err(error) => observer.check().and(Err(error).or_failed()),
        done => done.or_failed(),
    }
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// So many of all are done.
    Done {
        /// What is done, as in `rows`.
        unit: &'a str,
        /// The number that is done.
        done: u64,
        /// The number of all.
        all: u64,
    },
    /// A stage of work whose length is not known.
    Stage(&'a str),
    /// The work is done.
    End,
}

/// What a person should know of a task. [`Display`](fmt::Display) is a sentence without its end; arguments in it stand in `‹›`, see
/// [`spelled`](crate::words::spelled).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// Data were read.
    Read {
        /// The name or the file.
        data: String,
        /// A description of what was read.
        summary: String,
    },
    /// Rows are far from the scale of the model; a description of each column that is.
    OtherScale(Vec<String>),
    /// Pictures of a file with channels first were turned round.
    ChannelsTurned {
        /// The file.
        data: String,
        /// What has channels last.
        like: String,
    },
    /// A network is evaluated on a device.
    OnDevice(String),
    /// Fields of a config belong to other schedulers and are passed over.
    ForeignFields(Vec<String>),
    /// No scheduler has these fields of a config.
    UnknownFields(Vec<String>),
    /// The plan is of a scheduler.
    Scheduler {
        /// The sampler, where it is not the scheduler's own.
        sampler: Option<String>,
        /// The class of the scheduler.
        class: String,
        /// The config.
        path: String,
    },
    /// The shift of a scheduler follows from the tokens of a picture.
    Shift {
        /// The shift.
        mu: f64,
        /// The tokens.
        tokens: usize,
        /// Whether the levels are a pipeline's.
        on_pipeline: bool,
    },
    /// The shift of a scheduler.
    Mu(f64),
    /// The levels are the scheduler's own, and pipelines give theirs.
    OwnLevels,
    /// diffusers itself fails on a run.
    Fault(String),
    /// What was mended of the original.
    Mended(Vec<String>),
    /// What a config declares.
    Declares(String),
    /// A plan was converted for another network.
    Converted {
        /// What it was made for.
        from: String,
        /// What the network is.
        to: String,
    },
    /// Evaluations lie outside the noise levels of the training.
    Outside {
        /// How many.
        outside: usize,
        /// Of how many.
        evaluations: usize,
        /// The levels of the training in σ/α.
        trained: (f64, f64),
        /// Those of the plan.
        plan: (f64, f64),
    },
    /// Of a plan only the noise levels are taken.
    LevelsOfPlan {
        /// The plan.
        plan: String,
        /// The levels in σ/α.
        range: (f64, f64),
    },
    /// Columns with one value in the training are not counted.
    Constants {
        /// The columns.
        columns: Vec<String>,
        /// The other elements.
        others: usize,
    },
    /// A number below the spacing is added to evenly spaced values.
    Dequantized {
        /// The values and what is added.
        what: String,
        /// The columns, where not all are evenly spaced.
        which: String,
    },
    /// The network was not trained on dequantised values.
    TrainDequantized,
    /// The training data do not vary along some directions, of all.
    Flat(u64, u64),
    /// Noise levels were clipped to those of the training, in σ/α.
    Clipped(f64, f64),
    /// The plan ends at this σ/α and not at 0.
    EndsNoisy(f64),
    /// Nothing is compared with twice the steps; the reason.
    Twice(String),
    /// The noise of the training was coupled to the data, so something does not hold.
    Coupled(&'static str),
    /// No density is computed of an ONNX network.
    NotDifferentiable,
    /// Rows that a network was trained on say something only of a part.
    TrainedOn(&'static str),
    /// Some rows of the training stand in the data.
    Remembered {
        /// The rows of the training that the model remembers.
        of: usize,
        /// Those of them that stand in the data.
        found: usize,
    },
    /// Fewer than all are compared.
    Compared {
        /// How many are compared.
        rows: usize,
        /// How many there are, as in `2,000 rows`.
        all: String,
        /// Whether an argument allows more.
        more: bool,
    },
    /// Rows of other classes are left out.
    OtherClasses {
        /// The number of all rows.
        all: usize,
        /// Those of the classes.
        rows: usize,
        /// The classes.
        named: String,
    },
    /// Columns have tails that no Gaussian has; a description of some, and how many more there are.
    HeavyTails(Vec<String>, usize),
    /// The data have no variance along some dimensions, of all, so KL divergences may be infinite.
    NoVariance(u64, u64),
}

impl Note {
    /// Returns the word that is printed before the note: `note`, `hint`, `warning`, `fixed`, or an empty string.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::TrainDequantized => "hint",
            Self::UnknownFields(_) => "warning",
            Self::Mended(_) => "fixed",
            Self::Read { .. } | Self::OnDevice(_) | Self::Scheduler { .. } | Self::Shift { .. } | Self::Mu(_) => "",
            _ => "note",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { data, summary } => write!(f, "read {data}: {summary}"),
            Self::OtherScale(columns) => write!(
                f,
                "{} in the model's units, where its own data have mean 0 and deviation 1: do these data have other units?",
                columns.join(", ")
            ),
            Self::ChannelsTurned { data, like } => {
                write!(f, "the channels of {data} come first and were moved last, as in {like}")
            }
            Self::OnDevice(device) => write!(f, "on {device}"),
            Self::ForeignFields(names) => {
                write!(f, "fields of other schedulers are ignored, as diffusers does: {}", names.join(", "))
            }
            Self::UnknownFields(names) => write!(
                f,
                "no scheduler has these fields, which are ignored, as diffusers does (‹strict› rejects them): {}",
                brief(&names.join(", "), QUOTED)
            ),
            Self::Scheduler { sampler, class, path } => match sampler {
                Some(sampler) => write!(f, "{sampler} on the levels of {class} of {path}"),
                None => write!(f, "{class} of {path}"),
            },
            Self::Shift { mu, tokens, on_pipeline: true } => {
                write!(f, "mu = {mu} of {tokens} tokens, on a pipeline's levels, 1 to 1/n")
            }
            Self::Shift { mu, tokens, on_pipeline: false } => write!(f, "mu = {mu} of {tokens} tokens"),
            Self::Mu(mu) => write!(f, "mu = {mu}"),
            Self::OwnLevels => f.write_str(
                "these are the scheduler's own levels; pipelines give theirs, 1 to 1/n: ‹image-seq-len› makes them, and mu",
            ),
            Self::Fault(fault) => write!(f, "diffusers itself fails on this run: {fault}"),
            Self::Mended(all) if all.is_empty() => f.write_str("nothing"),
            Self::Mended(all) => f.write_str(&all.join("; ")),
            Self::Declares(note) => f.write_str(note),
            Self::Converted { from, to } => write!(f, "the plan is converted, exactly: from {from} to {to}"),
            Self::Outside { outside, evaluations, trained: (low, high), plan: (min, max) } => write!(
                f,
                "{outside} of {} lie outside the noise levels of the training, σ/α from {low:.4} to {high:.4}: the plan's go from {min:.4} to {max:.4}",
                plural(*evaluations as u64, "evaluation")
            ),
            Self::LevelsOfPlan { plan, range: (min, max) } => write!(
                f,
                "only the noise range of the plan {plan} is used, σ/α from {min:.4} to {max:.4}: the likelihood is that of the continuous-time model in this range"
            ),
            Self::Constants { columns, others } => write!(
                f,
                "{} had a single value in the training data and is not counted: the likelihood is that of the other {}",
                columns.join(", "),
                plural(*others as u64, "element")
            ),
            Self::Dequantized { what, which } => {
                write!(f, "{what} is added to each{which}, and the density of the sums is measured")
            }
            Self::TrainDequantized => {
                f.write_str("the network was trained without dequantisation; train with ‹dequantize› for likelihoods")
            }
            Self::Flat(flat, all) => write!(
                f,
                "the training data do not vary along {flat} of {all} directions (columns that are functions of others), so no density exists: the figure shows how closely the network follows that constraint, not how good it is"
            ),
            Self::Clipped(min, max) => {
                write!(f, "noise levels clipped to the trained range, σ/α from {min:.4} to {max:.4}")
            }
            Self::EndsNoisy(level) => {
                write!(f, "the grid ends at σ/α = {level}, not at 0: the output is still noisy")
            }
            Self::Twice(why) => write!(f, "the plan cannot be compared with twice the steps: {why}"),
            Self::Coupled(so) => {
                write!(f, "the training coupled noise and data, so the velocity of this network is not a score: {so}")
            }
            Self::NotDifferentiable => {
                f.write_str("an ONNX network cannot be differentiated, so no density is computed")
            }
            Self::TrainedOn(so) => f.write_str(so),
            Self::Remembered { of, found } => write!(
                f,
                "{found} of the {of} training rows that the model records are in these data; figures about training rows say little"
            ),
            Self::Compared { rows, all, more } => {
                let more = if *more { " (‹count› N for more)" } else { "" };
                write!(f, "{} of {all} are compared{more}", thousands(*rows as u64))
            }
            Self::OtherClasses { all, rows, named } => write!(
                f,
                "of {}, {} are of {named}, and the others are left out",
                plural(*all as u64, "row"),
                thousands(*rows as u64)
            ),
            Self::HeavyTails(columns, more) => {
                let more = if *more > 0 { format!(" and {more} more") } else { String::new() };
                write!(
                    f,
                    "heavy tails in {}{more}: a Gaussian describes them poorly; use the logarithm of such a column",
                    columns.join(", ")
                )
            }
            Self::NoVariance(flat, all) => write!(
                f,
                "the data have no variance along {} of {}: KL is ∞ for every plan that leaves noise there",
                thousands(*flat),
                plural(*all, "dimension")
            ),
        }
    }
}
