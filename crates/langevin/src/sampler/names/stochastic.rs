//! Stochastic samplers whose steps use more than one value or evaluation.

use super::{ANCESTRAL_ETA, ANY, Built, NOISE, NOISE_BREAKS, NOTHING, PAIR, PLAIN, SINGLE, SQUARED_ETA, knob, pair};
use crate::sampler::ancestral::Ancestral;
use crate::sampler::entry::{Entry, Facts};
use crate::sampler::extended::Extended;
use crate::sampler::form::{Form, Poly, Variable};
use crate::sampler::knob::Values;
use crate::sampler::multistep::Multistep;
use crate::sampler::noise::Keep;
use crate::sampler::settings::Settings;
use crate::sampler::stages::{self, Fresh, Stages, Table};
use std::sync::Arc;

/// Returns a table of stages with ancestral noise.
fn ancestral(settings: &Settings, table: Table) -> Built {
    let keep = Keep::Ddim(settings.number("eta"));
    Ok(Arc::new(Stages { keep, noise: settings.number("noise"), ..Stages::new(table) }))
}

/// Returns a stochastic multistep sampler whose η is (h/g)².
fn squared(settings: &Settings, poly: Poly, order: usize) -> Built {
    let eta = settings.number("eta").sqrt();
    Ok(Arc::new(Multistep { eta, noise: settings.number("noise"), ..Multistep::new(Form::Data, poly, order) }))
}

/// Returns DPM-Solver++(2S), or its form with the slope integrated exactly.
fn two_stages(settings: &Settings) -> Table {
    if settings.word("solver") == "heun" { stages::DPMPP_2S_HEUN } else { stages::DPMPP_2S }
}

