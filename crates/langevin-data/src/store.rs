//! Where rows are kept.

use crate::error::Result;
use crate::npy::Encoded;
use crate::pictures::{Files, Pixels};

/// Part of a picture: where it begins and how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) top: usize,
    pub(crate) left: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Window {
    /// The middle of a picture of `extent`; of two middles the upper and the left.
    pub(crate) fn centre(extent: (usize, usize), (height, width): (usize, usize)) -> Self {
        Self { top: extent.0.saturating_sub(height) / 2, left: extent.1.saturating_sub(width) / 2, height, width }
    }
}

/// What reading a row needs besides; kept from row to row.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) floats: Vec<f32>,
    /// A stored row, and a row of the model, exactly.
    pub(crate) stored: Vec<f64>,
    pub(crate) whole: Vec<f64>,
}

/// Where rows are kept.
#[derive(Debug)]
pub(crate) enum Store {
    /// Numbers in memory.
    Floats(Vec<f32>),
    /// An array, in memory or in a file.
    Encoded(Encoded),
    /// Decoded pictures, in memory or in a temporary file.
    Pixels(Pixels),
    /// Pictures that are decoded at each reading.
    Files(Files),
}

impl Store {
    /// Height and width of the whole picture `row`, where it may be larger than a sample.
    pub(crate) fn extent(&self, row: usize) -> Option<(usize, usize)> {
        match self {
            Self::Floats(_) | Self::Encoded(_) => None,
            Self::Pixels(pixels) => Some(pixels.extent(row)),
            Self::Files(files) => Some(files.extent(row)),
        }
    }

    /// Writes row `row`, or that window of it, into `out`. `shape` is that of a sample.
    pub(crate) fn read(
        &self,
        row: usize,
        shape: &[usize],
        window: Option<Window>,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Result<()> {
        match (self, shape) {
            (Self::Pixels(pixels), [height, width, ..]) => {
                let window = window.unwrap_or_else(|| Window::centre(pixels.extent(row), (*height, *width)));
                pixels.read(row, window, &mut scratch.bytes, out)
            }
            (Self::Files(files), [height, width, ..]) => {
                let window = window.unwrap_or_else(|| Window::centre(files.extent(row), (*height, *width)));
                files.read(row, window, out)
            }
            (_, [_, width, depth @ ..]) if window.is_some() => {
                let depth = depth.first().copied().unwrap_or(1);
                let mut whole = std::mem::take(&mut scratch.floats);
                whole.resize(shape.iter().product(), 0.0);
                self.whole(row, &mut scratch.bytes, &mut whole)?;
                if let Some(window) = window {
                    cut(&whole, *width, depth, window, |from, to| to.copy_from_slice(from), out);
                }
                scratch.floats = whole;
                Ok(())
            }
            _ => self.whole(row, &mut scratch.bytes, out),
        }
    }

    /// Writes row `row`, of pictures the middle, into `out` exactly.
    pub(crate) fn read_wide(&self, row: usize, shape: &[usize], scratch: &mut Scratch, out: &mut [f64]) -> Result<()> {
        match self {
            Self::Floats(values) => {
                let values = &values[row * out.len()..(row + 1) * out.len()];
                out.iter_mut().zip(values).for_each(|(out, value)| *out = f64::from(*value));
                Ok(())
            }
            Self::Encoded(array) => array.read_wide(row, out, &mut scratch.bytes),
            // Pixels are whole numbers, which both types hold.
            Self::Pixels(_) | Self::Files(_) => {
                let mut narrow = std::mem::take(&mut scratch.floats);
                narrow.resize(out.len(), 0.0);
                self.read(row, shape, None, scratch, &mut narrow)?;
                out.iter_mut().zip(&narrow).for_each(|(out, value)| *out = f64::from(*value));
                scratch.floats = narrow;
                Ok(())
            }
        }
    }

    /// A whole row of numbers.
    fn whole(&self, row: usize, scratch: &mut Vec<u8>, out: &mut [f32]) -> Result<()> {
        match self {
            Self::Floats(values) => {
                let width = out.len();
                out.copy_from_slice(&values[row * width..(row + 1) * width]);
                Ok(())
            }
            Self::Encoded(array) => array.read(row, out, scratch),
            // Pictures have a shape of two sizes or three, and were read above.
            Self::Pixels(_) | Self::Files(_) => Ok(()),
        }
    }
}

/// The lines of a window of a picture of `width` × `depth` numbers a line.
pub(crate) fn cut<T, U>(
    whole: &[T],
    width: usize,
    depth: usize,
    window: Window,
    copy: impl Fn(&[T], &mut [U]),
    out: &mut [U],
) {
    let lines = whole.chunks_exact(width * depth).skip(window.top);
    for (line, out) in lines.zip(out.chunks_exact_mut(window.width * depth)) {
        copy(&line[window.left * depth..][..window.width * depth], out);
    }
}
