//! Recommendation: the sampler and grid with the smallest exact error on Gaussian data like the
//! user's.

use crate::condition::Condition;
use crate::data::Reading;
use crate::error::{Blame as _, Error, Result};
use crate::observe::{Note, Observer, or_failed};
use crate::source::Reader;
use crate::spectrum::{Asked, Gaussian};
use crate::trained::Trained;
use crate::tune;
use crate::words::either_case;
use langevin::grid::usual_range;
use langevin::request::REFERENCE_PROCESS;
use langevin::{Grid, Model as _, Plan, Process, Request, Sampler};
use langevin_analysis::Spectrum;
use langevin_analysis::analysis::Analysis;
use langevin_analysis::recommend::{By, Candidate, Measure, Measured, Ranking, Search};

/// Number of samples that each plan draws when plans are measured on the model.
pub const SAMPLES: usize = 256;

/// Splits a list of names such as `ddim,heun:churn=40,tmin=0.05,beta:0.6,0.6`. The arguments of a
/// name stay with the name.
///
/// A piece is an argument of the preceding name in two cases: it has the form `key=value` without a
/// name of its own, or it is a number and the preceding name contains a colon.
///
/// # Examples
///
/// ```
/// use langevin_tasks::recommend::split;
/// assert_eq!(split("ddim,heun:churn=40,tmin=0.05"), ["ddim", "heun:churn=40,tmin=0.05"]);
/// ```
#[must_use]
pub fn split(list: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for piece in list.split(',').map(str::trim) {
        let keyed = piece.find('=').is_some_and(|at| !piece[..at].contains(':'));
        let number = piece.parse::<f64>().is_ok();
        match names.last_mut() {
            Some(name) if keyed || (number && name.contains(':')) => {
                name.push(',');
                name.push_str(piece);
            }
            _ => names.push(piece.to_owned()),
        }
    }
    names
}

/// Parses a list of samplers.
///
/// # Examples
///
/// ```
/// let samplers = langevin_tasks::recommend::samplers("ddim,heun")?;
/// assert_eq!(samplers.len(), 2);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if a name is unknown.
pub fn samplers(list: &str) -> Result<Vec<Sampler>> {
    split(list).iter().map(|name| either_case(name, |name| Sampler::parse(name, None)).or_misused()).collect()
}

/// Parses a list of grids and returns their names.
///
/// # Examples
///
/// ```
/// use langevin_tasks::recommend::grids;
/// assert_eq!(grids("Karras,beta:0.6,0.6")?, ["karras", "beta:0.6,0.6"]);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if a name is unknown.
pub fn grids(list: &str) -> Result<Vec<String>> {
    let known = |name: String| either_case(&name, |name| Grid::parse(name, None).map(|_| name.to_owned())).or_misused();
    split(list).into_iter().map(known).collect()
}

/// Settings of a search. `None` selects the default.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Number of network evaluations (NFE) per sample.
    pub nfe: usize,
    /// The error by which plans are ranked.
    pub by: By,
    /// Samplers to search; default: all that are recommended.
    pub samplers: Option<Vec<Sampler>>,
    /// Grids to search; default: the usual ones.
    pub grids: Option<Vec<String>>,
    /// Relative error of the network's ε prediction.
    pub score_error: f64,
    /// Share by which step counts may differ and still be neighbours. Plans are ranked by their
    /// typical error over neighbouring step counts.
    pub neighbours: f64,
    /// Number of top plans to run on the model; default: none.
    pub measure: Option<usize>,
    /// True to fit a plan to the model as well; see [`tuning`].
    pub tune: bool,
    /// Seed of the samples of these plans.
    pub seed: u64,
    /// Number of threads; default: the number of cores.
    pub threads: Option<usize>,
}

/// The result of a search.
#[derive(Debug)]
pub struct Found {
    /// The plans, best first.
    pub ranking: Ranking,
    /// Measurements of the top plans on the model.
    pub measured: Option<Measured>,
    /// The winner as a complete request, which compiles to its plan.
    pub request: Request,
    /// The request without the settings that a caller takes from the model.
    pub words: Request,
}

/// Returns the request to search for: with the process and network of a model, or with `process` if
/// there is no model.
///
/// # Examples
///
/// ```
/// let request = langevin_tasks::recommend::request(None, Some("ve"))?;
/// assert!(request.plan().is_ok());
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the process is unknown.
pub fn request(reader: Option<&Reader<'_>>, process: Option<&str>) -> Result<Request> {
    match reader {
        Some(reader) => Ok(reader.asks(Request::new())),
        None => {
            let process = either_case(process.unwrap_or(REFERENCE_PROCESS), Process::parse).or_misused()?;
            Ok(Request::new().process(process))
        }
    }
}

