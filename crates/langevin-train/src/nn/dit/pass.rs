//! Memory of one evaluation, and the layers before and after the blocks.

use super::super::net::{Net as _, Pass, Rows, size};
use super::block::{Block, Scratch};
use super::shape::{Dit, Grid};
use crate::error::Result;
use crate::nn::kernels::activation::{Activation, activate, activate_back};
use crate::nn::kernels::matrix::{add_product, product, rows, rows_mut};
use crate::nn::kernels::norm::{modulate, modulate_back};
use crate::nn::kernels::rows::{add, add_rows, fill};
use crate::nn::stop::Stop;

/// Memory of one evaluation, see [`Pass`].
pub(super) struct Memory {
    net: Dit,
    places: Vec<u32>,
    positions: Vec<f32>,
    /// Number of images in the last pass.
    count: usize,
    patches: Vec<f32>,
    /// silu(f T) and its slope; the next field holds c and its slope.
    time: [Vec<f32>; 2],
    c: [Vec<f32>; 2],
    /// Input of each block, and the output of the last.
    h: Vec<Vec<f32>>,
    blocks: Vec<Block>,
    /// Last modulation, followed by the values kept by its norm and its result.
    modulation: Vec<f32>,
    kept: Vec<[f32; 2]>,
    last: Vec<f32>,
    out: Vec<f32>,
    scratch: Scratch,
}

impl Memory {
    pub(super) fn new(net: Dit, pictures: usize) -> Self {
        let (w, tokens) = (net.config.width, pictures * net.grid.tokens());
        let [narrow, small] = [tokens * w, pictures * w].map(|len| vec![0.0; len]);
        Self {
            places: net.grid.places(),
            positions: net.grid.positions(w),
            count: 0,
            patches: vec![0.0; tokens * net.grid.patch_width()],
            time: [small.clone(), small.clone()],
            c: [small.clone(), small],
            h: vec![narrow.clone(), narrow.clone()],
            blocks: Vec::new(),
            modulation: vec![0.0; pictures * 2 * w],
            kept: vec![[0.0; 2]; tokens],
            last: narrow,
            out: vec![0.0; tokens * net.grid.patch_width()],
            scratch: Scratch::new(&net, pictures),
            net,
        }
    }

    /// Computes c for each image.
    fn condition(&mut self, weights: &[f32], given: Rows<'_>, count: usize) {
        let (w, features) = (self.net.config.width, self.net.config.fourier + 1);
        let head = self.net.head_parameters();
        let [time, slope] = &mut self.time;
        let (time, slope) = (&mut time[..count * w], &mut slope[..count * w]);
        product(rows_mut(time, w), rows(given.features, features), rows(head[2].of(weights), w));
        activate(Activation::Silu, time, slope, &[]);
        let [c, slope] = &mut self.c;
        let (c, slope) = (&mut c[..count * w], &mut slope[..count * w]);
        fill(c, head[4].of(weights));
        add_product(rows_mut(c, w), rows(time, w), rows(head[3].of(weights), w));
        if let Some(table) = head.get(5) {
            for (c, label) in c.chunks_exact_mut(w).zip(given.class_rows(count, self.net.config.classes)) {
                add(c, &table.of(weights)[label * w..(label + 1) * w]);
            }
        }
        activate(Activation::Silu, c, slope, &[]);
    }

    /// Computes the backward pass of [`condition`](Self::condition), from the gradient of c.
    fn condition_back(&mut self, weights: &[f32], given: Rows<'_>, dc: &mut [f32], gradient: &mut [f32]) {
        let (w, features, count) = (self.net.config.width, self.net.config.fourier + 1, self.count);
        let head = self.net.head_parameters();
        let mut through = vec![0.0; count * w];
        activate_back(dc, &self.c[1], &mut through);
        if let Some(table) = head.get(5) {
            let table = table.of_mut(gradient);
            for (g, label) in through.chunks_exact(w).zip(given.class_rows(count, self.net.config.classes)) {
                add(&mut table[label * w..(label + 1) * w], g);
            }
        }
        add_rows(head[4].of_mut(gradient), &through);
        let time = rows(&self.time[0][..count * w], w);
        add_product(rows_mut(head[3].of_mut(gradient), w), time.transpose(), rows(&through, w));
        product(rows_mut(dc, w), rows(&through, w), rows(head[3].of(weights), w).transpose());
        activate_back(dc, &self.time[1], &mut through);
        let f = rows(given.features, features);
        add_product(rows_mut(head[2].of_mut(gradient), w), f.transpose(), rows(&through, w));
    }
}

/// Copies images to patches.
fn cut(places: &[u32], pictures: &[f32], patches: &mut [f32]) {
    for (picture, patches) in pictures.chunks_exact(places.len()).zip(patches.chunks_exact_mut(places.len())) {
        patches.iter_mut().zip(places).for_each(|(patch, place)| *patch = picture[*place as usize]);
    }
}

/// Copies patches to images.
fn paste(places: &[u32], patches: &[f32], pictures: &mut [f32]) {
    for (picture, patches) in pictures.chunks_exact_mut(places.len()).zip(patches.chunks_exact(places.len())) {
        patches.iter().zip(places).for_each(|(patch, place)| picture[*place as usize] = *patch);
    }
}

impl Pass for Memory {
    fn stop_when(&mut self, stop: Stop) {
        self.scratch.tile.stop = stop;
    }

