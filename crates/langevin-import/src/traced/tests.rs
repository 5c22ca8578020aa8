#![allow(clippy::unwrap_used)] // tests fail by panics

use super::*;
use langevin::plan::{Op, Rule, Subject};
use langevin::{Clock, Grid, Plan, Prediction, Process, Request, Sampler};

const SINGLE: f64 = 1.0 / (1 << 24) as f64;

/// The recording that a run of a plan on basis vectors would give.
fn recorded(plan: &Plan, start: Option<f64>) -> Recording {
    let (calls, draws) = (plan.nfe(), plan.draws() as usize);
    let first = usize::from(start.is_some());
    let mut slots = vec![Row { start: 0.0, outputs: vec![0.0; calls], draws: vec![0.0; draws - first] }; plan.slots()];
    let (mut list, mut number) = (vec![], 0);
    let add = |into: &mut Row, factor: f64, other: &Row| {
        into.start += factor * other.start;
        into.outputs.iter_mut().zip(&other.outputs).for_each(|(a, b)| *a += factor * b);
        into.draws.iter_mut().zip(&other.draws).for_each(|(a, b)| *a += factor * b);
    };
    let zero = Row { start: 0.0, outputs: vec![0.0; calls], draws: vec![0.0; draws - first] };
    for op in plan.ops() {
        match op {
            Op::Eval { from, level, out, net } => {
                let x = slots[*from].clone();
                let (scale, time, a, b) =
                    net.map_or((1.0, level.time, 0.0, 1.0), |net| (net.scale, net.time, net.a, net.b));
                let mut input = zero.clone();
                add(&mut input, scale, &x);
                list.push(Recorded { time, input });
                let mut denoised = zero.clone();
                add(&mut denoised, a, &x);
                denoised.outputs[number] += b;
                slots[out[0].into] = denoised;
                number += 1;
            }
            Op::Combine { into, terms, noise } => {
                let mut row = zero.clone();
                terms.iter().for_each(|(factor, slot)| add(&mut row, *factor, &slots[*slot]));
                for (factor, draw) in noise {
                    match (*draw as usize).checked_sub(first) {
                        Some(draw) => row.draws[draw] += factor,
                        // The start is given with standard deviation 1.
                        None => row.start += factor,
                    }
                }
                slots[*into] = row;
            }
            Op::Map { .. } => panic!("not linear"),
        }
    }
    let result = slots[plan.parts().result].clone();
    Recording { name: plan.name().to_owned(), source: "a plan".to_owned(), calls: list, result, start, roundoff: 0.0 }
}

trait Known {
    fn parts(&self) -> langevin::plan::Parts;
}

impl Known for Plan {
    fn parts(&self) -> langevin::plan::Parts {
        self.clone().into_parts()
    }
}

fn networks() -> Vec<Formulation> {
    let of = |process: &str, prediction| Formulation::new(Process::parse(process).unwrap(), prediction);
    vec![
        of("rectified-flow", Prediction::Velocity),
        of("rectified-flow", Prediction::ReverseVelocity).with_clock(Clock::Remaining { factor: 1.0 }),
        of("ve", Prediction::X0),
        of("ve", Prediction::Edm { sigma_data: 0.5 })
            .with_clock(Clock::QuarterLogSigma)
            .with_input(langevin::formulation::InputScaling::UnitVariance { sigma_data: 0.5 }),
        of("table:linear", Prediction::Epsilon),
        of("vp-cosine", Prediction::V),
    ]
}

