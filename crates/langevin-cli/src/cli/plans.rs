//! Flags of the commands about plans.

use super::SamplerArgs;
use super::values::{finite, list, pair, setting};
use clap::Args;
use std::path::PathBuf;

/// A list in one argument.
pub type Numbers = std::vec::Vec<f64>;

/// Show a sampler as a table of numbers
///
/// The table goes to stdout; whether every move keeps its marginal, to stderr.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
#[command(mut_arg("from_diffusers", |arg| arg.conflicts_with_all(["process", "predict", "moves", "grid", "sigma_min", "sigma_max", "from_k", "clamp", "threshold", "guidance"])))]
#[command(mut_arg("set", |arg| arg.conflicts_with_all(["sampler", "moves"]).help(SET_HELP)))]
pub struct PlanArgs {
    #[arg(long, value_name = "P", required_unless_present_any = ["from_diffusers", "from_k"], help = super::process_help())]
    pub process: Option<String>,
    /// Compile for a network that predicts this: x0, epsilon, score, v, velocity, edm [default: for one that gives D]
    #[arg(long, value_name = "Q")]
    pub predict: Option<String>,
    #[command(flatten)]
    pub sampler: SamplerArgs,
    #[command(flatten)]
    pub import: ImportArgs,
    /// Leave out the first K steps, and start from the input `init`: a state that stands there
    #[arg(long, value_name = "K")]
    pub start_at: Option<usize>,
    /// With --start-at: start from the input `image`, clean data, and noise it
    #[arg(long, requires = "start_at")]
    pub image: bool,
    /// Clamp every D into this range
    #[arg(long, value_name = "MIN,MAX", value_parser = pair, allow_hyphen_values = true, conflicts_with = "threshold")]
    pub clamp: Option<(f64, f64)>,
    /// Dynamic thresholding of every D: the quantile, and the largest scale
    #[arg(long, value_name = "RATIO,MAX", value_parser = pair)]
    pub threshold: Option<(f64, f64)>,
    /// Guide with the unconditional branch: D = D_u + W (D_c − D_u)
    #[arg(long, value_name = "W", value_parser = finite, allow_negative_numbers = true)]
    pub guidance: Option<f64>,
    /// The plan as JSON, version 1
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// The table as CSV
    #[arg(long)]
    pub csv: bool,
    /// Write the plan into this file, as JSON, and print nothing else
    #[arg(long, value_name = "PLAN.json", conflicts_with_all = ["json", "csv"])]
    pub out: Option<PathBuf>,
}

/// The help of --set where plans of k-diffusion can be asked for too.
const SET_HELP: &str = "With --from-diffusers: an argument of its `step`, as in s_churn=40 or use_clipped_model_output=true; with --from-k: one of the function's; may be repeated";

/// A plan that another library describes.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    pub diffusers: DiffusersArgs,
    /// A sampler by its name in k-diffusion or ComfyUI, as in dpmpp_2m, or in A1111's list, as in 'DPM++ 2M Karras'; on VE unless --process says otherwise. Their schedules are known to --grid: simple, normal, sgm_uniform, ddim_uniform, beta, linear_quadratic, kl_optimal
    #[arg(long, value_name = "NAME", conflicts_with_all = ["sampler", "moves"])]
    pub from_k: Option<String>,
}

/// The heading in the help of flags that give a plan or a config instead of a sampler.
const HEADING: &str = "Plans and configs";

