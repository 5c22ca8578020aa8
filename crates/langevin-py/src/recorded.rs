//! `_trace`: the plan of a sampler that `langevin.trace` has run on basis vectors.

use crate::errors::OrRaise as _;
use crate::plan::Plan;
use crate::theory::Formulation;
use langevin_import::{Recorded, Recording, Row};
use pyo3::prelude::*;
use std::sync::Arc;

/// The weights of a state: of the start, of the outputs and of the draws.
type Weights = (f64, Vec<f64>, Vec<f64>);

fn row((start, outputs, draws): Weights) -> Row {
    Row { start, outputs, draws }
}

/// Build the plan of a recorded sampler; for internal use.
///
/// Parameters
/// ----------
/// name, source : str
///     The name of the plan, and where its numbers come from.
/// network : Formulation
///     The formulation of the network that the sampler calls.
/// calls : list of (float, weights)
///     The time and the input of every call of the network.
/// result : weights
///     The weights of the result.
/// start : float or None
///     The standard deviation of the start.
/// roundoff : float
///     The unit roundoff of the sampler's arithmetic.
///
/// Returns
/// -------
/// Plan
///     The plan.
#[pyfunction]
pub fn _trace(
    name: String,
    source: String,
    network: &Bound<'_, Formulation>,
    calls: Vec<(f64, Weights)>,
    result: Weights,
    start: Option<f64>,
    roundoff: f64,
) -> PyResult<Plan> {
    let calls = calls.into_iter().map(|(time, input)| Recorded { time, input: row(input) }).collect();
    let recording = Recording { name, source, calls, result: row(result), start, roundoff };
    recording.plan(&network.get().0).map(|plan| Plan(Arc::new(plan))).or_raise()
}
