use super::*;
use crate::grid::Grid;
use crate::model::{Model, Query};
use crate::noise::SampleId;
use crate::prediction::Prediction;
use crate::process::Process;
use crate::sampler::{Sampler, Word};
use crate::space::{Coef, SliceSpace, Space};
use crate::{Formulation, Sampling};
use proptest::prelude::*;

fn plan(name: &str, eta: Option<f64>, process: &Process, network: Option<&Formulation>, steps: usize) -> Plan {
    let levels = Grid::karras(steps).levels(process, 0.002, 80.0).unwrap();
    Sampler::parse(name, eta).unwrap().compile(process, network, &levels).unwrap()
}

/// D of N(0, ¼). It is affine, so that results are easy to check.
struct Quarter;

impl Model<Vec<f64>> for Quarter {
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let level = query.at.row(0);
        let gain = 0.25 * level.alpha / (0.25 * level.alpha * level.alpha + level.sigma * level.sigma);
        Ok(x.iter().map(|x| gain * x).collect())
    }
}

fn ids(count: u64) -> Vec<SampleId> {
    (0..count).map(|index| SampleId { seed: 1, index }).collect()
}

#[test]
fn tables_are_as_they_were() {
    let flow = Process::rectified_flow();
    let word = Sampler::word(Word::parse("R L(0.5) F R R(1)").unwrap());
    let levels = Grid::karras(2).levels(&flow, 0.002, 80.0).unwrap();
    let text = [
        plan("ddim", Some(0.5), &Process::vp(), None, 4).to_string(),
        plan("adams2", Some(1.0), &Process::ve(), None, 4).to_string(),
        word.compile(&flow, Some(&Formulation::new(flow.clone(), Prediction::Velocity)), &levels).unwrap().to_string(),
    ]
    .join("\n");
    insta::assert_snapshot!(text);
}

#[test]
fn json_is_as_it_was_and_reads_back_bit_for_bit() {
    let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let plan = plan("adams2", Some(0.3), &Process::vp(), Some(&network), 3);
    insta::assert_snapshot!(plan.to_json());
    assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
}

#[test]
fn csv_has_a_line_for_every_number() {
    let plan = plan("ddpm", None, &Process::ve(), None, 2);
    insta::assert_snapshot!(plan.to_csv());
}

proptest! {
    #[test]
    fn any_plan_reads_back_bit_for_bit(steps in 1_usize..9, eta in 0.0_f64..1.0, name in 0_usize..3, min in 1e-4_f64..0.1, max in 1.0_f64..300.0) {
        let process = Process::ve();
        let levels = Grid::uniform_lambda(steps).levels(&process, min, max).unwrap();
        let sampler = Sampler::parse(["ddim", "exponential", "adams2"][name], Some(eta)).unwrap();
        let plan = sampler.compile(&process, None, &levels).unwrap();
        prop_assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
    }

    #[test]
    fn damaged_documents_never_panic(at in 0_usize..4000, byte in 0_u8..128) {
        let mut text = plan("adams2", Some(0.3), &Process::vp(), None, 3).to_json().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(text) = String::from_utf8(text) {
            // A changed document that can still be read must also run, lint, unroll, compare and
            // print.
            if let Ok(plan) = Plan::from_json(&text) {
                let _ = plan.run(&SliceSpace::new(1), &Quarter, vec![], &ids(2));
                let _ = (plan.lint(), plan.unroll(), plan.to_string(), plan.to_csv(), compare(&plan, &plan));
            }
        }
    }
}

