//! From noise to a digit: the states during sampling, for each row.

use super::pictures::{self, Scale};
use super::{Demo, Reading};
use crate::numbers::short;
use crate::page::escape;
use crate::palette::{class, mark};

/// Maximum number of pictures in a strip. It is odd, so that every second picture includes the
/// digit at the end.
const FRAMES: usize = 13;
/// Maximum number of strips in a row.
const STRIPS: usize = 2;

/// Returns the section "From noise to a digit".
pub(super) fn section(data: &Demo) -> String {
    let body: String = data.rows.iter().enumerate().map(|(index, row)| strip(index, row)).collect();
    let body = if body.is_empty() { "<p class=\"empty\">No strip was recorded.</p>".to_owned() } else { body };
    format!(
        "<section id=\"strips\"><h2>From noise to a digit</h2>\
         <p class=\"say\">The first draws of each row, on their way from left to right. Above each picture stands σ/α, the noise in units of the signal. \
         A picture is divided by its α, so only the noise differs. While the noise is larger than the ink, the grey scale is widened to hold it.</p>\
         <div class=\"strips\">{body}</div></section>"
    )
}

fn strip(index: usize, row: &Reading) -> String {
    let frames = row.strips.iter().map(|strip| strip.shown(usize::MAX)).min().unwrap_or(0);
    let chosen = chosen(frames, &row.strip_sigmas);
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
        "<div class=\"strip {}\"><p class=\"name\">{}<b>{}</b> <small>{}</small></p>\
         <div class=\"reel\" style=\"--n:{};--m:{}\"><div class=\"sigmas\" aria-hidden=\"true\">{labels}</div>{films}</div></div>",
        class(index),
        mark(index),
        escape(&row.title),
        if row.is_ode() { "no noise on the way" } else { "fresh noise at every step" },
        chosen.len(),
        if chosen.len() > 8 { chosen.len().div_ceil(2) } else { chosen.len() },
    )
}

/// Returns at most [`FRAMES`] of `n` frames, including the first and the last. The number is odd if
/// narrow pages leave out every second one.
///
/// The frames are evenly spaced in the angle atan(σ/α), in which a picture changes at an
/// approximately constant rate. They are evenly spaced in number if σ is not known for every frame.
fn chosen(n: usize, sigmas: &[f64]) -> Vec<usize> {
    let count = match n.min(FRAMES) {
        count if count > 8 && count % 2 == 0 => count - 1,
        count => count,
    };
    if count < 2 {
        return (0..count).collect();
    }
    let angles: Vec<f64> = sigmas.iter().take(n).map(|sigma| sigma.atan()).collect();
    let known = angles.len() == n && angles.windows(2).all(|pair| pair[0] > pair[1]);
    let place = |frame: usize| if known { angles[frame] } else { frame as f64 };
    let mut frames = vec![0];
    for i in 1..count {
        let target = place(0) + (place(n - 1) - place(0)) * i as f64 / (count - 1) as f64;
        // Each frame is used once, and enough frames remain for the rest.
        let (from, to) = (frames[i - 1] + 1, n - (count - i));
        let nearest = (from..=to).min_by(|&a, &b| (place(a) - target).abs().total_cmp(&(place(b) - target).abs()));
        frames.push(nearest.unwrap_or(from));
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_spread_and_keep_both_ends() {
        assert_eq!(chosen(0, &[]), [0_usize; 0]);
        assert_eq!(chosen(1, &[]), [0]);
        assert_eq!(chosen(3, &[]), [0, 1, 2]);
        assert_eq!(chosen(25, &[]), (0..13).map(|i| 2 * i).collect::<Vec<_>>());
        for n in 2..120 {
            let falling: Vec<f64> = (0..n).map(|i| 80.0 * 0.8_f64.powi(i as i32)).collect();
            for sigmas in [&falling[..], &[], &vec![1.0; n], &vec![f64::NAN; n]] {
                let frames = chosen(n, sigmas);
                assert_eq!((frames[0], frames[frames.len() - 1]), (0, n - 1));
                assert!(frames.windows(2).all(|w| w[0] < w[1]));
                assert!(frames.len() <= FRAMES && (frames.len() <= 8 || frames.len() % 2 == 1));
            }
        }
    }
}
