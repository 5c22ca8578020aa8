//! NumPy's `.npy` files, held in memory or read row by row from the file.
//!
//! | module | contents |
//! |---|---|
//! | `header`, `body` | the header of a file, and its data |
//! | `descr`, `records` | arrays of records: their fields as Python writes them, and their rows |
//! | `classes` | arrays with the class of each row |
//! | `array` | a single array of any shape |

mod array;
mod body;
mod classes;
mod descr;
mod header;
mod records;
#[cfg(test)]
pub(crate) mod tests;

use super::format::{Format, Parts, Reader};
use crate::about::About;
use crate::dataset::Dataset;
use crate::dataset::store::Store;
use crate::dtype::Dtype;
use crate::encoded::Encoded;
use crate::error::{Error, Result};
use crate::labels::Labels;
use crate::options::Options;
use crate::recognise::{FileKind, fits, fits_beside};
use crate::rows::Rows as _;
use crate::source::{Source, Spool};
use crate::words::name_of;
pub use array::Array;
pub(crate) use body::{bytes, encoded, held, spooled};
pub(crate) use classes::classes;
pub(crate) use header::{Header, Layout};
pub(crate) use records::{Records, Table};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Arrays of rows.
pub(crate) const FORMAT: Format = Format {
    kind: Some(FileKind::Npy),
    endings: &["npy"],
    rare: &[],
    packed: false,
    listed: &[".npy"],
    help: &[".npy"],
    reader: Reader::Table {
        read: shards,
        parts: Parts { rank: 2, words: ".npy files", listed: &[".npy"], folder: &["npy"], typed: true },
    },
    written: &[],
};

/// Opens a `.npy` file.
fn open(path: &Path, options: &Options) -> Result<Dataset> {
    let mut file = Opened::open(path)?;
    let open = || -> Result<Dataset> {
        let layout = Layout::read(&mut file.file)?;
        if let Some((records, rows)) = Records::of(&layout)? {
            records.holds(rows, file.length.saturating_sub(layout.start))?;
            let mut table = Table::new(records, options)?;
            table.take(&mut BufReader::new(file.file), rows)?;
            return labelled(table, path, ".npy of records".to_owned(), options);
        }
        let (array, header) = file.array(path, layout, options)?;
        let (_, sample) = header.rows()?;
        finish(path, array, sample, About::new(".npy", header.dtype.name()), options)
    };
    open().map_err(|error| error.in_file(path))
}

/// Opens `.npy` files of the same type and row shape as one array.
///
/// `name` is the name of the array and its place in errors.
fn shards(name: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    if let [only] = files {
        return fits_beside(name, only, FileKind::Npy)
            .map_err(|error| error.in_file(only))
            .and_then(|()| open(only, options));
    }
    let format = |kind: &str| format!(".npy{kind} in {} files", files.len());
    let open = || -> Result<Dataset> {
        match together(files, options)? {
            Together::Records(table) => labelled(*table, name, format(" of records"), options),
            Together::Rows { spool, dtype, sample, rows } => {
                let width = sample.iter().product();
                let array = Encoded::new(spool.finish()?, dtype, 0, rows, width);
                finish(name, array, &sample, About::new(format(""), dtype.name()), options)
            }
        }
    };
    open().map_err(|error| error.in_file(name))
}

/// Rows of several files, one file after the other.
enum Together {
    Records(Box<Table>),
    Rows { spool: Spool, dtype: Dtype, sample: Vec<usize>, rows: usize },
}

impl Together {
    /// Describes a row for messages.
    fn words(&self) -> String {
        match self {
            Self::Records(table) => format!("records of {}", table.records.words()),
            Self::Rows { dtype, sample, .. } => format!("rows of shape {sample:?}, {}", dtype.name()),
        }
    }
}

