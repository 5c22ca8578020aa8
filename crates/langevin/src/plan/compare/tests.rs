use super::*;
use crate::grid::Grid;
use crate::plan::{Input, Letter, Move, Origin, Output};
use crate::process::{Process, ProcessSpec};
use crate::sampler::{Sampler, Word};

fn plan(name: &str, eta: Option<f64>, process: &str, steps: usize) -> Plan {
    let process = Process::parse(process).unwrap();
    let levels = Grid::karras(steps).levels(&process, 0.002, 80.0).unwrap();
    Sampler::parse(name, eta).unwrap().compile(&process, None, &levels).unwrap()
}

/// One sampler on grids with matched λ is one table on every process.
#[test]
fn one_sampler_on_all_processes_is_one_table() {
    for (name, eta) in
        [("ddim", None), ("ddim", Some(1.0)), ("exponential", Some(0.6)), ("adams2", None), ("adams3", Some(1.0))]
    {
        for steps in [1, 10, 50] {
            let reference = plan(name, eta, "ve", steps);
            for process in ["vp", "vp-linear", "vp-cosine", "rectified-flow"] {
                let same = compare(&reference, &plan(name, eta, process, steps)).unwrap();
                println!("{name} on {process}, {steps} steps: {same}");
                assert!(same.is_same(SAME), "{name} on {process}: {same}");
                assert!(same.lambda < 1e-12 && same.to_string().starts_with("the same table"));
            }
        }
    }
    // The plan ends in noise: the results have different scales, and compare equal.
    let open = |name: &str| {
        let process = Process::parse(name).unwrap();
        let levels = Grid::karras(6).without_clean_end().levels(&process, 0.1, 80.0).unwrap();
        Sampler::ddim(0.5).compile(&process, None, &levels).unwrap()
    };
    assert!(compare(&open("ve"), &open("rectified-flow")).unwrap().is_same(SAME));
}

#[test]
fn names_do_not_make_a_difference_and_numbers_do() {
    let same = |a: &Plan, b: &Plan| compare(a, b).unwrap();
    assert_eq!(same(&plan("euler", None, "vp", 9), &plan("ddim", None, "vp", 9)).difference, 0.0);
    assert_eq!(same(&plan("ddpm", None, "vp", 9), &plan("euler-ancestral", None, "vp", 9)).difference, 0.0);
    let word = Sampler::word(Word::parse("R*9").unwrap());
    let vp = Process::vp();
    let levels = Grid::karras(9).levels(&vp, 0.002, 80.0).unwrap();
    assert!(same(&word.compile(&vp, None, &levels).unwrap(), &plan("ddim", None, "ve", 9)).is_same(SAME));
    // The evaluations agree, the weights of past D differ.
    let other = same(&plan("ddim", None, "vp", 9), &plan("adams2", None, "vp", 9));
    assert!(other.mismatch.is_none() && other.difference > 0.01 && other.lambda == 0.0);
    let place = other.place.clone().unwrap();
    assert!((place.weights.0 - place.weights.1).abs() == other.difference);
    assert!(other.to_string().contains("different tables on the same evaluations"), "{other}");
    assert!(other.to_string().contains("the weight of D"), "{other}");
    // One coefficient that differs in its ninth digit is located.
    let (a, mut b) = (plan("ddpm", None, "vp", 5), plan("ddpm", None, "vp", 5));
    let Op::Combine { noise, .. } = &mut b.ops[4] else { panic!() };
    noise[0].0 *= 1.0 + 1e-9;
    let found = same(&a, &b);
    assert!(!found.is_same(SAME) && found.is_same(1e-8), "{found}");
    let place = found.place.unwrap();
    assert_eq!((place.query, place.source), (Some(2), Source::Draw(2)));
    // Other numbers for draws and slots, and a draw that is not used.
    let mut c = a.clone();
    c.draws += 3;
    for op in &mut c.ops {
        let Op::Combine { noise, .. } = op else { continue };
        noise.iter_mut().for_each(|(_, draw)| *draw = 7 - *draw);
    }
    c.validate().unwrap();
    assert_eq!(same(&a, &c).difference, 0.0);
    // Half of a draw, added twice, is the draw. An earlier draw is not a new one.
    let mut twice = a.clone();
    let Op::Combine { noise, .. } = &mut twice.ops[0] else { panic!() };
    *noise = vec![(noise[0].0 / 2.0, 0), (noise[0].0 / 2.0, 0)];
    assert_eq!(same(&a, &twice).difference, 0.0);
    let Op::Combine { noise, .. } = &mut twice.ops[4] else { panic!() };
    noise[0].1 = 0;
    assert_eq!(same(&a, &twice).mismatch, Some(Mismatch::Draws(5, 4)));
    // NaN is a difference.
    let mut d = a.clone();
    let Op::Combine { terms, .. } = &mut d.ops[2] else { panic!() };
    terms[0].0 = f64::NAN;
    assert_eq!(same(&a, &d).difference, f64::INFINITY);
}

