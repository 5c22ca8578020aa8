//! Orientation of an image: tag 274 (0x0112) of its EXIF block.
//!
//! ```text
//! block = "II*\0" (little-endian) or "MM\0*" (big-endian), u32 offset of the first directory
//! directory = u16 count, then entries of 12 bytes: u16 tag, u16 type, u32 count, value
//! ```
//!
//! Source: EXIF 2.32 (CIPA DC-008-2019), §4.6.4.

/// Tag of the orientation.
const ORIENTATION: u16 = 0x0112;

/// Transformation from the stored to the displayed image, numbered as in EXIF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Orientation {
    /// 1: as stored.
    #[default]
    Upright,
    /// 2: flipped left to right.
    Mirrored,
    /// 3: rotated by half a turn.
    Half,
    /// 4: flipped top to bottom.
    Flipped,
    /// 5: mirrored at the diagonal from the upper left.
    Transposed,
    /// 6: rotated by a quarter turn clockwise.
    Clockwise,
    /// 7: mirrored at the diagonal from the upper right.
    Transversed,
    /// 8: rotated by a quarter turn anticlockwise.
    Anticlockwise,
}

impl Orientation {
    /// Parses an EXIF block; a damaged block, or one without an orientation, means upright.
    pub(super) fn of(block: &[u8]) -> Self {
        // JPEG keeps this prefix outside the block; some writers of WebP and PNG include it.
        let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        match value(block) {
            Some(2) => Self::Mirrored,
            Some(3) => Self::Half,
            Some(4) => Self::Flipped,
            Some(5) => Self::Transposed,
            Some(6) => Self::Clockwise,
            Some(7) => Self::Transversed,
            Some(8) => Self::Anticlockwise,
            _ => Self::Upright,
        }
    }

    /// Returns true if height and width are swapped.
    fn turns(self) -> bool {
        matches!(self, Self::Transposed | Self::Clockwise | Self::Transversed | Self::Anticlockwise)
    }

    /// Returns the displayed height and width.
    pub(super) fn shown(self, (height, width): (usize, usize)) -> (usize, usize) {
        if self.turns() { (width, height) } else { (height, width) }
    }

    /// Transforms an image of `stored` height and width with `pixel` bytes in each pixel.
    pub(super) fn apply(self, pixels: Vec<u8>, stored: (usize, usize), pixel: usize) -> Vec<u8> {
        let (height, width) = stored;
        if self == Self::Upright || pixels.len() != height * width * pixel {
            return pixels;
        }
        let (tall, wide) = self.shown(stored);
        let mut out = Vec::with_capacity(pixels.len());
        for y in 0..tall {
            for x in 0..wide {
                let (line, column) = match self {
                    Self::Upright => (y, x),
                    Self::Mirrored => (y, width - 1 - x),
                    Self::Half => (height - 1 - y, width - 1 - x),
                    Self::Flipped => (height - 1 - y, x),
                    Self::Transposed => (x, y),
                    Self::Clockwise => (height - 1 - x, y),
                    Self::Transversed => (height - 1 - x, width - 1 - y),
                    Self::Anticlockwise => (x, width - 1 - y),
                };
                out.extend_from_slice(&pixels[(line * width + column) * pixel..][..pixel]);
            }
        }
        out
    }
}

/// Returns the orientation number in the block, if it can be read.
fn value(block: &[u8]) -> Option<u32> {
    let big = match block.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = block.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = block.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    };
    let first = usize::try_from(long(4)?).ok()?;
    // The 16-bit count bounds the search, and so does the end of the block.
    for entry in 0..usize::from(short(first)?) {
        let at = first.checked_add(2 + 12 * entry)?;
        if short(at)? == ORIENTATION {
            return match short(at + 2)? {
                3 => short(at + 8).map(u32::from),
                4 => long(at + 8),
                _ => None,
            };
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a block with one entry.
    pub(super) fn block(big: bool, orientation: u16) -> Vec<u8> {
        let (short, long) = if big {
            (u16::to_be_bytes as fn(u16) -> [u8; 2], u32::to_be_bytes as fn(u32) -> [u8; 4])
        } else {
            (u16::to_le_bytes as fn(u16) -> [u8; 2], u32::to_le_bytes as fn(u32) -> [u8; 4])
        };
        let mut bytes = if big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        bytes.extend(long(8));
        bytes.extend(short(1));
        bytes.extend(short(ORIENTATION));
        bytes.extend(short(3));
        bytes.extend(long(1));
        bytes.extend(short(orientation));
        bytes.extend(short(0));
        bytes.extend(long(0));
        bytes
    }

    /// The eight stored forms of the letter F, and the F that is displayed:
    /// <https://www.impulseadventure.com/photo/exif-orientation.html>.
    #[test]
    fn the_letter_f_is_upright_in_all_eight() {
        let shown = ["###", "#..", "##.", "#..", "#.."];
        let stored: [&[&str]; 8] = [
            &["###", "#..", "##.", "#..", "#.."],
            &["###", "..#", ".##", "..#", "..#"],
            &["..#", "..#", ".##", "..#", "###"],
            &["#..", "#..", "##.", "#..", "###"],
            &["#####", "#.#..", "#...."],
            &["#....", "#.#..", "#####"],
            &["....#", "..#.#", "#####"],
            &["#####", "..#.#", "....#"],
        ];
        for (number, stored) in (1_u16..).zip(stored) {
            let size = (stored.len(), stored[0].len());
            for (big, pixel) in [(false, 1), (true, 1), (false, 3), (true, 6)] {
                let bytes: Vec<u8> =
                    stored.concat().bytes().flat_map(|byte| (0..pixel).map(move |i| byte + i as u8)).collect();
                let orientation = Orientation::of(&block(big, number));
                assert_eq!(orientation.shown(size), (5, 3));
                let read = orientation.apply(bytes, size, pixel);
                let first: String = read.iter().step_by(pixel).map(|byte| char::from(*byte)).collect();
                assert_eq!(first, shown.concat(), "orientation {number}");
                assert!(read.chunks(pixel).all(|pixel| pixel.windows(2).all(|two| two[1] == two[0] + 1)));
            }
        }
    }

    #[test]
    fn a_damaged_block_is_of_an_upright_picture() {
        let good = block(true, 6);
        assert_eq!(Orientation::of(&[b"Exif\0\0", &good[..]].concat()), Orientation::Clockwise);
        for cut in 0..good.len() - 6 {
            assert_eq!(Orientation::of(&good[..cut]), Orientation::Upright, "{cut}");
        }
        for number in [0, 1, 9, 0xffff] {
            assert_eq!(Orientation::of(&block(false, number)), Orientation::Upright);
        }
        // Every change of one byte is parsed without a panic.
        for at in 0..good.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] = byte;
                let _ = Orientation::of(&bad);
            }
        }
        let _ = Orientation::of(b"MM\0*\xff\xff\xff\xff\xff\xff\xff\xff");
    }
}
