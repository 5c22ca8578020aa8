//! The model of tokens: one ONNX file that returns logits.

use crate::element;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::input::Input;
use crate::options::{Array, Options, Style};
use crate::port::{self, Port};
use langevin::model::{Branch, blocks};
use langevin::{Query, SampleId};
use langevin_discrete::{Denoiser, Letter, Noise, Outputs, Parameterization, StateSpace, TokenIds};
use ort::value::TensorElementType;
use std::path::Path;

/// Approximate number of logits of a call. Rows go to the runtime in blocks of a fixed size, so
/// that a row's output does not depend on the other rows in its batch.
const BLOCK: usize = 1 << 20;
/// Largest number of rows of a call.
const MOST_ROWS: usize = 64;
/// Name of the output that is read if there are several.
const LOGITS: &str = "logits";

/// Declaration of a network on tokens: the facts that an ONNX file does not contain.
///
/// ```
/// use langevin_discrete::{Noise, Parameterization};
/// use langevin_onnx::TokensAs;
/// // A masked language model whose mask has the identifier 103.
/// let declared = TokensAs { mask: Some(103), ..TokensAs::default() };
/// assert_eq!(declared.noise, Noise::Masked);
/// assert_eq!(declared.prediction, Parameterization::Posterior);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TokensAs {
    /// Noise of the training.
    pub noise: Noise,
    /// Prediction of the network.
    pub prediction: Parameterization,
    /// Identifier of the mask, which masked noise needs.
    pub mask: Option<usize>,
    /// True for logits, false for probabilities.
    pub logits: bool,
}

impl Default for TokensAs {
    fn default() -> Self {
        Self { noise: Noise::Masked, prediction: Parameterization::Posterior, mask: None, logits: true }
    }
}

/// A network on tokens in an ONNX file: a [`Denoiser`].
///
/// The graph takes identifiers of tokens, int32 or int64 of shape (rows, length), and returns
/// numbers of shape (rows, length, columns), one column for each identifier. The mask is never
/// drawn: if its identifier is one of the columns, the letters are all others. A second input of
/// one number a row is the time 1 − α.
///
/// Further inputs take their values from [`Options::input`]. Three inputs of language models have a
/// default: `attention_mask` is 1, `token_type_ids` is 0, and `position_ids` counts the tokens.
///
/// The output of a row depends only on the row, its time, its further inputs, and its `index`
/// modulo the rows of a block.
///
/// # Examples
///
/// ```no_run
/// use langevin::SampleId;
/// use langevin_discrete::{Denoiser, Request};
/// use langevin_onnx::{OnnxTokens, Options, TokensAs};
/// let declared = TokensAs { mask: Some(103), ..TokensAs::default() };
/// let options = Options::default().shape(&[16]);
/// let network = OnnxTokens::open("bert.onnx".as_ref(), declared, &options)?;
/// let plan = Request::new().sampler("halton").steps(8).plan(network.space())?;
/// let letters = plan.run(&network, &[SampleId::default()])?;
/// assert_eq!(letters.len(), 16);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OnnxTokens {
    graph: Graph,
    space: StateSpace,
    outputs: Outputs,
    /// The number of rows of a call.
    block: usize,
    tokens: Port,
    time: Option<Port>,
    output: Port,
}

