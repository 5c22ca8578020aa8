//! One driver for everything that evaluates a model: it asks, the caller answers.
//!
//! A [`Program`] is an algorithm with its control inverted. It never calls a model. Instead
//! [`query`](Program::query) returns the next [`Question`], the caller evaluates the model wherever
//! the model lives, and [`supply`](Program::supply) takes the [`Answer`]. So the same algorithm
//! runs on slices, on tensors of any library, under Python's interpreter lock, and in an
//! asynchronous browser.
//!
//! | program | made by | asks for |
//! |---|---|---|
//! | [`Run`](crate::plan::Run), a fixed plan | [`Plan::start`](crate::Plan::start) | evaluations |
//! | [`AdaptiveRun`](crate::adaptive::AdaptiveRun), steps under error control | [`Adaptive::start`](crate::adaptive::Adaptive::start) | evaluations |
//! | `OdeRun`, the density of the ODE model | `Ode::start` | evaluations with products |
//! | `BoundRun`, the bound of the SDE model | `Bound::start` | evaluations |
//! | `ResidualRun`, whether a score is that of one density | `start_residuals` | both |
//! | `DiagnoseRun`, where the error comes from | `Diagnose::start` | both |
//!
//! Every question is about the network's own input at the network's own noise level, and every
//! answer is the network's own output. The program applies D = A·x + B·out itself.
//!
//! # Examples
//!
//! A plan, an adaptive run and a likelihood, driven by the same six lines:
//!
//! ```
//! use langevin::drive::Program;
//! use langevin_analysis::exact::{Density, Gaussian};
//! use langevin_analysis::likelihood::Ode;
//! use langevin::adaptive::Adaptive;
//! use langevin::{Grid, LambdaRange, Process, Result, SampleId, Sampler, SliceSpace, Vjp, adaptive::Pair};
//!
//! fn by_hand<P: Program<State = Vec<f64>>>(mut program: P, model: &impl Vjp<Vec<f64>>) -> Result<P::Output> {
//!     while let Some(question) = program.query()? {
//!         let answer = question.ask_vjp(model)?; // or call a network anywhere else
//!         program.supply(answer)?;
//!     }
//!     program.finish()
//! }
//!
//! let data = Gaussian::isotropic(vec![3.0], 0.25)?;
//! let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 7, index }).collect();
//! let space = SliceSpace::<f64>::new(1);
//!
//! let process = Process::vp();
//! let plan = Sampler::ddim(0.0).compile(&process, None, &Grid::karras(20).levels(&process, 0.002, 80.0)?)?;
//! let samples = by_hand(plan.start(&space, vec![], &rows)?, &data)?;
//! assert_eq!(samples, plan.run(&space, &data, vec![], &rows)?);
//!
//! let adaptive = Adaptive::new(Pair::Dpm23);
//! let adapted = by_hand(adaptive.start(&space, None, [0.002, 80.0], &rows)?, &data)?;
//! assert_eq!(adapted.state, adaptive.run(&space, &data, [0.002, 80.0], &rows)?.state);
//!
//! let ode = Ode::new(LambdaRange::from_sigma_ve(0.002, 80.0)?);
//! let x = data.sample(&rows);
//! let likelihood = by_hand(ode.start(&space, None, x.clone(), &rows)?, &data)?;
//! assert_eq!(likelihood, ode.run(&data, &x, 1, &rows)?);
//! # Ok::<(), langevin::Error>(())
//! ```

mod evaluation;
mod read_as;

pub use evaluation::{Evaluation, Reader};
pub use read_as::ReadAs;

use crate::error::{Error, Result};
use crate::model::{Model, Query, Vjp};

/// An algorithm that asks a model questions and is driven by its caller. See the [module](self).
pub trait Program {
    /// A batch of states, as the program's [`Space`](crate::Space) has them.
    type State;
    /// The result.
    type Output;

    /// Computes up to the next evaluation and returns its question; `None` at the end.
    ///
    /// Asking again without supplying an answer returns the same question.
    ///
    /// # Errors
    /// Returns an error if the space fails, or if the algorithm cannot go on (its steps become too
    /// small, or values are not finite).
    fn query(&mut self) -> Result<Option<Question<'_, Self::State>>>;

    /// Takes the answer to the open question.
    ///
    /// # Errors
    /// Returns an error if no question is open, if the number of products differs from the number
    /// of cotangents, or if the space fails.
    fn supply(&mut self, answer: Answer<Self::State>) -> Result<()>;

