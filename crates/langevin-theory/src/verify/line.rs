//! Shared tools of the measurements on the line: data, levels, networks derived from the data, and
//! residuals of rates.

use super::worst;
pub(super) use crate::line::{Line, gaussian_divergence, try_integral};
use langevin::ReadAs;
use langevin::error::Result;
use langevin::formulation::Formulation;
use langevin::math::exp;
use langevin::model::{Model, Query};
use langevin::moves::Rates;
use langevin::noise::SampleId;
pub(super) use langevin::process::ve;
use langevin::process::{Level, Process};
use langevin::space::SliceSpace;
use langevin_analysis::exact::two_gaussians;

/// The noise levels of the measurements, in σ/α.
pub(super) const RATIOS: [f64; 5] = [0.15, 0.5, 1.0, 3.0, 8.0];
/// The processes of the paper.
pub(super) const PROCESSES: [&str; 3] = ["vp", "ve", "rectified-flow"];

pub(super) fn process(name: &str) -> Result<Process> {
    Process::parse(name)
}

impl Line {
    /// Returns the data: the mixture used throughout the documentation.
    pub(super) fn data() -> Self {
        Self { mixture: two_gaussians() }
    }

    /// Returns another mixture, which plays a wrong model.
    pub(super) fn model() -> Result<Self> {
        Self::of(&[(0.5, -1.6, 0.25), (0.5, 1.2, 0.49)])
    }

    /// Returns the exact outputs of a network with this formulation.
    pub(super) fn outputs(&self, formulation: &Formulation, x: Vec<f64>, level: &Level) -> Result<Vec<f64>> {
        let rows = vec![SampleId::default(); x.len()];
        let model = ReadAs::new(self.density(), formulation.clone(), SliceSpace::<f64>::new(1));
        model.predict(&x, &Query::new(*level, &rows))
    }

    /// Returns the exact output for a single state.
    pub(super) fn output(&self, formulation: &Formulation, x: f64, level: &Level) -> Result<f64> {
        Ok(self.outputs(formulation, vec![x], level)?[0])
    }

    /// Returns E‖out_p − out_q‖² over p_t, for networks with this formulation.
    pub(super) fn output_gap(&self, other: &Self, formulation: &Formulation, level: &Level) -> Result<f64> {
        let (x, weights): (Vec<f64>, Vec<f64>) = self.nodes(level).into_iter().unzip();
        let (own, theirs) = (self.outputs(formulation, x.clone(), level)?, other.outputs(formulation, x, level)?);
        Ok(weights.iter().zip(own.iter().zip(&theirs)).map(|(w, (p, q))| w * (p - q).powi(2)).sum())
    }

    /// Measures how well rates move p_t.
    ///
    /// The result is the largest |`toward`·∂p/∂t + ∂((a x + b s)p) − ½ power ∂²p| over x, relative
    /// to the largest of its terms. `toward` is 1 for a half that raises the time, −1 for a half
    /// that lowers it, and 0 for a move that keeps it.
    pub(super) fn residual(&self, process: &Process, level: &Level, rates: Rates, toward: f64) -> Result<f64> {
        let width = (0.3 * level.alpha).hypot(level.sigma);
        let step = 2e-3 * width;
        // Derivatives are taken in ln(σ/α), which does not depend on the parametrisation of time.
        let near = |by: f64| process.level_at_sigma_ve(level.sigma_ve() * exp(by));
        let levels = [near(-2e-3)?, near(-1e-3)?, near(1e-3)?, near(2e-3)?];
        let clock = slope_of(levels.map(|level| level.time), 1e-3);
        let p = |x: f64, level: &Level| exp(self.log_density(x, level));
        let (mut largest, mut scale) = (0.0_f64, 0.0_f64);
        for x in self.quantiles(level, 41) {
            let along = |i: f64| {
                let x = x + i * step;
                (rates.x * x + rates.score * self.score(x, level)) * p(x, level)
            };
            let time = toward * slope_of(levels.map(|level| p(x, &level)), 1e-3) / clock;
            let drift = slope_of([along(-2.0), along(-1.0), along(1.0), along(2.0)], step);
            let at = |i: f64| p(x + i * step, level);
            let bend = (16.0 * (at(1.0) + at(-1.0)) - (at(2.0) + at(-2.0)) - 30.0 * at(0.0)) / (12.0 * step * step);
            let noise = 0.5 * rates.power * bend;
            largest = worst([largest, (time + drift - noise).abs()]);
            scale = scale.max(time.abs()).max(drift.abs()).max(noise.abs());
        }
        Ok(largest / scale)
    }
}

/// Returns a derivative from the values at −2, −1, 1 and 2 steps, to fourth order.
pub(super) fn slope_of([far_below, below, above, far_above]: [f64; 4], step: f64) -> f64 {
    (8.0 * (above - below) - (far_above - far_below)) / (12.0 * step)
}
