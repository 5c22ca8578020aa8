//! Training: draws, loss, gradient and step.
//!
//! A step minimises a [`Task`](task::Task). The other modules draw the pairs of data and noise that
//! the task receives.
//!
//! All randomness is addressed. The noise and level of a row are functions of (seed, n·batch + r),
//! and the order of the data is a function of (seed, epoch). The batch is cut into lanes that run
//! in parallel and whose gradients are added in order ([`lanes`]), so the thread count does not
//! change a bit. The state of a [`Trainer`] between two steps is one file ([`state`]), so an
//! interruption does not change a bit either.

mod ahead;
mod averages;
mod best;
mod change;
mod contents;
mod health;
mod judge;
mod lanes;
mod memory;
mod muon;
pub(crate) mod optimizer;
mod order;
mod problem;
pub(crate) mod recipe;
mod smooth;
mod state;
mod table;
pub mod task;
mod tokens;
mod trainer;

pub use averages::Averages;
pub(crate) use lanes::rows_of_lane;
pub(crate) use order::Order;
pub use recipe::{Budget, Decay, FINE_TUNING_RATE, OptimizerKind, Recipe};
pub(crate) use smooth::Smooth;
pub use tokens::TokenNoise;
pub use trainer::{Progress, Trainer};

use crate::error::Result;
use crate::nn::network::Network;
use langevin_data::Dataset;
use std::ops::ControlFlow;

/// Trains a network on `data` and returns the network with averaged weights.
///
/// `watch` is called after every step; [`ControlFlow::Break`] stops early.
///
/// # Errors
/// Returns an error if the recipe is unusable. Also returns an error, for which
/// [`Error::is_diverged`](crate::Error::is_diverged) is true, if the loss
///
/// - is not finite,
/// - has exploded, or
/// - is at the end far above that of a network that predicts nothing.
///
/// [`Error::into_network`](crate::Error::into_network) then returns the averaged network of the
/// last good step.
///
/// # Examples
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
