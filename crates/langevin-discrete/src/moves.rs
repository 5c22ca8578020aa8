//! One step of one token: the row with its three moves, the four numbers behind it, and the rates
//! of every split.
//!
//! A row moves a token from survival α_s to α_t, given a clean letter x0 drawn from the posterior:
//!
//! $$x' \sim a\,\delta_x + b\,\delta_{x_0} + c\,\pi, \qquad
//!   a = \rho\,\sigma_t/\sigma_s, \quad b = \alpha_t - a\,\alpha_s, \quad c = \sigma_t (1 - \rho).$$
//!
//! It is the row of continuous data with σ = 1 − α and √(1 − ρ²) replaced by 1 − ρ. The marginals
//! are exact for every ρ from 0 to 1. A reverse step has α_t > α_s, a forward step α_t < α_s, and a
//! Langevin step α_t = α_s.

use crate::denoiser::conditional;
use crate::space::{Letter, StateSpace};
use langevin::{Error, Result};
use serde::{Deserialize, Serialize};

/// Four probabilities that move a token: a clean token is redrawn with probability `remask`; a
/// noised token becomes the clean letter x0 with probability `unmask`, is kept with probability
/// `keep`, and is redrawn from π otherwise.
///
/// A token that differs from x0 is noised. A token equal to x0 counts as noised with probability
/// ν = σπ(x)/(α + σπ(x)), which is 0 under masked noise.
///
/// ```
/// use langevin_discrete::Jump;
/// // The ancestral step of masked diffusion from survival 0.5 to 0.75.
/// let step = Jump::row(0.5, 0.75, 1.0)?;
/// assert_eq!((step.remask, step.unmask, step.keep), (0.0, 0.5, 0.5));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jump {
    /// Probability that a clean token is redrawn from π.
    pub remask: f64,
    /// Probability that a noised token becomes x0.
    pub unmask: f64,
    /// Probability that a noised token is kept.
    pub keep: f64,
}

impl Jump {
    /// Returns the row from survival `alpha` to `to` that keeps the share `rho` of the noise.
    ///
    /// # Errors
    /// Returns an error if a survival is not in 0 to 1, `alpha` is 1 in a reverse step, or a
    /// probability is negative: a forward row needs ρ ≤ σ_t α_s / (σ_s α_t) exchanged, that is
    /// b ≥ 0.
    pub fn row(alpha: f64, to: f64, rho: f64) -> Result<Self> {
        check(alpha, to)?;
        if !(0.0..=1.0).contains(&rho) {
            return Err(Error::argument("bad share of the noise").at("rho").expected("0 to 1").got(rho.to_string()));
        }
        let (sigma, sigma_to) = (1.0 - alpha, 1.0 - to);
        let a = rho * sigma_to / sigma;
        let (b, c) = (to - a * alpha, sigma_to * (1.0 - rho));
        if a > 1.0 + 1e-12 || b < -1e-12 {
            return Err(Error::argument("the row has a negative probability")
                .at("rho")
                .expected(format!("at most {}", (to * sigma / (alpha * sigma_to)).min(sigma / sigma_to)))
                .got(rho.to_string())
                .hinting("a forward step draws new noise"));
        }
        let b = b.max(0.0);
        Ok(Self { remask: c, unmask: b, keep: a.min(1.0 - b) })
    }

    /// Returns the exact reverse of the forward process: clean tokens stay, and noised tokens are
    /// redrawn with probability (σ_t/σ_s)(1 − α_s/α_t).
    ///
    /// # Errors
    /// Returns an error if the step does not go to a higher survival.
    pub fn reversal(alpha: f64, to: f64) -> Result<Self> {
        let fresh = (1.0 - to) / (1.0 - alpha) * (1.0 - alpha / to);
        Self::of(alpha, to, 0.0, fresh)
    }

    /// Returns the step with given probabilities of redrawing a clean and a noised token; the
    /// probability of `unmask` follows from the marginals.
    ///
    /// # Errors
    /// Returns an error if a probability is negative.
    pub fn of(alpha: f64, to: f64, remask: f64, fresh: f64) -> Result<Self> {
        check(alpha, to)?;
        let mut unmask = (to - (1.0 - remask) * alpha) / (1.0 - alpha);
        if unmask > 1.0 && unmask < 1.0 + 1e-12 {
            unmask = 1.0;
        }
        let keep = 1.0 - unmask - fresh;
        let jump = Self { remask, unmask, keep: if keep.abs() < 1e-15 { 0.0 } else { keep } };
        if let Some((name, value)) = jump.masses().into_iter().find(|(_, mass)| !(0.0..=1.0).contains(mass)) {
            return Err(Error::argument("a probability of the step is not in 0 to 1")
                .at(name)
                .expected("0 to 1")
                .got(value.to_string()));
        }
        Ok(jump)
    }

