//! The quirks of the originals. Each quirk is a value, which the code that reproduces or fixes it
//! refers to.
//!
//! - A run keeps or fixes a quirk: `Call::keeps` and `Call::fixes` take it as an argument.
//! - A class returns the quirk by which its original fails on a run (`Scheduler::fault`), or which
//!   all its plans have (`Class::declares`).
//! - A refusal is the error of a quirk ([`Quirk::refuses`]).
//! - Some quirks are due to the originals' arithmetic alone. The code that computes differently
//!   refers to them by `const _: &Quirk`.
//!
//! The compiler therefore reports a quirk that no code refers to as dead code. `docs/originals.md`
//! is generated from all quirks: `LANGEVIN_BLESS=1 cargo test -p langevin-import --lib originals`
//! updates the page.

use langevin::error::Error;

/// A quirk of an original and its treatment by the import.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "the words are those of docs/originals.md, which a test writes"))]
pub(crate) struct Quirk {
    /// The classes, without `Scheduler`.
    pub(crate) classes: &'static str,
    /// Description of the quirk and its conditions.
    pub(crate) what: &'static str,
    /// Behaviour of the import.
    pub(crate) here: &'static str,
    /// Behaviour of a consistent import, if it differs.
    pub(crate) consistent: Option<&'static str>,
    /// The remark of `plan --from-diffusers` for a run that has the quirk.
    pub(crate) remark: Option<&'static str>,
    /// The library that has the quirk.
    pub(crate) source: Source,
}

/// A library whose quirks are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Diffusers,
    KDiffusion,
}

impl Quirk {
    const fn new(classes: &'static str, what: &'static str, here: &'static str) -> Self {
        Self { classes, what, here, consistent: None, remark: None, source: Source::Diffusers }
    }

    /// Builds a quirk that the import reproduces and a consistent import avoids.
    const fn reproduced(classes: &'static str, what: &'static str, consistent: &'static str) -> Self {
        Self { consistent: Some(consistent), ..Self::new(classes, what, "reproduced") }
    }

    const fn consistent(self, consistent: &'static str) -> Self {
        Self { consistent: Some(consistent), ..self }
    }

    const fn remark(self, remark: &'static str) -> Self {
        Self { remark: Some(remark), ..self }
    }

    const fn of_k_diffusion(self) -> Self {
        Self { source: Source::KDiffusion, ..self }
    }

    /// Returns the error of a run that the import refuses because of the quirk.
    pub(crate) fn refuses(&self, error: Error) -> Error {
        error
    }
}

/// Declares the quirks in the order of the page.
macro_rules! quirks {
    ($($name:ident = $quirk:expr;)*) => {
        $(pub(crate) const $name: Quirk = $quirk;)*

        /// Every quirk, with its name.
        #[cfg(test)]
        const ALL: &[(&str, Quirk)] = &[$((stringify!($name), $name)),*];
    };
}

