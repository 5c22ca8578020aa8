//! `langevin evaluate`: the distance between samples and data that the model has not seen, and the
//! share of copies.

use super::tokens;
use crate::cli::EvaluateArgs;
use crate::error::{Failure, Result};
use crate::interrupt;
use crate::io::{print, say};
use crate::progress::{duration, thousands};
use crate::terminal::TERMINAL;
use crate::words::{plural, shown};
use langevin_tasks::comparison::{Evaluation, Floor, HALVES};
use langevin_tasks::evaluate::Settings;
use langevin_tasks::tokens::Opened;
use std::path::Path;
use std::time::Instant;

/// Runs the command.
pub fn run(args: &EvaluateArgs) -> Result<()> {
    interrupt::listen()?;
    let began = Instant::now();
    if args.samples.is_some() {
        refuse(args)?;
    }
    let opened = match args.samples {
        Some(_) => None,
        None => match args.source.open_any(&args.device)? {
            Opened::Tokens(mut model) => {
                args.unconditional.give_tokens(&mut model)?;
                return tokens::evaluate::run(args, &model);
            }
            Opened::Numbers(source) => Some(source),
        },
    };
    let given = args.given.open(&args.sampler.config_request())?;
    if let Some(given) = &given {
        given.check_starts_from_noise("evaluate draws its samples from noise")?;
    }
    let (request, condition, reading) = (args.sampler.request()?, args.condition.condition(), args.file.reading());
    let settings = Settings {
        data: &args.data,
        train: args.train.as_deref(),
        reading: &reading,
        count: args.count,
        seed: args.seed,
        threads: args.threads,
        request: &request,
        condition: &condition,
        given: given.as_ref(),
    };
    let (name, evaluation, classes) = match (opened, &args.samples) {
        (None, path) => {
            let path = path.as_deref().unwrap_or(Path::new(""));
            let name = path.display().to_string();
            let evaluation = settings.run_file(&name, &TERMINAL)?;
            (name, evaluation, vec![])
        }
        (Some(mut source), _) => {
            let classes = condition.ask(&mut source)?;
            args.unconditional.give(&mut source)?;
            (source.name().to_owned(), settings.run(&source, &TERMINAL)?, classes)
        }
    };
    let Evaluation { count, plan, evaluations, against, units, floor, copies, .. } = &evaluation;
    let by = plan
        .as_ref()
        .map_or_else(String::new, |plan| format!(" by {plan}, {}", plural(*evaluations as u64, "evaluation")));
    say(&format!(
        "{} of {}{by}, against {} {against}, in {}; distances are in {units}",
        plural(*count as u64, "sample"),
        shown(Path::new(&name)),
        plural(*count as u64, "row").trim_end_matches(" rows").trim_end_matches(" row"),
        duration(began.elapsed().as_secs_f64())
    ));
    match floor {
        Some(Floor { what, .. }) if *what == HALVES => say(&format!(
            "column `real`: {what}; with half as many rows, its distances are larger than those of {} rows",
            thousands(*count as u64)
        )),
        Some(Floor { what, .. }) => say(&format!("column `real`: {what} instead of samples")),
        None => say("column `real`: empty, because there are too few rows to compare one half with the other"),
    }
    if copies.is_none() {
        say("copies: not measured; give the training rows with --train DATA");
    }
    print(&if args.json { document(args, &name, &evaluation, &classes) } else { evaluation.to_string() })
}

/// Refuses flags that have no meaning without a model.
fn refuse(args: &EvaluateArgs) -> Result<()> {
    let sampler = &args.sampler;
    let given = [
        (args.given.flag().unwrap_or_default(), args.given.flag().is_some()),
        ("--class", !args.condition.class.is_empty()),
        ("--sampler", sampler.sampler.is_some()),
        ("--moves", sampler.moves.is_some()),
        ("--eta", sampler.eta.is_some()),
        ("--steps", sampler.steps.is_some()),
        ("--sigma-min", sampler.sigma_min.is_some()),
        ("--sigma-max", sampler.sigma_max.is_some()),
        ("--threads", args.threads.is_some()),
        ("--device", args.device.device != "cpu"),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((flag, _)) => {
            Err(Failure::misused(format!("{flag} is for samples that are drawn, and --samples brings them"))
                .at(format!("{flag}, --samples"))
                .hint(format!("leave out {flag}")))
        }
        None => Ok(()),
    }
}

fn document(args: &EvaluateArgs, name: &str, evaluation: &Evaluation, classes: &[u32]) -> String {
    let mut object = serde_json::json!({
        "model": args.samples.is_none().then_some(name), "file": args.samples.is_some().then_some(name),
        "seed": args.seed, "classes": classes,
    });
    if let (Some(object), serde_json::Value::Object(measured)) = (object.as_object_mut(), evaluation.document()) {
        object.extend(measured);
    }
    format!("{object}\n")
}
