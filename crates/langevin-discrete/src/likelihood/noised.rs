//! The bound under noise that can produce every letter.
//!
//! Everything is relative to π. With a = π(x)/P(x0, x), G(y) = g(y)/π(y) and ℓ = ln G, the loss of
//! a token less that of a network that predicts π is
//!
//! ```text
//! (1/α) [1/G(x) − 1 + a (ℓ(x) − σ Σ_y π(y) ℓ(y) − α ℓ(x0))]
//! ```
//!
//! The bound of the network that predicts π is −ln π(x0), without any slack, so only this
//! difference is estimated.

use super::{Bound, batch, check_clean, profile};
use crate::chance::uniforms;
use crate::denoiser::Denoiser;
use crate::level;
use crate::moves::redraw;
use crate::space::{Letter, StateSpace};
use langevin::model::InputLevel;
use langevin::noise::draws;
use langevin::{Query, Result, SampleId};

/// Smallest and largest survival at which the loss of uniform and prior noise is evaluated.
///
/// The integral of the loss from survival 0 to 1 needs no other levels. Below the first survival α
/// it is at most about α²V/2 nats a token, above the last one at most σ(1 + ln V/σ): together less
/// than 10⁻⁴ nats a token for up to 10⁴ letters. [`bound`] adds what the ends contribute.
///
/// ```
/// let [least, most] = langevin_discrete::likelihood::SURVIVALS;
/// assert!(0.0 < least && least < most && most < 1.0);
/// ```
pub const SURVIVALS: [f64; 2] = [1e-4, 1.0 - 1e-6];

/// Returns the survival at quantile `u` of the density from which the levels of the loss are drawn,
/// and the inverse of the density there.
///
/// σ is the cube of a uniform variable on the range of [`SURVIVALS`]. A token is redrawn with
/// probability σ, and its loss is then of size ln(1/σ)/σ, so levels of little noise need more
/// samples than others.
///
/// ```
/// use langevin_discrete::likelihood::quantile;
/// // The inverse of the density integrates to the length of the range, almost 1.
/// let total: f64 = (0..1000).map(|k| quantile((f64::from(k) + 0.5) / 1e3)[1] / 1e3).sum();
/// assert!((total - 0.9999).abs() < 1e-5);
/// ```
#[must_use]
pub fn quantile(u: f64) -> [f64; 2] {
    let [most, least] = SURVIVALS.map(|alpha| libm::cbrt(1.0 - alpha));
    let root = least + u * (most - least);
    let sigma = root * root * root;
    [1.0 - sigma, 3.0 * root * root * (most - least)]
}

/// Computes the loss of one token per unit of survival, in nats.
///
/// It is the Poisson KL divergence between the reverse rates given the clean letter and those of
/// the network, which is the score entropy of SEDD. With g = αD + σπ, s = g(y)/g(x) and
/// r = P(x0, y)/P(x0, x),
///
/// $$L = \frac{\pi(x)}{\alpha} \sum_{y \ne x} \big[s_y - r_y \ln s_y + r_y (\ln r_y - 1)\big]
///     = \frac{\pi(x)}{\alpha P(x_0, x)}
///       \Big[ \mathrm{KL}\big(P(x_0, \cdot) \,\|\, g\big) + \phi\Big(\frac{P(x_0, x)}{g(x)}\Big) \Big],$$
///
/// where φ(u) = u − 1 − ln u. Under masked noise it is −ln D(x0)/σ at a masked token and 0 at
/// others.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, likelihood::rate};
/// let space = StateSpace::new(Noise::Uniform, 2, 1)?;
/// // A network that is certain of the clean letter has no loss.
/// assert!(rate(&space, &[1.0, 0.0], 0, 1, 0.5).abs() < 1e-15);
/// assert!(rate(&space, &[0.5, 0.5], 0, 1, 0.5) > 0.1);
/// # Ok::<(), langevin::Error>(())
/// ```
#[must_use]
pub fn rate(space: &StateSpace, d: &[f64], clean: Letter, x: Letter, alpha: f64) -> f64 {
    let mut law = vec![0.0; space.letters()];
    crate::denoiser::conditional(space, d, alpha, &mut law);
    let back = space.prior(x);
    if back == 0.0 {
        return 0.0;
    }
    let seen = |y: Letter| space.transition(alpha, clean, y);
    let mut divergence = 0.0;
    for (y, law) in law.iter().enumerate() {
        let p = seen(y as Letter);
        if p > 0.0 {
            divergence += p * libm::log(p / law);
        }
    }
    let ratio = seen(x) / law[x as usize];
    back / (alpha * seen(x)) * (divergence + (ratio - 1.0 - libm::log(ratio)))
}

