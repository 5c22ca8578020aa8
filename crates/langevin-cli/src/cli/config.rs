//! Configuration files. A file stands for a list of flags, so it accepts the same values and is
//! checked in the same way.
//!
//! ```text
//! langevin train --config run.toml --steps 500 --set lr=1e-3
//! langevin train [flags of run.toml] --steps 500 --lr=1e-3
//! ```
//!
//! The last value of a flag applies. A table in the file is only a heading: its keys are flags like
//! all others.

use super::given;
use crate::error::{Failure, Result};
use crate::terminal::TERMINAL;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command};
use langevin_tasks::content::{self, Content};
use langevin_tasks::documents;
use std::ffi::OsString;
use std::path::PathBuf;
use toml::Value;

/// Name of the configuration file in the directory of a run.
pub const NAME: &str = langevin_tasks::rundir::CONFIG;
/// Flags that a configuration does not contain: its own location, the location of the run, and
/// flags that only affect the output.
const NOT_KEPT: [&str; 6] = ["config", "set", "run", "resume", "json", "help"];
/// Pairs of exclusive flags. A later one replaces the earlier one.
const EITHER: [[&str; 2]; 1] = [["steps", "minutes"]];

/// Records which configuration file each argument of `train` comes from.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Each key with the file that contains it.
    keys: Vec<(String, String)>,
    /// The files that were read.
    files: Vec<String>,
}

impl Origins {
    /// Returns a parser error in the terms of a configuration; `None` if no configuration was read.
    ///
    /// The parser's own text ends with a usage line about flags that the user did not type.
    pub fn failure(&self, error: &clap::Error) -> Option<Failure> {
        let file = self.files.last()?;
        let texts = |kind: ContextKind| -> Vec<String> {
            match error.get(kind) {
                Some(ContextValue::String(text)) => vec![text.clone()],
                Some(ContextValue::Strings(texts)) => texts.clone(),
                _ => Vec::new(),
            }
        };
        let named = texts(ContextKind::InvalidArg);
        let key = named.first().map(|flag| flag.trim_start_matches('-').split(['=', ' ', '[', '<']).next());
        let key = key.flatten().unwrap_or_default();
        let place = self.keys.iter().find(|(known, _)| known == key).map(|(key, file)| format!("{file}, {key}"));
        let value = texts(ContextKind::InvalidValue).pop().map(|value| format!("'{value}'"));
        let (failure, got) = match error.kind() {
            ErrorKind::MissingRequiredArgument => {
                let missing = named.iter().map(|flag| flag.replace(['<', '>'], "").replace('|', " or ")).collect();
                let missing: Vec<String> = missing;
                let failure = Failure::misused("a setting is missing").at(file.clone());
                (failure.expected(format!("{}, in the file or as a flag", missing.join(", "))), None)
            }
            ErrorKind::UnknownArgument => {
                let failure = Failure::misused("there is no such setting").at(place.unwrap_or_else(|| file.clone()));
                (failure.expected("the name of a flag of train"), Some(format!("'{key}'")))
            }
            ErrorKind::ValueValidation | ErrorKind::InvalidValue if value.is_some() => {
                let allowed = texts(ContextKind::ValidValue).join(", ");
                let words = std::error::Error::source(error).map_or(allowed, ToString::to_string);
                let words = words.trim_start_matches("expected ").to_owned();
                let at = place.unwrap_or_else(|| format!("--{key}"));
                (Failure::misused("a setting has a wrong value").at(at).expected(words), value)
            }
            // The remaining cases are rare, for example two settings that exclude each other.
            _ => {
                let text = error.render().to_string();
                let first: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
                let words = first.join(" ").trim_start_matches("error: ").to_owned();
                (Failure::misused(words).at(place.unwrap_or_else(|| file.clone())), None)
            }
        };
        let failure = match got {
            Some(got) => failure.got(got),
            None => failure,
        };
        let near = texts(ContextKind::SuggestedArg).pop().or_else(|| texts(ContextKind::SuggestedValue).pop());
        let near = near.or_else(|| {
            let (allowed, value) = (texts(ContextKind::ValidValue), texts(ContextKind::InvalidValue).pop()?);
            let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
            langevin::error::nearest(&value, &allowed).map(str::to_owned)
        });
        Some(match near {
            Some(near) => failure.hint(format!("did you mean '{}'?", near.trim_start_matches('-'))),
            None => failure,
        })
    }
}

