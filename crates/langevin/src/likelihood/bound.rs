//! The bound, estimated: for each datum some noise levels, one in each of as many strata of equal mass, and one draw of noise at each.
//!
//! $\int E\lVert\varepsilon-\hat\varepsilon\rVert^2 d\lambda = E_{\lambda\sim p} \lVert D - x_0\rVert^2/(y^2 p(\lambda))$, for any density p of the levels.
//!
//! Most of the noise is $\varepsilon$ itself: at clean levels $D - x_0 \approx y\varepsilon$ for any good D. A Gaussian fitted to the data errs alike, and of its own D the integral is known: for a
//! datum x, along an axis of variance c and mean m, with u = y²,
//!
//! $$\int E\lVert\varepsilon-\hat\varepsilon_G\rVert^2 d\lambda = \int \frac{u(x-m)^2 + c^2}{(c+u)^2} \frac{du}{2u}
//!   = \tfrac12\left[\ln\frac{u}{c+u} + \frac{c - (x-m)^2}{c+u}\right].$$
//!
//! With it as a control ([`Bound::with_control`]) only the difference of the two is estimated, from the same draws: the mean is the same and the noise far less.
//!
//! The standard error of one datum's estimate is that of collapsed strata: $\mathrm{Var} \approx K^{-2}\sum (f_{2i} - f_{2i+1})^2$ over neighbours, which errs on the safe side.

use super::{Kind, Likelihood, check_data, check_range, denoiser, ve};
use crate::error::{Error, Result};
use crate::exact::{Density as _, Gaussian};
use crate::formulation::{Formulation, LambdaRange};
use crate::math::ln;
use crate::metrics::Estimate;
use crate::model::{At, Model, Query};
use crate::noise::{SampleId, draws, fill_normals, fill_uniforms};
use crate::objective::{Objective, TimeDensity, Weight};
use crate::prediction::Prediction;
use crate::process::{Level, Process};

/// More levels than this are a mistake.
const MAX_LEVELS: usize = 1 << 20;

/// The bound of the SDE model. See the [module](super).
///
/// ```
/// use langevin::exact::{self, Density};
/// use langevin::likelihood::Bound;
/// use langevin::{LambdaRange, SampleId};
/// let data = exact::named("mixture")?;
/// let rows: Vec<SampleId> = (0..2000).map(|index| SampleId { seed: 0, index }).collect();
/// let bound = Bound::new(LambdaRange { min: -4.6, max: 4.6 }, 32);
/// let found = bound.run(&data, &data.sample(&rows), 1, &rows)?;
/// // 1.18345 by quadrature; the entropy of the data is 1.18314.
/// assert!((found.mean() - 1.18345).abs() < 4.0 * found.standard_error());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Bound {
    /// From the cleanest to the noisiest level.
    pub range: LambdaRange,
    /// Levels for each datum.
    pub levels: usize,
    /// The density from which they are drawn, on the VE process. It changes the noise of the estimate alone.
    pub times: TimeDensity,
    /// A Gaussian like the data, whose own integral is known. It changes the noise of the estimate alone.
    pub control: Option<Gaussian>,
}

impl Bound {
    /// With this many levels for each datum, uniform in λ.
    #[must_use]
    pub fn new(range: LambdaRange, levels: usize) -> Self {
        Self { range, levels, times: TimeDensity::UniformLambda, control: None }
    }

    /// With levels from another density.
    #[must_use]
    pub fn with_times(mut self, times: TimeDensity) -> Self {
        self.times = times;
        self
    }

    /// With a Gaussian like the data as a control.
    #[must_use]
    pub fn with_control(mut self, control: Gaussian) -> Self {
        self.control = Some(control);
        self
    }

