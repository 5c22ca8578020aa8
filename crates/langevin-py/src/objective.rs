//! Training objectives: the coefficients of the loss at listed noise levels.

use crate::errors::OrRaise as _;
use crate::theory::Formulation;
use langevin::LambdaRange;
use langevin::objective::{Learner, Support, Term, TimeDensity, Weight};
use numpy::{PyArray1, PyArrayMethods as _};
use pyo3::prelude::*;

/// A weight and a time density on a formulation, for `langevin.Objective`.
#[pyclass(frozen, module = "langevin._langevin", name = "_Objective")]
pub struct Objective {
    inner: langevin::Objective,
    /// Name of the density, as it was given.
    times: String,
    range: LambdaRange,
}

/// Columns of a term: λ, time, α, σ; time, α and σ of the input; x0 and ε in the target; the factor
/// of the squared error of the output, and ‖Δε‖² per ‖Δout‖².
const COLUMNS: usize = 11;

fn columns(term: &Term) -> [f64; COLUMNS] {
    let Term { level, input, target, factor, gain, .. } = *term;
    [
        level.lambda(),
        level.time,
        level.alpha,
        level.sigma,
        input.time,
        input.alpha,
        input.sigma,
        target.datum,
        target.noise,
        factor,
        gain,
    ]
}

/// Returns rows of `width` numbers as an array of two axes.
fn array(py: Python<'_>, values: Vec<f64>, width: usize) -> PyResult<Bound<'_, PyAny>> {
    let rows = values.len() / width;
    PyArray1::from_vec(py, values).reshape([rows, width]).map(Bound::into_any)
}

#[pymethods]
impl Objective {
    /// Create an objective. A formulation without a range gets that of its table, or the default.
    #[new]
    #[pyo3(signature = (formulation, weight, times = None))]
    fn new(formulation: &Bound<'_, Formulation>, weight: &str, times: Option<&str>) -> PyResult<Self> {
        let mut formulation = formulation.get().0.clone();
        let range = formulation.default_range().or_raise()?;
        formulation = formulation.with_range(range);
        let density = match times {
            Some(text) => TimeDensity::parse(text).or_raise()?,
            None => TimeDensity::usual(&formulation.process),
        };
        let weight = Weight::parse(weight).or_raise()?;
        let times = times.unwrap_or(density.name()).to_owned();
        let inner = langevin::Objective::new(&formulation, weight, density).or_raise()?;
        let range = inner.range();
        Ok(Self { inner, times, range })
    }

    /// Constants of the learned density: bins, uniform share, memory, rows that are enough, the
    /// first update, and the batches between updates.
    #[staticmethod]
    fn learning() -> (usize, f64, f64, f64, u64, u64) {
        (Learner::BINS, Learner::UNIFORM, Learner::KEEP, Learner::ENOUGH, Learner::FIRST, Learner::REFRESH)
    }

    /// Formulation with its range.
    #[getter]
    fn formulation(&self) -> Formulation {
        Formulation(self.inner.formulation().clone())
    }

    /// Name of the time density.
    #[getter]
    fn times(&self) -> &str {
        &self.times
    }

    /// Noisiest and cleanest λ.
    #[getter]
    fn lambda_range(&self) -> (f64, f64) {
        (self.range.min, self.range.max)
    }

    /// Return the probabilities of listed levels, and the coefficients of the loss there.
    ///
    /// With ``count`` the levels are even in λ, the noisiest first; without it they are the steps
    /// of the process's table.
    #[pyo3(signature = (count = None))]
    fn terms<'py>(&self, py: Python<'py>, count: Option<usize>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let support = count.map_or(Support::Steps, Support::EvenLambda);
        let terms = py.detach(|| self.inner.terms(support)).or_raise()?;
        let masses: Vec<f64> = terms.iter().map(|(_, mass)| *mass).collect();
        let values = terms.iter().flat_map(|(term, _)| columns(term)).collect();
        Ok((PyArray1::from_vec(py, masses).into_any(), array(py, values, COLUMNS)?))
    }

    /// Return the coefficients of the loss at times of the network's clock, and p(λ) there.
    fn terms_at<'py>(&self, py: Python<'py>, times: Vec<f64>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (mut values, mut density) = (Vec::with_capacity(times.len() * COLUMNS), Vec::new());
        for time in times {
            let level = self.inner.formulation().level(time).or_raise()?;
            density.push(self.inner.density(&level));
            values.extend(columns(&self.inner.term(&level).or_raise()?));
        }
        Ok((array(py, values, COLUMNS)?, PyArray1::from_vec(py, density).into_any()))
    }

    /// Return λ, time, σ/α, p, w and w·p on even λ; whether it bounds a likelihood, that of the
    /// data, both in words, and the table of `langevin objective`.
    fn frame<'py>(
        &self,
        py: Python<'py>,
        count: usize,
    ) -> PyResult<(Bound<'py, PyAny>, bool, bool, &'static str, String)> {
        let frame = self.inner.frame(count).or_raise()?;
        let values = frame.points.iter().flat_map(|p| [p.lambda, p.time, p.sigma, p.density, p.weight, p.product]);
        let points = array(py, values.collect(), 6)?;
        Ok((points, frame.is_bound, frame.is_likelihood, frame.verdict(), frame.to_string()))
    }
}

/// Return partners by optimal transport: row i of ``data`` belongs with row ``partners[i]`` of
/// ``noise``.
#[pyfunction]
pub fn _pairing(
    py: Python<'_>,
    data: numpy::PyReadonlyArray2<'_, f64>,
    noise: numpy::PyReadonlyArray2<'_, f64>,
) -> PyResult<Vec<usize>> {
    let width = data.as_array().ncols();
    let (data, noise) = (data.as_slice()?.to_vec(), noise.as_slice()?.to_vec());
    py.detach(|| langevin_analysis::metrics::pairing(&data, &noise, width)).or_raise()
}
