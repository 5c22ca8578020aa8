//! `langevin lint`: checks on a plan from outside the program.

use super::tokens;
use crate::cli::LintArgs;
use crate::error::{Blame as _, Exit, Failure, Result};
use crate::io::print;
use crate::request::quoted;
use crate::schedule;
use crate::terminal::TERMINAL;
use crate::words::{QUOTED, brief, visible};
use langevin::request::REFERENCE_PROCESS;
use langevin::sampler::Entry;
use langevin::{Plan, Process, Request};
use langevin_tasks::content::Content;
use langevin_tasks::documents;

/// Number of steps of a sampler that is named.
const STEPS: usize = 10;
/// Maximum number of findings, and of notes, that are printed.
const MOST: usize = 1000;

/// Runs the command.
pub fn run(args: &LintArgs) -> Result<()> {
    let plan = match name(args) {
        Some(name) => match of_sampler(args, name)? {
            Named::Numbers(plan) => *plan,
            Named::Tokens(plan) => {
                refuse_tolerance(args)?;
                return tokens::plans::lint(&plan, args.json);
            }
        },
        None => {
            if let Some((flag, _)) = [("--tokens", args.tokens.is_some()), ("--steps", args.steps.is_some())]
                .into_iter()
                .find(|(_, given)| *given)
            {
                return Err(Failure::misused("a saved plan has its own space and steps")
                    .at(flag)
                    .expected("the name of a sampler in place of a file")
                    .got(format!("'{}'", args.plan.display()))
                    .hint(format!("leave out {flag}")));
            }
            if let Some(plan) = tokens::plans::read(&args.plan)? {
                refuse_tolerance(args)?;
                return tokens::plans::lint(&plan, args.json);
            }
            documents::plan("PLAN.json", &args.plan, Content::Plan, &TERMINAL)?
        }
    };
    let clipped = !plan.is_linear();
    // A plan may be large, so it is copied only if it has clamps to remove.
    let tolerance = args.tolerance.unwrap_or(plan.tolerance());
    let lint = if clipped { plan.unclipped().lint_within(tolerance) } else { plan.lint_within(tolerance) };
    let mut lint = lint.or_failed().map_err(|failure| failure.in_file(&args.plan))?;
    let more = lint.findings.len().saturating_sub(MOST) + lint.notes.len().saturating_sub(MOST);
    lint.findings.truncate(MOST);
    lint.notes.truncate(MOST);
    print(&if args.json {
        document(&plan, &lint, tolerance, more)
    } else {
        words(&plan, &lint, clipped, tolerance, more)
    })?;
    if lint.is_clean() {
        return Ok(());
    }
    Err(Failure::silent(Exit::Failed))
}

/// Refuses a precision for a plan of tokens, whose rules are exact.
fn refuse_tolerance(args: &LintArgs) -> Result<()> {
    match args.tolerance {
        None => Ok(()),
        Some(_) => Err(Failure::misused("a plan of tokens is checked exactly")
            .at("--tolerance")
            .expected("a plan of numbers")
            .hint("leave out --tolerance")),
    }
}

/// The plan of a sampler that was named.
enum Named {
    Numbers(Box<Plan>),
    Tokens(langevin_discrete::Plan),
}

/// Returns the name of a sampler that stands in place of a file.
fn name(args: &LintArgs) -> Option<&str> {
    let text = args.plan.to_str()?;
    let is_file = args.plan.exists() || text.ends_with(".json");
    let own = text.strip_prefix(tokens::plans::PREFIX).unwrap_or(text);
    let own = own.split(':').next().unwrap_or_default();
    let known = Entry::find(own).is_ok() || langevin_discrete::sampler::Entry::find(own).is_ok();
    (!is_file && (known || args.tokens.is_some())).then_some(text)
}

/// Compiles the sampler: of tokens with --tokens, and of numbers otherwise.
fn of_sampler(args: &LintArgs, name: &str) -> Result<Named> {
    let own = name.strip_prefix(tokens::plans::PREFIX).unwrap_or(name);
    if let Some(space) = &args.tokens {
        let request = langevin_discrete::Request::new().sampler(own);
        let takes_steps = request.entry().or_misused()?.knobs.iter().any(|knob| knob.key == "steps");
        let is_set = own.contains("steps=") || own.contains("sizes=");
        let request = match args.steps {
            Some(steps) => request.steps(steps),
            None if takes_steps && !is_set => request.steps(STEPS),
            None => request,
        };
        return request.plan(&tokens::plans::space(space)?).or_misused().map(Named::Tokens);
    }
    let known = |name: &str| Entry::find(name.split(':').next().unwrap_or_default()).is_ok();
    if own != name || !known(own) && !known(&own.to_ascii_lowercase()) {
        return Err(Failure::misused("a sampler of tokens needs the space of the sequences")
            .at("--tokens")
            .expected("NOISE:VxD, the noise, the letters and the tokens, as in masked:27x12")
            .hint(format!("langevin lint {} --tokens masked:27x12", quoted(own))));
    }
    let request = schedule::named(Request::new(), own).steps(args.steps.unwrap_or(STEPS));
    let process = Process::parse(REFERENCE_PROCESS).or_failed()?;
    request.process(process).plan().or_misused().map(|plan| Named::Numbers(Box::new(plan)))
}

fn words(plan: &Plan, lint: &langevin::plan::Lint, clipped: bool, tolerance: f64, more: usize) -> String {
    let note = if clipped { "D is clamped: checked as where it is within bounds\n" } else { "" };
    let origin =
        plan.origin().map_or_else(String::new, |origin| format!("from {}\n", brief(&visible(&origin.source), QUOTED)));
    let tuned = plan.origin().and_then(|origin| origin.tuning.as_ref()).map_or_else(String::new, |tuning| {
        let ([ours, theirs], [low, high]) = (tuning.errors, tuning.interval);
        format!(
            "tuned for {}: error {ours:.3e} against {theirs:.3e} of {} on {} unseen samples; 95 % interval of the ratio {low:.3} to {high:.3}\n",
            brief(&visible(&tuning.model), QUOTED),
            brief(&visible(&tuning.known), QUOTED),
            tuning.samples[1],
        )
    });
    let within =
        if tolerance > 0.0 { format!("checked to a relative precision of {tolerance:.1e}\n") } else { String::new() };
    let more = if more > 0 { format!("and {more} more\n") } else { String::new() };
    format!(
        "{}: {} moves, {} evaluations\n{origin}{tuned}{note}{within}{lint}{more}",
        brief(&visible(plan.name()), QUOTED),
        plan.moves().len(),
        plan.nfe()
    )
}

fn document(plan: &Plan, lint: &langevin::plan::Lint, tolerance: f64, more: usize) -> String {
    let findings: Vec<_> = lint
        .findings
        .iter()
        .map(|finding| {
            serde_json::json!({
                finding.subject.name(): finding.index, "op": finding.op, "rule": finding.rule.name(), "expected": finding.expected, "got": finding.got,
            })
        })
        .collect();
    let document = serde_json::json!({
        "plan": plan.name(),
        "clean": lint.is_clean(),
        "tolerance": tolerance,
        "origin": plan.origin(),
        "findings": findings,
        "left_out": more,
        "notes": lint.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    format!("{document}\n")
}
