//! Measures how well the exact error on Gaussian data predicts the error on other data.
//!
//! `cargo run --release -p langevin-train --example gaussian_study -- DIRECTORY [MODEL]`
//!
//! For ODE samplers on several grids and budgets of network evaluations, the study compares two
//! figures:
//!
//! - predicted: $W_2/\sqrt d$ of the discretisation alone, for the Gaussian with the mean and
//!   covariance of the data. On Gaussian data it equals the root mean square, over samples and
//!   elements, of the distance to the exact solution from the same noise (if no axis is reversed);
//! - measured: the same root mean square, to a solution with very small steps.
//!
//! The measurements use a mixture of Gaussians with its exact denoiser, and a network trained on
//! the digits. Spearman's rank correlation shows whether both figures choose the same samplers. The
//! study writes DIRECTORY/gaussian-analysis.csv and .svg and prints the tables of
//! `docs/gaussian-analysis.md`.

use langevin::noise::{fill_normals, fill_uniforms};
use langevin::{Formulation, Grid, Plan, Process, SampleId, Sampler, Sampling};
use langevin_analysis::Analyze as _;
use langevin_analysis::Spectrum;
use langevin_analysis::analysis::{AnalysisOptions, Cause};
use langevin_analysis::exact::{Density, Gaussian, Mixture};
use langevin_train::{Budget, Dataset, Network, Normalization, Recipe, train};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// ODE samplers with different plans.
const SAMPLERS: [&str; 16] = [
    "ddim",
    "adams2",
    "adams3",
    "dpmpp-2m",
    "dpmpp-3m",
    "dpm-solver-2m",
    "deis",
    "lms",
    "ipndm",
    "flow-adams",
    "unipc",
    "heun",
    "flow-heun",
    "dpm2",
    "dpmpp-2s",
    "dpmpp-3s",
];
const GRIDS: [&str; 3] = ["karras", "uniform-lambda", "flow-shift:1"];
const BUDGETS: [usize; 5] = [5, 8, 12, 20, 40];
const SIGMAS: [f64; 2] = [0.002, 80.0];
/// Number of samples, from the same noise.
const COUNT: usize = 512;
/// Number of steps of the reference solution, of third order with three evaluations each.
const FINE: usize = 300;

/// One sampler on one grid within one budget.
struct Point {
    data: &'static str,
    sampler: &'static str,
    grid: &'static str,
    budget: usize,
    steps: usize,
    nfe: usize,
    /// Predicted W2/√d of the discretisation alone.
    predicted: f64,
    /// Distance as measured, computed on Gaussian data.
    paired: f64,
    measured: f64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let directory = Path::new(arguments.get(1).map_or("docs", String::as_str));
    let begun = Instant::now();
    let mut points = Vec::new();

    let mixture = mixture(16, 8)?;
    let (mean, covariance) = moments(&mixture);
    let setting = Setting::new("mixture", Process::vp(), None, mean, &covariance)?;
    points.extend(setting.study(|plan| Ok(Sampling::new(COUNT, 16).seed(1).threads(2).run::<f64>(plan, &mixture)?))?);
    eprintln!("mixture: {:.0} s", begun.elapsed().as_secs_f64());

    let digits = Dataset::digits();
    let network = match arguments.get(2) {
        Some(path) => Network::load(Path::new(path))?,
        None => train(&digits, &Recipe::new(Recipe::default_formulation(), Budget::Steps(2000)), &mut |_| {
            ControlFlow::Continue(())
        })?,
    };
    eprintln!("network: {:.0} s, loss {:.4}", begun.elapsed().as_secs_f64(), network.metadata().training.final_loss);
    let mut rows = digits.values()?;
    Normalization::fit(&digits)?.normalize(&mut rows, 64);
    let (mean, covariance) = moments_of_rows(&rows, 64);
    let formulation = network.formulation().clone();
    let setting = Setting::new("digits", formulation.process.clone(), Some(formulation), mean, &covariance)?;
    points.extend(
        setting
            .study(|plan| Ok(Sampling::new(COUNT, 64).seed(1).chunk(64).threads(2).run::<f64>(plan, &network)?))?,
    );
    eprintln!("digits: {:.0} s", begun.elapsed().as_secs_f64());

