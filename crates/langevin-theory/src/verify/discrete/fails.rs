//! Statements about continuous data that fail for tokens, measured.

use super::super::{Claim, Extra, Measured, worst};
use super::case::{Case, apart, derivative, entropy, kl};
use super::likelihood::{at, over_time};
use super::tokens::{forward_and_row, uneven};
use langevin::Result;
use langevin_discrete::exact::{self, Chain, Density};
use langevin_discrete::plan::Law;
use langevin_discrete::sampler::{self, Order};
use langevin_discrete::{Denoiser, Jump, Letter, Noise, Parameterization, StateSpace, conditional};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 126,
        claim: "no split is deterministic. Even at η = 0 a wrong start contracts, so there is no ODE and no encoding",
        source: "§5.1 does not carry over",
        measure: contraction,
    },
    Claim {
        number: 127,
        claim: "a forward step cannot keep the noise. ρ above σ_sα_t/(σ_tα_s) needs a negative probability",
        source: "§3 does not carry over",
        measure: inversion,
    },
    Claim {
        number: 128,
        claim: "only the exact reverse makes a reversible Langevin step; the other rows leave p_t invariant, no more",
        source: "§2 does not carry over",
        measure: irreversible,
    },
    Claim {
        number: 129,
        claim: "the bridge through the posterior mean is wrong under uniform noise; through D it is exact",
        source: "DDIM does not carry over",
        measure: plugged,
    },
    Claim {
        number: 130,
        claim: "η below 1 is nothing new under masked noise; above, it is ReMDM with remask rate κβ, η² = 1 + 2κ",
        source: "§3; arXiv 2503.00307",
        measure: empty,
    },
    Claim {
        number: 131,
        claim: "steps of several tokens err even with the exact network, in one step by the total correlation",
        source: "beyond; arXiv 2205.14987",
        measure: products,
    },
    Claim {
        number: 132,
        claim: "the order by confidence in drawn tokens is biased at any number of steps; orders by context are exact",
        source: "beyond; arXiv 2202.04200, 2502.09992",
        measure: confidence,
    },
    Claim {
        number: 133,
        claim: "the generalised KL of discrete flow matching is a looser bound for uniform and prior noise, the same for masked",
        source: "beyond; arXiv 2407.15595",
        measure: flow,
    },
];

/// Passes a figure on if a failure is as large as it is said to be.
fn if_seen(seen: bool, figures: impl IntoIterator<Item = f64>) -> f64 {
    if seen { worst(figures) } else { f64::INFINITY }
}

fn contraction(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    let mut shown = Vec::new();
    let mut falls = true;
    for case in Case::all()? {
        let time = 0.6;
        let (p, q) = (case.noised(&case.data, time), case.noised(&case.other, time));
        let rates = case.reverse(&case.data, time, 0.0)?;
        let w = |x: usize| p[x] / q[x];
        let mut wanted = 0.0;
        for x in 0..p.len() {
            for y in (0..p.len()).filter(|y| *y != x) {
                let u = w(y) / w(x);
                wanted -= p[x] * rates.at(x, y) * (u - 1.0 - libm::log(u));
            }
        }
        let found = derivative(1e-3, |step| {
            let kernel = rates.exp(step);
            kl(&kernel.after(&p), &kernel.after(&q))
        });
        figures.push((found - wanted).abs() / wanted.abs());
        let relative = found / kl(&p, &q);
        falls &= relative < -0.1;
        shown.push(format!("{relative:.3}"));
    }
    Ok(Measured::new(
        format!(
            "dKL/dτ of a wrong start at η = 0 against −Σ pR₀φ, relative; over KL, four noises: {}",
            shown.join(", ")
        ),
        if_seen(falls, figures),
        // Differences, as in D8.
        1e-9,
    ))
}

