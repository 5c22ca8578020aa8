//! A single array of any shape, for uses other than rows of a data set.

use super::body::bytes;
use super::header::{Header, Layout};
use crate::error::{Error, Result};
use std::io::Read;

/// Array of numbers of any shape, in C order.
///
/// Infinities and NaN are kept; the caller decides whether they are valid. [`Array::open`] reads a
/// file and has an example.
///
/// ```
/// use langevin_data::Array;
/// let values = vec![1.0, 2.0, 3.0, 4.0];
/// let array = Array { shape: vec![2, 2], dtype: "float64".into(), values };
/// // Element [1, 0] in C order.
/// assert_eq!(array.values[2], 3.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Sizes of the axes; empty for a single number.
    pub shape: Vec<usize>,
    /// NumPy's name of the type in the file, such as `float16` or `int64`.
    pub dtype: String,
    /// Values in C order.
    pub values: Vec<f64>,
}

impl Array {
    /// Parses the bytes of a `.npy` file.
    pub(crate) fn read(reader: &mut impl Read) -> Result<Self> {
        let header = Header::of(Layout::read(reader)?)?;
        let bytes = bytes(reader, &header)?;
        if let Some(number) = bytes.chunks_exact(header.dtype.size()).find(|number| header.dtype.is_rounded(number)) {
            return Err(Error::data("a whole number has too many digits")
                .expected("at most 9007199254740992 (2 to the power of 53)")
                .got(header.dtype.value(number).to_string()));
        }
        let mut values = vec![0.0; bytes.len() / header.dtype.size()];
        header.dtype.widen(&bytes, &mut values);
        let Header { dtype, fortran, shape, .. } = header;
        let values = if fortran { in_rows(&values, &shape) } else { values };
        Ok(Self { shape, dtype: dtype.name(), values })
    }
}

/// Converts numbers from Fortran order to C order.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, data: &[u8]) -> Result<Array> {
        let bytes = super::super::tests::file(1, header, data);
        Array::read(&mut &bytes[..])
    }

    #[test]
    fn arrays_of_every_shape_are_read() {
        let numbers: Vec<u8> = (0..6_u8).collect();
        let rows = read("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 3), }", &numbers).unwrap();
        assert_eq!((&rows.shape[..], &rows.values[..]), (&[1, 2, 3][..], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0][..]));
        let turned = read("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", &numbers).unwrap();
        assert_eq!(turned.values, [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        let single = read("{'descr': '<f2', 'fortran_order': False, 'shape': (), }", &[0x00, 0xfc]).unwrap();
        assert_eq!((&single.shape[..], &*single.dtype, single.values[0]), (&[][..], "float16", f64::NEG_INFINITY));
        let text = read("{'descr': '<U3', 'fortran_order': False, 'shape': (1,), }", &[0; 12]).unwrap_err();
        assert!(text.to_string().contains("dtype '<U3'"), "{text}");
        let large = (i64::MAX - 1).to_le_bytes();
        assert!(read("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", &large).is_err());
    }
}
