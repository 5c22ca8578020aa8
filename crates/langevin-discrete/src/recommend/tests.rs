//! Exact errors against enumeration, estimates against exact errors, and the ranking.

use super::markov::PairLaws;
use super::pairs::{counted, over_orders, rows};
use super::script::Script;
use super::*;
use crate::exact::{self, Chain, each_sequence, named};
use crate::likelihood::{excess, profile};
use crate::plan::{Law, Plan};
use crate::sampler::{self, Order, bit_reversed, even_sizes};
use crate::space::{Noise, StateSpace};
use langevin::SampleId;

/// A stationary chain and one that starts in another law.
fn chains(vocab: usize, length: usize) -> [Chain; 2] {
    let chain = Chain::example(vocab, length, Noise::Masked).unwrap();
    let mut first = vec![0.1 / (vocab - 1) as f64; vocab];
    first[0] = 0.9;
    [chain.clone(), Chain::new(chain.space().clone(), first, chain.next().to_vec()).unwrap()]
}

fn groupings() -> Vec<Vec<Vec<usize>>> {
    vec![
        vec![vec![0, 1, 2, 3, 4]],
        vec![vec![2], vec![0, 4], vec![1, 3]],
        vec![vec![1, 2], vec![0, 3, 4]],
        vec![vec![4, 0], vec![3], vec![1, 2]],
        vec![vec![0], vec![1], vec![2], vec![3], vec![4]],
        vec![vec![1, 3], vec![0, 2, 4]],
    ]
}

fn plan_of(space: &StateSpace, groups: &[Vec<usize>]) -> Plan {
    let order = groups.iter().flatten().map(|place| *place as u32).collect();
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    sampler::sizes(space, &sizes, &Order::Fixed(order)).unwrap()
}

/// Entropy of the tokens of some places, by enumeration.
fn entropy_of(chain: &Chain, places: &[usize]) -> f64 {
    let mut law = std::collections::BTreeMap::new();
    each_sequence(chain.space().vocab(), chain.space().length(), |tokens| {
        let key: Vec<u32> = places.iter().map(|place| tokens[*place]).collect();
        *law.entry(key).or_insert(0.0) += chain.log_probability(tokens).exp();
    });
    law.values().map(|p: &f64| if *p > 0.0 { -p * p.ln() } else { 0.0 }).sum()
}

#[test]
fn the_profile_of_a_chain_is_that_of_all_subsets() {
    for chain in chains(3, 6) {
        let found = Markov::new(&chain).unwrap().profile();
        for (k, found) in found.iter().enumerate() {
            let (mut sum, mut count) = (0.0, 0.0);
            for set in (0..64_u32).filter(|set| set.count_ones() as usize == k) {
                let places: Vec<usize> = (0..6).filter(|place| set >> place & 1 == 1).collect();
                for i in (0..6).filter(|i| !places.contains(i)) {
                    let with: Vec<usize> = places.iter().copied().chain([i]).collect();
                    sum += entropy_of(&chain, &with) - entropy_of(&chain, &places);
                    count += 1.0;
                }
            }
            assert!((found - sum / count).abs() < 1e-10, "{k}: {found} {}", sum / count);
        }
    }
    // Where there are too many sequences, the numbers are those of samples. A token has at most
    // about 1 nat of standard deviation, so the mean over 200 sequences has at most 0.07.
    let chain = Chain::example(8, 64, Noise::Masked).unwrap();
    let exact = Markov::new(&chain).unwrap().profile();
    let ids = rows(3, 0, 200);
    let measured = profile(&chain, &chain.sample(&ids), &ids, 1).unwrap().values();
    let off = exact.iter().zip(&measured).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(off < 0.28, "{off}");
    assert!((exact.iter().sum::<f64>() - chain.entropy().unwrap()).abs() < 1e-9);
}

