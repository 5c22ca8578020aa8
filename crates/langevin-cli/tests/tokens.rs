//! Tokens on the command line: training, samples, likelihoods, plans, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{langevin, refused, works_saying as run};
use std::fs;
use std::path::Path;

/// A model that was trained for a moment.
fn model(folder: &Path) {
    run(folder, "train --data names --noise masked --steps 5 --width 16 --depth 1 --batch 32 --out m.safetensors");
}

#[test]
fn names_are_learned_drawn_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (out, said) = run(
        folder,
        "train --data names --noise masked --steps 40 --width 16 --depth 1 --hold-out 0.1 --log-every 20 --json --out m.safetensors",
    );
    assert!(said.contains("read names: 36,690 sequences of 12 tokens over 27 letters"), "{said}");
    let summary: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(summary["noise"], "masked");
    // The bound on held-out rows is the loss in bits.
    let loss = summary["held_out"].as_f64().unwrap();
    assert!((summary["bound"].as_f64().unwrap() - loss / std::f64::consts::LN_2).abs() < 1e-12);
    assert!(loss < 27_f64.ln());

    let (text, _) = run(folder, "info m.safetensors");
    assert!(text.contains("12 tokens of 27 letters, masked noise") && text.contains("33,021 sequences"), "{text}");

    run(folder, "sample m.safetensors -n 7 --sampler entropy --steps 4 --out a.txt");
    run(folder, "sample m.safetensors -n 5 --sampler entropy --steps 4 --threads 1 --out b.txt");
    let [a, b] = ["a.txt", "b.txt"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    assert_eq!(a.lines().count(), 7);
    // Sample i is sample i, for any count and any number of threads.
    assert!(a.starts_with(&b));
    run(folder, "sample m.safetensors -n 3 --out c.npy");
    let bytes = fs::read(folder.join("c.npy")).unwrap();
    assert_eq!(bytes.len(), 128 + 3 * 12 * 4);
    assert!(bytes.escape_ascii().to_string().contains("<i4"));
    run(folder, "sample m.safetensors -n 3 --out c.csv");
    assert_eq!(fs::read_to_string(folder.join("c.csv")).unwrap().lines().next(), Some("text"));

    let value = |words: &str| -> serde_json::Value { serde_json::from_str(&run(folder, words).0).unwrap() };
    let exact = value("likelihood m.safetensors --data names -n 2 --exact --json");
    let bound = value("likelihood m.safetensors --data names -n 2 --levels 64 --json");
    assert_eq!((&exact["kind"], &exact["nfe"]), (&"exact".into(), &4096.into()));
    // The bound is above the exact value: its mean over 64 rounds is exact to about 0.1 nats.
    assert!(bound["nats_mean"].as_f64().unwrap() > exact["nats_mean"].as_f64().unwrap() - 0.5);
    let held_out = value("likelihood m.safetensors --data names --held-out -n 100 --json");
    assert_eq!(held_out["count"], 100);
}

