//! Sizes of the transformer, its patches, and its parameters.

use super::super::net::extents;
use crate::error::{Error, Result};
use crate::nn::transformer::{MAX_TOKENS, Mixing, Sizes, Transformer, check_blocks, check_bounds};
use serde::{Deserialize, Serialize};

/// Configuration of a diffusion transformer for images.
///
/// ```
/// use langevin_train::{DitConfig, NetworkSpec};
/// // Patches of 2 × 2 pixels, tokens of 64 elements, 4 blocks with 4 heads.
/// let spec: NetworkSpec = DitConfig::new(2, 64, 4, 4).into();
/// assert!(matches!(spec, NetworkSpec::Dit(config) if config.patch == 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DitConfig {
    /// Side of a patch in pixels.
    pub patch: usize,
    /// Number of elements of a token.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Number of attention heads, which divide the width among them.
    pub heads: usize,
    /// Number of cosine features of the noise level.
    pub fourier: usize,
    /// Number of classes; 0 for an unconditional network.
    #[serde(default, skip_serializing_if = "super::super::net::is_zero")]
    pub classes: usize,
}

impl DitConfig {
    /// Returns a configuration with default features and no classes.
    ///
    /// The arguments are the side of a patch in pixels, the elements of a token, the blocks and the
    /// heads.
    ///
    /// ```
    /// let config = langevin_train::DitConfig::new(4, 192, 6, 6);
    /// assert_eq!((config.fourier, config.classes), (16, 0));
    /// ```
    #[must_use]
    pub fn new(patch: usize, width: usize, depth: usize, heads: usize) -> Self {
        Self { patch, width, depth, heads, fourier: 16, classes: 0 }
    }

    /// Checks that the sizes form a network for images of this shape and are not excessive.
    fn check(&self, shape: &[usize]) -> Result<Grid> {
        let grid = Grid::new(shape, self.patch)?;
        check_blocks(self.width, self.depth, self.heads, self.classes)?;
        check_bounds(&[("fourier", self.fourier, 1, 1 << 10)])?;
        if grid.tokens() > MAX_TOKENS {
            return Err(Error::too_large("too many patches")
                .at("patch")
                .expected(format!("at most {MAX_TOKENS} patches of a picture"))
                .got(format!("{} of a picture of {}", grid.tokens(), extents(shape)))
                .hinting("choose a larger patch"));
        }
        Ok(grid)
    }
}

/// Division of an image into patches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    height: usize,
    width: usize,
    channels: usize,
    /// True if the channel axis comes first.
    channels_first: bool,
    patch: usize,
}

impl Grid {
    /// Builds the grid for images [height, width], [height, width, channels] or [channels, height,
    /// width], with at most 4 channels.
    pub(super) fn new(shape: &[usize], patch: usize) -> Result<Self> {
        let (height, width, channels, channels_first) = match *shape {
            [height, width] => (height, width, 1, false),
            [height, width, channels] if channels <= 4 => (height, width, channels, false),
            [channels, height, width] if channels <= 4 => (height, width, channels, true),
            _ => {
                return Err(Error::argument("a transformer is for pictures")
                    .at("network")
                    .expected(
                        "samples of shape [height, width], [height, width, channels] or [channels, height, width]",
                    )
                    .got(extents(shape)));
            }
        };
        if patch == 0 || !height.is_multiple_of(patch) || !width.is_multiple_of(patch) {
            return Err(Error::argument("the patches do not tile the pictures")
                .at("patch")
                .expected(format!("a common divisor of {height} and {width}"))
                .got(patch.to_string()));
        }
        Ok(Self { height, width, channels, channels_first, patch })
    }

    pub(super) fn tokens(&self) -> usize {
        (self.height / self.patch) * (self.width / self.patch)
    }

    pub(super) fn patch_width(&self) -> usize {
        self.patch * self.patch * self.channels
    }

    /// Returns the index in the image of each element of the patches, one patch after another.
    pub(super) fn places(&self) -> Vec<u32> {
        let Self { height, width, channels, channels_first, patch } = *self;
        let mut places = Vec::with_capacity(height * width * channels);
        for top in (0..height).step_by(patch) {
            for left in (0..width).step_by(patch) {
                for row in top..top + patch {
                    for column in left..left + patch {
                        places.extend((0..channels).map(|channel| match channels_first {
                            true => ((channel * height + row) * width + column) as u32,
                            false => ((row * width + column) * channels + channel) as u32,
                        }));
                    }
                }
            }
        }
        places
    }

    /// Returns the position encodings of all tokens.
    ///
    /// A quarter of the elements each holds the sines and the cosines of the row, and the sines and
    /// cosines of the column, at frequencies from 1 down to 10⁻⁴.
    pub(super) fn positions(&self, width: usize) -> Vec<f32> {
        let quarter = width / 4;
        let mut out = vec![0.0; self.tokens() * width];
        let columns = self.width / self.patch;
        for (token, out) in out.chunks_exact_mut(width).enumerate() {
            let at = [(token / columns) as f64, (token % columns) as f64];
            for (i, out) in out.iter_mut().enumerate().take(4 * quarter) {
                let (axis, wave, k) = (i / (2 * quarter), i / quarter % 2, i % quarter);
                let angle = at[axis] * 1e4f64.powf(-(k as f64) / quarter as f64);
                *out = if wave == 0 { angle.sin() } else { angle.cos() } as f32;
            }
        }
        out
    }
}

/// Transformer for images of one shape.
#[derive(Clone, Debug)]
pub(crate) struct Dit {
    pub(super) config: DitConfig,
    pub(super) grid: Grid,
    pub(super) body: Transformer,
}

impl Dit {
    pub(crate) fn new(config: DitConfig, shape: &[usize]) -> Result<Self> {
        let grid = config.check(shape)?;
        let DitConfig { width, depth, heads, .. } = config;
        let sizes =
            Sizes { width, heads, tokens: grid.tokens(), mixing: Mixing::Tokens { causal: false, rotary: false } };
        let patch = grid.patch_width();
        let body = Transformer::new(
            sizes,
            depth,
            &[("patch.w", [patch, width]), ("patch.b", [1, width])],
            [config.fourier + 1, config.classes, patch],
            format_args!(
                "for a transformer of width {width} and depth {depth} with patches of {} pixels on pictures of {}",
                config.patch,
                extents(shape)
            ),
        )?;
        Ok(Self { config, grid, body })
    }
}
