//! Estimates the likelihood bound with stratified noise levels and a control variate.
//!
//! Each datum gets one noise level in each of K strata of equal mass, and one draw of noise at each
//! level. For any density p of the levels,
//!
//! $\int E\lVert\varepsilon-\hat\varepsilon\rVert^2 d\lambda = E_{\lambda\sim p} \lVert D -
//! x_0\rVert^2/(y^2 p(\lambda))$.
//!
//! Most of the variance comes from $\varepsilon$ itself: at clean levels
//! $D - x_0 \approx y\varepsilon$ for any good D. A Gaussian fitted to the data has nearly the same
//! error, and the integral of its own D is known. For a datum x, along an axis of variance c and
//! mean m, with u = y²,
//!
//! $$\int E\lVert\varepsilon-\hat\varepsilon_G\rVert^2 d\lambda
//!   = \int \frac{u(x-m)^2 + c^2}{(c+u)^2} \frac{du}{2u}
//!   = \tfrac12\left[\ln\frac{u}{c+u} + \frac{c - (x-m)^2}{c+u}\right].$$
//!
//! With this Gaussian as a control ([`Bound::with_control`]) only the difference of the two is
//! estimated, from the same draws. The mean stays the same, and the variance falls by a large
//! factor.
//!
//! The standard error of one datum's estimate uses collapsed strata,
//! $\mathrm{Var} \approx K^{-2}\sum (f_{2i} - f_{2i+1})^2$ over neighbouring strata, which never
//! underestimates it on average.

use super::{Kind, Likelihood, check_data, check_range, denoiser};
use crate::exact::{Density as _, Gaussian};
use crate::metrics::Estimate;
use langevin::drive::{Answer, Evaluation, Program, Question, Reader, drive, unasked, unfinished};
use langevin::error::{Error, Result};
use langevin::formulation::{Formulation, LambdaRange};
use langevin::math::ln;
use langevin::model::{At, InputLevel, Model, Query};
use langevin::noise::{SampleId, draws, fill_uniforms};
use langevin::objective::{Objective, TimeDensity, Weight};
use langevin::prediction::Prediction;
use langevin::process::{Level, Process, ve};
use langevin::space::{Coef, RowWise, SliceSpace};

/// The largest number of noise levels; a larger number is taken for a mistake.
const MAX_LEVELS: usize = 1 << 20;

/// Settings for the likelihood bound of the SDE model (h = g). See the [module](super) for the
/// formula.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{self, Density};
/// use langevin_analysis::likelihood::Bound;
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
    /// The range of noise levels, from the cleanest to the noisiest.
    pub range: LambdaRange,
    /// The number of noise levels per datum. Each costs one network evaluation.
    pub levels: usize,
    /// The density of the noise levels, on the VE process. It only changes the variance of the
    /// estimate.
    pub times: TimeDensity,
    /// A Gaussian similar to the data, used as a control variate. It only changes the variance of
    /// the estimate.
    pub control: Option<Gaussian>,
}

impl Bound {
    /// Creates settings with this many levels per datum, uniform in λ and without a control.
    #[must_use]
    pub fn new(range: LambdaRange, levels: usize) -> Self {
        Self { range, levels, times: TimeDensity::UniformLambda, control: None }
    }

