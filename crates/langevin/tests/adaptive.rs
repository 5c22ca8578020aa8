//! Adaptive steps on densities known in closed form.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::adaptive::{Adaptive, Pair};
use langevin::space::{Coef, Tolerance};
use langevin::{Formulation, Prediction, Process, ReadAs, SampleId, SliceSpace, Space as _};
use langevin_analysis::exact::{Gaussian, eight_gaussians, named};

fn rows(count: u64) -> Vec<SampleId> {
    (0..count).map(|index| SampleId { seed: 5, index }).collect()
}

const RANGE: [f64; 2] = [0.002, 80.0];

#[test]
fn a_sample_does_not_depend_on_its_company() {
    let data = eight_gaussians();
    for pair in [Pair::Dpm12, Pair::Dpm23, Pair::EulerHeun] {
        for eta in [0.0, 0.6] {
            let mut adaptive = Adaptive::new(pair);
            adaptive.eta = eta;
            let space = SliceSpace::<f64>::new(2);
            let all = adaptive.run(&space, &data, RANGE, &rows(40)).unwrap();
            let some = adaptive.run(&space, &data, RANGE, &rows(40)[13..20]).unwrap();
            assert_eq!(all.state[26..40], some.state, "{pair:?}, η = {eta}");
            assert_eq!(all.accepted[13..20], some.accepted);
        }
    }
}

/// On a Gaussian the ODE is known: x(σ_min) = x(σ_max) √((c + σ_min²)/(c + σ_max²)). Tighter
/// tolerances come nearer, as the order promises.
#[test]
fn errors_follow_the_tolerance() {
    let (c, count) = (0.7, 50);
    let data = Gaussian::isotropic(vec![0.0], c).unwrap();
    let space = SliceSpace::<f64>::new(1);
    let start = space.combine(None, &[], &[(Coef::All(RANGE[1]), 0)], &rows(count)).unwrap();
    let shrink = ((c + RANGE[0].powi(2)) / (c + RANGE[1].powi(2))).sqrt();
    for pair in [Pair::Dpm12, Pair::Dpm23, Pair::EulerHeun] {
        let error = |relative: f64| {
            let tolerance = Tolerance { absolute: relative, relative };
            let mut adaptive = Adaptive::new(pair);
            (adaptive.tolerance, adaptive.clean_end) = (tolerance, false);
            let run = adaptive.run(&space, &data, RANGE, &rows(count)).unwrap();
            let worst = run.state.iter().zip(&start).map(|(x, z)| (x - z * shrink).abs()).fold(0.0, f64::max);
            (worst, run.evaluations)
        };
        let (loose, tight) = (error(1e-2), error(1e-4));
        println!("{pair:?}: {loose:?} {tight:?}");
        assert!(loose.0 < 0.1 && tight.0 < 2e-3 && tight.0 < loose.0 / 5.0, "{pair:?}: {loose:?} {tight:?}");
        assert!(tight.1 > loose.1);
    }
}

/// A network of any formulation is read at each row's own level.
#[test]
fn networks_are_read_row_by_row() {
    let space = SliceSpace::<f64>::new(1);
    let adaptive = Adaptive::new(Pair::Dpm23);
    let given = adaptive.run(&space, &named("mixture").unwrap(), RANGE, &rows(20)).unwrap();
    let data = named("mixture").unwrap();
    let native = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    // Read twice over: as a velocity network, and that as an ε network of another process.
    let native = ReadAs::new(&data, native, SliceSpace::<f64>::new(1));
    let native = ReadAs::new(native, Formulation::new(Process::vp(), Prediction::Epsilon), SliceSpace::<f64>::new(1));
    let read = adaptive.run(&space, &native, RANGE, &rows(20)).unwrap();
    for (a, b) in given.state.iter().zip(&read.state) {
        assert!((a - b).abs() < 1e-9, "{a} {b}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let data = named("mixture").unwrap();
    let space = SliceSpace::<f64>::new(1);
    let run = |adaptive: Adaptive, range| adaptive.run(&space, &data, range, &rows(2)).unwrap_err();
    assert!(run(Adaptive::new(Pair::Dpm12), [1.0, 0.5]).is_argument());
    assert!(run(Adaptive::new(Pair::Dpm12), [0.0, f64::INFINITY]).is_argument());
    let tolerance = Tolerance { absolute: 0.0, relative: 0.1 };
    let mut impossible = Adaptive::new(Pair::Dpm12);
    impossible.tolerance = tolerance;
    assert!(run(impossible, RANGE).is_argument());
    let mut few = Adaptive::new(Pair::Dpm12);
    few.attempts = 3;
    assert!(run(few, RANGE).to_string().contains("within 3 attempts"));
    assert_eq!(Pair::parse("dpm32").unwrap_err().hint(), Some("did you mean 'dpm12'?"));
}
