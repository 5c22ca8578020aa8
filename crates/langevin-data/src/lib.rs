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
//! [`open`] → [`Dataset`] → [`Dataset::split`], [`Dataset::statistics`], [`Dataset::read`] and [`Dataset::read_augmented`].
//!
//! | kind | rows | labels |
//! |---|---|---|
//! | folder of PNG and JPEG, or one picture | \[h, w\] if all are gray, \[h, w, 3\] otherwise, values 0 to 255; sorted by path | one sub-folder for each class |
//! | `.npy` | an array of any float (up to 64 bits), integer or bool type, of shape (rows, …) | |
//! | `.npz` | its array `x`, `data`, `images`, `arr_0`, or the only one | its array `y`, `labels` or `label` of whole numbers |
//! | `.csv` | numbers, with or without a line of names | [`Options::label_column`] |
//! | `.parquet` | columns of numbers or of lists of one length, or an image column of the Hugging Face kind | [`Options::label_column`] |
//!
//! Pictures: 16 bits are rounded to 8, transparency lies on white, a JPEG's colours are converted as they are (profiles and orientation tags are not looked at).
//!
//! # Promises
//!
//! - Rows have an order that depends on the files alone, and values are the same whether they are held in memory or read as they are asked for.
//! - What is opened was checked, the bodies of pictures excepted that do not fit into memory.
//! - Untrusted files neither panic nor take memory beyond [`Options::memory`], their own length and the buffers of the decoders.
//! - Where a crop begins depends on a sample's [id](langevin::SampleId) and nothing else.
//!
//! Feature `parquet`, on by default: tables of that format, compressed by Snappy, gzip or LZ4, and with feature `zstd` by Zstandard.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod about;
mod augment;
mod axes;
mod data;
mod error;
mod frame;
pub mod guard;
mod labels;
mod lattice;
mod npy;
mod npz;
mod open;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod pictures;
mod reading;
mod recognise;
mod refine;
mod shards;
mod source;
mod statistics;
mod store;
mod table;
mod tails;

pub use about::{About, Omitted};
pub use augment::Augment;
pub use axes::Axes;
pub use data::{Dataset, Skipped, shuffled};
pub use error::{Error, Result};
pub use frame::{Constant, Frame};
pub use lattice::Lattice;
pub use open::{exists, located, open};
pub use options::Options;
pub use recognise::{FileKind, recognise};
pub use statistics::Statistics;
pub use tails::HeavyTail;
