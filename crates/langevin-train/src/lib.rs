//! Networks, training and model files for [`langevin`].
//!
//! A [`Dataset`] and a [`Recipe`] go into [`train`], which returns a [`Network`]. A network is a
//! [`langevin::Model`], so every sampler of the kernel runs on it, and it is saved as one file.
//!
//! ```
//! use langevin_train::{Budget, Dataset, MlpConfig, Network, Recipe, train};
//! use std::ops::ControlFlow;
//!
//! let (data, held_out) = Dataset::digits().split(0.2, 0);
//! // A real run uses a budget such as Budget::Time(Duration::from_secs(60)).
//! let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(5));
//! recipe.network = MlpConfig::new(32, 2).into();
//! let network = train(&data, &recipe, &mut |_| ControlFlow::Continue(()))?;
//!
//! let path = std::env::temp_dir().join(format!("digits-{}.safetensors", std::process::id()));
//! network.save(&path)?;
//! let network = Network::load(&path)?;
//! assert_eq!(network.width(), held_out.width());
//! # let _ = std::fs::remove_file(&path);
//! # Ok::<(), langevin_train::Error>(())
//! ```
//!
//! # Map
//!
//! | task | items |
//! |---|---|
//! | describe a run | [`Recipe`], [`Budget`], [`OptimizerKind`], [`Decay`], [`Coupling`], [`Normalization`] |
//! | train | [`train`], or a [`Trainer`] for a run that is controlled step by step |
//! | fine-tune | [`Recipe::of`], [`Trainer::from_network`], [`FINE_TUNING_RATE`] |
//! | minimise another objective | [`task`] |
//! | choose a network | [`MlpConfig`], [`DitConfig`], [`SequenceConfig`], [`GraphConfig`], [`TableConfig`], [`NetworkSpec`] |
//! | write a network | [`nn`] |
//! | use a trained network | [`Network`], [`Device`] |
//! | read the description of a network | [`Metadata`], [`DataSpec`], [`TrainingRecord`] |
//! | read the moments and the identity of its data | [`Moments`], [`Fingerprint`] |
//! | average weights after training | [`average`], [`Averages`] |
//! | compare with an autoencoder | [`Vae`], [`train_vae`] |
//!
//! Networks are passes over flat memory with hand-written gradients; there is no tensor framework.
//! The feature `gpu` adds evaluation on GPUs through Vulkan, Metal or DirectX 12.
//!
//! Training is reproducible. Noise and row order are functions of the seed and the step, and the
//! thread count does not change a bit of the result.
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
pub use metadata::{DataSpec, HeldOut, MODEL_VERSION, Metadata, TokenSpec, TrainingRecord};
pub use moments::{Moments, MomentsKind, MomentsSpec};
pub use nn::{Activation, Device, DitConfig, GraphConfig, MlpConfig, Network, NetworkSpec, SequenceConfig};
pub use nn::{TableConfig, TableNetwork, TokenNetwork};
pub use normalization::Normalization;
pub use train::TokenNoise;
pub use train::task;
pub use train::{Averages, Budget, Decay, FINE_TUNING_RATE, OptimizerKind, Progress, Recipe, Trainer, train};
pub use vae::{Vae, VaeConfig, VaeProgress, train_vae};

/// Runs the example of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