fn inversion(_: &Extra<'_>) -> Result<Measured> {
    let (alpha, to) = (0.55, 0.3);
    let limit = to * (1.0 - alpha) / (alpha * (1.0 - to));
    // At the limit a clean token can no longer stay clean but by chance: b = 0.
    let figure = Jump::row(alpha, to, limit)?.unmask.abs();
    let refused = [limit + 1e-6, 0.9, 1.0].iter().all(|rho| Jump::row(alpha, to, *rho).is_err());
    Ok(Measured::new(
        format!("b of the forward row at ρ = {limit:.4}; larger ρ, and ρ = 1 above all, are refused"),
        if_seen(refused && limit < 0.5, [figure]),
        1e-15,
    ))
}

fn irreversible(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    let mut shown = Vec::new();
    let mut seen = true;
    for case in Case::known()? {
        let Some(space) = &case.space else { continue };
        for rho in [0.4, 1.0] {
            let (p, both) = forward_and_row(&case, space, rho)?;
            figures.push(apart(&both.after(&p), &p));
            let uneven = uneven(&p, &both);
            // The row ρ = 1 of masked noise is the exact reverse.
            if space.is_masked() && rho == 1.0 {
                figures.push(uneven);
            } else {
                // Reversible steps are uneven by 10⁻¹⁷.
                seen &= uneven > 1e-5;
                shown.push(format!("{uneven:.1e}"));
            }
        }
    }
    Ok(Measured::new(
        format!(
            "change of p_t; uneven flows: masked ρ = 0.4 {}, uniform and prior ρ = 0.4 and 1 {}",
            shown[0],
            shown[1..].join(", ")
        ),
        if_seen(seen, figures),
        1e-14,
    ))
}

/// Returns the law of a token of letter x after a step, by Bayes' rule with `clean` as the law of
/// the clean token: proportional to (clean P_t)(y) P(y, x).
fn bridge(space: &StateSpace, clean: &[f64], x: Letter, alpha: f64, to: f64) -> Vec<f64> {
    let mut law = vec![0.0; space.letters()];
    conditional(space, clean, to, &mut law);
    for (y, law) in law.iter_mut().enumerate() {
        *law *= space.transition(alpha / to, y as Letter, x);
    }
    let sum: f64 = law.iter().sum();
    law.iter_mut().for_each(|law| *law /= sum);
    law
}

fn plugged(_: &Extra<'_>) -> Result<Measured> {
    let (alpha, to) = (0.3, 0.55);
    let d = [0.15, 0.6, 0.25];
    let mut figures = Vec::new();
    let mut wrong = [0.0_f64; 3];
    for (number, noise) in super::case::noises().into_iter().enumerate() {
        let space = StateSpace::new(noise, 3, 1)?;
        let seen = if let Some(mask) = space.mask() { vec![mask] } else { vec![0, 1, 2] };
        for x in seen {
            let mut posterior = vec![0.0; 3];
            Parameterization::Posterior.of(&space, &d, x, alpha, &mut posterior)?;
            // The mixture of the bridges of all clean letters is exact.
            let mut mixture = vec![0.0; space.letters()];
            for (v, weight) in posterior.iter().enumerate() {
                let mut point = [0.0; 3];
                point[v] = 1.0;
                let bridge = bridge(&space, &point, x, alpha, to);
                mixture.iter_mut().zip(bridge).for_each(|(out, p)| *out += weight * p);
            }
            figures.push(apart(&bridge(&space, &d, x, alpha, to), &mixture));
            wrong[number] = wrong[number].max(apart(&bridge(&space, &posterior, x, alpha, to), &mixture));
        }
    }
    // Under masked noise the posterior of a mask is D.
    figures.push(wrong[0]);
    Ok(Measured::new(
        format!(
            "D against the mixture over the posterior; the posterior: uniform off by {:.3}, prior {:.3}",
            wrong[1], wrong[2]
        ),
        if_seen(wrong[1] > 0.05 && wrong[2] > 0.05, figures),
        1e-14,
    ))
}