    /// An estimate of the bound on −log p of each datum; `data` are rows of `dim` elements, and `rows` their addresses, from which the noise is drawn.
    ///
    /// # Errors
    /// No data, a shape that does not fit, numbers that are not finite, a number of levels that cannot be, or whatever the model meets.
    pub fn run(
        &self,
        model: &(impl Model<Vec<f64>> + ?Sized),
        data: &[f64],
        dim: usize,
        rows: &[SampleId],
    ) -> Result<Likelihood> {
        check_data(data, dim, rows.len())?;
        let (clean, noisy) = check_range(self.range)?;
        if !(1..=MAX_LEVELS).contains(&self.levels) {
            return Err(Error::argument("bad number of noise levels")
                .expected(format!("1 to {MAX_LEVELS}"))
                .got(self.levels.to_string()));
        }
        if let Some(control) = self.control.as_ref().filter(|control| control.dim() != dim) {
            return Err(Error::shape("the control does not fit the data")
                .expected(format!("a Gaussian of {dim} dimensions"))
                .got(control.dim().to_string()));
        }
        let drawn = Formulation::new(Process::ve(), Prediction::Epsilon).with_range(self.range);
        let drawn = Objective::new(&drawn, Weight::Plain, self.times.clone())?;
        let model = denoiser(model, dim);
        let mut places = vec![0.0; self.levels];
        let mut all: Vec<Vec<f64>> = vec![Vec::with_capacity(rows.len()); self.levels];
        for row in rows {
            fill_uniforms(*row, draws::BOUND_LEVELS.first(), &mut places);
            all.iter_mut().zip(&places).for_each(|(level, place)| level.push(*place));
        }
        let (mut noise, mut z) = (vec![0.0f32; data.len()], vec![0.0; data.len()]);
        let mut path: Vec<Vec<f64>> = vec![Vec::with_capacity(self.levels); rows.len()];
        for (k, places) in all.iter().enumerate() {
            let place = |u: &f64| drawn.level((k as f64 + u) / self.levels as f64).map(|level| ve(level.sigma_ve()));
            let levels: Vec<Level> = places.iter().map(place).collect::<Result<_>>()?;
            fill_normals(rows, draws::BOUND_NOISE.nth(k as u32), dim, &mut noise);
            for (i, (z, x)) in z.iter_mut().zip(data).enumerate() {
                *z = x + levels[i / dim].sigma * f64::from(noise[i]);
            }
            let query = Query { at: At::PerRow(&levels), ..Query::new(levels[0], rows) };
            let denoised = model.predict(&z, &query)?;
            let guessed = match &self.control {
                Some(control) => Some(Model::predict(control, &z, &query)?),
                None => None,
            };
            for (row, (path, level)) in path.iter_mut().zip(&levels).enumerate() {
                let span = row * dim..(row + 1) * dim;
                let square = |of: &[f64]| -> f64 {
                    of[span.clone()].iter().zip(&data[span.clone()]).map(|(d, x)| (d - x).powi(2)).sum()
                };
                let excess = square(&denoised) - guessed.as_deref().map_or(0.0, square);
                path.push(excess / (level.sigma * level.sigma * drawn.density(level)));
            }
        }
        let last = 0.5 * dim as f64 * (ln(std::f64::consts::TAU) + 1.0) + dim as f64 * ln(clean);
        let (mut nats, mut errors) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for (row, (path, x)) in path.iter().zip(data.chunks_exact(dim)).enumerate() {
            let prior = 0.5 * x.iter().map(|x| x * x).sum::<f64>() / (noisy * noisy);
            let known = self.control.as_ref().map_or(0.0, |control| integral(control, x, clean, noisy));
            let total = prior + Estimate::of(path).mean + known + last;
            if !total.is_finite() {
                return Err(Error::singular("the model's values are not finite").at(format!("row {row}")));
            }
            let spread: f64 = path.as_chunks::<2>().0.iter().map(|[a, b]| (a - b).powi(2)).sum();
            nats.push(total);
            errors.push(spread.sqrt() / path.len() as f64);
        }
        Ok(Likelihood { kind: Kind::Bound, nats, errors, evaluations: self.levels, products: 0, dim })
    }
}

/// $\int E\lVert\varepsilon-\hat\varepsilon_G\rVert^2 d\lambda$ of the datum x under the Gaussian's own denoiser, between two levels. See the [module](self).
fn integral(gaussian: &Gaussian, x: &[f64], clean: f64, noisy: f64) -> f64 {
    let mut along = vec![0.0; x.len()];
    gaussian.coordinates(x, 1.0, &mut along);
    let axis = |(x, c): (&f64, &f64)| {
        let (low, high) = (clean * clean, noisy * noisy);
        let at = |u: f64| (c - x * x) / (c + u) + ln(u / (c + u));
        0.5 * (at(high) - at(low))
    };
    along.iter().zip(gaussian.eigenvalues()).map(axis).sum()
}
