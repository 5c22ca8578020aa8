//! `langevin verify`: measures the claims of the paper.

use crate::cli::VerifyArgs;
use crate::error::{Blame as _, Exit, Failure, Result};
use crate::interrupt;
use crate::io::print;
use crate::progress::{Display, duration};
use crate::words::{plural, visible};
use langevin_theory::verify::{self, Claim, Extra, Measured};
use langevin_train::Dataset;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Number of pictures whose paths are measured; each path evaluates all of them.
const PICTURES: usize = 600;

/// Runs the command.
pub fn run(args: &VerifyArgs) -> Result<()> {
    let list = args.list.as_ref().or(args.only.as_ref());
    let claims = verify::select(list.map_or("", String::as_str)).or_misused()?;
    interrupt::listen()?;
    let start = Instant::now();
    let digits = Dataset::digits();
    let pictures: Vec<f64> = digits.values().or_failed()?[..PICTURES * digits.width()]
        .iter()
        .map(|value| f64::from(*value) / 8.0 - 1.0)
        .collect();
    let found = measure(&claims, &Extra::with_pictures(&pictures, digits.width()))?;
    let held = found.iter().filter(|found| found.pass()).count();
    print(&if args.json { document(&claims, &found) } else { table(&claims, &found) })?;
    if !args.json {
        let verdict = if held == claims.len() { "all hold".to_owned() } else { format!("{held} hold") };
        let took = duration(start.elapsed().as_secs_f64());
        print(&format!("\n{}: {verdict} ({took})\n", plural(claims.len() as u64, "claim")))?;
    }
    if held == claims.len() { Ok(()) } else { Err(Failure::silent(Exit::Failed)) }
}

/// Runs all measurements, distributed over the cores; each measurement uses one thread.
fn measure(claims: &[Claim], extra: &Extra<'_>) -> Result<Vec<Measured>> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let display = Mutex::new(Display::sampling());
    let work = || {
        let mut own = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(claim) = claims.get(i).filter(|_| !interrupt::requested()) else { return own };
            own.push((i, claim.judge(extra)));
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Ok(mut display) = display.lock() {
                display.show(done as f64 / claims.len() as f64, &format!("{done} of {} claims", claims.len()));
            }
        }
    };
    let mut all: Vec<(usize, Measured)> = std::thread::scope(|scope| {
        // If the system refuses a thread, the other threads take over its claims.
        let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let threads: Vec<_> = (1..cores.min(claims.len())).map_while(spawn).collect();
        let mine = work();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| match thread.join() {
            Ok(own) => own,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        mine.into_iter().chain(threads.into_iter().flat_map(join)).collect()
    });
    interrupt::check()?;
    all.sort_by_key(|(i, _)| *i);
    Ok(all.into_iter().map(|(_, found)| found).collect())
}

fn table(claims: &[Claim], found: &[Measured]) -> String {
    let mut text = String::new();
    let labels: Vec<String> = claims.iter().map(Claim::label).collect();
    let wide = labels.iter().map(String::len).fold(2, usize::max);
    for ((claim, label), found) in claims.iter().zip(&labels).zip(found) {
        let mark = if found.pass() { "holds" } else { "FAILS" };
        text.push_str(&format!("{label:>wide$}  {}\n", claim.claim));
        text.push_str(&format!("{:wide$}  {mark}  {:.2e} ≤ {:.1e}  {}\n", "", found.figure, found.bound, claim.source));
        for line in wrapped(&visible(&found.computed), 92) {
            text.push_str(&format!("{:wide$}         {line}\n", ""));
        }
    }
    text
}

/// Wraps text at spaces into lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

fn document(claims: &[Claim], found: &[Measured]) -> String {
    let all: Vec<_> = claims
        .iter()
        .zip(found)
        .map(|(claim, found)| {
            serde_json::json!({
                "number": claim.number,
                "claim": claim.claim,
                "source": claim.source,
                "figure": found.figure,
                "bound": found.bound,
                "pass": found.pass(),
            })
        })
        .collect();
    format!("{}\n", serde_json::Value::Array(all))
}
