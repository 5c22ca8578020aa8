//! Ctrl-C, and what a system sends to end a program: the first asks for an orderly end, the second ends at once. Neither leaves a temporary file.

use crate::error::{Blame as _, Failure, Result};
use crate::io::{say, temporary};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Listens from here on. Where the system gives no thread for that, Ctrl-C ends the program at once, and what is left of an
/// output is removed by the next command that writes there.
pub fn listen() -> Result<()> {
    let handler = || {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            let _barred = temporary::remove_all();
            leave(130);
        }
    };
    match ctrlc::set_handler(handler) {
        // A second command in one process: the first one's handler serves it.
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(()),
        Err(_) => {
            say("note: Ctrl-C ends this at once: the system gives no thread that could wait for it");
            Ok(())
        }
    }
}

/// Ends the process, with what was printed on its way.
///
/// Drivers of graphics cards register work to be done at the end and keep threads of their own; when the two meet, the process
/// can be aborted after its work is done. A build that reaches cards therefore ends without that work.
pub fn leave(code: u8) -> ! {
    #[cfg(all(feature = "gpu", unix))]
    {
        use std::io::Write as _;
        let _closed = std::io::stdout().flush();
        signal_hook::low_level::exit(code.into())
    }
    #[cfg(not(all(feature = "gpu", unix)))]
    std::process::exit(code.into())
}

/// Whether an end was asked for.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// What a command says that was interrupted before its output was in place.
pub fn failure() -> Failure {
    Failure::interrupted("interrupted: nothing was written")
}

/// Ends the work if an end was asked for.
pub fn check() -> Result<()> {
    if requested() { Err(failure()) } else { Ok(()) }
}

/// The result of work that stops with an error of its own when an end was asked for.
pub fn or_failed<T, E: Error + Send + Sync + 'static>(result: std::result::Result<T, E>) -> Result<T> {
    match result {
        Err(_) if requested() => Err(failure()),
        other => other.or_failed(),
    }
}
