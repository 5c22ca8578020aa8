//! Analyses diffusion models and their samplers: exact densities, exact errors, likelihoods, diagnosis.
//!
//! | module | what is in it |
//! |---|---|
//! | [`exact`] | densities known in closed form, as models of every formulation: Gaussians, mixtures, data sets, toys |
//! | [`analysis`] | the exact error of a linear plan on Gaussian data, with no sampling ([`Analyze`]) |
//! | [`likelihood`] | −log p: a bound of the SDE model, the density of the ODE model, chains of few steps |
//! | [`metrics`] | W2, sliced W2, energy distance, nearest neighbours |
//! | [`recommend`] | every sampler on every grid within a budget, ranked by exact error |
//! | [`diagnose`] | where a model's error comes from: start, truncation, steps, network |
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

pub use analysis::{Analysis, Analyze, Spectrum};
pub use likelihood::Likelihood;
