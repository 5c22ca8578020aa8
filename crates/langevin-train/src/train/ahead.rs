//! The batches of the next steps.
//!
//! A batch is a function of its step alone. Where noise is coupled to the data, which takes longer than the
//! step itself, as many batches as there are threads, up to eight, are paired side by side.

use super::order::Order;
use super::problem::Problem;
use crate::coupling::Coupling;
use crate::error::Result;
use crate::nn::net::MOST_LANES;
use rayon::prelude::*;
use std::collections::VecDeque;

/// The rows of a step, and its noise where that is coupled to them.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) rows: Vec<usize>,
    pub(crate) noise: Option<Vec<f32>>,
}

/// Batches in the order of the steps.
#[derive(Debug)]
pub(crate) struct Ahead {
    order: Order,
    ready: VecDeque<Drawn>,
}

impl Ahead {
    /// From where the order stands.
    pub(crate) fn new(order: Order) -> Self {
        Self { order, ready: VecDeque::new() }
    }

    /// The batch of `step`, which is the one after that of the last call.
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
