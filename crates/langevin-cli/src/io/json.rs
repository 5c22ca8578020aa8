//! Plans and configs from files that others wrote: bounded before they are read.

use super::content::{self, Content};
use crate::error::{Blame as _, Failure, Result};
use langevin::Plan;
use std::io::Read as _;
use std::path::Path;

/// No plan and no config is larger.
const MOST_BYTES: u64 = 8 << 20;

/// The text of a small file: refused by its kind and its size before it is read.
pub fn text(flag: &str, path: &Path, wanted: Content) -> Result<String> {
    let bytes = whole(flag, path, wanted, MOST_BYTES)?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::failed("cannot read the file").in_file(path).got("it is not UTF-8 text"))
}

/// The bytes of a file of at most `most`: refused by its kind and its size before memory is taken.
pub fn whole(flag: &str, path: &Path, wanted: Content, most: u64) -> Result<Vec<u8>> {
    content::check(flag, path, wanted)?;
    let file = std::fs::File::open(path).map_err(|error| Failure::reading(path, &error))?;
    let too_large = || Failure::failed("the file is too large").in_file(path).expected(format!("at most {most} bytes"));
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    if size > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(size as usize + 1);
    // A pipe has no size: no more is read than may be.
    match file.take(most + 1).read_to_end(&mut bytes) {
        Err(error) => Err(Failure::reading(path, &error)),
        Ok(_) if bytes.len() as u64 > most => Err(too_large()),
        Ok(_) => Ok(bytes),
    }
}

/// A plan.
pub fn plan(path: &Path) -> Result<Plan> {
    Plan::from_json(&text("PLAN.json", path, Content::Plan)?).or_failed().map_err(|failure| failure.in_file(path))
}
