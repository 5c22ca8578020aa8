//! The density of the ODE model: the datum is carried up to the noise, and the volume with it.
//!
//! $dz/d\ell = z - D$, $d\log|\partial z/\partial z_0|/d\ell = d - \mathrm{tr} \partial D/\partial z$, $\ell = \ln y$, by the pair of Dormand and Prince of orders 5 and 4. Every row has its own step: so
//! a datum's density does not depend on its company.
//!
//! The error of a step is measured in units of the state's own size, $\sqrt{1+y^2} + |z|$, and of the volume in nats for each element.
//!
//! Source: Dormand & Prince, "A family of embedded Runge–Kutta formulae", 1980; Hutchinson's estimator, tr J = E vᵀJv, as in arXiv 1810.01367, with signs for v.

use super::{Kind, Likelihood, check_data, check_range, denoiser, log_normal, ve};
use crate::error::{Error, Result};
use crate::formulation::LambdaRange;
use crate::math::{exp, ln, pow};
use crate::metrics::Estimate;
use crate::model::{At, Query, Vjp};
use crate::noise::{SampleId, draws, fill_normals};
use crate::process::Level;

/// How the trace of the Jacobian is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Divergence {
    /// One product for each element: exact.
    #[default]
    Exact,
    /// This many products with random signs, the same ones along the whole path.
    Hutchinson(usize),
}

impl Divergence {
    /// `exact`, or `hutchinson:K` with K ≥ 1 probes.
    ///
    /// ```
    /// use langevin::likelihood::Divergence;
    /// assert_eq!(Divergence::parse("hutchinson:8")?, Divergence::Hutchinson(8));
    /// assert!(Divergence::parse("hutchinson:0").is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// An unknown name, or no probe at all.
    pub fn parse(text: &str) -> Result<Self> {
        let probes = match text.split_once(':') {
            None if text == "exact" => return Ok(Self::Exact),
            None if text == "hutchinson" => return Ok(Self::Hutchinson(1)),
            Some(("hutchinson", probes)) => probes,
            _ => return Err(Error::unknown("divergence", text, &["exact", "hutchinson:8"])),
        };
        match probes.parse() {
            Ok(probes @ 1..=MAX_PROBES) => Ok(Self::Hutchinson(probes)),
            _ => Err(Error::argument("bad number of probes")
                .at("hutchinson")
                .expected(format!("a whole number from 1 to {MAX_PROBES}"))
                .got(format!("'{probes}'"))
                .hinting("hutchinson:8 is usual; exact needs none")),
        }
    }

    /// What is usual: exact up to 16 elements, then 8 probes.
    #[must_use]
    pub fn usual(dim: usize) -> Self {
        if dim <= 16 { Self::Exact } else { Self::Hutchinson(8) }
    }

    /// The products of one evaluation, and the sums that are kept apart.
    fn sizes(self, dim: usize) -> (usize, usize) {
        match self {
            Self::Exact => (dim, 1),
            Self::Hutchinson(probes) => (probes, probes),
        }
    }
}

/// More probes than this are a mistake.
const MAX_PROBES: usize = 4096;

/// The density of the ODE model. See the [module](super).
///
/// ```
/// use langevin::exact::{Density, Gaussian};
/// use langevin::likelihood::Ode;
/// use langevin::{LambdaRange, SampleId};
/// let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
/// let rows: Vec<SampleId> = (0..4).map(|index| SampleId { seed: 0, index }).collect();
/// let found = Ode::new(LambdaRange::from_sigma_ve(0.001, 1000.0)?).run(&data, &data.sample(&rows), 2, &rows)?;
/// // The exact denoiser of N(0, 1): its density, but for the start from N(0, y²) in place of N(0, 1 + y²), and the blur at the end.
/// let exact = |x: &[f64]| 0.5 * (x[0] * x[0] + x[1] * x[1]) + (2.0 * std::f64::consts::PI).ln();
/// for (x, nats) in data.sample(&rows).chunks(2).zip(&found.nats) {
///     assert!((nats - exact(x)).abs() < 1e-4);
/// }
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ode {
    /// From the cleanest to the noisiest level.
    pub range: LambdaRange,
    /// How the divergence is found.
    pub divergence: Divergence,
    /// The error of a step, relative to the size of the state and, of the volume, in nats for each element.
    pub tolerance: f64,
    /// The most attempts at a step.
    pub attempts: usize,
}

