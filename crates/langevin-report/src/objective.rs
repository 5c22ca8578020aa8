//! The page of a training objective: density of the noise levels and weight of an error, over λ.

use crate::axis::Axis;
use crate::numbers::{capital, short};
use crate::page::{Page, escape};
use crate::svg::{label, line, path};
use langevin::objective::{Frame, Point};

/// Size of the drawing, in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
/// Margins for the axis and the names.
const LEFT: f64 = 16.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;
/// Maximum number of ticks.
const TICKS: usize = 7;

/// Returns the page of an objective as HTML. `title` lists the parts of the objective and `verdict`
/// states the kind of bound; both are sentences without a full stop.
///
/// ```
/// use langevin::objective::{TimeDensity, Weight};
/// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
/// let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity)
///     .with_range(LambdaRange { min: -3.0, max: 3.0 });
/// let frame = Objective::new(&flow, Weight::Plain, TimeDensity::UniformTime)?.frame(201)?;
/// let page = langevin_report::objective::html("rectified flow", &frame, "a bound");
/// assert!(page.contains("<svg class=\"curves\""));
/// # Ok::<(), langevin::Error>(())
/// ```
#[must_use]
pub fn html(title: &str, frame: &Frame, verdict: &str) -> String {
    let main = format!(
        "<section class=\"objective\"><h2>On one axis</h2>{}<p>Each curve is drawn against its own largest value. λ = ln(α/σ): noise on the left, data on the right.</p></section>",
        drawing(frame)
    );
    let footer = format!(
        "<section><h2>What it is</h2><p>Every denoising loss is ∫ w(λ) p(λ) E‖ε − ε̂‖² dλ: p says where the noise levels are drawn, w what a squared error in ε \
         counts there. Only their product matters in expectation. Where it does not rise with λ, the loss is a bound on the likelihood of data with added noise; where it is the same \
         everywhere, on that of the data.</p></section><section><h2>Source</h2><p>Kingma and Gao, <a href=\"https://arxiv.org/abs/2303.00848\">Understanding diffusion objectives as the \
         ELBO with simple data augmentation</a>, arXiv 2303.00848.</p><p>langevin {}</p></section>",
        env!("CARGO_PKG_VERSION")
    );
    Page::new("One objective")
        .kicker("langevin objective")
        .lede(format!("{}. {}.", capital(title), capital(verdict)))
        .raw(&main)
        .footer(&footer)
        .html()
}

fn drawing(frame: &Frame) -> String {
    let (Some(first), Some(last)) = (frame.points.first(), frame.points.last()) else { return String::new() };
    let axis = Axis::linear(first.lambda, last.lambda);
    let across = |lambda: f64| LEFT + axis.share(lambda) * (WIDTH - LEFT - RIGHT);
    let floor = HEIGHT - BOTTOM;
    let mut out = format!(
        "<svg class=\"curves\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"w times p, and p, over λ\">"
    );
    for tick in axis.ticks(TICKS) {
        let x = across(tick);
        out.push_str(&line((x, TOP), (x, floor), "grid"));
        out.push_str(&label((x, floor + 18.0), "middle", "tick", &escape(&short(tick, 3))));
    }
    out.push_str(&line((LEFT, floor), (WIDTH - RIGHT, floor), "axis"));
    out.push_str(&label((0.5 * WIDTH, HEIGHT - 6.0), "middle", "tick", "λ"));
    type Curve = (&'static str, &'static str, fn(&Point) -> f64);
    let curves: [Curve; 2] = [
        ("density", "p(λ), where levels are drawn", |point| point.density),
        ("product", "w·p, what an error counts", |point| point.product),
    ];
    for (row, (class, name, value)) in curves.into_iter().enumerate() {
        let most = frame.points.iter().map(value).fold(f64::MIN_POSITIVE, f64::max);
        let point = |point: &Point| (across(point.lambda), floor - value(point) / most * (floor - TOP));
        let points: Vec<(f64, f64)> = frame.points.iter().map(point).collect();
        out.push_str(&format!("<path class=\"curve {class}\" d=\"{}\"/>", path(&points)));
        let x = LEFT + 300.0 * row as f64;
        out.push_str(&line((x, 14.0), (x + 26.0, 14.0), &format!("curve {class}")));
        out.push_str(&label((x + 34.0, 18.0), "start", "name", name));
    }
    out.push_str("</svg>");
    out
}
