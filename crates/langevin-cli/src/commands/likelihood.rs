//! `langevin likelihood`: likelihood of data under a model.

use super::tokens;
use crate::cli::{LikelihoodArgs, Method};
use crate::error::{Failure, Result};
use crate::interrupt;
use crate::io::rows::Rows;
use crate::io::{Format, atomic, npy, print, say};
use crate::progress::duration;
use crate::terminal::TERMINAL;
use crate::words::{LOWER_IS_BETTER, fraction, plural, shown};
use langevin::Request;
use langevin_analysis::Likelihood;
use langevin_analysis::likelihood::Kind;
use langevin_data::{Lattice, TableColumns};
use langevin_tasks::comparison;
use langevin_tasks::likelihood::{self, Baseline, Prepared, Settings};
use langevin_tasks::rows::Wanted;
use langevin_tasks::source::Source;
use langevin_tasks::tokens::Opened;
use std::path::Path;
use std::time::Instant;

/// Runs the command.
pub fn run(args: &LikelihoodArgs) -> Result<()> {
    interrupt::listen()?;
    let source = match args.source.open_any(&args.device)? {
        Opened::Tokens(model) => return tokens::likelihood::run(args, &model),
        Opened::Numbers(source) => source,
    };
    if args.exact_likelihood {
        return Err(Failure::misused("the model is of numbers, and the exact sum over orders is of tokens")
            .at("--exact")
            .expected("a model of tokens, or --method ode for the density of numbers"));
    }
    let Some(data) = &args.data else {
        return Err(Failure::misused("no data").at("--data").expected("the data whose likelihood is wanted"));
    };
    let settings = args.settings();
    likelihood::check(&settings)?;
    let format = args.out.as_deref().map(Format::of).transpose()?;
    if format == Some(Format::Png) {
        return Err(Failure::misused("numbers are no picture")
            .at("--out")
            .expected("a .csv, .tsv, .csv.gz, .tsv.gz, .parquet or .npy file")
            .got("'.png'"));
    }
    let reader = source.read_as(args.read_as.as_deref(), &TERMINAL)?;
    let given = args.given.open(&args.steps.into_iter().fold(Request::new(), Request::steps))?;
    let reading = args.file.reading();
    let wanted = Wanted { data, reading: &reading, held_out: args.held_out, count: args.count, seed: args.seed };
    let prepared = likelihood::prepare(&settings, &reader, given.as_ref(), &wanted, &TERMINAL)?;
    if let Some(path) = &args.out {
        atomic::probe(path)?;
    }
    let start = Instant::now();
    let found = prepared.run(&TERMINAL)?;
    let measured = Measured { seconds: start.elapsed().as_secs_f64(), found, baseline: prepared.baseline() };
    if let (Some(path), Some(format)) = (&args.out, format) {
        write(path, format, &prepared, &measured)?;
        say(&format!("{} of each row: {}", measured.columns().join(", "), shown(path)));
    }
    print(&if args.json { document(&prepared, &measured) } else { table(&source, &prepared, &measured) })
}

impl LikelihoodArgs {
    fn settings(&self) -> Settings {
        Settings {
            method: match self.method {
                Method::Bound => likelihood::Method::Bound,
                Method::Ode => likelihood::Method::Ode,
            },
            eta: self.eta,
            levels: self.levels,
            divergence: self.divergence.clone(),
            tolerance: self.tolerance,
            sigma_min: self.sigma_min,
            sigma_max: self.sigma_max,
            threads: self.threads,
        }
    }
}

/// The result of the command.
struct Measured {
    found: Likelihood,
    baseline: Option<Baseline>,
    seconds: f64,
}

impl Measured {
    /// Returns the columns of the output file.
    fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["nats", "standard_error", "row"];
        columns.extend(self.baseline.as_ref().map(|_| "gaussian_nats"));
        columns
    }
}

/// Writes −log p of each row. An array has the value and its standard error; a table also has the
/// row's position in the data and −log p under the Gaussian.
fn write(path: &Path, format: Format, prepared: &Prepared<'_>, measured: &Measured) -> Result<()> {
    let Measured { found, baseline, .. } = measured;
    match format {
        Format::Table(kind) => {
            let mut rows = Rows::table(path, kind, TableColumns::new(measured.columns()), vec![])?;
            let mut values = Vec::new();
            for (index, (nats, error)) in found.nats.iter().zip(&found.errors).enumerate() {
                values.extend([*nats, *error, prepared.set().position(index).map_or(f64::NAN, |row| row as f64)]);
                values.extend(baseline.as_ref().map(|gaussian| gaussian.nats[index]));
            }
            rows.push(&values)?;
            rows.finish()
        }
        _ => {
            let pairs = found.nats.iter().zip(&found.errors).flat_map(|(nats, error)| [*nats, *error]);
            npy::write(path, &[found.nats.len(), 2], &pairs.collect::<Vec<f64>>(), npy::Width::F64)
        }
    }
}

