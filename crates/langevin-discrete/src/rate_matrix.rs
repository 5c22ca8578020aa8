//! General rates of one token: any continuous-time Markov chain on its letters.
//!
//! Noise that redraws a token from a law π has closed forms, and plans are made of them. Other
//! rates, such as those by which letters of similar meaning replace each other, have the same
//! theory. It is again written in the leave-one-out denoiser d, the law of a clean token given
//! all *other* noised tokens. With the kernel K = exp(tQ) of a token at time t,
//!
//! ```text
//! conditional   p(x_i = y | others)     = Σ_z d(z) K(z, y)
//! posterior     p(z | x)                = d(z) K(z, x_i) / Σ_z d(z) K(z, x_i)
//! score         p(x with y at i) / p(x) = conditional(y) / conditional(x_i)
//! ```
//!
//! Sources: Campbell et al., arXiv 2205.14987; Lou et al., arXiv 2310.16834; rates of every split:
//! Campbell et al., arXiv 2402.04997.

use crate::moves::split;
use crate::space::{Letter, StateSpace};
use langevin::math::exp;
use langevin::{Error, Result};

/// Terms of the series of the exponential, whose argument is at most ½: the remainder is below
/// (½)^17/17! < 10⁻¹⁹.
const TERMS: u32 = 16;
/// Largest number of letters.
const LETTERS: usize = 1 << 12;
/// Largest product of a rate and the time.
const JUMPS: f64 = 1e9;

/// Rate matrix (generator) of one token.
///
/// ```
/// use langevin_discrete::RateMatrix;
/// // Three letters on a circle, each turned into the next at rate 2.
/// let circle = RateMatrix::new(3, vec![0.0, 2.0, 0.0, 0.0, 0.0, 2.0, 2.0, 0.0, 0.0])?;
/// let noised = circle.at(10.0)?;
/// assert!(noised.kernel().iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-9));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RateMatrix {
    letters: usize,
    /// Rates from each letter to each, row after row. The diagonal makes every row sum zero.
    rates: Vec<f64>,
}

impl RateMatrix {
    /// Creates a matrix from the rates from each letter to each, letters × letters, per unit of
    /// time. The diagonal is not read: it follows from the others.
    ///
    /// # Errors
    /// Returns an error if there are fewer than 2 or more than 4096 letters, if their number does
    /// not fit the rates, or if a rate is negative or not finite.
    pub fn new(letters: usize, mut rates: Vec<f64>) -> Result<Self> {
        if !(2..=LETTERS).contains(&letters) {
            return Err(Error::argument("bad number of letters")
                .at("letters")
                .expected(format!("2 to {LETTERS}"))
                .got(letters.to_string()));
        }
        if rates.len() != letters * letters {
            return Err(Error::argument("the rates are no square matrix of the letters")
                .at("rates")
                .expected(format!("{letters} × {letters} rates"))
                .got(rates.len().to_string()));
        }
        for (x, row) in rates.chunks_exact_mut(letters).enumerate() {
            row[x] = 0.0;
            if let Some(y) = row.iter().position(|rate| !(rate.is_finite() && *rate >= 0.0)) {
                return Err(Error::argument("bad rate")
                    .at(format!("letter {x} to {y}"))
                    .expected("a number from 0")
                    .got(row[y].to_string()));
            }
            row[x] = -row.iter().sum::<f64>();
        }
        Ok(Self { letters, rates })
    }

    /// Returns the rates of the noise of a space: every token is redrawn at rate 1. The survival at
    /// time t is e^(−t).
    #[must_use]
    pub fn of(space: &StateSpace) -> Self {
        let letters = space.letters();
        let rate = |x: usize, y: usize| {
            let prior = space.prior(y as Letter);
            if x == y { prior - 1.0 } else { prior }
        };
        let rates = (0..letters).flat_map(|x| (0..letters).map(move |y| rate(x, y))).collect();
        Self { letters, rates }
    }

    /// Returns the number of letters.
    #[must_use]
    pub fn letters(&self) -> usize {
        self.letters
    }

    /// Returns the rate from one letter to another.
    ///
    /// # Panics
    /// Panics if there is no such letter.
    #[must_use]
    pub fn rate(&self, x: Letter, y: Letter) -> f64 {
        self.row(x)[y as usize]
    }

    fn row(&self, x: Letter) -> &[f64] {
        &self.rates[x as usize * self.letters..][..self.letters]
    }

