//! Loss and bound of held-out rows while training: at the same noise and levels every time, so that only the network changes.

use crate::rows::{self, Coordinates};
use langevin_analysis::exact::Gaussian;
use langevin_analysis::likelihood::{Bound, in_pieces};
use langevin_train::{Coupling, Dataset, Network, Recipe, Trainer};
use std::cell::OnceCell;

/// The most rows of the bound: few, since it is computed often.
pub const ROWS: usize = 128;
/// Noise levels of the bound.
pub const LEVELS: usize = 4;
/// Spacing of values, as a share of their scale, above which a network sees the gaps.
pub const COARSE: f64 = 0.02;

/// Held-out rows that are watched.
#[derive(Debug)]
pub struct Watched {
    all: Dataset,
    /// The first of them.
    some: Dataset,
    /// Threads that share the rows of the bound.
    threads: usize,
    /// The control of the bound, which is of the data and stays.
    gaussian: OnceCell<Option<Gaussian>>,
}

/// Loss and bound of held-out rows.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The loss of all rows.
    pub loss: f64,
    /// The bound on −log₂ p of some rows, in bits a dimension in the units of the data; `None` where there is none: whole numbers to which nothing is added have no density, nor has
    /// coupled noise a bound, and of pictures that are seen in part it would be another one.
    pub bound: Option<f64>,
}

impl Watched {
    /// Builds a watch of these rows; `threads` share the rows of the bound, unless the network is on a card.
    #[must_use]
    pub fn new(all: Dataset, threads: usize) -> Self {
        let some = all.head(ROWS);
        Self { all, some, threads, gaussian: OnceCell::new() }
    }

    /// Computes loss and bound with the averaged network as it is now.
    ///
    /// # Errors
    /// Returns an error if the rows cannot be read or the device fails.
    pub fn look(&self, trainer: &Trainer) -> langevin_train::Result<Look> {
        Ok(Look { loss: trainer.loss_on(&self.all)?, bound: self.bound(trainer)? })
    }

    fn bound(&self, trainer: &Trainer) -> langevin_train::Result<Option<f64>> {
        let Recipe { seed, dequantize, .. } = *trainer.recipe();
        let mut network = match trainer.network() {
            Ok(network) => network,
            // The next step of the training says so itself.
            Err(error) if error.is_diverged() => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(labels) = self.some.labels().filter(|_| !network.classes().is_empty()) {
            network.set_labels(labels.to_vec())?;
        }
        let (Some(range), width) = (network.formulation().range, network.width()) else { return Ok(None) };
        let lattice = network.metadata().data.lattice.clone();
        // Coarse steps that the network was not told of are gaps to it, in which data that fill them are impossible.
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

    /// One thread feeds a card.
    fn threads(&self, network: &Network) -> usize {
        if network.device().is_cpu() { self.threads } else { 1 }
    }
}
