//! Further inputs: their values, checked against the graph and matched to samples.

use crate::element;
use crate::error::{Error, Result};
use crate::options::{Array, Style};
use crate::port::{Port, unknown};
use langevin::SampleId;
use ort::session::SessionInputValue;

/// A further input and its value.
pub(crate) struct Input {
    pub(crate) name: String,
    kind: ort::value::TensorElementType,
    /// The shape of one row, or of the whole value if the input has no rows.
    extents: Vec<i64>,
    /// True if the first extent counts samples.
    has_rows: bool,
    values: Vec<f64>,
    /// The number of rows of the value; a single row is used for all samples.
    pub(crate) rows: usize,
    argument: String,
}

/// The branch that a value belongs to. It decides how messages name the argument.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Main,
    Unconditional,
}

/// Matches values to the inputs of the same names. `block` is the number of rows of the states, if
/// the file fixes it.
///
/// # Errors
/// Returns an error if an input does not exist, has two values, or has a value of the wrong type or
/// shape.
pub(crate) fn given(
    values: &[(String, Array)],
    ports: &[Port],
    block: Option<usize>,
    branch: For,
    style: Style,
) -> Result<Vec<Input>> {
    let argument = |name: &str| style.place(name, branch == For::Unconditional);
    let mut found: Vec<Input> = Vec::with_capacity(values.len());
    for (name, array) in values {
        let Some(port) = ports.iter().find(|port| port.name == *name) else {
            return Err(unknown("input", argument(name), name, ports));
        };
        if found.iter().any(|input| input.name == *name) {
            return Err(Error::argument("an input of the network has two values")
                .at(argument(name))
                .expected("one value for each input")
                .got(format!("two for {name}")));
        }
        found.push(Input::new(port, array, block, argument(name))?);
    }
    Ok(found)
}

impl Input {
    fn new(port: &Port, array: &Array, block: Option<usize>, argument: String) -> Result<Self> {
        let misfit = |expected: String, got: String| {
            Error::argument("the value does not fit the network's input")
                .at(argument.clone())
                .expected(expected)
                .got(got)
        };
        let got = format!("{} {:?}", array.dtype, array.shape);
        if !element::is_supported(port.kind) {
            return Err(Error::new("the network's input is of an unsupported type")
                .at(argument)
                .expected("floating-point numbers of 16, 32 or 64 bits, whole numbers of 8 to 64 bits, or bool")
                .got(port.words.clone()));
        }
        let fits = |given: &[usize], own: &[i64]| {
            given.len() == own.len() && given.iter().zip(own).all(|(given, own)| *own < 0 || *own == *given as i64)
        };
        let (given, own) = (&array.shape[..], &port.shape[..]);
        let has_rows = port.has_rows(block);
        let single = array.values.len() == 1 && own.iter().all(|extent| *extent == 1);
        let (rows, extents) = match (given, own) {
            ([rows, rest @ ..], [_, row @ ..]) if has_rows && *rows > 0 && fits(rest, row) => (*rows, rest),
            (rest, [_, row @ ..]) if has_rows && fits(rest, row) => (1, rest),
            _ if !has_rows && fits(given, own) => (1, given),
            // A single number is accepted in any number of brackets.
            _ if !has_rows && single => (1, &[][..]),
            _ => {
                let rows = if has_rows { ", a row for all samples or a row for each" } else { "" };
                return Err(misfit(format!("{}{rows}", port.words), got));
            }
        };
        let extents: Vec<i64> =
            if !has_rows && single { own.to_vec() } else { extents.iter().map(|extent| *extent as i64).collect() };
        if array.values.is_empty() {
            return Err(misfit(format!("{} with one number or more", port.words), got));
        }
        if let Some((value, holds)) = element::misfit(port.kind, &array.values) {
            return Err(misfit(format!("{}, {holds}", port.words), format!("{got} with the value {value}")));
        }
        let (name, values) = (port.name.clone(), array.values.clone());
        Ok(Self { name, kind: port.kind, extents, has_rows, values, rows, argument })
    }

