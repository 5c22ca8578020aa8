//! Gaussian data for an analysis: fitted to rows, taken from a model's training data, or given by
//! eigenvalues.

use crate::comparison::document;
use crate::data::{self, Reading};
use crate::eigenvalues;
use crate::error::{Blame as _, Result};
use crate::observe::{Note, Observer};
use langevin::text::{plural, thousands};
use langevin_analysis::Spectrum;
use langevin_data::{Dataset, Options};
use langevin_train::{Network, Normalization};
use serde_json::Value;
use std::path::Path;

/// Default data: natural images, whose spectrum follows a power law.
const USUAL: &str = "power:2:d=3072";
/// Maximum number of columns that a note lists.
const NAMED: usize = 5;

/// Gaussian data: a spectrum with its description.
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_tasks::spectrum::of_data;
/// let rows = Dataset::new("line", vec![0.0, 2.0, 4.0, 6.0], &[1])?;
/// // In the units that a network sees, the variance is near 1.
/// let value = of_data(rows, false)?.spectrum.eigenvalues()[0].value;
/// assert!((value - 1.0).abs() < 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gaussian {
    /// Eigenvalues of the covariance.
    pub spectrum: Spectrum,
    /// Description of the data.
    pub name: String,
    /// Description of the file or named data that were read, as returned by [`document`].
    pub read: Option<Value>,
}

/// A selection of Gaussian data.
///
/// # Examples
///
/// ```
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::spectrum::Asked;
/// let reading = Reading::default();
/// let asked = Asked { spectrum: Some("power:2:d=64"), data: None, reading: &reading, raw: false };
/// assert_eq!(asked.open(&())?.spectrum.dimension(), 64);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Eigenvalues: a formula such as `power:2:d=64`, or a file.
    pub spectrum: Option<&'a str>,
    /// Rows: a name or a file.
    pub data: Option<&'a str>,
    /// Options for reading the rows.
    pub reading: &'a Reading,
    /// True if the rows keep their own units.
    pub raw: bool,
}

impl Asked<'_> {
    /// Returns the selected data, or by default those of natural images.
    ///
    /// ```
    /// use langevin_tasks::data::Reading;
    /// use langevin_tasks::spectrum::Asked;
    /// let reading = Reading::default();
    /// let asked = Asked { spectrum: None, data: Some("moons"), reading: &reading, raw: true };
    /// assert_eq!(asked.open(&())?.spectrum.dimension(), 2);
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the formula, name or file is not valid.
    pub fn open(&self, observer: &dyn Observer) -> Result<Gaussian> {
        match (self.spectrum, self.data) {
            (Some(text), _) => of_eigenvalues(text, observer),
            (None, Some(name)) => {
                let options = self.reading.over(Options::default())?;
                let data = data::read("‹data›", name, 0, self.reading, &options, observer)?;
                note_tails(&data, observer)?;
                of_data(data, self.raw)
            }
            (None, None) => of_eigenvalues(USUAL, observer),
        }
    }
}

/// Returns the Gaussian with the eigenvalues of a formula or a file.
fn of_eigenvalues(text: &str, observer: &dyn Observer) -> Result<Gaussian> {
    let path = Path::new(text);
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    if !ending.is_some_and(|ending| eigenvalues::ENDINGS.contains(&&*ending)) {
        let spectrum = Spectrum::parse(text).or_misused();
        let hint = "give power:P:d=D, or a file that ends in .npy, .csv or .json";
        let spectrum = spectrum.map_err(|error| if path.exists() { error.hint(hint) } else { error })?;
        return Ok(Gaussian { spectrum, name: text.to_owned(), read: None });
    }
    let values = eigenvalues::read("‹spectrum›", path, observer)?;
    let spectrum = Spectrum::from_eigenvalues(&values).or_failed().map_err(|error| error.in_file(path))?;
    Ok(Gaussian { spectrum, name: format!("the eigenvalues of {}", path.display()), read: None })
}

/// Sends a note about columns with heavy tails, which a Gaussian does not describe.
fn note_tails(data: &Dataset, observer: &dyn Observer) -> Result<()> {
    let tails = data.heavy_tails().or_failed()?;
    let one = |tail: &langevin_data::HeavyTail| {
        format!(
            "{} (up to {:.0} standard deviations, kurtosis {:.0})",
            data.column_name(tail.column),
            tail.farthest,
            tail.kurtosis
        )
    };
    if !tails.is_empty() {
        let named = tails.iter().take(NAMED).map(one).collect();
        observer.note(&Note::HeavyTails(named, tails.len().saturating_sub(NAMED)));
    }
    Ok(())
}

