//! One training run, a step at a time.

use super::ahead::Ahead;
use super::averages::{Averages, Followers};
use super::contents::{Best, Contents};
use super::health::Health;
use super::lanes::Lanes;
use super::optimizer::Optimizer;
use super::order::Order;
use super::problem::Problem;
use super::recipe::{Budget, Recipe};
use super::smooth::Smooth;
use super::task::Denoising;
use crate::coupling::Coupling;
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::metadata::{DataSpec, MODEL_VERSION, Metadata, TrainingRecord};
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

/// Bins of λ that the errors are kept in, how often what they say is used, and from when on.
const BINS: usize = 64;
const REFRESH: u64 = 10;
const FIRST_LEARNED: u64 = 30;

/// Where a training run stands, after every step.
#[non_exhaustive]
pub struct Progress<'a> {
    /// Steps made.
    pub step: u64,
    /// The smoothed loss: an average over about the last hundred steps.
    pub loss: f64,
    /// The norm of the last gradient, before clipping.
    pub gradient: f64,
    /// The share of about the last hundred gradients that were clipped.
    pub clipped: f64,
    /// The learning rate of the last step.
    pub rate: f64,
    /// Time spent training, that before an interruption included.
    pub elapsed: Duration,
    /// The share of the budget that is used, 0 to 1.
    pub fraction: f64,
    /// Training rows per second since the start, or since it was resumed.
    pub samples_per_second: f64,
    /// The loss that a network has which has learned nothing, on the rows and levels of about the last ten
    /// steps.
    pub nothing: f64,
    /// The loss of about the last ten steps as a multiple of [`nothing`](Self::nothing): 1 at the start, less
    /// for a network that has learned something.
    pub ratio: f64,
    /// Whether the last loss was not far above [`nothing`](Self::nothing): what is saved now is worth going
    /// on from.
    pub sound: bool,
    trainer: &'a Trainer,
}

impl Progress<'_> {
    /// The averaged network as it is now, evaluated where the training is.
    ///
    /// # Errors
    /// Averaged weights that are not finite.
    pub fn snapshot(&self) -> Result<Network> {
        self.trainer.network()
    }
}

/// A training run: make it, step it until it [is done](Self::is_done), take the [`network`](Self::network).
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
    /// What the data are told by.
    pub(super) contents: Contents,
    pub(super) problem: Problem,
    /// The objective as the recipe has it.
    base: Objective,
    pub(super) learner: Learner,
    /// What the levels are drawn and weighed by now, where that was learned.
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
    /// When it was begun or resumed, after how many steps, and the time spent before.
    begun: Instant,
    first: u64,
    pub(super) before: Duration,
    pub(super) step: u64,
    pub(super) smooth: Smooth,
    pub(super) health: Health,
    pub(super) best: Option<Best>,
    /// The norm and the rate of the last step.
    last: [f64; 2],
    stop: Stop,
    done: Arc<AtomicUsize>,
}

impl Trainer {
    /// A run that has not begun.
    ///
    /// # Errors
    /// A recipe that cannot be used, or does not fit the data.
    pub fn new(data: &Dataset, recipe: &Recipe) -> Result<Self> {
        let augment = recipe.augment();
        let shape = augment.shape(data.shape())?;
        let (formulation, objective) = recipe.check(&shape)?;
        let lattice = data.lattice()?;
        let mut range = None;
        let normalization = match &recipe.normalization {
            Some(given) => {
                // Constant pictures run through nothing.
                if let Statistics::Range { low, high } = data.statistics()?
                    && low < high
                {
                    range = Some([low, high]);
                }
                given.clone()
            }
            None => {
                // The scale of such data says nothing of their least and greatest values.
                if let Statistics::Whole { low, high, .. } = data.statistics()? {
                    range = Some([low, high]);
                }
                let fitted = Normalization::fit(data)?;
                match recipe.dequantize {
                    true => fitted.dequantized(&lattice.clone().unwrap_or_else(Lattice::whole)),
                    false => fitted,
                }
            }
        };
        let steps = recipe.dequantize.then(|| {
            let lattice = lattice.clone().unwrap_or_else(Lattice::whole);
            (0..shape.iter().product()).map(|element| lattice.step(element)).collect()
        });
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
        };
        problem.check_labels()?;
        // Before the clock starts: a short time for training is all for training.
        let chosen = Moments::chosen(data.rows(), problem.width, recipe.seed);
        let moments = Moments::of(&problem.visit(&chosen)?, problem.width);
        let initial = net.init(recipe.seed);
        if initial.len() != net::size(net.parameters()) {
            return Err(Error::argument("the initial weights do not fit the network")
                .at("network")
                .expected(net::size(net.parameters()).to_string())
                .got(initial.len().to_string()));
        }
        let mut optimizer = Optimizer::new(initial, recipe.weight_decay, recipe.clip, recipe.ema);
        if recipe.averages {
            optimizer.followers = Some(Followers::new(&optimizer.values)?);
        }
        let mut lanes = Lanes::new(&*net, recipe.batch, optimizer.values.len());
        let done = Arc::default();
        lanes.watch(Stop::default(), &done);
        Ok(Self {
            contents: Contents::of(data)?,
            learner: Learner::new(objective.range(), BINS)?,
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

    /// The same run, its network evaluated on this device from now on. Weights, optimiser and averages stay
    /// here.
    ///
    /// # Errors
    /// A device that cannot hold it.
    pub fn on(mut self, device: &Device) -> Result<Self> {
        self.net = self.recipe().network.build(&self.problem.shape, device)?;
        self.device = device.clone();
        self.lanes = Lanes::new(&*self.net, self.recipe().batch, self.optimizer.values.len());
        self.lanes.watch(self.stop, &self.done);
        Ok(self)
    }

    /// Asks `stop` within every step from now on, between the layers of the network. Once it says so,
    /// [`step`](Self::step) and [`loss_on`](Self::loss_on) end with an error that
    /// [is stopped](Error::is_stopped); the step is as if it had not been begun.
    pub fn stop_when(&mut self, stop: fn() -> bool) {
        self.stop = Stop(Some(stop));
        self.lanes.watch(self.stop, &self.done);
    }

    /// A count of the rows of the current step that are done, for another thread that waits for a long one.
    #[must_use]
    pub fn rows_done(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.done)
    }

    /// What it does.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.problem.recipe
    }

