//! `langevin likelihood`: how likely data are under a model.

use super::learn::fraction;
use crate::cli::{LikelihoodArgs, Method};
use crate::error::{Blame as _, Failure, Result};
use crate::interrupt;
use crate::io::csv::plain_names;
use crate::io::rows::Rows;
use crate::io::{Format, atomic, npy, print, say};
use crate::progress::{Display, duration, thousands};
use crate::request::Given;
use crate::rows::{self, Coordinates, Wanted};
use crate::source::{Reader, Source};
use crate::words::{LOWER_IS_BETTER, plural, shown};
use langevin::request::NoiseRange;
use langevin::{LambdaRange, Request, SampleId};
use langevin_analysis::Likelihood;
use langevin_analysis::likelihood::{Bound, Divergence, Kind, Ode, in_pieces};
use langevin_data::{Lattice, TableColumns};
use langevin_train::{Dataset, Network};
use std::time::Instant;

/// Levels of the bound for each datum.
const LEVELS: usize = 64;
/// A variance that is this share of the largest is none.
const FLAT: f64 = 1e-12;
/// Rows between two looks at the bar, for each thread.
const SLICE: usize = 256;
/// Runs the command.
pub fn run(args: &LikelihoodArgs) -> Result<()> {
    let eta = args.eta.unwrap_or(if args.method == Method::Ode { 0.0 } else { 1.0 });
    check_method(args, eta)?;
    let format = args.out.as_deref().map(Format::of).transpose()?;
    if format == Some(Format::Png) {
        return Err(Failure::misused("numbers are no picture")
            .at("--out")
            .expected("a .csv, .tsv, .csv.gz, .tsv.gz, .parquet or .npy file")
            .got("'.png'"));
    }
    interrupt::listen()?;
    let source = Source::open(&args.source)?.on(&args.device)?;
    let reader = source.read_as(args.read_as.as_deref())?;
    let request = args.steps.into_iter().fold(Request::new(), Request::steps);
    let range = match args.given.open(&request)? {
        Some(given) => range_of(&given, &source)?,
        None => range(args, &reader)?,
    };
    if args.method == Method::Bound && source.is_coupled() {
        return Err(Failure::failed("the bound is of an SDE, and the noise of this network was coupled to its data")
            .at("MODEL")
            .expected("a model trained with independent noise")
            .got("--coupling transport")
            .hint("its velocity is no score; --method ode holds for any velocity"));
    }
    if args.method == Method::Ode && !source.is_differentiable() {
        return Err(Failure::misused("a density needs the network's derivative, which an ONNX file does not have")
            .at("--onnx, --method ode")
            .expected("--method bound")
            .got("--method ode")
            .hint("the bound needs the network's output alone"));
    }
    let wanted =
        Wanted { data: &args.data, file: &args.file, held_out: args.held_out, count: args.count, seed: args.seed };
    let set = rows::load(&wanted, &source)?;
    source.check_rows(set.rows())?;
    let how = How::new(args, range, set.width())?;
    if let Some(path) = &args.out {
        atomic::probe(path)?;
    }
    let lattice = rows::lattice(&source, &set)?;
    let Coordinates { x, volumes, ids } = rows::coordinates(args.seed, &source, &set, lattice.as_ref()).or_failed()?;
    let how = how.controlled(&source, &x, set.width());
    say_what_counts(&source, &set, lattice.as_ref());
    let start = Instant::now();
    let found = measure(args, &how, &reader, &x, set.width(), &ids)?.rescaled_each(&volumes);
    let seconds = start.elapsed().as_secs_f64();
    if let Some(path) = &args.out {
        let pairs: Vec<f64> = found.nats.iter().zip(&found.errors).flat_map(|(nats, error)| [*nats, *error]).collect();
        match format {
            Some(Format::Table(kind)) => {
                let mut rows = Rows::table(path, kind, TableColumns::new(plain_names(2)), vec![])?;
                rows.push(&pairs)?;
                rows.finish()?;
            }
            _ => npy::write(path, &[found.nats.len(), 2], &pairs, npy::Width::F64)?,
        }
        say(&format!("−log p and its standard error, a row each: {}", shown(path)));
    }
    print(&if args.json {
        document(&found, &set, range, lattice.as_ref(), seconds)
    } else {
        table(&source, &set, &found, &how, range, lattice.as_ref(), seconds)
    })
}

