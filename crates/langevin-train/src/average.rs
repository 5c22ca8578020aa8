//! Power-function averages of the weights, of any length, computed after training.
//!
//! A power-function average of weights θ after t steps gives step τ the weight
//!
//! $$p_{t,\gamma}(\tau) = \frac{\gamma+1}{t}\left(\frac{\tau}{t}\right)^{\gamma}, \qquad
//!   \hat\theta_t = \beta_t\hat\theta_{t-1} + (1-\beta_t)\theta_t,\quad
//!   \beta_t = \left(1-\tfrac1t\right)^{\gamma+1}.$$
//!
//! The length of the average is the standard deviation of that weight as a share of t, σ² =
//! (γ+1)/((γ+2)²(γ+3)).
//!
//! Two such averages, saved at regular intervals, span nearly all others. The wanted profile p is
//! approximated in least squares by a sum Σ xᵢ pᵢ of the saved profiles. The same sum of the saved
//! averages is then close to the average that the wanted profile would have given.
//!
//! $$A x = b,\qquad A_{ij} = \langle p_i, p_j\rangle,\quad b_i = \langle p_i, p\rangle,\qquad
//!   \langle p_{a,\gamma}, p_{b,\delta}\rangle =
//!   \frac{(\gamma+1)(\delta+1)}{\gamma+\delta+1}\thinspace \frac{a^{\delta}}{b^{\delta+1}}\quad (a\le b).$$
//!
//! Source: Karras et al., arXiv 2312.02696, §3 and appendix C.

use langevin::error::{Error, Result};
use nalgebra::{DMatrix, DVector};

/// Longest possible power-function average, 1/√12: γ = 0, which weights all steps equally.
const LONGEST: f64 = 0.288_675_134_594_812_9;
/// Shortest accepted length.
const SHORTEST: f64 = 1e-3;

/// One power-function average of a training run: the step at which it was taken, and its power γ.
///
/// ```
/// use langevin_train::average::Profile;
/// // γ = 0 weights all steps equally.
/// let uniform = Profile { step: 100.0, gamma: 0.0 };
/// assert!((uniform.length() - 1.0 / 12.0_f64.sqrt()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Step after which the average was taken, counted from 1.
    pub step: f64,
    /// Power γ of the weight.
    pub gamma: f64,
}

impl Profile {
    /// Returns the average with a given length.
    ///
    /// `length` is the standard deviation of the average's weight as a share of the steps.
    ///
    /// ```
    /// use langevin_train::average::Profile;
    /// let profile = Profile::of_length(1000.0, 0.1)?;
    /// assert!((profile.gamma - 6.94).abs() < 0.01 && (profile.length() - 0.1).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the length is outside 0.001 to 1/√12 ≈ 0.2887, or if the step is below 1
    /// or not finite.
    pub fn of_length(step: f64, length: f64) -> Result<Self> {
        if !(SHORTEST..=LONGEST).contains(&length) {
            return Err(Error::argument("no average has this length")
                .expected(format!("{SHORTEST} to {LONGEST:.4}"))
                .got(length.to_string()));
        }
        if !(step >= 1.0 && step.is_finite()) {
            return Err(Error::argument("an average is taken after a step")
                .expected("1 or more")
                .got(step.to_string()));
        }
        // The length decreases with γ: it is 1/√12 at γ = 0 and about 1/γ for large γ.
        let (mut low, mut high) = (0.0, 2.0 / SHORTEST);
        for _ in 0..200 {
            let gamma = 0.5 * (low + high);
            if (Self { step, gamma }).length() > length { low = gamma } else { high = gamma }
        }
        Ok(Self { step, gamma: 0.5 * (low + high) })
    }

    /// Returns the length of the average, σ = √(γ+1)/((γ+2)√(γ+3)), as a share of the steps.
    ///
    /// ```
    /// use langevin_train::average::Profile;
    /// // Large powers give short averages.
    /// let length = |gamma| Profile { step: 100.0, gamma }.length();
    /// assert!(length(16.0) < length(7.0));
    /// ```
    #[must_use]
    pub fn length(&self) -> f64 {
        let gamma = self.gamma;
        f64::sqrt((gamma + 1.0) / (gamma + 3.0)) / (gamma + 2.0)
    }

    /// Returns β at the step of this profile: the share of the previous average that is kept.
    ///
    /// ```
    /// use langevin_train::average::Profile;
    /// // A uniform average over ten steps keeps nine tenths of the average over nine.
    /// assert!((Profile { step: 10.0, gamma: 0.0 }.keep() - 0.9).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn keep(&self) -> f64 {
        langevin::math::pow(1.0 - 1.0 / self.step, self.gamma + 1.0)
    }

    /// Returns the inner product ⟨p, q⟩ of two profiles.
    fn inner(&self, other: &Self) -> f64 {
        let (a, b) = if self.step <= other.step { (self, other) } else { (other, self) };
        let factor = (a.gamma + 1.0) * (b.gamma + 1.0) / (a.gamma + b.gamma + 1.0);
        factor * langevin::math::pow(a.step / b.step, b.gamma) / b.step
    }
}