/// A recorded plan is the plan itself: for every family of samplers, with and without noise, for
/// networks of all kinds.
#[test]
fn a_recorded_plan_is_the_plan() {
    let samplers = [
        "ddim",
        "ddpm",
        "dpmpp-2m",
        "dpmpp-3m-sde",
        "heun",
        "dpm2-ancestral",
        "unipc",
        "lms",
        "heun:churn=20,noise=1",
        "dpmpp-sde",
        "sa-solver",
        "pndm",
        "er-sde",
        "exp-heun-sde",
    ];
    for network in networks() {
        for sampler in samplers {
            let request = Request::new().sampler(sampler).network(network.clone()).range(0.01, 20.0).steps(7);
            let plan = request.plan().unwrap();
            for start in [None, Some(1.0)] {
                // A start and noise that always come together are one draw.
                if start.is_none() && sampler.contains("churn") {
                    continue;
                }
                let recording = recorded(&plan, start);
                let traced = recording.plan(&network).unwrap();
                let comparison = langevin::plan::compare_within(&traced, &plan, 1e-9).unwrap();
                assert!(comparison.agrees(), "{sampler} on {}: {comparison}\n{traced}\n{plan}", network.process.name());
                let lint = traced.lint().unwrap();
                assert!(lint.findings.is_empty(), "{sampler}: {lint}");
                // Rows are as short as those of the sampler: a state, a few predictions, a few
                // draws.
                let terms = |plan: &Plan| plan.parameters().len();
                assert!(terms(&traced) <= 2 * terms(&plan), "{sampler}: {traced}\n{plan}");
            }
        }
    }
}

/// A wrong number in one row is found in that row: the rows before it are clean.
#[test]
fn a_wrong_row_is_named() {
    let network = &networks()[4];
    let plan = Request::new().sampler("dpmpp-2m").network(network.clone()).range(0.01, 20.0).steps(8).plan().unwrap();
    for call in 1..8 {
        let mut recording = recorded(&plan, Some(1.0));
        recording.calls[call].input.outputs[call - 1] *= 1.3;
        recording.roundoff = SINGLE;
        let lint = recording.plan(network).unwrap().lint().unwrap();
        assert!(
            !lint.is_clean(),
            "{call}: {:?}\n{}",
            recording.plan(network).unwrap().origin(),
            recording.plan(network).unwrap()
        );
        let first = lint.findings.first().unwrap();
        assert_eq!((first.subject, first.index), (Subject::Evaluation, call), "{lint}");
        assert!(matches!(first.rule, Rule::Mean | Rule::Variance), "{lint}");
    }
}

/// Noise that is spread over many draws, as Brownian trees do, becomes one draw for each increment.
#[test]
fn noise_of_many_draws_is_reduced() {
    let network = &networks()[2];
    let plan = Request::new().sampler("ddpm").network(network.clone()).steps(6).plan().unwrap();
    let mut recording = recorded(&plan, Some(1.0));
    let rows = recording.calls.iter_mut().map(|call| &mut call.input).chain([&mut recording.result]);
    for row in rows {
        // Each draw is a weighted sum of three, with the same variance.
        row.draws = row.draws.iter().flat_map(|weight| [0.6 * weight, 0.0, 0.8 * weight]).collect();
    }
    let traced = recording.plan(network).unwrap();
    assert!(traced.origin().unwrap().source.contains("draws reduced to"), "{:?}", traced.origin());
    assert!(langevin::plan::compare_within(&traced, &plan, 1e-9).unwrap().agrees());
}

/// A rounded time is passed to the network, and the state keeps its own level. A time that is
/// farther away is not rounding: then the state does not have the level of its time.
#[test]
fn a_rounded_time_is_kept_and_a_wrong_one_is_found() {
    let network = &networks()[4];
    let plan = Request::new().sampler("dpmpp-2m").network(network.clone()).range(0.02, 20.0).steps(9).plan().unwrap();
    let mut recording = recorded(&plan, Some(1.0));
    recording.calls.iter_mut().for_each(|call| call.time = call.time.round());
    let traced = recording.plan(network).unwrap();
    assert!(traced.lint().unwrap().is_clean(), "{}", traced.lint().unwrap());
    assert!(langevin::plan::compare_within(&traced, &plan, 1e-7).unwrap().agrees());
    let told: Vec<f64> = traced
        .ops()
        .iter()
        .filter_map(|op| if let Op::Eval { net, .. } = op { net.map(|net| net.time) } else { None })
        .collect();
    assert!(told.iter().all(|time| time.fract() == 0.0), "{told:?}");
    assert!(traced.origin().unwrap().source.contains("the network is given time"), "{:?}", traced.origin());
    recording.calls[3].time -= 7.0;
    let lint = recording.plan(network).unwrap().lint().unwrap();
    assert_eq!(lint.findings[0].index, 3, "{lint}");
}

