//! The identity forward + reverse = Langevin: a drawing to scale and a sum for each row.

use super::{Demo, Reading, Triangle};
use crate::axis::{multiples, step};
use crate::numbers::{short, significant};
use crate::page::escape;
use crate::palette::{class, mark};
use crate::svg::{self, Point};

const WIDTH: f64 = 264.0;
/// Maximum height of a drawing; drawings are as tall as their arrows.
const TALLEST: f64 = 220.0;
/// Margins of the drawing: left, top, right (for the word "Langevin"), bottom.
const ROOM: [f64; 4] = [14.0, 18.0, 82.0, 40.0];

/// Returns the section "The triangle".
pub(super) fn section(data: &Demo) -> String {
    if data.rows.is_empty() {
        return String::new();
    }
    let frame = Frame::around(data.rows.iter().map(|row| &row.triangle));
    let noise =
        data.rows.iter().flat_map(|row| [row.triangle.forward[2], row.triangle.reverse[2], row.triangle.langevin[2]]);
    let noise = noise.filter(|v| v.is_finite()).fold(0.0, f64::max);
    let cards: String = data.rows.iter().enumerate().map(|(index, row)| card(index, row, &frame, noise)).collect();
    format!(
        "<section id=\"triangle\"><h2>Forward + reverse = Langevin</h2>\
         <p class=\"say\">Every row splits one Langevin equation into two halves. The forward half adds noise, the reverse half takes it away. \
         Added up, the pull on x cancels, the score stays, and the noise adds.</p>{EQUATIONS}\
         <p class=\"say\">The same sum with the numbers of each row, where noise and signal are equally large (σ/α = 1). \
         An arrow is a drift: left and right along x, up along the score s = ∇ log p. \
         All drawings have one scale, and each row keeps its own clock. Discs are squared noise, drawn by area.</p>\
         <div class=\"cards\">{cards}</div></section>"
    )
}

/// The split in symbols, with corresponding terms in columns.
const EQUATIONS: &str = "<div class=\"equations\" role=\"img\" aria-label=\"Forward: dx = f x dτ + g dW. Reverse: dx = −f x dτ + ½(g² + h²) s dτ + h dW. \
    Their sum, Langevin: dx = ½(g² + h²) s dτ + √(g² + h²) dW.\">\
    <p><span class=\"op\"></span><b>forward</b><i><s>f x dτ</s></i><i></i><i>g dW₁</i></p>\
    <p><span class=\"op\">+</span><b>reverse</b><i><s>−f x dτ</s></i><i>½(g² + h²) s dτ</i><i>h dW₂</i></p>\
    <p class=\"sum\"><span class=\"op\">=</span><b>Langevin</b><i></i><i>½(g² + h²) s dτ</i><i>√(g² + h²) dW</i></p>\
    <p class=\"fate\"><span class=\"op\"></span><b></b><em>cancels</em><em>stays</em><em>adds</em></p></div>";

fn card(index: usize, row: &Reading, frame: &Frame, noise: f64) -> String {
    let t = &row.triangle;
    let name = escape(&row.title);
    let line = |style: &str, op: &str, label: &str, [x, score, squared]: [f64; 3]| {
        let share = if noise > 0.0 { squared / noise } else { 0.0 };
        format!(
            "<tr class=\"{style}\"><td class=\"op\">{op}</td><th scope=\"row\">{label}</th><td>{}</td><td>{}</td><td>{}{}</td></tr>",
            coefficient(x),
            coefficient(score),
            svg::disc(share),
            coefficient(squared)
        )
    };
    format!(
        "<article class=\"card {}\"><h3>{}{name}</h3>{}<table class=\"sums\"><caption>Coefficients of {name}</caption>\
         <thead><tr><td></td><td></td><th scope=\"col\">x</th><th scope=\"col\">score</th><th scope=\"col\">noise²</th></tr></thead>\
         <tbody>{}{}{}</tbody></table><p class=\"note\">h/g = {}, at {} = {}</p></article>",
        class(index),
        mark(index),
        drawing(t, frame, &name),
        line("", "", "forward", t.forward),
        line("", "+", "reverse", t.reverse),
        line("sum", "=", "Langevin", t.langevin),
        short(row.eta, 3),
        clock(&row.process),
        short(t.time, 3),
    )
}

/// Returns the letter of a process's clock in the paper.
fn clock(process: &str) -> &'static str {
    match process {
        "ve" => "σ",
        "rectified-flow" => "s",
        _ => "t",
    }
}

/// Formats a coefficient. A value that differs from 0 only by rounding is written as 0.
fn coefficient(value: f64) -> String {
    if value.abs() < 1e-9 { "0".into() } else { short(value, 3) }
}

