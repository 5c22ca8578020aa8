//! What the classes share that go by σ/α but keep their states at unit variance, or on a flow: the
//! DPM-Solver family, DEIS, UniPC, SA-Solver.
//!
//! $\alpha = 1/\sqrt{1+s^2}$, $\sigma = s\alpha$ for a level s of the list; on a flow α = 1 − s, σ = s. The
//! network is given the time of s, cut to a whole number: D is read at s all the same. The consistent plan
//! gives the time of s itself.

use super::betas::{BetaTable, Defaults};
use super::call::{Call, MOST_STEPS};
use super::fields::{Fields, out_of_range};
use super::numbers::{down, linspace, round, single};
use super::scheduler::{Course, Tables};
use super::sigmas::{Bounds, Cast, Placing, Sigmas, shift};
use super::spacing::{LINSPACE, Rule, Spacing, falling_times};
use super::table::{correction, pin, prediction};
use crate::quirks;
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation};
use langevin::plan::NetworkCall;
use langevin::prediction::Prediction;
use langevin::process::{Level, Process};
use langevin::sampler::{Method, Step};
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

/// The fields that place the levels, and what the network predicts.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    kin: &'static Kin,
    pub(super) betas: BetaTable,
    pub(super) placing: Placing,
    pub(super) bounds: Bounds,
    pub(super) flow: bool,
    /// `flow_shift`.
    shift: f64,
    /// Whether `mu` may take the place of `flow_shift`.
    dynamic: bool,
    /// Whether the run ends at σ = 0, where the config says.
    pub(super) zero: Option<bool>,
    lambda_min: f64,
    pub(super) spacing: Spacing,
    pub(super) prediction: Prediction,
    pub(super) correction: Option<Map>,
}

/// What a network of a flow predicts, the default first; u takes the place of v.
const FLOW: &[(&str, Prediction)] =
    &[("epsilon", Prediction::Epsilon), ("sample", Prediction::X0), ("flow_prediction", Prediction::Velocity)];

impl Placed {
    pub(super) fn parse(kin: &'static Kin, fields: &Fields<'_>) -> Result<Self> {
        let betas = BetaTable::parse(fields, kin.betas)?;
        let placing = Placing::parse(fields, kin.lu)?;
        let flow = fields.flag("use_flow_sigmas", false)?;
        let shift = fields.positive("flow_shift", 1.0)?;
        let dynamic = kin.mu && fields.flag("use_dynamic_shifting", false)?;
        if kin.mu {
            fields.word("time_shift_type", &["exponential"])?;
        }
        let zero = match kin.last {
            Last::Twin => None,
            _ => Some(fields.choice("final_sigmas_type", &[("zero", true), ("sigma_min", false)])?),
        };
        let lambda_min =
            if kin.clipped { fields.number("lambda_min_clipped", f64::NEG_INFINITY)? } else { f64::NEG_INFINITY };
        let spacing = if kin.spaced { Spacing::parse(fields, LINSPACE)? } else { Spacing::even() };
        // Levels of a flow are on no grid between others.
        let bounds = if flow { Bounds::default() } else { Bounds::parse(fields, placing)? };
        let prediction = if flow { fields.choice("prediction_type", FLOW)? } else { prediction(fields)? };
        let correction = correction(fields, None)?;
        Ok(Self {
            kin,
            betas,
            placing,
            bounds,
            flow,
            shift,
            dynamic,
            zero,
            lambda_min,
            spacing,
            prediction,
            correction,
        })
    }

    /// Parses the fields of a class that places no flow levels over the table of betas.
    pub(super) fn of_one_scale(kin: &'static Kin, fields: &Fields<'_>) -> Result<Self> {
        let placed = Self::parse(kin, fields)?;
        if placed.flow && placed.placing != Placing::Table {
            return Err(Error::format("flow levels cannot be placed over the table of betas")
                .at("use_flow_sigmas")
                .expected("one of use_flow_sigmas and the other ways to place σ")
                .got(format!("{} too", placed.placing.field()))
                .hinting("σ beyond 1 is no flow time"));
        }
        Ok(placed)
    }

