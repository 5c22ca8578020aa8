//! Gaussian data, described by the eigenvalues of their covariance.

use crate::exact::{Gaussian, principal_axes};
use crate::rows::{centred, check_rows, covariance, mirror};
use langevin::error::{Error, Result};
use langevin::math::pow;

/// The largest number of eigenvalues in a list, and of dimensions in a formula.
const MAX_EIGENVALUES: usize = 1_000_000;

/// The largest side of a matrix whose eigenvalues are computed here.
const MAX_SIDE: usize = 4096;

/// The largest total number of dimensions: counts up to it are exact in `f64`.
const MAX_DIMENSION: u64 = 1 << 53;

/// One distinct eigenvalue of the covariance.
///
/// # Examples
/// ```
/// use langevin_analysis::Spectrum;
/// let data = Spectrum::from_axes(&[(2.0, 1.0), (2.0, 3.0)])?;
/// let one = data.eigenvalues()[0];
/// assert_eq!((one.value, one.count, one.mean_square), (2.0, 2, 10.0));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Eigenvalue {
    /// The variance along these axes, c ≥ 0.
    pub value: f64,
    /// The number of axes with this eigenvalue.
    pub count: u64,
    /// The squared length of the data's mean along these axes, $\sum m_k^2$.
    ///
    /// The individual means do not matter, because everything is linear in m.
    pub mean_square: f64,
}

/// Gaussian data $\mathcal N(m, C)$ in the axes of C: its eigenvalues, largest first, and the mean
/// along them.
///
/// Equal eigenvalues are stored once with their count, and are analysed once.
///
/// # Examples
/// ```
/// use langevin_analysis::Spectrum;
/// let data = Spectrum::from_eigenvalues(&[0.5, 2.0, 0.5])?;
/// assert_eq!(data.dimension(), 3);
/// let distinct: Vec<_> = data.eigenvalues().iter().map(|c| (c.value, c.count)).collect();
/// assert_eq!(distinct, [(2.0, 1), (0.5, 2)]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    eigenvalues: Vec<Eigenvalue>,
}

impl Spectrum {
    /// Sorts the eigenvalues and merges equal ones. The numbers are already checked.
    fn new(mut eigenvalues: Vec<Eigenvalue>) -> Self {
        eigenvalues.sort_by(|a, b| b.value.total_cmp(&a.value));
        eigenvalues.dedup_by(|next, kept| {
            let same = next.value == kept.value;
            if same {
                kept.count += next.count;
                kept.mean_square += next.mean_square;
            }
            same
        });
        Self { eigenvalues }
    }

