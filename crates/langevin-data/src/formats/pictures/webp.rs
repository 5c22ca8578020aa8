//! WebP, lossless and lossy, still images.

use super::colour::Raw;
use super::exif::Orientation;
use super::sample::Depth;
use super::stored::{Result, Stored, bounded, bytes as eight, over};
use image_webp::{DecodingError, WebPDecoder};
use std::io::{BufRead, Seek};

/// Memory limit of the decoder for one chunk of metadata.
const BYTES: usize = 1 << 20;

pub(super) fn head(reader: impl BufRead + Seek) -> Result<Stored> {
    stored(&mut opened(reader)?)
}

pub(super) fn decode(bytes: &[u8]) -> Result<(Stored, Raw)> {
    // Bytes 4 to 7 hold the length of the rest. The decoder treats missing bytes of a lossless
    // image as zeros, so the length is checked here.
    let said = bytes
        .get(4..8)
        .and_then(|length| length.try_into().ok())
        .map_or(u64::MAX, |length| u64::from(u32::from_le_bytes(length)) + 8);
    if (bytes.len() as u64) < said {
        return Err("the file is cut short".to_owned());
    }
    let mut decoder = opened(over(bytes))?;
    let head = stored(&mut decoder)?;
    let mut pixels = vec![0; decoder.output_buffer_size().ok_or("too large")?];
    decoder.read_image(&mut pixels).map_err(words)?;
    Ok((head, eight(pixels, true, decoder.has_alpha())))
}

fn opened<R: BufRead + Seek>(reader: R) -> Result<WebPDecoder<R>> {
    WebPDecoder::new(reader).map_err(words)
}

fn stored<R: BufRead + Seek>(decoder: &mut WebPDecoder<R>) -> Result<Stored> {
    let (width, height) = decoder.dimensions();
    let (height, width) = (height as usize, width as usize);
    bounded(height, width)?;
    if decoder.is_animated() {
        return Err("an animated WebP; save the frames as pictures first".to_owned());
    }
    decoder.set_memory_limit(BYTES);
    // A block that cannot be read is ignored.
    let block = decoder.exif_metadata().ok().flatten();
    let orientation = block.map(|block| Orientation::of(&block)).unwrap_or_default();
    Ok(Stored { height, width, gray: false, depth: Depth::Eight, orientation })
}

/// Returns the decoder's message if it is meant for users.
fn words(error: DecodingError) -> String {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the file is cut short".to_owned()
        }
        DecodingError::IoError(error) => error.to_string(),
        _ => "a damaged WebP".to_owned(),
    }
}
