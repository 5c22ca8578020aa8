//! The model: one ONNX file.

use crate::element;
use crate::error::{Error, Result};
use crate::input::{self, For, Input};
use crate::library;
use crate::options::{Options, Style};
use crate::port::{self, Port};
use langevin::model::Branch;
use langevin::model::blocks;
use langevin::{Formulation, Model, Query, SampleId, Vjp};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Approximate number of elements of a call. Rows go to the runtime in blocks of a fixed size, so
/// that a row's output does not depend on the other rows in its batch.
const BLOCK: usize = 16_384;
/// Largest number of rows of a call.
const MOST_ROWS: usize = 64;

/// A network in an ONNX file: a [`Model`] on rows of f64, of the formulation that the caller
/// states.
///
/// The graph takes the states (rows, …) and their time (one number, or one for each row). Both have
/// a floating-point type of 16, 32 or 64 bits; the time may also be int32 or int64. Values are
/// converted from and to f64 at the boundary. Further inputs take their values from
/// [`Options::input`]. The output has the shape of the states.
///
/// The output of a row depends only on the row, its time, its further inputs, and its `index`
/// modulo the rows of a block. It does not depend on the batch or on the number of threads.
///
/// # Examples
///
/// ```no_run
/// use langevin::{Formulation, Prediction, Process};
/// use langevin_onnx::{OnnxNetwork, Options};
/// let formulation = Formulation::new(Process::parse("table:scaled_linear")?, Prediction::Epsilon);
/// let network = OnnxNetwork::open("unet.onnx".as_ref(), formulation, &Options::default())?;
/// println!("{}: {:?}, reads {}", network.name(), network.shape(), network.output());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OnnxNetwork {
    /// ONNX Runtime allows concurrent calls, but `ort` requires exclusive access to the session.
    /// The runtime has threads of its own.
    session: Mutex<Session>,
    formulation: Formulation,
    name: String,
    shape: Vec<usize>,
    /// The number of rows of a call.
    block: usize,
    /// All inputs of the graph.
    inputs: Vec<Port>,
    state: Port,
    time: Port,
    output: Port,
    further: Vec<Input>,
    /// The further inputs that have a different value on the unconditional branch.
    unconditional: Vec<Input>,
    style: Style,
}

impl OnnxNetwork {
    /// Opens an ONNX file.
    ///
    /// # Errors
    /// Returns an error if ONNX Runtime is not found or the file cannot be read. Returns an error
    /// if an input or output has an unsupported type or shape, and if `options` leave an input
    /// without a value or do not fit the graph.
    pub fn open(path: &Path, formulation: Formulation, options: &Options) -> Result<Self> {
        let place = path.display().to_string();
        let session = session(path)?;
        let style = options.style;
        let inputs: Vec<Port> = session.inputs().iter().map(Port::new).collect();
        let outputs: Vec<Port> = session.outputs().iter().map(Port::new).collect();
        let named: Vec<&str> = options.inputs.iter().map(|(name, _)| &**name).collect();
        for (name, _) in &options.inputs {
            if !inputs.iter().any(|port| port.name == *name) {
                return Err(port::unknown("input", style.place(name, false), name, &inputs));
            }
        }
        let (state, time) = port::roles(&place, &inputs, &named, style)?;
        let rows = state.shape.first().filter(|rows| **rows > 0).map(|rows| *rows as usize);
        let further = input::given(&options.inputs, &inputs, rows, For::Main, style)?;
        let output = port::output(&place, &outputs, &state, options.output.as_deref(), style)?;
        let shape = sample_shape(&place, &state, options.shape.as_deref(), style)?;
        let width = shape.iter().product::<usize>().max(1);
        let block = rows.unwrap_or((BLOCK / width).clamp(1, MOST_ROWS));
        let name = path.file_stem().map_or_else(|| place.clone(), |stem| stem.to_string_lossy().into_owned());
        let session = Mutex::new(session);
        let mut network = Self {
            session,
            formulation,
            name,
            shape,
            block,
            inputs,
            state,
            time,
            output,
            further,
            unconditional: vec![],
            style,
        };
        network.set_unconditional(&options.unconditional)?;
        network.check_output()?;
        Ok(network)
    }

    /// Returns each input of the graph with its type and shape, as in `t (float32 [rows])`.
    #[must_use]
    pub fn inputs(&self) -> Vec<String> {
        self.inputs.iter().map(ToString::to_string).collect()
    }

