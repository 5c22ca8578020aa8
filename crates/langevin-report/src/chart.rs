//! Line charts. The drawing stretches with the page; text keeps its size.

use crate::axis::{Axis, Scale};
use crate::numbers::{short, significant, tick};
use crate::page::escape;
use crate::svg::{self, Point, coord};

/// The drawing area of a chart. Lines have their own units and are stretched by the browser; text
/// is placed in per cent.
pub(crate) struct Area {
    width: f64,
    height: f64,
    art: String,
    words: String,
}

impl Area {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, art: String::new(), words: String::new() }
    }

    /// Returns the point at the given shares of the horizontal and the vertical axis.
    pub(crate) fn at(&self, across: f64, up: f64) -> Point {
        (self.width * across, self.height * (1.0 - up))
    }

    /// Returns the position in per cent, from the left and from the top.
    pub(crate) fn percent(&self, at: Point) -> (String, String) {
        (coord(100.0 * at.0 / self.width), coord(100.0 * at.1 / self.height))
    }

    /// Adds shapes.
    pub(crate) fn draw(&mut self, shapes: &str) {
        self.art.push_str(shapes);
    }

    /// Adds text, as HTML.
    pub(crate) fn say(&mut self, words: &str) {
        self.words.push_str(words);
    }

    /// Draws and labels at most `most` lines across the vertical axis.
    pub(crate) fn rule_up(&mut self, axis: &Axis, most: usize) {
        for value in axis.ticks(most) {
            let at = self.at(0.0, axis.share(value));
            self.draw(&svg::line(at, (self.width, at.1), "grid"));
            let top = self.percent(at).1;
            self.say(&format!("<span class=\"y\" style=\"top:{top}%\">{}</span>", tick(value)));
        }
    }

    /// Labels the horizontal axis at `value`, with a CSS class.
    pub(crate) fn label_across(&mut self, axis: &Axis, value: f64, class: &str) {
        let left = self.percent(self.at(axis.share(value), 0.0)).0;
        self.say(&format!("<span class=\"{class}\" style=\"left:{left}%\">{}</span>", tick(value)));
    }

    /// Draws and labels at most `most` lines across the horizontal axis.
    pub(crate) fn rule_across(&mut self, axis: &Axis, most: usize) {
        for value in axis.ticks(most) {
            let at = self.at(axis.share(value), 0.0);
            self.draw(&svg::line((at.0, 0.0), (at.0, self.height), "grid"));
            self.label_across(axis, value, "x");
        }
    }

    /// Returns the drawing as SVG that stretches with the page.
    pub(crate) fn svg(&self) -> String {
        stretched("", self.width, self.height, &self.art)
    }

    /// Returns the text over the drawing.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }
}

/// Returns an SVG element that the browser stretches. `class` is an attribute with a leading space,
/// or empty.
pub(crate) fn stretched(class: &str, width: f64, height: f64, art: &str) -> String {
    format!(
        "<svg{class} viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{art}</svg>"
    )
}

/// A curve over one axis, for example the loss of a training over its steps.
///
/// The vertical axis is logarithmic if the values span more than a factor of five. The last value
/// is written beside the chart. Points that are not finite are left out.
///
/// ```
/// use langevin_report::LineChart;
/// let chart = LineChart::new("step", "loss", [(0.0, 1.0), (50.0, 0.5), (100.0, 0.4)])
///     .dashed("held-out rows", [(100.0, 0.45)])
///     .html();
/// assert!(chart.contains("loss; dashed: held-out rows"));
/// ```
#[derive(Clone, Debug)]
pub struct LineChart {
    across: String,
    up: String,
    name: String,
    points: Vec<Place>,
    dashed: Option<(String, Vec<Place>)>,
    until: f64,
}

/// A position: the values on the horizontal and the vertical axis.
type Place = (f64, f64);

/// Size of the drawing, in its own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 300.0;
/// Maximum number of ticks on each axis.
const ACROSS: usize = 6;
const UP: usize = 5;

impl LineChart {
    /// Builds a chart of points. `across` and `up` are the names of the horizontal and the vertical
    /// axis.
    ///
    /// ```
    /// use langevin_report::LineChart;
    /// assert!(LineChart::new("step", "loss", []).html().contains("No loss was recorded."));
    /// ```
    #[must_use]
    pub fn new(across: impl Into<String>, up: impl Into<String>, points: impl IntoIterator<Item = Place>) -> Self {
        let up = up.into();
        Self { across: across.into(), name: up.clone(), up, points: finite(points), dashed: None, until: 0.0 }
    }

    /// Sets the name of the values for screen readers, for example "Smoothed loss". The default is
    /// the name of the vertical axis.
    ///
    /// ```
    /// use langevin_report::LineChart;
    /// let chart = LineChart::new("step", "loss", [(0.0, 1.0), (9.0, 0.5)]).named("Smoothed loss");
    /// assert!(chart.html().contains("Smoothed loss from 1.00 at step 0 to 0.500 at step 9"));
    /// ```
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a dashed curve with its name.
    ///
    /// ```
    /// use langevin_report::LineChart;
    /// let chart = LineChart::new("step", "loss", [(0.0, 1.0), (9.0, 0.5)]);
    /// assert!(chart.dashed("held out", [(9.0, 0.6)]).html().contains("dashed: held out"));
    /// ```
    #[must_use]
    pub fn dashed(mut self, name: impl Into<String>, points: impl IntoIterator<Item = Place>) -> Self {
        let points = finite(points);
        self.dashed = (!points.is_empty()).then(|| (name.into(), points));
        self
    }

