//! Plans made by hand, each wrong in one way: every one is refused by name of its instruction, or
//! the lint names it.
#![allow(clippy::unwrap_used, missing_docs)]

use langevin::plan::Op;
use langevin::plan::{Finding, Rule, Subject};
use langevin::sampler::{Entry, Start};
use langevin::{Formulation, Grid, Level, Plan, Prediction, Process, Sampler};
use serde_json::{Value, json};

/// DDPM of five steps for an ε-network, on the variance-preserving process. Instruction 0 is the
/// start; then each step is an evaluation and a combination.
fn good() -> Value {
    let network = Formulation::new(Process::vp(), Prediction::Epsilon);
    let levels = Grid::karras(5).levels(&network.process, 0.01, 50.0).unwrap();
    let plan = Sampler::ddim(1.0).compile(&network.process, Some(&network), &levels).unwrap();
    assert!(plan.lint().unwrap().is_clean());
    let kinds: Vec<bool> = plan.ops().iter().map(|op| matches!(op, Op::Eval { .. })).collect();
    assert_eq!(kinds, [false, true, false, true, false, true, false, true, false, true, false]);
    serde_json::from_str(&plan.to_json()).unwrap()
}

fn read(document: &Value) -> langevin::Result<Plan> {
    Plan::from_json(&document.to_string())
}

/// The good plan, changed.
fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = good();
    change(&mut document);
    document
}

/// What reading the document says.
fn refused(document: &Value) -> String {
    read(document).unwrap_err().to_string()
}

/// The first finding of the lint.
fn found(document: &Value) -> Finding {
    let plan = read(document).unwrap();
    let lint = plan.lint().unwrap();
    assert!(!lint.is_clean(), "{plan}");
    lint.findings[0].clone()
}

/// What the lint finds breaks this rule, at this instruction, and says so.
fn flagged(document: &Value, rule: Rule, op: usize) {
    let lint = read(document).unwrap().lint().unwrap();
    let at = lint.findings.iter().any(|finding| finding.rule == rule && finding.op == Some(op));
    assert!(at && lint.to_string().contains(&format!("(ops[{op}])")), "{rule:?} at ops[{op}]:\n{lint}");
}

#[test]
fn a_slot_used_before_it_is_set() {
    let wrong = changed(|plan| {
        plan["slots"] = json!(9);
        plan["ops"][4]["terms"][0][1] = json!(8);
    });
    let text = refused(&wrong);
    assert!(text.contains("(ops[4].terms): expected a slot that was written before, got 8"), "{text}");
}

#[test]
fn a_draw_used_twice_by_mistake() {
    let wrong = changed(|plan| {
        let draw = plan["ops"][4]["noise"][0][1].clone();
        plan["ops"][6]["noise"][0][1] = draw;
    });
    flagged(&wrong, Rule::Variance, 6);
    // The noise of the start, too.
    let wrong = changed(|plan| plan["ops"][2]["noise"][0][1] = json!(0));
    flagged(&wrong, Rule::Mean, 2);
}

#[test]
fn a_row_that_breaks_the_marginal() {
    let wrong = changed(|plan| {
        let coef = plan["ops"][4]["terms"][1][0].as_f64().unwrap();
        plan["ops"][4]["terms"][1][0] = json!(1.01 * coef);
    });
    flagged(&wrong, Rule::Mean, 4);
    assert_eq!(found(&wrong).subject, Subject::Move);
}

#[test]
fn times_out_of_order() {
    // Two evaluations change places.
    let wrong = changed(|plan| {
        for key in ["time", "alpha", "sigma", "net"] {
            let (a, b) = (plan["ops"][3][key].clone(), plan["ops"][7][key].clone());
            (plan["ops"][3][key], plan["ops"][7][key]) = (b, a);
        }
    });
    flagged(&wrong, Rule::Mean, 3);
    // A reverse move that goes to more noise.
    let wrong = changed(|plan| {
        let (from, to) = (plan["moves"][1]["from"].clone(), plan["moves"][1]["to"].clone());
        (plan["moves"][1]["from"], plan["moves"][1]["to"]) = (to, from);
    });
    flagged(&wrong, Rule::Order, 3);
    // A time that is another level's.
    let wrong = changed(|plan| plan["ops"][3]["time"] = plan["ops"][7]["time"].clone());
    flagged(&wrong, Rule::Level, 3);
}

