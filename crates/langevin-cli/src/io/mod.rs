//! Files: reading arrays, writing arrays and pictures.

pub mod atomic;
pub mod npy;
pub mod png;
pub mod rows;
pub mod stale;
pub mod temporary;

use crate::error::{Failure, Result, in_flags};
use crate::words::{QUOTED, ends, visible};
use langevin_data::TableKind;
use std::io::Write as _;
use std::path::Path;

/// The format of a file of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A NumPy array.
    Npy,
    /// A table with one sample per row.
    Table(TableKind),
    /// A picture of all samples.
    Png,
    /// A picture of each sample, in a directory.
    Folder,
}

impl Format {
    /// Returns the format for a file extension.
    pub fn of(path: &Path) -> Result<Self> {
        if path.is_dir() || path.to_string_lossy().ends_with(std::path::is_separator) {
            return Ok(Self::Folder);
        }
        if let Some(kind) = TableKind::of(path) {
            return Ok(Self::Table(kind));
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        match ending.as_deref() {
            Some("npy") => Ok(Self::Npy),
            Some("png") => Ok(Self::Png),
            other => {
                let failure = Failure::misused("unknown kind of output")
                    .in_file(path)
                    .expected(
                        "a name that ends in .npy, .csv, .tsv, .csv.gz, .tsv.gz, .parquet or .png, or a directory",
                    )
                    .got(other.map_or_else(|| "no ending".to_owned(), |ending| format!("'.{ending}'")));
                Err(
                    match other
                        .and_then(|ending| langevin::error::nearest(ending, &["npy", "csv", "tsv", "parquet", "png"]))
                    {
                        Some(near) => failure.hint(format!("did you mean '.{near}'?")),
                        None => failure,
                    },
                )
            }
        }
    }
}

/// Prints a line for the user on stderr. Control characters are escaped, and a failure to print is
/// ignored.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", ends(&visible(&in_flags(line)), 10 * QUOTED));
}

/// Prints data for a script or a user on stdout. A reader that stops early (`| head`) is not an
/// error.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) => unprinted(error),
    }
}

/// Converts an error on stdout. A reader that stops early (`| head`) is not an error.
pub fn unprinted(error: std::io::Error) -> Result<()> {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::failed("cannot write to stdout").got(error.to_string())),
    }
}
