//! Requests for a plan, with every default in one place.
//!
//! A request sets the sampler, its grid and steps, the process, the network, the noise range, the
//! start and the guidance. A [`Request`] is built in code, parsed from text or read from JSON. The
//! command line, the Python module and `recommend` all compile their plans through it, so one
//! request has one plan.
//!
//! A request is written as words:
//!
//! | word | meaning | default |
//! |---|---|---|
//! | `process` | a name, or a [`ProcessSpec`] as JSON | the network's, else [`PROCESS`] |
//! | `predict` | the prediction of a network on that process | no network: the model returns D |
//! | `network` | any network: a [`FormulationSpec`] as JSON | as `predict` |
//! | `sampler` | a sampler and its options | [`SAMPLER`], or [`SAMPLER_WITH_ETA`] if η is set |
//! | `moves` | a [word] of moves, in place of a sampler | none |
//! | `eta` | the sampler's own η, or h/g of the word's reverse moves | the sampler's |
//! | `grid` | a grid, in the form of [`Grid::parse`] | [`GRID`] |
//! | `steps` | the step count of the grid | [`STEPS`], or that of a list or a word of moves |
//! | `nfe` | a budget of network evaluations, in place of `steps` | none |
//! | `sigma-min`, `sigma-max` | the noise range of the grid, in σ/α | [`usual_range`] |
//! | `start-at` | the steps left out; starts from the input `init` | 0, from noise |
//! | `strength` | the share of the steps kept; starts from the input `image` | all |
//! | `image`, `noise` | with `start-at`: starts from `image`, or from noise | the input `init` |
//! | `clamp`, `threshold`, `map` | a map of every denoised prediction | none |
//! | `guidance` | the weight of the guidance | none |
//! | `guidance-interval` | the noise levels, in σ/α, at which guidance is applied | all |
//!
//! `range=MIN..MAX` sets `sigma-min` and `sigma-max`. The range is clipped to the network's trained
//! range. [`Sampler::parse`] reads samplers and their options.
//!
//! [`ProcessSpec`]: crate::process::ProcessSpec
//! [`FormulationSpec`]: crate::formulation::FormulationSpec
//! [`Grid::parse`]: crate::Grid::parse
//! [`usual_range`]: crate::grid::usual_range
//! [word]: crate::sampler::Word
//!
//! ```
//! use langevin::{Process, Request};
//! let request: Request = "sampler=heun:churn=40 steps=5 process=vp range=0.01..50".parse()?;
//! let built = Request::new().sampler("heun:churn=40").steps(5).process(Process::vp());
//! assert_eq!(request, built.range(0.01, 50.0));
//! assert_eq!(request.plan()?.nfe(), 9); // the last step of Heun costs one evaluation
//! # Ok::<(), langevin::Error>(())
//! ```

mod compile;
mod config;
#[cfg(test)]
mod tests;
mod text;

pub use compile::{NoiseRange, most_steps, over_budget};
pub use config::OnScheduler;

use crate::formulation::Formulation;
use crate::process::Process;
use crate::sampler::{Sampler, Start};
use crate::space::Map;

/// The default sampler.
pub const SAMPLER: &str = "dpmpp-2m";
/// The default sampler of a request that sets η.
pub const SAMPLER_WITH_ETA: &str = "ddim";
/// The default sampler of a request that repaints the masked part of an image.
pub const SAMPLER_WITH_MASK: &str = "repaint:jump=5,samples=5";
/// The default grid.
pub const GRID: &str = "karras";
/// The default step count, for a request without steps and without a budget.
pub const STEPS: usize = 20;
/// The default process, for a request without a network.
pub const PROCESS: &str = "rectified-flow";
/// The process on which samplers are compared, ranked and explained if neither a process nor a
/// network is given.
pub const REFERENCE_PROCESS: &str = "vp";
/// The default strength: the share of the steps that a change of an image goes through.
pub const STRENGTH: f64 = 0.6;

/// The words of a request, in the order in which they are written.
///
/// Errors about a request quote these words in backticks, so that each interface can spell them in
/// its own way: `` `sigma-min` `` is `--sigma-min` on the command line and `sigma_min` in Python.
pub const WORDS: [&str; 20] = [
    "process",
    "predict",
    "network",
    "sampler",
    "moves",
    "eta",
    "grid",
    "steps",
    "nfe",
    "sigma-min",
    "sigma-max",
    "start-at",
    "image",
    "noise",
    "strength",
    "clamp",
    "threshold",
    "map",
    "guidance",
    "guidance-interval",
];

