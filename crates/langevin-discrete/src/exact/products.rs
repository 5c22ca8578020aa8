//! A mixture of products of independent tokens.

use super::{Density, distributions, emission, enumerated_entropy, normalise};
use crate::chance::{pick, uniforms};
use crate::denoiser::Denoiser;
use crate::plan::entropy;
use crate::space::{Letter, StateSpace};
use langevin::noise::draws;
use langevin::{Query, Result, SampleId};

/// Components of a mixture, each a product of independent tokens.
pub(super) trait Components {
    /// Number of components.
    fn count(&self) -> usize;

    /// Returns ln w of a component.
    fn log_weight(&self, component: usize) -> f64;

    /// Returns Σ_v θ(v) E(v), the probability of what is seen of one token.
    fn seen(&self, component: usize, place: usize, emission: &[f64]) -> f64;

    /// Adds `weight` · θ of one token.
    fn add(&self, component: usize, place: usize, weight: f64, out: &mut [f64]);
}

/// Returns the leave-one-out prediction of a mixture for whole sequences.
///
/// The responsibility of component k for token i is w_k times the probability of all other tokens.
/// If that is 0 for every component, the prediction is the marginal law of the token.
pub(super) fn predict(
    mixture: &impl Components,
    space: &StateSpace,
    x: &[Letter],
    query: &Query<'_>,
) -> Result<Vec<f64>> {
    space.check(x)?;
    let (length, vocab, count) = (space.length(), space.vocab(), mixture.count());
    let mut out = vec![0.0; x.len() * vocab];
    let (mut emitted, mut logs) = (vec![0.0; vocab], vec![0.0; count * length]);
    let mut known = vec![(0.0, 0_usize); count];
    for (row, (x, out)) in x.chunks_exact(length).zip(out.chunks_exact_mut(length * vocab)).enumerate() {
        let alpha = query.at.row(row).alpha;
        // The sum of the logarithms of the tokens that are possible, and the number of the others.
        known.iter_mut().enumerate().for_each(|(k, known)| *known = (mixture.log_weight(k), 0));
        for (place, x) in x.iter().enumerate() {
            emission(space, alpha, *x, &mut emitted);
            for (k, known) in known.iter_mut().enumerate() {
                let log = libm::log(mixture.seen(k, place, &emitted));
                logs[k * length + place] = log;
                if log == f64::NEG_INFINITY {
                    known.1 += 1;
                } else {
                    known.0 += log;
                }
            }
        }
        let without = |k: usize, place: usize| {
            let (own, (sum, impossible)) = (logs[k * length + place], known[k]);
            match (own == f64::NEG_INFINITY, impossible) {
                (false, 0) => sum - own,
                (true, 1) => sum,
                _ => f64::NEG_INFINITY,
            }
        };
        for (place, out) in out.chunks_exact_mut(vocab).enumerate() {
            let most = (0..count).map(|k| without(k, place)).fold(f64::NEG_INFINITY, f64::max);
            for k in 0..count {
                let weight = if most > f64::NEG_INFINITY {
                    libm::exp(without(k, place) - most)
                } else {
                    libm::exp(mixture.log_weight(k))
                };
                if weight > 0.0 {
                    mixture.add(k, place, weight, out);
                }
            }
            normalise(out);
        }
    }
    Ok(out)
}

/// Returns ln p of one sequence of clean letters.
pub(super) fn log_probability(mixture: &impl Components, vocab: usize, tokens: &[Letter]) -> f64 {
    let mut point = vec![0.0; vocab];
    let mut logs: Vec<f64> = (0..mixture.count()).map(|k| mixture.log_weight(k)).collect();
    for (place, letter) in tokens.iter().enumerate() {
        point[*letter as usize] = 1.0;
        for (k, log) in logs.iter_mut().enumerate() {
            *log += libm::log(mixture.seen(k, place, &point));
        }
        point[*letter as usize] = 0.0;
    }
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + libm::log(logs.iter().map(|log| libm::exp(log - most)).sum())
}

