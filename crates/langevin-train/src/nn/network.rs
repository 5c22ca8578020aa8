//! A trained network as a [`Model`].
//!
//! The output of the network has unit scale. The prediction has the root mean square k of its
//! formulation on data of unit variance:
//!
//! $$\mathrm{out} = k(t) \mathrm{Net}\big(x/\sqrt{\alpha^2+\sigma^2}, f(t)\big), \qquad
//!   k^2 = (a\alpha + b)^2 + (a\sigma)^2,\quad \mathrm{out} = a x + b D ,$$
//!
//! A score, of size 1/σ, is therefore learned as easily as a velocity.

use super::device::Device;
use super::net::{self, Net, Parameter, Pass, Passes, Rows, check_outputs};
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::moments::Moments;
use crate::normalization::Normalization;
use langevin::model::Branch;
use langevin::prediction::Parts;
use langevin::{Formulation, Level, Model, Query, Vjp};
use std::fmt;

/// Trained network: a [`Model`] of its [`formulation`](Self::formulation), on rows of f32 or f64.
///
/// Computations are in f32. The states are normalised data; [`denormalize`](Self::denormalize)
/// converts samples to data.
///
/// On the processor, a row's output depends only on the row and its noise level, bit for bit. It
/// does not depend on the batch, on the order of the rows, or on the threads. It does depend on the
/// processor, because the matrix kernels choose among vector instructions. None of this holds on a
/// GPU ([`on`](Self::on)).
///
/// ```
/// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
/// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// # recipe.network = MlpConfig::new(16, 3).into();
/// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
/// assert_eq!((network.shape(), network.width()), (&[1][..], 1));
/// assert_eq!(network.parameters(), network.weights().len());
/// assert!(network.device().is_cpu() && network.classes().is_empty());
/// # Ok::<(), langevin_train::Error>(())
/// ```
pub struct Network {
    formulation: Formulation,
    metadata: Metadata,
    moments: Option<Moments>,
    net: Box<dyn Net>,
    device: Device,
    width: usize,
    /// Weights as one flat list, in the order of the network's parameters.
    values: Vec<f32>,
    passes: Passes,
    /// Requested classes; empty for unconditional rows.
    labels: Vec<u32>,
}

impl Network {
    /// Builds a network from its parts; `values` must have the size that the architecture requires.
    pub(crate) fn assemble(metadata: Metadata, moments: Option<Moments>, values: Vec<f32>) -> Result<Self> {
        let formulation = Formulation::from_spec(&metadata.formulation)?;
        Self::with_formulation(formulation, metadata, moments, values)
    }

    /// Builds a network as [`assemble`](Self::assemble) does, with a formulation that documents
    /// cannot name.
    pub(crate) fn with_formulation(
        formulation: Formulation,
        metadata: Metadata,
        moments: Option<Moments>,
        values: Vec<f32>,
    ) -> Result<Self> {
        let device = Device::default();
        let net = metadata.network.build(&metadata.data.shape, &device)?;
        let width = metadata.data.shape.iter().product();
        let wanted = net::size(net.parameters());
        if values.len() != wanted {
            return Err(Error::checkpoint("the weights do not fit the network")
                .expected(wanted.to_string())
                .got(values.len().to_string()));
        }
        let passes = Passes::new(net.chunk().max(LEAST));
        Ok(Self { formulation, metadata, moments, net, device, width, values, passes, labels: Vec::new() })
    }

