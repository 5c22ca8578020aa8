//! Code shared by the readers of PNG, JPEG and WebP.

use super::colour::{Raw, Samples};
use super::exif::Orientation;
use super::sample::{Depth, Head};
use std::io::Cursor;

/// Pixel limit of an image, 8192 × 8192.
const MAX_PIXELS: usize = 1 << 26;

/// Result type of image readers; the error is the reason as text.
pub(super) type Result<T> = std::result::Result<T, String>;

/// Properties of a stored image, known before its pixels are decoded; sizes are as stored.
pub(super) struct Stored {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) gray: bool,
    pub(super) depth: Depth,
    pub(super) orientation: Orientation,
}

impl Stored {
    /// Returns the properties of the displayed image.
    pub(super) fn shown(&self) -> Head {
        let (height, width) = self.orientation.shown((self.height, self.width));
        Head { height, width, gray: self.gray, depth: self.depth }
    }
}

/// Checks that the size is within the limit.
pub(super) fn bounded(height: usize, width: usize) -> Result<()> {
    match height.checked_mul(width) {
        Some(0) => Err("no pixel".to_owned()),
        Some(pixels) if pixels <= MAX_PIXELS => Ok(()),
        _ => Err(format!("{height} × {width} pixels are more than {MAX_PIXELS}; make it smaller first")),
    }
}

/// Creates an image of 8 bits.
pub(super) fn bytes(samples: Vec<u8>, colour: bool, alpha: bool) -> Raw {
    Raw { samples: Samples::Eight(samples), colour, alpha }
}

/// Creates a reader over bytes in memory.
pub(super) fn over(bytes: &[u8]) -> Cursor<&[u8]> {
    Cursor::new(bytes)
}