#[test]
fn gaps_are_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    model(folder);
    fs::write(folder.join("from.txt"), "marianne\n").unwrap();
    run(folder, "sample m.safetensors --from from.txt --keep 1-3,8 --sampler remask --steps 4 -n 9 --out k.npy");
    let bytes = fs::read(folder.join("k.npy")).unwrap();
    for row in bytes[128..].chunks(48) {
        let letter = |place: usize| row[4 * (place - 1)] + b'a' - 1;
        assert_eq!([1, 2, 3, 8].map(letter), *b"mare");
    }
    let error = refused(folder, "sample m.safetensors --from from.txt --out k.npy");
    assert!(error.contains("--keep"), "{error}");
    let error = refused(folder, "sample m.safetensors --from none.txt --keep 1 --out k.npy");
    assert!(error.contains("--from") && !error.contains("--data"), "{error}");
    // Several lines are taken in turn, one sample each, and the places beyond their end are drawn.
    fs::write(folder.join("from.txt"), "bo\nmarianne\nada\n").unwrap();
    let (_, said) = run(folder, "sample m.safetensors --from from.txt --keep 1-4 --steps 4 --out k.txt");
    assert!(said.contains("4 places of 3 sequences kept, which the samples take in turn"), "{said}");
    assert!(said.contains("3 places beyond the end of a sequence drawn too"), "{said}");
    let drawn = fs::read_to_string(folder.join("k.txt")).unwrap();
    let starts: Vec<bool> = drawn.lines().zip(["bo", "mari", "ada"]).map(|(line, own)| line.starts_with(own)).collect();
    assert_eq!((starts, drawn.lines().count()), (vec![true; 3], 3), "{drawn}");
    run(folder, "sample m.safetensors --from from.txt --keep 1-4 --steps 4 -n 40 --out many.txt");
    let many = fs::read_to_string(folder.join("many.txt")).unwrap();
    assert!(many.starts_with(&drawn));
    // The padding is no part of a name that is kept: some samples are longer.
    assert!(many.lines().step_by(3).any(|line| line.len() > 2), "{many}");
    for (places, words) in [("0", "places from 1 to 12"), ("5-13", "places from 1 to 12"), ("a", "places from 1 to 12")]
    {
        let error = refused(folder, &format!("sample m.safetensors --from from.txt --keep {places} --out k.npy"));
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn text_files_are_read_by_lines_or_windows() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("lines.txt"), "ada\nbo\nada\nbob\n".repeat(20)).unwrap();
    let (_, said) =
        run(folder, "train --data lines.txt --noise masked --steps 2 --width 16 --depth 1 --out l.safetensors");
    assert!(said.contains("80 sequences of 3 tokens over 5 letters, text, a line each"), "{said}");
    let (_, said) = run(
        folder,
        "train --data lines.txt --tokens bytes --length 8 --steps 2 --width 16 --depth 1 --out w.safetensors",
    );
    assert!(said.contains("8 tokens over 256 letters, windows of a text"), "{said}");
    fs::write(folder.join("other.txt"), "ada\nzoe\n").unwrap();
    let error = refused(folder, "likelihood l.safetensors --data other.txt");
    assert!(error.contains("line 2") && error.contains("'z'"), "{error}");
    let error = refused(folder, "train --data lines.txt --steps 2 --out x.safetensors");
    assert!(error.contains("--tokens chars"), "{error}");
    assert!(!folder.join("x.safetensors").exists());
    // A run is killed and resumed as any other.
    run(folder, "train --data lines.txt --noise masked --steps 3 --decay constant --width 16 --depth 1 --run r");
    run(folder, "train --resume r --data lines.txt --noise masked --steps 6 --decay constant --width 16 --depth 1");
    run(
        folder,
        "train --data lines.txt --noise masked --steps 6 --decay constant --width 16 --depth 1 --out whole.safetensors",
    );
    let weights = |name: &str| {
        let bytes = fs::read(folder.join(name)).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    assert!(weights("r/model.safetensors") == weights("whole.safetensors"));
}

