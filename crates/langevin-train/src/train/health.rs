//! Whether a training goes wrong: its losses against those of a network that has learned nothing.
//!
//! The loss of the output 0 on the same rows, noise and levels is known in every step. Data with outliers, levels of large weight and weights that are learned raise both losses alike, so their
//! ratio is known from few steps: it starts at 1 and falls. A ratio in the hundreds is an explosion; a training that is on its way down from it is left alone.

use super::lanes::Losses;

/// So many times the loss of a network that has learned nothing is called an explosion.
pub(super) const EXPLODED: f64 = 100.0;
/// At the end of a training, where nothing can get better any more, so many times that loss is a failure.
pub(super) const FAILED: f64 = 3.0;
/// A network that has exploded has recovered once its loss is this share of that of having learned nothing. One whose weights grew without bound answers a constant, and stays above 1.
const RECOVERED: f64 = 0.95;
/// Steps whose mean logarithm is looked at together.
const WINDOW: u64 = 50;
/// Above [`EXPLODED`] the loss must halve within so many windows; below it must fall by 2 % within the other number. A start that takes longer than that has not recovered by the end of a training
/// of usual length either.
const HALVES: (f64, u64) = (0.5, 2);
const FALLS: (f64, u64) = (0.98, 10);
/// What the average of the last ten steps keeps at each.
const KEEP: f64 = 0.9;

/// What the last steps were like. Not part of a state: it is known again after a few steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// Averages over about ten steps, with their common weight: of the loss of having learned nothing, and of the logarithm of the ratio, in which no single step outweighs all others.
    nothing: f64,
    logarithm: f64,
    weight: f64,
    /// The last step was worse than [`FAILED`].
    unsound: bool,
    /// After an explosion, until it has recovered.
    wound: Option<Wound>,
    exploded: bool,
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

    /// One more step; whether it goes on too long.
    fn push(&mut self, logarithm: f64) -> bool {
        self.steps += 1;
        self.sum += logarithm;
        if !self.steps.is_multiple_of(WINDOW) {
            return false;
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
        late
    }
}

impl Health {
    pub(super) fn push(&mut self, Losses { loss, nothing }: Losses) {
        if nothing <= 0.0 || nothing.is_nan() {
            return;
        }
        let logarithm = (loss / nothing).max(f64::MIN_POSITIVE).ln();
        self.nothing = KEEP * self.nothing + (1.0 - KEEP) * nothing;
        self.logarithm = KEEP * self.logarithm + (1.0 - KEEP) * logarithm;
        self.weight = KEEP * self.weight + (1.0 - KEEP);
        self.unsound = loss > FAILED * nothing;
        if loss > EXPLODED * nothing {
            self.wound.get_or_insert(Wound::NEW);
        } else if self.ratio() < RECOVERED {
            self.wound = None;
        }
        if let Some(wound) = &mut self.wound {
            self.exploded |= wound.push(logarithm);
        }
    }

    /// Whether the loss exploded and does not come back.
    pub(super) fn is_exploded(&self) -> bool {
        self.exploded
    }

    /// Whether the last step was not far above the loss of having learned nothing.
    pub(super) fn is_sound(&self) -> bool {
        !self.unsound
    }

    /// Whether a training that ends here has failed: it is far above the loss of having learned nothing, or has not recovered from an explosion.
    pub(super) fn is_failed(&self) -> bool {
        self.wound.is_some() || self.ratio() > FAILED
    }

    /// The loss of about the last ten steps as a multiple of that of having learned nothing; 1 where nothing is known.
    pub(super) fn ratio(&self) -> f64 {
        if self.weight > 0.0 { (self.logarithm / self.weight).exp() } else { 1.0 }
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
            health.is_exploded()
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
