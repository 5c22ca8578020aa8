//! Rows, as they are asked for.

use crate::augment::Augment;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::store::{Scratch, Store, Window, cut};
use langevin::SampleId;
use rayon::prelude::*;

/// Numbers that a buffer of rows has at most, unless one row is longer.
const BLOCK: usize = 1 << 20;

impl Dataset {
    /// Fills `out` with the rows of these numbers (from 0), one after the other, in single precision.
    ///
    /// A picture that is found bad only now, with [`Options::skip_bad`](crate::Options::skip_bad), is replaced by the next readable one of this collection and of
    /// the same label, after the last comes the first; it is listed in [`skipped`](Self::skipped). So what is read is a function of the files alone.
    ///
    /// # Errors
    /// A row that is not there, or an `out` that does not hold `rows.len()` × [`width`](Self::width) numbers; a file that can no longer be read, or a bad picture.
    pub fn read(&self, rows: &[usize], out: &mut [f32]) -> Result<()> {
        self.check(rows, out.len(), self.width)?;
        self.each(rows, self.width, out, |_, row, scratch, out| self.narrow(row, None, scratch, out))
    }

    /// Fills `out` with the rows of these numbers (from 0), one after the other, as exactly as the file has them.
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    pub fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        self.check(rows, out.len(), self.width)?;
        self.each(rows, self.width, out, |_, row, scratch, out| self.wide(row, scratch, out))
    }

    /// Returns whether single precision would round values that [`read_wide`](Self::read_wide) gives exactly.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.chosen.logs.is_some() || matches!(&*self.store, Store::Encoded(array) if array.is_wide())
    }

    /// All rows, one after the other, in single precision.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn values(&self) -> Result<Vec<f32>> {
        self.rows_of(&(0..self.rows).collect::<Vec<_>>())
    }

    /// Returns all rows, one after the other, as exactly as the file has them.
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    pub fn values_wide(&self) -> Result<Vec<f64>> {
        let mut out = vec![0.0; self.rows * self.width];
        self.read_wide(&(0..self.rows).collect::<Vec<_>>(), &mut out)?;
        Ok(out)
    }

    /// Row `row`.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn row(&self, row: usize) -> Result<Vec<f32>> {
        self.rows_of(&[row])
    }

    fn rows_of(&self, rows: &[usize]) -> Result<Vec<f32>> {
        let mut out = vec![0.0; rows.len() * self.width];
        self.read(rows, &mut out)?;
        Ok(out)
    }

    /// The rows of [`read`](Self::read), changed as `augment` says: `out` holds samples of [`Augment::shape`], one after the other.
    ///
    /// Where a crop begins and whether a sample is flipped are functions of its `ids` and `draw` alone (uniforms of [`langevin::noise`]), so that neither the order
    /// nor the size of a batch matters. The crop is taken from the whole picture, also where [`Options::size`](crate::Options::size) has
    /// [`read`](Self::read) take the middle of a larger one.
    ///
    /// ```
    /// use langevin::SampleId;
    /// use langevin_data::{Augment, Dataset};
    /// let data = Dataset::new("two", (0..32).map(|i| i as f32).collect(), &[4, 4])?;
    /// let augment = Augment::default().crop(2, 2).flip(true);
    /// let ids = [SampleId { seed: 1, index: 0 }, SampleId { seed: 1, index: 1 }];
    /// let (mut both, mut second) = ([0.0; 8], [0.0; 4]);
    /// data.read_augmented(&[0, 1], &ids, 0, &augment, &mut both)?;
    /// data.read_augmented(&[1], &ids[1..], 0, &augment, &mut second)?;
    /// assert_eq!(both[4..], second);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`read`](Self::read); another number of ids than of rows; rows that are no pictures, or a crop that is larger than they are.
    pub fn read_augmented(
        &self,
        rows: &[usize],
        ids: &[SampleId],
        draw: u32,
        augment: &Augment,
        out: &mut [f32],
    ) -> Result<()> {
        if ids.len() != rows.len() {
            return Err(Error::argument("every row needs an id of its own")
                .expected(format!("{} ids", rows.len()))
                .got(ids.len().to_string()));
        }
        let shape = augment.shape(&self.shape)?;
        let width = shape.iter().product();
        self.check(rows, out.len(), width)?;
        let [height, across, ..] = shape[..] else {
            // Nothing is to be changed.
            return self.read(rows, out);
        };
        let own = (self.shape[0], self.shape[1]);
        self.each(rows, width, out, |position, row, scratch, out| {
            let extent = self.store.extent(row).unwrap_or(own);
            let place = augment.place(ids[position], draw, extent, (height, across));
            let window = augment.crop.is_some().then_some(place.window);
            self.narrow(row, window, scratch, out)?;
            if place.flipped {
                Augment::mirror(out, across, shape.get(2).copied().unwrap_or(1));
            }
            Ok(())
        })
    }

    /// Row `row` of the store, or that window of it, in single precision.
    fn narrow(&self, row: usize, window: Option<Window>, scratch: &mut Scratch, out: &mut [f32]) -> Result<()> {
        if self.chosen.places.is_none() && self.chosen.logs.is_none() {
            return self.store.read(row, &self.shape, window, scratch, out);
        }
        let mut whole = std::mem::take(&mut scratch.whole);
        whole.resize(self.width, 0.0);
        self.wide(row, scratch, &mut whole)?;
        let narrow = |from: &[f64], to: &mut [f32]| to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as f32);
        match (window, &self.shape[..]) {
            (Some(window), [_, across, depth @ ..]) => {
                cut(&whole, *across, depth.first().copied().unwrap_or(1), window, narrow, out);
            }
            _ => narrow(&whole, out),
        }
        scratch.whole = whole;
        Ok(())
    }

    /// Row `row` of the store, exactly.
    fn wide(&self, row: usize, scratch: &mut Scratch, out: &mut [f64]) -> Result<()> {
        match &self.chosen.places {
            None => self.store.read_wide(row, &self.shape, scratch, out)?,
            Some(places) => {
                let mut stored = std::mem::take(&mut scratch.stored);
                stored.resize(self.chosen.stored, 0.0);
                self.store.read_wide(row, &self.shape, scratch, &mut stored)?;
                out.iter_mut().zip(&**places).for_each(|(out, place)| *out = stored[*place]);
                scratch.stored = stored;
            }
        }
        if let Some(logs) = &self.chosen.logs {
            out.iter_mut().zip(&**logs).filter(|(_, logged)| **logged).for_each(|(out, _)| *out = out.ln());
        }
        Ok(())
    }

    fn check(&self, rows: &[usize], room: usize, width: usize) -> Result<()> {
        if let Some(row) = rows.iter().find(|row| **row >= self.rows) {
            return Err(Error::argument("no such row")
                .at(&self.name)
                .expected(format!("below {}", self.rows))
                .got(row.to_string()));
        }
        if rows.len().checked_mul(width) != Some(room) {
            return Err(Error::argument("the rows do not fill the room for them")
                .at(&self.name)
                .expected(format!("{} × {width} numbers", rows.len()))
                .got(room.to_string()));
        }
        Ok(())
    }

    /// Fills `out` row after row with what `read` writes for the row at that position, the second argument being the store's number for it.
    fn each<T: Send>(
        &self,
        rows: &[usize],
        width: usize,
        out: &mut [T],
        read: impl Fn(usize, usize, &mut Scratch, &mut [T]) -> Result<()> + Sync,
    ) -> Result<()> {
        let Store::Files(files) = &*self.store else {
            let mut scratch = Scratch::default();
            return rows
                .iter()
                .zip(out.chunks_exact_mut(width))
                .enumerate()
                .try_for_each(|(position, (row, out))| read(position, self.stored(*row), &mut scratch, out));
        };
        // Decoding is long; which thread does it changes nothing. The first error in the order of the rows is the one that is told.
        let one = |position: usize, row: usize, out: &mut [T]| {
            let mut first = None;
            for candidate in (row..self.rows).chain(0..row) {
                if self.labels().is_some_and(|labels| labels[candidate] != labels[row]) {
                    continue;
                }
                let stored = self.stored(candidate);
                if files.is_bad(stored) {
                    continue;
                }
                match read(position, stored, &mut Scratch::default(), out) {
                    Err(error) if files.skips() && !error.is_argument() => {
                        files.mark(stored, &error);
                        first.get_or_insert(error);
                    }
                    other => return other,
                }
            }
            let none = Error::data("no picture that could stand for it can be read").at(&self.name);
            Err(first.unwrap_or(none))
        };
        let results: Vec<Result<()>> = rows
            .par_iter()
            .zip(out.par_chunks_exact_mut(width))
            .enumerate()
            .map(|(position, (row, out))| one(position, *row, out))
            .collect();
        results.into_iter().collect()
    }

    /// Shows `see` all rows in their order, a few at a time, until it has seen enough and says false.
    pub(crate) fn blocks(&self, mut see: impl FnMut(&[f64]) -> Result<bool>) -> Result<()> {
        let block = (BLOCK / self.width).clamp(1, self.rows);
        let (mut rows, mut values) = (Vec::with_capacity(block), Vec::new());
        for first in (0..self.rows).step_by(block) {
            rows.clear();
            rows.extend(first..self.rows.min(first + block));
            values.resize(rows.len() * self.width, 0.0);
            self.read_wide(&rows, &mut values)?;
            if !see(&values)? {
                break;
            }
        }
        Ok(())
    }
}
