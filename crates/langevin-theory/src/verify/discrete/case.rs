//! Small spaces on which the discrete claims are measured: noise on one token, and two laws on
//! sequences.

use super::matrix::Matrix;
use langevin::noise::{SampleId, draws, fill_uniforms};
use langevin::{Query, Result};
use langevin_discrete::exact::Table;
use langevin_discrete::{Denoiser, Letter, Noise, StateSpace, level, rates};

/// Noise at unit rate on each token, the data p and another law q.
///
/// At time t the survival is α = e^(−t).
pub(super) struct Case {
    /// The space; `None` for general rates, which redraw a token from no π.
    pub(super) space: Option<StateSpace>,
    /// Rates of one token.
    pub(super) one: Matrix,
    pub(super) length: usize,
    /// The data, over sequences of all letters.
    pub(super) data: Vec<f64>,
    /// A second law, of a model.
    pub(super) other: Vec<f64>,
}

/// Returns `count` uniforms.
pub(super) fn numbers(seed: u64, count: usize) -> Vec<f64> {
    let mut out = vec![0.0; count];
    fill_uniforms(SampleId { seed, index: 0 }, draws::EXACT_UNIFORMS.first(), &mut out);
    out
}

/// Returns a random law on `count` things, none of them improbable.
pub(super) fn law(seed: u64, count: usize) -> Vec<f64> {
    let mut out: Vec<f64> = numbers(seed, count).iter().map(|u| u * u + 0.05).collect();
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|value| *value /= sum);
    out
}

/// Returns the noises that redraw a token from some π: masked, uniform, and a prior.
pub(super) fn noises() -> [Noise; 3] {
    [Noise::Masked, Noise::Uniform, Noise::Prior(vec![0.5, 0.3, 0.2])]
}

impl Case {
    /// Creates the case of a noise, three letters and `length` tokens.
    pub(super) fn new(noise: Noise, length: usize) -> Result<Self> {
        let space = StateSpace::new(noise, 3, length)?;
        let one = Matrix::of(space.letters(), |_, y| space.prior(y as Letter)).generator();
        let mut case = Self { space: Some(space), one, length, data: vec![], other: vec![] };
        case.data = case.spread(&law(1, 3_usize.pow(length as u32)));
        case.other = case.spread(&law(2, 3_usize.pow(length as u32)));
        Ok(case)
    }

    /// Creates the case of general, irreversible rates between four letters, two tokens.
    pub(super) fn general() -> Self {
        let values = numbers(3, 16);
        let one = Matrix::of(4, |x, y| values[4 * x + y]).generator();
        Self { space: None, one, length: 2, data: law(4, 16), other: law(5, 16) }
    }

    /// Returns all cases: masked, uniform and prior noise, and general rates.
    pub(super) fn all() -> Result<Vec<Self>> {
        let mut all = Self::known()?;
        all.push(Self::general());
        Ok(all)
    }

    /// Returns the cases of a noise that redraws from some π, two tokens each.
    pub(super) fn known() -> Result<Vec<Self>> {
        noises().into_iter().map(|noise| Self::new(noise, 2)).collect()
    }

    /// Returns the number of letters, with the mask.
    pub(super) fn letters(&self) -> usize {
        self.one.size()
    }

    /// Returns the number of sequences.
    pub(super) fn states(&self) -> usize {
        self.letters().pow(self.length as u32)
    }

    /// Returns the letters of a sequence.
    pub(super) fn digits(&self, state: usize) -> Vec<Letter> {
        let digit = |place: usize| state / self.weight(place) % self.letters();
        (0..self.length).map(|place| digit(place) as Letter).collect()
    }

    /// Returns the difference of the numbers of two sequences that differ by 1 at this token.
    pub(super) fn weight(&self, place: usize) -> usize {
        self.letters().pow((self.length - 1 - place) as u32)
    }

    /// Returns the sequence `state` with letter `y` at this token.
    pub(super) fn replaced(&self, state: usize, place: usize, y: usize) -> usize {
        let weight = self.weight(place);
        state - state / weight % self.letters() * weight + y * weight
    }

    /// Returns the number of clean letters.
    pub(super) fn vocab(&self) -> usize {
        self.space.as_ref().map_or(self.letters(), StateSpace::vocab)
    }

    /// Returns true if no token of the sequence is masked.
    pub(super) fn is_clean(&self, state: usize) -> bool {
        self.digits(state).iter().all(|letter| (*letter as usize) < self.vocab())
    }

