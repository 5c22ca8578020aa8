//! The model: one ONNX file.

use crate::element;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::input::Input;
use crate::options::{Array, Options, Style};
use crate::port::{self, Port};
use langevin::model::blocks;
use langevin::{Formulation, Model, Query, SampleId, Vjp};
use std::path::Path;

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
    graph: Graph,
    formulation: Formulation,
    shape: Vec<usize>,
    /// The number of rows of a call.
    block: usize,
    state: Port,
    time: Port,
    output: Port,
}

impl OnnxNetwork {
    /// Opens an ONNX file.
    ///
    /// # Errors
    /// Returns an error if ONNX Runtime is not found or the file cannot be read. Returns an error
    /// if an input or output has an unsupported type or shape, and if `options` leave an input
    /// without a value or do not fit the graph.
    pub fn open(path: &Path, formulation: Formulation, options: &Options) -> Result<Self> {
        let mut graph = Graph::open(path, options)?;
        let style = graph.style;
        let named: Vec<&str> = options.inputs.iter().map(|(name, _)| &**name).collect();
        let (state, time) = port::roles(&graph.place, &graph.inputs, &named, style)?;
        graph.fill(&state, &options.inputs)?;
        let output = port::output(&graph.place, &graph.outputs, &state, options.output.as_deref(), style)?;
        let shape = sample_shape(&graph.place, &state, options.shape.as_deref(), style)?;
        let width = shape.iter().product::<usize>().max(1);
        let block = graph.rows.unwrap_or((BLOCK / width).clamp(1, MOST_ROWS));
        graph.set_unconditional(&options.unconditional)?;
        let network = Self { graph, formulation, shape, block, state, time, output };
        network.check_output()?;
        Ok(network)
    }

    /// Returns each input of the graph with its type and shape, as in `t (float32 [rows])`.
    #[must_use]
    pub fn inputs(&self) -> Vec<String> {
        self.graph.listed()
    }

    /// Returns the output that is read, with its type and shape.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.to_string()
    }

    /// Returns true if a further input has one row for each sample.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        self.graph.has_rows()
    }

    /// Checks that every further input covers the samples 0 to `count` − 1. An input with a single
    /// row covers every sample.
    ///
    /// # Errors
    /// Returns an error that names the input if it has too few rows.
    pub fn check_rows(&self, count: usize) -> Result<()> {
        self.graph.check_rows(count)
    }

    /// Returns true if a further input has a value for the unconditional branch, which guidance
    /// evaluates.
    #[must_use]
    pub fn has_unconditional(&self) -> bool {
        self.graph.has_unconditional()
    }

    /// Sets the values of further inputs on the unconditional branch, as
    /// [`Options::unconditional_input`] does.
    ///
    /// # Errors
    /// Returns an error if the network has no such further input, or if the type or shape does not
    /// fit.
    pub fn set_unconditional(&mut self, values: &[(String, Array)]) -> Result<()> {
        self.graph.set_unconditional(values)
    }

    /// Returns the file's name without its extension.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.graph.name
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
        port::misshapen(&self.graph.name, &self.output, &row, got, self.graph.style)
    }

    /// Evaluates one block of states at their times, for the given samples.
    fn call(&self, states: &[f64], times: &[f64], further: &[&Input], ids: &[Option<SampleId>]) -> Result<Vec<f64>> {
        let (graph, state) = (&self.graph, &self.state);
        if let Some((value, holds)) = element::misfit(state.kind, states).filter(|(value, _)| value.is_finite()) {
            return Err(Error::new("a state does not fit the network's type")
                .at(format!("{}, input {}", graph.name, state.name))
                .expected(format!("{}, {holds}", state.words))
                .got(value.to_string()));
        }
        let mut shape: Vec<i64> = vec![times.len() as i64];
        shape.extend(self.shape.iter().map(|extent| *extent as i64));
        let tensor = element::tensor(state.kind, shape.clone(), states).map_err(|error| graph.failed(&error))?;
        let own = vec![(state.name.as_str(), tensor), (self.time.name.as_str(), graph.times(&self.time, times)?)];
        let (found, values) = graph.run(own, further, ids, &self.output)?;
        if values.len() == states.len() && port::plain(&found) == port::plain(&shape) {
            return Ok(values);
        }
        Err(self.misshapen(&format!("{} {found:?}", element::name(self.output.kind))))
    }
}

impl Model<Vec<f64>> for OnnxNetwork {
    fn formulation(&self) -> Option<&Formulation> {
        Some(&self.formulation)
    }

    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> langevin::Result<Vec<f64>> {
        let fail = |error: Error| langevin::Error::model("the network cannot answer", error);
        let width = self.width();
        let further = self.graph.further(query.branch).map_err(fail)?;
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
            .got(format!("'{}', which has its output alone", self.graph.name))
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
