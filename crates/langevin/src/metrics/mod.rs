//! Distances between samples.

/// The `ratio` quantile of sorted values, linear between them.
pub(crate) fn quantile_sorted(sorted: &[f64], ratio: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = ratio * last as f64;
    let low = (place.floor() as usize).min(last);
    let high = (low + 1).min(last);
    sorted[low] + (place - low as f64) * (sorted[high] - sorted[low])
}
