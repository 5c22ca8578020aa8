//! Named samplers.

use super::catalogue::{Entry, Noises};
use super::knob::{Knob, Settings, Values};
use super::write::{self, Schedule};
use super::{Order, Survivals, cosine, even_sizes, sizes_of};
use crate::plan::Rule;
use crate::request::{GRID, STEPS};
use crate::space::StateSpace;
use langevin::{Error, Result};

const UNIT: Values = Values::Number(0.0, 1.0);
const MOST: usize = 1 << 20;

const STEPS_KNOB: Knob = Knob::new("steps", STEPS, Values::Whole(1, MOST), "number of steps");
const GRID_KNOB: Knob = Knob::new("grid", GRID, Values::Grid, "survivals of the steps");
const ORDER: Knob = Knob::new("order", "random", Values::Order, "order in which tokens are unmasked");
const SIZES: Knob =
    Knob::new("sizes", "", Values::List, "tokens of each step, in place of the number of steps and the grid");
const TEMPERATURE: Knob =
    Knob::new("temperature", "", Values::Number(1e-6, 1e6), "letters are drawn from D to the power 1/temperature");
const TOP_K: Knob = Knob::new("top-k", "", Values::Whole(1, MOST), "draw from this many most probable letters");
const TOP_P: Knob =
    Knob::new("top-p", "", Values::Number(1e-12, 1.0), "draw from the most probable letters up to this sum");
const GUIDANCE: Knob = Knob::new(
    "guidance",
    "",
    Values::Number(-1e6, 1e6),
    "weight w of classifier-free guidance: w ln D of the condition + (1 − w) ln D without it",
);

/// The options of a sampler: its own, and those of every sampler.
macro_rules! knobs {
    ($($knob:expr),* $(,)?) => { &[$($knob,)* TEMPERATURE, TOP_K, TOP_P, GUIDANCE] };
}

/// Returns the sizes of the groups: the list, or those of the grid.
fn groups(space: &StateSpace, settings: &Settings) -> Result<Vec<usize>> {
    let (list, length) = (settings.list("sizes"), space.length());
    if !list.is_empty() {
        return Ok(list);
    }
    match settings.word("grid").parse::<Survivals>()? {
        Survivals::Even => Ok(even_sizes(length, settings.whole("steps"))),
        grid => Ok(sizes_of(length, &grid.levels(settings.whole("steps"))?)),
    }
}

/// Returns the schedule of ReMDM's sampler.
fn schedule(settings: &Settings) -> Schedule {
    let eta = settings.number("eta");
    let [hold, on, off] = ["hold", "on", "off"].map(|key| settings.number(key));
    match settings.word("schedule") {
        "cap" => Schedule::Cap(eta),
        "rescale" => Schedule::Rescale(eta),
        _ => Schedule::Loop { eta, hold, on, off },
    }
}

const NOTHING: &[Rule] = &[];
const DRAWN: &[Rule] = &[Rule::DrawnToken];

