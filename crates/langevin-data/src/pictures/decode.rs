//! One picture: PNG or JPEG, told apart by their first bytes, as 8-bit gray or colour.
//!
//! ```text
//! 16 bits     v → (255 v + 32895) / 65536            v · 255/65535, rounded
//! alpha       v → (a v + (255 − a) 255 + 127) / 255    on white
//! gray        (19595 r + 38470 g + 7471 b + 32768) / 65536      ITU-R 601, as Pillow has it
//! ```
//!
//! Sizes are looked at before anything of a picture's size is allocated.

use super::Head;
use crate::guard::caught;
use png::{BitDepth, ColorType, Limits, Transformations};
use std::io::{BufRead, Cursor, Seek};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZByteReaderTrait;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Pixels of the largest picture, 8192 × 8192.
const MAX_PIXELS: usize = 1 << 26;
/// What the PNG decoder may take besides the picture itself.
const PNG_BYTES: usize = 64 << 20;

/// What a picture cannot be read for.
type Result<T> = std::result::Result<T, String>;

enum Kind {
    Png,
    Jpeg,
}

fn kind(start: &[u8]) -> Result<Kind> {
    if start.starts_with(b"\x89PNG\r\n\x1a\n") {
        Ok(Kind::Png)
    } else if start.starts_with(b"\xff\xd8\xff") {
        Ok(Kind::Jpeg)
    } else if start.is_empty() {
        Err("the file is empty".to_owned())
    } else {
        Err("neither PNG nor JPEG".to_owned())
    }
}

/// What is said of a picture on which a decoder gave up with an assertion of its own.
const CONTRADICTS: &str = "its parts contradict each other";

/// What the first bytes say; the rest is not read.
pub(crate) fn head(reader: impl BufRead + Seek) -> Result<Head> {
    caught(|| read_head(reader)).unwrap_or_else(|| Err(CONTRADICTS.to_owned()))
}

fn read_head(mut reader: impl BufRead + Seek) -> Result<Head> {
    match kind(reader.fill_buf().map_err(|error| error.to_string())?)? {
        Kind::Png => png_head(png_reader(reader)?.info()),
        Kind::Jpeg => jpeg_head(&mut jpeg(reader)),
    }
}

/// Decodes a picture into `channels` (1 or 3) bytes a pixel.
pub(crate) fn decode(bytes: &[u8], channels: usize) -> Result<(Head, Vec<u8>)> {
    // Each picture has a guard of its own: many are decoded side by side, on threads of a pool.
    caught(|| read_pixels(bytes, channels)).unwrap_or_else(|| Err(CONTRADICTS.to_owned()))
}

fn read_pixels(bytes: &[u8], channels: usize) -> Result<(Head, Vec<u8>)> {
    match kind(bytes)? {
        Kind::Png => {
            let mut reader = png_reader(Cursor::new(bytes))?;
            let head = png_head(reader.info())?;
            let size = reader.output_buffer_size().ok_or("too large")?;
            let mut pixels = vec![0; size];
            let frame = reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
            pixels.truncate(frame.buffer_size());
            if frame.bit_depth == BitDepth::Sixteen {
                pixels = pixels.as_chunks::<2>().0.iter().map(|word| narrowed(u16::from_be_bytes(*word))).collect();
            }
            let (colour, alpha) = match frame.color_type {
                ColorType::Grayscale => (false, false),
                ColorType::GrayscaleAlpha => (false, true),
                ColorType::Rgb => (true, false),
                ColorType::Rgba => (true, true),
                ColorType::Indexed => return Err("a palette that was not expanded".to_owned()),
            };
            Ok((head, converted(pixels, colour, alpha, channels)))
        }
        Kind::Jpeg => {
            if !ended(bytes) {
                return Err("the file is cut short".to_owned());
            }
            let mut decoder = jpeg(Cursor::new(bytes));
            let head = jpeg_head(&mut decoder)?;
            let space = if head.gray { ColorSpace::Luma } else { ColorSpace::RGB };
            decoder.set_options(decoder.options().jpeg_set_out_colorspace(space));
            let pixels = decoder.decode().map_err(|error| error.to_string())?;
            Ok((head, converted(pixels, !head.gray, false, channels)))
        }
    }
}

