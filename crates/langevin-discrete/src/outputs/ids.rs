//! Identifiers of the tokens of a network.

use crate::space::{Letter, StateSpace};
use langevin::{Error, Result};

/// Largest identifier of a mask.
const MOST: usize = 1 << 24;

/// Identifiers of a network's tokens: its letters in order, and the mask among or after them.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, TokenIds};
/// let space = StateSpace::new(Noise::Masked, 4, 3)?;
/// // The letters 0 to 3 have the identifiers 0, 1, 3 and 4.
/// let ids = TokenIds::new(&space, Some(2))?;
/// assert_eq!((0..5).map(|letter| ids.id(letter)).collect::<Vec<_>>(), [0, 1, 3, 4, 2]);
/// assert_eq!((ids.letter(4), ids.letter(5), ids.columns()), (Some(3), None, 5));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenIds {
    vocab: usize,
    mask: Option<usize>,
}

impl TokenIds {
    /// Creates the identifiers of a space: the mask is `mask`, or the letter V if that is `None`.
    ///
    /// # Errors
    /// Returns an error if the noise has no mask, or the identifier is above 2²⁴.
    pub fn new(space: &StateSpace, mask: Option<usize>) -> Result<Self> {
        let wrong = |expected: &str, got: usize| {
            Err(Error::argument("bad mask").at("mask").expected(expected).got(got.to_string()))
        };
        let vocab = space.vocab();
        let mask = match (space.mask(), mask) {
            (None, None) => None,
            (Some(_), None) => Some(vocab),
            (None, Some(mask)) => return wrong("a mask with masked noise only", mask),
            (Some(_), Some(mask)) if mask > MOST => return wrong(&format!("an identifier from 0 to {MOST}"), mask),
            (Some(_), Some(mask)) => Some(mask),
        };
        Ok(Self { vocab, mask })
    }

    /// Returns the identifier of the mask; `None` for noise without a mask.
    #[must_use]
    pub fn mask(&self) -> Option<usize> {
        self.mask
    }

    /// Returns the number of letters, without the mask.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Returns the number of columns of an output that has one for the mask.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.mask.map_or(self.vocab, |mask| self.vocab.max(mask) + 1)
    }

    /// Returns true if an output may leave out the column of the mask.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.mask.is_none_or(|mask| mask >= self.vocab)
    }

    /// Returns the identifier of a letter.
    #[must_use]
    pub fn id(&self, letter: Letter) -> usize {
        let letter = letter as usize;
        match self.mask {
            Some(mask) if letter == self.vocab => mask,
            Some(mask) if letter >= mask => letter + 1,
            _ => letter,
        }
    }

    /// Returns the letter of an identifier; `None` for an unknown one.
    #[must_use]
    pub fn letter(&self, id: i64) -> Option<Letter> {
        let id = usize::try_from(id).ok()?;
        let letter = match self.mask {
            Some(mask) if id == mask => self.vocab,
            Some(mask) if mask < self.vocab && id > mask => id - 1,
            _ => id,
        };
        // The letter V is the mask, which has one identifier alone.
        (letter < self.vocab || self.mask == Some(id)).then_some(letter as Letter)
    }
}
