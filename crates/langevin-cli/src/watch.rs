//! Rows that were held out, looked at again and again while training: at the same noise and levels every time, so that what changes is the network.

use crate::error::{Blame as _, Result};
use crate::rows;
use crate::source::Source;
use langevin::SampleId;
use langevin::exact::Gaussian;
use langevin::likelihood::{Bound, in_pieces};
use langevin_train::{Dataset, Device, Recipe, Trainer};
use std::cell::OnceCell;

/// Rows and noise levels of the bound: few, for it is looked at often.
const ROWS: usize = 128;
const LEVELS: usize = 4;

/// What was held out.
pub struct Watched {
    all: Dataset,
    /// The first of them.
    some: Dataset,
    /// The control of the bound, which is of the data and stays.
    gaussian: OnceCell<Option<Gaussian>>,
    device: Device,
}

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The loss of all rows.
    pub loss: f64,
    /// The bound on −log₂ p of some rows, in bits a dimension in the units of the data; `None` where the model has none: the noise was coupled, or pictures are seen in part.
    pub bound: Option<f64>,
}

impl Watched {
    pub fn new(all: Dataset, device: &Device) -> Result<Self> {
        let rows: Vec<usize> = (0..all.rows().min(ROWS)).collect();
        let mut values = vec![0.0; rows.len() * all.width()];
        all.read(&rows, &mut values).or_failed()?;
        let some = Dataset::new(all.name(), values, all.shape()).or_failed()?;
        Ok(Self { all, some, gaussian: OnceCell::new(), device: device.clone() })
    }

    /// Looks at it with the averaged network as it is now.
    pub fn look(&self, trainer: &Trainer) -> Result<Look> {
        Ok(Look { loss: trainer.loss_on(&self.all).or_failed()?, bound: self.bound(trainer)? })
    }

    fn bound(&self, trainer: &Trainer) -> Result<Option<f64>> {
        let network = trainer.network().and_then(|network| network.on(&self.device)).or_failed()?;
        let source = Source::Borrowed(&network);
        let (Some(range), width) = (source.trained(), source.width()) else { return Ok(None) };
        if source.is_coupled() || self.some.width() != width {
            return Ok(None);
        }
        let reader = source.read_as(None)?;
        // As they are trained on: whole numbers that nothing is added to are no data of a density, but what is seen of them falls as the network learns.
        let Recipe { seed, dequantize, .. } = *trainer.recipe();
        let (x, log_volume, ids) = rows::coordinates(seed, &source, &self.some, dequantize)?;
        let mut bound = Bound::new(range, LEVELS);
        bound.control = self.gaussian.get_or_init(|| rows::gaussian(&source, &x, width)).clone();
        let run = |x: &[f64], ids: &[SampleId]| bound.run(&reader, x, width, ids);
        match in_pieces(rayon::current_num_threads(), &x, width, &ids, run) {
            Ok(found) => Ok(Some(found.rescaled(log_volume).bits_per_dim()).filter(|bound| bound.is_finite())),
            // An end was asked for, or the network is not finite: the training says so itself.
            Err(_) => Ok(None),
        }
    }
}
