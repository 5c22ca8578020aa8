//! Samples that are written as they come, so that memory does not grow with their number.

use super::atomic::Output;
use super::npy::Width;
use super::{csv, npy};
use crate::error::Result;
use std::path::Path;

/// A `.npy` or `.csv` file of which the number of samples is known and the samples are not.
pub struct Rows {
    out: Output,
    width: usize,
    dtype: Width,
    csv: bool,
    /// What is written behind each line in turn, and how many lines there are.
    labels: Vec<String>,
    written: usize,
}

impl Rows {
    /// Opens a `.npy` file of this shape, the number of samples first.
    ///
    /// # Errors
    /// Returns an error if the place cannot be written.
    pub fn npy(path: &Path, shape: &[usize], dtype: Width) -> Result<Self> {
        let mut out = Output::create(path)?;
        let begun = std::io::Write::write_all(&mut out, &npy::header(shape, dtype));
        out.judge(begun)?;
        Ok(Self { out, width: shape[1..].iter().product(), dtype, csv: false, labels: vec![], written: 0 })
    }

    /// Opens a `.csv` file of columns with these names, and one behind them whose lines have these labels in turn.
    ///
    /// # Errors
    /// Returns an error if the place cannot be written.
    pub fn csv(path: &Path, names: &[String], label: Option<(String, Vec<String>)>, dtype: Width) -> Result<Self> {
        let mut out = Output::create(path)?;
        let (last, labels) = label.map_or((None, vec![]), |(name, labels)| (Some(name), labels));
        let all: Vec<String> = names.iter().cloned().chain(last).collect();
        let begun = csv::head(&mut out, &all);
        out.judge(begun)?;
        let labels = labels.iter().map(|label| csv::quoted(label).into_owned()).collect();
        Ok(Self { out, width: names.len(), dtype, csv: true, labels, written: 0 })
    }

    /// Writes the next samples.
    ///
    /// # Errors
    /// Returns an error if they cannot be written, or an end was asked for.
    pub fn push(&mut self, samples: &[f64]) -> Result<()> {
        let written = match self.csv {
            true if self.labels.is_empty() => csv::lines(&mut self.out, self.width, samples, self.dtype),
            true => samples.chunks_exact(self.width).try_for_each(|row| {
                csv::fields(&mut self.out, row, self.dtype)?;
                let label = &self.labels[self.written % self.labels.len()];
                self.written += 1;
                std::io::Write::write_fmt(&mut self.out, format_args!(",{label}\n"))
            }),
            false => npy::numbers(&mut self.out, samples, self.dtype),
        };
        self.out.judge(written)
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// Returns an error if the last bytes cannot be written.
    pub fn finish(self) -> Result<()> {
        self.out.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn pieces_make_the_file_that_one_write_makes() {
        let directory = tempfile::tempdir().unwrap();
        let [whole, pieces] = ["whole", "pieces"].map(|name| directory.path().join(name));
        let values: Vec<f64> = (0..12).map(|i| f64::from(i) / 7.0).collect();
        for dtype in [Width::F32, Width::F64] {
            npy::write(&whole, &[6, 1, 2], &values, dtype).unwrap();
            let mut rows = Rows::npy(&pieces, &[6, 1, 2], dtype).unwrap();
            values.chunks(4).for_each(|piece| rows.push(piece).unwrap());
            rows.finish().unwrap();
            assert_eq!(fs::read(&whole).unwrap(), fs::read(&pieces).unwrap());
            csv::write(&whole, 3, &values, dtype).unwrap();
            let mut rows = Rows::csv(&pieces, &csv::plain_names(3), None, dtype).unwrap();
            values.chunks(6).for_each(|piece| rows.push(piece).unwrap());
            rows.finish().unwrap();
            assert_eq!(fs::read(&whole).unwrap(), fs::read(&pieces).unwrap());
        }
    }
}
