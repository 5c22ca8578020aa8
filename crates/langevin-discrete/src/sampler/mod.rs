//! The plans of known samplers.
//!
//! Grids are survivals from 0 to 1 ([`even`], [`cosine`]); orders are [`Order`]s. A plan of tokens
//! does not name a network: any [`Denoiser`](crate::Denoiser) of the same space runs it.
//!
//! | function | names in the literature | step |
//! |---|---|---|
//! | [`ancestral`] | D3PM, MDLM, SEDD (analytic) | the exact reverse of the forward process |
//! | [`row`] | ReMDM, forward–backward, Ψ-samplers | the row that keeps a share ρ of the noise |
//! | [`tau_leaping`] | τ-leaping, Euler (Campbell, SEDD) | along rates of any split η |
//! | [`theta_trapezoidal`] | θ-trapezoidal (arXiv 2502.00234) | two evaluations, extrapolated rates |
//! | [`sizes`] | first-hitting, MaskGIT, LLaDA, Dream | a number of tokens in an order |
//! | [`entropy_bound`] | entropy-bounded sampler (arXiv 2505.24857) | all tokens within a bound |
//! | [`blocks`] | semi-autoregressive, BD3-LM | block by block from left to right |
//! | [`gibbs`] | Gibbs, leave-one-out corrector | one random token from its conditional law |

use crate::moves::Jump;
use crate::plan::{Beliefs, By, Draft, Plan, Take, Tokens};
use crate::space::StateSpace;
use langevin::{Error, Result};

/// Returns the evenly spaced survivals 0, 1/n, …, 1 of `n` steps.
///
/// ```
/// assert_eq!(langevin_discrete::sampler::even(4), [0.0, 0.25, 0.5, 0.75, 1.0]);
/// ```
#[must_use]
pub fn even(n: usize) -> Vec<f64> {
    (0..=n).map(|k| k as f64 / n.max(1) as f64).collect()
}

/// Returns the survivals 1 − cos(πk/2n) of the cosine schedule of masked image models, which
/// unmasks few tokens in the first steps.
///
/// ```
/// let grid = langevin_discrete::sampler::cosine(2);
/// assert!((grid[1] - (1.0 - 0.5_f64.sqrt())).abs() < 1e-15);
/// ```
#[must_use]
pub fn cosine(n: usize) -> Vec<f64> {
    let angle = |k: usize| std::f64::consts::FRAC_PI_2 * k as f64 / n.max(1) as f64;
    (0..=n).map(|k| if k == n { 1.0 } else { 1.0 - libm::cos(angle(k)) }).collect()
}

/// Returns group sizes that share `tokens` evenly among `n` steps, the larger groups last.
///
/// ```
/// assert_eq!(langevin_discrete::sampler::even_sizes(5, 3), [1, 2, 2]);
/// ```
#[must_use]
pub fn even_sizes(tokens: usize, n: usize) -> Vec<usize> {
    let n = n.clamp(1, tokens.max(1));
    (1..=n).map(|k| k * tokens / n - (k - 1) * tokens / n).collect()
}

/// Returns the group sizes of a grid of survivals: the tokens that are unmasked up to each level,
/// rounded, without empty steps.
///
/// ```
/// use langevin_discrete::sampler::{cosine, sizes_of};
/// assert_eq!(sizes_of(12, &cosine(4)), [1, 3, 3, 5]);
/// ```
#[must_use]
pub fn sizes_of(tokens: usize, survivals: &[f64]) -> Vec<usize> {
    let revealed = |alpha: &f64| (alpha * tokens as f64).round() as usize;
    survivals.windows(2).map(|pair| revealed(&pair[1]) - revealed(&pair[0])).filter(|size| *size > 0).collect()
}

/// Returns the order of places whose neighbours in time are far apart: the bits of the place,
/// reversed.
///
/// ```
/// assert_eq!(langevin_discrete::sampler::bit_reversed(8), [0, 4, 2, 6, 1, 5, 3, 7]);
/// ```
#[must_use]
pub fn bit_reversed(length: usize) -> Vec<u32> {
    let bits = usize::BITS - length.saturating_sub(1).leading_zeros();
    let reverse = |k: usize| if bits == 0 { 0 } else { k.reverse_bits() >> (usize::BITS - bits) };
    (0..1_usize << bits).map(reverse).filter(|place| *place < length).map(|place| place as u32).collect()
}

