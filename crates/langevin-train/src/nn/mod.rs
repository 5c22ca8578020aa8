//! Networks: the parts to write one, and the trained network as a model.
//!
//! A network is written as a forward and a backward pass on flat memory, without a framework. Its
//! author writes three parts:
//!
//! - a [`Net`]: the [`Parameter`]s and their initial weights,
//! - a [`Pass`]: the memory of one evaluation, with the forward and the backward pass, built from
//!   [`kernels`],
//! - an [`Architecture`]: the sizes that a model file stores, and how the network is built from
//!   them.
//!
//! [`check_gradients`] compares the gradient with finite differences. To train the network, set
//! [`Recipe::network`](crate::Recipe::network) to [`NetworkSpec::custom`]. The result is a
//! [`Network`], which is a [`langevin::Model`] and can be saved; [`Network::load_with`] loads it.
//! The example `examples/05_own_network.rs` shows all of this in one file.
//!
//! Inputs and outputs of a network have unit scale. The states have unit variance, and the output
//! is multiplied by the root mean square of its formulation's output (see [`Network`]). A network
//! on [tokens](Rows::tokens) has logits as its outputs.
//!
//! | item | role |
//! |---|---|
//! | [`MlpConfig`], [`DitConfig`], [`SequenceConfig`], [`GraphConfig`], [`TableConfig`] | the built-in perceptron and transformers |
//! | [`Net`], [`Pass`], [`Parameter`], [`Rows`], [`features`] | the interface of a network |
//! | [`Architecture`], [`CustomNetwork`], [`NetworkSpec`] | the description stored in model files |
//! | [`Dropout`] | dropout of a training step |
//! | [`kernels`] | layers with their gradients |
//! | [`check_gradient`], [`check_gradients`], [`check_token_gradients`] | gradients against finite differences |
//! | [`Device`], [`Stop`] | evaluation on a GPU, interruption within a step |
//! | [`Network`], [`TokenNetwork`], [`TableNetwork`] | a trained network, on tokens, and on tables |

mod autoregressive;
pub(crate) mod check;
pub(crate) mod device;
pub(crate) mod dit;
pub(crate) mod file;
pub(crate) mod graph;
pub mod kernels;
pub(crate) mod mlp;
pub(crate) mod net;
pub(crate) mod network;
pub(crate) mod sequence;
pub(crate) mod spec;
pub(crate) mod stop;
pub(crate) mod table;
mod tables;
mod tokens;
mod transformer;

pub use check::{check_gradient, check_gradients, check_token_gradients};
pub use device::Device;
pub use dit::DitConfig;
pub use graph::GraphConfig;
pub use kernels::{Activation, Dropout};
pub use mlp::MlpConfig;
pub use net::{Net, Parameter, Pass, Rows, features};
pub use network::Network;
pub use sequence::SequenceConfig;
pub use spec::{Architecture, CustomNetwork, NetworkSpec};
pub use stop::Stop;
pub use table::TableConfig;
pub use tables::TableNetwork;
pub use tokens::TokenNetwork;
