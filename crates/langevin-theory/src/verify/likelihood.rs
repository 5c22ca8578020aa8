//! Claims 24–32: score, denoising and flow matching are one maximum-likelihood objective.

use super::line::{Line, PROCESSES, RATIOS, process, slope_of, try_integral, ve};
use super::{Claim, Extra, Measured, off, worst};
use langevin::error::Result;
use langevin::formulation::{Formulation, LambdaRange};
use langevin::math::{exp, sin};
use langevin::moves::Rates;
use langevin::objective::{Objective, TimeDensity, Weight};
use langevin::prediction::Prediction;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 24, claim: "−d/dt KL(p_t‖q_t) = ½ g² E‖∇log p_t − ∇log q_t‖²", source: "§6", measure: rate
    },
    Claim {
        number: 25,
        claim: "the drift and the state map do not change KL(p_t‖q_t): it is the same in every process",
        source: "§6",
        measure: invariance,
    },
    Claim {
        number: 26,
        claim: "KL at the clean end less KL at the noisy one is ∫ E‖ε_p − ε_q‖² dλ",
        source: "§6",
        measure: between,
    },
    Claim { number: 27, claim: "KL(p_t‖q_t) falls with t", source: "§6", measure: monotone },
    Claim {
        number: 28,
        claim: "the denoising loss is −dKL/dt + C_t, with C_t = ½(−dSNR/dt) mmse free of the model",
        source: "§6",
        measure: denoising,
    },
    Claim {
        number: 29,
        claim: "score, denoising and flow matching, in their likelihood weights, give one number",
        source: "§6, table",
        measure: one_number,
    },
    Claim {
        number: 30,
        claim: "∫ E‖Δε‖² dσ on VE is ∫ E‖Δu‖² ds on rectified flow",
        source: "§6",
        measure: unweighted,
    },
    Claim {
        number: 31,
        claim: "another weight keeps the minimiser at every noise level",
        source: "§6",
        measure: minimiser,
    },
    Claim {
        number: 32,
        claim: "the best velocity is E[ε − x₀ | r_s]",
        source: "§6; arXiv 2210.02747",
        measure: velocity,
    },
];

/// The range of the integrals, in σ/α.
const ENDS: (f64, f64) = (0.15, 8.0);

fn gap(p: &Line, q: &Line, level: &langevin::process::Level) -> f64 {
    p.mean_of(level, |x| (p.noise(x, level) - q.noise(x, level)).powi(2))
}

fn rate(_: &Extra<'_>) -> Result<Measured> {
    let (p, q) = (Line::data(), Line::model()?);
    let mut figures = Vec::new();
    for name in PROCESSES {
        let process = process(name)?;
        for ratio in RATIOS {
            let level = process.level_at_sigma_ve(ratio)?;
            let near = |by: f64| process.level_at_sigma_ve(ratio * exp(by));
            let levels = [near(-0.02)?, near(-0.01)?, near(0.01)?, near(0.02)?];
            let clock = slope_of(levels.map(|level| level.time), 0.01);
            let falls = -slope_of(levels.map(|level| p.divergence(&q, &level)), 0.01) / clock;
            let scores = p.mean_of(&level, |x| (p.score(x, &level) - q.score(x, &level)).powi(2));
            figures.push(off(falls, 0.5 * Rates::forward(&process, &level)?.power * scores));
        }
    }
    // Fourth-order differences with steps of 0.01 in ln σ.
    Ok(Measured::new("both sides, two mixtures, three processes, five levels, relative", worst(figures), 1e-6))
}

fn invariance(_: &Extra<'_>) -> Result<Measured> {
    let (p, q) = (Line::data(), Line::model()?);
    let mut figures = Vec::new();
    for ratio in RATIOS {
        let reference = p.divergence(&q, &ve(ratio));
        for name in ["vp", "vp-linear", "vp-cosine", "rectified-flow", "sub-vp"] {
            figures.push(off(p.divergence(&q, &process(name)?.level_at_sigma_ve(ratio)?), reference));
        }
    }
    Ok(Measured::new(
        "KL(p_t‖q_t) of two mixtures on five processes against VE, five levels, relative",
        worst(figures),
        1e-9,
    ))
}