fn table(source: &Source<'_>, prepared: &Prepared<'_>, measured: &Measured) -> String {
    let Measured { found, baseline, seconds } = measured;
    let (set, lattice) = (prepared.set(), prepared.lattice());
    let (low, high) = prepared.range().sigma_ve();
    let sign = if found.kind == Kind::Bound { "≤" } else { "=" };
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<14}{value}\n"));
    line("model", source.name().to_owned());
    line("data", format!("{}, {}", set.name(), plural(set.rows() as u64, "row")));
    line("likelihood", prepared.method());
    line("levels", format!("σ/α from {low:.4} to {high:.4}"));
    line("−log p", format!("{sign} {:.4} ± {:.4} nats", found.mean(), found.standard_error()));
    match lattice.and_then(Lattice::common) {
        Some(1.0) => line("", format!("{sign} {:.4} bits/dim, of whole numbers", found.bits_per_dim())),
        Some(step) => {
            line("", format!("{sign} {:.4} bits/dim in the units of the file", found.bits_per_dim()));
            line(
                "",
                format!("{sign} {:.4} bits/dim for a step of {}", found.bits_per_dim() - step.log2(), fraction(step)),
            );
        }
        None => line("", format!("{sign} {:.4} bits/dim", found.bits_per_dim())),
    }
    let rows = plural(found.nats.len() as u64, "row");
    line("", format!("{LOWER_IS_BETTER}; the mean over {rows}, in the units of the data, ± its standard error"));
    if let Some(gaussian) = baseline {
        let (difference, error) = gaussian.difference(&found.nats);
        line("Gaussian", format!("= {:.4} ± {:.4} nats", gaussian.mean(), gaussian.standard_error()));
        let logs = if prepared.set().frame().logs.is_empty() { "" } else { ", of logarithms in the columns of --log" };
        line("", format!("a Gaussian with the mean and covariance of the training rows{logs}, on the same rows"));
        line("difference", against(found.kind, difference, error));
    }
    line("evaluations", evaluations(found));
    line("time", duration(*seconds));
    text
}

/// States how the model compares with the Gaussian. A difference within two standard errors is not
/// called better or worse, and a bound above the Gaussian decides nothing.
fn against(kind: Kind, difference: f64, error: f64) -> String {
    let verdict = match difference {
        _ if difference.abs() <= 2.0 * error => "not clear on these rows",
        _ if difference < 0.0 => "the model is better",
        _ if kind == Kind::Bound => "nothing follows, because −log p of the model may lie below its bound",
        _ => "the model is worse",
    };
    let direction = if difference < 0.0 { "lower" } else { "higher" };
    format!("{:.4} ± {error:.4} nats {direction} than the Gaussian, row by row: {verdict}", difference.abs())
}

fn evaluations(found: &Likelihood) -> String {
    match found.products {
        0 => format!("{} a datum", found.evaluations),
        products => format!("at most {} a datum, with {products} products", found.evaluations),
    }
}

fn document(prepared: &Prepared<'_>, measured: &Measured) -> String {
    let Measured { found, baseline, seconds } = measured;
    let difference = baseline.as_ref().map(|gaussian| gaussian.difference(&found.nats));
    let lattice = prepared.lattice();
    let step = lattice.and_then(Lattice::common);
    let (low, high) = prepared.range().sigma_ve();
    let method = if found.kind == Kind::Bound { "bound" } else { "ode" };
    let document = serde_json::json!({
        "method": method,
        "read": comparison::document(prepared.set()),
        "nats_mean": found.mean(),
        "nats_se": found.standard_error(),
        "bits_per_dim": found.bits_per_dim(),
        "nfe": found.evaluations,
        "products": found.products,
        "count": found.nats.len(),
        "kind": found.kind.name(),
        "dequantized": lattice.is_some(),
        "step": step,
        "bits_per_dim_of_a_step": step.map(|step| found.bits_per_dim() - step.log2()),
        "sigma_min": low,
        "sigma_max": high,
        "gaussian_nats_mean": baseline.as_ref().map(Baseline::mean),
        "gaussian_nats_se": baseline.as_ref().map(Baseline::standard_error),
        "minus_gaussian_mean": difference.map(|(mean, _)| mean),
        "minus_gaussian_se": difference.map(|(_, error)| error),
        "seconds": seconds,
    });
    format!("{document}\n")
}
