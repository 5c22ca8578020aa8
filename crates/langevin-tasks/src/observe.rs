//! Observers: the interface through which a caller receives notes and progress from a task, and
//! through which it can end the task.

use crate::error::{Blame as _, Error, Result};
use crate::words::{QUOTED, visible};
use langevin::text::{brief, plural, thousands};
use std::fmt;

/// A caller of tasks. It receives notes and progress, and can end the work.
///
/// Every method has a default implementation that ignores notes and progress and never ends the
/// work. The type `()` is the observer that uses all defaults.
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
/// let first = kept.0.lock().unwrap()[0].clone();
/// assert!(first.starts_with("the plan cannot be compared with twice the steps"));
/// ```
pub trait Observer: Sync {
    /// Receives a note for the user.
    fn note(&self, _note: &Note) {}

    /// Receives the progress of the work.
    fn progress(&self, _progress: &Progress<'_>) {}

    /// Ends the work by returning an error. Tasks call this method often and from any thread.
    ///
    /// # Errors
    /// Returns the error with which the task ends.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns true if the caller has every argument that a hint names. Tasks leave out other
    /// hints.
    fn knows(&self, _hint: &str) -> bool {
        true
    }
}

impl Observer for () {}

/// Converts the result of work that [`Observer::check`] may have ended.
///
/// ```
/// use langevin_tasks::observe::or_failed;
/// assert!(or_failed(langevin::Process::parse("vp"), &()).is_ok());
/// ```
///
/// # Errors
/// Returns the error of the check if there is one, and otherwise the error of the work.
pub fn or_failed<T, E: std::error::Error + Send + Sync + 'static>(
    result: std::result::Result<T, E>,
    observer: &dyn Observer,
) -> Result<T, Error> {
    match result {
        Err(error) => observer.check().and(Err(error).or_failed()),
        done => done.or_failed(),
    }
}

/// Progress of a task.
///
/// ```
/// use langevin_tasks::observe::Progress;
/// let share = |progress: &Progress<'_>| match progress {
///     Progress::Done { done, all, .. } => *done as f64 / *all as f64,
///     _ => 0.0,
/// };
/// assert_eq!(share(&Progress::Done { unit: "rows", done: 3, all: 4 }), 0.75);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// `done` of `all` items are done.
    Done {
        /// Name of the items, for example `rows`.
        unit: &'a str,
        /// Number of items that are done.
        done: u64,
        /// Number of all items.
        all: u64,
    },
    /// A stage of unknown length.
    Stage(&'a str),
    /// The work has ended.
    End,
}

