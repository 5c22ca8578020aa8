//! The driver of everything that evaluates a model: the algorithm asks questions, the caller
//! answers them.
//!
//! A [`Program`] is an algorithm with its control inverted. It never calls a model. Instead
//! [`query`](Program::query) returns the next [`Question`], the caller evaluates the model wherever
//! the model lives, and [`supply`](Program::supply) takes the [`Answer`]. The same algorithm
//! therefore runs on slices, on tensors of any library, under Python's interpreter lock, and in an
//! asynchronous browser.
//!
//! | program | made by | asks for |
//! |---|---|---|
//! | [`Run`](crate::plan::Run), a fixed plan | [`Plan::start`](crate::Plan::start) | evaluations |
//! | [`AdaptiveRun`](crate::adaptive::AdaptiveRun), steps under error control | [`Adaptive::start`](crate::adaptive::Adaptive::start) | evaluations |
//! | `OdeRun`, the density of the ODE model | `Ode::start` | evaluations with products |
//! | `BoundRun`, the bound of the SDE model | `Bound::start` | evaluations |
//! | `ResidualRun`, a test of the score: is it that of one density? | `start_residuals` | both |
//! | `DiagnoseRun`, the sources of a model's error | `Diagnose::start` | both |
//!
//! The last four programs are in the crate `langevin-analysis`.
//!
//! Every question contains the network's own input at the network's own noise level, and every
//! answer is the network's own output. The program applies D = A·x + B·out itself.
//!
//! # Examples
//!
//! One function of six lines drives a plan, an adaptive run and a likelihood:
//!
//! ```
//! use langevin::drive::Program;
//! use langevin_analysis::exact::{Density, Gaussian};
//! use langevin_analysis::likelihood::Ode;
//! use langevin::adaptive::{Adaptive, Pair};
//! use langevin::{Grid, LambdaRange, Process, Result, SampleId, Sampler, SliceSpace, Vjp};
//!
//! fn by_hand<P>(mut program: P, model: &impl Vjp<Vec<f64>>) -> Result<P::Output>
//! where
//!     P: Program<State = Vec<f64>>,
//! {
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
//! let levels = Grid::karras(20).levels(&process, 0.002, 80.0)?;
//! let plan = Sampler::ddim(0.0).compile(&process, None, &levels)?;
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
///
/// # Examples
///
/// ```
/// use langevin::drive::{Answer, Program};
/// use langevin::{Grid, Process, Result, SampleId, Sampler, SliceSpace};
///
/// /// Answers every question with D = 3, the denoiser of data that are the single point 3.
/// fn with_point<P: Program<State = Vec<f64>>>(mut program: P) -> Result<P::Output> {
///     while program.query()?.is_some() {
///         program.supply(Answer::from(vec![3.0]))?;
///     }
///     program.finish()
/// }
///
/// let process = Process::ve();
/// let levels = Grid::karras(5).levels(&process, 0.002, 80.0)?;
/// let plan = Sampler::ddim(0.0).compile(&process, None, &levels)?;
/// let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId::default()]);
/// let sample = with_point(plan.start(&space, vec![], &rows)?)?;
/// assert!((sample[0] - 3.0).abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait Program {
    /// A batch of states, in the form of the program's [`Space`](crate::Space).
    type State;
    /// The result.
    type Output;

    /// Computes up to the next evaluation and returns its question, or `None` at the end.
    ///
    /// A second call without an answer in between returns the same question.
    ///
    /// # Errors
    /// Returns an error if the space fails, or if the algorithm cannot continue because its steps
    /// become too small or values are not finite.
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
    /// Returns an error if a question is still unanswered.
    fn finish(self) -> Result<Self::Output>
    where
        Self: Sized;
}

/// A program's question to a model: the output for `x`, and its products with the Jacobian if there
/// are cotangents.
///
/// # Examples
///
/// ```
/// use langevin::drive::Question;
/// use langevin::{Process, Query, SampleId};
/// let (x, rows) = (vec![1.0], [SampleId::default()]);
/// let question = Question::about(&x, Query::new(Process::ve().level(2.0)?, &rows));
/// assert_eq!(question.query.at.row(0).sigma, 2.0);
/// assert!(question.cotangents.is_empty());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Question<'a, S> {
    /// The input of the model, already scaled.
    pub x: &'a S,
    /// The noise level as the model receives it, the rows, and the branch.
    pub query: Query<'a>,
    /// The cotangents v of the requested products $v^\top \partial\mathrm{out}/\partial x$; empty
    /// for a plain evaluation.
    pub cotangents: &'a [S],
}

