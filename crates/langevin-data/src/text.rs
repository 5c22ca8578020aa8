//! Text as rows of tokens: a line each, or windows of a running text.

use crate::about::About;
use crate::dataset::Dataset;
use crate::dataset::store::Store;
use crate::error::{Error, Result};
use crate::graphs::open_graphs;
use crate::integers::open_integers;
use crate::options::Options;
use crate::rows::Rows;
use crate::tables::{Tabulation, open_table, open_table_as};
use crate::vocabulary::{TokenKind, Vocabulary};
use std::collections::BTreeMap;
use std::path::Path;

/// Number of tokens of a window.
pub const WINDOW: usize = 128;
/// Largest number of tokens of a line, if lines are rows.
const LINE: usize = 64;
/// Largest number of words of a vocabulary; rarer words become one letter.
const WORDS: usize = 20_000;
/// Letter of words that are not in the vocabulary.
const UNKNOWN: &str = "<unk>";
/// Padding of lines of words and bytes. The padding of characters is empty.
const PADDING: &str = "<pad>";

/// Options for reading text.
///
/// ```
/// use langevin_data::{TextOptions, TokenKind};
/// let how = TextOptions::new(TokenKind::Chars).length(64);
/// assert_eq!(how.length, Some(64));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TextOptions {
    /// Kind of the tokens.
    pub kind: TokenKind,
    /// Number of tokens of a window; `None` for lines if all are short, and 128 otherwise.
    pub length: Option<usize>,
    /// Number of tokens between the starts of two windows; `None` for an eighth of a window.
    pub stride: Option<usize>,
}

impl TextOptions {
    /// Creates options for tokens of a kind.
    #[must_use]
    pub fn new(kind: TokenKind) -> Self {
        Self { kind, length: None, stride: None }
    }

    /// Sets the number of tokens of a window.
    #[must_use]
    pub fn length(mut self, tokens: usize) -> Self {
        self.length = Some(tokens);
        self
    }

    /// Sets the number of tokens between the starts of two windows.
    #[must_use]
    pub fn stride(mut self, tokens: usize) -> Self {
        self.stride = Some(tokens);
        self
    }
}

/// Reads a text file as rows of tokens, with the letters that occur in it.
///
/// ```
/// use langevin_data::{TextOptions, TokenKind, open_text};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("names.txt");
/// std::fs::write(&path, "ada\nbo\n")?;
/// let data = open_text(&path, &TextOptions::new(TokenKind::Chars))?;
/// // The padding is letter 0, and the letters are those of the file in alphabetical order.
/// assert_eq!((data.rows(), data.tokens(1)?), (2, vec![2, 4, 0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the file cannot be read, is no UTF-8 text (for characters and words), is
/// empty, or is shorter than a window. Graphs, tables and arrays have the errors of
/// [`open_graphs`], [`open_table`] and [`open_integers`], and no windows.
pub fn open_text(path: &Path, how: &TextOptions) -> Result<Dataset> {
    match how.kind {
        TokenKind::Chars | TokenKind::Bytes | TokenKind::Words => {}
        kind if how.length.is_some() || how.stride.is_some() => {
            return Err(Error::argument("only a text has windows").at("length").expected("none").got(kind.name()));
        }
        TokenKind::Graphs => return open_graphs(path, None),
        TokenKind::Columns => return open_table(path, &Tabulation::default()),
        TokenKind::Integers => return open_integers(path, None),
    }
    let text = Text::read(path, how.kind)?;
    text.rows(how, None).map_err(|error| error.in_file(path))
}

/// Reads a text file as rows of `length` tokens with the letters of a vocabulary, so that a model
/// sees other files as it saw its own.
///
/// A vocabulary with a padding reads lines; one without reads windows that do not overlap.
///
/// # Errors
/// Returns an error under the conditions of [`open_text`], and if a token is not in the vocabulary
/// or a line is too long.
pub fn open_text_as(path: &Path, vocabulary: &Vocabulary, length: usize) -> Result<Dataset> {
    if let Some(shape) = vocabulary.graph_shape() {
        vocabulary.check_places(&[], length)?;
        return open_graphs(path, Some(shape));
    }
    if let Some(schema) = vocabulary.table() {
        return open_table_as(path, schema, &Options::default());
    }
    if vocabulary.kind() == TokenKind::Integers {
        return open_integers(path, Some((vocabulary, length)));
    }
    let text = Text::read(path, vocabulary.kind())?;
    let how = TextOptions::new(vocabulary.kind()).length(length).stride(length);
    text.rows(&how, Some(vocabulary)).map_err(|error| error.in_file(path))
}

