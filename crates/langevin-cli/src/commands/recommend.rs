//! `langevin recommend`: the sampler and the grid with the smallest exact error on Gaussian data
//! like the user's.

use super::tokens;
use crate::cli::{By, RecommendArgs};
use crate::error::Result;
use crate::interrupt;
use crate::io::{atomic, print, say};
use crate::request::{self, quoted};
use crate::survey;
use crate::terminal::TERMINAL;
use crate::words::{plural, shown, visible};
use langevin::text::{Column, number};
use langevin::{Process, Request};
use langevin_analysis::recommend::{Candidate, Measured, Ranking};
use langevin_report::{Cell, Table};
use langevin_tasks::recommend::{self, Found, Settings};
use langevin_tasks::source::DeclaredTokens;
use langevin_tasks::tokens::Model;
use langevin_tasks::trained::Trained;
use langevin_tasks::tune;
use std::path::Path;

/// File name in the printed commands if the user named none.
const FILE: &str = "recommended.json";

/// Runs the command.
pub fn run(args: &RecommendArgs) -> Result<()> {
    interrupt::listen()?;
    let path = args.network.as_deref().or(args.model.as_deref());
    if let Some(name) = &args.exact {
        return tokens::recommend::run(args, &Model::named(name, langevin_discrete::Noise::Masked)?);
    }
    if let Some(path) = path
        && let Some(model) = Model::of_file(path, &TERMINAL)?
    {
        return tokens::recommend::run(args, &model);
    }
    if let (Some(path), Some(noise)) = (&args.onnx, &args.noise) {
        let mut declared = args.trained_as.declared(None);
        declared.tokens = Some(DeclaredTokens { noise: noise.clone(), mask: args.mask_id });
        return tokens::recommend::run(args, &Model::onnx(path, &declared, &TERMINAL)?);
    }
    let trained = match &args.onnx {
        Some(path) => Some(Trained::onnx(path, &args.trained_as.declared(args.process.as_deref()), &TERMINAL)?),
        None => args.spectrum.asked(|asked| Trained::open(path, asked, &TERMINAL))?,
    };
    let source = trained.as_ref().map(|trained| &trained.source);
    // An ONNX network keeps its own process.
    let read_as = args.process.as_deref().filter(|_| args.onnx.is_none());
    let reader = source.map(|source| source.read_as(read_as, &TERMINAL)).transpose()?;
    let request = args.range.limit(recommend::request(reader.as_ref(), args.process.as_deref())?);
    let process = request.state_process();
    let settings = args.settings()?;
    recommend::check_measure(&settings, reader.as_ref())?;
    let gaussian = args.spectrum.asked(|asked| recommend::data(trained.as_ref(), asked, &TERMINAL))?;
    if let Some(out) = &args.out {
        atomic::probe(out)?;
    }
    let found = recommend::run(&request, reader.as_ref(), &gaussian.spectrum, &settings, &TERMINAL)?;
    let Found { ranking, measured, request: asked, words } = &found;
    let (best, why) = (ranking.best(), ranking.why());
    let commands = commands(args, asked, words, trained.as_ref().map(|trained| trained.path.as_path()));
    let tuned = match &reader {
        Some(reader) if args.tune => {
            let prepared = recommend::tuning(&request, reader, &settings, &TERMINAL)?;
            say(&prepared.announcement()?);
            Some(prepared.run(&TERMINAL)?)
        }
        _ => None,
    };
    if let Some(out) = &args.out {
        let json = match &tuned {
            Some(tuned) => tuned.plan.to_json(),
            None => found.plan(reader.as_ref())?.to_json(),
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
            "results": results, "measured": measured.as_ref().map(|measured| measurement(measured, ranking)), "chosen": ranking.chosen() + 1,
            "usual": ranking.usual().iter().map(|one| survey::row(one).document()).collect::<Vec<_>>(),
            "tuned": tuned.as_ref().map(|found| tune::document(&found.tuned)), "why": why, "commands": commands, "plan": args.out.as_ref().map(|out| out.display().to_string()),
        });
        print(&format!("{document}\n"))?;
    } else {
        let commands: String = commands.iter().map(|command| format!("  {}\n", visible(command))).collect();
        let measured = measured.as_ref().map_or_else(String::new, |measured| trials(measured, ranking));
        print(&format!("{}\n\n{ranking}\n{measured}{commands}", visible(&subject)))?;
        if let (Some(tuned), Some(reader)) = (&tuned, &reader) {
            print(&format!("\n{}\n\n{}", visible(&tuned.tuned.subject(&reader.path())), tuned.tuned))?;
        }
    }
    recommend::note_if_flat(&gaussian.spectrum, ranking.shown().iter().map(|one| &one.analysis), &TERMINAL);
    if args.raw_starts_short(ranking) {
        say("note: the rows are in their own units; without --raw they are scaled as `train` scales them");
    }
    match &args.out {
        Some(out) => {
            let (plan, which) = match &tuned {
                Some(found) if found.tuned.improves() => (&found.plan, "the tuned plan".to_owned()),
                Some(found) => {
                    (&found.plan, format!("the plan of {} on {}", found.tuned.known.sampler, found.tuned.known.grid))
                }
                None => (&best.plan, format!("the plan of {} on {}", best.sampler.spec(), best.grid)),
            };
            say(&format!("{which} is in {}", shown(out)));
            let model = trained.as_ref().map_or_else(|| "MODEL".to_owned(), |trained| named(args, &trained.path));
            request::say_command(plan, &model, out);
        }
        None if !has_flags(asked) => say("note: no flags make this plan; --out PLAN.json writes it"),
        None => {}
    }
    Ok(())
}

