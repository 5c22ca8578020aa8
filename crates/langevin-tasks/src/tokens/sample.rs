//! Samples of tokens.

use super::Model;
use crate::error::{Blame as _, Error, Result};
use crate::observe::{Observer, Progress};
use langevin::SampleId;
use langevin_discrete::plan::Kept;
use langevin_discrete::{Letter, Plan, Request};
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

/// A plan that is ready to draw from a model.
#[allow(missing_debug_implementations)] // a model is not printable
pub struct Prepared<'a> {
    model: &'a Model,
    plan: Plan,
}

/// Compiles a request for a model, or checks a plan.
///
/// # Errors
/// Returns an error if the request has no plan, or the plan is for other sequences.
pub fn prepare(model: &Model, chosen: Chosen) -> Result<Prepared<'_>> {
    let space = model.space()?;
    let plan = match chosen {
        Chosen::Request(request) => request.plan(space).or_misused()?,
        Chosen::Plan(plan) if plan.space() == space => plan,
        Chosen::Plan(plan) => {
            return Err(Error::misused("the plan is for other sequences than the model")
                .at("‹plan›")
                .expected(space.to_string())
                .got(plan.space().to_string()));
        }
    };
    Ok(Prepared { model, plan })
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
    /// Returns the plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Draws samples in the order of their indices and passes them to `take`, some rows of letters
    /// at a time. `kept` holds letters and places that are kept, the same in every sample.
    ///
    /// Sample i is the same for any count and any number of threads.
    ///
    /// # Errors
    /// Returns an error if the model fails, `take` fails, or the observer ends the task.
    pub fn draw(
        &self,
        Draws { count, seed }: Draws,
        kept: Option<(&[Letter], &[bool])>,
        observer: &dyn Observer,
        take: &mut dyn FnMut(&[Letter]) -> Result<()>,
    ) -> Result<()> {
        let denoiser = self.model.denoiser()?;
        let rows: Vec<SampleId> = (0..count as u64).map(|index| SampleId { seed, index }).collect();
        let mut done = 0;
        for batch in rows.chunks(BATCH) {
            observer.check()?;
            let parts = batch.par_chunks(CHUNK).map(|rows| {
                let kept = kept.map(|(letters, keep)| Kept::every(letters, keep, rows.len())).unwrap_or_default();
                self.plan.run_keeping(&*denoiser, rows, &kept)
            });
            let parts = parts.collect::<langevin::Result<Vec<Vec<Letter>>>>().or_failed()?;
            parts.iter().try_for_each(|letters| take(letters))?;
            done += batch.len();
            observer.progress(&Progress::Done { unit: "samples", done: done as u64, all: count as u64 });
        }
        observer.progress(&Progress::End);
        Ok(())
    }
}
