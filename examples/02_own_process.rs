//! A process of your own: four functions of time, and every grid and sampler works on it.
//!
//!     cargo run -p langevin-examples --bin 02_own_process
//!
//! The noise schedule is α = cos²(πt/4), σ = sin(πt/2)/√2 … or whatever a paper has: a [`Schedule`] says α, σ, their rates in
//! time, and the time of a noise level.

use langevin::{Formulation, Grid, Prediction, Process, ProcessSpec, Result, Sampler, Sampling, Schedule, exact};
use std::sync::Arc;

/// α = 1 − t², σ = t on 0 ≤ t ≤ 1: the signal stays longer than on the rectified flow.
#[derive(Debug)]
struct Parabola;

impl Schedule for Parabola {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::Custom { name: "parabola".into() }
    }

    fn time_range(&self) -> (f64, f64) {
        (0.0, 1.0)
    }

    fn alpha_sigma(&self, t: f64) -> (f64, f64) {
        (1.0 - t * t, t)
    }

    fn rates(&self, t: f64) -> (f64, f64) {
        (-2.0 * t, 1.0)
    }

    /// σ/α = y: y t² + t − y = 0.
    fn time_at_sigma_ve(&self, y: f64) -> f64 {
        if y.is_infinite() { 1.0 } else { 2.0 * y / (1.0 + (1.0 + 4.0 * y * y).sqrt()) }
    }
}

fn main() -> Result<()> {
    let process = Process::new(Arc::new(Parabola))?;
    let levels = Grid::karras(10).levels(&process, 0.002, 80.0)?;

    // A network that predicts v on this process; the plan says how it is read at every level.
    let network = Formulation::new(process.clone(), Prediction::V);
    let plan = Sampler::parse("dpmpp-2m", None)?.compile(&process, Some(&network), &levels)?;
    println!("{plan}");

    // The same samples as on every other process with the same levels: the process is a choice of coordinates.
    let data = exact::named("moons")?;
    let mine: Vec<f64> = Sampling::new(4, 2).seed(1).run(&plan.for_model(), &data)?;
    for row in mine.chunks(2) {
        println!("{:8.4} {:8.4}", row[0], row[1]);
    }
    Ok(())
}
