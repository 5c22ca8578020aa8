//! A request for a scheduler that brings its own process, network and levels.

use super::{Count, First, Request};
use crate::error::{Error, Result};
use crate::sampler::{Sampler, Start};

/// What a [`Request`] says to a scheduler that brings its own process, network and levels.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OnScheduler {
    /// The sampler that takes the place of the scheduler's own.
    pub sampler: Option<Sampler>,
    /// The number of steps.
    pub steps: Option<usize>,
    /// The budget of network evaluations, in place of a number of steps.
    pub budget: Option<usize>,
    /// The number of leading steps that are left out, and what the run then starts from.
    pub start: Option<(usize, Start)>,
    /// η of the scheduler's own sampler; `None` where `sampler` has taken it.
    pub eta: Option<f64>,
}

impl Request {
    /// Returns what the request says to a scheduler that brings everything else itself.
    ///
    /// ```
    /// use langevin::Request;
    /// let asked = Request::new().sampler("heun").nfe(9).on_scheduler()?;
    /// assert_eq!((asked.budget, asked.steps), (Some(9), None));
    /// assert!(Request::new().grid("karras").on_scheduler().is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the request has what the scheduler brings (a process, a network, a grid, a noise range, moves, a
    /// map or guidance), or if its sampler cannot be made.
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