/// A mixture of products: Σ_k w_k Π_i θ_ki(x_i).
///
/// The leave-one-out prediction is Σ_k r_k θ_ki, where r_k are the responsibilities of the
/// components given all other tokens. If no component agrees with the other tokens, the prediction
/// is the marginal law of the token, Σ_k w_k θ_ki.
///
/// ```
/// use langevin::{Query, SampleId};
/// use langevin_discrete::{Denoiser, Noise, StateSpace, exact::Products, level};
/// // Two coins that are thrown twice: one fair, one with letter 1 nine times out of ten.
/// let space = StateSpace::new(Noise::Masked, 2, 2)?;
/// let theta = vec![0.5, 0.5, 0.5, 0.5, 0.1, 0.9, 0.1, 0.9];
/// let coins = Products::new(space, vec![0.5, 0.5], theta)?;
/// let rows = [SampleId::default()];
/// let d = coins.predict(&[1, 2], &Query::new(level(0.5), &rows))?;
/// assert!((d[3] - (0.5 * 0.5 + 0.9 * 0.9) / 1.4).abs() < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Products {
    space: StateSpace,
    weights: Vec<f64>,
    log_weights: Vec<f64>,
    theta: Vec<f64>,
}

impl Products {
    /// Creates a mixture from K weights and the K × d × V probabilities θ.
    ///
    /// # Errors
    /// Returns an error if a list has the wrong length or is no distribution (within 1e-9).
    pub fn new(space: StateSpace, weights: Vec<f64>, theta: Vec<f64>) -> Result<Self> {
        let (count, vocab) = (weights.len(), space.vocab());
        distributions("weights", &weights, count.max(1), count.max(1))?;
        distributions("theta", &theta, count * space.length() * vocab, vocab)?;
        let log_weights = weights.iter().map(|weight| libm::log(*weight)).collect();
        Ok(Self { space, weights, log_weights, theta })
    }

    /// Returns θ of one token in one component.
    fn law(&self, component: usize, place: usize) -> &[f64] {
        let vocab = self.space.vocab();
        &self.theta[(component * self.space.length() + place) * vocab..][..vocab]
    }
}

impl Components for Products {
    fn count(&self) -> usize {
        self.weights.len()
    }

    fn log_weight(&self, component: usize) -> f64 {
        self.log_weights[component]
    }

    fn seen(&self, component: usize, place: usize, emission: &[f64]) -> f64 {
        self.law(component, place).iter().zip(emission).map(|(theta, seen)| theta * seen).sum()
    }

    fn add(&self, component: usize, place: usize, weight: f64, out: &mut [f64]) {
        out.iter_mut().zip(self.law(component, place)).for_each(|(out, theta)| *out += weight * theta);
    }
}

impl Denoiser for Products {
    fn space(&self) -> &StateSpace {
        &self.space
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        predict(self, &self.space, x, query)
    }
}

impl Density for Products {
    fn name(&self) -> String {
        format!("products:{}x{}:{}", self.space.vocab(), self.space.length(), self.weights.len())
    }

    fn log_probability(&self, tokens: &[Letter]) -> f64 {
        log_probability(self, self.space.vocab(), tokens)
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<Letter> {
        let length = self.space.length();
        let (mut out, mut u) = (Vec::with_capacity(rows.len() * length), vec![0.0; length + 1]);
        for row in rows {
            uniforms(*row, draws::EXACT_UNIFORMS.first(), &mut u);
            let component = pick(&self.weights, u[0]).unwrap_or_default() as usize;
            let letter = |(place, u): (usize, &f64)| pick(self.law(component, place), *u).unwrap_or_default();
            out.extend(u[1..].iter().enumerate().map(letter));
        }
        out
    }

    fn entropy(&self) -> Option<f64> {
        match self.weights.len() {
            1 => Some(self.theta.chunks_exact(self.space.vocab()).map(entropy).sum()),
            _ => enumerated_entropy(self),
        }
    }
}
