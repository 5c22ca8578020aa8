use super::table::text;
use super::*;
use langevin::process::Level;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn parse(class: &str, fields: Value) -> Diffusers {
    Diffusers::parse(&text(class, fields)).unwrap()
}

#[test]
fn configs_that_are_not_strict_json_are_read() {
    let config = "{\"_class_name\": \"DDIMScheduler\", \"beta_start\": 1e-4, \"note\": \"-Infinity \\\" NaN\", \"x\": -Infinity}";
    let call = Call { strict: true, ..Call::steps(3) };
    let error = Diffusers::parse(config).unwrap().plan(&call).unwrap_err().to_string();
    assert!(error.contains("note, x") && error.contains("no scheduler has"), "{error}");
}

#[test]
fn every_unknown_field_is_named() {
    let config = parse("DDIMScheduler", json!({"one": 1, "two": 2, "beta_ned": 0.5}));
    let error = config.plan(&Call { strict: true, ..Call::steps(3) }).unwrap_err();
    assert!(error.to_string().contains("beta_ned, one, two"), "{error}");
    assert!(error.hint().unwrap().contains("did you mean 'beta_end' by 'beta_ned'"), "{error}");
    // Like diffusers, the import ignores them unless `strict` is set.
    let call = Call::steps(3);
    assert_eq!(config.plan(&call).unwrap(), plan("DDIMScheduler", json!({}), &call));
    let names: Vec<String> = config.unknown().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["beta_ned", "one", "two"]);
    // A field of another purpose with a similar name is not suggested.
    let flow = parse("FlowMatchEulerDiscreteScheduler", json!({"use_uniform_sigmas": false}));
    assert_eq!(flow.unknown().unwrap(), [("use_uniform_sigmas".to_owned(), None)]);
}

fn plan(class: &str, fields: Value, call: &Call) -> langevin::Plan {
    parse(class, fields).plan(call).unwrap()
}

fn steps(steps: usize, set: Value, consistent: bool) -> Call {
    let set = set.as_object().unwrap().clone().into_iter().collect();
    Call { steps: Some(steps), set, consistent, ..Call::default() }
}

/// Returns σ/α at the start and the end of each move of a plan.
fn places(plan: &langevin::Plan) -> Vec<(f64, f64)> {
    plan.moves().iter().map(|note| (note.from.sigma_ve(), note.to.sigma_ve())).collect()
}

/// Returns the times of the network calls, in order.
fn network_times(plan: &langevin::Plan) -> Vec<f64> {
    let net = |op: &langevin::plan::Op| {
        if let langevin::plan::Op::Eval { net, .. } = op { net.map(|net| net.time) } else { None }
    };
    plan.ops().iter().filter_map(net).collect()
}

#[test]
fn every_class_has_a_plan_and_a_consistent_one() {
    for class in classes::all() {
        // The defaults suffice for inverses of noisy solvers and for grids without a shift.
        for consistent in [false, true] {
            let plan = parse(class.name, json!({})).plan(&steps(6, json!({}), consistent)).unwrap();
            assert!(plan.nfe() >= 5, "{}", class.name);
            // Every class keeps D = x0 on its marginals, except consistency models, whose boundary
            // condition shifts it.
            let boundary = ["LCMScheduler", "CMStochasticIterativeScheduler"].contains(&class.name);
            let lint = plan.lint().ok().filter(|_| consistent && !boundary);
            assert!(lint.is_none_or(|lint| lint.is_clean()), "{}: {:?}", class.name, plan.lint());
        }
        let call = Call { strict: true, ..Call::steps(6) };
        let error = parse(class.name, json!({"what": 1})).plan(&call).unwrap_err().to_string();
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
        let (late, fixed) =
            (plan(class, json!({}), &steps(6, churn.clone(), false)), plan(class, json!({}), &steps(6, churn, true)));
        assert!(!late.lint().unwrap().is_clean() && fixed.lint().unwrap().is_clean(), "{class}");
        // Each churn is a separate move, to a higher level than that of the step before.
        assert_eq!(fixed.moves().iter().filter(|note| note.letter == langevin::plan::Letter::F).count(), 6, "{class}");
    }
}

