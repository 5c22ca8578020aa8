//! Flags without effect. Every flag that is given is used or refused.
//!
//! Rules about two flags of one command are declared in clap (`requires`, `conflicts_with`). This
//! module has the rules that depend on values: the data, the network, a file or a name. A flag at
//! its default is never refused, because a saved configuration contains every flag.

use crate::error::{Failure, Result};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use langevin_tasks::data;
use std::ffi::OsString;
use std::path::Path;

/// A group of flags that have no effect.
struct Idle {
    ids: &'static [&'static str],
    /// The data, network or mode for which these flags have an effect.
    aim: &'static str,
    /// The data, network or mode of this command.
    got: String,
}

/// Refuses given flags of `command` that have no effect.
///
/// # Errors
/// Returns an error that names the first such flag and its purpose.
pub fn check(command: &Command, matches: &ArgMatches) -> Result<()> {
    decided(command.get_name(), matches)?;
    for idle in idle(command.get_name(), matches) {
        let Some(id) = idle.ids.iter().find(|id| is_given(command, matches, id)) else { continue };
        let flag = format!("--{}", id.replace('_', "-"));
        return Err(Failure::misused(format!("{flag} has no effect here"))
            .at(flag.clone())
            .expected(idle.aim)
            .got(idle.got)
            .hint(format!("leave out {flag}")));
    }
    Ok(())
}

/// Flags of a sampler and its steps, which a plan determines.
const OF_A_PLAN: &[&str] = &[
    "sampler",
    "moves",
    "eta",
    "steps",
    "nfe",
    "grid",
    "sigma_min",
    "sigma_max",
    "guidance",
    "guidance_sweep",
    "guidance_interval",
    "adaptive",
    "strength",
    "start_at",
    "read_as",
    "from_diffusers",
    "consistent",
    "mu",
    "image_seq_len",
    "strict",
    "sigmas",
    "timesteps",
    "set",
];
/// Flags that a scheduler's config determines.
const OF_A_CONFIG: &[&str] = &[
    "moves",
    "grid",
    "sigma_min",
    "sigma_max",
    "guidance",
    "guidance_sweep",
    "guidance_interval",
    "adaptive",
    "strength",
    "read_as",
];

/// Refuses flags that a plan or a scheduler's config determines, even at their defaults, because
/// the plan may differ from the default.
fn decided(command: &str, matches: &ArgMatches) -> Result<()> {
    decided_by(command, &|id| {
        matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine)
    })
}

/// Checks a command line that clap refuses because a flag requires another one. If the first of the
/// two is itself refused together with a plan, that error is more helpful.
///
/// # Errors
/// Returns an error that names the flag.
pub fn check_words(command: &Command, words: &[OsString]) -> Result<()> {
    let flags: Vec<&str> =
        words.iter().filter_map(|word| word.to_str()?.strip_prefix("--")?.split('=').next()).collect();
    decided_by(command.get_name(), &|id| {
        command
            .get_arguments()
            .any(|arg| arg.get_id() == id && arg.get_long().is_some_and(|long| flags.contains(&long)))
    })
}

fn decided_by(command: &str, given: &dyn Fn(&str) -> bool) -> Result<()> {
    // In `plan`, clap declares the flags that conflict with a config.
    if !["sample", "evaluate", "invert", "likelihood", "diagnose"].contains(&command) {
        return Ok(());
    }
    let (what, by, ids) = match (given("plan"), given("from_diffusers")) {
        (true, _) => ("plan", "--plan", OF_A_PLAN),
        (_, true) => ("config", "--from-diffusers", OF_A_CONFIG),
        (false, false) if given("set") => {
            return Err(Failure::misused("--set has no effect here")
                .at("--set")
                .expected("--from-diffusers FILE")
                .got("no scheduler's config")
                .hint("leave out --set; options of a sampler go behind its name, as in --sampler heun:churn=40"));
        }
        (false, false) => return Ok(()),
    };
    if command == "likelihood" && by == "--from-diffusers" && given("set") {
        return Err(Failure::misused("--set has no effect here")
            .at("--set")
            .expected("a command that takes the scheduler's steps, such as sample or evaluate")
            .got("likelihood, which takes its noise levels alone")
            .hint("leave out --set"));
    }
    // The noise h/g of the model whose likelihood is measured, and the formulation that the model
    // is read as, are not part of a plan.
    let free = |id: &str| command == "likelihood" && ["eta", "read_as"].contains(&id);
    let Some(id) = ids.iter().find(|id| given(id) && !free(id)) else { return Ok(()) };
    let flag = if *id == "read_as" { "--as".to_owned() } else { format!("--{}", id.replace('_', "-")) };
    Err(Failure::misused(format!("the {what} decides what {flag} says"))
        .at(format!("{flag}, {by}"))
        .expected("one of the two")
        .got("both")
        .hint(match (by, *id) {
            ("--from-diffusers", "strength") => {
                "give --start-at K, the steps that are left out, in place of --strength".to_owned()
            }
            _ => format!("leave out {flag}"),
        }))
}

