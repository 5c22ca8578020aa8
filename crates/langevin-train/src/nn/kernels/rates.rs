//! Loss of the reverse rates of tokens whose noise has no mask: value and gradient.
//!
//! With p = softmax z, G = σ + αp/π, ℓ = ln G, a = π(x)/P(x0, x):
//!
//! ```text
//! loss = (weight/α) [1/G_x − 1 + a (ℓ_x − σ Σ_y π_y ℓ_y − α ℓ_x0)]
//! dp   = weight [−aσ/G − onehot(x0) aα/(π G) + onehot(x) (a − 1/G)/(π G)],   dz = p (dp − Σ p dp)
//! ```
//!
//! It is the score entropy less that of a network that predicts π
//! ([`langevin_discrete::likelihood`]). The subtrahend does not depend on the network.

use super::math::{exp, ln};
use super::softmax::largest;
use super::sum::{dot_wide, sum_wide};
use pulp::Simd;

/// Tokens under noise without a mask, with one entry for each token.
///
/// See [`score_entropy`].
#[derive(Clone, Copy, Debug)]
pub struct Noised<'a> {
    /// Letter after the noise.
    pub letters: &'a [u32],
    /// Clean letter.
    pub answers: &'a [u32],
    /// Survival, above 0 and below 1.
    pub alphas: &'a [f64],
    /// Weight of the loss.
    pub weights: &'a [f32],
}

/// Computes the weighted loss of reverse rates from rows of logits of the leave-one-out denoiser,
/// and overwrites `gradient` with its gradient.
///
/// The loss of a token is its score entropy per unit of survival, less that of a network that
/// predicts `prior`, the probabilities π from which noised tokens are redrawn. A token of weight 0
/// adds nothing, and its gradient is zero. The cost of a token is proportional to the number of
/// letters.
///
/// # Panics
/// Panics if the slices do not fit each other, or if a letter of a token with a weight is not below
/// the number of letters.
///
/// # Examples
/// ```
/// use langevin_train::nn::kernels::{Noised, score_entropy};
/// let mut gradient = [0.0; 2];
/// let token = Noised { letters: &[1], answers: &[0], alphas: &[0.5], weights: &[1.0] };
/// // Logits of π itself have no loss beyond that of π.
/// let loss = score_entropy(&[0.0, 0.0], &[0.5, 0.5], &token, &mut gradient);
/// assert!(loss.abs() < 1e-6 && gradient[0] < 0.0);
/// ```
pub fn score_entropy(logits: &[f32], prior: &[f32], tokens: &Noised<'_>, gradient: &mut [f32]) -> f64 {
    let (rows, vocab) = (tokens.letters.len(), prior.len());
    let Noised { answers, alphas, weights, .. } = tokens;
    assert!(
        [answers.len(), alphas.len(), weights.len()] == [rows; 3]
            && logits.len() == rows * vocab
            && gradient.len() == logits.len(),
        "the logits, tokens, weights and gradients do not fit each other"
    );
    entropies(logits, prior, tokens, gradient)
}

