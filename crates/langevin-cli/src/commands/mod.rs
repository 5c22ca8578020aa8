//! The commands.

mod demo;
mod info;
mod plan;
mod sample;
mod train;

use crate::cli::{Cli, Command};
use crate::error::Result;
use clap::Parser as _;
use clap::error::ErrorKind;
use std::process::ExitCode;

/// Reads the flags, runs the command, and says how it ended.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Asked for nothing: the help is the answer, not a complaint.
            return ended(crate::io::print(&error.render().to_string()));
        }
        Err(error) => {
            // Help and version go to stdout, mistakes to stderr; nothing can be done if neither can be written.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    ended(match &cli.command {
        Command::Demo(args) => demo::run(args),
        Command::Train(args) => train::run(args),
        Command::Sample(args) => sample::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Info(args) => info::run(args),
    })
}

fn ended(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.exit as u8)
        }
    }
}
