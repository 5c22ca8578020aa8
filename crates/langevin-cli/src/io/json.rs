//! Plans and configs from files that others wrote: bounded before they are read.

use super::content::{self, Content};
use crate::error::{Blame as _, Failure, Result};
use langevin::Plan;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
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

/// A plan that stands in the place of an argument.
pub fn plan(path: &Path) -> Result<Plan> {
    plan_of("PLAN.json", path)
}

/// A plan that a flag names.
pub fn plan_of(flag: &str, path: &Path) -> Result<Plan> {
    let text = text(flag, path, Content::Plan)?;
    Plan::from_json(&text).or_failed().map_err(|failure| {
        let failure = failure.in_file(path);
        match other(&text) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// What a JSON document is that is no plan, where that can be told.
fn other(text: &str) -> Option<&'static str> {
    // The keys alone: what a stranger's document takes in memory is a small multiple of its length.
    let document: BTreeMap<String, IgnoredAny> = serde_json::from_str(text).ok()?;
    let has = |key: &str| document.contains_key(key);
    // A plan whose content is wrong is described by its reader.
    if has("ops") || has("version") {
        return None;
    }
    if has("_class_name") {
        let known = crate::cli::flags::known("--from-diffusers");
        return Some(if known {
            "this is a scheduler's config: give it as --from-diffusers FILE"
        } else {
            "this is a scheduler's config: `langevin plan --from-diffusers FILE --out PLAN.json` makes its plan"
        });
    }
    Some("`langevin plan --out`, `langevin recommend --out` and Python's `to_json` write plans")
}
