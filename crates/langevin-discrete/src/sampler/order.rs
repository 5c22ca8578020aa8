//! Orders in which tokens are unmasked.

use super::{bit_reversed, far_apart};
use crate::plan::{Beliefs, By, Draft};
use langevin::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// Order in which tokens are unmasked.
///
/// | text | order |
/// |---|---|
/// | `random` | [`Random`](Self::Random) |
/// | `left` | [`Left`](Self::Left) |
/// | `halton` | [`Halton`](Self::Halton) |
/// | `far-apart` | [`FarApart`](Self::FarApart) |
/// | `separated` | [`Separated`](Self::Separated) |
/// | `entropy` | [`Entropy`](Self::Entropy) |
/// | `margin` | [`Margin`](Self::Margin) |
/// | `confidence`, `confidence:T` | [`Confidence`](Self::Confidence) |
/// | `list:2+0+1` | [`Fixed`](Self::Fixed) |
///
/// ```
/// use langevin_discrete::sampler::Order;
/// let order: Order = "list:2+0+1".parse()?;
/// assert_eq!(order, Order::Fixed(vec![2, 0, 1]));
/// assert_eq!(Order::Confidence(0.5).to_string(), "confidence:0.5");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Order {
    /// A random order, new in every step.
    Random,
    /// From left to right.
    Left,
    /// Places far apart first, in the order of [`bit_reversed`].
    Halton,
    /// Every place as far as possible from all earlier ones, in the order of [`far_apart`].
    FarApart,
    /// Dependent places in different steps. The dependence is that of a model, so this order has a
    /// plan only after [`Request::separated`](crate::Request::separated) has measured it.
    Separated,
    /// A fixed order of all places, the same in every sample.
    Fixed(Vec<u32>),
    /// Smallest entropy first.
    Entropy,
    /// Largest margin between the two most probable letters first.
    Margin,
    /// Largest probability of the drawn letter first, with Gumbel noise of this temperature.
    ///
    /// This order looks at the drawn letter, so the samples are biased at any number of
    /// evaluations.
    Confidence(f64),
}

impl Order {
    /// Texts of the orders.
    pub const NAMES: [&'static str; 9] =
        ["random", "left", "halton", "far-apart", "separated", "entropy", "margin", "confidence", "list:0+1+…"];

    /// Returns the first word of the order's text.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Left => "left",
            Self::Halton => "halton",
            Self::FarApart => "far-apart",
            Self::Separated => "separated",
            Self::Fixed(_) => "list",
            Self::Entropy => "entropy",
            Self::Margin => "margin",
            Self::Confidence(_) => "confidence",
        }
    }

    /// Returns the order of an instruction, for the beliefs `d`.
    pub(super) fn by(&self, draft: &mut Draft, d: Beliefs) -> By {
        let length = draft.space().length();
        match self {
            Self::Random => By::Random(draft.fresh()),
            Self::Left => By::Order((0..length as u32).collect()),
            Self::Halton => By::Order(bit_reversed(length)),
            Self::FarApart => By::Order(far_apart(length)),
            // The check of a request refuses it before a plan is written.
            Self::Separated => By::Order(vec![]),
            Self::Fixed(order) => By::Order(order.clone()),
            Self::Entropy => Draft::by_entropy(d),
            Self::Margin => Draft::by_margin(d),
            Self::Confidence(_) => Draft::by_confidence(d),
        }
    }

    /// Returns the temperature of the noise on the scores, and its draw.
    pub(super) fn noise(&self, draft: &mut Draft) -> Option<(f64, u32)> {
        match self {
            Self::Confidence(temperature) if *temperature > 0.0 => Some((*temperature, draft.fresh())),
            _ => None,
        }
    }

    /// Returns the order with the temperature of its noise multiplied by `factor`.
    pub(super) fn cooled(&self, factor: f64) -> Self {
        match self {
            Self::Confidence(temperature) => Self::Confidence(temperature * factor),
            other => other.clone(),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(order) => {
                let order: Vec<String> = order.iter().map(u32::to_string).collect();
                write!(f, "list:{}", order.join("+"))
            }
            Self::Confidence(temperature) if *temperature > 0.0 => write!(f, "confidence:{temperature}"),
            other => f.write_str(other.name()),
        }
    }
}

impl FromStr for Order {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |expected: &str| Err(Error::argument("bad order").expected(expected).got(format!("'{text}'")));
        match text.split_once(':') {
            None => Ok(match text {
                "random" => Self::Random,
                "left" => Self::Left,
                "halton" => Self::Halton,
                "far-apart" => Self::FarApart,
                "separated" => Self::Separated,
                "entropy" => Self::Entropy,
                "margin" => Self::Margin,
                "confidence" => Self::Confidence(0.0),
                other => return Err(Error::unknown("order", other, &Self::NAMES)),
            }),
            Some(("list", places)) => {
                match places.split('+').map(|place| place.parse().ok()).collect::<Option<Vec<u32>>>() {
                    Some(places) => Ok(Self::Fixed(places)),
                    None => bad("places joined by +, as in list:2+0+1"),
                }
            }
            Some(("confidence", temperature)) => {
                match temperature.parse::<f64>().ok().filter(|t| (0.0..=1e6).contains(t)) {
                    Some(temperature) => Ok(Self::Confidence(temperature)),
                    None => bad("a temperature from 0, as in confidence:0.5"),
                }
            }
            Some(_) => Err(Error::unknown("order", text, &Self::NAMES)),
        }
    }
}
