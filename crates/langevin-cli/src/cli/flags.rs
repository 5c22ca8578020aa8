//! Which flags the command at hand has, for hints that name some.

use super::Cli;
use clap::CommandFactory as _;
use std::sync::{Mutex, PoisonError};

/// The command that runs.
static AT_HAND: Mutex<String> = Mutex::new(String::new());

/// Remembers the command that runs.
pub fn at_hand(command: &str) {
    command.clone_into(&mut AT_HAND.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Whether every flag that a text names is one of the command that runs.
pub fn known(text: &str) -> bool {
    let name = AT_HAND.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let cli = Cli::command();
    let Some(command) = cli.find_subcommand(&name) else { return true };
    let has = |flag: &str| command.get_arguments().any(|arg| arg.get_long() == Some(flag));
    named(text).all(has)
}

/// The flags that a text names, without their dashes.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    text.split("--")
        .skip(1)
        .map(move |rest| rest.split(ends).next().unwrap_or_default())
        .filter(|flag| !flag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_for_the_command_that_has_its_flags() {
        assert_eq!(
            named("--drop leaves a column out, --label-column=x; a -- b").collect::<Vec<_>>(),
            ["drop", "label-column"]
        );
        at_hand("evaluate");
        assert!(known("--label-column names a column of labels, --drop leaves a column out"));
        assert!(!known("learn the logarithm with --log"));
        at_hand("report");
        assert!(!known("--drop leaves a column out") && known("save it as .npy"));
        at_hand("");
        assert!(known("--anything"));
    }
}
