//! Folders of pictures.

mod colour;
mod decode;
mod exif;
mod files;
mod format;
mod jpeg;
mod pixels;
mod png;
mod scan;
mod webp;

use crate::about::About;
use crate::data::{Dataset, Skipped, name_of};
use crate::error::{Error, Result};
use crate::labels::Gather;
use crate::options::Options;
use crate::store::Store;
#[cfg(feature = "parquet")]
pub(crate) use decode::{decode, head, looks_like_picture};
pub(crate) use files::Files;
pub(crate) use format::{Depth, Format};
pub(crate) use pixels::{Pixels, Writer};
use rayon::prelude::*;
use scan::Found;
use std::path::Path;

/// Pictures that are decoded side by side before they are put away.
const TOGETHER: usize = 64;

/// What the first bytes of a picture say; sizes are as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) gray: bool,
    pub(crate) depth: Depth,
}

impl Head {
    /// Why a picture of this size cannot give samples of the size that is wanted.
    pub(crate) fn too_small(&self, options: &Options) -> Option<String> {
        let (height, width) = options.size?;
        let small = self.height < height || self.width < width;
        small.then(|| format!("a picture of {} × {} is smaller than {height} × {width}", self.height, self.width))
    }
}

/// Whether a folder has pictures, in it or in a folder of it.
pub(crate) fn any(folder: &Path) -> bool {
    !matches!(scan::scan(folder), Err(error) if scan::is_none(&error))
}

/// Opens a folder of pictures.
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
        Store::Pixels(pixels)
    } else {
        let paths = kept.iter().map(|(found, _)| found.path.clone()).collect();
        let extents = kept.iter().map(|(_, head)| (head.height, head.width)).collect();
        Store::Files(Files::new(paths, extents, format, options.skip_bad))
    };
    skipped.extend(unread);
    skipped.sort();
    let labels = kept.iter().all(|(found, _)| found.class.is_some()).then(|| {
        let mut gather = Gather::default();
        kept.iter().filter_map(|(found, _)| found.class.as_deref()).for_each(|class| gather.push(class));
        gather.finish()
    });
    let classed = labels.is_some();
    let data = Dataset::make(name_of(folder), kept.len(), &shape, store, labels);
    let about = About::new("pictures", format.words());
    let about = if classed { about.labelled("sub-folders") } else { about };
    let data = data.map_err(|error| error.in_file(folder))?.with_about(about, vec![]);
    Ok(data.with_skipped(skipped))
}

/// The error of the first picture that cannot be used, unless such are to be left out.
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

/// A picture that cannot be used, and why.
pub(crate) fn bad(why: &str) -> Error {
    Error::data("a picture cannot be used").because(why)
}

/// The shape of a sample of these pictures, each with its name for an error, and how they are kept: as finely as the finest of them.
pub(crate) fn shape<N: std::fmt::Display>(
    pictures: impl Iterator<Item = (N, Head)>,
    options: &Options,
) -> Result<(Vec<usize>, Format)> {
    let (mut first, mut gray, mut depth) = (None, true, Depth::Eight);
    for (name, head) in pictures {
        gray &= head.gray;
        depth = depth.max(head.depth);
        let size = (head.height, head.width);
        let (known, own) = first.get_or_insert_with(|| (name.to_string(), size));
        if options.size.is_none() && *own != size {
            return Err(Error::data("the pictures are of several sizes")
                .expected(format!("{} × {} (height × width) as {known}", own.0, own.1))
                .got(format!("{} × {} in {name}", size.0, size.1))
                .hinting("--size H,W takes a part of that size of each"));
        }
    }
    let Some((_, own)) = first else { return Err(Error::data("there are no pictures")) };
    let (height, width) = options.size.unwrap_or(own);
    let channels = options.channels.map_or(if gray { 1 } else { 3 }, usize::from);
    let shape = if channels == 1 { vec![height, width] } else { vec![height, width, channels] };
    Ok((shape, Format { channels, depth }))
}

/// All pictures, decoded, and for each whether it could be.
fn decoded(
    kept: &[(Found, Head)],
    format: Format,
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
