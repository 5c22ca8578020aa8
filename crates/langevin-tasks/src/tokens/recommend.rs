//! Orders and sizes for a model of tokens, ranked or searched.

use super::{Model, rows};
use crate::error::{Blame as _, Error, Result};
use crate::observe::{Observer, Progress};
use langevin_discrete::recommend::{self, Options, Ranking, Target, Tuned};

/// Number of sequences on which the plans of a trained model are chosen and measured.
const ROWS: usize = 256;

/// Settings of a recommendation or a tuning.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Network evaluations of a sample.
    pub nfe: usize,
    /// Data of a trained model: a built-in name or a file; the held-out rows if there are some.
    pub data: Option<&'a str>,
    /// Number of sequences; `None` for 256.
    pub count: Option<usize>,
    /// Random seed.
    pub seed: u64,
}

/// Ranks orders and sizes.
///
/// ```
/// use langevin_discrete::Noise;
/// use langevin_tasks::tokens::{Model, recommend};
/// let model = Model::named("chain:3x6", Noise::Masked)?;
/// let settings = recommend::Settings { nfe: 2, data: None, count: Some(32), seed: 0 };
/// assert_eq!(recommend::rank(&model, &settings, &())?.best().plan.nfe(), 2);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the number of evaluations is 0, the noise has no mask, or the data cannot be
/// read.
pub fn rank(model: &Model, settings: &Settings<'_>, observer: &dyn Observer) -> Result<Ranking> {
    with_target(model, settings, observer, recommend::recommend)
}

/// Searches for groups of places that are better than the recommended ones.
///
/// # Errors
/// Returns an error under the conditions of [`rank`].
pub fn tune(model: &Model, settings: &Settings<'_>, observer: &dyn Observer) -> Result<Tuned> {
    with_target(model, settings, observer, recommend::tune)
}

fn with_target<T>(
    model: &Model,
    settings: &Settings<'_>,
    observer: &dyn Observer,
    work: impl FnOnce(Target<'_>, usize, &Options) -> langevin::Result<T>,
) -> Result<T> {
    let options = Options::default().seed(settings.seed);
    let found = match model {
        Model::Exact(density) => {
            let options = settings.count.map_or(options, |rows| options.rows(rows));
            observer.progress(&Progress::Stage("orders and sizes"));
            work(Target::Density(&**density), settings.nfe, &options)
        }
        Model::Network(_) | Model::Onnx(..) => {
            let data = model.network().map(|network| &network.metadata().data);
            let own = data.map(|data| data.name.as_str()).filter(|own| *own == "names");
            let held_out = data.is_some_and(|data| data.held_out.is_some());
            let data = settings.data.or(own).ok_or_else(|| {
                Error::misused("the plans of a trained model are measured on data")
                    .at("‹data›")
                    .expected("the data of the training")
            })?;
            let count = Some(settings.count.unwrap_or(ROWS));
            let wanted = rows::Wanted { data: Some(data), held_out, count, seed: settings.seed };
            let rows = rows::read(model, &wanted, observer)?;
            let denoiser = model.denoiser()?;
            observer.progress(&Progress::Stage("orders and sizes"));
            work(Target::Model { model: &*denoiser, tokens: &rows.letters }, settings.nfe, &options)
        }
    };
    observer.progress(&Progress::End);
    found.or_misused()
}
