//! Trainings that take long or do not fit: what is said of them, and what to change.

use crate::check;
use crate::error::{Failure, Result};
use crate::io::say;
use crate::progress::{duration, thousands};
use crate::words::plural;
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
/// The same where no row of the step is done, so that nothing can be foretold.
const LOST_PATIENCE: Duration = Duration::from_secs(8);
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
                if done == 0 && start.elapsed() >= LOST_PATIENCE && !begun.load(Ordering::Relaxed) {
                    said.store(true, Ordering::Relaxed);
                    let far = duration(start.elapsed().as_secs_f64());
                    return say(&format!(
                        "note: {far} into the first step none of its {} rows is done: a step will take minutes or more; faster with {advice}",
                        thousands(batch as u64)
                    ));
                }
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
            format!("{} are enough for about {}", duration(time.as_secs_f64()), plural(steps.max(1.0) as u64, "step"))
        }
        _ => return,
    };
    if said.swap(true, Ordering::Relaxed) {
        return;
    }
    let memory = resident().map_or_else(String::new, |bytes| format!(", with {} of memory", size(bytes)));
    say(&format!("note: a step takes about {}{memory}, and {whole}; faster with {advice}", duration(step)));
}

/// What makes a network fit these data, and its steps shorter.
#[derive(Clone, Debug)]
pub struct Ways {
    /// Of another network or smaller pictures.
    pub network: String,
    /// Of those and a smaller batch.
    pub memory: String,
    /// Of the same network on smaller pictures or in smaller batches: another kind of network may be slower.
    pub step: String,
}

/// Tokens of a picture that a transformer goes through in reasonable time, and the side of pictures that any network does.
const TOKENS: usize = 1024;
const SIDE: usize = 64;

impl Ways {
    /// For samples of this shape; pictures in a folder can be read smaller.
    pub fn of(recipe: &Recipe, shape: &[usize], folder: bool) -> Self {
        let (mut ways, mut other) = (Vec::new(), None);
        let patch = match &recipe.network {
            NetworkSpec::Dit(config) => Some(config.patch),
            _ => None,
        };
        if let Some([height, width]) = sides(shape) {
            let side = SIDE.min(height.min(width) / 2).next_multiple_of(8);
            if side < height.max(width) {
                ways.extend(folder.then(|| format!("--size {side} (the middle of each picture)")));
                ways.push(format!("--crop {side} (a part of each picture, drawn anew at every visit)"));
            }
            // The smallest patch that leaves few tokens and divides the picture.
            let fits = |patch: &usize| {
                height.is_multiple_of(*patch)
                    && width.is_multiple_of(*patch)
                    && height / patch * (width / patch) <= TOKENS
            };
            if let Some(larger) = (1..8).map(|power| 1 << power).find(|p| fits(p) && patch.is_none_or(|own| *p > own)) {
                match patch {
                    Some(_) => ways.push(format!("--patch {larger}")),
                    None => other = Some(format!("--network dit --patch {larger}")),
                }
            }
        } else {
            ways.push("a smaller --width or --depth".to_owned());
        }
        let batch = (recipe.batch > 32).then(|| format!("--batch {}", recipe.batch / 4));
        let with = |more: [&Option<String>; 2]| {
            let more = more.into_iter().flatten().cloned();
            any_of(&ways.iter().cloned().chain(more).collect::<Vec<String>>())
        };
        Self { network: with([&other, &None]), memory: with([&other, &batch]), step: with([&batch, &None]) }
    }
}

/// Height and width of pictures.
fn sides(shape: &[usize]) -> Option<[usize; 2]> {
    match *shape {
        [height, width] => Some([height, width]),
        [channels, height, width] if channels <= 4 && width > 4 => Some([height, width]),
        [height, width, _] => Some([height, width]),
        _ => None,
    }
}

/// `a, b or c`.
fn any_of(ways: &[String]) -> String {
    match ways {
        [] => "fewer --steps".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Refuses a training that the memory cannot hold.
pub fn check_memory(recipe: &Recipe, data: &Dataset, ways: &Ways) -> Result<()> {
    let (Ok(needed), free) = (recipe.memory(data), check::available()) else { return Ok(()) };
    if needed <= free {
        return Ok(());
    }
    Err(Failure::misused("the training does not fit in memory")
        .expected(format!("at most {}, which are free", size(free)))
        .got(format!("some {} for the weights, their moments and gradients", size(needed)))
        .hint(format!("try {}", ways.memory)))
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
        let ways = Ways::of(&recipe, &[512, 512, 3], true);
        let words = "--size 64 (the middle of each picture), --crop 64 (a part of each picture, drawn anew at every visit) or --network dit --patch 16";
        assert_eq!(ways.network, words);
        assert!(ways.memory.ends_with("--network dit --patch 16 or --batch 64"), "{}", ways.memory);
        assert!(ways.step.ends_with("visit) or --batch 64"), "{}", ways.step);
        // Of an array nothing smaller can be read; a larger patch than it has must divide the picture.
        recipe.network = langevin_train::DitConfig::new(2, 8, 1, 1).into();
        let ways = Ways::of(&recipe, &[3, 40, 24], false);
        assert!(ways.network.starts_with("--crop 16 ") && ways.network.ends_with(" or --patch 4"), "{}", ways.network);
        recipe.batch = 8;
        assert_eq!(Ways::of(&recipe, &[3], false).step, "a smaller --width or --depth");
        assert_eq!((size(5 << 30), size(7 << 20)), ("5.0 GiB".to_owned(), "7 MiB".to_owned()));
    }
}
