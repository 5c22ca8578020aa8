//! Networks: the parts to write one, and the trained one as a model.
//!
//! A network is written forwards and backwards on flat memory, without a framework. An author writes
//! - a [`Net`]: the [`Parameter`]s and their initial weights,
//! - a [`Pass`]: the memory of one evaluation, with the way forward and back, made of [`kernels`],
//! - an [`Architecture`]: the sizes that a model file keeps, and how the network is built from them,
//!
//! holds the gradient against finite differences ([`check_gradients`]), and trains it as
//! [`Recipe::network`](crate::Recipe::network) = [`NetworkSpec::custom`]. What comes out is a [`Network`], a
//! [`langevin::Model`] and a file, which [`Network::load_with`] reads. `examples/05_own_network.rs` is all of
//! this in one file.
//!
//! What a network computes is of unit scale: the states come in at unit variance, and what goes out is
//! multiplied by the root mean square of its formulation's output ([`Network`]).

pub(crate) mod check;
pub(crate) mod device;
pub(crate) mod dit;
pub(crate) mod file;
pub mod kernels;
pub(crate) mod mlp;
pub(crate) mod net;
pub(crate) mod network;
pub(crate) mod spec;
pub(crate) mod stop;

pub use check::{check_gradient, check_gradients};
pub use device::Device;
pub use dit::DitConfig;
pub use kernels::Activation;
pub use mlp::MlpConfig;
pub use net::{Net, Parameter, Pass, Rows, features};
pub use network::Network;
pub use spec::{Architecture, CustomNetwork, NetworkSpec};
pub use stop::Stop;
