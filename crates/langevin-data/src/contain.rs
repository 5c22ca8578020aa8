//! Panics of decoders, stopped at the border of the reader.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether this thread runs a decoder whose panic is an ordinary error.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder of another crate on an untrusted file and returns `None` if it panics.
///
/// The process's panic hook stays as it is for all other code; a panic in here prints nothing. The
/// closure must not keep anything that it changed half-way: callers drop what it was working on.
pub(crate) fn contained<T>(decode: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |about| {
            // A thread that is ending has no flag any more; its panics are shown.
            if !QUIET.try_with(Cell::get).unwrap_or(false) {
                usual(about);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(decode));
    QUIET.set(before);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_no_result_and_the_next_call_works() {
        assert_eq!(contained(|| 3), Some(3));
        let nothing: [u8; 0] = [];
        assert_eq!(contained(|| nothing[std::hint::black_box(0)]), None);
        assert_eq!(contained(|| contained(|| panic!("inner")).map_or(5, |()| 6)), Some(5));
        assert!(!QUIET.get());
    }
}
