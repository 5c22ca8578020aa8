//! Training of a network: settings in, a summary out, with an observer.
//!
//! A training takes four values:
//!
//! | value | content |
//! |---|---|
//! | [`TrainingData`] | the rows: prepared ([`prepare`]) and split into training and held-out |
//! | [`Settings`] | the recipe, the intervals of saving, the device, a stop condition |
//! | [`Kept`] | the files: a model, a run directory, both, or neither; a new run or a resumed one |
//! | [`Base`] | the model or run that the training starts from, if any; it determines most fields |
//!
//! [`train`] returns a [`Summary`] or a [`TrainError`], whose variants hold numbers and names in
//! place of text. An [`Observer`] receives events as values: a [`Step`] after every step,
//! [`Warning`]s, saved files, and requests for pictures. The caller converts them to text, with the
//! names of its own arguments.
//!
//! | file | responsibility |
//! |---|---|
//! | `run.rs` | the loop: the order of steps, evaluations of held-out rows, files and the end |
//! | `kept.rs` | the files and their places; nothing is written before the training is accepted |
//! | `resume.rs` | differences between recipes, and those that a resumed run may have |
//! | `base.rs` | the fields that a model determines if a training starts from one |
//! | `data.rs` | preparation, description and checks of rows |
//! | `best.rs` | the best step on held-out rows, and detection of over-training |
//! | `clipping.rs` | warnings about clipped gradients |
//! | `pace.rs` | warnings about slow steps |
//! | `ways.rs` | changes that make steps faster or smaller |
//! | `trial.rs` | the number of steps that this machine can make in the time of the demo |
//! | `samples.rs` | samples during the training |
//! | `average.rs` | models with a different average of the weights |
//!
//! # Examples
//!
//! A network is trained without files, with an observer that counts the steps:
//!
//! ```
//! use langevin_data::Dataset;
//! use langevin_tasks::rundir::{Arguments, Files};
//! use langevin_tasks::train::{Kept, Observer, Place, Settings, Step, TrainingData, train};
//! use langevin_train::{Budget, MlpConfig, Recipe};
//!
//! /// Writes nothing.
//! struct NoFiles;
//! impl Files for NoFiles {
//!     fn save(&self, _: &std::path::Path, _: &[u8]) -> langevin_tasks::Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! #[derive(Default)]
//! struct Counter(u64);
//! impl Observer for Counter {
//!     fn stepped(&mut self, step: &Step<'_>) {
//!         self.0 = step.progress.step;
//!     }
//! }
//!
//! let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(5));
//! recipe.network = MlpConfig::new(8, 1).into();
//! let data = TrainingData::split(Dataset::new("line", vec![0.0, 1.0, 2.0, 3.0], &[1])?, None);
//! let arguments = Arguments { run: "run", resume: "resume" };
//! let mut kept = Kept::new(Place::default(), &NoFiles, arguments)?;
//! let mut counter = Counter::default();
//! let summary = train(&data, Settings::new(recipe), None, &mut kept, &mut counter)?;
//! assert_eq!((counter.0, summary.network.metadata().training.steps), (5, 5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod average;
mod base;
mod best;
mod clipping;
mod data;
mod error;
mod kept;
mod observer;
mod pace;
mod resume;
mod run;
mod samples;
mod settings;
mod trial;
mod ways;

pub use average::{Averaged, average};
pub use base::{Base, Choice, FROM_MODEL, FROM_MODEL_UNLESS_CHOSEN};
pub use best::{BestModel, Peak, beside};
pub use data::{ClassCount, Description, Preparation, TrainingData, prepare};
pub use error::TrainError;
pub use kept::{Kept, Place};
pub use observer::{Change, Observer, Opened, Step, Warning};
pub use pace::{Foreseen, Pace, PaceListener};
pub use resume::{differences, fields, may_change};
pub use run::{Ending, Summary, train};
pub use samples::{draw, draw_table, draw_tokens};
pub use settings::{PICTURES_DECAY, STEPS, Settings, seen_shape, usual_steps};
pub use trial::{Affordable, Trial, affordable_steps};
pub use ways::{Way, Ways};
