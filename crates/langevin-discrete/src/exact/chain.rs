//! A Markov chain of letters.

use super::{Density, emission, normalise};
use crate::chance::{pick, uniforms};
use crate::denoiser::Denoiser;
use crate::space::{Letter, Noise, StateSpace};
use langevin::noise::draws;
use langevin::{Error, Query, Result, SampleId};

/// A Markov chain: the law of the first letter, and the probabilities of the next letter.
///
/// The leave-one-out prediction of a token is the product of a message from the left and one from
/// the right, without the token's own emission.
///
/// ```
/// use langevin::{Query, SampleId};
/// use langevin_discrete::{Denoiser, Noise, StateSpace, exact::Chain, level};
/// // A letter is followed by itself with probability 0.9.
/// let space = StateSpace::new(Noise::Masked, 2, 3)?;
/// let chain = Chain::new(space, vec![0.5, 0.5], vec![0.9, 0.1, 0.1, 0.9])?;
/// let rows = [SampleId::default()];
/// let d = chain.predict(&[0, 2, 0], &Query::new(level(0.5), &rows))?;
/// assert!((d[2] - 0.81 / 0.82).abs() < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    space: StateSpace,
    first: Vec<f64>,
    next: Vec<f64>,
}

impl Chain {
    /// Creates a chain from the law of the first letter and the V × V probabilities of the next
    /// one, row by row.
    ///
    /// # Errors
    /// Returns an error if a list has the wrong length or is no distribution (within 1e-9).
    pub fn new(space: StateSpace, first: Vec<f64>, next: Vec<f64>) -> Result<Self> {
        let vocab = space.vocab();
        for (name, values, wanted) in [("first", &first, vocab), ("next", &next, vocab * vocab)] {
            if values.len() != wanted {
                return Err(Error::shape("the probabilities do not fit the vocabulary")
                    .at(name)
                    .expected(wanted.to_string())
                    .got(values.len().to_string()));
            }
            for (row, values) in values.chunks_exact(vocab).enumerate() {
                let sum: f64 = values.iter().sum();
                if values.iter().any(|value| *value < 0.0 || value.is_nan()) || (sum - 1.0).abs() > 1e-9 {
                    return Err(Error::argument("the probabilities are no distribution")
                        .at(format!("{name}, row {row}"))
                        .expected("numbers from 0 on with the sum 1")
                        .got(format!("the sum {sum}")));
                }
            }
        }
        Ok(Self { space, first, next })
    }

    /// Creates the example chain of V letters and d tokens, which tests and documents use: random
    /// probabilities of the next letter, u³ + 0.02 normalised, started in their stationary law.
    ///
    /// # Errors
    /// Returns an error if a size is out of range.
    pub fn example(vocab: usize, length: usize, noise: Noise) -> Result<Self> {
        let space = StateSpace::new(noise, vocab, length)?;
        let mut next = vec![0.0; vocab * vocab];
        uniforms(SampleId { seed: 3, index: vocab as u64 }, draws::EXACT_UNIFORMS.first(), &mut next);
        next.iter_mut().for_each(|u| *u = *u * *u * *u + 0.02);
        next.chunks_exact_mut(vocab).for_each(normalise);
        let mut first = vec![1.0 / vocab as f64; vocab];
        // Every entry of a row is at least 0.02/(1.02 V), so the law converges geometrically.
        for _ in 0..4096 {
            let mut after = vec![0.0; vocab];
            step(&first, &next, &mut after);
            normalise(&mut after);
            let moved: f64 = after.iter().zip(&first).map(|(a, b)| (a - b).abs()).sum();
            first = after;
            if moved < 1e-16 {
                break;
            }
        }
        Self::new(space, first, next)
    }

    /// Returns the probabilities of all sequences, in the order of a [`Law`](crate::plan::Law).
    ///
    /// # Errors
    /// Returns an error if there are more than 4096 sequences.
    pub fn probabilities(&self) -> Result<Vec<f64>> {
        super::probabilities(self)
    }

    /// Returns the leave-one-out prediction of one sequence at survival `alpha`.
    fn leave_one_out(&self, x: &[Letter], alpha: f64, out: &mut [f64]) {
        let (vocab, length) = (self.space.vocab(), x.len());
        let mut seen = vec![0.0; vocab];
        let mut message = self.first.clone();
        for (place, out) in out.chunks_exact_mut(vocab).enumerate() {
            out.copy_from_slice(&message);
            if place + 1 < length {
                emission(&self.space, alpha, x[place], &mut seen);
                seen.iter_mut().zip(&message).for_each(|(seen, message)| *seen *= message);
                message.fill(0.0);
                step(&seen, &self.next, &mut message);
                normalise(&mut message);
            }
        }
        let mut back = vec![1.0; vocab];
        for (place, out) in out.chunks_exact_mut(vocab).enumerate().rev() {
            out.iter_mut().zip(&back).for_each(|(out, back)| *out *= back);
            normalise(out);
            emission(&self.space, alpha, x[place], &mut seen);
            seen.iter_mut().zip(&back).for_each(|(seen, back)| *seen *= back);
            for (back, next) in back.iter_mut().zip(self.next.chunks_exact(vocab)) {
                *back = next.iter().zip(&seen).map(|(next, seen)| next * seen).sum();
            }
            normalise(&mut back);
        }
    }
}

