//! What a file means is said, kept with the model, and understood by every command that reads such
//! a file again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{npy, read_f8, run, works_saying as works};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A standard normal of this number, by Box and Muller on a sequence without gaps.
fn normal(i: usize) -> f64 {
    let [u, v] = [0.754_877_666_246_692_7, 0.569_840_290_998_053_3].map(|step| (0.5 + step * (i + 1) as f64).fract());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn csv(here: &Path, name: &str, head: &str, rows: usize, line: impl Fn(usize) -> String) {
    let mut text = if head.is_empty() { String::new() } else { format!("{head}\n") };
    (0..rows).for_each(|i| writeln!(text, "{}", line(i)).unwrap());
    fs::write(here.join(name), text).unwrap();
}

fn f4(here: &Path, name: &str, shape: &str, values: &[f32]) {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(here.join(name), npy(&header, &bytes)).unwrap();
}

fn json(here: &Path, line: &str) -> Value {
    serde_json::from_str(works(here, line).0.lines().last().unwrap()).unwrap()
}

fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

#[test]
fn one_line_says_what_was_read_and_samples_go_out_as_the_table_came_in() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    csv(here, "t.csv", "id,age,valve,kind,income", 120, |i| {
        format!("{},{},3,{},{:.2}", 1000 + 7 * i, 30 + i % 17, ["a", "b"][i % 3 / 2], (0.8 * normal(i) + 9.0).exp())
    });
    let line = "train --data t.csv --label-column kind --conditional --log income --hold-out 0.25 --steps 30 --width 16 --depth 1 --out m.safetensors --json";
    let (stdout, stderr) = works(here, line);
    let read = stderr.lines().next().unwrap();
    for words in [
        "read t.csv: 120 rows × 3 columns (age, valve, income), CSV with a header line",
        "left out: column 'id' (a different number names every row)",
        "labels from column 'kind'",
        "constant, so no part of the model and given back exactly: 'valve' = 3",
        "as logarithms: 'income'",
        "scale: each column to mean 0 and deviation 1",
        "90 to learn from, 30 held out",
        "2 classes (learned from + held out): a ",
    ] {
        assert!(read.contains(words), "{words}: {read}");
    }
    let summary: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    let document = &summary["data"]["read"];
    assert_eq!(document["columns"], serde_json::json!(["age", "valve", "income"]));
    assert_eq!((&document["omitted"][0]["what"], &document["held_out"]), (&"column 'id'".into(), &30.into()));
    let rows = |class: usize| document["classes"][class]["rows"].as_u64().unwrap();
    assert_eq!(rows(0) + rows(1), 90);

    works(here, "sample m.safetensors -n 8 --class a,b --out s.csv");
    let text = fs::read_to_string(here.join("s.csv")).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0], ["age", "valve", "income", "kind"]);
    for (i, line) in lines[1..].iter().enumerate() {
        assert_eq!((line[1], line[3]), ("3", ["a", "b"][i % 2]));
        assert!(line[0].parse::<i64>().is_ok(), "an age is a whole number: {}", line[0]);
        assert!(line[2].parse::<f64>().unwrap() > 0.0);
    }
    works(here, "sample m.safetensors -n 8 --out s.npy");
    assert_eq!(read_f8(&here.join("s.npy")).0, "8, 3");
    // The file itself, others of its columns in another order, and the samples are all read alike.
    csv(here, "u.csv", "kind,income,valve,more,age", 40, |i| format!("a,{:.2},3,x,{}", 5000.0 + i as f64, 30 + i % 9));
    for command in ["evaluate", "likelihood --levels 2", "diagnose --steps 4 -n 40 --rows 20"] {
        for data in ["t.csv", "u.csv", "s.csv"] {
            works(
                here,
                &format!(
                    "{} m.safetensors --data {data} {}",
                    command.split(' ').next().unwrap(),
                    command.split_once(' ').map_or("", |(_, flags)| flags)
                ),
            );
        }
    }
    works(here, "recommend --data t.csv --label-column kind --drop id --nfe 5");
    works(here, "recommend m.safetensors --data u.csv --nfe 5");
    works(here, "analyze m.safetensors --data u.csv --steps 5");
    works(here, "invert m.safetensors --from t.csv -n 4 --steps 4 --out z.npy");
    for line in [
        "evaluate m.safetensors --data u.csv --json",
        "likelihood m.safetensors --data u.csv --levels 2 --json",
        "diagnose m.safetensors --data u.csv --steps 4 -n 40 --rows 20 --json",
        "recommend m.safetensors --data u.csv --nfe 5 --json",
        "analyze m.safetensors --data u.csv --steps 5 --json",
    ] {
        let read = &json(here, line)["read"];
        assert_eq!(read["columns"], serde_json::json!(["age", "valve", "income"]), "{line}: {read}");
        assert_eq!((&read["rows"], &read["omitted"][0]["what"]), (&40.into(), &"column 'more'".into()), "{line}");
    }
    let (code, _, stderr) = run(here, "likelihood m.safetensors --data u.csv --columns income,age");
    assert!(
        code == 1 && stderr.contains("expected the columns age, valve, income, got the columns income, age"),
        "{stderr}"
    );
    csv(here, "v.csv", "age,valve,income", 9, |i| format!("{},{},50", 30 + i, 3 + i % 2));
    let (code, _, stderr) = run(here, "likelihood m.safetensors --data v.csv");
    let words =
        "error: a column had one value in the training, and has another here (v, row 2, 'valve'): expected 3, got 4";
    assert!(code == 1 && stderr.contains(words), "{stderr}");
    let (_, stderr) = works(here, "likelihood m.safetensors --data t.csv --held-out --levels 2");
    assert!(stderr.contains(
        "note: 'valve' had a single value in the training data and is not counted: the likelihood is that of the other 2 elements"
    ));
}

