//! One transformer block: attention and a perceptron, each modulated, gated and added to its input.

use super::{Mixing, Sizes};
use crate::nn::kernels::Dropout;
use crate::nn::kernels::activation::{Activation, activate, back_in_place};
use crate::nn::kernels::attention::{self, Heads, Tile};
use crate::nn::kernels::matrix::{add_product, product, rows, rows_mut};
use crate::nn::kernels::norm::{heads, heads_back, modulate, modulate_back};
use crate::nn::kernels::rotary::Rotary;
use crate::nn::kernels::rows::{add_rows, fill, join, join_back};
use crate::nn::kernels::triangle::{self, Pairs, Triangle};
use crate::nn::net::Parameter;

/// Values that a block keeps for the backward pass.
///
/// Every buffer holds as many rows as the pass.
pub(super) struct Block {
    /// Modulation (s₁, r₁, g₁, s₂, r₂, g₂) of each row.
    modulation: Vec<f32>,
    /// Mean and 1/deviation of each token, before each branch.
    kept: [Vec<[f32; 2]>; 2],
    /// Input of each branch.
    inputs: [Vec<f32>; 2],
    qkv: Vec<f32>,
    /// 1/(root mean square) of each head of queries and keys.
    sizes: Vec<f32>,
    /// Logarithm of each softmax denominator.
    totals: Vec<f32>,
    attended: Vec<f32>,
    /// Output of each branch, before its bias and gate.
    branches: [Vec<f32>; 2],
    middle: Vec<f32>,
    hidden: Vec<f32>,
    slopes: Vec<f32>,
}

/// Memory shared by all blocks.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) g: Vec<f32>,
    pub(super) c: Vec<f32>,
    pub(super) narrow: Vec<f32>,
    pub(super) modulation: Vec<f32>,
    /// Gradients of one branch's result, of queries, keys and values, and of the hidden layer.
    branch: Vec<f32>,
    qkv: Vec<f32>,
    hidden: Vec<f32>,
    pub(super) tile: Tile,
    triangle: Triangle,
    rotary: Option<Rotary>,
}

/// Attention of one row, as its kernel reads it.
#[derive(Clone, Copy)]
enum Layout {
    Heads(Heads),
    Pairs(Pairs),
}

impl Layout {
    fn of(sizes: Sizes) -> Self {
        let Sizes { width, tokens, mixing, .. } = sizes;
        let head = sizes.head();
        match mixing {
            Mixing::Tokens { causal, .. } => Self::Heads(Heads { tokens, width, head, causal }),
            Mixing::Pairs { nodes } => Self::Pairs(Pairs { nodes, width, head }),
        }
    }
}

impl Scratch {
    pub(super) fn new(sizes: Sizes, rows: usize) -> Self {
        let (w, tokens) = (sizes.width, rows * sizes.tokens);
        let zeros = |len: usize| vec![0.0; len];
        Self {
            g: zeros(tokens * w),
            c: zeros(rows * w),
            narrow: zeros(tokens * w),
            modulation: zeros(rows * 6 * w),
            branch: zeros(tokens * w),
            qkv: zeros(tokens * sizes.parts() * w),
            hidden: zeros(tokens * 4 * w),
            tile: Tile::new(sizes.head()),
            triangle: match Layout::of(sizes) {
                Layout::Heads(_) => Triangle::default(),
                Layout::Pairs(pairs) => Triangle::new(pairs),
            },
            rotary: match sizes.mixing {
                Mixing::Tokens { rotary: true, .. } => Some(Rotary::new(sizes.tokens, sizes.head())),
                _ => None,
            },
        }
    }
}

/// Returns part `i` of the six parts of a row's modulation.
fn part(modulation: &[f32], i: usize, w: usize) -> &[f32] {
    &modulation[i * w..(i + 1) * w]
}

/// Returns two adjacent parts from `i` on, writable.
fn pair(modulation: &mut [f32], i: usize, w: usize) -> (&mut [f32], &mut [f32]) {
    modulation[i * w..(i + 2) * w].split_at_mut(w)
}

impl Block {
    pub(super) fn new(sizes: Sizes, rows: usize) -> Self {
        let (w, tokens) = (sizes.width, rows * sizes.tokens);
        let narrow = || vec![0.0; tokens * w];
        let kept = || vec![[0.0; 2]; tokens];
        let wide = || vec![0.0; tokens * 4 * w];
        Self {
            modulation: vec![0.0; rows * 6 * w],
            kept: [kept(), kept()],
            inputs: [narrow(), narrow()],
            qkv: vec![0.0; tokens * sizes.parts() * w],
            sizes: vec![0.0; tokens * 2 * sizes.heads],
            totals: vec![0.0; tokens * sizes.heads],
            attended: narrow(),
            branches: [narrow(), narrow()],
            middle: narrow(),
            hidden: wide(),
            slopes: wide(),
        }
    }

