//! The interface of a network: its parameters, its inputs, and the memory of one evaluation.

use super::kernels::Dropout;
use super::stop::Stop;
use crate::error::{Error, Result};
use langevin::SampleId;
use langevin::noise::{draws, fill_normals_from};
use std::fmt::Debug;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Parameter of a network: a named matrix and its position in the flat list of all weights.
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
    /// Name in the model file, unique within a network.
    pub name: String,
    /// Rows and columns. The weights of a linear layer are inputs × outputs, a bias is 1 × outputs.
    pub shape: [usize; 2],
    /// Index of the first number in the list of all weights.
    pub start: usize,
}

impl Parameter {
    /// Returns parameters of these names and shapes, laid out one after another.
    ///
    /// ```
    /// use langevin_train::nn::Parameter;
    /// let parameters = Parameter::layout([("w".to_owned(), [3, 2]), ("b".to_owned(), [1, 2])]);
    /// assert_eq!((parameters[1].start, parameters[1].range()), (6, 6..8));
    /// ```
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

    /// Returns normal initial weights, a function of the seed.
    ///
    /// `scale` returns the standard deviation of each parameter.
    ///
    /// ```
    /// use langevin_train::nn::Parameter;
    /// let parameters = Parameter::layout([("w".to_owned(), [64, 2]), ("b".to_owned(), [1, 2])]);
    /// // Variance 1/inputs; the bias starts at zero.
    /// let linear = |p: &Parameter| (p.shape[0] as f32).sqrt().recip();
    /// let scale = |p: &Parameter| if p.name == "b" { 0.0 } else { linear(p) };
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

    /// Returns true for the weights of a linear layer inside a block of a transformer, which are
    /// those that [`OptimizerKind::Muon`](crate::OptimizerKind::Muon) updates.
    ///
    /// Their names are `block.`, a number, and `.qkv.w`, `.proj.w`, `.fc1.w` or `.fc2.w`.
    ///
    /// ```
    /// use langevin_train::nn::Parameter;
    /// let shapes = [("block.0.fc1.w", [3, 12]), ("out.w", [3, 2])];
    /// let shapes = shapes.map(|(name, shape)| (name.to_owned(), shape));
    /// let parameters = Parameter::layout(shapes);
    /// assert!(parameters[0].is_hidden() && !parameters[1].is_hidden());
    /// ```
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        let hidden = [".qkv.w", ".proj.w", ".fc1.w", ".fc2.w"];
        self.name.starts_with("block.") && hidden.iter().any(|end| self.name.ends_with(end))
    }

    /// Returns the number of elements of the parameter.
    ///
    /// ```
    /// use langevin_train::nn::Parameter;
    /// let parameters = Parameter::layout([("w".to_owned(), [3, 2])]);
    /// assert_eq!(parameters[0].len(), 6);
    /// ```
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no network has an empty parameter")]
    pub fn len(&self) -> usize {
        // Sizes from a file may be absurd, so the product must not overflow here. The network is
        // rejected when it is built.
        self.shape[0].saturating_mul(self.shape[1])
    }

    /// Returns the range of the parameter in the list of all weights.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.start.saturating_add(self.len())
    }

    /// Returns the parameter's elements from the list of all weights, row by row.
    ///
    /// ```
    /// use langevin_train::nn::Parameter;
    /// let parameters = Parameter::layout([("w".to_owned(), [2, 1]), ("b".to_owned(), [1, 1])]);
    /// assert_eq!(parameters[0].of(&[0.5, -0.5, 2.0]), [0.5, -0.5]);
    /// ```
    #[must_use]
    pub fn of<'a>(&self, values: &'a [f32]) -> &'a [f32] {
        &values[self.range()]
    }

    /// Returns the parameter's elements, writable, from a list of all weights or gradients.
    ///
    /// ```
    /// use langevin_train::nn::Parameter;
    /// let parameters = Parameter::layout([("w".to_owned(), [2, 1]), ("b".to_owned(), [1, 1])]);
    /// let mut gradient = [0.0; 3];
    /// parameters[1].of_mut(&mut gradient)[0] = 1.0;
    /// assert_eq!(gradient, [0.0, 0.0, 1.0]);
    /// ```
    #[must_use]
    pub fn of_mut<'a>(&self, values: &'a mut [f32]) -> &'a mut [f32] {
        &mut values[self.range()]
    }
}

