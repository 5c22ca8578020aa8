//! Parquet tables: columns of numbers, of lists of numbers of one shape, or a column of images.
//!
//! A table is one file, or several with the same columns.
//!
//! | module | contents |
//! |---|---|
//! | `column`, `cells` | the interpretation of a column, and ranges of its cells |
//! | `shard`, `table` | the cells of one file, and of several as one table |
//! | `numbers`, `images` | the rows of a table |
//! | `text` | all cells as texts, for tables of categories |
//! | `write`, `mixed` | writing of tables in groups of rows, and of categories |
//! | `hub` | descriptions of columns in the metadata |
//! | `zstd` | pages compressed with Zstandard |

mod cells;
mod column;
mod failure;
mod hub;
mod images;
mod mixed;
mod numbers;
mod shard;
mod table;
mod text;
mod write;
mod zstd;

use super::format::{Format, Parts, Reader};
use crate::columns::Columns;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::guard::caught;
use crate::labels::LABELS;
use crate::options::Options;
use crate::recognise::{FileKind, fits_beside};
use crate::table::TableKind;
use crate::words::{flag_value, start};
use column::Kind;
pub(crate) use mixed::write_mixed;
use parquet::file::reader::FileReader as _;
use shard::Shard;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use table::Table;
pub(crate) use text::cells_as_text;
pub(crate) use write::Writer;

/// Tables of typed columns.
pub(crate) const FORMAT: Format = Format {
    kind: Some(FileKind::Parquet),
    endings: &["parquet"],
    rare: &[],
    packed: false,
    listed: &[".parquet"],
    help: &[".parquet"],
    reader: Reader::Table {
        read: shards,
        parts: Parts { rank: 0, words: ".parquet files", listed: &[".parquet"], folder: &["parquet"], typed: true },
    },
    written: &[("parquet", TableKind::Parquet)],
};

/// Largest accepted ratio between values and file size in bytes; the next constant is allowed for
/// every file, because a constant column of a small table takes almost no space.
const EXPANSION: u64 = 1024;
const SMALL: u64 = 1 << 30;

/// Opens files with the same columns as one table; `name` is its name and its place in errors.
fn shards(name: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    // The library asserts properties of the file. A failed assertion must not end the program, and
    // the interrupted work is dropped as a whole.
    caught(|| rows(name, files, options))
        .unwrap_or_else(|| Err(Error::data("not a readable .parquet file").because("its parts contradict each other")))
        .map_err(|error| error.in_file(name))
}