    /// Sets the density of the noise levels.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{LambdaRange, SampleId};
    /// # use langevin_analysis::exact::{Density, Gaussian};
    /// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
    /// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
    /// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
    /// use langevin::objective::TimeDensity;
    /// let bound = Bound::new(range, 64).with_times(TimeDensity::UniformTime);
    /// assert_eq!(bound.times, TimeDensity::UniformTime);
    /// assert!(bound.run(&data, &x, 2, &rows)?.mean().is_finite());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn with_times(mut self, times: TimeDensity) -> Self {
        self.times = times;
        self
    }

    /// Sets a Gaussian similar to the data as the control variate.
    ///
    /// # Examples
    /// ```
    /// use langevin::{LambdaRange, SampleId};
    /// use langevin_analysis::exact::{self, Density, Gaussian};
    /// use langevin_analysis::likelihood::Bound;
    /// let data = exact::named("moons")?;
    /// let rows: Vec<SampleId> = (0..200).map(|index| SampleId { seed: 0, index }).collect();
    /// let x = data.sample(&rows);
    /// let plain = Bound::new(LambdaRange { min: -4.0, max: 4.0 }, 16);
    /// let control = plain.clone().with_control(Gaussian::fit(&x, 2)?);
    /// let mean_error = |bound: &Bound| {
    ///     let found = bound.run(&*data, &x, 2, &rows)?;
    ///     Ok::<_, langevin::Error>(found.errors.iter().sum::<f64>())
    /// };
    /// assert!(mean_error(&control)? < mean_error(&plain)?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn with_control(mut self, control: Gaussian) -> Self {
        self.control = Some(control);
        self
    }

    /// Estimates the bound on −log p of each datum.
    ///
    /// `data` holds rows of `dim` elements. `rows` holds their addresses, which determine the
    /// noise.
    ///
    /// # Errors
    /// Returns an error if there are no data, if the shapes do not fit, if a number is not finite,
    /// or if the number of levels is out of bounds. Errors of the model are passed on.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{LambdaRange, SampleId};
    /// # use langevin_analysis::exact::{Density, Gaussian};
    /// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
    /// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
    /// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
    /// let found = Bound::new(range, 64).with_control(data.clone()).run(&data, &x, 2, &rows)?;
    /// // With the exact denoiser as its own control the estimate has no noise.
    /// assert!(found.errors.iter().all(|error| *error < 1e-12));
    /// assert_eq!((found.nats.len(), found.evaluations), (8, 64));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn run(
        &self,
        model: &(impl Model<Vec<f64>> + ?Sized),
        data: &[f64],
        dim: usize,
        rows: &[SampleId],
    ) -> Result<Likelihood> {
        check_data(data, dim, rows.len())?;
        let run = self.start(SliceSpace::new(dim), model.formulation(), data.to_vec(), rows)?;
        drive(run, |question| question.ask(model))
    }

    /// Starts a run in which the caller evaluates the network; see [`drive`](langevin::drive).
    ///
    /// `network` is the network's formulation, or `None` if its output is the denoised prediction.
    /// `data` holds rows of the space, and `rows` their addresses, which determine the noise.
    ///
    /// # Errors
    /// Returns an error if the data are not finite or do not fit the rows, or if the range is
    /// empty. It also returns an error if the number of levels is out of bounds, or if the control
    /// has another dimension.
    ///
    /// # Examples
    /// ```
    /// use langevin::drive::Program;
    /// use langevin_analysis::exact::{self, Density};
    /// use langevin_analysis::likelihood::Bound;
    /// use langevin::{LambdaRange, Model, SampleId, SliceSpace};
    /// let (data, rows) = (exact::named("mixture")?, [SampleId::default()]);
    /// let bound = Bound::new(LambdaRange { min: -4.6, max: 4.6 }, 32);
    /// let mut run = bound.start(SliceSpace::<f64>::new(1), None, data.sample(&rows), &rows)?;
    /// while let Some(question) = run.query()? {
    ///     let out = data.predict(question.x, &question.query)?;
    ///     run.supply(out.into())?;
    /// }
    /// assert_eq!(run.finish()?, bound.run(&data, &data.sample(&rows), 1, &rows)?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn start<Sp: RowWise>(
        &self,
        space: Sp,
        network: Option<&Formulation>,
        data: Sp::State,
        rows: &[SampleId],
    ) -> Result<BoundRun<Sp>> {
        BoundRun::new(self.clone(), space, network.cloned(), data, rows.to_vec())
    }

    /// Checks everything except the data, and returns the ends of the range in σ/α.
    fn check(&self, dim: usize) -> Result<(f64, f64)> {
        let ends = check_range(self.range)?;
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
        Ok(ends)
    }
}

/// A running bound whose network the caller evaluates, created by [`Bound::start`].
///
/// # Examples
/// ```
/// # use langevin::{LambdaRange, SampleId};
/// # use langevin_analysis::exact::{Density, Gaussian};
/// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
/// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
/// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
/// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
/// use langevin::SliceSpace;
/// use langevin::drive::Program;
/// let mut run = Bound::new(range, 16).start(SliceSpace::<f64>::new(2), None, x, &rows)?;
/// let mut questions = 0;
/// while let Some(question) = run.query()? {
///     let answer = question.ask(&data)?;
///     run.supply(answer)?;
///     questions += 1;
/// }
/// // One evaluation per level, with all rows in one batch.
/// assert_eq!((questions, run.finish()?.nats.len()), (16, 8));
/// # Ok::<(), langevin::Error>(())
/// ```
pub struct BoundRun<Sp: RowWise> {
    how: Bound,
    space: Sp,
    network: Option<Formulation>,
    wanted: Formulation,
    rows: Vec<SampleId>,
    /// The data as a state of the space, and as plain numbers in `values`.
    data: Sp::State,
    values: Vec<f64>,
    /// σ/α of the cleanest and of the noisiest level.
    ends: (f64, f64),
    drawn: Objective,
    /// The position within its stratum, per level and row.
    places: Vec<Vec<f64>>,
    /// The terms of each row so far.
    paths: Vec<Vec<f64>>,
    open: Option<Open<Sp::State>>,
}

/// The open evaluation, with its levels and its noised data.
struct Open<S> {
    evaluation: Evaluation<S>,
    levels: Vec<Level>,
    z: S,
}

impl<Sp: RowWise> BoundRun<Sp> {
    fn new(how: Bound, space: Sp, network: Option<Formulation>, data: Sp::State, rows: Vec<SampleId>) -> Result<Self> {
        let (dim, values) = (space.width(), space.download(&data)?);
        check_data(&values, dim, rows.len())?;
        let ends = how.check(dim)?;
        let drawn = Formulation::new(Process::ve(), Prediction::Epsilon).with_range(how.range);
        let drawn = Objective::new(&drawn, Weight::Plain, how.times.clone())?;
        let mut uniforms = vec![0.0; how.levels];
        let mut places: Vec<Vec<f64>> = vec![Vec::with_capacity(rows.len()); how.levels];
        for row in &rows {
            fill_uniforms(*row, draws::BOUND_LEVELS.first(), &mut uniforms);
            places.iter_mut().zip(&uniforms).for_each(|(level, place)| level.push(*place));
        }
        let paths = vec![Vec::with_capacity(how.levels); rows.len()];
        let wanted = denoiser();
        Ok(Self { how, space, network, wanted, rows, data, values, ends, drawn, places, paths, open: None })
    }