/// Returns the number of weights of all parameters.
pub(crate) fn size(parameters: &[Parameter]) -> usize {
    parameters.last().map_or(0, |parameter| parameter.range().end)
}

/// Largest accepted number of weights, 1 GiB.
pub(crate) const MAX_PARAMETERS: usize = 1 << 28;

/// Input of a network: several rows, one after another in each slice.
///
/// ```
/// use langevin_train::nn::{Rows, features};
/// let mut f = [0.0; 3];
/// features(0.6, 0.8, &mut f);
/// let rows = Rows::new(&[0.5, -0.5], &f);
/// assert!(rows.labels.is_empty() && !rows.one_level);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rows<'a> {
    /// States at unit variance, rows × elements of a sample; empty for a network on tokens.
    pub x: &'a [f32],
    /// Letters of a network on tokens, rows × tokens of a sample; empty for a network on numbers.
    pub tokens: &'a [u32],
    /// [`features`] of the noise levels, rows × [`Net::features`].
    pub features: &'a [f32],
    /// True if all rows have the same noise level, so that level-dependent values can be computed
    /// once.
    pub one_level: bool,
    /// Class of each row, with [`Net::classes`] for no class; empty if no row has a class.
    pub labels: &'a [u32],
    /// Dropout of a training step; none by default. Networks without [`Net::drops_out`] ignore it.
    pub dropout: Dropout<'a>,
}

impl<'a> Rows<'a> {
    /// Returns rows with individual noise levels and without classes.
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
        Self { x, tokens: &[], features, one_level: false, labels: &[], dropout: Dropout::default() }
    }

    /// Returns rows of tokens with individual noise levels and without classes.
    ///
    /// `features` is empty for a network that does not see the noise level.
    ///
    /// ```
    /// use langevin_train::nn::Rows;
    /// let rows = Rows::of_tokens(&[3, 0, 1, 3], &[]);
    /// assert!(rows.tokens.len() == 4 && rows.x.is_empty());
    /// ```
    #[must_use]
    pub fn of_tokens(tokens: &'a [u32], features: &'a [f32]) -> Self {
        Self { tokens, ..Self::new(&[], features) }
    }

    /// Returns the row of the class table for each of `count` rows.
    ///
    /// The table has `classes` + 1 rows; the last one stands for no class.
    ///
    /// ```
    /// use langevin_train::nn::Rows;
    /// let rows = Rows::new(&[0.5, -0.5], &[1.0, 1.0]);
    /// // Rows without labels use the last row of the table.
    /// assert_eq!(rows.class_rows(2, 10).collect::<Vec<_>>(), [10, 10]);
    /// ```
    pub fn class_rows(&self, count: usize, classes: usize) -> impl Iterator<Item = usize> + use<'a> {
        let labels = self.labels;
        (0..count).map(move |row| labels.get(row).map_or(classes, |label| (*label as usize).min(classes)))
    }
}

/// Largest number of lanes of a batch: the limit on parallel threads and on gradients held in
/// memory.
pub(crate) const MOST_LANES: usize = 8;