/// Computes the loss of one token less that of a network that predicts π.
///
/// `ells` is memory for one number a letter.
fn relative(space: &StateSpace, d: &[f64], clean: Letter, x: Letter, alpha: f64, ells: &mut [f64]) -> f64 {
    let sigma = 1.0 - alpha;
    let mut mean = 0.0;
    for (y, (ell, d)) in ells.iter_mut().zip(d).enumerate() {
        let prior = space.prior(y as Letter);
        // ln G, accurate near G = 1 and for small G.
        let change = alpha * (d / prior - 1.0);
        *ell = if change > -0.5 { libm::log1p(change) } else { libm::log(sigma + alpha * d / prior) };
        mean += prior * *ell;
    }
    let share = space.prior(x) / space.transition(alpha, clean, x);
    let own = ells[x as usize];
    (libm::expm1(-own) + share * (own - sigma * mean - alpha * ells[clean as usize])) / alpha
}

/// Bounds the mean of −log p of sequences under a model, for every noise.
///
/// Under masked noise it is the bound of the [`profile`], with at least `levels` evaluations a
/// sequence: as many rounds of d evaluations as that takes.
///
/// Under uniform and prior noise it is the integral of the [loss](rate) over all levels, estimated
/// at `levels` levels of each sequence, one in every equal part of the density of [`quantile`], and
/// one more at the largest of [`SURVIVALS`] for what is left above it. The bound of a network that
/// predicts π is known, −ln π of the letters, and only the difference to it is estimated. The
/// integral of that difference below the smallest survival is left out; it is of order α²V. The
/// noise is a function of each row's (seed, index).
///
/// The bound of an exact model is the entropy of the data, and that of a model of another density q
/// is H + KL(p‖q).
///
/// ```
/// use langevin::SampleId;
/// use langevin_discrete::{Noise, exact::{Chain, Density}, likelihood::bound};
/// let chain = Chain::example(3, 5, Noise::Uniform)?;
/// let rows: Vec<_> = (0..2000).map(|index| SampleId { seed: 0, index }).collect();
/// let bound = bound(&chain, &chain.sample(&rows), &rows, 8)?;
/// assert!((bound.nats - chain.entropy().unwrap()).abs() < 4.0 * bound.standard_error);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the sequences do not fit or are not clean, or if the model fails.
pub fn bound(model: &dyn Denoiser, tokens: &[Letter], rows: &[SampleId], levels: usize) -> Result<Bound> {
    Ok(Bound::of(&bounds(model, tokens, rows, levels)?, model.space().length()))
}

/// Bounds −log p of each sequence under a model, in nats; [`bound`] is their mean.
///
/// A single value is an estimate, which may be smaller than −log p.
///
/// ```
/// use langevin::SampleId;
/// use langevin_discrete::{Noise, exact::{Chain, Density}, likelihood::bounds};
/// let chain = Chain::example(3, 5, Noise::Masked)?;
/// let rows = [SampleId { seed: 0, index: 0 }, SampleId { seed: 0, index: 1 }];
/// assert_eq!(bounds(&chain, &chain.sample(&rows), &rows, 8)?.len(), 2);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error under the conditions of [`bound`].
pub fn bounds(model: &dyn Denoiser, tokens: &[Letter], rows: &[SampleId], levels: usize) -> Result<Vec<f64>> {
    let space = model.space();
    let (length, vocab) = (space.length(), space.vocab());
    let levels = levels.max(1);
    if space.is_masked() {
        return Ok(profile(model, tokens, rows, levels.div_ceil(length))?.rows().to_vec());
    }
    check_clean(model, tokens, rows.len())?;
    let mut bounds: Vec<f64> = tokens
        .chunks_exact(length)
        .map(|own| -own.iter().map(|letter| libm::log(space.prior(*letter))).sum::<f64>())
        .collect();
    let jobs: Vec<(usize, usize)> =
        (0..rows.len()).flat_map(|row| (0..=levels).map(move |level| (row, level))).collect();
    let (mut places, mut u, mut ells) = (vec![0.0; levels], vec![0.0; length], vec![0.0; vocab]);
    for jobs in jobs.chunks(batch(space)) {
        let mut x = Vec::with_capacity(jobs.len() * length);
        let (mut at, mut ids) = (Vec::with_capacity(jobs.len()), Vec::with_capacity(jobs.len()));
        let mut weights = Vec::with_capacity(jobs.len());
        for (row, number) in jobs {
            let [alpha, weight] = if *number < levels {
                uniforms(rows[*row], draws::TOKEN_BOUND_LEVELS.first(), &mut places);
                quantile((*number as f64 + places[*number]) / levels as f64)
            } else {
                [SURVIVALS[1], 0.0]
            };
            uniforms(rows[*row], noise_of(*number), &mut u);
            let own = &tokens[row * length..(row + 1) * length];
            x.extend(own.iter().zip(&u).map(|(letter, u)| noised(space, *letter, alpha, *u)));
            at.push(InputLevel::from(level(alpha)));
            weights.push([alpha, weight / levels as f64]);
            ids.push(rows[*row]);
        }
        let d = model.leave_one_out(&x, &Query::per_row(&at, &ids))?;
        for (job, ((row, number), [alpha, weight])) in jobs.iter().zip(&weights).enumerate() {
            let mut sum = 0.0;
            for place in 0..length {
                let (token, clean) = (job * length + place, tokens[row * length + place]);
                let (d, x) = (&d[token * vocab..(token + 1) * vocab], x[token]);
                if *number < levels {
                    sum += weight * relative(space, d, clean, x, *alpha, &mut ells);
                } else {
                    // The posterior of the clean letter, against that of π.
                    let ratio = |y: Letter| d[y as usize] / space.prior(y);
                    sum += libm::log((1.0 - alpha + alpha * ratio(x)) / ratio(clean));
                }
            }
            bounds[*row] += sum;
        }
    }
    Ok(bounds)
}

