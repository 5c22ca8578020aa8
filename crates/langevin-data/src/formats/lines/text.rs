//! Text of a table as UTF-8, in a file that can be read at any position.
//!
//! Compressed and UTF-16 files are converted to a temporary file.

use crate::error::{Error, Result};
use crate::recognise::FileKind;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write};
use std::path::Path;

/// Byte-order mark, which spreadsheets put at the start.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// Largest accepted ratio between the text and its compressed file; the next constant is allowed
/// for every file. Deflate reaches at most 1032 to 1; tables reach about 20 to 1.
const EXPANSION: u64 = 256;
const SMALL: u64 = 1 << 30;

/// Text of a file.
pub(super) struct Text {
    pub(super) file: File,
    /// Number of bytes before the first line.
    pub(super) skipped: u64,
    /// Storage of the text if it is not plain, such as `gzip`.
    pub(super) stored: Option<&'static str>,
}

impl Text {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::reading(path, error))?;
        let length = file.metadata().map_err(failed)?.len();
        let text = Self { file, skipped: 0, stored: None };
        text.unpacked(length)?.decoded()?.unmarked()
    }

    fn start(&mut self) -> Result<Vec<u8>> {
        let mut start = Vec::new();
        self.file.rewind().map_err(failed)?;
        (&mut self.file).take(3).read_to_end(&mut start).map_err(failed)?;
        self.file.rewind().map_err(failed)?;
        Ok(start)
    }

    fn unpacked(mut self, length: u64) -> Result<Self> {
        if !self.start()?.starts_with(b"\x1f\x8b") {
            return Ok(self);
        }
        let most = length.saturating_mul(EXPANSION).max(SMALL);
        let mut reader = MultiGzDecoder::new(BufReader::new(self.file)).take(most + 1);
        let (mut file, written) = temporary(|writer| copy(&mut reader, writer))?;
        if written > most {
            return Err(Error::data("the file expands too far")
                .expected(format!("at most {most} bytes of text"))
                .got("more"));
        }
        // A compressed file may hold anything, so its contents are checked to be text.
        let mut start = Vec::new();
        file.rewind().map_err(failed)?;
        (&mut file).take(1024).read_to_end(&mut start).map_err(failed)?;
        match FileKind::of(&start, written) {
            Some(FileKind::Text | FileKind::Utf16 | FileKind::Empty) | None => {}
            Some(found) => {
                return Err(Error::data("the packed file is not a table")
                    .expected("a text")
                    .got(found.to_string())
                    .hinting("unpack it first, and give it the name of its kind"));
            }
        }
        Ok(Self { file, skipped: 0, stored: Some("gzip") })
    }

    fn decoded(mut self) -> Result<Self> {
        let big_endian = match self.start()?[..] {
            [0xff, 0xfe, ..] => false,
            [0xfe, 0xff, ..] => true,
            _ => return Ok(self),
        };
        let mut reader = BufReader::with_capacity(1 << 16, self.file);
        reader.seek(SeekFrom::Start(2)).map_err(failed)?;
        let (file, _) = temporary(|writer| transcode(reader, big_endian, writer))?;
        Ok(Self { file, skipped: 0, stored: Some(if self.stored.is_some() { "gzip, UTF-16" } else { "UTF-16" }) })
    }

    fn unmarked(mut self) -> Result<Self> {
        let start = self.start()?;
        if start.is_empty() {
            return Err(Error::data("the file is empty").expected("rows of numbers").got("0 bytes"));
        }
        self.skipped = if start == MARK { MARK.len() as u64 } else { 0 };
        self.rewind()?;
        Ok(self)
    }

    pub(super) fn rewind(&mut self) -> Result<()> {
        self.file.seek(SeekFrom::Start(self.skipped)).map(|_| ()).map_err(failed)
    }

    /// Replaces runs of blanks between columns by tabs.
    pub(super) fn tabbed(mut self) -> Result<Self> {
        self.rewind()?;
        let (mut file, _) = temporary(|writer| tabs(BufReader::new(&mut self.file), writer))?;
        file.rewind().map_err(failed)?;
        Ok(Self { file, skipped: 0, stored: self.stored })
    }
}

fn failed(error: io::Error) -> Error {
    Error::io("cannot read the file", error)
}

/// Failure between a file and its temporary copy.
enum Trouble {
    Reading(io::Error),
    Writing(io::Error),
}

/// Creates an unnamed temporary file; returns it with the number of bytes in it.
fn temporary(write: impl FnOnce(&mut BufWriter<File>) -> std::result::Result<u64, Trouble>) -> Result<(File, u64)> {
    let mut writer = BufWriter::with_capacity(1 << 16, tempfile::tempfile().map_err(Error::spooling)?);
    let written = write(&mut writer).map_err(|trouble| match trouble {
        Trouble::Writing(error) => Error::spooling(error),
        Trouble::Reading(error) => match error.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Error::data("the file cannot be unpacked").because("it is damaged or cut short")
            }
            _ => failed(error),
        },
    })?;
    let file = writer.into_inner().map_err(|error| Error::spooling(error.into_error()))?;
    Ok((file, written))
}

fn copy(reader: &mut impl Read, writer: &mut impl Write) -> std::result::Result<u64, Trouble> {
    let (mut buffer, mut written) = (vec![0; 1 << 16], 0);
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => return Ok(written),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Trouble::Reading(error)),
        };
        writer.write_all(&buffer[..read]).map_err(Trouble::Writing)?;
        written += read as u64;
    }
}

/// Converts UTF-16 to UTF-8; an unpaired surrogate becomes the replacement character.
fn transcode(reader: impl BufRead, big_endian: bool, writer: &mut impl Write) -> std::result::Result<u64, Trouble> {
    let mut trouble = None;
    let mut bytes = reader.bytes().map_while(|byte| byte.map_err(|error| trouble = Some(error)).ok());
    let mut units = std::iter::from_fn(|| {
        let (first, second) = (bytes.next()?, bytes.next().unwrap_or(0));
        Some(if big_endian { u16::from_be_bytes([first, second]) } else { u16::from_le_bytes([first, second]) })
    });
    let mut written = 0;
    for character in char::decode_utf16(&mut units) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        let mut room = [0; 4];
        let bytes = character.encode_utf8(&mut room).as_bytes();
        writer.write_all(bytes).map_err(Trouble::Writing)?;
        written += bytes.len() as u64;
    }
    trouble.map_or(Ok(written), |error| Err(Trouble::Reading(error)))
}

/// Replaces runs of blanks within lines by one tab each, and removes those at the ends of lines.
fn tabs(reader: impl BufRead, writer: &mut impl Write) -> std::result::Result<u64, Trouble> {
    let (mut blank, mut begun, mut written) = (false, false, 0);
    for byte in reader.bytes() {
        let byte = byte.map_err(Trouble::Reading)?;
        match byte {
            b' ' | b'\t' | b'\r' => blank = true,
            _ => {
                if blank && begun && byte != b'\n' {
                    writer.write_all(b"\t").map_err(Trouble::Writing)?;
                    written += 1;
                }
                writer.write_all(&[byte]).map_err(Trouble::Writing)?;
                written += 1;
                (blank, begun) = (false, byte != b'\n');
            }
        }
    }
    Ok(written)
}
