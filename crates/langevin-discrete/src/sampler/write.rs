//! Writing the plans of known samplers, with guidance and the shape of the drawn distributions.

use super::{Order, ascending, even_sizes};
use crate::moves::Jump;
use crate::plan::{Beliefs, By, Draft, How, Plan, Shape, Take, Tokens};
use crate::space::StateSpace;
use langevin::{Error, Result};

/// Reading of the network: the weight of classifier-free guidance, and the shape of the
/// distributions that are drawn from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Net {
    pub(crate) guidance: Option<f64>,
    pub(crate) shape: Shape,
}

impl Net {
    /// Evaluates the network: D, guided.
    fn eval(self, draft: &mut Draft, x: Tokens, alpha: f64) -> Beliefs {
        let Some(weight) = self.guidance else { return draft.eval(x, alpha) };
        let [main, other] = draft.eval_both(x, alpha);
        draft.blend(&[(weight, main), (1.0 - weight, other)], How::Log, Shape::default())
    }

    /// Returns D with the shape of the request. Orders look at D, and draws look at this.
    fn shaped(self, draft: &mut Draft, d: Beliefs) -> Beliefs {
        if self.shape == Shape::default() { d } else { draft.blend(&[(1.0, d)], How::Linear, self.shape) }
    }

    /// Draws clean letters from the posterior at survival `alpha`.
    fn clean(self, draft: &mut Draft, x: Tokens, alpha: f64) -> Tokens {
        let d = self.eval(draft, x, alpha);
        let d = self.shaped(draft, d);
        // Under masked noise D is the posterior already.
        let posterior = if draft.space().is_masked() { d } else { draft.posterior(d, x, alpha) };
        draft.draw(posterior)
    }

    /// Evaluates the network and returns the rates of split `eta`.
    fn rates(self, draft: &mut Draft, x: Tokens, alpha: f64, eta: f64) -> Beliefs {
        let d = self.eval(draft, x, alpha);
        let d = self.shaped(draft, d);
        draft.rates(d, x, alpha, eta)
    }

    /// Moves tokens by four numbers.
    fn step(self, draft: &mut Draft, x: Tokens, alpha: f64, jump: Jump) -> Tokens {
        let clean = self.clean(draft, x, alpha);
        draft.jump(x, clean, alpha, jump)
    }
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

/// Returns an error unless `value` is in the range.
fn within(name: &str, value: f64, fits: bool, expected: &str) -> Result<()> {
    if fits {
        return Ok(());
    }
    Err(Error::argument("bad number of a sampler").at(name).expected(expected).got(value.to_string()))
}

/// Returns the sampler of the steps `jump`, each from one level to the next.
fn steps(
    name: String,
    space: &StateSpace,
    net: Net,
    survivals: &[f64],
    jump: impl Fn(f64, f64) -> Result<Jump>,
) -> Result<Plan> {
    ascending(survivals)?;
    let mut draft = Draft::new(name, space);
    let mut x = draft.start();
    for pair in survivals.windows(2) {
        x = net.step(&mut draft, x, pair[0], jump(pair[0], pair[1])?);
    }
    draft.finish(x)
}

/// Returns the step of the exact reverse.
fn exact(space: &StateSpace, alpha: f64, to: f64) -> Result<Jump> {
    match space.is_masked() {
        true => Jump::row(alpha, to, 1.0),
        false => Jump::reversal(alpha, to),
    }
}

pub(super) fn ancestral(space: &StateSpace, net: Net, survivals: &[f64]) -> Result<Plan> {
    steps("ancestral".to_owned(), space, net, survivals, |alpha, to| exact(space, alpha, to))
}

pub(super) fn coupling(space: &StateSpace, net: Net, survivals: &[f64]) -> Result<Plan> {
    steps("coupling".to_owned(), space, net, survivals, |alpha, to| Jump::of(alpha, to, 0.0, 0.0))
}

pub(super) fn row(space: &StateSpace, net: Net, survivals: &[f64], rho: f64) -> Result<Plan> {
    steps(format!("row rho={rho}"), space, net, survivals, |alpha, to| Jump::row(alpha, to, rho))
}

pub(super) fn psi(space: &StateSpace, net: Net, survivals: &[f64], kappa: f64) -> Result<Plan> {
    within("kappa", kappa, (0.0..=1.0).contains(&kappa), "0 to 1")?;
    steps(format!("psi kappa={kappa}"), space, net, survivals, |alpha, to| {
        let noise = (1.0 - kappa) * (1.0 - to);
        let fresh = if space.is_masked() { 0.0 } else { kappa * Jump::reversal(alpha, to)?.fresh() + noise };
        Jump::of(alpha, to, noise, fresh)
    })
}

/// Probabilities with which clean tokens are masked again (ReMDM, arXiv 2503.00307).
///
/// The largest probability that keeps the marginals is m = min(1, σ_t/α_s).
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, sampler, sampler::Schedule};
/// let space = StateSpace::new(Noise::Masked, 27, 12)?;
/// // Ten steps, of which four stay at survival 0.8 and remask.
/// let schedule = Schedule::Loop { eta: 0.05, hold: 0.8, on: 0.6, off: 0.2 };
/// assert_eq!(sampler::remask(&space, &sampler::even(10), schedule)?.nfe(), 10);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    /// min(η, m).
    Cap(f64),
    /// η·m.
    Rescale(f64),
    /// No remasking until survival `hold`, then steps that stay there and remask with min(η, m),
    /// then no remasking.
    Loop {
        /// The cap η.
        eta: f64,
        /// Survival that is held.
        hold: f64,
        /// Time at which the loop begins; time runs from 1 to 0 over the steps.
        on: f64,
        /// Time at which the loop ends.
        off: f64,
    },
}

