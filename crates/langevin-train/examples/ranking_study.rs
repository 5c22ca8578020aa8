//! Compares figures by which plans can be ranked.
//!
//! `cargo run --release -p langevin-train --example ranking_study`
//!
//! Every deterministic sampler on every grid, with as many steps as fit a budget, is ranked by
//! several figures of the exact Gaussian analysis. Each plan is then run on models whose data are
//! not Gaussian. The measured error is the root mean square distance, over samples and elements, to
//! a solution with very small steps from the same noise. For each figure the study prints
//!
//! - Spearman's rank correlation with the measured error, over all plans and over the best thirty
//!   by that figure;
//! - the regret of its first choice, which is the measured error of that plan divided by the
//!   smallest measured error of any plan; and the smallest regret among its first five choices.
//!
//! It prints the tables of `docs/gaussian-analysis.md`.

use langevin::noise::fill_uniforms;
use langevin::{Model, Plan, Process, Request, SampleId, Sampling};
use langevin_analysis::Analyze as _;
use langevin_analysis::Spectrum;
use langevin_analysis::analysis::AnalysisOptions;
use langevin_analysis::exact;
use langevin_analysis::recommend::{By, Compiler, Search};
use langevin_train::{Budget, Dataset, Network, Normalization, Recipe, train};
use std::ops::ControlFlow;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const BUDGETS: [usize; 6] = [5, 8, 10, 12, 20, 40];
const SIGMAS: [f64; 2] = [0.002, 80.0];
/// Number of samples, from the same noise.
const COUNT: usize = 256;
/// Number of steps of the reference solution, of third order with three evaluations each.
const FINE: usize = 300;
/// Figures by which plans are ranked:
///
/// - the exact error at the plan's own step count;
/// - the same for the worse of two networks whose ε is 1 ± 0.01 times the exact one;
/// - means and the largest of the exact errors over neighbouring step counts N;
/// - the mean over data of four times to a quarter of the variance.
const FIGURES: [&str; 8] = [
    "exact",
    "δ = .01",
    "worst of N±1",
    "geo. mean of N±25%",
    "RMS of N±25%",
    "worst of N±25%",
    "geo. mean of N±40%",
    "RMS of scales",
];

struct Point {
    name: String,
    figures: [f64; FIGURES.len()],
    measured: f64,
}