/// Data carried up to the noise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Encoded {
    /// z at the noisiest level, row after row.
    pub state: Vec<f64>,
    /// $\log|\partial z_T/\partial x_0|$ of each row.
    pub log_volume: Vec<f64>,
    /// The standard error of each, from the probes.
    pub errors: Vec<f64>,
    /// The evaluations that the slowest row took.
    pub evaluations: usize,
    /// The products with the Jacobian among them.
    pub products: usize,
}

/// The stages of Dormand and Prince; the last is the fifth-order step itself, and the first of the next.
const NODES: [f64; 6] = [0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0];
const STAGES: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
/// The fifth-order weights less the fourth-order ones.
const DIFFERENCE: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0, -1.0 / 40.0];

/// One row on its way.
struct Row {
    /// Which of the data it is.
    index: usize,
    id: SampleId,
    at: f64,
    step: f64,
    /// z, then the sums of the volume.
    state: Vec<f64>,
    /// The slope at `at`, once it is known.
    slope: Option<Vec<f64>>,
    evaluations: usize,
}

impl Ode {
    /// Exact divergence, and a tolerance of 10⁻⁵: what a network in single precision is worth.
    #[must_use]
    pub fn new(range: LambdaRange) -> Self {
        Self { range, divergence: Divergence::Exact, tolerance: 1e-5, attempts: 10_000 }
    }

    /// With this divergence.
    #[must_use]
    pub fn with_divergence(mut self, divergence: Divergence) -> Self {
        self.divergence = divergence;
        self
    }

    /// With this tolerance.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// −log p of the data, rows of `dim` elements; `rows` are their addresses, from which the probes are drawn.
    ///
    /// # Errors
    /// No data, a shape that does not fit, numbers that are not finite, a tolerance that cannot be, steps that grow too small, or whatever the model meets.
    pub fn run(
        &self,
        model: &(impl Vjp<Vec<f64>> + ?Sized),
        data: &[f64],
        dim: usize,
        rows: &[SampleId],
    ) -> Result<Likelihood> {
        let encoded = self.encode(model, data, dim, rows)?;
        let variance = check_range(self.range)?.1.powi(2);
        let ends = encoded.state.chunks_exact(dim).zip(&encoded.log_volume);
        Ok(Likelihood {
            kind: Kind::Density,
            nats: ends.map(|(z, volume)| -log_normal(z, variance) - volume).collect(),
            errors: encoded.errors,
            evaluations: encoded.evaluations,
            products: encoded.products,
            dim,
        })
    }

