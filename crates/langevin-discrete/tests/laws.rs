//! Samples of every sampler against its exact law, and the laws against published numbers.
#![allow(clippy::unwrap_used)]

use langevin::SampleId;
use langevin_discrete::exact::{self, Chain, Density};
use langevin_discrete::likelihood::{best_sizes, excess, profile};
use langevin_discrete::plan::Law;
use langevin_discrete::sampler::{self, Order, even};
use langevin_discrete::{Denoiser, Noise, Plan};

const SAMPLES: u64 = 200_000;

fn rows(seed: u64, count: u64) -> Vec<SampleId> {
    (0..count).map(|index| SampleId { seed, index }).collect()
}

/// Total variation between samples of a plan and its exact law, as a multiple of the mean distance
/// of as many samples of the law itself.
fn distance(plan: &Plan, model: &dyn Denoiser) -> f64 {
    let (length, letters) = (plan.space().length(), plan.space().letters());
    let law = Law::of(plan, model).unwrap();
    let mut count = vec![0.0; law.probabilities().len()];
    for rows in rows(7, SAMPLES).chunks(20_000) {
        for tokens in plan.run(model, rows).unwrap().chunks(length) {
            let number = tokens.iter().fold(0, |number, letter| number * letters + *letter as usize);
            count[number] += 1.0 / SAMPLES as f64;
        }
    }
    let off: f64 = 0.5 * count.iter().zip(law.probabilities()).map(|(a, b)| (a - b).abs()).sum::<f64>();
    // The mean of |k/n − p| is √(2p(1 − p)/πn).
    let n = SAMPLES as f64;
    let floor: f64 =
        law.probabilities().iter().map(|p| (2.0 * p * (1.0 - p) / (std::f64::consts::PI * n)).sqrt()).sum();
    off / (0.5 * floor)
}

#[test]
fn samples_of_masked_samplers_have_their_laws() {
    let chain = Chain::example(3, 5, Noise::Masked).unwrap();
    let space = chain.space();
    let plans = [
        sampler::ancestral(space, &even(4)).unwrap(),
        sampler::row(space, &even(4), 0.5).unwrap(),
        sampler::sizes(space, &[1, 2, 2], &Order::Random).unwrap(),
        sampler::sizes(space, &[3, 2], &Order::Confidence(0.0)).unwrap(),
        sampler::sizes(space, &[3, 2], &Order::Entropy).unwrap(),
        sampler::sizes(space, &[3, 2], &Order::Margin).unwrap(),
        sampler::sizes(space, &[3, 2], &Order::Fixed(sampler::bit_reversed(5))).unwrap(),
        sampler::blocks(space, 2, 1, &Order::Random).unwrap(),
        sampler::entropy_bound(space, 0.5, 5).unwrap(),
        sampler::tau_leaping(space, &even(4), 1.0).unwrap(),
        sampler::tau_leaping(space, &even(4), 0.0).unwrap(),
        sampler::theta_trapezoidal(space, &even(2), 0.5).unwrap(),
    ];
    for plan in &plans {
        let distance = distance(plan, &chain);
        assert!(distance < 1.5, "{}: {distance}", plan.name());
    }
}

#[test]
fn samples_of_uniform_samplers_have_their_laws() {
    for noise in [Noise::Uniform, Noise::Prior(vec![0.5, 0.3, 0.2])] {
        let chain = Chain::example(3, 4, noise).unwrap();
        let space = chain.space();
        let plans = [
            sampler::ancestral(space, &even(3)).unwrap(),
            sampler::row(space, &even(3), 0.5).unwrap(),
            sampler::tau_leaping(space, &even(4), 1.0).unwrap(),
            sampler::tau_leaping(space, &even(4), 0.0).unwrap(),
            sampler::gibbs(space, &even(3), 1, 1).unwrap(),
        ];
        for plan in &plans {
            let distance = distance(plan, &chain);
            assert!(distance < 1.5, "{}: {distance}", plan.name());
        }
    }
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
