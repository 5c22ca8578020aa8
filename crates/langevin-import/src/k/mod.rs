//! Samplers by the names of k-diffusion and ComfyUI, on α = 1, t = σ.
//!
//! ```
//! use langevin_import::k;
//! use std::collections::BTreeMap;
//! let options = BTreeMap::from([("eta".to_owned(), 0.5.into())]);
//! let sampler = k::sampler("sample_dpmpp_2m_sde", &options)?;
//! assert_eq!(sampler.spec(), "dpmpp-2m-sde:eta=0.5");
//! let plan = k::plan("euler_ancestral", &BTreeMap::new(), &[14.6, 3.0, 0.5, 0.0], None)?;
//! assert_eq!(plan.nfe(), 3);
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! The prefix `sample_` is optional. The suffix `_gpu` has no effect; it states where the original
//! stores its noise.
//!
//! | original's option | here |
//! |---|---|
//! | `eta` | η, as the sampler defines it |
//! | `s_noise` | `noise` |
//! | `s_churn`, `s_tmin`, `s_tmax` | `churn`, `tmin`, `tmax` |
//! | `solver_type` | `solver` |
//! | `order`, `max_order`; `r`; `ge_gamma` | `order`; `r`; `gamma` |
//! | `cfg`, the guidance scale of a CFG++ sampler | `guidance` |
//!
//! | grid | here |
//! |---|---|
//! | `get_sigmas_karras(n, σ_min, σ_max, rho)` | `karras:rho` |
//! | `get_sigmas_exponential` | `uniform-lambda` |
//! | `get_sigmas_polyexponential(…, rho)` | `poly-exponential:rho` |
//! | `get_sigmas_vp(n)` | `vp` |
//!
//! # Differences from the originals
//!
//! - `dpm_fast` takes its two ends and its number of evaluations from the list of levels.
//! - `sa_solver` adds noise over the whole range, not only in an interval.
//! - `uni_pc` keeps every level of the list.
//! - The CFG++ samplers of several values or evaluations apply [the paper's
//!   rule](https://arxiv.org/abs/2406.08070) to the plain samplers: each state is made from the
//!   unconditional branch, plus α w (D_c − D_u). They were not compared with the originals.
//! - `dpm_adaptive` has no fixed table and is refused.
//!
//! `euler`, `heun` and `dpm_2` of k-diffusion draw noise at every step, even if churn adds none.
//! Those of ComfyUI, and the plans here, draw only if churn adds noise. Noise is a function of
//! (seed, sample, draw) here, and no seed reproduces torch's noise, so an unused draw would only
//! leave a gap in the numbering. To run a plan with k-diffusion's own noise, give the draw of a
//! step inside the window the noise with that step's number.
//!
//! All facts are those of k-diffusion 0.1.1 and ComfyUI.

mod schedule;

use crate::quirks::{self, Quirk};
use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::grid::Grid;
use langevin::plan::Plan;
use langevin::process::Process;
use langevin::sampler::Sampler;
use langevin::sampler::elsewhere;
use serde_json::Value;
use std::collections::BTreeMap;

pub use schedule::SigmaSchedule;

/// A single step compiles to a plan. Adaptive steps are controlled per sample, in float64.
const _: [&Quirk; 2] = [&quirks::K_ONE_STEP, &quirks::K_ADAPTIVE];

/// A name: the original's name, the equivalent sampler with its options, and the options that may
/// be set.
type Name = (&'static str, &'static str, &'static [&'static str]);

const CHURN: &[&str] = &["s_churn", "s_tmin", "s_tmax", "s_noise"];
const NOISY: &[&str] = &["eta", "s_noise"];
const GUIDED: &[&str] = &["eta", "s_noise", "cfg"];

