//! Claims 17–23: the reverse half recovers the data (rows, fields, paths and duality).

use super::line::{Line, PROCESSES, RATIOS, gaussian_divergence, process, ve};
use super::{Claim, Extra, Measured, off, worst};
use langevin::ReadAs;
use langevin::error::Result;
use langevin::formulation::Formulation;
use langevin::grid::Grid;
use langevin::model::{At, Model, Query};
use langevin::moves::{Row, exact_reverse};
use langevin::noise::{SampleId, draws, fill_normals};
use langevin::plan::Plan;
use langevin::prediction::Prediction;
use langevin::process::Level;
use langevin::sampler::{Sampler, Start};
use langevin::space::SliceSpace;
use langevin_analysis::exact::{DataSet, Density as _};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 17,
        claim: "the reverse rows are one: DDIM on VP is Euler in σ on VE and Euler in s on rectified flow",
        source: "§4.1",
        measure: rows,
    },
    Claim {
        number: 18,
        claim: "score, noise and velocity of the three processes are one field, read in different ways",
        source: "§4.2",
        measure: fields,
    },
    Claim {
        number: 19,
        claim: "whatever a network predicts, on whatever process, its samples are the same",
        source: "§4.2",
        measure: parametrisations,
    },
    Claim {
        number: 20,
        claim: "if the data are one point, the paths of VE and rectified flow are straight and those of VP are curved",
        source: "§4.3",
        measure: geometry,
    },
    Claim {
        number: 21,
        claim: "started at p_T the ODE is at p_{T−t'} for every t': q_{t'} = p_{T−t'}",
        source: "§5",
        measure: ode,
    },
    Claim { number: 22, claim: "the same holds for the SDE, for every h/g", source: "§5", measure: sde },
    Claim {
        number: 23,
        claim: "a wrong start costs KL(p_T‖q_T) with h = 0, and less with h > 0",
        source: "§5 (with the cost)",
        measure: start,
    },
];

fn rows(_: &Extra<'_>) -> Result<Measured> {
    let (vp, flow) = (process("vp")?, process("rectified-flow")?);
    let mut figures = Vec::new();
    for pair in RATIOS.windows(2) {
        let (clean, noisy) = (ve(pair[0]), ve(pair[1]));
        let row = Row::new(&noisy, &clean, 1.0);
        // Euler's step x + (σ′ − σ)(x − D)/σ.
        let slope = (clean.sigma - noisy.sigma) / noisy.sigma;
        figures.extend([off(row.a, 1.0 + slope), off(row.b, -slope)]);
        for process in [&vp, &flow] {
            let (from, to) = (process.match_level(&noisy)?, process.match_level(&clean)?);
            let own = Row::new(&from, &to, 1.0);
            // In z, both the input and the output are scaled.
            figures.extend([off(own.a * from.alpha / to.alpha, row.a), off(own.b / to.alpha, row.b)]);
        }
        let (s, t) = (flow.match_level(&noisy)?, flow.match_level(&clean)?);
        let own = Row::new(&s, &t, 1.0);
        let slope = (t.time - s.time) / s.time;
        figures.extend([off(own.a, 1.0 + slope), off(own.b, -slope)]);
    }
    Ok(Measured::new("coefficients of four steps against Euler's, and after the state map", worst(figures), 1e-12))
}

fn fields(_: &Extra<'_>) -> Result<Measured> {
    let data = Line::data();
    let kinds = [("vp", Prediction::Score), ("ve", Prediction::Epsilon), ("rectified-flow", Prediction::Velocity)];
    let mut figures = Vec::new();
    for ratio in RATIOS {
        for z in data.quantiles(&ve(ratio), 9) {
            let exact = data.noise(z, &ve(ratio));
            for (a, from) in kinds {
                let from = Formulation::new(process(a)?, from);
                let own = from.process.level_at_sigma_ve(ratio)?;
                let given = data.output(&from, z * own.alpha, &own)?;
                // The paper's fields, from ε and z alone.
                let paper = match from.prediction {
                    Prediction::Score => -exact / own.sigma,
                    Prediction::Velocity => (1.0 + ratio) * exact - z,
                    _ => exact,
                };
                figures.push((given - paper).abs() / (1.0 + paper.abs()));
                for (b, to) in kinds.into_iter().filter(|(b, _)| *b != a) {
                    let to = Formulation::new(process(b)?, to);
                    let other = to.process.level_at_sigma_ve(ratio)?;
                    let x = z * other.alpha;
                    let reading = to.read_from(&from, &other)?;
                    let read = reading.a * x + reading.b * given;
                    let wanted = data.output(&to, x, &other)?;
                    figures.push((read - wanted).abs() / (1.0 + wanted.abs()));
                }
            }
            // The VP field is the density's own score.
            let vp = process("vp")?.level_at_sigma_ve(ratio)?;
            let score = data.score(z * vp.alpha, &vp);
            figures.push((score + exact / vp.sigma).abs() / (1.0 + score.abs()));
        }
    }
    Ok(Measured::new("each of six maps at 9 points of 5 levels, against the exact field", worst(figures), 1e-10))
}

