//! The mathematics of diffusion.

mod kernel;
pub mod noise;
