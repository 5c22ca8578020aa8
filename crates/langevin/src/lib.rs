//! Every diffusion model is one Langevin equation, split.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod error;
pub mod exact;
mod formulation;
mod grid;
mod kernel;
mod math;
pub mod metrics;
mod model;
mod moves;
pub mod noise;
mod objective;
mod plan;
mod prediction;
pub mod process;
mod sampler;
mod space;

pub use error::{Error, Result, nearest};
pub use formulation::{Clock, Formulation, FormulationSpec, InputScaling, LambdaRange, Reading};
pub use grid::{Grid, Spacing};
pub use kernel::Element;
pub use model::{At, Branch, Model, Query, ReadAs};
pub use moves::{Rates, Row, ddim_rho, exact_reverse, forward_rho, reverse_rho};
pub use noise::SampleId;
pub use objective::{Objective, TimeDensity, Weight};
pub use plan::{
    Finding, Input, Letter, Lint, Move, Op, Output, Plan, Request, Rule, Run, Sampling, Slot, Unrolled, Weights,
};
pub use prediction::{Affine, Prediction};
pub use process::{Level, Process, ProcessSpec, Schedule};
pub use sampler::{Sampler, Word};
pub use space::{Coef, Draw, Map, SliceSpace, Space};
