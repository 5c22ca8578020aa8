//! The page of `langevin analyze`: the exact errors of samplers as a chart and a table. The chart
//! shows W2 against network evaluations on logarithmic axes, with one line for each sampler and
//! grid.
//!
//! The drawing stretches with the page; text keeps its size. Every line is named at its end, or
//! below the chart on narrow pages. Colour and mark identify the sampler and the dash pattern the
//! grid, as long as there are few enough of both.

use crate::axis::Axis;
use crate::chart::{Area, stretched};
use crate::numbers::{capital, plural};
use crate::page::{Page, escape};
use crate::palette::{COLOURS, DASHES, class, mark};
use crate::svg::{self, coord};
use crate::table::{Cell, Table};
use langevin::text::Column;

/// Size of the drawing, in its own units, which the browser stretches.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 1000.0;
/// Distance between two names, in pixels.
const PITCH: f64 = 21.0;
/// Maximum number of lines; more could not be distinguished.
const MOST: usize = 24;
/// Maximum number of ticks on each axis.
const ACROSS: usize = 5;
const UP: usize = 8;

/// A plan with its errors.
///
/// ```
/// use langevin_report::errors::Point;
/// let (nfe, w2, kl) = (8, 0.1, f64::INFINITY);
/// let point = Point { sampler: "ddim".into(), grid: None, steps: None, nfe, w2, kl };
/// assert!(point.kl > point.w2);
/// ```
#[derive(Clone, Debug)]
pub struct Point {
    /// Name of the sampler with its options, or name of a plan.
    pub sampler: String,
    /// Name of the grid; `None` for a plan from a file.
    pub grid: Option<String>,
    /// Number of steps; `None` for a plan from a file.
    pub steps: Option<usize>,
    /// Number of network evaluations.
    pub nfe: usize,
    /// 2-Wasserstein distance.
    pub w2: f64,
    /// KL divergence in nats; may be infinite.
    pub kl: f64,
}

/// The exact errors of several plans on the same data.
///
/// ```
/// use langevin_report::errors::{Errors, Point};
/// let (sampler, grid) = ("ddim".to_owned(), Some("karras".to_owned()));
/// let point = |nfe, w2| Point {
///     sampler: sampler.clone(),
///     grid: grid.clone(),
///     steps: Some(nfe),
///     nfe,
///     w2,
///     kl: w2,
/// };
/// let errors = Errors { subject: "digits".into(), points: vec![point(4, 0.5), point(8, 0.2)] };
/// assert!(errors.table().text().contains("ddim     karras      4    4  5.000e−1"));
/// assert!(errors.html().contains("W₂ against evaluations"));
/// ```
#[derive(Clone, Debug)]
pub struct Errors {
    /// Description of the plans and the data, in one line.
    pub subject: String,
    /// The plans; those of one line of the chart are adjacent.
    pub points: Vec<Point>,
}

impl Errors {
    /// Returns the page as HTML: a chart and the table.
    ///
    /// ```
    /// use langevin_report::errors::Errors;
    /// let errors = Errors { subject: "digits".into(), points: vec![] };
    /// assert!(errors.html().contains("No error to draw"));
    /// ```
    #[must_use]
    pub fn html(&self) -> String {
        let footer = format!(
            "<section><h2>What it is</h2><p>On Gaussian data everything is linear, so the error of a plan is known exactly, with no sampling. \
             W₂ is in the units of the data; KL, of the data from the model, in nats.</p></section>\
             <section><h2>Source</h2><p>Pierret and Galerne, <a href=\"https://arxiv.org/abs/2405.14250\">Diffusion models for Gaussian distributions: \
             exact solutions and Wasserstein errors</a>, arXiv 2405.14250.</p><p>langevin {}</p></section>",
            env!("CARGO_PKG_VERSION")
        );
        let numbers = self.table().html("figures", "W2 and KL of each plan");
        Page::new("Exact error of samplers")
            .kicker("langevin analyze")
            .lede(format!("{}.", capital(&self.subject)))
            .raw(&drawing(&self.points))
            .raw(&format!("<section id=\"numbers\"><h2>The numbers</h2>{numbers}</section>"))
            .footer(&footer)
            .html()
    }

