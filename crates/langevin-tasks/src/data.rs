//! Data sets, by name or from a file.

use crate::error::{Blame as _, Error, Result};
use crate::observe::{Note, Observer};
use crate::words::{either_case, shown};
use langevin::SampleId;
use langevin::error::nearest;
use langevin::text::brief;
use langevin_analysis::exact;
use langevin_data::{Axes, Dataset, Options, readable_kinds};
use std::path::Path;

/// Number of rows that are drawn from an exact density.
const DRAWN: u64 = 20_000;
/// Maximum number of characters of a name that a message quotes.
const START: usize = 40;
/// Names of the built-in data sets.
const BUILT_IN: [&str; 3] = ["digits", "names", "communities"];
/// Number of the built-in graphs of two communities, as in the data set comm20.
const COMMUNITIES: usize = 100;

/// Returns the names of the data sets that need no file.
///
/// # Examples
///
/// ```
/// assert!(langevin_tasks::data::names().contains(&"moons"));
/// ```
#[must_use]
pub fn names() -> Vec<&'static str> {
    BUILT_IN.into_iter().chain(exact::NAMES).collect()
}

fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase)
}

/// Returns the file or directory that a data argument refers to; `None` if it is the name of a
/// built-in data set.
///
/// # Examples
///
/// ```
/// use langevin_tasks::data::file;
/// assert_eq!(file("moons"), None);
/// assert_eq!(file("rows.csv"), Some("rows.csv".as_ref()));
/// ```
#[must_use]
pub fn file(data: &str) -> Option<&Path> {
    let path = Path::new(data);
    let known = langevin_data::is_readable_name(path);
    (known || (named(data).is_none() && langevin_data::exists(path))).then_some(path)
}

fn named(data: &str) -> Option<&'static str> {
    names().into_iter().find(|name| name.eq_ignore_ascii_case(data))
}

/// Returns true if the name refers to a density, whose rows depend on the seed.
///
/// # Examples
///
/// ```
/// use langevin_tasks::data::is_drawn;
/// assert!(is_drawn("moons") && !is_drawn("digits") && !is_drawn("rows.csv"));
/// ```
#[must_use]
pub fn is_drawn(data: &str) -> bool {
    file(data).is_none() && named(data).is_some_and(|name| !BUILT_IN.contains(&name))
}

/// Options for reading a data file. They override what the file or a model states.
///
/// # Examples
///
/// ```
/// use langevin_tasks::data::Reading;
/// let reading = Reading { header: Some(false), ..Reading::default() };
/// assert_eq!(reading.given(), ["no-header"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Column that holds the labels: its name, or its number counted from 1.
    pub label_column: Option<String>,
    /// Source of the labels: an array of the .npz file, or a .npy file.
    pub labels: Option<String>,
    /// Columns to read, in this order: names, or numbers counted from 1.
    pub columns: Option<Vec<String>>,
    /// Columns to leave out.
    pub drop: Option<Vec<String>>,
    /// True if the first line of a table names the columns.
    pub header: Option<bool>,
    /// Axis order of pictures in an array: `hwc` or `chw`.
    pub axes: Option<String>,
    /// Height and width of pictures.
    pub size: Option<(usize, usize)>,
    /// True if pictures that cannot be read are skipped.
    pub skip_bad: bool,
    /// Memory limit for data, in MiB.
    pub memory: Option<usize>,
}

impl Reading {
    /// Returns `options` with the options that are set here applied on top.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin_data::Options;
    /// use langevin_tasks::data::Reading;
    /// let reading = Reading { memory: Some(2), ..Reading::default() };
    /// assert_eq!(reading.over(Options::default())?.memory, 2 << 20);
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the axis order is not valid.
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
            // A new set of dropped columns replaces the model's own choice of columns.
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

