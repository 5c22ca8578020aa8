//! The diffusion transformer: its configuration and its parameters. The way forward and back is in [`pass`] and [`block`].
//!
//! A picture at unit variance is cut into patches, each a token; f are the [features](super::features) of the noise level, e the row of the class table (that of no class is the last):
//!
//! ```text
//! h    = patch P + b + position              c = silu(silu(f T) C + b + e)
//!
//! (s₁, r₁, g₁, s₂, r₂, g₂) = c M + b         for each of `depth` blocks
//! h   ← h + g₁ ⊙ attention(norm(h) ⊙ (1 + r₁) + s₁)
//! h   ← h + g₂ ⊙ (gelu(( norm(h) ⊙ (1 + r₂) + s₂) F + b) G + b)
//!
//! (s, r) = c M + b,   out = (norm(h) ⊙ (1 + r) + s) O + b,  patches put together again
//! ```
//!
//! The modulations M and the last layer start at zero, so every block starts as the identity and the first output is zero ("adaLN-zero"). Queries and keys are brought to root mean square 1.
//! Positions are sines and cosines of row and column.
//!
//! Source: Peebles & Xie, arXiv 2212.09748; normalised queries and keys: Dehghani et al., arXiv 2302.05442.

mod block;
mod pass;
#[cfg(feature = "gpu")]
mod tensor;

use super::{Net, Pass, Slot, check_size, extents, normals, placed};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The shape of a diffusion transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DitConfig {
    /// Pixels of a side of a patch.
    pub patch: usize,
    /// Elements of a token.
    pub width: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads of attention; they share the width.
    pub heads: usize,
    /// Cosines of the noise level.
    pub fourier: usize,
    /// Classes that it can be asked for; 0: none.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub classes: usize,
}

impl DitConfig {
    /// Patches of so many pixels a side, tokens of so many elements, blocks, heads; and the defaults.
    ///
    /// ```
    /// let config = langevin_train::DitConfig::new(4, 192, 6, 6);
    /// assert_eq!((config.fourier, config.classes), (16, 0));
    /// ```
    #[must_use]
    pub fn new(patch: usize, width: usize, depth: usize, heads: usize) -> Self {
        Self { patch, width, depth, heads, fourier: 16, classes: 0 }
    }

