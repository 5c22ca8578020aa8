//! Samplers of other libraries, read from what those libraries save.
//!
//! An imported plan does what the original does, its quirks included: the same table, the same rounding of the network's time, the same start. Asked for the
//! consistent plan, the import mends what is known to be wrong and keeps the rest. What it does not know it refuses by name.

pub mod diffusers;
pub mod k;

pub use diffusers::{Call, Diffusers, Tables};
