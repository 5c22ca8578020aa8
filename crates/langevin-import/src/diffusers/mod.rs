//! Schedulers of diffusers, from the `scheduler_config.json` that it saves.
//!
//! ```
//! use langevin_import::{Call, Diffusers};
//! let config = r#"{"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
//!     "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1, "prediction_type": "epsilon"}"#;
//! let plan = Diffusers::parse(config)?.plan(&Call::steps(4))?;
//! println!("{plan}");
//! assert_eq!(plan.nfe(), 4);
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! Two parts, so that either can be checked alone: [`Diffusers::tables`] computes the times and noise levels, [`Diffusers::plan_with`] makes the plan from them.
//! The tables have the precision of the originals: float32 where those compute in float32.
//!
//! Facts of diffusers 0.42.

mod cogvideox;
mod config;
mod consistency;
mod corrected;
mod discrete;
mod distilled;
mod dpm;
mod edm;
mod flow;
mod paired;
mod pndm;
mod quirks;
mod remarks;
mod repaint;
mod sigma;
mod sigmas;
mod table;
mod vp;
mod wuerstchen;

use config::Config;
use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::plan::{NetworkCall, Plan};
use langevin::process::{Level, Process};
use langevin::sampler::{Method, Sampler, Start, Step};
use langevin::space::Map;
use serde_json::Value;
use std::collections::BTreeMap;

/// A scheduler as it was saved.
#[derive(Clone, Debug)]
pub struct Diffusers {
    class: &'static Class,
    config: Config,
}

/// What a caller of the original says at run time.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// The number of steps, `num_inference_steps`.
    pub steps: Option<usize>,
    /// `timesteps`, in place of a number of steps.
    pub timesteps: Option<Vec<f64>>,
    /// `sigmas`, in place of a number of steps.
    pub sigmas: Option<Vec<f64>>,
    /// `mu` of dynamic shifting.
    pub mu: Option<f64>,
    /// What `step` is given at every step: `eta`, `s_churn`, `use_clipped_model_output` and so on.
    pub set: BTreeMap<String, Value>,
    /// Leaves this many steps out, and starts from the input `init`.
    pub start_at: Option<usize>,
    /// With `start_at`: starts from the input `image` instead, clean data, and noises it to that level.
    pub image: bool,
    /// Mends what is known to be wrong.
    pub consistent: bool,
    /// The number of tokens of the picture, from which a config with dynamic shifting makes μ as its pipeline does:
    /// `base_shift` at `base_image_seq_len`, `max_shift` at `max_image_seq_len`, and linear between and beyond. The levels of
    /// a flow are then those that pipelines give, n numbers evenly spaced from 1 to 1/n.
    pub image_seq_len: Option<usize>,
    /// Refuses fields that no scheduler has; otherwise they are passed over, as in diffusers.
    pub strict: bool,
}

impl Call {
    /// This many steps, and nothing else.
    #[must_use]
    pub fn steps(steps: usize) -> Self {
        Self { steps: Some(steps), ..Self::default() }
    }
}

/// The times and noise levels of a run.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Tables {
    /// ᾱ of the training, where the scheduler has one.
    pub alphas_cumprod: Vec<f64>,
    /// The time the network is given, one for each evaluation that the original asks for.
    pub timesteps: Vec<f64>,
    /// The noise levels, with the last one; empty where the scheduler goes by ᾱ alone.
    pub sigmas: Vec<f64>,
}

/// What a scheduler compiles to: the work of one class.
struct Course {
    /// The process in whose coordinates the plan is.
    process: Process,
    /// The network that the config was saved with.
    network: Formulation,
    steps: Vec<Step>,
    pins: Vec<NetworkCall>,
    /// The standard deviation of the start.
    scale: f64,
    clip: Option<Map>,
    method: Box<dyn Method>,
}

