//! Flags of the commands about plans.

use super::SamplerArgs;
use super::values::{self, finite, grid_steps, list, pair, setting, sigma};
use clap::Args;
use std::path::PathBuf;

/// Values of one argument, separated by commas.
pub type Numbers = std::vec::Vec<f64>;

/// Show a sampler as a table of numbers, or write it as a program
///
/// The table is printed to stdout. A note on stderr says whether every step keeps the marginal distribution. --emit writes a program without dependencies: the same samples, bit for bit in double precision. --emit onnx writes the plan and an ONNX network as one ONNX file, from noise to samples.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
#[command(mut_arg("from_diffusers", |arg| arg.conflicts_with_all(["process", "predict", "moves", "grid", "sigma_min", "sigma_max", "from_k", "clamp", "threshold", "guidance"])))]
#[command(mut_arg("set", |arg| arg.conflicts_with_all(["sampler", "moves"]).help(SET_HELP)))]
#[command(mut_arg("plan", |arg| arg.conflicts_with_all(["from_diffusers", "from_k", "sampler", "moves", "eta", "steps", "nfe", "grid", "sigma_min", "sigma_max", "start_at", "clamp", "threshold", "guidance"])))]
pub struct PlanArgs {
    /// A saved plan, in place of the flags that choose a sampler
    #[arg(value_name = "PLAN.json")]
    pub plan: Option<PathBuf>,
    #[arg(long, value_name = "P", required_unless_present_any = ["from_diffusers", "from_k", "plan", "tokens"], help = super::process_help())]
    pub process: Option<String>,
    /// A plan of tokens: the noise (masked or uniform), the letters and the tokens of a sequence, as in masked:27x12
    #[arg(long, value_name = "NOISE:VxD", conflicts_with_all = ["process", "predict", "plan", "from_diffusers", "from_k", "csv", "emit"])]
    pub tokens: Option<String>,
    /// The prediction of the network: x0, epsilon, score, v, velocity, edm [default: the denoised prediction D]
    #[arg(long, value_name = "Q")]
    pub predict: Option<String>,
    #[command(flatten)]
    pub sampler: SamplerArgs,
    #[command(flatten)]
    pub import: ImportArgs,
    /// Skip the first K steps and start from the input `init`, a noisy state at that level
    #[arg(long, value_name = "K")]
    pub start_at: Option<usize>,
    /// With --start-at: start from the input `image`, clean data, and add noise to it
    #[arg(long, requires = "start_at")]
    pub image: bool,
    /// Clamp every denoised prediction to this range
    #[arg(long, value_name = "MIN,MAX", value_parser = pair, allow_hyphen_values = true, conflicts_with = "threshold")]
    pub clamp: Option<(f64, f64)>,
    /// Apply dynamic thresholding to every denoised prediction: the quantile and the largest scale
    #[arg(long, value_name = "RATIO,MAX", value_parser = pair)]
    pub threshold: Option<(f64, f64)>,
    /// Guidance weight: D = D_u + W (D_c − D_u)
    #[arg(long, value_name = "W", value_parser = finite, allow_negative_numbers = true)]
    pub guidance: Option<f64>,
    /// Print the plan as JSON, version 1
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print the table as CSV
    #[arg(long)]
    pub csv: bool,
    /// Print a program that runs the plan: c, js, rust, swift or numpy; or, with --onnx, write the plan and its network as one file: onnx
    #[arg(long, value_name = "LANGUAGE", conflicts_with_all = ["json", "csv"])]
    pub emit: Option<String>,
    /// Write the plan to this file as JSON, or with --emit the program, and print no table
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "csv"])]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub around: AroundArgs,
}