    /// Returns the tensor of a block. `places` holds the sample of each row, and `None` for
    /// padding.
    ///
    /// # Errors
    /// Returns an error if a sample has no row.
    pub(crate) fn tensor(&self, places: &[Option<SampleId>]) -> Result<SessionInputValue<'static>> {
        let failed =
            |error: ort::Error| Error::new("the input cannot be made").at(self.argument.clone()).got(error.to_string());
        if !self.has_rows {
            return element::tensor(self.kind, self.extents.clone(), &self.values).map_err(failed);
        }
        let width = self.values.len() / self.rows;
        let mut values = Vec::with_capacity(places.len() * width);
        for (place, id) in places.iter().enumerate() {
            let row = match id {
                Some(id) if self.rows > 1 => usize::try_from(id.index).unwrap_or(usize::MAX),
                _ => place % self.rows,
            };
            let Some(row) = self.values.get(row.saturating_mul(width)..).and_then(|rest| rest.get(..width)) else {
                return Err(self.too_few(row.saturating_add(1)));
            };
            values.extend_from_slice(row);
        }
        let mut shape = vec![places.len() as i64];
        shape.extend(&self.extents);
        element::tensor(self.kind, shape, &values).map_err(failed)
    }

    /// Returns the error for a value that has fewer rows than there are samples.
    pub(crate) fn too_few(&self, samples: usize) -> Error {
        Error::argument("the network's input has too few rows")
            .at(self.argument.clone())
            .expected(format!("1 row for all samples, or a row for each of {samples} or more"))
            .got(format!("{} rows", self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ort::value::TensorElementType as E;

    fn port(kind: E, shape: &[i64]) -> Port {
        Port { name: "c".to_owned(), kind, shape: shape.to_vec(), words: format!("{} {shape:?}", element::name(kind)) }
    }

    fn fit(
        port: &Port,
        shape: &[usize],
        first: f64,
        block: Option<usize>,
    ) -> std::result::Result<(usize, bool), String> {
        let mut values = vec![1.0; shape.iter().product()];
        if let Some(value) = values.first_mut() {
            *value = first;
        }
        let array = Array { shape: shape.to_vec(), dtype: "float32".to_owned(), values };
        let found = Input::new(port, &array, block, "--input c".to_owned());
        found.map(|input| (input.rows, input.has_rows)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_is_one_row_or_a_row_a_sample() {
        let text = port(E::Float16, &[-1, 77, 16]);
        assert_eq!(fit(&text, &[1, 77, 16], 1.0, None), Ok((1, true)));
        assert_eq!(fit(&text, &[77, 16], 1.0, None), Ok((1, true)));
        assert_eq!(fit(&text, &[5, 77, 16], 1.0, None), Ok((5, true)));
        let labels = port(E::Int64, &[-1]);
        assert_eq!((fit(&labels, &[], 1.0, None), fit(&labels, &[3], 1.0, None)), (Ok((1, true)), Ok((3, true))));
        // An extent equal to the block size counts samples too; any other fixed extent does not.
        assert_eq!(fit(&port(E::Float32, &[1, 2]), &[4, 2], 1.0, Some(1)), Ok((4, true)));
        assert_eq!(fit(&port(E::Float32, &[3, 2]), &[3, 2], 1.0, None), Ok((1, false)));
        assert_eq!(fit(&port(E::Float32, &[]), &[1], 1.0, None), Ok((1, false)));
        assert_eq!(fit(&port(E::Float32, &[1]), &[], 1.0, None), Ok((1, false)));
    }

    #[test]
    fn wrong_types_and_shapes_are_both_named() {
        let text = fit(&port(E::Float16, &[-1, 2]), &[1, 3], 1.0, None).unwrap_err();
        assert!(text.contains("float16 [-1, 2], a row for all") && text.contains("got float32 [1, 3]"), "{text}");
        let text = fit(&port(E::Int64, &[-1]), &[1], 0.5, None).unwrap_err();
        assert!(text.contains("int64 [-1]") && text.contains("float32 [1] with the value 0.5"), "{text}");
        assert!(fit(&port(E::String, &[-1]), &[1], 1.0, None).unwrap_err().contains("string [-1]"));
        assert!(fit(&port(E::Float32, &[-1, 2]), &[0, 2], 1.0, None).is_err());
        assert!(fit(&port(E::Float32, &[-1, -1]), &[1, 0], 1.0, None).is_err());
    }
}
