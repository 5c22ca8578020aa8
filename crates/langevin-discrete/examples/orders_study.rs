//! The figures of the page `docs/discrete.md`: errors of sizes and orders.
//!
//! Run with `cargo run --release -p langevin-discrete --example orders_study`.

use langevin::{Result, SampleId};
use langevin_discrete::exact::{self, Chain, DataSet, Density, shidoku};
use langevin_discrete::plan::Law;
use langevin_discrete::recommend::{Collapse, Options, Ranking, Target, far_apart, pair_kl, recommend, tune};
use langevin_discrete::sampler::{self, Order, even, even_sizes};
use langevin_discrete::{Denoiser, Noise, Plan, Request};
use std::collections::BTreeMap;

fn main() -> Result<()> {
    small_chain()?;
    long_chain()?;
    grids()
}

/// Exact laws of the chain of three letters and five tokens.
fn small_chain() -> Result<()> {
    let chain = Chain::example(3, 5, Noise::Masked)?;
    let space = chain.space();
    println!("Chain of 3 letters, 5 tokens: KL(data‖samples) in nats, exact laws\n");
    println!("| plan | 4 evaluations | 5 evaluations |\n|---|---|---|");
    let markov = langevin_discrete::recommend::Markov::new(&chain)?;
    let profile = markov.profile();
    let row = |name: &str, plan: &dyn Fn(usize) -> Result<Plan>| -> Result<()> {
        let kl = |n| -> Result<String> { Ok(format!("{:.4}", exact::kl(&chain, &Law::of(&plan(n)?, &chain)?)?.abs())) };
        println!("| {name} | {} | {} |", kl(4)?, kl(5)?);
        Ok(())
    };
    row("ancestral", &|n| sampler::ancestral(space, &even(n)))?;
    row("random order, even sizes", &|n| sampler::sizes(space, &even_sizes(5, n), &Order::Random))?;
    row("random order, best sizes", &|n| {
        sampler::sizes(space, &langevin_discrete::likelihood::best_sizes(&profile, n), &Order::Random)
    })?;
    row("confidence, even sizes", &|n| sampler::sizes(space, &even_sizes(5, n), &Order::Confidence(0.0)))?;
    row("entropy, even sizes", &|n| sampler::sizes(space, &even_sizes(5, n), &Order::Entropy))?;
    row("far-apart, best sizes", &|n| {
        let order = far_apart(5);
        sampler::sizes(space, &markov.losses(&order)?.best_sizes(n), &Order::Fixed(order))
    })?;
    row("tuned", &|n| Ok(tune(Target::Density(&chain), n, &Options::default().samples(100).orders(20))?.plan))?;
    println!();
    Ok(())
}

/// The chain of eight letters and 64 tokens, at eight evaluations.
fn long_chain() -> Result<()> {
    let chain = Chain::example(8, 64, Noise::Masked)?;
    let options = Options::default();
    let ranking = recommend(Target::Density(&chain), 8, &options)?;
    println!("Chain of 8 letters, 64 tokens, 8 evaluations\n\n{ranking}");
    let tuned = tune(Target::Density(&chain), 8, &options)?;
    println!("{tuned}pair-KL of the tuned plan {}", pair_kl(&tuned.plan, &chain, 0, 400, 2000)?);
    let ising = Chain::ising(1.0, 64, Noise::Masked)?;
    let target = Target::Density(&ising);
    println!("\nIsing chain of coupling 1, 64 tokens, 8 evaluations\n\n{}", recommend(target, 8, &options)?);
    println!("5 evaluations\n{}", tune(target, 5, &options)?);
    let halton = Request::new().sampler("halton").steps(64).plan(chain.space())?;
    for (name, plan) in [
        ("confidence, one at a time", sampler::sizes(chain.space(), &[1; 64], &Order::Confidence(0.0))?),
        ("entropy, one at a time", sampler::sizes(chain.space(), &[1; 64], &Order::Entropy)?),
        ("halton, one at a time", halton),
    ] {
        let found = Collapse::of(&plan, &chain, 0, 2000)?;
        println!("{name}: −ln p of samples {:.2}, entropy of the data {:.2}", found.samples.nats, found.data.nats);
    }
    println!();
    Ok(())
}

/// The 288 grids of Shidoku.
fn grids() -> Result<()> {
    let data = shidoku(Noise::Masked)?;
    println!("Shidoku, 4000 samples: share of valid grids, and KL of the valid ones from uniform\n");
    println!("| plan | 4 evaluations | 8 evaluations | 16 evaluations |\n|---|---|---|---|");
    let options = Options::default().rows(512).samples(500).trials(300);
    let rankings: Vec<Ranking> =
        [4, 8, 16].into_iter().map(|n| recommend(Target::Density(&data), n, &options)).collect::<Result<_>>()?;
    for name in ["random, even", "halton, even", "separated, best sizes", "entropy, even", "confidence, even"] {
        let cell = |ranking: &Ranking| -> Result<String> {
            ranking.named(name).map_or_else(|| Ok("–".to_owned()), |own| judged(&data, &own.plan))
        };
        println!("| {name} | {} |", rankings.iter().map(cell).collect::<Result<Vec<_>>>()?.join(" | "));
    }
    let bound = |n| Request::new().sampler("entropy-bound").steps(n).bound(0.5).plan(data.space());
    let cells = [4, 8, 16].into_iter().map(|n| judged(&data, &bound(n)?)).collect::<Result<Vec<_>>>()?;
    println!("| entropy-bound 0.5 | {} |", cells.join(" | "));
    let cells = rankings.iter().map(|own| judged(&data, &own.best().plan)).collect::<Result<Vec<_>>>()?;
    println!("| recommended | {} |", cells.join(" | "));
    println!();
    for (n, ranking) in [4, 8, 16].into_iter().zip(&rankings) {
        println!("{n} evaluations\n{ranking}");
        if n < 16 {
            println!("{}", tune(Target::Density(&data), n, &options)?);
        }
    }
    println!("entropy-bound 0.5, at most 10 evaluations: {}", judged(&data, &bound(10)?)?);
    Ok(())
}

/// Returns the share of valid grids, and the divergence of the valid ones from uniform.
///
/// The counts of N grids in 288 cells alone give about 287/(2N), which is subtracted.
fn judged(data: &DataSet, plan: &Plan) -> Result<String> {
    let rows: Vec<_> = (0..4000).map(|index| SampleId { seed: 1, index }).collect();
    let tokens = plan.run(data, &rows)?;
    let mut counts = BTreeMap::new();
    tokens.chunks(16).filter(|grid| data.log_probability(grid) > f64::NEG_INFINITY).for_each(|grid| {
        *counts.entry(grid).or_insert(0.0) += 1.0;
    });
    let valid: f64 = counts.values().sum();
    let kl: f64 = counts.values().map(|count| count / valid * libm::log(288.0 * count / valid)).sum();
    let kl = match kl - 287.0 / (2.0 * valid) {
        _ if valid < 576.0 => "–".to_owned(),
        kl if kl.abs() < 0.02 => "0".to_owned(),
        kl => format!("{kl:.2}"),
    };
    Ok(format!("{:.3}, {kl}", valid / rows.len() as f64))
}