/// Returns the Gaussian data to search for: the requested data, or the training data of a model.
///
/// ```
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::recommend::data;
/// use langevin_tasks::spectrum::Asked;
/// let reading = Reading::default();
/// let asked = Asked { spectrum: Some("power:2:d=8"), data: None, reading: &reading, raw: false };
/// assert_eq!(data(None, &asked, &())?.spectrum.dimension(), 8);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if there are no data or if they cannot be read.
pub fn data(trained: Option<&Trained>, asked: &Asked<'_>, observer: &dyn Observer) -> Result<Gaussian> {
    match trained {
        Some(trained) => trained.gaussian(asked, observer),
        None if asked.data.is_none() && asked.spectrum.is_none() => Err(Error::misused("nothing to recommend for")
            .at("‹model›, ‹data›")
            .expected("a model, data, or ‹spectrum›")
            .got("none of them")),
        None => asked.open(observer),
    }
}

/// Runs the search, and runs the top plans on the model if the settings ask for it.
///
/// # Examples
///
/// ```
/// use langevin_analysis::Spectrum;
/// use langevin_analysis::recommend::By;
/// use langevin_tasks::recommend::{Settings, grids, request, run, samplers};
/// let settings = Settings {
///     nfe: 6,
///     by: By::W2,
///     samplers: Some(samplers("ddim,dpmpp-2m")?),
///     grids: Some(grids("karras,uniform-lambda")?),
///     score_error: 0.0,
///     neighbours: 0.2,
///     measure: None,
///     tune: false,
///     seed: 0,
///     threads: None,
/// };
/// let data = Spectrum::parse("power:2:d=64")?;
/// let found = run(&request(None, None)?, None, &data, &settings, &())?;
/// assert!(found.plan(None)?.nfe() <= 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the request cannot be compiled, or if no plan fits the budget.
pub fn run(
    request: &Request,
    reader: Option<&Reader<'_>>,
    spectrum: &Spectrum,
    settings: &Settings,
    observer: &dyn Observer,
) -> Result<Found> {
    let nfe = settings.nfe;
    for grid in settings.grids.iter().flatten() {
        request.clone().grid(grid).nfe(nfe).noise_range().or_misused()?;
    }
    request.clone().nfe(nfe).noise_range().or_misused()?;
    let mut search = Search::new(request, spectrum, nfe, settings.by)
        .score_error(settings.score_error)
        .neighbours(settings.neighbours);
    if let Some(samplers) = &settings.samplers {
        search = search.samplers(samplers.clone());
    }
    if let Some(grids) = &settings.grids {
        search = search.grids(grids.clone());
    }
    while search.advance().or_failed()? {
        observer.check()?;
    }
    let mut ranking = search.finish().or_misused()?;
    let measured = match (settings.measure, reader) {
        (Some(plans), Some(reader)) => {
            reader.source().check_rows(SAMPLES)?;
            let threads = reader.source().threads(settings.threads);
            let measure = Measure::new(plans).samples(SAMPLES).seed(settings.seed).threads(threads);
            let width = reader.source().width();
            Some(or_failed(measure.run(&mut ranking, request, reader, width), observer)?)
        }
        _ => None,
    };
    let (request, words) = repeated(request, ranking.best())?;
    Ok(Found { ranking, measured, request, words })
}

/// Prepares the fit of a plan with the same budget to the model.
///
/// # Errors
/// Returns an error if the model cannot be evaluated for the samples of the fit.
pub fn tuning<'a>(
    request: &Request,
    reader: &'a Reader<'a>,
    settings: &Settings,
    observer: &dyn Observer,
) -> Result<tune::Prepared<'a>> {
    let (reading, condition) = (Reading::default(), Condition::default());
    let (seed, threads) = (settings.seed, settings.threads);
    let settings = tune::Settings { seed, threads, ..tune::Settings::new(settings.nfe, &reading, &condition) };
    tune::prepare(reader, request.clone(), &settings, tune::Classes::default(), observer)
}

