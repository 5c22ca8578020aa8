//! A trained network as a [`Model`].
//!
//! The output of the perceptron has unit scale; what is predicted has the root mean square k of its formulation on data of unit variance,
//!
//! $$\mathrm{out} = k(t) \mathrm{MLP}\big(x/\sqrt{\alpha^2+\sigma^2}, f(t)\big), \qquad k^2 = (a\alpha + b)^2 + (a\sigma)^2,\quad \mathrm{out} = a x + b D ,$$
//!
//! so a score (of size 1/σ) is learned as easily as a velocity.

use crate::data::Normalization;
use crate::error::{Error, Result};
use crate::metadata::{Metadata, NetworkSpec};
use crate::mlp::{self, MlpConfig, Slot};
use crate::moments::Moments;
use burn::tensor::{Device, Tensor};
use langevin::model::blocks;
use langevin::prediction::Parts;
use langevin::{Branch, Formulation, Level, Model, Query, Vjp};
use std::fmt;

/// The rows of the matrices that a network is evaluated on: always this many, so that a row's result never depends on its company.
pub(crate) const CHUNK: usize = 64;

/// A trained network: a [`Model`] of its [`formulation`](Self::formulation), on rows of f32 or f64 (it computes in f32).
///
/// A row's output depends on the row, its level and its `index` modulo 64 alone, bit for bit: not on the batch, the order of rows, or threads. It does
/// depend on the processor, whose vector instructions the matrix kernels choose.
///
/// The states are normalised data; [`denormalize`](Self::denormalize) turns samples into data.
pub struct Network {
    formulation: Formulation,
    metadata: Metadata,
    moments: Option<Moments>,
    config: MlpConfig,
    width: usize,
    slots: Vec<Slot>,
    /// Flat, in the order of the slots.
    values: Vec<f32>,
    tensors: Vec<Tensor<2>>,
    device: Device,
}

impl Network {
    /// Puts together what belongs together. `values` must have the size that the configuration asks for.
    pub(crate) fn assemble(metadata: Metadata, moments: Option<Moments>, values: Vec<f32>) -> Result<Self> {
        let formulation = Formulation::from_spec(&metadata.formulation)?;
        Self::with_formulation(formulation, metadata, moments, values)
    }

    /// As [`assemble`](Self::assemble), with a formulation that documents cannot name.
    pub(crate) fn with_formulation(
        formulation: Formulation,
        metadata: Metadata,
        moments: Option<Moments>,
        values: Vec<f32>,
    ) -> Result<Self> {
        let NetworkSpec::Mlp(config) = metadata.network.clone();
        let width: usize = metadata.data.shape.iter().product();
        let slots = config.slots(width);
        let wanted = slots.last().map_or(0, |slot| slot.range().end);
        if values.len() != wanted {
            return Err(Error::checkpoint("the weights do not fit the network")
                .expected(wanted.to_string())
                .got(values.len().to_string()));
        }
        let device = Device::flex();
        let tensors = mlp::tensors(&slots, &values, &device);
        Ok(Self { formulation, metadata, moments, config, width, slots, values, tensors, device })
    }

    /// What it was trained to be.
    #[must_use]
    pub fn formulation(&self) -> &Formulation {
        &self.formulation
    }

    /// Between data and what it works on.
    #[must_use]
    pub fn normalization(&self) -> &Normalization {
        &self.metadata.normalization
    }

    /// The mean and the covariance of the training data, in the units of the states; `None` for a file of version 1.
    #[must_use]
    pub fn moments(&self) -> Option<&Moments> {
        self.moments.as_ref()
    }

