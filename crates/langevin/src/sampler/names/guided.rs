//! Samplers with CFG++, which use two branches of the network.

use super::stochastic::res_ancestral;
use super::{ANCESTRAL_ETA, Built, DDIM_ETA, GUIDED, NOISE, NOISE_BREAKS, NOTHING, PAIR, knob, pair};
use crate::sampler::Method;
use crate::sampler::entry::{Entry, Facts};
use crate::sampler::form::{Form, Poly, Variable};
use crate::sampler::guided::PlusPlus;
use crate::sampler::knob::{Knob, Values};
use crate::sampler::multistep::Multistep;
use crate::sampler::noise::Keep;
use crate::sampler::one_step::OneStep;
use crate::sampler::settings::Settings;
use crate::sampler::stages::{self, Stages};
use std::sync::Arc;

const GUIDANCE: Knob = knob(
    "guidance",
    "0.6",
    Values::Number(-100.0, 100.0),
    "guidance weight w: 0 is unconditional; 1 has the conditional D with the unconditional ε",
);

fn plus(settings: &Settings, method: impl Method + 'static) -> Built {
    Ok(Arc::new(PlusPlus { weight: settings.number("guidance"), method }))
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "ddim-cfg-pp",
        aliases: &["euler-cfg-pp", "cfg-pp"],
        facts: GUIDED,
        summary: "DDIM with CFG++ guidance: the guided D with the unconditional ε",
        formula: "x' = α_t D_g + ρσ_t ε_u + σ_t√(1−ρ²) z, D_g = D_u + w(D_c − D_u), ε_u = (x − α_s D_u)/σ_s",
        moves: "R…R",
        knobs: &[DDIM_ETA, GUIDANCE],
        sources: &["2406.08070"],
        breaks: NOTHING,
        note: "exact if the conditional and the unconditional D are the same constant",
        build: |s| plus(s, OneStep::new(Keep::Ddim(s.number("eta")))),
    },
    Entry {
        name: "euler-ancestral-cfg-pp",
        aliases: &["euler-a-cfg-pp"],
        facts: GUIDED,
        summary: "ancestral Euler with CFG++ guidance",
        formula: "as ddim-cfg-pp with DDIM's η",
        moves: "R…R",
        knobs: &[ANCESTRAL_ETA, NOISE, GUIDANCE],
        sources: &["2406.08070", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "exact if the conditional and the unconditional D are the same constant",
        build: |s| plus(s, OneStep { noise: s.number("noise"), ..OneStep::new(Keep::Ddim(s.number("eta"))) }),
    },
    Entry {
        name: "dpmpp-2m-cfg-pp",
        aliases: &["dpm-solver++-2m-cfg-pp"],
        facts: Facts { inverse: "dpmpp-2m-inversion", ..GUIDED },
        summary: "DPM-Solver++(2M) with CFG++ guidance",
        formula: "x' = α_t D_g + (σ_t/σ_s)(x − α_s D_u) + α_t w₁ D_{u,1}: dpmpp-2m of D_u, and α_t w(D_c − D_u) more",
        moves: "R…R",
        knobs: &[PAIR, GUIDANCE],
        sources: &["2406.08070", "2211.01095"],
        breaks: NOTHING,
        note: "the slope is that of the unconditional D. If both D are equal it is dpmpp-2m, and with solver=heun the exact integral",
        build: |s| plus(s, Multistep::new(Form::Data, pair(s), 2)),
    },
    Entry {
        name: "dpmpp-2s-ancestral-cfg-pp",
        aliases: &["dpmpp-2s-a-cfg-pp"],
        facts: GUIDED,
        summary: "ancestral DPM-Solver++(2S) with CFG++ guidance in the stage and in the step",
        formula: "x_½ = α_½ D_g + σ_½ ε_u, x' = α_t D_g(x_½) + (ρσ_t/σ_s)(x − α_s D_u(x_½)) + σ_t√(1−ρ²) z",
        moves: "R…R",
        knobs: &[ANCESTRAL_ETA, NOISE, GUIDANCE],
        sources: &["2406.08070", "2211.01095"],
        breaks: NOISE_BREAKS,
        note: "if both D are equal it is dpmpp-2s-ancestral",
        build: |s| {
            let (keep, noise) = (Keep::Ddim(s.number("eta")), s.number("noise"));
            plus(s, Stages { keep, noise, ..Stages::new(stages::DPMPP_2S) })
        },
    },
    Entry {
        name: "res-multistep-cfg-pp",
        aliases: &["res-2m-cfg-pp"],
        facts: GUIDED,
        summary: "res-multistep with CFG++ guidance",
        formula: "x' = α_t D_g + (σ_t/σ_s)(x − α_s D_u) + α_t m₁ D_{u,1}: res-multistep of D_u, and α_t w(D_c − D_u) more",
        moves: "R…R",
        knobs: &[GUIDANCE],
        sources: &["2406.08070", "2308.02157"],
        breaks: NOTHING,
        note: "the slope is that of the unconditional D. If both D are equal it is res-multistep",
        build: |s| plus(s, Multistep::new(Form::Data, Poly::Exact(Variable::Lambda), 2)),
    },
    Entry {
        name: "res-multistep-ancestral-cfg-pp",
        aliases: &["res-2m-ancestral-cfg-pp", "res-multistep-a-cfg-pp"],
        facts: GUIDED,
        summary: "res-multistep-ancestral with CFG++ guidance",
        formula: "res-multistep-ancestral of D_u, and α_t w(D_c − D_u) more",
        moves: "R…R",
        knobs: &[ANCESTRAL_ETA, NOISE, GUIDANCE],
        sources: &["2406.08070", "2308.02157", "comfyui"],
        breaks: NOISE_BREAKS,
        note: "the slope is that of the unconditional D. If both D are equal it is res-multistep-ancestral",
        build: |s| plus(s, res_ancestral(s, false)),
    },
    Entry {
        name: "gradient-estimation-cfg-pp",
        aliases: &["ge-cfg-pp"],
        facts: GUIDED,
        summary: "gradient-estimation with CFG++ guidance",
        formula: "x'/α_t = D_g + y_t ε_u + (y_t − y_s)(γ−1)(ε_u − ε_{u,1}), y = σ/α: gradient-estimation of ε_u, and w(D_c − D_u) more",
        moves: "R…R",
        knobs: &[knob("gamma", "2", Values::Number(0.0, 10.0), "γ; the last change of ε is added γ−1 times"), GUIDANCE],
        sources: &["2406.08070", "2306.04848"],
        breaks: NOTHING,
        note: "if both D are equal it is gradient-estimation",
        build: |s| plus(s, Multistep::new(Form::Noise, Poly::Extrapolate(s.number("gamma")), 2)),
    },
];
