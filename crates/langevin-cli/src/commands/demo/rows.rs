//! The four rows: the readings of the network and their samples.

use crate::error::{Blame as _, Result};
use crate::io::npy::Width;
use crate::terminal::TERMINAL;
use crate::{check, interrupt};
use langevin::grid::SIGMAS;
use langevin::{Model as _, Plan, Process, Request, SampleId, Sampler, Sampling, SliceSpace};
use langevin_tasks::source::{Reader, Source};
use langevin_train::Network;
use std::time::Instant;

/// A reading of the network.
pub struct Reading {
    /// Title in the paper.
    pub title: &'static str,
    /// Name for file names.
    pub slug: &'static str,
    /// Process and prediction in the syntax of `--as`; `None` for the formulation of the training.
    read_as: Option<&'static str>,
    /// Prediction that the network's output is read as.
    pub prediction: &'static str,
    /// h/g.
    pub eta: f64,
}

/// The readings of the paper.
pub const READINGS: [Reading; 4] = [
    Reading { title: "VP-SDE", slug: "vp-sde", read_as: Some("vp:score"), prediction: "score", eta: 1.0 },
    Reading { title: "VP-ODE", slug: "vp-ode", read_as: Some("vp:x0"), prediction: "x0", eta: 0.0 },
    Reading { title: "VE-Karras", slug: "ve-karras", read_as: Some("ve:epsilon"), prediction: "epsilon", eta: 0.0 },
    Reading { title: "Rectified flow", slug: "rectified-flow", read_as: None, prediction: "velocity", eta: 0.0 },
];

/// Number of samples that are followed from noise to digit.
const STRIPS: usize = 4;

/// The samples of a row.
pub struct Sampled {
    /// Process of the states.
    pub process: Process,
    /// Plan of the sampler.
    pub plan: Plan,
    /// Wall-clock time of the sampling, in seconds.
    pub seconds: f64,
    /// Samples in data units, row after row.
    pub samples: Vec<f64>,
    /// States of the first samples during sampling, in data units: the state divided by α.
    pub strips: Vec<Vec<f64>>,
    /// σ/α of the pictures of a strip.
    pub strip_sigmas: Vec<f64>,
}

/// Draws `count` samples for every row from the same noise, at the same λ.
pub fn sample_all(network: &Network, steps: usize, count: usize, seed: u64) -> Result<Vec<Sampled>> {
    let source = Source::Borrowed(network);
    READINGS.iter().map(|reading| sample(&source, reading, steps, count, seed)).collect()
}

fn sample(source: &Source<'_>, reading: &Reading, steps: usize, count: usize, seed: u64) -> Result<Sampled> {
    interrupt::check()?;
    let reader = source.read_as(reading.read_as, &TERMINAL)?;
    // All rows use the same λ. The trained range would differ by the rounding of each row's change
    // of clock.
    let request = reader.asks(Request::new().range(SIGMAS[0], SIGMAS[1]).steps(steps)).without_trained_range();
    let plan = request.with_sampler(Sampler::adams(2, reading.eta).or_failed()?).plan().or_failed()?;
    let start = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let sampling = Sampling::new(count, source.width()).seed(seed).chunk(64).threads(cores);
    let mut samples = interrupt::or_failed(sampling.run(&plan, &reader))?;
    let seconds = start.elapsed().as_secs_f64();
    source.to_data(&mut samples);
    check::finite(&samples, source.width(), Width::F64)?;
    let (strips, strip_sigmas) = follow(source, &reader, &plan, seed)?;
    Ok(Sampled { process: reader.process, plan, seconds, samples, strips, strip_sigmas })
}

/// Draws the first samples again and records the states before every evaluation and at the end. The
/// page selects which to show.
fn follow(source: &Source<'_>, reader: &Reader<'_>, plan: &Plan, seed: u64) -> Result<(Vec<Vec<f64>>, Vec<f64>)> {
    let rows: Vec<SampleId> = (0..STRIPS as u64).map(|index| SampleId { seed, index }).collect();
    let width = source.width();
    let space = SliceSpace::<f64>::new(width);
    let mut strips = vec![Vec::new(); STRIPS];
    let mut sigmas = Vec::new();
    let mut add = |mut state: Vec<f64>, alpha: f64, sigma: f64| {
        state.iter_mut().for_each(|value| *value /= alpha);
        source.to_data(&mut state);
        strips.iter_mut().zip(state.chunks_exact(width)).for_each(|(strip, row)| strip.extend_from_slice(row));
        sigmas.push(sigma / alpha);
    };
    let mut run = plan.start(&space, vec![], &rows).or_failed()?;
    while let Some(request) = run.query().or_failed()? {
        let level = request.query.at.row(0);
        add(request.x.clone(), level.alpha, level.sigma);
        let out = interrupt::or_failed(reader.predict(request.x, &request.query))?;
        run.supply(out).or_failed()?;
    }
    add(run.finish().or_failed()?, 1.0, 0.0);
    Ok((strips, sigmas))
}
