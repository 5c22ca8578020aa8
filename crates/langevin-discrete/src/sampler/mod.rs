//! The plans of known samplers.
//!
//! Grids are survivals from 0 to 1 ([`even`], [`cosine`]); orders are [`Order`]s. A plan of tokens
//! does not name a network: any [`Denoiser`](crate::Denoiser) of the same space runs it.
//!
//! [`Entry`] is the catalogue of named samplers, and a [`Request`](crate::Request) compiles them.
//! The functions below are the same plans without names and options.
//!
//! | function | names in the literature | step |
//! |---|---|---|
//! | [`ancestral`] | D3PM, MDLM, SEDD (analytic) | the exact reverse of the forward process |
//! | [`coupling`] | discrete flow matching | clean tokens stay, noised tokens only become clean |
//! | [`row`] | multinomial DDIM, ReMDM | the row that keeps a share ρ of the noise |
//! | [`remask`] | ReMDM | clean tokens are masked again by a [`Schedule`] |
//! | [`psi`] | Ψ-samplers | a mixture of the exact reverse and of fresh noise |
//! | [`forward_backward`] | forward–backward, Campbell's corrector | too far, then back by the forward process |
//! | [`tau_leaping`] | τ-leaping, Euler (Campbell, SEDD) | along rates of any split η |
//! | [`theta_trapezoidal`] | θ-trapezoidal (arXiv 2502.00234) | two evaluations, extrapolated rates |
//! | [`sizes`] | first-hitting, MaskGIT, LLaDA, Dream | a number of tokens in an order |
//! | [`entropy_bound`] | entropy-bounded sampler (arXiv 2505.24857) | all tokens within a bound |
//! | [`threshold`] | Fast-dLLM (arXiv 2505.22618) | all tokens whose drawn letter is probable |
//! | [`blocks`] | semi-autoregressive, BD3-LM | block by block from left to right |
//! | [`gibbs`] | Gibbs, leave-one-out corrector | ancestral steps, then random tokens from their conditional laws |

mod catalogue;
mod cite;
mod knob;
mod names;
mod order;
mod write;

pub use catalogue::{Entry, Noises, explain};
pub use knob::Knob;
pub(crate) use knob::Settings;
pub use order::Order;
pub(crate) use write::Net;
pub use write::Schedule;

use crate::plan::Plan;
use crate::space::StateSpace;
use langevin::{Error, Grid, Process, Result};
use std::fmt;
use std::str::FromStr;

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

/// Returns the order in which every place is as far as possible from all earlier ones, from place 0
/// on.
///
/// ```
/// use langevin_discrete::sampler::far_apart;
/// assert_eq!(far_apart(9), [0, 8, 4, 2, 6, 1, 3, 5, 7]);
/// ```
#[must_use]
pub fn far_apart(length: usize) -> Vec<u32> {
    let mut distance = vec![usize::MAX; length];
    let mut order = Vec::with_capacity(length);
    for _ in 0..length {
        let far = (0..length).fold(0, |best, place| if distance[place] > distance[best] { place } else { best });
        order.push(far as u32);
        distance.iter_mut().enumerate().for_each(|(place, own)| *own = (*own).min(place.abs_diff(far)));
    }
    order
}

/// Returns the survivals of a grid of levels of any process, with the start moved to survival 0.
///
/// The grid's noisiest level has a small survival, at which pure noise is an approximation. A plan
/// of tokens starts from pure noise, so its first level is 0.
///
/// ```
/// use langevin::{Grid, Process};
/// use langevin_discrete::sampler;
/// let list = sampler::survivals(&Grid::karras(4), &Process::ve(), 0.01, 80.0)?;
/// assert_eq!((list.len(), list[0], list[4]), (5, 0.0, 1.0));
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the grid has no levels in the range, or does not end at clean data.
pub fn survivals(grid: &Grid, process: &Process, sigma_min: f64, sigma_max: f64) -> Result<Vec<f64>> {
    let levels = grid.levels(process, sigma_min, sigma_max)?;
    let mut survivals: Vec<f64> = levels.iter().map(crate::survival).collect();
    if let Some(first) = survivals.first_mut() {
        *first = 0.0;
    }
    ascending(&survivals)?;
    Ok(survivals)
}

