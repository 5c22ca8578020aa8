//! Tuned plans against the best known ones: six models, four budgets, all methods.
//!
//! `tune FOLDER [--models A,B] [--nfe 4,6] [--methods all,times] [--minutes M]` trains the networks
//! that it needs, tunes every cell, and writes `tune.csv` and `tune.html` into the folder. A model
//! whose ONNX Runtime is missing is left out, with a note.

use langevin::{Request, SampleId};
use langevin_analysis::exact::{self, Density, Gaussian, Mixture};
use langevin_analysis::tune::{Method, Tuned};
use langevin_report::{Cell, LineChart, Page, Table};
use langevin_tasks::condition::Condition;
use langevin_tasks::data::Reading;
use langevin_tasks::source::{Declared, Source};
use langevin_tasks::tune::{self, Classes, Data, Settings};
use langevin_train::{Budget, Dataset, DitConfig, Network, NetworkSpec, Recipe, train};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

/// The models, and whether samples are compared with the digits.
const MODELS: [(&str, bool); 6] = [
    ("mixture-16", false),
    ("mixture-32", false),
    ("moons", false),
    ("digits-mlp", true),
    ("digits-dit", true),
    ("digits-onnx", true),
];
const BUDGETS: [usize; 4] = [4, 6, 8, 10];
/// Steps of the training of the networks.
const STEPS: u64 = 1500;

/// Returns a mixture of `count` Gaussians in `dim` dimensions: means from a standard normal
/// distribution, and standard deviations of 0.3.
fn mixture(dim: usize, count: usize) -> langevin::Result<Mixture> {
    let ids: Vec<SampleId> = (0..count as u64).map(|index| SampleId { seed: 1, index }).collect();
    let means = Gaussian::isotropic(vec![0.0; dim], 1.0)?.sample(&ids);
    let components = means.chunks(dim).map(|mean| Gaussian::isotropic(mean.to_vec(), 0.09));
    Mixture::new(vec![1.0; count], components.collect::<langevin::Result<_>>()?)
}

fn trained(network: Option<NetworkSpec>) -> Result<Network, Failure> {
    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(STEPS));
    recipe.network = network.unwrap_or(recipe.network);
    Ok(train(&Dataset::digits(), &recipe, &mut |_| ControlFlow::Continue(()))?)
}

fn open(name: &str) -> Result<Source<'static>, Failure> {
    let onnx = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/onnx/digits.onnx");
    Ok(match name {
        "mixture-16" => Source::Exact(Box::new(mixture(16, 10)?)),
        "mixture-32" => Source::Exact(Box::new(mixture(32, 20)?)),
        "moons" => Source::Exact(exact::named("moons")?),
        "digits-mlp" => Source::Network(Box::new(trained(None)?)),
        "digits-dit" => Source::Network(Box::new(trained(Some(DitConfig::new(2, 64, 3, 4).into()))?)),
        "digits-onnx" => {
            let declared = Declared {
                process: Some("table:linear".to_owned()),
                predict: Some("epsilon".to_owned()),
                normalization: Some((8.0, 8.0)),
                ..Declared::default()
            };
            Source::onnx(&onnx, &declared, &())?
        }
        _ => return Err(format!("unknown model: expected one of {MODELS:?}, got {name}").into()),
    })
}

/// One cell of the comparison.
struct Row {
    model: String,
    width: usize,
    nfe: usize,
    tuned: Tuned,
    seconds: f64,
}

impl Row {
    /// The ratio of the errors of the plan that is returned: 1 if it is the known one.
    fn ratio(&self) -> f64 {
        if self.tuned.improves() { self.tuned.ratio() } else { 1.0 }
    }
}

const HEADS: &str = "model,elements,nfe,method,known_sampler,known_grid,known_error,tuned_error,ratio,low,high,improves,\
                     returned_ratio,best_last_row,outside_span,data_known,data_tuned,data_fine,data_low,data_high,data_worse,\
                     evaluations,seconds";

