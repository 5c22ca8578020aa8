//! Samplers: moves + solver + grid → [`Plan`]. A sampler returns rows; it never touches a tensor.
//!
//! | module | samplers |
//! |---|---|
//! | `one_step` | one row a step, told apart by ρ: DDIM, DDPM, Euler (ancestral) |
//! | `multistep` | past values of D, ε or u as a polynomial: DPM-Solver(++), DEIS, LMS, (i)PNDM |
//! | `stages` | several evaluations a step: Heun, DPM2, DPM-Solver-2 and -3, SEEDS |
//! | `correct` | predictor and corrector: UniPC, SA-Solver |
//! | `consistency` | jumps to the data and back: LCM, TCD |
//! | `extended`, `ancestral` | the extended reverse SDE; two values, with ancestral noise |
//! | `guided` | CFG++, of any of them |
//! | `cycles` | down and up again: restart, RePaint, predictor–corrector, annealed Langevin |
//! | `fast`, `heunpp` | stages on levels of their own, or beyond the step |
//! | `inverse` | from data to noise |
//! | `word` | any word of the three moves, such as `(R L)*20` |
//! | `form`, `noise` | the formulas that they share: what is integrated, over which polynomial; how much noise is kept |
//! | `names` | the community's names, each a few lines that choose from the above |
//!
//! η is h/g everywhere, but in a sampler that a community named: there it is what that community means by it, and the plan shows the effective h/g.

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

/// A way to turn steps into rows: what a sampler is, apart from its name.
///
/// A method asks the [`Draft`] for denoised predictions and makes states from them; it returns the last state. It knows
/// nothing of networks, guidance, clamps or starts: the draft sees to these. [`Sampler::of`] makes it a sampler, which
/// compiles on every process and grid like those of the catalogue.
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
///             draft.note(Letter::R, moves::effective_eta(&step.from, &step.to, self.0), &step.from, &step.to, mark);
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
    /// Steps that the method cannot take, or a level at which the network cannot be read.
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var>;

    /// Returns whether the method goes from data to noise; if so, its steps come in rising order of noise, without σ = 0.
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

/// A sampler, not yet bound to a process or a grid.
///
/// ```
/// use langevin::{Grid, Process, Sampler};
/// let process = Process::vp();
/// let levels = Grid::uniform_lambda(10).levels(&process, 0.002, 80.0)?;
/// let plan = Sampler::parse("ddim", Some(0.5))?.compile(&process, None, &levels)?;
/// // DDIM's η = ½ is not h/g = ½: the plan says what it is.
/// let eta = plan.moves()[0].eta.unwrap_or(0.0);
/// assert!((eta - 0.3301).abs() < 1e-3, "{eta}");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sampler {
    name: String,
    /// Name and options, as [`Sampler::parse`] reads them.
    spec: String,
    method: Arc<dyn Method>,
}

impl PartialEq for Sampler {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec
    }
}

