use super::path::{CLEAN, Path};
use super::*;
use crate::exact::Gaussian;
use langevin::grid::Grid;
use langevin::model::{Branch, InputLevel, Model, Query};
use langevin::moves::exact_reverse;
use langevin::noise::SampleId;
use langevin::plan::{Input, Letter, Move, Op, Output, Parts, Plan};
use langevin::process::{Level, Process};
use langevin::sampler::{Sampler, Word};
use langevin::space::{Coef, Draw, Map, Space};
use langevin::{Formulation, Prediction, Result, Sampling};
use proptest::prelude::*;

const QUICK: AnalysisOptions = AnalysisOptions { score_error: 0.0, sources: false };

fn one(c: f64) -> Spectrum {
    Spectrum::from_eigenvalues(&[c]).unwrap()
}

fn full(plan: &Plan, data: &Spectrum) -> Analysis {
    plan.analyze(data, &AnalysisOptions::default()).unwrap()
}

fn part(analysis: &Analysis, cause: Cause) -> Contribution {
    *analysis.contributions.iter().find(|part| part.cause == cause).unwrap()
}

fn near(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * b.abs().max(1e-300), "{a:e} against {b:e}");
}

fn v(c: f64, level: &Level) -> f64 {
    level.alpha * level.alpha * c + level.sigma * level.sigma
}

/// λ from −1 to 2, evenly spaced; the plan ends at σ > 0.
fn window(process: &Process, steps: usize) -> Vec<Level> {
    Grid::uniform_lambda(steps).without_clean_end().levels(process, (-2.0_f64).exp(), 1.0_f64.exp()).unwrap()
}

fn karras(process: &Process, steps: usize) -> Vec<Level> {
    Grid::karras(steps).levels(process, 0.002, 80.0).unwrap()
}

fn compile(sampler: &Sampler, process: &Process, levels: &[Level]) -> Plan {
    sampler.compile(process, None, levels).unwrap()
}

/// A start that differs only in its variance.
fn with_start_variance(plan: Plan, variance: f64) -> Plan {
    edited(&plan, |parts| {
        let Op::Combine { noise, .. } = &mut parts.ops[0] else { panic!() };
        noise[0].0 = variance.sqrt();
    })
}

/// Returns the plan with one change.
fn edited(plan: &Plan, change: impl FnOnce(&mut Parts)) -> Plan {
    let mut parts = plan.clone().into_parts();
    change(&mut parts);
    parts.plan().unwrap()
}

/// States as the weight of the mean followed by the weight of each draw: the plan itself, run
/// forwards by the executor.
struct Forwards(usize);

