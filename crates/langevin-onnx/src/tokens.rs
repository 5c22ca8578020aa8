//! The model of tokens: one ONNX file that returns logits.

use crate::element;
use crate::error::{Error, Result};
use crate::input::{self, For, Input};
use crate::network::{brief, session};
use crate::options::{Array, Options, Style};
use crate::port::{self, Port};
use langevin::model::{Branch, blocks};
use langevin::{Query, SampleId};
use langevin_discrete::{Denoiser, Letter, Noise, Outputs, Parameterization, StateSpace, TokenIds};
use ort::session::Session;
use ort::value::TensorElementType;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

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
    session: Mutex<Session>,
    name: String,
    space: StateSpace,
    outputs: Outputs,
    /// The number of rows of a call.
    block: usize,
    /// All inputs of the graph.
    inputs: Vec<Port>,
    tokens: Port,
    time: Option<Port>,
    output: Port,
    further: Vec<Input>,
    /// The further inputs that have a different value on the unconditional branch.
    unconditional: Vec<Input>,
    style: Style,
}

impl OnnxTokens {
    /// Opens an ONNX file.
    ///
    /// # Errors
    /// Returns an error if ONNX Runtime is not found or the file cannot be read. Returns an error
    /// if an input or output has an unsupported type or shape, if masked noise has no identifier of
    /// the mask, and if `options` leave an input without a value or do not fit the graph.
    pub fn open(path: &Path, declared: TokensAs, options: &Options) -> Result<Self> {
        let place = path.display().to_string();
        let style = options.style;
        let session = session(path)?;
        let inputs: Vec<Port> = session.inputs().iter().map(Port::new).collect();
        let outputs: Vec<Port> = session.outputs().iter().map(Port::new).collect();
        for (name, _) in &options.inputs {
            if !inputs.iter().any(|port| port.name == *name) {
                return Err(port::unknown("input", style.place(name, false), name, &inputs));
            }
        }
        let given: Vec<&str> = options.inputs.iter().map(|(name, _)| &**name).collect();
        let (tokens, time) = roles(&place, &inputs, &given, style)?;
        let length = length(&place, &tokens, options.shape.as_deref(), style)?;
        let rows = tokens.shape.first().filter(|rows| **rows > 0).map(|rows| *rows as usize);
        let mut values = options.inputs.clone();
        values.extend(
            inputs.iter().filter(|port| !given.contains(&&*port.name)).filter_map(|port| standard(port, length)),
        );
        let further = input::given(&values, &inputs, rows, For::Main, style)?;
        let output = output(&place, &outputs, options.output.as_deref(), style)?;
        let single = time.as_ref().is_some_and(Port::is_single);
        if single && rows.is_some_and(|rows| rows > 1) {
            return Err(Error::new("the network has one time for several rows")
                .at(place)
                .expected("a time for each row, or one row a call")
                .got(port::listed(&inputs)));
        }
        let name = path.file_stem().map_or_else(|| place.clone(), |stem| stem.to_string_lossy().into_owned());
        let own = |error: &langevin::Error| Error::argument(error.to_string());
        let placeholder = StateSpace::new(Noise::Uniform, 1, length).map_err(|error| own(&error))?;
        let ids = TokenIds::new(&placeholder, None).map_err(|error| own(&error))?;
        let reading = Outputs { ids, prediction: declared.prediction, logits: declared.logits, forbidden: vec![] };
        let mut network = Self {
            session: Mutex::new(session),
            name,
            space: placeholder,
            outputs: reading,
            block: rows.unwrap_or(1),
            inputs,
            tokens,
            time,
            output,
            further,
            unconditional: vec![],
            style,
        };
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
                    &self.further.iter().collect::<Vec<_>>(),
                    &vec![None; rows],
                )?;
                Ok(shape[2])
            }
        }
    }

    /// Returns each input of the graph with its type and shape, as in `ids (int64 [rows, 64])`.
    #[must_use]
    pub fn inputs(&self) -> Vec<String> {
        self.inputs.iter().map(ToString::to_string).collect()
    }

    /// Returns the output that is read, with its type and shape.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.to_string()
    }

    /// Returns the file's name without its extension.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
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
        let short = |input: &&Input| input.rows > 1 && input.rows < count;
        self.further.iter().chain(&self.unconditional).find(short).map_or(Ok(()), |input| Err(input.too_few(count)))
    }

    /// Sets the values of further inputs on the unconditional branch, as
    /// [`Options::unconditional_input`] does.
    ///
    /// # Errors
    /// Returns an error if the network has no such further input, or if the type or shape does not
    /// fit.
    pub fn set_unconditional(&mut self, values: &[(String, Array)]) -> Result<()> {
        let is_further = |port: &&Port| self.further.iter().any(|input| input.name == port.name);
        let ports: Vec<Port> = self.inputs.iter().filter(is_further).cloned().collect();
        let rows = self.tokens.shape.first().filter(|rows| **rows > 0).map(|rows| *rows as usize);
        self.unconditional = input::given(values, &ports, rows, For::Unconditional, self.style)?;
        Ok(())
    }

    /// Returns the further inputs of a branch.
    fn further(&self, branch: Branch) -> Result<Vec<&Input>> {
        if branch == Branch::Main {
            return Ok(self.further.iter().collect());
        }
        if self.unconditional.is_empty() {
            return Err(Error::argument("the network has no value for its unconditional branch")
                .at(self.name.clone())
                .expected(self.style.unconditional("NAME"))
                .hinting("or leave guidance out"));
        }
        let own = |input: &str| self.unconditional.iter().find(|own: &&Input| own.name == input);
        Ok(self.further.iter().map(|input| own(&input.name).unwrap_or(input)).collect())
    }

    /// Evaluates one block of identifiers: the shape and the numbers of the output.
    fn call(
        &self,
        ids: &[f64],
        times: &[f64],
        further: &[&Input],
        places: &[Option<SampleId>],
    ) -> Result<([usize; 3], Vec<f64>)> {
        let failed =
            |error: ort::Error| Error::new("the network failed").at(self.name.clone()).got(brief(&error.to_string()));
        let (rows, length) = (times.len(), self.space.length());
        let tensor = element::tensor(self.tokens.kind, vec![rows as i64, length as i64], ids).map_err(failed)?;
        let mut inputs = vec![(self.tokens.name.as_str(), tensor)];
        if let Some(time) = &self.time {
            let times =
                times.iter().map(|one| time.time(&self.name, *one, self.style)).collect::<Result<Vec<f64>>>()?;
            let mut shape = vec![1; time.shape.len()];
            if let Some(first) = shape.first_mut() {
                *first = rows as i64;
            }
            inputs.push((time.name.as_str(), element::tensor(time.kind, shape, &times).map_err(failed)?));
        }
        for input in further {
            inputs.push((input.name.as_str(), input.tensor(places)?));
        }
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(inputs).map_err(failed)?;
        let (shape, values) =
            element::numbers(self.output.kind, &outputs[self.output.name.as_str()]).map_err(failed)?;
        match shape[..] {
            [own, tokens, columns] if own == rows as i64 && tokens == length as i64 && columns > 0 => {
                Ok(([rows, length, columns as usize], values))
            }
            _ => Err(Error::new("the network's output has the wrong shape")
                .at(format!("{}, output {}", self.name, self.output.name))
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
        let further = self.further(query.branch).map_err(fail)?;
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
