//! An opened ONNX file: its inputs and outputs, and the values of its further inputs.

use crate::element;
use crate::error::{Error, Result};
use crate::input::{self, For, Input};
use crate::library;
use crate::options::{Array, Options, Style};
use crate::port::{self, Port};
use langevin::SampleId;
use langevin::model::Branch;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A graph that ONNX Runtime can evaluate.
pub(crate) struct Graph {
    /// ONNX Runtime allows concurrent calls, but `ort` requires exclusive access to the session.
    /// The runtime has threads of its own.
    session: Mutex<Session>,
    /// Path of the file, for messages.
    pub(crate) place: String,
    /// The file's name without its extension.
    pub(crate) name: String,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    /// Number of rows of a call, if the file fixes it.
    pub(crate) rows: Option<usize>,
    further: Vec<Input>,
    /// The further inputs that have a different value on the unconditional branch.
    unconditional: Vec<Input>,
    pub(crate) style: Style,
}

impl Graph {
    /// Opens a file, and checks that it has the inputs that `options` give a value.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self> {
        let (place, style) = (path.display().to_string(), options.style);
        let session = session(path)?;
        let inputs: Vec<Port> = session.inputs().iter().map(Port::new).collect();
        let outputs: Vec<Port> = session.outputs().iter().map(Port::new).collect();
        for (name, _) in &options.inputs {
            if !inputs.iter().any(|port| port.name == *name) {
                return Err(port::unknown("input", style.place(name, false), name, &inputs));
            }
        }
        let name = path.file_stem().map_or_else(|| place.clone(), |stem| stem.to_string_lossy().into_owned());
        let (session, further, unconditional) = (Mutex::new(session), vec![], vec![]);
        Ok(Self { session, place, name, inputs, outputs, rows: None, further, unconditional, style })
    }

    /// Sets the values of the further inputs. `main` is the input of the states, which tells the
    /// number of rows of a call.
    pub(crate) fn fill(&mut self, main: &Port, values: &[(String, Array)]) -> Result<()> {
        self.rows = main.shape.first().filter(|rows| **rows > 0).map(|rows| *rows as usize);
        self.further = input::given(values, &self.inputs, self.rows, For::Main, self.style)?;
        Ok(())
    }

    /// Sets the values of further inputs on the unconditional branch.
    pub(crate) fn set_unconditional(&mut self, values: &[(String, Array)]) -> Result<()> {
        let is_further = |port: &&Port| self.further.iter().any(|input| input.name == port.name);
        let ports: Vec<Port> = self.inputs.iter().filter(is_further).cloned().collect();
        self.unconditional = input::given(values, &ports, self.rows, For::Unconditional, self.style)?;
        Ok(())
    }

    /// Returns each input with its type and shape.
    pub(crate) fn listed(&self) -> Vec<String> {
        self.inputs.iter().map(ToString::to_string).collect()
    }

    /// Returns true if a further input has one row for each sample.
    pub(crate) fn has_rows(&self) -> bool {
        self.further.iter().chain(&self.unconditional).any(|input| input.rows > 1)
    }

    /// Returns true if a further input has a value for the unconditional branch.
    pub(crate) fn has_unconditional(&self) -> bool {
        !self.unconditional.is_empty()
    }

    /// Checks that every further input covers the samples 0 to `count` − 1.
    pub(crate) fn check_rows(&self, count: usize) -> Result<()> {
        let short = |input: &&Input| input.rows > 1 && input.rows < count;
        self.further.iter().chain(&self.unconditional).find(short).map_or(Ok(()), |input| Err(input.too_few(count)))
    }

    /// Returns the further inputs of a branch.
    pub(crate) fn further(&self, branch: Branch) -> Result<Vec<&Input>> {
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

    /// Returns the times of a call as a tensor of the type and shape of the input `port`, which
    /// may take one time for all rows.
    pub(crate) fn times(&self, port: &Port, times: &[f64]) -> Result<SessionInputValue<'static>> {
        let times = if port.is_single() { &times[..1] } else { times };
        let mut shape = vec![1; port.shape.len()];
        if let Some(first) = shape.first_mut() {
            *first = times.len() as i64;
        }
        let held = |time: &f64| port.time(&self.name, *time, self.style);
        let times = times.iter().map(held).collect::<Result<Vec<f64>>>()?;
        element::tensor(port.kind, shape, &times)
            .map_err(|error| self.failed(&error).at(format!("{}, input {}", self.name, port.name)))
    }

    /// Evaluates the graph on its own inputs and the further ones of these samples: the shape and
    /// the numbers of the output `port`.
    pub(crate) fn run<'a>(
        &self,
        mut own: Vec<(&'a str, SessionInputValue<'a>)>,
        further: &[&'a Input],
        ids: &[Option<SampleId>],
        port: &Port,
    ) -> Result<(Vec<i64>, Vec<f64>)> {
        for input in further {
            own.push((input.name.as_str(), input.tensor(ids)?));
        }
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(own).map_err(|error| self.failed(&error))?;
        element::numbers(port.kind, &outputs[port.name.as_str()]).map_err(|error| self.failed(&error))
    }

    /// Returns the error of a failed call.
    pub(crate) fn failed(&self, error: &ort::Error) -> Error {
        Error::new("the network failed").at(self.name.clone()).got(brief(&error.to_string()))
    }
}

/// Reads a file.
fn session(path: &Path) -> Result<Session> {
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
fn brief(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}
