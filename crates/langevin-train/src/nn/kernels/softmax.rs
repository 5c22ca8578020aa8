//! Softmax of rows of logits: the cross-entropy with its gradient, and probabilities.
//!
//! ```text
//! p = e^{z − m}/Σ,   Σ = Σ_j e^{z_j − m},   m = max z
//! loss = weight (ln Σ + m − z[answer])       dz = weight (p − onehot(answer))
//! ```

use super::math::exp;
use super::sum::{LANES, sum};
use pulp::Simd;

/// Computes the weighted cross-entropy of rows of logits, and overwrites `gradient` with its
/// gradient.
///
/// The result is Σᵢ `weights[i]` · −ln softmax(zᵢ)`[answers[i]]`, where zᵢ are the `vocab` logits
/// of row i. A row of weight 0 adds nothing, whatever its logits and its answer are, and its
/// gradient is zero.
///
/// # Panics
/// Panics if the slices do not fit each other, or if an answer of a row with a weight is not below
/// `vocab`.
///
/// # Examples
/// ```
/// use langevin_train::nn::kernels::cross_entropy;
/// let mut gradient = [0.0; 4];
/// // Equal logits give each of the two letters one half; the second row has no weight.
/// let loss = cross_entropy(&[3.0, 3.0, 9.0, 0.0], 2, &[1, 0], &[2.0, 0.0], &mut gradient);
/// assert!((loss - 2.0 * 2f64.ln()).abs() < 1e-6);
/// assert_eq!(gradient, [1.0, -1.0, 0.0, 0.0]);
/// ```
pub fn cross_entropy(logits: &[f32], vocab: usize, answers: &[u32], weights: &[f32], gradient: &mut [f32]) -> f64 {
    let rows = answers.len();
    assert!(
        weights.len() == rows && logits.len() == rows * vocab && gradient.len() == logits.len(),
        "the logits, answers, weights and gradients do not fit each other"
    );
    entropies(logits, vocab, answers, weights, gradient)
}

#[pulp::with_simd(entropies = pulp::Arch::new())]
#[inline(always)]
fn entropies_with<S: Simd>(
    _simd: S,
    logits: &[f32],
    vocab: usize,
    answers: &[u32],
    weights: &[f32],
    gradient: &mut [f32],
) -> f64 {
    let mut loss = 0.0;
    let rows = logits.chunks_exact(vocab).zip(gradient.chunks_exact_mut(vocab));
    for ((z, gradient), (answer, weight)) in rows.zip(answers.iter().zip(weights)) {
        if *weight == 0.0 {
            gradient.fill(0.0);
            continue;
        }
        let answer = *answer as usize;
        let most = largest(z);
        gradient.iter_mut().zip(z).for_each(|(p, z)| *p = exp(*z - most));
        let total = sum(vocab, |i| gradient[i]);
        let scale = weight / total;
        gradient.iter_mut().for_each(|p| *p *= scale);
        gradient[answer] -= weight;
        loss += f64::from(*weight) * (f64::from(total).ln() + (f64::from(most) - f64::from(z[answer])));
    }
    loss
}

/// Returns the largest element.
#[inline(always)]
pub(crate) fn largest(z: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = z.as_chunks::<{ LANES }>();
    for z in whole {
        lanes.iter_mut().zip(z).for_each(|(m, z)| *m = if *z > *m { *z } else { *m });
    }
    lanes.iter_mut().zip(rest).for_each(|(m, z)| *m = if *z > *m { *z } else { *m });
    lanes.iter().fold(f32::NEG_INFINITY, |m, z| if *z > m { *z } else { m })
}

