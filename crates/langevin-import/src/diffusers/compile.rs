//! Compilation of a plan from the tables and the course of a scheduler, by its own method or by any
//! sampler.

use super::call::Call;
use super::scheduler::{Class, Scheduler, Tables};
use crate::quirks;
use langevin::error::{Error, Result};
use langevin::plan::Plan;
use langevin::process::Level;
use langevin::sampler::{Sampler, Start, Step};

/// Returns the plan of a run: by the class's own method, or by `sampler`.
pub(super) fn compile(
    class: &Class,
    scheduler: &dyn Scheduler,
    call: &Call,
    tables: &Tables,
    sampler: Option<&Sampler>,
) -> Result<Plan> {
    if sampler.is_none() {
        scheduler.check_method()?;
    }
    // The behaviour of a class for a run that begins later belongs to its own method only.
    let whole = Call { start_at: None, ..call.clone() };
    let mut course = scheduler.course(if sampler.is_some() { &whole } else { call }, tables)?;
    if sampler.is_some() {
        course.steps = without_standing(&course.steps);
    }
    let first = call.start_at.unwrap_or(0);
    if first >= course.steps.len() {
        return Err(Error::argument("nothing is left of the run")
            .at("start_at")
            .expected(format!("fewer than {} steps left out", course.steps.len()))
            .got(first.to_string()));
    }
    let own = Sampler::of(class.name.trim_end_matches("Scheduler"), course.method);
    let rises = sampler.unwrap_or(&own).rises();
    if let Some(other) = sampler.filter(|_| !rises) {
        check_falls(class, other, &course.steps)?;
    }
    let start = match call.start_at {
        Some(_) if call.image && !rises => Start::Image,
        None if !rises => Start::Noise,
        _ => Start::State,
    };
    let sampler = sampler.unwrap_or(&own);
    let mut compiling = sampler.on_steps(&course.process, &course.steps).network(&course.network).calls(&course.pins);
    if call.keeps(&quirks::START_SCALE) {
        compiling = compiling.start_scale(course.scale);
    }
    if let Some(map) = course.clip {
        compiling = compiling.map(map);
    }
    compiling.start(first, start).compile()
}

/// Checks that all steps go down, for a sampler that is not an inversion.
fn check_falls(class: &Class, sampler: &Sampler, steps: &[Step]) -> Result<()> {
    let Some(step) = steps.iter().find(|step| step.from.sigma_ve() < step.to.sigma_ve()) else { return Ok(()) };
    Err(Error::argument(format!("{} only goes down the noise levels", sampler.name()))
        .at(class.name)
        .expected("a sampler of inversions: ddim-inversion, dpmpp-2m-inversion")
        .got(format!("a step from σ/α = {} up to {}", step.from.sigma_ve(), step.to.sigma_ve())))
}

/// Returns the steps down without those of length zero. A level that occurs twice is visited once,
/// and an end that equals the last level becomes clean data.
fn without_standing(steps: &[Step]) -> Vec<Step> {
    let falls = |step: &Step| step.from.sigma_ve() > step.to.sigma_ve();
    if steps.iter().all(falls) || !steps.iter().any(falls) {
        return steps.to_vec();
    }
    let mut levels: Vec<Level> = steps.iter().map(|step| step.from).collect();
    levels.dedup_by(|next, before| next.sigma_ve() >= before.sigma_ve());
    let last = levels.last().map_or(0.0, Level::sigma_ve);
    let end = steps.last().map(|step| step.to).filter(|end| end.sigma_ve() < last);
    levels.push(end.unwrap_or(Level { time: 0.0, alpha: 1.0, sigma: 0.0 }));
    levels.windows(2).map(|pair| Step { from: pair[0], to: pair[1] }).collect()
}
