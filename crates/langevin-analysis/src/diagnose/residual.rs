//! Measures how far a network's score is from the score of a single noised density.
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

use langevin::drive::{Answer, Evaluation, Program, Question, Reader, drive, unasked, unfinished};
use langevin::error::{Error, Result};
use langevin::formulation::{Formulation, LambdaRange};
use langevin::math::{exp, ln};
use langevin::model::{At, Vjp};
use langevin::noise::{SampleId, draws, fill_normals};
use langevin::prediction::Prediction;
use langevin::process::{Process, ve};
use langevin::space::{RowWise, SliceSpace};

/// The step of the differences, as a share.
const KAPPA: f64 = 0.02;

/// The widest data for which all of the Jacobian is worth its price.
pub(super) const MAX_DIM: usize = 3;

/// The distance of a score from that of a single density, at one noise level.
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
    check(count, data.len(), dim, rows.len())?;
    let run = start_residuals(SliceSpace::new(dim), model.formulation(), range, count, data.to_vec(), rows)?;
    drive(run, |question| question.ask_vjp(model))
}

/// Starts a run of [`residuals`] whose caller evaluates the network: see [`drive`](langevin::drive).
///
/// `network` is the network's formulation; `None` if its output is the denoised prediction. `data` are rows of
/// the space.
///
/// ```
/// use langevin_analysis::diagnose::{residuals, start_residuals};
/// use langevin::drive::drive;
/// use langevin_analysis::exact::{Density, Gaussian};
/// use langevin::{LambdaRange, SampleId, SliceSpace};
/// let (data, rows) = (Gaussian::isotropic(vec![0.0, 1.0], 1.0)?, [SampleId::default()]);
/// let (range, x) = (LambdaRange::from_sigma_ve(0.01, 10.0)?, data.sample(&rows));
/// let run = start_residuals(SliceSpace::<f64>::new(2), None, range, 4, x.clone(), &rows)?;
/// let found = drive(run, |question| question.ask_vjp(&data))?;
/// assert_eq!(found, residuals(&data, range, 4, &x, 2, &rows)?);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if rows have more than 3 elements, if the data do not fit the rows, if there is no level, or
/// if the range is empty.
pub fn start_residuals<Sp: RowWise>(
    space: Sp,
    network: Option<&Formulation>,
    range: LambdaRange,
    count: usize,
    data: Sp::State,
    rows: &[SampleId],
) -> Result<ResidualRun<Sp>> {
    range.check()?;
    let (dim, data) = (space.width(), space.download(&data)?);
    check(count, data.len(), dim, rows.len())?;
    let (low, high) = range.sigma_ve();
    let unit = |j: usize| (0..data.len()).map(|i| f64::from(i % dim == j)).collect::<Vec<f64>>();
    Ok(ResidualRun {
        units: (0..dim).map(|j| space.upload(&unit(j))).collect::<Result<_>>()?,
        network: network.cloned(),
        wanted: Formulation::new(Process::ve(), Prediction::Epsilon),
        rows: rows.to_vec(),
        // The differences stay within the range.
        ends: [ln(low) + KAPPA, ln(high) - KAPPA],
        count,
        heard: Heard::default(),
        open: None,
        found: Vec::with_capacity(count),
        space,
        data,
    })
}

fn check(count: usize, len: usize, dim: usize, rows: usize) -> Result<()> {
    if (1..=MAX_DIM).contains(&dim) && count > 0 && rows > 0 && len == rows * dim {
        return Ok(());
    }
    Err(Error::shape("no residual of these data")
        .expected(format!("some levels, and rows of 1 to {MAX_DIM} elements"))
        .got(format!("{count} levels, {len} elements in {rows} rows of {dim}")))
}

/// The residuals of a score with control in the caller's hands, made by [`start_residuals`].
///
/// At each level it asks for ε̂ with its Jacobian, for ε̂ a little below and above, and for the Jacobian on both
/// sides along each axis.
pub struct ResidualRun<Sp: RowWise> {
    space: Sp,
    network: Option<Formulation>,
    wanted: Formulation,
    rows: Vec<SampleId>,
    data: Vec<f64>,
    /// The unit vectors.
    units: Vec<Sp::State>,
    /// ln σ of the cleanest and of the noisiest level.
    ends: [f64; 2],
    count: usize,
    heard: Heard,
    open: Option<Open<Sp::State>>,
    found: Vec<Residual>,
}

/// The answers collected at one noise level.
#[derive(Default)]
struct Heard {
    /// The answers so far.
    answers: usize,
    /// The noised data.
    z: Vec<f64>,
    /// ε̂, below and above its level too.
    values: Vec<Vec<f64>>,
    /// For each element of ε̂ its gradient.
    gradients: Vec<Vec<f64>>,
    /// ∇·ε̂ of each row, above and below along each axis.
    divergences: Vec<Vec<f64>>,
}

