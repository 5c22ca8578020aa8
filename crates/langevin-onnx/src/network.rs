//! One ONNX file as a model.

use crate::error::{Error, Result};
use crate::library;
use langevin::model::blocks;
use langevin::{Branch, Formulation, Model, Query, Vjp};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{Outlet, Tensor, TensorElementType, ValueType};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The elements of a call, about: rows go to the runtime in blocks of a fixed number, so that a row's result does not depend on its company.
const BLOCK: usize = 16_384;
/// The rows of a call at most.
const MOST_ROWS: usize = 64;

/// A network out of an ONNX file: a [`Model`] of the formulation that its owner says it has, on rows of f64. It computes in what the file says.
///
/// It takes two inputs, the states (rows, …) and their time (a number, or one for each row), and its first output has the shape of the states.
///
/// A row's output depends on the row, its time and its `index` modulo the rows of a block alone: not on the batch or on threads.
pub struct OnnxNetwork {
    /// The runtime can be asked by several threads; the crate takes it for itself. It has threads of its own.
    session: Mutex<Session>,
    formulation: Formulation,
    name: String,
    shape: Vec<usize>,
    /// The rows of a call.
    block: usize,
    state: Input,
    time: Input,
    output: String,
}

/// An input of the graph.
struct Input {
    name: String,
    kind: TensorElementType,
    /// Dimensions; −1: any.
    shape: Vec<i64>,
}

impl OnnxNetwork {
    /// Opens a file. `shape` is that of one sample where the file leaves it open.
    ///
    /// # Errors
    /// A runtime that is not found, a file that cannot be read, or a graph with other inputs and outputs.
    pub fn open(path: &Path, formulation: Formulation, shape: Option<&[usize]>) -> Result<Self> {
        let environment = library::environment()?;
        let place = path.display().to_string();
        let unreadable =
            |error: String| Error::new("the ONNX file cannot be read").at(place.clone()).got(brief(&error));
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let session = Session::builder(&environment)
            .and_then(|builder| Ok(builder.with_intra_threads(threads)?))
            .and_then(|builder| Ok(builder.with_optimization_level(GraphOptimizationLevel::Level3)?))
            .and_then(|mut builder| builder.commit_from_file(path))
            .map_err(|error| unreadable(error.to_string()))?;
        let inputs: Vec<Input> = session.inputs().iter().filter_map(Input::new).collect();
        let described = describe(session.inputs());
        let two = || {
            Error::new("the network has other inputs")
                .at(place.clone())
                .expected("two: states (rows, …), and their time (a number, or one for each row)")
                .got(described.clone())
                .hinting("export a wrapper that has only these; fix its conditions inside")
        };
        let (mut state, mut time) = (None, None);
        for input in inputs {
            let slot = if input.shape.len() >= 2 { &mut state } else { &mut time };
            if slot.replace(input).is_some() {
                return Err(two());
            }
        }
        let (Some(state), Some(time)) = (state, time) else { return Err(two()) };
        if session.inputs().len() != 2 || !state.is_float() || !(time.is_float() || time.is_whole()) {
            return Err(two());
        }
        let output = session.outputs().first().map(|outlet| outlet.name().to_owned()).ok_or_else(two)?;
        let shape = sample_shape(&place, &state, shape)?;
        let width = shape.iter().product::<usize>().max(1);
        let free = (BLOCK / width).clamp(1, MOST_ROWS);
        let block = state.shape.first().filter(|rows| **rows > 0).map_or(free, |rows| *rows as usize);
        let name = path.file_stem().map_or_else(|| place.clone(), |stem| stem.to_string_lossy().into_owned());
        Ok(Self { session: Mutex::new(session), formulation, name, shape, block, state, time, output })
    }

    /// The file's name, without its ending.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shape of one sample.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements of one sample.
    #[must_use]
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// What it was said to be.
    #[must_use]
    pub fn formulation(&self) -> &Formulation {
        &self.formulation
    }

