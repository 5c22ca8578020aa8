//! Writer for NumPy's `.npy` format, version 1.0.
//!
//! ```text
//! \x93NUMPY  1 0  header length (u16 LE)  header  data
//! header = {'descr': '<f8', 'fortran_order': False, 'shape': (10, 2), }   padded to a multiple of
//! 64
//! ```
//!
//! Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use super::atomic;
use crate::error::Result;
use std::path::Path;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

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
    header_of(
        shape,
        match width {
            Width::F32 => "<f4",
            Width::F64 => "<f8",
        },
    )
}

/// Writes an array of letters as int32.
pub fn write_letters(path: &Path, shape: &[usize], letters: &[u32]) -> Result<()> {
    atomic::write(path, |out| {
        out.write_all(&header_of(shape, "<i4"))?;
        letters.iter().try_for_each(|letter| out.write_all(&(*letter as i32).to_le_bytes()))?;
        out.flush()
    })
}

/// Writes an array of integers as int64.
pub fn write_integers(path: &Path, shape: &[usize], integers: &[i64]) -> Result<()> {
    atomic::write(path, |out| {
        out.write_all(&header_of(shape, "<i8"))?;
        integers.iter().try_for_each(|integer| out.write_all(&integer.to_le_bytes()))?;
        out.flush()
    })
}

fn header_of(shape: &[usize], descr: &str) -> Vec<u8> {
    let extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    // A tuple of one element keeps its comma, as in Python.
    let extents = if shape.len() == 1 { extents.trim_end() } else { extents.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({extents}), }}");
    // The magic number, version, length and header together are a multiple of 64 bytes, and the
    // header ends with a newline.
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

    #[test]
    fn the_header_is_the_one_numpy_writes() {
        // numpy.save of zeros((3, 2)) writes 128 bytes before the data, which contain this text.
        let bytes = header(&[3, 2], Width::F64);
        assert_eq!(bytes.len(), 128);
        let text = std::str::from_utf8(&bytes[10..]).unwrap();
        assert_eq!(text.trim_end(), "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }");
        assert!(text.ends_with(" \n"));
        let one = header(&[3], Width::F32);
        assert!(one.escape_ascii().to_string().contains("(3,)"));
    }
}
