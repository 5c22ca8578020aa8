//! Decoded pictures, a byte for each value, in memory or in a temporary file.

use super::files::floats;
use crate::error::Result;
use crate::source::{Source, Spool};
use crate::store::{Window, cut};

/// Decoded pictures, each of its own size.
#[derive(Debug)]
pub(crate) struct Pixels {
    source: Source,
    channels: usize,
    /// Height and width of each, and where it begins.
    places: Vec<((usize, usize), u64)>,
}

impl Pixels {
    /// How many there are.
    #[cfg(feature = "parquet")]
    pub(crate) fn rows(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn extent(&self, row: usize) -> (usize, usize) {
        self.places[row].0
    }

    /// Writes a window of picture `row` into `out`.
    pub(crate) fn read(&self, row: usize, window: Window, scratch: &mut Vec<u8>, out: &mut [f32]) -> Result<()> {
        let ((_, width), start) = self.places[row];
        let line = width * self.channels;
        let first = start + (window.top * line) as u64;
        let lines = self.source.bytes(first, window.height * line, scratch)?;
        cut(lines, width, self.channels, Window { top: 0, ..window }, floats, out);
        Ok(())
    }
}

/// Puts decoded pictures away.
#[derive(Debug)]
pub(crate) struct Writer {
    spool: Spool,
    channels: usize,
    places: Vec<((usize, usize), u64)>,
}

impl Writer {
    /// Holds at most `memory` bytes in memory.
    pub(crate) fn new(channels: usize, memory: u64) -> Self {
        Self { spool: Spool::new(memory), channels, places: Vec::new() }
    }

    /// Takes the next picture.
    pub(crate) fn push(&mut self, extent: (usize, usize), pixels: &[u8]) -> Result<()> {
        self.places.push((extent, self.spool.length()));
        self.spool.write(pixels)
    }

    /// What was written, to be read.
    pub(crate) fn finish(self) -> Result<Pixels> {
        Ok(Pixels { source: self.spool.finish()?, channels: self.channels, places: self.places })
    }
}
