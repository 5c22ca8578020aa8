//! What a run is between two steps, as one file: a safetensors file of the weights, their average and the two moments of the gradient, each a flat list in the order of the network's parameters, and a
//! JSON document with everything else under the key `langevin_training`.
//!
//! A checksum of everything is in the document, so a damaged file is refused. The optimiser's two moments, the average, the learned density, the place in the data, the loss curve and the
//! clock are all here; noise and order need nothing, since they are functions of the seed and of the step.

use super::best::{Best, BestSpec};
use super::recipe::Recipe;
use super::smooth::Smooth;
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::nn::device::Device;
use crate::nn::file::{check_sizes, flat_lists};
use crate::nn::net;
use langevin::objective::{Histogram, Learner};
use langevin_data::Dataset;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The key of the JSON document in the metadata map.
const KEY: &str = "langevin_training";
/// The newest version of the document.
const VERSION: u32 = 1;
/// The tensors, in order.
const NAMES: [&str; 4] = ["weights", "average", "moment.1", "moment.2"];
/// Those after them, where averages are kept for later, and where the best network is.
const FOLLOWERS: [&str; 2] = ["follower.1", "follower.2"];
const BEST: &str = "best";

/// The document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    recipe: Recipe,
    data: Contents,
    step: u64,
    updates: i32,
    seconds: f64,
    learner: Learner,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drawn: Option<Histogram>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    errors: Option<Histogram>,
    smooth: Smooth,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    best: Option<BestSpec>,
    /// CRC-32 of the tensors, one after another, and of this document with 0 in this place.
    checksum: u32,
}

/// What tells one data set from another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    name: String,
    rows: usize,
    shape: Vec<usize>,
    /// CRC-32 of some rows, spread evenly.
    checksum: u32,
}

/// Rows that a fingerprint looks at.
const LOOKED_AT: usize = 64;

impl Contents {
    pub(super) fn of(data: &Dataset) -> Result<Self> {
        let count = data.rows().min(LOOKED_AT);
        let rows: Vec<usize> = (0..count).map(|i| i * (data.rows() - 1) / (count - 1).max(1)).collect();
        let mut values = vec![0.0; count * data.width()];
        data.read(&rows, &mut values)?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let checksum = checksum([&bytes[..]].into_iter());
        Ok(Self { name: data.name().into(), rows: data.rows(), shape: data.frame().shape.clone(), checksum })
    }

    /// What differs from `own`, in words: each side's.
    fn against(&self, own: &Self) -> [String; 2] {
        let rows = |count: usize| format!("{count} row{}", if count == 1 { "" } else { "s" });
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        if self.name != own.name {
            theirs.push(format!("'{}'", self.name));
            ours.push(format!("'{}'", own.name));
        }
        if self.rows != own.rows {
            theirs.push(rows(self.rows));
            ours.push(rows(own.rows));
        }
        if self.shape != own.shape {
            theirs.push(format!("samples of {}", net::extents(&self.shape)));
            ours.push(format!("samples of {}", net::extents(&own.shape)));
        }
        if theirs.is_empty() {
            theirs.push(format!("the same {}", rows(self.rows)));
            ours.push("other values in them".to_owned());
        }
        [theirs.join(", "), ours.join(", ")]
    }
}

/// A state that was read: the document, and the tensors of its file.
struct Read<'a> {
    document: State,
    tensors: SafeTensors<'a>,
}

impl<'a> Read<'a> {
    fn new(state: &'a [u8]) -> Result<Self> {
        check_sizes(state, state.len() as u64)?;
        let (_, header) = SafeTensors::read_metadata(state).map_err(|error| damaged(error.to_string()))?;
        let tensors = SafeTensors::deserialize(state).map_err(|error| damaged(error.to_string()))?;
        let json = header.metadata().as_ref().and_then(|map| map.get(KEY)).ok_or_else(|| {
            Error::checkpoint("the file holds no state of a training")
                .expected(format!("the key '{KEY}' in the safetensors metadata"))
                .got("a safetensors file without it")
        })?;
        let document: serde_json::Value = serde_json::from_str(json).map_err(|error| damaged(error.to_string()))?;
        let version = document.get("version").and_then(serde_json::Value::as_u64);
        if version != Some(VERSION.into()) {
            return Err(Error::checkpoint("the state of the training has another version")
                .expected(VERSION.to_string())
                .got(version.map_or("none".into(), |version| version.to_string())));
        }
        let document = serde_json::from_value(document).map_err(|error| damaged(error.to_string()))?;
        Ok(Self { document, tensors })
    }
}

fn damaged(got: String) -> Error {
    Error::checkpoint("the state of the training is damaged")
        .got(got)
        .hinting("go on from the one before it, or begin again")
}

impl Trainer {
    /// Everything that the next steps depend on, as a file. [`resume`](Self::resume) goes on from it to the same bits.
    ///
    /// # Errors
    /// A recipe that no document can hold: one of a custom process.
    pub fn state(&self) -> Result<Vec<u8>> {
        self.written(self.spent().as_secs_f64())
    }

