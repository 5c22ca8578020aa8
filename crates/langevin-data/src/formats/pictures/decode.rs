//! Decoding of one image as gray or colour of 8 or 16 bits, in the displayed orientation.
//!
//! PNG, JPEG and WebP are distinguished by their first bytes. Sizes are checked before memory for
//! the pixels is allocated. A panic of a decoder becomes an ordinary error.

use super::sample::{Head, SampleFormat};
use super::stored::Result;
use super::{jpeg, png, webp};
use crate::guard::caught;
use crate::recognise::FileKind;
use std::io::{BufRead, Seek};

enum Kind {
    Png,
    Jpeg,
    Webp,
}

fn kind(start: &[u8]) -> Result<Kind> {
    match FileKind::of(start, start.len() as u64) {
        Some(FileKind::Png) => Ok(Kind::Png),
        Some(FileKind::Jpeg) => Ok(Kind::Jpeg),
        Some(FileKind::Webp) => Ok(Kind::Webp),
        Some(FileKind::Empty) => Err("the file is empty".to_owned()),
        Some(other) if other.is_picture() => Err(unread(other)),
        Some(other) => Err(format!("neither PNG, JPEG nor WebP but {other}")),
        None => Err("neither PNG, JPEG nor WebP".to_owned()),
    }
}

/// Returns the reason why an image of an unsupported format cannot be used.
pub(super) fn unread(kind: FileKind) -> String {
    format!("{kind}, which is not read; convert it to PNG, JPEG or WebP first")
}

/// Returns true if bytes begin like an image of any known format, supported or not.
#[cfg(feature = "parquet")]
pub(crate) fn looks_like_picture(bytes: &[u8]) -> bool {
    FileKind::of(&bytes[..bytes.len().min(64)], bytes.len() as u64).is_some_and(FileKind::is_picture)
}

/// Message for an image on which a decoder panicked.
const CONTRADICTS: &str = "its parts contradict each other";

/// Returns the decoder's message, or a plain one if it shows internal data structures.
fn plain(words: String) -> String {
    if words.contains(" { ") { "the file is damaged: its parts are not those of a picture".to_owned() } else { words }
}

/// Reads the properties of an image without decoding its pixels.
pub(crate) fn head(reader: impl BufRead + Seek) -> Result<Head> {
    caught(|| read_head(reader)).unwrap_or_else(|| Err(CONTRADICTS.to_owned())).map_err(plain)
}

fn read_head(mut reader: impl BufRead + Seek) -> Result<Head> {
    let stored = match kind(reader.fill_buf().map_err(|error| error.to_string())?)? {
        Kind::Png => png::head(reader),
        Kind::Jpeg => jpeg::head(reader),
        Kind::Webp => webp::head(reader),
    }?;
    Ok(stored.shown())
}

/// Decodes an image into samples of this format, little-endian if they have 16 bits.
pub(crate) fn decode(bytes: &[u8], format: SampleFormat) -> Result<(Head, Vec<u8>)> {
    // Each image has its own guard, because many are decoded in parallel on the threads of a pool.
    caught(|| read_pixels(bytes, format)).unwrap_or_else(|| Err(CONTRADICTS.to_owned())).map_err(plain)
}

fn read_pixels(bytes: &[u8], format: SampleFormat) -> Result<(Head, Vec<u8>)> {
    let (stored, raw) = match kind(bytes)? {
        Kind::Png => png::decode(bytes),
        Kind::Jpeg => jpeg::decode(bytes),
        Kind::Webp => webp::decode(bytes),
    }?;
    let samples = raw.converted(format);
    let pixels = stored.orientation.apply(samples, (stored.height, stored.width), format.pixel());
    Ok((stored.shown(), pixels))
}
