//! How long compiling a plan of fifty steps takes, for every named sampler: `cargo run --release -p
//! langevin --example compile`.

use langevin::sampler::Entry;
use langevin::{Grid, Process, Sampler};
use std::time::Instant;

const STEPS: usize = 50;
const ROUNDS: u32 = 200;

fn main() -> langevin::Result<()> {
    let process = Process::vp();
    let levels = Grid::karras(STEPS).levels(&process, 0.002, 80.0)?;
    let mut times = Vec::new();
    for entry in Entry::all() {
        let sampler = Sampler::parse(entry.name, None)?;
        let start = Instant::now();
        for _ in 0..ROUNDS {
            std::hint::black_box(sampler.compile(&process, None, std::hint::black_box(&levels))?);
        }
        times.push((start.elapsed().as_secs_f64() / f64::from(ROUNDS), entry.name));
    }
    times.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (seconds, name) in times {
        println!("{name:<24} {:>8.1} µs", 1e6 * seconds);
    }
    Ok(())
}