#[test]
fn the_excess_of_a_fixed_order_is_the_divergence_of_its_samples() {
    for chain in chains(3, 5) {
        let markov = Markov::new(&chain).unwrap();
        for groups in groupings() {
            let plan = plan_of(chain.space(), &groups);
            let law = exact::kl(&chain, &Law::of(&plan, &chain).unwrap()).unwrap();
            // The sum of the total correlations, from entropies of sets of tokens.
            let mut before: Vec<usize> = vec![];
            let mut brute = 0.0;
            for group in &groups {
                let with = |more: &[usize]| entropy_of(&chain, &[&before[..], more].concat());
                let alone: f64 = group.iter().map(|i| with(&[*i]) - with(&[])).sum();
                brute += alone - (with(group) - with(&[]));
                before.extend(group);
            }
            let found = markov.excess(&groups).unwrap();
            assert!((found - law).abs() < 1e-10 && (found - brute).abs() < 1e-10, "{groups:?}: {found} {law} {brute}");
            // The losses of the order are the same sum.
            let order: Vec<u32> = groups.iter().flatten().map(|place| *place as u32).collect();
            let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
            assert!((markov.losses(&order).unwrap().excess(&sizes).unwrap() - found).abs() < 1e-12);
        }
        for bad in [vec![vec![0, 1]], vec![vec![0, 1, 2, 3, 3]], vec![vec![0, 1, 2, 3, 4], vec![]], vec![vec![9]]] {
            assert!(markov.excess(&bad).is_err());
        }
    }
}

/// Laws of neighbouring tokens, by enumeration.
fn pairs_of(chain: &Chain, law: &Law) -> PairLaws {
    let (vocab, length) = (chain.space().vocab(), chain.space().length());
    let mut out = vec![vec![0.0; vocab * vocab]; length - 1];
    each_sequence(vocab, length, |tokens| {
        for (place, out) in out.iter_mut().enumerate() {
            out[tokens[place] as usize * vocab + tokens[place + 1] as usize] += law.probability(tokens);
        }
    });
    out
}

fn pair_kl_by_enumeration(chain: &Chain, plan: &Plan) -> f64 {
    let ones = vec![1; chain.space().length()];
    let exact = sampler::sizes(chain.space(), &ones, &Order::Left).unwrap();
    let [p, q] = [&exact, plan].map(|plan| pairs_of(chain, &Law::of(plan, chain).unwrap()));
    p.iter().flatten().zip(q.iter().flatten()).map(|(p, q)| p * (p / q).ln()).sum()
}

#[test]
fn the_laws_of_pairs_are_exact() {
    for chain in chains(3, 5) {
        let markov = Markov::new(&chain).unwrap();
        for groups in groupings() {
            let plan = plan_of(chain.space(), &groups);
            let wanted = pairs_of(&chain, &Law::of(&plan, &chain).unwrap());
            let found = markov.sample_pairs(&groups).unwrap();
            let off = wanted.iter().flatten().zip(found.iter().flatten());
            let off = off.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 1e-10, "{groups:?}: {off}");
            let kl = pair_kl(&plan, &chain, 0, 1, 1).unwrap();
            assert!(kl.is_exact() && (kl.nats - pair_kl_by_enumeration(&chain, &plan)).abs() < 1e-10);
        }
    }
}

