use crate::grid::Grid;
use crate::model::Branch;
use crate::plan::{Op, Plan};
use crate::process::{Level, Process};
use crate::sampler::Sampler;

/// Each guided sampler with its plain counterpart.
const PAIRS: [(&str, &str); 7] = [
    ("ddim-cfg-pp", "ddim"),
    ("euler-ancestral-cfg-pp", "euler-ancestral"),
    ("dpmpp-2m-cfg-pp", "dpmpp-2m"),
    ("dpmpp-2s-ancestral-cfg-pp", "dpmpp-2s-ancestral"),
    ("res-multistep-cfg-pp", "res-multistep"),
    ("res-multistep-ancestral-cfg-pp", "res-multistep-ancestral"),
    ("gradient-estimation-cfg-pp", "gradient-estimation"),
];

fn levels(process: &Process) -> Vec<Level> {
    // Uneven levels, so coarse that no term is negligible.
    Grid::list(vec![7.0, 5.0, 2.0, 1.5, 0.3, 0.21, 0.0]).levels(process, 0.0, 0.0).unwrap()
}

fn compile(spec: &str, process: &Process) -> Plan {
    Sampler::parse(spec, None).unwrap().compile(process, None, &levels(process)).unwrap()
}

/// The weights of the conditional and of the unconditional D at each evaluation.
fn branches(weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
    (weights.iter().step_by(2).copied().collect(), weights.iter().skip(1).step_by(2).copied().collect())
}

fn near(a: &[f64], b: &[f64], place: &str) {
    assert_eq!(a.len(), b.len(), "{place}");
    // Weights of order 10 at most, from some tens of operations.
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-13), "{place}: {a:?} {b:?}");
}

/// If both branches give one D, the table is the plain sampler's for every weight of the guidance.
#[test]
fn equal_branches_give_the_plain_table() {
    for process in [Process::vp(), Process::ve(), Process::rectified_flow()] {
        for (guided, plain) in PAIRS {
            for weight in ["0", "0.6", "1", "-2.5"] {
                let spec = format!("{guided}:guidance={weight}");
                let (ours, theirs) = (compile(&spec, &process), compile(plain, &process));
                assert_eq!(ours.nfe(), theirs.nfe(), "{spec}");
                let (ours, theirs) = (ours.unroll().unwrap(), theirs.unroll().unwrap());
                let states = ours.queries.iter().step_by(2).chain([&ours.result]);
                for (ours, theirs) in states.zip(theirs.queries.iter().chain([&theirs.result])) {
                    let (main, plain) = branches(&ours.evals);
                    let sum: Vec<f64> = main.iter().zip(&plain).map(|(a, b)| a + b).collect();
                    near(&sum, &theirs.evals, &spec);
                    near(&ours.draws, &theirs.draws, &spec);
                    if weight == "0" {
                        assert!(main.iter().all(|weight| *weight == 0.0), "{spec}");
                        assert_eq!(plain, theirs.evals, "{spec}");
                    }
                }
            }
        }
    }
}

/// The newest conditional D has the weight α w in every state of every sampler.
#[test]
fn the_newest_conditional_value_weighs_alpha_times_w() {
    for process in [Process::vp(), Process::ve(), Process::rectified_flow()] {
        for (guided, _) in PAIRS {
            let unrolled = compile(&format!("{guided}:guidance=0.7"), &process).unroll().unwrap();
            for (index, state) in unrolled.queries.iter().enumerate().skip(2).step_by(2) {
                let level = process.level_at_lambda(unrolled.lambdas[index]).unwrap();
                assert!((state.evals[index - 2] - 0.7 * level.alpha).abs() < 1e-12, "{guided}: {state:?}");
            }
        }
    }
}

/// D of a branch at a noise level, chosen to differ strongly, and the draws.
fn conditional(sigma: f64) -> f64 {
    (3.0 * sigma).cos() + 2.0
}
fn unconditional(sigma: f64) -> f64 {
    (2.0 * sigma).sin()
}
fn draw(number: usize) -> f64 {
    0.7 - 0.3 * number as f64
}

/// The levels without the clean end. D does not depend on the state here, and a step to σ = 0 drops
/// it.
fn noisy() -> Vec<Level> {
    let mut levels = levels(&Process::ve());
    levels.pop();
    levels
}

/// The result of a plan on VE for these D and draws.
fn result(spec: &str) -> f64 {
    let plan = Sampler::parse(spec, None).unwrap().compile(&Process::ve(), None, &noisy()).unwrap();
    let unrolled = plan.unroll().unwrap();
    let mut values = Vec::new();
    for op in plan.ops() {
        if let Op::Eval { level, out, .. } = op {
            for output in out {
                let main = output.branch == Branch::Main;
                values.push(if main { conditional(level.sigma) } else { unconditional(level.sigma) });
            }
        }
    }
    let evals: f64 = unrolled.result.evals.iter().zip(&values).map(|(w, d)| w * d).sum();
    let draws: f64 = unrolled.result.draws.iter().enumerate().map(|(k, w)| w * draw(k)).sum();
    evals + draws
}

