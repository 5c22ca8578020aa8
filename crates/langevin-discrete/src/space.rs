//! Sequences of tokens, and the noise that acts on each of them.

use langevin::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Index of a letter in the vocabulary, counted from 0; the mask comes after the last letter.
pub type Letter = u32;

/// Largest vocabulary, about ten times that of large language models.
const MAX_VOCAB: usize = 1 << 20;
/// Largest number of tokens of a sequence.
const MAX_LENGTH: usize = 1 << 20;

/// The distribution π from which a noised token is redrawn.
///
/// | noise | π | names in the literature |
/// |---|---|---|
/// | [`Masked`](Self::Masked) | the mask, with probability 1 | absorbing, MDLM, LLaDA |
/// | [`Uniform`](Self::Uniform) | every letter with probability 1/V | multinomial, UDLM |
/// | [`Prior`](Self::Prior) | letter y with probability π(y) | marginal (DiGress) |
///
/// ```
/// use langevin_discrete::Noise;
/// assert_eq!("masked".parse::<Noise>()?, Noise::Masked);
/// assert_eq!(Noise::Uniform.to_string(), "uniform");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Noise {
    /// A noised token is the mask, a letter of its own.
    Masked,
    /// A noised token is a letter drawn uniformly.
    Uniform,
    /// A noised token is a letter drawn from these probabilities.
    Prior(Vec<f64>),
}

impl Noise {
    /// Names of the kinds of noise, in the order of the variants.
    pub const NAMES: [&'static str; 3] = ["masked", "uniform", "prior"];

    /// Returns the name of the kind of noise.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Masked => Self::NAMES[0],
            Self::Uniform => Self::NAMES[1],
            Self::Prior(_) => Self::NAMES[2],
        }
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Noise {
    type Err = Error;

    /// Parses `masked` or `uniform`; the noise `prior` needs its probabilities.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "masked" => Ok(Self::Masked),
            "uniform" => Ok(Self::Uniform),
            other => Err(Error::unknown("noise", other, &Self::NAMES[..2])),
        }
    }
}

/// The space of sequences: d tokens over V letters, and the noise that acts on each token.
///
/// Every token is noised alone. At survival α a clean token is kept with probability α and redrawn
/// from π otherwise, so the transition probabilities of one token are
///
/// $$P_\alpha(v, y) = \alpha\,[v = y] + \sigma\,\pi(y), \qquad \sigma = 1 - \alpha .$$
///
/// ```
/// use langevin_discrete::{Noise, StateSpace};
/// let space = StateSpace::new(Noise::Masked, 27, 12)?;
/// assert_eq!((space.letters(), space.mask()), (28, Some(27)));
/// // A token survives with probability 0.75 and is masked otherwise.
/// assert_eq!([space.transition(0.75, 3, 3), space.transition(0.75, 3, 27)], [0.75, 0.25]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
pub struct StateSpace {
    noise: Noise,
    vocab: usize,
    length: usize,
}

/// The JSON form, which is checked before it is used.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    noise: Noise,
    vocab: usize,
    length: usize,
}

impl TryFrom<Wire> for StateSpace {
    type Error = Error;

    fn try_from(wire: Wire) -> Result<Self> {
        Self::new(wire.noise, wire.vocab, wire.length)
    }
}

impl StateSpace {
    /// Creates the space of sequences of `length` tokens over `vocab` letters.
    ///
    /// # Errors
    /// Returns an error if a size is 0 or too large, or if the probabilities of a prior are not
    /// `vocab` positive numbers with the sum 1 (within 1e-9).
    pub fn new(noise: Noise, vocab: usize, length: usize) -> Result<Self> {
        for (name, size, most) in [("vocab", vocab, MAX_VOCAB), ("length", length, MAX_LENGTH)] {
            if !(1..=most).contains(&size) {
                return Err(Error::argument("bad size of a sequence")
                    .at(name)
                    .expected(format!("1 to {most}"))
                    .got(size.to_string()));
            }
        }
        if let Noise::Prior(prior) = &noise {
            let bad = |got: String| {
                Err(Error::argument("bad prior")
                    .at("noise")
                    .expected(format!("{vocab} positive probabilities with the sum 1"))
                    .got(got))
            };
            if prior.len() != vocab {
                return bad(prior.len().to_string());
            }
            if let Some(value) = prior.iter().find(|value| !(**value > 0.0 && value.is_finite())) {
                return bad(value.to_string());
            }
            let sum: f64 = prior.iter().sum();
            if (sum - 1.0).abs() > 1e-9 {
                return bad(format!("the sum {sum}"));
            }
        }
        Ok(Self { noise, vocab, length })
    }

    /// Returns the noise.
    #[must_use]
    pub fn noise(&self) -> &Noise {
        &self.noise
    }