    /// Computes the noise at a time: the kernel exp(tQ).
    ///
    /// The series is that of jumps at a common rate, whose terms are positive, on a part of the
    /// time that is then doubled. The cost grows with the cube of the number of letters.
    ///
    /// # Errors
    /// Returns an error if the time is negative or not finite, or so long that a letter jumps more
    /// than 10⁹ times.
    pub fn at(&self, time: f64) -> Result<NoisedToken<'_>> {
        let n = self.letters;
        let most = (0..n).map(|x| -self.rates[x * n + x]).fold(0.0, f64::max);
        let jumps = most * time;
        if !(time >= 0.0 && jumps <= JUMPS) {
            return Err(Error::argument("bad time")
                .at("time")
                .expected(format!("0 to {:e}", JUMPS / most.max(f64::MIN_POSITIVE)))
                .got(time.to_string()));
        }
        let unit = || (0..n * n).map(|at| f64::from(u8::from(at / n == at % n)));
        let mut halvings = 0;
        while jumps > 0.5 * f64::from(1_u32 << halvings) {
            halvings += 1;
        }
        let part = jumps / f64::from(1_u32 << halvings);
        // A jump at the common rate: P = 1 + Q/most, whose entries are not negative.
        let share = if most > 0.0 { 1.0 / most } else { 0.0 };
        let jump: Vec<f64> = unit().zip(&self.rates).map(|(one, rate)| (one + share * rate).max(0.0)).collect();
        // e^(−part) (1 + part P (1 + part/2 P (1 + …))).
        let mut kernel: Vec<f64> = unit().collect();
        for term in (1..=TERMS).rev() {
            let factor = part / f64::from(term);
            kernel =
                product(&jump, &kernel, n).into_iter().zip(unit()).map(|(value, one)| one + factor * value).collect();
        }
        kernel.iter_mut().for_each(|value| *value *= exp(-part));
        for _ in 0..halvings {
            kernel = product(&kernel, &kernel, n);
            // Roundings of a row's sum would double with it.
            for row in kernel.chunks_exact_mut(n) {
                let sum: f64 = row.iter().sum();
                row.iter_mut().for_each(|value| *value /= sum);
            }
        }
        Ok(NoisedToken { of: self, kernel })
    }
}

/// Returns the product of two square matrices.
fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * n];
    for (out, a) in out.chunks_exact_mut(n).zip(a.chunks_exact(n)) {
        for (weight, row) in a.iter().zip(b.chunks_exact(n)).filter(|(weight, _)| **weight != 0.0) {
            out.iter_mut().zip(row).for_each(|(out, value)| *out += weight * value);
        }
    }
    out
}

/// General noise on one token at a time, with the conversions of the leave-one-out denoiser.
///
/// ```
/// use langevin_discrete::RateMatrix;
/// let rates = RateMatrix::new(2, vec![0.0, 1.0, 3.0, 0.0])?;
/// let noised = rates.at(0.5)?;
/// let (d, mut posterior, mut score) = ([0.9, 0.1], [0.0; 2], [0.0; 2]);
/// noised.posterior(&d, 1, &mut posterior)?;
/// noised.score(&d, 1, &mut score)?;
/// assert!((posterior.iter().sum::<f64>() - 1.0).abs() < 1e-15 && score[1] == 1.0);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NoisedToken<'a> {
    of: &'a RateMatrix,
    kernel: Vec<f64>,
}