    /// Returns the network, evaluated on another device from now on.
    ///
    /// # Errors
    /// Returns an error if the device cannot hold the network.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::Device;
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    /// let network = network.on(&Device::open("cpu")?)?;
    /// assert!(network.device().is_cpu());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn on(mut self, device: &Device) -> Result<Self> {
        self.net = self.metadata.network.build(&self.metadata.data.shape, device)?;
        self.passes = Passes::new(self.net.chunk().max(LEAST));
        self.device = device.clone();
        Ok(self)
    }

    /// Returns the device that evaluates the network.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Returns the formulation that the network was trained for.
    ///
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    /// assert_eq!(network.formulation().prediction, langevin::Prediction::Velocity);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    #[must_use]
    pub fn formulation(&self) -> &Formulation {
        &self.formulation
    }

    /// Returns the affine map between data and the network's units.
    ///
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    /// assert_eq!(network.normalization().scale, [1.0]);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    #[must_use]
    pub fn normalization(&self) -> &Normalization {
        &self.metadata.normalization
    }

    /// Returns the mean and covariance of the training data, in the units of the states.
    ///
    /// Returns `None` for a model file of version 1.
    #[must_use]
    pub fn moments(&self) -> Option<&Moments> {
        self.moments.as_ref()
    }

    /// Returns the names of the classes; empty if the network was trained without classes.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.metadata.data.classes
    }

    /// Sets the requested classes.
    ///
    /// The row with global index i has class `labels[i mod len]` on the main branch. The
    /// unconditional branch has no class. If `labels` is empty, no row has a class.
    ///
    /// # Errors
    /// Returns an error if the network has no classes, or if a label is not below their number.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let data = data.labeled(vec![0, 1], vec!["low".into(), "high".into()])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// let mut config = MlpConfig::new(16, 3);
    /// config.classes = 2;
    /// recipe.network = config.into();
    /// let mut network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    ///
    /// assert_eq!(network.classes(), ["low", "high"]);
    /// network.set_labels(vec![1])?;
    /// assert!(network.set_labels(vec![2]).is_err());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn set_labels(&mut self, labels: Vec<u32>) -> Result<()> {
        let classes = self.net.classes();
        match labels.iter().find(|label| **label as usize >= classes) {
            None => {
                self.labels = labels;
                Ok(())
            }
            Some(label) if classes > 0 => Err(Error::argument("no such class")
                .expected(format!("a label below {classes}"))
                .got(label.to_string())),
            Some(_) => Err(Error::argument("the network has no classes").hinting("it was trained without labels")),
        }
    }

    /// Returns the shape of one sample.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.metadata.data.shape
    }

    /// Returns the number of elements of one sample.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the description of the network: everything except its weights.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns the number of weights.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.values.len()
    }

    /// Returns the weights as one flat list, in the order of the model file.
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        &self.values
    }

    /// Converts samples to data, in place; `samples` holds whole rows.
    ///
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let data = Dataset::new("two points", vec![10.0, 30.0], &[1])?;
    /// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    /// let mut samples = [-1.0, 0.0, 1.0];
    /// network.denormalize(&mut samples);
    /// assert_eq!(samples, [10.0, 20.0, 30.0]);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn denormalize(&self, samples: &mut [f64]) {
        self.metadata.normalization.denormalize(samples, self.width);
    }

    pub(crate) fn layout(&self) -> &[Parameter] {
        self.net.parameters()
    }

    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns the formulation.
    pub(crate) fn own_formulation(&self) -> &Formulation {
        &self.formulation
    }

    /// Returns the network without its weights.
    pub(crate) fn net(&self) -> &dyn Net {
        &*self.net
    }

    /// Returns the pool of memory for evaluations.
    pub(crate) fn passes(&self) -> &Passes {
        &self.passes
    }

    /// Returns the requested classes, in the order of the samples; empty for none.
    pub(crate) fn asked(&self) -> &[u32] {
        &self.labels
    }

    /// Reads the rows of a query by `get` in chunks of fixed size and passes each to `visit`.
    fn chunked(
        &self,
        len: usize,
        query: &Query<'_>,
        get: impl Fn(usize) -> f32,
        mut visit: impl FnMut(&Chunk, &mut dyn Pass) -> Result<()>,
    ) -> langevin::Result<()> {
        let fail = |error: Error| langevin::Error::model("the network cannot answer", error);
        if self.metadata.data.tokens.is_some() {
            let error =
                Error::argument("the network is of tokens, not of numbers").hinting("read it with Network::tokens");
            return Err(fail(error));
        }
        let (rows, width) = (query.rows.len(), self.width);
        if Some(len) != rows.checked_mul(width) {
            let error = Error::argument("the states have the wrong size")
                .expected(format!("{rows} rows × {width}"))
                .got(format!("{len} elements"));
            return Err(fail(error));
        }
        if let langevin::model::At::PerRow(levels) = query.at
            && levels.len() != rows
        {
            let error = Error::argument("the levels do not fit the batch")
                .expected(rows.to_string())
                .got(levels.len().to_string());
            return Err(fail(error));
        }
        if query.branch != Branch::Main && self.net.classes() == 0 {
            let error =
                Error::argument("the network has no unconditional branch").hinting("it was trained without conditions");
            return Err(fail(error));
        }
        let asked = query.branch == Branch::Main && !self.labels.is_empty();
        let (size, features) = (self.net.chunk(), self.net.features());
        let mut chunk = Chunk::default();
        for first in (0..rows).step_by(size) {
            let count = size.min(rows - first);
            chunk.resize(first, count, width, features);
            let mut known: Option<(Level, usize, f64)> = None;
            for place in 0..count {
                let level = query.at.row(first + place).state();
                let f = place * features..(place + 1) * features;
                chunk.scales[place] = match known {
                    Some((same, from, k)) if same == level => {
                        chunk.f.copy_within(from * features..(from + 1) * features, f.start);
                        k
                    }
                    _ => {
                        chunk.one_level = place == 0;
                        let k = output_scale(&self.formulation, &self.formulation.process.match_level(&level)?).2;
                        net::features(level.alpha, level.sigma, &mut chunk.f[f]);
                        known = Some((level, place, k));
                        k
                    }
                };
                chunk.shrinks[place] = input_scale(&level);
                let shrink = chunk.shrinks[place] as f32;
                if asked {
                    let index = query.rows[first + place].index % self.labels.len() as u64;
                    chunk.labels.push(self.labels[index as usize]);
                }
                for (j, x) in chunk.x[place * width..(place + 1) * width].iter_mut().enumerate() {
                    *x = get((first + place) * width + j) * shrink;
                }
            }
            self.passes.with(&*self.net, |pass| visit(&chunk, pass)).map_err(fail)?;
        }
        Ok(())
    }

    /// Computes the output for `rows × width` elements, read by `get` and written by `put`.
    fn evaluate(
        &self,
        len: usize,
        query: &Query<'_>,
        get: impl Fn(usize) -> f32,
        mut put: impl FnMut(usize, f64),
    ) -> langevin::Result<()> {
        self.chunked(len, query, get, |chunk, pass| {
            let (first, scales) = (chunk.first * self.width, &chunk.scales);
            let rows = Rows { one_level: chunk.one_level, labels: &chunk.labels, ..Rows::new(&chunk.x, &chunk.f) };
            let out = pass.forward(&self.values, rows, chunk.padded, false)?;
            check_outputs(out, &chunk.x)?;
            scatter(out, scales, self.width, |i, value| put(first + i, value));
            Ok(())
        })
    }

    /// Computes the output, and the products of cotangents with its Jacobian.
    ///
    /// out = k Net(s x), so vᵀ∂out/∂x = s (kv)ᵀ∂Net.
    fn differentiate<T: Copy + Default>(
        &self,
        x: &[T],
        query: &Query<'_>,
        cotangents: &[Vec<T>],
        narrow: impl Fn(T) -> f32,
        widen: impl Fn(f64) -> T,
    ) -> langevin::Result<(Vec<T>, Vec<Vec<T>>)> {
        if let Some(other) = cotangents.iter().find(|v| v.len() != x.len()) {
            let error = Error::argument("a cotangent does not fit the states")
                .expected(format!("{} elements", x.len()))
                .got(other.len().to_string());
            return Err(langevin::Error::model("the network cannot answer", error));
        }
        let mut out = vec![T::default(); x.len()];
        let mut products = vec![vec![T::default(); x.len()]; cotangents.len()];
        let width = self.width;
        let (mut scaled, mut dx) = (Vec::new(), Vec::new());
        let read = |i: usize| narrow(x[i]);
        self.chunked(x.len(), query, read, |chunk, pass| {
            let (first, count) = (chunk.first * width, chunk.scales.len());
            let rows = Rows { one_level: chunk.one_level, labels: &chunk.labels, ..Rows::new(&chunk.x, &chunk.f) };
            let value = pass.forward(&self.values, rows, chunk.padded, true)?;
            check_outputs(value, &chunk.x)?;
            scatter(value, &chunk.scales, width, |i, value| out[first + i] = widen(value));
            for (v, product) in cotangents.iter().zip(&mut products) {
                scaled.clear();
                scaled.resize(chunk.padded * width, 0.0);
                dx.resize(chunk.padded * width, 0.0);
                for (i, scaled) in scaled.iter_mut().enumerate().take(count * width) {
                    *scaled = narrow(v[first + i]) * chunk.scales[i / width] as f32;
                }
                pass.back(&self.values, rows, &scaled, None, Some(&mut dx))?;
                scatter(&dx, &chunk.shrinks, width, |i, value| product[first + i] = widen(value));
            }
            Ok(())
        })?;
        Ok((out, products))
    }
}

