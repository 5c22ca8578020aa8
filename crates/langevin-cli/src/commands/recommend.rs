//! `langevin recommend`: the sampler and the grid with the smallest exact error on Gaussian data like the user's.

use super::analyze::{GRID, PROCESS};
use crate::cli::{By, RecommendArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, print, say};
use crate::source::{self, Source};
use crate::spectrum::{self, Gaussian};
use crate::survey::{self, Field, Row, number};
use crate::words::{either_case, plural, shown, visible};
use crate::{check, data, interrupt};
use langevin::analysis::{Analysis, AnalysisOptions, Distance};
use langevin::sampler::Entry;
use langevin::{Formulation, Grid, Level, Model as _, Plan, Process, Sampler};
use langevin_train::Network;
use std::path::{Path, PathBuf};

/// Samplers that are not meant for this: made for distilled networks, or with noise levels of their own in their options.
const OTHERS: [&str; 4] = ["lcm", "tcd", "restart", "annealed-langevin"];
/// The grids.
const GRIDS: &str =
    "karras,uniform-lambda,uniform-t,beta,poly-exponential:2,flow-shift:1,flow-shift:3,linspace,trailing";
/// What most people take.
const USUAL: [&str; 2] = ["ddim", "dpmpp-2m"];
/// Lines of the table.
const SHOWN: usize = 10;

/// Runs the command.
pub fn run(args: &RecommendArgs) -> Result<()> {
    interrupt::listen()?;
    let path = model_path(args)?;
    let network = path.as_deref().map(source::network).transpose()?;
    let source = network.as_ref().map(Source::Borrowed);
    let reader = source.as_ref().map(|source| source.read_as(args.process.as_deref())).transpose()?;
    let process = match &reader {
        Some(reader) => reader.process.clone(),
        None => either_case(args.process.as_deref().unwrap_or(PROCESS), Process::parse).or_misused()?,
    };
    let field = Field {
        process: &process,
        network: reader.as_ref().and_then(|reader| reader.formulation()),
        trained: source.as_ref().and_then(Source::trained),
        range: &args.range,
    };
    let samplers = match &args.sampler {
        Some(list) => survey::samplers(list)?,
        None => {
            let meant = Entry::all().iter().filter(|entry| !OTHERS.contains(&entry.name));
            meant.map(|entry| Sampler::parse(entry.name, None).or_failed()).collect::<Result<_>>()?
        }
    };
    let grids = survey::grids(args.grid.as_deref().unwrap_or(GRIDS))?;
    let gaussian = gaussian(args, network.as_ref(), path.as_deref())?;
    for input in [
        path.as_deref(),
        args.spectrum.data.as_deref().map(Path::new),
        args.spectrum.spectrum.as_deref().map(Path::new),
    ] {
        input.iter().try_for_each(|input| check::another_file(&args.out, "--data", input))?;
    }
    atomic::probe(&args.out)?;

    let mut search = Search::new(args, &gaussian);
    search.run(&field, &samplers, &grids)?;
    let Search { mut found, plans, .. } = search;
    let key = |row: &Row| pick(args.by, &row.analysis.total);
    found.sort_by(|a, b| key(&a.row).total_cmp(&key(&b.row)).then(a.row.analysis.nfe.cmp(&b.row.analysis.nfe)));
    let Some(best) = found.first() else {
        return Err(Failure::misused("nothing fits")
            .at("--nfe, --sampler")
            .expected("a linear sampler that goes from noise to the data in so many evaluations")
            .got(format!("none of {} in {}", plural(samplers.len() as u64, "sampler"), args.nfe)));
    };
    let options = AnalysisOptions::default();
    let analysis = best.plan.analyze(&gaussian.spectrum, &options).or_failed()?;
    let usual = usual(&field, &gaussian, &grids, args)?;
    let (grid, steps) = (best.row.grid.clone().unwrap_or_default(), best.row.steps.unwrap_or_default());
    let why = [dominant(args.by, &analysis), beside(args, &best.row, &usual)];
    let commands = commands(args, &field, path.as_deref(), &best.row.sampler, &grid, steps)?;
    let json = best.plan.to_json();
    atomic::write(&args.out, |out| out.write_all(json.as_bytes()))?;
    let subject = format!(
        "{} of at most {}, on {}; {}; process {}",
        plural(plans as u64, "plan"),
        plural(args.nfe as u64, "evaluation"),
        gaussian.name,
        plural(gaussian.spectrum.dimension(), "dimension"),
        process.name()
    );
    if args.json {
        let results: Vec<_> = found.iter().take(SHOWN).map(|found| found.document(&analysis, best)).collect();
        let document = serde_json::json!({
            "process": process.name(), "data": gaussian.name, "dimension": gaussian.spectrum.dimension(), "nfe": args.nfe,
            "by": if args.by == By::W2 { "w2" } else { "kl" }, "plans": plans, "results": results,
            "usual": usual.iter().map(Row::document).collect::<Vec<_>>(),
            "why": why, "commands": commands, "plan": args.out.display().to_string(),
        });
        print(&format!("{document}\n"))?;
    } else {
        let commands: String = commands.iter().map(|command| format!("  {}\n", visible(command))).collect();
        let table = table(&found);
        print(&format!("{}\n\n{table}\n{}\n{}\n\n{commands}", visible(&subject), why[0], why[1]))?;
    }
    say(&format!("the plan of {} on {grid} is in {}", best.row.sampler, shown(&args.out)));
    Ok(())
}