    /// The map between data and what the network works on.
    #[must_use]
    pub fn normalization(&self) -> &Normalization {
        &self.problem.normalization
    }

    /// The loss of the averaged network on other rows, at noise and levels that are the same at every call:
    /// the objective of the recipe, with nothing dropped, coupled or learned about where to draw.
    ///
    /// # Errors
    /// Rows that do not fit, or cannot be read.
    pub fn loss_on(&self, data: &Dataset) -> Result<f64> {
        let own = self.recipe();
        let recipe = Recipe {
            // Away from every draw of the training.
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

    /// Changes how long it goes on; the learning rate falls to 0 over the new budget.
    pub fn set_budget(&mut self, budget: Budget) {
        self.problem.recipe.budget = budget;
    }

    /// Time spent training.
    fn elapsed(&self) -> Duration {
        self.before + self.begun.elapsed()
    }

    pub(super) fn fraction(&self) -> f64 {
        self.problem.recipe.budget.spent(self.step, self.elapsed()).min(1.0)
    }

    /// Whether the budget is used up.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.step > 0 && self.fraction() >= 1.0
    }

    /// Where it stands.
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

    /// One step.
    ///
    /// # Errors
    /// A loss or gradient that is not finite, a loss that stays a hundred times that of a network that has
    /// learned nothing, or a smoothed loss that is a hundred times the least so far: [`Error::is_diverged`],
    /// with the last good network. A step that was [stopped](Self::stop_when), data that cannot be read or a
    /// device that fails leave everything as it was.
    pub fn step(&mut self) -> Result<()> {
        let fraction = self.fraction();
        let Self { problem, net, optimizer, step, .. } = self;
        let drawn = self.ahead.next(problem, *step);
        let losses = drawn.and_then(|drawn| self.lanes.run(problem, &**net, &optimizer.values, *step, &drawn));
        let losses = match losses {
            Ok(losses) => losses,
            Err(error) => {
                // As if it had not been tried: on another device it may go on.
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

    /// Takes in the errors of a batch, in its order, and now and then draws and weights by what was learned.
    fn learn(&mut self) -> Result<()> {
        if !self.problem.learns() {
            return Ok(());
        }
        self.lanes.seen().for_each(|row| self.learner.observe(row.lambda, row.error, row.weight));
        self.learner.fade();
        if self.step >= FIRST_LEARNED && self.step.is_multiple_of(REFRESH) {
            let recipe = &self.problem.recipe;
            self.errors = (recipe.weight == Weight::Uncertainty).then(|| self.learner.errors());
            self.drawn = recipe.adaptive.then(|| self.learner.density());
            self.aim()?;
        }
        Ok(())
    }

    /// Makes the objective what was learned.
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

    /// The batches from the next step on.
    fn batches(&self) -> Ahead {
        let Problem { data, recipe, .. } = &self.problem;
        Ahead::new(Order::after(data.rows(), recipe.seed, self.step, recipe.batch))
    }

    /// Puts the run after so many steps; its numbers are set by the caller.
    pub(super) fn jump(&mut self, step: u64) {
        (self.step, self.first) = (step, step);
        self.ahead = self.batches();
    }

    /// The weights as they are, one flat list in the order of the model file.
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        &self.optimizer.values
    }

    /// The averages of the weights that are kept for later ([`Recipe::averages`]).
    #[must_use]
    pub fn averages(&self) -> Option<Averages> {
        self.optimizer.followers.as_ref().map(|followers| followers.at(self.step.max(1)))
    }

    /// The time spent so far, to be carried over.
    pub(super) fn spent(&self) -> Duration {
        self.elapsed()
    }

    /// The averaged network as it is now, evaluated where the training is.
    ///
    /// # Errors
    /// Averaged weights that are not finite.
    pub fn network(&self) -> Result<Network> {
        self.network_of(&self.optimizer.ema, |_| {})
    }

    /// A network of these weights, with a record that `change` changes.
    pub(super) fn network_of(&self, weights: &[f32], change: impl FnOnce(&mut TrainingRecord)) -> Result<Network> {
        if let Some(position) = weights.iter().position(|value| !value.is_finite()) {
            return Err(Error::diverged("an averaged weight is not finite")
                .at(format!("weight {position}, step {}", self.step)));
        }
        let Problem { data, shape, classes, recipe, formulation, normalization, .. } = &self.problem;
        let mut metadata = Metadata {
            langevin_version: MODEL_VERSION,
            formulation: formulation.spec(),
            network: recipe.network.clone(),
            data: DataSpec {
                name: data.name().to_owned(),
                shape: shape.clone(),
                rows: data.rows(),
                // Files of 8 bits say so; the range of finer pictures is written out.
                pictures: data.levels() == Some(256),
                range: match data.levels() {
                    Some(levels) if levels > 256 => Some([0.0, f64::from(levels - 1)]),
                    _ => self.range,
                },
                classes: if *classes > 0 { data.classes().to_vec() } else { Vec::new() },
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