    /// Returns the table of the errors.
    #[must_use]
    pub fn table(&self) -> Table {
        let layout = [Column::Left(0), Column::Left(0), Column::Right(0)];
        let mut table = Table::new(["sampler", "grid", "steps", "NFE", "W2", "KL"])
            .titles(["Sampler", "Grid", "Steps", "NFE", "W₂", "KL"])
            .layout(&layout);
        for Point { sampler, grid, steps, nfe, w2, kl } in &self.points {
            let names = [sampler.as_str().into(), grid.as_deref().into()];
            let numbers: [Cell; 4] = [(*steps).into(), (*nfe).into(), (*w2).into(), (*kl).into()];
            table.push(names.into_iter().chain(numbers));
        }
        table
    }
}

/// One line of the chart. Errors that are zero or not finite are left out.
struct Curve<'a> {
    sampler: &'a str,
    grid: Option<&'a str>,
    /// Pairs (evaluations, W2), in the order of evaluations.
    points: Vec<(f64, f64)>,
}

impl Curve<'_> {
    fn last(&self) -> (f64, f64) {
        self.points.last().copied().unwrap_or((1.0, 1.0))
    }
}

fn curves(points: &[Point]) -> Vec<Curve<'_>> {
    let mut curves: Vec<Curve<'_>> = Vec::new();
    for point in points.iter().filter(|point| point.nfe > 0 && point.w2 > 0.0 && point.w2.is_finite()) {
        let (sampler, grid) = (point.sampler.as_str(), point.grid.as_deref());
        let place = (point.nfe as f64, point.w2);
        match curves.iter_mut().find(|curve| curve.grid.is_some() && curve.sampler == sampler && curve.grid == grid) {
            Some(curve) => curve.points.push(place),
            None => curves.push(Curve { sampler, grid, points: vec![place] }),
        }
    }
    curves.iter_mut().for_each(|curve| curve.points.sort_by(|a, b| a.0.total_cmp(&b.0)));
    // Lines with the smallest final error come first and are kept if there are too many.
    curves.sort_by(|a, b| a.last().1.total_cmp(&b.last().1));
    curves
}

/// Returns the section "W2 against evaluations".
fn drawing(points: &[Point]) -> String {
    let curves = curves(points);
    let heading = "<section id=\"plot\"><h2>W₂ against evaluations</h2>";
    if curves.is_empty() {
        return format!("{heading}<p class=\"empty\">No error to draw: every W₂ is 0.</p></section>");
    }
    let hidden = curves.len().saturating_sub(MOST);
    let curves = &curves[..curves.len().min(MOST)];
    let (x, y) = (
        Axis::logarithmic_around(curves.iter().flat_map(|c| c.points.iter().map(|p| p.0)), 0.03),
        Axis::logarithmic_around(curves.iter().flat_map(|c| c.points.iter().map(|p| p.1)), 0.05),
    );
    let names = Names::of(curves);
    let height = (PITCH * curves.len() as f64 + 40.0).max(420.0);
    let mut area = Area::new(WIDTH, HEIGHT);
    area.rule_up(&y, UP);
    area.rule_across(&x, ACROSS);
    let places: Vec<Vec<svg::Point>> =
        curves.iter().map(|curve| curve.points.iter().map(|p| area.at(x.share(p.0), y.share(p.1))).collect()).collect();
    let heights: Vec<f64> = places.iter().map(|drawn| end(drawn).1 / HEIGHT * height).collect();
    let (mut leads, mut list) = (String::new(), String::new());
    let styles = styles(curves);
    for (((drawn, name), (hue, dash)), label) in
        places.iter().zip(&names.each).zip(styles).zip(spread(&heights, PITCH, height))
    {
        let class = format!("{} d{dash}", class(hue));
        draw_curve(&mut area, drawn, &class, hue);
        let down = HEIGHT * label / height;
        leads.push_str(&svg::line((0.0, end(drawn).1), (WIDTH, down), &format!("{class} lead")));
        let key = key(&class, hue);
        let text = escape(name);
        let top = area.percent((0.0, down)).1;
        area.say(&format!("<span class=\"end\" style=\"top:{top}%\" title=\"{text}\">{key}<b>{text}</b></span>"));
        list.push_str(&format!("<li>{key}{text}</li>"));
    }
    let aside = match hidden {
        0 => String::new(),
        hidden => format!(" {} that end higher are in the table only.", plural(hidden as u64, "line")),
    };
    format!(
        "{heading}<p class=\"say\">Lower is better; both axes are logarithmic.{}{aside}</p>\
         <div class=\"plot errors\" style=\"--names:{}\" role=\"img\" aria-label=\"W2 against evaluations; the numbers are in the table\">\
         <p class=\"axis\">W₂</p><div class=\"area\" style=\"height:{}px\">{}{}{}</div>\
         <p class=\"axis step\">network evaluations</p><ul class=\"names\" aria-hidden=\"true\">{list}</ul></div></section>",
        names.common,
        names.longest(),
        coord(height),
        area.svg(),
        stretched(" class=\"leads\"", WIDTH, HEIGHT, &leads),
        area.words(),
    )
}