fn drawing(t: &Triangle, frame: &Frame, name: &str) -> String {
    let origin = frame.at(0.0, 0.0);
    let corner = frame.at(t.forward[0], t.forward[1]);
    let end = frame.at(t.langevin[0], t.langevin[1]);
    // If the three arrows lie on one line, the sum is shifted to remain visible.
    let area = (corner.0 - origin.0) * (end.1 - origin.1) - (corner.1 - origin.1) * (end.0 - origin.0);
    let aside = if area.abs() < 40.0 { 9.0 } else { 0.0 };
    let moved = |p: Point| (p.0 + aside, p.1);
    let still = (corner.0 - origin.0).hypot(corner.1 - origin.1) <= 1.0;
    let mut art = frame.grid();
    art.push_str(&svg::arrow(origin, corner, "forward", 9.0));
    art.push_str(&svg::arrow(corner, end, "reverse", 9.0));
    art.push_str(&svg::arrow(moved(origin), moved(end), "langevin", 12.0));
    if still {
        art.push_str(&svg::label((origin.0 - 10.0, origin.1 - 9.0), "end", "t", "forward: no drift"));
    } else {
        art.push_str(&svg::label((0.5 * (origin.0 + corner.0), origin.1 + 17.0), "middle", "t", "forward"));
    }
    let middle = (0.5 * (corner.0 + end.0) - 7.0, 0.5 * (corner.1 + end.1) - 5.0);
    art.push_str(&svg::label(middle, "end", "t", "reverse"));
    let side = moved((0.5 * (origin.0 + end.0), 0.5 * (origin.1 + end.1)));
    art.push_str(&svg::label((side.0 + 9.0, side.1 + 4.0), "start", "t strong", "Langevin"));
    format!(
        "<svg class=\"plane\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{name}: the forward drift ({} x, {} s) plus the reverse drift \
         ({} x, {} s) is the Langevin drift ({} x, {} s).\">{art}</svg>",
        svg::coord(frame.height()),
        coefficient(t.forward[0]),
        coefficient(t.forward[1]),
        coefficient(t.reverse[0]),
        coefficient(t.reverse[1]),
        coefficient(t.langevin[0]),
        coefficient(t.langevin[1]),
    )
}

/// The plane of drifts, with x to the right and the score upwards, at one scale for all rows.
struct Frame {
    low: Point,
    high: Point,
    unit: f64,
}

impl Frame {
    fn around<'a>(triangles: impl Iterator<Item = &'a Triangle>) -> Self {
        let (mut low, mut high) = ((0.0_f64, 0.0_f64), (0.0_f64, 0.0_f64));
        for t in triangles {
            for v in [t.forward, t.langevin].into_iter().filter(|v| v[0].is_finite() && v[1].is_finite()) {
                low = (low.0.min(v[0]), low.1.min(v[1]));
                high = (high.0.max(v[0]), high.1.max(v[1]));
            }
        }
        let span = |low: f64, high: f64| if high - low > 1e-9 { high - low } else { 1.0 };
        let unit = ((WIDTH - ROOM[0] - ROOM[2]) / span(low.0, high.0))
            .min((TALLEST - ROOM[1] - ROOM[3]) / span(low.1, high.1));
        Self { low, high, unit }
    }

    fn height(&self) -> f64 {
        ROOM[1] + ROOM[3] + (self.high.1 - self.low.1) * self.unit
    }

    /// Returns the position of the drift (x, score) in the drawing.
    fn at(&self, x: f64, score: f64) -> Point {
        (WIDTH - ROOM[2] - (self.high.0 - x) * self.unit, self.height() - ROOM[3] - (score - self.low.1) * self.unit)
    }

    /// Returns faint lines at integers, or at coarser steps if integers would be too dense.
    fn grid(&self) -> String {
        // Lines are at least 34 pixels and one integer apart.
        let step = step(34.0 / self.unit).max(1.0);
        let ticks = |low: f64, high: f64| multiples(low, high, step).take(41);
        let (left, bottom) = self.at(self.low.0, self.low.1);
        let (right, top) = self.at(self.high.0, self.high.1);
        let mut art = String::new();
        for x in ticks(self.low.0, self.high.0) {
            let (px, _) = self.at(x, 0.0);
            art.push_str(&svg::line((px, top - 6.0), (px, bottom + 20.0), "grid"));
            art.push_str(&svg::label((px, bottom + 33.0), "middle", "tick", &significant(x, 1)));
        }
        for score in ticks(self.low.1, self.high.1) {
            let (_, py) = self.at(0.0, score);
            art.push_str(&svg::line((left - 6.0, py), (right + 6.0, py), "grid"));
        }
        art.push_str(&svg::label((right + 22.0, bottom + 33.0), "start", "tick axis", "x"));
        art.push_str(&svg::label(
            (right + 10.0, top - 3.0),
            "start",
            "tick",
            &format!("score {}", short(self.high.1, 2)),
        ));
        art
    }
}