/// Network without its weights: a function from rows to rows of the same shape, or from tokens to
/// logits.
///
/// The weights are one flat list, which the optimiser, the averages and the model file access
/// through [`Parameter`]s. An evaluation takes place in a [`Pass`], which owns the memory for some
/// rows.
///
/// A minimal network, out = x W, whose gradient is checked against finite differences:
///
/// ```
/// use langevin_train::Result;
/// use langevin_train::nn::kernels::{linear, linear_back_w, linear_back_x};
/// use langevin_train::nn::{Net, Parameter, Pass, Rows, check_gradients};
///
/// #[derive(Debug)]
/// struct Linear { parameters: Vec<Parameter> }
///
/// impl Net for Linear {
///     fn parameters(&self) -> &[Parameter] { &self.parameters }
///     fn features(&self) -> usize { 1 }
///     fn init(&self, seed: u64) -> Vec<f32> {
///         Parameter::normals(&self.parameters, seed, |_| 0.5)
///     }
///     fn pass(&self, rows: usize) -> Box<dyn Pass> {
///         let shape = self.parameters[0].shape;
///         Box::new(Memory { shape, out: vec![0.0; rows * shape[1]] })
///     }
/// }
///
/// struct Memory { shape: [usize; 2], out: Vec<f32> }
///
/// impl Pass for Memory {
///     fn forward(&mut self, w: &[f32], rows: Rows<'_>, count: usize, _: bool) -> Result<&[f32]> {
///         let out = &mut self.out[..count * self.shape[1]];
///         linear(rows.x, w, self.shape, out);
///         Ok(out)
///     }
///
///     fn back(
///         &mut self,
///         w: &[f32],
///         rows: Rows<'_>,
///         cotangent: &[f32],
///         gradient: Option<&mut [f32]>,
///         dx: Option<&mut [f32]>,
///     ) -> Result<()> {
///         if let Some(gradient) = gradient {
///             linear_back_w(rows.x, cotangent, self.shape, gradient);
///         }
///         if let Some(dx) = dx {
///             linear_back_x(cotangent, w, self.shape, dx);
///         }
///         Ok(())
///     }
/// }
///
/// let net = Linear { parameters: Parameter::layout([("w".to_owned(), [2, 2])]) };
/// check_gradients(&net, &net.init(0), 2, 5, 1e-3)?;
/// # Ok::<(), langevin_train::Error>(())
/// ```
///
/// The example `examples/05_own_network.rs` is a complete custom network.
pub trait Net: Debug + Send + Sync {
    /// Returns the parameters, in memory order and without gaps ([`Parameter::layout`]).
    fn parameters(&self) -> &[Parameter];

    /// Returns the number of noise-level [`features`] of a row; 0 for a network that does not see
    /// the noise level.
    fn features(&self) -> usize;

    /// Returns the number of classes; 0 for an unconditional network.
    fn classes(&self) -> usize {
        0
    }

    /// Returns true if the network applies [`Rows::dropout`].
    fn drops_out(&self) -> bool {
        false
    }

    /// Returns the initial weights, a function of the seed.
    fn init(&self, seed: u64) -> Vec<f32>;

    /// Returns the preferred number of rows per evaluation, at least 1: as many as fit in the
    /// cache.
    fn chunk(&self) -> usize {
        128
    }

    /// Returns the number of passes that are worth running in parallel, at least 1.
    fn lanes(&self) -> usize {
        MOST_LANES
    }

    /// Returns memory for evaluations of up to `rows` rows.
    fn pass(&self, rows: usize) -> Box<dyn Pass>;
}

/// Memory of one evaluation, reused for the next one.
///
/// A pass allocates when it is created, not when it runs. Slices have the lengths that [`Rows`] and
/// [`Net`] state. A row's output must depend on that row alone, in value and rounding, because
/// batches are cut into chunks of any size. The [kernels](super::kernels) guarantee this from two
/// rows on.
///
/// See [`Net`] for an example.
///
/// ```
/// use langevin_train::Result;
/// use langevin_train::nn::{Pass, Rows};
///
/// /// A network without weights that doubles its states.
/// struct Double(Vec<f32>);
///
/// impl Pass for Double {
///     fn forward(&mut self, _: &[f32], rows: Rows<'_>, _: usize, _: bool) -> Result<&[f32]> {
///         self.0.clear();
///         self.0.extend(rows.x.iter().map(|x| 2.0 * x));
///         Ok(&self.0)
///     }
///
///     fn back(
///         &mut self,
///         _: &[f32],
///         _: Rows<'_>,
///         cotangent: &[f32],
///         _: Option<&mut [f32]>,
///         dx: Option<&mut [f32]>,
///     ) -> Result<()> {
///         if let Some(dx) = dx {
///             dx.iter_mut().zip(cotangent).for_each(|(dx, g)| *dx = 2.0 * g);
///         }
///         Ok(())
///     }
/// }
///
/// let (mut pass, mut dx) = (Double(Vec::new()), [0.0; 2]);
/// let rows = Rows::new(&[1.0, -3.0], &[1.0, 1.0]);
/// assert_eq!(pass.forward(&[], rows, 2, true)?, [2.0, -6.0]);
/// pass.back(&[], rows, &[0.5, 1.0], None, Some(&mut dx))?;
/// assert_eq!(dx, [1.0, 2.0]);
/// # Ok::<(), langevin_train::Error>(())
/// ```
pub trait Pass: Send {
    /// Checks `stop` between layers from now on.
    ///
    /// After a stop request the evaluation ends with the error of [`Stop::check`], and its results
    /// are discarded. A small network can ignore the request.
    fn stop_when(&mut self, _stop: Stop) {}