/// Returns ∫ E‖Δε‖² dλ over [`ENDS`].
fn path(p: &Line, q: &Line) -> Result<f64> {
    try_integral(-ENDS.1.ln(), -ENDS.0.ln(), 24, |lambda| Ok(gap(p, q, &ve(exp(-lambda)))))
}

fn fall(p: &Line, q: &Line) -> f64 {
    p.divergence(q, &ve(ENDS.0)) - p.divergence(q, &ve(ENDS.1))
}

fn between(_: &Extra<'_>) -> Result<Measured> {
    let (p, q) = (Line::data(), Line::model()?);
    Ok(Measured::new(
        format!("σ/α from {} to {}: {:.6} nats, relative difference", ENDS.0, ENDS.1, fall(&p, &q)),
        off(path(&p, &q)?, fall(&p, &q)),
        1e-8,
    ))
}

fn monotone(_: &Extra<'_>) -> Result<Measured> {
    let (p, q) = (Line::data(), Line::model()?);
    let values: Vec<f64> = (0..60).map(|i| p.divergence(&q, &ve(0.05 * exp(0.1 * f64::from(i))))).collect();
    let rises = values.windows(2).map(|pair| (pair[1] - pair[0]) / pair[0]);
    Ok(Measured::new("the largest rise between 60 levels, σ/α from 0.05 to 18", worst(rises), 0.0))
}

/// Compares ½g²E‖s_q + ε/σ‖² over data and noise with −dKL/dt and C_t, each from its own
/// differences.
fn denoising(_: &Extra<'_>) -> Result<Measured> {
    let (p, q) = (Line::data(), Line::model()?);
    let process = process("vp")?;
    let mut figures = Vec::new();
    let mut shown = String::new();
    for ratio in [0.5, 1.0, 3.0] {
        let level = process.level_at_sigma_ve(ratio)?;
        let near = |by: f64| process.level_at_sigma_ve(ratio * exp(by));
        let levels = [near(-0.02)?, near(-0.01)?, near(0.01)?, near(0.02)?];
        let clock = slope_of(levels.map(|level| level.time), 0.01);
        let falls = -slope_of(levels.map(|level| p.divergence(&q, &level)), 0.01) / clock;
        let snr = slope_of(levels.map(|level| (level.alpha / level.sigma).powi(2)), 0.01) / clock;
        let constant = -0.5 * snr * p.errors(&level).0;
        let error = p.joint(|x, e| (e - q.noise(level.alpha * x + level.sigma * e, &level)).powi(2))?;
        let loss = 0.5 * Rates::forward(&process, &level)?.power * error / (level.sigma * level.sigma);
        figures.push(off(loss, falls + constant));
        shown = format!("{loss:.5} = {falls:.5} + {constant:.5} at σ/α = {ratio}");
    }
    // SNR′ by fourth-order differences of an exponential: 1e-8·16/30.
    Ok(Measured::new(format!("three levels; {shown}; relative"), worst(figures), 1e-6))
}

