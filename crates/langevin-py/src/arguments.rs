//! Constructor arguments that raise an `ArgumentError` with the argument's name, where Python would
//! raise a bare `TypeError` or `OverflowError`.
//!
//! Functions and methods are guarded in `langevin._arguments`, which cannot wrap constructors.

use crate::errors::ArgumentError;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;

/// Returns the error for an argument of another type or out of range.
fn wrong(name: &str, expected: &str, got: &Bound<'_, PyAny>) -> PyErr {
    let mut text = got.repr().map_or_else(|_| "something else".to_owned(), |text| text.to_string());
    if text.chars().count() > 80 {
        text = text.chars().take(80).chain(['…']).collect();
    }
    ArgumentError::new_err(format!("an argument cannot be read ({name}): expected {expected}, got {text}"))
}

/// Defines argument types: the Rust type, the argument's name in Python, the extracted type, and
/// the words for the expected value in errors.
macro_rules! arguments {
    ($($type:ident($name:literal, $inner:ty, $expected:literal);)*) => {$(
        #[doc = concat!("The argument `", $name, "`.")]
        pub struct $type(pub $inner);

        impl<'a, 'py> FromPyObject<'a, 'py> for $type {
            type Error = PyErr;
            const INPUT_TYPE: PyStaticExpr = <$inner as FromPyObject<'a, 'py>>::INPUT_TYPE;

            fn extract(obj: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
                obj.extract::<$inner>().map(Self).map_err(|_| wrong($name, $expected, &obj))
            }
        }
    )*};
}

arguments! {
    Steps("steps", usize, "a whole number from 0");
    Eta("eta", f64, "a number");
    SigmaMin("sigma_min", f64, "a number");
    SigmaMax("sigma_max", f64, "a number");
    Guidance("guidance", f64, "a number");
    SigmaData("input_sigma_data", f64, "a number");
    Time("time", f64, "a number");
    Alpha("alpha", f64, "a number");
    Sigma("sigma", f64, "a number");
    SamplerName("sampler", String, "the name of a sampler");
    ClockName("clock", String, "the name of a clock");
    PredictionName("name", String, "the name of a prediction");
    DensityName("name", String, "the name of a density");
}

/// The argument `class_labels`: one class or several, by name or by number.
#[derive(Clone, Debug, Default)]
pub struct ClassLabels(pub Vec<String>);

impl<'a, 'py> FromPyObject<'a, 'py> for ClassLabels {
    type Error = PyErr;

    fn extract(obj: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let one = |value: &Bound<'_, PyAny>| {
            value.extract::<String>().ok().or_else(|| value.extract::<u64>().ok().map(|number| number.to_string()))
        };
        if let Some(label) = one(&obj) {
            return Ok(Self(vec![label]));
        }
        let all = obj.try_iter().ok().and_then(|all| all.map(|value| one(&value.ok()?)).collect());
        all.map(Self).ok_or_else(|| wrong("class_labels", "names or numbers of classes", &obj))
    }
}