#[test]
fn every_sampler_of_the_list_draws_from_exact_densities() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let names = "ancestral tau-leaping remask first-hitting sizes confidence margin entropy entropy-bound blocks \
                 theta-trapezoidal gibbs";
    for name in names.split_whitespace() {
        for density in ["chain:4x8", "shidoku"] {
            run(folder, &format!("sample --exact {density} --sampler {name} --steps 4 -n 3 --out s.csv"));
            let rows = fs::read_to_string(folder.join("s.csv")).unwrap();
            assert_eq!(rows.lines().count(), 4, "{name}");
            assert!(rows.lines().skip(1).flat_map(|row| row.split(',')).all(|cell| cell.parse::<u32>().unwrap() < 4));
        }
    }
    // A plan that was saved draws the same samples.
    run(folder, "plan --tokens masked:4x8 --sampler halton --steps 4 --out p.json");
    run(folder, "sample --exact chain:4x8 --plan p.json -n 9 --out a.txt");
    run(folder, "sample --exact chain:4x8 --sampler halton --steps 4 -n 9 --out b.txt");
    assert_eq!(fs::read(folder.join("a.txt")).unwrap(), fs::read(folder.join("b.txt")).unwrap());
    let (text, _) = run(folder, "lint p.json");
    assert!(text.contains("no rule is violated"), "{text}");
    run(folder, "plan --tokens masked:4x8 --sampler confidence --steps 4 --out c.json");
    let output = langevin(folder).args(["lint", "c.json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("drawn-token"));
    let (text, _) = run(folder, "compare p.json p.json");
    assert!(text.contains("the same plan"), "{text}");
    let (text, _) = run(folder, "compare tokens:sizes tokens:entropy --tokens masked:4x8 --steps 4");
    assert!(text.contains("different"), "{text}");
    let (text, _) = run(folder, "explain entropy-bound");
    assert!(text.contains("2505.24857"), "{text}");
}

#[test]
fn exact_laws_are_analysed() {
    let folder = tempfile::tempdir().unwrap();
    let (text, _) = run(folder.path(), "analyze --exact chain:3x4 --sampler sizes,confidence,gibbs --steps 2,4 --json");
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let kl = |row: usize| found["results"][row]["kl"].as_f64().unwrap();
    // One token at a time in random order is exact, by confidence it is not.
    assert!(kl(0) > 0.01 && kl(1) == 0.0 && kl(3) > 0.1, "{text}");
    assert_eq!(found["results"][3]["violates"][0], "drawn-token");
    let error = refused(folder.path(), "analyze --exact chain:8x64 --sampler sizes --steps 2");
    assert!(error.contains("4096"), "{error}");
}

#[test]
fn flags_of_the_other_kind_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    model(folder);
    for (words, part) in [
        ("train --data names --predict x0 --steps 2 --out x.safetensors", "--predict"),
        ("train --data names --network mlp --steps 2 --out x.safetensors", "--network"),
        ("train --data names --noise purple --steps 2 --out x.safetensors", "masked"),
        ("train --data digits --noise masked --steps 2 --out x.safetensors", "--noise"),
        ("train --data digits --network sequence --steps 2 --out x.safetensors", "--network"),
        ("sample m.safetensors --as vp --out x.txt", "--as"),
        ("sample m.safetensors --out x.png", ".txt, .csv or .npy"),
        ("sample m.safetensors --class 1 --out x.txt", "--conditional"),
        ("sample --exact chain:3x5 --class 1 --out x.txt", "--class"),
        ("sample m.safetensors --columns 2 --out x.txt", "--columns"),
        ("evaluate m.safetensors --data names --columns 2", "--columns"),
        ("evaluate m.safetensors --data names --class 1", "--class"),
        ("likelihood m.safetensors --data names --method ode", "--method"),
        ("likelihood m.safetensors --data names --label-column 2", "--label-column"),
        ("tune m.safetensors --data names --nfe 2 --guidance 2", "--guidance"),
        ("tune m.safetensors --data names --nfe 2 --test 9", "--test"),
        ("recommend m.safetensors --data names --nfe 2 --neighbours 0.5", "--neighbours"),
        ("recommend --exact chain:3x5 --nfe 2 --process vp", "--process"),
        ("analyze --exact chain:3x5 --sigma-min 0.1", "--sigma-min"),
        ("sample m.safetensors --sampler heunn --out x.txt", "unknown"),
        ("sample --exact moons --keep 1 --from m.safetensors --out x.npy", "--keep"),
        ("sample --exact chian:3x5 --out x.txt", "chian"),
        ("sample --exact chain:3 --out x.txt", "chain:VxD"),
        ("likelihood m.safetensors --data digits", "tokens"),
        ("likelihood m.safetensors", "--data"),
        ("likelihood m.safetensors --data names --method ode", "--method"),
        ("likelihood --exact moons --data moons --exact-likelihood", "--exact"),
        ("evaluate m.safetensors --data names --train names", "--train"),
        ("diagnose m.safetensors --data names", "of tokens"),
        ("analyze --sampler ddim --data names", "tokens"),
        ("compare tokens:sizes tokens:entropy", "--tokens"),
        ("plan --tokens masked:3 --sampler sizes", "NOISE:VxD"),
        ("plan --tokens masked:3x5 --sampler gibbs", "uniform"),
    ] {
        let error = refused(folder, words);
        assert!(error.contains(part) && error.starts_with("error: "), "{words}: {error}");
        assert!(!error.contains("panicked"), "{error}");
    }
    assert!(!folder.join("x.txt").exists() && !folder.join("x.safetensors").exists());
}

