//! A mean with its standard error.

/// A mean of several numbers with its standard error.
///
/// # Examples
/// ```
/// use langevin_analysis::metrics::Estimate;
/// let found = Estimate::of(&[1.0, 2.0, 3.0]);
/// // The variance is 1, and there are three numbers.
/// assert_eq!((found.mean, found.standard_error), (2.0, Some((1.0f64 / 3.0).sqrt())));
/// assert_eq!(Estimate::of(&[1.0]).standard_error, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The standard error √(Σ(x − mean)²/(n − 1)/n), or `None` for a single number.
    pub standard_error: Option<f64>,
}

impl Estimate {
    /// Computes the mean and the standard error of `values`.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::metrics::Estimate;
    /// assert_eq!(Estimate::of(&[2.0, 4.0]).mean, 3.0);
    /// assert_eq!(Estimate::of(&[2.0, 4.0]).standard_error, Some(1.0));
    /// ```
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0) / n;
        Self { mean, standard_error: (values.len() > 1).then(|| square.sqrt()) }
    }

    /// Returns `true` if this mean is below `other` by more than twice the standard error of the
    /// difference.
    ///
    /// Returns `false` if either standard error is unknown.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::metrics::Estimate;
    /// let (low, high) = (Estimate::of(&[0.9, 1.0, 1.1]), Estimate::of(&[1.9, 2.0, 2.1]));
    /// assert!(low.is_below(&high) && !high.is_below(&low));
    /// assert!(!Estimate::of(&[0.0]).is_below(&high), "one number has no standard error");
    /// ```
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        match (self.standard_error, other.standard_error) {
            (Some(own), Some(theirs)) => other.mean - self.mean > 2.0 * own.hypot(theirs),
            _ => false,
        }
    }
}