/// All named samplers.
pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        name: "ancestral",
        aliases: &["d3pm", "mdlm", "sedd-analytic", "analytic", "ddpm", "origin"],
        noises: Noises::Any,
        summary: "the exact reverse of the forward process, for each token given a draw of x0",
        formula: "remask 0, fresh f = (σ_t/σ_s)(1 − α_s/α_t), unmask (α_t − α_s)/σ_s; masked: f = 0",
        knobs: knobs![STEPS_KNOB, GRID_KNOB],
        sources: &["2107.03006", "2406.07524", "2310.16834"],
        breaks: NOTHING,
        note: "exact with one token; the error of several tokens in one step falls like 1/steps",
        build: |space, net, s| write::ancestral(space, net, &s.levels()?),
    },
    Entry {
        name: "coupling",
        aliases: &["dfm", "discrete-flow-matching", "multiflow"],
        noises: Noises::Any,
        summary: "clean tokens stay, and noised tokens become clean or stay",
        formula: "remask 0, fresh 0, unmask (α_t − α_s)/σ_s",
        knobs: knobs![STEPS_KNOB, GRID_KNOB],
        sources: &["2407.15595", "2402.04997"],
        breaks: NOTHING,
        note: "the same as ancestral under masked noise. Published Euler steps of the same rates agree to first order",
        build: |space, net, s| write::coupling(space, net, &s.levels()?),
    },
    Entry {
        name: "euler",
        aliases: &["tau-leaping", "tau", "sedd-euler", "ctmc", "defog"],
        noises: Noises::Any,
        summary: "jumps along the reverse rates of any split η = h/g",
        formula: "R = max(0, r − q, (1+η²)/2 r − (1−η²)/2 q); a token jumps with probability 1 − e^{−hΛ}",
        knobs: knobs![
            STEPS_KNOB,
            GRID_KNOB,
            Knob::new(
                "eta",
                "1",
                Values::Number(0.0, 1e6),
                "h/g: 0 has the fewest jumps, 1 is the time reversal, above 1 adds jumps"
            ),
        ],
        sources: &["2205.14987", "2310.16834", "2410.04263", "2407.15595"],
        breaks: NOTHING,
        note: "first order. A divergence-free part c of flow matching is η² = 1 + 2c. Under masked noise every η ≤ 1 is one process. One evaluation more than steps, for the letters that are left",
        build: |space, net, s| write::tau_leaping(space, net, &s.levels()?, s.number("eta")),
    },
    Entry {
        name: "row",
        aliases: &["multinomial-ddim", "ddim", "bridge"],
        noises: Noises::Any,
        summary: "the row of continuous samplers: the share ρ of the noise is kept",
        formula: "x' ~ a δ_x + b δ_x0 + c π, a = ρσ_t/σ_s, b = α_t − aα_s, c = σ_t(1 − ρ)",
        knobs: knobs![
            STEPS_KNOB,
            GRID_KNOB,
            Knob::new("rho", "1", UNIT, "share of the noise that is kept; below 1 clean tokens are redrawn")
        ],
        sources: &["2010.02502", "2503.00307"],
        breaks: NOTHING,
        note: "the marginals are exact for every ρ. ρ = 1 is ancestral under masked noise",
        build: |space, net, s| write::row(space, net, &s.levels()?, s.number("rho")),
    },
    Entry {
        name: "remask",
        aliases: &["remdm"],
        noises: Noises::Masked,
        summary: "clean tokens are masked again, by the schedules of ReMDM",
        formula: "remask m: cap min(η, σ_t/α_s, 1), rescale η min(σ_t/α_s, 1); unmask (α_t − (1−m)α_s)/σ_s",
        knobs: knobs![
            STEPS_KNOB,
            GRID_KNOB,
            Knob::new(
                "schedule",
                "cap",
                Values::Word(&["cap", "rescale", "loop"]),
                "cap, rescale, or cap within a loop at one survival"
            ),
            Knob::new("eta", "0.02", UNIT, "η of the schedule"),
            Knob::new("hold", "0.9", UNIT, "loop: survival that is held"),
            Knob::new("on", "0.55", UNIT, "loop: time at which it begins; time runs from 1 to 0"),
            Knob::new("off", "0.05", UNIT, "loop: time at which it ends"),
        ],
        sources: &["2503.00307"],
        breaks: NOTHING,
        note: "the marginals are exact. The published schedule by confidence is no fixed table and is not here. A loop has even levels before and after it",
        build: |space, net, s| {
            let schedule = schedule(s);
            if matches!(schedule, Schedule::Loop { .. }) && s.word("grid") != GRID {
                return Err(Error::argument("a loop has its own levels")
                    .at("`grid`")
                    .expected(GRID)
                    .got(s.word("grid")));
            }
            write::remask(space, net, &s.levels()?, schedule)
        },
    },
    Entry {
        name: "forward-backward",
        aliases: &["predictor-corrector", "campbell-corrector"],
        noises: Noises::Any,
        summary: "ancestral steps that go too far, then back by the forward process",
        formula: "ancestral to α_r = α_t/(α_t + ρσ_t), then every token is redrawn from π with probability 1 − α_t/α_r",
        knobs: knobs![
            STEPS_KNOB,
            GRID_KNOB,
            Knob::new("rho", "0.9", Values::Number(1e-6, 1.0), "share of the noise, in σ/α, that the way back keeps")
        ],
        sources: &["2205.14987", "2407.15595"],
        breaks: NOTHING,
        note: "the marginals are exact; ρ = 1 is ancestral",
        build: |space, net, s| write::forward_backward(space, net, &s.levels()?, s.number("rho")),
    },
    Entry {
        name: "psi",
        aliases: &["psi-sampler", "duo-psi"],
        noises: Noises::Any,
        summary: "a mixture of the exact reverse and of fresh noise of the next level",
        formula: "remask (1 − κ)σ_t, fresh κ(σ_t/σ_s)(1 − α_s/α_t) + (1 − κ)σ_t",
        knobs: knobs![STEPS_KNOB, GRID_KNOB, Knob::new("kappa", "0.95", UNIT, "share κ of the exact reverse")],
        sources: &["2602.21185"],
        breaks: NOTHING,
        note: "the marginals are exact; κ = 1 is ancestral. The published κ may change over the steps; here it is one number",
        build: |space, net, s| write::psi(space, net, &s.levels()?, s.number("kappa")),
    },
    Entry {
        name: "theta-trapezoidal",
        aliases: &["trapezoidal", "theta-trap"],
        noises: Noises::Masked,
        summary: "two evaluations a step, with rates extrapolated from both",
        formula: "jump θh along R, then (1−θ)h along (a₁R* − a₂R)₊, a₁ = 1/(2θ(1−θ)), a₂ = ((1−θ)² + θ²)a₁",
        knobs: knobs![
            STEPS_KNOB,
            GRID_KNOB,
            Knob::new("theta", "0.5", UNIT, "place of the second evaluation within the step")
        ],
        sources: &["2502.00234"],
        breaks: NOTHING,
        note: "second order. Two evaluations a step, and one more for the letters that are left",
        build: |space, net, s| write::theta_trapezoidal(space, net, &s.levels()?, s.number("theta")),
    },
    Entry {
        name: "gibbs",
        aliases: &["loo-corrector", "informed-corrector"],
        noises: Noises::Unmasked,
        summary: "ancestral steps, and at each level random tokens redrawn from their conditional laws",
        formula: "x_i ~ αD_i + σπ for `count` random places, `sweeps` times",
        knobs: knobs![
            STEPS_KNOB,
            GRID_KNOB,
            Knob::new(
                "sweeps",
                "1",
                Values::Whole(0, MOST),
                "rounds at each level before the last, one evaluation each"
            ),
            Knob::new("count", "1", Values::Whole(1, MOST), "tokens that are redrawn in one round"),
        ],
        sources: &["2407.21243"],
        breaks: NOTHING,
        note: "a round of one token leaves the law of the level unchanged; several at once do so approximately",
        build: |space, net, s| write::gibbs(space, net, &s.levels()?, s.whole("sweeps"), s.whole("count")),
    },
    Entry {
        name: "first-hitting",
        aliases: &["fhs", "one-at-a-time"],
        noises: Noises::Masked,
        summary: "one token at a time, in an order that does not look at the drawn letters",
        formula: "one masked place, drawn from D",
        knobs: knobs![ORDER],
        sources: &["2409.02908"],
        breaks: NOTHING,
        note: "exact, with as many evaluations as tokens. order=confidence violates the rule drawn-token",
        build: |space, net, s| write::sizes(space, net, &vec![1; space.length()], &s.order()?, false),
    },
    Entry {
        name: "sizes",
        aliases: &["groups", "random-order"],
        noises: Noises::Masked,
        summary: "groups of given sizes in an order",
        formula: "the first m_j masked places of the order, drawn from D",
        knobs: knobs![STEPS_KNOB, GRID_KNOB, SIZES, ORDER],
        sources: &["2409.02908", "2502.06768"],
        breaks: NOTHING,
        note: "likelihood::best_sizes computes the best sizes of a random order. order=confidence violates the rule drawn-token",
        build: |space, net, s| write::sizes(space, net, &groups(space, s)?, &s.order()?, false),
    },
    Entry {
        name: "cosine",
        aliases: &["cosine-sizes"],
        noises: Noises::Masked,
        summary: "groups of the cosine schedule in random order: few tokens first",
        formula: "the sizes are the differences of round(d(1 − cos(πk/2n)))",
        knobs: knobs![STEPS_KNOB, ORDER],
        sources: &["2202.04200"],
        breaks: NOTHING,
        note: "the schedule of MaskGIT without its order. order=confidence violates the rule drawn-token",
        build: |space, net, s| {
            let sizes = sizes_of(space.length(), &cosine(s.whole("steps")));
            write::sizes(space, net, &sizes, &s.order()?, false)
        },
    },
    Entry {
        name: "halton",
        aliases: &["bit-reversed", "van-der-corput"],
        noises: Noises::Masked,
        summary: "groups in a fixed order of places far apart",
        formula: "the places in the order of their reversed bits, which is Halton's sequence of base 2",
        knobs: knobs![STEPS_KNOB, GRID_KNOB, SIZES],
        sources: &["2503.17076"],
        breaks: NOTHING,
        note: "exact one at a time. The published order is in two dimensions, for images",
        build: |space, net, s| write::sizes(space, net, &groups(space, s)?, &Order::Halton, false),
    },
    Entry {
        name: "confidence",
        aliases: &["maskgit", "llada", "dream", "amused", "low-confidence", "maskgit-plus"],
        noises: Noises::Masked,
        summary: "groups whose drawn letters have the largest probabilities",
        formula: "the first m_j masked places by ln D_i(drawn letter) + T·Gumbel",
        knobs: knobs![
            STEPS_KNOB,
            GRID_KNOB,
            SIZES,
            Knob::new("gumbel", "0", Values::Number(0.0, 1e6), "temperature T of the noise on the scores"),
            Knob::new("anneal", "false", Values::Flag, "T falls linearly to 0 at the last step, as in MaskGIT"),
        ],
        sources: &["2202.04200", "2502.09992", "2508.15487"],
        breaks: DRAWN,
        note: "biased at any number of evaluations. MaskGIT: grid=cosine gumbel=4.5 anneal=true. Greedy letters: top-k=1. The order looks at D before temperature and top-p; Dream looks at D after them",
        build: |space, net, s| {
            let order = Order::Confidence(s.number("gumbel"));
            write::sizes(space, net, &groups(space, s)?, &order, s.flag("anneal"))
        },
    },
    Entry {
        name: "margin",
        aliases: &["top-k-margin", "topk-margin", "dream-margin"],
        noises: Noises::Masked,
        summary: "groups with the largest distance between the two most probable letters",
        formula: "the first m_j masked places by D_i(1st) − D_i(2nd)",
        knobs: knobs![STEPS_KNOB, GRID_KNOB, SIZES],
        sources: &["2502.06768", "2508.15487"],
        breaks: NOTHING,
        note: "exact one at a time, because the order looks at D alone",
        build: |space, net, s| write::sizes(space, net, &groups(space, s)?, &Order::Margin, false),
    },
    Entry {
        name: "entropy",
        aliases: &["dream-entropy", "neg-entropy"],
        noises: Noises::Masked,
        summary: "groups with the smallest entropies",
        formula: "the first m_j masked places by Σ D_i ln D_i",
        knobs: knobs![STEPS_KNOB, GRID_KNOB, SIZES],
        sources: &["2508.15487"],
        breaks: NOTHING,
        note: "exact one at a time, because the order looks at D alone",
        build: |space, net, s| write::sizes(space, net, &groups(space, s)?, &Order::Entropy, false),
    },
    Entry {
        name: "entropy-bound",
        aliases: &["eb", "eb-sampler"],
        noises: Noises::Masked,
        summary: "all tokens of smallest entropy within a bound",
        formula: "the longest prefix, by entropy, whose entropies without the last add up to at most γ",
        knobs: knobs![STEPS_KNOB, Knob::new("bound", "0.1", Values::Number(0.0, 1e6), "γ, in nats")],
        sources: &["2505.24857"],
        breaks: NOTHING,
        note: "the last step unmasks the rest, so that the number of steps is an upper bound of the useful evaluations",
        build: |space, net, s| write::entropy_bound(space, net, s.number("bound"), s.whole("steps")),
    },
    Entry {
        name: "threshold",
        aliases: &["fast-dllm", "confidence-threshold"],
        noises: Noises::Masked,
        summary: "all tokens whose drawn letters are probable enough",
        formula: "all masked places with D_i(drawn letter) ≥ τ, and the most probable one in any case",
        knobs: knobs![STEPS_KNOB, Knob::new("above", "0.9", UNIT, "τ, the least probability")],
        sources: &["2505.22618"],
        breaks: DRAWN,
        note: "biased at any number of evaluations. The last step unmasks the rest. Fast-dLLM draws greedy letters (top-k=1) within blocks",
        build: |space, net, s| write::threshold(space, net, s.number("above"), s.whole("steps")),
    },
    Entry {
        name: "blocks",
        aliases: &["bd3-lm", "bd3lm", "semi-autoregressive", "sdar", "block-diffusion"],
        noises: Noises::Masked,
        summary: "block after block from left to right",
        formula: "the sampler `sizes` within each block, with equal groups",
        knobs: knobs![
            STEPS_KNOB,
            Knob::new("block", "8", Values::Whole(1, MOST), "tokens of a block; 1 is autoregressive"),
            ORDER,
        ],
        sources: &["2503.09573", "2502.09992", "2510.06303"],
        breaks: NOTHING,
        note: "`steps` counts the groups of one block. order=confidence violates the rule drawn-token",
        build: |space, net, s| write::blocks(space, net, s.whole("block"), s.whole("steps"), &s.order()?),
    },
];
