//! What users of other libraries complain about, by the number in the table of
//! `docs/complaints.md`: each test shows that it does not happen here.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::plan::{Note, Op, Rule, compare};
use langevin::sampler::{Entry, Start};
use langevin::{
    Formulation, Grid, Level, Model, Plan, Prediction, Process, ReadAs, SampleId, Sampler, Sampling, SliceSpace,
    Space as _,
};
use langevin_analysis::exact::{Density, eight_gaussians, named};
use langevin_import::{Call, Diffusers};
use proptest::prelude::*;
use serde_json::{Value, json};

fn process(name: &str) -> Process {
    Process::parse(name).unwrap()
}

fn karras(process: &Process, steps: usize) -> Vec<Level> {
    Grid::karras(steps).levels(process, 0.01, 10.0).unwrap()
}

/// A config of diffusers, read and compiled.
fn import(class: &str, fields: Value, call: &Call) -> langevin::Result<Plan> {
    let mut config = json!({"_class_name": class, "_diffusers_version": "0.42.1"});
    config.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Diffusers::parse(&config.to_string())?.plan(call)
}

fn call(steps: usize, consistent: bool) -> Call {
    let mut call = Call::steps(steps);
    call.consistent = consistent;
    call
}

fn finite(plan: &Plan) -> bool {
    plan.ops().iter().all(|op| match op {
        Op::Combine { terms, noise, .. } => {
            terms.iter().all(|term| term.0.is_finite()) && noise.iter().all(|term| term.0.is_finite())
        }
        _ => true,
    })
}

/// 1. Residual noise; the last σ duplicated, so that the last step does nothing.
#[test]
fn complaint_01_the_last_step_ends_at_the_data() {
    let vp = process("vp");
    for entry in Entry::all() {
        let plan = Sampler::parse(entry.name, None).unwrap().compile(&vp, None, &karras(&vp, 12)).unwrap();
        let last = plan.moves().last().unwrap();
        if !entry.name.contains("inversion") {
            assert_eq!(last.to.sigma, 0.0, "{}", entry.name);
        }
        let Ok(lint) = plan.lint() else { continue };
        assert!(lint.notes.is_empty(), "{}: {lint}", entry.name);
    }
    // The original's duplicate is imported as it is, and named; the consistent plan has none.
    let fields = || json!({"use_karras_sigmas": true});
    let idle = |consistent| {
        let plan = import("DEISMultistepScheduler", fields(), &call(10, consistent)).unwrap();
        plan.unclipped().lint().unwrap().notes.iter().any(|note| matches!(note, Note::Idle(_)))
    };
    assert!(idle(false) && !idle(true));
}

/// 2. 100 steps requested, 95 run.
#[test]
fn complaint_02_the_steps_asked_for_are_run() {
    let table = process("table:scaled-linear");
    for name in Grid::NAMES {
        // A list brings its own number of steps.
        if Grid::brings_steps(name) {
            continue;
        }
        let text = name.split([':', '[']).next().unwrap();
        let text = match text {
            "beta" => "beta:0.6,0.6",
            "flow-shift" => "flow-shift:3",
            "flow-shift-mu" => "flow-shift-mu:1",
            "poly-exponential" => "poly-exponential:2",
            "ays" => "ays:sd",
            text => text,
        };
        for steps in [2, 7, 62, 95, 100, 333] {
            let levels = Grid::parse(text, Some(steps)).unwrap().levels(&table, 0.03, 14.0);
            match levels {
                Ok(levels) => assert_eq!(levels.len(), steps + 1, "{text}"),
                // Or it is refused: never fewer.
                Err(error) => assert!(error.is_argument() || error.is_singular(), "{text}: {error}"),
            }
        }
    }
}

