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
//!
//! Networks of your own are written with [`nn`], and what a training minimises with [`task`].
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod average;
mod coupling;
mod error;
mod fingerprint;
mod metadata;
mod moments;
pub mod nn;
mod normalization;
mod train;
mod vae;

pub use coupling::Coupling;
pub use error::{Error, Result};
pub use fingerprint::Fingerprint;
pub use langevin_data::{Augment, Dataset};
pub use metadata::{DataSpec, HeldOut, MODEL_VERSION, Metadata, TrainingRecord};
pub use moments::{Moments, MomentsKind, MomentsSpec};
pub use nn::{Activation, Device, DitConfig, MlpConfig, Network, NetworkSpec};
pub use normalization::Normalization;
pub use train::task;
pub use train::{Averages, Budget, Decay, FINE_TUNING_RATE, Progress, Recipe, Trainer, train};
pub use vae::{Vae, VaeConfig, VaeProgress, train_vae};
