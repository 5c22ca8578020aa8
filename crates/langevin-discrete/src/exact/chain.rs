//! A Markov chain of letters.

use super::{Density, distributions, emission, normalise, random_rows, stationary, step};
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
    name: Option<String>,
}

impl Chain {
    /// Creates a chain from the law of the first letter and the V × V probabilities of the next
    /// one, row by row.
    ///
    /// # Errors
    /// Returns an error if a list has the wrong length or is no distribution (within 1e-9).
    pub fn new(space: StateSpace, first: Vec<f64>, next: Vec<f64>) -> Result<Self> {
        let vocab = space.vocab();
        distributions("first", &first, vocab, vocab)?;
        distributions("next", &next, vocab * vocab, vocab)?;
        Ok(Self { space, first, next, name: None })
    }

    /// Creates the example chain of V letters and d tokens, which tests and documents use: random
    /// probabilities of the next letter, u³ + 0.02 normalised, started in their stationary law.
    ///
    /// # Errors
    /// Returns an error if a size is out of range.
    pub fn example(vocab: usize, length: usize, noise: Noise) -> Result<Self> {
        let space = StateSpace::new(noise, vocab, length)?;
        let next = random_rows(vocab as u64, vocab, vocab);
        let first = stationary(&next, vocab);
        Self::new(space, first, next)
    }

    /// Creates the Ising chain of `length` spins with coupling J: p ∝ exp(J Σ s_i s_(i+1)), where
    /// letter 0 is s = −1 and letter 1 is s = +1.
    ///
    /// The next spin is equal to the last one with probability 1/(1 + e^(−2J)).
    ///
    /// ```
    /// use langevin_discrete::{Noise, exact::{Chain, Density}};
    /// let chain = Chain::ising(0.5, 3, Noise::Masked)?;
    /// let ratio = chain.log_probability(&[0, 0, 0]) - chain.log_probability(&[0, 1, 0]);
    /// assert!((ratio - 4.0 * 0.5).abs() < 1e-14);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the length is out of range or J is no number.
    pub fn ising(coupling: f64, length: usize, noise: Noise) -> Result<Self> {
        if !coupling.is_finite() {
            return Err(Error::argument("bad coupling of an Ising chain")
                .expected("a finite number")
                .got(coupling.to_string()));
        }
        let [equal, other] = [-2.0, 2.0].map(|factor| 1.0 / (1.0 + libm::exp(factor * coupling)));
        let space = StateSpace::new(noise, 2, length)?;
        let chain = Self::new(space, vec![0.5, 0.5], vec![equal, other, other, equal])?;
        Ok(Self { name: Some(format!("ising:{length}:{coupling}")), ..chain })
    }

    /// Returns the law of the first letter.
    #[must_use]
    pub fn first(&self) -> &[f64] {
        &self.first
    }

    /// Returns the V × V probabilities of the next letter, row by row.
    #[must_use]
    pub fn next(&self) -> &[f64] {
        &self.next
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
    fn chain(&self) -> Option<&Chain> {
        Some(self)
    }

    fn name(&self) -> String {
        let own = || format!("chain:{}x{}", self.space.vocab(), self.space.length());
        self.name.clone().unwrap_or_else(own)
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
