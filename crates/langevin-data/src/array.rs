//! A single array of a `.npy` or `.npz` file.

use crate::error::{Error, Result};
use crate::formats::npy::Array;
use crate::formats::npz;
use crate::guard::caught;
use crate::open::located;
use crate::recognise::{FileKind, refuse};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

impl Array {
    /// Reads an array from a `.npy` file, or from a `.npz` file as `FILE.npz:NAME`.
    ///
    /// The name may be omitted if the archive has a single array.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, is of another kind, or does not hold plain
    /// numbers. Also returns an error if float64 cannot represent an integer exactly.
    ///
    /// # Examples
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
}
