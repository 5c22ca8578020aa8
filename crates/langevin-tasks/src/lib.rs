//! The tasks of `langevin` as typed functions, without flags, printing or process state.
//!
//! The command line and the Python module are thin layers on these functions. They convert
//! arguments to types, and results and errors to text.
//!
//! # Modules
//!
//! | module | content |
//! |---|---|
//! | [`source`] | models: trained networks, ONNX files and exact densities |
//! | [`sample`] | samples by a plan or with adaptive steps |
//! | [`condition`] | classes and guidance |
//! | [`edit`] | samples that start from existing pictures or rows |
//! | [`given`] | a plan from a file or from a scheduler's config, converted to fit the model |
//! | [`evaluate`], [`comparison`] | samples against data: the choice of rows, and the distances |
//! | [`likelihood`] | a bound on −log p, or the density of the ODE |
//! | [`diagnose`] | the contributions to the error of samples |
//! | [`invert`] | data encoded as noise and reconstructed |
//! | [`recommend`] | the best sampler within a budget |
//! | [`spectrum`], [`eigenvalues`], [`trained`] | the Gaussian data of rows, files and models |
//! | [`unroll`] | a plan unrolled around an ONNX network, as one ONNX file |
//! | [`train`](mod@train), [`watch`] | training: settings in, a summary out, with an observer |
//! | [`rundir`], [`lock`] | the directory of a training run, and its lock |
//! | [`data`], [`rows`] | data by name or from a file; rows in the coordinates of a model |
//! | [`content`] | checks on the content of files |
//! | [`documents`] | small documents from unknown sources |
//! | [`limits`], [`memory`] | memory limits and free memory |
//! | [`observe`] | observers: they receive notes and progress, and can end a task |
//! | [`error`] | the error type |
//! | [`words`] | escaping of texts; argument names that each caller spells in its own syntax |
//!
//! A task with long computations has two parts: `prepare` reads and checks all inputs, and `run` on
//! its result only computes. The caller can check its output files in between.
//!
//! # Examples
//!
//! Samples are compared with data, as `langevin evaluate` does:
//!
//! ```
//! use langevin_data::Dataset;
//! use langevin_tasks::comparison::{Comparison, Sets, Units};
//! let values = (0..64).map(|i| (0.37 * f64::from(i)).sin() as f32).collect();
//! let real = Dataset::new("line", values, &[1])?;
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
mod declared;
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
pub mod tables;
pub mod tokens;
pub mod train;
pub mod trained;
pub mod tune;
pub mod unroll;
pub mod watch;
pub mod words;

pub use error::{Blame, Error, Kind, Result};

/// The examples of the README are run as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