    /// Carries data up to the noisiest level: what [`run`](Self::run) does before it looks at where they arrive.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn encode(
        &self,
        model: &(impl Vjp<Vec<f64>> + ?Sized),
        data: &[f64],
        dim: usize,
        rows: &[SampleId],
    ) -> Result<Encoded> {
        check_data(data, dim, rows.len())?;
        let (first, last) = check_range(self.range)?;
        if !(self.tolerance > 0.0 && self.tolerance <= 1.0) {
            return Err(Error::argument("bad tolerance").expected("0 < tolerance ≤ 1").got(self.tolerance.to_string()));
        }
        if let Divergence::Hutchinson(probes) = self.divergence
            && !(1..=MAX_PROBES).contains(&probes)
        {
            return Err(Error::argument("bad number of probes")
                .expected(format!("1 to {MAX_PROBES}"))
                .got(probes.to_string())
                .hinting("Divergence::Exact needs none"));
        }
        let (products, sums) = self.divergence.sizes(dim);
        let model = denoiser(model, dim);
        let field = Field { model: &model, dim, divergence: self.divergence, products, sums };
        let start = |(index, (x, id)): (usize, (&[f64], &SampleId))| {
            let mut state = x.to_vec();
            state.resize(dim + sums, 0.0);
            Row { index, id: *id, at: ln(first), step: 0.1, state, slope: None, evaluations: 0 }
        };
        let mut active: Vec<Row> = data.chunks_exact(dim).zip(rows).enumerate().map(start).collect();
        let mut out = Encoded {
            state: vec![0.0; data.len()],
            log_volume: vec![0.0; rows.len()],
            errors: vec![0.0; rows.len()],
            evaluations: 0,
            products: 0,
        };
        for _ in 0..self.attempts {
            self.attempt(&field, &mut active, ln(last))?;
            // What has arrived leaves, so that nobody waits for the slowest.
            active.retain(|row| {
                if row.at < ln(last) {
                    return true;
                }
                let (z, volume) = row.state.split_at(dim);
                out.state[row.index * dim..(row.index + 1) * dim].copy_from_slice(z);
                let estimate = Estimate::of(volume);
                out.log_volume[row.index] = estimate.mean;
                // One sum says nothing of its error: it is exact, or one probe.
                out.errors[row.index] = estimate.standard_error.unwrap_or(0.0);
                out.evaluations = out.evaluations.max(row.evaluations);
                false
            });
            if active.is_empty() {
                out.products = out.evaluations * products;
                return Ok(out);
            }
        }
        let stuck = active.iter().map(|row| row.at).fold(f64::INFINITY, f64::min);
        Err(Error::argument("the steps of the ODE became too small")
            .at("likelihood")
            .expected(format!("the noise within {} attempts", self.attempts))
            .got(format!("σ/α = {:.3e}", exp(stuck)))
            .hinting("loosen the tolerance: a network in single precision is worth about 1e-5"))
    }

    /// One attempt at a step of every row; those that are good enough are kept.
    fn attempt<M: Vjp<Vec<f64>>>(&self, field: &Field<'_, M>, rows: &mut [Row], end: f64) -> Result<()> {
        let fresh: Vec<usize> = (0..rows.len()).filter(|i| rows[*i].slope.is_none()).collect();
        if !fresh.is_empty() {
            let at: Vec<f64> = fresh.iter().map(|i| rows[*i].at).collect();
            let ids: Vec<SampleId> = fresh.iter().map(|i| rows[*i].id).collect();
            let states: Vec<&[f64]> = fresh.iter().map(|i| &rows[*i].state[..]).collect();
            for (i, slope) in fresh.into_iter().zip(field.slopes(&at, &states, &ids)?) {
                rows[i].evaluations += 1;
                rows[i].slope = Some(slope);
            }
        }
        let ids: Vec<SampleId> = rows.iter().map(|row| row.id).collect();
        let steps: Vec<f64> = rows.iter().map(|row| row.step.min(end - row.at)).collect();
        let mut slopes: Vec<Vec<Vec<f64>>> = rows.iter().map(|row| row.slope.clone().into_iter().collect()).collect();
        let mut states: Vec<Vec<f64>> = Vec::new();
        for (node, weights) in NODES.iter().zip(STAGES) {
            states =
                rows.iter().zip(&slopes).zip(&steps).map(|((row, k), h)| along(&row.state, weights, k, *h)).collect();
            let at: Vec<f64> = rows.iter().zip(&steps).map(|(row, h)| row.at + node * h).collect();
            let view: Vec<&[f64]> = states.iter().map(|state| &state[..]).collect();
            for (k, slope) in slopes.iter_mut().zip(field.slopes(&at, &view, &ids)?) {
                k.push(slope);
            }
        }
        for (((row, mut k), state), h) in rows.iter_mut().zip(slopes).zip(states).zip(steps) {
            row.evaluations += NODES.len();
            let error = self.error(field.dim, row, &state, &k, h);
            if !error.is_finite() {
                return Err(Error::singular("the model's values are not finite").at(format!(
                    "row {}, σ/α = {:.3e}",
                    row.index,
                    exp(row.at)
                )));
            }
            if error <= 1.0 {
                // The last step lands on the end itself.
                row.at = if row.at + h >= end - 1e-12 { end } else { row.at + h };
                row.state = state;
                row.slope = k.pop();
            }
            row.step = h * (0.9 * pow(error.max(1e-10), -0.2)).clamp(0.2, 5.0);
        }
        Ok(())
    }

    /// The error of a step in units of the tolerance.
    fn error(&self, dim: usize, row: &Row, end: &[f64], k: &[Vec<f64>], h: f64) -> f64 {
        let part = |j: usize| DIFFERENCE.iter().zip(k).map(|(w, k)| w * k[j]).sum::<f64>() * h;
        let y = exp(row.at);
        let size = (1.0 + y * y).sqrt();
        let state = |j: usize| (part(j) / (size + row.state[j].abs().max(end[j].abs()))).powi(2);
        let state = ((0..dim).map(state).sum::<f64>() / dim as f64).sqrt();
        let sums = end.len() - dim;
        let volume = (dim..end.len()).map(part).sum::<f64>().abs() / (sums * dim) as f64;
        state.max(volume) / self.tolerance
    }
}

