use super::table::text;
use super::*;
use serde_json::json;

fn parse(class: &str, fields: Value) -> Diffusers {
    Diffusers::parse(&text(class, fields)).unwrap()
}

#[test]
fn configs_that_are_not_strict_json_are_read() {
    let config = "{\"_class_name\": \"DDIMScheduler\", \"beta_start\": 1e-4, \"note\": \"-Infinity \\\" NaN\", \"x\": -Infinity}";
    let error = Diffusers::parse(config).unwrap().plan(&Call::steps(3)).unwrap_err().to_string();
    assert!(error.contains("note, x") && error.contains("no scheduler has"), "{error}");
}

#[test]
fn every_unknown_field_is_named() {
    let error = parse("DDIMScheduler", json!({"one": 1, "two": 2})).plan(&Call::steps(3)).unwrap_err().to_string();
    assert!(error.contains("one, two"), "{error}");
}

fn plan(class: &str, fields: Value, call: &Call) -> crate::Plan {
    parse(class, fields).plan(call).unwrap()
}

fn steps(steps: usize, set: Value, consistent: bool) -> Call {
    let set = set.as_object().unwrap().clone().into_iter().collect();
    Call { steps: Some(steps), set, consistent, ..Call::default() }
}

/// σ/α where the moves of a plan start and end.
fn places(plan: &crate::Plan) -> Vec<(f64, f64)> {
    plan.moves().iter().map(|note| (note.from.sigma_ve(), note.to.sigma_ve())).collect()
}

/// The times that the network is given, in order.
fn network_times(plan: &crate::Plan) -> Vec<f64> {
    let net =
        |op: &crate::plan::Op| if let crate::plan::Op::Eval { net, .. } = op { net.map(|net| net.time) } else { None };
    plan.ops().iter().filter_map(net).collect()
}

#[test]
fn every_class_has_a_plan_and_a_consistent_one() {
    for class in CLASSES.iter().copied().flatten() {
        // The inverse of a noisy solver and grids without a shift need no field of their own.
        for consistent in [false, true] {
            let plan = parse(class.name, json!({})).plan(&steps(6, json!({}), consistent)).unwrap();
            assert!(plan.nfe() >= 5, "{}", class.name);
            // What keeps D = x0 on its marginals: all but LCM, whose boundary moves it.
            let lint = plan.lint().ok().filter(|_| consistent && class.name != "LCMScheduler");
            assert!(lint.is_none_or(|lint| lint.is_clean()), "{}: {:?}", class.name, plan.lint());
        }
        let error = parse(class.name, json!({"what": 1})).plan(&Call::steps(6)).unwrap_err().to_string();
        assert!(error.contains("these fields: what"), "{}: {error}", class.name);
        assert!(parse(class.name, json!({})).plan(&steps(6, json!({"what": 1}), false)).is_err(), "{}", class.name);
    }
}