const NAMES: &[Name] = &[
    ("euler", "euler", CHURN),
    ("euler_ancestral", "euler-ancestral", NOISY),
    ("heun", "heun", CHURN),
    ("heunpp2", "heunpp2", &[]),
    ("dpm_2", "dpm2", CHURN),
    ("dpm_2_ancestral", "dpm2-ancestral", NOISY),
    ("er_sde", "er-sde", &["s_noise", "max_stage"]),
    ("euler_cfg_pp", "euler-cfg-pp", &["cfg"]),
    ("euler_ancestral_cfg_pp", "euler-ancestral-cfg-pp", GUIDED),
    ("dpmpp_2m_cfg_pp", "dpmpp-2m-cfg-pp", &["cfg"]),
    ("dpmpp_2s_ancestral_cfg_pp", "dpmpp-2s-ancestral-cfg-pp", GUIDED),
    ("res_multistep_cfg_pp", "res-multistep-cfg-pp", &["cfg"]),
    ("res_multistep_ancestral_cfg_pp", "res-multistep-ancestral-cfg-pp", GUIDED),
    ("gradient_estimation_cfg_pp", "gradient-estimation-cfg-pp", &["ge_gamma", "cfg"]),
    ("lms", "lms", &["order"]),
    ("dpm_fast", "dpm-fast", NOISY),
    ("dpmpp_2s_ancestral", "dpmpp-2s-ancestral", NOISY),
    ("dpmpp_sde", "dpmpp-sde", &["eta", "s_noise", "r"]),
    ("dpmpp_2m", "dpmpp-2m", &[]),
    ("dpmpp_2m_sde", "dpmpp-2m-sde", &["eta", "s_noise", "solver_type"]),
    ("dpmpp_2m_sde_heun", "dpmpp-2m-sde-heun", NOISY),
    ("dpmpp_3m_sde", "dpmpp-3m-sde", NOISY),
    ("ddpm", "ddpm", &[]),
    ("ddim", "ddim", &["eta"]),
    ("lcm", "lcm", &[]),
    ("ipndm", "ipndm", &["max_order"]),
    ("ipndm_v", "lms", &["max_order"]),
    ("deis", "deis:variable=sigma", &["max_order"]),
    ("res_multistep", "res-multistep", &[]),
    ("res_multistep_ancestral", "res-multistep-ancestral", NOISY),
    ("gradient_estimation", "gradient-estimation", &["ge_gamma"]),
    ("seeds_2", "seeds-2", &["eta"]),
    ("seeds_3", "seeds-3", &["eta"]),
    ("exp_heun_2_x0", "exp-heun", &[]),
    ("exp_heun_2_x0_sde", "exp-heun-sde", &["eta"]),
    ("sa_solver", "sa-solver:predictor=3,corrector=4", &["eta"]),
    ("sa_solver_pece", "sa-solver-pece:predictor=3,corrector=4", &["eta"]),
    ("uni_pc", "unipc:order=3", &[]),
    ("uni_pc_bh2", "unipc-bh2:order=3", &[]),
];

/// Returns the name of an option in langevin.
fn knob(option: &str) -> &str {
    match option {
        "s_noise" => "noise",
        "s_churn" => "churn",
        "s_tmin" => "tmin",
        "s_tmax" => "tmax",
        "solver_type" => "solver",
        "max_order" | "max_stage" => "order",
        "ge_gamma" => "gamma",
        "cfg" => "guidance",
        same => same,
    }
}

/// Returns the sampler of this name, with options under their original names.
///
/// ```
/// use langevin_import::k::sampler;
/// use std::collections::BTreeMap;
/// let options = BTreeMap::from([("s_noise".to_owned(), 1.003.into())]);
/// assert_eq!(sampler("euler_ancestral", &options)?.spec(), "euler-ancestral:noise=1.003");
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if a name or an option is unknown, with the nearest known one. Returns an error
/// if the sampler cannot be written as a table, or if a value is out of range.
pub fn sampler(name: &str, options: &BTreeMap<String, Value>) -> Result<Sampler> {
    let wanted = name.trim().to_lowercase().replace('-', "_");
    let wanted = wanted.strip_prefix("sample_").unwrap_or(&wanted);
    let wanted = wanted.strip_suffix("_gpu").unwrap_or(wanted);
    if let Some((why, instead)) = elsewhere::absent(&elsewhere::spelled(wanted)) {
        return Err(Error::argument(format!("{wanted} cannot be imported: {why}")).hinting(instead));
    }
    let Some((_, ours, known)) = NAMES.iter().find(|(known, ..)| *known == wanted) else {
        let known: Vec<&str> = NAMES.iter().map(|(known, ..)| *known).collect();
        return Err(Error::unknown("sampler of k-diffusion", name, &known));
    };
    let mut spec = (*ours).to_owned();
    for (option, value) in options {
        if !known.contains(&option.as_str()) {
            return Err(Error::unknown("option", option, known).at(wanted.to_owned()));
        }
        let value = match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        spec.push(if spec.contains(':') { ',' } else { ':' });
        spec.push_str(&format!("{}={value}", knob(option)));
    }
    Sampler::parse(&spec, None)
}

/// A sampler with its schedule, from a label in the list of A1111 such as `DPM++ 2M Karras`.
///
/// ```
/// let label = langevin_import::k::label("Euler a Karras").expect("it contains a space");
/// assert_eq!((&*label.sampler, label.grid), ("euler_ancestral", Some("karras")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Label {
    /// Name of the sampler, for [`sampler`].
    pub sampler: String,
    /// Name of the schedule, if the label contains one.
    pub grid: Option<&'static str>,
}

/// Schedules at the end of a label, with their names in langevin.
const ENDINGS: [(&str, &str); 11] = [
    ("karras", "karras"),
    ("polyexponential", "poly-exponential"),
    ("exponential", "exponential"),
    ("sgm uniform", "sgm_uniform"),
    ("kl optimal", "kl_optimal_a1111"),
    ("ddim uniform", "ddim_uniform"),
    ("linear quadratic", "linear_quadratic"),
    ("simple", "simple"),
    ("normal", "normal"),
    ("uniform", "normal"),
    ("beta", "beta"),
];