    /// Returns V, the number of letters of clean data.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Returns d, the number of tokens of a sequence.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Returns the number of letters that a noised token can have: V, or V + 1 with the mask.
    #[must_use]
    pub fn letters(&self) -> usize {
        self.vocab + usize::from(self.mask().is_some())
    }

    /// Returns the mask, letter V; `None` for noise without a mask.
    #[must_use]
    pub fn mask(&self) -> Option<Letter> {
        matches!(self.noise, Noise::Masked).then_some(self.vocab as Letter)
    }

    /// Returns true if the noise is [`Noise::Masked`].
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.mask().is_some()
    }

    /// Returns the space with another length.
    ///
    /// # Errors
    /// Returns an error if the length is 0 or too large.
    pub fn with_length(&self, length: usize) -> Result<Self> {
        Self::new(self.noise.clone(), self.vocab, length)
    }

    /// Returns π(y), the probability that a noised token is redrawn as letter `y`.
    #[must_use]
    pub fn prior(&self, y: Letter) -> f64 {
        match &self.noise {
            Noise::Masked => f64::from(u8::from(y as usize == self.vocab)),
            Noise::Uniform => 1.0 / self.vocab as f64,
            Noise::Prior(prior) => prior.get(y as usize).copied().unwrap_or(0.0),
        }
    }

    /// Returns P(v, y), the probability that letter `v` of clean data is seen as `y` at survival
    /// `alpha`.
    #[must_use]
    pub fn transition(&self, alpha: f64, v: Letter, y: Letter) -> f64 {
        let kept = if v == y { alpha } else { 0.0 };
        kept + (1.0 - alpha) * self.prior(y)
    }

    /// Checks that `tokens` are whole sequences whose letters are in the space.
    ///
    /// # Errors
    /// Returns an error that names the first token that is not a letter, or the length.
    pub fn check(&self, tokens: &[Letter]) -> Result<()> {
        if tokens.is_empty() || !tokens.len().is_multiple_of(self.length) {
            return Err(Error::shape("the tokens are not whole sequences")
                .expected(format!("a multiple of {} tokens", self.length))
                .got(tokens.len().to_string()));
        }
        match tokens.iter().position(|letter| *letter as usize >= self.letters()) {
            None => Ok(()),
            Some(place) => Err(Error::argument("unknown letter")
                .at(format!("sequence {}, token {}", place / self.length, place % self.length))
                .expected(format!("a letter below {}", self.letters()))
                .got(tokens[place].to_string())),
        }
    }
}

impl fmt::Display for StateSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { noise, vocab, length } = self;
        write!(f, "{length} tokens of {vocab} letters, {noise} noise")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_are_distributions() {
        let prior = Noise::Prior(vec![0.5, 0.3, 0.2]);
        for noise in [Noise::Masked, Noise::Uniform, prior] {
            let space = StateSpace::new(noise, 3, 2).unwrap();
            for v in 0..3 {
                let sum: f64 = (0..space.letters() as Letter).map(|y| space.transition(0.3, v, y)).sum();
                assert!((sum - 1.0).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn bad_spaces_are_refused() {
        let refused = |noise: Noise, vocab, length, words: &str| {
            let error = StateSpace::new(noise, vocab, length).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        refused(Noise::Masked, 0, 3, "vocab");
        refused(Noise::Masked, 3, 0, "length");
        refused(Noise::Prior(vec![0.5, 0.5]), 3, 2, "got 2");
        refused(Noise::Prior(vec![0.5, 0.6]), 2, 2, "the sum 1.1");
        refused(Noise::Prior(vec![1.5, -0.5]), 2, 2, "-0.5");
        refused(Noise::Prior(vec![f64::NAN, 1.0]), 2, 2, "NaN");
        let space = StateSpace::new(Noise::Masked, 3, 2).unwrap();
        assert!(space.check(&[0, 3, 1, 1]).is_ok());
        assert!(space.check(&[0, 4]).unwrap_err().to_string().contains("token 1"));
        assert!(space.check(&[0, 1, 2]).is_err());
    }

    #[test]
    fn the_document_is_checked() {
        let space = StateSpace::new(Noise::Prior(vec![0.25, 0.75]), 2, 5).unwrap();
        let json = serde_json::to_string(&space).unwrap();
        assert_eq!(json, r#"{"noise":{"prior":[0.25,0.75]},"vocab":2,"length":5}"#);
        assert_eq!(serde_json::from_str::<StateSpace>(&json).unwrap(), space);
        let bad = r#"{"noise":"uniform","vocab":0,"length":5}"#;
        assert!(serde_json::from_str::<StateSpace>(bad).unwrap_err().to_string().contains("vocab"));
    }
}