#[test]
fn estimates_of_the_pair_divergence_are_unbiased() {
    let chain = Chain::example(3, 5, Noise::Masked).unwrap();
    let markov = Markov::new(&chain).unwrap();
    let within = |found: Figure, wanted: f64, name: &str| {
        let error = found.standard_error.unwrap();
        assert!((found.nats - wanted).abs() < 4.0 * error + 1e-12, "{name}: {found} {wanted}");
        assert!(error < 0.1 * wanted.max(0.01), "{name}: {found}");
    };
    let space = chain.space();
    let random = sampler::sizes(space, &[2, 3], &Order::Random).unwrap();
    let ancestral = sampler::ancestral(space, &sampler::even(3)).unwrap();
    for plan in [&random, &ancestral] {
        let wanted = pair_kl_by_enumeration(&chain, plan);
        let script = Script::of(plan).unwrap();
        let found = over_orders(plan, &script, &markov, &markov.data_pairs(), 5, 20_000).unwrap();
        within(found, wanted, plan.name());
    }
    // With few orders, the noise of the mean law is a bias, which is removed.
    let script = Script::of(&random).unwrap();
    let of = |seed| over_orders(&random, &script, &markov, &markov.data_pairs(), seed, 20).unwrap().nats;
    let few: Vec<f64> = (0..1000).map(of).collect();
    within(Figure::mean(&few), pair_kl_by_enumeration(&chain, &random), "few orders");
    let fixed = plan_of(space, &groupings()[2]);
    let entropy = sampler::sizes(space, &[2, 3], &Order::Entropy).unwrap();
    let confidence = sampler::sizes(space, &[1; 5], &Order::Confidence(0.0)).unwrap();
    for plan in [&fixed, &entropy, &confidence] {
        let found = counted(plan, &chain, &markov.data_pairs(), 5, 40_000).unwrap();
        within(found, pair_kl_by_enumeration(&chain, plan), plan.name());
    }
    // With few samples, the bias of the counts is as large as the divergence, and is removed.
    let few: Vec<f64> =
        (0..100).map(|seed| counted(&fixed, &chain, &markov.data_pairs(), seed, 400).unwrap().nats).collect();
    within(Figure::mean(&few), pair_kl_by_enumeration(&chain, &fixed), "few samples");
}

#[test]
fn losses_are_the_probabilities_of_samples() {
    let chain = Chain::example(3, 4, Noise::Masked).unwrap();
    let space = chain.space();
    for plan in [
        sampler::sizes(space, &[2, 2], &Order::Halton).unwrap(),
        sampler::sizes(space, &[1, 3], &Order::Entropy).unwrap(),
        sampler::sizes(space, &[2, 1, 1], &Order::Margin).unwrap(),
        sampler::entropy_bound(space, 0.5, 3).unwrap(),
        sampler::blocks(space, 2, 1, &Order::Left).unwrap(),
    ] {
        let law = Law::of(&plan, &chain).unwrap();
        each_sequence(3, 4, |tokens| {
            let found = losses_of(&plan, &chain, tokens, &[SampleId::default()]).unwrap()[0];
            assert!((found + law.probability(tokens).ln()).abs() < 1e-10, "{}: {tokens:?}", plan.name());
        });
    }
    // The mean over random orders is the excess of the profile.
    let plan = sampler::sizes(space, &[1, 3], &Order::Random).unwrap();
    let ids = rows(1, 0, 20_000);
    let tokens = chain.sample(&ids);
    let base = tokens.chunks(4).map(|own| chain.log_probability(own));
    let losses = losses_of(&plan, &chain, &tokens, &ids).unwrap();
    let found = Figure::mean(&losses.iter().zip(base).map(|(loss, log)| loss + log).collect::<Vec<_>>());
    let wanted = excess(&Markov::new(&chain).unwrap().profile(), &[1, 3]).unwrap();
    assert!((found.nats - wanted).abs() < 4.0 * found.standard_error.unwrap(), "{found} {wanted}");
    // These samples have no such probability.
    for plan in [
        sampler::sizes(space, &[2, 2], &Order::Confidence(0.0)).unwrap(),
        sampler::threshold(space, 0.5, 3).unwrap(),
        sampler::row(space, &sampler::even(3), 0.5).unwrap(),
        sampler::tau_leaping(space, &sampler::even(3), 1.0).unwrap(),
        "sampler=sizes sizes=2+2 temperature=0.5".parse::<crate::Request>().unwrap().plan(space).unwrap(),
    ] {
        assert!(losses_of(&plan, &chain, &[0; 4], &[SampleId::default()]).is_err(), "{}", plan.name());
    }
}

