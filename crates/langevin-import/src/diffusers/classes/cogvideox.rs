//! Schedulers of CogVideoX. The SNR of their table is divided by S, $\bar\alpha \to \bar\alpha/(S +
//! (1-S)\bar\alpha)$, and the table may then be rescaled to zero terminal SNR. The table is in
//! float64 if β is scaled linear.
//!
//! | class | step |
//! |---|---|
//! | CogVideoXDDIM | DDIM at η = 0 |
//! | CogVideoXDPM | DPM-Solver++(2M) for the SDE, midpoint |
//!
//! Source: arXiv 2408.06072, 2211.01095.

use super::discrete::{ddim_next, end, walk};
use crate::diffusers::betas::{BetaTable, Defaults, LINEAR};
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::numbers::single;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::spacing::{LEADING, Spacing};
use crate::diffusers::table::prediction;
use crate::quirks;
use langevin::error::Result;
use langevin::formulation::Formulation;
use langevin::moves::{Row, reverse_rho};
use langevin::plan::{Letter, Var};
use langevin::prediction::Prediction;
use langevin::process::{Betas, Process, Tabulated};
use langevin::sampler::Draft;
use langevin::sampler::Method;
use langevin::sampler::form::{Form, Poly};
use langevin::sampler::multistep::{Multistep, Past};
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::OneStep;
use std::sync::Arc;

const BETAS: Defaults =
    Defaults { start: 0.00085, end: 0.012, schedules: &["scaled_linear", "linear", "squaredcos_cap_v2"], ..LINEAR };

pub(super) const CLASSES: &[Class] = &[
    Class::new("CogVideoXDDIMScheduler", |fields| Ok(Arc::new(CogVideoX::parse(fields, Solver::Ddim)?))),
    Class::new("CogVideoXDPMScheduler", |fields| Ok(Arc::new(CogVideoX::parse(fields, Solver::Dpm)?))),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Solver {
    Ddim,
    Dpm,
}

/// CogVideoXDDIMScheduler and CogVideoXDPMScheduler.
#[derive(Clone, Debug)]
struct CogVideoX {
    solver: Solver,
    betas: BetaTable,
    /// S, `snr_shift_scale`.
    shift: f64,
    /// True if the table ends at zero SNR.
    zero: bool,
    spacing: Spacing,
    /// True if the run ends at ᾱ = 1.
    to_one: bool,
    prediction: Prediction,
}

impl CogVideoX {
    fn parse(fields: &Fields<'_>, solver: Solver) -> Result<Self> {
        ["clip_sample", "clip_sample_range", "sample_max_value"].iter().for_each(|key| fields.inert(key));
        Ok(Self {
            solver,
            betas: BetaTable::parse(fields, BETAS)?,
            shift: fields.positive("snr_shift_scale", 3.0)?,
            zero: fields.flag("rescale_betas_zero_snr", false)?,
            spacing: Spacing::parse(fields, LEADING)?,
            to_one: fields.flag("set_alpha_to_one", true)?,
            prediction: prediction(fields)?,
        })
    }

    /// Returns the table for these ᾱ, with every operation rounded by `cut`.
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

    /// Returns the network's own table, in float64.
    fn own(&self) -> Result<Vec<f64>> {
        let table = Tabulated::new(self.betas.betas.clone(), self.betas.entries())?;
        Ok(self.shifted(table.alpha_bars(), |value| value))
    }

    fn alphas_cumprod(&self) -> Result<Vec<f64>> {
        match self.betas.betas {
            Betas::ScaledLinear { .. } => self.own(),
            _ => Ok(self.shifted(&self.betas.alphas_cumprod(), single)),
        }
    }

    fn network(&self) -> Result<Formulation> {
        let mut network = self.betas.network(self.prediction)?;
        let table = Tabulated::new(Betas::AlphaBar { values: self.own()? }, self.betas.entries())?;
        network.process = Process::tabulated(table);
        Ok(network)
    }
}

impl Scheduler for CogVideoX {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("CogVideoX", false, false, false)?;
        let train = self.betas.count;
        let timesteps = self.spacing.times(train, call.count(train)?)?;
        Ok(Tables { alphas_cumprod: self.alphas_cumprod()?, timesteps, sigmas: Vec::new() })
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let last = end(self.to_one, tables);
        let (mut steps, pins) = walk(tables, ddim_next(call, tables, self.betas.count), last)?;
        if call.fixes(&quirks::FIXED_STRIDE) {
            steps.retain(|step| step.from.alpha != step.to.alpha);
        }
        let method: Box<dyn Method> = match self.solver {
            Solver::Ddim => Box::new(OneStep::new(Keep::Ddim(0.0))),
            Solver::Dpm if call.keeps(&quirks::COGVIDEOX_DRAWS) => Box::new(Burnt),
            Solver::Dpm => Box::new(Multistep { eta: 1.0, ..Multistep::new(Form::Data, Poly::Midpoint, 2) }),
        };
        let network = self.network()?;
        Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip: None, method })
    }
}

/// DPM-Solver of CogVideoX. The original has two quirks. Each second-order step draws noise twice
/// and discards the first draw. A step that ends beyond the table is of first order, whatever its
/// level.
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
            // A past value at pure noise is infinitely far away in λ and has zero weight.
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
