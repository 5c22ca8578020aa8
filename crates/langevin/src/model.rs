//! The interface between samplers and networks, or anything else that denoises.
//!
//! | item | purpose |
//! |---|---|
//! | [`Model`] | a network, or a density known in closed form |
//! | [`Vjp`] | a model that can be differentiated in its input, for likelihoods |
//! | [`Query`] | the question to a model: noise level, samples, branch |
//! | [`blocks`] | batches of fixed size, so that a row does not depend on the rest of its batch |

use crate::error::{Error, Result};
use crate::formulation::Formulation;
pub use crate::formulation::InputLevel;
use crate::noise::SampleId;
use crate::process::Level;

/// The noise level of a batch: one level for the whole batch, or one for each row.
///
/// `L` is [`Level`], a level of a process, or [`InputLevel`], the level as a network receives it.
///
/// # Examples
///
/// ```
/// use langevin::{Process, model::At};
/// let ve = Process::ve();
/// let levels = [ve.level(1.0)?, ve.level(2.0)?];
/// assert_eq!(At::PerRow(&levels).row(1).sigma, 2.0);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum At<'a, L = Level> {
    /// One level for every row.
    One(L),
    /// Level i for row i.
    PerRow(&'a [L]),
}

impl<L: Copy> At<'_, L> {
    /// Returns the level of row `row`.
    ///
    /// # Panics
    /// Panics if `row` is beyond the levels of [`PerRow`](Self::PerRow), which has one for each row
    /// of the query.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::model::At;
    /// use langevin::Process;
    /// let levels = [Process::ve().level(1.0)?, Process::ve().level(2.0)?];
    /// assert_eq!(At::One(levels[0]).row(5), levels[0]);
    /// assert_eq!(At::PerRow(&levels).row(1), levels[1]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn row(&self, row: usize) -> L {
        match self {
            At::One(level) => *level,
            At::PerRow(levels) => levels[row],
        }
    }
}

impl At<'_, InputLevel> {
    /// Calls `f` with the input levels regarded as states ([`InputLevel::state`]) and returns its
    /// result.
    ///
    /// Models that need only α and σ, such as densities in closed form, use it.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::formulation::InputLevel;
    /// use langevin::model::At;
    /// let input = InputLevel { time: 500.0, alpha: 0.5, sigma: 0.25 };
    /// assert_eq!(At::One(input).as_states(|at| at.row(0).sigma_ve()), 0.5);
    /// ```
    pub fn as_states<R>(&self, f: impl FnOnce(At<'_>) -> R) -> R {
        match self {
            At::One(level) => f(At::One(level.state())),
            At::PerRow(levels) => f(At::PerRow(&levels.iter().map(InputLevel::state).collect::<Vec<_>>())),
        }
    }
}

/// The output of a model that a query asks for.
///
/// # Examples
///
/// ```
/// use langevin::model::Branch;
/// assert_eq!(Branch::default(), Branch::Main);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Branch {
    /// The prediction to follow. Under guidance it is the guided or the conditional prediction.
    #[default]
    Main,
    /// The prediction without its condition, for guidance in the plan.
    Unconditional,
}

/// A question to a model: the noise level of the input, the samples of its rows, and the requested
/// output.
///
/// # Examples
///
/// ```
/// use langevin::{Process, Query, SampleId};
/// let rows = [SampleId { seed: 1, index: 0 }, SampleId { seed: 1, index: 1 }];
/// let query = Query::new(Process::ve().level(2.0)?, &rows);
/// assert_eq!((query.at.row(1).sigma, query.rows.len()), (2.0, 2));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Query<'a> {
    /// The level of the input, as the model receives it.
    pub at: At<'a, InputLevel>,
    /// The identities of the rows. Conditioning is keyed by them.
    pub rows: &'a [SampleId],
    /// The requested output.
    pub branch: Branch,
}