impl<'a, S> Question<'a, S> {
    /// Builds a question about an output alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::drive::Question;
    /// use langevin::{Process, Query, SampleId};
    /// let (x, rows) = (vec![1.0, 2.0], [SampleId::default()]);
    /// let question = Question::about(&x, Query::new(Process::vp().level(1.0)?, &rows));
    /// assert_eq!((question.x, question.cotangents.len()), (&x, 0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn about(x: &'a S, query: Query<'a>) -> Self {
        Self { x, query, cotangents: &[] }
    }

    /// Evaluates `model`, which need not be differentiable.
    ///
    /// # Errors
    /// Returns an error if the question asks for products, or if the model fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::drive::Question;
    /// use langevin::{Process, Query, SampleId};
    /// use langevin_analysis::exact::Gaussian;
    /// let data = Gaussian::isotropic(vec![0.0], 1.0)?; // D = x/(1 + σ²) on VE
    /// let (x, rows) = (vec![3.0_f64], [SampleId::default()]);
    /// let question = Question::about(&x, Query::new(Process::ve().level(1.0)?, &rows));
    /// assert!((question.ask(&data)?.out[0] - 1.5).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn ask(&self, model: &(impl Model<S> + ?Sized)) -> Result<Answer<S>> {
        if self.cotangents.is_empty() {
            return Ok(model.predict(self.x, &self.query)?.into());
        }
        Err(Error::argument("the question asks for products with the Jacobian")
            .expected("a model that can be differentiated")
            .got(format!("{} cotangents", self.cotangents.len()))
            .hinting("answer with ask_vjp"))
    }

    /// Evaluates `model` together with the products that the question asks for.
    ///
    /// # Errors
    /// Returns an error if the model fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::drive::{Evaluation, Reader};
    /// use langevin::model::At;
    /// use langevin::{Process, SampleId, SliceSpace};
    /// use langevin_analysis::exact::Gaussian;
    /// let data = Gaussian::isotropic(vec![0.0], 1.0)?; // D = x/(1 + σ²) on VE
    /// let (space, rows, x) = (SliceSpace::<f64>::new(1), [SampleId::default()], vec![3.0]);
    /// let (reader, level) = (Reader { network: None, wanted: None }, Process::ve().level(1.0)?);
    /// let open = Evaluation::open(&space, reader, At::One(level), &x, &rows)?;
    /// let cotangents = [vec![1.0]];
    /// let answer = open.question(&x, &rows, &cotangents).ask_vjp(&data)?;
    /// assert!((answer.products[0][0] - 0.5).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn ask_vjp(&self, model: &(impl Vjp<S> + ?Sized)) -> Result<Answer<S>> {
        if self.cotangents.is_empty() {
            return Ok(model.predict(self.x, &self.query)?.into());
        }
        let (out, products) = model.predict_vjps(self.x, &self.query, self.cotangents)?;
        Ok(Answer { out, products })
    }
}

/// The answer to a [`Question`]. An output alone converts into one with `into()`.
///
/// # Examples
///
/// ```
/// use langevin::drive::Answer;
/// let answer: Answer<Vec<f64>> = vec![1.0].into();
/// assert!(answer.products.is_empty());
/// ```
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
    /// Checks that the answer has one product for each of the question's cotangents.
    ///
    /// # Errors
    /// Returns an error if the numbers differ.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::drive::Answer;
    /// let answer = Answer { out: vec![1.0], products: vec![vec![0.5]] };
    /// assert!(answer.check(1).is_ok());
    /// assert!(answer.check(2).unwrap_err().is_shape());
    /// ```
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
/// # Errors
/// Returns the first error of the program or of `answer`.
///
/// # Examples
///
/// ```
/// use langevin::drive::drive;
/// use langevin_analysis::exact::Gaussian;
/// use langevin::{Grid, Process, SampleId, Sampler, SliceSpace};
/// let process = Process::ve();
/// let levels = Grid::karras(20).levels(&process, 0.002, 80.0)?;
/// let plan = Sampler::ddim(0.0).compile(&process, None, &levels)?;
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

/// Returns the error for an answer without a question. Programs use it in
/// [`supply`](Program::supply).
///
/// # Examples
///
/// ```
/// assert_eq!(langevin::drive::unasked().hint(), Some("call query() first"));
/// ```
#[must_use]
pub fn unasked() -> Error {
    Error::argument("an answer without a question").hinting("call query() first")
}

/// Returns the error for a result that is requested too early. Programs use it in
/// [`finish`](Program::finish).
///
/// # Examples
///
/// ```
/// assert_eq!(langevin::drive::unfinished().hint(), Some("answer every query() first"));
/// ```
#[must_use]
pub fn unfinished() -> Error {
    Error::argument("the run is not finished").hinting("answer every query() first")
}
