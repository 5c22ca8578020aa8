//! The operations that adaptive steps and likelihoods need of a space beside [`Space`]: figures of
//! each row, and batches that rows can leave.

use super::{Space, Tolerance};
use crate::error::{Error, Result};
use crate::kernel::Element;

/// A space that measures the error of adaptive steps.
///
/// [`Adaptive`](crate::adaptive::Adaptive) needs it; fixed plans do not.
///
/// # Examples
///
/// ```
/// use langevin::SliceSpace;
/// use langevin::space::{ErrorNorms, Tolerance};
/// let space = SliceSpace::<f64>::new(2);
/// let (low, high) = (vec![1.0, 1.0], vec![1.1, 0.9]);
/// let tolerance = Tolerance { absolute: 0.0, relative: 0.1 };
/// let norms = space.error_norms(&low, &high, &low, tolerance)?;
/// assert!((norms[0] - 1.0).abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait ErrorNorms: Space {
    /// Returns the scaled distance between two estimates of a step, one number for each row.
    ///
    /// The distance is the root mean square over the row of (low − high)/max(`absolute`,
    /// `relative`·max(|low|, |previous|)).
    ///
    /// # Errors
    /// Returns an error if the shapes do not fit or the device fails.
    fn error_norms(
        &self,
        low: &Self::State,
        high: &Self::State,
        previous: &Self::State,
        tolerance: Tolerance,
    ) -> Result<Vec<f64>>;
}

/// A space that moves numbers in and out, computes figures of each row, and takes rows out of a
/// batch.
///
/// Likelihoods and diagnosis need it; fixed plans do not. Three methods are required. The others
/// have default implementations on top of [`download`](Self::download) and
/// [`upload`](Self::upload); a space on a device overrides them, so that states stay on the device.
///
/// # Examples
///
/// ```
/// use langevin::SliceSpace;
/// use langevin::space::RowWise;
/// let space = SliceSpace::<f32>::new(2);
/// let x = space.upload(&[1.0, 2.0, 3.0, 4.0])?;
/// assert_eq!(space.dots(&x, &x)?, [5.0, 25.0]);
/// assert_eq!(space.take_rows(&x, &[1])?, [3.0, 4.0]);
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait RowWise: Space {
    /// Returns the number of elements in a row.
    fn width(&self) -> usize;

    /// Builds a state from `rows × width` numbers, row after row.
    ///
    /// # Errors
    /// Returns an error if the numbers are not whole rows or the device fails.
    fn upload(&self, values: &[f64]) -> Result<Self::State>;

    /// Returns the numbers of a state, row after row.
    ///
    /// # Errors
    /// Returns an error if the device fails.
    fn download(&self, state: &Self::State) -> Result<Vec<f64>>;

    /// Returns the dot product of each row of `a` with the same row of `b`, summed in double
    /// precision.
    ///
    /// # Errors
    /// Returns an error if the shapes do not fit or the device fails.
    fn dots(&self, a: &Self::State, b: &Self::State) -> Result<Vec<f64>> {
        dots(self.width(), &self.download(a)?, &self.download(b)?)
    }

    /// Returns, for each row, the root mean square of error/(`floor` + max(|before|, |after|)),
    /// with the floor of that row.
    ///
    /// # Errors
    /// Returns an error if the shapes do not fit or the device fails.
    fn relative_norms(
        &self,
        error: &Self::State,
        before: &Self::State,
        after: &Self::State,
        floor: &[f64],
    ) -> Result<Vec<f64>> {
        let [error, before, after] = [error, before, after].map(|state| self.download(state));
        relative_norms(self.width(), &error?, &before?, &after?, floor)
    }

    /// Returns the batch of these rows of `state`, in this order.
    ///
    /// # Errors
    /// Returns an error if a row does not exist or the device fails.
    fn take_rows(&self, state: &Self::State, rows: &[usize]) -> Result<Self::State> {
        self.upload(&take_rows(self.width(), &self.download(state)?, rows)?)
    }

    /// Copies rows of `from` into `into`: for each pair, row `pair[0]` of `from` becomes row
    /// `pair[1]` of the result.
    ///
    /// # Errors
    /// Returns an error if a row does not exist or the device fails.
    fn put_rows(&self, into: Self::State, from: &Self::State, rows: &[[usize; 2]]) -> Result<Self::State> {
        let mut values = self.download(&into)?;
        put_rows(self.width(), &mut values, &self.download(from)?, rows)?;
        self.recycle(into);
        self.upload(&values)
    }
}