/// Returns a plan of the ranking as JSON; the best plan includes the sources of its error.
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

/// Returns the measurement as JSON; infinite numbers are null.
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

/// Returns the measurement as a table.
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
    fn settings(&self) -> Result<Settings> {
        Ok(Settings {
            nfe: self.nfe,
            by: match self.by {
                By::W2 => langevin_analysis::recommend::By::W2,
                By::Kl => langevin_analysis::recommend::By::Kl,
            },
            samplers: self.sampler.as_deref().map(recommend::samplers).transpose()?,
            grids: self.grid.as_deref().map(recommend::grids).transpose()?,
            score_error: self.score_error,
            neighbours: self.neighbours,
            measure: self.measure,
            tune: self.tune,
            seed: self.seed,
            threads: self.threads,
        })
    }

    /// Returns true if rows in their own units are wider than the starting noise.
    fn raw_starts_short(&self, ranking: &Ranking) -> bool {
        self.spectrum.raw && matches!(ranking.doubt(), Some(langevin_analysis::recommend::Doubt::Start { .. }))
    }
}

/// Returns true if the flags of `langevin plan` can express the process and the network of a
/// request.
fn has_flags(request: &Request) -> bool {
    request.words().iter().all(|(word, value)| *word != "network" && !value.starts_with('{'))
        && Process::parse(&request.state_process().name()).is_ok_and(|process| process == request.state_process())
}

/// Returns the flags of `sample` that name the model.
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
        ("--clock", flags.clock.clone().filter(|clock| clock != "time")),
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

/// Returns the commands that compile the winner's plan and sample with it.
fn commands(args: &RecommendArgs, asked: &Request, flags: &Request, model: Option<&Path>) -> Vec<String> {
    let of_the_model = |word: &str| matches!(word, "process" | "predict" | "network");
    let words = flags.words();
    let flag = |(word, value): &(&str, String)| format!(" --{word} {value}");
    let flags: String = words.iter().filter(|(word, _)| !of_the_model(word)).map(flag).collect();
    let mut commands = Vec::new();
    if has_flags(asked) {
        let network: String = words.iter().filter(|(word, _)| of_the_model(word)).map(flag).collect();
        // With --tune the file holds another plan.
        let out = args.out.as_ref().filter(|_| !args.tune);
        let out = out.map_or_else(|| FILE.to_owned(), |out| out.display().to_string());
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
