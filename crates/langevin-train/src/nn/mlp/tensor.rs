//! The perceptron as tensor operations.

use super::{Mlp, MlpConfig};
use crate::nn::device::gpu::{Body, Given, KEPT};
use crate::nn::kernels::activation::tensor::activate;
use burn::tensor::Tensor;

impl Body for Mlp {
    fn outputs(&self, weights: &[Tensor<2>], given: Given) -> Tensor<2> {
        let MlpConfig { waves, plain, activation, classes, .. } = self.config;
        let layer = |h: Tensor<2>, i: usize| {
            let level = weights[2 * i + 1].clone();
            // A single row is a bias.
            let level = if level.dims()[0] == 1 { level } else { given.f.clone().matmul(level) };
            h.matmul(weights[2 * i].clone()) + level
        };
        let mut x = vec![given.x.clone()];
        for wave in 0..waves {
            let angle = given.x.clone().mul_scalar((1u32 << wave) as f32);
            x.push(angle.clone().sin());
            x.push(angle.cos());
        }
        let mut h = layer(Tensor::cat(x, 1), 0);
        if let Some(labels) = given.classes.clone() {
            h = h + weights[weights.len() - 1].clone().select(0, labels);
        }
        if plain {
            h = activate(activation, h);
        }
        let last = (weights.len() - usize::from(classes > 0)) / 2 - 1;
        for i in 1..last {
            let branch = activate(activation, layer(h.clone(), i));
            h = if plain { branch } else { h + branch };
        }
        layer(h, last)
    }

    /// Returns the number of rows per evaluation; a tape keeps about four lists of values for each
    /// layer.
    fn rows(&self) -> usize {
        (KEPT / (4 * (self.config.depth + 1) * self.config.width.max(self.config.inputs(self.width)))).max(1)
    }
}