/// Says of what the likelihood is, where the rows are not simply numbers.
fn say_what_counts(source: &Source<'_>, set: &Dataset, lattice: Option<&Lattice>) {
    let frame = set.frame();
    if !frame.constants.is_empty() {
        let names: Vec<String> = frame.constants.iter().take(8).map(|one| frame.column(one.element)).collect();
        say(&format!(
            "note: {} had one value in the training and is not counted: the likelihood is that of the other {}",
            names.join(", "),
            plural(set.width() as u64, "element")
        ));
    }
    let dequantized = source.network().is_none_or(|network| network.metadata().data.dequantized);
    if let Some(lattice) = lattice {
        let coarse: Vec<usize> = (0..set.width()).filter(|element| lattice.step(*element) > 0.0).collect();
        let (what, which) = match lattice.common() {
            Some(1.0) => ("whole numbers: a number from [0, 1)".to_owned(), String::new()),
            Some(step) => {
                let step = fraction(step);
                (format!("values {step} apart: a number from [0, {step})"), String::new())
            }
            None => {
                let places = frame.places();
                let names: Vec<String> = coarse.iter().take(8).map(|element| frame.column(places[*element])).collect();
                let more = if coarse.len() > 8 { ", …" } else { "" };
                (
                    "evenly spaced values: a number below their spacing".to_owned(),
                    format!(" of {}{more}", names.join(", ")),
                )
            }
        };
        say(&format!("note: {what} is added to each{which}, and the density is that of the sums"));
        if !dequantized {
            say("hint: the network was trained on the values themselves; for a likelihood train with --dequantize");
        }
    }
    if let Some((flat, all)) = source.network().and_then(flat) {
        say(&format!(
            "note: the training data leave {flat} of {all} directions untouched (columns that follow from others): no density exists there, and the figure says how near the network came to that, not how good it is"
        ));
    }
}

/// Directions along which the training data do not vary, of all; `None` if they vary along each.
fn flat(network: &Network) -> Option<(u64, u64)> {
    // Pixels that are always dark are filled by dequantisation.
    if network.metadata().data.lattice.is_some() {
        return None;
    }
    let spectrum = network.moments()?.spectrum().ok()?;
    let all = spectrum.eigenvalues();
    // The rounding of single precision leaves a variance of some 1e-14.
    let least = FLAT * all.first()?.value;
    let flat: u64 = all.iter().filter(|space| space.value <= least).map(|space| space.count).sum();
    (flat > 0).then(|| (flat, spectrum.dimension()))
}

/// What does not go together.
fn check_method(args: &LikelihoodArgs, eta: f64) -> Result<()> {
    let wrong = |flag: &str, method: &str| {
        Err(Failure::misused(format!("{flag} is no option of this method"))
            .at(flag.to_owned())
            .expected(format!("--method {method}")))
    };
    match args.method {
        Method::Ode if eta != 0.0 => Err(Failure::misused("a density needs a model without noise")
            .at("--eta, --method ode")
            .expected("h/g = 0")
            .got(eta.to_string())
            .hint("--method bound is of the model with h/g = 1")),
        Method::Bound if eta != 1.0 => Err(Failure::misused("the bound is of the model with the process's own noise")
            .at("--eta, --method bound")
            .expected("h/g = 1")
            .got(eta.to_string())
            .hint("--method ode is of the model with h/g = 0; for other h/g neither is known")),
        Method::Ode if args.levels.is_some() => wrong("--levels", "bound"),
        Method::Bound if args.divergence.is_some() => wrong("--divergence", "ode"),
        Method::Bound if args.tolerance.is_some() => wrong("--tolerance", "ode"),
        _ => Ok(()),
    }
}

/// The levels of a plan, within those of the training.
fn range_of(given: &Given, source: &Source<'_>) -> Result<LambdaRange> {
    given.check_starts_from_noise("likelihood takes the noise levels of a whole plan")?;
    let NoiseRange { min, max, .. } = NoiseRange::of(&given.plan);
    let (low, high) = source.trained().map_or((0.0, f64::INFINITY), |range| range.sigma_ve());
    let range = LambdaRange::from_sigma_ve(min.max(low), max.min(high)).or_misused()?;
    let (min, max) = range.sigma_ve();
    say(&format!(
        "note: of the plan {} only the noise levels are taken, σ/α from {min:.4} to {max:.4}: the likelihood is that of the model in continuous time between them",
        given.plan.name()
    ));
    Ok(range)
}

/// The levels that were asked for, or those of the training.
fn range(args: &LikelihoodArgs, reader: &Reader<'_>) -> Result<LambdaRange> {
    let trained = reader.source().trained();
    let (low, high) = match trained {
        Some(range) => range.sigma_ve(),
        None => {
            let range = Request::new().process(reader.process.clone()).noise_range().or_misused()?;
            (range.min, range.max)
        }
    };
    let range =
        LambdaRange::from_sigma_ve(args.sigma_min.unwrap_or(low), args.sigma_max.unwrap_or(high)).or_misused()?;
    match trained {
        Some(trained) if !(trained.contains(range.min) && trained.contains(range.max)) => {
            Err(Failure::misused("the network was not trained on all of this range")
                .at("--sigma-min, --sigma-max")
                .expected(format!("σ/α from {low:.4} to {high:.4}"))
                .got(format!("{:.4} to {:.4}", range.sigma_ve().0, range.sigma_ve().1)))
        }
        _ => Ok(range),
    }
}

