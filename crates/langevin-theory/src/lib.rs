//! Measures the claims of the paper behind langevin, and compares diffusion models with variational
//! autoencoders.
//!
//! The paper writes every diffusion model as one Langevin equation that is split into a forward
//! half and a reverse half. This crate turns each of its claims into a number with a bound,
//! computed on densities that are known in closed form.
//!
//! | module | contents |
//! |---|---|
//! | [`verify`] | 41 claims, of the paper and beyond it, each a function that measures one figure; 33 claims on discrete data |
//! | [`duality`] | a diffusion chain and a variational autoencoder on the same data, in the same three terms |
//!
//! # Examples
//!
//! A claim is measured by its number:
//!
//! ```
//! use langevin_theory::verify;
//! // Claim 1: p_t is stationary under the Langevin equation.
//! let claim = verify::select("1")?.remove(0);
//! let found = claim.measure(&verify::Extra::default())?;
//! assert!(found.pass(), "{} exceeds {}", found.figure, found.bound);
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! Both kinds of model have three terms on the same data:
//!
//! ```
//! use langevin_theory::duality::{LinearVae, even_levels, gaussian_chain};
//! // On N(0, 0.7) a linear autoencoder is exact; a chain of 16 steps is not.
//! let vae = LinearVae::exact(0.7, 0.35)?.terms(0.7)?;
//! let chain = gaussian_chain(0.7, &even_levels(16)?)?;
//! assert!(vae.excess().abs() < 1e-12 && chain.excess() > 3.0);
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! Source: Zheng & Lan, "Rethinking the Diffusion Model from a Langevin Perspective", arXiv
//! 2604.10465.
#![forbid(unsafe_code)]

pub mod duality;
mod line;
pub mod verify;

/// Runs the examples of the package's README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