/// The network that a plan is unrolled around.
#[derive(Debug, Args)]
#[group(skip)]
pub struct AroundArgs {
    /// The ONNX network of --process and --predict; a saved plan is for its own network without them
    #[arg(help_heading = ONNX, long, value_name = "FILE", requires_all = ["emit", "out"])]
    pub onnx: Option<PathBuf>,
    /// The time input of the network: time (of its process), scaled:1000, remaining:1000, lambda, quarter-log-sigma, log-sigma:F, angle [default: time]
    #[arg(help_heading = ONNX, long, value_name = "C", requires = "onnx")]
    pub clock: Option<String>,
    /// Scale the input as EDM does, for data with this standard deviation [default: no scaling]
    #[arg(help_heading = ONNX, long, value_name = "S", requires = "onnx", value_parser = sigma, allow_negative_numbers = true)]
    pub input_sigma_data: Option<f64>,
    /// The noise range of the training, in σ/α [default: that of a table, otherwise unlimited]
    #[arg(help_heading = ONNX, long, value_name = "MIN,MAX", requires = "onnx", value_parser = values::range, allow_negative_numbers = true)]
    pub trained_range: Option<[f64; 2]>,
    /// Normalisation of the data, x = (datum − SHIFT)/SCALE; the file returns data [default: 0,1]
    #[arg(help_heading = ONNX, long, value_name = "SHIFT,SCALE", requires = "onnx", value_parser = pair, allow_negative_numbers = true)]
    pub normalization: Option<(f64, f64)>,
    /// Name of an input that is neither the state nor the time, such as class_labels, and becomes an input of the file; may be repeated [default: found by names and shapes]
    #[arg(help_heading = ONNX, long, value_name = "NAME", requires = "onnx")]
    pub input: Vec<String>,
    /// Output of the network [default: the one with the shape of the state]
    #[arg(help_heading = ONNX, long, value_name = "NAME", requires = "onnx")]
    pub output: Option<String>,
}

/// The heading of the flags for --emit onnx.
const ONNX: &str = "With --emit onnx";

/// The help of --set for commands that also import from k-diffusion.
const SET_HELP: &str = "With --from-diffusers: an argument of the scheduler's `step`, as in s_churn=40 or use_clipped_model_output=true; with --from-k: an argument of the function; may be repeated";

/// Plans imported from other libraries.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    pub diffusers: DiffusersArgs,
    /// A sampler by its name in k-diffusion or ComfyUI, as in dpmpp_2m, or in A1111's list, as in 'DPM++ 2M Karras'; on VE unless --process says otherwise. Their schedules are known to --grid: simple, normal, sgm_uniform, ddim_uniform, beta, linear_quadratic, kl_optimal
    #[arg(long, value_name = "NAME", conflicts_with_all = ["sampler", "moves"])]
    pub from_k: Option<String>,
}

/// The heading of flags that give a plan or a config instead of a sampler.
const HEADING: &str = "Plans and configs";

/// A scheduler saved by diffusers, and the arguments of its call. Each command adds the flags that conflict with it.
#[derive(Debug, Args)]
#[group(skip)]
pub struct DiffusersArgs {
    /// Use the scheduler of diffusers in this scheduler_config.json or pipeline folder; with --sampler, that sampler on the scheduler's times and noise levels
    #[arg(help_heading = HEADING, long, value_name = "FILE")]
    pub from_diffusers: Option<PathBuf>,
    /// With --from-diffusers: fix the known bugs of the original
    #[arg(help_heading = HEADING, long, requires = "from_diffusers")]
    pub consistent: bool,
    /// With --from-diffusers: the mu of dynamic shifting
    #[arg(help_heading = HEADING, long, value_name = "M", requires = "from_diffusers", value_parser = finite, allow_negative_numbers = true)]
    pub mu: Option<f64>,
    /// With --from-diffusers and dynamic shifting: number of image tokens, from which mu and the levels are computed as pipelines do; 4096 for 1024 × 1024 pixels with tokens of 16 × 16
    #[arg(help_heading = HEADING, long, value_name = "N", requires = "from_diffusers", conflicts_with = "mu", value_parser = clap::value_parser!(u32).range(1..))]
    pub image_seq_len: Option<u32>,
    /// With --from-diffusers: reject config fields that no scheduler has, instead of ignoring them
    #[arg(help_heading = HEADING, long, requires = "from_diffusers")]
    pub strict: bool,
    /// With --from-diffusers: the noise levels, instead of --steps; FlowMatchEuler also accepts them together with --timesteps
    #[arg(help_heading = HEADING, long, value_name = "LIST", requires = "from_diffusers", value_parser = list)]
    pub sigmas: Option<Numbers>,
    /// With --from-diffusers: the times, instead of --steps
    #[arg(help_heading = HEADING, long, value_name = "LIST", requires = "from_diffusers", value_parser = list)]
    pub timesteps: Option<Numbers>,
    /// With --from-diffusers: an argument of the scheduler's `step`, as in s_churn=40 or use_clipped_model_output=true; may be repeated
    #[arg(help_heading = HEADING, long, value_name = "KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, serde_json::Value)>,
}

