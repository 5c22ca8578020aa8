//! `langevin tune`: a plan fitted to one model, and the evidence that it is better than known ones.

use crate::cli::TuneArgs;
use crate::error::{Blame as _, Exit, Failure, Result};
use crate::interrupt;
use crate::io::{atomic, print, say};
use crate::request;
use crate::terminal::TERMINAL;
use crate::words::{either_case, plural, shown, visible};
use langevin::Request;
use langevin::text::{Column, number};
use langevin_analysis::tune::{Method, Tuned};
use langevin_report::{Cell, LineChart, Page, Table};
use langevin_tasks::tune::{self, Classes, Found, Settings};

/// Runs the command.
pub fn run(args: &TuneArgs) -> Result<()> {
    interrupt::listen()?;
    let method = either_case(&args.method, Method::parse).or_misused().map_err(|failure| failure.at("--method"))?;
    let mut source = args.source.open_on(&args.device)?;
    let (condition, reading) = (args.condition.condition(), args.file.reading());
    if !condition.guidance_sweep.is_empty() {
        return Err(Failure::misused("a plan is tuned for one guidance weight")
            .at("--guidance-sweep")
            .expected("--guidance W")
            .got(plural(condition.guidance_sweep.len() as u64, "weight")));
    }
    let classes = Classes::ask(&condition, &mut source)?;
    args.unconditional.give(&mut source)?;
    let reader = source.read_as(args.read_as.as_deref(), &TERMINAL)?;
    let settings = Settings {
        method,
        seed: args.seed,
        samples: args.samples,
        test: args.test,
        minutes: args.minutes,
        threads: args.threads,
        data: args.data.as_deref(),
        ..Settings::new(args.nfe, &reading, &condition)
    };
    let about = classes.words();
    let prepared = tune::prepare(&reader, args.range.limit(Request::new()), &settings, classes, &TERMINAL)?;
    for path in [&args.out, &args.plot].into_iter().flatten() {
        atomic::probe(path)?;
    }
    say(&prepared.announcement()?);
    let Found { tuned, plan, .. } = prepared.run(&TERMINAL)?;
    if let Some(out) = &args.out {
        let json = plan.to_json();
        atomic::write(out, |out| out.write_all(json.as_bytes()))?;
    }
    let subject = subject(&tuned, &reader.path(), &about);
    if let Some(path) = &args.plot {
        atomic::save(path, page(&tuned, source.name(), &subject).as_bytes())?;
        say(&format!("the page is in {}", shown(path)));
    }
    match args.json {
        true => print(&format!("{}\n", document(&tuned)))?,
        false => print(&words(&tuned, &subject))?,
    }
    if let Some(out) = &args.out {
        let which = if tuned.improves() { "the tuned plan" } else { "the best known plan" };
        say(&format!("{which} is in {}", shown(out)));
        let model = args.source.named.model.as_deref().map_or_else(|| "MODEL".to_owned(), shown);
        request::say_command(&plan, &model, out);
    }
    if tuned.improves() {
        return Ok(());
    }
    Err(Failure::silent(Exit::Failed))
}

/// Describes the comparison in one line.
fn subject(tuned: &Tuned, path: &str, classes: &str) -> String {
    let classes = if classes.is_empty() { String::new() } else { format!("; {classes}") };
    format!(
        "{} and a tuned one for {path}, on {} that the fit has not seen (seed {}), against a fine solution of {} from the same noise{classes}",
        plural(tuned.plans as u64, "known plan"),
        plural(tuned.samples[1] as u64, "sample"),
        tuned.seeds[1],
        plural(tuned.fine as u64, "evaluation"),
    )
}

/// Returns the verdict in one sentence.
fn verdict(tuned: &Tuned) -> String {
    let ([low, high], ratio) = (tuned.interval, tuned.ratio());
    match tuned.improves() {
        true => {
            format!("The error is {ratio:.3} times that of the best known plan (95 % interval {low:.3} to {high:.3}).")
        }
        false => format!(
            "The improvement is not certain (ratio {ratio:.3}, 95 % interval {low:.3} to {high:.3}): use the best known plan."
        ),
    }
}

/// Returns the table of the two plans.
fn plans(tuned: &Tuned) -> Table {
    let heads: &[&str] = match &tuned.to_data {
        Some(_) => &["plan", "grid", "NFE", "error", "distance to data"],
        None => &["plan", "grid", "NFE", "error"],
    };
    let row = |name: &str, grid: &str, nfe: usize, error: Option<f64>, to_data: Option<f64>| {
        let mut cells: Vec<Cell> = vec![name.into(), grid.into(), nfe.into()];
        cells.push(error.map_or_else(|| Cell::from("–"), Cell::from));
        cells.extend(to_data.map(Cell::from));
        cells
    };
    let known = &tuned.known;
    let to_data = tuned.to_data;
    let distance = |f: fn(&langevin_analysis::tune::ToData) -> f64| to_data.as_ref().map(f);
    Table::new(heads.iter().copied())
        .row(row(&known.sampler, &known.grid, known.plan.nfe(), Some(tuned.known_error), distance(|d| d.known)))
        .row(row("tuned", "its own", tuned.plan.nfe(), Some(tuned.error), distance(|d| d.tuned)))
        .row(row("fine solution", "", tuned.fine, None, distance(|d| d.fine)))
}