/// Passes the elements of the rows to `put`, each row multiplied by its scale.
fn scatter(values: &[f32], scales: &[f64], width: usize, mut put: impl FnMut(usize, f64)) {
    for ((row, values), scale) in values.chunks_exact(width).enumerate().zip(scales) {
        for (j, value) in values.iter().enumerate() {
            put(row * width + j, f64::from(*value) * scale);
        }
    }
}

/// Smallest number of rows that are evaluated.
///
/// The product of a single row takes another code path than that of several rows, and may differ in
/// the last bit.
pub(crate) const LEAST: usize = 2;

/// Rows that are evaluated together.
#[derive(Default)]
struct Chunk {
    /// Position of the first row in the query.
    first: usize,
    /// Number of evaluated rows, of which the last may be padding.
    padded: usize,
    /// States at unit variance, followed by the features of their levels.
    x: Vec<f32>,
    f: Vec<f32>,
    /// True if all rows have the same noise level.
    one_level: bool,
    /// Requested classes; empty for unconditional rows.
    labels: Vec<u32>,
    /// Output scale k of each row.
    scales: Vec<f64>,
    /// Input scale of each row.
    shrinks: Vec<f64>,
}

impl Chunk {
    fn resize(&mut self, first: usize, count: usize, width: usize, features: usize) {
        (self.first, self.padded) = (first, count.max(LEAST));
        self.x.resize(self.padded * width, 0.0);
        self.f.resize(self.padded * features, 0.0);
        self.labels.clear();
        self.scales.resize(count, 0.0);
        self.shrinks.resize(count, 0.0);
    }
}