/// The model: that of --model, or of --data where it is one.
fn model_path(args: &RecommendArgs) -> Result<Option<PathBuf>> {
    let is_model = |data: &&String| Path::new(data).extension().is_some_and(|e| e.eq_ignore_ascii_case("safetensors"));
    match (&args.model, args.spectrum.data.as_ref().filter(is_model)) {
        (Some(_), Some(data)) => Err(Failure::misused("a model is no data")
            .at("--data, --model")
            .expected("--data DATA beside --model")
            .got(format!("'{data}'"))
            .hint("leave out one of the two")),
        (model, data) => Ok(model.clone().or_else(|| data.map(PathBuf::from))),
    }
}

/// The data: of the flags, or what the model was trained on; for a model in the units that it sees.
fn gaussian(args: &RecommendArgs, network: Option<&Network>, path: Option<&Path>) -> Result<Gaussian> {
    let (Some(network), Some(path)) = (network, path) else {
        if args.spectrum.data.is_none() && args.spectrum.spectrum.is_none() {
            return Err(Failure::misused("nothing to recommend for")
                .at("--data")
                .expected("data, a model, or --spectrum"));
        }
        return args.spectrum.open();
    };
    if args.spectrum.spectrum.is_some() {
        return args.spectrum.open();
    }
    let spec = &network.metadata().data;
    let given = args.spectrum.data.as_deref().filter(|data| Path::new(data) != path);
    let own = data::names().into_iter().find(|name| *name == spec.name);
    let Some(name) = given.or(own) else {
        return Err(unknown_data(path, &spec.name));
    };
    let data = data::load(name, network.metadata().training.seed)?;
    if given.is_some() && data.width() != network.width() {
        return Err(Failure::misused("the data are not the model's")
            .at("--data")
            .expected(format!("rows of {}", plural(network.width() as u64, "number")))
            .got(data.width().to_string()));
    }
    // A file may have the name of built-in data and be something else. Part of the digits is kept for tests at times.
    let same = data.shape() == spec.shape && (spec.rows == data.rows() || name == "digits" && spec.rows <= data.rows());
    if given.is_none() && !same {
        return Err(unknown_data(path, &spec.name));
    }
    spectrum::of_network(&data, network.normalization())
}

fn unknown_data(path: &Path, name: &str) -> Failure {
    Failure::misused("the model does not say where its data are")
        .in_file(path)
        .expected("built-in data")
        .got(format!("'{name}'"))
        .hint("give --model MODEL --data FILE")
}

/// One plan, with the samplers that have the same table.
struct Found {
    row: Row,
    plan: Plan,
    also: Vec<String>,
}

impl Found {
    fn document(&self, analysis: &Analysis, best: &Self) -> serde_json::Value {
        let mut document = self.row.document();
        if let Some(fields) = document.as_object_mut() {
            fields.insert("also".into(), self.also.clone().into());
            if std::ptr::eq(self, best) {
                let row = Row {
                    analysis: analysis.clone(),
                    sampler: String::new(),
                    process: String::new(),
                    grid: None,
                    steps: None,
                    file: None,
                };
                fields.insert("sources".into(), row.document()["sources"].take());
            } else {
                fields.remove("sources");
            }
        }
        document
    }
}