pub(super) fn remask(space: &StateSpace, net: Net, survivals: &[f64], schedule: Schedule) -> Result<Plan> {
    masked(space, "remask")?;
    ascending(survivals)?;
    let most = |alpha: f64, to: f64| if alpha > 0.0 { ((1.0 - to) / alpha).min(1.0) } else { 0.0 };
    let (Schedule::Cap(eta) | Schedule::Rescale(eta) | Schedule::Loop { eta, .. }) = schedule;
    within("eta", eta, (0.0..=1.0).contains(&eta), "0 to 1")?;
    let (name, levels) = match schedule {
        Schedule::Cap(_) => ("cap", survivals.to_vec()),
        Schedule::Rescale(_) => ("rescale", survivals.to_vec()),
        Schedule::Loop { hold, on, off, .. } => {
            within("hold", hold, hold > 0.0 && hold < 1.0, "between 0 and 1")?;
            within("on", on, on > off && on < 1.0 && off > 0.0, "above `off`, both between 0 and 1")?;
            ("loop", looped(survivals.len() - 1, hold, on, off)?)
        }
    };
    let mut draft = Draft::new(format!("remask schedule={name} eta={eta}"), space);
    let mut x = draft.start();
    for pair in levels.windows(2) {
        let [alpha, to] = [pair[0], pair[1]];
        let remask = match schedule {
            Schedule::Cap(eta) => eta.min(most(alpha, to)),
            Schedule::Rescale(eta) => eta * most(alpha, to),
            Schedule::Loop { eta, .. } if alpha == to => eta.min(most(alpha, to)),
            Schedule::Loop { .. } => 0.0,
        };
        x = net.step(&mut draft, x, alpha, Jump::of(alpha, to, remask, 0.0)?);
    }
    draft.finish(x)
}

/// Returns the levels of a loop: up to `hold`, steps that stay there, and the rest.
fn looped(steps: usize, hold: f64, on: f64, off: f64) -> Result<Vec<f64>> {
    let share = |time: f64| ((time * steps as f64).round() as usize).max(1);
    let (before, after) = (share(1.0 - on), share(off));
    let Some(inside) = steps.checked_sub(before + after) else {
        return Err(Error::argument("too few steps for a loop")
            .at("`steps`")
            .expected(format!("{} or more", before + after))
            .got(steps.to_string()));
    };
    let mut levels = vec![0.0];
    levels.extend((1..=before).map(|k| hold * k as f64 / before as f64));
    levels.extend(std::iter::repeat_n(hold, inside));
    levels.extend((1..after).map(|k| hold + (1.0 - hold) * k as f64 / after as f64));
    levels.push(1.0);
    Ok(levels)
}

