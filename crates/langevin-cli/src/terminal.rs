//! The observer of tasks on a terminal: notes on stderr, a progress bar, and Ctrl-C.

use crate::cli::flags;
use crate::error::{Result, in_flags};
use crate::interrupt;
use crate::io::say;
use crate::progress::{Display, thousands};
use crate::words::plural;
use langevin_tasks::observe::{Note, Observer, Progress};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The observer of every task that a command calls.
pub static TERMINAL: Terminal = Terminal { bar: Mutex::new(None), read: Mutex::new(String::new()) };

/// The state of the terminal output.
pub struct Terminal {
    /// The progress bar with its start time.
    bar: Mutex<Option<(Display, Instant)>>,
    /// The last note about data, which is printed once even if a command reads the same data
    /// several times.
    read: Mutex<String>,
}

impl Observer for Terminal {
    fn note(&self, note: &Note) {
        let text = match note.label() {
            "" => note.to_string(),
            label => format!("{label}: {note}"),
        };
        if matches!(note, Note::Read { .. } | Note::OtherScale(_)) {
            let mut last = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            if *last == text {
                return;
            }
            last.clone_from(&text);
        }
        say(&text);
    }

    fn progress(&self, progress: &Progress<'_>) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Progress::Done { unit, done, all } => {
                let (display, start) = bar.get_or_insert_with(|| (Display::sampling(), Instant::now()));
                let rate = (*done as f64 / start.elapsed().as_secs_f64()) as u64;
                let speed = if *done == 0 { "–".to_owned() } else { thousands(rate) };
                let words =
                    format!("{} of {}  {speed} {unit}/s", thousands(*done), plural(*all, unit.trim_end_matches('s')));
                display.show(*done as f64 / (*all).max(1) as f64, &words);
            }
            Progress::Stage(words) => {
                let (display, _) = bar.get_or_insert_with(|| (Display::sampling(), Instant::now()));
                display.show(0.0, words);
            }
            _ => *bar = None,
        }
    }

    fn check(&self) -> Result<()> {
        interrupt::check()
    }

    fn knows(&self, hint: &str) -> bool {
        flags::known(&in_flags(hint))
    }
}