/// The search through all samplers and grids.
struct Search<'a> {
    args: &'a RecommendArgs,
    gaussian: &'a Gaussian,
    found: Vec<Found>,
    plans: usize,
    /// Grids of the same levels are one.
    seen: Vec<Vec<Level>>,
}

impl<'a> Search<'a> {
    fn new(args: &'a RecommendArgs, gaussian: &'a Gaussian) -> Self {
        Self { args, gaussian, found: vec![], plans: 0, seen: vec![] }
    }

    fn run(&mut self, field: &Field<'_>, samplers: &[Sampler], grids: &[String]) -> Result<()> {
        let mut first = None;
        for grid in grids {
            let levels = field.range(grid, Some(self.args.nfe)).and_then(|range| {
                let steps = if survey::is_list(grid) { None } else { Some(self.args.nfe) };
                let grid = either_case(grid, |grid| Grid::parse(grid, steps)).or_misused()?;
                grid.levels(field.process, range.min, range.max).or_misused()
            });
            match levels {
                Ok(levels) if self.seen.iter().any(|seen| same(seen, &levels)) => continue,
                Ok(levels) => self.seen.push(levels),
                // It may fit with fewer steps.
                Err(failure) => first = first.or(Some(failure)),
            }
            for sampler in samplers {
                interrupt::check()?;
                match field.fitting(sampler, grid, self.args.nfe) {
                    Ok(Some((steps, plan))) if generates(&plan) => self.add(sampler, grid, steps, plan)?,
                    Ok(_) => {}
                    Err(failure) => first = first.or(Some(failure)),
                }
            }
        }
        match first {
            Some(failure) if self.found.is_empty() => Err(failure),
            _ => Ok(()),
        }
    }

    fn add(&mut self, sampler: &Sampler, grid: &str, steps: usize, plan: Plan) -> Result<()> {
        let options = AnalysisOptions { sources: false, ..AnalysisOptions::default() };
        let analysis = plan.analyze(&self.gaussian.spectrum, &options).or_failed()?;
        self.plans += 1;
        let near = |a: f64, b: f64| a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        let twin = self.found.iter_mut().find(|found| {
            let known = &found.row.analysis;
            found.row.grid.as_deref() == Some(grid)
                && known.nfe == analysis.nfe
                && near(known.total.w2, analysis.total.w2)
                && near(known.total.kl, analysis.total.kl)
        });
        if let Some(twin) = twin {
            twin.also.push(sampler.spec().to_owned());
            return Ok(());
        }
        let row = Row {
            sampler: sampler.spec().to_owned(),
            grid: Some(grid.to_owned()),
            steps: Some(steps),
            file: None,
            process: String::new(),
            analysis,
        };
        self.found.push(Found { row, plan, also: vec![] });
        Ok(())
    }
}

/// Whether a plan goes from noise alone to the data, linearly.
fn generates(plan: &Plan) -> bool {
    let ends = plan.moves().last().is_some_and(|last| last.to.sigma == 0.0);
    plan.is_linear() && plan.inputs().is_empty() && ends
}

fn same(a: &[Level], b: &[Level]) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a.alpha, b.alpha) && near(a.sigma, b.sigma))
}

fn pick(by: By, distance: &Distance) -> f64 {
    match by {
        By::W2 => distance.w2,
        By::Kl => distance.kl,
    }
}

fn name(by: By) -> &'static str {
    match by {
        By::W2 => "W2",
        By::Kl => "KL",
    }
}

/// The usual choices within the same evaluations, where they fit.
fn usual(field: &Field<'_>, gaussian: &Gaussian, grids: &[String], args: &RecommendArgs) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let options = AnalysisOptions::default();
    for name in USUAL {
        let sampler = Sampler::parse(name, None).or_failed()?;
        // Karras may not reach where the grids of the flags do.
        for grid in std::iter::once(GRID).chain(grids.iter().map(String::as_str)) {
            if let Ok(Some((steps, plan))) = field.fitting(&sampler, grid, args.nfe) {
                let analysis = plan.analyze(&gaussian.spectrum, &options).or_failed()?;
                let (grid, process) = (Some(grid.to_owned()), field.process.name());
                rows.push(Row { sampler: name.into(), grid, steps: Some(steps), file: None, process, analysis });
                break;
            }
        }
    }
    Ok(rows)
}