    std::fs::write(directory.join("gaussian-analysis.csv"), csv(&points))?;
    std::fs::write(directory.join("gaussian-analysis.svg"), svg(&points))?;
    print!("{}", tables(&points));
    Ok(())
}

/// Data, and the model that is sampled.
struct Setting {
    data: &'static str,
    process: Process,
    network: Option<Formulation>,
    spectrum: Spectrum,
    gaussian: Gaussian,
    width: usize,
}

impl Setting {
    fn new(
        data: &'static str,
        process: Process,
        network: Option<Formulation>,
        mean: Vec<f64>,
        covariance: &[f64],
    ) -> Result<Self> {
        let width = mean.len();
        let (spectrum, gaussian) =
            (Spectrum::from_covariance(mean.clone(), covariance)?, Gaussian::new(mean, covariance)?);
        Ok(Self { data, process, network, spectrum, gaussian, width })
    }

    /// Samples with the exact denoiser of the Gaussian.
    fn plain(&self, sampler: &str, grid: &str, steps: usize) -> langevin::Result<Vec<f64>> {
        let levels = Grid::parse(grid, Some(steps))?.levels(&self.process, SIGMAS[0], SIGMAS[1])?;
        let plan = Sampler::parse(sampler, None)?.compile(&self.process, None, &levels)?;
        Sampling::new(COUNT, self.width).seed(1).threads(2).run::<f64>(&plan, &self.gaussian)
    }

    fn plan(&self, sampler: &str, grid: &str, steps: usize) -> langevin::Result<Plan> {
        let levels = Grid::parse(grid, Some(steps))?.levels(&self.process, SIGMAS[0], SIGMAS[1])?;
        Sampler::parse(sampler, None)?.compile(&self.process, self.network.as_ref(), &levels)
    }

    fn study(&self, run: impl Fn(&Plan) -> Result<Vec<f64>>) -> Result<Vec<Point>> {
        let reference = run(&self.plan("dpmpp-3s", "uniform-lambda", FINE)?)?;
        let exact = self.plain("dpmpp-3s", "uniform-lambda", FINE)?;
        let apart = |samples: &[f64], from: &[f64]| {
            let square = samples.iter().zip(from).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            (square / (COUNT * self.width) as f64).sqrt()
        };
        let rms = |samples: &[f64]| apart(samples, &reference);
        println!("{}: the reference moves by {:.1e} with half as many steps", self.data, {
            rms(&run(&self.plan("dpmpp-3s", "uniform-lambda", FINE / 2)?)?)
        });
        let mut points = Vec::new();
        for sampler in SAMPLERS {
            for grid in GRIDS {
                for budget in BUDGETS {
                    let fits = (1..=budget).rev().find_map(|steps| {
                        let plan = self.plan(sampler, grid, steps).ok()?;
                        (plan.nfe() <= budget).then_some((steps, plan))
                    });
                    let Some((steps, plan)) = fits else { continue };
                    let analysis = plan.analyze(&self.spectrum, &AnalysisOptions::default())?;
                    let part = analysis.contributions.iter().find(|part| part.cause == Cause::Discretisation);
                    let w2 = part.ok_or("a plan whose discretisation is not told apart")?.alone.w2;
                    let predicted = w2 / (self.width as f64).sqrt();
                    let paired = apart(&self.plain(sampler, grid, steps)?, &exact);
                    let measured = rms(&run(&plan)?);
                    let (data, nfe) = (self.data, plan.nfe());
                    points.push(Point { data, sampler, grid, budget, steps, nfe, predicted, paired, measured });
                }
            }
        }
        Ok(points)
    }
}

