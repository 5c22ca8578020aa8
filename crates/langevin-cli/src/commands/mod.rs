//! The commands.

mod analyze;
mod average;
mod compare;
mod demo;
mod diagnose;
mod evaluate;
mod explain;
mod info;
mod invert;
mod likelihood;
mod lint;
mod objective;
mod picture;
mod plan;
mod preview;
mod recommend;
mod report;
mod sample;
mod train;
mod verify;
mod vs_vae;

use crate::cli::{Cli, Command, config};
use crate::error::{Failure, Result};
use crate::words::{visible, visible_lines};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};
use std::ffi::OsString;
use std::io::Write as _;

/// Reads the arguments, the program's name first, runs the command, and gives its exit status.
pub fn run(words: Vec<OsString>) -> u8 {
    let words = match config::expand(words) {
        Ok(words) => words,
        Err(failure) => return ended(Err(failure)),
    };
    let cli = match parse(&words) {
        Ok(cli) => cli,
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Asked for nothing: the help is the answer, not a complaint.
            return ended(crate::io::print(&error.render().to_string()));
        }
        Err(error) => {
            if let Some(failure) = misplaced(&words, &error) {
                return ended(Err(failure));
            }
            // Help and version go to stdout, mistakes to stderr; nothing can be done if neither can be written.
            let strange = |word: &OsString| word.to_str().is_none_or(|word| visible(word) != word);
            let acts = error.use_stderr() && words.iter().skip(1).any(strange);
            // An argument that acts on a terminal is shown without doing so, and without colours.
            let safe = || visible_lines(&error.render().to_string());
            let _ = if acts { write!(std::io::stderr(), "{}", safe()) } else { error.print() };
            return if error.use_stderr() { 2 } else { 0 };
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
        Command::Evaluate(args) => evaluate::run(args),
        Command::Average(args) => average::run(args),
        Command::Report(args) => report::run(args),
        Command::Invert(args) => invert::run(args),
        Command::Likelihood(args) => likelihood::run(args),
        Command::Diagnose(args) => diagnose::run(args),
        Command::VsVae(args) => vs_vae::run(args),
        Command::Info(args) => info::run(args),
    })
}

/// A flag that another command has, where this one has it by another name.
fn misplaced(words: &[OsString], error: &clap::Error) -> Option<Failure> {
    use clap::error::{ContextKind, ContextValue};
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = flag.split(['=', ' ']).next().unwrap_or_default();
    let command = words.get(1)?.to_str()?;
    match (error.kind(), command, flag) {
        (ErrorKind::UnknownArgument, "recommend", "--steps") => Some(
            Failure::misused("evaluations are counted here, not steps")
                .at("--steps")
                .expected("--nfe N, the evaluations that a sample may cost")
                .got("--steps")
                .hint("give --nfe N in its place: every sampler gets as many steps as fit"),
        ),
        _ => None,
    }
}

/// The command that was asked for; of a training, with its whole configuration.
fn parse(words: &[OsString]) -> std::result::Result<Cli, clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(words)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let (Command::Train(args), Some(train), Some(matches)) =
        (&mut cli.command, command.find_subcommand("train"), matches.subcommand_matches("train"))
    {
        args.effective = config::effective(train, matches);
    }
    Ok(cli)
}

fn ended(result: Result<()>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(failure) => {
            failure.print();
            failure.exit as u8
        }
    }
}