/// Weights of single precision keep the digits that they have, and the plan says how many.
#[test]
fn the_tolerance_covers_the_rounding_of_the_original() {
    for network in networks() {
        let plan =
            Request::new().sampler("dpmpp-2m").network(network.clone()).range(0.02, 20.0).steps(10).plan().unwrap();
        let mut recording = recorded(&plan, Some(1.0));
        recording.roundoff = SINGLE;
        let single = |value: &mut f64| *value = f64::from(*value as f32);
        let rows = recording.calls.iter_mut().map(|call| &mut call.input).chain([&mut recording.result]);
        rows.for_each(|row| row.outputs.iter_mut().chain(&mut row.draws).chain([&mut row.start]).for_each(single));
        recording.calls.iter_mut().for_each(|call| single(&mut call.time));
        let traced = recording.plan(&network).unwrap();
        let comparison = langevin::plan::compare(&traced, &plan).unwrap();
        assert!(comparison.agrees() && comparison.tolerance < 1e-3, "{}: {comparison}", network.process.name());
        assert!(traced.lint().unwrap().is_clean(), "{}: {}", network.process.name(), traced.lint().unwrap());
    }
}

#[test]
fn bad_recordings_are_refused() {
    let network = &networks()[0];
    let good = || {
        let levels = Grid::karras(3).levels(&Process::rectified_flow(), 0.02, 20.0).unwrap();
        let plan = Sampler::ddim(0.0).compile(&Process::rectified_flow(), Some(network), &levels).unwrap();
        recorded(&plan, Some(1.0))
    };
    let said = |change: &dyn Fn(&mut Recording)| {
        let mut recording = good();
        change(&mut recording);
        recording.plan(network).unwrap_err().to_string()
    };
    assert!(good().plan(network).is_ok());
    assert!(said(&|r| r.calls.clear()).contains("did not call the network"));
    assert!(said(&|r| r.calls[1].input.start = f64::NAN).contains("call 1"));
    assert!(said(&|r| r.calls[1].input.outputs[2] = 1.0).contains("before its call"));
    assert!(said(&|r| r.calls[1].time = 7.0).contains("call 1"));
    assert!(said(&|r| r.calls[0].input.start = 0.0).contains("no noise"));
    assert!(said(&|r| r.start = Some(-1.0)).contains("start"));
    assert!(said(&|r| r.calls = vec![r.calls[0].clone(); MOST + 1]).contains("at most"));
    assert!(said(&|r| r.result.draws = vec![1.0; MOST + 1]).contains("at most"));
}

/// Runge–Kutta methods ask a flow for its velocity at clean data, where D does not determine it.
#[test]
fn a_call_at_clean_data_is_read_beside_it() {
    let network = &networks()[0];
    let call =
        |time, outputs: &[f64]| Recorded { time, input: Row { start: 1.0, outputs: outputs.to_vec(), draws: vec![] } };
    let recording = Recording {
        name: "heun".to_owned(),
        source: "paper".to_owned(),
        calls: vec![call(1.0, &[]), call(0.0, &[-1.0])],
        result: Row { start: 1.0, outputs: vec![-0.5, -0.5], draws: vec![] },
        start: None,
        roundoff: 0.0,
    };
    let plan = recording.plan(network).unwrap();
    assert!(plan.origin().unwrap().source.contains("clean data"), "{:?}", plan.origin());
    // The same outputs give the same result: x − ½ u₀ − ½ u₁ with x = 1, u₀ = 0.25, u₁ = −0.5.
    let again = recorded(&plan, Some(1.0));
    let close = |a: f64, b: f64| (a - b).abs() < 1e-10;
    assert!(
        close(again.result.start, 1.0) && close(again.result.outputs[0], -0.5) && close(again.result.outputs[1], -0.5)
    );
    assert!(!plan.lint().unwrap().is_clean());
}
