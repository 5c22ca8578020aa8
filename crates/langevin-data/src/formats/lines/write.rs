//! Writing of lines one by one, so that memory does not grow with their number.

use crate::dialect::Dialect;
use crate::table::{TableColumns, TableKind};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::borrow::Cow;
use std::io::{self, Write};

/// Writer of the lines of a table, plain or compressed.
pub(crate) struct Lines<W: Write> {
    out: Out<W>,
    dialect: Dialect,
    /// True to write numbers in single precision.
    single: bool,
    /// Buffer of the current line.
    line: Vec<u8>,
}

enum Out<W: Write> {
    Plain(W),
    Packed(GzEncoder<W>),
}

impl<W: Write> Lines<W> {
    /// Creates the writer and writes the header line.
    pub(crate) fn new(out: W, kind: TableKind, columns: &TableColumns) -> io::Result<Self> {
        let dialect = columns.lines(kind);
        let out = match kind.is_packed() {
            true => Out::Packed(GzEncoder::new(out, Compression::default())),
            false => Out::Plain(out),
        };
        let names = columns.names.iter().chain(&columns.label);
        let head = names.map(|name| quoted(name, dialect.separator)).collect::<Vec<_>>();
        let line = (head.join(dialect.separator.encode_utf8(&mut [0; 4])) + "\n").into_bytes();
        let mut lines = Self { out, dialect, single: columns.single, line };
        lines.flush()?;
        Ok(lines)
    }

    /// Writes the line of a row.
    pub(crate) fn push(&mut self, row: &[f64], label: Option<&str>) -> io::Result<()> {
        let mut separator = [0; 4];
        let separator = self.dialect.separator.encode_utf8(&mut separator).as_bytes();
        self.line.clear();
        for (column, value) in row.iter().enumerate() {
            if column > 0 {
                self.line.extend_from_slice(separator);
            }
            let begin = self.line.len();
            match self.single {
                true => write!(self.line, "{}", *value as f32)?,
                false => write!(self.line, "{value}")?,
            }
            if self.dialect.decimal_comma
                && let Some(point) = self.line[begin..].iter().position(|byte| *byte == b'.')
            {
                self.line[begin + point] = b',';
            }
        }
        if let Some(label) = label {
            self.line.extend_from_slice(separator);
            self.line.extend_from_slice(quoted(label, self.dialect.separator).as_bytes());
        }
        self.line.push(b'\n');
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Plain(out) => out.write_all(&self.line),
            Out::Packed(out) => out.write_all(&self.line),
        }
    }

    /// Finishes the compression and returns the underlying writer.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self.out {
            Out::Plain(out) => Ok(out),
            Out::Packed(out) => out.finish(),
        }
    }
}

/// Formats a text as a field, with quotes if needed.
fn quoted(text: &str, separator: char) -> Cow<'_, str> {
    match text.contains([separator, '"', '\n', '\r']) || text.trim() != text || text.is_empty() {
        true => format!("\"{}\"", text.replace('"', "\"\"")).into(),
        false => text.into(),
    }
}
