//! The classes that can be imported, and the reasons why others cannot.

mod cogvideox;
mod consistency;
mod corrected;
mod deis;
mod discrete;
mod distilled;
mod dpm;
mod dpm_inverse;
mod dpm_single;
mod edm;
mod euler;
mod flow_euler;
mod flow_heun;
mod flow_noise;
mod inverse;
mod ipndm;
mod lms;
mod paired;
mod pndm;
mod repaint;
mod scm;
mod unclip;
mod wuerstchen;

use super::scheduler::Class;
use langevin::error::Error;

/// The classes that can be imported, by module.
const CLASSES: &[&[Class]] = &[
    discrete::CLASSES,
    inverse::CLASSES,
    unclip::CLASSES,
    pndm::CLASSES,
    ipndm::CLASSES,
    distilled::CLASSES,
    cogvideox::CLASSES,
    repaint::CLASSES,
    dpm::CLASSES,
    dpm_inverse::CLASSES,
    dpm_single::CLASSES,
    deis::CLASSES,
    corrected::CLASSES,
    flow_euler::CLASSES,
    flow_heun::CLASSES,
    flow_noise::CLASSES,
    edm::CLASSES,
    euler::CLASSES,
    lms::CLASSES,
    paired::CLASSES,
    consistency::CLASSES,
    scm::CLASSES,
    wuerstchen::CLASSES,
];

/// Returns all classes that can be imported, in order.
pub(super) fn all() -> impl Iterator<Item = &'static Class> {
    CLASSES.iter().copied().flatten()
}

/// Classes that are refused: their names, the reason, and an alternative.
const REFUSED: &[(&[&str], &str, &str)] = &[
    (
        &[
            "AmusedScheduler",
            "BlockRefinementScheduler",
            "DiscreteDDIMScheduler",
            "EntropyBoundScheduler",
            "VQDiffusionScheduler",
        ],
        "its states are tokens, not numbers",
        "there is no plan for it",
    ),
    (
        &["FlowMapEulerDiscreteScheduler"],
        "its network is given two times, where it stands and where it goes",
        "a plan gives one; FlowMatchEulerDiscreteScheduler is the same step for a network of one time",
    ),
    (
        &["HeliosScheduler", "HeliosDMDScheduler"],
        "it enlarges the picture between its stages",
        "import the scheduler of one stage",
    ),
    (
        &["PiflowScheduler", "ConsistencyDecoderScheduler", "MiniMaxH3Scheduler", "RFD4ProteinaScheduler"],
        "it belongs to one network, whose outputs its config does not describe",
        "write its plan with the library's own samplers",
    ),
    (
        &["ScoreSdeVeScheduler"],
        "the step of its corrector depends on the state",
        "use --process ve with a word of R and L",
    ),
    (
        &["ScoreSdeVpScheduler", "KarrasVeScheduler"],
        "diffusers has given it up",
        "use --process vp-linear, or --process ve with --sampler heun",
    ),
];

/// Returns the error for a class that cannot be imported. It contains the reason or the nearest
/// name, and all classes that can be imported.
pub(super) fn unknown(name: &str) -> Error {
    let short = |name: &'static str| name.trim_end_matches("Scheduler");
    let known: Vec<&'static str> = all().map(|class| class.name).collect();
    if let Some((_, why, instead)) = REFUSED.iter().find(|(names, ..)| names.contains(&name)) {
        return Error::argument(format!("{name} cannot be imported: {why}")).at("_class_name").hinting(*instead);
    }
    let near = Error::unknown("scheduler class", name, &known).hint().map(str::to_owned);
    let known: Vec<&str> = known.into_iter().map(short).collect();
    Error::unknown("scheduler class", name, &[])
        .at("_class_name")
        .expected(format!("one of these with Scheduler after it: {}", known.join(", ")))
        .hinting(near.unwrap_or_else(|| "the class as diffusers writes it, EulerDiscreteScheduler for instance".into()))
}
