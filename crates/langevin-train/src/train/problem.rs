//! Pairs of a batch: data, noise and levels, each a function of its address.
//!
//! The [`Task`] turns them into inputs and targets.

use super::recipe::Recipe;
use super::task::{Denoising, Inputs, Outputs, Pairs, Task};
use super::tokens::{TokenBatch, Tokens};
use crate::error::{Error, Result};
use crate::nn::kernels::{Dropout, square_apart};
use crate::nn::net::{Rows, check_outputs};
use crate::nn::network::output_scale;
use crate::normalization::Normalization;
use langevin::noise::{draws, fill_normals, fill_uniforms};
use langevin::objective::Weight;
use langevin::{Formulation, Level, Objective, SampleId};
use langevin_data::{Augment, Dataset};
use std::sync::Arc;

/// Error of one row: λ, ‖ε − ε̂‖² for each element, and w·p at that level.
pub(crate) struct Seen {
    pub(crate) lambda: f64,
    pub(crate) error: f64,
    pub(crate) weight: f64,
}

/// Everything that determines the loss, except the network.
#[derive(Clone)]
pub(crate) struct Problem {
    pub(crate) data: Dataset,
    pub(crate) augment: Augment,
    /// Shape of a row after the changes of `augment`; the next field is its number of elements.
    pub(crate) shape: Vec<usize>,
    pub(crate) width: usize,
    /// Number of classes of the network; 0 for none.
    pub(crate) classes: usize,
    pub(crate) recipe: Recipe,
    /// Task that turns pairs into inputs and compares outputs with targets.
    pub(crate) task: Arc<dyn Task>,
    pub(crate) formulation: Formulation,
    /// Objective that is minimised, with the current density of the levels.
    pub(crate) objective: Objective,
    pub(crate) normalization: Normalization,
    /// Dequantisation step of each element, if dequantisation is on.
    pub(crate) steps: Option<Vec<f64>>,
    /// Noise on tokens; `None` for rows of numbers.
    pub(crate) tokens: Option<Tokens>,
}

/// Some rows of a step as the network sees them; the memory is reused.
#[derive(Default)]
pub(crate) struct Batch {
    x: Vec<f32>,
    f: Vec<f32>,
    target: Vec<f32>,
    weights: Vec<f32>,
    /// Gradient of the outputs that were compared last.
    gradient: Vec<f32>,
    /// Errors of the rows, filled if they are recorded.
    pub(crate) seen: Vec<Seen>,
    labels: Vec<u32>,
    clean: Vec<f32>,
    noise: Vec<f32>,
    levels: Vec<Level>,
    ids: Vec<SampleId>,
    /// Dropout of the rows and its keys; without keys outside of training steps.
    dropout: f64,
    keys: Vec<u64>,
    tokens: TokenBatch,
}

impl Batch {
    pub(crate) fn rows(&self) -> Rows<'_> {
        let dropout = Dropout::new(self.dropout as f32, &self.keys);
        Rows { tokens: &self.tokens.letters, labels: &self.labels, dropout, ..Rows::new(&self.x, &self.f) }
    }

    /// Draws the dropout of the rows for a training step.
    pub(crate) fn drop_out(&mut self, rate: f64) {
        self.dropout = rate;
        self.keys.clear();
        if rate > 0.0 {
            self.keys.extend(self.ids.iter().map(|id| {
                let mut u = [0.0_f64];
                fill_uniforms(*id, draws::DROPOUT.first(), &mut u);
                u[0].to_bits()
            }));
        }
    }

    /// Computes the losses of the outputs and stores their gradient, the
    /// [`cotangent`](Self::cotangent).
    pub(crate) fn compare(&mut self, task: &dyn Task, out: &[f32]) -> Result<Losses> {
        if !self.tokens.is_empty() {
            return self.tokens.compare(out, &mut self.gradient);
        }
        check_outputs(out, &self.x)?;
        let width = out.len() / self.levels.len().max(1);
        let Self { target, weights, levels, gradient, .. } = self;
        let outputs = Outputs { width, out, target, weights, levels };
        gradient.resize(out.len(), 0.0);
        let losses = Losses { nothing: task.baseline(&outputs)?, loss: task.compare(&outputs, gradient)? };
        let rows = out.chunks_exact(width).zip(target.chunks_exact(width));
        for (seen, (out, target)) in self.seen.iter_mut().zip(rows) {
            seen.error *= f64::from(square_apart(out, target));
        }
        Ok(losses)
    }

    /// Returns the gradient of the outputs that were compared last.
    pub(crate) fn cotangent(&self) -> &[f32] {
        &self.gradient
    }
}

/// Loss of some rows, and the loss of a network that predicts nothing ([`Task::baseline`]).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Losses {
    pub(crate) loss: f64,
    pub(crate) nothing: f64,
}

impl Problem {
    /// Returns the address of row `row` of a step's batch.
    pub(crate) fn id(&self, step: u64, row: usize) -> SampleId {
        let index = step.wrapping_mul(self.recipe.batch as u64).wrapping_add(row as u64);
        SampleId { seed: self.recipe.seed, index }
    }

