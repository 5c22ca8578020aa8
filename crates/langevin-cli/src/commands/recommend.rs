//! `langevin recommend`: the sampler and the grid with the smallest exact error on Gaussian data like the user's.

use super::analyze::{GRID, PROCESS};
use crate::cli::{By, RangeArgs, RecommendArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, print, say};
use crate::source::Source;
use crate::spectrum::Gaussian;
use crate::survey::{self, Field, Row, number};
use crate::trained::Trained;
use crate::words::{either_case, plural, shown, visible};
use crate::{check, interrupt};
use langevin::analysis::{Analysis, AnalysisOptions, Distance};
use langevin::sampler::Entry;
use langevin::{Formulation, Grid, Level, Model as _, Plan, Prediction, Process, Sampler};
use std::path::Path;

/// Samplers that are not meant for this: made for distilled networks, with noise levels of their own in their options, or for guidance.
fn meant(name: &str) -> bool {
    !matches!(name, "lcm" | "tcd" | "restart" | "annealed-langevin") && !name.ends_with("-cfg-pp")
}

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
    let trained = match &args.onnx {
        Some(path) => Some(Trained::onnx(path, args.process.as_deref(), &args.trained_as)?),
        None => Trained::open(args.network.as_deref().or(args.model.as_deref()), &args.spectrum)?,
    };
    let source = trained.as_ref().map(|trained| &trained.source);
    // With an ONNX file the process is the network's own.
    let read_as = args.process.as_deref().filter(|_| args.onnx.is_none());
    let reader = source.map(|source| source.read_as(read_as)).transpose()?;
    let process = match &reader {
        Some(reader) => reader.process.clone(),
        None => either_case(args.process.as_deref().unwrap_or(PROCESS), Process::parse).or_misused()?,
    };
    let field = Field {
        process: &process,
        network: reader.as_ref().and_then(|reader| reader.formulation()),
        trained: source.and_then(Source::trained),
        range: &args.range,
    };
    let samplers = match &args.sampler {
        Some(list) => survey::samplers(list)?,
        None => {
            let meant = Entry::all().iter().filter(|entry| meant(entry.name));
            meant.map(|entry| Sampler::parse(entry.name, None).or_failed()).collect::<Result<_>>()?
        }
    };
    let grids = survey::grids(args.grid.as_deref().unwrap_or(GRIDS))?;
    let gaussian = gaussian(args, trained.as_ref())?;
    for (flag, input) in [
        ("MODEL", trained.as_ref().map(|trained| trained.path.as_path())),
        ("--data", args.spectrum.data.as_deref().map(Path::new)),
        ("--spectrum", args.spectrum.spectrum.as_deref().map(Path::new)),
    ] {
        input.iter().try_for_each(|input| check::another_file(&args.out, flag, input))?;
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
    let mut why = vec![dominant(args.by, &analysis), beside(args, best, &usual)];
    why.extend(luck(args, &field, &gaussian, best, samplers.as_slice()));
    let commands = commands(
        args,
        &field,
        trained.as_ref().map(|trained| trained.path.as_path()),
        &best.row.sampler,
        &grid,
        steps,
    )?;
    let json = plan_of(&field, best, &samplers)?.to_json();
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
        print(&format!("{}\n\n{table}\n{}\n\n{commands}", visible(&subject), why.join("\n")))?;
    }
    survey::say_if_flat(&gaussian.spectrum, found.iter().take(SHOWN).map(|found| &found.row.analysis));
    say(&format!("the plan of {} on {grid} is in {}", best.row.sampler, shown(&args.out)));
    Ok(())
}

