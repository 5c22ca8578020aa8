//! The draft: the steps to take, and the plan that a method writes.

use super::form::Form;
use crate::error::Result;
use crate::moves::Row;
use crate::plan::{Builder, Letter, Plan, Var};
use crate::process::{Level, Process};
use crate::space::{Draw, Map};

/// The state before the first step.
///
/// ```
/// use langevin::{Request, sampler::Start};
/// let inputs = |start| -> langevin::Result<Vec<String>> {
///     let plan = Request::new().steps(10).start(6, start).plan()?;
///     Ok(plan.inputs().iter().map(|input| input.name.clone()).collect())
/// };
/// assert!(inputs(Start::Noise)?.is_empty());
/// assert_eq!(inputs(Start::State)?, ["init"]);
/// assert_eq!(inputs(Start::Image)?, ["image"]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Pure noise, σ·z at the first level.
    #[default]
    Noise,
    /// The input `init`: a state at the first level.
    State,
    /// α·image + σ·z, from the input `image`, which is clean data.
    Image,
}

/// One step of a grid. Each step starts at the level at which the step before it ends, except in
/// some published samplers.
///
/// ```
/// use langevin::sampler::Step;
/// use langevin::{Grid, Process};
/// let levels = Grid::karras(3).levels(&Process::ve(), 0.1, 10.0)?;
/// let steps = Step::between(&levels);
/// assert_eq!(steps.len(), 3);
/// assert_eq!(steps[0].to, steps[1].from);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The level at which the step starts.
    pub from: Level,
    /// The level at which the step ends.
    pub to: Level,
}

impl Step {
    /// Returns the steps between neighbouring levels.
    #[must_use]
    pub fn between(levels: &[Level]) -> Vec<Self> {
        levels.windows(2).map(|pair| Self { from: pair[0], to: pair[1] }).collect()
    }
}

/// A past value in one [`Form`] and its level: a node of a multistep polynomial.
///
/// ```
/// use langevin::plan::Builder;
/// use langevin::sampler::Node;
/// use langevin::Process;
/// let process = Process::ve();
/// let mut plan = Builder::new("one node", &process, None);
/// let level = process.level(2.0)?;
/// let x = plan.start(&level);
/// let node = Node { level, value: plan.eval(x, &level)? };
/// assert_eq!(node.level.sigma_ve(), 2.0);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// The level at which the value was found.
    pub level: Level,
    /// The value.
    pub value: Var,
}

/// The builder that a [`Method`](super::Method) writes to.
///
/// The draft applies everything that does not belong to the method: the start (noise, a state or an
/// image), guidance and CFG++, clamps, and the reading of the network. A method asks for denoised
/// predictions ([`denoised`](Self::denoised), [`value`](Self::value)) and makes states from them
/// ([`land`](Self::land), [`advance`](Self::advance)).
///
/// ```
/// use langevin::plan::{Letter, Var};
/// use langevin::sampler::{Draft, Method};
/// use langevin::{Process, Request, Result, Sampler};
///
/// /// Euler's method in σ/α.
/// #[derive(Debug)]
/// struct Euler;
///
/// impl Method for Euler {
///     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
///         let mut x = draft.begin();
///         for (_, step) in draft.taken() {
///             let mark = draft.mark();
///             let denoised = draft.denoised(x, &step.from)?;
///             let kept = step.to.sigma / step.from.sigma;
///             let datum = step.to.alpha - kept * step.from.alpha;
///             x = draft.land(&step.to, (kept, x), [(datum, denoised)], 0.0);
///             draft.note(Letter::R, Some(0.0), &step.from, &step.to, mark);
///         }
///         Ok(x)
///     }
/// }
///
/// // The method knows nothing of guidance, and guidance works all the same.
/// let request = Request::new().with_sampler(Sampler::of("my-euler", Euler));
/// let plan = request.process(Process::vp()).guidance(2.0).plan()?;
/// assert!(plan.is_guided() && plan.lint()?.is_clean());
/// # Ok::<(), langevin::Error>(())
/// ```
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

