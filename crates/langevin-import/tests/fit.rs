//! Imported plans for networks of other formulations.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::formulation::InputScaling;
use langevin::model::At;
use langevin::plan::{Op, Rule};
use langevin::{
    Clock, Formulation, LambdaRange, Model, Prediction, Process, Query, ReadAs, Result, SampleId, SliceSpace,
};
use langevin_analysis::exact::Gaussian;
use langevin_import::{Call, Diffusers};

/// A config whose network is called at rounded times: the conversion serves the new network as the
/// config's own.
#[test]
fn imported_plans_serve_another_network() {
    let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let vp = Formulation::new(Process::vp_cosine(), Prediction::Epsilon)
        .with_clock(Clock::QuarterLogSigma)
        .with_input(InputScaling::UnitVariance { sigma_data: 0.5 });
    let config = r#"{"_class_name": "PNDMScheduler", "beta_schedule": "scaled_linear", "skip_prk_steps": true,
        "steps_offset": 1, "timestep_spacing": "leading"}"#;
    let config = Diffusers::parse(config).unwrap();
    for class in ["PNDMScheduler", "EulerDiscreteScheduler", "EDMDPMSolverMultistepScheduler", "DPMSolverSDEScheduler"]
    {
        let config = Diffusers::parse(&format!(r#"{{"_class_name": "{class}"}}"#)).unwrap();
        let plan = config.plan(&Call::steps(7)).unwrap();
        let theirs = Formulation::from_spec(plan.network().unwrap()).unwrap();
        let data = Gaussian::isotropic(vec![0.3, -0.4], 0.6).unwrap();
        // The plan's network, by hand: asked at the level of the time that it is given.
        struct Served<'a>(&'a Gaussian, &'a Formulation);
        impl Model<Vec<f64>> for Served<'_> {
            fn formulation(&self) -> Option<&Formulation> {
                Some(self.1)
            }
            fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
                let own = self.1.level(query.at.row(0).time)?;
                let level = self.1.seen(&own)?;
                // x is scaled: the served density sees a state of this α and σ.
                let scale = level.alpha / own.alpha;
                let plain: Vec<f64> = x.iter().map(|x| x / scale).collect();
                let mut inner = *query;
                inner.at = At::One(own.into());
                ReadAs::new(self.0, self.1.clone(), SliceSpace::<f64>::new(2)).predict(&plain, &inner)
            }
        }
        let rows = (0..3).map(|index| SampleId { seed: 0, index }).collect::<Vec<_>>();
        let space = SliceSpace::<f64>::new(2);
        let wanted = plan.run(&space, &Served(&data, &theirs), vec![], &rows).unwrap();
        for to in [&flow, &vp] {
            let fitted = plan.for_network(to).unwrap();
            let found = fitted.run(&space, &Served(&data, to), vec![], &rows).unwrap();
            for (a, b) in wanted.iter().zip(&found) {
                assert!((a - b).abs() < 1e-9, "{class}: {a} and {b}");
            }
        }
    }
    assert_eq!(config.plan(&Call::steps(4)).unwrap().nfe(), 5);
}

/// A level of a table in float32, as configs have it, counts as the level itself.
#[test]
fn levels_in_single_precision_are_within_the_training() {
    let last = Process::parse("table:scaled-linear").unwrap().level(999.0).unwrap();
    let range = LambdaRange::from_sigma_ve(0.02, last.sigma_ve()).unwrap();
    let config = r#"{"_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}"#;
    let plan = Diffusers::parse(config).unwrap().plan(&Call::steps(4)).unwrap();
    assert!(plan.noise_levels().unwrap()[1] > last.sigma_ve());
    assert_eq!(plan.outside(&range), 0);
    assert_eq!(plan.outside(&LambdaRange::from_sigma_ve(0.1, 10.0).unwrap()), 2);
}

/// Levels beyond the table, with the last time for each, are the original's choice: the lint has
/// nothing to say of them, in the coordinates of the table and of VE. A state that is not on the
/// continued table is still found.
#[test]
fn levels_beyond_a_table_are_no_finding() {
    for class in ["DPMSolverMultistepScheduler", "EulerDiscreteScheduler"] {
        let config = format!(
            r#"{{"_class_name": "{class}", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
            "prediction_type": "v_prediction", "timestep_spacing": "leading", "steps_offset": 1,
            "sigma_min": 0.0485, "sigma_max": 124.8983, "use_karras_sigmas": true}}"#
        );
        let plan = Diffusers::parse(&config).unwrap().plan(&Call::steps(6)).unwrap();
        let lint = plan.lint().unwrap();
        assert!(lint.is_clean(), "{class}: {lint}");
        assert!((plan.noise_levels().unwrap()[1] - 124.8983).abs() < 1e-3);
        let mut parts = plan.into_parts();
        let eval = parts.ops.iter_mut().find_map(|op| if let Op::Eval { level, .. } = op { Some(level) } else { None });
        let level = eval.unwrap();
        (level.alpha, level.sigma) = (1.1 * level.alpha, 1.1 * level.sigma);
        let found = parts.plan().unwrap().lint().unwrap().findings;
        assert!(found.iter().any(|finding| finding.rule == Rule::Level && finding.op == Some(1)), "{class}");
    }
}
