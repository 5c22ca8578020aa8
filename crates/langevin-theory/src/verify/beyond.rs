//! Claims 33–36, beyond the paper: networks that are not a score, chains of few steps, and the
//! variance of an estimate.

use super::line::{Line, gaussian_divergence, process, try_integral, ve};
use super::{Claim, Extra, Measured, off, worst};
use crate::line::{Tabled, even};
use langevin::error::Result;
use langevin::formulation::{Formulation, LambdaRange};
use langevin::grid::Grid;
use langevin::math::{exp, sin};
use langevin::moves::Rates;
use langevin::objective::{Objective, TimeDensity, Weight};
use langevin::prediction::Prediction;
use langevin::process::{Level, Process};
use langevin::sampler::Sampler;
use langevin_analysis::Analyze as _;
use langevin_analysis::analysis::{AnalysisOptions, Spectrum};
use langevin_analysis::likelihood::{chain_excess, optimal_chain, path_integral};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 33,
        claim: "−dKL/dt = ½(g²+h²)E[(s−s_θ)·(s−s_q)] − ½h²E‖s−s_q‖², for a network s_θ that is not a score",
        source: "beyond; the KL identity",
        measure: identity,
    },
    Claim {
        number: 34,
        claim: "−dKL/dt is at most (g²+h²)²/(8h²) E‖s−s_θ‖²; this bound is least at h = g: the SDE is the maximum-likelihood split",
        source: "beyond; its bound",
        measure: bound,
    },
    Claim {
        number: 35,
        claim: "n steps are a variational autoencoder of n layers, whose bound is looser by O(1/n)",
        source: "beyond; arXiv 2107.00630",
        measure: chains,
    },
    Claim {
        number: 36,
        claim: "where noise levels are drawn decides how noisy the loss is: importance by √E[e²] is best",
        source: "beyond; the variance table",
        measure: variance,
    },
];

/// The worked example: rectified flow, x₀ ~ N(0, 0.7), and a network with the score −x/u.
pub(super) struct Worked {
    process: Process,
}

impl Worked {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { process: process("rectified-flow")? })
    }

    pub(super) fn truth(&self, s: f64) -> f64 {
        0.7 * (1.0 - s) * (1.0 - s) + s * s
    }

    pub(super) fn network(&self, s: f64) -> f64 {
        self.truth(s) * (1.0 + 0.3 * sin(3.0 * s))
    }

    /// Returns dV/dτ of the model on its way down.
    pub(super) fn slope(&self, s: f64, variance: f64, eta: f64) -> Result<f64> {
        let rates = Rates::reverse(&self.process, &self.process.level(s)?, eta)?;
        Ok(2.0 * (rates.x - rates.score / self.network(s)) * variance + rates.power)
    }

    /// Returns g² at s.
    fn power(&self, s: f64) -> Result<f64> {
        Ok(Rates::forward(&self.process, &self.process.level(s)?)?.power)
    }

    /// Returns E‖s − s_θ‖².
    fn error(&self, s: f64) -> f64 {
        let (v, u) = (self.truth(s), self.network(s));
        v * (1.0 / v - 1.0 / u).powi(2)
    }

    /// Returns the model's variance at s on the way down from 0.95, by the classical Runge–Kutta
    /// method.
    pub(super) fn model(&self, to: f64, eta: f64, steps: usize) -> Result<f64> {
        let h = (0.95 - to) / steps as f64;
        let mut variance = 1.1 * self.truth(0.95);
        for step in 0..steps {
            let s = 0.95 - h * step as f64;
            let k1 = self.slope(s, variance, eta)?;
            let k2 = self.slope(s - 0.5 * h, variance + 0.5 * h * k1, eta)?;
            let k3 = self.slope(s - 0.5 * h, variance + 0.5 * h * k2, eta)?;
            let k4 = self.slope(s - h, variance + h * k3, eta)?;
            variance += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
        }
        Ok(variance)
    }

    /// Returns the KL divergence of the data from the model at s = 0.05.
    pub(super) fn divergence(&self, eta: f64) -> Result<f64> {
        Ok(gaussian_divergence(self.truth(0.05), self.model(0.05, eta, 2000)?))
    }

    /// Returns the KL of the start plus ∫ (g²+h²)²/(8h²) E‖s−s_θ‖² ds.
    pub(super) fn bound(&self, eta: f64) -> Result<f64> {
        let start = gaussian_divergence(self.truth(0.95), 1.1 * self.truth(0.95));
        let factor = (1.0 + eta * eta).powi(2) / (8.0 * eta * eta);
        Ok(start + try_integral(0.05, 0.95, 40, |s| Ok(factor * self.power(s)? * self.error(s)))?)
    }
}

