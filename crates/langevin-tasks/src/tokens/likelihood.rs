//! Likelihoods of sequences under a model of tokens.

use super::rows::Rows;
use super::{Model, rows};
use crate::error::{Blame as _, Error, Result};
use crate::observe::{Observer, Progress};
use langevin_discrete::Denoiser;
use langevin_discrete::likelihood::{self, Bound};

/// Number of rows between two looks at the observer.
const BATCH: usize = 64;
/// Noise levels of a round, under noise without a mask.
const LEVELS: usize = 16;

/// Likelihood of some sequences.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Likelihood {
    /// −log p of each sequence in nats, or the bound of it.
    pub nats: Vec<f64>,
    /// Mean with its standard error.
    pub mean: Bound,
    /// True if the values are upper bounds.
    pub is_bound: bool,
    /// Information profile h_0, …, h_(d−1) in nats, for a bound of a masked model.
    pub profile: Option<Vec<f64>>,
    /// Network evaluations of a sequence.
    pub evaluations: u64,
}

/// Measures −log p of sequences: the bound, or the exact value.
///
/// An autoregressive network has an exact value always.
///
/// ```
/// use langevin_discrete::Noise;
/// use langevin_tasks::tokens::{Model, likelihood, rows};
/// let model = Model::named("chain:3x5", Noise::Masked)?;
/// let wanted = rows::Wanted { data: None, held_out: false, count: Some(20), seed: 0 };
/// let rows = rows::read(&model, &wanted, &())?;
/// let exact = likelihood::measure(&model, &rows, true, 1, &())?;
/// assert!(!exact.is_bound && exact.evaluations == 32);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the sequences are too long for an exact value, the model fails, or the
/// observer ends the task.
pub fn measure(model: &Model, rows: &Rows, exact: bool, rounds: usize, observer: &dyn Observer) -> Result<Likelihood> {
    let length = model.space()?.length();
    if let Some(network) = model.network().filter(|network| network.is_causal()) {
        let nats = network.autoregressive_nats(&rows.letters).or_failed()?;
        return Ok(Likelihood { mean: Bound::of(&nats, length), nats, is_bound: false, profile: None, evaluations: 1 });
    }
    measure_with(&*model.denoiser()?, rows, exact, rounds, observer)
}

/// Measures −log p of sequences under any denoiser: the bound, or the exact value.
///
/// ```
/// use langevin_discrete::{Noise, exact::{Chain, Density}};
/// use langevin_tasks::tokens::{likelihood, rows::Rows};
/// let chain = Chain::example(3, 5, Noise::Masked)?;
/// let ids: Vec<_> = (0..20).map(|index| langevin::SampleId { seed: 0, index }).collect();
/// let rows = Rows { name: "samples".into(), letters: chain.sample(&ids), ids };
/// assert!(likelihood::measure_with(&chain, &rows, false, 1, &())?.is_bound);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error under the conditions of [`measure`].
pub fn measure_with(
    denoiser: &dyn Denoiser,
    rows: &Rows,
    exact: bool,
    rounds: usize,
    observer: &dyn Observer,
) -> Result<Likelihood> {
    let space = denoiser.space();
    let (length, masked) = (space.length(), space.is_masked());
    if exact && !masked {
        return Err(Error::misused("the exact likelihood is that of masked noise")
            .at("‹exact›")
            .expected("a model of masked noise")
            .got(space.noise().name())
            .hint("leave it out for the bound"));
    }
    if exact && length > likelihood::MOST_EXACT {
        return Err(Error::misused("the sequences are too long for their exact likelihood")
            .at("‹exact›")
            .expected(format!("at most {} tokens, which take 2^{0} evaluations", likelihood::MOST_EXACT))
            .got(length.to_string())
            .hint("leave it out for the bound"));
    }
    let (mut nats, mut profile) = (Vec::with_capacity(rows.ids.len()), vec![0.0; length]);
    let size = if exact { 1 } else { BATCH };
    for (letters, ids) in rows.letters.chunks(size * length).zip(rows.ids.chunks(size)) {
        observer.check()?;
        if exact {
            nats.extend(likelihood::exact(denoiser, letters).or_failed()?);
        } else if !masked {
            nats.extend(likelihood::bounds(denoiser, letters, ids, LEVELS * rounds).or_failed()?);
        } else {
            let found = likelihood::profile(denoiser, letters, ids, rounds).or_failed()?;
            nats.extend(found.rows());
            profile.iter_mut().zip(found.values()).for_each(|(sum, h)| *sum += h * ids.len() as f64);
        }
        let (done, all) = (nats.len() as u64, rows.ids.len() as u64);
        observer.progress(&Progress::Done { unit: "sequences", done, all });
    }
    observer.progress(&Progress::End);
    profile.iter_mut().for_each(|h| *h /= nats.len() as f64);
    Ok(Likelihood {
        mean: Bound::of(&nats, length),
        nats,
        is_bound: !exact,
        profile: (!exact && masked).then_some(profile),
        evaluations: match (exact, masked) {
            (true, _) => 1 << length,
            (false, true) => (length * rounds) as u64,
            (false, false) => (LEVELS * rounds + 1) as u64,
        },
    })
}

/// Reads rows and measures them; [`rows::read`] and [`measure`] in one.
///
/// # Errors
/// Returns an error if either does.
pub fn run(
    model: &Model,
    wanted: &rows::Wanted<'_>,
    exact: bool,
    rounds: usize,
    observer: &dyn Observer,
) -> Result<(Rows, Likelihood)> {
    let rows = rows::read(model, wanted, observer)?;
    let found = measure(model, &rows, exact, rounds, observer)?;
    Ok((rows, found))
}
