//! Which reader a path gets.

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::guard::caught;
use crate::options::Options;
use crate::recognise::{FileKind, recognise, refuse};
use crate::{npy, npz, pictures, shards, table};
use std::io;
use std::path::Path;

/// The endings of files that are read, a folder of pictures besides.
const ENDINGS: [&str; 10] = ["npy", "npz", "csv", "tsv", "txt", "parquet", "png", "jpg", "jpeg", "webp"];

/// The file of a path, and the array in it that the path names: `mnist.npz:x_train`. A path that is there is a file, whatever it is called.
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
        let is_archive = Path::new(file).extension()?.eq_ignore_ascii_case("npz");
        (is_archive && !array.is_empty() && !path.exists()).then_some((Path::new(file), Some(array)))
    };
    split().unwrap_or((path, None))
}

/// Whether a name ends like a file that is read, or names an array of one.
#[must_use]
pub fn is_readable_name(path: &Path) -> bool {
    let file = located(path).0;
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    match ending.as_deref() {
        Some("gz") => is_packed_table(file),
        Some("jpg" | "jpeg" | "png" | "webp" | "tab" | "dat") => true,
        Some(ending) => ENDINGS.contains(&ending),
        None => false,
    }
}

/// Whether there is something to open at a path: a file, a folder, an array in a file, or files of a pattern.
#[must_use]
pub fn exists(path: &Path) -> bool {
    path.exists()
        || located(path).0.exists()
        || (shards::is_pattern(path) && shards::of_pattern(path).is_ok_and(|found| !found.is_empty()))
}

/// Opens the rows of a file, by the ending of its name, or of a folder of pictures or of shards (`.parquet`,
/// `.csv`, `.csv.gz` or `.npy`). A path that is not there may be a pattern of shards, such as `data/test-*.parquet`. See the [crate](crate) for what each kind holds.
///
/// All numbers are checked: what is opened is finite. What does not fit into [`Options::memory`] is read as it is asked for; the values are the same.
///
/// ```
/// use langevin_data::{Options, open};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("flowers.csv");
/// # std::fs::write(&path, "width,height,kind\n1,2,rose\n3,4,daisy\n").unwrap();
/// // flowers.csv: width,height,kind / 1,2,rose / 3,4,daisy
/// let data = open(&path, &Options::default().label_column("kind"))?;
/// assert_eq!((data.name(), data.rows(), data.shape()), ("flowers", 2, &[2][..]));
/// assert_eq!((data.labels(), data.classes()), (Some(&[1, 0][..]), &["daisy".to_owned(), "rose".to_owned()][..]));
/// # Ok::<(), langevin_data::Error>(())
/// ```
///
/// # Errors
/// An option that cannot be used, a path that is not there or cannot be read, a kind of file that is not known, and contents that are not what they should be; each
/// says the file, the place in it, and what to try.
pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Dataset> {
    let path = path.as_ref();
    options.check()?;
    // A decoder's assertion that a damaged file contradicts is no reason to end a program.
    let read = caught(|| read(path, options)?.settled(options));
    read.unwrap_or_else(|| {
        Err(Error::data("the file cannot be used").in_file(path).because("its parts contradict each other"))
    })
}

/// Whether a name ends in .csv.gz and the like.
fn is_packed_table(path: &Path) -> bool {
    let inner =
        path.file_stem().map(Path::new).and_then(Path::extension).map(|e| e.to_string_lossy().to_ascii_lowercase());
    matches!(inner.as_deref(), Some("csv" | "tsv" | "tab" | "txt" | "dat"))
}

fn read(path: &Path, options: &Options) -> Result<Dataset> {
    if !path.exists() && shards::is_pattern(path) {
        return match &shards::of_pattern(path)?[..] {
            [only] => read(only, options),
            files => shards::open(path, files, options),
        };
    }
    if let (file, Some(array)) = located(path) {
        let missing = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::io("no such file or folder", error).in_file(file),
            _ => Error::reading(file, error),
        };
        std::fs::metadata(file).map_err(missing)?;
        refuse(file, FileKind::Npz)?;
        return npz::open(file, Some(array), options);
    }
    let about = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::io("no such file or folder", error).in_file(path),
        _ => Error::reading(path, error),
    })?;
    if about.is_dir() {
        // Pictures come first: a table beside them describes them.
        return match shards::of_folder(path) {
            Ok(None) => pictures::open(path, options),
            found if !pictures::any(path) => match found? {
                Some(found) => shards::open_folder(path, &found, options),
                None => pictures::open(path, options),
            },
            _ => pictures::open(path, options),
        };
    }
    // A pipe can be read once only.
    if !about.is_file() {
        return Err(Error::argument("neither a file nor a folder").in_file(path));
    }
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    match ending.as_deref() {
        Some("png" | "jpg" | "jpeg" | "webp") => pictures::open(path, options),
        Some("npy") => refuse(path, FileKind::Npy).and_then(|()| npy::open(path, options)),
        Some("npz") => refuse(path, FileKind::Npz).and_then(|()| npz::open(path, None, options)),
        Some("csv" | "tsv" | "tab" | "txt" | "dat") => {
            refuse(path, FileKind::Text).and_then(|()| table::open(path, options))
        }
        Some("gz") if is_packed_table(path) => refuse(path, FileKind::Text).and_then(|()| table::open(path, options)),
        #[cfg(feature = "parquet")]
        Some("parquet") => crate::parquet::open(path, options),
        #[cfg(not(feature = "parquet"))]
        Some("parquet") => {
            Err(Error::argument("this build does not read .parquet files").in_file(path).hinting("save a .npy file"))
        }
        other => {
            if let Some(found) = recognise(path).filter(|found| *found != FileKind::Text) {
                return Err(found.unnamed().in_file(path));
            }
            let error = Error::argument("unknown kind of data file")
                .in_file(path)
                .expected("a name that ends in .npy, .npz, .csv, .tsv, .txt, .csv.gz, .parquet, .png, .jpg or .webp, or a folder of pictures")
                .got(other.map_or_else(|| "no ending".to_owned(), |ending| format!("'.{ending}'")));
            Err(match other.and_then(|ending| langevin::error::nearest(ending, &ENDINGS)) {
                Some(near) => error.hinting(format!("did you mean '.{near}'?")),
                None => error,
            })
        }
    }
}