    /// Returns the name of a custom task; `None` for the recipe's own objective.
    pub(crate) fn own_task(&self) -> Option<&str> {
        Some(self.task.name()).filter(|name| *name != Denoising::NAME)
    }

    /// Returns true if the errors of the rows are recorded.
    pub(crate) fn learns(&self) -> bool {
        self.recipe.adaptive || self.recipe.weight == Weight::Uncertainty
    }

    /// Checks that the data have the labels that the network needs.
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

    /// Reads rows of the data as the network sees them, without noise.
    ///
    /// The ids determine the augmentation and the dequantisation.
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
                // Uniform noise in [0, step) for each element, in the network's units.
                fill_uniforms(*id, draws::TRAINING_DEQUANTISATION.first(), &mut shift);
                for (j, ((out, u), step)) in out.iter_mut().zip(&shift).zip(steps).enumerate() {
                    *out += (u * step / self.normalization.scale_of(j)) as f32;
                }
            }
        }
        Ok(())
    }

    /// Reads rows whose values single precision does not hold.
    ///
    /// They are rounded only after they were converted to the network's units.
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

    /// Writes the class of each row if the network has classes.
    ///
    /// A row whose id selects label dropout has no class.
    fn label(&self, rows: &[usize], ids: &[SampleId], out: &mut Vec<u32>) {
        out.clear();
        let Some(labels) = self.data.labels().filter(|_| self.classes > 0) else { return };
        out.extend(rows.iter().zip(ids).map(|(row, id)| {
            let mut u = [0.0];
            fill_uniforms(*id, draws::LABEL_DROPOUT.first(), &mut u);
            if u[0] < self.recipe.label_dropout { self.classes as u32 } else { labels[*row] }
        }));
    }

    /// Reads each of these rows once, with an id of its own.
    pub(crate) fn visit(&self, rows: &[usize]) -> Result<Vec<f32>> {
        let ids: Vec<SampleId> =
            rows.iter().map(|row| SampleId { seed: self.recipe.seed, index: *row as u64 }).collect();
        let mut out = Vec::new();
        self.clean(rows, &ids, &mut out)?;
        Ok(out)
    }

    /// Returns the noise of a whole batch, assigned to the rows by optimal transport.
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

    /// Fills `batch` with the rows of a step from position `first` on; `rows` are their indices in
    /// the data.
    pub(crate) fn fill(
        &self,
        step: u64,
        first: usize,
        rows: &[usize],
        coupled: Option<&[f32]>,
        features: usize,
        batch: &mut Batch,
    ) -> Result<()> {
        let width = self.width;
        let Batch { x, f, target, weights, seen, labels, clean, noise, levels, ids, tokens, .. } = batch;
        ids.clear();
        ids.extend((0..rows.len()).map(|row| self.id(step, first + row)));
        if let Some(of_tokens) = &self.tokens
            && let Some(numbers) = &of_tokens.numbers
        {
            let mut wide = vec![0.0; rows.len() * width];
            self.data.read_wide(rows, &mut wide)?;
            self.label(rows, ids, labels);
            let (mask, stratified) = (of_tokens.space.vocab() as u32, self.recipe.stratified);
            return numbers.fill((self.recipe.batch, first), ids, &wide, mask, stratified, features, tokens, x, f);
        }
        if let Some(of_tokens) = &self.tokens {
            clean.resize(rows.len() * width, 0.0);
            self.data.read(rows, clean)?;
            self.label(rows, ids, labels);
            of_tokens.fill(self.recipe.batch, first, ids, clean, self.recipe.stratified, features, tokens, f);
            return Ok(());
        }
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
        self.levels(first, ids, levels, seen)?;
        x.resize(rows.len() * width, 0.0);
        target.resize(rows.len() * width, 0.0);
        f.resize(rows.len() * features, 0.0);
        weights.resize(rows.len(), 0.0);
        let Self { formulation, objective, .. } = self;
        let batch = self.recipe.batch;
        let pairs = Pairs { step, batch, width, ids, clean, noise, levels, labels, formulation, objective };
        self.task.prepare(&pairs, &mut Inputs { x, features: f, target, weights })
    }

    /// Draws the level of each row; the first is row `first` of the batch.
    fn levels(&self, first: usize, ids: &[SampleId], levels: &mut Vec<Level>, seen: &mut Vec<Seen>) -> Result<()> {
        levels.clear();
        seen.clear();
        for (row, id) in ids.iter().enumerate() {
            let mut u = [0.0];
            fill_uniforms(*id, draws::TRAINING_LEVEL.first(), &mut u);
            let all = self.recipe.batch as f64;
            let u = if self.recipe.stratified { ((first + row) as f64 + u[0]) / all } else { u[0] };
            let level = self.objective.level(u)?;
            if self.learns() {
                let k = output_scale(&self.formulation, &level).2;
                let error = k * k * self.objective.error_gain(&level)? / self.width as f64;
                let weight = self.objective.weighted_density(&level)?;
                seen.push(Seen { lambda: level.lambda(), error, weight });
            }
            levels.push(level);
        }
        Ok(())
    }
}