impl OnnxTokens {
    /// Opens an ONNX file.
    ///
    /// # Errors
    /// Returns an error if ONNX Runtime is not found or the file cannot be read. Returns an error
    /// if an input or output has an unsupported type or shape, if masked noise has no identifier of
    /// the mask, and if `options` leave an input without a value or do not fit the graph.
    pub fn open(path: &Path, declared: TokensAs, options: &Options) -> Result<Self> {
        let mut graph = Graph::open(path, options)?;
        let (place, style) = (graph.place.clone(), graph.style);
        let given: Vec<&str> = options.inputs.iter().map(|(name, _)| &**name).collect();
        let (tokens, time) = roles(&place, &graph.inputs, &given, style)?;
        let length = length(&place, &tokens, options.shape.as_deref(), style)?;
        let mut values = options.inputs.clone();
        let open = graph.inputs.iter().filter(|port| !given.contains(&&*port.name));
        values.extend(open.filter_map(|port| standard(port, length)));
        graph.fill(&tokens, &values)?;
        let output = output(&place, &graph.outputs, options.output.as_deref(), style)?;
        let (rows, single) = (graph.rows, time.as_ref().is_some_and(Port::is_single));
        if single && rows.is_some_and(|rows| rows > 1) {
            return Err(Error::new("the network has one time for several rows")
                .at(place)
                .expected("a time for each row, or one row a call")
                .got(port::listed(&graph.inputs)));
        }
        let own = |error: &langevin::Error| Error::argument(error.to_string());
        let placeholder = StateSpace::new(Noise::Uniform, 1, length).map_err(|error| own(&error))?;
        let ids = TokenIds::new(&placeholder, None).map_err(|error| own(&error))?;
        let reading = Outputs { ids, prediction: declared.prediction, logits: declared.logits, forbidden: vec![] };
        let block = rows.unwrap_or(1);
        let mut network = Self { graph, space: placeholder, outputs: reading, block, tokens, time, output };
        let columns = network.columns()?;
        let vocab = match (&declared.noise, declared.mask) {
            (Noise::Masked, None) => {
                return Err(Error::argument("an ONNX file does not say which token is the mask")
                    .at(place)
                    .expected(style.mask())
                    .got("none"));
            }
            (Noise::Masked, Some(mask)) if mask < columns => columns - 1,
            _ => columns,
        };
        network.space = StateSpace::new(declared.noise, vocab, length).map_err(|error| own(&error))?;
        network.outputs.ids = TokenIds::new(&network.space, declared.mask).map_err(|error| own(&error))?;
        let most = if single { 1 } else { MOST_ROWS };
        network.block = rows.unwrap_or((BLOCK / (length * columns)).clamp(1, most));
        network.set_unconditional(&options.unconditional)?;
        Ok(network)
    }

    /// Returns the number of columns of the output. If the file leaves it open, the network is
    /// called once.
    fn columns(&self) -> Result<usize> {
        match self.output.shape.get(2) {
            Some(columns) if *columns > 0 => Ok(*columns as usize),
            _ => {
                let rows = self.block;
                let (shape, _) = self.call(
                    &vec![0.0; rows * self.space.length()],
                    &vec![1.0; rows],
                    &self.graph.further(Branch::Main)?,
                    &vec![None; rows],
                )?;
                Ok(shape[2])
            }
        }
    }

    /// Returns each input of the graph with its type and shape, as in `ids (int64 [rows, 64])`.
    #[must_use]
    pub fn inputs(&self) -> Vec<String> {
        self.graph.listed()
    }

    /// Returns the output that is read, with its type and shape.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.to_string()
    }

    /// Returns the file's name without its extension.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.graph.name
    }

    /// Returns the identifiers of the tokens.
    #[must_use]
    pub fn ids(&self) -> TokenIds {
        self.outputs.ids
    }

    /// Checks that every further input covers the samples 0 to `count` − 1. An input with a single
    /// row covers every sample.
    ///
    /// # Errors
    /// Returns an error that names the input if it has too few rows.
    pub fn check_rows(&self, count: usize) -> Result<()> {
        self.graph.check_rows(count)
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

    /// Evaluates one block of identifiers: the shape and the numbers of the output.
    fn call(
        &self,
        ids: &[f64],
        times: &[f64],
        further: &[&Input],
        places: &[Option<SampleId>],
    ) -> Result<([usize; 3], Vec<f64>)> {
        let graph = &self.graph;
        let (rows, length) = (times.len(), self.space.length());
        let tensor = element::tensor(self.tokens.kind, vec![rows as i64, length as i64], ids);
        let mut inputs = vec![(self.tokens.name.as_str(), tensor.map_err(|error| graph.failed(&error))?)];
        if let Some(time) = &self.time {
            inputs.push((time.name.as_str(), graph.times(time, times)?));
        }
        let (shape, values) = graph.run(inputs, further, places, &self.output)?;
        match shape[..] {
            [own, tokens, columns] if own == rows as i64 && tokens == length as i64 && columns > 0 => {
                Ok(([rows, length, columns as usize], values))
            }
            _ => Err(Error::new("the network's output has the wrong shape")
                .at(format!("{}, output {}", graph.name, self.output.name))
                .expected(format!("({rows}, {length}, letters)"))
                .got(format!("{shape:?}"))),
        }
    }
}

impl Denoiser for OnnxTokens {
    fn space(&self) -> &StateSpace {
        &self.space
    }

