//! A saved config: every field is read by name, and a field that nobody reads is an error.

use langevin::error::{Error, Result, distance, nearest};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// A config of more bytes is none: one with a thousand trained betas has some twenty thousand.
const MAX_BYTES: usize = 4 << 20;

/// The fields of a config, and which of them were read.
#[derive(Clone, Debug)]
pub(super) struct Config {
    fields: Map<String, Value>,
    read: RefCell<BTreeSet<String>>,
}

/// The number in a value: a number, or one of the words that JSON has no number for.
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

/// Python writes `Infinity`, `-Infinity` and `NaN` bare; here they are put in quotes.
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

impl Config {
    pub(super) fn parse(text: &str) -> Result<Self> {
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
        let fields: Map<String, Value> = serde_json::from_str(&strict(text)).map_err(wrong)?;
        Ok(Self { fields, read: RefCell::default() })
    }

    /// The same config, of which nothing was read.
    pub(super) fn fresh(&self) -> Self {
        Self { fields: self.fields.clone(), read: RefCell::default() }
    }

    /// The same config for a sampler of another class, which draws no noise of a variance that a network has learned.
    pub(super) fn without_learned_variance(mut self) -> Self {
        if self.fields.get("variance_type").and_then(Value::as_str).is_some_and(|word| word.starts_with("learned")) {
            self.fields.remove("variance_type");
        }
        self
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.read.borrow_mut().insert(key.to_owned());
        self.fields.get(key).filter(|value| !value.is_null())
    }

    fn wrong(&self, key: &str, expected: &str) -> Error {
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

    pub(super) fn number(&self, key: &str, default: f64) -> Result<f64> {
        Ok(self.maybe_number(key)?.unwrap_or(default))
    }

    pub(super) fn maybe_number(&self, key: &str) -> Result<Option<f64>> {
        self.get(key).map(|value| as_number(value).ok_or_else(|| self.wrong(key, "a number"))).transpose()
    }

    pub(super) fn whole(&self, key: &str, default: usize) -> Result<usize> {
        let value = self.get(key).map(|value| value.as_u64().filter(|value| *value <= 1_000_000));
        match value {
            None => Ok(default),
            Some(value) => value.map(|value| value as usize).ok_or_else(|| self.wrong(key, "a whole number")),
        }
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool> {
        self.get(key).map_or(Ok(default), |value| value.as_bool().ok_or_else(|| self.wrong(key, "true or false")))
    }

    /// One of these words; the first is the default.
    pub(super) fn word<'a>(&self, key: &str, words: &[&'a str]) -> Result<&'a str> {
        match self.get(key) {
            None => Ok(words[0]),
            Some(value) => {
                let known = value.as_str().and_then(|word| words.iter().find(|known| **known == word));
                known.copied().ok_or_else(|| self.wrong(key, &words.join(", ")))
            }
        }
    }

    /// A word, whatever it is.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Value::as_str).map(str::to_owned)
    }

    pub(super) fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let wrong = || self.wrong(key, "a list of numbers");
        let list = value.as_array().ok_or_else(wrong)?;
        list.iter().map(|value| as_number(value).ok_or_else(wrong)).collect::<Result<_>>().map(Some)
    }

    /// A field that does not change a run.
    pub(super) fn inert(&self, key: &str) {
        self.get(key);
    }

    /// A field whose only supported value is this.
    pub(super) fn only(&self, key: &str, supported: &Value) -> Result<()> {
        match self.get(key) {
            Some(value) if value != supported => {
                Err(self.wrong(key, &format!("{supported}, the only supported value")))
            }
            _ => Ok(()),
        }
    }

    /// The fields that this class has not read: those of other classes, and those that no class has. Configs that were made
    /// from another scheduler's carry them, and diffusers passes over them too.
    pub(super) fn unread(&self) -> (Vec<String>, Vec<String>) {
        let read = self.read.borrow();
        let unread = self.fields.keys().filter(|key| !key.starts_with('_') && !read.contains(*key));
        unread.cloned().partition(|key| ELSEWHERE.contains(&key.as_str()))
    }

    /// The field that a name is a slip of: off by two letters at most, for fields of another purpose have like names.
    pub(super) fn meant(name: &str) -> Option<&'static str> {
        nearest(name, ELSEWHERE).filter(|near| distance(name, near) <= 2)
    }

    /// Refuses fields that no class has.
    pub(super) fn refuse_unknown(&self, class: &str) -> Result<()> {
        let (_, unknown) = self.unread();
        if unknown.is_empty() {
            return Ok(());
        }
        let near = unknown.iter().find_map(|name| Some((name, Self::meant(name)?)));
        let meant = near.map(|(name, near)| format!("did you mean '{near}' by '{name}'? ")).unwrap_or_default();
        Err(Error::format(format!("no scheduler has these fields: {}", unknown.join(", ")))
            .at(class.to_owned())
            .hinting(format!(
                "{meant}take them out if they do not change the result; without strict they are passed over"
            )))
    }
}

/// The fields that some scheduler of diffusers 0.42 has.
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
