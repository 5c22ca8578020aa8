//! The multilayer perceptron: its configuration, its parameters, and one forward pass.
//!
//! With x̂ the state at unit variance and f the features of the noise level (the first of which is the constant 1, so that no layer needs a bias),
//!
//! ```text
//! h    = x̂ X + f T₀
//! h    ← h + silu(h Wₗ + f Tₗ)          for each of `depth` blocks
//! out  = h O + f T_out
//! ```
//!
//! Features: with r = √σ/(√α + √σ), which runs from 0 at clean data to 1 at pure noise and whose logit is −λ/2, f = (1, cos πr, cos 2πr, …). It is
//! finite and well spread over every range of noise levels, whatever the clock.
//!
//! With `waves` > 0 the state enters as (x̂, sin x̂, cos x̂, sin 2x̂, cos 2x̂, sin 4x̂, …), so that detail finer than the layers find by themselves is there from the start (Tancik et al.,
//! arXiv 2006.10739). It pays in a few dimensions.

use crate::data::FIRST_DRAW;
use crate::error::{Error, Result};
use burn::tensor::activation::{sigmoid, silu};
use burn::tensor::{Device, Tensor, TensorData};
use langevin::SampleId;
use langevin::noise::fill_normals_from;
use serde::{Deserialize, Serialize};

/// The shape of a multilayer perceptron.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MlpConfig {
    /// Units of a hidden layer.
    pub width: usize,
    /// Residual blocks.
    pub depth: usize,
    /// Cosines of the noise level that every layer is given.
    pub fourier: usize,
    /// Pairs of sine and cosine of each element of the state that the first layer is given beside it, of frequencies 1, 2, 4, … at unit variance.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waves: usize,
}

fn is_zero(value: &usize) -> bool {
    *value == 0
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self { width: 256, depth: 3, fourier: 16, waves: 0 }
    }
}

/// One parameter: a matrix and where it lies in the flat list of all parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) shape: [usize; 2],
    pub(crate) start: usize,
}

impl Slot {
    pub(crate) fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.len()
    }
}

/// The largest number of parameters that is accepted: 1 GiB of them.
pub(crate) const MAX_PARAMETERS: usize = 1 << 28;

impl MlpConfig {
    /// Refuses sizes that make no network, or an absurd one.
    pub(crate) fn check(&self, data_width: usize) -> Result<()> {
        let bounds = [
            ("width", self.width, 1, 1 << 14),
            ("depth", self.depth, 0, 1 << 8),
            ("fourier", self.fourier, 1, 1 << 10),
            ("waves", self.waves, 0, 12),
        ];
        for (name, value, low, high) in bounds {
            if !(low..=high).contains(&value) {
                return Err(Error::argument("bad network size")
                    .at(name)
                    .expected(format!("{low} to {high}"))
                    .got(value.to_string()));
            }
        }
        let features = self.fourier + 1;
        let both = data_width.checked_mul(2 + 2 * self.waves);
        let ends = both.and_then(|both| both.checked_mul(self.width));
        let inner = self.depth * self.width * (self.width + features) + features * self.width;
        let total = ends
            .and_then(|ends| ends.checked_add(inner))
            .and_then(|sum| sum.checked_add(features.checked_mul(data_width)?));
        match total {
            Some(total) if total <= MAX_PARAMETERS => Ok(()),
            _ => Err(Error::argument("the network is too large")
                .expected(format!("at most {MAX_PARAMETERS} parameters"))
                .got(format!("{self:?} on rows of {data_width}"))),
        }
    }

    /// The parameters, in their order in memory. The sizes must have passed [`check`](Self::check).
    pub(crate) fn slots(&self, data_width: usize) -> Vec<Slot> {
        self.slots_between(self.inputs(data_width), data_width)
    }

    /// The numbers that the first layer is given for a state of so many elements.
    pub(crate) fn inputs(&self, data_width: usize) -> usize {
        data_width * (1 + 2 * self.waves)
    }

    /// States as the first layer is given them: each row's elements, then their sines, then their cosines, then those of twice the angle, and so on.
    pub(crate) fn widen(&self, x: Vec<f32>, data_width: usize) -> Vec<f32> {
        if self.waves == 0 {
            return x;
        }
        let mut out = Vec::with_capacity(x.len() * (1 + 2 * self.waves));
        for row in x.chunks_exact(data_width) {
            out.extend_from_slice(row);
            let mut pairs: Vec<(f32, f32)> = row.iter().map(|x| x.sin_cos()).collect();
            for _ in 0..self.waves {
                out.extend(pairs.iter().map(|(sin, _)| sin));
                out.extend(pairs.iter().map(|(_, cos)| cos));
                pairs.iter_mut().for_each(|(s, c)| (*s, *c) = (2.0 * *s * *c, 1.0 - 2.0 * *s * *s));
            }
        }
        out
    }

