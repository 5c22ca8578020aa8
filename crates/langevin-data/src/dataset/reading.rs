//! Reading of rows on demand.

use super::store::{Pictures, Store};
use super::{Chosen, Dataset};
use crate::augment::Augment;
use crate::error::{Error, Result};
use crate::window::Window;
use langevin::SampleId;
use rayon::prelude::*;
use std::borrow::Cow;

/// Largest number of values in a buffer of rows, unless one row is longer.
const BLOCK: usize = 1 << 20;
/// Buffer size for rows that are transformed while being read; they are smaller to stay in the
/// cache.
const PASSING: usize = 1 << 15;

/// Reusable memory for reading an image.
#[derive(Default)]
struct Scratch {
    bytes: Vec<u8>,
    floats: Vec<f32>,
}

impl Dataset {
    /// Reads the rows at these indices into `out`, one after the other, in single precision.
    ///
    /// With [`Options::skip_bad`](crate::Options::skip_bad), an image found unreadable only now is
    /// replaced by the next readable one with the same label. After the last image the search
    /// continues with the first. The file is then listed in [`skipped`](Self::skipped). The values
    /// therefore depend on the files alone.
    ///
    /// # Errors
    /// Returns an error if an index is out of range, or if `out` does not hold `rows.len()` ×
    /// [`width`](Self::width) numbers. Also returns an error if a file can no longer be read, or if
    /// an image is unreadable.
    ///
    /// # Examples
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("line", vec![0.0, 1.0, 2.0, 3.0], &[2])?;
    /// let mut out = [0.0; 4];
    /// data.read(&[1, 0], &mut out)?;
    /// assert_eq!(out, [2.0, 3.0, 0.0, 1.0]);
    /// assert!(data.read(&[2], &mut out).is_err());
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    pub fn read(&self, rows: &[usize], out: &mut [f32]) -> Result<()> {
        self.check(rows, out.len(), self.width)?;
        if self.chosen.is_plain() {
            return self.stored_narrow(rows, out);
        }
        let mut wide = vec![0.0; self.width];
        self.each_stored(rows, out, |stored, out| {
            self.chosen.apply(stored, &mut wide);
            out.iter_mut().zip(&wide).for_each(|(out, value)| *out = *value as f32);
        })
    }

