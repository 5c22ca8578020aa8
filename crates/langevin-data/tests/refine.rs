//! Columns that are not data are left out, reported, and restored.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use langevin_data::{Dataset, Frame, Options, Statistics, open};
use std::fmt::Write as _;
use std::path::PathBuf;
use tempfile::TempDir;

fn saved(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Returns a table of `rows` rows, with the fields that `field(row, column)` writes.
fn table(head: &str, rows: usize, columns: usize, field: impl Fn(usize, usize) -> String) -> String {
    let mut text = if head.is_empty() { String::new() } else { format!("{head}\n") };
    for row in 0..rows {
        let line: Vec<String> = (0..columns).map(|column| field(row, column)).collect();
        writeln!(text, "{}", line.join(",")).unwrap();
    }
    text
}

fn read(text: &str, options: &Options) -> Dataset {
    let folder = TempDir::new().unwrap();
    open(saved(&folder, "rows.csv", text), options).unwrap()
}

fn value(row: usize, column: usize) -> String {
    format!("{:.3}", ((row * 7 + column * 3) as f64 * 0.618).sin())
}

#[test]
fn a_header_of_numbers_is_no_row() {
    // The header that pandas writes for an array with to_csv(index=False).
    let data = read(&table("0,1,2", 200, 3, value), &Options::default());
    assert_eq!((data.rows(), data.shape(), data.frame().names.join(" ")), (200, &[3][..], "0 1 2".to_owned()));
    assert!(data.summary().contains("the first line, 0, 1, 2, names the columns (--no-header says otherwise)"));
    // Years as column names above numbers.
    let data = read(&table("place,2019,2020", 30, 3, value), &Options::default());
    assert_eq!((data.rows(), data.frame().names[2].as_str()), (30, "2020"));
    // Integers whose first row happens to be 0, 1, 2 keep that row, and a note says so.
    let whole = |row: usize, column: usize| ((row + column) % 5).to_string();
    let data = read(&table("", 30, 3, whole), &Options::default());
    assert_eq!((data.rows(), data.frame().names.len()), (30, 0));
    assert!(data.summary().contains("the first line, 0, 1, 2, is a row like the others"), "{}", data.summary());
    // The user can override the guess.
    let text = table("0,1,2", 9, 3, value);
    assert_eq!([true, false].map(|header| read(&text, &Options::default().header(header)).rows()), [9, 10]);
    // A first row with a missing value is a row, and is rejected as such.
    let folder = TempDir::new().unwrap();
    let error = open(saved(&folder, "gap.csv", "1.5,,2\n1,2,3\n"), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("line 1, column 2"), "{error}");
}

#[test]
fn columns_that_number_the_rows_are_left_out() {
    // DataFrame.to_csv(): an unnamed column that counts the rows.
    let counted = |start: usize| {
        move |row: usize, column: usize| match column {
            0 => (row + start).to_string(),
            _ => value(row, column),
        }
    };
    let data = read(&table(",0,1,2", 200, 4, counted(0)), &Options::default());
    assert_eq!((data.shape(), data.frame().names.join(" ")), (&[3][..], "0 1 2".to_owned()));
    assert!(data.summary().contains("left out: column 1 without a name (numbers the rows)"), "{}", data.summary());
    // The column is also recognised with gaps after a filter, under another name, and in another
    // position.
    let gaps = |row: usize, column: usize| if column == 0 { (row * 3 + 1).to_string() } else { value(row, column) };
    for name in ["Unnamed: 0", "index", "\"\""] {
        assert_eq!(read(&table(&format!("{name},x,y"), 50, 3, gaps), &Options::default()).shape(), [2], "{name}");
    }
    let last = |row: usize, column: usize| if column == 2 { (9000 - 7 * row).to_string() } else { value(row, column) };
    let data = read(&table("x,y,customer_id", 50, 3, last), &Options::default());
    assert_eq!(data.frame().names, ["x", "y"]);
    assert!(data.summary().contains("column 'customer_id' (a different number names every row)"));
    // Without a telling name there is no proof, and a note informs the user.
    let data = read(&table("", 30, 3, counted(1)), &Options::default());
    assert_eq!(data.shape(), [3]);
    assert!(data.summary().contains("column 1 counts the rows: if that is all it does, leave it out with --drop 1"));
    let data = read(&table("day,x,y", 30, 3, gaps), &Options::default());
    assert!(data.summary().contains("leave it out with --drop day"), "{}", data.summary());
    let data = read(&table("", 30, 3, gaps), &Options::default());
    assert_eq!(data.shape(), [3]);
    assert!(
        data.summary().contains("column 1 is another whole number in every row, always higher"),
        "{}",
        data.summary()
    );
    // Few rows prove nothing, a table keeps at least one column, and the user can override the
    // guess.
    assert_eq!(read("x,y\n1,10\n2,20\n3,30\n", &Options::default()).shape(), [2]);
    assert_eq!(read(&table("", 30, 1, counted(0)), &Options::default()).shape(), [1]);
    let asked = Options::default().columns(["index", "y"]);
    let data = read(&table("index,x,y", 50, 3, gaps), &asked);
    assert_eq!((data.frame().names.join(" "), data.row(1).unwrap()[0]), ("index y".to_owned(), 4.0));
}

#[test]
fn arrays_have_counters_too() {
    let values: Vec<f64> = (0..40).flat_map(|row| [f64::from(row).sin(), f64::from(row)]).collect();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (40, 2), }\n";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rows.npy");
    std::fs::write(&path, bytes).unwrap();
    let data = open(&path, &Options::default()).unwrap();
    let said = "40 rows × 2 columns, .npy, float64; column 2 counts the rows: if that is all it does, leave it out with --drop 2";
    assert_eq!(data.summary(), said);
    let data = open(&path, &Options::default().drop(["2"])).unwrap();
    assert_eq!(data.summary(), "40 rows × 1 column, .npy, float64; left out: column 2 (dropped)");
    assert_eq!(
        (data.rereading(&Options::default()).columns, data.row(7).unwrap()),
        (vec!["1".to_owned()], vec![7.0_f32.sin()])
    );
    let turned = open(&path, &Options::default().columns(["2", "1"])).unwrap();
    assert_eq!(turned.row(7).unwrap(), [7.0, 7.0_f32.sin()]);
    assert!(open(&path, &Options::default().columns(["3"])).unwrap_err().is_argument());
}