    /// Computes the outputs of `count` rows, as many elements as `rows.x`.
    ///
    /// A network on tokens returns rows × tokens × vocabulary logits.
    ///
    /// With `keep`, [`back`](Self::back) may be called next, any number of times.
    ///
    /// # Errors
    /// Returns an error if the evaluation was stopped, a device failed, or the rows are not of the
    /// kind that the network takes.
    fn forward(&mut self, weights: &[f32], rows: Rows<'_>, count: usize, keep: bool) -> Result<&[f32]>;

    /// Computes the backward pass of the last [`forward`](Self::forward), which must have had
    /// `keep`.
    ///
    /// `cotangent` is the gradient of the outputs. The gradient of the weights is added to
    /// `gradient`; the gradient of the states overwrites `dx`. Tokens have no gradient, so a
    /// network on tokens leaves `dx` as it is.
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

/// Pool of memory for parallel evaluations.
///
/// The pool holds as many passes as ever ran at once, and reuses them.
pub(crate) struct Passes {
    rows: usize,
    stop: Stop,
    idle: Mutex<Vec<Box<dyn Pass>>>,
}

impl Passes {
    /// Creates a pool for evaluations of up to `rows` rows.
    pub(crate) fn new(rows: usize) -> Self {
        Self { rows, stop: Stop::default(), idle: Mutex::default() }
    }

    /// Stops evaluations from now on when `stop` requests it.
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

/// Checks that the outputs have the size of the states.
pub(crate) fn check_outputs(out: &[f32], x: &[f32]) -> Result<()> {
    if out.len() == x.len() {
        return Ok(());
    }
    Err(Error::argument("the network's outputs do not fit its states")
        .expected(format!("{} elements", x.len()))
        .got(out.len().to_string()))
}

/// Checks that the number of parameters is accepted.
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

/// Formats a shape for messages: `512 × 512 × 3`.
pub(crate) fn extents(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}

/// Predicate for serde's `skip_serializing_if`.
pub(crate) fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// Writes the features of a noise level: f = (1, cos πr, cos 2πr, …) with r = √σ/(√α + √σ).
///
/// `out` determines the number of features. r is 0 at clean data and 1 at pure noise, and its logit
/// is −λ/2. The features are therefore finite and well spread over every range of noise levels, for
/// every process. The first feature is the constant 1, which can serve as a bias.
///
/// ```
/// let mut f = [0.0; 4];
/// langevin_train::nn::features(0.7, 0.7, &mut f);
/// // As much noise as signal: r = ½.
/// assert!(f.iter().zip([1.0, 0.0, -1.0, 0.0]).all(|(f, want)| (f - want).abs() < 1e-6));
/// ```
pub fn features(alpha: f64, sigma: f64, out: &mut [f32]) {
    let (a, s) = (alpha.max(0.0).sqrt(), sigma.max(0.0).sqrt());
    // cos kθ by the Chebyshev recurrence, which needs only one cosine.
    let cos = (std::f64::consts::PI * s / (a + s)).cos();
    let (mut before, mut now) = (cos, 1.0);
    for out in out.iter_mut() {
        *out = now as f32;
        (before, now) = (now, 2.0 * cos * now - before);
    }
}
