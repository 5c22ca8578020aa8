//! How much is asked of a machine, checked before it is asked for.

use crate::error::{Error, Result};
use crate::memory;

/// The bytes that are taken to be free where the system does not say: a terabyte.
pub const MOST_BYTES: u64 = 1 << 40;

/// Samples that are held at once are held twice: as they come from the network, and put together.
const HELD: u64 = 2;

/// Checks that memory holds `count` samples of `width` numbers at once.
///
/// # Errors
/// Returns an error if it does not.
pub fn memory(count: usize, width: usize) -> Result<()> {
    let most = available();
    let bytes = (count as u64).checked_mul(width as u64).and_then(|numbers| numbers.checked_mul(8 * HELD));
    if bytes.is_some_and(|bytes| bytes <= most) && usize::try_from(bytes.unwrap_or(u64::MAX)).is_ok() {
        return Ok(());
    }
    Err(too_many(count, width, most / HELD))
}

/// Builds the error of `count` samples where `most` bytes may be taken.
#[must_use]
pub fn too_many(count: usize, width: usize, most: u64) -> Error {
    let numbers = if width == 1 { "1 number".to_owned() } else { format!("{width} numbers") };
    Error::misused("the samples do not fit in memory")
        .at("‹count›")
        .expected(format!("at most {} samples of {numbers}", most / 8 / (width as u64).max(1)))
        .got(count.to_string())
        .hint("draw them in parts with other seeds")
}

/// Returns the bytes of memory that may still be taken, or [`MOST_BYTES`] where the system does not say.
#[must_use]
pub fn available() -> u64 {
    memory::available().unwrap_or(MOST_BYTES)
}
