//! What a method writes on: the steps to take, and the plan as it grows.

use super::form::Form;
use crate::error::Result;
use crate::moves::Row;
use crate::plan::{Builder, Letter, Plan, Var};
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
pub struct Step {
    /// Where the step starts.
    pub from: Level,
    /// Where it lands.
    pub to: Level,
}

impl Step {
    /// Returns the steps between neighbouring levels.
    #[must_use]
    pub fn between(levels: &[Level]) -> Vec<Self> {
        levels.windows(2).map(|pair| Self { from: pair[0], to: pair[1] }).collect()
    }
}

/// A value of the network's output in one [`Form`], and the level at which it was found: a node of a multistep polynomial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// Where it was found.
    pub level: Level,
    /// The value.
    pub value: Var,
}

/// A plan in the making: what a [`Method`](super::Method) writes its rows on.
///
/// The draft knows the steps, and takes care of everything that is not the method's business: the start (noise, a state, an
/// image), guidance and CFG++, clamps, and how the network is read. A method asks for denoised predictions
/// ([`denoised`](Self::denoised), [`value`](Self::value)) and makes states from them ([`land`](Self::land),
/// [`advance`](Self::advance)).
#[derive(Debug)]
pub struct Draft<'a> {
    pub(super) builder: Builder<'a>,
    pub(super) process: &'a Process,
    pub(super) steps: &'a [Step],
    pub(super) first: usize,
    pub(super) start: Start,
    pub(super) scale: Option<f64>,
    pub(super) clip: Option<Map>,
    pub(super) guidance: Option<Guidance>,
    pub(super) plus: Option<Plus>,
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
    /// D_c and D_u.
    Pair(Var, Var),
    /// The sum itself, where D_u has become another value.
    Sum(Var),
}

impl Plus {
    pub(crate) fn new(weight: f64) -> Self {
        Self { weight, push: Push::Nothing }
    }
}

