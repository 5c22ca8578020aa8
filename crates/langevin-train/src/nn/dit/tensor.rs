//! The transformer as tensor operations.

use super::shape::Dit;
use crate::nn::device::gpu::{Body, Given, KEPT};
use crate::nn::kernels::activation::{Activation, tensor::activate};
use crate::nn::kernels::norm::EPSILON;
use crate::nn::transformer::{BLOCK, TAIL};
use burn::tensor::{Int, Tensor, TensorData, activation::softmax};

/// Computes x̂ ⊙ (1 + scale) + shift for every token.
fn modulate(h: Tensor<3>, shift: Tensor<3>, scale: Tensor<3>) -> Tensor<3> {
    let centred = h.clone() - h.mean_dim(2);
    let variance = centred.clone().powi_scalar(2).mean_dim(2);
    centred / (variance + EPSILON).sqrt() * (scale + 1.0) + shift
}

/// Normalises to root mean square 1 along the last axis.
fn unit(x: Tensor<4>) -> Tensor<4> {
    let size = (x.clone().powi_scalar(2).mean_dim(3) + EPSILON).sqrt();
    x / size
}

impl Body for Dit {
    fn outputs(&self, weights: &[Tensor<2>], given: Given) -> Tensor<2> {
        let (w, n, heads) = (self.config.width, self.grid.tokens(), self.config.heads);
        let (patch, head) = (self.grid.patch_width(), w / heads);
        let (device, count) = (given.x.device(), given.x.dims()[0]);
        let places = self.grid.places();
        let mut back = vec![0; places.len()];
        places.iter().enumerate().for_each(|(i, place)| back[*place as usize] = i as i32);
        let order = |places: Vec<i32>| -> Tensor<1, Int> {
            let len = places.len();
            Tensor::from_data(TensorData::new(places, [len]), &device)
        };
        let positions: Tensor<3> = Tensor::from_data(TensorData::new(self.grid.positions(w), [1, n, w]), &device);
        let dense = |x: Tensor<3>, at: usize| {
            let [a, b, inputs] = x.dims();
            let out = x.reshape([a * b, inputs]).matmul(weights[at].clone());
            let outputs = out.dims()[1];
            out.reshape([a, b, outputs])
        };
        let bias = |x: Tensor<3>, at: usize| x + weights[at].clone().unsqueeze::<3>();

        let patches = given.x.select(1, order(places.iter().map(|place| *place as i32).collect()));
        let mut h = bias(dense(patches.reshape([count, n, patch]), 0), 1) + positions;
        let silu = |x: Tensor<2>| activate(Activation::Silu, x);
        let mut c = silu(given.f.matmul(weights[2].clone())).matmul(weights[3].clone()) + weights[4].clone();
        if let Some(labels) = given.classes {
            c = c + weights[5].clone().select(0, labels);
        }
        let c = silu(c);
        let modulation = |at: usize| c.clone().matmul(weights[at].clone()) + weights[at + 1].clone();
        let part = |m: &Tensor<2>, i: usize| m.clone().narrow(1, i * w, w).reshape([count, 1, w]);

        let head_parameters = self.body.head().len();
        for block in 0..self.config.depth {
            let at = head_parameters + block * BLOCK.len();
            let m = modulation(at);
            let qkv = bias(dense(modulate(h.clone(), part(&m, 0), part(&m, 1)), at + 2), at + 3);
            let third = |i: usize| qkv.clone().narrow(2, i * w, w).reshape([count, n, heads, head]).swap_dims(1, 2);
            let gain = weights[at + 4].clone().div_scalar((head as f32).sqrt()).reshape([1, 1, 1, head]);
            let scores = (unit(third(0)) * gain).matmul(unit(third(1)).swap_dims(2, 3));
            let attended = softmax(scores, 3).matmul(third(2)).swap_dims(1, 2).reshape([count, n, w]);
            h = h + part(&m, 2) * bias(dense(attended, at + 5), at + 6);
            let hidden = bias(dense(modulate(h.clone(), part(&m, 3), part(&m, 4)), at + 7), at + 8);
            let hidden = activate(Activation::Gelu, hidden);
            h = h + part(&m, 5) * bias(dense(hidden, at + 9), at + 10);
        }
        let at = weights.len() - TAIL.len();
        let m = modulation(at);
        let out = bias(dense(modulate(h, part(&m, 0), part(&m, 1)), at + 2), at + 3);
        out.reshape([count, n * patch]).select(1, order(back))
    }

    /// Returns the number of images per evaluation.
    ///
    /// A tape keeps about 36 values for each token element of a block, four of them for the hidden
    /// layer, and four values for each pair of tokens.
    fn rows(&self) -> usize {
        let (n, w) = (self.grid.tokens(), self.config.width);
        (KEPT / (self.config.depth * (36 * n * w + 4 * self.config.heads * n * n))).max(1)
    }
}
