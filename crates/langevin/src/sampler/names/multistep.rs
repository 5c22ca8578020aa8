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
        summary: "exponential Adams of order 1, h/g constant",
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
        summary: "exponential Adams of order 2, h/g constant",
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
        summary: "exponential Adams of order 3, h/g constant",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ",
        moves: "R…R",
        knobs: &[RATE],
        sources: &["2309.05019", "2211.01095"],
        breaks: NOTHING,
        note: "exact for D quadratic in λ; the first steps have fewer values, so the whole is of order 2, as it is for the SDE with any start",
        build: |s| rate(s, 3),
    },
    Entry {
        name: "adams4",
        aliases: &[],
        facts: PLAIN,
        summary: "exponential Adams of order 4, h/g constant",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ",
        moves: "R…R",
        knobs: &[RATE],
        sources: &["2309.05019", "2211.01095"],
        breaks: NOTHING,
        note: "exact for D cubic in λ; the first steps have fewer values, so the whole is of order 2, as it is for the SDE with any start",
        build: |s| rate(s, 4),
    },
    Entry {
        name: "dpmpp-2m",
        aliases: &["dpm-solver++-2m"],
        facts: Facts { inverse: "dpmpp-2m-inversion", ..PLAIN },
        summary: "DPM-Solver++(2M): two values of D",
        formula: "x' = (σ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + w₂ D₂], differences D₁ = (D₀ − D₋₁)/r₀ …, m₀ = 1 − e^{−h}\nmidpoint w₁ = m₀/2; heun w₁ = m₁ = 1 − m₀/h",
        moves: "R…R",
        knobs: &[PAIR, LOWER],
        sources: &["2211.01095"],
        breaks: NOTHING,
        note: "solver=heun is the exact exponential integral (adams2); midpoint has m₀/2 where m₁ is exact: a difference of order h³ a step, α_t h²/12 of the slope D₁",
        build: |s| multistep(s, Form::Data, pair(s), 2),
    },
    Entry {
        name: "dpmpp-2m-heun",
        aliases: &[],
        facts: Facts { inverse: "dpmpp-2m-inversion", ..PLAIN },
        summary: "DPM-Solver++(2M) in its 'heun' form: exponential Adams of order 2",
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
        summary: "DPM-Solver++(3M): three values of D",
        formula: "x' = (σ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + w₂ D₂], differences D₁ = (D₀ − D₋₁)/r₀ …, m₀ = 1 − e^{−h}\nw₁ = m₁, w₂ = m₂/2",
        moves: "R…R",
        knobs: &[
            knob("solver", "published", Values::Word(&["published", "exact"]), "the weight of the curvature"),
            LOWER,
        ],
        sources: &["2211.01095"],
        breaks: NOTHING,
        note: "published: the curvature weighs half of the exact m₂, which makes it of order 2 with any start; solver=exact is adams3, of order 2 for its start alone",
        build: |s| {
            let exact = s.word("solver") == "exact";
            multistep(s, Form::Data, if exact { Poly::Exact(Variable::Lambda) } else { Poly::HalfCurve }, 3)
        },
    },
    Entry {
        name: "dpm-solver-2m",
        aliases: &[],
        facts: PLAIN,
        summary: "DPM-Solver, two values of ε",
        formula: "x' = (α_t/α_s) x − σ_t[n₀ ε₀ + w₁ ε₁ + w₂ ε₂], differences of ε in λ, n₀ = e^h − 1\nmidpoint w₁ = n₀/2; heun w₁ = n₁ = n₀/h − 1",
        moves: "R…R",
        knobs: &[PAIR, LOWER],
        sources: &["2206.00927"],
        breaks: NOTHING,
        note: "solver=heun is exact for ε linear in λ (DEIS of order 2)",
        build: |s| multistep(s, Form::Noise, pair(s), 2),
    },
    Entry {
        name: "dpm-solver-3m",
        aliases: &[],
        facts: PLAIN,
        summary: "DPM-Solver, three values of ε",
        formula: "x' = (α_t/α_s) x − σ_t[n₀ ε₀ + w₁ ε₁ + w₂ ε₂], differences of ε in λ, n₀ = e^h − 1\nw₁ = n₁, w₂ = n₂/2",
        moves: "R…R",
        knobs: &[
            knob("solver", "published", Values::Word(&["published", "exact"]), "the weight of the curvature"),
            LOWER,
        ],
        sources: &["2206.00927"],
        breaks: NOTHING,
        note: "published: the curvature weighs half of the exact n₂, which makes it of order 2 with any start; solver=exact is DEIS of order 3, of order 2 for its start alone",
        build: |s| {
            let exact = s.word("solver") == "exact";
            multistep(s, Form::Noise, if exact { Poly::Exact(Variable::Lambda) } else { Poly::HalfCurve }, 3)
        },
    },
    Entry {
        name: "deis",
        aliases: &[],
        facts: PLAIN,
        summary: "Adams on ε, exactly integrated in λ",
        formula: "x' = (α_t/α_s) x − σ_t[n₀ ε₀ + w₁ ε₁ + w₂ ε₂], differences of ε in λ, n₀ = e^h − 1, w_j = n_j",
        moves: "R…R",
        knobs: &[
            knob("order", "3", Values::Whole(1, 4), "the values used"),
            knob(
                "variable",
                "lambda",
                Values::Word(&["lambda", "sigma"]),
                "ε as a polynomial in λ (log ρ), or in σ/α (ρ)",
            ),
            LOWER,
        ],
        sources: &["2204.13902"],
        breaks: NOTHING,
        note: "exact for ε polynomial in its variable; of order 2 as a whole, for its start has fewer values",
        build: |s| {
            let variable = if s.word("variable") == "sigma" { Variable::Clock } else { Variable::Lambda };
            multistep(s, Form::Noise, Poly::Exact(variable), s.whole("order"))
        },
    },
    Entry {
        name: "lms",
        aliases: &["ipndm-v"],
        facts: PLAIN,
        summary: "Adams–Bashforth on ε in σ/α, for the steps as they are",
        formula: "x'/α_t = x/α_s + Σ ε_k ∫ℓ_k(y) dy, y = σ/α",
        moves: "R…R",
        knobs: &[knob("order", "4", Values::Whole(1, 4), "the values used")],
        sources: &["2204.13902", "k-diffusion"],
        breaks: NOTHING,
        note: "exact for ε polynomial in σ/α; of order 2 as a whole, for its start has fewer values. DEIS with variable=sigma",
        build: |s| multistep(s, Form::Noise, Poly::Exact(Variable::Clock), s.whole("order")),
    },
    Entry {
        name: "ipndm",
        aliases: &[],
        facts: PLAIN,
        summary: "Adams–Bashforth on ε with the constants of even steps",
        formula: "x'/α_t = x/α_s + (y_t − y_s)(55ε₀ − 59ε₁ + 37ε₂ − 9ε₃)/24, y = σ/α",
        moves: "R…R",
        knobs: &[knob("order", "4", Values::Whole(1, 4), "the values used")],
        sources: &["2204.13902"],
        breaks: NOTHING,
        note: "the start has fewer values and uneven steps have other constants: of order 2 as a whole, if the steps change gradually; lms weighs the steps as they are",
        build: |s| multistep(s, Form::Noise, Poly::Even, s.whole("order")),
    },
    Entry {
        name: "pndm",
        aliases: &["plms"],
        facts: PLAIN,
        summary: "Adams–Bashforth on ε with the constants of even steps, after a Runge–Kutta or Heun start",
        formula: "as ipndm, each step by DDIM's transfer",
        moves: "R…R",
        knobs: &[knob(
            "start",
            "heun",
            Values::Word(&["heun", "runge-kutta"]),
            "the first step by Heun (PLMS, skip_prk_steps), or the first three by Runge–Kutta",
        )],
        sources: &["2202.09778"],
        breaks: NOTHING,
        note: "of order 4 on even steps after a Runge–Kutta start, 3 after a Heun start; of order 2 on uneven ones, if they change gradually",
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
        knobs: &[knob("order", "2", Values::Whole(1, 4), "the values used")],
        sources: &["2210.02747"],
        breaks: NOTHING,
        note: "exact for u polynomial in flow time; of order 2 as a whole, for its start has fewer values",
        build: |s| multistep(s, Form::Flow, Poly::Exact(Variable::Clock), s.whole("order")),
    },
    Entry {
        name: "gradient-estimation",
        aliases: &["ge"],
        facts: PLAIN,
        summary: "Euler along d + (γ−1)(d − d_old)",
        formula: "x'/α_t = x/α_s + (y_t − y_s)(γ ε₀ + (1−γ) ε₁), y = σ/α",
        moves: "R…R",
        knobs: &[knob("gamma", "2", Values::Number(0.0, 10.0), "how far the last change of direction is carried on")],
        sources: &["2306.04848"],
        breaks: NOTHING,
        note: "of first order: a correction of direction, not of order",
        build: |s| Ok(Arc::new(Multistep::new(Form::Noise, Poly::Extrapolate(s.number("gamma")), 2))),
    },
    Entry {
        name: "res-multistep",
        aliases: &["res-2m"],
        facts: PLAIN,
        summary: "refined exponential solver, multistep: exponential Adams of order 2",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ",
        moves: "R…R",
        knobs: &[],
        sources: &["2308.02157"],
        breaks: NOTHING,
        note: "exact for D linear in λ; the same table as adams2 and dpmpp-2m-heun",
        build: |_| Ok(Arc::new(Multistep::new(Form::Data, Poly::Exact(Variable::Lambda), 2))),
    },
];