/// −log p of a logarithm is that of the value itself: a density of x = eʸ is that of y divided by
/// x.
#[test]
fn the_likelihood_of_logarithms_is_that_of_the_values() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let y = |i: usize| normal(i);
    csv(here, "x.csv", "x", 400, |i| format!("{:e}", y(i).exp()));
    csv(here, "y.csv", "y", 400, |i| format!("{:e}", y(i)));
    works(here, "train --data x.csv --log x --steps 200 --width 16 --depth 1 --out x.safetensors");
    works(here, "train --data y.csv --steps 200 --width 16 --depth 1 --out y.safetensors");
    let nats = |letter: &str| {
        let line = format!("likelihood {letter}.safetensors --data {letter}.csv --method ode --tolerance 1e-6 --json");
        json(here, &line)["nats_mean"].as_f64().unwrap()
    };
    let mean = (0..400).map(y).sum::<f64>() / 400.0;
    // The two networks are the same but for the last bits of ln(eʸ).
    assert!((nats("x") - nats("y") - mean).abs() < 1e-3, "{} {} {mean}", nats("x"), nats("y"));
    csv(here, "h.csv", "a,h", 400, |i| format!("{},{:e}", y(i), (4.0 * y(i + 9)).exp()));
    let (_, stderr) = works(here, "train --data h.csv --steps 2 --out z.safetensors");
    assert!(stderr.contains("note: heavy tails in 'h' (up to ") && stderr.contains("with --log"), "{stderr}");
}