    /// One call: a block of states at their times.
    fn call(&self, states: Vec<f32>, times: &[f64]) -> Result<Vec<f32>> {
        let failed =
            |error: ort::Error| Error::new("the network failed").at(self.name.clone()).got(brief(&error.to_string()));
        let mut shape: Vec<i64> = vec![times.len() as i64];
        shape.extend(self.shape.iter().map(|extent| *extent as i64));
        let count = states.len();
        let states: SessionInputValue<'_> = match self.state.kind {
            TensorElementType::Float64 => {
                let states: Vec<f64> = states.into_iter().map(f64::from).collect();
                Tensor::from_array((shape, states)).map_err(failed)?.into()
            }
            _ => Tensor::from_array((shape, states)).map_err(failed)?.into(),
        };
        let times = self.time.values(&self.name, times)?;
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let inputs = vec![(self.state.name.as_str(), states), (self.time.name.as_str(), times)];
        let outputs = session.run(inputs).map_err(failed)?;
        let output = &outputs[self.output.as_str()];
        let values = match output.try_extract_tensor::<f32>() {
            Ok((_, values)) => values.to_vec(),
            Err(_) => output.try_extract_tensor::<f64>().map_err(failed)?.1.iter().map(|value| *value as f32).collect(),
        };
        if values.len() == count {
            return Ok(values);
        }
        let twice = if values.len() == 2 * count {
            "a learned variance: export the first half of the channels"
        } else {
            "export a network whose output has the shape of its input"
        };
        Err(Error::new("the network's output has another shape")
            .at(self.name.clone())
            .expected(format!("{count} numbers, as many as it was given"))
            .got(values.len().to_string())
            .hinting(twice))
    }
}

impl Model<Vec<f64>> for OnnxNetwork {
    fn formulation(&self) -> Option<&Formulation> {
        Some(&self.formulation)
    }

    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> langevin::Result<Vec<f64>> {
        let fail = |error: Error| langevin::Error::model("the network cannot answer", error);
        let width = self.width();
        if query.branch != Branch::Main {
            let error = Error::new("the network has no unconditional branch").hinting("leave guidance out");
            return Err(fail(error));
        }
        if x.len() != query.rows.len() * width {
            let error = Error::new("the states do not fit the network")
                .expected(format!("{} rows of {width}", query.rows.len()))
                .got(format!("{} numbers", x.len()));
            return Err(fail(error));
        }
        let mut out = vec![0.0; x.len()];
        for places in blocks(query.rows, self.block) {
            let Some(some) = places.iter().flatten().next() else { continue };
            let mut states = vec![0.0f32; self.block * width];
            let mut times = vec![query.at.row(*some).time; self.block];
            for (place, row) in places.iter().enumerate() {
                let Some(row) = *row else { continue };
                times[place] = query.at.row(row).time;
                for (state, x) in states[place * width..(place + 1) * width].iter_mut().zip(&x[row * width..]) {
                    *state = *x as f32;
                }
            }
            // One number of time is one for the whole block.
            let found = if self.time.shape.is_empty() || self.time.shape == [1] && self.block > 1 {
                self.at_one_time(&states, &times, &places)
            } else {
                self.call(states, &times)
            };
            let found = found.map_err(fail)?;
            for (place, row) in places.iter().enumerate() {
                let Some(row) = *row else { continue };
                for (out, value) in out[row * width..(row + 1) * width].iter_mut().zip(&found[place * width..]) {
                    *out = f64::from(*value);
                }
            }
        }
        Ok(out)
    }
}

impl OnnxNetwork {
    /// A block whose network takes one time: a call for each time in it.
    fn at_one_time(&self, states: &[f32], times: &[f64], places: &[Option<usize>]) -> Result<Vec<f32>> {
        let width = self.width();
        let mut out = vec![0.0; states.len()];
        let mut done = vec![false; times.len()];
        for place in 0..times.len() {
            if done[place] || places[place].is_none() {
                continue;
            }
            let found = self.call(states.to_vec(), &vec![times[place]; times.len()])?;
            for other in (0..times.len()).filter(|other| times[*other] == times[place]) {
                done[other] = true;
                out[other * width..(other + 1) * width].copy_from_slice(&found[other * width..(other + 1) * width]);
            }
        }
        Ok(out)
    }
}