#[test]
fn every_noise_is_trained_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for noise in ["masked", "uniform", "prior"] {
        run(folder, &format!("train --data names --noise {noise} --steps 20 --width 16 --depth 1 --out m.safetensors"));
        let (text, _) = run(folder, "info m.safetensors");
        assert!(text.contains(&format!("{noise} noise")), "{text}");
        run(folder, "sample m.safetensors --steps 3 -n 5 --out s.txt");
        let (text, _) = run(folder, "likelihood m.safetensors --data names -n 20 --json");
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        // Twenty steps learn little, but a bound is finite and below that of uniform letters.
        let nats = found["nats_mean"].as_f64().unwrap();
        assert!(nats > 10.0 && nats < 12.0 * 27_f64.ln() + 5.0, "{noise}: {nats}");
        let output =
            langevin(folder).args(["likelihood", "m.safetensors", "--data", "names", "-n", "1", "--exact"]).output();
        assert_eq!(output.unwrap().status.success(), noise == "masked");
    }
}

#[test]
fn the_twin_is_trained_beside() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let words =
        "train --data names --hold-out 0.1 --steps 5 --width 16 --depth 1 --beside autoregressive --out m.safetensors";
    let (_, said) = run(folder, words);
    assert!(said.contains("autoregressive twin: held-out"), "{said}");
    let (text, _) = run(folder, "info m.autoregressive.safetensors");
    assert!(text.contains("left to right"), "{text}");
    let (text, _) = run(folder, "likelihood m.autoregressive.safetensors --data names -n 9 --json");
    assert!(text.contains("\"kind\":\"exact\""), "{text}");
    // It writes from left to right, and sample i is sample i.
    let (_, said) = run(folder, "sample m.autoregressive.safetensors -n 70 --out a.txt");
    assert!(said.contains("by autoregression, 12 evaluations each"), "{said}");
    run(folder, "sample m.autoregressive.safetensors -n 5 --threads 1 --out b.txt");
    let [a, b] = ["a.txt", "b.txt"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    assert!(a.lines().count() == 70 && b.lines().count() == 5 && a.starts_with(&b), "{a} {b}");
    run(folder, "sample m.autoregressive.safetensors -n 5 --seed 1 --out c.txt");
    assert_ne!(fs::read_to_string(folder.join("c.txt")).unwrap(), b);
    let (text, _) = run(folder, "evaluate m.autoregressive.safetensors --data names -n 50");
    assert!(text.contains("4-gram"), "{text}");
    run(folder, "plan --tokens masked:27x12 --sampler halton --steps 4 --out p.json");
    for (flags, part) in [
        ("--sampler entropy", "--sampler, --steps, --plan"),
        ("--steps 4", "--sampler, --steps, --plan"),
        ("--plan p.json", "--sampler, --steps, --plan"),
        ("--from b.txt --keep 1", "--keep"),
    ] {
        let error = refused(folder, &format!("sample m.autoregressive.safetensors {flags} --out x.txt"));
        assert!(error.contains(part) && error.contains("left to right"), "{flags}: {error}");
        assert!(error.lines().count() <= 2 && !folder.join("x.txt").exists(), "{flags}: {error}");
    }
    let error = refused(folder, "train --data connected:4 --steps 2 --beside autoregressive --out g.safetensors");
    assert!(error.contains("sequences of tokens"), "{error}");
}

