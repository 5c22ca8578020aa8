//! Training: draws, loss, gradient, step.
//!
//! Row r of step n is the pair (x0, ε) at level λ, with x = αx0 + σε. The network's output has the target c₀x0 + c₁ε, and
//!
//! $$L = \frac{1}{\mathrm{batch}\cdot d}\sum_r w (\alpha B/\sigma)^2 \lVert \mathrm{out} - (c_0 x_0 + c_1\varepsilon) \rVert^2 .$$
//!
//! Everything random has an address: noise and level of a row are functions of (seed, n·batch + r), the order of the data of (seed, epoch). The batch is
//! cut into lanes that run in parallel and whose gradients are added in order ([`lanes`]), so threads change no bit.

mod lanes;
mod order;
mod problem;
mod smooth;

pub(crate) use lanes::rows_of_lane;
pub(crate) use order::Order;
pub(crate) use smooth::Smooth;

use crate::data::{Dataset, Normalization};
use crate::error::{Error, Result};
use crate::metadata::{DataSpec, MODEL_VERSION, Metadata, TrainingRecord};
use crate::moments::{Moments, MomentsSpec};
use crate::net::{self, Net};
use crate::network::Network;
use crate::optimizer::Optimizer;
use crate::recipe::Recipe;
use lanes::Lanes;
use langevin::objective::Learner;
use langevin::{Objective, Weight};
use problem::{Problem, dequantized};
use std::ops::ControlFlow;
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
    /// Time since the start.
    pub elapsed: Duration,
    /// The share of the budget that is used, 0 to 1.
    pub fraction: f64,
    /// Training rows per second since the start.
    pub samples_per_second: f64,
    run: &'a Run<'a>,
}

impl Progress<'_> {
    /// The averaged network as it is now.
    ///
    /// # Errors
    /// Averaged weights that are not finite.
    pub fn snapshot(&self) -> Result<Network> {
        self.run.network()
    }
}

/// Trains a network on `data`, calling `watch` after every step; [`ControlFlow::Break`] stops early. Returns the averaged network.
///
/// # Errors
/// A recipe that cannot be used, or a loss that is no longer finite ([`Error::is_diverged`]; [`Error::into_network`] then gives the averaged network of
/// the last good step).
///
/// ```
/// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
/// use std::ops::ControlFlow;
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// recipe.network = MlpConfig::new(16, 3).into();
/// let network = train(&data, &recipe, &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!(network.metadata().training.steps, 20);
/// # Ok::<(), langevin_train::Error>(())
/// ```
pub fn train(
    data: &Dataset,
    recipe: &Recipe,
    watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
) -> Result<Network> {
    let (formulation, objective) = recipe.check(data.shape())?;
    let mut normalization = Normalization::fit(data);
    if recipe.dequantize {
        normalization = normalization.dequantized(data.shape().len() > 1);
    }
    let mut values = data.values().to_vec();
    normalization.normalize(&mut values, data.width());
    // Before the clock starts: a short time for training is all for training.
    let moments = match recipe.dequantize {
        false => Moments::of(&values, data.width(), recipe.seed),
        // Those of the sums, of one visit to each row.
        true => {
            let sums = dequantized(&values, &normalization, data.width(), recipe.seed);
            Moments::of(&sums, data.width(), recipe.seed)
        }
    };
    let net = net::build(&recipe.network, data.shape())?;
    let initial = net.init(recipe.seed);
    let lanes = Lanes::new(&*net, recipe.batch, initial.len());
    let optimizer = Optimizer::new(initial, recipe.weight_decay, recipe.clip, recipe.ema);
    let learner = Learner::new(objective.range(), BINS)?;
    let begun = Instant::now();
    let mut run = Run {
        data,
        base: objective.clone(),
        problem: Problem { values, width: data.width(), recipe, formulation, objective, normalization },
        learner,
        moments,
        net,
        lanes,
        optimizer,
        begun,
        step: 0,
        smooth: Smooth::default(),
    };
    let mut order = Order::new(data.rows(), recipe.seed);
    loop {
        let elapsed = begun.elapsed();
        let fraction = recipe.budget.spent(run.step, elapsed);
        if run.step > 0 {
            let samples_per_second = (run.step as f64) * recipe.batch as f64 / elapsed.as_secs_f64().max(1e-9);
            let (step, loss, fraction) = (run.step, run.smooth.loss(), fraction.min(1.0));
            if watch(&Progress { step, loss, elapsed, fraction, samples_per_second, run: &run }).is_break()
                || fraction >= 1.0
            {
                return run.network();
            }
        }
        run.step(&order.take(recipe.batch), fraction)?;
    }
}

