//! Data sets from files: the rows that networks of [`langevin`] are trained on.
//!
//! [`open`] reads a file or a folder as a [`Dataset`]. Data from other sources are data sets too:
//! [`Dataset::new`] takes values, and [`Dataset::from_rows`] takes an implementation of [`Rows`].
//!
//! ```
//! use langevin_data::{Options, open};
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("flowers.csv");
//! # let lines = (0..10).map(|i| format!("{}.5,{},rose\n", i % 4, i * i % 7)).collect::<String>();
//! # std::fs::write(&path, format!("width,height,kind\n{lines}")).unwrap();
//!
//! // flowers.csv: width,height,kind / 0.5,0,rose / …
//! let flowers = open(&path, &Options::default().label_column("kind"))?;
//! assert_eq!((flowers.rows(), flowers.shape()), (10, &[2][..]));
//! assert_eq!(flowers.classes(), ["rose"]);
//!
//! let (train, held_out) = flowers.split(0.2, 0);
//! assert_eq!((train.rows(), held_out.rows()), (8, 2));
//! let mut batch = vec![0.0; 2 * train.width()];
//! train.read(&[0, 1], &mut batch)?;
//! # Ok::<(), langevin_data::Error>(())
//! ```
//!
//! # Map
//!
//! | task | items |
//! |---|---|
//! | read a file or folder | [`open`], [`Options`], [`Axes`], [`exists`], [`readable_kinds`] |
//! | use values or rows of your own | [`Dataset::new`], [`Dataset::from_rows`], [`Rows`] |
//! | split | [`Dataset::split`], [`Dataset::head`], [`Dataset::select`] |
//! | read rows | [`Dataset::read`], [`Dataset::read_augmented`], [`Augment`] |
//! | see how a file was interpreted | [`Dataset::summary`], [`About`], [`Dataset::skipped`] |
//! | describe the data | [`Dataset::statistics`], [`Statistics`], [`HeavyTail`] |
//! | convert rows for a model | [`Frame`], [`Constant`], [`Lattice`] |
//! | read one array | [`Array::open`] |
//! | read tokens, such as text | [`Dataset::vocabulary`], [`Dataset::read_tokens`], [`Dataset::of_tokens`], [`open_text`], [`TextOptions`], [`Vocabulary`], [`TokenKind`] |
//! | read graphs as tokens | [`open_graphs`], [`Dataset::of_graphs`], [`Dataset::communities`], [`Graph`], [`GraphShape`], [`GraphClasses`] |
//! | write tables | [`TableWriter`], [`TableColumns`], [`TableKind`], [`Dialect`] |
//! | identify a file by its bytes | [`recognise`], [`FileKind`] |
//!
//! # Formats
//!
//! - **Images**: a folder of PNG, JPEG and WebP files, sorted by path, or one file. Rows have shape
//!   \[h, w\] if all images are gray, and \[h, w, 3\] otherwise. Values are 0 to 255, or 0 to 65535
//!   if any image has 16 bits. Labels: one sub-folder for each class.
//! - **`.npy`**: an array of any float (up to 64 bits), integer or bool type, of shape (rows, …).
//!   Labels: another `.npy` file, [`Options::labels`].
//! - **`.npz`**: the array of `FILE.npz:NAME`. Without a name it is the array `x`, `data`, `images`
//!   or `arr_0`, or the only one. Labels: the array of [`Options::labels`], or the one that belongs
//!   to the rows, as `y_train` belongs to `x_train`.
//! - **`.npy` or `.npz` with records**: the fields of a structured dtype, a column each, or lists
//!   from sub-arrays of one shape. Labels: [`Options::label_column`].
//! - **`.csv`, `.tsv`, `.txt`**, plain or `.gz`: numbers, with or without a header line. Separators
//!   are commas, semicolons, tabs, bars or blanks; numbers have decimal points or commas; the text
//!   is UTF-8 or UTF-16. Labels: [`Options::label_column`].
//! - **`.parquet`**: columns of numbers or of lists of one shape, or a column of images. Labels:
//!   [`Options::label_column`], the class column named in the metadata, or `label` beside lists or
//!   images.
//!
//! A folder or a pattern of `.parquet`, `.csv`, `.csv.gz` or `.npy` files is one table if all files
//! have the same columns.
//!
//! Labels are integers (also of a float type), texts, or one-hot rows.
//!
//! Images are read as viewers show them. They are rotated as their EXIF data say, and transparent
//! pixels are placed on white. Colour profiles and gamma are not applied, CMYK is converted without
//! a profile, and an animated PNG contributes its first image. In a set with 16-bit images, an
//! 8-bit value v becomes 257 v. Other image formats (GIF, BMP, TIFF, AVIF, HEIC, …) are not read;
//! they are listed in [`Dataset::skipped`].
//!
//! A file whose contents do not match its name is identified by its bytes, and the error names its
//! real format.
//!
//! # Guarantees
//!
//! - The order of the rows depends on the files alone. Values are the same whether they are held in
//!   memory or read on demand.
//! - Data are checked when they are opened, except the pixels of images that do not fit into
//!   memory.
//! - Untrusted files do not cause panics. Their memory use is bounded by [`Options::memory`], their
//!   own length and the buffers of the decoders.
//! - The position of a crop depends only on the [id](langevin::SampleId) of the sample.
//!
//! # Features
//!
//! `parquet`, on by default, reads and writes Parquet tables. Pages may be compressed with Snappy,
//! gzip, Brotli, LZ4 or Zstandard, and their checksums are verified.
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
mod graphs;
pub mod guard;
mod integers;
mod labels;
mod open;
mod options;
mod recognise;
mod rows;
mod shards;
mod source;
mod table;
mod tables;
mod text;
mod vocabulary;
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
pub use graphs::{Graph, GraphClasses, GraphShape, open_graphs};
pub use integers::open_integers;
pub use open::{exists, is_readable_name, located, open, readable_kinds};
pub use options::Options;
pub use recognise::{FileKind, recognise};
pub use rows::Rows;
pub use shards::is_pattern;
pub use table::{TableColumns, TableKind};
pub use tables::{
    ColumnValues, NormalScores, TableColumn, TableSchema, Tabulation, open_table, open_table_as, write_table,
};
pub use text::{TextOptions, WINDOW, open_text, open_text_as};
pub use vocabulary::{TokenKind, Vocabulary};
pub use words::flag_value;
pub use writer::TableWriter;

/// Runs the example of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
