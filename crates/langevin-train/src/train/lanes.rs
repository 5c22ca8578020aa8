//! A batch shared among threads, so that the threads change no bit.
//!
//! The batch is cut into *lanes* of consecutive rows, as many as its size says and never as there are
//! threads. A lane goes through its rows a chunk at a time and adds up one gradient; any thread may run any
//! lane. The gradients are then added in the order of the lanes.

use super::ahead::Drawn;
use super::problem::{Batch, Losses, Problem, Seen};
use crate::error::Result;
use crate::nn::net::{Net, Passes};
use crate::nn::stop::Stop;
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The rows of a lane, for a batch of so many.
pub(crate) fn rows_of_lane(batch: usize, net: &dyn Net) -> usize {
    batch.div_ceil((batch / net.chunk().div_ceil(2).max(1)).clamp(1, net.lanes()))
}

/// One lane, but for its gradient.
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
    /// A gradient for each lane; zero between two steps, as the optimiser leaves them.
    pub(crate) gradients: Vec<Vec<f32>>,
    /// Rows of a lane, and of a chunk.
    rows: usize,
    chunk: usize,
    stop: Stop,
    /// Rows of the step that are done, for whoever waits for a long one.
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

    /// Stops within a step from now on where `stop` says so; rows that are done are counted in `done`.
    pub(crate) fn watch(&mut self, stop: Stop, done: &Arc<AtomicUsize>) {
        (self.stop, self.done) = (stop, Arc::clone(done));
        self.passes.stop_when(stop);
    }

    /// The loss of a batch; adds its gradient to those of the lanes.
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

    /// The loss of all rows of the problem's data, without a gradient.
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

    /// The errors of the rows of the last batch, in its order, where they were looked at.
    pub(crate) fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.lanes.iter().flat_map(|lane| &lane.seen)
    }
}