#[test]
fn unrolled_weights_predict_the_result() {
    // With D constant per evaluation the result is linear: run with recorded D, and compare with
    // the weights.
    let process = Process::vp();
    let plan = plan("adams2", Some(0.7), &process, None, 7);
    let (space, rows) = (SliceSpace::<f64>::new(1), ids(1));
    let mut run = plan.start(&space, vec![], &rows).unwrap();
    let (mut seen, mut given) = (Vec::new(), Vec::new());
    while let Some(request) = run.query().unwrap() {
        seen.push(request.x[0]);
        let out = Quarter.predict(request.x, &request.query).unwrap();
        given.push(out[0]);
        run.supply(out).unwrap();
    }
    let result = run.finish().unwrap()[0];
    let unrolled = plan.unroll().unwrap();
    let draws: Vec<f64> = (0..plan.draws())
        .map(|draw| {
            let mut z = [0.0];
            crate::noise::fill_normals(&rows, draw, 1, &mut z);
            f64::from(z[0])
        })
        .collect();
    let value = |weights: &Weights| -> f64 {
        weights.evals.iter().zip(&given).map(|(w, d)| w * d).sum::<f64>()
            + weights.draws.iter().zip(&draws).map(|(w, z)| w * z).sum::<f64>()
    };
    assert!((value(&unrolled.result) - result).abs() < 1e-13);
    for (weights, seen) in unrolled.queries.iter().zip(seen) {
        assert!((value(weights) - seen).abs() < 1e-12 * seen.abs().max(1.0));
    }
}

#[test]
fn the_lint_finds_a_broken_row() {
    let mut plan = plan("ddpm", None, &Process::vp(), None, 5);
    assert!(plan.lint().unwrap().is_clean());
    let Op::Combine { noise, .. } = &mut plan.ops[4] else { panic!() };
    noise[0].0 *= 1.001;
    let lint = plan.lint().unwrap();
    assert_eq!(lint.findings[0].index, 1);
    assert_eq!(lint.findings[0].rule, Rule::Variance);
    let Op::Combine { terms, .. } = &mut plan.ops[6] else { panic!() };
    terms[1].0 += 1e-6;
    assert!(plan.lint().unwrap().findings.iter().any(|finding| finding.rule == Rule::Mean && finding.index == 2));
}

/// A start from an image, α·image + σ·z, is a draw of the marginal. So is an input that is a noisy
/// state.
#[test]
fn the_lint_knows_both_kinds_of_input() {
    let process = Process::ve();
    let (from, to) = (process.level(1.0).unwrap(), process.level(0.5).unwrap());
    let step = |mut start: Vec<Op>| {
        start.push(Op::Eval { from: 0, level: from, out: vec![Output { branch: Branch::Main, into: 1 }], net: None });
        start.push(Op::Combine { into: 0, terms: vec![(0.5, 0), (0.5, 1)], noise: vec![] });
        let last = start.len() - 1;
        let note = Move { letter: Letter::R, eta: Some(0.0), from, to, ops: [last - 1, last] };
        let inputs = vec![Input { name: "init".into(), slot: 0 }];
        let (process, ops, moves) = (process.spec(), start, vec![note]);
        let plan = Plan {
            name: "image".into(),
            process,
            network: None,
            slots: 2,
            draws: 1,
            result: 0,
            inputs,
            ops,
            moves,
            origin: None,
        };
        plan.validate().unwrap();
        plan.lint().unwrap()
    };
    assert!(step(vec![Op::Combine { into: 0, terms: vec![(1.0, 0)], noise: vec![(1.0, 0)] }]).is_clean());
    assert!(step(vec![]).is_clean());
    assert!(!step(vec![Op::Combine { into: 0, terms: vec![(1.0, 0)], noise: vec![(0.7, 0)] }]).is_clean());
    // Half of a draw, added twice, is the draw.
    let mut plan = plan("ddpm", None, &process, None, 3);
    let Op::Combine { noise, .. } = &mut plan.ops[0] else { panic!() };
    *noise = vec![(noise[0].0 / 2.0, 0), (noise[0].0 / 2.0, 0)];
    assert!(plan.lint().unwrap().is_clean());
    // NaN is a finding.
    let Op::Combine { terms, .. } = &mut plan.ops[4] else { panic!() };
    terms[0].0 = f64::INFINITY;
    terms[1].0 = f64::NEG_INFINITY;
    assert!(!plan.lint().unwrap().is_clean());
}

