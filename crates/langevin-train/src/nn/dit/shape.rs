//! Sizes of the transformer, its patches, and its parameters.

use super::super::net::{Parameter, check_size, extents};
use crate::error::{Error, Result};
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
        let bounds = [
            ("width", self.width, 4, 1 << 13),
            ("depth", self.depth, 1, 1 << 7),
            ("heads", self.heads, 1, 1 << 7),
            ("fourier", self.fourier, 1, 1 << 10),
            ("classes", self.classes, 0, 1 << 20),
        ];
        for (name, value, low, high) in bounds {
            if !(low..=high).contains(&value) {
                return Err(Error::argument("bad network size")
                    .at(name)
                    .expected(format!("{low} to {high}"))
                    .got(value.to_string()));
            }
        }
        if !self.width.is_multiple_of(self.heads) {
            return Err(Error::argument("the heads do not share the width")
                .at("heads")
                .expected(format!("a divisor of the width {}", self.width))
                .got(self.heads.to_string()));
        }
        if grid.tokens() > MAX_TOKENS {
            return Err(Error::too_large("too many patches")
                .at("patch")
                .expected(format!("at most {MAX_TOKENS} patches of a picture"))
                .got(format!("{} of a picture of {}", grid.tokens(), extents(shape)))
                .hinting("choose a larger patch"));
        }
        // The sizes above are bounded, so only the class table can overflow.
        let w = self.width;
        let block = w * 6 * w + 12 * w * w + 16 * w;
        let total = self.depth * block + 4 * w * w + 2 * grid.patch_width() * w;
        let total = self.classes.checked_mul(w).and_then(|classes| classes.checked_add(total));
        check_size(
            total,
            format_args!(
                "for a transformer of width {w} and depth {} with patches of {} pixels on pictures of {}",
                self.depth,
                self.patch,
                extents(shape)
            ),
        )?;
        Ok(grid)
    }
}

/// Largest number of tokens of an image.
const MAX_TOKENS: usize = 1 << 14;

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
    pub(super) parameters: Vec<Parameter>,
}

/// Parameters before the blocks, in order; the class table exists only if there are classes.
const HEAD: [&str; 6] = ["patch.w", "patch.b", "time.in", "time.w", "time.b", "class"];
/// Parameters of a block.
pub(super) const BLOCK: [&str; 11] =
    ["mod.w", "mod.b", "qkv.w", "qkv.b", "gain", "proj.w", "proj.b", "fc1.w", "fc1.b", "fc2.w", "fc2.b"];
/// Parameters after the blocks.
pub(super) const TAIL: [&str; 4] = ["out.mod.w", "out.mod.b", "out.w", "out.b"];

impl Dit {
    pub(crate) fn new(config: DitConfig, shape: &[usize]) -> Result<Self> {
        let grid = config.check(shape)?;
        let (w, features, patch) = (config.width, config.fourier + 1, grid.patch_width());
        let size = |name: &str| match name {
            "patch.w" => [patch, w],
            "time.in" => [features, w],
            "class" => [config.classes + 1, w],
            "mod.w" => [w, 6 * w],
            "mod.b" => [1, 6 * w],
            "qkv.w" => [w, 3 * w],
            "qkv.b" => [1, 3 * w],
            "gain" => [1, w / config.heads],
            "fc1.w" => [w, 4 * w],
            "fc1.b" => [1, 4 * w],
            "fc2.w" => [4 * w, w],
            "out.mod.w" => [w, 2 * w],
            "out.mod.b" => [1, 2 * w],
            "out.w" => [w, patch],
            "out.b" => [1, patch],
            "time.w" | "proj.w" => [w, w],
            _ => [1, w],
        };
        let classed = HEAD.iter().filter(|name| **name != "class" || config.classes > 0);
        let head = classed.map(|name| ((*name).to_owned(), size(name)));
        let blocks = (0..config.depth)
            .flat_map(|block| BLOCK.iter().map(move |name| (format!("block.{block}.{name}"), size(name))));
        let tail = TAIL.iter().map(|name| ((*name).to_owned(), size(name)));
        Ok(Self { config, grid, parameters: Parameter::layout(head.chain(blocks).chain(tail)) })
    }

    pub(super) fn head_parameters(&self) -> &[Parameter] {
        &self.parameters[..self.parameters.len() - TAIL.len() - self.config.depth * BLOCK.len()]
    }

    pub(super) fn block_parameters(&self, block: usize) -> &[Parameter] {
        &self.parameters[self.head_parameters().len() + block * BLOCK.len()..][..BLOCK.len()]
    }

    pub(super) fn tail_parameters(&self) -> &[Parameter] {
        &self.parameters[self.parameters.len() - TAIL.len()..]
    }
}
