//! Arrays of integers as rows of tokens.

use crate::about::About;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::vocabulary::{TokenKind, Vocabulary};
use std::collections::BTreeSet;
use std::path::Path;

/// Largest number of different integers.
const LETTERS: usize = 1 << 16;
/// Largest number of tokens, 1 GiB of letters.
const MOST: usize = 1 << 28;
/// Rows that are read together.
const ROWS: usize = 4096;

/// Reads an array of integers, such as a .npy file, as rows of tokens: each integer that occurs is
/// a letter.
///
/// The first axis counts the rows, and all others are joined. `known` holds the vocabulary and the
/// number of tokens of a model, whose letters the data must have.
///
/// ```
/// use langevin_data::open_integers;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("rows.csv");
/// std::fs::write(&path, "5,7,7\n9,5,7\n")?;
/// let data = open_integers(&path, None)?;
/// assert_eq!((data.rows(), data.tokens(1)?), (2, vec![2, 0, 1]));
/// assert_eq!(data.vocabulary().unwrap().decode(&[2, 0, 1]), "9 5 7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the file cannot be read, a number is no integer, or there are more than
/// 65,536 different ones or none of the vocabulary.
pub fn open_integers(path: &Path, known: Option<(&Vocabulary, usize)>) -> Result<Dataset> {
    let data = crate::open(path, &Options::default())?;
    read(&data, known).map_err(|error| error.in_file(path))
}

fn read(data: &Dataset, known: Option<(&Vocabulary, usize)>) -> Result<Dataset> {
    let width = data.width();
    if let Some((_, length)) = known.filter(|(_, length)| *length != width) {
        return Err(Error::data("the rows have another length than those of the model")
            .expected(format!("{length} integers"))
            .got(width.to_string()));
    }
    if data.rows().saturating_mul(width) > MOST {
        return Err(Error::data("the array is too large")
            .expected(format!("at most {MOST} integers"))
            .got(format!("{} × {width}", data.rows())));
    }
    let mut integers = Vec::with_capacity(data.rows() * width);
    let mut values = Vec::new();
    for first in (0..data.rows()).step_by(ROWS) {
        let rows: Vec<usize> = (first..data.rows().min(first + ROWS)).collect();
        values.resize(rows.len() * width, 0.0);
        data.read_wide(&rows, &mut values)?;
        for value in &values {
            let place = integers.len();
            if value.fract() != 0.0 || value.abs() > crate::checks::EXACT {
                return Err(Error::data("not an integer")
                    .at(format!("row {}, number {}", place / width + 1, place % width + 1))
                    .expected("integers, for an array of tokens")
                    .got(value.to_string()));
            }
            integers.push(*value as i64);
        }
    }
    let vocabulary = match known {
        Some((vocabulary, _)) => vocabulary.clone(),
        None => {
            let different: BTreeSet<i64> = integers.iter().copied().collect();
            if different.len() > LETTERS {
                return Err(Error::data("the array has too many different integers")
                    .expected(format!("at most {LETTERS}"))
                    .got(different.len().to_string()));
            }
            Vocabulary::new(TokenKind::Integers, different.iter().map(i64::to_string).collect(), None)?
        }
    };
    let letters: std::collections::HashMap<i64, u32> =
        vocabulary.letters().iter().zip(0..).filter_map(|(text, letter)| Some((text.parse().ok()?, letter))).collect();
    let mut tokens = Vec::with_capacity(integers.len());
    for (place, integer) in integers.iter().enumerate() {
        tokens.push(*letters.get(integer).ok_or_else(|| {
            Error::data("an integer is not in the vocabulary")
                .at(format!("row {}, number {}", place / width + 1, place % width + 1))
                .expected(format!("one of the {} integers of the model", letters.len()))
                .got(integer.to_string())
        })?);
    }
    let about = About::new("an array of integers", TokenKind::Integers.name());
    Ok(Dataset::of_tokens(data.name(), tokens, width, vocabulary)?.with_about(about, vec![]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(values: &[f32], width: usize) -> Dataset {
        Dataset::new("rows", values.to_vec(), &[width]).unwrap()
    }

    #[test]
    fn integers_are_letters() {
        let first = read(&data(&[-3.0, 40.0, 40.0, 7.0], 2), None).unwrap();
        let vocabulary = first.vocabulary().unwrap();
        assert_eq!(
            (vocabulary.letters(), first.tokens(1).unwrap()),
            (&["-3", "7", "40"].map(String::from)[..], vec![2, 1])
        );
        let again = read(&data(&[7.0, 7.0], 2), Some((vocabulary, 2))).unwrap();
        assert_eq!(again.tokens(0).unwrap(), [1, 1]);
        let refused = |values: &[f32], width, words: &str| {
            let error = read(&data(values, width), Some((vocabulary, 2))).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        refused(&[7.0, 8.0], 2, "row 1, number 2");
        refused(&[7.0, 0.5], 2, "not an integer");
        refused(&[7.0], 1, "2 integers");
    }
}
