//! Folders of images.

mod colour;
mod decode;
mod exif;
mod files;
mod jpeg;
mod pixels;
mod png;
mod sample;
mod scan;
mod stored;
mod webp;

use super::format::{Format, Reader};
use crate::about::{About, Skipped};
use crate::dataset::Dataset;
use crate::dataset::store::Store;
use crate::error::Result;
use crate::labels::Gather;
use crate::options::Options;
use crate::words::name_of;
#[cfg(feature = "parquet")]
pub(crate) use decode::{decode, head, looks_like_picture};
use files::Files;
pub(crate) use pixels::{Pixels, Writer};
use rayon::prelude::*;
use sample::SampleFormat;
pub(crate) use sample::{Head, bad, shape};
use scan::Found;
use std::path::Path;

/// Images, one or a folder of them.
pub(crate) const FORMAT: Format = Format {
    // The image itself determines its format, whatever its extension is.
    kind: None,
    endings: &["png", "jpg", "jpeg", "webp"],
    rare: &[],
    packed: false,
    listed: &[".png", ".jpg", ".webp"],
    help: &[],
    reader: Reader::Pictures(open),
    written: &[],
};

/// Number of images that are decoded in parallel before they are stored.
const TOGETHER: usize = 64;

/// Returns true if a folder or a sub-folder has images.
pub(crate) fn any(folder: &Path) -> bool {
    !matches!(scan::scan(folder), Err(error) if scan::is_none(&error))
}

/// Opens a folder of images.
pub(crate) fn open(folder: &Path, options: &Options) -> Result<Dataset> {
    let (found, unread) = scan::scan(folder)?;
    let all = found.len();
    let heads: Vec<Result<Head, String>> = found.par_iter().map(|found| files::head(&found.path)).collect();
    let mut skipped = Vec::new();
    let mut kept: Vec<(Found, Head)> = Vec::with_capacity(all);
    for (found, head) in found.into_iter().zip(heads) {
        match head.and_then(|head| head.too_small(options).map_or(Ok(head), Err)) {
            Ok(head) => kept.push((found, head)),
            Err(why) => skipped.push(Skipped { path: found.path, why }),
        }
    }
    refuse(&skipped, all, options)?;
    let (shape, format) = shape(kept.iter().map(|(found, head)| (found.path.display(), *head)), options)
        .map_err(|error| error.in_file(folder))?;
    let bytes: u64 = kept.iter().map(|(_, head)| (head.height * head.width * format.pixel()) as u64).sum();
    let store = if bytes <= options.memory {
        let before = skipped.len();
        let (pixels, readable) = decoded(&kept, format, options, &mut skipped)?;
        if skipped.len() > before {
            refuse(&skipped, all, options)?;
            let mut readable = readable.into_iter();
            kept.retain(|_| readable.next().unwrap_or(false));
        }
        Store::pictures(pixels)
    } else {
        let paths = kept.iter().map(|(found, _)| found.path.clone()).collect();
        let extents = kept.iter().map(|(_, head)| (head.height, head.width)).collect();
        Store::pictures(Files::new(paths, extents, format, options.skip_bad))
    };
    skipped.extend(unread);
    skipped.sort();
    let labels = kept.iter().all(|(found, _)| found.class.is_some()).then(|| {
        let mut gather = Gather::default();
        kept.iter().filter_map(|(found, _)| found.class.as_deref()).for_each(|class| gather.push(class));
        gather.finish()
    });
    let classed = labels.is_some();
    let data = Dataset::make(name_of(folder), &shape, store, labels);
    let about = About::new("pictures", format.words());
    let about = if classed { about.labelled("sub-folders") } else { about };
    let data = data.map_err(|error| error.in_file(folder))?.with_about(about, vec![]);
    Ok(data.with_skipped(skipped))
}

/// Returns the error of the first unreadable image, unless such images are skipped.
fn refuse(skipped: &[Skipped], all: usize, options: &Options) -> Result<()> {
    match skipped {
        [first, ..] if !options.skip_bad => Err(bad(&first.why).in_file(&first.path).hinting(match skipped.len() {
            1 => format!("--skip-bad leaves such pictures out (1 of {all} is one)"),
            many => format!("--skip-bad leaves such pictures out ({many} of {all} are such)"),
        })),
        [first, ..] if skipped.len() == all => {
            Err(bad(&first.why).in_file(&first.path).hinting(format!("none of the {all} pictures can be used")))
        }
        _ => Ok(()),
    }
}

/// Decodes all images; also returns for each whether it was readable.
fn decoded(
    kept: &[(Found, Head)],
    format: SampleFormat,
    options: &Options,
    skipped: &mut Vec<Skipped>,
) -> Result<(Pixels, Vec<bool>)> {
    let mut writer = Writer::new(format, options.memory);
    let mut readable = Vec::with_capacity(kept.len());
    for together in kept.chunks(TOGETHER) {
        let picture = |(found, head): &(Found, Head)| files::decoded(&found.path, (head.height, head.width), format);
        let pictures: Vec<_> = together.par_iter().map(picture).collect();
        for ((found, head), picture) in together.iter().zip(pictures) {
            readable.push(picture.is_ok());
            match picture {
                Ok(picture) => writer.push((head.height, head.width), &picture)?,
                Err(why) => skipped.push(Skipped { path: found.path.clone(), why }),
            }
        }
    }
    Ok((writer.finish()?, readable))
}
