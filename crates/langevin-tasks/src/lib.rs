//! The tasks of `langevin`: typed in, typed out, without flags, printing or state of the process.
//!
//! The command line and the Python module are faces of these functions: they turn arguments into types, and results and errors into words.
//!
//! | module | content |
//! |---|---|
//! | [`comparison`] | distances between samples and data, copies of training rows, and the floor that real rows give |
//! | [`rows`] | rows for a model that exists: what they are to it, its coordinates, rows of another scale |
//! | [`spectrum`] | the Gaussian of rows, or of a model's training data |
//! | [`train`](mod@train) | a training: settings in, a summary out, an observer on the way |
//! | [`watch`] | loss and bound of held-out rows while training |
//! | [`rundir`], [`lock`] | the directory of a training run, and one process at a time in it |
//! | [`memory`] | the memory that may still be taken, and the room on a disk |
//! | [`error`], [`words`] | the one error, and text from outside made harmless |
//!
//! # Example
//!
//! Samples of a network against data, measured as `langevin evaluate` does:
//!
//! ```
//! use langevin_data::Dataset;
//! use langevin_tasks::comparison::{Comparison, Sets, Units};
//! let real = Dataset::new("line", (0..64).map(|i| (0.37 * f64::from(i)).sin() as f32).collect(), &[1])?;
//! let sets = Sets::of("held-out rows", real);
//! let comparison = Comparison { units: Units::own(), sets: &sets, count: None, seed: 0 };
//! let samples: Vec<f64> = (0..64).map(|i| (0.41 * f64::from(i)).sin()).collect();
//! let evaluation = comparison.measure(samples, comparison.size()?.rows, &|| Ok(()))?;
//! assert!(evaluation.found.wasserstein < 0.3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod comparison;
pub mod error;
pub mod lock;
pub mod memory;
pub mod rows;
pub mod rundir;
pub mod spectrum;
pub mod train;
pub mod watch;
pub mod words;

pub use error::{Blame, Error, Kind, Result};