#[test]
fn columns_of_a_series_have_scales_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    // 150 windows of six steps: a price near 100 and a volume near two millions.
    let values: Vec<f32> = (0..150 * 12)
        .map(|i| if i % 2 == 0 { 100.0 + 3.65 * normal(i) } else { 2e6 + 4e5 * normal(i) } as f32)
        .collect();
    f4(here, "stock.npy", "(150, 6, 2)", &values);
    let (_, stderr) = works(here, "train --data stock.npy --steps 300 --width 32 --depth 1 --out m.safetensors");
    assert!(stderr.contains("scale: each of the 2 places of axis 2 of 2 to mean 0 and deviation 1"), "{stderr}");
    works(here, "sample m.safetensors -n 200 --out s.npy");
    let (shape, samples) = read_f8(&here.join("s.npy"));
    assert_eq!(shape, "200, 6, 2");
    let column = |j: usize| samples.iter().skip(j).step_by(2).copied().collect::<Vec<f64>>();
    for (j, own) in [(0, 3.65), (1, 4e5)] {
        let ratio = deviation(&column(j)) / own;
        assert!((1.0 / 3.0..3.0).contains(&ratio), "{j}: {ratio}");
    }
}

#[test]
fn pictures_with_channels_first_are_flipped_left_to_right() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    // A bright upper half, in three channels of 4 × 4 floats that are no levels.
    let values: Vec<f32> =
        (0..200 * 48).map(|i| if i % 16 < 8 { 0.9 } else { 0.1 } + 0.02 * normal(i) as f32).collect();
    f4(here, "sky.npy", "(200, 3, 4, 4)", &values);
    let (_, stderr) = works(here, "train --data sky.npy --flip --steps 300 --width 48 --depth 1 --out m.safetensors");
    assert!(stderr.contains("channels first"), "{stderr}");
    works(here, "sample m.safetensors -n 40 --out s.npy");
    let (shape, samples) = read_f8(&here.join("s.npy"));
    assert_eq!(shape, "40, 3, 4, 4");
    let above = samples.chunks_exact(48).filter(|picture| {
        let sum = |upper: bool| {
            picture.iter().enumerate().filter(|(i, _)| (i % 16 < 8) == upper).map(|(_, v)| v).sum::<f64>()
        };
        sum(true) > sum(false)
    });
    assert_eq!(above.count(), 40);
    works(here, "sample m.safetensors -n 4 --out s.png");
    works(here, "likelihood m.safetensors --data sky.npy -n 8 --levels 2");
    works(here, "sample m.safetensors --from sky.npy --strength 0.1 -n 2 --out e.npy");
    // Three sizes that could all be channels: what is assumed is said, and a flag decides.
    f4(here, "odd.npy", "(20, 3, 4, 3)", &values[..20 * 36]);
    let (_, stderr) = works(here, "train --data odd.npy --flip --steps 1 --out o.safetensors");
    assert!(stderr.contains("channels last are assumed of shape [3, 4, 3] (--axes chw says otherwise)"), "{stderr}");
    let (_, stderr) = works(here, "train --data odd.npy --flip --axes chw --steps 1 --out o.safetensors");
    assert!(stderr.contains("channels first") && !stderr.contains("assumed"), "{stderr}");
}

