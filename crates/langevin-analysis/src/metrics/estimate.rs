//! A mean, and how well it is known.

/// The mean of several numbers, and its standard error.
///
/// ```
/// use langevin_analysis::metrics::Estimate;
/// let found = Estimate::of(&[1.0, 2.0, 3.0]);
/// // Variance 1, over three.
/// assert_eq!((found.mean, found.standard_error), (2.0, Some((1.0f64 / 3.0).sqrt())));
/// assert_eq!(Estimate::of(&[1.0]).standard_error, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// √(Σ(x − mean)²/(n − 1)/n); one number alone has none.
    pub standard_error: Option<f64>,
}

impl Estimate {
    /// Of these.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0) / n;
        Self { mean, standard_error: (values.len() > 1).then(|| square.sqrt()) }
    }

    /// Whether it is below another by more than twice the standard error of the difference; without standard errors nothing is.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        match (self.standard_error, other.standard_error) {
            (Some(own), Some(theirs)) => other.mean - self.mean > 2.0 * own.hypot(theirs),
            _ => false,
        }
    }
}
