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
        summary: "solver of the extended reverse SDE (ER-SDE), with D as a Taylor polynomial in σ/α",
        formula: "x'/α_t = r x/α_s + J₀ D + J₁ D' + J₂ D''/2 + √(y_t² − r² y_s²) z, r = φ(y_t)/φ(y_s), φ(y) = y(e^{y^0.3} + 10), y = σ/α",
        moves: "R…R",
        knobs: &[
            knob("order", "3", Values::Whole(1, 3), "number of network values used"),
            NOISE,
            knob(
                "solver",
                "published",
                Values::Word(&["published", "exact"]),
                "slope D' at order 3: from one difference, as published, or from the parabola through three values",
            ),
        ],
        sources: &["2309.06169"],
        breaks: NOISE_BREAKS,
        note: "order=1 is exact for constant D, and order=2 for D linear in σ/α. order=3 takes the slope D' from one difference, as published, or from the parabola through three values (solver=exact)",
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
        summary: "DPM-Solver++(2M) for the reverse SDE",
        formula: "x' = (ρσ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + …] + σ_t√(1−ρ²) z, m_j at Δ' = (1+η)Δ, ρ = e^{−ηΔ}",
        moves: "R…R",
        knobs: &[SQUARED_ETA, NOISE, PAIR],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "η is (h/g)². solver=heun is exact for D linear in λ; solver=midpoint weighs the slope by m₀/2 in place of m₁. Both are of weak order 2",
        build: |s| squared(s, pair(s), 2),
    },
    Entry {
        name: "dpmpp-2m-sde-heun",
        aliases: &[],
        facts: Facts { inverse: "dpmpp-2m-inversion", ..PLAIN },
        summary: "DPM-Solver++(2M) for the reverse SDE with solver=heun",
        formula: "x' = (ρσ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + …] + σ_t√(1−ρ²) z, m_j at Δ' = (1+η)Δ, ρ = e^{−ηΔ}",
        moves: "R…R",
        knobs: &[SQUARED_ETA, NOISE],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "η is (h/g)². Exact for D linear in λ, and of weak order 2",
        build: |s| squared(s, Poly::HalfCurve, 2),
    },
    Entry {
        name: "dpmpp-3m-sde",
        aliases: &["sde-dpm-solver++-3m"],
        facts: PLAIN,
        summary: "DPM-Solver++(3M) for the reverse SDE",
        formula: "x' = (ρσ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + …] + σ_t√(1−ρ²) z, m_j at Δ' = (1+η)Δ, ρ = e^{−ηΔ}",
        moves: "R…R",
        knobs: &[
            SQUARED_ETA,
            NOISE,
            knob(
                "solver",
                "published",
                Values::Word(&["published", "exact"]),
                "weight of the curvature: as published, or as the exact integral has it",
            ),
        ],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "η is (h/g)². solver=published gives the curvature half of its exact weight m₂. Both are of weak order 2",
        build: |s| {
            let exact = s.word("solver") == "exact";
            squared(s, if exact { Poly::Exact(Variable::Lambda) } else { Poly::HalfCurve }, 3)
        },
    },
    Entry {
        name: "sde-dpm-solver",
        aliases: &["sde-dpmsolver"],
        facts: PLAIN,
        summary: "DPM-Solver for the reverse SDE, on ε",
        formula: "x' = (α_t/α_s) x − (1+η²)σ_t[n₀ ε₀ + w₁ ε₁] + ησ_t√(e^{2h}−1) z",
        moves: "R…R",
        knobs: &[
            knob("eta", "1", ANY, "h/g"),
            knob("order", "2", Values::Whole(1, 2), "number of network values used"),
            PAIR,
        ],
        sources: &["2206.00927"],
        breaks: "variance: ε is held constant although the noise grows; at Δ = 0.578 and η = 1 the variance becomes 2.22 times what it should be",
        note: "exact for constant ε. Of weak order 1 with order=1 and 2 with order=2",
        build: |s| {
            let eta = s.number("eta");
            Ok(Arc::new(Multistep { eta, ..Multistep::new(Form::Noise, pair(s), s.whole("order")) }))
        },
    },
    Entry {
        name: "exp-heun-sde",
        aliases: &["exp-heun-2-x0-sde"],
        facts: PLAIN,
        summary: "exponential Heun for the reverse SDE",
        formula: "as exp-heun with Δ' = (1+η²)Δ; the stage at the end shares the step's noise",
        moves: "R…R",
        knobs: &[knob("eta", "1", ANY, "h/g")],
        sources: &["2305.14267"],
        breaks: NOTHING,
        note: "exact if D is linear in λ between the two ends of a step, and of weak order 2",
        build: |s| {
            let keep = Keep::Rate(s.number("eta"));
            Ok(Arc::new(Stages { keep, fresh: Fresh::Path, ..Stages::new(stages::EXP_HEUN) }))
        },
    },
    Entry {
        name: "dpm2-ancestral",
        aliases: &["dpm-2-ancestral", "kdpm2-ancestral", "dpm2-a"],
        facts: PLAIN,
        summary: "DPM2 down to σ_down < σ_t, then fresh noise up to σ_t",
        formula: "as dpm2 to σ_down = ρσ_t, then σ_t√(1−ρ²) z",
        moves: "R…R",
        knobs: &[ANCESTRAL_ETA, NOISE],
        sources: &["k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "the step down is of order 2, and so are the marginals",
        build: |s| ancestral(s, stages::DPM2),
    },
    Entry {
        name: "dpmpp-2s-ancestral",
        aliases: &["dpmpp-2s-a"],
        facts: PLAIN,
        summary: "DPM-Solver++(2S) down to σ_down < σ_t, then fresh noise up to σ_t",
        formula: "as dpmpp-2s to σ_down = ρσ_t, then σ_t√(1−ρ²) z",
        moves: "R…R",
        knobs: &[ANCESTRAL_ETA, NOISE, SINGLE],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "the step down is of order 2, and so are the marginals",
        build: |s| ancestral(s, two_stages(s)),
    },
    Entry {
        name: "dpmpp-sde",
        aliases: &["dpm-solver-sde"],
        facts: PLAIN,
        summary: "DPM-Solver++ for the reverse SDE, with one stage at a share r of the step",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) [(1−1/2r)D + D_r/2r] + σ_t√(1−ρ²) z; the stage has noise of its own, of the same Brownian path",
        moves: "R…R",
        knobs: &[
            ANCESTRAL_ETA,
            NOISE,
            knob("r", "0.5", Values::Number(0.01, 1.0), "place of the stage, as a share of the step in λ"),
            SINGLE,
        ],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "solver=heun is exact for D linear in λ; solver=midpoint weighs the slope by half the weight of the step. The noise of stage and step comes from one Brownian path in σ/α, which is not the noise of the SDE: the state at the stage has the right marginal, but not the right joint distribution with the step. It is still of weak order 2 on Gaussian data",
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
        summary: "SEEDS-2: an exponential step with one stage, whose noise is correlated with the step's",
        formula: "as dpmpp-2s with Δ' = (1+η²)Δ; a stage's noise is the beginning of the step's",
        moves: "R…R",
        knobs: &[knob("eta", "1", ANY, "h/g"), SINGLE],
        sources: &["2305.14267"],
        breaks: NOTHING,
        note: "the noise of stage and step has the joint distribution that the SDE has. Of weak order 2",
        build: |s| {
            let keep = Keep::Rate(s.number("eta"));
            Ok(Arc::new(Stages { keep, fresh: Fresh::Path, ..Stages::new(two_stages(s)) }))
        },
    },
    Entry {
        name: "seeds-3",
        aliases: &[],
        facts: PLAIN,
        summary: "SEEDS-3: an exponential step with two stages, whose noise is correlated with the step's",
        formula: "as dpmpp-3s with Δ' = (1+η²)Δ; a stage's noise is the beginning of the step's",
        moves: "R…R",
        knobs: &[knob("eta", "1", ANY, "h/g"), SINGLE],
        sources: &["2305.14267"],
        breaks: NOTHING,
        note: "the noise of stages and step has the joint distribution that the SDE has. Of weak order 2 on Gaussian data, and of order 3 at η = 0",
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
        summary: "res-multistep down to σ_down < σ_t, then fresh noise up to σ_t",
        formula: "x' = (ρσ_t/σ_s) x + hα_t[(φ₁ − φ₂/c₂) D₀ + (φ₂/c₂) D₋₁] + σ_t√(1−ρ²) z, h = Δ − ln ρ, φ₁ = (1 − e^{−h})/h, φ₂ = (1 − φ₁)/h\nc₂ = −h₋₁/h; solver=exact: c₂ = −Δ₋₁/Δ",
        moves: "R…R",
        knobs: &[
            ANCESTRAL_ETA,
            NOISE,
            knob(
                "solver",
                "published",
                Values::Word(&["published", "exact"]),
                "where the older value is placed in λ: as published, by the last step to σ_down, or as the integral of the SDE has it",
            ),
        ],
        sources: &["2308.02157", "comfyui"],
        breaks: NOISE_BREAKS,
        note: "at η = 1 it is exact for D linear in λ, and the same table as dpmpp-2m-sde-heun. At other η only solver=exact is: the published place of the older value is wrong if h/Δ changes from step to step. Of weak order 2",
        build: |s| Ok(Arc::new(res_ancestral(s, s.word("solver") == "exact"))),
    },
];