#[test]
fn what_cannot_be_matched_is_said() {
    let of = |a: &Plan, b: &Plan| {
        let comparison = compare(a, b).unwrap();
        assert!(!comparison.is_same(f64::INFINITY) && comparison.difference == f64::INFINITY);
        assert!(comparison.to_string().starts_with("not comparable: "), "{comparison}");
        comparison.mismatch.unwrap()
    };
    let ddim = plan("ddim", None, "vp", 5);
    assert_eq!(of(&ddim, &plan("ddim", None, "vp", 6)), Mismatch::Evaluations(5, 6));
    assert_eq!(of(&ddim, &plan("ddpm", None, "vp", 5)), Mismatch::Draws(1, 5));
    let process = Process::vp();
    let levels = Grid::uniform_lambda(5).levels(&process, 0.002, 80.0).unwrap();
    let other = Sampler::ddim(0.0).compile(&process, None, &levels).unwrap();
    assert!(matches!(of(&ddim, &other), Mismatch::Lambda(Some(1), a, b) if a != b));
    let mut ended = ddim.clone();
    ended.moves[4].to.sigma = 0.1;
    assert!(matches!(of(&ddim, &ended), Mismatch::Lambda(None, _, _)));
    // A custom process cannot be rebuilt from its name, so its level at the other's λ is unknown.
    let mut bare = ddim.clone();
    bare.moves.clear();
    bare.process = ProcessSpec::Custom { name: "own".to_owned() };
    assert_eq!(of(&ddim, &bare), Mismatch::Moves);
    let mut branch = ddim.clone();
    let Op::Eval { out, .. } = &mut branch.ops[3] else { panic!() };
    out[0].branch = Branch::Unconditional;
    assert_eq!(of(&ddim, &branch), Mismatch::Branch(1));
    let mut mapped = ddim.clone();
    mapped.ops.push(Op::Map { map: crate::Map::Mul, from: vec![0, 0], into: 0 });
    assert!(compare(&ddim, &mapped).is_err());
}

/// The result of a plan without moves is taken to be at the level of the other's, in the
/// coordinates of its own process.
#[test]
fn a_plan_without_moves_is_compared_at_the_others_end() {
    for pair in [["vp", "vp"], ["vp", "ve"], ["rectified-flow", "vp"]] {
        let (a, mut b) = (plan("dpmpp-2m", None, pair[0], 6), plan("dpmpp-2m", None, pair[1], 6));
        b.moves.clear();
        for comparison in [compare(&a, &b).unwrap(), compare(&b, &a).unwrap()] {
            assert!(comparison.is_same(1e-12), "{pair:?}: {comparison}");
        }
        // A change of the last row is still seen.
        let Some(Op::Combine { terms, .. }) = b.ops.last_mut() else { panic!() };
        terms[0].0 *= 1.0 + 1e-6;
        assert!(!compare(&a, &b).unwrap().is_same(1e-9), "{pair:?}");
    }
}

/// Differences below the precision that an origin states are none.
#[test]
fn a_stated_precision_is_the_tolerance() {
    let (a, mut b) = (plan("dpmpp-2m", None, "vp", 6), plan("dpmpp-2m", None, "vp", 6));
    let Op::Combine { terms, .. } = &mut b.ops[2] else { panic!() };
    terms[0].0 *= 1.0 + 1e-6;
    assert!(compare(&a, &b).unwrap().to_string().starts_with("different tables"));
    b.origin = Some(Origin { source: "float32".to_owned(), tolerance: 1e-5, tuning: None });
    let comparison = compare(&a, &b).unwrap();
    assert!(comparison.to_string().starts_with("the same table") && comparison.tolerance == 1e-5, "{comparison}");
    assert!(compare_within(&a, &b, 1e-8).unwrap().to_string().starts_with("different tables"));
}

/// A noisy input is a state in the coordinates of its process. Clean data do not depend on the
/// process. Inputs are matched by name.
#[test]
fn inputs_are_matched_by_name() {
    let step = |process: &str, names: [&str; 2], clean: bool| {
        let process = Process::parse(process).unwrap();
        let at = |ratio| process.level_at_sigma_ve(ratio).unwrap();
        let (from, to) = (at(2.0), at(1.0));
        let row = crate::moves::Row::new(&from, &to, 1.0);
        // A third of the first input and two thirds of the second, in either order of declaration.
        let share = |name: &str| if name == "a" { 1.0 / 3.0 } else { 2.0 / 3.0 };
        let scale = if clean { from.alpha } else { 1.0 };
        let terms = names.iter().enumerate().map(|(slot, name)| (scale * share(name), slot)).collect();
        let noise = if clean { vec![(from.sigma, 0)] } else { vec![] };
        let ops = vec![
            Op::Combine { into: 2, terms, noise },
            Op::Eval { from: 2, level: from, out: vec![Output { branch: Branch::Main, into: 3 }], net: None },
            Op::Combine { into: 2, terms: vec![(row.a, 2), (row.b, 3)], noise: vec![] },
        ];
        let moves = vec![Move { letter: Letter::R, eta: Some(0.0), from, to, ops: [1, 2] }];
        let inputs = names.iter().enumerate().map(|(slot, name)| Input { name: (*name).into(), slot }).collect();
        let (name, process) = ("inputs".into(), process.spec());
        let plan =
            Plan { name, process, network: None, slots: 4, draws: 1, result: 2, inputs, ops, moves, origin: None };
        plan.validate().unwrap();
        plan
    };
    for clean in [true, false] {
        let reference = step("ve", ["a", "b"], clean);
        for process in ["ve", "vp", "rectified-flow"] {
            let same = compare(&reference, &step(process, ["b", "a"], clean)).unwrap();
            assert!(same.is_same(SAME), "{process}, clean {clean}: {same}");
        }
        let other = compare(&reference, &step("vp", ["a", "c"], clean)).unwrap();
        assert_eq!(other.mismatch, Some(Mismatch::Inputs));
    }
}