/// The survivals of a sampler's steps.
///
/// ```
/// use langevin_discrete::sampler::Survivals;
/// let grid: Survivals = "list:0,0.5,1".parse()?;
/// assert_eq!(grid.levels(2)?, [0.0, 0.5, 1.0]);
/// assert_eq!(Survivals::Cosine.to_string(), "cosine");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Survivals {
    /// Evenly spaced, see [`even`].
    #[default]
    Even,
    /// The schedule of masked image models, see [`cosine`].
    Cosine,
    /// These survivals, from 0 to 1.
    List(Vec<f64>),
}

impl Survivals {
    /// Names of the grids.
    pub const NAMES: [&'static str; 3] = ["even", "cosine", "list:0,…,1"];

    /// Returns the survivals of `steps` steps, from 0 to 1.
    ///
    /// # Errors
    /// Returns an error if there is no step, or if a list has another number of steps or does not
    /// ascend from 0 to 1.
    pub fn levels(&self, steps: usize) -> Result<Vec<f64>> {
        let levels = match self {
            Self::Even => even(steps),
            Self::Cosine => cosine(steps),
            Self::List(list) => list.clone(),
        };
        ascending(&levels)?;
        if levels.len() != steps + 1 {
            return Err(Error::argument("the list of survivals has another number of steps")
                .at("`steps`")
                .expected((levels.len() - 1).to_string())
                .got(steps.to_string()));
        }
        Ok(levels)
    }
}

impl fmt::Display for Survivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Even => f.write_str("even"),
            Self::Cosine => f.write_str("cosine"),
            Self::List(list) => {
                let list: Vec<String> = list.iter().map(f64::to_string).collect();
                write!(f, "list:{}", list.join(","))
            }
        }
    }
}

impl FromStr for Survivals {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "even" => return Ok(Self::Even),
            "cosine" => return Ok(Self::Cosine),
            _ => {}
        }
        let Some(list) = text.strip_prefix("list:") else {
            return Err(Error::unknown("grid of survivals", text, &Self::NAMES));
        };
        let list: Option<Vec<f64>> = list.split(',').map(|value| value.trim().parse().ok()).collect();
        let list = list.ok_or_else(|| {
            Error::argument("bad list of survivals").expected("numbers with commas, as in list:0,0.5,1").got(text)
        })?;
        ascending(&list)?;
        Ok(Self::List(list))
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

/// Returns the sampler that reverses the forward process exactly, one step for each pair of levels.
///
/// # Errors
/// Returns an error if the survivals do not ascend from 0 to 1.
pub fn ancestral(space: &StateSpace, survivals: &[f64]) -> Result<Plan> {
    write::ancestral(space, Net::default(), survivals)
}

/// Returns the sampler in which clean tokens stay and noised tokens become clean or stay: discrete
/// flow matching.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, sampler};
/// let space = StateSpace::new(Noise::Uniform, 27, 12)?;
/// assert_eq!(sampler::coupling(&space, &sampler::even(4))?.nfe(), 4);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the survivals do not ascend from 0 to 1.
pub fn coupling(space: &StateSpace, survivals: &[f64]) -> Result<Plan> {
    write::coupling(space, Net::default(), survivals)
}

/// Returns the sampler whose steps keep the share `rho` of the noise: 1 is the plug-in bridge, and
/// smaller values remask (ReMDM).
///
/// # Errors
/// Returns an error if the survivals do not ascend from 0 to 1, or ρ is not in 0 to 1.
pub fn row(space: &StateSpace, survivals: &[f64], rho: f64) -> Result<Plan> {
    write::row(space, Net::default(), survivals, rho)
}

/// Returns the sampler that masks clean tokens again with the probabilities of a schedule (ReMDM).
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, sampler, sampler::Schedule};
/// let space = StateSpace::new(Noise::Masked, 27, 12)?;
/// let plan = sampler::remask(&space, &sampler::even(4), Schedule::Cap(0.1))?;
/// assert!(plan.lint().is_clean());
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the noise has no mask or the survivals do not ascend from 0 to 1.
pub fn remask(space: &StateSpace, survivals: &[f64], schedule: Schedule) -> Result<Plan> {
    write::remask(space, Net::default(), survivals, schedule)
}

/// Returns the Ψ-sampler: the share `kappa` of the exact reverse, and fresh noise of the next level
/// for the rest.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, sampler};
/// let space = StateSpace::new(Noise::Uniform, 27, 12)?;
/// assert!(sampler::psi(&space, &sampler::even(4), 0.9)?.lint().is_clean());
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the survivals do not ascend from 0 to 1, or κ is not in 0 to 1.
pub fn psi(space: &StateSpace, survivals: &[f64], kappa: f64) -> Result<Plan> {
    write::psi(space, Net::default(), survivals, kappa)
}

