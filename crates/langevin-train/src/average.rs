//! Averages of weights over a training, of any length, after it is over.
//!
//! A power-function average of weights θ after t steps gives step τ the weight
//!
//! $$p_{t,\gamma}(\tau) = \frac{\gamma+1}{t}\left(\frac{\tau}{t}\right)^{\gamma}, \qquad
//!   \hat\theta_t = \beta_t\hat\theta_{t-1} + (1-\beta_t)\theta_t,\quad \beta_t = \left(1-\tfrac1t\right)^{\gamma+1},$$
//!
//! and its length is the standard deviation of that weight as a share of t, σ² = (γ+1)/((γ+2)²(γ+3)). Two such averages, kept from time to time, span nearly all others: the profile that is
//! wanted is the sum Σ xᵢ pᵢ that is nearest to it in least squares, and the same sum of the kept averages is nearly the average that it would have given.
//!
//! $$A x = b,\qquad A_{ij} = \langle p_i, p_j\rangle,\quad b_i = \langle p_i, p\rangle,\qquad
//!   \langle p_{a,\gamma}, p_{b,\delta}\rangle = \frac{(\gamma+1)(\delta+1)}{\gamma+\delta+1}\,\frac{a^{\delta}}{b^{\delta+1}}\quad (a\le b).$$
//!
//! Source: Karras et al., arXiv 2312.02696, §3 and appendix C.

use langevin::error::{Error, Result};
use nalgebra::{DMatrix, DVector};

/// The longest that a power-function average can be: that of γ = 0, all steps alike, 1/√12.
const LONGEST: f64 = 0.288_675_134_594_812_9;
/// The shortest that is taken for one.
const SHORTEST: f64 = 1e-3;

/// One power-function average of a training: after which step, and its power γ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// The step after which it was taken, from 1.
    pub step: f64,
    /// The power γ.
    pub gamma: f64,
}

impl Profile {
    /// The average of this length, the standard deviation of its weight as a share of the steps.
    ///
    /// ```
    /// use langevin_train::average::Profile;
    /// let profile = Profile::of_length(1000.0, 0.1)?;
    /// assert!((profile.gamma - 6.94).abs() < 0.01 && (profile.length() - 0.1).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// A length outside 0.001 to 1/√12 ≈ 0.2887, or a step that is none.
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
        // The length falls with γ, from 1/√12 at 0; about 1/γ for large ones.
        let (mut low, mut high) = (0.0, 2.0 / SHORTEST);
        for _ in 0..200 {
            let gamma = 0.5 * (low + high);
            if (Self { step, gamma }).length() > length { low = gamma } else { high = gamma }
        }
        Ok(Self { step, gamma: 0.5 * (low + high) })
    }

    /// σ = √(γ+1)/((γ+2)√(γ+3)).
    #[must_use]
    pub fn length(&self) -> f64 {
        let gamma = self.gamma;
        f64::sqrt((gamma + 1.0) / (gamma + 3.0)) / (gamma + 2.0)
    }

    /// β of the step that this profile stands at: what is kept of the average before.
    #[must_use]
    pub fn keep(&self) -> f64 {
        langevin::math::pow(1.0 - 1.0 / self.step, self.gamma + 1.0)
    }

    /// ⟨p, q⟩.
    fn inner(&self, other: &Self) -> f64 {
        let (a, b) = if self.step <= other.step { (self, other) } else { (other, self) };
        let factor = (a.gamma + 1.0) * (b.gamma + 1.0) / (a.gamma + b.gamma + 1.0);
        factor * langevin::math::pow(a.step / b.step, b.gamma) / b.step
    }
}

/// How much of each kept average makes the wanted one; and the distance of the two profiles as a share of the wanted one's norm.
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
/// No average, or one that was taken after the wanted one.
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
    // Neighbours are nearly the same: of the directions that hardly differ nothing is asked.
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

    /// The recursion against the weights that it stands for, on a trajectory that is known.
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

    /// ⟨p, q⟩ by the trapezium rule.
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

    /// An average that was never kept, from those that were, of a trajectory with noise in it.
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
            // The profiles agree to a few per cent, the averages of a smooth trajectory far better.
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
