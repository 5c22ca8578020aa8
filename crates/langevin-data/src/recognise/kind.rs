//! Known kinds of files, their names, and their signatures.

use std::fmt;

/// Number of leading bytes that are read.
///
/// The signature of a DICOM file is at offset 128, that of a tar archive at 257, and that of NIfTI
/// at 344.
pub(super) const START: usize = 1024;
/// Longest header of a safetensors file, according to its specification.
const HEADER: u64 = 100_000_000;

/// Kind of a file, recognised by its bytes.
///
/// The text of [`Display`](fmt::Display) is a noun phrase such as "a PyTorch checkpoint".
///
/// ```
/// use langevin_data::FileKind;
/// assert!(FileKind::Gif.is_picture());
/// assert_eq!(FileKind::Gif.hint(), Some("convert it to PNG, JPEG or WebP first"));
/// assert_eq!(FileKind::LfsPointer.to_string(), "a Git LFS pointer instead of the file");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is described by its text")]
pub enum FileKind {
    Folder,
    Empty,
    LfsPointer,
    Html,
    Xml,
    Json,
    Text,
    Utf16,
    Npy,
    Npz,
    Parquet,
    CutParquet,
    Png,
    Jpeg,
    Webp,
    Gif,
    Bmp,
    Tiff,
    Avif,
    Heic,
    JpegXl,
    Jpeg2000,
    Psd,
    Dicom,
    Nifti,
    Fits,
    Model,
    Safetensors,
    Torch,
    Pickle,
    Keras,
    Gguf,
    Hdf5,
    Matlab,
    NetCdf,
    Arrow,
    Idx,
    Sqlite,
    Excel,
    OldOffice,
    Pdf,
    Gzip,
    Zstandard,
    Xz,
    Bzip2,
    SevenZip,
    Tar,
    Zip,
}

/// Signatures at the start of a file; the first match counts.
const MARKS: [(&[u8], FileKind); 43] = {
    use FileKind::*;
    [
        (b"\x93NUMPY", Npy),
        (b"PK\x03\x04", Zip),
        (b"PK\x05\x06", Zip),
        (b"PAR1", Parquet),
        (b"PARE", Parquet),
        (b"\x89PNG\r\n\x1a\n", Png),
        (b"\xff\xd8\xff", Jpeg),
        (b"GIF87a", Gif),
        (b"GIF89a", Gif),
        (b"II*\0", Tiff),
        (b"MM\0*", Tiff),
        (b"II+\0", Tiff),
        (b"MM\0+", Tiff),
        (b"\xff\x0a", JpegXl),
        (b"\0\0\0\x0cJXL ", JpegXl),
        (b"\0\0\0\x0cjP  ", Jpeg2000),
        (b"\xff\x4f\xff\x51", Jpeg2000),
        (b"8BPS", Psd),
        (b"SIMPLE  =", Fits),
        (b"GGUF", Gguf),
        (b"\x89HDF\r\n\x1a\n", Hdf5),
        (b"MATLAB 5.0 MAT-file", Matlab),
        (b"MATLAB 7.3 MAT-file", Matlab),
        (b"CDF\x01", NetCdf),
        (b"CDF\x02", NetCdf),
        (b"CDF\x05", NetCdf),
        (b"ARROW1", Arrow),
        (b"FEA1", Arrow),
        (b"SQLite format 3\0", Sqlite),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OldOffice),
        (b"%PDF-", Pdf),
        (b"\x1f\x8b", Gzip),
        (b"\x28\xb5\x2f\xfd", Zstandard),
        (b"\xfd7zXZ\0", Xz),
        (b"BZh", Bzip2),
        (b"7z\xbc\xaf\x27\x1c", SevenZip),
        (b"version https://git-lfs", LfsPointer),
        (b"\xff\xfe", Utf16),
        (b"\xfe\xff", Utf16),
        // torch.save before version 1.6: a pickled number that only PyTorch writes.
        (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", Torch),
        // Protocols 2 to 5 of Python's pickle.
        (b"\x80\x02", Pickle),
        (b"\x80\x03", Pickle),
        (b"\x80\x04", Pickle),
    ]
};

