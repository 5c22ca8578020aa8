//! Which named samplers are the same table of numbers: the page `docs/family.md`, made and held
//! here.
//!
//! `LANGEVIN_BLESS=1 cargo test -p langevin --test family` writes the page anew.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::plan::compare;
use langevin::sampler::Entry;
use langevin::{Grid, Level, Plan, Process, Sampler};
use std::fmt::Write as _;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/family.md");

/// The options that make one sampler another, beside the default ones of every sampler.
const OPTIONS: &[&str] = &[
    "ddim:eta=0.5",
    "ddim:eta=1",
    "euler-ancestral:eta=0",
    "euler-ancestral:eta=0.5",
    "euler-ancestral-flow:eta=0",
    "exponential:eta=0.5",
    "exponential:eta=1",
    "adams1:eta=1",
    "adams2:eta=1",
    "adams3:eta=1",
    "tcd:gamma=0",
    "tcd:gamma=1",
    "dpmpp-2m:solver=heun",
    "dpmpp-2m:solver=exact",
    "dpmpp-3m:solver=exact",
    "dpmpp-2m-sde:eta=0",
    "dpmpp-2m-sde:eta=0,solver=heun",
    "dpmpp-2m-sde:solver=heun",
    "dpmpp-3m-sde:eta=0",
    "dpmpp-3m-sde:solver=exact",
    "dpm-solver-2m:solver=heun",
    "dpm-solver-3m:solver=exact",
    "deis:order=1",
    "deis:order=2",
    "deis:variable=sigma,order=4",
    "deis:variable=sigma,order=1",
    "lms:order=1",
    "ipndm:order=1",
    "flow-adams:order=1",
    "gradient-estimation:gamma=1",
    "dpm2-ancestral:eta=0",
    "dpmpp-2s-ancestral:eta=0",
    "dpmpp-sde:eta=0",
    "seeds-2:eta=0",
    "seeds-3:eta=0",
    "exp-heun-sde:eta=0",
    "dpmpp-2s:solver=heun",
    "dpmpp-2s-ancestral:eta=0,solver=heun",
    "dpmpp-3s:solver=heun",
    "seeds-2:eta=0,solver=heun",
    "seeds-3:eta=0,solver=heun",
    "res-multistep-ancestral:eta=0",
    "res-multistep-ancestral:solver=exact",
    "res-multistep-ancestral:eta=0.5",
    "res-multistep-ancestral:eta=0.5,solver=exact",
    "er-sde:solver=exact",
    "unipc:order=1,corrector=false",
    "unipc:corrector=false",
    "unipc-bh2:corrector=false,lower=false",
    "unipc:order=3",
    "unipc-bh2:order=3",
    "unipc:solver=exact",
    "unipc-bh2:solver=exact",
    "unipc:order=3,corrector=false,lower=false",
    "sa-solver:eta=0,predictor=1,corrector=0",
    "sa-solver:predictor=1,corrector=0",
    "sa-solver:eta=0",
    "sa-solver-pece:eta=0,predictor=1,corrector=1",
    "sa-solver-pece:predictor=1,corrector=1",
    "sa-solver-pece:corrector=0,lower=false",
    "sa-solver:eta=0,corrector=0,lower=false",
    "sa-solver:corrector=0,lower=false",
    "sa-solver:eta=0,predictor=3,corrector=0,lower=false",
    "predictor-corrector:corrections=0",
    "predictor-corrector:eta=0,corrections=0",
];

fn process(name: &str) -> Process {
    Process::parse(name).unwrap()
}

/// Grids that all processes share: the clocks differ, the noise levels do not.
fn grids() -> Vec<Grid> {
    vec![Grid::karras(8), Grid::uniform_lambda(6), Grid::list(vec![7.0, 5.0, 2.0, 1.5, 0.3, 0.21, 0.0])]
}

fn levels(process: &Process, grid: &Grid) -> Vec<Level> {
    grid.levels(process, 0.1, 9.0).unwrap()
}

