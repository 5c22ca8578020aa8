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
        summary: "consistency model sampling: jump to the data, then noise it up to where the boundary is",
        formula: "x' = α_t (D + √(y_t² − floor²) z), y = σ/α",
        moves: "R…R, ρ = 0",
        knobs: &[knob("floor", "0.002", ANY, "ε: the noise level, in σ/α, that the network takes for clean")],
        sources: &["2303.01469"],
        breaks: "variance, by floor² in y²: the network's clean end is at σ/α = floor",
        note: "made for distilled networks",
        build: |s| Ok(Arc::new(Consistency { floor: s.number("floor"), ..Consistency::default() })),
    },
    Entry {
        name: "lcm",
        aliases: &["latent-consistency", "flow-match-lcm"],
        facts: DISTILLED,
        summary: "jump to the data, then noise it again",
        formula: "x' = α_t D + σ_t z",
        moves: "R…R, ρ = 0",
        knobs: &[
            knob("boundary", "0", ANY, "σ_data of the consistency boundary f = c_skip x + c_out D; 0: f = D"),
            knob("scaling", "10", ANY, "the factor on the time in c_skip and c_out"),
        ],
        sources: &["2310.04378"],
        breaks: "mean and variance, with a boundary: c_skip ≠ 0",
        note: "made for distilled networks; from an undistilled one every step draws from a blurred posterior mean",
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
        summary: "down to (1−γ)t with no noise, then forward to t",
        formula: "x_s = α_s D + σ_s ε, s = (1−γ)t; x' = (α_t/α_s) x_s + σ_t√(1−ρ²) z",
        moves: "(R F)…",
        knobs: &[knob("gamma", "0.3", UNIT, "how far below t the jump goes: 0 is DDIM, 1 redraws all noise")],
        sources: &["2402.19159"],
        breaks: NOTHING,
        note: "exact for constant D",
        build: |s| Ok(Arc::new(Trajectory { gamma: s.number("gamma") })),
    },
];
