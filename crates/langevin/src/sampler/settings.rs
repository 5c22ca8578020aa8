//! The options of a named sampler: parsed, checked, and filled in with defaults.

use super::knob::{Knob, Values};
use crate::error::{Error, Result};

/// The options of one sampler.
pub(crate) struct Settings {
    name: String,
    values: Vec<(Knob, String)>,
}

impl Settings {
    /// Parses `key=value,key=value` for the sampler with this name and these options. `eta` is one
    /// more option.
    pub(crate) fn read(name: &str, knobs: &[Knob], options: &str, eta: Option<f64>) -> Result<Self> {
        let mut values: Vec<(Knob, String)> = knobs.iter().map(|knob| (*knob, knob.default.to_owned())).collect();
        let place = || format!("sampler '{}'", name);
        let mut seen = Vec::new();
        let parts = options.split(',').map(str::trim).filter(|part| !part.is_empty());
        let eta = eta.map(|eta| format!("eta={eta}"));
        for part in parts.chain(eta.as_deref()) {
            let (key, value) =
                part.split_once('=').map_or((part, None), |(key, value)| (key.trim(), Some(value.trim())));
            let known: Vec<&str> = knobs.iter().map(|knob| knob.key).collect();
            let Some((knob, slot)) = values.iter_mut().find(|(knob, _)| knob.key == key) else {
                if key == "eta" {
                    return Err(Error::argument(format!("sampler '{}' takes no η", name))
                        .got(value.unwrap_or("").to_owned())
                        .hinting("use ddim or exponential"));
                }
                return Err(Error::unknown("option", key, &known).at(place()));
            };
            if seen.contains(&knob.key) {
                return Err(Error::argument("an option is given twice").at(place()).got(format!("'{key}'")));
            }
            seen.push(knob.key);
            // A flag without a value is on.
            let value = value.unwrap_or(if matches!(knob.values, Values::Flag) { "true" } else { "" });
            knob.check(value).map_err(|expected| {
                Error::argument("bad option")
                    .at(format!("{}, {key}", place()))
                    .expected(expected)
                    .got(format!("'{value}'"))
            })?;
            value.clone_into(slot);
        }
        Ok(Self { name: name.to_owned(), values })
    }

    pub(crate) fn word(&self, key: &str) -> &str {
        self.values.iter().find(|(knob, _)| knob.key == key).map_or("", |(_, value)| value)
    }

    /// Returns a number. [`read`](Self::read) has checked the text.
    pub(crate) fn number(&self, key: &str) -> f64 {
        match self.word(key) {
            "inf" => f64::INFINITY,
            text => text.parse().unwrap_or(f64::NAN),
        }
    }

    pub(crate) fn whole(&self, key: &str) -> usize {
        self.word(key).parse().unwrap_or(0)
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.word(key) == "true"
    }

    /// Returns the name, with the options that are not at their defaults.
    pub(crate) fn spec(&self) -> String {
        let changed = self.values.iter().filter(|(knob, value)| value != knob.default);
        let changed: Vec<String> = changed.map(|(knob, value)| format!("{}={value}", knob.key)).collect();
        if changed.is_empty() { self.name.clone() } else { format!("{}:{}", self.name, changed.join(",")) }
    }
}
