//! Samples of every named sampler against their exact laws, the effect of every coefficient, and
//! the laws against published numbers.
#![allow(clippy::unwrap_used)]

use langevin::{Query, Result, SampleId};
use langevin_discrete::exact::{self, Chain, Density};
use langevin_discrete::likelihood::{best_sizes, excess, profile};
use langevin_discrete::plan::{Law, Rule};
use langevin_discrete::sampler::{self, Entry, Noises, Order, even};
use langevin_discrete::{Denoiser, Letter, Noise, Plan, Request, StateSpace};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SAMPLES: u64 = 200_000;

/// A model whose batches evaluate every different sequence once.
struct Once<'a>(&'a dyn Denoiser);

impl Denoiser for Once<'_> {
    fn space(&self) -> &StateSpace {
        self.0.space()
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        let length = self.space().length();
        let mut numbers = BTreeMap::new();
        for row in x.chunks_exact(length) {
            let next = numbers.len();
            numbers.entry(row).or_insert(next);
        }
        let mut different = vec![0; numbers.len() * length];
        for (row, number) in &numbers {
            different[number * length..][..length].copy_from_slice(row);
        }
        let rows = vec![SampleId::default(); numbers.len()];
        let mut once = Query::new(langevin_discrete::level(query.at.row(0).alpha), &rows);
        once.branch = query.branch;
        let values = self.0.predict(&different, &once)?;
        let width = values.len() / numbers.len();
        Ok(x.chunks_exact(length).flat_map(|row| &values[numbers[row] * width..][..width]).copied().collect())
    }
}

fn total_variation(p: &[f64], q: &[f64]) -> f64 {
    0.5 * p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum::<f64>()
}

/// Returns the mean total variation between a law and the frequencies of its own samples.
fn floor(law: &[f64]) -> f64 {
    // The mean of |k/n − p| is √(2p(1 − p)/πn).
    let deviation = |p: &f64| (2.0 * p * (1.0 - p) / (std::f64::consts::PI * SAMPLES as f64)).sqrt();
    0.5 * law.iter().map(deviation).sum::<f64>()
}

/// Returns the frequencies of the samples of a plan, whose seed is `seed`.
fn frequencies(plan: &Plan, model: &dyn Denoiser, seed: u64) -> Vec<f64> {
    let (length, letters) = (plan.space().length(), plan.space().letters());
    let mut count = vec![0.0; letters.pow(length as u32)];
    for first in (0..SAMPLES).step_by(20_000) {
        let rows: Vec<SampleId> = (first..first + 20_000).map(|index| SampleId { seed, index }).collect();
        for tokens in plan.run(&Once(model), &rows).unwrap().chunks(length) {
            count[tokens.iter().fold(0, |number, letter| number * letters + *letter as usize)] += 1.0;
        }
    }
    count.iter().map(|count| count / SAMPLES as f64).collect()
}

/// Requests for named samplers, with options that make them differ on few tokens.
const MASKED: [&str; 19] = [
    "ancestral steps=3",
    "coupling steps=2 grid=cosine",
    "euler steps=3 eta=1.5",
    "row steps=3 rho=0.6",
    "remask steps=4 eta=0.2",
    "remask schedule=rescale steps=4 eta=0.4",
    "remask schedule=loop steps=6 eta=0.1",
    "forward-backward steps=3 rho=0.6",
    "psi steps=3 kappa=0.7",
    "theta-trapezoidal steps=2 theta=0.4",
    "first-hitting",
    "sizes steps=3",
    "cosine steps=2",
    "halton steps=2",
    "confidence steps=2",
    "margin steps=2",
    "entropy steps=2",
    "entropy-bound bound=0.5 steps=3",
    "threshold above=0.6 steps=3",
];
const BLOCKS: [&str; 3] =
    ["blocks block=2 steps=1", "ancestral steps=2 temperature=0.7 top-p=0.9", "sizes steps=2 top-k=2"];
const UNMASKED: [&str; 7] = [
    "ancestral steps=3",
    "coupling steps=3",
    "euler steps=3 eta=0.5",
    "row steps=3 rho=0.6",
    "forward-backward steps=2 rho=0.6",
    "psi steps=3 kappa=0.7",
    "gibbs steps=3 sweeps=2",
];

