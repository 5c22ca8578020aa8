//! Requests for a scheduler that has its own process, network and levels.

use super::{Count, First, Request};
use crate::error::{Error, Result};
use crate::sampler::{Sampler, Start};

/// The parts of a [`Request`] that apply to a scheduler with its own process, network and levels.
///
/// ```
/// use langevin::{Request, sampler::Start};
/// let applied = Request::new().steps(30).start(10, Start::Image).on_scheduler()?;
/// assert_eq!((applied.steps, applied.start), (Some(30), Some((10, Start::Image))));
/// assert!(applied.sampler.is_none());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OnScheduler {
    /// The sampler that replaces the scheduler's own.
    pub sampler: Option<Sampler>,
    /// The number of steps.
    pub steps: Option<usize>,
    /// The budget of network evaluations, in place of a number of steps.
    pub budget: Option<usize>,
    /// The number of leading steps that are left out, and the start.
    pub start: Option<(usize, Start)>,
    /// η of the scheduler's own sampler; `None` if `sampler` uses it.
    pub eta: Option<f64>,
}

impl Request {
    /// Returns the parts of the request that apply to a scheduler with its own process, network and
    /// levels.
    ///
    /// ```
    /// use langevin::Request;
    /// let applied = Request::new().sampler("heun").nfe(9).on_scheduler()?;
    /// assert_eq!((applied.budget, applied.steps), (Some(9), None));
    /// assert!(Request::new().grid("karras").on_scheduler().is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the request sets something that the scheduler has (a process, a network,
    /// a grid, a noise range, moves, a map or guidance), or if its sampler cannot be built.
    pub fn on_scheduler(&self) -> Result<OnScheduler> {
        self.check_fits_a_config()?;
        let sampler = self.named_sampler()?;
        Ok(OnScheduler {
            steps: if let Count::Steps(steps) = self.count { Some(steps) } else { None },
            budget: if let Count::Budget(budget) = self.count { Some(budget) } else { None },
            start: if let First::Step(steps, start) = self.first { Some((steps, start)) } else { None },
            eta: self.eta.filter(|_| sampler.is_none()),
            sampler,
        })
    }

    fn check_fits_a_config(&self) -> Result<()> {
        let given = [
            ("process", self.process.is_some()),
            ("network", self.network.is_some()),
            ("moves", self.is_word()),
            ("grid", self.grid.is_some()),
            ("sigma-min", self.sigma_min.is_some()),
            ("sigma-max", self.sigma_max.is_some()),
            ("strength", matches!(self.first, First::Share(_))),
            ("map", self.map.is_some()),
            ("guidance", self.guidance.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((word, _)) => Err(Error::argument("the config of a scheduler brings this itself")
                .at(format!("`{word}`"))
                .expected("a sampler, steps and a start alone")
                .got(format!("`{word}`"))
                .hinting(format!("leave out `{word}`"))),
        }
    }
}
