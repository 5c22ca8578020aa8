//! Flow matching with Euler's method, and the levels of the classes that derive from it.

use crate::diffusers::betas::train_count;
use crate::diffusers::call::{Call, MOST_STEPS};
use crate::diffusers::fields::Fields;
use crate::diffusers::flow::{CHURN, Ground, even, shift_single};
use crate::diffusers::numbers::{linspace, single};
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::shift::{TimeShift, stretch, terminal};
use crate::diffusers::sigmas::{Bounds, Placing, shift};
use crate::quirks::{self, Quirk};
use langevin::error::{Error, Result};
use langevin::sampler::consistency::Consistency;
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::OneStep;
use std::sync::Arc;

pub(super) const CLASSES: &[Class] =
    &[Class::new("FlowMatchEulerDiscreteScheduler", |fields| Ok(Arc::new(FlowEuler::parse(fields)?))).taking(CHURN)];

/// The fields that determine the levels of FlowMatchEuler and of the classes that derive from it.
#[derive(Clone, Debug)]
pub(super) struct FlowLevels {
    /// Number of training times N.
    pub(super) n: f64,
    placing: Placing,
    bounds: Bounds,
    terminal: Option<f64>,
    shift: TimeShift,
    /// True if σ is the clean fraction.
    pub(super) inverted: bool,
}

impl FlowLevels {
    pub(super) fn parse(fields: &Fields<'_>) -> Result<Self> {
        let n = train_count(fields)? as f64;
        let placing = Placing::parse(fields, false)?;
        Ok(Self {
            n,
            placing,
            terminal: terminal(fields)?,
            shift: TimeShift::parse(fields, "shift")?,
            bounds: Bounds::parse(fields, placing)?,
            inverted: fields.flag("invert_sigmas", false)?,
        })
    }