fn cases(length: usize) -> Vec<(Chain, Vec<&'static str>)> {
    let chain = |noise| Chain::example(3, length, noise).unwrap();
    let masked = MASKED.into_iter().chain(BLOCKS).collect();
    let prior = Noise::Prior(vec![0.5, 0.3, 0.2]);
    vec![(chain(Noise::Masked), masked), (chain(Noise::Uniform), UNMASKED.to_vec()), (chain(prior), UNMASKED.to_vec())]
}

fn compile(space: &StateSpace, text: &str) -> Plan {
    format!("sampler={text}").parse::<Request>().unwrap().plan(space).unwrap()
}

/// Compares samples of every request with their exact law, and returns the names of the samplers.
fn compare_samples(cases: &[(Chain, Vec<&'static str>)]) -> BTreeSet<&'static str> {
    let (mut named, mut seed) = (BTreeSet::new(), 0);
    for (chain, requests) in cases {
        for text in requests {
            let plan = compile(chain.space(), text);
            let law = Law::of(&plan, &Once(chain)).unwrap();
            // Every case has a seed of its own: cases with one seed fluctuate together.
            seed += 1;
            let off = total_variation(&frequencies(&plan, chain, seed), law.probabilities());
            let ratio = off / floor(law.probabilities());
            println!("{:<8} {text:<44} TV {off:.5}, {ratio:.2} of the floor", chain.space().noise().name());
            assert!(ratio <= 1.5, "{text} on {}: {ratio}", chain.space());
            named.insert(Entry::find(text.split(' ').next().unwrap()).unwrap().name);
        }
    }
    named
}

#[test]
fn named_samplers_of_masked_noise_have_their_laws() {
    let named = compare_samples(&cases(4)[..1]);
    let all = Entry::all().iter().filter(|entry| entry.noises != Noises::Unmasked);
    assert_eq!(named, all.map(|entry| entry.name).collect());
}

#[test]
fn named_samplers_of_other_noise_have_their_laws() {
    let named = compare_samples(&cases(4)[1..]);
    let all = Entry::all().iter().filter(|entry| entry.noises != Noises::Masked);
    assert_eq!(named, all.map(|entry| entry.name).collect());
}

/// Returns the plans with one coefficient moved by 1 %, down if it would leave its range, with its
/// name. Numbers on which the law cannot depend are left out.
fn moved(plan: &Plan) -> Vec<(String, Plan)> {
    let document: Value = serde_json::from_str(&plan.to_json()).unwrap();
    let masked = plan.space().is_masked();
    let mut out = Vec::new();
    for (number, op) in document["ops"].as_array().unwrap().iter().enumerate() {
        let mut change = |key: &str, pointer: String| {
            let value = document.pointer(&pointer).and_then(Value::as_f64).unwrap_or(0.0);
            if value == 0.0 {
                return;
            }
            for factor in [1.01, 0.99] {
                let mut document = document.clone();
                *document.pointer_mut(&pointer).unwrap() = json!(value * factor);
                if let Ok(plan) = Plan::from_json(&document.to_string())
                    && plan.lint().findings.iter().all(|finding| finding.rule != Rule::Masses)
                {
                    out.push((format!("ops[{number}], {key}"), plan));
                    return;
                }
            }
            panic!("{pointer} cannot be moved");
        };
        let at = |key: &str| format!("/ops/{number}/{key}");
        // Every token is noised at survival 0, and independent of the rest of the sequence: a
        // token that is kept has the law of one that is redrawn.
        let start = op["alpha"].as_f64() == Some(0.0);
        let forward = op["clean"] == op["from"];
        match op["op"].as_str().unwrap() {
            "jump" if op.get("h").is_some() => change("h", at("h")),
            "jump" => {
                if !start {
                    change("remask", at("remask"));
                }
                // A forward step leaves a mask alone, whatever its unmask says.
                if !(masked && forward) {
                    change("unmask", at("unmask"));
                }
                // A masked token that is kept is a mask, and so is one that is redrawn.
                if !masked && !start {
                    change("keep", at("keep"));
                }
            }
            "blend" => {
                // A single term of a distribution is normalised by the draw.
                if op["terms"].as_array().unwrap().len() > 1 {
                    (0..op["terms"].as_array().unwrap().len())
                        .for_each(|k| change("term", at(&format!("terms/{k}/0"))));
                }
                // A posterior of masked noise is D at every survival.
                ["alpha", "eta", "temperature"].into_iter().filter(|key| op.get(key).is_some()).for_each(|key| {
                    change(key, at(key));
                });
            }
            _ => {}
        }
    }
    out
}

#[test]
fn one_percent_of_any_coefficient_is_seen() {
    let mut with_coefficients = 0;
    for (chain, requests) in cases(3) {
        for text in requests {
            let plan = compile(chain.space(), text);
            let model = Once(&chain);
            let law = Law::of(&plan, &model).unwrap();
            let law = law.probabilities();
            let moved = moved(&plan);
            let (mut least, mut above, count) = (f64::INFINITY, 0, moved.len());
            for (name, plan) in moved {
                // Most effects of 1 % are below the floor of 2·10⁵ samples, so the exact law of the
                // moved plan takes the place of samples. Rounding gives about 1e-16.
                let off = total_variation(Law::of(&plan, &model).unwrap().probabilities(), law);
                assert!(off > 1e-9, "{text} on {}: {name} is moved, and the law changes by {off}", chain.space());
                // The lint needs no model to see the same. It has no opinion on the split, on the
                // temperature, and on which noised tokens are kept.
                let free = ["keep", "eta", "temperature"].iter().any(|key| name.ends_with(key));
                assert_eq!(plan.lint().is_clean(), free, "{text} on {}: {name}", chain.space());
                least = least.min(off);
                above += usize::from(off > 1.5 * floor(law));
            }
            if count > 0 {
                with_coefficients += 1;
                println!(
                    "{:<8} {text:<44} {count} coefficients, least TV {least:.1e}, {above} above 1.5 floors",
                    chain.space().noise().name()
                );
            }
        }
    }
    assert!(with_coefficients >= 24, "{with_coefficients}");
}

fn rows(seed: u64, count: u64) -> Vec<SampleId> {
    (0..count).map(|index| SampleId { seed, index }).collect()
}

#[test]
fn exact_networks_make_exact_samplers() {
    let chain = Chain::example(3, 4, Noise::Masked).unwrap();
    let law = |plan: Plan| exact::kl(&chain, &Law::of(&plan, &chain).unwrap()).unwrap();
    let space = chain.space();
    let ones = [1; 4];
    for order in [Order::Random, Order::Fixed(vec![2, 0, 3, 1]), Order::Entropy, Order::Margin] {
        let kl = law(sampler::sizes(space, &ones, &order).unwrap());
        assert!(kl.abs() < 1e-12, "{order:?}: {kl}");
    }
    // An order that looks at the drawn letter is biased at any number of evaluations.
    assert!(law(sampler::sizes(space, &ones, &Order::Confidence(0.0)).unwrap()) > 0.05);
    // More steps are better, and their error falls like 1/n.
    let [few, many] = [8, 16].map(|n| law(sampler::ancestral(space, &even(n)).unwrap()));
    assert!(many < few && few / many > 1.7, "{few} {many}");
}

#[test]
fn the_excess_of_sizes_bounds_the_divergence() {
    let chain = Chain::example(3, 5, Noise::Masked).unwrap();
    let ids = rows(1, 4000);
    let profile = profile(&chain, &chain.sample(&ids), &ids, 1).unwrap().values();
    let best = best_sizes(&profile, 3);
    let least = excess(&profile, &best).unwrap();
    for sizes in [[1, 2, 2], [2, 2, 1], [1, 1, 3], [3, 1, 1], [2, 1, 2], [1, 3, 1]] {
        assert!(excess(&profile, &sizes).unwrap() >= least - 1e-12);
        let plan = sampler::sizes(chain.space(), &sizes, &Order::Random).unwrap();
        let kl = exact::kl(&chain, &Law::of(&plan, &chain).unwrap()).unwrap();
        // The divergence of the samples is at most that of the paths; the profile is an estimate.
        assert!(kl < excess(&profile, &sizes).unwrap() + 0.05, "{sizes:?}: {kl}");
    }
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    let chain = Chain::example(3, 5, Noise::Masked).unwrap();
    let plan = sampler::row(chain.space(), &even(4), 0.5).unwrap();
    let all = rows(3, 50);
    let together = plan.run(&chain, &all).unwrap();
    for (row, tokens) in all.iter().zip(together.chunks(5)) {
        assert_eq!(plan.run(&chain, &[*row]).unwrap(), tokens);
    }
}
