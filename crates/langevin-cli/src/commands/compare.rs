//! `langevin compare`: two samplers as tables of numbers.

use super::tokens;
use crate::cli::CompareArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::io::print;
use crate::schedule;
use crate::terminal::TERMINAL;
use crate::words::either_case;
use langevin::plan::{Comparison, Source, compare_within};
use langevin::{Plan, Process, Request};
use langevin_tasks::content::Content;
use langevin_tasks::documents;
use std::path::Path;

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<()> {
    if tokens::plans::comparison(args)?.is_some() {
        return Ok(());
    }
    let (first, second) = (plan(&args.first, args)?, plan(&args.second, args)?);
    let tolerance = args.tolerance.unwrap_or(first.tolerance().max(second.tolerance()));
    let comparison = compare_within(&first, &second, tolerance).or_failed()?;
    print(&if args.json { document(&comparison) } else { format!("{comparison}\n") })
}

fn document(comparison: &Comparison) -> String {
    let place = comparison.place.as_ref().map(|place| {
        serde_json::json!({
            "state": place.query.map_or_else(|| "result".to_owned(), |query| format!("evaluation {query}")),
            "weight_of": match &place.source {
                Source::Input(name) => format!("input {name}"),
                Source::Eval(eval) => format!("D{eval}"),
                Source::Draw(draw) => format!("z{draw}"),
                _ => "another".into(),
            },
            "weights": [place.weights.0, place.weights.1],
        })
    });
    let document = serde_json::json!({
        "same": comparison.agrees(),
        "tolerance": comparison.tolerance,
        "mismatch": comparison.mismatch.as_ref().map(ToString::to_string),
        "largest_difference": comparison.difference.is_finite().then_some(comparison.difference),
        "first_to_differ": comparison.first.as_ref().map(ToString::to_string),
        "relative_difference": comparison.relative.is_finite().then_some(comparison.relative),
        "lambda_difference": comparison.lambda,
        "where": place,
    });
    format!("{document}\n")
}

/// Reads a plan from a file, or compiles a sampler: `NAME[:options][@PROCESS]`.
fn plan(text: &str, args: &CompareArgs) -> Result<Plan> {
    let path = Path::new(text);
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        return documents::plan("PLAN.json", path, Content::Plan, &TERMINAL);
    }
    let (sampler, process) = text.split_once('@').unwrap_or((text, &args.process));
    let request = schedule::named(Request::new(), sampler).process(either_case(process, Process::parse).or_misused()?);
    let request = schedule::on_grid(request, &args.grid)?.steps(args.steps);
    // Both plans use one noise range. Otherwise processes with different ranges would be compared
    // on different grids.
    let Some([min, max]) = args.range else { return request.plan().or_misused() };
    if min > max {
        return Err(Failure::misused("bad range of noise levels")
            .expected("0 < sigma_min ≤ sigma_max < ∞")
            .got(format!("{min} and {max}")));
    }
    request.range(min, max).without_unused_range().plan().or_misused()
}
