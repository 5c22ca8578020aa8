//! Programs driven by hand, on any space.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::adaptive::{Adaptive, Pair};
use langevin::drive::{Answer, Program as _, Question, drive};
use langevin::process::ve;
use langevin::space::RowWise;
use langevin::space::{Coef, Draw};
use langevin::{
    Formulation, LambdaRange, Map, Prediction, Process, Query, ReadAs, Result, SampleId, SliceSpace, Space,
};
use langevin_analysis::exact::{Density as _, Gaussian};
use langevin_analysis::likelihood::{Bound, Divergence, Ode};

/// A space on which only the required row-wise methods are defined.
struct Minimal(SliceSpace<f64>);

impl Space for Minimal {
    type State = Vec<f64>;
    fn combine(
        &self,
        own: Option<(Coef<'_>, Vec<f64>)>,
        terms: &[(Coef<'_>, &Vec<f64>)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<Vec<f64>> {
        self.0.combine(own, terms, noise, rows)
    }
    fn map(&self, map: &Map, args: &[&Vec<f64>]) -> Result<Vec<f64>> {
        self.0.map(map, args)
    }
}

impl RowWise for Minimal {
    fn width(&self) -> usize {
        self.0.width()
    }
    fn upload(&self, values: &[f64]) -> Result<Vec<f64>> {
        self.0.upload(values)
    }
    fn download(&self, state: &Vec<f64>) -> Result<Vec<f64>> {
        self.0.download(state)
    }
}

fn rows() -> Vec<SampleId> {
    (0..5).map(|index| SampleId { seed: 2, index }).collect()
}

#[test]
fn asking_again_asks_the_same() {
    let (space, rows) = (SliceSpace::<f64>::new(2), rows());
    let data = Gaussian::isotropic(vec![1.0, 2.0], 0.5).unwrap();
    let mut run = Adaptive::new(Pair::Dpm12).start(&space, None, [0.1, 10.0], &rows).unwrap();
    for _ in 0..4 {
        let first = run.query().unwrap().unwrap().x.clone();
        let question = run.query().unwrap().unwrap();
        assert_eq!(question.x, &first);
        let answer = question.ask(&data).unwrap();
        run.supply(answer).unwrap();
    }
    assert!(run.finish().unwrap_err().to_string().contains("not finished"));
}

#[test]
fn answers_that_nobody_asked_for_are_refused() {
    let (space, rows) = (SliceSpace::<f64>::new(1), rows());
    let mut run = Adaptive::new(Pair::Dpm12).start(&space, None, [0.1, 10.0], &rows).unwrap();
    assert!(run.supply(vec![0.0; 5].into()).unwrap_err().to_string().contains("without a question"));
    run.query().unwrap();
    let mut products = Answer::from(vec![0.0; 5]);
    products.products = vec![vec![0.0; 5]];
    assert!(run.supply(products).unwrap_err().is_shape());
    // The question is still open.
    run.supply(vec![0.0; 5].into()).unwrap();
}

#[test]
fn a_model_without_derivatives_answers_no_question_for_products() {
    let data = Gaussian::isotropic(vec![0.0], 1.0).unwrap();
    let (rows, x) = (rows(), data.sample(&rows()));
    let query = Query::new(ve(1.0), &rows);
    let mut question = Question::about(&x, query);
    question.cotangents = std::slice::from_ref(&x);
    let error = question.ask(&data).unwrap_err();
    assert!(error.is_argument() && error.to_string().contains("ask_vjp"));
    assert_eq!(question.ask_vjp(&data).unwrap().products.len(), 1);
}

/// Rows of very different sizes, which arrive at different times.
fn spread(dim: usize) -> Vec<f64> {
    (0..5 * dim).map(|i| 0.3 * (i as f64 + 1.0) * f64::from(4_u32.pow((i / dim) as u32))).collect()
}

#[test]
fn likelihoods_have_the_same_bits_on_any_space() {
    let (data, rows, x) = (Gaussian::isotropic(vec![1.0, 2.0], 0.5).unwrap(), rows(), spread(2));
    let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let model = ReadAs::new(&data, network.clone(), SliceSpace::<f64>::new(2));
    let range = LambdaRange::from_sigma_ve(0.01, 50.0).unwrap();
    for divergence in [Divergence::Exact, Divergence::Hutchinson(3)] {
        let ode = Ode::new(range).with_divergence(divergence);
        let mut counts = Vec::new();
        let run = ode.start(Minimal(SliceSpace::new(2)), Some(&network), x.clone(), &rows).unwrap();
        let found = drive(run, |question| {
            counts.push(question.query.rows.len());
            question.ask_vjp(&model)
        });
        assert_eq!(found.unwrap(), ode.run(&model, &x, 2, &rows).unwrap());
        assert!(counts.last() < counts.first(), "rows that arrive leave: {counts:?}");
    }
    let bound = Bound::new(range, 6).with_control(Gaussian::isotropic(vec![0.0, 0.0], 2.0).unwrap());
    let run = bound.start(Minimal(SliceSpace::new(2)), Some(&network), x.clone(), &rows).unwrap();
    let found = drive(run, |question| question.ask(&model)).unwrap();
    assert_eq!(found, bound.run(&model, &x, 2, &rows).unwrap());
}

#[test]
fn likelihoods_run_in_single_precision() {
    let (data, rows) = (Gaussian::isotropic(vec![1.0, 2.0], 0.5).unwrap(), rows());
    let x = data.sample(&rows);
    let single: Vec<f32> = x.iter().map(|x| *x as f32).collect();
    let range = LambdaRange::from_sigma_ve(0.01, 50.0).unwrap();
    let (ode, bound) = (Ode::new(range), Bound::new(range, 6));
    let run = ode.start(SliceSpace::<f32>::new(2), None, single.clone(), &rows).unwrap();
    let density = drive(run, |question| question.ask_vjp(&data)).unwrap();
    for (a, b) in density.nats.iter().zip(ode.run(&data, &x, 2, &rows).unwrap().nats) {
        assert!((a - b).abs() < 1e-3, "{a} {b}");
    }
    let run = bound.start(SliceSpace::<f32>::new(2), None, single, &rows).unwrap();
    for (a, b) in drive(run, |question| question.ask(&data))
        .unwrap()
        .nats
        .iter()
        .zip(bound.run(&data, &x, 2, &rows).unwrap().nats)
    {
        assert!((a - b).abs() < 1e-2, "{a} {b}");
    }
}

#[test]
fn likelihoods_that_stop_early_have_no_result() {
    let (data, rows, x) = (Gaussian::isotropic(vec![0.0], 1.0).unwrap(), rows(), spread(1));
    let range = LambdaRange::from_sigma_ve(0.1, 10.0).unwrap();
    let mut run = Ode::new(range).start(SliceSpace::<f64>::new(1), None, x.clone(), &rows).unwrap();
    let answer = run.query().unwrap().unwrap().ask_vjp(&data).unwrap();
    assert!(run.supply(answer.out.clone().into()).unwrap_err().is_shape(), "a product is missing");
    run.supply(answer).unwrap();
    assert!(run.finish().unwrap_err().to_string().contains("not finished"));
    let run = Bound::new(range, 3).start(SliceSpace::<f64>::new(1), None, x.clone(), &rows).unwrap();
    assert!(run.finish().unwrap_err().to_string().contains("not finished"));
    let wrong = Ode::new(range).start(SliceSpace::<f64>::new(1), None, x, &rows[..3]);
    assert!(wrong.err().is_some_and(|error| error.is_shape()));
}
