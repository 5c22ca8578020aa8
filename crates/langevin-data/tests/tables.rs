//! Tables and archives of arrays.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use langevin_data::{Dataset, Options, open};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

fn all(data: &Dataset) -> Vec<f32> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    let mut out = vec![0.0; data.rows() * data.width()];
    data.read(&rows, &mut out).unwrap();
    out
}

fn saved(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Returns the error without the path; it must be the same in memory and on demand.
fn refused(name: &str, bytes: &[u8], options: &Options) -> String {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder, name, bytes);
    let [a, b] = [0, u64::MAX].map(|memory| {
        let error = open(&path, &options.clone().memory(memory)).unwrap_err();
        error.to_string().replace(&path.display().to_string(), "FILE")
    });
    assert_eq!(a, b);
    a
}

fn csv(text: &[u8]) -> String {
    refused("rows.csv", text, &Options::default())
}

#[test]
fn header_blank_lines_and_spaces_are_fine() {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder, "rows.csv", b"\xef\xbb\xbfx, y\r\n1, 2\n\n-3e-1,\"4\"\n");
    for memory in [0, 8, u64::MAX] {
        let data = open(&path, &Options::default().memory(memory)).unwrap();
        assert_eq!((data.rows(), data.shape(), all(&data)), (2, &[2][..], vec![1.0, 2.0, -0.3, 4.0]));
        assert_eq!((data.name(), data.labels(), data.classes().len()), ("rows", None, 0));
    }
}

#[test]
fn mistakes_name_their_line_and_column() {
    assert_eq!(csv(b"1,2\n3\n"), "a line has another number of columns (FILE, line 2): expected 2, got 1");
    let text = csv(b"x,y\n1,2\n\n3,four\n");
    assert!(
        text.starts_with(
            "not a number (FILE, line 4, column 2 'y'): expected a number, got 'four'\nhint: --label-column"
        )
    );
    assert!(csv(b"1\r\n2\r\n\r\n3,\r\n").contains("line 4): expected 1, got 2"));
    assert_eq!(
        csv(b"1,\n2,3\n").lines().next(),
        Some("a value is missing (FILE, line 1, column 2): expected a number, got an empty cell")
    );
    assert_eq!(csv(b"x\n1;2\n"), "a line has another number of columns (FILE, line 2): expected 1, got 2");
    assert_eq!(csv(b""), "the file is empty (FILE): expected rows of numbers, got 0 bytes");
    assert!(csv(b"1,2\n\n3,\xff\n").starts_with("the text is not UTF-8 (FILE, line 3)"));
    assert!(csv(b"\xef\xbb\xbf\n\nx,\x1b[2J\n1,2\n\n3,\x1b[2J\n").contains("line 6, column 2 '\\u{1b}[2J'"));
    assert!(
        csv(b"x\n1\n\n2\ninf\n")
            .starts_with("a number is not finite (FILE, row 3, line 5, column 1 'x'): expected finite")
    );
    assert!(csv(b"1\n1e39\n").starts_with("a number is too large (FILE, row 2, line 2, column 1)"));
    assert!(csv(b"a,b\n").starts_with("the file has no rows of numbers"));
}

#[test]
fn labels_are_a_column_by_name_or_number() {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder, "rows.csv", b"x,kind,y\n1,b,2\n3,a,4\n5,b,6\n");
    for column in ["kind", "2"] {
        let data = open(&path, &Options::default().label_column(column)).unwrap();
        assert_eq!((data.labels().unwrap(), data.classes()), (&[1, 0, 1][..], &["a".to_owned(), "b".to_owned()][..]));
        assert_eq!(all(&data), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
    for column in ["kinds", "0", "4", ""] {
        let error = open(&path, &Options::default().label_column(column)).unwrap_err();
        assert!(
            error.is_argument() && error.to_string().contains("expected x, kind, y, or a number from 1 to 3"),
            "{error}"
        );
    }
    assert!(refused("one.csv", b"1\n2\n", &Options::default().label_column("1")).starts_with("the only column"));
}

#[test]
fn a_file_without_lines_takes_no_memory_of_its_size() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rows.csv");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"1,2\n\"").unwrap();
    // A sparse file: one terabyte that takes no disk space.
    file.set_len(1 << 40).unwrap();
    let error = open(&path, &Options::default()).unwrap_err();
    assert!(error.is_data() && error.to_string().contains("a line is longer than"), "{error}");
}

