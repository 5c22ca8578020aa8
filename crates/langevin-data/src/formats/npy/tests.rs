use super::*;
use crate::{Options, open};
use proptest::prelude::*;
use std::path::PathBuf;
use tempfile::TempDir;

/// Returns the bytes of a file with this header and data.
pub(crate) fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((header.len() as u16).to_le_bytes()),
        _ => bytes.extend((header.len() as u32).to_le_bytes()),
    }
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn saved(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("rows.npy");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn all(data: &Dataset) -> Vec<f32> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    let mut out = vec![0.0; data.rows() * data.width()];
    data.read(&rows, &mut out).unwrap();
    out
}

/// Returns a value stored as this type, and the value that is read back.
fn stored(descr: &str, value: i16) -> (Vec<u8>, f64) {
    let (order, kind) = descr.split_at(1);
    let (mut bytes, read) = match kind {
        "b1" => (vec![u8::from(value > 0)], f64::from(u8::from(value > 0))),
        "i1" => (vec![value as i8 as u8], f64::from(value as i8)),
        "u1" => (vec![value as u8], f64::from(value as u8)),
        "i2" => (value.to_le_bytes().to_vec(), f64::from(value)),
        "u2" => (value.to_le_bytes().to_vec(), f64::from(value as u16)),
        "i4" => (i32::from(value).to_le_bytes().to_vec(), f64::from(value)),
        "u4" => (u32::from(value as u16).to_le_bytes().to_vec(), f64::from(value as u16)),
        "i8" => ((i64::from(value) << 40).to_le_bytes().to_vec(), (i64::from(value) << 40) as f64),
        "u8" => (u64::from(value as u16).to_le_bytes().to_vec(), f64::from(value as u16)),
        "f2" => (
            half::f16::from_f64(f64::from(value)).to_le_bytes().to_vec(),
            half::f16::from_f64(f64::from(value)).to_f64(),
        ),
        "f4" => ((f32::from(value) / 3.0).to_le_bytes().to_vec(), f64::from(f32::from(value) / 3.0)),
        _ => ((f64::from(value) / 3.0).to_le_bytes().to_vec(), f64::from(value) / 3.0),
    };
    if order == ">" {
        bytes.reverse();
    }
    (bytes, read)
}

const DESCRS: [&str; 12] = ["|b1", "|i1", "|u1", ">i2", "<u2", "<i4", ">u4", ">i8", "<u8", "<f2", ">f4", "<f8"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Covers types, shapes, orders and versions, in memory and read from the file.
    #[test]
    fn what_was_written_is_read(
        which in 0..DESCRS.len(), version in 1_u8..=3, fortran: bool, rows in 2_usize..6,
        sample in proptest::collection::vec(1_usize..4, 1..4), seed: i16,
    ) {
        let descr = DESCRS[which];
        let width: usize = sample.iter().product();
        let cells: Vec<(Vec<u8>, f64)> = (0..rows * width)
            .map(|i| stored(descr, seed.wrapping_mul(31).wrapping_add(i as i16 * 7) % 2048)).collect();
        let shape: Vec<usize> = [rows].iter().chain(&sample).copied().collect();
        // The order in the file follows the definition of both orders.
        let mut place = vec![0; cells.len()];
        for (c, _) in cells.iter().enumerate() {
            let (mut rest, mut index) = (c, vec![0; shape.len()]);
            for (at, extent) in index.iter_mut().zip(&shape).rev() {
                *at = rest % extent;
                rest /= extent;
            }
            let f = index.iter().zip(&shape).rev().fold(0, |sum, (at, extent)| sum * extent + at);
            place[if fortran { f } else { c }] = c;
        }
        let bytes: Vec<u8> = place.iter().flat_map(|c| cells[*c].0.clone()).collect();
        let shape_text: Vec<String> = shape.iter().map(ToString::to_string).collect();
        let header = format!("{{'descr': '{descr}', 'fortran_order': {}, 'shape': ({}), }}\n",
            if fortran { "True" } else { "False" }, shape_text.join(", "));
        let folder = TempDir::new().unwrap();
        let path = saved(&folder, &file(version, &header, &bytes));
        let expected: Vec<u32> = cells.iter().map(|(_, value)| (*value as f32).to_bits()).collect();
        for memory in [u64::MAX, bytes.len() as u64, bytes.len() as u64 - 1, 0] {
            let data = open(&path, &Options::default().memory(memory)).unwrap();
            prop_assert_eq!((data.rows(), data.shape()), (rows, &sample[..]));
            let bits: Vec<u32> = all(&data).iter().map(|value| value.to_bits()).collect();
            prop_assert_eq!(&bits, &expected);
        }
    }

    /// Arbitrary bytes give an error or rows, without using more memory than the length of the
    /// file.
    #[test]
    fn no_bytes_do_harm(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), whole: bool, cut in 0_usize..200) {
        if whole {
            let good = file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n", &[0; 24]);
            let at = cut.min(good.len());
            bytes.splice(0..0, good[..at].iter().copied());
        }
        let folder = TempDir::new().unwrap();
        let _ = open(saved(&folder, &bytes), &Options::default());
    }
}