    /// Returns the output that is read, with its type and shape.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.to_string()
    }

    /// Returns true if a further input has one row for each sample.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        self.further.iter().chain(&self.unconditional).any(|input| input.rows > 1)
    }

    /// Checks that every further input covers the samples 0 to `count` − 1. An input with a single
    /// row covers every sample.
    ///
    /// # Errors
    /// Returns an error that names the input if it has too few rows.
    pub fn check_rows(&self, count: usize) -> Result<()> {
        let short = |input: &&Input| input.rows > 1 && input.rows < count;
        self.further.iter().chain(&self.unconditional).find(short).map_or(Ok(()), |input| Err(input.too_few(count)))
    }

    /// Returns true if a further input has a value for the unconditional branch, which guidance
    /// evaluates.
    #[must_use]
    pub fn has_unconditional(&self) -> bool {
        !self.unconditional.is_empty()
    }

    /// Sets the values of further inputs on the unconditional branch, as
    /// [`Options::unconditional_input`] does.
    ///
    /// # Errors
    /// Returns an error if the network has no such further input, or if the type or shape does not
    /// fit.
    pub fn set_unconditional(&mut self, values: &[(String, crate::Array)]) -> Result<()> {
        let is_further = |port: &&Port| self.further.iter().any(|input| input.name == port.name);
        let ports: Vec<Port> = self.inputs.iter().filter(is_further).cloned().collect();
        let rows = self.state.shape.first().filter(|rows| **rows > 0).map(|rows| *rows as usize);
        self.unconditional = input::given(values, &ports, rows, For::Unconditional, self.style)?;
        Ok(())
    }

    /// Returns the file's name without its extension.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the shape of one sample.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the number of elements of one sample.
    #[must_use]
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the formulation that was passed to [`open`](Self::open).
    #[must_use]
    pub fn formulation(&self) -> &Formulation {
        &self.formulation
    }

    /// Checks the output's shape against the shape of the states, as far as the file states it.
    fn check_output(&self) -> Result<()> {
        let mut states = vec![self.block as i64];
        states.extend(self.shape.iter().map(|extent| *extent as i64));
        // An output without a shape in the file is checked after the first call.
        if port::holds(&self.output.shape, &states) { Ok(()) } else { Err(self.misshapen(&self.output.words)) }
    }

    /// Returns the error for an output whose shape differs from that of the states.
    fn misshapen(&self, got: &str) -> Error {
        let row: Vec<i64> = self.shape.iter().map(|extent| *extent as i64).collect();
        port::misshapen(&self.name, &self.output, &row, got, self.style)
    }

    /// Evaluates one block of states at their times, for the given samples.
    fn call(&self, states: &[f64], times: &[f64], further: &[&Input], ids: &[Option<SampleId>]) -> Result<Vec<f64>> {
        let failed =
            |error: ort::Error| Error::new("the network failed").at(self.name.clone()).got(brief(&error.to_string()));
        if let Some((value, holds)) = element::misfit(self.state.kind, states).filter(|(value, _)| value.is_finite()) {
            return Err(Error::new("a state does not fit the network's type")
                .at(format!("{}, input {}", self.name, self.state.name))
                .expected(format!("{}, {holds}", self.state.words))
                .got(value.to_string()));
        }
        let mut shape: Vec<i64> = vec![times.len() as i64];
        shape.extend(self.shape.iter().map(|extent| *extent as i64));
        let tensor = element::tensor(self.state.kind, shape.clone(), states).map_err(failed)?;
        let mut inputs = vec![(self.state.name.as_str(), tensor), (self.time.name.as_str(), self.times(times)?)];
        for input in further {
            inputs.push((input.name.as_str(), input.tensor(ids)?));
        }
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(inputs).map_err(failed)?;
        let (found, values) =
            element::numbers(self.output.kind, &outputs[self.output.name.as_str()]).map_err(failed)?;
        if values.len() == states.len() && port::plain(&found) == port::plain(&shape) {
            return Ok(values);
        }
        Err(self.misshapen(&format!("{} {found:?}", element::name(self.output.kind))))
    }

    /// Returns the times as a tensor of the graph's type and shape.
    fn times(&self, times: &[f64]) -> Result<SessionInputValue<'static>> {
        let times = if self.time.is_single() { &times[..1] } else { times };
        let mut shape = vec![1; self.time.shape.len()];
        if let Some(first) = shape.first_mut() {
            *first = times.len() as i64;
        }
        let held = |time: &f64| self.time.time(&self.name, *time, self.style);
        let times = times.iter().map(held).collect::<Result<Vec<f64>>>()?;
        element::tensor(self.time.kind, shape, &times).map_err(|error| {
            let place = format!("{}, input {}", self.name, self.time.name);
            Error::new("the network failed").at(place).got(brief(&error.to_string()))
        })
    }

    /// Returns the further inputs of a branch.
    fn further(&self, branch: Branch) -> Result<Vec<&Input>> {
        if branch == Branch::Main {
            return Ok(self.further.iter().collect());
        }
        if self.unconditional.is_empty() {
            let error = Error::argument("the network has no value for its unconditional branch").at(self.name.clone());
            return Err(match self.further.first() {
                None => error.got("no further inputs").hinting("leave guidance out"),
                Some(first) => error
                    .expected(self.style.unconditional("NAME"))
                    .hinting(format!("give {}, or leave guidance out", self.style.unconditional(&first.name))),
            });
        }
        let own = |input: &str| self.unconditional.iter().find(|own: &&Input| own.name == input);
        Ok(self.further.iter().map(|input| own(&input.name).unwrap_or(input)).collect())
    }
}

