//! What to train on: by name or from a file, checked before anything else happens.

use crate::cli::{FileArgs, flags};
use crate::error::{Blame as _, Failure, Result};
use crate::io::say;
use crate::words::{shown, start};
use langevin::SampleId;
use langevin::error::nearest;
use langevin_analysis::exact;
use langevin_data::{Dataset, Options, readable_kinds};
pub use langevin_tasks::comparison::document;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// How many samples of a density known in closed form make a data set.
const DRAWN: u64 = 20_000;

/// The names that need no file.
pub fn names() -> Vec<&'static str> {
    std::iter::once("digits").chain(exact::NAMES).collect()
}

fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase)
}

/// The file or directory that these data are read from, where they are.
pub fn file(data: &str) -> Option<&Path> {
    let path = Path::new(data);
    let known = langevin_data::is_readable_name(path);
    (known || (named(data).is_none() && langevin_data::exists(path))).then_some(path)
}

fn named(data: &str) -> Option<&'static str> {
    names().into_iter().find(|name| name.eq_ignore_ascii_case(data))
}

/// Whether the rows of a name are drawn, so that another seed gives other rows.
pub fn is_drawn(data: &str) -> bool {
    file(data).is_none() && named(data).is_some_and(|name| name != "digits")
}

/// Says a line that was not the last one said: a command may look at the same data several times.
pub fn say_once(line: String) {
    static LAST: Mutex<String> = Mutex::new(String::new());
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if *last != line {
        say(&line);
        *last = line;
    }
}

/// Refuses flags about files for data that come from none.
pub fn refuse_flags(data: &str, flags: &FileArgs) -> Result<()> {
    match (file(data), named(data), &flags.given()[..]) {
        (None, Some(name), [flag, ..]) => {
            Err(Failure::misused(format!("{flag} is for files, and '{name}' comes from none"))
                .at(format!("{flag}, --data"))
                .hint(format!("leave out {flag}")))
        }
        _ => Ok(()),
    }
}

/// Refuses flags that mean nothing for a file of this kind: what is given is used or refused.
pub fn refuse_unused(data: &str, flags: &FileArgs, set: &Dataset) -> Result<()> {
    let Some(path) = file(data) else { return Ok(()) };
    let ending = ending(langevin_data::located(path).0).unwrap_or_default();
    // A folder or a pattern of shards is one table.
    let ending = match &*set.about().format {
        format if format.starts_with("Parquet") => "parquet",
        format if format.contains(" of records") => "records",
        format if format.starts_with(".npy") => "npy",
        _ => &*ending,
    };
    let (pictures, table) = (set.is_pictures(), set.frame().shape.len() == 1);
    let (what, used): (&str, &[&str]) = match ending {
        "parquet" if pictures => {
            ("pictures in a table", &["--label-column", "--columns", "--drop", "--size", "--skip-bad"])
        }
        _ if pictures => ("pictures", &["--size", "--skip-bad"]),
        "parquet" => ("a table", &["--label-column", "--columns", "--drop"]),
        "records" => ("an array of records", &["--label-column", "--columns", "--drop", "--labels"]),
        "npy" if table => ("an array", &["--columns", "--drop", "--labels"]),
        "npy" => ("an array", &["--axes", "--labels"]),
        "npz" if table => ("arrays", &["--columns", "--drop", "--labels"]),
        "npz" => ("arrays", &["--axes", "--labels"]),
        _ => ("a table of lines", &["--label-column", "--columns", "--drop", "--header", "--no-header"]),
    };
    match flags.given().iter().find(|flag| **flag != "--memory" && !used.contains(flag)) {
        None => Ok(()),
        Some(flag) => {
            let for_what = match *flag {
                "--size" | "--skip-bad" => "pictures",
                "--labels" => "arrays",
                "--axes" => "arrays of pictures",
                "--header" | "--no-header" => "tables of lines",
                _ => "tables",
            };
            Err(Failure::misused(format!("{flag} is for {for_what}"))
                .at(format!("{flag}, --data {}", start(data)))
                .expected(for_what)
                .got(what)
                .hint(format!("leave out {flag}")))
        }
    }
}

