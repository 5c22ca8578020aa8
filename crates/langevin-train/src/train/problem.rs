//! What a step minimises: the pairs of a batch, what the network is given of them, and what it should answer.

use crate::data::{FIRST_DRAW, Normalization};
use crate::error::Result;
use crate::net::{self, Rows};
use crate::network::{input_scale, output_scale};
use crate::recipe::{Coupling, Recipe};
use langevin::noise::{fill_normals, fill_uniforms};
use langevin::{Formulation, Objective, SampleId, Weight};

/// The draws of a row: its noise and its noise level. (Draw 0 of this crate orders the data, draw 1 makes the initial weights.)
const NOISE: u32 = FIRST_DRAW + 2;
const LEVEL: u32 = FIRST_DRAW + 3;
/// The numbers from [0, 1) that dequantise a row.
const DEQUANTISE: u32 = FIRST_DRAW + 4;

/// The error of one row: λ, ‖ε − ε̂‖² for each element, and w·p there.
pub(crate) struct Seen {
    pub(crate) lambda: f64,
    pub(crate) error: f64,
    pub(crate) weight: f64,
}

/// Everything about the loss but the network.
pub(crate) struct Problem {
    /// The data, normalised.
    pub(crate) values: Vec<f32>,
    /// Elements of a row.
    pub(crate) width: usize,
    pub(crate) recipe: Recipe,
    pub(crate) formulation: Formulation,
    /// What is minimised, with the levels drawn as they are now.
    pub(crate) objective: Objective,
    pub(crate) normalization: Normalization,
}

/// Some rows of a step, as the network is given them; the memory is used again.
#[derive(Default)]
pub(crate) struct Batch {
    x: Vec<f32>,
    f: Vec<f32>,
    target: Vec<f32>,
    /// w (αB/σ)² k² / (batch · width) of each row.
    weights: Vec<f32>,
    /// Filled where errors are looked at row by row.
    pub(crate) seen: Vec<Seen>,
    noise: Vec<f32>,
    shift: Vec<f64>,
    ids: Vec<SampleId>,
}

impl Batch {
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows { x: &self.x, f: &self.f, labels: &[] }
    }

    /// The loss of these outputs. The target gives way to the gradient of the outputs, the [`cotangent`](Self::cotangent).
    pub(crate) fn compare(&mut self, out: &[f32]) -> f64 {
        let width = out.len() / self.weights.len().max(1);
        let mut loss = 0.0;
        let rows = self.target.chunks_exact_mut(width).zip(out.chunks_exact(width)).zip(&self.weights);
        let mut seen = self.seen.iter_mut();
        for ((target, out), weight) in rows {
            let square = residual(target, out, 2.0 * weight);
            loss += f64::from(*weight) * f64::from(square);
            if let Some(seen) = seen.next() {
                seen.error *= f64::from(square);
            }
        }
        loss
    }

    /// The gradient of the outputs that were compared last.
    pub(crate) fn cotangent(&self) -> &[f32] {
        &self.target
    }
}

/// target ← factor (out − target); the sum of the squares of out − target.
fn residual(target: &mut [f32], out: &[f32], factor: f32) -> f32 {
    let square = crate::kernels::sum(out.len(), |i| (out[i] - target[i]) * (out[i] - target[i]));
    target.iter_mut().zip(out).for_each(|(target, out)| *target = factor * (out - *target));
    square
}

impl Problem {
    /// The address of row `row` of the batch of a step.
    pub(crate) fn id(&self, step: u64, row: usize) -> SampleId {
        let index = step.wrapping_mul(self.recipe.batch as u64).wrapping_add(row as u64);
        SampleId { seed: self.recipe.seed, index }
    }

    /// Whether errors are looked at row by row.
    pub(crate) fn learns(&self) -> bool {
        self.recipe.adaptive || self.recipe.weight == Weight::Uncertainty
    }