#[test]
fn large_documents_are_refused_quickly() {
    let mut plan = plan("ddim", None, &Process::ve(), None, 2);
    plan.draws = u32::MAX;
    assert!(plan.validate().is_ok() && plan.unroll().unwrap_err().to_string().contains("too large"));
    plan.draws = 1 << 23;
    let combine = plan.ops[0].clone();
    plan.ops.extend(std::iter::repeat_n(combine, 5000));
    assert!(plan.lint().unwrap_err().to_string().contains("too large"));
}

#[test]
fn odd_requests_of_sampling_are_met() {
    let plan = plan("ddim", None, &Process::ve(), None, 2);
    let one = Sampling::new(3, 1).run(&plan, &Quarter).unwrap();
    assert_eq!(Sampling::new(3, 1).threads(usize::MAX).chunk(usize::MAX).run(&plan, &Quarter).unwrap(), one);
    assert_eq!(Sampling::new(3, 1).threads(1000).chunk(1).run(&plan, &Quarter).unwrap(), one);
}

#[test]
fn the_stepper_keeps_to_its_protocol() {
    let plan = plan("ddim", None, &Process::ve(), None, 2);
    let (space, rows) = (SliceSpace::<f64>::new(1), ids(3));
    let mut run = plan.start(&space, vec![], &rows).unwrap();
    assert!(run.supply(vec![0.0; 3]).unwrap_err().is_argument(), "an answer before the question");
    let first = run.query().unwrap().unwrap().x.clone();
    assert_eq!(run.query().unwrap().unwrap().x, &first, "asking twice asks the same");
    run.supply(vec![0.0; 3]).unwrap();
    assert!(run.finish().unwrap_err().to_string().contains("not finished"));
    let run = plan.start(&space, vec![], &rows).unwrap();
    assert!(run.finish().is_err());
    assert!(plan.start(&space, vec![vec![1.0]], &rows).err().unwrap().is_argument());
    // The result does not depend on the driver.
    let mut run = plan.start(&space, vec![], &rows).unwrap();
    while let Some(request) = run.query().unwrap() {
        let out = Quarter.predict(request.x, &request.query).unwrap();
        run.supply(out).unwrap();
    }
    assert!(run.query().unwrap().is_none());
    assert_eq!(run.finish().unwrap(), plan.run(&space, &Quarter, vec![], &rows).unwrap());
}

#[test]
fn a_plan_runs_only_with_the_model_it_was_made_for() {
    struct Net(Formulation);
    impl Model<Vec<f64>> for Net {
        fn formulation(&self) -> Option<&Formulation> {
            Some(&self.0)
        }
        fn predict(&self, x: &Vec<f64>, _: &Query<'_>) -> Result<Vec<f64>> {
            Ok(x.clone())
        }
    }
    let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let net = Net(flow.clone());
    let (space, rows) = (SliceSpace::<f64>::new(1), ids(1));
    let bare = plan("ddim", None, &Process::ve(), None, 2);
    assert!(bare.run(&space, &net, vec![], &rows).unwrap_err().is_argument());
    let bound = plan("ddim", None, &Process::ve(), Some(&flow), 2);
    assert!(bound.run(&space, &net, vec![], &rows).is_ok());
    assert!(bound.run(&space, &Quarter, vec![], &rows).unwrap_err().to_string().contains("compiled for another model"));
}