/// Returns `text` with every word of a request in backticks spelled by `spell`.
///
/// ```
/// let text = "leave out `sigma-min` and `nfe`, not `this`";
/// let flags = langevin::request::spelled(text, |word| format!("--{word}"));
/// assert_eq!(flags, "leave out --sigma-min and --nfe, not `this`");
/// ```
#[must_use]
pub fn spelled(text: &str, spell: impl Fn(&str) -> String) -> String {
    WORDS.iter().fold(text.to_owned(), |text, word| {
        let quoted = format!("`{word}`");
        if text.contains(&quoted) { text.replace(&quoted, &spell(word)) } else { text }
    })
}

/// The sampler of a request.
#[derive(Clone, Debug, Default)]
enum Choice {
    /// [`SAMPLER`], or [`SAMPLER_WITH_ETA`].
    #[default]
    Default,
    /// A name with options.
    Named(String),
    /// A word of moves.
    Moves(String),
    /// A sampler that exists already.
    Given(Sampler),
}

/// The number of steps of a request.
#[derive(Clone, Copy, Debug, Default)]
enum Count {
    /// [`STEPS`], or the step count of a list or a word of moves.
    #[default]
    Default,
    /// A number of steps.
    Steps(usize),
    /// A budget of evaluations.
    Budget(usize),
}

/// The first step of a request, and the state it starts from.
#[derive(Clone, Copy, Debug, Default)]
enum First {
    /// The first step of the grid, from noise.
    #[default]
    Noise,
    /// The number of steps that are left out, and the start.
    Step(usize, Start),
    /// The share of the steps that are kept, starting from an image.
    Share(f64),
}

/// A request for a plan. The [module](self) lists its words and their defaults.
///
/// The builder methods check nothing; [`plan`](Self::plan) does. [`parse`](str::parse) reads the
/// compact spelling `sampler=heun steps=20`, which [`Display`](std::fmt::Display) writes. serde
/// reads and writes the same words as a JSON object. A process that is implemented outside this
/// crate has a name in both forms but cannot be read back.
///
/// ```
/// use langevin::{Formulation, Prediction, Process, Request};
/// let network = Formulation::new(Process::vp(), Prediction::Epsilon);
/// let plan = Request::new().network(network).nfe(15).plan()?;
/// assert_eq!((plan.name(), plan.nfe()), ("dpmpp-2m", 15));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Request {
    choice: Choice,
    eta: Option<f64>,
    grid: Option<String>,
    count: Count,
    sigma_min: Option<f64>,
    sigma_max: Option<f64>,
    process: Option<Process>,
    network: Option<Formulation>,
    first: First,
    map: Option<Map>,
    guidance: Option<(f64, Option<[f64; 2]>)>,
}

impl Request {
    /// Returns the request with all defaults: 20 steps of DPM-Solver++(2M) on Karras's grid of
    /// rectified flow, for a model that returns the denoised prediction.
    ///
    /// ```
    /// use langevin::Request;
    /// let plan = Request::new().plan()?;
    /// assert_eq!((plan.name(), plan.nfe()), ("dpmpp-2m", 20));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the sampler by its name and options, as in `heun:churn=40`. It replaces a word of
    /// moves.
    ///
    /// ```
    /// use langevin::Request;
    /// let request = Request::new().moves("R*20").sampler("heun:churn=40");
    /// assert_eq!(request.to_string(), "sampler=heun:churn=40");
    /// ```
    #[must_use]
    pub fn sampler(mut self, name: impl Into<String>) -> Self {
        self.choice = Choice::Named(name.into());
        self
    }

