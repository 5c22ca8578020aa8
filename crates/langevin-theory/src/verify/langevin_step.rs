//! Claims 1–4: the Langevin step leaves p_t unchanged.

use super::line::{Line, PROCESSES, RATIOS, process, slope_of};
use super::{Claim, Extra, Measured, off, worst};
use langevin::error::Result;
use langevin::math::{cos, exp};
use langevin::moves::{Rates, Row, exact_reverse};
use langevin::process::Level;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 1,
        claim: "p_t is stationary under the Langevin equation dx = Λ s dτ + √(2Λ) dW",
        source: "§2",
        measure: stationary,
    },
    Claim {
        number: 2,
        claim: "another clock for the Langevin equation is the same equation, run faster or slower",
        source: "§2",
        measure: clock,
    },
    Claim {
        number: 3,
        claim: "the Langevin step is an identity on p_t, at every noise level",
        source: "§2",
        measure: identity,
    },
    Claim {
        number: 4,
        claim: "an unadjusted Langevin step of length Δ has an error O(Δ); forward and exact reverse have none, and are reversible",
        source: "§2; arXiv 2002.11103",
        measure: unadjusted,
    },
];

/// Checks the Fokker–Planck equation with the crate's rates, in every parametrisation of time and
/// for every h/g.
fn stationary(_: &Extra<'_>) -> Result<Measured> {
    let data = Line::data();
    let mut figures = Vec::new();
    for name in PROCESSES {
        let process = process(name)?;
        for ratio in RATIOS {
            let level = process.level_at_sigma_ve(ratio)?;
            for eta in [0.0, 1.0, 1.7] {
                figures.push(data.residual(&process, &level, Rates::langevin(&process, &level, eta)?, 0.0)?);
            }
        }
    }
    Ok(Measured::new(
        "residual of the Fokker–Planck equation on the mixture, 5 levels, 3 clocks, h/g 0, 1, 1.7, relative",
        worst(figures),
        // Fourth-order differences with steps of 2e-3 widths: 1e-9 of truncation, and as much
        // rounding.
        1e-7,
    ))
}

/// Measures Λ dt/σ², the effective length of a step, per unit of λ: (1 + η²)·|dλ| in every clock.
fn clock(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    for name in PROCESSES {
        let process = process(name)?;
        for ratio in RATIOS {
            let level = process.level_at_sigma_ve(ratio)?;
            let time = |by: f64| process.level_at_sigma_ve(ratio * exp(by)).map(|level| level.time);
            let rate = slope_of([time(-2e-3)?, time(-1e-3)?, time(1e-3)?, time(2e-3)?], 1e-3);
            for eta in [0.0, 0.5, 1.0] {
                let length = Rates::langevin(&process, &level, eta)?.score * rate / (level.sigma * level.sigma);
                figures.push(off(length, 1.0 + eta * eta));
            }
        }
    }
    Ok(Measured::new("Λ dt/σ² per unit of λ in three clocks, against 1 + (h/g)², relative", worst(figures), 1e-9))
}

/// Measures the generator on three test functions, E[φ(x_Δ) − φ(x)]/Δ → 0.
///
/// One step of length Δ is integrated exactly over its noise, and extrapolated to Δ = 0.
fn identity(_: &Extra<'_>) -> Result<Measured> {
    let data = Line::data();
    let process = process("vp")?;
    let mut figures = Vec::new();
    for ratio in RATIOS {
        let level = process.level_at_sigma_ve(ratio)?;
        let rates = Rates::langevin(&process, &level, 1.0)?;
        // A time in which no point moves further than a tenth of the narrowest width.
        let unit = 0.01 * (0.09 * level.alpha * level.alpha + level.sigma * level.sigma) / rates.score;
        let change = |step: f64| -> [f64; 3] {
            let (mut first, mut second, mut wave) = (0.0, 0.0, 0.0);
            for (x, weight) in data.nodes(&level) {
                let moved = x + rates.score * data.score(x, &level) * step;
                first += weight * (moved - x);
                second += weight * (moved * moved + rates.power * step - x * x);
                wave += weight * (cos(moved) * exp(-0.5 * rates.power * step) - cos(x));
            }
            [first, second, wave].map(|change| change / (step * rates.score))
        };
        // Neville's scheme for steps 1, ½, ¼, ⅛.
        let mut table: Vec<[f64; 3]> = (0..4).map(|i| change(unit / f64::from(1 << i))).collect();
        for order in 1..4 {
            let factor = f64::from(1 << order);
            for i in (order..4).rev() {
                let (finer, coarser) = (table[i], table[i - 1]);
                for k in 0..3 {
                    table[i][k] = (factor * finer[k] - coarser[k]) / (factor - 1.0);
                }
            }
        }
        // In units of Λ/σ_x², the rate at which the step moves a point by the width of the noise.
        figures.extend(table[3].map(|rate| rate.abs() * (level.sigma * level.sigma + level.alpha * level.alpha)));
    }
    Ok(Measured::new(
        "rate of change of E x, E x², E cos x under one step as Δ → 0, at σ/α 0.15 to 8, in units of the step's own rate",
        worst(figures),
        1e-7,
    ))
}

