//! Chance of tokens: one uniform a token, turned into a letter by the inverse of the cumulative
//! sum.

use crate::space::Letter;
use langevin::SampleId;
use langevin::noise::fill_uniforms;

/// Fills `out` with the uniforms of one row's draw, one for each token.
pub(crate) fn uniforms(row: SampleId, draw: u32, out: &mut [f64]) {
    fill_uniforms(row, draw, out);
}

/// Returns the first letter k with u·W < w_0 + … + w_k, where W is the sum of the weights.
///
/// Sums run in the order of the letters, in f64. Returns `None` if no weight is positive. A letter
/// of weight zero is never returned.
///
/// ```
/// use langevin_discrete::pick;
/// assert_eq!(pick(&[0.25, 0.0, 0.75], 0.2), Some(0));
/// assert_eq!(pick(&[0.25, 0.0, 0.75], 0.25), Some(2));
/// assert_eq!(pick(&[0.0, 0.0], 0.5), None);
/// ```
#[must_use]
pub fn pick(weights: &[f64], u: f64) -> Option<Letter> {
    let total: f64 = weights.iter().sum();
    if total <= 0.0 || total.is_nan() {
        return None;
    }
    let (target, mut sum) = (u * total, 0.0);
    for (letter, weight) in weights.iter().enumerate() {
        sum += weight;
        if target < sum {
            return Some(letter as Letter);
        }
    }
    // u·W may round to W.
    weights.iter().rposition(|weight| *weight > 0.0).map(|letter| letter as Letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_uniform_picks_the_last_letter_of_positive_weight() {
        let largest = 1.0 - f64::EPSILON / 2.0;
        assert_eq!(pick(&[0.5, 0.5 + f64::EPSILON, 0.0], largest), Some(1));
        assert_eq!(pick(&[1.0, 0.0], largest), Some(0));
        assert_eq!(pick(&[f64::NAN, 1.0], 0.5), None);
    }

    #[test]
    fn shares_are_the_weights() {
        let weights = [1.0, 3.0, 0.0, 4.0];
        let mut count = [0; 4];
        for step in 0..800 {
            count[pick(&weights, (f64::from(step) + 0.5) / 800.0).unwrap() as usize] += 1;
        }
        assert_eq!(count, [100, 300, 0, 400]);
    }
}