/// No honest number of bits is below the entropy, which is 1 bit for a level here.
#[test]
fn pixels_as_floats_are_dequantised_with_their_spacing() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let values: Vec<f32> = (0..300 * 4).map(|i| if normal(i) > 0.0 { 1.0 / 255.0 } else { 0.0 }).collect();
    f4(here, "mask.npy", "(300, 2, 2)", &values);
    let (_, stderr) =
        works(here, "train --data mask.npy --dequantize --steps 300 --width 32 --depth 1 --out m.safetensors");
    assert!(stderr.contains("values 1/255 apart"), "{stderr}");
    let (stdout, stderr) = works(here, "likelihood m.safetensors --data mask.npy -n 100 --method ode");
    assert!(stderr.contains("note: values 1/255 apart: a number from [0, 1/255) is added to each"), "{stderr}");
    assert!(
        stdout.contains("bits/dim in the units of the file") && stdout.contains("bits/dim for a step of 1/255"),
        "{stdout}"
    );
    let document = json(here, "likelihood m.safetensors --data mask.npy -n 100 --method ode --json");
    let bits = document["bits_per_dim_of_a_step"].as_f64().unwrap();
    assert!((bits - document["bits_per_dim"].as_f64().unwrap() - 255.0_f64.log2()).abs() < 1e-9);
    assert!((1.0..2.5).contains(&bits), "{bits}");
    // A training that leaves the steps as they are says what that costs.
    let (_, stderr) = works(here, "train --data mask.npy --steps 1 --width 8 --out x.safetensors");
    assert!(stderr.contains("the values come in steps of 1/255, which have no density"), "{stderr}");
    let (_, stderr) = works(here, "train --data moons --steps 1 --width 8 --out x.safetensors");
    assert!(!stderr.contains("come in steps"), "{stderr}");
    let (_, stderr) = works(here, "train --data moons --dequantize --steps 1 --out x.safetensors");
    assert!(stderr.contains("note: no even spacing was found in the values of moons"), "{stderr}");
    // Such values have a density: the training is the one without the flag.
    let loss = |flag: &str| {
        let (lines, _) =
            works(here, &format!("train --data moons {flag} --steps 3 --width 8 --json --out x.safetensors"));
        serde_json::from_str::<Value>(lines.lines().last().unwrap()).unwrap()["loss"].as_f64().unwrap()
    };
    assert_eq!(loss("--dequantize"), loss(""));
}

#[test]
fn evaluate_takes_the_rows_it_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let row = |i: usize| format!("{},{}", normal(2 * i), normal(2 * i + 1));
    csv(here, "train.csv", "x,y", 150, row);
    csv(here, "test.csv", "x,y", 60, |i| row(i + 500));
    works(here, "train --data train.csv --steps 60 --width 16 --depth 1 --out m.safetensors");
    let found = json(here, "evaluate m.safetensors --data test.csv --json");
    assert_eq!(
        (&found["rows"], &found["copies"], &found["against"]),
        (&60.into(), &Value::Null, &"rows of test.csv".into())
    );
    assert_eq!(found["floor"]["rows"], "one half of the rows against the other");
    let found = json(here, "evaluate m.safetensors --data test.csv --train train.csv --json");
    assert!(found["copies"].is_number() && found["floor"]["rows"] == "training rows");
    // Rows that were trained on are named as such, wherever they stand.
    let (_, stderr) = works(here, "evaluate m.safetensors --data train.csv");
    assert!(stderr.contains("note: the model was trained on all of these rows"), "{stderr}");
    csv(here, "mixed.csv", "x,y", 100, |i| row(if i < 50 { i } else { i + 900 }));
    let (_, stderr) = works(here, "evaluate m.safetensors --data mixed.csv");
    assert!(stderr.contains("2 of the 64 training rows that the model records are in these data"), "{stderr}");
    let (code, _, stderr) = run(here, "likelihood m.safetensors --data test.csv --held-out");
    assert!(code == 2 && stderr.contains("leave out --held-out, and give rows"), "{stderr}");
    works(here, "train --data train.csv --hold-out 0.4 --steps 5 --width 16 --depth 1 --out h.safetensors");
    let found = json(here, "evaluate h.safetensors --data train.csv --json");
    assert_eq!((&found["rows"], &found["against"]), (&60.into(), &"rows that were held out".into()));
    let (code, _, stderr) = run(here, "likelihood h.safetensors --data test.csv --held-out");
    assert!(code == 2 && stderr.contains("these are not the data that the model was trained on"), "{stderr}");
    // A density needs no training.
    let found = json(here, "evaluate --exact moons --data moons -n 80 --json");
    assert!(found["two_sample_accuracy"].as_f64().unwrap() < 0.65, "{found}");
    csv(here, "other.csv", "x,z", 20, row);
    let (code, _, stderr) = run(here, "evaluate m.safetensors --data other.csv");
    assert!(
        code == 2
            && stderr.contains("the data do not have the columns of the model")
            && stderr.contains("expected x, y"),
        "{stderr}"
    );
    csv(here, "few.csv", "x,y", 3, row);
    let (code, _, stderr) = run(here, "evaluate m.safetensors --data few.csv");
    assert!(code == 1 && stderr.contains("too few rows to compare: expected 5 rows, got 3"), "{stderr}");
}

