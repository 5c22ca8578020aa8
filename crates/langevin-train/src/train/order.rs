//! Order of the training rows.

use langevin::SampleId;
use langevin_data::shuffled;

/// Shuffled passes over the data, each a function of (seed, pass).
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

    /// Returns the order as it is after `steps` steps of `batch` rows.
    pub(crate) fn after(rows: usize, seed: u64, steps: u64, batch: usize) -> Self {
        let taken = u128::from(steps) * batch as u128;
        let (passes, into) = (taken / rows as u128, (taken % rows as u128) as usize);
        let mut order = Self { epoch: passes as u64, ..Self::new(rows, seed) };
        order.take(into);
        order
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_place_is_that_of_one_who_went_there() {
        for (rows, batch) in [(7, 3), (3, 7), (5, 5), (1, 2)] {
            let mut walked = Order::new(rows, 4);
            for step in 0..12 {
                assert_eq!(Order::after(rows, 4, step, batch).take(2 * batch), {
                    let mut ahead = Order { left: walked.left.clone(), ..walked };
                    ahead.take(2 * batch)
                });
                walked.take(batch);
            }
        }
    }
}
