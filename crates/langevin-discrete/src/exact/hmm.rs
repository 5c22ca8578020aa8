//! A hidden Markov chain.

use super::{Density, distributions, emission, enumerated_entropy, normalise, random_rows, stationary, step};
use crate::chance::{pick, uniforms};
use crate::denoiser::Denoiser;
use crate::space::{Letter, Noise, StateSpace};
use langevin::noise::draws;
use langevin::{Error, Query, Result, SampleId};

/// Number of states of the example.
const STATES: usize = 3;

/// A hidden Markov chain: S hidden states follow each other as a chain, and each emits one letter.
///
/// The leave-one-out prediction is the law of the hidden state given the other tokens, from a
/// message of each side, times the emission.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, exact::{Density, Hmm}};
/// // A coin that is fair or not, and is exchanged with probability 0.1 after each throw.
/// let space = StateSpace::new(Noise::Masked, 2, 3)?;
/// let hmm = Hmm::new(space, vec![0.5, 0.5], vec![0.9, 0.1, 0.1, 0.9], vec![0.5, 0.5, 0.1, 0.9])?;
/// let one = 0.5 * (0.5 * (0.9 * 0.5 + 0.1 * 0.9) + 0.9 * (0.1 * 0.5 + 0.9 * 0.9));
/// let found: f64 = (0..2).map(|last| hmm.log_probability(&[1, 1, last]).exp()).sum();
/// assert!((found - one).abs() < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Hmm {
    space: StateSpace,
    first: Vec<f64>,
    next: Vec<f64>,
    emit: Vec<f64>,
}

impl Hmm {
    /// Creates a chain of S states from the law of the first state, the S × S probabilities of the
    /// next state and the S × V probabilities of the emitted letter, row by row.
    ///
    /// # Errors
    /// Returns an error if a list has the wrong length or is no distribution (within 1e-9).
    pub fn new(space: StateSpace, first: Vec<f64>, next: Vec<f64>, emit: Vec<f64>) -> Result<Self> {
        let (states, vocab) = (first.len(), space.vocab());
        if states == 0 {
            return Err(Error::argument("a hidden chain needs states").at("first").expected("1 or more").got("0"));
        }
        distributions("first", &first, states, states)?;
        distributions("next", &next, states * states, states)?;
        distributions("emit", &emit, states * vocab, vocab)?;
        Ok(Self { space, first, next, emit })
    }

    /// Creates the example of three hidden states, with random probabilities, started in its
    /// stationary law.
    ///
    /// # Errors
    /// Returns an error if a size is out of range.
    pub fn example(vocab: usize, length: usize, noise: Noise) -> Result<Self> {
        let space = StateSpace::new(noise, vocab, length)?;
        let next = random_rows(1 << 32, STATES, STATES);
        let emit = random_rows((1 << 32) + vocab as u64, STATES, vocab);
        Self::new(space, stationary(&next, STATES), next, emit)
    }

    /// Writes the probability of an emission in each state.
    fn seen(&self, emission: &[f64], out: &mut [f64]) {
        for (out, emit) in out.iter_mut().zip(self.emit.chunks_exact(self.space.vocab())) {
            *out = emit.iter().zip(emission).map(|(emit, seen)| emit * seen).sum();
        }
    }

    /// Returns the leave-one-out prediction of one sequence at survival `alpha`.
    fn leave_one_out(&self, x: &[Letter], alpha: f64, out: &mut [f64]) {
        let (states, vocab, length) = (self.first.len(), self.space.vocab(), x.len());
        let mut emitted = vec![0.0; vocab];
        let (mut seen, mut left) = (vec![0.0; length * states], vec![0.0; length * states]);
        let mut message = self.first.clone();
        for (place, x) in x.iter().enumerate() {
            emission(&self.space, alpha, *x, &mut emitted);
            let own = place * states..(place + 1) * states;
            self.seen(&emitted, &mut seen[own.clone()]);
            left[own.clone()].copy_from_slice(&message);
            let here: Vec<f64> = seen[own].iter().zip(&message).map(|(seen, message)| seen * message).collect();
            message.fill(0.0);
            step(&here, &self.next, &mut message);
            normalise(&mut message);
        }
        let mut back = vec![1.0; states];
        for (place, out) in out.chunks_exact_mut(vocab).enumerate().rev() {
            let own = place * states..(place + 1) * states;
            let mut state: Vec<f64> = left[own.clone()].iter().zip(&back).map(|(left, back)| left * back).collect();
            normalise(&mut state);
            out.fill(0.0);
            step(&state, &self.emit, out);
            normalise(out);
            let here: Vec<f64> = seen[own].iter().zip(&back).map(|(seen, back)| seen * back).collect();
            for (back, next) in back.iter_mut().zip(self.next.chunks_exact(states)) {
                *back = next.iter().zip(&here).map(|(next, here)| next * here).sum();
            }
            normalise(&mut back);
        }
    }
}

impl Denoiser for Hmm {
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

impl Density for Hmm {
    fn name(&self) -> String {
        format!("hmm:{}x{}", self.space.vocab(), self.space.length())
    }

    fn log_probability(&self, tokens: &[Letter]) -> f64 {
        let vocab = self.space.vocab();
        let (mut law, mut log) = (self.first.clone(), 0.0);
        for letter in tokens {
            let emit = self.emit.chunks_exact(vocab).map(|emit| emit[*letter as usize]);
            law.iter_mut().zip(emit).for_each(|(law, emit)| *law *= emit);
            let sum: f64 = law.iter().sum();
            if sum <= 0.0 {
                return f64::NEG_INFINITY;
            }
            log += libm::log(sum);
            law.iter_mut().for_each(|law| *law /= sum);
            let mut after = vec![0.0; law.len()];
            step(&law, &self.next, &mut after);
            law = after;
        }
        log
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<Letter> {
        let (states, vocab, length) = (self.first.len(), self.space.vocab(), self.space.length());
        let (mut out, mut u) = (Vec::with_capacity(rows.len() * length), vec![0.0; 2 * length]);
        for row in rows {
            uniforms(*row, draws::EXACT_UNIFORMS.first(), &mut u);
            let mut law = &self.first[..];
            for u in u.chunks_exact(2) {
                let state = pick(law, u[0]).unwrap_or_default() as usize;
                out.push(pick(&self.emit[state * vocab..][..vocab], u[1]).unwrap_or_default());
                law = &self.next[state * states..][..states];
            }
        }
        out
    }

    fn entropy(&self) -> Option<f64> {
        enumerated_entropy(self)
    }
}
