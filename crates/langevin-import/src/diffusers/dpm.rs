//! DPM-Solver's schedulers: multistep, upwards, and single-step.

use super::config::Config;
use super::sigmas::{Cast, Placing, Sigmas, shift};
use super::table::{LINEAR, count, down, linspace, refuse, round, single};
use super::vp::{self, Ground, Kin, Last, Placed};
use super::{Call, Class, Course, Tables};
use langevin::error::{Error, Result};
use langevin::math::co;
use langevin::moves::reverse_rho;
use langevin::plan::{Letter, Var};
use langevin::process::Level;
use langevin::sampler::Method;
use langevin::sampler::form::{Form, Poly, Variable, divided, places};
use langevin::sampler::inverse::MultistepInversion;
use langevin::sampler::multistep::{Ending, Multistep};
use langevin::sampler::{Draft, Node};

pub(super) const CLASSES: &[Class] = &[
    Class { name: "DPMSolverMultistepScheduler", tables: multistep_tables, course: multistep, set: &[] },
    Class { name: "DPMSolverMultistepInverseScheduler", tables: inverse_tables, course: inverse, set: &[] },
    Class { name: "DPMSolverSinglestepScheduler", tables: single_tables, course: singlestep, set: &[] },
    Class { name: "DEISMultistepScheduler", tables: deis_tables, course: deis, set: &[] },
];

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

/// `variance_type`. A network that learned its variance has a second half of outputs, which these classes drop: the plan is that of the first half. So they do for
/// ε alone; with other predictions they would take both halves for the output.
pub(super) fn no_variance(config: &Config) -> Result<()> {
    let variance = config.word(
        "variance_type",
        &["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned", "learned_range"],
    )?;
    // A fixed variance is DDPM's own affair.
    if !variance.starts_with("learned") || config.word("prediction_type", ALL_AND_FLOW)? == "epsilon" {
        return Ok(());
    }
    Err(Error::format("a learned variance goes with an ε-prediction")
        .at("variance_type")
        .expected("prediction_type epsilon, or a fixed variance")
        .got(variance.to_owned())
        .hinting("only there does the original tell the two halves of the network's output apart"))
}

const ALL_AND_FLOW: &[&str] = &["epsilon", "sample", "v_prediction", "flow_prediction"];

const ALGORITHMS: &[&str] = &["dpmsolver++", "dpmsolver", "sde-dpmsolver", "sde-dpmsolver++", "deis"];

fn multistep(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let placed = Placed::read(&MULTISTEP, config, call)?;
    let solver = adams(config)?;
    let ground = Ground::read(config, &placed, tables)?;
    Ok(if slips(&solver) && !call.consistent { ground.course(Slipped(solver)) } else { ground.course(solver) })
}

/// The solver of the multistep classes.
fn adams(config: &Config) -> Result<Multistep> {
    let solver = Solver::read(config, ALGORITHMS)?;
    no_variance(config)?;
    let ending =
        Ending { lower: config.flag("lower_order_final", true)?, euler: config.flag("euler_at_final", false)? };
    Ok(Multistep { eta: solver.eta, ending, ..Multistep::new(solver.form, solver.poly(), solver.order) })
}

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
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        self.0.walk(draft, Letter::R, &|from, nodes, to| {
            let (a, mut weights) = self.0.weigh(from, nodes, to);
            slip(from, nodes, to, 1.0, &mut weights);
            (a, weights)
        })
    }
}

const INVERSE: Kin = Kin {
    name: "DPMSolverMultistepInverse",
    betas: LINEAR,
    lu: false,
    cosine_cut: false,
    timesteps: false,
    mu: false,
    last: Last::Twin,
    ..MULTISTEP
};

