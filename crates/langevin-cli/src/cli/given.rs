//! What is given is used or refused: the flags that have no effect beside the others.
//!
//! Rules that name two flags of one command are clap's (`requires`, `conflicts_with`). Here are those that depend on values:
//! the data, the network, a file or a name. A flag at its default is never refused, since a configuration that was written
//! down gives every flag.

use crate::data;
use crate::error::{Failure, Result};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use std::path::Path;

/// Flags that have no effect.
struct Idle {
    ids: &'static [&'static str],
    /// The data, network or mode for which these flags have an effect.
    aim: &'static str,
    /// The data, network or mode of this command.
    got: String,
}

/// Refuses flags of `command` that were given and have no effect.
///
/// # Errors
/// Returns an error that names the first such flag and what it is for.
pub fn check(command: &Command, matches: &ArgMatches) -> Result<()> {
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

/// Whether a flag has no effect beside the others.
pub fn is_idle(command: &Command, matches: &ArgMatches, id: &str) -> bool {
    idle(command.get_name(), matches).iter().any(|idle| idle.ids.contains(&id))
}

/// Whether a flag was given with another value than its default.
fn is_given(command: &Command, matches: &ArgMatches, id: &str) -> bool {
    let Ok(value) = matches.try_get_raw(id) else { return false };
    let usual = command.get_arguments().find(|arg| arg.get_id() == id).map(clap::Arg::get_default_values);
    let last = value.and_then(Iterator::last);
    matches.value_source(id) == Some(ValueSource::CommandLine)
        && last.is_some_and(|last| usual.is_none_or(|usual| usual.last().is_none_or(|usual| usual.as_os_str() != last)))
}

/// The value of a flag, given or by default.
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

/// What only the measurements of a report take.
const MEASURED: &[&str] =
    &["guidance", "guidance_interval", "class", "sampler", "moves", "eta", "steps", "grid", "sigma_min", "sigma_max"];

fn is_json(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

fn sampling(matches: &ArgMatches) -> Vec<Idle> {
    let mut idle = Vec::new();
    if !is_there(matches, "guidance") && !is_there(matches, "guidance_sweep") {
        let ids = &["guidance_interval", "uncond_input"];
        idle.push(Idle { ids, aim: "--guidance W", got: "no guidance".to_owned() });
    }
    // Clap lets a flag pass whose requirement conflicts with another that was given, as --adaptive does with --steps.
    if !is_there(matches, "adaptive") {
        idle.push(Idle { ids: &["rtol", "atol"], aim: "--adaptive PAIR", got: "steps of a grid".to_owned() });
    }
    if !is_there(matches, "from") {
        idle.push(Idle { ids: &["strength", "mask"], aim: "--from FILE", got: "samples of pure noise".to_owned() });
    }
    idle
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
                // Arrays may be of records, and a folder of tables: what they are is known when they are read.
                Some("npy" | "npz") => idle.push(Idle { ids: pictures, aim, got }),
                _ => {}
            }
        }
    }
    idle
}
