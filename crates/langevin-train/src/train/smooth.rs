//! Smoothed loss for display.

use serde::{Deserialize, Serialize};

/// Number of stored points of the loss curve.
const CURVE: usize = 400;
/// Share that the average keeps at each step.
const KEEP: f64 = 0.99;
/// Number of steps until the average is reliable.
const SETTLED: u64 = 200;

/// Exponential average of the loss over about a hundred steps, and its curve, thinned to at most
/// [`CURVE`] points.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Smooth {
    sum: f64,
    weight: f64,
    /// Like `sum`, with 1 for each clipped gradient.
    clips: f64,
    /// Lowest average since it became reliable.
    least: Option<f64>,
    curve: Vec<(u64, f64)>,
    stride: u64,
}

impl Default for Smooth {
    fn default() -> Self {
        Self { sum: 0.0, weight: 0.0, clips: 0.0, least: None, curve: Vec::new(), stride: 1 }
    }
}

impl Smooth {
    pub(crate) fn push(&mut self, step: u64, loss: f64, clipped: bool) {
        self.sum = KEEP * self.sum + (1.0 - KEEP) * loss;
        self.weight = KEEP * self.weight + (1.0 - KEEP);
        self.clips = KEEP * self.clips + (1.0 - KEEP) * f64::from(u8::from(clipped));
        if step >= SETTLED {
            self.least = Some(self.least.map_or(self.loss(), |least| least.min(self.loss())));
        }
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

    /// Resets the average after an explosion, which would otherwise dominate a thousand steps.
    pub(crate) fn restart(&mut self, loss: f64) {
        self.sum = self.weight * loss;
    }

    pub(crate) fn loss(&self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { 0.0 }
    }

    /// Returns the clipped share of about the last hundred gradients.
    pub(crate) fn clipped(&self) -> f64 {
        if self.weight > 0.0 { self.clips / self.weight } else { 0.0 }
    }

    /// Returns the average as a multiple of the lowest one; 1 if the ratio is not meaningful.
    pub(crate) fn growth(&self) -> f64 {
        match self.least {
            Some(least) if least > 0.0 => self.loss() / least,
            _ => 1.0,
        }
    }

    pub(crate) fn curve(&self) -> &[(u64, f64)] {
        &self.curve
    }
}
