//! What the classes share that go by σ/α but keep their states at unit variance, or on a flow: the DPM-Solver family, DEIS, UniPC, SA-Solver.
//!
//! $\alpha = 1/\sqrt{1+s^2}$, $\sigma = s\alpha$ for a level s of the list; on a flow α = 1 − s, σ = s. The network is given the time of s, cut to a whole number: D is read
//! at s all the same. The consistent plan gives the time of s itself.

use super::config::Config;
use super::sigmas::{Cast, Placing, Sigmas, shift};
use super::table::{
    BetaTable, Defaults, MOST_STEPS, clip, count, down, falling_times, linspace, network, pin, refuse, round, single,
};
use super::{Call, Course, Tables};
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation};
use langevin::plan::NetworkCall;
use langevin::prediction::Prediction;
use langevin::process::{Level, Process};
use langevin::sampler::Method;
use langevin::sampler::Step;
use langevin::space::Map;

/// The last noise level of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// `final_sigmas_type`: 0, or the table's first.
    Named,
    /// `final_sigmas_type`: 0, or the table's first at times of the table, or the level before once more.
    NamedOrTwin,
    /// The table's first at times of the table, else the level before once more: a step that goes nowhere.
    Twin,
}

/// What tells the classes apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kin {
    pub(super) name: &'static str,
    pub(super) betas: Defaults,
    /// Whether it has `timestep_spacing` and `steps_offset`; else linspace.
    pub(super) spaced: bool,
    /// Whether it has `lambda_min_clipped`.
    pub(super) clipped: bool,
    /// Whether it has `use_lu_lambdas`.
    pub(super) lu: bool,
    /// Whether Karras's times are cut, not rounded, on the cosine table.
    pub(super) cosine_cut: bool,
    /// Whether it takes `timesteps` in place of a number of steps.
    pub(super) timesteps: bool,
    /// Whether it takes `mu`, which becomes `flow_shift` = e^μ.
    pub(super) mu: bool,
    pub(super) last: Last,
}

/// The fields that place the levels.
pub(super) struct Placed {
    pub(super) schedule: BetaTable,
    pub(super) placing: Placing,
    pub(super) flow: bool,
    pub(super) shift: f64,
    /// Whether the run ends at σ = 0, where the config says.
    pub(super) zero: Option<bool>,
    lambda_min: f64,
}

/// ᾱ of the training; with zero terminal SNR the last is 2^{−24} and not 0.
pub(super) fn alphas_cumprod(schedule: &BetaTable) -> Vec<f64> {
    let mut bars = schedule.alphas_cumprod();
    if schedule.zero_snr
        && let Some(last) = bars.last_mut()
    {
        *last = (-24.0_f64).exp2();
    }
    bars
}

impl Placed {
    pub(super) fn read(kin: &Kin, config: &Config, call: &Call) -> Result<Self> {
        let schedule = BetaTable::read(config, kin.betas)?;
        let placing = Placing::read(config, kin.lu)?;
        let flow = config.flag("use_flow_sigmas", false)?;
        let mut shift = config.number("flow_shift", 1.0)?;
        if kin.mu {
            let dynamic = config.flag("use_dynamic_shifting", false)?;
            config.word("time_shift_type", &["exponential"])?;
            if let Some(mu) = call.mu {
                if !dynamic {
                    return Err(Error::argument("mu without use_dynamic_shifting").at(kin.name).got(mu.to_string()));
                }
                shift = langevin::math::exp(mu);
            }
        }
        if !(shift > 0.0 && shift.is_finite()) {
            return Err(Error::format("bad field in the config")
                .at("flow_shift")
                .expected("a number > 0")
                .got(shift.to_string()));
        }
        let zero = match kin.last {
            Last::Twin => None,
            _ => Some(config.word("final_sigmas_type", &["zero", "sigma_min"])? == "zero"),
        };
        let lambda_min =
            if kin.clipped { config.number("lambda_min_clipped", f64::NEG_INFINITY)? } else { f64::NEG_INFINITY };
        Ok(Self { schedule, placing, flow, shift, zero, lambda_min })
    }

    /// That a flow is not asked for together with a placing over the table.
    pub(super) fn one_scale(&self) -> Result<()> {
        if self.flow && self.placing != Placing::Table {
            return Err(Error::format("flow levels cannot be placed over the table of betas")
                .at("use_flow_sigmas")
                .expected("one of use_flow_sigmas and the other ways to place σ")
                .got(format!("{} too", self.placing.field()))
                .hinting("σ beyond 1 is no flow time"));
        }
        Ok(())
    }

