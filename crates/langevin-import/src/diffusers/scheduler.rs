//! The interface of a scheduler class: its parsed fields, and the tables and the course computed
//! from them.

use super::call::Call;
use super::fields::Fields;
use crate::quirks::Quirk;
use langevin::error::Result;
use langevin::formulation::Formulation;
use langevin::plan::NetworkCall;
use langevin::process::Process;
use langevin::sampler::{Method, Step};
use langevin::space::Map;
use std::fmt;
use std::sync::Arc;

/// The times and noise levels of a run.
///
/// ```
/// use langevin_import::{Call, Diffusers};
/// let config = Diffusers::parse(r#"{"_class_name": "EulerDiscreteScheduler"}"#)?;
/// let tables = config.tables(&Call::steps(4))?;
/// assert_eq!(tables.timesteps, [999.0, 666.0, 333.0, 0.0]);
/// assert_eq!((tables.sigmas.len(), tables.sigmas[4]), (5, 0.0));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Tables {
    /// ᾱ of the training table; empty for schedulers without a table.
    pub alphas_cumprod: Vec<f64>,
    /// Times of the network calls, one for each evaluation of the original.
    pub timesteps: Vec<f64>,
    /// Noise levels, including the last one; empty for schedulers that use only ᾱ.
    pub sigmas: Vec<f64>,
}

impl Tables {
    /// Returns true if a complete run begins with the same time twice. Some originals then start at
    /// the second.
    pub(super) fn begins_twice(&self, call: &Call) -> bool {
        call.start_at.is_none() && self.timesteps.len() > 1 && self.timesteps[0] == self.timesteps[1]
    }

    /// Returns true if the last two levels are equal.
    pub(super) fn ends_twice(&self) -> bool {
        matches!(self.sigmas[..], [.., before, last] if before == last)
    }
}

/// The result of a class's work, from which a plan is compiled.
pub(super) struct Course {
    /// Process whose coordinates the plan uses.
    pub(super) process: Process,
    /// Formulation of the network that the config was saved with.
    pub(super) network: Formulation,
    pub(super) steps: Vec<Step>,
    pub(super) pins: Vec<NetworkCall>,
    /// Standard deviation of the start.
    pub(super) scale: f64,
    pub(super) clip: Option<Map>,
    pub(super) method: Box<dyn Method>,
}

/// The parsed and checked fields of a class.
pub(super) trait Scheduler: fmt::Debug + Send + Sync {
    /// Returns the times and noise levels of a run.
    fn tables(&self, call: &Call) -> Result<Tables>;

    /// Returns the network, the steps and the method of a run with these tables.
    fn course(&self, call: &Call, tables: &Tables) -> Result<Course>;

    /// Checks the fields that only the class's own method uses. Another sampler does not draw noise
    /// with a learned variance, for example.
    fn check_method(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the quirk by which the original raises an error or returns NaN on this run.
    fn fault(&self, _call: &Call, _tables: &Tables) -> Option<&'static Quirk> {
        None
    }
}

/// A scheduler class.
pub(super) struct Class {
    pub(super) name: &'static str,
    /// Parses the fields of the class.
    pub(super) parse: fn(&Fields<'_>) -> Result<Arc<dyn Scheduler>>,
    /// Arguments of `step` and `set_timesteps` that affect the result, except those with a field in
    /// [`Call`].
    pub(super) set: &'static [&'static str],
    /// The quirk that the lint finds in every plan of this class, because of the definition of the
    /// class.
    pub(super) declares: Option<&'static Quirk>,
}

impl Class {
    /// Builds a class without arguments at run time.
    pub(super) const fn new(name: &'static str, parse: fn(&Fields<'_>) -> Result<Arc<dyn Scheduler>>) -> Self {
        Self { name, parse, set: &[], declares: None }
    }

    /// Returns the class with these arguments at run time.
    pub(super) const fn taking(self, set: &'static [&'static str]) -> Self {
        Self { set, ..self }
    }

    /// Returns the class with a quirk that all its plans have.
    pub(super) const fn declaring(self, quirk: &'static Quirk) -> Self {
        Self { declares: Some(quirk), ..self }
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
