//! Samplers of other libraries, read from what those libraries save.
//!
//! An imported plan does what the original does, its quirks included: the same table, the same rounding of the network's time, the same start. Asked for the
//! consistent plan, the import mends what is known to be wrong and keeps the rest. What it does not know it refuses by name.
//!
//! The crate is written on `langevin`'s public interface alone: each scheduler is a table of times and noise levels and a
//! [`Method`](langevin::sampler::Method), and an original's quirk is a small method of its own.
#![forbid(unsafe_code)]

pub mod diffusers;
pub mod k;
mod quirks;
mod request;
mod setting;

pub use diffusers::{Call, Diffusers, Tables};
pub use setting::Imported;

/// The package's own README is run as it is written.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
