//! The four rows: how the network is read, and what it draws.

use crate::error::{Blame as _, Result};
use crate::io::npy::Width;
use crate::terminal::TERMINAL;
use crate::{check, interrupt};
use langevin::grid::SIGMAS;
use langevin::{Model as _, Plan, Process, Request, SampleId, Sampler, Sampling, SliceSpace};
use langevin_tasks::source::{Reader, Source};
use langevin_train::Network;
use std::time::Instant;

/// How a row reads the network.
pub struct Reading {
    /// The paper's name.
    pub title: &'static str,
    /// For file names.
    pub slug: &'static str,
    /// Process and prediction, as `--as` takes them; `None`: as it was trained.
    read_as: Option<&'static str>,
    /// What the network's output is then.
    pub prediction: &'static str,
    /// h/g.
    pub eta: f64,
}

/// The rows of the paper.
pub const READINGS: [Reading; 4] = [
    Reading { title: "VP-SDE", slug: "vp-sde", read_as: Some("vp:score"), prediction: "score", eta: 1.0 },
    Reading { title: "VP-ODE", slug: "vp-ode", read_as: Some("vp:x0"), prediction: "x0", eta: 0.0 },
    Reading { title: "VE-Karras", slug: "ve-karras", read_as: Some("ve:epsilon"), prediction: "epsilon", eta: 0.0 },
    Reading { title: "Rectified flow", slug: "rectified-flow", read_as: None, prediction: "velocity", eta: 0.0 },
];

/// Samples followed from noise to digit.
const STRIPS: usize = 4;

/// What a row drew.
pub struct Sampled {
    /// The process of its states.
    pub process: Process,
    /// The sampler.
    pub plan: Plan,
    /// Wall time of the sampling.
    pub seconds: f64,
    /// In data units, row after row.
    pub samples: Vec<f64>,
    /// The first samples on their way, in data units: the state over α.
    pub strips: Vec<Vec<f64>>,
    /// σ/α of the pictures of a strip.
    pub strip_sigmas: Vec<f64>,
}

/// Draws `count` samples for every row, from the same draws. All rows go through the same λ.
pub fn sample_all(network: &Network, steps: usize, count: usize, seed: u64) -> Result<Vec<Sampled>> {
    let source = Source::Borrowed(network);
    READINGS.iter().map(|reading| sample(&source, reading, steps, count, seed)).collect()
}

fn sample(source: &Source<'_>, reading: &Reading, steps: usize, count: usize, seed: u64) -> Result<Sampled> {
    interrupt::check()?;
    let reader = source.read_as(reading.read_as, &TERMINAL)?;
    // All rows go through the same λ: the trained range has the rounding of each row's change of clock.
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

/// The first samples again, this time looked at before every evaluation and at the end; the page chooses which to show.
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
