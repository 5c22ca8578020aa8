//! Networks trained elsewhere: an ONNX file as a [`langevin::Model`].
//!
//! $$\mathrm{out} = \mathrm{network}(x, t),$$
//!
//! of whatever formulation its owner says. ONNX Runtime evaluates it; the library is found when it is first asked for ([`library`]), so that nothing here links to it.
//!
//! ```no_run
//! use langevin::{Clock, Formulation, Prediction, Process};
//! use langevin_onnx::{OnnxNetwork, Options};
//! let formulation = Formulation::new(Process::parse("table:linear")?, Prediction::Epsilon);
//! let options = Options::default().shape(&[4, 64, 64]);
//! let network = OnnxNetwork::open("unet.onnx".as_ref(), formulation, &options)?;
//! println!("{:?}", network.shape());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | `options` | the arguments: further inputs, the output, the shape |
//! | `port` | inputs and outputs of the graph, and which input is the states and which the time |
//! | `input` | the values of further inputs, matched to samples |
//! | `element` | numbers to the types of tensors and back |
//! | `network` | the model |
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod element;
mod error;
mod input;
pub mod library;
mod network;
mod options;
mod port;

pub use error::{Error, Result};
pub use network::OnnxNetwork;
pub use options::{Array, Options, Style};
