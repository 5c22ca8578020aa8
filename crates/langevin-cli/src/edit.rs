//! Pictures that are there already: changed (`--from`, `--strength`), filled in (`--mask`), or brought to the model's coordinates.

use crate::cli::{EditArgs, FileArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::io::png::Tile;
use crate::io::say;
use crate::source::Source;
use crate::words::shown;
use crate::{data, rows};
use langevin::Request;
use langevin::request::{SAMPLER_WITH_MASK, STRENGTH};
use std::path::Path;

/// What a plan's inputs are filled with: rows that the samples take turns with.
pub struct Edit {
    image: Vec<f64>,
    mask: Option<Vec<f64>>,
    /// Elements of a row.
    width: usize,
}

impl Edit {
    /// Whether there is an input of this name.
    pub fn has(&self, name: &str) -> bool {
        self.input(name).is_some()
    }

    fn input(&self, name: &str) -> Option<&[f64]> {
        match name {
            "image" => Some(&self.image),
            "mask" => self.mask.as_deref(),
            _ => None,
        }
    }

    /// The rows of an input for `count` samples from sample `first` on.
    pub fn rows(&self, name: &str, first: usize, count: usize) -> Option<Vec<f64>> {
        let all = self.input(name)?;
        let rows = (all.len() / self.width.max(1)).max(1);
        let row = |sample: usize| all.iter().skip(sample % rows * self.width).take(self.width);
        Some((first..first + count).flat_map(row).copied().collect())
    }
}

impl EditArgs {
    /// Reads what the flags name.
    pub fn read(&self, file: &FileArgs, source: &Source<'_>) -> Result<Option<Edit>> {
        let Some(from) = &self.from else {
            return match file.given()[..] {
                [flag, ..] => Err(Failure::misused(format!("{flag} has no effect here"))
                    .at(flag)
                    .expected("--from FILE")
                    .got("samples of pure noise")
                    .hint(format!("leave out {flag}"))),
                [] => Ok(None),
            };
        };
        let mut image = rows_of("--from", from, file, source)?;
        if let Some(map) = source.normalization() {
            let _ = map.to_model(&mut image, source.width());
        }
        let mask = self.mask.as_ref().map(|path| rows_of("--mask", path, file, source)).transpose()?.map(|mask| {
            // White is what is to be painted; the plan's mask is 1 where the picture is known.
            let most = mask.iter().copied().fold(0.0, f64::max);
            mask.iter().map(|value| f64::from(u8::from(*value <= 0.5 * most))).collect::<Vec<f64>>()
        });
        Ok(Some(Edit { image, mask, width: source.width() }))
    }

    /// Returns the request with the start of the flags, and with the sampler of a mask if nothing else is chosen.
    pub fn start(&self, request: Request) -> Result<Request> {
        let is_free = !request.is_word() && request.named_sampler().or_misused()?.is_none();
        let request = if self.mask.is_some() && is_free { request.sampler(SAMPLER_WITH_MASK) } else { request };
        Ok(match self.strength {
            _ if self.from.is_none() => request,
            None if self.mask.is_some() => request,
            strength => request.strength(strength.unwrap_or(STRENGTH)),
        })
    }
}

/// The rows of a file, in its own units, of the shape of the model.
pub fn rows_of(flag: &str, path: &Path, file: &FileArgs, source: &Source<'_>) -> Result<Vec<f64>> {
    if !path.exists() {
        return Err(Failure::missing(flag, path));
    }
    let mut options = rows::options(file, source)?;
    if let Some(tile) = Tile::of(&source.shape()) {
        options = options.size(tile.height, tile.width).channels(if tile.is_grey() { 1 } else { 3 });
    }
    let name = path.to_string_lossy();
    let mut set = data::open_as(flag, &name, 0, file, &options)?;
    data::refuse_unused(&name, file, &set)?;
    say(&format!("read {}: {}", shown(path), set.summary()));
    if let Some(frame) = source.frame().filter(|_| !set.is_pictures()) {
        set = set.framed(frame).map_err(|error| data::failure(&error))?;
    }
    let set = rows::shaped(flag, set, &source.shape(), "the model")?;
    let mut values = set.values_wide().or_failed()?;
    // A picture's black and white are the model's darkest and brightest, whatever numbers stand for them.
    if let (Some(levels), Some([low, high])) = (set.levels(), source.extent()) {
        let white = f64::from(levels - 1);
        values.iter_mut().for_each(|value| *value = low + *value / white * (high - low));
    }
    Ok(values)
}
