//! The built-in data set of names, and data sets of tokens.

use super::Dataset;
use super::store::Store;
use crate::about::About;
use crate::checks::enough;
use crate::error::{Error, Result};
use crate::rows::Letters;
use crate::vocabulary::{TokenKind, Vocabulary};
use std::io::Read as _;
use std::sync::Arc;

static NAMES: &[u8] = include_bytes!("../../data/names.txt.gz");
/// Largest number of letters of a name.
const LENGTH: usize = 12;

impl Dataset {
    /// Returns the built-in first names: 36,690 sequences of 12 tokens over 27 letters, of which
    /// letter 0 is the padding.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let names = Dataset::names();
    /// let vocabulary = names.vocabulary().unwrap();
    /// assert_eq!((names.rows(), names.width(), vocabulary.len()), (36_690, 12, 27));
    /// assert_eq!(vocabulary.decode(&names.tokens(0)?), "rasheka");
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn names() -> Self {
        let mut text = String::new();
        // The file is part of the program, so reading cannot fail.
        let _ = flate2::read::GzDecoder::new(NAMES).read_to_string(&mut text);
        let letter = |byte: u8| if byte.is_ascii_lowercase() { u32::from(byte - b'a') + 1 } else { 0 };
        let padded = |name: &str| {
            let mut row = [0; LENGTH];
            row.iter_mut().zip(name.bytes()).for_each(|(row, byte)| *row = letter(byte));
            row
        };
        let values: Vec<u32> = text.lines().flat_map(padded).collect();
        let letters = std::iter::once(String::new()).chain(('a'..='z').map(String::from)).collect();
        let vocabulary = Vocabulary::new(TokenKind::Chars, letters, Some(0));
        let mut data = Self::of("names", &[LENGTH], Store::of(Letters::new(values, LENGTH)), None);
        data.vocabulary = vocabulary.ok().map(Arc::new);
        data.with_about(About::new("built in", "first names of at most 12 letters"), vec![])
    }

    /// Builds a data set of tokens: rows × `length` letters below the size of the vocabulary.
    ///
    /// ```
    /// use langevin_data::{Dataset, TokenKind, Vocabulary};
    /// let letters = ["a", "b"].map(String::from).into();
    /// let vocabulary = Vocabulary::new(TokenKind::Chars, letters, None)?;
    /// let data = Dataset::of_tokens("pairs", vec![0, 1, 1, 1], 2, vocabulary)?;
    /// assert_eq!((data.rows(), data.tokens(1)?), (2, vec![1, 1]));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if there is no row, the letters do not fill whole rows, or a letter is not
    /// in the vocabulary or, for graphs, not valid at its place.
    pub fn of_tokens(
        name: impl Into<String>,
        letters: Vec<u32>,
        length: usize,
        vocabulary: Vocabulary,
    ) -> Result<Self> {
        let name = name.into();
        if length == 0 || !letters.len().is_multiple_of(length) {
            return Err(Error::data("the tokens do not fill whole rows")
                .at(&name)
                .expected(format!("a positive multiple of {length}"))
                .got(letters.len().to_string()));
        }
        if let Some(place) = letters.iter().position(|letter| *letter as usize >= vocabulary.len()) {
            return Err(Error::data("a token is not in the vocabulary")
                .at(format!("{name}, row {}, token {}", place / length + 1, place % length + 1))
                .expected(format!("a letter below {}", vocabulary.len()))
                .got(letters[place].to_string()));
        }
        vocabulary.check_places(&letters, length).map_err(|error| error.at(&name))?;
        Self::of_store(name, length, Store::of(Letters::new(letters, length)), vocabulary)
    }

    /// Builds a data set of stored tokens, whose letters were checked.
    pub(crate) fn of_store(name: String, length: usize, store: Store, vocabulary: Vocabulary) -> Result<Self> {
        enough(store.count()).map_err(|error| error.at(&name))?;
        let mut data = Self::of(name, &[length], store, None);
        data.vocabulary = Some(Arc::new(vocabulary));
        Ok(data)
    }

    /// Marks rows that share tokens with the `rows` rows after each.
    pub(crate) fn overlapping(mut self, rows: usize) -> Self {
        self.overlap = rows;
        self
    }

    /// Returns the vocabulary of token data; `None` if the rows are numbers.
    #[must_use]
    pub fn vocabulary(&self) -> Option<&Vocabulary> {
        self.vocabulary.as_deref()
    }

    /// Returns the letters of one row of token data.
    ///
    /// # Errors
    /// Returns an error if the row cannot be read or the data are numbers.
    pub fn tokens(&self, row: usize) -> Result<Vec<u32>> {
        self.read_tokens(&[row])
    }

    /// Returns the letters of some rows of token data, one row after another.
    ///
    /// # Errors
    /// Returns an error if a row cannot be read or the data are numbers.
    pub fn read_tokens(&self, rows: &[usize]) -> Result<Vec<u32>> {
        if self.vocabulary.is_none() {
            return Err(Error::data("the data are numbers, not tokens").at(self.name()));
        }
        let mut values = vec![0.0; rows.len() * self.width()];
        self.read(rows, &mut values)?;
        // A letter is below 2^24, so single precision holds it exactly.
        Ok(values.into_iter().map(|value| value as u32).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_padded_words() {
        let names = Dataset::names();
        let vocabulary = names.vocabulary().unwrap();
        for row in (0..names.rows()).step_by(997) {
            let tokens = names.tokens(row).unwrap();
            let name = vocabulary.decode(&tokens);
            assert!(name.len() >= 2 && name.bytes().all(|byte| byte.is_ascii_lowercase()), "{name}");
            assert_eq!(vocabulary.encode(&name, LENGTH).unwrap(), tokens);
        }
        let (train, held_out) = names.split(0.1, 0);
        assert_eq!((train.rows(), held_out.rows()), (33_021, 3669));
        assert_eq!(train.vocabulary(), names.vocabulary());
    }

    #[test]
    fn letters_beyond_the_vocabulary_are_refused() {
        let vocabulary = Vocabulary::new(TokenKind::Chars, vec!["a".into(), "b".into()], None).unwrap();
        let error = Dataset::of_tokens("x", vec![0, 1, 2, 0], 2, vocabulary.clone()).unwrap_err().to_string();
        assert!(error.contains("row 2, token 1"), "{error}");
        assert!(Dataset::of_tokens("x", vec![0, 1, 1], 2, vocabulary.clone()).is_err());
        assert!(Dataset::of_tokens("x", vec![], 2, vocabulary).is_err());
        assert!(Dataset::digits().tokens(0).is_err());
    }
}
