//! `langevin likelihood` on a model of tokens.

use crate::cli::LikelihoodArgs;
use crate::error::{Failure, Result};
use crate::io::rows::Rows as File;
use crate::io::{Format, atomic, npy, print, say};
use crate::progress::duration;
use crate::terminal::TERMINAL;
use crate::words::{LOWER_IS_BETTER, plural, shown};
use langevin_data::TableColumns;
use langevin_tasks::tokens::Model;
use langevin_tasks::tokens::likelihood::{self, Likelihood};
use langevin_tasks::tokens::rows::{Rows, Wanted};
use std::path::Path;
use std::time::Instant;

/// Runs the command.
pub fn run(args: &LikelihoodArgs, model: &Model) -> Result<()> {
    refuse(args)?;
    let format = args.out.as_deref().map(Format::of).transpose()?;
    if let Some(path) = &args.out {
        atomic::probe(path)?;
    }
    let name = model.name();
    let data = args.data.as_deref().or_else(|| model.density().map(|_| name.as_str()));
    let wanted = Wanted { data, held_out: args.held_out, count: args.count, seed: args.seed };
    let start = Instant::now();
    let rounds = args.levels.unwrap_or(1);
    let (rows, found) = likelihood::run(model, &wanted, args.exact_likelihood, rounds, &TERMINAL)?;
    let seconds = start.elapsed().as_secs_f64();
    if let (Some(path), Some(format)) = (&args.out, format) {
        write(path, format, &found)?;
        say(&format!("−log p of each row: {}", shown(path)));
    }
    print(&if args.json {
        document(model, &rows, &found, seconds)
    } else {
        table(model, &rows, &found, seconds, args.exact_likelihood)
    })
}

/// Refuses flags that have no meaning for tokens.
fn refuse(args: &LikelihoodArgs) -> Result<()> {
    args.flags
        .only("the model is of tokens", &["data", "count", "held-out", "levels", "exact-likelihood", "method"])?;
    match args.method {
        crate::cli::Method::Ode => Err(Failure::misused("the model is of tokens, and the method is for numbers")
            .at("--method ode")
            .expected("a bound, or --exact")
            .hint("leave out --method")),
        _ => Ok(()),
    }
}

fn write(path: &Path, format: Format, found: &Likelihood) -> Result<()> {
    match format {
        Format::Table(kind) => {
            let mut rows = File::table(path, kind, TableColumns::new(vec!["nats"]), vec![])?;
            rows.push(&found.nats)?;
            rows.finish()
        }
        Format::Npy => npy::write(path, &[found.nats.len()], &found.nats, npy::Width::F64),
        Format::Png | Format::Folder => Err(Failure::misused("numbers are no picture")
            .at("--out")
            .expected("a .csv, .tsv, .csv.gz, .tsv.gz, .parquet or .npy file")),
    }
}

fn table(model: &Model, rows: &Rows, found: &Likelihood, seconds: f64, exact: bool) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<14}{value}\n"));
    let sign = if found.is_bound { "≤" } else { "=" };
    let mean = found.mean;
    let count = found.nats.len() as u64;
    line("model", model.name());
    line("data", format!("{}, {} of {}", rows.name, plural(count, "sequence"), plural(mean.length as u64, "token")));
    let way = match (found.is_bound, exact) {
        (true, _) if found.profile.is_none() => "bound of the reverse process, an integral over noise levels",
        (true, _) => "bound of masked diffusion, the sum of the information profile",
        (false, true) => "exact, summed over all orders of unmasking",
        (false, false) => "exact, from left to right",
    };
    line("likelihood", way.to_owned());
    line("−log p", format!("{sign} {:.4} ± {:.4} nats a sequence", mean.nats, mean.standard_error));
    line("", format!("{sign} {:.4} bits a token", mean.bits_per_token()));
    line("perplexity", format!("{sign} {:.3} a token", mean.perplexity()));
    let note = if found.is_bound { ", upper bounds" } else { "" };
    line("", format!("{LOWER_IS_BETTER}{note}; the mean over {}, ± its standard error", plural(count, "sequence")));
    if let Some(entropy) = model.density().and_then(langevin_discrete::exact::Density::entropy) {
        line("entropy", format!("= {entropy:.4} nats, which no model is below on average"));
    }
    if let Some(profile) = found.profile.as_ref().filter(|profile| profile.len() <= SHOWN) {
        let values: Vec<String> = profile.iter().map(|h| format!("{h:.3}")).collect();
        line("profile", format!("{} nats of one more token when 0, 1, … are known", values.join(" ")));
    }
    line("evaluations", format!("{} a sequence", found.evaluations));
    line("time", duration(seconds));
    text
}

/// Largest number of values of a profile that is printed.
const SHOWN: usize = 16;

fn document(model: &Model, rows: &Rows, found: &Likelihood, seconds: f64) -> String {
    let mean = found.mean;
    let document = serde_json::json!({
        "method": if found.is_bound { "bound" } else { "exact" },
        "kind": if found.is_bound { "bound" } else { "exact" },
        "model": model.name(),
        "data": rows.name,
        "count": found.nats.len(),
        "tokens": mean.length,
        "nats_mean": mean.nats,
        "nats_se": mean.standard_error,
        "bits_per_token": mean.bits_per_token(),
        "perplexity": mean.perplexity(),
        "profile": found.profile,
        "nfe": found.evaluations,
        "seconds": seconds,
    });
    format!("{document}\n")
}
