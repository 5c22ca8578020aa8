//! Graphs on the command line: files, training, samples, measures, exact laws and pages.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{refused, works_saying as run};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn json(folder: &Path, words: &str) -> Value {
    serde_json::from_str(&run(folder, words).0).unwrap()
}

/// A network for all connected graphs of four nodes, trained for a moment.
const TRAIN: &str = "train --data connected:4 --width 8 --depth 1 --batch 64";

#[test]
fn files_of_graphs_are_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, "sample --exact connected:4 -n 30 --out c.g6");
    let drawn = fs::read_to_string(folder.join("c.g6")).unwrap();
    assert!(drawn.lines().count() == 30 && drawn.lines().all(|line| line.starts_with('C')), "{drawn}");
    // The ending says what is in the file.
    let (_, said) = run(folder, "train --data c.g6 --hold-out 0.2 --steps 2 --width 8 --depth 1 --out m.safetensors");
    assert!(said.contains("30 sequences of 6 tokens over 2 letters"), "{said}");
    let found = json(folder, "evaluate m.safetensors --data c.g6 -n 10 --json");
    assert_eq!(found["against"], "graphs that were held out");
    let error = refused(folder, "sample --exact chain:2x6 --out c.g6");
    assert!(error.contains("no graphs") && error.contains(".csv"), "{error}");
    let error = refused(folder, "train --data none.g6 --steps 2 --out x.safetensors");
    assert!(error.contains("none.g6"), "{error}");
    let error = refused(folder, "train --data connected:7 --steps 2 --out x.safetensors");
    assert!(error.contains("2 to 6"), "{error}");
}

#[test]
fn samples_are_compared_with_held_out_graphs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, &format!("{TRAIN} --hold-out 0.3 --steps 3 --out m.safetensors"));
    let (text, said) = run(folder, "evaluate m.safetensors --data connected:4 --steps 6");
    for name in ["degree, MMD²", "clustering, MMD²", "orbit, MMD²", "spectrum, MMD²", "unique", "novel", "edges, mean"]
    {
        assert!(text.contains(name), "{text}");
    }
    assert!(said.contains("27 samples") && said.contains("as many training graphs as samples"), "{said}");
    let found = json(folder, "evaluate m.safetensors --data connected:4 --steps 6 -n 40 --json");
    let value = |name: &str, which: &str| {
        let all = found["measures"].as_array().unwrap();
        let one = all.iter().find(|one| one["name"].as_str().unwrap().starts_with(name)).unwrap();
        one[which].as_f64().unwrap()
    };
    assert_eq!((value("valid", "samples"), value("nodes", "samples"), value("connected", "real")), (1.0, 4.0, 1.0));
    // There are 11 graphs of four nodes up to renumbering, and 40 samples.
    assert!(value("unique", "samples") <= 11.0 / 40.0);
    // A connected graph of four nodes has 3 to 6 edges.
    assert!((3.0..=6.0).contains(&value("edges", "real")));
    assert!(value("degree", "samples") > 0.0 && value("degree", "real") < value("degree", "samples"));
}