#[test]
fn the_best_sizes_of_an_order_are_the_best_of_all() {
    for chain in chains(3, 7) {
        let markov = Markov::new(&chain).unwrap();
        for order in [bit_reversed(7), far_apart(7), (0..7).collect()] {
            let losses = markov.losses(&order).unwrap();
            for steps in 1..=7 {
                let best = losses.best_sizes(steps);
                assert_eq!((best.len(), best.iter().sum::<usize>()), (steps, 7));
                let least = losses.excess(&best).unwrap();
                // Every subset of the six gaps is a list of sizes.
                for cuts in (0..64_u32).filter(|cuts| cuts.count_ones() as usize + 1 == steps) {
                    let mut sizes = vec![1];
                    for gap in 0..6 {
                        if cuts >> gap & 1 == 1 {
                            sizes.push(1);
                        } else {
                            *sizes.last_mut().unwrap() += 1;
                        }
                    }
                    assert!(losses.excess(&sizes).unwrap() >= least - 1e-12);
                }
            }
        }
    }
}

#[test]
fn measured_losses_are_those_of_the_chain() {
    let chain = Chain::example(3, 6, Noise::Masked).unwrap();
    let ids = rows(2, 0, 4000);
    let tokens = chain.sample(&ids);
    let markov = Markov::new(&chain).unwrap();
    let order = Order::Fixed(far_apart(6));
    let measured = Losses::measure(&chain, &tokens, &ids, &order).unwrap();
    let exact = markov.losses(&far_apart(6)).unwrap();
    for sizes in [vec![1; 6], vec![2, 4], vec![6], vec![3, 2, 1]] {
        let [a, b] = [&measured, &exact].map(|losses| losses.cross_entropy(&sizes).unwrap());
        assert!((a - b).abs() < 0.1, "{sizes:?}: {a} {b}");
    }
    let random = Losses::measure(&chain, &tokens, &ids, &Order::Random).unwrap();
    let wanted = excess(&markov.profile(), &[2, 4]).unwrap();
    assert!((random.excess(&[2, 4]).unwrap() - wanted).abs() < 0.05);
    assert!(Losses::measure(&chain, &tokens, &ids, &Order::Confidence(0.0)).is_err());
    assert!(Losses::measure(&chain, &tokens, &ids, &Order::Fixed(vec![0; 6])).is_err());
}

#[test]
fn dependent_places_are_kept_apart() {
    // Place i and place i + 3 are equal, so one step must not hold both.
    let mut tokens = vec![];
    each_sequence(2, 3, |half| tokens.extend([half, half].concat()));
    let space = StateSpace::new(Noise::Masked, 2, 6).unwrap();
    let data = exact::DataSet::new(space, tokens.clone()).unwrap();
    let ids = rows(0, 0, 8);
    let dependence = Dependence::measure(&data, &tokens, &ids, 0).unwrap();
    assert!((dependence.nats(1, 4) - 2.0_f64.ln()).abs() < 1e-12 && dependence.nats(1, 3).abs() < 1e-12);
    let order = dependence.order();
    let mut first: Vec<u32> = order[..3].iter().map(|place| place % 3).collect();
    first.sort_unstable();
    assert_eq!(first, [0, 1, 2], "{order:?}");
    // Two steps suffice in this order, and no other known order is as good.
    let ranking = recommend(Target::Density(&data), 2, &Options::default().rows(32).samples(50)).unwrap();
    assert!(ranking.best().excess.unwrap().nats.abs() < 1e-12);
    assert_eq!(ranking.best().sizes, [3, 3], "{ranking}");
    // Groups of an order by entropy reach other states than single tokens do, so its sizes are also
    // compared with even ones.
    let known = |name: &str| ranking.named(name).map(|candidate| candidate.excess.unwrap().nats);
    assert!(known("entropy, best sizes").is_none_or(|best| best <= known("entropy, even").unwrap()), "{ranking}");
    assert!(ranking.named("far-apart, even").unwrap().excess.unwrap().nats > 0.5, "{ranking}");
}