/// Order in which tokens are unmasked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Order {
    /// A random order, new in every step.
    Random,
    /// A fixed order of all places, the same in every sample.
    Fixed(Vec<u32>),
    /// Smallest entropy first.
    Entropy,
    /// Largest margin between the two most probable letters first.
    Margin,
    /// Largest probability of the drawn letter first, with Gumbel noise of this temperature.
    ///
    /// This order looks at the drawn letter, so the samples are biased at any number of
    /// evaluations.
    Confidence(f64),
}

impl Order {
    fn by(&self, draft: &mut Draft, d: Beliefs) -> By {
        match self {
            Self::Random => By::Random(draft.fresh()),
            Self::Fixed(order) => By::Order(order.clone()),
            Self::Entropy => Draft::by_entropy(d),
            Self::Margin => Draft::by_margin(d),
            Self::Confidence(_) => Draft::by_confidence(d),
        }
    }

    /// Returns the temperature of the noise on the scores, and its draw.
    fn noise(&self, draft: &mut Draft) -> Option<(f64, u32)> {
        match self {
            Self::Confidence(temperature) if *temperature > 0.0 => Some((*temperature, draft.fresh())),
            _ => None,
        }
    }
}

/// Checks that levels ascend from 0 to 1.
fn ascending(survivals: &[f64]) -> Result<()> {
    let ends = survivals.first() == Some(&0.0) && survivals.last() == Some(&1.0);
    if survivals.len() >= 2 && ends && survivals.windows(2).all(|pair| pair[0] < pair[1]) {
        return Ok(());
    }
    Err(Error::argument("bad survivals of a sampler")
        .at("survivals")
        .expected("two levels or more, ascending from 0 to 1")
        .got(format!("{survivals:?}")))
}

/// Returns an error for a sampler that needs a mask.
fn masked(space: &StateSpace, sampler: &str) -> Result<()> {
    if space.is_masked() {
        return Ok(());
    }
    Err(Error::argument(format!("the sampler '{sampler}' unmasks tokens"))
        .at("noise")
        .expected("masked")
        .got(space.noise().name()))
}

/// Returns the sampler that reverses the forward process exactly, one step for each pair of levels.
///
/// # Errors
/// Returns an error if the survivals do not ascend from 0 to 1.
pub fn ancestral(space: &StateSpace, survivals: &[f64]) -> Result<Plan> {
    steps("ancestral", space, survivals, |alpha, to| match space.is_masked() {
        true => Jump::row(alpha, to, 1.0),
        false => Jump::reversal(alpha, to),
    })
}

/// Returns the sampler whose steps keep the share `rho` of the noise: 1 is the plug-in bridge, and
/// smaller values remask (ReMDM).
///
/// # Errors
/// Returns an error if the survivals do not ascend from 0 to 1, or ρ is not in 0 to 1.
pub fn row(space: &StateSpace, survivals: &[f64], rho: f64) -> Result<Plan> {
    steps(&format!("row rho={rho}"), space, survivals, |alpha, to| Jump::row(alpha, to, rho))
}

/// Returns the sampler of the steps `jump`, each from one level to the next.
fn steps(name: &str, space: &StateSpace, survivals: &[f64], jump: impl Fn(f64, f64) -> Result<Jump>) -> Result<Plan> {
    ascending(survivals)?;
    let mut draft = Draft::new(name, space);
    let mut x = draft.start();
    for pair in survivals.windows(2) {
        let [alpha, to] = [pair[0], pair[1]];
        let clean = clean(&mut draft, x, alpha);
        x = draft.jump(x, clean, alpha, jump(alpha, to)?);
    }
    draft.finish(x)
}

/// Draws clean letters from the posterior at survival `alpha`.
fn clean(draft: &mut Draft, x: Tokens, alpha: f64) -> Tokens {
    let d = draft.eval(x, alpha);
    // Under masked noise D is the posterior already.
    let posterior = if draft.space().is_masked() { d } else { draft.posterior(d, x, alpha) };
    draft.draw(posterior)
}

