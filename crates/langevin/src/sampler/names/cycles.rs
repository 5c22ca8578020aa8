//! Inversion, restart, inpainting and Langevin moves.

use super::{ANY, DDIM_ETA, NOTHING, PAIR, PLAIN, RISING, knob, pair};
use crate::sampler::cycles::{Annealed, PredictorCorrector, RePaint, Restart, Stepping};
use crate::sampler::entry::{Entry, Facts};
use crate::sampler::form::Form;
use crate::sampler::inverse::{Inversion, MultistepInversion};
use crate::sampler::knob::{Knob, Values};
use crate::sampler::multistep::Multistep;
use crate::sampler::noise::Keep;
use crate::sampler::settings::Settings;
use crate::sampler::stages;
use std::sync::Arc;

const STEPPING: Knob = knob(
    "stepping",
    "exact",
    Values::Word(&["exact", "euler"]),
    "exact: ρ = e^{−k}; euler: the unadjusted Langevin step",
);

fn stepping(settings: &Settings) -> Stepping {
    if settings.word("stepping") == "euler" { Stepping::Euler } else { Stepping::Exact }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "ddim-inversion",
        aliases: &["ddim-inverse"],
        facts: RISING,
        summary: "the ODE of DDIM from data to noise",
        formula: "x' = (σ_t/σ_s) x + (α_t − σ_t α_s/σ_s) D, t noisier than s",
        moves: "F…F with no noise",
        knobs: &[],
        sources: &["2010.02502"],
        breaks: NOTHING,
        note: "exact for constant D. Starts from the input `init`, taken as the state at the lowest noise level above 0",
        build: |_| Ok(Arc::new(Inversion)),
    },
    Entry {
        name: "dpmpp-2m-inversion",
        aliases: &["dpmpp-2m-inverse"],
        facts: Facts { inverse: "dpmpp-2m-inversion", ..RISING },
        summary: "DPM-Solver++(2M) from data to noise",
        formula: "x' = (σ_t/σ_s) x + α_t[m₀ D₀ + w₁ D₁ + w₂ D₂], differences D₁ = (D₀ − D₋₁)/r₀ …, m₀ = 1 − e^{−h}",
        moves: "F…F with no noise",
        knobs: &[PAIR],
        sources: &["2211.01095"],
        breaks: NOTHING,
        note: "starts from the input `init`, taken as the state at the lowest noise level above 0",
        build: |s| Ok(Arc::new(MultistepInversion(Multistep::new(Form::Data, pair(s), 2)))),
    },
    Entry {
        name: "restart",
        aliases: &[],
        facts: Facts { recommended: false, ..PLAIN },
        summary: "Restart: at σ/α = lower, add noise up to `upper` and denoise again, `repeats` times, then go on",
        formula: "Heun's steps; F: x' = (α_t/α_s) x + σ_t√(1−ρ²) z, ρ = e^{−|Δ|}",
        moves: "R…R (F R…R)^repeats R…R",
        knobs: &[
            knob("lower", "0.06", ANY, "lower end of the interval, in σ/α"),
            knob("upper", "0.3", ANY, "upper end of the interval, in σ/α"),
            knob("repeats", "3", Values::Whole(1, 1000), "how often the interval is repeated"),
            knob("solver", "heun", Values::Word(&["heun", "euler"]), "method of the denoising steps"),
        ],
        sources: &["2306.14878"],
        breaks: NOTHING,
        note: "the added noise is exact; the denoising steps are those of `solver`",
        build: |s| {
            let table = if s.word("solver") == "heun" { stages::HEUN } else { stages::EULER };
            let (lower, upper, repeats) = (s.number("lower"), s.number("upper"), s.whole("repeats"));
            Ok(Arc::new(Restart { table, lower, upper, repeats }))
        },
    },
    Entry {
        name: "repaint",
        aliases: &[],
        facts: Facts { recommended: false, inputs: &["image", "mask"], ..PLAIN },
        summary: "RePaint inpainting: after each step the known part is inserted, and blocks of steps are repeated",
        formula: "x ← mask·(α_t image + σ_t z) + (1 − mask)·x after each R",
        moves: "(R^jump (F R^jump)^{samples−1})…",
        knobs: &[
            DDIM_ETA,
            knob("jump", "10", Values::Whole(1, 10_000), "steps in a block"),
            knob("samples", "10", Values::Whole(1, 1000), "how often a block is run; 1 for plain replacement"),
        ],
        sources: &["2201.09865"],
        breaks: NOTHING,
        note: "takes the inputs `image` and `mask` (1 where the image is known). The mask multiplies states, so the plan is not linear",
        build: |s| {
            let keep = Keep::Ddim(s.number("eta"));
            Ok(Arc::new(RePaint { keep, jump: s.whole("jump"), samples: s.whole("samples") }))
        },
    },
    Entry {
        name: "predictor-corrector",
        aliases: &["pc"],
        facts: PLAIN,
        summary: "a reverse step, then Langevin moves at the new noise level",
        formula: "R: ρ = e^{−η²Δ}; L: ρ = e^{−k}, or with stepping=euler x' = (1−k) x + αk D + σ√(2k) z",
        moves: "(R L^corrections)…",
        knobs: &[
            knob("eta", "1", ANY, "h/g of the reverse steps"),
            knob("corrections", "1", Values::Whole(0, 1000), "number of Langevin moves at each level"),
            knob("k", "0.1", ANY, "length of a Langevin move, in units of σ²/Λ"),
            STEPPING,
        ],
        sources: &["2011.13456"],
        breaks: "variance, with stepping=euler: the unadjusted Langevin step has an error of O(k²)",
        note: "exact for constant D, with stepping=exact",
        build: |s| {
            let (keep, corrections, k) = (Keep::Rate(s.number("eta")), s.whole("corrections"), s.number("k"));
            Ok(Arc::new(PredictorCorrector { keep, corrections, k, stepping: stepping(s) }))
        },
    },
    Entry {
        name: "annealed-langevin",
        aliases: &["ald", "ncsn"],
        facts: Facts { recommended: false, ..PLAIN },
        summary: "Langevin moves at each level; the state goes unchanged from level to level",
        formula: "L: x' = (1−k) x + αk D + σ√(2k) z; between levels x/α stays",
        moves: "(L^corrections)…",
        knobs: &[
            knob("corrections", "5", Values::Whole(1, 1000), "number of Langevin moves at each level"),
            knob("k", "0.3", ANY, "length of a move, in units of σ²/Λ (α_i/2 over σ_i² in the paper)"),
            knob(
                "stepping",
                "euler",
                Values::Word(&["euler", "exact"]),
                "euler: the unadjusted Langevin step; exact: ρ = e^{−k}",
            ),
        ],
        sources: &["1907.05600"],
        breaks: "variance: the moves at a level do not quite reach its marginal before the next level begins, and the unadjusted step has an error of O(k²)",
        note: "the marginals are reached only with many moves at each level",
        build: |s| {
            Ok(Arc::new(Annealed { corrections: s.whole("corrections"), k: s.number("k"), stepping: stepping(s) }))
        },
    },
];