pub(super) fn forward_backward(space: &StateSpace, net: Net, survivals: &[f64], rho: f64) -> Result<Plan> {
    ascending(survivals)?;
    within("rho", rho, rho > 0.0 && rho <= 1.0, "above 0 and at most 1")?;
    let mut draft = Draft::new(format!("forward-backward rho={rho}"), space);
    let mut x = draft.start();
    for pair in survivals.windows(2) {
        let [alpha, to] = [pair[0], pair[1]];
        // The forward process keeps the share ρ of the noise, in σ/α, between `far` and `to`.
        let far = to / (to + rho * (1.0 - to));
        x = net.step(&mut draft, x, alpha, exact(space, alpha, far)?);
        if to < 1.0 && far > to {
            // A token is redrawn with the same probability, noised or not. The clean letter is the
            // token itself, so no network takes part.
            let redrawn = 1.0 - to / far;
            x = draft.jump(x, x, far, Jump { remask: redrawn, unmask: 1.0 - redrawn, keep: 0.0 });
        }
    }
    draft.finish(x)
}

pub(super) fn tau_leaping(space: &StateSpace, net: Net, survivals: &[f64], eta: f64) -> Result<Plan> {
    ascending(survivals)?;
    within("eta", eta, (0.0..=1e6).contains(&eta), "0 to 1e6")?;
    let mut draft = Draft::new(format!("tau-leaping eta={eta}"), space);
    let mut x = draft.start();
    for pair in survivals.windows(2) {
        let [alpha, to] = [pair[0], pair[1].min(NEARLY_CLEAN)];
        if alpha == 0.0 && !space.is_masked() {
            x = net.step(&mut draft, x, alpha, exact(space, alpha, to)?);
            continue;
        }
        let rates = net.rates(&mut draft, x, alpha, eta);
        x = draft.jump_along(x, rates, to - alpha);
    }
    last(draft, net, x)
}

/// Largest survival at which rates are used.
const NEARLY_CLEAN: f64 = 1.0 - 1e-3;

/// Finishes a plan: tokens that are still noised are drawn from the posterior.
fn last(mut draft: Draft, net: Net, x: Tokens) -> Result<Plan> {
    let end = Jump { remask: 0.0, unmask: 1.0, keep: 0.0 };
    let x = net.step(&mut draft, x, NEARLY_CLEAN, end);
    draft.finish(x)
}

pub(super) fn theta_trapezoidal(space: &StateSpace, net: Net, survivals: &[f64], theta: f64) -> Result<Plan> {
    masked(space, "theta-trapezoidal")?;
    ascending(survivals)?;
    within("theta", theta, theta > 0.0 && theta < 1.0, "between 0 and 1")?;
    let first = 1.0 / (2.0 * theta * (1.0 - theta));
    let second = first * ((1.0 - theta) * (1.0 - theta) + theta * theta);
    let mut draft = Draft::new(format!("theta-trapezoidal theta={theta}"), space);
    let mut x = draft.start();
    for pair in survivals.windows(2) {
        let [alpha, to] = [pair[0], pair[1].min(NEARLY_CLEAN)];
        let (length, middle) = (to - alpha, alpha + theta * (to - alpha));
        let here = net.rates(&mut draft, x, alpha, 1.0);
        let y = draft.jump_along(x, here, theta * length);
        let there = net.rates(&mut draft, y, middle, 1.0);
        let both = draft.blend(&[(first, there), (-second, here)], How::Linear, Shape::default());
        x = draft.jump_along(y, both, (1.0 - theta) * length);
    }
    last(draft, net, x)
}

pub(super) fn sizes(space: &StateSpace, net: Net, sizes: &[usize], order: &Order, anneal: bool) -> Result<Plan> {
    grouped(space, net, &[([0, space.length()], sizes.to_vec())], order, anneal, "sizes")
}

