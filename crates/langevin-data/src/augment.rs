//! Changes that keep what a picture shows.

use crate::error::{Error, Result};
use crate::window::Window;
use langevin::SampleId;
use langevin::noise::fill_uniforms;

/// What may be done to a picture as it is read: a part of it, and left for right.
///
/// ```text
/// u     = three uniforms of (id, draw)
/// top   = ⌊u₀ (H − h + 1)⌋,  left = ⌊u₁ (W − w + 1)⌋      of a picture of H × W
/// flip  if u₂ < ½
/// ```
///
/// All three are drawn whatever is asked for, so that flips do not move crops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Augment {
    /// Height and width of the part, at a place drawn uniformly.
    pub crop: Option<(usize, usize)>,
    /// Whether half of the samples are flipped left to right.
    pub flip: bool,
}

/// What one sample got.
pub(crate) struct Place {
    pub(crate) window: Window,
    pub(crate) flipped: bool,
}

impl Augment {
    /// Sets [`crop`](Self::crop).
    #[must_use]
    pub fn crop(mut self, height: usize, width: usize) -> Self {
        self.crop = Some((height, width));
        self
    }

    /// Sets [`flip`](Self::flip).
    #[must_use]
    pub fn flip(mut self, flip: bool) -> Self {
        self.flip = flip;
        self
    }

    /// The shape that samples of `shape` get.
    ///
    /// ```
    /// use langevin_data::Augment;
    /// assert_eq!(Augment::default().crop(28, 28).shape(&[32, 32, 3])?, [28, 28, 3]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// A crop or flip of what is no picture, that is of a shape of other than two or three sizes; a crop
    /// that is empty or larger than the picture.
    pub fn shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        if self.crop.is_none() && !self.flip {
            return Ok(shape.to_vec());
        }
        let ([height, width] | [height, width, _]) = *shape else {
            return Err(Error::argument("only pictures can be cropped and flipped")
                .expected("samples of shape [height, width] or [height, width, channels]")
                .got(format!("{shape:?}")));
        };
        let (h, w) = self.crop.unwrap_or((height, width));
        if h == 0 || w == 0 || h > height || w > width {
            return Err(Error::argument("the crop does not fit into the pictures")
                .expected(format!("1 to {height} high and 1 to {width} wide"))
                .got(format!("{h} × {w}")));
        }
        let mut shape = shape.to_vec();
        (shape[0], shape[1]) = (h, w);
        Ok(shape)
    }

    /// Where the part of `size` begins in a picture of `extent`, and whether it is flipped.
    pub(crate) fn place(&self, id: SampleId, draw: u32, extent: (usize, usize), size: (usize, usize)) -> Place {
        let mut u = [0.0; 3];
        fill_uniforms(id, draw, &mut u);
        // u is below 1, but its product with a large number may round up to that number.
        let at = |u: f64, room: usize| ((u * (room + 1) as f64) as usize).min(room);
        let window = Window {
            top: at(u[0], extent.0.saturating_sub(size.0)),
            left: at(u[1], extent.1.saturating_sub(size.1)),
            height: size.0,
            width: size.1,
        };
        Place { window, flipped: self.flip && u[2] < 0.5 }
    }

    /// Left for right, pixels of `depth` numbers, lines of `width` pixels.
    pub(crate) fn mirror(picture: &mut [f32], width: usize, depth: usize) {
        for line in picture.chunks_exact_mut(width * depth) {
            for left in 0..width / 2 {
                for channel in 0..depth {
                    line.swap(left * depth + channel, (width - 1 - left) * depth + channel);
                }
            }
        }
    }
}
