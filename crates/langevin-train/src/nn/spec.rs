//! Description of a network: the built-in ones by their sizes, custom ones by name and description.

use super::device::Device;
use super::dit::{Dit, DitConfig};
use super::graph::{GraphConfig, GraphNet};
use super::mlp::{Mlp, MlpConfig};
use super::net::{MAX_PARAMETERS, Net, check_size};
use super::sequence::{Sequence, SequenceConfig};
use super::table::{TableConfig, TableNet};
use crate::error::{Error, Result};
use crate::moments;
use langevin_data::{GraphShape, Vocabulary};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// Architecture of a network.
///
/// ```
/// use langevin_train::{MlpConfig, NetworkSpec};
/// let spec = NetworkSpec::from(MlpConfig::new(64, 3));
/// assert_eq!(serde_json::to_value(&spec).unwrap()["kind"], "mlp");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NetworkSpec {
    /// Multilayer perceptron.
    Mlp(MlpConfig),
    /// Diffusion transformer, for images.
    Dit(DitConfig),
    /// Transformer for sequences of tokens.
    Sequence(SequenceConfig),
    /// Transformer for graphs as tokens.
    Graph(GraphConfig),
    /// Transformer for tables of categories and numbers.
    Table(TableConfig),
    /// Network defined outside this crate, built with [`NetworkSpec::custom`].
    Custom(CustomNetwork),
}

/// Sizes of a network defined outside this crate, and how to build it: the counterpart of
/// [`MlpConfig`].
///
/// The sizes are written to the model file as JSON, beside the name.
/// [`Network::load_with`](crate::Network::load_with) reads them back.
///
/// ```
/// use langevin_train::nn::{Architecture, Net};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Gated { width: usize }
///
/// impl Architecture for Gated {
///     const NAME: &'static str = "gated";
///
///     fn build(&self, shape: &[usize]) -> langevin_train::Result<Box<dyn Net>> {
/// #       let _ = shape; Err(langevin_train::Error::argument("no network in this example"))
///         // Ok(Box::new(GatedNet::new(self.width, shape.iter().product())))
///     }
/// }
/// ```
pub trait Architecture: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Name of the architecture in model files.
    const NAME: &'static str;

    /// Builds the network for samples of this shape.
    ///
    /// # Errors
    /// Returns an error if the sizes do not form a network for such samples.
    fn build(&self, shape: &[usize]) -> Result<Box<dyn Net>>;
}

/// Network defined outside this crate: its name, its description and, if known, its constructor.
///
/// ```
/// # use langevin_train::nn::{Architecture, Net};
/// use langevin_train::NetworkSpec;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Gated { width: usize }
///
/// impl Architecture for Gated {
///     const NAME: &'static str = "gated";
/// #   fn build(&self, _: &[usize]) -> langevin_train::Result<Box<dyn Net>> {
/// #       Err(langevin_train::Error::argument("no network in this example"))
/// #   }
///     // fn build(…)
/// }
///
/// let NetworkSpec::Custom(custom) = NetworkSpec::custom(Gated { width: 8 })? else { panic!() };
/// assert_eq!(custom.name, "gated");
/// assert_eq!(custom.config["width"], 8);
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CustomNetwork {
    /// [Name](Architecture::NAME) of the architecture.
    pub name: String,
    /// Description of the network, which only its author interprets.
    pub config: serde_json::Value,
    /// Constructor; `None` for a network read from a document.
    #[serde(skip)]
    build: Option<Arc<Build>>,
}

type Build = dyn Fn(&[usize]) -> Result<Box<dyn Net>> + Send + Sync;

impl CustomNetwork {
    /// Returns the same description with its constructor.
    fn known<A: Architecture>(self) -> Result<Self> {
        if self.name != A::NAME {
            return Err(Error::checkpoint("the network is another one")
                .at("network")
                .expected(format!("'{}'", A::NAME))
                .got(format!("'{}'", self.name)));
        }
        let architecture: A = serde_json::from_value(self.config.clone()).map_err(|error| {
            Error::checkpoint("the description of the network cannot be read")
                .at(format!("network '{}'", self.name))
                .got(error.to_string())
                .caused_by(error)
        })?;
        Ok(Self { build: Some(Arc::new(move |shape: &[usize]| architecture.build(shape))), ..self })
    }

