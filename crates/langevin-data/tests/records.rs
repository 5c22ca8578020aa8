//! Arrays of records: tables whose columns are the fields of a structured dtype.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use langevin_data::{Dataset, Options, open};
use proptest::prelude::*;
use std::io::Write as _;
use std::path::PathBuf;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn saved(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The dtype `[('a','<f4'),('b','<i8'),('kind','<U2'),('day','<M8[D]'),('c','>i2',(2,))]` as
/// numpy.save writes it.
const DESCR: &str = "[('a', '<f4'), ('b', '<i8'), ('kind', '<U2'), ('day', '<M8[D]'), ('', '|V3'), ('c', '>i2', (2,))]";

fn record(i: u8) -> Vec<u8> {
    let text = |text: &str| text.chars().flat_map(|c| (c as u32).to_le_bytes()).collect::<Vec<_>>();
    [
        &(f32::from(i) * 0.5).to_le_bytes()[..],
        &(i64::from(i) - 1).to_le_bytes(),
        &text(["ab", "c\0"][usize::from(i % 2)]),
        &[0xff; 8],
        &[0xee; 3],
        &(i16::from(i) * 100).to_be_bytes(),
        &(-i16::from(i)).to_be_bytes(),
    ]
    .concat()
}

fn records(rows: u8) -> Vec<u8> {
    (0..rows).flat_map(record).collect()
}

fn left(data: &Dataset) -> Vec<String> {
    data.about().omitted.iter().map(|one| format!("{} ({})", one.what, one.why)).collect()
}

#[test]
fn fields_are_columns() {
    let folder = TempDir::new().unwrap();
    let path = saved(&folder, "r.npy", &npy(DESCR, "(3,)", &records(3)));
    for memory in [0, u64::MAX] {
        let options = Options::default().memory(memory);
        let data = open(&path, &options.clone().drop(["c"])).unwrap();
        assert_eq!((data.rows(), data.values_wide().unwrap()), (3, vec![0.0, -1.0, 0.5, 0.0, 1.0, 1.0]));
        assert_eq!((&data.frame().names[..], data.frame().table), (&["a".to_owned(), "b".to_owned()][..], true));
        assert_eq!((&*data.about().format, &*data.about().dtype), (".npy of records", "float32 and int64"));
        assert_eq!(
            left(&data),
            [
                "column 'kind' (of texts, which --label-column reads as classes)",
                "column 'day' (not of numbers)",
                "column 'c' (dropped)"
            ]
        );
        // A sub-array is placed beside the other columns, or is the whole row.
        let data = open(&path, &options.clone().columns(["b", "c"])).unwrap();
        assert_eq!(data.values_wide().unwrap(), [-1.0, 0.0, 0.0, 0.0, 100.0, -1.0, 1.0, 200.0, -2.0]);
        let again = open(&path, &data.rereading(&options.clone().columns(["b", "c"]))).unwrap();
        assert_eq!(again.values_wide().unwrap(), data.values_wide().unwrap());
        let data = open(&path, &options.clone().columns(["6"])).unwrap_err().to_string();
        assert!(data.contains("expected a, b, kind, day, c, or a number from 1 to 5, got '6'"), "{data}");
        let data = open(&path, &options.clone().columns(["5"])).unwrap();
        assert_eq!((data.shape(), data.values_wide().unwrap()), (&[2][..], vec![0.0, 0.0, 100.0, -1.0, 200.0, -2.0]));
        // Texts and integers serve as classes on request.
        let data = open(&path, &options.clone().label_column("kind").columns(["a"])).unwrap();
        assert_eq!((data.labels().unwrap(), data.classes().join(" ")), (&[0, 1, 0][..], "ab c".to_owned()));
        let data = open(&path, &options.label_column("b").columns(["a"])).unwrap();
        assert_eq!(data.classes(), ["-1", "0", "1"]);
    }
}

#[test]
fn pictures_in_records_keep_their_shape_and_bring_their_labels() {
    let folder = TempDir::new().unwrap();
    let descr = "[('image', '|u1', (2, 3)), ('label', '<u2')]";
    let data: Vec<u8> = (0..4u8).flat_map(|i| [i, 1, 2, 3, 4, 5, 9 - i, 0]).collect();
    let bytes = npy(descr, "(4,)", &data);
    let path = saved(&folder, "r.npy", &bytes);
    let data = open(&path, &Options::default()).unwrap();
    assert_eq!((data.shape(), data.row(3).unwrap()), (&[2, 3][..], vec![3.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    assert_eq!(
        (data.classes(), data.about().labels.as_deref()),
        (&["6", "7", "8", "9"].map(String::from)[..], Some("column 'label'"))
    );
    let mut zip = zip::ZipWriter::new(std::fs::File::create(folder.path().join("r.npz")).unwrap());
    for name in ["x.npy", "y.npy"] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        let labels = npy("'|u1'", "(4,)", &[3, 3, 4, 4]);
        zip.write_all(if name == "x.npy" { &bytes } else { &labels }).unwrap();
    }
    zip.finish().unwrap();
    let packed = open(folder.path().join("r.npz"), &Options::default()).unwrap();
    assert_eq!((packed.shape(), packed.values().unwrap()), (data.shape(), data.values().unwrap()));
    assert_eq!((packed.labels(), &*packed.about().format), (data.labels(), ".npz, array 'x' of records"));
    let packed = open(folder.path().join("r.npz"), &Options::default().labels("y").drop(["label"])).unwrap();
    assert_eq!(packed.classes(), ["3", "4"]);
    let both = open(folder.path().join("r.npz"), &Options::default().labels("y").label_column("label")).unwrap_err();
    assert!(both.to_string().starts_with("the labels come from one place"), "{both}");
}

#[test]
fn records_in_records_have_names_with_dots() {
    let folder = TempDir::new().unwrap();
    let descr =
        r#"[(('a title', 'p'), [('x', '<f4'), ("y's", '<f4')]), ('q', '<f4', 1), ('many', [('z', '|u1')], (2,))]"#;
    let data: Vec<u8> = [1.0_f32, 2.0, 3.0].iter().flat_map(|x| x.to_le_bytes()).chain([7, 8]).collect();
    let data = open(saved(&folder, "r.npy", &npy(descr, "(1,)", &data)), &Options::default()).unwrap();
    assert_eq!((data.values().unwrap(), data.shape()), (vec![1.0, 2.0, 3.0], &[3][..]));
    assert_eq!(left(&data), ["column 'many' (not of numbers)"]);
    let data: Vec<u8> = [1.0_f32, 2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let data = open(
        saved(&folder, "s.npy", &npy("[('p', [('x', '<f4'), ('y', '<f4')])]", "(1,)", &data)),
        &Options::default(),
    );
    assert_eq!(data.unwrap().frame().names, ["p.x", "p.y"]);
}

#[test]
fn what_cannot_be_read_says_why() {
    let folder = TempDir::new().unwrap();
    let refused = |descr: &str, shape: &str, data: &[u8], options: &Options| {
        let path = saved(&folder, "r.npy", &npy(descr, shape, data));
        open(&path, options).unwrap_err().to_string().replace(&path.display().to_string(), "FILE")
    };
    let plain = Options::default();
    let text = refused("[('a', '<f4'), ('o', '|O')]", "(1,)", &[0; 12], &plain);
    assert!(text.starts_with("the fields of the array cannot be read (FILE)"), "{text}");
    let text = refused("[('a', '<f4')]", "(2, 3)", &[0; 24], &plain);
    assert!(text.contains("expected shape (rows,), got shape [2, 3]"), "{text}");
    let text = refused("[('a', '<f4')]", "(2,)", &[0; 7], &plain);
    assert_eq!(
        text,
        "the .npy file does not hold what its header says (FILE): expected 8 bytes for 2 records of 4 bytes, got 7"
    );
    let text = refused("[('a', '<U4')]", "(1,)", &[0; 16], &plain);
    assert_eq!(text, "no field is of numbers (FILE): expected a field of numbers, got a text");
    let text = refused("[('a', '<f4'), ('t', '<U1')]", "(1,)", &[0; 8], &plain.clone().columns(["t"]));
    assert!(text.starts_with("a column is not of numbers (FILE, column 't'): expected numbers, or sub-arrays of numbers, got texts\nhint: --label-column"), "{text}");
    let nan = [&1.0_f32.to_le_bytes()[..], &f32::NAN.to_le_bytes()].concat();
    let text = refused("[('a', '<f4')]", "(2,)", &nan, &plain);
    assert_eq!(
        text,
        "a value is missing (FILE, row 2, column 'a'): expected a number, got NaN\n\
         hint: leave out or fill the rows that lack one, or leave the column out: --drop a"
    );
    let text = refused("[('a', '<f4'), ('y', '<f4')]", "(1,)", &[0, 0, 0, 0, 0, 0, 0, 63], &plain.label_column("y"));
    assert!(text.contains("the labels are not whole numbers (FILE, row 1)"), "{text}");
}

#[test]
fn whole_numbers_that_are_rounded_are_named() {
    let folder = TempDir::new().unwrap();
    let numbers = [i64::MAX, 5, 1 << 53, 6];
    let data: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    let note = |columns: &str| format!("{columns}: integers beyond 2^53 are rounded to double precision");
    let path = saved(&folder, "r.npy", &npy("[('a', '<i8'), ('b', '<i8')]", "(2,)", &data));
    assert_eq!(open(&path, &Options::default()).unwrap().about().notes, [note("column 'a'")]);
    let path = saved(&folder, "s.npy", &npy("'<i8'", "(2, 2)", &data));
    assert_eq!(open(&path, &Options::default()).unwrap().about().notes, [note("column 1")]);
    let dropped = open(&path, &Options::default().columns(["2"])).unwrap();
    assert_eq!(dropped.about().notes, [""; 0]);
    let chosen = open(&path, &Options::default().columns(["2", "1"])).unwrap();
    assert_eq!(chosen.about().notes, [note("column 1")]);
    let path = saved(&folder, "t.npy", &npy("'>u8'", "(1, 2, 2)", &[[0xff; 8], [0; 8], [0; 8], [0xff; 8]].concat()));
    let data = open(&path, &Options::default()).unwrap();
    assert!(data.about().notes.contains(&note("element [0, 0], element [1, 1]")), "{:?}", data.about().notes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_header_breaks_the_reader(
        descr in r"\[(\(('[a-z.\\]{0,3}'|\('t', 'n'\)), ('[<>|]?[fiubSUVMcO]?[0-9]{0,20}'|\[\('x', '<f4'\)\])(, ?\(?[0-9]{0,20},?[0-9]{0,19}\)?)?\),? ?){0,4}\]?",
        shape in r"\([0-9]{0,20},?\)",
        data in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let folder = TempDir::new().unwrap();
        let path = saved(&folder, "r.npy", &npy(&descr, &shape, &data));
        if let Err(error) = open(&path, &Options::default()) {
            prop_assert!(!error.to_string().contains("contradict"), "{descr} {shape}: {error}");
        }
    }
}
