//! The exact errors of samplers: W2 against evaluations on logarithmic axes, one line for each sampler on each grid, and the table.
//!
//! The drawing stretches with the page; its words do not. Every line is named at its end, or on narrow pages below. A colour and a mark are one sampler's
//! where they suffice, a dash one grid's.

use super::page::shell;
use super::svg::{self, coord};
use super::text::{capital, count, escape, plural, short, significant};

/// The drawing's own units, stretched by the browser.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 1000.0;
/// Pixels from one name to the next.
const PITCH: f64 = 21.0;
/// More lines are not told apart.
const MOST: usize = 24;
/// Colours, each with its mark.
const HUES: usize = 6;
/// Ways to dash a line.
const DASHES: usize = 3;

/// One plan.
#[derive(Clone, Debug)]
pub struct Point {
    /// The sampler and its options, or the name of a plan.
    pub sampler: String,
    /// Its grid, where there is one.
    pub grid: Option<String>,
    /// Its steps, likewise.
    pub steps: Option<usize>,
    /// Its evaluations.
    pub nfe: usize,
    /// The Wasserstein distance.
    pub w2: f64,
    /// The KL divergence in nats; it may be infinite.
    pub kl: f64,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Page {
    /// What the errors are of, in one line.
    pub subject: String,
    /// The plans, those of one line side by side.
    pub points: Vec<Point>,
}

/// The whole page.
#[must_use]
pub fn html(page: &Page) -> String {
    let header = format!(
        "<header><p class=\"kicker\">langevin analyze</p><h1>Exact error of samplers</h1><p class=\"lede\">{}.</p></header>",
        escape(&capital(&page.subject))
    );
    let footer = format!(
        "<footer><section><h2>What it is</h2><p>On Gaussian data everything is linear, so the error of a plan is known exactly, with no sampling. \
         W₂ is in the units of the data; KL, of the data from the model, in nats.</p></section>\
         <section><h2>Source</h2><p>Pierret and Galerne, <a href=\"https://arxiv.org/abs/2405.14250\">Diffusion models for Gaussian distributions: \
         exact solutions and Wasserstein errors</a>, arXiv 2405.14250.</p><p>langevin {}</p></section></footer>",
        env!("CARGO_PKG_VERSION")
    );
    let main = format!("{}{}", drawing(page), table(page));
    shell("Exact error of samplers", env!("CARGO_PKG_VERSION"), &header, &main, &footer)
}

/// One line: where it goes, noisy numbers left out.
struct Curve<'a> {
    sampler: &'a str,
    grid: Option<&'a str>,
    /// (evaluations, W2), by evaluations.
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
    // Those that end lowest first: where there are too many, they are the ones to see.
    curves.sort_by(|a, b| a.last().1.total_cmp(&b.last().1));
    curves
}

/// A logarithmic axis with some room at its ends.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn around(values: impl Iterator<Item = f64>, room: f64) -> Self {
        // With what is beyond them no axis could be drawn.
        let values = values.map(|value| value.clamp(1e-250, 1e250));
        let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
        // One value stands among two round numbers at least.
        let least = if high / low < 1.5 { 2.2 } else { 1.1 };
        let room = (room * (high.ln() - low.ln())).exp().max(least);
        Self { low: low / room, high: high * room }
    }

    fn share(&self, value: f64) -> f64 {
        (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
    }

    /// 1, 2, 5, 10, …; powers of ten alone where there would be many.
    fn ticks(&self, most: usize) -> Vec<f64> {
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let ticks = |steps: &[f64], every: i32| -> Vec<f64> {
            let power = |d: i32| format!("1e{d}").parse::<f64>().unwrap_or(1.0);
            let all = decades.clone().filter(|d| d % every == 0).flat_map(|d| steps.iter().map(move |s| s * power(d)));
            all.filter(|v| (self.low..=self.high).contains(v)).collect()
        };
        let choices =
            [(&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0][..], 1), (&[1.0, 2.0, 5.0], 1), (&[1.0, 3.0], 1), (&[1.0], 1)];
        let fine = choices.into_iter().map(|(steps, every)| ticks(steps, every)).find(|ticks| ticks.len() <= most);
        fine.unwrap_or_else(|| (2..40).map(|every| ticks(&[1.0], every)).find(|t| t.len() <= most).unwrap_or_default())
    }
}

