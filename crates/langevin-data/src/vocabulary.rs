//! Letters of token data, and the map between text and letters.

use crate::error::{Error, Result};
use crate::graphs::{Graph, GraphShape};
use crate::tables::TableSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Kind of the tokens of a data set.
///
/// ```
/// use langevin_data::TokenKind;
/// assert_eq!(TokenKind::parse("chars")?, TokenKind::Chars);
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TokenKind {
    /// Characters of a text.
    Chars,
    /// Bytes of a file, letters 0 to 255.
    Bytes,
    /// Words of a text, separated by white space.
    Words,
    /// Nodes and edges of graphs.
    Graphs,
    /// Columns of a table, of categories and of numbers.
    Columns,
    /// Integers of an array.
    Integers,
}

impl TokenKind {
    /// Names of the kinds, in the order of the variants.
    pub const NAMES: [&'static str; 6] = ["chars", "bytes", "words", "graphs", "columns", "integers"];

    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Parses a name.
    ///
    /// # Errors
    /// Returns an error that lists the kinds if the name is unknown.
    pub fn parse(text: &str) -> Result<Self> {
        let all = [Self::Chars, Self::Bytes, Self::Words, Self::Graphs, Self::Columns, Self::Integers];
        all.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let error = Error::argument("unknown kind of tokens")
                .at("tokens")
                .expected(Self::NAMES.join(", "))
                .got(format!("'{text}'"));
            match langevin::error::nearest(text, &Self::NAMES) {
                Some(near) => error.hinting(format!("did you mean '{near}'?")),
                None => error,
            }
        })
    }
}

/// The letters of token data: letter k stands for text k.
///
/// ```
/// use langevin_data::{TokenKind, Vocabulary};
/// let letters = ["", "a", "b"].map(String::from).into();
/// let vocabulary = Vocabulary::new(TokenKind::Chars, letters, Some(0))?;
/// assert_eq!(vocabulary.encode("bab", 5)?, [2, 1, 2, 0, 0]);
/// assert_eq!(vocabulary.decode(&[2, 1, 2, 0, 0]), "bab");
/// assert!(vocabulary.encode("cab", 5).unwrap_err().to_string().contains("'c'"));
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    kind: TokenKind,
    letters: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<u32>,
    /// Sizes of graphs, whose tokens have different letters at different places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    graphs: Option<GraphShape>,
    /// Columns of tables, whose categories differ from column to column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<TableSchema>,
}

impl Vocabulary {
    /// Creates a vocabulary; `padding` is the letter that fills sequences up to their length.
    ///
    /// # Errors
    /// Returns an error if there is no letter, two letters have the same text, the padding is no
    /// letter, or the tokens are those of graphs, which have a shape ([`Vocabulary::graphs`]).
    pub fn new(kind: TokenKind, letters: Vec<String>, padding: Option<u32>) -> Result<Self> {
        let bad = |expected: &str, got: String| Err(Error::argument("bad vocabulary").expected(expected).got(got));
        match kind {
            TokenKind::Graphs => return bad("the shape of the graphs", "letters alone".into()),
            TokenKind::Columns => return bad("the columns of the table", "letters alone".into()),
            TokenKind::Chars | TokenKind::Bytes | TokenKind::Words | TokenKind::Integers => {}
        }
        if letters.is_empty() {
            return bad("one letter or more", "none".into());
        }
        let mut seen = HashMap::new();
        for (number, letter) in letters.iter().enumerate() {
            if let Some(first) = seen.insert(letter, number) {
                return bad("letters of different texts", format!("letters {first} and {number}, '{letter}'"));
            }
        }
        match padding {
            Some(letter) if letter as usize >= letters.len() => bad("a padding among the letters", letter.to_string()),
            _ => Ok(Self { kind, letters, padding, graphs: None, table: None }),
        }
    }

    /// Creates the vocabulary of graphs: the letters are the labels of nodes and edges.
    ///
    /// ```
    /// use langevin_data::{GraphShape, Vocabulary};
    /// let vocabulary = Vocabulary::graphs(GraphShape::new(3, 0, 1)?);
    /// assert_eq!(vocabulary.encode("Bg", 3)?, [1, 0, 1]);
    /// assert_eq!(vocabulary.decode(&[1, 0, 1]), "Bg");
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn graphs(shape: GraphShape) -> Self {
        let letters = (0..shape.vocab()).map(|letter| letter.to_string()).collect();
        Self { kind: TokenKind::Graphs, letters, padding: None, graphs: Some(shape), table: None }
    }

    /// Returns the shape of graphs; `None` for tokens of another kind.
    #[must_use]
    pub fn graph_shape(&self) -> Option<GraphShape> {
        self.graphs
    }

