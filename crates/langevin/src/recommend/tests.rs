use super::*;
use crate::import::diffusers::{Call, Diffusers};
use crate::{Formulation, LambdaRange, Prediction, Process};

fn names(ranking: &Ranking) -> Vec<String> {
    ranking.candidates().iter().map(|one| format!("{} on {}", one.sampler.spec(), one.grid)).collect()
}

#[test]
fn every_name_parses() {
    for entry in Entry::all() {
        Sampler::parse(entry.name, None).unwrap();
    }
}

#[test]
fn as_many_steps_as_fit() {
    let process = Process::vp();
    let setting = Setting::new(&process);
    let nfe = |name: &str, grid: &str, budget: usize| {
        let sampler = Sampler::parse(name, None).unwrap();
        fitting(&setting, &sampler, grid, budget).unwrap().map(|(steps, plan)| (steps, plan.nfe()))
    };
    assert_eq!(nfe("ddim", "karras", 20), Some((20, 20)));
    // The last of Heun's steps costs one.
    assert_eq!(nfe("heun", "karras", 20), Some((10, 19)));
    assert_eq!(nfe("heun", "karras", 1), Some((1, 1)));
    assert_eq!(nfe("heun", "karras", 21), Some((11, 21)));
    assert_eq!(nfe("ddim", "list:80,10,1,0", 20), Some((3, 3)));
    assert_eq!(nfe("ddim", "list:80,10,1,0", 2), None);
    for name in ["dpmpp-3s", "sa-solver", "unipc", "predictor-corrector", "pndm:start=runge-kutta"] {
        let sampler = Sampler::parse(name, None).unwrap();
        let (steps, nfe) = nfe(name, "karras", 33).unwrap();
        assert!(nfe <= 33 && setting.plan(&sampler, "karras", Some(steps + 1)).unwrap().nfe() > 33, "{name}");
    }
}

/// The order is that of the analysis, of every plan alone.
#[test]
fn the_first_is_the_best() {
    let (process, data) = (Process::vp(), Spectrum::power_law(2.0, 32).unwrap());
    let setting = Setting::new(&process);
    for by in [By::W2, By::Kl] {
        let ranking = Search::new(&setting, &data, 9, by).run().unwrap();
        let values: Vec<f64> = ranking
            .candidates()
            .iter()
            .map(|one| by.of(&one.plan.analyze(&data, &AnalysisOptions::default()).unwrap().total))
            .collect();
        assert!(values.is_sorted(), "{values:?}");
        assert!(ranking.candidates().iter().all(|one| one.plan.nfe() <= 9 && one.plan.is_linear()));
        assert_eq!(ranking.best().analysis.contributions.len(), 4);
        assert_eq!(ranking.usual().len(), 2);
        assert!(ranking.usual().iter().all(|usual| by.of(&usual.analysis.total) >= values[0]));
    }
}

/// `exponential` and `lu` are `uniform-lambda`; `deis` of order 1 is `ddim`.
#[test]
fn one_table_is_shown_once() {
    let (process, data) = (Process::vp(), Spectrum::power_law(1.0, 8).unwrap());
    let setting = Setting::new(&process);
    let samplers = ["ddim", "euler"].map(|name| Sampler::parse(name, None).unwrap());
    let search = Search::new(&setting, &data, 5, By::W2).samplers(samplers);
    let ranking = search.grids(["uniform-lambda", "exponential", "lu"]).run().unwrap();
    assert_eq!(names(&ranking), ["ddim on uniform-lambda"]);
    assert_eq!(ranking.best().also, ["euler"]);
    assert_eq!(ranking.plans(), 2);
    assert!(ranking.why()[1].contains("ddim on karras has"), "{:?}", ranking.why());
}

#[test]
fn a_network_is_asked_where_it_was_trained() {
    let process = Process::vp();
    let network = Formulation::new(process.clone(), Prediction::Epsilon)
        .with_range(LambdaRange::from_sigma_ve(0.01, 20.0).unwrap());
    let setting = Setting::new(&process).network(&network);
    assert_eq!(setting.ends().map(|end| (end * 1e9).round() / 1e9), [0.01, 20.0]);
    let data = Spectrum::power_law(1.0, 8).unwrap();
    let ranking = Search::new(&setting, &data, 6, By::W2).run().unwrap();
    for one in ranking.candidates() {
        let first = one.plan.moves()[0].from.sigma_ve();
        assert!(first <= 20.0 * (1.0 + 1e-9), "{} on {}: {first}", one.sampler.spec(), one.grid);
        assert!(one.plan.network().is_some());
    }
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

#[test]
fn nothing_that_fits_is_one_error() {
    let (process, data) = (Process::vp(), Spectrum::power_law(1.0, 4).unwrap());
    let setting = Setting::new(&process);
    let search = |names: &[&str], nfe: usize| {
        let samplers: Vec<Sampler> = names.iter().map(|name| Sampler::parse(name, None).unwrap()).collect();
        Search::new(&setting, &data, nfe, By::W2).samplers(samplers).run().unwrap_err().to_string()
    };
    assert!(search(&["ddim"], 0).contains("bad number of steps"));
    // It starts from data.
    assert!(search(&["ddim-inversion"], 10).contains("nothing fits"));
    assert!(search(&[], 10).contains("none among the 0 tried"));
    let error = Search::new(&setting, &data, 5, By::W2).grids(["karas"]).run().unwrap_err();
    assert!(error.is_unknown_name(), "{error}");
}

/// On the grid of a scheduler of ten steps iPNDM is the best for an exact score, and its weights of D come to twenty: for a network that is off by a hundredth another is.
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