    /// A gradient in what [`widen`](Self::widen) made of `x`, as one in `x`: the derivative of sin ωx is ω cos ωx, of cos ωx −ω sin ωx.
    pub(crate) fn narrow(&self, wide: &[f32], gradient: Vec<f32>, data_width: usize) -> Vec<f32> {
        if self.waves == 0 {
            return gradient;
        }
        let inputs = self.inputs(data_width);
        let mut out = Vec::with_capacity(gradient.len() / inputs * data_width);
        for (x, g) in wide.chunks_exact(inputs).zip(gradient.chunks_exact(inputs)) {
            out.extend((0..data_width).map(|j| {
                let mut sum = g[j];
                for wave in 0..self.waves {
                    let sin = (1 + 2 * wave) * data_width + j;
                    let cos = sin + data_width;
                    sum += (1u32 << wave) as f32 * (g[sin] * x[cos] - g[cos] * x[sin]);
                }
                sum
            }));
        }
        out
    }

    /// The same for rows of `inputs` elements that become rows of `outputs`.
    pub(crate) fn slots_between(&self, inputs: usize, outputs: usize) -> Vec<Slot> {
        let features = self.fourier + 1;
        let mut shapes = vec![("in.x".to_owned(), [inputs, self.width]), ("in.t".to_owned(), [features, self.width])];
        for block in 0..self.depth {
            shapes.push((format!("block.{block}.h"), [self.width, self.width]));
            shapes.push((format!("block.{block}.t"), [features, self.width]));
        }
        shapes.push(("out.h".to_owned(), [self.width, outputs]));
        shapes.push(("out.t".to_owned(), [features, outputs]));
        let mut start = 0;
        let place = |(name, shape): (String, [usize; 2])| {
            let slot = Slot { name, shape, start };
            start += slot.len();
            slot
        };
        shapes.into_iter().map(place).collect()
    }

    /// Initial parameters: normal with variance 1/inputs, the last layer a hundredth of that standard deviation, so that the first output is near zero.
    pub(crate) fn init(&self, slots: &[Slot], seed: u64) -> Vec<f32> {
        let mut values = vec![0.0; slots.last().map_or(0, |slot| slot.range().end)];
        for (i, slot) in slots.iter().enumerate() {
            let scale = (slot.shape[0] as f32).sqrt().recip() * if slot.name.starts_with("out") { 0.01 } else { 1.0 };
            let row = SampleId { seed, index: i as u64 };
            let values = &mut values[slot.range()];
            fill_normals_from(row, FIRST_DRAW + 1, 0, values);
            values.iter_mut().for_each(|value| *value *= scale);
        }
        values
    }

    /// The features of a level, `fourier + 1` of them.
    pub(crate) fn features(&self, alpha: f64, sigma: f64, out: &mut [f32]) {
        let (a, s) = (alpha.max(0.0).sqrt(), sigma.max(0.0).sqrt());
        // cos kθ by the Chebyshev recurrence: one cosine for all.
        let cos = (std::f64::consts::PI * s / (a + s)).cos();
        let (mut before, mut now) = (cos, 1.0);
        for out in out.iter_mut() {
            *out = now as f32;
            (before, now) = (now, 2.0 * cos * now - before);
        }
    }

    /// out for `x` (rows × data width, at unit variance) and `f` (rows × features).
    pub(crate) fn forward(&self, parameters: &[Tensor<2>], x: Tensor<2>, f: &Tensor<2>) -> Tensor<2> {
        let layer =
            |h: Tensor<2>, i: usize| h.matmul(parameters[i].clone()) + f.clone().matmul(parameters[i + 1].clone());
        let mut h = layer(x, 0);
        for block in 0..self.depth {
            h = h.clone() + silu(layer(h, 2 + 2 * block));
        }
        layer(h, 2 + 2 * self.depth)
    }

    /// As [`forward`](Self::forward), and the slopes silu'(a) of every block, which the way back needs.
    pub(crate) fn forward_keeping(
        &self,
        parameters: &[Tensor<2>],
        x: Tensor<2>,
        f: &Tensor<2>,
    ) -> (Tensor<2>, Vec<Tensor<2>>) {
        let layer =
            |h: Tensor<2>, i: usize| h.matmul(parameters[i].clone()) + f.clone().matmul(parameters[i + 1].clone());
        let mut h = layer(x, 0);
        let mut slopes = Vec::with_capacity(self.depth);
        for block in 0..self.depth {
            let a = layer(h.clone(), 2 + 2 * block);
            // silu = a s, silu' = s (1 + a (1 − s)) = s + silu (1 − s), with s the logistic function of a.
            let s = sigmoid(a.clone());
            let value = a * s.clone();
            slopes.push(s.clone() + value.clone() * (s.neg() + 1.0));
            h = h + value;
        }
        (layer(h, 2 + 2 * self.depth), slopes)
    }

