//! What a sampler asks of a network, or of anything else that denoises.

use crate::drive::{Evaluation, Reader};
use crate::error::{Error, Result};
use crate::formulation::Formulation;
use crate::noise::SampleId;
use crate::process::Level;
use crate::space::Space;

/// The noise level of a network's input, as the network is told it: x = α·x₀ + σ·ε, at `time` in the network's
/// own clock.
///
/// A [`Level`] is a place on a process. What a network is told of that place differs where the network has
/// another clock or another process, or scales its input: [`Formulation::seen`] computes it. A model that is
/// told the place itself takes the conversion from `Level`.
///
/// ```
/// use langevin::{Clock, Formulation, Prediction, Process};
/// // A network on rectified flow that counts its time to 1000, asked about a state of the VP process.
/// let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
/// let network = network.with_clock(Clock::Scaled { factor: 1000.0 });
/// let level = Process::vp().level_at_sigma_ve(1.0)?;
/// let told = network.seen(&level)?;
/// assert!((told.time - 500.0).abs() < 1e-9);
/// assert!((told.alpha - 0.5).abs() < 1e-12 && (told.sigma - 0.5).abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputLevel {
    /// The time, in the clock of the network.
    pub time: f64,
    /// The factor of the datum in the input.
    pub alpha: f64,
    /// The standard deviation of the noise in the input.
    pub sigma: f64,
}

impl InputLevel {
    /// Returns λ = ln(α/σ), the half log-SNR: −∞ where α = 0, +∞ where σ = 0.
    #[must_use]
    pub fn lambda(&self) -> f64 {
        self.state().lambda()
    }

    /// Returns the place of the input, taken as a state: the same α and σ, on whatever process has them. Its
    /// time remains the network's.
    #[must_use]
    pub fn state(&self) -> Level {
        Level { time: self.time, alpha: self.alpha, sigma: self.sigma }
    }
}

impl From<Level> for InputLevel {
    /// Returns what a model is told that has the clock of the process and takes the state as it is.
    fn from(level: Level) -> Self {
        Self { time: level.time, alpha: level.alpha, sigma: level.sigma }
    }
}

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

/// A denoiser: a trained network, or a density known in closed form. `S` is the state of a [`Space`].
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

/// A model of one formulation read as a model of another, exactly, with no retraining.
///
/// ```
/// use langevin::{Formulation, Model, Prediction, Process, Query, ReadAs, SampleId, SliceSpace};
/// use langevin_analysis::exact::Gaussian;
/// // The exact denoiser of N(0, 0.7), read as the score of the VP process: −x/v, v = 0.7 α² + σ².
/// let data = Gaussian::isotropic(vec![0.0], 0.7)?;
/// let score = Formulation::new(Process::vp(), Prediction::Score);
/// let level = score.process.level(1.0)?;
/// let model = ReadAs::new(&data, score, SliceSpace::<f64>::new(1));
/// let out = model.predict(&vec![2.0], &Query::new(level, &[SampleId::default()]))?;
/// let v = 0.7 * level.alpha * level.alpha + level.sigma * level.sigma;
/// assert!((out[0] + 2.0 / v).abs() < 1e-14);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Debug)]
pub struct ReadAs<M, Sp> {
    model: M,
    to: Formulation,
    space: Sp,
}

impl<M, Sp> ReadAs<M, Sp> {
    /// Reads `model` as a network of formulation `to`, computing in `space`.
    pub fn new(model: M, to: Formulation, space: Sp) -> Self {
        Self { model, to, space }
    }
}

impl<Sp: Space, M: Model<Sp::State>> Model<Sp::State> for ReadAs<M, Sp> {
    fn formulation(&self) -> Option<&Formulation> {
        Some(&self.to)
    }

    fn predict(&self, x: &Sp::State, query: &Query<'_>) -> Result<Sp::State> {
        let open = self.open(x, query)?;
        let out = self.model.predict(open.input(x), &Query { at: open.at(), ..*query })?;
        let value = open.value(&self.space, x, out, query.rows);
        open.close(&self.space);
        value
    }
}

/// Of a·x + b·out(k·x): a·v + b·k·(vᵀ ∂out).
impl<Sp: Space, M: Vjp<Sp::State>> Vjp<Sp::State> for ReadAs<M, Sp> {
    fn predict_vjps(
        &self,
        x: &Sp::State,
        query: &Query<'_>,
        cotangents: &[Sp::State],
    ) -> Result<(Sp::State, Vec<Sp::State>)> {
        let open = self.open(x, query)?;
        let inner = Query { at: open.at(), ..*query };
        let (out, products) = self.model.predict_vjps(open.input(x), &inner, cotangents)?;
        let both = cotangents.iter().zip(products);
        let products =
            both.map(|(v, product)| open.product(&self.space, v, product, query.rows)).collect::<Result<_>>()?;
        let value = open.value(&self.space, x, out, query.rows)?;
        open.close(&self.space);
        Ok((value, products))
    }
}

impl<Sp: Space, M: Model<Sp::State>> ReadAs<M, Sp> {
    /// Opens the evaluation of the model behind a question of the wanted formulation.
    fn open(&self, x: &Sp::State, query: &Query<'_>) -> Result<Evaluation<Sp::State>> {
        let reader = Reader { network: self.model.formulation(), wanted: Some(&self.to) };
        query.at.as_states(|at| Evaluation::open(&self.space, reader, at, x, query.rows))
    }
}
