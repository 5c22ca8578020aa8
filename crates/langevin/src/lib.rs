//! The mathematics of diffusion.