    /// The number of table entries in use.
    pub(super) fn entries(&self, sigmas: &Sigmas) -> Result<usize> {
        match sigmas.above(self.lambda_min) {
            0 => Err(Error::format("bad field in the config")
                .at("lambda_min_clipped")
                .expected("a λ that the table reaches")
                .got(self.lambda_min.to_string())),
            entries => Ok(entries),
        }
    }
}

/// The spacing of whole times over `entries` entries of a table of `whole`: n times, of n + 1 evenly spaced ones without the first.
///
/// Trailing strides are those of the whole table, so that a clipped one has another number of them than was asked for; the consistent run has that number.
fn spaced(kin: &Kin, config: &Config, call: &Call, (whole, entries): (usize, usize), steps: usize) -> Result<Vec<f64>> {
    let (offset, word) = if kin.spaced {
        let words = ["linspace", "leading", "trailing"];
        (config.whole("steps_offset", 0)? as f64, config.word("timestep_spacing", &words)?)
    } else {
        (0.0, "linspace")
    };
    let times: Vec<f64> = match word {
        "linspace" => linspace(0.0, entries as f64 - 1.0, steps + 1).into_iter().skip(1).map(round).rev().collect(),
        "leading" => (1..=steps).rev().map(|i| (i * (entries / (steps + 1))) as f64 + offset).collect(),
        _ => {
            let ratio = if call.consistent { entries } else { whole } as f64 / steps as f64;
            let points = if call.consistent { steps } else { (entries as f64 / ratio).ceil() as usize };
            down(entries as f64, ratio, points).map(|time| round(time) - 1.0).collect()
        }
    };
    falling_times(&times, whole)
        .map_err(|error| error.at("timestep_spacing, steps_offset").hinting("take fewer steps"))?;
    Ok(times)
}

/// The tables of a class without rules of its own.
pub(super) fn tables(kin: &Kin, config: &Config, call: &Call) -> Result<Tables> {
    let placed = Placed::read(kin, config, call)?;
    placed.one_scale()?;
    refuse(call, kin.name, kin.timesteps, false, kin.mu)?;
    let alphas_cumprod = alphas_cumprod(&placed.schedule);
    let sigmas = Sigmas::new(&alphas_cumprod);
    let steps = call.timesteps.as_ref().map_or_else(|| count(call, MOST_STEPS), |times| Ok(times.len()))?;
    let entries = placed.entries(&sigmas)?;
    // Read in any case, so that every field is.
    let times = spaced(kin, config, call, (sigmas.count(), entries), steps);
    let ends_in_twin = placed.placing != Placing::Table && placed.zero != Some(true);
    let (mut values, timesteps) = if placed.flow {
        flow(&placed, sigmas.count(), steps, call.consistent)
    } else if placed.placing != Placing::Table {
        if call.timesteps.is_some() {
            return Err(Error::argument("timesteps do not fit a way of placing σ").at(placed.placing.field()));
        }
        // The consistent run has as many steps as were asked for, none of which goes nowhere.
        let points = steps + usize::from(call.consistent && ends_in_twin);
        let values = placed.placing.over(config, &sigmas, points)?;
        let cast = cast(kin, &placed, config, call)?;
        let mut times: Vec<f64> = values.iter().map(|sigma| cast.apply(sigmas.time(*sigma))).collect();
        times.truncate(steps);
        (values, times)
    } else {
        let times = match &call.timesteps {
            Some(times) => {
                falling_times(times, sigmas.count())?;
                times.clone()
            }
            None => times?,
        };
        (times.iter().map(|time| sigmas.at(*time)).collect(), times)
    };
    if values.len() == timesteps.len() {
        let last = values[values.len() - 1];
        values.push(match (placed.zero, kin.last) {
            (Some(true), _) => 0.0,
            (_, Last::Twin | Last::NamedOrTwin) if placed.flow || placed.placing != Placing::Table => last,
            _ => sigmas.min(),
        });
    }
    let values = values.into_iter().map(single).collect();
    Ok(Tables { alphas_cumprod, timesteps, sigmas: values })
}

