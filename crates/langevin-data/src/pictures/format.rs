//! How the samples of a set of pictures are kept.

use crate::store::Window;

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
pub(crate) struct Format {
    /// 1 (gray) or 3.
    pub(crate) channels: usize,
    pub(crate) depth: Depth,
}

impl Format {
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
