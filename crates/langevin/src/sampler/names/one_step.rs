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
        summary: "one step a level, DDIM's η",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) D + σ_t√(1−ρ²) z, ρ² = 1 − η²(1 − e^{−2Δ})",
        moves: "R…R",
        knobs: &[
            DDIM_ETA,
            knob(
                "epsilon",
                "raw",
                Values::Word(&["raw", "clipped"]),
                "under a clamp or threshold: ε from the raw D, or from the clipped one",
            ),
        ],
        sources: &["2010.02502"],
        breaks: NOTHING,
        note: "exact for constant D; the posterior of DDPM at η = 1",
        build: |s| {
            let keep = Keep::Ddim(s.number("eta"));
            one(OneStep { raw_noise: s.word("epsilon") == "raw", ..OneStep::new(keep) })
        },
    },
    Entry {
        name: "ddpm",
        aliases: &[],
        facts: PLAIN,
        summary: "the ancestral sampler of DDPM: DDIM at η = 1",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) D + σ_t√(1−ρ²) z, ρ = e^{−Δ}; variance=large: c = σ_s√(1−e^{−2Δ})",
        moves: "R…R with h = g",
        knobs: &[knob(
            "variance",
            "small",
            Values::Word(&["small", "large"]),
            "the posterior's variance for a known datum (fixed_small, fixed_small_log), or the forward step's (fixed_large, fixed_large_log)",
        )],
        sources: &["2006.11239", "2102.09672"],
        breaks: "variance, with variance=large: its noise is the forward step's, more than the marginal has",
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
        summary: "Euler in σ/α, and at the same time in flow time",
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
        summary: "Euler in σ/α to σ_down, then fresh noise: DDIM with η",
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
        summary: "Euler in flow time to s_down, then forward",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) D + σ_t√(1−ρ²) z, ρ = α_t σ_down/(α_down σ_t), s_down = s_t(1 + (s_t/s_s − 1)η)",
        moves: "R…R",
        knobs: &[knob("eta", "1", UNIT, "how far below s_t the deterministic step goes"), NOISE],
        sources: &["comfyui", "2209.03003"],
        breaks: NOISE_BREAKS,
        note: "exact for constant D",
        build: |s| one(OneStep { noise: s.number("noise"), ..OneStep::new(Keep::Flow(s.number("eta"))) }),
    },
    Entry {
        name: "exponential",
        aliases: &["ei-sde"],
        facts: PLAIN,
        summary: "one exponential step a level, h/g constant",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) D + σ_t√(1−ρ²) z, ρ = e^{−η²Δ}",
        moves: "R…R",
        knobs: &[RATE],
        sources: &["2309.05019", "2604.10465"],
        breaks: NOTHING,
        note: "exact for constant D",
        build: |s| one(OneStep::new(Keep::Rate(s.number("eta")))),
    },
];
