//! The border between this crate and the libraries that decode files: a panic of theirs becomes a value,
//! and prints nothing.
//!
//! A decoder may assert what a damaged file contradicts. [`caught`] drops whatever was interrupted and
//! returns `None`. The message and the backtrace of such a panic are suppressed on the thread that runs the
//! work; panics elsewhere print as before. Work that a decoder hands to other threads needs a guard of its
//! own there.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// How many guards the thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// The hook that prints is wrapped once in a process; hooks that are set later replace the wrapper, and
/// then print again.
static HOOK: Once = Once::new();

/// Counts the guard for as long as it lives, also while a panic unwinds through it.
struct Inside;

impl Inside {
    fn new() -> Self {
        DEPTH.with(|depth| depth.set(depth.get() + 1));
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

fn quiet() -> bool {
    // A thread that is ending has no such value any more.
    DEPTH.try_with(|depth| depth.get() > 0).unwrap_or(false)
}

/// Runs `work` and returns its result, or `None` if it panicked; nothing is printed in that case.
///
/// ```
/// use langevin_data::guard::caught;
/// assert_eq!(caught(|| 2 + 2), Some(4));
/// assert_eq!(caught(|| -> u8 { panic!("a decoder's own assertion") }), None);
/// ```
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    HOOK.call_once(|| {
        let printing = panic::take_hook();
        panic::set_hook(Box::new(move |about| {
            if !quiet() {
                printing(about);
            }
        }));
    });
    let _inside = Inside::new();
    // What the panic left half-made is owned by `work` and goes with it.
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_nest_and_end() {
        assert!(!quiet());
        let inner = caught(|| {
            assert_eq!(caught(|| -> u8 { panic!("inner") }), None);
            quiet()
        });
        assert_eq!(inner, Some(true));
        assert_eq!(caught(|| -> u8 { panic!("outer") }), None);
        assert!(!quiet());
    }
}
