//! CogVideoX's schedulers. Their table has its SNR divided by S, $\bar\alpha \to \bar\alpha/(S + (1-S)\bar\alpha)$, and may be moved to zero terminal SNR after that; it is
//! float64 where β is scaled linear.
//!
//! | class | step |
//! |---|---|
//! | CogVideoXDDIM | DDIM at η = 0 |
//! | CogVideoXDPM | DPM-Solver++(2M) for the SDE, midpoint |
//!
//! Source: arXiv 2408.06072, 2211.01095.

use super::config::Config;
use super::discrete::{DISCRETE_SPACINGS, ddim_next, end, walk};
use super::table::{ALL, BetaTable, Defaults, LINEAR, count, network, refuse, single, spacing};
use super::{Call, Class, Course, Tables};
use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::moves::{Row, reverse_rho};
use langevin::plan::{Letter, Var};
use langevin::process::{Betas, Process, Tabulated};
use langevin::sampler::Draft;
use langevin::sampler::Method;
use langevin::sampler::form::{Form, Poly};
use langevin::sampler::multistep::{Multistep, Past};
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::OneStep;

const BETAS: Defaults =
    Defaults { start: 0.00085, end: 0.012, schedules: &["scaled_linear", "linear", "squaredcos_cap_v2"], ..LINEAR };

pub(super) const CLASSES: &[Class] = &[
    Class { name: "CogVideoXDDIMScheduler", tables, course: ddim, set: &[] },
    Class { name: "CogVideoXDPMScheduler", tables, course: dpm, set: &[] },
];

/// The fields of the table.
struct Shifted {
    schedule: BetaTable,
    shift: f64,
    zero: bool,
}

impl Shifted {
    fn read(config: &Config) -> Result<Self> {
        let schedule = BetaTable::read(config, BETAS)?;
        ["clip_sample", "clip_sample_range", "sample_max_value"].iter().for_each(|key| config.inert(key));
        let shift = config.number("snr_shift_scale", 3.0)?;
        if !(shift > 0.0 && shift.is_finite()) {
            return Err(Error::format("bad field in the config")
                .at("snr_shift_scale")
                .expected("a number > 0")
                .got(shift.to_string()));
        }
        Ok(Self { schedule, shift, zero: config.flag("rescale_betas_zero_snr", false)? })
    }

    /// The table of these ᾱ, each operation rounded by `cut`.
    fn shifted(&self, bars: &[f64], cut: fn(f64) -> f64) -> Vec<f64> {
        let s = self.shift;
        let mut bars: Vec<f64> = bars.iter().map(|bar| cut(bar / cut(s + cut((1.0 - s) * bar)))).collect();
        if self.zero && bars.len() > 1 {
            let roots: Vec<f64> = bars.iter().map(|bar| cut(bar.sqrt())).collect();
            let (first, last) = (roots[0], roots[roots.len() - 1]);
            let factor = cut(first / cut(first - last));
            bars = roots.iter().map(|root| cut(cut(root - last) * factor)).map(|root| cut(root * root)).collect();
        }
        bars
    }

    /// The network's own table, in float64.
    fn own(&self) -> Result<Vec<f64>> {
        let table = Tabulated::new(self.schedule.betas.clone(), self.schedule.entries())?;
        Ok(self.shifted(table.alpha_bars(), |value| value))
    }

    fn alphas_cumprod(&self) -> Result<Vec<f64>> {
        match self.schedule.betas {
            Betas::ScaledLinear { .. } => self.own(),
            _ => Ok(self.shifted(&self.schedule.alphas_cumprod(), single)),
        }
    }

    fn network(&self, config: &Config) -> Result<Formulation> {
        let mut network = network(config, &self.schedule, ALL)?;
        let table = Tabulated::new(Betas::AlphaBar { values: self.own()? }, self.schedule.entries())?;
        network.process = Process::tabulated(table);
        Ok(network)
    }
}

fn tables(config: &Config, call: &Call) -> Result<Tables> {
    let shifted = Shifted::read(config)?;
    refuse(call, "CogVideoX", false, false, false)?;
    let train = shifted.schedule.count;
    let timesteps = spacing(config, train, count(call, train)?, DISCRETE_SPACINGS)?;
    Ok(Tables { alphas_cumprod: shifted.alphas_cumprod()?, timesteps, sigmas: Vec::new() })
}

fn course(config: &Config, call: &Call, tables: &Tables, method: Box<dyn Method>) -> Result<Course> {
    let shifted = Shifted::read(config)?;
    let last = end(config, tables, true)?;
    let (mut steps, pins) = walk(tables, ddim_next(call, tables, shifted.schedule.count), last)?;
    if call.consistent {
        steps.retain(|step| step.from.alpha != step.to.alpha);
    }
    let network = shifted.network(config)?;
    Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip: None, method })
}

fn ddim(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    course(config, call, tables, Box::new(OneStep::new(Keep::Ddim(0.0))))
}

fn dpm(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    if call.consistent {
        let method = Multistep { eta: 1.0, ..Multistep::new(Form::Data, Poly::Midpoint, 2) };
        return course(config, call, tables, Box::new(method));
    }
    course(config, call, tables, Box::new(Burnt))
}

/// CogVideoX's DPM-Solver. What is odd: each step of second order draws noise twice and throws the first away; and a step that ends beyond the table is of first
/// order, whatever its level.
#[derive(Clone, Debug, PartialEq)]
struct Burnt;

impl Method for Burnt {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let mut past = Past::default();
        for (_, step) in draft.taken() {
            let (from, to) = (step.from, step.to);
            let mark = draft.mark();
            past.push(draft.value(Form::Data, x, &from)?);
            let second = past.len() > 1 && to.time >= 0.0;
            if second {
                draft.draw();
            }
            let rho = reverse_rho(&from, &to, 1.0);
            let row = Row::new(&from, &to, rho);
            // A past value at pure noise is infinitely far away in λ: it weighs nothing.
            let levels = past.levels(past.len());
            let (a, b) = if second && levels[1].alpha > 0.0 {
                Poly::Midpoint.weights(Form::Data, &from, &levels, &to, (1.0, rho))
            } else {
                (row.a, vec![row.b])
            };
            let terms = past.terms(&b);
            x = draft.advance((a, x), terms, row.c);
            past.keep(1);
            draft.note(Letter::R, Some(1.0), &from, &to, mark);
        }
        Ok(x)
    }
}
