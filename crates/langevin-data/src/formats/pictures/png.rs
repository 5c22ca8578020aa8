//! PNG, of 1 to 16 bits.

use super::colour::{Raw, Samples};
use super::exif::Orientation;
use super::sample::Depth;
use super::stored::{Result, Stored, bounded, bytes as eight, over};
use png::{BitDepth, ColorType, Limits, Transformations};
use std::io::{BufRead, Read as _, Seek, SeekFrom};

/// Memory limit of the decoder, besides the image itself.
const BYTES: usize = 64 << 20;
/// Length limit of an EXIF block, in bytes.
const EXIF: u32 = 1 << 20;
/// Number of chunks that are searched for an EXIF block; large images have thousands.
const CHUNKS: usize = 1 << 20;

pub(super) fn head<R: BufRead + Seek>(mut reader: R) -> Result<Stored> {
    let orientation = orientation(&mut reader).unwrap_or_default();
    reader.rewind().map_err(|error| error.to_string())?;
    stored(opened(reader)?.info(), orientation)
}

pub(super) fn decode(bytes: &[u8]) -> Result<(Stored, Raw)> {
    let orientation = orientation(&mut over(bytes)).unwrap_or_default();
    let mut reader = opened(over(bytes))?;
    let head = stored(reader.info(), orientation)?;
    let size = reader.output_buffer_size().ok_or("too large")?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    pixels.truncate(frame.buffer_size());
    let (colour, alpha) = match frame.color_type {
        ColorType::Grayscale => (false, false),
        ColorType::GrayscaleAlpha => (false, true),
        ColorType::Rgb => (true, false),
        ColorType::Rgba => (true, true),
        ColorType::Indexed => return Err("a palette that was not expanded".to_owned()),
    };
    if frame.bit_depth != BitDepth::Sixteen {
        return Ok((head, eight(pixels, colour, alpha)));
    }
    let samples = pixels.as_chunks::<2>().0.iter().map(|word| u16::from_be_bytes(*word)).collect();
    Ok((head, Raw { samples: Samples::Sixteen(samples), colour, alpha }))
}

fn opened<R: BufRead + Seek>(reader: R) -> Result<png::Reader<R>> {
    let mut decoder = png::Decoder::new_with_limits(reader, Limits { bytes: BYTES });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(|error| error.to_string())?;
    bounded(header.height as usize, header.width as usize)?;
    decoder.read_info().map_err(|error| error.to_string())
}

fn stored(info: &png::Info<'_>, orientation: Orientation) -> Result<Stored> {
    let palette = info.palette.as_deref().unwrap_or_default();
    let gray = match info.color_type {
        ColorType::Grayscale | ColorType::GrayscaleAlpha => true,
        ColorType::Rgb | ColorType::Rgba => false,
        ColorType::Indexed if palette.is_empty() || !palette.len().is_multiple_of(3) => {
            return Err(format!("a palette of {} bytes, which are not three for each colour", palette.len()));
        }
        // A palette of grays makes a gray image.
        ColorType::Indexed => palette.as_chunks::<3>().0.iter().all(|[red, green, blue]| red == green && green == blue),
    };
    let depth = if info.bit_depth == BitDepth::Sixteen { Depth::Sixteen } else { Depth::Eight };
    Ok(Stored { height: info.height as usize, width: info.width as usize, gray, depth, orientation })
}

/// Returns the orientation in an eXIf chunk, which may precede or follow the pixels.
///
/// Returns `None` if there is no such chunk or if the file is damaged.
fn orientation<R: BufRead + Seek>(reader: &mut R) -> Option<Orientation> {
    reader.seek(SeekFrom::Start(8)).ok()?;
    for _ in 0..CHUNKS {
        let mut about = [0; 8];
        reader.read_exact(&mut about).ok()?;
        let length = u32::from_be_bytes([about[0], about[1], about[2], about[3]]);
        match &about[4..] {
            b"eXIf" => {
                let mut block = Vec::new();
                reader.by_ref().take(u64::from(length.min(EXIF))).read_to_end(&mut block).ok()?;
                return Some(Orientation::of(&block));
            }
            b"IEND" => return None,
            // The checksum follows the data, hence 4 more bytes.
            _ => reader.seek_relative(i64::from(length) + 4).ok()?,
        }
    }
    None
}