    /// Creates a spectrum of data with mean 0 from its eigenvalues, in any order.
    ///
    /// # Errors
    /// Returns an error if there are no eigenvalues or more than 10⁶, or if an eigenvalue is
    /// negative or not finite.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::Spectrum;
    /// assert_eq!(Spectrum::from_eigenvalues(&[1.0, 4.0])?.eigenvalues()[0].value, 4.0);
    /// assert!(Spectrum::from_eigenvalues(&[-1.0]).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn from_eigenvalues(values: &[f64]) -> Result<Self> {
        check_length(values.len())?;
        let axes = values.iter().enumerate().map(|(index, value)| eigenvalue(index, *value, 1, 0.0));
        Ok(Self::new(axes.collect::<Result<_>>()?))
    }

    /// Creates a spectrum of data with mean 0 from pairs (eigenvalue, number of axes).
    ///
    /// # Errors
    /// Returns an error under the conditions of [`from_eigenvalues`](Self::from_eigenvalues), if a
    /// count is 0, or if there are more than 2⁵³ axes in total.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::Spectrum;
    /// let counted = Spectrum::from_counts(&[(0.5, 2), (2.0, 1)])?;
    /// assert_eq!(counted, Spectrum::from_eigenvalues(&[0.5, 0.5, 2.0])?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn from_counts(values: &[(f64, u64)]) -> Result<Self> {
        check_length(values.len())?;
        check_counts(values.iter().map(|value| value.1))?;
        let axes = values.iter().enumerate().map(|(index, (value, count))| eigenvalue(index, *value, *count, 0.0));
        Ok(Self::new(axes.collect::<Result<_>>()?))
    }

    /// Creates a spectrum from triples (eigenvalue, number of axes, squared length of the mean
    /// along them).
    ///
    /// These are the fields of [`eigenvalues`](Self::eigenvalues), so a spectrum can be saved and
    /// restored.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`from_counts`](Self::from_counts), or if a squared
    /// length is negative or not finite.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::Spectrum;
    /// let data = Spectrum::from_axes(&[(2.0, 1.0), (0.5, 3.0), (0.5, 4.0)])?;
    /// assert_eq!(Spectrum::from_eigenspaces(&[(2.0, 1, 1.0), (0.5, 2, 25.0)])?, data);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn from_eigenspaces(spaces: &[(f64, u64, f64)]) -> Result<Self> {
        check_length(spaces.len())?;
        check_counts(spaces.iter().map(|space| space.1))?;
        let axes = spaces.iter().enumerate().map(|(index, (value, count, mean_square))| {
            if !(mean_square.is_finite() && *mean_square >= 0.0) {
                return Err(Error::argument("a squared length of a mean cannot be this")
                    .at(format!("eigenvalue {index}"))
                    .expected("a finite number ≥ 0")
                    .got(mean_square.to_string()));
            }
            Ok(Eigenvalue { mean_square: mean_square + 0.0, ..eigenvalue(index, *value, *count, 0.0)? })
        });
        Ok(Self::new(axes.collect::<Result<_>>()?))
    }

    /// Creates a spectrum from pairs (eigenvalue, mean along its axis).
    ///
    /// # Errors
    /// Returns an error under the conditions of [`from_eigenvalues`](Self::from_eigenvalues), or if
    /// a mean is not finite.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::Spectrum;
    /// let data = Spectrum::from_axes(&[(1.0, 3.0)])?;
    /// assert_eq!(data.eigenvalues()[0].mean_square, 9.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn from_axes(axes: &[(f64, f64)]) -> Result<Self> {
        check_length(axes.len())?;
        let axes = axes.iter().enumerate().map(|(index, (value, mean))| eigenvalue(index, *value, 1, *mean));
        Ok(Self::new(axes.collect::<Result<_>>()?))
    }

    /// Creates a power-law spectrum $c_k \propto k^{-P}$ for k = 1 … D, with mean variance 1 and
    /// mean 0.
    ///
    /// Such data have few strong and many weak directions. The power of natural images falls with
    /// the square of the frequency f, and k ∝ f² axes lie below f, so their exponent is P ≈ 1.
    ///
    /// # Errors
    /// Returns an error if the exponent is negative, not finite, or so steep that the last
    /// eigenvalue is 0 in `f64`. It also returns an error if the dimension is not in 1..=10⁶.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::Spectrum;
    /// let data = Spectrum::power_law(1.0, 2)?;
    /// let values: Vec<_> = data.eigenvalues().iter().map(|c| c.value).collect();
    /// assert_eq!(values, [4.0 / 3.0, 2.0 / 3.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn power_law(exponent: f64, dimension: usize) -> Result<Self> {
        check_length(dimension)?;
        let raw = |k: usize| pow(k as f64, -exponent);
        if !(exponent >= 0.0 && exponent.is_finite() && raw(dimension) >= f64::MIN_POSITIVE) {
            return Err(Error::argument("bad exponent of a power law")
                .expected("a finite number ≥ 0, small enough for D^−P to be a number")
                .got(exponent.to_string()));
        }
        let raw: Vec<f64> = (1..=dimension).map(raw).collect();
        // Summed from the smallest value up, to keep rounding small.
        let mean = raw.iter().rev().sum::<f64>() / dimension as f64;
        Ok(Self::new(raw.into_iter().map(|c| Eigenvalue { value: c / mean, count: 1, mean_square: 0.0 }).collect()))
    }

    /// Parses `power:P:d=D`, a [power law](Self::power_law) such as `power:2:d=3072`.
    ///
    /// # Errors
    /// Returns an error if the name is unknown, with the nearest known name as a hint, or if P or D
    /// is not a valid number.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::Spectrum;
    /// assert_eq!(Spectrum::parse("power:2:d=64")?, Spectrum::power_law(2.0, 64)?);
    /// assert!(Spectrum::parse("powr:2:d=64").unwrap_err().is_unknown_name());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = text.split(':').map(str::trim);
        let name = parts.next().unwrap_or("");
        if name != "power" {
            return Err(Error::unknown("spectrum", name, &["power"]));
        }
        let wrong = || {
            Error::argument("bad spectrum")
                .at("power")
                .expected("power:P:d=D, as in power:2:d=3072")
                .got(format!("'{text}'"))
        };
        let (Some(exponent), Some(dimension), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let dimension = dimension.strip_prefix("d=").ok_or_else(wrong)?;
        Self::power_law(exponent.parse().map_err(|_| wrong())?, dimension.parse().map_err(|_| wrong())?)
    }

    /// Computes the spectrum of data with this mean (`dim` numbers) and covariance (`dim × dim`,
    /// row after row).
    ///
    /// An eigenvalue below n·2⁻⁵² of the largest one, for an n × n matrix, is rounding and is set
    /// to 0.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`Gaussian::new`], or if there are more than 4,096
    /// dimensions.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::Spectrum;
    /// let data = Spectrum::from_covariance(vec![0.0, 0.0], &[2.0, 1.0, 1.0, 2.0])?;
    /// assert!((data.eigenvalues()[0].value - 3.0).abs() < 1e-14);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn from_covariance(mean: Vec<f64>, covariance: &[f64]) -> Result<Self> {
        check_side(mean.len())?;
        let data = Gaussian::new(mean, covariance)?;
        let along = |axis: &[f64]| axis.iter().zip(data.mean()).map(|(v, m)| v * m).sum::<f64>();
        let floor = rounding(data.eigenvalues());
        let axes = data.eigenvalues().iter().enumerate().map(|(j, value)| Eigenvalue {
            value: if *value > floor { *value } else { 0.0 },
            count: 1,
            mean_square: data.axis(j).map_or(0.0, along).powi(2),
        });
        Ok(Self::new(axes.collect()))
    }

    /// Computes the spectrum of the Gaussian with the mean and the covariance of these rows.
    ///
    /// `rows` holds rows of `width` numbers. The covariance is the mean square deviation with
    /// divisor n.
    ///
    /// With fewer rows than dimensions, some directions have no variance. They become the
    /// eigenvalue 0 with a count of at least `width` − rows + 1. The KL divergence of such data
    /// from any model with variance in these directions is infinite. The eigenvalues are then
    /// computed from the matrix of inner products, rows × rows, which is smaller.
    ///
    /// An eigenvalue below n·2⁻⁵² of the largest one, for an n × n matrix, is rounding and is set
    /// to 0. The cost grows with the cube of the smaller side and reaches minutes at 4,096.
    ///
    /// # Errors
    /// Returns an error if there are no rows, if rows are not whole, if a number is not finite, or
    /// if both the number of rows and `width` exceed 4,096.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::Spectrum;
    /// // Two rows in three dimensions: a segment of half length √3, and two flat directions.
    /// let data = Spectrum::from_data(&[0.0, 0.0, 0.0, 2.0, 2.0, 2.0], 3)?;
    /// let [long, flat] = data.eigenvalues() else { panic!() };
    /// assert!((long.value - 3.0).abs() < 1e-14 && (long.mean_square - 3.0).abs() < 1e-14);
    /// assert_eq!((flat.value, flat.count), (0.0, 2));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn from_data(rows: &[f64], width: usize) -> Result<Self> {
        check_rows(rows, width)?;
        let count = rows.len() / width;
        check_side(count.min(width))?;
        let share = 1.0 / count as f64;
        let (mean, centred) = centred(rows, width);
        // The smaller of XᵀX/n and XXᵀ/n is decomposed. Their eigenvalues differ only in zeros.
        let narrow = count < width;
        let side = count.min(width);
        let mut matrix;
        if narrow {
            matrix = vec![0.0; side * side];
            for (i, a) in centred.chunks_exact(width).enumerate() {
                for (j, b) in centred.chunks_exact(width).enumerate().take(i + 1) {
                    matrix[i * side + j] = share * dot(a, b);
                }
            }
            mirror(&mut matrix, side);
        } else {
            matrix = covariance(&centred, width);
        }
        if let Some(bad) = matrix.iter().find(|c| !c.is_finite()) {
            return Err(Error::argument("the covariance of the data is beyond f64").got(bad.to_string()));
        }
        let (values, axes) = principal_axes(side, &matrix)?;
        let floor = rounding(&values);
        // An eigenvector w of XXᵀ/n maps to an axis of the data, Xᵀw, of length √(n c). The mean
        // along that axis is (X m)·w/√(n c).
        let seen: Vec<f64> =
            if narrow { centred.chunks_exact(width).map(|row| dot(row, &mean)).collect() } else { mean.clone() };
        let mut flat = dot(&mean, &mean);
        let mut kept = Vec::new();
        for (value, axis) in values.iter().zip(axes.chunks_exact(side)).filter(|(value, _)| **value > floor) {
            let along = dot(axis, &seen).powi(2);
            let mean_square = if narrow { along / (count as f64 * value) } else { along };
            flat -= mean_square;
            kept.push(Eigenvalue { value: *value, count: 1, mean_square });
        }
        // The rest of the mean lies in the directions without variance.
        if kept.len() < width {
            kept.push(Eigenvalue { value: 0.0, count: (width - kept.len()) as u64, mean_square: flat.max(0.0) });
        }
        Ok(Self::new(kept))
    }

    /// Returns the distinct eigenvalues, largest first.
    #[must_use]
    pub fn eigenvalues(&self) -> &[Eigenvalue] {
        &self.eigenvalues
    }

    /// Returns the number of dimensions, the sum of all counts.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(langevin_analysis::Spectrum::from_counts(&[(0.5, 2), (2.0, 1)])?.dimension(), 3);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn dimension(&self) -> u64 {
        self.eigenvalues.iter().map(|c| c.count).sum()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn eigenvalue(index: usize, value: f64, count: u64, mean: f64) -> Result<Eigenvalue> {
    let bad = |what: &str, expected: &str, got: f64| {
        Err(Error::argument(what).at(format!("eigenvalue {index}")).expected(expected.to_owned()).got(got.to_string()))
    };
    if !(value.is_finite() && value >= 0.0) {
        return bad("an eigenvalue of a covariance cannot be this", "a finite number ≥ 0", value);
    }
    if !(mean * mean).is_finite() {
        return bad("a mean must be finite", "a number whose square is finite", mean);
    }
    // Adding 0 turns −0 into 0, so that both sort as equal.
    Ok(Eigenvalue { value: value + 0.0, count, mean_square: mean * mean })
}

