//! Decoded images, one or two bytes for each value, in memory or in a temporary file.

use super::sample::SampleFormat;
use crate::dataset::store::Pictures;
use crate::error::Result;
use crate::source::{Source, Spool};
use crate::window::Window;

/// Decoded images of individual sizes.
#[derive(Debug)]
pub(crate) struct Pixels {
    source: Source,
    format: SampleFormat,
    /// Height and width of each image, and its offset.
    places: Vec<((usize, usize), u64)>,
}

impl Pictures for Pixels {
    fn count(&self) -> usize {
        self.places.len()
    }

    fn levels(&self) -> u32 {
        self.format.depth.levels()
    }

    fn extent(&self, row: usize) -> (usize, usize) {
        self.places[row].0
    }

    fn read(&self, row: usize, window: Window, scratch: &mut Vec<u8>, out: &mut [f32]) -> Result<()> {
        let ((_, width), start) = self.places[row];
        let line = width * self.format.pixel();
        let first = start + (window.top * line) as u64;
        let lines = self.source.bytes(first, window.height * line, scratch)?;
        self.format.cut(lines, width, Window { top: 0, ..window }, out);
        Ok(())
    }
}

/// Writer of decoded images.
#[derive(Debug)]
pub(crate) struct Writer {
    spool: Spool,
    format: SampleFormat,
    places: Vec<((usize, usize), u64)>,
}

impl Writer {
    /// Creates a writer that holds at most `memory` bytes in memory.
    pub(crate) fn new(format: SampleFormat, memory: u64) -> Self {
        Self { spool: Spool::new(memory), format, places: Vec::new() }
    }

    /// Adds the next image.
    pub(crate) fn push(&mut self, extent: (usize, usize), pixels: &[u8]) -> Result<()> {
        self.places.push((extent, self.spool.length()));
        self.spool.write(pixels)
    }

    /// Returns the images for reading.
    pub(crate) fn finish(self) -> Result<Pixels> {
        Ok(Pixels { source: self.spool.finish()?, format: self.format, places: self.places })
    }
}
