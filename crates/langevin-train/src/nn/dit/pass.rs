//! Memory of one evaluation, and the layers between pictures and tokens.

use super::super::net::{Pass, Rows};
use super::shape::Dit;
use crate::error::Result;
use crate::nn::kernels::matrix::{add_product, product, rows, rows_mut};
use crate::nn::kernels::rows::{add, add_rows, fill};
use crate::nn::net::Parameter;
use crate::nn::stop::Stop;
use crate::nn::transformer::Trunk;

/// Memory of one evaluation, see [`Pass`].
pub(super) struct Memory {
    /// Weights and bias of the patches' embedding.
    embedding: [Parameter; 2],
    /// Numbers of elements of a patch and of a token.
    patch: usize,
    width: usize,
    places: Vec<u32>,
    positions: Vec<f32>,
    patches: Vec<f32>,
    /// Outputs of the patches, and their gradients.
    answers: Vec<f32>,
    out: Vec<f32>,
    trunk: Trunk,
}

impl Memory {
    pub(super) fn new(net: &Dit, pictures: usize) -> Self {
        let (width, places, patch) = (net.config.width, net.grid.places(), net.grid.patch_width());
        let numbers = vec![0.0; pictures * places.len()];
        Self {
            embedding: [0, 1].map(|index| net.body.parameters[index].clone()),
            patch,
            width,
            places,
            positions: net.grid.positions(width),
            patches: numbers.clone(),
            answers: numbers.clone(),
            out: numbers,
            trunk: Trunk::new(net.body.clone(), pictures),
        }
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
        self.trunk.stop_when(stop);
    }

    fn forward(&mut self, weights: &[f32], given: Rows<'_>, count: usize, keep: bool) -> Result<&[f32]> {
        let Self { patch, width, places, positions, patches, answers, out, .. } = self;
        let len = count * places.len();
        let (patches, answers, out) = (&mut patches[..len], &mut answers[..len], &mut out[..len]);
        cut(places, given.x, patches);
        let [matrix, bias] = [0, 1].map(|index| self.embedding[index].of(weights));
        let embed = |h: &mut [f32]| {
            fill(h, bias);
            add_product(rows_mut(h, *width), rows(patches, *patch), rows(matrix, *width));
            h.chunks_exact_mut(positions.len()).for_each(|h| add(h, positions));
        };
        self.trunk.forward(weights, given, count, keep, embed, answers)?;
        paste(places, answers, out);
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
        let Self { embedding: [matrix, bias], patch, width, places, patches, answers, out, trunk, .. } = self;
        let len = trunk.count() * places.len();
        let (patches, answers) = (&patches[..len], &mut answers[..len]);
        cut(places, cotangent, answers);
        trunk.back(weights, given, answers, gradient, |g, gradient| {
            if let Some(gradient) = gradient {
                let target = rows_mut(matrix.of_mut(gradient), *width);
                add_product(target, rows(patches, *patch).transpose(), rows(g, *width));
                add_rows(bias.of_mut(gradient), g);
            }
            if let Some(dx) = dx {
                // The outputs have been read, so their memory takes the gradient of the patches.
                let patches = &mut out[..len];
                product(rows_mut(patches, *patch), rows(g, *width), rows(matrix.of(weights), *width).transpose());
                paste(places, patches, dx);
            }
        })
    }
}
