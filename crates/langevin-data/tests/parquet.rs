//! Parquet tables.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod common;

use common::{jpegs, parquets, webps};
use langevin_data::{Dataset, Options, open};
use parquet::basic::{BrotliLevel, Compression, GzipLevel};
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

/// Cells of a column.
#[derive(Clone)]
enum Cells {
    Float(Vec<f32>),
    Double(Vec<f64>),
    Int(Vec<i32>),
    Long(Vec<i64>),
    Bool(Vec<bool>),
    Half(Vec<f32>),
    Bytes(Vec<Vec<u8>>),
    /// Values, definition levels and repetition levels.
    List(Vec<f32>, Vec<i16>, Vec<i16>),
    /// Values with missing cells.
    Gaps(Vec<f64>, Vec<i16>),
}

fn written(path: &Path, schema: &str, groups: &[Vec<Cells>], compression: Compression) {
    with_metadata(path, schema, groups, compression, None);
}

fn with_metadata(
    path: &Path,
    schema: &str,
    groups: &[Vec<Cells>],
    compression: Compression,
    metadata: Option<Vec<parquet::file::metadata::KeyValue>>,
) {
    let properties = WriterProperties::builder().set_compression(compression).set_key_value_metadata(metadata).build();
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
    let brotli = Compression::BROTLI(BrotliLevel::default());
    let all_of_them =
        [Compression::UNCOMPRESSED, Compression::SNAPPY, gzip, brotli, Compression::LZ4, Compression::LZ4_RAW];
    for compression in all_of_them {
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
    assert!(text.starts_with("a column is not of numbers (FILE, column 'kind'): expected numbers, or lists of numbers, got texts\nhint: --label-column"), "{text}");
    assert!(refused(&path, &Options::default().label_column("kinds")).contains("did you mean 'kind'?"));
    assert!(refused(&path, &Options::default().label_column("e")).contains("column 'kind'"));
    let halves = || Cells::Double(vec![0.5; 2]);
    written(&path, "required double a; required double b;", &[vec![halves(), halves()]], Compression::SNAPPY);
    assert!(refused(&path, &Options::default().label_column("a")).contains("the labels are not whole numbers"));
}

/// The numbers 0.5 and 0.5 in a column `x`, compressed with Zstandard.
#[rustfmt::skip]
const ZSTD: &str = "504152311504151015224c1502150012000028b52ffd2008410000000000000000e03f1500150415162c1504151015061506000028b52ffd20021100000004191202191808000000000000e03f191808000000000000e03f150219160039160000191c16461538160000001502192c48016d150200150a2500180178001604191c191c26001c150a193500061019180178150c160416521676264626081c36002808000000000000e03f1808000000000000e03f1111160000192c15041500150200150015101502000016c2011514167e15440016521604260816761400002819706172717565742d72732076657273696f6e2036302e312e30191c2c0000009500000050415231";

#[test]
fn zstandard_is_read() {
    let (_folder, path) = place();
    std::fs::write(&path, jpegs::bytes(ZSTD)).unwrap();
    assert_eq!(all(&open(&path, &Options::default()).unwrap()), [0.5, 0.5]);
    let expected: Vec<f32> = (0..40_u8).flat_map(|i| [f32::from(i % 3) / 2.0, f32::from(i)]).collect();
    for hex in [parquets::FIRST, parquets::SECOND, parquets::PLAIN] {
        std::fs::write(&path, jpegs::bytes(hex)).unwrap();
        // Column b counts the rows, so it is read only on request.
        let data = open(&path, &Options::default().label_column("c").columns(["a", "b"])).unwrap();
        assert_eq!((data.rows(), all(&data)), (40, expected.clone()));
        assert_eq!((data.classes(), &data.labels().unwrap()[..3]), (&["a".to_owned(), "b".into()][..], &[0, 1, 0][..]));
    }
    std::fs::write(&path, jpegs::bytes(parquets::NESTED)).unwrap();
    let data = open(&path, &Options::default()).unwrap();
    assert_eq!((data.rows(), data.shape()), (5, &[2, 3][..]));
    assert_eq!(all(&data), (0..30_u8).map(f32::from).collect::<Vec<_>>());
}

#[test]
fn changed_pages_are_errors_where_they_have_checksums() {
    let (_folder, path) = place();
    let options = Options::default().label_column("c").columns(["a", "b"]);
    for hex in [parquets::FIRST, parquets::SECOND] {
        let good = jpegs::bytes(hex);
        std::fs::write(&path, &good).unwrap();
        let expected = open(&path, &options).unwrap();
        let (rows, labels) = (all(&expected), expected.labels().unwrap().to_vec());
        let footer = good.len() - 8 - u32::from_le_bytes(good[good.len() - 8..][..4].try_into().unwrap()) as usize;
        for at in 4..footer {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            std::fs::write(&path, &bad).unwrap();
            // A page header may hold a number that is never read, such as a bound of the values.
            if let Ok(data) = open(&path, &options) {
                assert_eq!((all(&data), data.labels().unwrap()), (rows.clone(), &labels[..]), "byte {at}");
            }
        }
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
        "a value is missing (FILE, column 'x', row 778): expected a value, got null\n\
         hint: leave out or fill the rows that lack one, or leave the column out: --drop x"
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
    assert!(refused(&path, &Options::default()).contains("got dates"));
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
        refused(&path, &Options::default())
            .starts_with("a picture cannot be used (FILE, row 3): neither PNG, JPEG nor WebP")
    );
    let data = open(&path, &Options::default().skip_bad(true).size(8, 8)).unwrap();
    assert_eq!((data.rows(), data.shape(), data.labels().unwrap()), (3, &[8, 8][..], &[1, 0, 0][..]));
    assert!(data.skipped()[0].path.ends_with("rows.parquet/row 3"));
}

/// A column of bytes and one of numbers, named as in WebDataset.
const BINARY: &str = "required binary jpg; required int64 cls;";

#[test]
fn bytes_that_begin_like_pictures_are_pictures() {
    let (_folder, path) = place();
    let cells = |pictures: &[Vec<u8>]| {
        vec![Cells::Bytes(pictures.to_vec()), Cells::Long((0..pictures.len() as i64).map(|i| i % 2).collect())]
    };
    let gray = || jpegs::bytes(jpegs::GRAY.0);
    written(&path, BINARY, &[cells(&[gray(), gray(), gray()])], Compression::SNAPPY);
    let data = open(&path, &Options::default()).unwrap();
    assert_eq!((data.shape(), data.labels().unwrap(), data.levels()), (&[9, 11][..], &[0, 1, 0][..], Some(256)));
    written(&path, BINARY, &[cells(&[jpegs::bytes(webps::LOSSLESS.0), gray()])], Compression::SNAPPY);
    let data = open(&path, &Options::default()).unwrap();
    assert_eq!(data.shape(), [9, 11, 3]);
    assert_eq!(data.row(0).unwrap(), webps::LOSSLESS.1.iter().map(|value| f32::from(*value)).collect::<Vec<_>>());
    // Unsupported formats are named in the error, as are the contents of a later cell.
    written(&path, BINARY, &[cells(&[b"II*\0\x08\0\0\0".to_vec()])], Compression::SNAPPY);
    assert!(refused(&path, &Options::default()).contains("(FILE, row 1): a TIFF picture, which is not read; convert"));
    written(&path, BINARY, &[cells(&[gray(), b"none".to_vec()])], Compression::SNAPPY);
    assert!(refused(&path, &Options::default()).contains("(FILE, row 2): neither PNG, JPEG nor WebP but a text"));
    // Bytes that are not images are only bytes.
    written(&path, BINARY, &[cells(&[b"none".to_vec()])], Compression::SNAPPY);
    let text = refused(&path, &Options::default());
    assert!(text.contains("column 'jpg'): expected numbers, or lists of numbers, got bytes"), "{text}");
}

const NESTED: &str = "optional group v (LIST) { repeated group list { optional group element (LIST) {
    repeated group list { optional float element; } } } } required int32 label;";