    fn build(&self, shape: &[usize]) -> Result<Box<dyn Net>> {
        let Some(build) = &self.build else {
            return Err(Error::checkpoint("the network is defined by another program")
                .at("network")
                .expected("a network of langevin")
                .got(format!("'{}'", self.name))
                .hinting(
                    "use the program that defines it: Network::load_with for a model, Trainer::restore for a state",
                ));
        };
        let net = build(shape)?;
        check(&*net).map_err(|error| error.at(format!("network '{}'", self.name)))?;
        Ok(net)
    }
}

/// Checks that the parts of a network fit each other.
fn check(net: &dyn Net) -> Result<()> {
    let bad = |expected: &str, got: String| Err(Error::argument("bad network").expected(expected).got(got));
    if net.chunk() == 0 || net.lanes() == 0 {
        let counts = format!("{} rows, {} lanes", net.chunk(), net.lanes());
        return bad("at least one row of a chunk and one lane", counts);
    }
    let (mut end, mut names) = (0usize, HashSet::from([moments::MEAN, moments::COVARIANCE, moments::SPECTRUM]));
    for parameter in net.parameters() {
        let ([rows, columns], name) = (parameter.shape, &parameter.name);
        if !names.insert(name) {
            return bad(
                "parameters of different names, none of them that of a moment of the data",
                format!("'{name}'"),
            );
        }
        let len = rows.checked_mul(columns).filter(|len| (1..=MAX_PARAMETERS).contains(len));
        let Some(len) = len.filter(|_| parameter.start == end) else {
            return bad(
                "matrices one after another, none of them empty",
                format!("'{name}', {rows} × {columns} from weight {}", parameter.start),
            );
        };
        end = end.saturating_add(len);
    }
    if end == 0 { bad("parameters", "none".into()) } else { check_size(Some(end), format_args!("all together")) }
}

impl NetworkSpec {
    /// Returns the network of an [`Architecture`], for [`Recipe::network`](crate::Recipe::network).
    ///
    /// # Errors
    /// Returns an error if the sizes cannot be written as JSON.
    ///
    /// # Examples
    /// See [`CustomNetwork`] for an example.
    pub fn custom<A: Architecture>(architecture: A) -> Result<Self> {
        let name = A::NAME.to_owned();
        let config = serde_json::to_value(&architecture).map_err(|error| {
            Error::argument("the description of the network cannot be written down")
                .at(format!("network '{name}'"))
                .got(error.to_string())
                .caused_by(error)
        })?;
        let build: Arc<Build> = Arc::new(move |shape: &[usize]| architecture.build(shape));
        Ok(Self::Custom(CustomNetwork { name, config, build: Some(build) }))
    }

    /// Returns the same network with its constructor if it is of architecture `A`.
    pub(crate) fn known<A: Architecture>(self) -> Result<Self> {
        match self {
            Self::Custom(custom) => custom.known::<A>().map(Self::Custom),
            own => Ok(own),
        }
    }

    /// Returns the numbers of letters of the output and of the input of a network on tokens; `None`
    /// for a network on numbers.
    ///
    /// ```
    /// use langevin_train::{MlpConfig, NetworkSpec, SequenceConfig};
    /// let spec = NetworkSpec::from(SequenceConfig::new(27, 28, 64, 4, 4));
    /// assert_eq!(spec.letters(), Some([27, 28]));
    /// assert_eq!(NetworkSpec::from(MlpConfig::new(64, 3)).letters(), None);
    /// ```
    #[must_use]
    pub fn letters(&self) -> Option<[usize; 2]> {
        match self {
            Self::Sequence(config) => Some([config.vocab, config.letters]),
            Self::Graph(config) => Some([config.vocab(), config.letters]),
            Self::Table(config) => Some([config.vocab(), config.vocab() + 1]),
            Self::Mlp(_) | Self::Dit(_) | Self::Custom(_) => None,
        }
    }

