//! Names in other libraries, and samplers of other libraries that have no table here.

/// (a scheduler of diffusers without the word Scheduler; the sampler that it is with its default
/// options). A saved configuration holds more, and is read by the crate `langevin-import`.
pub(crate) const SCHEDULERS: &[(&str, &str)] = &[
    ("DDPM", "ddpm"),
    ("DDPMParallel", "ddpm"),
    ("DDPMWuerstchen", "ddpm"),
    ("UnCLIP", "ddpm"),
    ("DDIM", "ddim"),
    ("DDIMParallel", "ddim"),
    ("CogVideoXDDIM", "ddim"),
    ("DDIMInverse", "ddim-inversion"),
    ("CogVideoXDPM", "dpmpp-2m-sde"),
    ("PNDM", "pndm"),
    ("IPNDM", "ipndm"),
    ("LMSDiscrete", "lms"),
    ("EulerDiscrete", "euler"),
    ("EDMEuler", "euler"),
    ("FlowMatchEulerDiscrete", "euler"),
    ("MiniMaxH3", "euler"),
    ("EulerAncestralDiscrete", "euler-ancestral"),
    ("LTXEulerAncestralRF", "euler-ancestral-flow"),
    ("HeunDiscrete", "heun"),
    ("KarrasVe", "heun"),
    ("FlowMatchHeunDiscrete", "flow-heun"),
    ("KDPM2Discrete", "dpm2"),
    ("KDPM2AncestralDiscrete", "dpm2-ancestral"),
    ("DPMSolverSDE", "dpmpp-sde"),
    ("DPMSolverMultistep", "dpmpp-2m"),
    ("EDMDPMSolverMultistep", "dpmpp-2m"),
    ("DPMSolverMultistepInverse", "dpmpp-2m-inversion"),
    ("CosineDPMSolverMultistep", "dpmpp-2m-sde"),
    ("DPMSolverSinglestep", "dpmpp-2s"),
    ("DEISMultistep", "deis"),
    ("UniPCMultistep", "unipc-bh2"),
    ("SASolver", "sa-solver"),
    ("LCM", "lcm"),
    ("FlowMatchLCM", "lcm"),
    ("SCM", "lcm"),
    ("TCD", "tcd"),
    ("CMStochasticIterative", "consistency"),
    ("ConsistencyDecoder", "consistency"),
    ("RePaint", "repaint"),
];

/// (a name in this crate's spelling; the reason why it has no table; the replacement).
const ABSENT: &[(&str, &str, &str)] = &[
    (
        "dpm-adaptive",
        "its steps depend on the data, so it has no fixed table",
        "use dpm-fast, dpmpp-2m, or adaptive control",
    ),
    ("log-likelihood", "it draws no samples", "use the likelihood of this crate"),
    ("ar-video", "it samples blocks of a video one after the other", "use lcm"),
    ("scoresdeve", "the length of its Langevin moves depends on the data", "use predictor-corrector, whose k is fixed"),
    ("scoresdevp", "it is the Euler–Maruyama step, which leaves the marginal", "use exponential:eta=1"),
    (
        "flowmapeuler",
        "its network receives two times, that of the state and that of the target",
        "use euler with a network that takes one time",
    ),
    ("piflow", "its network gives many D in one evaluation", "use euler with a network that gives one D"),
    ("helios", "it changes the size of the state on the way", "use euler, stage by stage"),
    ("heliosdmd", "it changes the size of the state on the way", "use lcm, stage by stage"),
    ("rfd4proteina", "its noise does not match any marginal", "use exponential with its eta"),
    ("vqdiffusion", "it samples tokens", "use a library for discrete data"),
    ("amused", "it samples tokens", "use a library for discrete data"),
    ("blockrefinement", "it samples tokens", "use a library for discrete data"),
    ("discreteddim", "it samples tokens", "use a library for discrete data"),
    ("entropybound", "it samples tokens", "use a library for discrete data"),
];

/// Returns a name of another library in this crate's spelling: small letters, `-` for `_` and
/// blanks, `dpmpp` for `dpm++`.
///
/// ```
/// use langevin::sampler::elsewhere::spelled;
/// assert_eq!(spelled("DPM++_2M SDE"), "dpmpp-2m-sde");
/// ```
#[must_use]
pub fn spelled(name: &str) -> String {
    name.trim().to_lowercase().replace(['_', ' '], "-").replace("dpm++", "dpmpp")
}

/// Returns the name without the prefix and the suffixes of other libraries: `sample_`, `_gpu`,
/// `Scheduler`.
fn bare(spelled: &str) -> &str {
    let bare = spelled.strip_prefix("sample-").unwrap_or(spelled);
    let bare = bare.strip_suffix("-gpu").unwrap_or(bare);
    bare.strip_suffix("scheduler").unwrap_or(bare)
}

/// Returns the names of this crate that a spelled name of another library may stand for.
pub(crate) fn ours(spelled: &str) -> impl Iterator<Item = &str> {
    let bare = bare(spelled);
    let class = SCHEDULERS.iter().find(|(class, _)| class.to_lowercase() == bare);
    [spelled, bare].into_iter().chain(class.map(|(_, ours)| *ours))
}

/// Returns the reason why a sampler of another library has no table here, and a replacement. The
/// name must be [`spelled`] first.
///
/// ```
/// use langevin::sampler::elsewhere::{absent, spelled};
/// let (reason, replacement) = absent(&spelled("dpm_adaptive")).expect("an adaptive sampler");
/// assert!(reason.contains("depend on the data") && replacement.contains("dpm-fast"));
/// assert_eq!(absent("ddim"), None);
/// ```
#[must_use]
pub fn absent(spelled: &str) -> Option<(&'static str, &'static str)> {
    let bare = bare(spelled);
    ABSENT.iter().find(|(name, ..)| *name == bare).map(|(_, why, instead)| (*why, *instead))
}