/// One class of schedulers.
struct Class {
    name: &'static str,
    tables: fn(&Config, &Call) -> Result<Tables>,
    course: fn(&Config, &Call, &Tables) -> Result<Course>,
    /// The arguments of `step` and `set_timesteps` that change the mathematics, but for those that a call has fields for.
    set: &'static [&'static str],
}

impl std::fmt::Debug for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every class that can be read.
const CLASSES: &[&[Class]] = &[
    discrete::CLASSES,
    pndm::CLASSES,
    distilled::CLASSES,
    cogvideox::CLASSES,
    repaint::CLASSES,
    dpm::CLASSES,
    corrected::CLASSES,
    flow::CLASSES,
    edm::CLASSES,
    sigma::CLASSES,
    paired::CLASSES,
    consistency::CLASSES,
    wuerstchen::CLASSES,
];

/// (class, why it is not imported, what instead).
const REFUSED: &[(&[&str], &str, &str)] = &[
    (
        &[
            "AmusedScheduler",
            "BlockRefinementScheduler",
            "DiscreteDDIMScheduler",
            "EntropyBoundScheduler",
            "VQDiffusionScheduler",
        ],
        "its states are tokens, not numbers",
        "there is no plan for it",
    ),
    (
        &["FlowMapEulerDiscreteScheduler"],
        "its network is given two times, where it stands and where it goes",
        "a plan gives one; FlowMatchEulerDiscreteScheduler is the same step for a network of one time",
    ),
    (
        &["HeliosScheduler", "HeliosDMDScheduler"],
        "it enlarges the picture between its stages",
        "import the scheduler of one stage",
    ),
    (
        &["PiflowScheduler", "ConsistencyDecoderScheduler", "MiniMaxH3Scheduler", "RFD4ProteinaScheduler"],
        "it belongs to one network, whose outputs its config does not describe",
        "write its plan with the library's own samplers",
    ),
    (
        &["ScoreSdeVeScheduler"],
        "the step of its corrector depends on the state",
        "use --process ve with a word of R and L",
    ),
    (
        &["ScoreSdeVpScheduler", "KarrasVeScheduler"],
        "diffusers has given it up",
        "use --process vp-linear, or --process ve with --sampler heun",
    ),
];

/// A class that cannot be read: why, or which is nearest, and all that can.
fn unknown(name: &str) -> Error {
    let short = |name: &'static str| name.trim_end_matches("Scheduler");
    let known = Diffusers::classes();
    if let Some((_, why, instead)) = REFUSED.iter().find(|(names, ..)| names.contains(&name)) {
        return Error::argument(format!("{name} cannot be imported: {why}")).at("_class_name").hinting(*instead);
    }
    let near = Error::unknown("scheduler class", name, &known).hint().map(str::to_owned);
    let known: Vec<&str> = known.into_iter().map(short).collect();
    Error::unknown("scheduler class", name, &[])
        .at("_class_name")
        .expected(format!("one of these with Scheduler after it: {}", known.join(", ")))
        .hinting(near.unwrap_or_else(|| "the class as diffusers writes it, EulerDiscreteScheduler for instance".into()))
}

impl Diffusers {
    /// Reads a config: the JSON that diffusers saves, in which `Infinity` and `NaN` may occur.
    ///
    /// # Errors
    /// Text that is no such JSON, a class that is not known, or fields that the class does not have.
    pub fn parse(text: &str) -> Result<Self> {
        let config = Config::parse(text)?;
        let name = config.class()?;
        match CLASSES.iter().copied().flatten().find(|class| class.name == name) {
            Some(class) => Ok(Self { class, config }),
            None => Err(unknown(&name)),
        }
    }