#[test]
fn the_last_level_is_not_twice_in_the_consistent_plan() {
    for class in ["EDMEulerScheduler", "EDMDPMSolverMultistepScheduler", "CosineDPMSolverMultistepScheduler"] {
        let fields = json!({"final_sigmas_type": "sigma_min", "lower_order_final": false});
        let fields = if class.starts_with("EDMEuler") { json!({"final_sigmas_type": "sigma_min"}) } else { fields };
        let (twin, fixed) =
            (plan(class, fields.clone(), &steps(6, json!({}), false)), plan(class, fields, &steps(6, json!({}), true)));
        assert_eq!((twin.nfe(), fixed.nfe()), (6, 5), "{class}");
        let (from, to) = places(&twin)[5];
        assert_eq!(from, to, "{class}");
        assert!(places(&fixed).iter().all(|(from, to)| from > to), "{class}");
    }
}

#[test]
fn log_linear_levels_go_on_to_the_end() {
    let fields = json!({"interpolation_type": "log_linear"});
    let (short, fixed) = (
        plan("EulerDiscreteScheduler", fields.clone(), &steps(6, json!({}), false)),
        plan("EulerDiscreteScheduler", fields, &steps(6, json!({}), true)),
    );
    assert!(places(&short)[5].1 > 0.0);
    assert_eq!(places(&fixed).last().unwrap().1, 0.0);
}