/// x + h Σ wₖ kₖ.
fn along(x: &[f64], weights: &[f64], k: &[Vec<f64>], h: f64) -> Vec<f64> {
    let mut out = x.to_vec();
    for (w, k) in weights.iter().zip(k).filter(|(w, _)| **w != 0.0) {
        for (out, k) in out.iter_mut().zip(k) {
            *out += h * w * k;
        }
    }
    out
}

/// (z − D, d − tr ∂D/∂z).
struct Field<'a, M> {
    model: &'a M,
    dim: usize,
    divergence: Divergence,
    products: usize,
    sums: usize,
}

impl<M: Vjp<Vec<f64>>> Field<'_, M> {
    /// The slopes of some rows, each at its own ln y.
    fn slopes(&self, at: &[f64], states: &[&[f64]], ids: &[SampleId]) -> Result<Vec<Vec<f64>>> {
        let dim = self.dim;
        let levels: Vec<Level> = at.iter().map(|at| ve(exp(*at))).collect();
        let query = Query { at: At::PerRow(&levels), ..Query::new(levels[0], ids) };
        let z: Vec<f64> = states.iter().flat_map(|state| &state[..dim]).copied().collect();
        let mut slopes = vec![vec![0.0; dim + self.sums]; states.len()];
        let probes: Vec<Vec<f64>> = (0..self.products).map(|probe| self.probe(probe, ids)).collect();
        let (denoised, products) = self.model.predict_vjps(&z, &query, &probes)?;
        for (row, slope) in slopes.iter_mut().enumerate() {
            let span = row * dim..(row + 1) * dim;
            let (z, denoised) = (&z[span.clone()], &denoised[span.clone()]);
            slope.iter_mut().zip(z.iter().zip(denoised)).for_each(|(slope, (z, d))| *slope = z - d);
            for (probe, (v, product)) in probes.iter().zip(&products).enumerate() {
                let trace: f64 = product[span.clone()].iter().zip(&v[span.clone()]).map(|(p, v)| p * v).sum();
                match self.divergence {
                    // Each of the d unit vectors brings its own 1.
                    Divergence::Exact => slope[dim] += 1.0 - trace,
                    Divergence::Hutchinson(_) => slope[dim + probe] = dim as f64 - trace,
                }
            }
        }
        Ok(slopes)
    }

    /// A unit vector for every row, or the signs of its draw.
    fn probe(&self, probe: usize, ids: &[SampleId]) -> Vec<f64> {
        match self.divergence {
            Divergence::Exact => (0..ids.len() * self.dim).map(|i| f64::from(i % self.dim == probe)).collect(),
            Divergence::Hutchinson(_) => {
                let mut z = vec![0.0f32; ids.len() * self.dim];
                fill_normals(ids, draws::LIKELIHOOD_PROBES.nth(probe as u32), self.dim, &mut z);
                z.into_iter().map(|z| if z < 0.0 { -1.0 } else { 1.0 }).collect()
            }
        }
    }
}
