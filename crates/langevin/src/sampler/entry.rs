//! The description of a named sampler: its formula, options and sources.

use super::Method;
use super::knob::Knob;
use super::settings::Settings;
use crate::error::Result;
use std::fmt;
use std::sync::Arc;

/// Properties of a named sampler that programs need before they compile it.
///
/// ```
/// use langevin::sampler::Entry;
/// let lcm = Entry::find("lcm")?.facts;
/// assert!(lcm.distilled && !lcm.recommended && !lcm.guided);
/// assert_eq!(Entry::find("dpmpp-2m")?.facts.inverse, "dpmpp-2m-inversion");
/// assert_eq!(Entry::find("repaint")?.facts.inputs, ["image", "mask"]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// True if the sampler is made for distilled networks.
    pub distilled: bool,
    /// True if every step also evaluates the unconditional branch of the network.
    pub guided: bool,
    /// True if `recommend` tries the sampler when no samplers are named.
    pub recommended: bool,
    /// The sampler from data to noise that inverts this one.
    pub inverse: &'static str,
    /// The states that the plan needs besides noise; empty for a sampler that starts from noise
    /// alone.
    pub inputs: &'static [&'static str],
}

/// A named sampler, with its description.
///
/// ```
/// use langevin::sampler::Entry;
/// let entry = Entry::find("dpmpp_2m")?;
/// assert_eq!(entry.name, "dpmpp-2m");
/// assert!(entry.knobs.iter().any(|knob| knob.key == "solver"));
/// // Printed, an entry shows its formula, options and source.
/// assert!(entry.to_string().contains("2211.01095"));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// The other names.
    pub aliases: &'static [&'static str],
    /// The properties that programs need.
    pub facts: Facts,
    /// A summary of one line.
    pub summary: &'static str,
    /// The formula.
    pub formula: &'static str,
    /// The moves, as a word of F, R and L.
    pub moves: &'static str,
    /// The options.
    pub knobs: &'static [Knob],
    /// The sources: arXiv numbers, or the keys of software.
    pub sources: &'static [&'static str],
    /// The lint rule that the sampler violates, and the reason; empty if it violates none.
    pub breaks: &'static str,
    /// The difference from the exact integral or from samplers with the same name; empty if there
    /// is none to report.
    pub note: &'static str,
    pub(crate) build: fn(&Settings) -> Result<Arc<dyn Method>>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}