impl FileKind {
    /// Returns the kind of a file of `length` bytes by its first bytes, if it has a signature.
    pub(crate) fn of(start: &[u8], length: u64) -> Option<Self> {
        if start.is_empty() {
            return Some(Self::Empty);
        }
        if let Some((_, kind)) = MARKS.iter().find(|(mark, _)| start.starts_with(mark)) {
            // A table may begin with the same letters: PAR1,PAR2.
            let letters = matches!(kind, Self::Parquet | Self::Gguf | Self::Bzip2 | Self::Arrow | Self::Psd);
            return if letters && Self::text(start).is_some() && start.contains(&b'\n') {
                Some(Self::Text)
            } else {
                Some(*kind)
            };
        }
        let at = |place: usize, mark: &[u8]| start.get(place..).is_some_and(|bytes| bytes.starts_with(mark));
        if start.starts_with(b"\x80\x05") {
            return Some(Self::Pickle);
        }
        if start.starts_with(b"RIFF") && at(8, b"WEBP") {
            return Some(Self::Webp);
        }
        // The brands in the box `ftyp` distinguish the formats of this family.
        if at(4, b"ftyp") {
            let brands = &start[8..start.len().min(40)];
            let has = |names: &[&[u8; 4]]| brands.chunks(4).any(|brand| names.iter().any(|name| brand == *name));
            if has(&[b"avif", b"avis"]) {
                return Some(Self::Avif);
            }
            if has(&[b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"]) {
                return Some(Self::Heic);
            }
            return None;
        }
        if start.starts_with(b"BM") && at(6, &[0; 4]) && length >= 26 {
            return Some(Self::Bmp);
        }
        if at(128, b"DICM") {
            return Some(Self::Dicom);
        }
        if at(257, b"ustar") {
            return Some(Self::Tar);
        }
        if at(344, b"n+1\0") || at(344, b"ni1\0") || at(4, b"n+2\0") {
            return Some(Self::Nifti);
        }
        // MNIST (IDX) files: two zeros, a type of 8 to 14, and the number of sizes.
        if let [0, 0, 0x08..=0x0e, 1..=4, ..] = start
            && length > 8
        {
            return Some(Self::Idx);
        }
        if let Some((bytes, rest)) = start.split_first_chunk::<8>()
            && (2..=HEADER).contains(&u64::from_le_bytes(*bytes))
            && rest.starts_with(b"{")
        {
            return Some(Self::Safetensors);
        }
        Self::text(start)
    }

    /// Returns the kind of a text file; `None` if the bytes are not text.
    fn text(start: &[u8]) -> Option<Self> {
        let valid = match std::str::from_utf8(start) {
            Ok(text) => text,
            // The last character may be cut off at the end of the buffer.
            Err(error) if error.error_len().is_none() && start.len() >= START => {
                std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(_) => return None,
        };
        if valid.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}')) {
            return None;
        }
        let text = valid.trim_start_matches('\u{feff}').trim_start();
        let small: String = text.chars().take(16).collect::<String>().to_ascii_lowercase();
        Some(if small.starts_with("<!doctype html") || small.starts_with("<html") || small.starts_with("<head") {
            Self::Html
        } else if small.starts_with("<?xml") || small.starts_with("<svg") {
            Self::Xml
        } else if small.starts_with('{') || small.starts_with("[{") || small.starts_with("[[") {
            Self::Json
        } else {
            Self::Text
        })
    }