    /// The [`state`](Self::state), but for the time that was spent: what two runs have in common that made the same steps.
    ///
    /// # Errors
    /// As [`state`](Self::state).
    pub fn state_without_time(&self) -> Result<Vec<u8>> {
        self.written(0.0)
    }

    fn written(&self, seconds: f64) -> Result<Vec<u8>> {
        let fail = |error: &dyn std::fmt::Display| {
            Error::checkpoint("the state of the training cannot be written down").got(error.to_string())
        };
        let optimizer = &self.optimizer;
        let own = [&optimizer.values, &optimizer.ema, &optimizer.m, &optimizer.v];
        let followers = optimizer.followers.iter().flat_map(|followers| &followers.values);
        let lists = own.into_iter().chain(followers).chain(self.best.as_ref().map(|best| &best.weights));
        let written = |list: &Vec<f32>| list.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let bytes: Vec<Vec<u8>> = lists.map(written).collect();
        let mut state = State {
            version: VERSION,
            recipe: self.problem.recipe.clone(),
            data: self.contents.clone(),
            step: self.step,
            updates: optimizer.steps,
            seconds,
            learner: self.learner.clone(),
            drawn: self.drawn.clone(),
            errors: self.errors.clone(),
            smooth: self.smooth.clone(),
            best: self.best.as_ref().map(|best| best.spec),
            checksum: 0,
        };
        let json = serde_json::to_string(&state).map_err(|error| fail(&error))?;
        state.checksum = checksum(bytes.iter().map(Vec::as_slice).chain([json.as_bytes()]));
        let json = serde_json::to_string(&state).map_err(|error| fail(&error))?;
        let names = names(optimizer.followers.is_some(), self.best.is_some());
        let named = names.zip(&bytes).map(|(name, bytes)| -> (&str, &Vec<u8>) { (name, bytes) });
        flat_lists(KEY, json, named).map_err(|error| fail(&error))
    }

    /// The recipe in a [`state`](Self::state), which [`resume`](Self::resume) goes on with, and the step that it was written after.
    ///
    /// # Errors
    /// Returns an error if the contents are cut short, something else, or of a newer version.
    pub fn saved_recipe(state: &[u8]) -> Result<(Recipe, u64)> {
        Read::new(state).map(|read| (read.document.recipe, read.document.step))
    }

    /// Goes on where a [`state`](Self::state) was written, on the same data.
    ///
    /// # Errors
    /// Contents that are cut short, damaged or something else, a newer version, and other data.
    pub fn resume(data: &Dataset, state: &[u8]) -> Result<Self> {
        let Read { mut document, tensors } = Read::new(state)?;
        let own = Contents::of(data)?;
        if own != document.data {
            let [expected, got] = document.data.against(&own);
            return Err(Error::data("the data are not those that the training began with")
                .at(data.name())
                .expected(expected)
                .got(got));
        }
        let count = net::size(
            document
                .recipe
                .network
                .build(&document.recipe.augment().shape(data.shape())?, &Device::default())?
                .parameters(),
        );
        let (mut lists, mut parts) = (Vec::new(), Vec::new());
        for name in names(document.recipe.averages, document.best.is_some()) {
            let tensor = tensors.tensor(name).map_err(|error| damaged(error.to_string()))?;
            if tensor.dtype() != Dtype::F32 || tensor.shape() != [count] {
                return Err(damaged(format!("'{name}' does not hold {count} numbers")));
            }
            parts.push(tensor.data());
            lists.push(tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect());
        }
        let wanted = std::mem::take(&mut document.checksum);
        let json = serde_json::to_string(&document).map_err(|error| damaged(error.to_string()))?;
        if checksum(parts.into_iter().chain([json.as_bytes()])) != wanted {
            return Err(damaged("contents with another checksum".into()));
        }
        let mut trainer = Self::new(data, &document.recipe)?;
        trainer.best = document.best.map(|spec| Best { spec, weights: lists.pop().unwrap_or_default() });
        let optimizer = &mut trainer.optimizer;
        let own = [&mut optimizer.values, &mut optimizer.ema, &mut optimizer.m, &mut optimizer.v];
        let followers = optimizer.followers.iter_mut().flat_map(|followers| &mut followers.values);
        lists.into_iter().zip(own.into_iter().chain(followers)).for_each(|(list, target)| *target = list);
        optimizer.steps = document.updates;
        trainer.learner = document.learner;
        (trainer.drawn, trainer.errors) = (document.drawn, document.errors);
        trainer.smooth = document.smooth;
        trainer.before = Duration::try_from_secs_f64(document.seconds).unwrap_or_default();
        trainer.jump(document.step);
        trainer.aim()?;
        Ok(trainer)
    }
}

/// The names of the tensors of a state.
fn names(followers: bool, best: bool) -> impl Iterator<Item = &'static str> {
    let followers = FOLLOWERS.into_iter().filter(move |_| followers);
    NAMES.into_iter().chain(followers).chain(best.then_some(BEST))
}

fn checksum<'a>(parts: impl Iterator<Item = &'a [u8]>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.for_each(|part| hasher.update(part));
    hasher.finalize()
}
