//! Rows of samples from the same noise, one column per draw, and sheets of samples beside a sheet
//! of data.

use super::pictures::{self, Scale};
use super::{Demo, Pictures, Reading};
use crate::numbers::{capital, in_words, plural, significant};
use crate::page::escape;
use crate::palette::{class, mark};

/// Number of draws side by side.
const DRAWS: usize = 16;
/// Number of pictures across and down a sheet.
const ACROSS: usize = 8;

/// Returns the section "The same draws", the first picture on the page.
pub(super) fn section(data: &Demo) -> String {
    let shown = data.rows.iter().map(|row| row.samples.shown(DRAWS)).max().unwrap_or(0);
    if shown == 0 {
        return "<section id=\"draws\"><h2>The same draws</h2><p class=\"empty\">No samples were drawn.</p></section>"
            .into();
    }
    let numbers: String = (0..shown).map(|i| format!("<span>{i}</span>")).collect();
    let mut body = line("real", "", "Data", "real pictures, any order", &data.data, "real pictures");
    body.push_str(&format!("<div class=\"line numbers\" aria-hidden=\"true\"><p class=\"name\">draw</p><div class=\"tiles\">{numbers}</div></div>"));
    let mut groups: Vec<(bool, String)> = Vec::new();
    for (index, row) in data.rows.iter().enumerate() {
        let rendered = line(
            &format!("row {}", class(index)),
            &mark(index),
            &row.title,
            &format!("read as {}", reading(&row.prediction)),
            &row.samples,
            "samples",
        );
        match groups.last_mut() {
            Some((ode, text)) if *ode == row.is_ode() => text.push_str(&rendered),
            _ => groups.push((row.is_ode(), rendered)),
        }
    }
    for (ode, text) in groups {
        body.push_str(&format!("<div class=\"group {}\">{text}</div>", if ode { "ode" } else { "sde" }));
    }
    if let Some(spread) = spread(&data.rows) {
        body.push_str(&line(
            "spread",
            "",
            "Difference",
            "between the ODE rows",
            &spread,
            "differences between the ODE rows",
        ));
    }
    format!(
        "<section id=\"draws\"><h2>The same draws</h2><p class=\"say\">{}</p><div class=\"lineup\">{body}</div></section>",
        explanation(data)
    )
}

/// Returns the section "Beside the data": many samples of each row.
pub(super) fn sheets(data: &Demo) -> String {
    let mut figures = sheet("real", "", "Data", &data.data, "real pictures");
    for (index, row) in data.rows.iter().enumerate() {
        figures.push_str(&sheet(&class(index), &mark(index), &row.title, &row.samples, "samples"));
    }
    format!(
        "<section id=\"sheets\"><h2>Beside the data</h2><div class=\"sheets\">{figures}\
         <p class=\"say\">Real pictures first. Then the first draws of each row, in reading order, all on one grey scale.</p></div></section>"
    )
}

/// Returns the name of a reading with its symbol: "score s", "noise ε".
pub(super) fn reading(prediction: &str) -> String {
    match prediction {
        "score" => "score s".into(),
        "x0" => "clean x₀".into(),
        "epsilon" => "noise ε".into(),
        "velocity" => "velocity u".into(),
        other => escape(other),
    }
}

fn line(class: &str, mark: &str, title: &str, note: &str, pictures: &Pictures, noun: &str) -> String {
    let shown = pictures.shown(DRAWS);
    let tiles: String = (0..shown)
        .filter_map(|i| pictures.picture(i))
        .map(|p| format!("<span class=\"tile\">{}</span>", pictures::image(p, pictures.width, Scale::DATA)))
        .collect();
    format!(
        "<div class=\"line {class}\"><p class=\"name\">{mark}<b>{title}</b> <small>{note}</small></p>\
         <div class=\"tiles\" role=\"img\" aria-label=\"{title}: {} {noun}\">{tiles}</div></div>",
        in_words(shown),
        title = escape(title),
    )
}

fn sheet(class: &str, mark: &str, title: &str, pictures: &Pictures, noun: &str) -> String {
    let title = escape(title);
    let shown = pictures.shown(ACROSS * ACROSS);
    let name = format!("{shown} {noun}, {title}");
    let picture = pictures::sheet(pictures, ACROSS, &name).map_or_else(
        || "<span class=\"empty\">none</span>".to_owned(),
        |image| format!("<span class=\"tile\">{image}</span>"),
    );
    format!("<figure class=\"sheet {class}\"><figcaption>{mark}<b>{title}</b></figcaption>{picture}</figure>")
}

/// Returns, for each pixel, the difference between the largest and the smallest value among the ODE
/// rows.
fn spread(rows: &[Reading]) -> Option<Pictures> {
    let sets: Vec<&Pictures> = rows.iter().filter(|row| row.is_ode()).map(|row| &row.samples).collect();
    let (first, rest) = sets.split_first()?;
    if rest.is_empty() || rest.iter().any(|set| (set.height, set.width) != (first.height, first.width)) {
        return None;
    }
    let count = sets.iter().map(|set| set.shown(DRAWS)).min().filter(|&count| count > 0)?;
    let values = (0..count * first.height * first.width)
        .map(|i| {
            let (low, high) = sets.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), set| {
                (low.min(set.values[i]), high.max(set.values[i]))
            });
            high - low
        })
        .collect();
    Some(Pictures { count, height: first.height, width: first.width, values })
}

fn explanation(data: &Demo) -> String {
    let odes = data.rows.iter().filter(|row| row.is_ode()).count();
    let noisy = data.rows.len() - odes;
    let mut text = String::from("A column is one random draw, handed to every row.");
    if odes > 1 && data.ode_difference.is_finite() {
        let apart = significant(data.ode_difference, 2);
        let verdict = if data.ode_difference < 1.0 {
            format!("a column holds the same picture, to within {apart} of 16 grey levels")
        } else {
            format!(
                "a column should hold the same picture; with finite steps they are up to {apart} of 16 grey levels apart"
            )
        };
        text.push_str(&format!(
            " {} rows add no noise on the way. They are one ODE on {} clocks: {verdict}.",
            capital(&in_words(odes)),
            in_words(odes),
        ));
    }
    if noisy > 0 && odes > 0 {
        text.push_str(&format!(
            " {} fresh noise at every step, and makes other pictures of the same kind.",
            if noisy == 1 {
                "The SDE row adds".to_owned()
            } else {
                format!("The other {} add", plural(noisy as u64, "row"))
            }
        ));
    }
    text
}
