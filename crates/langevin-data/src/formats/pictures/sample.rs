//! What the samples of pictures are, and what a set of pictures has in common.

use crate::error::{Error, Result};
use crate::options::Options;
use crate::window::Window;

/// How finely a picture tells light from dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// 0 to 255.
    #[default]
    Eight,
    /// 0 to 65535.
    Sixteen,
}

impl Depth {
    /// Bytes of a sample.
    fn bytes(self) -> usize {
        match self {
            Self::Eight => 1,
            Self::Sixteen => 2,
        }
    }

    /// How many values a sample can have.
    pub(crate) fn levels(self) -> u32 {
        1 << (8 * self.bytes())
    }
}

/// How the samples of all pictures of a set are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SampleFormat {
    /// 1 (gray) or 3.
    pub(crate) channels: usize,
    pub(crate) depth: Depth,
}

impl SampleFormat {
    /// Bytes of a pixel.
    pub(crate) fn pixel(self) -> usize {
        self.channels * self.depth.bytes()
    }

    /// What a sample is, in plain words.
    pub(crate) fn words(self) -> &'static str {
        match (self.channels, self.depth) {
            (1, Depth::Eight) => "8-bit gray",
            (_, Depth::Eight) => "8-bit colour",
            (1, Depth::Sixteen) => "16-bit gray",
            (_, Depth::Sixteen) => "16-bit colour",
        }
    }

    /// The numbers of a window of a picture of `width` pixels a line.
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

/// What the first bytes of a picture say; sizes are as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) gray: bool,
    pub(crate) depth: Depth,
}

impl Head {
    /// Why a picture of this size cannot give samples of the size that is wanted.
    pub(crate) fn too_small(&self, options: &Options) -> Option<String> {
        let (height, width) = options.size?;
        let small = self.height < height || self.width < width;
        small.then(|| format!("a picture of {} × {} is smaller than {height} × {width}", self.height, self.width))
    }
}

/// A picture that cannot be used, and why.
pub(crate) fn bad(why: &str) -> Error {
    Error::data("a picture cannot be used").because(why)
}

/// The shape of a sample of these pictures, each with its name for an error, and how they are kept: as
/// finely as the finest of them.
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
