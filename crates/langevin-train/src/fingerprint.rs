//! Fingerprint of the training rows, stored in the model file.

use crate::error::Result;
use langevin_data::Dataset;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Number of rows that are sampled, evenly spaced.
const REMEMBERED: usize = 64;
/// Number of rows read at once.
const BLOCK: usize = 1024;

/// Fingerprint of a data set: its row count and the checksums of some rows.
///
/// A resumed run checks the fingerprint, and a model file uses it to recognise its training data.
///
/// ```
/// use langevin_train::{Dataset, Fingerprint};
/// let (train, test) = Dataset::digits().split(0.2, 0);
/// let own = Fingerprint::of(&train)?;
/// assert!(own.is_of(&train)? && !own.is_of(&test)?);
/// // A few digits stand in the data twice.
/// assert!(own.found_in(&test)? < 4);
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// Number of rows of the data set.
    rows: usize,
    /// CRC-32 of the sampled rows, each in single precision.
    sample: Vec<u32>,
}

impl Fingerprint {
    /// Computes the fingerprint of a data set.
    ///
    /// # Errors
    /// Returns an error if a row cannot be read.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::{Dataset, Fingerprint};
    /// let digits = Fingerprint::of(&Dataset::digits())?;
    /// assert_eq!((digits.rows(), digits.remembered()), (1797, 64));
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn of(data: &Dataset) -> Result<Self> {
        let count = data.rows().min(REMEMBERED);
        let rows: Vec<usize> = (0..count).map(|i| i * (data.rows() - 1) / (count - 1).max(1)).collect();
        Ok(Self { rows: data.rows(), sample: checksums(data, &rows)? })
    }

    /// Returns the number of rows of the fingerprinted data set.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of sampled rows, whose checksums are stored.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.sample.len()
    }

    /// Returns true if the fingerprint belongs to `data`.
    ///
    /// # Errors
    /// Returns an error if a row cannot be read.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::{Dataset, Fingerprint};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let other = Dataset::new("two points", vec![-1.0, 2.0], &[1])?;
    /// let own = Fingerprint::of(&data)?;
    /// assert!(own.is_of(&data)? && !own.is_of(&other)?);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn is_of(&self, data: &Dataset) -> Result<bool> {
        Ok(self.rows == data.rows() && *self == Self::of(data)?)
    }

    /// Returns the number of sampled rows that also occur in `data`.
    ///
    /// # Errors
    /// Returns an error if a row cannot be read.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::{Dataset, Fingerprint};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let other = Dataset::new("two points", vec![-1.0, 2.0], &[1])?;
    /// assert_eq!(Fingerprint::of(&data)?.found_in(&other)?, 1);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn found_in(&self, data: &Dataset) -> Result<usize> {
        let mut missing: HashSet<u32> = self.sample.iter().copied().collect();
        let all = missing.len();
        let rows: Vec<usize> = (0..data.rows()).collect();
        for block in rows.chunks(BLOCK) {
            checksums(data, block)?.iter().for_each(|sum| {
                missing.remove(sum);
            });
        }
        Ok(all - missing.len())
    }
}

fn checksums(data: &Dataset, rows: &[usize]) -> Result<Vec<u32>> {
    let mut values = vec![0.0_f32; rows.len() * data.width()];
    data.read(rows, &mut values)?;
    Ok(values
        .chunks_exact(data.width())
        .map(|row| {
            let mut hasher = crc32fast::Hasher::new();
            row.iter().for_each(|value| hasher.update(&value.to_le_bytes()));
            hasher.finalize()
        })
        .collect())
}