/// Where a sampler goes.
#[derive(Clone, Copy, Debug)]
enum Path<'a> {
    Levels(&'a [Level]),
    Steps(&'a [Step]),
}

/// Everything a sampler is compiled against. Made by [`Sampler::on`].
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
    /// For a network of this formulation, in place of a model that gives D.
    #[must_use]
    pub fn network(mut self, network: &'a Formulation) -> Self {
        self.network = Some(network);
        self
    }

    /// Calls the network otherwise than its formulation says, at the noise levels of `calls`: as another library does it.
    #[must_use]
    pub fn calls(mut self, calls: &'a [NetworkCall]) -> Self {
        self.calls = calls;
        self
    }

    /// Starts from `scale`·z in place of σ·z of the first level.
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

    /// Leaves the first `steps` steps out, and starts from this.
    #[must_use]
    pub fn start(mut self, steps: usize, start: Start) -> Self {
        (self.first, self.start) = (steps, start);
        self
    }

    /// Does this to every D before it is used, such as a clamp. The plan is then no longer linear.
    #[must_use]
    pub fn map(mut self, map: Map) -> Self {
        self.map = Some(map);
        self
    }

    /// Guides with the model's unconditional branch: D = D_u + `weight`·(D_c − D_u), two evaluations in place of one. Source: arXiv 2207.12598.
    #[must_use]
    pub fn guidance(mut self, weight: f64) -> Self {
        self.guidance = Some(Guidance { weight, levels: [0.0, f64::INFINITY] });
        self
    }

    /// As [`guidance`](Self::guidance), at the noise levels σ/α from `levels[0]` to `levels[1]` alone: at the others D is D_c, one evaluation. Source: arXiv 2404.07724.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler, plan::Op};
    /// let levels = Grid::karras(4).levels(&Process::ve(), 0.1, 10.0)?;
    /// let plan = Sampler::ddim(0.0).on(&Process::ve(), &levels).guidance_within(3.0, [0.2, 5.0]).compile()?;
    /// // Of four levels the first and the last are outside.
    /// let pairs = plan.ops().iter().filter(|op| matches!(op, Op::Eval { out, .. } if out.len() == 2));
    /// assert_eq!((plan.nfe(), pairs.count()), (4, 2));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn guidance_within(mut self, weight: f64, levels: [f64; 2]) -> Self {
        self.guidance = Some(Guidance { weight, levels });
        self
    }

    /// The plan.
    ///
    /// # Errors
    /// Fewer than two levels, levels that do not fall, more steps left out than there are, an η that cannot be, a level where the network cannot be read, a map
    /// of several states, or a word that does not fit the grid.
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
                // Upwards there is no step from σ = 0: the image stands for the cleanest noisy level.
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
    /// Returns the sampler of a method of one's own, under this name.
    #[must_use]
    pub fn of(name: impl Into<String>, method: impl Method + 'static) -> Self {
        let name = name.into();
        Self::new(name.clone(), name, method)
    }

    fn new(name: impl Into<String>, spec: impl Into<String>, method: impl Method + 'static) -> Self {
        Self { name: name.into(), spec: spec.into(), method: Arc::new(method) }
    }

    /// One exponential step per level with h/g = `eta`: exact for constant D.
    #[must_use]
    pub fn exponential(eta: f64) -> Self {
        Self::new("exponential", format!("exponential:eta={eta}"), one_step::OneStep::new(noise::Keep::Rate(eta)))
    }

    /// DDIM with its own η (0: the ODE; 1: the DDPM posterior). Source: arXiv 2010.02502.
    #[must_use]
    pub fn ddim(eta: f64) -> Self {
        let method = one_step::OneStep { raw_noise: true, ..one_step::OneStep::new(noise::Keep::Ddim(eta)) };
        Self::new("ddim", format!("ddim:eta={eta}"), method)
    }

    /// All noise drawn anew at every step (LCM without its boundary scaling). Source: arXiv 2310.04378.
    #[must_use]
    pub fn lcm() -> Self {
        Self::new("lcm", "lcm", consistency::Consistency::default())
    }

    /// Exponential Adams–Bashforth of `order` 1 to 4 with h/g = `eta`. The first steps use as many values as there are.
    ///
    /// Order 2 is DPM-Solver++(2M) in its 'heun' form. Source: arXiv 2211.01095; SA-Solver, arXiv 2309.05019.
    ///
    /// # Errors
    /// An order outside 1 to 4.
    pub fn adams(order: usize, eta: f64) -> Result<Self> {
        if (1..=4).contains(&order) {
            let poly = form::Poly::Exact(form::Variable::Lambda);
            let method = multistep::Multistep { eta, ..multistep::Multistep::new(form::Form::Data, poly, order) };
            return Ok(Self::new(format!("adams{order}"), format!("adams{order}:eta={eta}"), method));
        }
        Err(Error::argument("no such order").at("exponential Adams").expected("1 to 4").got(order.to_string()))
    }

    /// A word of moves.
    #[must_use]
    pub fn word(word: Word) -> Self {
        Self::new(word.text().to_owned(), word.text().to_owned(), word)
    }

    /// The sampler of this name, with its options: `dpmpp-2m`, `heun:churn=40,tmin=0.05`. `eta` is one more option: what its community means by it.
    ///
    /// [`Entry::all`] lists the names and their options.
    ///
    /// # Errors
    /// An unknown name or option with the nearest known one, a value out of range, or an η where the sampler takes none.
    pub fn parse(text: &str, eta: Option<f64>) -> Result<Self> {
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        let entry = Entry::find(name)?;
        let settings = settings::Settings::read(entry.name, entry.knobs, options, eta)?;
        // The name under which it was asked for, spelled as ours are; ours, where that is another library's.
        let asked = names::elsewhere::spelled(name);
        let name = if entry.is_called(&asked) { asked } else { entry.name.to_owned() };
        Ok(Self { name, spec: settings.spec(), method: (entry.build)(&settings)? })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the sampler goes from data to noise.
    #[must_use]
    pub fn rises(&self) -> bool {
        self.method.rises()
    }

    /// The name and the options that are not at their defaults, as [`parse`](Self::parse) reads them; for a word, the word.
    #[must_use]
    pub fn spec(&self) -> &str {
        &self.spec
    }

    /// Returns the sampler that goes from the data to noise as the sampler or plan of this name goes from noise to the data:
    /// that of the catalogue's entry, and the inversion of DDIM for a name that is not in the catalogue.
    ///
    /// ```
    /// use langevin::Sampler;
    /// assert_eq!(Sampler::inverse_of("dpmpp-2m-sde")?.name(), "dpmpp-2m-inversion");
    /// assert_eq!(Sampler::inverse_of("(R L)*20")?.name(), "ddim-inversion");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error as [`parse`](Self::parse) does.
    pub fn inverse_of(name: &str) -> Result<Self> {
        Self::parse(Entry::named(name).map_or("ddim-inversion", |entry| entry.facts.inverse), None)
    }

    /// What it is compiled against: `levels` of `process`, noisiest first. See [`Compiling`].
    #[must_use]
    pub fn on<'a>(&'a self, process: &'a Process, levels: &'a [Level]) -> Compiling<'a> {
        self.along(process, Path::Levels(levels))
    }

    /// What it is compiled against where steps do not join, or where levels lie beside the process, as some published samplers
    /// have it: the steps are taken as they are.
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

    /// Compiles the sampler on `levels` of `process`, noisiest first; for `network`, or (with `None`) for a model that gives D.
    ///
    /// # Errors
    /// As [`Compiling::compile`].
    pub fn compile(&self, process: &Process, network: Option<&Formulation>, levels: &[Level]) -> Result<Plan> {
        let compiling = self.on(process, levels);
        Compiling { network, ..compiling }.compile()
    }
}

/// Two levels or more, of this process, falling in noise.
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
