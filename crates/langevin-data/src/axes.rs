//! Order of height, width and channels in an array.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Order of the axes of images in an array of shape `(rows, …)`.
///
/// ```
/// use langevin_data::Axes;
/// assert_eq!(Axes::of(&[3, 32, 32]), Some((Axes::ChannelsFirst, true)));
/// assert_eq!(Axes::of(&[32, 32, 3]), Some((Axes::ChannelsLast, true)));
/// assert_eq!(Axes::of(&[3, 32, 3]), Some((Axes::ChannelsLast, false)), "not certain");
/// assert_eq!(Axes::of(&[32, 32]), None, "no channels");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Axes {
    /// `(rows, height, width, channels)`, the order of image files and TensorFlow.
    ChannelsLast,
    /// `(rows, channels, height, width)`, the order of PyTorch.
    ChannelsFirst,
}

/// Possible numbers of channels of an image: gray, colour, colour with transparency.
const CHANNELS: [usize; 3] = [1, 3, 4];

impl Axes {
    /// Names that [`parse`](Self::parse) accepts.
    ///
    /// ```
    /// use langevin_data::Axes;
    /// assert!(Axes::NAMES.iter().all(|name| Axes::parse(name).is_ok()));
    /// ```
    pub const NAMES: [&str; 4] = ["hwc", "chw", "nhwc", "nchw"];

    /// Parses `hwc` or `chw`, with or without an `n` for the rows.
    ///
    /// ```
    /// use langevin_data::Axes;
    /// assert_eq!(Axes::parse("NCHW")?, Axes::ChannelsFirst);
    /// assert_eq!(Axes::parse("hwc")?.name(), "hwc");
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the name is unknown.
    pub fn parse(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "hwc" | "nhwc" => Ok(Self::ChannelsLast),
            "chw" | "nchw" => Ok(Self::ChannelsFirst),
            _ => Err(Error::argument("unknown order of axes")
                .at("axes")
                .expected("hwc (height, width, channels) or chw (channels, height, width)")
                .got(format!("'{name}'"))),
        }
    }

    /// Returns the most likely order of the axes of a sample of this shape, and true if it is
    /// certain.
    ///
    /// Returns `None` if the shape has no channel axis.
    #[must_use]
    pub fn of(shape: &[usize]) -> Option<(Self, bool)> {
        let [first, middle, last] = *shape else { return None };
        match (CHANNELS.contains(&first), CHANNELS.contains(&last)) {
            // Latents of autoencoders have more channels than images do, and their images are
            // mostly square.
            (false, false) if middle == last && first != middle => Some((Self::ChannelsFirst, false)),
            (false, false) if first == middle && middle != last => Some((Self::ChannelsLast, false)),
            (false, false) => None,
            (false, true) => Some((Self::ChannelsLast, true)),
            (true, false) => Some((Self::ChannelsFirst, true)),
            // The guess is based on images being square more often than not.
            (true, true) if middle == last && middle != first => Some((Self::ChannelsFirst, false)),
            (true, true) => Some((Self::ChannelsLast, false)),
        }
    }

    /// Returns `hwc` or `chw`.
    ///
    /// ```
    /// use langevin_data::Axes;
    /// assert_eq!(Axes::ChannelsFirst.name(), "chw");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ChannelsLast => "hwc",
            Self::ChannelsFirst => "chw",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for name in Axes::NAMES {
            assert!(name.ends_with(Axes::parse(name).unwrap().name()));
        }
        assert!(Axes::parse("cwh").unwrap_err().is_argument());
    }

    #[test]
    fn a_shape_tells_its_axes() {
        assert_eq!(Axes::of(&[1, 28, 28]), Some((Axes::ChannelsFirst, true)));
        assert_eq!(Axes::of(&[28, 28, 1]), Some((Axes::ChannelsLast, true)));
        assert_eq!(Axes::of(&[3, 4, 4]), Some((Axes::ChannelsFirst, false)));
        assert_eq!(Axes::of(&[4, 4, 3]), Some((Axes::ChannelsLast, false)));
        assert_eq!(Axes::of(&[16, 8, 8]), Some((Axes::ChannelsFirst, false)));
        assert_eq!(Axes::of(&[8, 8, 16]), Some((Axes::ChannelsLast, false)));
        for none in [&[28][..], &[28, 28], &[10, 28, 27], &[8, 8, 8], &[1, 2, 3, 4]] {
            assert_eq!(Axes::of(none), None, "{none:?}");
        }
    }
}