    /// Sets a sampler that exists already, such as one of your own. It replaces a name or a word of
    /// moves, and takes no η.
    ///
    /// ```
    /// use langevin::{Request, Sampler};
    /// let request = Request::new().with_sampler(Sampler::adams(3, 0.5)?);
    /// assert_eq!(request.plan()?.name(), "adams3");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn with_sampler(mut self, sampler: Sampler) -> Self {
        (self.choice, self.eta) = (Choice::Given(sampler), None);
        self
    }

    /// Sets a word of moves, as in `(R L(0.5))*20`. It replaces a sampler. Without a step count the
    /// grid has as many steps as the word needs.
    ///
    /// ```
    /// use langevin::Request;
    /// let plan = Request::new().moves("(R L(0.5))*3").plan()?;
    /// // A Langevin move at σ = 0 has no effect, so the last L is left out.
    /// assert_eq!(plan.moves().len(), 5);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn moves(mut self, word: impl Into<String>) -> Self {
        self.choice = Choice::Moves(word.into());
        self
    }

    /// Sets η: the named sampler's own η, or h/g of every reverse move of a word that has no number
    /// of its own.
    ///
    /// ```
    /// use langevin::Request;
    /// // Without a sampler, η selects DDIM.
    /// let plan = Request::new().eta(1.0).plan()?;
    /// assert_eq!((plan.name(), plan.moves()[0].eta), ("ddim", Some(1.0)));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn eta(mut self, eta: f64) -> Self {
        self.eta = Some(eta);
        self
    }

    /// Resets η to the sampler's default.
    ///
    /// ```
    /// use langevin::Request;
    /// assert_eq!(Request::new().eta(1.0).default_eta(), Request::new());
    /// ```
    #[must_use]
    pub fn default_eta(mut self) -> Self {
        self.eta = None;
        self
    }

    /// Sets the grid by its name, as in `karras` or `list:80,10,1,0`.
    ///
    /// ```
    /// use langevin::Request;
    /// assert_eq!(Request::new().grid("list:80,10,1,0").plan()?.nfe(), 3);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn grid(mut self, name: impl Into<String>) -> Self {
        self.grid = Some(name.into());
        self
    }

    /// Sets the step count of the grid. It replaces a budget.
    ///
    /// ```
    /// use langevin::Request;
    /// assert_eq!(Request::new().nfe(50).steps(8).plan()?.nfe(), 8);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.count = Count::Steps(steps);
        self
    }

    /// Sets a budget of network evaluations: the grid has as many steps as fit. It replaces a step
    /// count.
    ///
    /// ```
    /// use langevin::Request;
    /// // Five steps of Heun take nine evaluations, six would take eleven.
    /// assert_eq!(Request::new().sampler("heun").nfe(10).plan()?.nfe(), 9);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn nfe(mut self, evaluations: usize) -> Self {
        self.count = Count::Budget(evaluations);
        self
    }

    /// Resets the step count to the default, or to that of a list or a word of moves.
    ///
    /// ```
    /// use langevin::Request;
    /// assert_eq!(Request::new().steps(8).default_steps().step_count()?, 20);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn default_steps(mut self) -> Self {
        self.count = Count::Default;
        self
    }

    /// Sets the cleanest noise level before the end, in σ/α.
    ///
    /// ```
    /// use langevin::{Process, Request};
    /// let levels = Request::new().process(Process::ve()).sigma_min(0.03).levels()?;
    /// assert!((levels[19].sigma - 0.03).abs() < 1e-12); // the last level before clean data
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn sigma_min(mut self, sigma: f64) -> Self {
        self.sigma_min = Some(sigma);
        self
    }

    /// Sets the noise level of the start, in σ/α. Infinity is pure noise.
    ///
    /// ```
    /// use langevin::Request;
    /// let request = Request::new().grid("flow-shift:3").sigma_max(f64::INFINITY).steps(4);
    /// assert_eq!(request.levels()?[0].alpha, 0.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn sigma_max(mut self, sigma: f64) -> Self {
        self.sigma_max = Some(sigma);
        self
    }

    /// Sets both ends of the noise range, in σ/α.
    ///
    /// ```
    /// use langevin::Request;
    /// let range = Request::new().range(0.01, 50.0).noise_range()?;
    /// assert_eq!((range.min, range.max), (0.01, 50.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn range(self, sigma_min: f64, sigma_max: f64) -> Self {
        self.sigma_min(sigma_min).sigma_max(sigma_max)
    }

    /// Resets both ends of the noise range to the defaults.
    ///
    /// ```
    /// use langevin::Request;
    /// let range = Request::new().range(0.01, 50.0).default_range().noise_range()?;
    /// assert_eq!((range.min, range.max), (0.002, 80.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn default_range(mut self) -> Self {
        (self.sigma_min, self.sigma_max) = (None, None);
        self
    }

    /// Sets the process of the states.
    ///
    /// ```
    /// use langevin::{Process, Request};
    /// let plan = Request::new().process(Process::vp_cosine()).plan()?;
    /// assert_eq!(plan.process(), &Process::vp_cosine().spec());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn process(mut self, process: Process) -> Self {
        self.process = Some(process);
        self
    }

    /// Sets the formulation of the network.
    ///
    /// The plan stays within the network's trained range. It runs on the network's process unless
    /// [`process`](Self::process) sets another.
    ///
    /// ```
    /// use langevin::{Formulation, Prediction, Process, Request};
    /// let network = Formulation::new(Process::vp(), Prediction::V);
    /// // Another process: the network's output is converted at every evaluation.
    /// let plan = Request::new().network(network).process(Process::ve()).plan()?;
    /// assert_eq!(plan.process(), &Process::ve().spec());
    /// assert_eq!(plan.network().expect("a network").process, Process::vp().spec());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn network(mut self, network: Formulation) -> Self {
        self.network = Some(network);
        self
    }

    /// Removes the trained range of the network, so that it does not limit the plan.
    ///
    /// ```
    /// use langevin::{Formulation, LambdaRange, Prediction, Process, Request};
    /// let network = Formulation::new(Process::ve(), Prediction::Epsilon)
    ///     .with_range(LambdaRange::from_sigma_ve(0.1, 10.0)?);
    /// let request = Request::new().network(network).range(0.1, 50.0);
    /// assert!(request.noise_range()?.max < 11.0);
    /// assert_eq!(request.without_trained_range().noise_range()?.max, 50.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn without_trained_range(mut self) -> Self {
        if let Some(network) = &mut self.network {
            network.range = None;
        }
        self
    }

    /// Leaves out the first `steps` steps, and starts from `start`.
    ///
    /// ```
    /// use langevin::{Request, sampler::Start};
    /// let plan = Request::new().steps(20).start(12, Start::Image).plan()?;
    /// assert_eq!((plan.nfe(), plan.inputs()[0].name.as_str()), (8, "image"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn start(mut self, steps: usize, start: Start) -> Self {
        self.first = First::Step(steps, start);
        self
    }

    /// Keeps this share of the steps, at least one, and starts from the input `image`.
    ///
    /// ```
    /// use langevin::Request;
    /// assert_eq!(Request::new().steps(20).strength(0.6).plan()?.nfe(), 12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn strength(mut self, share: f64) -> Self {
        self.first = First::Share(share);
        self
    }

    /// Sets a map of every denoised prediction, such as a clamp.
    ///
    /// ```
    /// use langevin::{Map, Request};
    /// let plan = Request::new().map(Map::clamp(-1.0, 1.0)?).plan()?;
    /// assert!(!plan.is_linear());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn map(mut self, map: Map) -> Self {
        self.map = Some(map);
        self
    }

    /// Applies classifier-free guidance: D = D_u + `weight`·(D_c − D_u), with D_u of the
    /// unconditional branch.
    ///
    /// ```
    /// use langevin::Request;
    /// assert!(Request::new().guidance(3.0).plan()?.is_guided());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn guidance(mut self, weight: f64) -> Self {
        self.guidance = Some((weight, None));
        self
    }

    /// Applies [`guidance`](Self::guidance) only at noise levels σ/α from `levels[0]` to
    /// `levels[1]`.
    ///
    /// ```
    /// use langevin::Request;
    /// let request = Request::new().guidance_within(3.0, [0.2, 5.0]);
    /// assert_eq!(request.to_string(), "guidance=3 guidance-interval=0.2,5");
    /// ```
    #[must_use]
    pub fn guidance_within(mut self, weight: f64, levels: [f64; 2]) -> Self {
        self.guidance = Some((weight, Some(levels)));
        self
    }
}

impl PartialEq for Request {
    /// Returns whether both requests have the same words, process and network.
    fn eq(&self, other: &Self) -> bool {
        self.words() == other.words() && self.state_process() == other.state_process() && self.network == other.network
    }
}
