//! Sizes and orders: the errors of plans under masked noise, and the best plan for a number of
//! evaluations.
//!
//! A plan that reveals several tokens in one step draws them as if they were independent. Its error
//! depends on how many tokens it reveals in each step, and more on which ones. [`recommend`] ranks
//! known orders with their best sizes, and [`tune`] searches among groups of places.
//!
//! | error | meaning | exact for |
//! |---|---|---|
//! | excess | KL(p‖q) of whole sequences in nats; for random orders an upper bound | fixed and random orders on a Markov chain |
//! | pair-KL | Σ KL of the laws of neighbouring tokens ([`pair_kl`]) | fixed orders on a Markov chain |
//! | collapse | information of samples and of data ([`Collapse`]) | |
//!
//! For an order that is fixed, or that looks at predictions alone, the samples have a probability
//! that is followed step by step ([`losses_of`]). The excess of a trained model is therefore
//! measured on data, without samples: it is relative to one token at a time in random order.
//!
//! An order that looks at the drawn letters, such as confidence, has no such probability. It is
//! biased at any number of evaluations, and is listed for comparison.
//!
//! ```
//! use langevin_discrete::{Noise, exact::Chain, recommend::{Options, Target, recommend}};
//! let chain = Chain::example(4, 16, Noise::Masked)?;
//! let ranking = recommend(Target::Density(&chain), 4, &Options::default().rows(32).samples(200))?;
//! let best = ranking.best();
//! assert_eq!(best.plan.nfe(), 4);
//! // The best order is far better than a random one.
//! assert!(10.0 * best.excess.unwrap().nats < ranking.usual().excess.unwrap().nats);
//! println!("{ranking}");
//! # Ok::<(), langevin::Error>(())
//! ```

mod markov;
mod orders;
mod pairs;
mod ranking;
mod script;
mod sizes;
#[cfg(test)]
mod tests;
mod tune;
mod work;

pub use crate::sampler::far_apart;
pub use markov::Markov;
pub use orders::Dependence;
pub use pairs::{Collapse, pair_kl};
pub use ranking::{Candidate, Ranking, recommend};
pub use script::losses_of;
pub use sizes::Losses;
pub use tune::{Tuned, tune};

use crate::denoiser::Denoiser;
use crate::exact::Density;
use crate::space::Letter;
use langevin::text::number;
use std::fmt;

/// A number of nats, exact or with a standard error.
///
/// ```
/// use langevin_discrete::recommend::Figure;
/// let found = Figure::mean(&[1.0, 2.0, 3.0]);
/// assert_eq!((found.nats, found.is_exact()), (2.0, false));
/// assert_eq!(Figure::exact(0.25).to_string(), "2.500e−1 exact");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// The number, in nats a sequence.
    pub nats: f64,
    /// Standard error; `None` if the number is exact.
    pub standard_error: Option<f64>,
}

impl Figure {
    /// Creates an exact number.
    #[must_use]
    pub fn exact(nats: f64) -> Self {
        Self { nats, standard_error: None }
    }

    /// Creates the mean of independent measurements.
    #[must_use]
    pub fn mean(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let nats = values.iter().sum::<f64>() / count;
        let square: f64 = values.iter().map(|value| (value - nats) * (value - nats)).sum();
        let standard_error = if count > 1.0 { (square / (count * (count - 1.0))).sqrt() } else { f64::NAN };
        Self { nats, standard_error: Some(standard_error) }
    }

    /// Returns the number with two standard errors more.
    #[must_use]
    pub fn upper(&self) -> f64 {
        self.nats + 2.0 * self.standard_error.unwrap_or(0.0)
    }

    /// Returns true if the number has no standard error.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.standard_error.is_none()
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.standard_error {
            None => write!(f, "{} exact", number(self.nats)),
            Some(error) => write!(f, "{} ± {}", number(self.nats), number(error)),
        }
    }
}

/// The model that plans are recommended for.
///
/// ```
/// use langevin::SampleId;
/// use langevin_discrete::recommend::{Options, Target, recommend};
/// use langevin_discrete::{Noise, exact::{Chain, Density}};
/// // A density that stands for a trained model, and data.
/// let chain = Chain::example(3, 6, Noise::Masked)?;
/// let rows: Vec<_> = (0..40).map(|index| SampleId { seed: 0, index }).collect();
/// let target = Target::Model { model: &chain, tokens: &chain.sample(&rows) };
/// let ranking = recommend(target, 3, &Options::default())?;
/// assert!(ranking.best().excess.is_some_and(|excess| !excess.is_exact()));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// A known density: it is the model and the law of the data.
    Density(&'a dyn Density),
    /// A model, and sequences of data that it was not trained on.
    ///
    /// The first half of the sequences chooses sizes and orders, and the second half measures the
    /// chosen plans.
    Model {
        /// The model.
        model: &'a dyn Denoiser,
        /// The sequences, one after the other.
        tokens: &'a [Letter],
    },
}

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Density(density) => f.debug_tuple("Density").field(&density.name()).finish(),
            Self::Model { model, tokens } => {
                f.debug_struct("Model").field("space", model.space()).field("tokens", &tokens.len()).finish()
            }
        }
    }
}

/// Settings of a recommendation or a tuning.
///
/// ```
/// use langevin_discrete::recommend::Options;
/// let options = Options::default().rows(64).seed(3);
/// assert_eq!((options.rows, options.seed, options.samples), (64, 3, 2000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Seed of all random choices.
    pub seed: u64,
    /// Sequences of a density on which sizes are chosen, and others on which plans are measured.
    pub rows: usize,
    /// Samples of a plan, for errors that need samples.
    pub samples: usize,
    /// Random orders, for the exact laws of a random order.
    pub orders: usize,
    /// Number of revealed tokens at which the dependence of places is measured.
    pub revealed: usize,
    /// Largest number of trials of a tuning that has to measure each of them.
    pub trials: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 0, rows: 128, samples: 2000, orders: 400, revealed: 0, trials: 300 }
    }
}

/// Writes the builder methods of the options.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $kind:ty;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(self, $name: $kind) -> Self {
            Self { $name, ..self }
        })*
    };
}

impl Options {
    setters! {
        /// Sets the seed of all random choices.
        seed: u64;
        /// Sets the number of sequences that are drawn from a density, for the choice and again for
        /// the measurement.
        rows: usize;
        /// Sets the number of samples of a plan.
        samples: usize;
        /// Sets the number of random orders.
        orders: usize;
        /// Sets the number of revealed tokens at which the dependence of places is measured.
        revealed: usize;
        /// Sets the largest number of trials of a tuning that measures.
        trials: usize;
    }
}