/// Reads a table and returns its numbers, names and format.
fn read(name: &str, text: &[u8], options: &Options) -> (Vec<usize>, Vec<f32>, String) {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder, name, text);
    let [a, b] = [0, u64::MAX].map(|memory| {
        let data = open(&path, &options.clone().memory(memory)).unwrap();
        assert_eq!(data.name(), "rows");
        (vec![data.rows(), data.width()], all(&data), data.about().format.clone())
    });
    assert_eq!(a, b);
    a
}

#[test]
fn every_usual_separator_is_seen() {
    let expected = vec![1.5, -2.0, 30.25, 4.0, 5.5, 0.125];
    for (name, text, format) in [
        ("rows.csv", "a,b,c\n1.5,-2,30.25\n4,5.5,.125\n", "CSV with a header line"),
        ("rows.csv", "a;b;c\n1,5;-2;30,25\n4;5,5;,125\n", "CSV (semicolons, decimal commas) with a header line"),
        ("rows.csv", "a;b;c\n1.5;-2;30.25\n4;5.5;.125\n", "CSV (semicolons) with a header line"),
        (
            "rows.csv",
            "sep=;\na;b;c\n1,5;-2;30,25\n4;5,5;0,125\n",
            "CSV (semicolons, decimal commas) with a header line",
        ),
        ("rows.csv", "a;b;c;\n1,5;-2;30,25;\n4;5,5;0,125;\n", "CSV (semicolons, decimal commas) with a header line"),
        (
            "rows.csv",
            "\"a\";\"b;x\";\"c\"\n\"1,5\";\"-2\";\"30,25\"\n4;5,5;0,125\n",
            "CSV (semicolons, decimal commas) with a header line",
        ),
        ("rows.csv", "a\tb\tc\n1,5\t-2\t30,25\n4\t5,5\t0,125\n", "CSV (tabs, decimal commas) with a header line"),
        ("rows.tsv", "a\tb\tc\r\n1.5\t-2\t30.25\r\n4\t5.5\t.125\r\n", "CSV (tabs) with a header line"),
        ("rows.tsv", "a,b,c\n1.5,-2,30.25\n4,5.5,.125\n", "CSV with a header line"),
        ("rows.csv", "a|b|c\n1.5|-2|30.25\n4|5.5|.125\n", "CSV (bars) with a header line"),
        ("rows.txt", "1.5   -2 30.25\n 4 5.5\t.125  \n", "CSV (blanks) without a header line"),
        ("rows.dat", "a   b  c\n1.5   -2 30.25\n4 5.5 .125\n", "CSV (blanks) with a header line"),
        ("rows.txt", "# a b c\n1.5e0 -2.0 3.025e1\n4 5.5 1.25e-1\n", "CSV (blanks) with a header line"),
        ("rows.csv", "# made on a Monday\n# a,b,c\n1.5,-2,30.25\n# between\n4,5.5,.125\n", "CSV with a header line"),
        ("rows.csv", "# made on a Monday\n1.5,-2,30.25\n4,5.5,.125\n", "CSV without a header line"),
        ("rows.csv", "a,b,c\nm,kg,s\n1.5,-2,30.25\n4,5.5,.125\n", "CSV with a header line"),
        (
            "rows.csv",
            "a;b;c\n[m];[kg];\n1,5;-2;30,25\n4;5,5;0,125\n",
            "CSV (semicolons, decimal commas) with a header line",
        ),
    ] {
        assert_eq!(
            read(name, text.as_bytes(), &Options::default()),
            (vec![2, 3], expected.clone(), format.to_owned()),
            "{text}"
        );
        // The same table in UTF-16, compressed, and both.
        let wide: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let turned: Vec<u8> = wide.as_chunks::<2>().0.iter().flat_map(|[a, b]| [*b, *a]).collect();
        for wide in [wide.clone(), turned] {
            let (shape, values, format) = read("rows.csv", &wide, &Options::default());
            assert_eq!((shape, values), (vec![2, 3], expected.clone()));
            assert!(format.contains("UTF-16"), "{format}");
        }
        for (name, plain) in [
            ("rows.csv.gz", text.as_bytes()),
            ("rows.TSV.GZ", text.as_bytes()),
            ("rows.csv", text.as_bytes()),
            ("rows.txt.gz", &wide),
        ] {
            let (shape, values, format) = read(name, &packed(plain), &Options::default());
            assert_eq!((shape, values), (vec![2, 3], expected.clone()));
            assert!(format.contains("gzip"), "{format}");
        }
    }
    let folder = TempDir::new().unwrap();
    let units = saved(&folder, "rows.csv", b"a,b\nm,kg\n1,2\n3.5,4\n");
    let left = open(&units, &Options::default()).unwrap().about().omitted[0].clone();
    assert_eq!((left.what.as_str(), left.why.as_str()), ("the second line, m, kg", "it is of units"));
    let named = saved(&folder, "rows.txt", b"# x y\n1 2.5\n3 4\n");
    assert_eq!(open(&named, &Options::default()).unwrap().frame().names, ["x", "y"]);
    // Semicolons and commas in texts beside columns that are separated by commas.
    let kinds = saved(&folder, "kinds.csv", b"x,y,kind\n1,2.5,a;b\n3,4,c;d\n");
    let data = open(&kinds, &Options::default().label_column("kind")).unwrap();
    assert_eq!((data.shape(), data.classes()), (&[2][..], &["a;b".to_owned(), "c;d".into()][..]));
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_is_missing_is_said_to_be_missing() {
    for (field, got) in [
        ("", "an empty cell"),
        ("NA", "'NA'"),
        ("null", "'null'"),
        ("-", "'-'"),
        ("N/A", "'N/A'"),
        ("None", "'None'"),
        ("?", "'?'"),
        ("NaN", "'NaN'"),
        ("nan", "'nan'"),
        ("-nan", "'-nan'"),
    ] {
        for separator in [",", ";", "\t"] {
            let text = format!(
                "a{separator}b{separator}c\n1{separator}2{separator}3\n4{separator}{field}{separator}6\n7{separator}8{separator}9\n"
            );
            assert_eq!(
                csv(text.as_bytes()),
                format!(
                    "a value is missing (FILE, line 3, column 2 'b'): expected a number, got {got}\n\
                     hint: leave out or fill the rows that lack one, or leave the column out: --drop b"
                )
            );
        }
    }
    assert!(csv(b"1,2,3\n4,,6\n").ends_with("--drop 2"));
    // The hint is quoted so that both a shell and the flag understand it.
    assert!(csv(b"a,\"b, in m\"\n4,\n").ends_with("--drop '\"b, in m\"'"));
}

#[test]
fn a_hint_is_about_the_cause() {
    let hint = |text: &str| {
        let text = csv(text.as_bytes());
        let (what, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
        (what.split(" (").next().unwrap().to_owned(), hint.to_owned())
    };
    // A comma at the end of a line starts a column; it is not a decimal comma.
    assert_eq!(csv(b"x\n1\n2,\n"), "a line has another number of columns (FILE, line 3): expected 1, got 2");
    for (text, what, help) in [
        ("a,b\n1,\"1,234\"\n2,3\n", "a number has a decimal comma", "semicolons"),
        ("a,b\n1,\"1,234,567\"\n2,3\n", "a number has separators between its thousands", "without them"),
        ("a,b\n1,\"1,234.5\"\n2,3\n", "a number has separators between its thousands", "without them"),
        ("a;b\n1,5;1.234,5\n2;3\n", "a number has separators between its thousands", "without them"),
        ("a;b\n1,5;1 234,5\n2;3\n", "a number has separators between its thousands", "without them"),
        ("a,b\n1,1'234\n2,3\n", "a number has separators between its thousands", "without them"),
        ("a;b\n1,5;2.5\n2;3\n", "decimal points and decimal commas in one table", "the same way"),
        ("a,b\n1,5%\n2,3\n", "a number has a unit or a sign beside it", "alone"),
        ("a,b\n1,$5\n2,3\n", "a number has a unit or a sign beside it", "alone"),
        ("a,b\n1,5 kg\n2,3\n", "a number has a unit or a sign beside it", "alone"),
        ("a,b\n1,2024-01-31\n2,3\n", "a date or time is no number", "--drop"),
        ("a,b\n1,12:30\n2,3\n", "a date or time is no number", "--drop"),
        ("a,b\n1,rose\n2,3\n", "not a number", "--label-column"),
        ("x\n1,5\n2,5\n", "a line has another number of columns", "decimals with points"),
    ] {
        let (said, hint) = hint(text);
        assert!(said == what && hint.contains(help), "{text:?}: {said}: {hint}");
    }
    // Latin-1 is not valid UTF-8.
    assert!(csv(b"gr\xf6\xdfe;b\n1,5;2\n").starts_with("the text is not UTF-8 (FILE, line 1)"));
}

#[test]
fn what_is_packed_is_bounded_and_may_be_damaged() {
    let good = packed("a,b\n1,2.5\n3,4\n".as_bytes());
    for cut in 3..good.len() {
        let text = refused("rows.csv.gz", &good[..cut], &Options::default());
        assert!(text.starts_with("the file cannot be unpacked (FILE): it is damaged or cut short"), "{cut}: {text}");
    }
    let folder = TempDir::new().unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let _ = open(saved(&folder, "rows.csv.gz", &bad), &Options::default());
        }
    }
    let text = refused("rows.csv.gz", &packed(b"\x93NUMPY\x01\0"), &Options::default());
    assert!(text.starts_with("the packed file is not a table (FILE): expected a text, got a .npy array"), "{text}");
    assert!(refused("rows.csv.gz", &packed(b""), &Options::default()).starts_with("the file is empty"));
    let text = refused("rows.npy.gz", &good, &Options::default());
    assert!(text.ends_with("got a file compressed by gzip\nhint: unpack it first"), "{text}");
}

