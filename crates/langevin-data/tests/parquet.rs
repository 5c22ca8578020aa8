//! Parquet tables.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod common;

use common::jpegs;
use langevin_data::{Dataset, Options, open};
use parquet::basic::{Compression, GzipLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// The cells of a column.
#[derive(Clone)]
enum Cells {
    Float(Vec<f32>),
    Double(Vec<f64>),
    Int(Vec<i32>),
    Long(Vec<i64>),
    Bool(Vec<bool>),
    Half(Vec<f32>),
    Bytes(Vec<Vec<u8>>),
    /// Values, levels of what is there, levels of repetition.
    List(Vec<f32>, Vec<i16>, Vec<i16>),
    /// With gaps.
    Gaps(Vec<f64>, Vec<i16>),
}

fn written(path: &Path, schema: &str, groups: &[Vec<Cells>], compression: Compression) {
    let properties = WriterProperties::builder().set_compression(compression).build();
    let schema = Arc::new(parse_message_type(&format!("message m {{ {schema} }}")).unwrap());
    let file = std::fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    for group in groups {
        let mut rows = writer.next_row_group().unwrap();
        for cells in group {
            let mut column = rows.next_column().unwrap().unwrap();
            match cells {
                Cells::Float(v) => column.typed::<FloatType>().write_batch(v, None, None),
                Cells::Double(v) => column.typed::<DoubleType>().write_batch(v, None, None),
                Cells::Int(v) => column.typed::<Int32Type>().write_batch(v, None, None),
                Cells::Long(v) => column.typed::<Int64Type>().write_batch(v, None, None),
                Cells::Bool(v) => column.typed::<BoolType>().write_batch(v, None, None),
                Cells::Half(v) => {
                    let v: Vec<_> = v
                        .iter()
                        .map(|v| ByteArray::from(half::f16::from_f32(*v).to_le_bytes().to_vec()).into())
                        .collect();
                    column.typed::<FixedLenByteArrayType>().write_batch(&v, None, None)
                }
                Cells::Bytes(v) => {
                    let v: Vec<ByteArray> = v.iter().map(|v| ByteArray::from(v.clone())).collect();
                    column.typed::<ByteArrayType>().write_batch(&v, None, None)
                }
                Cells::List(v, there, repeats) => {
                    column.typed::<FloatType>().write_batch(v, Some(there), Some(repeats))
                }
                Cells::Gaps(v, there) => column.typed::<DoubleType>().write_batch(v, Some(there), None),
            }
            .unwrap();
            column.close().unwrap();
        }
        rows.close().unwrap();
    }
    writer.close().unwrap();
}

fn all(data: &Dataset) -> Vec<f32> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    let mut out = vec![0.0; data.rows() * data.width()];
    data.read(&rows, &mut out).unwrap();
    out
}

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rows.parquet");
    (folder, path)
}

fn refused(path: &Path, options: &Options) -> String {
    let error = open(path, options).unwrap_err();
    error.to_string().replace(&path.display().to_string(), "FILE")
}

const NUMBERS: &str = "required float a; required double b; required int32 c; required int64 d; required boolean e;
    required int32 f (INTEGER(32, false)); required fixed_len_byte_array(2) g (FLOAT16); required binary kind (STRING);";

fn numbers(from: i32, rows: i32) -> Vec<Cells> {
    let rows = from..from + rows;
    vec![
        Cells::Float(rows.clone().map(|i| i as f32 / 3.0).collect()),
        Cells::Double(rows.clone().map(|i| f64::from(i) / 7.0).collect()),
        Cells::Int(rows.clone().map(|i| -i).collect()),
        Cells::Long(rows.clone().map(|i| i64::from(i) << 33).collect()),
        Cells::Bool(rows.clone().map(|i| i % 2 == 1).collect()),
        Cells::Int(rows.clone().map(|i| -1 - i).collect()),
        Cells::Half(rows.clone().map(|i| i as f32 / 4.0).collect()),
        Cells::Bytes(rows.map(|i| if i % 3 == 0 { b"rose".to_vec() } else { b"daisy".to_vec() }).collect()),
    ]
}

