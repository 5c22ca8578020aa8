//! Samplers of other libraries as plans of [langevin](https://docs.rs/langevin).
//!
//! An imported plan computes what the original computes, including its quirks: the same table, the
//! same rounding of the network's time, the same start. With [`Call::consistent`], known bugs of
//! the original are fixed and everything else is kept. With [`Call::strict`], unknown fields are
//! rejected by name.
//!
//! # Examples
//!
//! ```
//! use langevin_import::{Call, Diffusers};
//! let config = r#"{"_class_name": "DPMSolverMultistepScheduler", "use_karras_sigmas": true}"#;
//! let plan = Diffusers::parse(config)?.plan(&Call::steps(20))?;
//! assert_eq!(plan.nfe(), 20);
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! # Modules
//!
//! | module | contents |
//! |---|---|
//! | [`diffusers`] | [`Diffusers`], [`Call`], [`Tables`]: a `scheduler_config.json` of diffusers |
//! | [`k`] | the sampler names, labels and schedules of k-diffusion, ComfyUI and A1111 |
//! | [`traced`] | [`Recording`]: a sampler of any program, run on basis vectors |
//! | `setting` | [`Imported`]: recommendations of samplers on the levels of a config |
//! | `request` | [`Diffusers::plan_of`]: a `langevin::Request` on the levels of a config |
//! | `quirks` | the known quirks of the originals, from which `docs/originals.md` is generated |
//!
//! The crate uses only the public interface of `langevin`: each scheduler is a table of times and
//! noise levels and a [`Method`](langevin::sampler::Method). A quirk of an original is a small
//! method in the module of its class.
#![forbid(unsafe_code)]

pub mod diffusers;
pub mod k;
mod quirks;
mod request;
mod setting;
pub mod traced;

pub use diffusers::{Call, Diffusers, Tables};
pub use setting::Imported;
pub use traced::{Recorded, Recording, Row};

/// The examples of the README are run as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
