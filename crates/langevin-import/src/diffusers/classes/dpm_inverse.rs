//! The inverse multistep scheduler of DPM-Solver.

use super::dpm::{DpmMultistep, MULTISTEP};
use crate::diffusers::betas::LINEAR;
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::numbers::{down, linspace, round, single};
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::sigmas::{Cast, Placing, Sigmas, shift};
use crate::diffusers::spacing::{Rule, Spacing};
use crate::diffusers::vp::{Ground, Kin, Last};
use crate::quirks::{self, Quirk};
use langevin::error::{Error, Result};
use langevin::sampler::inverse::MultistepInversion;
use std::sync::Arc;

pub(super) const CLASSES: &[Class] =
    &[Class::new("DPMSolverMultistepInverseScheduler", |fields| Ok(Arc::new(DpmInverse::parse(fields)?)))];

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

/// DPMSolverMultistepInverseScheduler.
#[derive(Clone, Debug)]
struct DpmInverse(DpmMultistep);

impl DpmInverse {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self(DpmMultistep::parse(&INVERSE, fields)?))
    }
}

impl Scheduler for DpmInverse {
    /// Returns the tables from clean data to noise. The original has three quirks: placed levels
    /// end with a step of length zero, repeated times are listed once so that levels and times no
    /// longer correspond, and on a flow the levels decrease. The consistent tables rise to the
    /// noisiest level, each with its own time.
    fn tables(&self, call: &Call) -> Result<Tables> {
        let placed = &self.0.placed;
        call.accepts(INVERSE.name, false, false, false)?;
        let (k, fixed) = (placed.shift(call)?, call.fixes(&quirks::INVERSE_LEVELS));
        let alphas_cumprod = placed.betas.nonzero_alphas_cumprod();
        let sigmas = Sigmas::new(&alphas_cumprod);
        let (whole, steps) = (sigmas.count(), call.count(sigmas.count())?);
        let top = placed.entries(&sigmas)? as f64 - 1.0;
        let Spacing { offset, rule } = placed.spacing;
        let times: Vec<f64> = match rule {
            Rule::Linspace => linspace(0.0, top, steps + 1).into_iter().take(steps).map(round).collect(),
            Rule::Leading => (0..steps).map(|i| (i * ((top as usize + 1) / (steps + 1))) as f64 + offset).collect(),
            Rule::Trailing => {
                let ratio = whole as f64 / steps as f64;
                let points = ((top + 1.0) / ratio).ceil() as usize;
                down(top + 1.0, ratio, points).rev().map(|time| round(time) - 1.0).collect()
            }
        };
        let points = steps + usize::from(fixed);
        let (mut values, mut times): (Vec<f64>, Vec<f64>) = if placed.flow {
            if fixed {
                // The run starts at the first level above clean data, because no step can start at
                // clean data.
                let rise = (0..points).map(|i| (i + 1) as f64 / points as f64 * (1.0 - 1.0 / whole as f64));
                rise.map(|s| shift(k, s)).map(|s| (s, s * whole as f64)).unzip()
            } else {
                placed.flow_levels(call, k, whole, steps)
            }
        } else if placed.placing == Placing::Table {
            (times.iter().map(|time| sigmas.at(*time)).chain([sigmas.at(top)]).collect(), times)
        } else {
            // The original uses sigma_max as the first level, although the levels rise.
            let (first, last) = placed.placing.ends(placed.bounds, sigmas.min(), sigmas.max())?;
            let values = placed.placing.values(points, first, last);
            let cast = match placed.placing {
                _ if fixed => Cast::Keep,
                Placing::Karras => Cast::Round,
                _ => Cast::Keep,
            };
            let times = values.iter().map(|sigma| cast.apply(sigmas.time(*sigma))).collect();
            (values, times)
        };
        times.truncate(steps);
        if fixed {
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

    fn course(&self, _: &Call, tables: &Tables) -> Result<Course> {
        let solver = self.0.multistep();
        if solver.eta > 0.0 {
            return Err(quirks::INVERSE_LEVELS.refuses(
                Error::format("an inversion has no noise")
                    .at("algorithm_type")
                    .expected("dpmsolver++ or dpmsolver")
                    .got("one of the SDE")
                    .hinting("the SDE upwards would take noise out of the state, which no coefficient can"),
            ));
        }
        Ok(Ground::new(&self.0.placed, tables)?.course(MultistepInversion(solver)))
    }

    fn check_method(&self) -> Result<()> {
        self.0.check_variance()
    }

    fn fault(&self, call: &Call, tables: &Tables) -> Option<&'static Quirk> {
        let twice = || tables.begins_twice(call).then_some(&quirks::FIRST_TIME_TWICE_EULER);
        self.0.flow_fault().or_else(twice).or_else(|| self.0.last_fault(tables))
    }
}
