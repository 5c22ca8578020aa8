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
mod sample;
mod train;
mod verify;
mod vs_vae;

use crate::cli::{Cli, Command, config, flags, given};
use crate::error::{Failure, Result, print};
use crate::outputs;
use crate::words::{QUOTED, quoting, visible, visible_lines};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};
use std::ffi::OsString;
use std::io::Write as _;

/// Reads the arguments, the program's name first, runs the command, and gives its exit status.
pub fn run(words: Vec<OsString>) -> u8 {
    flags::at_hand(words.get(1).and_then(|word| word.to_str()).unwrap_or_default());
    let (words, origins) = match config::expand(words) {
        Ok(expanded) => expanded,
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
            if error.use_stderr()
                && let Some(failure) = origins.failure(&error)
            {
                return ended(Err(failure));
            }
            if let Some(failure) = misplaced(&words, &error) {
                return ended(Err(failure));
            }
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

/// A flag that another command has, where this one has it by another name.
fn misplaced(words: &[OsString], error: &clap::Error) -> Option<Failure> {
    use clap::error::{ContextKind, ContextValue};
    if error.kind() == ErrorKind::MissingRequiredArgument {
        let cli = Cli::command();
        return given::check_words(cli.find_subcommand(words.get(1)?)?, words).err();
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = flag.split(['=', ' ']).next().unwrap_or_default();
    let command = words.get(1)?.to_str()?;
    match (error.kind(), command, flag) {
        (ErrorKind::UnknownArgument, _, "--uncond-input") => Some(
            Failure::misused("the unconditional branch is evaluated under guidance alone")
                .at("--uncond-input")
                .expected("a command that guides: sample, evaluate or invert")
                .got(command)
                .hint("leave out --uncond-input"),
        ),
        (ErrorKind::UnknownArgument, "recommend", "--steps") => Some(
            Failure::misused("evaluations are counted here, not steps")
                .at("--steps")
                .expected("--nfe N, the evaluations that a sample may cost")
                .got("--steps")
                .hint("give --nfe N in its place: every sampler gets as many steps as fit"),
        ),
        (ErrorKind::UnknownArgument, "evaluate", "--held-out") => Some(
            Failure::misused("rows that were held out are chosen by themselves here")
                .at("--held-out")
                .expected("--data with the data of the training")
                .got("--held-out")
                .hint("leave out --held-out: of the data that a model was trained on, the rows held out are compared"),
        ),
        _ => None,
    }
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
    let checked = asked.map_or(Ok(()), |(command, matches)| {
        given::check(command, matches).and_then(|()| outputs::check(command, matches))
    });
    Ok(checked.map(|()| cli))
}

fn ended(result: Result<()>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(failure) => {
            print(&failure);
            failure.kind().code()
        }
    }
}