/// Returns a mixture of components with standard deviation 0.25 and unequal weights. The centres
/// are spread more along some axes than along others.
fn mixture(width: usize, count: usize) -> Result<Mixture> {
    let mut weights = vec![0.0; count];
    fill_uniforms(SampleId { seed: 20, index: 0 }, 0, &mut weights);
    let ids: Vec<SampleId> = (0..count as u64).map(|index| SampleId { seed: 21, index }).collect();
    let mut centres = vec![0.0_f32; count * width];
    fill_normals(&ids, 0, width, &mut centres);
    let spread = |axis: usize| 1.5 / ((axis + 1) as f64).sqrt();
    let components = centres.chunks_exact(width).map(|centre| {
        let centre = centre.iter().enumerate().map(|(axis, z)| spread(axis) * f64::from(*z)).collect();
        Gaussian::isotropic(centre, 0.0625)
    });
    Ok(Mixture::new(weights.iter().map(|u| 0.5 + u).collect(), components.collect::<langevin::Result<_>>()?)?)
}

/// Returns the mean and the covariance of a mixture of isotropic components.
fn moments(mixture: &Mixture) -> (Vec<f64>, Vec<f64>) {
    let (width, mean) = (mixture.components()[0].dim(), mixture.mean());
    let mut covariance = vec![0.0; width * width];
    for (weight, component) in mixture.weights().iter().zip(mixture.components()) {
        for i in 0..width {
            covariance[i * width + i] += weight * component.eigenvalues()[0];
            for j in 0..width {
                covariance[i * width + j] += weight * (component.mean()[i] - mean[i]) * (component.mean()[j] - mean[j]);
            }
        }
    }
    (mean, covariance)
}

/// Returns the mean and the covariance of rows.
fn moments_of_rows(rows: &[f32], width: usize) -> (Vec<f64>, Vec<f64>) {
    let share = width as f64 / rows.len() as f64;
    let (mut mean, mut covariance) = (vec![0.0; width], vec![0.0; width * width]);
    for row in rows.chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(m, x)| *m += share * f64::from(*x));
    }
    for row in rows.chunks_exact(width) {
        for i in 0..width {
            for j in 0..width {
                covariance[i * width + j] += share * (f64::from(row[i]) - mean[i]) * (f64::from(row[j]) - mean[j]);
            }
        }
    }
    (mean, covariance)
}

/// Returns the rank correlation between a prediction and the measurement.
fn spearman(points: &[&Point], prediction: fn(&Point) -> f64) -> f64 {
    let ranks = |of: fn(&Point) -> f64| -> Vec<f64> {
        points
            .iter()
            .map(|point| {
                let value = of(point);
                let below = points.iter().filter(|other| of(other) < value).count();
                let same = points.iter().filter(|other| of(other) == value).count();
                below as f64 + 0.5 * (same as f64 - 1.0)
            })
            .collect()
    };
    let (a, b) = (ranks(prediction), ranks(|point| point.measured));
    let middle = 0.5 * (points.len() as f64 - 1.0);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

fn of<'a>(points: &'a [Point], data: &str) -> Vec<&'a Point> {
    points.iter().filter(|point| point.data == data).collect()
}

fn csv(points: &[Point]) -> String {
    let mut text = "data,sampler,grid,budget,steps,nfe,predicted,paired,measured\n".to_owned();
    for Point { data, sampler, grid, budget, steps, nfe, predicted, paired, measured } in points {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{data},{sampler},{grid},{budget},{steps},{nfe},{predicted:.4e},{paired:.4e},{measured:.4e}"
        );
    }
    text
}

