//! Schedulers of diffusers, from the `scheduler_config.json` that it saves.
//!
//! ```
//! use langevin_import::{Call, Diffusers};
//! let config = r#"{"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear",
//!     "beta_start": 0.00085, "beta_end": 0.012, "clip_sample": false, "set_alpha_to_one": false,
//!     "steps_offset": 1, "prediction_type": "epsilon"}"#;
//! let plan = Diffusers::parse(config)?.plan(&Call::steps(4))?;
//! println!("{plan}");
//! assert_eq!(plan.nfe(), 4);
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! The fields of a class are parsed once, into a struct with the class's defaults. The import has
//! two stages, which can be checked separately: [`Diffusers::tables`] computes the times and noise
//! levels, and [`Diffusers::plan_with`] compiles the plan from them. The tables have the precision
//! of the originals: float32 where these compute in float32.
//!
//! All facts are those of diffusers 0.42.

mod betas;
mod call;
mod churn;
mod classes;
mod compile;
mod fields;
mod flow;
mod ladder;
mod numbers;
mod parsed;
mod remarks;
mod scheduler;
mod select;
mod shift;
mod sigmas;
mod spacing;
mod table;
mod variance;
mod vp;

use fields::{Document, Fields, meant};
use langevin::error::{Error, Result};
use langevin::plan::Plan;
use langevin::sampler::Sampler;
use parsed::Parsed;
use scheduler::Class;
use std::sync::OnceLock;

pub use call::Call;
pub use scheduler::Tables;

/// A scheduler config that diffusers saved.
///
/// The fields are parsed at their first use. A field with an invalid value is therefore an error of
/// every method that needs the fields.
///
/// ```
/// use langevin_import::{Call, Diffusers};
/// let json = r#"{"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true}"#;
/// let config = Diffusers::parse(json)?;
/// assert_eq!(config.plan(&Call::steps(20))?.nfe(), 20);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Diffusers {
    class: &'static Class,
    document: Document,
    /// The parsed fields.
    parsed: OnceLock<Parsed>,
}

impl Diffusers {
    /// Parses a config: the JSON that diffusers saves, in which `Infinity` and `NaN` may occur.
    ///
    /// ```
    /// use langevin_import::Diffusers;
    /// let config = Diffusers::parse(r#"{"_class_name": "HeunDiscreteScheduler"}"#)?;
    /// assert_eq!(config.class(), "HeunDiscreteScheduler");
    /// let error = Diffusers::parse(r#"{"_class_name": "HeunDiscretScheduler"}"#).unwrap_err();
    /// assert_eq!(error.hint(), Some("did you mean 'HeunDiscreteScheduler'?"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the text is not the JSON of a config, or names a class that cannot be
    /// imported.
    pub fn parse(text: &str) -> Result<Self> {
        let document = fields::parse(text)?;
        let name = Fields::of(&document).class()?;
        match classes::all().find(|class| class.name == name) {
            Some(class) => Ok(Self { class, document, parsed: OnceLock::new() }),
            None => Err(classes::unknown(&name)),
        }
    }

