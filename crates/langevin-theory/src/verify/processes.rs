//! Claims 5–10: VP, VE and rectified flow are one process with different parametrisations of time.

use super::line::{Line, PROCESSES, RATIOS, process, slope_of, try_integral};
use super::{Claim, Extra, Measured, off, worst};
use langevin::error::Result;
use langevin::math::{exp, ln};
use langevin::moves::Rates;
use langevin::process::{Level, Process};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 5,
        claim: "dx = −½x dt + dW makes the VP kernel α = e^{−t/2}, σ² = 1 − e^{−t}",
        source: "§2.1",
        measure: |_| kernel("vp", |t| (exp(-0.5 * t), (1.0 - exp(-t)).sqrt())),
    },
    Claim {
        number: 6,
        claim: "dz = √(2σ) dW makes the VE kernel α = 1, with σ for its clock",
        source: "§2.1",
        measure: |_| kernel("ve", |t| (1.0, t)),
    },
    Claim {
        number: 7,
        claim: "dr = −r/(1−s) ds + √(2s/(1−s)) dW makes the kernel of rectified flow, α = 1 − s, σ = s",
        source: "§2.1",
        measure: |_| kernel("rectified-flow", |s| (1.0 - s, s)),
    },
    Claim {
        number: 8,
        claim: "six maps of time and state lead from each of the three processes to the others, and back",
        source: "§2.2",
        measure: maps,
    },
    Claim {
        number: 9,
        claim: "by Itô's formula drift and noise of the three go over into each other",
        source: "§2.2",
        measure: ito,
    },
    Claim {
        number: 10,
        claim: "a finite VP time T is a flow time s_max < 1: pure noise is never reached",
        source: "§2.2 (the paper's [0, 1] needs T = ∞)",
        measure: finite,
    },
];

/// Integrates α = exp ∫f and σ² = α²(σ_a²/α_a² + ∫ g²/α²) with the crate's rates, and compares them
/// with the kernel between σ/α = 0.2 and 5.
fn kernel(name: &str, closed: fn(f64) -> (f64, f64)) -> Result<Measured> {
    let process = process(name)?;
    let first = process.level_at_sigma_ve(0.2)?;
    let mut figures = Vec::new();
    for ratio in [0.5, 1.0, 5.0] {
        let last = process.level_at_sigma_ve(ratio)?;
        let drift = |to: f64| {
            try_integral(first.time, to, 40, |t| Ok(Rates::forward(&process, &process.level(t)?)?.x)).map(exp)
        };
        let start = closed(first.time);
        let alpha = start.0 * drift(last.time)?;
        let spread = try_integral(first.time, last.time, 40, |t| {
            let own = start.0 * drift(t)?;
            Ok(Rates::forward(&process, &process.level(t)?)?.power / (own * own))
        })?;
        let sigma = alpha * ((start.1 / start.0).powi(2) + spread).sqrt();
        let (a, s) = closed(last.time);
        figures.extend([off(alpha, a), off(sigma, s), off(last.alpha, a), off(last.sigma, s)]);
    }
    Ok(Measured::new(
        "α and σ of the SDE, integrated from σ/α = 0.2 to 0.5, 1, 5, against the kernel",
        worst(figures),
        1e-11,
    ))
}