/// Returns the sampler that steps too far and comes back by the forward process, which keeps the
/// share `rho` of the noise.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, sampler};
/// let space = StateSpace::new(Noise::Masked, 27, 12)?;
/// // Every step but the last has a jump back, without an evaluation.
/// let plan = sampler::forward_backward(&space, &sampler::even(4), 0.9)?;
/// assert_eq!((plan.nfe(), plan.ops().len()), (4, 16));
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the survivals do not ascend from 0 to 1, or ρ is not above 0 and at most 1.
pub fn forward_backward(space: &StateSpace, survivals: &[f64], rho: f64) -> Result<Plan> {
    write::forward_backward(space, Net::default(), survivals, rho)
}

/// Returns the sampler that follows the rates of split `eta` in steps of their own length.
///
/// Rates are infinite at survival 0 except under masked noise, so the first step is then the exact
/// reverse. The last step goes to 1 − 1e-3 and draws what is left from the posterior.
///
/// # Errors
/// Returns an error if the survivals do not ascend from 0 to 1.
pub fn tau_leaping(space: &StateSpace, survivals: &[f64], eta: f64) -> Result<Plan> {
    write::tau_leaping(space, Net::default(), survivals, eta)
}

/// Returns the θ-trapezoidal sampler: two evaluations a step, the second at the share `theta` of
/// it, with extrapolated rates (arXiv 2502.00234).
///
/// # Errors
/// Returns an error if the noise has no mask, the survivals do not ascend from 0 to 1, or θ is not
/// between 0 and 1.
pub fn theta_trapezoidal(space: &StateSpace, survivals: &[f64], theta: f64) -> Result<Plan> {
    write::theta_trapezoidal(space, Net::default(), survivals, theta)
}

/// Returns the sampler that unmasks groups of these sizes in an order.
///
/// Groups of one token in random order give the exact samples of the network (first-hitting).
///
/// # Errors
/// Returns an error if the noise has no mask, the sizes do not add up to the length, or a fixed
/// order is no permutation.
pub fn sizes(space: &StateSpace, sizes: &[usize], order: &Order) -> Result<Plan> {
    write::sizes(space, Net::default(), sizes, order, false)
}

/// Returns the sampler that unmasks block after block from left to right, each in `steps` groups.
///
/// # Errors
/// Returns an error if the noise has no mask, or the block length is 0.
pub fn blocks(space: &StateSpace, block: usize, steps: usize, order: &Order) -> Result<Plan> {
    write::blocks(space, Net::default(), block, steps, order)
}

/// Returns the entropy-bounded sampler: each step unmasks, smallest entropy first, all tokens whose
/// entropies before the last one add up to at most `bound` nats; the last of `steps` steps unmasks
/// the rest.
///
/// # Errors
/// Returns an error if the noise has no mask, or there is no step.
pub fn entropy_bound(space: &StateSpace, bound: f64, steps: usize) -> Result<Plan> {
    write::entropy_bound(space, Net::default(), bound, steps)
}

/// Returns the sampler that unmasks all tokens whose drawn letter has at least the probability
/// `above`, and the most probable one in any case; the last of `steps` steps unmasks the rest.
///
/// The order looks at the drawn letter, so the samples are biased at any number of evaluations.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, sampler};
/// let space = StateSpace::new(Noise::Masked, 27, 12)?;
/// assert_eq!(sampler::threshold(&space, 0.9, 5)?.nfe(), 5);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the noise has no mask, or there is no step.
pub fn threshold(space: &StateSpace, above: f64, steps: usize) -> Result<Plan> {
    write::threshold(space, Net::default(), above, steps)
}

/// Returns the ancestral sampler with a corrector for uniform or prior noise: at each level, before
/// the last one, `sweeps` rounds redraw `count` random tokens from their conditional laws.
///
/// A round of one token leaves the law of the level unchanged. Every round costs one evaluation.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, sampler};
/// let space = StateSpace::new(Noise::Uniform, 27, 12)?;
/// assert_eq!(sampler::gibbs(&space, &sampler::even(4), 2, 1)?.nfe(), 4 + 3 * 2);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the noise has a mask, since a masked network has no leave-one-out prediction
/// of revealed tokens, or if the survivals do not ascend from 0 to 1.
pub fn gibbs(space: &StateSpace, survivals: &[f64], sweeps: usize, count: usize) -> Result<Plan> {
    write::gibbs(space, Net::default(), survivals, sweeps, count)
}
