//! One option of a named sampler.

/// What an option may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Values {
    /// A finite number in this range; `inf` where the range has no end.
    Number(f64, f64),
    /// A whole number in this range.
    Whole(usize, usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// Whole numbers joined by `+`, or nothing.
    List,
}

/// One option of a named sampler, given as `name:key=value`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Knob {
    /// Its key.
    pub key: &'static str,
    /// Its value where none is given.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    pub(crate) values: Values,
}

impl Knob {
    /// Checks a value; what was expected where it does not fit.
    pub(crate) fn check(&self, value: &str) -> Result<(), String> {
        let fits = match self.values {
            Values::Number(min, max) => {
                let number = if value == "inf" { Some(f64::INFINITY) } else { value.parse::<f64>().ok() };
                number.is_some_and(|number| (min..=max).contains(&number) && (number.is_finite() || value == "inf"))
            }
            Values::Whole(min, max) => value.parse().is_ok_and(|number| (min..=max).contains(&number)),
            Values::Word(words) => words.contains(&value),
            Values::Flag => matches!(value, "true" | "false"),
            Values::List => {
                value.is_empty() || value.len() < 1000 && value.split('+').all(|part| part.parse::<usize>().is_ok())
            }
        };
        if fits { Ok(()) } else { Err(self.range()) }
    }

    /// What it may be, in words.
    #[must_use]
    pub fn range(&self) -> String {
        match self.values {
            Values::Number(min, f64::INFINITY) => format!("a number ≥ {min}"),
            Values::Number(min, max) => format!("a number from {min} to {max}"),
            Values::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Values::Word(words) => words.join(", "),
            Values::Flag => "true or false".into(),
            Values::List => "whole numbers joined by +".into(),
        }
    }
}