fn npy(descr: &str, shape: &str, fortran: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn archive(path: &Path, method: CompressionMethod, members: &[(&str, Vec<u8>)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn archives_are_read_stored_and_deflated_in_memory_and_beyond() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rows.npz");
    let values: Vec<f32> = (0..24).map(|i| i as f32 / 3.0).collect();
    let labels: Vec<u8> = [7_i64, -2, 7, 7].iter().flat_map(|label| label.to_be_bytes()).collect();
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        for (fortran, expected) in [("False", values.clone()), ("True", turned(&values))] {
            let members = [
                ("noise.npy", npy("<f4", "(1,)", "False", &[0; 4])),
                ("x.npy", npy("<f4", "(4, 2, 3)", fortran, &floats(&values))),
                ("label.npy", npy(">i8", "(4,)", "False", &labels)),
            ];
            archive(&path, method, &members);
            for memory in [0, 95, 96, u64::MAX] {
                let data = open(&path, &Options::default().memory(memory)).unwrap();
                assert_eq!((data.rows(), data.shape(), all(&data)), (4, &[2, 3][..], expected.clone()));
                assert_eq!(data.labels().unwrap(), [1, 0, 1, 1]);
                assert_eq!(data.classes(), ["-2", "7"]);
            }
        }
    }
}

/// Converts (4, 2, 3) from Fortran order to C order.
fn turned(values: &[f32]) -> Vec<f32> {
    let at = |i: usize, j: usize, k: usize| values[i + 4 * (j + 2 * k)];
    (0..24).map(|n| at(n / 6, n / 3 % 2, n % 3)).collect()
}

#[test]
fn the_array_is_chosen_by_name_or_as_the_only_one() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rows.npz");
    let two = || npy("|u1", "(2, 1)", "False", &[1, 2]);
    let of = |names: &[&str]| {
        let members: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (*name, two())).collect();
        archive(&path, CompressionMethod::Deflated, &members);
        open(&path, &Options::default()).map(|data| data.rows()).map_err(|error| error.to_string())
    };
    assert_eq!(of(&["weights.npy"]), Ok(2));
    assert_eq!(of(&["a.npy", "arr_0.npy"]), Ok(2));
    assert!(
        of(&["a.npy", "b.npy"])
            .unwrap_err()
            .contains("expected an array named x, data, images, arr_0, or a single one, got a [2, 1], b [2, 1]\nhint: name it after the file: ")
    );
    assert!(of(&["readme.txt"]).unwrap_err().contains("got a zip archive"));
    // Labels of shape (rows, 1) are labels.
    assert_eq!(of(&["x.npy", "y.npy"]), Ok(2));
}

