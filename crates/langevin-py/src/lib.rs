//! The Python module `langevin._langevin`: the library's types with Python's manners. `python/langevin` is what users import.
//!
//! | module | what it does |
//! |---|---|
//! | [`errors`] | the one tree of exceptions, with the texts of the library |
//! | [`theory`] | `Process`, `Prediction`, `Formulation`, `Level`, `InputLevel` |
//! | [`plan`] | `Plan`, compiled, read, printed and run |
//! | [`analysis`] | `analyze` and `recommend`: exact errors on Gaussian data |
//! | [`models`] | `Density` and `Network`: models that need no Python |
//! | [`onnx`] | `OnnxNetwork`: a network in an ONNX file |
//! | [`arrays`] | the space of numpy arrays: states that Python can hold |
//! | [`column`] | columns of numbers, with a type that stubs can say |
//! | [`programs`] | adaptive steps and likelihoods with the model in Python |
//! | [`share`] | one pass over memory shared among threads |
//! | [`tensors`] | the space of torch tensors that numpy cannot see |
//! | [`stepper`] | a plan that runs step by step, with the model in Python |

// The interface is Python's: `pub` here says that other modules use it.
#![allow(unreachable_pub)]

mod analysis;
mod arguments;
mod arrays;
mod column;
mod errors;
mod models;
mod observer;
mod onnx;
mod own;
mod plan;
mod programs;
mod rows;
mod share;
mod stepper;
mod tensors;
mod theory;

use pyo3::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the command line with these arguments, the program's name first, and gives its exit status.
#[pyfunction]
fn cli(py: Python<'_>, arguments: Vec<String>) -> u8 {
    py.detach(|| langevin_cli::run(arguments))
}

/// Every name that `Plan(sampler, …)` knows.
#[pyfunction]
fn samplers() -> Vec<&'static str> {
    langevin::sampler::Entry::all().iter().map(|entry| entry.name).collect()
}

/// Seconds that one step of first order takes the library's fused kernel on so many floats in plain memory, with no executor: for `bench/python`.
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

/// The Python module.
#[pymodule]
mod _langevin {
    #[pymodule_export]
    use super::{_kernel_seconds, cli, samplers};
    #[pymodule_export]
    use crate::analysis::{Candidate, Ranking, analyze, recommend};
    #[pymodule_export]
    use crate::models::{Density, Network};
    #[pymodule_export]
    use crate::onnx::OnnxNetwork;
    #[pymodule_export]
    use crate::plan::Plan;
    #[pymodule_export]
    use crate::programs::{_adaptive, _adaptive_own, _likelihood, _likelihood_own, Running};
    #[pymodule_export]
    use crate::stepper::{Query, Stepper};
    #[pymodule_export]
    use crate::theory::{Formulation, InputLevel, Level, Prediction, Process, Reading};

    // Python's name for it.
    #[allow(non_upper_case_globals)]
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
