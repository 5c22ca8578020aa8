//! State of a run between two steps, as one file.
//!
//! The file is a safetensors file with the weights, their average and the two moments of the
//! gradient. Each is a flat list in the order of the network's parameters. A JSON document with
//! everything else is stored under the key `langevin_training`.
//!
//! The document holds a checksum of everything, so a damaged file is rejected. The state includes
//! the optimiser's moments, the average, the learned density, the position in the data, the loss
//! curve and the elapsed time. Noise and order need no state, because they are functions of the
//! seed and of the step.

use super::contents::{Best, BestSpec, Contents, checksum};
use super::recipe::Recipe;
use super::smooth::Smooth;
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::nn::device::Device;
use crate::nn::file::{check_sizes, flat_lists};
use crate::nn::net::size;
use langevin::objective::{Histogram, Learner};
use langevin_data::Dataset;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Key of the JSON document in the metadata map.
const KEY: &str = "langevin_training";
/// Newest version of the document.
const VERSION: u32 = 1;
/// Names of the tensors, in order.
const NAMES: [&str; 4] = ["weights", "average", "moment.1", "moment.2"];
/// Names of the optional tensors after them: saved averages, and the best network.
const FOLLOWERS: [&str; 2] = ["follower.1", "follower.2"];
const BEST: &str = "best";

/// The JSON document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    recipe: Recipe,
    /// Name of a custom task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<String>,
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
    /// CRC-32 of the tensors, one after another, and of this document with 0 in this field.
    checksum: u32,
}

/// Parsed state: the document, and the tensors of its file.
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

    /// Checks that the data are those that the run began with.
    fn check_data(&self, data: &Dataset) -> Result<()> {
        let own = Contents::of(data)?;
        if own == self.document.data {
            return Ok(());
        }
        let [expected, got] = self.document.data.against(&own);
        Err(Error::data("the data are not those that the training began with")
            .at(data.name())
            .expected(expected)
            .got(got))
    }

    /// Verifies the checksum and returns the document and the lists, for a network of `count`
    /// weights.
    fn lists(self, count: usize) -> Result<(State, Vec<Vec<f32>>)> {
        let Self { mut document, tensors } = self;
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
        Ok((document, lists))
    }
}

fn damaged(got: String) -> Error {
    Error::checkpoint("the state of the training is damaged")
        .got(got)
        .hinting("go on from the one before it, or begin again")
}

impl Trainer {
    /// Returns the state of the run as the contents of a file.
    ///
    /// The state determines all further steps. [`resume`](Self::resume) continues from it with
    /// identical bits. See [`Trainer`] for an example.
    ///
    /// # Errors
    /// Returns an error if the process of the recipe is custom, because a document cannot hold it.
    pub fn state(&self) -> Result<Vec<u8>> {
        self.written(self.spent().as_secs_f64())
    }

    /// Returns the [`state`](Self::state) without its elapsed time, so that two runs that took the
    /// same steps compare equal.
    ///
    /// # Errors
    /// Returns an error if [`state`](Self::state) does.
    ///
    /// # Examples
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// let mut other = Trainer::new(&data, &recipe)?;
    /// trainer.step()?;
    /// other.step()?;
    /// assert_eq!(trainer.state_without_time()?, other.state_without_time()?);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
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
            task: self.problem.own_task().map(str::to_owned),
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

    /// Returns the recipe in a [`state`](Self::state), and the step after which the state was
    /// written.
    ///
    /// [`resume`](Self::resume) continues with this recipe.
    ///
    /// # Errors
    /// Returns an error if the contents are truncated, of another kind, or of a newer version.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// trainer.step()?;
    /// let (saved, step) = Trainer::saved_recipe(&trainer.state()?)?;
    /// assert_eq!((saved.budget, step), (Budget::Steps(20), 1));
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn saved_recipe(state: &[u8]) -> Result<(Recipe, u64)> {
        Read::new(state).map(|read| (read.document.recipe, read.document.step))
    }

