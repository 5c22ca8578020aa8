//! NumPy's `.npz` files: `.npy` arrays in a zip archive, stored or deflated.

mod names;

use super::format::{Format, Reader};
use super::npy::{self, Header, Layout, Records, Table, bytes, classes, encoded, held, spooled};
use crate::about::About;
use crate::dataset::Dataset;
use crate::dataset::store::Store;
use crate::encoded::Encoded;
use crate::error::{Error, Result};
use crate::labels::Labels;
use crate::options::Options;
use crate::recognise::FileKind;
use crate::source::Source;
use crate::words::name_of;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

type Archive = ZipArchive<BufReader<File>>;

/// Archives of arrays.
pub(crate) const FORMAT: Format = Format {
    kind: Some(FileKind::Npz),
    endings: &["npz"],
    rare: &[],
    packed: false,
    listed: &[".npz"],
    help: &[".npz"],
    reader: Reader::Archive(open),
    written: &[],
};

/// Opens a `.npz` file; `wanted` names the array of rows.
fn open(path: &Path, wanted: Option<&str>, options: &Options) -> Result<Dataset> {
    let file = File::open(path).map_err(|error| Error::reading(path, error))?;
    let open = || -> Result<Dataset> {
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip)?;
        let names = archive.file_names().collect::<Result<Vec<_>, _>>().map_err(zip)?;
        let names: Vec<String> = names.iter().filter_map(|name| name.strip_suffix(".npy")).map(str::to_owned).collect();
        let Some(rows) = names::rows(&names, wanted, options.labels.as_deref()) else {
            return Err(unknown(&mut archive, path, &names, wanted));
        };
        let labelled = match &options.labels {
            Some(labels) if !names.contains(labels) && options.labels_optional => None,
            Some(labels) if !names.contains(labels) => return Err(no_labels(&mut archive, &names, labels)),
            Some(labels) => Some(labels.as_str()),
            None => names::labels(&names, rows),
        };
        let at = |member: &str, error: Error| error.at(format!("array '{member}'"));
        let array = array(&mut archive, path, rows, options).map_err(|error| at(rows, error))?;
        let count = array.rows().map_err(|error| at(rows, error))?;
        // A label field of the rows themselves takes precedence over another array.
        let labelled = if array.is_labelled() && options.labels.is_none() { None } else { labelled };
        if array.is_labelled() && labelled.is_some() {
            return Err(Error::argument("the labels come from one place")
                .at("labels, label column")
                .expected("one of them")
                .got("both"));
        }
        let mut passed_over = None;
        let labels = match labelled.map(|name| (name, labels(&mut archive, name, count))) {
            Some((_, Ok(labels))) => Some(labels),
            // An array found by its name alone may hold something else, for example regression
            // targets. The array that a model stores by name may also be something else in another
            // file.
            Some((name, Err(error))) if (options.labels.is_none() || options.labels_optional) && error.is_data() => {
                passed_over = Some(name);
                None
            }
            Some((name, Err(error))) => return Err(at(name, error)),
            None => None,
        };
        let labelled = if passed_over.is_some() { None } else { labelled };
        let by = labelled.map(|name| format!("array '{name}'")).unwrap_or_default();
        let data = match array {
            Array::Records(table) => {
                let labels = labels.map(|labels| (labels, by));
                table.finish(name_of(path), format!(".npz, array '{rows}' of records"), labels)?
            }
            Array::Numbers(array, header) => {
                let mut about = About::new(format!(".npz, array '{rows}'"), header.dtype.name());
                if labels.is_some() {
                    about = about.labelled(by);
                }
                let rounded = array.rounded()?;
                let (_, sample) = header.rows()?;
                let data = Dataset::make(name_of(path), sample, Store::of(array), labels)?;
                data.with_about(about, vec![]).rounded(rounded)
            }
        };
        Ok(data.saying(|about| match passed_over {
            Some(name) => about.omitting(
                format!("array '{name}'"),
                format!("its values are no classes of the rows; --labels {name} says why"),
            ),
            None => about,
        }))
    };
    open().map_err(|error| error.in_file(path))
}

/// Reads the named array, or the only one, of any shape.
pub(crate) fn single(path: &Path, wanted: Option<&str>) -> Result<npy::Array> {
    let file = File::open(path).map_err(|error| Error::reading(path, error))?;
    let read = || -> Result<npy::Array> {
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip)?;
        let names = archive.file_names().collect::<Result<Vec<_>, _>>().map_err(zip)?;
        let names: Vec<String> = names.iter().filter_map(|name| name.strip_suffix(".npy")).map(str::to_owned).collect();
        let name = match (wanted, &names[..]) {
            (Some(wanted), _) if names.iter().any(|name| name == wanted) => wanted,
            (None, [only]) => only,
            (Some(_), _) | (None, []) => return Err(unknown(&mut archive, path, &names, wanted)),
            (None, [first, ..]) => {
                return Err(Error::argument("the archive has several arrays")
                    .expected("the name of one of them")
                    .got(listed(&mut archive, &names))
                    .hinting(format!("name it after the file: {}:{first}", path.display())));
            }
        };
        let mut member = archive.by_name(&format!("{name}.npy")).map_err(zip)?;
        npy::Array::read(&mut member).map_err(|error| error.at(format!("array '{name}'")))
    };
    read().map_err(|error| error.in_file(path))
}

