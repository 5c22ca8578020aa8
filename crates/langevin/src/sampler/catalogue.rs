//! The catalogue of named samplers, found by their names in this and in other libraries.

use super::entry::Entry;
use super::names::{self, elsewhere};
use crate::error::{Error, Result};
use std::fmt;

impl Entry {
    /// Returns all named samplers, in the order in which they are shown.
    ///
    /// ```
    /// use langevin::sampler::Entry;
    /// assert!(Entry::all().iter().any(|entry| entry.name == "ddim"));
    /// // Every entry names its source.
    /// assert!(Entry::all().iter().all(|entry| !entry.sources.is_empty()));
    /// ```
    #[must_use]
    pub fn all() -> &'static [Entry] {
        names::ENTRIES
    }

    /// Returns the sampler with this name or alias. `_`, a blank and `-` are equivalent.
    ///
    /// Names of k-diffusion, ComfyUI and diffusers' schedulers are also found, such as
    /// `sample_dpmpp_2m`, `dpmpp_2m_sde_gpu` and `DPMSolverMultistepScheduler`.
    ///
    /// ```
    /// use langevin::sampler::Entry;
    /// assert_eq!(Entry::find("sample_dpmpp_2m")?.name, "dpmpp-2m");
    /// assert_eq!(Entry::find("HeunDiscreteScheduler")?.name, "heun");
    /// // A sampler that cannot be a fixed table is refused with a hint.
    /// let error = Entry::find("dpm_adaptive").unwrap_err().to_string();
    /// assert!(error.contains("dpm-fast"), "{error}");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the name is unknown, with the nearest known one, or if the sampler has
    /// no table in this crate, with a replacement.
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

    /// Returns the sampler with exactly this name or alias.
    ///
    /// `None` for any other name, such as that of a plan or of another library's scheduler.
    ///
    /// ```
    /// use langevin::sampler::Entry;
    /// assert!(Entry::named("dpmpp-2m").is_some());
    /// assert!(Entry::named("DPMSolverMultistepScheduler").is_none());
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Entry> {
        names::ENTRIES.iter().find(|entry| entry.name == name || entry.aliases.contains(&name))
    }

    /// Returns whether `spelled` is the sampler's name or an alias, in this crate's spelling.
    pub(crate) fn is_called(&self, spelled: &str) -> bool {
        let mut names = std::iter::once(&self.name).chain(self.aliases);
        names.any(|name| *name == spelled || name.contains('+') && elsewhere::spelled(name) == spelled)
    }

    /// Returns the schedulers of diffusers that are this sampler with their default options.
    ///
    /// ```
    /// use langevin::sampler::Entry;
    /// let names: Vec<String> = Entry::find("heun")?.schedulers().collect();
    /// assert!(names.contains(&"HeunDiscreteScheduler".to_owned()));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn schedulers(&self) -> impl Iterator<Item = String> + '_ {
        let own = elsewhere::SCHEDULERS.iter().filter(|(_, ours)| *ours == self.name);
        own.map(|(class, _)| format!("{class}Scheduler"))
    }

    /// Returns the BibTeX entries of the sampler's sources.
    ///
    /// ```
    /// use langevin::sampler::Entry;
    /// let text = Entry::find("ddim")?.bibtex();
    /// assert!(text.contains("Denoising Diffusion Implicit Models"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
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
