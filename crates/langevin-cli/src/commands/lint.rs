//! `langevin lint`: whether a plan from outside is what it says.

use crate::cli::LintArgs;
use crate::error::{Blame as _, Exit, Failure, Result};
use crate::io::{json, print};
use langevin::Plan;

/// Runs the command.
pub fn run(args: &LintArgs) -> Result<()> {
    let plan = json::plan(&args.plan)?;
    // A linear plan is not copied: it may be as large as a file may be.
    let clipped = !plan.is_linear();
    let lint = if clipped { plan.unclipped().lint() } else { plan.lint() };
    let lint = lint.or_failed().map_err(|failure| failure.in_file(&args.plan))?;
    print(&if args.json { document(&plan, &lint) } else { words(&plan, &lint, clipped) })?;
    if lint.is_clean() {
        return Ok(());
    }
    Err(Failure::silent(Exit::Failed))
}

fn words(plan: &Plan, lint: &langevin::plan::Lint, clipped: bool) -> String {
    let note = if clipped { "D is clamped: checked as where it is within bounds\n" } else { "" };
    format!("{}: {} moves, {} evaluations\n{note}{lint}", plan.name(), plan.moves().len(), plan.nfe())
}

fn document(plan: &Plan, lint: &langevin::plan::Lint) -> String {
    let findings: Vec<_> = lint
        .findings
        .iter()
        .map(|finding| {
            serde_json::json!({
                "move": finding.index, "rule": finding.rule.name(), "expected": finding.expected, "got": finding.got,
            })
        })
        .collect();
    let document = serde_json::json!({
        "plan": plan.name(),
        "clean": lint.is_clean(),
        "findings": findings,
        "notes": lint.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    format!("{document}\n")
}
