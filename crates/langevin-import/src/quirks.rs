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
    LARGE_VARIANCE_LOG = Quirk::new(
        "DDPM",
        "`variance_type=\"fixed_large_log\"` gives NaN, because the square root of ln β is taken, which is negative.",
        "works, and gives the plan of `fixed_large`",
    )
    .remark("NaN: the logarithm of β is negative, and its root is taken");
    LARGE_VARIANCE_END = Quirk::reproduced(
        "DDPM",
        "With `variance_type=\"fixed_large\"` and either `steps_offset` or trailing timesteps, the last step adds noise.",
        "no noise in the last step",
    );
    ZERO_SNR_NOISE = Quirk::new(
        "DDPM, DDIM, CogVideoX, LCM, TCD",
        "With zero terminal SNR, an ε-prediction is divided by α = 0.",
        "error that names the timestep and the predictions that can be used there",
    );
    FIXED_STRIDE = Quirk::new(
        "DDIM, CogVideoX, PNDM",
        "Each step goes N/n timesteps down, even if the next timestep of the list is another one. This happens with linspace, and with trailing if n does not divide N.",
        "reproduced, and `langevin lint` reports it",
    )
    .consistent("each step goes to the next timestep of the list");
    COGVIDEOX_DRAWS = Quirk::reproduced(
        "CogVideoXDPM",
        "A step of second order draws noise twice and discards the first draw. A step that ends beyond the table is of first order.",
        "one draw for each step, and no lower order for a step that ends beyond the table",
    );
    INVERSE_TIME = Quirk::new(
        "DDIMInverse",
        "The network is called with the timestep of the level that the step goes to. `prediction_type=\"sample\"` gives NaN in the first step.",
        "`sample` works; the timestep is reproduced",
    )
    .consistent("the network is called with the timestep of the state")
    .remark("NaN: its first step divides by σ = 0");
    RUNGE_KUTTA_START = Quirk::new(
        "PNDM",
        "The Runge–Kutta start raises an exception if there are fewer than 4 steps.",
        "error that recommends `skip_prk_steps`",
    );
    PNDM_START = Quirk::reproduced(
        "PNDM",
        "A run that begins later in the list (image to image) still begins with the starting procedure (Heun or Runge–Kutta), although only the head of the list has timesteps for it. From the third call of such a run on, the state is one noise level behind the timestep.",
        "each step begins at its own noise level",
    );
    FIRST_OUTPUT = Quirk::reproduced(
        "IPNDM",
        "The first output of the network is not used. A run of one step therefore returns 0.",
        "the first output is used",
    );
    SHORT_HISTORY = Quirk::reproduced(
        "LMS",
        "A run that begins in the middle of the list (image to image) uses the weights of a full history, but its history is shorter. The weights that are used do not add up to the step.",
        "the first steps are of lower order, so that the weights add up",
    );
    LATE_CHURN = Quirk::reproduced(
        "Euler, EDMEuler",
        "The noise of `s_churn` is added after the network was called, so the network does not see it.",
        "the noise is added before the call",
    );
    LOG_LINEAR_END = Quirk::reproduced(
        "Euler",
        "With `interpolation_type=\"log_linear\"`, the run ends one noise level before 0.",
        "the run goes on to 0",
    );
    START_SCALE = Quirk::reproduced(
        "all",
        "The start noise has standard deviation 1, or √(σ² + 1) in EDM and, with leading timesteps, in Euler and related classes. The σ of the first noise level would be correct.",
        "the start noise has the σ of the first noise level",
    );
    LEVEL_TIMES = Quirk::reproduced(
        "Euler, LMS, Heun, KDPM2, DPMSolverSDE",
        "The network is called with timesteps that are interpolated linearly between the entries of a float32 table. These need not be the timesteps of the noise levels. The last noise level may occur twice.",
        "each call has the timestep of its noise level, and no level occurs twice",
    );
    SAMPLE_PREDICTION = Quirk::new(
        "EulerAncestral, KDPM2, KDPM2Ancestral, DPMSolverSDE",
        "`prediction_type=\"sample\"` raises an exception.",
        "works",
    )
    .remark("NotImplementedError: it knows no sample prediction");
    ANCESTRAL_ROUNDING = Quirk::new(
        "EulerAncestral, KDPM2Ancestral",
        "On the cosine table, the noise that a step adds (σ_up) is rounded in float32 to more than the noise level that it goes to (σ_to). The result is NaN.",
        "works",
    )
    .remark("NaN on most machines: in float32 its σ_up is above the level it goes to");
    LAST_LEVEL_TWICE = Quirk::new(
        "DPM multistep, DEIS, SASolver, UniPC",
        "With karras, exponential, beta or flow noise levels, the last σ occurs twice. The last step has no effect or gives NaN.",
        "the last step has no effect, and `langevin lint` reports it",
    )
    .consistent("there is no such step")
    .remark("NaN: the last level occurs twice");
    NOISE_TO_ZERO = Quirk::new("DPM multistep", "Solvers of ε raise an exception if the run ends at σ = 0.", "works")
        .remark("ValueError: a solver of ε does not go to 0");
    THIRD_ORDER_SIGN = Quirk::reproduced(
        "DPM multistep, single-step",
        "`sde-dpmsolver++` of order 3 has a wrong sign, so that the term α_t·D₂ is missing. D₂ is the second difference of D.",
        "the term is included",
    );
    THIRD_ORDER_SDE = Quirk::new(
        "DPM multistep",
        "`sde-dpmsolver` of order 3 raises an exception, because the code has no branch for it.",
        "works",
    )
    .remark("UnboundLocalError: the SDE has no third order there");
    WHOLE_TIMES = Quirk::reproduced(
        "DPM multistep, single-step, DEIS, UniPC, SASolver",
        "The timesteps of the network are rounded or truncated to whole numbers. With flow sigmas they are off by up to one timestep.",
        "each call has the timestep of its noise level",
    );
    VELOCITY_OF_NOISE = Quirk::new(
        "DPM multistep and its inverse, single-step, UniPC, SASolver",
        "Solvers of ε raise an exception for `prediction_type=\"flow_prediction\"`.",
        "works",
    )
    .remark("ValueError: a solver of ε reads no flow_prediction");
    THRESHOLD_OF_NOISE = Quirk::new(
        "DPM single-step, SASolver",
        "Solvers of ε raise an exception with `thresholding=True`.",
        "works",
    )
    .remark("RuntimeError: thresholding of ε indexes its table with no time");
    FIRST_TIME_TWICE = Quirk::new(
        "DPM multistep, single-step, DEIS, UniPC, SASolver",
        "If the first timestep occurs twice, a complete run starts at its second occurrence and raises an exception.",
        "works",
    )
    .remark("IndexError or AssertionError: the first time occurs twice, and the run starts at the second");
    FIRST_TIME_TWICE_EULER = Quirk::new(
        "Euler, DPM multistep inverse",
        "If the first timestep occurs twice, a complete run starts at its second occurrence and raises an exception beyond the end of its list.",
        "works",
    )
    .remark("IndexError: the first time occurs twice, and the run starts at the second");
    INVERSE_LEVELS = Quirk::new(
        "DPM multistep inverse",
        "The SDE algorithms give NaN. Flow noise levels fall instead of rising. Timesteps that occur twice are listed once, so that timesteps and noise levels no longer correspond.",
        "error for the SDE, which has no inversion; the rest is reproduced",
    )
    .consistent("the noise levels rise, each with its own timestep");
    CLIPPED_TRAILING = Quirk::reproduced(
        "DPM multistep",
        "With `lambda_min_clipped` and trailing timesteps, the number of steps is not the requested one.",
        "the requested number of steps",
    );
    UNIPC_END = Quirk::new(
        "UniPC",
        "`solver_type=\"bh1\"` or `predict_x0=False` gives NaN if the run ends at σ = 0.",
        "works",
    )
    .remark("NaN: ∞·0 at σ = 0");
    UNIPC_FLOW_LEVELS = Quirk::new(
        "UniPC",
        "With `use_flow_sigmas`, exponential and beta noise levels are not converted to flow times, so that they are greater than 1.",
        "error that says so",
    )
    .consistent("the levels are converted");
    UNIPC_FLOW_START = Quirk::reproduced(
        "UniPC",
        "With `use_flow_sigmas`, the run starts 10⁻⁶ below pure noise.",
        "the run starts at pure noise",
    );
    UNIPC_THRESHOLD = Quirk::reproduced(
        "UniPC",
        "With `predict_x0=False`, `thresholding` has no effect.",
        "D is thresholded",
    );
    LONE_TERMINAL = Quirk::new("UniPC, FlowMatchEuler", "`shift_terminal` with one step gives NaN.", "works")
        .remark("NaN: a single level has nothing to stretch by");
    DOUBLE_SHIFT = Quirk::reproduced(
        "FlowMatchEuler, FlowMatchHeun",
        "`shift` is applied twice: to the ends of the range of noise levels, and then to each level.",
        "the shift is applied once",
    );
    GIVEN_FLOW_LEVELS = Quirk::reproduced(
        "FlowMatchEuler, FlowMatchLCM, LTXEulerAncestralRF",
        "Noise levels that the caller passes are shifted in float32.",
        "they are shifted in float64",
    );
    GIVEN_FLOW_TIMES = Quirk::reproduced(
        "FlowMatchEuler, FlowMatchLCM",
        "Timesteps that the caller passes go to the network unchanged, although their noise levels are shifted.",
        "the network gets the timesteps of the shifted levels",
    );
    INVERTED_NOISE = Quirk::new(
        "FlowMatchEuler, FlowMatchLCM",
        "With `invert_sigmas`, a step that adds noise uses the fraction of clean data as the fraction of noise.",
        "error that says so",
    )
    .consistent("the step uses the fraction of noise");
    FLOW_CHURN = Quirk::reproduced(
        "FlowMatchHeun",
        "`s_churn` adds noise as for a VE process, where α = 1, although the state is that of a flow.",
        "churn is a forward move of the flow",
    );
    CUT_RUN = Quirk::reproduced(
        "LCM",
        "A run with custom timesteps that is shortened by `strength` ends with noise, because its last step is not recognised.",
        "the run ends at clean data",
    );
    TCD_END = Quirk::reproduced(
        "TCD",
        "Clipping and thresholding have no effect. The run ends at the first entry of the table instead of at clean data.",
        "D is clipped, and the run ends at clean data",
    );
    UNCLIP_ONE_STEP = Quirk::new("UnCLIP", "A run of one step divides by zero and raises an exception.", "works")
        .remark("ZeroDivisionError: one step");
    UNCLIP_LONG_STEP = Quirk::reproduced(
        "UnCLIP",
        "A step over more than one table entry computes ᾱ_t/ᾱ_s as 1 − (1 − ᾱ_t/ᾱ_s) in float32. At the end of the table this is 0, so that the state is forgotten. At four steps, 10⁻⁴ of the state should remain.",
        "the state is kept",
    );
    UNCLIP_NEXT_ENTRY = Quirk::reproduced(
        "UnCLIP",
        "Without `prev_timestep`, a step goes one table entry down. The next step starts at the next timestep of the list, which is another level.",
        "each step goes to the next timestep of the list",
    );
    WUERSTCHEN_END = Quirk::reproduced(
        "DDPMWuerstchen",
        "The last step ends at σ = 0.01 but adds no noise, so that the result is neither clean data nor a sample at that noise level.",
        "the run ends at clean data",
    );
    QUIET_ANCESTRAL = Quirk::reproduced(
        "LTXEulerAncestralRF",
        "A step goes down to s_down and then adds noise up to the next level s'. With `s_noise=0` the state stays at s_down, but the next step treats it as a state at s'.",
        "each step goes to s'",
    );
    SCM_MIDDLE = Quirk::new(
        "SCM",
        "Any number of steps other than two raises an exception unless `intermediate_timesteps` is `None`. Its time is an angle from 0 to π/2, and the first timestep is 4·10⁻⁶ greater than π/2.",
        "works, and starts at π/2; the state is in units of `sigma_data`, as the pipeline decodes it",
    )
    .remark("ValueError: an intermediate time is for two steps; give intermediate_timesteps=null");
    LCM_BOUNDARY = Quirk::new(
        "LCM",
        "In the boundary condition f = c_skip x + c_out D, c_skip + c_out is not 1. Each step therefore changes the mean by the fraction σ_d²/(2y²), where σ_d is `sigma_data` = 0.5 and y is `timestep_scaling` times the timestep. This is 1.3·10⁻⁹ at timestep 999, and more at lower timesteps.",
        "reproduced, because the boundary condition is part of the network; `langevin plan` says so",
    )
    .remark("the boundary f = c_skip x + c_out D moves the mean of every move by σ_d²/2y² of it, y = timestep_scaling × time: up from 10⁻⁹, which the lint names");
    CM_BOUNDARY = Quirk::new(
        "CMStochasticIterative",
        "The boundary condition moves the mean of each step, at high noise levels by about `sigma_min`/σ of it. The noise that a step adds has the variance σ² − `sigma_min`² instead of σ².",
        "reproduced, because the boundary condition is part of the network; `langevin plan` says so",
    )
    .remark("the boundary of a consistency model moves the mean of every move, and its noise starts from sigma_min: the lint names both");
    FIRST_TIME_BITS = Quirk::new(
        "DPM multistep, single-step, DEIS, UniPC, SASolver",
        "With exponential and beta noise levels, the first timestep is N − 1 or N − 2. The last bit of √ and ln in float32 decides which, and torch and NumPy round it differently on different machines.",
        "√ and ln are rounded correctly; this gives 998 on Stable Diffusion's table, as recorded, and may differ by one on tables of other lengths",
    );
    FULL_NOISE = Quirk::new(
        "DDIM",
        "With η = 1 and zero terminal SNR, 1 − ᾱ − σ² may be −10⁻⁷ in float32, which gives NaN.",
        "works",
    );
    EDM_ONE_LEVEL = Quirk::reproduced(
        "Cosine, EDM",
        "With the exponential grid, a run of one step starts at `sigma_min`.",
        "it starts at `sigma_max`",
    );
    EDM_LAST_LEVEL = Quirk::reproduced(
        "Cosine, EDM",
        "With `final_sigmas_type=\"sigma_min\"`, the last noise level occurs twice.",
        "it occurs once",
    );
    RISING_END = Quirk::new(
        "Cosine, EDM",
        "In float32, Karras's noise levels may end below `sigma_min`. The last step then goes up in noise, and gives NaN with `heun`.",
        "the last step has no effect",
    );
    CONTINUOUS_LOG_LINEAR = Quirk::new(
        "EulerDiscrete",
        "With `timestep_type=\"continuous\"`, v-prediction and log-linear noise levels, the run has n + 1 evaluations.",
        "reproduced",
    );
    REPAINT_JUMP = Quirk::reproduced(
        "RePaint",
        "A jump back to more noise uses the βs of other timesteps than the steps down.",
        "the jump uses the βs of the process",
    );
    EDM_THIRD_ORDER = Quirk::new(
        "EDM and Cosine",
        "The SDE of order 3 raises an exception. By default this happens in runs of five steps or more.",
        "works",
    )
    .remark("UnboundLocalError: the SDE has no third order there");
    K_ONE_STEP = Quirk::new("2M SDE, 3M SDE", "A run of one step raises an exception.", "works").of_k_diffusion();
    K_ADAPTIVE = Quirk::new(
        "`dpm_adaptive`",
        "The step size is chosen for the batch as a whole. Times in float32 change the results by up to 2·10⁻³.",
        "each sample has its own step size, in float64: `Adaptive`, in Python `langevin.adaptive`",
    )
    .of_k_diffusion();
    SINGLE_PRECISION = Quirk::new(
        "all, including PNDM",
        "Coefficients are computed in float32. Third-order DEIS on the cosine table is off by 3·10⁻⁴.",
        "computed in float64. The tests change the inputs of the original by one float32 rounding unit, and allow ten times the change that this makes in its result",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/originals.md");

    const BEFORE: &str = "# What the originals do, and what an import gives

This page is for users of diffusers or k-diffusion who import a scheduler. It lists the bugs and peculiarities of the
originals, and what an import does in the same place.

The entries were found by running diffusers 0.42.1 (with NumPy 2) and k-diffusion 0.1.1 on an exact model. An import
does what the original does. With `--consistent` (in Python `consistent=True`), it fixes what is listed here. The
tests are in `crates/langevin-import/src/diffusers/` (`tests.rs`, `faults.rs`) and in `crates/langevin-import/tests/`
(`parity.rs`, `complaints.rs`).

This page is generated from the values of `crates/langevin-import/src/quirks.rs`, to which the code of the import
refers. `LANGEVIN_BLESS=1 cargo test -p langevin-import --lib originals` writes it again.

## How to read the table

- **class**: the scheduler of diffusers without `Scheduler` in its name, or a sampler of k-diffusion. DPM multistep
  and single-step are `DPMSolverMultistepScheduler` and `DPMSolverSinglestepScheduler`.
- **in the original**: what the class does, and with which settings.
- **in an import**: *reproduced* means that the plan does the same. *Works* means that the import gives a plan with
  finite coefficients although the original raises an exception or returns NaN. *Error* means that the import gives no
  plan. An entry ends with the change that `--consistent` makes, if there is one.

N is the number of training timesteps and n the requested number of steps. D is the denoised prediction, and ᾱ is the
`alphas_cumprod` of diffusers. *Solvers of ε* extrapolate the noise prediction instead of D: `dpmsolver`,
`sde-dpmsolver`, `noise_prediction`, and UniPC with `predict_x0=False`. *Lint* is the check of `langevin lint`: every
step must have the mean and variance of the process, and begin where the one before ended.

| class | in the original | in an import |
|---|---|---|
";

    const AFTER: &str = "
## Messages of the command line

`langevin plan --from-diffusers` says on stderr if diffusers itself fails on a run. With `--consistent` it lists what
differs from the original's plan.

## Learned variances

A learned variance is the second half of a network's output. What happens to it depends on the class:

- The DPM-Solver family drops it for an ε-prediction, and the plan does the same. For other predictions the import
  gives an error.
- DDPM and UnCLIP use it as the variance of their noise. The import refuses such a config, because an evaluation in a
  plan turns the network's output into D and has no place for a second half.
- Another sampler on such a config draws no noise of that variance, and leaves the second half out.

## Parts of a run

A part of a run (`--start-at`, or `LangevinScheduler` in image-to-image pipelines) does what the original does.

## Not imported

- learned variances of DDPM and UnCLIP
- `solver_p` and `tau_func`
- schedulers whose states are tokens
- schedulers of networks with two times (FlowMapEuler)
- schedulers that enlarge the picture between stages (Helios)
- schedulers that integrate a policy of their own between network evaluations (Piflow)

An unknown class gives an error that lists the known ones.
";

    /// Returns the page, with a row for each quirk.
    fn page() -> String {
        let row = |(_, quirk): &(&str, Quirk)| {
            let library = if quirk.source == Source::KDiffusion { "k-diffusion " } else { "" };
            let consistent = quirk.consistent.map(|consistent| format!("; with `--consistent`: {consistent}"));
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