    /// Creates the vocabulary of a table: letter k of a column stands for its category k.
    ///
    /// ```
    /// use langevin_data::{ColumnValues, TableColumn, TableSchema, Vocabulary};
    /// let answers = ColumnValues::Categories(vec!["no".into(), "yes".into()]);
    /// let schema = TableSchema::new(vec![TableColumn::new("smoker", answers)])?;
    /// let vocabulary = Vocabulary::columns(schema)?;
    /// assert_eq!(vocabulary.decode(&[1]), "yes");
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the table has no column of categories.
    pub fn columns(schema: TableSchema) -> Result<Self> {
        if schema.vocab() == 0 {
            return Err(Error::data("the table has no column of categories")
                .expected("a column of texts, or of a few integers")
                .got(schema.summary())
                .hinting("without --noise a table of numbers is learned as numbers"));
        }
        // A single letter is no alphabet, and the networks have two or more.
        let letters = (0..schema.vocab().max(2)).map(|letter| letter.to_string()).collect();
        Ok(Self { kind: TokenKind::Columns, letters, padding: None, graphs: None, table: Some(schema) })
    }

    /// Returns the columns of a table; `None` for tokens of another kind.
    #[must_use]
    pub fn table(&self) -> Option<&TableSchema> {
        self.table.as_ref()
    }

    /// Returns the number of numbers in a row, before its letters: columns of a table.
    #[must_use]
    pub fn numbers(&self) -> usize {
        self.table.as_ref().map_or(0, TableSchema::numbers)
    }

    /// Checks a vocabulary that was read from a file.
    ///
    /// # Errors
    /// Returns an error if the parts of the vocabulary do not fit each other.
    pub fn check(&self) -> Result<()> {
        let fits = match (self.kind, self.graphs, &self.table) {
            (TokenKind::Graphs, Some(shape), None) => self.letters.len() == shape.vocab(),
            (TokenKind::Columns, None, Some(schema)) => {
                schema.check()?;
                self.letters.len() == schema.vocab().max(2)
            }
            (TokenKind::Graphs | TokenKind::Columns, ..) => false,
            (_, None, None) => true,
            _ => false,
        };
        match fits {
            true => Ok(()),
            false => Err(Error::data("the vocabulary does not hold together").at(self.kind.name())),
        }
    }

    /// Checks that rows of `length` tokens fit a shape of graphs or a table, if there is one.
    pub(crate) fn check_places(&self, tokens: &[u32], length: usize) -> Result<()> {
        if let Some(schema) = &self.table {
            let wanted = schema.letters().len();
            if length != wanted || schema.numbers() > 0 {
                return Err(Error::data("the rows are no rows of the table")
                    .expected(schema.summary())
                    .got(format!("{length} tokens")));
            }
            return schema.check_letters(tokens);
        }
        let Some(shape) = self.graphs else { return Ok(()) };
        if length != shape.length() {
            return Err(Error::data("the rows are no graphs of the vocabulary")
                .expected(format!("{} tokens", shape.length()))
                .got(length.to_string()));
        }
        shape.check(tokens)
    }

    /// Returns the kind of the tokens.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Returns the text of every letter.
    #[must_use]
    pub fn letters(&self) -> &[String] {
        &self.letters
    }

    /// Returns the number of letters.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a vocabulary is never empty")]
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    /// Returns the letter that fills sequences up to their length.
    #[must_use]
    pub fn padding(&self) -> Option<u32> {
        self.padding
    }

    /// Returns the letters of a text, padded to `length` tokens.
    ///
    /// # Errors
    /// Returns an error that names the token if it is no letter, and an error if the text is empty
    /// or too long, or too short without a padding.
    pub fn encode(&self, text: &str, length: usize) -> Result<Vec<u32>> {
        if let Some(shape) = self.graphs {
            let tokens = shape.tokens(&text.parse::<Graph>()?)?;
            return self.check_places(&tokens, length).map(|()| tokens);
        }
        if let Some(schema) = &self.table {
            return schema.parse(text);
        }
        let of: HashMap<&str, u32> = self.letters.iter().map(String::as_str).zip(0..).collect();
        let mut tokens = Vec::with_capacity(length);
        let mut push = |part: &str| match of.get(part) {
            Some(letter) if Some(*letter) != self.padding => {
                tokens.push(*letter);
                Ok(())
            }
            _ => Err(Error::data("a token is not in the vocabulary")
                .at(format!("token {}", tokens.len() + 1))
                .expected(self.listed())
                .got(format!("'{part}'"))),
        };
        match self.kind {
            TokenKind::Words | TokenKind::Integers => text.split_whitespace().try_for_each(&mut push)?,
            TokenKind::Chars => text.chars().try_for_each(|c| push(c.encode_utf8(&mut [0; 4])))?,
            TokenKind::Bytes => text.bytes().try_for_each(|byte| push(&byte.to_string()))?,
            // A document may name the kind and leave out the shape.
            TokenKind::Graphs => return Err(Error::data("the vocabulary has no shape of its graphs")),
            TokenKind::Columns => return Err(Error::data("the vocabulary has no columns")),
        }
        let count = tokens.len();
        if count == 0 || count > length || (count < length && self.padding.is_none()) {
            return Err(Error::data("the sequence has the wrong length")
                .expected(match self.padding {
                    Some(_) => format!("1 to {length} tokens"),
                    None => format!("{length} tokens"),
                })
                .got(count.to_string()));
        }
        tokens.resize(length, self.padding.unwrap_or_default());
        Ok(tokens)
    }