    /// Computes `after`, the output of the block for `h`; `c` holds the conditions of the rows.
    ///
    /// `dropout` applies to the branches before their biases, as layers `first` and `first` + 1.
    #[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
    pub(super) fn forward(
        &mut self,
        sizes: Sizes,
        parameters: &[Parameter],
        weights: &[f32],
        c: &[f32],
        h: &[f32],
        after: &mut [f32],
        (dropout, first): (Dropout<'_>, u32),
        scratch: &mut Scratch,
    ) {
        let (w, n) = (sizes.width, sizes.tokens);
        let [tokens, len] = [h.len() / w, h.len()];
        let of = |parameter: usize| parameters[parameter].of(weights);
        let modulation = &mut self.modulation[..c.len() * 6];
        fill(modulation, of(1));
        add_product(rows_mut(modulation, 6 * w), rows(c, w), rows(of(0), 6 * w));
        let span = |row: usize| row * n * w..(row + 1) * n * w;
        let each = || self.modulation.chunks_exact(6 * w).take(tokens / n).enumerate();

        let [input, _] = &mut self.inputs;
        for (row, modulation) in each() {
            let kept = &mut self.kept[0][row * n..(row + 1) * n];
            let (shift, scale) = (part(modulation, 0, w), part(modulation, 1, w));
            modulate(&h[span(row)], shift, scale, &mut input[span(row)], kept);
        }
        let parts = sizes.parts();
        let qkv = &mut self.qkv[..parts * len];
        product(rows_mut(qkv, parts * w), rows(&input[..len], w), rows(of(2), parts * w));
        let (head, layout) = (sizes.head(), Layout::of(sizes));
        heads(qkv, of(3), 2 * w, head, &mut self.sizes);
        if let Some(rotary) = &scratch.rotary {
            rotary.turn(qkv, parts * w, 2 * w);
        }
        for row in 0..tokens / n {
            let qkv = &qkv[parts * row * n * w..parts * (row + 1) * n * w];
            for index in 0..sizes.heads {
                let totals = &mut self.totals[(row * sizes.heads + index) * n..][..n];
                let out = &mut self.attended[span(row)];
                match layout {
                    Layout::Heads(heads) => {
                        attention::attend(heads, index, qkv, of(4), out, totals, &mut scratch.tile);
                    }
                    Layout::Pairs(pairs) => {
                        triangle::attend(pairs, index, qkv, of(4), out, totals, &mut scratch.triangle);
                    }
                }
            }
        }
        let branch = &mut self.branches[0][..len];
        product(rows_mut(branch, w), rows(&self.attended[..len], w), rows(of(5), w));
        dropout.apply(first, branch);
        for (row, modulation) in each() {
            let span = span(row);
            let gate = part(modulation, 2, w);
            join(&h[span.clone()], &branch[span.clone()], of(6), gate, &mut self.middle[span]);
        }

        let [_, input] = &mut self.inputs;
        for (row, modulation) in each() {
            let kept = &mut self.kept[1][row * n..(row + 1) * n];
            let (shift, scale) = (part(modulation, 3, w), part(modulation, 4, w));
            modulate(&self.middle[span(row)], shift, scale, &mut input[span(row)], kept);
        }
        let hidden = &mut self.hidden[..4 * len];
        fill(hidden, of(8));
        add_product(rows_mut(hidden, 4 * w), rows(&input[..len], w), rows(of(7), 4 * w));
        activate(Activation::Gelu, hidden, &mut self.slopes, &[]);
        let branch = &mut self.branches[1][..len];
        product(rows_mut(branch, w), rows(hidden, 4 * w), rows(of(9), w));
        dropout.apply(first + 1, branch);
        for (row, modulation) in each() {
            let span = span(row);
            let gate = part(modulation, 5, w);
            join(&self.middle[span.clone()], &branch[span.clone()], of(10), gate, &mut after[span]);
        }
    }

    /// Computes the backward pass of [`forward`](Self::forward).
    ///
    /// `g` holds the gradient of the result and is replaced by that of `h`. The gradient of the
    /// conditions is added to `dc`, and those of the weights to `gradient`.
    #[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
    pub(super) fn back(
        &mut self,
        sizes: Sizes,
        parameters: &[Parameter],
        weights: &[f32],
        c: &[f32],
        h: &[f32],
        g: &mut [f32],
        dc: &mut [f32],
        gradient: &mut [f32],
        wanted: bool,
        (dropout, first): (Dropout<'_>, u32),
        scratch: &mut Scratch,
    ) {
        let (w, n) = (sizes.width, sizes.tokens);
        let [tokens, len] = [h.len() / w, h.len()];
        let of = |parameter: usize| parameters[parameter].of(weights);
        // Adds the gradient of a matrix, from its input and the gradient of its output.
        let learn = |gradient: &mut [f32], parameter: usize, input: &[f32], g: &[f32]| {
            if wanted {
                let [inputs, outputs] = parameters[parameter].shape;
                let target = rows_mut(parameters[parameter].of_mut(gradient), outputs);
                add_product(target, rows(input, inputs).transpose(), rows(g, outputs));
            }
        };
        // Computes the gradient of a matrix's input.
        let turned = |out: &mut [f32], parameter: usize, g: &[f32]| {
            let [inputs, outputs] = parameters[parameter].shape;
            product(rows_mut(out, inputs), rows(g, outputs), rows(of(parameter), outputs).transpose());
        };
        let span = |row: usize| row * n * w..(row + 1) * n * w;
        let parts = sizes.parts();
        let Scratch { narrow, branch, qkv: dqkv, hidden: dhidden, modulation: dmod, tile, triangle, rotary, .. } =
            scratch;
        let (narrow, branch) = (&mut narrow[..len], &mut branch[..len]);
        let (dqkv, dhidden, dmod) = (&mut dqkv[..parts * len], &mut dhidden[..4 * len], &mut dmod[..c.len() * 6]);
        dmod.fill(0.0);
        let modulation = &self.modulation[..c.len() * 6];
        let each = || modulation.chunks_exact(6 * w).enumerate();

        for ((row, modulation), dmod) in each().zip(dmod.chunks_exact_mut(6 * w)) {
            let (span, gate) = (span(row), part(modulation, 5, w));
            let (_, dgate) = pair(dmod, 4, w);
            let (y, dy) = (&self.branches[1][span.clone()], &mut branch[span.clone()]);
            join_back(&g[span], y, of(10), gate, dy, dgate, parameters[10].of_mut(gradient));
        }
        dropout.apply(first + 1, branch);
        learn(gradient, 9, &self.hidden[..4 * len], branch);
        turned(dhidden, 9, branch);
        back_in_place(dhidden, &self.slopes);
        learn(gradient, 7, &self.inputs[1][..len], dhidden);
        add_rows(parameters[8].of_mut(gradient), dhidden);
        turned(narrow, 7, dhidden);
        for ((row, modulation), dmod) in each().zip(dmod.chunks_exact_mut(6 * w)) {
            let (span, kept) = (span(row), &self.kept[1][row * n..(row + 1) * n]);
            let (dshift, dscale) = pair(dmod, 3, w);
            let (x, scale) = (&self.middle[span.clone()], part(modulation, 4, w));
            modulate_back(x, kept, scale, &narrow[span.clone()], &mut g[span], dshift, dscale);
        }

        for ((row, modulation), dmod) in each().zip(dmod.chunks_exact_mut(6 * w)) {
            let (span, gate) = (span(row), part(modulation, 2, w));
            let (_, dgate) = pair(dmod, 1, w);
            let (y, dy) = (&self.branches[0][span.clone()], &mut branch[span.clone()]);
            join_back(&g[span], y, of(6), gate, dy, dgate, parameters[6].of_mut(gradient));
        }
        dropout.apply(first, branch);
        learn(gradient, 5, &self.attended[..len], branch);
        turned(narrow, 5, branch);
        let (head, layout) = (sizes.head(), Layout::of(sizes));
        for row in 0..tokens / n {
            let wide = parts * row * n * w..parts * (row + 1) * n * w;
            let (qkv, dqkv, g) = (&self.qkv[wide.clone()], &mut dqkv[wide], &narrow[span(row)]);
            for index in 0..sizes.heads {
                let totals = &self.totals[(row * sizes.heads + index) * n..][..n];
                let (gain, dgain) = (of(4), parameters[4].of_mut(gradient));
                match layout {
                    Layout::Heads(heads) => {
                        let out = &self.attended[span(row)];
                        attention::back(heads, index, qkv, gain, out, totals, g, dqkv, dgain, tile);
                    }
                    Layout::Pairs(pairs) => {
                        triangle::back(pairs, index, qkv, gain, totals, g, dqkv, dgain, triangle);
                    }
                }
            }
        }
        // Heads keep their size as they turn, so that the two passes back may change places.
        heads_back(&self.qkv, parts * w, 2 * w, head, &self.sizes, dqkv);
        if let Some(rotary) = rotary {
            rotary.turn_back(dqkv, parts * w, 2 * w);
        }
        add_rows(parameters[3].of_mut(gradient), dqkv);
        learn(gradient, 2, &self.inputs[0][..len], dqkv);
        turned(narrow, 2, dqkv);
        for ((row, modulation), dmod) in each().zip(dmod.chunks_exact_mut(6 * w)) {
            let (span, kept) = (span(row), &self.kept[0][row * n..(row + 1) * n]);
            let (dshift, dscale) = pair(dmod, 0, w);
            let (x, scale) = (&h[span.clone()], part(modulation, 1, w));
            modulate_back(x, kept, scale, &narrow[span.clone()], &mut g[span], dshift, dscale);
        }

        learn(gradient, 0, c, dmod);
        add_rows(parameters[1].of_mut(gradient), dmod);
        add_product(rows_mut(dc, w), rows(dmod, 6 * w), rows(of(0), 6 * w).transpose());
    }
}
