//! The error of the laws of neighbouring tokens, and collapse.

use super::Figure;
use super::markov::{Markov, PairLaws};
use super::script::Script;
use crate::denoiser::Denoiser;
use crate::exact::{Chain, Density};
use crate::likelihood::profile;
use crate::plan::Plan;
use langevin::{Error, Result, SampleId};

/// Groups of random orders whose means give a standard error.
const GROUPS: usize = 20;

/// Computes the pair-KL of a plan on a Markov chain: Σ_i KL(p(x_i, x_(i+1)) ‖ q(x_i, x_(i+1))) in
/// nats a sequence, from the data to the samples of the plan with the exact model.
///
/// | plan | result |
/// |---|---|
/// | a fixed order | exact |
/// | a random order, ancestral | mean over `orders` random orders of exact laws, with the bias of the mean removed |
/// | any other | counts of `samples` samples, with the bias of the counts removed |
///
/// Divided by d − 1 it is the mean over pairs. It sees neighbours only. The divergence of whole
/// sequences is [`Markov::excess`](super::Markov::excess), for a fixed order.
///
/// ```
/// use langevin_discrete::{Denoiser, Noise, exact::Chain, recommend::pair_kl};
/// use langevin_discrete::sampler::{Order, sizes};
/// let chain = Chain::example(8, 64, Noise::Masked)?;
/// let plan = sizes(chain.space(), &[8; 8], &Order::Halton)?;
/// let found = pair_kl(&plan, &chain, 0, 100, 1000)?;
/// assert!(found.is_exact() && found.nats < 1e-5);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the plan is for another space, or cannot be run.
pub fn pair_kl(plan: &Plan, chain: &Chain, seed: u64, orders: usize, samples: usize) -> Result<Figure> {
    pair_kl_of(plan, chain, &Markov::new(chain)?, seed, orders, samples)
}

/// Returns the rows of a seed.
pub(crate) fn rows(seed: u64, first: usize, count: usize) -> Vec<SampleId> {
    (first..first + count).map(|index| SampleId { seed, index: index as u64 }).collect()
}

pub(crate) fn pair_kl_of(
    plan: &Plan,
    chain: &Chain,
    markov: &Markov,
    seed: u64,
    orders: usize,
    samples: usize,
) -> Result<Figure> {
    if plan.space() != chain.space() {
        return Err(Error::argument("the plan is for other sequences than the chain")
            .expected(chain.space().to_string())
            .got(plan.space().to_string()));
    }
    let data = markov.data_pairs();
    let positive = chain.next().iter().all(|p| *p > 0.0);
    match Script::of(plan).filter(|script| positive && !script.looks_at_beliefs()) {
        Some(script) if script.is_fixed() => {
            let laws = markov.sample_pairs(&script.groups(plan, SampleId::default())?)?;
            let kl = sum(&data, &laws, |p, q| if p > 0.0 { p * libm::log(p / q) } else { 0.0 });
            Ok(Figure::exact(kl.max(0.0)))
        }
        Some(script) => over_orders(plan, &script, markov, &data, seed, orders),
        None => counted(plan, chain, &data, seed, samples),
    }
}

/// Adds up a function of two laws of pairs.
fn sum(a: &PairLaws, b: &PairLaws, f: impl Fn(f64, f64) -> f64) -> f64 {
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| f(*a, *b)).sum()
}

/// Returns the divergence from the mean of exact laws over random orders.
pub(super) fn over_orders(
    plan: &Plan,
    script: &Script,
    markov: &Markov,
    data: &PairLaws,
    seed: u64,
    orders: usize,
) -> Result<Figure> {
    let each = orders.div_ceil(GROUPS).max(1);
    let zeros = || -> PairLaws { data.iter().map(|law| vec![0.0; law.len()]).collect() };
    let mut means: Vec<PairLaws> = Vec::with_capacity(GROUPS);
    for group in 0..GROUPS {
        let mut mean = zeros();
        for row in rows(seed, group * each, each) {
            let laws = markov.sample_pairs(&script.groups(plan, row)?)?;
            let both = mean.iter_mut().flatten().zip(laws.iter().flatten());
            both.for_each(|(mean, q)| *mean += q / each as f64);
        }
        means.push(mean);
    }
    let mut all = zeros();
    for mean in &means {
        all.iter_mut().flatten().zip(mean.iter().flatten()).for_each(|(all, q)| *all += q / GROUPS as f64);
    }
    let plain = sum(data, &all, |p, q| if p > 0.0 { p * libm::log(p / q) } else { 0.0 });
    // KL is convex in q, so the noise of the mean adds ½ Σ p Var(q)/q².
    let count = GROUPS as f64;
    let mut bias = 0.0;
    let mut slopes = Vec::with_capacity(GROUPS);
    for mean in &means {
        let mut slope = 0.0;
        for ((p, q), own) in data.iter().flatten().zip(all.iter().flatten()).zip(mean.iter().flatten()) {
            let off = (own - q) / q;
            slope += p * off;
            bias += 0.5 * p * off * off / (count * (count - 1.0));
        }
        slopes.push(slope);
    }
    let variance: f64 = slopes.iter().map(|slope| slope * slope).sum::<f64>() / (count * (count - 1.0));
    Ok(Figure { nats: plain - bias, standard_error: Some(variance.sqrt()) })
}