/// 3. Duplicate timesteps break the step index and image-to-image.
#[test]
fn complaint_03_levels_fall_strictly() {
    let table = process("table:squared-cosine");
    for text in ["linspace", "leading:1", "trailing", "karras", "beta:0.6,0.6"] {
        for steps in [3, 50, 500, 1000] {
            let Ok(levels) = Grid::parse(text, Some(steps)).unwrap().levels(&table, 0.01, 100.0) else { continue };
            assert!(levels.windows(2).all(|pair| pair[0].sigma_ve() > pair[1].sigma_ve()), "{text}, {steps}");
        }
    }
}

/// 4. Image-to-image strength picks wrong times.
#[test]
fn complaint_04_image_to_image_starts_where_it_says() {
    let vp = process("vp");
    let levels = karras(&vp, 20);
    for name in ["ddim", "dpmpp-2m", "heun", "unipc"] {
        let sampler = Sampler::parse(name, None).unwrap();
        let plan = sampler.on(&vp, &levels).start(12, Start::Image).compile().unwrap();
        let first = plan.moves().first().unwrap();
        assert_eq!(first.from, levels[12], "{name}");
        let Op::Combine { terms, noise, .. } = &plan.ops()[0] else { panic!("{plan}") };
        assert_eq!((terms[0].0, noise[0].0), (levels[12].alpha, levels[12].sigma), "{name}");
        assert!(plan.lint().unwrap().is_clean(), "{name}");
    }
}

/// 5. DDIM's previous timestep is wrong with linspace.
#[test]
fn complaint_05_a_step_lands_where_the_next_one_starts() {
    let places = |consistent| {
        let fields = json!({"timestep_spacing": "linspace", "clip_sample": false});
        let plan = import("DDIMScheduler", fields, &call(7, consistent)).unwrap();
        plan.lint().unwrap().findings.iter().filter(|finding| finding.rule == Rule::Place).count()
    };
    assert!(places(false) > 0, "the import shows the fault");
    assert_eq!(places(true), 0);
}

/// 6. ε-prediction with zero terminal SNR gives Inf.
#[test]
fn complaint_06_pure_noise_says_nothing_of_the_data_to_an_epsilon_network() {
    let table = process("table:scaled-linear:zero-snr");
    let levels = Grid::trailing(5).levels(&table, 0.01, f64::INFINITY).unwrap();
    assert_eq!(levels[0].alpha, 0.0);
    let compile = |prediction| {
        let network = Formulation::new(table.clone(), prediction);
        Sampler::parse("dpmpp-2m", None).unwrap().compile(&table, Some(&network), &levels)
    };
    let error = compile(Prediction::Epsilon).unwrap_err();
    assert!(error.is_singular() && error.to_string().contains("epsilon"), "{error}");
    assert!(finite(&compile(Prediction::V).unwrap()));
}

/// 7. In float32 σ_up exceeds σ_to, and the ancestral step is NaN.
#[test]
fn complaint_07_ancestral_steps_are_finite_however_small() {
    let ve = process("ve");
    for name in ["euler-ancestral", "dpm2-ancestral", "dpmpp-2s-ancestral", "dpmpp-sde"] {
        let levels = Grid::karras(2000).levels(&ve, 1e-5, 1e5).unwrap();
        assert!(finite(&Sampler::parse(name, None).unwrap().compile(&ve, None, &levels).unwrap()), "{name}");
    }
}

/// 8. Single-step order 3 is NaN at σ = 0; inversion is NaN.
#[test]
fn complaint_08_every_sampler_reaches_sigma_zero() {
    for name in ["vp", "ve", "rectified-flow", "sub-vp"] {
        let process = process(name);
        for entry in Entry::all() {
            for steps in [1, 2, 3, 4, 7] {
                let sampler = Sampler::parse(entry.name, None).unwrap();
                match sampler.compile(&process, None, &karras(&process, steps)) {
                    Ok(plan) => assert!(finite(&plan), "{} on {name}", entry.name),
                    // An inversion of one step has nowhere to go; a restart needs its interval.
                    Err(error) => assert!(error.is_argument(), "{}: {error}", entry.name),
                }
            }
        }
    }
    for steps in [1, 2, 3, 10] {
        let plan = import("DPMSolverSinglestepScheduler", json!({"solver_order": 3}), &call(steps, true)).unwrap();
        assert!(finite(&plan));
    }
}

