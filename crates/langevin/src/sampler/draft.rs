//! What every solver writes on: the steps to take, and the plan as it grows.

use super::form::Form;
use crate::error::Result;
use crate::moves::Row;
use crate::plan::{Builder, Letter, Plan, Slot};
use crate::process::{Level, Process};
use crate::space::{Draw, Map};

/// What the state is before the first step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// σ·z at the first level.
    #[default]
    Noise,
    /// The input `init`: a state that stands at the first level.
    State,
    /// α·image + σ·z from the input `image`, clean data.
    Image,
}

/// One step of a grid. Where a step lands is where the next one starts, but in some published samplers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) from: Level,
    pub(crate) to: Level,
}

/// A value of the past: where it was found, and its slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    pub(crate) level: Level,
    pub(crate) slot: Slot,
}

/// A plan in the making.
pub(crate) struct Draft<'a> {
    pub(crate) builder: Builder<'a>,
    pub(crate) process: &'a Process,
    /// All steps of the grid, the skipped ones too: some rules count them.
    pub(crate) steps: &'a [Step],
    /// The first step that is taken.
    pub(crate) first: usize,
    pub(crate) start: Start,
    /// The factor of the noise that the state starts from, where it is not σ of the first level.
    pub(crate) scale: Option<f64>,
    /// What is done to every D.
    pub(crate) clip: Option<Map>,
    pub(crate) guidance: Option<Guidance>,
    /// CFG++, where the sampler guides so.
    pub(crate) plus: Option<Plus>,
}

/// Guidance: D = D_u + w (D_c − D_u), at these noise levels σ/α.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Guidance {
    pub(crate) weight: f64,
    pub(crate) levels: [f64; 2],
}

impl Guidance {
    fn holds_at(self, level: &Level) -> bool {
        let sigma = level.sigma_ve();
        self.levels[0] <= sigma && sigma <= self.levels[1]
    }
}

/// CFG++: its weight w, and what w (D_c − D_u) of the newest evaluation is made of. See [`guided`](super::guided).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plus {
    weight: f64,
    push: Push,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Push {
    Nothing,
    /// D_c and D_u, in their slots.
    Pair(Slot, Slot),
    /// The sum itself, where the slot of D_u has become another value's.
    Sum(Slot),
}

impl Plus {
    pub(crate) fn new(weight: f64) -> Self {
        Self { weight, push: Push::Nothing }
    }
}