    /// Returns the name of the kind, and advice on converting such a file to a readable one.
    fn words(self) -> (&'static str, Option<&'static str>) {
        const SAVE_NPY: Option<&str> =
            Some("load it where it was written and save the array with numpy.save(FILE, array)");
        const PICTURE: Option<&str> = Some("convert it to PNG, JPEG or WebP first");
        const UNPACK: Option<&str> = Some("unpack it first");
        const TABLE: Option<&str> = Some("export the table as CSV or Parquet");
        match self {
            Self::Folder => ("a folder", None),
            Self::Empty => ("an empty file", Some("the download or the copy may have failed; fetch it again")),
            Self::LfsPointer => ("a Git LFS pointer instead of the file", Some("fetch the file itself: git lfs pull")),
            Self::Html => {
                ("an HTML page", Some("a page was saved instead of the file; download it by its direct link"))
            }
            Self::Xml => ("an XML document", None),
            Self::Json => ("a JSON document", None),
            Self::Text => ("a text", None),
            Self::Utf16 => ("a text in UTF-16", Some("save it in UTF-8")),
            Self::Npy => ("a .npy array", Some("rename it to end in .npy")),
            Self::Npz => ("a .npz archive of arrays", Some("rename it to end in .npz")),
            Self::Parquet => ("a Parquet table", Some("rename it to end in .parquet")),
            Self::CutParquet => ("a Parquet table that is cut short", Some("fetch or write the file again")),
            Self::Png => ("a PNG picture", Some("rename it to end in .png")),
            Self::Jpeg => ("a JPEG picture", Some("rename it to end in .jpg")),
            Self::Webp => ("a WebP picture", Some("rename it to end in .webp")),
            Self::Gif => ("a GIF picture", PICTURE),
            Self::Bmp => ("a BMP picture", PICTURE),
            Self::Tiff => ("a TIFF picture", PICTURE),
            Self::Avif => ("an AVIF picture", PICTURE),
            Self::Heic => ("a HEIC picture", PICTURE),
            Self::JpegXl => ("a JPEG XL picture", PICTURE),
            Self::Jpeg2000 => ("a JPEG 2000 picture", PICTURE),
            Self::Psd => ("a Photoshop document", PICTURE),
            Self::Dicom => ("a DICOM image", SAVE_NPY),
            Self::Nifti => ("a NIfTI volume", SAVE_NPY),
            Self::Fits => ("a FITS file", SAVE_NPY),
            Self::Model => ("a model trained by langevin", None),
            Self::Safetensors => ("a safetensors file of another library", None),
            Self::Torch => ("a PyTorch checkpoint", None),
            Self::Pickle => ("a Python pickle", SAVE_NPY),
            Self::Keras => ("a Keras model", None),
            Self::Gguf => ("a GGUF model", None),
            Self::Hdf5 => ("an HDF5 file", SAVE_NPY),
            Self::Matlab => ("a MATLAB file", SAVE_NPY),
            Self::NetCdf => ("a NetCDF file", SAVE_NPY),
            Self::Arrow => ("an Arrow table", Some("write it as Parquet")),
            Self::Idx => ("an IDX array, as MNIST has it", SAVE_NPY),
            Self::Sqlite => ("an SQLite data base", TABLE),
            Self::Excel => ("an Excel workbook", TABLE),
            Self::OldOffice => ("an old Microsoft Office document", TABLE),
            Self::Pdf => ("a PDF document", None),
            Self::Gzip => ("a file compressed by gzip", UNPACK),
            Self::Zstandard => ("a file compressed by Zstandard", UNPACK),
            Self::Xz => ("a file compressed by xz", UNPACK),
            Self::Bzip2 => ("a file compressed by bzip2", UNPACK),
            Self::SevenZip => ("a 7z archive", UNPACK),
            Self::Tar => ("a tar archive", UNPACK),
            Self::Zip => ("a zip archive", UNPACK),
        }
    }

    /// Returns advice on using such a file where rows of data were expected, if there is any.
    #[must_use]
    pub fn hint(self) -> Option<&'static str> {
        self.words().1
    }

    /// Returns true if the file is a single image, of a readable format or not.
    #[must_use]
    pub fn is_picture(self) -> bool {
        use FileKind::{Avif, Bmp, Gif, Heic, Jpeg, Jpeg2000, JpegXl, Png, Psd, Tiff, Webp};
        matches!(self, Png | Jpeg | Webp | Gif | Bmp | Tiff | Avif | Heic | JpegXl | Jpeg2000 | Psd)
    }

    /// Returns the call that writes a file of this kind, for readable kinds.
    pub(crate) fn written(self) -> Option<&'static str> {
        match self {
            Self::Npy => Some("numpy.save(FILE, array)"),
            Self::Npz => Some("numpy.savez(FILE, x=array)"),
            Self::Parquet => Some("DataFrame.to_parquet(FILE)"),
            Self::Text => Some("DataFrame.to_csv(FILE, index=False)"),
            _ => None,
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words().0)
    }
}
