//! The catalogue of named samplers.

use super::knob::{Knob, Settings};
use super::names::ENTRIES;
use super::{Net, cite};
use crate::plan::{Plan, Rule};
use crate::space::StateSpace;
use langevin::{Error, Result};
use std::fmt;

/// The kinds of noise that a sampler serves.
///
/// ```
/// use langevin_discrete::sampler::{Entry, Noises};
/// assert_eq!(Entry::find("gibbs")?.noises, Noises::Unmasked);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Noises {
    /// Every noise.
    Any,
    /// Masked noise only.
    Masked,
    /// Uniform noise and priors, not masked noise.
    Unmasked,
}

impl Noises {
    /// Returns true if the space has a noise of these kinds.
    #[must_use]
    pub fn serve(self, space: &StateSpace) -> bool {
        match self {
            Self::Any => true,
            Self::Masked => space.is_masked(),
            Self::Unmasked => !space.is_masked(),
        }
    }
}

impl fmt::Display for Noises {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "masked, uniform, prior",
            Self::Masked => "masked",
            Self::Unmasked => "uniform, prior",
        })
    }
}

/// A named sampler, with its description.
///
/// ```
/// use langevin_discrete::sampler::Entry;
/// let entry = Entry::find("LLaDA")?;
/// assert_eq!(entry.name, "confidence");
/// assert!(entry.to_string().contains("2502.09992"));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// The other names.
    pub aliases: &'static [&'static str],
    /// The noises that the sampler serves.
    pub noises: Noises,
    /// A summary of one line.
    pub summary: &'static str,
    /// The formula of one step.
    pub formula: &'static str,
    /// The options.
    pub knobs: &'static [Knob],
    /// The sources, as arXiv numbers.
    pub sources: &'static [&'static str],
    /// The lint rules that the sampler violates by construction.
    pub breaks: &'static [Rule],
    /// The exactness, and differences from samplers with the same name; may be empty.
    pub note: &'static str,
    pub(crate) build: fn(&StateSpace, Net, &Settings) -> Result<Plan>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Returns the spelling of a name in the catalogue: small letters, with `-` for `_` and blanks.
fn spelled(name: &str) -> String {
    name.trim().to_lowercase().replace(['_', ' '], "-")
}

impl Entry {
    /// Returns all named samplers, in the order in which they are shown.
    ///
    /// ```
    /// use langevin_discrete::sampler::Entry;
    /// assert!(Entry::all().iter().all(|entry| !entry.sources.is_empty()));
    /// ```
    #[must_use]
    pub fn all() -> &'static [Entry] {
        ENTRIES
    }

    /// Returns the sampler with this name or alias. Case does not matter, and `_`, a blank and `-`
    /// are equivalent.
    ///
    /// ```
    /// use langevin_discrete::sampler::Entry;
    /// assert_eq!(Entry::find("maskgit")?.name, "confidence");
    /// let error = Entry::find("ancestrl").unwrap_err().to_string();
    /// assert!(error.contains("did you mean 'ancestral'?"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error with the nearest known name if the name is unknown.
    pub fn find(name: &str) -> Result<&'static Entry> {
        let wanted = spelled(name);
        let found = ENTRIES.iter().find(|entry| entry.name == wanted || entry.aliases.contains(&wanted.as_str()));
        found.ok_or_else(|| {
            let known: Vec<&str> =
                ENTRIES.iter().flat_map(|entry| std::iter::once(&entry.name).chain(entry.aliases)).copied().collect();
            Error::unknown("sampler", name, &known)
        })
    }
}

/// Returns the description of a sampler: its formula, options, noises, lint rules and sources.
///
/// ```
/// let text = langevin_discrete::sampler::explain("bd3-lm")?;
/// assert!(text.starts_with("blocks: "));
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error with the nearest known name if the name is unknown.
pub fn explain(name: &str) -> Result<String> {
    Ok(Entry::find(name)?.to_string())
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.name, self.summary)?;
        if !self.aliases.is_empty() {
            writeln!(f, "also       {}", self.aliases.join(", "))?;
        }
        writeln!(f, "formula    {}", self.formula)?;
        writeln!(f, "noise      {}", self.noises)?;
        let written = |knob: &Knob| match knob.default {
            "" => knob.key.to_owned(),
            default => format!("{}={default}", knob.key),
        };
        let width = self.knobs.iter().map(|knob| written(knob).len()).max().unwrap_or(0);
        for (index, knob) in self.knobs.iter().enumerate() {
            let given = written(knob);
            let head = if index == 0 { "options" } else { "" };
            writeln!(f, "{head:<10} {given:<width$}  {} ({})", knob.meaning, knob.range())?;
        }
        if !self.note.is_empty() {
            writeln!(f, "exactness  {}", self.note)?;
        }
        for rule in self.breaks {
            writeln!(f, "lint       {rule}: {}", rule.meaning())?;
        }
        let sources: Vec<String> = self.sources.iter().map(|key| cite::short(key)).collect();
        writeln!(f, "source     {}", sources.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_sources_are_known() {
        let mut seen = std::collections::BTreeSet::new();
        for entry in Entry::all() {
            for name in std::iter::once(&entry.name).chain(entry.aliases) {
                assert!(seen.insert(*name), "{name} is used twice");
                assert_eq!(spelled(name), *name);
                assert_eq!(Entry::find(name).unwrap().name, entry.name);
            }
            for key in entry.sources {
                assert!(cite::short(key).contains("arXiv"), "{}: {key}", entry.name);
            }
            for knob in entry.knobs {
                assert!(crate::request::WORDS.contains(&knob.key), "{}", knob.key);
            }
            assert!(entry.to_string().lines().all(|line| !line.ends_with(' ')), "{entry}");
        }
    }
}