impl Draft<'_> {
    /// The steps that are taken, with their numbers.
    pub(crate) fn taken(&self) -> impl Iterator<Item = (usize, Step)> + use<> {
        let steps: Vec<(usize, Step)> = self.steps.iter().copied().enumerate().skip(self.first).collect();
        steps.into_iter()
    }

    /// The state at the start of the first step.
    pub(crate) fn begin(&mut self) -> Slot {
        let level = self.steps[self.first].from;
        match self.start {
            Start::Noise => self.builder.start(&Level { sigma: self.scale.unwrap_or(level.sigma), ..level }),
            Start::State => self.builder.input("init"),
            Start::Image => {
                let (image, x, draw) = (self.builder.input("image"), self.builder.slot(), self.builder.draw());
                self.builder.combine(x, vec![(level.alpha, image)], vec![(level.sigma, draw)]);
                x
            }
        }
    }

    /// D at the state `x`, guided where the plan guides, in a slot of its own. Under CFG++ it is D_u.
    pub(crate) fn evaluate(&mut self, x: Slot, level: &Level) -> Result<Slot> {
        if let Some(plus) = self.plus {
            let [main, plain] = self.builder.eval_pair(x, level)?;
            if let Push::Pair(old, _) | Push::Sum(old) = plus.push {
                self.builder.free(old);
            }
            self.plus = Some(Plus { push: Push::Pair(main, plain), ..plus });
            return Ok(plain);
        }
        let Some(Guidance { weight, .. }) = self.guidance.filter(|guidance| guidance.holds_at(level)) else {
            return self.builder.eval(x, level);
        };
        let [main, plain] = self.builder.eval_pair(x, level)?;
        self.builder.combine(main, vec![(weight, main), (1.0 - weight, plain)], vec![]);
        self.builder.free(plain);
        Ok(main)
    }

    /// The same, clipped where the plan clips.
    pub(crate) fn denoised(&mut self, x: Slot, level: &Level) -> Result<Slot> {
        let slot = self.evaluate(x, level)?;
        self.clip(slot, slot);
        Ok(slot)
    }

    /// into ← the clipped D, where the plan clips.
    pub(crate) fn clip(&mut self, from: Slot, into: Slot) {
        if let Some(map) = self.clip.clone() {
            self.builder.map(map, vec![from], into);
        }
    }

    /// The value of `form` at the state `x`, in a slot of its own.
    pub(crate) fn value(&mut self, form: Form, x: Slot, level: &Level) -> Result<Value> {
        let slot = self.denoised(x, level)?;
        self.turn(form, x, slot, level);
        Ok(Value { level: *level, slot })
    }

    /// slot ← the value of `form`, from the D in it and the state `x`.
    pub(crate) fn turn(&mut self, form: Form, x: Slot, slot: Slot, level: &Level) {
        if form != Form::Data {
            self.settle();
            let parts = form.parts();
            let noise = parts.noise / level.sigma;
            self.builder.combine(slot, vec![(parts.datum - noise * level.alpha, slot), (noise, x)], vec![]);
        }
    }

    /// Under CFG++: takes w (D_c − D_u) down, before D_u is overwritten.
    fn settle(&mut self) {
        if let Some(Plus { weight, push: Push::Pair(main, plain) }) = self.plus {
            let push = if weight == 0.0 {
                // A row of no terms is no row.
                self.builder.free(main);
                Push::Nothing
            } else {
                self.builder.combine(main, vec![(weight, main), (-weight, plain)], vec![]);
                Push::Sum(main)
            };
            self.plus = Some(Plus { weight, push });
        }
    }

    /// x ← a·x + Σ b·v + c·z, with a fresh draw only where there is noise.
    pub(crate) fn advance(
        &mut self,
        into: Slot,
        x: (f64, Slot),
        values: impl IntoIterator<Item = (f64, Slot)>,
        c: f64,
    ) {
        let terms = std::iter::once(x).chain(values).collect();
        let noise = self.fresh(c);
        self.builder.combine(into, terms, noise);
    }

    /// [`advance`](Self::advance) to a state of the level `end`, and under CFG++ α w (D_c − D_u) more.
    pub(crate) fn land(
        &mut self,
        into: Slot,
        end: &Level,
        x: (f64, Slot),
        values: impl IntoIterator<Item = (f64, Slot)>,
        c: f64,
    ) {
        let mut values: Vec<(f64, Slot)> = values.into_iter().collect();
        match self.plus {
            Some(Plus { weight, push: Push::Pair(main, plain) }) => {
                let share = end.alpha * weight;
                let place = values.iter().position(|(_, slot)| *slot == plain).unwrap_or_else(|| {
                    values.push((0.0, plain));
                    values.len() - 1
                });
                values[place].0 -= share;
                values.insert(place, (share, main));
            }
            Some(Plus { push: Push::Sum(sum), .. }) => values.push((end.alpha, sum)),
            _ => {}
        }
        self.advance(into, x, values, c);
    }

    /// c·z with a fresh draw, or nothing where c = 0.
    pub(crate) fn fresh(&mut self, c: f64) -> Vec<(f64, Draw)> {
        if c == 0.0 { vec![] } else { vec![(c, self.builder.draw())] }
    }

    /// x ← row.
    pub(crate) fn one_step(&mut self, x: Slot, denoised: Slot, row: Row) {
        self.advance(x, (row.a, x), [(row.b, denoised)], row.c);
    }

    /// The forward move: noise added.
    pub(crate) fn forward(&mut self, x: Slot, from: &Level, to: &Level, noise: f64) {
        let (mark, row) = (self.builder.mark(), Row::forward(from, to));
        self.advance(x, (row.a, x), [], row.c * noise);
        self.builder.note(Letter::F, None, from, to, mark);
    }

    pub(crate) fn finish(self, x: Slot) -> Result<Plan> {
        self.builder.finish(x)
    }
}
