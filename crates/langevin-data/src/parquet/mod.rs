//! Parquet tables: columns of numbers, of lists of numbers of one shape, or a column of pictures. One file, or several of the same columns.
//!
//! | module | what is in it |
//! |---|---|
//! | `column`, `cells` | what a column can be read as, and some of its cells |
//! | `numbers`, `images` | the rows of a table |
//! | `write` | tables written a group of rows at a time |
//! | `hub` | what writers say of columns in the metadata |
//! | `zstd` | pages compressed by Zstandard |

mod cells;
mod column;
mod hub;
mod images;
mod numbers;
mod write;
mod zstd;

use crate::about::About;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::guard::caught;
use crate::labels::{LABELS, Labels};
use crate::options::Options;
use crate::pictures::looks_like_picture;
use crate::table::{Columns, flag_value, start};
use cells::Cells;
use column::{Column, Kind};
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub(crate) use write::Writer;

/// Rows that are read of each column before they are put in order.
const TOGETHER: usize = 512;
/// Bytes of values that a byte of the file may stand for, and those that any file may: a constant column of a small table takes next to nothing.
const EXPANSION: u64 = 1024;
const SMALL: u64 = 1 << 30;

/// Opens a `.parquet` file.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Dataset> {
    shards(path, &[path.to_owned()], options)
}

/// Opens files of the same columns as one table, whose name and place in errors is `name`.
pub(crate) fn shards(name: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    // The library has asserts about what a file says. They are no reason to end a program; what they interrupt is dropped whole.
    caught(|| rows(name, files, options))
        .unwrap_or_else(|| Err(Error::data("not a readable .parquet file").because("its parts contradict each other")))
        .map_err(|error| error.in_file(name))
}

/// What the library says of a file.
fn broken(error: ParquetError) -> Error {
    let failure = Error::data("not a readable .parquet file");
    let text = error.to_string();
    if let Some((_, codec)) = text.split_once("Disabled feature at compile time: ") {
        return failure
            .because(format!("it is compressed by {codec}, which this build does not read"))
            .hinting("write it with compression='zstd' or 'snappy'");
    }
    if text.contains("codec type LZO") {
        return failure
            .because("it is compressed by LZO, which is not read")
            .hinting("write it with compression='zstd' or 'snappy'");
    }
    if text.contains("CRC checksum mismatch") {
        return failure
            .because("a checksum does not fit: the file is damaged")
            .hinting("fetch or write the file again");
    }
    // "Parquet error: ", "EOF: " and the like are the names of the library's types.
    failure.because(text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest).to_owned())
}

/// One file of a table.
struct Shard {
    /// What it is called, where there are several.
    name: Option<String>,
    file: Arc<File>,
    reader: SerializedFileReader<File>,
    /// In the order of the table's columns.
    columns: Vec<Column>,
}

/// Where some rows are.
#[derive(Clone, Copy)]
struct Place {
    shard: usize,
    /// Rows of the shard before them.
    first: usize,
}

/// A table, and what of it is read.
struct Table {
    shards: Vec<Shard>,
    chosen: Columns,
    /// The names of the classes, by their numbers.
    classes: Vec<String>,
    /// For each file the number of each of its classes in these, where files number them in different ways.
    renumbered: Vec<Vec<usize>>,
    /// Columns of pictures besides the one that is read.
    others: Vec<usize>,
    /// Bytes of values that the files may stand for.
    most: u64,
}

impl Shard {
    fn open(path: &Path, name: Option<String>) -> Result<(Self, u64)> {
        let file = File::open(path).map_err(|error| Error::reading(path, error))?;
        let length = file.metadata().map_err(|error| Error::reading(path, error))?.len();
        let own = file.try_clone().map_err(|error| Error::reading(path, error))?;
        let reader = SerializedFileReader::new(file).map_err(broken)?;
        // The library would assert this.
        let groups = reader.metadata().row_groups().iter();
        for column in groups.flat_map(|group| group.columns()) {
            let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
            if start < 0 || column.compressed_size() < 0 {
                return Err(Error::data("not a readable .parquet file").because("a column lies outside the file"));
            }
        }
        let columns = column::columns(reader.metadata().file_metadata().schema_descr());
        Ok((Self { name, file: Arc::new(own), reader, columns }, length))
    }

    /// Puts its columns into the order of `first`'s, found by name.
    fn fit(&mut self, first: &[Column]) -> Result<()> {
        let names =
            |columns: &[Column]| columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(", ");
        let different = |got: String| Error::data("the files have different columns").expected(names(first)).got(got);
        let got = names(&self.columns);
        if self.columns.len() != first.len() {
            return Err(different(got));
        }
        let mut own: Vec<Option<Column>> = std::mem::take(&mut self.columns).into_iter().map(Some).collect();
        for wanted in first {
            let found = own.iter_mut().find(|own| own.as_ref().is_some_and(|own| own.name == wanted.name));
            let column = found.and_then(Option::take).ok_or_else(|| different(got.clone()))?;
            if column.kind != wanted.kind {
                return Err(Error::data("the files have different columns")
                    .at(format!("column '{}'", wanted.name))
                    .expected(wanted.of.clone())
                    .got(column.of));
            }
            self.columns.push(column);
        }
        Ok(())
    }

    /// Whether the first cell of a column of bytes is a picture. What cannot be read is none here, and an error later.
    fn holds_pictures(&self, column: &Column, most: u64) -> bool {
        let mut first = false;
        let _ = self.each_of(&[column], 1, most, |cells, _| {
            first = looks_like_picture(cells[0].bytes(0));
            // One row is enough.
            Err(Error::data("enough"))
        });
        first
    }

