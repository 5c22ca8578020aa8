//! Claims 37–41: errors in the paper's text, with measurements that expose them.

use super::beyond::Worked;
use super::line::{Line, RATIOS, process, slope_of, try_integral};
use super::{Claim, Extra, Measured, worst};
use langevin::error::Result;
use langevin::math::exp;
use langevin::moves::Rates;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 37,
        claim: "erratum: the Langevin row of rectified flow has τ/(1−τ), not τ/(1+τ)",
        source: "§3, table 1",
        measure: flow_row,
    },
    Claim {
        number: 38,
        claim: "erratum: the forward half of VP-ODE needs its dW",
        source: "§3, first version",
        measure: missing_noise,
    },
    Claim {
        number: 39,
        claim: "erratum: L_t is named both −dKL/dt and the denoising loss; they differ by C_t",
        source: "§6",
        measure: two_losses,
    },
    Claim {
        number: 40,
        claim: "erratum: for a network that need not be a score, the loss bounds the SDE's KL, not the ODE's",
        source: "§6, “exact maximum likelihood”",
        measure: free_network,
    },
    Claim {
        number: 41,
        claim: "erratum: a Langevin step gives a new sample, but an independent one only as τ → ∞",
        source: "§2",
        measure: dependent,
    },
];

/// Compares the sum of forward and reverse with the published and the corrected row.
fn flow_row(_: &Extra<'_>) -> Result<Measured> {
    let process = process("rectified-flow")?;
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for ratio in RATIOS {
        let level = process.level_at_sigma_ve(ratio)?;
        let (s, up, down) = (level.time, Rates::forward(&process, &level)?, Rates::reverse(&process, &level, 0.0)?);
        let sum = (up.x + down.x, up.score + down.score, up.power + down.power);
        let apart = |clock: f64| (sum.0.abs() + (sum.1 - clock).abs() + (sum.2 - 2.0 * clock).abs()) / sum.1;
        right.push(apart(s / (1.0 - s)));
        wrong.push(apart(s / (1.0 + s)));
    }
    let least = wrong.into_iter().fold(f64::INFINITY, f64::min);
    Ok(Measured::new(
        format!("forward + reverse less the row: the text's is off by at least {:.0} %", 100.0 * least),
        if least > 0.1 { worst(right) } else { f64::INFINITY },
        1e-12,
    ))
}

fn missing_noise(_: &Extra<'_>) -> Result<Measured> {
    let data = Line::data();
    let process = process("vp")?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for ratio in RATIOS {
        let level = process.level_at_sigma_ve(ratio)?;
        let rates = Rates::forward(&process, &level)?;
        with.push(data.residual(&process, &level, rates, 1.0)?);
        let mut quiet = rates;
        quiet.power = 0.0;
        without.push(data.residual(&process, &level, quiet, 1.0)?);
    }
    let least = without.into_iter().fold(f64::INFINITY, f64::min);
    Ok(Measured::new(
        format!("residual of the forward equation with dW; without it {least:.2} of its largest term or more"),
        if least > 0.1 { worst(with) } else { f64::INFINITY },
        1e-7,
    ))
}

fn two_losses(_: &Extra<'_>) -> Result<Measured> {
    let (p, q) = (Line::data(), Line::model()?);
    let process = process("vp")?;
    let mut figures = Vec::new();
    let mut shares = Vec::new();
    for ratio in [0.5, 1.0, 3.0] {
        let level = process.level_at_sigma_ve(ratio)?;
        let power = Rates::forward(&process, &level)?.power;
        let near = |by: f64| process.level_at_sigma_ve(ratio * exp(by));
        let levels = [near(-0.02)?, near(-0.01)?, near(0.01)?, near(0.02)?];
        let clock = slope_of(levels.map(|level| level.time), 0.01);
        let falls = -slope_of(levels.map(|level| p.divergence(&q, &level)), 0.01) / clock;
        let error = p.joint(|x, e| (e - q.noise(level.alpha * x + level.sigma * e, &level)).powi(2))?;
        let loss = 0.5 * power * error / (level.sigma * level.sigma);
        // g²/(2σ²)·SNR·mmse is ½(−dSNR/dt) mmse.
        let snr = (level.alpha / level.sigma).powi(2);
        let constant = 0.5 * power / (level.sigma * level.sigma) * snr * p.errors(&level).0;
        figures.push(((loss - falls) / constant - 1.0).abs());
        shares.push(constant / loss);
    }
    let least = shares.into_iter().fold(f64::INFINITY, f64::min);
    Ok(Measured::new(
        format!("(loss + dKL/dt)/C_t − 1; C_t is {:.0} % of the loss or more", 100.0 * least),
        if least > 0.05 { worst(figures) } else { f64::INFINITY },
        1e-6,
    ))
}

/// Checks that the training loss ½∫g²E‖s−s_θ‖² bounds the KL at h = g, and is below the KL at
/// h = 0.
fn free_network(_: &Extra<'_>) -> Result<Measured> {
    let case = Worked::new()?;
    let (loss, sde, ode) = (case.bound(1.0)?, case.divergence(1.0)?, case.divergence(0.0)?);
    Ok(Measured::new(
        format!(
            "worked case: loss {loss:.5}, KL of the SDE {sde:.5}, of the ODE {ode:.5}; figure: loss over KL of the ODE"
        ),
        if sde <= loss { loss / ode } else { f64::INFINITY },
        1.0,
    ))
}

/// Checks on N(0, v) that x and its starting point have the correlation e^{−Λτ/v}.
fn dependent(_: &Extra<'_>) -> Result<Measured> {
    let process = process("vp")?;
    let level = process.level_at_sigma_ve(1.0)?;
    let v = 0.7 * level.alpha * level.alpha + level.sigma * level.sigma;
    let rates = Rates::langevin(&process, &level, 1.0)?;
    // d E[x x₀]/dτ = −(Λ/v) E[x x₀], integrated.
    let correlation = |tau: f64| try_integral(0.0, tau, 4, |_| Ok(-rates.score / v)).map(exp);
    // The correlation from small steps with the crate's rates: x ← x + Λ s δ.
    let stepped = |tau: f64| {
        let steps = 1 << 20;
        langevin::math::pow(1.0 - rates.score * tau / f64::from(steps) / v, f64::from(steps))
    };
    let taus = [0.1, 1.0, 5.0];
    let values = taus.map(correlation);
    let mut figures = Vec::new();
    let mut shown = Vec::new();
    for (tau, value) in taus.into_iter().zip(values) {
        let value = value?;
        // (1 − z/n)ⁿ is e^{−z}(1 − z²/2n) to first order.
        figures.push((value - stepped(tau)).abs());
        figures.push(if value > 0.0 && rates.power > 0.0 { 0.0 } else { f64::INFINITY });
        shown.push(format!("{value:.4}"));
    }
    // The variance is kept: the noise adds what the drift removes.
    figures.push((rates.power - 2.0 * rates.score).abs());
    Ok(Measured::new(
        format!("correlation after τ = 0.1, 1, 5: {}; against small steps", shown.join(", ")),
        worst(figures),
        1e-4,
    ))
}
