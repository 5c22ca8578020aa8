//! `langevin invert`: data to the noise that the model makes them from, and back; and the way from one to the next through that noise.

use super::picture::Picture;
use crate::check;
use crate::cli::InvertArgs;
use crate::edit;
use crate::error::{Blame as _, Failure, Result};
use crate::interrupt;
use crate::io::csv::plain_names;
use crate::io::npy::Width;
use crate::io::rows::Rows;
use crate::io::{Format, atomic, print, say};
use crate::request::Given;
use crate::source::{ARRAY, Reader, Source};
use crate::words::{plural, shown};
use langevin::plan::{Letter, Move};
use langevin::sampler::Start;
use langevin::{Level, Model as _, Plan, Process, Sampler, Sampling};
use langevin_data::TableColumns;
use std::path::Path;

/// The largest number of rows that are inverted at once.
const MOST: usize = 1 << 20;

/// Runs the command.
pub fn run(args: &InvertArgs) -> Result<()> {
    interrupt::listen()?;
    let mut source = Source::open(&args.source)?.on(&args.device)?;
    args.condition.ask(&mut source)?;
    source.without_condition(&args.unconditional)?;
    let width = source.width();
    let data = edit::rows_of("--from", &args.from, &args.file, &source)?;
    let count = args.count.unwrap_or(MOST).min(data.len() / width.max(1));
    let data = &data[..count * width];
    source.check_rows(count)?;
    if args.between.is_some() && source.onnx_network().is_some_and(langevin_onnx::OnnxNetwork::has_rows) {
        return Err(Failure::misused("the points between two rows have no row of a further input")
            .at("--between, --input")
            .expected("one row for all samples")
            .got("a row for each"));
    }
    // Every row of the way is held, besides those that it leads through.
    check::memory(args.between.map_or(count, |points| count.saturating_mul(points.saturating_add(1))), width)?;
    let mut clean = data.to_vec();
    if let Some(map) = source.normalization() {
        let _ = map.to_model(&mut clean, width);
    }
    let (reader, up, down) = match args.given.open(&args.sampler.config_request())? {
        Some(given) => {
            let (down, reader) = given.fit(&source, !args.condition.class.is_empty())?;
            let (up, down) = both(&given, &down, &reader)?;
            (reader, up, down)
        }
        None => {
            let reader = source.read_as(None)?;
            let (up, down) = plans(args, &reader)?;
            (reader, up, down)
        }
    };
    let format = Format::of(&args.out)?;
    let shown_as = match args.between {
        Some(points) => Picture::of(format, &source, count.saturating_sub(1).max(1) * points, &args.out)?,
        None if matches!(format, Format::Npy | Format::Table(_)) => None,
        None => Picture::of(format, &source, count, &args.out)?,
    };
    if format != Format::Folder {
        atomic::probe(&args.out)?;
    }
    let run = |plan: &Plan, states: &[f64]| {
        let rows = states.len() / width;
        let threads = source.threads(args.threads);
        let sampling = Sampling::new(rows, width).chunk(rows.div_ceil(threads).clamp(1, 256)).threads(threads);
        interrupt::or_failed(sampling.run_with(plan, &reader, &[states]))
    };
    // Clean data at the first noisy level: nothing is added, so that nothing is lost.
    let alpha = up.moves().first().map_or(1.0, |first| first.from.alpha);
    let init: Vec<f64> = clean.iter().map(|value| alpha * value).collect();
    let noise = run(&up, &init)?;
    let mut back = run(&down, &noise)?;
    // Columns of several scales count alike, in standard deviations.
    let several = source.normalization().is_some_and(|map| map.scale.len() > 1);
    let returned = back.clone();
    source.to_data(&mut back);
    let (whole, data) = if several { (&returned, &clean[..]) } else { (&back, data) };
    let errors: Vec<f64> = data.chunks_exact(width).zip(whole.chunks_exact(width)).map(|(a, b)| rms(a, b)).collect();
    let mean = (errors.iter().map(|error| error * error).sum::<f64>() / errors.len().max(1) as f64).sqrt();
    let spread = deviation(data);
    let written = match (args.between, shown_as) {
        (Some(points), picture) => {
            let path = path(&noise, width, points);
            let mut states = run(&down, &path)?;
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
            let sigma = up.moves().last().map_or(1.0, |last| last.to.sigma);
            let unit: Vec<f64> = noise.iter().map(|value| value / sigma).collect();
            // The coordinates of the model, which have no names in the file.
            let columns = TableColumns::new(plain_names(width));
            let own = source.shape();
            let columns = if own.len() > 1 { columns.array(ARRAY, &own) } else { columns };
            write(format, &args.out, &shape(&source, count), columns, &unit)?;
            "the noise, at unit variance".to_owned()
        }
        (None, Some(picture)) => {
            picture.write(&back, &source, None, &args.out)?;
            "what comes back".to_owned()
        }
    };
    say(&format!(
        "{} to noise and back in {} each way: root mean square error {mean:.4}, {:.2} % of the data's deviation",
        plural(count as u64, "row"),
        plural(up.nfe() as u64, "evaluation"),
        100.0 * mean / spread
    ));
    say(&format!("{written}: {}", shown(&args.out)));
    if !args.json {
        return Ok(());
    }
    print(&format!(
        "{}\n",
        serde_json::json!({
            "path": args.out.display().to_string(), "rows": count, "nfe": up.nfe(), "plan": down.name(),
            "inversion": up.name(), "error": mean, "relative_error": mean / spread, "errors": errors,
        })
    ))
}