fn tables(points: &[Point]) -> String {
    let mut text = String::from("\n| | mixture | digits |\n|---|---|---|\n");
    let mut line = |name: &str, keep: &dyn Fn(&Point) -> bool| {
        let cell = |data| {
            let kept: Vec<&Point> = of(points, data).into_iter().filter(|point| keep(point)).collect();
            format!("{:.2} / {:.2}", spearman(&kept, |p| p.predicted), spearman(&kept, |p| p.paired))
        };
        let _ = writeln!(text, "| {name} | {} | {} |", cell("mixture"), cell("digits"));
    };
    line("all", &|_| true);
    for budget in BUDGETS {
        line(&format!("{budget} evaluations"), &|point| point.budget == budget);
    }
    for grid in GRIDS {
        line(grid, &|point| point.grid == grid);
    }
    for data in ["mixture", "digits"] {
        let alone = spearman(&of(points, data), |point| -(point.nfe as f64));
        let _ = writeln!(text, "\n{data}: the number of evaluations alone has {alone:.2}");
        let _ = writeln!(text, "\n{data}: the best by the analysis, and how it does\n");
        let _ = writeln!(
            text,
            "| evaluations | chosen | predicted | measured | its rank | the best there is | measured | ddim on karras |\n|---|---|---|---|---|---|---|---|"
        );
        for budget in BUDGETS {
            let mut here: Vec<&Point> = of(points, data).into_iter().filter(|point| point.budget == budget).collect();
            here.sort_by(|a, b| a.measured.total_cmp(&b.measured));
            let chosen = here.iter().min_by(|a, b| a.predicted.total_cmp(&b.predicted));
            let usual = here.iter().find(|point| point.sampler == "ddim" && point.grid == "karras");
            let (Some(chosen), Some(best), Some(usual)) = (chosen, here.first(), usual) else { continue };
            let rank = here.iter().position(|point| point.measured == chosen.measured).unwrap_or(0) + 1;
            let name = |point: &Point| format!("{} on {}", point.sampler, point.grid);
            let _ = writeln!(
                text,
                "| {budget} | {} | {:.2e} | {:.2e} | {rank} of {} | {} | {:.2e} | {:.2e} |",
                name(chosen),
                chosen.predicted,
                chosen.measured,
                here.len(),
                name(best),
                best.measured,
                usual.measured
            );
        }
        let mut off: Vec<&Point> = of(points, data);
        off.sort_by(|a, b| (a.measured / a.predicted).total_cmp(&(b.measured / b.predicted)));
        let show = |point: &Point| {
            format!(
                "{} on {} at {}: {:.1e} for {:.1e}",
                point.sampler, point.grid, point.budget, point.measured, point.predicted
            )
        };
        let _ = writeln!(
            text,
            "\nworse than predicted: {}",
            off.iter().rev().take(6).map(|p| show(p)).collect::<Vec<_>>().join("; ")
        );
        let _ = writeln!(
            text,
            "\nbetter than predicted: {}",
            off.iter().take(4).map(|p| show(p)).collect::<Vec<_>>().join("; ")
        );
        let median = |grid: &str| {
            let mut ratios: Vec<f64> =
                off.iter().filter(|p| p.grid == grid).map(|p| p.measured / p.predicted).collect();
            ratios.sort_by(f64::total_cmp);
            ratios[ratios.len() / 2]
        };
        let medians: BTreeMap<&str, String> =
            GRIDS.iter().map(|grid| (*grid, format!("{:.2}", median(grid)))).collect();
        let _ = writeln!(text, "\nmedian of measured / predicted: {medians:?}");
    }
    text
}