#[test]
fn not_a_number() {
    let text = good().to_string();
    let plan = good();
    let number = plan["ops"][6]["terms"][0][0].to_string();
    for bad in ["NaN", "Infinity", "-Infinity", "1e999"] {
        let wrong = text.replacen(&number, bad, 1);
        assert_ne!(wrong, text);
        let error = Plan::from_json(&wrong).unwrap_err();
        assert!(error.to_string().contains("(ops[6])"), "{bad}: {error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("finite numbers")), "{bad}: {error}");
    }
}

#[test]
fn a_result_that_is_never_written() {
    let wrong = changed(|plan| {
        plan["slots"] = json!(9);
        plan["result"] = json!(8);
    });
    let text = refused(&wrong);
    assert!(text.contains("(result): expected a slot that is written, got 8"), "{text}");
    // Written, but not by the last step: its own result is then read by nobody.
    let wrong = changed(|plan| plan["ops"][10]["into"] = plan["ops"][9]["out"][0]["into"].clone());
    let finding = found(&wrong);
    assert_eq!((finding.rule, finding.subject, finding.op), (Rule::Unread, Subject::Instruction, Some(10)));
}

#[test]
fn an_evaluation_at_a_level_of_another_process() {
    let flow = Process::rectified_flow();
    let wrong = changed(|plan| {
        let own = &plan["ops"][5];
        let sigma = own["sigma"].as_f64().unwrap() / own["alpha"].as_f64().unwrap();
        let Level { time, alpha, sigma, .. } = flow.level_at_sigma_ve(sigma).unwrap();
        for (key, value) in [("time", time), ("alpha", alpha), ("sigma", sigma)] {
            plan["ops"][5][key] = json!(value);
        }
    });
    flagged(&wrong, Rule::Level, 5);
}

#[test]
fn wrong_a_and_b_of_the_network() {
    let negative = changed(|plan| {
        let b = plan["ops"][3]["net"]["B"].as_f64().unwrap();
        plan["ops"][3]["net"]["B"] = json!(-b);
    });
    flagged(&negative, Rule::Reading, 3);
    // That of another prediction: the output is D.
    let denoised = changed(|plan| {
        plan["ops"][7]["net"]["A"] = json!(0.0);
        plan["ops"][7]["net"]["B"] = json!(1.0);
    });
    flagged(&denoised, Rule::Reading, 7);
    // That of the step before.
    let stale = changed(|plan| plan["ops"][5]["net"] = plan["ops"][3]["net"].clone());
    flagged(&stale, Rule::Reading, 5);
    let scaled = changed(|plan| plan["ops"][5]["net"]["scale"] = json!(0.5));
    flagged(&scaled, Rule::Reading, 5);
}

#[test]
fn noise_that_is_missing() {
    let wrong = changed(|plan| plan["ops"][4]["noise"] = json!([]));
    flagged(&wrong, Rule::Variance, 4);
}

#[test]
fn a_coefficient_of_the_other_sign() {
    let wrong = changed(|plan| {
        let coef = plan["ops"][6]["terms"][1][0].as_f64().unwrap();
        plan["ops"][6]["terms"][1][0] = json!(-coef);
    });
    flagged(&wrong, Rule::Mean, 6);
}

#[test]
fn an_input_written_over_before_it_is_used() {
    let process = Process::vp();
    let levels = Grid::karras(5).levels(&process, 0.01, 50.0).unwrap();
    let plan = Sampler::ddim(0.0).on(&process, &levels).start(1, Start::Image).compile().unwrap();
    assert!(plan.lint().unwrap().is_clean());
    let mut document: Value = serde_json::from_str(&plan.to_json()).unwrap();
    // A row in front draws into the slot of the image.
    let row = json!({"op": "combine", "into": document["inputs"][0]["slot"], "terms": [], "noise": [[1.0, 0]]});
    document["ops"].as_array_mut().unwrap().insert(0, row);
    for step in document["moves"].as_array_mut().unwrap() {
        for end in step["ops"].as_array_mut().unwrap() {
            *end = json!(end.as_u64().unwrap() + 1);
        }
    }
    let lint = read(&document).unwrap().lint().unwrap();
    let of_input = |finding: &&Finding| finding.rule == Rule::Unread && finding.subject == Subject::Input;
    let finding = lint.findings.iter().find(of_input).unwrap_or_else(|| panic!("{lint}"));
    assert_eq!((finding.index, finding.op), (0, Some(0)));
    assert!(lint.to_string().contains("input 0 (ops[0]): what it holds is never read"), "{lint}");
}

#[test]
fn two_moves_that_overlap() {
    let wrong = changed(|plan| plan["moves"][2]["ops"][0] = json!(4));
    flagged(&wrong, Rule::Overlap, 4);
    let lint = read(&wrong).unwrap().lint().unwrap().to_string();
    assert!(
        lint.contains("move 2 (ops[4]): begins before an earlier move ends, which leaves ops[5] on free"),
        "{lint}"
    );
}

/// A step that writes where nobody reads: the next one goes on from the old state.
#[test]
fn a_state_written_into_another_slot() {
    let wrong = changed(|plan| {
        let slots = plan["slots"].as_u64().unwrap();
        plan["slots"] = json!(slots + 1);
        plan["ops"][4]["into"] = json!(slots);
    });
    flagged(&wrong, Rule::Mean, 5);
}

/// SEEDS, SA-Solver, correctors and others name a draw twice on purpose.
#[test]
fn draws_used_twice_on_purpose_are_clean() {
    let process = Process::vp();
    let levels = Grid::karras(8).levels(&process, 0.01, 50.0).unwrap();
    let mut names = Vec::new();
    for entry in Entry::all() {
        let Ok(plan) = Sampler::parse(entry.name, None).unwrap().compile(&process, None, &levels) else { continue };
        let mut draws: Vec<u32> = Vec::new();
        for op in plan.ops() {
            if let Op::Combine { noise, .. } = op {
                draws.extend(noise.iter().map(|(_, draw)| *draw));
            }
        }
        let uses = draws.len();
        draws.sort_unstable();
        draws.dedup();
        if draws.len() < uses && plan.is_linear() && entry.breaks.is_empty() {
            assert!(plan.lint().unwrap().is_clean(), "{}: {}", entry.name, plan.lint().unwrap());
            names.push(entry.name);
        }
    }
    assert!(names.len() >= 3, "{names:?}");
}