/// The way up the noise levels of a plan, and the plan from there.
fn both(given: &Given, down: &Plan, reader: &Reader<'_>) -> Result<(Plan, Plan)> {
    let refused = |what: &str, expected: &str, got: String| {
        Err(given.refused(what).expected(expected.to_owned()).got(got).hint("leave it out, and choose a --sampler"))
    };
    if let Some(input) = down.inputs().iter().find(|input| input.name != "init") {
        return refused(
            "invert brings data to noise, and the plan starts from something else",
            "a plan that starts from noise",
            format!("the input '{}'", input.name),
        );
    }
    if down.is_guided() {
        return refused(
            "the way up needs the weight of the guidance, which a plan does not say",
            "a plan without guidance, or --sampler with --guidance",
            "a plan with guidance".to_owned(),
        );
    }
    let moves = down.moves();
    let falls = |step: &Move| step.letter == Letter::R && step.from.sigma_ve() > step.to.sigma_ve();
    let linked = moves.windows(2).all(|pair| pair[0].to == pair[1].from);
    if moves.is_empty() || !linked || !moves.iter().all(falls) {
        return refused(
            "the plan has no way up",
            "reverse moves from each noise level to the next lower one",
            format!("the plan of {}", down.name()),
        );
    }
    let process = Process::from_spec(down.process()).or_misused()?;
    // The levels of an imported plan have the rounding of the original; the sampler wants those of the process.
    let levels = moves.iter().map(|step| &step.from).chain(moves.last().map(|step| &step.to));
    let levels: Vec<Level> =
        levels.map(|level| process.match_level(level)).collect::<langevin::Result<_>>().or_misused()?;
    let inversion = Sampler::inverse_of(down.name()).or_failed()?;
    let compiling = inversion.on(&process, &levels);
    let compiling = reader.formulation().map_or(compiling.clone(), |network| compiling.network(network));
    Ok((compiling.compile().or_misused()?, down.starting_from_state().or_misused()?))
}

/// From the data to the noise, and back.
fn plans(args: &InvertArgs, reader: &Reader<'_>) -> Result<(Plan, Plan)> {
    if args.sampler.moves.is_some() {
        return Err(Failure::misused("a word has no way up").at("--moves").hint("leave it out, or choose a --sampler"));
    }
    let down = args.condition.guide(reader.asks(args.sampler.request()?));
    let inversion = Sampler::inverse_of(down.chosen_sampler().or_misused()?.name()).or_failed()?;
    let up = down.clone().with_sampler(inversion);
    Ok((up.plan().or_misused()?, down.start(0, Start::State).plan().or_misused()?))
}

/// Numbers as the ending of the file says.
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

fn rms(a: &[f64], b: &[f64]) -> f64 {
    (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len().max(1) as f64).sqrt()
}

fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    rms(values, &vec![mean; values.len()]).max(f64::MIN_POSITIVE)
}

/// Points on the great circle from each row to the next, both ends among them: noise in between has the length of noise.
fn path(noise: &[f64], width: usize, points: usize) -> Vec<f64> {
    let rows: Vec<&[f64]> = noise.chunks_exact(width).collect();
    let mut out = Vec::new();
    for pair in rows.windows(2) {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let cos = dot(pair[0], pair[1]) / (dot(pair[0], pair[0]) * dot(pair[1], pair[1])).sqrt();
        let angle = cos.clamp(-1.0, 1.0).acos();
        for point in 0..points {
            let t = point as f64 / (points.max(2) - 1) as f64;
            let (a, b) = match angle.sin() {
                sin if sin > 1e-6 => (((1.0 - t) * angle).sin() / sin, (t * angle).sin() / sin),
                _ => (1.0 - t, t),
            };
            out.extend(pair[0].iter().zip(pair[1]).map(|(x, y)| a * x + b * y));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_the_length_and_ends_where_it_should() {
        let noise = [3.0, 0.0, 0.0, 3.0, -3.0, 0.0];
        let points = path(&noise, 2, 5);
        assert_eq!(points.len(), 2 * 2 * 5);
        for point in points.chunks(2) {
            assert!((point[0].hypot(point[1]) - 3.0).abs() < 1e-12);
        }
        assert_eq!((&points[..2], points[8].abs() < 1e-12, points[9]), (&noise[..2], true, 3.0));
    }
}
