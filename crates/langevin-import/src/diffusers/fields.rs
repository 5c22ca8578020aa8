//! The fields of a saved config. A class reads each of its fields once, by name, and the fields
//! that it did not read are reported.

use langevin::error::{Error, Result, distance, nearest};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Maximum size of a config. A config with a thousand trained betas has about twenty thousand
/// bytes.
const MAX_BYTES: usize = 4 << 20;

/// The JSON object of a config.
pub(super) type Document = Map<String, Value>;

/// The fields of a config, with a record of those that a class has read.
///
/// A class reads its fields once, by name, into its own struct. No field is read by name
/// afterwards.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    fields: &'a Document,
    read: RefCell<BTreeSet<&'static str>>,
}

/// Returns the number in a value: a JSON number, or one of the words for infinity.
pub(super) fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(word) => match word.as_str() {
            "Infinity" | "inf" => Some(f64::INFINITY),
            "-Infinity" | "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// Puts quotes around `Infinity`, `-Infinity` and `NaN`, which Python writes without them.
fn strict(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if !quoted && let Some(word) = ["-Infinity", "Infinity", "NaN"].iter().find(|word| rest.starts_with(**word)) {
            out.push('"');
            out.push_str(word);
            out.push('"');
            rest = &rest[word.len()..];
            continue;
        }
        if next == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && next == '\\' && !escaped;
        out.push(next);
        rest = &rest[next.len_utf8()..];
    }
    out
}

/// Parses the JSON of a config, in which `Infinity` and `NaN` may occur.
pub(super) fn parse(text: &str) -> Result<Document> {
    if text.len() > MAX_BYTES {
        return Err(Error::format("the config is too large")
            .expected(format!("at most {MAX_BYTES} bytes"))
            .got(text.len().to_string()));
    }
    if let Some(found) = langevin::error::no_object(text) {
        return Err(Error::format("not a scheduler config").expected("a JSON object").got(found));
    }
    let wrong = |error: serde_json::Error| {
        Error::format(format!("not a scheduler config: {}", langevin::error::json_words(&error)))
    };
    serde_json::from_str(&strict(text)).map_err(wrong)
}

/// Returns the error for fields whose values have the right type but cannot be used.
pub(super) fn out_of_range(fields: &str, expected: impl Into<String>, got: impl Into<String>) -> Error {
    Error::format("bad field in the config").at(fields.to_owned()).expected(expected).got(got)
}

impl<'a> Fields<'a> {
    /// Builds the fields of a document, none of which has been read.
    pub(super) fn of(fields: &'a Document) -> Self {
        Self { fields, read: RefCell::default() }
    }

