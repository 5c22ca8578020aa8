//! `langevin plan`, `explain`, `lint` and `compare` on plans of tokens.

use crate::cli::{CompareArgs, PlanArgs};
use crate::error::{Blame as _, Exit, Failure, Result};
use crate::io::{atomic, print, say};
use crate::terminal::TERMINAL;
use langevin_discrete::plan::compare;
use langevin_discrete::{Noise, Plan, Request, StateSpace, sampler};
use langevin_tasks::content::Content;
use langevin_tasks::documents;
use std::path::Path;

/// Start of the names of samplers of tokens, where both kinds have one.
pub const PREFIX: &str = "tokens:";
/// Space of the table that explains a sampler.
const EXAMPLE: [usize; 2] = [27, 8];
/// Number of steps of that table.
const STEPS: usize = 4;

/// Parses a space: the noise, the letters and the tokens, as in `masked:27x12`.
pub fn space(text: &str) -> Result<StateSpace> {
    let bad = || {
        Failure::misused("bad space of tokens")
            .at("--tokens")
            .expected("NOISE:VxD, the noise, the letters and the tokens, as in masked:27x12")
            .got(format!("'{text}'"))
    };
    let (noise, sizes) = text.split_once(':').ok_or_else(bad)?;
    let (vocab, length) = sizes.split_once('x').ok_or_else(bad)?;
    let [vocab, length] = [vocab, length].map(str::parse::<usize>);
    let (Ok(vocab), Ok(length)) = (vocab, length) else { return Err(bad()) };
    StateSpace::new(noise.parse::<Noise>().or_misused()?, vocab, length).or_misused()
}

/// Reads a file if it holds a plan of tokens; `None` for any other file.
pub fn read(path: &Path) -> Result<Option<Plan>> {
    let Ok(text) = std::fs::read_to_string(path) else { return Ok(None) };
    if !Plan::is_json(&text) {
        return Ok(None);
    }
    Plan::from_json(&text).or_failed().map(Some).map_err(|failure| failure.in_file(path))
}

/// Reads the plan of tokens in a file that `--plan` names.
pub fn given(path: &Path) -> Result<Plan> {
    let text = documents::text("--plan", path, Content::Plan, &TERMINAL)?;
    if !Plan::is_json(&text) {
        let is_numbers = langevin::Plan::from_json(&text).is_ok();
        return Err(Failure::misused("the plan is not of tokens, and the model is")
            .in_file(path)
            .expected("a plan of tokens, as `langevin plan --tokens` and `langevin recommend --out` write")
            .got(if is_numbers { "a plan of numbers" } else { "a document of another kind" }));
    }
    Plan::from_json(&text).or_failed().map_err(|failure| failure.in_file(path))
}

/// Prints a plan: as a table, as JSON, or into a file.
pub fn plan(args: &PlanArgs, plan: &Plan) -> Result<()> {
    match (&args.out, args.json) {
        (Some(out), _) => {
            let json = plan.to_json();
            atomic::write(out, |out| out.write_all(json.as_bytes()))?;
        }
        (None, true) => print(&plan.to_json())?,
        (None, false) => print(&plan.to_string())?,
    }
    for line in plan.lint().to_string().lines() {
        say(&format!("lint: {line}"));
    }
    Ok(())
}

/// Compiles the plan of the flags for the space `text`.
pub fn of_flags(args: &PlanArgs, text: &str) -> Result<Plan> {
    super::sample::request(&args.sampler, args.guidance)?.plan(&space(text)?).or_misused()
}

/// Returns the description of a sampler of tokens; `None` if there is none of this name.
pub fn explain(name: &str) -> Result<Option<String>> {
    let own = name.strip_prefix(PREFIX);
    let Ok(text) = sampler::explain(own.unwrap_or(name)) else {
        return match own {
            Some(own) => Err(sampler::explain(own).or_misused().err().unwrap_or_else(|| Failure::misused("unknown"))),
            None => Ok(None),
        };
    };
    let request = Request::new().sampler(own.unwrap_or(name)).steps(STEPS);
    let [vocab, length] = EXAMPLE;
    let plan = [Noise::Masked, Noise::Uniform]
        .into_iter()
        .find_map(|noise| request.plan(&StateSpace::new(noise, vocab, length).ok()?).ok());
    Ok(Some(format!("{text}\n{}", plan.map_or_else(String::new, |plan| plan.to_string()))))
}

/// Returns the names of all samplers of tokens, one a line.
pub fn list() -> String {
    let all = sampler::Entry::all();
    let width = all.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    all.iter().map(|entry| format!("{:<width$}  {}\n", entry.name, entry.summary)).collect()
}

/// Checks a plan of tokens.
pub fn lint(plan: &Plan, json: bool) -> Result<()> {
    let lint = plan.lint();
    print(&if json {
        let findings: Vec<_> = lint
            .findings
            .iter()
            .map(|finding| {
                serde_json::json!({
                    "op": finding.op, "rule": finding.rule.name(), "places": finding.places, "words": finding.words,
                })
            })
            .collect();
        let document = serde_json::json!({
            "plan": plan.name(), "kind": "tokens", "clean": lint.is_clean(), "findings": findings,
        });
        format!("{document}\n")
    } else {
        format!("{}: {} evaluations\n{lint}", plan.name(), plan.nfe())
    })?;
    if lint.is_clean() { Ok(()) } else { Err(Failure::silent(Exit::Failed)) }
}

/// Compares two plans of tokens, if at least one of the arguments is one.
pub fn comparison(args: &CompareArgs) -> Result<Option<()>> {
    let own = |text: &str| -> Result<Option<Plan>> {
        if text.ends_with(".json") {
            return read(Path::new(text));
        }
        let Some(name) = text.strip_prefix(PREFIX) else { return Ok(None) };
        let Some(space) = &args.tokens else {
            return Err(Failure::misused("a sampler of tokens needs the space of the sequences")
                .at("--tokens")
                .expected("NOISE:VxD, as in masked:27x12"));
        };
        Request::new().sampler(name).steps(args.steps).plan(&self::space(space)?).or_misused().map(Some)
    };
    let (first, second) = (own(&args.first)?, own(&args.second)?);
    let (first, second) = match (first, second) {
        (None, None) => return Ok(None),
        (Some(first), Some(second)) => (first, second),
        _ => {
            return Err(Failure::misused("one plan is of tokens, the other is not")
                .expected("two plans of one kind; the names of samplers of tokens begin with tokens:"));
        }
    };
    let found = compare(&first, &second);
    print(&if args.json {
        let document = serde_json::json!({
            "kind": "tokens",
            "same": found.is_same(),
            "words": found.to_string(),
        });
        format!("{document}\n")
    } else {
        format!("{found}\n")
    })?;
    Ok(Some(()))
}
