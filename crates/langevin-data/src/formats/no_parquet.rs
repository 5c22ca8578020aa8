//! Parquet tables in builds without the feature `parquet`: recognised by name, and rejected.

use super::format::{Format, Parts, Reader};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::table::TableKind;
use std::path::{Path, PathBuf};

/// Tables of typed columns, which this build does not read.
pub(crate) const FORMAT: Format = Format {
    kind: None,
    endings: &["parquet"],
    rare: &[],
    packed: false,
    listed: &[".parquet"],
    help: &[".parquet"],
    reader: Reader::Table {
        read: refused,
        parts: Parts { rank: 0, words: ".parquet files", listed: &[".parquet"], folder: &["parquet"], typed: true },
    },
    written: &[("parquet", TableKind::Parquet)],
};

fn refused(name: &Path, _: &[PathBuf], _: &Options) -> Result<Dataset> {
    Err(Error::argument("this build does not read .parquet files").in_file(name).hinting("save a .npy file"))
}
