//! The community's names. Each entry chooses a method and says what it is, by whom, and how it differs from the exact integral.

use super::Method;
use super::catalogue::{Entry, Knob, Values};
use super::consistency::{Boundary, Consistency, Trajectory};
use super::correct::{Corrected, Tau};
use super::cycles::{Annealed, PredictorCorrector, RePaint, Restart, Stepping};
use super::extended::Extended;
use super::fast::Fast;
use super::form::{Form, Poly, Variable};
use super::guided::PlusPlus;
use super::heunpp::HeunPlus;
use super::inverse::{Inversion, MultistepInversion};
use super::multistep::{Ending, Multistep};
use super::noise::Keep;
use super::one_step::{OneStep, Variance};
use super::settings::Settings;
use super::stages::{self, Churn, Fresh, Stages, Table};
use crate::error::Result;
use std::sync::Arc;

type Built = Result<Arc<dyn Method>>;

const fn knob(key: &'static str, default: &'static str, values: Values, meaning: &'static str) -> Knob {
    Knob { key, default, meaning, values }
}

const ANY: Values = Values::Number(0.0, 1e6);
const UNIT: Values = Values::Number(0.0, 1.0);

/// DDIM's η, from 0.
const DDIM_ETA: Knob = knob("eta", "0", ANY, "DDIM's η: 0 the ODE, 1 the posterior");
/// The η of ancestral samplers, from 1.
const ANCESTRAL_ETA: Knob = knob("eta", "1", ANY, "DDIM's η: 0 the ODE, 1 the posterior");
/// h/g, from 0.
const RATE: Knob = knob("eta", "0", ANY, "h/g: 0 the ODE, 1 the reverse SDE, more is Langevin-heavy");
/// (h/g)², from 1.
const SQUARED_ETA: Knob = knob("eta", "1", ANY, "(h/g)²");
const NOISE: Knob = knob("noise", "1", ANY, "a factor on fresh noise (s_noise); all but 1 breaks the marginal");
const CHURN: Knob = knob("churn", "0", ANY, "S_churn: noise added before each step, γ = min(S_churn/N, √2−1)");
const TMIN: Knob = knob("tmin", "0", ANY, "S_tmin: no churn below this σ/α");
const TMAX: Knob = knob("tmax", "inf", Values::Number(0.0, f64::INFINITY), "S_tmax: no churn above this σ/α");
const PAIR: Knob = knob("solver", "midpoint", Values::Word(&["midpoint", "heun", "exact"]), "the weight of the slope");
const SINGLE: Knob = knob(
    "solver",
    "midpoint",
    Values::Word(&["midpoint", "heun"]),
    "as published; or with the polynomial through all values integrated exactly",
);
const LOWER: Knob = knob("lower", "false", Values::Flag, "orders 2 and 1 in the last two steps of fewer than 15");

fn one(step: OneStep) -> Built {
    Ok(Arc::new(step))
}

fn churn(settings: &Settings) -> Option<Churn> {
    let churn = settings.number("churn");
    (churn > 0.0).then(|| Churn { churn, range: (settings.number("tmin"), settings.number("tmax")) })
}

/// A table of stages with EDM's churn.
fn churned(settings: &Settings, table: Table) -> Built {
    Ok(Arc::new(Stages { churn: churn(settings), noise: settings.number("noise"), ..Stages::new(table) }))
}

/// A table of stages with ancestral noise.
fn ancestral(settings: &Settings, table: Table) -> Built {
    let keep = Keep::Ddim(settings.number("eta"));
    Ok(Arc::new(Stages { keep, noise: settings.number("noise"), ..Stages::new(table) }))
}

fn stages(table: Table) -> Built {
    Ok(Arc::new(Stages::new(table)))
}

/// By DPM-Solver's names for the weight of the slope.
fn pair(settings: &Settings) -> Poly {
    match settings.word("solver") {
        "midpoint" => Poly::Midpoint,
        "heun" => Poly::HalfCurve,
        _ => Poly::Exact(Variable::Lambda),
    }
}

fn multistep(settings: &Settings, form: Form, poly: Poly, order: usize) -> Built {
    let ending = Ending { lower: settings.flag("lower"), euler: false };
    Ok(Arc::new(Multistep { ending, ..Multistep::new(form, poly, order) }))
}