/// A file in memory.
struct Text {
    name: String,
    kind: TokenKind,
    bytes: Vec<u8>,
}

impl Text {
    fn read(path: &Path, kind: TokenKind) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::reading(path, error))?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if kind != TokenKind::Bytes
            && let Err(error) = std::str::from_utf8(&bytes)
        {
            return Err(Error::data("the file is no UTF-8 text")
                .in_file(path)
                .at(format!("byte {}", error.valid_up_to() + 1))
                .hinting("--tokens bytes reads any file"));
        }
        Ok(Self { name, kind, bytes })
    }

    /// Calls `visit` with every token of a part of the file.
    fn each<'a>(&self, part: &'a [u8], mut visit: impl FnMut(&'a str) -> Result<()>) -> Result<()> {
        // The bytes were checked, so nothing is lost here.
        let text = std::str::from_utf8(part).unwrap_or_default();
        match self.kind {
            TokenKind::Words => text.split_whitespace().try_for_each(visit),
            _ => text.char_indices().try_for_each(|(at, c)| visit(&text[at..at + c.len_utf8()])),
        }
    }

    fn tokens(&self, part: &[u8]) -> usize {
        if self.kind == TokenKind::Bytes {
            return part.len();
        }
        let mut count = 0;
        let _ = self.each(part, |_| {
            count += 1;
            Ok(())
        });
        count
    }

    /// Returns the lines that are not empty, without their ends, with their numbers from 0.
    fn lines(&self) -> Vec<(usize, &[u8])> {
        let trimmed = |line: &'_ [u8]| line.len() - usize::from(line.ends_with(b"\r"));
        self.bytes
            .split(|byte| *byte == b'\n')
            .map(|line| &line[..trimmed(line)])
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
            .collect()
    }

    /// Returns the rows, with a given vocabulary or with that of the file.
    fn rows(&self, how: &TextOptions, given: Option<&Vocabulary>) -> Result<Dataset> {
        if let Some(0) = how.length {
            return Err(Error::argument("a window has no token").at("length").expected("1 or more").got("0"));
        }
        let lines = self.lines();
        let longest = lines.iter().map(|(_, line)| self.tokens(line)).max().unwrap_or(0);
        let by_line = match given {
            Some(vocabulary) => vocabulary.padding().is_some(),
            None => how.length.is_none() && lines.len() > 1 && longest <= LINE && self.kind != TokenKind::Bytes,
        };
        if lines.is_empty() || longest == 0 {
            return Err(Error::data("the text is empty").expected("tokens").got("none"));
        }
        let vocabulary = match given {
            Some(vocabulary) => vocabulary.clone(),
            None => self.vocabulary(by_line)?,
        };
        if by_line {
            self.of_lines(&lines, how.length.unwrap_or(longest), vocabulary)
        } else {
            self.of_windows(how, vocabulary)
        }
    }

    /// Returns the letters of the file: in the order of their texts, words by frequency.
    fn vocabulary(&self, padded: bool) -> Result<Vocabulary> {
        let padding = padded.then_some(0);
        let mut letters: Vec<String> = Vec::new();
        if padded {
            letters.push(if self.kind == TokenKind::Chars { String::new() } else { PADDING.to_owned() });
        }
        if self.kind == TokenKind::Bytes {
            letters.extend((0..256).map(|byte| byte.to_string()));
            return Vocabulary::new(self.kind, letters, padding);
        }
        let mut count: BTreeMap<&str, u64> = BTreeMap::new();
        for line in self.parts(padded) {
            self.each(line, |token| {
                *count.entry(token).or_default() += 1;
                Ok(())
            })?;
        }
        if self.kind == TokenKind::Words {
            letters.push(UNKNOWN.to_owned());
            let mut words: Vec<(&str, u64)> = count.into_iter().collect();
            // The order of equal counts is alphabetical.
            words.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            words.truncate(WORDS);
            letters.extend(words.into_iter().map(|(word, _)| word.to_owned()));
        } else {
            letters.extend(count.into_keys().map(str::to_owned));
        }
        Vocabulary::new(self.kind, letters, padding)
    }

    /// Returns the parts that are tokenised: lines, or the whole file.
    fn parts(&self, by_line: bool) -> Vec<&[u8]> {
        if by_line { self.lines().into_iter().map(|(_, line)| line).collect() } else { vec![&self.bytes] }
    }

    fn of_lines(&self, lines: &[(usize, &[u8])], length: usize, vocabulary: Vocabulary) -> Result<Dataset> {
        let letters = Letters::of(&vocabulary);
        let padding = vocabulary.padding().unwrap_or_default();
        let mut values = Vec::with_capacity(lines.len() * length);
        for (number, line) in lines {
            let fail = |error: Error| error.at(format!("line {}", number + 1));
            let first = values.len();
            self.letters(line, &letters, &mut values).map_err(fail)?;
            let count = values.len() - first;
            if count > length {
                return Err(fail(
                    Error::data("the line is too long")
                        .expected(format!("at most {length} tokens"))
                        .got(count.to_string()),
                ));
            }
            values.resize(first + length, padding);
        }
        // The file may end in an empty line.
        let empty = lines.last().map_or(0, |(last, _)| last + 1 - lines.len());
        let left = match empty {
            0 => String::new(),
            count => format!(" without {}", langevin::text::plural(count as u64, "empty line")),
        };
        let about = About::new(format!("text, a line each{left}"), self.kind.name());
        Ok(Dataset::of_tokens(self.name.clone(), values, length, vocabulary)?.with_about(about, vec![]))
    }

    fn of_windows(&self, how: &TextOptions, vocabulary: Vocabulary) -> Result<Dataset> {
        let length = how.length.unwrap_or(WINDOW);
        let stride = how.stride.unwrap_or(length.div_ceil(8)).max(1);
        let mut values = Vec::new();
        self.letters(&self.bytes, &Letters::of(&vocabulary), &mut values)?;
        let tokens = values.len();
        if tokens < length {
            let lines = self.lines().len();
            let hint = match lines {
                1 => format!(
                    "a single line is a running text: --length N, with N at most {tokens}, cuts it into windows; sequences are one a line"
                ),
                _ => format!("choose a --length of at most {tokens}"),
            };
            return Err(Error::data("the text is shorter than a window")
                .expected(format!("{length} tokens"))
                .got(format!("{tokens}, in {}", langevin::text::plural(lines as u64, "line")))
                .hinting(hint));
        }
        let rows = Windows { values, length, stride };
        let about = About::new(format!("windows of a text of {tokens} tokens"), self.kind.name());
        let data = Dataset::of_store(self.name.clone(), length, Store::of(rows), vocabulary)?;
        Ok(data.overlapping(length.div_ceil(stride) - 1).with_about(about, vec![]))
    }

    /// Appends the letters of a part of the file.
    fn letters(&self, part: &[u8], letters: &Letters<'_>, out: &mut Vec<u32>) -> Result<()> {
        if self.kind == TokenKind::Bytes {
            out.extend(part.iter().map(|byte| u32::from(*byte) + letters.first));
            return Ok(());
        }
        let mut place = 0;
        self.each(part, |token| {
            place += 1;
            out.push(letters.of_token(token).ok_or_else(|| {
                Error::data("a token is not in the vocabulary")
                    .at(format!("token {place}"))
                    .expected(format!("one of the {} letters of the vocabulary", letters.of.len()))
                    .got(format!("'{}'", crate::words::start(token)))
            })?);
            Ok(())
        })
    }
}

