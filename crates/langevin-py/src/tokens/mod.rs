//! Tokens: plans, models and runs of discrete diffusion.
//!
//! | module | contents |
//! |---|---|
//! | [`plan`] | `TokenPlan` and `TokenComparison` |
//! | [`stepper`] | `TokenStepper`: a plan run step by step |
//! | [`model`] | `_TokenModel`: the tasks on one model, behind the Python classes of `langevin._tokens` |
//! | [`table`] | `TableNetwork`: a network on rows of numbers and categories |
//! | [`called`] | a network in Python as a model of the library |
//! | [`ids`] | identifiers of tokens, and arrays of them |

pub mod called;
pub mod ids;
pub mod model;
pub mod plan;
pub mod stepper;
pub mod table;