#[test]
fn columns_of_every_type_are_rows() {
    let (_folder, path) = place();
    let gzip = Compression::GZIP(GzipLevel::default());
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, gzip, Compression::LZ4_RAW] {
        written(&path, NUMBERS, &[numbers(0, 700), numbers(700, 3)], compression);
        let expected: Vec<f32> = (0..703_i32)
            .flat_map(|i| {
                let long = (i64::from(i) << 33) as f32;
                [
                    i as f32 / 3.0,
                    (f64::from(i) / 7.0) as f32,
                    -i as f32,
                    long,
                    (i % 2) as f32,
                    (u32::MAX - i as u32) as f32,
                    i as f32 / 4.0,
                ]
            })
            .collect();
        for (memory, column) in [(0, "kind"), (u64::MAX, "8")] {
            let data = open(&path, &Options::default().memory(memory).label_column(column)).unwrap();
            assert_eq!((data.rows(), data.shape()), (703, &[7][..]));
            assert_eq!(all(&data), expected);
            assert_eq!(
                (data.classes(), &data.labels().unwrap()[..4]),
                (&["daisy".to_owned(), "rose".into()][..], &[1, 0, 0, 1][..])
            );
        }
    }
    let text = refused(&path, &Options::default());
    assert!(text.starts_with("a column is not of numbers (FILE, column 'kind'): expected numbers, or lists of numbers, got String\nhint: --label-column"), "{text}");
    assert!(refused(&path, &Options::default().label_column("kinds")).contains("did you mean 'kind'?"));
    assert!(refused(&path, &Options::default().label_column("e")).contains("column 'kind'"));
    let halves = || Cells::Double(vec![0.5; 2]);
    written(&path, "required double a; required double b;", &[vec![halves(), halves()]], Compression::SNAPPY);
    assert!(refused(&path, &Options::default().label_column("a")).contains("the labels are not whole numbers"));
}

/// The numbers 0.5 and 0.5 in a column `x`, compressed by Zstandard.
#[rustfmt::skip]
const ZSTD: &str = "504152311504151015224c1502150012000028b52ffd2008410000000000000000e03f1500150415162c1504151015061506000028b52ffd20021100000004191202191808000000000000e03f191808000000000000e03f150219160039160000191c16461538160000001502192c48016d150200150a2500180178001604191c191c26001c150a193500061019180178150c160416521676264626081c36002808000000000000e03f1808000000000000e03f1111160000192c15041500150200150015101502000016c2011514167e15440016521604260816761400002819706172717565742d72732076657273696f6e2036302e312e30191c2c0000009500000050415231";

#[test]
fn zstandard_is_read_or_named() {
    let (_folder, path) = place();
    std::fs::write(&path, jpegs::bytes(ZSTD)).unwrap();
    if cfg!(feature = "zstd") {
        assert_eq!(all(&open(&path, &Options::default()).unwrap()), [0.5, 0.5]);
    } else {
        let text = refused(&path, &Options::default());
        assert!(
            text.contains(
                "compressed by zstd, which this build does not read\nhint: write it with compression='snappy'"
            ),
            "{text}"
        );
    }
}

const LIST: &str = "optional group v (LIST) { repeated group list { optional float element; } } required int32 label;";

#[test]
fn lists_of_one_length_are_rows() {
    let (_folder, path) = place();
    let list = |lengths: &[usize]| {
        let repeats: Vec<i16> = lengths.iter().flat_map(|n| (0..*n).map(|i| i16::from(i > 0))).collect();
        let values: Vec<f32> = (0..repeats.len()).map(|i| i as f32).collect();
        vec![
            Cells::List(values, vec![3; repeats.len()], repeats),
            Cells::Int((0..lengths.len() as i32).map(|i| i % 2).collect()),
        ]
    };
    written(&path, LIST, &[list(&[3; 600])], Compression::SNAPPY);
    let data = open(&path, &Options::default().label_column("label")).unwrap();
    assert_eq!((data.rows(), data.shape(), data.labels().unwrap()[..3].to_vec()), (600, &[3][..], vec![0, 1, 0]));
    assert_eq!(all(&data), (0..1800).map(|i| i as f32).collect::<Vec<_>>());
    written(&path, LIST, &[list(&[3, 3, 2, 3])], Compression::SNAPPY);
    let text = refused(&path, &Options::default());
    assert!(text.starts_with("the lists are not of one length (FILE, row 3, column 'v'): expected 3, got 2"), "{text}");
    let gap = vec![Cells::List(vec![1.0, 2.0], vec![3, 2, 3, 1], vec![0, 1, 0, 0]), Cells::Int(vec![0; 3])];
    written(&path, LIST, &[gap], Compression::SNAPPY);
    assert!(refused(&path, &Options::default()).starts_with("a value is missing (FILE, column 'v', row 1)"));
}

