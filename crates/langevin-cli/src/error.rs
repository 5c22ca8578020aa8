//! Output of errors.
//!
//! The format is `error: what (where): expected …, got …`, followed by `hint: …`. The help
//! documents the exit codes of [`Exit`].

pub use langevin_tasks::{Blame, Error as Failure, Kind as Exit, Result};
use std::io::Write as _;

/// Returns a text of the library with its arguments spelled as flags.
pub fn in_flags(text: &str) -> String {
    let flag = |name: &str| match name {
        "model" => "MODEL".to_owned(),
        "count" => "-n".to_owned(),
        name => format!("--{name}"),
    };
    langevin_tasks::words::spelled(&langevin::request::spelled(text, flag), flag)
}

/// Prints a failure on stderr, in colour if the terminal supports it.
pub fn print(failure: &Failure) {
    use clap::builder::styling::{AnsiColor, Style};
    let (red, blue) = (AnsiColor::Red.on_default().bold(), AnsiColor::Cyan.on_default().bold());
    let paint = |style: Style, word: &str| format!("{style}{word}{style:#}");
    let mut out = anstream::stderr().lock();
    for (number, line) in in_flags(&failure.text()).lines().enumerate() {
        // A failure to print an error cannot be reported anywhere.
        let _ = match line.strip_prefix("hint: ") {
            _ if number == 0 => writeln!(out, "{} {line}", paint(red, "error:")),
            Some(rest) => writeln!(out, "{} {rest}", paint(blue, "hint:")),
            None => writeln!(out, "{line}"),
        };
    }
}
