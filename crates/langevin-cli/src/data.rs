//! What to train on: by name or from a file, checked before anything else happens.

use crate::error::{Blame as _, Failure, Result};
use langevin::{SampleId, exact, nearest};
use langevin_data::{Dataset, Options};
use std::path::Path;

/// How many samples of a density known in closed form make a data set.
const DRAWN: u64 = 20_000;

/// The names that need no file.
pub fn names() -> Vec<&'static str> {
    std::iter::once("digits").chain(exact::NAMES).collect()
}

/// The endings of files of rows.
const ENDINGS: [&str; 4] = ["npy", "npz", "csv", "parquet"];

fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase)
}

/// The file or directory that these data are read from, where they are.
pub fn file(data: &str) -> Option<&Path> {
    let path = Path::new(data);
    let known = ending(path).is_some_and(|ending| ENDINGS.contains(&ending.as_str()));
    (known || (named(data).is_none() && path.is_dir())).then_some(path)
}

fn named(data: &str) -> Option<&'static str> {
    names().into_iter().find(|name| name.eq_ignore_ascii_case(data))
}

/// The data set of this name, or in this file.
pub fn load(data: &str, seed: u64) -> Result<Dataset> {
    open(data, seed, &Options::default())
}

/// The data set of this name, or in this file or directory, read as the options say.
pub fn open(data: &str, seed: u64, options: &Options) -> Result<Dataset> {
    let path = Path::new(data);
    match (file(data), named(data)) {
        (Some(path), _) if matches!(path.try_exists(), Ok(false)) => {
            let hint = format!("--data takes {KINDS}, or {}", names().join(", "));
            Err(Failure::missing("--data", path).hint(hint))
        }
        (Some(path), _) => of_file(path, options),
        (None, Some("digits")) => Ok(Dataset::digits()),
        (None, Some(name)) => drawn(name, seed),
        (None, None) if path.is_file() => Err(Failure::misused("unknown kind of data file")
            .in_file(path)
            .expected("a name that ends in .npy, .npz, .csv or .parquet")
            .got(ending(path).map_or_else(|| "no ending".to_owned(), |ending| format!("'.{ending}'")))),
        (None, None) => {
            let known = names();
            let failure = Failure::misused("unknown data")
                .at("--data")
                .expected(format!("{}, or {KINDS}", known.join(", ")))
                .got(format!("'{data}'"));
            Err(match nearest(data, &known) {
                Some(near) => failure.hint(format!("did you mean '{near}'?")),
                None => failure,
            })
        }
    }
}

/// The rows of a file or directory.
pub fn of_file(path: &Path, options: &Options) -> Result<Dataset> {
    langevin_data::open(path, options).map_err(|error| {
        let failure = Failure::failed(error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// What is read besides names.
pub const KINDS: &str = "a .npy, .npz, .csv or .parquet file, or a folder of pictures";

fn drawn(name: &str, seed: u64) -> Result<Dataset> {
    let density = exact::named(name).or_misused()?;
    let rows: Vec<SampleId> = (0..DRAWN).map(|index| SampleId { seed, index }).collect();
    let values = density.sample(&rows).into_iter().map(|value| value as f32).collect();
    Dataset::new(name, values, &[density.dim()]).or_failed()
}