fn line(row: &Row) -> String {
    let Tuned { known, known_error, error, interval, wall, to_data, evaluations, method, .. } = &row.tuned;
    let data = to_data.map_or_else(
        || ",,,,,".to_owned(),
        |data| {
            let [low, high] = data.difference;
            format!("{},{},{},{low},{high},{}", data.known, data.tuned, data.fine, data.is_worse())
        },
    );
    format!(
        "{},{},{},{},{},{},{known_error},{error},{},{},{},{},{},{},{},{data},{evaluations},{:.2}",
        row.model,
        row.width,
        row.nfe,
        method.name(),
        known.sampler,
        known.grid.replace(',', ";"),
        row.tuned.ratio(),
        interval[0],
        interval[1],
        row.tuned.improves(),
        row.ratio(),
        wall.last_row,
        wall.outside,
        row.seconds
    )
}

fn mean<'r>(rows: impl Iterator<Item = &'r Row>) -> f64 {
    let logs: Vec<f64> = rows.map(|row| row.ratio().ln()).collect();
    (logs.iter().sum::<f64>() / logs.len() as f64).exp()
}

fn of<'r>(
    rows: &'r [Row],
    method: Method,
    model: Option<&'r str>,
    nfe: Option<usize>,
) -> impl Iterator<Item = &'r Row> {
    rows.iter().filter(move |row| {
        row.tuned.method == method
            && model.is_none_or(|model| row.model == model)
            && nfe.is_none_or(|nfe| row.nfe == nfe)
    })
}

fn three(value: f64) -> Cell {
    if value.is_nan() { Cell::Missing } else { format!("{value:.3}").into() }
}

fn page(rows: &[Row], models: &[&str], budgets: &[usize], methods: &[Method]) -> String {
    let heads = |first: &str| std::iter::once(first.to_owned()).chain(budgets.iter().map(|nfe| format!("NFE {nfe}")));
    let heads = |first: &str| heads(first).chain(["all".to_owned()]);
    let table = |name: &str, model: Option<&str>, method: Method| -> Vec<Cell> {
        let cells = budgets.iter().map(|nfe| three(mean(of(rows, method, model, Some(*nfe)))));
        std::iter::once(name.into()).chain(cells).chain([three(mean(of(rows, method, model, None)))]).collect()
    };
    let usual = methods.first().copied().unwrap_or(Method::All);
    let mut by_model = Table::new(heads("model"));
    for model in models {
        by_model.push(table(model, Some(model), usual));
    }
    by_model.push(table("geometric mean", None, usual));
    let mut by_method = Table::new(heads("method"));
    for method in methods {
        by_method.push(table(method.name(), None, *method));
    }
    let mut cells =
        Table::new(["model", "NFE", "best known plan", "error", "tuned", "ratio", "interval", "data", "seconds"]);
    for row in of(rows, usual, None, None) {
        let tuned = &row.tuned;
        let [low, high] = tuned.interval;
        let data = tuned.to_data.map_or("–", |data| if data.is_worse() { "farther" } else { "not farther" });
        cells.push([
            row.model.as_str().into(),
            row.nfe.into(),
            format!("{} on {}", tuned.known.sampler, tuned.known.grid).into(),
            tuned.known_error.into(),
            tuned.error.into(),
            three(tuned.ratio()),
            format!("{low:.3} to {high:.3}").into(),
            data.into(),
            row.seconds.into(),
        ]);
    }
    let charts: String = models
        .iter()
        .filter(|model| of(rows, usual, Some(model), None).count() > 1)
        .map(|model| {
            let line = |f: fn(&Tuned) -> f64| -> Vec<(f64, f64)> {
                of(rows, usual, Some(model), None).map(|row| (row.nfe as f64, f(&row.tuned))).collect()
            };
            LineChart::new("evaluations", format!("{model}: error of the tuned plan"), line(|tuned| tuned.error))
                .named(format!("{model}, error of the tuned plan"))
                .dashed("best known plan", line(|tuned| tuned.known_error))
                .html()
        })
        .collect();
    Page::new("Tuned plans against the best known plans")
        .kicker("langevin benchmarks")
        .lede(format!(
            "Root mean square distance from a fine solution of the same network, on samples that the fit has not seen, divided by that of the best of all known samplers and grids. Geometric mean of {} cells by the method {}: {:.3}.",
            of(rows, usual, None, None).count(),
            usual.name(),
            mean(of(rows, usual, None, None))
        ))
        .section("Ratio by model", &by_model.html("figures rates", "Ratio by model and budget"))
        .section("Ratio by method", &by_method.html("figures rates", "Geometric mean over the models"))
        .section("Errors", &charts)
        .section("All cells", &cells.html("figures", "All cells"))
        .html()
}