#[pulp::with_simd(entropies = pulp::Arch::new())]
#[inline(always)]
fn entropies_with<S: Simd>(_simd: S, logits: &[f32], prior: &[f32], tokens: &Noised<'_>, gradient: &mut [f32]) -> f64 {
    let vocab = prior.len();
    let (mut loss, mut shares) = (0.0, vec![0.0_f32; vocab]);
    let rows = logits.chunks_exact(vocab).zip(gradient.chunks_exact_mut(vocab));
    for (token, (z, out)) in rows.enumerate() {
        let weight = tokens.weights[token];
        if weight == 0.0 {
            out.fill(0.0);
            continue;
        }
        let (x, clean, alpha) = (tokens.letters[token] as usize, tokens.answers[token] as usize, tokens.alphas[token]);
        let sigma = 1.0 - alpha;
        let (narrow, small) = (alpha as f32, sigma as f32);
        let most = largest(z);
        let shares = &mut shares[..];
        shares.iter_mut().zip(z).for_each(|(p, z)| *p = exp(*z - most));
        let scale = (1.0 / sum_wide(shares)) as f32;
        // From now on `out` has ℓ, and later the gradient.
        for ((p, out), prior) in shares.iter_mut().zip(out.iter_mut()).zip(prior) {
            *p *= scale;
            let ratio = *p / prior;
            *out = ln(small + narrow * ratio, narrow * (ratio - 1.0));
        }
        let mean = dot_wide(prior, out);
        let (own, answer) = (f64::from(out[x]), f64::from(out[clean]));
        let [back, behind] = [x, clean].map(|y| f64::from(prior[y]));
        let [p_x, p_clean] = [x, clean].map(|y| f64::from(shares[y]));
        let share = if x == clean { back / (alpha + sigma * back) } else { 1.0 / sigma };
        // 1/G − 1, which is of order α at small α.
        let less = alpha * (p_x / back - 1.0);
        let value = (share * (own - sigma * mean - alpha * answer) - less / (1.0 + less)) / alpha;
        loss += f64::from(weight) * value;
        // p/G without a division by π, which G has too.
        for ((p, out), prior) in shares.iter().zip(out.iter_mut()).zip(prior) {
            *out = *p / (small + narrow * (*p / prior));
        }
        let quotients = sum_wide(out);
        let at_answer = -share * alpha * p_clean / (sigma * behind + alpha * p_clean);
        let one = back / (sigma * back + alpha * p_x);
        let at_own = p_x / back * one * (share - one);
        let total = -share * sigma * quotients + at_answer + at_own;
        let (factor, total) = ((-share * sigma) as f32 * weight, total as f32 * weight);
        for (out, p) in out.iter_mut().zip(shares.iter()) {
            *out = factor * *out - total * p;
        }
        out[clean] += at_answer as f32 * weight;
        out[x] += at_own as f32 * weight;
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::super::check::{self, normals};
    use super::super::softmax;
    use super::*;
    use langevin_discrete::likelihood::rate;
    use langevin_discrete::{Noise, StateSpace};

    const ALPHAS: [f64; 7] = [0.5, 0.9, 0.1, 0.99, 1e-4, 0.7, 1.0 - 1e-6];

    /// A prior whose largest and smallest probabilities differ by a factor of about a hundred.
    fn space(vocab: usize, uniform: bool) -> StateSpace {
        let raw: Vec<f64> = (0..vocab).map(|y| (y * y % 97 + 1) as f64).collect();
        let sum: f64 = raw.iter().sum();
        let prior = Noise::Prior(raw.iter().map(|value| value / sum).collect());
        StateSpace::new(if uniform { Noise::Uniform } else { prior }, vocab, 1).unwrap()
    }

    fn priors(space: &StateSpace) -> Vec<f64> {
        (0..space.vocab() as u32).map(|y| space.prior(y)).collect()
    }

    /// The loss in double precision from its definition.
    fn plain(space: &StateSpace, logits: &[f32], tokens: &Noised<'_>) -> f64 {
        let (vocab, mut total) = (space.vocab(), 0.0);
        let (mut d, prior) = (vec![0.0; vocab], priors(space));
        for (token, z) in logits.chunks(vocab).enumerate().filter(|(token, _)| tokens.weights[*token] != 0.0) {
            softmax(z, vocab, &mut d);
            let at = |d: &[f64]| rate(space, d, tokens.answers[token], tokens.letters[token], tokens.alphas[token]);
            total += f64::from(tokens.weights[token]) * (at(&d) - at(&prior));
        }
        total
    }

    fn cases() -> impl Iterator<Item = (StateSpace, Vec<f32>, Vec<u32>, Vec<u32>)> {
        [(2, true), (2, false), (5, false), (16, true), (27, false), (40, true)].into_iter().map(|(vocab, uniform)| {
            let logits: Vec<f32> = normals(7 * vocab, 1).iter().map(|z| 2.0 * z).collect();
            let answers: Vec<u32> = (0..7).map(|token| (5 * token % vocab) as u32).collect();
            let letters = answers.iter().enumerate();
            let letters = letters.map(|(token, own)| if token % 3 == 0 { *own } else { (own + 1) % vocab as u32 });
            (space(vocab, uniform), logits, letters.collect(), answers)
        })
    }

    #[test]
    fn the_loss_is_its_formula() {
        for (space, logits, letters, answers) in cases() {
            let vocab = space.vocab();
            let prior: Vec<f32> = priors(&space).iter().map(|p| *p as f32).collect();
            let mut gradient = vec![f32::NAN; vocab];
            for (token, alpha) in ALPHAS.into_iter().enumerate() {
                let own = token..token + 1;
                let one = Noised {
                    letters: &letters[own.clone()],
                    answers: &answers[own],
                    alphas: &[alpha],
                    weights: &[1.0],
                };
                let z = &logits[token * vocab..][..vocab];
                let (loss, want) = (score_entropy(z, &prior, &one, &mut gradient), plain(&space, z, &one));
                // The largest term is ln(1/σ)/σ where the letter was redrawn.
                let most = if letters[token] == answers[token] { 1.0 } else { 1.0 / (1.0 - alpha) };
                assert!((loss - want).abs() < 5e-6 * (want.abs() + most), "{space}, {alpha}: {loss} {want}");
                assert!(gradient.iter().sum::<f32>().abs() < 1e-5 * most as f32);
            }
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        for (space, logits, letters, answers) in cases() {
            let vocab = space.vocab();
            let prior: Vec<f32> = priors(&space).iter().map(|p| *p as f32).collect();
            // A level of little noise dominates the others, so it is checked alone.
            let of = [[1.0, 0.0, 2.0, 0.5, 3.0, 1.5, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1e-6]];
            for (number, weights) in of.iter().enumerate() {
                let tokens = Noised { letters: &letters, answers: &answers, alphas: &ALPHAS, weights };
                let mut gradient = vec![f32::NAN; logits.len()];
                let loss = score_entropy(&logits, &prior, &tokens, &mut gradient);
                let want = plain(&space, &logits, &tokens);
                assert!((loss - want).abs() < 1e-5 * want.abs().max(1.0), "{loss} {want}");
                assert!(gradient[vocab..2 * vocab].iter().all(|g| *g == 0.0));
                let tolerance = if number == 0 { 1e-4 } else { 1e-3 };
                check::gradient("logits", &logits, &gradient, tolerance, |z| plain(&space, z, &tokens));
            }
        }
    }

    #[test]
    fn the_exact_denoiser_has_no_gradient() {
        // One token: the gradient vanishes at D = the law of the data, in expectation over letters.
        let space = space(5, false);
        let prior: Vec<f32> = priors(&space).iter().map(|p| *p as f32).collect();
        let z = normals(5, 2);
        let mut d = [0.0; 5];
        softmax(&z, 5, &mut d);
        for alpha in [0.05, 0.4, 0.95] {
            let (mut sum, mut one) = ([0.0_f32; 5], [0.0; 5]);
            for (clean, x) in (0..25).map(|k| (k / 5, k % 5)) {
                let weight = d[clean as usize] * space.transition(alpha, clean, x);
                let token = Noised { letters: &[x], answers: &[clean], alphas: &[alpha], weights: &[weight as f32] };
                score_entropy(&z, &prior, &token, &mut one);
                sum.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
            }
            assert!(sum.iter().all(|g| g.abs() < 1e-6), "{alpha}: {sum:?}");
        }
    }

    #[test]
    fn logits_of_any_size_are_taken() {
        let mut gradient = [f32::NAN; 3];
        let prior = [0.25, 0.25, 0.5];
        let token = Noised { letters: &[1], answers: &[2], alphas: &[0.5], weights: &[1.0] };
        let loss = score_entropy(&[1e30, -1e30, 0.0], &prior, &token, &mut gradient);
        assert!(loss.is_finite() && gradient.iter().all(|g| g.is_finite()), "{loss} {gradient:?}");
        assert!(score_entropy(&[f32::NAN, 0.0, 0.0], &prior, &token, &mut gradient).is_nan());
    }
}