#[test]
fn a_range_that_is_left_out_fits_any_and_what_differs_is_said() {
    let range = |low, high| crate::LambdaRange::from_sigma_ve(low, high).unwrap();
    let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let trained = flow.clone().with_range(range(0.002, 80.0));
    let open = plan("ddim", None, &Process::ve(), Some(&flow), 2);
    let bound = plan("ddim", None, &Process::ve(), Some(&trained), 2);
    let check = |plan: &Plan, model: &Formulation| plan.check_model(Some(model)).map_err(|e| e.to_string());
    assert_eq!(check(&open, &trained), Ok(()));
    assert_eq!(check(&bound, &flow), Ok(()));
    assert_eq!(check(&bound, &trained), Ok(()));
    let other = check(&bound, &flow.clone().with_range(range(0.01, 10.0))).unwrap_err();
    assert!(other.contains("expected lambda_range [-4.38") && other.contains("got lambda_range [-2.30"), "{other}");
    assert!(!other.contains("velocity"), "{other}");
    let clocked = Formulation::new(Process::rectified_flow(), Prediction::Epsilon)
        .with_clock(crate::Clock::Scaled { factor: 1000.0 });
    let several = check(&open, &clocked).unwrap_err();
    assert!(several.contains("expected prediction velocity, clock time"), "{several}");
    assert!(several.contains("got prediction epsilon, clock scaled:1000"), "{several}");
    // Two processes with one name differ in their parameters.
    let linear = |max: f64| {
        let process =
            Process::from_spec(&crate::process::ProcessSpec::VpLinear { beta_min: 0.1, beta_max: max }).unwrap();
        Formulation::new(process, Prediction::Epsilon)
    };
    let error = check(&plan("ddim", None, &Process::ve(), Some(&linear(20.0)), 2), &linear(12.0)).unwrap_err();
    assert!(error.contains(r#""beta_max":20.0"#) && error.contains(r#""beta_max":12.0"#), "{error}");
}

#[test]
fn a_plan_of_one_formulation_is_read_as_another_exactly() {
    let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let vp = Formulation::new(Process::vp_cosine(), Prediction::Epsilon)
        .with_clock(crate::Clock::QuarterLogSigma)
        .with_input(crate::formulation::InputScaling::UnitVariance { sigma_data: 0.5 });
    let own = plan("ddim", None, &Process::ve(), Some(&vp), 5);
    assert_eq!(own.for_network(&vp).unwrap(), own);
    assert_eq!(own.for_network(&flow).unwrap(), plan("ddim", None, &Process::ve(), Some(&flow), 5));
}

/// The noisiest level of a table, rounded to float32 as in configs, is the table's last level.
#[test]
fn the_last_level_of_a_table_may_be_rounded() {
    let process = Process::parse("table:scaled-linear").unwrap();
    let last = process.level(999.0).unwrap();
    let rounded = f64::from(last.sigma_ve() as f32) * (1.0 + 4e-7);
    assert!(rounded > last.sigma_ve());
    assert_eq!(process.level_at_sigma_ve(rounded).unwrap(), last);
    assert!(process.level_at_sigma_ve(last.sigma_ve() * 1.00001).is_err());
}

#[test]
fn a_plan_starts_from_a_state_in_place_of_its_noise() {
    let process = Process::ve();
    let own = plan("heun", None, &process, None, 4);
    let open = own.starting_from_state().unwrap();
    assert_eq!((open.inputs().len(), open.nfe()), (1, own.nfe()));
    let (space, rows) = (SliceSpace::<f64>::new(1), ids(2));
    let Op::Combine { noise, .. } = &own.ops()[0] else { panic!() };
    let noisy = space.combine(None, &[], &[(crate::space::Coef::All(noise[0].0), 0)], &rows).unwrap();
    assert_eq!(
        open.run(&space, &Quarter, vec![noisy], &rows).unwrap(),
        own.run(&space, &Quarter, vec![], &rows).unwrap()
    );
    assert_eq!(open.starting_from_state().unwrap(), open);
}

#[test]
fn a_models_own_error_is_kept_and_stops_every_thread() {
    struct Fails;
    impl Model<Vec<f64>> for Fails {
        fn predict(&self, _: &Vec<f64>, _: &Query<'_>) -> Result<Vec<f64>> {
            Err(crate::Error::model("the network failed", std::io::Error::other("socket closed")))
        }
    }
    let plan = plan("ddim", None, &Process::ve(), None, 2);
    for threads in [1, 3] {
        let error = Sampling::new(100, 1).chunk(7).threads(threads).run(&plan, &Fails).unwrap_err();
        assert!(error.is_model());
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "socket closed");
    }
}

#[test]
fn sample_i_is_the_same_in_any_company() {
    let plan = plan("exponential", Some(1.0), &Process::vp(), None, 6);
    let whole = Sampling::new(101, 3).seed(5).run(&plan, &Quarter).unwrap();
    for (chunk, threads) in [(1, 1), (7, 1), (1000, 1), (8, 2), (3, 5)] {
        assert_eq!(Sampling::new(101, 3).seed(5).chunk(chunk).threads(threads).run(&plan, &Quarter).unwrap(), whole);
    }
    let tail = Sampling::new(11, 3).seed(5).first(90).run(&plan, &Quarter).unwrap();
    assert_eq!(whole[270..], tail);
    assert_ne!(whole, Sampling::new(101, 3).seed(6).run(&plan, &Quarter).unwrap());
    assert_eq!(Sampling::new(0, 3).run(&plan, &Quarter).unwrap(), Vec::<f64>::new());
    assert!(Sampling::new(usize::MAX, 3).run(&plan, &Quarter).unwrap_err().is_argument());
}

#[test]
fn inputs_and_branches() {
    // Guidance in the plan: D = 2·D_main − 1·D_unconditional from one evaluation. The start is an
    // input.
    let level = Process::ve().level(1.0).unwrap();
    let plan = Plan {
        name: "guided".into(),
        process: Process::ve().spec(),
        network: None,
        slots: 3,
        draws: 0,
        result: 0,
        inputs: vec![Input { name: "init".into(), slot: 0 }],
        ops: vec![
            Op::Eval {
                from: 0,
                level,
                out: vec![Output { branch: Branch::Main, into: 1 }, Output { branch: Branch::Unconditional, into: 2 }],
                net: None,
            },
            Op::Combine { into: 1, terms: vec![(2.0, 1), (-1.0, 2)], noise: vec![] },
            Op::Map { map: Map::Clamp { min: -1.0, max: 1.0 }, from: vec![1], into: 0 },
        ],
        moves: vec![],
        origin: None,
    };
    struct Two;
    impl Model<Vec<f64>> for Two {
        fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
            let factor = if query.branch == Branch::Main { 1.0 } else { 0.5 };
            Ok(x.iter().map(|x| factor * x).collect())
        }
    }
    plan.validate().unwrap();
    assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
    let out = plan.run(&SliceSpace::new(1), &Two, vec![vec![0.5, -3.0]], &ids(2)).unwrap();
    assert_eq!(out, [0.75, -1.0]);
    assert!(plan.lint().unwrap_err().to_string().contains("linear"));
}

