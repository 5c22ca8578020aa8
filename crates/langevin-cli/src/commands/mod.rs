//! The commands of the program.

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
mod tokens;
mod train;
mod tune;
mod verify;
mod vs_vae;

use crate::cli::{
    AnalyzeArgs, AverageArgs, CompareArgs, DemoArgs, DiagnoseArgs, EvaluateArgs, ExplainArgs, InfoArgs, InvertArgs,
    LikelihoodArgs, LintArgs, ObjectiveArgs, PlanArgs, RecommendArgs, ReportArgs, SampleArgs, TrainArgs, TuneArgs,
    VerifyArgs, VsVaeArgs,
};
use crate::cli::{config, flags, given};
use crate::error::{Failure, Result, print};
use crate::outputs;
use crate::words::{QUOTED, quoting, visible, visible_lines};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write as _;

const EXAMPLES: &str = "\
Examples:
  langevin demo
  langevin plan --process rectified-flow --moves '(R L)*10' --json
  langevin sample --exact moons --as ve --steps 30 -n 5000 --out moons.png
  langevin train --data digits --out digits.safetensors
  langevin analyze --sampler ddim,adams2,heun --grid karras,uniform-t --data digits
  langevin sample digits.safetensors --as vp:score --sampler exponential --eta 1 -n 64 --out digits.png

Data goes to stdout, words to stderr.
Exit codes: 0 done; 1 the work failed (bad content in a file, an output that cannot be written);
2 the command was misused (unknown names, values out of range, files that do not exist); 130 interrupted.";

/// Every diffusion model is one Langevin equation, split: train, read, plan and sample
#[derive(Debug, Parser)]
#[command(name = "langevin", version, after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Defines the commands: the flags of each, and the module with its function `run`. A command
/// marked `alone` neither reads rows nor evaluates networks, so it needs no threads.
macro_rules! commands {
    ($($name:ident($args:ident) => $module:ident $($alone:ident)?,)*) => {
        /// The commands.
        #[derive(Debug, Subcommand)]
        pub enum Command {
            $($name($args),)*
        }

        impl Command {
            fn run(&self) -> Result<()> {
                match self {
                    $(Self::$name(args) => $module::run(args),)*
                }
            }

            /// Returns where a command keeps the flags that were given, if it asks for them.
            fn flags(&mut self) -> Option<&mut given::Flags> {
                match self {
                    Self::Sample(args) => Some(&mut args.flags),
                    Self::Analyze(args) => Some(&mut args.flags),
                    Self::Recommend(args) => Some(&mut args.flags),
                    Self::Tune(args) => Some(&mut args.flags),
                    Self::Evaluate(args) => Some(&mut args.flags),
                    Self::Likelihood(args) => Some(&mut args.flags),
                    _ => None,
                }
            }

            fn is_alone(&self) -> bool {
                match self {
                    $(Self::$name(_) => [$(stringify!($alone))?].contains(&"alone"),)*
                }
            }
        }
    };
}

commands! {
    Demo(DemoArgs) => demo,
    Train(TrainArgs) => train,
    Average(AverageArgs) => average,
    Report(ReportArgs) => report,
    Sample(SampleArgs) => sample,
    Plan(PlanArgs) => plan alone,
    Explain(ExplainArgs) => explain alone,
    Compare(CompareArgs) => compare alone,
    Lint(LintArgs) => lint alone,
    Analyze(AnalyzeArgs) => analyze,
    Recommend(RecommendArgs) => recommend,
    Tune(TuneArgs) => tune,
    Verify(VerifyArgs) => verify,
    Objective(ObjectiveArgs) => objective alone,
    Evaluate(EvaluateArgs) => evaluate,
    Invert(InvertArgs) => invert,
    Likelihood(LikelihoodArgs) => likelihood,
    Diagnose(DiagnoseArgs) => diagnose,
    VsVae(VsVaeArgs) => vs_vae,
    Info(InfoArgs) => info,
}

/// Parses the arguments, which start with the program's name, runs the command, and returns its
/// exit status.
pub fn run(words: Vec<OsString>) -> u8 {
    flags::at_hand(words.get(1).and_then(|word| word.to_str()).unwrap_or_default(), Cli::command);
    let (words, origins) = match config::expand(words) {
        Ok(expanded) => expanded,
        Err(failure) => return ended(Err(failure)),
    };
    let words = bare_exact(words);
    let cli = match parse(&words) {
        Ok(Ok(cli)) => cli,
        Ok(Err(failure)) => return ended(Err(failure)),
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Without arguments, the help is the requested output and not an error.
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
            // Help and version go to stdout, errors to stderr. A failure to write them cannot be
            // reported anywhere.
            let strange =
                |word: &OsString| word.to_str().is_none_or(|word| word.len() > QUOTED || visible(word) != word);
            let acts = error.use_stderr() && words.iter().skip(1).any(strange);
            // An argument that contains control characters, or that is very long, is escaped and
            // shortened, and the message is printed without colours.
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
    if !cli.command.is_alone()
        && let Err(failure) = crate::threads::ready()
    {
        return ended(Err(failure));
    }
    ended(cli.command.run())
}

/// Replaces `--exact` without a name in `likelihood MODEL --exact` by the flag that it stands for.
fn bare_exact(mut words: Vec<OsString>) -> Vec<OsString> {
    if words.get(1).is_some_and(|word| word == "likelihood") {
        for place in 2..words.len() {
            let named = words.get(place + 1).is_some_and(|next| !next.as_encoded_bytes().starts_with(b"-"));
            if words[place] == "--exact" && !named {
                words[place] = "--exact-likelihood".into();
            }
        }
    }
    words
}

/// Returns the error for a flag of another command, if this command has it under another name.
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

/// Parses the command, including the whole configuration of a training. Refuses outputs that would
/// overwrite an input.
fn parse(words: &[OsString]) -> std::result::Result<Result<Cli>, clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(words)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let (Command::Train(args), Some(train), Some(matches)) =
        (&mut cli.command, command.find_subcommand("train"), matches.subcommand_matches("train"))
    {
        args.effective = config::Effective::of(train, matches);
    }
    if let Some((name, given)) = matches.subcommand()
        && let Some(flags) = cli.command.flags()
        && let Some(command) = command.find_subcommand(name)
    {
        *flags = given::Flags::of(command, given);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_name_in_the_help_is_known() {
        let list = |command: &str, flag: &str| -> Vec<String> {
            let cli = Cli::command();
            let command = cli.find_subcommand(command).unwrap();
            let help = command.get_arguments().find(|a| a.get_long() == Some(flag)).unwrap().get_help().unwrap();
            let help = help.to_string();
            let help = help.rsplit_once(": ").map_or(help.as_str(), |(_, list)| list);
            let list = help.split(" [").next().unwrap();
            list.split(", ").map(str::to_owned).collect()
        };
        for name in list("train", "predict") {
            langevin::Prediction::parse(&name).unwrap();
        }
    }
}