    /// Returns the probability that a noised token is redrawn from π.
    #[must_use]
    pub fn fresh(&self) -> f64 {
        1.0 - self.unmask - self.keep
    }

    /// Returns the four probabilities with their names.
    #[must_use]
    pub fn masses(&self) -> [(&'static str, f64); 4] {
        [("remask", self.remask), ("unmask", self.unmask), ("keep", self.keep), ("fresh", self.fresh())]
    }

    /// Returns the survival that the step reaches from survival `alpha`.
    ///
    /// ```
    /// use langevin_discrete::Jump;
    /// assert!((Jump::row(0.2, 0.7, 0.4)?.survival(0.2) - 0.7).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn survival(&self, alpha: f64) -> f64 {
        alpha * (1.0 - self.remask) + (1.0 - alpha) * self.unmask
    }

    /// Returns ν, the probability that token `x` is noised if its clean letter is `clean`.
    fn noised(space: &StateSpace, x: Letter, clean: Letter, alpha: f64) -> f64 {
        if x != clean {
            return 1.0;
        }
        let noise = (1.0 - alpha) * space.prior(x);
        if noise > 0.0 { noise / (alpha + noise) } else { 0.0 }
    }

    /// Returns the shares of the outcomes x0 and x; the rest is redrawn from π.
    fn shares(&self, space: &StateSpace, x: Letter, clean: Letter, alpha: f64) -> [f64; 2] {
        let nu = Self::noised(space, x, clean, alpha);
        [nu * self.unmask + (1.0 - nu) * (1.0 - self.remask), nu * self.keep]
    }

    /// Returns the letter after the step, chosen by the uniform `u`.
    ///
    /// The order of the outcomes is fixed: x0, then x, then the letters of π. One uniform decides
    /// everything.
    ///
    /// ```
    /// use langevin_discrete::{Jump, Noise, StateSpace};
    /// let space = StateSpace::new(Noise::Masked, 3, 1)?;
    /// let step = Jump::row(0.5, 0.75, 1.0)?;
    /// // The mask (3) is replaced by the clean letter 1 in half of all cases.
    /// assert_eq!([0.3, 0.7].map(|u| step.take(&space, 3, 1, 0.5, u)), [1, 3]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn take(&self, space: &StateSpace, x: Letter, clean: Letter, alpha: f64, u: f64) -> Letter {
        let [to_clean, to_x] = self.shares(space, x, clean, alpha);
        if u < to_clean {
            return clean;
        }
        if u < to_clean + to_x {
            return x;
        }
        let rest = 1.0 - to_clean - to_x;
        if rest <= 0.0 { x } else { redraw(space, (u - to_clean - to_x) / rest) }
    }

    /// Writes the law of the letter after the step, one number for each letter that a noised token
    /// can have.
    ///
    /// # Panics
    /// Panics if `out` has another length.
    pub fn law(&self, space: &StateSpace, x: Letter, clean: Letter, alpha: f64, out: &mut [f64]) {
        assert_eq!(out.len(), space.letters(), "one number for each letter of a noised token");
        let [to_clean, to_x] = self.shares(space, x, clean, alpha);
        let rest = (1.0 - to_clean - to_x).max(0.0);
        for (y, out) in out.iter_mut().enumerate() {
            *out = rest * space.prior(y as Letter);
        }
        out[clean as usize] += to_clean;
        out[x as usize] += to_x;
    }
}

/// Returns the letter of π at the uniform `u`.
pub(crate) fn redraw(space: &StateSpace, u: f64) -> Letter {
    if let Some(mask) = space.mask() {
        return mask;
    }
    let vocab = space.vocab();
    let mut sum = 0.0;
    for y in 0..vocab {
        sum += space.prior(y as Letter);
        if u < sum {
            return y as Letter;
        }
    }
    vocab as Letter - 1
}