impl Model<Vec<f64>> for OnnxNetwork {
    fn formulation(&self) -> Option<&Formulation> {
        Some(&self.formulation)
    }

    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> langevin::Result<Vec<f64>> {
        let fail = |error: Error| langevin::Error::model("the network cannot answer", error);
        let width = self.width();
        let further = self.further(query.branch).map_err(fail)?;
        if x.len() != query.rows.len() * width {
            let error = Error::new("the states do not fit the network")
                .expected(format!("{} rows of {width}", query.rows.len()))
                .got(format!("{} numbers", x.len()));
            return Err(fail(error));
        }
        let mut out = vec![0.0; x.len()];
        for places in blocks(query.rows, self.block) {
            let Some(some) = places.iter().flatten().next() else { continue };
            let mut states = vec![0.0; self.block * width];
            let mut times = vec![query.at.row(*some).time; self.block];
            for (place, row) in places.iter().enumerate() {
                let Some(row) = *row else { continue };
                times[place] = query.at.row(row).time;
                states[place * width..(place + 1) * width].copy_from_slice(&x[row * width..(row + 1) * width]);
            }
            let ids: Vec<Option<SampleId>> = places.iter().map(|row| row.map(|row| query.rows[row])).collect();
            // A graph that takes one time uses it for the whole block.
            let found = if self.time.is_single() && self.block > 1 {
                self.at_one_time(&states, &times, &further, &ids)
            } else {
                self.call(&states, &times, &further, &ids)
            };
            let found = found.map_err(fail)?;
            for (place, row) in places.iter().enumerate() {
                let Some(row) = *row else { continue };
                out[row * width..(row + 1) * width].copy_from_slice(&found[place * width..(place + 1) * width]);
            }
        }
        Ok(out)
    }
}

impl OnnxNetwork {
    /// Evaluates a block if the network takes one time for all rows: one call for each distinct
    /// time in the block.
    fn at_one_time(
        &self,
        states: &[f64],
        times: &[f64],
        further: &[&Input],
        ids: &[Option<SampleId>],
    ) -> Result<Vec<f64>> {
        let width = self.width();
        let mut out = vec![0.0; states.len()];
        let mut done = vec![false; times.len()];
        for place in 0..times.len() {
            if done[place] || ids[place].is_none() {
                continue;
            }
            let found = self.call(states, &vec![times[place]; times.len()], further, ids)?;
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

/// Returns the shape of one sample: the file's, or the caller's if the file leaves the shape open.
fn sample_shape(place: &str, state: &Port, given: Option<&[usize]>, style: Style) -> Result<Vec<usize>> {
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
        Some(given) => Err(Error::argument("the shape does not fit the network")
            .at(place.to_owned())
            .expected(shown())
            .got(format!("{given:?}"))),
        None if own.iter().all(|extent| *extent > 0) => Ok(own.iter().map(|extent| *extent as usize).collect()),
        None => Err(Error::argument("the file leaves the shape of a sample open")
            .at(place.to_owned())
            .expected("a shape")
            .got(shown())
            .hinting(format!("give it, as in {}", style.shape("4,64,64")))),
    }
}

/// Reads a file.
pub(crate) fn session(path: &Path) -> Result<Session> {
    let environment = library::environment()?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Session::builder(&environment)
        .and_then(|builder| Ok(builder.with_intra_threads(threads)?))
        .and_then(|builder| Ok(builder.with_optimization_level(GraphOptimizationLevel::Level3)?))
        .and_then(|mut builder| builder.commit_from_file(path))
        .map_err(|error| {
            Error::new("the ONNX file cannot be read").at(path.display().to_string()).got(brief(&error.to_string()))
        })
}

/// Returns the first line of a library's message, cut to 300 characters.
pub(crate) fn brief(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}
