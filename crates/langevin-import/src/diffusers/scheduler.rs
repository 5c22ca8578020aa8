//! What a class of schedulers is: its fields, parsed, and the tables and the course that follow from them.

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
    /// ᾱ of the training table; empty where the scheduler has no table.
    pub alphas_cumprod: Vec<f64>,
    /// The times that the network is called with, one for each evaluation of the original.
    pub timesteps: Vec<f64>,
    /// The noise levels, the last one included; empty where the scheduler goes by ᾱ alone.
    pub sigmas: Vec<f64>,
}

impl Tables {
    /// Whether a whole run begins with the same time twice: some originals then start at the second.
    pub(super) fn begins_twice(&self, call: &Call) -> bool {
        call.start_at.is_none() && self.timesteps.len() > 1 && self.timesteps[0] == self.timesteps[1]
    }

    /// Whether the last two levels are one.
    pub(super) fn ends_twice(&self) -> bool {
        matches!(self.sigmas[..], [.., before, last] if before == last)
    }
}

/// What a scheduler compiles to: the work of one class.
pub(super) struct Course {
    /// The process in whose coordinates the plan is.
    pub(super) process: Process,
    /// The network that the config was saved with.
    pub(super) network: Formulation,
    pub(super) steps: Vec<Step>,
    pub(super) pins: Vec<NetworkCall>,
    /// The standard deviation of the start.
    pub(super) scale: f64,
    pub(super) clip: Option<Map>,
    pub(super) method: Box<dyn Method>,
}

/// The fields of a class, parsed and checked.
pub(super) trait Scheduler: fmt::Debug + Send + Sync {
    /// The times and noise levels of a run.
    fn tables(&self, call: &Call) -> Result<Tables>;

    /// The network, the steps and the method of a run with these tables.
    fn course(&self, call: &Call, tables: &Tables) -> Result<Course>;

    /// Refuses fields that only the class's own method cannot do: another sampler draws no noise of a learned
    /// variance.
    fn check_method(&self) -> Result<()> {
        Ok(())
    }

    /// The quirk by which the original raises or ends in NaN on this run.
    fn fault(&self, _call: &Call, _tables: &Tables) -> Option<&'static Quirk> {
        None
    }
}

/// One class of schedulers.
pub(super) struct Class {
    pub(super) name: &'static str,
    /// Parses the fields of the class.
    pub(super) parse: fn(&Fields<'_>) -> Result<Arc<dyn Scheduler>>,
    /// The arguments of `step` and `set_timesteps` that change the mathematics, but for those that a call has
    /// fields for.
    pub(super) set: &'static [&'static str],
    /// The quirk that the lint finds in every plan of this class, because the class is made so.
    pub(super) declares: Option<&'static Quirk>,
}

impl Class {
    /// A class without arguments at run time.
    pub(super) const fn new(name: &'static str, parse: fn(&Fields<'_>) -> Result<Arc<dyn Scheduler>>) -> Self {
        Self { name, parse, set: &[], declares: None }
    }

    /// The class with these arguments at run time.
    pub(super) const fn taking(self, set: &'static [&'static str]) -> Self {
        Self { set, ..self }
    }

    /// The class whose plans all have this quirk.
    pub(super) const fn declaring(self, quirk: &'static Quirk) -> Self {
        Self { declares: Some(quirk), ..self }
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
