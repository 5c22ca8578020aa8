//! Networks, training and model files for [`langevin`].
//!
//! ```no_run
//! use langevin_train::{Budget, Dataset, Recipe, train};
//! use std::ops::ControlFlow;
//! use std::time::Duration;
//!
//! let (data, _) = Dataset::digits().split(0.2, 0);
//! let recipe = Recipe::new(Recipe::default_formulation(), Budget::Time(Duration::from_secs(60)));
//! let network = train(&data, &recipe, &mut |_| ControlFlow::Continue(()))?;
//! network.save("digits.safetensors".as_ref())?;
//! # Ok::<(), langevin_train::Error>(())
//! ```
//!
//! [`Dataset`] → [`train`] with a [`Recipe`] → [`Network`], which is a [`langevin::Model`] and one file. Networks are
//! passes over flat memory, with their gradients written beside them; a [`Trainer`] is a run a step at a time.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod average;
mod averages;
mod checkpoint;
mod device;
mod error;
mod fingerprint;
mod kernels;
mod metadata;
mod moments;
mod net;
mod network;
mod normalization;
mod optimizer;
mod recipe;
mod stop;
mod train;
mod vae;

pub use averages::Averages;
pub use device::Device;
pub use error::{Error, Result};
pub use fingerprint::Fingerprint;
pub use kernels::activation::Activation;
pub use langevin_data::{Augment, Dataset};
pub use metadata::{DataSpec, HeldOut, MODEL_VERSION, Metadata, NetworkSpec, TrainingRecord};
pub use moments::{Moments, MomentsKind, MomentsSpec};
pub use net::dit::DitConfig;
pub use net::mlp::MlpConfig;
pub use network::Network;
pub use normalization::Normalization;
pub use recipe::{Budget, Coupling, Decay, FINE_TUNING_RATE, Recipe};
pub use train::{Progress, Trainer, train};
pub use vae::{Vae, VaeConfig, VaeProgress, train_vae};
