//! The Rust program of the README.

use langevin::{Grid, Process, Sampler, Sampling};
use langevin_analysis::exact;

fn main() -> Result<(), langevin::Error> {
    let process = Process::rectified_flow();
    let levels = Grid::karras(20).levels(&process, 0.002, 80.0)?;
    // Order 2, η = 0; `None`: the model returns the denoised prediction itself.
    let plan = Sampler::adams(2, 0.0)?.compile(&process, None, &levels)?;
    assert!(plan.lint()?.is_clean()); // every step has the mean and the noise of the process
    let data = exact::named("moons")?; // an exact denoiser, in place of a network
    let samples: Vec<f64> = Sampling::new(1000, 2).seed(1).threads(2).run(&plan, &data)?;
    assert_eq!(samples.len(), 2000);
    Ok(())
}
