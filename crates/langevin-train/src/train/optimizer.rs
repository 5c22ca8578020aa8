//! AdamW with global-norm clipping and an exponential average of the weights, in one pass over flat
//! memory. Matrices may be left to [Muon](super::muon).
//!
//! ```text
//! g ← g · min(1, clip/‖g‖)
//! m ← β₁ m + (1−β₁) g,   v ← β₂ v + (1−β₂) g²
//! p ← p (1 − lr·wd) − lr · m̂/(√v̂ + ε),   m̂ = m/(1−β₁ⁿ),  v̂ = v/(1−β₂ⁿ)
//! ema ← ema + (1−d)(p − ema),   d = min(decay, n/(n+9))
//! ```
//!
//! The work is cut into pieces of fixed size. Each piece is computed in f32, and the norms are
//! summed in order in f64, so the result does not depend on the threads.
//!
//! Source: Loshchilov & Hutter, arXiv 1711.05101.

use super::averages::Followers;
use super::muon;
use crate::nn::Parameter;
use pulp::Simd;
use rayon::prelude::*;

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Number of weights that one task updates.
const PIECE: usize = 1 << 14;

/// State of the optimiser, with the weights and their average.
#[derive(Clone, Debug)]
pub(crate) struct Optimizer {
    /// Weights being trained.
    pub(crate) values: Vec<f32>,
    /// Exponential average of the weights.
    pub(crate) ema: Vec<f32>,
    pub(crate) m: Vec<f32>,
    pub(crate) v: Vec<f32>,
    pub(crate) steps: i32,
    /// Power-function averages, if requested.
    pub(crate) followers: Option<Followers>,
    weight_decay: f64,
    clip: f64,
    decay: f64,
    /// All weights in order, cut into parts.
    parts: Vec<Part>,
}

/// Adjacent weights that one task updates.
#[derive(Clone, Copy, Debug)]
struct Part {
    len: usize,
    /// Shape of a matrix that Muon updates; AdamW updates the other parts.
    matrix: Option<[usize; 2]>,
}

/// Cuts `len` weights into parts, around matrices in the order of the weights.
fn parts<'a>(len: usize, matrices: impl Iterator<Item = &'a Parameter>) -> Vec<Part> {
    let (mut parts, mut at) = (Vec::new(), 0);
    let plain = |parts: &mut Vec<Part>, from: usize, to: usize| {
        parts.extend((from..to).step_by(PIECE).map(|first| Part { len: PIECE.min(to - first), matrix: None }));
    };
    for matrix in matrices {
        plain(&mut parts, at, matrix.start);
        parts.push(Part { len: matrix.len(), matrix: Some(matrix.shape) });
        at = matrix.start + matrix.len();
    }
    plain(&mut parts, at, len);
    parts
}

impl Optimizer {
    pub(crate) fn new(values: Vec<f32>, weight_decay: f64, clip: f64, decay: f64) -> Self {
        let zeros = vec![0.0; values.len()];
        let parts = parts(values.len(), std::iter::empty());
        Self {
            ema: values.clone(),
            m: zeros.clone(),
            v: zeros,
            values,
            steps: 0,
            followers: None,
            parts,
            weight_decay,
            clip,
            decay,
        }
    }

    /// Leaves the hidden matrices of a network to Muon.
    pub(crate) fn with_muon(mut self, parameters: &[Parameter]) -> Self {
        let matrices = parameters.iter().filter(|parameter| parameter.is_hidden());
        self.parts = parts(self.values.len(), matrices);
        self
    }

    /// Sets the weight decay and the clipping norm from the next step on.
    pub(crate) fn set(&mut self, weight_decay: f64, clip: f64) {
        (self.weight_decay, self.clip) = (weight_decay, clip);
    }

