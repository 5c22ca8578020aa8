//! What the paper and the field claim of samplers, measured on densities known in closed form.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::exact::{Density, eight_gaussians, named};
use langevin::{
    Coef, Draw, Formulation, Grid, Level, Map, Model, Plan, Prediction, Process, Query, ReadAs, Result, SampleId,
    Sampler, Sampling, SliceSpace, Space, Tolerance, moves::exact_reverse,
};

const PROCESSES: [&str; 5] = ["vp", "vp-linear", "vp-cosine", "ve", "rectified-flow"];

fn process(name: &str) -> Process {
    Process::parse(name).unwrap()
}

fn samples(plan: &Plan, model: &(impl Model<Vec<f64>> + Sync + ?Sized), count: usize, width: usize) -> Vec<f64> {
    Sampling::new(count, width).seed(4).run(plan, model).unwrap()
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The rows of the paper are one process in different clocks: on λ-matched grids, from matched draws, the ODE samples are the same.
#[test]
fn ode_rows_agree_after_the_state_map() {
    let data = eight_gaussians();
    for sampler in [Sampler::ddim(0.0), Sampler::adams(2, 0.0).unwrap()] {
        for clean_end in [true, false] {
            let grid = if clean_end { Grid::karras(40) } else { Grid::karras(40).without_clean_end() };
            let run = |name: &str| {
                let levels = grid.levels(&process(name), 0.002, 80.0).unwrap();
                let plan = sampler.compile(&process(name), None, &levels).unwrap();
                let mut x = samples(&plan, &data, 500, 2);
                // To VE coordinates: x / α.
                let last = levels.last().unwrap().alpha;
                x.iter_mut().for_each(|x| *x /= last);
                x
            };
            let reference = run("ve");
            for name in PROCESSES {
                let worst = largest_difference(&run(name), &reference);
                println!("{} on {name}: largest difference {worst:.2e}", sampler.name());
                assert!(worst <= 1e-10, "{} on {name}: {worst:e}", sampler.name());
            }
        }
    }
}

/// The stochastic rows agree too: the noise is the same draw, scaled by σ.
#[test]
fn sde_rows_agree_after_the_state_map() {
    let data = eight_gaussians();
    let run = |name: &str| {
        let levels = Grid::karras(40).levels(&process(name), 0.002, 80.0).unwrap();
        samples(&Sampler::exponential(1.0).compile(&process(name), None, &levels).unwrap(), &data, 500, 2)
    };
    let reference = run("ve");
    for name in PROCESSES {
        assert!(largest_difference(&run(name), &reference) <= 1e-10, "{name}");
    }
}

/// One model read as any formulation, and served through any other, gives the same samples.
#[test]
fn any_reading_of_a_model_gives_the_same_samples() {
    let data = eight_gaussians();
    let levels = |name: &str| Grid::karras(12).levels(&process(name), 0.01, 50.0).unwrap();
    let reference = samples(&Sampler::ddim(0.0).compile(&process("vp"), None, &levels("vp")).unwrap(), &data, 100, 2);
    let space = || SliceSpace::<f64>::new(2);
    let predictions = ["x0", "epsilon", "score", "v", "velocity", "edm"].map(|name| Prediction::parse(name).unwrap());
    // Speaking in ε or score at σ/α = 50 loses fifty roundings, at σ = 0.01 a hundred: far below 1e-9.
    for trained in PROCESSES {
        for (i, prediction) in predictions.iter().enumerate() {
            let native = Formulation::new(process(trained), *prediction);
            let served = Formulation::new(process(PROCESSES[(i + 2) % 5]), predictions[(i + 1) % 6]);
            let model = ReadAs::new(ReadAs::new(&data, native, space()), served.clone(), space());
            let plan =
                Sampler::ddim(0.0).compile(&served.process, Some(&served), &levels(&served.process.name())).unwrap();
            let rows: Vec<SampleId> = (0..100).map(|index| SampleId { seed: 4, index }).collect();
            let x = plan.run(&space(), &model, vec![], &rows).unwrap();
            let worst = largest_difference(&x, &reference);
            assert!(worst < 1e-9, "{trained} {prediction:?} served as {served:?}: {worst:e}");
        }
    }
}

fn mixture() -> Box<dyn Density> {
    named("mixture").unwrap()
}

/// λ from −1 to 2, evenly.
fn window(steps: usize) -> Vec<Level> {
    Grid::uniform_lambda(steps).without_clean_end().levels(&process("vp"), (-2.0_f64).exp(), 1.0_f64.exp()).unwrap()
}

/// The least-squares slope of −log error against log steps.
fn slope(steps: &[usize], errors: &[f64]) -> f64 {
    let points: Vec<(f64, f64)> = steps.iter().zip(errors).map(|(n, e)| ((*n as f64).ln(), e.ln())).collect();
    let count = points.len() as f64;
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let top: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    -top / points.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>()
}

const STEPS: [usize; 5] = [32, 64, 128, 256, 512];

/// Deterministic samplers on the exact mixture against a fine solution. The first step of Adams-2 has no past value and is of order 1:
/// its local error is of order 2, made once, so the global order stays 2.
#[test]
fn deterministic_orders_on_the_mixture() {
    let data = mixture();
    let run = |sampler: &Sampler, steps| {
        samples(&sampler.compile(&process("vp"), None, &window(steps)).unwrap(), &data, 200, 1)
    };
    // Order 3 with 16,384 steps: about 1e-9, far below the smallest error here.
    let truth = run(&Sampler::adams(3, 0.0).unwrap(), 16_384);
    for (sampler, order) in
        [(Sampler::ddim(0.0), 1.0), (Sampler::exponential(0.0), 1.0), (Sampler::adams(2, 0.0).unwrap(), 2.0)]
    {
        let error = |steps| {
            let x = run(&sampler, steps);
            (x.iter().zip(&truth).map(|(x, t)| (x - t).powi(2)).sum::<f64>() / x.len() as f64).sqrt()
        };
        let errors = STEPS.map(error);
        let got = slope(&STEPS, &errors);
        println!("{}: order {got:.3}", sampler.name());
        assert!((got - order).abs() < 0.15, "{}: order {got:.3}, errors {errors:?}", sampler.name());
    }
}

/// A space whose states are weights over the draws: with a linear denoiser a plan maps noise to noise, and this says how, exactly.
struct Weights(usize);

impl Space for Weights {
    type State = Vec<f64>;
    fn combine(
        &self,
        own: Option<(Coef<'_>, Vec<f64>)>,
        terms: &[(Coef<'_>, &Vec<f64>)],
        noise: &[(Coef<'_>, Draw)],
        _: &[SampleId],
    ) -> Result<Vec<f64>> {
        let number =
            |coef: &Coef<'_>| if let Coef::All(value) = coef { *value } else { panic!("one coefficient for all") };
        let mut sum = vec![0.0; self.0];
        let mut add = |coef, state: &[f64]| sum.iter_mut().zip(state).for_each(|(sum, x)| *sum += coef * x);
        if let Some((coef, state)) = &own {
            add(number(coef), state);
        }
        terms.iter().for_each(|(coef, state)| add(number(coef), state));
        noise.iter().for_each(|(coef, draw)| sum[*draw as usize] += number(coef));
        Ok(sum)
    }
    fn map(&self, _: &Map, _: &[&Vec<f64>]) -> Result<Vec<f64>> {
        panic!("linear plans have no maps")
    }
    fn error_norms(&self, _: &Vec<f64>, _: &Vec<f64>, _: &Vec<f64>, _: Tolerance) -> Result<Vec<f64>> {
        panic!("no adaptive control here")
    }
}

/// The exact denoiser of N(0, c).
struct Centred(f64);

impl Model<Vec<f64>> for Centred {
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let level = query.at.row(0);
        let gain = self.0 * level.alpha / (self.0 * level.alpha * level.alpha + level.sigma * level.sigma);
        Ok(x.iter().map(|x| gain * x).collect())
    }
}

/// Weak order of the stochastic family: the error of the final variance on Gaussian data, exact, with no sampling.
#[test]
fn weak_orders_on_a_gaussian() {
    let c = 0.25;
    for eta in [0.0, 0.5, 1.0, 1.7] {
        let error = |steps: usize| {
            let levels = window(steps);
            let plan = Sampler::exponential(eta).compile(&process("vp"), None, &levels).unwrap();
            let weights = plan.run(&Weights(plan.draws() as usize), &Centred(c), vec![], &[]).unwrap();
            let variance: f64 = weights.iter().map(|w| w * w).sum();
            // The plan starts at σ², not at p_T: so does the truth it is held against.
            let (a, fresh) = exact_reverse(c, &levels[0], levels.last().unwrap(), eta);
            (variance - (a * a * levels[0].sigma.powi(2) + fresh)).abs()
        };
        let got = slope(&STEPS, &STEPS.map(error));
        println!("h/g = {eta}: weak order {got:.3}");
        assert!((got - 1.0).abs() < 0.15, "η = {eta}: weak order {got:.3}");
    }
}

/// Sample i does not depend on its company, whatever the density, the sampler and the element type.
#[test]
fn samples_do_not_depend_on_batch_or_threads() {
    for name in langevin::exact::NAMES {
        let data = named(name).unwrap();
        let levels = Grid::karras(6).levels(&process("vp"), 0.002, 80.0).unwrap();
        let plan = Sampler::exponential(1.0).compile(&process("vp"), None, &levels).unwrap();
        let all: Vec<f64> = Sampling::new(60, data.dim()).run(&plan, &data).unwrap();
        for (chunk, threads) in [(1, 1), (7, 2), (60, 3)] {
            let same: Vec<f64> = Sampling::new(60, data.dim()).chunk(chunk).threads(threads).run(&plan, &data).unwrap();
            assert_eq!(all, same, "{name}");
        }
        let all: Vec<f32> = Sampling::new(60, data.dim()).run(&plan, &data).unwrap();
        let tail: Vec<f32> = Sampling::new(10, data.dim()).first(50).chunk(3).run(&plan, &data).unwrap();
        assert_eq!(all[50 * data.dim()..], tail, "{name}");
    }
}

/// Enough steps reach the data: sliced W2 to true samples is at the floor of two true sets.
#[test]
fn samplers_reach_the_data() {
    let data = eight_gaussians();
    let draw = |seed| data.sample(&(0..4000).map(|index| SampleId { seed, index }).collect::<Vec<_>>());
    let truth = draw(1);
    let distance = |x: &[f64]| langevin::metrics::sliced_wasserstein(x, &truth, 2, 50, 0).unwrap();
    let floor = distance(&draw(2));
    let levels = Grid::karras(40).levels(&process("rectified-flow"), 0.002, 80.0).unwrap();
    for sampler in [Sampler::adams(2, 0.0).unwrap(), Sampler::exponential(1.0)] {
        let plan = sampler.compile(&process("rectified-flow"), None, &levels).unwrap();
        let got = distance(&samples(&plan, &data, 4000, 2));
        // The floor is itself a random draw of about that size; a sampler that missed a mode would be at 0.3 or more.
        assert!(got < 2.5 * floor, "{}: {got} against {floor}", sampler.name());
    }
}