/// Returns the value after a flag.
fn flag(words: &[String], name: &str) -> Option<String> {
    let place = words.iter().position(|word| word == name)?;
    words.get(place + 1).cloned()
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(
        words.first().filter(|word| !word.starts_with('-')).ok_or("expected a folder for tune.csv and tune.html")?,
    );
    std::fs::create_dir_all(&folder)?;
    let models = flag(&words, "--models");
    let models: Vec<&str> = match &models {
        Some(names) => names.split(',').collect(),
        None => MODELS.iter().map(|(name, _)| *name).collect(),
    };
    let budgets = match flag(&words, "--nfe") {
        Some(list) => list.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>()?,
        None => BUDGETS.to_vec(),
    };
    let methods = match flag(&words, "--methods") {
        Some(list) => list.split(',').map(Method::parse).collect::<langevin::Result<Vec<_>>>()?,
        None => Method::ALL.to_vec(),
    };
    let minutes = flag(&words, "--minutes").map(|text| text.parse()).transpose()?;
    let digits: Vec<f64> = Dataset::digits().values()?.into_iter().map(f64::from).collect();
    let (mut rows, mut csv, mut done) = (Vec::new(), format!("{HEADS}\n"), Vec::new());
    for model in models {
        let source = match open(model) {
            Ok(source) => source,
            Err(error) if model == "digits-onnx" => {
                eprintln!("{model} is left out: {error}");
                continue;
            }
            Err(error) => return Err(error),
        };
        done.push(model);
        let of_digits = MODELS.iter().any(|(name, digits)| *name == model && *digits);
        let reader = source.read_as(None, &())?;
        for nfe in &budgets {
            for method in &methods {
                let start = Instant::now();
                let (reading, condition) = (Reading::default(), Condition::default());
                let settings = Settings {
                    method: *method,
                    minutes,
                    data: of_digits.then(|| Data::Rows(&digits)),
                    ..Settings::new(*nfe, &reading, &condition)
                };
                let prepared = tune::prepare(&reader, Request::new(), &settings, Classes::default(), &())?;
                let tuned = prepared.run(&())?.tuned;
                let row = Row {
                    model: model.to_owned(),
                    width: source.width(),
                    nfe: *nfe,
                    tuned,
                    seconds: start.elapsed().as_secs_f64(),
                };
                eprintln!(
                    "{model:12} NFE {nfe:2} {:12} {:.3} in {:.1} s",
                    method.name(),
                    row.tuned.ratio(),
                    row.seconds
                );
                writeln!(csv, "{}", line(&row))?;
                std::fs::write(folder.join("tune.csv"), &csv)?;
                rows.push(row);
            }
        }
    }
    std::fs::write(folder.join("tune.html"), page(&rows, &done, &budgets, &methods))?;
    let usual = methods.first().copied().unwrap_or(Method::All);
    let worse =
        rows.iter().filter(|row| row.tuned.improves() && row.tuned.to_data.is_some_and(|data| data.is_worse())).count();
    println!(
        "geometric mean of {} cells by the method {}: {:.3}; samples farther from data: {worse}; the table is in {}",
        of(&rows, usual, None, None).count(),
        usual.name(),
        mean(of(&rows, usual, None, None)),
        folder.join("tune.csv").display()
    );
    Ok(())
}
