//! The table of results, with the floor that real data reach.

use super::lineup::reading;
use super::{Demo, Reading};
use crate::numbers::{percent, seconds, short, significant};
use crate::page::escape;
use crate::palette::{class, mark};
use crate::svg::coord;
use crate::table::{Cell, Table};

/// Headings of the columns.
const HEADS: [&str; 7] = ["Row", "h/g", "NFE", "Time", "Sliced W₂", "Energy distance", "Copies"];
/// CSS classes of the columns after the first: short ones, and wide ones with a bar.
const CLASSES: [&str; 6] = ["s", "s", "s", "w", "w", "s"];

/// Returns the section "How close".
pub(super) fn section(data: &Demo) -> String {
    let bar = |of: fn(&Reading) -> f64, floor: f64| {
        let all = data.rows.iter().map(of).chain([floor]).filter(|v| v.is_finite());
        Bar { most: all.fold(0.0, f64::max), floor }
    };
    let sliced = bar(|row| row.sliced_w2, data.floor_sliced_w2);
    let energy = bar(|row| row.energy, data.floor_energy);
    let mut table = Table::new(HEADS).stacked(&CLASSES);
    for (index, row) in data.rows.iter().enumerate() {
        let reading = reading(&row.prediction);
        let name =
            format!("{}<span><b>{}</b> <small>read as {reading}</small></span>", mark(index), escape(&row.title));
        let cells: [Cell; 6] = [
            short(row.eta, 3).into(),
            row.nfe.into(),
            seconds(row.seconds).into(),
            sliced.cell(row.sliced_w2),
            energy.cell(row.energy),
            percent(row.copies).into(),
        ];
        table.push_class(class(index), [markup(name)].into_iter().chain(cells));
    }
    let name = "<span><b>Floor</b> <small>real data against real data</small></span>";
    let distances = [sliced.cell(data.floor_sliced_w2), energy.cell(data.floor_energy)];
    let cells = [Cell::Missing, Cell::Missing, Cell::Missing].into_iter().chain(distances);
    let copies = percent(data.held_out_copies).into();
    table.push_class("floor".into(), [markup(name.into())].into_iter().chain(cells).chain([copies]));
    format!(
        "<section id=\"results\"><h2>How close</h2><p class=\"say\">Smaller distances are better. \
         <b>Floor</b>: the same distance between two halves of the real data, where a perfect sampler would land; a tick on every bar. \
         <b>Copies</b>: the share of samples nearer to a training picture than 99 % of held-out pictures are.</p>{}</section>",
        table.html("results", "Each row against real data")
    )
}

/// Returns a cell for pages only.
fn markup(html: String) -> Cell {
    Cell::Html { html, text: String::new() }
}

/// A number with a bar and a tick at the floor.
struct Bar {
    most: f64,
    floor: f64,
}

impl Bar {
    fn cell(&self, value: f64) -> Cell {
        let share =
            |v: f64| if v.is_finite() && self.most > 0.0 { (100.0 * v / self.most).clamp(0.0, 100.0) } else { 0.0 };
        markup(format!(
            "<span class=\"num\">{}</span><span class=\"bar\" aria-hidden=\"true\"><i style=\"width:{}%\"></i><u style=\"left:{}%\"></u></span>",
            significant(value, 3),
            coord(share(value)),
            coord(share(self.floor)),
        ))
    }
}
