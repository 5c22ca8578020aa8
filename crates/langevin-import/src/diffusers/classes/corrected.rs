//! Predictors with correctors: UniPC and SA-Solver.

use crate::diffusers::betas::{Defaults, LINEAR};
use crate::diffusers::call::{Call, MOST_STEPS};
use crate::diffusers::fields::{Fields, as_number, out_of_range};
use crate::diffusers::numbers::{linspace, single};
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::shift::{TimeShift, stretch, terminal};
use crate::diffusers::sigmas::{Bounds, Cast, Placing, Sigmas, shift};
use crate::diffusers::variance::VarianceType;
use crate::diffusers::vp::{Ground, Kin, Last, Placed};
use crate::quirks::{self, Quirk};
use langevin::error::{Error, Result};
use langevin::sampler::correct::{Corrected, Tau};
use langevin::sampler::form::{Form, Poly, Variable};
use serde_json::Value;
use std::sync::Arc;

pub(super) const CLASSES: &[Class] = &[
    Class::new("UniPCMultistepScheduler", |fields| Ok(Arc::new(UniPc::parse(fields)?))),
    Class::new("SASolverScheduler", |fields| Ok(Arc::new(SaSolver::parse(fields)?))).taking(&["tau"]),
];

const UNIPC: Kin = Kin {
    name: "UniPCMultistep",
    betas: Defaults { zero_snr: true, ..LINEAR },
    spaced: true,
    clipped: false,
    lu: false,
    cosine_cut: false,
    timesteps: false,
    mu: false,
    last: Last::NamedOrTwin,
};

/// UniPCMultistepScheduler.
#[derive(Clone, Debug)]
struct UniPc {
    placed: Placed,
    bounds: Bounds,
    shift: TimeShift,
    terminal: Option<f64>,
    /// True if the solver is bh1.
    bh1: bool,
    order: usize,
    /// True if D is extrapolated, false for ε.
    data: bool,
    uncorrected: Vec<usize>,
    lower: bool,
}

impl UniPc {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        let placed = Placed::parse(&UNIPC, fields)?;
        let bounds = Bounds { max: fields.maybe_number("sigma_max")?, min: fields.maybe_number("sigma_min")? };
        let shift = TimeShift::parse(fields, "flow_shift")?;
        let terminal = terminal(fields)?;
        if terminal.is_some() && !placed.flow {
            return Err(Error::format("shift_terminal is for flows")
                .at("shift_terminal")
                .hinting("set use_flow_sigmas"));
        }
        fields
            .only("solver_p", &Value::Null)
            .map_err(|error| error.hinting("a predictor of another class is not imported"))?;
        // diffusers maps the names of other solvers to bh2.
        let kinds = [("bh2", false), ("bh1", true), ("midpoint", false), ("heun", false), ("logrho", false)];
        let uncorrected = |list: Vec<f64>| list.into_iter().map(|step| step as usize).collect();
        Ok(Self {
            placed,
            bounds,
            shift,
            terminal,
            bh1: fields.choice("solver_type", &kinds)?,
            order: fields.order("solver_order", 3)?,
            data: fields.flag("predict_x0", true)?,
            uncorrected: fields.numbers("disable_corrector")?.map(uncorrected).unwrap_or_default(),
            lower: fields.flag("lower_order_final", true)?,
        })
    }
}

impl Scheduler for UniPc {
    /// Returns σ from the table of betas, or from `sigma_max` to `sigma_min` if these are set. For
    /// a flow, returns s, or Karras's σ as s = σ/(1+σ).
    ///
    /// For a flow the original stays 10⁻⁶ away from pure noise, because of its logarithms; the
    /// consistent run does not.
    fn tables(&self, call: &Call) -> Result<Tables> {
        let placed = &self.placed;
        let k = self.shift.factor(call)?;
        call.accepts(UNIPC.name, false, placed.flow, self.shift.dynamic)?;
        let on_table = placed.placing == Placing::Table;
        if on_table && !placed.flow {
            return placed.tables(call);
        }
        if placed.flow
            && matches!(placed.placing, Placing::Exponential | Placing::Beta)
            && call.keeps(&quirks::UNIPC_FLOW_LEVELS)
        {
            return Err(quirks::UNIPC_FLOW_LEVELS.refuses(
                Error::format("exponential and beta levels are not flow times")
                    .at("use_flow_sigmas")
                    .expected("use_karras_sigmas, or none of them")
                    .got(placed.placing.field())
                    .hinting("the consistent plan reads them as σ/α"),
            ));
        }
        let alphas_cumprod = placed.betas.nonzero_alphas_cumprod();
        let table = Sigmas::new(&alphas_cumprod);
        let whole = placed.betas.count as f64;
        let steps = call.sigmas.as_ref().map_or_else(|| call.count(MOST_STEPS), |sigmas| Ok(sigmas.len()))?;
        let zero = placed.zero == Some(true);
        // A consistent run has no last step of length zero.
        let points = steps + usize::from(!zero && call.sigmas.is_none() && call.fixes(&quirks::LAST_LEVEL_TWICE));
        let mut values = if !on_table {
            if call.sigmas.is_some() {
                return Err(Error::argument("sigmas do not fit a way of placing σ").at(placed.placing.field()));
            }
            let ends = (self.bounds.max.unwrap_or(table.max()), self.bounds.min.unwrap_or(table.min()));
            if !(0.0 < ends.1 && ends.1 <= ends.0 && ends.0.is_finite()) {
                let got = format!("{} and {}", ends.1, ends.0);
                return Err(out_of_range("sigma_min, sigma_max", "0 < sigma_min ≤ sigma_max < ∞", got));
            }
            let mut values = placed.placing.values(points, ends.0, ends.1);
            if placed.flow {
                values.iter_mut().for_each(|value| *value /= *value + 1.0);
            }
            values
        } else {
            let even = || linspace(1.0, 1.0 / whole, points + usize::from(points == steps));
            let mut values = call.sigmas.clone().unwrap_or_else(even);
            values.truncate(points);
            if values.is_empty() || values.iter().any(|value| !(*value > 0.0 && *value <= 1.0)) {
                return Err(Error::argument("bad flow levels").at("sigmas").expected("times in (0, 1]"));
            }
            values.iter_mut().for_each(|value| *value = shift(k, *value));
            if let Some(terminal) = self.terminal {
                stretch(&mut values, terminal, |value| value);
            }
            if (values[0] - 1.0).abs() < 1e-6 && call.keeps(&quirks::UNIPC_FLOW_START) {
                values[0] -= 1e-6;
            }
            values
        };
        let cast = match placed.placing {
            _ if call.fixes(&quirks::WHOLE_TIMES) => Cast::Keep,
            Placing::Karras if !placed.flow => Cast::Round,
            _ => Cast::Truncate,
        };
        let time = |value: &f64| if placed.flow { value * whole } else { table.time(*value) };
        let timesteps: Vec<f64> = values[..steps].iter().map(|value| cast.apply(time(value))).collect();
        if values.len() == steps {
            values.push(if zero { 0.0 } else { values[steps - 1] });
        }
        Ok(Tables { alphas_cumprod, timesteps, sigmas: values.into_iter().map(single).collect() })
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let method = Corrected {
            form: if self.data { Form::Data } else { Form::Noise },
            pair: if self.bh1 { Poly::HalfStep } else { Poly::Midpoint },
            predictor: self.order,
            corrector: Some(self.order),
            lower: self.lower,
            uncorrected: self.uncorrected.clone(),
            tau: Tau::Constant(0.0),
            again: false,
        };
        let mut ground = Ground::new(&self.placed, tables)?;
        if !self.data && call.keeps(&quirks::UNIPC_THRESHOLD) {
            ground.clip = None;
        }
        Ok(ground.course(method))
    }