    /// Checks that a network for graphs or tables has the sizes of a vocabulary, and any other
    /// network no such vocabulary.
    pub(crate) fn check_places(&self, vocabulary: &Vocabulary) -> Result<()> {
        let listed = |[nodes, node_labels, edge_labels]: [usize; 3]| {
            format!("graphs of {nodes} nodes, {node_labels} node labels and {edge_labels} edge labels")
        };
        let columns = |numbers: usize, categories: &[usize]| {
            format!("{numbers} columns of numbers, and categories {categories:?}")
        };
        let sizes = |shape: GraphShape| [shape.nodes(), shape.node_labels(), shape.edge_labels()];
        let wanted = match (vocabulary.graph_shape(), vocabulary.table()) {
            (Some(shape), _) => listed(sizes(shape)),
            (_, Some(table)) => columns(table.numbers(), &table.letters()),
            (None, None) => "sequences over one alphabet".to_owned(),
        };
        let got = match self {
            Self::Graph(config) => listed(config.sizes()),
            Self::Table(config) => columns(config.numbers, &config.categories),
            // A sequence may hold graphs, as tokens with an order.
            _ if vocabulary.table().is_none() => return Ok(()),
            _ => "sequences over one alphabet".to_owned(),
        };
        if wanted == got {
            return Ok(());
        }
        Err(Error::argument("the network does not fit the data")
            .at("network")
            .expected(format!("a network for {wanted}"))
            .got(format!("one for {got}")))
    }

    /// Returns true if a token is predicted from those before it alone.
    pub(crate) fn is_causal(&self) -> bool {
        matches!(self, Self::Sequence(config) if config.causal)
    }

    /// Builds the network for samples of this shape, evaluated on a device.
    pub(crate) fn build(&self, shape: &[usize], device: &Device) -> Result<Box<dyn Net>> {
        let width = shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size)).unwrap_or(usize::MAX);
        match self {
            Self::Mlp(config) => {
                config.check(width)?;
                Ok(device.place(Mlp::new(*config, width, width)))
            }
            Self::Dit(config) => Ok(device.place(Dit::new(*config, shape)?)),
            Self::Sequence(_) | Self::Graph(_) | Self::Table(_) if !device.is_cpu() => {
                Err(formless("a network on tokens", device))
            }
            Self::Graph(config) => Ok(Box::new(GraphNet::new(*config, shape)?)),
            Self::Table(config) => Ok(Box::new(TableNet::new(config.clone(), shape)?)),
            Self::Sequence(config) => Ok(Box::new(Sequence::new(*config, shape)?)),
            Self::Custom(_) if !device.is_cpu() => Err(formless("a network of one's own", device)),
            Self::Custom(custom) => custom.build(shape),
        }
    }
}

/// Returns the error of a network that only the processor evaluates.
fn formless(what: &str, device: &Device) -> Error {
    Error::device(format!("{what} has no form for a card")).at("device").expected("cpu").got(device.to_string())
}

impl Default for NetworkSpec {
    fn default() -> Self {
        MlpConfig::default().into()
    }
}

impl From<DitConfig> for NetworkSpec {
    fn from(config: DitConfig) -> Self {
        Self::Dit(config)
    }
}

impl From<SequenceConfig> for NetworkSpec {
    fn from(config: SequenceConfig) -> Self {
        Self::Sequence(config)
    }
}

impl From<TableConfig> for NetworkSpec {
    fn from(config: TableConfig) -> Self {
        Self::Table(config)
    }
}

impl From<GraphConfig> for NetworkSpec {
    fn from(config: GraphConfig) -> Self {
        Self::Graph(config)
    }
}

impl From<MlpConfig> for NetworkSpec {
    fn from(config: MlpConfig) -> Self {
        Self::Mlp(config)
    }
}

impl PartialEq for CustomNetwork {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.config) == (&other.name, &other.config)
    }
}

impl fmt::Debug for CustomNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomNetwork").field("name", &self.name).field("config", &self.config).finish_non_exhaustive()
    }
}