#[test]
fn bad_archives_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rows.npz");
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        archive(&path, method, &[("x.npy", npy("<f4", "(4, 2)", "False", &floats(&[1.5; 8])))]);
        let good = std::fs::read(&path).unwrap();
        for cut in 0..good.len() {
            std::fs::write(&path, &good[..cut]).unwrap();
            open(&path, &Options::default()).unwrap_err();
        }
        // Changing any byte gives rows or an error; a changed value is detected by the checksum.
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&path, &bad).unwrap();
            for memory in [0, u64::MAX] {
                match open(&path, &Options::default().memory(memory)) {
                    Ok(data) if memory > 0 => assert_eq!(all(&data), [1.5; 8], "byte {at}"),
                    _ => {}
                }
            }
        }
    }
    // A small file that claims a large size does not cause a large allocation.
    archive(&path, CompressionMethod::Deflated, &[("x.npy", npy("<f4", "(1000000000, 200)", "False", &[0; 64]))]);
    assert!(open(&path, &Options::default()).unwrap_err().is_data());
    archive(
        &path,
        CompressionMethod::Deflated,
        &[("x.npy", npy("<f4", "(2, 1)", "False", &floats(&[1.0, f32::INFINITY])))],
    );
    let text = open(&path, &Options::default()).unwrap_err().to_string();
    assert!(text.contains("array 'x', row 2, column 1"), "{text}");
}

