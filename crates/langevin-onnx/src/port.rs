//! Inputs and outputs of a graph: their types and shapes, and their roles.

use crate::element;
use crate::error::{Error, Result};
use crate::options::Style;
use crate::proto::Value;
use ort::value::{Outlet, TensorElementType, ValueType};
use std::fmt;

/// Names that exporters give to the time.
const TIMES: [&str; 13] = [
    "t",
    "time",
    "times",
    "timestep",
    "timesteps",
    "time_step",
    "time_steps",
    "sigma",
    "sigmas",
    "noise_level",
    "noise_levels",
    "noise_labels",
    "log_snr",
];
/// Names that exporters give to the states.
const STATES: [&str; 14] = [
    "sample",
    "samples",
    "x",
    "x_t",
    "xt",
    "latent",
    "latents",
    "latent_model_input",
    "hidden_states",
    "input",
    "image",
    "images",
    "noisy_image",
    "noisy_sample",
];

/// An input or output of the graph.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Port {
    pub(crate) name: String,
    /// The type; `Undefined` for a value that is not a tensor.
    pub(crate) kind: TensorElementType,
    /// The extents; −1 for an extent that the file leaves open.
    pub(crate) shape: Vec<i64>,
    /// Type and shape for messages: `float32 [batch, 4, 64, 64]`.
    pub(crate) words: String,
}

impl Port {
    pub(crate) fn new(outlet: &Outlet) -> Self {
        let name = outlet.name().to_owned();
        let ValueType::Tensor { ty, shape, dimension_symbols } = outlet.dtype() else {
            return Self { name, kind: TensorElementType::Undefined, shape: vec![], words: outlet.dtype().to_string() };
        };
        let extent = |(place, extent): (usize, &i64)| match dimension_symbols.get(place) {
            _ if *extent >= 0 => extent.to_string(),
            Some(symbol) if !symbol.is_empty() => symbol.clone(),
            _ => "?".to_owned(),
        };
        let extents: Vec<String> = shape.iter().enumerate().map(extent).collect();
        let words = format!("{} [{}]", element::name(*ty), extents.join(", "));
        Self { name, kind: *ty, shape: shape.to_vec(), words }
    }

    /// Reads an input or output of a file.
    pub(crate) fn read(value: &Value) -> Self {
        let name = value.name().to_owned();
        let Some(tensor) = value.tensor() else {
            return Self { name, kind: TensorElementType::Undefined, shape: vec![], words: "no tensor".to_owned() };
        };
        let kind = element::of_number(tensor.element());
        let extents = tensor.shape.as_ref().map_or(&[][..], |shape| &shape.known.extents[..]);
        let shape = extents.iter().map(|extent| extent.known.value.filter(|value| *value >= 0).unwrap_or(-1)).collect();
        let words: Vec<String> = extents.iter().map(|extent| extent.known.words()).collect();
        Self { name, kind, shape, words: format!("{} [{}]", element::name(kind), words.join(", ")) }
    }

    pub(crate) fn is_float(&self) -> bool {
        element::is_float(self.kind)
    }

    /// Returns true if the first extent counts samples: it is open, or equal to that of the states.
    pub(crate) fn has_rows(&self, block: Option<usize>) -> bool {
        self.shape.first().is_some_and(|rows| *rows < 0 || block.is_some_and(|block| *rows == block as i64))
    }

    /// Returns true if the input takes one number for all rows of a call.
    pub(crate) fn is_single(&self) -> bool {
        self.shape.first().is_none_or(|rows| *rows == 1)
    }

    /// Returns the number that the network receives as a time: the nearest integer for an integer
    /// type. `network` is the name of the network in messages.
    ///
    /// # Errors
    /// Returns an error if the type cannot hold the time.
    pub(crate) fn time(&self, network: &str, time: f64, style: Style) -> Result<f64> {
        let place = || format!("{network}, input {}", self.name);
        let mut held = time;
        if !self.is_float() {
            let near = time.round();
            if (time - near).abs() > 1e-6 * near.abs().max(1.0) {
                return Err(Error::new("the network takes whole numbers for time")
                    .at(place())
                    .expected("a time that is one")
                    .got(time.to_string())
                    .hinting(match style {
                        Style::Flags => "export it with a floating-point time, or choose a grid of its own steps, such as --grid trailing",
                        Style::Keywords => "export it with a floating-point time, or choose a grid of its own steps, such as grid=\"trailing\"",
                    }));
            }
            held = near;
        }
        match element::misfit(self.kind, &[held]) {
            Some((value, holds)) => Err(Error::new("a time does not fit the network's type")
                .at(place())
                .expected(format!("{}, {holds}", self.words))
                .got(value.to_string())),
            None => Ok(held),
        }
    }