/// Adds the law after one step of the chain.
fn step(law: &[f64], next: &[f64], out: &mut [f64]) {
    for (weight, next) in law.iter().zip(next.chunks_exact(law.len())) {
        out.iter_mut().zip(next).for_each(|(out, next)| *out += weight * next);
    }
}

impl Denoiser for Chain {
    fn space(&self) -> &StateSpace {
        &self.space
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        self.space.check(x)?;
        let (length, vocab) = (self.space.length(), self.space.vocab());
        let mut out = vec![0.0; x.len() * vocab];
        for (row, (x, out)) in x.chunks_exact(length).zip(out.chunks_exact_mut(length * vocab)).enumerate() {
            self.leave_one_out(x, query.at.row(row).alpha, out);
        }
        Ok(out)
    }
}

impl Density for Chain {
    fn name(&self) -> String {
        format!("chain:{}x{}", self.space.vocab(), self.space.length())
    }

    fn log_probability(&self, tokens: &[Letter]) -> f64 {
        let vocab = self.space.vocab();
        let first = tokens.first().map_or(0.0, |letter| libm::log(self.first[*letter as usize]));
        let pairs = tokens.windows(2).map(|pair| libm::log(self.next[pair[0] as usize * vocab + pair[1] as usize]));
        first + pairs.sum::<f64>()
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<Letter> {
        let (vocab, length) = (self.space.vocab(), self.space.length());
        let (mut out, mut u) = (Vec::with_capacity(rows.len() * length), vec![0.0; length]);
        for row in rows {
            uniforms(*row, draws::EXACT_UNIFORMS.first(), &mut u);
            let mut law = &self.first[..];
            for u in &u {
                let letter = pick(law, *u).unwrap_or_default();
                out.push(letter);
                law = &self.next[letter as usize * vocab..][..vocab];
            }
        }
        out
    }

    fn entropy(&self) -> Option<f64> {
        let vocab = self.space.vocab();
        let (mut law, mut total) = (self.first.clone(), crate::plan::entropy(&self.first));
        for _ in 1..self.space.length() {
            let rows = self.next.chunks_exact(vocab);
            total += law.iter().zip(rows).map(|(weight, next)| weight * crate::plan::entropy(next)).sum::<f64>();
            let mut after = vec![0.0; vocab];
            step(&law, &self.next, &mut after);
            law = after;
        }
        Some(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::{Table, each_sequence, enumerable};
    use crate::level;

    #[test]
    fn messages_are_the_enumeration() {
        for noise in [Noise::Masked, Noise::Uniform, Noise::Prior(vec![0.5, 0.3, 0.2])] {
            let chain = Chain::example(3, 4, noise).unwrap();
            let table = Table::of(&chain).unwrap();
            let mut x = Vec::new();
            each_sequence(chain.space().letters(), 4, |tokens| x.extend_from_slice(tokens));
            let rows = vec![SampleId::default(); enumerable(chain.space().letters(), 4).unwrap()];
            for alpha in [0.1, 0.7] {
                let query = Query::new(level(alpha), &rows);
                let [a, b] = [chain.predict(&x, &query).unwrap(), table.predict(&x, &query).unwrap()];
                for (token, (a, b)) in a.iter().zip(&b).enumerate() {
                    assert!((a - b).abs() < 1e-12, "{}, number {token}: {a} {b}", chain.space());
                }
            }
        }
    }

    #[test]
    fn samples_have_the_law() {
        let chain = Chain::example(3, 3, Noise::Masked).unwrap();
        let rows: Vec<SampleId> = (0..20_000).map(|index| SampleId { seed: 5, index }).collect();
        let mut count = vec![0.0; 64];
        for tokens in chain.sample(&rows).chunks(3) {
            count[crate::plan::index(tokens, 4)] += 1.0 / rows.len() as f64;
        }
        let law = chain.probabilities().unwrap();
        let distance: f64 = 0.5 * count.iter().zip(&law).map(|(a, b)| (a - b).abs()).sum::<f64>();
        // The mean distance of 20,000 samples is at most ½ Σ √(2p/πn).
        let floor: f64 = 0.4 * law.iter().map(|p| (p / rows.len() as f64).sqrt()).sum::<f64>();
        assert!(distance < 1.5 * floor, "{distance} {floor}");
        let entropy: f64 = law.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        assert!((chain.entropy().unwrap() - entropy).abs() < 1e-12);
    }
}
