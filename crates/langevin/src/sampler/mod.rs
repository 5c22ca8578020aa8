//! Samplers, which compile moves, a solver and a grid to a [`Plan`]. A sampler returns rows of
//! numbers and never touches a tensor.
//!
//! | module | samplers |
//! |---|---|
//! | `one_step` | one row per step, which differ in ρ: DDIM, DDPM, Euler (ancestral) |
//! | `multistep` | past values of D, ε or u as a polynomial: DPM-Solver(++), DEIS, LMS, (i)PNDM |
//! | `stages` | several evaluations per step: Heun, DPM2, DPM-Solver-2 and -3, SEEDS |
//! | `correct` | predictor and corrector: UniPC, SA-Solver |
//! | `consistency` | jumps to the data and back: LCM, TCD |
//! | `extended`, `ancestral` | the extended reverse SDE; two values of D with ancestral noise |
//! | `guided` | CFG++ guidance for any of these samplers |
//! | `cycles` | several moves: restart, RePaint, predictor–corrector, annealed Langevin |
//! | `fast`, `heunpp` | stages on their own levels, or beyond the step |
//! | `inverse` | from data to noise |
//! | `word` | any word of the three moves, such as `(R L)*20` |
//! | `form`, `noise` | shared formulas: the integrand and its polynomial; the noise kept |
//! | `names` | named samplers, a few lines each, which choose one of the methods above |
//!
//! η is h/g everywhere in this crate, with one exception. A sampler known from another library
//! keeps that library's definition of η, and the plan shows the effective h/g.
//!
//! ```
//! use langevin::sampler::Entry;
//! use langevin::{Process, Request};
//! // Named samplers compile on every process.
//! for entry in Entry::all().iter().filter(|entry| entry.facts.recommended) {
//!     let request = Request::new().sampler(entry.name).process(Process::vp_cosine());
//!     assert!(request.steps(8).plan()?.nfe() >= 8, "{}", entry.name);
//! }
//! # Ok::<(), langevin::Error>(())
//! ```

mod ancestral;
mod catalogue;
mod cite;
pub mod consistency;
pub mod correct;
mod cycles;
pub(crate) mod draft;
mod entry;
mod extended;
pub(crate) mod fast;
pub mod form;
mod guided;
pub(crate) mod heunpp;
pub mod inverse;
mod knob;
pub mod multistep;
pub(crate) mod names;
pub mod noise;
pub mod one_step;
mod settings;
pub mod stages;
mod word;

pub use draft::{Draft, Node, Start, Step};
pub use entry::{Entry, Facts};
pub use knob::Knob;
pub use names::elsewhere;
pub use word::Word;

use crate::error::{Error, Result};
use crate::formulation::Formulation;
use crate::grid::check_falling;
use crate::plan::{Builder, NetworkCall, Plan, Var};
use crate::process::{Level, Process};
use crate::space::Map;
use draft::Guidance;
use std::fmt::Debug;
use std::sync::Arc;

/// A rule that turns steps into rows: a sampler without its name.
///
/// A method asks the [`Draft`] for denoised predictions, combines them into states, and returns the
/// last state. The draft handles networks, guidance, clamps and starts, so that methods need not.
/// [`Sampler::of`] turns a method into a sampler, which compiles on every process and grid like the
/// named samplers do.
///
/// ```
/// use langevin::plan::{Letter, Var};
/// use langevin::sampler::{Draft, Method};
/// use langevin::moves::Row;
/// use langevin::{Grid, Process, Result, Sampler, moves};
///
/// /// Every step keeps this share of the noise, and draws the rest anew.
/// #[derive(Debug)]
/// struct Refreshed(f64);
///
/// impl Method for Refreshed {
///     fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
///         let mut x = draft.begin();
///         for (_, step) in draft.taken() {
///             let mark = draft.mark();
///             let denoised = draft.denoised(x, &step.from)?;
///             x = draft.one_step(x, denoised, Row::new(&step.from, &step.to, self.0));
///             let eta = moves::effective_eta(&step.from, &step.to, self.0);
///             draft.note(Letter::R, eta, &step.from, &step.to, mark);
///         }
///         Ok(x)
///     }
/// }
///
/// let process = Process::vp();
/// let levels = Grid::karras(10).levels(&process, 0.002, 80.0)?;
/// let plan = Sampler::of("refreshed", Refreshed(0.9)).compile(&process, None, &levels)?;
/// assert!(plan.lint()?.is_clean());
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait Method: Debug + Send + Sync {
    /// Writes the rows, and returns the state at the end.
    ///
    /// # Errors
    /// Returns an error if the method cannot take the steps, or if the network's output does not
    /// determine D at a level.
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var>;

    /// Returns whether the method goes from data to noise. Its steps then come in rising order of
    /// noise, without σ = 0.
    fn rises(&self) -> bool {
        false
    }
}

