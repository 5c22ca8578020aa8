//! Schedulers for distilled networks: LCM and TCD. Their times are every k-th one of the training, k = N/n₀, of which n are picked evenly.
//!
//! Source: arXiv 2310.04378 (LCM), 2402.19159 (TCD).

use super::config::Config;
use super::discrete::walk;
use super::table::{ALL, BetaTable, Defaults, alpha_bar, by_index, clip, count, falling_times, level, network, refuse};
use super::{Call, Class, Course, Tables, number, whole};
use langevin::error::{Error, Result};
use langevin::moves::Row;
use langevin::plan::{Letter, Var};
use langevin::process::Level;
use langevin::sampler::Method;
use langevin::sampler::consistency::{Boundary, Consistency};
use langevin::sampler::{Draft, Step};

const BETAS: Defaults = Defaults {
    start: 0.00085,
    end: 0.012,
    schedules: &["scaled_linear", "linear", "squaredcos_cap_v2"],
    zero_snr: true,
};

pub(super) const CLASSES: &[Class] = &[
    Class {
        name: "LCMScheduler",
        tables: |config, call| tables(config, call, "LCM", false),
        course: lcm,
        set: &["original_inference_steps", "strength"],
    },
    Class {
        name: "TCDScheduler",
        tables: |config, call| tables(config, call, "TCD", true),
        course: tcd,
        set: &["eta", "original_inference_steps", "strength"],
    },
];

/// The times; with `every`, a number of original steps given at run time stands for all of them.
fn tables(config: &Config, call: &Call, name: &str, every: bool) -> Result<Tables> {
    let schedule = BetaTable::read(config, BETAS)?;
    refuse(call, name, true, false, false)?;
    ["set_alpha_to_one", "steps_offset", "timestep_spacing", "timestep_scaling"]
        .iter()
        .for_each(|key| config.inert(key));
    let train = schedule.count;
    let saved = config.whole("original_inference_steps", 50)?;
    let original = whole(call, "original_inference_steps", saved, 1..=train)?;
    let strength = number(call, "strength", 1.0)?;
    if !(0.0 < strength && strength <= 1.0 && (1..=train).contains(&original)) {
        return Err(Error::argument("bad original steps or strength")
            .at(name)
            .expected(format!("1 to {train} steps, and a strength in (0, 1]"))
            .got(format!("{original} and {strength}")));
    }
    if let Some(times) = &call.timesteps {
        falling_times(times, train)?;
        let kept = (times.len() as f64 * strength) as usize;
        if kept == 0 {
            return Err(Error::argument("nothing is left of the timesteps").at("strength").got(strength.to_string()));
        }
        return Ok(by_index(&schedule, times[times.len() - kept..].to_vec()));
    }
    let steps = count(call, train)?;
    let origin: Vec<f64> = if every && call.set.contains_key("original_inference_steps") {
        (0..(train as f64 * strength) as usize).rev().map(|time| time as f64).collect()
    } else {
        let k = train / original;
        (1..=(original as f64 * strength) as usize).rev().map(|i| (i * k - 1) as f64).collect()
    };
    if steps > origin.len() || steps > original {
        return Err(Error::argument("bad number of steps")
            .at(name)
            .expected(format!("1 to {}, the steps that the network was distilled for", origin.len().min(original)))
            .got(steps.to_string())
            .hinting("raise original_inference_steps or strength"));
    }
    let stride = origin.len() as f64 / steps as f64;
    Ok(by_index(&schedule, (0..steps).map(|i| origin[(i as f64 * stride).floor() as usize]).collect()))
}

/// Whether a run of given times was cut: the originals then do not know their last step.
fn cut(call: &Call, tables: &Tables) -> bool {
    !call.consistent && call.timesteps.as_ref().is_some_and(|times| times.len() > tables.timesteps.len())
}

fn lcm(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, BETAS)?;
    let network = network(config, &schedule, ALL)?;
    // A run that was cut ends by noising again to its last time.
    let last = cut(call, tables).then(|| tables.timesteps.last().copied()).flatten().unwrap_or(-1.0);
    let next = |index: usize, _| tables.timesteps.get(index + 1).copied().unwrap_or(last);
    let (steps, pins) = walk(tables, next, 1.0)?;
    let scaling = config.number("timestep_scaling", 10.0)?;
    let method = Box::new(Consistency { boundary: Some(Boundary { sigma_data: 0.5, scaling }), floor: 0.0 });
    let clip = clip(config, Some(false))?;
    Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
}

fn tcd(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, BETAS)?;
    let network = network(config, &schedule, ALL)?;
    let gamma = number(call, "eta", 0.3)?;
    if !(0.0..=1.0).contains(&gamma) {
        return Err(Error::argument("bad argument").at("eta").expected("γ from 0 to 1").got(gamma.to_string()));
    }
    // The original neither clips nor ends at clean data.
    let correction = clip(config, Some(false))?;
    let to_one = config.flag("set_alpha_to_one", true)?;
    let (last, clip) = if call.consistent { (if to_one { -1.0 } else { 0.0 }, correction) } else { (0.0, None) };
    let next = |index: usize, _| tables.timesteps.get(index + 1).copied().unwrap_or(last);
    let (steps, pins) = walk(tables, next, 1.0)?;
    let stop = |step: &Step| {
        let time = ((1.0 - gamma) * step.to.time.max(0.0)).floor();
        Ok(if step.to.time < 0.0 { step.to } else { level(time, alpha_bar(tables, time, 1.0)?) })
    };
    let stops = steps.iter().map(stop).collect::<Result<_>>()?;
    let method = Box::new(Stops { stops, noisy: gamma > 0.0, cut: cut(call, tables) });
    Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
}

/// TCD with its stops read off a table of float32. What is odd: it ends at the table's first entry, and draws noise also where there is none to add.
#[derive(Clone, Debug, PartialEq)]
struct Stops {
    stops: Vec<Level>,
    noisy: bool,
    /// Whether the last step draws too.
    cut: bool,
}

impl Method for Stops {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let count = draft.steps().len();
        for (index, step) in draft.taken() {
            let last = index + 1 == count && !self.cut;
            let stop = self.stops[index];
            let mark = draft.mark();
            let denoised = draft.denoised(x, &step.from)?;
            x = draft.one_step(x, denoised, Row::new(&step.from, &stop, 1.0));
            draft.note(Letter::R, Some(0.0), &step.from, &stop, mark);
            if self.noisy && !last {
                if stop.time == step.to.time {
                    draft.draw();
                } else {
                    x = draft.forward(x, &stop, &step.to, 1.0);
                }
            }
        }
        Ok(x)
    }
}