#[test]
fn two_files_are_compared() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let values = |from: usize, by: f32| (0..200).map(|i| normal(from + i) as f32 + by).collect::<Vec<f32>>();
    f4(here, "data.npy", "(100, 2)", &values(0, 0.0));
    f4(here, "samples.npy", "(100, 2)", &values(1000, 0.0));
    f4(here, "shifted.npy", "(100, 2)", &values(1000, 5.0));
    let accuracy = |name: &str| {
        let found = json(here, &format!("evaluate --samples {name} --data data.npy --json"));
        assert_eq!((&found["model"], &found["file"]), (&Value::Null, &name.into()));
        found["two_sample_accuracy"].as_f64().unwrap()
    };
    assert!(accuracy("samples.npy") < 0.65 && accuracy("shifted.npy") > 0.95);
    let (stdout, _) = works(here, "evaluate --samples samples.npy --data data.npy");
    assert!(stdout.contains("0.5 is best, 1 means always distinguished") && stdout.contains("lower is better"));
    // Columns by their names, in any order.
    csv(here, "data.csv", "a,b", 50, |i| format!("{},{}", normal(i), 1e4 * normal(i + 70)));
    csv(here, "samples.csv", "b,a", 50, |i| format!("{},{}", 1e4 * normal(i + 300), normal(i + 400)));
    assert!(
        json(here, "evaluate --samples samples.csv --data data.csv --json")["two_sample_accuracy"].as_f64().unwrap()
            < 0.7
    );
    f4(here, "wide.npy", "(100, 3)", &[0.0; 300]);
    let (code, _, stderr) = run(here, "evaluate --samples wide.npy --data data.npy");
    assert!(code == 2 && stderr.contains("expected rows of shape [2], got [3]"), "{stderr}");
    let (code, _, stderr) = run(here, "evaluate --samples samples.npy --data data.npy --steps 5");
    assert!(code == 2 && stderr.contains("--steps is for samples that are drawn"), "{stderr}");
    let (code, _, stderr) = run(here, "evaluate samples.npy --data data.npy");
    assert!(code == 1 && stderr.contains("got a .npy array"), "{stderr}");
}

/// A score of two clumps in the data and of a bell in the samples, beside an income of large
/// spread, or of the same.
#[test]
fn columns_of_different_units_count_alike() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let mut found = Vec::new();
    for (name, spread) in [("raw", 15_000.0), ("scaled", 1.0)] {
        csv(here, &format!("truth-{name}.csv"), "score,income", 200, |i| {
            format!("{},{}", if normal(i) > 0.0 { 1.0 } else { -1.0 } + 0.05 * normal(3 * i), spread * normal(i + 600))
        });
        csv(here, &format!("wrong-{name}.csv"), "score,income", 200, |i| {
            format!("{},{}", normal(i + 2000), spread * normal(i + 3000))
        });
        let document = json(here, &format!("evaluate --samples wrong-{name}.csv --data truth-{name}.csv --json"));
        assert_eq!(document["units"], "standard deviations of each column");
        found.push(document["two_sample_accuracy"].as_f64().unwrap());
    }
    assert!(found.iter().all(|accuracy| *accuracy > 0.7) && (found[0] - found[1]).abs() < 1e-9, "{found:?}");
}