    /// Makes one step along the sum of `gradients`, each as long as the weights, and zeroes them.
    ///
    /// Returns the norm of the sum before clipping. If the norm is not finite, nothing else is
    /// changed.
    pub(crate) fn step(&mut self, gradients: &mut [Vec<f32>], learning_rate: f64) -> f64 {
        let Some((total, rest)) = gradients.split_first_mut() else { return 0.0 };
        let mut others: Vec<_> = rest.iter_mut().map(|other| other.chunks_mut(PIECE)).collect();
        let pieces: Vec<(&mut [f32], Vec<&mut [f32]>)> = total
            .chunks_mut(PIECE)
            .map(|total| (total, others.iter_mut().filter_map(Iterator::next).collect()))
            .collect();
        let squares: Vec<f64> = pieces
            .into_par_iter()
            .map(|(total, mut others)| {
                others.iter_mut().for_each(|other| take(total, other));
                square(total)
            })
            .collect();
        let norm = squares.iter().sum::<f64>().sqrt();
        if !norm.is_finite() {
            total.fill(0.0);
            return norm;
        }
        self.steps = self.steps.saturating_add(1);
        let n = self.steps;
        let stride = Stride {
            factor: if norm > self.clip { (self.clip / norm) as f32 } else { 1.0 },
            bias_1: 1.0 / (1.0 - BETA_1.powi(n)),
            bias_2: 1.0 / (1.0 - BETA_2.powi(n)),
            rate: learning_rate as f32,
            keep: (1.0 - learning_rate * self.weight_decay) as f32,
            blend: (1.0 - self.decay.min(f64::from(n) / (f64::from(n) + 9.0))) as f32,
        };
        let lists = [&mut self.values, &mut self.ema, &mut self.m, &mut self.v, total];
        let mut lists = lists.map(Vec::as_mut_slice);
        let mut first = |len: usize| lists.each_mut().map(|list| list.split_off_mut(..len).unwrap_or_default());
        let work: Vec<_> = self.parts.iter().map(|part| (part.matrix, first(part.len))).collect();
        work.into_par_iter().for_each(|(matrix, [p, ema, m, v, g])| match matrix {
            None => update(&stride, p, ema, m, v, g),
            Some(shape) => descend(&stride, p, ema, &muon::step(shape, stride.factor, m, g)),
        });
        if let Some(followers) = &mut self.followers {
            for (blend, average) in followers.blends(n as u64).into_iter().zip(&mut followers.values) {
                average.par_chunks_mut(PIECE).zip(self.values.par_chunks(PIECE)).for_each(|(a, p)| follow(a, p, blend));
            }
        }
        norm
    }
}

/// Computes average ← average + blend (p − average).
#[pulp::with_simd(follow = pulp::Arch::new())]
#[inline(always)]
fn follow_with<S: Simd>(_simd: S, average: &mut [f32], p: &[f32], blend: f32) {
    average.iter_mut().zip(p).for_each(|(average, p)| *average += blend * (p - *average));
}

/// Constants of one step.
struct Stride {
    /// Factor of the gradient.
    factor: f32,
    bias_1: f32,
    bias_2: f32,
    rate: f32,
    /// Factor of the weights after weight decay.
    keep: f32,
    /// Share of the new weights in their average.
    blend: f32,
}

/// Computes sum ← sum + other, other ← 0.
#[pulp::with_simd(take = pulp::Arch::new())]
#[inline(always)]
fn take_with<S: Simd>(_simd: S, sum: &mut [f32], other: &mut [f32]) {
    for (sum, g) in sum.iter_mut().zip(other) {
        *sum += std::mem::take(g);
    }
}

/// Computes Σ g² in double precision, in a fixed order.
#[pulp::with_simd(square = pulp::Arch::new())]
#[inline(always)]
fn square_with<S: Simd>(_simd: S, g: &[f32]) -> f64 {
    let mut lanes = [0.0f64; 8];
    let (whole, rest) = g.as_chunks::<8>();
    for g in whole {
        lanes.iter_mut().zip(g).for_each(|(sum, g)| *sum += f64::from(*g) * f64::from(*g));
    }
    lanes.iter_mut().zip(rest).for_each(|(sum, g)| *sum += f64::from(*g) * f64::from(*g));
    lanes.iter().sum()
}

/// Applies the formulas above to one piece and zeroes the gradient.
#[pulp::with_simd(update = pulp::Arch::new())]
#[inline(always)]
fn update_with<S: Simd>(
    _simd: S,
    stride: &Stride,
    p: &mut [f32],
    ema: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    g: &mut [f32],
) {
    let Stride { factor, bias_1, bias_2, rate, keep, blend } = *stride;
    for ((((p, ema), m), v), g) in p.iter_mut().zip(ema).zip(m).zip(v).zip(g) {
        let g = std::mem::take(g) * factor;
        *m = BETA_1 * *m + (1.0 - BETA_1) * g;
        *v = BETA_2 * *v + (1.0 - BETA_2) * g * g;
        *p = *p * keep - rate * (*m * bias_1) / ((*v * bias_2).sqrt() + EPSILON);
        *ema += blend * (*p - *ema);
    }
}

