//! Inversion: encodes data as noise and reconstructs them from it. Optionally interpolates between
//! rows in noise space.

use crate::condition::Condition;
use crate::data::Reading;
use crate::edit;
use crate::error::{Blame as _, Error, Result};
use crate::given::Given;
use crate::limits;
use crate::observe::{Observer, or_failed};
use crate::source::{Reader, Source};
use langevin::plan::{Letter, Move};
use langevin::sampler::Start;
use langevin::{Level, Model as _, Plan, Process, Request, Sampler, Sampling};
use langevin_onnx::OnnxNetwork;
use std::path::Path;

/// Maximum number of rows in one inversion.
const MOST: usize = 1 << 20;
/// Maximum number of rows that go through a plan together.
const CHUNK: usize = 256;

/// Settings of an inversion.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// File of pictures or rows.
    pub from: &'a Path,
    /// Options for reading the file.
    pub reading: &'a Reading,
    /// Number of rows, taken from the start of the file; `None` for all rows.
    pub count: Option<usize>,
    /// Number of points of the interpolation from each row to the next, including both ends; `None`
    /// for no interpolation.
    pub between: Option<usize>,
    /// The request that compiles the plan from noise to data.
    pub request: &'a Request,
    /// Classes and guidance.
    pub condition: &'a Condition,
    /// A plan from noise to data, in place of the request.
    pub given: Option<&'a Given>,
    /// Number of threads; `None` for the number of cores.
    pub threads: Option<usize>,
}

/// An inversion that is ready to run: all inputs have been read and checked.
pub struct Prepared<'a> {
    reader: Reader<'a>,
    up: Plan,
    down: Plan,
    /// The rows in the units of the file.
    data: Vec<f64>,
    threads: usize,
    between: Option<usize>,
}

/// The result of an inversion.
#[derive(Clone, Debug)]
pub struct Inverted {
    /// The noise of each row, at unit variance, in the coordinates of the model.
    pub noise: Vec<f64>,
    /// The reconstructed rows, in the units of the data.
    pub back: Vec<f64>,
    /// Root mean square reconstruction error of each row.
    pub errors: Vec<f64>,
    /// Standard deviation of the data, in the units of the errors.
    pub deviation: f64,
    /// The states at the points of the interpolation, in the coordinates of the model; `None`
    /// without interpolation.
    pub path: Option<Vec<f64>>,
}

/// Reads the rows and compiles both plans.
///
/// # Examples
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::condition::Condition;
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::invert::{Settings, prepare};
/// use langevin_tasks::source::{Named, Source};
/// let folder = tempfile::tempdir()?;
/// let from = folder.path().join("rows.csv");
/// std::fs::write(&from, "0.5,0.5\n-1.0,0.2\n")?;
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let request = Request::new().steps(60);
/// let (reading, condition) = (Reading::default(), Condition::default());
/// let settings = Settings {
///     from: &from,
///     reading: &reading,
///     count: None,
///     between: None,
///     request: &request,
///     condition: &condition,
///     given: None,
///     threads: Some(1),
/// };
/// let inverted = prepare(&source, &settings, &())?.run(&())?;
/// assert_eq!((inverted.noise.len(), inverted.errors.len()), (4, 2));
/// assert!(inverted.error() < inverted.deviation);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the rows cannot be read or do not fit the model, or if the plan cannot be
/// inverted.
pub fn prepare<'a>(
    source: &'a Source<'_>,
    settings: &Settings<'_>,
    observer: &'a dyn Observer,
) -> Result<Prepared<'a>> {
    let data = edit::rows_of("‹from›", settings.from, settings.reading, source, observer)?;
    prepare_on(source, settings, data, observer)
}

/// Prepares an inversion of rows that the caller has read, in the units of the data. The fields
/// `from` and `reading` are not used.
///
/// # Errors
/// Returns an error under the conditions of [`prepare`], apart from those of reading the rows.
pub fn prepare_on<'a>(
    source: &'a Source<'_>,
    settings: &Settings<'_>,
    mut data: Vec<f64>,
    observer: &'a dyn Observer,
) -> Result<Prepared<'a>> {
    let width = source.width();
    let count = settings.count.unwrap_or(MOST).min(data.len() / width.max(1));
    data.truncate(count * width);
    source.check_rows(count)?;
    if settings.between.is_some() && source.onnx_network().is_some_and(OnnxNetwork::has_rows) {
        return Err(Error::misused("the points between two rows have no row of a further input")
            .at("‹between›, ‹input›")
            .expected("one row for all samples")
            .got("a row for each"));
    }
    // All rows of the interpolation are held in memory, in addition to the rows that it connects.
    let held = settings.between.map_or(count, |points| count.saturating_mul(points.saturating_add(1)));
    limits::memory(held, width)?;
    let (reader, up, down) = match settings.given {
        Some(given) => {
            let (down, reader) = given.fit(source, !settings.condition.class.is_empty(), observer)?;
            let (up, down) = both(given, &down, &reader)?;
            (reader, up, down)
        }
        None => {
            let reader = source.read_as(None, observer)?;
            let (up, down) = plans(settings, &reader)?;
            (reader, up, down)
        }
    };
    Ok(Prepared { reader, up, down, data, threads: source.threads(settings.threads), between: settings.between })
}