/// Guidance, D = D_u + w (D_c − D_u), in a range of noise levels σ/α.
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

/// CFG++: the weight w, and the parts of w (D_c − D_u) at the newest evaluation. See
/// [`guided`](super::guided).
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
    /// The sum itself, once D_u has been turned into another value.
    Sum(Var),
}

impl Plus {
    pub(crate) fn new(weight: f64) -> Self {
        Self { weight, push: Push::Nothing }
    }
}

impl<'a> Draft<'a> {
    /// Returns the process whose coordinates the states are in.
    #[must_use]
    pub fn process(&self) -> &'a Process {
        self.process
    }

    /// Returns all steps of the grid, including those that are left out, because some rules count
    /// them.
    #[must_use]
    pub fn steps(&self) -> &'a [Step] {
        self.steps
    }

    /// Returns the steps that are taken, with their numbers in the grid.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// // One evaluation for each step that is taken.
    /// let request = request(|draft| {
    ///     let mut x = draft.begin();
    ///     for (_, step) in draft.taken() {
    ///         x = draft.denoised(x, &step.from)?;
    ///     }
    ///     Ok(x)
    /// });
    /// assert_eq!(request.plan()?.nfe(), 3);
    /// // The first two steps of the grid are left out.
    /// assert_eq!(request.start(2, langevin::sampler::Start::State).plan()?.nfe(), 1);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn taken(&self) -> impl Iterator<Item = (usize, Step)> + use<> {
        let steps: Vec<(usize, Step)> = self.steps.iter().copied().enumerate().skip(self.first).collect();
        steps.into_iter()
    }

    /// Returns the number of the first step that is taken.
    #[must_use]
    pub fn first(&self) -> usize {
        self.first
    }

    /// Returns the kind of start.
    #[must_use]
    pub fn start(&self) -> Start {
        self.start
    }

    /// Returns the map of every denoised prediction, such as a clamp, if the plan has one.
    #[must_use]
    pub fn correction(&self) -> Option<&Map> {
        self.clip.as_ref()
    }

    /// Returns whether the plan applies guidance with the unconditional branch.
    #[must_use]
    pub fn is_guided(&self) -> bool {
        self.guidance.is_some() || self.plus.is_some()
    }

    /// Writes the start, and returns the state at the start of the first step.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// let plan = request(|draft| Ok(draft.begin())).plan()?;
    /// assert_eq!((plan.draws(), plan.nfe()), (1, 0)); // noise, and nothing more
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Evaluates the network on the state `x` at `level`, and returns D with guidance but without
    /// the correction. Under CFG++ it returns D of the unconditional branch.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// let request = request(|draft| {
    ///     let x = draft.begin();
    ///     draft.evaluate(x, &draft.steps()[0].from)
    /// });
    /// // Guidance combines two branches in one more row.
    /// assert_eq!(request.plan()?.ops().len(), 2);
    /// assert_eq!(request.guidance(2.0).plan()?.ops().len(), 3);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the network's output does not determine D at this level.
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

    /// Evaluates the network, and returns D of its main branch, without guidance and without the
    /// correction.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// let request = request(|draft| {
    ///     let x = draft.begin();
    ///     draft.evaluate_plainly(x, &draft.steps()[0].from)
    /// });
    /// assert!(!request.guidance(2.0).plan()?.is_guided());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`evaluate`](Self::evaluate).
    pub fn evaluate_plainly(&mut self, x: Var, level: &Level) -> Result<Var> {
        self.builder.eval(x, level)
    }

    /// Returns D at the state `x`, with the plan's guidance and correction (a clamp or a
    /// threshold).
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// let request = request(|draft| {
    ///     let x = draft.begin();
    ///     draft.denoised(x, &draft.steps()[0].from)
    /// });
    /// let clamp = langevin::Map::clamp(-1.0, 1.0)?;
    /// // Guidance and the clamp are applied: a start, an evaluation, a row and a map.
    /// assert_eq!(request.guidance(2.0).map(clamp).plan()?.ops().len(), 4);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`evaluate`](Self::evaluate).
    pub fn denoised(&mut self, x: Var, level: &Level) -> Result<Var> {
        let raw = self.evaluate(x, level)?;
        Ok(self.corrected(raw))
    }

    /// Returns D with the plan's correction, or D unchanged if the plan has none.
    ///
    /// ```
    /// use langevin::plan::Var;
    /// use langevin::sampler::{Draft, Method};
    /// use langevin::{Map, Request, Result, Sampler};
    ///
    /// /// One jump to the data.
    /// #[derive(Debug)]
    /// struct Jump;
    ///
    /// impl Method for Jump {
    ///     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    ///         let x = draft.begin();
    ///         let raw = draft.evaluate(x, &draft.steps()[0].from)?;
    ///         Ok(draft.corrected(raw))
    ///     }
    /// }
    ///
    /// let request = Request::new().with_sampler(Sampler::of("jump", Jump));
    /// assert_eq!(request.plan()?.ops().len(), 2); // the start and the evaluation
    /// // With a clamp there is a third instruction.
    /// assert_eq!(request.map(Map::clamp(-1.0, 1.0)?).plan()?.ops().len(), 3);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn corrected(&mut self, raw: Var) -> Var {
        match self.clip.clone() {
            Some(map) => self.builder.map(map, [raw]),
            None => raw,
        }
    }

    /// Returns the value of `form` at the state `x`.
    ///
    /// ```
    /// use langevin::plan::{Letter, Var, compare};
    /// use langevin::sampler::form::{Form, Poly, Variable};
    /// use langevin::sampler::{Draft, Method};
    /// use langevin::{Process, Request, Result, Sampler};
    ///
    /// /// Euler on the velocity of a flow.
    /// #[derive(Debug)]
    /// struct FlowEuler;
    ///
    /// impl Method for FlowEuler {
    ///     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    ///         let mut x = draft.begin();
    ///         let poly = Poly::Exact(Variable::Clock);
    ///         for (_, step) in draft.taken() {
    ///             let mark = draft.mark();
    ///             let node = draft.value(Form::Flow, x, &step.from)?;
    ///             let levels = (&step.from, &[node.level], &step.to);
    ///             let (a, b) = poly.weights(Form::Flow, levels.0, levels.1, levels.2, (0.0, 1.0));
    ///             x = draft.land(&step.to, (a, x), [(b[0], node.value)], 0.0);
    ///             draft.note(Letter::R, Some(0.0), &step.from, &step.to, mark);
    ///         }
    ///         Ok(x)
    ///     }
    /// }
    ///
    /// let request = Request::new().process(Process::rectified_flow()).steps(6);
    /// let mine = request.clone().with_sampler(Sampler::of("mine", FlowEuler)).plan()?;
    /// // With one value per step all three forms are DDIM.
    /// assert!(compare(&mine, &request.sampler("ddim").plan()?)?.is_same(1e-9));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`evaluate`](Self::evaluate).
    pub fn value(&mut self, form: Form, x: Var, level: &Level) -> Result<Node> {
        let denoised = self.denoised(x, level)?;
        Ok(Node { level: *level, value: self.turn(form, x, denoised, level) })
    }

    /// Returns the value of `form` that follows from D and from the state `x` at which D was found.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// use langevin::plan::Op;
    /// use langevin::sampler::form::Form;
    /// let plan = request(|draft| {
    ///     let (x, level) = (draft.begin(), draft.steps()[0].from);
    ///     let denoised = draft.denoised(x, &level)?;
    ///     Ok(draft.turn(Form::Noise, x, denoised, &level))
    /// });
    /// let plan = plan.process(langevin::Process::ve()).range(0.1, 10.0).plan()?;
    /// // ε = (x − D)/σ with σ = 10.
    /// let Op::Combine { terms, .. } = &plan.ops()[2] else { panic!("a row") };
    /// let mut weights: Vec<f64> = terms.iter().map(|term| term.0).collect();
    /// weights.sort_by(f64::total_cmp);
    /// assert_eq!(weights, [-0.1, 0.1]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Writes w (D_c − D_u) as a value, because D_u is about to be replaced. Only CFG++ needs this.
    fn settle(&mut self) {
        if let Some(Plus { weight, push: Push::Pair(main, plain) }) = self.plus {
            let push = if weight == 0.0 {
                // A row must have at least one term, so a weight of zero writes no row.
                Push::Nothing
            } else {
                Push::Sum(self.builder.combine_over(Some(main), [(weight, main), (-weight, plain)], []))
            };
            self.plus = Some(Plus { weight, push });
        }
    }

    /// Returns Σ coefficient·value + Σ coefficient·z(draw). The result is an auxiliary value, not a
    /// state at a level.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// let plan = request(|draft| {
    ///     let x = draft.begin();
    ///     let half = draft.combine([(0.5, x)], []);
    ///     Ok(draft.combine([(2.0, half)], []))
    /// });
    /// let weights = plan.plan()?.unroll()?.result;
    /// assert_eq!(weights.draws, [draws_of_the_start()?]);
    /// # fn draws_of_the_start() -> Result<f64> {
    /// #     Ok(request(|draft| Ok(draft.begin())).plan()?.unroll()?.result.draws[0])
    /// # }
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn combine(
        &mut self,
        terms: impl IntoIterator<Item = (f64, Var)>,
        noise: impl IntoIterator<Item = (f64, Draw)>,
    ) -> Var {
        self.builder.combine(terms, noise)
    }

    /// Returns the state a·x + Σ b·value + Σ c·z(draw), with draws that exist already. It takes the
    /// slot of `x` if that value is no longer needed.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// // One draw in two rows: the noise cancels.
    /// let plan = request(|draft| {
    ///     let (x, draw) = (draft.begin(), draft.draw());
    ///     let noisy = draft.step((1.0, x), [], [(0.5, draw)]);
    ///     Ok(draft.step((1.0, noisy), [], [(-0.5, draw)]))
    /// });
    /// assert_eq!(plan.plan()?.unroll()?.result.draws[1], 0.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn step(
        &mut self,
        x: (f64, Var),
        values: impl IntoIterator<Item = (f64, Var)>,
        noise: impl IntoIterator<Item = (f64, Draw)>,
    ) -> Var {
        self.builder.combine_over(Some(x.1), std::iter::once(x).chain(values), noise)
    }

    /// Returns the state a·x + Σ b·value + c·z, with a fresh draw if c ≠ 0.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// let plan = request(|draft| {
    ///     let x = draft.begin();
    ///     let x = draft.advance((1.0, x), [], 0.5);
    ///     Ok(draft.advance((1.0, x), [], 0.0)) // no noise, no draw
    /// });
    /// assert_eq!(plan.plan()?.draws(), 2);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn advance(&mut self, x: (f64, Var), values: impl IntoIterator<Item = (f64, Var)>, c: f64) -> Var {
        let noise = self.fresh(c);
        self.step(x, values, noise)
    }

    /// Returns the state a·x + Σ b·value + c·z at the level `end`, with a fresh draw if c ≠ 0.
    ///
    /// Under CFG++ it adds α w (D_c − D_u). Use `land` for every state that the network evaluates,
    /// including stages.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// let request = request(|draft| {
    ///     let mut x = draft.begin();
    ///     for (_, step) in draft.taken() {
    ///         let denoised = draft.denoised(x, &step.from)?;
    ///         // LCM: jump to the data, and draw all noise anew.
    ///         x = draft.land(&step.to, (0.0, x), [(step.to.alpha, denoised)], step.to.sigma);
    ///     }
    ///     Ok(x)
    /// });
    /// let lcm = Request::new().sampler("lcm").steps(3).plan()?;
    /// let rows = (request.plan()?.unroll()?, lcm.unroll()?);
    /// assert_eq!(rows.0.result.evals, rows.1.result.evals);
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Returns c·z with a fresh draw, or nothing if c = 0.
    pub fn fresh(&mut self, c: f64) -> Option<(f64, Draw)> {
        (c != 0.0).then(|| (c, self.builder.draw()))
    }

    /// Returns the number of a fresh draw.
    pub fn draw(&mut self) -> Draw {
        self.builder.draw()
    }

    /// Declares an input: a state that the caller supplies under this name.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// let plan = request(|draft| Ok(draft.input("mask"))).plan()?;
    /// assert_eq!(plan.inputs()[0].name, "mask");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn input(&mut self, name: &str) -> Var {
        self.builder.input(name)
    }

    /// Applies a map to states, element by element, and returns the result.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// let plan = request(|draft| {
    ///     let x = draft.begin();
    ///     Ok(draft.map(langevin::Map::clamp(-1.0, 1.0)?, [x]))
    /// });
    /// assert!(!plan.plan()?.is_linear());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn map(&mut self, map: Map, from: impl IntoIterator<Item = Var>) -> Var {
        self.builder.map(map, from)
    }

    /// Returns the state after one row of the three moves, a·x + b·D + c·z.
    ///
    /// ```
    /// # use langevin::plan::Var;
    /// # use langevin::sampler::{Draft, Method};
    /// # use langevin::{Request, Result, Sampler};
    /// # type Rows = fn(&mut Draft<'_>) -> Result<Var>;
    /// # #[derive(Debug)]
    /// # struct Mine(Rows);
    /// # impl Method for Mine {
    /// #     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    /// #         (self.0)(draft)
    /// #     }
    /// # }
    /// # fn request(rows: Rows) -> Request {
    /// #     Request::new().with_sampler(Sampler::of("mine", Mine(rows))).steps(3)
    /// # }
    /// use langevin::moves::Row;
    /// let plan = request(|draft| {
    ///     let mut x = draft.begin();
    ///     for (_, step) in draft.taken() {
    ///         let denoised = draft.denoised(x, &step.from)?;
    ///         x = draft.one_step(x, denoised, Row::new(&step.from, &step.to, 1.0));
    ///     }
    ///     Ok(x)
    /// });
    /// let ddim = Request::new().sampler("ddim").steps(3).plan()?;
    /// assert_eq!(plan.plan()?.ops(), ddim.ops());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn one_step(&mut self, x: Var, denoised: Var, row: Row) -> Var {
        self.advance((row.a, x), [(row.b, denoised)], row.c)
    }

    /// Returns the state after a forward move, whose noise is `noise` times the process's own.
    ///
    /// ```
    /// use langevin::moves::Row;
    /// use langevin::plan::{Letter, Var};
    /// use langevin::sampler::{Draft, Method};
    /// use langevin::{Request, Result, Sampler};
    ///
    /// /// DDIM that repeats its first step, with noise in between.
    /// #[derive(Debug)]
    /// struct Twice;
    ///
    /// impl Method for Twice {
    ///     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
    ///         let mut x = draft.begin();
    ///         let steps: Vec<_> = draft.taken().map(|(_, step)| step).collect();
    ///         for (number, step) in [&steps[..1], &steps].concat().into_iter().enumerate() {
    ///             if number == 1 {
    ///                 x = draft.forward(x, &step.to, &step.from, 1.0);
    ///             }
    ///             let mark = draft.mark();
    ///             let denoised = draft.denoised(x, &step.from)?;
    ///             x = draft.one_step(x, denoised, Row::new(&step.from, &step.to, 1.0));
    ///             draft.note(Letter::R, Some(0.0), &step.from, &step.to, mark);
    ///         }
    ///         Ok(x)
    ///     }
    /// }
    ///
    /// let plan = Request::new().with_sampler(Sampler::of("twice", Twice)).steps(5).plan()?;
    /// assert_eq!((plan.nfe(), plan.moves()[1].letter), (6, Letter::F));
    /// assert!(plan.lint()?.is_clean());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn forward(&mut self, x: Var, from: &Level, to: &Level, noise: f64) -> Var {
        let (mark, row) = (self.mark(), Row::forward(from, to));
        let x = self.advance((row.a, x), [], row.c * noise);
        self.note(Letter::F, None, from, to, mark);
        x
    }

    /// Returns the number of the next instruction. Pass it to [`note`](Self::note) after the last
    /// row of a move.
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
