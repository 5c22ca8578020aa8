//! `langevin lint`: checks on a plan from outside the program.

use super::tokens;
use crate::cli::LintArgs;
use crate::error::{Blame as _, Exit, Failure, Result};
use crate::io::print;
use crate::terminal::TERMINAL;
use crate::words::{QUOTED, brief, visible};
use langevin::Plan;
use langevin_tasks::content::Content;
use langevin_tasks::documents;

/// Maximum number of findings, and of notes, that are printed.
const MOST: usize = 1000;

/// Runs the command.
pub fn run(args: &LintArgs) -> Result<()> {
    if let Some(plan) = tokens::plans::read(&args.plan)? {
        return tokens::plans::lint(&plan, args.json);
    }
    let plan = documents::plan("PLAN.json", &args.plan, Content::Plan, &TERMINAL)?;
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
