//! How far training has come: a bar on a terminal, a line every few seconds elsewhere. All of it on stderr.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// The display.
pub struct Display {
    bar: ProgressBar,
    /// When the last line was printed, where lines are.
    lines: Option<Instant>,
}

impl Display {
    /// A bar over the thousandths of the work.
    fn new(template: &str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            Some(1000),
            if terminal { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() },
        );
        // A template that does not parse leaves the default bar.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self { bar, lines: (!terminal).then(Instant::now) }
    }

    /// For training.
    pub fn training() -> Self {
        Self::new("{bar:30} {percent:>3} %  {msg}  {eta} left")
    }

    /// For sampling: shows nothing where there is no terminal.
    pub fn sampling() -> Self {
        Self { lines: None, ..Self::new("{bar:30} {percent:>3} %  {msg}") }
    }

    /// The share `fraction` of the work is done.
    pub fn show(&mut self, fraction: f64, message: &str) {
        let done = fraction.clamp(0.0, 1.0);
        self.bar.set_position((done * 1000.0) as u64);
        self.bar.set_message(message.to_owned());
        if let Some(last) = &mut self.lines
            && last.elapsed() >= EVERY
        {
            *last = Instant::now();
            eprintln!("{:3.0} %  {message}", done * 100.0);
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// `1 min 20 s`, `3.2 s`.
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_for_people() {
        assert_eq!(super::duration(3.21), "3.2 s");
        assert_eq!(super::duration(80.0), "1 min 20 s");
        assert_eq!(super::duration(7300.0), "2 h 1 min");
        assert_eq!(super::thousands(1_234_567), "1,234,567");
        assert_eq!(super::thousands(12), "12");
    }
}
