//! Plans and configs from files that others wrote: bounded before they are read.

use crate::error::{Blame as _, Failure, Result};
use langevin::Plan;
use std::io::Read as _;
use std::path::Path;

/// No plan and no config is larger.
const MOST_BYTES: u64 = 8 << 20;

/// The text of a small file: refused by its size before it is read.
pub fn text(flag: &str, path: &Path) -> Result<String> {
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::missing(flag, path),
        _ => Failure::reading(path, &error),
    })?;
    let too_large =
        || Failure::failed("the file is too large").in_file(path).expected(format!("at most {MOST_BYTES} bytes"));
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    if size > MOST_BYTES {
        return Err(too_large());
    }
    let mut text = String::with_capacity(size as usize + 1);
    // A pipe has no size: no more is read than may be.
    match file.take(MOST_BYTES + 1).read_to_string(&mut text) {
        Err(error) => Err(Failure::reading(path, &error)),
        Ok(_) if text.len() as u64 > MOST_BYTES => Err(too_large()),
        Ok(_) => Ok(text),
    }
}

/// A plan.
pub fn plan(path: &Path) -> Result<Plan> {
    Plan::from_json(&text("PLAN.json", path)?).or_failed().map_err(|failure| failure.in_file(path))
}