    fn fault(&self, call: &Call, tables: &Tables) -> Option<&'static Quirk> {
        if self.placed.predicts_velocity() && !self.data {
            return Some(&quirks::VELOCITY_OF_NOISE);
        }
        if self.placed.ends_clean(tables) && (self.bh1 || !self.data) {
            return Some(&quirks::UNIPC_END);
        }
        if self.terminal.is_some() && tables.timesteps.len() == 1 && self.placed.flow {
            return Some(&quirks::LONE_TERMINAL);
        }
        tables.begins_twice(call).then_some(&quirks::FIRST_TIME_TWICE)
    }
}

const SA: Kin = Kin { name: "SASolver", betas: LINEAR, clipped: true, last: Last::Twin, ..UNIPC };

/// SASolverScheduler.
#[derive(Clone, Debug)]
struct SaSolver {
    placed: Placed,
    variance: VarianceType,
    /// True if D is extrapolated, false for ε.
    data: bool,
    predictor: usize,
    corrector: usize,
    lower: bool,
}

impl SaSolver {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        let placed = Placed::of_one_scale(&SA, fields)?;
        let variance = VarianceType::parse(fields)?;
        fields.only("tau_func", &Value::Null).map_err(|error| error.hinting("give a constant tau at run time"))?;
        Ok(Self {
            placed,
            variance,
            data: fields.choice("algorithm_type", &[("data_prediction", true), ("noise_prediction", false)])?,
            corrector: fields.order("corrector_order", 4)?,
            predictor: fields.order("predictor_order", 4)?,
            lower: fields.flag("lower_order_final", true)?,
        })
    }
}

impl Scheduler for SaSolver {
    fn tables(&self, call: &Call) -> Result<Tables> {
        self.placed.tables(call)
    }

    /// h/g of a step is τ at the network time of the step: 1 from 200 to 800 and 0 elsewhere, or
    /// the constant `tau`.
    ///
    /// With two values of D the original adds a term of its own, which changes the weight of the
    /// slope from the integral m₁ to ½Δ', the weight of UniPC's bh1.
    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let tau = call.set.get("tau").map(|value| as_number(value).filter(|tau| tau.is_finite() && *tau >= 0.0));
        if tau == Some(None) {
            return Err(Error::argument("bad argument").at("tau").expected("a number ≥ 0"));
        }
        let usual = |time: &f64| if (200.0..=800.0).contains(time) { 1.0 } else { 0.0 };
        let taus = tables.timesteps.iter().map(|time| tau.flatten().unwrap_or_else(|| usual(time))).collect();
        let method = Corrected {
            form: if self.data { Form::Data } else { Form::Noise },
            pair: if self.data { Poly::HalfStep } else { Poly::Exact(Variable::Lambda) },
            predictor: self.predictor,
            corrector: Some(self.corrector - 1),
            lower: self.lower,
            uncorrected: vec![],
            tau: Tau::Each(taus),
            again: false,
        };
        Ok(Ground::new(&self.placed, tables)?.course(method))
    }

    fn check_method(&self) -> Result<()> {
        self.variance.check_dropped(self.placed.prediction)
    }

    fn fault(&self, call: &Call, tables: &Tables) -> Option<&'static Quirk> {
        if self.placed.predicts_velocity() && !self.data {
            return Some(&quirks::VELOCITY_OF_NOISE);
        }
        if self.placed.thresholds() && !self.data {
            return Some(&quirks::THRESHOLD_OF_NOISE);
        }
        tables.begins_twice(call).then_some(&quirks::FIRST_TIME_TWICE)
    }
}
