//! Warnings during a training, in terms of flags.

use super::ways::size;
use crate::progress::{duration, thousands};
use crate::watch::about_bound;
use crate::words::{fraction, plural, shown, start};
use langevin_data::HeavyTail;
use langevin_tasks::train::{BestModel, Foreseen, Pace, Peak, Warning};
use serde_json::{Value, json};

/// Maximum number of columns that are listed.
const NAMED: usize = 8;

/// Returns a warning in one line; `data` is the value of --data.
pub fn of(warning: &Warning, data: &str) -> String {
    let words = match warning {
        Warning::Skipped { count, first } => {
            let count = plural(*count as u64, "picture");
            format!("{count} left out, the first: {}: {}", shown(&first.path), first.why)
        }
        Warning::AllSame => "all rows are the same: samples will scatter around them".to_owned(),
        Warning::NoSpacing => {
            format!("no even spacing was found in the values of {}: --dequantize has no effect", start(data))
        }
        Warning::Dequantized { columns, spacing } => {
            let of = if columns.is_empty() { String::new() } else { format!(" of {}", some(columns)) };
            let step = spacing.map_or_else(|| "the spacing of its values".to_owned(), fraction);
            format!("--dequantize adds a random number between 0 and {step} to each value{of}")
        }
        Warning::PassedOver { state, error } => format!("{} is ignored: {}", shown(state), error.text()),
        Warning::Blurred { columns } => format!(
            "some values of {} differ by less than a network can tell, about one part in ten million of their spread: subtract what they share, or leave such a column out with --drop",
            some(columns)
        ),
        Warning::OffScale { columns, mapped } => format!(
            "{} on the scale of the training, where noise has deviation 1: {}",
            columns.join(", "),
            match mapped {
                true => "the data are in other units than those of the model, or others altogether",
                false => "leave out --no-normalize, or scale the data first",
            }
        ),
        Warning::Coarse { columns, spacing } => {
            let which = if columns.is_empty() { String::new() } else { format!(" of {}", some(columns)) };
            let step = spacing.map_or_else(String::new, |step| format!(" of {}", fraction(step)));
            format!(
                "the values{which} come in steps{step}, which have no density: for likelihoods and a held-out bound add --dequantize"
            )
        }
        Warning::HeavyTails { columns, positive } => heavy_tails(columns, *positive),
        Warning::FewRows { rows, columns } => format!(
            "{} for {}: hardly enough to learn how the columns hang together",
            plural(*rows as u64, "row"),
            plural(*columns as u64, "column")
        ),
        Warning::VeryFewRows { rows } => {
            format!("{} to learn from: a network will memorise them", plural(*rows as u64, "row"))
        }
        Warning::Clipped { steps, clip, loss: [then, now] } => format!(
            "all gradients of the last {} steps were clipped to --clip {clip} and the loss does not fall ({then:.4}, then {now:.4}): a larger --clip, or a lower --lr, may help",
            thousands(*steps)
        ),
        Warning::Overtrained(peak) => format!(
            "the {}: the network begins to memorise its rows; fewer --steps, a smaller --width or --depth, more --weight-decay or more rows help",
            of_peak(peak)
        ),
        // A warning from a later version of the tasks.
        other => format!("{other:?}"),
    };
    format!("note: {words}")
}

/// Lists the first of many names.
fn some(columns: &[String]) -> String {
    let shown: Vec<&str> = columns.iter().take(NAMED).map(String::as_str).collect();
    let more = if columns.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn heavy_tails(columns: &[(String, HeavyTail)], positive: bool) -> String {
    let named: Vec<String> = columns
        .iter()
        .take(NAMED)
        .map(|(name, tail)| format!("{name} (up to {:.0} standard deviations)", tail.farthest))
        .collect();
    let way = if positive { "learn their logarithms with --log" } else { "transform such columns first" };
    format!("heavy tails in {}: a network hardly learns them as they are; {way}", named.join(", "))
}

/// Describes a peak: `bound of the held-out rows was best at step 700 (22.40 bits/dim, now 35.30)`.
fn of_peak(peak: &Peak) -> String {
    let (what, unit) = if peak.by_bound { ("bound", " bits/dim") } else { ("loss", "") };
    let Peak { step, score, now, .. } = peak;
    format!("{what} of the held-out rows was best at step {step} ({score:.3}{unit}, now {now:.3})")
}

/// Describes the best model at the end of a training.
pub fn of_best(best: &BestModel) -> String {
    let about = if best.peak.by_bound { format!("; {}", about_bound()) } else { String::new() };
    format!("the {}: {} holds that model{about}", of_peak(&best.peak), shown(&best.path))
}

/// Returns the best model as JSON.
pub fn document_of_best(best: Option<&BestModel>) -> Value {
    best.map_or(Value::Null, |best| {
        let what = if best.peak.by_bound { "bound" } else { "held_out" };
        json!({ "step": best.peak.step, what: best.peak.score, "model": best.path.display().to_string() })
    })
}

/// Describes the duration of a training, and ways to make it faster.
pub fn of_pace(pace: &Pace, advice: &str) -> String {
    match pace {
        Pace::Unknown { elapsed, rows } => format!(
            "note: {} into the first step none of its {} rows is done: a step will take minutes or more; faster with {advice}",
            duration(*elapsed),
            thousands(*rows as u64)
        ),
        Pace::Long { step, whole, memory } => {
            let memory = memory.map_or_else(String::new, |bytes| format!(", with {} of memory", size(bytes)));
            let whole = match whole {
                Foreseen::Steps { left, seconds } => {
                    format!("{} steps take about {}", thousands(*left), duration(*seconds))
                }
                Foreseen::Time { seconds, steps } => {
                    format!("{} are enough for about {}", duration(*seconds), plural(*steps, "step"))
                }
            };
            format!("note: a step takes about {}{memory}, and {whole}; faster with {advice}", duration(*step))
        }
        other => format!("note: {other:?}"),
    }
}
