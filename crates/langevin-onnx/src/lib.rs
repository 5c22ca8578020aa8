//! Networks trained elsewhere: an ONNX file as a [`langevin::Model`].
//!
//! $$\mathrm{out} = \mathrm{network}(x, t),$$
//!
//! of whatever formulation its owner says. ONNX Runtime evaluates it; the library is found when it is first asked for ([`library`]), so that nothing here links to it.
//!
//! ```no_run
//! use langevin::{Clock, Formulation, Prediction, Process};
//! use langevin_onnx::OnnxNetwork;
//! let formulation = Formulation::new(Process::parse("table:linear")?, Prediction::Epsilon);
//! let network = OnnxNetwork::open("unet.onnx".as_ref(), formulation, None)?;
//! println!("{:?}", network.shape());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod error;
pub mod library;
mod network;

pub use error::{Error, Result};
pub use network::OnnxNetwork;
