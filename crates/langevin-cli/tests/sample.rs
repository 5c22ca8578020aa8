//! `langevin sample` on densities known in closed form: no training in the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, read_f8, works};
use std::fs;

#[test]
fn sample_i_depends_on_the_seed_and_on_i_alone() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let draw = |flags: &str| {
        works(
            here,
            &format!("sample --exact moons --as vp:score --sampler exponential --eta 1 --steps 6 --out x.npy {flags}"),
        );
        read_f8(&here.join("x.npy")).1
    };
    let all = draw("-n 1000 --seed 5");
    for flags in ["--threads 1", "--threads 3", "--batch 1 --threads 2", "--batch 7", "--batch 999 --threads 1"] {
        assert_eq!(draw(&format!("-n 1000 --seed 5 {flags}")), all, "{flags}");
    }
    assert_eq!(draw("-n 10 --seed 5"), all[..20]);
    assert_ne!(draw("-n 10 --seed 6"), all[..20]);
}

#[test]
fn the_process_of_an_ode_changes_nothing_but_rounding() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let draw = |read_as: &str| {
        works(here, &format!("sample --exact 8gaussians --as {read_as} --steps 8 -n 50 --out x.npy"));
        read_f8(&here.join("x.npy")).1
    };
    let one = draw("ve");
    for read_as in ["vp:score", "vp-cosine:v", "rectified-flow:velocity", "ve:edm", "vp-linear:epsilon", "vp:x0"] {
        let worst = draw(read_as).iter().zip(&one).fold(0.0_f64, |worst, (a, b)| worst.max((a - b).abs()));
        // An ε-prediction gives D with an error of σ/α roundings, at most 80 · 2⁻⁵² at the start,
        // which the samples forget.
        assert!(worst < 1e-9, "{read_as}: {worst:e}");
    }
}

#[test]
fn samples_lie_where_the_density_is() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, "sample --exact gaussian -n 4000 --steps 60 --out x.npy");
    let (shape, numbers) = read_f8(&here.join("x.npy"));
    assert_eq!(shape, "4000, 2");
    let mean = |axis: usize| numbers.iter().skip(axis).step_by(2).sum::<f64>() / 4000.0;
    // Means (0.5, −0.25), variances (1, 0.5): five standard errors.
    assert!((mean(0) - 0.5).abs() < 0.08 && (mean(1) + 0.25).abs() < 0.06, "{} {}", mean(0), mean(1));
}

#[test]
fn every_output_says_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    for name in ["x.npy", "x.csv", "x.png"] {
        let (stdout, stderr) = works(here, &format!("sample --exact moons -n 5 --steps 3 --out {name}"));
        assert!(stdout.is_empty() && stderr.starts_with("5 samples of "), "{stderr}");
    }
    assert_eq!(names(here), ["x.csv", "x.npy", "x.png"]);
    let numbers = read_f8(&here.join("x.npy")).1;
    let csv = fs::read_to_string(here.join("x.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("x0,x1"));
    let read: Vec<f64> = lines.flat_map(|line| line.split(',').map(|field| field.parse().unwrap())).collect();
    assert_eq!(read, numbers);
    let mut picture =
        png::Decoder::new(std::io::BufReader::new(fs::File::open(here.join("x.png")).unwrap())).read_info().unwrap();
    let mut pixels = vec![0; picture.output_buffer_size().unwrap()];
    picture.next_frame(&mut pixels).unwrap();
    assert!(pixels.iter().any(|pixel| *pixel < 255));

    works(here, "sample --exact moons -n 5 --steps 3 --out x.npy --dtype f32");
    let bytes = fs::read(here.join("x.npy")).unwrap();
    assert_eq!(bytes[128..132], (numbers[0] as f32).to_le_bytes());
}

#[test]
fn the_summary_is_json_for_scripts() {
    let directory = tempfile::tempdir().unwrap();
    let (stdout, _) =
        works(directory.path(), "sample --exact moons --moves '(R L)*5' -n 3 --seed 9 --out x.npy --json");
    let summary: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(summary["samples"], 3);
    assert_eq!(summary["shape"], serde_json::json!([3, 2]));
    assert_eq!(summary["nfe"], 9);
    assert_eq!(summary["seed"], 9);
    assert_eq!(summary["path"], "x.npy");
    let (stdout, _) = works(directory.path(), "info --exact moons --json");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&stdout).unwrap()["shape"], serde_json::json!([2]));
}

#[test]
fn a_list_is_the_range_of_the_summary() {
    let directory = tempfile::tempdir().unwrap();
    let (stdout, _) = works(directory.path(), "sample --exact moons --grid list:50,3,0 -n 1 --out x.npy --json");
    let summary: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&summary["sigma_max"], &summary["sigma_min"]), (&50.0.into(), &3.0.into()));
}

#[cfg(unix)]
#[test]
fn a_linked_output_is_written_where_the_link_leads() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    fs::create_dir(here.join("data")).unwrap();
    std::os::unix::fs::symlink("data/x.npy", here.join("link.npy")).unwrap();
    for count in [1, 2] {
        works(here, &format!("sample --exact moons -n {count} --steps 1 --out link.npy"));
        assert_eq!(read_f8(&here.join("data/x.npy")).0, format!("{count}, 2"));
    }
    assert!(here.join("link.npy").is_symlink());
    assert_eq!(
        (names(here), names(&here.join("data"))),
        (vec!["data".into(), "link.npy".into()], vec!["x.npy".into()])
    );
}

#[test]
fn adaptive_samples_do_not_depend_on_their_company() {
    let directory = tempfile::tempdir().unwrap();
    let read = |line: &str, file: &str| {
        works(directory.path(), line);
        std::fs::read_to_string(directory.path().join(file)).unwrap()
    };
    let many =
        read("sample --exact 8gaussians --adaptive dpm23 --eta 0.5 -n 40 --threads 2 --out many.csv", "many.csv");
    let few = read("sample --exact 8gaussians --adaptive dpm23 --eta 0.5 -n 7 --batch 2 --out few.csv", "few.csv");
    assert!(many.starts_with(&few), "{many}\n{few}");
    let (json, stderr) =
        works(directory.path(), "sample --exact moons --adaptive euler-heun --rtol 0.2 -n 2 --out x.npy --json");
    assert!(json.contains("\"plan\":\"adaptive\"") && stderr.contains("at most "), "{json} {stderr}");
}