/// A scheduler that diffusers saved, and how it is called. The commands that have it say what else conflicts with it.
#[derive(Debug, Args)]
#[group(skip)]
pub struct DiffusersArgs {
    /// Read a scheduler_config.json that diffusers saved, or the folder of a pipeline: the plan of its scheduler, or that of --sampler on its times and noise levels
    #[arg(help_heading = HEADING, long, value_name = "FILE")]
    pub from_diffusers: Option<PathBuf>,
    /// With --from-diffusers: mend what is known to be wrong in the original
    #[arg(help_heading = HEADING, long, requires = "from_diffusers")]
    pub consistent: bool,
    /// With --from-diffusers: mu of dynamic shifting
    #[arg(help_heading = HEADING, long, value_name = "M", requires = "from_diffusers", value_parser = finite, allow_negative_numbers = true)]
    pub mu: Option<f64>,
    /// With --from-diffusers and dynamic shifting: the tokens of the picture, from which mu and the levels are made as pipelines make them; 4096 for 1024 × 1024 where a token is 16 pixels wide
    #[arg(help_heading = HEADING, long, value_name = "N", requires = "from_diffusers", conflicts_with = "mu", value_parser = clap::value_parser!(u32).range(1..))]
    pub image_seq_len: Option<u32>,
    /// With --from-diffusers: refuse fields that no scheduler has, which are passed over otherwise
    #[arg(help_heading = HEADING, long, requires = "from_diffusers")]
    pub strict: bool,
    /// With --from-diffusers: the noise levels, in place of --steps; FlowMatchEuler takes them together with --timesteps
    #[arg(help_heading = HEADING, long, value_name = "LIST", requires = "from_diffusers", value_parser = list)]
    pub sigmas: Option<Numbers>,
    /// With --from-diffusers: the times, in place of --steps
    #[arg(help_heading = HEADING, long, value_name = "LIST", requires = "from_diffusers", value_parser = list)]
    pub timesteps: Option<Numbers>,
    /// With --from-diffusers: an argument of its `step`, as in s_churn=40 or use_clipped_model_output=true; may be repeated
    #[arg(help_heading = HEADING, long, value_name = "KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, serde_json::Value)>,
}

/// A plan that is there already, in place of the flags that choose a sampler.
#[derive(Debug, Args)]
#[group(skip)]
pub struct GivenPlanArgs {
    /// Follow this plan, in place of a sampler and its steps: JSON of `plan --out`, `recommend --out` or Python's `to_json`. A plan for another network is converted, exactly
    #[arg(help_heading = HEADING, long, value_name = "PLAN.json")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub diffusers: DiffusersArgs,
}

/// Say what a sampler is: formula, moves, options, source, and a table of five steps
///
/// Without a name it lists all samplers.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct ExplainArgs {
    /// The sampler, with or without options
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Print its BibTeX instead
    #[arg(long, requires = "name")]
    pub cite: bool,
    /// The process of the table
    #[arg(long, value_name = "P", default_value = langevin::request::REFERENCE_PROCESS)]
    pub process: String,
}

/// Compare two samplers as tables of numbers
///
/// Each is a plan's JSON file, or a sampler with its options and, after an @, its process: dpmpp-2m:solver=heun@ve. They are compared by what they do: the
/// weights of every state that the network sees and of the result, in coordinates that all processes share.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct CompareArgs {
    /// A plan or a sampler
    #[arg(value_name = "A")]
    pub first: String,
    /// Another one
    #[arg(value_name = "B")]
    pub second: String,
    /// The process of samplers that name none
    #[arg(long, value_name = "P", default_value = langevin::request::REFERENCE_PROCESS)]
    pub process: String,
    /// Steps of the grid that samplers are compiled on
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = super::grid_steps)]
    pub steps: usize,
    #[arg(long, value_name = "G", default_value = super::GRID, help = super::grid_help())]
    pub grid: String,
    /// The grid's range in σ/α, MIN,MAX [default: that of each process]
    #[arg(long, value_name = "MIN,MAX", value_parser = super::values::range)]
    pub range: Option<[f64; 2]>,
    /// Print the comparison as JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// Check a plan from outside: its form, its marginals, the order of its times, its last noise
///
/// Exit code 1 where a rule is broken or the file is no plan.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct LintArgs {
    /// The plan
    #[arg(value_name = "PLAN.json")]
    pub plan: PathBuf,
    /// Print the findings as JSON on stdout
    #[arg(long)]
    pub json: bool,
}
