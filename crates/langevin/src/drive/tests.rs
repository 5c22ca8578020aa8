use super::*;
use crate::adaptive::{Adaptive, Pair};
use crate::exact::{Density as _, Gaussian};
use crate::noise::SampleId;
use crate::space::SliceSpace;

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
    let products = Answer { out: vec![0.0; 5], products: vec![vec![0.0; 5]] };
    assert!(run.supply(products).unwrap_err().is_shape());
    // The question is still open.
    run.supply(vec![0.0; 5].into()).unwrap();
}

#[test]
fn a_model_without_derivatives_answers_no_question_for_products() {
    let data = Gaussian::isotropic(vec![0.0], 1.0).unwrap();
    let (rows, x) = (rows(), data.sample(&rows()));
    let query = Query::new(crate::process::ve(1.0), &rows);
    let question = Question { x: &x, query, cotangents: std::slice::from_ref(&x) };
    let error = question.ask(&data).unwrap_err();
    assert!(error.is_argument() && error.to_string().contains("ask_vjp"));
    assert_eq!(question.ask_vjp(&data).unwrap().products.len(), 1);
}