impl Prepared<'_> {
    /// Returns the number of rows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.data.len() / self.reader.source().width().max(1)
    }

    /// Returns the plan from data to noise.
    #[must_use]
    pub fn up(&self) -> &Plan {
        &self.up
    }

    /// Returns the plan from noise to data.
    #[must_use]
    pub fn down(&self) -> &Plan {
        &self.down
    }

    /// Encodes the rows as noise and reconstructs them.
    ///
    /// # Errors
    /// Returns an error if the model fails or the observer ends the work.
    pub fn run(&self, observer: &dyn Observer) -> Result<Inverted> {
        let source = self.reader.source();
        let width = source.width();
        let mut clean = self.data.clone();
        if let Some(map) = source.normalization() {
            let _ = map.to_model(&mut clean, width);
        }
        // The clean data are scaled to the first noise level without adding noise, so that no
        // information is lost.
        let alpha = self.up.moves().first().map_or(1.0, |first| first.from.alpha);
        let init: Vec<f64> = clean.iter().map(|value| alpha * value).collect();
        let noise = self.through(&self.up, &init, observer)?;
        let returned = self.through(&self.down, &noise, observer)?;
        let mut back = returned.clone();
        source.to_data(&mut back);
        // If columns have different scales, errors are measured in standard deviations, so that
        // every column contributes equally.
        let several = source.normalization().is_some_and(|map| map.scale.len() > 1);
        let (whole, data) = if several { (&returned, &clean) } else { (&back, &self.data) };
        let errors = data.chunks_exact(width).zip(whole.chunks_exact(width)).map(|(a, b)| rms(a, b)).collect();
        let deviation = deviation(data);
        let points = |points| self.through(&self.down, &path(&noise, width, points), observer);
        let path = self.between.map(points).transpose()?;
        let sigma = self.up.moves().last().map_or(1.0, |last| last.to.sigma);
        let noise = noise.iter().map(|value| value / sigma).collect();
        Ok(Inverted { noise, back, errors, deviation, path })
    }

    fn through(&self, plan: &Plan, states: &[f64], observer: &dyn Observer) -> Result<Vec<f64>> {
        let width = self.reader.source().width();
        let rows = states.len() / width;
        let chunk = rows.div_ceil(self.threads).clamp(1, CHUNK);
        let sampling = Sampling::new(rows, width).chunk(chunk).threads(self.threads);
        or_failed(sampling.run_with(plan, &self.reader, &[states]), observer)
    }
}

impl Inverted {
    /// Returns the root mean square error over all rows.
    ///
    /// ```
    /// use langevin_tasks::invert::Inverted;
    /// let errors = vec![3.0, 4.0];
    /// let inverted = Inverted { noise: vec![], back: vec![], errors, deviation: 1.0, path: None };
    /// assert_eq!(inverted.error(), 12.5_f64.sqrt());
    /// ```
    #[must_use]
    pub fn error(&self) -> f64 {
        let squares = self.errors.iter().map(|error| error * error).sum::<f64>();
        (squares / self.errors.len().max(1) as f64).sqrt()
    }
}

/// Compiles the plan from data to noise over the levels of a given plan, and returns it with the
/// plan from noise to data.
fn both(given: &Given, down: &Plan, reader: &Reader<'_>) -> Result<(Plan, Plan)> {
    let refused = |what: &str, expected: &str, got: String| {
        Err(given.refused(what).expected(expected.to_owned()).got(got).hint("leave it out, and choose a ‹sampler›"))
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
            "a plan without guidance, or ‹sampler› with ‹guidance›",
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
    // The levels of an imported plan carry the rounding of the original library. The sampler
    // requires the exact levels of the process.
    let levels = moves.iter().map(|step| &step.from).chain(moves.last().map(|step| &step.to));
    let levels: Vec<Level> =
        levels.map(|level| process.match_level(level)).collect::<langevin::Result<_>>().or_misused()?;
    let inversion = Sampler::inverse_of(down.name()).or_failed()?;
    let compiling = inversion.on(&process, &levels);
    let compiling = reader.formulation().map_or(compiling.clone(), |network| compiling.network(network));
    Ok((compiling.compile().or_misused()?, down.starting_from_state().or_misused()?))
}

/// Compiles the plan from data to noise and the plan back.
fn plans(settings: &Settings<'_>, reader: &Reader<'_>) -> Result<(Plan, Plan)> {
    if settings.request.is_word() {
        return Err(Error::misused("a word has no way up").at("‹moves›").hint("leave it out, or choose a ‹sampler›"));
    }
    let down = settings.condition.guide(reader.asks(settings.request.clone()));
    let inversion = Sampler::inverse_of(down.chosen_sampler().or_misused()?.name()).or_failed()?;
    let up = down.clone().with_sampler(inversion);
    Ok((up.plan().or_misused()?, down.start(0, Start::State).plan().or_misused()?))
}

fn rms(a: &[f64], b: &[f64]) -> f64 {
    (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len().max(1) as f64).sqrt()
}

fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    rms(values, &vec![mean; values.len()]).max(f64::MIN_POSITIVE)
}

/// Returns points on the great circle from each row to the next, including both ends. Noise on a
/// great circle keeps the norm that the model expects.
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
