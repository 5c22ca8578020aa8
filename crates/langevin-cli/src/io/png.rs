//! Samples as a picture: a sheet of small pictures, or points in a plane.

use super::atomic;
use crate::error::{Failure, Result};
use std::path::Path;

/// A grey or colour picture with 8 bits per channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    /// Number of channels: 1 or 3.
    channels: usize,
    pixels: Vec<u8>,
}

/// The layout of a sample that is a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Number of channels: 1 or 3.
    channels: usize,
    /// True if the channels come before the rows.
    first: bool,
}

impl Tile {
    /// Returns the layout for samples of shape (height, width), (height, width, channels) or
    /// (channels, height, width), with 1 or 3 channels.
    pub fn of(shape: &[usize]) -> Option<Self> {
        let (height, width, channels, first) = match *shape {
            [height, width] => (height, width, 1, false),
            [height, width, channels @ (1 | 3)] => (height, width, channels, false),
            [channels @ (1 | 3), height, width] => (height, width, channels, true),
            _ => return None,
        };
        (height * width > 1).then_some(Self { height, width, channels, first })
    }

    /// Returns the number of values of a sample.
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    fn at(&self, picture: &[f64], y: usize, x: usize, channel: usize) -> f64 {
        match self.first {
            true => picture[(channel * self.height + y) * self.width + x],
            false => picture[(y * self.width + x) * self.channels + channel],
        }
    }
}

/// Maximum number of pixels of a picture.
const MAX_PIXELS: usize = 1 << 26;

/// Number of pixels between the pictures of a sheet, and around them.
const GAP: usize = 1;

/// The layout of the pictures of a sheet.
struct Layout {
    columns: usize,
    rows: usize,
    /// Enlargement factor; small pictures are enlarged to be visible.
    scale: usize,
    /// Distance between rows, in pixels.
    down: usize,
    /// Distance between columns, in pixels.
    across: usize,
}

impl Layout {
    fn of(count: usize, height: usize, width: usize) -> Self {
        let root = count.isqrt();
        Self::with(count, (root + usize::from(root * root < count)).max(1), height, width)
    }

    fn with(count: usize, columns: usize, height: usize, width: usize) -> Self {
        let scale = (40 / height.max(width).max(1)).max(1);
        let [down, across] = [height, width].map(|side| side.saturating_mul(scale).saturating_add(GAP));
        Self { columns, rows: count.div_ceil(columns).max(1), scale, down, across }
    }

    fn pixels(&self) -> usize {
        let side = |count: usize, step: usize| count.saturating_mul(step).saturating_add(GAP);
        side(self.rows, self.down).saturating_mul(side(self.columns, self.across))
    }
}

impl Picture {
    fn new(width: usize, height: usize, channels: usize) -> Self {
        Self { width, height, channels, pixels: vec![32; width * height * channels] }
    }

    /// Returns the maximum number of pictures of `height` × `width` on a sheet.
    pub fn most(height: usize, width: usize) -> usize {
        // The number of pixels never decreases with the number of pictures, so bisection finds the
        // maximum.
        let (mut fits, mut beyond) = (0, MAX_PIXELS + 1);
        while beyond - fits > 1 {
            let middle = fits + (beyond - fits) / 2;
            if Layout::of(middle, height, width).pixels() <= MAX_PIXELS {
                fits = middle;
            } else {
                beyond = middle;
            }
        }
        fits
    }

    /// Draws pictures on a sheet that is as square as possible. `low` is black and `high` is white;
    /// values outside are clipped.
    pub fn sheet(values: &[f64], tile: Tile, extent: [f64; 2]) -> Result<Self> {
        Self::lay(values, tile, extent, Layout::of(values.len() / tile.len(), tile.height, tile.width))
    }

    /// Draws pictures on a sheet with a given number of columns.
    pub fn rows(values: &[f64], tile: Tile, extent: [f64; 2], columns: usize) -> Result<Self> {
        Self::lay(
            values,
            tile,
            extent,
            Layout::with(values.len() / tile.len(), columns.max(1), tile.height, tile.width),
        )
    }

    fn lay(values: &[f64], tile: Tile, extent: [f64; 2], layout: Layout) -> Result<Self> {
        let count = values.len() / tile.len();
        if layout.pixels() > MAX_PIXELS {
            return Err(Failure::misused("too many samples for one picture")
                .expected(format!("at most {}", Self::most(tile.height, tile.width)))
                .got(count.to_string())
                .hint("write .npy, or fewer samples"));
        }
        let Layout { columns, rows, scale, down, across } = layout;
        let mut sheet = Self::new(columns * across + GAP, rows * down + GAP, tile.channels);
        for (number, picture) in values.chunks_exact(tile.len()).enumerate() {
            let corner = (number / columns * down + GAP, number % columns * across + GAP);
            sheet.put(picture, tile, corner, scale, extent);
        }
        Ok(sheet)
    }

    /// Draws a single picture in its own size.
    pub fn single(values: &[f64], tile: Tile, extent: [f64; 2]) -> Self {
        let mut picture = Self::new(tile.width, tile.height, tile.channels);
        picture.put(values, tile, (0, 0), 1, extent);
        picture
    }

