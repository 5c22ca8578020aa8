#![allow(clippy::unwrap_used)]

use super::*;
use crate::exact::{self, Density, Gaussian};
use langevin::ReadAs;
use langevin::grid::Grid;
use langevin::model::{Model, Query};
use langevin::process::Process;
use langevin::sampler::Sampler;
use langevin::space::SliceSpace;

fn ids(seed: u64, count: u64) -> Vec<SampleId> {
    (0..count).map(|index| SampleId { seed, index }).collect()
}

/// The training range of all models here.
fn trained() -> LambdaRange {
    LambdaRange::from_sigma_ve(0.002, 80.0).unwrap()
}

/// A density whose ε is (1 + δ(y)) times too large: D + δ(D − x/α).
struct Wrong<'a> {
    density: &'a dyn Density,
    delta: fn(f64) -> f64,
}

impl Wrong<'_> {
    /// Replaces a by a + δ(a − b/α), row by row.
    fn plant(&self, query: &Query<'_>, a: &mut [f64], b: &[f64]) {
        let dim = self.density.dim();
        for (row, (a, b)) in a.chunks_mut(dim).zip(b.chunks(dim)).enumerate() {
            let level = query.at.row(row).state();
            let delta = (self.delta)(level.sigma_ve());
            a.iter_mut().zip(b).for_each(|(a, b)| *a += delta * (*a - b / level.alpha));
        }
    }
}

impl Model<Vec<f64>> for Wrong<'_> {
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let mut out = Model::<Vec<f64>>::predict(self.density, x, query)?;
        self.plant(query, &mut out, x);
        Ok(out)
    }
}

impl Vjp<Vec<f64>> for Wrong<'_> {
    fn predict_vjps(&self, x: &Vec<f64>, query: &Query<'_>, v: &[Vec<f64>]) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
        let (mut out, mut products) = Vjp::<Vec<f64>>::predict_vjps(self.density, x, query, v)?;
        self.plant(query, &mut out, x);
        products.iter_mut().zip(v).for_each(|(product, v)| self.plant(query, product, v));
        Ok((out, products))
    }
}

/// A plan on VE, and one with twice the steps.
fn plans(sampler: &str, steps: usize, [low, high]: [f64; 2]) -> [Plan; 2] {
    let process = Process::ve();
    [steps, 2 * steps].map(|steps| {
        let levels = Grid::karras(steps).levels(&process, low, high).unwrap();
        Sampler::parse(sampler, None).unwrap().compile(&process, None, &levels).unwrap()
    })
}

fn diagnose(density: &dyn Density, delta: fn(f64) -> f64, [plan, finer]: &[Plan; 2]) -> Diagnosis {
    let data = density.sample(&ids(11, 3000));
    let ask = Diagnose::new(plan, trained()).finer(finer).samples(500).rows(192).seed(7).threads(2);
    ask.run(&Wrong { density, delta }, &data, density.dim()).unwrap()
}

fn none(_: f64) -> f64 {
    0.0
}

fn everywhere(_: f64) -> f64 {
    0.15
}

/// An error of the score that is largest at y = 0.5 and vanishes a factor of 6 away.
fn bump(y: f64) -> f64 {
    0.8 * (-0.5 * ((y / 0.5).ln() / 0.6).powi(2)).exp()
}

/// The densities with planted errors. On the rings, of width 0.08, a bump of the score at σ/α = 0.5
/// stays within the noise of 192 rows.
const PLANTED: [&str; 4] = ["gaussian", "mixture", "moons", "8gaussians"];