    /// The shape of one sample.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.metadata.data.shape
    }

    /// The elements of one sample.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Everything but the weights.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The number of weights.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.values.len()
    }

    /// Samples to data, in place; `samples` are whole rows.
    pub fn denormalize(&self, samples: &mut [f64]) {
        self.metadata.normalization.denormalize(samples, self.width);
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// The rows of a question in chunks of fixed size, read by `get`, each handed to `visit`.
    fn chunked(
        &self,
        len: usize,
        query: &Query<'_>,
        get: impl Fn(usize) -> f32,
        mut visit: impl FnMut(Chunk) -> Result<()>,
    ) -> langevin::Result<()> {
        let fail = |error: Error| langevin::Error::model("the network cannot answer", error);
        let (rows, width) = (query.rows.len(), self.width);
        if Some(len) != rows.checked_mul(width) {
            let error = Error::argument("the states have the wrong size")
                .expected(format!("{rows} rows × {width}"))
                .got(format!("{len} elements"));
            return Err(fail(error));
        }
        if let langevin::At::PerRow(levels) = query.at
            && levels.len() != rows
        {
            let error = Error::argument("the levels do not fit the batch")
                .expected(rows.to_string())
                .got(levels.len().to_string());
            return Err(fail(error));
        }
        if query.branch != Branch::Main {
            let error =
                Error::argument("the network has no unconditional branch").hinting("it was trained without conditions");
            return Err(fail(error));
        }
        for rows in blocks(query.rows, CHUNK) {
            let features = self.config.fourier + 1;
            let (mut x, mut f) = (vec![0.0; CHUNK * width], vec![0.0; CHUNK * features]);
            let (mut scales, mut shrinks) = ([0.0; CHUNK], [0.0; CHUNK]);
            let mut known: Option<(Level, usize, f64)> = None;
            for (place, row) in rows.iter().enumerate() {
                let Some(row) = *row else { continue };
                let level = query.at.row(row);
                scales[place] = match known {
                    Some((same, from, k)) if same == level => {
                        f.copy_within(from * features..(from + 1) * features, place * features);
                        k
                    }
                    _ => {
                        let k = output_scale(&self.formulation, &self.formulation.process.match_level(&level)?).2;
                        self.config.features(
                            level.alpha,
                            level.sigma,
                            &mut f[place * features..(place + 1) * features],
                        );
                        known = Some((level, place, k));
                        k
                    }
                };
                shrinks[place] = input_scale(&level);
                let shrink = shrinks[place] as f32;
                for (j, x) in x[place * width..(place + 1) * width].iter_mut().enumerate() {
                    *x = get(row * width + j) * shrink;
                }
            }
            let x = self.config.widen(x, width);
            let f = mlp::matrix(f, [CHUNK, features], &self.device);
            visit(Chunk { rows, x, f, scales, shrinks }).map_err(fail)?;
        }
        Ok(())
    }

    /// The output for `rows × width` elements read by `get` and written by `put`.
    fn evaluate(
        &self,
        len: usize,
        query: &Query<'_>,
        get: impl Fn(usize) -> f32,
        mut put: impl FnMut(usize, f64),
    ) -> langevin::Result<()> {
        self.chunked(len, query, get, |chunk| {
            let Chunk { rows, x, f, scales, .. } = chunk;
            let x = mlp::matrix(x, [CHUNK, self.config.inputs(self.width)], &self.device);
            let out = read(self.config.forward(&self.tensors, x, &f))?;
            self.scatter(&rows, &scales, &out, &mut put);
            Ok(())
        })
    }

    /// Hands the rows of a chunk to `put`, each times its scale.
    fn scatter(&self, rows: &[Option<usize>], scales: &[f64; CHUNK], out: &[f32], put: &mut impl FnMut(usize, f64)) {
        for (place, row) in rows.iter().enumerate() {
            let Some(row) = *row else { continue };
            for j in 0..self.width {
                put(row * self.width + j, f64::from(out[place * self.width + j]) * scales[place]);
            }
        }
    }

    /// The output, and the products of some cotangents with its Jacobian: out = k MLP(s x), so vᵀ∂out/∂x = s (kv)ᵀ∂MLP.
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
        self.chunked(
            x.len(),
            query,
            |i| narrow(x[i]),
            |chunk| {
                let Chunk { rows, x, f, scales, shrinks } = chunk;
                let states = mlp::matrix(x.clone(), [CHUNK, self.config.inputs(width)], &self.device);
                let (value, slopes) = self.config.forward_keeping(&self.tensors, states, &f);
                self.scatter(&rows, &scales, &read(value)?, &mut |i, value| out[i] = widen(value));
                for (v, product) in cotangents.iter().zip(&mut products) {
                    let mut scaled = vec![0.0f32; CHUNK * width];
                    for (place, row) in rows.iter().enumerate() {
                        let Some(row) = *row else { continue };
                        for j in 0..width {
                            scaled[place * width + j] = narrow(v[row * width + j]) * scales[place] as f32;
                        }
                    }
                    let v = mlp::matrix(scaled, [CHUNK, width], &self.device);
                    let back = read(self.config.back(&self.tensors, &slopes, v))?;
                    let back = self.config.narrow(&x, back, width);
                    self.scatter(&rows, &shrinks, &back, &mut |i, value| product[i] = widen(value));
                }
                Ok(())
            },
        )?;
        Ok((out, products))
    }
}

/// Rows that are evaluated together.
struct Chunk {
    /// Which row stands at each place.
    rows: Vec<Option<usize>>,
    /// What the first layer is given.
    x: Vec<f32>,
    f: Tensor<2>,
    /// k of each place.
    scales: [f64; CHUNK],
    /// What the states were multiplied by.
    shrinks: [f64; CHUNK],
}

/// 1/√(α²+σ²): what brings a state of unit-variance data to unit variance.
pub(crate) fn input_scale(level: &Level) -> f64 {
    norm(level.alpha, level.sigma).recip()
}

fn norm(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}

/// What is predicted in terms of datum and noise, out = c₀ x0 + c₁ ε, and its scale k = √(c₀² + c₁²), at a level of the formulation's own process.
pub(crate) fn output_scale(formulation: &Formulation, own: &Level) -> (f64, f64, f64) {
    let Parts { datum, noise } = formulation.prediction.parts(&formulation.process, own);
    (datum, noise, norm(datum, noise))
}

/// The values of a matrix.
pub(crate) fn read(tensor: Tensor<2>) -> Result<Vec<f32>> {
    tensor
        .try_into_data()
        .map_err(|error| Error::argument("the computation failed").got(error.to_string()))?
        .try_into_vec::<f32>()
        .map_err(|error| Error::argument("the computation failed").got(format!("{error:?}")))
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
