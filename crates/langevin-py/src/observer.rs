//! The interpreter as the observer of tasks: notes become warnings, and Ctrl-C stops the task.

use langevin_tasks::observe::{Note, Observer};
use langevin_tasks::words::spelled;
use langevin_tasks::{Error, Result};
use pyo3::prelude::*;

/// Returns a text of a task with its arguments spelled as keywords.
pub fn in_keywords(text: &str) -> String {
    let keyword = |name: &str| match name {
        "class" => "class_labels".to_owned(),
        _ => name.replace('-', "_"),
    };
    spelled(&langevin::request::spelled(text, keyword), keyword)
}

/// The interpreter as an observer.
///
/// Tasks run with the interpreter released, so each method attaches to it first.
pub struct Interpreter;

impl Observer for Interpreter {
    fn note(&self, note: &Note) {
        if matches!(note, Note::Read { .. } | Note::Scheduler { .. }) {
            return;
        }
        let text = in_keywords(&note.to_string());
        // If a filter turns the warning into an exception, the task continues all the same.
        let _warned = Python::attach(|py| py.import("warnings")?.call_method1("warn", (text,)).map(drop));
    }

    fn check(&self) -> Result<()> {
        Python::attach(|py| py.check_signals()).map_err(|_| Error::interrupted("interrupted"))
    }

    fn knows(&self, hint: &str) -> bool {
        // Hints that name command-line flags do not apply to Python.
        !hint.contains("--")
    }
}
