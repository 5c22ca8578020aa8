//! Code shared by the classes on σ/α with states of unit variance, or on a flow: the DPM-Solver
//! family, DEIS, UniPC, SA-Solver.
//!
//! $\alpha = 1/\sqrt{1+s^2}$, $\sigma = s\alpha$ for a level s of the list; on a flow α = 1 − s,
//! σ = s. The network's time is that of s, truncated to an integer, but D is computed at s. The
//! consistent plan uses the time of s itself.

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
    /// `final_sigmas_type`: 0, or the first entry of the table.
    Named,
    /// `final_sigmas_type`: 0, or the first entry of the table at times of the table, or a
    /// repetition of the level before.
    NamedOrTwin,
    /// The first entry of the table at times of the table, otherwise a repetition of the level
    /// before, which is a step of length zero.
    Twin,
}

/// The differences between the classes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kin {
    pub(super) name: &'static str,
    pub(super) betas: Defaults,
    /// True if the class has `timestep_spacing` and `steps_offset`; otherwise linspace is used.
    pub(super) spaced: bool,
    /// True if the class has `lambda_min_clipped`.
    pub(super) clipped: bool,
    /// True if the class has `use_lu_lambdas`.
    pub(super) lu: bool,
    /// True if Karras's times are truncated instead of rounded on the cosine table.
    pub(super) cosine_cut: bool,
    /// True if the class accepts `timesteps` in place of a number of steps.
    pub(super) timesteps: bool,
    /// True if the class accepts `mu`, which sets `flow_shift` = e^μ.
    pub(super) mu: bool,
    pub(super) last: Last,
}

/// The fields that determine the levels and the network's prediction.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    kin: &'static Kin,
    pub(super) betas: BetaTable,
    pub(super) placing: Placing,
    pub(super) bounds: Bounds,
    pub(super) flow: bool,
    /// `flow_shift`.
    shift: f64,
    /// True if `mu` may replace `flow_shift`.
    dynamic: bool,
    /// True if the run ends at σ = 0; `None` if the class has no such field.
    pub(super) zero: Option<bool>,
    lambda_min: f64,
    pub(super) spacing: Spacing,
    pub(super) prediction: Prediction,
    pub(super) correction: Option<Map>,
}

/// Predictions of a network of a flow, the default first; u takes the place of v.
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
        // Bounds do not apply to flow levels.
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

    /// Parses the fields of a class that does not place flow levels over the table of betas.
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

    /// Returns the shift of flow levels: `flow_shift`, or e^μ.
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

    /// Returns the number of table entries in use.
    pub(super) fn entries(&self, sigmas: &Sigmas) -> Result<usize> {
        match sigmas.above(self.lambda_min) {
            0 => Err(out_of_range("lambda_min_clipped", "a λ that the table reaches", self.lambda_min.to_string())),
            entries => Ok(entries),
        }
    }

    /// Returns n integer times over `entries` entries of a table of `whole`: n + 1 evenly spaced
    /// times without the first.
    ///
    /// Trailing strides are those of the whole table, so a clipped table leads to a different
    /// number of steps than requested. The consistent run has the requested number.
    fn spaced(&self, call: &Call, (whole, entries): (usize, usize), steps: usize) -> Result<Vec<f64>> {
        let times: Vec<f64> = match self.spacing.rule {
            Rule::Linspace => {
                linspace(0.0, entries as f64 - 1.0, steps + 1).into_iter().skip(1).map(round).rev().collect()
            }
            Rule::Leading => {
                (1..=steps).rev().map(|i| (i * (entries / (steps + 1))) as f64 + self.spacing.offset).collect()
            }
            Rule::Trailing => {
                let fixed = call.fixes(&quirks::CLIPPED_TRAILING);
                let ratio = if fixed { entries } else { whole } as f64 / steps as f64;
                let points = if fixed { steps } else { (entries as f64 / ratio).ceil() as usize };
                down(entries as f64, ratio, points).map(|time| round(time) - 1.0).collect()
            }
        };
        falling_times(&times, whole)
            .map_err(|error| error.at("timestep_spacing, steps_offset").hinting("take fewer steps"))?;
        Ok(times)
    }

    /// Returns the tables of a class without special rules.
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
            // The consistent run has the requested number of steps, none of length zero.
            let twin = self.zero != Some(true);
            let points = steps + usize::from(twin && call.fixes(&quirks::LAST_LEVEL_TWICE));
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

    /// Returns flow levels, evenly spaced from 1 − 1/N to 0 and shifted, without the last. The
    /// consistent run keeps the last level if nothing else ends the run.
    pub(super) fn flow_levels(&self, call: &Call, k: f64, whole: usize, steps: usize) -> (Vec<f64>, Vec<f64>) {
        let n = whole as f64;
        let mut values: Vec<f64> =
            linspace(1.0, 1.0 / n, steps + 1).into_iter().rev().map(|rest| shift(k, 1.0 - rest)).collect();
        match self.zero {
            // The last level is the lowest of the flow.
            Some(false) if call.fixes(&quirks::LAST_LEVEL_TWICE) => values[steps] = shift(k, 1.0 / n),
            None if call.fixes(&quirks::LAST_LEVEL_TWICE) => {}
            _ => values.truncate(steps),
        }
        let cast = if call.fixes(&quirks::WHOLE_TIMES) { Cast::Keep } else { Cast::Truncate };
        let times = values[..steps].iter().map(|value| cast.apply(value * n)).collect();
        (values, times)
    }

    /// Returns the conversion for times of placed levels.
    fn cast(&self, call: &Call) -> Cast {
        let cut = self.kin.cosine_cut && self.betas.cosine;
        match self.placing {
            _ if call.fixes(&quirks::WHOLE_TIMES) => Cast::Keep,
            Placing::Karras | Placing::Lu if !cut => Cast::Round,
            _ => Cast::Truncate,
        }
    }

    /// Returns the formulation of the saved network; the time of a flow network is N·s.
    fn network(&self) -> Result<Formulation> {
        if !self.flow {
            return self.betas.network(self.prediction);
        }
        let clock = Clock::Scaled { factor: self.betas.count as f64 };
        Ok(Formulation::new(Process::rectified_flow(), self.prediction).with_clock(clock))
    }

    /// Returns true if the correction of D is dynamic thresholding.
    pub(super) fn thresholds(&self) -> bool {
        matches!(self.correction, Some(Map::Threshold { .. }))
    }

    /// Returns true if the config ends the run at σ = 0 with these tables.
    pub(super) fn ends_clean(&self, tables: &Tables) -> bool {
        self.zero == Some(true) && tables.sigmas.last() == Some(&0.0)
    }

    /// Returns true if the network predicts the velocity of a flow.
    pub(super) fn predicts_velocity(&self) -> bool {
        self.flow && self.prediction == Prediction::Velocity
    }
}

/// The parts of a course other than its method.
pub(super) struct Ground {
    process: Process,
    network: Formulation,
    steps: Vec<Step>,
    pins: Vec<NetworkCall>,
    pub(super) clip: Option<Map>,
}

impl Ground {
    /// Builds the course from the levels of the tables and the network that the config was saved
    /// with.
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

/// Returns the level of a σ in the class's own coordinates.
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
    // Rounded to float32, the end of the table may lie slightly beyond it.
    let (first, last) = process.schedule().domain();
    let time = process.schedule().time_of_sigma_ve(sigma).clamp(first, last);
    Ok(Level { time, alpha, sigma: sigma * alpha })
}