#[test]
fn columns_are_chosen_by_name_or_number_in_any_order() {
    let text = "x,name,y,z\n1,a,2,3\n4,b,5,6\n";
    let data = read(text, &Options::default().columns(["z", "1"]));
    assert_eq!((data.frame().names.join(" "), data.values().unwrap()), ("z x".to_owned(), vec![3.0, 1.0, 6.0, 4.0]));
    assert!(data.summary().contains("left out: column 'name' (not asked for), column 'y' (not asked for)"));
    let data = read(text, &Options::default().drop(["name", "4"]));
    assert_eq!(data.values().unwrap(), [1.0, 2.0, 4.0, 5.0]);
    let data = read(text, &Options::default().label_column("name").drop(["x"]));
    assert_eq!((data.classes().len(), data.shape()), (2, &[2][..]));
    assert!(data.summary().contains("labels from column 'name'"));
    let folder = TempDir::new().unwrap();
    let path = saved(&folder, "rows.csv", text);
    for (options, words) in [
        (
            Options::default().columns(["w"]),
            "no such column (FILE, columns): expected x, name, y, z, or a number from 1 to 4, got 'w'",
        ),
        (Options::default().drop(["5"]), "no such column (FILE, columns to drop)"),
        (Options::default().columns(["x"]).drop(["1"]), "a column is asked for and dropped (FILE, column 'x')"),
        (Options::default().columns(["x", "x"]), "a column is asked for and asked for again"),
        (Options::default().columns(["x"]).label_column("x"), "a column is asked for and that of the labels"),
        (Options::default().drop(["x", "y", "z", "name"]), "every column is dropped"),
        (Options::default(), "not a number (FILE, line 2, column 2 'name'): expected a number, got 'a'"),
    ] {
        let error = open(&path, &options).unwrap_err().to_string().replace(&path.display().to_string(), "FILE");
        assert!(error.starts_with(words), "{error}");
    }
    // A model's own reading does without labels if another file has none.
    let mut own = Options::default().columns(["x", "y"]).label_column("kind");
    assert!(open(&path, &own).is_err());
    own.labels_optional = true;
    assert_eq!(open(&path, &own).unwrap().labels(), None);
}