#[test]
fn unknown_kinds_and_missing_files_are_said() {
    let folder = TempDir::new().unwrap();
    let text = |name: &str| refused(name, b"1\n", &Options::default());
    assert!(text("rows.parqet").ends_with("hint: did you mean '.parquet'?"));
    assert!(text("rows").contains("got no ending"));
    let missing = open(folder.path().join("none.csv"), &Options::default()).unwrap_err();
    assert!(missing.is_io() && missing.to_string().starts_with("no such file or folder"));
    let options = Options::default().channels(2);
    assert!(open(folder.path(), &options).unwrap_err().is_argument());
    assert!(open(folder.path(), &Options::default().size(0, 4)).unwrap_err().is_argument());
}

#[test]
fn whole_numbers_that_are_rounded_are_named() {
    let folder = TempDir::new().unwrap();
    let text = "a,b,c,d\n9007199254740992,9007199254740993,1,-18446744073709551617\n1,2,9007199254740994,0.5\n";
    let data = open(saved(&folder, "rows.csv", text.as_bytes()), &Options::default()).unwrap();
    assert_eq!(data.about().notes, ["column 'b', column 'd': integers beyond 2^53 are rounded to double precision"]);
    assert!(data.summary().contains("integers beyond 2^53"));
    let data = open(folder.path().join("rows.csv"), &Options::default().drop(["b", "4"])).unwrap();
    assert_eq!(data.about().notes, [""; 0]);
    // Identifiers are left out, so none of their values counts as rounded.
    let ids: String = (0..40).map(|i| format!("{},{}\n", 9_007_199_254_740_993_u64 + 14 * i, i % 7)).collect();
    let data = open(saved(&folder, "ids.csv", format!("id,n\n{ids}").as_bytes()), &Options::default()).unwrap();
    assert_eq!((data.shape(), data.about().notes.len()), (&[1][..], 0), "{}", data.summary());
}