/// Returns the last point of a curve.
fn end(drawn: &[svg::Point]) -> svg::Point {
    drawn.last().copied().unwrap_or_default()
}

/// Draws a curve with its marks, and a faint line from its end to the edge.
fn draw_curve(area: &mut Area, drawn: &[svg::Point], class: &str, hue: usize) {
    let last = end(drawn);
    area.draw(&svg::line(last, (WIDTH, last.1), &format!("{class} lead")));
    area.draw(&format!("<path class=\"{class} curve\" d=\"{}\"/>", svg::path(drawn)));
    for point in drawn {
        let (left, top) = area.percent(*point);
        area.say(&format!("<span class=\"at {class}\" style=\"left:{left}%;top:{top}%\">{}</span>", mark(hue)));
    }
}

/// Returns the sample of a line that precedes its name.
fn key(class: &str, hue: usize) -> String {
    format!(
        "<i class=\"key {class}\"><svg viewBox=\"0 0 30 12\" aria-hidden=\"true\">{}</svg>{}</i>",
        svg::line((0.0, 6.0), (30.0, 6.0), &format!("{class} curve")),
        mark(hue)
    )
}

/// Names of the lines. Parts that all names have in common are stated once, above the chart.
struct Names {
    each: Vec<String>,
    common: String,
}

impl Names {
    fn of(curves: &[Curve<'_>]) -> Self {
        let grids_differ = curves.iter().any(|c| c.grid != curves[0].grid);
        let samplers_differ = curves.iter().any(|c| c.sampler != curves[0].sampler);
        let name = |curve: &Curve<'_>| match (samplers_differ, curve.grid.filter(|_| grids_differ)) {
            (true, Some(grid)) => format!("{} · {grid}", curve.sampler),
            (false, Some(grid)) => grid.to_owned(),
            _ => curve.sampler.to_owned(),
        };
        let common = match (curves[0].grid.filter(|_| !grids_differ), samplers_differ) {
            (Some(grid), true) => format!(" All on the grid {}.", escape(grid)),
            (Some(grid), false) => format!(" {} on the grid {}.", escape(curves[0].sampler), escape(grid)),
            (None, false) if grids_differ => format!(" All of {}.", escape(curves[0].sampler)),
            _ => String::new(),
        };
        Self { each: curves.iter().map(name).collect(), common }
    }

    /// Returns the number of characters of the longest name, limited by the margin beside the
    /// chart.
    fn longest(&self) -> usize {
        self.each.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(26)
    }
}

/// Returns the colour and the dash pattern of each line: by sampler and grid if there are few
/// enough of both, otherwise in order.
fn styles(curves: &[Curve<'_>]) -> Vec<(usize, usize)> {
    let mut samplers: Vec<&str> = curves.iter().map(|curve| curve.sampler).collect();
    let mut grids: Vec<Option<&str>> = curves.iter().map(|curve| curve.grid).collect();
    samplers.sort_unstable();
    samplers.dedup();
    grids.sort_unstable();
    grids.dedup();
    let few = samplers.len() > 1 && samplers.len() <= COLOURS.len() && grids.len() > 1 && grids.len() <= DASHES;
    let by_name = |curve: &Curve<'_>| {
        let hue = samplers.iter().position(|sampler| *sampler == curve.sampler).unwrap_or(0);
        (hue, grids.iter().position(|grid| *grid == curve.grid).unwrap_or(0))
    };
    let in_order = |index: usize| (index % COLOURS.len(), index / COLOURS.len() % DASHES);
    curves.iter().enumerate().map(|(index, curve)| if few { by_name(curve) } else { in_order(index) }).collect()
}

