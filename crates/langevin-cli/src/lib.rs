//! The `langevin` command as a library with one function, [`run`].
//!
//! | module | content |
//! |---|---|
//! | `cli` | all flags with their help texts, each defined once |
//! | `arguments` | conversion of flags to the types of `langevin-tasks` |
//! | `terminal` | notes, progress and Ctrl-C of a task |
//! | `commands` | one file per command |
//! | `schedule` | sampler flags → [`langevin::Request`] |
//! | `request` | the commands that run a plan |
//! | `survey` | plans and their exact errors, as JSON |
//! | `rundir` | the directory of a training run |
//! | `io` | `.npy`, tables and `.png`; outputs appear completely or not at all |
//! | `check` | checks made before the work, and before its result is written |
//! | `outputs` | protects inputs and the files of runs from being overwritten |
//! | `threads` | number of threads that share the work |
//! | `interrupt` | Ctrl-C and termination signals |
//! | `progress` | the progress display |
//! | `words` | texts for users; escaping of external texts |
//! | `error` | output of errors, and exit codes |
#![forbid(unsafe_code)]
// Only one function is public; elsewhere `pub` means visible to the other modules.
#![allow(unreachable_pub)]

mod arguments;
mod check;
mod cli;
mod commands;
mod error;
mod interrupt;
mod io;
mod outputs;
mod progress;
mod request;
mod rundir;
mod schedule;
mod survey;
mod terminal;
mod threads;
mod watch;
mod words;

pub use interrupt::leave;

use std::ffi::OsString;

/// Runs the command with these arguments, of which the first is the program's name, and returns its
/// exit status. Output goes to the process's streams, and Ctrl-C requests an orderly end.
///
/// ```
/// assert_eq!(langevin_cli::run(["langevin", "explain", "ddim"]), 0);
/// ```
pub fn run<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> u8 {
    commands::run(words.into_iter().map(Into::into).collect())
}