    fn parameterization(&self) -> Parameterization {
        self.outputs.prediction
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> langevin::Result<Vec<f64>> {
        let fail = |error: Error| langevin::Error::model("the network cannot answer", error);
        let (length, width) = (self.space.length(), self.outputs.prediction.width(&self.space));
        let further = self.graph.further(query.branch).map_err(fail)?;
        if x.len() != query.rows.len() * length {
            let error = Error::new("the tokens do not fit the network")
                .expected(format!("{} rows of {length}", query.rows.len()))
                .got(format!("{} tokens", x.len()));
            return Err(fail(error));
        }
        let mut out = vec![0.0; x.len() * width];
        for places in blocks(query.rows, self.block) {
            let Some(some) = places.iter().flatten().next() else { continue };
            // Padding repeats a row, whose tokens are those of an input that may occur.
            let rows: Vec<usize> = places.iter().map(|row| row.unwrap_or(*some)).collect();
            let letters: Vec<Letter> =
                rows.iter().flat_map(|row| &x[row * length..(row + 1) * length]).copied().collect();
            let ids: Vec<f64> = letters.iter().map(|letter| self.outputs.ids.id(*letter) as f64).collect();
            let times: Vec<f64> = rows.iter().map(|row| query.at.row(*row).time).collect();
            let samples: Vec<Option<SampleId>> = places.iter().map(|row| row.map(|row| query.rows[row])).collect();
            let (shape, values) = self.call(&ids, &times, &further, &samples).map_err(fail)?;
            let found = self.outputs.read(&self.space, &shape, &values, &letters)?;
            for (place, row) in places.iter().enumerate() {
                let Some(row) = *row else { continue };
                let size = length * width;
                out[row * size..(row + 1) * size].copy_from_slice(&found[place * size..(place + 1) * size]);
            }
        }
        Ok(out)
    }
}

/// Returns true if the input can take identifiers of tokens.
fn may_be_tokens(port: &Port) -> bool {
    matches!(port.kind, TensorElementType::Int32 | TensorElementType::Int64) && port.shape.len() == 2
}

/// Returns the value of an input of language models that has one by default.
fn standard(port: &Port, length: usize) -> Option<(String, Array)> {
    let value: fn(usize) -> f64 = match port.name.as_str() {
        "attention_mask" => |_| 1.0,
        "token_type_ids" => |_| 0.0,
        "position_ids" => |token| token as f64,
        _ => return None,
    };
    let values = (0..length).map(value).collect();
    Some((port.name.clone(), Array { shape: vec![1, length], dtype: "int64".to_owned(), values }))
}

/// Finds the tokens and the time among the inputs that have no value.
fn roles(place: &str, all: &[Port], given: &[&str], style: Style) -> Result<(Port, Option<Port>)> {
    let rest: Vec<&Port> =
        all.iter().filter(|port| !given.contains(&&*port.name) && standard(port, 0).is_none()).collect();
    let found: Vec<&&Port> = rest.iter().filter(|port| may_be_tokens(port)).collect();
    let wrong = |what: &str| {
        Error::argument(what)
            .at(place)
            .expected("one input of identifiers, int32 or int64 [rows, length], and at most a time beside it")
            .got(format!("a network with the inputs {}", port::listed(all)))
    };
    let [tokens] = found[..] else {
        return Err(match found[..] {
            [] => wrong("no input of the network takes tokens"),
            _ => wrong("the network has several inputs of whole numbers")
                .hinting(format!("give a value to all but the tokens: {}", style.input("NAME"))),
        });
    };
    match rest.iter().filter(|port| port.name != tokens.name).collect::<Vec<_>>()[..] {
        [] => Ok(((*tokens).clone(), None)),
        [time] if time.may_be_time() => Ok(((*tokens).clone(), Some((**time).clone()))),
        _ => {
            let names: Vec<&str> =
                rest.iter().filter(|port| port.name != tokens.name).map(|port| &*port.name).collect();
            Err(wrong("the network has further inputs, which need a value")
                .hinting(format!("give {}", style.all(&names))))
        }
    }
}

/// Returns the number of tokens: the file's, or the caller's if the file leaves it open.
fn length(place: &str, tokens: &Port, given: Option<&[usize]>, style: Style) -> Result<usize> {
    let own = tokens.shape.get(1).copied().unwrap_or(-1);
    match (given, own) {
        (None, own) if own > 0 => Ok(own as usize),
        (None, _) => Err(Error::argument("the file leaves the number of tokens open")
            .at(place)
            .expected(style.length("64"))
            .got("none")),
        (Some(&[length]), own) if length > 0 && (own < 0 || own == length as i64) => Ok(length),
        (Some(given), own) => Err(Error::argument("the number of tokens does not fit the network")
            .at(place)
            .expected(if own > 0 { own.to_string() } else { format!("one number, as in {}", style.length("64")) })
            .got(format!("{given:?}"))),
    }
}

/// Finds the output to read: the named one, the only one of three axes, or `logits`.
fn output(place: &str, all: &[Port], named: Option<&str>, style: Style) -> Result<Port> {
    if let Some(named) = named {
        let found = all.iter().find(|port| port.name == named);
        let found = found.ok_or_else(|| port::unknown("output", style.output(named), named, all))?;
        if found.is_float() {
            return Ok(found.clone());
        }
        return Err(Error::new("the network's output is of an unsupported type")
            .at(format!("{place}, output {named}"))
            .expected("float16, bfloat16, float32 or float64")
            .got(found.words.clone()));
    }
    // An output without a shape in the file is checked after the first call.
    let fits = |port: &&Port| port.is_float() && matches!(port.shape.len(), 0 | 3);
    match all.iter().filter(fits).collect::<Vec<_>>()[..] {
        [only] => return Ok(only.clone()),
        ref some => {
            if let Some(logits) = some.iter().find(|port| port.name == LOGITS) {
                return Ok((*logits).clone());
            }
        }
    }
    Err(Error::argument("the outputs do not say which are the logits")
        .at(place)
        .expected(style.output("NAME"))
        .got(format!("the outputs {}", port::listed(all)))
        .hinting("logits are floating-point numbers of shape (rows, length, letters)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use TensorElementType as E;

    fn port(name: &str, kind: E, shape: &[i64]) -> Port {
        Port { name: name.to_owned(), kind, shape: shape.to_vec(), words: format!("{} {shape:?}", element::name(kind)) }
    }

    fn names(all: &[Port], given: &[&str]) -> std::result::Result<(String, Option<String>), String> {
        let found = roles("net.onnx", all, given, Style::Flags);
        found.map(|(tokens, time)| (tokens.name, time.map(|time| time.name))).map_err(|error| error.to_string())
    }

    #[test]
    fn tokens_and_time_are_found() {
        let ids = port("input_ids", E::Int64, &[-1, -1]);
        let mask = port("attention_mask", E::Int64, &[-1, -1]);
        assert_eq!(names(&[mask.clone(), ids.clone()], &[]), Ok(("input_ids".into(), None)));
        let time = port("sigma", E::Float32, &[-1]);
        assert_eq!(names(&[time.clone(), ids.clone()], &[]), Ok(("input_ids".into(), Some("sigma".into()))));
        let other = port("labels", E::Int64, &[-1, 4]);
        assert!(names(&[other.clone(), ids.clone()], &[]).unwrap_err().contains("several inputs"));
        assert_eq!(names(&[other, ids.clone()], &["labels"]), Ok(("input_ids".into(), None)));
        assert!(names(std::slice::from_ref(&time), &[]).unwrap_err().contains("no input of the network takes tokens"));
        let text = port("text", E::Float32, &[-1, 77, 8]);
        let error = names(&[ids, time, text], &[]).unwrap_err();
        assert!(error.contains("--input sigma=FILE.npy --input text=FILE.npy"), "{error}");
    }

    #[test]
    fn the_logits_are_found() {
        let logits = port("logits", E::Float32, &[-1, -1, 30]);
        let (hidden, pooled) = (port("hidden", E::Float32, &[-1, -1, 8]), port("pooled", E::Float32, &[-1, 8]));
        let read = |all: &[Port], named| {
            output("net.onnx", all, named, Style::Flags).map(|port| port.name).map_err(|error| error.to_string())
        };
        assert_eq!(read(&[pooled.clone(), hidden.clone()], None), Ok("hidden".into()));
        assert_eq!(read(&[hidden.clone(), logits], None), Ok("logits".into()));
        assert!(read(&[hidden.clone(), hidden.clone()], None).unwrap_err().contains("--output NAME"));
        assert_eq!(read(&[hidden.clone(), pooled], Some("hidden")), Ok("hidden".into()));
        assert!(read(&[hidden], Some("hiden")).unwrap_err().contains("did you mean 'hidden'"));
    }

    #[test]
    fn the_length_is_the_files_or_given() {
        let of = |own: i64, given: Option<&[usize]>| {
            length("net.onnx", &port("ids", E::Int64, &[-1, own]), given, Style::Flags)
                .map_err(|error| error.to_string())
        };
        assert_eq!((of(8, None), of(-1, Some(&[5])), of(8, Some(&[8]))), (Ok(8), Ok(5), Ok(8)));
        assert!(of(-1, None).unwrap_err().contains("--shape 64"));
        assert!(of(8, Some(&[5])).unwrap_err().contains("expected 8"));
        assert!(of(-1, Some(&[5, 5])).is_err());
    }
}
