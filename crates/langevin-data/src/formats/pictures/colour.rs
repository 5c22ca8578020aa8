//! Conversion of decoded samples to the samples of rows.
//!
//! ```text
//! M           255 with 8 bits, 65535 with 16
//! alpha       v → (a v + (M − a) M + ⌊M/2⌋) / M        on white
//! gray        (19595 r + 38470 g + 7471 b + 32768) / 65536      ITU-R 601, as in Pillow
//! 8 → 16      v → 257 v                                 as in viewers: 255 and 65535 are white
//! 16 → 8      v → (255 v + 32895) / 65536               v · 255/65535, rounded
//! ```

use super::sample::{Depth, SampleFormat};

/// Samples of a decoder.
pub(super) enum Samples {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

/// Decoded image with one to four samples in each pixel.
pub(super) struct Raw {
    pub(super) samples: Samples,
    pub(super) colour: bool,
    pub(super) alpha: bool,
}

impl Raw {
    /// Converts the samples to a format, little-endian if they have 16 bits.
    pub(super) fn converted(self, format: SampleFormat) -> Vec<u8> {
        let (colour, alpha, channels) = (self.colour, self.alpha, format.channels);
        match (self.samples, format.depth) {
            (Samples::Eight(samples), Depth::Eight) => converted(samples, colour, alpha, channels),
            (Samples::Eight(samples), Depth::Sixteen) => {
                // 257 v is the byte v twice.
                converted(samples, colour, alpha, channels).into_iter().flat_map(|value| [value; 2]).collect()
            }
            (Samples::Sixteen(samples), Depth::Sixteen) => {
                converted(samples, colour, alpha, channels).into_iter().flat_map(u16::to_le_bytes).collect()
            }
            (Samples::Sixteen(samples), Depth::Eight) => {
                converted(samples, colour, alpha, channels).into_iter().map(narrowed).collect()
            }
        }
    }
}

fn narrowed(value: u16) -> u8 {
    ((u32::from(value) * 255 + 32895) >> 16) as u8
}

/// Sample of 8 or 16 bits.
trait Level: Copy + Into<u64> {
    /// Value of white.
    const MOST: u64;
    /// Converts a number of at most [`MOST`](Self::MOST).
    fn of(value: u64) -> Self;
}

impl Level for u8 {
    const MOST: u64 = 255;
    fn of(value: u64) -> Self {
        value as u8
    }
}

impl Level for u16 {
    const MOST: u64 = 65535;
    fn of(value: u64) -> Self {
        value as u16
    }
}

fn on_white<L: Level>(value: L, alpha: L) -> L {
    let (value, alpha): (u64, u64) = (value.into(), alpha.into());
    L::of((alpha * value + (L::MOST - alpha) * L::MOST + L::MOST / 2) / L::MOST)
}

fn luma<L: Level>([red, green, blue]: [L; 3]) -> L {
    L::of((19595 * red.into() + 38470 * green.into() + 7471 * blue.into() + 32768) >> 16)
}

/// Converts one to four samples in each pixel to one or three.
fn converted<L: Level>(pixels: Vec<L>, colour: bool, alpha: bool, channels: usize) -> Vec<L> {
    let opaque: Vec<L> = match (colour, alpha) {
        (_, false) => pixels,
        (false, true) => pixels.as_chunks::<2>().0.iter().map(|[value, alpha]| on_white(*value, *alpha)).collect(),
        (true, true) => {
            let pixels = pixels.as_chunks::<4>().0.iter();
            pixels.flat_map(|[r, g, b, alpha]| [r, g, b].map(|value| on_white(*value, *alpha))).collect()
        }
    };
    match (colour, channels) {
        (true, 1) => opaque.as_chunks::<3>().0.iter().map(|pixel| luma(*pixel)).collect(),
        (false, 3) => opaque.into_iter().flat_map(|value| [value; 3]).collect(),
        _ => opaque,
    }
}
