//! Requests for a plan: the sampler, its grid and steps, the process, the network, the noise range, the start and the
//! guidance, with every default in one place.
//!
//! A [`Request`] is built in code, parsed from text or read from JSON. The command line, the Python module and
//! `recommend` all compile their plans through it, so one request has one plan.
//!
//! | word | meaning | default |
//! |---|---|---|
//! | `process` | the process of the states: a name, or a [`ProcessSpec`](crate::process::ProcessSpec) as JSON | the network's, else [`PROCESS`] |
//! | `predict` | the prediction of a network on that process | no network: the model gives D |
//! | `network` | any network: a [`FormulationSpec`](crate::formulation::FormulationSpec) as JSON | as `predict` |
//! | `sampler` | a sampler and its options, as [`Sampler::parse`](crate::Sampler::parse) reads them | [`SAMPLER`]; with `eta` alone [`SAMPLER_WITH_ETA`] |
//! | `moves` | a [word](crate::sampler::Word) of moves, in place of a sampler | none |
//! | `eta` | the sampler's own η, or h/g of the word's reverse moves | the sampler's |
//! | `grid` | a grid, as [`Grid::parse`](crate::Grid::parse) reads it | [`GRID`] |
//! | `steps` | the step count of the grid | [`STEPS`], or what a list or a word brings |
//! | `nfe` | a budget of network evaluations, in place of `steps` | none |
//! | `sigma-min`, `sigma-max` | the noise range of the grid, in σ/α; `range=MIN..MAX` sets both | [`usual_range`](crate::grid::usual_range), within the network's trained range |
//! | `start-at` | the number of leading steps that are left out; the plan then starts from the input `init` | 0, from noise |
//! | `strength` | the share of the steps that are kept; the plan then starts from the input `image` | all |
//! | `image`, `noise` | with `start-at`: starts from the input `image`, or from noise | the input `init` |
//! | `clamp`, `threshold`, `map` | a map of every denoised prediction | none |
//! | `guidance` | the weight of the guidance | none |
//! | `guidance-interval` | the noise levels, in σ/α, at which guidance is applied | all |
//!
//! ```
//! use langevin::Request;
//! let request: Request = "sampler=heun:churn=40 steps=5 process=vp range=0.01..50".parse()?;
//! assert_eq!(request, Request::new().sampler("heun:churn=40").steps(5).process(langevin::Process::vp()).range(0.01, 50.0));
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

/// The sampler of a request that names none.
pub const SAMPLER: &str = "dpmpp-2m";
/// The sampler of a request that names none but sets η.
pub const SAMPLER_WITH_ETA: &str = "ddim";
/// The sampler of a request that repaints the masked part of an image and names none.
pub const SAMPLER_WITH_MASK: &str = "repaint:jump=5,samples=5";
/// The grid of a request that names none.
pub const GRID: &str = "karras";
/// The step count of a request that sets neither steps nor a budget.
pub const STEPS: usize = 20;
/// The process of a request that names none and has no network.
pub const PROCESS: &str = "rectified-flow";
/// The process on which samplers are compared, ranked and explained if neither a process nor a network is given.
pub const REFERENCE_PROCESS: &str = "vp";
/// The share of the steps that a change of an image goes through if no strength is given.
pub const STRENGTH: f64 = 0.6;

/// The words of a request, in the order in which they are written.
///
/// Errors about a request quote these words in backticks, so that each interface can spell them its own way:
/// `` `sigma-min` `` is `--sigma-min` on the command line and `sigma_min` in Python.
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

/// Returns `text` with every word of a request that stands in backticks spelled by `spell`.
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
    /// A sampler that was built already.
    Given(Sampler),
}

/// The number of steps of a request.
#[derive(Clone, Copy, Debug, Default)]
enum Count {
    /// [`STEPS`], or what a list or a word brings.
    #[default]
    Default,
    /// So many.
    Steps(usize),
    /// As many as fit into a budget of evaluations.
    Budget(usize),
}

/// The first step of a request, and the state it starts from.
#[derive(Clone, Copy, Debug, Default)]
enum First {
    /// The first step of the grid, from noise.
    #[default]
    Noise,
    /// Leaves out so many steps.
    Step(usize, Start),
    /// Keeps this share of the steps, and starts from an image.
    Share(f64),
}