impl Space for Forwards {
    type State = Vec<f64>;
    fn combine(
        &self,
        own: Option<(Coef<'_>, Vec<f64>)>,
        terms: &[(Coef<'_>, &Vec<f64>)],
        noise: &[(Coef<'_>, Draw)],
        _: &[SampleId],
    ) -> Result<Vec<f64>> {
        let number = |coef: &Coef<'_>| if let Coef::All(value) = coef { *value } else { panic!() };
        let mut sum = vec![0.0; 1 + self.0];
        for (coef, state) in own.iter().map(|(coef, x)| (coef, x)).chain(terms.iter().map(|(coef, x)| (coef, *x))) {
            sum.iter_mut().zip(state).for_each(|(sum, x)| *sum += number(coef) * x);
        }
        noise.iter().for_each(|(coef, draw)| sum[1 + *draw as usize] += number(coef));
        Ok(sum)
    }
    fn map(&self, _: &Map, _: &[&Vec<f64>]) -> Result<Vec<f64>> {
        panic!("linear plans have no maps")
    }
}

/// ε of N(m, c), times 1 + δ, read as D.
struct Wrong {
    c: f64,
    delta: f64,
}

impl Model<Vec<f64>> for Wrong {
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let InputLevel { alpha, sigma, .. } = query.at.row(0);
        let w = alpha * alpha * self.c + sigma * sigma;
        // ε = σ(x − αm)/w, D = (x − σε)/α.
        let noise = |x: f64, m: f64| (1.0 + self.delta) * sigma * (x - alpha * m) / w;
        let denoised = |(k, x): (usize, &f64)| (x - sigma * noise(*x, f64::from(u8::from(k == 0)))) / alpha;
        Ok(x.iter().enumerate().map(denoised).collect())
    }
}

/// Returns the mean over m and the variance of the result.
fn forwards(plan: &Plan, c: f64, delta: f64) -> (f64, f64) {
    let x = plan.run(&Forwards(plan.draws() as usize), &Wrong { c, delta }, vec![], &[]).unwrap();
    (x[0], x[1..].iter().map(|w| w * w).sum())
}

#[test]
fn one_step_by_hand() {
    // VE from σ = 1 to ½: x' = ½x + ½D, D = (c x + m)/(c + 1).
    let ve = Process::ve();
    let levels = [ve.level(1.0).unwrap(), ve.level(0.5).unwrap()];
    let plan = compile(&Sampler::ddim(0.0), &ve, &levels);
    let (c, m) = (0.7, -3.0);
    let data = Spectrum::from_axes(&[(c, m)]).unwrap();
    let response = full(&plan, &data).responses[0];
    let gain = 0.5 + 0.5 * c / (c + 1.0);
    near(response.variance, gain * gain, 1e-15);
    near(response.mean, 0.5 / (c + 1.0), 1e-15);
    // ε = (x − m)/(c + 1), D̂ = x − (1 + δ)ε.
    let delta = 0.1;
    let wrong = plan.analyze(&data, &AnalysisOptions { score_error: delta, ..QUICK }).unwrap().responses[0];
    near(wrong.variance, (1.0 - 0.5 * (1.0 + delta) / (c + 1.0)).powi(2), 1e-14);
    near(wrong.mean, 0.5 * (1.0 + delta) / (c + 1.0), 1e-14);
    // The distance by its definition.
    let total = full(&plan, &data).total;
    let shift = (response.mean * m - m).powi(2);
    near(total.w2.powi(2), shift + (response.variance.sqrt() - c.sqrt()).powi(2), 1e-14);
    let ratio = c / response.variance;
    near(total.kl, 0.5 * (ratio - 1.0 - ratio.ln() + shift / response.variance), 1e-14);
}

/// Compares the backward pass with the plan run forwards by the executor, for every kind of plan.
#[test]
fn backwards_is_forwards() {
    let words = ["(R L(0.4))*6", "R*4 F(-0.5) R(0.7)*3 L R*3", "R F R R(1.3) L(2) R*4"];
    for name in ["vp", "ve", "rectified-flow", "vp-cosine"] {
        let process = Process::parse(name).unwrap();
        let mut plans: Vec<Plan> = ["ddim", "exponential", "adams2", "adams3", "euler-ancestral"]
            .iter()
            .flat_map(|name| [None, Some(0.6)].map(|eta| Sampler::parse(name, eta).unwrap()))
            .map(|sampler| compile(&sampler, &process, &karras(&process, 7)))
            .collect();
        for word in words {
            let sampler = Sampler::word(Word::parse(word).unwrap());
            let levels = window(&process, 6);
            plans.extend(sampler.compile(&process, None, &levels).ok());
        }
        for plan in &plans {
            for c in [0.0, 1e-6, 0.3, 1.0, 40.0] {
                for delta in [0.0, 0.02] {
                    // The model of this test, unlike the crate's, lacks the limit at a point
                    // without spread or noise.
                    let options = AnalysisOptions { score_error: delta, sources: false };
                    let got = plan.analyze(&one(c), &options).unwrap().responses[0];
                    let (mean, variance) = forwards(plan, c, delta);
                    // D of this test is a difference divided by α, near 1/81 here, so each step has
                    // a hundred roundings.
                    assert!((got.mean - mean).abs() < 1e-11, "{} c {c}: {} {mean}", plan.name(), got.mean);
                    assert!(
                        (got.variance - variance).abs() < 1e-11 * variance.max(1.0),
                        "{} c {c}: {} {variance}",
                        plan.name(),
                        got.variance
                    );
                }
            }
        }
        assert!(plans.len() >= 12);
    }
}

/// A draw used in two places, or twice in one place, is one draw: its weights add before they are
/// squared.
#[test]
fn noise_used_twice_is_one_noise() {
    let level = Level { time: 1.0, alpha: 1.0, sigma: 1.0 };
    let plan = compile(&Sampler::ddim(0.0), &Process::ve(), &[level, CLEAN]);
    let eval = plan.ops()[1].clone();
    let ops = vec![
        Op::Combine { into: 0, terms: vec![], noise: vec![(1.0, 0), (0.5, 2)] },
        eval,
        Op::Combine { into: 0, terms: vec![(0.5, 0), (0.5, 1)], noise: vec![(0.25, 0), (-0.1, 1), (0.3, 1)] },
        Op::Combine { into: 0, terms: vec![(2.0, 0)], noise: vec![(0.2, 2)] },
    ];
    let plan = edited(&plan, |parts| (parts.draws, parts.ops, parts.moves) = (3, ops, vec![]));
    let c = 1.0;
    let analysis = full(&plan, &one(c));
    // D = x/2: x = z0 + z2/2 becomes 2(¾x + ¼z0 + 0.2 z1) + 0.2 z2.
    near(analysis.responses[0].variance, (1.5_f64 + 0.5).powi(2) + 0.4_f64.powi(2) + (0.75_f64 + 0.2).powi(2), 1e-15);
    near(analysis.responses[0].variance, forwards(&plan, c, 0.0).1, 1e-15);
    assert!(analysis.contributions.is_empty(), "without moves there is no path");
}

#[test]
fn eigenvalues_of_zero_are_told_as_they_are() {
    let ve = Process::ve();
    let kl = |levels: &[Level], data: &[(f64, f64)]| {
        let plan = compile(&Sampler::ddim(0.0), &ve, levels);
        full(&plan, &Spectrum::from_axes(data).unwrap()).total
    };
    let (noise, low) = (ve.level(2.0).unwrap(), ve.level(0.1).unwrap());
    // Down to the data, a point is met exactly, including its mean.
    let met = kl(&[noise, low, CLEAN], &[(0.0, 3.0)]);
    assert_eq!((met.w2, met.kl), (0.0, 0.0));
    // A point beside another point has an infinite KL divergence from it.
    let beside = compile(&Sampler::ddim(0.0), &ve, &[noise, CLEAN]);
    let twice = Op::Combine { into: 0, terms: vec![(2.0, 0)], noise: vec![] };
    let beside = edited(&beside, |parts| parts.ops.push(twice));
    let beside = full(&beside, &Spectrum::from_axes(&[(0.0, 3.0)]).unwrap()).total;
    assert_eq!((beside.w2, beside.kl), (3.0, f64::INFINITY));
    // Before the end there is variance in directions in which the data have none.
    let short = kl(&[noise, low], &[(0.0, 0.0)]);
    assert!(short.kl == f64::INFINITY && short.w2.is_finite() && short.w2 > 0.0);
    // A model may also lack variance that the data have: one step from pure noise lands on the
    // mean.
    let flow = Process::rectified_flow();
    let plan = compile(&Sampler::ddim(0.0), &flow, &[flow.level(1.0).unwrap(), flow.level(0.0).unwrap()]);
    let collapsed = full(&plan, &one(4.0)).total;
    assert_eq!((collapsed.w2, collapsed.kl), (2.0, f64::INFINITY));
    let text = full(&plan, &one(4.0)).to_string();
    assert!(text.contains('∞'), "{text}");
}

#[test]
fn the_distance_keeps_its_digits_where_it_is_small() {
    for x in [1e-9, 1e-5, 0.0299, 0.0301, 0.2, 0.499, 0.501, 3.0, -1e-7, -0.03, -0.4, -0.9] {
        // x − ln(1 + x) by its slowly convergent integral ∫ t/(1+t) dt: Simpson's rule, exact to a
        // relative 1e-13 here.
        let n = 20_000;
        let f = |t: f64| t / (1.0 + t);
        let h = x / f64::from(n);
        let sum: f64 = (0..n)
            .map(|i| {
                let a = f64::from(i) * h;
                (f(a) + 4.0 * f(a + 0.5 * h) + f(a + h)) * h / 6.0
            })
            .sum();
        // Forming c/v = 1 + x loses 1e-16/x of x.
        near(excess(1.0 + x, 1.0), sum, 1e-12 + 4e-16 / f64::abs(x));
    }
    assert_eq!(excess(1.0, 1e-320), f64::INFINITY);
    assert!(excess(1e-320, 1.0) > 700.0 && excess(1e-320, 1.0).is_finite());
}

fn slope(steps: &[usize], errors: &[f64]) -> f64 {
    let points: Vec<(f64, f64)> = steps.iter().zip(errors).map(|(n, e)| ((*n as f64).ln(), e.ln())).collect();
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / count, y + p.1 / count));
    let top: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    -top / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

/// The orders in which the discretisation error vanishes: 1 and 2 for the ODE, and 1 in the
/// variance (weak order) for the SDE.
#[test]
fn discretisation_converges_at_its_order() {
    let steps = [64, 128, 256, 512];
    let data = Spectrum::from_axes(&[(2.0, 1.0), (0.25, -1.0), (0.01, 0.0)]).unwrap();
    for (sampler, order) in [
        (Sampler::ddim(0.0), 1.0),
        (Sampler::adams(2, 0.0).unwrap(), 2.0),
        (Sampler::exponential(0.5), 1.0),
        (Sampler::exponential(1.0), 1.0),
        (Sampler::adams(2, 1.0).unwrap(), 2.0),
    ] {
        let errors = steps.map(|steps| {
            let plan = compile(&sampler, &Process::vp(), &window(&Process::vp(), steps));
            part(&full(&plan, &data), Cause::Discretisation).alone.w2
        });
        let got = slope(&steps, &errors);
        println!("{} order {got:.3} {errors:?}", sampler.name());
        assert!((got - order).abs() < 0.15, "{}: order {got:.3}, {errors:?}", sampler.name());
    }
}

/// With the exact start and zero-length steps nothing is lost: the error falls with the steps, and
/// the other sources are 0.
#[test]
fn no_error_where_there_is_no_source_of_error() {
    // At σ/α = 10⁶ the start equals p_T up to 10⁻¹²; the end is the data.
    let process = Process::ve();
    let levels = |steps| Grid::uniform_lambda(steps).levels(&process, 1e-6, 1e6).unwrap();
    let analysis = full(&compile(&Sampler::adams(2, 0.0).unwrap(), &process, &levels(4000)), &one(0.7));
    assert!(part(&analysis, Cause::Start).alone.kl < 1e-24);
    assert_eq!(part(&analysis, Cause::Truncation).alone, Distance::default());
    assert_eq!(part(&analysis, Cause::Score).alone, Distance::default());
    let coarse = full(&compile(&Sampler::adams(2, 0.0).unwrap(), &process, &levels(400)), &one(0.7));
    let (fine, coarse) = (analysis.total.w2, coarse.total.w2);
    // Second order: a hundredth.
    assert!(fine < 1e-5 && (coarse / fine - 100.0).abs() < 20.0, "{fine:e} {coarse:e}");
}

/// The table for the set-up of arXiv 2604.10465: rectified flow, x0 ~ N(0, 0.7), from s = 0.95 with
/// 1.1 times the variance to s = 0.05, with the exact score.
#[test]
fn a_wrong_start_is_forgotten_as_fast_as_theory_says() {
    let (process, c) = (Process::rectified_flow(), 0.7);
    let (from, to) = (process.level(0.95).unwrap(), process.level(0.05).unwrap());
    for (eta, expected, tolerance) in [(0.0, 0.00220, 3e-3), (0.5, 0.000107, 5e-3), (1.0, 9e-9, 0.05), (1.7, 0.0, 0.0)]
    {
        let plan = |steps: u32| {
            let time = |i: u32| 0.95 - 0.9 * f64::from(i) / f64::from(steps);
            let grid = Grid::list((0..=steps).map(|i| time(i) / (1.0 - time(i))).collect());
            let levels = grid.levels(&process, 0.1, 1.0).unwrap();
            with_start_variance(compile(&Sampler::exponential(eta), &process, &levels), 1.1 * v(c, &from))
        };
        let variance = |steps| plan(steps).analyze(&one(c), &QUICK).unwrap().responses[0].variance;
        // The plan with ever shorter steps: the first order is extrapolated away, so the rest is
        // second order.
        let limit = 2.0 * variance(6000) - variance(3000);
        let plan = plan(100);
        let passage = Passage::new(&plan, 1, 1).unwrap();
        let path = Path::new(&passage).unwrap();
        let start = Moments { mean: from.alpha, variance: 1.1 * v(c, &from) };
        let end = path.carry(c, start);
        let mut tally = Tally::default();
        tally.add(&one(c).eigenvalues()[0], Moments::marginal(c, &to), end);
        println!("h/g = {eta}: {:e}", tally.kl);
        assert!((tally.kl - expected).abs() <= tolerance * expected + 1e-15, "{:e}", tally.kl);
        near(limit, end.variance, 3e-5);
        // The analysis continues to the data with the same h/g; from p_T nothing is lost at all.
        let analysis = full(&plan, &one(c));
        let (a, fresh) = exact_reverse(c, &from, &CLEAN, eta);
        let finished = a * a * 1.1 * v(c, &from) + fresh;
        let got = part(&analysis, Cause::Start).alone.w2;
        // A difference of roots of order one.
        assert!((got - (finished.sqrt() - c.sqrt()).abs()).abs() < 1e-15, "{got:e}");
        let fair = path.carry(c, Moments::marginal(c, &from));
        near(fair.variance, v(c, &to), 1e-14);
        near(fair.mean, to.alpha, 1e-14);
    }
}

/// The truncation alone is p_t at the end against the data. With an exact start it is the whole
/// error except for the steps.
#[test]
fn truncation_is_the_noise_that_is_left() {
    let process = Process::vp();
    let levels = window(&process, 50);
    let (end, c, m) = (levels[50], 0.3, 2.0);
    let data = Spectrum::from_axes(&[(c, m)]).unwrap();
    let analysis = full(&compile(&Sampler::exponential(1.0), &process, &levels), &data);
    let alone = part(&analysis, Cause::Truncation).alone;
    let shift = (end.alpha * m - m).powi(2);
    near(alone.w2.powi(2), shift + (v(c, &end).sqrt() - c.sqrt()).powi(2), 1e-13);
    let ratio = c / v(c, &end);
    near(alone.kl, 0.5 * (ratio - 1.0 - ratio.ln() + shift / v(c, &end)), 1e-13);
}

/// The parts add up to the whole, for every plan.
#[test]
fn the_sources_add_up() {
    let process = Process::vp();
    let data = Spectrum::from_axes(&[(3.0, 0.3), (0.5, -1.0), (0.02, 0.0)]).unwrap();
    let options = AnalysisOptions { score_error: 0.03, ..Default::default() };
    let word = Word::parse("R(0.5)*3 L(0.3) F R*3").unwrap();
    for sampler in [Sampler::ddim(0.5), Sampler::adams(2, 0.7).unwrap(), Sampler::lcm(), Sampler::word(word)] {
        for levels in [window(&process, 5), karras(&process, 5)] {
            let analysis = compile(&sampler, &process, &levels).analyze(&data, &options).unwrap();
            let last = part(&analysis, Cause::Score);
            assert_eq!(last.so_far, analysis.total);
            let sum: f64 = analysis.kl_parts().into_iter().map(Option::unwrap).sum();
            near(sum, analysis.total.kl, 1e-13);
            let order: Vec<Cause> = analysis.contributions.iter().map(|part| part.cause).collect();
            assert_eq!(order, [Cause::Start, Cause::Truncation, Cause::Discretisation, Cause::Score]);
        }
    }
    // Nothing can be added to an infinite divergence.
    let flat = full(&compile(&Sampler::ddim(0.0), &process, &window(&process, 5)), &one(0.0));
    assert_eq!(flat.kl_parts()[1..], [Some(f64::INFINITY), None, None]);
}

/// Every letter of a word as its exact transition.
#[test]
fn words_have_a_path() {
    let (process, c) = (Process::vp(), 0.4);
    let levels = window(&process, 4);
    let path = |text: &str| {
        let plan = compile(&Sampler::word(Word::parse(text).unwrap()), &process, &levels);
        Path::new(&Passage::new(&plan, 1, 1).unwrap()).unwrap()
    };
    let wrong = Moments { mean: 0.0, variance: 0.3 };
    // Langevin for a time of k σ²/Λ: the error shrinks by e^{−kσ²/v}, with v the variance of p_t.
    let end = path("R*4 L(0.8)");
    let before = path("R*4").carry(c, wrong);
    let at = levels[4];
    let r = (-0.8 * at.sigma * at.sigma / v(c, &at)).exp();
    let after = end.carry(c, wrong);
    near(after.variance - v(c, &at), r * r * (before.variance - v(c, &at)), 1e-12);
    near(after.mean - at.alpha, r * (before.mean - at.alpha), 1e-12);
    // Forward, and back at h/g = 1, keep p_t and the share ρ of the error in between.
    for text in ["R R F R*3", "R(1)*2 F R(1)*3", "R F R*2 L(3) R*2"] {
        let kept = path(text).carry(c, Moments::marginal(c, &levels[0]));
        near(kept.variance, v(c, &at), 1e-13);
        near(kept.mean, at.alpha, 1e-13);
        let off = path(text).carry(c, wrong);
        assert!((off.variance - v(c, &at)).abs() < (before.variance - v(c, &at)).abs());
    }
    // One R of a run equals the run itself.
    let (a, fresh) = exact_reverse(c, &levels[0], &at, 0.6);
    let run = path("R(0.6)*4").carry(c, wrong);
    near(run.variance, a * a * wrong.variance + fresh, 1e-13);
    // Two runs with different h/g stay two.
    let (a, fresh) = exact_reverse(c, &levels[0], &levels[2], 0.2);
    let halfway = a * a * wrong.variance + fresh;
    let (a, fresh) = exact_reverse(c, &levels[2], &at, 1.0);
    near(path("R(0.2)*2 R(1)*2").carry(c, wrong).variance, a * a * halfway + fresh, 1e-13);
    // LCM forgets its start. DDIM(½) does not, although its last step has no h/g in the table.
    let levels = karras(&process, 4);
    let start = |sampler: Sampler| {
        let plan = with_start_variance(compile(&sampler, &process, &levels), 2.0);
        part(&full(&plan, &one(c)), Cause::Start).alone.kl
    };
    assert_eq!(start(Sampler::lcm()), 0.0);
    assert!(start(Sampler::ddim(0.5)) > 0.0 && start(Sampler::ddim(0.5)) < start(Sampler::ddim(0.0)));
    // A corrector's step is the predictor's, taken once: the path has one step each, with its h/g.
    for name in ["unipc", "sa-solver"] {
        let plan = compile(&Sampler::parse(name, None).unwrap(), &process, &levels);
        assert!(plan.moves().len() > 4);
        let path = Path::new(&Passage::new(&plan, 1, 1).unwrap()).unwrap();
        let expected = levels.windows(2).fold(wrong.variance, |x, pair| {
            let note = plan.moves().iter().rfind(|note| note.from == pair[0]).unwrap();
            let (a, fresh) = exact_reverse(c, &pair[0], &pair[1], note.eta.unwrap());
            a * a * x + fresh
        });
        near(path.carry(c, wrong).variance, expected, 1e-12);
    }
    // Inversion forgets nothing; forward with noise does.
    let inverse = compile(&Sampler::parse("ddim-inversion", None).unwrap(), &process, &levels);
    let path = Path::new(&Passage::new(&inverse, 1, 1).unwrap()).unwrap();
    let first = inverse.moves()[0].from;
    let far = path.carry(c, Moments { mean: first.alpha, variance: 2.0 * v(c, &first) });
    near(far.variance, 2.0 * v(c, &path.end), 1e-13);
    // Up from the data themselves: all of p_t, even from a point.
    let plan = edited(&inverse, |parts| parts.moves[0].from = CLEAN);
    let path = Path::new(&Passage::new(&plan, 1, 1).unwrap()).unwrap();
    near(path.carry(0.0, Moments::marginal(0.0, &CLEAN)).variance, v(0.0, &path.end), 1e-14);
    // A step that jumps to another level than the table says is not a path.
    let plan = compile(&Sampler::ddim(0.0), &process, &levels);
    let jumping = edited(&plan, |parts| parts.moves[1].from.sigma *= 1.01);
    assert!(full(&jumping, &one(c)).contributions.is_empty());
    let forward = edited(&plan, |parts| parts.moves[0].letter = Letter::F);
    assert!(full(&forward, &one(c)).contributions.is_empty());
}

/// Compares samples drawn by the executor with the exact denoiser to the mean and variance of the
/// analysis.
#[test]
fn samples_agree() {
    let (variances, means, count) = ([2.0, 0.3, 0.01], [1.0, -0.5, 3.0], 20_000);
    let covariance = [2.0, 0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0, 0.01];
    let data = Gaussian::new(means.to_vec(), &covariance).unwrap();
    let axes: Vec<_> = variances.into_iter().zip(means).collect();
    let spectrum = Spectrum::from_axes(&axes).unwrap();
    let process = Process::vp();
    let word = Word::parse("R*3 F(-0.5) R(1)*5 L(0.5)").unwrap();
    for (sampler, levels) in [
        (Sampler::ddim(0.0), karras(&process, 5)),
        (Sampler::exponential(1.0), window(&process, 5)),
        (Sampler::adams(2, 0.5).unwrap(), karras(&process, 5)),
        (Sampler::word(word), window(&process, 5)),
    ] {
        let Ok(plan) = sampler.compile(&process, None, &levels) else { panic!("{}", sampler.name()) };
        let x: Vec<f64> = Sampling::new(count, 3).seed(9).run(&plan, &data).unwrap();
        for (axis, response) in plan.analyze(&spectrum, &QUICK).unwrap().responses.iter().enumerate() {
            let along = || x.chunks_exact(3).map(|x| x[axis]);
            let mean = along().sum::<f64>() / count as f64;
            let variance = along().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64;
            let (expected, n) = (response.mean * means[axis], count as f64);
            // Five standard errors of the mean and of the variance of normals.
            assert!((mean - expected).abs() < 5.0 * (response.variance / n).sqrt(), "{}: {mean}", sampler.name());
            assert!(
                (variance / response.variance - 1.0).abs() < 5.0 * (2.0 / n).sqrt(),
                "{} axis {axis}: {variance} against {}",
                sampler.name(),
                response.variance
            );
        }
    }
}

/// An input is a datum or a noisy datum. In either case it gives a draw of p_T, and the start is no
/// source of error.
#[test]
fn inputs_are_draws_of_the_data() {
    let process = Process::vp();
    let (from, to) = (process.level(1.0).unwrap(), process.level(0.5).unwrap());
    let data = Spectrum::from_axes(&[(0.7, -2.0), (0.0, 1.0)]).unwrap();
    let step = |mut ops: Vec<Op>, count: usize| {
        let row = langevin::moves::Row::new(&from, &to, 0.6);
        ops.push(Op::Eval { from: 0, level: from, out: vec![Output { branch: Branch::Main, into: 1 }], net: None });
        ops.push(Op::Combine { into: 0, terms: vec![(row.a, 0), (row.b, 1)], noise: vec![(row.c, 1)] });
        let last = ops.len() - 1;
        let moves = vec![Move { letter: Letter::R, eta: None, from, to, ops: [last - 1, last] }];
        let inputs = (0..count).map(|k| Input { name: format!("image {k}"), slot: 2 * k }).collect();
        let (process, name) = (process.spec(), "image".into());
        Parts { name, process, network: None, slots: 4, draws: 2, result: 0, inputs, ops, moves, origin: None }
            .plan()
            .unwrap()
    };
    let row = langevin::moves::Row::new(&from, &to, 0.6);
    for plan in [
        step(vec![], 1),
        step(vec![Op::Combine { into: 0, terms: vec![(from.alpha, 0)], noise: vec![(from.sigma, 0)] }], 1),
        // Half of one image and half of the same image.
        step(
            vec![Op::Combine {
                into: 0,
                terms: vec![(0.5 * from.alpha, 0), (0.5 * from.alpha, 2)],
                noise: vec![(from.sigma, 0)],
            }],
            2,
        ),
    ] {
        let analysis = full(&plan, &data);
        assert!(part(&analysis, Cause::Start).alone.kl < 1e-28, "{analysis}");
        let (c, response) = (0.7, analysis.responses[0]);
        let gain = row.a + row.b * from.alpha * c / v(c, &from);
        near(response.variance, gain * gain * v(c, &from) + row.c * row.c, 1e-14);
        let mean = gain * from.alpha + row.b * from.sigma * from.sigma / v(c, &from);
        near(response.mean, mean, 1e-14);
        // The plan from p_T is therefore the plan itself.
        near(part(&analysis, Cause::Discretisation).so_far.w2, analysis.total.w2, 1e-14);
        let fair = (gain * gain * v(c, &from) + row.c * row.c).sqrt() - v(c, &to).sqrt();
        let flat = (row.a * row.a * from.sigma * from.sigma + row.c * row.c).sqrt() - to.sigma;
        let (shift, alone) = (2.0 * (mean - to.alpha), part(&analysis, Cause::Discretisation).alone.w2);
        near(alone.powi(2), shift * shift + fair * fair + flat * flat, 1e-12);
    }
    let plan = edited(&step(vec![], 1), |parts| parts.moves.clear());
    assert!(plan.analyze(&data, &QUICK).unwrap_err().to_string().contains("where the inputs stand"));
}

/// With D exact in both branches guidance is the identity.
#[test]
fn guidance_does_nothing_to_an_exact_model() {
    let process = Process::vp();
    let plain = compile(&Sampler::ddim(0.0), &process, &karras(&process, 3));
    let into = plain.slots();
    let ops = plain
        .ops()
        .iter()
        .cloned()
        .flat_map(|op| match op {
            Op::Eval { from, level, mut out, net } => {
                let main = out[0].into;
                out.push(Output { branch: Branch::Unconditional, into });
                let mix = Op::Combine { into: main, terms: vec![(7.5, main), (-6.5, into)], noise: vec![] };
                vec![Op::Eval { from, level, out, net }, mix]
            }
            op => vec![op],
        })
        .collect();
    let guided = edited(&plain, |parts| (parts.slots, parts.ops, parts.moves) = (into + 1, ops, vec![]));
    for c in [0.1, 3.0] {
        let variance = |plan: &Plan| plan.analyze(&one(c), &QUICK).unwrap().responses[0].variance;
        near(variance(&guided), variance(&plain), 1e-13);
    }
}

/// A network changes how D is computed, not how the plan uses it.
#[test]
fn the_network_plays_no_part() {
    let process = Process::vp();
    let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let sampler = Sampler::adams(2, 0.5).unwrap();
    let bound = sampler.compile(&process, Some(&network), &karras(&process, 4)).unwrap();
    let bare = compile(&sampler, &process, &karras(&process, 4));
    assert_eq!(full(&bound, &one(0.3)), full(&bare, &one(0.3)));
}

#[test]
fn pure_noise_with_a_wrong_score_stays_finite() {
    let flow = Process::rectified_flow();
    let levels = Grid::list(vec![f64::INFINITY, 1.0, 0.0]);
    assert!(levels.levels(&flow, 0.1, 1.0).is_ok());
    let levels = levels.levels(&flow, 0.1, 1.0).unwrap();
    let plan = compile(&Sampler::ddim(0.0), &flow, &levels);
    let analysis = plan.analyze(&one(0.5), &AnalysisOptions { score_error: 0.1, ..Default::default() }).unwrap();
    assert!(analysis.total.kl.is_finite() && analysis.contributions.len() == 4, "{analysis}");
    // The start is p_T.
    assert!(part(&analysis, Cause::Start).alone.kl < 1e-28);
}

proptest! {
    /// Merging eigenvalues, sharing blocks and the order of eigenvalues change only the last digits
    /// of sums.
    #[test]
    fn each_eigenvalue_is_on_its_own(values in prop::collection::vec(0.0_f64..5.0, 1..40), repeats in 1_usize..4) {
        let process = Process::vp();
        let plan = compile(&Sampler::adams(2, 0.3).unwrap(), &process, &karras(&process, 4));
        let many: Vec<f64> = values.iter().cycle().take(values.len() * repeats).copied().collect();
        let counted: Vec<_> = values.iter().map(|c| (*c, repeats as u64)).collect();
        let (a, b) = (Spectrum::from_eigenvalues(&many).unwrap(), Spectrum::from_counts(&counted).unwrap());
        prop_assert_eq!(&a, &b);
        // Of the means only the sum of their squares remains.
        let moved: Vec<_> = many.iter().map(|c| (*c, 3.0)).collect();
        let moved = Spectrum::from_axes(&moved).unwrap();
        prop_assert!(moved.eigenvalues().iter().all(|c| c.mean_square == 9.0 * c.count as f64));
        let (whole, mut square) = (full(&plan, &a), 0.0);
        prop_assert_eq!(whole.dimension, many.len() as u64);
        for response in &whole.responses {
            let alone = full(&plan, &one(response.data));
            prop_assert_eq!(alone.responses[0].variance, response.variance);
            square += alone.total.w2.powi(2) * response.count as f64;
        }
        prop_assert!((whole.total.w2.powi(2) - square).abs() < 1e-12 * square.max(1e-12));
    }
}

/// The spectrum of rows, computed either way round, is that of their covariance. The analysis sees
/// nothing else.
#[test]
fn data_are_analysed_in_any_axes() {
    let process = Process::vp();
    let plan = compile(&Sampler::adams(2, 0.0).unwrap(), &process, &karras(&process, 6));
    // Rows with a mean, stretched and rotated: x = m + R(θ)·diag(2, ½, 0.1) z, thirty of them.
    let (sin, cos) = (0.6, 0.8);
    let rows: Vec<f64> = (0..30_u64)
        .flat_map(|index| {
            let mut z = [0.0_f32; 3];
            langevin::noise::fill_normals(&[SampleId { seed: 5, index }], 0, 3, &mut z);
            let [a, b, c] = z.map(f64::from);
            let (a, b, c) = (2.0 * a, 0.5 * b, 0.1 * c);
            [1.0 + cos * a - sin * b, -2.0 + sin * a + cos * b, 0.5 + c]
        })
        .collect();
    let mean: Vec<f64> = (0..3).map(|k| rows.iter().skip(k).step_by(3).sum::<f64>() / 30.0).collect();
    let covariance: Vec<f64> = (0..9)
        .map(|k| rows.chunks_exact(3).map(|x| (x[k / 3] - mean[k / 3]) * (x[k % 3] - mean[k % 3])).sum::<f64>() / 30.0)
        .collect();
    let spectrum = Spectrum::from_data(&rows, 3).unwrap();
    let given = full(&plan, &Spectrum::from_covariance(mean.clone(), &covariance).unwrap());
    let found = full(&plan, &spectrum);
    near(found.total.w2, given.total.w2, 1e-10);
    near(found.total.kl, given.total.kl, 1e-10);
    // A further rotation changes nothing.
    let turned: Vec<f64> =
        rows.chunks_exact(3).flat_map(|x| [x[1], 0.8 * x[0] + 0.6 * x[2], 0.6 * x[0] - 0.8 * x[2]]).collect();
    near(full(&plan, &Spectrum::from_data(&turned, 3).unwrap()).total.kl, found.total.kl, 1e-10);
    // Embedded in 60 dimensions there are fewer rows than dimensions: the same eigenvalues and
    // zeros.
    let wide: Vec<f64> = rows
        .chunks_exact(3)
        .flat_map(|x| {
            let mut wide = [0.25; 60];
            wide[7] = x[0];
            wide[20] = x[1];
            wide[59] = x[2];
            wide
        })
        .collect();
    let wide = Spectrum::from_data(&wide, 60).unwrap();
    assert_eq!((wide.dimension(), wide.eigenvalues().len()), (60, 4));
    for (a, b) in wide.eigenvalues().iter().zip(spectrum.eigenvalues()) {
        near(a.value, b.value, 1e-12);
        near(a.mean_square, b.mean_square, 1e-10);
    }
    let flat = wide.eigenvalues()[3];
    assert_eq!((flat.value, flat.count), (0.0, 57));
    near(flat.mean_square, 57.0 * 0.0625, 1e-10);
}

#[test]
fn power_laws_have_mean_variance_one() {
    for (exponent, dimension) in [(0.0, 7), (1.0, 1), (2.0, 3072), (3.5, 100)] {
        let data = Spectrum::power_law(exponent, dimension).unwrap();
        let total: f64 = data.eigenvalues().iter().rev().map(|c| c.value * c.count as f64).sum();
        near(total / dimension as f64, 1.0, 1e-12);
        assert_eq!(data.dimension(), dimension as u64);
    }
    assert!(Spectrum::parse(" power : 2 : d=10 ").is_ok());
    let law = Spectrum::parse("power:2:d=10").unwrap();
    near(law.eigenvalues()[0].value / law.eigenvalues()[9].value, 100.0, 1e-14);
    // White data cost one eigenvalue.
    assert_eq!(Spectrum::power_law(0.0, 1_000_000).unwrap().eigenvalues().len(), 1);
}

#[test]
fn bad_spectra_are_refused() {
    let message = |result: Result<Spectrum>| result.unwrap_err().to_string();
    for (result, expected) in [
        (Spectrum::from_eigenvalues(&[]), "1 to 1000000"),
        (Spectrum::from_eigenvalues(&[1.0, -0.5]), "eigenvalue 1"),
        (Spectrum::from_eigenvalues(&[f64::NAN]), "NaN"),
        (Spectrum::from_eigenvalues(&[f64::INFINITY]), "finite number ≥ 0"),
        (Spectrum::from_eigenvalues(&vec![1.0; 1_000_001]), "got 1000001"),
        (Spectrum::from_counts(&[(1.0, 0)]), "at least 1"),
        (Spectrum::from_counts(&[(1.0, u64::MAX), (2.0, u64::MAX)]), "2⁵³"),
        (Spectrum::from_axes(&[(1.0, f64::NAN)]), "mean must be finite"),
        (Spectrum::power_law(-1.0, 3), "≥ 0"),
        (Spectrum::power_law(f64::NAN, 3), "NaN"),
        (Spectrum::power_law(1000.0, 3072), "small enough"),
        (Spectrum::power_law(1.0, 0), "1 to 1000000"),
        (Spectrum::power_law(1.0, usize::MAX), "1 to 1000000"),
        (Spectrum::parse("powre:1:d=4"), "did you mean 'power'?"),
        (Spectrum::parse("power:1"), "power:P:d=D"),
        (Spectrum::parse("power:1:4"), "power:P:d=D"),
        (Spectrum::parse("power:x:d=4"), "power:P:d=D"),
        (Spectrum::parse("power:1:d=-4"), "power:P:d=D"),
        (Spectrum::parse("power:1:d=4:5"), "power:P:d=D"),
        (Spectrum::from_data(&[], 3), "at least one"),
        (Spectrum::from_data(&[1.0; 4], 3), "multiple of 3"),
        (Spectrum::from_data(&[1.0; 4], 0), "multiple of 0"),
        (Spectrum::from_data(&vec![1.0; 4097 * 4097], 4097), "1 to 4096 dimensions, or as many rows"),
        (Spectrum::from_eigenspaces(&[]), "1 to 1000000"),
        (Spectrum::from_eigenspaces(&[(1.0, 0, 0.0)]), "at least 1"),
        (Spectrum::from_eigenspaces(&[(-1.0, 1, 0.0)]), "eigenvalue 0"),
        (Spectrum::from_eigenspaces(&[(1.0, 1, 0.0), (1.0, 1, -1.0)]), "eigenvalue 1"),
        (Spectrum::from_eigenspaces(&[(1.0, 1, f64::INFINITY)]), "squared length"),
        (Spectrum::from_data(&[1.0, 2.0, 3.0, f64::NAN], 2), "row 1, column 1"),
        (Spectrum::from_data(&[1e300, -1e300], 1), "beyond f64"),
        (Spectrum::from_covariance(vec![0.0; 2], &[1.0, 0.0, 0.0, -1.0]), "semi-definite"),
        (Spectrum::from_covariance(vec![], &[]), "4096"),
    ] {
        let message = message(result);
        assert!(message.contains(expected), "{message}");
    }
    // One row is a point.
    let point = Spectrum::from_data(&[3.0, 4.0], 2).unwrap();
    assert_eq!(point.eigenvalues().len(), 1);
    assert_eq!((point.eigenvalues()[0].value, point.eigenvalues()[0].mean_square), (0.0, 25.0));
    assert_eq!(Spectrum::from_eigenvalues(&[-0.0, 0.0]).unwrap().eigenvalues().len(), 1);
}

/// Directions without variance keep none, for any rounding of means and eigenvalues, because the KL
/// divergence depends on it.
#[test]
fn no_variance_is_zero_to_the_last_bit() {
    // A tenth is not exact in f64, so the mean of thirty rounds.
    let constant = Spectrum::from_data(&[0.1; 30], 1).unwrap();
    assert_eq!(constant.eigenvalues()[0].value, 0.0);
    near(constant.eigenvalues()[0].mean_square, 0.01, 1e-14);
    // Two equal columns and a constant one: eigenvalues 2, 0, 0, both ways.
    let rows: Vec<f64> = (0..30).flat_map(|k| [f64::from(k % 2 * 2), f64::from(k % 2 * 2), 0.7]).collect();
    let found = Spectrum::from_data(&rows, 3).unwrap();
    let covariance = [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    let given = Spectrum::from_covariance(vec![1.0, 1.0, 0.7], &covariance).unwrap();
    for spectrum in [found, given] {
        let [line, flat] = spectrum.eigenvalues() else { panic!("{spectrum:?}") };
        near(line.value, 2.0, 1e-14);
        near(line.mean_square, 2.0, 1e-14);
        assert_eq!((flat.value, flat.count), (0.0, 2));
        near(flat.mean_square, 0.49, 1e-13);
    }
}

/// Pictures often have more elements than there are rows: the number of rows determines the cost.
#[test]
fn few_rows_may_be_of_any_width() {
    let width = 10_000;
    let rows: Vec<f64> = (0..3 * width).map(|k| if k / width == k % width % 3 { 3.0 } else { 0.0 }).collect();
    let spectrum = Spectrum::from_data(&rows, width).unwrap();
    assert_eq!(spectrum.dimension(), width as u64);
    // Three orthogonal vectors of squared length 9·w/3, up to a last 9: both eigenvalues are a
    // third of it.
    let [first, .., flat] = spectrum.eigenvalues() else { panic!() };
    near(first.value, 10_000.0, 1e-3);
    assert!(flat.value == 0.0 && flat.count == width as u64 - 2);
}

#[test]
fn plans_that_cannot_be_analysed_are_refused() {
    let process = Process::ve();
    let good = compile(&Sampler::ddim(0.0), &process, &karras(&process, 3));
    let wrong = |plan: &Plan, data: &Spectrum, options| plan.analyze(data, &options).unwrap_err().to_string();
    let bad = AnalysisOptions { score_error: f64::NAN, ..QUICK };
    assert!(wrong(&good, &one(1.0), bad).contains("error of the score"));
    let clamp = Op::Map { map: Map::Clamp { min: -1.0, max: 1.0 }, from: vec![0], into: 0 };
    let mapped = edited(&good, |parts| parts.ops.push(clamp));
    assert!(wrong(&mapped, &one(1.0), QUICK).contains("without maps"));
    let combine = good.ops()[0].clone();
    let large = edited(&good, |parts| parts.ops.extend(std::iter::repeat_n(combine, 20_000)));
    let wide = Spectrum::power_law(1.0, 1_000_000).unwrap();
    assert!(wrong(&large, &wide, QUICK).contains("too large"));
    // A header may promise any number of draws; only the used ones count.
    let many = edited(&good, |parts| parts.draws = u32::MAX);
    assert_eq!(many.analyze(&one(1.0), &QUICK).unwrap().total, good.analyze(&one(1.0), &QUICK).unwrap().total);
    let vast = Spectrum::from_eigenvalues(&[1e308, 1e308]).unwrap();
    let error = good.analyze(&vast, &QUICK).unwrap_err();
    assert!(error.is_singular() && error.to_string().contains("distance"), "{error}");
    let wild = edited(&good, |parts| {
        for op in &mut parts.ops {
            let Op::Combine { terms, .. } = op else { continue };
            terms.iter_mut().for_each(|term| term.0 = 1e200);
        }
    });
    let error = wild.analyze(&one(1.0), &QUICK).unwrap_err();
    assert!(error.is_singular() && error.to_string().contains("beyond f64"), "{error}");
}

#[test]
fn the_table_is_as_it_was() {
    let process = Process::vp();
    let plan = compile(&Sampler::adams(2, 0.0).unwrap(), &process, &window(&process, 8));
    let data = Spectrum::from_axes(&[(1.0, 0.5), (0.1, 0.0)]).unwrap();
    let options = AnalysisOptions { score_error: 0.01, ..Default::default() };
    insta::assert_snapshot!(plan.analyze(&data, &options).unwrap());
}

/// One step to σ = 0 from p_t at ω gives D, with variance c²/(c + ω). This is the whole last step,
/// and the whole remaining error of many steps.
#[test]
fn the_last_step_is_told_apart() {
    let (c, mean) = (0.7, 1.5);
    let data = Spectrum::from_axes(&[(c, mean)]).unwrap();
    for process in [Process::ve(), Process::vp(), Process::rectified_flow()] {
        let plan = |levels: Vec<f64>| {
            compile(&Sampler::ddim(0.0), &process, &Grid::list(levels).levels(&process, 0.1, 1.0).unwrap())
        };
        let leap = c * c / (c + 0.25);
        let expected = Tally { square: (leap.sqrt() - c.sqrt()).powi(2), kl: 0.5 * excess(c, leap) }.distance();
        let only = full(&plan(vec![0.5, 0.0]), &data).last.unwrap();
        near(only.from, 0.5, 1e-12);
        near(only.alone.w2, expected.w2, 1e-12);
        near(only.alone.kl, expected.kl, 1e-12);
        // Nothing comes before it. DDIM from p_t is D itself, up to the rounding of √.
        assert!(only.rest.w2 < 1e-12 && only.rest.kl < 1e-24, "{:?}", only.rest);
        let most = full(&plan(vec![5.0, 2.0, 0.5, 0.0]), &data).last.unwrap();
        near(most.alone.kl, expected.kl, 1e-12);
        assert!(most.rest.kl > 1e-3);
        // 4,000 steps of first order leave 1/4,000 of an error of about 1.
        let fine: Vec<f64> = (0..=4000).map(|k| 5.0 * (0.1_f64).powf(f64::from(k) / 4000.0)).chain([0.0]).collect();
        let fine = full(&plan(fine), &data);
        assert!(fine.last.unwrap().rest.w2 < 1e-3);
        near(part(&fine, Cause::Discretisation).alone.w2, expected.w2, 1e-2);
        // A plan that stops at σ > 0 has no such step.
        assert_eq!(full(&plan(vec![5.0, 0.5]), &data).last, None);
    }
    // Data without variance stay in place.
    let flat = Spectrum::from_eigenvalues(&[0.0]).unwrap();
    let levels = karras(&Process::ve(), 5);
    let last = full(&compile(&Sampler::ddim(0.0), &Process::ve(), &levels), &flat).last.unwrap();
    assert_eq!((last.alone.w2, last.alone.kl), (0.0, 0.0));
}
