//! An option of a named sampler.

/// The values that an option can have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Values {
    /// A finite number in this range; also `inf` if the range has no end.
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

/// An option of a named sampler, given as `name:key=value`.
///
/// ```
/// use langevin::sampler::Entry;
/// let knobs = Entry::find("exponential")?.knobs;
/// assert_eq!((knobs[0].key, knobs[0].default), ("eta", "0"));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Knob {
    /// The key.
    pub key: &'static str,
    /// The value if none is given.
    pub default: &'static str,
    /// The effect of the option.
    pub meaning: &'static str,
    pub(crate) values: Values,
}

impl Knob {
    /// Checks a value. The error text describes the expected values.
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

    /// Returns the values that the option can have, in words.
    ///
    /// ```
    /// use langevin::sampler::Entry;
    /// let knob = Entry::find("deis")?.knobs[0];
    /// assert_eq!((knob.key, knob.range().as_str()), ("order", "a whole number from 1 to 4"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
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
