//! Whether a training goes wrong: its losses against those of a network that has learned nothing.
//!
//! The loss of the output 0 on the same rows, noise and levels is known in every step. Data with outliers,
//! levels of large weight and weights that are learned raise both losses alike, so their ratio is known from
//! few steps: it starts at 1 and falls. A ratio in the hundreds is an explosion; a training that is on its
//! way down from it is left alone.

use super::problem::Losses;

/// So many times the loss of a network that has learned nothing is called an explosion.
pub(super) const EXPLODED: f64 = 100.0;
/// At the end of a training, where nothing can get better any more, so many times that loss is a failure.
pub(super) const FAILED: f64 = 3.0;
/// A network that has exploded has recovered once its loss is this share of that of having learned nothing.
/// One whose weights grew without bound answers a constant, and stays above 1.
pub(super) const RECOVERED: f64 = 0.95;
/// Steps whose mean logarithm is looked at together.
pub(super) const WINDOW: u64 = 50;
/// Above [`EXPLODED`] the loss must halve within so many windows; below it must fall by 2 % within the other
/// number. A start that takes longer than that has not recovered by the end of a training of usual length
/// either.
const HALVES: (f64, u64) = (0.5, 2);
const FALLS: (f64, u64) = (0.98, 10);
/// What the average of the last ten steps keeps at each.
const KEEP: f64 = 0.9;

/// What the last steps were like. Not part of a state: it is known again after a few steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// Averages over about ten steps, with their common weight: of the loss of having learned nothing, and of
    /// the logarithm of the ratio, in which no single step outweighs all others.
    nothing: f64,
    logarithm: f64,
    weight: f64,
    /// The last step was worse than [`FAILED`].
    unsound: bool,
    /// After an explosion, until it has recovered.
    wound: Option<Wound>,
    /// The mean logarithm of the ratio in the window that ended the training.
    lost: Option<f64>,
}

/// How a training gets on after an explosion.
#[derive(Clone, Copy, Debug)]
struct Wound {
    steps: u64,
    sum: f64,
    /// For either rule the logarithm from which the loss must fall, and windows since.
    marks: [(f64, u64); 2],
}

impl Wound {
    const NEW: Self = Self { steps: 0, sum: 0.0, marks: [(f64::INFINITY, 0); 2] };

    /// One more step.
    fn push(&mut self, logarithm: f64) -> Course {
        self.steps += 1;
        self.sum += logarithm;
        if !self.steps.is_multiple_of(WINDOW) {
            return Course::Open;
        }
        let mean = std::mem::take(&mut self.sum) / WINDOW as f64;
        let mut late = false;
        for ((share, windows), (mark, since)) in [HALVES, FALLS].into_iter().zip(&mut self.marks) {
            if mean < *mark + share.ln() {
                (*mark, *since) = (mean, 0);
            } else {
                *since += 1;
            }
            late |= *since >= windows && (share > HALVES.0 || mean > EXPLODED.ln());
        }
        match mean < RECOVERED.ln() {
            true => Course::Recovered,
            false if late => Course::Lost(mean),
            false => Course::Open,
        }
    }
}

/// What a window says of a training after an explosion.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Course {
    Open,
    Recovered,
    /// It goes on too long; the mean logarithm of the ratio in the window.
    Lost(f64),
}

impl Health {
    /// Takes in a step; whether the training has just recovered from an explosion.
    pub(super) fn push(&mut self, Losses { loss, nothing }: Losses) -> bool {
        if nothing <= 0.0 || nothing.is_nan() {
            return false;
        }
        let logarithm = (loss / nothing).max(f64::MIN_POSITIVE).ln();
        self.nothing = KEEP * self.nothing + (1.0 - KEEP) * nothing;
        self.logarithm = KEEP * self.logarithm + (1.0 - KEEP) * logarithm;
        self.weight = KEEP * self.weight + (1.0 - KEEP);
        self.unsound = loss > FAILED * nothing;
        if loss > EXPLODED * nothing {
            self.wound.get_or_insert(Wound::NEW);
        }
        let course = self.wound.as_mut().map(|wound| wound.push(logarithm));
        if let Some(Course::Lost(mean)) = course {
            self.lost.get_or_insert(mean);
        }
        if course == Some(Course::Recovered) {
            self.wound = None;
        }
        course == Some(Course::Recovered)
    }

