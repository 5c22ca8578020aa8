//! Samples of a model of numbers and categories.

use crate::error::{Blame as _, Result};
use crate::observe::{Observer, Progress};
use crate::tokens::sample::Draws;
use langevin::{Plan, Request, SampleId};
use langevin_train::{Network, TableNetwork};

/// Number of rows between two looks at the observer.
const BATCH: usize = 512;

/// Two plans that are ready to draw rows together.
#[derive(Debug)]
pub struct Prepared<'a> {
    table: TableNetwork<'a>,
    numbers: Plan,
    letters: langevin_discrete::Plan,
}

/// Compiles the sampler of the numbers and that of the categories, which has the same levels.
///
/// # Errors
/// Returns an error if a request has no plan, or the plans do not fit each other.
pub fn prepare(network: &Network, numbers: Request, letters: langevin_discrete::Request) -> Result<Prepared<'_>> {
    let table = network.table().or_misused()?;
    let numbers = numbers.network(table.formulation().clone()).plan().or_misused()?;
    let letters = table.letters_for(&numbers, letters).or_misused()?;
    Ok(Prepared { table, numbers, letters })
}

impl Prepared<'_> {
    /// Returns the plan of the numbers.
    #[must_use]
    pub fn numbers(&self) -> &Plan {
        &self.numbers
    }

    /// Returns the plan of the categories.
    #[must_use]
    pub fn letters(&self) -> &langevin_discrete::Plan {
        &self.letters
    }

    /// Returns the names of both samplers: `dpmpp-2m + ancestral`.
    #[must_use]
    pub fn name(&self) -> String {
        let first = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
        format!("{} + {}", self.numbers.name(), first(self.letters.name()))
    }

    /// Draws rows in the order of their indices: numbers in the units of the data, and letters.
    ///
    /// Row i is the same for any count and any number of threads.
    ///
    /// # Errors
    /// Returns an error if the model fails, or the observer ends the task.
    pub fn draw(&self, Draws { count, seed }: Draws, observer: &dyn Observer) -> Result<Vec<f64>> {
        let rows: Vec<SampleId> = (0..count as u64).map(|index| SampleId { seed, index }).collect();
        let mut out = Vec::new();
        for batch in rows.chunks(BATCH) {
            observer.check()?;
            out.extend(self.table.sample(&self.numbers, &self.letters, batch).or_failed()?);
            let done = (out.len() / self.table.schema().columns().len()) as u64;
            observer.progress(&Progress::Done { unit: "samples", done, all: count as u64 });
        }
        observer.progress(&Progress::End);
        Ok(out)
    }
}
