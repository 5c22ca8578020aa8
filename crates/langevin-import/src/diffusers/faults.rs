//! Tests of runs for which an original raises an error, returns NaN or behaves unexpectedly.

use super::table::text;
use super::*;
use langevin::plan::Op;
use serde_json::{Value, json};

fn parse(class: &str, fields: Value) -> Diffusers {
    Diffusers::parse(&text(&format!("{class}Scheduler"), fields)).unwrap()
}

fn consistent(steps: usize) -> Call {
    Call { consistent: true, ..Call::steps(steps) }
}

fn with(call: Call, key: &str, value: Value) -> Call {
    let mut call = call;
    call.set.insert(key.into(), value);
    call
}

/// Returns the times of the network calls.
fn times(plan: &Plan) -> Vec<f64> {
    let time = |op: &Op| if let Op::Eval { net: Some(net), .. } = op { Some(net.time) } else { None };
    plan.ops().iter().filter_map(time).collect()
}

/// Returns true if the plan ends on D: the last D has weight 1 in the result and the others have
/// weight 0.
fn ends_on_d(plan: &Plan) -> bool {
    let evals = plan.unroll().unwrap().result.evals;
    let last = evals.len() - 1;
    evals.iter().enumerate().all(|(i, weight)| (weight - f64::from(u8::from(i == last))).abs() < 1e-9)
}

fn falls(sigmas: &[f64]) -> bool {
    sigmas.windows(2).all(|pair| pair[0] > pair[1])
}

