//! Averages saved during training, and networks with any other average computed from them
//! afterwards ([`average`](crate::average)).

use crate::average::{Profile, mixture};
use crate::error::{Error, Result};
use crate::nn::file::{check_sizes, flat_lists};
use crate::nn::network::Network;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};

/// Lengths of the two saved averages, as published.
const LENGTHS: [f64; 2] = [0.05, 0.1];
/// Key of the document in the metadata map.
const KEY: &str = "langevin_averages";
const NAMES: [&str; 2] = ["average.0", "average.1"];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    step: u64,
    gammas: [f64; 2],
}

/// The two power-function averages of the weights after one step.
///
/// ```
/// use langevin_train::{Averages, Budget, Dataset, MlpConfig, Recipe, Trainer};
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// recipe.network = MlpConfig::new(16, 3).into();
/// recipe.averages = true;
/// let mut trainer = Trainer::new(&data, &recipe)?;
/// let mut saved = Vec::new();
/// while !trainer.is_done() {
///     trainer.step()?;
///     saved.extend(trainer.averages());
/// }
/// let bytes = saved[4].to_bytes()?;
/// assert_eq!(Averages::from_bytes(&bytes)?.step(), 5);
///
/// let (network, error) = trainer.network()?.with_average(&saved, 0.07)?;
/// assert_eq!(network.metadata().training.average, Some(0.07));
/// assert!(error < 0.05);
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Averages {
    step: u64,
    gammas: [f64; 2],
    values: [Vec<f32>; 2],
}

/// Two power-function averages that follow the weights during training.
#[derive(Clone, Debug)]
pub(crate) struct Followers {
    pub(crate) gammas: [f64; 2],
    pub(crate) values: [Vec<f32>; 2],
}

impl Followers {
    pub(crate) fn new(weights: &[f32]) -> Result<Self> {
        let mut gammas = [0.0; 2];
        for (gamma, length) in gammas.iter_mut().zip(LENGTHS) {
            *gamma = Profile::of_length(1.0, length)?.gamma;
        }
        Ok(Self { gammas, values: [weights.to_vec(), weights.to_vec()] })
    }

    /// Returns the share of the new weights in each average at this step.
    pub(crate) fn blends(&self, step: u64) -> [f32; 2] {
        self.gammas.map(|gamma| (1.0 - Profile { step: step as f64, gamma }.keep()) as f32)
    }

    pub(crate) fn at(&self, step: u64) -> Averages {
        Averages { step, gammas: self.gammas, values: self.values.clone() }
    }
}

impl Averages {
    /// Returns the step after which the averages were taken.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Returns the contents of a safetensors file with two flat lists, in the order of the
    /// network's parameters.
    ///
    /// # Errors
    /// Returns an error if the file cannot be serialised; no case is known.
    ///
    /// # Examples
    /// See [`Averages`] for an example.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let fail = |error: &dyn std::fmt::Display| {
            Error::checkpoint("the averages cannot be written down").got(error.to_string())
        };
        let document = Document { version: 1, step: self.step, gammas: self.gammas };
        let json = serde_json::to_string(&document).map_err(|error| fail(&error))?;
        let bytes =
            self.values.each_ref().map(|list| list.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        flat_lists(KEY, json, NAMES.into_iter().zip(&bytes)).map_err(|error| fail(&error))
    }

    /// Parses the contents of a file with averages.
    ///
    /// # Errors
    /// Returns an error if the contents are damaged or of another kind.
    ///
    /// # Examples
    /// ```
    /// let error = langevin_train::Averages::from_bytes(b"\x89PNG").unwrap_err();
    /// assert!(error.is_checkpoint());
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        check_sizes(bytes, bytes.len() as u64)?;
        let damaged = |got: String| Error::checkpoint("the averages are damaged, or the file is another").got(got);
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
        let json = header.metadata().as_ref().and_then(|map| map.get(KEY));
        let json = json.ok_or_else(|| damaged(format!("a safetensors file without the key '{KEY}'")))?;
        let document: Document = serde_json::from_str(json).map_err(|error| damaged(error.to_string()))?;
        if document.version != 1
            || document.step == 0
            || document.gammas.iter().any(|gamma| gamma.is_nan() || *gamma < 0.0)
        {
            return Err(damaged(json.clone()));
        }
        let mut values = [Vec::new(), Vec::new()];
        for (name, values) in NAMES.into_iter().zip(&mut values) {
            let tensor = tensors.tensor(name).map_err(|error| damaged(error.to_string()))?;
            if tensor.dtype() != Dtype::F32 {
                return Err(damaged(format!("{:?} as '{name}'", tensor.dtype())));
            }
            *values = tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        }
        Ok(Self { step: document.step, gammas: document.gammas, values })
    }
}

impl Network {
    /// Returns this network with an average of another length as its weights, and the approximation
    /// error.
    ///
    /// The average is computed from the saved averages and belongs to the last saved step. `length`
    /// is the standard deviation of the average's weight as a share of the training, 0.001 to
    /// 0.2887. The error is the distance between the computed and the wanted profile, as a share of
    /// the wanted profile's norm.
    ///
    /// See [`Averages`] for an example.
    ///
    /// # Errors
    /// Returns an error if there are no averages, if they belong to another network, or if `length`
    /// is out of range.
    pub fn with_average(&self, kept: &[Averages], length: f64) -> Result<(Self, f64)> {
        let last = kept.iter().map(|averages| averages.step).max().unwrap_or(0);
        let wanted = Profile::of_length(last.max(1) as f64, length)?;
        let profiles: Vec<Profile> = kept
            .iter()
            .flat_map(|averages| averages.gammas.map(|gamma| Profile { step: averages.step as f64, gamma }))
            .collect();
        let (weights, off) = mixture(&profiles, &wanted)?;
        let count = self.parameters();
        let mut sum = vec![0.0f64; count];
        for (values, weight) in kept.iter().flat_map(|averages| &averages.values).zip(weights) {
            if values.len() != count {
                return Err(Error::data("the averages are of another network")
                    .expected(format!("{count} weights"))
                    .got(values.len().to_string()));
            }
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * f64::from(*value));
        }
        let mut metadata = self.metadata().clone();
        metadata.training.steps = last;
        metadata.training.average = Some(length);
        let values = sum.into_iter().map(|value| value as f32).collect();
        let network = Self::with_formulation(self.formulation().clone(), metadata, self.moments().cloned(), values)?;
        Ok((network, off))
    }
}