/// A stochastic multistep sampler whose η is (h/g)².
fn squared(settings: &Settings, poly: Poly, order: usize) -> Built {
    let eta = settings.number("eta").sqrt();
    Ok(Arc::new(Multistep { eta, noise: settings.number("noise"), ..Multistep::new(Form::Data, poly, order) }))
}

fn rate(settings: &Settings, order: usize) -> Built {
    let poly = Poly::Exact(Variable::Lambda);
    Ok(Arc::new(Multistep { eta: settings.number("eta"), ..Multistep::new(Form::Data, poly, order) }))
}

const STEPPING: Knob =
    knob("stepping", "exact", Values::Word(&["exact", "euler"]), "ρ = e^{−k}, or the unadjusted Euler step");

fn stepping(settings: &Settings) -> Stepping {
    if settings.word("stepping") == "euler" { Stepping::Euler } else { Stepping::Exact }
}

const NOTHING: &str = "";
const NOISE_BREAKS: &str = "variance, unless noise=1";

/// Every named sampler.
pub(crate) const ENTRIES: &[Entry] = &[
    Entry {
        name: "ddim",
        aliases: &["dpm-solver-1", "dpm-solver++-1", "dpmpp-1"],
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
        summary: "one exponential step a level, h/g constant",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) D + σ_t√(1−ρ²) z, ρ = e^{−η²Δ}",
        moves: "R…R",
        knobs: &[RATE],
        sources: &["2309.05019", "2604.10465"],
        breaks: NOTHING,
        note: "exact for constant D",
        build: |s| one(OneStep::new(Keep::Rate(s.number("eta")))),
    },
    Entry {
        name: "er-sde",
        aliases: &["er-sde-solver"],
        summary: "the extended reverse SDE, D as a Taylor polynomial in σ/α",
        formula: "x'/α_t = r x/α_s + J₀ D + J₁ D' + J₂ D''/2 + √(y_t² − r² y_s²) z, r = φ(y_t)/φ(y_s), φ(y) = y(e^{y^0.3} + 10), y = σ/α",
        moves: "R…R",
        knobs: &[knob("order", "3", Values::Whole(1, 3), "the values used"), NOISE],
        sources: &["2309.06169"],
        breaks: NOISE_BREAKS,
        note: "order 1 is exact for constant D, order 2 for D linear in σ/α; order 3 takes D' from one difference, as published, where the parabola through three values has two",
        build: |s| Ok(Arc::new(Extended { order: s.whole("order"), noise: s.number("noise") })),
    },
    Entry {
        name: "ddim-cfg-pp",
        aliases: &["euler-cfg-pp", "cfg-pp"],
        summary: "DDIM with CFG++ guidance: two branches, the noise of the unconditional one",
        formula: "x' = α_t D_g + ρσ_t ε_u + σ_t√(1−ρ²) z, D_g = D_u + w(D_c − D_u), ε_u = (x − α_s D_u)/σ_s",
        moves: "R…R",
        knobs: &[
            DDIM_ETA,
            knob(
                "guidance",
                "0.6",
                Values::Number(-100.0, 100.0),
                "w: 0 unconditional, 1 conditional with the unconditional noise",
            ),
        ],
        sources: &["2406.08070"],
        breaks: NOTHING,
        note: "exact where both branches give the same constant D",
        build: |s| Ok(Arc::new(PlusPlus { keep: Keep::Ddim(s.number("eta")), weight: s.number("guidance") })),
    },
    Entry {
        name: "euler-ancestral-cfg-pp",
        aliases: &["euler-a-cfg-pp"],
        summary: "ancestral Euler with CFG++ guidance",
        formula: "as ddim-cfg-pp with DDIM's η",
        moves: "R…R",
        knobs: &[
            ANCESTRAL_ETA,
            knob(
                "guidance",
                "0.6",
                Values::Number(-100.0, 100.0),
                "w: 0 unconditional, 1 conditional with the unconditional noise",
            ),
        ],
        sources: &["2406.08070", "k-diffusion"],
        breaks: NOTHING,
        note: "exact where both branches give the same constant D",
        build: |s| Ok(Arc::new(PlusPlus { keep: Keep::Ddim(s.number("eta")), weight: s.number("guidance") })),
    },
    Entry {
        name: "consistency",
        aliases: &["cm", "consistency-multistep"],
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
        summary: "down to (1−γ)t with no noise, then forward to t",
        formula: "x_s = α_s D + σ_s ε, s = (1−γ)t; x' = (α_t/α_s) x_s + σ_t√(1−ρ²) z",
        moves: "(R F)…",
        knobs: &[knob("gamma", "0.3", UNIT, "how far below t the jump goes: 0 is DDIM, 1 redraws all noise")],
        sources: &["2402.19159"],
        breaks: NOTHING,
        note: "exact for constant D",
        build: |s| Ok(Arc::new(Trajectory { gamma: s.number("gamma") })),
    },
    Entry {
        name: "adams1",
        aliases: &[],
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
        name: "dpmpp-2m-sde",
        aliases: &["sde-dpm-solver++-2m", "cogvideox-dpm"],
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
        name: "dpm-solver-2m",
        aliases: &[],
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
        name: "sde-dpm-solver",
        aliases: &["sde-dpmsolver"],
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
        name: "deis",
        aliases: &[],
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
        summary: "refined exponential solver, multistep: exponential Adams of order 2",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ",
        moves: "R…R",
        knobs: &[],
        sources: &["2308.02157"],
        breaks: NOTHING,
        note: "exact for D linear in λ; the same table as adams2 and dpmpp-2m-heun",
        build: |_| Ok(Arc::new(Multistep::new(Form::Data, Poly::Exact(Variable::Lambda), 2))),
    },
    Entry {
        name: "heun",
        aliases: &["edm"],
        summary: "Heun in σ/α: the trapezoid of ε, with EDM's churn",
        formula: "x̂' = x̂ + (y_t − y_s)(ε_s + ε_t)/2, x̂ = x/α, y = σ/α",
        moves: "R…R, with churn (F R)…",
        knobs: &[CHURN, TMIN, TMAX, NOISE],
        sources: &["2206.00364"],
        breaks: NOISE_BREAKS,
        note: "second order in σ/α; the last step, to σ = 0, is Euler",
        build: |s| churned(s, stages::HEUN),
    },
    Entry {
        name: "flow-heun",
        aliases: &["flow-match-heun"],
        summary: "Heun in flow time: the trapezoid of u",
        formula: "x' = x + (s_t − s_s)(u_s + u_t)/2 on a flow",
        moves: "R…R, with churn (F R)…",
        knobs: &[CHURN, TMIN, TMAX, NOISE],
        sources: &["2210.02747", "2206.00364"],
        breaks: NOISE_BREAKS,
        note: "second order in flow time; the last step, to s = 0, is Euler",
        build: |s| churned(s, stages::FLOW_HEUN),
    },
    Entry {
        name: "exp-heun",
        aliases: &["exp-heun-2-x0"],
        summary: "Heun under the exponential: D linear in λ between the ends",
        formula: "x' = (σ_t/σ_s) x + α_t[(m₀ − m₁) D_s + m₁ D_t]",
        moves: "R…R",
        knobs: &[],
        sources: &["2308.02157"],
        breaks: NOTHING,
        note: "second order in λ",
        build: |_| stages(stages::EXP_HEUN),
    },
    Entry {
        name: "exp-heun-sde",
        aliases: &["exp-heun-2-x0-sde"],
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
        name: "dpm2",
        aliases: &["dpm-2", "kdpm2"],
        summary: "the midpoint rule for ε in σ/α, at the geometric middle",
        formula: "x̂' = x̂ + (y_t − y_s) ε(√(y_s y_t)), x̂ = x/α, y = σ/α",
        moves: "R…R, with churn (F R)…",
        knobs: &[CHURN, TMIN, TMAX, NOISE],
        sources: &["2206.00364", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "second order; the last step, to σ = 0, is Euler",
        build: |s| churned(s, stages::DPM2),
    },
    Entry {
        name: "dpm2-ancestral",
        aliases: &["dpm-2-ancestral", "kdpm2-ancestral", "dpm2-a"],
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
        name: "dpm-solver-2",
        aliases: &["dpm-solver-2s", "dpm-solver-2-singlestep"],
        summary: "DPM-Solver-2: one stage at half the step in λ",
        formula: "x' = (α_t/α_s) x − σ_t(e^h − 1) ε_{1/2}",
        moves: "R…R",
        knobs: &[SINGLE],
        sources: &["2206.00927"],
        breaks: NOTHING,
        note: "second order; at r = ½ the midpoint rule: the same table as dpm2",
        build: |s| stages(if s.word("solver") == "heun" { stages::DPM_SOLVER_2_HEUN } else { stages::DPM_SOLVER_2 }),
    },
    Entry {
        name: "dpm-solver-3",
        aliases: &["dpm-solver-3s", "dpm-solver-3-singlestep"],
        summary: "DPM-Solver-3: stages at a third and two thirds of the step in λ",
        formula: "x' = (α_t/α_s) x − σ_t[n₀ ε₀ + n₁ (ε_{2/3} − ε₀)/(2/3)]",
        moves: "R…R",
        knobs: &[SINGLE],
        sources: &["2206.00927"],
        breaks: NOTHING,
        note: "third order in λ",
        build: |s| stages(if s.word("solver") == "heun" { stages::DPM_SOLVER_3_HEUN } else { stages::DPM_SOLVER_3 }),
    },
    Entry {
        name: "dpm-fast",
        aliases: &[],
        summary: "DPM-Solver-fast: steps of order 3, then 2 and 1, even in λ",
        formula: "⌊n/3⌋ + 1 steps even in λ from the first level to the last noisy one: dpm-solver-3 …, then the order that n leaves",
        moves: "R…R",
        knobs: &[DDIM_ETA, NOISE],
        sources: &["2206.00927", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "as many evaluations as the grid has steps; of its levels only the ends count. A grid with a clean end gives one of them to a last Euler step",
        build: |s| Ok(Arc::new(Fast { eta: s.number("eta"), noise: s.number("noise") })),
    },
    Entry {
        name: "heunpp2",
        aliases: &["heun-pp2"],
        summary: "Heun with a third slope from one step further on",
        formula: "x̂' = x̂ + (y₁ − y)[(1−w₁−w₂)ε + w₁ε₁ + w₂ε₂], w_i = y_i/(3y₀), x̂ = x/α, y = σ/α, y₀ the noisiest",
        moves: "R…R",
        knobs: &[],
        sources: &["comfyui", "2206.00364"],
        breaks: NOTHING,
        note: "of first order: the weights fall with the noise, from thirds to Euler; three evaluations a step, two in the last but one, one in the last",
        build: |_| Ok(Arc::new(HeunPlus)),
    },
    Entry {
        name: "dpmpp-2s",
        aliases: &["dpm-solver++-2s"],
        summary: "DPM-Solver++(2S): one stage at half the step in λ",
        formula: "x' = (σ_t/σ_s) x + α_t(1 − e^{−h}) D_{1/2}",
        moves: "R…R",
        knobs: &[SINGLE],
        sources: &["2211.01095"],
        breaks: NOTHING,
        note: "second order",
        build: |s| stages(if s.word("solver") == "heun" { stages::DPMPP_2S_HEUN } else { stages::DPMPP_2S }),
    },
    Entry {
        name: "dpmpp-3s",
        aliases: &["dpm-solver++-3s"],
        summary: "DPM-Solver++(3S): stages at a third and two thirds of the step in λ",
        formula: "x' = (σ_t/σ_s) x + α_t[m₀ D₀ + m₁ (D_{2/3} − D₀)/(2/3)]",
        moves: "R…R",
        knobs: &[SINGLE],
        sources: &["2211.01095"],
        breaks: NOTHING,
        note: "third order in λ",
        build: |s| stages(if s.word("solver") == "heun" { stages::DPMPP_3S_HEUN } else { stages::DPMPP_3S }),
    },
    Entry {
        name: "dpmpp-2s-ancestral",
        aliases: &["dpmpp-2s-a"],
        summary: "DPM-Solver++(2S) to σ_down, then fresh noise",
        formula: "as dpmpp-2s to σ_down = ρσ_t, then σ_t√(1−ρ²) z",
        moves: "R…R",
        knobs: &[ANCESTRAL_ETA, NOISE],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "second order between the noises, and so in the marginal",
        build: |s| ancestral(s, stages::DPMPP_2S),
    },
    Entry {
        name: "dpmpp-sde",
        aliases: &["dpm-solver-sde"],
        summary: "DPM-Solver++ for the SDE, one stage at the share r of the step",
        formula: "x' = (ρσ_t/σ_s) x + (α_t − ρσ_t α_s/σ_s) [(1−1/2r)D + D_r/2r] + σ_t√(1−ρ²) z; the stage has noise of its own, of the same Brownian path",
        moves: "R…R",
        knobs: &[
            ANCESTRAL_ETA,
            NOISE,
            knob("r", "0.5", Values::Number(0.01, 1.0), "where the stage stands, as a share of the step in λ"),
        ],
        sources: &["2211.01095", "k-diffusion"],
        breaks: NOISE_BREAKS,
        note: "the path is Brownian in σ/α, where the SDE's own noise is not: the stage sees a state of the right marginal, but not of the right joint law with the step. Of weak order 2 on Gaussian data all the same",
        build: |s| {
            let (keep, noise) = (Keep::Ddim(s.number("eta")), s.number("noise"));
            Ok(Arc::new(Stages {
                keep,
                noise,
                fresh: Fresh::Brownian,
                share: Some(s.number("r")),
                ..Stages::new(stages::DPMPP_2S)
            }))
        },
    },
    Entry {
        name: "seeds-2",
        aliases: &[],
        summary: "SEEDS-2: exponential stages that share the step's noise",
        formula: "as dpmpp-2s with Δ' = (1+η²)Δ; a stage's noise is the beginning of the step's",
        moves: "R…R",
        knobs: &[knob("eta", "1", ANY, "h/g")],
        sources: &["2305.14267"],
        breaks: NOTHING,
        note: "the stage and the step have the joint law of the SDE's noise; of weak order 2",
        build: |s| {
            let keep = Keep::Rate(s.number("eta"));
            Ok(Arc::new(Stages { keep, fresh: Fresh::Path, ..Stages::new(stages::DPMPP_2S) }))
        },
    },
    Entry {
        name: "seeds-3",
        aliases: &[],
        summary: "SEEDS-3: exponential stages that share the step's noise",
        formula: "as dpmpp-3s with Δ' = (1+η²)Δ; a stage's noise is the beginning of the step's",
        moves: "R…R",
        knobs: &[knob("eta", "1", ANY, "h/g")],
        sources: &["2305.14267"],
        breaks: NOTHING,
        note: "the stages and the step have the joint law of the SDE's noise; of weak order 2 on Gaussian data, of order 3 at η = 0",
        build: |s| {
            let keep = Keep::Rate(s.number("eta"));
            Ok(Arc::new(Stages { keep, fresh: Fresh::Path, ..Stages::new(stages::DPMPP_3S) }))
        },
    },
    Entry {
        name: "unipc",
        aliases: &["uni-pc"],
        summary: "UniPC with B(h) = h (bh1)",
        formula: "predict as dpmpp-2m, then correct with the value at the end: x' = (σ_t/σ_s) x + α_t[m₀ D₀ + Σ ρ_k B(h)(D_k − D₀)/r_k]",
        moves: "R…R",
        knobs: &[
            knob("order", "2", Values::Whole(1, 3), "the order of the predictor and of the corrector"),
            knob("form", "data", Values::Word(&["data", "noise"]), "values of D, or of ε"),
            knob("corrector", "true", Values::Flag, "false: UniP, the predictor alone"),
            knob("uncorrected", "", Values::List, "numbers of the steps that are not corrected"),
            knob("lower", "true", Values::Flag, "the order falls in the last steps"),
        ],
        sources: &["2302.04867"],
        breaks: NOTHING,
        note: "exact beyond two values, where bh1 = bh2; with two, the weight is B(h)/2 where m₁ is exact. Order p with its corrector is of order p + 1, but not beyond 3 with this start, and of order 2 with lower=true, whose last step is of order 1",
        build: |s| unipc(s, Poly::HalfStep),
    },
    Entry {
        name: "unipc-bh2",
        aliases: &["uni-pc-bh2"],
        summary: "UniPC with B(h) = e^h − 1 (bh2)",
        formula: "predict as dpmpp-2m, then correct with the value at the end: x' = (σ_t/σ_s) x + α_t[m₀ D₀ + Σ ρ_k B(h)(D_k − D₀)/r_k]",
        moves: "R…R",
        knobs: &[
            knob("order", "2", Values::Whole(1, 3), "the order of the predictor and of the corrector"),
            knob("form", "data", Values::Word(&["data", "noise"]), "values of D, or of ε"),
            knob("corrector", "true", Values::Flag, "false: UniP, the predictor alone"),
            knob("uncorrected", "", Values::List, "numbers of the steps that are not corrected"),
            knob("lower", "true", Values::Flag, "the order falls in the last steps"),
        ],
        sources: &["2302.04867"],
        breaks: NOTHING,
        note: "exact beyond two values, where bh1 = bh2; with two, the weight is B(h)/2 where m₁ is exact. Order p with its corrector is of order p + 1, but not beyond 3 with this start, and of order 2 with lower=true, whose last step is of order 1",
        build: |s| unipc(s, Poly::Midpoint),
    },
    Entry {
        name: "sa-solver",
        aliases: &["sa"],
        summary: "stochastic Adams: predictor and corrector of h/g = τ, one noise for both",
        formula: "x' = (ρσ_t/σ_s) x + Σ b_k D_k + σ_t√(1−ρ²) z, b_k = α_t∫Δ'e^{−Δ'(1−u)} ℓ_k(u) du, Δ' = (1+η²)Δ; the corrector has D at the end among its nodes",
        moves: "R…R",
        knobs: &[
            knob("eta", "1", ANY, "τ = h/g"),
            knob("predictor", "2", Values::Whole(1, 4), "the order of the predictor"),
            knob("corrector", "2", Values::Whole(0, 4), "the order of the corrector; 0: none"),
            knob("lower", "true", Values::Flag, "the order falls in the last steps"),
        ],
        sources: &["2309.05019"],
        breaks: NOTHING,
        note: "exact for D polynomial in λ. At η = 0 predictor p with corrector p is of order p + 1, but not beyond 3 with this start, and of order 2 with lower=true; for η > 0 of weak order 2 whatever the orders",
        build: |s| {
            Ok(Arc::new(Corrected {
                form: Form::Data,
                pair: Poly::Exact(Variable::Lambda),
                predictor: s.whole("predictor"),
                corrector: Some(s.whole("corrector")).filter(|order| *order > 0),
                lower: s.flag("lower"),
                uncorrected: vec![],
                tau: Tau::Constant(s.number("eta")),
            }))
        },
    },
    Entry {
        name: "ddim-inversion",
        aliases: &["ddim-inverse"],
        summary: "DDIM's ODE from data to noise",
        formula: "x' = (σ_t/σ_s) x + (α_t − σ_t α_s/σ_s) D, t noisier than s",
        moves: "F…F with no noise",
        knobs: &[],
        sources: &["2010.02502"],
        breaks: NOTHING,
        note: "exact for constant D; starts from the input `init` at the cleanest noisy level",
        build: |_| Ok(Arc::new(Inversion)),
    },
    Entry {
        name: "dpmpp-2m-inversion",
        aliases: &["dpmpp-2m-inverse"],
        summary: "DPM-Solver++(2M) from data to noise",
        formula: "x' = (σ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + w₂ D₂], differences D₁ = (D₀ − D₋₁)/r₀ …, m₀ = 1 − e^{−h}",
        moves: "F…F with no noise",
        knobs: &[PAIR],
        sources: &["2211.01095"],
        breaks: NOTHING,
        note: "starts from the input `init` at the cleanest noisy level",
        build: |s| Ok(Arc::new(MultistepInversion(Multistep::new(Form::Data, pair(s), 2)))),
    },
    Entry {
        name: "restart",
        aliases: &[],
        summary: "down to `lower`, noise up to `upper` and down again, `repeats` times, then on",
        formula: "Heun's steps; F: x' = (α_t/α_s) x + σ_t√(1−ρ²) z, ρ = e^{−|Δ|}",
        moves: "R…R (F R…R)^repeats R…R",
        knobs: &[
            knob("lower", "0.06", ANY, "the lower end of the interval, in σ/α"),
            knob("upper", "0.3", ANY, "the upper end of the interval, in σ/α"),
            knob("repeats", "3", Values::Whole(1, 1000), "how often it is walked again"),
            knob("solver", "heun", Values::Word(&["heun", "euler"]), "the steps down"),
        ],
        sources: &["2306.14878"],
        breaks: NOTHING,
        note: "the forward move is exact; the steps down are Heun's",
        build: |s| {
            let table = if s.word("solver") == "heun" { stages::HEUN } else { stages::EULER };
            let (lower, upper, repeats) = (s.number("lower"), s.number("upper"), s.whole("repeats"));
            Ok(Arc::new(Restart { table, lower, upper, repeats }))
        },
    },
    Entry {
        name: "repaint",
        aliases: &[],
        summary: "inpainting: after each step what is known is put in; blocks of steps are walked several times",
        formula: "x ← mask·(α_t image + σ_t z) + (1 − mask)·x after each R",
        moves: "(R^jump (F R^jump)^{samples−1})…",
        knobs: &[
            DDIM_ETA,
            knob("jump", "10", Values::Whole(1, 10_000), "steps in a block"),
            knob("samples", "10", Values::Whole(1, 1000), "how often a block is walked; 1: plain replacement"),
        ],
        sources: &["2201.09865"],
        breaks: NOTHING,
        note: "inputs `image` and `mask` (1 where the image is known); the mask is a product of states, so the plan is not linear",
        build: |s| {
            let keep = Keep::Ddim(s.number("eta"));
            Ok(Arc::new(RePaint { keep, jump: s.whole("jump"), samples: s.whole("samples") }))
        },
    },
    Entry {
        name: "predictor-corrector",
        aliases: &["pc"],
        summary: "a reverse step, then Langevin moves where it lands",
        formula: "R: ρ = e^{−η²Δ}; L: ρ = e^{−k}, or with stepping=euler x' = (1−k) x + αk D + σ√(2k) z",
        moves: "(R L^corrections)…",
        knobs: &[
            knob("eta", "1", ANY, "h/g of the reverse steps"),
            knob("corrections", "1", Values::Whole(0, 1000), "Langevin moves at each level"),
            knob("k", "0.1", ANY, "their length, in units of σ²/Λ"),
            STEPPING,
        ],
        sources: &["2011.13456"],
        breaks: "variance, with stepping=euler: the unadjusted step adds O(k²)",
        note: "exact for constant D, with stepping=exact",
        build: |s| {
            let (keep, corrections, k) = (Keep::Rate(s.number("eta")), s.whole("corrections"), s.number("k"));
            Ok(Arc::new(PredictorCorrector { keep, corrections, k, stepping: stepping(s) }))
        },
    },
    Entry {
        name: "annealed-langevin",
        aliases: &["ald", "ncsn"],
        summary: "Langevin moves at each level, from level to level with the state kept",
        formula: "L: x' = (1−k) x + αk D + σ√(2k) z; between levels x/α stays",
        moves: "(L^corrections)…",
        knobs: &[
            knob("corrections", "5", Values::Whole(1, 1000), "moves at each level"),
            knob("k", "0.3", ANY, "their length, in units of σ²/Λ (the paper's α_i/2 over σ_i²)"),
            knob("stepping", "euler", Values::Word(&["euler", "exact"]), "the unadjusted step, or ρ = e^{−k}"),
        ],
        sources: &["1907.05600"],
        breaks: "variance: a level's noise is only partly replaced before the next level is claimed, and the unadjusted step adds O(k²)",
        note: "reaches each marginal only as the moves grow many",
        build: |s| {
            Ok(Arc::new(Annealed { corrections: s.whole("corrections"), k: s.number("k"), stepping: stepping(s) }))
        },
    },
];

fn unipc(settings: &Settings, pair: Poly) -> Built {
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
    }))
}

#[cfg(test)]
mod tests;