/// Letters by their texts.
struct Letters<'a> {
    of: std::collections::HashMap<&'a str, u32>,
    unknown: Option<u32>,
    /// Letter of byte 0.
    first: u32,
}

impl<'a> Letters<'a> {
    fn of(vocabulary: &'a Vocabulary) -> Self {
        let padding = vocabulary.padding();
        let all = vocabulary.letters().iter().map(String::as_str).zip(0..);
        let of: std::collections::HashMap<&str, u32> = all.filter(|(_, letter)| Some(*letter) != padding).collect();
        let unknown = of.get(UNKNOWN).copied().filter(|_| vocabulary.kind() == TokenKind::Words);
        Self { of, unknown, first: padding.map_or(0, |letter| letter + 1) }
    }
}

impl Letters<'_> {
    fn of_token(&self, token: &str) -> Option<u32> {
        self.of.get(token).copied().or(self.unknown)
    }
}

/// Windows of a running text, which may overlap.
struct Windows {
    values: Vec<u32>,
    length: usize,
    stride: usize,
}

impl Rows for Windows {
    fn count(&self) -> usize {
        (self.values.len() - self.length) / self.stride + 1
    }

    fn width(&self) -> usize {
        self.length
    }

    fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.length)) {
            let letters = &self.values[row * self.stride..][..self.length];
            out.iter_mut().zip(letters).for_each(|(out, letter)| *out = f64::from(*letter));
        }
        Ok(())
    }

    fn is_wide(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.txt");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn short_lines_are_rows_and_long_texts_are_windows() {
        let (_folder, path) = file("ab\nb\r\n\ncab\n".as_bytes());
        let data = open_text(&path, &TextOptions::new(TokenKind::Chars)).unwrap();
        assert_eq!((data.rows(), data.width()), (3, 3));
        assert_eq!(data.read_tokens(&[0, 1, 2]).unwrap(), [1, 2, 0, 2, 0, 0, 3, 1, 2]);
        let windows = open_text(&path, &TextOptions::new(TokenKind::Chars).length(4).stride(2)).unwrap();
        // The ends of the lines are letters of a running text.
        assert_eq!((windows.rows(), windows.vocabulary().unwrap().len()), (4, 5));
        assert!(windows.vocabulary().unwrap().padding().is_none());
        assert_eq!(windows.vocabulary().unwrap().decode(&windows.tokens(0).unwrap()), "ab\nb");
    }

    #[test]
    fn held_out_windows_share_no_token_with_the_others() {
        let text: String = (0..1000).map(|i| char::from(b'a' + (i * 7 % 26) as u8)).collect();
        let (_folder, path) = file(text.as_bytes());
        let data = open_text(&path, &TextOptions::new(TokenKind::Chars).length(16).stride(2)).unwrap();
        let (train, held_out) = data.split(0.1, 0);
        let place = |data: &Dataset, row: usize| data.position(row).unwrap() * 2;
        let last = (0..train.rows()).map(|row| place(&train, row) + 16).max().unwrap();
        let first = (0..held_out.rows()).map(|row| place(&held_out, row)).min().unwrap();
        assert!(last <= first, "{last} {first}");
        // Held-out windows do not overlap each other either.
        for row in 1..held_out.rows() {
            assert!(place(&held_out, row) >= place(&held_out, row - 1) + 16);
        }
        assert!(train.rows() > 400 && held_out.rows() >= 5);
    }

    #[test]
    fn words_and_bytes() {
        let (_folder, path) = file("to be or not to be".as_bytes());
        let words = open_text(&path, &TextOptions::new(TokenKind::Words).length(3)).unwrap();
        assert_eq!(words.vocabulary().unwrap().letters(), ["<unk>", "be", "to", "not", "or"]);
        let bytes = open_text(&path, &TextOptions::new(TokenKind::Bytes).length(5)).unwrap();
        assert_eq!(bytes.tokens(0).unwrap(), [116, 111, 32, 98, 101]);
        let (_other, path) = file("to see or not".as_bytes());
        let again = open_text_as(&path, words.vocabulary().unwrap(), 3).unwrap();
        assert_eq!(again.tokens(0).unwrap(), [2, 0, 4]);
    }

    #[test]
    fn bad_texts_are_refused() {
        let refused = |text: &[u8], how: &TextOptions, words: &str| {
            let (_folder, path) = file(text);
            let error = open_text(&path, how).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("text.txt"), "{error}");
        };
        let chars = TextOptions::new(TokenKind::Chars);
        refused(b"", &chars, "empty");
        refused(b"\n\n", &chars, "empty");
        refused(b"ab\xff", &chars, "byte 3");
        refused(b"abc", &chars.clone().length(8), "shorter than a window");
        refused(b"abc", &chars, "sequences are one a line");
        refused(b"ab\nc", &chars.clone().length(8), "at most 4");
        refused(b"abc", &chars.clone().length(0), "1 or more");
        let (_folder, path) = file(b"ab\nb\n");
        let known = open_text(&path, &chars).unwrap();
        let (_other, path) = file(b"ab\nxb\n");
        let error = open_text_as(&path, known.vocabulary().unwrap(), 2).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("'x'"), "{error}");
        // Lines keep their numbers in the file, and empty ones are counted.
        let (_long, path) = file(b"ab\n\naba\n");
        let error = open_text_as(&path, known.vocabulary().unwrap(), 2).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("at most 2"), "{error}");
        let (_gap, path) = file(b"\nab\n\nb\n");
        let data = open_text(&path, &chars).unwrap();
        assert!(data.summary().contains("text, a line each without 2 empty lines"), "{}", data.summary());
    }
}
