//! Random crops and flips of images.

use crate::error::{Error, Result};
use crate::window::Window;
use langevin::SampleId;
use langevin::noise::fill_uniforms;

/// Augmentation of an image as it is read: a random crop and a left-right flip.
///
/// ```text
/// u     = three uniforms of (id, draw)
/// top   = ⌊u₀ (H − h + 1)⌋,  left = ⌊u₁ (W − w + 1)⌋      of an image of H × W
/// flip  if u₂ < ½
/// ```
///
/// All three numbers are always drawn, so that turning flips on does not change the crops.
///
/// ```
/// use langevin_data::Augment;
/// let augment = Augment::default().crop(24, 24).flip(true);
/// assert_eq!((augment.crop, augment.flip), (Some((24, 24)), true));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Augment {
    /// Height and width of the crop, whose position is drawn uniformly.
    pub crop: Option<(usize, usize)>,
    /// True to flip half of the samples left to right.
    pub flip: bool,
}

/// Crop and flip of one sample.
pub(crate) struct Place {
    pub(crate) window: Window,
    pub(crate) flipped: bool,
}

impl Augment {
    /// Sets [`crop`](Self::crop).
    ///
    /// ```
    /// assert_eq!(langevin_data::Augment::default().crop(24, 32).crop, Some((24, 32)));
    /// ```
    #[must_use]
    pub fn crop(mut self, height: usize, width: usize) -> Self {
        self.crop = Some((height, width));
        self
    }

    /// Sets [`flip`](Self::flip).
    ///
    /// ```
    /// assert!(langevin_data::Augment::default().flip(true).flip);
    /// ```
    #[must_use]
    pub fn flip(mut self, flip: bool) -> Self {
        self.flip = flip;
        self
    }

    /// Returns the shape of augmented samples of `shape`.
    ///
    /// ```
    /// use langevin_data::Augment;
    /// assert_eq!(Augment::default().crop(28, 28).shape(&[32, 32, 3])?, [28, 28, 3]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if samples to crop or flip are not images, that is, if `shape` does not
    /// have two or three sizes. Also returns an error if the crop is empty or larger than the
    /// image.
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

    /// Returns the crop of `size` in an image of `extent`, and the flip.
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

    /// Flips an image left to right; a line has `width` pixels of `depth` numbers.
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
