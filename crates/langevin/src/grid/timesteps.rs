//! The timestep spacings of DDIM on a table of T entries, with the rounding of diffusers. Source:
//! Lin et al., arXiv 2305.08891, table 2.

use super::Timesteps;
use crate::error::{Error, Result};

/// Returns n indices, noisiest first.
///
/// Rounding is to the nearest integer, halves to even. Sums are computed as numpy does, so that the
/// same halves occur.
pub(super) fn indices(spacing: Timesteps, n: usize, entries: usize) -> Result<Vec<usize>> {
    if n > entries {
        return Err(Error::argument("more noise levels than the table has entries")
            .expected(format!("at most {entries}"))
            .got(n.to_string())
            .hinting("take fewer steps, or a grid between the entries such as uniform-lambda"));
    }
    let round = |value: f64| value.round_ties_even() as usize;
    match spacing {
        Timesteps::Linspace => {
            let last = entries - 1;
            let step = last as f64 / (n.max(2) - 1) as f64;
            // One step starts from noise; numpy's linspace would give the cleanest entry.
            Ok((0..n).rev().map(|i| if i + 1 == n { last } else { round(i as f64 * step) }).collect())
        }
        Timesteps::Leading { offset } => {
            check_leading(n)?;
            let stride = entries / n;
            // The comparison is written so that a large offset from outside cannot overflow.
            if offset > entries - 1 - (n - 1) * stride {
                return Err(Error::argument("the offset leads beyond the table")
                    .at(format!("leading:{offset}"))
                    .expected(format!("at most {} for {n} noise levels", entries - 1 - (n - 1) * stride))
                    .got(offset.to_string()));
            }
            Ok((0..n).rev().map(|i| i * stride + offset).collect())
        }
        Timesteps::Trailing => {
            let start = entries as f64;
            let second = start - start / n as f64;
            let step = second - start;
            let value = |k: usize| match k {
                0 => start,
                1 => second,
                k => start + k as f64 * step,
            };
            Ok((0..n).map(|k| round(value(k)) - 1).collect())
        }
    }
}

/// Returns an error for one leading step, which would start at the clean end.
pub(super) fn check_leading(n: usize) -> Result<()> {
    if n > 1 {
        return Ok(());
    }
    Err(Error::argument("one leading step would start next to clean data")
        .at("grid 'leading'")
        .expected("2 noise levels or more")
        .got(n.to_string())
        .hinting("use trailing"))
}