fn empty(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    let case = Case::new(Noise::Masked, 2)?;
    let forward = case.generator();
    for time in [0.1, 0.6, 1.5] {
        let one = case.reverse(&case.data, time, 1.0)?;
        for eta in [0.0, 0.3, 0.7, 0.99] {
            figures.push(case.reverse(&case.data, time, eta)?.apart(&one));
        }
        for kappa in [0.2, 1.0] {
            let more = case.reverse(&case.data, time, libm::sqrt(1.0 + 2.0 * kappa))?;
            for x in 0..case.states() {
                for place in 0..case.length {
                    let (letters, mask) = (case.digits(x), 3);
                    if letters[place] != mask {
                        // A revealed token is masked again at rate κ, at unit noise rate.
                        figures.push((more.at(x, case.replaced(x, place, 3)) - kappa).abs());
                        continue;
                    }
                    for y in (0..3).map(|y| case.replaced(x, place, y)) {
                        figures.push((more.at(x, y) - (1.0 + kappa) * one.at(x, y)).abs());
                    }
                }
            }
        }
    }
    // The same splits differ under uniform noise.
    let uniform = Case::new(Noise::Uniform, 2)?;
    let differ = uniform.reverse(&uniform.data, 0.6, 0.5)?.apart(&uniform.reverse(&uniform.data, 0.6, 1.0)?);
    let remasks = forward.at(0, 3);
    Ok(Measured::new(
        format!("R_η − R at η = 0 to 0.99, and the rates at κ = 0.2, 1; uniform at η = 0.5: {differ:.2}"),
        if_seen(differ > 0.1 && remasks > 0.0, figures),
        1e-12,
    ))
}

fn products(_: &Extra<'_>) -> Result<Measured> {
    let chain = Chain::example(3, 4, Noise::Masked)?;
    let plan = sampler::sizes(chain.space(), &[4], &Order::Random)?;
    let found = exact::kl(&chain, &Law::of(&plan, &chain)?)?;
    // The sum of the entropies of the tokens, minus that of the sequence.
    let mut correlation = -chain.entropy().unwrap_or(f64::NAN);
    let law = chain.probabilities()?;
    for place in 0..4 {
        let mut marginal = [0.0; 4];
        law.iter().enumerate().for_each(|(state, p)| marginal[state / 4_usize.pow(place) % 4] += p);
        correlation += entropy(&marginal);
    }
    Ok(Measured::new(
        format!("KL of one step on a Markov chain against the total correlation, {correlation:.4} nats"),
        if_seen(correlation > 0.1, [(found - correlation).abs()]),
        1e-12,
    ))
}

fn confidence(_: &Extra<'_>) -> Result<Measured> {
    let chain = Chain::example(3, 5, Noise::Masked)?;
    let divergence = |order: &Order| -> Result<f64> {
        let plan = sampler::sizes(chain.space(), &[1; 5], order)?;
        exact::kl(&chain, &Law::of(&plan, &chain)?)
    };
    let mut figures = Vec::new();
    for order in [Order::Random, Order::Fixed(sampler::bit_reversed(5)), Order::Entropy, Order::Margin] {
        figures.push(divergence(&order)?.abs());
    }
    let biased = divergence(&Order::Confidence(0.0))?;
    Ok(Measured::new(
        format!("KL one token at a time: random, fixed, by entropy, by margin; by confidence {biased:.3} nats"),
        if_seen(biased > 0.1, figures),
        1e-12,
    ))
}

fn flow(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    let mut shown = Vec::new();
    let mut looser = true;
    for case in Case::known()? {
        let Some(space) = &case.space else { continue };
        let data = case.table(space, &case.data)?;
        let found = over_time(|time| Ok(at(&case, space, &data, time)?.flow))?;
        let slack = found - entropy(&case.data);
        shown.push(format!("{:.4}", slack.abs()));
        if space.is_masked() {
            figures.push(slack.abs());
            let wrong = case.table(space, &case.other)?;
            let found = over_time(|time| Ok(at(&case, space, &wrong, time)?.flow))?;
            figures.push((found - entropy(&case.data) - kl(&case.data, &case.other)).abs());
        } else {
            looser &= slack > 0.01;
        }
    }
    Ok(Measured::new(
        format!("slack of the exact network in nats: masked, uniform, prior: {}", shown.join(", ")),
        if_seen(looser, figures),
        // As for D22.
        1e-10,
    ))
}