/// Makes a step of Muon, given that of learning rate 1.
#[pulp::with_simd(descend = pulp::Arch::new())]
#[inline(always)]
fn descend_with<S: Simd>(_simd: S, stride: &Stride, p: &mut [f32], ema: &mut [f32], step: &[f32]) {
    let Stride { rate, keep, blend, .. } = *stride;
    for ((p, ema), step) in p.iter_mut().zip(ema).zip(step) {
        *p = *p * keep - rate * step;
        *ema += blend * (*p - *ema);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_step_is_the_sign_of_the_gradient_whatever_its_size() {
        for size in [1e-3, 1.0, 1e4f32] {
            let mut o = Optimizer::new(vec![1.0, 2.0, 3.0], 0.0, 1.0, 0.999);
            o.step(&mut [vec![size, -size, 0.0]], 0.1);
            for (got, want) in o.values.iter().zip([0.9, 2.1, 3.0f32]) {
                assert!((got - want).abs() < 1e-5, "{size}: {got} {want}");
            }
        }
    }

    #[test]
    fn gradients_are_summed_and_the_norm_is_of_the_sum() {
        let mut o = Optimizer::new(vec![0.0; 2], 0.0, 1.0, 0.0);
        assert_eq!(o.step(&mut [vec![1.0, 2.0], vec![2.0, 2.0]], 0.0), 5.0);
    }

    #[test]
    fn clipping_bounds_the_moments() {
        let mut o = Optimizer::new(vec![0.0; 2], 0.0, 1.0, 0.0);
        o.step(&mut [vec![30.0, 40.0]], 0.1);
        // ‖g‖ = 50 is scaled to 1: m = 0.1·(0.6, 0.8).
        assert!((o.m[0] - 0.06).abs() < 1e-7 && (o.m[1] - 0.08).abs() < 1e-7);
        o = Optimizer::new(vec![0.0; 2], 0.0, 100.0, 0.0);
        o.step(&mut [vec![30.0, 40.0]], 0.1);
        assert!((o.m[0] - 3.0).abs() < 1e-6);
    }

    #[test]
    fn average_starts_at_the_weights_and_follows() {
        let mut o = Optimizer::new(vec![0.0], 0.0, 1.0, 0.9);
        let mut want = 0.0f32;
        for n in 1..200 {
            o.step(&mut [vec![-1.0]], 0.01);
            let d = 0.9f32.min(n as f32 / (n as f32 + 9.0));
            want = d * want + (1.0 - d) * o.values[0];
            assert!((o.ema[0] - want).abs() < 1e-5);
        }
        // On a ramp the average lags behind by d/(1−d) = 9 steps of 0.01.
        assert!((o.values[0] - o.ema[0] - 0.09).abs() < 1e-3);
    }

    #[test]
    fn weight_decay_shrinks_without_a_gradient() {
        let mut o = Optimizer::new(vec![2.0], 0.5, 1.0, 0.0);
        o.step(&mut [vec![0.0]], 0.1);
        assert!((o.values[0] - 1.9).abs() < 1e-6);
    }

    #[test]
    fn matrices_leave_the_other_weights_to_adamw() {
        let shapes = [("in", [3, PIECE]), ("block.0.fc1.w", [5, 20]), ("b", [1, 7]), ("block.1.fc2.w", [20, 5])];
        let parameters = Parameter::layout(shapes.map(|(name, shape)| (name.to_owned(), shape)));
        let len = 3 * PIECE + 207;
        let values = crate::nn::check::normals(len, 0);
        let mut plain = Optimizer::new(values.clone(), 0.1, 1.0, 0.9);
        let mut muon = plain.clone().with_muon(&parameters);
        for n in 1..4 {
            let g = crate::nn::check::normals(len, n);
            assert_eq!(plain.step(&mut [g.clone()], 0.1), muon.step(&mut [g], 0.1));
        }
        for parameter in &parameters {
            let of =
                |optimizer: &Optimizer| [&optimizer.values, &optimizer.ema].map(|list| parameter.of(list).to_vec());
            assert_eq!(of(&plain) == of(&muon), !parameter.is_hidden(), "{}", parameter.name);
            // Every weight has moved.
            assert!(parameter.of(&muon.values).iter().zip(parameter.of(&values)).all(|(a, b)| a != b));
        }
        // A parameter without a gradient only decays, and the average follows.
        let mut still = Optimizer::new(values.clone(), 0.5, 1.0, 0.0).with_muon(&parameters);
        still.step(&mut [vec![0.0; len]], 0.1);
        assert!(still.values.iter().zip(&values).all(|(a, b)| *a == 0.95 * b) && still.ema == still.values);
    }

    #[test]
    fn a_gradient_that_is_not_finite_changes_nothing() {
        let mut o = Optimizer::new(vec![2.0], 0.5, 1.0, 0.0);
        assert!(o.step(&mut [vec![f32::NAN]], 0.1).is_nan());
        assert_eq!((o.values[0], o.ema[0], o.steps), (2.0, 2.0, 0));
    }
}