#[test]
fn lists_of_lists_of_one_shape_are_rows_of_that_shape() {
    let (_folder, path) = place();
    let list = |rows: &[&[usize]]| {
        let mut repeats: Vec<i16> = Vec::new();
        for row in rows {
            for (i, length) in row.iter().enumerate() {
                repeats.extend((0..*length).map(|j| if j > 0 { 2 } else { i16::from(i > 0) }));
            }
        }
        let values: Vec<f32> = (0..repeats.len()).map(|i| i as f32).collect();
        vec![Cells::List(values, vec![5; repeats.len()], repeats), Cells::Int(vec![1; rows.len()])]
    };
    let options = Options::default().label_column("label");
    for (row, shape) in
        [(&[3, 3][..], [2, 3]), (&[1, 1, 1, 1], [4, 1]), (&[5], [1, 5]), (&[1], [1, 1]), (&[2, 2, 2], [3, 2])]
    {
        written(&path, NESTED, &[list(&[row; 600])], Compression::SNAPPY);
        let data = open(&path, &options).unwrap();
        assert_eq!((data.rows(), data.shape()), (600, &shape[..]));
        assert_eq!(all(&data), (0..600 * data.width()).map(|i| i as f32).collect::<Vec<_>>());
    }
    for rows in
        [[&[3, 3][..], &[3, 2]], [&[3, 3], &[2, 3]], [&[3, 3], &[6]], [&[3, 3], &[3, 3, 3]], [&[2, 2], &[1, 1, 1, 1]]]
    {
        written(&path, NESTED, &[list(&rows)], Compression::SNAPPY);
        let text = refused(&path, &options);
        assert!(
            text.starts_with("the lists are not of one shape (FILE, row 2, column 'v'): expected shape [2, "),
            "{text}"
        );
    }
    // With another column they are placed side by side.
    written(&path, NESTED, &[list(&[&[2, 2], &[2, 2]])], Compression::SNAPPY);
    let data = open(&path, &Options::default().columns(["v", "label"])).unwrap();
    assert_eq!((data.shape(), all(&data)), (&[5][..], vec![0.0, 1.0, 2.0, 3.0, 1.0, 4.0, 5.0, 6.0, 7.0, 1.0]));
}

