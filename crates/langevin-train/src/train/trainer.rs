//! A training run that is controlled step by step.

use super::ahead::Ahead;
use super::averages::{Averages, Followers};
use super::contents::{Best, Contents};
use super::health::Health;
use super::lanes::Lanes;
use super::optimizer::Optimizer;
use super::order::Order;
use super::problem::Problem;
use super::recipe::{Budget, OptimizerKind, Recipe};
use super::smooth::Smooth;
use super::task::Denoising;
use super::tokens::Tokens;
use crate::coupling::Coupling;
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::metadata::{DataSpec, Metadata, NUMBERS, TOKENS, TrainingRecord};
use crate::moments::{Moments, MomentsSpec};
use crate::nn::device::Device;
use crate::nn::net::{self, Net};
use crate::nn::network::Network;
use crate::nn::stop::Stop;
use crate::normalization::Normalization;
use langevin::Objective;
use langevin::objective::Weight;
use langevin::objective::{Histogram, Learner};
use langevin_data::{Dataset, Lattice, Statistics};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

/// Progress of a training run, reported after every step.
///
/// ```
/// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// recipe.network = MlpConfig::new(16, 3).into();
/// let mut fractions = Vec::new();
/// train(&data, &recipe, &mut |progress| {
///     fractions.push(progress.fraction);
///     std::ops::ControlFlow::Continue(())
/// })?;
/// assert_eq!((fractions.len(), fractions[9]), (20, 0.5));
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[non_exhaustive]
pub struct Progress<'a> {
    /// Number of steps completed.
    pub step: u64,
    /// Smoothed loss, averaged over about the last hundred steps.
    pub loss: f64,
    /// Norm of the last gradient, before clipping.
    pub gradient: f64,
    /// Clipped share of about the last hundred gradients.
    pub clipped: f64,
    /// Learning rate of the last step.
    pub rate: f64,
    /// Time spent training, including the time before an interruption.
    pub elapsed: Duration,
    /// Used share of the budget, 0 to 1.
    pub fraction: f64,
    /// Training rows per second since the start or the resumption of the run.
    pub samples_per_second: f64,
    /// Loss of a network that predicts nothing, on the rows and levels of about the last ten steps.
    pub nothing: f64,
    /// Loss of about the last ten steps as a multiple of [`nothing`](Self::nothing): 1 at the
    /// start, less after the network has learned something.
    pub ratio: f64,
    /// True if the last loss was not far above [`nothing`](Self::nothing), so that the current
    /// state is worth saving.
    pub sound: bool,
    trainer: &'a Trainer,
}

impl Progress<'_> {
    /// Returns the current network with averaged weights, on the device of the training.
    ///
    /// # Errors
    /// Returns an error if an averaged weight is not finite.
    ///
    /// # Examples
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    /// let mut last = None;
    /// let watch = &mut |progress: &langevin_train::Progress<'_>| {
    ///     last = progress.snapshot().ok();
    ///     std::ops::ControlFlow::Continue(())
    /// };
    /// let again = train(&data, &recipe, watch)?;
    /// assert_eq!(last.unwrap().weights(), network.weights());
    /// assert_eq!(again.weights(), network.weights());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn snapshot(&self) -> Result<Network> {
        self.trainer.network()
    }
}

/// Training run: create it, call [`step`](Self::step) until it [is done](Self::is_done), and take
/// the [`network`](Self::network).
///
/// [`train`](crate::train()) is this loop.
///
/// ```
/// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// recipe.network = MlpConfig::new(16, 3).into();
/// let mut whole = Trainer::new(&data, &recipe)?;
/// while !whole.is_done() {
///     whole.step()?;
/// }
///
/// // A run that was cut off after seven steps ends in the same bits.
/// let mut first = Trainer::new(&data, &recipe)?;
/// for _ in 0..7 {
///     first.step()?;
/// }
/// let kept = first.state()?;
/// let mut second = Trainer::resume(&data, &kept)?;
/// while !second.is_done() {
///     second.step()?;
/// }
/// assert_eq!(second.state_without_time()?, whole.state_without_time()?);
/// # Ok::<(), langevin_train::Error>(())
/// ```
pub struct Trainer {
    /// Fingerprint of the data set, checked on resume.
    pub(super) contents: Contents,
    pub(super) problem: Problem,
    /// Objective as the recipe defines it.
    base: Objective,
    pub(super) learner: Learner,
    /// Learned density of the levels; the next field holds the learned errors.
    pub(super) drawn: Option<Histogram>,
    pub(super) errors: Option<Histogram>,
    moments: Option<(Moments, MomentsSpec)>,
    range: Option<[f64; 2]>,
    lattice: Option<Lattice>,
    own: Fingerprint,
    device: Device,
    net: Box<dyn Net>,
    lanes: Lanes,
    pub(super) optimizer: Optimizer,
    ahead: Ahead,
    /// Time at which the run started or resumed; the next fields are the step at that time and the
    /// time spent before.
    begun: Instant,
    first: u64,
    pub(super) before: Duration,
    pub(super) step: u64,
    pub(super) smooth: Smooth,
    pub(super) health: Health,
    pub(super) best: Option<Best>,
    /// Gradient norm and learning rate of the last step.
    last: [f64; 2],
    stop: Stop,
    done: Arc<AtomicUsize>,
}