    /// Refuses sizes that make no network for pictures of this shape, or an absurd one.
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
        // The sizes above are bounded, so nothing overflows but the class table.
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

/// The most tokens of a picture.
const MAX_TOKENS: usize = 1 << 14;

/// How a picture is cut.
#[derive(Clone, Copy, Debug)]
struct Grid {
    height: usize,
    width: usize,
    channels: usize,
    /// Whether the channels come before the rows.
    channels_first: bool,
    patch: usize,
}

impl Grid {
    /// Pictures are [height, width], [height, width, channels] or [channels, height, width], with at most 4 channels.
    fn new(shape: &[usize], patch: usize) -> Result<Self> {
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

    fn tokens(&self) -> usize {
        (self.height / self.patch) * (self.width / self.patch)
    }

    fn patch_width(&self) -> usize {
        self.patch * self.patch * self.channels
    }

    /// Where each element of the patches, one patch after another, lies in a picture.
    fn places(&self) -> Vec<u32> {
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

    /// The positions of all tokens: a quarter of the elements each for sines and cosines of the row, and of the column, at frequencies from 1 down to 10⁻⁴.
    fn positions(&self, width: usize) -> Vec<f32> {
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

/// A transformer for pictures of one shape.
#[derive(Clone, Debug)]
pub(crate) struct Dit {
    config: DitConfig,
    grid: Grid,
    slots: Vec<Slot>,
}

/// The slots before the blocks, in order; the class table only where there are classes.
const HEAD: [&str; 6] = ["patch.w", "patch.b", "time.in", "time.w", "time.b", "class"];
/// Those of a block.
const BLOCK: [&str; 11] =
    ["mod.w", "mod.b", "qkv.w", "qkv.b", "gain", "proj.w", "proj.b", "fc1.w", "fc1.b", "fc2.w", "fc2.b"];
/// Those after the blocks.
const TAIL: [&str; 4] = ["out.mod.w", "out.mod.b", "out.w", "out.b"];

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
        Ok(Self { config, grid, slots: placed(head.chain(blocks).chain(tail)) })
    }

    fn head_slots(&self) -> &[Slot] {
        &self.slots[..self.slots.len() - TAIL.len() - self.config.depth * BLOCK.len()]
    }

    fn block_slots(&self, block: usize) -> &[Slot] {
        &self.slots[self.head_slots().len() + block * BLOCK.len()..][..BLOCK.len()]
    }

    fn tail_slots(&self) -> &[Slot] {
        &self.slots[self.slots.len() - TAIL.len()..]
    }
}

impl Net for Dit {
    fn slots(&self) -> &[Slot] {
        &self.slots
    }

    fn features(&self) -> usize {
        self.config.fourier + 1
    }

    fn classes(&self) -> usize {
        self.config.classes
    }

    /// Normals of variance 1/inputs; modulations, biases and the last layer zero; gains one; classes of standard deviation ½, about that of what the noise level gives.
    fn init(&self, seed: u64) -> Vec<f32> {
        let mut values = normals(&self.slots, seed, |slot| match slot.name.as_str() {
            "class" => 0.5,
            "out.w" => 0.0,
            name if name.ends_with(".w") && !name.ends_with("mod.w") => (slot.shape[0] as f32).sqrt().recip(),
            "time.in" => (slot.shape[0] as f32).sqrt().recip(),
            _ => 0.0,
        });
        for slot in self.slots.iter().filter(|slot| slot.name.ends_with(".gain")) {
            slot.of_mut(&mut values).fill(1.0);
        }
        values
    }

    /// About 256 tokens.
    fn chunk(&self) -> usize {
        (256 / self.grid.tokens()).max(1)
    }

    fn pass(&self, rows: usize) -> Box<dyn Pass> {
        Box::new(pass::Memory::new(self.clone(), rows))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{check_gradients, size};
    use super::*;
    use crate::kernels::check;

    fn weights(net: &Dit) -> Vec<f32> {
        // Nothing is zero, and nothing dominates.
        let mut values = normals(net.slots(), 3, |slot| 0.7 / (slot.shape[0] as f32).sqrt());
        for slot in net.slots().iter().filter(|slot| slot.shape[0] == 1) {
            slot.of_mut(&mut values).iter_mut().for_each(|value| *value *= 0.5);
        }
        assert_eq!(values.len(), size(net.slots()));
        values
    }

    #[test]
    fn the_way_back_is_the_gradient() {
        let mut config = DitConfig::new(2, 12, 2, 3);
        (config.fourier, config.classes) = (4, 3);
        let net = Dit::new(config, &[4, 6, 2]).unwrap();
        check_gradients(&net, &weights(&net), 48, 5, 5e-3);
        let net = Dit::new(DitConfig { classes: 0, ..config }, &[4, 4]).unwrap();
        check_gradients(&net, &weights(&net), 16, 3, 5e-3);
    }

    /// Channels first or last: the same picture, the same answer.
    #[test]
    fn layouts_of_channels_agree() {
        let config = DitConfig::new(2, 8, 1, 2);
        let [last, first] = [&[4, 6, 3][..], &[3, 4, 6]].map(|shape| Dit::new(config, shape).unwrap());
        let picture = check::normals(2 * 72, 4);
        let moved = |picture: &[f32]| -> Vec<f32> {
            let get = |i: usize| picture[i % 24 * 3 + i / 24];
            (0..72).map(get).collect()
        };
        let turned: Vec<f32> = picture.chunks(72).flat_map(moved).collect();
        let weights = weights(&last);
        let f = check::normals(2 * 17, 5);
        let answer = |net: &Dit, x: &[f32]| {
            let rows = super::super::Rows { x, f: &f, one_level: false, labels: &[] };
            net.pass(2).forward(&weights, rows, 2, false).unwrap().to_vec()
        };
        let [a, b] = [answer(&last, &picture), answer(&first, &turned)];
        assert!(a.iter().any(|x| *x != 0.0));
        assert_eq!(a.chunks(72).flat_map(moved).collect::<Vec<_>>(), b);
    }

    #[test]
    fn the_first_output_is_zero() {
        let net = Dit::new(DitConfig::new(4, 16, 2, 2), &[8, 8]).unwrap();
        let (x, f) = (check::normals(3 * 64, 1), check::normals(3 * 17, 2));
        let rows = super::super::Rows { x: &x, f: &f, one_level: false, labels: &[] };
        let out = net.pass(3).forward(&net.init(1), rows, 3, false).unwrap().to_vec();
        assert_eq!(out, vec![0.0; 3 * 64]);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let refused = |config: DitConfig, shape: &[usize], words: &str| {
            let error = Dit::new(config, shape).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        let good = DitConfig::new(4, 16, 2, 2);
        refused(good, &[64], "for pictures");
        refused(good, &[8, 8, 8], "for pictures");
        refused(DitConfig { patch: 3, ..good }, &[8, 8], "a common divisor of 8 and 8");
        refused(DitConfig { patch: 0, ..good }, &[8, 8], "patch");
        refused(DitConfig { heads: 3, ..good }, &[8, 8], "a divisor of the width 16");
        refused(DitConfig { patch: 1, ..good }, &[256, 256], "larger patch");
        refused(DitConfig { width: 8192, depth: 128, ..good }, &[8, 8], "too large");
    }
}