/// A planted error: its description, its cause, δ, and the plans.
type Plant = (&'static str, Cause, fn(f64) -> f64, [Plan; 2]);

/// Plants every error in every density: the planted cause must come out first.
#[test]
fn what_was_planted_is_found() {
    let fine = [0.002, 80.0];
    let plants: [Plant; 8] = [
        ("ε too large", Cause::Score, everywhere, plans("dpmpp-2m", 60, fine)),
        ("ε too large at one level", Cause::Score, bump, plans("dpmpp-2m", 60, fine)),
        ("ε too large, h = g", Cause::Score, everywhere, plans("ddpm", 200, fine)),
        ("a small σ_max", Cause::Start, none, plans("dpmpp-2m", 60, [0.002, 1.0])),
        ("a large σ_min", Cause::Truncation, none, plans("dpmpp-2m", 60, [0.5, 80.0])),
        ("a large σ_min, h = g", Cause::Truncation, none, plans("ddpm", 200, [0.5, 80.0])),
        ("few steps", Cause::Discretisation, none, plans("ddim", 6, fine)),
        ("few steps, h = g", Cause::Discretisation, none, plans("ddpm", 8, fine)),
    ];
    for name in PLANTED {
        let density = exact::named(name).unwrap();
        for (plant, cause, delta, plans) in &plants {
            let found = diagnose(&*density, *delta, plans);
            assert_eq!(found.ranking()[0].cause, *cause, "{name}, {plant}:\n{found}");
            // The planted cause dominates, because the others are small by construction.
            assert!(found.ranking()[0].share > 0.9, "{name}, {plant}:\n{found}");
            assert_eq!(found.shares_of, SharesOf::Nats);
        }
    }
}

/// Without a planted error the score is not blamed, no cause is large, and the advice names the
/// resolution.
#[test]
fn nothing_planted_is_nothing_found() {
    for name in PLANTED {
        let density = exact::named(name).unwrap();
        let found = diagnose(&*density, none, &plans("dpmpp-2m", 60, [0.002, 80.0]));
        let score = &found.findings[3];
        // Both likelihoods equal the entropy, up to their noise.
        assert_eq!(score.nats, Some(0.0), "{name}:\n{found}");
        assert!(matches!(score.advice, Advice::Unseen { .. }));
        assert!(found.findings.iter().all(|finding| finding.nats.unwrap() < 1e-3), "{name}:\n{found}");
        assert!(
            !found.findings.iter().any(|finding| matches!(finding.advice, Advice::MoreSteps { .. })),
            "{name}:\n{found}"
        );
    }
}

/// N(m, c) from N(0, σ²) by an ODE keeps KL, so the start costs KL(N(m, c + σ²)‖N(0, σ²)). One step
/// from σ_min to 0 costs KL(N(c)‖N(c²/(c + σ²))).
#[test]
fn a_gaussian_costs_what_the_closed_forms_say() {
    let (m, c, low, high): (f64, f64, f64, f64) = (0.4, 0.7, 0.3, 1.5);
    let density = Gaussian::isotropic(vec![m], c).unwrap();
    let found = diagnose(&density, none, &plans("ddim", 20, [low, high]));
    // The fitted Gaussian comes from 3,000 rows, so its own mean and variance replace m and c.
    let data = density.sample(&ids(11, 3000));
    let fit = Gaussian::fit(&data, 1).unwrap();
    let (m, c) = (fit.mean()[0], fit.eigenvalues()[0]);
    let kl = |c: f64, v: f64, shift: f64| 0.5 * (c / v - 1.0 - (c / v).ln() + shift * shift / v);
    let near = |got: Option<f64>, expected: f64| assert!((got.unwrap() - expected).abs() < 1e-9, "{got:?}, {expected}");
    near(found.findings[0].nats, kl(c + high * high, high * high, m));
    near(found.findings[1].nats, kl(c, c * c / (c + low * low), 0.0));
    near(found.findings[1].distance, c.sqrt() - c / (c + low * low).sqrt());
    // The model is the Gaussian up to the fit, so its steps have the same error.
    let coupled = found.coupled.unwrap();
    assert!((coupled.rms / coupled.gaussian.unwrap() - 1.0).abs() < 0.1, "{coupled:?}");
}

/// For N(0, c) and ε(1 + δ) the excess of the bound is δ² ∫ y²/(c + y²) dλ. The excess of the ODE's
/// density is KL(N(c)‖N(v)) with v = y_T² ((c + y_0²)/(c + y_T²))^(1+δ).
#[test]
fn the_gap_of_a_gaussian_is_its_closed_form() {
    let (c, low, high): (f64, f64, f64) = (0.7, 0.002, 80.0);
    let density = Gaussian::isotropic(vec![0.0], c).unwrap();
    let found = diagnose(&density, everywhere, &plans("ddim", 20, [low, high]));
    let delta: f64 = 0.15;
    let path = delta * delta * 0.5 * ((c + high * high) / (c + low * low)).ln();
    let v = high * high * ((c + low * low) / (c + high * high)).powf(1.0 + delta);
    let density = 0.5 * (c / v - 1.0 - (c / v).ln());
    let gap = found.gap.unwrap().gap;
    assert!((gap.nats - (path - density)).abs() < 4.0 * gap.error, "{gap:?} against {}", path - density);
    // The excess over the entropy is the KL itself.
    let excess = found.excess.unwrap();
    assert!((excess.nats - density).abs() < 4.0 * excess.error + excess.bias, "{excess:?} against {density}");
}

#[test]
fn the_exact_score_has_no_residual_and_a_wrong_one_its_closed_form() {
    for name in PLANTED {
        let density = exact::named(name).unwrap();
        let rows = ids(3, 64);
        let x = density.sample(&rows);
        let run =
            |delta| residuals(&Wrong { density: &*density, delta }, trained(), 8, &x, density.dim(), &rows).unwrap();
        // κ²/6 = 7e-5 of terms that are at most a few.
        for residual in run(none) {
            assert!(residual.rms < 1e-3, "{name}: {residual:?}");
        }
        assert!(run(bump).iter().any(|residual| residual.rms > 0.1), "{name}");
    }
    // For N(0, c) and ε(1 + δ): 2δ(1 + δ) y³ z/(c + y²)², with z² = c + y² in the mean over 4,000
    // numbers, to 1/√8,000 = 1.1 % of it.
    let (c, delta): (f64, f64) = (0.7, 0.15);
    let density = Gaussian::isotropic(vec![0.0; 2], c).unwrap();
    let rows = ids(3, 2000);
    let x = density.sample(&rows);
    for residual in residuals(&Wrong { density: &density, delta: everywhere }, trained(), 8, &x, 2, &rows).unwrap() {
        let y = residual.sigma;
        let expected = 2.0 * delta * (1.0 + delta) * y.powi(3) / (c + y * y).powf(1.5);
        assert!((residual.rms - expected).abs() < 0.045 * expected + 1e-3, "{residual:?} against {expected}");
    }
    assert!(residuals(&density, trained(), 0, &x, 2, &rows).is_err());
    assert!(residuals(&density, trained(), 8, &x, 4, &rows[..1000]).is_err());
}

#[test]
fn neither_threads_nor_the_order_of_asking_change_anything() {
    let density = exact::named("mixture").unwrap();
    let data = density.sample(&ids(11, 400));
    let [plan, finer] = plans("ddim", 10, [0.002, 80.0]);
    let run = |threads| {
        let ask = Diagnose::new(&plan, trained()).finer(&finer).samples(150).rows(150).levels(16).threads(threads);
        ask.run(&*density, &data, 1).unwrap()
    };
    let one = run(1);
    assert_eq!(one, run(3));
    // As many rows as requested for a likelihood, and at most the available ones.
    assert_eq!((one.gap.unwrap().rows, one.floor.rows, one.rows), (150, 150, 400));
}

/// Data without variance along an axis have no nats, so squares are ranked.
#[test]
fn flat_data_are_ranked_by_distance() {
    let rows: Vec<f64> = (0..200).flat_map(|i| [f64::from(i % 20) * 0.1, 1.0]).collect();
    let points = exact::DataSet::new(rows.clone(), 2).unwrap();
    let [plan, finer] = plans("ddim", 4, [0.002, 80.0]);
    let ask = Diagnose::new(&plan, trained()).finer(&finer).samples(100).without_likelihoods();
    let found = ask.run(&points, &rows, 2).unwrap();
    assert_eq!((found.shares_of, found.gap), (SharesOf::Squares, None));
    assert_eq!(found.ranking()[0].cause, Cause::Discretisation, "{found}");
    let doubled = ask.unit(2.0).run(&points, &rows, 2).unwrap();
    for (a, b) in found.findings.iter().zip(&doubled.findings) {
        assert!((2.0 * a.distance.unwrap() - b.distance.unwrap()).abs() < 1e-9);
    }
}

#[test]
fn advice_names_a_better_sampler_of_the_same_price() {
    let density = exact::named("gaussian").unwrap();
    let data = density.sample(&ids(11, 400));
    let [plan, finer] = plans("ddim", 10, [0.002, 80.0]);
    // The first eigenvalue has 0.57 of the KL (and more of the W2), the second 0.14.
    let rivals = ["adams2", "dpmpp-2m"].map(|name| plans(name, 10, [0.002, 80.0])[0].clone());
    let ask = Diagnose::new(&plan, trained()).finer(&finer).samples(100).rows(100).levels(16);
    let found = ask.rivals(&rivals).run(&*density, &data, 2).unwrap();
    let Advice::MoreSteps { nfe, sampler } = &found.ranking()[0].advice else { panic!("{found}") };
    assert_eq!((*nfe, sampler.as_deref()), (Some(20), Some(rivals[1].name())));
    assert!(found.to_string().contains("use 2× the steps (20 evaluations), or "), "{found}");
}

#[test]
fn what_cannot_be_diagnosed_is_refused() {
    let density = exact::named("moons").unwrap();
    let data = density.sample(&ids(11, 10));
    let [plan, finer] = plans("ddim", 5, [0.002, 80.0]);
    let ask = Diagnose::new(&plan, trained()).finer(&finer).samples(8).rows(8).levels(4);
    let text = |ask: Diagnose<'_>, data: &[f64], dim| ask.run(&*density, data, dim).unwrap_err().to_string();
    assert!(text(ask, &[], 2).contains("at least one"));
    assert!(text(ask, &data[..19], 2).contains("whole rows"));
    assert!(text(ask, &[vec![f64::NAN; 2], data.clone()].concat(), 2).contains("finite"));
    assert!(text(ask, &data[..6], 2).contains("too few rows"));
    assert!(text(ask.samples(1), &data, 2).contains("too few samples"));
    assert!(text(ask.rows(0), &data, 2).contains("too few rows for a likelihood"));
    assert!(text(ask.unit(0.0), &data, 2).contains("bad unit"));
    assert!(text(ask, &data, 1).contains("dimension") || text(ask, &data, 1).contains("fit"));
    let process = Process::ve();
    let levels = Grid::karras(5).levels(&process, 0.002, 80.0).unwrap();
    let inverse = Sampler::parse("ddim-inversion", None).unwrap().compile(&process, None, &levels).unwrap();
    assert!(text(Diagnose::new(&inverse, trained()).samples(8), &data, 2).contains("starts from data"));
}

/// A plan compiled for a network also runs on the Gaussian, with the same result as one for D.
#[test]
fn a_network_of_any_formulation_is_diagnosed() {
    let density = exact::named("gaussian").unwrap();
    let data = density.sample(&ids(11, 200));
    let process = Process::rectified_flow();
    let network = Formulation::new(process.clone(), langevin::Prediction::Velocity);
    let model = Network { density: &*density, to: network.clone() };
    let run = |network: Option<&Formulation>| {
        let [plan, finer] = [6, 12].map(|steps| {
            let levels = Grid::karras(steps).levels(&process, 0.002, 80.0).unwrap();
            Sampler::ddim(0.0).compile(&process, network, &levels).unwrap()
        });
        let ask = Diagnose::new(&plan, trained()).finer(&finer).samples(50).rows(16).levels(8);
        match network {
            Some(_) => ask.run(&model, &data, 2).unwrap(),
            None => ask.run(&*density, &data, 2).unwrap(),
        }
    };
    let (one, other) = (run(None), run(Some(&network)));
    let (one, other) = (one.coupled.unwrap(), other.coupled.unwrap());
    assert!((one.rms - other.rms).abs() < 1e-9 && (one.gaussian.unwrap() - other.gaussian.unwrap()).abs() < 1e-9);
}

/// A density read as a network of some formulation.
struct Network<'a> {
    density: &'a dyn Density,
    to: Formulation,
}