#[test]
fn whole_numbers_beside_lists_are_classes_if_they_are_called_so() {
    let (_folder, path) = place();
    let cells = vec![Cells::List(vec![1.0, 2.0, 3.0, 4.0], vec![3; 4], vec![0, 1, 0, 1]), Cells::Int(vec![7, 3])];
    written(&path, LIST, &[cells], Compression::SNAPPY);
    let data = open(&path, &Options::default()).unwrap();
    assert_eq!((data.shape(), all(&data)), (&[2][..], vec![1.0, 2.0, 3.0, 4.0]));
    assert_eq!((data.labels(), data.classes()), (Some(&[1, 0][..]), &["3".to_owned(), "7".to_owned()][..]));
    assert_eq!(data.about().labels.as_deref(), Some("column 'label'"));
    // A second reading with the stored options gives the same columns.
    let reading = data.rereading(&Options::default());
    assert_eq!((&reading.columns[..], reading.label_column.as_deref()), (&["v".to_owned()][..], Some("label")));
    let again = open(&path, &reading).unwrap();
    assert_eq!((again.shape(), again.labels()), (data.shape(), data.labels()));
    let data = open(&path, &Options::default().columns(["label", "v"])).unwrap();
    assert_eq!((all(&data), data.labels()), (vec![7.0, 1.0, 2.0, 3.0, 3.0, 4.0], None));
    let data = open(&path, &Options::default().columns(["v"])).unwrap();
    assert_eq!((data.shape(), data.labels()), (&[2][..], Some(&[1, 0][..])));
    let data = open(&path, &Options::default().drop(["2"])).unwrap();
    assert_eq!((data.shape(), data.labels()), (&[2][..], None));
    let data = open(&path, &Options::default().drop(["label"])).unwrap();
    assert_eq!((data.shape(), data.labels()), (&[2][..], None));
}