#[test]
fn a_reading_is_repeated_on_another_file() {
    let text = "id,x,kind,y\n".to_owned()
        + &table("", 30, 4, |row, column| match column {
            0 => (100 + row * 2).to_string(),
            2 => "ab"[row % 2..=row % 2].to_owned(),
            _ => value(row, column),
        });
    let options = Options::default().label_column("kind");
    let again = read(&text, &options).rereading(&options);
    assert_eq!((again.columns.join(" "), again.label_column.as_deref()), ("x y".to_owned(), Some("kind")));
    let other = read("y,more,x,kind\n1,0,2,a\n3,0,4,b\n", &again);
    assert_eq!((other.values().unwrap(), other.classes().len()), (vec![2.0, 1.0, 4.0, 3.0], 2));
}

#[test]
fn constants_are_taken_out_and_given_back() {
    let text = table("x,valve,y", 30, 3, |row, column| if column == 1 { "3".into() } else { value(row, column) });
    let whole = read(&text, &Options::default());
    let data = whole.clone().without_constants().unwrap();
    assert_eq!((data.shape(), data.frame().model_names()), (&[2][..], vec!["x", "y"]));
    assert!(data.summary().contains("constant, so no part of the model and given back exactly: 'valve' = 3"));
    assert_eq!(data.frame().restore(&data.values_wide().unwrap()), whole.values_wide().unwrap());
    let (train, held) = data.split(0.5, 1);
    assert_eq!((train.width(), held.frame()), (2, data.frame()));
    // Other rows for the same model.
    let frame = data.frame().clone();
    assert_eq!(whole.clone().framed(&frame).unwrap().values().unwrap(), data.values().unwrap());
    let other = read("x,valve,y\n.1,3,.2\n.3,4,.5\n", &Options::default());
    let error = other.framed(&frame).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "a column had one value in the training, and has another here (rows, row 2, 'valve'): expected 3, got 4"
        ),
        "{error}"
    );
    let narrow = read("x,y\n.1,.2\n.3,.5\n", &Options::default());
    let error = narrow.framed(&frame).unwrap_err().to_string();
    assert!(error.contains("expected the columns x, valve, y, got the columns x, y"), "{error}");
    // Arrays become flat; a single row, and rows that are all equal, are unchanged.
    let array =
        Dataset::new("array", (0..24).map(|i| if i % 4 == 3 { 0.5 } else { i as f32 }).collect(), &[2, 4]).unwrap();
    let data = array.clone().without_constants().unwrap();
    assert_eq!((data.shape(), data.frame().shape.as_slice()), (&[6][..], &[2, 4][..]));
    assert_eq!(data.frame().restore(&data.values_wide().unwrap()), array.values_wide().unwrap());
    assert_eq!(Dataset::new("one", vec![1.0, 2.0], &[2]).unwrap().without_constants().unwrap().shape(), [2]);
    assert_eq!(Dataset::digits().without_constants().unwrap().frame().constants.len(), 3);
}

#[test]
fn logarithms_are_exact() {
    let data = read("income,age\n1000,20\n2500000.5,30\n", &Options::default());
    let logged = data.clone().with_logarithms(&["income".into()]).unwrap();
    assert_eq!(logged.values_wide().unwrap()[2], 2_500_000.5_f64.ln());
    assert!(logged.is_wide() && logged.summary().contains("as logarithms: 'income'"));
    let back = logged.frame().restore(&logged.values_wide().unwrap());
    // exp(ln x) loses at most |ln x| + 1 units in the last place.
    assert!(back.iter().zip(data.values_wide().unwrap()).all(|(a, b)| (a / b - 1.0).abs() < 17.0 * f64::EPSILON));
    assert_eq!(data.clone().framed(logged.frame()).unwrap().values_wide().unwrap(), logged.values_wide().unwrap());
    let error = read("a,b\n1,2\n0,3\n", &Options::default()).with_logarithms(&["a".into()]).unwrap_err();
    assert!(
        error.to_string().starts_with("a value has no logarithm (rows, row 2, 'a'): expected numbers above 0, got 0")
    );
    assert!(data.with_logarithms(&["b".into()]).unwrap_err().is_argument());
}