/// Returns the Gaussian fitted to rows, in the units that a network trained on them would see, or
/// with `raw` in their own units. Constant columns are left out, as in a model.
///
/// Noise levels are compared with the spread of the data. In raw units a single column with a large
/// spread would therefore decide which plan is best.
///
/// ```
/// use langevin_data::{Dataset, Options};
/// let data = Dataset::new("line", vec![0.0, 2.0, 4.0, 6.0], &[1])?;
/// let gaussian = langevin_tasks::spectrum::of_data(data, true)?;
/// assert_eq!(gaussian.name, "the Gaussian of 4 rows of line in their own units");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the rows cannot be read or are not finite.
pub fn of_data(data: Dataset, raw: bool) -> Result<Gaussian> {
    if raw {
        let name =
            format!("the Gaussian of {} of {} in their own units", plural(data.rows() as u64, "row"), data.name());
        return of_rows(&data.values_wide().or_failed()?, &data, name);
    }
    let data = if data.shape().len() == 1 { data.without_constants().or_failed()? } else { data };
    of_network(&data, &Normalization::fit(&data).or_failed()?)
}

/// Scales rows in place as a training on them would. `shape` is the shape of one row.
///
/// # Examples
///
/// ```
/// let mut rows = [0.0, 2.0, 4.0, 6.0];
/// langevin_tasks::spectrum::scale(&mut rows, &[1])?;
/// assert!(rows.iter().sum::<f64>().abs() < 1e-6);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the rows are not a valid data set.
pub fn scale(values: &mut [f64], shape: &[usize]) -> Result<()> {
    let width: usize = shape.iter().product();
    let count = values.len() / width.max(1);
    if count == 0 || width == 0 {
        return Ok(());
    }
    if let [_] = shape {
        // The mean is subtracted before rounding to single precision, so that columns with a large
        // mean keep their variation.
        for column in 0..width {
            let mean = values.iter().skip(column).step_by(width).map(|x| x / count as f64).sum::<f64>();
            values.iter_mut().skip(column).step_by(width).for_each(|x| *x -= mean);
        }
    }
    let narrow = values.iter().map(|x| *x as f32).collect();
    let set = Dataset::new("rows", narrow, shape).or_misused()?;
    let _ = Normalization::fit(&set).or_misused()?.to_model(values, width);
    Ok(())
}

/// Returns the Gaussian fitted to rows in the units that a network with this map sees.
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_tasks::spectrum::of_network;
/// use langevin_train::Normalization;
/// let rows = Dataset::new("line", vec![0.0, 2.0, 4.0, 6.0], &[1])?;
/// let gaussian = of_network(&rows, &Normalization::fit(&rows)?)?;
/// assert!(gaussian.name.contains("in the units that networks see"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the rows cannot be read or are not finite.
pub fn of_network(data: &Dataset, map: &Normalization) -> Result<Gaussian> {
    // Values are rounded to single precision, like the moments in a model file.
    let wide = data.values_wide().or_failed()?;
    let mut narrow = vec![0.0; wide.len()];
    map.narrow(&wide, &mut narrow, data.width());
    let values: Vec<f64> = narrow.into_iter().map(f64::from).collect();
    let name = seen(&plural(data.rows() as u64, "row"), data.name(), map);
    of_rows(&values, data, name)
}

/// Returns the description of data in the units that networks see.
fn seen(rows: &str, data: &str, map: &Normalization) -> String {
    let units = match (&map.shift[..], &map.scale[..]) {
        ([shift], [scale]) => format!("x = (datum − {shift})/{scale}"),
        _ => "each column about its mean, over its standard deviation".to_owned(),
    };
    format!("the Gaussian of {rows} of {data} in the units that networks see ({units})")
}

/// Returns the Gaussian of the training data that a model file contains; `None` if it contains
/// none.
///
/// # Errors
/// Returns an error if the moments in the file are not a covariance.
#[must_use]
pub fn of_moments(network: &Network) -> Option<Result<Gaussian>> {
    let (moments, metadata) = (network.moments()?, network.metadata());
    let (rows, all) = (metadata.moments.map_or(0, |spec| spec.rows) as u64, metadata.data.rows as u64);
    let rows = if rows == all { plural(rows, "row") } else { format!("{} of {}", thousands(rows), plural(all, "row")) };
    let name = seen(&rows, &metadata.data.name, network.normalization());
    Some(moments.spectrum().or_failed().map(|spectrum| Gaussian { spectrum, name, read: None }))
}

fn of_rows(values: &[f64], data: &Dataset, name: String) -> Result<Gaussian> {
    let spectrum = Spectrum::from_data(values, data.width()).or_failed()?;
    Ok(Gaussian { spectrum, name, read: Some(document(data)) })
}