#[test]
fn the_order_is_worth_more_than_the_sizes() {
    let chain = Chain::example(8, 64, Noise::Masked).unwrap();
    let options = Options::default().rows(48).samples(400).orders(100);
    let ranking = recommend(Target::Density(&chain), 8, &options).unwrap();
    let pairs = |name: &str| ranking.named(name).unwrap().pairs.unwrap().nats;
    let text = ranking.to_string();
    // The figures of pairs are sums over 63 pairs of neighbours.
    assert_eq!(ranking.best().plan.nfe(), 8);
    assert!(ranking.best().pairs.unwrap().nats <= 0.01, "{text}");
    assert!(pairs("random, even") > 0.2 && pairs("halton, even") < 1e-5, "{text}");
    let excess = |name: &str| ranking.named(name).unwrap().excess.unwrap().nats;
    let (even, best, order) = (excess("random, even"), excess("random, best sizes"), excess("halton, even"));
    assert!(best < even && order < 0.2 * best, "{text}");
    // An order that looks at drawn letters is last, without an excess, and has collapsed.
    let last = ranking.candidates().last().unwrap();
    assert!(last.excess.is_none() && last.reason.contains("biased"), "{text}");
    let collapse = last.collapse.unwrap();
    assert!(collapse.samples.nats < collapse.data.nats - 10.0 * collapse.samples.standard_error.unwrap(), "{text}");
    // The plans are those of their requests.
    for candidate in ranking.candidates() {
        assert_eq!(candidate.request.plan(chain.space()).unwrap(), candidate.plan);
        assert!(candidate.plan.nfe() <= 8);
    }
    assert_eq!(text.lines().next().unwrap().split_whitespace().next(), Some("order"));
    assert!(text.contains("Best for chain:8x64") && text.contains("exact"), "{text}");
}

#[test]
fn a_model_is_measured_on_its_data() {
    let density = named("hmm:3x8", Noise::Masked).unwrap();
    let ids = rows(4, 0, 200);
    let tokens = density.sample(&ids);
    let target = Target::Model { model: &density, tokens: &tokens };
    let options = Options::default().trials(40);
    let ranking = recommend(target, 3, &options).unwrap();
    let best = ranking.best().excess.unwrap();
    assert!(!best.is_exact() && best.standard_error.unwrap() > 0.0);
    assert!(ranking.candidates().iter().all(|candidate| candidate.pairs.is_none()));
    assert!(ranking.to_string().contains("held-out data"), "{ranking}");
    let tuned = tune(target, 3, &options).unwrap();
    assert!(tuned.after.nats <= tuned.before.nats, "{tuned}");
    assert_eq!(tuned.plan.nfe(), 3);
    // The result depends on the options alone.
    let again = tune(target, 3, &options).unwrap();
    assert_eq!((again.plan, again.interval, again.trials), (tuned.plan, tuned.interval, tuned.trials));
    assert_eq!(recommend(target, 3, &options).unwrap().to_string(), ranking.to_string());
}

#[test]
fn tuning_improves_the_best_order_of_a_chain() {
    let chain = Chain::example(3, 12, Noise::Masked).unwrap();
    let options = Options::default().rows(1000).samples(200).orders(40);
    let tuned = tune(Target::Density(&chain), 3, &options).unwrap();
    assert!(tuned.before.nats >= tuned.after.nats && tuned.after.is_exact(), "{tuned}");
    // No single move or swap is left that helps: a second start from the result finds nothing.
    let markov = Markov::new(&chain).unwrap();
    let script = Script::of(&tuned.plan).unwrap();
    let groups = script.groups(&tuned.plan, SampleId::default()).unwrap();
    assert!((markov.excess(&groups).unwrap() - tuned.after.nats).abs() < 1e-12);
    let mut rank = vec![0; 12];
    for (number, group) in groups.iter().enumerate() {
        group.iter().for_each(|place| rank[*place] = number);
    }
    for a in 0..12 {
        for b in 0..a {
            let mut other = rank.clone();
            other.swap(a, b);
            assert!(markov.excess_of_ranks(&other) >= tuned.after.nats - 1e-9, "{a} {b}");
        }
    }
    // The samples of the tuned plan have the figure that it claims.
    let halton = sampler::sizes(chain.space(), &even_sizes(12, 3), &Order::Halton).unwrap();
    let halton = markov.excess(&Script::of(&halton).unwrap().groups(&halton, SampleId::default()).unwrap()).unwrap();
    assert!(tuned.after.nats < halton, "{tuned} {halton}");
    let fresh = rows(99, 0, 4000);
    let tokens = chain.sample(&fresh);
    let logs = tokens.chunks(12).map(|own| chain.log_probability(own));
    let losses = losses_of(&tuned.plan, &chain, &tokens, &fresh).unwrap();
    let found = Figure::mean(&losses.iter().zip(logs).map(|(loss, log)| loss + log).collect::<Vec<_>>());
    assert!((found.nats - tuned.after.nats).abs() < 4.0 * found.standard_error.unwrap(), "{found} {tuned}");
}

