//! Gaussian data: eigenvalues by a formula or from a file, or the covariance of rows.

use crate::cli::{FileArgs, SpectrumArgs};
use crate::data;
use crate::error::{Blame as _, Failure, Result};
use crate::io::content::Content;
use crate::io::{Array, csv, json, npy, say};
use crate::progress::thousands;
use crate::words::{plural, start};
use langevin::Spectrum;
use langevin_data::Options;
use langevin_train::{Dataset, Network, Normalization};
use std::path::Path;

/// The data where the flags name none: what natural images look like.
const USUAL: &str = "power:2:d=3072";

/// The argument that names eigenvalues.
const FLAG: &str = "--spectrum";

/// Gaussian data, and what to call them.
pub struct Gaussian {
    /// The eigenvalues.
    pub spectrum: Spectrum,
    /// What they are of.
    pub name: String,
    /// What was read, where it is a file or a name of data.
    pub read: Option<serde_json::Value>,
}

impl SpectrumArgs {
    /// The data of the flags.
    pub fn open(&self) -> Result<Gaussian> {
        match (&self.spectrum, &self.data) {
            (Some(text), _) => eigenvalues(text),
            (None, Some(name)) => rows(name, &self.file, self.raw),
            (None, None) => eigenvalues(USUAL),
        }
    }
}

/// Eigenvalues by a formula, or from a file.
fn eigenvalues(text: &str) -> Result<Gaussian> {
    let path = Path::new(text);
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let values = match ending.as_deref() {
        Some("npy") => column(&npy::read(FLAG, path)?),
        Some("csv") => column(&csv::read(FLAG, path)?),
        Some("json") => list(&json::text(FLAG, path, Content::Numbers)?),
        _ => {
            let spectrum = Spectrum::parse(text).or_misused();
            let hint = "give power:P:d=D, or a file that ends in .npy, .csv or .json";
            let spectrum = spectrum.map_err(|failure| if path.exists() { failure.hint(hint) } else { failure })?;
            return Ok(Gaussian { spectrum, name: text.to_owned(), read: None });
        }
    };
    let spectrum = values.and_then(|values| Spectrum::from_eigenvalues(&values).or_failed());
    let spectrum = spectrum.map_err(|failure| failure.in_file(path))?;
    Ok(Gaussian { spectrum, name: format!("the eigenvalues of {}", path.display()), read: None })
}

/// The numbers of a JSON list.
fn list(text: &str) -> Result<Vec<f64>> {
    let wrong = |got: String| Failure::failed("not a list of numbers").expected("[c1, c2, …]").got(got);
    let value = |element: &serde_json::Value| element.as_f64().ok_or_else(|| wrong(start(&element.to_string())));
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Array(elements)) => elements.iter().map(value).collect(),
        Ok(other) => Err(wrong(start(&other.to_string()))),
        Err(error) => Err(wrong(format!("no JSON at line {}, column {}", error.line(), error.column()))),
    }
}

fn column(array: &Array) -> Result<Vec<f64>> {
    match array.shape[..] {
        [_] | [_, 1] => Ok(array.values.clone()),
        _ => Err(Failure::failed("eigenvalues are one column")
            .expected("shape (n,) or (n, 1)")
            .got(format!("shape {:?}", array.shape))
            .hint("rows of data are for --data")),
    }
}

/// The Gaussian of the rows of a named data set or a file: in the units that a network trained on them would see, or in their own. What is constant is no part of it, as of a model.
///
/// Noise levels are compared with the spread of the data, so in raw units one column of large spread decides alone which plan is best.
fn rows(name: &str, file: &FileArgs, raw: bool) -> Result<Gaussian> {
    let data = data::read("--data", name, 0, file, &file.over(Options::default())?)?;
    say_tails(&data)?;
    if !raw {
        let data = if data.shape().len() == 1 { data.without_constants().or_failed()? } else { data };
        return of_network(&data, &Normalization::fit(&data).or_failed()?);
    }
    let name = format!("the Gaussian of {} of {} in their own units", plural(data.rows() as u64, "row"), data.name());
    of_rows(&data.values_wide().or_failed()?, &data, name)
}

/// Names the columns whose tails no Gaussian has.
fn say_tails(data: &Dataset) -> Result<()> {
    /// Columns that are named.
    const NAMED: usize = 5;
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
        let named: Vec<String> = tails.iter().take(NAMED).map(one).collect();
        let more = tails.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        say(&format!(
            "note: heavy tails in {}{more}: a Gaussian says little about them; the logarithm of such a column may be better",
            named.join(", ")
        ));
    }
    Ok(())
}

/// The same in the units that a network sees.
pub fn of_network(data: &Dataset, map: &Normalization) -> Result<Gaussian> {
    // In single precision, as the moments of a model file are taken.
    let wide = data.values_wide().or_failed()?;
    let mut narrow = vec![0.0; wide.len()];
    map.narrow(&wide, &mut narrow, data.width());
    let values: Vec<f64> = narrow.into_iter().map(f64::from).collect();
    let name = seen(&plural(data.rows() as u64, "row"), data.name(), map);
    of_rows(&values, data, name)
}

/// What the data are called that networks see.
fn seen(rows: &str, data: &str, map: &Normalization) -> String {
    let units = match (&map.shift[..], &map.scale[..]) {
        ([shift], [scale]) => format!("x = (datum − {shift})/{scale}"),
        _ => "each column about its mean, over its standard deviation".to_owned(),
    };
    format!("the Gaussian of {rows} of {data} in the units that networks see ({units})")
}

/// The Gaussian that a model file keeps of its training data; `None` where it keeps none.
pub fn of_moments(network: &Network) -> Option<Result<Gaussian>> {
    let (moments, metadata) = (network.moments()?, network.metadata());
    let (rows, all) = (metadata.moments.map_or(0, |spec| spec.rows) as u64, metadata.data.rows as u64);
    let rows = if rows == all { plural(rows, "row") } else { format!("{} of {}", thousands(rows), plural(all, "row")) };
    let name = seen(&rows, &metadata.data.name, network.normalization());
    Some(moments.spectrum().or_failed().map(|spectrum| Gaussian { spectrum, name, read: None }))
}

fn of_rows(values: &[f64], data: &Dataset, name: String) -> Result<Gaussian> {
    let spectrum = Spectrum::from_data(values, data.width()).or_failed()?;
    Ok(Gaussian { spectrum, name, read: Some(data::document(data)) })
}
