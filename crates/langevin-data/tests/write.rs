//! Written tables read back unchanged.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use langevin_data::{Dialect, Options, TableColumns, TableKind, TableWriter, open};
use std::path::PathBuf;
use tempfile::TempDir;

fn written(folder: &TempDir, name: &str, columns: &TableColumns, rows: &[(Vec<f64>, Option<&str>)]) -> PathBuf {
    let path = folder.path().join(name);
    let kind = TableKind::of(&path).unwrap();
    let mut writer = TableWriter::new(std::fs::File::create(&path).unwrap(), kind, columns.clone()).unwrap();
    rows.iter().for_each(|(row, label)| writer.push(row, *label).unwrap());
    writer.finish().unwrap();
    path
}

const NAMES: [&str; 6] = ["x.csv", "x.tsv", "x.csv.gz", "x.tsv.gz", "x.tab", "x.parquet"];

fn dialect(separator: char, comma: bool) -> Dialect {
    let mut dialect = Dialect::default();
    (dialect.separator, dialect.decimal_comma) = (separator, comma);
    dialect
}

#[test]
fn every_kind_reads_back_what_was_written() {
    let folder = TempDir::new().unwrap();
    let labels = ["a", "b, or \"c\"", "7;8", " x "];
    let rows: Vec<(Vec<f64>, Option<&str>)> = (0..3000_usize)
        .map(|i| {
            let x = i as f64;
            (vec![x - 1500.0, (x * 0.618).sin() * 1e3, 0.1 + x, (x * 2.5).cos() * 1e-7], Some(labels[i % 4]))
        })
        .collect();
    let columns =
        TableColumns::new(["n", "a, in m", "ärger", "d;e"]).whole(vec![true, false, false, false]).label("the kind");
    let all: Vec<f64> = rows.iter().flat_map(|(row, _)| row.clone()).collect();
    for name in NAMES {
        for dialect in [None, Some(dialect(';', true)), Some(dialect('|', false)), Some(dialect('\t', true))] {
            for single in [false, true] {
                let columns = columns.clone().dialect(dialect).single(single);
                let path = written(&folder, name, &columns, &rows);
                let data = open(&path, &Options::default().label_column("the kind")).unwrap();
                assert_eq!(data.frame().names, ["n", "a, in m", "ärger", "d;e"], "{name}");
                let read = data.values_wide().unwrap();
                let same = |(a, b): (&f64, &f64)| if single { *a as f32 == *b as f32 } else { a == b };
                assert!(read.len() == all.len() && read.iter().zip(&all).all(same), "{name} {dialect:?} {single}");
                let of = data.labels().unwrap();
                let trimmed = |i: usize| if name == "x.parquet" { labels[i % 4] } else { labels[i % 4].trim() };
                assert!((0..rows.len()).all(|i| data.classes()[of[i] as usize] == trimmed(i)), "{name}");
            }
        }
    }
    // The table is written in the dialect that it was read in.
    let path = written(&folder, "x.csv", &columns.clone().dialect(Some(dialect(';', true))), &rows[..1]);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "n;a, in m;ärger;\"d;e\";the kind\n-1500;0;0,1;0,0000001;a\n");
    let path = written(&folder, "x.tsv", &columns.dialect(Some(dialect(';', true))), &rows[1..2]);
    assert!(std::fs::read_to_string(path).unwrap().contains("\n-1499\t579,"));
}

#[test]
fn one_column_is_written_so_that_it_reads() {
    let folder = TempDir::new().unwrap();
    for name in NAMES {
        let columns = TableColumns::new(["x"]).dialect(Some(dialect(';', true)));
        let data =
            open(written(&folder, name, &columns, &[(vec![1.5], None), (vec![2.25], None)]), &Options::default());
        assert_eq!(data.unwrap().values_wide().unwrap(), [1.5, 2.25], "{name}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn columns_have_their_types() {
    use parquet::basic::Type;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    let folder = TempDir::new().unwrap();
    let types = |columns: &TableColumns, row: &[f64], label: Option<&str>| {
        let path = written(&folder, "x.parquet", columns, &[(row.to_vec(), label)]);
        let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        schema.columns().iter().map(|column| column.physical_type()).collect::<Vec<_>>()
    };
    let columns = TableColumns::new(["a", "b"]).whole(vec![true, false]);
    assert_eq!(types(&columns, &[1.0, 2.0], None), [Type::INT64, Type::DOUBLE]);
    let columns = columns.label("k").single(true);
    assert_eq!(types(&columns, &[1.0, 2.0], Some("v")), [Type::INT64, Type::FLOAT, Type::BYTE_ARRAY]);
    // Two columns with the same name are allowed.
    assert_eq!(types(&TableColumns::new(["a", "a"]), &[1.0, 2.0], None), [Type::DOUBLE, Type::DOUBLE]);
    let mut writer =
        TableWriter::new(Vec::new(), TableKind::Parquet, TableColumns::new(["a"]).whole(vec![true])).unwrap();
    assert!(writer.push(&[1e19], None).unwrap_err().to_string().contains("no whole number of 64 bits"));
    assert!(writer.push(&[1.0, 2.0], None).is_err() && writer.push(&[1.0], Some("x")).is_err());
}

#[cfg(feature = "parquet")]
#[test]
fn arrays_keep_their_shape_and_many_rows_are_many_groups() {
    let folder = TempDir::new().unwrap();
    for shape in [vec![2, 3], vec![3, 1, 2], vec![1, 1, 1], vec![4]] {
        let width: usize = shape.iter().product();
        let columns = TableColumns::new((0..width).map(|i| format!("x{i}"))).array("pixels", &shape);
        let rows: Vec<(Vec<f64>, Option<&str>)> =
            (0..5).map(|i| ((0..width).map(|j| (i * width + j) as f64 / 4.0).collect(), None)).collect();
        let data = open(written(&folder, "x.parquet", &columns, &rows), &Options::default()).unwrap();
        assert_eq!((data.shape(), data.rows()), (&shape[..], 5));
        assert_eq!(data.rereading(&Options::default()).columns, ["pixels"]);
        assert_eq!(data.values_wide().unwrap(), rows.concat_rows());
    }
    // More rows than a group holds.
    let columns = TableColumns::new((0..4096).map(|i| format!("x{i}")));
    let rows: Vec<(Vec<f64>, Option<&str>)> = (0..600).map(|i| (vec![f64::from(i); 4096], None)).collect();
    let data = open(written(&folder, "x.parquet", &columns, &rows), &Options::default().drop(["x0"])).unwrap();
    assert_eq!((data.rows(), data.row(599).unwrap()[4000]), (600, 599.0));
}

trait Rows {
    fn concat_rows(&self) -> Vec<f64>;
}

impl Rows for Vec<(Vec<f64>, Option<&str>)> {
    fn concat_rows(&self) -> Vec<f64> {
        self.iter().flat_map(|(row, _)| row.clone()).collect()
    }
}