fn ids(count: usize) -> Vec<SampleId> {
    (0..count as u64).map(|index| SampleId { seed: 20, index }).collect()
}

fn parametrisations(_: &Extra<'_>) -> Result<Measured> {
    let data = Line::data();
    let rows = ids(64);
    let predictions = [
        Prediction::X0,
        Prediction::Epsilon,
        Prediction::Score,
        Prediction::V,
        Prediction::Velocity,
        Prediction::Edm { sigma_data: 0.5 },
    ];
    let mut reference: Option<Vec<f64>> = None;
    let mut figures = Vec::new();
    for name in PROCESSES {
        for prediction in predictions {
            let to = Formulation::new(process(name)?, prediction);
            let levels = Grid::karras(20).levels(&to.process, 0.02, 20.0)?;
            let plan = Sampler::adams(2, 0.0)?.compile(&to.process, Some(&to), &levels)?;
            let model = ReadAs::new(data.density(), to, SliceSpace::<f64>::new(1));
            let samples = plan.run(&SliceSpace::new(1), &model, vec![], &rows)?;
            let reference = reference.get_or_insert_with(|| samples.clone());
            figures.extend(samples.iter().zip(reference).map(|(a, b)| (a - *b).abs()));
        }
    }
    Ok(Measured::new("64 samples from 6 predictions on 3 processes, largest difference", worst(figures), 1e-10))
}

/// Returns the deviation of a path from a straight line, in its own time:
/// $1 - \lVert\Delta x\rVert^2/(T \int\lVert\dot x\rVert^2 dt)$, which is 0 at constant velocity.
fn bend(path: &[(f64, Vec<f64>)]) -> f64 {
    let square = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let energy: f64 = path.windows(2).map(|pair| square(&pair[1].1, &pair[0].1) / (pair[1].0 - pair[0].0)).sum();
    match (path.first(), path.last()) {
        (Some(first), Some(last)) => 1.0 - square(&last.1, &first.1) / ((last.0 - first.0) * energy),
        _ => f64::NAN,
    }
}

/// Returns the mean bend of paths in the coordinates of a process; the paths are given in z at
/// rising levels.
fn bends(name: &str, levels: &[f64], paths: &[Vec<Vec<f64>>]) -> Result<f64> {
    let process = process(name)?;
    let own: Vec<Level> = levels.iter().map(|y| process.level_at_sigma_ve(*y)).collect::<Result<_>>()?;
    let one = |path: &Vec<Vec<f64>>| {
        let points = own.iter().zip(path).map(|(level, z)| (level.time, z.iter().map(|z| z * level.alpha).collect()));
        bend(&points.collect::<Vec<_>>())
    };
    Ok(paths.iter().map(one).sum::<f64>() / paths.len() as f64)
}

