//! Named samplers. Each entry chooses a method, and states its formula, its source and its
//! difference from the exact integral.
//!
//! Each family has one file. This file has the options that several samplers share, and the list of
//! all entries.

mod corrected;
mod cycles;
mod distilled;
pub mod elsewhere;
mod guided;
mod multistep;
mod one_step;
mod single_step;
mod stochastic;

use super::Method;
use super::entry::{Entry, Facts};
use super::form::{Poly, Variable};
use super::knob::{Knob, Values};
use super::settings::Settings;
use super::stages::{Churn, Stages, Table};
use crate::error::Result;
use std::sync::Arc;

type Built = Result<Arc<dyn Method>>;

const fn knob(key: &'static str, default: &'static str, values: Values, meaning: &'static str) -> Knob {
    Knob { key, default, meaning, values }
}

/// A sampler from noise to data, for any network.
const PLAIN: Facts =
    Facts { distilled: false, guided: false, recommended: true, inverse: "ddim-inversion", inputs: &[] };
/// A sampler that evaluates the network with and without the condition.
const GUIDED: Facts = Facts { guided: true, recommended: false, ..PLAIN };
/// A sampler for distilled networks.
const DISTILLED: Facts = Facts { distilled: true, recommended: false, ..PLAIN };
/// A sampler from data to noise.
const RISING: Facts = Facts { recommended: false, inputs: &["init"], ..PLAIN };

const ANY: Values = Values::Number(0.0, 1e6);
const UNIT: Values = Values::Number(0.0, 1.0);

/// DDIM's η, with default 0.
const DDIM_ETA: Knob = knob("eta", "0", ANY, "η of DDIM: 0 is the ODE, 1 is the posterior of DDPM");
/// The η of ancestral samplers, with default 1.
const ANCESTRAL_ETA: Knob = knob("eta", "1", ANY, "η of DDIM: 0 is the ODE, 1 is the posterior of DDPM");
/// h/g, with default 0.
const RATE: Knob = knob("eta", "0", ANY, "h/g: 0 is the ODE, 1 is the reverse SDE, above 1 more Langevin noise");
/// (h/g)², with default 1.
const SQUARED_ETA: Knob = knob("eta", "1", ANY, "(h/g)²");
const NOISE: Knob = knob("noise", "1", ANY, "factor on fresh noise (s_noise); the marginals are right only with 1");
const CHURN: Knob = knob("churn", "0", ANY, "S_churn: noise added before each step, γ = min(S_churn/N, √2−1)");
const TMIN: Knob = knob("tmin", "0", ANY, "S_tmin: no churn below this σ/α");
const TMAX: Knob = knob("tmax", "inf", Values::Number(0.0, f64::INFINITY), "S_tmax: no churn above this σ/α");
const PAIR: Knob = knob(
    "solver",
    "midpoint",
    Values::Word(&["midpoint", "heun", "exact"]),
    "weight of the slope: half the weight of the step (midpoint), or the exact integral (the others)",
);
const SINGLE: Knob = knob(
    "solver",
    "midpoint",
    Values::Word(&["midpoint", "heun"]),
    "midpoint: as published; heun: the polynomial through all values, integrated exactly",
);
const LOWER: Knob =
    knob("lower", "false", Values::Flag, "use order 2 and 1 in the last two steps if there are fewer than 15 steps");

fn churn(settings: &Settings) -> Option<Churn> {
    let churn = settings.number("churn");
    (churn > 0.0).then(|| Churn { churn, range: (settings.number("tmin"), settings.number("tmax")) })
}

/// Returns a table of stages with EDM's churn.
fn churned(settings: &Settings, table: Table) -> Built {
    Ok(Arc::new(Stages { churn: churn(settings), noise: settings.number("noise"), ..Stages::new(table) }))
}

/// Returns the polynomial for DPM-Solver's name of the slope's weight.
fn pair(settings: &Settings) -> Poly {
    match settings.word("solver") {
        "midpoint" => Poly::Midpoint,
        "heun" => Poly::HalfCurve,
        _ => Poly::Exact(Variable::Lambda),
    }
}

const NOTHING: &str = "";
const NOISE_BREAKS: &str = "variance, unless noise=1";

/// The families, in the order in which they are shown.
const FAMILIES: [&[Entry]; 8] = [
    one_step::ENTRIES,
    multistep::ENTRIES,
    single_step::ENTRIES,
    stochastic::ENTRIES,
    corrected::ENTRIES,
    guided::ENTRIES,
    distilled::ENTRIES,
    cycles::ENTRIES,
];

const fn count() -> usize {
    let (mut count, mut family) = (0, 0);
    while family < FAMILIES.len() {
        count += FAMILIES[family].len();
        family += 1;
    }
    count
}

const fn all() -> [Entry; count()] {
    let mut all = [FAMILIES[0][0]; count()];
    let (mut at, mut family) = (0, 0);
    while family < FAMILIES.len() {
        let mut index = 0;
        while index < FAMILIES[family].len() {
            all[at] = FAMILIES[family][index];
            (at, index) = (at + 1, index + 1);
        }
        family += 1;
    }
    all
}

/// All named samplers.
pub(crate) static ENTRIES: &[Entry] = &all();

#[cfg(test)]
mod tests;