/// Which source makes most of the winner's error.
fn dominant(by: By, analysis: &Analysis) -> String {
    let total = number(pick(by, &analysis.total));
    let mut parts: Vec<_> = analysis.contributions.iter().map(|part| (part.cause, pick(by, &part.alone))).collect();
    parts.retain(|(_, value)| *value > 0.0);
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let [(cause, most), rest @ ..] = &parts[..] else {
        return format!("Why: its {} of {total} cannot be told apart into sources.", name(by));
    };
    let rest: Vec<String> = rest.iter().map(|(cause, value)| format!("{cause} {}", number(*value))).collect();
    let rest = if rest.is_empty() { String::new() } else { format!(", {}", rest.join(", ")) };
    format!("Why: of its {} of {total} the most is {cause}: {} alone{rest}.", name(by), number(*most))
}

/// The winner beside the usual choices.
fn beside(args: &RecommendArgs, best: &Row, usual: &[Row]) -> String {
    let least = pick(args.by, &best.analysis.total);
    let one = |row: &Row| {
        let value = pick(args.by, &row.analysis.total);
        let grid = row.grid.as_deref().unwrap_or_default();
        let times = match value / least {
            times if !times.is_finite() => String::new(),
            times if times < 9.95 => format!(", {times:.1} times as much"),
            times => format!(", {times:.0} times as much"),
        };
        format!("{} on {grid} has {}{times}", row.sampler, number(value))
    };
    let usual: Vec<String> = usual.iter().map(one).collect();
    if usual.is_empty() {
        return "The usual choices do not fit.".into();
    }
    format!("In as many evaluations {}.", usual.join("; "))
}

/// The ranking for people.
fn table(found: &[Found]) -> String {
    let also = found.iter().take(SHOWN).any(|found| !found.also.is_empty());
    let heads = ["", "sampler", "grid", "steps", "NFE", "W2", "KL", if also { "the same table" } else { "" }];
    let mut lines = vec![heads.map(String::from).to_vec()];
    for (rank, Found { row, also, .. }) in found.iter().take(SHOWN).enumerate() {
        let Analysis { nfe, total, .. } = &row.analysis;
        lines.push(vec![
            (rank + 1).to_string(),
            row.sampler.clone(),
            row.grid.clone().unwrap_or_default(),
            row.steps.unwrap_or_default().to_string(),
            nfe.to_string(),
            number(total.w2),
            number(total.kl),
        ]);
        if let (Some(line), false) = (lines.last_mut(), also.is_empty()) {
            line.push(also.join(", "));
        }
    }
    survey::aligned_as(&lines, &[false, true, true, false, false, false, false, true])
}

/// What makes the winner's plan, and what samples by it.
fn commands(
    args: &RecommendArgs,
    field: &Field<'_>,
    model: Option<&Path>,
    sampler: &str,
    grid: &str,
    steps: usize,
) -> Result<Vec<String>> {
    let range = field.range(grid, Some(steps))?;
    let usual = crate::schedule::usual_range(field.process);
    let differs = |a: f64, b: f64| a != b && (a - b).abs() > 1e-9 * b;
    let mut flags = format!("--sampler {sampler} --grid {grid}");
    if !survey::is_list(grid) {
        flags.push_str(&format!(" --steps {steps}"));
        let ends = [("--sigma-min", range.min, usual[0]), ("--sigma-max", range.max, usual[1])];
        for (flag, value, _) in ends.into_iter().filter(|(_, value, usual)| differs(*value, *usual)) {
            flags.push_str(&format!(" {flag} {value}"));
        }
    }
    let predict = field
        .network
        .map_or_else(String::new, |network: &Formulation| format!(" --predict {}", network.prediction.name()));
    let plan = format!("langevin plan --process {}{predict} {flags} --json", field.process.name());
    let mut commands = vec![format!("{plan} > {}", quoted(&args.out.display().to_string()))];
    if let Some(model) = model {
        let read_as = args.process.as_ref().map_or_else(String::new, |process| format!(" --as {process}"));
        let model = quoted(&model.display().to_string());
        commands.push(format!("langevin sample {model}{read_as} {flags} -n 64 --out samples.npy"));
    }
    Ok(commands)
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:,=+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
