//! Data by name or from a file.

use crate::error::{Blame as _, Error, Result};
use crate::observe::{Note, Observer};
use crate::words::{either_case, shown};
use langevin::SampleId;
use langevin::error::nearest;
use langevin::text::brief;
use langevin_analysis::exact;
use langevin_data::{Axes, Dataset, Options, readable_kinds};
use std::path::Path;

/// How many samples of a density known in closed form make a data set.
const DRAWN: u64 = 20_000;
/// Characters of a name that a message quotes.
const START: usize = 40;

/// Returns the names that need no file.
#[must_use]
pub fn names() -> Vec<&'static str> {
    std::iter::once("digits").chain(exact::NAMES).collect()
}

fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase)
}

/// Returns the file or directory that these data are read from; `None` for a name.
#[must_use]
pub fn file(data: &str) -> Option<&Path> {
    let path = Path::new(data);
    let known = langevin_data::is_readable_name(path);
    (known || (named(data).is_none() && langevin_data::exists(path))).then_some(path)
}

fn named(data: &str) -> Option<&'static str> {
    names().into_iter().find(|name| name.eq_ignore_ascii_case(data))
}

/// Returns whether the rows of a name are drawn, so that another seed gives other rows.
#[must_use]
pub fn is_drawn(data: &str) -> bool {
    file(data).is_none() && named(data).is_some_and(|name| name != "digits")
}

/// How a file of data is read, where that is not told by the file or by a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The column of a table that holds the labels: its name, or its number from 1.
    pub label_column: Option<String>,
    /// Where the labels are: an array of the .npz file, or a .npy file.
    pub labels: Option<String>,
    /// The columns of a table that are read, in this order: names, or numbers from 1.
    pub columns: Option<Vec<String>>,
    /// The columns that are left out.
    pub drop: Option<Vec<String>>,
    /// Whether the first line of a table names the columns.
    pub header: Option<bool>,
    /// The order of the axes of pictures in an array: `hwc` or `chw`.
    pub axes: Option<String>,
    /// Height and width of pictures.
    pub size: Option<(usize, usize)>,
    /// Whether pictures that cannot be read are left out.
    pub skip_bad: bool,
    /// Memory for data, in MiB.
    pub memory: Option<usize>,
}

impl Reading {
    /// Returns the options of a reading with what is given here in their place.
    ///
    /// # Errors
    /// Returns an error if the axes are no axes.
    pub fn over(&self, mut options: Options) -> Result<Options> {
        if let Some(column) = &self.label_column {
            options.label_column = Some(column.clone());
            options.labels_optional = false;
        }
        if let Some(array) = &self.labels {
            options.labels = Some(array.clone());
            options.labels_optional = false;
        }
        if let Some(columns) = &self.columns {
            options.columns.clone_from(columns);
        }
        if let Some(drop) = &self.drop {
            // What a model says of its columns holds no longer.
            if self.columns.is_none() {
                options.columns.clear();
            }
            options.drop.clone_from(drop);
        }
        if self.header.is_some() {
            options.header = self.header;
        }
        if let Some(axes) = &self.axes {
            options.axes = Some(either_case(axes, Axes::parse).or_misused()?);
        }
        if self.size.is_some() {
            options.size = self.size;
        }
        options.skip_bad |= self.skip_bad;
        if let Some(memory) = self.memory {
            options.memory = (memory as u64) << 20;
        }
        Ok(options)
    }

    /// Returns the names of the arguments that are given.
    #[must_use]
    pub fn given(&self) -> Vec<&'static str> {
        let Self { label_column, labels, columns, drop, header, axes, size, skip_bad, memory } = self;
        [
            ("label-column", label_column.is_some()),
            ("labels", labels.is_some()),
            ("columns", columns.is_some()),
            ("drop", drop.is_some()),
            ("header", *header == Some(true)),
            ("no-header", *header == Some(false)),
            ("axes", axes.is_some()),
            ("size", size.is_some()),
            ("skip-bad", *skip_bad),
            ("memory", memory.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }
}

/// Refuses arguments about files for data that come from none.
///
/// # Errors
/// Returns an error that names the first such argument.
pub fn refuse_idle(data: &str, reading: &Reading) -> Result<()> {
    match (file(data), named(data), &reading.given()[..]) {
        (None, Some(name), [flag, ..]) => {
            Err(Error::misused(format!("‹{flag}› is for files, and '{name}' comes from none"))
                .at(format!("‹{flag}›, ‹data›"))
                .hint(format!("leave out ‹{flag}›")))
        }
        _ => Ok(()),
    }
}

/// Refuses arguments that mean nothing for a file of this kind: what is given is used or refused.
///
/// # Errors
/// Returns an error that names the first such argument.
pub fn refuse_unused(data: &str, reading: &Reading, set: &Dataset) -> Result<()> {
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
        "parquet" if pictures => ("pictures in a table", &["label-column", "columns", "drop", "size", "skip-bad"]),
        _ if pictures => ("pictures", &["size", "skip-bad"]),
        "parquet" => ("a table", &["label-column", "columns", "drop"]),
        "records" => ("an array of records", &["label-column", "columns", "drop", "labels"]),
        "npy" if table => ("an array", &["columns", "drop", "labels"]),
        "npy" => ("an array", &["axes", "labels"]),
        "npz" if table => ("arrays", &["columns", "drop", "labels"]),
        "npz" => ("arrays", &["axes", "labels"]),
        _ => ("a table of lines", &["label-column", "columns", "drop", "header", "no-header"]),
    };
    match reading.given().iter().find(|flag| **flag != "memory" && !used.contains(flag)) {
        None => Ok(()),
        Some(flag) => {
            let for_what = match *flag {
                "size" | "skip-bad" => "pictures",
                "labels" => "arrays",
                "axes" => "arrays of pictures",
                "header" | "no-header" => "tables of lines",
                _ => "tables",
            };
            Err(Error::misused(format!("‹{flag}› is for {for_what}"))
                .at(format!("‹{flag}›, ‹data› {}", brief(data, START)))
                .expected(for_what)
                .got(what)
                .hint(format!("leave out ‹{flag}›")))
        }
    }
}

