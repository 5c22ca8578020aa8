use super::*;
use crate::grid::Grid;
use crate::plan::{Plan, Rule};
use crate::process::{Level, Process};
use crate::sampler::{Sampler, Word};

/// Levels that every process in these tests reaches.
fn levels(process: &Process, steps: usize) -> Vec<Level> {
    Grid::karras(steps).levels(process, 0.2, 5.0).unwrap()
}

/// Each sampler with its default options and with several η, and a word of moves.
fn samplers() -> Vec<Sampler> {
    let mut all = vec![
        Sampler::exponential(1.7),
        Sampler::adams(3, 1.7).unwrap(),
        Sampler::parse("heun:churn=4,tmax=4", None).unwrap(),
        Sampler::parse("flow-heun:churn=4,tmax=4", None).unwrap(),
        Sampler::parse("pndm:start=runge-kutta", None).unwrap(),
        Sampler::parse("deis:variable=sigma", None).unwrap(),
        Sampler::parse("unipc:form=noise,order=3", None).unwrap(),
        Sampler::parse("unipc-bh2:order=3,uncorrected=1+3", None).unwrap(),
        Sampler::parse("sa-solver:predictor=3,corrector=4", Some(0.6)).unwrap(),
        Sampler::parse("dpmpp-2m-sde:solver=exact", Some(0.3)).unwrap(),
        Sampler::parse("sa-solver-pece:predictor=3,corrector=4", Some(0.6)).unwrap(),
        Sampler::parse("res-multistep-ancestral:solver=exact", Some(0.6)).unwrap(),
        Sampler::parse("er-sde:solver=exact", None).unwrap(),
        Sampler::parse("seeds-3:solver=heun", Some(0.6)).unwrap(),
        Sampler::word(Word::parse("R(0.7) F(-1.5) (R(0.7) L)*12 F R L(0.1)").unwrap()),
    ];
    // The default interval is below the grid of these tests.
    all.push(Sampler::parse("restart:lower=0.3,upper=1", None).unwrap());
    for entry in ENTRIES.iter().filter(|entry| entry.name != "restart") {
        for eta in [None, Some(0.0), Some(0.5), Some(1.0)] {
            if let Ok(sampler) = Sampler::parse(entry.name, eta) {
                all.push(sampler);
            }
        }
    }
    all
}

fn compile(sampler: &Sampler, process: &Process) -> Plan {
    sampler.compile(process, None, &levels(process, 12)).unwrap_or_else(|error| panic!("{}: {error}", sampler.spec()))
}

/// The samplers that violate a rule with their default options. Their entries name the rule.
const BREAKS: [&str; 3] = ["sde-dpm-solver", "annealed-langevin", "consistency"];

#[test]
fn every_plan_keeps_every_marginal_or_declares_that_it_does_not() {
    for name in Process::NAMES {
        let process = Process::parse(name).unwrap();
        for sampler in samplers() {
            let plan = compile(&sampler, &process);
            if !plan.is_linear() {
                assert_eq!(sampler.name(), "repaint");
                continue;
            }
            let lint = plan.lint().unwrap();
            let declared = BREAKS.contains(&sampler.name()) && sampler.spec() != "sde-dpm-solver:eta=0";
            assert_eq!(lint.is_clean(), !declared, "{} on {name}: {lint}\n{plan}", sampler.spec());
        }
    }
    for entry in ENTRIES.iter().filter(|entry| BREAKS.contains(&entry.name)) {
        assert!(entry.breaks.starts_with("variance"), "{}", entry.name);
    }
}

/// Options that violate the marginal are declared, and violate exactly the declared rule.
#[test]
fn options_that_break_the_marginal_are_declared() {
    let process = Process::vp();
    let cases = [
        ("ddpm:variance=large", Rule::Variance),
        ("euler-ancestral:noise=1.01", Rule::Variance),
        ("heun:churn=4,noise=1.01", Rule::Variance),
        ("lcm:boundary=0.5,scaling=1", Rule::Mean),
        ("predictor-corrector:stepping=euler", Rule::Variance),
    ];
    for (text, rule) in cases {
        let sampler = Sampler::parse(text, None).unwrap();
        let lint = compile(&sampler, &process).lint().unwrap();
        assert!(lint.findings.iter().any(|finding| finding.rule == rule), "{text}: {lint}");
        assert!(!Entry::find(sampler.name()).unwrap().breaks.is_empty(), "{text}");
    }
}