/// One of the two.
enum How {
    Bound(Bound),
    Ode(Ode),
}

impl How {
    fn new(args: &LikelihoodArgs, range: LambdaRange, width: usize) -> Result<Self> {
        Ok(match args.method {
            Method::Bound => Self::Bound(Bound::new(range, args.levels.unwrap_or(LEVELS))),
            Method::Ode => {
                let divergence = match &args.divergence {
                    Some(text) => Divergence::parse(text).or_misused()?,
                    None => Divergence::usual(width),
                };
                let ode = Ode::new(range).with_divergence(divergence);
                Self::Ode(ode.with_tolerance(args.tolerance.unwrap_or(ode.tolerance)))
            }
        })
    }

    /// With a Gaussian as the control of a bound.
    fn controlled(mut self, source: &Source<'_>, x: &[f64], width: usize) -> Self {
        if let Self::Bound(bound) = &mut self {
            bound.control = rows::gaussian(source, x, width);
        }
        self
    }

    fn run(&self, reader: &Reader<'_>, x: &[f64], width: usize, ids: &[SampleId]) -> langevin::Result<Likelihood> {
        match self {
            Self::Bound(bound) => bound.run(reader, x, width, ids),
            Self::Ode(ode) => ode.run(reader, x, width, ids),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Bound(bound) => format!("bound, {} a datum", plural(bound.levels as u64, "noise level")),
            Self::Ode(ode) => match ode.divergence {
                Divergence::Hutchinson(probes) => {
                    format!("density of the ODE, {}, tolerance {:e}", plural(probes as u64, "probe"), ode.tolerance)
                }
                _ => format!("density of the ODE, exact divergence, tolerance {:e}", ode.tolerance),
            },
        }
    }
}

/// All rows, some at a time, so that a bar can move; a datum does not depend on its company.
fn measure(
    args: &LikelihoodArgs,
    how: &How,
    reader: &Reader<'_>,
    x: &[f64],
    width: usize,
    ids: &[SampleId],
) -> Result<Likelihood> {
    let threads = reader.source().threads(args.threads);
    let start = Instant::now();
    let mut display = Display::sampling();
    let mut all: Option<Likelihood> = None;
    let slice = SLICE * threads;
    for (first, ids) in (0..).step_by(slice).zip(ids.chunks(slice)) {
        interrupt::check()?;
        let (done, rows) = (first as u64, (x.len() / width) as u64);
        let speed = thousands((first as f64 / start.elapsed().as_secs_f64()) as u64);
        let words = format!("{} of {} rows  {speed} rows/s", thousands(done), thousands(rows));
        display.show(done as f64 / rows as f64, &words);
        let x = &x[first * width..(first + ids.len()) * width];
        let found = in_pieces(threads, x, width, ids, |x, ids| how.run(reader, x, width, ids));
        let found = interrupt::or_failed(found)?;
        all = Some(match all {
            None => found,
            Some(all) => all.and(found),
        });
    }
    display.finish();
    all.ok_or_else(|| Failure::failed("there are no data").at("--data"))
}

fn table(
    source: &Source<'_>,
    set: &Dataset,
    found: &Likelihood,
    how: &How,
    range: LambdaRange,
    lattice: Option<&Lattice>,
    seconds: f64,
) -> String {
    let (low, high) = range.sigma_ve();
    let sign = if found.kind == Kind::Bound { "≤" } else { "=" };
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<14}{value}\n"));
    line("model", source.name().to_owned());
    line("data", format!("{}, {}", set.name(), plural(set.rows() as u64, "row")));
    line("likelihood", how.name());
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
    line("evaluations", evaluations(found));
    line("time", duration(seconds));
    text
}

fn evaluations(found: &Likelihood) -> String {
    match found.products {
        0 => format!("{} a datum", found.evaluations),
        products => format!("at most {} a datum, with {products} products", found.evaluations),
    }
}

fn document(found: &Likelihood, set: &Dataset, range: LambdaRange, lattice: Option<&Lattice>, seconds: f64) -> String {
    let step = lattice.and_then(Lattice::common);
    let (low, high) = range.sigma_ve();
    let method = if found.kind == Kind::Bound { "bound" } else { "ode" };
    let document = serde_json::json!({
        "method": method,
        "read": crate::data::document(set),
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
        "seconds": seconds,
    });
    format!("{document}\n")
}
