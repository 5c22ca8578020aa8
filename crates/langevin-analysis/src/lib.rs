//! Analyses diffusion models and their samplers: exact densities, exact errors, likelihoods,
//! metrics, recommendations and diagnosis.
//!
//! The crate works on the plans, samplers and models of the crate [`langevin`]. Most of it needs no
//! network: a plan is a linear map of Gaussians, so its error on Gaussian data is computed exactly.
//! The remaining modules take any [`Model`](langevin::Model), such as a trained network.
//!
//! | module | contents |
//! |---|---|
//! | [`exact`] | densities known in closed form, as models of every formulation: Gaussians, mixtures, data sets, toys |
//! | [`analysis`] | the exact error of a linear plan on Gaussian data, without sampling ([`Analyze`]) |
//! | [`recommend`] | every sampler on every grid within an NFE budget, ranked by exact error |
//! | [`diagnose`] | the sources of a model's error: start, truncation, discretisation, network |
//! | [`likelihood`] | −log p: a bound for the SDE model, the density of the ODE model, chains of few steps |
//! | [`metrics`] | distances between samples: $W_2$, sliced $W_2$, energy distance, nearest neighbours |
//!
//! # Which module answers which question
//!
//! - Which sampler and grid should I use for 20 network evaluations? [`recommend`]
//! - How large is the error of this plan, and does it come from the start, the end or the steps?
//!   [`analysis`]
//! - Is my network or my sampler the problem? [`diagnose`]
//! - How likely are my held-out data under the model? [`likelihood`]
//! - How close are my samples to the data, and do they copy the training data? [`metrics`]
//! - How do I test a sampler without training a network? [`exact`]
//!
//! # Example
//!
//! ```
//! use langevin::Request;
//! use langevin_analysis::analysis::AnalysisOptions;
//! use langevin_analysis::{Analyze, Spectrum};
//! // The exact error of 20 steps of DPM-Solver++(2M) on Gaussian data with eigenvalues 1/k².
//! let plan = Request::new().plan()?;
//! let found = plan.analyze(&Spectrum::power_law(2.0, 64)?, &AnalysisOptions::default())?;
//! assert!(found.total.w2 < 0.3);
//! # Ok::<(), langevin::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod analysis;
pub mod diagnose;
pub mod exact;
pub mod likelihood;
pub mod metrics;
pub mod recommend;
mod rows;
pub mod tune;

pub use analysis::{Analysis, Analyze, Spectrum};
pub use likelihood::Likelihood;

/// Runs the examples of the package's README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
