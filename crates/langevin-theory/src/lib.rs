//! The paper's claims, each measured, and the tie between diffusion models and variational autoencoders.
//!
//! | module | what is in it |
//! |---|---|
//! | [`verify`] | each claim of the paper as a function that measures one figure |
//! | [`duality`] | a chain and a variational autoencoder on the same data, in the same three terms |
//!
//! Source: Zheng & Lan, "Rethinking the Diffusion Model from a Langevin Perspective", arXiv 2604.10465.
#![forbid(unsafe_code)]

pub mod duality;
mod line;
pub mod verify;