/// A request for a plan. The [module](self) lists its words and their defaults.
///
/// The builder methods check nothing; [`plan`](Self::plan) does. [`parse`](str::parse) reads the compact spelling
/// `sampler=heun steps=20`, which [`Display`](std::fmt::Display) writes, and serde reads and writes the same words as a
/// JSON object. A process that is implemented outside this crate has a name in both but cannot be read back.
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
    /// Returns the request of all defaults: 20 steps of DPM-Solver++(2M) on Karras's grid of rectified flow, for a model
    /// that gives the denoised prediction.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the sampler by its name and options, as in `heun:churn=40`. It replaces a word of moves.
    #[must_use]
    pub fn sampler(mut self, name: impl Into<String>) -> Self {
        self.choice = Choice::Named(name.into());
        self
    }

    /// Sets the sampler to one that was built already. It replaces a name or a word of moves, and takes no η.
    #[must_use]
    pub fn with_sampler(mut self, sampler: Sampler) -> Self {
        (self.choice, self.eta) = (Choice::Given(sampler), None);
        self
    }

    /// Sets the moves by a word, as in `(R L(0.5))*20`. It replaces a sampler. Without a step count the grid has as many
    /// steps as the word needs.
    #[must_use]
    pub fn moves(mut self, word: impl Into<String>) -> Self {
        self.choice = Choice::Moves(word.into());
        self
    }

    /// Sets η: what the named sampler means by it, or h/g of every reverse move of a word that has no number of its own.
    #[must_use]
    pub fn eta(mut self, eta: f64) -> Self {
        self.eta = Some(eta);
        self
    }

    /// Leaves η to the sampler.
    #[must_use]
    pub fn default_eta(mut self) -> Self {
        self.eta = None;
        self
    }

    /// Sets the grid by its name, as in `karras` or `list:80,10,1,0`.
    #[must_use]
    pub fn grid(mut self, name: impl Into<String>) -> Self {
        self.grid = Some(name.into());
        self
    }

    /// Sets the step count of the grid. It replaces a budget.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.count = Count::Steps(steps);
        self
    }

    /// Asks for as many steps as fit into this many network evaluations. It replaces a step count.
    #[must_use]
    pub fn nfe(mut self, evaluations: usize) -> Self {
        self.count = Count::Budget(evaluations);
        self
    }

    /// Leaves the step count to the default, or to the list or the word that brings its own.
    #[must_use]
    pub fn default_steps(mut self) -> Self {
        self.count = Count::Default;
        self
    }

    /// Sets the cleanest noise level before the end, in σ/α.
    #[must_use]
    pub fn sigma_min(mut self, sigma: f64) -> Self {
        self.sigma_min = Some(sigma);
        self
    }

    /// Sets the noise level of the start, in σ/α; infinity is pure noise.
    #[must_use]
    pub fn sigma_max(mut self, sigma: f64) -> Self {
        self.sigma_max = Some(sigma);
        self
    }

    /// Sets both ends of the noise range, in σ/α.
    #[must_use]
    pub fn range(self, sigma_min: f64, sigma_max: f64) -> Self {
        self.sigma_min(sigma_min).sigma_max(sigma_max)
    }

    /// Leaves both ends of the noise range to the defaults.
    #[must_use]
    pub fn default_range(mut self) -> Self {
        (self.sigma_min, self.sigma_max) = (None, None);
        self
    }

    /// Sets the process of the states.
    #[must_use]
    pub fn process(mut self, process: Process) -> Self {
        self.process = Some(process);
        self
    }

    /// Sets the network that the plan is for. The plan stays within the network's trained range, and runs on its process
    /// unless [`process`](Self::process) sets another.
    #[must_use]
    pub fn network(mut self, network: Formulation) -> Self {
        self.network = Some(network);
        self
    }

    /// Forgets what range of noise levels the network was trained on.
    #[must_use]
    pub fn without_trained_range(mut self) -> Self {
        if let Some(network) = &mut self.network {
            network.range = None;
        }
        self
    }

    /// Leaves out the first `steps` steps, and starts from `start`.
    #[must_use]
    pub fn start(mut self, steps: usize, start: Start) -> Self {
        self.first = First::Step(steps, start);
        self
    }

    /// Keeps this share of the steps, at least one, and starts from the input `image`.
    #[must_use]
    pub fn strength(mut self, share: f64) -> Self {
        self.first = First::Share(share);
        self
    }

    /// Applies this map to every denoised prediction before it is used.
    #[must_use]
    pub fn map(mut self, map: Map) -> Self {
        self.map = Some(map);
        self
    }

    /// Guides with the unconditional branch of the network: D = D_u + `weight`·(D_c − D_u).
    #[must_use]
    pub fn guidance(mut self, weight: f64) -> Self {
        self.guidance = Some((weight, None));
        self
    }

    /// Guides as [`guidance`](Self::guidance) does, only at noise levels σ/α from `levels[0]` to `levels[1]`.
    #[must_use]
    pub fn guidance_within(mut self, weight: f64, levels: [f64; 2]) -> Self {
        self.guidance = Some((weight, Some(levels)));
        self
    }
}

impl PartialEq for Request {
    /// Returns whether both requests are written alike, on the same process and for the same network.
    fn eq(&self, other: &Self) -> bool {
        self.words() == other.words() && self.state_process() == other.state_process() && self.network == other.network
    }
}