    /// Returns true if a row can be a single number.
    pub(crate) fn may_be_time(&self) -> bool {
        self.shape.iter().skip(1).all(|extent| *extent == 1)
    }

    fn may_be_states(&self) -> bool {
        self.is_float() && self.shape.len() >= 2
    }

    fn is_called(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.name.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.words)
    }
}

/// Formats inputs or outputs for a message.
pub(crate) fn listed(ports: &[Port]) -> String {
    match ports {
        [] => "none".to_owned(),
        ports => ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Returns the error for a name that the graph does not have.
pub(crate) fn unknown(what: &str, argument: String, name: &str, ports: &[Port]) -> Error {
    let names: Vec<&str> = ports.iter().map(|port| &*port.name).collect();
    let error = Error::argument(format!("the network has no such {what}"))
        .at(argument)
        .expected(listed(ports))
        .got(format!("'{name}'"));
    match langevin::error::nearest(name, &names) {
        Some(near) => error.hinting(format!("did you mean '{near}'?")),
        None => error,
    }
}

/// Finds the states and the time among the inputs that have no value.
///
/// # Errors
/// Returns an error that lists all inputs if the number of inputs without a value is not two.
/// Returns an error that names the input if its type or shape is not supported.
pub(crate) fn roles(place: &str, all: &[Port], named: &[&str], style: Style) -> Result<(Port, Port)> {
    let rest: Vec<&Port> = all.iter().filter(|port| !named.contains(&&*port.name)).collect();
    let &[first, second] = &rest[..] else {
        return Err(if rest.len() > 2 { without_value(place, all, &rest, style) } else { too_few(place, all, named) });
    };
    let (state, time) = match (first.may_be_time(), second.may_be_time()) {
        (false, true) => (first, second),
        (true, false) => (second, first),
        (false, false) => {
            return Err(Error::new("no input of the network takes the time")
                .at(place)
                .expected("an input of one number, or of one for each row")
                .got(listed(all)));
        }
        // Samples of one number have the same shape as times; names decide.
        (true, true) => match (first.shape.len() < 2, second.shape.len() < 2) {
            (true, false) => (second, first),
            (false, true) => (first, second),
            _ if first.is_called(&TIMES) && !second.is_called(&TIMES) => (second, first),
            _ => (first, second),
        },
    };
    if !state.may_be_states() {
        return Err(Error::new("the network's states are of an unsupported type or shape")
            .at(format!("{place}, input {}", state.name))
            .expected("float16, bfloat16, float32 or float64 [rows, …]")
            .got(state.words.clone()));
    }
    if !(time.is_float() || matches!(time.kind, TensorElementType::Int32 | TensorElementType::Int64)) {
        return Err(Error::new("the network's time is of an unsupported type")
            .at(format!("{place}, input {}", time.name))
            .expected("float16, bfloat16, float32, float64, int32 or int64")
            .got(time.words.clone()));
    }
    let block = state.shape.first().filter(|rows| **rows > 0).map(|rows| *rows as usize);
    if !(time.shape.first().is_none_or(|rows| *rows == 1) || time.has_rows(block)) {
        return Err(Error::new("the network's time is of an unsupported shape")
            .at(format!("{place}, input {}", time.name))
            .expected("one number, or one for each row of the states")
            .got(format!("{} beside states of {}", time.words, state.words)));
    }
    Ok((state.clone(), time.clone()))
}

/// Returns the names of the inputs that are most likely neither the states nor the time.
pub(crate) fn further<'a>(rest: &[&'a Port]) -> Vec<&'a str> {
    let time = rest
        .iter()
        .find(|port| port.is_called(&TIMES) && port.may_be_time())
        .or_else(|| rest.iter().find(|port| port.may_be_time()))
        .map(|port| &port.name);
    let others = || rest.iter().filter(|port| Some(&port.name) != time);
    let state = others()
        .find(|port| port.is_called(&STATES) && port.may_be_states())
        .or_else(|| others().find(|port| port.may_be_states()))
        .map(|port| &port.name);
    others().filter(|port| Some(&port.name) != state).map(|port| &*port.name).collect()
}