/// A note for the user of a task. [`Display`](fmt::Display) writes a sentence without a full stop.
/// Arguments are written in `‹›`, see [`spelled`](crate::words::spelled).
///
/// ```
/// use langevin_tasks::observe::Note;
/// let note = Note::EndsNoisy(0.1);
/// assert!(note.to_string().ends_with("the output is still noisy"));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// Data were read.
    Read {
        /// Name or file of the data.
        data: String,
        /// A description of what was read.
        summary: String,
    },
    /// Columns lie far from the scale of the model; a description of each such column.
    OtherScale(Vec<String>),
    /// The axes of pictures were reordered from channels first to channels last.
    ChannelsTurned {
        /// The file.
        data: String,
        /// The object whose axis order was used.
        like: String,
    },
    /// The network is evaluated on this device.
    OnDevice(String),
    /// Config fields that belong to other schedulers and are ignored.
    ForeignFields(Vec<String>),
    /// Config fields that no scheduler has.
    UnknownFields(Vec<String>),
    /// The plan comes from a scheduler.
    Scheduler {
        /// The sampler, if it is not the scheduler's own.
        sampler: Option<String>,
        /// Class of the scheduler.
        class: String,
        /// Path of the config.
        path: String,
    },
    /// The shift was computed from the number of tokens of a picture.
    Shift {
        /// The shift μ.
        mu: f64,
        /// Number of tokens.
        tokens: usize,
        /// True if the noise levels are those of a pipeline.
        on_pipeline: bool,
    },
    /// Shift μ of the scheduler.
    Mu(f64),
    /// The noise levels are the scheduler's own, although pipelines pass different ones.
    OwnLevels,
    /// diffusers itself fails on this run; the reason.
    Fault(String),
    /// Bugs of the original that were fixed.
    Fixed(Vec<String>),
    /// A statement in the config.
    Declares(String),
    /// The plan was converted for another network.
    Converted {
        /// The network that the plan was made for.
        from: String,
        /// The network that runs it.
        to: String,
    },
    /// Evaluations lie outside the trained noise range.
    Outside {
        /// Number of evaluations outside.
        outside: usize,
        /// Number of all evaluations.
        evaluations: usize,
        /// The trained noise range, in σ/α.
        trained: (f64, f64),
        /// The noise range of the plan, in σ/α.
        plan: (f64, f64),
    },
    /// Only the noise range of a plan is used.
    LevelsOfPlan {
        /// Name of the plan.
        plan: String,
        /// The noise range, in σ/α.
        range: (f64, f64),
    },
    /// Columns that are constant in the training data are not counted.
    Constants {
        /// The columns.
        columns: Vec<String>,
        /// Number of the other elements.
        others: usize,
    },
    /// Evenly spaced values are dequantised: a random number below the spacing is added.
    Dequantized {
        /// Description of the values and of the added number.
        what: String,
        /// The columns, unless all are evenly spaced.
        which: String,
    },
    /// The network was not trained on dequantised values.
    TrainDequantized,
    /// Number of directions in which the training data do not vary, and number of all directions.
    Flat(u64, u64),
    /// The noise range was clipped to this trained range, in σ/α.
    Clipped(f64, f64),
    /// The plan ends at this σ/α, not at 0.
    EndsNoisy(f64),
    /// A tuned plan runs on a model that answers differently; the name of the model of the fit.
    TunedElsewhere(String),
    /// The time of a tuning ran out before its fits ended.
    Hurried,
    /// There is no comparison with twice the steps; the reason.
    Twice(String),
    /// The noise of the training was coupled to the data; the consequence.
    Coupled(&'static str),
    /// The density of an ONNX network cannot be computed.
    NotDifferentiable,
    /// The rows are those that the network was trained on; the consequence.
    TrainedOn(&'static str),
    /// Training rows occur in the data.
    Remembered {
        /// Number of training rows that the model remembers.
        of: usize,
        /// Number of those that occur in the data.
        found: usize,
    },
    /// Only part of the rows is compared.
    Compared {
        /// Number of rows that are compared.
        rows: usize,
        /// Number of all rows, for example `2,000 rows`.
        all: String,
        /// True if an argument allows more rows.
        more: bool,
    },
    /// Rows of other classes are left out.
    OtherClasses {
        /// Number of all rows.
        all: usize,
        /// Number of rows of the selected classes.
        rows: usize,
        /// Names of the selected classes.
        named: String,
    },
    /// Columns with heavy tails: descriptions of some, and the number of the others.
    HeavyTails(Vec<String>, usize),
    /// The data have no variance in some dimensions, so that KL divergences may be infinite: the
    /// number of those dimensions, and the number of all.
    NoVariance(u64, u64),
}

impl Note {
    /// Returns the label that precedes the note: `note`, `hint`, `warning`, `fixed`, or an empty
    /// string.
    ///
    /// ```
    /// use langevin_tasks::observe::Note;
    /// assert_eq!(Note::UnknownFields(vec!["x".to_owned()]).label(), "warning");
    /// ```
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::TrainDequantized => "hint",
            Self::UnknownFields(_) => "warning",
            Self::Fixed(_) => "fixed",
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
            Self::Fixed(all) if all.is_empty() => f.write_str("nothing"),
            Self::Fixed(all) => f.write_str(&all.join("; ")),
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
            Self::TunedElsewhere(model) => write!(
                f,
                "this plan was tuned for another model or condition ({}): measure it here before you rely on it",
                visible(model)
            ),
            Self::Hurried => f.write_str("the time ran out before the fits ended; another run can give another plan"),
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
