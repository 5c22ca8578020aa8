//! Batches of the next steps, prepared in advance.
//!
//! A batch is a function of its step alone. Coupling noise to data takes longer than the step
//! itself. Several batches are therefore coupled in parallel, one for each thread, up to eight.

use super::order::Order;
use super::problem::Problem;
use crate::coupling::Coupling;
use crate::error::Result;
use crate::nn::net::MOST_LANES;
use rayon::prelude::*;
use std::collections::VecDeque;

/// Rows of a step, and its noise if it is coupled to the data.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) rows: Vec<usize>,
    pub(crate) noise: Option<Vec<f32>>,
}

/// Queue of batches, in the order of the steps.
#[derive(Debug)]
pub(crate) struct Ahead {
    order: Order,
    ready: VecDeque<Drawn>,
}

impl Ahead {
    /// Starts at the current position of `order`.
    pub(crate) fn new(order: Order) -> Self {
        Self { order, ready: VecDeque::new() }
    }

    /// Returns the batch of `step`, which must follow the step of the last call.
    pub(crate) fn next(&mut self, problem: &Problem, step: u64) -> Result<Drawn> {
        if let Some(ready) = self.ready.pop_front() {
            return Ok(ready);
        }
        let batch = problem.recipe.batch;
        let rows = self.order.take(batch);
        if problem.recipe.coupling == Coupling::Independent {
            return Ok(Drawn { rows, noise: None });
        }
        let pair = |(step, rows): (u64, Vec<usize>)| {
            let noise = problem.coupled(step, &rows)?;
            Ok(Drawn { rows, noise: Some(noise) })
        };
        let others = (step + 1..).take(rayon::current_num_threads().clamp(1, MOST_LANES) - 1);
        let others: Vec<_> = others.map(|step| (step, self.order.take(batch))).collect();
        let (first, others) =
            rayon::join(|| pair((step, rows)), || others.into_par_iter().map(pair).collect::<Result<VecDeque<_>>>());
        self.ready = others?;
        first
    }
}