#[test]
fn samplers_are_checked_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let exit = |words: &str| {
        let output = langevin(folder).args(words.split(' ')).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = exit("lint confidence --tokens masked:4x8");
    assert!(code == Some(1) && text.contains("drawn-token"), "{text}");
    for words in
        ["halton --tokens masked:4x8", "tokens:ddim --tokens uniform:4x8 --steps 3", "dpmpp-2m", "ddim --steps 4"]
    {
        let (code, text) = exit(&format!("lint {words}"));
        assert_eq!(code, Some(0), "{words}: {text}");
    }
    run(folder, "plan --tokens masked:4x8 --sampler halton --steps 4 --out p.json");
    for (words, part) in [
        ("lint halton", "--tokens masked:27x12"),
        ("lint p.json --steps 3", "leave out --steps"),
        ("lint p.json --tokens masked:4x8", "leave out --tokens"),
        ("lint p.json --tolerance 1e-3", "leave out --tolerance"),
        ("lint haltn --tokens masked:4x8", "did you mean 'halton'?"),
        ("lint none.json", "none.json"),
        ("explain entropie", "did you mean 'entropy', a sampler of tokens?"),
        ("explain dpmpp-2n", "did you mean 'dpmpp-2m'?"),
    ] {
        let error = refused(folder, words);
        assert!(error.contains(part) && error.starts_with("error: "), "{words}: {error}");
    }
}

#[test]
fn orders_have_names() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // The order of a model is measured on it: on a chain, and on shidoku.
    for (density, order) in [("chain:3x5", "far-apart"), ("chain:3x5", "separated"), ("shidoku", "separated")] {
        run(folder, &format!("sample --exact {density} --sampler sizes:order={order} --steps 4 -n 3 --out s.txt"));
    }
    let (text, _) = run(folder, "analyze --exact chain:3x5 --sampler sizes:order=separated,sizes --steps 3 --json");
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let kl = |row: usize| found["results"][row]["kl"].as_f64().unwrap();
    assert!(kl(0) < 0.5 * kl(1), "{text}");
    let error = refused(folder, "plan --tokens masked:3x5 --sampler sizes:order=separated --steps 3");
    assert!(error.contains("measured on a model") && error.contains("far-apart"), "{error}");
    let error = refused(folder, "plan --tokens masked:3x5 --sampler sizes:order=separatd --steps 3");
    assert!(error.contains("did you mean 'separated'?"), "{error}");
}

#[test]
fn plans_of_the_other_kind_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    model(folder);
    run(folder, "plan --sampler ddim --process vp --steps 3 --out n.json");
    run(folder, "plan --tokens masked:27x12 --sampler halton --steps 3 --out t.json");
    fs::write(folder.join("list.json"), "[1, 2]").unwrap();
    fs::write(folder.join("bad.json"), "{\"kind\": \"tokens\", \"version\": \"one\"}").unwrap();
    for (words, part) in [
        ("sample m.safetensors --plan n.json --out x.txt", "got a plan of numbers"),
        ("evaluate m.safetensors --data names --plan n.json", "got a plan of numbers"),
        ("sample m.safetensors --plan list.json --out x.txt", "list.json"),
        ("sample m.safetensors --plan none.json --out x.txt", "--plan"),
        ("sample m.safetensors --plan bad.json --out x.txt", "bad.json"),
        ("sample --exact moons --plan t.json --out x.npy", "a plan of tokens, and the model is of numbers"),
    ] {
        let error = refused(folder, words);
        assert!(error.contains(part) && error.starts_with("error: ") && !error.contains("----"), "{words}: {error}");
    }
}

