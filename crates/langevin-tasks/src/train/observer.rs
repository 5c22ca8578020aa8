//! The interface through which a caller follows a training.

use super::best::Peak;
use super::pace::PaceListener;
use super::resume::may_change;
use crate::error::{Error, Result};
use crate::watch::Look;
use langevin_data::{HeavyTail, Skipped};
use langevin_train::{Device, Network, Progress, Recipe};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A caller that follows a training. By default the training continues and its events are ignored.
///
/// The methods are called between steps, in the thread that trains. Only the function that
/// [`pace`](Self::pace) returns is called from another thread. The [module](super) has an example.
pub trait Observer {
    /// Returns true if the training continues. It is called between steps. After `false` the state
    /// is saved and [`train`](super::train()) returns.
    fn goes_on(&mut self) -> bool {
        true
    }

    /// Decides on the changes of a resumed run. Returns the entry for the log, if there is one.
    ///
    /// Changes of fields for which [`may_change`](super::may_change()) is false end the training
    /// regardless of the result. A caller that checks them here can name its own arguments in the
    /// error.
    ///
    /// # Errors
    /// Returns an error if the run cannot continue with these changes.
    fn changed(&mut self, change: &Change<'_>) -> Result<Option<Map<String, Value>>> {
        change.check()?;
        Ok(change.record())
    }

    /// Called when the network is ready, before anything is written.
    fn opened(&mut self, opened: &Opened<'_>) {
        let _ = opened;
    }

    /// Called with every warning for the user. Warnings do not end the training.
    fn warned(&mut self, warning: &Warning) {
        let _ = warning;
    }

    /// Called before the first step.
    fn begun(&mut self) {}

    /// Returns a function that is called once if the training takes long. The call may come from
    /// another thread, in the middle of the first step.
    fn pace(&self) -> Option<PaceListener> {
        None
    }

    /// Called after every step.
    fn stepped(&mut self, step: &Step<'_>) {
        let _ = step;
    }

    /// Called with every line of the log, before [`stepped`](Self::stepped).
    ///
    /// # Errors
    /// Returns an error to end the training without saving another state.
    fn logged(&mut self, line: &Value) -> Result<()> {
        let _ = line;
        Ok(())
    }

    /// Called when the held-out rows reach their best score so far. The score is their bound in
    /// bits per dimension, or their loss if there is no bound.
    fn improved(&mut self, step: u64, score: f64) {
        let _ = (step, score);
    }

    /// Called after the state and the models of a step were written.
    fn saved(&mut self, step: u64, models: &[PathBuf]) {
        let _ = (step, models);
    }

    /// Called when a picture of samples is due, with the current averaged network and the path for
    /// the picture.
    ///
    /// # Errors
    /// Returns an error to end the training without saving another state.
    fn picture(&mut self, network: &mut Network, path: &Path) -> Result<()> {
        let _ = (network, path);
        Ok(())
    }

    /// Called after the last step, before the last state is saved.
    fn ended(&mut self) {}
}

/// The starting point of the steps.
#[non_exhaustive]
pub struct Opened<'a> {
    /// Number of steps that a resumed run has made; `None` for a new training.
    pub after: Option<u64>,
    /// The device that evaluates the network.
    pub device: &'a Device,
}

/// A completed step.
#[non_exhaustive]
pub struct Step<'a> {
    /// Loss, gradient norm, speed and share of the budget.
    pub progress: Progress<'a>,
    /// The last evaluation of the held-out rows, at this step or an earlier one.
    pub held_out: Option<Look>,
    /// Number of rows of a step.
    pub batch: usize,
}

impl Step<'_> {
    /// Returns the remaining time of the budget at the average speed; `None` before the first per
    /// cent.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let done = self.progress.fraction.min(1.0);
        (done >= 0.01).then(|| self.progress.elapsed.mul_f64((1.0 - done) / done))
    }
}