    /// Returns the names of the arguments that are set.
    ///
    /// ```
    /// use langevin_tasks::data::Reading;
    /// let reading = Reading { size: Some((8, 8)), skip_bad: true, ..Reading::default() };
    /// assert_eq!(reading.given(), ["size", "skip-bad"]);
    /// ```
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

/// Checks that no reading options are set for built-in data, which are not read from a file.
///
/// # Examples
///
/// ```
/// use langevin_tasks::data::{Reading, refuse_idle};
/// let reading = Reading { memory: Some(64), ..Reading::default() };
/// assert!(refuse_idle("rows.csv", &reading).is_ok());
/// assert!(refuse_idle("moons", &reading).is_err());
/// ```
///
/// # Errors
/// Returns an error that names the first option that is set.
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

/// Checks that every option applies to the kind of file that was read. An option that would have no
/// effect is an error.
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_tasks::data::{Reading, refuse_unused};
/// let table = Dataset::new("rows.csv", vec![0.0, 1.0], &[1])?;
/// let reading = Reading { axes: Some("hwc".to_owned()), ..Reading::default() };
/// let error = refuse_unused("rows.csv", &reading, &table).unwrap_err();
/// assert!(error.to_string().starts_with("‹axes› is for arrays of pictures"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error that names the first option that does not apply.
pub fn refuse_unused(data: &str, reading: &Reading, set: &Dataset) -> Result<()> {
    let Some(path) = file(data) else { return Ok(()) };
    let ending = ending(langevin_data::located(path).0).unwrap_or_default();
    // A folder or pattern of shards is one table, so the format decides and not the extension.
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

/// Reads the data set of this name or file, and sends a note that describes what was read. Messages
/// name the data by `argument`. Options in `reading` that do not apply are errors.
///
/// # Examples
///
/// ```
/// use langevin_data::Options;
/// use langevin_tasks::data::{Reading, read};
/// let set = read("‹data›", "moons", 0, &Reading::default(), &Options::default(), &())?;
/// assert_eq!((set.rows(), set.width()), (20_000, 2));
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the data are unknown, if the file cannot be read, or if an option has no
/// effect.
pub fn read(
    argument: &str,
    data: &str,
    seed: u64,
    reading: &Reading,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Dataset> {
    refuse_idle(data, reading)?;
    let set = numbers(argument, open_as(argument, data, seed, reading, options, observer)?)?;
    refuse_unused(data, reading, &set)?;
    observer.note(&Note::Read { data: shown(Path::new(data)), summary: set.summary() });
    Ok(set)
}

/// Opens the data set of this name, file or directory with the given options.
///
/// # Examples
///
/// ```
/// use langevin_data::Options;
/// use langevin_tasks::data::open;
/// let error = open("‹data›", "moonz", 0, &Options::default(), &()).unwrap_err();
/// assert!(error.to_string().contains("did you mean 'moons'?"));
/// ```
///
/// # Errors
/// Returns an error if the data are unknown or the file cannot be read.
pub fn open(flag: &str, data: &str, seed: u64, options: &Options, observer: &dyn Observer) -> Result<Dataset> {
    match (file(data), named(data)) {
        (Some(path), _) if !langevin_data::exists(path) && !langevin_data::is_pattern(path) => {
            let path = langevin_data::located(path).0;
            let hint = format!("{flag} takes {}, or {}", readable_kinds(), names().join(", "));
            Err(Error::missing(flag, path).hint(hint))
        }
        (Some(path), _) => of_file(path, options, observer),
        (None, Some("digits")) => Ok(Dataset::digits()),
        (None, Some("names")) => Ok(Dataset::names()),
        (None, Some("communities")) => Dataset::communities(COMMUNITIES, 0).or_failed(),
        (None, Some(name)) => drawn(name, seed),
        (None, None) => {
            if let Some(graphs) = crate::tokens::graphs::named(data).map_err(|error| error.at(flag))? {
                return Ok(graphs);
            }
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

/// Refuses data of tokens where a task is for numbers.
pub(crate) fn numbers(argument: &str, set: Dataset) -> Result<Dataset> {
    match set.vocabulary() {
        None => Ok(set),
        Some(_) => Err(Error::misused("the data are tokens, and this is for numbers")
            .at(argument)
            .expected("rows of numbers")
            .got(format!("'{}'", set.name()))),
    }
}

/// Opens a file or directory.
///
/// ```
/// use langevin_data::Options;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("rows.csv");
/// std::fs::write(&path, "a,b\n1.5,2\n3,5\n4,4.5\n")?;
/// let set = langevin_tasks::data::of_file(&path, &Options::default(), &())?;
/// assert_eq!((set.rows(), set.width()), (3, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if it cannot be read.
pub fn of_file(path: &Path, options: &Options, observer: &dyn Observer) -> Result<Dataset> {
    langevin_data::open(path, options).map_err(|error| failure(&error, observer))
}

/// Converts an error of a reader to an error of a task. A hint is dropped if the caller does not
/// have the argument that the hint names.
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

/// Opens a data set with the reading options of a model. If the data have no column names but the
/// model does, the columns are matched by position; their number must be equal.
///
/// ```
/// use langevin_data::Options;
/// use langevin_tasks::data::{Reading, open_as};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("rows.csv");
/// std::fs::write(&path, "a,b,c\n1,2.5,3\n4,5,6\n7,1,9\n")?;
/// let mut options = Options::default();
/// options.columns = vec!["c".to_owned(), "a".to_owned()];
/// let data = path.to_string_lossy();
/// let set = open_as("‹data›", &data, 0, &Reading::default(), &options, &())?;
/// assert_eq!(set.frame().names, ["c", "a"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error under the conditions of [`open`], and if the data do not have the columns of
/// the model.
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
