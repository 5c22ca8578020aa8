//! Any law on few sequences, by enumeration.

use super::{Density, each_sequence, emission, enumerable, normalise, probabilities};
use crate::chance::{pick, uniforms};
use crate::denoiser::Denoiser;
use crate::plan::index;
use crate::space::{Letter, StateSpace};
use langevin::noise::draws;
use langevin::{Error, Query, Result, SampleId};

/// A law on at most 4096 sequences, as a table of probabilities.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, exact::{Density, Table}};
/// // Two tokens that are always equal.
/// let space = StateSpace::new(Noise::Masked, 2, 2)?;
/// let table = Table::new(space, vec![0.5, 0.0, 0.0, 0.5])?;
/// assert_eq!(table.log_probability(&[1, 1]), 0.5_f64.ln());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    space: StateSpace,
    probabilities: Vec<f64>,
}

impl Table {
    /// Creates a law from the probabilities of all V^d sequences, the last token changing fastest.
    ///
    /// # Errors
    /// Returns an error if there are more than 4096 sequences, or the probabilities are no
    /// distribution (within 1e-9).
    pub fn new(space: StateSpace, probabilities: Vec<f64>) -> Result<Self> {
        let count = enumerable(space.vocab(), space.length())?;
        let sum: f64 = probabilities.iter().sum();
        let negative = probabilities.iter().any(|p| *p < 0.0);
        if probabilities.len() != count || negative || sum.is_nan() || (sum - 1.0).abs() > 1e-9 {
            return Err(Error::argument("the probabilities are no law on the sequences")
                .expected(format!("{count} numbers from 0 on with the sum 1"))
                .got(format!("{} numbers with the sum {sum}", probabilities.len())));
        }
        Ok(Self { space, probabilities })
    }

    /// Creates the table of a density.
    ///
    /// # Errors
    /// Returns an error if there are more than 4096 sequences.
    pub fn of(density: &dyn Density) -> Result<Self> {
        let space = density.space().clone();
        let mut table = Vec::with_capacity(enumerable(space.vocab(), space.length())?);
        each_sequence(space.vocab(), space.length(), |tokens| table.push(libm::exp(density.log_probability(tokens))));
        Self::new(space, table)
    }

    /// Returns the probabilities of all sequences, in the order of a [`Law`](crate::plan::Law).
    ///
    /// # Errors
    /// Returns an error if there are more than 4096 sequences with the mask as a letter.
    pub fn probabilities(&self) -> Result<Vec<f64>> {
        probabilities(self)
    }
}

impl Table {
    /// Writes the marginal law of a token.
    fn marginal(&self, place: usize, out: &mut [f64]) {
        let mut number = 0;
        each_sequence(self.space.vocab(), self.space.length(), |clean| {
            out[clean[place] as usize] += self.probabilities[number];
            number += 1;
        });
    }
}

impl Denoiser for Table {
    fn space(&self) -> &StateSpace {
        &self.space
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        self.space.check(x)?;
        let (length, vocab) = (self.space.length(), self.space.vocab());
        let mut out = vec![0.0; x.len() * vocab];
        let mut seen = vec![0.0; length * vocab];
        for (row, (x, out)) in x.chunks_exact(length).zip(out.chunks_exact_mut(length * vocab)).enumerate() {
            let alpha = query.at.row(row).alpha;
            for (x, seen) in x.iter().zip(seen.chunks_exact_mut(vocab)) {
                emission(&self.space, alpha, *x, seen);
            }
            let mut number = 0;
            each_sequence(vocab, length, |clean| {
                let p = self.probabilities[number];
                number += 1;
                if p == 0.0 {
                    return;
                }
                for place in 0..length {
                    let others = (0..length).filter(|other| *other != place);
                    let weight: f64 = others.map(|other| seen[other * vocab + clean[other] as usize]).product();
                    out[place * vocab + clean[place] as usize] += p * weight;
                }
            });
            for (place, out) in out.chunks_exact_mut(vocab).enumerate() {
                if out.iter().all(|value| *value == 0.0) {
                    self.marginal(place, out);
                }
                normalise(out);
            }
        }
        Ok(out)
    }
}

impl Density for Table {
    fn name(&self) -> String {
        format!("table:{}x{}", self.space.vocab(), self.space.length())
    }

    fn log_probability(&self, tokens: &[Letter]) -> f64 {
        libm::log(self.probabilities.get(index(tokens, self.space.vocab())).copied().unwrap_or(0.0))
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<Letter> {
        let (vocab, length) = (self.space.vocab(), self.space.length());
        let (mut out, mut u) = (Vec::with_capacity(rows.len() * length), [0.0]);
        for row in rows {
            uniforms(*row, draws::EXACT_UNIFORMS.first(), &mut u);
            let number = pick(&self.probabilities, u[0]).unwrap_or_default() as usize;
            let digit = |place: usize| (number / vocab.pow((length - 1 - place) as u32) % vocab) as Letter;
            out.extend((0..length).map(digit));
        }
        out
    }

    fn entropy(&self) -> Option<f64> {
        Some(crate::plan::entropy(&self.probabilities))
    }
}