const CLASSES: [(&str, &str); 6] = [
    ("DPMSolverMultistep", "solver_order"),
    ("DPMSolverSinglestep", "solver_order"),
    ("DEISMultistep", "solver_order"),
    ("UniPCMultistep", "solver_order"),
    ("SASolver", "predictor_order"),
    ("DPMSolverMultistepInverse", "solver_order"),
];
const PLACINGS: [&str; 5] = ["", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_flow_sigmas"];

/// Every class compiles to a plan with finite numbers, for every order, every way of placing σ and
/// small numbers of steps, also on the cosine table, where several originals crash. The consistent
/// plan has the requested number of steps, none of length zero, and preserves every marginal.
#[test]
fn every_class_compiles_with_any_levels_and_number_of_steps() {
    for (class, key) in CLASSES {
        for placing in PLACINGS {
            for betas in ["scaled_linear", "squaredcos_cap_v2"] {
                for (order, steps) in [(1, 1), (2, 1), (2, 2), (3, 3), (2, 10), (3, 10), (3, 25)] {
                    let mut fields = json!({"beta_schedule": betas, key: order});
                    if !placing.is_empty() {
                        fields[placing] = json!(true);
                    }
                    if placing == "use_flow_sigmas" {
                        fields["prediction_type"] = json!("flow_prediction");
                    }
                    let import = parse(class, fields.clone());
                    let plan =
                        import.plan(&Call::steps(steps)).unwrap_or_else(|error| panic!("{class} {fields}: {error}"));
                    // The inverse leaves out repeated times.
                    assert!(plan.nfe() == steps || class.ends_with("Inverse"), "{class} {fields}: {}", plan.nfe());
                    // A falling run may start at table entries that are equal in float32; a single
                    // step cannot rise from a level to itself.
                    let Ok(tables) = import.tables(&consistent(steps)) else {
                        panic!("{class} {fields}: {:?}", import.tables(&consistent(steps)))
                    };
                    let mut sigmas = tables.sigmas.clone();
                    if class.ends_with("Inverse") {
                        sigmas.reverse();
                    }
                    assert!(falls(&sigmas) && sigmas.len() == steps + 1, "{class} {fields} {steps}: {sigmas:?}");
                    let plan = import.plan(&consistent(steps)).unwrap();
                    assert_eq!(plan.nfe(), steps);
                    let lint = plan.lint().unwrap();
                    // For σ/α up to 2·10⁴ the mean is a difference of numbers of that size.
                    let far = class.ends_with("Inverse") && betas == "squaredcos_cap_v2";
                    assert!(lint.is_clean() || far, "{class} {fields} {steps}: {lint}");
                }
            }
        }
    }
}

/// 'heun' and the third order divide 0 by 0 on a repeated last level (NaN). Here the step has
/// length zero, and the consistent run does not have it.
#[test]
fn a_repeated_last_level_is_a_step_that_goes_nowhere() {
    let heun = json!({"use_karras_sigmas": true, "final_sigmas_type": "sigma_min", "solver_type": "heun",
        "algorithm_type": "dpmsolver", "beta_schedule": "scaled_linear"});
    let third = json!({"use_karras_sigmas": true, "final_sigmas_type": "sigma_min", "solver_order": 3});
    for fields in [heun, third] {
        let import = parse("DPMSolverMultistep", fields);
        let sigmas = import.tables(&Call::steps(25)).unwrap().sigmas;
        assert_eq!(sigmas[24], sigmas[25]);
        let plan = import.plan(&Call::steps(25)).unwrap();
        let Some(Op::Combine { terms, .. }) = plan.ops().last() else { panic!("{plan}") };
        assert_eq!(terms.len(), 1);
        assert_eq!(terms[0].0, 1.0);
        let fixed = import.tables(&consistent(25)).unwrap().sigmas;
        assert!(falls(&fixed) && fixed[25] == sigmas[25] && fixed.len() == 26, "{fixed:?}");
    }
}

/// The last step of DPM-Solver on ε with `final_sigmas_type` zero, which the original refuses,
/// lands on D.
#[test]
fn noise_solvers_reach_clean_data() {
    for fields in [json!({"algorithm_type": "dpmsolver"}), json!({"algorithm_type": "dpmsolver", "solver_order": 3})] {
        for class in ["DPMSolverMultistep", "DPMSolverSinglestep"] {
            assert!(ends_on_d(&parse(class, fields.clone()).plan(&Call::steps(4)).unwrap()));
        }
    }
    // UniPC with B(h) = h (0·∞ in the original), and with past values (NaN).
    for fields in [json!({"solver_type": "bh1"}), json!({"lower_order_final": false})] {
        for steps in [1, 2, 10] {
            assert!(ends_on_d(&parse("UniPCMultistep", fields.clone()).plan(&Call::steps(steps)).unwrap()), "{fields}");
        }
    }
    // UniPC on ε (Inf): the corrected state without the ε of the predicted state.
    let plan = parse("UniPCMultistep", json!({"predict_x0": false})).plan(&consistent(10)).unwrap();
    assert!(plan.lint().unwrap().is_clean());
}

/// The original's SDE of ε has no third order and raises an error in its third step. The import
/// uses the published third order, with the noise of that SDE.
#[test]
fn the_sde_of_noise_has_a_third_order() {
    let fields = json!({"algorithm_type": "sde-dpmsolver", "solver_order": 3, "final_sigmas_type": "sigma_min"});
    let plan = parse("DPMSolverMultistep", fields).plan(&Call::steps(5)).unwrap();
    let terms = |op: &Op| if let Op::Combine { terms, .. } = op { terms.len() } else { 0 };
    assert_eq!(plan.ops().iter().map(terms).max(), Some(4));
}

/// The third order of the SDE of D weighs the curvature with a wrong sign: α_t D₂ is missing. The
/// consistent plan has the term.
#[test]
fn the_third_order_of_the_sde_is_fixed() {
    let fields = json!({"algorithm_type": "sde-dpmsolver++", "solver_order": 3, "final_sigmas_type": "sigma_min"});
    let import = parse("DPMSolverMultistep", fields);
    let tables = import.tables(&Call::steps(20)).unwrap();
    let weights = |call: &Call| {
        let plan = import.plan_with(call, &tables).unwrap();
        let steps = plan
            .ops()
            .iter()
            .filter_map(|op| if let Op::Combine { terms, .. } = op { Some(terms.clone()) } else { None });
        steps
            .filter(|terms| terms.len() == 4)
            .map(|terms| terms[1..].iter().map(|term| term.0).collect::<Vec<_>>())
            .next()
            .unwrap()
    };
    let (original, fixed) = (weights(&Call::steps(20)), weights(&consistent(20)));
    let ratio = |i: usize| tables.sigmas[i];
    let alpha = 1.0 / (1.0 + ratio(3) * ratio(3)).sqrt();
    let (h, h0, h1) = ((ratio(2) / ratio(3)).ln(), (ratio(1) / ratio(2)).ln(), (ratio(0) / ratio(1)).ln());
    let (r0, r1) = (h0 / h, h1 / h);
    let curve = [1.0 / r0, -1.0 / r0 - 1.0 / r1, 1.0 / r1].map(|share| share / (r0 + r1));
    for k in 0..3 {
        assert!((fixed[k] - original[k] - alpha * curve[k]).abs() < 1e-12, "{original:?} {fixed:?}");
    }
}

/// The SDE has no inversion (NaN in the original). Placed levels end with a step of length zero, a
/// flow goes down, and repeated times make levels and times diverge (an index beyond the end at 25
/// exponential steps). The consistent run rises from the cleanest level to the noisiest.
#[test]
fn inversion_rises_to_noise() {
    let error = parse("DPMSolverMultistepInverse", json!({"algorithm_type": "sde-dpmsolver++"}))
        .plan(&Call::steps(4))
        .unwrap_err();
    assert!(error.to_string().contains("an inversion has no noise"), "{error}");
    let import =
        parse("DPMSolverMultistepInverse", json!({"use_exponential_sigmas": true, "beta_schedule": "scaled_linear"}));
    assert!(import.plan(&Call::steps(25)).is_ok());
    let tables = import.tables(&consistent(25)).unwrap();
    let table = import.tables(&Call::steps(25)).unwrap();
    assert_eq!((tables.sigmas[0], tables.sigmas[25]), (table.sigmas[0], table.sigmas[24]));
    let flow = json!({"use_flow_sigmas": true, "prediction_type": "flow_prediction"});
    let import = parse("DPMSolverMultistepInverse", flow);
    assert!(import.tables(&Call::steps(8)).unwrap().sigmas[0] > 0.8);
    assert!(import.tables(&consistent(8)).unwrap().sigmas[8] > 0.99);
}

/// Integer times of flow and exponential levels are up to one unit below the time of the level. The
/// consistent plan uses the time itself.
#[test]
fn the_consistent_network_is_asked_where_it_stands() {
    for class in ["DPMSolverMultistep", "DPMSolverSinglestep", "DEISMultistep", "UniPCMultistep", "SASolver"] {
        let flow = json!({"use_flow_sigmas": true, "flow_shift": 3.0, "prediction_type": "flow_prediction"});
        let import = parse(class, flow);
        assert!(times(&import.plan(&Call::steps(6)).unwrap()).iter().all(|time| time.fract() == 0.0));
        let (plan, tables) = (import.plan(&consistent(6)).unwrap(), import.tables(&consistent(6)).unwrap());
        for (time, sigma) in times(&plan).iter().zip(&tables.sigmas) {
            assert!((time - 1000.0 * sigma).abs() < 1e-4, "{class}: {time} at {sigma}");
        }
        let import = parse(class, json!({"use_exponential_sigmas": true}));
        assert!(times(&import.plan(&Call::steps(6)).unwrap()).iter().all(|time| time.fract() == 0.0));
        assert!(times(&import.plan(&consistent(6)).unwrap())[1..5].iter().all(|time| time.fract() != 0.0));
    }
}

/// FlowMatchEuler shifts the ends of its range and then the whole range. The consistent levels are
/// shifted once.
#[test]
fn flow_levels_are_shifted_once() {
    for class in ["FlowMatchEulerDiscrete", "FlowMatchHeunDiscrete"] {
        let import = parse(class, json!({"shift": 3.0}));
        let last = |call: &Call| {
            let sigmas = import.tables(call).unwrap().sigmas;
            sigmas[sigmas.len() - 2]
        };
        let once = |s: f64| 3.0 * s / (1.0 + 2.0 * s);
        assert!((last(&Call::steps(5)) - once(once(0.001))).abs() < 1e-7);
        assert!((last(&consistent(5)) - once(0.001)).abs() < 1e-7);
    }
}

/// `shift_terminal` with one step divides 0 by 0 in the originals. Here the level does not change.
#[test]
fn one_level_is_not_stretched() {
    let flow = json!({"shift_terminal": 0.1});
    let plan = parse("FlowMatchEulerDiscrete", flow).plan(&Call::steps(1)).unwrap();
    assert_eq!(times(&plan), [1000.0]);
    let flow = json!({"shift_terminal": 0.1, "use_flow_sigmas": true, "prediction_type": "flow_prediction"});
    let plan = parse("UniPCMultistep", flow).plan(&Call::steps(1)).unwrap();
    assert_eq!(times(&plan), [999.0]);
}

/// UniPC uses exponential and beta levels as flow times although they exceed 1. The import refuses
/// them; the consistent plan uses them as σ/α. Karras's levels are mapped by the original.
#[test]
fn levels_beyond_one_are_no_flow_times() {
    for placing in ["use_exponential_sigmas", "use_beta_sigmas"] {
        let fields = json!({placing: true, "use_flow_sigmas": true, "prediction_type": "flow_prediction"});
        let error = parse("UniPCMultistep", fields.clone()).plan(&Call::steps(4)).unwrap_err().to_string();
        assert!(error.contains("not flow times"), "{error}");
        let sigmas = parse("UniPCMultistep", fields.clone()).tables(&consistent(4)).unwrap().sigmas;
        assert!(falls(&sigmas) && sigmas[0] < 1.0);
        let error = parse("DPMSolverMultistep", fields).plan(&Call::steps(4)).unwrap_err().to_string();
        assert!(error.contains("no flow time"), "{error}");
    }
}

/// Trailing times of a clipped table: the original runs 7 steps in place of 8. The consistent run
/// has 8.
#[test]
fn as_many_steps_are_run_as_were_asked_for() {
    let fields =
        json!({"beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -1.5, "timestep_spacing": "trailing"});
    for class in ["DPMSolverMultistep", "SASolver"] {
        let import = parse(class, fields.clone());
        assert!(import.plan(&Call::steps(8)).unwrap().nfe() < 8, "{class}");
        assert_eq!(import.plan(&consistent(8)).unwrap().nfe(), 8);
        assert_eq!(import.plan(&consistent(7)).unwrap().nfe(), 7);
    }
}

/// Impossible requests lead to one error that names the field or argument.
#[test]
fn what_cannot_be_is_refused_by_name() {
    let refused = |class: &str, fields: Value, call: Call, part: &str| {
        let error = parse(class, fields).plan(&call).unwrap_err().to_string();
        assert!(error.contains(part), "{class}: {error}");
    };
    let four = || Call::steps(4);
    let mu = || Call { mu: Some(0.8), ..Call::steps(4) };
    let learned = |prediction: &str| json!({"variance_type": "learned_range", "prediction_type": prediction});
    refused("DPMSolverMultistep", learned("v_prediction"), four(), "variance_type");
    // For ε the second half of the output is dropped.
    let plain = parse("DPMSolverMultistep", json!({})).plan(&four()).unwrap();
    assert_eq!(parse("DPMSolverMultistep", learned("epsilon")).plan(&four()).unwrap(), plain);
    refused("DPMSolverMultistep", json!({"use_karras_sigmas": true, "use_beta_sigmas": true}), four(), "one way only");
    refused("DPMSolverMultistep", json!({"solver_order": 4}), four(), "1 to 3");
    refused("DPMSolverMultistep", json!({"prediction_type": "flow_prediction"}), four(), "prediction_type");
    refused("DPMSolverMultistep", json!({}), mu(), "mu without use_dynamic_shifting");
    // A pipeline passes μ to FlowMatchEuler whatever the config says.
    let shifted = parse("FlowMatchEulerDiscrete", json!({"shift": 3.0}));
    assert_eq!(shifted.plan(&mu()).unwrap(), shifted.plan(&four()).unwrap());
    refused("DPMSolverMultistep", json!({"lambda_min_clipped": 100.0}), four(), "lambda_min_clipped");
    refused("UniPCMultistep", json!({"solver_p": ["diffusers", "DPMSolverMultistepScheduler"]}), four(), "solver_p");
    refused("UniPCMultistep", json!({"use_dynamic_shifting": true, "use_flow_sigmas": true}), four(), "mu is missing");
    refused("SASolver", json!({"tau_func": "f"}), four(), "tau_func");
    refused("SASolver", json!({}), with(four(), "tau", json!(-1.0)), "tau");
    refused("SASolver", json!({}), with(four(), "eta", json!(1.0)), "eta");
    refused("FlowMatchEulerDiscrete", json!({"use_dynamic_shifting": true}), four(), "mu is missing");
    refused(
        "FlowMatchEulerDiscrete",
        json!({"invert_sigmas": true, "stochastic_sampling": true}),
        four(),
        "invert_sigmas",
    );
    refused("FlowMatchLCM", json!({"scale_factors": [0.5]}), four(), "scale_factors");
    let given = Call { timesteps: Some(vec![900.0, 500.0]), sigmas: Some(vec![0.9]), ..Call::default() };
    refused("FlowMatchEulerDiscrete", json!({}), given, "disagree");
    refused("DPMSolverMultistep", json!({}), Call::steps(1000), "bad timesteps");
}

/// FlowMatchLCM: x' = (1 − s')D + s' z at the levels of FlowMatchEuler.
#[test]
fn flow_lcm_jumps_and_noises() {
    let (lcm, euler) =
        (parse("FlowMatchLCM", json!({"shift": 2.0})), parse("FlowMatchEulerDiscrete", json!({"shift": 2.0})));
    let tables = lcm.tables(&Call::steps(3)).unwrap();
    assert_eq!(tables, euler.tables(&Call::steps(3)).unwrap());
    let unrolled = lcm.plan(&Call::steps(3)).unwrap().unroll().unwrap();
    let second = &unrolled.queries[1];
    assert_eq!((second.evals[0], second.draws[1]), (1.0 - tables.sigmas[1], tables.sigmas[1]));
    assert_eq!(unrolled.result.evals, [0.0, 0.0, 1.0]);
}
