//! Ctrl-C and termination signals. The first one requests an orderly end, the second one ends the
//! program at once. Neither leaves a temporary file behind.

use crate::error::{Blame as _, Failure, Result};
use crate::io::{say, temporary};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Starts listening. If the system provides no thread for this, Ctrl-C ends the program at once,
/// and the next command that writes to the same place removes the incomplete output.
pub fn listen() -> Result<()> {
    let handler = || {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            let _barred = temporary::remove_all();
            leave(130);
        }
    };
    match ctrlc::set_handler(handler) {
        // If another command in the same process has installed a handler, that handler serves this
        // command too.
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(()),
        Err(_) => {
            say("note: Ctrl-C ends this at once: the system gives no thread that could wait for it");
            Ok(())
        }
    }
}

/// Ends the process after flushing its output.
///
/// Drivers of graphics cards register exit handlers and keep threads of their own. When the two
/// interact, the process can be aborted after its work is done. A build with support for graphics
/// cards therefore skips the exit handlers.
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

/// Returns true if an end was requested.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Returns the failure of a command that was interrupted before its output was written.
pub fn failure() -> Failure {
    Failure::interrupted("interrupted: nothing was written")
}

/// Returns an error if an end was requested.
pub fn check() -> Result<()> {
    if requested() { Err(failure()) } else { Ok(()) }
}

/// Converts the result of work that stops with its own error after an end was requested.
pub fn or_failed<T, E: Error + Send + Sync + 'static>(result: std::result::Result<T, E>) -> Result<T> {
    match result {
        Err(_) if requested() => Err(failure()),
        other => other.or_failed(),
    }
}
