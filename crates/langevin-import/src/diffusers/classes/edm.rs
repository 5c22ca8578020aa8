//! Schedulers of EDM networks: α = 1, noise σ, and with the network output F
//!
//! $$D = c_{skip} x \pm c_{out} F(c_{in} x, c_{noise}),$$
//!
//! + for `epsilon`, − for `v_prediction`; $c_{noise}$ is ¼ ln σ, or (2/π) atan σ for the cosine
//!   class.
//!
//! | class | solver |
//! |---|---|
//! | EDMEuler | Euler, with churn |
//! | EDMDPMSolverMultistep | DPM-Solver++ for the ODE or the SDE |
//! | CosineDPMSolverMultistep | DPM-Solver++ for the SDE |
//!
//! Source: Karras et al., arXiv 2206.00364; Lu et al., arXiv 2211.01095.

use super::dpm::{MIDPOINT, third_order};
use crate::diffusers::call::{Call, MOST_STEPS};
use crate::diffusers::churn::{Churning, Late};
use crate::diffusers::fields::Fields;
use crate::diffusers::ladder::falling;
use crate::diffusers::numbers::{linspace, linspace_single, power, single};
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::table::correction;
use crate::quirks::{self, Quirk};
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation, InputScaling};
use langevin::math::{atan, exp, ln};
use langevin::plan::NetworkCall;
use langevin::prediction::Prediction;
use langevin::process::{Process, ve};
use langevin::sampler::form::{Form, Poly};
use langevin::sampler::multistep::{Ending, Multistep};
use langevin::sampler::{Method, Step};
use langevin::space::Map;
use std::sync::Arc;

pub(super) const CLASSES: &[Class] = &[
    Class::new("EDMEulerScheduler", |fields| Ok(Arc::new(EdmEuler::parse(fields)?)))
        .taking(&["s_churn", "s_tmin", "s_tmax", "s_noise"]),
    Class::new("EDMDPMSolverMultistepScheduler", |fields| Ok(Arc::new(EdmMultistep::parse_edm(fields)?))),
    Class::new("CosineDPMSolverMultistepScheduler", |fields| Ok(Arc::new(EdmMultistep::parse_cosine(fields)?))),
];

/// The differences between the classes in their levels.
#[derive(Debug)]
struct Rule {
    name: &'static str,
    /// Defaults of `sigma_min`, `sigma_max` and `sigma_data`.
    sigma: [f64; 3],
    /// Values of `sigma_schedule`, the default first: true for Karras's levels.
    schedules: &'static [(&'static str, bool)],
    /// Values of `prediction_type`, the default first: true for EDM's F.
    predictions: &'static [(&'static str, bool)],
    /// True if the ramp of Karras's levels is in float64.
    double: bool,
    /// True if the network's time is an angle.
    angle: bool,
}

const EULER: Rule = Rule {
    name: "EDMEuler",
    sigma: [0.002, 80.0, 0.5],
    schedules: &[("karras", true), ("exponential", false)],
    predictions: &[("epsilon", true), ("v_prediction", false)],
    double: true,
    angle: false,
};
const MULTISTEP: Rule = Rule { name: "EDMDPMSolverMultistep", double: false, ..EULER };
const COSINE: Rule = Rule {
    name: "CosineDPMSolverMultistep",
    sigma: [0.3, 500.0, 1.0],
    schedules: &[("exponential", false), ("karras", true)],
    predictions: &[("v_prediction", false), ("epsilon", true)],
    double: false,
    angle: true,
};

/// Checks σ_min, σ_max and σ_data. σ_min may equal σ_max.
fn checked(ends: [f64; 3]) -> Result<[f64; 3]> {
    let [min, max, data] = ends;
    if 0.0 < min && min <= max && max.is_finite() && 0.0 < data && data.is_finite() {
        return Ok(ends);
    }
    Err(Error::format("bad range of noise levels")
        .at("sigma_min, sigma_max, sigma_data")
        .expected("0 < sigma_min ≤ sigma_max < ∞, sigma_data > 0")
        .got(format!("{min}, {max}, {data}")))
}

