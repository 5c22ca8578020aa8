//! The lint: does every reverse move land on the marginal it claims?
//!
//! It is the exact Gaussian analysis for data of zero spread, D ≡ x0: after a move to $(\alpha_t, \sigma_t)$ the mean must be $\alpha_t x_0$ and
//! the variance of everything random $\sigma_t^2$. This covers one-step, multistep and multi-stage samplers alike.

use super::unroll::Tracker;
use super::{Op, Plan};
use crate::error::Result;
use std::fmt;

/// What a plan is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The mean after a move is α_t·x0 when D = x0.
    Mean,
    /// The variance after a move is σ_t² when D = x0.
    Variance,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The number of the move.
    pub index: usize,
    /// The rule.
    pub rule: Rule,
    /// The value that the marginal has.
    pub expected: f64,
    /// The value that the plan gives.
    pub got: f64,
}

/// What the lint found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Lint {
    /// The broken rules, in the order of the moves.
    pub findings: Vec<Finding>,
}

impl Lint {
    /// Whether no rule is broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return writeln!(f, "every move keeps its marginal");
        }
        for Finding { index, rule, expected, got } in &self.findings {
            let what = match rule {
                Rule::Mean => "mean / x0",
                Rule::Variance => "variance",
            };
            writeln!(f, "move {index}: {what} is {got:.6e}, the marginal has {expected:.6e}")?;
        }
        Ok(())
    }
}

/// Relative slack: a few thousand roundings of sums of order one.
const SLACK: f64 = 1e-9;

impl Plan {
    /// Holds every move to its marginal. The start is taken to be a true draw of it.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler};
    /// let process = Process::vp();
    /// let levels = Grid::uniform_lambda(8).levels(&process, 0.01, 10.0)?;
    /// assert!(Sampler::adams(2, 1.0)?.compile(&process, None, &levels)?.lint()?.is_clean());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// A plan with maps, or one too large to unroll.
    pub fn lint(&self) -> Result<Lint> {
        let mut tracker = Tracker::new(self)?;
        let mut findings = Vec::new();
        let Some(first) = self.moves.first() else {
            return Ok(Lint { findings });
        };
        // The start σ·z lacks α x0: what it stands for is a draw of the marginal. The draws made before the first move carry it.
        let early = |op: &Op| {
            if let Op::Combine { noise, .. } = op { noise.iter().map(|(_, draw)| *draw).collect() } else { vec![] }
        };
        let started: Vec<u32> = self.ops.iter().take(first.ops[0]).flat_map(early).collect();
        let carried = if first.from.sigma > 0.0 { first.from.alpha / first.from.sigma } else { 0.0 };
        let mut ends: Vec<(usize, usize)> =
            self.moves.iter().enumerate().map(|(index, note)| (note.ops[1], index)).collect();
        ends.sort_unstable();
        let mut ends = ends.into_iter().peekable();
        for (number, op) in self.ops.iter().enumerate() {
            tracker.step(op);
            while let Some((_, index)) = ends.next_if(|(end, _)| *end == number) {
                let note = &self.moves[index];
                let Op::Combine { into, .. } = op else { continue };
                let weights = tracker.slot(*into);
                let start: f64 = started.iter().map(|draw| weights.draws[*draw as usize] * carried).sum();
                let inputs: f64 = weights.inputs.iter().sum();
                let mean = start + inputs * first.from.alpha + weights.evals.iter().sum::<f64>();
                let variance = weights.draws.iter().map(|w| w * w).sum::<f64>()
                    + weights.inputs.iter().map(|w| (w * first.from.sigma).powi(2)).sum::<f64>();
                let power = note.to.sigma * note.to.sigma;
                let mut hold = |rule, got: f64, expected: f64, scale: f64| {
                    if (got - expected).abs() > SLACK * scale {
                        findings.push(Finding { index, rule, expected, got });
                    }
                };
                hold(Rule::Mean, mean, note.to.alpha, note.to.alpha.max(note.from.alpha));
                hold(Rule::Variance, variance, power, if power > 0.0 { power } else { 1.0 });
            }
        }
        Ok(Lint { findings })
    }
}
