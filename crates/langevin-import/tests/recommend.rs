//! Recommendations on a scheduler's own levels.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::Plan;
use langevin_analysis::Analyze as _;
use langevin_analysis::Spectrum;
use langevin_analysis::analysis::AnalysisOptions;
use langevin_analysis::recommend::{By, Ranking, Search};
use langevin_import::{Call, Diffusers, Imported};

fn names(ranking: &Ranking) -> Vec<String> {
    ranking.candidates().iter().map(|one| one.sampler.spec().to_owned()).collect()
}

/// The grid of a scheduler is its own, and plans end where it ends.
#[test]
fn a_schedulers_config_is_a_setting() {
    let config = r#"{"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
        "clip_sample": true, "set_alpha_to_one": false, "steps_offset": 1}"#;
    let config = Diffusers::parse(config).unwrap();
    let data = Spectrum::power_law(1.0, 16).unwrap();
    let setting = Imported::new(&config, Call::default());
    let ranking = Search::new(&setting, &data, 10, By::W2).grids(["the config's"]).run().unwrap();
    assert!(ranking.candidates().len() > 10, "{}", ranking.candidates().len());
    assert!(ranking.candidates().iter().all(|one| one.plan.moves().last().unwrap().to.sigma > 0.0));
    assert!(ranking.usual().iter().all(|one| one.grid == "the config's"));
    let ddim = ranking.usual().iter().find(|one| one.sampler.spec() == "ddim").unwrap();
    assert!(ranking.best().analysis.total.w2 < ddim.analysis.total.w2);
    assert!(names(&ranking).iter().any(|name| name.starts_with("unipc")), "{:?}", names(&ranking));
}

/// On the grid of a scheduler of ten steps iPNDM is the best for an exact score, and its weights of
/// D come to twenty: for a network that is off by a hundredth another is.
#[test]
fn a_network_that_is_off_wants_another_plan() {
    let config = r#"{"_class_name": "DDIMScheduler", "beta_schedule": "linear", "clip_sample": false, "timestep_spacing": "trailing"}"#;
    let config = Diffusers::parse(config).unwrap();
    let data = Spectrum::power_law(2.0, 64).unwrap();
    let setting = Imported::new(&config, Call::default());
    let search =
        |delta: f64| Search::new(&setting, &data, 10, By::W2).grids(["config"]).score_error(delta).run().unwrap();
    let (exact, off) = (search(0.0), search(0.02));
    let worst = |plan: &Plan| {
        let at = |score_error| plan.analyze(&data, &AnalysisOptions { score_error, sources: false }).unwrap().total.w2;
        at(0.02).max(at(-0.02))
    };
    assert_eq!(off.best().analysis.total.w2, worst(&off.best().plan));
    assert!(off.candidates().iter().all(|one| worst(&one.plan) >= off.best().analysis.total.w2));
    assert!(worst(&exact.best().plan) > off.best().analysis.total.w2);
    assert!(exact.gain() > 4.0 && exact.why().iter().any(|why| why.contains("score error")), "{}", exact.gain());
    assert!(off.gain() < exact.gain());
}