    /// Every class that can be read.
    #[must_use]
    pub fn classes() -> Vec<&'static str> {
        CLASSES.iter().copied().flatten().map(|class| class.name).collect()
    }

    /// The class.
    #[must_use]
    pub fn class(&self) -> &'static str {
        self.class.name
    }

    /// The times and noise levels of a run.
    ///
    /// # Errors
    /// Fields that are unknown or not supported, all of them named; or a number of steps that cannot be.
    pub fn tables(&self, call: &Call) -> Result<Tables> {
        (self.class.tables)(&self.config, call)
    }

    /// The plan of a run.
    ///
    /// # Errors
    /// As [`tables`](Self::tables), and what compiling meets.
    pub fn plan(&self, call: &Call) -> Result<Plan> {
        self.plan_with(call, &self.tables(call)?)
    }

    /// The fields of the config that belong to other classes, and that this one passes over, as diffusers does.
    ///
    /// # Errors
    /// As [`tables`](Self::tables).
    pub fn foreign(&self, call: &Call) -> Result<Vec<String>> {
        Ok(self.passed_over(call)?.0)
    }

    /// The fields of the config that no scheduler of diffusers has, which it passes over, and the field that each may be a
    /// slip of.
    ///
    /// ```
    /// use langevin_import::{Call, Diffusers};
    /// let config = Diffusers::parse(r#"{"_class_name": "DDIMScheduler", "beta_strat": 0.1, "tensor_format": "pt"}"#)?;
    /// let unknown = config.unknown(&Call::steps(4))?;
    /// assert_eq!(unknown[0], ("beta_strat".to_owned(), Some("beta_start")));
    /// assert_eq!(unknown[1], ("tensor_format".to_owned(), None));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`tables`](Self::tables).
    pub fn unknown(&self, call: &Call) -> Result<Vec<(String, Option<&'static str>)>> {
        let unknown = self.passed_over(call)?.1;
        Ok(unknown
            .into_iter()
            .map(|name| {
                let near = Config::meant(&name);
                (name, near)
            })
            .collect())
    }

    /// The μ of a run, given or made from the number of tokens; `None` where the config does not shift by the picture's size.
    ///
    /// # Errors
    /// Fields that cannot be used.
    pub fn mu(&self, call: &Call) -> Result<Option<f64>> {
        let config = self.config.fresh();
        if !config.flag("use_dynamic_shifting", false)? {
            return Ok(None);
        }
        corrected::mu(&config, call)
    }

    fn passed_over(&self, call: &Call) -> Result<(Vec<String>, Vec<String>)> {
        // What a run leaves out, and a variance that another sampler does not draw, change nothing about the fields.
        let config = self.config.fresh().without_learned_variance();
        let whole = Call { start_at: None, ..call.clone() };
        let tables = (self.class.tables)(&config, &whole)?;
        (self.class.course)(&config, &whole, &tables)?;
        Ok(config.unread())
    }

    /// The plan of a run with these tables in place of the computed ones.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn plan_with(&self, call: &Call, tables: &Tables) -> Result<Plan> {
        self.compile(call, tables, None)
    }

    /// The plan of another sampler on the times, noise levels and network of this config: any sampler in any pipeline.
    ///
    /// A level that the config's own method visits twice is visited once, and an end that is the last level itself becomes clean data: elsewhere a step of no length is 0/0.
    ///
    /// ```
    /// use langevin::Sampler;
    /// use langevin_import::diffusers::{Call, Diffusers};
    /// let config = r#"{"_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear"}"#;
    /// let plan = Diffusers::parse(config)?.plan_as(&Call::steps(10), &Sampler::parse("unipc", None)?)?;
    /// assert_eq!((plan.name(), plan.nfe()), ("unipc", 10));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn plan_as(&self, call: &Call, sampler: &Sampler) -> Result<Plan> {
        let whole = Call { start_at: None, ..call.clone() };
        self.compile(call, &self.tables(&whole)?, Some(sampler))
    }

    fn compile(&self, call: &Call, tables: &Tables, sampler: Option<&Sampler>) -> Result<Plan> {
        if let Some(key) = call.set.keys().find(|key| !self.class.set.contains(&key.as_str())) {
            return Err(Error::unknown("argument", key, self.class.set).at(self.class.name));
        }
        let mut config = self.config.fresh();
        // What a class does where a run begins later belongs to its own method.
        let whole = Call { start_at: None, ..call.clone() };
        let course_call = if sampler.is_some() { &whole } else { call };
        if sampler.is_some() {
            config = config.without_learned_variance();
        }
        let mut course = (self.class.course)(&config, course_call, tables)?;
        // The tables read their own fields; together they must have read all.
        (self.class.tables)(&config, course_call).ok();
        if call.strict {
            config.refuse_unknown(self.class.name)?;
        }
        if sampler.is_some() {
            course.steps = without_standing(&course.steps);
        }
        let first = call.start_at.unwrap_or(0);
        if first >= course.steps.len() {
            return Err(Error::argument("nothing is left of the run")
                .at("start_at")
                .expected(format!("fewer than {} steps left out", course.steps.len()))
                .got(first.to_string()));
        }
        let own = Sampler::of(self.class.name.trim_end_matches("Scheduler"), course.method);
        let rises = sampler.unwrap_or(&own).rises();
        if let (Some(other), Some(step)) =
            (sampler, course.steps.iter().find(|step| step.from.sigma_ve() < step.to.sigma_ve()))
            && !rises
        {
            return Err(Error::argument(format!("{} only goes down the noise levels", other.name()))
                .at(self.class.name)
                .expected("a sampler of inversions: ddim-inversion, dpmpp-2m-inversion")
                .got(format!("a step from σ/α = {} up to {}", step.from.sigma_ve(), step.to.sigma_ve())));
        }
        let start = match call.start_at {
            Some(_) if call.image && !rises => Start::Image,
            None if !rises => Start::Noise,
            _ => Start::State,
        };
        let sampler = sampler.unwrap_or(&own);
        let mut compiling =
            sampler.on_steps(&course.process, &course.steps).network(&course.network).calls(&course.pins);
        if !call.consistent {
            compiling = compiling.start_scale(course.scale);
        }
        if let Some(map) = course.clip {
            compiling = compiling.map(map);
        }
        compiling.start(first, start).compile()
    }
}

