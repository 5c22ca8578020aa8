//! Samplers with one row per step, which differ in ρ, the share of the noise that is kept.

use super::{
    ANCESTRAL_ETA, Built, CHURN, DDIM_ETA, NOISE, NOISE_BREAKS, NOTHING, PLAIN, RATE, TMAX, TMIN, UNIT, churn, churned,
    knob,
};
use crate::sampler::entry::Entry;
use crate::sampler::knob::Values;
use crate::sampler::noise::Keep;
use crate::sampler::one_step::{OneStep, Variance};
use crate::sampler::stages;
use std::sync::Arc;

fn one(step: OneStep) -> Built {
    Ok(Arc::new(step))
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "ddim",
        aliases: &["dpm-solver-1", "dpm-solver++-1", "dpmpp-1"],
        facts: PLAIN,
        summary: "DDIM: one step per level, with noise of strength η",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) D + σ_t√(1−ρ²) z, ρ² = 1 − η²(1 − e^{−2Δ})",
        moves: "R…R",
        knobs: &[
            DDIM_ETA,
            knob(
                "epsilon",
                "raw",
                Values::Word(&["raw", "clipped"]),
                "with clamping or thresholding: compute ε from the raw D or from the clipped D",
            ),
        ],
        sources: &["2010.02502"],
        breaks: NOTHING,
        note: "exact for constant D. At η = 1 it is the posterior of DDPM",
        build: |s| {
            let keep = Keep::Ddim(s.number("eta"));
            one(OneStep { raw_noise: s.word("epsilon") == "raw", ..OneStep::new(keep) })
        },
    },
    Entry {
        name: "ddpm",
        aliases: &[],
        facts: PLAIN,
        summary: "ancestral sampling of DDPM, which is DDIM at η = 1",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) D + σ_t√(1−ρ²) z, ρ = e^{−Δ}; variance=large: c = σ_s√(1−e^{−2Δ})",
        moves: "R…R with h = g",
        knobs: &[knob(
            "variance",
            "small",
            Values::Word(&["small", "large"]),
            "small: the variance of the posterior given x₀ (fixed_small, fixed_small_log); large: that of the forward step (fixed_large, fixed_large_log)",
        )],
        sources: &["2006.11239", "2102.09672"],
        breaks: "variance, with variance=large: the noise of the forward step is more than the marginal has",
        note: "exact for constant D",
        build: |s| {
            let variance = if s.word("variance") == "large" { Variance::Forward } else { Variance::Marginal };
            one(OneStep { variance, ..OneStep::new(Keep::Ddim(1.0)) })
        },
    },
    Entry {
        name: "euler",
        aliases: &["flow-match-euler", "flow-euler"],
        facts: PLAIN,
        summary: "Euler in σ/α, which is also Euler in flow time",
        formula: "x' = x + (σ_t − σ_s) ε on VE, x + (s_t − s_s) u on a flow: DDIM at η = 0",
        moves: "R…R, with churn (F R)…",
        knobs: &[CHURN, TMIN, TMAX, NOISE],
        sources: &["2206.00364", "2209.03003"],
        breaks: NOISE_BREAKS,
        note: "exact for constant D",
        build: |s| {
            if churn(s).is_none() {
                return one(OneStep::new(Keep::Ddim(0.0)));
            }
            churned(s, stages::EULER)
        },
    },
    Entry {
        name: "euler-ancestral",
        aliases: &["euler-a"],
        facts: PLAIN,
        summary: "Euler in σ/α down to σ_down < σ_t, then fresh noise up to σ_t; the same as DDIM with η",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) D + σ_t√(1−ρ²) z, ρ² = 1 − η²(1 − e^{−2Δ})",
        moves: "R…R",
        knobs: &[ANCESTRAL_ETA, NOISE],
        sources: &["k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "exact for constant D",
        build: |s| one(OneStep { noise: s.number("noise"), ..OneStep::new(Keep::Ddim(s.number("eta"))) }),
    },
    Entry {
        name: "euler-ancestral-flow",
        aliases: &["euler-ancestral-rf", "flow-match-euler-ancestral"],
        facts: PLAIN,
        summary: "Euler in flow time down to s_down < s_t, then a forward step up to s_t",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) D + σ_t√(1−ρ²) z, ρ = α_t σ_down/(α_down σ_t), s_down = s_t(1 + (s_t/s_s − 1)η)",
        moves: "R…R",
        knobs: &[knob("eta", "1", UNIT, "how far below s_t the deterministic step goes; 0 for none"), NOISE],
        sources: &["comfyui", "2209.03003"],
        breaks: NOISE_BREAKS,
        note: "exact for constant D",
        build: |s| one(OneStep { noise: s.number("noise"), ..OneStep::new(Keep::Flow(s.number("eta"))) }),
    },
    Entry {
        name: "exponential",
        aliases: &["ei-sde"],
        facts: PLAIN,
        summary: "exponential integrator: one step per level, with constant h/g",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) D + σ_t√(1−ρ²) z, ρ = e^{−η²Δ}",
        moves: "R…R",
        knobs: &[RATE],
        sources: &["2309.05019", "2604.10465"],
        breaks: NOTHING,
        note: "exact for constant D",
        build: |s| one(OneStep::new(Keep::Rate(s.number("eta")))),
    },
];
