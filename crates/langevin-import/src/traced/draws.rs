//! Noise that is composed of many draws, reduced to one draw for each independent part.

use super::Recording;

/// Weights below this multiple of the roundoff, relative to their row, count as none.
const NONE: f64 = 1e3;

/// Replaces the draws of a recording by fewer ones of the same distribution. Returns the numbers of
/// draws before and after, or `None` if nothing was gained.
///
/// The noise of all rows is a Gaussian vector. Gram–Schmidt in the order of the calls gives its
/// Cholesky factor, so each row has at most one draw that no earlier row has.
pub(super) fn reduce(recording: &mut Recording) -> Option<[usize; 2]> {
    let slack = NONE * recording.roundoff.max(f64::EPSILON);
    let rows = || recording.calls.iter().map(|call| &call.input).chain([&recording.result]);
    let width = rows().map(|row| row.draws.len()).max()?;
    let used = (0..width).filter(|draw| rows().any(|row| row.draws.get(*draw).is_some_and(|w| *w != 0.0))).count();
    if each_adds_one(rows(), width) {
        return None;
    }
    let mut basis: Vec<Vec<f64>> = vec![];
    let mut reduced: Vec<Vec<f64>> = vec![];
    for row in rows() {
        let size = norm(&row.draws);
        let mut rest = row.draws.clone();
        rest.resize(width, 0.0);
        let mut weights = vec![0.0; basis.len()];
        // A second pass removes what rounding left in the first.
        for _ in 0..2 {
            for (weight, axis) in weights.iter_mut().zip(&basis) {
                let share: f64 = rest.iter().zip(axis).map(|(a, b)| a * b).sum();
                *weight += share;
                rest.iter_mut().zip(axis).for_each(|(a, b)| *a -= share * b);
            }
        }
        let left = norm(&rest);
        if left > slack * size {
            rest.iter_mut().for_each(|a| *a /= left);
            basis.push(rest);
            weights.push(left);
        }
        weights.iter_mut().filter(|weight| weight.abs() <= slack * size).for_each(|weight| *weight = 0.0);
        reduced.push(weights);
    }
    if basis.len() >= used {
        return None;
    }
    let inputs = recording.calls.iter_mut().map(|call| &mut call.input);
    for (row, weights) in inputs.chain([&mut recording.result]).zip(reduced) {
        row.draws = weights;
    }
    Some([used, basis.len()])
}

/// Returns true if every row has at most one draw that no earlier row has. The draws are then
/// independent parts already.
fn each_adds_one<'a>(rows: impl Iterator<Item = &'a super::Row>, width: usize) -> bool {
    let mut seen = vec![false; width];
    rows.into_iter().all(|row| {
        let new =
            row.draws.iter().enumerate().filter(|(draw, weight)| **weight != 0.0 && !seen[*draw]).map(|(draw, _)| draw);
        let new: Vec<usize> = new.collect();
        new.iter().for_each(|draw| seen[*draw] = true);
        new.len() <= 1
    })
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
