//! From noise to a digit: the state on its way, once per row.

use super::pictures::{self, Scale};
use super::text::{escape, short};
use super::{DemoData, Row, svg};

/// Pictures of a strip at most; odd, so that every second one still ends on the digit.
const FRAMES: usize = 13;
/// Strips of a row at most.
const STRIPS: usize = 2;

/// "From noise to a digit".
pub(super) fn section(data: &DemoData) -> String {
    let body: String = data.rows.iter().enumerate().map(|(index, row)| strip(index, row)).collect();
    let body = if body.is_empty() { "<p class=\"empty\">No strip was recorded.</p>".to_owned() } else { body };
    format!(
        "<section id=\"strips\"><h2>From noise to a digit</h2>\
         <p class=\"say\">The first draws of each row, on their way from left to right. Above each picture stands σ/α, the noise in units of the signal. \
         A picture is divided by its α, so only the noise differs. While the noise is larger than the ink, the grey scale is widened to hold it.</p>\
         <div class=\"strips\">{body}</div></section>"
    )
}

fn strip(index: usize, row: &Row) -> String {
    let frames = row.strips.iter().map(|strip| strip.shown(usize::MAX)).min().unwrap_or(0);
    let chosen = evenly(frames);
    let (Some(&first), Some(&last)) = (chosen.first(), chosen.last()) else {
        return String::new();
    };
    let shown = &row.strips[..row.strips.len().min(STRIPS)];
    let spare = |place: usize| if chosen.len() > 8 && place % 2 == 1 { " spare" } else { "" };
    let sigma = |frame: usize| row.strip_sigmas.get(frame).map_or_else(String::new, |&s| short(s, 2));
    let labels: String = chosen
        .iter()
        .enumerate()
        .map(|(i, &f)| format!("<span class=\"sigma{}\">{}</span>", spare(i), sigma(f)))
        .collect();
    let scales: Vec<Scale> = chosen
        .iter()
        .map(|&f| Scale::holding(row.strips.iter().filter_map(|s| s.picture(f)).flatten().copied()))
        .collect();
    let films: String = shown
        .iter()
        .enumerate()
        .map(|(draw, strip)| {
            let tiles: String = chosen
                .iter()
                .zip(&scales)
                .enumerate()
                .filter_map(|(i, (&f, &scale))| strip.picture(f).map(|p| (i, pictures::image(p, strip.width, scale))))
                .map(|(i, image)| format!("<span class=\"tile{}\">{image}</span>", spare(i)))
                .collect();
            format!(
                "<div class=\"film\" role=\"img\" aria-label=\"{}, draw {draw}: {} pictures from noise at σ/α = {} to a digit at {}\">{tiles}</div>",
                escape(&row.title),
                chosen.len(),
                sigma(first),
                sigma(last),
            )
        })
        .collect();
    format!(
        "<div class=\"strip r{}\"><p class=\"name\">{}<b>{}</b> <small>{}</small></p>\
         <div class=\"reel\" style=\"--n:{};--m:{}\"><div class=\"sigmas\" aria-hidden=\"true\">{labels}</div>{films}</div></div>",
        index % 4,
        svg::mark(index),
        escape(&row.title),
        if row.is_ode() { "no noise on the way" } else { "fresh noise at every step" },
        chosen.len(),
        if chosen.len() > 8 { chosen.len().div_ceil(2) } else { chosen.len() },
    )
}

/// At most [`FRAMES`] of `n` frames, first and last among them, evenly apart; an odd number where some are left out on narrow pages.
fn evenly(n: usize) -> Vec<usize> {
    let count = match n.min(FRAMES) {
        count if count > 8 && count % 2 == 0 => count - 1,
        count => count,
    };
    if count < 2 {
        return (0..count).collect();
    }
    (0..count).map(|i| (2 * i * (n - 1) + count - 1) / (2 * (count - 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_evenly_apart_and_keep_both_ends() {
        assert_eq!(evenly(0), [0_usize; 0]);
        assert_eq!(evenly(1), [0]);
        assert_eq!(evenly(3), [0, 1, 2]);
        for n in 2..200 {
            let chosen = evenly(n);
            assert_eq!((chosen[0], chosen[chosen.len() - 1]), (0, n - 1));
            assert!(chosen.windows(2).all(|w| w[0] < w[1]));
            assert!(chosen.len() <= FRAMES && (chosen.len() <= 8 || chosen.len() % 2 == 1));
        }
    }
}
