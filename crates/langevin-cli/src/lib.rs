//! The `langevin` command as a library of one function: train, read, plan and sample diffusion models.
//!
//! | module | what it does |
//! |---|---|
//! | `cli` | every flag, once, with its help |
//! | `commands` | one file per command |
//! | `source` | a trained network or an exact density, and how it is read |
//! | `schedule` | sampler flags → [`langevin::Plan`] |
//! | `request` | a plan from a file or from a scheduler's config, made to fit a model |
//! | `survey` | lists of samplers, grids and steps → plans and their exact errors |
//! | `comparison` | samples against data: of a model, or of a file |
//! | `condition` | classes, and guidance towards them |
//! | `data` | what to train on, checked |
//! | `rundir` | the directory of a training run |
//! | `rows` | data for a model that exists: of its width, in its coordinates |
//! | `spectrum` | Gaussian data: eigenvalues, or the covariance of rows |
//! | `edit` | pictures that are changed, filled in or inverted |
//! | `io` | `.npy`, `.csv` and `.png`; outputs appear whole or not at all |
//! | `check` | what is refused before the work, and before its result is written |
//! | `outputs` | no output takes the place of an input or of a file of a run |
//! | `threads` | how many threads share the work |
//! | `interrupt` | the end that a user asks for |
//! | `progress` | how far the work has come |
//! | `words` | words for people, and words from strangers made harmless |
//! | `error` | what is printed when something is wrong, and the exit code |
#![forbid(unsafe_code)]
// But for one function: `pub` elsewhere says that other modules use it.
#![allow(unreachable_pub)]

mod check;
mod cli;
mod commands;
mod comparison;
mod condition;
mod data;
mod edit;
mod error;
mod interrupt;
mod io;
mod outputs;
mod progress;
mod request;
mod rows;
mod rundir;
mod schedule;
mod source;
mod spectrum;
mod survey;
mod threads;
mod trained;
mod watch;
mod words;

pub use interrupt::leave;

use std::ffi::OsString;

/// Runs the command with these arguments, the program's name first, and gives its exit status. Output goes to the process's own streams, and Ctrl-C asks for an orderly end.
///
/// ```
/// assert_eq!(langevin_cli::run(["langevin", "explain", "ddim"]), 0);
/// ```
pub fn run<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> u8 {
    commands::run(words.into_iter().map(Into::into).collect())
}
