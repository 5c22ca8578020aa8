//! Options of named samplers: their values, defaults and checks.

use super::{Net, Order, Survivals};
use crate::plan::Shape;
use langevin::{Error, Result};

/// The values that an option can have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Values {
    /// A number in this range.
    Number(f64, f64),
    /// A whole number in this range.
    Whole(usize, usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// Whole numbers joined by `+`.
    List,
    /// An [`Order`].
    Order,
    /// A [`Survivals`].
    Grid,
}

/// An option of a named sampler.
///
/// ```
/// use langevin_discrete::sampler::Entry;
/// let knobs = Entry::find("theta-trapezoidal")?.knobs;
/// let theta = knobs.iter().find(|knob| knob.key == "theta").expect("an option");
/// assert_eq!((theta.default, theta.range().as_str()), ("0.5", "a number from 0 to 1"));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Knob {
    /// The word of a request that sets the option.
    pub key: &'static str,
    /// The value if none is given; empty if the option is then unused.
    pub default: &'static str,
    /// The effect of the option.
    pub meaning: &'static str,
    pub(crate) values: Values,
}

impl Knob {
    pub(crate) const fn new(key: &'static str, default: &'static str, values: Values, meaning: &'static str) -> Self {
        Self { key, default, meaning, values }
    }

    /// Checks a value.
    fn check(&self, value: &str) -> Result<()> {
        let fits = match self.values {
            Values::Number(min, max) => value.parse::<f64>().is_ok_and(|number| (min..=max).contains(&number)),
            Values::Whole(min, max) => value.parse().is_ok_and(|number| (min..=max).contains(&number)),
            Values::Word(words) => words.contains(&value),
            Values::Flag => matches!(value, "true" | "false"),
            Values::List => list(value).is_some(),
            Values::Order => return value.parse::<Order>().map(|_| ()),
            Values::Grid => return value.parse::<Survivals>().map(|_| ()),
        };
        if fits {
            return Ok(());
        }
        Err(Error::argument("bad option").expected(self.range()).got(format!("'{value}'")))
    }

    /// Returns the values that the option can have, in words.
    #[must_use]
    pub fn range(&self) -> String {
        match self.values {
            Values::Number(min, max) if min <= -1e6 && max >= 1e6 => "a number".into(),
            Values::Number(min, max) if max >= 1e6 => format!("a number ≥ {min}"),
            Values::Number(min, max) => format!("a number from {min} to {max}"),
            Values::Whole(min, max) if max >= 1 << 20 => format!("a whole number ≥ {min}"),
            Values::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Values::Word(words) => words.join(", "),
            Values::Flag => "true or false".into(),
            Values::List => "whole numbers joined by +".into(),
            Values::Order => Order::NAMES.join(", "),
            Values::Grid => Survivals::NAMES.join(", "),
        }
    }
}

fn list(text: &str) -> Option<Vec<usize>> {
    text.split('+').map(|part| part.trim().parse().ok()).collect()
}

/// The options of one sampler, checked and filled in with defaults.
pub(crate) struct Settings {
    values: Vec<(Knob, String)>,
}

impl Settings {
    /// Reads the given options of the sampler `name`.
    pub(crate) fn read(name: &str, knobs: &[Knob], given: &[(&'static str, String)]) -> Result<Self> {
        let mut values: Vec<(Knob, String)> = knobs.iter().map(|knob| (*knob, knob.default.to_owned())).collect();
        for (key, value) in given {
            let Some((knob, slot)) = values.iter_mut().find(|(knob, _)| knob.key == *key) else {
                let known: Vec<&str> = knobs.iter().map(|knob| knob.key).collect();
                return Err(Error::argument(format!("the sampler '{name}' has no option `{key}`"))
                    .expected(known.join(", "))
                    .got(format!("`{key}`")));
            };
            knob.check(value).map_err(|error| error.at(format!("sampler '{name}', `{key}`")))?;
            value.clone_into(slot);
        }
        Ok(Self { values })
    }

    pub(crate) fn word(&self, key: &str) -> &str {
        self.values.iter().find(|(knob, _)| knob.key == key).map_or("", |(_, value)| value)
    }

    /// Returns a number. [`read`](Self::read) has checked the text.
    pub(crate) fn number(&self, key: &str) -> f64 {
        self.word(key).parse().unwrap_or(f64::NAN)
    }

    pub(crate) fn whole(&self, key: &str) -> usize {
        self.word(key).parse().unwrap_or(0)
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.word(key) == "true"
    }

    /// Returns the whole numbers of a list; empty if none was given.
    pub(crate) fn list(&self, key: &str) -> Vec<usize> {
        list(self.word(key)).unwrap_or_default()
    }

    pub(crate) fn order(&self) -> Result<Order> {
        self.word("order").parse()
    }

    /// Returns the survivals of the grid.
    pub(crate) fn levels(&self) -> Result<Vec<f64>> {
        self.word("grid").parse::<Survivals>()?.levels(self.whole("steps"))
    }

    /// Returns the reading of the network.
    pub(crate) fn net(&self) -> Net {
        let number = |key| Some(self.number(key)).filter(|number: &f64| !number.is_nan());
        let (temperature, top_p) = (number("temperature"), number("top-p"));
        let top_k = Some(self.whole("top-k")).filter(|k| *k > 0);
        Net { guidance: number("guidance"), shape: Shape { temperature, top_k, top_p } }
    }
}
