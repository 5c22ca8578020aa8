//! Losses of an order, and its best sizes.

use langevin::{Error, Result};

/// Mean losses of an order in nats: after k revealed tokens, the loss −ln D of every token that
/// comes later.
///
/// A plan that reveals groups of the order loses, for each group, the losses of its tokens after
/// the tokens before the group. One token at a time loses the least.
///
/// ```
/// use langevin_discrete::{Noise, exact::Chain, recommend::Markov, sampler::bit_reversed};
/// let markov = Markov::new(&Chain::example(8, 64, Noise::Masked)?)?;
/// let losses = markov.losses(&bit_reversed(64))?;
/// let best = losses.best_sizes(8);
/// assert_eq!(best.iter().sum::<usize>(), 64);
/// assert!(losses.excess(&best)? <= losses.excess(&[8; 8])?);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Losses {
    /// After k tokens: the losses of the tokens of rank k, k + 1, …
    rows: Vec<Vec<f64>>,
}

impl Losses {
    pub(crate) fn new(rows: Vec<Vec<f64>>) -> Self {
        Self { rows }
    }

    /// Returns the losses of one token at a time, in the order of the ranks.
    #[must_use]
    pub fn one_at_a_time(&self) -> Vec<f64> {
        self.rows.iter().map(|row| row[0]).collect()
    }

    /// Returns the loss of all tokens in groups of these sizes, in nats: the cross-entropy of the
    /// data under the samples of a fixed order.
    ///
    /// # Errors
    /// Returns an error if the sizes do not add up to the length.
    pub fn cross_entropy(&self, sizes: &[usize]) -> Result<f64> {
        let total: usize = sizes.iter().sum();
        if total != self.rows.len() || sizes.contains(&0) {
            return Err(Error::argument("the sizes do not fit the order")
                .at("sizes")
                .expected(format!("positive sizes with the sum {}", self.rows.len()))
                .got(format!("{sizes:?}")));
        }
        let (mut first, mut sum) = (0, 0.0);
        for size in sizes {
            sum += self.rows[first][..*size].iter().sum::<f64>();
            first += size;
        }
        Ok(sum)
    }

    /// Returns the excess of these sizes over one token at a time in the same order, in nats.
    ///
    /// For an exact model and a fixed order it is KL(p‖q) of the samples.
    ///
    /// # Errors
    /// Returns an error if the sizes do not add up to the length.
    pub fn excess(&self, sizes: &[usize]) -> Result<f64> {
        Ok(self.cross_entropy(sizes)? - self.one_at_a_time().iter().sum::<f64>())
    }

    /// Returns the sizes of the smallest loss for `steps` groups, by dynamic programming.
    #[must_use]
    pub fn best_sizes(&self, steps: usize) -> Vec<usize> {
        let length = self.rows.len();
        let steps = steps.clamp(1, length.max(1));
        let sums: Vec<Vec<f64>> = self
            .rows
            .iter()
            .map(|row| {
                let mut sums = vec![0.0];
                row.iter().for_each(|loss| sums.push(sums[sums.len() - 1] + loss));
                sums
            })
            .collect();
        // best[k][e]: the smallest loss of the first e tokens in k groups, and the last group's
        // start.
        let mut best = vec![vec![(f64::INFINITY, 0); length + 1]; steps + 1];
        best[0][0].0 = 0.0;
        for groups in 1..=steps {
            for end in groups..=length {
                let totals =
                    (groups - 1..end).map(|first| (best[groups - 1][first].0 + sums[first][end - first], first));
                best[groups][end] =
                    totals.fold((f64::INFINITY, 0), |least, one| if one.0 < least.0 { one } else { least });
            }
        }
        let (mut sizes, mut end) = (Vec::with_capacity(steps), length);
        for groups in (1..=steps).rev() {
            let first = best[groups][end].1;
            sizes.push(end - first);
            end = first;
        }
        sizes.reverse();
        sizes
    }
}