impl<M: Method + ?Sized> Method for Box<M> {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        (**self).write(draft)
    }

    fn rises(&self) -> bool {
        (**self).rises()
    }
}

/// A sampler that is not yet bound to a process or a grid.
///
/// ```
/// use langevin::{Grid, Process, Sampler};
/// let process = Process::vp();
/// let levels = Grid::uniform_lambda(10).levels(&process, 0.002, 80.0)?;
/// let plan = Sampler::parse("ddim", Some(0.5))?.compile(&process, None, &levels)?;
/// // DDIM's η = ½ is not h/g = ½. The plan shows the effective h/g.
/// let eta = plan.moves()[0].eta.unwrap_or(0.0);
/// assert!((eta - 0.3301).abs() < 1e-3, "{eta}");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sampler {
    name: String,
    /// The name and the options, as [`Sampler::parse`] reads them.
    spec: String,
    method: Arc<dyn Method>,
}

impl PartialEq for Sampler {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec
    }
}

/// The levels or the steps that a sampler takes.
#[derive(Clone, Copy, Debug)]
enum Path<'a> {
    Levels(&'a [Level]),
    Steps(&'a [Step]),
}

/// A sampler with everything that it is compiled against. Made by [`Sampler::on`].
///
/// ```
/// use langevin::{Grid, Map, Process, Sampler, sampler::Start};
/// let process = Process::vp();
/// let levels = Grid::karras(20).levels(&process, 0.002, 80.0)?;
/// // Image to image: the last eight steps, from the input `image`, with D clamped.
/// let plan = Sampler::parse("dpmpp-2m", None)?
///     .on(&process, &levels)
///     .start(12, Start::Image)
///     .map(Map::Clamp { min: -1.0, max: 1.0 })
///     .compile()?;
/// assert_eq!(plan.nfe(), 8);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Compiling<'a> {
    sampler: &'a Sampler,
    process: &'a Process,
    path: Path<'a>,
    network: Option<&'a Formulation>,
    calls: &'a [NetworkCall],
    scale: Option<f64>,
    first: usize,
    start: Start,
    map: Option<Map>,
    guidance: Option<Guidance>,
}

