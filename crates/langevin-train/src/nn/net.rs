//! What a network is: its parameters, what it is given, and the memory of one evaluation.

use super::stop::Stop;
use crate::error::{Error, Result};
use langevin::SampleId;
use langevin::noise::{draws, fill_normals_from};
use std::fmt::Debug;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// One parameter of a network: a named matrix, and where it lies in the flat list of all weights.
///
/// ```
/// use langevin_train::nn::Parameter;
/// let parameters = Parameter::layout([("w".to_owned(), [3, 2]), ("b".to_owned(), [1, 2])]);
/// let weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
/// assert_eq!(parameters[1].of(&weights), [7.0, 8.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// Its name in the model file; no two parameters of a network share one.
    pub name: String,
    /// Rows and columns. The weights of a linear layer are inputs × outputs, a bias is 1 × outputs.
    pub shape: [usize; 2],
    /// The place of its first number in the list of all weights.
    pub start: usize,
}

impl Parameter {
    /// Returns parameters of these names and shapes, one after another.
    #[must_use]
    pub fn layout(shapes: impl IntoIterator<Item = (String, [usize; 2])>) -> Vec<Self> {
        let mut start = 0;
        let place = |(name, shape)| {
            let parameter = Self { name, shape, start };
            start = start.saturating_add(parameter.len());
            parameter
        };
        shapes.into_iter().map(place).collect()
    }

    /// Returns normal initial weights with the standard deviation `scale` of each parameter, a function of
    /// the seed.
    ///
    /// ```
    /// use langevin_train::nn::Parameter;
    /// let parameters = Parameter::layout([("w".to_owned(), [64, 2]), ("b".to_owned(), [1, 2])]);
    /// // Variance 1/inputs; the bias starts at zero.
    /// let scale = |p: &Parameter| if p.name == "b" { 0.0 } else { (p.shape[0] as f32).sqrt().recip() };
    /// let weights = Parameter::normals(&parameters, 0, scale);
    /// assert_eq!((weights.len(), parameters[1].of(&weights)), (130, &[0.0, 0.0][..]));
    /// ```
    #[must_use]
    pub fn normals(parameters: &[Self], seed: u64, scale: impl Fn(&Self) -> f32) -> Vec<f32> {
        let mut values = vec![0.0; size(parameters)];
        for (i, parameter) in parameters.iter().enumerate() {
            let (scale, values) = (scale(parameter), parameter.of_mut(&mut values));
            if scale != 0.0 {
                fill_normals_from(SampleId { seed, index: i as u64 }, draws::INITIAL_WEIGHTS.first(), 0, values);
                values.iter_mut().for_each(|value| *value *= scale);
            }
        }
        values
    }

    /// The count of its numbers.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no network has an empty parameter")]
    pub fn len(&self) -> usize {
        // Sizes out of a file may be absurd; they are refused where the network is built.
        self.shape[0].saturating_mul(self.shape[1])
    }

    /// The places of its numbers in the list of all weights.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.start.saturating_add(self.len())
    }

    /// Returns its numbers among all weights, row after row.
    #[must_use]
    pub fn of<'a>(&self, values: &'a [f32]) -> &'a [f32] {
        &values[self.range()]
    }

    /// Returns its numbers among all weights or gradients, to be written.
    #[must_use]
    pub fn of_mut<'a>(&self, values: &'a mut [f32]) -> &'a mut [f32] {
        &mut values[self.range()]
    }
}

/// The number of weights of some parameters.
pub(crate) fn size(parameters: &[Parameter]) -> usize {
    parameters.last().map_or(0, |parameter| parameter.range().end)
}

/// The largest number of weights that is accepted: 1 GiB of them.
pub(crate) const MAX_PARAMETERS: usize = 1 << 28;

/// What a network is given: some rows, one after another in each slice.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rows<'a> {
    /// States at unit variance, rows × elements of a sample.
    pub x: &'a [f32],
    /// The [`features`] of their noise levels, rows × [`Net::features`].
    pub features: &'a [f32],
    /// Whether all rows stand at one level, so that what depends on it alone can be computed once.
    pub one_level: bool,
    /// The class of each row, [`Net::classes`] for none; an empty slice if no row has a class.
    pub labels: &'a [u32],
}

impl<'a> Rows<'a> {
    /// Returns rows at levels of their own, without classes.
    ///
    /// ```
    /// use langevin_train::nn::{Rows, features};
    /// let mut f = [0.0; 2 * 3];
    /// features(1.0, 0.0, &mut f[..3]);
    /// features(0.6, 0.8, &mut f[3..]);
    /// let rows = Rows::new(&[0.5, -0.5], &f);
    /// assert_eq!(rows.features[..3], [1.0; 3]);
    /// ```
    #[must_use]
    pub fn new(x: &'a [f32], features: &'a [f32]) -> Self {
        Self { x, features, one_level: false, labels: &[] }
    }

    /// Returns the row of the class table for each of `count` rows, in a table whose last row, `classes`,
    /// stands for no class.
    pub fn class_rows(&self, count: usize, classes: usize) -> impl Iterator<Item = usize> + use<'a> {
        let labels = self.labels;
        (0..count).map(move |row| labels.get(row).map_or(classes, |label| (*label as usize).min(classes)))
    }
}

/// The most lanes of a batch: so many threads can work side by side, and so many gradients are held.
pub(crate) const MOST_LANES: usize = 8;

