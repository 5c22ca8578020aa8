//! `langevin recommend`: the sampler and the grid with the smallest exact error on Gaussian data like the user's.

use super::analyze::PROCESS;
use crate::cli::{By, RangeArgs, RecommendArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::interrupt;
use crate::io::{atomic, print, say};
use crate::request::{self, quoted};
use crate::source::Source;
use crate::spectrum::Gaussian;
use crate::survey::{self, Field};
use crate::trained::Trained;
use crate::words::{either_case, plural, shown, visible};
use langevin::recommend::{Candidate, Measure, Measured, Ranking, Search};
use langevin::text::{Column, number};
use langevin::{Formulation, Grid, Model as _, Plan, Prediction, Process};
use langevin_report::{Cell, Table};
use std::path::Path;

/// Samples that a measurement draws with each plan.
const SAMPLES: usize = 256;
/// The file of the printed command, where none was named.
const FILE: &str = "recommended.json";

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
    let samplers = args.sampler.as_deref().map(survey::samplers).transpose()?;
    let grids = args.grid.as_deref().map(survey::grids).transpose()?;
    if args.measure.is_some() && reader.is_none() {
        return Err(Failure::misused("there is no model to try plans on")
            .at("--measure")
            .expected("MODEL, or --onnx FILE")
            .got("data alone")
            .hint("leave out --measure, or give the model that `langevin train` saved"));
    }
    let gaussian = gaussian(args, trained.as_ref())?;
    if let Some(out) = &args.out {
        atomic::probe(out)?;
    }

    let by = match args.by {
        By::W2 => langevin::recommend::By::W2,
        By::Kl => langevin::recommend::By::Kl,
    };
    for grid in grids.iter().flatten() {
        field.range(grid, Some(args.nfe))?;
    }
    let setting = field.setting("karras", Some(args.nfe))?;
    let mut search = Search::new(&setting, &gaussian.spectrum, args.nfe, by)
        .score_error(args.score_error)
        .neighbours(args.neighbours);
    if let Some(samplers) = samplers {
        search = search.samplers(samplers);
    }
    if let Some(grids) = grids {
        search = search.grids(grids);
    }
    while search.advance().or_failed()? {
        interrupt::check()?;
    }
    let mut ranking = search.finish().or_misused()?;
    let measured = match (args.measure, &reader) {
        (Some(plans), Some(reader)) => {
            reader.source().check_rows(SAMPLES)?;
            let threads = reader.source().threads(args.threads);
            let measure = Measure::new(plans).samples(SAMPLES).seed(args.seed).threads(threads);
            let width = reader.source().width();
            Some(interrupt::or_failed(measure.run(&mut ranking, &setting, reader, width))?)
        }
        _ => None,
    };
    let best = ranking.best();
    let why = ranking.why();
    let commands = commands(args, &field, trained.as_ref().map(|trained| trained.path.as_path()), best)?;
    if let Some(out) = &args.out {
        let json = plan_of(&field, best)?.to_json();
        atomic::write(out, |out| out.write_all(json.as_bytes()))?;
    }
    let subject = format!(
        "{} of at most {}, on {}; {}; process {}",
        plural(ranking.plans() as u64, "plan"),
        plural(args.nfe as u64, "evaluation"),
        gaussian.name,
        plural(gaussian.spectrum.dimension(), "dimension"),
        process.name()
    );
    if args.json {
        let results: Vec<_> = ranking.shown().iter().map(|one| document(one, std::ptr::eq(one, best))).collect();
        let document = serde_json::json!({
            "process": process.name(), "data": gaussian.name, "read": gaussian.read, "dimension": gaussian.spectrum.dimension(), "nfe": args.nfe,
            "by": if args.by == By::W2 { "w2" } else { "kl" }, "score_error": args.score_error, "neighbours": args.neighbours, "plans": ranking.plans(),
            "results": results, "measured": measured.as_ref().map(|measured| measurement(measured, &ranking)), "chosen": ranking.chosen() + 1,
            "usual": ranking.usual().iter().map(|one| survey::row(one).document()).collect::<Vec<_>>(),
            "why": why, "commands": commands, "plan": args.out.as_ref().map(|out| out.display().to_string()),
        });
        print(&format!("{document}\n"))?;
    } else {
        let commands: String = commands.iter().map(|command| format!("  {}\n", visible(command))).collect();
        let measured = measured.as_ref().map_or_else(String::new, |measured| trials(measured, &ranking));
        print(&format!("{}\n\n{ranking}\n{measured}{commands}", visible(&subject)))?;
    }
    survey::say_if_flat(&gaussian.spectrum, ranking.shown().iter().map(|one| &one.analysis));
    if args.raw_starts_short(&ranking) {
        say("note: the rows are in their own units; without --raw they are scaled as `train` scales them");
    }
    match &args.out {
        Some(out) => {
            say(&format!("the plan of {} on {} is in {}", best.sampler.spec(), best.grid, shown(out)));
            let model = trained.as_ref().map_or_else(|| "MODEL".to_owned(), |trained| named(args, &trained.path));
            request::say_command(&best.plan, &model, out);
        }
        None if !has_flags(&field) => say("note: no flags make this plan; --out PLAN.json writes it"),
        None => {}
    }
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

/// One plan of the ranking; the sources of its error for the best.
fn document(candidate: &Candidate, is_best: bool) -> serde_json::Value {
    let mut document = survey::row(candidate).document();
    if let Some(fields) = document.as_object_mut() {
        fields.insert("also".into(), candidate.also.clone().into());
        fields.insert("typical".into(), serde_json::json!(candidate.typical));
        if !is_best {
            fields.remove("sources");
        }
    }
    document
}

/// What a measurement found, as the document has it: infinite numbers are null.
fn measurement(measured: &Measured, ranking: &Ranking) -> serde_json::Value {
    let trial = |trial: &langevin::recommend::Trial| {
        let one = &ranking.candidates()[trial.place];
        serde_json::json!({
            "rank": trial.place + 1, "sampler": one.sampler.spec(), "grid": one.grid, "steps": one.steps, "nfe": one.analysis.nfe,
            "predicted": trial.predicted, "rms": trial.measured,
        })
    };
    serde_json::json!({
        "trials": measured.trials.iter().map(trial).collect::<Vec<_>>(),
        "skipped": measured.skipped.iter().map(|place| place + 1).collect::<Vec<_>>(), "samples": measured.samples,
        "reference": {"plan": measured.reference, "nfe": measured.reference_nfe, "rms_of_half": measured.reference_error},
    })
}

/// The same as a table.
fn trials(measured: &Measured, ranking: &Ranking) -> String {
    let left = Column::Left(0);
    let layout = [left, left, left, Column::Right(0)];
    let mut table = Table::new(["rank", "sampler", "grid", "NFE", "predicted", "measured"]).layout(&layout);
    for trial in &measured.trials {
        let one = &ranking.candidates()[trial.place];
        let names: [Cell; 3] = [(trial.place + 1).into(), one.sampler.spec().into(), one.grid.as_str().into()];
        let numbers: [Cell; 3] = [one.analysis.nfe.into(), trial.predicted.into(), trial.measured.into()];
        table.push(names.into_iter().chain(numbers));
    }
    let best = ranking.best();
    let skipped = match &measured.skipped[..] {
        [] => String::new(),
        places => {
            let ranks: Vec<String> = places.iter().map(|place| (place + 1).to_string()).collect();
            format!("Not measured, for they draw noise on their way: rank {}.\n", ranks.join(", "))
        }
    };
    format!(
        "Measured on the model: root mean square distance for each element, of {} from {} of {} from the same noise\n\n{}\n{skipped}\
         The nearest is {} on {}. The reference itself moves by {} with half its evaluations.\n\n",
        plural(measured.samples as u64, "sample"),
        plural(measured.reference_nfe as u64, "evaluation"),
        visible(&measured.reference),
        table.text(),
        best.sampler.spec(),
        best.grid,
        number(measured.reference_error),
    )
}

impl RecommendArgs {
    /// Whether rows in their own units are wider than the start.
    fn raw_starts_short(&self, ranking: &Ranking) -> bool {
        self.spectrum.raw && matches!(ranking.doubt(), Some(langevin::recommend::Doubt::Start { .. }))
    }
}

/// The winner's plan, made as the command that is printed makes it: every level lies where the network was trained, and the plan does not say where that is.
fn plan_of(field: &Field<'_>, best: &Candidate) -> Result<Plan> {
    let Candidate { sampler, grid, steps, plan, .. } = best;
    let Some(mut network) = field.network.cloned() else {
        return Ok(plan.clone());
    };
    network.range = None;
    let alone = Field { network: Some(&network), trained: None, ..*field };
    if Grid::brings_steps(grid) {
        return Ok(alone.plan(sampler, grid, None)?.1);
    }
    // The trained range has the rounding of a change of clock, which the command has not.
    let [min, max] = ends(field, grid, Some(*steps))?;
    let range = RangeArgs { sigma_min: Some(min.0), sigma_max: Some(max.0) };
    Ok(Field { range: &range, ..alone }.plan(sampler, grid, Some(*steps))?.1)
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

/// The model as the flags of `sample` name it.
fn named(args: &RecommendArgs, path: &Path) -> String {
    let file = quoted(&path.display().to_string());
    if args.onnx.is_none() {
        return file;
    }
    let flags = &args.trained_as;
    let list = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let shape = flags.shape.as_ref().map(|shape| shape.iter().map(usize::to_string).collect::<Vec<_>>().join(","));
    let given = [
        ("--process", args.process.clone()),
        ("--predict", flags.predict.clone()),
        ("--clock", Some(flags.clock.clone()).filter(|clock| clock != "time")),
        ("--input-sigma-data", flags.input_sigma_data.map(|sigma| sigma.to_string())),
        ("--trained-range", flags.trained_range.map(|range| list(&range))),
        ("--normalization", flags.normalization.map(|(shift, scale)| list(&[shift, scale]))),
        ("--shape", shape),
        ("--output", flags.output.clone()),
    ];
    let inputs = flags.input.iter().map(|input| ("--input", Some(format!("{}={}", input.name, input.file.display()))));
    let words =
        given.into_iter().chain(inputs).filter_map(|(flag, value)| Some(format!(" {flag} {}", quoted(&value?))));
    format!("--onnx {file}{}", words.collect::<String>())
}

/// What makes the winner's plan, and what samples by it.
fn commands(args: &RecommendArgs, field: &Field<'_>, model: Option<&Path>, best: &Candidate) -> Result<Vec<String>> {
    let (sampler, grid, steps) = (best.sampler.spec(), &*best.grid, best.steps);
    let mut flags = format!("--sampler {sampler} --grid {grid}");
    if !Grid::brings_steps(grid) {
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
        let out = args.out.as_ref().map_or_else(|| FILE.to_owned(), |out| out.display().to_string());
        commands.push(format!("{plan} > {}", quoted(&out)));
    }
    if let Some(path) = model {
        let read_as = args.process.as_deref().filter(|_| args.onnx.is_none());
        let read_as = read_as.map_or_else(String::new, |process| format!(" --as {}", quoted(process)));
        let model = named(args, path);
        commands.push(format!("langevin sample {model}{read_as} {flags} -n 64 --out samples.npy"));
    }
    Ok(commands)
}
