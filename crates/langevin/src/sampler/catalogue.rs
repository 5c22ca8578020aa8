//! What is known of a named sampler: its formula, its options, its source.

use super::Method;
use super::names::{self, elsewhere};
use super::settings::Settings;
use crate::error::{Error, Result};
use std::fmt;
use std::sync::Arc;

/// What an option may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Values {
    /// A finite number in this range; `inf` where the range has no end.
    Number(f64, f64),
    /// A whole number in this range.
    Whole(usize, usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// Whole numbers joined by `+`, or nothing.
    List,
}

/// One option of a named sampler, given as `name:key=value`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Knob {
    /// Its key.
    pub key: &'static str,
    /// Its value where none is given.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    pub(crate) values: Values,
}

impl Knob {
    /// Checks a value; what was expected where it does not fit.
    pub(crate) fn check(&self, value: &str) -> Result<(), String> {
        let fits = match self.values {
            Values::Number(min, max) => {
                let number = if value == "inf" { Some(f64::INFINITY) } else { value.parse::<f64>().ok() };
                number.is_some_and(|number| (min..=max).contains(&number) && (number.is_finite() || value == "inf"))
            }
            Values::Whole(min, max) => value.parse().is_ok_and(|number| (min..=max).contains(&number)),
            Values::Word(words) => words.contains(&value),
            Values::Flag => matches!(value, "true" | "false"),
            Values::List => {
                value.is_empty() || value.len() < 1000 && value.split('+').all(|part| part.parse::<usize>().is_ok())
            }
        };
        if fits { Ok(()) } else { Err(self.range()) }
    }

    /// What it may be, in words.
    #[must_use]
    pub fn range(&self) -> String {
        match self.values {
            Values::Number(min, f64::INFINITY) => format!("a number ≥ {min}"),
            Values::Number(min, max) => format!("a number from {min} to {max}"),
            Values::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Values::Word(words) => words.join(", "),
            Values::Flag => "true or false".into(),
            Values::List => "whole numbers joined by +".into(),
        }
    }
}

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

impl Entry {
    /// All named samplers, in the order in which they are shown.
    #[must_use]
    pub fn all() -> &'static [Entry] {
        names::ENTRIES
    }

    /// The sampler of this name or alias; `_`, a blank and `-` are the same. Names of k-diffusion, ComfyUI and diffusers' schedulers are found too, as
    /// `sample_dpmpp_2m`, `dpmpp_2m_sde_gpu`, `DPMSolverMultistepScheduler`.
    ///
    /// # Errors
    /// An unknown name, with the nearest known one; one that has no table here, with what to use.
    pub fn find(name: &str) -> Result<&'static Entry> {
        let wanted = elsewhere::spelled(name);
        let known = |name: &str| names::ENTRIES.iter().find(|entry| entry.is_called(name));
        let found = elsewhere::ours(&wanted).find_map(known);
        found.ok_or_else(|| {
            if let Some((why, instead)) = elsewhere::absent(&wanted) {
                return Error::argument(format!("'{}' has no table here: {why}", name.trim())).hinting(instead);
            }
            let known: Vec<&str> = names::ENTRIES
                .iter()
                .flat_map(|entry| std::iter::once(&entry.name).chain(entry.aliases))
                .copied()
                .collect();
            Error::unknown("sampler", name, &known)
        })
    }

    /// Returns the sampler of exactly this name or alias; `None` for any other name, such as that of a plan or of another
    /// library's scheduler.
    ///
    /// ```
    /// use langevin::sampler::Entry;
    /// assert!(Entry::named("dpmpp-2m").is_some() && Entry::named("DPMSolverMultistepScheduler").is_none());
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Entry> {
        names::ENTRIES.iter().find(|entry| entry.name == name || entry.aliases.contains(&name))
    }

    /// Whether this is its name or an alias, spelled as ours are.
    pub(crate) fn is_called(&self, spelled: &str) -> bool {
        let mut names = std::iter::once(&self.name).chain(self.aliases);
        names.any(|name| *name == spelled || name.contains('+') && elsewhere::spelled(name) == spelled)
    }

    /// The schedulers of diffusers that are this sampler with the options that they have by themselves.
    pub fn schedulers(&self) -> impl Iterator<Item = String> + '_ {
        let own = elsewhere::SCHEDULERS.iter().filter(|(_, ours)| *ours == self.name);
        own.map(|(class, _)| format!("{class}Scheduler"))
    }

    /// The BibTeX of its sources.
    #[must_use]
    pub fn bibtex(&self) -> String {
        let of = |key: &&str| super::cite::bibtex(key);
        self.sources.iter().map(of).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.name, self.summary)?;
        if !self.aliases.is_empty() {
            writeln!(f, "also       {}", self.aliases.join(", "))?;
        }
        let schedulers: Vec<String> = self.schedulers().collect();
        if !schedulers.is_empty() {
            writeln!(f, "diffusers  {}", schedulers.join(", "))?;
        }
        for (index, line) in self.formula.lines().enumerate() {
            writeln!(f, "{:<10} {}", if index == 0 { "formula" } else { "" }, line.trim())?;
        }
        writeln!(f, "moves      {}", self.moves)?;
        let width = self.knobs.iter().map(|knob| knob.key.len() + 1 + knob.default.len()).max().unwrap_or(0);
        for (index, knob) in self.knobs.iter().enumerate() {
            let given = format!("{}={}", knob.key, knob.default);
            let head = if index == 0 { "options" } else { "" };
            writeln!(f, "{head:<10} {given:<width$}  {} ({})", knob.meaning, knob.range())?;
        }
        for (head, text) in [("exactness", self.note), ("lint", self.breaks)] {
            if !text.is_empty() {
                writeln!(f, "{head:<10} {text}")?;
            }
        }
        let sources: Vec<String> = self.sources.iter().map(|key| super::cite::short(key)).collect();
        writeln!(f, "source     {}", sources.join("; "))
    }
}
