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
    write("semicolons.csv", b"a;b\n1,5;2\n3;4.5\n");
    write("data.md", b"1 2\n");
    write("empty.npy", b"");
    write("magic.npy", b"PK\x03\x04 zip");
    write("cut.npy", b"\x93NUMPY\x01\x00\x76\x00{'descr'");
    write("version.npy", b"\x93NUMPY\x09\x00\x76\x00");
    write("object.npy", &npy(&header("|O", "(2, 1)"), &[0; 16]));
    write("complex.npy", &npy(&header("<c8", "(2, 1)"), &[0; 16]));
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
    // The first bytes of a network of ONNX, whose format has no mark.
    write("net.onnx", b"\x08\x08\x12\x07pytorch");
    fs::create_dir(directory.join("directory.npy")).unwrap();
    write("values.csv", b"c\n1\n0.5\n");
    write("nan-values.csv", b"1\n0.5\nnan\n");
    write("minus.json", b"[1, -0.5]");
    write("none.json", b"[]");
    write("words.json", b"[1, \"x\"]");
    write("open.json", b"{\"version\":1,");
    write("deep.json", "[".repeat(100_000).as_bytes());
    write("latin.json", b"{\"version\": \"\xe9\"}");
    write("list.json", b"[1, 2, 3]");
    write("future.json", b"{\"version\": 2}");
    write("text.json", b"hello");
    write("mul.json", MUL.as_bytes());
    write("moons.npy", &npy(&header("<f8", "(3, 2)"), &eight(&[1.0, 2.0, 3.0, 4.0, 5.0, 7.0])));
}