/// Returns the error for a network whose further inputs have no value.
fn without_value(place: &str, all: &[Port], rest: &[&Port], style: Style) -> Error {
    let missing = further(rest);
    Error::argument("the network has further inputs, which need a value")
        .at(place)
        .expected(format!("{} for {}", style.input("NAME"), missing.join(", ")))
        .got(format!("a network with the inputs {}", listed(all)))
        .hinting(format!("give {}: one row for all samples, or a row for each", style.all(&missing)))
}

/// Returns the error for a network without inputs for the states and the time.
fn too_few(place: &str, all: &[Port], named: &[&str]) -> Error {
    let error = Error::argument("the network needs an input for the states and one for their time")
        .at(place)
        .expected("two inputs without a value of their own");
    match named {
        [] => error.got(listed(all)),
        named => error
            .got(format!("{} with values for {}", listed(all), named.join(", ")))
            .hinting("give values for its further inputs alone"),
    }
}

/// Finds the output to read: the named output, or the output that has the shape of the states.
///
/// # Errors
/// Returns an error that lists the outputs if the name is not among them, or if the number of
/// outputs with that shape is not one.
pub(crate) fn output(place: &str, all: &[Port], state: &Port, named: Option<&str>, style: Style) -> Result<Port> {
    let checked = |port: &Port| {
        if port.is_float() {
            return Ok(port.clone());
        }
        Err(Error::new("the network's output is of an unsupported type")
            .at(format!("{place}, output {}", port.name))
            .expected("float16, bfloat16, float32 or float64")
            .got(port.words.clone()))
    };
    if let Some(named) = named {
        let found = all.iter().find(|port| port.name == named);
        return checked(found.ok_or_else(|| unknown("output", style.output(named), named, all))?);
    }
    if let [only] = all {
        return checked(only);
    }
    let fits = |port: &&Port, exact: bool| {
        let extents = || port.shape.iter().zip(&state.shape);
        port.is_float()
            && port.shape.len() == state.shape.len()
            && extents().all(|(own, state)| own == state || (!exact && (*own < 0 || *state < 0)))
    };
    for exact in [true, false] {
        match all.iter().filter(|port| fits(port, exact)).collect::<Vec<_>>()[..] {
            [] => {}
            [only] => return Ok(only.clone()),
            _ => break,
        }
    }
    Err(Error::argument("the network has several outputs, and their shapes do not say which is the prediction")
        .at(place)
        .expected(style.output("NAME"))
        .got(format!("the outputs {} beside states of {}", listed(all), state.words))
        .hinting(match all.iter().find(|port| fits(port, false)) {
            Some(port) => format!("for the first that fits give {}", style.output(&port.name)),
            None => "no output has the shape of the states; a learned variance is left out by the export".to_owned(),
        }))
}

/// Returns true if outputs of these extents can hold the rows of states of these extents; −1 is an
/// extent that the file leaves open, and no extents are an unknown shape.
pub(crate) fn holds(own: &[i64], states: &[i64]) -> bool {
    let open = |own: i64, state: i64| own < 0 || state < 0;
    let alike = own.len() == states.len()
        && own.iter().zip(states).all(|(own, state)| *own == 0 || open(*own, *state) || own == state);
    own.is_empty() || alike || plain(own) == plain(states)
}

/// Returns the error for an output of `network` whose shape differs from that of the states. `row`
/// holds the extents of one sample.
pub(crate) fn misshapen(network: &str, output: &Port, row: &[i64], got: &str, style: Style) -> Error {
    let own = output.shape.get(1).zip(row.first());
    let twice = own.is_some_and(|(own, channels)| *channels > 0 && Some(*own) == channels.checked_mul(2));
    let extent = |extent: &i64| if *extent < 0 { "?".to_owned() } else { extent.to_string() };
    Error::new("the network's output has another shape than its states")
        .at(format!("{network}, output {}", output.name))
        .expected(format!("(rows, {})", row.iter().map(extent).collect::<Vec<_>>().join(", ")))
        .got(got.to_owned())
        .hinting(if twice {
            "a learned variance: export the first half of the channels".to_owned()
        } else {
            format!("if the network has another output, choose it with {}", style.output("NAME"))
        })
}