/// Returns 1/√(α²+σ²), which scales a state of unit-variance data to unit variance.
pub(crate) fn input_scale(level: &Level) -> f64 {
    norm(level.alpha, level.sigma).recip()
}

fn norm(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}

/// Returns the coefficients of the prediction, out = c₀ x0 + c₁ ε, and its scale k = √(c₀² + c₁²).
///
/// `own` is a level of the formulation's own process.
pub(crate) fn output_scale(formulation: &Formulation, own: &Level) -> (f64, f64, f64) {
    let Parts { datum, noise } = formulation.prediction.parts(&formulation.process, own);
    (datum, noise, norm(datum, noise))
}

impl Model<Vec<f32>> for Network {
    fn formulation(&self) -> Option<&Formulation> {
        Some(&self.formulation)
    }

    fn predict(&self, x: &Vec<f32>, query: &Query<'_>) -> langevin::Result<Vec<f32>> {
        let mut out = vec![0.0; x.len()];
        self.evaluate(x.len(), query, |i| x[i], |i, value| out[i] = value as f32)?;
        Ok(out)
    }
}

impl Model<Vec<f64>> for Network {
    fn formulation(&self) -> Option<&Formulation> {
        Some(&self.formulation)
    }

    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> langevin::Result<Vec<f64>> {
        let mut out = vec![0.0; x.len()];
        self.evaluate(x.len(), query, |i| x[i] as f32, |i, value| out[i] = value)?;
        Ok(out)
    }
}

macro_rules! vjp {
    ($($element:ty),*) => {$(
        impl Vjp<Vec<$element>> for Network {
            fn predict_vjps(
                &self,
                x: &Vec<$element>,
                query: &Query<'_>,
                cotangents: &[Vec<$element>],
            ) -> langevin::Result<(Vec<$element>, Vec<Vec<$element>>)> {
                self.differentiate(x, query, cotangents, |x| x as f32, |x| x as $element)
            }
        }
    )*};
}
vjp!(f32, f64);

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

const _: () = {
    const fn threads<T: Send + Sync>() {}
    threads::<Network>();
};
