//! One array of a `.npy` or `.npz` file, of any shape, for what is not rows of a data set.

use crate::error::{Error, Result};
use crate::guard::caught;
use crate::npy::{Header, Layout, bytes};
use crate::open::located;
use crate::recognise::{FileKind, refuse};
use crate::{npy, npz};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// An array of numbers of any shape, in C order.
///
/// Infinities and NaN are kept: whether they make sense is for the caller to decide.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The extents; empty for a single number.
    pub shape: Vec<usize>,
    /// NumPy's name of the type in the file, such as `float16` or `int64`.
    pub dtype: String,
    /// The numbers.
    pub values: Vec<f64>,
}

impl Array {
    /// Reads an array from a `.npy` file, or from a `.npz` file as `FILE.npz:NAME`. The name may be
    /// left out if the archive has a single array.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, is of another kind, or holds no plain numbers,
    /// and if a whole number has more digits than float64.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("three.npy");
    /// # let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }\n";
    /// # let mut file = b"\x93NUMPY\x01\x00".to_vec();
    /// # file.extend((header.len() as u16).to_le_bytes());
    /// # file.extend(header.as_bytes());
    /// # file.extend([1, 0, 2, 0, 3, 0]);
    /// # std::fs::write(&path, file).unwrap();
    /// let array = langevin_data::Array::open(&path)?;
    /// assert_eq!((&array.shape[..], &*array.dtype), (&[3][..], "int16"));
    /// assert_eq!(array.values, [1.0, 2.0, 3.0]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    pub fn open(path: &Path) -> Result<Self> {
        let (file, name) = located(path);
        let read = caught(|| {
            let ending = file.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
            match ending.as_deref() {
                Some("npy") => {
                    refuse(file, FileKind::Npy)?;
                    let opened = File::open(file).map_err(|error| Error::reading(file, error))?;
                    Self::read(&mut BufReader::new(opened)).map_err(|error| error.in_file(file))
                }
                Some("npz") => refuse(file, FileKind::Npz).and_then(|()| npz::single(file, name)),
                _ => Err(Error::argument("not a file of an array")
                    .in_file(file)
                    .expected("a .npy file, or an array of a .npz file")
                    .got(ending.map_or_else(|| "no ending".to_owned(), |ending| format!("'.{ending}'")))
                    .hinting("write it with numpy.save(FILE, array)")),
            }
        });
        read.unwrap_or_else(|| {
            Err(Error::data("the file cannot be used").in_file(file).because("its parts contradict each other"))
        })
    }

    /// Reads the bytes of a `.npy` file.
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
        let values = if fortran { npy::in_rows(&values, &shape) } else { values };
        Ok(Self { shape, dtype: dtype.name(), values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, data: &[u8]) -> Result<Array> {
        let bytes = npy::tests::file(1, header, data);
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
