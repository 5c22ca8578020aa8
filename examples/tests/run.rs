//! Every example runs, and says what its text promises.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use std::process::Command;

fn said(program: &str) -> String {
    let out = Command::new(program).output().unwrap();
    assert!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_readmes_program_is_this_one_and_runs() {
    let (_, program) = include_str!("../00_readme.rs").split_once("\n\n").unwrap();
    assert!(include_str!("../../README.md").contains(program));
    said(env!("CARGO_BIN_EXE_00_readme"));
}

#[test]
fn a_sampler_of_ones_own_is_linted_analysed_and_run() {
    let text = said(env!("CARGO_BIN_EXE_01_own_sampler"));
    assert!(text.starts_with("two-values on vp"), "{text}");
    assert!(text.contains("lint: every step keeps its marginal"), "{text}");
    let errors: Vec<f64> = text
        .lines()
        .find(|line| line.starts_with("W2 "))
        .unwrap()
        .split([' ', ','])
        .filter_map(|word| word.parse().ok())
        .collect();
    assert!(errors[0] < errors[1], "two values a step are no better than one: {errors:?}");
    // The sampler with a stage is of weak order 2: each doubling divides the error by more than 2.
    let of = |line: &str| line.rsplit(' ').next().and_then(|word| word.parse().ok());
    let errors: Vec<f64> = text.lines().filter(|line| line.starts_with("middle in")).filter_map(of).collect();
    assert!(errors.len() == 4 && errors.windows(2).all(|pair| pair[0] > 2.5 * pair[1]), "{errors:?}");
    // The page quotes it.
    let program = include_str!("../01_own_sampler.rs");
    let (start, end) = (program.find("/// A sampler with two").unwrap(), program.find("fn main()").unwrap());
    assert!(include_str!("../../docs/contributing.md").contains(program[start..end].trim_end()));
}

#[test]
fn the_checks_of_the_page_run_and_find_what_it_says() {
    let (_, program) = include_str!("../06_check_a_sampler.rs").split_once("\n\n").unwrap();
    assert!(include_str!("../../docs/contributing.md").contains(program));
    let text = said(env!("CARGO_BIN_EXE_06_check_a_sampler"));
    assert!(text.contains("0 findings") && text.contains("same table"), "{text}");
    // The errors of 16 to 128 steps that the page quotes, to the digits that it quotes.
    for (steps, page) in [(16, "2.19"), (32, "0.426"), (64, "0.0944"), (128, "0.0223")] {
        let line = text.lines().find(|line| line.starts_with(&format!("{steps} steps"))).unwrap();
        let found: f64 = line.split_whitespace().last().unwrap().parse().unwrap();
        assert!((found - page.parse::<f64>().unwrap()).abs() < 0.005, "{line}");
    }
}

#[test]
fn a_process_of_ones_own_is_a_choice_of_coordinates_and_a_wrong_one_is_refused() {
    let text = said(env!("CARGO_BIN_EXE_02_own_process"));
    let apart: f64 = text.lines().find_map(|line| line.strip_prefix("largest difference ")).unwrap().parse().unwrap();
    assert!(apart < 1e-9, "{text}");
    assert!(text.contains("parabola (custom)") && text.contains("refused: "), "{text}");
}

#[test]
fn a_model_of_ones_own_is_read_as_another_formulation() {
    let text = said(env!("CARGO_BIN_EXE_03_own_model"));
    // Ten thousand samples of N(3, ½²): three standard errors of the mean are .015, of the
    // deviation .011; what the range of noise levels and twenty steps leave is below either.
    for line in text.lines() {
        let numbers: Vec<f64> = line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
        let [mean, deviation] = numbers[..] else { panic!("{line}") };
        assert!((mean - 3.0).abs() < 0.03 && (deviation - 0.5).abs() < 0.03, "{line}");
    }
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn a_space_of_ones_own_gives_the_same_bits() {
    assert!(said(env!("CARGO_BIN_EXE_04_own_space")).ends_with("the same to the last bit\n"));
}

#[test]
fn a_network_and_a_task_of_ones_own_are_checked_trained_and_kept() {
    let text = said(env!("CARGO_BIN_EXE_05_own_network"));
    assert!(text.starts_with("gradients: those of finite differences"), "{text}");
    let line = text.lines().find(|line| line.starts_with("energy distance")).unwrap();
    let numbers: Vec<f64> = line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let [trained, untrained, floor] = numbers[..] else { panic!("{line}") };
    // Two sets of two thousand draws are 0.06 apart, give or take 0.02; the training ends some 0.03
    // above that.
    assert!(trained < 0.12 && untrained > 0.2 && floor < 0.1, "{line}");
    assert!(text.contains("loaded: the same to the last bit"), "{text}");
    assert!(text.contains("refused: the network is defined by another program") && text.contains("'gated'"), "{text}");
}
