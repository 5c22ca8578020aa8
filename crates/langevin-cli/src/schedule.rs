//! The flags that choose a sampler and its steps, as a [`Request`].

use crate::cli::{MAX_SIGMA, RangeArgs, SamplerArgs};
use crate::error::{Failure, Result};
use langevin::{Grid, Request};

/// Returns a name in the case in which it is known: as given or, if that is unknown, in lower case.
/// A name that is unknown in both cases is returned as given, so that its error quotes it.
fn known_case(text: &str, is_known: impl Fn(&str) -> bool) -> String {
    let small = text.to_ascii_lowercase();
    if !is_known(text) && is_known(&small) { small } else { text.to_owned() }
}

impl SamplerArgs {
    /// Returns the request of these flags.
    ///
    /// # Errors
    /// Returns an error if a list contains a noise level that is out of range.
    pub fn request(&self) -> Result<Request> {
        let mut request = self.config_request();
        if let Some(word) = &self.moves {
            request = request.moves(word);
        }
        let range = RangeArgs { sigma_min: self.sigma_min, sigma_max: self.sigma_max };
        Ok(range.limit(on_grid(request, &self.grid)?))
    }

    /// Returns the request of the flags that apply to a scheduler's config: the sampler, its η and
    /// the steps.
    pub fn config_request(&self) -> Request {
        let mut request = Request::new();
        if let Some(eta) = self.eta {
            request = request.eta(eta);
        }
        if let Some(name) = &self.sampler {
            request = named(request, name);
        }
        match (self.steps, self.nfe) {
            (Some(steps), _) => request.steps(steps),
            (None, Some(evaluations)) => request.nfe(evaluations),
            (None, None) => request,
        }
    }
}

impl RangeArgs {
    /// Returns the request within the noise range of these flags.
    pub fn limit(&self, request: Request) -> Request {
        let request = self.sigma_min.into_iter().fold(request, Request::sigma_min);
        self.sigma_max.into_iter().fold(request, Request::sigma_max)
    }
}

/// Returns the request with the sampler of this name.
pub fn named(request: Request, name: &str) -> Request {
    let name = known_case(name, |name| request.clone().sampler(name).chosen_sampler().is_ok());
    request.sampler(name)
}

/// Returns the request on the grid of this name.
///
/// # Errors
/// Returns an error if the grid is a list with a noise level that is out of range.
pub fn on_grid(request: Request, grid: &str) -> Result<Request> {
    if Grid::brings_steps(grid) {
        let levels = grid.split_once(':').map_or("", |(_, levels)| levels).split(',');
        // An entry that is not a number is refused by the library.
        let mut levels = levels.filter_map(|level| level.trim().parse::<f64>().ok());
        if let Some(level) = levels.find(|level| *level > MAX_SIGMA) {
            return Err(Failure::misused("a noise level is too high")
                .at("--grid")
                .expected(format!("σ/α of at most {MAX_SIGMA}"))
                .got(level.to_string()));
        }
    }
    Ok(request.grid(known_case(grid, |grid| Grid::parse(grid, None).is_ok())))
}