/// Upwards. Levels that are placed end in a step that goes nowhere; times that occur twice are given once, and the levels are then out of step with them; on a flow the
/// run goes down. The consistent tables rise to the noisiest level, each with its own time.
fn inverse_tables(config: &Config, call: &Call) -> Result<Tables> {
    let placed = Placed::read(&INVERSE, config, call)?;
    placed.one_scale()?;
    refuse(call, INVERSE.name, false, false, false)?;
    let alphas_cumprod = vp::alphas_cumprod(&placed.schedule);
    let sigmas = Sigmas::new(&alphas_cumprod);
    let (whole, steps) = (sigmas.count(), count(call, sigmas.count())?);
    let top = placed.entries(&sigmas)? as f64 - 1.0;
    let offset = config.whole("steps_offset", 0)? as f64;
    let times: Vec<f64> = match config.word("timestep_spacing", &["linspace", "leading", "trailing"])? {
        "linspace" => linspace(0.0, top, steps + 1).into_iter().take(steps).map(round).collect(),
        "leading" => (0..steps).map(|i| (i * ((top as usize + 1) / (steps + 1))) as f64 + offset).collect(),
        _ => {
            let ratio = whole as f64 / steps as f64;
            let points = ((top + 1.0) / ratio).ceil() as usize;
            down(top + 1.0, ratio, points).rev().map(|time| round(time) - 1.0).collect()
        }
    };
    let points = steps + usize::from(call.consistent);
    let (mut values, mut times): (Vec<f64>, Vec<f64>) = if placed.flow {
        if call.consistent {
            // From the first level off clean data, where nothing rises from.
            let rise = (0..points).map(|i| (i + 1) as f64 / points as f64 * (1.0 - 1.0 / whole as f64));
            rise.map(|s| shift(placed.shift, s)).map(|s| (s, s * whole as f64)).unzip()
        } else {
            vp::flow(&placed, whole, steps, false)
        }
    } else if placed.placing == Placing::Table {
        (times.iter().map(|time| sigmas.at(*time)).chain([sigmas.at(top)]).collect(), times)
    } else {
        // What is odd: the levels rise, and the original takes sigma_max for the first of them.
        let (first, last) = placed.placing.ends(config, sigmas.min(), sigmas.max())?;
        let values = placed.placing.values(points, first, last);
        let cast = match placed.placing {
            _ if call.consistent => Cast::Keep,
            Placing::Karras => Cast::Round,
            _ => Cast::Keep,
        };
        let times = values.iter().map(|sigma| cast.apply(sigmas.time(*sigma))).collect();
        (values, times)
    };
    times.truncate(steps);
    if call.consistent {
        let rises = values.windows(2).all(|pair| pair[0] < pair[1]);
        if !rises {
            return Err(Error::argument("the levels do not rise").at(INVERSE.name).hinting("take fewer steps"));
        }
    } else {
        if values.len() == times.len() {
            values.push(values[values.len() - 1]);
        }
        let mut seen: Vec<f64> = Vec::new();
        times.retain(|time| {
            let fresh = !seen.contains(time);
            seen.push(*time);
            fresh
        });
        times.iter_mut().for_each(|time| *time = Cast::Truncate.apply(*time));
    }
    Ok(Tables { alphas_cumprod, timesteps: times, sigmas: values.into_iter().map(single).collect() })
}

fn inverse(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let placed = Placed::read(&INVERSE, config, call)?;
    let solver = adams(config)?;
    if solver.eta > 0.0 {
        return Err(Error::format("an inversion has no noise")
            .at("algorithm_type")
            .expected("dpmsolver++ or dpmsolver")
            .got("one of the SDE")
            .hinting("the SDE upwards would take noise out of the state, which no coefficient can"));
    }
    Ok(Ground::read(config, &placed, tables)?.course(MultistepInversion(solver)))
}

const SINGLE: Kin =
    Kin { name: "DPMSolverSinglestep", betas: LINEAR, spaced: false, lu: false, cosine_cut: false, ..MULTISTEP };

fn single_tables(config: &Config, call: &Call) -> Result<Tables> {
    vp::tables(&SINGLE, config, call)
}

fn singlestep(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let placed = Placed::read(&SINGLE, config, call)?;
    let solver = Solver::read(config, &["dpmsolver++", "dpmsolver", "sde-dpmsolver++", "deis"])?;
    no_variance(config)?;
    let zero = placed.zero == Some(true);
    let lower = config.flag("lower_order_final", false)?;
    let orders = orders(tables.timesteps.len(), solver.order, lower, zero);
    let slips = solver.form == Form::Data && solver.eta > 0.0 && !call.consistent;
    let method = Groups { form: solver.form, eta: solver.eta, midpoint: solver.midpoint, orders, slips };
    Ok(Ground::read(config, &placed, tables)?.course(method))
}