    /// Returns the result.
    ///
    /// # Errors
    /// Returns an error if a question is still to be answered.
    fn finish(self) -> Result<Self::Output>
    where
        Self: Sized;
}

/// What a program asks of a model: the output for `x`, and its products with the Jacobian if there
/// are cotangents.
#[derive(Debug)]
#[non_exhaustive]
pub struct Question<'a, S> {
    /// The input of the model, already scaled.
    pub x: &'a S,
    /// The noise level as the model sees it, the rows, and the branch.
    pub query: Query<'a>,
    /// The cotangents v for which $v^\top \partial\mathrm{out}/\partial x$ is asked; empty for a
    /// plain evaluation.
    pub cotangents: &'a [S],
}

impl<'a, S> Question<'a, S> {
    /// Builds a question about an output alone.
    pub fn about(x: &'a S, query: Query<'a>) -> Self {
        Self { x, query, cotangents: &[] }
    }

    /// Evaluates `model`, which need not be differentiable.
    ///
    /// # Errors
    /// Returns an error if the question asks for products, or if the model fails.
    pub fn ask(&self, model: &(impl Model<S> + ?Sized)) -> Result<Answer<S>> {
        if self.cotangents.is_empty() {
            return Ok(model.predict(self.x, &self.query)?.into());
        }
        Err(Error::argument("the question asks for products with the Jacobian")
            .expected("a model that can be differentiated")
            .got(format!("{} cotangents", self.cotangents.len()))
            .hinting("answer with ask_vjp"))
    }

    /// Evaluates `model` with the products that the question asks for.
    ///
    /// # Errors
    /// Returns an error if the model fails.
    pub fn ask_vjp(&self, model: &(impl Vjp<S> + ?Sized)) -> Result<Answer<S>> {
        if self.cotangents.is_empty() {
            return Ok(model.predict(self.x, &self.query)?.into());
        }
        let (out, products) = model.predict_vjps(self.x, &self.query, self.cotangents)?;
        Ok(Answer { out, products })
    }
}

/// The answer to a [`Question`]. An output alone converts into one with `into()`.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<S> {
    /// The output of the model, in the shape of `x`.
    pub out: S,
    /// The product with the Jacobian for each cotangent, in the shape of `x` and in the order of
    /// the question.
    pub products: Vec<S>,
}

impl<S> From<S> for Answer<S> {
    fn from(out: S) -> Self {
        Self { out, products: Vec::new() }
    }
}

impl<S> Answer<S> {
    /// Checks that the answer has as many products as were asked for.
    ///
    /// # Errors
    /// Returns an error if it has not.
    pub fn check(&self, cotangents: usize) -> Result<()> {
        if self.products.len() == cotangents {
            return Ok(());
        }
        Err(Error::shape("the answer has the wrong number of products with the Jacobian")
            .expected(cotangents.to_string())
            .got(self.products.len().to_string()))
    }
}

/// Drives a program to its end: answers each question by calling `answer`, and returns the result.
///
/// ```
/// use langevin::drive::drive;
/// use langevin_analysis::exact::Gaussian;
/// use langevin::{Grid, Process, SampleId, Sampler, SliceSpace};
/// let process = Process::ve();
/// let plan = Sampler::ddim(0.0).compile(&process, None, &Grid::karras(20).levels(&process, 0.002, 80.0)?)?;
/// let (data, rows) = (Gaussian::isotropic(vec![3.0], 0.25)?, [SampleId::default()]);
/// let space = SliceSpace::<f64>::new(1);
/// let mut evaluations = 0;
/// let samples = drive(plan.start(&space, vec![], &rows)?, |question| {
///     evaluations += 1;
///     question.ask(&data)
/// })?;
/// assert_eq!((samples.len(), evaluations), (1, plan.nfe()));
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns the first error of the program or of `answer`.
pub fn drive<P: Program>(
    mut program: P,
    mut answer: impl FnMut(&Question<'_, P::State>) -> Result<Answer<P::State>>,
) -> Result<P::Output> {
    while let Some(question) = program.query()? {
        let answer = answer(&question)?;
        program.supply(answer)?;
    }
    program.finish()
}

/// Returns the error of an answer that nobody asked for.
#[must_use]
pub fn unasked() -> Error {
    Error::argument("an answer without a question").hinting("call query() first")
}

/// Returns the error of a result that is asked for too early.
#[must_use]
pub fn unfinished() -> Error {
    Error::argument("the run is not finished").hinting("answer every query() first")
}
