//! The Python module `langevin._langevin`, the compiled half of the package `langevin`.
//!
//! Users import `python/langevin`, which re-exports these types. Doc comments of items that Python
//! sees become their docstrings and stubs, so they are written in numpy style.
//!
//! | module | contents |
//! |---|---|
//! | [`theory`] | `Level`, `InputLevel`, `Process`, `Prediction`, `Reading`, `Formulation` |
//! | [`plan`] | `Plan`: compiling, reading, printing and running samplers |
//! | [`stepper`] | `Stepper` and `Query`: a plan run step by step, with the model in Python |
//! | [`models`] | `Density` and `Network`: models evaluated without the interpreter |
//! | [`onnx`] | `OnnxNetwork`: a network in an ONNX file |
//! | [`own`] | samples of the library's own models |
//! | [`judged`] | evaluation, diagnosis and encoding with a model in Python |
//! | [`objective`] | coefficients of training losses |
//! | [`tokens`] | plans, models and runs of discrete diffusion |
//! | [`tuning`] | `tune`: a plan fitted to one model |
//! | [`called`] | a model in Python as a model of the library |
//! | [`analysis`] | `analyze` and `recommend`: exact errors on Gaussian data |
//! | [`programs`] | adaptive steps and likelihoods, with the model in Python |
//! | [`recorded`] | the plan of a sampler that `langevin.trace` has recorded |
//! | [`arrays`] | the space of numpy arrays |
//! | [`tensors`] | the space of torch tensors outside plain CPU memory |
//! | [`share`] | a pass over memory, shared among threads |
//! | [`rows`], [`column`] | rows of arrays with their sample indices; typed columns of numbers |
//! | [`errors`] | the tree of exceptions, with the texts of the library |
//! | [`arguments`] | constructor arguments whose errors name the argument |
//! | [`observer`] | warnings and Ctrl-C for long tasks |

// Only Python sees this interface: `pub` marks items that other modules of this crate use.
#![allow(unreachable_pub)]
// Doc comments are docstrings in numpy style, whose examples (`>>>`) Markdown takes for quotes.
#![allow(clippy::doc_lazy_continuation)]

mod analysis;
mod arguments;
mod arrays;
mod called;
mod column;
mod errors;
mod judged;
mod models;
mod objective;
mod observer;
mod onnx;
mod own;
mod plan;
mod programs;
mod recorded;
mod rows;
mod share;
mod stepper;
mod tensors;
mod theory;
mod tokens;
mod tuning;

use pyo3::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Run the command line.
///
/// Parameters
/// ----------
/// arguments : sequence of str
///     The program's name, then its arguments.
///
/// Returns
/// -------
/// int
///     The exit status; 0 means success.
#[pyfunction]
fn cli(py: Python<'_>, arguments: Vec<String>) -> u8 {
    py.detach(|| langevin_cli::run(arguments))
}

/// Return the names of all samplers.
///
/// Each name can be given to :class:`Plan` or :class:`TokenPlan` as ``sampler``. Many samplers take
/// options after a colon, as in ``"heun:churn=40"``.
///
/// Parameters
/// ----------
/// kind : {"numbers", "tokens"}, default "numbers"
///     The data that the samplers are for.
///
/// Returns
/// -------
/// list of str
///     The names.
///
/// Raises
/// ------
/// UnknownNameError
///     If the kind is unknown.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> "dpmpp-2m" in langevin.samplers(), "first-hitting" in langevin.samplers("tokens")
/// (True, True)
#[pyfunction]
#[pyo3(signature = (kind = "numbers"))]
fn samplers(kind: &str) -> PyResult<Vec<&'static str>> {
    use errors::OrRaise as _;
    match kind {
        "numbers" => Ok(langevin::sampler::Entry::all().iter().map(|entry| entry.name).collect()),
        "tokens" => Ok(langevin_discrete::sampler::Entry::all().iter().map(|entry| entry.name).collect()),
        other => Err(langevin::Error::unknown("kind of data", other, &["numbers", "tokens"])).or_raise(),
    }
}

/// Time one first-order step of the fused kernel on plain memory, for ``bench/python``.
///
/// Parameters
/// ----------
/// elements : int
///     The number of float32 elements of the state.
/// steps : int
///     The number of steps over which the time is averaged.
///
/// Returns
/// -------
/// float
///     Seconds for each step, without an executor.
#[pyfunction]
fn _kernel_seconds(py: Python<'_>, elements: usize, steps: u32) -> PyResult<f64> {
    use langevin::space::DenoiseSlices;
    use langevin::{SampleId, SliceSpace};
    py.detach(|| {
        let (model, mut x) = (vec![0.5f32; elements], vec![1.0f32; elements]);
        let (space, rows) = (SliceSpace::new(elements), [SampleId::default()]);
        let start = std::time::Instant::now();
        for _ in 0..steps {
            let step = DenoiseSlices { a: 1.5, b: -0.5, x: None, model: Some(&model), keep: None };
            space.denoise_and_combine_into(step, &mut x, Some(0.7), &[(0.2, None)], &[], &rows)?;
        }
        Ok(start.elapsed().as_secs_f64() / f64::from(steps))
    })
    .map_err(|error| errors::raised(py, &error))
}

/// Compiled half of the package langevin; import :mod:`langevin` instead.
#[pymodule]
mod _langevin {
    #[pymodule_export]
    use super::{_kernel_seconds, cli, samplers};
    #[pymodule_export]
    use crate::analysis::{Candidate, Ranking, analyze, recommend};
    #[pymodule_export]
    use crate::judged::Judge;
    #[pymodule_export]
    use crate::models::{Density, Network};
    #[pymodule_export]
    use crate::objective::{_pairing, Objective};
    #[pymodule_export]
    use crate::onnx::OnnxNetwork;
    #[pymodule_export]
    use crate::plan::{Comparison, Plan};
    #[pymodule_export]
    use crate::programs::{_adaptive, _adaptive_own, _likelihood, _likelihood_own, Running};
    #[pymodule_export]
    use crate::recorded::_trace;
    #[pymodule_export]
    use crate::stepper::{Query, Stepper};
    #[pymodule_export]
    use crate::theory::{Formulation, InputLevel, Level, Prediction, Process, Reading};
    #[pymodule_export]
    use crate::tokens::model::TokenModel;
    #[pymodule_export]
    use crate::tokens::plan::{TokenComparison, TokenPlan};
    #[pymodule_export]
    use crate::tokens::stepper::TokenStepper;
    #[pymodule_export]
    use crate::tokens::table::TableNetwork;
    #[pymodule_export]
    use crate::tuning::{_tune, Tuned};

    // Python requires this lower-case name.
    #[allow(non_upper_case_globals)]
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
