//! Memory of one evaluation: the condition, the blocks, and the last layer.

use super::Transformer;
use super::block::{Block, Scratch};
use super::condition::Condition;
use crate::error::Result;
use crate::nn::kernels::matrix::{add_product, product, rows, rows_mut};
use crate::nn::kernels::norm::{modulate, modulate_back};
use crate::nn::kernels::rows::{add_rows, fill};
use crate::nn::net::{Rows, size};
use crate::nn::stop::Stop;

/// Passes from embedded tokens to the outputs of each token, and back.
pub(in crate::nn) struct Trunk {
    net: Transformer,
    /// Number of rows in the last pass.
    count: usize,
    condition: Condition,
    /// Input of each block, and the output of the last.
    h: Vec<Vec<f32>>,
    blocks: Vec<Block>,
    /// Last modulation, followed by the values kept by its norm and its result.
    modulation: Vec<f32>,
    kept: Vec<[f32; 2]>,
    last: Vec<f32>,
    scratch: Scratch,
}

impl Trunk {
    pub(in crate::nn) fn new(net: Transformer, rows: usize) -> Self {
        let (w, tokens) = (net.sizes.width, rows * net.sizes.tokens);
        let narrow = vec![0.0; tokens * w];
        Self {
            count: 0,
            condition: Condition::new(&net, rows),
            h: vec![narrow.clone(), narrow.clone()],
            blocks: Vec::new(),
            modulation: vec![0.0; rows * 2 * w],
            kept: vec![[0.0; 2]; tokens],
            last: narrow,
            scratch: Scratch::new(net.sizes, rows),
            net,
        }
    }

    pub(in crate::nn) fn stop_when(&mut self, stop: Stop) {
        self.scratch.tile.stop = stop;
    }

    /// Returns the number of rows in the last pass.
    pub(in crate::nn) fn count(&self) -> usize {
        self.count
    }

    /// Computes `out`, the outputs of the tokens of `count` rows.
    ///
    /// `embed` writes the embedded tokens, the input of the first block.
    pub(in crate::nn) fn forward(
        &mut self,
        weights: &[f32],
        given: Rows<'_>,
        count: usize,
        keep: bool,
        embed: impl FnOnce(&mut [f32]),
        out: &mut [f32],
    ) -> Result<()> {
        self.count = count;
        let (w, n, depth) = (self.net.sizes.width, self.net.sizes.tokens, self.net.depth);
        let len = count * n * w;
        self.condition.forward(&self.net, weights, given, count);
        embed(&mut self.h[0][..len]);

        let wanted = if keep { depth } else { 1 };
        if self.blocks.len() < wanted {
            let rows = self.h[0].len() / (n * w);
            self.blocks.resize_with(wanted, || Block::new(self.net.sizes, rows));
            self.h.resize(wanted + 1, vec![0.0; rows * n * w]);
        }
        let c = self.condition.of(&self.net, count);
        for block in 0..depth {
            self.scratch.tile.stop.check()?;
            let (parameters, place) = (self.net.block(block), if keep { block } else { 0 });
            let (before, after) = self.h.split_at_mut(place + 1);
            let (before, after) = (&mut before[place][..len], &mut after[0][..len]);
            let scratch = &mut self.scratch;
            let drop = (given.dropout, layers(block));
            self.blocks[place].forward(self.net.sizes, parameters, weights, c, before, after, drop, scratch);
            if !keep {
                before.copy_from_slice(after);
            }
        }
        self.scratch.tile.stop.check()?;
        let tail = self.net.tail();
        let modulation = &mut self.modulation[..count * 2 * w];
        fill(modulation, tail[1].of(weights));
        add_product(rows_mut(modulation, 2 * w), rows(c, w), rows(tail[0].of(weights), 2 * w));
        let h = &self.h[wanted][..len];
        let last = &mut self.last[..len];
        for (row, modulation) in modulation.chunks_exact(2 * w).enumerate() {
            let (shift, scale) = modulation.split_at(w);
            let span = row * n * w..(row + 1) * n * w;
            modulate(&h[span.clone()], shift, scale, &mut last[span], &mut self.kept[row * n..(row + 1) * n]);
        }
        fill(out, tail[3].of(weights));
        let outputs = self.net.outputs;
        add_product(rows_mut(out, outputs), rows(last, w), rows(tail[2].of(weights), outputs));
        Ok(())
    }

