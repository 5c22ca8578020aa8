#![allow(clippy::unwrap_used)] // tests fail by panics

use super::*;
use crate::exact::{Gaussian, Mixture, named};
use langevin::error::Error;
use langevin::model::{Model, Query};
use langevin::plan::compare;
use langevin::{Plan, Process, Request, Result};
use std::sync::atomic::{AtomicU64, Ordering};

fn plan(sampler: &str, grid: &str, steps: usize) -> Plan {
    Request::new().process(Process::vp()).sampler(sampler).grid(grid).range(0.01, 40.0).steps(steps).plan().unwrap()
}

fn request() -> Request {
    Request::new().process(Process::vp()).range(0.01, 40.0)
}

#[test]
fn a_multistep_plan_is_its_table() {
    for sampler in ["ddim", "dpmpp-2m", "adams3", "deis", "ipndm", "lms", "unipc:corrector=false"] {
        let plan = plan(sampler, "karras", 6);
        let table = Table::of(&plan).unwrap().unwrap();
        let again = table.plan(sampler, &Process::vp(), None).unwrap();
        assert!(compare(&plan, &again).unwrap().relative < 1e-9, "{sampler}");
        assert!(again.lint().unwrap().is_clean());
        let same = table.with_parameters(&table.parameters()).unwrap();
        assert!(same.levels().iter().zip(table.levels()).all(|(a, b)| (a - b).abs() < 1e-12 * b));
        // Any parameters keep the marginals.
        let moved: Vec<f64> = table.parameters().iter().enumerate().map(|(k, p)| p + 0.03 * k as f64).collect();
        let moved = table.with_parameters(&moved).unwrap().plan("moved", &Process::ve(), None).unwrap();
        assert!(moved.lint().unwrap().is_clean(), "{}", moved.lint().unwrap());
    }
    for sampler in ["ddpm", "heun", "dpmpp-sde"] {
        assert!(Table::of(&plan(sampler, "karras", 4)).unwrap().is_none(), "{sampler}");
    }
}

#[test]
fn a_guided_plan_is_its_table() {
    for guidance in [3.0, 0.5] {
        let plan = request().sampler("dpmpp-2m").steps(5).guidance(guidance).plan().unwrap();
        let table = Table::of(&plan).unwrap().unwrap();
        let again = table.plan("again", &Process::vp(), None).unwrap();
        assert!(compare(&plan, &again).unwrap().relative < 1e-9);
        let other = request().sampler("dpmpp-2m").steps(5).guidance(2.0).plan().unwrap();
        let again = table.with_guidance(2.0).plan("again", &Process::vp(), None).unwrap();
        assert!(compare(&other, &again).unwrap().relative < 1e-9);
    }
    // Guidance in an interval is part of the table too.
    let plan = request().sampler("dpmpp-2m").steps(6).guidance_within(3.0, [0.1, 5.0]).plan().unwrap();
    let again = Table::of(&plan).unwrap().unwrap().plan("again", &Process::vp(), None).unwrap();
    assert!(compare(&plan, &again).unwrap().relative < 1e-9);
}

/// The mixture of thirty narrow modes in 16 dimensions.
fn modes() -> Mixture {
    let mean = |k: u32| (0..16).map(|j| 2.0 * f64::from((k * 7 + j * 13 + k * j) % 11) / 11.0 - 1.0).collect();
    let modes = (0..30).map(|k| Gaussian::isotropic(mean(k), 0.2).unwrap()).collect();
    Mixture::new(vec![1.0 / 30.0; 30], modes).unwrap()
}

#[test]
fn a_tuned_plan_is_better_on_samples_that_the_fit_has_not_seen() {
    let (request, moons, modes) = (request(), named("moons").unwrap(), modes());
    for nfe in [5, 8] {
        let tune = Tune::new(nfe).samples(64, 256).iterations(10).prepare(&request, 2).unwrap();
        let tuned = tune.run([&*moons, &*moons], None, &()).unwrap();
        assert!(tuned.plan.lint().unwrap().is_clean() && tuned.plan.nfe() == nfe);
        assert!(tuned.improves() && tuned.ratio() < 0.8, "{nfe}: {} {:?}", tuned.ratio(), tuned.interval);
        assert!(tuned.evaluations <= tune.most_evaluations(), "{} {}", tuned.evaluations, tune.most_evaluations());
        // All weights lie above the best last row, which is fitted to the test samples.
        assert!(tuned.wall.last_row <= tuned.error && tuned.wall.outside == 0.0);
    }
    let tune = Tune::new(4).samples(64, 128).iterations(8).prepare(&request, 16).unwrap();
    let tuned = tune.run([&modes, &modes], None, &()).unwrap();
    assert!(tuned.wall.outside > 0.0 && tuned.wall.outside <= tuned.wall.last_row);
    assert!(tuned.improves(), "{:?}", tuned.interval);
}

#[test]
fn threads_do_not_change_the_bits() {
    let (request, model) = (request(), named("8gaussians").unwrap());
    for method in Method::ALL {
        let run = |threads: usize| {
            let tune = Tune::new(4).method(method).samples(40, 50).iterations(3).threads(threads);
            tune.prepare(&request, 2).unwrap().run([&*model, &*model], None, &()).unwrap()
        };
        let (one, three) = (run(1), run(3));
        assert_eq!(one.plan.ops(), three.plan.ops(), "{}", method.name());
        assert_eq!((one.error, one.interval, one.transfers), (three.error, three.interval, three.transfers));
        assert_eq!(one.plan.nfe(), 4);
    }
}

