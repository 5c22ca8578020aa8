//! Predictors with correctors: UniPC and SA-Solver.

use super::config::{self, Config};
use super::dpm::{no_variance, order};
use super::sigmas::{Cast, Placing, Sigmas, shift};
use super::table::{Defaults, LINEAR, MOST_STEPS, count, linspace, refuse, single};
use super::vp::{self, Ground, Kin, Last, Placed};
use super::{Call, Class, Course, Tables};
use langevin::error::{Error, Result};
use langevin::math::exp;
use langevin::sampler::correct::{Corrected, Tau};
use langevin::sampler::form::{Form, Poly, Variable};
use serde_json::Value;

pub(super) const CLASSES: &[Class] = &[
    Class { name: "UniPCMultistepScheduler", tables: unipc_tables, course: unipc, set: &[] },
    Class { name: "SASolverScheduler", tables: sa_tables, course: sa, set: &["tau"] },
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

/// μ as it is given, or as pipelines make it from the number of tokens. The four fields have the values that the pipelines
/// take where a config has none.
pub(super) fn mu(config: &Config, call: &Call) -> Result<Option<f64>> {
    let shifts = [config.number("base_shift", 0.5)?, config.number("max_shift", 1.15)?];
    let lengths = [config.number("base_image_seq_len", 256.0)?, config.number("max_image_seq_len", 4096.0)?];
    let (None, Some(tokens)) = (call.mu, call.image_seq_len) else { return Ok(call.mu) };
    if lengths[0] == lengths[1] {
        return Err(Error::format("bad field in the config")
            .at("base_image_seq_len, max_image_seq_len")
            .expected("two lengths")
            .got(lengths[0].to_string()));
    }
    let slope = (shifts[1] - shifts[0]) / (lengths[1] - lengths[0]);
    Ok(Some(shifts[0] + (tokens as f64 - lengths[0]) * slope))
}

/// A time shift of flow levels: k, or e^μ or μ for k where the shift is dynamic.
pub(super) fn dynamic_shift(config: &Config, call: &Call, key: &str) -> Result<f64> {
    let fixed = config.number(key, 1.0)?;
    let dynamic = config.flag("use_dynamic_shifting", false)?;
    let kind = config.word("time_shift_type", &["exponential", "linear"])?;
    let k = match (dynamic, mu(config, call)?) {
        // A pipeline gives μ whatever the config says; without dynamic shifting it is not used.
        (false, _) => fixed,
        (true, Some(mu)) => {
            if kind == "linear" {
                mu
            } else {
                exp(mu)
            }
        }
        (true, None) => {
            return Err(Error::argument("mu is missing")
                .at("use_dynamic_shifting")
                .hinting(
                    "give mu, or image_seq_len: the number of tokens of the picture, 4096 for 1024 × 1024 where a token is 16 pixels wide",
                ));
        }
    };
    if k > 0.0 && k.is_finite() {
        return Ok(k);
    }
    Err(Error::argument("bad time shift").at(format!("{key}, mu")).expected("a factor > 0").got(k.to_string()))
}

/// Flow levels stretched about 1 so that the last is `terminal`; a single level has nothing to stretch.
pub(super) fn stretch(values: &mut [f64], terminal: f64, round: fn(f64) -> f64) {
    let rest = round(1.0 - values[values.len() - 1]);
    if values.len() > 1 && rest > 0.0 {
        let scale = round(rest / (1.0 - terminal));
        values.iter_mut().for_each(|value| *value = round(1.0 - round(round(1.0 - *value) / scale)));
    }
}

/// `shift_terminal`, where there is one.
pub(super) fn terminal(config: &Config) -> Result<Option<f64>> {
    match config.maybe_number("shift_terminal")?.filter(|terminal| *terminal != 0.0) {
        Some(terminal) if !(0.0..1.0).contains(&terminal) => Err(Error::format("bad field in the config")
            .at("shift_terminal")
            .expected("a flow time below 1")
            .got(terminal.to_string())),
        terminal => Ok(terminal),
    }
}

/// σ off the table of betas as elsewhere, from `sigma_max` to `sigma_min` where they are given; on a flow s, or Karras's σ as s = σ/(1+σ).
///
/// On a flow the original keeps 10⁻⁶ from pure noise, for the sake of its logarithms; the consistent run does not.
fn unipc_tables(config: &Config, call: &Call) -> Result<Tables> {
    let placed = Placed::read(&UNIPC, config, call)?;
    let range = (config.maybe_number("sigma_max")?, config.maybe_number("sigma_min")?);
    let k = dynamic_shift(config, call, "flow_shift")?;
    let terminal = terminal(config)?;
    refuse(call, UNIPC.name, false, placed.flow, config.flag("use_dynamic_shifting", false)?)?;
    if terminal.is_some() && !placed.flow {
        return Err(Error::format("shift_terminal is for flows").at("shift_terminal").hinting("set use_flow_sigmas"));
    }
    let on_table = placed.placing == Placing::Table;
    if on_table && !placed.flow {
        return vp::tables(&UNIPC, config, call);
    }
    config.inert("timestep_spacing");
    config.inert("steps_offset");
    if placed.flow && matches!(placed.placing, Placing::Exponential | Placing::Beta) && !call.consistent {
        return Err(Error::format("exponential and beta levels are not flow times")
            .at("use_flow_sigmas")
            .expected("use_karras_sigmas, or none of them")
            .got(placed.placing.field())
            .hinting("the consistent plan reads them as σ/α"));
    }
    let alphas_cumprod = vp::alphas_cumprod(&placed.schedule);
    let table = Sigmas::new(&alphas_cumprod);
    let whole = placed.schedule.count as f64;
    let steps = call.sigmas.as_ref().map_or_else(|| count(call, MOST_STEPS), |sigmas| Ok(sigmas.len()))?;
    let zero = placed.zero == Some(true);
    // A consistent run has no last step that goes nowhere.
    let points = steps + usize::from(call.consistent && !zero && call.sigmas.is_none());
    let mut values = if !on_table {
        if call.sigmas.is_some() {
            return Err(Error::argument("sigmas do not fit a way of placing σ").at(placed.placing.field()));
        }
        let ends = (range.0.unwrap_or(table.max()), range.1.unwrap_or(table.min()));
        if !(0.0 < ends.1 && ends.1 <= ends.0 && ends.0.is_finite()) {
            return Err(Error::format("bad field in the config")
                .at("sigma_min, sigma_max")
                .expected("0 < sigma_min ≤ sigma_max < ∞")
                .got(format!("{} and {}", ends.1, ends.0)));
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
        if let Some(terminal) = terminal {
            stretch(&mut values, terminal, |value| value);
        }
        if (values[0] - 1.0).abs() < 1e-6 && !call.consistent {
            values[0] -= 1e-6;
        }
        values
    };
    let cast = match placed.placing {
        _ if call.consistent => Cast::Keep,
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

fn unipc(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let placed = Placed::read(&UNIPC, config, call)?;
    config
        .only("solver_p", &Value::Null)
        .map_err(|error| error.hinting("a predictor of another class is not imported"))?;
    // Names of other solvers, which diffusers itself takes for bh2.
    let kind = config.word("solver_type", &["bh2", "bh1", "midpoint", "heun", "logrho"])?;
    let order = order(config, "solver_order", 2, 3)?;
    let data = config.flag("predict_x0", true)?;
    let uncorrected = config.numbers("disable_corrector")?.unwrap_or_default();
    let method = Corrected {
        form: if data { Form::Data } else { Form::Noise },
        pair: if kind == "bh1" { Poly::HalfStep } else { Poly::Midpoint },
        predictor: order,
        corrector: Some(order),
        lower: config.flag("lower_order_final", true)?,
        uncorrected: uncorrected.into_iter().map(|step| step as usize).collect(),
        tau: Tau::Constant(0.0),
        again: false,
    };
    let ground = Ground::read(config, &placed, tables)?;
    // With ε the original does not threshold.
    let clip = if data || call.consistent { ground.clip.clone() } else { None };
    Ok(Ground { clip, ..ground }.course(method))
}

const SA: Kin = Kin { name: "SASolver", betas: LINEAR, clipped: true, last: Last::Twin, ..UNIPC };

fn sa_tables(config: &Config, call: &Call) -> Result<Tables> {
    vp::tables(&SA, config, call)
}

/// h/g of a step is τ at the time that the network is given there: 1 from 200 to 800 and 0 elsewhere, or the constant `tau`.
///
/// With two values of D the original adds a term of its own, which makes the weight of the slope ½Δ' where the integral is m₁: the weight of UniPC's bh1.
fn sa(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let placed = Placed::read(&SA, config, call)?;
    no_variance(config)?;
    config.only("tau_func", &Value::Null).map_err(|error| error.hinting("give a constant tau at run time"))?;
    let tau = call.set.get("tau").map(|value| config::as_number(value).filter(|tau| tau.is_finite() && *tau >= 0.0));
    if tau == Some(None) {
        return Err(Error::argument("bad argument").at("tau").expected("a number ≥ 0"));
    }
    let usual = |time: &f64| if (200.0..=800.0).contains(time) { 1.0 } else { 0.0 };
    let taus = tables.timesteps.iter().map(|time| tau.flatten().unwrap_or_else(|| usual(time))).collect();
    let data = config.word("algorithm_type", &["data_prediction", "noise_prediction"])? == "data_prediction";
    let corrector = order(config, "corrector_order", 2, 4)? - 1;
    let method = Corrected {
        form: if data { Form::Data } else { Form::Noise },
        pair: if data { Poly::HalfStep } else { Poly::Exact(Variable::Lambda) },
        predictor: order(config, "predictor_order", 2, 4)?,
        corrector: Some(corrector),
        lower: config.flag("lower_order_final", true)?,
        uncorrected: vec![],
        tau: Tau::Each(taus),
        again: false,
    };
    Ok(Ground::read(config, &placed, tables)?.course(method))
}