/// A warning for the user of a training.
///
/// ```
/// use langevin_tasks::train::Warning;
/// assert!(format!("{:?}", Warning::VeryFewRows { rows: 3 }).contains("rows: 3"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Warning {
    /// Files of the data were left out.
    Skipped {
        /// Number of files.
        count: usize,
        /// The first file.
        first: Skipped,
    },
    /// All rows are the same.
    AllSame,
    /// Values are dequantised, but they are not evenly spaced.
    NoSpacing,
    /// Evenly spaced values are dequantised.
    Dequantized {
        /// The columns; empty for rows of several axes.
        columns: Vec<String>,
        /// Spacing of the values, if all columns have the same.
        spacing: Option<f64>,
    },
    /// A state of the run could not be read and was skipped.
    PassedOver {
        /// The file.
        state: PathBuf,
        /// The reason.
        error: Error,
    },
    /// Some values differ by less than the resolution of single precision.
    Blurred {
        /// The columns.
        columns: Vec<String>,
    },
    /// The rows lie far from the scale that the training expects.
    OffScale {
        /// Descriptions of the columns.
        columns: Vec<String>,
        /// True if the rows are normalised; false if the data are left as they are.
        mapped: bool,
    },
    /// The values are so coarsely spaced that they have no density.
    Coarse {
        /// The columns; empty for rows of several axes.
        columns: Vec<String>,
        /// Spacing of the values, if all columns have the same.
        spacing: Option<f64>,
    },
    /// Some columns have heavy tails.
    HeavyTails {
        /// The columns by name, with their tails.
        columns: Vec<(String, HeavyTail)>,
        /// True if all values of these columns are positive, so that logarithms help.
        positive: bool,
    },
    /// A table has fewer rows than columns, or as many.
    FewRows {
        /// Number of training rows.
        rows: usize,
        /// Number of columns.
        columns: usize,
    },
    /// There are so few rows that a network will memorise them.
    VeryFewRows {
        /// Number of training rows.
        rows: usize,
    },
    /// All gradients were clipped for long, and the loss did not fall.
    Clipped {
        /// Number of consecutive steps.
        steps: u64,
        /// Norm to which gradients are clipped.
        clip: f64,
        /// The smoothed loss before and after these steps.
        loss: [f64; 2],
    },
    /// The held-out rows have been getting worse for long.
    Overtrained(Peak),
}

/// A run that is resumed with a different recipe.
#[non_exhaustive]
pub struct Change<'a> {
    /// The configuration in the directory of the run.
    pub configuration: &'a toml::Table,
    /// The recipe of the run.
    pub own: &'a Recipe,
    /// The requested recipe.
    pub wanted: &'a Recipe,
    /// The fields that differ, as returned by [`differences`](super::differences()).
    pub fields: &'a [String],
}

impl Change<'_> {
    /// Returns the fields that differ but must not change.
    pub fn refused(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(String::as_str).filter(|field| !may_change(field))
    }

    /// Checks that all differing fields may change.
    ///
    /// # Errors
    /// Returns an error that names the fields that must not.
    pub fn check(&self) -> Result<()> {
        let refused = self.refused().collect::<Vec<_>>().join(", ");
        if refused.is_empty() {
            return Ok(());
        }
        Err(Error::misused("this cannot be changed of a run").at(refused).expected("the value of the run"))
    }

    /// Returns the old and the new value of every field.
    fn record(&self) -> Option<Map<String, Value>> {
        let [own, wanted] = [self.own, self.wanted].map(|recipe| serde_json::to_value(recipe).unwrap_or_default());
        let of = |recipe: &Value, field: &str| {
            recipe.pointer(&format!("/{}", field.replace('.', "/"))).cloned().unwrap_or_default()
        };
        let both = |field: &String| (field.clone(), json!([of(&own, field), of(&wanted, field)]));
        let record: Map<String, Value> = self.fields.iter().map(both).collect();
        (!record.is_empty()).then_some(record)
    }
}
