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
mod learn;
mod likelihood;
mod lint;
mod objective;
mod picture;
mod plan;
mod preview;
mod recommend;
mod report;
pub mod sample;
mod train;
mod verify;
mod vs_vae;

use crate::cli::{Cli, Command, config};
use crate::error::Result;
use crate::outputs;
use crate::words::{QUOTED, quoting, visible, visible_lines};
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
        Ok(Ok(cli)) => cli,
        Ok(Err(failure)) => return ended(Err(failure)),
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Asked for nothing: the help is the answer, not a complaint.
            return ended(crate::io::print(&error.render().to_string()));
        }
        Err(error) => {
            // Help and version go to stdout, mistakes to stderr; nothing can be done if neither can be written.
            let strange =
                |word: &OsString| word.to_str().is_none_or(|word| word.len() > QUOTED || visible(word) != word);
            let acts = error.use_stderr() && words.iter().skip(1).any(strange);
            // An argument that acts on a terminal, or floods it, is shown without doing so, and without colours.
            let said = words.iter().filter_map(|word| word.to_str());
            let pieces = said.flat_map(|word| [word, word.split_once('=').map_or("", |(_, value)| value)]);
            let safe = || visible_lines(&quoting(&error.render().to_string(), pieces.clone()));
            let printed = if acts { write!(std::io::stderr(), "{}", safe()) } else { error.print() };
            if error.use_stderr() {
                return 2;
            }
            return ended(printed.and_then(|()| std::io::stdout().flush()).map_or_else(crate::io::unprinted, Ok));
        }
    };
    // Everything else reads rows or evaluates networks, and shares that among threads.
    let alone = matches!(
        cli.command,
        Command::Plan(_) | Command::Explain(_) | Command::Compare(_) | Command::Lint(_) | Command::Objective(_)
    );
    if !alone && let Err(failure) = crate::threads::ready() {
        return ended(Err(failure));
    }
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

/// The command that was asked for; of a training, with its whole configuration. Refused if an output of it would take the
/// place of an input.
fn parse(words: &[OsString]) -> std::result::Result<Result<Cli>, clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(words)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let (Command::Train(args), Some(train), Some(matches)) =
        (&mut cli.command, command.find_subcommand("train"), matches.subcommand_matches("train"))
    {
        args.effective = config::Effective::of(train, matches);
    }
    let asked = matches.subcommand().and_then(|(name, given)| Some((command.find_subcommand(name)?, given)));
    Ok(asked.map_or(Ok(()), |(command, given)| outputs::check(command, given)).map(|()| cli))
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