    /// The mean ratio of the window that ended the training after an explosion; `None` if the
    /// training may go on. It is above [`RECOVERED`], unlike the ratio of the last steps, which may
    /// be lower for a moment.
    pub(super) fn lost(&self) -> Option<f64> {
        self.lost.map(f64::exp)
    }

    /// Whether the last step was not far above the loss of having learned nothing.
    pub(super) fn is_sound(&self) -> bool {
        !self.unsound
    }

    /// Whether a training that ends here has failed: it is far above the loss of having learned nothing, or
    /// has not recovered from an explosion.
    pub(super) fn is_failed(&self) -> bool {
        self.ratio() > if self.wound.is_some() { RECOVERED } else { FAILED }
    }

    /// The loss of about the last ten steps as a multiple of that of having learned nothing; 1 where nothing
    /// is known.
    pub(super) fn ratio(&self) -> f64 {
        if self.weight > 0.0 { (self.logarithm / self.weight).exp() } else { 1.0 }
    }

    /// The loss of about the last ten steps, in which no single one outweighs the others.
    pub(super) fn loss(&self) -> f64 {
        self.ratio() * self.nothing()
    }

    /// The loss of having learned nothing, over about the last ten steps.
    pub(super) fn nothing(&self) -> f64 {
        if self.weight > 0.0 { self.nothing / self.weight } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The step at which a training whose ratio is this function of the step is stopped.
    fn stopped(ratio: impl Fn(u64) -> f64) -> Option<u64> {
        let mut health = Health::default();
        (1..=3000).find(|step| {
            health.push(Losses { loss: 0.3 * ratio(*step), nothing: 0.3 });
            health.lost().is_some()
        })
    }

    #[test]
    fn an_explosion_is_found_whenever_it_comes() {
        assert_eq!(stopped(|_| 1e18), Some(150));
        assert_eq!(stopped(|step| if step < 150 { 0.1 } else { 1e4 }), Some(299));
        // Slowly, over two thousand steps: at step 2000 it is ten thousand.
        let found = stopped(|step| (1e4f64).powf(step as f64 / 2000.0)).unwrap();
        assert!((1000..1200).contains(&found), "{found}");
        // It falls, but not within reason; or to a constant that is as bad as nothing.
        assert!(stopped(|step| 1e18 * 0.995f64.powf(step as f64)).unwrap() < 300);
        assert!(stopped(|step| if step < 20 { 1e9 } else { 1.05 }).unwrap() < 700);
    }

    /// The ratio of the last steps may be low for a moment when the window says that the training
    /// is lost.
    #[test]
    fn what_ended_a_training_is_quoted() {
        let mut health = Health::default();
        for step in 1..3000 {
            let ratio = if step < 20 {
                1e9
            } else if step % 50 < 25 && step % 50 > 0 {
                1.4
            } else {
                0.8
            };
            health.push(Losses { loss: 0.3 * ratio, nothing: 0.3 });
            if health.lost().is_some() {
                break;
            }
        }
        assert!(
            health.ratio() < RECOVERED && health.lost().unwrap() > RECOVERED,
            "{} {:?}",
            health.ratio(),
            health.lost()
        );
    }

    #[test]
    fn a_bad_start_that_recovers_is_left_alone() {
        assert_eq!(stopped(|step| (1e6 * 0.97f64.powf(step as f64)).max(0.1)), None);
        assert_eq!(stopped(|step| if step == 1 { 1e12 } else { 0.5 }), None);
        // Now and then one bad step.
        assert_eq!(stopped(|step| if step.is_multiple_of(60) { 1e5 } else { 0.2 }), None);
    }

    #[test]
    fn nothing_is_said_where_nothing_is_known() {
        let mut health = Health::default();
        assert_eq!((health.ratio(), health.is_sound(), health.is_failed(), health.nothing()), (1.0, true, false, 0.0));
        health.push(Losses { loss: 1.0, nothing: 0.5 });
        assert!((health.ratio() - 2.0).abs() < 1e-12 && (health.nothing() - 0.5).abs() < 1e-12);
    }
}
