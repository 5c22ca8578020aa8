//! What a caller learns of a training while it runs.

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

/// A caller that follows a training. Every method does nothing by default.
///
/// The methods are called in the thread that trains, between steps; only the function of
/// [`pace`](Self::pace) is called from another one.
pub trait Observer {
    /// Returns whether the training goes on. It is asked between steps; after `false` the state is saved
    /// and [`train`](super::train()) returns.
    fn goes_on(&mut self) -> bool {
        true
    }

    /// Decides on the changes of a run that is resumed. Returns what the log says of them, if anything.
    ///
    /// Fields of which [`may_change`](super::may_change()) is false end the training whatever this method
    /// returns. A caller that checks them first can give reasons in the names of its own arguments.
    ///
    /// # Errors
    /// Returns an error if the run cannot go on with these changes.
    fn changed(&mut self, change: &Change<'_>) -> Result<Option<Map<String, Value>>> {
        change.check()?;
        Ok(change.record())
    }

    /// Called when the network is in its place, before anything is written.
    fn opened(&mut self, opened: &Opened<'_>) {
        let _ = opened;
    }

    /// Called with everything that a person should know and that ends nothing.
    fn warned(&mut self, warning: &Warning) {
        let _ = warning;
    }

    /// Called before the first step.
    fn begun(&mut self) {}

    /// Returns a function that is told once how long the training takes, if it takes long. It may be called
    /// from another thread, in the middle of the first step.
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
    /// An error ends the training without another state.
    fn logged(&mut self, line: &Value) -> Result<()> {
        let _ = line;
        Ok(())
    }

    /// Called when the held-out rows have their best score so far: their bound in bits a dimension or,
    /// without one, their loss.
    fn improved(&mut self, step: u64, score: f64) {
        let _ = (step, score);
    }

    /// Called after the state and the models of a step were written.
    fn saved(&mut self, step: u64, models: &[PathBuf]) {
        let _ = (step, models);
    }

    /// Called when a picture of samples is due, with the averaged network as it is now and the file that
    /// the picture belongs in.
    ///
    /// # Errors
    /// An error ends the training without another state.
    fn picture(&mut self, network: &mut Network, path: &Path) -> Result<()> {
        let _ = (network, path);
        Ok(())
    }

    /// Called when no step follows, before the last state is saved.
    fn ended(&mut self) {}
}

/// A place to start from.
#[non_exhaustive]
pub struct Opened<'a> {
    /// The steps that the run had made; `None` for a new training.
    pub after: Option<u64>,
    /// The device that evaluates the network.
    pub device: &'a Device,
}

/// A step that was made.
#[non_exhaustive]
pub struct Step<'a> {
    /// Its loss, gradient, speed and share of the budget.
    pub progress: Progress<'a>,
    /// The last look at the held-out rows, this step's or an earlier one's.
    pub held_out: Option<Look>,
    /// The rows of a step.
    pub batch: usize,
}

impl Step<'_> {
    /// Returns the time that is left of the budget at the speed so far; `None` before the first per cent.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let done = self.progress.fraction.min(1.0);
        (done >= 0.01).then(|| self.progress.elapsed.mul_f64((1.0 - done) / done))
    }
}

/// Something that a person should know of a training and that ends nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Warning {
    /// Files of the data were left out.
    Skipped {
        /// How many.
        count: usize,
        /// The first.
        first: Skipped,
    },
    /// All rows are the same.
    AllSame,
    /// A number is added to each value, and no even spacing was found in the values.
    NoSpacing,
    /// A state of the run could not be read.
    PassedOver {
        /// The file.
        state: PathBuf,
        /// The reason.
        error: Error,
    },
    /// Some values differ by less than a network in single precision can tell.
    Blurred {
        /// The columns.
        columns: Vec<String>,
    },
    /// The rows are far from where the map of the training takes its own.
    OffScale {
        /// Descriptions of the columns.
        columns: Vec<String>,
        /// Whether there is a map; without one the data are left as they are.
        mapped: bool,
    },
    /// The values come in steps so coarse that they have no density.
    Coarse {
        /// The columns; empty for rows of several axes.
        columns: Vec<String>,
        /// The spacing, if all columns have the same.
        spacing: Option<f64>,
    },
    /// Some columns have heavy tails.
    HeavyTails {
        /// The columns by name, with their tails.
        columns: Vec<(String, HeavyTail)>,
        /// Whether all their values are positive, so that logarithms help.
        positive: bool,
    },
    /// A table has fewer rows than columns, or as many.
    FewRows {
        /// Rows to learn from.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// There are so few rows that a network will memorise them.
    VeryFewRows {
        /// Rows to learn from.
        rows: usize,
    },
    /// All gradients were clipped for long, and the loss did not fall.
    Clipped {
        /// The steps in a row.
        steps: u64,
        /// The largest norm of a gradient.
        clip: f64,
        /// The smoothed loss before and after these steps.
        loss: [f64; 2],
    },
    /// The held-out rows have long been getting worse.
    Overtrained(Peak),
}

/// A run that is resumed with another recipe.
#[non_exhaustive]
pub struct Change<'a> {
    /// The configuration in the directory of the run.
    pub configuration: &'a toml::Table,
    /// The recipe of the run.
    pub own: &'a Recipe,
    /// The recipe that is asked for.
    pub wanted: &'a Recipe,
    /// The fields in which they differ, as [`differences`](super::differences()) returns them.
    pub fields: &'a [String],
}

impl Change<'_> {
    /// Returns the fields that differ and cannot change.
    pub fn refused(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(String::as_str).filter(|field| !may_change(field))
    }

    /// Checks that all these fields may change.
    ///
    /// # Errors
    /// Returns an error that names the fields that cannot.
    pub fn check(&self) -> Result<()> {
        let refused = self.refused().collect::<Vec<_>>().join(", ");
        if refused.is_empty() {
            return Ok(());
        }
        Err(Error::misused("this cannot be changed of a run").at(refused).expected("the value of the run"))
    }

    /// The old and the new value of every field.
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
