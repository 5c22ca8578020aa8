//! No output takes the place of an input, or of a file of a training run: every input of every
//! command against every output.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{run, works};
use std::fs;
use std::path::Path;

/// A model, a run, and data of every kind that is read.
fn material(here: &Path) {
    let rows: String = (0..40).map(|i| format!("{},{}\n", f64::from(i) / 9.0, f64::from(40 - i * i % 7))).collect();
    fs::write(here.join("rows.csv"), rows).unwrap();
    fs::write(here.join("values.csv"), "1\n0.5\n0.25\n").unwrap();
    fs::write(here.join("c.toml"), "data = 'rows.csv'\nsteps = 2\nwidth = 8\n").unwrap();
    let small = "--steps 2 --width 8 --depth 1 --batch 8";
    works(here, &format!("train --data rows.csv {small} --hold-out 0.3 --out m.safetensors"));
    works(here, &format!("train --data digits {small} --averages-every 1 --samples-every 2 --run r"));
    fs::copy(here.join("r/model.safetensors"), here.join("d.safetensors")).unwrap();
    works(here, "sample d.safetensors -n 2 --steps 1 --out pictures/");
    fs::copy(here.join("pictures/sample-000000.png"), here.join("c.png")).unwrap();
    fs::copy(here.join("pictures/sample-000001.png"), here.join("mask.png")).unwrap();
    works(here, "sample m.safetensors -n 3 --steps 1 --out rows.npy");
    let plan = works(here, "plan --process vp --steps 2 --json").0;
    fs::write(here.join("plan.json"), plan).unwrap();
    fs::write(here.join("net.onnx"), "not one").unwrap();
}

/// Command lines with OUT for the output, and the inputs that OUT may not be.
const TABLE: &[(&str, &[&str])] = &[
    ("sample m.safetensors -n 2 --steps 1 --out OUT", &["m.safetensors"]),
    (
        "sample d.safetensors -n 1 --steps 2 --from c.png --mask mask.png --out OUT",
        &["d.safetensors", "c.png", "mask.png"],
    ),
    ("sample --onnx net.onnx --process vp --predict x0 -n 1 --out OUT", &["net.onnx"]),
    ("sample --onnx net.onnx --process vp --predict x0 -n 1 --input c=rows.npy --out OUT", &["net.onnx", "rows.npy"]),
    ("plan --process vp --predict x0 --steps 2 --emit onnx --onnx net.onnx --out OUT", &["net.onnx"]),
    ("plan plan.json --emit onnx --onnx net.onnx --out OUT", &["plan.json", "net.onnx"]),
    ("invert m.safetensors --from rows.npy --steps 2 --out OUT", &["m.safetensors", "rows.npy"]),
    ("invert d.safetensors --from c.png --steps 2 --out OUT", &["d.safetensors", "c.png"]),
    ("train --config c.toml --out OUT", &["c.toml", "rows.csv"]),
    ("train --data rows.csv --steps 1 --out OUT", &["rows.csv"]),
    ("train --data rows.csv --steps 1 --set out=OUT", &["rows.csv"]),
    ("average r --length 0.1 --out OUT", &RUN),
    ("report r --quick --out OUT", &RUN),
    ("analyze plan.json --plot OUT", &["plan.json"]),
    ("analyze --spectrum values.csv --steps 2 --plot OUT", &["values.csv"]),
    ("analyze --data rows.csv --steps 2 --plot OUT", &["rows.csv"]),
    ("analyze --onnx net.onnx --process vp --predict x0 --plot OUT", &["net.onnx"]),
    ("recommend m.safetensors --nfe 2 --out OUT", &["m.safetensors"]),
    ("recommend --model m.safetensors --nfe 2 --out OUT", &["m.safetensors"]),
    ("recommend --data rows.csv --nfe 2 --out OUT", &["rows.csv"]),
    ("recommend --spectrum values.csv --nfe 2 --out OUT", &["values.csv"]),
    ("likelihood m.safetensors --data rows.csv -n 2 --out OUT", &["m.safetensors", "rows.csv"]),
    // A run of somebody else.
    ("sample m.safetensors -n 2 --steps 1 --out OUT", &RUN),
    ("objective --plot OUT", &RUN),
    ("train --data rows.csv --steps 1 --out OUT", &RUN),
    ("likelihood m.safetensors --data rows.csv -n 2 --out OUT", &RUN),
    ("recommend --spectrum values.csv --nfe 2 --out OUT", &RUN),
];

