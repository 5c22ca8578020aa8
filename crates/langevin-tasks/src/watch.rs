//! Loss and likelihood bound of held-out rows during training. Noise and levels are the same every
//! time, so that changes are due to the network alone.

use crate::rows::{self, Coordinates};
use langevin_analysis::exact::Gaussian;
use langevin_analysis::likelihood::{Bound, in_pieces};
use langevin_train::{Coupling, Dataset, Network, Recipe, Trainer};
use std::cell::OnceCell;

/// Maximum number of rows of the bound. It is small because the bound is computed often.
pub const ROWS: usize = 128;
/// Number of noise levels of the bound.
pub const LEVELS: usize = 4;
/// Spacing of values, as a share of their scale, above which a network notices the gaps.
pub const COARSE: f64 = 0.02;

/// Held-out rows that are evaluated during training.
///
/// ```
/// use langevin_tasks::watch::Watched;
/// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
/// let rows = Dataset::new("line", vec![0.0, 0.7, 1.9, 3.1], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1));
/// recipe.network = MlpConfig::new(8, 1).into();
/// let mut trainer = Trainer::new(&rows, &recipe)?;
/// trainer.step()?;
/// let look = Watched::new(rows, 1).look(&trainer)?;
/// assert!(look.loss.is_finite());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Watched {
    all: Dataset,
    /// The first of the rows.
    some: Dataset,
    /// Number of threads that share the rows of the bound.
    threads: usize,
    /// Control variate of the bound. It depends only on the data and is computed once.
    gaussian: OnceCell<Option<Gaussian>>,
}

/// Loss and likelihood bound of held-out rows.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Mean loss of all rows.
    pub loss: f64,
    /// Bound on −log₂ p of some of the rows, in bits per dimension, in the units of the data.
    /// `None` if no bound exists: integer data without dequantisation, coupled noise, or cropped
    /// pictures.
    pub bound: Option<f64>,
    /// Unit of the bound: bits/dim, or bits/token for tokens.
    pub unit: &'static str,
}

impl Watched {
    /// Builds the evaluation of these rows. `threads` share the rows of the bound, unless the
    /// network is on a graphics card.
    #[must_use]
    pub fn new(all: Dataset, threads: usize) -> Self {
        let some = all.head(ROWS);
        Self { all, some, threads, gaussian: OnceCell::new() }
    }

    /// Computes loss and bound of the averaged network in its current state.
    ///
    /// # Errors
    /// Returns an error if the rows cannot be read or the device fails.
    pub fn look(&self, trainer: &Trainer) -> langevin_train::Result<Look> {
        let loss = trainer.loss_on(&self.all)?;
        let unit = if self.all.vocabulary().is_some() { "bits/token" } else { "bits/dim" };
        let bound = match self.all.vocabulary() {
            // Squared errors of numbers beside categories are no nats.
            Some(vocabulary) if vocabulary.numbers() > 0 => None,
            // The loss of tokens is the bound itself, in nats a token.
            Some(_) => Some(loss / std::f64::consts::LN_2),
            None => self.bound(trainer)?,
        };
        Ok(Look { loss, bound, unit })
    }

    fn bound(&self, trainer: &Trainer) -> langevin_train::Result<Option<f64>> {
        let Recipe { seed, dequantize, .. } = *trainer.recipe();
        let mut network = match trainer.network() {
            Ok(network) => network,
            // The next training step reports the divergence.
            Err(error) if error.is_diverged() => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(labels) = self.some.labels().filter(|_| !network.classes().is_empty()) {
            network.set_labels(labels.to_vec())?;
        }
        let (Some(range), width) = (network.formulation().range, network.width()) else { return Ok(None) };
        let lattice = network.metadata().data.lattice.clone();
        // A network trained on coarse values without dequantisation learns the gaps between them,
        // so that dequantised data are impossible under the model.
        if let Some(lattice) = lattice.as_ref().filter(|_| !dequantize) {
            let scale = |element: usize| network.normalization().scale_of(element);
            if (0..width).any(|element| lattice.step(element) > COARSE * scale(element)) {
                return Ok(None);
            }
        }
        let coupled = network.metadata().training.coupling != Coupling::Independent;
        if coupled || self.some.width() != width {
            return Ok(None);
        }
        let map = Some(network.normalization());
        let Coordinates { x, volumes, ids } = rows::coordinates(seed, map, &self.some, lattice.as_ref())?;
        let mut bound = Bound::new(range, LEVELS);
        bound.control = self.gaussian.get_or_init(|| rows::gaussian(network.moments(), &x, width)).clone();
        match in_pieces(self.threads(&network), &x, width, &ids, |x, ids| bound.run(&network, x, width, ids)) {
            Ok(found) => Ok(Some(found.rescaled_each(&volumes).bits_per_dim())),
            Err(error) if error.is_singular() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the number of threads; one for a graphics card.
    fn threads(&self, network: &Network) -> usize {
        if network.device().is_cpu() { self.threads } else { 1 }
    }
}