#[test]
fn surprises_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let small = "--noise masked --steps 2 --width 16 --depth 1 --batch 16";
    // A text of one line.
    fs::write(folder.join("one.txt"), "a text of one line\n").unwrap();
    let error = refused(folder, &format!("train --data one.txt {small} --length 40 --out x.safetensors"));
    assert!(error.contains("a single line is a running text") && error.contains("at most 19"), "{error}");
    let error = refused(folder, &format!("train --data one.txt --tokens word {small} --out x.safetensors"));
    assert!(error.contains("did you mean 'words'?") && error.contains("(--tokens)"), "{error}");
    // Repeated lines, of which some are held out.
    fs::write(folder.join("lines.txt"), "ada\nbo\nada\nbob\neve\nada\n".repeat(10)).unwrap();
    let (_, said) = run(folder, &format!("train --data lines.txt {small} --hold-out 0.2 --out l.safetensors"));
    assert!(said.contains("56 sequences of 60 repeat an earlier one"), "{said}");
    assert!(said.contains("12 of 12 held-out ones are learned from too"), "{said}");
    // Windows of a running text.
    let words = format!("train --data lines.txt --length 8 {small} --hold-out 0.3 --out w.safetensors");
    let (_, said) = run(folder, &words);
    assert!(said.contains("held out: the end of the text, in windows that do not overlap"), "{said}");
    assert!(!said.contains("repeat an earlier one"), "{said}");
    // A width that 16 does not divide has fewer heads.
    run(folder, "train --data names --noise masked --steps 2 --width 33 --depth 1 --batch 16 --out m.safetensors");
    let (_, said) = run(folder, "sample m.safetensors --sampler ddim --steps 2 -n 2 --out s.txt");
    assert!(said.contains("note: of tokens, 'ddim' is the sampler"), "{said}");
    let (_, said) = run(folder, "sample m.safetensors --sampler halton --steps 2 -n 2 --out s.txt");
    assert!(!said.contains("note:"), "{said}");
}

#[test]
fn graphs_are_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Paths and triangles of three nodes, in graph6.
    fs::write(folder.join("g.txt"), "Bg\nBo\nBW\nBw\n".repeat(10)).unwrap();
    let words = "train --data g.txt --tokens graphs --noise masked --steps 3 --width 8 --depth 1 --batch 16 --out m.safetensors";
    let (_, said) = run(folder, words);
    assert!(said.contains("40 sequences of 3 tokens"), "{said}");
    let (text, _) = run(folder, "info m.safetensors");
    assert!(text.contains("equivariant transformer for graphs of 3 nodes"), "{text}");
    run(folder, "sample m.safetensors --sampler first-hitting -n 5 --out s.g6");
    let drawn = fs::read_to_string(folder.join("s.g6")).unwrap();
    assert!(drawn.lines().count() == 5 && drawn.lines().all(|line| line.starts_with('B')), "{drawn}");
    let (text, _) = run(folder, "likelihood m.safetensors --data g.txt -n 4 --exact");
    assert!(text.contains("exact, summed over all orders"), "{text}");
}

#[test]
fn orders_are_recommended_and_tuned() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (text, _) = run(folder, "recommend --exact chain:3x8 --nfe 3 --out p.json --json");
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let excess = |name: &str| {
        let all = found["candidates"].as_array().unwrap();
        let one = all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {text}"));
        one["excess"]["nats"].as_f64()
    };
    let best = excess(found["best"].as_str().unwrap()).unwrap();
    assert!(best <= excess("random, even").unwrap(), "{text}");
    // An order that looks at drawn letters has no excess.
    assert_eq!(excess("confidence, even"), None);
    run(folder, "sample --exact chain:3x8 --plan p.json -n 3 --out s.txt");
    let (text, _) = run(folder, "tune --exact chain:3x8 --nfe 3 --json");
    let tuned: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(tuned["after"]["nats"].as_f64().unwrap() <= best + 1e-12, "{text}");
    // A trained model is measured on its held-out rows.
    run(folder, "train --data names --hold-out 0.1 --steps 60 --width 16 --depth 1 --batch 32 --out m.safetensors");
    let (text, said) = run(folder, "recommend m.safetensors --nfe 4");
    assert!(text.contains("random, even") && said.contains("read names"), "{text} {said}");
    assert!(text.contains("≤ ") && text.contains("upper bound") && !text.contains("Warning"), "{text}");
    // What is printed as a sampler is one.
    let sampler = text.lines().find_map(|line| line.strip_prefix("As a sampler: ")).unwrap();
    run(folder, &format!("sample m.safetensors --sampler {sampler} -n 2 --out r.txt"));
    // Few held-out rows are said.
    fs::write(folder.join("few.txt"), "ada\nbo\nbob\neve\nzoe\n".repeat(8)).unwrap();
    let few = "train --data few.txt --noise masked --hold-out 0.5 --steps 2 --width 16 --depth 1 --out f.safetensors";
    run(folder, few);
    let (text, _) = run(folder, "recommend f.safetensors --data few.txt --nfe 2");
    assert!(text.contains("Warning: the plans were measured on"), "{text}");
    let error = refused(folder, "recommend m.safetensors --nfe 4 --measure");
    assert!(error.contains("--measure"), "{error}");
}