impl Model<Vec<f64>> for Network<'_> {
    fn formulation(&self) -> Option<&Formulation> {
        Some(&self.to)
    }

    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        ReadAs::new(self.density, self.to.clone(), SliceSpace::new(2)).predict(x, query)
    }
}

impl Vjp<Vec<f64>> for Network<'_> {
    fn predict_vjps(&self, x: &Vec<f64>, query: &Query<'_>, v: &[Vec<f64>]) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
        ReadAs::new(self.density, self.to.clone(), SliceSpace::new(2)).predict_vjps(x, query, v)
    }
}

/// The density of the training rows stands for a network that has memorised them; the density of
/// the data stands for one that has not.
#[test]
fn a_model_of_its_rows_alone_is_overtrained() {
    let density = exact::named("gaussian").unwrap();
    let (trained_rows, held_out) = (density.sample(&ids(1, 40)), density.sample(&ids(2, 40)));
    let memorised: Box<dyn Density> = Box::new(exact::DataSet::new(trained_rows.clone(), 2).unwrap());
    let process = Process::ve();
    let plan =
        Sampler::ddim(0.0).compile(&process, None, &Grid::karras(8).levels(&process, 0.05, 80.0).unwrap()).unwrap();
    // Points have no density, so the levels end where the points have width.
    let range = LambdaRange::from_sigma_ve(0.05, 80.0).unwrap();
    let ask = Diagnose::new(&plan, range).samples(40).rows(40).split(&trained_rows, &held_out);
    let found = ask.run(&*memorised, &held_out, 2).unwrap();
    let generalisation = found.generalisation.unwrap();
    assert_eq!((generalisation.trained_rows, generalisation.held_out_rows), (40, 40));
    assert!(found.is_overtrained() && generalisation.gap.nats > 3.0 * generalisation.gap.error, "{generalisation:?}");
    let score = found.findings.iter().find(|finding| finding.cause == Cause::Score).unwrap();
    assert!(matches!(score.advice, Advice::StopEarlier { .. }), "{:?}", score.advice);
    assert!(found.to_string().contains("over-training   bound"), "{found}");
    let found = ask.run(&*density, &held_out, 2).unwrap();
    assert!(!found.is_overtrained(), "{:?}", found.generalisation);
    // A single row has no standard error.
    let found = ask.split(&trained_rows, &held_out[..2]).run(&*density, &held_out, 2).unwrap();
    assert_eq!(found.generalisation, None);
}
