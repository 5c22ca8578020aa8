//! One trained network, read as each row of the paper's table: the results differ only by f32
//! rounding.
#![allow(clippy::unwrap_used)]

use langevin::{Formulation, Grid, Model, Prediction, Process, Query, ReadAs, Result, SampleId, Sampler, SliceSpace};
use langevin_train::{Budget, Dataset, MlpConfig, Network, Recipe, train};
use std::cell::Cell;
use std::ops::ControlFlow;

const ROWS: usize = 16;
const STEPS: usize = 12;

fn network() -> Network {
    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(150));
    recipe.network = MlpConfig::new(64, 3).into();
    train(&Dataset::digits(), &recipe, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn ids() -> Vec<SampleId> {
    (0..ROWS as u64).map(|index| SampleId { seed: 5, index }).collect()
}

/// Returns deterministic samples in VE coordinates (σ = 0, α = 1 at the end), with states in f64.
fn samples(model: &impl Model<Vec<f64>>, process: &Process, width: usize) -> Vec<f64> {
    let levels = Grid::karras(STEPS).levels(process, 0.002, 80.0).unwrap();
    let plan = Sampler::ddim(0.0).compile(process, model.formulation(), &levels).unwrap();
    plan.run(&SliceSpace::new(width), model, vec![], &ids()).unwrap()
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Model that moves every input of one evaluation by one unit in the last place of f32, alternately
/// up and down.
struct Nudged<'a> {
    network: &'a Network,
    evaluation: usize,
    seen: Cell<usize>,
}

impl Model<Vec<f64>> for Nudged<'_> {
    fn formulation(&self) -> Option<&Formulation> {
        Some(self.network.formulation())
    }
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        if self.seen.replace(self.seen.get() + 1) != self.evaluation {
            return self.network.predict(x, query);
        }
        let nudge = |(i, x): (usize, &f64)| {
            let x = *x as f32;
            // The sign follows products of odd numbers, a pattern that no row of pixels can follow.
            f64::from(if (i * 2_654_435_761) >> 7 & 1 == 0 { x.next_up() } else { x.next_down() })
        };
        self.network.predict(&x.iter().enumerate().map(nudge).collect::<Vec<_>>(), query)
    }
}

/// The three ODE rows give the same samples up to f32 rounding of the network's inputs.
///
/// In exact arithmetic the rows pass the same numbers to the network at every evaluation. In f64
/// these differ by a few 1e-16 of their size, so in f32 each input is the same number or, rarely,
/// its neighbour.
///
/// For the bound, every input of every evaluation is replaced by its neighbour. The effect of one
/// evaluation's change on the result is measured with alternating signs. The worst choice of signs
/// is at most √width larger (the 1-norm of a gradient against its 2-norm), and the effects of the
/// evaluations add up.
#[test]
fn ode_rows_of_a_trained_network_differ_by_less_than_f32_rounding() {
    let network = network();
    let width = network.width();
    let reference = samples(&network, &Process::rectified_flow(), width);
    let one_by_one: f64 = (0..STEPS)
        .map(|evaluation| {
            let nudged = Nudged { network: &network, evaluation, seen: Cell::new(0) };
            largest_difference(&samples(&nudged, &Process::rectified_flow(), width), &reference)
        })
        .sum();
    let bound = (width as f64).sqrt() * one_by_one;
    // The bound is meaningful only if it is small compared with the data, which span about 2.
    assert!(0.0 < bound && bound < 1e-3, "{bound:e}");

    let range = network.formulation().range.unwrap();
    for (process, prediction) in [
        (Process::vp(), Prediction::Score),
        (Process::vp(), Prediction::X0),
        (Process::ve(), Prediction::Epsilon),
        (Process::vp_cosine(), Prediction::V),
    ] {
        let read = Formulation::new(process.clone(), prediction).with_range(range);
        let model = ReadAs::new(&network, read, SliceSpace::<f64>::new(width));
        let difference = largest_difference(&samples(&model, &process, width), &reference);
        println!("{process:?} {prediction:?}: {difference:.2e} of at most {bound:.2e}");
        assert!(difference <= bound, "{process:?} {prediction:?}: {difference:e} > {bound:e}");
    }
}