/// The network always sees a state of the level that is passed to it, inside steps too. With D ≡ x0
/// the mean is α x0 and the variance σ².
#[test]
fn every_evaluation_sees_its_marginal() {
    let process = Process::vp();
    let first = levels(&process, 12)[0];
    for sampler in samplers() {
        // Samplers that violate marginals, start from an input, or have a map are left out.
        let skipped = BREAKS.contains(&sampler.name())
            || matches!(sampler.name(), "repaint")
            || sampler.name().contains("inversion");
        if skipped {
            continue;
        }
        let unrolled = compile(&sampler, &process).unroll().unwrap();
        for (state, lambda) in unrolled.queries.iter().zip(&unrolled.lambdas) {
            let level = process.level_at_lambda(*lambda).unwrap();
            let mean: f64 = state.evals.iter().sum::<f64>() + state.draws[0] * first.alpha / first.sigma;
            let variance: f64 = state.draws.iter().map(|w| w * w).sum();
            let place = format!("{} at λ = {lambda}", sampler.spec());
            assert!((mean - level.alpha).abs() < 1e-9, "{place}: mean {mean} {}", level.alpha);
            assert!((variance - level.sigma * level.sigma).abs() < 1e-9, "{place}: variance {variance}");
        }
    }
}

/// Every named sampler's table of four steps.
#[test]
fn tables_of_four_steps() {
    let process = Process::vp();
    let levels = Grid::karras(4).levels(&process, 0.05, 10.0).unwrap();
    let mut text = String::new();
    for entry in ENTRIES {
        let plan = Sampler::parse(entry.name, None).unwrap().compile(&process, None, &levels);
        text += &plan.map_or_else(|error| format!("{}: {error}\n", entry.name), |plan| plan.to_string());
        text.push('\n');
    }
    insta::assert_snapshot!(text);
}

#[test]
fn entries_are_sound() {
    let mut names = std::collections::BTreeSet::new();
    for entry in ENTRIES {
        for name in std::iter::once(&entry.name).chain(entry.aliases) {
            assert!(names.insert(*name), "{name} is twice in the list");
        }
        for knob in entry.knobs {
            assert_eq!(knob.check(knob.default), Ok(()), "{} {}", entry.name, knob.key);
        }
        for text in [entry.summary, entry.formula, entry.moves] {
            assert!(!text.is_empty(), "{}", entry.name);
        }
    }
}

#[test]
fn options_are_read_and_checked() {
    assert_eq!(Sampler::parse("DPMPP_2M:solver=heun", None).unwrap().spec(), "dpmpp-2m:solver=heun");
    assert_eq!(Sampler::parse("dpmpp-2m:solver=midpoint", None).unwrap().spec(), "dpmpp-2m");
    assert_eq!(Sampler::parse("ddim:eta=0.5", None).unwrap(), Sampler::parse("ddim", Some(0.5)).unwrap());
    let error = |text: &str| Sampler::parse(text, None).unwrap_err().to_string();
    assert!(error("dpmpp-2m:solver=hean").contains("expected midpoint, heun, exact"));
    assert!(error("dpmpp-2m:sovler=heun").contains("did you mean 'solver'?"));
    assert!(error("heun:churn=-1").contains("a number from 0 to"), "{}", error("heun:churn=-1"));
    assert!(error("heun:churn=nan").contains("got 'nan'"));
    assert!(error("ddim:eta=0.1,eta=0.2").contains("given twice"));
    assert!(error("unipc:order=9").contains("from 1 to 3"));
    assert!(Sampler::parse("ddim:eta=0.1", Some(0.2)).is_err());
}

/// Every sampler can take a step from pure noise, where α = 0.
#[test]
fn every_sampler_starts_from_pure_noise() {
    let flow = Process::rectified_flow();
    let mut levels = levels(&flow, 6);
    levels.insert(0, flow.level(1.0).unwrap());
    for entry in ENTRIES {
        let sampler = Sampler::parse(entry.name, None).unwrap();
        match sampler.compile(&flow, None, &levels) {
            Ok(plan) if plan.is_linear() => {
                let clean = plan.lint().unwrap().is_clean();
                assert!(clean || BREAKS.contains(&entry.name), "{}: {}\n{plan}", entry.name, plan.lint().unwrap());
            }
            Ok(_) => {}
            Err(error) => assert!(error.is_singular() || error.is_argument(), "{}: {error}", entry.name),
        }
    }
}