/// Draws two panels with common axes, for light and dark pages.
fn svg(points: &[Point]) -> String {
    const PANEL: f64 = 400.0;
    const GAP: f64 = 70.0;
    let (low, high) = points
        .iter()
        .flat_map(|point| [point.predicted, point.measured])
        .filter(|value| *value > 0.0)
        .fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    let (low, high) = (low.log10() - 0.2, high.log10() + 0.2);
    let share = |value: f64| PANEL * (value.max(1e-300).log10() - low) / (high - low);
    let mut art = String::new();
    for (panel, (data, title)) in
        [("mixture", "Mixture in 16 dimensions, exact denoiser"), ("digits", "Digits, trained network")]
            .into_iter()
            .enumerate()
    {
        let left = 78.0 + panel as f64 * (PANEL + GAP);
        let _ = write!(
            art,
            "<g transform=\"translate({left} 64)\"><rect class=\"frame\" width=\"{PANEL}\" height=\"{PANEL}\"/>"
        );
        for decade in low.ceil() as i32..=high.floor() as i32 {
            let at = share(10_f64.powi(decade));
            let name = format!("10<tspan dy=\"-5\" font-size=\"10\">{}</tspan>", decade.to_string().replace('-', "−"));
            let _ = write!(
                art,
                "<path class=\"grid\" d=\"M{at:.1} 0V{PANEL}M0 {0:.1}H{PANEL}\"/><text x=\"{at:.1}\" y=\"{1}\" text-anchor=\"middle\">{name}</text>\
                 <text x=\"-8\" y=\"{2:.1}\" text-anchor=\"end\">{name}</text>",
                PANEL - at,
                PANEL + 20.0,
                PANEL - at + 4.0
            );
        }
        let _ = write!(art, "<path class=\"same\" d=\"M0 {PANEL}L{PANEL} 0\"/>");
        let here = of(points, data);
        for point in &here {
            let (x, y) = (share(point.predicted), PANEL - share(point.measured));
            let rank = BUDGETS.iter().position(|budget| *budget == point.budget).unwrap_or(0);
            let _ = write!(
                art,
                "<path class=\"b{rank}\" transform=\"translate({x:.1} {y:.1})\" d=\"{}\"><title>{} on {}, {} evaluations</title></path>",
                SHAPES[rank], point.sampler, point.grid, point.nfe
            );
        }
        let _ = write!(
            art,
            "<text class=\"title\" x=\"0\" y=\"-12\">{title}</text><text x=\"12\" y=\"24\">rank correlation {2:.2}</text>\
             <text x=\"{0}\" y=\"{1}\" text-anchor=\"middle\">predicted on Gaussian data</text></g>",
            PANEL / 2.0,
            PANEL + 44.0,
            spearman(&here, |point| point.predicted),
        );
    }
    let mut key = String::new();
    for (rank, budget) in BUDGETS.iter().enumerate() {
        let x = 78.0 + 126.0 * rank as f64;
        let _ = write!(
            key,
            "<path class=\"b{rank}\" transform=\"translate({} 20)\" d=\"{}\"/><text x=\"{}\" y=\"25\">{budget} evaluations</text>",
            x + 6.0,
            SHAPES[rank],
            x + 16.0
        );
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 970 530\" role=\"img\" aria-label=\"Measured error against the error predicted on Gaussian data\">\n\
         <style>\nsvg {{ background: #faf9f5; }}\ntext {{ font: 13px system-ui, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif; fill: #1c1b18; }}\n.title {{ font-weight: 600; font-size: 15px; }}\n\
         .frame {{ fill: none; stroke: #8a877d; }}\n.grid {{ stroke: #dcd9cf; fill: none; }}\n.same {{ stroke: #1c1b18; stroke-dasharray: 4 4; fill: none; }}\n\
         .b0 {{ fill: #b04a00; }} .b1 {{ fill: #8f3f86; }} .b2 {{ fill: #0a63a8; }} .b3 {{ fill: #00735a; }} .b4 {{ fill: #5c5a53; }}\n\
         [class^=b] {{ fill-opacity: .75; }}\n\
         @media (prefers-color-scheme: dark) {{\nsvg {{ background: #131417; }}\ntext {{ fill: #eceae3; }}\n.frame {{ stroke: #77757e; }}\n.grid {{ stroke: #34363d; }}\n.same {{ stroke: #eceae3; }}\n\
         .b0 {{ fill: #f39a5b; }} .b1 {{ fill: #dd9bd5; }} .b2 {{ fill: #6bb6f2; }} .b3 {{ fill: #4bcaa5; }} .b4 {{ fill: #b9b7ae; }}\n}}\n</style>\n\
         {key}<text transform=\"translate(18 {}) rotate(-90)\" text-anchor=\"middle\">measured, from the same noise</text>{art}\n</svg>\n",
        64.0 + PANEL / 2.0
    )
}

/// Marker shape of each budget.
const SHAPES: [&str; 5] = [
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
    "M-3.6 -3.6H3.6V3.6H-3.6Z",
    "M0 -4.6 4.4 3.4H-4.4Z",
    "M0 -5 5 0 0 5 -5 0Z",
    "M0 4.6 4.4 -3.4H-4.4Z",
];
