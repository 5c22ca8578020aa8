//! Plans and configs from files. The size of a file is limited before it is read, because the file
//! may come from an unknown source.

use crate::content::{self, Content};
use crate::error::{Blame as _, Error, Result};
use crate::observe::Observer;
use langevin::Plan;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// Maximum size of a plan or config.
const MOST_BYTES: u64 = 8 << 20;

/// Reads a small text file after checking its kind and its size.
///
/// ```
/// use langevin_tasks::content::Content;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("plan.json");
/// std::fs::write(&path, "{}")?;
/// assert_eq!(langevin_tasks::documents::text("‹plan›", &path, Content::Plan, &())?, "{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the file is of another kind, larger than 8 MiB, or not UTF-8.
pub fn text(flag: &str, path: &Path, wanted: Content, observer: &dyn Observer) -> Result<String> {
    let bytes = whole(flag, path, wanted, MOST_BYTES, observer)?;
    String::from_utf8(bytes)
        .map_err(|_| Error::failed("cannot read the file").in_file(path).got("it is not UTF-8 text"))
}

/// Reads a file of at most `most` bytes. Its kind and its size are checked before memory is
/// allocated.
///
/// ```
/// use langevin_tasks::content::Content;
/// use langevin_tasks::documents::whole;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("numbers.json");
/// std::fs::write(&path, "[1, 2, 3]")?;
/// assert!(whole("‹spectrum›", &path, Content::Numbers, 9, &()).is_ok());
/// assert!(whole("‹spectrum›", &path, Content::Numbers, 8, &()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the file is of another kind, too large, or cannot be read.
pub fn whole(flag: &str, path: &Path, wanted: Content, most: u64, observer: &dyn Observer) -> Result<Vec<u8>> {
    content::check(flag, path, wanted, observer)?;
    let file = std::fs::File::open(path).map_err(|error| Error::reading(path, &error))?;
    let too_large = || Error::failed("the file is too large").in_file(path).expected(format!("at most {most} bytes"));
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    if size > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(size as usize + 1);
    // A pipe reports no size, so the number of bytes is limited while reading.
    match file.take(most + 1).read_to_end(&mut bytes) {
        Err(error) => Err(Error::reading(path, &error)),
        Ok(_) if bytes.len() as u64 > most => Err(too_large()),
        Ok(_) => Ok(bytes),
    }
}

/// Reads the plan in a file that the argument `flag` names. `wanted` is [`Content::Plan`] or
/// [`Content::PlanOrModel`].
///
/// # Examples
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::content::Content;
/// let plan = Request::new().steps(4).plan()?;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("plan.json");
/// std::fs::write(&path, plan.to_json())?;
/// let read = langevin_tasks::documents::plan("‹plan›", &path, Content::Plan, &())?;
/// assert_eq!(read.nfe(), plan.nfe());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the file is of another kind, too large, or not a plan.
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

/// Returns a hint on what a JSON document is, if it is recognised as something else than a plan.
fn other(text: &str, observer: &dyn Observer) -> Option<&'static str> {
    // Only the keys are kept, so that an untrusted document takes little more memory than its own
    // length.
    let document: BTreeMap<String, IgnoredAny> = serde_json::from_str(text).ok()?;
    let has = |key: &str| document.contains_key(key);
    if has("kind") && langevin_discrete::Plan::is_json(text) {
        return Some("this is a plan of tokens, and the model is of numbers");
    }
    // Errors in the content of a plan are reported by the plan's own reader.
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