    /// Opens the evaluation at the next level, unless one is open or no level is left.
    fn advance(&mut self) -> Result<()> {
        let k = self.paths[0].len();
        let Some(places) = self.places.get(k).filter(|_| self.open.is_none()) else { return Ok(()) };
        let place =
            |u: &f64| self.drawn.level((k as f64 + u) / self.how.levels as f64).map(|level| ve(level.sigma_ve()));
        let levels: Vec<Level> = places.iter().map(place).collect::<Result<_>>()?;
        let sigmas: Vec<f64> = levels.iter().map(|level| level.sigma).collect();
        let noise = [(Coef::PerRow(&sigmas), draws::BOUND_NOISE.nth(k as u32))];
        let z = self.space.combine(None, &[(Coef::All(1.0), &self.data)], &noise, &self.rows)?;
        let reader = Reader { network: self.network.as_ref(), wanted: Some(&self.wanted) };
        let evaluation = Evaluation::open(&self.space, reader, At::PerRow(&levels), &z, &self.rows)?;
        self.open = Some(Open { evaluation, levels, z });
        Ok(())
    }

    /// Returns ‖D − x‖² of each row under the control, or zeros without a control.
    fn guessed(&self, open: &Open<Sp::State>) -> Result<Vec<f64>> {
        let Some(control) = &self.how.control else { return Ok(vec![0.0; self.rows.len()]) };
        let levels: Vec<InputLevel> = open.levels.iter().map(|level| (*level).into()).collect();
        let query = Query::per_row(&levels, &self.rows);
        let guessed = Model::predict(control, &self.space.download(&open.z)?, &query)?;
        let dim = self.space.width();
        let both = guessed.chunks_exact(dim).zip(self.values.chunks_exact(dim));
        Ok(both.map(|(d, x)| d.iter().zip(x).map(|(d, x)| (d - x).powi(2)).sum()).collect())
    }
}

impl<Sp: RowWise> Program for BoundRun<Sp> {
    type State = Sp::State;
    type Output = Likelihood;

    fn query(&mut self) -> Result<Option<Question<'_, Sp::State>>> {
        self.advance()?;
        Ok(self.open.as_ref().map(|open| open.evaluation.question(&open.z, &self.rows, &[])))
    }

    fn supply(&mut self, answer: Answer<Sp::State>) -> Result<()> {
        answer.check(0)?;
        let open = self.open.take().ok_or_else(unasked)?;
        let denoised = open.evaluation.value(&self.space, &open.z, answer.out, &self.rows)?;
        let data = [(Coef::All(-1.0), &self.data)];
        let apart = self.space.combine(Some((Coef::All(1.0), denoised)), &data, &[], &self.rows)?;
        let squares = self.space.dots(&apart, &apart)?;
        let guessed = self.guessed(&open)?;
        for (((path, level), square), guessed) in self.paths.iter_mut().zip(&open.levels).zip(squares).zip(guessed) {
            path.push((square - guessed) / (level.sigma * level.sigma * self.drawn.density(level)));
        }
        open.evaluation.close(&self.space);
        [apart, open.z].into_iter().for_each(|state| self.space.recycle(state));
        Ok(())
    }

    fn finish(self) -> Result<Likelihood> {
        if self.paths[0].len() < self.how.levels {
            return Err(unfinished());
        }
        let (dim, (clean, noisy)) = (self.space.width(), self.ends);
        let last = 0.5 * dim as f64 * (ln(std::f64::consts::TAU) + 1.0) + dim as f64 * ln(clean);
        let (mut nats, mut errors) = (Vec::with_capacity(self.rows.len()), Vec::with_capacity(self.rows.len()));
        for (row, (path, x)) in self.paths.iter().zip(self.values.chunks_exact(dim)).enumerate() {
            let prior = 0.5 * x.iter().map(|x| x * x).sum::<f64>() / (noisy * noisy);
            let known = self.how.control.as_ref().map_or(0.0, |control| integral(control, x, clean, noisy));
            let total = prior + Estimate::of(path).mean + known + last;
            if !total.is_finite() {
                return Err(Error::singular("the model's values are not finite").at(format!("row {row}")));
            }
            let spread: f64 = path.as_chunks::<2>().0.iter().map(|[a, b]| (a - b).powi(2)).sum();
            nats.push(total);
            errors.push(spread.sqrt() / path.len() as f64);
        }
        Ok(Likelihood { kind: Kind::Bound, nats, errors, evaluations: self.how.levels, products: 0, dim })
    }
}

/// Returns $\int E\lVert\varepsilon-\hat\varepsilon_G\rVert^2 d\lambda$ of the datum x under the
/// Gaussian's own denoiser, between two levels. See the [module](self).
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
