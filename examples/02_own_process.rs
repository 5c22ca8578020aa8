//! A process of your own: every grid, sampler and network formulation works on it.
//!
//!     cargo run -p langevin-examples --bin 02_own_process
//!
//! A [`Schedule`] says α(t) and σ(t), their rates, and the time at which σ/α has a given value.
//! [`Process::new`] holds it to that: a wrong inverse or a rate that is no derivative is refused
//! with the time at which it fails.

use langevin::process::ProcessSpec;
use langevin::{Formulation, Prediction, Process, Request, Result, Sampling, Schedule};
use langevin_analysis::exact;

/// α = 1 − t², σ = t on 0 ≤ t ≤ 1: the signal stays longer than on rectified flow.
#[derive(Debug)]
struct Parabola;

impl Schedule for Parabola {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::Custom { name: "parabola".into() }
    }

    fn domain(&self) -> (f64, f64) {
        (0.0, 1.0)
    }

    fn alpha(&self, time: f64) -> f64 {
        1.0 - time * time
    }

    fn sigma(&self, time: f64) -> f64 {
        time
    }

    fn alpha_rate(&self, time: f64) -> f64 {
        -2.0 * time
    }

    fn sigma_rate(&self, _: f64) -> f64 {
        1.0
    }

    /// t/(1 − t²) = y, solved for t so that small and large y lose no digits.
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        if ratio.is_infinite() { 1.0 } else { 2.0 * ratio / (1.0 + (1.0 + 4.0 * ratio * ratio).sqrt()) }
    }
}

/// The same with an inverse that is off by a thousandth.
#[derive(Debug)]
struct Wrong;

impl Schedule for Wrong {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::Custom { name: "wrong".into() }
    }
    fn domain(&self) -> (f64, f64) {
        Parabola.domain()
    }
    fn alpha(&self, time: f64) -> f64 {
        Parabola.alpha(time)
    }
    fn sigma(&self, time: f64) -> f64 {
        Parabola.sigma(time)
    }
    fn alpha_rate(&self, time: f64) -> f64 {
        Parabola.alpha_rate(time)
    }
    fn sigma_rate(&self, time: f64) -> f64 {
        Parabola.sigma_rate(time)
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        0.999 * Parabola.time_of_sigma_ve(ratio)
    }
}

fn main() -> Result<()> {
    let process = Process::new(Parabola)?;

    // The plan of a network that predicts v on this process: the table says how it is read at every
    // level.
    let network = Formulation::new(process.clone(), Prediction::V);
    println!("{}", Request::new().network(network).steps(4).plan()?);

    // A process is a choice of coordinates: samples are those of every other process on the same
    // noise levels.
    let data = exact::named("moons")?;
    let draw = |process: &Process| -> Result<Vec<f64>> {
        let plan = Request::new().process(process.clone()).range(0.002, 80.0).plan()?;
        Sampling::new(3, 2).seed(1).run(&plan, &data)
    };
    let (mine, flow) = (draw(&process)?, draw(&Process::rectified_flow())?);
    for (mine, flow) in mine.chunks(2).zip(flow.chunks(2)) {
        println!("parabola {:8.4} {:8.4}   rectified flow {:8.4} {:8.4}", mine[0], mine[1], flow[0], flow[1]);
    }
    let apart = mine.iter().zip(&flow).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("largest difference {apart:.1e}");

    if let Err(error) = Process::new(Wrong) {
        println!("refused: {error}");
    }
    Ok(())
}
