//! Claims 11–16: Langevin = forward + reverse, in every split.

use super::line::{Line, PROCESSES, RATIOS, process, ve};
use super::{Claim, Extra, Measured, off, worst};
use langevin::error::Result;
use langevin::formulation::LambdaRange;
use langevin::math::exp;
use langevin::moves::{Rates, Row, reverse_rho};
use langevin::noise::SampleId;
use langevin_analysis::likelihood::Ode;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 11,
        claim: "VP-SDE: dx = −½x dt + dW and dx = (½x + s) dt + dW make dx = s dt + √2 dW",
        source: "§3, table 1",
        measure: |_| row("vp", 1.0, |_| [(-0.5, 0.0, 1.0), (0.5, 1.0, 1.0), (0.0, 1.0, 2.0)]),
    },
    Claim {
        number: 12,
        claim: "VP-ODE: dx = −½x dt + dW and dx = ½(x + s) dt make dx = ½s dt + dW",
        source: "§3, table 1",
        measure: |_| row("vp", 0.0, |_| [(-0.5, 0.0, 1.0), (0.5, 0.5, 0.0), (0.0, 0.5, 1.0)]),
    },
    Claim {
        number: 13,
        claim: "VE-Karras: dx = √(2σ) dW and dx = σ s dσ make dx = σ s dσ + √(2σ) dW",
        source: "§3, table 1",
        measure: |_| row("ve", 0.0, |y| [(0.0, 0.0, 2.0 * y), (0.0, y, 0.0), (0.0, y, 2.0 * y)]),
    },
    Claim {
        number: 14,
        claim: "rectified flow: with Λ = s/(1−s), forward and reverse make dr = Λ∇log p ds + √(2Λ) dW",
        source: "§3, table 1 (corrected)",
        measure: |_| {
            row("rectified-flow", 0.0, |s| {
                let clock = s / (1.0 - s);
                [(-1.0 / (1.0 - s), 0.0, 2.0 * clock), (1.0 / (1.0 - s), clock, 0.0), (0.0, clock, 2.0 * clock)]
            })
        },
    },
    Claim {
        number: 15,
        claim: "for every noise rate h ≥ 0 the reverse half takes p_t to p_{t−dt}, so every h gives a valid split",
        source: "§3",
        measure: any,
    },
    Claim {
        number: 16,
        claim: "without noise in either half (k = h = 0) the two are inverse point by point",
        source: "§3",
        measure: noiseless,
    },
];

/// Compares the paper's coefficients with the crate's, and checks the equations of both halves on
/// the mixture.
fn row(name: &str, eta: f64, paper: fn(f64) -> [(f64, f64, f64); 3]) -> Result<Measured> {
    let process = process(name)?;
    let data = Line::data();
    let mut figures = Vec::new();
    for ratio in RATIOS {
        let level = process.level_at_sigma_ve(ratio)?;
        let rates = [
            (Rates::forward(&process, &level)?, 1.0),
            (Rates::reverse(&process, &level, eta)?, -1.0),
            (Rates::langevin(&process, &level, eta)?, 0.0),
        ];
        for ((rates, toward), (x, score, power)) in rates.into_iter().zip(paper(level.time)) {
            let size = 1.0 + x.abs() + score.abs() + power.abs();
            let apart = [rates.x - x, rates.score - score, rates.power - power];
            // Coefficients must agree up to rounding, the equation up to its differences.
            figures.extend(apart.map(|apart| 1e4 * apart.abs() / size));
            figures.push(data.residual(&process, &level, rates, toward)?);
        }
        let sum = |of: fn(&Rates) -> f64| of(&rates[0].0) + of(&rates[1].0) - of(&rates[2].0);
        figures.extend([sum(|r| r.x), sum(|r| r.score), sum(|r| r.power)].map(|sum| 1e4 * sum.abs()));
    }
    Ok(Measured::new(
        "coefficients against the paper's (times 10⁴), and residuals of the three equations on the mixture at five levels",
        worst(figures),
        1e-7,
    ))
}

fn any(_: &Extra<'_>) -> Result<Measured> {
    let data = Line::data();
    let mut figures = Vec::new();
    for name in PROCESSES {
        let process = process(name)?;
        for ratio in RATIOS {
            let level = process.level_at_sigma_ve(ratio)?;
            for eta in [0.3, 0.7, 1.0, 1.7, 3.0] {
                let rates = Rates::reverse(&process, &level, eta)?;
                figures.push(data.residual(&process, &level, rates, -1.0)?);
                // The noise of a finite step must agree too: c²/dt → h², extrapolated from two
                // steps.
                let noise = |step: f64| -> Result<f64> {
                    let to = process.level_at_sigma_ve(ratio * exp(-step))?;
                    let row = Row::new(&level, &to, reverse_rho(&level, &to, eta));
                    Ok(row.c * row.c / (level.time - to.time))
                };
                figures.push(off(2.0 * noise(1e-5)? - noise(2e-5)?, rates.power));
            }
        }
    }
    Ok(Measured::new(
        "residual of the reverse equation, and the noise of a finite step as it shrinks, h/g 0.3 to 3, five levels, three clocks",
        worst(figures),
        1e-7,
    ))
}

/// Checks that the ODE upwards keeps every quantile: F_T(x_T) = F_0(x_0). The way down is its
/// inverse, because quantiles are points.
fn noiseless(_: &Extra<'_>) -> Result<Measured> {
    let data = Line::data();
    let (low, high) = (0.1, 10.0);
    let range = LambdaRange::from_sigma_ve(low, high)?;
    let x = data.quantiles(&ve(low), 21);
    let rows: Vec<SampleId> = (0..21).map(|index| SampleId { seed: 0, index }).collect();
    let up = Ode::new(range).with_tolerance(1e-11).encode(data.density(), &x, 1, &rows)?;
    let places =
        x.iter().zip(&up.state).map(|(x, z)| (data.cumulative(*z, &ve(high)) - data.cumulative(*x, &ve(low))).abs());
    let halves = RATIOS.iter().map(|ratio| {
        let process = process("vp")?;
        let level = process.level_at_sigma_ve(*ratio)?;
        let (down, up) = (Rates::reverse(&process, &level, 0.0)?, Rates::forward(&process, &level)?);
        // The forward half without noise is f x − ½ g² s. Together with the reverse half it
        // gives 0.
        Ok((up.x + down.x).abs() + (down.score - 0.5 * up.power).abs())
    });
    let halves = halves.collect::<Result<Vec<f64>>>()?;
    Ok(Measured::new(
        "place of 21 points among the others, before and after the way from σ/α = 0.1 to 10",
        worst(places.chain(halves)),
        1e-9,
    ))
}
