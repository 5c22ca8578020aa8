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
//! The fields of a class are parsed once, into a struct of its own with the class's defaults. Two parts
//! follow from it, so that either can be checked alone: [`Diffusers::tables`] computes the times and noise
//! levels, [`Diffusers::plan_with`] makes the plan from them. The tables have the precision of the
//! originals: float32 where those compute in float32.
//!
//! Facts of diffusers 0.42.

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
/// Its fields are parsed once, at their first use. A field whose value cannot be used is an error of every
/// method that needs the fields.
#[derive(Clone, Debug)]
pub struct Diffusers {
    class: &'static Class,
    document: Document,
    /// The fields, parsed at their first use.
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
    /// Returns an error if the text is not the JSON of a config, or names a class that cannot be imported.
    pub fn parse(text: &str) -> Result<Self> {
        let document = fields::parse(text)?;
        let name = Fields::of(&document).class()?;
        match classes::all().find(|class| class.name == name) {
            Some(class) => Ok(Self { class, document, parsed: OnceLock::new() }),
            None => Err(classes::unknown(&name)),
        }
    }

    /// Returns the name of every class that can be imported.
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
    /// Returns an error if a field of the class has a value that cannot be used, or if the call gives a
    /// schedule that the class does not take.
    pub fn tables(&self, call: &Call) -> Result<Tables> {
        self.parsed()?.scheduler.tables(call)
    }

    /// Compiles the plan of a run.
    ///
    /// # Errors
    /// Returns the errors of [`tables`](Self::tables), and an error if a setting is unknown, if no steps are
    /// left, or if the run cannot be compiled.
    pub fn plan(&self, call: &Call) -> Result<Plan> {
        self.plan_with(call, &self.tables(call)?)
    }

    /// Returns the fields of the config that belong to other classes, and that this one passes over, as
    /// diffusers does.
    ///
    /// ```
    /// use langevin_import::Diffusers;
    /// let config = Diffusers::parse(r#"{"_class_name": "DDIMScheduler", "solver_order": 2, "beta_end": 0.012}"#)?;
    /// assert_eq!(config.foreign()?, ["solver_order"]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a field of the class has a value that cannot be used.
    pub fn foreign(&self) -> Result<Vec<String>> {
        Ok(self.parsed()?.foreign.clone())
    }

    /// Returns the fields of the config that no scheduler of diffusers has, which it passes over, and the
    /// field that each may be a slip of.
    ///
    /// ```
    /// use langevin_import::Diffusers;
    /// let config = Diffusers::parse(r#"{"_class_name": "DDIMScheduler", "beta_strat": 0.1, "tensor_format": "pt"}"#)?;
    /// let unknown = config.unknown()?;
    /// assert_eq!(unknown[0], ("beta_strat".to_owned(), Some("beta_start")));
    /// assert_eq!(unknown[1], ("tensor_format".to_owned(), None));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`foreign`](Self::foreign).
    pub fn unknown(&self) -> Result<Vec<(String, Option<&'static str>)>> {
        let unknown = &self.parsed()?.unknown;
        Ok(unknown.iter().map(|name| (name.clone(), meant(name))).collect())
    }

    /// Returns the μ of a run, which the call gives or which is made from the number of tokens. `None` if the
    /// config does not shift by the size of the picture.
    ///
    /// # Errors
    /// Returns an error if a field of the class has a value that cannot be used.
    pub fn mu(&self, call: &Call) -> Result<Option<f64>> {
        match &self.parsed()?.picture {
            Some(picture) => picture.mu(call),
            None => Ok(None),
        }
    }

    /// Compiles the plan of a run with these tables in place of the computed ones.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn plan_with(&self, call: &Call, tables: &Tables) -> Result<Plan> {
        self.compile(call, tables, None)
    }

    /// Compiles the plan of another sampler on the times, noise levels and network of this config.
    ///
    /// A level that the config's own method visits twice is visited once. If the last step has no length, it
    /// ends at clean data instead.
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

    /// Returns the fields of the config, which are parsed at the first use.
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
