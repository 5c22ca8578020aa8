//! Levels chosen from a fine trajectory by dynamic programming, as in GITS (arXiv 2405.11326).

use super::fit::{Setting, Target};
use super::methods::{CHOOSING, PATH, Work, starts};
use super::table::Table;
use crate::recommend;
use langevin::error::Result;
use langevin::model::Model;
use langevin::plan::{Op, Plan};
use langevin::sampler::Sampler;

impl<M: Model<Vec<f64>> + Sync + ?Sized> Work<'_, M> {
    /// Returns the levels of a fine trajectory with the smallest sum of Euler errors.
    pub(super) fn path(&self) -> Result<Option<Vec<f64>>> {
        let few = self.fit.head(CHOOSING);
        let sampler = Sampler::parse("dpmpp-2m", None)?;
        let grid = self.compiler.usual_grid().map_or("config", |_| "uniform-lambda");
        let Some((_, fine)) = recommend::fitting(self.compiler, &sampler, grid, PATH)? else { return Ok(None) };
        let Some(table) = Table::of(&fine)? else { return Ok(None) };
        if table.levels().len() < self.nfe {
            return Ok(None);
        }
        let (states, denoised) = trajectory(&few, &fine, &table, self.setting)?;
        // The last place is the clean end, where the model is not evaluated.
        let levels: Vec<f64> = table.levels().iter().copied().chain([0.0]).collect();
        let count = levels.len();
        // The error of one Euler step from level i to level j, summed over samples.
        let cost = |i: usize, j: usize| -> f64 {
            let ratio = levels[j] / levels[i];
            let pairs = states[i].iter().zip(&denoised[i]).zip(&states[j]);
            pairs.map(|((z, d), there)| (ratio * z + (1.0 - ratio) * d - there).powi(2)).sum::<f64>().sqrt()
        };
        let costs: Vec<Vec<f64>> =
            (0..count).map(|i| (0..count).map(|j| if j > i { cost(i, j) } else { f64::INFINITY }).collect()).collect();
        // sums[k][j] is the least sum to level j in k steps.
        let mut sums = vec![vec![f64::INFINITY; count]; self.nfe + 1];
        let mut from = vec![vec![0; count]; self.nfe + 1];
        sums[0][0] = 0.0;
        for k in 1..=self.nfe {
            for j in k..count {
                for i in k - 1..j {
                    let sum = sums[k - 1][i] + costs[i][j];
                    if sum < sums[k][j] {
                        (sums[k][j], from[k][j]) = (sum, i);
                    }
                }
            }
        }
        let (mut at, mut chosen) = (count - 1, vec![]);
        for k in (1..=self.nfe).rev() {
            at = from[k][at];
            chosen.push(levels[at]);
        }
        chosen.reverse();
        Ok(Some(chosen))
    }
}

/// One vector of all samples for each evaluation.
type Trajectory = Vec<Vec<f64>>;

/// Returns the states z = x/α and the D of each evaluation of a table, one vector of all samples
/// for each, and the samples as a last state.
fn trajectory<M: Model<Vec<f64>> + Sync + ?Sized>(
    target: &Target<'_, M>,
    fine: &Plan,
    table: &Table,
    setting: Setting<'_>,
) -> Result<(Trajectory, Trajectory)> {
    let (_, answers) = target.answers(fine)?;
    let readings = fine.ops().iter().filter_map(|op| match op {
        Op::Eval { level, net, out, .. } => {
            Some((level.alpha, net.map_or([0.0, 1.0], |net| [net.a, net.b]), out.len()))
        }
        _ => None,
    });
    let mut z: Vec<f64> = starts(target, table.levels()[0], setting)?.iter().map(|z| z * table.levels()[0]).collect();
    let (mut states, mut all): (Trajectory, Trajectory) = (vec![], vec![]);
    let width = target.width();
    let mut output = 0;
    for (step, (alpha, [a, b], outputs)) in readings.enumerate() {
        let answer = |row: usize, k: usize| answers[row][output + k].iter();
        let mut denoised = Vec::with_capacity(z.len());
        for (row, states) in z.chunks(width).enumerate() {
            let guided: Vec<f64> = match table.guidance(step) {
                Some(w) if outputs == 2 => {
                    answer(row, 0).zip(answer(row, 1)).map(|(with, without)| w * with + (1.0 - w) * without).collect()
                }
                _ => answer(row, 0).copied().collect(),
            };
            denoised.extend(states.iter().zip(&guided).map(|(z, out)| a * alpha * z + b * out));
        }
        output += outputs;
        states.push(z.clone());
        all.push(denoised);
        let ratio = table.ratio(step);
        z.iter_mut().for_each(|z| *z *= ratio);
        for (weight, denoised) in table.row(step).iter().zip(&all) {
            z.iter_mut().zip(denoised).for_each(|(z, d)| *z += weight * d);
        }
    }
    states.push(z);
    Ok((states, all))
}