/// Returns RES with ancestral noise.
pub(super) fn res_ancestral(settings: &Settings, exact: bool) -> Ancestral {
    Ancestral { keep: Keep::Ddim(settings.number("eta")), noise: settings.number("noise"), exact }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "er-sde",
        aliases: &["er-sde-solver"],
        facts: PLAIN,
        summary: "the extended reverse SDE, D as a Taylor polynomial in σ/α",
        formula: "x'/α_t = r x/α_s + J₀ D + J₁ D' + J₂ D''/2 + √(y_t² − r² y_s²) z, r = φ(y_t)/φ(y_s), φ(y) = y(e^{y^0.3} + 10), y = σ/α",
        moves: "R…R",
        knobs: &[
            knob("order", "3", Values::Whole(1, 3), "the values used"),
            NOISE,
            knob(
                "solver",
                "published",
                Values::Word(&["published", "exact"]),
                "D' of order 3 from one difference, or from the parabola",
            ),
        ],
        sources: &["2309.06169"],
        breaks: NOISE_BREAKS,
        note: "order 1 is exact for constant D, order 2 for D linear in σ/α; order 3 takes D' from one difference, as published, where the parabola through three values has two (solver=exact)",
        build: |s| {
            Ok(Arc::new(Extended {
                order: s.whole("order"),
                noise: s.number("noise"),
                exact: s.word("solver") == "exact",
            }))
        },
    },
    Entry {
        name: "dpmpp-2m-sde",
        aliases: &["sde-dpm-solver++-2m", "cogvideox-dpm"],
        facts: Facts { inverse: "dpmpp-2m-inversion", ..PLAIN },
        summary: "DPM-Solver++(2M) for the SDE",
        formula: "x' = (ρσ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + …] + σ_t√(1−ρ²) z, m_j at Δ' = (1+η)Δ, ρ = e^{−ηΔ}",
        moves: "R…R",
        knobs: &[SQUARED_ETA, NOISE, PAIR],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "η is (h/g)². solver=heun is exact for D linear in λ; midpoint has m₀/2 where m₁ is exact. Either is of weak order 2",
        build: |s| squared(s, pair(s), 2),
    },
    Entry {
        name: "dpmpp-2m-sde-heun",
        aliases: &[],
        facts: Facts { inverse: "dpmpp-2m-inversion", ..PLAIN },
        summary: "DPM-Solver++(2M) for the SDE, 'heun' form",
        formula: "x' = (ρσ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + …] + σ_t√(1−ρ²) z, m_j at Δ' = (1+η)Δ, ρ = e^{−ηΔ}",
        moves: "R…R",
        knobs: &[SQUARED_ETA, NOISE],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "η is (h/g)². Exact for D linear in λ; of weak order 2",
        build: |s| squared(s, Poly::HalfCurve, 2),
    },
    Entry {
        name: "dpmpp-3m-sde",
        aliases: &["sde-dpm-solver++-3m"],
        facts: PLAIN,
        summary: "DPM-Solver++(3M) for the SDE",
        formula: "x' = (ρσ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + …] + σ_t√(1−ρ²) z, m_j at Δ' = (1+η)Δ, ρ = e^{−ηΔ}",
        moves: "R…R",
        knobs: &[
            SQUARED_ETA,
            NOISE,
            knob("solver", "published", Values::Word(&["published", "exact"]), "the weight of the curvature"),
        ],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "η is (h/g)². published: the curvature weighs half of the exact m₂. Either is of weak order 2",
        build: |s| {
            let exact = s.word("solver") == "exact";
            squared(s, if exact { Poly::Exact(Variable::Lambda) } else { Poly::HalfCurve }, 3)
        },
    },
    Entry {
        name: "sde-dpm-solver",
        aliases: &["sde-dpmsolver"],
        facts: PLAIN,
        summary: "DPM-Solver for the SDE of ε",
        formula: "x' = (α_t/α_s) x − (1+η²)σ_t[n₀ ε₀ + w₁ ε₁] + ησ_t√(e^{2h}−1) z",
        moves: "R…R",
        knobs: &[knob("eta", "1", ANY, "h/g"), knob("order", "2", Values::Whole(1, 2), "the values used"), PAIR],
        sources: &["2206.00927"],
        breaks: "variance: ε is held constant while the noise grows (2.22 of it at Δ = 0.578, η = 1)",
        note: "exact for constant ε only; of weak order 1, with order=2 of 2",
        build: |s| {
            let eta = s.number("eta");
            Ok(Arc::new(Multistep { eta, ..Multistep::new(Form::Noise, pair(s), s.whole("order")) }))
        },
    },
    Entry {
        name: "exp-heun-sde",
        aliases: &["exp-heun-2-x0-sde"],
        facts: PLAIN,
        summary: "Heun under the exponential for the SDE",
        formula: "as exp-heun with Δ' = (1+η²)Δ; the stage at the end shares the step's noise",
        moves: "R…R",
        knobs: &[knob("eta", "1", ANY, "h/g")],
        sources: &["2305.14267"],
        breaks: NOTHING,
        note: "exact for D linear in λ between the ends; of weak order 2",
        build: |s| {
            let keep = Keep::Rate(s.number("eta"));
            Ok(Arc::new(Stages { keep, fresh: Fresh::Path, ..Stages::new(stages::EXP_HEUN) }))
        },
    },
    Entry {
        name: "dpm2-ancestral",
        aliases: &["dpm-2-ancestral", "kdpm2-ancestral", "dpm2-a"],
        facts: PLAIN,
        summary: "DPM2 to σ_down, then fresh noise",
        formula: "as dpm2 to σ_down = ρσ_t, then σ_t√(1−ρ²) z",
        moves: "R…R",
        knobs: &[ANCESTRAL_ETA, NOISE],
        sources: &["k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "second order between the noises, and so in the marginal",
        build: |s| ancestral(s, stages::DPM2),
    },
    Entry {
        name: "dpmpp-2s-ancestral",
        aliases: &["dpmpp-2s-a"],
        facts: PLAIN,
        summary: "DPM-Solver++(2S) to σ_down, then fresh noise",
        formula: "as dpmpp-2s to σ_down = ρσ_t, then σ_t√(1−ρ²) z",
        moves: "R…R",
        knobs: &[ANCESTRAL_ETA, NOISE, SINGLE],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "second order between the noises, and so in the marginal",
        build: |s| ancestral(s, two_stages(s)),
    },
    Entry {
        name: "dpmpp-sde",
        aliases: &["dpm-solver-sde"],
        facts: PLAIN,
        summary: "DPM-Solver++ for the SDE, one stage at the share r of the step",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) [(1−1/2r)D + D_r/2r] + σ_t√(1−ρ²) z; the stage has noise of its own, of the same Brownian path",
        moves: "R…R",
        knobs: &[
            ANCESTRAL_ETA,
            NOISE,
            knob("r", "0.5", Values::Number(0.01, 1.0), "where the stage stands, as a share of the step in λ"),
            SINGLE,
        ],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "solver=heun integrates D linear in λ exactly, midpoint has half the sum of the step as the weight of the slope. The path is Brownian in σ/α, where the SDE's own noise is not: the stage sees a state of the right marginal, but not of the right joint law with the step. Of weak order 2 on Gaussian data all the same",
        build: |s| {
            let (keep, noise) = (Keep::Ddim(s.number("eta")), s.number("noise"));
            Ok(Arc::new(Stages {
                keep,
                noise,
                fresh: Fresh::Brownian,
                share: Some(s.number("r")),
                ..Stages::new(two_stages(s))
            }))
        },
    },
    Entry {
        name: "seeds-2",
        aliases: &[],
        facts: PLAIN,
        summary: "SEEDS-2: exponential stages that share the step's noise",
        formula: "as dpmpp-2s with Δ' = (1+η²)Δ; a stage's noise is the beginning of the step's",
        moves: "R…R",
        knobs: &[knob("eta", "1", ANY, "h/g"), SINGLE],
        sources: &["2305.14267"],
        breaks: NOTHING,
        note: "the stage and the step have the joint law of the SDE's noise; of weak order 2",
        build: |s| {
            let keep = Keep::Rate(s.number("eta"));
            Ok(Arc::new(Stages { keep, fresh: Fresh::Path, ..Stages::new(two_stages(s)) }))
        },
    },
    Entry {
        name: "seeds-3",
        aliases: &[],
        facts: PLAIN,
        summary: "SEEDS-3: exponential stages that share the step's noise",
        formula: "as dpmpp-3s with Δ' = (1+η²)Δ; a stage's noise is the beginning of the step's",
        moves: "R…R",
        knobs: &[knob("eta", "1", ANY, "h/g"), SINGLE],
        sources: &["2305.14267"],
        breaks: NOTHING,
        note: "the stages and the step have the joint law of the SDE's noise; of weak order 2 on Gaussian data, of order 3 at η = 0",
        build: |s| {
            let table = if s.word("solver") == "heun" { stages::DPMPP_3S_HEUN } else { stages::DPMPP_3S };
            let keep = Keep::Rate(s.number("eta"));
            Ok(Arc::new(Stages { keep, fresh: Fresh::Path, ..Stages::new(table) }))
        },
    },
    Entry {
        name: "res-multistep-ancestral",
        aliases: &["res-2m-ancestral", "res-multistep-a"],
        facts: PLAIN,
        summary: "res-multistep to σ_down, then fresh noise",
        formula: "x' = (ρσ_t/σ_s) x + hα_t[(φ₁ − φ₂/c₂) D₀ + (φ₂/c₂) D₋₁] + σ_t√(1−ρ²) z, h = Δ − ln ρ, φ₁ = (1 − e^{−h})/h, φ₂ = (1 − φ₁)/h\nc₂ = −h₋₁/h; solver=exact: c₂ = −Δ₋₁/Δ",
        moves: "R…R",
        knobs: &[
            ANCESTRAL_ETA,
            NOISE,
            knob(
                "solver",
                "published",
                Values::Word(&["published", "exact"]),
                "the place of the older value: by the last step to σ_down, or as the integral of the SDE has it",
            ),
        ],
        sources: &["2308.02157", "comfyui"],
        breaks: NOISE_BREAKS,
        note: "at η = 1 exact for D linear in λ under the SDE, the same table as dpmpp-2m-sde-heun; elsewhere solver=exact is, and the published place differs where h/Δ changes from step to step. Of weak order 2",
        build: |s| Ok(Arc::new(res_ancestral(s, s.word("solver") == "exact"))),
    },
];
