//! Where samples come from: a trained network or a density known in closed form, read as it is or as another formulation.

use crate::cli::SourceArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::interrupt;
use crate::words::either_case;
use langevin::exact::{self, Density};
use langevin::{Formulation, LambdaRange, Model, Prediction, Process, Query, ReadAs, SliceSpace, Vjp};
use langevin_train::{Coupling, Network};
use std::path::Path;

/// A model to sample from.
pub enum Source<'a> {
    /// A trained network.
    Network(Box<Network>),
    /// A network that someone else owns.
    Borrowed(&'a Network),
    /// A density known in closed form.
    Exact(Box<dyn Density>),
}

impl<'a> Source<'a> {
    /// Opens what the flags name.
    pub fn open(args: &SourceArgs) -> Result<Self> {
        match (&args.model, &args.exact) {
            (Some(path), _) => network(path).map(|network| Self::Network(Box::new(network))),
            (None, Some(name)) => either_case(name, exact::named).map(Self::Exact).or_misused(),
            // The argument group of the flags lets neither through.
            (None, None) => Err(Failure::misused("nothing to read").expected("MODEL or --exact NAME").got("neither")),
        }
    }

    /// The network, where it is one.
    pub fn network(&self) -> Option<&Network> {
        match self {
            Self::Network(network) => Some(network),
            Self::Borrowed(network) => Some(network),
            Self::Exact(_) => None,
        }
    }

    /// Whether the noise of its training was coupled to the data: its ODE is a model of the data in every clock, but its velocity is no score.
    pub fn is_coupled(&self) -> bool {
        self.network().is_some_and(|network| network.metadata().training.coupling != Coupling::Independent)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Network(network) => &network.metadata().data.name,
            Self::Borrowed(network) => &network.metadata().data.name,
            Self::Exact(density) => density.name(),
        }
    }

    /// The shape of one sample.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Network(network) => network.shape().to_vec(),
            Self::Borrowed(network) => network.shape().to_vec(),
            Self::Exact(density) => vec![density.dim()],
        }
    }

    /// The elements of one sample.
    pub fn width(&self) -> usize {
        self.shape().iter().product()
    }

    /// The values that pictures of the data run through, where they are known.
    pub fn extent(&self) -> Option<[f64; 2]> {
        let network = self.network()?;
        let map = network.normalization();
        let (shift, scale) = (map.shift.first()?, map.scale.first()?);
        (network.shape().len() > 1).then_some([shift - scale, shift + scale])
    }

    /// Samples to data units, in place.
    pub fn to_data(&self, samples: &mut [f64]) {
        if let Some(network) = self.network() {
            network.denormalize(samples);
        }
    }

    fn model(&self) -> &dyn Vjp<Vec<f64>> {
        match self {
            Self::Network(network) => &**network,
            Self::Borrowed(network) => *network,
            Self::Exact(density) => density,
        }
    }

    /// The noise levels that it was trained on.
    pub fn trained(&self) -> Option<LambdaRange> {
        self.model().formulation().and_then(|own| own.range)
    }

    /// Reads the model as `P` or `P:Q`. Without a prediction it keeps its own; an exact density gives D.
    pub fn read_as(&self, text: Option<&str>) -> Result<Reader<'_>> {
        let own = self.model().formulation();
        let Some(text) = text else {
            // An exact density is a model of every process; rectified flow is the one that training starts from too.
            let process = own.map_or_else(Process::rectified_flow, |own| own.process.clone());
            return Ok(Reader { source: self, process, to: None });
        };
        let (process, prediction) = text.split_once(':').map_or((text, None), |(p, q)| (p, Some(q)));
        let process = either_case(process, Process::parse).or_misused()?;
        let named = prediction.map(|name| either_case(name, Prediction::parse)).transpose().or_misused()?;
        let prediction = match (named, own.map(|own| own.prediction)) {
            // EDM's σ_data is the network's own where it has one.
            (Some(Prediction::Edm { .. }) | None, Some(own @ Prediction::Edm { .. })) => Some(own),
            (Some(Prediction::EdmV { .. }), Some(own @ Prediction::EdmV { .. })) => Some(own),
            (Some(named), _) => Some(named),
            (None, own) => own,
        };
        let to = prediction.map(|prediction| {
            let to = Formulation::new(process.clone(), prediction);
            match self.trained() {
                Some(range) => to.with_range(range),
                None => to,
            }
        });
        Ok(Reader { source: self, process, to })
    }
}

/// Loads a network.
pub fn network(path: &Path) -> Result<Network> {
    if let Err(error) = std::fs::metadata(path) {
        return Err(match error.kind() {
            std::io::ErrorKind::NotFound => Failure::missing("MODEL", path).hint(instead(path)),
            _ => Failure::reading(path, &error),
        });
    }
    Network::load(path).or_failed()
}

/// What to give in place of a model that is not there.
fn instead(path: &Path) -> String {
    let name = path.to_str().and_then(|name| exact::NAMES.iter().find(|known| known.eq_ignore_ascii_case(name)));
    match name {
        Some(name) => format!("for the density of this name, give --exact {name}"),
        None => "`langevin train` makes a model; --exact NAME needs none".to_owned(),
    }
}

/// A model as it is read: of its own formulation, or converted at every evaluation.
pub struct Reader<'a> {
    source: &'a Source<'a>,
    /// The process whose states it takes.
    pub process: Process,
    /// What it is converted to; `None`: nothing.
    to: Option<Formulation>,
}

impl Reader<'_> {
    /// `vp:score`, or `vp:D` for a density that gives the denoised prediction itself.
    pub fn path(&self) -> String {
        let prediction = self.formulation().map_or("D", |formulation| formulation.prediction.name());
        format!("{}:{prediction}", self.process.name())
    }
}

impl Model<Vec<f64>> for Reader<'_> {
    fn formulation(&self) -> Option<&Formulation> {
        self.to.as_ref().or_else(|| self.source.model().formulation())
    }

    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> langevin::Result<Vec<f64>> {
        if interrupt::requested() {
            return Err(langevin::Error::model("interrupted", "an end was asked for"));
        }
        let model = self.source.model();
        match &self.to {
            None => model.predict(x, query),
            // The space is scratch memory for one conversion; it is not shared between threads.
            Some(to) => ReadAs::new(model, to.clone(), SliceSpace::new(self.source.width())).predict(x, query),
        }
    }
}

impl Vjp<Vec<f64>> for Reader<'_> {
    fn predict_vjps(
        &self,
        x: &Vec<f64>,
        query: &Query<'_>,
        cotangents: &[Vec<f64>],
    ) -> langevin::Result<(Vec<f64>, Vec<Vec<f64>>)> {
        if interrupt::requested() {
            return Err(langevin::Error::model("interrupted", "an end was asked for"));
        }
        let model = self.source.model();
        match &self.to {
            None => model.predict_vjps(x, query, cotangents),
            Some(to) => {
                ReadAs::new(model, to.clone(), SliceSpace::new(self.source.width())).predict_vjps(x, query, cotangents)
            }
        }
    }
}