/// "W2 against evaluations".
fn drawing(page: &Page) -> String {
    let curves = curves(&page.points);
    let heading = "<section id=\"plot\"><h2>W₂ against evaluations</h2>";
    if curves.is_empty() {
        return format!("{heading}<p class=\"empty\">No error to draw: every W₂ is 0.</p></section>");
    }
    let hidden = curves.len().saturating_sub(MOST);
    let curves = &curves[..curves.len().min(MOST)];
    let (x, y) = (
        Axis::around(curves.iter().flat_map(|c| c.points.iter().map(|p| p.0)), 0.03),
        Axis::around(curves.iter().flat_map(|c| c.points.iter().map(|p| p.1)), 0.05),
    );
    let height = (PITCH * curves.len() as f64 + 40.0).max(420.0);
    let place = |p: &(f64, f64)| (WIDTH * x.share(p.0), HEIGHT * (1.0 - y.share(p.1)));
    // What all have in common is said once, above.
    let grids_differ = curves.iter().any(|c| c.grid != curves[0].grid);
    let samplers_differ = curves.iter().any(|c| c.sampler != curves[0].sampler);
    let name = |curve: &Curve<'_>| match (samplers_differ, curve.grid.filter(|_| grids_differ)) {
        (true, Some(grid)) => format!("{} · {grid}", curve.sampler),
        (false, Some(grid)) => grid.to_owned(),
        _ => curve.sampler.to_owned(),
    };
    let names: Vec<String> = curves.iter().map(name).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(26);
    let (mut art, mut words, mut leads) = (String::new(), String::new(), String::new());
    for tick in y.ticks(8) {
        let down = HEIGHT * (1.0 - y.share(tick));
        art.push_str(&svg::line((0.0, down), (WIDTH, down), "grid"));
        words.push_str(&format!("<span class=\"y\" style=\"top:{}%\">{}</span>", percent(down, HEIGHT), figure(tick)));
    }
    for tick in x.ticks(5) {
        let across = WIDTH * x.share(tick);
        art.push_str(&svg::line((across, 0.0), (across, HEIGHT), "grid"));
        words.push_str(&format!(
            "<span class=\"x\" style=\"left:{}%\">{}</span>",
            percent(across, WIDTH),
            figure(tick)
        ));
    }
    let styles = styles(curves);
    let mut list = String::new();
    let heights: Vec<f64> = curves.iter().map(|curve| place(&curve.last()).1 / HEIGHT * height).collect();
    let spread = spread(&heights, PITCH, height);
    for (index, ((curve, name), label)) in curves.iter().zip(&names).zip(spread).enumerate() {
        let (hue, dash) = styles[index];
        let class = format!("r{hue} d{dash}");
        let drawn: Vec<svg::Point> = curve.points.iter().map(place).collect();
        let end = place(&curve.last());
        art.push_str(&svg::line(end, (WIDTH, end.1), &format!("{class} lead")));
        art.push_str(&format!("<path class=\"{class} curve\" d=\"{}\"/>", svg::path(&drawn)));
        for point in &drawn {
            let (left, top) = (percent(point.0, WIDTH), percent(point.1, HEIGHT));
            words.push_str(&format!(
                "<span class=\"at {class}\" style=\"left:{left}%;top:{top}%\">{}</span>",
                svg::mark(hue)
            ));
        }
        let down = HEIGHT * label / height;
        leads.push_str(&svg::line((0.0, end.1), (WIDTH, down), &format!("{class} lead")));
        let key = format!(
            "<i class=\"key {class}\"><svg viewBox=\"0 0 30 12\" aria-hidden=\"true\">{}</svg>{}</i>",
            svg::line((0.0, 6.0), (30.0, 6.0), &format!("{class} curve")),
            svg::mark(hue)
        );
        let text = escape(name);
        words.push_str(&format!(
            "<span class=\"end\" style=\"top:{}%\" title=\"{text}\">{key}<b>{text}</b></span>",
            percent(down, HEIGHT)
        ));
        list.push_str(&format!("<li>{key}{text}</li>"));
    }
    let common = match (curves[0].grid.filter(|_| !grids_differ), samplers_differ) {
        (Some(grid), true) => format!(" All on the grid {}.", escape(grid)),
        (Some(grid), false) => format!(" {} on the grid {}.", escape(curves[0].sampler), escape(grid)),
        (None, false) if grids_differ => format!(" All of {}.", escape(curves[0].sampler)),
        _ => String::new(),
    };
    let aside = match hidden {
        0 => String::new(),
        hidden => format!(" {} that end higher are in the table only.", plural(hidden, "line", "lines")),
    };
    format!(
        "{heading}<p class=\"say\">Lower is better; both axes are logarithmic.{common}{aside}</p>\
         <div class=\"plot errors\" style=\"--names:{longest}\" role=\"img\" aria-label=\"W2 against evaluations; the numbers are in the table\">\
         <p class=\"axis\">W₂</p><div class=\"area\" style=\"height:{}px\">\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{art}</svg>\
         <svg class=\"leads\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{leads}</svg>{words}</div>\
         <p class=\"axis step\">network evaluations</p><ul class=\"names\" aria-hidden=\"true\">{list}</ul></div></section>",
        coord(height)
    )
}