#[test]
fn grids_keep_their_first_level_and_their_range() {
    let (request, model) = (request(), named("moons").unwrap());
    for method in [Method::Steps, Method::Bound] {
        let tune = Tune::new(6).method(method).samples(64, 64).prepare(&request, 2).unwrap();
        let tuned = tune.run([&*model, &*model], None, &()).unwrap();
        let [first, last] = tuned.plan.noise_levels().map(|[low, high]| [high, low]).unwrap();
        assert!((first - 40.0).abs() < 1e-6 && last >= 0.01 - 1e-6, "{first} {last}");
        // A path ends at clean data, and spends no evaluation on the cleanest level.
        assert!(method == Method::Bound || last > 0.02, "{last}");
    }
}

#[test]
fn distances_to_data_have_an_interval() {
    let (request, model) = (request(), named("8gaussians").unwrap());
    let ids: Vec<langevin::SampleId> = (0..300).map(|index| langevin::SampleId { seed: 9, index }).collect();
    let data = model.sample(&ids);
    let tune = Tune::new(4).samples(48, 200).iterations(4).prepare(&request, 2).unwrap();
    let found = tune.run([&*model, &*model], Some(&data), &()).unwrap().to_data.unwrap();
    assert!(found.rows == 300 && found.difference[0] <= found.difference[1]);
    let gap = found.tuned.powi(2) - found.known.powi(2);
    assert!(found.difference[0] <= gap + 1e-3 && gap - 1e-3 <= found.difference[1], "{gap} {:?}", found.difference);
    assert!(!found.is_worse());
}

/// A plan that is nearer to the fine solution, but whose samples are farther from the data, is no
/// improvement. The data are here the samples of the best known plan themselves.
#[test]
fn samples_must_not_be_farther_from_the_data() {
    let (request, model) = (request(), named("moons").unwrap());
    let tune = Tune::new(4).samples(48, 400).iterations(6).prepare(&request, 2).unwrap();
    let plain = tune.run([&*model, &*model], None, &()).unwrap();
    let sampling = langevin::Sampling::new(400, 2).seed(plain.seeds[1]);
    let data = sampling.run::<f64>(&plain.known.plan, &*model).unwrap();
    let tuned = tune.run([&*model, &*model], Some(&data), &()).unwrap();
    assert!(plain.improves() && tuned.error == plain.error && tuned.interval == plain.interval);
    let to_data = tuned.to_data.unwrap();
    assert!(to_data.is_worse() && to_data.known < 1e-6, "{to_data:?}");
    assert!(!tuned.improves() && tuned.verdict().contains("farther from the data"));
}

/// A model that breaks a rule.
struct Bad<'a>(&'a dyn crate::exact::Density, AtomicU64, &'static str);

impl Model<Vec<f64>> for Bad<'_> {
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let mut answer = self.0.predict(x, query)?;
        let call = self.1.fetch_add(1, Ordering::Relaxed) as f64;
        match self.2 {
            "random" => answer.iter_mut().for_each(|x| *x += 1e-6 * call),
            "nan" => answer[0] = f64::NAN,
            "short" => answer.truncate(1),
            // Changes with the noise level faster than any plan has levels.
            _ => {
                let langevin::model::At::One(level) = query.at else { return Ok(answer) };
                let wave = langevin::math::sin(3e3 * level.state().lambda());
                answer.iter_mut().for_each(|x| *x += 3.0 * wave);
            }
        }
        Ok(answer)
    }
}

#[test]
fn bad_models_are_one_clear_error() {
    let (request, moons) = (request(), named("moons").unwrap());
    let tune = Tune::new(4).samples(16, 16).iterations(2).prepare(&request, 2).unwrap();
    for (fault, text) in [
        ("random", "two answers to one question"),
        ("nan", "not finite"),
        ("short", "another size"),
        ("wild", "has not converged"),
    ] {
        let model = Bad(&*moons, AtomicU64::new(0), fault);
        let error = tune.run([&model, &model], None, &()).unwrap_err().to_string();
        assert!(error.contains(text), "{fault}: {error}");
    }
    assert!(Tune::new(1).prepare(&request, 2).err().unwrap().to_string().contains("one evaluation"));
}

#[test]
fn a_watch_ends_the_work_and_the_fits() {
    struct Ends(u64);
    impl Watch for Ends {
        fn evaluated(&self, done: u64, _: u64) -> Result<()> {
            if done > self.0 { Err(Error::argument("ended")) } else { Ok(()) }
        }
        fn goes_on(&self) -> bool {
            false
        }
    }
    let (request, moons) = (request(), named("moons").unwrap());
    let tune = Tune::new(4).samples(16, 16).prepare(&request, 2).unwrap();
    assert!(tune.run([&*moons, &*moons], None, &Ends(1000)).unwrap_err().to_string().contains("ended"));
    let hurried = tune.run([&*moons, &*moons], None, &Ends(u64::MAX)).unwrap();
    let patient = tune.run([&*moons, &*moons], None, &()).unwrap();
    assert!(hurried.evaluations < patient.evaluations);
}
