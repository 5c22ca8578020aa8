//! What is known of a named sampler: its formula, its options, its source.

use super::Method;
use super::knob::Knob;
use super::settings::Settings;
use crate::error::Result;
use std::fmt;
use std::sync::Arc;

/// What programs need to know about a named sampler before they compile it.
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
    /// Whether the sampler is made for networks that were distilled.
    pub distilled: bool,
    /// Whether every step evaluates the unconditional branch of the network too.
    pub guided: bool,
    /// Whether `recommend` tries the sampler if no samplers are named.
    pub recommended: bool,
    /// The sampler that goes from the data to noise as this one goes from noise to the data.
    pub inverse: &'static str,
    /// The states that its plan needs besides noise; empty for a sampler that starts from noise alone.
    pub inputs: &'static [&'static str],
}

/// A named sampler.
///
/// ```
/// use langevin::sampler::Entry;
/// let entry = Entry::find("dpmpp_2m")?;
/// println!("{entry}"); // formula, options, source
/// assert_eq!(entry.name, "dpmpp-2m");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Its other names.
    pub aliases: &'static [&'static str],
    /// What holds of it.
    pub facts: Facts,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Its formula.
    pub formula: &'static str,
    /// Its moves, as a word of F, R and L.
    pub moves: &'static str,
    /// Its options.
    pub knobs: &'static [Knob],
    /// Where it comes from: arXiv numbers, or the keys of software.
    pub sources: &'static [&'static str],
    /// Which rule of the lint it breaks, and why; empty: none.
    pub breaks: &'static str,
    /// How it differs from the exact integral or from its namesakes; empty: nothing to say.
    pub note: &'static str,
    pub(crate) build: fn(&Settings) -> Result<Arc<dyn Method>>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}