/// Names of other libraries, and the entries that they find.
#[test]
fn names_of_elsewhere_are_found() {
    let found = |name: &str| Entry::find(name).unwrap_or_else(|error| panic!("{error}")).name;
    // k-diffusion and ComfyUI, with the spellings of their lists.
    let names = "euler euler_cfg_pp euler_ancestral euler_ancestral_cfg_pp heun heunpp2 exp_heun_2_x0 exp_heun_2_x0_sde dpm_2 dpm_2_ancestral lms dpm_fast \
                 dpmpp_2s_ancestral dpmpp_2s_ancestral_cfg_pp dpmpp_sde dpmpp_sde_gpu dpmpp_2m dpmpp_2m_cfg_pp dpmpp_2m_sde dpmpp_2m_sde_gpu dpmpp_2m_sde_heun \
                 dpmpp_2m_sde_heun_gpu dpmpp_3m_sde dpmpp_3m_sde_gpu ddpm lcm ipndm ipndm_v deis res_multistep res_multistep_cfg_pp res_multistep_ancestral \
                 res_multistep_ancestral_cfg_pp gradient_estimation gradient_estimation_cfg_pp er_sde seeds_2 seeds_3 sa_solver sa_solver_pece ddim uni_pc uni_pc_bh2";
    for name in names.split_whitespace() {
        let ours = found(name);
        assert_eq!(found(&format!("sample_{name}")), ours);
        assert_eq!(found(&name.to_uppercase()), ours);
    }
    for (name, ours) in [
        ("dpmpp_2m_sde_gpu", "dpmpp-2m-sde"),
        ("uni_pc_bh2", "unipc-bh2"),
        ("DPMSolverMultistep", "dpmpp-2m"),
        ("UniPCMultistepScheduler", "unipc-bh2"),
        ("FlowMatchEulerDiscreteScheduler", "euler"),
        ("DPM++ 2M SDE", "dpmpp-2m-sde"),
        ("dpm-solver++-2m", "dpmpp-2m"),
        ("DPM++ 2S a", "dpmpp-2s-ancestral"),
        ("Euler a", "euler-ancestral"),
        ("PLMS", "pndm"),
        ("DPM2 a", "dpm2-ancestral"),
    ] {
        assert_eq!(found(name), ours, "{name}");
        // A sampler found by another library's name has this crate's name, which is found again.
        let sampler = Sampler::parse(name, None).unwrap();
        assert_eq!(found(sampler.name()), ours, "{name}");
    }
    for (class, ours) in elsewhere::SCHEDULERS {
        assert_eq!(found(class), *ours);
        assert_eq!(found(&format!("{class}Scheduler")), *ours);
        assert!(Entry::find(ours).unwrap().to_string().contains(&format!("{class}Scheduler")), "{class}");
    }
}

/// A sampler without a table is refused by name, with a replacement. A misspelt name is answered
/// with the nearest name.
#[test]
fn names_that_are_none_say_what_to_do() {
    for name in [
        "dpm_adaptive",
        "log_likelihood",
        "ar_video",
        "ScoreSdeVeScheduler",
        "ScoreSdeVp",
        "FlowMapEuler",
        "Piflow",
        "Helios",
        "HeliosDMD",
        "RFD4Proteina",
        "VQDiffusionScheduler",
        "Amused",
        "BlockRefinement",
        "DiscreteDDIM",
        "EntropyBound",
    ] {
        let error = Entry::find(name).unwrap_err();
        assert!(error.is_argument() && error.hint().is_some_and(|hint| hint.starts_with("use ")), "{error}");
    }
    for (name, hint) in
        [("dpmpp-2n", "dpmpp-2m"), ("gradient-estimaton", "gradient-estimation"), ("sa-solver-pec", "sa-solver-pece")]
    {
        let error = Entry::find(name).unwrap_err();
        assert_eq!(error.hint(), Some(format!("did you mean '{hint}'?").as_str()), "{error}");
    }
}

/// The facts of an entry agree with its plan.
#[test]
fn facts_hold_of_the_plans() {
    let process = Process::vp();
    let levels = Grid::karras(12).levels(&process, 0.002, 80.0).unwrap();
    for entry in Entry::all() {
        let facts = entry.facts;
        let plan = Sampler::parse(entry.name, None).unwrap().compile(&process, None, &levels).unwrap();
        let inputs: Vec<&str> = plan.inputs().iter().map(|input| input.name.as_str()).collect();
        assert_eq!(inputs, facts.inputs, "{}", entry.name);
        assert_eq!(plan.is_guided(), facts.guided, "{}", entry.name);
        assert!(!facts.recommended || inputs.is_empty() && !facts.guided && plan.is_linear(), "{}", entry.name);
        assert_eq!(
            facts.distilled,
            entry.note.starts_with("for distilled networks") || entry.name == "tcd",
            "{}",
            entry.name
        );
        let inverse = Sampler::inverse_of(entry.name).unwrap();
        assert_eq!(inverse.name(), facts.inverse);
        assert!(inverse.rises(), "{}", entry.name);
    }
}