fn identity(_: &Extra<'_>) -> Result<Measured> {
    let case = Worked::new()?;
    let mut figures = Vec::new();
    for eta in [0.0, 0.5, 1.0, 1.7] {
        for s in [0.8, 0.5, 0.2] {
            let variance = case.model(s, eta, 800)?;
            let (v, u) = (case.truth(s), case.network(s));
            // The growth of KL on the way down, from the slopes of both variances: v′ = dv/ds.
            let fall = -(2.0 * s - 1.4 * (1.0 - s));
            let grow = case.slope(s, variance, eta)?;
            let rate = 0.5 * ((1.0 / variance - 1.0 / v) * fall + (1.0 / variance - v / (variance * variance)) * grow);
            let (apart, cross) = (1.0 / v - 1.0 / variance, 1.0 / v - 1.0 / u);
            let g2 = case.power(s)?;
            let h2 = eta * eta * g2;
            let wanted = 0.5 * (g2 + h2) * v * cross * apart - 0.5 * h2 * v * apart * apart;
            figures.push((rate - wanted).abs() / (g2 * v * (cross * cross + apart * apart)));
        }
    }
    Ok(Measured::new("both sides on the worked case, h/g 0, 0.5, 1, 1.7, three times, relative", worst(figures), 1e-12))
}

fn bound(_: &Extra<'_>) -> Result<Measured> {
    let case = Worked::new()?;
    let mut figures = Vec::new();
    let mut shown = Vec::new();
    let table =
        [(0.0, 0.21942, f64::INFINITY), (0.5, 0.13613, 0.14324), (1.0, 0.05253, 0.09247), (1.7, 0.01972, 0.12036)];
    for (eta, divergence, bound) in table {
        let found = case.divergence(eta)?;
        figures.push((found - divergence).abs());
        if eta > 0.0 {
            let own = case.bound(eta)?;
            figures.push((own - bound).abs());
            figures.push(if found <= own { 0.0 } else { f64::INFINITY });
        }
        shown.push(format!("{found:.5}"));
    }
    let least = case.bound(1.0)? < case.bound(0.95)? && case.bound(1.0)? < case.bound(1.05)?;
    Ok(Measured::new(
        format!("KL at h/g 0, 0.5, 1, 1.7: {}; largest difference from the known digits", shown.join(", ")),
        if least { worst(figures) } else { f64::INFINITY },
        6e-6,
    ))
}

fn chains(_: &Extra<'_>) -> Result<Measured> {
    let c = 0.7;
    let gaussian = |lambda: f64| c / (1.0 + c * exp(2.0 * lambda));
    let process = process("vp")?;
    let data = Spectrum::from_eigenvalues(&[c])?;
    let mut figures = Vec::new();
    let known =
        [(4, 64.75, 0.7456), (8, 10.58, 0.3060), (16, 3.337, 0.08116), (32, 1.360, 0.02056), (64, 0.618, 0.00516)];
    for (steps, excess, divergence) in known {
        figures.push(off(chain_excess(&gaussian, &even(-4.6, 4.6, steps))?, excess));
        let y = exp(4.6);
        let levels = Grid::uniform_lambda(steps).without_clean_end().levels(&process, 1.0 / y, y)?;
        let plan = Sampler::exponential(1.0).compile(&process, None, &levels)?;
        let found = plan.analyze(&data, &AnalysisOptions::default())?;
        let own =
            found.contributions.iter().find(|part| part.cause == langevin_analysis::analysis::Cause::Discretisation);
        figures.push(own.map_or(f64::NAN, |part| off(part.alone.kl, divergence)));
    }
    let line = Line::data();
    let mmse = Tabled::new(-4.6, 4.6, 1200, &|lambda| line.mmse(lambda));
    let error = |lambda: f64| mmse.at(lambda);
    for (steps, excess) in [(4, 68.77), (8, 10.50), (16, 3.287), (32, 1.340), (64, 0.609), (128, 0.291)] {
        figures.push(off(chain_excess(&error, &even(-4.6, 4.6, steps))?, excess));
    }
    for (steps, excess) in [(4, 14.5), (8, 4.23), (16, 1.66), (32, 0.744), (64, 0.353)] {
        let chain = optimal_chain(&error, -4.6, 4.6, steps, 920)?;
        figures.push(off(chain_excess(&error, &chain)?, excess));
    }
    Ok(Measured::new(
        "excess of 4 to 128 steps on a Gaussian and on the mixture, even and best, and KL of the chain, against known digits, relative",
        worst(figures),
        // The reference digits are known to three or four places.
        5e-3,
    ))
}

/// The number of rows of a batch.
const BATCH: usize = 128;
/// The number of cells of λ in each stratum; there is one stratum per row.
const CELLS: usize = 4;

