//! Samples of tokens.

use super::Model;
use crate::error::{Blame as _, Error, Result};
use crate::observe::{Observer, Progress};
use langevin::SampleId;
use langevin_data::Vocabulary;
use langevin_discrete::plan::Kept;
use langevin_discrete::recommend::{Dependence, Markov};
use langevin_discrete::{Letter, Plan, Request};
use langevin_train::Network;
use rayon::prelude::*;

/// Number of rows between two looks at the observer.
const BATCH: usize = 512;
/// Number of rows that a thread draws at once.
const CHUNK: usize = 64;

/// A plan, or a request for one.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one of them")]
pub enum Chosen {
    /// A request.
    Request(Request),
    /// A plan, for example from a file.
    Plan(Plan),
}

/// Numbers of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// Number of samples.
    pub count: usize,
    /// Random seed.
    pub seed: u64,
}

/// A plan that is ready to draw from a model. An autoregressive network has none: it writes from
/// left to right.
#[allow(missing_debug_implementations)] // a model is not printable
pub struct Prepared<'a> {
    model: &'a Model,
    plan: Option<Plan>,
}

/// Letters that samples keep: those of some rows, which the samples take in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptRows {
    rows: Vec<(Vec<Letter>, Vec<bool>)>,
    /// Number of places to keep in a row without padding.
    wanted: usize,
}

impl KeptRows {
    /// Keeps the places `keep` of rows of letters, rows × d. The padding of a row is not kept, so
    /// places beyond its end are drawn.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// use langevin_tasks::tokens::sample::KeptRows;
    /// let names = Dataset::names();
    /// let vocabulary = names.vocabulary().expect("letters");
    /// let bo = vocabulary.encode("bo", 12)?;
    /// let kept = KeptRows::new(vocabulary, &bo, &[true; 12]);
    /// assert_eq!((kept.len(), kept.left_out()), (1, 10));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn new(vocabulary: &Vocabulary, letters: &[Letter], keep: &[bool]) -> Self {
        let one = |row: &[Letter]| {
            let used = vocabulary.used(row);
            (row.to_vec(), keep.iter().enumerate().map(|(place, keep)| *keep && place < used).collect())
        };
        Self { rows: letters.chunks_exact(keep.len().max(1)).map(one).collect(), wanted: count(keep) }
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns true if there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the number of places of all rows that are not kept because they are padding.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.rows.iter().map(|(_, keep)| self.wanted - count(keep)).sum()
    }

    /// Returns the kept letters of some samples.
    fn of(&self, ids: &[SampleId]) -> Kept {
        let row = |id: &SampleId| &self.rows[(id.index % self.rows.len() as u64) as usize];
        if self.rows.is_empty() {
            return Kept::default();
        }
        let letters = ids.iter().flat_map(|id| row(id).0.clone()).collect();
        Kept::new(letters, ids.iter().flat_map(|id| row(id).1.clone()).collect())
    }
}

fn count(keep: &[bool]) -> usize {
    keep.iter().filter(|keep| **keep).count()
}

/// Number of sequences of a model on which the order `separated` is measured.
const MEASURED: u64 = 32;

/// Measures the order that takes dependent places of a model in different steps, on sequences that
/// the model draws itself.
fn separated(model: &Model) -> Result<Vec<u32>> {
    let denoiser = model.denoiser()?;
    let length = denoiser.space().length();
    let ids: Vec<SampleId> = (0..MEASURED).map(|index| SampleId { seed: 0, index }).collect();
    let chain = model.density().and_then(|density| density.chain());
    let dependence = match (chain, model.density()) {
        (Some(chain), _) => Dependence::exact(&Markov::new(chain).or_failed()?, length),
        (None, density) => {
            let tokens = match density {
                Some(density) => density.sample(&ids),
                None => Request::new()
                    .sampler("first-hitting")
                    .plan(denoiser.space())
                    .or_misused()?
                    .run(&*denoiser, &ids)
                    .or_failed()?,
            };
            Dependence::measure(&*denoiser, &tokens, &ids, 0).or_misused()?
        }
    };
    Ok(dependence.order())
}

/// Compiles a request for a model. The order `separated` is measured on the model.
///
/// ```
/// use langevin_discrete::{Noise, Request};
/// use langevin_tasks::tokens::{Model, sample};
/// let model = Model::named("shidoku", Noise::Masked)?;
/// let request = Request::new().sampler("sizes:order=separated").steps(4);
/// assert_eq!(sample::compile(&model, request)?.nfe(), 4);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the request has no plan.
pub fn compile(model: &Model, request: Request) -> Result<Plan> {
    let space = model.space()?;
    let request = match request.is_separated() && space.is_masked() {
        true => request.separated(separated(model)?).or_misused()?,
        false => request,
    };
    request.plan(space).or_misused()
}