/// The data: of the flags, or what the model was trained on.
fn gaussian(args: &RecommendArgs, trained: Option<&Trained>) -> Result<Gaussian> {
    match trained {
        Some(trained) => trained.gaussian(&args.spectrum),
        None if args.spectrum.data.is_none() && args.spectrum.spectrum.is_none() => {
            Err(Failure::misused("nothing to recommend for")
                .at("MODEL, --data")
                .expected("a model, data, or --spectrum")
                .got("none of them"))
        }
        None => args.spectrum.open(),
    }
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
fn beside(args: &RecommendArgs, best: &Found, usual: &[Row]) -> String {
    let least = pick(args.by, &best.row.analysis.total);
    let one = |row: &Row| {
        if row.grid == best.row.grid && (row.sampler == best.row.sampler || best.also.contains(&row.sampler)) {
            return format!("{} on {} is this plan", row.sampler, row.grid.as_deref().unwrap_or_default());
        }
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

/// An error is one number an axis, and may pass through 0 between two numbers of steps: then it is far below those of its neighbours, and says nothing
/// about other data.
fn luck(
    args: &RecommendArgs,
    field: &Field<'_>,
    gaussian: &Gaussian,
    best: &Found,
    samplers: &[Sampler],
) -> Option<String> {
    let Row { sampler, grid, steps, analysis, .. } = &best.row;
    let (grid, steps) = (grid.as_deref().filter(|grid| !survey::is_list(grid))?, (*steps)?);
    let sampler = samplers.iter().find(|known| known.spec() == sampler)?;
    let options = AnalysisOptions { sources: false, ..AnalysisOptions::default() };
    let value = |steps: usize| {
        let plan = field.plan(sampler, grid, Some(steps)).ok()?.1;
        plan.analyze(&gaussian.spectrum, &options).ok().map(|analysis| pick(args.by, &analysis.total))
    };
    let least = pick(args.by, &analysis.total);
    let (less, more) = (if steps > 1 { value(steps - 1) } else { None }, value(steps + 1)?);
    // More steps are as a rule better, and a step less is worse by some: not twice, from a few steps on.
    let far = |value: f64| value > 2.0 * least;
    if !far(more) || !less.is_none_or(far) {
        return None;
    }
    let less = less.map_or_else(String::new, |less| format!("with a step less it has {}, ", number(less)));
    Some(format!("It may be luck: {less}with a step more {}. Try it beside those below it.", number(more)))
}

/// The first names of many.
fn few(names: &[String]) -> String {
    const FEW: usize = 6;
    match names.len().saturating_sub(FEW) {
        0 | 1 => names.join(", "),
        more => format!("{} and {more} more", names[..FEW].join(", ")),
    }
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
            line.push(few(also));
        }
    }
    survey::aligned_as(&lines, &[false, true, true, false, false, false, false, true])
}

/// The winner's plan, made as the command that is printed makes it: every level lies where the network was trained, and the plan does not say where that is.
fn plan_of(field: &Field<'_>, best: &Found, samplers: &[Sampler]) -> Result<Plan> {
    let Row { sampler, grid, steps, .. } = &best.row;
    let known = samplers.iter().find(|known| known.spec() == sampler);
    let (Some(network), Some(sampler), Some(grid)) = (field.network, known, grid) else {
        return Ok(best.plan.clone());
    };
    let mut network = network.clone();
    network.range = None;
    let alone = Field { network: Some(&network), trained: None, ..*field };
    if survey::is_list(grid) {
        return Ok(alone.plan(sampler, grid, None)?.1);
    }
    // The trained range has the rounding of a change of clock, which the command has not.
    let [min, max] = ends(field, grid, *steps)?;
    let range = RangeArgs { sigma_min: Some(min.0), sigma_max: Some(max.0) };
    Ok(Field { range: &range, ..alone }.plan(sampler, grid, *steps)?.1)
}

/// The ends of a grid's range in σ/α, the usual ones where they are that but for rounding, and whether each is another one.
fn ends(field: &Field<'_>, grid: &str, steps: Option<usize>) -> Result<[(f64, bool); 2]> {
    let range = field.range(grid, steps)?;
    let usual = crate::schedule::usual_range(field.process);
    let end = |a: f64, b: f64| if a != b && (a - b).abs() > 1e-9 * b { (a, true) } else { (b, false) };
    Ok([end(range.min, usual[0]), end(range.max, usual[1])])
}

/// Whether `langevin plan` can be told of this process and this network.
fn has_flags(field: &Field<'_>) -> bool {
    let process = Process::parse(&field.process.name());
    let known = process.is_ok_and(|process| process.spec() == field.process.spec());
    known
        && field.network.is_none_or(|network| {
            let prediction = Prediction::parse(network.prediction.name()).unwrap_or(network.prediction);
            let mut plain = Formulation::new(network.process.clone(), prediction);
            plain.range = network.range;
            plain == *network && network.process == *field.process
        })
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
    let mut flags = format!("--sampler {sampler} --grid {grid}");
    if !survey::is_list(grid) {
        flags.push_str(&format!(" --steps {steps}"));
        for (flag, (value, other)) in ["--sigma-min", "--sigma-max"].iter().zip(ends(field, grid, Some(steps))?) {
            if other {
                flags.push_str(&format!(" {flag} {value}"));
            }
        }
    }
    let predict = field
        .network
        .map_or_else(String::new, |network: &Formulation| format!(" --predict {}", network.prediction.name()));
    let mut commands = Vec::new();
    if has_flags(field) {
        let plan = format!("langevin plan --process {}{predict} {flags} --json", field.process.name());
        commands.push(format!("{plan} > {}", quoted(&args.out.display().to_string())));
    }
    if let Some(model) = model {
        let flag = |name: &str, value: Option<&str>| {
            value.map_or_else(String::new, |value| format!(" {name} {}", quoted(value)))
        };
        let file = quoted(&model.display().to_string());
        let (model, read_as) = match &args.onnx {
            None => (file, flag("--as", args.process.as_deref())),
            Some(_) => {
                let trained_as = &args.trained_as;
                let clock = Some(trained_as.clock.as_str()).filter(|clock| *clock != "time");
                let flags = [
                    flag("--process", args.process.as_deref()),
                    flag("--predict", trained_as.predict.as_deref()),
                    flag("--clock", clock),
                ];
                (format!("--onnx {file}{}", flags.concat()), String::new())
            }
        };
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