    /// Extends the horizontal axis to `end`.
    ///
    /// ```
    /// use langevin_report::LineChart;
    /// let html = LineChart::new("step", "loss", [(0.0, 1.0), (9.0, 0.5)]).until(2000.0).html();
    /// assert!(html.contains("2,000"));
    /// ```
    #[must_use]
    pub fn until(mut self, end: f64) -> Self {
        self.until = end;
        self
    }

    /// Returns the chart as HTML for a section of a [`Page`](crate::Page).
    #[must_use]
    pub fn html(&self) -> String {
        let (Some(&first), Some(&last)) = (self.points.first(), self.points.last()) else {
            return format!("<p class=\"empty\">No {} was recorded.</p>", escape(&self.up));
        };
        let dashed = self.dashed.iter().flat_map(|(_, points)| points);
        let up = Axis::around(self.points.iter().chain(dashed.clone()).map(|p| p.1));
        let start = first.0.min(0.0);
        let end = self.points.iter().map(|p| p.0).fold(self.until, f64::max).max(start + 1.0);
        let across = Axis::linear(start, end);
        let mut area = Area::new(WIDTH, HEIGHT);
        let place = |area: &Area, p: &Place| area.at(across.share(p.0), up.share(p.1));
        area.rule_up(&up, UP);
        for tick in across.ticks(ACROSS) {
            let class = match tick {
                tick if tick <= start => "x from",
                tick if tick >= end - 1e-9 * end => "x to",
                _ => "x",
            };
            area.label_across(&across, tick, class);
        }
        let curve = |area: &Area, class: &str, points: &mut dyn Iterator<Item = &Place>| {
            let drawn: Vec<Point> = points.map(|p| place(area, p)).collect();
            format!("<path class=\"{class}\" d=\"{}\"/>", svg::path(&drawn))
        };
        area.draw(&curve(&area, "curve", &mut self.points.iter()));
        if self.dashed.is_some() {
            area.draw(&curve(&area, "curve held", &mut dashed.clone()));
        }
        // The number is placed to the right of the dot. Both curves end there, so neither runs
        // through it.
        let (left, top) = area.percent(place(&area, &last));
        area.say(&format!(
            "<span class=\"dot\" style=\"left:{left}%;top:{top}%\"></span><span class=\"last\" style=\"left:{left}%;top:{top}%\">{}</span>",
            significant(last.1, 3)
        ));
        let name = escape(&self.across);
        format!(
            "<div class=\"plot\" role=\"img\" aria-label=\"{} from {} at {name} {} to {} at {name} {}\"><p class=\"axis\">{}</p><div class=\"area\">\
             {}{}</div><p class=\"axis step\">{name}</p></div>",
            escape(&self.name),
            significant(first.1, 3),
            short(first.0, 9),
            significant(last.1, 3),
            short(last.0, 9),
            escape(&self.caption(up.scale())),
            area.svg(),
            area.words(),
        )
    }

    /// Returns the line of text above the chart.
    fn caption(&self, scale: Scale) -> String {
        let scale = if scale == Scale::Logarithmic { ", logarithmic scale" } else { "" };
        let dashed = self.dashed.as_ref().map_or_else(String::new, |(name, _)| format!("; dashed: {name}"));
        format!("{}{scale}{dashed}", self.up)
    }
}

fn finite(points: impl IntoIterator<Item = Place>) -> Vec<Place> {
    points.into_iter().filter(|p| p.0.is_finite() && p.1.is_finite()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(points: &[Place], held_out: &[Place], steps: u64) -> String {
        let chart = LineChart::new("step", "loss", points.iter().copied()).until(steps as f64);
        chart.dashed("of rows not trained on", held_out.iter().copied()).html()
    }

    /// The number is placed in a margin beside the plot, wherever the curves end.
    #[test]
    fn the_last_loss_is_beside_the_curves() {
        for held in [0.9, 1.0, 1.1] {
            let drawn = losses(&[(0.0, 2.0), (5.0, 1.0)], &[(0.0, 2.0), (5.0, held)], 5);
            assert!(drawn.contains("<span class=\"last\" style=\"left:100%;"), "{drawn}");
        }
        let style = include_str!("style.css");
        assert!(style.contains(".plot { padding: 6px 64px 0 58px; }"), "room for the number");
        assert!(style.contains(".area .last { transform: translate(14px, -50%);"), "to the right of the dot");
    }

    #[test]
    fn strange_records_still_draw() {
        assert!(losses(&[], &[], 10).contains("No loss"));
        assert!(losses(&[(0.0, f64::NAN), (1.0, f64::INFINITY)], &[], 10).contains("No loss"));
        let one = losses(&[(5.0, 0.3)], &[(5.0, 0.4), (6.0, f64::NAN)], 10);
        assert!(one.contains("dot") && !one.contains("NaN"));
        let flat = losses(&[(0.0, 0.0), (1.0, 0.0)], &[], 1);
        assert!(!flat.contains("NaN"));
        let steep = losses(&[(0.0, 100.0), (9.0, 0.01)], &[], 10);
        assert!(steep.contains("logarithmic") && !steep.contains("NaN"));
    }
}