/// 9. `fixed_large_log` is NaN.
#[test]
fn complaint_09_fixed_large_log_is_fixed_large() {
    let plan =
        |kind| import("DDPMScheduler", json!({"variance_type": kind, "clip_sample": false}), &call(10, false)).unwrap();
    assert_eq!(plan("fixed_large_log").ops(), plan("fixed_large").ops());
    assert!(finite(&plan("fixed_large_log")));
}

/// 10. `shift_terminal` with one step is NaN.
#[test]
fn complaint_10_a_terminal_shift_of_one_step_is_refused_or_sound() {
    let flow = process("rectified-flow");
    let levels = Grid::parse("flow-shift:3,terminal=0.1", Some(1)).and_then(|grid| grid.levels(&flow, 0.01, 50.0));
    assert!(levels.is_ok_and(|levels| levels.len() == 2 && levels.iter().all(|level| level.sigma.is_finite())));
    for consistent in [false, true] {
        match import("FlowMatchEulerDiscreteScheduler", json!({"shift_terminal": 0.1}), &call(1, consistent)) {
            Ok(plan) => assert!(finite(&plan)),
            Err(error) => assert!(error.is_argument() || error.is_format(), "{error}"),
        }
    }
}

/// 11. The flow shift is applied twice.
#[test]
fn complaint_11_a_shift_is_applied_once() {
    let flow = process("rectified-flow");
    // s' = 3s/(1 + 2s) of s = 1, 0.75, 0.5, 0.25.
    let once = |s: f64| 3.0 * s / (1.0 + 2.0 * s);
    let levels = Grid::flow_shift(4, 3.0).unwrap().levels(&flow, 0.01, f64::INFINITY).unwrap();
    for (level, s) in levels.iter().zip([1.0, 0.75, 0.5, 0.25]) {
        assert!((level.sigma - once(s)).abs() < 1e-12, "{level:?}");
    }
    let first_steps = |consistent| {
        let plan = import("FlowMatchEulerDiscreteScheduler", json!({"shift": 3.0}), &call(4, consistent)).unwrap();
        plan.moves().iter().map(|note| note.from.sigma).collect::<Vec<_>>()
    };
    // The original's grid ends at the shifted end of the shifted table; the consistent one at its
    // shifted end.
    assert!((first_steps(true)[3] - once(0.001)).abs() < 1e-6, "{:?}", first_steps(true));
    assert!((first_steps(false)[3] - once(once(0.001))).abs() < 1e-6, "{:?}", first_steps(false));
}

/// 12. Custom timesteps and custom sigmas diverge.
#[test]
fn complaint_12_times_and_noise_levels_are_one_schedule() {
    let times = vec![900.0, 600.0, 300.0, 50.0];
    let table = process("table:linear");
    let mut sigmas: Vec<f64> = times.iter().map(|time| table.level(*time).unwrap().sigma_ve()).collect();
    sigmas.push(0.0);
    let mut by_time = Call::default();
    by_time.timesteps = Some(times);
    let mut by_sigma = Call::default();
    by_sigma.sigmas = Some(sigmas);
    let plan = |call: &Call| import("EulerDiscreteScheduler", json!({}), call).unwrap();
    let (by_time, by_sigma) = (plan(&by_time).unroll().unwrap(), plan(&by_sigma).unroll().unwrap());
    // The tables are float32, as the original's.
    for (a, b) in by_time.result.evals.iter().zip(&by_sigma.result.evals) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    for (a, b) in by_time.lambdas.iter().zip(&by_sigma.lambdas) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}

