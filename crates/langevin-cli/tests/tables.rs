//! Tables go out in every kind, as they came in; columns are called as the file calls them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{npy, read_f8, run, works_saying as works};
use langevin_data::{Options, TableColumns, TableKind, TableWriter, open};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const SMALL: &str = "--steps 20 --width 8 --depth 1 --batch 16";

fn table(here: &Path, name: &str, head: &str, line: impl Fn(usize) -> String) {
    let mut text = if head.is_empty() { String::new() } else { format!("{head}\n") };
    (0..120).for_each(|i| writeln!(text, "{}", line(i)).unwrap());
    fs::write(here.join(name), text).unwrap();
}

fn value(i: usize) -> f64 {
    ((i as f64 * 0.618).sin() * 1e4).round() / 1e3
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn samples_go_out_in_every_kind_and_in_the_dialect_of_the_table() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    table(here, "t.csv", "id;age;valve;\"x; in m\";kind", |i| {
        format!("{};{};3;{};{}", 7 * i, 30 + i % 17, value(i).to_string().replace('.', ","), ["a", "\"b;c\""][i % 2])
    });
    let train = format!("train --data t.csv --label-column kind --conditional {SMALL} --out m.safetensors");
    let (_, stderr) = works(here, &train);
    assert!(stderr.contains("CSV (semicolons, decimal commas) with a header line"), "{stderr}");
    let sample = "sample m.safetensors -n 50 --steps 4 --class 'a,b;c' --out";
    works(here, &format!("{sample} s.npy"));
    let (shape, expected) = read_f8(&here.join("s.npy"));
    assert_eq!(shape, "50, 3");
    for name in ["s.csv", "s.tsv", "s.csv.gz", "s.tsv.gz", "s.parquet"] {
        works(here, &format!("{sample} {name}"));
        let data = open(here.join(name), &Options::default().label_column("kind")).unwrap();
        assert_eq!(data.frame().names, ["age", "valve", "x; in m"], "{name}");
        assert_eq!(data.values_wide().unwrap(), expected, "{name}");
        let class = |row: usize| &*data.classes()[data.labels().unwrap()[row] as usize];
        assert_eq!((class(0), class(1), class(48)), ("a", "b;c", "a"), "{name}");
        works(here, &format!("evaluate --samples {name} --label-column kind --data t.csv"));
    }
    let text = fs::read_to_string(here.join("s.csv")).unwrap();
    assert_eq!(text.lines().next(), Some("age;valve;\"x; in m\";kind"));
    assert!(text.lines().nth(1).unwrap().contains(',') && !text.contains('.'), "{text}");
    let text = fs::read_to_string(here.join("s.tsv")).unwrap();
    assert_eq!(text.lines().next(), Some("age\tvalve\tx; in m\tkind"));
    // The schema of the file: whole numbers are INT64 (2, written as 4), others DOUBLE (5, written
    // as 10).
    let bytes = fs::read(here.join("s.parquet")).unwrap();
    for column in
        [&b"\x15\x04\x25\x00\x18\x03age"[..], b"\x15\x04\x25\x00\x18\x05valve", b"\x15\x0a\x25\x00\x18\x07x; in m"]
    {
        assert!(has(&bytes, column), "{}", column.escape_ascii());
    }
    works(here, &format!("{sample} f.parquet --dtype f32"));
    assert!(has(&fs::read(here.join("f.parquet")).unwrap(), b"\x15\x08\x25\x00\x18\x07x; in m"));

    // What other commands write.
    works(here, "invert m.safetensors --from t.csv -n 3 --steps 3 --out z.parquet");
    let noise = open(here.join("z.parquet"), &Options::default()).unwrap();
    assert_eq!((noise.rows(), noise.shape()), (3, &[2][..]));
    works(here, "invert m.safetensors --from t.csv -n 3 --steps 3 --between 4 --out way.csv.gz");
    let way = open(here.join("way.csv.gz"), &Options::default()).unwrap();
    assert_eq!(
        (way.rows(), way.frame().names.join(" "), way.frame().dialect.is_some()),
        (8, "age valve x; in m".to_owned(), true)
    );
    works(here, "likelihood m.safetensors --data t.csv -n 5 --levels 2 --out l.parquet");
    assert_eq!(open(here.join("l.parquet"), &Options::default()).unwrap().rows(), 5);
}

