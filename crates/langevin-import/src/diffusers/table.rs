//! What the classes share: betas and ᾱ with the precision of the originals, the spacing of times, noise levels at times, and the network's formulation.

use super::config::Config;
use super::{Call, Tables};
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation};
use langevin::math::{cos, exp, ln, pow};
use langevin::plan::NetworkCall;
use langevin::prediction::Prediction;
use langevin::process::{Betas, Level, Process, Tabulated};
use langevin::space::Map;

/// Rounded to float32, in which the originals keep their tables.
pub(super) fn single(value: f64) -> f64 {
    f64::from(value as f32)
}

/// Whole numbers from a real, half to even, as numpy rounds.
pub(super) fn round(value: f64) -> f64 {
    value.round_ties_even()
}

/// torch's `linspace` in float32: from either end to the middle, each value rounded once.
pub(super) fn linspace_single(start: f64, end: f64, count: usize) -> Vec<f64> {
    let (start, end) = (single(start), single(end));
    if count == 1 {
        return vec![start];
    }
    let step = single(single(end - start) / (count - 1) as f64);
    let at = |i: usize| if i < count / 2 { start + step * i as f64 } else { end - step * (count - i - 1) as f64 };
    (0..count).map(|i| single(at(i))).collect()
}

/// numpy's `linspace`.
pub(super) fn linspace(start: f64, end: f64, count: usize) -> Vec<f64> {
    if count == 1 {
        return vec![start];
    }
    let step = (end - start) / (count - 1) as f64;
    (0..count).map(|i| if i + 1 == count { end } else { start + step * i as f64 }).collect()
}

/// The fields of a noise schedule.
#[derive(Clone, Debug)]
pub(super) struct BetaTable {
    /// N.
    pub(super) count: usize,
    /// The same table in our words, for the network's process.
    pub(super) betas: Betas,
    pub(super) zero_snr: bool,
    /// β in float32.
    pub(super) values: Vec<f64>,
}

/// What a class's schedule fields default to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) schedules: &'static [&'static str],
    /// Whether it has `rescale_betas_zero_snr`.
    pub(super) zero_snr: bool,
}

/// DDPM's betas.
pub(super) const LINEAR: Defaults =
    Defaults { start: 1e-4, end: 0.02, schedules: &["linear", "scaled_linear", "squaredcos_cap_v2"], zero_snr: false };