/// Computes the probabilities of rows of `vocab` logits, in double precision.
///
/// A logit of −∞ has probability 0.
///
/// # Panics
/// Panics if the slices differ in length.
///
/// # Examples
/// ```
/// let mut p = [0.0; 2];
/// langevin_train::nn::kernels::softmax(&[1000.0, 1000.0 + 3f32.ln()], 2, &mut p);
/// assert!((p[0] - 0.25).abs() < 1e-4 && (p[0] + p[1] - 1.0).abs() < 1e-15);
/// ```
pub fn softmax(logits: &[f32], vocab: usize, out: &mut [f64]) {
    assert_eq!(logits.len(), out.len(), "the logits and the probabilities do not fit each other");
    for (z, p) in logits.chunks_exact(vocab).zip(out.chunks_exact_mut(vocab)) {
        let most = f64::from(largest(z));
        p.iter_mut().zip(z).for_each(|(p, z)| *p = (f64::from(*z) - most).exp());
        let total: f64 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= total);
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{self, normals};
    use super::*;

    /// The formula in double precision, without care for large logits.
    fn plain(logits: &[f32], vocab: usize, answers: &[u32], weights: &[f32]) -> f64 {
        let entropy = |z: &[f32], answer: usize| {
            let total: f64 = z.iter().map(|z| f64::from(*z).exp()).sum();
            total.ln() - f64::from(z[answer])
        };
        logits
            .chunks(vocab)
            .zip(answers.iter().zip(weights))
            .map(|(z, (answer, weight))| f64::from(*weight) * entropy(z, *answer as usize))
            .sum()
    }

    #[test]
    fn cross_entropy_is_its_formula_and_has_its_gradient() {
        for vocab in [1, 2, 16, 27, 40] {
            let logits: Vec<f32> = normals(7 * vocab, 0).iter().map(|z| 3.0 * z).collect();
            let answers: Vec<u32> = (0..7).map(|row| (5 * row % vocab) as u32).collect();
            let weights = [0.5, 0.0, 2.0, 1.0, 0.25, 3.0, 1.5];
            let mut gradient = vec![f32::NAN; logits.len()];
            let loss = cross_entropy(&logits, vocab, &answers, &weights, &mut gradient);
            let want = plain(&logits, vocab, &answers, &weights);
            assert!((loss - want).abs() < 1e-6 * want.max(1.0), "{vocab}: {loss} {want}");
            assert_eq!(gradient[vocab..2 * vocab], vec![0.0; vocab]);
            if vocab == 1 {
                assert!(gradient.iter().all(|g| *g == 0.0));
            } else {
                let value = |logits: &[f32]| plain(logits, vocab, &answers, &weights);
                check::gradient("logits", &logits, &gradient, 1e-4, value);
            }
        }
    }

    #[test]
    fn logits_of_any_size_are_taken() {
        let mut gradient = [f32::NAN; 6];
        let logits = [1e30, -1e30, 0.0, f32::NAN, 0.0, f32::INFINITY];
        let loss = cross_entropy(&logits, 3, &[0, 9], &[1.0, 0.0], &mut gradient);
        assert!(loss.abs() < 1e-6, "{loss}");
        assert!(gradient.iter().all(|g| g.abs() < 1e-6));
        let loss = cross_entropy(&logits[..3], 3, &[1], &[1.0], &mut gradient[..3]);
        assert!((loss / 2e30 - 1.0).abs() < 1e-6);
        assert!(cross_entropy(&logits[3..], 3, &[1], &[1.0], &mut gradient[..3]).is_nan());
    }

    #[test]
    fn probabilities_are_a_distribution() {
        let logits: Vec<f32> = normals(9 * 27, 0).iter().map(|z| 20.0 * z - 300.0).collect();
        let mut p = vec![0.0; logits.len()];
        softmax(&logits, 27, &mut p);
        for (z, p) in logits.chunks(27).zip(p.chunks(27)) {
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            let ratio = (f64::from(z[3]) - f64::from(z[4])).exp();
            assert!((p[3] / (p[4] * ratio) - 1.0).abs() < 1e-12);
        }
        let mut p = [1.0; 3];
        softmax(&[0.0, f32::NEG_INFINITY, 0.0], 3, &mut p);
        assert_eq!(p, [0.5, 0.0, 0.5]);
    }

    /// Checks that the loss and its gradient are those of the probabilities.
    #[test]
    fn the_loss_and_the_probabilities_agree() {
        let logits = normals(27, 3);
        let (mut p, mut gradient) = (vec![0.0; 27], vec![0.0; 27]);
        softmax(&logits, 27, &mut p);
        let loss = cross_entropy(&logits, 27, &[4], &[1.0], &mut gradient);
        assert!((loss + p[4].ln()).abs() < 1e-6);
        for (i, (p, g)) in p.iter().zip(&gradient).enumerate() {
            let hot = if i == 4 { 1.0 } else { 0.0 };
            assert!((p - hot - f64::from(*g)).abs() < 1e-6, "{i}");
        }
    }
}