impl<'a> Query<'a> {
    /// Builds a query for the main branch of a whole batch at one level.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Process, Query, SampleId, model::Branch};
    /// let rows = [SampleId::default()];
    /// let query = Query::new(Process::ve().level(2.0)?, &rows);
    /// assert_eq!(query.branch, Branch::Main);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn new(level: impl Into<InputLevel>, rows: &'a [SampleId]) -> Self {
        Self { at: At::One(level.into()), rows, branch: Branch::Main }
    }

    /// Builds a query for the main branch of a batch whose row i is at level i.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::model::InputLevel;
    /// use langevin::{Process, Query, SampleId};
    /// let ve = Process::ve();
    /// let levels: [InputLevel; 2] = [ve.level(1.0)?.into(), ve.level(2.0)?.into()];
    /// let rows = [0, 1].map(|index| SampleId { seed: 1, index });
    /// assert_eq!(Query::per_row(&levels, &rows).at.row(1).sigma, 2.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn per_row(levels: &'a [InputLevel], rows: &'a [SampleId]) -> Self {
        Self { at: At::PerRow(levels), rows, branch: Branch::Main }
    }
}

/// Distributes rows over blocks of `size`: the row with global index i takes place i mod `size` of
/// some block.
///
/// The network only sees full blocks, so a row's output does not depend on the other rows in its
/// block. `Some(k)` is row k of `rows`; `None` marks padding.
///
/// # Examples
///
/// ```
/// use langevin::{SampleId, model::blocks};
/// let rows: Vec<SampleId> = (3..6).map(|index| SampleId { seed: 1, index }).collect();
/// assert_eq!(blocks(&rows, 4), [[Some(1), Some(2), None, Some(0)]]);
/// ```
#[must_use]
pub fn blocks(rows: &[SampleId], size: usize) -> Vec<Vec<Option<usize>>> {
    let size = size.max(1);
    let mut blocks: Vec<Vec<Option<usize>>> = Vec::new();
    let mut taken = vec![0usize; size];
    for (row, id) in rows.iter().enumerate() {
        let place = (id.index % size as u64) as usize;
        if taken[place] == blocks.len() {
            blocks.push(vec![None; size]);
        }
        blocks[taken[place]][place] = Some(row);
        taken[place] += 1;
    }
    blocks
}