/// Returns the sampler that follows the rates of split `eta` in steps of their own length.
///
/// Rates are infinite at survival 0 except under masked noise, so the first level is then raised to
/// 1e-3. The last step goes to 1 − 1e-3 and draws what is left from the posterior.
///
/// # Errors
/// Returns an error if the survivals do not ascend from 0 to 1.
pub fn tau_leaping(space: &StateSpace, survivals: &[f64], eta: f64) -> Result<Plan> {
    ascending(survivals)?;
    let mut draft = Draft::new(format!("tau-leaping eta={eta}"), space);
    let mut x = draft.start();
    for pair in survivals.windows(2) {
        let [alpha, to] = inner(space, pair);
        let d = draft.eval(x, alpha);
        let rates = draft.rates(d, x, alpha, eta);
        x = draft.jump_along(x, rates, to - alpha);
    }
    last(draft, x)
}

/// Largest survival at which rates are used.
const NEARLY_CLEAN: f64 = 1.0 - 1e-3;

/// Returns the ends of a step, at which rates are finite.
fn inner(space: &StateSpace, pair: &[f64]) -> [f64; 2] {
    let low = if space.is_masked() { 0.0 } else { 1.0 - NEARLY_CLEAN };
    [pair[0].max(low), pair[1].min(NEARLY_CLEAN)]
}

/// Finishes a plan: tokens that are still noised are drawn from the posterior.
fn last(mut draft: Draft, x: Tokens) -> Result<Plan> {
    let clean = clean(&mut draft, x, NEARLY_CLEAN);
    let end = Jump { remask: 0.0, unmask: 1.0, keep: 0.0 };
    let x = draft.jump(x, clean, NEARLY_CLEAN, end);
    draft.finish(x)
}

/// Returns the θ-trapezoidal sampler: two evaluations a step, the second at the share `theta` of
/// it, with extrapolated rates (arXiv 2502.00234).
///
/// # Errors
/// Returns an error if the survivals do not ascend from 0 to 1, or θ is not between 0 and 1.
pub fn theta_trapezoidal(space: &StateSpace, survivals: &[f64], theta: f64) -> Result<Plan> {
    ascending(survivals)?;
    if !(theta > 0.0 && theta < 1.0) {
        return Err(Error::argument("bad share of a step")
            .at("theta")
            .expected("between 0 and 1")
            .got(theta.to_string()));
    }
    let first = 1.0 / (2.0 * theta * (1.0 - theta));
    let second = first * ((1.0 - theta) * (1.0 - theta) + theta * theta);
    let mut draft = Draft::new(format!("theta-trapezoidal theta={theta}"), space);
    let mut x = draft.start();
    for pair in survivals.windows(2) {
        let [alpha, to] = inner(space, pair);
        let (length, middle) = (to - alpha, alpha + theta * (to - alpha));
        let d = draft.eval(x, alpha);
        let here = draft.rates(d, x, alpha, 1.0);
        let y = draft.jump_along(x, here, theta * length);
        let e = draft.eval(y, middle);
        let there = draft.rates(e, y, middle, 1.0);
        let both = draft.blend(&[(first, there), (-second, here)], crate::plan::How::Linear, Default::default());
        x = draft.jump_along(y, both, (1.0 - theta) * length);
    }
    last(draft, x)
}

/// Returns the sampler that unmasks groups of these sizes in an order.
///
/// Groups of one token in random order give the exact samples of the network (first-hitting).
///
/// # Errors
/// Returns an error if the noise has no mask, the sizes do not add up to the length, or a fixed
/// order is no permutation.
pub fn sizes(space: &StateSpace, sizes: &[usize], order: &Order) -> Result<Plan> {
    grouped(space, &[([0, space.length()], sizes.to_vec())], order, "sizes")
}