/// Returns the table of errors under other circumstances.
fn transfers(tuned: &Tuned) -> Table {
    let left = Column::Left(0);
    let mut table = Table::new(["elsewhere", "tuned", "known", "ratio"]).layout(&[left, left, left, left]);
    for transfer in &tuned.transfers {
        let [ours, theirs] = transfer.errors;
        let ratio = format!("{:.3}", ours / theirs);
        let cells: [Cell; 4] = [transfer.what.as_str().into(), ours.into(), theirs.into(), ratio.as_str().into()];
        table.push(cells);
    }
    table
}

/// Returns sentences about the limits of the result.
fn limits(tuned: &Tuned) -> Vec<String> {
    let mut lines = vec![];
    if tuned.transfers.iter().any(|transfer| transfer.what.contains("evaluations")) {
        lines.push(
            "With another number of evaluations, the tuned levels are interpolated; the fitted weights are lost."
                .to_owned(),
        );
    }
    lines.push(format!(
        "With the same evaluations, the best last row has an error of {} on these samples, and {} is outside the span of the start and the answers. The fine solution itself moves by {} with half its evaluations.",
        number(tuned.wall.last_row),
        number(tuned.wall.outside),
        number(tuned.fine_error),
    ));
    lines.extend(tuned.to_data.map(|data| {
        let verdict = if data.is_worse() { "The samples are farther from" } else { "The samples are not farther from" };
        let [low, high] = data.difference.map(number);
        format!(
            "{verdict} {} of data than those of the best known plan: the squared energy distance differs by {low} to {high} (95 % interval).",
            plural(data.rows as u64, "row")
        )
    }));
    lines.push(format!(
        "Fitted by the method {} on {} of seed {}, from {} on {}, with {}.",
        tuned.method.name(),
        plural(tuned.samples[0] as u64, "sample"),
        tuned.seeds[0],
        tuned.start[0],
        tuned.start[1],
        plural(tuned.evaluations, "evaluation"),
    ));
    lines
}

fn words(tuned: &Tuned, subject: &str) -> String {
    format!(
        "{}\n\n{}\n{}\n\n{}\n{}\n",
        visible(subject),
        plans(tuned).text(),
        verdict(tuned),
        transfers(tuned).text(),
        limits(tuned).join("\n")
    )
}

fn page(tuned: &Tuned, model: &str, subject: &str) -> String {
    let levels = |plan: &langevin::Plan| -> Vec<(f64, f64)> {
        let levels = plan.ops().iter().filter_map(|op| match op {
            langevin::plan::Op::Eval { level, .. } => Some(level.sigma_ve()),
            _ => None,
        });
        levels.enumerate().map(|(k, y)| (k as f64 + 1.0, y)).collect()
    };
    let known = format!("{} on {}", tuned.known.sampler, tuned.known.grid);
    let chart = LineChart::new("evaluation", "noise level σ/α", levels(&tuned.plan))
        .named("Noise level of the tuned plan")
        .dashed(known, levels(&tuned.known.plan));
    let paragraphs: String =
        limits(tuned).iter().map(|line| format!("<p>{}</p>", langevin_report::escape(line))).collect();
    let escaped = langevin_report::escape(&tuned.plan.to_string());
    Page::new(format!("{model}: a plan of {} evaluations", tuned.plan.nfe()))
        .kicker("langevin tune")
        .lede(format!("{}. {}", visible(subject), verdict(tuned)))
        .section("The plans", &plans(tuned).html("numbers", "Root mean square distance from the fine solution"))
        .section("The noise levels", &chart.html())
        .section("Elsewhere", &transfers(tuned).html("numbers", "Errors under other circumstances"))
        .section("The limits", &paragraphs)
        .section("The table", &format!("<pre>{escaped}</pre>"))
        .html()
}

fn document(tuned: &Tuned) -> serde_json::Value {
    let known = &tuned.known;
    let transfer = |transfer: &langevin_analysis::tune::Transfer| serde_json::json!({"what": transfer.what, "tuned": transfer.errors[0], "known": transfer.errors[1]});
    serde_json::json!({
        "nfe": tuned.plan.nfe(), "method": tuned.method.name(), "error": tuned.error, "fitted": tuned.fitted, "ratio": tuned.ratio(),
        "interval": tuned.interval, "improves": tuned.improves(),
        "known": {"sampler": known.sampler, "grid": known.grid, "steps": known.steps, "nfe": known.plan.nfe(), "error": tuned.known_error},
        "plans": tuned.plans, "start": tuned.start, "seeds": tuned.seeds, "samples": tuned.samples, "evaluations": tuned.evaluations,
        "fine": {"nfe": tuned.fine, "rms_of_half": tuned.fine_error},
        "wall": {"last_row": tuned.wall.last_row, "outside": tuned.wall.outside},
        "to_data": tuned.to_data.map(|data| serde_json::json!({
            "tuned": data.tuned, "known": data.known, "fine": data.fine, "rows": data.rows, "difference": data.difference, "worse": data.is_worse(),
        })),
        "transfers": tuned.transfers.iter().map(transfer).collect::<Vec<_>>(),
    })
}