impl Trainer {
    /// Creates a run before its first step.
    ///
    /// # Errors
    /// Returns an error if the recipe is unusable or does not fit the data.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::{Budget, Dataset, Recipe, Trainer};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// assert!(!Trainer::new(&data, &recipe)?.is_done());
    /// recipe.batch = 0;
    /// assert!(Trainer::new(&data, &recipe).err().unwrap().is_argument());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn new(data: &Dataset, recipe: &Recipe) -> Result<Self> {
        let augment = recipe.augment();
        let shape = augment.shape(data.shape())?;
        let tokens = Tokens::of(data, recipe)?;
        let (formulation, objective) = recipe.check(&shape)?;
        let lattice = if tokens.is_some() { None } else { data.lattice()? };
        let mut range = None;
        let normalization = match &recipe.normalization {
            _ if tokens.is_some() => Normalization::identity(),
            Some(given) => {
                // Constant images have no range.
                if let Statistics::Range { low, high } = data.statistics()?
                    && low < high
                {
                    range = Some([low, high]);
                }
                given.clone()
            }
            None => {
                // The scale of such data does not determine their smallest and largest values.
                if let Statistics::Whole { low, high, .. } = data.statistics()? {
                    range = Some([low, high]);
                }
                let fitted = Normalization::fit(data)?;
                match lattice.as_ref().filter(|_| recipe.dequantize) {
                    Some(lattice) => fitted.dequantized(lattice),
                    None => fitted,
                }
            }
        };
        // Values that are not evenly spaced have a density already, so nothing is added to them.
        let steps = lattice.as_ref().filter(|_| recipe.dequantize);
        let steps = steps.map(|lattice| (0..shape.iter().product()).map(|element| lattice.step(element)).collect());
        let net = recipe.network.build(&shape, &Device::default())?;
        let problem = Problem {
            data: data.clone(),
            augment,
            width: shape.iter().product(),
            shape,
            classes: net.classes(),
            recipe: recipe.clone(),
            task: Arc::new(Denoising),
            formulation,
            objective: objective.clone(),
            normalization,
            steps,
            tokens,
        };
        problem.check_labels()?;
        // The moments are computed before the clock starts, so that a short time budget is used for
        // training only.
        let moments = match &problem.tokens {
            // Letters are names, so they have no mean.
            Some(_) => None,
            None => {
                let chosen = Moments::chosen(data.rows(), problem.width, recipe.seed);
                Moments::of(&problem.visit(&chosen)?, problem.width)
            }
        };
        let initial = net.init(recipe.seed);
        if initial.len() != net::size(net.parameters()) {
            return Err(Error::argument("the initial weights do not fit the network")
                .at("network")
                .expected(net::size(net.parameters()).to_string())
                .got(initial.len().to_string()));
        }
        let mut optimizer = Optimizer::new(initial, recipe.weight_decay, recipe.clip, recipe.ema);
        if recipe.optimizer == OptimizerKind::Muon {
            optimizer = optimizer.with_muon(net.parameters());
        }
        if recipe.averages {
            optimizer.followers = Some(Followers::new(&optimizer.values)?);
        }
        let mut lanes = Lanes::new(&*net, recipe.batch, optimizer.values.len());
        let done = Arc::default();
        lanes.watch(Stop::default(), &done);
        Ok(Self {
            contents: Contents::of(data)?,
            learner: Learner::new(objective.range(), Learner::BINS)?,
            base: objective,
            drawn: None,
            errors: None,
            moments,
            range,
            lattice,
            own: Fingerprint::of(data)?,
            device: Device::default(),
            lanes,
            net,
            optimizer,
            ahead: Ahead::new(Order::new(data.rows(), recipe.seed)),
            problem,
            begun: Instant::now(),
            first: 0,
            before: Duration::ZERO,
            step: 0,
            smooth: Smooth::default(),
            health: Health::default(),
            best: None,
            last: [0.0; 2],
            stop: Stop::default(),
            done,
        })
    }

    /// Returns the same run with its network on another device from now on.
    ///
    /// Weights, optimiser and averages stay on the processor.
    ///
    /// # Errors
    /// Returns an error if the device cannot hold the network.
    ///
    /// # Examples
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let trainer = Trainer::new(&data, &recipe)?;
    /// let trainer = trainer.on(&langevin_train::Device::default())?;
    /// assert_eq!(trainer.progress().step, 0);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn on(mut self, device: &Device) -> Result<Self> {
        self.net = self.recipe().network.build(&self.problem.shape, device)?;
        self.device = device.clone();
        self.lanes = Lanes::new(&*self.net, self.recipe().batch, self.optimizer.values.len());
        self.lanes.watch(self.stop, &self.done);
        Ok(self)
    }

    /// Checks `stop` within every step from now on, between the layers of the network.
    ///
    /// After a stop request, [`step`](Self::step) and [`loss_on`](Self::loss_on) return an error
    /// for which [`is_stopped`](Error::is_stopped) is true. The trainer is then in the state before
    /// the step.
    ///
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// trainer.stop_when(|| true);
    /// assert!(trainer.step().unwrap_err().is_stopped());
    /// assert_eq!(trainer.progress().step, 0);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn stop_when(&mut self, stop: fn() -> bool) {
        self.stop = Stop(Some(stop));
        self.lanes.watch(self.stop, &self.done);
    }

    /// Returns a counter of the finished rows of the current step.
    ///
    /// Another thread can read it to show the progress of a long step.
    ///
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// let done = trainer.rows_done();
    /// trainer.step()?;
    /// assert_eq!(done.load(std::sync::atomic::Ordering::Relaxed), recipe.batch);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    #[must_use]
    pub fn rows_done(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.done)
    }

    /// Returns the recipe of the run.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.problem.recipe
    }

    /// Returns the map between data and the network's units.
    ///
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let trainer = Trainer::new(&data, &recipe)?;
    /// assert_eq!(trainer.normalization().shift, [0.0]);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    #[must_use]
    pub fn normalization(&self) -> &Normalization {
        &self.problem.normalization
    }

    /// Returns the loss of the averaged network on other rows, such as held-out data.
    ///
    /// Noise and levels are the same at every call. The objective is that of the recipe, without
    /// label dropout, coupling or a learned density.
    ///
    /// # Errors
    /// Returns an error if the rows do not fit the network or cannot be read.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// let held_out = Dataset::new("held out", vec![-1.0, 1.0, 1.0], &[1])?;
    /// let before = trainer.loss_on(&held_out)?;
    /// assert_eq!(trainer.loss_on(&held_out)?, before);
    /// while !trainer.is_done() {
    ///     trainer.step()?;
    /// }
    /// assert!(trainer.loss_on(&held_out)? < before);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn loss_on(&self, data: &Dataset) -> Result<f64> {
        let own = self.recipe();
        let recipe = Recipe {
            // The complement of the seed keeps these draws independent of those of the training.
            seed: !own.seed,
            batch: data.rows(),
            label_dropout: 0.0,
            coupling: Coupling::Independent,
            ..own.clone()
        };
        let mut objective = self.base.clone();
        if let Some(errors) = &self.errors {
            objective = objective.with_errors(errors.clone())?;
        }
        let problem = Problem { data: data.clone(), recipe, objective, ..self.problem.clone() };
        if problem.augment.shape(data.shape())? != problem.shape {
            return Err(Error::data("the rows are of another shape")
                .at(data.name())
                .expected(net::extents(self.problem.data.shape()))
                .got(net::extents(data.shape())));
        }
        problem.check_labels()?;
        self.lanes.loss(&problem, &*self.net, &self.optimizer.ema)
    }

    /// Changes the length of the run; the learning rate decays over the new budget.
    ///
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// trainer.set_budget(Budget::Steps(1));
    /// trainer.step()?;
    /// assert!(trainer.is_done());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn set_budget(&mut self, budget: Budget) {
        self.problem.recipe.budget = budget;
    }

    /// Returns the time spent training.
    fn elapsed(&self) -> Duration {
        self.before + self.begun.elapsed()
    }

    pub(super) fn fraction(&self) -> f64 {
        self.problem.recipe.budget.spent(self.step, self.elapsed()).min(1.0)
    }

    /// Returns true if the budget is used up.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.step > 0 && self.fraction() >= 1.0
    }

    /// Returns the progress of the run.
    ///
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// trainer.step()?;
    /// let progress = trainer.progress();
    /// assert_eq!((progress.step, progress.fraction), (1, 0.05));
    /// assert!(progress.loss.is_finite() && progress.rate > 0.0);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    #[must_use]
    pub fn progress(&self) -> Progress<'_> {
        let rows = (self.step - self.first) as f64 * self.problem.recipe.batch as f64;
        Progress {
            step: self.step,
            loss: self.smooth.loss(),
            gradient: self.last[0],
            clipped: self.smooth.clipped(),
            rate: self.last[1],
            elapsed: self.elapsed(),
            fraction: self.fraction(),
            samples_per_second: rows / self.begun.elapsed().as_secs_f64().max(1e-9),
            nothing: self.health.nothing(),
            ratio: self.health.ratio(),
            sound: self.health.is_sound(),
            trainer: self,
        }
    }

    /// Makes one step.
    ///
    /// # Errors
    /// Returns an error for which [`Error::is_diverged`] is true, with the last good network, if
    ///
    /// - the loss or the gradient is not finite,
    /// - the loss stays at a hundred times that of a network that predicts nothing, or
    /// - the smoothed loss is a hundred times its lowest value so far.
    ///
    /// Also returns an error if the step was [stopped](Self::stop_when), if the data cannot be
    /// read, or if the device fails. The run is then in the state before the step.
    ///
    /// # Examples
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// let before = trainer.weights().to_vec();
    /// trainer.step()?;
    /// assert_ne!(trainer.weights(), before);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn step(&mut self) -> Result<()> {
        let fraction = self.fraction();
        let Self { problem, net, optimizer, step, .. } = self;
        let drawn = self.ahead.next(problem, *step);
        let losses = drawn.and_then(|drawn| self.lanes.run(problem, &**net, &optimizer.values, *step, &drawn));
        let losses = match losses {
            Ok(losses) => losses,
            Err(error) => {
                // The run is reset to the state before the step, so that it can continue on another
                // device.
                self.lanes.gradients.iter_mut().for_each(|gradient| gradient.fill(0.0));
                self.ahead = self.batches();
                return Err(error);
            }
        };
        self.learn()?;
        let loss = losses.loss;
        let rate = self.problem.recipe.rate(self.step, fraction);
        let norm = if loss.is_finite() { self.optimizer.step(&mut self.lanes.gradients, rate) } else { f64::NAN };
        if !norm.is_finite() {
            return Err(self.not_finite(loss, norm));
        }
        self.last = [norm, rate];
        self.step += 1;
        self.smooth.push(self.step, loss, norm > self.problem.recipe.clip);
        if self.health.push(losses) {
            self.smooth.restart(self.health.loss());
        }
        self.check_step()
    }

    /// Records the errors of a batch in its order, and periodically updates the density and the
    /// weights.
    fn learn(&mut self) -> Result<()> {
        if !self.problem.learns() {
            return Ok(());
        }
        self.lanes.seen().for_each(|row| self.learner.observe(row.lambda, row.error, row.weight));
        self.learner.fade();
        if self.step >= Learner::FIRST && self.step.is_multiple_of(Learner::REFRESH) {
            let recipe = &self.problem.recipe;
            self.errors = (recipe.weight == Weight::Uncertainty).then(|| self.learner.errors());
            self.drawn = recipe.adaptive.then(|| self.learner.density());
            self.aim()?;
        }
        Ok(())
    }

    /// Applies the learned density and errors to the objective.
    pub(super) fn aim(&mut self) -> Result<()> {
        let mut objective = self.base.clone();
        if let Some(errors) = &self.errors {
            objective = objective.with_errors(errors.clone())?;
        }
        if let Some(drawn) = &self.drawn {
            objective = objective.drawn_from(drawn.clone())?;
        }
        self.problem.objective = objective;
        Ok(())
    }

    /// Returns the batches from the next step on.
    fn batches(&self) -> Ahead {
        let Problem { data, recipe, .. } = &self.problem;
        Ahead::new(Order::after(data.rows(), recipe.seed, self.step, recipe.batch))
    }

    /// Moves the run to the position after `step` steps; the caller sets its other values.
    pub(super) fn jump(&mut self, step: u64) {
        (self.step, self.first) = (step, step);
        self.ahead = self.batches();
    }

    /// Returns the current weights as one flat list, in the order of the model file.
    ///
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let trainer = Trainer::new(&data, &recipe)?;
    /// assert_eq!(trainer.weights().len(), trainer.network()?.parameters());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        &self.optimizer.values
    }

    /// Returns the current power-function averages; `None` unless [`Recipe::averages`] is set.
    ///
    /// See [`Averages`] for an example.
    #[must_use]
    pub fn averages(&self) -> Option<Averages> {
        self.optimizer.followers.as_ref().map(|followers| followers.at(self.step.max(1)))
    }

    /// Returns the time spent so far, to store in a state.
    pub(super) fn spent(&self) -> Duration {
        self.elapsed()
    }

    /// Returns the current network with averaged weights, on the device of the training.
    ///
    /// # Errors
    /// Returns an error if an averaged weight is not finite.
    ///
    /// # Examples
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// trainer.step()?;
    /// assert_eq!(trainer.network()?.metadata().training.steps, 1);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn network(&self) -> Result<Network> {
        self.network_of(&self.optimizer.ema, |_| {})
    }

    /// Builds a network of these weights; `change` edits its training record.
    pub(super) fn network_of(&self, weights: &[f32], change: impl FnOnce(&mut TrainingRecord)) -> Result<Network> {
        if let Some(position) = weights.iter().position(|value| !value.is_finite()) {
            return Err(Error::diverged("an averaged weight is not finite")
                .at(format!("weight {position}, step {}", self.step)));
        }
        let Problem { data, shape, classes, recipe, formulation, normalization, tokens, .. } = &self.problem;
        let mut metadata = Metadata {
            langevin_version: if tokens.is_some() { TOKENS } else { NUMBERS },
            formulation: formulation.spec(),
            network: recipe.network.clone(),
            data: DataSpec {
                name: data.name().to_owned(),
                shape: shape.clone(),
                rows: data.rows(),
                // 8-bit images are marked as such; the range of deeper images is stored explicitly.
                pictures: data.levels() == Some(256),
                range: match data.levels() {
                    Some(levels) if levels > 256 => Some([0.0, f64::from(levels - 1)]),
                    _ => self.range,
                },
                classes: if *classes > 0 { data.classes().to_vec() } else { Vec::new() },
                tokens: tokens.as_ref().and_then(|tokens| tokens.spec(data)),
                held_out: recipe.held_out,
                dequantized: recipe.dequantize,
                reading: recipe.reading.clone(),
                frame: (!data.frame().is_plain() || !data.frame().names.is_empty() || data.frame().table)
                    .then(|| data.frame().clone()),
                lattice: self.lattice.clone(),
                fingerprint: Some(self.own.clone()),
            },
            normalization: normalization.clone(),
            moments: self.moments.as_ref().map(|(_, spec)| *spec),
            training: TrainingRecord {
                steps: self.step,
                seconds: self.elapsed().as_secs_f64(),
                batch: recipe.batch,
                seed: recipe.seed,
                task: self.problem.own_task().map(str::to_owned),
                weight: recipe.weight,
                times: recipe.times.clone(),
                learned: recipe.adaptive.then(|| self.learner.density()),
                coupling: recipe.coupling,
                learning_rate: recipe.learning_rate,
                ema: recipe.ema,
                average: None,
                parameters: self.optimizer.ema.len(),
                final_loss: self.smooth.loss(),
                losses: self.smooth.curve().to_vec(),
            },
        };
        change(&mut metadata.training);
        let moments = self.moments.as_ref().map(|(moments, _)| moments.clone());
        Network::with_formulation(formulation.clone(), metadata, moments, weights.to_vec())?.on(&self.device)
    }
}
