//! `langevin sample`: samples from a network or an exact density.

use super::picture::Picture;
use super::tokens;
use crate::cli::SampleArgs;
use crate::error::{Failure, Result};
use crate::io::rows::Rows;
use crate::io::{Format, atomic, npy, print, say};
use crate::progress::duration;
use crate::terminal::TERMINAL;
use crate::words::{plural, shown};
use crate::{check, interrupt};
use langevin::sampler::Start;
use langevin_tasks::condition::Condition;
use langevin_tasks::sample::{self, Control, Draws, Prepared};
use langevin_tasks::source::Source;
use langevin_tasks::tokens::Opened;
use std::time::Instant;

/// Runs the command.
pub fn run(args: &SampleArgs) -> Result<()> {
    interrupt::listen()?;
    let mut source = match args.source.open_any(&args.device)? {
        Opened::Tokens(model) => return tokens::sample::run(args, model),
        Opened::Numbers(source) => source,
    };
    if args.edit.keep.is_some() {
        return Err(Failure::misused("places of tokens are kept, and the model is of numbers")
            .at("--keep")
            .expected("a model of tokens")
            .hint("--mask keeps parts of a picture"));
    }
    let format = Format::of(&args.out)?;
    if matches!(format, Format::Png | Format::Folder) && args.dtype.is_some() {
        return Err(Failure::misused("a picture has no type of numbers")
            .at("--dtype, --out")
            .expected("--dtype with an array or a table, such as .npy, .csv or .parquet")
            .got(format!("'{}'", args.out.display()))
            .hint("leave out --dtype"));
    }
    let dtype = args.dtype.unwrap_or_default();
    let condition = args.condition.condition();
    let classes = condition.ask(&mut source)?;
    args.unconditional.give(&mut source)?;
    let prepared = prepare(args, &source, &condition, !classes.is_empty())?;
    let Prepared { reader, range, ways } = &prepared;
    let count = args.count.unwrap_or_else(|| sample::usual_count(&source));
    source.check_rows(count)?;
    let all = count.saturating_mul(ways.len());
    let edit = args.edit.start().read(&args.file.reading(), &source, &TERMINAL)?;
    let picture = Picture::of(format, &source, all, &args.out)?;
    let mut shape = source.file_shape();
    let width: usize = shape.iter().product();
    shape.insert(0, all);
    let mut kept = match picture {
        // A picture shows all samples together.
        Some(picture) => {
            check::memory(all, source.width())?;
            if format != Format::Folder {
                atomic::probe(&args.out)?;
            }
            Kept::Together(picture, Vec::new())
        }
        None => {
            let bytes = match (format, dtype) {
                (Format::Table(kind), _) => kind.least_bytes(),
                (_, npy::Width::F32) => 4,
                (_, npy::Width::F64) => 8,
            };
            check::disk(&args.out, all, width, bytes)?;
            Kept::Streamed(match format {
                Format::Table(kind) => {
                    let columns = source.columns().single(dtype == npy::Width::F32);
                    let (columns, labels) = match label(&source, &classes, ways.len()) {
                        Some((name, labels)) => (columns.label(name), labels),
                        None => (columns, vec![]),
                    };
                    Rows::table(&args.out, kind, columns, labels)?
                }
                _ => Rows::npy(&args.out, &shape, dtype)?,
            })
        }
    };
    prepared.notes(&TERMINAL);
    let how = &ways[0];

    let start = Instant::now();
    let draws = Draws { count, seed: args.seed, batch: args.batch, threads: args.threads };
    let (mut evaluations, mut done) = (0, 0);
    for how in ways {
        let most = sample::draw(draws, how, edit.as_ref(), reader, &TERMINAL, &mut |samples| {
            let samples = kept.as_file(&source, samples);
            check::finite_from(done, &samples, width, dtype)?;
            done += samples.len() / width.max(1);
            kept.take(samples)
        })?;
        evaluations = evaluations.max(most);
    }
    let seconds = start.elapsed().as_secs_f64();
    match kept {
        Kept::Streamed(rows) => rows.finish()?,
        Kept::Together(picture, samples) => {
            picture.write(&samples, &source, (ways.len() > 1).then_some(count), &args.out)?;
        }
    }
    say(&format!(
        "{} of {} as {}, {} each, in {}: {}",
        plural(all as u64, "sample"),
        source.name(),
        reader.path(),
        how.evaluations(evaluations),
        duration(seconds),
        shown(&args.out),
    ));
    if !args.json {
        return Ok(());
    }
    let numbers = match dtype {
        npy::Width::F32 => "float32",
        npy::Width::F64 => "float64",
    };
    print(&format!(
        "{}\n",
        serde_json::json!({
            "path": args.out.display().to_string(),
            "samples": all,
            "shape": shape,
            "dtype": matches!(format, Format::Npy | Format::Table(_)).then_some(numbers),
            "model": source.name(),
            "read_as": reader.path(),
            "plan": how.name(),
            "classes": classes,
            "guidance": args.condition.guidance,
            "guidance_sweep": (ways.len() > 1).then_some(&args.condition.guidance_sweep),
            "nfe": evaluations,
            "sigma_min": range.min,
            "sigma_max": range.max,
            "seed": args.seed,
            "seconds": seconds,
        })
    ))
}

/// Returns the label column of a table: its name, and the class of each sample in turn.
fn label(source: &Source<'_>, classes: &[u32], ways: usize) -> Option<(String, Vec<String>)> {
    let network = source.network().filter(|_| !classes.is_empty() && ways == 1)?;
    let name = network.metadata().data.reading.as_ref()?.label_column.clone()?;
    // A number identifies a column without a name.
    let name = if name.parse::<usize>().is_ok() { "label".to_owned() } else { name };
    Some((name, classes.iter().map(|class| network.classes()[*class as usize].clone()).collect()))
}

/// The destination of samples as they are drawn.
enum Kept {
    /// Written to their file.
    Streamed(Rows),
    /// Kept in memory, for a picture of all samples.
    Together(Picture, Vec<f64>),
}

impl Kept {
    /// Converts samples to the units of the data. They have the format of the training file, or
    /// that of the model for a picture.
    fn as_file(&self, source: &Source<'_>, mut samples: Vec<f64>) -> Vec<f64> {
        match self {
            Self::Together(..) if source.file_shape().len() == source.shape().len() => {
                source.to_data(&mut samples);
                samples
            }
            _ => source.to_file(samples),
        }
    }

    fn take(&mut self, samples: Vec<f64>) -> Result<()> {
        match self {
            Self::Streamed(rows) => rows.push(&samples),
            Self::Together(_, all) => {
                all.extend(samples);
                Ok(())
            }
        }
    }
}

/// Compiles the plans of the flags, or converts the plan of a file for the model.
fn prepare<'a>(
    args: &SampleArgs,
    source: &'a Source<'_>,
    condition: &Condition,
    classes: bool,
) -> Result<Prepared<'a>> {
    let request = args.sampler.config_request();
    let request = args.start_at.into_iter().fold(request, |request, steps| request.start(steps, Start::Image));
    let start = args.edit.start();
    if let Some(given) = args.given.open(&request)? {
        return sample::prepare_given(source, &given, classes, &start, &TERMINAL);
    }
    let control = args.adaptive.as_ref().map(|pair| Control {
        pair: pair.clone(),
        relative: args.rtol,
        absolute: args.atol,
        eta: args.sampler.eta.unwrap_or(0.0),
    });
    let (read_as, request) = (args.read_as.as_deref(), args.sampler.request()?);
    sample::prepare(source, read_as, request, condition, &start, control.as_ref(), &TERMINAL)
}
