//! Gaussian data by its eigenvalues.

use crate::exact::{Gaussian, principal_axes};
use crate::rows::{centred, check_rows, covariance, mirror};
use langevin::error::{Error, Result};
use langevin::math::pow;

/// The longest list of eigenvalues, and the largest number of dimensions of a formula.
const MAX_EIGENVALUES: usize = 1_000_000;

/// The largest matrix whose eigenvalues are found here.
const MAX_SIDE: usize = 4096;

/// The largest number of dimensions in all: counts stay whole numbers in `f64`.
const MAX_DIMENSION: u64 = 1 << 53;

/// One eigenvalue of the covariance.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Eigenvalue {
    /// The variance along these axes, c ≥ 0.
    pub value: f64,
    /// How many axes have it.
    pub count: u64,
    /// The squared length of the data's mean along them, $\sum m_k^2$. Only it matters: everything is linear in m.
    pub mean_square: f64,
}

/// Gaussian data $\mathcal N(m, C)$ in the axes of C: its eigenvalues, the largest first, and the mean along them.
///
/// Equal eigenvalues are kept once, with their number, and cost once.
///
/// ```
/// use langevin_analysis::Spectrum;
/// let data = Spectrum::from_eigenvalues(&[0.5, 2.0, 0.5])?;
/// assert_eq!(data.dimension(), 3);
/// assert_eq!(data.eigenvalues().iter().map(|c| (c.value, c.count)).collect::<Vec<_>>(), [(2.0, 1), (0.5, 2)]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    eigenvalues: Vec<Eigenvalue>,
}

impl Spectrum {
    /// Sorts, and merges what is equal. The numbers are known to be good.
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

    /// Data of mean 0 with these eigenvalues, in any order.
    ///
    /// # Errors
    /// None, more than 10⁶, or one that is negative or not finite.
    pub fn from_eigenvalues(values: &[f64]) -> Result<Self> {
        check_length(values.len())?;
        let axes = values.iter().enumerate().map(|(index, value)| eigenvalue(index, *value, 1, 0.0));
        Ok(Self::new(axes.collect::<Result<_>>()?))
    }

    /// Data of mean 0 with these eigenvalues, each (value, count) standing for `count` axes.
    ///
    /// ```
    /// use langevin_analysis::Spectrum;
    /// assert_eq!(Spectrum::from_counts(&[(0.5, 2), (2.0, 1)])?, Spectrum::from_eigenvalues(&[0.5, 0.5, 2.0])?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_eigenvalues`](Self::from_eigenvalues); a count of 0, or more than 2⁵³ axes in all.
    pub fn from_counts(values: &[(f64, u64)]) -> Result<Self> {
        check_length(values.len())?;
        check_counts(values.iter().map(|value| value.1))?;
        let axes = values.iter().enumerate().map(|(index, (value, count))| eigenvalue(index, *value, *count, 0.0));
        Ok(Self::new(axes.collect::<Result<_>>()?))
    }

    /// Data with these eigenspaces, each (eigenvalue, number of axes, squared length of the mean along them): what
    /// [`eigenvalues`](Self::eigenvalues) gives, so that a spectrum can be kept and read back.
    ///
    /// ```
    /// use langevin_analysis::Spectrum;
    /// let data = Spectrum::from_axes(&[(2.0, 1.0), (0.5, 3.0), (0.5, 4.0)])?;
    /// assert_eq!(Spectrum::from_eigenspaces(&[(2.0, 1, 1.0), (0.5, 2, 25.0)])?, data);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_counts`](Self::from_counts); a squared length that is negative or not finite.
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

    /// Data with these axes, each (eigenvalue, mean along it).
    ///
    /// # Errors
    /// As [`from_eigenvalues`](Self::from_eigenvalues); a mean that is not finite.
    pub fn from_axes(axes: &[(f64, f64)]) -> Result<Self> {
        check_length(axes.len())?;
        let axes = axes.iter().enumerate().map(|(index, (value, mean))| eigenvalue(index, *value, 1, *mean));
        Ok(Self::new(axes.collect::<Result<_>>()?))
    }

