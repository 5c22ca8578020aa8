//! Plans with few evaluations, fitted to a fine solution of the same model.
//!
//! A fine plan solves the model's ODE from given noise. [`Tune`] measures all known deterministic
//! plans by the distance of their samples from that solution, fits a plan with the same number of
//! evaluations, and tests it on noise that the fit has not seen.
//!
//! | item | purpose |
//! |---|---|
//! | [`Tune`], [`Prepared`], [`Tuned`] | the settings, the work and the result |
//! | [`Method`] | what is fitted: noise levels, weights, or both |
//! | [`Table`] | a plan as noise levels and weights of past predictions |
//! | [`Known`], [`ToData`], [`Wall`], [`Transfer`], [`Elsewhere`], [`Line`] | the evidence |
//! | [`Watch`] | progress, and an early end |

mod evidence;
mod fit;
mod known;
mod memory;
mod methods;
mod path;
mod run;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use evidence::{ToData, Wall};
pub use known::Known;
pub use methods::Method;
pub use run::{Elsewhere, Prepared, Transfer, Tune, Tuned, Watch};
pub use table::Table;
pub use words::Line;
