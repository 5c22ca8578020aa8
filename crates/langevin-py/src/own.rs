//! Models of this library, which run without the interpreter, and sampling from them.

use crate::errors::{ArgumentError, OrRaise as _, misfit, raised};
use crate::rows::batch;
use langevin::space::Element;
use langevin::{Model, Plan, Sampling, Vjp};
use langevin_analysis::exact::{self, Density as _};
use langevin_tasks::sample::usual_batch;
use numpy::{PyArray1, PyArrayMethods as _};
use pyo3::prelude::*;
use std::sync::Arc;

/// A model of this library.
pub enum Own {
    /// A density in closed form.
    Density(Arc<Box<dyn exact::Density>>),
    /// A network from a model file.
    Network(Arc<langevin_train::Network>),
    /// A network from an ONNX file.
    Onnx(Arc<langevin_onnx::OnnxNetwork>),
}

impl Own {
    /// Returns the model.
    pub fn model(&self) -> &(dyn Vjp<Vec<f64>> + Sync) {
        match self {
            Self::Density(density) => &**density,
            Self::Network(network) => &**network,
            Self::Onnx(network) => &**network,
        }
    }

    /// Returns the number of elements of a row.
    pub fn width(&self) -> usize {
        match self {
            Self::Density(density) => density.dim(),
            Self::Network(network) => network.width(),
            Self::Onnx(network) => network.width(),
        }
    }

    /// Returns `width`, or an error if the model's rows have another number of elements.
    pub fn check(&self, width: usize) -> PyResult<usize> {
        let own = self.width();
        if own == width {
            return Ok(width);
        }
        Err(misfit("the rows do not fit the model", format!("{own} elements"), width.to_string(), ""))
    }
}

/// A request for samples of one of the library's models.
pub struct Drawn {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The model.
    pub model: Own,
    /// The seed.
    pub seed: u64,
    /// The index of the first sample.
    pub first: u64,
    /// The number of threads; `None` means the number of cores.
    pub threads: Option<usize>,
    /// `true` to return samples of a network in the units of its data.
    pub to_data: bool,
}

impl Drawn {
    /// Returns the samples as an array of this shape. The interpreter is released meanwhile.
    pub fn array<'py>(&self, py: Python<'py>, shape: &[usize], dtype: &str) -> PyResult<Bound<'py, PyAny>> {
        let sampling = self.sampling(shape)?;
        let plan = self.fitted()?;
        let plan = &plan;
        match (dtype, &self.model) {
            ("float64", Own::Onnx(network)) => self.run::<f64, _>(py, &sampling, shape, plan, &**network),
            ("float32", Own::Density(density)) => self.run_density::<f32>(py, &sampling, shape, plan, density),
            ("float64", Own::Density(density)) => self.run_density::<f64>(py, &sampling, shape, plan, density),
            ("float32", Own::Network(network)) => self.run::<f32, _>(py, &sampling, shape, plan, &**network),
            ("float64", Own::Network(network)) => self.run::<f64, _>(py, &sampling, shape, plan, &**network),
            _ => Err(misfit("bad dtype", "'float32' or 'float64'", format!("'{dtype}'"), "")),
        }
    }

    /// Returns the plan for the formulation of the model, if it was made for another one.
    fn fitted(&self) -> PyResult<Arc<Plan>> {
        let model = self.model.model();
        match model.formulation() {
            Some(own) if self.plan.differs_from(Some(own)).is_some() => {
                self.plan.for_network(own).map(Arc::new).or_raise()
            }
            _ => Ok(self.plan.clone()),
        }
    }

    /// Runs on a density, which serves as a network of every formulation.
    fn run_density<'py, T>(
        &self,
        py: Python<'py>,
        sampling: &Sampling,
        shape: &[usize],
        plan: &Plan,
        density: &Arc<Box<dyn exact::Density>>,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: Element + numpy::Element,
        Box<dyn exact::Density>: Model<Vec<T>>,
    {
        let Some(spec) = plan.network() else { return self.run::<T, _>(py, sampling, shape, plan, &**density) };
        let to = langevin::Formulation::from_spec(spec).or_raise()?;
        let space = langevin::SliceSpace::<T>::new(density.dim());
        self.run::<T, _>(py, sampling, shape, plan, &langevin::ReadAs::new(&**density, to, space))
    }

    fn run<'py, T, M>(
        &self,
        py: Python<'py>,
        sampling: &Sampling,
        shape: &[usize],
        plan: &Plan,
        model: &M,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: Element + numpy::Element,
        M: Model<Vec<T>> + Sync,
    {
        let samples = py.detach(|| sampling.run::<T>(plan, model).map(|samples| self.in_units(samples)));
        let samples = samples.map_err(|error| raised(py, &error))?;
        PyArray1::from_vec(py, samples).reshape(shape.to_vec()).map(Bound::into_any)
    }

    /// Converts samples of a network to the units of its data if the request asks for it.
    fn in_units<T: Element>(&self, samples: Vec<T>) -> Vec<T> {
        let (Own::Network(network), true) = (&self.model, self.to_data) else { return samples };
        let mut values: Vec<f64> = samples.into_iter().map(Element::to_f64).collect();
        network.denormalize(&mut values);
        values.into_iter().map(T::from_f64).collect()
    }

    /// Returns the batches and threads for rows of this shape, the same as on the command line.
    fn sampling(&self, shape: &[usize]) -> PyResult<Sampling> {
        let (count, width) = (batch(shape)?, shape.iter().skip(1).product::<usize>());
        let wanted = self.model.width();
        if width != wanted {
            let got = format!("{shape:?}");
            return Err(misfit("the shape does not fit the model", format!("{wanted} elements a row"), got, ""));
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (batch, threads) = (usual_batch(width, false), self.threads.unwrap_or(cores));
        Ok(Sampling::new(count, width).seed(self.seed).first(self.first).chunk(batch).threads(threads))
    }
}

/// Parses the argument `units`: `true` for the units of the data.
pub fn in_data_units(units: &str) -> PyResult<bool> {
    match units {
        "data" => Ok(true),
        "model" => Ok(false),
        other => {
            Err(ArgumentError::new_err(format!("unknown units (units): expected 'data' or 'model', got '{other}'")))
        }
    }
}