const RUN: [&str; 6] = [
    "r/config.toml",
    "r/log.ndjson",
    "r/model.safetensors",
    "r/states/step-0000000002.safetensors",
    "r/averages/step-0000000002.safetensors",
    "r/samples/step-0000002.png",
];

#[test]
fn no_output_is_an_input() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    material(here);
    let (mut failures, mut tried) = (Vec::new(), 0);
    for (line, inputs) in TABLE {
        for input in *inputs {
            let before = fs::read(here.join(input)).expect(input);
            let ending = Path::new(input).extension().unwrap().to_str().unwrap();
            let mut names = vec![(*input).to_owned(), format!("./{input}"), here.join(input).display().to_string()];
            let (folder, name) = input.rsplit_once('/').unwrap_or((".", input));
            names.push(format!("pictures/../{folder}/{name}"));
            #[cfg(unix)]
            {
                let link = format!("link.{ending}");
                let _ = fs::remove_file(here.join(&link));
                std::os::unix::fs::symlink(here.join(input), here.join(&link)).unwrap();
                names.push(link);
            }
            // A second name of an input is the input too; that of a file of a run that is no input
            // is a file of its own.
            let reads = line.contains(" r ") || !input.starts_with("r/");
            if reads {
                let hard = format!("hard.{ending}");
                let _ = fs::remove_file(here.join(&hard));
                fs::hard_link(here.join(input), here.join(&hard)).unwrap();
                names.push(hard);
            }
            for name in names {
                let line = line.replace("OUT", &name);
                let (code, _, stderr) = run(here, &line);
                tried += 1;
                if code != 2 || fs::read(here.join(input)).unwrap() != before {
                    failures.push(format!("{line}: {code} {stderr}"));
                    fs::write(here.join(input), &before).unwrap();
                }
                // Formats of other endings are refused as such by some commands, later than this.
                if !stderr.contains("would replace") {
                    failures.push(format!("{line}: another refusal: {stderr}"));
                }
            }
        }
    }
    assert!(tried > 200, "{tried}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn folders_are_inputs_and_outputs_too() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    material(here);
    for line in [
        "invert d.safetensors --from pictures --steps 2 --out pictures",
        "invert d.safetensors --from pictures --steps 2 --out pictures/",
        "invert d.safetensors --from pictures --steps 2 --out pictures/sample-000000.png",
        "sample d.safetensors --from pictures/sample-000000.png -n 1 --steps 2 --out pictures",
        "sample d.safetensors -n 1 --steps 1 --out r/samples",
        "sample d.safetensors -n 1 --steps 1 --out r/states/",
        "sample d.safetensors -n 1 --steps 1 --out r/states/new.npy",
        "demo --quick --out r",
        "train --resume r --steps 3 --out r/config.toml",
    ] {
        let (code, _, stderr) = run(here, line);
        assert!(code == 2 && stderr.contains("would replace"), "{line}: {code} {stderr}");
    }
    fs::create_dir(here.join("new")).unwrap();
    let (code, _, stderr) = run(here, "train --data rows.csv --steps 1 --run new --out new/config.toml");
    assert!(code == 2 && stderr.contains("would replace"), "{stderr}");
    assert!(fs::read_dir(here.join("new")).unwrap().next().is_none());
}

#[test]
fn what_replaces_nothing_that_is_read_works() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    material(here);
    for line in [
        // Over an older output, into a folder of inputs under a new name, and into the folder of a
        // run beside its files.
        "sample m.safetensors -n 2 --steps 1 --out rows.npy",
        "sample d.safetensors -n 1 --steps 1 --out pictures",
        "sample d.safetensors -n 1 --steps 1 --from c.png --out pictures/",
        "sample d.safetensors -n 1 --steps 1 --out pictures/new.png",
        "sample d.safetensors -n 1 --steps 1 --out r/mine.png",
        "average r --length 0.1 --out r/averaged.safetensors",
        "report r --quick",
        "report r --quick",
        "report r --quick --out page.html",
        "recommend m.safetensors --nfe 2",
        "recommend m.safetensors --nfe 2",
        "train --resume r --steps 3",
    ] {
        works(here, line);
    }
}
