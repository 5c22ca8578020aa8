//! Schedulers of EDM networks: α = 1, noise σ, and with F the output
//!
//! $$D = c_{skip} x \pm c_{out} F(c_{in} x, c_{noise}),$$
//!
//! + for `epsilon`, − for `v_prediction`; $c_{noise}$ is ¼ ln σ, or (2/π) atan σ for the cosine class.
//!
//! | class | solver |
//! |---|---|
//! | EDMEuler | Euler, with churn |
//! | EDMDPMSolverMultistep | DPM-Solver++ for the ODE or the SDE |
//! | CosineDPMSolverMultistep | DPM-Solver++ for the SDE |
//!
//! Source: Karras et al., arXiv 2206.00364; Lu et al., arXiv 2211.01095.

use super::config::Config;
use super::quirks::Late;
use super::sigma::{Churning, falling};
use super::table::{MOST_STEPS, clip, count, linspace, linspace_single, power, refuse, single};
use super::{Call, Class, Course, Tables};
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation, InputScaling};
use langevin::math::{atan, exp, ln};
use langevin::plan::NetworkCall;
use langevin::prediction::Prediction;
use langevin::process::{Process, ve};
use langevin::sampler::Method;
use langevin::sampler::Step;
use langevin::sampler::form::{Form, Poly};
use langevin::sampler::multistep::{Ending, Multistep};
use langevin::space::Map;

pub(super) const CLASSES: &[Class] = &[
    Class {
        name: "EDMEulerScheduler",
        tables: euler_tables,
        course: euler,
        set: &["s_churn", "s_tmin", "s_tmax", "s_noise"],
    },
    Class { name: "EDMDPMSolverMultistepScheduler", tables: multistep_tables, course: multistep, set: &[] },
    Class { name: "CosineDPMSolverMultistepScheduler", tables: cosine_tables, course: cosine, set: &[] },
];

/// What tells the classes apart in their levels.
struct Rule {
    name: &'static str,
    /// Defaults of `sigma_min`, `sigma_max` and `sigma_data`.
    sigma: [f64; 3],
    schedules: &'static [&'static str],
    predictions: &'static [&'static str],
    /// Whether the ramp of Karras's levels is float64.
    double: bool,
    /// Whether the network's time is an angle.
    angle: bool,
}

const EULER: Rule = Rule {
    name: "EDMEuler",
    sigma: [0.002, 80.0, 0.5],
    schedules: &["karras", "exponential"],
    predictions: &["epsilon", "v_prediction"],
    double: true,
    angle: false,
};
const MULTISTEP: Rule = Rule { name: "EDMDPMSolverMultistep", double: false, ..EULER };
const COSINE: Rule = Rule {
    name: "CosineDPMSolverMultistep",
    sigma: [0.3, 500.0, 1.0],
    schedules: &["exponential", "karras"],
    predictions: &["v_prediction", "epsilon"],
    double: false,
    angle: true,
};

/// σ_min, σ_max and σ_data.
fn ends(config: &Config, rule: &Rule) -> Result<[f64; 3]> {
    let [min, max, data] = rule.sigma;
    let all = [config.number("sigma_min", min)?, config.number("sigma_max", max)?, config.number("sigma_data", data)?];
    let [min, max, data] = all;
    if 0.0 < min && min <= max && max.is_finite() && 0.0 < data && data.is_finite() {
        return Ok(all);
    }
    Err(Error::format("bad range of noise levels")
        .at("sigma_min, sigma_max, sigma_data")
        .expected("0 < sigma_min ≤ sigma_max < ∞, sigma_data > 0")
        .got(format!("{min}, {max}, {data}")))
}

