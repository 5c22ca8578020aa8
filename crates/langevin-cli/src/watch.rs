//! Rows that were held out, looked at again and again while training: at the same noise and levels every time, so that what changes is the network.

use crate::rows::{self, Coordinates};
use crate::source::Source;
use langevin::exact::Gaussian;
use langevin::likelihood::{Bound, in_pieces};
use langevin_train::{Dataset, Recipe, Trainer};
use std::cell::OnceCell;

/// Rows and noise levels of the bound: few, for it is looked at often.
const ROWS: usize = 128;
const LEVELS: usize = 4;
/// Steps of the values that are larger than this share of their scale are seen by a network.
pub const COARSE: f64 = 0.02;

/// How the bound differs from what `likelihood` measures, in one clause.
pub fn about_bound() -> String {
    format!(
        "the bound is an upper bound on −log p of {ROWS} held-out rows at most, from {LEVELS} noise levels; `langevin likelihood --method ode` computes the density of the ODE model, which is another figure"
    )
}

/// The same in the few words of a page.
pub fn bound_in_short() -> String {
    format!("an upper bound: {ROWS} rows at most, {LEVELS} noise levels")
}

/// What was held out.
pub struct Watched {
    all: Dataset,
    /// The first of them.
    some: Dataset,
    /// The control of the bound, which is of the data and stays.
    gaussian: OnceCell<Option<Gaussian>>,
}

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The loss of all rows.
    pub loss: f64,
    /// The bound on −log₂ p of some rows, in bits a dimension in the units of the data; `None` where there is none: whole numbers to which nothing is added have no density, nor has
    /// coupled noise a bound, and of pictures that are seen in part it would be another one.
    pub bound: Option<f64>,
}

impl Watched {
    pub fn new(all: Dataset) -> Self {
        let some = all.head(ROWS);
        Self { all, some, gaussian: OnceCell::new() }
    }

    /// Looks at it with the averaged network as it is now.
    ///
    /// # Errors
    /// Rows that cannot be read, or a device that fails.
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
        let source = Source::Borrowed(&network);
        if source.is_coupled() || self.some.width() != width {
            return Ok(None);
        }
        let Coordinates { x, volumes, ids } = rows::coordinates(seed, &source, &self.some, lattice.as_ref())?;
        let mut bound = Bound::new(range, LEVELS);
        bound.control = self.gaussian.get_or_init(|| rows::gaussian(&source, &x, width)).clone();
        match in_pieces(source.threads(None), &x, width, &ids, |x, ids| bound.run(&network, x, width, ids)) {
            Ok(found) => Ok(Some(found.rescaled_each(&volumes).bits_per_dim())),
            Err(error) if error.is_singular() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