#[test]
fn numbers_are_read_as_exactly_as_they_are_written() {
    // Times in the year 2026, a tenth of a second apart, and identifiers of 15 digits.
    let data = read("t,n\n1795900000.1,900719925474099\n1795900000.2,900719925474098\n", &Options::default());
    assert_eq!(data.values_wide().unwrap(), [1795900000.1, 900719925474099.0, 1795900000.2, 900719925474098.0]);
    let Statistics::Columns { deviation, .. } = data.statistics().unwrap() else { panic!() };
    // Two numbers that differ by h have deviation h/2; float64 has a spacing of 2.4e-7 near 1.8e9.
    assert!((deviation[0] - 0.05).abs() < 2.4e-7 && (deviation[1] - 0.5).abs() < 1e-9, "{deviation:?}");
}

#[test]
fn a_small_spread_beside_a_large_mean_is_a_spread() {
    let data = Dataset::new("small", vec![1.0, 1.0 + 1e-6, 1.0 - 1e-6, 1.0], &[1]).unwrap();
    let Statistics::Columns { deviation, .. } = data.statistics().unwrap() else { panic!() };
    assert!(deviation[0] > 5e-7 && deviation[0] < 1e-6, "{deviation:?}");
    let Statistics::Columns { deviation, .. } = Dataset::new("same", vec![0.1; 9], &[1]).unwrap().statistics().unwrap()
    else {
        panic!()
    };
    assert_eq!(deviation, [0.0]);
}

/// Returns reproducible, approximately standard normal numbers (central limit theorem).
fn normal(i: usize) -> f64 {
    (0..12).map(|k| ((i * 12 + k) as f64 * 0.754_877_666_246_692_7).fract()).sum::<f64>() - 6.0
}

#[test]
fn things_of_several_scales_have_several() {
    let set = |shape: &[usize], value: &dyn Fn(usize, usize) -> f64| {
        let width: usize = shape.iter().product();
        let values = (0..50 * width).map(|i| value(i, i % width) as f32).collect();
        Dataset::new("series", values, shape).unwrap()
    };
    let scales = |data: &Dataset| match data.statistics().unwrap() {
        Statistics::Columns { deviation, .. } => deviation,
        _ => vec![],
    };
    // A price near 100 and a volume near two million: windows of 4 steps, columns last, first, and
    // three of them.
    let price = |i: usize| 100.0 + 3.65 * normal(i);
    let volume = |i: usize| 2e6 + 4e5 * normal(i + 7);
    let found = scales(&set(&[4, 2], &|i, j| if j % 2 == 0 { price(i) } else { volume(i) }));
    assert!((1.0..8.0).contains(&found[0]) && found[1] > 1e5 && found[0] == found[2] && found[1] == found[7]);
    let found = scales(&set(&[2, 4], &|i, j| if j < 4 { price(i) } else { volume(i) }));
    assert!((1.0..8.0).contains(&found[3]) && found[4] > 1e5 && found[0] == found[3]);
    let found = scales(&set(&[4, 3], &|i, j| [price(i), volume(i), 1e-3 * normal(i)][j % 3]));
    assert!(found[2] < 2e-3 && found[1] > 1e5 && found[0] < 8.0);
    let found = scales(&set(&[3, 2, 2], &|i, j| [price(i), volume(i), normal(i)][j / 4]));
    assert!(found[0] == found[3] && found[4] > 1e5 && found[11] < 3.0);
    // Both axes differ, so each element has its own scale.
    let found = scales(&set(&[2, 2], &|i, j| [1.0, 1e3, 1e6, 1e9][j] * normal(i)));
    assert!((0..3).all(|j| found[j + 1] > 100.0 * found[j]));
    // A common scale stays common.
    assert_eq!(scales(&set(&[4, 2], &|i, _| normal(i))), Vec::<f64>::new());
    let values = (0..3200).map(|i| if i < 4 { 100.0 } else { normal(i) as f32 }).collect();
    let heavy = Dataset::new("heavy", values, &[2, 2]).unwrap();
    assert!(matches!(heavy.statistics().unwrap(), Statistics::Whole { high: 100.0, .. }));
    assert!(matches!(Dataset::digits().statistics().unwrap(), Statistics::Range { low: 0.0, high: 16.0 }));
}

