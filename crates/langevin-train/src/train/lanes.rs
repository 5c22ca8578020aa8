//! Division of a batch among threads, such that the thread count does not change a bit of the
//! result.
//!
//! The batch is cut into *lanes* of consecutive rows. The number of lanes depends on the batch
//! size, never on the number of threads. A lane processes its rows one chunk at a time and
//! accumulates one gradient; any thread may run any lane. The gradients are then added in the order
//! of the lanes.

use super::ahead::Drawn;
use super::problem::{Batch, Losses, Problem, Seen};
use crate::error::Result;
use crate::nn::net::{Net, Passes};
use crate::nn::stop::Stop;
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Returns the number of rows of a lane for this batch size.
pub(crate) fn rows_of_lane(batch: usize, net: &dyn Net) -> usize {
    batch.div_ceil((batch / net.chunk().div_ceil(2).max(1)).clamp(1, net.lanes()))
}

/// One lane, without its gradient.
#[derive(Default)]
struct Lane {
    batch: Batch,
    seen: Vec<Seen>,
    losses: Losses,
}

/// All lanes of a batch.
pub(crate) struct Lanes {
    lanes: Vec<Lane>,
    passes: Passes,
    /// Gradient of each lane; the optimiser leaves them at zero after each step.
    pub(crate) gradients: Vec<Vec<f32>>,
    /// Number of rows of a lane; the next field is that of a chunk.
    rows: usize,
    chunk: usize,
    stop: Stop,
    /// Number of finished rows of the current step, for progress displays of long steps.
    done: Arc<AtomicUsize>,
}

impl Lanes {
    pub(crate) fn new(net: &dyn Net, batch: usize, parameters: usize) -> Self {
        let rows = rows_of_lane(batch, net);
        let chunk = net.chunk().min(rows);
        let count = batch.div_ceil(rows);
        Self {
            lanes: (0..count).map(|_| Lane::default()).collect(),
            passes: Passes::new(chunk),
            gradients: vec![vec![0.0; parameters]; count],
            rows,
            chunk,
            stop: Stop::default(),
            done: Arc::default(),
        }
    }

    /// Stops within a step from now on if `stop` requests it, and counts finished rows in `done`.
    pub(crate) fn watch(&mut self, stop: Stop, done: &Arc<AtomicUsize>) {
        (self.stop, self.done) = (stop, Arc::clone(done));
        self.passes.stop_when(stop);
    }

    /// Computes the loss of a batch and adds its gradient to those of the lanes.
    pub(crate) fn run(
        &mut self,
        problem: &Problem,
        net: &dyn Net,
        weights: &[f32],
        step: u64,
        Drawn { rows, noise: coupled }: &Drawn,
    ) -> Result<Losses> {
        self.done.store(0, Ordering::Relaxed);
        let size = self.rows;
        let work = rows.par_chunks(size).zip(&mut self.lanes).zip(&mut self.gradients).enumerate();
        work.map(|(place, ((rows, lane), gradient))| {
            lane.losses = Losses::default();
            lane.seen.clear();
            for (chunk, rows) in rows.chunks(self.chunk).enumerate() {
                self.stop.check()?;
                let first = place * size + chunk * self.chunk;
                problem.fill(step, first, rows, coupled.as_deref(), net.features(), &mut lane.batch)?;
                lane.batch.drop_out(problem.recipe.dropout);
                let Lane { batch, seen, losses } = lane;
                self.passes.with(net, |pass| {
                    let out = pass.forward(weights, batch.rows(), rows.len(), true)?;
                    let Losses { loss, nothing } = batch.compare(&*problem.task, out)?;
                    (losses.loss, losses.nothing) = (losses.loss + loss, losses.nothing + nothing);
                    pass.back(weights, batch.rows(), batch.cotangent(), Some(gradient), None)
                })?;
                seen.append(&mut batch.seen);
                self.done.fetch_add(rows.len(), Ordering::Relaxed);
            }
            Ok(())
        })
        .collect::<Result<()>>()?;
        let [loss, nothing] = [|lane: &Lane| lane.losses.loss, |lane: &Lane| lane.losses.nothing]
            .map(|of| self.lanes.iter().map(of).sum());
        Ok(Losses { loss, nothing })
    }

    /// Computes the loss over all rows of the problem's data, without a gradient.
    pub(crate) fn loss(&self, problem: &Problem, net: &dyn Net, weights: &[f32]) -> Result<f64> {
        let rows: Vec<usize> = (0..problem.data.rows()).collect();
        let parts = rows.par_chunks(self.chunk).enumerate().map(|(place, rows)| {
            self.stop.check()?;
            let mut batch = Batch::default();
            problem.fill(0, place * self.chunk, rows, None, net.features(), &mut batch)?;
            self.passes.with(net, |pass| {
                let out = pass.forward(weights, batch.rows(), rows.len(), false)?;
                Ok(batch.compare(&*problem.task, out)?.loss)
            })
        });
        Ok(parts.collect::<Result<Vec<f64>>>()?.iter().sum())
    }

    /// Returns the errors of the rows of the last batch, in its order, if they were recorded.
    pub(crate) fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.lanes.iter().flat_map(|lane| &lane.seen)
    }
}
