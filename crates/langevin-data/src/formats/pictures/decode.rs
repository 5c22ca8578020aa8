//! One picture: PNG, JPEG or WebP, told apart by their first bytes, as gray or colour of 8 or 16 bits,
//! upright.
//!
//! Sizes are looked at before anything of a picture's size is allocated. A panic of a decoder is an error
//! like its others.

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

/// Why a picture of a kind that is not read cannot be used.
pub(super) fn unread(kind: FileKind) -> String {
    format!("{kind}, which is not read; convert it to PNG, JPEG or WebP first")
}

/// Whether bytes begin like a picture of any known kind, read or not.
#[cfg(feature = "parquet")]
pub(crate) fn looks_like_picture(bytes: &[u8]) -> bool {
    FileKind::of(&bytes[..bytes.len().min(64)], bytes.len() as u64).is_some_and(FileKind::is_picture)
}

/// What is said of a picture on which a decoder gave up with an assertion of its own.
const CONTRADICTS: &str = "its parts contradict each other";

/// The words of a decoder, or others in the place of its data structures.
fn plain(words: String) -> String {
    if words.contains(" { ") { "the file is damaged: its parts are not those of a picture".to_owned() } else { words }
}

/// What the first bytes say; the pixels are not read.
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

/// Decodes a picture into samples of this format, little-endian where they have 16 bits.
pub(crate) fn decode(bytes: &[u8], format: SampleFormat) -> Result<(Head, Vec<u8>)> {
    // Each picture has a guard of its own: many are decoded side by side, on threads of a pool.
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