/// The colour and the dash of each line: by sampler and by grid where there are few enough of both, else one line after another.
fn styles(curves: &[Curve<'_>]) -> Vec<(usize, usize)> {
    let mut samplers: Vec<&str> = curves.iter().map(|curve| curve.sampler).collect();
    let mut grids: Vec<Option<&str>> = curves.iter().map(|curve| curve.grid).collect();
    samplers.sort_unstable();
    samplers.dedup();
    grids.sort_unstable();
    grids.dedup();
    let few = samplers.len() > 1 && samplers.len() <= HUES && grids.len() > 1 && grids.len() <= DASHES;
    let by_name = |curve: &Curve<'_>| {
        let hue = samplers.iter().position(|sampler| *sampler == curve.sampler).unwrap_or(0);
        (hue, grids.iter().position(|grid| *grid == curve.grid).unwrap_or(0))
    };
    let in_order = |index: usize| (index % HUES, index / HUES % DASHES);
    curves.iter().enumerate().map(|(index, curve)| if few { by_name(curve) } else { in_order(index) }).collect()
}

/// Places at least `pitch` apart within `height`, each as near as may be to where it was.
fn spread(wanted: &[f64], pitch: f64, height: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    // Blocks of touching names, each at the mean of where they would be: (where its first is, those in it).
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

fn percent(value: f64, of: f64) -> String {
    coord(100.0 * value / of)
}

/// A round number of an axis.
fn figure(value: f64) -> String {
    if (1e-3..1e6).contains(&value) { short(value, 2) } else { power(&format!("{value:e}")) }
}

/// `1.2e-5` as 1.2·10⁻⁵.
fn power(text: &str) -> String {
    let Some((digits, exponent)) = text.split_once('e') else {
        return text.to_owned();
    };
    let exponent = exponent.replace('-', "−");
    let digits = if digits == "1" { String::new() } else { format!("{digits}·") };
    format!("{digits}10<sup>{exponent}</sup>")
}

/// A number of the table.
fn cell(value: f64) -> String {
    if value == 0.0 || !value.is_finite() || (1e-3..1e5).contains(&value.abs()) {
        significant(value, 3)
    } else {
        power(&format!("{value:.2e}"))
    }
}

/// "The numbers".
fn table(page: &Page) -> String {
    let heads: String = ["Sampler", "Grid", "Steps", "NFE", "W₂", "KL"]
        .iter()
        .map(|head| format!("<th scope=\"col\">{head}</th>"))
        .collect();
    let dash = || "–".to_owned();
    let rows: String = page
        .points
        .iter()
        .map(|point| {
            let grid = point.grid.as_deref().map_or_else(dash, escape);
            let steps = point.steps.map_or_else(dash, |steps| count(steps as u64));
            format!(
                "<tr><th scope=\"row\">{}</th><td>{grid}</td><td>{steps}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&point.sampler),
                count(point.nfe as u64),
                cell(point.w2),
                cell(point.kl)
            )
        })
        .collect();
    format!(
        "<section id=\"numbers\"><h2>The numbers</h2><table class=\"figures\"><caption>W2 and KL of each plan</caption>\
         <thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></section>"
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_sound;
    use super::*;

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
        // Eight on one grid are eight pairs.
        let points: Vec<Point> = (0..8).map(|k| point(&format!("s{k}"), Some("g"), 5, 1.0)).collect();
        let mut pairs = styles(&super::curves(&points));
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), 8);
    }

    #[test]
    fn one_value_stands_among_round_numbers() {
        let axis = Axis::around([20.26].into_iter(), 0.05);
        assert!(axis.ticks(8).len() >= 3, "{:?}", axis.ticks(8));
    }

    #[test]
    fn any_numbers_make_a_page() {
        let subject = "on <b>\"x\"".to_owned();
        let page = |points: Vec<Point>| html(&Page { subject: subject.clone(), points });
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

    #[test]
    fn ticks_are_few_and_round() {
        let ticks = |low, high| Axis { low, high }.ticks(7);
        assert_eq!(ticks(4.0, 110.0), [5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(ticks(0.0005, 3.0), [0.001, 0.01, 0.1, 1.0]);
        assert!(ticks(1e-300, 1e300).len() <= 7);
        assert_eq!([figure(0.001), figure(50.0), figure(1e-5)], ["0.001", "50", "10<sup>−5</sup>"]);
        assert_eq!(cell(1.234e-7), "1.23·10<sup>−7</sup>");
    }
}
