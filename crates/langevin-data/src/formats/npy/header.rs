//! The header of a `.npy` file.
//!
//! ```text
//! \x93NUMPY  major minor  header length (u16 LE, from version 2 u32 LE)  header  data
//! header = {'descr': '<f8', 'fortran_order': False, 'shape': (10, 2), }   padded to 64 bytes
//! ```
//!
//! Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use crate::dtype::Dtype;
use crate::error::{Error, Result};
use std::io::Read;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Header limit; NumPy itself rejects longer headers by default.
const MAX_HEADER: usize = 10_000;

/// Header of a `.npy` file with elements of any type.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Type of the elements as NumPy writes it, such as `<f4`.
    pub(crate) descr: String,
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<usize>,
    /// Number of bytes before the data.
    pub(crate) start: u64,
}

/// Header of an array of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) dtype: Dtype,
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<usize>,
    /// Number of bytes before the data.
    pub(crate) start: u64,
}

impl Layout {
    /// Reads the header, up to the data.
    pub(crate) fn read(reader: &mut impl Read) -> Result<Self> {
        let mut fixed = Vec::new();
        take(reader, 10, &mut fixed)?;
        if fixed.is_empty() {
            return Err(Error::data("the file is empty").expected("a .npy array").got("0 bytes"));
        }
        if !fixed.starts_with(MAGIC) {
            return Err(Error::data("not a .npy file")
                .expected("the magic bytes \\x93NUMPY")
                .got(format!("'{}'", fixed[..fixed.len().min(6)].escape_ascii()))
                .hinting("write it with numpy.save(FILE, array)"));
        }
        let short = |length: usize| {
            Error::data("the .npy file is cut short").expected("a whole header").got(format!("{length} bytes"))
        };
        let &[_, _, _, _, _, _, major, minor, low, high] = &fixed[..] else {
            return Err(short(fixed.len()));
        };
        let mut length = usize::from(low) | usize::from(high) << 8;
        match major {
            1 => {}
            2 | 3 => {
                take(reader, 2, &mut fixed)?;
                let &[third, fourth] = &fixed[10..] else { return Err(short(fixed.len())) };
                length |= usize::from(third) << 16 | usize::from(fourth) << 24;
            }
            _ => {
                return Err(Error::data("unknown version of the .npy format")
                    .expected("1.0, 2.0 or 3.0")
                    .got(format!("{major}.{minor}")));
            }
        }
        if length > MAX_HEADER {
            return Err(Error::data("the .npy header is too long")
                .expected("at most 10000 bytes")
                .got(length.to_string()));
        }
        let mut text = Vec::new();
        take(reader, length as u64, &mut text)?;
        if text.len() < length {
            return Err(short(fixed.len() + text.len()));
        }
        Self::parse(&String::from_utf8_lossy(&text), (fixed.len() + length) as u64)
    }

    fn parse(text: &str, start: u64) -> Result<Self> {
        let Some((descr, fortran, shape)) = dictionary(text) else {
            return Err(Error::data("bad .npy header")
                .expected("{'descr': …, 'fortran_order': …, 'shape': …}")
                .got(format!("'{}'", text.trim().chars().take(120).collect::<String>())));
        };
        Ok(Self { descr, fortran, shape, start })
    }

    /// Describes the type of the elements for messages.
    pub(crate) fn dtype(&self) -> String {
        match self.descr.trim_start_matches('|') {
            "O" => "Python objects".to_owned(),
            _ => format!("dtype '{}'", self.descr.chars().take(60).collect::<String>()),
        }
    }

    /// Returns the number of elements; `None` on overflow.
    pub(crate) fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1_usize, |product, extent| product.checked_mul(*extent))
    }
}

impl Header {
    /// Returns the header of an array of plain numbers.
    pub(crate) fn of(about: Layout) -> Result<Self> {
        let Some(dtype) = Dtype::parse(&about.descr) else {
            return Err(Error::data("the array is not of plain numbers")
                .expected("a float, bool or integer type of at most 64 bits")
                .got(about.dtype())
                .hinting("save array.astype('float32')"));
        };
        Ok(Self { dtype, fortran: about.fortran, shape: about.shape, start: about.start })
    }

    /// Returns the number of bytes of data; `None` on overflow.
    pub(crate) fn length(&self) -> Option<u64> {
        let count = self.shape.iter().try_fold(1_usize, |product, extent| product.checked_mul(*extent))?;
        u64::try_from(count.checked_mul(self.dtype.size())?).ok()
    }

    /// Checks that a file has the number of bytes that its header states.
    pub(crate) fn holds(&self, found: u64) -> Result<()> {
        if self.length() == Some(found) {
            return Ok(());
        }
        let wanted =
            self.length().map_or("more bytes than can be counted".to_owned(), |wanted| format!("{wanted} bytes"));
        Err(Error::data("the .npy file does not hold what its header says")
            .expected(format!("{wanted} for shape {:?} of {}-byte numbers", self.shape, self.dtype.size()))
            .got(found.to_string()))
    }

    /// Returns the number of rows and the shape of each.
    pub(crate) fn rows(&self) -> Result<(usize, &[usize])> {
        let [rows, sample @ ..] = &self.shape[..] else {
            return Err(Error::data("the array has no rows").expected("shape (rows, …)").got("a single number"));
        };
        if sample.is_empty() {
            return Err(Error::data("the array has one dimension")
                .expected("shape (rows, …)")
                .got(format!("shape {:?}", self.shape))
                .hinting("for one column, save array.reshape(-1, 1)"));
        }
        if sample.contains(&0) {
            return Err(Error::data("the rows are empty")
                .expected("one number a row or more")
                .got(format!("shape {:?}", self.shape)));
        }
        crate::checks::enough(*rows)?;
        Ok((*rows, sample))
    }
}

/// Appends up to `length` bytes.
fn take(reader: &mut impl Read, length: u64, out: &mut Vec<u8>) -> Result<()> {
    reader.by_ref().take(length).read_to_end(out).map_err(|error| Error::io("cannot read the file", error))?;
    Ok(())
}

/// Parses the three keys of the Python dictionary in any order. A structured dtype (a list) is kept
/// as text.
fn dictionary(text: &str) -> Option<(String, bool, Vec<usize>)> {
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        rest = after.trim_start().strip_prefix(':')?.trim_start();
        match key {
            "descr" if rest.starts_with('[') => {
                let end = rest.rfind(']')? + 1;
                descr = Some(rest[..end].to_owned());
                rest = &rest[end..];
            }
            "descr" => {
                let (value, after) = quoted(rest)?;
                descr = Some(value.to_owned());
                rest = after;
            }
            "fortran_order" => {
                let (value, after) = match rest.strip_prefix("True") {
                    Some(after) => (true, after),
                    None => (false, rest.strip_prefix("False")?),
                };
                fortran = Some(value);
                rest = after;
            }
            "shape" => {
                let (inside, after) = rest.strip_prefix('(')?.split_once(')')?;
                let extents = inside.split(',').map(str::trim).filter(|extent| !extent.is_empty());
                // Python 2 wrote long integers as 3L.
                shape = Some(extents.map(|extent| extent.trim_end_matches('L').parse().ok()).collect::<Option<_>>()?);
                rest = after;
            }
            _ => return None,
        }
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some((descr?, fortran?, shape?))
}

/// Splits a quoted string from the rest.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    text[1..].split_once(quote)
}
