//! NumPy's `.npy` files: held in memory, or read row by row where they lie.

mod classes;
mod dtype;
mod header;
mod records;
#[cfg(test)]
pub(crate) mod tests;

use crate::about::About;
use crate::data::{Dataset, missing, name_of, not_finite};
use crate::error::{Error, Result};
use crate::labels::Labels;
use crate::options::Options;
use crate::recognise::{FileKind, fits};
use crate::source::{Source, Spool};
use crate::store::Store;
pub(crate) use classes::classes;
pub(crate) use dtype::Dtype;
pub(crate) use header::{Header, Layout};
pub(crate) use records::{Records, Table};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Bytes that a buffer of rows has at most, unless one row is longer.
const BLOCK: usize = 4 << 20;

/// Rows of numbers of one type in C order.
#[derive(Debug)]
pub(crate) struct Encoded {
    source: Source,
    dtype: Dtype,
    /// Where the first row begins.
    start: u64,
    rows: usize,
    /// Numbers in a row.
    width: usize,
}

impl Encoded {
    /// Float64 rows of this crate's own, already checked.
    pub(crate) fn numbers(source: Source, rows: usize, width: usize) -> Self {
        Self { source, dtype: Dtype::F64, start: 0, rows, width }
    }

    /// Whether single precision may round its numbers.
    pub(crate) fn is_wide(&self) -> bool {
        self.dtype.is_wide()
    }

    /// Whether its numbers are 8 bits or fewer: levels of gray or colour.
    pub(crate) fn is_bytes(&self) -> bool {
        self.dtype.is_bytes()
    }

    /// Writes row `row` into `out`, exactly.
    pub(crate) fn read_wide(&self, row: usize, out: &mut [f64], scratch: &mut Vec<u8>) -> Result<()> {
        self.dtype.widen(self.span(row, 1, scratch)?, out);
        Ok(())
    }

    /// Writes row `row` into `out`.
    pub(crate) fn read(&self, row: usize, out: &mut [f32], scratch: &mut Vec<u8>) -> Result<()> {
        self.dtype.narrow(self.span(row, 1, scratch)?, out);
        Ok(())
    }

    /// The bytes of `rows` rows from `first` on.
    fn span<'a>(&'a self, first: usize, rows: usize, scratch: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        let line = self.width * self.dtype.size();
        self.source.bytes(self.start + first as u64 * line as u64, rows * line, scratch)
    }

    /// Rows that a buffer holds.
    fn block(&self) -> usize {
        (BLOCK / (self.width * self.dtype.size()).max(1)).max(1)
    }

    /// Refuses numbers that are no finite float32. The elements of a `flat` row are columns.
    pub(crate) fn check(&self, flat: bool) -> Result<()> {
        if !self.dtype.can_be_infinite() {
            return Ok(());
        }
        let (mut scratch, mut values) = (Vec::new(), Vec::new());
        for first in (0..self.rows).step_by(self.block()) {
            let bytes = self.span(first, self.block().min(self.rows - first), &mut scratch)?;
            values.resize(bytes.len() / self.dtype.size(), 0.0);
            self.dtype.narrow(bytes, &mut values);
            if let Some(position) = values.iter().position(|value| !value.is_finite()) {
                let (row, column) = (first + position / self.width + 1, position % self.width + 1);
                let value = self.dtype.value(&bytes[position * self.dtype.size()..][..self.dtype.size()]);
                let place = format!("row {row}, column {column}");
                return Err(match value.is_nan() {
                    true => missing(&place, "a number", "NaN", flat.then(|| column.to_string()).as_deref()),
                    false => not_finite(value, &place),
                });
            }
        }
        Ok(())
    }

    /// Which elements of a row have a whole number that a float64 cannot hold; empty if none can.
    pub(crate) fn rounded(&self) -> Result<Vec<bool>> {
        if !self.dtype.can_be_rounded() {
            return Ok(vec![]);
        }
        let (mut scratch, mut rounded) = (Vec::new(), vec![false; self.width]);
        for first in (0..self.rows).step_by(self.block()) {
            let bytes = self.span(first, self.block().min(self.rows - first), &mut scratch)?;
            for (place, number) in bytes.chunks_exact(self.dtype.size()).enumerate() {
                if self.dtype.is_rounded(number) {
                    rounded[place % self.width] = true;
                }
            }
        }
        Ok(rounded)
    }

    /// Writes all rows to a spool.
    fn copy(&self, spool: &mut Spool) -> Result<()> {
        let mut scratch = Vec::new();
        for first in (0..self.rows).step_by(self.block()) {
            spool.write(self.span(first, self.block().min(self.rows - first), &mut scratch)?)?;
        }
        Ok(())
    }
}

/// Opens a `.npy` file.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Dataset> {
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
        let (rows, sample) = header.rows()?;
        finish(path, array, (rows, sample), About::new(".npy", header.dtype.name()), options)
    };
    open().map_err(|error| error.in_file(path))
}

/// Opens `.npy` files of the same type and shape of rows as one array, whose name and place in errors is `name`.
pub(crate) fn shards(name: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    if let [only] = files {
        return fits(only, FileKind::Npy).map_err(|error| error.in_file(only)).and_then(|()| open(only, options));
    }
    let format = |kind: &str| format!(".npy{kind} in {} files", files.len());
    let open = || -> Result<Dataset> {
        match together(files, options)? {
            Together::Records(table) => labelled(*table, name, format(" of records"), options),
            Together::Rows { spool, dtype, sample, rows } => {
                let width = sample.iter().product();
                let array = Encoded { source: spool.finish()?, dtype, start: 0, rows, width };
                finish(name, array, (rows, &sample), About::new(format(""), dtype.name()), options)
            }
        }
    };
    open().map_err(|error| error.in_file(name))
}