/// Computes the variance of one estimate of ∫E‖ε−ε̂‖²dλ on the mixture, λ ± 4.6, from a batch
/// of 128.
fn variance(_: &Extra<'_>) -> Result<Measured> {
    let line = Line::data();
    let range = LambdaRange { min: -4.6, max: 4.6 };
    // Moments of e = (x₀ − D)² SNR at the midpoints of cells of λ, and of e minus the fitted
    // Gaussian's.
    let count = 1000;
    let width = 9.2 / f64::from(count);
    let mean = line.mean_of(&ve(0.0), |x| x);
    let spread = line.mean_of(&ve(0.0), |x| (x - mean).powi(2));
    let mut cells = Vec::new();
    for i in 0..count {
        let lambda = -4.6 + width * (f64::from(i) + 0.5);
        let (level, snr) = (ve(exp(-lambda)), exp(2.0 * lambda));
        let (second, fourth) = line.errors(&level);
        let fitted = |x: f64| (spread * x + level.sigma * level.sigma * mean) / (spread + level.sigma * level.sigma);
        let (mut first, mut square) = (0.0, 0.0);
        for (x, weight) in line.nodes(&level) {
            let apart = fitted(x) - line.denoised(x, &level);
            let own: f64 = {
                let d = line.denoised(x, &level);
                line.posterior(x, &level).iter().map(|p| p.share * ((p.mean - d).powi(2) + p.variance)).sum()
            };
            first -= weight * apart * apart;
            square += weight * apart * apart * (4.0 * own + apart * apart);
        }
        cells.push([second * snr, fourth * snr * snr, first * snr, square * snr * snr]);
    }
    let at = |lambda: f64, k: usize| cells[(((lambda + 4.6) / width) as usize).min(cells.len() - 1)][k];
    let truth = path_integral(&|lambda| line.mmse(lambda), -4.6, 4.6);
    // The variance for a density of the levels, drawn independently or one per stratum.
    let estimate = |level: &dyn Fn(f64) -> Result<(f64, f64)>, stratified: bool, k: usize| -> Result<f64> {
        // The sum runs over u in [0, 1], so that every density is evaluated where it draws.
        let parts = BATCH * CELLS;
        let (mut squares, mut own) = (0.0, 0.0);
        for stratum in 0..BATCH {
            let mut inside = 0.0;
            for cell in 0..CELLS {
                let u = ((stratum * CELLS + cell) as f64 + 0.5) / parts as f64;
                let (lambda, density) = level(u)?;
                squares += at(lambda, k + 1) / (density * density) / parts as f64;
                inside += at(lambda, k) / density / CELLS as f64;
            }
            own += inside * inside / BATCH as f64;
        }
        let total = if k == 0 { truth * truth } else { 0.0 };
        Ok((squares - if stratified { own } else { total }) / BATCH as f64)
    };
    let named = |name: &str, prediction, times: TimeDensity| -> Result<Objective> {
        Objective::new(&Formulation::new(process(name)?, prediction).with_range(range), Weight::Likelihood, times)
    };
    let from = |objective: &Objective, u: f64| -> Result<(f64, f64)> {
        let level: Level = objective.level(u)?;
        Ok((level.lambda(), objective.density(&level)))
    };
    let best = |k: usize| -> Result<Objective> {
        let roots = cells.iter().map(|cell| cell[k + 1].sqrt()).collect();
        named("ve", Prediction::Epsilon, TimeDensity::Histogram(langevin::objective::Histogram::new(range, roots)?))
    };
    let flow = named("rectified-flow", Prediction::Velocity, TimeDensity::UniformTime)?;
    let lambda = named("ve", Prediction::Epsilon, TimeDensity::UniformLambda)?;
    let (importance, controlled) = (best(0)?, best(2)?);
    // Uniform VP time has its weight in a tail that no even division of u resolves, so this sum
    // runs over λ.
    let vp = named("vp", Prediction::Score, TimeDensity::UniformTime)?;
    let mut heavy = -truth * truth;
    for i in 0..count {
        let lambda = -4.6 + width * (f64::from(i) + 0.5);
        heavy += width * at(lambda, 1) / vp.density(&vp.formulation().process.level_at_lambda(lambda)?);
    }
    let found = [
        heavy / BATCH as f64,
        estimate(&|u| from(&flow, u), false, 0)?,
        estimate(&|u| from(&lambda, u), false, 0)?,
        estimate(&|u| from(&lambda, u), true, 0)?,
        estimate(&|u| from(&importance, u), false, 0)?,
        estimate(&|u| from(&importance, u), true, 0)?,
        estimate(&|u| from(&controlled, u), true, 2)?,
    ];
    let falls = found.windows(2).all(|pair| pair[0] > pair[1]);
    let known = [530.0, 2.23, 0.695, 0.588, 0.354, 0.351, 0.051];
    let shown: Vec<String> = found.iter().map(|value| format!("{value:.3}")).collect();
    Ok(Measured::new(
        format!(
            "uniform VP t, flow s, λ, stratified, importance, both, with a Gaussian control: {}; against known digits, relative",
            shown.join(", ")
        ),
        if falls { worst(found.iter().zip(known).map(|(a, b)| off(*a, b))) } else { f64::INFINITY },
        0.02,
    ))
}
