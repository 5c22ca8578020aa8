//! Pages compressed with Zstandard, decompressed in pure Rust.
//!
//! The `parquet` library decompresses pages itself, but has Zstandard only in C. It is therefore
//! given metadata that declare such a column uncompressed. It then verifies the checksums of the
//! pages and returns them as stored in the file. The pages are decompressed here, before their
//! values are decoded.

use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::{SerializedFileReader, SerializedPageReader};
use ruzstd::decoding::StreamingDecoder;
use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;

/// Returns true if the pages of this column are compressed with Zstandard.
pub(super) fn is_used(column: &ColumnChunkMetaData) -> bool {
    matches!(column.compression(), Compression::ZSTD(_))
}

/// Returns a reader of the column's values; `most` bounds the bytes of a page.
pub(super) fn column(
    file: &Arc<File>,
    reader: &SerializedFileReader<File>,
    group: &RowGroupMetaData,
    leaf: usize,
    most: u64,
) -> Result<ColumnReader> {
    let about = group.column(leaf).clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
    let rows = usize::try_from(group.num_rows())?;
    let raw = SerializedPageReader::new(Arc::clone(file), &about, rows, None)?;
    let descriptor = reader.metadata().file_metadata().schema_descr().column(leaf);
    Ok(get_column_reader(descriptor, Box::new(Pages { raw, most })))
}

/// Decompressed pages of a column.
struct Pages {
    raw: SerializedPageReader<File>,
    most: u64,
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.raw.get_next_page()?.map(|page| open(page, self.most)).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.raw.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.raw.skip_next_page()
    }

    fn supports_deferred_dictionary(&self) -> bool {
        self.raw.supports_deferred_dictionary()
    }

    fn take_deferred_dictionary(&mut self) -> Result<Option<Page>> {
        self.raw.take_deferred_dictionary()?.map(|page| open(page, self.most)).transpose()
    }
}

/// Decompresses a page; the levels at the start of version-2 pages are not compressed.
fn open(mut page: Page, most: u64) -> Result<Page> {
    let (buffer, levels) = match &mut page {
        Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => (buf, 0),
        Page::DataPageV2 { is_compressed: false, .. } => return Ok(page),
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            (buf, *def_levels_byte_len as usize + *rep_levels_byte_len as usize)
        }
    };
    let (before, mut compressed) = buffer.split_at_checked(levels).ok_or_else(|| damaged("a page is cut short"))?;
    let mut bytes = before.to_vec();
    // A page without values may have no frame, and several frames may follow each other.
    while !compressed.is_empty() {
        let mut frame = StreamingDecoder::new(&mut compressed).map_err(|_| damaged("a page cannot be decompressed"))?;
        let room = most.saturating_sub(bytes.len() as u64);
        let read = frame.by_ref().take(room.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|_| damaged("a page cannot be decompressed"))?;
        if bytes.len() as u64 > most {
            return Err(damaged("a page expands too far"));
        }
        let decoder = &frame.decoder;
        if let (Some(said), Some(is)) = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum())
            && said != is
        {
            return Err(damaged("a checksum does not fit"));
        }
    }
    *buffer = bytes.into();
    Ok(page)
}

fn damaged(why: &str) -> ParquetError {
    ParquetError::General(why.to_owned())
}