fn together(files: &[PathBuf], options: &Options) -> Result<Together> {
    let mut all: Option<Together> = None;
    for path in files {
        let mut next = || -> Result<()> {
            fits(path, FileKind::Npy)?;
            let mut file = Opened::open(path)?;
            let layout = Layout::read(&mut file.file)?;
            let different = |all: &Together, got: String| {
                Err(Error::data("the files hold different rows").expected(all.words()).got(got))
            };
            if let Some((records, rows)) = Records::of(&layout)? {
                records.holds(rows, file.length.saturating_sub(layout.start))?;
                let words = format!("records of {}", records.words());
                let all = match &mut all {
                    None => all.insert(Together::Records(Box::new(Table::new(records.clone(), options)?))),
                    Some(all) => all,
                };
                return match all {
                    Together::Records(table) if table.records == records => {
                        table.take(&mut BufReader::new(file.file), rows)
                    }
                    _ => different(all, words),
                };
            }
            let (array, header) = file.array(path, layout, options)?;
            let (count, own) = header.rows()?;
            let all = all.get_or_insert_with(|| Together::Rows {
                spool: Spool::new(options.memory),
                dtype: header.dtype,
                sample: own.to_vec(),
                rows: 0,
            });
            match all {
                Together::Rows { spool, dtype, sample, rows } if *dtype == header.dtype && sample == own => {
                    *rows += count;
                    array.copy(spool)
                }
                _ => different(all, format!("rows of shape {own:?}, {}", header.dtype.name())),
            }
        };
        next().map_err(|error| error.at(path.file_name().unwrap_or_default().to_string_lossy()))?;
    }
    all.ok_or_else(|| Error::data("there are no rows").expected("1 or more").got("0"))
}

/// File, with its size in bytes.
struct Opened {
    file: File,
    length: u64,
}

impl Opened {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::reading(path, error))?;
        let length = file.metadata().map_err(|error| Error::reading(path, error))?.len();
        Ok(Self { file, length })
    }

    /// Returns the array of plain numbers after a header.
    fn array(mut self, path: &Path, layout: Layout, options: &Options) -> Result<(Encoded, Header)> {
        let header = Header::of(layout)?;
        header.holds(self.length.saturating_sub(header.start))?;
        header.rows()?;
        let (source, start) = match held(&header, options.memory) {
            true => (Source::Memory(bytes(&mut self.file, &header)?), 0),
            false => (Source::File(self.file, path.to_owned()), header.start),
        };
        Ok((encoded(source, start, &header, options.memory)?, header))
    }
}

/// Reads the labels that the options name, with a description of their source.
///
/// Labels that are ignored are recorded in `about`.
fn labels(rows: usize, about: &mut About, options: &Options) -> Result<Option<(Labels, String)>> {
    let Some(path) = options.labels.as_deref() else { return Ok(None) };
    match labels_of(Path::new(path), rows, options) {
        Ok(labels) => Ok(labels.map(|labels| (labels, path.to_owned()))),
        // A model stores the file of its own labels, which does not apply to other rows.
        Err(error) if options.labels_optional && error.is_data() => {
            *about = std::mem::take(about).omitting(format!("the labels in {path}"), "they do not fit these rows");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn finish(path: &Path, array: Encoded, sample: &[usize], mut about: About, options: &Options) -> Result<Dataset> {
    let labels = labels(array.count(), &mut about, options)?;
    if let Some((_, by)) = &labels {
        about = about.labelled(by);
    }
    let rounded = array.rounded()?;
    let labels = labels.map(|(labels, _)| labels);
    let data = Dataset::make(name_of(path), sample, Store::of(array), labels)?;
    Ok(data.with_about(about, vec![]).rounded(rounded))
}

/// Builds the data set of a table of records, with the labels that the options name.
fn labelled(table: Table, path: &Path, format: String, options: &Options) -> Result<Dataset> {
    if table.is_labelled() && options.labels.is_some() {
        return Err(Error::argument("the labels come from one place")
            .at("labels, label column")
            .expected("one of them")
            .got("both"));
    }
    let mut beside = About::default();
    let labels = labels(table.rows, &mut beside, options)?;
    let data = table.finish(name_of(path), format, labels)?;
    let mut about = data.about().clone();
    about.omitted.extend(beside.omitted);
    Ok(data.with_about(about, vec![]))
}

/// Reads the labels from a separate file; `None` if the file is missing and optional.
fn labels_of(path: &Path, rows: usize, options: &Options) -> Result<Option<Labels>> {
    let named = |error: Error| error.at(format!("labels {}", path.display()));
    let file = match File::open(path) {
        Ok(file) => {
            fits(path, FileKind::Npy).map_err(named)?;
            file
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if options.labels_optional {
                return Ok(None);
            }
            let hint = "the labels of a .npy file are another .npy file, of one number or text for each row";
            return Err(named(Error::argument("no such file").hinting(hint)));
        }
        Err(error) => return Err(named(Error::io("cannot read the file", error))),
    };
    classes(&mut BufReader::new(file), rows).map(Some).map_err(named)
}