    /// The noise of a whole batch, each row that of its partner, where it is coupled to the data.
    pub(crate) fn coupled(&self, step: u64, rows: &[usize]) -> Result<Option<Vec<f32>>> {
        if self.recipe.coupling == Coupling::Independent {
            return Ok(None);
        }
        let width = self.width;
        let ids: Vec<SampleId> = (0..rows.len()).map(|row| self.id(step, row)).collect();
        let mut noise = vec![0.0f32; rows.len() * width];
        fill_normals(&ids, NOISE, width, &mut noise);
        let wide = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<f64>>();
        let data: Vec<f64> = rows.iter().flat_map(|row| wide(&self.values[row * width..(row + 1) * width])).collect();
        let partners = langevin::metrics::pairing(&data, &wide(&noise), width)?;
        Ok(Some(partners.into_iter().flat_map(|row| noise[row * width..(row + 1) * width].to_vec()).collect()))
    }

    /// Fills `batch` with rows `first..` of the batch of a step, which are these rows of the data. Row r is the pair (x0, ε) at level λ, with x = αx0 + σε; the network's output has the
    /// target c₀x0 + c₁ε.
    pub(crate) fn fill(
        &self,
        step: u64,
        first: usize,
        rows: &[usize],
        coupled: Option<&[f32]>,
        features: usize,
        batch: &mut Batch,
    ) -> Result<()> {
        let (all, width) = (self.recipe.batch, self.width);
        let Batch { x, f, target, weights, seen, noise, shift, ids } = batch;
        x.resize(rows.len() * width, 0.0);
        target.resize(rows.len() * width, 0.0);
        f.resize(rows.len() * features, 0.0);
        weights.resize(rows.len(), 0.0);
        shift.resize(width, 0.0);
        seen.clear();
        ids.clear();
        ids.extend((0..rows.len()).map(|row| self.id(step, first + row)));
        let noise = match coupled {
            Some(noise) => &noise[first * width..(first + rows.len()) * width],
            None => {
                noise.resize(rows.len() * width, 0.0);
                fill_normals(ids, NOISE, width, noise);
                &*noise
            }
        };
        for (row, from) in rows.iter().enumerate() {
            let id = ids[row];
            let mut u = [0.0];
            fill_uniforms(id, LEVEL, &mut u);
            let u = if self.recipe.stratified { ((first + row) as f64 + u[0]) / all as f64 } else { u[0] };
            let level = self.objective.level(u)?;
            let (datum, drawn, k) = output_scale(&self.formulation, &level);
            net::features(level.alpha, level.sigma, &mut f[row * features..(row + 1) * features]);
            weights[row] = (self.objective.output_factor(&level)? * k * k / (all * width) as f64) as f32;
            if self.learns() {
                let error = k * k * self.objective.error_gain(&level)? / width as f64;
                let weight = self.objective.weighted_density(&level)?;
                seen.push(Seen { lambda: level.lambda(), error, weight });
            }
            if self.recipe.dequantize {
                draw_shift(id, &self.normalization, shift);
            }
            let shrink = input_scale(&level);
            let (alpha, sigma) = ((level.alpha * shrink) as f32, (level.sigma * shrink) as f32);
            let (datum, drawn) = ((datum / k) as f32, (drawn / k) as f32);
            let span = row * width..(row + 1) * width;
            let source = &self.values[from * width..(from + 1) * width];
            for ((((x, target), x0), z), u) in
                x[span.clone()].iter_mut().zip(&mut target[span.clone()]).zip(source).zip(&noise[span]).zip(&*shift)
            {
                let x0 = x0 + *u as f32;
                *x = alpha * x0 + sigma * z;
                *target = datum * x0 + drawn * z;
            }
        }
        Ok(())
    }
}

/// Normalised rows with a number from [0, 1) added to each element of the data.
pub(crate) fn dequantized(values: &[f32], normalization: &Normalization, width: usize, seed: u64) -> Vec<f32> {
    let mut shift = vec![0.0; width];
    let mut out = values.to_vec();
    for (row, out) in out.chunks_exact_mut(width).enumerate() {
        draw_shift(SampleId { seed, index: row as u64 }, normalization, &mut shift);
        out.iter_mut().zip(&shift).for_each(|(x, u)| *x += *u as f32);
    }
    out
}

/// A number from [0, 1) for each element of a row, in the units of the network.
fn draw_shift(id: SampleId, normalization: &Normalization, shift: &mut [f64]) {
    fill_uniforms(id, DEQUANTISE, shift);
    shift.iter_mut().enumerate().for_each(|(j, u)| *u /= normalization.scale_of(j));
}
