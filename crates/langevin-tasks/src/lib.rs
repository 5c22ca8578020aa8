//! The tasks of `langevin`: typed in, typed out, without flags, printing or state of the process.
//!
//! The command line and the Python module are faces of these functions: they turn arguments into types, and results and errors into words.
//!
//! | module | content |
//! |---|---|
//! | [`observe`] | what a caller hears on the way, and how it ends a task |
//! | [`source`] | a model: a trained network, an ONNX file or a density in closed form, and how it is read |
//! | [`given`] | a plan of a file or of a scheduler's config, made to fit the model |
//! | [`sample`] | samples by a plan, or by steps that are found on the way |
//! | [`condition`], [`edit`] | classes and guidance; pictures or rows that samples start from |
//! | [`invert`] | data to noise and back |
//! | [`likelihood`] | a bound of −log p, or the density of the ODE |
//! | [`evaluate`], [`comparison`] | samples against data: which rows, and the distances |
//! | [`diagnose`] | where the error of samples comes from |
//! | [`recommend`], [`trained`], [`spectrum`], [`eigenvalues`] | the best sampler within a budget, and the Gaussian data that it is best for |
//! | [`train`](mod@train), [`watch`] | a training: settings in, a summary out, an observer on the way |
//! | [`rundir`], [`lock`] | the directory of a training run, and one process at a time in it |
//! | [`data`], [`rows`] | data by name or from a file; rows as a model knows them |
//! | [`content`], [`documents`] | what a file must hold, and small documents of strangers |
//! | [`limits`], [`memory`] | how much a machine can take |
//! | [`error`], [`words`] | the one error; arguments that each face spells its own way |
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
pub mod condition;
pub mod content;
pub mod data;
pub mod diagnose;
pub mod documents;
pub mod edit;
pub mod eigenvalues;
pub mod error;
pub mod evaluate;
pub mod given;
pub mod invert;
pub mod likelihood;
pub mod limits;
pub mod lock;
pub mod memory;
pub mod observe;
pub mod recommend;
pub mod rows;
pub mod rundir;
pub mod sample;
pub mod source;
pub mod spectrum;
pub mod train;
pub mod trained;
pub mod watch;
pub mod words;

pub use error::{Blame, Error, Kind, Result};