/// A plan that multiplies two states.
const MUL: &str = r#"{"version":1,"name":"mul","process":{"kind":"ve"},"network":null,"nfe":0,"slots":1,"draws":1,"result":0,"inputs":[],
"ops":[{"op":"combine","into":0,"terms":[],"noise":[[1.0,0]]},{"op":"map","kind":"mul","from":[0,0],"args":{},"into":0}],"moves":[]}"#;

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
    "plan --process vp --sampler heun:chrun=3",
    "plan --process vp --sampler heun:churn=-3",
    "plan --process vp --sampler heun:churn=3,churn=4",
    "plan --process vp --grid flow-shift",
    "plan --process vp --from-k dpmpp_2n",
    "plan --from-diffusers missing.json",
    "plan --from-diffusers text.json",
    "plan --from-diffusers list.json",
    "explain ddmi",
    "explain ddim:eta=x",
    "explain ddim --process vpp",
    "explain --cite",
    "compare ddim",
    "compare ddim ddmi",
    "compare ddim@vpp ddim",
    "compare ddim missing.json",
    "compare ddim text.json",
    "compare ddim repaint",
    "compare ddim heun --steps 0",
    "compare ddim heun --grid karas",
    "compare ddim heun --range 5,1",
    "compare ddim heun --range 5",
    "lint",
    "lint missing.json",
    "lint directory.npy",
    "lint text.json",
    "lint open.json",
    "lint deep.json",
    "lint latin.json",
    "lint list.json",
    "lint future.json",
    "lint mul.json",
    "analyze ddim",
    "analyze missing.json",
    "analyze text.json",
    "analyze mul.json",
    "analyze mul.json --steps 5",
    "analyze --sampler ddmi",
    "analyze --sampler ddim,,heun",
    "analyze --sampler ddim,churn=4",
    "analyze --sampler heun:churn=40,tmni=.05",
    "analyze --sampler repaint",
    "analyze --sampler ddim-inversion --steps 1",
    "analyze --grid karas",
    "analyze --grid karras,5",
    "analyze --grid beta:0.6",
    "analyze --steps 0",
    "analyze --steps 5,,10",
    "analyze --steps five",
    "analyze --steps 1000000",
    "analyze --process vpp",
    "analyze --spectrum powre:2:d=3072",
    "analyze --spectrum power:2",
    "analyze --spectrum power:2:d=0",
    "analyze --spectrum power:-2:d=10",
    "analyze --spectrum power:nan:d=10",
    "analyze --spectrum power:2:d=10 --data digits",
    "analyze --spectrum missing.npy",
    "analyze --spectrum missing.json",
    "analyze --spectrum data.md",
    "analyze --spectrum nan-values.csv",
    "analyze --spectrum minus.json",
    "analyze --spectrum none.json",
    "analyze --spectrum words.json",
    "analyze --spectrum good.csv",
    "analyze --spectrum empty.npy",
    "analyze --spectrum directory.npy",
    "analyze --data digitz",
    "analyze --data missing.npy",
    "analyze --data nan.csv",
    "analyze --score-error nan",
    "analyze --sigma-min 9 --sigma-max 3",
    "analyze --nfe --steps 2 --sampler annealed-langevin",
    "analyze --plot no/such/p.html",
    "analyze --plot directory.npy",
    "analyze --data good.csv --plot good.csv",
    "recommend --nfe 10",
    "recommend --data good.csv",
    "recommend --data good.csv --nfe 0",
    "recommend --data good.csv --nfe x",
    "recommend --data missing.csv --nfe 10",
    "recommend --data missing.safetensors --nfe 10",
    "recommend --data foreign.safetensors --nfe 10",
    "recommend --data foreign.safetensors --model foreign.safetensors --nfe 10",
    "recommend --data good.csv --nfe 10 --by w3",
    "recommend --data good.csv --nfe 10 --process vpp",
    "recommend --data good.csv --nfe 10 --sampler ddmi",
    "recommend --data good.csv --nfe 10 --sampler ddim-inversion",
    "recommend --data good.csv --nfe 1 --sampler annealed-langevin",
    "recommend --data good.csv --nfe 10 --grid karas",
    "recommend --data good.csv --nfe 10 --out no/such/p.json",
    "recommend --data good.csv --nfe 10 --out good.csv",
    "plan --process vp --predict epsilon --emit onnx --out x.onnx",
    "plan --process vp --predict epsilon --emit onnx --onnx missing.onnx",
    "plan --process vp --predict epsilon --emit onnx --onnx missing.onnx --out x.onnx",
    "plan --process vp --predict epsilon --emit onnx --onnx net.onnx --out x.onnx",
    "plan --process vp --emit onnx --onnx net.onnx --out x.onnx",
    "plan --process vp --predict epsilon --emit c --onnx net.onnx --out x.c",
    "plan --process vp --predict epsilon --emit onxn",
    "plan mul.json --emit onnx --onnx net.onnx --clock lambda --out x.onnx",
    "plan mul.json --emit onnx --onnx net.onnx --predict epsilon --out x.onnx",
    "plan mul.json --predict epsilon",
    "sample --onnx missing.onnx --process vp --predict epsilon --out x.npy -n 1",
    "sample --onnx net.onnx --process vp --predict epsilon --out x.npy -n 1",
    "sample --onnx net.onnx --predict epsilon --out x.npy -n 1",
    "sample --onnx net.onnx --process vp --out x.npy -n 1",
    "sample --onnx net.onnx --process vpp --predict epsilon --out x.npy -n 1",
    "sample --onnx net.onnx --process vp --predict epsilno --out x.npy -n 1",
    "sample --onnx net.onnx --process vp --predict epsilon --clock tiem --out x.npy -n 1",
    "sample --onnx net.onnx --process vp --predict epsilon --trained-range 5,1 --out x.npy -n 1",
    "sample --onnx net.onnx --process vp --predict epsilon --shape 0 --out x.npy -n 1",
    "sample --onnx net.onnx --exact moons --process vp --predict epsilon --out x.npy -n 1",
    "sample --onnx net.onnx --process vp --predict epsilon --input c --out x.npy -n 1",
    "sample --onnx net.onnx --process vp --predict epsilon --input c=missing.npy --out x.npy -n 1",
    "sample --onnx net.onnx --process vp --predict epsilon --input c=good.csv --out x.npy -n 1",
    "sample --onnx net.onnx --process vp --predict epsilon --input c=x.npy --guidance 2 --out x.npy -n 1",
    "sample --onnx net.onnx --process vp --predict epsilon --uncond-input c=good.csv --out x.npy -n 1",
    "sample --exact moons --input c=good.csv --out x.npy -n 1",
    "likelihood --exact moons --data moons --uncond-input c=good.csv",
    "sample --exact moons --predict epsilon --out x.npy -n 1",
    "info --onnx missing.onnx --process vp --predict epsilon",
    "recommend --onnx net.onnx --process vp --predict epsilon --nfe 10",
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
    "train --data data.md --out m",
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
    "train --data complex.npy --out m",
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
    "train --data good.csv --out m --weight min-snr:0",
    "train --data good.csv --out m --times logit-normal:std=-1",
    "train --data good.csv --out m --hold-out 1",
    "train --data good.csv --out m --coupling optimal",
    // Claims, objectives, likelihoods.
    "verify --only 0",
    "verify --only 3-1",
    "verify --only all",
    "verify 42",
    "verify D99",
    "objective --weight plane",
    "objective --weight p2:gama=1",
    "objective --times uniform",
    "objective --times logit-normal:1,2,3",
    "objective --times log-normal-sigma:500,1",
    "objective --points 1",
    "objective --sigma-min 3 --sigma-max 2",
    "objective --plot no/such/p.html",
    "likelihood --data moons",
    "likelihood --exact moons",
    "likelihood --exact moons --data digits",
    "likelihood --exact moons --data empty.csv",
    "likelihood --exact moons --data nan.csv",
    "likelihood --exact moons --data missing.npy",
    "likelihood --exact moons --data moons -n 0",
    "likelihood --exact moons --data moons --method sde",
    "likelihood --exact moons --data moons --method ode --eta 1",
    "likelihood --exact moons --data moons --method bound --eta 0.5",
    "likelihood --exact moons --data moons --method ode --divergence hutchinson:0",
    "likelihood --exact moons --data moons --method ode --divergence exat",
    "likelihood --exact moons --data moons --method ode --tolerance 0",
    "likelihood --exact moons --data moons --method ode --levels 8",
    "likelihood --exact moons --data moons --divergence exact",
    "likelihood --exact moons --data moons --levels 0",
    "likelihood --exact moons --data moons --held-out",
    "likelihood --exact moons --data moons --sigma-min 2 --sigma-max 1",
    "likelihood --exact moons --data moons -n 3 --out x.png",
    "likelihood --exact moons --data moons -n 3 --out no/such/x.csv",
    "likelihood missing.safetensors --data moons",
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
fn more_samples_than_there_is_room_for_are_refused_before_work() {
    let directory = tempfile::tempdir().unwrap();
    // The limit is the machine's, so the text is not a snapshot.
    let (code, _, stderr) = run(directory.path(), "sample --exact moons --out x.npy -n 99999999999999");
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: the samples do not fit on the disk (-n): expected at most "), "{stderr}");
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