/// The rows of several files, one file after the other.
enum Together {
    Records(Box<Table>),
    Rows { spool: Spool, dtype: Dtype, sample: Vec<usize>, rows: usize },
}

impl Together {
    /// What a row is.
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

/// A file, and its bytes.
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

    /// The array of plain numbers behind a header.
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

/// The labels that the options name, and what they are called; noted in `about` if they are passed over.
fn labels(rows: usize, about: &mut About, options: &Options) -> Result<Option<(Labels, String)>> {
    let Some(path) = options.labels.as_deref() else { return Ok(None) };
    match labels_of(Path::new(path), rows, options) {
        Ok(labels) => Ok(labels.map(|labels| (labels, path.to_owned()))),
        // A model remembers the file of its own labels, which says nothing about other rows.
        Err(error) if options.labels_optional && error.is_data() => {
            *about = std::mem::take(about).omitting(format!("the labels in {path}"), "they do not fit these rows");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn finish(
    path: &Path,
    array: Encoded,
    (rows, sample): (usize, &[usize]),
    mut about: About,
    options: &Options,
) -> Result<Dataset> {
    let labels = labels(rows, &mut about, options)?;
    if let Some((_, by)) = &labels {
        about = about.labelled(by);
    }
    let rounded = array.rounded()?;
    let labels = labels.map(|(labels, _)| labels);
    let data = Dataset::make(name_of(path), rows, sample, Store::Encoded(array), labels)?;
    Ok(data.with_about(about, vec![]).rounded(rounded))
}

/// A table of records, with the labels that the options name.
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

/// The labels in a file of their own; none if it is not there and need not be.
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

/// Whether the array is to be in memory; one that is turned round is there twice for a moment.
pub(crate) fn held(header: &Header, memory: u64) -> bool {
    let times = if header.fortran { 2 } else { 1 };
    header.length().and_then(|length| length.checked_mul(times)).is_some_and(|length| length <= memory)
}

/// Reads all the bytes of the data. Memory grows as they come, so that a header alone can take none.
pub(crate) fn bytes(reader: &mut impl Read, header: &Header) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = header.length().unwrap_or(u64::MAX);
    // One more tells a longer file, and lets a reader that checks sums come to its end.
    let read = reader.take(length.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Error::io("cannot read the file", error))?;
    header.holds(bytes.len() as u64)?;
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// The rows of an array whose data begin at `start`, in C order and checked.
pub(crate) fn encoded(source: Source, start: u64, header: &Header, memory: u64) -> Result<Encoded> {
    let (rows, sample) = header.rows()?;
    let width: usize = sample.iter().product();
    let mut array = Encoded { source, dtype: header.dtype, start, rows, width };
    // With one number a row both orders are the same.
    if header.fortran && width > 1 {
        array = turned(&array, sample, memory)?;
    }
    array.check(sample.len() == 1)?;
    Ok(array)
}

/// Column-major to row-major: in file order the rows are what changes fastest.
fn turned(array: &Encoded, sample: &[usize], memory: u64) -> Result<Encoded> {
    let (size, width, rows) = (array.dtype.size(), array.width, array.rows);
    let mut spool = Spool::new(memory);
    let (mut scratch, mut block) = (Vec::new(), Vec::new());
    for first in (0..rows).step_by(array.block()) {
        let count = array.block().min(rows - first);
        block.resize(count * width * size, 0);
        let mut index = vec![0_usize; sample.len()];
        for element in 0..width {
            let column = index.iter().zip(sample).rev().fold(0, |offset, (index, extent)| offset * extent + index);
            let start = array.start + (column as u64 * rows as u64 + first as u64) * size as u64;
            let bytes = array.source.bytes(start, count * size, &mut scratch)?;
            for (row, number) in bytes.chunks_exact(size).enumerate() {
                block[(row * width + element) * size..][..size].copy_from_slice(number);
            }
            for (place, extent) in index.iter_mut().zip(sample).rev() {
                *place += 1;
                if *place < *extent {
                    break;
                }
                *place = 0;
            }
        }
        spool.write(&block)?;
    }
    Ok(Encoded { source: spool.finish()?, dtype: array.dtype, start: 0, rows, width })
}

/// Numbers in Fortran order, brought to C order.
pub(crate) fn in_rows(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut index = vec![0_usize; shape.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        out.push(values[index.iter().zip(shape).rev().fold(0, |offset, (index, extent)| offset * extent + index)]);
        for (place, extent) in index.iter_mut().zip(shape).rev() {
            *place += 1;
            if *place < *extent {
                break;
            }
            *place = 0;
        }
    }
    out
}

/// Where an array in a container is read from, when it is not to be held: a temporary file.
pub(crate) fn spooled(reader: &mut impl Read, header: &Header) -> Result<Source> {
    let mut spool = Spool::new(0);
    let mut buffer = vec![0; 1 << 16];
    let length = header.length().unwrap_or(u64::MAX);
    let mut reader = reader.take(length.saturating_add(1));
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => spool.write(&buffer[..read])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("cannot read the file", error)),
        }
    }
    header.holds(spool.length())?;
    spool.finish()
}
