//! The results, with the floor that real data would reach.

use super::lineup::reading;
use super::text::{count, escape, percent, seconds, short, significant};
use super::{DemoData, Row, svg};

/// "How close".
pub(super) fn section(data: &DemoData) -> String {
    let most = |of: fn(&Row) -> f64, floor: f64| {
        data.rows.iter().map(of).chain([floor]).filter(|v| v.is_finite()).fold(0.0, f64::max)
    };
    let sliced = Bar { most: most(|row| row.sliced_w2, data.floor_sliced_w2), floor: data.floor_sliced_w2 };
    let energy = Bar { most: most(|row| row.energy, data.floor_energy), floor: data.floor_energy };
    let rows: String = data
        .rows
        .iter()
        .enumerate()
        .map(|(index, row)| {
            let name = format!(
                "{}<span><b>{}</b> <small>read as {}</small></span>",
                svg::mark(index),
                escape(&row.title),
                reading(&row.prediction)
            );
            line(
                &format!("r{}", index % 4),
                &name,
                &[
                    short(row.eta, 3),
                    count(row.nfe as u64),
                    seconds(row.seconds),
                    sliced.cell(row.sliced_w2),
                    energy.cell(row.energy),
                    percent(row.copies),
                ],
            )
        })
        .collect();
    let floor = line(
        "floor",
        "<span><b>Floor</b> <small>real data against real data</small></span>",
        &[
            "–".into(),
            "–".into(),
            "–".into(),
            sliced.cell(data.floor_sliced_w2),
            energy.cell(data.floor_energy),
            percent(data.held_out_copies),
        ],
    );
    let heads: String =
        HEADS.iter().map(|head| format!("<th role=\"columnheader\" scope=\"col\">{head}</th>")).collect();
    format!(
        "<section id=\"results\"><h2>How close</h2><p class=\"say\">Smaller distances are better. \
         <b>Floor</b>: the same distance between two halves of the real data, where a perfect sampler would land; a tick on every bar. \
         <b>Copies</b>: the share of samples nearer to a training picture than 99 % of held-out pictures are.</p>\
         <table class=\"results\" role=\"table\"><caption>Each row against real data</caption>\
         <thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">Row</th>{heads}</tr></thead>\
         <tbody role=\"rowgroup\">{rows}{floor}</tbody></table></section>"
    )
}

const HEADS: [&str; 6] = ["h/g", "NFE", "Time", "Sliced W₂", "Energy distance", "Copies"];
/// What the headings say where there is room for a word more.
const CLASSES: [&str; 6] = ["s", "s", "s", "w", "w", "s"];

fn line(class: &str, name: &str, cells: &[String; 6]) -> String {
    let cells: String = cells
        .iter()
        .zip(HEADS)
        .zip(CLASSES)
        .map(|((cell, head), class)| format!("<td role=\"cell\" class=\"{class}\" data-head=\"{head}\">{cell}</td>"))
        .collect();
    format!(
        "<tr role=\"row\" class=\"{class}\"><th role=\"rowheader\" scope=\"row\"><div class=\"who\">{name}</div></th>{cells}</tr>"
    )
}

/// A number with a bar, and a tick where the floor is.
struct Bar {
    most: f64,
    floor: f64,
}

impl Bar {
    fn cell(&self, value: f64) -> String {
        let share =
            |v: f64| if v.is_finite() && self.most > 0.0 { (100.0 * v / self.most).clamp(0.0, 100.0) } else { 0.0 };
        format!(
            "<span class=\"num\">{}</span><span class=\"bar\" aria-hidden=\"true\"><i style=\"width:{}%\"></i><u style=\"left:{}%\"></u></span>",
            significant(value, 3),
            svg::coord(share(value)),
            svg::coord(share(self.floor)),
        )
    }
}