/// Returns the weight of each saved average in the wanted one, and the error of the approximation.
///
/// The error is the distance between the two profiles as a share of the norm of the wanted profile.
///
/// ```
/// use langevin_train::average::{Profile, mixture};
/// let kept: Vec<Profile> = (1..=32)
///     .flat_map(|i| [0.05, 0.1].map(|length| Profile::of_length(f64::from(100 * i), length)))
///     .collect::<Result<_, _>>()?;
/// let (weights, off) = mixture(&kept, &Profile::of_length(3200.0, 0.15)?)?;
/// assert!((weights.iter().sum::<f64>() - 1.0).abs() < 0.01 && off < 0.01);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if there is no saved average, or if one was taken after the step of the wanted
/// average.
pub fn mixture(kept: &[Profile], wanted: &Profile) -> Result<(Vec<f64>, f64)> {
    if kept.is_empty() {
        return Err(Error::argument("there is no average to make one of"));
    }
    if let Some(late) = kept.iter().find(|profile| profile.step > wanted.step) {
        return Err(Error::argument("an average was taken later than the one that is wanted")
            .expected(format!("steps up to {}", wanted.step))
            .got(late.step.to_string()));
    }
    let count = kept.len();
    let a = DMatrix::from_fn(count, count, |i, j| kept[i].inner(&kept[j]));
    let b = DVector::from_fn(count, |i, _| kept[i].inner(wanted));
    // Neighbouring profiles are nearly equal, so the matrix is nearly singular. Singular values
    // below the threshold are dropped.
    let decomposed = a.clone().svd(true, true);
    let most = decomposed.singular_values.iter().copied().fold(0.0, f64::max);
    let x = decomposed
        .solve(&b, 1e-12 * most)
        .map_err(|error| Error::argument("the averages cannot be combined").got(error))?;
    let norm = wanted.inner(wanted);
    let off = (x.dot(&(&a * &x)) - 2.0 * x.dot(&b) + norm).max(0.0);
    Ok((x.iter().copied().collect(), f64::sqrt(off / norm)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the recursion with the weights that it stands for, on a known trajectory.
    #[test]
    fn the_recursion_is_the_profile() {
        let (steps, gamma) = (500, 6.94);
        let theta = |t: f64| (0.01 * t).sin() + 0.1 * t;
        let mut average = 0.0;
        for t in 1..=steps {
            let keep = Profile { step: f64::from(t), gamma }.keep();
            average = keep * average + (1.0 - keep) * theta(f64::from(t));
        }
        let weight = |t: f64| t.powf(gamma + 1.0) - (t - 1.0).powf(gamma + 1.0);
        let (sum, total) = (1..=steps)
            .map(f64::from)
            .fold((0.0, 0.0), |(sum, total), t| (sum + weight(t) * theta(t), total + weight(t)));
        assert!((average - sum / total).abs() < 1e-9);
    }

    /// Compares ⟨p, q⟩ with the midpoint rule.
    #[test]
    fn inner_products_are_integrals() {
        let (a, b) = (Profile { step: 70.0, gamma: 2.5 }, Profile { step: 100.0, gamma: 7.0 });
        let p = |profile: Profile, t: f64| {
            if t > profile.step {
                0.0
            } else {
                (profile.gamma + 1.0) / profile.step * (t / profile.step).powf(profile.gamma)
            }
        };
        for (a, b) in [(a, b), (b, a), (a, a)] {
            let n = 70_000;
            let sum: f64 = (0..n).map(|i| (f64::from(i) + 0.5) * 70.0 / f64::from(n)).map(|t| p(a, t) * p(b, t)).sum();
            let integral = sum * 70.0 / f64::from(n);
            assert!((integral / a.inner(&b) - 1.0).abs() < 1e-6, "{a:?} {b:?}");
        }
    }

    /// Reconstructs averages that were never saved from those that were, on a noisy trajectory.
    #[test]
    fn other_lengths_are_made_afterwards() {
        let theta = |t: usize| (0.002 * t as f64).sin() + ((t * 7919 % 101) as f64 - 50.0) / 100.0;
        let steps = 4000;
        let lengths = [0.05, 0.1, 0.03, 0.07, 0.2];
        let mut averages = [0.0; 5];
        let (mut kept, mut values) = (Vec::new(), Vec::new());
        for t in 1..=steps {
            for (average, length) in averages.iter_mut().zip(lengths) {
                let profile = Profile::of_length(t as f64, length).unwrap();
                *average += (1.0 - profile.keep()) * (theta(t) - *average);
                if t % 125 == 0 && (length == 0.05 || length == 0.1) {
                    kept.push(profile);
                    values.push(*average);
                }
            }
        }
        for (average, length) in averages.iter().zip(lengths) {
            let (weights, off) = mixture(&kept, &Profile::of_length(steps as f64, length).unwrap()).unwrap();
            let made: f64 = weights.iter().zip(&values).map(|(w, x)| w * x).sum();
            // The profiles agree to a few per cent; the averages of a smooth trajectory agree far
            // better.
            assert!(off < 0.05 && (made - average).abs() < 2e-3, "{length}: {made} {average}, {off}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(Profile::of_length(10.0, 0.3).is_err() && Profile::of_length(0.0, 0.1).is_err());
        let late = Profile { step: 20.0, gamma: 1.0 };
        assert!(mixture(&[late], &Profile { step: 10.0, gamma: 1.0 }).is_err() && mixture(&[], &late).is_err());
    }
}