    fn put(&mut self, picture: &[f64], tile: Tile, (top, left): (usize, usize), scale: usize, [low, high]: [f64; 2]) {
        let span = if high > low { high - low } else { 1.0 };
        for y in 0..tile.height * scale {
            for x in 0..tile.width * scale {
                for channel in 0..tile.channels {
                    let value = tile.at(picture, y / scale, x / scale, channel);
                    let light = ((value - low) / span).clamp(0.0, 1.0) * 255.0;
                    self.pixels[((top + y) * self.width + left + x) * self.channels + channel] = light.round() as u8;
                }
            }
        }
    }

    /// Draws points (x, y), with y upwards, in a square that contains all of them. The more points
    /// fall on a pixel, the darker it is.
    pub fn scatter(points: &[f64]) -> Self {
        const SIDE: usize = 640;
        const MARGIN: f64 = 0.04;
        let bound = |axis: usize| {
            let values = points.iter().skip(axis).step_by(2);
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
        };
        let (x, y) = (bound(0), bound(1));
        // Both axes have the same scale.
        let span = (x.1 - x.0).max(y.1 - y.0).max(f64::MIN_POSITIVE) * (1.0 + 2.0 * MARGIN);
        let place = |value: f64, (low, high): (f64, f64)| {
            let share = (value - 0.5 * (low + high)) / span + 0.5;
            (share * SIDE as f64).clamp(0.0, SIDE as f64 - 1.0) as usize
        };
        let mut counts = vec![0_u32; SIDE * SIDE];
        for point in points.chunks_exact(2) {
            let (left, up) = (place(point[0], x), place(point[1], y));
            // A point is a cross of five pixels.
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)] {
                let (px, py) = (left.checked_add_signed(dx), (SIDE - 1 - up).checked_add_signed(dy));
                if let (Some(px), Some(py)) = (px.filter(|p| *p < SIDE), py.filter(|p| *p < SIDE)) {
                    counts[py * SIDE + px] += 1;
                }
            }
        }
        // Each point removes a share of the remaining brightness.
        let share = 1.0 - (0.8_f64).min(0.25 + 1000.0 / (points.len() / 2).max(1) as f64);
        let light = |count: u32| (255.0 * share.powi(count.min(1000) as i32)).round() as u8;
        Self { width: SIDE, height: SIDE, channels: 1, pixels: counts.into_iter().map(light).collect() }
    }

    /// Encodes the picture as a PNG file.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let wrong = |error: png::EncodingError| Failure::failed(format!("cannot encode the picture: {error}"));
        let side = |side: usize| {
            u32::try_from(side).map_err(|_| Failure::misused("the picture is too large").got(side.to_string()))
        };
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side(self.width)?, side(self.height)?);
        encoder.set_color(if self.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(wrong)?;
        writer.write_image_data(&self.pixels).map_err(wrong)?;
        writer.finish().map_err(wrong)?;
        Ok(bytes)
    }

    /// Writes the picture to a file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes = self.encode()?;
        atomic::write(path, |out| out.write_all(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_clips_and_places_its_pictures() {
        let sheet = Picture::sheet(&[0.0, 16.0, -5.0, 99.0], Tile::of(&[1, 2]).unwrap(), [0.0, 16.0]).unwrap();
        // Two columns of pictures of 20 × 40 pixels, one pixel apart.
        assert_eq!((sheet.width, sheet.height), (2 * 41 + 1, 21 + 1));
        let at = |y: usize, x: usize| sheet.pixels[y * sheet.width + x];
        assert_eq!((at(1, 1), at(1, 40), at(1, 42), at(20, 81)), (0, 255, 0, 255));
        assert_eq!(at(0, 0), 32);
    }

    #[test]
    fn colours_come_in_either_order() {
        let [last, first] = [&[1, 2, 3][..], &[3, 1, 2]].map(|shape| Tile::of(shape).unwrap());
        let a = Picture::single(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], last, [0.0, 255.0]);
        let b = Picture::single(&[0.0, 3.0, 1.0, 4.0, 2.0, 5.0], first, [0.0, 255.0]);
        assert_eq!((&a, &a.pixels[..]), (&b, &[0, 1, 2, 3, 4, 5][..]));
        assert!(Tile::of(&[64]).is_none() && Tile::of(&[8, 8, 2]).is_none());
    }

    #[test]
    fn a_scatter_holds_every_point() {
        for points in [vec![], vec![1.0, 2.0], vec![0.0, 0.0, 1e300, -1e300], vec![0.0, -3.0, 4.0, 9.0]] {
            let picture = Picture::scatter(&points);
            assert_eq!(picture.pixels.iter().any(|pixel| *pixel < 255), !points.is_empty());
            assert!(picture.encode().unwrap().starts_with(b"\x89PNG"));
        }
    }

    #[test]
    fn the_most_is_the_most() {
        for (height, width) in [(8, 8), (1, 2), (28, 28), (3, 700)] {
            let most = Picture::most(height, width);
            assert!(Layout::of(most, height, width).pixels() <= MAX_PIXELS);
            assert!(Layout::of(most + 1, height, width).pixels() > MAX_PIXELS);
        }
        assert_eq!(Picture::most(1 << 14, 1 << 14), 0);
    }
}
