//! The `langevin` command as a library of one function: train, read, plan and sample diffusion models.
//!
//! | module | what it does |
//! |---|---|
//! | `cli` | every flag, once, with its help |
//! | `arguments` | flags as the types of `langevin-tasks` |
//! | `terminal` | notes, progress and Ctrl-C of a task |
//! | `commands` | one file per command |
//! | `schedule` | sampler flags → [`langevin::Request`] |
//! | `request` | the commands that run a plan |
//! | `survey` | plans and their exact errors, as documents |
//! | `rundir` | the directory of a training run |
//! | `io` | `.npy`, tables and `.png`; outputs appear whole or not at all |
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

/// Runs the command with these arguments, the program's name first, and gives its exit status. Output goes to the process's own streams, and Ctrl-C asks for an orderly end.
///
/// ```
/// assert_eq!(langevin_cli::run(["langevin", "explain", "ddim"]), 0);
/// ```
pub fn run<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> u8 {
    commands::run(words.into_iter().map(Into::into).collect())
}