/// Flow levels, evenly spaced from 1 − 1/N to 0 and shifted, without the last; the consistent run keeps it where nothing else would end the run.
pub(super) fn flow(placed: &Placed, whole: usize, steps: usize, consistent: bool) -> (Vec<f64>, Vec<f64>) {
    let n = whole as f64;
    let mut values: Vec<f64> =
        linspace(1.0, 1.0 / n, steps + 1).into_iter().rev().map(|rest| shift(placed.shift, 1.0 - rest)).collect();
    match placed.zero {
        // A last level below which the flow does not go.
        Some(false) if consistent => values[steps] = shift(placed.shift, 1.0 / n),
        None if consistent => {}
        _ => values.truncate(steps),
    }
    let cast = if consistent { Cast::Keep } else { Cast::Truncate };
    let times = values[..steps].iter().map(|value| cast.apply(value * n)).collect();
    (values, times)
}

/// What becomes of the times of placed levels.
fn cast(kin: &Kin, placed: &Placed, config: &Config, call: &Call) -> Result<Cast> {
    let cosine = kin.cosine_cut && config.word("beta_schedule", kin.betas.schedules)? == "squaredcos_cap_v2";
    Ok(match placed.placing {
        _ if call.consistent => Cast::Keep,
        Placing::Karras | Placing::Lu if !cosine => Cast::Round,
        _ => Cast::Truncate,
    })
}

/// A course but for its method.
pub(super) struct Ground {
    pub(super) process: Process,
    pub(super) network: Formulation,
    pub(super) steps: Vec<Step>,
    pub(super) pins: Vec<NetworkCall>,
    pub(super) clip: Option<Map>,
}

impl Ground {
    /// The levels of the tables, and the network that the config was saved with.
    pub(super) fn read(config: &Config, placed: &Placed, tables: &Tables) -> Result<Self> {
        let (schedule, flow) = (&placed.schedule, placed.flow);
        let network = if flow { flow_network(config, schedule)? } else { network(config, schedule, VP)? };
        let process = network.process.clone();
        let levels: Vec<Level> =
            tables.sigmas.iter().map(|sigma| level(&process, *sigma, flow)).collect::<Result<_>>()?;
        if tables.timesteps.is_empty() || levels.len() <= tables.timesteps.len() {
            return Err(Error::argument("tables that do not fit")
                .expected("one noise level more than there are times")
                .got(format!("{} for {} times", levels.len(), tables.timesteps.len())));
        }
        let steps: Vec<Step> =
            levels.windows(2).take(tables.timesteps.len()).map(|pair| Step { from: pair[0], to: pair[1] }).collect();
        let pins = steps.iter().zip(&tables.timesteps).map(|(step, time)| pin(step.from, *time)).collect();
        Ok(Self { process, network, steps, pins, clip: clip(config, None)? })
    }

    pub(super) fn course(self, method: impl Method + 'static) -> Course {
        let Self { process, network, steps, pins, clip } = self;
        Course { process, network, steps, pins, scale: 1.0, clip, method: Box::new(method) }
    }
}

/// What a network of these classes predicts; on a flow, u takes the place of v.
const VP: &[&str] = &["epsilon", "sample", "v_prediction"];

/// The network of a flow, which is given N·s.
pub(super) fn flow_network(config: &Config, schedule: &BetaTable) -> Result<Formulation> {
    let prediction = match config.word("prediction_type", &["epsilon", "sample", "flow_prediction"])? {
        "sample" => Prediction::X0,
        "flow_prediction" => Prediction::Velocity,
        _ => Prediction::Epsilon,
    };
    let clock = Clock::Scaled { factor: schedule.count as f64 };
    Ok(Formulation::new(Process::rectified_flow(), prediction).with_clock(clock))
}

/// The level of a σ in the class's own coordinates.
fn level(process: &Process, sigma: f64, flow: bool) -> Result<Level> {
    if flow {
        if (0.0..=1.0).contains(&sigma) {
            return Ok(Level { time: sigma, alpha: 1.0 - sigma, sigma });
        }
        return Err(Error::argument("no flow time").at("sigmas").expected("0 to 1").got(sigma.to_string()));
    }
    if !(sigma >= 0.0 && sigma.is_finite()) {
        return Err(Error::argument("no noise level").at("sigmas").expected("a number ≥ 0").got(sigma.to_string()));
    }
    let alpha = 1.0 / (1.0 + sigma * sigma).sqrt();
    // The table's end in float32 may lie a hair beyond it.
    let (first, last) = process.schedule().domain();
    let time = process.schedule().time_of_sigma_ve(sigma).clamp(first, last);
    Ok(Level { time, alpha, sigma: sigma * alpha })
}
