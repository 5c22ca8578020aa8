//! Samples that start from existing pictures or rows: image-to-image, inpainting, and conversion to
//! the model's coordinates.

use crate::data::{self, Reading};
use crate::error::{Blame as _, Error, Result};
use crate::observe::{Note, Observer};
use crate::rows;
use crate::source::Source;
use crate::words::shown;
use langevin::Request;
use langevin::request::{SAMPLER_WITH_MASK, STRENGTH};
use std::path::{Path, PathBuf};

/// Values of a plan's inputs `image` and `mask`. The samples take the rows in turn.
///
/// ```
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::edit::Start;
/// use langevin_tasks::source::{Named, Source};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("rows.csv");
/// std::fs::write(&path, "0.5,0.75\n-1.5,0.25\n")?;
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let start = Start { from: Some(path), ..Start::default() };
/// let edit = start.read(&Reading::default(), &source, &())?.expect("there is a file");
/// // The third sample starts from the first row again.
/// assert_eq!(edit.rows("image", 1, 2), Some(vec![-1.5, 0.25, 0.5, 0.75]));
/// assert!(!edit.has("mask"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Edit {
    image: Vec<f64>,
    mask: Option<Vec<f64>>,
    /// Number of elements of a row.
    width: usize,
}

impl Edit {
    /// Returns true if there is an input of this name.
    #[must_use]
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

    /// Returns the rows of an input for `count` samples, starting at sample `first`; `None` if
    /// there is no such input.
    #[must_use]
    pub fn rows(&self, name: &str, first: usize, count: usize) -> Option<Vec<f64>> {
        let all = self.input(name)?;
        let rows = (all.len() / self.width.max(1)).max(1);
        let row = |sample: usize| all.iter().skip(sample % rows * self.width).take(self.width);
        Some((first..first + count).flat_map(row).copied().collect())
    }
}

/// A starting point in place of pure noise.
///
/// # Examples
///
/// A start without a file leaves a request as it is.
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::edit::Start;
/// let start = Start::default();
/// assert_eq!(start.start(Request::new())?.plan()?.nfe(), Request::new().plan()?.nfe());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// File of pictures or rows to start from.
    pub from: Option<PathBuf>,
    /// Share of the steps that is run, counted from the end.
    pub strength: Option<f64>,
    /// File of a mask: black where the original is kept.
    pub mask: Option<PathBuf>,
}

impl Start {
    /// Reads the files and returns the inputs; `None` if there is no file to start from.
    ///
    /// ```
    /// use langevin_tasks::data::Reading;
    /// use langevin_tasks::edit::Start;
    /// use langevin_tasks::source::{Named, Source};
    /// let source = Source::open(Named::Exact("moons"), &())?;
    /// assert!(Start::default().read(&Reading::default(), &source, &())?.is_none());
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a file cannot be read, if its rows do not fit the model, or if `reading`
    /// has no effect.
    pub fn read(&self, reading: &Reading, source: &Source<'_>, observer: &dyn Observer) -> Result<Option<Edit>> {
        let Some(from) = &self.from else {
            return match reading.given()[..] {
                [name, ..] => Err(Error::misused(format!("‹{name}› has no effect here"))
                    .at(format!("‹{name}›"))
                    .expected("‹from› FILE")
                    .got("samples of pure noise")
                    .hint(format!("leave out ‹{name}›"))),
                [] => Ok(None),
            };
        };
        let mut image = rows_of("‹from›", from, reading, source, observer)?;
        if let Some(map) = source.normalization() {
            let _ = map.to_model(&mut image, source.width());
        }
        let mask = self.mask.as_ref().map(|path| rows_of("‹mask›", path, reading, source, observer)).transpose()?;
        let mask = mask.map(|mask| {
            // In a mask file white marks the area to paint; in a plan's mask 1 marks the known
            // pixels.
            let most = mask.iter().copied().fold(0.0, f64::max);
            mask.iter().map(|value| f64::from(u8::from(*value <= 0.5 * most))).collect::<Vec<f64>>()
        });
        Ok(Some(Edit { image, mask, width: source.width() }))
    }

    /// Returns the request with this start. With a mask, the default sampler is the one for masks.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin_tasks::edit::Start;
    /// let half = Start { from: Some("rows.csv".into()), strength: Some(0.5), mask: None };
    /// let plan = half.start(Request::new().sampler("ddim").steps(10))?.plan()?;
    /// assert_eq!((plan.nfe(), &*plan.inputs()[0].name), (5, "image"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the request names an unknown sampler.
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

/// Reads the rows of a file, in the file's units and in the shape of the model. Messages name the
/// file by `argument`.
///
/// ```
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::edit::rows_of;
/// use langevin_tasks::source::{Named, Source};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("rows.csv");
/// std::fs::write(&path, "0.5,0.75\n")?;
/// let source = Source::open(Named::Exact("moons"), &())?;
/// assert_eq!(rows_of("‹from›", &path, &Reading::default(), &source, &())?, [0.5, 0.75]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the file cannot be read or its rows do not fit the model.
pub fn rows_of(
    argument: &str,
    path: &Path,
    reading: &Reading,
    source: &Source<'_>,
    observer: &dyn Observer,
) -> Result<Vec<f64>> {
    if !path.exists() {
        return Err(Error::missing(argument, path));
    }
    let mut options = rows::options(reading, source)?;
    if let Some((height, width, channels)) = source.picture() {
        options = options.size(height, width).channels(if channels == 1 { 1 } else { 3 });
    }
    let name = path.to_string_lossy();
    let set = data::open_as(argument, &name, 0, reading, &options, observer)?;
    let mut set = data::numbers(argument, set)?;
    data::refuse_unused(&name, reading, &set)?;
    observer.note(&Note::Read { data: shown(path), summary: set.summary() });
    if let Some(frame) = source.frame().filter(|_| !set.is_pictures()) {
        set = set.framed(frame).map_err(|error| data::failure(&error, observer))?;
    }
    let set = rows::shaped(argument, set, &source.shape(), "the model", observer)?;
    let mut values = set.values_wide().or_failed()?;
    // Black and white of the picture are mapped to the darkest and brightest value of the model's
    // data.
    if let (Some(levels), Some([low, high])) = (set.levels(), source.extent()) {
        let white = f64::from(levels - 1);
        values.iter_mut().for_each(|value| *value = low + *value / white * (high - low));
    }
    Ok(values)
}