#[test]
fn a_flag_that_means_nothing_for_a_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    csv(here, "t.csv", "x,y", 30, |i| format!("{},{}", normal(i), normal(i + 40)));
    f4(here, "a.npy", "(20, 2, 2)", &(0..80).map(|i| normal(i) as f32).collect::<Vec<_>>());
    works(here, "train --data t.csv --steps 1 --width 8 --depth 1 --out m.safetensors");
    for (line, words) in [
        ("train --data t.csv --size 8 --steps 1 --out x", "--size"),
        ("train --data t.csv --labels y --steps 1 --out x", "--labels"),
        ("train --data a.npy --header --steps 1 --out x", "--header"),
        ("train --data a.npy --columns 1 --steps 1 --out x", "columns"),
        ("train --data digits --columns 1 --steps 1 --out x", "--columns"),
        ("train --data t.csv --axes chw --steps 1 --out x", "--axes"),
        ("likelihood m.safetensors --data moons --drop x", "--drop"),
        ("evaluate m.safetensors --data t.csv --axes hwc", "--axes"),
        ("recommend --data t.csv --size 4 --nfe 4", "--size"),
    ] {
        let (code, _, stderr) = run(here, line);
        assert!(code == 2 && stderr.contains(words), "{line}: {code} {stderr}");
        assert_eq!(stderr.matches("hint:").count().max(1), 1, "{stderr}");
    }
}

/// A list is one value: what a run keeps of it is all of it.
#[test]
fn a_run_keeps_the_columns_that_it_was_begun_with() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    csv(here, "t.csv", "a,b,c,d", 60, |i| {
        format!("{},{},{},{}", normal(i), (normal(i + 9)).exp(), (2.0 * normal(i + 50)).exp(), i)
    });
    let small = "--width 8 --depth 1 --batch 8";
    works(here, &format!("train --data t.csv --columns a,b,c --log b,c --steps 4 {small} --run r"));
    let config = fs::read_to_string(here.join("r/config.toml")).unwrap();
    assert!(config.contains("columns = \"a,b,c\"") && config.contains("log = \"b,c\""), "{config}");
    works(here, "train --resume r --steps 6");
    works(here, "train --resume r --columns a,b,c --steps 8");
    let (_, stderr) = works(here, "train --config r/config.toml --steps 2 --run s");
    assert!(stderr.contains("60 rows × 3 columns (a, b, c)") && stderr.contains("as logarithms: 'b', 'c'"), "{stderr}");
    works(here, "train --resume r --set columns=a,b,c --steps 9");
    fs::write(here.join("more.toml"), "lr = 1e-4\ncolumns = ['a', 'b', 'c']\n").unwrap();
    works(here, "train --resume r --config more.toml --steps 10");
    assert!(fs::read_to_string(here.join("r/config.toml")).unwrap().contains("lr = 0.0001"));
    works(here, &format!("train --data t.csv --drop a,d --steps 4 {small} --run t"));
    works(here, "train --resume t --steps 6");
    // What a run began from is no flag of another day.
    works(here, &format!("train --data t.csv --columns a,b --steps 2 {small} --out m.safetensors"));
    let (code, _, stderr) = run(here, "train --resume t --from m.safetensors --steps 8");
    assert!(
        code == 2 && stderr.contains("a run that goes on begins from no other model (--from, --resume)"),
        "{stderr}"
    );
}

#[test]
fn samples_without_names_are_read_by_the_model_that_made_them() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    csv(here, "t.csv", "a,n", 90, |i| format!("{},{}", normal(i), 3 + i % 50));
    works(here, "train --data t.csv --log n --steps 20 --width 8 --depth 1 --out m.safetensors");
    works(here, "sample m.safetensors -n 30 --out own.npy");
    works(here, "sample m.safetensors -n 30 --out own.csv");
    let text = fs::read_to_string(here.join("own.csv")).unwrap();
    for line in text.lines().skip(1) {
        assert!(
            line.split_once(',').unwrap().1.parse::<i64>().is_ok(),
            "a whole number whose logarithm was learned: {line}"
        );
    }
    for line in [
        "likelihood m.safetensors --data own.npy --levels 2",
        "evaluate m.safetensors --data own.npy",
        "evaluate --samples own.npy --data t.csv",
        "invert m.safetensors --from own.npy --steps 3 --out z.npy",
    ] {
        works(here, line);
    }
    works(here, "invert m.safetensors --from t.csv -n 5 --steps 3 --out z.csv");
    assert_eq!(fs::read_to_string(here.join("z.csv")).unwrap().lines().next(), Some("x0,x1"));
    csv(here, "other.csv", "p,q", 20, |i| format!("{},{}", normal(i), 4 + i));
    let (code, _, stderr) = run(here, "evaluate m.safetensors --data other.csv");
    assert!(
        code == 2
            && stderr.contains("the data do not have the columns of the model")
            && stderr.contains("expected a, n"),
        "{stderr}"
    );
    works(here, "evaluate m.safetensors --data other.csv --columns p,q");
}

