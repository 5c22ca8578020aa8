//! Code shared by the classes on ᾱ: levels and calls at integer times, predictions, and the
//! correction of D.

use super::betas::BetaTable;
use super::fields::{Fields, out_of_range};
use super::scheduler::Tables;
use langevin::error::{Error, Result};
use langevin::plan::NetworkCall;
use langevin::prediction::Prediction;
use langevin::process::Level;
use langevin::space::Map;

/// Predictions of a network on a table, the default first.
const PREDICTIONS: &[(&str, Prediction)] =
    &[("epsilon", Prediction::Epsilon), ("sample", Prediction::X0), ("v_prediction", Prediction::V)];

/// Reads `prediction_type`: ε, x0 or v.
pub(super) fn prediction(fields: &Fields<'_>) -> Result<Prediction> {
    fields.choice("prediction_type", PREDICTIONS)
}

/// Returns α and σ for an ᾱ.
pub(super) fn level(time: f64, alpha_bar: f64) -> Level {
    Level { time, alpha: alpha_bar.sqrt(), sigma: (1.0 - alpha_bar).sqrt() }
}

/// Returns the network call for a level in the network's own coordinates.
pub(super) fn pin(own: Level, time: f64) -> NetworkCall {
    NetworkCall { sigma_ve: own.sigma_ve(), own, time }
}

/// Returns the correction of D in a config; thresholding takes precedence over clipping.
///
/// `clips` is the default of `clip_sample`, for classes that have this field.
pub(super) fn correction(fields: &Fields<'_>, clips: Option<bool>) -> Result<Option<Map>> {
    let threshold = fields.flag("thresholding", false)?;
    let (ratio, max) = (fields.number("dynamic_thresholding_ratio", 0.995)?, fields.number("sample_max_value", 1.0)?);
    let clip = match clips {
        Some(default) => fields.flag("clip_sample", default)?.then_some(fields.number("clip_sample_range", 1.0)?),
        None => None,
    };
    if threshold {
        if !(0.0 < ratio && ratio <= 1.0 && max >= 1.0) {
            return Err(out_of_range(
                "dynamic_thresholding_ratio, sample_max_value",
                "a ratio in (0, 1] and a maximum ≥ 1",
                format!("{ratio} and {max}"),
            ));
        }
        return Ok(Some(Map::Threshold { ratio, max }));
    }
    Ok(clip.map(|range| Map::Clamp { min: -range.abs(), max: range.abs() }))
}

/// Returns the tables of a class on ᾱ.
pub(super) fn by_index(schedule: &BetaTable, timesteps: Vec<f64>) -> Tables {
    Tables { alphas_cumprod: schedule.alphas_cumprod(), timesteps, sigmas: Vec::new() }
}

/// Returns ᾱ at an integer time, and `end` for times below zero.
pub(super) fn alpha_bar(tables: &Tables, time: f64, end: f64) -> Result<f64> {
    if time < 0.0 {
        return Ok(end);
    }
    tables.alphas_cumprod.get(time as usize).copied().ok_or_else(|| {
        Error::argument("a time beyond the table")
            .expected(format!("below {}", tables.alphas_cumprod.len()))
            .got(time.to_string())
    })
}

/// Returns the JSON of a class with these fields; shared by tests.
#[cfg(test)]
pub(super) fn text(class: &str, fields: serde_json::Value) -> String {
    let mut all = serde_json::json!({"_class_name": class, "_diffusers_version": "0.42.1"});
    if let (Some(all), Some(fields)) = (all.as_object_mut(), fields.as_object()) {
        all.extend(fields.clone());
    }
    all.to_string()
}