/// A network without its weights: a function from rows to rows of the same shape.
///
/// Its weights are one flat list, which the optimiser, the averages and the model file see as [`Parameter`]s.
/// An evaluation happens in a [`Pass`], the memory for some rows. `examples/05_own_network.rs` is a network
/// of one's own.
pub trait Net: Debug + Send + Sync {
    /// The parameters, in their order in memory and without gaps ([`Parameter::layout`]).
    fn parameters(&self) -> &[Parameter];

    /// The numbers that describe the noise level of a row, at least 1; see [`features`].
    fn features(&self) -> usize;

    /// The classes that the network can be asked for; 0 for none.
    fn classes(&self) -> usize {
        0
    }

    /// Returns the initial weights, a function of the seed.
    fn init(&self, seed: u64) -> Vec<f32>;

    /// The rows that are best evaluated together, at least 1: as many as stay in the cache.
    fn chunk(&self) -> usize {
        128
    }

    /// The number of passes that are worth running side by side, at least 1.
    fn lanes(&self) -> usize {
        MOST_LANES
    }

    /// Returns memory for evaluations of up to `rows` rows.
    fn pass(&self, rows: usize) -> Box<dyn Pass>;
}

/// The memory of one evaluation, used again for the next: a pass allocates where it is made, not where it
/// runs.
///
/// Slices have the lengths that [`Rows`] and [`Net`] state. A row's output must depend on that row alone, in
/// value and rounding: batches are cut in chunks of any size. The [kernels](super::kernels) keep to that from
/// two rows on.
pub trait Pass: Send {
    /// Asks `stop` between layers from now on. Once it says so the evaluation ends with [`Stop::check`]'s
    /// error, and its results are discarded. A small network need not ask.
    fn stop_when(&mut self, _stop: Stop) {}

    /// Returns the outputs of `count` rows, as many elements as `rows.x`. With `keep`, [`back`](Self::back)
    /// may be called next, more than once.
    ///
    /// # Errors
    /// Returns an error if the evaluation was stopped or a device failed.
    fn forward(&mut self, weights: &[f32], rows: Rows<'_>, count: usize, keep: bool) -> Result<&[f32]>;

    /// Computes the way back of the last [`forward`](Self::forward), which kept. `cotangent` is the gradient
    /// of the outputs; the gradient of the weights is added to `gradient`, that of the states written to
    /// `dx`.
    ///
    /// # Errors
    /// Returns an error if the evaluation was stopped or a device failed.
    fn back(
        &mut self,
        weights: &[f32],
        rows: Rows<'_>,
        cotangent: &[f32],
        gradient: Option<&mut [f32]>,
        dx: Option<&mut [f32]>,
    ) -> Result<()>;
}

/// Memory for evaluations that run side by side: as much as there were at once, used again.
pub(crate) struct Passes {
    rows: usize,
    stop: Stop,
    idle: Mutex<Vec<Box<dyn Pass>>>,
}

impl Passes {
    /// For evaluations of up to `rows` rows.
    pub(crate) fn new(rows: usize) -> Self {
        Self { rows, stop: Stop::default(), idle: Mutex::default() }
    }

    /// Stops evaluations from now on where `stop` says so.
    pub(crate) fn stop_when(&mut self, stop: Stop) {
        self.stop = stop;
    }

    /// Lends memory for one evaluation.
    pub(crate) fn with<R>(&self, net: &dyn Net, work: impl FnOnce(&mut dyn Pass) -> R) -> R {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let mut pass = kept.unwrap_or_else(|| net.pass(self.rows));
        pass.stop_when(self.stop);
        let result = work(&mut *pass);
        idle().push(pass);
        result
    }
}

/// Refuses outputs of another size than the states.
pub(crate) fn check_outputs(out: &[f32], x: &[f32]) -> Result<()> {
    if out.len() == x.len() {
        return Ok(());
    }
    Err(Error::argument("the network's outputs do not fit its states")
        .expected(format!("{} elements", x.len()))
        .got(out.len().to_string()))
}

/// Refuses more parameters than are accepted.
pub(crate) fn check_size(total: Option<usize>, what: std::fmt::Arguments<'_>) -> Result<()> {
    match total {
        Some(total) if total <= MAX_PARAMETERS => Ok(()),
        _ => Err(Error::too_large("the network is too large")
            .expected(format!("at most {MAX_PARAMETERS} parameters"))
            .got(match total {
                Some(total) => format!("{total}, {what}"),
                None => format!("more than can be counted, {what}"),
            })),
    }
}

/// A shape for people: `512 × 512 × 3`.
pub(crate) fn extents(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}

/// For serde.
pub(crate) fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// Writes the features of a noise level: with r = √σ/(√α + √σ), f = (1, cos πr, cos 2πr, …), as many as `out`
/// has.
///
/// r runs from 0 at clean data to 1 at pure noise and its logit is −λ/2, so the features are finite and well
/// spread over every range of noise levels, whatever the process. The first is the constant 1, which can
/// serve as a bias.
///
/// ```
/// let mut f = [0.0; 4];
/// langevin_train::nn::features(0.7, 0.7, &mut f);
/// // As much noise as signal: r = ½.
/// assert!(f.iter().zip([1.0, 0.0, -1.0, 0.0]).all(|(f, want)| (f - want).abs() < 1e-6));
/// ```
pub fn features(alpha: f64, sigma: f64, out: &mut [f32]) {
    let (a, s) = (alpha.max(0.0).sqrt(), sigma.max(0.0).sqrt());
    // cos kθ by the Chebyshev recurrence: one cosine for all.
    let cos = (std::f64::consts::PI * s / (a + s)).cos();
    let (mut before, mut now) = (cos, 1.0);
    for out in out.iter_mut() {
        *out = now as f32;
        (before, now) = (now, 2.0 * cos * now - before);
    }
}