#[test]
fn the_exact_law_of_a_network_is_compared_with_a_density() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, &format!("{TRAIN} --steps 2 --lr 1e-6 --out start.safetensors"));
    let more = "--steps 250 --width 16 --depth 2 --warmup 10 --ema 0.95";
    run(folder, &format!("{TRAIN} {more} --out m.safetensors"));
    let of = |words: &str| json(folder, &format!("analyze {words} --exact connected:4 --json"));
    let [start, trained] = ["start.safetensors", "m.safetensors"].map(of);
    let figure = |found: &Value, name: &str| found["results"][0][name].as_f64().unwrap();
    // An untrained network has every edge with probability ½: ln(64/38) nats, and 38 of 64 graphs
    // are connected. Its output is zero, up to two steps of a tiny rate.
    assert!((figure(&start, "kl") - (64.0_f64 / 38.0).ln()).abs() < 1e-3, "{start}");
    assert!((figure(&start, "in_density") - 38.0 / 64.0).abs() < 1e-3, "{start}");
    assert!(figure(&trained, "kl") < 0.5 * figure(&start, "kl"), "{trained}");
    assert_eq!(trained["results"][0]["plan"], "first-hitting");
    // The enumeration of all states says the same as the classes of graphs, up to the rounding of
    // the network in single precision.
    let all = of("m.safetensors --sampler first-hitting,sizes --steps 2");
    assert!((figure(&all, "kl") - figure(&trained, "kl")).abs() < 1e-5, "{all} {trained}");
    assert!(all["results"][1]["kl"].as_f64().unwrap() > figure(&trained, "kl"), "{all}");
    // The mean over all connected graphs of −log p is the KL and their entropy.
    let exact = json(folder, "likelihood m.safetensors --data connected:4 --exact --json");
    let nats = exact["nats_mean"].as_f64().unwrap();
    assert!((nats - figure(&trained, "kl") - 38_f64.ln()).abs() < 1e-4, "{nats} {trained}");
    let (text, _) = run(folder, "analyze m.safetensors --exact connected:4");
    assert!(text.contains("connected:4 against connected:4") && text.contains("in the density"), "{text}");
    for (words, part) in [
        ("analyze m.safetensors --exact connected:5", "10 tokens"),
        ("analyze m.safetensors m.safetensors --exact connected:4", "one model"),
        ("analyze m.safetensors --exact connected:4 --steps 3", "--sampler"),
        ("analyze none.safetensors --exact connected:4", "none.safetensors"),
    ] {
        let error = refused(folder, words);
        assert!(error.contains(part) && error.starts_with("error: "), "{words}: {error}");
    }
}

#[test]
fn graphs_and_texts_are_on_the_page_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, &format!("{TRAIN} --hold-out 0.3 --steps 4 --samples-every 2 --run r"));
    let early = fs::read_to_string(folder.join("r/samples/step-0000002.g6")).unwrap();
    assert!(early.lines().count() == 24 && early.lines().all(|line| line.starts_with('C')), "{early}");
    run(folder, "report r");
    let page = fs::read_to_string(folder.join("r/report.html")).unwrap();
    for part in [
        "27 graphs of connected:4",
        "Held-out data",
        "After step 2",
        "<svg viewBox",
        "4 nodes, ",
        "degree, MMD²",
        "as many training graphs as samples",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // Samples, 11 held-out graphs, and the samples of two steps.
    assert_eq!(page.matches("<figcaption>4 nodes").count(), 24 + 11 + 2 * 24);
    assert!(!page.contains("velocity") && !page.contains("are graphs"));

    // Edges at absent nodes make no graph: an untrained network draws few graphs of communities.
    let small = "--width 8 --depth 1 --batch 8 --steps 2 --samples-every 1";
    run(folder, &format!("train --data communities {small} --run c"));
    run(folder, "report c --quick");
    let page = fs::read_to_string(folder.join("c/report.html")).unwrap();
    assert!(page.contains("Samples: 0 of 24 are graphs") && page.contains("No sample is a graph."));

    run(
        folder,
        "train --data names --width 8 --depth 1 --hold-out 0.1 --batch 8 --steps 2 --samples-every 1 --run names",
    );
    assert_eq!(fs::read_to_string(folder.join("names/samples/step-0000002.txt")).unwrap().lines().count(), 24);
    // A folder with the name of built-in data does not hide them.
    let (_, said) = run(folder, "report names --quick");
    assert!(said.contains("read names"), "{said}");
    let page = fs::read_to_string(folder.join("names/report.html")).unwrap();
    assert!(page.contains("33,021 sequences of names, by masked diffusion") && page.contains("tokens of 27 letters"));
    assert!(page.contains("<ul class=\"words\"><li>") && page.contains("After step 1") && !page.contains("bits/dim"));
}
