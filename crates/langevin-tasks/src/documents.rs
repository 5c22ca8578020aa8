//! Plans and configs from files that others wrote, bounded before they are read.

use crate::content::{self, Content};
use crate::error::{Blame as _, Error, Result};
use crate::observe::Observer;
use langevin::Plan;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// No plan and no config is larger.
const MOST_BYTES: u64 = 8 << 20;

/// Returns the text of a small file, which is refused by its kind and its size before it is read.
///
/// # Errors
/// Returns an error for a file of another kind, one that is too large, and one that is no UTF-8.
pub fn text(flag: &str, path: &Path, wanted: Content, observer: &dyn Observer) -> Result<String> {
    let bytes = whole(flag, path, wanted, MOST_BYTES, observer)?;
    String::from_utf8(bytes)
        .map_err(|_| Error::failed("cannot read the file").in_file(path).got("it is not UTF-8 text"))
}

/// Returns the bytes of a file of at most `most`, which is refused by its kind and its size before memory is taken.
///
/// # Errors
/// Returns an error for a file of another kind, one that is too large, and one that cannot be read.
pub fn whole(flag: &str, path: &Path, wanted: Content, most: u64, observer: &dyn Observer) -> Result<Vec<u8>> {
    content::check(flag, path, wanted, observer)?;
    let file = std::fs::File::open(path).map_err(|error| Error::reading(path, &error))?;
    let too_large = || Error::failed("the file is too large").in_file(path).expected(format!("at most {most} bytes"));
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    if size > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(size as usize + 1);
    // A pipe has no size: no more is read than may be.
    match file.take(most + 1).read_to_end(&mut bytes) {
        Err(error) => Err(Error::reading(path, &error)),
        Ok(_) if bytes.len() as u64 > most => Err(too_large()),
        Ok(_) => Ok(bytes),
    }
}

/// Returns the plan of a file that the argument `flag` names. `wanted` is [`Content::Plan`] or
/// [`Content::PlanOrModel`].
///
/// # Errors
/// Returns an error for a file of another kind, one that is too large, and one that is no plan.
pub fn plan(flag: &str, path: &Path, wanted: Content, observer: &dyn Observer) -> Result<Plan> {
    let text = text(flag, path, wanted, observer)?;
    Plan::from_json(&text).or_failed().map_err(|failure| {
        let failure = failure.in_file(path);
        match other(&text, observer) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// What a JSON document is that is no plan, where that can be told.
fn other(text: &str, observer: &dyn Observer) -> Option<&'static str> {
    // The keys alone: what a stranger's document takes in memory is a small multiple of its length.
    let document: BTreeMap<String, IgnoredAny> = serde_json::from_str(text).ok()?;
    let has = |key: &str| document.contains_key(key);
    // A plan whose content is wrong is described by its reader.
    if has("ops") || has("version") {
        return None;
    }
    if has("_class_name") {
        let here = "this is a scheduler's config: give it as ‹from-diffusers› FILE";
        return Some(if observer.knows(here) {
            here
        } else {
            "this is a scheduler's config: `langevin plan --from-diffusers FILE --out PLAN.json` makes its plan"
        });
    }
    Some("`langevin plan --out`, `langevin recommend --out` and Python's `to_json` write plans")
}