/// σ_down and σ_up of an ancestral step.
fn ancestral(from: f64, to: f64, eta: f64) -> (f64, f64) {
    let up = (eta * (to * to * (from * from - to * to) / (from * from)).sqrt()).min(to);
    ((to * to - up * up).sqrt(), up)
}

const W: f64 = 0.6;

fn guided(sigma: f64) -> f64 {
    unconditional(sigma) + W * (conditional(sigma) - unconditional(sigma))
}

fn sigmas() -> Vec<f64> {
    noisy().iter().map(|level| level.sigma).collect()
}

/// DPM-Solver++(2M): the noise σ_t ε and the slope come from D_u, the rest from D_g.
#[test]
fn two_values_by_hand() {
    let sigmas = sigmas();
    let mut x = sigmas[0] * draw(0);
    for i in 0..sigmas.len() - 1 {
        let (from, to) = (sigmas[i], sigmas[i + 1]);
        let (now, h) = (unconditional(from), (from / to).ln());
        let slope = if i == 0 {
            0.0
        } else {
            let r = (sigmas[i - 1] / from).ln() / h;
            (now - unconditional(sigmas[i - 1])) / r
        };
        x = guided(from) + to / from * (x - now) + 0.5 * (1.0 - to / from) * slope;
    }
    let got = result("dpmpp-2m-cfg-pp");
    assert!((got - x).abs() < 1e-12, "{got} {x}");
}

/// RES with its φ functions, also with ancestral noise and the published place of the older value.
#[test]
fn phi_functions_by_hand() {
    for (spec, eta) in [
        ("res-multistep-cfg-pp", 0.0),
        ("res-multistep-ancestral-cfg-pp", 1.0),
        ("res-multistep-ancestral-cfg-pp:eta=0.4", 0.4),
    ] {
        let sigmas = sigmas();
        let mut x = sigmas[0] * draw(0);
        let (mut draws, mut last_down) = (1, 0.0);
        for i in 0..sigmas.len() - 1 {
            let (from, to) = (sigmas[i], sigmas[i + 1]);
            let (down, up) = ancestral(from, to, eta);
            let now = unconditional(from);
            let mut next = down / from * x + (1.0 - down / from) * now;
            if i > 0 {
                let h = (from / down).ln();
                let (phi1, c2) = (-(-h).exp_m1() / h, -(sigmas[i - 1] / last_down).ln() / h);
                let b2 = (1.0 - phi1) / h / c2;
                next = (-h).exp() * x + h * ((phi1 - b2) * now + b2 * unconditional(sigmas[i - 1]));
            }
            x = next + W * (conditional(from) - now);
            if up > 0.0 {
                x += up * draw(draws);
                draws += 1;
            }
            last_down = down;
        }
        let got = result(spec);
        assert!((got - x).abs() < 1e-12, "{spec}: {got} {x}");
    }
}

/// Each half of DPM-Solver++(2S) is a CFG++ step. The full step uses the values of the middle.
#[test]
fn a_stage_by_hand() {
    for eta in [1.0, 0.4] {
        let sigmas = sigmas();
        let mut x = sigmas[0] * draw(0);
        for (number, pair) in sigmas.windows(2).enumerate() {
            let (from, to) = (pair[0], pair[1]);
            let (down, up) = ancestral(from, to, eta);
            let middle = (from * down).sqrt();
            x = guided(middle) + down / from * (x - unconditional(middle)) + up * draw(number + 1);
        }
        let got = result(&format!("dpmpp-2s-ancestral-cfg-pp:eta={eta}"));
        assert!((got - x).abs() < 1e-12, "{got} {x}");
    }
}

/// Gradient estimation: D_g + σ_t d + (σ_t − σ_s)(γ − 1)(d − d_old), with d of the unconditional
/// branch.
#[test]
fn a_direction_by_hand() {
    let sigmas = sigmas();
    let mut x = sigmas[0] * draw(0);
    let mut old = None;
    for pair in sigmas.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let d = (x - unconditional(from)) / from;
        x = guided(from) + to * d;
        if let Some(old) = old {
            x += (to - from) * (2.5 - 1.0) * (d - old);
        }
        old = Some(d);
    }
    let got = result("gradient-estimation-cfg-pp:gamma=2.5");
    assert!((got - x).abs() < 1e-11, "{got} {x}");
}

/// CFG++ refuses other guidance and clamps.
#[test]
fn it_takes_no_other_guidance() {
    let process = Process::vp();
    let levels = levels(&process);
    for (guided, _) in PAIRS {
        let sampler = Sampler::parse(guided, None).unwrap();
        let error = sampler.on(&process, &levels).guidance(2.0).compile().unwrap_err();
        assert!(error.is_argument() && error.hint().is_some(), "{error}");
    }
}
