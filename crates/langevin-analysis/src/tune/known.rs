//! The known plans, which a tuned one has to beat.

use super::fit::Target;
use crate::recommend::{Compiler, GRIDS, fitting};
use langevin::error::{Error, Result};
use langevin::model::Model;
use langevin::plan::Plan;
use langevin::sampler::{Entry, Sampler};

/// The rounds of the tournament: samples, and the number of plans that go on.
const ROUNDS: [(usize, usize); 2] = [(16, 24), (64, 6)];

/// A known plan, by the names of its sampler and grid.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Known {
    /// The sampler.
    pub sampler: String,
    /// The grid.
    pub grid: String,
    /// The number of steps.
    pub steps: usize,
    /// The plan.
    pub plan: Plan,
}

/// Returns all deterministic plans of the recommended samplers on all grids within the budget.
pub(super) fn all(compiler: &dyn Compiler, nfe: usize) -> Vec<Known> {
    let samplers = Entry::all().iter().filter(|entry| entry.facts.recommended);
    let samplers: Vec<Sampler> = samplers.filter_map(|entry| Sampler::parse(entry.name, None).ok()).collect();
    let grids = compiler.usual_grid().map_or(&["config"][..], |_| &GRIDS);
    let mut plans: Vec<Known> = vec![];
    for grid in grids {
        for sampler in &samplers {
            // A sampler that does not fit the grid or the budget takes no part.
            let Ok(Some((steps, plan))) = fitting(compiler, sampler, grid, nfe) else { continue };
            if plan.draws() == 1 && compiler.admits(&plan) {
                plans.push(Known { sampler: sampler.spec().to_owned(), grid: (*grid).to_owned(), steps, plan });
            }
        }
    }
    plans
}

/// Returns the number of evaluations of a tournament, in rows.
pub(super) fn cost(plans: &[Known], rows: usize) -> u64 {
    let nfe = plans.iter().map(|known| known.plan.nfe() as u64).max().unwrap_or(0);
    let mut left = plans.len();
    let mut cost = 0;
    for (samples, most) in ROUNDS {
        cost += nfe * (samples.min(rows) * left) as u64;
        left = left.min(most);
    }
    cost + nfe * (left * rows) as u64
}

/// The result of a tournament.
pub(super) struct Left {
    /// The best plan, with its error on all rows.
    pub(super) best: (Known, f64),
    /// All plans, the best of the first round first.
    pub(super) all: Vec<Known>,
}

/// Measures plans on few rows, and the better ones on more.
pub(super) fn tournament<M: Model<Vec<f64>> + Sync + ?Sized>(
    mut plans: Vec<Known>,
    target: &Target<'_, M>,
) -> Result<Left> {
    let mut all = vec![];
    for (round, (rows, most)) in ROUNDS.into_iter().chain([(usize::MAX, 1)]).enumerate() {
        let head = target.head(rows);
        let mut errors = vec![];
        for known in &plans {
            match head.error(&known.plan) {
                Ok(error) => errors.push((error, known.clone())),
                // Samples that are not finite end a plan, and not the search.
                Err(error) if error.is_singular() => {}
                Err(error) => return Err(error),
            }
        }
        errors.sort_by(|a, b| a.0.total_cmp(&b.0));
        if round == 0 {
            all = errors.iter().map(|(_, known)| known.clone()).collect();
        }
        errors.truncate(most);
        plans = errors.iter().map(|(_, known)| known.clone()).collect();
        if let (2, Some((error, known))) = (round, errors.into_iter().next()) {
            return Ok(Left { best: (known, error), all });
        }
    }
    Err(Error::argument("no known plan fits the budget").at("nfe").expected("a larger number of evaluations"))
}