#[test]
fn a_folder_or_a_pattern_of_tables_is_one_table() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let gz = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    saved(&folder, "b.csv.gz", &gz(b"x,y,kind\n5,6,n\n7,8,m\n"));
    saved(&folder, "a.csv", b"x,y,kind\n1,2,m\n3,4,n\n");
    saved(&folder, "c.csv", b"x;y;kind\n9,5;10;m\n");
    saved(&folder, "d.csv", b"x,y,kind\n");
    saved(&folder, "README.txt", b"about");
    saved(&folder, ".hidden.csv", b"no");
    let options = Options::default().label_column("kind");
    for memory in [0, u64::MAX] {
        for path in [here.to_owned(), here.join("*.csv*")] {
            let data = open(path, &options.clone().memory(memory)).unwrap();
            assert_eq!((data.rows(), all(&data)), (5, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.5, 10.0]));
            assert_eq!(data.labels().unwrap(), [0, 1, 1, 0, 0]);
            assert_eq!(
                (&*data.about().format, data.frame().names.join(" ")),
                ("CSV in 4 files with a header line", "x y".to_owned())
            );
        }
    }
    let refusal = |text: &[u8]| {
        saved(&folder, "e.csv", text);
        let text = open(here, &options).unwrap_err().to_string();
        text.replace(&here.display().to_string(), "FOLDER")
    };
    assert_eq!(
        refusal(b"x,z,kind\n1,2,m\n").lines().next(),
        Some(
            "the files have different columns (FOLDER, e.csv): expected the columns x, y, kind, got the columns x, z, kind"
        )
    );
    assert!(refusal(b"1,2,m\n").contains("(FOLDER, e.csv): expected the columns x, y, kind, got no line of names"));
    assert!(refusal(b"x,y,kind\n1,,m\n").starts_with("a value is missing (FOLDER, e.csv, line 2, column 2 'y')"));
    assert!(refusal(b"x,y,kind\n1\n").starts_with("a line has another number of columns (FOLDER, e.csv, line 2)"));
    assert!(refusal(b"\x89PNG\r\n\x1a\n").starts_with("the file is not what its name says (FOLDER, e.csv)"));

    // The same without names.
    for name in ["a.csv", "b.csv.gz", "c.csv", "d.csv", "e.csv"] {
        std::fs::remove_file(here.join(name)).unwrap();
    }
    saved(&folder, "a.csv", b"1,2\n3,4\n");
    saved(&folder, "b.csv", b"5,6\n");
    assert_eq!(all(&open(here, &Options::default()).unwrap()), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let refusal = |text: &[u8]| {
        saved(&folder, "b.csv", text);
        open(here, &Options::default()).unwrap_err().to_string()
    };
    assert!(refusal(b"x,y\n5,6\n").contains("b.csv): expected no line of names, got the columns x, y"));
    assert!(refusal(b"5,6,7\n").contains("b.csv): expected 2 columns, got 3"));
    // One split is read and the others are reported; a single file is read as itself.
    std::fs::remove_file(here.join("b.csv")).unwrap();
    assert_eq!(open(here, &Options::default()).unwrap().rows(), 2);
    std::fs::remove_file(here.join("a.csv")).unwrap();
    saved(&folder, "train-0.csv.gz", &gz(b"1,2\n"));
    saved(&folder, "test-0.csv.gz", &gz(b"1,2\n2,3\n"));
    let data = open(here, &Options::default()).unwrap();
    assert_eq!((data.rows(), data.about().omitted.len()), (1, 1));
    assert!(data.about().omitted[0].why.contains("test*.csv.gz' reads this one"));
    // The user must choose the format.
    saved(&folder, "x.npy", b"");
    let text = open(here, &Options::default()).unwrap_err().to_string();
    assert!(text.starts_with("files of several kinds in the folder") && text.contains("hint: "), "{text}");
}

