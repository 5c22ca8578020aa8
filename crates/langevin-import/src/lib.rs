//! Samplers of other libraries, read from what those libraries save.
//!
//! An imported plan does what the original does, its quirks included: the same table, the same rounding of
//! the network's time, the same start. With [`Call::consistent`], known bugs of the original are fixed and
//! everything else is kept. Unknown fields can be rejected by name ([`Call::strict`]).
//!
//! The crate is written on `langevin`'s public interface alone: each scheduler is a table of times and noise
//! levels and a [`Method`](langevin::sampler::Method), and a quirk of an original is a small method beside
//! its class.
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