fn check(alpha: f64, to: f64) -> Result<()> {
    for (name, value) in [("alpha", alpha), ("to", to)] {
        if !(0.0..=1.0).contains(&value) {
            return Err(Error::argument("bad survival").at(name).expected("0 to 1").got(value.to_string()));
        }
    }
    if alpha == 1.0 {
        return Err(Error::argument("a row cannot start without noise")
            .at("alpha")
            .expected("a survival below 1")
            .got("1"));
    }
    Ok(())
}

/// Returns the rate R_η of one jump, from the forward rate q and its reversal r.
pub(crate) fn split(q: f64, r: f64, eta: f64) -> f64 {
    let square = eta * eta;
    (r - q).max(0.5 * (1.0 + square) * r - 0.5 * (1.0 - square) * q).max(0.0)
}

/// Computes the rates at which one token leaves letter `x` in the reverse process of split
/// η = h/g.
///
/// Rates are per unit of survival, so a step from α_s to α_t has length α_t − α_s. With
/// q = Q(x, y) the forward rate and r = Q(y, x) p(y)/p(x) its reversal,
///
/// $$R_\eta(x, y) = \max\Big(0,\; r - q,\; \tfrac{1+\eta^2}{2} r - \tfrac{1-\eta^2}{2} q\Big).$$
///
/// η = 0 has the fewest jumps, η = 1 is the time reversal, and η > 1 adds jumps in both directions.
/// `out` has one number for each letter that a noised token can have; that of `x` is 0.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, rates};
/// let space = StateSpace::new(Noise::Masked, 2, 1)?;
/// let mut out = [0.0; 3];
/// rates(&space, &[0.25, 0.75], 2, 0.5, 1.0, &mut out)?;
/// assert_eq!(out, [0.5, 1.5, 0.0]);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if a rate is infinite, which it is at survival 0 except under masked noise, and
/// if a masked token has probability 0.
pub fn rates(space: &StateSpace, d: &[f64], x: Letter, alpha: f64, eta: f64, out: &mut [f64]) -> Result<()> {
    let mut law = vec![0.0; space.letters()];
    conditional(space, d, alpha, &mut law);
    let own = law[x as usize];
    for (y, out) in out.iter_mut().enumerate() {
        let letter = y as Letter;
        if letter == x {
            *out = 0.0;
            continue;
        }
        // The forward rate is π(y)/α. The quotient of the conditional law by α stays finite at
        // survival 0 if π(y) is 0.
        let [q, scaled] = match space.prior(letter) {
            0.0 => [0.0, d.get(y).copied().unwrap_or(0.0)],
            prior => [prior / alpha, law[y] / alpha],
        };
        let back = space.prior(x);
        let r = if back == 0.0 { 0.0 } else { back * scaled / own };
        *out = split(q, r, eta);
        // An infinite forward rate alone leaves the rate at 0, unless η > 1 adds jumps.
        if !(r.is_finite() && out.is_finite()) {
            return Err(Error::singular("a rate is infinite")
                .at(format!("letter {x} to {y}"))
                .expected("a survival above 0 and below 1")
                .got(alpha.to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Noise;

    fn spaces() -> Vec<StateSpace> {
        let prior = Noise::Prior(vec![0.5, 0.3, 0.2]);
        [Noise::Masked, Noise::Uniform, prior].map(|noise| StateSpace::new(noise, 3, 1).unwrap()).into()
    }

    /// Law of a token at survival `alpha` with clean letter `clean`.
    fn noised(space: &StateSpace, clean: Letter, alpha: f64) -> Vec<f64> {
        (0..space.letters() as Letter).map(|y| space.transition(alpha, clean, y)).collect()
    }

    #[test]
    fn every_step_has_the_marginals_of_its_levels() {
        let steps = |alpha: f64, to: f64| {
            let mut steps = vec![Jump::of(alpha, to, 0.0, 0.0).unwrap(), Jump::reversal(alpha, to).unwrap()];
            steps.extend([0.0, 0.4, 1.0].map(|rho| Jump::row(alpha, to, rho).unwrap()));
            steps.push(Jump::of(alpha, to, 0.3, 0.1).unwrap());
            steps
        };
        for space in spaces() {
            for step in steps(0.3, 0.55) {
                for clean in 0..3 {
                    let (before, wanted) = (noised(&space, clean, 0.3), noised(&space, clean, 0.55));
                    let (mut after, mut law) = (vec![0.0; space.letters()], vec![0.0; space.letters()]);
                    for (x, weight) in before.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
                        step.law(&space, x as Letter, clean, 0.3, &mut law);
                        after.iter_mut().zip(&law).for_each(|(after, law)| *after += weight * law);
                    }
                    for (after, wanted) in after.iter().zip(&wanted) {
                        assert!((after - wanted).abs() < 1e-14, "{space}: {step:?}");
                    }
                    assert!((step.survival(0.3) - 0.55).abs() < 1e-14);
                }
            }
        }
    }

    #[test]
    fn forward_rows_are_the_forward_process() {
        for space in spaces() {
            let (alpha, to) = (0.8, 0.3);
            let rho = (1.0 - alpha) * to / ((1.0 - to) * alpha);
            let step = Jump::row(alpha, to, rho).unwrap();
            for x in 0..3 {
                // The clean letter plays no part.
                for clean in 0..3 {
                    let mut law = vec![0.0; space.letters()];
                    if x != clean && space.is_masked() {
                        continue;
                    }
                    step.law(&space, x, clean, alpha, &mut law);
                    let wanted = noised(&space, x, to / alpha);
                    if x != clean {
                        assert!((law[clean as usize] - wanted[clean as usize]).abs() < 1e-14);
                    }
                }
            }
        }
        assert!(Jump::row(0.8, 0.3, 0.9).is_err());
    }

    #[test]
    fn draws_follow_the_law() {
        for space in spaces() {
            let step = Jump::row(0.3, 0.6, 0.4).unwrap();
            for x in 0..space.letters() as Letter {
                for clean in 0..3 {
                    let mut law = vec![0.0; space.letters()];
                    step.law(&space, x, clean, 0.3, &mut law);
                    let mut count = vec![0.0; space.letters()];
                    for k in 0..10_000 {
                        let letter = step.take(&space, x, clean, 0.3, (f64::from(k) + 0.5) / 1e4);
                        count[letter as usize] += 1e-4;
                    }
                    for (count, law) in count.iter().zip(&law) {
                        // A stratum is cut at each of at most four borders.
                        assert!((count - law).abs() < 5e-4, "{space}, {x} from {clean}: {count} {law}");
                    }
                }
            }
        }
    }

    #[test]
    fn remasking_is_the_published_one() {
        // ReMDM: remask with probability 0.2, unmask with (α_t − (1 − 0.2) α_s)/(1 − α_s).
        let (alpha, to, remask) = (0.3, 0.6, 0.2);
        let step = Jump::row(alpha, to, 1.0 - remask / (1.0 - to)).unwrap();
        assert!((step.remask - remask).abs() < 1e-15);
        assert!((step.unmask - (to - (1.0 - remask) * alpha) / (1.0 - alpha)).abs() < 1e-15);
    }

    #[test]
    fn rates_of_one_token_reverse_its_law() {
        // One token whose clean law is D: dp/dα must be p R, for every η.
        let d = [0.6, 0.3, 0.1];
        for space in spaces() {
            let (alpha, step) = (0.4, 1e-5);
            let law = |alpha: f64| {
                let mut law = vec![0.0; space.letters()];
                conditional(&space, &d, alpha, &mut law);
                law
            };
            for eta in [0.0, 0.5, 1.0, 1.7] {
                let (p, mut change, mut out) = (law(alpha), vec![0.0; space.letters()], vec![0.0; space.letters()]);
                for x in 0..space.letters() {
                    rates(&space, &d, x as Letter, alpha, eta, &mut out).unwrap();
                    change.iter_mut().zip(&out).for_each(|(change, rate)| *change += p[x] * rate);
                    change[x] -= p[x] * out.iter().sum::<f64>();
                }
                let (up, down) = (law(alpha + step), law(alpha - step));
                for (y, change) in change.iter().enumerate() {
                    assert!((change - (up[y] - down[y]) / (2.0 * step)).abs() < 1e-9, "{space}, eta {eta}");
                }
            }
        }
        // A revealed token of masked noise stays at survival 0, where the forward rate is infinite.
        let mut out = [1.0; 4];
        rates(&spaces()[0], &[0.0, 1.0, 0.0], 1, 0.0, 1.0, &mut out).unwrap();
        assert_eq!(out, [0.0; 4]);
        assert!(rates(&spaces()[0], &[0.0, 1.0, 0.0], 1, 0.0, 1.5, &mut out).unwrap_err().is_singular());
        let uniform = &spaces()[1];
        assert!(rates(uniform, &d, 0, 0.0, 1.0, &mut [0.0; 3]).unwrap_err().is_singular());
    }
}