quirks! {
    LARGE_VARIANCE_LOG = Quirk::new("DDPM", "`fixed_large_log` is NaN: √ln β", "as `fixed_large`")
        .remark("NaN: the logarithm of β is negative, and its root is taken");
    LARGE_VARIANCE_END = Quirk::reproduced(
        "DDPM",
        "`fixed_large` with an offset or trailing times adds noise in its last step",
        "none",
    );
    ZERO_SNR_NOISE = Quirk::new(
        "DDPM, DDIM, CogVideoX, LCM, TCD",
        "ε-prediction with zero terminal SNR divides by α = 0",
        "one error",
    );
    FIXED_STRIDE = Quirk::new(
        "DDIM, CogVideoX, PNDM",
        "steps go N/n times down, whatever the next time is (linspace, and trailing where n does not divide N)",
        "reproduced, and the lint says so",
    )
    .consistent("to the next time");
    COGVIDEOX_DRAWS = Quirk::reproduced(
        "CogVideoXDPM",
        "a step of second order draws noise twice and throws the first away; a step that ends beyond the table is of first order",
        "one draw, and the order of any step",
    );
    INVERSE_TIME = Quirk::reproduced(
        "DDIMInverse",
        "the network is asked at the time of the target; sample prediction is NaN in the first step",
        "at the time of the state",
    )
    .remark("NaN: its first step divides by σ = 0");
    RUNGE_KUTTA_START = Quirk::new("PNDM", "the Runge–Kutta start raises below 4 steps", "one error");
    PNDM_START = Quirk::reproduced(
        "PNDM",
        "the start is made wherever a run begins, so that from the third call of a later part on the network is asked about a state of the level before",
        "each step is from its own level",
    );
    FIRST_OUTPUT = Quirk::reproduced("IPNDM", "the first output is not used; one step gives 0", "used");
    SHORT_HISTORY = Quirk::reproduced(
        "LMS",
        "started in the middle, the weights of a full history meet a short one",
        "the sum is kept",
    );
    LATE_CHURN = Quirk::reproduced("Euler, EDMEuler", "churn is added after the network was called", "before");
    LOG_LINEAR_END = Quirk::reproduced("Euler", "log-linear levels never reach 0", "they go on to 0");
    START_SCALE = Quirk::reproduced(
        "all",
        "the start is noise of unit variance, or of √(σ²+1) (Euler and its kin with leading times, EDM), whatever the σ of the first level",
        "of the first level",
    );
    LEVEL_TIMES = Quirk::reproduced(
        "Euler, LMS, Heun, KDPM2, DPMSolverSDE",
        "the network is called at times of the float32 table, linear between its entries, which need not be those of the levels; the last level may occur twice",
        "at the time of the level; no level twice",
    );
    SAMPLE_PREDICTION = Quirk::new(
        "EulerAncestral, KDPM2, KDPM2Ancestral, DPMSolverSDE",
        "sample prediction raises",
        "a plan",
    )
    .remark("NotImplementedError: it knows no sample prediction");
    ANCESTRAL_ROUNDING = Quirk::new(
        "EulerAncestral, KDPM2Ancestral",
        "float32: σ_up > σ_to on the cosine table, NaN",
        "a plan",
    )
    .remark("NaN on most machines: in float32 its σ_up is above the level it goes to");
    LAST_LEVEL_TWICE = Quirk::new(
        "DPM multistep, DEIS, SASolver, UniPC",
        "the last σ occurs twice (karras, exponential, beta, flow): a step that does nothing, or NaN",
        "a step that goes nowhere, named by the lint",
    )
    .consistent("none")
    .remark("NaN: the last level occurs twice");
    NOISE_TO_ZERO = Quirk::new("DPM multistep", "ε solvers with a final 0 raise", "a plan")
        .remark("ValueError: a solver of ε does not go to 0");
    THIRD_ORDER_SIGN = Quirk::reproduced(
        "DPM multistep, single-step",
        "`sde-dpmsolver++` of order 3 lacks α_t·D₂ (a sign)",
        "with the term",
    );
    THIRD_ORDER_SDE = Quirk::new("DPM multistep", "`sde-dpmsolver` of order 3 has no branch and raises", "a plan")
        .remark("UnboundLocalError: the SDE has no third order there");
    WHOLE_TIMES = Quirk::reproduced(
        "DPM multistep, single-step, DEIS, UniPC, SASolver",
        "network times are rounded or cut to whole numbers; under flow sigmas by up to one unit",
        "the time of the level",
    );
    VELOCITY_OF_NOISE = Quirk::new(
        "DPM multistep and its inverse, single-step, UniPC, SASolver",
        "ε solvers raise for `flow_prediction`",
        "a plan",
    )
    .remark("ValueError: a solver of ε reads no flow_prediction");
    THRESHOLD_OF_NOISE = Quirk::new(
        "DPM single-step, SASolver",
        "ε solvers raise where they threshold",
        "a plan",
    )
    .remark("RuntimeError: thresholding of ε indexes its table with no time");
    FIRST_TIME_TWICE = Quirk::new(
        "DPM multistep, single-step, DEIS, UniPC, SASolver",
        "where the first time occurs twice a whole run starts at the second, and raises",
        "a plan",
    )
    .remark("IndexError or AssertionError: the first time occurs twice, and the run starts at the second");
    FIRST_TIME_TWICE_EULER = Quirk::new(
        "Euler, DPM multistep inverse",
        "where the first time occurs twice a whole run starts at the second, and ends beyond its list",
        "a plan",
    )
    .remark("IndexError: the first time occurs twice, and the run starts at the second");
    INVERSE_LEVELS = Quirk::new(
        "DPM multistep inverse",
        "the SDE raises; flow levels fall; times and levels get out of step",
        "one error",
    )
    .consistent("rises");
    CLIPPED_TRAILING = Quirk::reproduced(
        "DPM multistep",
        "with `lambda_min_clipped`, trailing runs another number of steps",
        "the number asked for",
    );
    UNIPC_END = Quirk::new("UniPC", "bh1, or `predict_x0` false, with a final 0: NaN", "a plan")
        .remark("NaN: ∞·0 at σ = 0");
    UNIPC_FLOW_LEVELS = Quirk::new(
        "UniPC",
        "exponential or beta levels under flow are not mapped: beyond 1",
        "one error",
    )
    .consistent("mapped");
    UNIPC_FLOW_START = Quirk::reproduced("UniPC", "a flow starts 10⁻⁶ below pure noise", "from pure noise");
    UNIPC_THRESHOLD = Quirk::reproduced("UniPC", "with `predict_x0` false it does not threshold", "it does");
    LONE_TERMINAL = Quirk::new("UniPC, FlowMatchEuler", "`shift_terminal` with one step: NaN", "a plan")
        .remark("NaN: a single level has nothing to stretch by");
    DOUBLE_SHIFT = Quirk::reproduced("FlowMatchEuler, FlowMatchHeun", "the shift enters the table and the grid", "once");
    GIVEN_FLOW_LEVELS = Quirk::reproduced(
        "FlowMatchEuler, FlowMatchLCM, LTXEulerAncestralRF",
        "levels that are given are shifted in float32",
        "in float64",
    );
    GIVEN_FLOW_TIMES = Quirk::reproduced(
        "FlowMatchEuler, FlowMatchLCM",
        "timesteps that are given are what the network is called with, although their levels are shifted",
        "the times of the levels",
    );
    INVERTED_NOISE = Quirk::new(
        "FlowMatchEuler, FlowMatchLCM",
        "noise on inverted levels takes the clean fraction for the noise",
        "one error",
    )
    .consistent("as they are meant");
    FLOW_CHURN = Quirk::reproduced("FlowMatchHeun", "VE's churn on a flow state", "a forward move of the flow");
    CUT_RUN = Quirk::reproduced("LCM", "a run cut by `strength` with custom times ends in noise", "clean");
    TCD_END = Quirk::reproduced(
        "TCD",
        "ignores clipping and thresholding; ends at the table's first entry",
        "clips, and ends at the data",
    );
    UNCLIP_ONE_STEP = Quirk::new("UnCLIP", "one step divides by zero", "a plan").remark("ZeroDivisionError: one step");
    UNCLIP_LONG_STEP = Quirk::reproduced(
        "UnCLIP",
        "a step over more than one entry takes ᾱ_t/ᾱ_s for 1 − (1 − ᾱ_t/ᾱ_s) in float32: from the end of the table the state is forgotten (10⁻⁴ of it at four steps)",
        "kept",
    );
    UNCLIP_NEXT_ENTRY = Quirk::reproduced(
        "UnCLIP",
        "without `prev_timestep` a step goes one entry down, and the next starts where it did not land",
        "to the next time",
    );
    WUERSTCHEN_END = Quirk::reproduced(
        "DDPMWuerstchen",
        "ends on the mean of σ = 0.01, without its noise",
        "at clean data",
    );
    QUIET_ANCESTRAL = Quirk::reproduced(
        "LTXEulerAncestralRF",
        "`s_noise` = 0: the state stays at s_down and is taken for one at s'",
        "steps to s'",
    );
    SCM_MIDDLE = Quirk::new(
        "SCM",
        "raises for other than two steps unless `intermediate_timesteps` is null; its first time lies 4·10⁻⁶ beyond a right angle",
        "a plan, from the right angle; its state is in units of `sigma_data`, as the pipeline decodes it",
    )
    .remark("ValueError: an intermediate time is for two steps; give intermediate_timesteps=null");
    LCM_BOUNDARY = Quirk::new(
        "LCM",
        "c_skip + c_out of the boundary is not 1: the mean moves by σ_d²/2y² of it (from 1.3·10⁻⁹ at time 999 on)",
        "kept, and said: the boundary is part of the network",
    )
    .remark("the boundary f = c_skip x + c_out D moves the mean of every move by σ_d²/2y² of it, y = timestep_scaling × time: up from 10⁻⁹, which the lint names");
    CM_BOUNDARY = Quirk::new(
        "CMStochasticIterative",
        "c_skip + c_out of the boundary is not 1: the mean moves by σ_d²/2y² of it; the noise starts from `sigma_min`",
        "kept, and said: the boundary is part of the network",
    )
    .remark("the boundary of a consistency model moves the mean of every move, and its noise starts from sigma_min: the lint names both");
    FIRST_TIME_BITS = Quirk::new(
        "DPM multistep, single-step, DEIS, UniPC, SASolver",
        "exponential and beta grids: the first time is N − 1 or N − 2 by the last bit of √ and ln in float32, which torch and NumPy round differently from machine to machine",
        "both rounded correctly: 998 on Stable Diffusion's table, as recorded; tables of other lengths may differ by one",
    );
    FULL_NOISE = Quirk::new(
        "DDIM",
        "η = 1 with zero terminal SNR: 1 − ᾱ − σ² may be −10⁻⁷ in float32, NaN",
        "a plan",
    );
    EDM_ONE_LEVEL = Quirk::reproduced("Cosine, EDM", "one step alone on the exponential grid is at `sigma_min`", "at `sigma_max`");
    EDM_LAST_LEVEL = Quirk::reproduced(
        "Cosine, EDM",
        "with `final_sigmas_type` sigma_min the last level occurs twice",
        "once",
    );
    RISING_END = Quirk::new(
        "Cosine, EDM",
        "Karras's levels may end below `sigma_min` in float32: the last step rises, NaN with `heun`",
        "a step that goes nowhere",
    );
    CONTINUOUS_LOG_LINEAR = Quirk::new(
        "EulerDiscrete",
        "with `timestep_type` continuous, v-prediction and log-linear levels it runs n + 1 evaluations",
        "reproduced",
    );
    REPAINT_JUMP = Quirk::reproduced("RePaint", "a jump upwards uses the βs of other times", "the process's own");
    EDM_THIRD_ORDER = Quirk::new("EDM and Cosine, SDE of order 3", "raise from ten steps on", "a plan")
        .remark("UnboundLocalError: the SDE has no third order there");
    K_ONE_STEP = Quirk::new("2M SDE, 3M SDE", "one step raises", "a plan").of_k_diffusion();
    K_ADAPTIVE = Quirk::new(
        "`dpm_adaptive`",
        "judges the batch as a whole; float32 times move its results by up to 2·10⁻³",
        "per sample, float64: `Adaptive`",
    )
    .of_k_diffusion();
    SINGLE_PRECISION = Quirk::new(
        "PNDM, float32 everywhere",
        "third-order DEIS on the cosine table is off by 3·10⁻⁴",
        "float64; the recorded tolerance is ten times what one unit in the last place does to the original",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/originals.md");

    const BEFORE: &str = "# What the originals do, and what an import gives

Found by running diffusers 0.42.1 (with NumPy 2) and k-diffusion 0.1.1 on an exact model. An import does what the original does; `--consistent` fixes what is listed here. The tests are in
`crates/langevin-import/src/diffusers/` (`tests.rs`, `faults.rs`), `crates/langevin-import/tests/parity.rs` and `complaints.rs`.

This page is generated from the values of `crates/langevin-import/src/quirks.rs`, which the import's code refers to: `LANGEVIN_BLESS=1 cargo test -p langevin-import --lib originals` writes it anew.

| class | what happens | here |
|---|---|---|
";

    const AFTER: &str = "
`langevin plan --from-diffusers` says on stderr where diffusers itself fails on a run, and what `--consistent` has otherwise.

A learned variance is the second half of a network's output. The DPM-Solver family drops it, and so does the plan: it is that of the first half, for ε. DDPM and UnCLIP use it as
the variance of their noise: refused, for an `eval` of a plan turns every output of its model into D, and a second half has no place there. Another sampler on such a config draws no noise of that variance and leaves the second half out.

Parts of a run (`--start-at`, `LangevinScheduler` in image-to-image pipelines) are the original's.

Not imported: learned variances of DDPM and UnCLIP, `solver_p`, `tau_func`, schedulers of tokens, of networks with two times (FlowMapEuler), of pyramids (Helios), generators with inner policies. An
unknown class gives an error that lists the known ones.
";

    /// Returns the page, with a row for each quirk.
    fn page() -> String {
        let row = |(_, quirk): &(&str, Quirk)| {
            let library = if quirk.source == Source::KDiffusion { "k-diffusion " } else { "" };
            let consistent = quirk.consistent.map(|consistent| format!("; consistent: {consistent}"));
            let Quirk { classes, what, here, .. } = quirk;
            format!("| {library}{classes} | {what} | {here}{} |\n", consistent.unwrap_or_default())
        };
        format!("{BEFORE}{}{AFTER}", ALL.iter().map(row).collect::<String>())
    }

    #[test]
    fn the_page_of_originals_is_what_the_quirks_are() {
        let page = page();
        if std::env::var_os("LANGEVIN_BLESS").is_some() {
            std::fs::write(PAGE, &page).unwrap();
        }
        let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(
            kept == page,
            "docs/originals.md is not what the quirks are; bless it if they changed on purpose:\n{page}"
        );
    }

    /// No two rows are equal, and none breaks the table.
    #[test]
    fn the_quirks_of_originals_are_rows() {
        let rows: BTreeSet<(&str, &str)> = ALL.iter().map(|(_, quirk)| (quirk.classes, quirk.what)).collect();
        assert_eq!(rows.len(), ALL.len());
        for (name, Quirk { classes, what, here, .. }) in ALL {
            assert!([classes, what, here].iter().all(|cell| !cell.is_empty() && !cell.contains(['|', '\n'])), "{name}");
        }
    }
}
