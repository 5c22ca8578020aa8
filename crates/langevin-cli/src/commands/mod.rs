//! The commands.

mod analyze;
mod compare;
mod demo;
mod diagnose;
mod explain;
mod info;
mod likelihood;
mod lint;
mod objective;
mod picture;
mod plan;
mod recommend;
mod sample;
mod train;
mod verify;
mod vs_vae;

use crate::cli::{Cli, Command};
use crate::error::Result;
use crate::words::{visible, visible_lines};
use clap::Parser as _;
use clap::error::ErrorKind;
use std::io::Write as _;
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
            let mut words = std::env::args_os().skip(1);
            let acts = error.use_stderr() && words.any(|word| word.to_str().is_none_or(|word| visible(word) != word));
            // An argument that acts on a terminal is shown without doing so, and without colours.
            let safe = || visible_lines(&error.render().to_string());
            let _ = if acts { write!(std::io::stderr(), "{}", safe()) } else { error.print() };
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    ended(match &cli.command {
        Command::Demo(args) => demo::run(args),
        Command::Train(args) => train::run(args),
        Command::Sample(args) => sample::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Lint(args) => lint::run(args),
        Command::Analyze(args) => analyze::run(args),
        Command::Recommend(args) => recommend::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Objective(args) => objective::run(args),
        Command::Likelihood(args) => likelihood::run(args),
        Command::Diagnose(args) => diagnose::run(args),
        Command::VsVae(args) => vs_vae::run(args),
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
