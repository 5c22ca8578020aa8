//! Every kind of bad input: one clear error, the right exit code, and nothing written.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{langevin, names, npy, run};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Files of all kinds of trouble.
fn trouble(directory: &Path) {
    let write = |name: &str, bytes: &[u8]| fs::write(directory.join(name), bytes).unwrap();
    let eight = |values: &[f64]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let header =
        |descr: &str, shape: &str| format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    write("good.csv", b"x,y\n1,2\n3,4\n5,6\n");
    write("empty.csv", b"");
    write("words.csv", b"one,two\nthree,four\n");
    write("ragged.csv", b"x,y\n1,2\n3\n");
    write("text.csv", b"x,y\n1,2\n3,four\n");
    write("nan.csv", b"x,y\n1,2\n\n3,nan\n");
    write("latin.csv", b"x,y\n1,2\n\n3,\xe9\n");
    write("escape.csv", b"\x1b]0;x,y\n1,2\n\x1b[2J,4\n");
    write("huge.csv", b"1,2\n3,1e300\n");
    write("one-row.csv", b"x,y\n1,2\n");
    write("semicolons.csv", b"1;2\n3;4\n");
    write("data.txt", b"1 2\n");
    write("empty.npy", b"");
    write("magic.npy", b"PK\x03\x04 zip");
    write("cut.npy", b"\x93NUMPY\x01\x00\x76\x00{'descr'");
    write("version.npy", b"\x93NUMPY\x09\x00\x76\x00");
    write("object.npy", &npy(&header("|O", "(2, 1)"), &[0; 16]));
    write("half.npy", &npy(&header("<f2", "(2, 1)"), &[0; 4]));
    write("escape.npy", &npy(&header("|O\x1b[2J", "(2, 1)"), &[0; 16]));
    write("header.npy", &npy("{'descr': '<f8'}\n", &[0; 16]));
    write("short.npy", &npy(&header("<f8", "(1000, 1000)"), &[0; 16]));
    write("vast.npy", &npy(&header("<f8", "(99999999999999, 9999999999999)"), &[0; 16]));
    write("scalar.npy", &npy(&header("<f8", "()"), &[0; 8]));
    write("flat.npy", &npy(&header("<f8", "(2,)"), &[0; 16]));
    write("hollow.npy", &npy(&header("<f8", "(2, 0)"), &[]));
    write("inf.npy", &npy(&header("<f8", "(2, 2)"), &eight(&[1.0, 2.0, f64::INFINITY, 4.0])));
    write("one-row.npy", &npy(&header("<f8", "(1, 2)"), &eight(&[1.0, 2.0])));
    write("empty.safetensors", b"");
    write("foreign.safetensors", b"PK\x03\x04 not one of these");
    write("vast.safetensors", &u64::MAX.to_le_bytes());
    let plain = br#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let tensors = |header: &[u8], data: &[u8]| [&(header.len() as u64).to_le_bytes(), header, data].concat();
    write("plain.safetensors", &tensors(plain, &[0; 4]));
    let future = br#"{"__metadata__":{"langevin":"{\"langevin_version\":99}"},"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    write("future.safetensors", &tensors(future, &[0; 4]));
    fs::create_dir(directory.join("directory.npy")).unwrap();
}

