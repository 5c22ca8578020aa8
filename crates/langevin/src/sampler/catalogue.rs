//! All named samplers: found by their names here and elsewhere, and described.

use super::entry::Entry;
use super::names::{self, elsewhere};
use crate::error::{Error, Result};
use std::fmt;

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