fn main() -> Result<()> {
    let begun = Instant::now();
    let mut all: Vec<Vec<Vec<Summary>>> = Vec::new();
    for name in ["moons", "8gaussians", "swissroll"] {
        let data = exact::named(name)?;
        let ids: Vec<SampleId> = (0..20_000).map(|index| SampleId { seed: 3, index }).collect();
        let spectrum = Spectrum::from_data(&data.sample(&ids), 2)?;
        all.push(study(name, &Process::vp(), &data, None, &spectrum, 2)?);
    }
    let digits = Dataset::digits();
    let table = table()?;
    for (name, data, steps) in [("digits", &digits, 2000), ("table of 4 units", &table, 1500)] {
        let network = train(data, &Recipe::new(Recipe::default_formulation(), Budget::Steps(steps)), &mut |_| {
            ControlFlow::Continue(())
        })?;
        eprintln!("{name}: trained after {:.0} s", begun.elapsed().as_secs_f64());
        let width = data.width();
        let mut rows: Vec<f64> = data.values()?.iter().map(|value| f64::from(*value)).collect();
        let _ = Normalization::fit(data)?.to_model(&mut rows, width);
        let spectrum = Spectrum::from_data(&rows, width)?;
        let process = network.formulation().process.clone();
        all.push(study(name, &process, &network, Some(&network), &spectrum, width)?);
        eprintln!("{name}: {:.0} s", begun.elapsed().as_secs_f64());
    }
    println!("\nover all data and budgets\n");
    println!(
        "| figure | rank correlation | of its first thirty | regret of its first: median, worst | of its first five: median, worst |\n|---|---|---|---|---|"
    );
    for (index, figure) in FIGURES.iter().enumerate() {
        let of = |get: fn(&Summary) -> f64| -> Vec<f64> {
            let mut values: Vec<f64> = all.iter().flatten().map(|summaries| get(&summaries[index])).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let [rank, near] =
            [of(|s| s.rank), of(|s| s.near)].map(|values| values.iter().sum::<f64>() / values.len() as f64);
        let [first, five] = [of(|s| s.first), of(|s| s.five)];
        let middle = |values: &[f64]| values[values.len() / 2];
        let last = |values: &[f64]| values[values.len() - 1];
        println!(
            "| {figure} | {rank:.3} | {near:.3} | {:.2}, {:.1} | {:.2}, {:.2} |",
            middle(&first),
            last(&first),
            middle(&five),
            last(&five)
        );
    }
    Ok(())
}

struct Summary {
    rank: f64,
    near: f64,
    first: f64,
    five: f64,
}

fn study<M: Model<Vec<f64>> + Sync>(
    name: &str,
    process: &Process,
    model: &M,
    network: Option<&Network>,
    spectrum: &Spectrum,
    width: usize,
) -> Result<Vec<Vec<Summary>>> {
    let formulation = network.map(|network| network.formulation().clone());
    let request = Request::new().process(process.clone()).range(SIGMAS[0], SIGMAS[1]);
    let request = formulation.iter().cloned().fold(request, Request::network);
    let run = |plan: &Plan| -> Result<Vec<f64>> {
        Ok(Sampling::new(COUNT, width).seed(1).chunk(128).threads(2).run::<f64>(plan, model)?)
    };
    let fine = request.clone().sampler("dpmpp-3s").grid("uniform-lambda").steps(FINE).plan()?;
    let reference = run(&fine)?;
    println!("\n{name}\n\n| budget | plans | the best measured | {} |", FIGURES.join(" | "));
    println!("|---|---|---|{}", "---|".repeat(FIGURES.len()));
    let mut summaries = Vec::new();
    for budget in BUDGETS {
        let ranking = Search::new(&request, spectrum, budget, By::W2).run()?;
        let mut points = Vec::new();
        for one in ranking.candidates().iter().filter(|one| one.plan.draws() == 1) {
            let own = request.own_steps(&one.grid)?.is_some();
            let at = |steps: usize, scale: f64, delta: f64| -> Option<f64> {
                let plan = if own || steps == one.steps {
                    one.plan.clone()
                } else {
                    Compiler::plan(&request, &one.sampler, &one.grid, Some(steps)).ok()?
                };
                let spaces: Vec<(f64, u64, f64)> =
                    spectrum.eigenvalues().iter().map(|e| (e.value * scale, e.count, e.mean_square * scale)).collect();
                let spectrum = Spectrum::from_eigenspaces(&spaces).ok()?;
                let options = AnalysisOptions { score_error: delta, sources: false };
                plan.analyze(&spectrum, &options).ok().map(|found| found.total.w2 / scale.sqrt())
            };
            let n = one.steps;
            let exact = at(n, 1.0, 0.0).unwrap_or(f64::INFINITY);
            let around = |share: f64| -> Vec<usize> {
                let mut list: Vec<usize> = [-1.0, -0.5, 0.0, 0.5, 1.0]
                    .iter()
                    .map(|t| ((n as f64 * (1.0 + t * share)).round() as usize).max(1))
                    .collect();
                list.extend([n.max(2) - 1, n + 1]);
                list.sort_unstable();
                list.dedup();
                list
            };
            let geo = |v: &[f64]| (v.iter().map(|w| w.ln()).sum::<f64>() / v.len() as f64).exp();
            let worst = |v: &[f64]| v.iter().copied().fold(0.0, f64::max);
            let rms = |v: &[f64]| (v.iter().map(|w| w * w).sum::<f64>() / v.len() as f64).sqrt();
            let updown = [4.0, 2.0, 1.0, 0.5, 0.25];
            let scales = |n: usize| -> Vec<f64> { updown.iter().filter_map(|s| at(n, *s, 0.0)).collect() };
            let wide: Vec<f64> = around(0.25).into_iter().filter_map(|n| at(n, 1.0, 0.0)).collect();
            let wider: Vec<f64> = around(0.4).into_iter().filter_map(|n| at(n, 1.0, 0.0)).collect();
            let near: Vec<f64> = [n.max(2) - 1, n, n + 1].into_iter().filter_map(|n| at(n, 1.0, 0.0)).collect();
            let off = [0.01, -0.01].map(|delta| at(n, 1.0, delta).unwrap_or(f64::INFINITY));
            let figures =
                [exact, worst(&off), worst(&near), geo(&wide), rms(&wide), worst(&wide), geo(&wider), rms(&scales(n))];
            let samples = run(&one.plan)?;
            let square: f64 = samples.iter().zip(&reference).map(|(a, b)| (a - b).powi(2)).sum();
            let measured = (square / samples.len() as f64).sqrt();
            let measured = if measured.is_finite() { measured } else { 1e9 };
            points.push(Point { name: format!("{} on {}", one.sampler.spec(), one.grid), figures, measured });
        }
        let best = points.iter().min_by(|a, b| a.measured.total_cmp(&b.measured)).ok_or("no plan")?;
        let (least, best) = (best.measured, best.name.clone());
        let mut cells = Vec::new();
        let mut found = Vec::new();
        for figure in 0..FIGURES.len() {
            points.sort_by(|a, b| a.figures[figure].total_cmp(&b.figures[figure]));
            let five = points.iter().take(5).map(|p| p.measured).fold(f64::INFINITY, f64::min) / least;
            let summary = Summary {
                rank: spearman(&points, figure),
                near: spearman(&points[..points.len().min(30)], figure),
                first: points[0].measured / least,
                five,
            };
            cells.push(format!("{} {:.2}", points[0].name, summary.first));
            found.push(summary);
        }
        println!("| {budget} | {} | {best} {least:.2e} | {} |", points.len(), cells.join(" | "));
        summaries.push(found);
    }
    Ok(summaries)
}

/// Returns four columns of different units: a normal of deviation 1, its square in hundreds, a
/// log-normal in thousands, and a share with two modes.
fn table() -> Result<Dataset> {
    let mut values = Vec::new();
    for index in 0..4000 {
        let mut u = [0.0; 4];
        fill_uniforms(SampleId { seed: 30, index }, 0, &mut u);
        // Sums of uniforms approximate a normal well enough.
        let mut v = [0.0; 24];
        fill_uniforms(SampleId { seed: 31, index }, 0, &mut v);
        let z = v[..12].iter().sum::<f64>() - 6.0;
        let y = v[12..].iter().sum::<f64>() - 6.0;
        let share = if u[0] < 0.3 { 0.02 + 0.01 * y } else { 0.07 + 0.005 * z };
        values.extend([z as f32, (100.0 * z * z + 10.0 * y) as f32, (1000.0 * (0.5 * y).exp()) as f32, share as f32]);
    }
    Ok(Dataset::new("table", values, &[4])?)
}

/// Returns the rank correlation between a figure and the measurement.
fn spearman(points: &[Point], figure: usize) -> f64 {
    let ranks = |of: &dyn Fn(&Point) -> f64| -> Vec<f64> {
        let rank = |point: &Point| {
            let value = of(point);
            let below = points.iter().filter(|other| of(other) < value).count();
            let same = points.iter().filter(|other| of(other) == value).count();
            below as f64 + 0.5 * (same as f64 - 1.0)
        };
        points.iter().map(rank).collect()
    };
    let (a, b) = (ranks(&|point| point.figures[figure]), ranks(&|point| point.measured));
    let middle = 0.5 * (points.len() as f64 - 1.0);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}