#[test]
fn mistakes_are_named() {
    let chain = Chain::example(3, 5, Noise::Masked).unwrap();
    let words = |target: Target<'_>, nfe| recommend(target, nfe, &Options::default()).unwrap_err().to_string();
    assert!(words(Target::Density(&chain), 0).contains("nfe"));
    let uniform = Chain::example(3, 5, Noise::Uniform).unwrap();
    assert!(words(Target::Density(&uniform), 2).contains("masked"));
    assert!(words(Target::Model { model: &chain, tokens: &[0; 15] }, 2).contains("4 or more"));
    assert!(words(Target::Model { model: &chain, tokens: &[3; 25] }, 2).contains("masked"));
    let short = chain.space().with_length(4).unwrap();
    let plan = sampler::sizes(&short, &[4], &Order::Left).unwrap();
    assert!(pair_kl(&plan, &chain, 0, 1, 1).is_err());
    assert!(losses_of(&plan, &chain, &[0; 5], &[SampleId::default()]).is_err());
    // A single token, and more evaluations than tokens.
    let one = Chain::example(3, 1, Noise::Masked).unwrap();
    let options = Options::default().rows(8).samples(8);
    assert_eq!(recommend(Target::Density(&one), 5, &options).unwrap().best().plan.nfe(), 1);
    assert!(!tune(Target::Density(&one), 5, &options).unwrap().changed);
}

#[test]
fn a_chain_needs_few_evaluations_in_the_right_order() {
    // Given a token on each side, the tokens between are independent of all others. Steps that
    // halve every interval are exact: 1 + log₂ d evaluations for d tokens, for any coupling.
    for coupling in [1.0, 2.0] {
        let chain = Chain::ising(coupling, 64, Noise::Masked).unwrap();
        let markov = Markov::new(&chain).unwrap();
        let losses = markov.losses(&bit_reversed(64)).unwrap();
        assert_eq!(losses.best_sizes(7), [1, 1, 2, 4, 8, 16, 32]);
        assert!(losses.excess(&[1, 1, 2, 4, 8, 16, 32]).unwrap().abs() < 1e-11);
        assert!(losses.excess(&losses.best_sizes(6)).unwrap() > 1e-9);
        assert!(markov.losses(&(0..64).collect::<Vec<u32>>()).unwrap().excess(&losses.best_sizes(7)).unwrap() > 1.0);
    }
}

#[test]
fn no_plan_is_first_by_chance() {
    // Measured excesses of some orders are below 0 here, and a fixed order has exactly 0.
    let chain = Chain::example(3, 5, Noise::Masked).unwrap();
    let ranking = recommend(Target::Density(&chain), 4, &Options::default().samples(50).orders(20)).unwrap();
    let best = ranking.best();
    assert!(exact::kl(&chain, &Law::of(&best.plan, &chain).unwrap()).unwrap().abs() < 1e-12, "{ranking}");
    let luck = |candidate: &Candidate| candidate.excess.is_some_and(|excess| excess.nats < 0.0);
    assert!(ranking.candidates().iter().any(luck), "{ranking}");
}
