//! What to train on: by name or from a file, checked before anything else happens.

use crate::error::{Blame as _, Failure, Result};
use crate::io::{Array, csv, npy};
use langevin::{SampleId, exact, nearest};
use langevin_train::Dataset;
use std::path::Path;

/// How many samples of a density known in closed form make a data set.
const DRAWN: u64 = 20_000;

/// The data set of this name, or in this file.
pub fn load(data: &str, seed: u64) -> Result<Dataset> {
    if data == "digits" {
        return Ok(Dataset::digits());
    }
    let path = Path::new(data);
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let array = match ending.as_deref() {
        Some("npy") => npy::read(path)?,
        Some("csv") => csv::read(path)?,
        _ if exact::NAMES.contains(&data) => return drawn(data, seed),
        _ if path.is_file() => {
            return Err(Failure::misused("unknown kind of data file")
                .in_file(path)
                .expected("a name that ends in .npy or .csv")
                .got(ending.map_or_else(|| "no ending".to_owned(), |ending| format!("'.{ending}'"))));
        }
        _ => {
            let known: Vec<&str> = std::iter::once("digits").chain(exact::NAMES.iter().copied()).collect();
            let failure = Failure::misused("unknown data")
                .at("--data")
                .expected(format!("{}, or a .npy or .csv file", known.join(", ")))
                .got(format!("'{data}'"));
            return Err(match nearest(data, &known) {
                Some(near) => failure.hint(format!("did you mean '{near}'?")),
                None => failure,
            });
        }
    };
    let name = path.file_stem().map_or_else(|| "data".into(), |stem| stem.to_string_lossy().into_owned());
    from_array(&name, &array).map_err(|failure| failure.in_file(path))
}

fn drawn(name: &str, seed: u64) -> Result<Dataset> {
    let density = exact::named(name).or_misused()?;
    let rows: Vec<SampleId> = (0..DRAWN).map(|index| SampleId { seed, index }).collect();
    let values = density.sample(&rows).into_iter().map(|value| value as f32).collect();
    Dataset::new(name, values, &[density.dim()]).or_failed()
}

/// Rows of finite float32 numbers, two or more.
fn from_array(name: &str, array: &Array) -> Result<Dataset> {
    let shape = format!("shape {:?}", array.shape);
    let [rows, sample @ ..] = &array.shape[..] else {
        return Err(Failure::failed("the array has no rows").expected("shape (rows, …)").got("a single number"));
    };
    if sample.is_empty() {
        return Err(Failure::failed("the array has one dimension")
            .expected("shape (rows, …)")
            .got(shape)
            .hint("for one column, save array.reshape(-1, 1)"));
    }
    let width: usize = sample.iter().product();
    if width == 0 {
        return Err(Failure::failed("the rows are empty").expected("one number a row or more").got(shape));
    }
    if *rows < 2 {
        return Err(Failure::failed("too few rows to learn from").expected("2 or more").got(rows.to_string()));
    }
    let mut values = Vec::with_capacity(array.values.len());
    for (position, value) in array.values.iter().enumerate() {
        let narrow = *value as f32;
        if !narrow.is_finite() {
            let (row, column) = (position / width + 1, position % width + 1);
            let what = if value.is_finite() { "a number is too large" } else { "a number is not finite" };
            return Err(Failure::failed(format!("{what} in row {row}, column {column}"))
                .expected("finite float32 numbers")
                .got(format!("{value:e}"))
                .hint("rows and columns are counted from 1; drop or fill such rows first"));
        }
        values.push(narrow);
    }
    Dataset::new(name, values, sample).or_failed()
}