fn check_length(length: usize) -> Result<()> {
    if (1..=MAX_EIGENVALUES).contains(&length) {
        return Ok(());
    }
    Err(Error::argument("bad number of eigenvalues")
        .expected(format!("1 to {MAX_EIGENVALUES}"))
        .got(length.to_string()))
}

fn check_counts(counts: impl Iterator<Item = u64>) -> Result<()> {
    let mut total = 0_u64;
    for (index, count) in counts.enumerate() {
        total = total.saturating_add(count);
        if count == 0 || total > MAX_DIMENSION {
            return Err(Error::argument("bad count of an eigenvalue")
                .at(format!("eigenvalue {index}"))
                .expected("at least 1, and at most 2⁵³ in all")
                .got(count.to_string()));
        }
    }
    Ok(())
}

/// Returns the threshold below which an eigenvalue of a symmetric matrix is rounding.
///
/// `values` must hold all eigenvalues, largest first.
fn rounding(values: &[f64]) -> f64 {
    values.len() as f64 * f64::EPSILON * values.first().copied().unwrap_or(0.0)
}

fn check_side(side: usize) -> Result<()> {
    if (1..=MAX_SIDE).contains(&side) {
        return Ok(());
    }
    Err(Error::argument("the eigenvalues of data so wide are not found here")
        .expected(format!("1 to {MAX_SIDE} dimensions, or as many rows"))
        .got(side.to_string())
        .hinting("give the eigenvalues themselves"))
}
