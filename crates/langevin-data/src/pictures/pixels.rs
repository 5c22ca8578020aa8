//! Decoded pictures, one or two bytes for each value, in memory or in a temporary file.

use super::Format;
use crate::error::Result;
use crate::source::{Source, Spool};
use crate::store::Window;

/// Decoded pictures, each of its own size.
#[derive(Debug)]
pub(crate) struct Pixels {
    source: Source,
    format: Format,
    /// Height and width of each, and where it begins.
    places: Vec<((usize, usize), u64)>,
}

impl Pixels {
    /// How many there are.
    #[cfg(feature = "parquet")]
    pub(crate) fn rows(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn extent(&self, row: usize) -> (usize, usize) {
        self.places[row].0
    }

    /// Writes a window of picture `row` into `out`.
    pub(crate) fn read(&self, row: usize, window: Window, scratch: &mut Vec<u8>, out: &mut [f32]) -> Result<()> {
        let ((_, width), start) = self.places[row];
        let line = width * self.format.pixel();
        let first = start + (window.top * line) as u64;
        let lines = self.source.bytes(first, window.height * line, scratch)?;
        self.format.cut(lines, width, Window { top: 0, ..window }, out);
        Ok(())
    }
}

/// Puts decoded pictures away.
#[derive(Debug)]
pub(crate) struct Writer {
    spool: Spool,
    format: Format,
    places: Vec<((usize, usize), u64)>,
}

impl Writer {
    /// Holds at most `memory` bytes in memory.
    pub(crate) fn new(format: Format, memory: u64) -> Self {
        Self { spool: Spool::new(memory), format, places: Vec::new() }
    }

    /// Takes the next picture.
    pub(crate) fn push(&mut self, extent: (usize, usize), pixels: &[u8]) -> Result<()> {
        self.places.push((extent, self.spool.length()));
        self.spool.write(pixels)
    }

    /// What was written, to be read.
    pub(crate) fn finish(self) -> Result<Pixels> {
        Ok(Pixels { source: self.spool.finish()?, format: self.format, places: self.places })
    }
}
