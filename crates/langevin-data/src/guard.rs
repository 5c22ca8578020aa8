//! Protection against panics of decoding libraries.
//!
//! A decoder may panic on a damaged file. [`caught`] then discards the interrupted work and returns
//! `None`. The message and the backtrace of such a panic are suppressed on the thread that runs the
//! work; panics elsewhere print as before. Work that a decoder moves to other threads needs its own
//! guard there.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Number of guards that the thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// The printing hook is wrapped once per process. Hooks set later replace the wrapper, and then
/// print again.
static HOOK: Once = Once::new();

/// Counts the guard during its lifetime, including while a panic unwinds through it.
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
    // The value no longer exists on a thread that is ending.
    DEPTH.try_with(|depth| depth.get() > 0).unwrap_or(false)
}

/// Runs `work` and returns its result, or `None` if it panicked. A caught panic prints nothing.
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
    // Values left inconsistent by a panic are owned by `work` and dropped with it.
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