/// Parses a label. Returns `None` if the text is not a label; the names for [`sampler`] are not
/// labels.
///
/// ```
/// use langevin_import::k;
/// let label = k::label("DPM++ 2M SDE Karras").unwrap();
/// assert_eq!((label.sampler.as_str(), label.grid), ("dpmpp_2m_sde", Some("karras")));
/// assert_eq!(k::label("Euler a").unwrap().sampler, "euler_ancestral");
/// assert_eq!(k::label("dpmpp_2m"), None);
/// ```
#[must_use]
pub fn label(text: &str) -> Option<Label> {
    if text.len() > 100 || !text.contains([' ', '+']) {
        return None;
    }
    let words = text.to_lowercase().replace('_', " ");
    let mut rest = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut grid = None;
    for (ending, name) in ENDINGS {
        if let Some(before) = rest.strip_suffix(ending).filter(|before| before.ends_with(' ')) {
            (rest, grid) = (before.trim_end().to_owned(), Some(name));
            break;
        }
    }
    let named: Vec<&str> = rest
        .split(' ')
        .map(|word| match word {
            "dpm++" => "dpmpp",
            "dpm2" => "dpm_2",
            "a" => "ancestral",
            "unipc" => "uni_pc",
            word => word,
        })
        .collect();
    Some(Label { sampler: named.join("_"), grid })
}

/// Compiles the plan of this sampler over a falling list of noise levels, which may end at 0. The
/// plan is for `network`, or for a model that returns D.
///
/// ```
/// use langevin_import::k::plan;
/// let plan = plan("heun", &std::collections::BTreeMap::new(), &[10.0, 1.0, 0.0], None)?;
/// assert_eq!(plan.nfe(), 3);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error under the conditions of [`sampler`] and of [`Sampler::compile`].
pub fn plan(
    name: &str,
    options: &BTreeMap<String, Value>,
    sigmas: &[f64],
    network: Option<&Formulation>,
) -> Result<Plan> {
    let process = Process::ve();
    let levels = Grid::list(sigmas.to_vec()).levels(&process, 0.0, 0.0)?;
    sampler(name, options)?.compile(&process, network, &levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_compiles_and_every_refusal_says_what_to_do() {
        let sigmas = [14.6, 6.0, 2.5, 1.0, 0.4, 0.1, 0.0];
        for (name, ..) in NAMES {
            for spelled in [(*name).to_owned(), format!("sample_{name}"), format!("{name}_gpu"), name.replace('_', "-")]
            {
                let plan = plan(&spelled, &BTreeMap::new(), &sigmas, None).unwrap();
                assert!(plan.nfe() >= 6, "{spelled}");
            }
        }
        for name in ["dpm_adaptive", "log_likelihood", "ar_video"] {
            let error = sampler(name, &BTreeMap::new()).unwrap_err();
            assert!(error.is_argument() && error.hint().is_some(), "{error}");
        }
        assert_eq!(sampler("eulr", &BTreeMap::new()).unwrap_err().hint(), Some("did you mean 'euler'?"));
    }

    #[test]
    fn labels_are_a_sampler_and_a_schedule() {
        for (text, name, grid) in [
            ("DPM++ 2M Karras", "dpmpp_2m", Some("karras")),
            ("DPM++ 2M SDE Heun Exponential", "dpmpp_2m_sde_heun", Some("exponential")),
            ("DPM++ 2S a Karras", "dpmpp_2s_ancestral", Some("karras")),
            ("DPM++ 3M SDE", "dpmpp_3m_sde", None),
            ("dpm2 a karras", "dpm_2_ancestral", Some("karras")),
            ("LMS Karras", "lms", Some("karras")),
            ("DPM fast", "dpm_fast", None),
            ("Euler a", "euler_ancestral", None),
            ("UniPC SGM Uniform", "uni_pc", Some("sgm_uniform")),
            ("DPM++ 2M KL Optimal", "dpmpp_2m", Some("kl_optimal_a1111")),
        ] {
            let found = label(text).unwrap();
            assert_eq!((found.sampler.as_str(), found.grid), (name, grid), "{text}");
            assert!(sampler(&found.sampler, &BTreeMap::new()).is_ok(), "{text}");
        }
        assert_eq!(
            sampler(&label("DPM++ 2N Karras").unwrap().sampler, &BTreeMap::new()).unwrap_err().hint(),
            Some("did you mean 'dpmpp_2m'?")
        );
    }

    #[test]
    fn options_have_their_original_names() {
        let set =
            |pairs: &[(&str, f64)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
        let heun = sampler("heun", &set(&[("s_churn", 4.0), ("s_tmin", 0.1)])).unwrap();
        assert_eq!(heun.spec(), "heun:churn=4.0,tmin=0.1");
        let guided = sampler("gradient_estimation_cfg_pp", &set(&[("cfg", 1.5), ("ge_gamma", 3.0)])).unwrap();
        assert_eq!(guided.spec(), "gradient-estimation-cfg-pp:gamma=3.0,guidance=1.5");
        let ancestral = sampler("res_multistep_ancestral_cfg_pp", &set(&[("eta", 0.5), ("s_noise", 1.1)])).unwrap();
        assert_eq!(ancestral.spec(), "res-multistep-ancestral-cfg-pp:eta=0.5,noise=1.1");
        assert!(sampler("dpmpp_2m", &set(&[("eta", 1.0)])).is_err());
        assert!(sampler("dpmpp_sde", &set(&[("r", 2.0)])).is_err());
    }
}