    /// The shift of flow levels: `flow_shift`, or e^μ.
    pub(super) fn shift(&self, call: &Call) -> Result<f64> {
        let Some(mu) = call.mu.filter(|_| self.kin.mu) else { return Ok(self.shift) };
        if !self.dynamic {
            return Err(Error::argument("mu without use_dynamic_shifting").at(self.kin.name).got(mu.to_string()));
        }
        match langevin::math::exp(mu) {
            shift if shift > 0.0 && shift.is_finite() => Ok(shift),
            shift => Err(out_of_range("flow_shift", "a number > 0", shift.to_string())),
        }
    }

    /// The number of table entries in use.
    pub(super) fn entries(&self, sigmas: &Sigmas) -> Result<usize> {
        match sigmas.above(self.lambda_min) {
            0 => Err(out_of_range("lambda_min_clipped", "a λ that the table reaches", self.lambda_min.to_string())),
            entries => Ok(entries),
        }
    }

    /// The spacing of whole times over `entries` entries of a table of `whole`: n times, of n + 1 evenly
    /// spaced ones without the first.
    ///
    /// Trailing strides are those of the whole table, so that a clipped one has another number of them than
    /// was asked for; the consistent run has that number.
    fn spaced(&self, call: &Call, (whole, entries): (usize, usize), steps: usize) -> Result<Vec<f64>> {
        let times: Vec<f64> = match self.spacing.rule {
            Rule::Linspace => {
                linspace(0.0, entries as f64 - 1.0, steps + 1).into_iter().skip(1).map(round).rev().collect()
            }
            Rule::Leading => {
                (1..=steps).rev().map(|i| (i * (entries / (steps + 1))) as f64 + self.spacing.offset).collect()
            }
            Rule::Trailing => {
                let mended = call.mends(&quirks::CLIPPED_TRAILING);
                let ratio = if mended { entries } else { whole } as f64 / steps as f64;
                let points = if mended { steps } else { (entries as f64 / ratio).ceil() as usize };
                down(entries as f64, ratio, points).map(|time| round(time) - 1.0).collect()
            }
        };
        falling_times(&times, whole)
            .map_err(|error| error.at("timestep_spacing, steps_offset").hinting("take fewer steps"))?;
        Ok(times)
    }

    /// The tables of a class without rules of its own.
    pub(super) fn tables(&self, call: &Call) -> Result<Tables> {
        let kin = self.kin;
        let shift = self.shift(call)?;
        call.accepts(kin.name, kin.timesteps, false, kin.mu)?;
        let alphas_cumprod = self.betas.nonzero_alphas_cumprod();
        let sigmas = Sigmas::new(&alphas_cumprod);
        let steps = call.timesteps.as_ref().map_or_else(|| call.count(MOST_STEPS), |times| Ok(times.len()))?;
        let entries = self.entries(&sigmas)?;
        let on_table = self.placing == Placing::Table;
        let (mut values, timesteps) = if self.flow {
            self.flow_levels(call, shift, sigmas.count(), steps)
        } else if on_table {
            let times = match &call.timesteps {
                Some(times) => {
                    falling_times(times, sigmas.count())?;
                    times.clone()
                }
                None => self.spaced(call, (sigmas.count(), entries), steps)?,
            };
            (times.iter().map(|time| sigmas.at(*time)).collect(), times)
        } else {
            if call.timesteps.is_some() {
                return Err(Error::argument("timesteps do not fit a way of placing σ").at(self.placing.field()));
            }
            // The consistent run has as many steps as were asked for, none of which goes nowhere.
            let twin = self.zero != Some(true);
            let points = steps + usize::from(twin && call.mends(&quirks::LAST_LEVEL_TWICE));
            let values = self.placing.over(self.bounds, &sigmas, points)?;
            let cast = self.cast(call);
            let mut times: Vec<f64> = values.iter().map(|sigma| cast.apply(sigmas.time(*sigma))).collect();
            times.truncate(steps);
            (values, times)
        };
        if values.len() == timesteps.len() {
            let last = values[values.len() - 1];
            values.push(match (self.zero, kin.last) {
                (Some(true), _) => 0.0,
                (_, Last::Twin | Last::NamedOrTwin) if self.flow || !on_table => last,
                _ => sigmas.min(),
            });
        }
        let values = values.into_iter().map(single).collect();
        Ok(Tables { alphas_cumprod, timesteps, sigmas: values })
    }