fn geometry(extra: &Extra<'_>) -> Result<Measured> {
    // Levels from σ/α = 0.02 to 20, evenly spaced in ln σ.
    let levels: Vec<f64> = (0..=120).map(|i| 0.02 * langevin::math::pow(1000.0, f64::from(i) / 120.0)).collect();
    let datum: Vec<Vec<Vec<f64>>> =
        [(1.3, 0.4), (-0.7, 1.6)].map(|(x, e)| levels.iter().map(|y| vec![x + y * e, x - y]).collect()).to_vec();
    let single = PROCESSES.map(|name| bends(name, &levels, &datum));
    let [vp, ve_bend, flow] = single;
    let (vp, straight) = (vp?, worst([ve_bend?.abs(), flow?.abs()]));
    // On the mixture the ODE maps quantiles to quantiles.
    let data = Line::data();
    let columns: Vec<Vec<f64>> = levels.iter().map(|y| data.quantiles(&ve(*y), 15)).collect();
    let paths: Vec<Vec<Vec<f64>>> = (0..15).map(|i| columns.iter().map(|column| vec![column[i]]).collect()).collect();
    let show = |paths: &[Vec<Vec<f64>>]| -> Result<String> {
        let [vp, ve, flow] = PROCESSES.map(|name| bends(name, &levels, paths));
        Ok(format!("{:.3}, {:.3}, {:.3}", vp?, ve?, flow?))
    };
    let mut text = format!("1 − |Δx|²/(T∫|ẋ|²), VP, VE, flow: one datum {vp:.3}, 0, 0; mixture {}", show(&paths)?);
    if let Some((pictures, width)) = extra.pictures {
        text.push_str(&format!("; pictures {}", show(&descents(pictures, width, &levels)?)?));
    }
    Ok(Measured::new(text, if vp > 0.01 { straight } else { f64::INFINITY }, 1e-12))
}

/// Returns paths of the ODE on a data set, computed from noise down and listed from clean to noisy.
fn descents(values: &[f64], width: usize, levels: &[f64]) -> Result<Vec<Vec<Vec<f64>>>> {
    let data = DataSet::new(values.to_vec(), width)?;
    let rows = ids(6);
    let mut noise = vec![0.0f32; 6 * width];
    fill_normals(&rows, draws::PLANS.first(), width, &mut noise);
    let last = levels.last().copied().unwrap_or(1.0);
    let mut z: Vec<f64> = noise.iter().map(|z| last * f64::from(*z)).collect();
    let mut denoised = vec![0.0; z.len()];
    let split = |z: &[f64]| z.chunks(width).map(<[f64]>::to_vec).collect::<Vec<_>>();
    let mut states = vec![split(&z)];
    for pair in levels.windows(2).rev() {
        let (from, to) = (ve(pair[1]), ve(pair[0]));
        data.denoise(&z, At::One(from), &mut denoised)?;
        let row = Row::new(&from, &to, 1.0);
        z.iter_mut().zip(&denoised).for_each(|(z, d)| *z = row.a * *z + row.b * d);
        states.push(split(&z));
    }
    states.reverse();
    Ok((0..6).map(|i| states.iter().map(|state| state[i].clone()).collect()).collect())
}

fn ode(_: &Extra<'_>) -> Result<Measured> {
    let data = Line::data();
    let process = process("vp")?;
    let places = 25;
    let marks = [10.0, 3.0, 1.0, 0.3, 0.1];
    let first = process.level_at_sigma_ve(marks[0])?;
    let mut x = data.quantiles(&first, places);
    let mut figures = Vec::new();
    for pair in marks.windows(2) {
        let levels = Grid::uniform_lambda(200).without_clean_end().levels(&process, pair[1], pair[0])?;
        let plan = Sampler::adams(3, 0.0)?.on(&process, &levels).start(0, Start::State).compile()?;
        x = plan.run(&SliceSpace::new(1), data.density(), vec![x], &ids(places))?;
        let end = process.level_at_sigma_ve(pair[1])?;
        // A quantile of p_T must arrive at the same quantile.
        figures.extend(
            x.iter().enumerate().map(|(i, x)| (data.cumulative(*x, &end) - (i as f64 + 0.5) / places as f64).abs()),
        );
    }
    figures.push(linear()?);
    Ok(Measured::new(
        "25 quantiles of p_T carried down by Adams-3, 800 steps: their places in p at σ/α = 3, 1, 0.3, 0.1; and long steps where D is linear in λ",
        worst(figures),
        // The method has order 3 except for its start of order 2: (0.006)² times a small constant.
        1e-5,
    ))
}

/// A denoiser that is linear in λ and does not depend on the state.
struct Linear;

impl Linear {
    fn at(lambda: f64) -> f64 {
        0.7 - 0.4 * lambda
    }
}

impl Model<Vec<f64>> for Linear {
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        Ok(vec![Self::at(query.at.row(0).lambda()); x.len()])
    }
}