/// Returns the draw of the tokens' noise at level `number`.
fn noise_of(number: usize) -> u32 {
    let range = draws::TOKEN_BOUND_NOISE;
    range.nth(number as u32 % (range.last() - range.first()))
}

/// Returns a letter after noise at survival `alpha`, chosen by the uniform `u`.
fn noised(space: &StateSpace, letter: Letter, alpha: f64, u: f64) -> Letter {
    if u < alpha { letter } else { redraw(space, (u - alpha) / (1.0 - alpha)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::{Chain, Density, Table};
    use crate::space::Noise;

    fn noises() -> [Noise; 2] {
        [Noise::Uniform, Noise::Prior(vec![0.5, 0.3, 0.2])]
    }

    /// The loss as a sum over all other letters.
    fn plain(space: &StateSpace, d: &[f64], clean: Letter, x: Letter, alpha: f64) -> f64 {
        let mut law = vec![0.0; space.letters()];
        crate::denoiser::conditional(space, d, alpha, &mut law);
        let seen = |y: Letter| space.transition(alpha, clean, y);
        let others = (0..space.letters() as Letter).filter(|y| *y != x);
        let terms = others.map(|y| {
            let (s, r) = (law[y as usize] / law[x as usize], seen(y) / seen(x));
            s + if r > 0.0 { r * (libm::log(r) - 1.0) - r * libm::log(s) } else { 0.0 }
        });
        space.prior(x) / alpha * terms.sum::<f64>()
    }

    #[test]
    fn the_loss_is_its_sum_over_letters() {
        let d = [0.6, 0.3, 0.1];
        for noise in noises() {
            let space = StateSpace::new(noise, 3, 1).unwrap();
            let prior: Vec<f64> = (0..3).map(|y| space.prior(y)).collect();
            for alpha in [0.05, 0.5, 0.95] {
                for (clean, x) in (0..9).map(|k| (k / 3, k % 3)) {
                    let own = rate(&space, &d, clean, x, alpha);
                    let want = plain(&space, &d, clean, x, alpha);
                    assert!((own - want).abs() < 1e-12 * want.max(1.0), "{own} {want}");
                    let less = want - plain(&space, &prior, clean, x, alpha);
                    let own = relative(&space, &d, clean, x, alpha, &mut [0.0; 3]);
                    assert!((own - less).abs() < 1e-12 * want.max(1.0), "{own} {less}");
                }
            }
        }
        let masked = StateSpace::new(Noise::Masked, 3, 1).unwrap();
        assert!((rate(&masked, &d, 1, 3, 0.2) + libm::log(0.3) / 0.8).abs() < 1e-15);
        assert_eq!(rate(&masked, &d, 1, 1, 0.2), 0.0);
    }

    #[test]
    fn the_difference_keeps_its_digits_at_both_ends() {
        // At survival α → 0 the difference is of order α; above, its terms nearly cancel.
        let (d, far) = ([0.6, 0.3, 0.1], [1.0 - 2e-9, 1e-9, 1e-9]);
        let space = StateSpace::new(noises()[1].clone(), 3, 1).unwrap();
        let mut ells = [0.0; 3];
        let slope = |alpha: f64| {
            let mut ells = [0.0; 3];
            relative(&space, &d, 0, 1, alpha, &mut ells) / alpha
        };
        assert!((slope(1e-6) / slope(2e-6) - 1.0).abs() < 1e-4);
        let [_, most] = SURVIVALS;
        let found = relative(&space, &far, 0, 0, most, &mut ells);
        let prior = [0.5, 0.3, 0.2];
        let want = rate(&space, &far, 0, 0, most) - rate(&space, &prior, 0, 0, most);
        assert!((found / want - 1.0).abs() < 1e-6, "{found} {want}");
    }

    #[test]
    fn the_bound_of_an_exact_model_is_the_entropy_and_that_of_another_adds_their_divergence() {
        let rows: Vec<SampleId> = (0..4000).map(|index| SampleId { seed: 1, index }).collect();
        for noise in noises() {
            let data = Chain::example(3, 4, noise.clone()).unwrap();
            let space = data.space().clone();
            let next = vec![0.6, 0.2, 0.2, 0.3, 0.3, 0.4, 0.1, 0.7, 0.2];
            let other = Chain::new(space, vec![0.2, 0.5, 0.3], next).unwrap();
            let tokens = data.sample(&rows);
            let clean = crate::exact::probabilities(&data).unwrap();
            let mut apart = 0.0;
            let mut number = 0;
            crate::exact::each_sequence(3, 4, |tokens| {
                apart += clean[number] * (data.log_probability(tokens) - other.log_probability(tokens));
                number += 1;
            });
            let entropy = data.entropy().unwrap();
            let table = Table::of(&data).unwrap();
            let models: [(&dyn Denoiser, f64); 3] = [(&data, 0.0), (&table, 0.0), (&other, apart)];
            for (model, apart) in models {
                let found = bound(model, &tokens, &rows, 16).unwrap();
                let off = found.nats - entropy - apart;
                assert!(off.abs() < 4.0 * found.standard_error, "{found:?}, {entropy} {apart}");
                assert!(found.standard_error < 0.05, "{found:?}");
            }
            // A row's bound is its own.
            let whole = bound(&data, &tokens[..8 * 4], &rows[..8], 3).unwrap();
            let mean: f64 =
                (0..8).map(|row| bound(&data, &tokens[row * 4..][..4], &rows[row..=row], 3).unwrap().nats / 8.0).sum();
            assert!((whole.nats - mean).abs() < 1e-12);
        }
    }

    #[test]
    fn a_network_that_predicts_the_noise_has_a_bound_without_error() {
        struct Prior(StateSpace);
        impl Denoiser for Prior {
            fn space(&self) -> &StateSpace {
                &self.0
            }
            fn predict(&self, x: &[Letter], _: &Query<'_>) -> Result<Vec<f64>> {
                let vocab = self.0.vocab() as Letter;
                Ok(x.iter().flat_map(|_| (0..vocab).map(|y| self.0.prior(y))).collect())
            }
        }
        let rows: Vec<SampleId> = (0..2).map(|index| SampleId { seed: 1, index }).collect();
        let model = Prior(StateSpace::new(noises()[1].clone(), 3, 2).unwrap());
        let found = bound(&model, &[0, 1, 2, 2], &rows, 4).unwrap();
        let want = -0.5 * (0.5_f64.ln() + 0.3_f64.ln() + 2.0 * 0.2_f64.ln());
        assert!((found.nats - want).abs() < 1e-12);
        let error = bound(&model, &[0, 1, 3, 2], &rows, 4).unwrap_err().to_string();
        assert!(error.contains("token 0"), "{error}");
    }

    #[test]
    fn masked_noise_has_the_bound_of_its_profile() {
        let chain = Chain::example(3, 5, Noise::Masked).unwrap();
        let rows: Vec<SampleId> = (0..20).map(|index| SampleId { seed: 1, index }).collect();
        let tokens = chain.sample(&rows);
        let own = profile(&chain, &tokens, &rows, 2).unwrap().bound();
        assert_eq!(bound(&chain, &tokens, &rows, 8).unwrap(), own);
    }
}