/// Returns the extents without those equal to one. Two shapes that agree in these hold the same
/// rows.
pub(crate) fn plain(shape: &[i64]) -> Vec<i64> {
    shape.iter().copied().filter(|extent| *extent != 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use TensorElementType as E;

    fn port(name: &str, kind: TensorElementType, shape: &[i64]) -> Port {
        Port { name: name.to_owned(), kind, shape: shape.to_vec(), words: format!("{} {shape:?}", element::name(kind)) }
    }

    fn names(all: &[Port], named: &[&str]) -> std::result::Result<(String, String), String> {
        let found = roles("net.onnx", all, named, Style::Flags);
        found.map(|(state, time)| (state.name, time.name)).map_err(|error| error.to_string())
    }

    #[test]
    fn states_and_time_are_told_apart() {
        let pair = |state: &str, time: &str| Ok((state.to_owned(), time.to_owned()));
        let x = port("x", E::Float16, &[-1, 4, 8, 8]);
        for time in [&[][..], &[1], &[-1], &[-1, 1], &[-1, 1, 1, 1], &[1, 1]] {
            for kind in [E::Float16, E::Bfloat16, E::Float32, E::Float64, E::Int32, E::Int64] {
                assert_eq!(names(&[port("t", kind, time), x.clone()], &[]), pair("x", "t"));
            }
        }
        // Samples of one number.
        let (line, time) = (port("a", E::Float32, &[-1, 1]), port("b", E::Float32, &[-1, 1]));
        assert_eq!(names(&[line.clone(), time.clone()], &[]), pair("a", "b"));
        assert_eq!(names(&[port("t", E::Float32, &[-1, 1]), line.clone()], &[]), pair("a", "t"));
        assert_eq!(names(&[port("b", E::Float32, &[-1]), line], &[]), pair("a", "b"));
        // Further inputs with values.
        let text = port("encoder_hidden_states", E::Float32, &[-1, 77, 16]);
        let all = [text, port("timestep", E::Int64, &[-1]), port("hidden_states", E::Float32, &[-1, 4, 8, 8])];
        assert_eq!(names(&all, &["encoder_hidden_states"]), pair("hidden_states", "timestep"));
        let error = names(&all, &[]).unwrap_err();
        assert!(error.contains("--input NAME=FILE.npy for encoder_hidden_states, got"), "{error}");
        assert!(error.contains("timestep (int64 [-1])") && error.contains("--input encoder_hidden_states=FILE.npy"));
    }

    #[test]
    fn what_is_refused_is_named() {
        let x = port("x", E::Float32, &[-1, 2]);
        let refused = [
            (vec![port("x", E::Int8, &[-1, 2]), port("t", E::Float32, &[-1])], "input x): expected float16"),
            (vec![x.clone(), port("t", E::Uint8, &[-1])], "got uint8 [-1]"),
            (vec![x.clone(), port("t", E::Float32, &[3])], "got float32 [3] beside"),
            (vec![x.clone(), port("t", E::Float32, &[-1, 4])], "no input of the network takes the time"),
            (vec![x.clone()], "two inputs without a value"),
        ];
        for (ports, text) in refused {
            let error = names(&ports, &[]).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn the_output_of_the_shape_of_the_states_is_read() {
        let x = port("x", E::Float32, &[-1, 2, 4]);
        let (aux, out, loose) = (
            port("aux", E::Float32, &[-1, 3]),
            port("out", E::Float16, &[-1, 2, 4]),
            port("l", E::Float32, &[-1, -1, 4]),
        );
        let read = |all: &[Port], named| {
            output("net.onnx", all, &x, named, Style::Flags).map(|port| port.name).map_err(|error| error.to_string())
        };
        assert_eq!(read(&[aux.clone(), out.clone()], None), Ok("out".to_owned()));
        assert_eq!(read(&[loose.clone(), out.clone()], None), Ok("out".to_owned()));
        assert_eq!(read(&[aux.clone(), loose], None), Ok("l".to_owned()));
        assert_eq!(read(&[aux.clone(), out.clone()], Some("aux")), Ok("aux".to_owned()));
        let two = read(&[out.clone(), port("twin", E::Float32, &[-1, 2, 4]), aux.clone()], None).unwrap_err();
        assert!(two.contains("--output NAME, got the outputs out (float16"), "{two}");
        assert!(read(&[aux, out], Some("ouf")).unwrap_err().contains("did you mean 'out'?"));
    }
}
