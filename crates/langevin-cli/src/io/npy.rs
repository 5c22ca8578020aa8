//! NumPy's `.npy` format, versions 1 to 3, read and written.
//!
//! ```text
//! \x93NUMPY  major minor  header length (u16 LE, from version 2 u32 LE)  header  data
//! header = {'descr': '<f8', 'fortran_order': False, 'shape': (10, 2), }   padded to a multiple of 64
//! ```
//!
//! Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>. No more memory is taken than the file is long.

use super::content::Content;
use super::{Array, atomic, json};
use crate::error::{Failure, Result};
use std::path::Path;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy itself refuses headers above 10,000 bytes unless told otherwise.
const MAX_HEADER: usize = 10_000;

/// The kinds of numbers that are read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
}

/// How one number is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Dtype {
    kind: Kind,
    size: usize,
    big_endian: bool,
}

impl Dtype {
    fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let (first, rest) = (chars.next()?, chars.as_str());
        let (big_endian, rest) = match first {
            '<' | '|' => (false, rest),
            '>' => (true, rest),
            '=' => (cfg!(target_endian = "big"), rest),
            _ => (false, text),
        };
        let (kind, sizes): (Kind, &[usize]) = match rest.chars().next()? {
            'b' => (Kind::Bool, &[1]),
            'i' => (Kind::Signed, &[1, 2, 4, 8]),
            'u' => (Kind::Unsigned, &[1, 2, 4, 8]),
            'f' => (Kind::Float, &[4, 8]),
            _ => return None,
        };
        let size = rest[1..].parse().ok().filter(|size| sizes.contains(size))?;
        Some(Self { kind, size, big_endian })
    }

    /// The number in `bytes`, which are `size` many.
    fn value(self, bytes: &[u8]) -> f64 {
        let mut raw = [0_u8; 8];
        raw[..self.size].copy_from_slice(bytes);
        if self.big_endian {
            raw[..self.size].reverse();
        }
        let word = u64::from_le_bytes(raw);
        match (self.kind, self.size) {
            (Kind::Float, 4) => f64::from(f32::from_bits(word as u32)),
            (Kind::Float, _) => f64::from_bits(word),
            (Kind::Signed, size) => {
                let unused = 64 - 8 * size as u32;
                ((word << unused) as i64 >> unused) as f64
            }
            (Kind::Bool | Kind::Unsigned, _) => word as f64,
        }
    }
}

/// Reads an array of numbers.
pub fn read(flag: &str, path: &Path) -> Result<Array> {
    let bytes = json::whole(flag, path, Content::Array, super::MOST_ARRAY)?;
    decode(&bytes).map_err(|failure| failure.in_file(path))
}

fn decode(bytes: &[u8]) -> Result<Array> {
    let broken = |what: &str| Failure::failed(what);
    if bytes.is_empty() {
        return Err(broken("the file is empty").expected("a .npy array").got("0 bytes"));
    }
    if !bytes.starts_with(MAGIC) {
        return Err(broken("not a .npy file")
            .expected("the magic bytes \\x93NUMPY")
            .got(format!("'{}'", bytes[..bytes.len().min(6)].escape_ascii()))
            .hint("write it with numpy.save(FILE, array)"));
    }
    let short =
        || broken("the .npy file is cut short").expected("a whole header").got(format!("{} bytes", bytes.len()));
    let field = |from: usize, to: usize| bytes.get(from..to).ok_or_else(short);
    let version = field(6, 8)?;
    let (length, start) = match version[0] {
        1 => (field(8, 10)?.iter().rev().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), 10),
        2 | 3 => (field(8, 12)?.iter().rev().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), 12),
        _ => {
            return Err(broken("unknown version of the .npy format")
                .expected("1.0, 2.0 or 3.0")
                .got(format!("{}.{}", version[0], version[1])));
        }
    };
    if length > MAX_HEADER {
        return Err(broken("the .npy header is too long").expected("at most 10000 bytes").got(length.to_string()));
    }
    let header = String::from_utf8_lossy(field(start, start + length)?);
    let header = Header::parse(&header).ok_or_else(|| {
        broken("bad .npy header")
            .expected("{'descr': …, 'fortran_order': …, 'shape': …}")
            .got(format!("'{}'", header.trim().chars().take(120).collect::<String>()))
    })?;
    let dtype = Dtype::parse(&header.descr).ok_or_else(|| {
        broken("the array is not of plain numbers")
            .expected("float32, float64, bool or an integer type")
            .got(format!("dtype '{}'", header.descr.chars().take(60).collect::<String>()))
            .hint("save array.astype('float32')")
    })?;
    let data = &bytes[start + length..];
    let shape = || format!("shape {:?} of {}-byte numbers", header.shape, dtype.size);
    let count = header.shape.iter().try_fold(1_usize, |product, extent| product.checked_mul(*extent));
    let wanted = count.and_then(|count| count.checked_mul(dtype.size));
    if wanted != Some(data.len()) {
        let wanted = wanted.map_or("more bytes than can be counted".to_owned(), |wanted| format!("{wanted} bytes"));
        return Err(broken("the .npy file does not hold what its header says")
            .expected(format!("{wanted} for {}", shape()))
            .got(data.len().to_string()));
    }
    let mut values: Vec<f64> = data.chunks_exact(dtype.size).map(|number| dtype.value(number)).collect();
    if header.fortran {
        values = from_fortran(&values, &header.shape);
    }
    Ok(Array { shape: header.shape, values, lines: vec![] })
}

