//! NumPy's `.npz` files: `.npy` arrays in a zip archive, stored or deflated.

use crate::about::About;
use crate::data::{Dataset, name_of};
use crate::error::{Error, Result};
use crate::labels::{Gather, Labels};
use crate::npy::{Header, bytes, encoded, held, spooled};
use crate::options::Options;
use crate::source::Source;
use crate::store::Store;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// What an array of rows is called, the first that is there.
const ROWS: [&str; 4] = ["x", "data", "images", "arr_0"];
/// What their labels are called.
const LABELS: [&str; 3] = ["y", "labels", "label"];

type Archive = ZipArchive<BufReader<File>>;

/// Opens a `.npz` file.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Dataset> {
    let file = File::open(path).map_err(|error| Error::reading(path, error))?;
    let open = || -> Result<Dataset> {
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip)?;
        let names = archive.file_names().collect::<Result<Vec<_>, _>>().map_err(zip)?;
        let names: Vec<String> = names
            .iter()
            .filter(|name| name.ends_with(".npy"))
            .map(|name| name.trim_end_matches(".npy").to_owned())
            .collect();
        let labelled = LABELS.into_iter().find(|name| has(&names, name));
        let rows = chosen(&names)?;
        let at = |member: &str, error: Error| error.at(format!("array '{member}'"));
        let (store, header) = array(&mut archive, path, rows, options).map_err(|error| at(rows, error))?;
        let (count, sample) = header.rows().map_err(|error| at(rows, error))?;
        let labels = match labelled {
            Some(name) => Some(labels(&mut archive, name, count).map_err(|error| at(name, error))?),
            None => None,
        };
        let data = Dataset::make(name_of(path), count, sample, store, labels)?;
        let about = About::new(format!(".npz, array '{rows}'"), header.dtype.name());
        let about = match labelled {
            Some(name) => about.labelled(format!("array '{name}'")),
            None => about,
        };
        Ok(data.with_about(about, vec![]))
    };
    open().map_err(|error| error.in_file(path))
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

fn zip(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => Error::io("cannot read the archive", error),
        other => Error::data("not a readable .npz archive")
            .because(other.to_string())
            .hinting("write it with numpy.savez(FILE, x=array)"),
    }
}

/// The array of rows: by its name, or the only one that holds no labels.
fn chosen(names: &[String]) -> Result<&str> {
    if let Some(name) = ROWS.into_iter().find(|name| has(names, name)) {
        return Ok(name);
    }
    let others: Vec<&String> = names.iter().filter(|name| !LABELS.contains(&name.as_str())).collect();
    match others[..] {
        [only] => Ok(only),
        _ => Err(Error::data("which array holds the rows?")
            .expected(format!("an array named {}, or a single one", ROWS.join(", ")))
            .got(if names.is_empty() { "no array".to_owned() } else { names.join(", ") })
            .hinting("write it with numpy.savez(FILE, x=array)")),
    }
}

fn array(archive: &mut Archive, path: &Path, name: &str, options: &Options) -> Result<(Store, Header)> {
    let mut member = archive.by_name(&format!("{name}.npy")).map_err(zip)?;
    let (size, start, method) = (member.size(), member.data_start(), member.compression());
    let header = Header::read(&mut member)?;
    header.holds(size.saturating_sub(header.start))?;
    header.rows()?;
    let source = if held(&header, options.memory) {
        (Source::Memory(bytes(&mut member, &header)?), 0)
    } else if let (CompressionMethod::Stored, Some(start)) = (method, start) {
        // What is stored as it is can be read where it lies.
        let file = File::open(path).map_err(|error| Error::reading(path, error))?;
        (Source::File(file, path.to_owned()), start.saturating_add(header.start))
    } else {
        (spooled(&mut member, &header)?, 0)
    };
    let (source, start) = source;
    Ok((Store::Encoded(encoded(source, start, &header, options.memory)?), header))
}

/// One whole number for each row.
fn labels(archive: &mut Archive, name: &str, rows: usize) -> Result<Labels> {
    let mut member = archive.by_name(&format!("{name}.npy")).map_err(zip)?;
    let size = member.size();
    let header = Header::read(&mut member)?;
    header.holds(size.saturating_sub(header.start))?;
    if header.shape != [rows] {
        return Err(Error::data("the labels do not fit the rows")
            .expected(format!("shape [{rows}]"))
            .got(format!("{:?}", header.shape)));
    }
    let bytes = bytes(&mut member, &header)?;
    let mut gather = Gather::default();
    for number in bytes.chunks_exact(header.dtype.size()) {
        let whole = header.dtype.whole(number).ok_or_else(|| {
            Error::data("the labels are not whole numbers")
                .expected("an integer type")
                .hinting("save y.astype('int64')")
        })?;
        gather.push(&whole.to_string());
    }
    Ok(gather.finish())
}
