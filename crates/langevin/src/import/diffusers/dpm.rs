//! DPM-Solver's schedulers: multistep, upwards, and single-step.

use super::config::Config;
use super::table::LINEAR;
use super::vp::{self, Ground, Kin, Last, Placed};
use super::{Call, Class, Course, Tables};
use crate::error::{Error, Result};
use crate::plan::Letter;
use crate::process::Level;
use crate::sampler::draft::Draft;
use crate::sampler::form::{Form, Poly, divided, places};
use crate::sampler::multistep::{Ending, Multistep};
use crate::sampler::{Method, PlanOf};

pub(super) const CLASSES: &[Class] =
    &[Class { name: "DPMSolverMultistepScheduler", tables: multistep_tables, course: multistep, set: &[] }];

const MULTISTEP: Kin = Kin {
    name: "DPMSolverMultistep",
    betas: super::table::Defaults { zero_snr: true, ..LINEAR },
    spaced: true,
    clipped: true,
    lu: true,
    cosine_cut: true,
    timesteps: true,
    mu: true,
    last: Last::Named,
};

fn multistep_tables(config: &Config, call: &Call) -> Result<Tables> {
    vp::tables(&MULTISTEP, config, call)
}

/// `algorithm_type`, `solver_type` and `solver_order`.
struct Solver {
    form: Form,
    /// h/g.
    eta: f64,
    midpoint: bool,
    order: usize,
}

impl Solver {
    /// Names of other solvers, which diffusers itself takes for these.
    fn read(config: &Config, algorithms: &[&'static str]) -> Result<Self> {
        let (form, eta) = match config.word("algorithm_type", algorithms)? {
            "dpmsolver" => (Form::Noise, 0.0),
            "sde-dpmsolver" => (Form::Noise, 1.0),
            "sde-dpmsolver++" => (Form::Data, 1.0),
            _ => (Form::Data, 0.0),
        };
        let kind = config.word("solver_type", &["midpoint", "heun", "logrho", "bh1", "bh2"])?;
        let order = order(config, "solver_order", 2, 3)?;
        Ok(Self { form, eta, midpoint: kind != "heun", order })
    }

    fn poly(&self) -> Poly {
        if self.midpoint { Poly::Midpoint } else { Poly::HalfCurve }
    }
}

/// A field that is an order.
pub(super) fn order(config: &Config, key: &'static str, default: usize, most: usize) -> Result<usize> {
    let order = config.whole(key, default)?;
    if (1..=most).contains(&order) {
        return Ok(order);
    }
    Err(Error::format("bad field in the config").at(key).expected(format!("1 to {most}")).got(order.to_string()))
}

/// That a network has no second output.
pub(super) fn no_variance(config: &Config) -> Result<()> {
    config.only("variance_type", &serde_json::Value::Null).map_err(|error| {
        error.expected("none").hinting("its network has a second output, which a config does not describe")
    })
}

fn multistep(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let placed = Placed::read(&MULTISTEP, config, call)?;
    let Solver { form, eta, order, .. } = Solver::read(config, MULTISTEP_ALGORITHMS)?;
    let poly = Solver::read(config, MULTISTEP_ALGORITHMS)?.poly();
    no_variance(config)?;
    let ending =
        Ending { lower: config.flag("lower_order_final", true)?, euler: config.flag("euler_at_final", false)? };
    let solver = Multistep { eta, ending, ..Multistep::new(form, poly, order) };
    let ground = Ground::read(config, call, &placed, tables)?;
    Ok(if slips(&solver) && !call.consistent { ground.course(Slipped(solver)) } else { ground.course(solver) })
}

const MULTISTEP_ALGORITHMS: &[&str] = &["dpmsolver++", "dpmsolver", "sde-dpmsolver", "sde-dpmsolver++", "deis"];

fn slips(solver: &Multistep) -> bool {
    solver.form == Form::Data && solver.eta > 0.0 && solver.order == 3
}

/// The third order of the original's SDE: its weight of the curvature is (m₀ − Δ')/Δ'² − ½ where (m₀ − Δ')/Δ'² + ½ belongs, so that α_t times the curvature is
/// missing. It does not vanish with the step: the whole is of first order.
#[derive(Clone, Debug, PartialEq)]
struct Slipped(Multistep);

/// −α_t D₂, where D₂ is `curves` times the second divided difference in units of the step.
fn slip(from: &Level, nodes: &[Level], to: &Level, curves: f64, weights: &mut [f64]) {
    if nodes.len() == 3 {
        let missing = divided(&places(from, nodes, to)).into_iter().map(|share| curves * to.alpha * share);
        weights.iter_mut().zip(missing).for_each(|(weight, missing)| *weight -= missing);
    }
}

impl Method for Slipped {
    fn compile(&self, draft: Draft<'_>) -> PlanOf {
        self.0.walk(draft, Letter::R, &|from, nodes, to| {
            let (a, mut weights) = self.0.weigh(from, nodes, to);
            slip(from, nodes, to, 1.0, &mut weights);
            (a, weights)
        })
    }
}