fn rows(path: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    let (mut shards, mut length): (Vec<Shard>, u64) = (Vec::new(), 0);
    for file in files {
        let name = (files.len() > 1).then(|| file.file_name().unwrap_or_default().to_string_lossy().into_owned());
        let at = |error: Error| match &name {
            Some(name) => error.at(name.clone()),
            None => error,
        };
        fits_beside(path, file, FileKind::Parquet).map_err(at)?;
        let (mut shard, bytes) = Shard::open(file, name.clone()).map_err(at)?;
        if let Some(first) = shards.first() {
            shard.fit(&first.columns).map_err(at)?;
        }
        length = length.saturating_add(bytes);
        shards.push(shard);
    }
    let most = length.saturating_mul(EXPANSION).max(SMALL);
    let Some(first) = shards.first().filter(|first| !first.columns.is_empty()) else {
        return Err(Error::data("the table has no columns"));
    };
    let columns = &first.columns;
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let about = first.reader.metadata().file_metadata();
    let known = hub::classes(about);
    let place = |name: &str| names.iter().position(|known| *known == name);
    let mut options = options.clone();
    if options.label_column.is_none() {
        // With several class columns, the user must choose.
        let mut classes = known.iter().filter(|(name, _)| place(name).is_some() && !mentioned(&options, name));
        if let (Some((only, _)), None) = (classes.next(), classes.next()) {
            options.label_column = Some(only.clone());
        }
    }
    let mut chosen = Columns::chosen(names.len(), &names, &options)?;
    // At most one of the requested columns may hold images, and no other column can stand beside
    // it.
    let candidate = |kind: Kind| chosen.read.iter().copied().filter(move |column| columns[*column].kind == kind);
    let mut images = candidate(Kind::Image)
        .chain(candidate(Kind::Text).filter(|column| first.holds_pictures(&columns[*column], most)));
    let image = images.next();
    let others: Vec<usize> = images.collect();
    if image.is_some() && options.columns.len() > 1 {
        return Err(Error::argument("a column of pictures is read alone")
            .at("columns")
            .expected("one column")
            .got(options.columns.join(", ")));
    }
    if image.is_some() && chosen.label.is_none() {
        chosen.label = LABELS
            .into_iter()
            .filter(|name| !mentioned(&options, name))
            .find_map(|name| place(name).filter(|column| matches!(columns[*column].kind, Kind::Number | Kind::Text)));
    }
    // Beside lists, an integer or text column with a usual label name holds the classes of the
    // rows.
    let is_list = |column: &usize| matches!(columns[*column].kind, Kind::List(_));
    if image.is_none() && chosen.label.is_none() && chosen.read.iter().any(is_list) {
        let is_label = |column: &usize| {
            let of = &columns[*column];
            let is_data = !options.columns.is_empty() && chosen.read.contains(column);
            !is_data && (of.kind == Kind::Text || of.kind == Kind::Number && of.whole)
        };
        let mut known = LABELS.into_iter().filter(|name| !mentioned(&options, name)).filter_map(place);
        chosen.label = known.find(is_label).filter(|label| !chosen.is_dropped(*label));
        chosen.read.retain(|column| chosen.label != Some(*column));
        chosen.left.retain(|(column, _)| chosen.label != Some(*column));
    }
    let label = chosen.label;
    if options.columns.is_empty() {
        let index = hub::index(about);
        let is_index = |column: &usize| index.iter().any(|name| name == names[*column]);
        let (left, read): (Vec<usize>, Vec<usize>) = chosen.read.iter().copied().partition(is_index);
        // A frame that consists only of its index is read as it is.
        if !read.is_empty() {
            chosen.read = read;
            chosen.left.extend(left.into_iter().map(|column| (column, "the index of the data frame")));
        }
    }
    let (classes, renumbered) = match label {
        Some(label) if columns[label].kind == Kind::Number => classes(&shards, names[label])?,
        _ => Default::default(),
    };
    let table = Table { chosen, classes, renumbered, others, most, shards };
    match image {
        Some(image) => images::rows(path, &table, image, &options),
        None => numbers::rows(path, &table, &options),
    }
}

/// Returns the class names of a column, and the renumbering of each file's classes.
///
/// The renumbering is empty if all files number the classes alike. Names are compared, because
/// files may number them in different orders.
fn classes(shards: &[Shard], column: &str) -> Result<(Vec<String>, Vec<Vec<usize>>)> {
    let of = |shard: &Shard| {
        let known = hub::classes(shard.reader.metadata().file_metadata());
        known.into_iter().find(|(name, _)| name == column).map(|(_, classes)| classes).unwrap_or_default()
    };
    let each: Vec<Vec<String>> = shards.iter().map(of).collect();
    let Some(first) = each.first() else { return Ok(Default::default()) };
    if each.iter().all(|own| own == first) {
        return Ok((first.clone(), vec![]));
    }
    let (mut all, mut places): (Vec<String>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    let mut renumbered = Vec::with_capacity(each.len());
    for (shard, own) in shards.iter().zip(each) {
        if own.is_empty() {
            return Err(Error::data("the files name their classes in different ways")
                .at(format!("{}, column '{}'", shard.name.clone().unwrap_or_default(), start(column)))
                .expected("names of the classes in the metadata, as in other files")
                .got("none")
                .hinting(format!("leave the column out: --drop {}", flag_value([start(column)]))));
        }
        let place = |name: String| {
            *places.entry(name.clone()).or_insert_with(|| {
                all.push(name);
                all.len() - 1
            })
        };
        renumbered.push(own.into_iter().map(place).collect());
    }
    Ok((all, renumbered))
}

/// Returns true if the options mention a column.
fn mentioned(options: &Options, name: &str) -> bool {
    options.columns.iter().chain(&options.drop).any(|column| column == name)
}