impl NoisedToken<'_> {
    /// Returns the probabilities from each clean letter to each noised one, row after row.
    #[must_use]
    pub fn kernel(&self) -> &[f64] {
        &self.kernel
    }

    /// Computes the law of the noised token given all others, from the denoiser `d`.
    ///
    /// # Panics
    /// Panics if `d` or `out` has not one number for each letter.
    pub fn conditional(&self, d: &[f64], out: &mut [f64]) {
        assert_eq!([d.len(), out.len()], [self.of.letters; 2], "one number for each letter");
        out.fill(0.0);
        for (d, row) in d.iter().zip(self.kernel.chunks_exact(self.of.letters)) {
            out.iter_mut().zip(row).for_each(|(out, k)| *out += d * k);
        }
    }

    /// Computes the law of the clean token given all noised ones.
    ///
    /// # Errors
    /// Returns an error if letter `x` has probability 0.
    ///
    /// # Panics
    /// Panics if `d` or `out` has not one number for each letter.
    pub fn posterior(&self, d: &[f64], x: Letter, out: &mut [f64]) -> Result<()> {
        assert_eq!([d.len(), out.len()], [self.of.letters; 2], "one number for each letter");
        let column = self.kernel.iter().skip(x as usize).step_by(self.of.letters);
        out.iter_mut().zip(d.iter().zip(column)).for_each(|(out, (d, k))| *out = d * k);
        let sum = positive(out.iter().sum(), x)?;
        out.iter_mut().for_each(|out| *out /= sum);
        Ok(())
    }

    /// Computes the score of a token: the probability of every letter in its place, divided by that
    /// of letter `x`.
    ///
    /// # Errors
    /// Returns an error if letter `x` has probability 0.
    ///
    /// # Panics
    /// Panics if `d` or `out` has not one number for each letter.
    pub fn score(&self, d: &[f64], x: Letter, out: &mut [f64]) -> Result<()> {
        self.conditional(d, out);
        let own = positive(out[x as usize], x)?;
        out.iter_mut().for_each(|out| *out /= own);
        Ok(())
    }

    /// Computes the rates at which the token leaves letter `x` in the reverse process of split
    /// η = h/g, per unit of time.
    ///
    /// The formula is that of [`rates`](crate::rates), with the forward rate q = Q(x, y) and its
    /// reversal r = Q(y, x) score(y). The number of `x` itself is 0.
    ///
    /// # Errors
    /// Returns an error if letter `x` has probability 0.
    ///
    /// # Panics
    /// Panics if `d` or `out` has not one number for each letter.
    pub fn rates(&self, d: &[f64], x: Letter, eta: f64, out: &mut [f64]) -> Result<()> {
        self.score(d, x, out)?;
        for (y, out) in out.iter_mut().enumerate() {
            let (q, r) = (self.of.rate(x, y as Letter), self.of.rate(y as Letter, x) * *out);
            *out = if y == x as usize { 0.0 } else { split(q, r, eta) };
        }
        Ok(())
    }
}

