//! `langevin recommend`: the sampler and the grid with the smallest exact error on Gaussian data like the user's.

use crate::cli::{By, RecommendArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::interrupt;
use crate::io::{atomic, print, say};
use crate::request::{self, quoted};
use crate::spectrum::Gaussian;
use crate::survey;
use crate::trained::Trained;
use crate::words::{either_case, plural, shown, visible};
use langevin::grid::usual_range;
use langevin::request::REFERENCE_PROCESS;
use langevin::text::{Column, number};
use langevin::{Grid, Model as _, Process, Request};
use langevin_analysis::recommend::{Candidate, Measure, Measured, Ranking, Search};
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
        None => either_case(args.process.as_deref().unwrap_or(REFERENCE_PROCESS), Process::parse).or_misused()?,
    };
    let request = match &reader {
        Some(reader) => reader.asks(Request::new()),
        None => Request::new().process(process.clone()),
    };
    let request = args.range.limit(request);
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
        By::W2 => langevin_analysis::recommend::By::W2,
        By::Kl => langevin_analysis::recommend::By::Kl,
    };
    for grid in grids.iter().flatten() {
        request.clone().grid(grid).nfe(args.nfe).noise_range().or_misused()?;
    }
    request.clone().nfe(args.nfe).noise_range().or_misused()?;
    let mut search = Search::new(&request, &gaussian.spectrum, args.nfe, by)
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
            Some(interrupt::or_failed(measure.run(&mut ranking, &request, reader, width))?)
        }
        _ => None,
    };
    let best = ranking.best();
    let why = ranking.why();
    let (asked, flags) = repeated(&request, best)?;
    let commands = commands(args, &asked, &flags, trained.as_ref().map(|trained| trained.path.as_path()));
    if let Some(out) = &args.out {
        let json = if reader.as_ref().is_some_and(|reader| reader.formulation().is_some()) {
            asked.plan().or_misused()?.to_json()
        } else {
            best.plan.to_json()
        };
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
        None if !has_flags(&asked) => say("note: no flags make this plan; --out PLAN.json writes it"),
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
    let trial = |trial: &langevin_analysis::recommend::Trial| {
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
        self.spectrum.raw && matches!(ranking.doubt(), Some(langevin_analysis::recommend::Doubt::Start { .. }))
    }
}

/// The winner as a request of its own, and the words of it that the commands are given: every level lies where the network was
/// trained, and the request does not say where that is. Ends that are the usual ones need no word.
fn repeated(request: &Request, best: &Candidate) -> Result<(Request, Request)> {
    let Candidate { sampler, grid, steps, .. } = best;
    let chosen = request.clone().with_sampler(sampler.clone()).grid(grid);
    if Grid::brings_steps(grid) {
        let alone = chosen.without_trained_range();
        return Ok((alone.clone(), alone));
    }
    let chosen = chosen.steps(*steps);
    let (range, usual) = (chosen.noise_range().or_misused()?, usual_range(&request.state_process()));
    // The trained range has the rounding of a change of clock, which the command has not.
    let end = |a: f64, b: f64| if a != b && (a - b).abs() > 1e-9 * b { Some(a) } else { None };
    let (min, max) = (end(range.min, usual[0]), end(range.max, usual[1]));
    let alone = chosen.without_trained_range().default_range();
    let flags = min.into_iter().fold(alone, Request::sigma_min);
    let flags = max.into_iter().fold(flags, Request::sigma_max).without_unused_range();
    let full = flags.clone().range(min.unwrap_or(usual[0]), max.unwrap_or(usual[1])).without_unused_range();
    Ok((full, flags))
}

/// Whether `langevin plan` can be told of the process and the network of a request.
fn has_flags(request: &Request) -> bool {
    request.words().iter().all(|(word, value)| *word != "network" && !value.starts_with('{'))
        && Process::parse(&request.state_process().name()).is_ok_and(|process| process == request.state_process())
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
fn commands(args: &RecommendArgs, asked: &Request, flags: &Request, model: Option<&Path>) -> Vec<String> {
    let of_the_model = |word: &str| matches!(word, "process" | "predict" | "network");
    let words = flags.words();
    let flag = |(word, value): &(&str, String)| format!(" --{word} {value}");
    let flags: String = words.iter().filter(|(word, _)| !of_the_model(word)).map(flag).collect();
    let mut commands = Vec::new();
    if has_flags(asked) {
        let network: String = words.iter().filter(|(word, _)| of_the_model(word)).map(flag).collect();
        let out = args.out.as_ref().map_or_else(|| FILE.to_owned(), |out| out.display().to_string());
        commands.push(format!("langevin plan{network}{flags} --json > {}", quoted(&out)));
    }
    if let Some(path) = model {
        let read_as = args.process.as_deref().filter(|_| args.onnx.is_none());
        let read_as = read_as.map_or_else(String::new, |process| format!(" --as {}", quoted(process)));
        let model = named(args, path);
        commands.push(format!("langevin sample {model}{read_as}{flags} -n 64 --out samples.npy"));
    }
    commands
}