/// Returns positions that are at least `pitch` apart within `height`, as close as possible to the
/// wanted positions.
fn spread(wanted: &[f64], pitch: f64, height: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    // Blocks of adjacent names, each at the mean of its members' wanted positions: (position of the
    // first member, members).
    let mut blocks: Vec<(f64, Vec<usize>)> = Vec::new();
    for index in order {
        blocks.push((wanted[index], vec![index]));
        while let [.., above, below] = &blocks[..]
            && below.0 < above.0 + pitch * above.1.len() as f64
        {
            let members: Vec<usize> = above.1.iter().chain(&below.1).copied().collect();
            let firsts = members.iter().enumerate().map(|(rank, member)| wanted[*member] - pitch * rank as f64);
            let first = firsts.sum::<f64>() / members.len() as f64;
            blocks.truncate(blocks.len() - 2);
            blocks.push((first.clamp(0.0, (height - pitch * (members.len() - 1) as f64).max(0.0)), members));
        }
    }
    let mut places = vec![0.0; wanted.len()];
    for (first, members) in blocks {
        for (rank, member) in members.into_iter().enumerate() {
            places[member] = first + pitch * rank as f64;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::tests::assert_sound;

    fn point(sampler: &str, grid: Option<&str>, nfe: usize, w2: f64) -> Point {
        let grid = grid.map(str::to_owned);
        Point { sampler: sampler.into(), steps: grid.as_ref().map(|_| nfe), grid, nfe, w2, kl: 0.5 }
    }

    #[test]
    fn names_do_not_overlap() {
        assert_eq!(spread(&[10.0, 200.0], 20.0, 400.0), [10.0, 200.0]);
        assert_eq!(spread(&[100.0, 100.0, 100.0], 20.0, 400.0), [80.0, 100.0, 120.0]);
        let many = spread(&[399.0; 8], 20.0, 400.0);
        assert_eq!((many[0], many[7]), (260.0, 400.0));
        let mixed = spread(&[50.0, 10.0, 45.0, 60.0, 300.0], 20.0, 400.0);
        let mut sorted = mixed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 19.999), "{mixed:?}");
        assert_eq!(mixed[4], 300.0);
    }

    #[test]
    fn a_colour_is_a_sampler_and_a_dash_a_grid() {
        let points: Vec<Point> =
            ["a", "b", "c"].iter().flat_map(|name| ["g", "h"].map(|grid| point(name, Some(grid), 5, 1.0))).collect();
        let curves = curves(&points);
        let found: Vec<_> = curves.iter().map(|c| (c.sampler, c.grid.unwrap())).zip(styles(&curves)).collect();
        for ((sampler, grid), (hue, dash)) in found {
            assert_eq!((hue, dash), (usize::from(sampler.as_bytes()[0] - b'a'), usize::from(grid == "h")));
        }
        // Eight samplers on one grid are eight pairs.
        let points: Vec<Point> = (0..8).map(|k| point(&format!("s{k}"), Some("g"), 5, 1.0)).collect();
        let mut pairs = styles(&super::curves(&points));
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), 8);
    }

    #[test]
    fn any_numbers_make_a_page() {
        let subject = "on <b>\"x\"".to_owned();
        let page = |points: Vec<Point>| Errors { subject: subject.clone(), points }.html();
        assert_sound(&page(vec![]));
        assert_sound(&page(vec![point("one", None, 5, 0.1)]));
        let grids = ["karras", "beta:0.6,0.6"];
        let many: Vec<Point> = (0..40)
            .flat_map(|k| {
                grids.map(|grid| (1..4).map(move |n| point(&format!("s{k}"), Some(grid), 5 * n, 1.0 / n as f64)))
            })
            .flatten()
            .collect();
        let text = page(many);
        assert_sound(&text);
        assert!(text.contains("56 lines that end higher"));
        assert_eq!(text.matches("class=\"end\"").count(), MOST);
        let broken = vec![
            point("none", Some("karras"), 5, f64::NAN),
            point("endless", Some("karras"), 5, f64::INFINITY),
            point("zero", Some("karras"), 5, 0.0),
            point("tiny", Some("karras"), 0, 1e-300),
            point("tiny", Some("karras"), 7, 1e-300),
            point("vast", Some("karras"), 9, 1e300),
        ];
        assert_sound(&page(broken));
    }
}