impl BetaTable {
    pub(super) fn read(config: &Config, defaults: Defaults) -> Result<Self> {
        let count = config.whole("num_train_timesteps", 1000)?;
        if !(1..=MOST_ENTRIES).contains(&count) {
            return Err(Error::format("bad field in the config")
                .at("num_train_timesteps")
                .expected("1 to 100000")
                .got(count.to_string()));
        }
        let (start, end) = (config.number("beta_start", defaults.start)?, config.number("beta_end", defaults.end)?);
        let kind = config.word("beta_schedule", defaults.schedules)?;
        let zero_snr = if defaults.zero_snr { config.flag("rescale_betas_zero_snr", false)? } else { false };
        let cap = |f: fn(f64) -> f64| -> Vec<f64> {
            let share = |k: usize| k as f64 / count as f64;
            (0..count).map(|k| (1.0 - f(share(k + 1)) / f(share(k))).min(0.999)).map(single).collect()
        };
        let given = config.numbers("trained_betas")?;
        let listed = given.is_some();
        let (betas, values) = if let Some(list) = given {
            (Betas::List { values: list.clone() }, list.into_iter().map(single).collect())
        } else {
            match kind {
                "linear" => (Betas::Linear { start, end }, linspace_single(start, end, count)),
                "scaled_linear" => {
                    let roots = linspace_single(start.sqrt(), end.sqrt(), count);
                    (Betas::ScaledLinear { start, end }, roots.into_iter().map(|root| single(root * root)).collect())
                }
                "squaredcos_cap_v2" => {
                    (Betas::squared_cosine(), cap(|t| cos((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).powi(2)))
                }
                "laplace" => (
                    Betas::laplace(),
                    cap(|t| {
                        let side = if 0.5 - t < 0.0 { -1.0 } else { 1.0 };
                        let snr = exp(-0.5 * side * ln(1.0 - 2.0 * (0.5 - t).abs() + 1e-6));
                        (snr / (1.0 + snr)).sqrt()
                    }),
                ),
                "exp" => (Betas::exp(), cap(|t| exp(-12.0 * t))),
                _ => {
                    let logistic = |x: f64| single(1.0 / (1.0 + exp(-x)));
                    let scale = (end as f32) - (start as f32);
                    let beta = |x: f64| f64::from(logistic(x) as f32 * scale + start as f32);
                    (Betas::Sigmoid { start, end }, linspace_single(-6.0, 6.0, count).into_iter().map(beta).collect())
                }
            }
        };
        check(&values, listed)?;
        Ok(Self { count, betas, zero_snr, values })
    }

    /// ᾱ in float32; the product is kept in float64, as torch keeps it.
    pub(super) fn alphas_cumprod(&self) -> Vec<f64> {
        let product = |betas: &[f64]| -> Vec<f64> {
            let mut whole = 1.0;
            betas
                .iter()
                .map(|beta| {
                    whole *= f64::from(1.0 - *beta as f32);
                    single(whole)
                })
                .collect()
        };
        let plain = product(&self.values);
        if !self.zero_snr {
            return plain;
        }
        // In float32 throughout: the roots moved and stretched so that the last is 0, then back to β and its product.
        let roots: Vec<f32> = plain.iter().map(|bar| (*bar as f32).sqrt()).collect();
        let (first, last) = (roots[0], roots[roots.len() - 1]);
        let bars: Vec<f32> = roots.iter().map(|root| (root - last) * (first / (first - last))).map(|r| r * r).collect();
        let ratio = |k: usize| if k == 0 { bars[0] } else { bars[k] / bars[k - 1] };
        let betas: Vec<f64> = (0..bars.len()).map(|k| f64::from(1.0 - ratio(k))).collect();
        product(&betas)
    }

    /// The number of entries.
    pub(super) fn entries(&self) -> usize {
        if let Betas::List { values } = &self.betas { values.len() } else { self.count }
    }

    /// The process on which the network was trained.
    pub(super) fn process(&self) -> Result<Process> {
        let table = Tabulated::new(self.betas.clone(), self.entries())?;
        Ok(Process::tabulated(if self.zero_snr { table.with_zero_terminal_snr()? } else { table }))
    }
}

/// The most entries of a table; more are a mistake.
const MOST_ENTRIES: usize = 100_000;

/// Checks the betas before anything is computed from them: every table of times, levels and products relies on at least
/// one entry and on numbers that are none of 0/0.
fn check(betas: &[f64], listed: bool) -> Result<()> {
    let field = if listed { "trained_betas" } else { "beta_start, beta_end" };
    let wrong = |place: String, expected: String, got: String| {
        Err(Error::format("bad field in the config").at(place).expected(expected).got(got))
    };
    if betas.is_empty() || betas.len() > MOST_ENTRIES {
        return wrong(field.to_owned(), format!("1 to {MOST_ENTRIES} numbers"), betas.len().to_string());
    }
    match betas.iter().position(|beta| !(*beta >= 0.0 && *beta <= 1.0)) {
        None => Ok(()),
        Some(entry) => {
            wrong(format!("{field}, entry {entry}"), "a number from 0 to 1".to_owned(), betas[entry].to_string())
        }
    }
}

/// The network that was saved: given the index of the table, and a state of unit variance.
pub(super) fn network(config: &Config, schedule: &BetaTable, words: &[&'static str]) -> Result<Formulation> {
    let prediction = match config.word("prediction_type", words)? {
        "sample" => Prediction::X0,
        "v_prediction" => Prediction::V,
        _ => Prediction::Epsilon,
    };
    Ok(Formulation::new(schedule.process()?, prediction).with_clock(Clock::Time))
}

/// ε, x0 and v.
pub(super) const ALL: &[&str] = &["epsilon", "sample", "v_prediction"];

/// α and σ of an ᾱ.
pub(super) fn level(time: f64, alpha_bar: f64) -> Level {
    Level { time, alpha: alpha_bar.sqrt(), sigma: (1.0 - alpha_bar).sqrt() }
}

/// A pin for a level in the network's own coordinates.
pub(super) fn pin(own: Level, time: f64) -> NetworkCall {
    NetworkCall { sigma_ve: own.sigma_ve(), own, time }
}

/// The correction of D that a config asks for: thresholding before clipping.
pub(super) fn clip(config: &Config, clips: Option<bool>) -> Result<Option<Map>> {
    let threshold = config.flag("thresholding", false)?;
    let (ratio, max) = (config.number("dynamic_thresholding_ratio", 0.995)?, config.number("sample_max_value", 1.0)?);
    let clip = match clips {
        Some(default) => config.flag("clip_sample", default)?.then_some(config.number("clip_sample_range", 1.0)?),
        None => None,
    };
    if clips.is_some() {
        config.inert("clip_sample_range");
    }
    if threshold {
        if !(0.0 < ratio && ratio <= 1.0 && max >= 1.0) {
            return Err(Error::format("bad field in the config")
                .at("dynamic_thresholding_ratio, sample_max_value")
                .expected("a ratio in (0, 1] and a maximum ≥ 1")
                .got(format!("{ratio} and {max}")));
        }
        return Ok(Some(Map::Threshold { ratio, max }));
    }
    Ok(clip.map(|range| Map::Clamp { min: -range.abs(), max: range.abs() }))
}

/// More steps than this are none.
pub(super) const MOST_STEPS: usize = 100_000;

/// The number of steps, and that it is one this table can have.
pub(super) fn count(call: &Call, most: usize) -> Result<usize> {
    let steps = call.steps.ok_or_else(|| {
        Error::argument("the number of steps is missing").hinting("give a number of steps, timesteps or sigmas")
    })?;
    if (1..=most).contains(&steps) {
        return Ok(steps);
    }
    Err(Error::argument("bad number of steps").expected(format!("1 to {most}")).got(steps.to_string()))
}

/// That a call does not give what this class takes none of.
pub(super) fn refuse(call: &Call, class: &str, timesteps: bool, sigmas: bool, mu: bool) -> Result<()> {
    let given = [
        ("timesteps", call.timesteps.is_some(), timesteps),
        ("sigmas", call.sigmas.is_some(), sigmas),
        ("mu", call.mu.is_some(), mu),
    ];
    if let Some((name, ..)) = given.iter().find(|(_, given, takes)| *given && !takes) {
        let takes: Vec<&str> = [("steps", true), ("timesteps", timesteps), ("sigmas", sigmas), ("mu", mu)]
            .iter()
            .filter_map(|(name, takes)| takes.then_some(*name))
            .collect();
        return Err(Error::argument(format!("{class} takes no {name}"))
            .expected(takes.join(", "))
            .got((*name).to_owned()));
    }
    if given[..2].iter().filter(|(_, given, _)| *given).count() + usize::from(call.steps.is_some()) > 1 {
        return Err(Error::argument("more than one schedule is given").expected("steps, timesteps or sigmas"));
    }
    Ok(())
}

/// Whole times that fall, within the table.
pub(super) fn falling_times(times: &[f64], count: usize) -> Result<()> {
    let whole = times.iter().all(|time| (0.0..count as f64).contains(time) && time.fract() == 0.0);
    if !times.is_empty() && times.len() <= 100_000 && whole && times.windows(2).all(|pair| pair[0] > pair[1]) {
        return Ok(());
    }
    Err(Error::argument("bad timesteps")
        .expected(format!("whole numbers that fall, from 0 to {}", count - 1))
        .got(times.iter().take(8).map(f64::to_string).collect::<Vec<_>>().join(", ")))
}

/// DDPM's spacing of whole times.
pub(super) fn spacing(config: &Config, count: usize, steps: usize, words: &[&'static str]) -> Result<Vec<f64>> {
    let offset = config.whole("steps_offset", 0)? as f64;
    let mut times: Vec<f64> = match config.word("timestep_spacing", words)? {
        "linspace" => linspace(0.0, count as f64 - 1.0, steps).into_iter().map(round).rev().collect(),
        "leading" => (0..steps).rev().map(|i| (i * (count / steps)) as f64 + offset).collect(),
        _ => trailing(count, steps),
    };
    if let Some(beyond) = times.iter_mut().find(|time| **time < 0.0 || **time >= count as f64) {
        return Err(Error::argument("a time beyond the table")
            .at("timestep_spacing, steps_offset")
            .expected(format!("times from 0 to {}", count - 1))
            .got(beyond.to_string()));
    }
    Ok(times)
}

/// numpy's `arange` from `start` down to 0, which has ⌈start/ratio⌉ points. It takes the difference of its first two for the stride: on a half the last bit of that decides how it is rounded.
pub(super) fn down(start: f64, ratio: f64, points: usize) -> impl DoubleEndedIterator<Item = f64> {
    let stride = (start - ratio) - start;
    (0..points).map(move |i| start + i as f64 * stride)
}

/// N, N − N/n, … rounded, less one.
pub(super) fn trailing(count: usize, steps: usize) -> Vec<f64> {
    let ratio = count as f64 / steps as f64;
    let points = (count as f64 / ratio).ceil() as usize;
    down(count as f64, ratio, points).map(|time| round(time) - 1.0).collect()
}

/// Tables that go by ᾱ.
pub(super) fn by_index(schedule: &BetaTable, timesteps: Vec<f64>) -> Tables {
    Tables { alphas_cumprod: schedule.alphas_cumprod(), timesteps, sigmas: Vec::new() }
}

/// ᾱ at a whole time; `end` below zero.
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

/// Shared by tests: the JSON of a class with these fields.
#[cfg(test)]
pub(super) fn text(class: &str, fields: serde_json::Value) -> String {
    let mut all = serde_json::json!({"_class_name": class, "_diffusers_version": "0.42.1"});
    if let (Some(all), Some(fields)) = (all.as_object_mut(), fields.as_object()) {
        all.extend(fields.clone());
    }
    all.to_string()
}

/// y^p, for grids.
pub(super) fn power(base: f64, exponent: f64) -> f64 {
    pow(base, exponent)
}