/// Every linear sampler from noise to data.
fn specs() -> Vec<String> {
    let plain = Entry::all().iter().map(|entry| entry.name.to_owned());
    let usable = |spec: &String| {
        let process = process("vp");
        let plan = Sampler::parse(spec, None).unwrap().compile(&process, None, &levels(&process, &grids()[0]));
        plan.is_ok_and(|plan| plan.is_linear() && plan.inputs().is_empty())
    };
    plain.chain(OPTIONS.iter().map(|spec| (*spec).to_owned())).filter(usable).collect()
}

/// A sampler's plans on one process, one for each grid.
fn plans(spec: &str, process: &Process) -> Vec<Plan> {
    let sampler = Sampler::parse(spec, None).unwrap();
    grids().iter().map(|grid| sampler.compile(process, None, &levels(process, grid)).unwrap()).collect()
}

fn same(a: &[Plan], b: &[Plan]) -> bool {
    a.iter().zip(b).all(|(a, b)| compare(a, b).unwrap().is_same(1e-10))
}

/// Sets of samplers that are the same table on every grid tried, on VP.
fn families() -> Vec<Vec<String>> {
    let process = process("vp");
    let mut families: Vec<(Vec<Plan>, Vec<String>)> = Vec::new();
    for spec in specs() {
        let own = plans(&spec, &process);
        match families.iter_mut().find(|(first, _)| same(first, &own)) {
            Some((_, members)) => members.push(spec),
            None => families.push((own, vec![spec])),
        }
    }
    families.into_iter().map(|(_, members)| members).collect()
}

/// The largest difference of two samplers on Karras's grid of eight steps.
fn difference(a: &str, b: &str) -> f64 {
    compare(&plans(a, &process("vp"))[0], &plans(b, &process("vp"))[0]).unwrap().difference
}

fn page() -> String {
    let mut page = String::from(
        "# The family of samplers\n\nThis page answers: which named samplers are the same one? Samplers in one row below \
         do exactly the same.\nTo see whether your plan is a named sampler, compare it with one candidate at a time, on its own steps and grid:\n`langevin compare PLAN.json seeds-2@vp --steps N --grid karras`.\n\n\
         Divide every state by α. Then every network input, and the result, is a weighted sum of the denoised predictions\n\
         and the draws of noise, with the same weights on every process. Two samplers are the same if all weights agree\n\
         (to 1e-10). Each row was compared on three grids with different spacing. A test repeats it on VP, VE, rectified\n\
         flow, cosine, linear and sub-VP.\n\n\
         Generated by `LANGEVIN_BLESS=1 cargo test -p langevin --test family`.\n\n## One table, many names\n\n| samplers |\n|---|\n",
    );
    let families = families();
    for members in families.iter().filter(|members| members.len() > 1) {
        let members: Vec<String> = members.iter().map(|spec| format!("`{spec}`")).collect();
        let _ = writeln!(page, "| {} |", members.join(" = "));
    }
    page += "\nFor example, DDIM is Euler in σ on VE, and Euler in flow time on a rectified flow. So `ddim` and `euler` are in one\nrow, on any process.\n\n## Near relatives\n\n\
             The largest difference of any weight, on Karras's grid of eight steps from σ/α = 9 to 0.1.\n\n| | | difference |\n|---|---|---|\n";
    for (a, b) in NEAR {
        let _ = writeln!(page, "| `{a}` | `{b}` | {:.2e} |", difference(a, b));
    }
    page += "\n## Tables of their own\n\nSamplers that equal no other sampler of this page:\n\n";
    let alone: Vec<String> =
        families.iter().filter(|members| members.len() == 1).map(|members| format!("`{}`", members[0])).collect();
    page + &alone.join(", ") + ".\n"
}