/// Returns the words of `train` with the flags of its configuration file inserted before them and
/// those of `--set` appended.
pub fn expand(words: Vec<OsString>) -> Result<(Vec<OsString>, Origins)> {
    let mut origins = Origins::default();
    if words.get(1).is_none_or(|word| word != "train") {
        return Ok((words, origins));
    }
    let given = &words[2..];
    let (mut settings, mut unset) = (Vec::new(), Vec::new());
    for text in values(given, "set") {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            Failure::misused("a setting has no value").at("--set").expected("KEY=VALUE").got(format!("'{text}'"))
        })?;
        // The value is parsed as in a file; a text may omit its quotes.
        let value = format!("x = {value}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("x"));
        let value = value.unwrap_or_else(|| Value::String(text[key.len() + 1..].to_owned()));
        if value == Value::Boolean(false) {
            unset.push(key.trim().to_owned());
        }
        settings.extend(flag(key.trim(), &value, "--set")?);
    }
    // A resumed run uses its own configuration, except for keys that another file sets.
    let own = values(given, "resume").pop().map(PathBuf::from);
    let own =
        own.map(|run| content::check("--resume", &run, Content::Run, &TERMINAL).map(|()| ("--resume", run.join(NAME))));
    let other = values(given, "config").pop().map(|path| ("--config", PathBuf::from(path)));
    let mut from_file = Vec::new();
    for (flag_of, path) in own.transpose()?.into_iter().chain(other) {
        let text = documents::text(flag_of, &path, Content::Configuration, &TERMINAL)?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            Failure::failed("the configuration is no TOML").in_file(&path).got(error.message().to_owned())
        })?;
        let place = path.display().to_string();
        origins.files.push(place.clone());
        for (key, value) in &table {
            let inner = match value {
                Value::Table(inner) => inner.iter().collect(),
                _ => vec![(key, value)],
            };
            for (key, value) in inner {
                let rival =
                    |known: &str| EITHER.iter().any(|pair| pair.contains(&known) && pair.contains(&key.as_str()));
                from_file.retain(|(known, _): &(String, _)| known != key && !rival(known));
                from_file.push((key.clone(), flag(key, value, &place)?));
                origins.keys.retain(|(known, _)| known != key);
                origins.keys.push((key.clone(), place.clone()));
            }
        }
    }
    let named = |key: &str| {
        let long = format!("--{key}");
        let starts = |word: &OsString| word.to_str().is_some_and(|word| word.split('=').next() == Some(&long));
        given.iter().chain(&settings).any(starts)
    };
    // A flag on the command line overrides the file.
    origins.keys.retain(|(key, _)| !named(key));
    from_file.retain(|(key, _)| {
        let rival = EITHER.iter().find_map(|pair| match pair {
            [one, other] if one == key => Some(other),
            [one, other] if other == key => Some(one),
            _ => None,
        });
        !unset.contains(key) && !rival.is_some_and(|rival| named(rival))
    });
    let (head, tail) = (words[..2].iter().cloned(), given.iter().cloned());
    let words = head.chain(from_file.into_iter().flat_map(|(_, words)| words)).chain(tail).chain(settings).collect();
    Ok((words, origins))
}

/// Returns the values of a flag among the words of a command line.
fn values(words: &[OsString], name: &str) -> Vec<String> {
    let (long, with) = (format!("--{name}"), format!("--{name}="));
    let mut found = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let Some(word) = word.to_str() else { continue };
        if word == long {
            found.extend(words.get(place + 1).and_then(|next| next.to_str()).map(str::to_owned));
        } else if let Some(value) = word.strip_prefix(&with) {
            found.push(value.to_owned());
        }
    }
    found
}

/// Returns the words for a key and its value.
fn flag(key: &str, value: &Value, place: &str) -> Result<Vec<OsString>> {
    if NOT_KEPT.contains(&key) {
        let failure = Failure::misused("a configuration cannot set this").at(place).got(format!("'{key}'"));
        return Err(failure.hint("give it as a flag"));
    }
    let text = match value {
        Value::Boolean(true) => return Ok(vec![format!("--{key}").into()]),
        Value::Boolean(false) => return Ok(Vec::new()),
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Array(items) if items.iter().all(Value::is_integer) => {
            items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        }
        Value::Array(items) if items.iter().all(Value::is_str) => {
            // An entry of a list is a single name, whatever characters it contains.
            let quoted = |text: &str| match text.contains(',') || text.starts_with('"') {
                true => format!("\"{}\"", text.replace('"', "\"\"")),
                false => text.to_owned(),
            };
            items.iter().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(",")
        }
        other => {
            return Err(Failure::misused("a setting has the wrong type")
                .at(format!("{place}, {key}"))
                .expected("a number, a text, true or false")
                .got(other.type_str()));
        }
    };
    Ok(vec![format!("--{key}={text}").into()])
}

/// Values of all flags of a command, given or default, in the form of a configuration file.
#[derive(Clone, Debug, Default)]
pub struct Effective {
    lines: Vec<Line>,
}