#[test]
fn frames_are_documents() {
    let data = Dataset::new("valve", vec![1.0, 3.0, 2.0, 3.0], &[2]).unwrap().without_constants().unwrap();
    let frame: Frame = data.frame().clone();
    frame.check().unwrap();
    assert_eq!(frame, frame.clone());
}

#[test]
fn what_may_be_thousands_is_named() {
    let german = |row: usize| {
        if row.is_multiple_of(2) { format!("1.{:03};0", (row * 37) % 1000) } else { format!("{};1", row % 900) }
    };
    let text = (0..30).fold("sales;units\n".to_owned(), |text, row| text + &german(row) + "\n");
    let data = read(&text, &Options::default());
    assert!(data.summary().contains("column 'sales': all decimals have three digits"), "{}", data.summary());
    // Numbers with three decimals are decimals if commas separate the columns, or if they are
    // below 1.
    assert!(!read(&table("a,b", 30, 2, value), &Options::default()).summary().contains("thousands"));
    let small = (0..30).fold("a;b\n".to_owned(), |text, row| text + &format!("0.{:03};1.{:03}\n", row * 7, row));
    assert!(!read(&small, &Options::default()).summary().contains("column 'a': all"));
}

#[test]
fn years_and_counts_above_numbers_are_names() {
    for head in ["2019,2020,2021", "1,2,3"] {
        let data = read(&table(head, 30, 3, value), &Options::default());
        assert_eq!((data.rows(), data.frame().names.join(",")), (30, head.to_owned()), "{head}");
        assert!(data.summary().contains("(--no-header says otherwise)"));
    }
    // A column that begins with 0 keeps that value, and a note says so.
    let data = read(&table("0", 30, 1, value), &Options::default());
    assert!(
        data.rows() == 31 && data.summary().contains("the first line, 0, is a row like the others"),
        "{}",
        data.summary()
    );
}

#[test]
fn numbers_of_logarithms_count_the_columns_of_the_file() {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder, "rows.csv", "id,a,\"b, in m\",c\n1,0.5,2,3\n2,0.25,4,5\n3,0.75,8,9\n");
    let logs = |options: &Options, wanted: &str| {
        let data = open(&path, options).unwrap().with_logarithms(&[wanted.to_owned()]);
        data.map(|data| data.frame().logs.iter().map(|place| data.frame().column(*place)).collect::<Vec<_>>())
    };
    for options in [Options::default(), Options::default().drop(["1"]), Options::default().columns(["4", "3", "2"])] {
        assert_eq!(logs(&options, "2").unwrap(), ["'a'"]);
        assert_eq!(logs(&options, "4").unwrap(), ["'c'"]);
        assert_eq!(logs(&options, "b, in m").unwrap(), ["'b, in m'"]);
        let text = logs(&options, "1").unwrap_err().to_string();
        assert!(
            text.starts_with(
                "the column was left out (logarithms): expected a column that is read, got column 1 of the file"
            ),
            "{text}"
        );
        assert!(logs(&options, "5").unwrap_err().to_string().starts_with("no such column (logarithms)"));
    }
    // Numbers also refer to the file for an array, which has no column names.
    let rows = open(saved(&folder, "plain.csv", "1,2,3\n4,5,6\n"), &Options::default().drop(["1"])).unwrap();
    assert_eq!(rows.with_logarithms(&["2".into()]).unwrap().frame().logs, [0]);
}

#[test]
fn a_column_with_a_comma_is_named() {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder, "rows.csv", "\"a,b\",c\n1,2\n3,4\n");
    let data = open(&path, &Options::default().columns(["a,b"])).unwrap();
    assert_eq!(data.values().unwrap(), [1.0, 3.0]);
    assert_eq!(data.rereading(&Options::default()).columns, ["a,b"]);
}