pub(super) fn blocks(space: &StateSpace, net: Net, block: usize, steps: usize, order: &Order) -> Result<Plan> {
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
    grouped(space, net, &ranges, order, false, "blocks")
}

/// Returns the sampler that unmasks groups within ranges of places, one range after the other.
///
/// With `anneal`, the noise on the scores falls linearly to 0 at the last group.
fn grouped(
    space: &StateSpace,
    net: Net,
    ranges: &[([usize; 2], Vec<usize>)],
    order: &Order,
    anneal: bool,
    name: &str,
) -> Result<Plan> {
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
    let mut draft = Draft::new(format!("{name} {}", order.name()), space);
    let mut x = draft.start();
    let (mut revealed, mut done) = (0, 0);
    let groups: usize = ranges.iter().map(|(_, sizes)| sizes.len()).sum();
    for (range, sizes) in ranges {
        let among = (ranges.len() > 1).then_some(*range);
        for size in sizes {
            done += 1;
            let order = if anneal { order.cooled(1.0 - done as f64 / groups as f64) } else { order.clone() };
            let d = net.eval(&mut draft, x, revealed as f64 / length as f64);
            let shaped = net.shaped(&mut draft, d);
            let clean = draft.draw(shaped);
            let by = order.by(&mut draft, d);
            let noise = order.noise(&mut draft);
            x = draft.select_among(clean, x, by, Take::Count(*size), among, noise);
            revealed += size;
        }
    }
    draft.finish(x)
}

pub(super) fn entropy_bound(space: &StateSpace, net: Net, bound: f64, steps: usize) -> Result<Plan> {
    rounds(space, net, steps, &Order::Entropy, Take::Bound(bound), &format!("entropy-bound bound={bound}"))
}

pub(super) fn threshold(space: &StateSpace, net: Net, above: f64, steps: usize) -> Result<Plan> {
    rounds(space, net, steps, &Order::Confidence(0.0), Take::Above(above), &format!("threshold above={above}"))
}

/// Returns the sampler of rounds that take a number of tokens which depends on the beliefs.
fn rounds(space: &StateSpace, net: Net, steps: usize, order: &Order, take: Take, name: &str) -> Result<Plan> {
    masked(space, name)?;
    if steps == 0 {
        return Err(Error::argument("no step").at("steps").expected("1 or more").got("0"));
    }
    let mut draft = Draft::new(name, space);
    let mut x = draft.start();
    for step in 1..=steps {
        // How many tokens are left is not known, so the level is that of even steps.
        let d = net.eval(&mut draft, x, (step - 1) as f64 / steps as f64);
        let shaped = net.shaped(&mut draft, d);
        let clean = draft.draw(shaped);
        let take = if step == steps { Take::Count(space.length()) } else { take };
        let by = order.by(&mut draft, d);
        x = draft.select(clean, x, by, take);
    }
    draft.finish(x)
}

pub(super) fn gibbs(space: &StateSpace, net: Net, survivals: &[f64], sweeps: usize, count: usize) -> Result<Plan> {
    if space.is_masked() {
        return Err(Error::argument("a masked network has no leave-one-out prediction of revealed tokens")
            .at("noise")
            .expected("uniform or prior")
            .got("masked"));
    }
    ascending(survivals)?;
    let mut draft = Draft::new(format!("gibbs sweeps={sweeps} count={count}"), space);
    let mut x = draft.start();
    for pair in survivals.windows(2) {
        let [alpha, to] = [pair[0], pair[1]];
        x = net.step(&mut draft, x, alpha, exact(space, alpha, to)?);
        for _ in 0..if to < 1.0 { sweeps } else { 0 } {
            let d = net.eval(&mut draft, x, to);
            let d = net.shaped(&mut draft, d);
            let law = draft.conditional(d, to);
            let fresh = draft.draw(law);
            let by = By::Random(draft.fresh());
            x = draft.select(fresh, x, by, Take::Count(count));
        }
    }
    draft.finish(x)
}