/// The open evaluation.
struct Open<S> {
    evaluation: Evaluation<S>,
    x: S,
    products: bool,
}

impl<Sp: RowWise> ResidualRun<Sp> {
    /// σ/α of the level that is being asked about.
    fn level(&self) -> f64 {
        let [low, high] = self.ends;
        exp(low + (high - low) * (self.found.len() as f64 + 0.5) / self.count as f64)
    }

    /// Opens the next evaluation, unless one is open or every level is done.
    fn advance(&mut self) -> Result<()> {
        if self.open.is_some() || self.found.len() == self.count {
            return Ok(());
        }
        let (y, dim) = (self.level(), self.space.width());
        if self.heard.answers == 0 {
            let mut noise = vec![0.0f32; self.data.len()];
            fill_normals(&self.rows, draws::DIAGNOSE_RESIDUAL.nth(self.found.len() as u32), dim, &mut noise);
            self.heard.z = self.data.iter().zip(&noise).map(|(x, n)| x + y * f64::from(*n)).collect();
        }
        let moved = |axis: usize, step: f64| -> Vec<f64> {
            self.heard.z.iter().enumerate().map(|(i, z)| if i % dim == axis { z + step } else { *z }).collect()
        };
        let (x, at, products) = match self.heard.answers {
            0 => (self.space.upload(&self.heard.z)?, y, true),
            1 => (self.space.upload(&self.heard.z)?, y * exp(-KAPPA), false),
            2 => (self.space.upload(&self.heard.z)?, y * exp(KAPPA), false),
            side => {
                let step = if side % 2 == 1 { KAPPA * y } else { -KAPPA * y };
                (self.space.upload(&moved((side - 3) / 2, step))?, y, true)
            }
        };
        let reader = Reader { network: self.network.as_ref(), wanted: Some(&self.wanted) };
        let evaluation = Evaluation::open(&self.space, reader, At::One(ve(at)), &x, &self.rows)?;
        self.open = Some(Open { evaluation, x, products });
        Ok(())
    }

    /// The sum of ‖R‖² over the rows.
    fn square(&self) -> Result<f64> {
        let (y, dim) = (self.level(), self.space.width());
        let Heard { values, gradients, divergences, .. } = &self.heard;
        let [noise, below, above] = &values[..] else { return Err(unfinished()) };
        let mut left: Vec<f64> = (0..noise.len())
            .map(|i| {
                let row = i / dim * dim;
                // ∇‖ε̂‖² = 2 Σ ε̂ⱼ ∇ε̂ⱼ.
                let slope: f64 = (0..dim).map(|j| 2.0 * noise[row + j] * gradients[j][i]).sum();
                (above[i] - below[i]) / (2.0 * KAPPA) - noise[i] + y * slope
            })
            .collect();
        for (axis, sides) in divergences.chunks_exact(2).enumerate() {
            for (row, (up, down)) in sides[0].iter().zip(&sides[1]).enumerate() {
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

impl<Sp: RowWise> Program for ResidualRun<Sp> {
    type State = Sp::State;
    type Output = Vec<Residual>;

    fn query(&mut self) -> Result<Option<Question<'_, Sp::State>>> {
        self.advance()?;
        let Some(Open { evaluation, x, products }) = &self.open else { return Ok(None) };
        Ok(Some(evaluation.question(x, &self.rows, if *products { &self.units } else { &[] })))
    }

    fn supply(&mut self, answer: Answer<Sp::State>) -> Result<()> {
        let Some(Open { products, .. }) = &self.open else { return Err(unasked()) };
        answer.check(if *products { self.units.len() } else { 0 })?;
        let Open { evaluation, x, .. } = self.open.take().ok_or_else(unasked)?;
        let (dim, space) = (self.space.width(), &self.space);
        let gradient = |(v, product): (&Sp::State, Sp::State)| -> Result<Vec<f64>> {
            space.download(&evaluation.product(space, v, product, &self.rows)?)
        };
        let gradients: Vec<Vec<f64>> = self.units.iter().zip(answer.products).map(gradient).collect::<Result<_>>()?;
        if self.heard.answers < 3 {
            let value = evaluation.value(space, &x, answer.out, &self.rows)?;
            self.heard.values.push(space.download(&value)?);
        }
        match self.heard.answers {
            0 => self.heard.gradients = gradients,
            1 | 2 => {}
            _ => {
                let trace = |row: usize| (0..dim).map(|j| gradients[j][row * dim + j]).sum();
                self.heard.divergences.push((0..self.rows.len()).map(trace).collect());
            }
        }
        self.heard.answers += 1;
        if self.heard.answers == 3 + 2 * dim {
            let rms = (self.square()? / self.data.len() as f64).sqrt();
            self.found.push(Residual { sigma: self.level(), rms });
            self.heard = Heard::default();
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Residual>> {
        if self.found.len() == self.count { Ok(self.found) } else { Err(unfinished()) }
    }
}
