//! Archives of arrays: selection of the rows and of the labels.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use langevin_data::{Dataset, Options, open};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Returns a `.npy` array.
fn npy(descr: &str, shape: &str, fortran: bool, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// Returns rows of two bytes, whose first byte counts up from `first`.
fn rows(count: u8, first: u8) -> Vec<u8> {
    let data: Vec<u8> = (0..count).flat_map(|row| [first + row, 0]).collect();
    npy("|u1", &format!("({count}, 2)"), false, &data)
}

fn archive(path: &Path, members: &[(&str, Vec<u8>)]) {
    let mut zip = ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in members {
        zip.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mnist.npz");
    (folder, path)
}

fn labelled(data: &Dataset) -> Vec<String> {
    data.labels().unwrap().iter().map(|label| data.classes()[*label as usize].clone()).collect()
}

fn refused(path: &Path, options: &Options) -> String {
    let error = open(path, options).unwrap_err();
    error.to_string().replace(&path.display().to_string(), "FILE")
}

fn with(path: &Path, array: &str) -> PathBuf {
    PathBuf::from(format!("{}:{array}", path.display()))
}

#[test]
fn an_array_is_named_after_its_file() {
    let (_folder, path) = place();
    let label = |values: &[u8]| npy("|u1", &format!("({},)", values.len()), false, values);
    archive(
        &path,
        &[
            ("x_train", rows(3, 10)),
            ("y_train", label(&[7, 7, 2])),
            ("x_test", rows(2, 90)),
            ("y_test", label(&[1, 2])),
            ("other", label(&[5, 6])),
        ],
    );
    let text = refused(&path, &Options::default());
    assert_eq!(
        text,
        "which array holds the rows? (FILE): expected an array named x, data, images, arr_0, or a single one, \
         got x_train [3, 2], y_train [3], x_test [2, 2], y_test [2], other [2]\n\
         hint: name it after the file: FILE:x_train"
    );
    for memory in [0, u64::MAX] {
        let options = Options::default().memory(memory);
        let data = open(with(&path, "x_train"), &options).unwrap();
        assert_eq!(
            (data.rows(), data.row(2).unwrap(), labelled(&data)),
            (3, vec![12.0, 0.0], vec!["7".to_owned(), "7".into(), "2".into()])
        );
        assert_eq!(data.about().labels.as_deref(), Some("array 'y_train'"));
        let data = open(with(&path, "x_test"), &options.labels("other")).unwrap();
        assert_eq!((data.row(0).unwrap(), labelled(&data)), (vec![90.0, 0.0], vec!["5".to_owned(), "6".into()]));
    }
    let text = refused(&with(&path, "x_tran"), &Options::default());
    assert!(
        text.contains("no such array")
            && text.contains("x_test [2, 2]")
            && text.ends_with("hint: did you mean 'x_train'?"),
        "{text}"
    );
    let text = refused(&with(&path, "x_test"), &Options::default().labels("z"));
    assert!(text.starts_with("no such array") && text.contains("labels 'z'") && text.contains("y_test [2]"), "{text}");
    let text = refused(&with(&path, "x_test"), &Options::default().labels("y_train"));
    assert!(
        text.contains("the labels do not fit the rows")
            && text.contains("expected 2 labels, one for each row, got 3 labels"),
        "{text}"
    );
    let missing = with(Path::new("none.npz"), "x");
    assert!(open(&missing, &Options::default()).unwrap_err().is_io());
    assert!(langevin_data::exists(&with(&path, "x")) && !langevin_data::exists(&missing));
}

/// Labels of three rows in every common form.
#[test]
fn labels_of_every_usual_form_are_classes() {
    let (_folder, path) = place();
    let text = |unit: fn(char) -> Vec<u8>, size: usize| -> Vec<u8> {
        ["cat", "dog", "é"]
            .iter()
            .flat_map(|name| {
                let mut bytes: Vec<u8> = name.chars().flat_map(unit).collect();
                bytes.resize(size, 0);
                bytes
            })
            .collect()
    };
    let little = text(|c| (c as u32).to_le_bytes().to_vec(), 16);
    let big = text(|c| (c as u32).to_be_bytes().to_vec(), 16);
    let bytes = text(|c| c.to_string().into_bytes(), 5);
    let floats: Vec<u8> = [3.0_f32, -1.0, 3.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let doubles: Vec<u8> = [3.0_f64, -1.0, 3.0].iter().flat_map(|value| value.to_be_bytes()).collect();
    let one_hot = [0, 0, 1, 1, 0, 0, 0, 0, 1];
    let turned = [0, 1, 0, 0, 0, 0, 1, 0, 1];
    let wide: Vec<u8> = one_hot.iter().flat_map(|value| f64::from(*value).to_le_bytes()).collect();
    for (array, expected) in [
        (npy("|u1", "(3,)", false, &[4, 5, 4]), ["4", "5", "4"]),
        (npy("|u1", "(3, 1)", false, &[4, 5, 4]), ["4", "5", "4"]),
        (npy("|u1", "(3, 1)", true, &[4, 5, 4]), ["4", "5", "4"]),
        (npy("|u1", "(1, 3)", false, &[4, 5, 4]), ["4", "5", "4"]),
        (npy("|u1", "(3, 1, 1)", false, &[4, 5, 4]), ["4", "5", "4"]),
        (npy("|b1", "(3,)", false, &[1, 0, 1]), ["1", "0", "1"]),
        (npy("<f4", "(3,)", false, &floats), ["3", "-1", "3"]),
        (npy(">f8", "(3, 1)", false, &doubles), ["3", "-1", "3"]),
        (npy("<U4", "(3,)", false, &little), ["cat", "dog", "é"]),
        (npy(">U4", "(3, 1)", false, &big), ["cat", "dog", "é"]),
        (npy("|S5", "(3,)", false, &bytes), ["cat", "dog", "é"]),
        (npy("|u1", "(3, 3)", false, &one_hot), ["2", "0", "2"]),
        (npy("|u1", "(3, 3)", true, &turned), ["2", "0", "2"]),
        (npy("<f8", "(3, 3)", false, &wide), ["2", "0", "2"]),
    ] {
        archive(&path, &[("x", rows(3, 0)), ("y", array.clone())]);
        assert_eq!(labelled(&open(&path, &Options::default()).unwrap()), expected);
        // The same labels beside a .npy file.
        let (x, y) = (path.with_file_name("x.npy"), path.with_file_name("y.npy"));
        std::fs::write(&x, rows(3, 0)).unwrap();
        std::fs::write(&y, array).unwrap();
        assert_eq!(labelled(&open(&x, &Options::default().labels(y.to_str().unwrap())).unwrap()), expected);
    }
    for (array, expected) in [
        (
            npy("<f4", "(3,)", false, &[0.5_f32, 1.0, 2.0].map(f32::to_le_bytes).concat()),
            "the labels are not whole numbers (FILE, array 'y', row 1): expected whole numbers or texts, got 0.5",
        ),
        (
            npy("<f4", "(3,)", false, &[1.0, 1.0, f32::NAN].map(f32::to_le_bytes).concat()),
            "row 3): expected whole numbers or texts, got NaN",
        ),
        (
            npy("|u1", "(3, 3)", false, &[1, 0, 0, 1, 1, 0, 0, 0, 1]),
            "the labels are not one for each row (FILE, array 'y', row 2)",
        ),
        (npy("|u1", "(3, 3)", false, &[0; 9]), "the labels are not one for each row (FILE, array 'y', row 1)"),
        (npy("|u1", "(4,)", false, &[0; 4]), "expected 3 labels, one for each row, got 4 labels, shape [4]"),
        (npy("|u1", "(2,)", false, &[0; 2]), "expected 3 labels, one for each row, got 2 labels"),
        (npy("|u1", "()", false, &[0; 1]), "expected 3 labels, one for each row, got a single number"),
        (
            npy("|O", "(3,)", false, &[0; 24]),
            "got Python objects\nhint: save labels.astype(int), or labels.astype(str) for names",
        ),
        (npy("<c8", "(3,)", false, &[0; 24]), "the labels are neither whole numbers nor texts"),
        (npy("<U9999999", "(3,)", false, &[0; 24]), "the labels are neither whole numbers nor texts"),
        (npy("<U4", "(3,)", false, &little[..40]), "got fewer bytes"),
        (npy("<U4", "(3,)", false, &[&little[..], &[0; 4]].concat()), "got more bytes"),
    ] {
        archive(&path, &[("x", rows(3, 0)), ("y", array)]);
        let text = refused(&path, &Options::default().labels("y"));
        assert!(text.contains(expected), "{text}");
        // An array selected only by its name is dropped if it does not fit, and the summary says
        // so.
        let data = open(&path, &Options::default()).unwrap();
        assert!(data.labels().is_none() && data.summary().contains("array 'y'"), "{}", data.summary());
    }
}

#[test]
fn labels_that_need_not_be_there_may_be_missing() {
    let (_folder, path) = place();
    archive(&path, &[("x", rows(3, 0))]);
    let mut options = Options::default().labels("y");
    assert!(refused(&path, &options).starts_with("no such array"));
    options.labels_optional = true;
    assert_eq!(open(&path, &options).unwrap().labels(), None);
}

#[test]
fn changed_labels_do_no_harm() {
    let (_folder, path) = place();
    let y = path.with_file_name("y.npy");
    let x = path.with_file_name("x.npy");
    std::fs::write(&x, rows(3, 0)).unwrap();
    let options = Options::default().labels(y.to_str().unwrap());
    for good in [npy("<U1", "(3,)", false, &[0; 12]), npy("|u1", "(3, 2)", true, &[1, 0, 1, 0, 1, 0])] {
        for at in 0..good.len() {
            std::fs::write(&y, &good[..at]).unwrap();
            assert!(open(&x, &options).is_err());
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                std::fs::write(&y, &bad).unwrap();
                let _ = open(&x, &options);
            }
        }
    }
}
