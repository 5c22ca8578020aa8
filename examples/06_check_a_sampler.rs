//! All checks of a sampler: its table, the lint, the exact error at several step counts, and
//! whether it is a known sampler under another name.
//!
//!     cargo run -p langevin-examples --bin 06_check_a_sampler

use langevin::plan::compare;
use langevin::{Formulation, Grid, Plan, Prediction, Process, Sampler};
use langevin_analysis::analysis::Cause;
use langevin_analysis::{Analyze, Spectrum};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let process = Process::vp();
    let levels = |steps| Grid::karras(steps).levels(&process, 0.002, 80.0);
    // Sampler::of("mine", YourMethod) stands here for a method of your own.
    let sampler = Sampler::parse("adams2", None)?;

    // Compiled without a network's formulation, a plan takes D itself.
    let plan = sampler.compile(&process, None, &levels(10)?)?;
    println!("{plan}");
    std::fs::write(std::env::temp_dir().join("plan.json"), plan.to_json())?;

    // Findings are states whose mean or noise is not that of the process: after a move, or where
    // the model is evaluated. A wrong step usually causes two.
    let lint = plan.lint()?;
    println!("{} findings: {lint}", lint.findings.len());

    // The error of the steps alone, on Gaussian data. Each doubling divides it by about 2^order.
    let data = Spectrum::parse("power:2:d=3072")?;
    let error = |plan: &Plan| -> langevin::Result<f64> {
        let found = plan.analyze(&data, &Default::default())?;
        let steps = found.contributions.iter().find(|part| part.cause == Cause::Discretisation);
        Ok(steps.map_or(f64::NAN, |part| part.alone.w2))
    };
    for steps in [16, 32, 64, 128] {
        println!("{steps} steps: W2 {:.4}", error(&sampler.compile(&process, None, &levels(steps)?)?)?);
    }

    // Both plans need the same levels.
    let known = Sampler::parse("dpmpp-2m-heun", None)?.compile(&process, None, &levels(10)?)?;
    println!("{}", compare(&plan, &known)?);

    // The same sampler for a network that returns ε.
    let epsilon = Formulation::new(process.clone(), Prediction::Epsilon);
    let for_network = sampler.compile(&process, Some(&epsilon), &levels(10)?)?;
    assert_eq!(for_network.nfe(), plan.nfe());
    Ok(())
}
