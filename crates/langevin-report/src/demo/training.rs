//! The training curve.

use super::Demo;
use crate::numbers::{plural, seconds, short, thousands};
use crate::run::losses;

/// Returns the section "One training".
pub(super) fn section(data: &Demo) -> String {
    let points: Vec<(f64, f64)> = data.losses.iter().map(|&(step, loss)| (step as f64, loss)).collect();
    let lost = points.iter().filter(|(_, loss)| !loss.is_finite()).count();
    let curve = losses(&points, &[], data.steps);
    let aside = if lost > 0 {
        format!(" {} of the record could not be drawn: the loss was not finite.", plural(lost as u64, "point"))
    } else {
        String::new()
    };
    format!(
        "<section id=\"training\"><h2>One training</h2><p class=\"say\">The only training there is: the loss of the velocity, smoothed. \
         It does not fall to zero, for a noisy picture does not tell which clean one it came from.{aside}</p>{}{curve}</section>",
        facts(data),
    )
}

/// Returns the facts: network, data and duration of the training.
fn facts(data: &Demo) -> String {
    let fact = |term: &str, value: &str, note: &str| {
        format!("<div><dt>{term}</dt><dd>{value} <small>{note}</small></dd></div>")
    };
    let facts = [
        fact("Network", &thousands(data.parameters as u64), "weights"),
        fact("Training", &seconds(data.train_seconds), &format!("{} steps", thousands(data.steps))),
        fact(
            "Pictures",
            &thousands(data.train_rows as u64),
            &format!("to learn from, {} held out", thousands(data.held_out_rows as u64)),
        ),
        fact(
            "Noise to signal σ/α",
            &format!("{} to {}", short(data.sigma_max, 3), short(data.sigma_min, 3)),
            "while sampling",
        ),
    ]
    .concat();
    format!("<dl class=\"facts\">{facts}</dl>")
}