/// 13. A generator is ignored; lists of generators fail.
#[test]
fn complaint_13_every_sample_has_its_own_seed() {
    let data = eight_gaussians();
    let vp = process("vp");
    let plan = Sampler::parse("ddpm", None).unwrap().compile(&vp, None, &karras(&vp, 6)).unwrap();
    let ids = [(3, 0), (9, 0), (3, 5)].map(|(seed, index)| SampleId { seed, index });
    let space = SliceSpace::<f64>::new(2);
    let all = plan.run(&space, &data, vec![], &ids).unwrap();
    for (row, id) in ids.iter().enumerate() {
        let alone = plan.run(&space, &data, vec![], std::slice::from_ref(id)).unwrap();
        assert_eq!(all[2 * row..2 * row + 2], alone);
    }
}

/// 14. Results depend on the batch size.
#[test]
fn complaint_14_a_sample_does_not_depend_on_its_batch() {
    let data = eight_gaussians();
    let vp = process("vp");
    for entry in Entry::all() {
        let plan = Sampler::parse(entry.name, None).unwrap().compile(&vp, None, &karras(&vp, 12)).unwrap();
        if !plan.inputs().is_empty() {
            continue;
        }
        let whole: Vec<f64> = Sampling::new(30, 2).seed(2).chunk(30).run(&plan, &data).unwrap();
        let pieces: Vec<f64> = Sampling::new(30, 2).seed(2).chunk(7).threads(2).run(&plan, &data).unwrap();
        assert_eq!(whole, pieces, "{}", entry.name);
    }
}

/// 15. A Brownian tree: other noise on another device, bounds, recursion. Here noise is a function
///     of seed, sample, draw and element, computed in no order.
#[test]
fn complaint_15_brownian_noise_has_no_tree() {
    let ve = process("ve");
    let plan = Sampler::parse("dpmpp-sde", None).unwrap().compile(&ve, None, &karras(&ve, 5)).unwrap();
    let rows = [SampleId { seed: 1, index: 4 }];
    let space = SliceSpace::<f64>::new(3);
    let draw = |number| space.combine(None, &[], &[(langevin::space::Coef::All(1.0), number)], &rows).unwrap();
    // Backwards and forwards, the same.
    let backwards: Vec<_> = (0..plan.draws()).rev().map(draw).collect();
    let forwards: Vec<_> = (0..plan.draws()).map(draw).collect();
    assert!(forwards.iter().eq(backwards.iter().rev()));
}

/// 16. Schedules and timesteps in bfloat16.
#[test]
fn complaint_16_coefficients_do_not_depend_on_the_type_of_the_state() {
    let data = named("mixture").unwrap();
    let vp = process("vp");
    let plan = Sampler::parse("dpmpp-2m", None).unwrap().compile(&vp, None, &karras(&vp, 20)).unwrap();
    let wide: Vec<f64> = Sampling::new(50, 1).run(&plan, &data).unwrap();
    let narrow: Vec<f32> = Sampling::new(50, 1).run(&plan, &data).unwrap();
    // One plan of f64 for both: what differs is the rounding of twenty steps' states.
    for (wide, narrow) in wide.iter().zip(&narrow) {
        assert!((wide - f64::from(*narrow)).abs() < 1e-4, "{wide} {narrow}");
    }
}

/// 17. More solvers for flow models; schedules and solvers that do not combine.
#[test]
fn complaint_17_any_sampler_on_any_process_on_any_grid_for_any_network() {
    let grids = ["karras", "uniform-lambda", "beta:0.6,0.6", "flow-shift:3", "list:9,4,2,1,0.5,0.2,0.05,0"];
    for name in Process::NAMES.iter().filter(|name| !name.contains("laplace")) {
        let process = process(name);
        for prediction in [Prediction::X0, Prediction::Epsilon, Prediction::V, Prediction::Velocity] {
            let network = Formulation::new(process.clone(), prediction);
            for grid in grids {
                let steps = if grid.starts_with("list") { None } else { Some(8) };
                let levels = Grid::parse(grid, steps).unwrap().levels(&process, 0.05, 9.0).unwrap();
                for entry in Entry::all().iter().filter(|entry| entry.name != "restart") {
                    let plan = Sampler::parse(entry.name, None).unwrap().compile(&process, Some(&network), &levels);
                    assert!(finite(&plan.unwrap()), "{} on {name}, {grid}", entry.name);
                }
            }
        }
    }
}