/// Largest number of arrays that a message lists.
const LISTED: usize = 24;

/// Lists the arrays with their shapes for a message.
fn listed(archive: &mut Archive, names: &[String]) -> String {
    let mut words = Vec::new();
    for name in names.iter().take(LISTED) {
        let shape = archive.by_name(&format!("{name}.npy")).ok().and_then(|mut member| Layout::read(&mut member).ok());
        words.push(match shape {
            Some(about) => format!("{name} {:?}", about.shape),
            None => name.clone(),
        });
    }
    match names.len() {
        0 => "no array".to_owned(),
        many if many > LISTED => format!("{}, and {} others", words.join(", "), many - LISTED),
        _ => words.join(", "),
    }
}

/// Returns the error for rows that are ambiguous, or for a named array that does not exist.
fn unknown(archive: &mut Archive, path: &Path, names: &[String], wanted: Option<&str>) -> Error {
    let listed = listed(archive, names);
    if let Some(wanted) = wanted {
        let error = Error::argument("no such array").at(format!("array '{wanted}'")).expected(listed);
        return match langevin::error::nearest(wanted, &names.iter().map(String::as_str).collect::<Vec<_>>()) {
            Some(near) => error.hinting(format!("did you mean '{near}'?")),
            None => error,
        };
    }
    let error = Error::data("which array holds the rows?")
        .expected(format!("an array named {}, or a single one", names::ROWS.join(", ")))
        .got(listed);
    let likely = names::likely(names);
    match likely.or_else(|| names.first().map(String::as_str)) {
        Some(name) => error.hinting(format!("name it after the file: {}:{name}", path.display())),
        None => error.hinting("write it with numpy.savez(FILE, x=array)"),
    }
}

fn no_labels(archive: &mut Archive, names: &[String], wanted: &str) -> Error {
    let error = Error::argument("no such array").at(format!("labels '{wanted}'")).expected(listed(archive, names));
    match langevin::error::nearest(wanted, &names.iter().map(String::as_str).collect::<Vec<_>>()) {
        Some(near) => error.hinting(format!("did you mean '{near}'?")),
        None => error,
    }
}

fn zip(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => Error::io("cannot read the archive", error),
        other => Error::data("not a readable .npz archive")
            .because(match other {
                ZipError::InvalidArchive(_) => "it is damaged or cut short".to_owned(),
                ZipError::UnsupportedArchive(_) => "it uses a form of zip that is not read".to_owned(),
                other => other.to_string(),
            })
            .hinting("write it with numpy.savez(FILE, x=array)"),
    }
}

/// Array of rows.
enum Array {
    Numbers(Encoded, Header),
    Records(Box<Table>),
}

impl Array {
    fn rows(&self) -> Result<usize> {
        match self {
            Self::Numbers(_, header) => header.rows().map(|(rows, _)| rows),
            Self::Records(table) => Ok(table.rows),
        }
    }

    fn is_labelled(&self) -> bool {
        matches!(self, Self::Records(table) if table.is_labelled())
    }
}

fn array(archive: &mut Archive, path: &Path, name: &str, options: &Options) -> Result<Array> {
    let mut member = archive.by_name(&format!("{name}.npy")).map_err(zip)?;
    let (size, start, method) = (member.size(), member.data_start(), member.compression());
    let layout = Layout::read(&mut member)?;
    if let Some((records, rows)) = Records::of(&layout)? {
        records.holds(rows, size.saturating_sub(layout.start))?;
        let mut table = Table::new(records, options)?;
        table.take(&mut BufReader::new(member), rows)?;
        return Ok(Array::Records(Box::new(table)));
    }
    let header = Header::of(layout)?;
    header.holds(size.saturating_sub(header.start))?;
    header.rows()?;
    let source = if held(&header, options.memory) {
        (Source::Memory(bytes(&mut member, &header)?), 0)
    } else if let (CompressionMethod::Stored, Some(start)) = (method, start) {
        // An uncompressed array can be read directly from the archive.
        let file = File::open(path).map_err(|error| Error::reading(path, error))?;
        (Source::File(file, path.to_owned()), start.saturating_add(header.start))
    } else {
        (spooled(&mut member, &header)?, 0)
    };
    let (source, start) = source;
    Ok(Array::Numbers(encoded(source, start, &header, options.memory)?, header))
}

/// Reads the class of each row.
fn labels(archive: &mut Archive, name: &str, rows: usize) -> Result<Labels> {
    classes(&mut archive.by_name(&format!("{name}.npy")).map_err(zip)?, rows)
}
