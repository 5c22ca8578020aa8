//! What a sampler asks of a network, or of anything else that denoises.

use crate::error::{Error, Result};
use crate::formulation::Formulation;
pub use crate::formulation::InputLevel;
use crate::noise::SampleId;
use crate::process::Level;

/// The noise level of a batch: one for all of it, or one for each row. `L` is [`Level`], a place on a process, or
/// [`InputLevel`], what a network is told.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum At<'a, L = Level> {
    /// Every row is at this level.
    One(L),
    /// Row i is at level i.
    PerRow(&'a [L]),
}

impl<L: Copy> At<'_, L> {
    /// Returns the level of row `row`.
    ///
    /// ```
    /// use langevin::model::At;
    /// use langevin::Process;
    /// let levels = [Process::ve().level(1.0)?, Process::ve().level(2.0)?];
    /// assert_eq!(At::One(levels[0]).row(5), levels[0]);
    /// assert_eq!(At::PerRow(&levels).row(1), levels[1]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Panics
    /// Panics if `row` is beyond the levels of [`PerRow`](Self::PerRow); there is one for each row of
    /// the query.
    #[must_use]
    pub fn row(&self, row: usize) -> L {
        match self {
            At::One(level) => *level,
            At::PerRow(levels) => levels[row],
        }
    }
}

impl At<'_, InputLevel> {
    /// Calls `f` with the inputs taken as states ([`InputLevel::state`]) and returns what it returns: for models
    /// that need α and σ alone, such as densities in closed form.
    pub fn as_states<R>(&self, f: impl FnOnce(At<'_>) -> R) -> R {
        match self {
            At::One(level) => f(At::One(level.state())),
            At::PerRow(levels) => f(At::PerRow(&levels.iter().map(InputLevel::state).collect::<Vec<_>>())),
        }
    }
}

/// Which of a model's outputs is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Branch {
    /// The prediction to follow (under guidance: the guided one, or the conditional one).
    #[default]
    Main,
    /// The prediction without its condition, for guidance in the plan.
    Unconditional,
}

/// One question to a model: where its input stands, which samples its rows are, and which output is wanted.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Query<'a> {
    /// The level of the input, as the model is told it.
    pub at: At<'a, InputLevel>,
    /// Who the rows are; conditioning is keyed by them.
    pub rows: &'a [SampleId],
    /// Which output.
    pub branch: Branch,
}

impl<'a> Query<'a> {
    /// Returns the question about the main branch of a whole batch at one level.
    #[must_use]
    pub fn new(level: impl Into<InputLevel>, rows: &'a [SampleId]) -> Self {
        Self { at: At::One(level.into()), rows, branch: Branch::Main }
    }

    /// Returns the question about the main branch of a batch whose row i is at level i.
    #[must_use]
    pub fn per_row(levels: &'a [InputLevel], rows: &'a [SampleId]) -> Self {
        Self { at: At::PerRow(levels), rows, branch: Branch::Main }
    }
}

/// Places rows in blocks of `size`: the row of global index i stands at place i mod `size` of some block, and which other rows stand there does not matter.
///
/// A network that is always given whole blocks meets matrices of one shape, so a row's result does not depend on its company. `None`: a place without a row.
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

/// A denoiser: a trained network, or a density known in closed form. `S` is the state of a [`Space`](crate::Space).
///
/// # States on slices
///
/// On a [`SliceSpace`](crate::SliceSpace), as in [`Sampling`](crate::Sampling), a state is a `Vec` of
/// rows × width numbers, row after row. Row i of the state belongs to `query.rows[i]` and stands at
/// `query.at.row(i)`. The width is not in the query: the model knows it, or divides `x.len()` by
/// `query.rows.len()`. The output has the layout of the input.
///
/// # What the output means
///
/// A network is trained to predict ε, a velocity, x0 …: [`formulation`](Self::formulation) says which,
/// and the plan turns the output into the denoised prediction D. The input is then already scaled, and
/// `at` is what the network is told: the time in its own clock, and α and σ of the scaled input. A
/// model without a formulation returns D itself, for states of any process.
///
/// # Examples
///
/// The ideal network for data N(0, 1) on the VP process, α² + σ² = 1. As an ε-network it returns
/// σ x, as a denoiser α x; both give the same samples.
///
/// ```
/// use langevin::{Error, Formulation, Grid, Model, Prediction, Process, Query, Result, Sampler, Sampling};
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
///         let rows = x.chunks_exact(self.width).enumerate();
///         Ok(rows.flat_map(|(i, row)| row.iter().map(move |x| query.at.row(i).sigma * x)).collect())
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
    /// What the output means. `None`: it is the denoised prediction D itself, for a state of any process, found from α and σ alone.
    fn formulation(&self) -> Option<&Formulation> {
        None
    }

    /// The output for the state `x`, in the shape of `x`.
    ///
    /// # Errors
    /// Whatever the model meets; wrap foreign errors with [`Error::model`](crate::Error::model), which keeps them as the source.
    fn predict(&self, x: &S, query: &Query<'_>) -> Result<S>;
}

/// A model that can also be differentiated in its input: what the divergence of a likelihood needs.
pub trait Vjp<S>: Model<S> {
    /// The output, as [`predict`](Model::predict) gives it, and $v^\top \partial\mathrm{out}/\partial x$ for each cotangent v, in the shape of `x`. Rows do not see each other.
    ///
    /// Several at once: a network that keeps what it computed on the way forward needs one such way for all of them.
    ///
    /// # Errors
    /// As [`predict`](Model::predict).
    fn predict_vjps(&self, x: &S, query: &Query<'_>, cotangents: &[S]) -> Result<(S, Vec<S>)>;

    /// The same for one cotangent.
    ///
    /// # Errors
    /// As [`predict_vjps`](Self::predict_vjps).
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
