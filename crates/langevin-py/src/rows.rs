//! Rows of arrays and their sample indices.

use crate::errors::misfit;
use langevin::SampleId;
use numpy::{PyArrayDyn, PyArrayMethods as _, PyReadonlyArrayDyn, PyUntypedArrayMethods as _};
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

/// Returns the rows of an array of shape (…, `dim`) and their count.
pub fn rows<'py>(x: &Bound<'py, PyAny>, dim: usize) -> PyResult<(PyReadonlyArrayDyn<'py, f64>, usize)> {
    let numpy = x.py().import("numpy")?;
    let array = numpy.call_method1("ascontiguousarray", (x, "float64"))?.cast_into::<PyArrayDyn<f64>>()?;
    if array.ndim() == 0 || array.shape()[array.ndim() - 1] != dim {
        return Err(misfit(
            "the points have the wrong shape",
            format!("(…, {dim})"),
            format!("{:?}", array.shape()),
            "",
        ));
    }
    let count = array.len() / dim.max(1);
    Ok((array.try_readonly()?, count))
}

/// Returns an empty vector with space for `count` values.
///
/// Raises Python's `MemoryError` if there is not enough memory; a plain allocation would abort the
/// process.
pub fn reserved<T>(count: usize) -> PyResult<Vec<T>> {
    let mut room = Vec::new();
    room.try_reserve_exact(count)
        .map_err(|_| PyMemoryError::new_err(format!("there is no memory for {count} samples")))?;
    Ok(room)
}

/// Returns the ids of `count` samples of a seed, from index `first` on.
pub fn ids(seed: u64, first: u64, count: usize) -> PyResult<Vec<SampleId>> {
    let Some(end) = first.checked_add(count as u64) else {
        return Err(misfit("too many samples", "a count that can be held", count.to_string(), ""));
    };
    let mut ids = reserved(count)?;
    ids.extend((first..end).map(|index| SampleId { seed, index }));
    Ok(ids)
}

/// Returns the number of rows of a batch shape, or an error if a batch cannot have this shape.
pub fn batch(shape: &[usize]) -> PyResult<usize> {
    let Some(&count) = shape.first() else {
        return Err(misfit("bad shape", "rows first, as (rows, …)", "()", "a single number is shape (1, 1)"));
    };
    let whole = shape.iter().try_fold(8usize, |all, axis| all.checked_mul(*axis)).filter(|bytes| *bytes < 1 << 46);
    if whole.is_none() {
        return Err(misfit("the batch does not fit in memory", "a shape that can be held", format!("{shape:?}"), ""));
    }
    Ok(count)
}