/// What a random call meets, for the test below: noise levels that fall, each lower one by a factor
/// of its own.
fn falling(first: f64, factors: &[f64], pure_noise: bool, clean: bool, process: &Process) -> Vec<Level> {
    let mut ratio = first;
    let mut ratios = vec![ratio];
    for factor in factors {
        ratio *= factor;
        ratios.push(ratio);
    }
    // A table ends where it ends.
    let mut levels: Vec<Level> = ratios.iter().filter_map(|ratio| process.level_at_sigma_ve(*ratio).ok()).collect();
    if pure_noise && let Ok(level) = process.level_at_sigma_ve(f64::INFINITY) {
        levels.insert(0, level);
    }
    if clean && let Ok(level) = process.level_at_sigma_ve(0.0) {
        levels.push(level);
    }
    levels
}

proptest! {
    // 17 again, on calls that nobody has thought of. Thousands are cheap: a plan is compiled in
    // microseconds.
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn complaint_17_any_call_gives_a_sound_plan_or_says_why_not(
        entry in 0..Entry::all().len(),
        name in 0..Process::NAMES.len(),
        prediction in 0..6_usize,
        first in 0.5..20.0_f64,
        factors in proptest::collection::vec(0.2..0.97_f64, 1..9),
        (pure_noise, clean, image) in any::<(bool, bool, bool)>(),
        skip in 0..3_usize,
    ) {
        let entry = &Entry::all()[entry];
        let process = process(Process::NAMES[name]);
        let prediction = Prediction::parse(["x0", "epsilon", "score", "v", "velocity", "edm"][prediction]).unwrap();
        let network = Formulation::new(process.clone(), prediction);
        let levels = falling(first, &factors, pure_noise, clean, &process);
        let start = if image { Start::Image } else { Start::Noise };
        let sampler = Sampler::parse(entry.name, None).unwrap();
        let place = format!("{} on {}, {prediction:?}, from {:?}", entry.name, process.name(), levels.first());
        match sampler.on(&process, &levels).network(&network).start(skip, start).compile() {
            Ok(plan) => {
                prop_assert!(finite(&plan), "{place}");
                if let Ok(lint) = plan.lint() {
                    prop_assert!(lint.is_clean() || !entry.breaks.is_empty(), "{place}: {lint}");
                }
            }
            // A reason of the call's: nothing left of the grid, or a level where the network or the
            // sampler cannot be.
            Err(error) => {
                prop_assert!(error.is_argument() || error.is_singular(), "{place}: {error}");
                prop_assert!(error.hint().is_some() || error.to_string().contains("expected"), "{place}: {error}");
            }
        }
    }
}

/// 18. The conversion between x0 and ε is not exposed.
#[test]
fn complaint_18_predictions_convert_in_public() {
    let flow = process("rectified-flow");
    let level = flow.level(0.3).unwrap();
    let to = Prediction::Epsilon.to_denoised(&flow, &level).unwrap();
    let back = Prediction::Epsilon.from_denoised(&flow, &level).unwrap();
    let (x, epsilon) = (0.7, -1.1);
    let denoised = to.a * x + to.b * epsilon;
    assert!((back.a * x + back.b * denoised - epsilon).abs() < 1e-12);
}

