//! `langevin tune`: a plan fitted to one model, and the evidence that it is better than known ones.

use super::tokens;
use crate::cli::TuneArgs;
use crate::error::{Blame as _, Exit, Failure, Result};
use crate::interrupt;
use crate::io::{atomic, print, say};
use crate::request;
use crate::terminal::TERMINAL;
use crate::words::{either_case, plural, shown, visible};
use langevin::Request;
use langevin_analysis::tune::{Method, Tuned};
use langevin_report::{Cell, LineChart, Page, Table};
use langevin_tasks::tokens::Opened;
use langevin_tasks::tune::{self, Classes, Data, Found, Settings};

/// Runs the command.
pub fn run(args: &TuneArgs) -> Result<()> {
    interrupt::listen()?;
    let method = either_case(&args.method, Method::parse).or_misused().map_err(|failure| failure.at("--method"))?;
    let mut source = match args.source.open_any(&args.device)? {
        Opened::Tokens(model) => return tokens::recommend::tune(args, &model),
        Opened::Numbers(source) => source,
    };
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
        data: args.data.as_deref().map(Data::Named),
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
    let classes = if about.is_empty() { String::new() } else { format!("; {about}") };
    let subject = format!("{}{classes}", tuned.subject(&reader.path()));
    if let Some(path) = &args.plot {
        atomic::save(path, page(&tuned, source.name(), &subject).as_bytes())?;
        say(&format!("the page is in {}", shown(path)));
    }
    match args.json {
        true => print(&format!("{}\n", tune::document(&tuned)))?,
        false => print(&format!("{}\n\n{tuned}", visible(&subject)))?,
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

/// Returns the table of the two plans and the fine solution.
fn plans(tuned: &Tuned) -> Table {
    let shown = if tuned.to_data.is_some() { 5 } else { 4 };
    let mut table = Table::new(["plan", "grid", "NFE", "error", "distance to data"].into_iter().take(shown));
    for line in tuned.plans() {
        let cells: [Cell; 5] =
            [line.name.into(), line.grid.into(), line.nfe.into(), line.error.into(), line.to_data.into()];
        table.push(cells.into_iter().take(shown));
    }
    table
}

/// Returns the table of errors under other circumstances.
fn transfers(tuned: &Tuned) -> Table {
    let mut table = Table::new(["elsewhere", "tuned", "known", "ratio"]);
    for transfer in &tuned.transfers {
        let [ours, theirs] = transfer.errors;
        let ratio = format!("{:.3}", ours / theirs);
        let cells: [Cell; 4] = [transfer.what.to_string().into(), ours.into(), theirs.into(), ratio.as_str().into()];
        table.push(cells);
    }
    table
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
        tuned.limits().iter().map(|line| format!("<p>{}</p>", langevin_report::escape(line))).collect();
    let escaped = langevin_report::escape(&tuned.plan.to_string());
    Page::new(format!("{model}: a plan of {} evaluations", tuned.plan.nfe()))
        .kicker("langevin tune")
        .lede(format!("{}. {}", visible(subject), tuned.verdict()))
        .section("The plans", &plans(tuned).html("figures", "Root mean square distance from the fine solution"))
        .section("The noise levels", &chart.html())
        .section("Elsewhere", &transfers(tuned).html("figures rates", "Errors under other circumstances"))
        .section("The limits", &format!("<div class=\"lines\">{paragraphs}</div>"))
        .section("The table", &format!("<pre class=\"table\">{escaped}</pre>"))
        .html()
}