fn refused(bytes: &[u8]) -> String {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder, bytes);
    let texts = [0, u64::MAX].map(|memory| {
        let error = open(&path, &Options::default().memory(memory)).unwrap_err();
        assert!(error.is_data(), "{error}");
        error.to_string().replace(&path.display().to_string(), "FILE")
    });
    assert_eq!(texts[0], texts[1]);
    texts[0].clone()
}

#[test]
fn bad_files_say_what_is_wrong() {
    let of = |header: &str, data: &[u8]| refused(&file(1, header, data));
    let shaped = |descr: &str, shape: &str, data: &[u8]| {
        of(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"), data)
    };
    assert_eq!(refused(b""), "the file is empty (FILE): expected a .npy array, got 0 bytes");
    assert!(refused(b"\x01\x02\x03\x04").starts_with("not a .npy file (FILE): expected the magic bytes"));
    assert_eq!(
        refused(b"PK\x03\x04"),
        "the file is not what its name says (FILE): expected a .npy array, got a zip archive\nhint: unpack it first"
    );
    assert!(refused(b"\x93NUMPY\x01\x00").starts_with("the .npy file is cut short"));
    assert!(refused(b"\x93NUMPY\x09\x00\x00\x00").starts_with("unknown version"));
    assert!(refused(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").starts_with("the .npy header is too long"));
    assert!(of("{'descr'", &[]).starts_with("bad .npy header"));
    assert!(shaped("|O", "(2, 1)", &[0; 16]).starts_with("the array is not of plain numbers"));
    assert!(shaped("<c8", "(2, 1)", &[0; 16]).contains("dtype '<c8'"));
    assert!(shaped("<f8", "(99999999999, 99999999999)", &[0; 16]).contains("more bytes than can be counted"));
    assert!(shaped("<f8", "(999999, 2)", &[0; 16]).contains("expected 15999984 bytes"));
    assert!(shaped("<f8", "(2,)", &[0; 16]).contains("hint: for one column, save array.reshape(-1, 1)"));
    assert!(shaped("<f8", "()", &[0; 8]).starts_with("the array has no rows"));
    assert!(shaped("<f8", "(0, 2)", &[]).starts_with("there are no rows (FILE): expected 1 or more, got 0"));
    assert!(shaped("<f8", "(3, 0)", &[]).starts_with("the rows are empty"));
    assert!(shaped("<f8", "(0, 3)", &[]).starts_with("there are no rows"));
}

#[test]
fn numbers_that_are_not_finite_name_their_place() {
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }\n";
    let with = |value: f64| file(1, header, &[0.0, 1.0, 2.0, value].map(f64::to_le_bytes).concat());
    let text = refused(&with(f64::NAN));
    assert_eq!(
        text,
        "a value is missing (FILE, row 2, column 2): expected a number, got NaN\n\
         hint: leave out or fill the rows that lack one, or leave the column out: --drop 2"
    );
    assert!(refused(&with(f64::INFINITY)).starts_with("a number is not finite (FILE, row 2, column 2)"));
    assert!(refused(&with(1e300)).starts_with("a number is too large (FILE, row 2, column 2)"));
}

#[test]
fn a_file_that_shrinks_is_an_error() {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }\n";
    let (folder, bytes) = (TempDir::new().unwrap(), file(1, header, &[0; 32]));
    let path = saved(&folder, &bytes);
    let data = open(&path, &Options::default().memory(0)).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
    let error = data.read(&[3], &mut [0.0; 2]).unwrap_err();
    assert!(error.is_data() && error.to_string().starts_with("the file has become shorter"), "{error}");
}