/// Returns true if a flag has no effect with the other flags.
pub fn is_idle(command: &Command, matches: &ArgMatches, id: &str) -> bool {
    idle(command.get_name(), matches).iter().any(|idle| idle.ids.contains(&id))
}

/// Flags that were given with a value other than their default.
///
/// A command whose model decides which flags have an effect lists those that have, so that no other
/// flag is ignored silently.
#[derive(Clone, Debug, Default)]
pub struct Flags(Vec<String>);

impl Flags {
    pub fn of(command: &Command, matches: &ArgMatches) -> Self {
        let named = command.get_arguments().filter_map(|arg| Some((arg.get_id().as_str(), arg.get_long()?)));
        Self(named.filter(|(id, _)| is_given(command, matches, id)).map(|(_, long)| long.to_owned()).collect())
    }

    /// Refuses flags that are neither in `own`, the flags of the command, nor describe the model,
    /// the machine and the output; `what` says what the model is.
    ///
    /// # Errors
    /// Returns an error that names the first such flag.
    pub fn only(&self, what: &str, own: &[&str]) -> Result<()> {
        match self.0.iter().find(|flag| !own.contains(&flag.as_str()) && !OF_ANY_MODEL.contains(&flag.as_str())) {
            None => Ok(()),
            Some(flag) => Err(Failure::misused(format!("{what}, and the flag is for other models"))
                .at(format!("--{flag}"))
                .expected(own.iter().map(|flag| format!("--{flag}")).collect::<Vec<_>>().join(", "))
                .hint(format!("leave out --{flag}"))),
        }
    }
}

/// Flags that every model of tokens has.
const OF_ANY_MODEL: &[&str] = &[
    "model", "exact", "onnx", "noise", "mask-id", "predict", "shape", "input", "output", "seed", "threads", "memory",
    "out", "json",
];

/// Returns true if a flag was given with a value other than its default.
fn is_given(command: &Command, matches: &ArgMatches, id: &str) -> bool {
    let Ok(value) = matches.try_get_raw(id) else { return false };
    let usual = command.get_arguments().find(|arg| arg.get_id() == id).map(clap::Arg::get_default_values);
    let last = value.and_then(Iterator::last);
    matches.value_source(id) == Some(ValueSource::CommandLine)
        && last.is_some_and(|last| usual.is_none_or(|usual| usual.last().is_none_or(|usual| usual.as_os_str() != last)))
}

/// Returns the value of a flag, given or default.
fn text(matches: &ArgMatches, id: &str) -> Option<String> {
    let mut values = matches.try_get_raw(id).ok().flatten()?;
    values.next_back().map(|value| value.to_string_lossy().into_owned())
}

fn on(matches: &ArgMatches, id: &str) -> bool {
    matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or(false)
}

fn is_there(matches: &ArgMatches, id: &str) -> bool {
    matches.try_contains_id(id).unwrap_or(false)
}

