//! Training: draws, loss, gradient, step.
//!
//! What a step minimises is a [`Task`](task::Task); this file's neighbours draw the pairs of data and noise
//! that it is given.
//!
//! Everything random has an address: noise and level of a row are functions of (seed, n·batch + r), the order
//! of the data of (seed, epoch). The batch is cut into lanes that run in parallel and whose gradients are
//! added in order ([`lanes`]), so threads change no bit. What a [`Trainer`] is between two steps is one file
//! ([`state`]), so an interruption changes no bit either.

mod ahead;
mod averages;
mod best;
mod change;
mod contents;
mod health;
mod judge;
mod lanes;
mod memory;
pub(crate) mod optimizer;
mod order;
mod problem;
pub(crate) mod recipe;
mod smooth;
mod state;
pub mod task;
mod trainer;

pub use averages::Averages;
pub(crate) use lanes::rows_of_lane;
pub(crate) use order::Order;
pub use recipe::{Budget, Decay, FINE_TUNING_RATE, Recipe};
pub(crate) use smooth::Smooth;
pub use trainer::{Progress, Trainer};

use crate::error::Result;
use crate::nn::network::Network;
use langevin_data::Dataset;
use std::ops::ControlFlow;

/// Trains a network on `data`, calling `watch` after every step; [`ControlFlow::Break`] stops early. Returns
/// the averaged network.
///
/// # Errors
/// A recipe that cannot be used, or a loss that is no longer finite, has exploded, or is at the end far above
/// that of a network that has learned nothing ([`Error::is_diverged`](crate::Error::is_diverged);
/// [`Error::into_network`](crate::Error::into_network) then gives the averaged network of the last good
/// step).
///
/// ```
/// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
/// use std::ops::ControlFlow;
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// recipe.network = MlpConfig::new(16, 3).into();
/// let network = train(&data, &recipe, &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!(network.metadata().training.steps, 20);
/// # Ok::<(), langevin_train::Error>(())
/// ```
pub fn train(
    data: &Dataset,
    recipe: &Recipe,
    watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
) -> Result<Network> {
    let mut trainer = Trainer::new(data, recipe)?;
    loop {
        trainer.step()?;
        if watch(&trainer.progress()).is_break() {
            return trainer.network();
        }
        if trainer.is_done() {
            trainer.check_end()?;
            return trainer.network();
        }
    }
}