const CASES: &[&str] = &[
    // Flags.
    "smaple",
    "sample",
    "plan",
    "plan --process vpp",
    "plan --process vp --predict epsilom",
    "plan --process vp --sampler ddmi",
    "plan --process vp --sampler lcm --eta 1",
    "plan --process vp --steps 0",
    "plan --process vp --steps -3",
    "plan --process vp --steps 1.5",
    "plan --process vp --steps 100000000",
    "plan --process vp --eta -1",
    "plan --process vp --eta nan",
    "plan --process vp --eta inf",
    "plan --process vp --eta 3",
    "plan --process vp --grid karas",
    "plan --process vp --grid karras:-1",
    "plan --process vp --grid list:1,x,0",
    "plan --process vp --grid list:1,2,0",
    "plan --process vp --sigma-min 0",
    "plan --process vp --sigma-min 9 --sigma-max 3",
    "plan --process vp --sigma-min 80",
    "plan --process vp --sigma-max 1e7",
    "plan --process ve --grid list:1e7,1,0",
    "plan --process vp --grid list:80,1,0 --sigma-max 10",
    "plan --process vp --moves 'R(1)*3' --eta 0.5",
    "plan --process vp --moves L",
    "plan --process vp-linear --sigma-max 1e4",
    "plan --process vp --moves '(R L'",
    "plan --process vp --moves 'R X'",
    "plan --process vp --moves ''",
    "plan --process vp --moves 'F R'",
    "plan --process vp --moves 'R*3' --steps 2",
    "plan --process vp --moves 'R*3' --steps 4",
    "plan --process vp --moves 'R*10 F(0) R'",
    "plan --process vp --moves 'R*3' --sampler ddim",
    "plan --process vp --json --csv",
    "sample --out x.npy -n 1",
    "sample model.safetensors --exact moons --out x.npy -n 1",
    "sample --exact mons --out x.npy -n 1",
    "sample --exact moons --as vpp --out x.npy -n 1",
    "sample --exact moons --as vp:scor --out x.npy -n 1",
    "sample --exact moons --out x.npy -n 0",
    "sample --exact moons --out x.npy -n -5",
    "sample --exact moons --out x.npy -n 99999999999999999999999",
    "sample --exact moons --out x.npy -n 1 --batch 0",
    "sample --exact moons --out x.npy -n 1 --threads 0",
    "sample --exact moons --out x.npy -n 1 --seed -1",
    "sample --exact moons --out x.nyp -n 1",
    "sample --exact moons --out x -n 1",
    "sample --exact mixture --out x.png -n 1",
    "sample --exact moons --out x.png -n 1 --dtype f32",
    "sample --exact moons --out no/such/x.npy -n 1",
    "sample --exact moons --out directory.npy -n 1",
    // Models.
    "sample missing.safetensors --out x.npy -n 1",
    "sample moons --out x.npy -n 1",
    "info",
    "info missing.safetensors",
    "info empty.safetensors",
    "info foreign.safetensors",
    "info vast.safetensors",
    "info plain.safetensors",
    "info future.safetensors",
    "info good.csv --json",
    // Data.
    "train --data digits",
    "train --data digitz --out m",
    "train --data missing.csv --out m",
    "train --data data.txt --out m",
    "train --data empty.csv --out m",
    "train --data words.csv --out m",
    "train --data ragged.csv --out m",
    "train --data text.csv --out m",
    "train --data nan.csv --out m",
    "train --data latin.csv --out m",
    "train --data escape.csv --out m",
    "train --data escape.npy --out m",
    "train --data good.csv --out ./good.csv",
    "train --data good.csv --out m --predict \u{1b}[2Jx0",
    "info \u{1b}[31mred",
    "info --\u{1b}[31mred",
    "train --data huge.csv --out m",
    "train --data one-row.csv --out m",
    "train --data semicolons.csv --out m",
    "train --data empty.npy --out m",
    "train --data magic.npy --out m",
    "train --data cut.npy --out m",
    "train --data version.npy --out m",
    "train --data object.npy --out m",
    "train --data half.npy --out m",
    "train --data header.npy --out m",
    "train --data short.npy --out m",
    "train --data vast.npy --out m",
    "train --data scalar.npy --out m",
    "train --data flat.npy --out m",
    "train --data hollow.npy --out m",
    "train --data inf.npy --out m",
    "train --data one-row.npy --out m",
    "train --data directory.npy --out m",
    "train --data good.csv --out no/such/m",
    "train --data good.csv --out directory.npy",
    "train --data good.csv --out m --steps 0",
    "train --data good.csv --out m --minutes 0",
    "train --data good.csv --out m --minutes nan",
    "train --data good.csv --out m --steps 5 --minutes 1",
    "train --data good.csv --out m --process vpp",
    "train --data good.csv --out m --predict eps0",
    "train --data good.csv --out m --weight plane",
    "train --data good.csv --out m --times uniform",
    "demo --out good.csv",
    "demo --out no/such/demo",
];

#[test]
fn bad_input_is_one_clear_error_and_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    trouble(directory.path());
    let before = names(directory.path());
    let mut text = String::new();
    for case in CASES {
        let (code, stdout, stderr) = run(directory.path(), case);
        assert!(code == 1 || code == 2, "{case}: exit {code}\n{stderr}");
        assert!(stdout.is_empty(), "{case}: {stdout}");
        assert!(stderr.starts_with("error: "), "{case}: {stderr}");
        assert_eq!(stderr.matches("error:").count(), 1, "{case}: {stderr}");
        assert!(!stderr.contains('\u{1b}') && !stderr.contains("panicked"), "{case}: {stderr}");
        assert_eq!(names(directory.path()), before, "{case}");
        let case = case.escape_debug().to_string().replace("\\'", "'");
        write!(text, "$ langevin {case}\n{stderr}[exit {code}]\n\n").unwrap();
    }
    insta::assert_snapshot!("errors", text);
}

#[test]
fn more_samples_than_memory_are_refused_before_work() {
    let directory = tempfile::tempdir().unwrap();
    // The limit is the machine's, so the text is not a snapshot.
    let (code, _, stderr) = run(directory.path(), "sample --exact moons --out x.npy -n 99999999999999");
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: the samples do not fit in memory (-n): expected at most "), "{stderr}");
    assert!(names(directory.path()).is_empty());
}

#[test]
fn colours_are_for_terminals() {
    let directory = tempfile::tempdir().unwrap();
    let output = langevin(directory.path()).env_remove("NO_COLOR").args(["plan", "--process", "vpp"]).output().unwrap();
    assert!(!output.stderr.contains(&0x1b));
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_takes_no_files_and_a_device_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let (code, _, stderr) = run(directory.path(), "sample --exact moons --out /proc/x.npy -n 1");
    assert_eq!(code, 1);
    assert!(stderr.starts_with("error: cannot write the output (/proc/x.npy): "), "{stderr}");
    assert!(!stderr.contains("exists"), "{stderr}");
    let (code, _, stderr) = run(directory.path(), "train --data moons --steps 1 --out /dev/null");
    assert_eq!((code, stderr.contains("a device or a pipe")), (1, true), "{stderr}");
}