    /// Flow levels, evenly spaced from 1 − 1/N to 0 and shifted, without the last; the consistent run keeps
    /// it where nothing else would end the run.
    pub(super) fn flow_levels(&self, call: &Call, k: f64, whole: usize, steps: usize) -> (Vec<f64>, Vec<f64>) {
        let n = whole as f64;
        let mut values: Vec<f64> =
            linspace(1.0, 1.0 / n, steps + 1).into_iter().rev().map(|rest| shift(k, 1.0 - rest)).collect();
        match self.zero {
            // A last level below which the flow does not go.
            Some(false) if call.mends(&quirks::LAST_LEVEL_TWICE) => values[steps] = shift(k, 1.0 / n),
            None if call.mends(&quirks::LAST_LEVEL_TWICE) => {}
            _ => values.truncate(steps),
        }
        let cast = if call.mends(&quirks::WHOLE_TIMES) { Cast::Keep } else { Cast::Truncate };
        let times = values[..steps].iter().map(|value| cast.apply(value * n)).collect();
        (values, times)
    }

    /// What becomes of the times of placed levels.
    fn cast(&self, call: &Call) -> Cast {
        let cut = self.kin.cosine_cut && self.betas.cosine;
        match self.placing {
            _ if call.mends(&quirks::WHOLE_TIMES) => Cast::Keep,
            Placing::Karras | Placing::Lu if !cut => Cast::Round,
            _ => Cast::Truncate,
        }
    }

    /// The network that was saved; that of a flow is given N·s.
    fn network(&self) -> Result<Formulation> {
        if !self.flow {
            return self.betas.network(self.prediction);
        }
        let clock = Clock::Scaled { factor: self.betas.count as f64 };
        Ok(Formulation::new(Process::rectified_flow(), self.prediction).with_clock(clock))
    }

    /// Whether the correction of D is dynamic thresholding.
    pub(super) fn thresholds(&self) -> bool {
        matches!(self.correction, Some(Map::Threshold { .. }))
    }

    /// Whether a run with these tables ends at σ = 0 by the word of the config.
    pub(super) fn ends_clean(&self, tables: &Tables) -> bool {
        self.zero == Some(true) && tables.sigmas.last() == Some(&0.0)
    }

    /// Whether the network predicts the velocity of a flow.
    pub(super) fn predicts_velocity(&self) -> bool {
        self.flow && self.prediction == Prediction::Velocity
    }
}

/// A course but for its method.
pub(super) struct Ground {
    process: Process,
    network: Formulation,
    steps: Vec<Step>,
    pins: Vec<NetworkCall>,
    pub(super) clip: Option<Map>,
}

impl Ground {
    /// The levels of the tables, and the network that the config was saved with.
    pub(super) fn new(placed: &Placed, tables: &Tables) -> Result<Self> {
        let network = placed.network()?;
        let process = network.process.clone();
        let levels: Vec<Level> =
            tables.sigmas.iter().map(|sigma| level(&process, *sigma, placed.flow)).collect::<Result<_>>()?;
        if tables.timesteps.is_empty() || levels.len() <= tables.timesteps.len() {
            return Err(Error::argument("tables that do not fit")
                .expected("one noise level more than there are times")
                .got(format!("{} for {} times", levels.len(), tables.timesteps.len())));
        }
        let steps: Vec<Step> =
            levels.windows(2).take(tables.timesteps.len()).map(|pair| Step { from: pair[0], to: pair[1] }).collect();
        let pins = steps.iter().zip(&tables.timesteps).map(|(step, time)| pin(step.from, *time)).collect();
        Ok(Self { process, network, steps, pins, clip: placed.correction.clone() })
    }

    pub(super) fn course(self, method: impl Method + 'static) -> Course {
        let Self { process, network, steps, pins, clip } = self;
        Course { process, network, steps, pins, scale: 1.0, clip, method: Box::new(method) }
    }
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
