//! Checks made before the work, and before its result is written.

use crate::error::{Failure, Result};
use crate::io::npy::Width;
use crate::words::shown;
use langevin_tasks::limits::MOST_BYTES;
pub use langevin_tasks::limits::{available, memory};
use langevin_tasks::memory as machine;
use std::path::Path;

/// Refuses an output file that is also the input. `out_flag` names the output, `flag` the input.
pub fn two_files(out_flag: &str, out: &Path, flag: &str, input: &Path) -> Result<()> {
    match (out.canonicalize(), input.canonicalize()) {
        (Ok(one), Ok(other)) if one == other => Err(Failure::misused("the output would replace what it is made from")
            .at(format!("{out_flag}, {flag}"))
            .expected("two files")
            .got(format!("'{}' for both", shown(out)))
            .hint(format!("give {out_flag} another name"))),
        _ => Ok(()),
    }
}

/// Refuses samples that are not finite, or not finite in the output precision.
pub fn finite(samples: &[f64], width: usize, dtype: Width) -> Result<()> {
    finite_from(0, samples, width, dtype)
}

/// Checks samples like [`finite`]; `first` is the index of the first sample.
pub fn finite_from(first: usize, samples: &[f64], width: usize, dtype: Width) -> Result<()> {
    let kept = |value: f64| match dtype {
        Width::F32 => (value as f32).is_finite(),
        Width::F64 => value.is_finite(),
    };
    let Some(position) = samples.iter().position(|value| !kept(*value)) else {
        return Ok(());
    };
    let (value, width) = (samples[position], width.max(1));
    let place = format!("sample {}, element {}", first + position / width, position % width);
    Err(if value.is_finite() {
        Failure::failed("the samples are too large for float32")
            .at(place)
            .expected(format!("at most {:e}", f32::MAX))
            .got(format!("{value:e}"))
            .hint("write them with --dtype f64")
    } else {
        Failure::failed("the samples are not finite")
            .at(place)
            .expected("finite numbers")
            .got(value.to_string())
            .hint("lower --sigma-max, or train the model anew: it may have diverged")
    })
}

/// Refuses a file of samples that does not fit on the disk: `count` samples of `width` numbers,
/// each of at least `bytes` bytes. The check is made before anything is written.
pub fn disk(out: &Path, count: usize, width: usize, bytes: u64) -> Result<()> {
    let most = machine::free_on_disk(out).unwrap_or(MOST_BYTES);
    let needed = (count as u64).checked_mul(width as u64).and_then(|numbers| numbers.checked_mul(bytes));
    if needed.is_some_and(|needed| needed <= most) {
        return Ok(());
    }
    let numbers = if width == 1 { "1 number".to_owned() } else { format!("{width} numbers") };
    Err(Failure::misused("the samples do not fit on the disk")
        .at("-n")
        .expected(format!("at most {} samples of {numbers}", most / bytes / (width as u64).max(1)))
        .got(count.to_string())
        .hint("draw fewer, or write them elsewhere"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_that_are_no_numbers_are_named() {
        let text = |samples: &[f64], dtype| finite(samples, 2, dtype).unwrap_err().text();
        assert!(
            text(&[1.0, 2.0, 3.0, f64::NAN], Width::F64).starts_with(
                "the samples are not finite (sample 1, element 1): expected finite numbers, got NaN\nhint"
            )
        );
        assert!(text(&[f64::INFINITY], Width::F32).contains("(sample 0, element 0): expected finite numbers, got inf"));
        assert!(text(&[0.0, 1e300], Width::F32).starts_with("the samples are too large for float32"));
        finite(&[0.0, 1e300], 2, Width::F64).unwrap();
        finite(&[], 0, Width::F64).unwrap();
    }
}