#[test]
fn a_plain_table_and_one_without_names_go_out_as_they_came() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    table(here, "t.csv", "", |i| format!("{};{}", value(i), i % 5));
    works(here, &format!("train --data t.csv {SMALL} --out m.safetensors"));
    works(here, "sample m.safetensors -n 20 --steps 3 --out s.csv");
    let data = open(here.join("s.csv"), &Options::default()).unwrap();
    assert_eq!((data.rows(), data.frame().dialect.unwrap().separator), (20, ';'));
    let whole = data.values_wide().unwrap().iter().skip(1).step_by(2).all(|value| value.fract() == 0.0);
    assert!(whole, "{}", fs::read_to_string(here.join("s.csv")).unwrap());
    table(here, "u.csv", "x,y", |i| format!("{},{}", value(i), i % 5));
    works(here, &format!("train --data u.csv {SMALL} --out m.safetensors"));
    works(here, "sample m.safetensors -n 20 --steps 3 --out s.csv");
    assert!(fs::read_to_string(here.join("s.csv")).unwrap().starts_with("x,y\n"));
    let model = fs::read(here.join("m.safetensors")).unwrap();
    assert!(!has(&model, b"dialect"));
}

#[test]
fn pictures_are_a_column_of_lists() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, &format!("train --data digits {SMALL} --out m.safetensors"));
    works(here, "sample m.safetensors -n 3 --steps 2 --out s.parquet");
    works(here, "sample m.safetensors -n 3 --steps 2 --out s.npy");
    let data = open(here.join("s.parquet"), &Options::default()).unwrap();
    assert_eq!((data.rows(), data.shape()), (3, &[8, 8][..]));
    assert_eq!(data.values_wide().unwrap(), read_f8(&here.join("s.npy")).1);
}

#[test]
fn columns_are_called_as_the_file_calls_them() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    table(here, "t.csv", "n,\"a, in m\",b", |i| {
        format!("{},{},{}", i % 3, value(i).abs() + 1.0, value(i + 7).abs() + 1.0)
    });
    let train = |flags: &str| works(here, &format!("train --data t.csv {flags} {SMALL} --out m.safetensors")).1;
    let stderr = train("--columns '\"a, in m\",b' --log '\"a, in m\"'");
    assert!(stderr.contains("2 columns (a, in m, b)") && stderr.contains("as logarithms: 'a, in m'"), "{stderr}");
    works(here, "likelihood m.safetensors --data t.csv -n 4 --levels 2");
    for log in ["--log 2", "--log '\"a, in m\"'"] {
        let stderr = train(&format!("--drop n {log}"));
        assert!(stderr.contains("as logarithms: 'a, in m'"), "{log}: {stderr}");
    }
    assert!(train("--drop '\"a, in m\"'").contains("2 columns (n, b)"));
    fs::write(
        here.join("c.toml"),
        "data = 't.csv'\ncolumns = ['a, in m', 'b']\nsteps = 2\nwidth = 8\nout = 'm.safetensors'\n",
    )
    .unwrap();
    assert!(works(here, "train --config c.toml").1.contains("2 columns (a, in m, b)"));
    let (code, _, stderr) = run(here, &format!("train --data t.csv --drop n --log 1 {SMALL} --out m.safetensors"));
    assert!(code == 2 && stderr.contains("error: the column was left out (logarithms)"), "{stderr}");
    assert!(stderr.contains("hint: numbers count the columns of the file"), "{stderr}");
    let (code, _, stderr) = run(here, "train --data t.csv --drop '\"a, in m' --out m.safetensors");
    assert!(code == 2 && stderr.contains("a name with a comma in it in quotes"), "{stderr}");
}

