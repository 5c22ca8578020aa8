//! Networks from ONNX files as models of [langevin](https://docs.rs/langevin).
//!
//! [`OnnxNetwork`] is a [`langevin::Model`] that evaluates the graph of an ONNX file,
//!
//! $$\mathrm{out} = \mathrm{network}(x, t).$$
//!
//! The caller states the [`Formulation`](langevin::Formulation) of the output: the noise process
//! and what the network predicts. ONNX Runtime evaluates the graph. This crate does not link to
//! ONNX Runtime; the shared library is located when the first network is opened (see [`library`]).
//!
//! # Examples
//!
//! This example needs ONNX Runtime and a file:
//!
//! ```no_run
//! use langevin::{Formulation, Prediction, Process};
//! use langevin_onnx::{OnnxNetwork, Options};
//! let formulation = Formulation::new(Process::parse("table:linear")?, Prediction::Epsilon);
//! let options = Options::default().shape(&[4, 64, 64]);
//! let network = OnnxNetwork::open("unet.onnx".as_ref(), formulation, &options)?;
//! println!("{:?}", network.shape());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`OnnxTokens`] is a [`langevin_discrete::Denoiser`]: a masked language model, or any other
//! network that takes tokens and returns logits.
//!
//! [`unroll`](unroll()) writes a plan and its network as one ONNX file, from noise to samples. It
//! does not need ONNX Runtime.
//!
//! # Modules
//!
//! | module | contents |
//! |---|---|
//! | `options` | the arguments ([`Options`], [`Array`], [`Style`]) |
//! | `port` | inputs and outputs of the graph; finds the state, the time and the output |
//! | `graph` | an opened file: its ports, and the values of its further inputs |
//! | `input` | values of further inputs, matched to samples by their global index |
//! | `element` | conversion between f64 and tensor types |
//! | `network` | the model ([`OnnxNetwork`]) |
//! | `tokens` | the model of tokens, which returns logits ([`OnnxTokens`], [`TokensAs`]) |
//! | [`library`] | locating ONNX Runtime |
//! | `proto` | the fields of ONNX files that are read or written; all others are kept |
//! | `unroll` | plans unrolled around networks ([`UnrollOptions`], [`Unrolled`]) |
//! | `error` | the error type ([`Error`]) |
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod element;
mod error;
mod graph;
mod input;
pub mod library;
mod network;
mod options;
mod port;
mod proto;
mod tokens;
mod unroll;

pub use error::{Error, Result};
pub use network::OnnxNetwork;
pub use options::{Array, Options, Style};
pub use tokens::{OnnxTokens, TokensAs};
pub use unroll::{MOST_NODES, UnrollOptions, Unrolled, unroll};

/// The examples of the README are run as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