    /// Returns the text of a sequence, without its padding.
    ///
    /// A token beyond the letters, such as the mask, is shown as `_`. Graphs are shown as a
    /// [`Graph`] is, and tokens that are no graph as the letters of the nodes and of the edges.
    #[must_use]
    pub fn decode(&self, tokens: &[u32]) -> String {
        if let Some(shape) = self.graphs {
            return shape.graph(tokens).map_or_else(|_| self.places(shape, tokens), |graph| graph.to_string());
        }
        if let Some(schema) = &self.table {
            return schema.text(tokens);
        }
        if self.kind == TokenKind::Bytes {
            let bytes: Vec<u8> = tokens.iter().map(|token| u8::try_from(*token).unwrap_or(b'_')).collect();
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        let text = |token: &u32| match self.letters.get(*token as usize) {
            Some(_) if Some(*token) == self.padding => "",
            Some(letter) => letter,
            None => "_",
        };
        let parts: Vec<&str> = tokens.iter().map(text).collect();
        match self.kind {
            TokenKind::Words | TokenKind::Integers => {
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
            }
            TokenKind::Chars | TokenKind::Bytes | TokenKind::Graphs | TokenKind::Columns => parts.concat(),
        }
    }

    /// Returns the letters of tokens that are no graph: `1 1 _ | 0 1 0`.
    fn places(&self, shape: GraphShape, tokens: &[u32]) -> String {
        let text = |token: &u32| self.letters.get(*token as usize).map_or("_", String::as_str);
        let nodes = if shape.node_labels() == 0 { 0 } else { shape.nodes().min(tokens.len()) };
        let [nodes, edges] =
            [&tokens[..nodes], &tokens[nodes..]].map(|part| part.iter().map(text).collect::<Vec<_>>().join(" "));
        if nodes.is_empty() { edges } else { format!("{nodes} | {edges}") }
    }

    /// Returns the number of tokens before the padding at the end.
    #[must_use]
    pub fn used(&self, tokens: &[u32]) -> usize {
        let padding = tokens.iter().rev().take_while(|token| Some(**token) == self.padding).count();
        tokens.len() - padding
    }

    /// Returns the letters for messages: all of them if they are few.
    fn listed(&self) -> String {
        let shown: Vec<&str> = self.letters.iter().map(String::as_str).filter(|letter| !letter.is_empty()).collect();
        match shown.len() {
            0..=40 if self.kind == TokenKind::Integers => format!("one of {}", shown.join(", ")),
            0..=40 if self.kind != TokenKind::Words => format!("one of {:?}", shown.concat()),
            count => format!("one of {count} {}", if self.kind == TokenKind::Words { "words" } else { "letters" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(all: &[&str]) -> Vec<String> {
        all.iter().map(|letter| (*letter).to_owned()).collect()
    }

    #[test]
    fn unknown_kinds_have_a_nearest_one() {
        let error = TokenKind::parse("word").unwrap_err().to_string();
        assert!(error.contains("did you mean 'words'?"), "{error}");
    }

    #[test]
    fn texts_come_back() {
        let words = Vocabulary::new(TokenKind::Words, letters(&["<pad>", "to", "be"]), Some(0)).unwrap();
        assert_eq!(words.encode("to be  to", 4).unwrap(), [1, 2, 1, 0]);
        assert_eq!(words.decode(&[1, 2, 1, 0]), "to be to");
        assert_eq!(words.used(&[1, 2, 1, 0]), 3);
        let bytes = Vocabulary::new(TokenKind::Bytes, (0..256).map(|b| b.to_string()).collect(), None).unwrap();
        assert_eq!(bytes.decode(&bytes.encode("hé", 3).unwrap()), "hé");
    }

    #[test]
    fn bad_sequences_are_refused() {
        let chars = Vocabulary::new(TokenKind::Chars, letters(&["", "a", "b"]), Some(0)).unwrap();
        let refused = |text: &str, words: &str| {
            let error = chars.encode(text, 3).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        refused("abz", "token 3");
        refused("abz", "\"ab\"");
        refused("", "1 to 3 tokens");
        refused("abab", "got 4");
        let whole = Vocabulary::new(TokenKind::Chars, letters(&["a", "b"]), None).unwrap();
        assert!(whole.encode("ab", 3).unwrap_err().to_string().contains("3 tokens"));
        assert!(Vocabulary::new(TokenKind::Chars, letters(&["a", "a"]), None).is_err());
        assert!(Vocabulary::new(TokenKind::Chars, letters(&["a"]), Some(1)).is_err());
    }
}