/// Compiles a request for a model, or checks a plan.
///
/// # Errors
/// Returns an error if the request has no plan, or the plan is for other sequences.
pub fn prepare(model: &Model, chosen: Chosen) -> Result<Prepared<'_>> {
    let space = model.space()?;
    if model.network().is_some_and(Network::is_causal) {
        return match chosen {
            Chosen::Request(request) if request.words().is_empty() => Ok(Prepared { model, plan: None }),
            _ => Err(Error::misused("an autoregressive network writes from left to right, and has no sampler")
                .at("‹sampler›, ‹steps›, ‹plan›")
                .expected("none of them")
                .hint("the diffusion model beside it takes any sampler")),
        };
    }
    let plan = match chosen {
        Chosen::Request(request) => compile(model, request)?,
        Chosen::Plan(plan) if plan.space() == space => plan,
        Chosen::Plan(plan) => {
            return Err(Error::misused("the plan is for other sequences than the model")
                .at("‹plan›")
                .expected(space.to_string())
                .got(plan.space().to_string()));
        }
    };
    Ok(Prepared { model, plan: Some(plan) })
}

/// Parses which places of a sequence are kept: a pattern such as `10-20,30`, counted from 1, or
/// letters where `_` stands for a place that is drawn.
///
/// ```
/// use langevin_tasks::tokens::sample::places;
/// assert_eq!(places("1-2,5", 5)?, [true, true, false, false, true]);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the pattern is no list of places, or a place is beyond the sequence.
pub fn places(pattern: &str, length: usize) -> Result<Vec<bool>> {
    let bad = || {
        Error::misused("bad pattern of places")
            .at("‹keep›")
            .expected(format!("places from 1 to {length}, such as 1-3,7"))
            .got(format!("'{pattern}'"))
    };
    let mut keep = vec![false; length];
    for part in pattern.split(',') {
        let (first, last) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let [first, last] = [first, last].map(|text| text.trim().parse::<usize>());
        let (Ok(first), Ok(last)) = (first, last) else { return Err(bad()) };
        if first == 0 || first > last || last > length {
            return Err(bad());
        }
        keep[first - 1..last].fill(true);
    }
    Ok(keep)
}

impl Prepared<'_> {
    /// Returns the plan; `None` for an autoregressive network.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// Returns the name of the plan, or of the way of an autoregressive network.
    #[must_use]
    pub fn name(&self) -> &str {
        self.plan.as_ref().map_or("autoregression", Plan::name)
    }

    /// Returns the number of network evaluations of a sample.
    #[must_use]
    pub fn nfe(&self) -> usize {
        match (&self.plan, self.model.space()) {
            (Some(plan), _) => plan.nfe(),
            (None, space) => space.map_or(0, langevin_discrete::StateSpace::length),
        }
    }

    /// Checks that samples can keep letters.
    ///
    /// # Errors
    /// Returns an error if the network is autoregressive.
    pub fn check_keeps(&self) -> Result<()> {
        match self.plan {
            Some(_) => Ok(()),
            None => {
                Err(Error::misused("an autoregressive network keeps no letters, since it writes from left to right")
                    .at("‹keep›")
                    .expected("a diffusion model")
                    .got("an autoregressive network"))
            }
        }
    }

    /// Draws samples in the order of their indices and passes them to `take`, some rows of letters
    /// at a time. `kept` holds letters that are kept.
    ///
    /// Sample i is the same for any count and any number of threads.
    ///
    /// # Errors
    /// Returns an error if the model fails, `take` fails, the observer ends the task, or an
    /// autoregressive network is to keep letters.
    pub fn draw(
        &self,
        Draws { count, seed }: Draws,
        kept: Option<&KeptRows>,
        observer: &dyn Observer,
        take: &mut dyn FnMut(&[Letter]) -> Result<()>,
    ) -> Result<()> {
        if kept.is_some() {
            self.check_keeps()?;
        }
        let rows: Vec<SampleId> = (0..count as u64).map(|index| SampleId { seed, index }).collect();
        let mut done = 0;
        for batch in rows.chunks(BATCH) {
            observer.check()?;
            let parts = batch.par_chunks(CHUNK).map(|rows| self.part(rows, kept));
            let parts = parts.collect::<Result<Vec<Vec<Letter>>>>()?;
            parts.iter().try_for_each(|letters| take(letters))?;
            done += batch.len();
            observer.progress(&Progress::Done { unit: "samples", done: done as u64, all: count as u64 });
        }
        observer.progress(&Progress::End);
        Ok(())
    }

    /// Draws some samples.
    fn part(&self, rows: &[SampleId], kept: Option<&KeptRows>) -> Result<Vec<Letter>> {
        match (&self.plan, self.model.network()) {
            (None, Some(network)) => network.autoregressive_samples(rows).or_failed(),
            (None, None) => Ok(vec![]),
            (Some(plan), _) => {
                let denoiser = self.model.denoiser()?;
                plan.run_keeping(&*denoiser, rows, &kept.map(|kept| kept.of(rows)).unwrap_or_default()).or_failed()
            }
        }
    }
}