#[test]
fn folders_of_tables_and_arrays_of_records_have_label_columns() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    fs::create_dir(here.join("parts")).unwrap();
    for part in 0..3 {
        table(here, &format!("parts/{part}.csv"), "x,y,kind", |i| {
            format!("{},{},{}", value(i + 120 * part), value(i + 7), ["a", "b"][i % 2])
        });
    }
    let (_, stderr) =
        works(here, &format!("train --data parts --label-column kind --conditional {SMALL} --out m.safetensors"));
    assert!(stderr.contains("read parts: 360 rows × 2 columns (x, y), CSV in 3 files with a header line"), "{stderr}");
    works(here, "sample m.safetensors -n 4 --steps 2 --class b --out s.csv");
    works(here, "evaluate m.safetensors --data 'parts/[01].csv'");
    let (_, stderr) = works(here, "likelihood m.safetensors --data parts/0.csv -n 4 --levels 2");
    assert!(stderr.contains("labels from column 'kind'"), "{stderr}");

    let data: Vec<u8> = (0..120_usize)
        .flat_map(|i| {
            [&(value(i) as f32).to_le_bytes()[..], &(i as i64 % 5).to_le_bytes(), &[b'a' + (i % 2) as u8]].concat()
        })
        .collect();
    let header =
        "{'descr': [('x', '<f4'), ('n', '<i8'), ('kind', '|S1')], 'fortran_order': False, 'shape': (120,), }\n";
    fs::write(here.join("r.npy"), npy(header, &data)).unwrap();
    let (_, stderr) =
        works(here, &format!("train --data r.npy --label-column kind --conditional {SMALL} --out r.safetensors"));
    assert!(
        stderr.contains(
            "read r.npy: 120 rows × 2 columns (x, n), .npy of records, float32 and int64; labels from column 'kind'"
        ),
        "{stderr}"
    );
    works(here, "sample r.safetensors -n 6 --steps 2 --class a,b --out r.csv");
    let text = fs::read_to_string(here.join("r.csv")).unwrap();
    assert!(
        text.starts_with("x,n,kind\n")
            && text.lines().skip(1).all(|line| !line.split(',').nth(1).unwrap().contains('.')),
        "{text}"
    );
    works(here, "evaluate r.safetensors --data r.npy");
    fs::write(
        here.join("plain.npy"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (60, 2), }\n", &data[..480]),
    )
    .unwrap();
    let (code, _, stderr) = run(here, "train --data plain.npy --label-column x --out n.safetensors");
    assert!(code == 2 && stderr.contains("error: --label-column is for tables"), "{stderr}");
}

#[test]
fn lists_and_their_labels_go_out_as_they_came() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let columns = TableColumns::new(["a", "b", "c"]).array("embedding", &[3]).label("label");
    let file = fs::File::create(here.join("l.parquet")).unwrap();
    let mut writer = TableWriter::new(file, TableKind::Parquet, columns).unwrap();
    (0..120).for_each(|i| writer.push(&[value(i), value(i + 3), value(i + 9)], Some(["u", "v"][i % 2])).unwrap());
    writer.finish().unwrap();
    let (_, stderr) = works(here, &format!("train --data l.parquet --conditional {SMALL} --out m.safetensors"));
    assert!(stderr.contains("labels from column 'label'"), "{stderr}");
    works(here, "sample m.safetensors -n 6 --steps 2 --class u,v --out s.parquet");
    let data = open(here.join("s.parquet"), &Options::default()).unwrap();
    assert_eq!((data.shape(), data.labels()), (&[3][..], Some(&[0, 1, 0, 1, 0, 1][..])));
    assert_eq!(data.rereading(&Options::default()).columns, ["embedding"]);
    works(here, "evaluate m.safetensors --data l.parquet");
    works(here, "likelihood m.safetensors --data s.parquet -n 4 --levels 2");
}