    /// Returns the levels of a run and the network times.
    pub(super) fn tables(&self, call: &Call) -> Result<Tables> {
        let Self { n, placing, bounds, terminal, .. } = *self;
        let (k, dynamic) = (self.shift.factor(call)?, self.shift.dynamic);
        let lengths = [call.steps, call.timesteps.as_ref().map(Vec::len), call.sigmas.as_ref().map(Vec::len)];
        let lengths: Vec<usize> = lengths.into_iter().flatten().collect();
        if lengths.iter().any(|length| *length != lengths[0]) {
            return Err(Error::argument("steps, timesteps and sigmas disagree")
                .expected("as many of each")
                .got(lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")));
        }
        let steps = Call { steps: lengths.first().copied(), ..Call::default() }.count(MOST_STEPS)?;
        let in_range = |values: &Vec<f64>, most: f64| values.iter().all(|value| *value > 0.0 && *value <= most);
        // A grid between two levels of the config uses only the number of the given levels.
        let replaced = placing != Placing::Table && bounds.max.is_some() && bounds.min.is_some();
        let fits = call.sigmas.as_ref().is_none_or(|sigmas| in_range(sigmas, 1.0))
            && call.timesteps.as_ref().is_none_or(|times| in_range(times, n));
        if !(replaced || fits) {
            return Err(Error::argument("bad flow levels")
                .at("sigmas, timesteps")
                .expected("sigmas in (0, 1], timesteps in (0, N]"));
        }
        // Given levels are in float32; computed levels are in float64.
        let given = call.sigmas.is_some() || call.timesteps.is_some() || call.image_seq_len.is_some();
        let exact = !given || call.fixes(&quirks::GIVEN_FLOW_LEVELS);
        let round: fn(f64) -> f64 = if exact { |value| value } else { single };
        // A pipeline passes its own levels.
        let piped = dynamic && call.image_seq_len.is_some() && call.mu.is_none();
        let mut values = match (&call.sigmas, &call.timesteps) {
            (None, None) if piped => linspace(1.0, 1.0 / steps as f64, steps).into_iter().map(single).collect(),
            (Some(sigmas), _) => sigmas.iter().map(|sigma| round(*sigma)).collect(),
            (None, Some(times)) => times.iter().map(|time| round(round(*time) / n)).collect(),
            (None, None) => even(call, n, steps, Some(k).filter(|_| !dynamic)),
        };
        let shifted = |value: f64| match dynamic {
            true if exact => k / (k + (1.0 / value - 1.0)),
            true => f64::from(k as f32 / (k as f32 + (1.0 / value as f32 - 1.0))),
            false if exact => shift(k, value),
            false => shift_single(k, value),
        };
        if steps > 1 && n == 1.0 && call.sigmas.is_none() && call.timesteps.is_none() && !piped {
            return Err(Error::argument(
                "the config has one training time: steps between its levels would stand still",
            )
            .at("num_train_timesteps")
            .expected("the levels, as the pipeline of such a config gives them")
            .got(format!("{steps} steps"))
            .hinting("give sigmas: n numbers from 1 to 1/n, as in 1,0.75,0.5,0.25"));
        }
        values.iter_mut().for_each(|value| *value = shifted(*value));
        if let Some(terminal) = terminal {
            stretch(&mut values, terminal, round);
        }
        if placing != Placing::Table {
            let (first, last) = match replaced {
                true => placing.ends(bounds, 1.0, 1.0)?,
                false => placing.ends(bounds, values[0], values[steps - 1])?,
            };
            values = placing.values(steps, first, last);
        }
        let mut sigmas: Vec<f64> = values.into_iter().map(single).collect();
        let given = call.timesteps.as_ref().filter(|_| call.keeps(&quirks::GIVEN_FLOW_TIMES));
        let inverted = self.inverted;
        if inverted {
            sigmas.iter_mut().for_each(|sigma| *sigma = single(1.0 - *sigma));
        }
        let timesteps = match given {
            Some(times) if !inverted => times.iter().map(|time| single(*time)).collect(),
            _ => sigmas.iter().map(|sigma| single(sigma * n)).collect(),
        };
        sigmas.push(if inverted { 1.0 } else { 0.0 });
        Ok(Tables { alphas_cumprod: vec![], timesteps, sigmas })
    }

    pub(super) fn ground(&self, tables: &Tables) -> Result<Ground> {
        Ground::new(self.n, &tables.sigmas, &tables.timesteps, self.inverted)
    }
}

/// FlowMatchEulerDiscreteScheduler: x' = x + (s' − s) u, or with `stochastic_sampling` x' = (1 −
/// s')D + s' z. The original accepts churn arguments but does not use them.
#[derive(Clone, Debug)]
struct FlowEuler {
    levels: FlowLevels,
    stochastic: bool,
}

impl FlowEuler {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self { levels: FlowLevels::parse(fields)?, stochastic: fields.flag("stochastic_sampling", false)? })
    }
}

impl Scheduler for FlowEuler {
    fn tables(&self, call: &Call) -> Result<Tables> {
        self.levels.tables(call)
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let FlowLevels { n, inverted, .. } = self.levels;
        if self.stochastic {
            // In this case the original uses the clean fraction as the noise level.
            if inverted && call.keeps(&quirks::INVERTED_NOISE) {
                return Err(quirks::INVERTED_NOISE.refuses(
                    Error::format("noise on inverted levels")
                        .at("stochastic_sampling, invert_sigmas")
                        .expected("one of them")
                        .got("both")
                        .hinting("the consistent plan reads them as they are meant"),
                ));
            }
            return Ok(self.levels.ground(tables)?.course(Box::new(Consistency::default())));
        }
        let method = Box::new(OneStep::new(Keep::Ddim(0.0)));
        if !inverted && tables.sigmas.iter().any(|sigma| *sigma > 1.0) {
            return Ok(Ground::beyond(n, &tables.sigmas, &tables.timesteps).course(method));
        }
        Ok(self.levels.ground(tables)?.course(method))
    }

    fn fault(&self, _: &Call, tables: &Tables) -> Option<&'static Quirk> {
        (self.levels.terminal.is_some() && tables.timesteps.len() == 1).then_some(&quirks::LONE_TERMINAL)
    }
}