#[test]
fn the_start_is_the_first_level_in_the_consistent_plan() {
    for consistent in [false, true] {
        let fields = json!({"timestep_spacing": "leading", "steps_offset": 1});
        let plan = plan("EulerDiscreteScheduler", fields, &steps(6, json!({}), consistent));
        let first = places(&plan)[0].0;
        let langevin::plan::Op::Combine { noise, .. } = &plan.ops()[0] else { panic!("{plan}") };
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
        let joined = |plan: &langevin::Plan| places(plan).windows(2).all(|pair| (pair[0].1 - pair[1].0).abs() < 1e-9);
        assert!(!joined(&plan(class, fields.clone(), &steps(7, json!({}), false))), "{class}");
        let fixed = plan(class, fields, &steps(7, json!({}), true));
        assert!(joined(&fixed) && (fixed.moves().last().unwrap().to.sigma < 0.02), "{class}: {fixed}");
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
    // For one step from pure noise, the original returns 0 whatever the network predicts.
    let ends =
        |consistent| plan("IPNDMScheduler", json!({}), &steps(1, json!({}), consistent)).unroll().unwrap().result;
    assert_eq!(ends(false).evals, [0.0]);
    assert_eq!(ends(true).evals, [1.0]);
}

#[test]
fn tcd_clips_and_ends_at_the_data_in_the_consistent_plan() {
    let fields = json!({"clip_sample": true});
    let (plain, fixed) = (
        plan("TCDScheduler", fields.clone(), &steps(4, json!({}), false)),
        plan("TCDScheduler", fields, &steps(4, json!({}), true)),
    );
    assert!(plain.is_linear() && plain.moves().last().unwrap().to.sigma > 0.0);
    assert!(!fixed.is_linear() && fixed.moves().last().unwrap().to.sigma == 0.0);
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
    // A step has a hundred entries, and the original draws noise for each of them.
    assert!(draws(false) > 100 * draws(true) / 10);
}

/// The original counts its calls from the point where it begins. It therefore performs its start
/// there, and its third call evaluates a state of the previous level (`PNDMScheduler.step_plms` of
/// diffusers 0.42.1 with the counters of a new run).
#[test]
fn pndm_makes_its_start_wherever_it_begins() {
    for skip in [true, false] {
        let fields = json!({"skip_prk_steps": skip});
        let whole = plan("PNDMScheduler", fields.clone(), &Call::steps(8));
        for first in [1, 3] {
            let rest = plan("PNDMScheduler", fields.clone(), &Call { start_at: Some(first), ..Call::steps(8) });
            assert_eq!(network_times(&rest), network_times(&whole)[first..]);
            assert_eq!(rest.inputs()[0].name, "init");
            let levels: Vec<(f64, f64)> = rest.moves().iter().map(|note| (note.from.time, note.to.time)).collect();
            let times = network_times(&rest);
            match skip {
                true => assert_eq!(levels[..2], [(times[0], times[0] - 125.0), (times[1] + 125.0, times[1])]),
                // Ends of the half steps of the Runge–Kutta start.
                false => assert_eq!((levels[0].1, levels[1].1), (times[0] - 62.0, times[1])),
            }
        }
    }
}

#[test]
fn another_sampler_needs_neither_the_start_nor_the_variance_of_the_config() {
    let unipc = Sampler::parse("unipc", None).unwrap();
    let call = Call { start_at: Some(3), ..Call::steps(8) };
    for (class, fields) in [("PNDMScheduler", json!({})), ("DDPMScheduler", json!({"variance_type": "learned_range"}))]
    {
        let config = parse(class, fields);
        let whole = config.plan_as(&Call::steps(8), &unipc).unwrap();
        let rest = config.plan_as(&call, &unipc).unwrap();
        assert_eq!(network_times(&rest), network_times(&whole)[3..], "{class}");
    }
}

/// diffusers reads σ_min and σ_max from the config if a class builds a grid between two levels,
/// even if the class does not define the fields (`hasattr(self.config, "sigma_min")` in 0.42.1,
/// where these levels were recorded).
#[test]
fn grids_go_between_the_levels_of_the_config() {
    let fields = json!({"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
        "sigma_min": 0.002, "sigma_max": 700.0, "use_karras_sigmas": true});
    for class in [
        "DPMSolverMultistepScheduler",
        "DEISMultistepScheduler",
        "EulerDiscreteScheduler",
        "HeunDiscreteScheduler",
        "KDPM2DiscreteScheduler",
        "UniPCMultistepScheduler",
        "SASolverScheduler",
    ] {
        let config = parse(class, fields.clone());
        let levels: Vec<f64> =
            config.plan(&Call::steps(6)).unwrap().moves().iter().map(|note| note.from.sigma_ve()).collect();
        let (first, last) = (levels[0], levels.iter().copied().filter(|y| *y > 0.0).fold(f64::INFINITY, f64::min));
        assert!((first / 700.0 - 1.0).abs() < 1e-6 && (last / 0.002 - 1.0).abs() < 1e-5, "{class}: {levels:?}");
        assert!(!config.foreign().unwrap().contains(&"sigma_min".to_owned()), "{class}");
    }
    // These two classes build Karras's levels only between those of the table.
    for class in ["LMSDiscreteScheduler", "DPMSolverSDEScheduler"] {
        let config = parse(class, fields.clone());
        let plan = config.plan(&Call::steps(6)).unwrap();
        assert!((plan.moves()[0].from.sigma_ve() - 14.6146).abs() < 1e-3, "{class}");
        assert!(config.foreign().unwrap().contains(&"sigma_max".to_owned()), "{class}");
        let fields = json!({"sigma_max": 700.0, "use_exponential_sigmas": true});
        let plan = parse(class, fields).plan(&Call::steps(6)).unwrap();
        assert!((plan.moves()[0].from.sigma_ve() / 700.0 - 1.0).abs() < 1e-6, "{class}");
    }
    // Times of the table have no bounds.
    let plain = parse("DPMSolverMultistepScheduler", json!({"sigma_max": 700.0}));
    assert_eq!(plain.foreign().unwrap(), ["sigma_max"]);
}

/// For flow levels above 1, the original's step is Euler's in the coordinates of VE, for the noise
/// prediction of EDM networks.
#[test]
fn flow_levels_beyond_one_are_noise_levels() {
    let fields = json!({"use_karras_sigmas": true, "sigma_min": 0.002, "sigma_max": 80.0});
    let call = Call { sigmas: Some(vec![0.0, 0.5, 1.0]), ..Call::default() };
    let plan = parse("FlowMatchEulerDiscreteScheduler", fields).plan(&call).unwrap();
    let levels: Vec<Level> = plan.moves().iter().map(|note| note.from).collect();
    assert_eq!(levels.iter().map(|level| level.alpha).collect::<Vec<_>>(), [1.0; 3]);
    assert!((levels[0].sigma - 80.0).abs() < 1e-4 && (levels[2].sigma - 0.002).abs() < 1e-8, "{levels:?}");
    assert_eq!(network_times(&plan)[0], levels[0].sigma * 1000.0);
}

/// μ is computed as in the pipelines of diffusers (`calculate_shift`), on their levels.
#[test]
fn mu_comes_from_the_number_of_tokens() {
    let fields = json!({"use_dynamic_shifting": true, "base_shift": 0.5, "max_shift": 1.15, "base_image_seq_len": 256,
        "max_image_seq_len": 6400});
    let config = parse("FlowMatchEulerDiscreteScheduler", fields);
    let call = Call { image_seq_len: Some(4096), ..Call::steps(8) };
    assert!((config.mu(&call).unwrap().unwrap() - 0.90625).abs() < 1e-15);
    let sigmas = (0..8).map(|i| 1.0 - f64::from(i) / 8.0).collect();
    let given = Call { mu: Some(0.90625), sigmas: Some(sigmas), ..Call::default() };
    let (a, b) = (config.plan(&call).unwrap(), config.plan(&given).unwrap());
    let levels = |plan: &langevin::Plan| plan.moves().iter().map(|note| note.from.time).collect::<Vec<_>>();
    levels(&a).iter().zip(levels(&b)).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{a} {b}"));
    let error = config.plan(&Call::steps(8)).unwrap_err();
    assert!(error.hint().unwrap().contains("image_seq_len"), "{error}");
    // Missing fields have the defaults of the pipelines.
    let bare = parse("FlowMatchEulerDiscreteScheduler", json!({"use_dynamic_shifting": true}));
    assert!((bare.mu(&call).unwrap().unwrap() - 1.15).abs() < 1e-12);
    let still = parse("FlowMatchEulerDiscreteScheduler", json!({}));
    assert_eq!(still.mu(&call).unwrap(), None);
}

#[test]
fn one_training_time_needs_the_levels_of_the_pipeline() {
    let config = parse("FlowMatchEulerDiscreteScheduler", json!({"num_train_timesteps": 1}));
    let error = config.plan(&Call::steps(8)).unwrap_err();
    assert!(error.to_string().contains("num_train_timesteps") && error.hint().unwrap().contains("sigmas"), "{error}");
    assert_eq!(config.plan(&Call::steps(1)).unwrap().nfe(), 1);
    let sigmas = Some(vec![1.0, 0.75, 0.5, 0.25]);
    assert_eq!(config.plan(&Call { sigmas, ..Call::default() }).unwrap().nfe(), 4);
}

#[test]
fn what_has_no_plan_says_so() {
    let error = |class: &str, fields: Value, call: Call| parse(class, fields).plan(&call).unwrap_err();
    assert!(error("PNDMScheduler", json!({}), Call::steps(3)).hint().is_some());
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

/// Image to image: noise is added to the clean image, up to the level at which the run begins.
#[test]
fn a_run_may_begin_with_an_image() {
    for class in ["DDIMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler", "UniPCMultistepScheduler"] {
        let call = Call { start_at: Some(6), image: true, ..Call::steps(10) };
        let plan = parse(class, json!({})).plan(&call).unwrap();
        assert_eq!(plan.inputs()[0].name, "image", "{class}");
        let Some(langevin::plan::Op::Combine { terms, noise, .. }) = plan.ops().first() else { panic!("{plan}") };
        let first = plan.moves()[0].from;
        assert_eq!((terms[0].0, noise[0].0), (first.alpha, first.sigma), "{class}");
    }
}

/// A config that was converted from another scheduler's contains that scheduler's fields. They are
/// reported and have no effect.
#[test]
fn fields_of_other_schedulers_are_named_and_passed_over() {
    let config =
        parse("PNDMScheduler", json!({"clip_sample": false, "skip_prk_steps": true, "use_karras_sigmas": true}));
    let call = Call::steps(8);
    assert_eq!(config.foreign().unwrap(), ["clip_sample", "use_karras_sigmas"]);
    let plain = parse("PNDMScheduler", json!({"skip_prk_steps": true}));
    assert_eq!(config.plan(&call).unwrap(), plain.plan(&call).unwrap());
    // Only DDPM uses a fixed variance.
    for kind in ["fixed_small", "fixed_large"] {
        parse("DPMSolverMultistepScheduler", json!({"variance_type": kind})).plan(&call).unwrap();
    }
}

/// There is one more log-linear level than requested steps. In continuous time the original
/// evaluates all of them and reaches 0.
#[test]
fn continuous_log_linear_levels_are_all_evaluated() {
    let fields =
        json!({"interpolation_type": "log_linear", "timestep_type": "continuous", "prediction_type": "v_prediction"});
    let config = parse("EulerDiscreteScheduler", fields);
    let (plan, tables) = (config.plan(&Call::steps(6)).unwrap(), config.tables(&Call::steps(6)).unwrap());
    assert_eq!((plan.nfe(), tables.timesteps.len(), tables.sigmas.len()), (7, 7, 8));
    assert_eq!(places(&plan).last().unwrap().1, 0.0);
}

/// 0.399 is smaller in float32: a level given as 0.399 is at s_tmin and has churn.
#[test]
fn a_level_at_the_end_of_the_window_has_churn() {
    let draws = |least: f64| {
        let set = json!({"s_churn": 2.0, "s_tmin": least});
        let call = Call { steps: None, sigmas: Some(vec![10.0, 2.0, 0.399, 0.0]), ..steps(3, set, false) };
        plan("EulerDiscreteScheduler", json!({}), &call).draws()
    };
    assert!(f64::from(0.399_f32) < 0.399);
    assert_eq!((draws(0.399), draws(0.3991)), (4, 3));
}

#[test]
fn more_steps_than_entries_are_taken_between_them() {
    let fields = |spacing: &str| json!({"num_train_timesteps": 20, "timestep_spacing": spacing});
    for class in ["EulerDiscreteScheduler", "HeunDiscreteScheduler", "LMSDiscreteScheduler"] {
        assert!(plan(class, fields("linspace"), &Call::steps(25)).nfe() >= 25, "{class}");
        let error = parse(class, fields("leading")).plan(&Call::steps(25)).unwrap_err().to_string();
        assert!(error.contains("all 0"), "{error}");
    }
}

/// f = c_skip x + c_out F of the consistency model, computed from D = c⁰_skip x + c⁰_out F. At
/// σ_min, f = x whatever the network predicts.
#[test]
fn a_consistency_model_keeps_its_boundary() {
    let call = Call { timesteps: Some(vec![39.0, 20.0]), ..Call::default() };
    let plan = plan("CMStochasticIterativeScheduler", json!({"clip_denoised": false}), &call);
    let y = plan.moves()[0].from.sigma;
    let langevin::plan::Op::Eval { net: Some(net), .. } = &plan.ops()[1] else { panic!("{plan}") };
    let langevin::plan::Op::Combine { terms, .. } = &plan.ops()[2] else { panic!("{plan}") };
    // The factors of F and x in f.
    let (out, skip) = (terms[0].0 * net.b, terms[0].0 * net.a + terms[1].0);
    let (rest, power) = (y - 0.002, 0.25);
    assert!((skip - power / (rest * rest + power)).abs() < 1e-15, "{skip}");
    assert!((out - rest * 0.5 / (y * y + power).sqrt()).abs() < 1e-14, "{out}");
    assert!((net.time - 250.0 * y.ln()).abs() < 1e-4 && (net.scale - 1.0 / (y * y + power).sqrt()).abs() < 1e-12);
    let full = Call { timesteps: Some(vec![39.0]), ..Call::default() };
    let alone = parse("CMStochasticIterativeScheduler", json!({})).tables(&full).unwrap();
    assert_eq!(alone.sigmas, [0.002_f32, 0.002].map(f64::from));
}

/// D = cos t x − sin t F, x' = cos t' D + sin t' z.
#[test]
fn an_angle_is_read_as_it_is_written() {
    let plan = plan("SCMScheduler", json!({}), &Call::steps(2));
    let langevin::plan::Op::Eval { net: Some(net), .. } = &plan.ops()[3] else { panic!("{plan}") };
    let t = f64::from(1.3_f32);
    assert_eq!(net.time, t);
    assert!((net.a - t.cos()).abs() < 1e-15 && (net.b + t.sin()).abs() < 1e-15);
    let langevin::plan::Op::Combine { terms, noise, .. } = &plan.ops()[2] else { panic!("{plan}") };
    assert!((terms[0].0 - t.cos()).abs() < 1e-15 && (noise[0].0 - t.sin()).abs() < 1e-15);
    let error = parse("SCMScheduler", json!({})).plan(&steps(3, json!({"intermediate_timesteps": 1.0}), false));
    assert!(error.is_err());
}

/// s_down = s'(1 + (s'/s − 1)η), then noise up to s'. Without noise the state stays at s_down,
/// which the consistent plan fixes.
#[test]
fn ancestral_noise_of_a_flow_goes_down_and_up_again() {
    let call = |consistent| Call { sigmas: Some(vec![1.0, 0.5, 0.0]), steps: None, consistent, ..Call::default() };
    let row = |fields: Value, consistent| {
        let plan = plan("LTXEulerAncestralRFScheduler", fields, &call(consistent));
        let langevin::plan::Op::Combine { terms, noise, .. } = plan.ops()[2].clone() else { panic!("{plan}") };
        (terms[0].0, noise.first().map_or(0.0, |noise| noise.0))
    };
    // From 1 to ½ with η = ½: down = ½ · ¾ = 3/8, and α'/α_down = (1/2)/(5/8) = 4/5.
    let (a, c) = row(json!({"eta": 0.5}), false);
    assert!((a - 0.3).abs() < 1e-15 && (c - (0.25_f64 - 0.09).sqrt()).abs() < 1e-15, "{a} {c}");
    assert_eq!(row(json!({"eta": 0.5, "s_noise": 0.0}), false), (0.375, 0.0));
    assert_eq!(row(json!({"eta": 0.5, "s_noise": 0.0}), true), (0.5, 0.0));
}

/// The run of DDPMWuerstchen ends on a mean at σ = 0.01 without its noise; the consistent run ends
/// at clean data.
#[test]
fn the_cosine_in_continuous_time_ends_at_clean_data() {
    let last = |consistent| plan("DDPMWuerstchenScheduler", json!({}), &steps(5, json!({}), consistent));
    let variance = |plan: &langevin::Plan| plan.lint().unwrap().findings.iter().any(|finding| finding.index == 4);
    assert!(variance(&last(false)) && !variance(&last(true)));
    assert_eq!(last(true).moves()[4].to.sigma, 0.0);
    // ᾱ = cos²(π/2 (t+s)/(1+s))/cos²(π/2 s/(1+s)) at the middle of the run.
    let quarter = |t: f64| ((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos();
    let alpha = parse("DDPMWuerstchenScheduler", json!({})).plan(&Call::steps(2)).unwrap().moves()[1].from.alpha;
    assert!((alpha - quarter(0.5) / quarter(0.0)).abs() < 1e-7, "{alpha}");
}

#[test]
fn an_unknown_class_is_told_which_are_known() {
    let error = |name: &str| Diffusers::parse(&text(name, json!({}))).unwrap_err();
    let unknown = error("EulerDiscretScheduler");
    assert_eq!(unknown.hint(), Some("did you mean 'EulerDiscreteScheduler'?"));
    for class in Diffusers::classes() {
        assert!(unknown.to_string().contains(class.trim_end_matches("Scheduler")), "{class}");
    }
    assert!(error("FlowMapEulerDiscreteScheduler").to_string().contains("two times"));
}

/// ᾱ₉₉₉/ᾱ₆₆₆ = 10⁻⁸ on the cosine table. One minus this ratio is 1 in float32, so the original's
/// first step discards the state. The consistent step keeps a share of e^{−Δ}σ'/σ.
#[test]
fn the_first_step_of_unclip_forgets_the_state() {
    let kept = |consistent| {
        let plan = plan("UnCLIPScheduler", json!({"clip_sample": false}), &steps(4, json!({}), consistent));
        let (first, ops) = (plan.moves()[0].clone(), plan.ops()[1..].to_vec());
        let langevin::plan::Op::Combine { terms, .. } = &ops[1] else { panic!("{plan}") };
        (terms.len(), terms[0].0, first.from.alpha / first.to.alpha * (first.to.sigma / first.from.sigma).powi(2))
    };
    let (original, fixed) = (kept(false), kept(true));
    assert_eq!(original.0, 1);
    assert!(fixed.0 == 2 && (fixed.1 - fixed.2).abs() < 1e-12 && fixed.1 > 5e-5, "{fixed:?}");
}

/// Failures of the original and changes of the consistent plan are reported.
#[test]
fn faults_and_what_was_fixed_are_told() {
    let said = |class: &str, fields: Value, count: usize| parse(class, fields).fault(&Call::steps(count)).unwrap();
    assert!(said("DDPMScheduler", json!({"variance_type": "fixed_large_log"}), 4).unwrap().starts_with("NaN"));
    assert!(said("UnCLIPScheduler", json!({}), 1).unwrap().starts_with("ZeroDivisionError"));
    assert!(said("UniPCMultistepScheduler", json!({"solver_type": "bh1"}), 10).is_some());
    assert!(said("SCMScheduler", json!({}), 4).is_some() && said("SCMScheduler", json!({}), 2).is_none());
    assert_eq!(said("EulerDiscreteScheduler", json!({}), 10), None);
    let fixed = |class: &str, fields: Value| parse(class, fields).fixed(&Call::steps(8)).unwrap().join("; ");
    assert!(!fixed("DDIMScheduler", json!({"timestep_spacing": "linspace"})).is_empty());
    assert!(
        fixed("EulerDiscreteScheduler", json!({"timestep_spacing": "leading"})).contains("it starts from noise of")
    );
    let refused = json!({"use_flow_sigmas": true, "use_beta_sigmas": true, "prediction_type": "flow_prediction"});
    assert!(fixed("UniPCMultistepScheduler", refused).contains("the original's is refused"));
}

/// A level that equals the one before up to rounding leads to a step of length zero.
#[test]
fn log_linear_levels_may_end_at_the_first_entry() {
    let fields = json!({"interpolation_type": "log_linear", "timestep_type": "continuous", "prediction_type": "v_prediction",
        "final_sigmas_type": "sigma_min"});
    for count in [3, 4, 7, 20] {
        for betas in ["linear", "scaled_linear", "squaredcos_cap_v2"] {
            let mut fields = fields.clone();
            fields["beta_schedule"] = json!(betas);
            assert_eq!(plan("EulerDiscreteScheduler", fields, &Call::steps(count)).nfe(), count + 1);
        }
    }
}

/// 777 − 15 · 25.9 is 388.5, which rounds to 388; numpy's stride is 25.899999999999977, and
/// 388.50000000000034 rounds to 389.
#[test]
fn trailing_times_have_the_stride_of_numpy() {
    let fields = json!({"num_train_timesteps": 777, "timestep_spacing": "trailing"});
    for class in ["DDIMScheduler", "CogVideoXDDIMScheduler", "DPMSolverMultistepScheduler", "EulerDiscreteScheduler"] {
        let times = parse(class, fields.clone()).tables(&Call::steps(30)).unwrap().timesteps;
        assert_eq!(times[15], 388.0, "{class}");
    }
}

/// DDIM may end at its last level, and PNDM visits a level twice. Other samplers cannot make a step
/// of length zero there.
#[test]
fn another_sampler_does_not_stand_still() {
    let fields = json!({"beta_schedule": "scaled_linear", "set_alpha_to_one": false, "steps_offset": 0});
    for class in ["DDIMScheduler", "PNDMScheduler"] {
        for name in ["heun", "lms", "dpmpp-2m", "unipc", "ddim"] {
            let sampler = Sampler::parse(name, None).unwrap();
            let plan = parse(class, fields.clone()).plan_as(&Call::steps(6), &sampler).unwrap();
            let moves = places(&plan);
            assert!(moves.iter().all(|(from, to)| from > to), "{class}, {name}: {moves:?}");
            assert_eq!(moves.last().map(|(_, to)| *to), Some(0.0), "{class}, {name}");
        }
    }
    // Without steps of length zero, the config's own levels are kept.
    let plan = parse("DDIMScheduler", json!({"set_alpha_to_one": false, "steps_offset": 1}))
        .plan_as(&Call::steps(6), &Sampler::parse("dpmpp-2m", None).unwrap())
        .unwrap();
    assert!(places(&plan).last().is_some_and(|(_, to)| *to > 0.0));
}
