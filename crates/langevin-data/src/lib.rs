//! Rows from files: the data that [`langevin`]'s networks learn from.
//!
//! ```no_run
//! use langevin_data::{Options, open};
//!
//! let flowers = open("flowers", &Options::default().size(64, 64))?; // a folder of pictures
//! let (train, held_out) = flowers.split(0.1, 0);
//! let mut batch = vec![0.0; 2 * train.width()];
//! train.read(&[0, 1], &mut batch)?;
//! # Ok::<(), langevin_data::Error>(())
//! ```
//!
//! [`open`] → [`Dataset`] → [`Dataset::split`], [`Dataset::statistics`], [`Dataset::read`] and
//! [`Dataset::read_augmented`].
//!
//! Rows that are in no file, or in one of another format, are a [`Dataset`] too: [`Dataset::new`] takes
//! values, [`Dataset::from_rows`] an implementation of [`Rows`].
//!
//! | kind | rows | labels |
//! |---|---|---|
//! | folder of PNG, JPEG and WebP, or one picture | \[h, w\] if all are gray, \[h, w, 3\] otherwise, values 0 to 255, or 0 to 65535 if any picture has 16 bits; sorted by path | one sub-folder for each class |
//! | `.npy` | an array of any float (up to 64 bits), integer or bool type, of shape (rows, …) | another `.npy` file, [`Options::labels`] |
//! | `.npz` | the array of `FILE.npz:NAME`, else its array `x`, `data`, `images`, `arr_0`, or the only one | the array of [`Options::labels`], else the one that belongs to the rows: `y_train` to `x_train` |
//! | `.npy` or `.npz` of records | the fields of a structured dtype: a column each, or lists from sub-arrays of one shape | [`Options::label_column`] |
//! | `.csv`, `.tsv`, `.txt`, plain or `.gz` | numbers, with or without a line of names; commas, semicolons, tabs, bars or blanks; decimal points or commas; UTF-8 or UTF-16 | [`Options::label_column`] |
//! | `.parquet` | columns of numbers or of lists of one shape, or a column of pictures | [`Options::label_column`], the class column that the metadata name, or `label` beside lists or pictures |
//!
//! A folder or a pattern of `.parquet`, `.csv`, `.csv.gz` or `.npy` files is one table, if all have the
//! same columns. [`TableWriter`] writes tables.
//!
//! Labels are whole numbers (of a float type too), texts, or rows of zeros and a single one.
//!
//! Pictures are read as viewers show them: turned as their EXIF block says, and without transparency, which
//! lies on white. Colour profiles and gamma are not applied, CMYK is converted without a profile, and an
//! animated PNG is its first picture. Beside a picture of 16 bits the value v of 8 bits is 257 v. Other
//! kinds of pictures (GIF, BMP, TIFF, AVIF, HEIC, …) are named, and listed in [`Dataset::skipped`].
//!
//! A file that does not hold what its name says is recognised by its bytes and named: [`recognise`].
//!
//! # Promises
//!
//! - Rows have an order that depends on the files alone, and values are the same whether they are held in memory or read as they are asked for.
//! - What is opened was checked, the bodies of pictures excepted that do not fit into memory.
//! - Untrusted files neither panic nor take memory beyond [`Options::memory`], their own length and the buffers of the decoders.
//! - Where a crop begins depends on a sample's [id](langevin::SampleId) and nothing else.
//!
//! Feature `parquet`, on by default: tables of that format, compressed by Snappy, gzip, Brotli, LZ4 or
//! Zstandard; checksums of pages are verified.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod about;
mod array;
mod augment;
mod axes;
mod checks;
mod columns;
mod dataset;
mod dialect;
mod dtype;
mod encoded;
mod error;
mod formats;
mod frame;
pub mod guard;
mod labels;
mod open;
mod options;
mod recognise;
mod rows;
mod shards;
mod source;
mod table;
mod window;
mod words;
mod writer;

pub use about::{About, Omitted, Skipped};
pub use augment::Augment;
pub use axes::Axes;
pub use dataset::lattice::Lattice;
pub use dataset::statistics::Statistics;
pub use dataset::tails::HeavyTail;
pub use dataset::{Dataset, shuffled};
pub use dialect::Dialect;
pub use error::{Error, Result};
pub use formats::npy::Array;
pub use frame::{Constant, Frame};
pub use open::{exists, is_readable_name, located, open, readable_kinds};
pub use options::Options;
pub use recognise::{FileKind, recognise};
pub use rows::Rows;
pub use shards::is_pattern;
pub use table::{TableColumns, TableKind};
pub use words::flag_value;
pub use writer::TableWriter;
