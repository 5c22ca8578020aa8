//! Selection of the reader for a path.

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::formats::{self, Format, Reader, pictures};
use crate::guard::caught;
use crate::options::Options;
use crate::recognise::{FileKind, recognise, refuse};
use crate::shards;
use std::io;
use std::path::Path;

/// Splits a path such as `mnist.npz:x_train` into the file and the name of an array in it.
///
/// An existing path is always a file, whatever its name is.
///
/// ```
/// use langevin_data::located;
/// use std::path::Path;
/// assert_eq!(located(Path::new("mnist.npz:x_train")), (Path::new("mnist.npz"), Some("x_train")));
/// assert_eq!(located(Path::new("mnist.npz")), (Path::new("mnist.npz"), None));
/// ```
#[must_use]
pub fn located(path: &Path) -> (&Path, Option<&str>) {
    let split = || {
        let (file, array) = path.to_str()?.rsplit_once(':')?;
        let is_archive = formats::of(Path::new(file)).is_some_and(Format::is_archive);
        (is_archive && !array.is_empty() && !path.exists()).then_some((Path::new(file), Some(array)))
    };
    split().unwrap_or((path, None))
}

/// Returns true if the name has the extension of a readable file, or names an array in one.
///
/// ```
/// use langevin_data::is_readable_name;
/// use std::path::Path;
/// assert!(is_readable_name(Path::new("table.csv.gz")));
/// assert!(!is_readable_name(Path::new("movie.mp4")));
/// ```
#[must_use]
pub fn is_readable_name(path: &Path) -> bool {
    formats::of(located(path).0).is_some()
}

/// Returns a description of everything that [`open`] reads, for the help text of a program.
///
/// ```
/// let kinds = langevin_data::readable_kinds();
/// assert!(kinds.starts_with("a .npy, .npz, .csv, .tsv or .parquet file"));
/// ```
#[must_use]
pub fn readable_kinds() -> String {
    let parts = formats::joined(formats::parts().iter().filter_map(|parts| parts.listed.first()));
    let archives = formats::FORMATS.iter().filter(|format| format.is_archive()).flat_map(|format| format.endings);
    let named: Vec<String> = archives.map(|ending| format!("FILE.{ending}:NAME")).collect();
    format!(
        "a {} file ({} for one of several arrays), or a folder of pictures, or of {parts} files that are one table",
        formats::helped(),
        named.join(" or ")
    )
}

/// Returns true if there is something to open at a path: a file, a folder, an array in a file, or
/// files that match a pattern.
///
/// ```
/// use langevin_data::exists;
/// use std::path::Path;
/// assert!(exists(&std::env::temp_dir()) && !exists(Path::new("no/such/file.csv")));
/// ```
#[must_use]
pub fn exists(path: &Path) -> bool {
    path.exists()
        || located(path).0.exists()
        || (shards::is_pattern(path) && shards::of_pattern(path).is_ok_and(|found| !found.is_empty()))
}

/// Opens a file, a folder of images, or a folder of shards as a data set.
///
/// The extension of the name selects the format. Shards are `.parquet`, `.csv`, `.csv.gz` or `.npy`
/// files that form one table. A path that does not exist may be a pattern of shards, such as
/// `data/test-*.parquet`. The [crate documentation](crate) describes the formats.
///
/// All numbers are checked to be finite. Data that exceed [`Options::memory`] are read on demand,
/// with the same values.
///
/// ```
/// use langevin_data::{Options, open};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("flowers.csv");
/// # std::fs::write(&path, "width,height,kind\n1,2,rose\n3,4,daisy\n").unwrap();
/// // flowers.csv: width,height,kind / 1,2,rose / 3,4,daisy
/// let data = open(&path, &Options::default().label_column("kind"))?;
/// assert_eq!((data.name(), data.rows(), data.shape()), ("flowers", 2, &[2][..]));
/// assert_eq!(data.classes(), ["daisy", "rose"]);
/// assert_eq!(data.labels(), Some(&[1, 0][..]));
/// # Ok::<(), langevin_data::Error>(())
/// ```
///
/// # Errors
/// Returns an error if an option is unusable, if the path does not exist or cannot be read, if the
/// format is unknown, or if the contents are invalid. The error names the file, the place in it,
/// and what to try.
pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Dataset> {
    let path = path.as_ref();
    options.check()?;
    // A decoder may panic on a damaged file, which must not end the program.
    let read = caught(|| read(path, options)?.settled(options));
    read.unwrap_or_else(|| {
        Err(Error::data("the file cannot be used").in_file(path).because("its parts contradict each other"))
    })
}

fn read(path: &Path, options: &Options) -> Result<Dataset> {
    if !path.exists() && shards::is_pattern(path) {
        return match &shards::of_pattern(path)?[..] {
            [only] => read(only, options),
            files => shards::open(path, files, options),
        };
    }
    let missing = |path: &Path, error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Error::io("no such file or folder", error).in_file(path),
        _ => Error::reading(path, error),
    };
    if let (file, Some(array)) = located(path)
        && let Some(format) = formats::of(file)
    {
        std::fs::metadata(file).map_err(|error| missing(file, error))?;
        return file_of(format, file, Some(array), options);
    }
    let about = std::fs::metadata(path).map_err(|error| missing(path, error))?;
    if about.is_dir() {
        // Images come first, because a table beside images describes them.
        return match shards::of_folder(path) {
            Ok(None) => pictures::open(path, options),
            found if !pictures::any(path) => match found? {
                Some(found) => shards::open_folder(path, &found, options),
                None => pictures::open(path, options),
            },
            _ => pictures::open(path, options),
        };
    }
    // A pipe can be read only once.
    if !about.is_file() {
        return Err(Error::argument("neither a file nor a folder").in_file(path));
    }
    match formats::of(path) {
        Some(format) => file_of(format, path, None, options),
        None => Err(unknown(path)),
    }
}

/// Reads a file of this format, or one array of it.
fn file_of(format: &Format, path: &Path, array: Option<&str>, options: &Options) -> Result<Dataset> {
    if let Some(kind) = format.kind {
        refuse(path, kind)?;
    }
    match &format.reader {
        Reader::Table { read, .. } => read(path, &[path.to_owned()], options),
        Reader::Archive(read) => read(path, array, options),
        Reader::Pictures(read) => read(path, options),
    }
}

/// Returns the error for a file with an unknown extension: it names the format recognised by the
/// bytes, or the extension.
fn unknown(path: &Path) -> Error {
    let error = Error::argument("unknown kind of data file")
        .in_file(path)
        .expected(format!("a name that ends in {}, or a folder of pictures", formats::listed()));
    if let Some(found) = recognise(path).filter(|found| *found != FileKind::Text) {
        let error = error.got(found.to_string());
        return match found.hint() {
            Some(hint) => error.hinting(hint),
            None => error,
        };
    }
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    let near = ending.as_deref().and_then(|ending| langevin::error::nearest(ending, &formats::endings()));
    let error = error.got(ending.as_ref().map_or_else(|| "no ending".to_owned(), |ending| format!("'.{ending}'")));
    match near {
        Some(near) => error.hinting(format!("did you mean '.{near}'?")),
        None => error,
    }
}
