//! JPEG, baseline and progressive.

use super::colour::Raw;
use super::exif::Orientation;
use super::sample::Depth;
use super::stored::{Result, Stored, bounded, bytes as eight, over};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZByteReaderTrait;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

pub(super) fn head(reader: impl ZByteReaderTrait) -> Result<Stored> {
    stored(&mut opened(reader))
}

pub(super) fn decode(bytes: &[u8]) -> Result<(Stored, Raw)> {
    if !ended(bytes) {
        return Err("the file is cut short".to_owned());
    }
    let mut decoder = opened(over(bytes));
    let head = stored(&mut decoder)?;
    let space = if head.gray { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(space));
    let pixels = decoder.decode().map_err(|error| error.to_string())?;
    let colour = !head.gray;
    Ok((head, eight(pixels, colour, false)))
}

/// Returns true if the end marker follows the last scan.
///
/// The decoder accepts progressive images without an end marker and then shows a coarser image.
/// Neither marker can occur within a scan.
fn ended(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|two| two == marker);
    last([0xff, 0xd9]) > last([0xff, 0xda])
}

/// Creates a strict decoder: a truncated file is an error instead of an image that is partly gray.
fn opened<R: ZByteReaderTrait>(reader: R) -> JpegDecoder<R> {
    JpegDecoder::new_with_options(reader, DecoderOptions::default().set_strict_mode(true))
}

fn stored<R: ZByteReaderTrait>(decoder: &mut JpegDecoder<R>) -> Result<Stored> {
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let orientation = decoder.exif().map(|block| Orientation::of(block)).unwrap_or_default();
    let info = decoder.info().ok_or("no header")?;
    let (height, width) = (usize::from(info.height), usize::from(info.width));
    bounded(height, width)?;
    Ok(Stored { height, width, gray: info.components == 1, depth: Depth::Eight, orientation })
}