fn one_number(_: &Extra<'_>) -> Result<Measured> {
    let (p, q) = (Line::data(), Line::model()?);
    let wanted = fall(&p, &q);
    let range = LambdaRange::from_sigma_ve(ENDS.0, ENDS.1)?;
    let mut figures = Vec::new();
    type Row = (&'static str, Prediction, fn(f64) -> f64);
    let kinds: [Row; 3] = [
        ("vp", Prediction::Score, |_| 0.5),
        ("ve", Prediction::Epsilon, |y| 1.0 / y),
        ("rectified-flow", Prediction::Velocity, |s| (1.0 - s) / s),
    ];
    for (name, prediction, weight) in kinds {
        let formulation = Formulation::new(process(name)?, prediction).with_range(range);
        let objective = Objective::new(&formulation, Weight::Likelihood, TimeDensity::UniformTime)?;
        let noisy = formulation.process.level_at_sigma_ve(ENDS.1)?.time;
        let clean = formulation.process.level_at_sigma_ve(ENDS.0)?.time;
        // The paper's integral over time, and the objective's mean over draws that are uniform in
        // that time.
        let paper = try_integral(clean, noisy, 48, |time| {
            Ok(weight(time) * p.output_gap(&q, &formulation, &formulation.process.level(time)?)?)
        })?;
        let ours = try_integral(clean, noisy, 48, |time| {
            let level = formulation.process.level(time)?;
            Ok(objective.output_factor(&level)? * p.output_gap(&q, &formulation, &level)? / (noisy - clean))
        })?;
        figures.extend([off(ours, wanted), off(paper, wanted)]);
    }
    Ok(Measured::new(
        format!("½∫E‖Δs‖²dt, ∫E‖Δε‖²dσ/σ, ∫(1−s)/s E‖Δu‖²ds and the objective's own: {wanted:.6} nats, relative"),
        worst(figures),
        1e-7,
    ))
}

fn unweighted(_: &Extra<'_>) -> Result<Measured> {
    let (p, q) = (Line::data(), Line::model()?);
    let flow = Formulation::new(process("rectified-flow")?, Prediction::Velocity);
    let noise = try_integral(ENDS.0, ENDS.1, 48, |y| Ok(gap(&p, &q, &ve(y))))?;
    let ends = (ENDS.0 / (1.0 + ENDS.0), ENDS.1 / (1.0 + ENDS.1));
    let velocity = try_integral(ends.0, ends.1, 48, |s| p.output_gap(&q, &flow, &flow.process.level(s)?))?;
    Ok(Measured::new(format!("both integrals: {noise:.6}; relative difference"), off(velocity, noise), 1e-7))
}

/// Along ε̂ = θ ε_p the loss is a parabola. Checks that its minimum is θ = 1 for every weight.
fn minimiser(_: &Extra<'_>) -> Result<Measured> {
    let p = Line::data();
    let vp = Formulation::new(process("vp")?, Prediction::Epsilon).with_range(LambdaRange { min: -2.0, max: 1.0 });
    let lambdas = [-1.5, -0.5, 0.3, 0.8];
    let mut sums = Vec::new();
    for lambda in lambdas {
        let level = vp.process.level_at_lambda(lambda)?;
        let state = |x: f64, e: f64| level.alpha * x + level.sigma * e;
        let both = p.joint(|x, e| e * p.noise(state(x, e), &level))?;
        let own = p.mean_of(&level, |x| p.noise(x, &level).powi(2));
        sums.push((level, both, own));
    }
    let mut figures = Vec::new();
    for name in Weight::NAMES {
        for times in TimeDensity::NAMES {
            let objective = Objective::new(&vp, Weight::parse(name)?, TimeDensity::parse(times)?)?;
            let (mut both, mut own) = (0.0, 0.0);
            for (level, b, o) in &sums {
                let weight = objective.weighted_density(level)?;
                both += weight * b;
                own += weight * o;
            }
            figures.push((both / own - 1.0).abs());
        }
    }
    Ok(Measured::new("|θ − 1| of the best θ ε_p under 7 weights × 4 densities of the levels", worst(figures), 1e-8))
}

/// Checks that no function of r can reduce the error that the exact velocity leaves.
fn velocity(_: &Extra<'_>) -> Result<Measured> {
    let p = Line::data();
    let flow = Formulation::new(process("rectified-flow")?, Prediction::Velocity);
    let mut figures = Vec::new();
    for ratio in [0.5, 1.0, 3.0] {
        let level = flow.process.level_at_sigma_ve(ratio)?;
        let s = level.time;
        // The output by its definition from D, (r − D)/s.
        let output = |r: f64| (r - p.denoised(r, &level)) / s;
        for test in [(|r: f64| r) as fn(f64) -> f64, |r| sin(2.0 * r), |r| r * r] {
            let left = p.joint(|x, e| {
                let r = level.alpha * x + s * e;
                (e - x - output(r)) * test(r)
            })?;
            let size = p.joint(|x, e| ((e - x) * test(level.alpha * x + s * e)).abs())?;
            figures.push(left.abs() / size);
        }
        for r in p.quantiles(&level, 7) {
            let mean: f64 = p.posterior(r, &level).iter().map(|part| part.share * part.mean).sum();
            let wanted = (r - level.alpha * mean) / s - mean;
            let found = p.output(&flow, r, &level)?;
            figures.push((found - wanted).abs() / (1.0 + wanted.abs()));
        }
    }
    Ok(Measured::new(
        "E[(ε − x₀ − u) φ(r)] for three φ, and u against the posterior's, three levels, relative",
        worst(figures),
        1e-8,
    ))
}