    /// Calls `see` with the next cells of these columns and the rows before them until there are none.
    fn each_of(
        &self,
        columns: &[&Column],
        together: usize,
        most: u64,
        mut see: impl FnMut(&[Cells], usize) -> Result<()>,
    ) -> Result<()> {
        let mut seen = 0;
        for group in 0..self.reader.num_row_groups() {
            let about = self.reader.metadata().row_group(group);
            let group = self.reader.get_row_group(group).map_err(broken)?;
            let leaf = |column: &&Column| {
                let reader = if zstd::is_used(about.column(column.leaf)) {
                    zstd::column(&self.file, &self.reader, about, column.leaf, most)
                } else {
                    group.get_column_reader(column.leaf)
                };
                reader.map_err(|error| broken(error).at(format!("column '{}'", column.name)))
            };
            let mut readers = columns.iter().map(leaf).collect::<Result<Vec<_>>>()?;
            loop {
                let mut cells = Vec::with_capacity(columns.len());
                for (reader, column) in readers.iter_mut().zip(columns) {
                    let next = column.cells(reader, together, seen);
                    cells.push(next.map_err(|error| error.at(format!("column '{}'", column.name)))?);
                }
                let rows = cells.first().map_or(0, |cells| cells.rows);
                if cells.iter().any(|cells| cells.rows != rows) {
                    return Err(Error::data("the columns are not of one length"));
                }
                if rows == 0 {
                    break;
                }
                see(&cells, seen)?;
                seen += rows;
            }
        }
        Ok(())
    }
}

fn rows(path: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    let (mut shards, mut length): (Vec<Shard>, u64) = (Vec::new(), 0);
    for file in files {
        let name = (files.len() > 1).then(|| file.file_name().unwrap_or_default().to_string_lossy().into_owned());
        let at = |error: Error| match &name {
            Some(name) => error.at(name.clone()),
            None => error,
        };
        crate::recognise::fits(file, crate::FileKind::Parquet).map_err(at)?;
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
        // Which of several is meant is for the user to say.
        let mut classes = known.iter().filter(|(name, _)| place(name).is_some() && !mentioned(&options, name));
        if let (Some((only, _)), None) = (classes.next(), classes.next()) {
            options.label_column = Some(only.clone());
        }
    }
    let mut chosen = Columns::chosen(names.len(), &names, &options)?;
    // Of columns that were asked for one may be of pictures; the others cannot stand beside it.
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
    // Beside lists, whole numbers or texts of such a name are the classes of the rows.
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
        // A frame of nothing but its index is read as it is.
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

/// The names of the classes of a column, and for each file the number that each of its own has among these, unless all have
/// the same. Names are compared, since files may number them in different orders.
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

/// Whether the options say what a column is for.
fn mentioned(options: &Options, name: &str) -> bool {
    options.columns.iter().chain(&options.drop).any(|column| column == name)
}

impl Table {
    fn columns(&self) -> &[Column] {
        self.shards.first().map_or(&[], |shard| &shard.columns)
    }

    /// Calls `see` with the next rows of these columns until there are none; the cells are in the order of the columns that were asked for.
    fn each(
        &self,
        wanted: &[usize],
        together: usize,
        mut see: impl FnMut(&[Cells], Place) -> Result<()>,
    ) -> Result<()> {
        for (number, shard) in self.shards.iter().enumerate() {
            let columns: Vec<&Column> = wanted.iter().map(|column| &shard.columns[*column]).collect();
            let seen =
                shard.each_of(&columns, together, self.most, |cells, first| see(cells, Place { shard: number, first }));
            seen.map_err(|error| self.at(number, error))?;
        }
        Ok(())
    }

    /// Names the file in an error, where there are several.
    fn at(&self, shard: usize, error: Error) -> Error {
        match self.shards.get(shard).and_then(|shard| shard.name.clone()) {
            Some(name) => error.at(name),
            None => error,
        }
    }

    /// The label of a row, by its number where the metadata name the classes.
    fn label<'a>(&self, cells: &'a Cells, place: Place, row: usize) -> Result<Cow<'a, str>> {
        let label = cells.label(row)?;
        let Some(numbers) = self.renumbered.get(place.shard) else { return Ok(label) };
        match label.parse::<usize>().ok().and_then(|label| numbers.get(label)) {
            Some(number) => Ok(number.to_string().into()),
            None => Err(Error::data("a label has no name")
                .at(format!("row {}, {}", place.first + row + 1, self.called(self.chosen.label.unwrap_or_default())))
                .expected(format!("a number below {}, of a class that the metadata name", numbers.len()))
                .got(label)),
        }
    }

    /// Gives classes the names that the metadata have for their numbers.
    fn named(&self, mut labels: Labels) -> Labels {
        for class in &mut labels.classes {
            let name = class.parse::<usize>().ok().and_then(|number| self.classes.get(number));
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                class.clone_from(name);
            }
        }
        labels
    }

    /// What a column is called in a sentence.
    fn called(&self, column: usize) -> String {
        self.columns().get(column).map_or_else(String::new, |column| format!("column '{}'", start(&column.name)))
    }

    /// How the table was understood.
    fn about(&self, kind: &str, dtype: &str, left: bool) -> About {
        let files = match self.shards.len() {
            1 => String::new(),
            many => format!(" in {many} files"),
        };
        let mut about = About::new(format!("Parquet{kind}{files}"), dtype);
        if let Some(label) = self.chosen.label {
            about = about.labelled(self.called(label));
        }
        for (column, why) in self.chosen.left.iter().filter(|_| left) {
            about = about.omitting(self.called(*column), *why);
        }
        about
    }

    fn bounded(&self, bytes: u64) -> Result<()> {
        if bytes > self.most {
            return Err(Error::data("the file expands too far")
                .expected(format!("at most {} bytes of values", self.most))
                .got("more"));
        }
        Ok(())
    }
}
