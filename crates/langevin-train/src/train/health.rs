//! Detection of failing runs, by comparing the loss with that of a network that predicts nothing.
//!
//! The loss of the output 0 on the same rows, noise and levels is computed in every step. Outliers
//! in the data, levels of large weight and learned weights raise both losses alike. Their ratio is
//! therefore known from few steps: it starts at 1 and falls. A ratio in the hundreds is an
//! explosion. A run whose ratio is recovering from an explosion continues.

use super::problem::Losses;

/// Multiple of the loss of predicting nothing that counts as an explosion.
pub(super) const EXPLODED: f64 = 100.0;
/// Multiple of that loss that counts as a failure at the end of a run, when no improvement can
/// follow.
pub(super) const FAILED: f64 = 3.0;
/// Ratio below which a network counts as recovered from an explosion.
///
/// A network whose weights grew without bound returns a constant, and its ratio stays above 1.
pub(super) const RECOVERED: f64 = 0.95;
/// Number of steps in a window, over which the logarithm of the ratio is averaged.
pub(super) const WINDOW: u64 = 50;
/// Recovery rules, as a factor and a number of windows.
///
/// Above [`EXPLODED`] the loss must halve within 2 windows. Below it, the loss must fall by 2 %
/// within the number of windows of the next constant. Runs that start more slowly have not
/// recovered by the end of a training of usual length either.
const HALVES: (f64, u64) = (0.5, 2);
const FALLS: (f64, u64) = (0.98, 10);
/// Share that the average over about ten steps keeps at each step.
const KEEP: f64 = 0.9;

/// Summary of the last steps.
///
/// It is not part of a state, because it is known again after a few steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// Averages over about ten steps: of the loss of predicting nothing, of the logarithm of the
    /// ratio, and their common weight. The logarithm keeps a single step from dominating.
    nothing: f64,
    logarithm: f64,
    weight: f64,
    /// True if the last step was worse than [`FAILED`].
    unsound: bool,
    /// Recovery in progress after an explosion.
    wound: Option<Wound>,
    /// Mean logarithm of the ratio in the window that ended the run.
    lost: Option<f64>,
}

/// Recovery of a run after an explosion.
#[derive(Clone, Copy, Debug)]
struct Wound {
    steps: u64,
    sum: f64,
    /// For each rule, the logarithm from which the loss must fall, and the windows since then.
    marks: [(f64, u64); 2],
}

impl Wound {
    const NEW: Self = Self { steps: 0, sum: 0.0, marks: [(f64::INFINITY, 0); 2] };

    /// Records one more step.
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

/// Verdict of a window on a run after an explosion.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Course {
    Open,
    Recovered,
    /// The recovery takes too long; holds the mean logarithm of the ratio in the window.
    Lost(f64),
}

impl Health {
    /// Records a step; returns true if the run has just recovered from an explosion.
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

    /// Returns the mean ratio of the window that ended the run after an explosion, or `None` if the
    /// run may continue.
    ///
    /// The value is above [`RECOVERED`], while the ratio of the last steps may be lower for a
    /// moment.
    pub(super) fn lost(&self) -> Option<f64> {
        self.lost.map(f64::exp)
    }

    /// Returns true if the last step was not far above the loss of predicting nothing.
    pub(super) fn is_sound(&self) -> bool {
        !self.unsound
    }

    /// Returns true if a run that ends here has failed.
    ///
    /// It has failed if its loss is far above that of predicting nothing, or if it has not
    /// recovered from an explosion.
    pub(super) fn is_failed(&self) -> bool {
        self.ratio() > if self.wound.is_some() { RECOVERED } else { FAILED }
    }

    /// Returns the loss over about the last ten steps as a multiple of that of predicting nothing.
    ///
    /// Returns 1 if no step was recorded.
    pub(super) fn ratio(&self) -> f64 {
        if self.weight > 0.0 { (self.logarithm / self.weight).exp() } else { 1.0 }
    }

    /// Returns the loss over about the last ten steps, averaged so that no single step dominates.
    pub(super) fn loss(&self) -> f64 {
        self.ratio() * self.nothing()
    }

    /// Returns the loss of predicting nothing over about the last ten steps.
    pub(super) fn nothing(&self) -> f64 {
        if self.weight > 0.0 { self.nothing / self.weight } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the step at which a run with this ratio as a function of the step is stopped.
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
        // Grows slowly over two thousand steps, to ten thousand at step 2000.
        let found = stopped(|step| (1e4f64).powf(step as f64 / 2000.0)).unwrap();
        assert!((1000..1200).contains(&found), "{found}");
        // Falls too slowly, or falls to a constant that is as bad as predicting nothing.
        assert!(stopped(|step| 1e18 * 0.995f64.powf(step as f64)).unwrap() < 300);
        assert!(stopped(|step| if step < 20 { 1e9 } else { 1.05 }).unwrap() < 700);
    }

    /// The ratio of the last steps may be low for a moment when the window shows that the run has
    /// failed.
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
        // Occasional single bad steps.
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
