//! Files whose contents do not match their names.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod common;

use common::{jpegs, parquets, webps};
use langevin_data::{FileKind, Options, open, recognise};
use std::io::Write as _;
use std::path::Path;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn zip(names: &[&str]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in names {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(b"content").unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn safetensors(header: &str) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 4]].concat()
}

/// Returns a file with a signature at an offset and no other contents.
fn at(place: usize, mark: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1; place];
    bytes.extend(mark);
    bytes.extend([0; 40]);
    bytes
}

fn kinds() -> Vec<(Vec<u8>, FileKind, &'static str)> {
    use FileKind::*;
    let tensors = r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let own = r#"{"__metadata__":{"langevin":"{}"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    vec![
        (zip(&["archive/data.pkl", "archive/data/0"]), Torch, "a PyTorch checkpoint"),
        (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M".to_vec(), Torch, "a PyTorch checkpoint"),
        (b"\x80\x04\x95\x10".to_vec(), Pickle, "a Python pickle"),
        (b"\x80\x05\x95\x10".to_vec(), Pickle, "a Python pickle"),
        (zip(&["[Content_Types].xml", "xl/workbook.xml"]), Excel, "an Excel workbook"),
        (zip(&["metadata.json", "config.json", "model.weights.h5"]), Keras, "a Keras model"),
        (zip(&["x.npy"]), Npz, "a .npz archive of arrays"),
        (zip(&["photo.jpg"]), Zip, "a zip archive"),
        (zip(&[]), Zip, "a zip archive"),
        (safetensors(tensors), Safetensors, "a safetensors file of another library"),
        (safetensors(own), Model, "a model trained by langevin"),
        (b"version https://git-lfs.github.com/spec/v1\n".to_vec(), LfsPointer, "a Git LFS pointer instead of the file"),
        (b"\n<!DOCTYPE html>\n<html>".to_vec(), Html, "an HTML page"),
        (b"<?xml version=\"1.0\"?>".to_vec(), Xml, "an XML document"),
        (b"{\"a\": 1}".to_vec(), Json, "a JSON document"),
        (b"a,b\n1,2\n".to_vec(), Text, "a text"),
        ("température\n1,5\n".into(), Text, "a text"),
        (b"\xff\xfea\0,\0b\0".to_vec(), Utf16, "a text in UTF-16"),
        (b"\x93NUMPY\x01\0".to_vec(), Npy, "a .npy array"),
        (jpegs::bytes(parquets::FIRST), Parquet, "a Parquet table"),
        (jpegs::bytes(parquets::FIRST)[..200].to_vec(), CutParquet, "a Parquet table that is cut short"),
        (jpegs::bytes(jpegs::GRAY.0), Jpeg, "a JPEG picture"),
        (jpegs::bytes(webps::LOSSY.0), Webp, "a WebP picture"),
        (b"\x89PNG\r\n\x1a\n".to_vec(), Png, "a PNG picture"),
        (b"\x89HDF\r\n\x1a\n".to_vec(), Hdf5, "an HDF5 file"),
        (b"MATLAB 5.0 MAT-file, Platform".to_vec(), Matlab, "a MATLAB file"),
        (b"CDF\x01\0\0".to_vec(), NetCdf, "a NetCDF file"),
        (b"ARROW1\0\0".to_vec(), Arrow, "an Arrow table"),
        (b"GGUF\x03\0\0\0".to_vec(), Gguf, "a GGUF model"),
        (b"\x1f\x8b\x08\0".to_vec(), Gzip, "a file compressed by gzip"),
        (b"\x28\xb5\x2f\xfd\x20".to_vec(), Zstandard, "a file compressed by Zstandard"),
        (b"\xfd7zXZ\0\0".to_vec(), Xz, "a file compressed by xz"),
        (b"BZh91AY".to_vec(), Bzip2, "a file compressed by bzip2"),
        (b"7z\xbc\xaf\x27\x1c".to_vec(), SevenZip, "a 7z archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), OldOffice, "an old Microsoft Office document"),
        (b"%PDF-1.7".to_vec(), Pdf, "a PDF document"),
        (b"SQLite format 3\0".to_vec(), Sqlite, "an SQLite data base"),
        (b"SIMPLE  =                    T".to_vec(), Fits, "a FITS file"),
        (b"\0\0\x08\x03\0\0\xea\x60\0\0\0\x1c\0\0\0\x1c".to_vec(), Idx, "an IDX array, as MNIST has it"),
        (at(257, b"ustar\0"), Tar, "a tar archive"),
        (at(128, b"DICM"), Dicom, "a DICOM image"),
        (at(344, b"n+1\0"), Nifti, "a NIfTI volume"),
        (vec![], Empty, "an empty file"),
    ]
}

#[test]
fn every_kind_is_recognised_by_its_bytes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    for (bytes, kind, words) in kinds() {
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(recognise(&path), Some(kind), "{words}");
        assert_eq!(kind.to_string(), words);
    }
    for unknown in [&b"\x01\x02\x03\x04"[..], b"\0\0\0\0\0\0\0\0\0\0\0\0", b"\xff\xff\xff\xff\xff\xff\xff\xff{"] {
        std::fs::write(&path, unknown).unwrap();
        assert_eq!(recognise(&path), None, "{unknown:?}");
    }
    assert_eq!(recognise(folder.path()), Some(FileKind::Folder));
    assert_eq!(recognise(folder.path().join("none")), None);
}