fn tables(rule: &Rule, config: &Config, call: &Call, sigmas: bool) -> Result<Tables> {
    refuse(call, rule.name, false, sigmas, false)?;
    let [min, max, _] = ends(config, rule)?;
    config.inert("num_train_timesteps");
    let rho = config.number("rho", 7.0)?;
    let ramp = match &call.sigmas {
        // Not levels: shares of the way through the grid.
        Some(shares) => shares.clone(),
        None => {
            let steps = count(call, MOST_STEPS)?;
            if rule.double { linspace(0.0, 1.0, steps) } else { linspace_single(0.0, 1.0, steps) }
        }
    };
    if ramp.is_empty() || ramp.iter().any(|share| !(0.0..=1.0).contains(share)) {
        return Err(Error::argument("bad sigmas")
            .at(rule.name)
            .expected("shares of the way from sigma_max to sigma_min, from 0 to 1")
            .hinting("the original takes shares under this name; sigma_min and sigma_max are the levels"));
    }
    let karras = config.word("sigma_schedule", rule.schedules)? == "karras";
    let mut levels: Vec<f64> = if karras {
        let (from, to) = (power(max, 1.0 / rho), power(min, 1.0 / rho));
        if rule.double {
            ramp.iter().map(|u| single(power(from + u * (to - from), rho))).collect()
        } else {
            // Scalars stand in float32 beside a float32 tensor.
            let (from, slope) = (single(from), single(to - from));
            ramp.iter().map(|u| single(power(single(from + single(u * slope)), rho))).collect()
        }
    } else {
        // Only the number of shares counts; one alone is σ_min.
        linspace_single(ln(min), ln(max), ramp.len()).into_iter().map(|log| single(exp(log))).rev().collect()
    };
    if call.consistent && levels.len() == 1 {
        levels[0] = single(max);
    }
    let time = |y: &f64| {
        if rule.angle {
            single(single(single(atan(*y)) / std::f64::consts::PI) * 2.0)
        } else {
            single(0.25 * single(ln(*y)))
        }
    };
    let timesteps = levels.iter().map(time).collect();
    let zero = config.word("final_sigmas_type", &["zero", "sigma_min"])? == "zero";
    let twin = levels[levels.len() - 1];
    levels.push(match zero {
        true => 0.0,
        false if rule.double => twin,
        false => single(min),
    });
    Ok(Tables { alphas_cumprod: Vec::new(), timesteps, sigmas: levels })
}

fn course(
    rule: &Rule,
    config: &Config,
    call: &Call,
    tables: &Tables,
    clip: Option<Map>,
    method: Box<dyn Method>,
) -> Result<Course> {
    let [_, max, sigma_data] = ends(config, rule)?;
    let prediction = match config.word("prediction_type", rule.predictions)? {
        "epsilon" => Prediction::Edm { sigma_data },
        _ => Prediction::EdmV { sigma_data },
    };
    let clock = if rule.angle { Clock::Angle } else { Clock::QuarterLogSigma };
    let network = Formulation::new(Process::ve(), prediction)
        .with_clock(clock)
        .with_input(InputScaling::UnitVariance { sigma_data });
    let mut nodes = tables.sigmas.clone();
    let mut pins: Vec<NetworkCall> = nodes
        .iter()
        .zip(&tables.timesteps)
        .map(|(y, time)| NetworkCall { sigma_ve: *y, own: ve(*y), time: *time })
        .collect();
    // The last level is the one before once more, but for its rounding: a step that goes nowhere.
    if let [.., before, last] = &mut nodes[..]
        && (*last - *before).abs() <= 1e-6 * *before
    {
        *last = *before;
    }
    if call.consistent {
        nodes.dedup();
        pins.clear();
    }
    falling(&nodes)?;
    let steps = nodes.windows(2).map(|pair| Step { from: ve(pair[0]), to: ve(pair[1]) }).collect();
    Ok(Course { process: Process::ve(), network, steps, pins, scale: (max * max + 1.0).sqrt(), clip, method })
}

fn euler_tables(config: &Config, call: &Call) -> Result<Tables> {
    tables(&EULER, config, call, true)
}

fn euler(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let [_, _, data] = ends(config, &EULER)?;
    let method = Churning::read(call, tables)?.method(call, Late::Edm(data));
    course(&EULER, config, call, tables, None, method)
}

/// The order, the polynomial and the ending that the two multistep classes share.
fn solver(config: &Config, sde: bool) -> Result<Multistep> {
    let order = config.whole("solver_order", 2)?;
    if !(1..=3).contains(&order) {
        return Err(Error::format("bad field in the config")
            .at("solver_order")
            .expected("1 to 3")
            .got(order.to_string()));
    }
    // Names of other solvers stand for the midpoint.
    let poly = match config.word("solver_type", &["midpoint", "heun", "logrho", "bh1", "bh2"])? {
        "heun" => Poly::HalfCurve,
        _ => Poly::Midpoint,
    };
    let ending =
        Ending { lower: config.flag("lower_order_final", true)?, euler: config.flag("euler_at_final", false)? };
    Ok(Multistep { ending, eta: if sde { 1.0 } else { 0.0 }, ..Multistep::new(Form::Data, poly, order) })
}

fn multistep_tables(config: &Config, call: &Call) -> Result<Tables> {
    tables(&MULTISTEP, config, call, false)
}

fn multistep(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let sde = config.word("algorithm_type", &["dpmsolver++", "sde-dpmsolver++", "deis"])? == "sde-dpmsolver++";
    let method = Box::new(solver(config, sde)?);
    course(&MULTISTEP, config, call, tables, clip(config, None)?, method)
}

fn cosine_tables(config: &Config, call: &Call) -> Result<Tables> {
    tables(&COSINE, config, call, false)
}

fn cosine(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    course(&COSINE, config, call, tables, None, Box::new(solver(config, true)?))
}
