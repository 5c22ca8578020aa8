//! Whether a network's score is that of any one density, noised.
//!
//! In $z = x/\alpha$, $y = \sigma/\alpha$ the density obeys the heat equation, $\partial_y p = y \Delta p$. So $L = \log p$ obeys $\partial_y L = y(\Delta L + \lVert\nabla L\rVert^2)$,
//! and the score, its gradient,
//!
//! $$\partial_y s = y \nabla(\nabla\cdot s + \lVert s\rVert^2) .$$
//!
//! With $s = -\hat\varepsilon/y$ and $\ell = \ln y$, multiplied by $-y^2$, every term is of the size of the noise. What is left over is the residual
//!
//! $$R = \partial_\ell\hat\varepsilon - \hat\varepsilon - y^2 \nabla(\nabla\cdot\hat\varepsilon) + y \nabla\lVert\hat\varepsilon\rVert^2 ,$$
//!
//! 0 for the exact score of any data, and in units of the noise for each unit of ln y. For $\hat\varepsilon = (1+\delta)\varepsilon$ it is $\delta(1+\delta) y \nabla\lVert\varepsilon\rVert^2$,
//! which on $\mathcal N(0, c)$ is $2\delta(1+\delta) y^3 z/(c+y^2)^2$: at noisy levels about 2δ for each unit of noise.
//!
//! A residual of 0 says that the score is of *some* density, not that it is of these data.
//!
//! $\nabla\lVert\hat\varepsilon\rVert^2$ and the divergence come from products with the Jacobian. $\partial_\ell$, and the gradient of the divergence, are central differences over a small share κ of ln y
//! and of y: the noised density is smooth on that scale, so their error is about κ²/6 of the terms, and the rounding of a network in single precision about 10⁻⁷/κ.
//!
//! Source: the Fokker–Planck equation for scores, Lai et al., arXiv 2210.04296, derived here for this clock.

use crate::error::{Error, Result};
use crate::formulation::{Formulation, LambdaRange};
use crate::math::{exp, ln};
use crate::model::{Model as _, Query, ReadAs, Vjp};
use crate::noise::{SampleId, draws, fill_normals};
use crate::prediction::Prediction;
use crate::process::{Process, ve};
use crate::space::SliceSpace;

/// The step of the differences, as a share.
const KAPPA: f64 = 0.02;

/// The widest data for which all of the Jacobian is worth its price.
pub(super) const MAX_DIM: usize = 3;

/// How far a score is from that of one density, at one level.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Residual {
    /// σ/α.
    pub sigma: f64,
    /// $\sqrt{E\lVert R\rVert^2/d}$ over the data noised to that level: 0 for an exact score, about 2δ for one that is 1 + δ times too large.
    pub rms: f64,
}

/// The residual at `count` levels, evenly in ln σ, over data of `dim` elements; `rows` are their addresses, from which the noise is drawn.
///
/// # Errors
/// More than 3 elements, data that do not fit, no level, a range that is none, or whatever the model meets.
pub fn residuals(
    model: &(impl Vjp<Vec<f64>> + ?Sized),
    range: LambdaRange,
    count: usize,
    data: &[f64],
    dim: usize,
    rows: &[SampleId],
) -> Result<Vec<Residual>> {
    range.check()?;
    if !(1..=MAX_DIM).contains(&dim) || count == 0 || rows.is_empty() || data.len() != rows.len() * dim {
        return Err(Error::shape("no residual of these data")
            .expected(format!("some levels, and rows of 1 to {MAX_DIM} elements"))
            .got(format!("{count} levels, {} elements in {} rows of {dim}", data.len(), rows.len())));
    }
    let own = Formulation::new(Process::ve(), Prediction::Epsilon);
    let field = Field { model: ReadAs::new(model, own, SliceSpace::new(dim)), dim, rows };
    let (low, high) = range.sigma_ve();
    // The differences stay within the range.
    let (low, high) = (ln(low) + KAPPA, ln(high) - KAPPA);
    let mut noise = vec![0.0f32; data.len()];
    let one = |k: usize| {
        let y = exp(low + (high - low) * (k as f64 + 0.5) / count as f64);
        fill_normals(rows, draws::DIAGNOSE_RESIDUAL.nth(k as u32), dim, &mut noise);
        let z: Vec<f64> = data.iter().zip(&noise).map(|(x, n)| x + y * f64::from(*n)).collect();
        let square = field.square(&z, y)?;
        Ok(Residual { sigma: y, rms: (square / data.len() as f64).sqrt() })
    };
    (0..count).map(one).collect()
}

/// ε̂ of z at y.
struct Field<'a, M> {
    model: ReadAs<M, SliceSpace<f64>>,
    dim: usize,
    rows: &'a [SampleId],
}

impl<M: Vjp<Vec<f64>>> Field<'_, M> {
    fn query(&self, y: f64) -> Query<'_> {
        Query::new(ve(y), self.rows)
    }

    /// ε̂, and for each element j of it the gradient, for all rows.
    fn jacobian(&self, z: &Vec<f64>, y: f64) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
        let unit = |j: usize| (0..z.len()).map(|i| f64::from(i % self.dim == j)).collect();
        let units: Vec<Vec<f64>> = (0..self.dim).map(unit).collect();
        self.model.predict_vjps(z, &self.query(y), &units)
    }

    /// ∇·ε̂ of each row.
    fn divergence(&self, z: &Vec<f64>, y: f64) -> Result<Vec<f64>> {
        let (_, gradients) = self.jacobian(z, y)?;
        Ok((0..self.rows.len()).map(|row| (0..self.dim).map(|j| gradients[j][row * self.dim + j]).sum()).collect())
    }

    /// The sum of ‖R‖² over the rows.
    fn square(&self, z: &Vec<f64>, y: f64) -> Result<f64> {
        let dim = self.dim;
        let (noise, gradients) = self.jacobian(z, y)?;
        let [below, above] = [-KAPPA, KAPPA].map(|step| {
            let y = y * exp(step);
            self.model.predict(z, &self.query(y))
        });
        let (below, above) = (below?, above?);
        let mut left: Vec<f64> = (0..z.len())
            .map(|i| {
                let row = i / dim * dim;
                // ∇‖ε̂‖² = 2 Σ ε̂ⱼ ∇ε̂ⱼ.
                let slope: f64 = (0..dim).map(|j| 2.0 * noise[row + j] * gradients[j][i]).sum();
                (above[i] - below[i]) / (2.0 * KAPPA) - noise[i] + y * slope
            })
            .collect();
        for axis in 0..dim {
            let moved = |step: f64| -> Vec<f64> {
                z.iter().enumerate().map(|(i, z)| if i % dim == axis { z + step } else { *z }).collect()
            };
            let (up, down) = (self.divergence(&moved(KAPPA * y), y)?, self.divergence(&moved(-KAPPA * y), y)?);
            for (row, (up, down)) in up.iter().zip(down).enumerate() {
                left[row * dim + axis] -= y * (up - down) / (2.0 * KAPPA);
            }
        }
        let square: f64 = left.iter().map(|r| r * r).sum();
        if square.is_finite() {
            return Ok(square);
        }
        Err(Error::singular("the model's values are not finite").at(format!("residual, σ/α = {y:.3e}")))
    }
}
