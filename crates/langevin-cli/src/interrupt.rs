//! Ctrl-C: the first asks for an orderly end, the second ends at once.

use crate::error::{Failure, Result};
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Listens from here on.
pub fn listen() -> Result<()> {
    let handler = || {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler).map_err(|error| Failure::failed(format!("cannot listen for Ctrl-C: {error}")))
}

/// Whether an end was asked for.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Ends the work if an end was asked for.
pub fn check() -> Result<()> {
    if requested() { Err(Failure::interrupted("interrupted").hint("nothing was written")) } else { Ok(()) }
}
