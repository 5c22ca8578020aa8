//! What to train on: by name or from a file, checked before anything else happens.

use crate::error::{Blame as _, Failure, Result};
use crate::io::{Array, csv, npy};
use langevin::{SampleId, exact, nearest};
use langevin_train::Dataset;
use std::path::Path;

/// How many samples of a density known in closed form make a data set.
const DRAWN: u64 = 20_000;

/// The names that need no file.
pub fn names() -> Vec<&'static str> {
    std::iter::once("digits").chain(exact::NAMES).collect()
}

fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase)
}

/// The file that these data are read from, where they are.
pub fn file(data: &str) -> Option<&Path> {
    let path = Path::new(data);
    ending(path).is_some_and(|ending| ending == "npy" || ending == "csv").then_some(path)
}

/// The data set of this name, or in this file.
pub fn load(data: &str, seed: u64) -> Result<Dataset> {
    let path = Path::new(data);
    let ending = ending(path);
    let named = names().into_iter().find(|name| name.eq_ignore_ascii_case(data));
    let missing = || file(data).is_some() && matches!(path.try_exists(), Ok(false));
    let array = match ending.as_deref() {
        _ if missing() => {
            let hint = format!("--data takes a .npy or .csv file, or {}", names().join(", "));
            return Err(Failure::missing("--data", path).hint(hint));
        }
        Some("npy") => npy::read(path)?,
        Some("csv") => csv::read(path)?,
        _ if named == Some("digits") => return Ok(Dataset::digits()),
        _ if named.is_some() => return drawn(named.unwrap_or_default(), seed),
        _ if path.is_file() => {
            return Err(Failure::misused("unknown kind of data file")
                .in_file(path)
                .expected("a name that ends in .npy or .csv")
                .got(ending.map_or_else(|| "no ending".to_owned(), |ending| format!("'.{ending}'"))));
        }
        _ => {
            let known = names();
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
            let place = match array.lines.get(row - 1) {
                Some(line) => format!("at line {line}, column {column}"),
                None => format!("in row {row}, column {column}"),
            };
            return Err(Failure::failed(format!("{what} {place}"))
                .expected("finite float32 numbers")
                .got(format!("{value:e}"))
                .hint("all are counted from 1; drop or fill such rows first"));
        }
        values.push(narrow);
    }
    Dataset::new(name, values, sample).or_failed()
}