#[test]
fn many_rows_are_compared_by_a_part_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let values: Vec<f32> = (0..20_000).map(|i| normal(i) as f32).collect();
    f4(here, "many.npy", "(20000, 1)", &values);
    f4(here, "few.npy", "(300, 1)", &values[7000..7300]);
    let (_, stderr) = works(here, "evaluate --samples few.npy --data many.npy");
    assert!(stderr.contains("300 samples of few.npy"), "{stderr}");
    let (_, stderr) = works(here, "evaluate --exact gaussian --data gaussian -n 200 --steps 4");
    assert!(stderr.contains("column `real`: other draws"), "{stderr}");
}

#[test]
fn rows_that_are_all_the_same_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    csv(here, "same.csv", "a,b", 30, |_| "3,4".into());
    let (code, _, stderr) = run(here, "train --data same.csv --steps 1 --out m.safetensors");
    assert!(code == 1 && stderr.contains("all rows are the same: there is nothing to learn"), "{stderr}");
    f4(here, "same.npy", "(30, 2, 2)", &[0.5; 120]);
    let (_, stderr) = works(here, "train --data same.npy --width 8 --steps 1 --out m.safetensors");
    assert!(stderr.contains("note: all rows are the same: samples will scatter around them"), "{stderr}");
    // Values far beyond the noise are named where nobody scales them.
    csv(here, "wide.csv", "a,b", 30, |i| format!("{},{}", normal(i), 1e6 + 1e5 * normal(i + 40)));
    let (_, stderr) = works(here, "train --data wide.csv --no-normalize --steps 1 --out w.safetensors");
    assert!(stderr.contains("note: 'b' has mean ") && stderr.contains("leave out --no-normalize"), "{stderr}");
    works(here, "train --data wide.csv --steps 2 --width 8 --depth 1 --out m.safetensors");
    csv(here, "units.csv", "a,b", 30, |i| format!("{},{}", 1e3 * normal(i), 1e6));
    let (_, stderr) = works(here, "train --from m.safetensors --data units.csv --steps 1 --out f.safetensors");
    assert!(
        stderr.contains("scale: that of the model") && stderr.contains("in other units than those of the model"),
        "{stderr}"
    );
}

/// A model that was good stays where it is when a training that would replace it goes wrong at
/// once.
#[test]
fn an_explosion_at_once_leaves_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, "train --data moons --steps 40 --width 16 --depth 1 --out m.safetensors");
    let before = fs::read(here.join("m.safetensors")).unwrap();
    let (code, _, stderr) = run(
        here,
        "train --data moons --steps 300 --lr 1000 --warmup 1 --clip inf --width 16 --depth 1 --out m.safetensors",
    );
    assert!(code == 1 && stderr.contains("training diverged") && stderr.contains("try --lr 2.0e-3"), "{stderr}");
    assert!(fs::read(here.join("m.safetensors")).unwrap() == before, "{stderr}");
}