/// Steps down without those of no length; see [`Diffusers::plan_as`].
fn without_standing(steps: &[Step]) -> Vec<Step> {
    let falls = |step: &Step| step.from.sigma_ve() > step.to.sigma_ve();
    if steps.iter().all(falls) || !steps.iter().any(falls) {
        return steps.to_vec();
    }
    let mut levels: Vec<Level> = steps.iter().map(|step| step.from).collect();
    levels.dedup_by(|next, before| next.sigma_ve() >= before.sigma_ve());
    let last = levels.last().map_or(0.0, Level::sigma_ve);
    let end = steps.last().map(|step| step.to).filter(|end| end.sigma_ve() < last);
    levels.push(end.unwrap_or(Level { time: 0.0, alpha: 1.0, sigma: 0.0 }));
    levels.windows(2).map(|pair| Step { from: pair[0], to: pair[1] }).collect()
}

/// A number given at run time.
fn number(call: &Call, key: &str, default: f64) -> Result<f64> {
    match call.set.get(key) {
        None => Ok(default),
        Some(value) => config::as_number(value).ok_or_else(|| {
            Error::argument("bad argument").at(key.to_owned()).expected("a number").got(value.to_string())
        }),
    }
}

/// A whole number given at run time.
fn whole(call: &Call, key: &str, default: usize, range: std::ops::RangeInclusive<usize>) -> Result<usize> {
    let Some(value) = call.set.get(key) else { return Ok(default) };
    let found = value.as_u64().map(|value| value as usize).filter(|value| range.contains(value));
    found.ok_or_else(|| {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        Error::argument("bad argument").at(key.to_owned()).expected(expected).got(value.to_string())
    })
}

/// A switch given at run time.
fn flag(call: &Call, key: &str) -> Result<bool> {
    match call.set.get(key) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(value) => {
            Err(Error::argument("bad argument").at(key.to_owned()).expected("true or false").got(value.to_string()))
        }
    }
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;
