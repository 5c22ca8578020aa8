//! Measures the time of an exact analysis: 3,072 eigenvalues, 50 steps, one core.
//!
//! `cargo run --release -p langevin-analysis --example analysis`

use langevin::{Grid, Process, Result, Sampler};
use langevin_analysis::Analyze as _;
use langevin_analysis::Spectrum;
use langevin_analysis::analysis::AnalysisOptions;
use std::time::Instant;

fn main() -> Result<()> {
    let data = Spectrum::power_law(2.0, 3072)?;
    let process = Process::vp();
    let levels = Grid::karras(50).levels(&process, 0.002, 80.0)?;
    let samplers = [
        ("ddim", Sampler::ddim(0.0)),
        ("exponential, h/g = 1", Sampler::exponential(1.0)),
        ("exponential, h/g = 1/2", Sampler::exponential(0.5)),
        ("adams2", Sampler::adams(2, 0.0)?),
        ("adams2, h/g = 1", Sampler::adams(2, 1.0)?),
    ];
    for (name, sampler) in samplers {
        let plan = sampler.compile(&process, None, &levels)?;
        for sources in [false, true] {
            let options = AnalysisOptions { sources, ..Default::default() };
            let mut best = f64::INFINITY;
            for _ in 0..20 {
                let start = Instant::now();
                let analysis = plan.analyze(&data, &options)?;
                best = best.min(start.elapsed().as_secs_f64());
                assert_eq!(analysis.responses.len(), 3072);
            }
            let what = if sources { "with its sources" } else { "the distance" };
            println!("{name:<24}{what:<18}{:>8.2} ms", 1e3 * best);
        }
        if let Some(options) = (name == "adams2").then(|| AnalysisOptions { score_error: 1e-3, ..Default::default() }) {
            println!("\n{}", plan.analyze(&data, &options)?);
        }
    }
    Ok(())
}
