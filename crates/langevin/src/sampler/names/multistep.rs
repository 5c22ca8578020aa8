//! Multistep samplers: one evaluation per step, with the values of earlier steps. The ODE, and
//! exponential Adams at any h/g.

use super::{Built, LOWER, NOTHING, PAIR, PLAIN, RATE, knob, pair};
use crate::sampler::entry::{Entry, Facts};
use crate::sampler::form::{Form, Poly, Variable};
use crate::sampler::knob::Values;
use crate::sampler::multistep::{Ending, Multistep};
use crate::sampler::settings::Settings;
use crate::sampler::stages;
use std::sync::Arc;

fn multistep(settings: &Settings, form: Form, poly: Poly, order: usize) -> Built {
    let ending = Ending { lower: settings.flag("lower"), euler: false };
    Ok(Arc::new(Multistep { ending, ..Multistep::new(form, poly, order) }))
}

fn rate(settings: &Settings, order: usize) -> Built {
    let poly = Poly::Exact(Variable::Lambda);
    Ok(Arc::new(Multistep { eta: settings.number("eta"), ..Multistep::new(Form::Data, poly, order) }))
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "adams1",
        aliases: &[],
        facts: PLAIN,
        summary: "exponential Adams of order 1 with constant h/g",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ",
        moves: "R…R",
        knobs: &[RATE],
        sources: &["2309.05019", "2211.01095"],
        breaks: NOTHING,
        note: "exact for constant D",
        build: |s| rate(s, 1),
    },
    Entry {
        name: "adams2",
        aliases: &[],
        facts: PLAIN,
        summary: "exponential Adams of order 2 with constant h/g",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ",
        moves: "R…R",
        knobs: &[RATE],
        sources: &["2309.05019", "2211.01095"],
        breaks: NOTHING,
        note: "exact for D linear in λ",
        build: |s| rate(s, 2),
    },
    Entry {
        name: "adams3",
        aliases: &[],
        facts: PLAIN,
        summary: "exponential Adams of order 3 with constant h/g",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ",
        moves: "R…R",
        knobs: &[RATE],
        sources: &["2309.05019", "2211.01095"],
        breaks: NOTHING,
        note: "each step is exact if D is quadratic in λ. The first steps have fewer values, so the whole is of order 2; for the SDE it is of order 2 with any start",
        build: |s| rate(s, 3),
    },
    Entry {
        name: "adams4",
        aliases: &[],
        facts: PLAIN,
        summary: "exponential Adams of order 4 with constant h/g",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ",
        moves: "R…R",
        knobs: &[RATE],
        sources: &["2309.05019", "2211.01095"],
        breaks: NOTHING,
        note: "each step is exact if D is cubic in λ. The first steps have fewer values, so the whole is of order 2; for the SDE it is of order 2 with any start",
        build: |s| rate(s, 4),
    },
    Entry {
        name: "dpmpp-2m",
        aliases: &["dpm-solver++-2m"],
        facts: Facts { inverse: "dpmpp-2m-inversion", ..PLAIN },
        summary: "DPM-Solver++(2M), from the last two values of D",
        formula: "x' = (σ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + w₂ D₂], differences D₁ = (D₀ − D₋₁)/r₀ …, m₀ = 1 − e^{−h}\nmidpoint w₁ = m₀/2; heun w₁ = m₁ = 1 − m₀/h",
        moves: "R…R",
        knobs: &[PAIR, LOWER],
        sources: &["2211.01095"],
        breaks: NOTHING,
        note: "solver=heun is the exact exponential integral (adams2). solver=midpoint weighs the slope D₁ by m₀/2 in place of m₁, a difference of α_t Δ²/12 to leading order",
        build: |s| multistep(s, Form::Data, pair(s), 2),
    },
    Entry {
        name: "dpmpp-2m-heun",
        aliases: &[],
        facts: Facts { inverse: "dpmpp-2m-inversion", ..PLAIN },
        summary: "DPM-Solver++(2M) with solver=heun, which is exponential Adams of order 2",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ",
        moves: "R…R",
        knobs: &[RATE],
        sources: &["2211.01095"],
        breaks: NOTHING,
        note: "exact for D linear in λ",
        build: |s| rate(s, 2),
    },
    Entry {
        name: "dpmpp-3m",
        aliases: &["dpm-solver++-3m"],
        facts: PLAIN,
        summary: "DPM-Solver++(3M), from the last three values of D",
        formula: "x' = (σ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + w₂ D₂], differences D₁ = (D₀ − D₋₁)/r₀ …, m₀ = 1 − e^{−h}\nw₁ = m₁, w₂ = m₂/2",
        moves: "R…R",
        knobs: &[
            knob(
                "solver",
                "published",
                Values::Word(&["published", "exact"]),
                "weight of the curvature: as published, or as the exact integral has it",
            ),
            LOWER,
        ],
        sources: &["2211.01095"],
        breaks: NOTHING,
        note: "solver=published gives the curvature half of its exact weight m₂, so it is of order 2 with any start. solver=exact is adams3, which is of order 2 only because of its start",
        build: |s| {
            let exact = s.word("solver") == "exact";
            multistep(s, Form::Data, if exact { Poly::Exact(Variable::Lambda) } else { Poly::HalfCurve }, 3)
        },
    },
    Entry {
        name: "dpm-solver-2m",
        aliases: &[],
        facts: PLAIN,
        summary: "DPM-Solver, from the last two values of ε",
        formula: "x' = (α_t/α_s) x − σ_t[n₀ ε₀ + w₁ ε₁ + w₂ ε₂], differences of ε in λ, n₀ = e^h − 1\nmidpoint w₁ = n₀/2; heun w₁ = n₁ = n₀/h − 1",
        moves: "R…R",
        knobs: &[PAIR, LOWER],
        sources: &["2206.00927"],
        breaks: NOTHING,
        note: "solver=heun is exact if ε is linear in λ (DEIS of order 2)",
        build: |s| multistep(s, Form::Noise, pair(s), 2),
    },
    Entry {
        name: "dpm-solver-3m",
        aliases: &[],
        facts: PLAIN,
        summary: "DPM-Solver, from the last three values of ε",
        formula: "x' = (α_t/α_s) x − σ_t[n₀ ε₀ + w₁ ε₁ + w₂ ε₂], differences of ε in λ, n₀ = e^h − 1\nw₁ = n₁, w₂ = n₂/2",
        moves: "R…R",
        knobs: &[
            knob(
                "solver",
                "published",
                Values::Word(&["published", "exact"]),
                "weight of the curvature: as published, or as the exact integral has it",
            ),
            LOWER,
        ],
        sources: &["2206.00927"],
        breaks: NOTHING,
        note: "solver=published gives the curvature half of its exact weight n₂, so it is of order 2 with any start. solver=exact is DEIS of order 3, which is of order 2 only because of its start",
        build: |s| {
            let exact = s.word("solver") == "exact";
            multistep(s, Form::Noise, if exact { Poly::Exact(Variable::Lambda) } else { Poly::HalfCurve }, 3)
        },
    },
    Entry {
        name: "deis",
        aliases: &[],
        facts: PLAIN,
        summary: "exponential Adams on ε, integrated exactly in λ",
        formula: "x' = (α_t/α_s) x − σ_t[n₀ ε₀ + w₁ ε₁ + w₂ ε₂], differences of ε in λ, n₀ = e^h − 1, w_j = n_j",
        moves: "R…R",
        knobs: &[
            knob("order", "3", Values::Whole(1, 4), "number of network values used"),
            knob(
                "variable",
                "lambda",
                Values::Word(&["lambda", "sigma"]),
                "variable of the polynomial through ε: λ (log ρ in the paper), or σ/α (ρ)",
            ),
            LOWER,
        ],
        sources: &["2204.13902"],
        breaks: NOTHING,
        note: "each step is exact if ε is a polynomial in the variable. The first steps have fewer values, so the whole is of order 2",
        build: |s| {
            let variable = if s.word("variable") == "sigma" { Variable::Clock } else { Variable::Lambda };
            multistep(s, Form::Noise, Poly::Exact(variable), s.whole("order"))
        },
    },
    Entry {
        name: "lms",
        aliases: &["ipndm-v"],
        facts: PLAIN,
        summary: "Adams–Bashforth on ε in σ/α, with weights for uneven steps",
        formula: "x'/α_t = x/α_s + Σ ε_k ∫ℓ_k(y) dy, y = σ/α",
        moves: "R…R",
        knobs: &[knob("order", "4", Values::Whole(1, 4), "number of network values used")],
        sources: &["2204.13902", "k-diffusion"],
        breaks: NOTHING,
        note: "each step is exact if ε is a polynomial in σ/α. The first steps have fewer values, so the whole is of order 2. The same as deis with variable=sigma",
        build: |s| multistep(s, Form::Noise, Poly::Exact(Variable::Clock), s.whole("order")),
    },
    Entry {
        name: "ipndm",
        aliases: &[],
        facts: PLAIN,
        summary: "Adams–Bashforth on ε in σ/α, with the weights of even steps",
        formula: "x'/α_t = x/α_s + (y_t − y_s)(55ε₀ − 59ε₁ + 37ε₂ − 9ε₃)/24, y = σ/α",
        moves: "R…R",
        knobs: &[knob("order", "4", Values::Whole(1, 4), "number of network values used")],
        sources: &["2204.13902"],
        breaks: NOTHING,
        note: "of order 2 as a whole if the lengths of the steps change gradually: the first steps have fewer values, and uneven steps would need other weights, which lms has",
        build: |s| multistep(s, Form::Noise, Poly::Even, s.whole("order")),
    },
    Entry {
        name: "pndm",
        aliases: &["plms"],
        facts: PLAIN,
        summary: "Adams–Bashforth on ε with the weights of even steps, after a Runge–Kutta or Heun start",
        formula: "as ipndm, each step by DDIM's transfer",
        moves: "R…R",
        knobs: &[knob(
            "start",
            "heun",
            Values::Word(&["heun", "runge-kutta"]),
            "method of the start: Heun in the first step (PLMS, skip_prk_steps), or Runge–Kutta in the first three",
        )],
        sources: &["2202.09778"],
        breaks: NOTHING,
        note: "on even steps of order 4 after a Runge–Kutta start and 3 after a Heun start. On uneven steps of order 2 if their lengths change gradually",
        build: |s| {
            let warm = if s.word("start") == "heun" { (1, stages::HEUN) } else { (3, stages::RUNGE_KUTTA) };
            Ok(Arc::new(Multistep { warm: Some(warm), ..Multistep::new(Form::Noise, Poly::Even, 4) }))
        },
    },
    Entry {
        name: "flow-adams",
        aliases: &[],
        facts: PLAIN,
        summary: "Adams–Bashforth on the velocity in flow time",
        formula: "x'/(α+σ)_t = x/(α+σ)_s + Σ u_k ∫ℓ_k(s) ds, s = σ/(α+σ)",
        moves: "R…R",
        knobs: &[knob("order", "2", Values::Whole(1, 4), "number of network values used")],
        sources: &["2210.02747"],
        breaks: NOTHING,
        note: "each step is exact if the velocity u is a polynomial in flow time. The first steps have fewer values, so the whole is of order 2",
        build: |s| multistep(s, Form::Flow, Poly::Exact(Variable::Clock), s.whole("order")),
    },
    Entry {
        name: "gradient-estimation",
        aliases: &["ge"],
        facts: PLAIN,
        summary: "Euler on an extrapolated ε: ε + (γ−1)(ε − ε_old)",
        formula: "x'/α_t = x/α_s + (y_t − y_s)(γ ε₀ + (1−γ) ε₁), y = σ/α",
        moves: "R…R",
        knobs: &[knob("gamma", "2", Values::Number(0.0, 10.0), "γ; the last change of ε is added γ−1 times")],
        sources: &["2306.04848"],
        breaks: NOTHING,
        note: "of order 1: the extrapolation changes the direction, not the order",
        build: |s| Ok(Arc::new(Multistep::new(Form::Noise, Poly::Extrapolate(s.number("gamma")), 2))),
    },
    Entry {
        name: "res-multistep",
        aliases: &["res-2m"],
        facts: PLAIN,
        summary: "the multistep refined exponential solver (RES), which is exponential Adams of order 2",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ",
        moves: "R…R",
        knobs: &[],
        sources: &["2308.02157"],
        breaks: NOTHING,
        note: "exact for D linear in λ; the same table as adams2 and dpmpp-2m-heun",
        build: |_| Ok(Arc::new(Multistep::new(Form::Data, Poly::Exact(Variable::Lambda), 2))),
    },
];