#[test]
fn of_two_columns_of_pictures_one_is_read_and_the_other_is_named() {
    let (_folder, path) = place();
    let schema = "required group image { required binary bytes; required binary path (STRING); }
        required group mask { required binary bytes; required binary path (STRING); }";
    let paths = || Cells::Bytes(vec![b"a.jpg".to_vec(); 2]);
    let of = |hex: &str| Cells::Bytes(vec![jpegs::bytes(hex); 2]);
    written(&path, schema, &[vec![of(jpegs::COLOUR.0), paths(), of(jpegs::GRAY.0), paths()]], Compression::SNAPPY);
    let data = open(&path, &Options::default()).unwrap();
    assert_eq!(data.shape(), [9, 11, 3]);
    let said = &data.about().omitted;
    assert_eq!((said.len(), &*said[0].what), (1, "column 'mask'"));
    assert_eq!(said[0].why, "column 'image' is read; --columns mask reads this one");
    assert_eq!(data.rereading(&Options::default()).columns, ["image"]);
    for options in [Options::default().columns(["mask"]), Options::default().drop(["image"])] {
        let data = open(&path, &options).unwrap();
        assert_eq!((data.shape(), data.about().omitted.len()), (&[9, 11][..], 0), "{options:?}");
        assert_eq!(open(&path, &data.rereading(&options)).unwrap().shape(), [9, 11]);
    }
    let text = refused(&path, &Options::default().columns(["image", "mask"]));
    assert_eq!(text, "a column of pictures is read alone (FILE, columns): expected one column, got image, mask");
}

