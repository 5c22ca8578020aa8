//! What a step minimises: the pairs of a batch, what the network is given of them, and what it should answer.

use super::recipe::Recipe;
use crate::error::{Error, Result};
use crate::nn::net::{self, Rows};
use crate::nn::network::{input_scale, output_scale};
use crate::normalization::Normalization;
use langevin::noise::{draws, fill_normals, fill_uniforms};
use langevin::objective::Weight;
use langevin::{Formulation, Objective, SampleId};
use langevin_data::{Augment, Dataset};

/// The error of one row: λ, ‖ε − ε̂‖² for each element, and w·p there.
pub(crate) struct Seen {
    pub(crate) lambda: f64,
    pub(crate) error: f64,
    pub(crate) weight: f64,
}

/// Everything about the loss but the network.
#[derive(Clone)]
pub(crate) struct Problem {
    pub(crate) data: Dataset,
    pub(crate) augment: Augment,
    /// The shape of a row, changed as `augment` says, and its elements.
    pub(crate) shape: Vec<usize>,
    pub(crate) width: usize,
    /// Classes of the network; 0: none.
    pub(crate) classes: usize,
    pub(crate) recipe: Recipe,
    pub(crate) formulation: Formulation,
    /// What is minimised, with the levels drawn as they are now.
    pub(crate) objective: Objective,
    pub(crate) normalization: Normalization,
    /// The spacing of each element, where numbers below it are added.
    pub(crate) steps: Option<Vec<f64>>,
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
    labels: Vec<u32>,
    clean: Vec<f32>,
    noise: Vec<f32>,
    ids: Vec<SampleId>,
}

impl Batch {
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows { x: &self.x, features: &self.f, one_level: false, labels: &self.labels }
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

    /// The loss of the output 0, which is what a network that has learned nothing answers; at least a tenth of that of outputs that are off by 1 everywhere, for the targets may be 0 themselves.
    /// To be asked for before [`compare`](Self::compare), which takes the target.
    pub(crate) fn nothing(&self) -> f64 {
        let width = self.target.len() / self.weights.len().max(1);
        let (mut zero, mut one) = (0.0, 0.0);
        for (target, weight) in self.target.chunks_exact(width.max(1)).zip(&self.weights) {
            let square = crate::nn::kernels::sum(width, |i| target[i] * target[i]);
            zero += f64::from(*weight) * f64::from(square);
            one += f64::from(*weight) * width as f64;
        }
        zero.max(0.1 * one)
    }

    /// The gradient of the outputs that were compared last.
    pub(crate) fn cotangent(&self) -> &[f32] {
        &self.target
    }
}

