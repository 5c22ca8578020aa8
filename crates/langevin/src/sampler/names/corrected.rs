//! Predictor–corrector samplers: a step is repeated with the value found at its end.

use super::{ANY, Built, NOTHING, PLAIN, knob};
use crate::sampler::correct::{Corrected, Tau};
use crate::sampler::entry::Entry;
use crate::sampler::form::{Form, Poly, Variable};
use crate::sampler::knob::{Knob, Values};
use crate::sampler::settings::Settings;
use std::sync::Arc;

/// Returns UniPC, with the weight of its B(h) for a pair of values, or with the exact weight.
fn unipc(settings: &Settings, published: Poly) -> Built {
    let pair = if settings.word("solver") == "exact" { Poly::Exact(Variable::Lambda) } else { published };
    let order = settings.whole("order");
    let uncorrected = settings.word("uncorrected").split('+').filter_map(|step| step.parse().ok()).collect();
    Ok(Arc::new(Corrected {
        form: if settings.word("form") == "noise" { Form::Noise } else { Form::Data },
        pair,
        predictor: order,
        corrector: settings.flag("corrector").then_some(order),
        lower: settings.flag("lower"),
        uncorrected,
        tau: Tau::Constant(0.0),
        again: false,
    }))
}

const UNIPC_SOLVER: Knob = knob(
    "solver",
    "published",
    Values::Word(&["published", "exact"]),
    "weight of the slope in steps from two values: as published, or as the exact integral has it",
);

/// Returns SA-Solver; with `again`, its PECE form.
fn stochastic_adams(settings: &Settings, again: bool) -> Built {
    Ok(Arc::new(Corrected {
        form: Form::Data,
        pair: Poly::Exact(Variable::Lambda),
        predictor: settings.whole("predictor"),
        corrector: Some(settings.whole("corrector")).filter(|order| *order > 0),
        lower: settings.flag("lower"),
        uncorrected: vec![],
        tau: Tau::Constant(settings.number("eta")),
        again,
    }))
}

const TAU: Knob = knob("eta", "1", ANY, "τ = h/g");
const PREDICTOR: Knob = knob("predictor", "2", Values::Whole(1, 4), "order of the predictor");
const CORRECTOR: Knob = knob("corrector", "2", Values::Whole(0, 4), "order of the corrector; 0 for none");
const FALLING: Knob = knob("lower", "true", Values::Flag, "lower the order in the last steps");

/// The formula of UniPC with either B(h).
const UNIPC_FORMULA: &str = "predict as dpmpp-2m, then correct with the value at the end: x' = (σ_t/σ_s) x + α_t[m₀ D₀ + Σ ρ_k B(h)(D_k − D₀)/r_k]";
const UNIPC_NOTE: &str = "steps from three or more values are exact integrals, and then bh1 equals bh2. A step from two values weighs the slope by B(h)/2 in place of m₁; with solver=exact it has m₁, and unipc, unipc-bh2 and sa-solver at η = 0 are the same. Order p with the corrector is of order p + 1, at most 3 because of the start, and of order 2 with lower=true, because the last step is of order 1";
const UNIPC_KNOBS: &[Knob] = &[
    knob("order", "2", Values::Whole(1, 3), "order of the predictor and of the corrector"),
    knob("form", "data", Values::Word(&["data", "noise"]), "use values of D or of ε"),
    knob("corrector", "true", Values::Flag, "false: the predictor alone (UniP)"),
    knob("uncorrected", "", Values::List, "indices of the steps without a corrector"),
    UNIPC_SOLVER,
    FALLING,
];

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "unipc",
        aliases: &["uni-pc"],
        facts: PLAIN,
        summary: "UniPC with B(h) = h (bh1)",
        formula: UNIPC_FORMULA,
        moves: "R…R",
        knobs: UNIPC_KNOBS,
        sources: &["2302.04867"],
        breaks: NOTHING,
        note: UNIPC_NOTE,
        build: |s| unipc(s, Poly::HalfStep),
    },
    Entry {
        name: "unipc-bh2",
        aliases: &["uni-pc-bh2"],
        facts: PLAIN,
        summary: "UniPC with B(h) = e^h − 1 (bh2)",
        formula: UNIPC_FORMULA,
        moves: "R…R",
        knobs: UNIPC_KNOBS,
        sources: &["2302.04867"],
        breaks: NOTHING,
        note: UNIPC_NOTE,
        build: |s| unipc(s, Poly::Midpoint),
    },
    Entry {
        name: "sa-solver",
        aliases: &["sa"],
        facts: PLAIN,
        summary: "SA-Solver: stochastic Adams predictor and corrector with h/g = τ and the same noise in both",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ; the corrector has D at the end among its nodes",
        moves: "R…R",
        knobs: &[TAU, PREDICTOR, CORRECTOR, FALLING],
        sources: &["2309.05019"],
        breaks: NOTHING,
        note: "each step is exact if D is a polynomial in λ. At η = 0, predictor p with corrector p is of order p + 1, at most 3 because of the start, and of order 2 with lower=true. For η > 0 it is of weak order 2 for all orders",
        build: |s| stochastic_adams(s, false),
    },
    Entry {
        name: "sa-solver-pece",
        aliases: &["sa-pece"],
        facts: PLAIN,
        summary: "SA-Solver that also evaluates the corrected state: predict, evaluate, correct, evaluate",
        formula: "as sa-solver; the value of the past is D of the corrected state, in place of D of the predicted one",
        moves: "R…R",
        knobs: &[TAU, PREDICTOR, CORRECTOR, FALLING],
        sources: &["2309.05019"],
        breaks: NOTHING,
        note: "takes two evaluations a step, one in the first step, and none at the end. With predictor=1 and corrector=1 it is exp-heun at η = 0 and exp-heun-sde at η = 1. The orders are those of sa-solver",
        build: |s| stochastic_adams(s, true),
    },
];