impl<Sp: ErrorNorms + ?Sized> ErrorNorms for &Sp {
    fn error_norms(
        &self,
        low: &Self::State,
        high: &Self::State,
        previous: &Self::State,
        tolerance: Tolerance,
    ) -> Result<Vec<f64>> {
        (**self).error_norms(low, high, previous, tolerance)
    }
}

impl<Sp: RowWise + ?Sized> RowWise for &Sp {
    fn width(&self) -> usize {
        (**self).width()
    }

    fn upload(&self, values: &[f64]) -> Result<Self::State> {
        (**self).upload(values)
    }

    fn download(&self, state: &Self::State) -> Result<Vec<f64>> {
        (**self).download(state)
    }

    fn dots(&self, a: &Self::State, b: &Self::State) -> Result<Vec<f64>> {
        (**self).dots(a, b)
    }

    fn relative_norms(
        &self,
        error: &Self::State,
        before: &Self::State,
        after: &Self::State,
        floor: &[f64],
    ) -> Result<Vec<f64>> {
        (**self).relative_norms(error, before, after, floor)
    }

    fn take_rows(&self, state: &Self::State, rows: &[usize]) -> Result<Self::State> {
        (**self).take_rows(state, rows)
    }

    fn put_rows(&self, into: Self::State, from: &Self::State, rows: &[[usize; 2]]) -> Result<Self::State> {
        (**self).put_rows(into, from, rows)
    }
}

/// Checks that `len` numbers are whole rows.
pub(super) fn check_rows(len: usize, width: usize) -> Result<()> {
    if width > 0 && len.is_multiple_of(width) {
        return Ok(());
    }
    Err(Error::shape("the numbers are not whole rows").expected(format!("a multiple of {width}")).got(len.to_string()))
}

/// Checks that states are whole rows of one size.
fn check_same(width: usize, len: usize, others: &[usize]) -> Result<()> {
    check_rows(len, width)?;
    match others.iter().find(|other| **other != len) {
        Some(other) => {
            Err(Error::shape("two states differ in size").expected(format!("{len} elements")).got(other.to_string()))
        }
        None => Ok(()),
    }
}

/// Computes [`RowWise::dots`] on slices.
pub(super) fn dots<T: Element>(width: usize, a: &[T], b: &[T]) -> Result<Vec<f64>> {
    check_same(width, a.len(), &[b.len()])?;
    let dot = |(a, b): (&[T], &[T])| a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum();
    Ok(a.chunks_exact(width).zip(b.chunks_exact(width)).map(dot).collect())
}

/// Computes [`RowWise::relative_norms`] on slices.
pub(super) fn relative_norms<T: Element>(
    width: usize,
    error: &[T],
    before: &[T],
    after: &[T],
    floor: &[f64],
) -> Result<Vec<f64>> {
    check_same(width, error.len(), &[before.len(), after.len(), floor.len().saturating_mul(width)])?;
    let norm = |(row, floor): (usize, &f64)| {
        let span = row * width..(row + 1) * width;
        let states = error[span.clone()].iter().zip(&before[span.clone()]).zip(&after[span]);
        let size = |((e, b), a): ((&T, &T), &T)| {
            let part = e.to_f64() / (floor + b.to_f64().abs().max(a.to_f64().abs()));
            part * part
        };
        (states.map(size).sum::<f64>() / width as f64).sqrt()
    };
    Ok(floor.iter().enumerate().map(norm).collect())
}

/// Computes [`RowWise::take_rows`] on slices.
pub(super) fn take_rows<T: Element>(width: usize, state: &[T], rows: &[usize]) -> Result<Vec<T>> {
    let mut out = Vec::with_capacity(rows.len() * width);
    for row in rows {
        out.extend_from_slice(state.get(span(*row, width)).ok_or_else(|| no_row(*row))?);
    }
    Ok(out)
}

/// Computes [`RowWise::put_rows`] on slices.
pub(super) fn put_rows<T: Element>(width: usize, into: &mut [T], from: &[T], rows: &[[usize; 2]]) -> Result<()> {
    for [source, target] in rows {
        let source = from.get(span(*source, width)).ok_or_else(|| no_row(*source))?;
        into.get_mut(span(*target, width)).ok_or_else(|| no_row(*target))?.copy_from_slice(source);
    }
    Ok(())
}

/// Returns the elements of a row.
fn span(row: usize, width: usize) -> std::ops::Range<usize> {
    row * width..(row + 1) * width
}

/// Returns the error of a row that does not exist.
fn no_row(row: usize) -> Error {
    Error::shape("the state has no such row").got(row.to_string())
}
