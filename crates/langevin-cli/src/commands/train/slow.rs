//! Trainings that take long or do not fit: what is said of them, and what to change.

use crate::check;
use crate::error::{Failure, Result};
use crate::io::say;
use crate::progress::{duration, thousands};
use langevin_train::{Budget, Dataset, NetworkSpec, Progress, Recipe, Trainer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A step that takes longer is slow, and a budget of steps that takes longer is long.
const SLOW_STEP: f64 = 2.0;
const LONG_BUDGET: f64 = 600.0;
/// A time that is enough for fewer steps is short.
const FEW_STEPS: f64 = 50.0;
/// Nothing is said of a first step before this time, nor of a budget.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often a first step is looked at.
const TICK: Duration = Duration::from_millis(100);

/// Says once how long a training will take, where that is long: also from within the first step.
pub struct Slow {
    said: Arc<AtomicBool>,
    begun: Arc<AtomicBool>,
    start: Instant,
    first: u64,
    advice: String,
    budget: Budget,
}

impl Slow {
    /// Begins with the first step.
    pub fn watch(trainer: &Trainer, advice: String) -> Self {
        let (budget, batch) = (trainer.recipe().budget, trainer.recipe().batch);
        let slow = Self {
            said: Arc::default(),
            begun: Arc::default(),
            start: Instant::now(),
            first: trainer.progress().step,
            advice,
            budget,
        };
        let (said, begun, start) = (Arc::clone(&slow.said), Arc::clone(&slow.begun), slow.start);
        let (advice, first, rows) = (slow.advice.clone(), slow.first, trainer.rows_done());
        let watch = move || {
            while !begun.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                let done = rows.load(Ordering::Relaxed);
                if start.elapsed() >= PATIENCE && done > 0 && !begun.load(Ordering::Relaxed) {
                    let step = start.elapsed().as_secs_f64() * batch as f64 / done as f64;
                    return tell(&said, step, budget, first, &advice);
                }
            }
        };
        // Without the thread the first step says nothing, and the next ones do.
        let _ = std::thread::Builder::new().name("slow".into()).spawn(watch);
        slow
    }

    /// After a step.
    pub fn look(&self, progress: &Progress<'_>) {
        self.begun.store(true, Ordering::Relaxed);
        let elapsed = self.start.elapsed();
        if self.said.load(Ordering::Relaxed) || elapsed < PATIENCE {
            return;
        }
        tell(
            &self.said,
            elapsed.as_secs_f64() / (progress.step - self.first).max(1) as f64,
            self.budget,
            self.first,
            &self.advice,
        );
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.begun.store(true, Ordering::Relaxed);
    }
}

/// Says it, unless it was said, or there is nothing to say.
fn tell(said: &AtomicBool, step: f64, budget: Budget, first: u64, advice: &str) {
    let whole = match budget {
        Budget::Steps(steps) => {
            let left = step * steps.saturating_sub(first) as f64;
            if left <= LONG_BUDGET && step <= SLOW_STEP {
                said.store(true, Ordering::Relaxed);
                return;
            }
            format!("{} steps take about {}", thousands(steps.saturating_sub(first)), duration(left))
        }
        Budget::Time(time) => {
            let steps = time.as_secs_f64() / step;
            if steps >= FEW_STEPS {
                said.store(true, Ordering::Relaxed);
                return;
            }
            format!("{} are enough for about {:.0}", duration(time.as_secs_f64()), steps.max(1.0))
        }
        _ => return,
    };
    if said.swap(true, Ordering::Relaxed) {
        return;
    }
    let memory = resident().map_or_else(String::new, |bytes| format!(", with {} of memory", size(bytes)));
    say(&format!("note: a step takes about {}{memory}, and {whole}. {advice}", duration(step)));
}

/// What makes a step shorter, or smaller: for these data and this network.
pub fn advice(recipe: &Recipe, shape: &[usize], folder: bool) -> String {
    let mut ways = Vec::new();
    if shape.len() > 1 {
        let smaller = if folder {
            "--size 64 (the middle of each picture) or --crop 64 (a part of it)"
        } else {
            "--crop 32 (a part of each picture)"
        };
        ways.push(smaller.to_owned());
        match &recipe.network {
            NetworkSpec::Dit(config) => ways.push(format!("--patch {}", 2 * config.patch)),
            _ => ways.push("--network dit with --patch 8".to_owned()),
        }
    } else {
        ways.push("a smaller --width or --depth".to_owned());
    }
    if recipe.batch > 32 {
        ways.push(format!("--batch {}", recipe.batch / 4));
    }
    let last = ways.pop().unwrap_or_default();
    let all = if ways.is_empty() { last } else { format!("{} or {last}", ways.join(", ")) };
    format!("{all} makes it less")
}

/// Refuses a training that the memory cannot hold.
pub fn check_memory(recipe: &Recipe, data: &Dataset, advice: &str) -> Result<()> {
    let (Ok(needed), Some(free)) = (recipe.memory(data), check::available()) else { return Ok(()) };
    if needed <= free {
        return Ok(());
    }
    Err(Failure::misused("the training does not fit in memory")
        .expected(format!("at most {}, which are free", size(free)))
        .got(format!("some {} for the weights, their moments and gradients", size(needed)))
        .hint(advice))
}

/// A number of bytes for people.
fn size(bytes: u64) -> String {
    let mib = bytes as f64 / (1u64 << 20) as f64;
    if mib < 1000.0 { format!("{mib:.0} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

/// The memory that this process has, where Linux says so.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_out_is_for_the_data_and_the_network() {
        let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1));
        let text = advice(&recipe, &[512, 512, 3], true);
        assert!(text.contains("--size") && text.contains("--crop") && text.contains("--network dit"), "{text}");
        recipe.network = langevin_train::DitConfig::new(2, 8, 1, 1).into();
        let text = advice(&recipe, &[512, 512, 3], true);
        assert!(text.contains("--patch 4") && !text.contains("--network"), "{text}");
        recipe.batch = 8;
        assert_eq!(advice(&recipe, &[3], false), "a smaller --width or --depth makes it less");
        assert_eq!(size(5 << 30), "5.0 GiB");
    }
}