#[test]
fn the_demo_of_names_writes_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (table, _) = run(folder, "demo names --quick --out d");
    for name in ["masked diffusion", "autoregressive twin", "4-gram", "confidence", "real names"] {
        assert!(table.contains(name), "{table}");
    }
    let page = fs::read_to_string(folder.join("d/report.html")).unwrap();
    assert!(page.contains("Names from masks") && page.contains("class=\"new\""));
    for name in ["model.safetensors", "autoregressive.safetensors", "names.txt"] {
        assert!(folder.join("d").join(name).exists(), "{name}");
    }
}

/// A table of two categories and a number, whose law depends on the first.
fn table(path: &Path) {
    let mut text = String::from("id,kind,size,grade\n");
    for row in 0..120 {
        let kind = row % 3;
        let size = if row % 17 == 5 { String::new() } else { format!("{}.{:02}", 10 * kind, row * 37 % 100) };
        text.push_str(&format!("{row},{},{size},{}\n", ["oak", "elm", "ash"][kind], 1 + (row * 7 + kind) % 4));
    }
    fs::write(path, text).unwrap();
}

#[test]
fn tables_of_categories_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    table(&folder.join("trees.csv"));
    let small = "--noise masked --steps 5 --width 8 --depth 1 --heads 2 --batch 16";
    let (_, said) = run(folder, &format!("train --data trees.csv {small} --hold-out 0.2 --out m.safetensors"));
    for words in ["120 rows of 1 column of numbers, 2 columns of categories (3 to 4 each)", "'id' (counts the rows)"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(said.contains("7 missing values"), "{said}");
    let (text, _) = run(folder, "info m.safetensors");
    assert!(text.contains("kind: ash, elm, oak") && text.contains("grade: 1, 2, 3, 4"), "{text}");
    // The header, the order of the columns and the decimals are those of the file.
    run(folder, "sample m.safetensors -n 9 --steps 3 --out s.csv");
    run(folder, "sample m.safetensors -n 4 --steps 3 --threads 1 --out t.csv");
    let [s, t] = ["s.csv", "t.csv"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    assert!(s.starts_with("kind,size,grade\n") && s.starts_with(&t) && s.lines().count() == 10, "{s}");
    for line in s.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let decimals = cells[1].split_once('.').map(|(_, decimals)| decimals.len());
        assert!(["oak", "elm", "ash"].contains(&cells[0]) && decimals == Some(2), "{line}");
        assert!((1..=4).contains(&cells[2].parse::<u8>().unwrap()), "{line}");
    }
    run(folder, "sample m.safetensors -n 3 --steps 3 --out s.parquet");
    let (text, _) = run(folder, "evaluate m.safetensors --data trees.csv --steps 3 --json");
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&found["kind"], &found["held_out"]), (&"table".into(), &22.into()), "{text}");
    assert_eq!(found["measures"].as_array().unwrap().len(), 5);
    let error = refused(folder, "likelihood m.safetensors --data trees.csv");
    assert!(error.contains("numbers and categories together"), "{error}");
    // Rows are drawn while it is trained, and the page of the run shows them.
    for (run_of, drop) in [("r", ""), ("s", " --drop size")] {
        let words = format!("train --data trees.csv{drop} {small} --hold-out 0.2 --samples-every 2 --log-every 2");
        run(folder, &format!("{words} --run {run_of}"));
        // The loss of numbers is no bound on −ln p.
        let log = fs::read_to_string(folder.join(run_of).join("log.ndjson")).unwrap();
        let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        assert_eq!(lines.filter(|line| line["bound"].is_number()).count() > 0, !drop.is_empty(), "{log}");
        let drawn = fs::read_to_string(folder.join(run_of).join("samples/step-0000002.txt")).unwrap();
        let columns = if drop.is_empty() { 3 } else { 2 };
        assert!(drawn.lines().all(|line| line.split(", ").count() == columns), "{drawn}");
        run(folder, &format!("report {run_of}"));
        let page = fs::read_to_string(folder.join(run_of).join("report.html")).unwrap();
        for words in ["rows of trees", "Held-out data", "After step 2", "distance of columns"] {
            assert!(page.contains(words), "{words}");
        }
        assert_eq!(page.contains("an upper bound"), !drop.is_empty());
    }
    let error = refused(folder, "sample m.safetensors --sampler heun --steps 3 --out s.csv");
    assert!(error.contains("falling noise levels"), "{error}");
    let error = refused(folder, "sample m.safetensors --out s.txt");
    assert!(error.contains(".csv, .tsv or .parquet"), "{error}");
    fs::write(folder.join("other.csv"), "kind,size,grade\nfir,1,2\n").unwrap();
    let error = refused(folder, "evaluate m.safetensors --data other.csv");
    assert!(error.contains("'fir'") && error.contains("ash, elm, oak"), "{error}");
}

