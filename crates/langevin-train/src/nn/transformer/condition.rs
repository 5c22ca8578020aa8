//! The condition of a row, from its noise level and its class.

use super::Transformer;
use crate::nn::kernels::activation::{Activation, activate, activate_back};
use crate::nn::kernels::matrix::{add_product, product, rows, rows_mut};
use crate::nn::kernels::rows::{add, add_rows, fill};
use crate::nn::net::{Parameter, Rows};

/// Parameters of a condition.
#[derive(Clone, Copy)]
struct Parts<'a> {
    /// T and C; absent if the network does not see the noise level.
    time: Option<[&'a Parameter; 2]>,
    bias: &'a Parameter,
    class: Option<&'a Parameter>,
}

impl<'a> Parts<'a> {
    fn of(net: &'a Transformer) -> Self {
        let parameters = net.condition();
        let (time, rest) = parameters.split_at(if net.features > 0 { 2 } else { 0 });
        let time = if let [first, second] = time { Some([first, second]) } else { None };
        Self { time, bias: &rest[0], class: rest.get(1) }
    }
}

/// Conditions c of the rows, and what the backward pass needs.
pub(super) struct Condition {
    /// silu(f T) and its slope; the next field holds c and its slope.
    time: [Vec<f32>; 2],
    c: [Vec<f32>; 2],
}

impl Condition {
    pub(super) fn new(net: &Transformer, rows: usize) -> Self {
        let [small, time] =
            [rows, if net.features > 0 { rows } else { 0 }].map(|rows| vec![0.0; rows * net.sizes.width]);
        Self { time: [time.clone(), time], c: [small.clone(), small] }
    }

    /// Returns the conditions of `count` rows.
    pub(super) fn of(&self, net: &Transformer, count: usize) -> &[f32] {
        &self.c[0][..count * net.sizes.width]
    }

    /// Computes c for each row.
    pub(super) fn forward(&mut self, net: &Transformer, weights: &[f32], given: Rows<'_>, count: usize) {
        let (w, parts) = (net.sizes.width, Parts::of(net));
        let [c, slope] = &mut self.c;
        let (c, slope) = (&mut c[..count * w], &mut slope[..count * w]);
        fill(c, parts.bias.of(weights));
        if let Some([first, second]) = parts.time {
            let [time, slope] = &mut self.time;
            let (time, slope) = (&mut time[..count * w], &mut slope[..count * w]);
            product(rows_mut(time, w), rows(given.features, net.features), rows(first.of(weights), w));
            activate(Activation::Silu, time, slope, &[]);
            add_product(rows_mut(c, w), rows(time, w), rows(second.of(weights), w));
        }
        if let Some(table) = parts.class {
            for (c, label) in c.chunks_exact_mut(w).zip(given.class_rows(count, net.classes)) {
                add(c, &table.of(weights)[label * w..(label + 1) * w]);
            }
        }
        activate(Activation::Silu, c, slope, &[]);
    }

    /// Computes the backward pass of [`forward`](Self::forward), from the gradient of c.
    ///
    /// The gradients of the weights are added to `gradient`; `dc` is overwritten.
    pub(super) fn back(
        &self,
        net: &Transformer,
        weights: &[f32],
        given: Rows<'_>,
        dc: &mut [f32],
        gradient: &mut [f32],
    ) {
        let (w, parts) = (net.sizes.width, Parts::of(net));
        let mut through = vec![0.0; dc.len()];
        activate_back(dc, &self.c[1], &mut through);
        if let Some(table) = parts.class {
            let table = table.of_mut(gradient);
            for (g, label) in through.chunks_exact(w).zip(given.class_rows(dc.len() / w, net.classes)) {
                add(&mut table[label * w..(label + 1) * w], g);
            }
        }
        add_rows(parts.bias.of_mut(gradient), &through);
        if let Some([first, second]) = parts.time {
            let time = rows(&self.time[0][..dc.len()], w);
            add_product(rows_mut(second.of_mut(gradient), w), time.transpose(), rows(&through, w));
            product(rows_mut(dc, w), rows(&through, w), rows(second.of(weights), w).transpose());
            activate_back(dc, &self.time[1], &mut through);
            let f = rows(given.features, net.features);
            add_product(rows_mut(first.of_mut(gradient), w), f.transpose(), rows(&through, w));
        }
    }
}