/// An existing plan, instead of the flags that choose a sampler.
#[derive(Debug, Args)]
#[group(skip)]
pub struct GivenPlanArgs {
    /// Use this plan instead of a sampler and steps: JSON from `plan --out`, `recommend --out` or Python's `to_json`. A plan for another network is converted exactly
    #[arg(help_heading = HEADING, long, value_name = "PLAN.json")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub diffusers: DiffusersArgs,
}

/// Describe a sampler: formula, moves, options, source, and a table of five steps
///
/// Without a name, all samplers are listed; the name `tokens` lists those of tokens, and tokens:NAME describes one.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct ExplainArgs {
    /// The sampler, with optional settings
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Print the BibTeX entry instead
    #[arg(long, requires = "name")]
    pub cite: bool,
    /// The process for the table
    #[arg(long, value_name = "P", default_value = langevin::request::REFERENCE_PROCESS)]
    pub process: String,
}

/// Compare two samplers as tables of numbers
///
/// Each is the JSON file of a plan, or a sampler with options and, after an @, a process: dpmpp-2m:solver=heun@ve. The comparison is of their effect: the
/// weights of every network input and of the result, in coordinates common to all processes.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct CompareArgs {
    /// A plan or a sampler
    #[arg(value_name = "A")]
    pub first: String,
    /// The plan or sampler to compare it with
    #[arg(value_name = "B")]
    pub second: String,
    /// With samplers named tokens:NAME: the noise, the letters and the tokens of a sequence, as in masked:27x12
    #[arg(long, value_name = "NOISE:VxD")]
    pub tokens: Option<String>,
    /// The process of samplers without an @
    #[arg(long, value_name = "P", default_value = langevin::request::REFERENCE_PROCESS)]
    pub process: String,
    /// Number of steps for samplers
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = super::grid_steps)]
    pub steps: usize,
    #[arg(long, value_name = "G", default_value = super::GRID, help = super::grid_help())]
    pub grid: String,
    /// The noise range MIN,MAX in σ/α [default: the usual range of each process]
    #[arg(long, value_name = "MIN,MAX", value_parser = super::values::range)]
    pub range: Option<[f64; 2]>,
    /// Relative precision below which differences do not count [default: the precision that a
    /// plan of another program states, else double precision]
    #[arg(long, value_name = "T", value_parser = super::values::precision, allow_negative_numbers = true)]
    pub tolerance: Option<f64>,
    /// Print the comparison as JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// Check a plan: format, marginals, order of times, and noise left at the end
///
/// A sampler is checked by its name too: `langevin lint dpmpp-2m`, or for tokens `langevin lint confidence --tokens masked:27x12`.
/// The exit code is 1 if a rule is broken or the file is not a plan.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct LintArgs {
    /// The JSON file of the plan, or the name of a sampler, with options as in confidence:gumbel=1
    #[arg(value_name = "PLAN.json|SAMPLER")]
    pub plan: PathBuf,
    /// A sampler of tokens: the noise (masked or uniform), the letters and the tokens of a sequence, as in masked:27x12
    #[arg(long, value_name = "NOISE:VxD")]
    pub tokens: Option<String>,
    /// With the name of a sampler: number of steps [default: 10]
    #[arg(long, value_name = "N", value_parser = grid_steps, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Relative precision of the plan's numbers [default: what the plan states, else double
    /// precision]
    #[arg(long, value_name = "T", value_parser = super::values::precision, allow_negative_numbers = true)]
    pub tolerance: Option<f64>,
    /// Print the findings as JSON on stdout
    #[arg(long)]
    pub json: bool,
}