/// target ← factor (out − target); the sum of the squares of out − target.
fn residual(target: &mut [f32], out: &[f32], factor: f32) -> f32 {
    let square = crate::nn::kernels::sum(out.len(), |i| (out[i] - target[i]) * (out[i] - target[i]));
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

    /// Refuses data that have not the labels that the network asks for.
    pub(crate) fn check_labels(&self) -> Result<()> {
        let known = self.data.classes().len();
        if self.classes == 0 || (self.data.labels().is_some() && known == self.classes) {
            return Ok(());
        }
        Err(Error::data("the labels do not fit the network")
            .at(self.data.name())
            .expected(format!("labels of {} classes", self.classes))
            .got(if self.data.labels().is_some() { format!("{known} classes") } else { "no labels".into() }))
    }

    /// These rows of the data as the network sees them, without noise: changed, dequantised and normalised by what their ids draw.
    fn clean(&self, rows: &[usize], ids: &[SampleId], out: &mut Vec<f32>) -> Result<()> {
        out.resize(rows.len() * self.width, 0.0);
        if self.augment != Augment::default() {
            self.data.read_augmented(rows, ids, draws::AUGMENTATION.first(), &self.augment, out)?;
            self.normalization.normalize(out, self.width);
        } else if self.data.is_wide() {
            return self.clean_wide(rows, ids, out);
        } else {
            self.data.read(rows, out)?;
            self.normalization.normalize(out, self.width);
        }
        if let Some(steps) = &self.steps {
            let mut shift = vec![0.0f64; self.width];
            for (out, id) in out.chunks_exact_mut(self.width).zip(ids) {
                // A number below the spacing for each element, in the units of the network.
                fill_uniforms(*id, draws::TRAINING_DEQUANTISATION.first(), &mut shift);
                for (j, ((out, u), step)) in out.iter_mut().zip(&shift).zip(steps).enumerate() {
                    *out += (u * step / self.normalization.scale_of(j)) as f32;
                }
            }
        }
        Ok(())
    }

    /// The same of numbers that single precision does not hold: they are rounded when they are on the scale of the network.
    fn clean_wide(&self, rows: &[usize], ids: &[SampleId], out: &mut [f32]) -> Result<()> {
        let mut wide = vec![0.0; out.len()];
        self.data.read_wide(rows, &mut wide)?;
        if let Some(steps) = &self.steps {
            let mut shift = vec![0.0f64; self.width];
            for (row, id) in wide.chunks_exact_mut(self.width).zip(ids) {
                fill_uniforms(*id, draws::TRAINING_DEQUANTISATION.first(), &mut shift);
                shift.iter_mut().zip(steps).for_each(|(u, step)| *u *= step);
                self.data.frame().add(row, &shift);
            }
        }
        self.normalization.narrow(&wide, out, self.width);
        Ok(())
    }

    /// The class of each row, where the network asks for it; that of no class where the row's id says that it is dropped.
    fn label(&self, rows: &[usize], ids: &[SampleId], out: &mut Vec<u32>) {
        out.clear();
        let Some(labels) = self.data.labels().filter(|_| self.classes > 0) else { return };
        out.extend(rows.iter().zip(ids).map(|(row, id)| {
            let mut u = [0.0];
            fill_uniforms(*id, draws::LABEL_DROPOUT.first(), &mut u);
            if u[0] < self.recipe.label_dropout { self.classes as u32 } else { labels[*row] }
        }));
    }

    /// One visit to each of these rows, of an id of its own.
    pub(crate) fn visit(&self, rows: &[usize]) -> Result<Vec<f32>> {
        let ids: Vec<SampleId> =
            rows.iter().map(|row| SampleId { seed: self.recipe.seed, index: *row as u64 }).collect();
        let mut out = Vec::new();
        self.clean(rows, &ids, &mut out)?;
        Ok(out)
    }

    /// The noise of a whole batch, each row that of its partner by optimal transport.
    pub(crate) fn coupled(&self, step: u64, rows: &[usize]) -> Result<Vec<f32>> {
        let width = self.width;
        let ids: Vec<SampleId> = (0..rows.len()).map(|row| self.id(step, row)).collect();
        let (mut noise, mut data) = (vec![0.0f32; rows.len() * width], Vec::new());
        fill_normals(&ids, draws::TRAINING_NOISE.first(), width, &mut noise);
        self.clean(rows, &ids, &mut data)?;
        let wide = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<f64>>();
        let partners = langevin_analysis::metrics::pairing(&wide(&data), &wide(&noise), width)?;
        Ok(partners.into_iter().flat_map(|row| noise[row * width..(row + 1) * width].to_vec()).collect())
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
        let Batch { x, f, target, weights, seen, labels, clean, noise, ids } = batch;
        x.resize(rows.len() * width, 0.0);
        target.resize(rows.len() * width, 0.0);
        f.resize(rows.len() * features, 0.0);
        weights.resize(rows.len(), 0.0);
        seen.clear();
        ids.clear();
        ids.extend((0..rows.len()).map(|row| self.id(step, first + row)));
        let noise = match coupled {
            Some(noise) => &noise[first * width..(first + rows.len()) * width],
            None => {
                noise.resize(rows.len() * width, 0.0);
                fill_normals(ids, draws::TRAINING_NOISE.first(), width, noise);
                &*noise
            }
        };
        self.clean(rows, ids, clean)?;
        self.label(rows, ids, labels);
        for (row, id) in ids.iter().enumerate() {
            let mut u = [0.0];
            fill_uniforms(*id, draws::TRAINING_LEVEL.first(), &mut u);
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
            let shrink = input_scale(&level);
            let (alpha, sigma) = ((level.alpha * shrink) as f32, (level.sigma * shrink) as f32);
            let (datum, drawn) = ((datum / k) as f32, (drawn / k) as f32);
            let span = row * width..(row + 1) * width;
            let pairs = clean[span.clone()].iter().zip(&noise[span.clone()]);
            for ((x, target), (x0, z)) in x[span.clone()].iter_mut().zip(&mut target[span]).zip(pairs) {
                *x = alpha * x0 + sigma * z;
                *target = datum * x0 + drawn * z;
            }
        }
        Ok(())
    }
}
