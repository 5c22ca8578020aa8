//! Plans on models of other formulations.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::{
    Clock, Formulation, Grid, LambdaRange, Plan, Prediction, Process, ReadAs, Sampler, Sampling, SliceSpace,
};
use langevin_analysis::exact::named;

fn plan(sampler: &str, process: &Process, network: Option<&Formulation>) -> Plan {
    let levels = Grid::karras(6).levels(process, 0.002, 80.0).unwrap();
    Sampler::parse(sampler, None).unwrap().compile(process, network, &levels).unwrap()
}

/// A network read as another formulation runs on the runner of many threads, to the bits of one
/// thread.
#[test]
fn a_model_read_as_another_runs_on_threads() {
    let data = named("moons").unwrap();
    let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let model = ReadAs::new(&data, flow.clone(), SliceSpace::<f64>::new(2));
    let plan = plan("dpmpp-2m", &flow.process, Some(&flow));
    let alone: Vec<f64> = Sampling::new(300, 2).seed(2).chunk(16).run(&plan, &model).unwrap();
    for threads in [2, 5] {
        let shared: Vec<f64> = Sampling::new(300, 2).seed(2).chunk(16).threads(threads).run(&plan, &model).unwrap();
        assert_eq!(shared, alone);
    }
}

/// A network of x0 on the plan's own process, in its own clock and unscaled, is a model that gives
/// D.
#[test]
fn a_plan_without_a_network_takes_x0_on_its_own_process() {
    let data = named("moons").unwrap();
    let process = Process::rectified_flow();
    let plan = plan("ddim", &process, None);
    let x0 = Formulation::new(process, Prediction::X0);
    let read = |to: &Formulation| ReadAs::new(&data, to.clone(), SliceSpace::<f64>::new(2));
    let own: Vec<f64> = Sampling::new(30, 2).run(&plan, &data).unwrap();
    let other: Vec<f64> = Sampling::new(30, 2).run(&plan, &read(&x0)).unwrap();
    assert!(own.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-12));
    assert_eq!(plan.differs_from(Some(&x0)), None);
    let wide = LambdaRange::from_sigma_ve(1e-3, 100.0).unwrap();
    assert_eq!(plan.differs_from(Some(&x0.clone().with_range(wide))), None);
    // What is told another time, sees another state, or was not trained everywhere, is not D as it
    // is.
    let narrow = LambdaRange::from_sigma_ve(0.1, 100.0).unwrap();
    for other in [
        x0.clone().with_clock(Clock::Lambda),
        x0.clone().with_range(narrow),
        Formulation::new(Process::vp(), Prediction::X0),
        Formulation::new(Process::rectified_flow(), Prediction::Velocity),
    ] {
        let error = Sampling::new(3, 2).run::<f64>(&plan, &read(&other)).unwrap_err();
        assert!(error.to_string().contains("expected a model that gives D, got a network of"), "{error}");
    }
}