    /// vᵀ ∂out/∂x̂ for a cotangent v of `out`: g = vOᵀ, then g ← g + (g ⊙ silu'(a)) Wᵀ for each block from the last, then gXᵀ.
    pub(crate) fn back(&self, parameters: &[Tensor<2>], slopes: &[Tensor<2>], v: Tensor<2>) -> Tensor<2> {
        let turned = |i: usize| parameters[i].clone().transpose();
        let mut g = v.matmul(turned(2 + 2 * self.depth));
        for (block, slope) in slopes.iter().enumerate().rev() {
            g = g.clone() + (g * slope.clone()).matmul(turned(2 + 2 * block));
        }
        g.matmul(turned(0))
    }
}

/// The parameters as tensors.
pub(crate) fn tensors(slots: &[Slot], values: &[f32], device: &Device) -> Vec<Tensor<2>> {
    slots.iter().map(|slot| matrix(values[slot.range()].to_vec(), slot.shape, device)).collect()
}

/// A matrix of these values.
pub(crate) fn matrix(values: Vec<f32>, shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::read;

    /// The way back written out here against the framework's own, in single precision.
    #[test]
    fn the_way_back_is_the_gradient() {
        let config = MlpConfig { width: 24, depth: 3, fourier: 5, waves: 0 };
        let slots = config.slots(7);
        let mut values = config.init(&slots, 3);
        // The last layer is almost nothing at the start.
        values.iter_mut().for_each(|value| *value *= 1.7);
        values[slots[slots.len() - 2].range()].iter_mut().for_each(|value| *value *= 100.0);
        let noise = |rows: usize, width: usize, draw: u32| {
            let ids: Vec<SampleId> = (0..rows as u64).map(|index| SampleId { seed: 1, index }).collect();
            let mut out = vec![0.0; rows * width];
            langevin::noise::fill_normals(&ids, draw, width, &mut out);
            out
        };
        let device = Device::flex();
        let parameters = tensors(&slots, &values, &device);
        let (x, f, v) = (noise(9, 7, 0), noise(9, 6, 1), noise(9, 7, 2));
        let f = matrix(f, [9, 6], &device);
        let (out, slopes) = config.forward_keeping(&parameters, matrix(x.clone(), [9, 7], &device), &f);
        let plain = read(config.forward(&parameters, matrix(x.clone(), [9, 7], &device), &f)).unwrap();
        let own = read(config.back(&parameters, &slopes, matrix(v.clone(), [9, 7], &device))).unwrap();
        for (a, b) in read(out).unwrap().iter().zip(&plain) {
            assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{a} {b}");
        }
        let device = Device::flex().autodiff();
        let leaf = matrix(x, [9, 7], &device).require_grad();
        let parameters: Vec<Tensor<2>> = parameters.into_iter().map(Tensor::autodiff).collect();
        let loss = (config.forward(&parameters, leaf.clone(), &f.autodiff()) * matrix(v, [9, 7], &device)).sum();
        let gradient = read(leaf.grad_remove(&mut loss.backward()).unwrap()).unwrap();
        let size = gradient.iter().fold(0.0f32, |size, g| size.max(g.abs()));
        assert!(size > 0.1);
        for (a, b) in own.iter().zip(&gradient) {
            // A few hundred sums of single precision.
            assert!((a - b).abs() < 2e-5 * size, "{a} {b}");
        }
    }

    /// A quotient of differences in single precision: a step of 10⁻² leaves an error of its square, times the cube of the frequency.
    #[test]
    fn waves_have_their_gradient() {
        let config = MlpConfig { width: 8, depth: 1, fourier: 2, waves: 3 };
        assert_eq!(config.inputs(2), 14);
        let x = vec![0.3f32, -1.1, 2.0, 0.7];
        let wide = config.widen(x.clone(), 2);
        assert_eq!(wide.len(), 28);
        let last = |x: f32| [(4.0 * x).sin(), (4.0 * x).cos()];
        assert!((wide[10] - last(0.3)[0]).abs() < 1e-6 && (wide[12] - last(0.3)[1]).abs() < 1e-6);
        let gradient: Vec<f32> = (0..28).map(|i| (i as f32 * 0.7).sin()).collect();
        let narrow = config.narrow(&wide, gradient.clone(), 2);
        let value = |x: &[f32]| -> f32 { config.widen(x.to_vec(), 2).iter().zip(&gradient).map(|(x, g)| x * g).sum() };
        for j in 0..4 {
            let (mut up, mut down) = (x.clone(), x.clone());
            up[j] += 0.01;
            down[j] -= 0.01;
            let slope = (value(&up) - value(&down)) / 0.02;
            assert!((narrow[j] - slope).abs() < 1e-2, "{j}: {} {slope}", narrow[j]);
        }
    }
}