/// The fields that determine the levels and the network's prediction.
#[derive(Clone, Debug)]
struct EdmLevels {
    rule: &'static Rule,
    /// σ_min, σ_max and σ_data.
    ends: [f64; 3],
    rho: f64,
    karras: bool,
    /// True if the run ends at σ = 0.
    zero: bool,
    prediction: Prediction,
}

impl EdmLevels {
    fn parse(rule: &'static Rule, fields: &Fields<'_>) -> Result<Self> {
        let [min, max, data] = rule.sigma;
        let sigma_data = fields.number("sigma_data", data)?;
        let ends = checked([fields.number("sigma_min", min)?, fields.number("sigma_max", max)?, sigma_data])?;
        fields.inert("num_train_timesteps");
        let rho = fields.number("rho", 7.0)?;
        let karras = fields.choice("sigma_schedule", rule.schedules)?;
        let zero = fields.choice("final_sigmas_type", &[("zero", true), ("sigma_min", false)])?;
        let prediction = match fields.choice("prediction_type", rule.predictions)? {
            true => Prediction::Edm { sigma_data },
            false => Prediction::EdmV { sigma_data },
        };
        Ok(Self { rule, ends, rho, karras, zero, prediction })
    }

    fn tables(&self, call: &Call, sigmas: bool) -> Result<Tables> {
        let Rule { name, double, angle, .. } = *self.rule;
        call.accepts(name, false, sigmas, false)?;
        let ([min, max, _], rho) = (self.ends, self.rho);
        let ramp = match &call.sigmas {
            // The original's `sigmas` are not levels but positions along the grid, from 0 to 1.
            Some(shares) => shares.clone(),
            None => {
                let steps = call.count(MOST_STEPS)?;
                if double { linspace(0.0, 1.0, steps) } else { linspace_single(0.0, 1.0, steps) }
            }
        };
        if ramp.is_empty() || ramp.iter().any(|share| !(0.0..=1.0).contains(share)) {
            return Err(Error::argument("bad sigmas")
                .at(name)
                .expected("shares of the way from sigma_max to sigma_min, from 0 to 1")
                .hinting("the original takes shares under this name; sigma_min and sigma_max are the levels"));
        }
        let mut levels: Vec<f64> = if self.karras {
            let (from, to) = (power(max, 1.0 / rho), power(min, 1.0 / rho));
            if double {
                ramp.iter().map(|u| single(power(from + u * (to - from), rho))).collect()
            } else {
                // Scalars are converted to float32 when combined with a float32 tensor.
                let (from, slope) = (single(from), single(to - from));
                ramp.iter().map(|u| single(power(single(from + single(u * slope)), rho))).collect()
            }
        } else {
            // Only the number of positions matters; a single one gives σ_min.
            linspace_single(ln(min), ln(max), ramp.len()).into_iter().map(|log| single(exp(log))).rev().collect()
        };
        if levels.len() == 1 && call.fixes(&quirks::EDM_ONE_LEVEL) {
            levels[0] = single(max);
        }
        let time = |y: &f64| {
            if angle {
                single(single(single(atan(*y)) / std::f64::consts::PI) * 2.0)
            } else {
                single(0.25 * single(ln(*y)))
            }
        };
        let timesteps = levels.iter().map(time).collect();
        let twin = levels[levels.len() - 1];
        levels.push(match self.zero {
            true => 0.0,
            false if double => twin,
            false => single(min),
        });
        Ok(Tables { alphas_cumprod: Vec::new(), timesteps, sigmas: levels })
    }