#[test]
fn documents_from_outside_are_checked() {
    let good = plan("ddpm", None, &Process::vp(), None, 2).to_json();
    let cases = [
        ("\"version\":1", "\"version\":2", "newer langevin"),
        ("\"version\":1", "\"version\":0", "another version"),
        ("\"nfe\":2", "\"nfe\":3", "nfe"),
        ("\"slots\":2", "\"slots\":99999999", "slots"),
        ("\"slots\":2", "\"slots\":1", "slot below `slots`"),
        ("\"draws\":2", "\"draws\":1", "draw below `draws`"),
        ("\"result\":0", "\"result\":7", "result"),
        ("\"from\":0", "\"from\":1", "written before"),
        ("\"op\":\"combine\"", "\"op\":\"combin\"", "unknown variant"),
        ("\"into\":0", "\"into\":0,\"extra\":1", "extra"),
        ("\"sigma\":", "\"sigma\":-", "σ ≥ 0"),
        ("\"ops\":[1,2]", "\"ops\":[1,99]", "moves"),
        ("\"sigma\":", "\"sigma\":1e999,\"x\":", "not a plan"),
        ("\"network\":null,", "", "network"),
        (",\"net\":null", "", "net"),
        ("\"eta\":1.0,", "", "eta"),
        ("\"net\":null", "\"net\":{\"scale\":1.0,\"time\":1.0,\"A\":0.0,\"B\":1.0}", "null, as `network` is"),
        ("\"inputs\":[]", "\"inputs\":[{\"name\":\"a\",\"slot\":0},{\"name\":\"b\",\"slot\":0}]", "a slot of its own"),
        ("{\"kind\":\"vp\"}", "{\"kind\":\"vp-linear\",\"beta_min\":-1.0,\"beta_max\":2.0}", "betas"),
        ("\"ops\":[1,2]", "\"ops\":[1,1]", "writes the state"),
        ("\"terms\":[],\"noise\":[[0.9999218841540816,0]]", "\"terms\":[],\"noise\":[]", "at least one term"),
    ];
    for (from, to, expected) in cases {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        let error = Plan::from_json(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{from} → {to}: {error}");
    }
    for text in ["", "{}", "[]", "null", "{\"version\":1}", &"[".repeat(100_000)] {
        assert!(Plan::from_json(text).unwrap_err().is_format());
    }
    let deep = format!("{{\"version\":1,\"name\":{}", "[".repeat(100_000));
    assert!(Plan::from_json(&deep).unwrap_err().is_format());
}

/// The keys of an instruction may have any order. Each must occur once, and none of another
/// instruction may occur.
#[test]
fn instructions_are_read_by_their_keys() {
    let plan = |op: &str| {
        Plan::from_json(&format!(
            "{{\"version\":1,\"name\":\"m\",\"process\":{{\"kind\":\"ve\"}},\"network\":null,\"nfe\":0,\"slots\":1,\"draws\":1,\"result\":0,\"inputs\":[],\
             \"ops\":[{op}],\"moves\":[]}}"
        ))
        .map_err(|error| error.to_string())
    };
    let good = plan("{\"noise\":[[2,0]],\"into\":0,\"terms\":[],\"op\":\"combine\"}").unwrap();
    assert_eq!(good.ops(), [Op::Combine { into: 0, terms: vec![], noise: vec![(2.0, 0)] }]);
    for (op, expected) in [
        ("{\"noise\":[[2,0]],\"into\":0,\"terms\":[]}", "missing field 'op'"),
        ("{\"op\":\"combine\",\"into\":0,\"terms\":[]}", "ops[0]: missing field 'noise'"),
        ("{\"op\":\"combine\",\"into\":0,\"into\":0,\"terms\":[],\"noise\":[[2,0]]}", "duplicate field 'into'"),
        (
            "{\"op\":\"combine\",\"time\":0,\"into\":0,\"terms\":[],\"noise\":[[2,0]]}",
            "ops[0]: unknown field 'time' of combine, expected one of 'op', 'into', 'terms', 'noise'",
        ),
        (
            "{\"step\":0,\"op\":\"combine\",\"into\":0,\"terms\":[],\"noise\":[[2,0]]}",
            "unknown field 'step' of combine",
        ),
        ("{\"op\":\"combine\",\"net\":null,\"into\":0,\"terms\":[],\"noise\":[[2,0]]}", "unknown field 'net'"),
        ("{\"op\":\"map\",\"kind\":\"mul\",\"from\":0,\"args\":{},\"into\":0}", "'from' is a list"),
        (
            "{\"op\":\"eval\",\"from\":[0],\"time\":0,\"alpha\":1,\"sigma\":0,\"out\":[],\"net\":null}",
            "'from' is one slot",
        ),
        ("[]", "an instruction"),
        ("7", "an instruction"),
    ] {
        let error = plan(op).unwrap_err();
        assert!(error.contains(expected), "{op}: {error}");
    }
}

/// Documents that ask for much memory are refused before it is allocated.
#[test]
fn documents_have_limits() {
    let good = plan("ddpm", None, &Process::vp(), None, 2).to_json();
    let refused = |from: &str, to: &str, expected: &str| {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        let error = Plan::from_json(&text).unwrap_err().to_string();
        assert!(error.contains(expected) && error.len() < 1000, "{error}");
    };
    let list = |item: &str, count: usize| vec![item; count].join(",");
    refused("\"noise\":[", &format!("\"noise\":[{},", list("[1,0]", 600_000)), "more than 1048576 numbers");
    refused("\"inputs\":[]", &format!("\"inputs\":[{}]", list("0", 200_000)), "more than 131072 numbers");
    refused(
        "{\"kind\":\"vp\"}",
        &format!("{{\"kind\":\"vp\",\"x\":[{}]}}", list("0", 200_000)),
        "more than 131072 numbers",
    );
    let op = "{\"op\":\"combine\",\"into\":0,\"terms\":[],\"noise\":[[1,0]]}";
    refused("\"ops\":[", &format!("\"ops\":[{},", list(op, 140_000)), "more than 1048576 numbers");
    let args = (0..9).map(|k| format!("\"a{k}\":1")).collect::<Vec<_>>().join(",");
    let map = format!("\"ops\":[{{\"op\":\"map\",\"kind\":\"clamp\",\"from\":[0],\"into\":0,\"args\":{{{args}}}}},");
    refused("\"ops\":[", &map, "more than 8 arguments");
    refused("\"draws\":", &format!("\"{}\":1,\"draws\":", "x".repeat(1_000_000)), "unknown field");
    refused("\"version\"", &format!("{}\"version\"", " ".repeat(9 << 20)), "too large");
}

#[test]
fn maps_from_outside_are_checked() {
    let plan = |kind: &str, args: &str| {
        Plan::from_json(&format!(
            "{{\"version\":1,\"name\":\"m\",\"process\":{{\"kind\":\"ve\"}},\"network\":null,\"nfe\":0,\"slots\":1,\"draws\":1,\"result\":0,\"inputs\":[],\
             \"ops\":[{{\"op\":\"combine\",\"into\":0,\"terms\":[],\"noise\":[[1.0,0]]}},{{\"op\":\"map\",\"kind\":\"{kind}\",\"from\":[0],\"args\":{args},\"into\":0}}],\"moves\":[]}}"
        ))
    };
    assert!(plan("clamp", "{\"min\":-1.0,\"max\":1.0}").is_ok());
    assert!(plan("hook:mask", "{}").is_ok());
    for (kind, args) in [
        ("clamp", "{}"),
        ("clamp", "{\"min\":2,\"max\":1}"),
        ("clamp", "{\"min\":0,\"max\":1,\"x\":1}"),
        ("clam", "{}"),
        ("hook:", "{}"),
        ("mul", "{}"),
        ("threshold", "{\"ratio\":0,\"max\":1}"),
        ("learned_std", "{\"small\":0,\"large\":1}"),
    ] {
        assert!(plan(kind, args).is_err(), "{kind} {args}");
    }
}

/// A caller that replaces the state gets the result of a plan started from that state. D can be
/// read until the next query.
#[test]
fn a_state_can_be_replaced() {
    let process = Process::ve();
    let levels = Grid::karras(4).levels(&process, 0.01, 10.0).unwrap();
    let plan = Sampler::ddim(0.0).compile(&process, None, &levels).unwrap();
    let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId { seed: 1, index: 0 }]);
    let finish = |start: f64| {
        let mut run = plan.start(&space, vec![], &rows).unwrap();
        assert!(run.replace(vec![start]).is_err() && run.state().is_none() && run.denoised().unwrap().is_none());
        let mut first = true;
        while run.query().unwrap().is_some() {
            if std::mem::take(&mut first) {
                run.replace(vec![start]).unwrap();
                assert_eq!(run.query().unwrap().unwrap().x, &vec![start]);
            }
            let half = 0.5 * run.state().unwrap()[0];
            run.supply(vec![half]).unwrap();
            assert_eq!(run.denoised().unwrap(), Some(&vec![half]));
        }
        run.finish().unwrap()[0]
    };
    // With D = x/2 every step is linear, so the result is as large as the start.
    let one = finish(1.0);
    assert!(one > 0.0 && (finish(3.0) - 3.0 * one).abs() < 1e-12);
}