    /// Spreads a law on clean sequences over all sequences.
    fn spread(&self, clean: &[f64]) -> Vec<f64> {
        let mut rest = clean.iter();
        (0..self.states())
            .map(|state| if self.is_clean(state) { rest.next().copied().unwrap_or(0.0) } else { 0.0 })
            .collect()
    }

    /// Returns the table of a law.
    pub(super) fn table(&self, space: &StateSpace, law: &[f64]) -> Result<Table> {
        let clean = (0..self.states()).filter(|state| self.is_clean(*state)).map(|state| law[state]).collect();
        Table::new(space.clone(), clean)
    }

    /// Returns the rates of whole sequences, one token at a time.
    pub(super) fn generator(&self) -> Matrix {
        let mut out = Matrix::of(self.states(), |_, _| 0.0);
        for x in 0..self.states() {
            for place in 0..self.length {
                let own = x / self.weight(place) % self.letters();
                for y in (0..self.letters()).filter(|y| *y != own) {
                    out.set(x, self.replaced(x, place, y), self.one.at(own, y));
                }
            }
        }
        out.generator()
    }

    /// Returns the law at time t of sequences that have a law at time 0.
    pub(super) fn noised(&self, law: &[f64], time: f64) -> Vec<f64> {
        joint(&self.one.exp(time), self.length).after(law)
    }

    /// Returns the reverse rates R_η of the law that starts as `law`, at time t.
    ///
    /// With a π they are those of [`rates`], from the leave-one-out prediction of the table.
    /// Without one they are those of the formula.
    pub(super) fn reverse(&self, start: &[f64], time: f64, eta: f64) -> Result<Matrix> {
        let Some(space) = &self.space else { return Ok(self.formula(&self.noised(start, time), eta)) };
        let alpha = libm::exp(-time);
        let table = self.table(space, start)?;
        let x: Vec<Letter> = (0..self.states()).flat_map(|state| self.digits(state)).collect();
        let rows = vec![SampleId::default(); self.states()];
        let d = table.predict(&x, &Query::new(level(alpha), &rows))?;
        let mut out = Matrix::of(self.states(), |_, _| 0.0);
        let mut own = vec![0.0; self.letters()];
        for (token, d) in d.chunks_exact(space.vocab()).enumerate() {
            rates(space, d, x[token], alpha, eta, &mut own)?;
            let (state, place) = (token / self.length, token % self.length);
            for (y, rate) in own.iter().enumerate().filter(|(y, _)| *y != x[token] as usize) {
                // The rates are per unit of survival, and dα/dt = −α.
                out.set(state, self.replaced(state, place, y), alpha * rate);
            }
        }
        Ok(out.generator())
    }

    /// Returns R_η of a law by its formula.
    pub(super) fn formula(&self, law: &[f64], eta: f64) -> Matrix {
        let forward = self.generator();
        let square = eta * eta;
        Matrix::of(self.states(), |x, y| {
            let (q, r) = (forward.at(x, y), forward.at(y, x) * law[y] / law[x]);
            if x == y { 0.0 } else { (r - q).max(0.5 * (1.0 + square) * r - 0.5 * (1.0 - square) * q).max(0.0) }
        })
        .generator()
    }
}

/// Returns the kernel of `length` tokens that each move by `one`.
pub(super) fn joint(one: &Matrix, length: usize) -> Matrix {
    (1..length).fold(one.clone(), |all, _| all.kron(one))
}

/// Returns KL(p‖q).
pub(super) fn kl(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * libm::log(p / q)).sum()
}

/// Returns the entropy of a law.
pub(super) fn entropy(p: &[f64]) -> f64 {
    p.iter().filter(|p| **p > 0.0).map(|p| -p * libm::log(*p)).sum()
}

/// Returns the derivative of `f` at 0 from differences of three lengths, with an error of order
/// `step`⁶ and rounding of 10⁻¹⁵/`step`.
pub(super) fn derivative(step: f64, f: impl Fn(f64) -> f64) -> f64 {
    let [a, b, c] = [1.0, 0.5, 0.25].map(|part| (f(part * step) - f(-part * step)) / (2.0 * part * step));
    let [once, again] = [(4.0 * b - a) / 3.0, (4.0 * c - b) / 3.0];
    (16.0 * again - once) / 15.0
}

/// Returns the largest distance of two lists.
pub(super) fn apart(a: &[f64], b: &[f64]) -> f64 {
    super::super::worst(a.iter().zip(b).map(|(a, b)| (a - b).abs()))
}