/// A denoiser: a trained network, or a density known in closed form. `S` is the state of a
/// [`Space`](crate::Space).
///
/// # States on slices
///
/// On a [`SliceSpace`](crate::SliceSpace), as in [`Sampling`](crate::Sampling), a state is a `Vec`
/// of rows × width numbers, row after row. Row i of the state belongs to `query.rows[i]` and is at
/// the noise level `query.at.row(i)`. The query does not contain the width: the model knows it, or
/// divides `x.len()` by `query.rows.len()`. The output has the layout of the input.
///
/// # Meaning of the output
///
/// A network is trained to predict ε, a velocity, x0 or another quantity. Its
/// [`formulation`](Self::formulation) names the quantity, and the plan turns the output into the
/// denoised prediction D. The input is then already scaled, and `at` is the level in the network's
/// own terms: the time in its clock, and α and σ of the scaled input. A model without a formulation
/// returns D itself, for states of any process.
///
/// # Examples
///
/// The ideal network for data N(0, 1) on the VP process, where α² + σ² = 1, returns σ x as an
/// ε-network and α x as a denoiser. Both give the same samples.
///
/// ```
/// use langevin::{Error, Formulation, Grid, Model, Prediction, Process, Query, Result};
/// use langevin::{Sampler, Sampling};
///
/// struct Epsilon {
///     formulation: Formulation,
///     width: usize,
/// }
///
/// impl Model<Vec<f64>> for Epsilon {
///     fn formulation(&self) -> Option<&Formulation> {
///         Some(&self.formulation)
///     }
///
///     fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
///         if x.len() != query.rows.len() * self.width {
///             return Err(Error::shape("the network takes other rows")
///                 .expected(format!("{} × {}", query.rows.len(), self.width))
///                 .got(x.len().to_string()));
///         }
///         let sigma = |element| query.at.row(element / self.width).sigma;
///         Ok(x.iter().enumerate().map(|(i, x)| sigma(i) * x).collect())
///     }
/// }
///
/// struct Denoised;
/// impl Model<Vec<f64>> for Denoised {
///     fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
///         let width = x.len() / query.rows.len().max(1);
///         Ok(x.iter().enumerate().map(|(i, x)| query.at.row(i / width).alpha * x).collect())
///     }
/// }
///
/// let formulation = Formulation::new(Process::vp(), Prediction::Epsilon);
/// let levels = Grid::karras(20).levels(&formulation.process, 0.01, 50.0)?;
/// let network = Epsilon { formulation, width: 2 };
/// let plan = |of| Sampler::ddim(0.0).compile(&network.formulation.process, of, &levels);
/// let a = Sampling::new(50, 2).run(&plan(Some(&network.formulation))?, &network)?;
/// let b = Sampling::new(50, 2).run(&plan(None)?, &Denoised)?;
/// assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9));
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait Model<S> {
    /// Returns the meaning of the output.
    ///
    /// `None`, the default, means that the output is the denoised prediction D itself, for a state
    /// of any process, computed from α and σ alone.
    fn formulation(&self) -> Option<&Formulation> {
        None
    }

    /// Returns the output for the state `x`, in the shape of `x`.
    ///
    /// # Errors
    /// Returns an error if the model fails. Wrap foreign errors with
    /// [`Error::model`](crate::Error::model), which keeps them as the source.
    fn predict(&self, x: &S, query: &Query<'_>) -> Result<S>;
}

/// A model that can also be differentiated in its input, as the divergence of a likelihood needs.
///
/// # Examples
///
/// The denoiser of data N(0, 1) is D = α x/(α² + σ²), so each product is v scaled by the same
/// factor.
///
/// ```
/// use langevin::{Model, Process, Query, Result, SampleId, Vjp};
///
/// struct Unit;
/// fn factor(query: &Query<'_>) -> f64 {
///     let level = query.at.row(0);
///     level.alpha / (level.alpha.powi(2) + level.sigma.powi(2))
/// }
/// impl Model<Vec<f64>> for Unit {
///     fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
///         Ok(x.iter().map(|x| factor(query) * x).collect())
///     }
/// }
/// impl Vjp<Vec<f64>> for Unit {
///     fn predict_vjps(
///         &self,
///         x: &Vec<f64>,
///         query: &Query<'_>,
///         cotangents: &[Vec<f64>],
///     ) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
///         let scaled = |v: &Vec<f64>| v.iter().map(|v| factor(query) * v).collect();
///         Ok((self.predict(x, query)?, cotangents.iter().map(scaled).collect()))
///     }
/// }
///
/// let rows = [SampleId::default()];
/// let query = Query::new(Process::ve().level(1.0)?, &rows);
/// let (out, product) = Unit.predict_vjp(&vec![3.0], &query, &vec![1.0])?;
/// assert_eq!((out, product), (vec![1.5], vec![0.5]));
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait Vjp<S>: Model<S> {
    /// Returns the output of [`predict`](Model::predict), and
    /// $v^\top \partial\mathrm{out}/\partial x$ for each cotangent v, in the shape of `x`.
    ///
    /// Rows are independent: the output of a row depends on that row of `x` alone. The method takes
    /// several cotangents at once because one forward pass serves all of them, if the network keeps
    /// its intermediate values.
    ///
    /// # Errors
    /// Returns an error if the model fails; see [`predict`](Model::predict).
    fn predict_vjps(&self, x: &S, query: &Query<'_>, cotangents: &[S]) -> Result<(S, Vec<S>)>;

    /// Returns the output and the product for one cotangent; see
    /// [`predict_vjps`](Self::predict_vjps).
    ///
    /// # Errors
    /// Returns an error if the model fails, or if it returns no product.
    fn predict_vjp(&self, x: &S, query: &Query<'_>, cotangent: &S) -> Result<(S, S)> {
        let (out, mut products) = self.predict_vjps(x, query, std::slice::from_ref(cotangent))?;
        let product =
            products.pop().ok_or_else(|| Error::shape("the model gave no product").expected("one").got("none"))?;
        Ok((out, product))
    }
}

impl<S, M: Vjp<S> + ?Sized> Vjp<S> for &M {
    fn predict_vjps(&self, x: &S, query: &Query<'_>, cotangents: &[S]) -> Result<(S, Vec<S>)> {
        (**self).predict_vjps(x, query, cotangents)
    }
}

impl<S, M: Model<S> + ?Sized> Model<S> for &M {
    fn formulation(&self) -> Option<&Formulation> {
        (**self).formulation()
    }
    fn predict(&self, x: &S, query: &Query<'_>) -> Result<S> {
        (**self).predict(x, query)
    }
}