    /// Reads the rows at these indices into `out`, one after the other, with the precision of the
    /// file.
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("line", vec![0.0, 1.0, 2.0, 3.0], &[2])?;
    /// let mut out = [0.0_f64; 2];
    /// data.read_wide(&[1], &mut out)?;
    /// assert_eq!(out, [2.0, 3.0]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    pub fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        self.check(rows, out.len(), self.width)?;
        match self.chosen.is_plain() {
            true => self.stored_wide(rows, out),
            false => self.each_stored(rows, out, |stored, out| self.chosen.apply(stored, out)),
        }
    }

    /// Returns true if single precision would round values that [`read_wide`](Self::read_wide)
    /// returns exactly.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("positive", vec![1.0, 2.0], &[1])?;
    /// assert!(!data.is_wide());
    /// assert!(data.with_logarithms(&["1".into()])?.is_wide());
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.chosen.logs.is_some() || matches!(&*self.store, Store::Numbers(rows) if rows.is_wide())
    }

    /// Returns all rows, one after the other, in single precision.
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("line", vec![0.0, 1.0, 2.0, 3.0], &[2])?;
    /// assert_eq!(data.values()?, [0.0, 1.0, 2.0, 3.0]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    pub fn values(&self) -> Result<Vec<f32>> {
        self.rows_of(&(0..self.rows).collect::<Vec<_>>())
    }

    /// Returns all rows, one after the other, with the precision of the file.
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("line", vec![0.5, 1.5], &[1])?;
    /// assert_eq!(data.values_wide()?, [0.5_f64, 1.5]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    pub fn values_wide(&self) -> Result<Vec<f64>> {
        let mut out = vec![0.0; self.rows * self.width];
        self.read_wide(&(0..self.rows).collect::<Vec<_>>(), &mut out)?;
        Ok(out)
    }

    /// Returns the row at index `row`, in single precision.
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("line", vec![0.0, 1.0, 2.0, 3.0], &[2])?;
    /// assert_eq!(data.row(1)?, [2.0, 3.0]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    pub fn row(&self, row: usize) -> Result<Vec<f32>> {
        self.rows_of(&[row])
    }

    /// Returns one row in double precision.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("line", vec![0.5, 1.0], &[1])?;
    /// assert_eq!(data.row_wide(0)?, [0.5]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the row cannot be read.
    pub fn row_wide(&self, row: usize) -> Result<Vec<f64>> {
        let mut out = vec![0.0; self.width()];
        self.read_wide(&[row], &mut out)?;
        Ok(out)
    }

    fn rows_of(&self, rows: &[usize]) -> Result<Vec<f32>> {
        let mut out = vec![0.0; rows.len() * self.width];
        self.read(rows, &mut out)?;
        Ok(out)
    }

    /// Reads rows as [`read`](Self::read) does, with random crops and flips.
    ///
    /// `out` holds samples of [`Augment::shape`], one after the other. The position of a crop and
    /// the flip are functions of the sample's id and `draw` alone (uniforms of
    /// [`langevin::noise`]). They do not depend on the order or the size of a batch.
    ///
    /// The crop is taken from the whole image. This also holds if
    /// [`Options::size`](crate::Options::size) makes [`read`](Self::read) return the centre of a
    /// larger image.
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
    /// Returns the errors of [`read`](Self::read). Also returns an error if the number of ids
    /// differs from that of the rows, if the rows are not images, or if the crop is larger than the
    /// images.
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
            // Without crop and flip this is a plain read.
            return self.read(rows, out);
        };
        let (size, depth) = ((height, across), shape.get(2).copied().unwrap_or(1));
        match &*self.store {
            Store::Pictures(pictures) if self.chosen.is_plain() => {
                self.each_picture(&**pictures, rows, width, out, |position, row, scratch, out| {
                    let extent = pictures.extent(row);
                    let place = augment.place(ids[position], draw, extent, size);
                    let window = if augment.crop.is_some() { place.window } else { Window::centre(extent, size) };
                    pictures.read(row, window, &mut scratch.bytes, out)?;
                    if place.flipped {
                        Augment::mirror(out, across, depth);
                    }
                    Ok(())
                })
            }
            _ => {
                let own = (self.shape[0], self.shape[1]);
                let place = |id: &SampleId| augment.place(*id, draw, own, size);
                match augment.crop {
                    None => self.read(rows, out)?,
                    Some(_) => self.cut(rows, ids.iter().map(|id| place(id).window), width, out)?,
                }
                for (_, out) in ids.iter().zip(out.chunks_exact_mut(width)).filter(|(id, _)| place(id).flipped) {
                    Augment::mirror(out, across, depth);
                }
                Ok(())
            }
        }
    }

    /// Fills `out` with a window of each row, `width` numbers each.
    fn cut(
        &self,
        rows: &[usize],
        mut windows: impl Iterator<Item = Window>,
        width: usize,
        out: &mut [f32],
    ) -> Result<()> {
        let (across, depth) = (self.shape[1], self.shape.get(2).copied().unwrap_or(1));
        let block = (PASSING / self.width).max(1);
        let mut whole = vec![0.0; rows.len().min(block) * self.width];
        for (rows, out) in rows.chunks(block).zip(out.chunks_mut(block * width)) {
            let whole = &mut whole[..rows.len() * self.width];
            self.read(rows, whole)?;
            for ((whole, out), window) in
                whole.chunks_exact(self.width).zip(out.chunks_exact_mut(width)).zip(&mut windows)
            {
                window.cut(whole, across, depth, out);
            }
        }
        Ok(())
    }

    /// Returns the indices of these rows in the store.
    fn places<'a>(&self, rows: &'a [usize]) -> Cow<'a, [usize]> {
        match &self.view {
            None => rows.into(),
            Some(view) => rows.iter().map(|row| view[*row]).collect::<Vec<_>>().into(),
        }
    }

    /// Reads stored rows, or the centres of images, in single precision.
    fn stored_narrow(&self, rows: &[usize], out: &mut [f32]) -> Result<()> {
        match &*self.store {
            Store::Numbers(numbers) => numbers.read(&self.places(rows), out),
            Store::Pictures(pictures) => {
                self.each_picture(&**pictures, rows, self.chosen.stored, out, |_, row, scratch, out| {
                    pictures.read(row, self.middle(&**pictures, row), &mut scratch.bytes, out)
                })
            }
        }
    }

    /// Reads stored rows, or the centres of images, exactly.
    fn stored_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        match &*self.store {
            Store::Numbers(numbers) => numbers.read_wide(&self.places(rows), out),
            // Pixels are integers, which both types represent exactly.
            Store::Pictures(pictures) => {
                self.each_picture(&**pictures, rows, self.chosen.stored, out, |_, row, scratch, out| {
                    let Scratch { bytes, floats } = scratch;
                    floats.resize(out.len(), 0.0);
                    pictures.read(row, self.middle(&**pictures, row), bytes, floats)?;
                    out.iter_mut().zip(floats).for_each(|(out, value)| *out = f64::from(*value));
                    Ok(())
                })
            }
        }
    }

    /// Returns the part of an image that becomes a row.
    fn middle(&self, pictures: &dyn Pictures, row: usize) -> Window {
        // The frame keeps the shape of the file after the rows were transformed.
        let size = (self.frame.shape[0], self.frame.shape[1]);
        Window::centre(pictures.extent(row), size)
    }

    /// Fills `out` row by row with the result of `put` for each stored row.
    fn each_stored<T>(&self, rows: &[usize], out: &mut [T], mut put: impl FnMut(&[f64], &mut [T])) -> Result<()> {
        let stored = self.chosen.stored;
        let block = (PASSING / stored).max(1);
        let mut from = vec![0.0; rows.len().min(block) * stored];
        for (rows, out) in rows.chunks(block).zip(out.chunks_mut(block * self.width)) {
            let from = &mut from[..rows.len() * stored];
            self.stored_wide(rows, from)?;
            from.chunks_exact(stored).zip(out.chunks_exact_mut(self.width)).for_each(|(from, out)| put(from, out));
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

    /// Fills `out` image by image with the result of `read`.
    ///
    /// `read` receives the position of the row and its index in the store.
    fn each_picture<T: Send>(
        &self,
        pictures: &dyn Pictures,
        rows: &[usize],
        width: usize,
        out: &mut [T],
        read: impl Fn(usize, usize, &mut Scratch, &mut [T]) -> Result<()> + Sync,
    ) -> Result<()> {
        let Some(files) = pictures.undecoded() else {
            let mut scratch = Scratch::default();
            return rows
                .iter()
                .zip(out.chunks_exact_mut(width))
                .enumerate()
                .try_for_each(|(position, (row, out))| read(position, self.stored(*row), &mut scratch, out));
        };
        // Decoding is slow, so it runs in parallel; the thread does not affect the result. The
        // first error in the order of the rows is returned.
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

    /// Passes all rows to `see` in their order, in blocks, until it returns false.
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

impl Chosen {
    /// Returns true if rows of the model equal rows of the store.
    fn is_plain(&self) -> bool {
        self.places.is_none() && self.logs.is_none()
    }

    /// Converts a row of the store to a row of the model.
    fn apply(&self, stored: &[f64], out: &mut [f64]) {
        match &self.places {
            None => out.copy_from_slice(stored),
            Some(places) => out.iter_mut().zip(&**places).for_each(|(out, place)| *out = stored[*place]),
        }
        if let Some(logs) = &self.logs {
            out.iter_mut().zip(&**logs).filter(|(_, logged)| **logged).for_each(|(out, _)| *out = out.ln());
        }
    }
}
