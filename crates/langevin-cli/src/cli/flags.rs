//! The flags of the running command, for hints that name flags.

use clap::Command;
use std::sync::{Mutex, PoisonError};

/// The definition of all commands.
type All = fn() -> Command;

/// The running command, with the definition of all commands.
static AT_HAND: Mutex<Option<(String, All)>> = Mutex::new(None);

/// Stores the running command and the definition of all commands.
pub fn at_hand(command: &str, all: All) {
    *AT_HAND.lock().unwrap_or_else(PoisonError::into_inner) = Some((command.to_owned(), all));
}

/// Returns true if the running command has every flag that a text names.
pub fn known(text: &str) -> bool {
    let Some((name, all)) = AT_HAND.lock().unwrap_or_else(PoisonError::into_inner).clone() else { return true };
    let cli = all();
    let Some(command) = cli.find_subcommand(&name) else { return true };
    let has = |flag: &str| command.get_arguments().any(|arg| arg.get_long() == Some(flag));
    named(text).all(has)
}

/// Returns the flags that a text names, without their dashes.
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
    use crate::commands::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn a_hint_is_for_the_command_that_has_its_flags() {
        assert_eq!(
            named("--drop leaves a column out, --label-column=x; a -- b").collect::<Vec<_>>(),
            ["drop", "label-column"]
        );
        at_hand("evaluate", Cli::command);
        assert!(known("--label-column names a column of labels, --drop leaves a column out"));
        assert!(!known("learn the logarithm with --log"));
        at_hand("report", Cli::command);
        assert!(!known("--drop leaves a column out") && known("save it as .npy"));
        at_hand("", Cli::command);
        assert!(known("--anything"));
    }
}