impl<'a> Draft<'a> {
    /// Returns the process in whose coordinates the states are.
    #[must_use]
    pub fn process(&self) -> &'a Process {
        self.process
    }

    /// Returns all steps of the grid, those that are left out too: some rules count them.
    #[must_use]
    pub fn steps(&self) -> &'a [Step] {
        self.steps
    }

    /// Returns the steps that are taken, with their numbers in the grid.
    pub fn taken(&self) -> impl Iterator<Item = (usize, Step)> + use<> {
        let steps: Vec<(usize, Step)> = self.steps.iter().copied().enumerate().skip(self.first).collect();
        steps.into_iter()
    }

    /// Returns the number of the first step that is taken.
    #[must_use]
    pub fn first(&self) -> usize {
        self.first
    }

    /// Returns what the run starts from.
    #[must_use]
    pub fn start(&self) -> Start {
        self.start
    }

    /// Returns what is done to every D before it is used, such as a clamp.
    #[must_use]
    pub fn correction(&self) -> Option<&Map> {
        self.clip.as_ref()
    }

    /// Returns whether the plan guides by the unconditional branch.
    #[must_use]
    pub fn is_guided(&self) -> bool {
        self.guidance.is_some() || self.plus.is_some()
    }

    /// Returns the state at the start of the first step.
    pub fn begin(&mut self) -> Var {
        let level = self.steps[self.first].from;
        match self.start {
            Start::Noise => self.builder.start(&Level { sigma: self.scale.unwrap_or(level.sigma), ..level }),
            Start::State => self.builder.input("init"),
            Start::Image => {
                let (image, draw) = (self.builder.input("image"), self.builder.draw());
                self.builder.combine_over(None, [(level.alpha, image)], [(level.sigma, draw)])
            }
        }
    }

    /// Evaluates the network on the state `x` at `level`: returns D, guided where the plan guides, not yet corrected. Under
    /// CFG++ it is D of the unconditional branch.
    ///
    /// # Errors
    /// A level at which the network cannot be read.
    pub fn evaluate(&mut self, x: Var, level: &Level) -> Result<Var> {
        if let Some(plus) = self.plus {
            let [main, plain] = self.builder.eval_pair(x, level)?;
            self.plus = Some(Plus { push: Push::Pair(main, plain), ..plus });
            return Ok(plain);
        }
        let Some(Guidance { weight, .. }) = self.guidance.filter(|guidance| guidance.holds_at(level)) else {
            return self.builder.eval(x, level);
        };
        let [main, plain] = self.builder.eval_pair(x, level)?;
        Ok(self.builder.combine_over(Some(main), [(weight, main), (1.0 - weight, plain)], []))
    }

    /// Evaluates the network, without guidance and without a correction: returns D of its main branch.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn evaluate_plainly(&mut self, x: Var, level: &Level) -> Result<Var> {
        self.builder.eval(x, level)
    }

    /// Returns D at the state `x`: guided where the plan guides, and corrected (clamped, thresholded) where it corrects.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn denoised(&mut self, x: Var, level: &Level) -> Result<Var> {
        let raw = self.evaluate(x, level)?;
        Ok(self.corrected(raw))
    }

    /// Returns the corrected D; D itself where the plan corrects nothing.
    pub fn corrected(&mut self, raw: Var) -> Var {
        match self.clip.clone() {
            Some(map) => self.builder.map(map, [raw]),
            None => raw,
        }
    }

    /// Returns the value of `form` at the state `x`.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn value(&mut self, form: Form, x: Var, level: &Level) -> Result<Node> {
        let denoised = self.denoised(x, level)?;
        Ok(Node { level: *level, value: self.turn(form, x, denoised, level) })
    }

    /// Returns the value of `form`, from D and the state `x` at which it was found.
    pub fn turn(&mut self, form: Form, x: Var, denoised: Var, level: &Level) -> Var {
        if form == Form::Data {
            return denoised;
        }
        self.settle();
        let parts = form.parts();
        let noise = parts.noise / level.sigma;
        let terms = [(parts.datum - noise * level.alpha, denoised), (noise, x)];
        self.builder.combine_over(Some(denoised), terms, [])
    }

    /// Under CFG++: takes w (D_c − D_u) down, where D_u is not kept.
    fn settle(&mut self) {
        if let Some(Plus { weight, push: Push::Pair(main, plain) }) = self.plus {
            let push = if weight == 0.0 {
                // A row of no terms is no row.
                Push::Nothing
            } else {
                Push::Sum(self.builder.combine_over(Some(main), [(weight, main), (-weight, plain)], []))
            };
            self.plus = Some(Plus { weight, push });
        }
    }

    /// Returns Σ coefficient·value + Σ coefficient·z(draw): a row of its own, which is no state of a level.
    pub fn combine(
        &mut self,
        terms: impl IntoIterator<Item = (f64, Var)>,
        noise: impl IntoIterator<Item = (f64, Draw)>,
    ) -> Var {
        self.builder.combine(terms, noise)
    }

    /// Returns the state a·x + Σ b·value + Σ c·z(draw), with noise drawn before. It takes the memory of `x` where that is no
    /// longer needed.
    pub fn step(
        &mut self,
        x: (f64, Var),
        values: impl IntoIterator<Item = (f64, Var)>,
        noise: impl IntoIterator<Item = (f64, Draw)>,
    ) -> Var {
        self.builder.combine_over(Some(x.1), std::iter::once(x).chain(values), noise)
    }

    /// Returns the state a·x + Σ b·value + c·z, with a fresh draw where there is noise.
    pub fn advance(&mut self, x: (f64, Var), values: impl IntoIterator<Item = (f64, Var)>, c: f64) -> Var {
        let noise = self.fresh(c);
        self.step(x, values, noise)
    }

    /// As [`advance`](Self::advance), to a state of the level `end`: under CFG++ it has α w (D_c − D_u) more. Every state that
    /// the network is to see, stages too, should be made so.
    pub fn land(&mut self, end: &Level, x: (f64, Var), values: impl IntoIterator<Item = (f64, Var)>, c: f64) -> Var {
        let mut values: Vec<(f64, Var)> = values.into_iter().collect();
        match self.plus {
            Some(Plus { weight, push: Push::Pair(main, plain) }) => {
                let share = end.alpha * weight;
                let place = values.iter().position(|(_, value)| *value == plain).unwrap_or_else(|| {
                    values.push((0.0, plain));
                    values.len() - 1
                });
                values[place].0 -= share;
                values.insert(place, (share, main));
            }
            Some(Plus { push: Push::Sum(sum), .. }) => values.push((end.alpha, sum)),
            _ => {}
        }
        self.advance(x, values, c)
    }

    /// Returns c·z with a fresh draw, or nothing where c = 0.
    pub fn fresh(&mut self, c: f64) -> Option<(f64, Draw)> {
        (c != 0.0).then(|| (c, self.builder.draw()))
    }

    /// Returns a fresh draw.
    pub fn draw(&mut self) -> Draw {
        self.builder.draw()
    }

    /// Declares a state that the caller supplies under this name.
    pub fn input(&mut self, name: &str) -> Var {
        self.builder.input(name)
    }

    /// Applies a map, element by element.
    pub fn map(&mut self, map: Map, from: impl IntoIterator<Item = Var>) -> Var {
        self.builder.map(map, from)
    }

    /// Returns the state after one row of the three moves: a·x + b·D + c·z.
    pub fn one_step(&mut self, x: Var, denoised: Var, row: Row) -> Var {
        self.advance((row.a, x), [(row.b, denoised)], row.c)
    }

    /// Returns the state after a forward move: noise added, `noise` times the process's own.
    pub fn forward(&mut self, x: Var, from: &Level, to: &Level, noise: f64) -> Var {
        let (mark, row) = (self.mark(), Row::forward(from, to));
        let x = self.advance((row.a, x), [], row.c * noise);
        self.note(Letter::F, None, from, to, mark);
        x
    }

    /// Returns the number of the next instruction, with which a move begins.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.builder.mark()
    }

    /// Annotates the instructions since `mark` as one move; see [`Builder::note`].
    pub fn note(&mut self, letter: Letter, eta: Option<f64>, from: &Level, to: &Level, mark: usize) {
        self.builder.note(letter, eta, from, to, mark);
    }

    pub(super) fn finish(self, x: Var) -> Result<Plan> {
        self.builder.finish(x)
    }
}