fn png_reader<R: BufRead + Seek>(reader: R) -> Result<png::Reader<R>> {
    let mut decoder = png::Decoder::new_with_limits(reader, Limits { bytes: PNG_BYTES });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(|error| error.to_string())?;
    bounded(header.height as usize, header.width as usize)?;
    decoder.read_info().map_err(|error| error.to_string())
}

fn png_head(info: &png::Info<'_>) -> Result<Head> {
    let gray = match info.color_type {
        ColorType::Grayscale | ColorType::GrayscaleAlpha => true,
        ColorType::Rgb | ColorType::Rgba => false,
        // A palette of grays makes a gray picture.
        ColorType::Indexed => {
            let palette = info.palette.as_deref().unwrap_or_default();
            // The decoder would assert this.
            if !palette.len().is_multiple_of(3) {
                return Err(format!("a palette of {} bytes, which is no multiple of 3", palette.len()));
            }
            palette.as_chunks::<3>().0.iter().all(|[red, green, blue]| red == green && green == blue)
        }
    };
    Ok(Head { height: info.height as usize, width: info.width as usize, gray })
}

/// Whether the marker of the end comes after the last scan. The decoder forgives its absence in progressive pictures, and then shows a coarser one.
/// Within a scan neither marker can occur.
fn ended(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|two| two == marker);
    last([0xff, 0xd9]) > last([0xff, 0xda])
}

/// A file that is cut short is an error, not a picture that is gray from there on.
fn jpeg<R: ZByteReaderTrait>(reader: R) -> JpegDecoder<R> {
    JpegDecoder::new_with_options(reader, DecoderOptions::default().set_strict_mode(true))
}

fn jpeg_head<R: ZByteReaderTrait>(decoder: &mut JpegDecoder<R>) -> Result<Head> {
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let info = decoder.info().ok_or("no header")?;
    let (height, width) = (usize::from(info.height), usize::from(info.width));
    bounded(height, width)?;
    Ok(Head { height, width, gray: info.components == 1 })
}

fn bounded(height: usize, width: usize) -> Result<()> {
    match height.checked_mul(width) {
        Some(0) => Err("no pixel".to_owned()),
        Some(pixels) if pixels <= MAX_PIXELS => Ok(()),
        _ => Err(format!("{height} × {width} pixels are more than {MAX_PIXELS}; make it smaller first")),
    }
}

fn narrowed(value: u16) -> u8 {
    ((u32::from(value) * 255 + 32895) >> 16) as u8
}

fn on_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((alpha * value + (255 - alpha) * 255 + 127) / 255) as u8
}

fn luma([red, green, blue]: [u8; 3]) -> u8 {
    ((19595 * u32::from(red) + 38470 * u32::from(green) + 7471 * u32::from(blue) + 32768) >> 16) as u8
}

/// Bytes of one, two, three or four a pixel as one or three.
fn converted(pixels: Vec<u8>, colour: bool, alpha: bool, channels: usize) -> Vec<u8> {
    let opaque: Vec<u8> = match (colour, alpha) {
        (_, false) => pixels,
        (false, true) => pixels.as_chunks::<2>().0.iter().map(|[value, alpha]| on_white(*value, *alpha)).collect(),
        (true, true) => {
            let pixels = pixels.as_chunks::<4>().0.iter();
            pixels.flat_map(|[r, g, b, alpha]| [r, g, b].map(|value| on_white(*value, *alpha))).collect()
        }
    };
    match (colour, channels) {
        (true, 1) => opaque.as_chunks::<3>().0.iter().map(|pixel| luma(*pixel)).collect(),
        (false, 3) => opaque.into_iter().flat_map(|value| [value; 3]).collect(),
        _ => opaque,
    }
}
