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
//! [`Dataset`] → [`train`] with a [`Recipe`] → [`Network`], which is a [`langevin::Model`] and one file. This is the only crate that knows a neural
//! network framework (Burn, on the CPU).
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod checkpoint;
mod data;
mod error;
mod metadata;
mod mlp;
mod moments;
mod network;
mod optimizer;
mod recipe;
mod train;
mod vae;

pub use data::{Dataset, Normalization, digit_labels};
pub use error::{Error, Result};
pub use metadata::{DataSpec, HeldOut, MODEL_VERSION, Metadata, NetworkSpec, TrainingRecord};
pub use mlp::MlpConfig;
pub use moments::{Moments, MomentsKind, MomentsSpec};
pub use network::Network;
pub use recipe::{Budget, Coupling, Recipe};
pub use train::{Progress, train};
pub use vae::{Vae, VaeConfig, VaeProgress, train_vae};
