//! Training a network: settings in, a summary out, an observer on the way.
//!
//! A training takes four values:
//!
//! | value | content |
//! |---|---|
//! | [`TrainingData`] | the rows, made ready for a network ([`prepare`]) and split into those to learn from and those held out |
//! | [`Settings`] | the recipe, what is kept and how often, the device, when to stop |
//! | [`Kept`] | the files: a model, the directory of a run, both, or none; a new run or one that is resumed |
//! | [`Base`] | the model or run that the training starts from, if any: its recipe holds but for what may change |
//!
//! [`train`] returns a [`Summary`], or a [`TrainError`] whose variants hold numbers and names in place of
//! words. What a person should know on the way reaches an [`Observer`] as values: a [`Step`] after every
//! step, [`Warning`]s, files that were saved, pictures that are due. The caller puts them into words, and
//! knows the names of its own arguments.
//!
//! | file | decides |
//! |---|---|
//! | `run.rs` | the loop: the order of steps, looks at held-out rows, files and the end |
//! | `kept.rs` | what is written, where, and that nothing is written before the training is accepted |
//! | `resume.rs` | in which fields two recipes differ, and which of them may change of a run |
//! | `base.rs` | which fields are the model's when a training starts from one |
//! | `data.rs` | whether rows can be trained on, how they are described, what may go wrong with them |
//! | `best.rs` | the best step on held-out rows, and when a later one is notably worse |
//! | `clipping.rs` | when clipped gradients are worth a warning |
//! | `pace.rs`, `ways.rs` | when steps take too long, and what makes them shorter or smaller |
//! | `trial.rs` | how many steps this machine makes in the time of the demo |
//! | `samples.rs` | how samples are drawn on the way |
//! | `average.rs` | a model of another average of the weights |
//!
//! # Example
//!
//! A network that is kept nowhere, with an observer that counts the steps:
//!
//! ```
//! use langevin_data::Dataset;
//! use langevin_tasks::rundir::{Arguments, Files};
//! use langevin_tasks::train::{Kept, Observer, Place, Settings, Step, TrainingData, train};
//! use langevin_train::{Budget, MlpConfig, Recipe};
//!
//! /// Nothing is written here.
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
//! let mut kept = Kept::new(Place::default(), &NoFiles, Arguments { run: "run", resume: "resume" })?;
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
pub use samples::draw;
pub use settings::{PICTURES_DECAY, STEPS, Settings, seen_shape, usual_steps};
pub use trial::{Trial, affordable_steps};
pub use ways::{Way, Ways};