/// Checks the message of every reader for every other kind of file.
#[test]
fn every_reader_names_what_it_was_given_instead() {
    let folder = TempDir::new().unwrap();
    for (name, own, wanted) in [
        ("rows.npy", &[FileKind::Npy][..], "a .npy array"),
        ("rows.npz", &[FileKind::Npz], "a .npz archive of arrays"),
        ("rows.parquet", &[FileKind::Parquet], "a Parquet table"),
        ("rows.csv", &[FileKind::Text, FileKind::Utf16, FileKind::Gzip], "a text"),
    ] {
        let path = folder.path().join(name);
        for (bytes, kind, words) in kinds() {
            if own.contains(&kind) || kind == FileKind::Empty {
                continue;
            }
            std::fs::write(&path, &bytes).unwrap();
            let error = open(&path, &Options::default()).unwrap_err();
            let text = error.to_string().replace(&path.display().to_string(), "FILE");
            let expected = format!("the file is not what its name says (FILE): expected {wanted}, got {words}");
            assert!(error.is_data() && text.starts_with(&expected), "{name}: {text}");
            assert!(error.hint().is_some(), "{name}: {text}");
        }
        // Each reader has its own message for an empty file.
        std::fs::write(&path, b"").unwrap();
        let text = open(&path, &Options::default()).unwrap_err().to_string();
        assert!(text.starts_with("the file is empty"), "{name}: {text}");
    }
}

#[test]
fn a_file_without_a_telling_name_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rows");
    std::fs::write(&path, b"\x93NUMPY\x01\0").unwrap();
    let text = open(&path, &Options::default()).unwrap_err().to_string();
    assert!(text.ends_with("got a .npy array\nhint: rename it to end in .npy"), "{text}");
    let picture = folder.path().join("rows.webp");
    std::fs::write(&picture, b"\x93NUMPY\x01\0").unwrap();
    let text = open(&picture, &Options::default()).unwrap_err().to_string();
    assert!(text.contains("neither PNG, JPEG nor WebP but a .npy array"), "{text}");
}

/// Arbitrary contents give an answer without a panic.
#[test]
fn changed_marks_do_no_harm() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    for (bytes, ..) in kinds() {
        for place in 0..bytes.len().min(48) {
            let mut bad = bytes.clone();
            bad[place] ^= 0x11;
            for cut in [place, bad.len()] {
                std::fs::write(&path, &bad[..cut]).unwrap();
                let _ = recognise(Path::new(&path));
            }
        }
    }
}