/// 19. Churn is wrong for flow.
#[test]
fn complaint_19_churn_keeps_the_marginal_on_a_flow() {
    let flow = process("rectified-flow");
    for name in ["heun", "euler", "dpm2", "flow-heun"] {
        let sampler = Sampler::parse(&format!("{name}:churn=6"), None).unwrap();
        let plan = sampler.compile(&flow, None, &karras(&flow, 12)).unwrap();
        let lint = plan.lint().unwrap();
        assert!(plan.draws() > 6 && lint.is_clean(), "{name}: {lint}");
    }
}

/// 20. No likelihood. N(0, 1) read as the score of VP: both likelihoods are ½x² + ½ ln 2π, but for
///     the start and the blur, each below 1e-5 here.
#[test]
fn complaint_20_models_have_likelihoods() {
    use langevin_analysis::likelihood::{Bound, Ode};
    let data = langevin_analysis::exact::Gaussian::isotropic(vec![0.0], 1.0).unwrap();
    let rows: Vec<SampleId> = (0..400).map(|index| SampleId { seed: 3, index }).collect();
    let x = langevin_analysis::exact::Density::sample(&data, &rows);
    let score = Formulation::new(Process::vp(), Prediction::Score);
    let network = ReadAs::new(&data, score, SliceSpace::<f64>::new(1));
    let range = langevin::LambdaRange::from_sigma_ve(0.001, 1000.0).unwrap();
    let density = Ode::new(range).with_tolerance(1e-9).run(&network, &x, 1, &rows).unwrap();
    let exact: Vec<f64> = x.iter().map(|x| 0.5 * (x * x + std::f64::consts::TAU.ln())).collect();
    for (found, exact) in density.nats.iter().zip(&exact) {
        assert!((found - exact).abs() < 1e-5, "{found} {exact}");
    }
    let bound = Bound::new(range, 64).run(&network, &x, 1, &rows).unwrap();
    let mean = exact.iter().sum::<f64>() / 400.0;
    let noise = bound.errors.iter().map(|e| e * e).sum::<f64>().sqrt() / 400.0;
    assert!((bound.mean() - mean).abs() < 4.0 * noise, "{} ± {noise} {mean}", bound.mean());
}

/// 21. Which scheduler equals which? `docs/family.md`, and a command.
#[test]
fn complaint_21_equal_samplers_are_found_equal() {
    let plan = |name: &str, process: &str| {
        let process = self::process(process);
        Sampler::parse(name, None).unwrap().compile(&process, None, &karras(&process, 9)).unwrap()
    };
    let same = |a: Plan, b: Plan| compare(&a, &b).unwrap().is_same(1e-10);
    assert!(same(plan("ddim", "vp"), plan("euler", "rectified-flow")));
    assert!(!same(plan("dpmpp-2m", "vp"), plan("adams2", "vp")));
}

/// 22. A scheduler's state is shared between requests. A plan has no state: runs of one plan may be
///     interleaved.
#[test]
fn complaint_22_runs_of_one_plan_do_not_meet() {
    let data = eight_gaussians();
    let vp = process("vp");
    let plan = Sampler::parse("unipc", None).unwrap().compile(&vp, None, &karras(&vp, 9)).unwrap();
    let rows = |index| [SampleId { seed: 7, index }];
    let (space, rows_a, rows_b) = (SliceSpace::<f64>::new(2), rows(0), rows(1));
    let (mut a, mut b) = (plan.start(&space, vec![], &rows_a).unwrap(), plan.start(&space, vec![], &rows_b).unwrap());
    for _ in 0..plan.nfe() {
        for run in [&mut a, &mut b] {
            let request = run.query().unwrap().unwrap();
            let out = data.predict(request.x, &request.query).unwrap();
            run.supply(out).unwrap();
        }
    }
    for (mut run, rows) in [(a, rows_a), (b, rows_b)] {
        assert!(run.query().unwrap().is_none());
        assert_eq!(run.finish().unwrap(), plan.run(&space, &data, vec![], &rows).unwrap());
    }
    assert_eq!(data.dim(), 2);
}