/// Slices with the trait's default for a step: D first, then the sum.
struct TwoPasses(SliceSpace<f32>);

impl Space for TwoPasses {
    type State = Vec<f32>;

    fn combine(
        &self,
        own: Option<(Coef<'_>, Vec<f32>)>,
        terms: &[(Coef<'_>, &Vec<f32>)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<Vec<f32>> {
        self.0.combine(own, terms, noise, rows)
    }

    fn map(&self, map: &Map, args: &[&Vec<f32>]) -> Result<Vec<f32>> {
        self.0.map(map, args)
    }
}

#[test]
fn a_step_in_one_pass_has_the_bits_of_two() {
    // A velocity that belongs to no data, so that D differs at every evaluation.
    let velocity = |x: &Vec<f32>, time: f64| x.iter().map(|x| (1.3 * x + time as f32).sin()).collect::<Vec<f32>>();
    let process = Process::vp();
    let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let (width, rows) = (700, ids(3));
    let mut compared = 0;
    for entry in crate::sampler::Entry::all() {
        let levels = Grid::karras(6).levels(&process, 0.01, 20.0).unwrap();
        let Ok(sampler) = Sampler::parse(entry.name, None) else { continue };
        let Ok(plan) = sampler.compile(&process, Some(&network), &levels) else { continue };
        if !plan.inputs().is_empty() {
            continue;
        }
        let (one, two) = (SliceSpace::<f32>::new(width), TwoPasses(SliceSpace::new(width)));
        let mut fast = plan.start(&one, vec![], &rows).unwrap();
        let mut slow = plan.start(&two, vec![], &rows).unwrap();
        while let Some(request) = fast.query().unwrap() {
            let other = slow.query().unwrap().unwrap();
            assert_eq!(request.x, other.x, "{}", entry.name);
            let out = velocity(request.x, request.query.at.row(0).time);
            fast.supply(out.clone()).unwrap();
            slow.supply(out).unwrap();
            // Reading D forces its computation.
            if compared % 2 == 0 {
                slow.denoised().unwrap();
            }
        }
        assert_eq!(fast.finish().unwrap(), slow.finish().unwrap(), "{}", entry.name);
        compared += 1;
    }
    assert!(compared > 40, "{compared}");
}

/// A plan from outside may have no moves.
#[test]
fn states_are_linted_where_there_are_no_moves() {
    for (name, process) in
        [("dpmpp-2m", Process::vp()), ("heun", Process::ve()), ("euler-ancestral", Process::rectified_flow())]
    {
        let levels = Grid::karras(6).levels(&process, 0.002, 80.0).unwrap();
        let mut plan = Sampler::parse(name, None).unwrap().compile(&process, None, &levels).unwrap();
        plan.moves.clear();
        assert!(plan.lint().unwrap().is_clean(), "{name}: {}", plan.lint().unwrap());
        let evaluations = plan.nfe();
        for (place, op) in plan.ops.clone().into_iter().enumerate() {
            let Op::Combine { into, terms, noise } = op else { continue };
            if terms.is_empty() {
                continue;
            }
            let mut wrong = plan.clone();
            let terms = terms.into_iter().map(|(weight, slot)| (1.3 * weight, slot)).collect();
            wrong.ops[place] = Op::Combine { into, terms, noise };
            let lint = wrong.lint().unwrap();
            assert!(!lint.is_clean(), "{name}, instruction {place}");
            assert!(
                lint.findings.iter().all(|finding| finding.subject != Subject::Move && finding.index <= evaluations)
            );
        }
    }
}

#[test]
fn terms_of_coefficient_zero_are_not_shown() {
    let process = Process::ve().spec();
    let ops = vec![
        Op::Combine { into: 0, terms: vec![], noise: vec![(2.0, 0)] },
        Op::Combine { into: 1, terms: vec![(0.5, 0), (0.0, 0)], noise: vec![(0.0, 0)] },
        Op::Combine { into: 1, terms: vec![(0.0, 0)], noise: vec![] },
    ];
    let plan = Plan {
        name: "own".into(),
        process,
        network: None,
        slots: 2,
        draws: 1,
        result: 1,
        inputs: vec![],
        ops,
        moves: vec![],
        origin: None,
    };
    let text = plan.to_string();
    assert!(text.contains("x ← 0.500000·s0\n") && text.contains("x ← 0\n") && !text.contains("0.000000·"), "{text}");
    // A single instruction is written as it is in the plan.
    let json = plan.to_json();
    assert!(plan.ops().iter().all(|op| json.contains(&serde_json::to_string(op).unwrap())));
}

/// The title of a plan names a custom process.
#[test]
fn a_custom_process_is_named() {
    let process = Process::new(crate::process::tests::Odd).unwrap();
    let plan = plan("ddim", None, &process, None, 2);
    assert!(plan.to_string().starts_with("ddim on odd (custom), given D: 2 moves"), "{plan}");
}
