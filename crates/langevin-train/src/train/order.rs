//! Which rows come next.

use crate::data::shuffled;
use langevin::SampleId;

/// One shuffled pass over the data after another, each a function of (seed, pass).
#[derive(Debug)]
pub(crate) struct Order {
    rows: usize,
    seed: u64,
    epoch: u64,
    left: Vec<usize>,
}

impl Order {
    pub(crate) fn new(rows: usize, seed: u64) -> Self {
        Self { rows, seed, epoch: 0, left: Vec::new() }
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<usize> {
        let mut rows = Vec::with_capacity(count);
        while rows.len() < count {
            if self.left.is_empty() {
                self.left = shuffled(self.rows, SampleId { seed: self.seed, index: self.epoch });
                self.epoch += 1;
            }
            rows.extend(self.left.pop());
        }
        rows
    }
}