#[test]
fn a_folder_of_arrays_is_one_array() {
    let folder = TempDir::new().unwrap();
    let npy = |descr: &str, shape: &str, fortran: &str, data: &[u8]| {
        let header = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
    };
    saved(&folder, "a.npy", &npy("'|u1'", "(2, 2)", "False", &[1, 2, 3, 4]));
    saved(&folder, "b.npy", &npy("'|u1'", "(2, 2)", "True", &[5, 7, 6, 8]));
    for memory in [0, u64::MAX] {
        for path in [folder.path().to_owned(), folder.path().join("?.npy")] {
            let data = open(path, &Options::default().memory(memory)).unwrap();
            assert_eq!((data.shape(), all(&data)), (&[2][..], (1..9).map(|i| i as f32).collect()));
            assert_eq!((&*data.about().format, &*data.about().dtype), (".npy in 2 files", "uint8"));
        }
    }
    let labels = saved(&TempDir::new().unwrap(), "y.npy", b"");
    std::fs::create_dir_all(labels.parent().unwrap()).unwrap();
    std::fs::write(&labels, npy("'|u1'", "(4,)", "False", &[1, 1, 0, 0])).unwrap();
    let data = open(folder.path(), &Options::default().labels(labels.display().to_string())).unwrap();
    assert_eq!(data.labels().unwrap(), [1, 1, 0, 0]);
    let refusal = |descr: &str, shape: &str, data: &[u8]| {
        saved(&folder, "c.npy", &npy(descr, shape, "False", data));
        let text = open(folder.path(), &Options::default()).unwrap_err().to_string();
        text.replace(&folder.path().display().to_string(), "FOLDER")
    };
    assert_eq!(
        refusal("'|u1'", "(1, 3)", &[0; 3]),
        "the files hold different rows (FOLDER, c.npy): expected rows of shape [2], uint8, got rows of shape [3], uint8"
    );
    assert!(
        refusal("'|i1'", "(1, 2)", &[0; 2])
            .ends_with("(FOLDER, c.npy): expected rows of shape [2], uint8, got rows of shape [2], int8")
    );
    let text = refusal("[('a', '|u1'), ('b', '|u1')]", "(1,)", &[0; 2]);
    assert!(text.ends_with("expected rows of shape [2], uint8, got records of a uint8, b uint8"), "{text}");
    assert!(
        refusal("'|u1'", "(1, 2)", &[0; 3])
            .starts_with("the .npy file does not hold what its header says (FOLDER, c.npy)")
    );
    // The same for records.
    for (name, first) in [("a.npy", 1), ("b.npy", 3), ("c.npy", 5)] {
        saved(&folder, name, &npy("[('a', '|u1'), ('b', '|u1')]", "(1,)", "False", &[first, first + 1]));
    }
    let data = open(folder.path(), &Options::default()).unwrap();
    assert_eq!(
        (data.rows(), all(&data), data.frame().names.join(" ")),
        (3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "a b".to_owned())
    );
}

#[test]
fn a_dialect_is_kept_where_it_is_not_plain() {
    let folder = TempDir::new().unwrap();
    let dialect = |name: &str, text: &str| {
        let data = open(saved(&folder, name, text.as_bytes()), &Options::default()).unwrap();
        data.frame().dialect.map(|dialect| (dialect.separator, dialect.decimal_comma))
    };
    assert_eq!(dialect("a.csv", "x,y\n1.5,2\n"), None);
    assert_eq!(dialect("a.csv", "x;y\n1,5;2\n"), Some((';', true)));
    assert_eq!(dialect("a.csv", "x;y\n1.5;2\n"), Some((';', false)));
    assert_eq!(dialect("a.csv", "x|y\n1.5|2\n"), Some(('|', false)));
    assert_eq!(dialect("a.csv", "x\ty\n1.5\t2\n"), Some(('\t', false)));
    assert_eq!(dialect("a.tsv", "x\ty\n1.5\t2\n"), None);
    assert_eq!(dialect("a.tsv", "x\ty\n1,5\t2\n"), Some((';', true)));
    assert_eq!(dialect("a.txt", "1.5  2\n2.5  3\n"), None);
    // Omitted or constant columns do not change the dialect.
    let rows: String = (0..30).map(|i| format!("{i};3;{},25\n", i * i % 7)).collect();
    let data = open(saved(&folder, "b.csv", format!("id;c;x\n{rows}").as_bytes()), &Options::default()).unwrap();
    let data = data.without_constants().unwrap();
    assert_eq!((data.width(), data.frame().dialect.unwrap().separator), (1, ';'));
}