/// Takes two steps of length 2 in λ by Adams-2, of which the second is exact:
/// $z' = r z + [D]_{r} - D' (1 - r)$, $r = e^{-2}$.
fn linear() -> Result<f64> {
    let levels = [-1.0_f64, 1.0, 3.0].map(|lambda| ve(langevin::math::exp(-lambda)));
    let process = process("ve")?;
    let plan = Sampler::adams(2, 0.0)?.on(&process, &levels).start(0, Start::State).compile()?;
    let found = plan.run(&SliceSpace::new(1), &Linear, vec![vec![2.5]], &ids(1))?[0];
    let r = langevin::math::exp(-2.0);
    let first = r * 2.5 + (1.0 - r) * Linear::at(-1.0);
    let exact = r * first + (Linear::at(3.0) - r * Linear::at(1.0)) + 0.4 * (1.0 - r);
    Ok((found - exact).abs())
}

fn sde(_: &Extra<'_>) -> Result<Measured> {
    let process = process("vp")?;
    let c = 0.7;
    let v = |level: &Level| c * level.alpha * level.alpha + level.sigma * level.sigma;
    let mut figures = Vec::new();
    for eta in [0.5, 1.0, 1.7] {
        let mut at = process.level_at_sigma_ve(RATIOS[4])?;
        let mut variance = v(&at);
        for ratio in RATIOS.iter().rev().skip(1) {
            let next = process.level_at_sigma_ve(*ratio)?;
            let (a, fresh) = exact_reverse(c, &at, &next, eta);
            variance = a * a * variance + fresh;
            at = next;
            figures.push(off(variance, v(&at)));
        }
    }
    // The mixture, by sampling: the first two moments at three levels on the way.
    let data = Line::data();
    let count = 8000;
    let mut deviations = Vec::new();
    for end in [1.0, 0.3, 0.1] {
        let levels = Grid::uniform_lambda(150).without_clean_end().levels(&process, end, 20.0)?;
        let plan: Plan = Sampler::exponential(1.0).compile(&process, None, &levels)?;
        let x = plan.run(&SliceSpace::new(1), data.density(), vec![], &ids(count))?;
        let level = process.level_at_sigma_ve(end)?;
        for power in [1, 2] {
            let truth = data.mean_of(&level, |x| x.powi(power));
            let spread = data.mean_of(&level, |x| x.powi(2 * power)) - truth * truth;
            let mean = x.iter().map(|x: &f64| x.powi(power)).sum::<f64>() / count as f64;
            deviations.push((mean - truth).abs() / (spread / count as f64).sqrt());
        }
    }
    let (exact, sampled) = (worst(figures), worst(deviations));
    Ok(Measured::new(
        format!(
            "on a Gaussian, exactly, at h/g 0.5, 1, 1.7: {exact:.1e}; on the mixture E x and E x² of 8,000 samples at three levels, in standard errors"
        ),
        if exact < 1e-12 { sampled } else { f64::INFINITY },
        // Six numbers exceed 4 standard errors once in 2,600 runs. The error of 150 steps adds a
        // few tenths.
        4.0,
    ))
}

/// The worked example: rectified flow, x₀ ~ N(0, 0.7), s from 0.95 to 0.05, a start with 1.1 times
/// the exact variance.
fn start(_: &Extra<'_>) -> Result<Measured> {
    let process = process("rectified-flow")?;
    let c = 0.7;
    let v = |level: &Level| c * level.alpha * level.alpha + level.sigma * level.sigma;
    let (from, to) = (process.level(0.95)?, process.level(0.05)?);
    let mut figures = Vec::new();
    let mut costs = Vec::new();
    let before = gaussian_divergence(v(&from), 1.1 * v(&from));
    for (eta, cost, slack) in [(0.0, 0.00220, 5e-6), (0.5, 0.000107, 5e-7), (1.0, 9e-9, 5e-10), (1.7, 0.0, 1e-15)] {
        let (a, fresh) = exact_reverse(c, &from, &to, eta);
        let after = gaussian_divergence(v(&to), a * a * 1.1 * v(&from) + fresh);
        figures.push((after - cost).abs() / slack);
        costs.push(format!("{after:.3e}"));
        if eta == 0.0 {
            figures.push(off(after, before) / 1e-12);
        }
    }
    Ok(Measured::new(
        format!(
            "KL after the way down at h/g 0, 0.5, 1, 1.7: {}; figure in units of the last printed digit",
            costs.join(", ")
        ),
        worst(figures),
        1.0,
    ))
}
