//! What the library says of a file, in words for people.

use crate::error::Error;
use parquet::errors::ParquetError;

/// What the library says of a file.
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
    // "Parquet error: ", "EOF: " and the like are the names of the library's types.
    failure.because(text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest).to_owned())
}
