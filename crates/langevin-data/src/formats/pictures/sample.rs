//! Sample format of images, and the common format of a set of images.

use crate::error::{Error, Result};
use crate::options::Options;
use crate::window::Window;

/// Bit depth of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// 8 bits: 0 to 255.
    #[default]
    Eight,
    /// 16 bits: 0 to 65535.
    Sixteen,
}

impl Depth {
    /// Returns the number of bytes of a sample.
    fn bytes(self) -> usize {
        match self {
            Self::Eight => 1,
            Self::Sixteen => 2,
        }
    }

    /// Returns the number of values that a sample can have.
    pub(crate) fn levels(self) -> u32 {
        1 << (8 * self.bytes())
    }
}

/// Storage format of the samples of all images of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SampleFormat {
    /// Number of channels: 1 (gray) or 3.
    pub(crate) channels: usize,
    pub(crate) depth: Depth,
}

impl SampleFormat {
    /// Returns the number of bytes of a pixel.
    pub(crate) fn pixel(self) -> usize {
        self.channels * self.depth.bytes()
    }

    /// Describes a sample in plain words.
    pub(crate) fn words(self) -> &'static str {
        match (self.channels, self.depth) {
            (1, Depth::Eight) => "8-bit gray",
            (_, Depth::Eight) => "8-bit colour",
            (1, Depth::Sixteen) => "16-bit gray",
            (_, Depth::Sixteen) => "16-bit colour",
        }
    }

    /// Writes the numbers of a window of an image with `width` pixels in each line.
    pub(crate) fn cut(self, pixels: &[u8], width: usize, window: Window, out: &mut [f32]) {
        let pixel = self.pixel();
        let lines = pixels.chunks_exact(width * pixel).skip(window.top);
        for (line, out) in lines.zip(out.chunks_exact_mut(window.width * self.channels)) {
            let line = &line[window.left * pixel..][..window.width * pixel];
            match self.depth {
                Depth::Eight => out.iter_mut().zip(line).for_each(|(to, from)| *to = f32::from(*from)),
                Depth::Sixteen => {
                    let words = line.as_chunks::<2>().0;
                    out.iter_mut().zip(words).for_each(|(to, from)| *to = f32::from(u16::from_le_bytes(*from)));
                }
            }
        }
    }
}

/// Properties of an image, known before it is decoded; sizes are as displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) gray: bool,
    pub(crate) depth: Depth,
}

impl Head {
    /// Returns the reason why an image is too small for the requested size, if it is.
    pub(crate) fn too_small(&self, options: &Options) -> Option<String> {
        let (height, width) = options.size?;
        let small = self.height < height || self.width < width;
        small.then(|| format!("a picture of {} × {} is smaller than {height} × {width}", self.height, self.width))
    }
}

/// Returns the error for an unreadable image.
pub(crate) fn bad(why: &str) -> Error {
    Error::data("a picture cannot be used").because(why)
}

/// Returns the shape of a sample of these images, and their storage format.
///
/// Each image comes with its name for errors. The bit depth is the largest of all images.
pub(crate) fn shape<N: std::fmt::Display>(
    pictures: impl Iterator<Item = (N, Head)>,
    options: &Options,
) -> Result<(Vec<usize>, SampleFormat)> {
    let (mut first, mut gray, mut depth) = (None, true, Depth::Eight);
    for (name, head) in pictures {
        gray &= head.gray;
        depth = depth.max(head.depth);
        let size = (head.height, head.width);
        let (known, own) = first.get_or_insert_with(|| (name.to_string(), size));
        if options.size.is_none() && *own != size {
            return Err(Error::data("the pictures are of several sizes")
                .expected(format!("{} × {} (height × width) as {known}", own.0, own.1))
                .got(format!("{} × {} in {name}", size.0, size.1))
                .hinting("--size H,W takes a part of that size of each"));
        }
    }
    let Some((_, own)) = first else { return Err(Error::data("there are no pictures")) };
    let (height, width) = options.size.unwrap_or(own);
    let channels = options.channels.map_or(if gray { 1 } else { 3 }, usize::from);
    let shape = if channels == 1 { vec![height, width] } else { vec![height, width, channels] };
    Ok((shape, SampleFormat { channels, depth }))
}