    /// Continues a run from a [`state`](Self::state), on the same data.
    ///
    /// See [`Trainer`] for an example.
    ///
    /// # Errors
    /// Returns an error if
    ///
    /// - the contents are truncated, damaged, of another kind, or of a newer version,
    /// - the data are not those of the run, or
    /// - the network or the task is defined outside this crate ([`restore`](Self::restore) handles
    ///   those).
    ///
    /// # Examples
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// trainer.step()?;
    /// let resumed = Trainer::resume(&data, &trainer.state()?)?;
    /// assert_eq!(resumed.progress().step, 1);
    ///
    /// let other = Dataset::new("two points", vec![-1.0, 2.0], &[1])?;
    /// assert!(Trainer::resume(&other, &trainer.state()?).is_err());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn resume(data: &Dataset, state: &[u8]) -> Result<Self> {
        let read = Read::new(state)?;
        read.check_data(data)?;
        let recipe = &read.document.recipe;
        let net = recipe.network.build(&recipe.augment().shape(data.shape())?, &Device::default())?;
        let (document, lists) = read.lists(size(net.parameters()))?;
        let mut trainer = Self::new(data, &document.recipe)?;
        trainer.take(document, lists)?;
        Ok(trainer)
    }

    /// Continues from a [`state`](Self::state) in this run, for networks and tasks defined outside
    /// this crate.
    ///
    /// This run must have been created with the same recipe, [task](Self::with_task) and data. A
    /// state holds only the names of custom networks and tasks. Budget, learning rate, warm-up,
    /// decay, weight decay and clipping are those of the state.
    ///
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// trainer.step()?;
    /// let restored = Trainer::new(&data, &recipe)?.restore(&trainer.state()?)?;
    /// assert_eq!(restored.weights(), trainer.weights());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if [`resume`](Self::resume) would, or if the recipe or the task differs
    /// from that of the state.
    pub fn restore(mut self, state: &[u8]) -> Result<Self> {
        let read = Read::new(state)?;
        read.check_data(&self.problem.data)?;
        self.set_recipe(&read.document.recipe)?;
        let (document, lists) = read.lists(self.optimizer.values.len())?;
        self.take(document, lists)?;
        Ok(self)
    }

    /// Applies everything in a state except the recipe.
    fn take(&mut self, document: State, mut lists: Vec<Vec<f32>>) -> Result<()> {
        let (own, wanted) = (self.problem.own_task(), document.task.as_deref());
        if own != wanted {
            let name =
                |task: Option<&str>| task.map_or_else(|| "the recipe's own objective".into(), |t| format!("'{t}'"));
            return Err(Error::checkpoint("the training has another task")
                .at("task")
                .expected(name(own))
                .got(name(wanted))
                .hinting("go on in the program that defines it, with Trainer::with_task and Trainer::restore"));
        }
        self.best = document.best.map(|spec| Best { spec, weights: lists.pop().unwrap_or_default() });
        let optimizer = &mut self.optimizer;
        let own = [&mut optimizer.values, &mut optimizer.ema, &mut optimizer.m, &mut optimizer.v];
        let followers = optimizer.followers.iter_mut().flat_map(|followers| &mut followers.values);
        lists.into_iter().zip(own.into_iter().chain(followers)).for_each(|(list, target)| *target = list);
        optimizer.steps = document.updates;
        self.learner = document.learner;
        (self.drawn, self.errors) = (document.drawn, document.errors);
        self.smooth = document.smooth;
        self.before = Duration::try_from_secs_f64(document.seconds).unwrap_or_default();
        self.jump(document.step);
        self.aim()
    }
}

/// Returns the names of the tensors of a state.
fn names(followers: bool, best: bool) -> impl Iterator<Item = &'static str> {
    let followers = FOLLOWERS.into_iter().filter(move |_| followers);
    NAMES.into_iter().chain(followers).chain(best.then_some(BEST))
}