#[test]
fn tables_of_categories_are_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    table(&folder.join("trees.csv"));
    let small = "--noise masked --steps 5 --width 8 --depth 1 --batch 16";
    run(folder, &format!("train --data trees.csv --drop size {small} --out m.safetensors"));
    run(folder, "sample m.safetensors -n 5 --sampler first-hitting --out s.csv");
    let drawn = fs::read_to_string(folder.join("s.csv")).unwrap();
    assert!(drawn.starts_with("kind,grade\n") && drawn.lines().count() == 6, "{drawn}");
    let (text, _) = run(folder, "likelihood m.safetensors --data trees.csv -n 4 --exact");
    assert!(text.contains("exact, summed over all orders"), "{text}");
    let (text, _) = run(folder, "evaluate m.safetensors --data trees.csv --steps 2");
    assert!(text.contains("two-sample accuracy") && text.contains("copula"), "{text}");
    let error = refused(folder, &format!("train --data trees.csv --drop kind,grade {small} --out n.safetensors"));
    assert!(error.contains("no column of categories"), "{error}");
    let error = refused(folder, "train --data trees.csv --noise uniform --steps 1 --out n.safetensors");
    assert!(error.contains("different letters"), "{error}");
}

#[test]
fn arrays_of_integers_are_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (30, 4), }";
    bytes.extend(format!("{header:117}\n").into_bytes());
    (0..120_i64).for_each(|i| bytes.extend((100 + i * i % 7).to_le_bytes()));
    fs::write(folder.join("a.npy"), bytes).unwrap();
    let words = "train --data a.npy --noise uniform --steps 3 --width 8 --depth 1 --batch 16 --out m.safetensors";
    let (_, said) = run(folder, words);
    assert!(said.contains("30 sequences of 4 tokens over 4 letters"), "{said}");
    run(folder, "sample m.safetensors -n 3 --steps 2 --out s.npy");
    let drawn = fs::read(folder.join("s.npy")).unwrap();
    assert!(drawn.escape_ascii().to_string().contains("<i8"));
    for value in drawn[128..].chunks(8) {
        assert!([100, 101, 102, 104].contains(&i64::from_le_bytes(value.try_into().unwrap())));
    }
    run(folder, "sample m.safetensors -n 3 --steps 2 --out s.txt");
    let (text, _) = run(folder, "likelihood m.safetensors --data a.npy -n 4");
    assert!(text.contains("nats"), "{text}");
}
