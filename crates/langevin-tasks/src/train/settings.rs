//! The settings of a training, and the defaults that depend on the data.

use langevin_train::{Device, Recipe};
use std::num::NonZero;
use std::time::Duration;

/// Maximum default number of training steps.
pub const STEPS: u64 = 2000;
/// Minimum default number of steps, and the factor on √rows: on small tables the held-out bound is
/// best early (docs/training.md).
const FEWEST: u64 = 200;
const STEPS_OF_ROOT: f64 = 48.0;
/// Default weight decay for pictures. With 0.1, a perceptron copies 4 % of 1,438 digits after ten
/// minutes; with 0.3 it copies none (docs/training.md).
pub const PICTURES_DECAY: f64 = 0.3;

/// All settings of a training except the data, the files and the model that it starts from.
///
/// Build them with [`Settings::new`] and change the fields.
///
/// ```
/// use langevin_tasks::train::Settings;
/// use langevin_train::{Budget, Recipe};
/// let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1000));
/// let mut settings = Settings::new(recipe);
/// settings.log_every = 10;
/// assert!(settings.device.is_cpu());
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The recipe. A resumed run fills in missing fields from its own recipe.
    pub recipe: Recipe,
    /// True if a resumed run keeps its own budget.
    pub own_budget: bool,
    /// Text of the run's configuration file.
    pub configuration: String,
    /// True if the data have another name than those of the resumed run. A difference in the data
    /// is then reported before any other.
    pub other_data: bool,
    /// Number of steps between two log lines.
    pub log_every: u64,
    /// Time between two saved states.
    pub save_every: Duration,
    /// Number of steps between two files of averages of the weights.
    pub averages_every: Option<u64>,
    /// Number of steps between two pictures of samples.
    pub samples_every: Option<u64>,
    /// The device that evaluates the network.
    pub device: Device,
    /// Number of threads that share the rows of the held-out bound.
    pub threads: usize,
    /// Maximum number of bytes for the weights, their moments and their gradients; `None` for no
    /// limit.
    pub memory: Option<u64>,
    /// A stop condition that every step evaluates, from any thread. The step is discarded if it
    /// returns `true`.
    pub stop: Option<fn() -> bool>,
}

impl Settings {
    /// Returns the default settings for a recipe: a log line every 100 steps, a state every 30
    /// seconds, no averages or pictures, on the CPU.
    ///
    /// ```
    /// use langevin_tasks::train::Settings;
    /// use langevin_train::{Budget, Recipe};
    /// let settings = Settings::new(Recipe::new(Recipe::default_formulation(), Budget::Steps(1)));
    /// assert_eq!((settings.log_every, settings.save_every.as_secs()), (100, 30));
    /// ```
    #[must_use]
    pub fn new(recipe: Recipe) -> Self {
        Self {
            recipe,
            own_budget: false,
            configuration: String::new(),
            other_data: false,
            log_every: 100,
            save_every: Duration::from_secs(30),
            averages_every: None,
            samples_every: None,
            device: Device::default(),
            threads: std::thread::available_parallelism().map_or(1, NonZero::get),
            memory: None,
            stop: None,
        }
    }
}

/// Returns the default number of training steps for this many rows: 48·√rows, rounded to hundreds
/// and limited to the range from 200 to [`STEPS`].
///
/// ```
/// use langevin_tasks::train::usual_steps;
/// assert_eq!([6, 240, 1900].map(usual_steps), [200, 700, 2000]);
/// ```
#[must_use]
pub fn usual_steps(rows: usize) -> u64 {
    let steps = 100.0 * (STEPS_OF_ROOT * (rows as f64).sqrt() / 100.0).round();
    (steps as u64).clamp(FEWEST, STEPS)
}

/// Returns the shape of the part of a row that the network sees. For pictures this is the crop with
/// the height and width in `crop`.
///
/// ```
/// use langevin_tasks::train::seen_shape;
/// assert_eq!(seen_shape(&[3, 40, 24], Some((8, 8))), [3, 8, 8]);
/// assert_eq!(seen_shape(&[40, 24, 3], None), [40, 24, 3]);
/// ```
#[must_use]
pub fn seen_shape(shape: &[usize], crop: Option<(usize, usize)>) -> Vec<usize> {
    let mut shape = shape.to_vec();
    if let Some((height, width)) = crop {
        let first = usize::from(shape.len() == 3 && shape[0] <= 4 && shape[2] > 4);
        if let Some([a, b]) = shape.get_mut(first..first + 2) {
            (*a, *b) = (height, width);
        }
    }
    shape
}