/// Returns the probability of a letter if it is positive.
fn positive(probability: f64, x: Letter) -> Result<f64> {
    if probability > 0.0 {
        return Ok(probability);
    }
    Err(Error::singular("a noised letter has probability 0")
        .at(format!("letter {x}"))
        .expected("a letter that the noise can reach")
        .got(probability.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Noise;
    use crate::{conditional, rates};

    /// Irreversible rates between four letters.
    fn general() -> RateMatrix {
        RateMatrix::new(4, (0..16).map(|at| f64::from(at * at % 7) / 4.0 + 0.1).collect()).unwrap()
    }

    #[test]
    fn kernels_are_those_of_closed_forms_and_compose() {
        for noise in [Noise::Masked, Noise::Uniform, Noise::Prior(vec![0.5, 0.3, 0.2])] {
            let space = StateSpace::new(noise, 3, 1).unwrap();
            let matrix = RateMatrix::of(&space);
            for time in [0.0, 0.3, 4.0, 90.0] {
                let at = matrix.at(time).unwrap();
                for (x, row) in at.kernel().chunks(space.letters()).enumerate().take(3) {
                    for (y, found) in row.iter().enumerate() {
                        let wanted = space.transition((-time).exp(), x as Letter, y as Letter);
                        assert!((found - wanted).abs() < 1e-14, "{space} {time} {x} {y}: {found} {wanted}");
                    }
                }
            }
        }
        let matrix = general();
        let [once, twice] = [0.7, 1.4].map(|time| matrix.at(time).unwrap().kernel().to_vec());
        let square = product(&once, &once, 4);
        assert!(square.iter().zip(&twice).all(|(a, b)| (a - b).abs() < 1e-15));
        assert!(once.chunks(4).all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-15));
    }

    #[test]
    fn noise_with_a_prior_is_a_special_case() {
        let d = [0.2, 0.7, 0.1];
        for noise in [Noise::Uniform, Noise::Prior(vec![0.5, 0.3, 0.2])] {
            let space = StateSpace::new(noise, 3, 1).unwrap();
            let (matrix, alpha) = (RateMatrix::of(&space), 0.4);
            let at = matrix.at(-f64::ln(alpha)).unwrap();
            let (mut found, mut wanted) = ([0.0; 3], [0.0; 3]);
            at.conditional(&d, &mut found);
            conditional(&space, &d, alpha, &mut wanted);
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-14));
            for (x, eta) in [(0, 0.0), (1, 0.5), (2, 1.7)] {
                at.rates(&d, x, eta, &mut found).unwrap();
                rates(&space, &d, x, alpha, eta, &mut wanted).unwrap();
                // Those are per unit of survival, and dα/dt = −α.
                assert!(found.iter().zip(wanted).all(|(a, b)| (a - alpha * b).abs() < 1e-13), "{found:?} {wanted:?}");
            }
        }
    }

    #[test]
    fn conversions_and_rates_are_those_of_the_joint_law() {
        let (matrix, time) = (general(), 0.35);
        let at = matrix.at(time).unwrap();
        let kernel = at.kernel();
        // A law of two tokens, noised.
        let clean: Vec<f64> = (1..=16).map(|i| f64::from(i * i % 11 + 1) / 95.0).collect();
        let noised = |x: [usize; 2]| {
            (0..16).map(|z| clean[z] * kernel[z / 4 * 4 + x[0]] * kernel[z % 4 * 4 + x[1]]).sum::<f64>()
        };
        let change = |x: [usize; 2]| {
            // Flow into x of the forward process, by either token.
            let own = |y: usize, x: usize| matrix.rate(y as Letter, x as Letter);
            (0..4).map(|y| noised([y, x[1]]) * own(y, x[0]) + noised([x[0], y]) * own(y, x[1])).sum::<f64>()
        };
        let denoiser = |place: usize, x: [usize; 2]| {
            let mut d = [0.0; 4];
            for (z, p) in clean.iter().enumerate() {
                let letters = [z / 4, z % 4];
                d[letters[place]] += p * kernel[letters[1 - place] * 4 + x[1 - place]];
            }
            let sum: f64 = d.iter().sum();
            d.map(|d| d / sum)
        };
        let mut out = [0.0; 4];
        for state in 0..16 {
            let x = [state / 4, state % 4];
            let d = denoiser(0, x);
            at.score(&d, x[0] as Letter, &mut out).unwrap();
            for (y, score) in out.iter().enumerate() {
                assert!((score - noised([y, x[1]]) / noised(x)).abs() < 1e-13);
            }
            at.posterior(&d, x[0] as Letter, &mut out).unwrap();
            for (z, found) in out.iter().enumerate() {
                let joint: f64 = (0..4).map(|w| clean[4 * z + w] * kernel[4 * z + x[0]] * kernel[4 * w + x[1]]).sum();
                assert!((found - joint / noised(x)).abs() < 1e-14);
            }
        }
        // The reverse process of every split undoes the forward flow.
        for eta in [0.0, 0.5, 1.0, 1.7] {
            let mut flow = [0.0; 16];
            for state in 0..16 {
                let x = [state / 4, state % 4];
                for place in 0..2 {
                    at.rates(&denoiser(place, x), x[place] as Letter, eta, &mut out).unwrap();
                    for (y, rate) in out.iter().enumerate() {
                        let mut to = x;
                        to[place] = y;
                        flow[4 * to[0] + to[1]] += noised(x) * rate;
                        flow[state] -= noised(x) * rate;
                    }
                }
            }
            for (state, flow) in flow.iter().enumerate() {
                assert!((flow + change([state / 4, state % 4])).abs() < 1e-14, "{eta} {state}");
            }
        }
    }

    #[test]
    fn bad_rates_are_refused() {
        let words = |result: Result<RateMatrix>, words: &str| {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        words(RateMatrix::new(1, vec![0.0]), "2 to 4096");
        words(RateMatrix::new(2, vec![0.0; 3]), "2 × 2 rates");
        words(RateMatrix::new(2, vec![0.0, -1.0, 0.0, 0.0]), "letter 0 to 1");
        words(RateMatrix::new(2, vec![f64::NAN, 1.0, f64::INFINITY, 0.0]), "letter 1 to 0");
        let matrix = general();
        assert!([-1.0, f64::NAN, 1e12].iter().all(|time| matrix.at(*time).is_err()));
        // A letter that cannot be reached has no posterior.
        let one_way = RateMatrix::new(2, vec![0.0, 1.0, 0.0, 0.0]).unwrap();
        let at = one_way.at(1.0).unwrap();
        let error = at.posterior(&[0.0, 1.0], 0, &mut [0.0; 2]).unwrap_err().to_string();
        assert!(error.contains("probability 0"), "{error}");
        assert_eq!(RateMatrix::new(2, vec![0.0; 4]).unwrap().at(3.0).unwrap().kernel(), [1.0, 0.0, 0.0, 1.0]);
    }
}