#[test]
fn files_that_number_their_classes_differently_are_put_together_by_name() {
    let folder = TempDir::new().unwrap();
    let shard = |name: &str, names: &str, labels: &[i64]| {
        let path = folder.path().join(name);
        let features =
            format!(r#"{{"info": {{"features": {{"label": {{"names": [{names}], "_type": "ClassLabel"}}}}}}}}"#);
        let cells = vec![Cells::Double((0..labels.len()).map(|i| i as f64).collect()), Cells::Long(labels.to_vec())];
        described(&path, "required double x; required int64 label;", &cells, "huggingface", &features);
        path
    };
    shard("a.parquet", r#""cat", "dog""#, &[0, 1, 1]);
    shard("b.parquet", r#""dog", "eel", "cat""#, &[0, 1, 2]);
    let data = open(folder.path(), &Options::default()).unwrap();
    let named: Vec<&str> = data.labels().unwrap().iter().map(|label| &*data.classes()[*label as usize]).collect();
    assert_eq!(named, ["cat", "dog", "dog", "dog", "eel", "cat"]);
    assert_eq!(data.classes(), ["cat", "dog", "eel"]);
    let refusal = || {
        let error = open(folder.path(), &Options::default()).unwrap_err();
        error.to_string().replace(&folder.path().display().to_string(), "FOLDER")
    };
    shard("b.parquet", r#""dog", "cat""#, &[0, 2]);
    assert!(
        refusal().starts_with(
            "a label has no name (FOLDER, b.parquet, row 2, column 'label'): expected a number below 2, of a class that the metadata name, got 2"
        ),
        "{}",
        refusal()
    );
    let cells = vec![Cells::Double(vec![0.5]), Cells::Long(vec![0])];
    let plain = folder.path().join("b.parquet");
    written(&plain, "required double x; required int64 label;", &[cells], Compression::SNAPPY);
    let text = refusal();
    assert!(
        text.starts_with("the files name their classes in different ways (FOLDER, b.parquet, column 'label')"),
        "{text}"
    );
    assert!(text.ends_with("--drop label"), "{text}");
    assert_eq!(open(folder.path(), &Options::default().drop(["label"])).unwrap().rows(), 4);
}

#[test]
fn whole_numbers_that_are_rounded_are_named() {
    let (_folder, path) = place();
    let schema = "required int64 a; required int64 b; required int64 c (INTEGER(64, false));";
    let cells = vec![
        Cells::Long(vec![1 << 53, 1, -(1 << 60)]),
        Cells::Long(vec![0, (1 << 53) + 1, 2]),
        Cells::Long(vec![-1, 5, 6]),
    ];
    written(&path, schema, &[cells], Compression::SNAPPY);
    let data = open(&path, &Options::default()).unwrap();
    assert_eq!(data.about().notes, ["column 'b', column 'c': integers beyond 2^53 are rounded to double precision"]);
    let data = open(&path, &Options::default().columns(["a"])).unwrap();
    assert_eq!(data.about().notes, [""; 0]);
}

/// Writes a file with metadata of another tool.
fn described(path: &Path, schema: &str, cells: &[Cells], key: &str, value: &str) {
    let entry = parquet::file::metadata::KeyValue::new(key.to_owned(), value.to_owned());
    with_metadata(path, schema, &[cells.to_vec()], Compression::SNAPPY, Some(vec![entry]));
}

#[test]
fn the_hub_names_the_classes() {
    let (_folder, path) = place();
    let schema = "required double x; required int64 kind;";
    let cells = || vec![Cells::Double(vec![0.0, 1.0, 2.0]), Cells::Long(vec![2, 0, 2])];
    let value = r#"{"info":{"features":{"x":{"dtype":"float64","_type":"Value"},"kind":{"names":["cat","dog","ant"],"_type":"ClassLabel"}}}}"#;
    described(&path, schema, &cells(), "huggingface", value);
    let data = open(&path, &Options::default()).unwrap();
    // The names are in the order of their numbers.
    assert_eq!((data.shape(), data.classes()), (&[1][..], &["cat".to_owned(), "ant".into()][..]));
    assert_eq!(data.labels().unwrap(), [1, 0, 1]);
    let named = open(&path, &Options::default().label_column("kind")).unwrap();
    assert_eq!(named.classes(), data.classes());
    // Numbers beyond the names are kept; invalid metadata are ignored.
    described(&path, schema, &cells(), "huggingface", &value.replace(r#","ant""#, ""));
    assert_eq!(open(&path, &Options::default()).unwrap().classes(), ["cat", "2"]);
    for value in ["", "{", "[]", "3", r#"{"info":{"features":[]}}"#, r#"{"info":{"features":{"kind":3}}}"#] {
        described(&path, schema, &cells(), "huggingface", value);
        assert_eq!(open(&path, &Options::default()).unwrap().shape(), [2], "{value}");
    }
    let pictures = vec![Cells::Bytes(vec![jpegs::bytes(jpegs::GRAY.0); 3]), Cells::Long(vec![1, 0, 1])];
    let value =
        r#"{"info":{"features":{"image":{"_type":"Image"},"cls":{"names":["night","day"],"_type":"ClassLabel"}}}}"#;
    described(&path, BINARY, &pictures, "huggingface", value);
    let data = open(&path, &Options::default()).unwrap();
    assert_eq!((data.classes(), data.labels().unwrap()), (&["night".to_owned(), "day".into()][..], &[1, 0, 1][..]));
}

#[test]
fn the_index_of_a_data_frame_is_no_data() {
    let (_folder, path) = place();
    let schema = "required double x; required double height;";
    let cells = || vec![Cells::Double(vec![0.5, 1.5]), Cells::Double(vec![7.25, 9.5])];
    described(&path, schema, &cells(), "pandas", r#"{"index_columns":["height"],"columns":[]}"#);
    let data = open(&path, &Options::default()).unwrap();
    assert_eq!((data.shape(), all(&data)), (&[1][..], vec![0.5, 1.5]));
    let left = &data.about().omitted[0];
    assert_eq!((left.what.as_str(), left.why.as_str()), ("column 'height'", "the index of the data frame"));
    let asked = Options::default().columns(["height", "x"]);
    assert_eq!(all(&open(&path, &asked).unwrap()), [7.25, 0.5, 9.5, 1.5]);
    // A range index is not stored. A frame without metadata, or with nothing but its index, keeps
    // all columns.
    for value in [r#"{"index_columns":[{"kind":"range","start":0}]}"#, r#"{"index_columns":["x","height"]}"#, "{"] {
        described(&path, schema, &cells(), "pandas", value);
        assert_eq!(open(&path, &Options::default()).unwrap().shape(), [2]);
    }
}

#[test]
fn a_folder_of_parts_says_which_is_read() {
    let folder = TempDir::new().unwrap();
    for (part, value) in [("test", 9.0), ("train", 1.0)] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
        let path = folder.path().join(part).join("0.parquet");
        written(&path, "required double a;", &[vec![Cells::Double(vec![value, value + 0.5])]], Compression::SNAPPY);
    }
    let data = open(folder.path(), &Options::default()).unwrap();
    assert_eq!(all(&data), [1.0, 1.5]);
    let left = &data.about().omitted[0];
    let test = folder.path().join("test");
    assert_eq!(left.what, "the folder 'test'");
    assert_eq!(left.why, format!("the folder 'train' is read; --data '{}' reads this one", test.display()));
    assert_eq!(all(&open(test, &Options::default()).unwrap()), [9.0, 9.5]);
}

#[test]
fn shards_are_one_table_in_the_order_of_their_names() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    let (one, other) = ("required double a; required int32 b;", "required int32 b; required double a;");
    let pair = |a: f64| vec![Cells::Double(vec![a, a + 0.5]), Cells::Int(vec![0, 1])];
    let turned = |a: f64| vec![Cells::Int(vec![0, 1]), Cells::Double(vec![a, a + 0.5])];
    written(&at("data/train-00001-of-00002.parquet"), other, &[turned(2.0)], Compression::SNAPPY);
    written(&at("data/train-00000-of-00002.parquet"), one, &[pair(1.0)], Compression::SNAPPY);
    written(&at("data/test-00000-of-00001.parquet"), one, &[pair(9.0)], Compression::SNAPPY);
    std::fs::write(at("README.md"), "about").unwrap();
    std::fs::write(at("data/.hidden.parquet"), "no").unwrap();
    let expected = [1.0, 0.0, 1.5, 1.0, 2.0, 0.0, 2.5, 1.0];
    for name in ["", "data", "data/train-*.parquet", "data/train-0000[01]-of-00002.parquet"] {
        for memory in [0, u64::MAX] {
            let data = open(folder.path().join(name), &Options::default().memory(memory)).unwrap();
            assert_eq!((data.rows(), all(&data)), (4, expected.to_vec()), "{name}");
            // A pattern selects what is read. In a folder the other split is reported.
            let left: Vec<String> =
                data.about().omitted.iter().map(|left| format!("{}: {}", left.what, left.why)).collect();
            assert_eq!(left.len(), usize::from(!name.contains('*') && !name.contains('[')), "{left:?}");
            assert!(
                left.iter().all(|left| left.starts_with("the split 'test': the split 'train' is read; --data '")
                    && left.contains("test*.parquet' reads this one")),
                "{left:?}"
            );
        }
    }
    assert_eq!(all(&open(at("data/test-*.parquet"), &Options::default()).unwrap())[0], 9.0);
    let none = open(at("data/none-*.parquet"), &Options::default()).unwrap_err();
    assert!(none.is_argument() && none.to_string().starts_with("no file has such a name"), "{none}");

    let shard = at("data/train-00002-of-00002.parquet");
    let refusal = || {
        let error = open(at("data"), &Options::default()).unwrap_err();
        error.to_string().replace(&folder.path().display().to_string(), "FOLDER")
    };
    written(&shard, "required double a; required int32 c;", &[pair(1.0)], Compression::SNAPPY);
    assert_eq!(
        refusal(),
        "the files have different columns (FOLDER/data, train-00002-of-00002.parquet): expected a, b, got a, c"
    );
    written(&shard, "required double a;", &[vec![Cells::Double(vec![1.0])]], Compression::SNAPPY);
    assert!(refusal().contains("train-00002-of-00002.parquet): expected a, b, got a"));
    written(
        &shard,
        "required binary a; required int32 b;",
        &[vec![Cells::Bytes(vec![b"x".to_vec()]), Cells::Int(vec![1])]],
        Compression::SNAPPY,
    );
    assert!(refusal().contains("column 'a'): expected numbers, got bytes"), "{}", refusal());
    written(&shard, one, &[vec![Cells::Double(vec![1.0, f64::NAN]), Cells::Int(vec![0, 1])]], Compression::SNAPPY);
    assert!(
        refusal().starts_with("a value is missing (FOLDER/data, train-00002-of-00002.parquet, row 2, column 'a'): expected a number, got NaN\nhint: leave out or fill")
    );
    let good = std::fs::read(&shard).unwrap();
    std::fs::write(&shard, &good[..good.len() - 20]).unwrap();
    assert!(refusal().contains("train-00002-of-00002.parquet") && refusal().contains("cut short"), "{}", refusal());

    // If there are images beside a table, the table describes them.
    std::fs::write(at("mixed/a.jpg"), jpegs::bytes(jpegs::GRAY.0)).unwrap();
    written(&at("mixed/about.parquet"), one, &[pair(1.0)], Compression::SNAPPY);
    assert_eq!(open(at("mixed"), &Options::default()).unwrap().shape(), [9, 11]);
    // With several data sets in one folder, the user must choose.
    written(&at("two/x/0.parquet"), one, &[pair(1.0)], Compression::SNAPPY);
    written(&at("two/y/0.parquet"), one, &[pair(2.0)], Compression::SNAPPY);
    let text = open(at("two"), &Options::default()).unwrap_err().to_string();
    assert!(text.starts_with("several folders of tables") && text.contains("got x, y"), "{text}");
    std::fs::rename(at("two/y"), at("two/train")).unwrap();
    assert_eq!(all(&open(at("two"), &Options::default()).unwrap())[0], 2.0);
}

#[test]
fn shards_of_pictures_name_the_file_of_a_bad_one() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    written(&at("train-0.parquet"), IMAGES, &[images(&[jpegs::GRAY.0; 3])], Compression::SNAPPY);
    written(&at("train-1.parquet"), IMAGES, &[images(&[jpegs::GRAY.0, "00"])], Compression::SNAPPY);
    let text = open(folder.path(), &Options::default()).unwrap_err().to_string();
    assert!(text.contains(", train-1.parquet, row 2): neither PNG"), "{text}");
    let data = open(folder.path(), &Options::default().skip_bad(true)).unwrap();
    assert_eq!((data.rows(), data.labels().unwrap()), (4, &[1, 0, 1, 1][..]));
    assert!(data.skipped()[0].path.ends_with("train-1.parquet/row 2"));
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
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Files with changed bytes give an error or rows.
    #[test]
    fn changed_bytes_do_no_harm(which in 0_usize..6, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let (_folder, path) = place();
        match which {
            0 => written(&path, NUMBERS, &[numbers(0, 20)], Compression::SNAPPY),
            1 => written(&path, LIST, &[vec![Cells::List(vec![1.0; 6], vec![3; 6], vec![0, 1, 0, 1, 0, 1]), Cells::Int(vec![0; 3])]], Compression::LZ4_RAW),
            2 => written(&path, IMAGES, &[images(&[jpegs::GRAY.0; 3])], Compression::SNAPPY),
            3 => std::fs::write(&path, jpegs::bytes(parquets::NESTED)).unwrap(),
            4 => std::fs::write(&path, jpegs::bytes(parquets::PLAIN)).unwrap(),
            _ => std::fs::write(&path, jpegs::bytes(parquets::SECOND)).unwrap(),
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
