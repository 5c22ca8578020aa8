//! Translation of the library's errors into plain messages.

use crate::error::Error;
use parquet::errors::ParquetError;

/// Converts an error of the library.
pub(super) fn broken(error: ParquetError) -> Error {
    let failure = Error::data("not a readable .parquet file");
    let text = error.to_string();
    if let Some((_, codec)) = text.split_once("Disabled feature at compile time: ") {
        return failure
            .because(format!("it is compressed by {codec}, which this build does not read"))
            .hinting("write it with compression='zstd' or 'snappy'");
    }
    if text.contains("codec type LZO") {
        return failure
            .because("it is compressed by LZO, which is not read")
            .hinting("write it with compression='zstd' or 'snappy'");
    }
    if text.contains("CRC checksum mismatch") {
        return failure
            .because("a checksum does not fit: the file is damaged")
            .hinting("fetch or write the file again");
    }
    // Prefixes such as "Parquet error: " and "EOF: " are names of the library's types.
    failure.because(text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest).to_owned())
}