    fn forward(&mut self, weights: &[f32], given: Rows<'_>, count: usize, keep: bool) -> Result<&[f32]> {
        self.count = count;
        let grid: Grid = self.net.grid;
        let (w, depth, n, patch) = (self.net.config.width, self.net.config.depth, grid.tokens(), grid.patch_width());
        let len = count * n * w;
        self.condition(weights, given, count);
        let patches = &mut self.patches[..count * n * patch];
        cut(&self.places, given.x, patches);
        let head = self.net.head_parameters();
        let first = &mut self.h[0][..len];
        fill(first, head[1].of(weights));
        add_product(rows_mut(first, w), rows(patches, patch), rows(head[0].of(weights), w));
        first.chunks_exact_mut(n * w).for_each(|h| add(h, &self.positions));

        let wanted = if keep { depth } else { 1 };
        if self.blocks.len() < wanted {
            let pictures = self.h[0].len() / (n * w);
            self.blocks.resize_with(wanted, || Block::new(&self.net, pictures));
            self.h.resize(wanted + 1, vec![0.0; pictures * n * w]);
        }
        let c = &self.c[0][..count * w];
        for block in 0..depth {
            self.scratch.tile.stop.check()?;
            let (parameters, place) = (self.net.block_parameters(block), if keep { block } else { 0 });
            let (before, after) = self.h.split_at_mut(place + 1);
            let (before, after) = (&mut before[place][..len], &mut after[0][..len]);
            self.blocks[place].forward(&self.net, parameters, weights, c, before, after, &mut self.scratch);
            if !keep {
                before.copy_from_slice(after);
            }
        }
        self.scratch.tile.stop.check()?;
        let tail = self.net.tail_parameters();
        let modulation = &mut self.modulation[..count * 2 * w];
        fill(modulation, tail[1].of(weights));
        add_product(rows_mut(modulation, 2 * w), rows(c, w), rows(tail[0].of(weights), 2 * w));
        let h = &self.h[if keep { depth } else { 1 }][..len];
        let last = &mut self.last[..len];
        for (picture, modulation) in modulation.chunks_exact(2 * w).enumerate() {
            let (shift, scale) = modulation.split_at(w);
            let span = picture * n * w..(picture + 1) * n * w;
            modulate(&h[span.clone()], shift, scale, &mut last[span], &mut self.kept[picture * n..(picture + 1) * n]);
        }
        let patches = &mut self.scratch.patches[..count * n * patch];
        fill(patches, tail[3].of(weights));
        add_product(rows_mut(patches, patch), rows(last, w), rows(tail[2].of(weights), patch));
        let out = &mut self.out[..count * n * patch];
        paste(&self.places, patches, out);
        Ok(out)
    }

    fn back(
        &mut self,
        weights: &[f32],
        given: Rows<'_>,
        cotangent: &[f32],
        gradient: Option<&mut [f32]>,
        dx: Option<&mut [f32]>,
    ) -> Result<()> {
        let grid: Grid = self.net.grid;
        let (w, depth, n, patch) = (self.net.config.width, self.net.config.depth, grid.tokens(), grid.patch_width());
        let (count, len) = (self.count, self.count * n * w);
        // The block code always writes gradients of the weights, so a scratch buffer takes them if
        // the caller does not want any.
        let mut unwanted = Vec::new();
        let wanted = gradient.is_some();
        let gradient = gradient.unwrap_or_else(|| {
            unwanted.resize(size(self.net.parameters()), 0.0);
            &mut unwanted
        });
        self.scratch.tile.stop.check()?;
        let mut scratch = std::mem::take(&mut self.scratch);
        let tail = self.net.tail_parameters();
        let patches = &mut scratch.patches[..count * n * patch];
        cut(&self.places, cotangent, patches);
        if wanted {
            let last = rows(&self.last[..len], w);
            add_product(rows_mut(tail[2].of_mut(gradient), patch), last.transpose(), rows(patches, patch));
            add_rows(tail[3].of_mut(gradient), patches);
        }
        let mut g = std::mem::take(&mut scratch.g);
        let g_now = &mut g[..len];
        let dlast = &mut scratch.narrow[..len];
        product(rows_mut(dlast, w), rows(patches, patch), rows(tail[2].of(weights), patch).transpose());
        g_now.fill(0.0);
        let dmod = &mut scratch.modulation[..count * 2 * w];
        dmod.fill(0.0);
        for (picture, (modulation, dmod)) in
            self.modulation.chunks_exact(2 * w).zip(dmod.chunks_exact_mut(2 * w)).enumerate()
        {
            let (scale, (dshift, dscale)) = (&modulation[w..], dmod.split_at_mut(w));
            let (span, kept) = (picture * n * w..(picture + 1) * n * w, picture * n..(picture + 1) * n);
            let h = &self.h[depth][span.clone()];
            modulate_back(h, &self.kept[kept], scale, &dlast[span.clone()], &mut g_now[span], dshift, dscale);
        }
        let mut dc = std::mem::take(&mut scratch.c);
        let dc_now = &mut dc[..count * w];
        let c = &self.c[0][..count * w];
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
            let (parameters, h) = (self.net.block_parameters(block), &self.h[block][..len]);
            self.blocks[block].back(
                &self.net,
                parameters,
                weights,
                c,
                h,
                g_now,
                dc_now,
                gradient,
                wanted,
                &mut scratch,
            );
        }
        let head = self.net.head_parameters();
        if wanted {
            let patches = rows(&self.patches[..count * n * patch], patch);
            add_product(rows_mut(head[0].of_mut(gradient), w), patches.transpose(), rows(g_now, w));
            add_rows(head[1].of_mut(gradient), g_now);
        }
        if let Some(dx) = dx {
            let patches = &mut scratch.patches[..count * n * patch];
            product(rows_mut(patches, patch), rows(g_now, w), rows(head[0].of(weights), w).transpose());
            paste(&self.places, patches, dx);
        }
        if wanted {
            self.condition_back(weights, given, dc_now, gradient);
        }
        (scratch.g, scratch.c) = (g, dc);
        self.scratch = scratch;
        self.scratch.tile.stop.check()
    }
}