#[test]
fn gaps_and_what_is_not_finite_name_their_row() {
    let (_folder, path) = place();
    let mut there = vec![1; 1000];
    there[777] = 0;
    written(&path, "optional double x;", &[vec![Cells::Gaps(vec![0.5; 999], there)]], Compression::SNAPPY);
    assert_eq!(
        refused(&path, &Options::default()),
        "a value is missing (FILE, column 'x', row 778)\nhint: drop or fill such rows first"
    );
    let mut values = vec![0.5; 1000];
    values[600] = f64::INFINITY;
    written(&path, "optional double x;", &[vec![Cells::Gaps(values.clone(), vec![1; 1000])]], Compression::SNAPPY);
    assert!(
        refused(&path, &Options::default()).starts_with(
            "a number is not finite (FILE, row 601, column 'x'): expected finite float32 numbers, got inf"
        )
    );
    written(&path, "required int32 day (DATE);", &[vec![Cells::Int(vec![1, 2])]], Compression::SNAPPY);
    assert!(refused(&path, &Options::default()).contains("got Date"));
    written(&path, "required double x;", &[vec![Cells::Double(vec![1.0])]], Compression::SNAPPY);
    assert_eq!(open(&path, &Options::default()).unwrap().rows(), 1);
}

const IMAGES: &str =
    "required group image { required binary bytes; required binary path (STRING); } required int64 label;";

fn images(pictures: &[&str]) -> Vec<Cells> {
    let bytes = pictures.iter().map(|hex| jpegs::bytes(hex)).collect();
    let labels = (0..pictures.len() as i64).map(|i| 5 - i % 2).collect();
    vec![Cells::Bytes(bytes), Cells::Bytes(vec![b"a.jpg".to_vec(); pictures.len()]), Cells::Long(labels)]
}

#[test]
fn a_column_of_pictures_is_pictures() {
    let (_folder, path) = place();
    written(&path, IMAGES, &[images(&[jpegs::GRAY.0; 70]), images(&[jpegs::COLOUR.0; 3])], Compression::SNAPPY);
    let read = [0, u64::MAX].map(|memory| {
        let data = open(&path, &Options::default().memory(memory)).unwrap();
        assert_eq!((data.rows(), data.shape()), (73, &[9, 11, 3][..]));
        assert_eq!((&data.labels().unwrap()[..3], data.classes()), (&[1, 0, 1][..], &["4".to_owned(), "5".into()][..]));
        all(&data)
    });
    assert_eq!(read[0], read[1]);
    written(&path, IMAGES, &[images(&[jpegs::GRAY.0, jpegs::GRAY.0, "00", jpegs::GRAY.0])], Compression::SNAPPY);
    assert!(
        refused(&path, &Options::default()).starts_with("a picture cannot be used (FILE, row 3): neither PNG, JPEG nor WebP")
    );
    let data = open(&path, &Options::default().skip_bad(true).size(8, 8)).unwrap();
    assert_eq!((data.rows(), data.shape(), data.labels().unwrap()), (3, &[8, 8][..], &[1, 0, 0][..]));
    assert!(data.skipped()[0].path.ends_with("rows.parquet/row 3"));
}

#[test]
fn what_is_cut_short_is_refused() {
    let (_folder, path) = place();
    written(
        &path,
        "required double x; required int32 y;",
        &[vec![Cells::Double(vec![0.5; 9]), Cells::Int(vec![1; 9])]],
        Compression::SNAPPY,
    );
    let good = std::fs::read(&path).unwrap();
    for cut in 0..good.len() {
        std::fs::write(&path, &good[..cut]).unwrap();
        assert!(open(&path, &Options::default()).unwrap_err().is_data());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// A file in which some bytes were changed: an error or rows.
    #[test]
    fn changed_bytes_do_no_harm(which in 0_usize..3, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let (_folder, path) = place();
        match which {
            0 => written(&path, NUMBERS, &[numbers(0, 20)], Compression::SNAPPY),
            1 => written(&path, LIST, &[vec![Cells::List(vec![1.0; 6], vec![3; 6], vec![0, 1, 0, 1, 0, 1]), Cells::Int(vec![0; 3])]], Compression::LZ4_RAW),
            _ => written(&path, IMAGES, &[images(&[jpegs::GRAY.0; 3])], Compression::SNAPPY),
        }
        let mut bytes = std::fs::read(&path).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        std::fs::write(&path, &bytes).unwrap();
        let _ = open(&path, &Options::default().label_column("label"));
        let _ = open(&path, &Options::default().label_column("kind"));
    }
}
