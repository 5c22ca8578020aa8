//! Gaussian data: eigenvalues by a formula or from a file, or the covariance of rows.

use crate::cli::{FileArgs, SpectrumArgs};
use crate::data;
use crate::error::{Blame as _, Failure, Result};
use crate::io::content::Content;
use crate::io::{Array, csv, json, npy, say};
use crate::words::start;
use langevin_analysis::Spectrum;
use langevin_data::Options;
pub use langevin_tasks::spectrum::{Gaussian, of_moments, of_network};
use langevin_train::Dataset;
use std::path::Path;

/// The data where the flags name none: what natural images look like.
const USUAL: &str = "power:2:d=3072";

/// The argument that names eigenvalues.
const FLAG: &str = "--spectrum";

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

/// The Gaussian of the rows of a named data set or a file.
fn rows(name: &str, file: &FileArgs, raw: bool) -> Result<Gaussian> {
    let data = data::read("--data", name, 0, file, &file.over(Options::default())?)?;
    say_tails(&data)?;
    langevin_tasks::spectrum::of_data(data, raw)
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
