//! Batches of tables of numbers and categories, and their loss.
//!
//! Numbers and categories of a row are noised at one level, a survival α with σ = 1 − α:
//!
//! ```text
//! number:    α x₀ + σ ε,  with x₀ the normal score of the number
//! category:  kept with probability α, the mask otherwise
//! ```
//!
//! α is uniform, and stratified over a batch. The loss of a row with m numbers and d categories is
//!
//! ```text
//! ( Σ_j (out_j − target_j)² + 1/σ Σ_masked −ln D_i ) / (m + d)
//! ```
//!
//! with the target of the formulation at unit variance. The second sum is the bound on −ln p of the
//! categories given the noised numbers; 1/σ is at most 50. Missing numbers and categories are never
//! seen and have no loss.

use super::problem::Losses;
use super::tokens::TokenBatch;
use crate::error::{Error, Result};
use crate::nn::kernels::cross_entropy;
use crate::nn::net::features;
use crate::nn::network::{input_scale, output_scale};
use langevin::noise::{draws, fill_normals, fill_uniforms};
use langevin::{Formulation, Process, SampleId};
use langevin_data::{NormalScores, TableSchema};

/// Smallest noise level σ of a row, and smallest survival.
const LEAST: f64 = 1e-3;
/// Largest weight 1/σ of a category.
const MOST: f64 = 50.0;

/// Columns of numbers, and what the loss needs to know of the others.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    scores: Vec<NormalScores>,
    /// ln of the number of categories of each column.
    nats: Vec<f64>,
    formulation: Formulation,
    /// Process whose levels are survivals.
    flow: Process,
}

/// Numbers of a batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct NumberBatch {
    /// Number of columns of numbers.
    count: usize,
    target: Vec<f32>,
    weights: Vec<f32>,
    /// Loss of categories under a network that gives each the same probability.
    nothing: f64,
}

impl Numbers {
    /// Returns the columns of numbers of a table.
    pub(crate) fn of(table: &TableSchema, formulation: &Formulation) -> Result<Self> {
        let scores: Vec<NormalScores> = table.columns().iter().filter_map(|column| column.scores().cloned()).collect();
        let nats = table.letters().into_iter().map(|size| (size as f64).ln()).collect();
        Ok(Self { scores, nats, formulation: formulation.clone(), flow: Process::rectified_flow() })
    }

    /// Returns the number of columns of numbers.
    pub(crate) fn count(&self) -> usize {
        self.scores.len()
    }

    /// Fills a batch: row `r` is row `first + r` of a batch of `size` rows. `clean` holds the
    /// numbers and the letters of each row, and `x` receives the noised numbers at unit variance.
    #[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
    pub(crate) fn fill(
        &self,
        (size, first): (usize, usize),
        ids: &[SampleId],
        clean: &[f64],
        mask: u32,
        stratified: bool,
        features_of_row: usize,
        out: &mut TokenBatch,
        x: &mut Vec<f32>,
        f: &mut Vec<f32>,
    ) -> Result<()> {
        let (m, d) = (self.count(), self.nats.len());
        let columns = (m + d) as f64;
        let numbers = out.numbers.get_or_insert_default();
        numbers.count = m;
        let TokenBatch { letters, answers, weights, vocab, .. } = out;
        *vocab = mask as usize;
        let NumberBatch { target, weights: number_weights, nothing, .. } = numbers;
        *nothing = 0.0;
        [&mut *letters, &mut *answers].into_iter().for_each(|all| all.clear());
        weights.clear();
        target.clear();
        number_weights.clear();
        f.resize(ids.len() * features_of_row, 0.0);
        x.resize(ids.len() * m, 0.0);
        fill_normals(ids, draws::TRAINING_NOISE.first(), m, x);
        let (mut level, mut u, mut points) = ([0.0], vec![0.0; d], vec![0.0; m]);
        for (row, id) in ids.iter().enumerate() {
            fill_uniforms(*id, draws::TRAINING_TOKENS.first(), &mut level);
            let sigma = if stratified { ((first + row) as f64 + level[0]) / size as f64 } else { level[0] };
            let at = self.flow.level(sigma.clamp(LEAST, 1.0 - LEAST))?;
            let (alpha, sigma) = (at.alpha, at.sigma);
            let own = self.formulation.process.match_level(&at)?;
            let (datum, noise, k) = output_scale(&self.formulation, &own);
            let shrink = input_scale(&at);
            fill_uniforms(*id, draws::TRAINING_DEQUANTISATION.first(), &mut points);
            let clean = &clean[row * (m + d)..(row + 1) * (m + d)];
            for (j, x) in x[row * m..(row + 1) * m].iter_mut().enumerate() {
                let epsilon = f64::from(*x);
                if clean[j].is_nan() {
                    *x = f32::NAN;
                    target.push(0.0);
                    number_weights.push(0.0);
                    continue;
                }
                let x0 = self.scores[j].score(clean[j], points[j]);
                *x = (shrink * (alpha * x0 + sigma * epsilon)) as f32;
                target.push(((datum * x0 + noise * epsilon) / k) as f32);
                number_weights.push((1.0 / (columns * size as f64)) as f32);
            }
            fill_uniforms(*id, draws::TRAINING_TOKENS.last(), &mut u);
            for (place, (value, u)) in clean[m..].iter().zip(&u).enumerate() {
                let letter = *value as u32;
                let weight =
                    if *u < alpha || letter == mask { 0.0 } else { (1.0 / sigma).min(MOST) / (columns * size as f64) };
                *nothing += weight * self.nats[place];
                letters.push(if *u < alpha { letter } else { mask });
                answers.push(if letter == mask { 0 } else { letter });
                weights.push(weight as f32);
            }
            if features_of_row > 0 {
                features(alpha, sigma, &mut f[row * features_of_row..(row + 1) * features_of_row]);
            }
        }
        Ok(())
    }
}

impl NumberBatch {
    /// Computes the loss of the outputs, rows of numbers and logits, and writes their gradient.
    pub(crate) fn compare(&self, of: &TokenBatch, outputs: &[f32], gradient: &mut Vec<f32>) -> Result<Losses> {
        let (m, vocab) = (self.count, of.vocab);
        let rows = self.target.len() / m.max(1);
        let d = of.letters.len() / rows.max(1);
        let width = m + d * vocab;
        if outputs.len() != rows * width {
            return Err(Error::argument("the network's outputs do not fit its rows")
                .expected(format!("{rows} × {width} outputs"))
                .got(outputs.len().to_string()));
        }
        gradient.resize(outputs.len(), 0.0);
        let mut losses = Losses { loss: 0.0, nothing: self.nothing };
        for (row, (out, gradient)) in outputs.chunks_exact(width).zip(gradient.chunks_exact_mut(width)).enumerate() {
            let (numbers, logits) = gradient.split_at_mut(m);
            let of_numbers = row * m..(row + 1) * m;
            let targets = self.target[of_numbers.clone()].iter().zip(&self.weights[of_numbers]);
            for ((gradient, out), (target, weight)) in numbers.iter_mut().zip(out).zip(targets) {
                let apart = out - target;
                *gradient = 2.0 * weight * apart;
                losses.loss += f64::from(weight * apart * apart);
                losses.nothing += f64::from(weight * target * target);
            }
            let of_letters = row * d..(row + 1) * d;
            let (answers, weights) = (&of.answers[of_letters.clone()], &of.weights[of_letters]);
            losses.loss += cross_entropy(&out[m..], vocab, answers, weights, logits);
        }
        Ok(losses)
    }
}
