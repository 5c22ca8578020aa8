//! The loss as a sum over listed noise levels, for programs that draw from a table.

use super::{Objective, TimeDensity, Weight};
use crate::error::{Error, Result};
use crate::formulation::InputLevel;
use crate::prediction::Parts;
use crate::process::Level;

/// Coefficients of one row of the loss, which has the datum x0 and the noise ε.
///
/// The network receives `input.alpha`·x0 + `input.sigma`·ε and `input.time`. Its output has the
/// target `target.datum`·x0 + `target.noise`·ε, and the squared error the weight `factor`.
///
/// ```
/// use langevin::objective::{TimeDensity, Weight};
/// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
/// let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity)
///     .with_range(LambdaRange::from_sigma_ve(0.002, 80.0)?);
/// let objective = Objective::new(&flow, Weight::Plain, TimeDensity::UniformTime)?;
/// let term = objective.term(&flow.process.level(0.25)?)?;
/// assert_eq!((term.input.time, term.input.alpha, term.input.sigma), (0.25, 0.75, 0.25));
/// assert_eq!((term.target.datum, term.target.noise, term.factor), (-1.0, 1.0, 1.0));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Term {
    /// The level, on the process of the formulation.
    pub level: Level,
    /// The time that the network receives, and α and σ of its scaled input.
    pub input: InputLevel,
    /// The coefficients of x0 and ε in the target.
    pub target: Parts,
    /// The weight of ‖Δout‖², w·(αB/σ)².
    pub factor: f64,
    /// (αB/σ)²: ‖Δε‖² per ‖Δout‖².
    pub gain: f64,
}

/// The noise levels that [`Objective::terms`] lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// This many levels evenly spaced in λ, the midpoints of their cells, the noisiest first.
    EvenLambda(usize),
    /// The entries of a table, in the order of their times.
    Steps,
}

/// The largest number of levels of a list.
const MOST: usize = 1 << 20;

impl Objective {
    /// Returns the coefficients of a row at a level of the formulation's process.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`output_factor`](Self::output_factor), or if the
    /// network's clock has no finite value at the level.
    pub fn term(&self, level: &Level) -> Result<Term> {
        let formulation = self.formulation();
        // Without the search for the level of equal σ/α: a table's time stays a whole number.
        let (time, scale) = (formulation.time(level), formulation.input_scale(level));
        let input = InputLevel { time, alpha: scale * level.alpha, sigma: scale * level.sigma };
        if !input.time.is_finite() {
            return Err(Error::singular("the network's clock has no finite value here")
                .at(format!("time {}", level.time))
                .got(input.time.to_string()));
        }
        Ok(Term {
            level: *level,
            input,
            target: formulation.prediction.parts(&formulation.process, level),
            factor: self.output_factor(level)?,
            gain: self.error_gain(level)?,
        })
    }

    /// Returns listed levels with the probability of each one. The probabilities sum to 1.
    ///
    /// The expected loss is Σ probability · `factor` · ‖Δout‖². It is the integral of the loss for
    /// many levels, and on [`Support::Steps`] the loss of a network that is trained on the entries
    /// of a table. There uniform time gives every entry the same probability, and the likelihood
    /// weight is the length in λ that an entry stands for, divided by its probability.
    ///
    /// ```
    /// use langevin::objective::{Support, TimeDensity, Weight};
    /// use langevin::{Formulation, Objective, Prediction, Process};
    /// let table = Process::parse("table:linear")?;
    /// let network = Formulation::new(table, Prediction::Epsilon);
    /// let range = network.table_range().expect("a table");
    /// let network = network.with_range(range);
    /// let objective = Objective::new(&network, Weight::Plain, TimeDensity::UniformTime)?;
    /// let terms = objective.terms(Support::Steps)?;
    /// assert_eq!((terms.len(), terms[999].0.input.time), (1000, 999.0));
    /// assert!((terms[500].1 - 1e-3).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`term`](Self::term), if there are no levels or
    /// more than 2²⁰, or for [`Support::Steps`] if the process is no table or has no entry in the
    /// range.
    pub fn terms(&self, support: Support) -> Result<Vec<(Term, f64)>> {
        match support {
            Support::EvenLambda(count) if !(1..=MOST).contains(&count) => {
                Err(Error::argument("bad number of noise levels")
                    .expected(format!("1 to {MOST}"))
                    .got(count.to_string()))
            }
            Support::EvenLambda(count) => {
                let (range, step) = (self.range(), (self.range().max - self.range().min) / count as f64);
                let at = |i: usize| {
                    let level = self.formulation().process.level_at_lambda(range.min + (i as f64 + 0.5) * step)?;
                    Ok((self.term(&level)?, self.density(&level)))
                };
                normalized((0..count).map(at).collect::<Result<Vec<_>>>()?)
            }
            Support::Steps => self.steps(),
        }
    }

    /// Returns the entries of a table with their probabilities.
    fn steps(&self) -> Result<Vec<(Term, f64)>> {
        let process = &self.formulation().process;
        let count = process.alpha_bars().map(<[f64]>::len).ok_or_else(|| {
            Error::argument("only a table has whole steps")
                .expected("a process such as table:linear")
                .got(process.name().to_string())
        })?;
        let range = self.range();
        let (mut levels, mut last) = (Vec::new(), None);
        for i in 0..count {
            let level = process.level(i as f64)?;
            // Pure noise, at λ = −∞, is the last entry of some tables. It belongs to a range that
            // holds the entry before it.
            if range.contains(level.lambda()) || (level.alpha == 0.0 && last.is_some_and(|last| last + 1 == i)) {
                levels.push(level);
                last = Some(i);
            }
        }
        if levels.is_empty() {
            return Err(Error::argument("no entry of the table is in the trained range")
                .at(process.name().to_string())
                .expected(format!("entries with λ in [{:.4}, {:.4}]", range.min, range.max)));
        }
        let lambda = |i: usize| levels[i].lambda();
        let edge = |i: usize| match i {
            0 => lambda(0),
            i if i == levels.len() => lambda(i - 1).max(range.min),
            i => 0.5 * (lambda(i - 1) + lambda(i)).max(2.0 * range.min),
        };
        let mass = |i: usize, level: &Level| match &self.times {
            TimeDensity::UniformTime => 1.0,
            _ => self.density(level) * (edge(i) - edge(i + 1)).max(0.0),
        };
        let mut terms = Vec::with_capacity(levels.len());
        for (i, level) in levels.iter().enumerate() {
            let mass = mass(i, level);
            if mass > 0.0 {
                terms.push((i, self.term(level), mass));
            }
        }
        let total: f64 = terms.iter().map(|(_, _, mass)| mass).sum();
        terms
            .into_iter()
            .map(|(i, term, mass)| {
                let (mut term, share) = (term?, mass / total);
                if self.weight == Weight::Likelihood {
                    term.factor = (edge(i) - edge(i + 1)) / share * term.gain;
                }
                Ok((term, share))
            })
            .collect()
    }
}

/// Scales the masses of a list to the sum 1.
fn normalized(mut terms: Vec<(Term, f64)>) -> Result<Vec<(Term, f64)>> {
    let total: f64 = terms.iter().map(|(_, mass)| mass).sum();
    if total <= 0.0 {
        return Err(Error::argument("the time density is too narrow for a list of noise levels")
            .expected("a standard deviation of several levels")
            .got(format!("no mass at any of {} levels", terms.len())));
    }
    terms.iter_mut().for_each(|(_, mass)| *mass /= total);
    Ok(terms)
}
