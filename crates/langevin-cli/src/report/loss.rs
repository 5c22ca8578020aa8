//! The training curve. The line stretches with the page; its words do not.

use super::DemoData;
use super::svg::{self, Point};
use super::text::{count, plural, seconds, short, significant};

/// The drawing's own units, stretched by the browser.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 300.0;

/// "One training".
pub(super) fn section(data: &DemoData) -> String {
    let points: Vec<(f64, f64)> =
        data.losses.iter().filter(|(_, loss)| loss.is_finite()).map(|&(step, loss)| (step as f64, loss)).collect();
    let lost = data.losses.len() - points.len();
    let curve = curve(&points, &[], data.steps);
    let aside = if lost > 0 {
        format!(" {} of the record could not be drawn: the loss was not finite.", plural(lost, "point", "points"))
    } else {
        String::new()
    };
    format!(
        "<section id=\"training\"><h2>One training</h2><p class=\"say\">The only training there is: the loss of the velocity, smoothed. \
         It does not fall to zero, for a noisy picture does not tell which clean one it came from.{aside}</p>{}{curve}</section>",
        facts(data),
    )
}

/// What was trained, on what, for how long.
fn facts(data: &DemoData) -> String {
    let fact = |term: &str, value: &str, note: &str| {
        format!("<div><dt>{term}</dt><dd>{value} <small>{note}</small></dd></div>")
    };
    let facts = [
        fact("Network", &count(data.parameters as u64), "weights"),
        fact("Training", &seconds(data.train_seconds), &format!("{} steps", count(data.steps))),
        fact(
            "Pictures",
            &count(data.train_rows as u64),
            &format!("to learn from, {} held out", count(data.held_out_rows as u64)),
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

/// The loss of the training, and where there is one that of rows not seen.
pub(super) fn curve(points: &[(f64, f64)], held_out: &[(f64, f64)], steps: u64) -> String {
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else {
        return "<p class=\"empty\">No loss was recorded.</p>".into();
    };
    let axis = Axis::around(points.iter().chain(held_out).map(|p| p.1));
    let start = first.0.min(0.0);
    let end = points.iter().map(|p| p.0).fold(steps as f64, f64::max).max(start + 1.0);
    let across = |step: f64| (step - start) / (end - start);
    let place = |p: &(f64, f64)| -> Point { (WIDTH * across(p.0), HEIGHT * (1.0 - axis.share(p.1))) };
    let drawn: Vec<Point> = points.iter().map(place).collect();
    let mut art = String::new();
    let mut words = String::new();
    for tick in axis.ticks() {
        let down = 1.0 - axis.share(tick);
        art.push_str(&svg::line((0.0, HEIGHT * down), (WIDTH, HEIGHT * down), "grid"));
        words.push_str(&format!(
            "<span class=\"y\" style=\"top:{}%\">{}</span>",
            svg::coord(100.0 * down),
            short(tick, 3)
        ));
    }
    for tick in nice(start, end, 5) {
        let class = if tick <= start {
            "x from"
        } else if tick >= end - 1e-9 * end {
            "x to"
        } else {
            "x"
        };
        words.push_str(&format!(
            "<span class=\"{class}\" style=\"left:{}%\">{}</span>",
            svg::coord(100.0 * across(tick)),
            count(tick.max(0.0).round() as u64)
        ));
    }
    art.push_str(&format!("<path class=\"curve\" d=\"{}\"/>", svg::path(&drawn)));
    if !held_out.is_empty() {
        let drawn: Vec<Point> = held_out.iter().map(place).collect();
        art.push_str(&format!("<path class=\"curve held\" d=\"{}\"/>", svg::path(&drawn)));
    }
    let end_point = place(&last);
    // The number stands to the right of the dot: both curves end there, so neither runs through it.
    words.push_str(&format!(
        "<span class=\"dot\" style=\"left:{}%;top:{}%\"></span><span class=\"last\" style=\"left:{}%;top:{}%\">{}</span>",
        svg::coord(100.0 * end_point.0 / WIDTH),
        svg::coord(100.0 * end_point.1 / HEIGHT),
        svg::coord(100.0 * end_point.0 / WIDTH),
        svg::coord(100.0 * end_point.1 / HEIGHT),
        significant(last.1, 3)
    ));
    format!(
        "<div class=\"plot\" role=\"img\" aria-label=\"Smoothed loss from {} at step {} to {} at step {}\"><p class=\"axis\">{}</p><div class=\"area\">\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{art}</svg>{words}</div><p class=\"axis step\">step</p></div>",
        significant(first.1, 3),
        count(first.0 as u64),
        significant(last.1, 3),
        count(last.0 as u64),
        match (axis.logarithmic, held_out.is_empty()) {
            (true, true) => "loss, logarithmic scale",
            (false, true) => "loss",
            (true, false) => "loss, logarithmic scale; dashed: of rows not trained on",
            (false, false) => "loss; dashed: of rows not trained on",
        },
    )
}

/// The upright axis: logarithmic where the loss falls by more than a factor of five.
struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Axis {
    fn around(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > 0.0 && high > 5.0 * low {
            return Self { low: low / 1.12, high: high * 1.06, logarithmic: true };
        }
        let span = if high > low { high - low } else { high.abs().max(1.0) };
        let below = low - 0.12 * span;
        Self { low: if low >= 0.0 { below.max(0.0) } else { below }, high: high + 0.06 * span, logarithmic: false }
    }

    /// Where `value` lies, 0 at the bottom and 1 at the top.
    fn share(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    fn ticks(&self) -> Vec<f64> {
        if !self.logarithmic {
            return nice(self.low, self.high, 4);
        }
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let steps: &[f64] = if self.high / self.low > 200.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        decades
            .flat_map(|d| steps.iter().map(move |s| s * 10_f64.powi(d)))
            .filter(|v| (self.low..=self.high).contains(v))
            .collect()
    }
}

/// Round numbers between `low` and `high`, about `wanted` of them.
fn nice(low: f64, high: f64, wanted: u32) -> Vec<f64> {
    let rough = (high - low) / f64::from(wanted.max(1));
    if !(rough.is_finite() && rough > 0.0) {
        return vec![low];
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * power).find(|&s| s >= 0.999 * rough).unwrap_or(10.0 * power);
    let first = (low / step - 1e-9).ceil();
    (0..=2 * wanted + 2).map(|i| (first + f64::from(i)) * step).take_while(|&v| v <= high + 1e-9 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(nice(0.0, 2000.0, 5), [0.0, 500.0, 1000.0, 1500.0, 2000.0]);
        assert_eq!(nice(0.0, 1.0, 5).len(), 6);
        assert_eq!(nice(3.0, 3.0, 5), [3.0]);
    }

    /// The number stands beside the plot, in a margin of its own, wherever the curves end.
    #[test]
    fn the_last_loss_is_beside_the_curves() {
        let losses = [(0.0, 2.0), (5.0, 1.0)];
        for held in [0.9, 1.0, 1.1] {
            let drawn = curve(&losses, &[(0.0, 2.0), (5.0, held)], 5);
            assert!(drawn.contains("<span class=\"last\" style=\"left:100%;"), "{drawn}");
        }
        let style = include_str!("style.css");
        assert!(style.contains(".plot { padding: 6px 64px 0 58px; }"), "room for the number");
        assert!(style.contains(".area .last { transform: translate(14px, -50%);"), "to the right of the dot");
    }

    #[test]
    fn strange_records_still_draw() {
        assert!(curve(&[], &[], 10).contains("No loss"));
        let one = curve(&[(5.0, 0.3)], &[(5.0, 0.4)], 10);
        assert!(one.contains("dot") && !one.contains("NaN"));
        let flat = curve(&[(0.0, 0.0), (1.0, 0.0)], &[], 1);
        assert!(!flat.contains("NaN"));
        let steep = curve(&[(0.0, 100.0), (9.0, 0.01)], &[], 10);
        assert!(steep.contains("logarithmic") && !steep.contains("NaN"));
    }
}