impl Vjp<Vec<f64>> for OnnxNetwork {
    fn predict_vjps(&self, _: &Vec<f64>, _: &Query<'_>, _: &[Vec<f64>]) -> langevin::Result<(Vec<f64>, Vec<Vec<f64>>)> {
        let error = Error::new("an ONNX network cannot be differentiated")
            .expected("a model with a derivative in its input")
            .got(format!("'{}', which has its output alone", self.name))
            .hinting("--method bound needs no derivative");
        Err(langevin::Error::model("the network cannot answer", error))
    }
}

impl Input {
    fn new(outlet: &Outlet) -> Option<Self> {
        let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else { return None };
        Some(Self { name: outlet.name().to_owned(), kind: *ty, shape: shape.to_vec() })
    }

    fn is_float(&self) -> bool {
        matches!(self.kind, TensorElementType::Float32 | TensorElementType::Float64)
    }

    fn is_whole(&self) -> bool {
        matches!(self.kind, TensorElementType::Int64 | TensorElementType::Int32)
    }

    /// The times as the graph takes them.
    fn values(&self, network: &str, times: &[f64]) -> Result<SessionInputValue<'static>> {
        let failed = |error: ort::Error| Error::new("the network failed").at(network.to_owned()).got(error.to_string());
        let times = if self.shape.is_empty() || self.shape == [1] { &times[..1] } else { times };
        let shape: Vec<i64> = if self.shape.is_empty() { vec![] } else { vec![times.len() as i64] };
        if self.is_whole() {
            let whole = times.iter().map(|time| {
                let near = time.round();
                if (time - near).abs() <= 1e-6 * near.abs().max(1.0) { Ok(near) } else { Err(*time) }
            });
            let whole: Vec<f64> = whole.collect::<Result<_, _>>().map_err(|time| {
                Error::new("the network takes whole numbers for time")
                    .at(format!("{network}, input {}", self.name))
                    .expected("a time that is one")
                    .got(time.to_string())
                    .hinting("export it with a floating-point time, or choose a grid of its own steps, such as --grid trailing")
            })?;
            return if self.kind == TensorElementType::Int32 {
                let whole: Vec<i32> = whole.into_iter().map(|time| time as i32).collect();
                Ok(Tensor::from_array((shape, whole)).map_err(failed)?.into())
            } else {
                let whole: Vec<i64> = whole.into_iter().map(|time| time as i64).collect();
                Ok(Tensor::from_array((shape, whole)).map_err(failed)?.into())
            };
        }
        if self.kind == TensorElementType::Float64 {
            return Ok(Tensor::from_array((shape, times.to_vec())).map_err(failed)?.into());
        }
        let times: Vec<f32> = times.iter().map(|time| *time as f32).collect();
        Ok(Tensor::from_array((shape, times)).map_err(failed)?.into())
    }
}

/// The shape of one sample: the file's, or, where that is open, the user's.
fn sample_shape(place: &str, state: &Input, given: Option<&[usize]>) -> Result<Vec<usize>> {
    let own = &state.shape[1..];
    let shown = || {
        let extents: Vec<String> =
            own.iter().map(|extent| if *extent < 0 { "?".to_owned() } else { extent.to_string() }).collect();
        extents.join(",")
    };
    let fits = |given: &[usize]| {
        given.len() == own.len() && own.iter().zip(given).all(|(own, given)| *own < 0 || *own == *given as i64)
    };
    match given {
        Some(given) if fits(given) && !given.contains(&0) => Ok(given.to_vec()),
        Some(given) => Err(Error::new("the shape does not fit the network")
            .at(place.to_owned())
            .expected(shown())
            .got(format!("{given:?}"))),
        None if own.iter().all(|extent| *extent > 0) => Ok(own.iter().map(|extent| *extent as usize).collect()),
        None => Err(Error::new("the file leaves the shape of a sample open")
            .at(place.to_owned())
            .expected("a shape")
            .got(shown())
            .hinting("say it with --shape, as in --shape 4,64,64")),
    }
}

/// The inputs for people.
fn describe(inputs: &[Outlet]) -> String {
    let one = |outlet: &Outlet| format!("{} ({})", outlet.name(), outlet.dtype());
    match inputs {
        [] => "none".to_owned(),
        inputs => inputs.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

/// The first line of what a library says.
fn brief(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}