#[test]
fn two_grids_at_once_are_refused() {
    for class in ["EulerDiscreteScheduler", "HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "DPMSolverSDEScheduler"]
    {
        let config = parse(class, json!({"use_karras_sigmas": true, "use_beta_sigmas": true}));
        assert!(config.plan(&Call::steps(4)).unwrap_err().is_format(), "{class}");
    }
}

#[test]
fn churn_comes_before_the_network_in_the_consistent_plan() {
    for class in ["EulerDiscreteScheduler", "EDMEulerScheduler"] {
        let churn = json!({"s_churn": 3.0});
        let (late, mended) =
            (plan(class, json!({}), &steps(6, churn.clone(), false)), plan(class, json!({}), &steps(6, churn, true)));
        assert!(!late.lint().unwrap().is_clean() && mended.lint().unwrap().is_clean(), "{class}");
        // Each churn is a move of its own, to a higher level than that of the step before.
        assert_eq!(mended.moves().iter().filter(|note| note.letter == crate::plan::Letter::F).count(), 6, "{class}");
    }
}

#[test]
fn the_last_level_is_not_twice_in_the_consistent_plan() {
    for class in ["EDMEulerScheduler", "EDMDPMSolverMultistepScheduler", "CosineDPMSolverMultistepScheduler"] {
        let fields = json!({"final_sigmas_type": "sigma_min", "lower_order_final": false});
        let fields = if class.starts_with("EDMEuler") { json!({"final_sigmas_type": "sigma_min"}) } else { fields };
        let (twin, mended) =
            (plan(class, fields.clone(), &steps(6, json!({}), false)), plan(class, fields, &steps(6, json!({}), true)));
        assert_eq!((twin.nfe(), mended.nfe()), (6, 5), "{class}");
        let (from, to) = places(&twin)[5];
        assert_eq!(from, to, "{class}");
        assert!(places(&mended).iter().all(|(from, to)| from > to), "{class}");
    }
}

#[test]
fn log_linear_levels_go_on_to_the_end() {
    let fields = json!({"interpolation_type": "log_linear"});
    let (short, mended) = (
        plan("EulerDiscreteScheduler", fields.clone(), &steps(6, json!({}), false)),
        plan("EulerDiscreteScheduler", fields, &steps(6, json!({}), true)),
    );
    assert!(places(&short)[5].1 > 0.0);
    assert_eq!(places(&mended).last().unwrap().1, 0.0);
}

#[test]
fn the_start_is_the_first_level_in_the_consistent_plan() {
    for consistent in [false, true] {
        let fields = json!({"timestep_spacing": "leading", "steps_offset": 1});
        let plan = plan("EulerDiscreteScheduler", fields, &steps(6, json!({}), consistent));
        let first = places(&plan)[0].0;
        let crate::plan::Op::Combine { noise, .. } = &plan.ops()[0] else { panic!("{plan}") };
        let expected = if consistent { first } else { (first * first + 1.0).sqrt() };
        assert!((noise[0].0 - expected).abs() < 1e-6, "{} {expected}", noise[0].0);
    }
}

#[test]
fn lms_from_the_middle_keeps_the_sum_in_the_consistent_plan() {
    for consistent in [false, true] {
        let call = Call { start_at: Some(3), ..steps(8, json!({}), consistent) };
        assert_eq!(plan("LMSDiscreteScheduler", json!({}), &call).lint().unwrap().is_clean(), consistent);
    }
}

#[test]
fn steps_land_where_the_next_begins_in_the_consistent_plan() {
    for class in ["DDIMScheduler", "CogVideoXDDIMScheduler", "CogVideoXDPMScheduler", "PNDMScheduler"] {
        let fields = json!({"timestep_spacing": "linspace"});
        let joined = |plan: &crate::Plan| places(plan).windows(2).all(|pair| (pair[0].1 - pair[1].0).abs() < 1e-9);
        assert!(!joined(&plan(class, fields.clone(), &steps(7, json!({}), false))), "{class}");
        let mended = plan(class, fields, &steps(7, json!({}), true));
        assert!(joined(&mended) && (mended.moves().last().unwrap().to.sigma < 0.02), "{class}: {mended}");
    }
}

#[test]
fn an_inversion_asks_at_the_time_of_its_state() {
    let call = |consistent| steps(5, json!({}), consistent);
    assert_eq!(
        network_times(&plan("DDIMInverseScheduler", json!({}), &call(false))),
        [0.0, 200.0, 400.0, 600.0, 800.0]
    );
    assert_eq!(network_times(&plan("DDIMInverseScheduler", json!({}), &call(true))), [0.0, 200.0, 400.0, 600.0]);
}

#[test]
fn ipndm_uses_what_the_network_says_first() {
    // One step from pure noise: the original gives 0, whatever the network says.
    let ends =
        |consistent| plan("IPNDMScheduler", json!({}), &steps(1, json!({}), consistent)).unroll().unwrap().result;
    assert_eq!(ends(false).evals, [0.0]);
    assert_eq!(ends(true).evals, [1.0]);
}

#[test]
fn tcd_clips_and_ends_at_the_data_in_the_consistent_plan() {
    let fields = json!({"clip_sample": true});
    let (plain, mended) = (
        plan("TCDScheduler", fields.clone(), &steps(4, json!({}), false)),
        plan("TCDScheduler", fields, &steps(4, json!({}), true)),
    );
    assert!(plain.is_linear() && plain.moves().last().unwrap().to.sigma > 0.0);
    assert!(!mended.is_linear() && mended.moves().last().unwrap().to.sigma == 0.0);
}

#[test]
fn a_cut_run_of_lcm_knows_its_last_step_in_the_consistent_plan() {
    let call = |consistent| Call {
        timesteps: Some(vec![999.0, 759.0, 499.0, 259.0]),
        consistent,
        set: BTreeMap::from([("strength".to_owned(), json!(0.5))]),
        ..Call::default()
    };
    let last = |consistent| plan("LCMScheduler", json!({}), &call(consistent)).moves().last().unwrap().to.sigma;
    assert!(last(false) > 0.1 && last(true) == 0.0);
}

#[test]
fn the_large_variance_leaves_no_noise_in_the_consistent_plan() {
    let fields = json!({"variance_type": "fixed_large", "steps_offset": 1});
    let draws = |consistent| plan("DDPMScheduler", fields.clone(), &steps(5, json!({}), consistent)).draws();
    assert_eq!((draws(false), draws(true)), (6, 5));
}

#[test]
fn a_jump_of_repaint_comes_back_to_where_it_was() {
    let call = |consistent| steps(10, json!({"jump_length": 2, "jump_n_sample": 2}), consistent);
    let draws = |consistent| plan("RePaintScheduler", json!({}), &call(consistent)).draws();
    // A hundred entries a step: the original draws for each of them.
    assert!(draws(false) > 100 * draws(true) / 10);
}

#[test]
fn what_has_no_plan_says_so() {
    let error = |class: &str, fields: Value, call: Call| parse(class, fields).plan(&call).unwrap_err();
    assert!(error("PNDMScheduler", json!({}), Call::steps(3)).hint().is_some());
    assert!(error("PNDMScheduler", json!({}), Call { start_at: Some(1), ..Call::steps(8) }).hint().is_some());
    assert!(error("LCMScheduler", json!({}), Call::steps(60)).hint().is_some());
    assert!(error("DDPMScheduler", json!({"variance_type": "learned_range"}), Call::steps(4)).hint().is_some());
    assert!(
        error(
            "EulerDiscreteScheduler",
            json!({"use_karras_sigmas": true}),
            Call { timesteps: Some(vec![900.0, 100.0]), ..Call::default() }
        )
        .hint()
        .is_some()
    );
    assert!(
        error("EDMEulerScheduler", json!({}), Call { sigmas: Some(vec![80.0, 1.0]), ..Call::default() })
            .hint()
            .is_some()
    );
    assert!(error("UnCLIPScheduler", json!({"variance_type": "learned_range"}), Call::steps(4)).is_format());
    assert!(error("IPNDMScheduler", json!({"trained_betas": [0.5, 0.9]}), Call::steps(1)).is_format());
}

#[test]
fn one_step_of_unclip_starts_at_the_last_time() {
    assert_eq!(network_times(&plan("UnCLIPScheduler", json!({}), &Call::steps(1))), [999.0]);
}

/// Image to image: the clean image is noised to the level where the run begins.
#[test]
fn a_run_may_begin_with_an_image() {
    for class in ["DDIMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler", "UniPCMultistepScheduler"] {
        let call = Call { start_at: Some(6), image: true, ..Call::steps(10) };
        let plan = parse(class, json!({})).plan(&call).unwrap();
        assert_eq!(plan.inputs()[0].name, "image", "{class}");
        let Some(crate::plan::Op::Combine { terms, noise, .. }) = plan.ops().first() else { panic!("{plan}") };
        let first = plan.moves()[0].from;
        assert_eq!((terms[0].0, noise[0].0), (first.alpha, first.sigma), "{class}");
    }
}

/// A config that was made from another scheduler's carries its fields: they are named, and do not matter.
#[test]
fn fields_of_other_schedulers_are_named_and_passed_over() {
    let config =
        parse("PNDMScheduler", json!({"clip_sample": false, "skip_prk_steps": true, "use_karras_sigmas": true}));
    let call = Call::steps(8);
    assert_eq!(config.foreign(&call).unwrap(), ["clip_sample", "use_karras_sigmas"]);
    let plain = parse("PNDMScheduler", json!({"skip_prk_steps": true}));
    assert_eq!(config.plan(&call).unwrap(), plain.plan(&call).unwrap());
    // A fixed variance is DDPM's own affair.
    for kind in ["fixed_small", "fixed_large"] {
        parse("DPMSolverMultistepScheduler", json!({"variance_type": kind})).plan(&call).unwrap();
    }
}
