//! Progress display: a bar on a terminal, otherwise a line every few seconds. All output goes to
//! stderr.

use crate::io::say;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
pub use langevin::text::thousands;
pub use langevin_report::numbers::duration;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// Interval between lines without a terminal.
const EVERY: Duration = Duration::from_secs(5);
/// Number of cells of the bar.
const CELLS: usize = 20;

/// The progress display.
pub struct Display {
    bar: ProgressBar,
    start: Instant,
    /// Time of the last line, if lines are printed.
    lines: Option<Instant>,
}

impl Display {
    /// Builds the display of a training.
    pub fn training() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        // A wide message is cut at the edge of the terminal; any other would wrap to the next line.
        // The default style is used if the template does not parse.
        if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
            bar.set_style(style);
        }
        let start = Instant::now();
        Self { bar, start, lines: (!terminal).then_some(start) }
    }

    /// Builds the display of a sampling, which shows nothing without a terminal.
    pub fn sampling() -> Self {
        let mut display = Self::training();
        display.lines = None;
        display
    }

    /// Shows that the share `fraction` of the work is done.
    pub fn show(&mut self, fraction: f64, message: &str) {
        let done = fraction.clamp(0.0, 1.0);
        let text = line(done, self.start.elapsed().as_secs_f64(), message);
        if let Some(last) = &mut self.lines
            && last.elapsed() >= EVERY
        {
            *last = Instant::now();
            say(&text);
        }
        let full = (done * CELLS as f64) as usize;
        // The numbers come first, because the bar may be cut off on a narrow terminal.
        self.bar.set_message(format!("{text}  {}{}", "━".repeat(full), "─".repeat(CELLS - full)));
    }

    /// Removes the bar.
    pub fn finish(self) {}
}

impl Drop for Display {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Formats ` 42 % message 3.2 s left`; all parts are computed from the same fraction.
fn line(done: f64, elapsed: f64, message: &str) -> String {
    // The remaining time is an estimate, which needs some progress first.
    let left = match elapsed >= 1.0 && done > 0.01 {
        true => duration(elapsed * (1.0 - done) / done),
        false => "–".to_owned(),
    };
    format!("{:3} %  {message}  {left} left", (done * 100.0) as u64)
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_is_foretold_without_a_rate() {
        use super::line;
        assert_eq!(line(0.0, 0.0, "m"), "  0 %  m  – left");
        assert_eq!(line(0.5, 0.9, "m"), " 50 %  m  – left");
        assert_eq!(line(0.01, 9.0, "m"), "  1 %  m  – left");
        assert_eq!(line(0.999, 100.0, "m"), " 99 %  m  0.1 s left");
        assert_eq!(line(0.25, 40.0, "m"), " 25 %  m  2 min 0 s left");
    }
}