impl<'a> Compiling<'a> {
    /// Sets the formulation of the network. Without it the model returns D.
    ///
    /// ```
    /// use langevin::{Formulation, Grid, Prediction, Process, Sampler};
    /// let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    /// let levels = Grid::karras(4).levels(&network.process, 0.002, 80.0)?;
    /// let sampler = Sampler::ddim(0.0);
    /// let plan = sampler.on(&network.process, &levels).network(&network).compile()?;
    /// assert_eq!(plan.network(), Some(&network.spec()));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn network(mut self, network: &'a Formulation) -> Self {
        self.network = Some(network);
        self
    }

    /// Sets calls of the network that differ from its formulation, each at its own noise level.
    /// Imported samplers use them to reproduce the times that another library passes.
    #[must_use]
    pub fn calls(mut self, calls: &'a [NetworkCall]) -> Self {
        self.calls = calls;
        self
    }

    /// Starts from `scale`·z in place of σ·z of the first level.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler, plan::Note};
    /// let process = Process::vp();
    /// let levels = Grid::karras(5).levels(&process, 0.1, 1.0)?;
    /// let sampler = Sampler::ddim(0.0);
    /// let plan = sampler.on(&process, &levels).start_scale(1.0).compile()?;
    /// // σ of the first level is 1/√2; the lint notes the other standard deviation.
    /// assert!(matches!(plan.lint()?.notes[0], Note::Start { got: 1.0, .. }));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn start_scale(mut self, scale: f64) -> Self {
        self.scale = Some(scale);
        self
    }

    /// Returns the number of steps of the grid.
    #[must_use]
    pub fn steps(&self) -> usize {
        match self.path {
            Path::Levels(levels) => levels.len().saturating_sub(1),
            Path::Steps(steps) => steps.len(),
        }
    }

    /// Leaves out the first `steps` steps, and starts from `start`.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler, sampler::Start};
    /// let (process, sampler) = (Process::ve(), Sampler::ddim(0.0));
    /// let levels = Grid::karras(10).levels(&process, 0.1, 10.0)?;
    /// let plan = sampler.on(&process, &levels).start(7, Start::State).compile()?;
    /// assert_eq!((plan.nfe(), plan.inputs()[0].name.as_str()), (3, "init"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn start(mut self, steps: usize, start: Start) -> Self {
        (self.first, self.start) = (steps, start);
        self
    }

    /// Sets a map of every denoised prediction, such as a clamp. The plan is then no longer linear.
    ///
    /// ```
    /// use langevin::{Grid, Map, Process, Sampler};
    /// let (process, sampler) = (Process::ve(), Sampler::ddim(0.0));
    /// let levels = Grid::karras(10).levels(&process, 0.1, 10.0)?;
    /// let plan = sampler.on(&process, &levels).map(Map::clamp(-1.0, 1.0)?).compile()?;
    /// assert_eq!(plan.ops().len(), 1 + 3 * 10); // evaluation, map and row per step
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn map(mut self, map: Map) -> Self {
        self.map = Some(map);
        self
    }

    /// Applies classifier-free guidance: D = D_u + `weight`·(D_c − D_u).
    ///
    /// Each step evaluates the conditional and the unconditional branch of the model. Source: arXiv
    /// 2207.12598.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler};
    /// let process = Process::ve();
    /// let levels = Grid::karras(4).levels(&process, 0.1, 10.0)?;
    /// let plan = Sampler::ddim(0.0).on(&process, &levels).guidance(3.0).compile()?;
    /// assert!(plan.is_guided());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn guidance(mut self, weight: f64) -> Self {
        self.guidance = Some(Guidance { weight, levels: [0.0, f64::INFINITY] });
        self
    }

    /// Applies guidance only at noise levels σ/α from `levels[0]` to `levels[1]`.
    ///
    /// At other levels D is D_c, and only the conditional branch is evaluated. Source: arXiv
    /// 2404.07724.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler, plan::Op};
    /// let levels = Grid::karras(4).levels(&Process::ve(), 0.1, 10.0)?;
    /// let (process, sampler) = (Process::ve(), Sampler::ddim(0.0));
    /// let plan = sampler.on(&process, &levels).guidance_within(3.0, [0.2, 5.0]).compile()?;
    /// // The first and the last of the four levels are outside.
    /// let is_pair = |op: &&Op| matches!(op, Op::Eval { out, .. } if out.len() == 2);
    /// assert_eq!((plan.nfe(), plan.ops().iter().filter(is_pair).count()), (4, 2));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn guidance_within(mut self, weight: f64, levels: [f64; 2]) -> Self {
        self.guidance = Some(Guidance { weight, levels });
        self
    }

    /// Returns the plan.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler, sampler::Start};
    /// let (process, sampler) = (Process::ve(), Sampler::ddim(0.0));
    /// let levels = Grid::karras(4).levels(&process, 0.1, 10.0)?;
    /// assert!(sampler.on(&process, &levels).compile().is_ok());
    /// // Four of four steps cannot be left out.
    /// assert!(sampler.on(&process, &levels).start(4, Start::State).compile().is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if:
    ///
    /// - the grid has fewer than two levels, or its noise levels do not fall;
    /// - more steps are left out than the grid has;
    /// - η is out of range;
    /// - the network's output does not determine D at a level;
    /// - the map takes several states;
    /// - a word of moves does not fit the grid.
    pub fn compile(self) -> Result<Plan> {
        let Self { sampler, process, network, start, .. } = self;
        if self.map.as_ref().is_some_and(|map| map.arity().is_some_and(|arity| arity != 1)) {
            return Err(Error::argument("this map is no correction of D").expected("a map of one state"));
        }
        let rises = sampler.method.rises();
        let steps = match self.path {
            Path::Steps(steps) => steps.to_vec(),
            Path::Levels(levels) => {
                check_levels(process, levels)?;
                let mut levels = levels.to_vec();
                // An inversion takes no step from σ = 0: the image stands for the cleanest noisy
                // level.
                if rises {
                    levels.retain(|level| level.sigma > 0.0);
                    levels.reverse();
                }
                Step::between(&levels)
            }
        };
        if self.first >= steps.len() {
            return Err(Error::argument("nothing is left of the grid")
                .at(sampler.name.clone())
                .expected(format!("fewer than {} steps left out", steps.len()))
                .got(self.first.to_string()));
        }
        let mut draft = Draft {
            builder: Builder::new(&sampler.name, process, network).with_calls(self.calls),
            process,
            steps: &steps,
            first: self.first,
            start: if rises && start == Start::Noise { Start::State } else { start },
            scale: self.scale,
            clip: self.map,
            guidance: self.guidance,
            plus: None,
        };
        let end = sampler.method.write(&mut draft)?;
        draft.finish(end)
    }
}