/// Compares the paper's maps with matching λ and scaling the state.
fn maps(_: &Extra<'_>) -> Result<Measured> {
    let (vp, ve, flow) = (process("vp")?, process("ve")?, process("rectified-flow")?);
    let mut figures = Vec::new();
    for ratio in RATIOS {
        let from = vp.level_at_sigma_ve(ratio)?;
        let t = from.time;
        let sigma = (exp(t) - 1.0).sqrt();
        let s = sigma / (1.0 + sigma);
        let root = ((1.0 - s) * (1.0 - s) + s * s).sqrt();
        // (from, to, time, factor of the state)
        let table = [
            (&vp, &ve, sigma, exp(0.5 * t)),
            (&ve, &vp, ln(1.0 + sigma * sigma), 1.0 / (1.0 + sigma * sigma).sqrt()),
            (&ve, &flow, s, 1.0 / (1.0 + sigma)),
            (&flow, &ve, s / (1.0 - s), 1.0 / (1.0 - s)),
            (&vp, &flow, s, exp(0.5 * t) / (1.0 + sigma)),
            (&flow, &vp, ln((root / (1.0 - s)).powi(2)), 1.0 / root),
        ];
        for (a, b, time, factor) in table {
            let own = a.level_at_sigma_ve(ratio)?;
            let other = b.match_level(&own)?;
            let back = a.match_level(&other)?;
            figures.extend([off(other.time, time), off(own.scale_to(&other), factor)]);
            figures.extend([off(back.time, own.time), off(own.scale_to(&other) * other.scale_to(&back), 1.0)]);
        }
    }
    Ok(Measured::new("time and factor of each map at five levels, and there and back, relative", worst(figures), 1e-12))
}

/// Checks y = k(t) x in the time t′: f_B = (f_A + (ln k)′)·dt/dt′ and g_B² = k² g_A²·dt/dt′.
fn ito(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    for a in PROCESSES {
        for b in PROCESSES.into_iter().filter(|b| *b != a) {
            let (a, b) = (process(a)?, process(b)?);
            for ratio in RATIOS {
                let own = a.level_at_sigma_ve(ratio)?;
                let other = b.match_level(&own)?;
                let near = |process: &Process, by: f64| process.level_at_sigma_ve(ratio * exp(by));
                let levels = |process: &Process| -> Result<[Level; 4]> {
                    Ok([near(process, -2e-3)?, near(process, -1e-3)?, near(process, 1e-3)?, near(process, 2e-3)?])
                };
                let (la, lb) = (levels(&a)?, levels(&b)?);
                let rate_a = slope_of(la.map(|level| level.time), 1e-3);
                let rate_b = slope_of(lb.map(|level| level.time), 1e-3);
                let mut logs = [0.0; 4];
                for (log, (a, b)) in logs.iter_mut().zip(la.iter().zip(&lb)) {
                    *log = ln(a.scale_to(b));
                }
                let grow = slope_of(logs, 1e-3) / rate_a;
                let (fa, fb) = (Rates::forward(&a, &own)?, Rates::forward(&b, &other)?);
                let k = own.scale_to(&other);
                let speed = rate_a / rate_b;
                // Drifts may be 0, so errors are relative to the rate of the noise.
                let size = fb.power / (other.sigma * other.sigma);
                figures.push((fb.x - (fa.x + grow) * speed).abs() / size);
                figures.push(off(k * k * fa.power * speed, fb.power));
            }
        }
    }
    Ok(Measured::new("drift and noise of each pair at five levels, relative", worst(figures), 1e-9))
}

fn finite(_: &Extra<'_>) -> Result<Measured> {
    let (vp, flow) = (process("vp")?, process("rectified-flow")?);
    let mut figures = Vec::new();
    let mut shown = Vec::new();
    for t in [1.0, 5.0, 10.0, 20.0] {
        let last = flow.match_level(&vp.level(t)?)?;
        let sum = (exp(t) - 1.0).sqrt();
        figures.push(off(1.0 - last.time, 1.0 / (1.0 + sum)));
        // Some of the datum must be left at the last time.
        figures.push(if last.time < 1.0 && last.alpha > 0.0 { 0.0 } else { f64::INFINITY });
        shown.push(format!("{:.6}", last.time));
    }
    // p_T is not N(0, 1): the divergence of the mixture falls, but stays above 0.
    let data = Line::data();
    let left = data.mean_of(&vp.level(5.0)?, |x| {
        vp.level(5.0).map_or(f64::NAN, |level| data.log_density(x, &level)) + 0.5 * (x * x + ln(std::f64::consts::TAU))
    });
    Ok(Measured::new(
        format!("s_max at T = 1, 5, 10, 20: {}; KL(p_T‖N(0, 1)) = {left:.1e} at T = 5", shown.join(", ")),
        if left > 1e-6 { worst(figures) } else { f64::INFINITY },
        1e-11,
    ))
}