/// A running training.
struct Run<'a> {
    data: &'a Dataset,
    problem: Problem<'a>,
    /// The objective as the recipe has it.
    base: Objective,
    learner: Learner,
    moments: Option<(Moments, MomentsSpec)>,
    net: Box<dyn Net>,
    lanes: Lanes,
    optimizer: Optimizer,
    begun: Instant,
    step: u64,
    smooth: Smooth,
}

impl Run<'_> {
    /// One step on these rows of the data.
    fn step(&mut self, rows: &[usize], fraction: f64) -> Result<()> {
        let loss = self.lanes.run(&self.problem, &*self.net, &self.optimizer.values, self.step, rows)?;
        self.learn()?;
        let norm = if loss.is_finite() {
            self.optimizer.step(&mut self.lanes.gradients, self.problem.recipe.rate(self.step, fraction))
        } else {
            f64::NAN
        };
        if !norm.is_finite() {
            let error = Error::diverged("training diverged")
                .at(format!("step {}", self.step + 1))
                .expected("a finite loss and gradient")
                .got(format!("loss {loss}, gradient norm {norm}"))
                .hinting("lower the learning rate, or choose a weight that is bounded on the range");
            return Err(match self.network() {
                Ok(network) => error.keeping(network),
                Err(_) => error,
            });
        }
        self.step += 1;
        self.smooth.push(self.step, loss);
        Ok(())
    }

    /// Takes in the errors of a batch, in its order, and now and then draws and weights by what was learned.
    fn learn(&mut self) -> Result<()> {
        if !self.problem.learns() {
            return Ok(());
        }
        self.lanes.seen().for_each(|row| self.learner.observe(row.lambda, row.error, row.weight));
        self.learner.fade();
        if self.step >= FIRST_LEARNED && self.step.is_multiple_of(REFRESH) {
            let recipe = self.problem.recipe;
            let mut objective = self.base.clone();
            if recipe.weight == Weight::Uncertainty {
                objective = objective.with_errors(self.learner.errors())?;
            }
            if recipe.adaptive {
                objective = objective.drawn_from(self.learner.density())?;
            }
            self.problem.objective = objective;
        }
        Ok(())
    }

    /// The averaged network as it is now.
    fn network(&self) -> Result<Network> {
        if let Some(position) = self.optimizer.ema.iter().position(|value| !value.is_finite()) {
            return Err(Error::diverged("an averaged weight is not finite")
                .at(format!("weight {position}, step {}", self.step)));
        }
        let Problem { recipe, formulation, normalization, .. } = &self.problem;
        let metadata = Metadata {
            langevin_version: MODEL_VERSION,
            formulation: formulation.spec(),
            network: recipe.network.clone(),
            data: DataSpec {
                name: self.data.name().to_owned(),
                shape: self.data.shape().to_vec(),
                rows: self.data.rows(),
                held_out: recipe.held_out,
                dequantized: recipe.dequantize,
            },
            normalization: normalization.clone(),
            moments: self.moments.as_ref().map(|(_, spec)| *spec),
            training: TrainingRecord {
                steps: self.step,
                seconds: self.begun.elapsed().as_secs_f64(),
                batch: recipe.batch,
                seed: recipe.seed,
                weight: recipe.weight,
                times: recipe.times.clone(),
                learned: recipe.adaptive.then(|| self.learner.density()),
                coupling: recipe.coupling,
                learning_rate: recipe.learning_rate,
                ema: recipe.ema,
                parameters: self.optimizer.ema.len(),
                final_loss: self.smooth.loss(),
                losses: self.smooth.curve().to_vec(),
            },
        };
        let moments = self.moments.as_ref().map(|(moments, _)| moments.clone());
        Network::with_formulation(formulation.clone(), metadata, moments, self.optimizer.ema.clone())
    }
}
