//! RePaint: inpainting that moves down and up the noise levels. Where the mask is 1, a step lands
//! on the known picture with noise; elsewhere it is a DDIM step. Both parts use the same z. A jump
//! upwards adds the noise back.
//!
//! $$x' = m (\alpha' x_{known} + \sigma' z) + (1-m)(\alpha' D + \sqrt{\sigma'^2-s^2} \varepsilon +
//! s z),\qquad s = \eta\sigma'\sqrt{1-e^{-2\Delta}}.$$
//!
//! The plan has two inputs, `image` and `mask`.
//!
//! The original has a quirk: a jump over r entries uses the β from its starting time on, which are
//! r − 1 entries noisier than those that the step down removed. The consistent plan returns to the
//! previous level with one draw.
//!
//! Source: Lugmayr et al., arXiv 2201.09865.

use crate::diffusers::betas::{BetaTable, Defaults, LINEAR};
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::table::{alpha_bar, by_index, level, pin};
use crate::quirks;
use langevin::error::{Error, Result};
use langevin::math::co;
use langevin::moves::{Row, ddim_rho};
use langevin::plan::{Letter, Var};
use langevin::prediction::Prediction;
use langevin::process::Level;
use langevin::sampler::Method;
use langevin::sampler::{Draft, Step};
use langevin::space::Map;
use std::sync::Arc;

const BETAS: Defaults = Defaults { schedules: &["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"], ..LINEAR };

pub(super) const CLASSES: &[Class] = &[Class::new("RePaintScheduler", |fields| Ok(Arc::new(RePaint::parse(fields)?)))
    .taking(&["jump_length", "jump_n_sample"])];

/// RePaintScheduler.
#[derive(Clone, Debug)]
struct RePaint {
    betas: BetaTable,
    prediction: Prediction,
    clip: bool,
    eta: f64,
}

impl RePaint {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            betas: BetaTable::parse(fields, BETAS)?,
            prediction: fields.choice("prediction_type", &[("epsilon", Prediction::Epsilon)])?,
            clip: fields.flag("clip_sample", true)?,
            eta: fields.number("eta", 0.0)?,
        })
    }
}

/// Maximum number of times of a run.
const MOST: usize = 100_000;

impl Scheduler for RePaint {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("RePaint", false, false, false)?;
        let steps = call.count(self.betas.count)?;
        let (length, samples) = (call.whole("jump_length", 10, 1..=1000)?, call.whole("jump_n_sample", 10, 1..=1000)?);
        let stride = self.betas.count / steps;
        let mut jumps = vec![0; steps];
        (0..steps.saturating_sub(length)).step_by(length).for_each(|at| jumps[at] = samples - 1);
        let (mut times, mut at) = (Vec::new(), steps);
        while at >= 1 && times.len() <= MOST {
            at -= 1;
            times.push((at * stride) as f64);
            if jumps[at] > 0 {
                jumps[at] -= 1;
                times.extend((1..=length).map(|up| ((at + up) * stride) as f64));
                at += length;
            }
        }
        if times.len() > MOST {
            return Err(Error::argument("the run is too long")
                .at("jump_length, jump_n_sample")
                .expected(format!("at most {MOST} times")));
        }
        Ok(by_index(&self.betas, times))
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        if call.start_at.is_some() {
            return Err(Error::argument("RePaint starts at its beginning").at("start_at"));
        }
        let network = self.betas.network(self.prediction)?;
        let stride = (self.betas.count / call.count(self.betas.count)?) as f64;
        let at = |time: f64| -> Result<Level> { Ok(level(time.max(-1.0), alpha_bar(tables, time, 1.0)?)) };
        let (mut legs, mut before, mut stands) = (Vec::new(), f64::INFINITY, None);
        for time in &tables.timesteps {
            if *time < before {
                let step = Step { from: at(*time)?, to: at(time - stride)? };
                stands = Some(step.to);
                legs.push(Leg::Down(step));
            } else if let Some(from) = stands {
                let to = at(before)?;
                let first = before as usize;
                let betas =
                    self.betas.values.get(first..first + stride as usize).filter(|_| call.keeps(&quirks::REPAINT_JUMP));
                legs.push(Leg::Up(Step { from, to }, betas.unwrap_or_default().to_vec()));
                stands = Some(to);
            }
            before = *time;
        }
        let steps: Vec<Step> =
            legs.iter().filter_map(|leg| if let Leg::Down(step) = leg { Some(*step) } else { None }).collect();
        let pins = steps.iter().map(|step| pin(step.from, step.from.time)).collect();
        let clip = self.clip.then_some(Map::Clamp { min: -1.0, max: 1.0 });
        let method = Box::new(Legs { eta: self.eta, legs });
        Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Leg {
    Down(Step),
    /// A jump upwards. The β are added one by one; an empty list adds the noise in one draw.
    Up(Step, Vec<f64>),
}

#[derive(Clone, Debug, PartialEq)]
struct Legs {
    eta: f64,
    legs: Vec<Leg>,
}

impl Legs {
    fn down(&self, draft: &mut Draft<'_>, [x, image, mask]: [Var; 3], step: &Step) -> Result<Var> {
        let Step { from, to } = step;
        let mark = draft.mark();
        let rho = ddim_rho(from, to, self.eta)?;
        let row = Row::new(from, to, rho);
        let z = draft.draw();
        let raw = draft.evaluate_plainly(x, from)?;
        let copy = draft.combine([(1.0, raw)], []);
        let clipped = draft.corrected(copy);
        let fresh = if from.time > 0.0 { to.sigma * co(rho) } else { 0.0 };
        let free = draft.step((row.a, x), [(-row.a * from.alpha, raw), (to.alpha, clipped)], [(fresh, z)]);
        let change = draft.combine([(to.alpha, image), (-1.0, free)], [(to.sigma, z)]);
        let change = draft.map(Map::Mul, [mask, change]);
        let x = draft.combine([(1.0, free), (1.0, change)], []);
        draft.note(Letter::R, None, from, to, mark);
        Ok(x)
    }
}

impl Method for Legs {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let (image, mask) = (draft.input("image"), draft.input("mask"));
        let mut x = draft.begin();
        for leg in &self.legs {
            match leg {
                Leg::Down(step) => x = self.down(draft, [x, image, mask], step)?,
                Leg::Up(step, betas) if betas.is_empty() => x = draft.forward(x, &step.from, &step.to, 1.0),
                Leg::Up(step, betas) => {
                    let mark = draft.mark();
                    for beta in betas {
                        x = draft.advance(((1.0 - beta).sqrt(), x), [], beta.sqrt());
                    }
                    draft.note(Letter::F, None, &step.from, &step.to, mark);
                }
            }
        }
        Ok(x)
    }
}