/// Returns the divergence from the counts of samples.
///
/// With c of N counts, ln((c + ½)/N) is on average ln q + 1/(2N), up to terms of order 1/c².
pub(super) fn counted(plan: &Plan, chain: &Chain, data: &PairLaws, seed: u64, samples: usize) -> Result<Figure> {
    let (vocab, length) = (chain.space().vocab(), chain.space().length());
    let tokens = plan.run(chain, &rows(seed, 0, samples.max(2)))?;
    let count = (tokens.len() / length) as f64;
    let mut counts: PairLaws = data.iter().map(|law| vec![0.0; law.len()]).collect();
    let pair = |own: &[u32], place: usize| own[place] as usize * vocab + own[place + 1] as usize;
    for own in tokens.chunks_exact(length) {
        counts.iter_mut().enumerate().for_each(|(place, counts)| counts[pair(own, place)] += 1.0);
    }
    let term = |p: f64, c: f64| if p > 0.0 { p * (libm::log(p * count / (c + 0.5)) + 0.5 / count) } else { 0.0 };
    let nats = sum(data, &counts, term);
    let ratio = |p: f64, c: f64| p * count / (c + 0.5);
    let slopes: Vec<f64> = tokens
        .chunks_exact(length)
        .map(|own| {
            let pairs = data.iter().zip(&counts).enumerate();
            pairs.map(|(place, (p, c))| ratio(p[pair(own, place)], c[pair(own, place)])).sum()
        })
        .collect();
    Ok(Figure { nats, standard_error: Figure::mean(&slopes).standard_error })
}

/// Information of a plan's samples and of the data, in nats a sequence under the same model.
///
/// Samples that are far more probable than data repeat themselves: collapse.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Collapse {
    /// Mean −ln p of the samples that are possible, or its bound.
    pub samples: Figure,
    /// Share of samples that are impossible under the density.
    pub impossible: f64,
    /// The entropy of the data, or the bound of data.
    pub data: Figure,
}

impl Collapse {
    /// Measures −ln p of samples under a density with a known entropy.
    ///
    /// ```
    /// use langevin_discrete::{Denoiser, Noise, exact::Chain, recommend::Collapse};
    /// use langevin_discrete::sampler::{Order, sizes};
    /// let chain = Chain::example(8, 64, Noise::Masked)?;
    /// let plan = sizes(chain.space(), &[1; 64], &Order::Confidence(0.0))?;
    /// let found = Collapse::of(&plan, &chain, 0, 50)?;
    /// assert!(found.samples.nats < 0.8 * found.data.nats);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the plan cannot be run on the density.
    pub fn of(plan: &Plan, density: &dyn Density, seed: u64, samples: usize) -> Result<Self> {
        let length = density.space().length();
        let minus_log = |tokens: &[u32]| -> Vec<f64> {
            tokens.chunks_exact(length).map(|own| -density.log_probability(own)).collect()
        };
        let ids = rows(seed, 0, samples);
        let data = match density.entropy() {
            Some(entropy) => Figure::exact(entropy),
            None => Figure::mean(&minus_log(&density.sample(&ids))),
        };
        let mut samples = minus_log(&plan.run(density, &ids)?);
        samples.retain(|nats| nats.is_finite());
        let impossible = 1.0 - samples.len() as f64 / ids.len().max(1) as f64;
        Ok(Self { samples: Figure::mean(&samples), impossible, data })
    }

    /// Measures the bound on −ln p of samples and of data under a model.
    ///
    /// # Errors
    /// Returns an error if the plan cannot be run on the model, or the data do not fit.
    pub fn of_model(plan: &Plan, model: &dyn Denoiser, tokens: &[u32], seed: u64) -> Result<Self> {
        let ids = rows(seed, 0, tokens.len() / model.space().length());
        let samples = plan.run(model, &ids)?;
        Ok(Self {
            samples: Figure::mean(profile(model, &samples, &ids, 1)?.rows()),
            impossible: 0.0,
            data: Figure::mean(profile(model, tokens, &ids, 1)?.rows()),
        })
    }
}
