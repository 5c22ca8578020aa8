//! The loss as it is shown.

/// Points kept of the loss curve.
const CURVE: usize = 400;

/// An exponential average of the loss over about a hundred steps, and its curve, thinned out to at most [`CURVE`] points.
#[derive(Debug)]
pub(crate) struct Smooth {
    sum: f64,
    weight: f64,
    curve: Vec<(u64, f64)>,
    stride: u64,
}

impl Default for Smooth {
    fn default() -> Self {
        Self { sum: 0.0, weight: 0.0, curve: Vec::new(), stride: 1 }
    }
}

impl Smooth {
    pub(crate) fn push(&mut self, step: u64, loss: f64) {
        self.sum = 0.99 * self.sum + 0.01 * loss;
        self.weight = 0.99 * self.weight + 0.01;
        if step.is_multiple_of(self.stride) {
            if self.curve.len() == CURVE {
                self.stride *= 2;
                let stride = self.stride;
                self.curve.retain(|(step, _)| step.is_multiple_of(stride));
            }
            if step.is_multiple_of(self.stride) {
                self.curve.push((step, self.loss()));
            }
        }
    }

    pub(crate) fn loss(&self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { 0.0 }
    }

    pub(crate) fn curve(&self) -> &[(u64, f64)] {
        &self.curve
    }
}