fn unadjusted(_: &Extra<'_>) -> Result<Measured> {
    let process = process("vp")?;
    let (noisy, clean) = (process.level_at_sigma_ve(2.0)?, process.level_at_sigma_ve(1.0)?);
    let c = 0.7;
    let v = |level: &Level| c * level.alpha * level.alpha + level.sigma * level.sigma;
    let mut figures = Vec::new();
    // The unadjusted step with the crate's rates, iterated to its fixed point.
    let rates = Rates::langevin(&process, &clean, 1.0)?;
    let mut biases = Vec::new();
    for step in [0.1, 0.05] {
        let (keep, mut variance) = (1.0 - rates.score * step / v(&clean), v(&clean));
        for _ in 0..2000 {
            variance = keep * keep * variance + rates.power * step;
        }
        figures.push(off(variance, v(&clean) / (1.0 - rates.score * step / (2.0 * v(&clean)))));
        biases.push(variance / v(&clean) - 1.0);
    }
    // Forward to the noisier level, and exactly back.
    let up = Row::forward(&clean, &noisy);
    for eta in [0.0, 0.5, 1.0, 1.7] {
        let (a, variance) = exact_reverse(c, &noisy, &clean, eta);
        let back = a * a * (up.a * up.a * v(&clean) + up.c * up.c) + variance;
        figures.push(off(back, v(&clean)));
    }
    // Reversibility: E[x′ x³] = E[x x′³] holds for the draw from the posterior on the mixture, and
    // fails for the ODE.
    let data = Line::data().at(&clean)?;
    let kernel = Level { time: 0.0, alpha: up.a, sigma: up.c };
    let (mut one_way, mut scale, mut ode) = (0.0, 0.0, 0.0);
    let line = Line::data();
    for (y, weight) in data.nodes(&kernel) {
        let posterior = data.posterior(y, &kernel);
        let first: f64 = posterior.iter().map(|part| part.share * part.mean).sum();
        let third: f64 =
            posterior.iter().map(|part| part.share * part.mean * (part.mean.powi(2) + 3.0 * part.variance)).sum();
        // The crate's D is the first moment of that posterior: E[x|y]·E[x³|y] in both directions.
        one_way += weight * third * (data.denoised(y, &kernel) - first);
        scale += weight * (third * first).abs();
        // The ODE maps quantiles to quantiles.
        let place = line.cumulative(y, &noisy);
        if (1e-6..1.0 - 1e-6).contains(&place) {
            let x = line.quantile(place, &clean);
            ode += weight * (first * x.powi(3) - third * x);
        }
    }
    figures.push(one_way.abs() / scale);
    let uneven = ode.abs() / scale;
    let ratio = biases[0] / biases[1];
    // The bias must exist with first order, and the ODE must visibly break the balance.
    let seen = (1.9..2.2).contains(&ratio) && uneven > 0.01;
    Ok(Measured::new(
        format!(
            "closed form of the bias, kept variance, balance E[x′x³] = E[x x′³] (h = 0 breaks it by {:.1} %); half the step, {ratio:.2} times less bias",
            100.0 * uneven
        ),
        if seen { worst(figures) } else { f64::INFINITY },
        1e-10,
    ))
}