/// Column-major to row-major.
fn from_fortran(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut index = vec![0_usize; shape.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let offset = index.iter().zip(shape).rev().fold(0, |offset, (index, extent)| offset * extent + index);
        out.push(values[offset]);
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

/// The Python dictionary at the start of the file.
struct Header {
    descr: String,
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads the three keys in any order. A structured dtype (a list) is kept as text, for the message.
    fn parse(text: &str) -> Option<Self> {
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
                    shape =
                        Some(extents.map(|extent| extent.trim_end_matches('L').parse().ok()).collect::<Option<_>>()?);
                    rest = after;
                }
                _ => return None,
            }
            rest = rest.trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        Some(Self { descr: descr?, fortran: fortran?, shape: shape? })
    }
}

/// A quoted string and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// The width of written numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Width {
    /// float32
    F32,
    /// float64
    #[default]
    F64,
}

/// Writes an array, version 1.0, little-endian, C order.
pub fn write(path: &Path, shape: &[usize], values: &[f64], width: Width) -> Result<()> {
    atomic::write(path, |out| {
        out.write_all(&header(shape, width))?;
        numbers(out, values, width)?;
        out.flush()
    })
}

/// Writes numbers, little-endian.
pub(super) fn numbers(out: &mut dyn std::io::Write, values: &[f64], width: Width) -> std::io::Result<()> {
    for value in values {
        match width {
            Width::F32 => out.write_all(&(*value as f32).to_le_bytes())?,
            Width::F64 => out.write_all(&value.to_le_bytes())?,
        }
    }
    Ok(())
}

pub(super) fn header(shape: &[usize], width: Width) -> Vec<u8> {
    let descr = match width {
        Width::F32 => "<f4",
        Width::F64 => "<f8",
    };
    let extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    // A tuple of one keeps its comma, as Python writes it.
    let extents = if shape.len() == 1 { extents.trim_end() } else { extents.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({extents}), }}");
    // Magic, version, length and header together are a multiple of 64 bytes, and the header ends in a newline.
    let padding = (64 - (10 + text.len() + 1) % 64) % 64;
    text.push_str(&" ".repeat(padding));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.into_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn the_header_is_the_one_numpy_writes() {
        // numpy.save of zeros((3, 2)): 128 bytes before the data, of which these are the text.
        let bytes = header(&[3, 2], Width::F64);
        assert_eq!(bytes.len(), 128);
        let text = std::str::from_utf8(&bytes[10..]).unwrap();
        assert_eq!(text.trim_end(), "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }");
        assert!(text.ends_with(" \n"));
        let one = header(&[3], Width::F32);
        assert!(one.escape_ascii().to_string().contains("(3,)"));
    }

    #[test]
    fn every_dtype_reads() {
        let cases: [(&str, &[u8], f64); 10] = [
            ("<f4", &1.5_f32.to_le_bytes(), 1.5),
            (">f4", &1.5_f32.to_be_bytes(), 1.5),
            (">f8", &(-2.25_f64).to_be_bytes(), -2.25),
            ("|u1", &[200], 200.0),
            ("|i1", &[200], -56.0),
            ("|b1", &[1], 1.0),
            ("<i2", &(-300_i16).to_le_bytes(), -300.0),
            (">i4", &(-70_000_i32).to_be_bytes(), -70_000.0),
            ("<u4", &4_000_000_000_u32.to_le_bytes(), 4e9),
            ("<i8", &(-1_i64).to_le_bytes(), -1.0),
        ];
        for (descr, data, value) in cases {
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (1, 1), }}\n");
            assert_eq!(decode(&file(&header, data)).unwrap().values, [value], "{descr}");
        }
    }

    #[test]
    fn fortran_order_reads_as_c_order() {
        let data: Vec<u8> = [1_u8, 4, 2, 5, 3, 6].to_vec();
        let array = decode(&file("{'shape': (2, 3), 'fortran_order': True, 'descr': '|u1'}", &data)).unwrap();
        assert_eq!((array.shape, array.values), (vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    }

    #[test]
    fn bad_files_are_refused_without_panic() {
        let good = file("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1), }\n", &[0; 16]);
        for cut in 0..good.len() {
            decode(&good[..cut]).unwrap_err();
        }
        for header in [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999999), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999, 1), }",
            "{'descr': '|O', 'fortran_order': False, 'shape': (2, 1), }",
            "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }",
            "{'descr': '<f2', 'fortran_order': False, 'shape': (8, 1), }",
            "{'descr': '<é', 'fortran_order': False, 'shape': (8, 1), }",
            "{'descr': '<f8', 'shape': (2, 1), }",
            "{'descr': '<f8",
            "{é: 3}",
            "",
        ] {
            decode(&file(header, &[0; 16])).unwrap_err();
        }
    }
}