    /// Computes the backward pass of the last [`forward`](Self::forward), which must have had
    /// `keep`.
    ///
    /// `g` is the gradient of the outputs. The gradients of the weights are added to `gradient`.
    /// `embed_back` receives the gradient of the embedded tokens, and `gradient` again.
    pub(in crate::nn) fn back(
        &mut self,
        weights: &[f32],
        given: Rows<'_>,
        g: &[f32],
        gradient: Option<&mut [f32]>,
        embed_back: impl FnOnce(&[f32], Option<&mut [f32]>),
    ) -> Result<()> {
        let (w, n, depth) = (self.net.sizes.width, self.net.sizes.tokens, self.net.depth);
        let (count, len, outputs) = (self.count, self.count * n * w, self.net.outputs);
        // The block code always writes gradients of the weights, so a scratch buffer takes them if
        // the caller does not want any.
        let mut unwanted = Vec::new();
        let wanted = gradient.is_some();
        let gradient = gradient.unwrap_or_else(|| {
            unwanted.resize(size(&self.net.parameters), 0.0);
            &mut unwanted
        });
        self.scratch.tile.stop.check()?;
        let mut scratch = std::mem::take(&mut self.scratch);
        let tail = self.net.tail();
        if wanted {
            let last = rows(&self.last[..len], w);
            add_product(rows_mut(tail[2].of_mut(gradient), outputs), last.transpose(), rows(g, outputs));
            add_rows(tail[3].of_mut(gradient), g);
        }
        let mut dh = std::mem::take(&mut scratch.g);
        let dh_now = &mut dh[..len];
        let dlast = &mut scratch.narrow[..len];
        product(rows_mut(dlast, w), rows(g, outputs), rows(tail[2].of(weights), outputs).transpose());
        dh_now.fill(0.0);
        let dmod = &mut scratch.modulation[..count * 2 * w];
        dmod.fill(0.0);
        for (row, (modulation, dmod)) in
            self.modulation.chunks_exact(2 * w).zip(dmod.chunks_exact_mut(2 * w)).enumerate()
        {
            let (scale, (dshift, dscale)) = (&modulation[w..], dmod.split_at_mut(w));
            let (span, kept) = (row * n * w..(row + 1) * n * w, row * n..(row + 1) * n);
            let h = &self.h[depth][span.clone()];
            modulate_back(h, &self.kept[kept], scale, &dlast[span.clone()], &mut dh_now[span], dshift, dscale);
        }
        let mut dc = std::mem::take(&mut scratch.c);
        let dc_now = &mut dc[..count * w];
        let c = self.condition.of(&self.net, count);
        product(rows_mut(dc_now, w), rows(dmod, 2 * w), rows(tail[0].of(weights), 2 * w).transpose());
        if wanted {
            let dmod = rows(dmod, 2 * w);
            add_product(rows_mut(tail[0].of_mut(gradient), 2 * w), rows(c, w).transpose(), dmod);
            add_rows(tail[1].of_mut(gradient), &scratch.modulation[..count * 2 * w]);
        }
        for block in (0..depth).rev() {
            // The loop breaks instead of returning, so that the memory is put back first. The
            // results of a stopped step are discarded.
            if scratch.tile.stop.wanted() {
                break;
            }
            let (parameters, h) = (self.net.block(block), &self.h[block][..len]);
            self.blocks[block].back(
                self.net.sizes,
                parameters,
                weights,
                c,
                h,
                dh_now,
                dc_now,
                gradient,
                wanted,
                (given.dropout, layers(block)),
                &mut scratch,
            );
        }
        if wanted {
            self.condition.back(&self.net, weights, given, dc_now, gradient);
        }
        embed_back(dh_now, wanted.then_some(gradient));
        (scratch.g, scratch.c) = (dh, dc);
        self.scratch = scratch;
        self.scratch.tile.stop.check()
    }
}

/// Returns the first of the two numbers that name a block's layers of dropout.
fn layers(block: usize) -> u32 {
    2 * block as u32
}