fn idle(command: &str, matches: &ArgMatches) -> Vec<Idle> {
    match command {
        "train" => training(matches),
        "sample" => sampling(matches),
        "invert" | "evaluate" | "report" => {
            let mut idle = sampling(matches);
            if is_there(matches, "guidance_sweep") {
                idle.push(Idle {
                    ids: &["guidance_sweep"],
                    aim: "one weight, --guidance",
                    got: format!("the command {command}, which draws no row for each weight"),
                });
            }
            if command == "report" && on(matches, "quick") {
                idle.push(Idle { ids: MEASURED, aim: "a report that measures", got: "--quick".to_owned() });
            }
            idle
        }
        "compare" => {
            let files = [text(matches, "first"), text(matches, "second")].into_iter().flatten();
            let samplers: Vec<String> = files.filter(|text| !is_json(text)).collect();
            let (aim, got) = ("a sampler to compile", "two plans, which bring their steps".to_owned());
            match samplers.is_empty() {
                true => vec![Idle { ids: &["steps", "grid", "range", "process"], aim, got }],
                false if samplers.iter().all(|text| text.contains('@')) => {
                    vec![Idle { ids: &["process"], aim: "a sampler without a process", got: samplers.join(" and ") }]
                }
                false => Vec::new(),
            }
        }
        "explain" if !is_there(matches, "name") => {
            vec![Idle { ids: &["process"], aim: "the name of a sampler", got: "the list of all".to_owned() }]
        }
        "explain" if on(matches, "cite") => {
            vec![Idle { ids: &["process"], aim: "a table", got: "--cite".to_owned() }]
        }
        _ => Vec::new(),
    }
}

/// Flags that only the measurements of a report use.
const MEASURED: &[&str] =
    &["guidance", "guidance_interval", "class", "sampler", "moves", "eta", "steps", "grid", "sigma_min", "sigma_max"];

fn is_json(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

fn sampling(matches: &ArgMatches) -> Vec<Idle> {
    let mut idle = Vec::new();
    if !is_there(matches, "guidance") && !is_there(matches, "guidance_sweep") {
        // A plan may contain guidance, which only its file shows.
        let ids: &[&str] = match is_there(matches, "plan") {
            true => &["guidance_interval"],
            false => &["guidance_interval", "uncond_input"],
        };
        idle.push(Idle { ids, aim: "--guidance W", got: "no guidance".to_owned() });
    }
    // Clap accepts a flag whose required flag conflicts with another given flag, for example
    // --adaptive with --steps.
    if !is_there(matches, "adaptive") {
        idle.push(Idle { ids: &["rtol", "atol"], aim: "--adaptive PAIR", got: "steps of a grid".to_owned() });
    }
    if !is_there(matches, "from") {
        idle.push(Idle { ids: &["strength", "mask"], aim: "--from FILE", got: "samples of pure noise".to_owned() });
    }
    idle
}

/// Returns true if the flags say that the data of a training are tokens.
fn of_tokens(matches: &ArgMatches) -> bool {
    let named = ["noise", "tokens", "length"].iter().any(|id| is_there(matches, id));
    let names = text(matches, "data").is_some_and(|name| name.eq_ignore_ascii_case("names"));
    named || names || text(matches, "network").as_deref() == Some("sequence")
}

fn training(matches: &ArgMatches) -> Vec<Idle> {
    let mut idle = Vec::new();
    let network = text(matches, "network").unwrap_or_default();
    match &*network {
        "dit" => idle.push(Idle {
            ids: &["waves", "activation", "plain"],
            aim: "--network mlp",
            got: "--network dit".to_owned(),
        }),
        // Tokens are learned by a transformer, whatever the network for numbers would be.
        _ if of_tokens(matches) => {
            idle.push(Idle { ids: &["patch"], aim: "--network dit", got: "data of tokens".to_owned() })
        }
        _ => idle.push(Idle { ids: &["patch", "heads"], aim: "--network dit", got: format!("--network {network}") }),
    }
    if !on(matches, "conditional") {
        idle.push(Idle { ids: &["label_dropout"], aim: "--conditional", got: "a training without classes".to_owned() });
    }
    if let Some(name) = text(matches, "data") {
        let (pictures, labels) = (&["size", "skip_bad"], &["label_column"]);
        let got = format!("--data {name}");
        let (aim, table) = ("a folder of pictures", "a .csv or .parquet file");
        if data::names().iter().any(|known| known.eq_ignore_ascii_case(&name)) && data::file(&name).is_none() {
            idle.push(Idle { ids: pictures, aim, got: got.clone() });
            idle.push(Idle { ids: labels, aim: table, got });
        } else {
            let ending = Path::new(&name).extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
            match ending.as_deref() {
                Some("csv" | "tsv") => idle.push(Idle { ids: pictures, aim, got }),
                // An array may contain records and a folder may contain tables; this is known only
                // after reading.
                Some("npy" | "npz") => idle.push(Idle { ids: pictures, aim, got }),
                _ => {}
            }
        }
    }
    idle
}
