//! Discrete diffusion: sequences of tokens in the same triangle as continuous data.
//!
//! A token is noised by a Markov process that redraws it from a distribution π: the mask, a uniform
//! letter, or any prior. The network predicts the *leave-one-out denoiser* D, the law of a clean
//! token given all other tokens ([`Denoiser`]). A sampler is a *plan*, a table of five instructions
//! with numbers ([`plan`]). The levels, the noise generator and the driver are those of the crate
//! [`langevin`].
//!
//! | module | contents |
//! |---|---|
//! | [`StateSpace`], [`Noise`] | tokens, letters, and the noise on one token |
//! | [`Denoiser`], [`Parameterization`], [`ReadAs`] | networks on tokens, and the one conversion between what they predict |
//! | [`Jump`], [`rates`] | one step of one token: the row, its four numbers, the rates of every split η |
//! | [`plan`] | samplers as data: instructions, execution, exact laws |
//! | [`sampler`] | the plans of known samplers, and the catalogue of their names |
//! | [`Request`] | a sampler by name with its options, compiled to a plan |
//! | [`recommend`] | sizes and orders: exact and measured errors, a ranking, and a local search |
//! | [`likelihood`] | information profiles, the bound on −log p, the exact likelihood of short sequences |
//! | [`exact`] | densities on sequences that are known exactly |
//! | [`graphs`] | statistics of sets of graphs, and distances between two sets |
//! | [`NGram`] | n-gram models, the baseline |
//!
//! # Levels
//!
//! A level is a survival α with σ = 1 − α, a level of rectified flow. A level of any other process
//! has the survival with the same λ = ln(α/σ), so one schedule serves continuous and discrete data:
//!
//! ```
//! use langevin::Process;
//! let level = Process::ve().level(3.0)?;
//! assert!((langevin_discrete::survival(&level) - 0.25).abs() < 1e-15);
//! # Ok::<(), langevin::Error>(())
//! ```
#![forbid(unsafe_code)]

mod chance;
mod denoiser;
pub mod exact;
pub mod graphs;
pub mod likelihood;
mod moves;
mod ngram;
pub mod plan;
mod rate_matrix;
mod reading;
pub mod recommend;
pub mod request;
pub mod sampler;
mod space;

pub use chance::pick;
pub use denoiser::{Denoiser, Parameterization, conditional};
pub use moves::{Jump, rates};
pub use ngram::NGram;
pub use plan::Plan;
pub use rate_matrix::{NoisedToken, RateMatrix};
pub use reading::ReadAs;
pub use request::Request;
pub use space::{Letter, Noise, StateSpace};

use langevin::Level;

/// Returns the survival of a level of any process: the share of the clean token, α/(α + σ).
///
/// The front page of this crate has an example.
#[must_use]
pub fn survival(level: &Level) -> f64 {
    level.alpha / (level.alpha + level.sigma)
}

/// Returns the level of survival `alpha`, a level of rectified flow.
///
/// ```
/// let level = langevin_discrete::level(0.75);
/// assert_eq!((level.time, level.sigma), (0.25, 0.25));
/// ```
#[must_use]
pub fn level(alpha: f64) -> Level {
    Level { time: 1.0 - alpha, alpha, sigma: 1.0 - alpha }
}

/// Runs the example of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