    /// A power law, $c_k \propto k^{-P}$ for k = 1 … D, with mean variance 1, about 0: few strong and many weak directions. The power of natural
    /// images falls as the square of the frequency f, and k ∝ f² axes lie below f: so P ≈ 1.
    ///
    /// ```
    /// use langevin_analysis::Spectrum;
    /// let data = Spectrum::power_law(1.0, 2)?;
    /// assert_eq!(data.eigenvalues().iter().map(|c| c.value).collect::<Vec<_>>(), [4.0 / 3.0, 2.0 / 3.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// An exponent that is negative or not finite, or so steep that the last eigenvalue is 0 in `f64`; no dimension, or more than 10⁶.
    pub fn power_law(exponent: f64, dimension: usize) -> Result<Self> {
        check_length(dimension)?;
        let raw = |k: usize| pow(k as f64, -exponent);
        if !(exponent >= 0.0 && exponent.is_finite() && raw(dimension) >= f64::MIN_POSITIVE) {
            return Err(Error::argument("bad exponent of a power law")
                .expected("a finite number ≥ 0, small enough for D^−P to be a number")
                .got(exponent.to_string()));
        }
        let raw: Vec<f64> = (1..=dimension).map(raw).collect();
        // From the smallest up.
        let mean = raw.iter().rev().sum::<f64>() / dimension as f64;
        Ok(Self::new(raw.into_iter().map(|c| Eigenvalue { value: c / mean, count: 1, mean_square: 0.0 }).collect()))
    }

    /// Reads `power:P:d=D`, a [power law](Self::power_law) such as `power:2:d=3072`.
    ///
    /// ```
    /// use langevin_analysis::Spectrum;
    /// assert_eq!(Spectrum::parse("power:2:d=64")?, Spectrum::power_law(2.0, 64)?);
    /// assert!(Spectrum::parse("powr:2:d=64").unwrap_err().is_unknown_name());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// An unknown name with the nearest known one, or numbers that are none.
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

    /// The spectrum of data of this mean (`dim` numbers) and covariance (`dim × dim`, row after row).
    ///
    /// ```
    /// use langevin_analysis::Spectrum;
    /// let data = Spectrum::from_covariance(vec![0.0, 0.0], &[2.0, 1.0, 1.0, 2.0])?;
    /// assert!((data.eigenvalues()[0].value - 3.0).abs() < 1e-14);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// An eigenvalue below n·2⁻⁵² of the largest, for an n × n matrix, is rounding, and is 0.
    ///
    /// # Errors
    /// As [`Gaussian::new`]; more than 4,096 dimensions.
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

    /// The spectrum of the Gaussian with the mean and the covariance of these rows of `width` numbers (the mean over all rows, the mean square
    /// deviation over as many).
    ///
    /// Fewer rows than dimensions leave directions without variance: they are eigenvalues 0, at least `width` − rows + 1 of them, and the KL
    /// divergence of such data from any model that has variance there is infinite. The eigenvalues are then those of the matrix of inner
    /// products, rows × rows, which is the smaller. An eigenvalue below n·2⁻⁵² of the largest, for an n × n matrix, is rounding, and is 0.
    ///
    /// The cost grows with the cube of the smaller side: minutes at 4,096.
    ///
    /// ```
    /// use langevin_analysis::Spectrum;
    /// // Two rows in three dimensions: a segment of half length √3, and two directions without variance.
    /// let data = Spectrum::from_data(&[0.0, 0.0, 0.0, 2.0, 2.0, 2.0], 3)?;
    /// let [long, flat] = data.eigenvalues() else { panic!() };
    /// assert!((long.value - 3.0).abs() < 1e-14 && (long.mean_square - 3.0).abs() < 1e-14);
    /// assert_eq!((flat.value, flat.count), (0.0, 2));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// No rows, rows that are not whole, more than 4,096 of both rows and dimensions, or a number that is not finite.
    pub fn from_data(rows: &[f64], width: usize) -> Result<Self> {
        check_rows(rows, width)?;
        let count = rows.len() / width;
        check_side(count.min(width))?;
        let share = 1.0 / count as f64;
        let (mean, centred) = centred(rows, width);
        // Of the smaller of the two matrices XᵀX/n and XXᵀ/n, whose eigenvalues are the same but for zeros.
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
        // An axis of XXᵀ/n becomes one of the data by Xᵀ, of length √(n c): the mean along it is (X m)·w/√(n c).
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
        // What is left of the mean lies where there is no variance.
        if kept.len() < width {
            kept.push(Eigenvalue { value: 0.0, count: (width - kept.len()) as u64, mean_square: flat.max(0.0) });
        }
        Ok(Self::new(kept))
    }

    /// The distinct eigenvalues, the largest first.
    #[must_use]
    pub fn eigenvalues(&self) -> &[Eigenvalue] {
        &self.eigenvalues
    }

    /// The number of dimensions: the counts together.
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
    // Not −0, which would sort apart from 0.
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

/// Below this an eigenvalue of a symmetric matrix is rounding; `values` are all of them, the largest first.
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
