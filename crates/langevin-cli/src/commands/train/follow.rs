//! The observer of the command line: a progress bar, notes and JSON lines.

use super::super::preview::preview;
use super::{changes, notes};
use crate::cli::{TrainArgs, config::Effective};
use crate::error::Result;
use crate::interrupt;
use crate::io::{print, say};
use crate::progress::{Display, thousands};
use langevin_tasks::train::{Change, Observer, Opened, PaceListener, Step, Warning};
use langevin_train::Network;
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;

/// An observer of a training.
pub struct Follower<'a> {
    args: &'a TrainArgs,
    effective: &'a Effective,
    /// Advice on making steps faster.
    advice: String,
    display: Option<Display>,
}

impl<'a> Follower<'a> {
    pub fn new(args: &'a TrainArgs, effective: &'a Effective, advice: String) -> Self {
        Self { args, effective, advice, display: None }
    }
}

impl Observer for Follower<'_> {
    fn goes_on(&mut self) -> bool {
        !interrupt::requested()
    }

    fn changed(&mut self, change: &Change<'_>) -> Result<Option<Map<String, Value>>> {
        changes::check(change, self.effective)
    }

    fn opened(&mut self, opened: &Opened<'_>) {
        if let Some(step) = opened.after {
            say(&format!("goes on after step {step}"));
        }
        if !opened.device.is_cpu() {
            say(&format!("on {}", opened.device));
        }
    }

    fn warned(&mut self, warning: &Warning) {
        say(&notes::of(warning, self.args.data.as_deref().unwrap_or_default()));
    }

    fn begun(&mut self) {
        self.display = Some(Display::training());
    }

    fn pace(&self) -> Option<PaceListener> {
        let advice = self.advice.clone();
        Some(Arc::new(move |pace| say(&notes::of_pace(&pace, &advice))))
    }

    fn stepped(&mut self, step: &Step<'_>) {
        if let Some(display) = &mut self.display {
            display.show(step.progress.fraction, &words(step));
        }
    }

    fn logged(&mut self, line: &Value) -> Result<()> {
        if self.args.json { print(&format!("{line}\n")) } else { Ok(()) }
    }

    fn picture(&mut self, network: &mut Network, path: &Path) -> Result<()> {
        preview(network, self.args.seed, path)
    }

    fn ended(&mut self) {
        self.display = None;
    }
}

/// Returns the text beside the progress bar.
fn words(step: &Step<'_>) -> String {
    let (progress, look) = (&step.progress, step.held_out);
    let mut held_out = look.map_or_else(String::new, |look| format!("  held-out {:.4}", look.loss));
    if let Some(bound) = look.and_then(|look| look.bound) {
        let unit = look.map_or("bits/dim", |look| look.unit);
        held_out.push_str(&format!(", bound {bound:.3} {unit}"));
    }
    let speed = match progress.samples_per_second / step.batch as f64 {
        slow if slow < 10.0 => format!("{slow:.1}"),
        quick => thousands(quick as u64),
    };
    format!("step {}  loss {:.4}{held_out}  {speed} steps/s", progress.step, progress.loss)
}
