//! The sampler and the grid with the smallest exact error on Gaussian data like the user's.

use crate::error::{Blame as _, Error, Result};
use crate::observe::{Note, Observer, or_failed};
use crate::source::Reader;
use crate::spectrum::{Asked, Gaussian};
use crate::trained::Trained;
use crate::words::either_case;
use langevin::grid::usual_range;
use langevin::request::REFERENCE_PROCESS;
use langevin::{Grid, Model as _, Plan, Process, Request, Sampler};
use langevin_analysis::Spectrum;
use langevin_analysis::analysis::Analysis;
use langevin_analysis::recommend::{By, Candidate, Measure, Measured, Ranking, Search};

/// Samples that a measurement draws with each plan.
pub const SAMPLES: usize = 256;

/// Returns the names of a list, `ddim,heun:churn=40,tmin=0.05,beta:0.6,0.6`: what belongs to the arguments of a name stays with it.
///
/// A piece is an argument of the name before it where it is `key=value` with no name of its own, or a number behind a name that has a colon.
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

/// Returns the samplers of a list.
///
/// # Errors
/// Returns an error for an unknown name.
pub fn samplers(list: &str) -> Result<Vec<Sampler>> {
    split(list).iter().map(|name| either_case(name, |name| Sampler::parse(name, None)).or_misused()).collect()
}

/// Returns the grids of a list, each known, as the library writes them.
///
/// # Errors
/// Returns an error for an unknown name.
pub fn grids(list: &str) -> Result<Vec<String>> {
    let known = |name: String| either_case(&name, |name| Grid::parse(name, None).map(|_| name.to_owned())).or_misused();
    split(list).into_iter().map(known).collect()
}

/// What is searched. What is `None` has its default.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Network evaluations that a sample may cost.
    pub nfe: usize,
    /// What plans are ranked by.
    pub by: By,
    /// The samplers; all that are recommended.
    pub samplers: Option<Vec<Sampler>>,
    /// The grids; the usual ones.
    pub grids: Option<Vec<String>>,
    /// The relative error of the network's ε.
    pub score_error: f64,
    /// The share by which the step counts of neighbours differ.
    pub neighbours: f64,
    /// How many of the first plans are tried on the model; none.
    pub measure: Option<usize>,
    /// The seed of those samples.
    pub seed: u64,
    /// Threads; as many as there are cores.
    pub threads: Option<usize>,
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// The plans, the best first.
    pub ranking: Ranking,
    /// What the first plans did on the model.
    pub measured: Option<Measured>,
    /// The winner as a request of its own, which makes its plan.
    pub request: Request,
    /// The same without the words that a face takes from the model.
    pub words: Request,
}

/// Returns the request that samplers are searched for: on the process and for the network of a model, or on `process`.
///
/// # Errors
/// Returns an error for an unknown process.
pub fn request(reader: Option<&Reader<'_>>, process: Option<&str>) -> Result<Request> {
    match reader {
        Some(reader) => Ok(reader.asks(Request::new())),
        None => {
            let process = either_case(process.unwrap_or(REFERENCE_PROCESS), Process::parse).or_misused()?;
            Ok(Request::new().process(process))
        }
    }
}

/// Returns the data: those that are named, or those that a model was trained on.
///
/// # Errors
/// Returns an error where there are none, and for data that cannot be read.
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

/// Searches, and tries the first plans on the model where that is asked for.
///
/// # Errors
/// Returns an error for a request that cannot be compiled, and where nothing fits the budget.
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

/// Checks that there is a model to try plans on, where that is asked for.
///
/// # Errors
/// Returns an error if there is none.
pub fn check_measure(settings: &Settings, reader: Option<&Reader<'_>>) -> Result<()> {
    if settings.measure.is_some() && reader.is_none() {
        return Err(Error::misused("there is no model to try plans on")
            .at("‹measure›")
            .expected("‹model›, or ‹onnx› FILE")
            .got("data alone")
            .hint("leave out ‹measure›, or give the model that `langevin train` saved"));
    }
    Ok(())
}

impl Found {
    /// Returns the winner's plan, for the network of the model where there is one.
    ///
    /// # Errors
    /// Returns an error if it cannot be compiled.
    pub fn plan(&self, reader: Option<&Reader<'_>>) -> Result<Plan> {
        match reader.is_some_and(|reader| reader.formulation().is_some()) {
            true => self.request.plan().or_misused(),
            false => Ok(self.ranking.best().plan.clone()),
        }
    }
}

/// Notes why KL divergences are infinite, where it is the data.
pub fn note_if_flat<'a>(data: &Spectrum, mut shown: impl Iterator<Item = &'a Analysis>, observer: &dyn Observer) {
    let flat = data.eigenvalues().last().filter(|space| space.value == 0.0);
    if let Some(flat) = flat.filter(|_| shown.any(|analysis| analysis.total.kl == f64::INFINITY)) {
        observer.note(&Note::NoVariance(flat.count, data.dimension()));
    }
}

/// The winner as a request of its own, and the words of it that the commands are given: every level lies where the network was
/// trained, and the request does not say where that is. Ends that are the usual ones need no word.
fn repeated(request: &Request, best: &Candidate) -> Result<(Request, Request)> {
    let Candidate { sampler, grid, steps, .. } = best;
    let chosen = request.clone().with_sampler(sampler.clone()).grid(grid);
    if Grid::brings_steps(grid) {
        let alone = chosen.without_trained_range();
        return Ok((alone.clone(), alone));
    }
    let chosen = chosen.steps(*steps);
    let (range, usual) = (chosen.noise_range().or_misused()?, usual_range(&request.state_process()));
    // The trained range has the rounding of a change of clock, which the command has not.
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
            // A number behind a name that takes none is a mistake of its own, and so is nothing.
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