/// Pairs that are often taken for one another, and are not the same.
const NEAR: &[(&str, &str)] = &[
    ("dpmpp-2m", "adams2"),
    ("dpmpp-3m", "adams3"),
    ("dpmpp-2m-sde", "adams2:eta=1"),
    ("dpmpp-3m-sde", "adams3:eta=1"),
    ("dpm-solver-2m", "deis:order=2"),
    ("dpm-solver-3m", "deis"),
    ("ipndm", "lms"),
    ("heun", "flow-heun"),
    ("heun", "exp-heun"),
    ("unipc:corrector=false", "adams2"),
    ("unipc", "unipc-bh2"),
    ("unipc", "unipc:solver=exact"),
    ("unipc-bh2", "unipc-bh2:solver=exact"),
    ("res-multistep-ancestral:eta=0.5", "res-multistep-ancestral:eta=0.5,solver=exact"),
    ("er-sde", "er-sde:solver=exact"),
    ("dpmpp-2s", "dpmpp-2s:solver=heun"),
    ("dpmpp-3s", "dpmpp-3s:solver=heun"),
    ("ddim:eta=0.5", "exponential:eta=0.5"),
    ("euler-ancestral", "euler-ancestral-flow"),
];

#[test]
fn the_page_is_what_the_samplers_are() {
    let page = page();
    if std::env::var_os("LANGEVIN_BLESS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(kept == page, "docs/family.md is not what the samplers are; bless it if they changed on purpose:\n{page}");
}

/// What the documents say by name.
#[test]
fn the_identities_that_are_promised_hold() {
    let families = families();
    let together = |specs: &[&str]| {
        let family = families.iter().find(|members| members.iter().any(|spec| spec == specs[0])).unwrap();
        specs.iter().all(|spec| family.iter().any(|member| member == spec))
    };
    for family in [
        &["ddim", "euler", "exponential", "adams1", "euler-ancestral:eta=0", "tcd:gamma=0"][..],
        &["ddpm", "ddim:eta=1", "euler-ancestral", "exponential:eta=1", "adams1:eta=1"],
        &["adams2", "dpmpp-2m:solver=heun", "dpmpp-2m-heun", "res-multistep"],
        &["adams3", "dpmpp-3m:solver=exact"],
        &["dpmpp-2m", "dpmpp-2m-sde:eta=0"],
        &["deis:order=2", "dpm-solver-2m:solver=heun"],
        &["deis", "dpm-solver-3m:solver=exact"],
        &["lms", "deis:variable=sigma,order=4"],
        &["dpm2", "dpm-solver-2", "dpm2-ancestral:eta=0"],
        &["dpmpp-2s", "dpmpp-2s-ancestral:eta=0", "dpmpp-sde:eta=0", "seeds-2:eta=0"],
        &["lcm", "tcd:gamma=1"],
        &["unipc:solver=exact", "unipc-bh2:solver=exact", "sa-solver:eta=0"],
        &["exp-heun", "sa-solver-pece:eta=0,predictor=1,corrector=1"],
        &["exp-heun-sde", "sa-solver-pece:predictor=1,corrector=1"],
        &["adams2", "res-multistep-ancestral:eta=0"],
        &["adams2:eta=1", "res-multistep-ancestral", "res-multistep-ancestral:solver=exact", "dpmpp-2m-sde-heun"],
    ] {
        assert!(together(family), "{family:?}");
    }
    for (a, b) in NEAR {
        assert!(difference(a, b) > 1e-6, "{a} and {b} are the same");
    }
}

/// A sampler is the same table on every process, at matched noise levels; but those that look at
/// the clock.
#[test]
fn a_sampler_is_the_same_table_on_every_process() {
    let clocked = |spec: &str| spec.starts_with("tcd") && !spec.contains("gamma=0") && !spec.contains("gamma=1");
    for spec in specs().iter().filter(|spec| !clocked(spec)) {
        let reference = plans(spec, &process("vp"));
        for name in ["ve", "rectified-flow", "vp-cosine", "vp-linear", "sub-vp"] {
            let own = plans(spec, &process(name));
            for (a, b) in reference.iter().zip(&own) {
                let comparison = compare(a, b).unwrap();
                assert!(comparison.is_same(1e-9), "{spec} on {name}: {comparison}");
            }
        }
    }
}