/// Checks that there is a model if plans are to be measured on one or fitted to it.
///
/// # Errors
/// Returns an error if there is none.
pub fn check_measure(settings: &Settings, reader: Option<&Reader<'_>>) -> Result<()> {
    let flag = match (settings.measure, settings.tune) {
        (None, false) => return Ok(()),
        (Some(_), _) => "‹measure›",
        (None, true) => "‹tune›",
    };
    if reader.is_some() {
        return Ok(());
    }
    Err(Error::misused("there is no model to try plans on")
        .at(flag)
        .expected("‹model›, or ‹onnx› FILE")
        .got("data alone")
        .hint(format!("leave out {flag}, or give the model that `langevin train` saved")))
}

impl Found {
    /// Returns the winner's plan, compiled for the network of the model if there is one.
    ///
    /// # Errors
    /// Returns an error if the plan cannot be compiled.
    pub fn plan(&self, reader: Option<&Reader<'_>>) -> Result<Plan> {
        match reader.is_some_and(|reader| reader.formulation().is_some()) {
            true => self.request.plan().or_misused(),
            false => Ok(self.ranking.best().plan.clone()),
        }
    }
}

/// Sends a note if KL divergences are infinite because the data have no variance in some
/// dimensions.
pub fn note_if_flat<'a>(data: &Spectrum, mut shown: impl Iterator<Item = &'a Analysis>, observer: &dyn Observer) {
    let flat = data.eigenvalues().last().filter(|space| space.value == 0.0);
    if let Some(flat) = flat.filter(|_| shown.any(|analysis| analysis.total.kl == f64::INFINITY)) {
        observer.note(&Note::NoVariance(flat.count, data.dimension()));
    }
}

/// Returns the winner as a complete request, and the settings of it that have to be passed to the
/// commands. All levels lie in the trained range, which the first request does not state. Range
/// ends that equal the defaults are left out of both.
fn repeated(request: &Request, best: &Candidate) -> Result<(Request, Request)> {
    let Candidate { sampler, grid, steps, .. } = best;
    let chosen = request.clone().with_sampler(sampler.clone()).grid(grid);
    if Grid::brings_steps(grid) {
        let alone = chosen.without_trained_range();
        return Ok((alone.clone(), alone));
    }
    let chosen = chosen.steps(*steps);
    let (range, usual) = (chosen.noise_range().or_misused()?, usual_range(&request.state_process()));
    // The trained range carries rounding errors from a change of clock that a command line does not
    // have.
    let end = |a: f64, b: f64| if a != b && (a - b).abs() > 1e-9 * b { Some(a) } else { None };
    let (min, max) = (end(range.min, usual[0]), end(range.max, usual[1]));
    let alone = chosen.without_trained_range().default_range();
    let flags = min.into_iter().fold(alone, Request::sigma_min);
    let flags = max.into_iter().fold(flags, Request::sigma_max).without_unused_range();
    let full = flags.clone().range(min.unwrap_or(usual[0]), max.unwrap_or(usual[1])).without_unused_range();
    Ok((full, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_arguments_with_their_names() {
        for (list, names) in [
            ("ddim", &["ddim"][..]),
            ("ddim,heun", &["ddim", "heun"]),
            (" ddim , heun ", &["ddim", "heun"]),
            ("karras,beta:0.6,0.6,uniform-t", &["karras", "beta:0.6,0.6", "uniform-t"]),
            ("beta:0.6, .6,karras:5", &["beta:0.6,.6", "karras:5"]),
            ("flow-shift:3,terminal=.1,lu", &["flow-shift:3,terminal=.1", "lu"]),
            ("heun:churn=40,tmin=.05,tmax=inf,ddim", &["heun:churn=40,tmin=.05,tmax=inf", "ddim"]),
            ("adams2:eta=.5,adams3:eta=1", &["adams2:eta=.5", "adams3:eta=1"]),
            ("list:inf,10,1e-1,0,karras", &["list:inf,10,1e-1,0", "karras"]),
            ("ays:sd,ays:sdxl,vp", &["ays:sd", "ays:sdxl", "vp"]),
            ("unipc:uncorrected=0+1,order=3", &["unipc:uncorrected=0+1,order=3"]),
            // A number after a name without arguments is an error of its own, and so is an empty
            // piece.
            ("karras,5", &["karras", "5"]),
            ("ddim,,heun,", &["ddim", "", "heun", ""]),
            ("0.5,ddim", &["0.5", "ddim"]),
            ("", &[""]),
        ] {
            assert_eq!(split(list), names, "{list}");
        }
    }

    #[test]
    fn every_name_survives_a_list() {
        let names: Vec<&str> = langevin::sampler::Entry::all().iter().map(|entry| entry.name).collect();
        assert_eq!(split(&names.join(",")), names);
        samplers(&names.join(",")).unwrap();
    }
}
