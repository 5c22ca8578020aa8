//! The Gaussian of rows, or of a model's training data.

use crate::comparison::document;
use crate::error::{Blame as _, Result};
use langevin::text::{plural, thousands};
use langevin_analysis::Spectrum;
use langevin_data::Dataset;
use langevin_train::{Network, Normalization};
use serde_json::Value;

/// Gaussian data.
#[derive(Clone, Debug)]
pub struct Gaussian {
    /// The eigenvalues.
    pub spectrum: Spectrum,
    /// A description of the data.
    pub name: String,
    /// What was read of a file or of named data, as [`document`] gives it.
    pub read: Option<Value>,
}

/// Returns the Gaussian of rows: in the units that a network trained on them would see, or with `raw` in their own. Constant columns are no part of it, as of a model.
///
/// Noise levels are compared with the spread of the data, so in raw units one column of large spread decides alone which plan is best.
///
/// ```
/// use langevin_data::Dataset;
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

/// Returns the Gaussian of rows in the units that a network with this map sees.
///
/// # Errors
/// Returns an error if the rows cannot be read or are not finite.
pub fn of_network(data: &Dataset, map: &Normalization) -> Result<Gaussian> {
    // In single precision, as the moments of a model file are taken.
    let wide = data.values_wide().or_failed()?;
    let mut narrow = vec![0.0; wide.len()];
    map.narrow(&wide, &mut narrow, data.width());
    let values: Vec<f64> = narrow.into_iter().map(f64::from).collect();
    let name = seen(&plural(data.rows() as u64, "row"), data.name(), map);
    of_rows(&values, data, name)
}

/// The name of data in the units that networks see.
fn seen(rows: &str, data: &str, map: &Normalization) -> String {
    let units = match (&map.shift[..], &map.scale[..]) {
        ([shift], [scale]) => format!("x = (datum − {shift})/{scale}"),
        _ => "each column about its mean, over its standard deviation".to_owned(),
    };
    format!("the Gaussian of {rows} of {data} in the units that networks see ({units})")
}

/// Returns the Gaussian that a model file keeps of its training data; `None` if it keeps none.
///
/// # Errors
/// Returns an error if the moments of the file are no covariance.
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
