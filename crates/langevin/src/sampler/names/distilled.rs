//! Samplers for distilled networks, which jump to the data.

use super::{ANY, DISTILLED, NOTHING, UNIT, knob};
use crate::sampler::consistency::{Boundary, Consistency, Trajectory};
use crate::sampler::entry::{Entry, Facts};
use std::sync::Arc;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "consistency",
        aliases: &["cm", "consistency-multistep"],
        facts: Facts { recommended: true, ..DISTILLED },
        summary: "sampling of consistency models: predict the data, then add noise, relative to the noise level that counts as clean",
        formula: "x' = α_t (D + √(y_t² − floor²) z), y = σ/α",
        moves: "R…R, ρ = 0",
        knobs: &[knob("floor", "0.002", ANY, "noise level σ/α that the network treats as clean (ε in the paper)")],
        sources: &["2303.01469"],
        breaks: "variance: too small by floor² in (σ/α)², because the network's clean end is at σ/α = floor",
        note: "for distilled networks",
        build: |s| Ok(Arc::new(Consistency { floor: s.number("floor"), ..Consistency::default() })),
    },
    Entry {
        name: "lcm",
        aliases: &["latent-consistency", "flow-match-lcm"],
        facts: DISTILLED,
        summary: "predict the data, then add noise to the next level",
        formula: "x' = α_t D + σ_t z",
        moves: "R…R, ρ = 0",
        knobs: &[
            knob("boundary", "0", ANY, "σ_data of the boundary condition f = c_skip x + c_out D; 0 for f = D"),
            knob("scaling", "10", ANY, "factor on the time in c_skip and c_out"),
        ],
        sources: &["2310.04378"],
        breaks: "mean and variance, with boundary > 0, because then c_skip ≠ 0",
        note: "for distilled networks. An undistilled one predicts the posterior mean, so that samples are blurred",
        build: |s| {
            let sigma_data = s.number("boundary");
            let boundary = (sigma_data > 0.0).then(|| Boundary { sigma_data, scaling: s.number("scaling") });
            Ok(Arc::new(Consistency { boundary, ..Consistency::default() }))
        },
    },
    Entry {
        name: "tcd",
        aliases: &[],
        facts: DISTILLED,
        summary: "a deterministic step down to (1−γ)t, then noise up to t",
        formula: "x_s = α_s D + σ_s ε, s = (1−γ)t; x' = (α_t/α_s) x_s + σ_t√(1−ρ²) z",
        moves: "(R F)…",
        knobs: &[knob(
            "gamma",
            "0.3",
            UNIT,
            "how far below t the deterministic step goes: 0 is DDIM, 1 replaces all noise",
        )],
        sources: &["2402.19159"],
        breaks: NOTHING,
        note: "exact for constant D",
        build: |s| Ok(Arc::new(Trajectory { gamma: s.number("gamma") })),
    },
];