    fn get(&self, key: &'static str) -> Option<&'a Value> {
        self.read.borrow_mut().insert(key);
        self.fields.get(key).filter(|value| !value.is_null())
    }

    /// Returns the error for a field with an unexpected value.
    pub(super) fn wrong(&self, key: &'static str, expected: &str) -> Error {
        let got = self.fields.get(key).map_or_else(|| "no such field".to_owned(), Value::to_string);
        Error::format("bad field in the config").at(key.to_owned()).expected(expected.to_owned()).got(got)
    }

    pub(super) fn class(&self) -> Result<String> {
        match self.get("_class_name") {
            Some(Value::String(name)) => Ok(name.clone()),
            _ => Err(self
                .wrong("_class_name", "the name of a scheduler class")
                .hinting("give the scheduler_config.json of a diffusers pipeline")),
        }
    }

    pub(super) fn number(&self, key: &'static str, default: f64) -> Result<f64> {
        Ok(self.maybe_number(key)?.unwrap_or(default))
    }

    pub(super) fn maybe_number(&self, key: &'static str) -> Result<Option<f64>> {
        self.get(key).map(|value| as_number(value).ok_or_else(|| self.wrong(key, "a number"))).transpose()
    }

    pub(super) fn whole(&self, key: &'static str, default: usize) -> Result<usize> {
        let value = self.get(key).map(|value| value.as_u64().filter(|value| *value <= 1_000_000));
        match value {
            None => Ok(default),
            Some(value) => value.map(|value| value as usize).ok_or_else(|| self.wrong(key, "a whole number")),
        }
    }

    /// Reads a finite number above 0.
    pub(super) fn positive(&self, key: &'static str, default: f64) -> Result<f64> {
        match self.number(key, default)? {
            value if value > 0.0 && value.is_finite() => Ok(value),
            value => Err(out_of_range(key, "a number > 0", value.to_string())),
        }
    }

    /// Reads the order of a solver, from 1 to `most`; the default is 2.
    pub(super) fn order(&self, key: &'static str, most: usize) -> Result<usize> {
        match self.whole(key, 2)? {
            order if (1..=most).contains(&order) => Ok(order),
            order => Err(out_of_range(key, format!("1 to {most}"), order.to_string())),
        }
    }

    pub(super) fn flag(&self, key: &'static str, default: bool) -> Result<bool> {
        self.get(key).map_or(Ok(default), |value| value.as_bool().ok_or_else(|| self.wrong(key, "true or false")))
    }

    /// Reads a word and returns its value in `choices`; the first choice is the default.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Result<T> {
        let Some(value) = self.get(key) else { return Ok(choices[0].1) };
        let known = value.as_str().and_then(|word| choices.iter().find(|(known, _)| *known == word));
        known.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.wrong(key, &words.join(", "))
        })
    }

    /// Reads one of the given words; the first is the default.
    pub(super) fn word<'w>(&self, key: &'static str, words: &[&'w str]) -> Result<&'w str> {
        let choices: Vec<(&str, &'w str)> = words.iter().map(|word| (*word, *word)).collect();
        self.choice(key, &choices)
    }

    /// Reads any word.
    pub(super) fn text(&self, key: &'static str) -> Option<&'a str> {
        self.get(key).and_then(Value::as_str)
    }

    pub(super) fn numbers(&self, key: &'static str) -> Result<Option<Vec<f64>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let wrong = || self.wrong(key, "a list of numbers");
        let list = value.as_array().ok_or_else(wrong)?;
        list.iter().map(|value| as_number(value).ok_or_else(wrong)).collect::<Result<_>>().map(Some)
    }

    /// Marks a field as read that does not affect a run.
    pub(super) fn inert(&self, key: &'static str) {
        self.get(key);
    }

    /// Checks a field with a single supported value.
    pub(super) fn only(&self, key: &'static str, supported: &Value) -> Result<()> {
        match self.get(key) {
            Some(value) if value != supported => {
                Err(self.wrong(key, &format!("{supported}, the only supported value")))
            }
            _ => Ok(()),
        }
    }

    /// Returns the unread fields: those of other classes, and those that no class has. Configs that
    /// were converted from another scheduler's contain them, and diffusers ignores them too.
    pub(super) fn unread(&self) -> (Vec<String>, Vec<String>) {
        let read = self.read.borrow();
        let unread = self.fields.keys().filter(|key| !key.starts_with('_') && !read.contains(key.as_str()));
        unread.cloned().partition(|key| ELSEWHERE.contains(&key.as_str()))
    }
}

/// Returns the known field that a name is a misspelling of. At most two letters may differ, because
/// fields of different purposes have similar names.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    nearest(name, ELSEWHERE).filter(|near| distance(name, near) <= 2)
}

/// All fields of the schedulers of diffusers 0.42.
const ELSEWHERE: &[&str] = &[
    "algorithm_type",
    "base_image_seq_len",
    "base_shift",
    "beta_end",
    "beta_schedule",
    "beta_start",
    "clip_denoised",
    "clip_sample",
    "clip_sample_range",
    "correct_steps",
    "corrector_order",
    "disable_corrector",
    "dynamic_thresholding_ratio",
    "eta",
    "euler_at_final",
    "final_sigmas_type",
    "flow_shift",
    "interpolation_type",
    "invert_sigmas",
    "lambda_min_clipped",
    "lower_order_final",
    "max_image_seq_len",
    "max_shift",
    "noise_sampler_seed",
    "num_train_timesteps",
    "original_inference_steps",
    "predict_x0",
    "prediction_type",
    "predictor_order",
    "rescale_betas_zero_snr",
    "rho",
    "s",
    "s_churn",
    "s_max",
    "s_min",
    "s_noise",
    "sample_max_value",
    "sampling_eps",
    "scale_factors",
    "scaler",
    "set_alpha_to_one",
    "shift",
    "shift_terminal",
    "sigma_data",
    "sigma_max",
    "sigma_min",
    "sigma_schedule",
    "skip_prk_steps",
    "snr",
    "snr_shift_scale",
    "solver_order",
    "solver_p",
    "solver_type",
    "steps_offset",
    "stochastic_sampling",
    "tau_func",
    "thresholding",
    "time_shift_type",
    "timestep_scaling",
    "timestep_spacing",
    "timestep_type",
    "trained_betas",
    "upscale_mode",
    "use_beta_sigmas",
    "use_dynamic_shifting",
    "use_exponential_sigmas",
    "use_flow_sigmas",
    "use_karras_sigmas",
    "use_lu_lambdas",
    "variance_type",
];