    /// Returns the names of all classes that can be imported.
    ///
    /// ```
    /// assert!(langevin_import::Diffusers::classes().contains(&"DPMSolverMultistepScheduler"));
    /// ```
    #[must_use]
    pub fn classes() -> Vec<&'static str> {
        classes::all().map(|class| class.name).collect()
    }

    /// Returns the name of the class.
    #[must_use]
    pub fn class(&self) -> &'static str {
        self.class.name
    }

    /// Computes the times and noise levels of a run.
    ///
    /// # Errors
    /// Returns an error if a field of the class has an invalid value, or if the class does not
    /// accept the schedule of the call.
    pub fn tables(&self, call: &Call) -> Result<Tables> {
        self.parsed()?.scheduler.tables(call)
    }

    /// Compiles the plan of a run.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`tables`](Self::tables), and if an argument is
    /// unknown, if no steps are left, or if the run cannot be compiled.
    pub fn plan(&self, call: &Call) -> Result<Plan> {
        self.plan_with(call, &self.tables(call)?)
    }

    /// Returns the fields of the config that belong to other classes. Like diffusers, the import
    /// ignores them.
    ///
    /// ```
    /// use langevin_import::Diffusers;
    /// let json = r#"{"_class_name": "DDIMScheduler", "solver_order": 2, "beta_end": 0.012}"#;
    /// let config = Diffusers::parse(json)?;
    /// assert_eq!(config.foreign()?, ["solver_order"]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a field of the class has an invalid value.
    pub fn foreign(&self) -> Result<Vec<String>> {
        Ok(self.parsed()?.foreign.clone())
    }

    /// Returns the fields of the config that no scheduler of diffusers has, each with the known
    /// field that it may be a misspelling of. Like diffusers, the import ignores them.
    ///
    /// ```
    /// use langevin_import::Diffusers;
    /// let json = r#"{"_class_name": "DDIMScheduler", "beta_strat": 0.1, "tensor_format": "pt"}"#;
    /// let config = Diffusers::parse(json)?;
    /// let unknown = config.unknown()?;
    /// assert_eq!(unknown[0], ("beta_strat".to_owned(), Some("beta_start")));
    /// assert_eq!(unknown[1], ("tensor_format".to_owned(), None));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`foreign`](Self::foreign).
    pub fn unknown(&self) -> Result<Vec<(String, Option<&'static str>)>> {
        let unknown = &self.parsed()?.unknown;
        Ok(unknown.iter().map(|name| (name.clone(), meant(name))).collect())
    }

    /// Returns the shift μ of a run, which the call sets or which is computed from the number of
    /// tokens. Returns `None` if the config does not shift by the size of the picture.
    ///
    /// ```
    /// use langevin_import::{Call, Diffusers};
    /// let config = r#"{"_class_name": "FlowMatchEulerDiscreteScheduler",
    ///     "use_dynamic_shifting": true}"#;
    /// let mut call = Call::steps(4);
    /// call.image_seq_len = Some(4096);
    /// let mu = Diffusers::parse(config)?.mu(&call)?.expect("the config has a dynamic shift");
    /// assert!((mu - 1.15).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a field of the class has an invalid value.
    pub fn mu(&self, call: &Call) -> Result<Option<f64>> {
        match &self.parsed()?.picture {
            Some(picture) => picture.mu(call),
            None => Ok(None),
        }
    }

    /// Compiles the plan of a run with the given tables in place of the computed ones.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`plan`](Self::plan).
    pub fn plan_with(&self, call: &Call, tables: &Tables) -> Result<Plan> {
        self.compile(call, tables, None)
    }

    /// Compiles the plan of another sampler with the times, noise levels and network of this
    /// config.
    ///
    /// A level that occurs twice in the config's own method is visited once. If the last step has
    /// length zero, it ends at clean data instead.
    ///
    /// ```
    /// use langevin::Sampler;
    /// use langevin_import::diffusers::{Call, Diffusers};
    /// let config = r#"{"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true}"#;
    /// let sampler = Sampler::parse("unipc", None)?;
    /// let plan = Diffusers::parse(config)?.plan_as(&Call::steps(10), &sampler)?;
    /// assert_eq!((plan.name(), plan.nfe()), ("unipc", 10));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`plan`](Self::plan).
    pub fn plan_as(&self, call: &Call, sampler: &Sampler) -> Result<Plan> {
        let whole = Call { start_at: None, ..call.clone() };
        self.compile(call, &self.tables(&whole)?, Some(sampler))
    }

    /// Returns the parsed fields; they are parsed at the first use.
    fn parsed(&self) -> Result<&Parsed> {
        if let Some(parsed) = self.parsed.get() {
            return Ok(parsed);
        }
        let parsed = Parsed::new(self.class, &self.document)?;
        Ok(self.parsed.get_or_init(|| parsed))
    }

    fn compile(&self, call: &Call, tables: &Tables, sampler: Option<&Sampler>) -> Result<Plan> {
        if let Some(key) = call.set.keys().find(|key| !self.class.set.contains(&key.as_str())) {
            return Err(Error::unknown("argument", key, self.class.set).at(self.class.name));
        }
        let parsed = self.parsed()?;
        if call.strict {
            parsed.refuse_unknown(self.class.name)?;
        }
        compile::compile(self.class, parsed.scheduler.as_ref(), call, tables, sampler)
    }
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;
