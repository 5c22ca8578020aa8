//! What the readers of PNG, JPEG and WebP have in common.

use super::colour::{Raw, Samples};
use super::exif::Orientation;
use super::sample::{Depth, Head};
use std::io::Cursor;

/// Pixels of the largest picture, 8192 × 8192.
const MAX_PIXELS: usize = 1 << 26;

/// What a picture cannot be read for.
pub(super) type Result<T> = std::result::Result<T, String>;

/// What a reader of one format says of a picture before its pixels are decoded; sizes are as they are stored.
pub(super) struct Stored {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) gray: bool,
    pub(super) depth: Depth,
    pub(super) orientation: Orientation,
}

impl Stored {
    /// The picture as it is shown.
    pub(super) fn shown(&self) -> Head {
        let (height, width) = self.orientation.shown((self.height, self.width));
        Head { height, width, gray: self.gray, depth: self.depth }
    }
}

/// Refuses sizes beyond what is decoded.
pub(super) fn bounded(height: usize, width: usize) -> Result<()> {
    match height.checked_mul(width) {
        Some(0) => Err("no pixel".to_owned()),
        Some(pixels) if pixels <= MAX_PIXELS => Ok(()),
        _ => Err(format!("{height} × {width} pixels are more than {MAX_PIXELS}; make it smaller first")),
    }
}

/// A picture of 8 bits.
pub(super) fn bytes(samples: Vec<u8>, colour: bool, alpha: bool) -> Raw {
    Raw { samples: Samples::Eight(samples), colour, alpha }
}

/// A reader over bytes in memory.
pub(super) fn over(bytes: &[u8]) -> Cursor<&[u8]> {
    Cursor::new(bytes)
}