/// A key with the heading of its section.
#[derive(Clone, Debug)]
struct Line {
    heading: Option<String>,
    key: String,
    /// Value in TOML; `None` if the flag has no value.
    value: Option<String>,
    /// True if the value was given on the command line or in a file.
    given: bool,
}

impl Effective {
    /// Returns the values of the flags of a command.
    pub fn of(command: &Command, matches: &ArgMatches) -> Self {
        let mut lines = Vec::new();
        for arg in command.get_arguments() {
            let (id, Some(long)) = (arg.get_id().as_str(), arg.get_long()) else { continue };
            // Flags without effect are left out, because they would be refused when the file is
            // read.
            if NOT_KEPT.contains(&long) || given::is_idle(command, matches, id) {
                continue;
            }
            let value = match arg.get_action() {
                ArgAction::SetTrue => matches.get_flag(id).then(|| "true".to_owned()),
                _ => matches.get_raw(id).and_then(Iterator::last).and_then(|value| value.to_str()).map(written),
            };
            let given = matches.value_source(id) == Some(ValueSource::CommandLine);
            lines.push(Line { heading: arg.get_help_heading().map(str::to_owned), key: long.to_owned(), value, given });
        }
        Self { lines }
    }

    /// Returns true if a flag was given on the command line or in a file.
    pub fn is_given(&self, key: &str) -> bool {
        self.lines.iter().any(|line| line.key == key && line.given)
    }

    /// Returns the value of a flag as a configuration file would write it.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.lines.iter().find(|line| line.key == key)?.value.as_deref()
    }

    /// Replaces the value of a flag that was not given; `None` leaves the flag out.
    pub fn set(&mut self, key: &str, value: Option<String>) {
        for line in self.lines.iter_mut().filter(|line| line.key == key) {
            line.value = value.as_deref().map(written);
        }
    }
}

impl std::fmt::Display for Effective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut heading = &None;
        for line in &self.lines {
            let Some(value) = &line.value else { continue };
            if line.heading != *heading {
                heading = &line.heading;
                if let Some(heading) = heading {
                    writeln!(f, "\n# {heading}")?;
                }
            }
            writeln!(f, "{} = {value}", line.key)?;
        }
        Ok(())
    }
}

/// Writes a number in a canonical form, and any other value as text.
fn written(value: &str) -> String {
    let parsed = format!("x = {value}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("x"));
    match parsed {
        Some(Value::Integer(number)) if number.to_string() == value => value.to_owned(),
        Some(Value::Float(number)) if number.is_finite() => Value::Float(number).to_string(),
        _ => Value::String(value.to_owned()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Cli, Command as Task};
    use clap::{CommandFactory as _, FromArgMatches as _};

    fn parsed(line: &str) -> (crate::cli::TrainArgs, String) {
        let words = line.split_whitespace().map(OsString::from).collect();
        let mut command = Cli::command();
        let matches = command.try_get_matches_from_mut(expand(words).unwrap().0).unwrap();
        let text =
            Effective::of(command.find_subcommand("train").unwrap(), matches.subcommand_matches("train").unwrap());
        let text = text.to_string();
        match Cli::from_arg_matches(&matches).unwrap().command {
            Task::Train(args) => (args, text),
            _ => panic!(),
        }
    }

    #[test]
    fn the_effective_configuration_gives_the_same_flags() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.toml");
        let flags =
            "--data digits --out m --steps 7 --lr 1e-3 --clip inf --flip --crop 4,6 --weight min-snr:5 --adaptive";
        let (args, text) = parsed(&format!("langevin train {flags}"));
        std::fs::write(&path, &text).unwrap();
        let (again, same) = parsed(&format!("langevin train --config {}", path.display()));
        assert_eq!(text, same);
        assert_eq!((args.steps, args.optimizer.lr, args.reading.crop), (Some(7), Some(1e-3), Some((4, 6))));
        assert_eq!((again.optimizer.clip, again.objective.adaptive, again.reading.flip), (f64::INFINITY, true, true));
    }

    #[test]
    fn flags_win_over_the_file_and_settings_over_both() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.toml");
        std::fs::write(
            &path,
            "data = 'digits'\nflip = true\nout = 'm'\nminutes = 3\nseed = 1\n[network]\nwidth = 32\n",
        )
        .unwrap();
        let (args, _) = parsed(&format!(
            "langevin train --config {} --steps 9 --seed 2 --width 5 --set width=6 --set flip=false",
            path.display()
        ));
        assert_eq!((args.minutes, args.steps, args.seed, args.network.width), (None, Some(9), 2, Some(6)));
        assert!(!args.reading.flip);
    }
}
