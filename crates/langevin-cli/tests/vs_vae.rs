//! `langevin vs-vae`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{run, works};
use serde_json::Value;

/// One training of a quarter of a second: whether it works and what is documented, not how well.
#[test]
fn it_prints_what_is_documented() {
    let directory = tempfile::tempdir().unwrap();
    let (stdout, _) = works(directory.path(), "vs-vae --quick --seeds 2 --seconds 0.25 --steps 8 --json");
    let found: Value = serde_json::from_str(&stdout).unwrap();
    let at = |path: &str| found.pointer(path).unwrap_or_else(|| panic!("no {path} in {found}")).clone();
    let number = |path: &str| at(path).as_f64().unwrap_or_else(|| panic!("{path} is no number"));
    // Every field of the page's table is there.
    let page = include_str!("../../../docs/vs-vae.md");
    let fields: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| `/")?.split('`').next()).collect();
    assert!(fields.len() > 15, "{fields:?}");
    for field in fields {
        at(&format!("/{field}"));
    }
    // The closed forms do not depend on any training.
    assert!(number("/gaussian/linear_vae_terms/posterior_gap").abs() < 1e-12);
    assert!(
        (number("/gaussian/chains/0/terms/bound") - number("/gaussian/chains/0/terms/entropy") - 64.75).abs() < 0.01
    );
    assert!((number("/gaussian/chains/1/terms/divergence") - 0.306).abs() < 1e-3);
    assert_eq!((at("/trained/steps"), at("/trained/seeds")), (8.into(), 2.into()));
    for model in ["vae", "diffusion"] {
        for seed in 0..2 {
            let term = |name: &str| number(&format!("/trained/{model}/runs/{seed}/{name}"));
            let sum = term("entropy") + term("divergence") + term("posterior_gap");
            // The identity; by two quadratures for the VAE, of a network in single precision.
            assert!((term("bound") - sum).abs() < 1e-4, "{model}: {found}");
            assert!(term("divergence") > 0.0 && term("posterior_gap") > 0.0 && term("prior_gap") > -1e-6);
            assert!(term("prior_gap") <= term("divergence") + term("posterior_gap") + 1e-6);
        }
    }
    // Two networks of one size: within the step of a width.
    let [a, b] = ["vae", "diffusion"].map(|model| number(&format!("/trained/{model}/parameters")));
    assert!((a / b - 1.0).abs() < 0.02, "{a} {b}");
    // More steps, with the same network, are a tighter bound.
    assert!(number("/trained/endless/0") < number("/trained/diffusion/runs/0/bound"));
    assert!((number("/layers/1/even/bound") - number("/layers/1/even/entropy") - 10.5).abs() < 0.01);
}

#[test]
fn people_read_tables() {
    let directory = tempfile::tempdir().unwrap();
    let (stdout, stderr) = works(directory.path(), "vs-vae --quick --seeds 1 --seconds 0.2 --steps 4");
    for part in
        ["1. Linear-Gaussian", "2. Two modes", "3. The chain", "The VAE wins: it is exact", "linear VAE, 1 latent"]
    {
        assert!(stdout.contains(part), "{part} is not in\n{stdout}");
    }
    // One seed has no standard error, so no winner is declared.
    assert!(!stdout.contains('±') && stdout.contains("No difference beyond two standard errors"), "{stdout}");
    assert!(!stderr.contains("error"), "{stderr}");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for line in ["--seeds 0", "--seeds 101", "--seconds 0", "--seconds nan", "--steps 0", "--steps 513", "--steps x"] {
        let (code, stdout, stderr) = run(directory.path(), &format!("vs-vae {line}"));
        assert_eq!((code, stdout.as_str()), (2, ""), "{line}: {stderr}");
        assert!(stderr.contains("expected"), "{line}: {stderr}");
    }
}