/// The order of every call: 1, 2, … up to `order` and again; the last groups are of lower order where asked for, and where the steps do not fill them.
pub(super) fn orders(steps: usize, order: usize, lower: bool, zero: bool) -> Vec<usize> {
    let mut orders: Vec<usize> = (0..steps).map(|i| i % order + 1).collect();
    let whole = steps.is_multiple_of(order);
    let lower = lower || !whole || zero;
    if lower && whole {
        // A last group of 1, 2, 3 becomes 1, 2 and 1; one of 1, 2 becomes 1 and 1.
        let last = steps - 1;
        orders[last] = 1;
    }
    if zero {
        orders[steps - 1] = 1;
    }
    orders
}

/// Steps of several evaluations whose stages are levels of the grid: the k-th call of a group goes from the group's first level, with what was found since, to the next.
///
/// Each call leaves a state of its own, and draws noise of its own.
#[derive(Clone, Debug, PartialEq)]
struct Groups {
    form: Form,
    /// h/g.
    eta: f64,
    midpoint: bool,
    /// The place of every call in its group, from 1.
    orders: Vec<usize>,
    /// Whether the third order of the SDE has the weight of [`Slipped`].
    slips: bool,
}

impl Groups {
    /// a, and the weights of the values at `nodes`, the group's first before the others.
    fn weigh(&self, nodes: &[Level], to: &Level) -> (f64, Vec<f64>) {
        let from = &nodes[0];
        let noise = (self.eta, reverse_rho(from, to, self.eta));
        let exact = Poly::Exact(Variable::Lambda);
        match (nodes.len(), self.midpoint) {
            (2, true) => Poly::Midpoint.weights(self.form, from, nodes, to, noise),
            (3, true) => {
                // The value in the middle is not used.
                let (a, b) = exact.weights(self.form, from, &[nodes[0], nodes[2]], to, noise);
                (a, vec![b[0], 0.0, b[1]])
            }
            _ => {
                let (a, mut b) = exact.weights(self.form, from, nodes, to, noise);
                if self.slips {
                    slip(from, nodes, to, 2.0, &mut b);
                }
                (a, b)
            }
        }
    }
}

impl Method for Groups {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let mut base = x;
        let mut group: Vec<Node> = Vec::new();
        for (index, step) in draft.taken() {
            let mark = draft.mark();
            // A run that starts inside a group starts one there.
            if self.orders[index] <= 1 || group.is_empty() {
                base = x;
                group.clear();
            }
            group.push(draft.value(self.form, x, &step.from)?);
            let nodes: Vec<Level> = group.iter().map(|node| node.level).collect();
            let (a, b) = self.weigh(&nodes, &step.to);
            let terms = group.iter().map(|node| node.value);
            let terms: Vec<_> = b.into_iter().zip(terms).collect();
            let c = step.to.sigma * co(reverse_rho(&nodes[0], &step.to, self.eta));
            x = draft.advance((a, base), terms, c);
            let eta = Some(self.eta);
            draft.note(Letter::R, eta, &nodes[0], &step.to, mark);
        }
        Ok(x)
    }
}

const DEIS: Kin = Kin {
    name: "DEISMultistep",
    betas: LINEAR,
    clipped: false,
    lu: false,
    cosine_cut: false,
    timesteps: false,
    last: Last::Twin,
    ..MULTISTEP
};

fn deis_tables(config: &Config, call: &Call) -> Result<Tables> {
    vp::tables(&DEIS, config, call)
}

fn deis(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let placed = Placed::read(&DEIS, config, call)?;
    // Names of other solvers, which diffusers itself takes for these.
    config.word("algorithm_type", &["deis", "dpmsolver", "dpmsolver++"])?;
    config.word("solver_type", &["logrho", "midpoint", "heun", "bh1", "bh2"])?;
    let ending = Ending { lower: config.flag("lower_order_final", true)?, euler: false };
    let order = order(config, "solver_order", 2, 3)?;
    let solver = Multistep { ending, ..Multistep::new(Form::Noise, Poly::Exact(Variable::Lambda), order) };
    Ok(Ground::read(config, &placed, tables)?.course(solver))
}