/// The data of this name, or in this file, with a line on stderr that says what was read. `flags` are refused where they mean nothing.
pub fn read(flag: &str, data: &str, seed: u64, flags: &FileArgs, options: &Options) -> Result<Dataset> {
    refuse_flags(data, flags)?;
    let set = open_as(flag, data, seed, flags, options)?;
    refuse_unused(data, flags, &set)?;
    say_once(format!("read {}: {}", shown(Path::new(data)), set.summary()));
    Ok(set)
}

/// The data set of this name, or in this file or directory, read as the options say.
pub fn open(flag: &str, data: &str, seed: u64, options: &Options) -> Result<Dataset> {
    match (file(data), named(data)) {
        (Some(path), _) if !langevin_data::exists(path) && !langevin_data::is_pattern(path) => {
            let path = langevin_data::located(path).0;
            let hint = format!("{flag} takes {}, or {}", readable_kinds(), names().join(", "));
            Err(Failure::missing(flag, path).hint(hint))
        }
        (Some(path), _) => of_file(path, options),
        (None, Some("digits")) => Ok(Dataset::digits()),
        (None, Some(name)) => drawn(name, seed),
        (None, None) => {
            let known = names();
            let failure = Failure::misused("unknown data")
                .at(flag)
                .expected(format!("{}, or {}", known.join(", "), readable_kinds()))
                .got(format!("'{data}'"));
            Err(match nearest(data, &known) {
                Some(near) => failure.hint(format!("did you mean '{near}'?")),
                None => failure,
            })
        }
    }
}

/// The rows of a file or directory.
pub fn of_file(path: &Path, options: &Options) -> Result<Dataset> {
    langevin_data::open(path, options).map_err(|error| failure(&error))
}

/// What a reader says, with its hint once: its text ends in it. A hint at a flag that the command has not is left out.
pub fn failure(error: &langevin_data::Error) -> Failure {
    let text = error.to_string();
    let (words, hint) = text.split_once("\nhint: ").map_or((text.as_str(), None), |(words, hint)| (words, Some(hint)));
    let failure = match error.is_argument() {
        true => Failure::misused(words),
        false => Failure::failed(words),
    };
    match hint.filter(|hint| flags::known(hint)) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The data, read as a model's own were: where they have no names for the columns that the model knows by name, as many columns as it has are taken in its order.
pub fn open_as(flag: &str, data: &str, seed: u64, flags: &FileArgs, options: &Options) -> Result<Dataset> {
    let failure = match open(flag, data, seed, options) {
        Err(failure) if flags.columns.is_none() && failure.text().starts_with("no such column") => failure,
        other => return other,
    };
    let mut unnamed = options.clone();
    (unnamed.columns, unnamed.label_column) = (vec![], None);
    if let Ok(set) = open(flag, data, seed, &unnamed)
        && set.frame().names.is_empty()
        && set.frame().shape == [options.columns.len()]
    {
        return Ok(set);
    }
    let got = failure.text();
    let got = got.rsplit_once("got ").map_or("", |(_, got)| got.lines().next().unwrap_or_default());
    Err(Failure::misused("the data do not have the columns of the model")
        .at(format!("{flag} {}", shown(Path::new(data))))
        .expected(options.columns.join(", "))
        .got(format!("none called {got}"))
        .hint("--columns names those that take their place, in the model's order: by name, or by number from 1"))
}

fn drawn(name: &str, seed: u64) -> Result<Dataset> {
    let density = exact::named(name).or_misused()?;
    let rows: Vec<SampleId> = (0..DRAWN).map(|index| SampleId { seed, index }).collect();
    let values = density.sample(&rows).into_iter().map(|value| value as f32).collect();
    Dataset::new(name, values, &[density.dim()]).or_failed()
}