/// Returns the data of this name or in this file, and notes what was read. `argument` names them in messages; what `reading`
/// says is refused where it means nothing.
///
/// # Errors
/// Returns an error for unknown data, a file that cannot be read, and an argument without effect.
pub fn read(
    argument: &str,
    data: &str,
    seed: u64,
    reading: &Reading,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Dataset> {
    refuse_idle(data, reading)?;
    let set = open_as(argument, data, seed, reading, options, observer)?;
    refuse_unused(data, reading, &set)?;
    observer.note(&Note::Read { data: shown(Path::new(data)), summary: set.summary() });
    Ok(set)
}

/// Returns the data set of this name, or in this file or directory, read as the options say.
///
/// # Errors
/// Returns an error for unknown data and for a file that cannot be read.
pub fn open(flag: &str, data: &str, seed: u64, options: &Options, observer: &dyn Observer) -> Result<Dataset> {
    match (file(data), named(data)) {
        (Some(path), _) if !langevin_data::exists(path) && !langevin_data::is_pattern(path) => {
            let path = langevin_data::located(path).0;
            let hint = format!("{flag} takes {}, or {}", readable_kinds(), names().join(", "));
            Err(Error::missing(flag, path).hint(hint))
        }
        (Some(path), _) => of_file(path, options, observer),
        (None, Some("digits")) => Ok(Dataset::digits()),
        (None, Some(name)) => drawn(name, seed),
        (None, None) => {
            let known = names();
            let failure = Error::misused("unknown data")
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

/// Returns the rows of a file or directory.
///
/// # Errors
/// Returns an error for a file that cannot be read.
pub fn of_file(path: &Path, options: &Options, observer: &dyn Observer) -> Result<Dataset> {
    langevin_data::open(path, options).map_err(|error| failure(&error, observer))
}

/// Returns the error of a reader as the error of a task. A hint at an argument that the caller does not have is left out.
pub fn failure(error: &langevin_data::Error, observer: &dyn Observer) -> Error {
    let text = error.to_string();
    let (words, hint) = text.split_once("\nhint: ").map_or((text.as_str(), None), |(words, hint)| (words, Some(hint)));
    let failure = match error.is_argument() {
        true => Error::misused(words),
        false => Error::failed(words),
    };
    match hint.filter(|hint| observer.knows(hint)) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Returns the data, read as a model's own were. Where they have no names for the columns that the model knows by name, as many
/// columns as it has are taken in its order.
///
/// # Errors
/// Returns an error as [`open`] does, and for data without the columns of the model.
pub fn open_as(
    flag: &str,
    data: &str,
    seed: u64,
    reading: &Reading,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Dataset> {
    let failure = match open(flag, data, seed, options, observer) {
        Err(failure) if reading.columns.is_none() && failure.text().starts_with("no such column") => failure,
        other => return other,
    };
    let mut unnamed = options.clone();
    (unnamed.columns, unnamed.label_column) = (vec![], None);
    if let Ok(set) = open(flag, data, seed, &unnamed, observer)
        && set.frame().names.is_empty()
        && set.frame().shape == [options.columns.len()]
    {
        return Ok(set);
    }
    let got = failure.text();
    let got = got.rsplit_once("got ").map_or("", |(_, got)| got.lines().next().unwrap_or_default());
    Err(Error::misused("the data do not have the columns of the model")
        .at(format!("{flag} {}", shown(Path::new(data))))
        .expected(options.columns.join(", "))
        .got(format!("none called {got}"))
        .hint("‹columns› names those that take their place, in the model's order: by name, or by number from 1"))
}

fn drawn(name: &str, seed: u64) -> Result<Dataset> {
    let density = exact::named(name).or_misused()?;
    let rows: Vec<SampleId> = (0..DRAWN).map(|index| SampleId { seed, index }).collect();
    let values = density.sample(&rows).into_iter().map(|value| value as f32).collect();
    Dataset::new(name, values, &[density.dim()]).or_failed()
}
