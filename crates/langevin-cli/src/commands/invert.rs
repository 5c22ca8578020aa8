//! `langevin invert`: encodes data as noise and reconstructs them; optionally interpolates between
//! rows through noise.

use super::picture::Picture;
use crate::cli::InvertArgs;
use crate::error::Result;
use crate::interrupt;
use crate::io::npy::Width;
use crate::io::rows::Rows;
use crate::io::{Format, atomic, print, say};
use crate::terminal::TERMINAL;
use crate::words::{plural, shown};
use langevin_data::TableColumns;
use langevin_tasks::invert::{self, Settings};
use langevin_tasks::source::{ARRAY, Source, plain_names};
use std::path::Path;

/// Runs the command.
pub fn run(args: &InvertArgs) -> Result<()> {
    interrupt::listen()?;
    let mut source = args.source.open_on(&args.device)?;
    let condition = args.condition.condition();
    condition.ask(&mut source)?;
    args.unconditional.give(&mut source)?;
    let given = args.given.open(&args.sampler.config_request())?;
    let settings = Settings {
        from: &args.from,
        reading: &args.file.reading(),
        count: args.count,
        between: args.between,
        request: &args.sampler.request()?,
        condition: &condition,
        given: given.as_ref(),
        threads: args.threads,
    };
    let prepared = invert::prepare(&source, &settings, &TERMINAL)?;
    let (count, width) = (prepared.count(), source.width());
    let format = Format::of(&args.out)?;
    let shown_as = match args.between {
        Some(points) => Picture::of(format, &source, count.saturating_sub(1).max(1) * points, &args.out)?,
        None if matches!(format, Format::Npy | Format::Table(_)) => None,
        None => Picture::of(format, &source, count, &args.out)?,
    };
    if format != Format::Folder {
        atomic::probe(&args.out)?;
    }
    let found = prepared.run(&TERMINAL)?;
    let (mean, spread) = (found.error(), found.deviation);
    let written = match (found.path, shown_as) {
        (Some(mut states), picture) => {
            let points = args.between.unwrap_or_default();
            match picture {
                Some(picture) => {
                    source.to_data(&mut states);
                    picture.write(&states, &source, Some(points), &args.out)?;
                }
                None => {
                    let mut shape = source.file_shape();
                    shape.insert(0, states.len() / width);
                    write(format, &args.out, &shape, source.columns(), &source.to_file(states))?;
                }
            }
            format!("{} from each to the next", plural(points as u64, "step"))
        }
        (None, None) => {
            // The coordinates of the model have no names in the file.
            let columns = TableColumns::new(plain_names(width));
            let own = source.shape();
            let columns = if own.len() > 1 { columns.array(ARRAY, &own) } else { columns };
            write(format, &args.out, &shape(&source, count), columns, &found.noise)?;
            "the noise, at unit variance".to_owned()
        }
        (None, Some(picture)) => {
            picture.write(&found.back, &source, None, &args.out)?;
            "what comes back".to_owned()
        }
    };
    say(&format!(
        "{} to noise and back in {} each way: root mean square error {mean:.4}, {:.2} % of the data's deviation",
        plural(count as u64, "row"),
        plural(prepared.up().nfe() as u64, "evaluation"),
        100.0 * mean / spread
    ));
    say(&format!("{written}: {}", shown(&args.out)));
    if !args.json {
        return Ok(());
    }
    print(&format!(
        "{}\n",
        serde_json::json!({
            "path": args.out.display().to_string(), "rows": count, "nfe": prepared.up().nfe(), "plan": prepared.down().name(),
            "inversion": prepared.up().name(), "error": mean, "relative_error": mean / spread, "errors": found.errors,
        })
    ))
}

/// Writes numbers in the format of the file's extension.
fn write(format: Format, out: &Path, shape: &[usize], columns: TableColumns, values: &[f64]) -> Result<()> {
    let mut rows = match format {
        Format::Table(kind) => Rows::table(out, kind, columns, vec![])?,
        _ => Rows::npy(out, shape, Width::F64)?,
    };
    rows.push(values)?;
    rows.finish()
}

fn shape(source: &Source<'_>, count: usize) -> Vec<usize> {
    let mut shape = source.shape();
    shape.insert(0, count);
    shape
}