impl Sampler {
    /// Returns the sampler that uses `method`, under this name. See [`Method`] for an example.
    ///
    /// ```
    /// use langevin::sampler::{noise::Keep, one_step::OneStep};
    /// use langevin::Sampler;
    /// let sampler = Sampler::of("half-noise", OneStep::new(Keep::Rate(0.5)));
    /// assert_eq!(sampler.name(), "half-noise");
    /// ```
    #[must_use]
    pub fn of(name: impl Into<String>, method: impl Method + 'static) -> Self {
        let name = name.into();
        Self::new(name.clone(), name, method)
    }

    fn new(name: impl Into<String>, spec: impl Into<String>, method: impl Method + 'static) -> Self {
        Self { name: name.into(), spec: spec.into(), method: Arc::new(method) }
    }

    /// Returns the sampler of one exponential step per level with h/g = `eta`. It is exact if D is
    /// constant.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler};
    /// let process = Process::vp();
    /// let levels = Grid::karras(5).levels(&process, 0.002, 80.0)?;
    /// let plan = Sampler::exponential(0.5).compile(&process, None, &levels)?;
    /// assert_eq!(plan.moves()[2].eta, Some(0.5));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn exponential(eta: f64) -> Self {
        Self::new("exponential", format!("exponential:eta={eta}"), one_step::OneStep::new(noise::Keep::Rate(eta)))
    }

    /// Returns DDIM with DDIM's own η: 0 is the ODE, 1 is the DDPM posterior. Source: arXiv
    /// 2010.02502.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler, plan::compare};
    /// let process = Process::vp();
    /// let levels = Grid::karras(5).levels(&process, 0.002, 80.0)?;
    /// let plan = |sampler: Sampler| sampler.compile(&process, None, &levels);
    /// // DDIM's η agrees with h/g at 0 and at 1, and nowhere else.
    /// let is_same = |eta| -> langevin::Result<bool> {
    ///     let plans = (plan(Sampler::ddim(eta))?, plan(Sampler::exponential(eta))?);
    ///     Ok(compare(&plans.0, &plans.1)?.is_same(1e-12))
    /// };
    /// assert!(is_same(0.0)? && is_same(1.0)? && !is_same(0.5)?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn ddim(eta: f64) -> Self {
        let method = one_step::OneStep { raw_noise: true, ..one_step::OneStep::new(noise::Keep::Ddim(eta)) };
        Self::new("ddim", format!("ddim:eta={eta}"), method)
    }

    /// Returns LCM without its boundary scaling: all noise is drawn anew at every step. Source:
    /// arXiv 2310.04378.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler};
    /// let process = Process::vp();
    /// let levels = Grid::karras(4).levels(&process, 0.002, 80.0)?;
    /// let plan = Sampler::lcm().compile(&process, None, &levels)?;
    /// // A row that redraws all noise has no finite h/g.
    /// assert_eq!((plan.draws(), plan.moves()[0].eta), (4, None));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn lcm() -> Self {
        Self::new("lcm", "lcm", consistency::Consistency::default())
    }

    /// Returns exponential Adams–Bashforth of `order` 1 to 4 with h/g = `eta`.
    ///
    /// The first steps use as many values as exist. Order 2 is DPM-Solver++(2M) in its 'heun' form.
    /// Source: arXiv 2211.01095; SA-Solver, arXiv 2309.05019.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler, plan::compare};
    /// let process = Process::vp();
    /// let levels = Grid::karras(6).levels(&process, 0.002, 80.0)?;
    /// let adams = Sampler::adams(2, 0.0)?.compile(&process, None, &levels)?;
    /// let heun = Sampler::parse("dpmpp-2m:solver=heun", None)?.compile(&process, None, &levels)?;
    /// assert!(compare(&adams, &heun)?.is_same(1e-12));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the order is not in 1..=4.
    pub fn adams(order: usize, eta: f64) -> Result<Self> {
        if (1..=4).contains(&order) {
            let poly = form::Poly::Exact(form::Variable::Lambda);
            let method = multistep::Multistep { eta, ..multistep::Multistep::new(form::Form::Data, poly, order) };
            return Ok(Self::new(format!("adams{order}"), format!("adams{order}:eta={eta}"), method));
        }
        Err(Error::argument("no such order").at("exponential Adams").expected("1 to 4").got(order.to_string()))
    }

    /// Returns the sampler of a word of moves.
    ///
    /// ```
    /// use langevin::Sampler;
    /// use langevin::sampler::Word;
    /// let sampler = Sampler::word(Word::parse("(R L)*20")?);
    /// assert_eq!((sampler.name(), sampler.spec()), ("(R L)*20", "(R L)*20"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn word(word: Word) -> Self {
        Self::new(word.text().to_owned(), word.text().to_owned(), word)
    }

    /// Parses a sampler name with its options, such as `dpmpp-2m` or `heun:churn=40,tmin=0.05`.
    ///
    /// `eta` is one more option, with the meaning that the sampler's own community gives it.
    /// [`Entry::all`] lists the names and their options.
    ///
    /// ```
    /// use langevin::Sampler;
    /// let heun = Sampler::parse("heun:churn=40,tmin=0.05", None)?;
    /// assert_eq!(heun.name(), "heun");
    /// let error = Sampler::parse("dpmpp-2n", None).unwrap_err().to_string();
    /// assert!(error.contains("dpmpp-2m"), "{error}");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a name or an option is unknown, with the nearest known one; if a value
    /// is out of range; or if η is given and the sampler has none.
    pub fn parse(text: &str, eta: Option<f64>) -> Result<Self> {
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        let entry = Entry::find(name)?;
        let settings = settings::Settings::read(entry.name, entry.knobs, options, eta)?;
        // The name that the caller used, in this crate's spelling, or this crate's name if the
        // caller used another library's.
        let asked = names::elsewhere::spelled(name);
        let name = if entry.is_called(&asked) { asked } else { entry.name.to_owned() };
        Ok(Self { name, spec: settings.spec(), method: (entry.build)(&settings)? })
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the sampler goes from data to noise.
    ///
    /// ```
    /// use langevin::Sampler;
    /// assert!(Sampler::parse("ddim-inversion", None)?.rises());
    /// assert!(!Sampler::ddim(0.0).rises());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn rises(&self) -> bool {
        self.method.rises()
    }

    /// Returns the name and the options that are not at their defaults, as [`parse`](Self::parse)
    /// reads them; for a word of moves, the word.
    ///
    /// ```
    /// use langevin::Sampler;
    /// let sampler = Sampler::parse("heun:churn=0,noise=1.003", None)?;
    /// assert_eq!(sampler.spec(), "heun:noise=1.003"); // churn=0 is the default
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn spec(&self) -> &str {
        &self.spec
    }

    /// Returns the sampler from data to noise that inverts the sampler or plan with this name.
    ///
    /// It is the inverse of the catalogue's entry, or the inversion of DDIM for a name that is not
    /// in the catalogue.
    ///
    /// ```
    /// use langevin::Sampler;
    /// assert_eq!(Sampler::inverse_of("dpmpp-2m-sde")?.name(), "dpmpp-2m-inversion");
    /// assert_eq!(Sampler::inverse_of("(R L)*20")?.name(), "ddim-inversion");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`parse`](Self::parse).
    pub fn inverse_of(name: &str) -> Result<Self> {
        Self::parse(Entry::named(name).map_or("ddim-inversion", |entry| entry.facts.inverse), None)
    }

    /// Returns the sampler on `levels` of `process`, noisiest first, ready for further settings.
    /// See [`Compiling`].
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler};
    /// let (process, sampler) = (Process::ve(), Sampler::ddim(0.0));
    /// let levels = Grid::karras(4).levels(&process, 0.1, 10.0)?;
    /// let compiling = sampler.on(&process, &levels);
    /// assert_eq!(compiling.steps(), 4);
    /// assert_eq!(compiling.compile()?.nfe(), 4);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn on<'a>(&'a self, process: &'a Process, levels: &'a [Level]) -> Compiling<'a> {
        self.along(process, Path::Levels(levels))
    }

    /// Returns the sampler on the given steps, which are taken as they are, ready for further
    /// settings.
    ///
    /// Some published samplers have steps that do not join, or levels that do not lie on the
    /// process.
    ///
    /// ```
    /// use langevin::sampler::Step;
    /// use langevin::{Grid, Process, Sampler};
    /// let process = Process::ve();
    /// let levels = Grid::karras(4).levels(&process, 0.1, 10.0)?;
    /// let sampler = Sampler::ddim(0.0);
    /// let plan = sampler.on_steps(&process, &Step::between(&levels)).compile()?;
    /// assert_eq!(plan, sampler.compile(&process, None, &levels)?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn on_steps<'a>(&'a self, process: &'a Process, steps: &'a [Step]) -> Compiling<'a> {
        self.along(process, Path::Steps(steps))
    }

    fn along<'a>(&'a self, process: &'a Process, path: Path<'a>) -> Compiling<'a> {
        Compiling {
            sampler: self,
            process,
            path,
            network: None,
            calls: &[],
            scale: None,
            first: 0,
            start: Start::Noise,
            map: None,
            guidance: None,
        }
    }

    /// Compiles the sampler on `levels` of `process`, noisiest first, for `network`. With `None`
    /// the model returns D.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler};
    /// let process = Process::rectified_flow();
    /// let levels = Grid::flow_shift(4, 3.0)?.levels(&process, 0.002, f64::INFINITY)?;
    /// let plan = Sampler::parse("euler", None)?.compile(&process, None, &levels)?;
    /// assert_eq!(plan.nfe(), 4);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`Compiling::compile`].
    pub fn compile(&self, process: &Process, network: Option<&Formulation>, levels: &[Level]) -> Result<Plan> {
        let compiling = self.on(process, levels);
        Compiling { network, ..compiling }.compile()
    }
}

/// Checks that there are at least two levels, that they belong to the process, and that noise
/// falls.
fn check_levels(process: &Process, levels: &[Level]) -> Result<()> {
    if levels.len() < 2 {
        return Err(Error::argument("a sampler needs at least one step")
            .expected("two levels or more")
            .got(levels.len().to_string()));
    }
    for level in levels {
        let own = process.level(level.time)?;
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1e-3);
        if !near(level.alpha, own.alpha) || !near(level.sigma, own.sigma) {
            return Err(Error::argument("the levels are of another process")
                .at(format!("process {}, time {}", process.name(), level.time))
                .expected(format!("α = {}, σ = {}", own.alpha, own.sigma))
                .got(format!("α = {}, σ = {}", level.alpha, level.sigma)));
        }
    }
    check_falling(levels)
}

#[cfg(test)]
mod tests;