/// Returns the sampler that unmasks block after block from left to right, each in `steps` groups.
///
/// # Errors
/// Returns an error if the noise has no mask, or the block length is 0.
pub fn blocks(space: &StateSpace, block: usize, steps: usize, order: &Order) -> Result<Plan> {
    if block == 0 || steps == 0 {
        return Err(Error::argument("empty blocks")
            .at("block, steps")
            .expected("1 or more each")
            .got(format!("{block}, {steps}")));
    }
    let length = space.length();
    let ranges: Vec<([usize; 2], Vec<usize>)> = (0..length)
        .step_by(block)
        .map(|first| {
            let end = (first + block).min(length);
            ([first, end], even_sizes(end - first, steps))
        })
        .collect();
    grouped(space, &ranges, order, "blocks")
}

/// Returns the sampler that unmasks groups within ranges of places, one range after the other.
fn grouped(space: &StateSpace, ranges: &[([usize; 2], Vec<usize>)], order: &Order, name: &str) -> Result<Plan> {
    masked(space, name)?;
    let length = space.length();
    for ([first, end], sizes) in ranges {
        let total: usize = sizes.iter().sum();
        if total != end - first || sizes.contains(&0) {
            return Err(Error::argument("the sizes of the steps do not fit the sequence")
                .at("sizes")
                .expected(format!("positive sizes with the sum {}", end - first))
                .got(format!("{sizes:?}, the sum {total}")));
        }
    }
    let named = match order {
        Order::Random => "random",
        Order::Fixed(_) => "fixed",
        Order::Entropy => "entropy",
        Order::Margin => "margin",
        Order::Confidence(_) => "confidence",
    };
    let mut draft = Draft::new(format!("{name} {named}"), space);
    let mut x = draft.start();
    let mut revealed = 0;
    for (range, sizes) in ranges {
        let among = (ranges.len() > 1).then_some(*range);
        for size in sizes {
            let d = draft.eval(x, revealed as f64 / length as f64);
            let clean = draft.draw(d);
            let by = order.by(&mut draft, d);
            let noise = order.noise(&mut draft);
            x = draft.select_among(clean, x, by, Take::Count(*size), among, noise);
            revealed += size;
        }
    }
    draft.finish(x)
}

/// Returns the entropy-bounded sampler: each step unmasks, smallest entropy first, all tokens whose
/// entropies before the last one add up to at most `bound` nats; the last of `steps` steps unmasks
/// the rest.
///
/// # Errors
/// Returns an error if the noise has no mask, or there is no step.
pub fn entropy_bound(space: &StateSpace, bound: f64, steps: usize) -> Result<Plan> {
    masked(space, "entropy-bound")?;
    if steps == 0 {
        return Err(Error::argument("no step").at("steps").expected("1 or more").got("0"));
    }
    let mut draft = Draft::new(format!("entropy-bound {bound}"), space);
    let mut x = draft.start();
    for step in 1..=steps {
        // How many tokens are left is not known, so the level is that of even steps.
        let d = draft.eval(x, (step - 1) as f64 / steps as f64);
        let clean = draft.draw(d);
        let take = if step == steps { Take::Count(space.length()) } else { Take::Bound(bound) };
        x = draft.select(clean, x, Draft::by_entropy(d), take);
    }
    draft.finish(x)
}

/// Returns a sampler for uniform or prior noise: `sweeps` rounds at survival `alpha`, each of which
/// redraws `count` random tokens from their conditional laws; the last draws clean letters.
///
/// # Errors
/// Returns an error if the noise has a mask, since a masked network has no leave-one-out prediction
/// of revealed tokens.
pub fn gibbs(space: &StateSpace, alpha: f64, sweeps: usize, count: usize) -> Result<Plan> {
    if space.is_masked() {
        return Err(Error::argument("a masked network has no leave-one-out prediction of revealed tokens")
            .at("noise")
            .expected("uniform or prior")
            .got("masked"));
    }
    let mut draft = Draft::new(format!("gibbs survival={alpha}"), space);
    let mut x = draft.start();
    for _ in 0..sweeps {
        let d = draft.eval(x, alpha);
        let law = draft.conditional(d, alpha);
        let fresh = draft.draw(law);
        let by = By::Random(draft.fresh());
        x = draft.select(fresh, x, by, Take::Count(count));
    }
    let clean = clean(&mut draft, x, alpha);
    draft.finish(clean)
}