/// Other files are turned to the order of the model's axes, or refused; never taken as they lie.
#[test]
fn channels_of_other_files_are_put_where_the_model_has_them() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let count = 20;
    let values: Vec<f32> = (0..count * 48).map(|i| normal(i) as f32 + (i % 3) as f32 * 4.0).collect();
    let mut turned = values.clone();
    for row in 0..count {
        for (place, channel) in (0..16).flat_map(|place| (0..3).map(move |channel| (place, channel))) {
            turned[row * 48 + channel * 16 + place] = values[row * 48 + place * 3 + channel];
        }
    }
    f4(here, "last.npy", "(20, 4, 4, 3)", &values);
    f4(here, "first.npy", "(20, 3, 4, 4)", &turned);
    f4(here, "other.npy", "(20, 8, 2, 3)", &values);
    works(here, "train --data last.npy --steps 4 --width 8 --depth 1 --batch 8 --out m.safetensors");
    let likelihood = |name: &str| {
        json(here, &format!("likelihood m.safetensors --data {name} --levels 2 --json"))["nats_mean"].clone()
    };
    assert!(likelihood("last.npy").is_number() && likelihood("last.npy") == likelihood("first.npy"));
    let evaluated = |line: &str| json(here, &format!("evaluate {line} --json"))["energy_distance"].clone();
    assert_eq!(evaluated("m.safetensors --data last.npy"), evaluated("m.safetensors --data first.npy"));
    assert_eq!(evaluated("--samples last.npy --data last.npy"), evaluated("--samples first.npy --data last.npy"));
    for from in ["first", "last"] {
        works(here, &format!("invert m.safetensors --from {from}.npy --steps 2 --out {from}-z.npy"));
    }
    assert!(fs::read(here.join("first-z.npy")).unwrap() == fs::read(here.join("last-z.npy")).unwrap());
    for line in [
        "evaluate m.safetensors --data other.npy",
        "evaluate --samples other.npy --data last.npy",
        "invert m.safetensors --from other.npy --steps 2 --out z.npy",
    ] {
        let (code, _, stderr) = run(here, line);
        assert!(code == 2 && stderr.contains("of shape [4, 4, 3], got [8, 2, 3]"), "{line}: {stderr}");
    }
    // Other units are noted.
    f4(here, "wide.npy", "(20, 4, 4, 3)", &values.iter().map(|value| value * 255.0).collect::<Vec<_>>());
    let (_, stderr) = works(here, "evaluate m.safetensors --data wide.npy");
    assert!(stderr.contains("do these data have other units?"), "{stderr}");
    // A file that is not there is named by its own flag.
    let (code, _, stderr) = run(here, "evaluate --samples no.npy --data last.npy");
    assert!(code == 2 && stderr.contains("--samples") && !stderr.contains("--data takes"), "{stderr}");
}

#[test]
fn info_says_what_the_columns_are() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    csv(here, "t.csv", "a,k,n", 90, |i| format!("{},7,{}", normal(i), normal(i + 9).exp()));
    works(here, "train --data t.csv --log n --hold-out 0.1 --steps 2 --width 8 --depth 1 --out m.safetensors");
    let (text, _) = works(here, "info m.safetensors");
    for line in [
        "data         t, 81 rows of shape [2], 10 % of all held out\n",
        "columns      a, k, n\n",
        "constants    'k' = 7\n",
        "logarithms   'n'\n",
        "scale        each column to mean 0 and deviation 1\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn parts_of_pictures_go_out_with_the_axes_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    f4(here, "first.npy", "(8, 3, 12, 16)", &(0..8 * 576).map(|i| normal(i) as f32).collect::<Vec<f32>>());
    works(here, "train --data first.npy --crop 8 --steps 2 --width 8 --depth 1 --batch 4 --out m.safetensors");
    works(here, "sample m.safetensors -n 2 --steps 2 --out s.npy");
    let bytes = fs::read(here.join("s.npy")).unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("'shape': (2, 3, "), "{}", String::from_utf8_lossy(&bytes[..100]));
}
