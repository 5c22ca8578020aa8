//! What the learned density of the noise levels adds to a training step of 256 rows: all it does,
//! and the levels drawn from it beside those drawn from uniform time.

#![allow(missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use langevin::objective::Learner;
use langevin::objective::{TimeDensity, Weight};
use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
use std::hint::black_box;

const ROWS: usize = 256;

fn learner(criterion: &mut Criterion) {
    let Ok(range) = LambdaRange::from_sigma_ve(0.002, 80.0) else { return };
    let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity).with_range(range);
    let Ok(plain) = Objective::new(&flow, Weight::Likelihood, TimeDensity::UniformTime) else { return };
    let Ok(mut learner) = Learner::new(range, 64) else { return };
    let places: Vec<f64> = (0..ROWS).map(|row| (row as f64 + 0.5) / ROWS as f64).collect();
    let draw = |objective: &Objective| {
        places.iter().filter_map(|u| objective.level(*u).ok()).map(|level| level.lambda()).collect::<Vec<f64>>()
    };
    let lambdas = draw(&plain);
    let mut step = 0u64;
    let mut learned = plain.clone();
    criterion.bench_function("256 levels, uniform time", |bench| bench.iter(|| draw(black_box(&plain))));
    criterion.bench_function("256 levels, learned, and what is learned from them", |bench| {
        bench.iter(|| {
            lambdas.iter().for_each(|lambda| learner.observe(*lambda, 1.0 + lambda.abs(), 1.0));
            learner.fade();
            step += 1;
            if step.is_multiple_of(10)
                && let Ok(objective) = plain.clone().drawn_from(learner.density())
            {
                learned = objective;
            }
            draw(black_box(&learned))
        });
    });
}

criterion_group!(benches, learner);
criterion_main!(benches);
