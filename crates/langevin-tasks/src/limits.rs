//! Memory limits, checked before memory is allocated.

use crate::error::{Error, Result};
use crate::memory;

/// Free memory, in bytes, that is assumed if the system does not report it: one terabyte.
pub const MOST_BYTES: u64 = 1 << 40;

/// Samples are held twice: as the network returns them, and joined.
const HELD: u64 = 2;

/// Checks that `count` samples of `width` numbers fit in memory.
///
/// # Examples
///
/// ```
/// assert!(langevin_tasks::limits::memory(100, 2).is_ok());
/// assert!(langevin_tasks::limits::memory(usize::MAX, 2).is_err());
/// ```
///
/// # Errors
/// Returns an error if they do not fit.
pub fn memory(count: usize, width: usize) -> Result<()> {
    let most = available();
    let bytes = (count as u64).checked_mul(width as u64).and_then(|numbers| numbers.checked_mul(8 * HELD));
    if bytes.is_some_and(|bytes| bytes <= most) && usize::try_from(bytes.unwrap_or(u64::MAX)).is_ok() {
        return Ok(());
    }
    Err(too_many(count, width, most / HELD))
}

/// Builds the error for `count` samples that do not fit into `most` bytes.
///
/// # Examples
///
/// ```
/// let error = langevin_tasks::limits::too_many(1000, 2, 160);
/// assert!(error.to_string().contains("at most 10 samples of 2 numbers, got 1000"));
/// ```
#[must_use]
pub fn too_many(count: usize, width: usize, most: u64) -> Error {
    let numbers = if width == 1 { "1 number".to_owned() } else { format!("{width} numbers") };
    Error::misused("the samples do not fit in memory")
        .at("‹count›")
        .expected(format!("at most {} samples of {numbers}", most / 8 / (width as u64).max(1)))
        .got(count.to_string())
        .hint("draw them in parts with other seeds")
}

/// Returns the number of bytes that can still be allocated, or [`MOST_BYTES`] if the system does
/// not report it.
///
/// # Examples
///
/// ```
/// assert!(langevin_tasks::limits::available() > 0);
/// ```
#[must_use]
pub fn available() -> u64 {
    memory::available().unwrap_or(MOST_BYTES)
}