    fn course(&self, call: &Call, tables: &Tables, clip: Option<Map>, method: Box<dyn Method>) -> Result<Course> {
        let [_, max, sigma_data] = self.ends;
        let clock = if self.rule.angle { Clock::Angle } else { Clock::QuarterLogSigma };
        let network = Formulation::new(Process::ve(), self.prediction)
            .with_clock(clock)
            .with_input(InputScaling::UnitVariance { sigma_data });
        let mut nodes = tables.sigmas.clone();
        let mut pins: Vec<NetworkCall> = nodes
            .iter()
            .zip(&tables.timesteps)
            .map(|(y, time)| NetworkCall { sigma_ve: *y, own: ve(*y), time: *time })
            .collect();
        // The last level repeats the one before up to rounding, which is a step of length zero.
        if let [.., before, last] = &mut nodes[..]
            && (*last - *before).abs() <= 1e-6 * *before
        {
            *last = *before;
        }
        if call.fixes(&quirks::EDM_LAST_LEVEL) {
            nodes.dedup();
            pins.clear();
        }
        falling(&nodes)?;
        let steps = nodes.windows(2).map(|pair| Step { from: ve(pair[0]), to: ve(pair[1]) }).collect();
        Ok(Course { process: Process::ve(), network, steps, pins, scale: (max * max + 1.0).sqrt(), clip, method })
    }
}

/// Karras's levels in float32 may end slightly below σ_min.
const _: &Quirk = &quirks::RISING_END;

/// EDMEulerScheduler.
#[derive(Clone, Debug)]
struct EdmEuler(EdmLevels);

impl EdmEuler {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self(EdmLevels::parse(&EULER, fields)?))
    }
}

impl Scheduler for EdmEuler {
    fn tables(&self, call: &Call) -> Result<Tables> {
        self.0.tables(call, true)
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let [_, _, data] = self.0.ends;
        let method = Churning::read(call, tables)?.method(call, Late::Edm(data));
        self.0.course(call, tables, None, method)
    }
}

/// EDMDPMSolverMultistepScheduler and CosineDPMSolverMultistepScheduler.
#[derive(Clone, Debug)]
struct EdmMultistep {
    levels: EdmLevels,
    /// True for the solver of the SDE.
    sde: bool,
    midpoint: bool,
    order: usize,
    ending: Ending,
    correction: Option<Map>,
}

impl EdmMultistep {
    fn parse_edm(fields: &Fields<'_>) -> Result<Self> {
        let levels = EdmLevels::parse(&MULTISTEP, fields)?;
        let algorithms = [("dpmsolver++", false), ("sde-dpmsolver++", true), ("deis", false)];
        let sde = fields.choice("algorithm_type", &algorithms)?;
        let solver = Self::parse(levels, sde, fields)?;
        Ok(Self { correction: correction(fields, None)?, ..solver })
    }

    fn parse_cosine(fields: &Fields<'_>) -> Result<Self> {
        Self::parse(EdmLevels::parse(&COSINE, fields)?, true, fields)
    }

    /// Parses the order, the polynomial and the ending, which both classes have.
    fn parse(levels: EdmLevels, sde: bool, fields: &Fields<'_>) -> Result<Self> {
        let order = fields.order("solver_order", 3)?;
        let midpoint = fields.choice("solver_type", MIDPOINT)?;
        let lower = fields.flag("lower_order_final", true)?;
        let ending = Ending { lower, euler: fields.flag("euler_at_final", false)? };
        Ok(Self { levels, sde, midpoint, order, ending, correction: None })
    }
}

impl Scheduler for EdmMultistep {
    fn tables(&self, call: &Call) -> Result<Tables> {
        self.levels.tables(call, false)
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let poly = if self.midpoint { Poly::Midpoint } else { Poly::HalfCurve };
        let eta = if self.sde { 1.0 } else { 0.0 };
        let solver = Multistep { ending: self.ending, eta, ..Multistep::new(Form::Data, poly, self.order) };
        self.levels.course(call, tables, self.correction.clone(), Box::new(solver))
    }

    fn fault(&self, _: &Call, tables: &Tables) -> Option<&'static Quirk> {
        let zero = self.levels.zero && tables.sigmas.last() == Some(&0.0);
        let third = self.sde && self.order == 3 && third_order(self.ending, tables.timesteps.len(), zero);
        third.then_some(&quirks::EDM_THIRD_ORDER)
    }
}
