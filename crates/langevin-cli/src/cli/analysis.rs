//! Flags of the commands about the exact error on Gaussian data.

use super::given::Flags;
use super::values::{finite, grid_steps, sigma, sigma_or_inf, whole};
use super::{FileArgs, NetworkArgs};
use clap::{Args, ValueEnum};
use langevin::sampler::{Entry, Facts};
use std::path::PathBuf;

/// Values of one argument, separated by commas.
pub type Counts = std::vec::Vec<usize>;

fn counts(text: &str) -> Result<Counts, String> {
    let counts: Result<Counts, String> = text.split(',').map(|part| grid_steps(part.trim())).collect();
    counts.map_err(|_| "expected whole numbers from 1 to 100000, with commas between them".to_owned())
}

pub fn budget(text: &str) -> Result<usize, String> {
    whole(text, langevin_analysis::recommend::MAX_NFE as u64).map(|value| value as usize)
}

/// The value of --nfe: none, numbers, or a file.
#[derive(Clone, Debug)]
pub enum Evaluations {
    /// The flag without a value: the numbers of --steps count evaluations.
    OfSteps,
    /// Numbers of evaluations.
    These(Counts),
    /// A plan or a model. In earlier versions the flag took no value, and the next word was a file.
    File(PathBuf),
}

fn evaluations(text: &str) -> Result<Evaluations, String> {
    match text.chars().next() {
        None => Ok(Evaluations::OfSteps),
        Some(c) if c.is_ascii_digit() && !text.contains('.') || c == '-' => counts(text).map(Evaluations::These),
        Some(_) => Ok(Evaluations::File(text.into())),
    }
}

impl AnalyzeArgs {
    /// Returns the plans and models.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let behind = match &self.nfe {
            Some(Evaluations::File(path)) => Some(path),
            _ => None,
        };
        self.plans.iter().chain(behind)
    }
}

fn samplers_help() -> String {
    // Samplers with an input or with guidance do not map noise to data on their own.
    let plain = |facts: &Facts| !facts.guided && facts.inputs.is_empty();
    let left_out = Entry::all().iter().filter(|entry| plain(&entry.facts) && !entry.facts.recommended);
    let names: Vec<&str> = left_out.map(|entry| entry.name).collect();
    let names = match &names[..] {
        [some @ .., last] if !some.is_empty() => format!("{} and {last}", some.join(", ")),
        names => names.join(", "),
    };
    format!("Only these samplers [default: all that go from noise to the data, but {names}]")
}

/// The Gaussian data.
#[derive(Debug, Args)]
pub struct SpectrumArgs {
    /// Eigenvalues of the covariance of the data: power:P:d=D, or a file (.npy or .csv with one column, or a .json list)
    #[arg(long, value_name = "SPECTRUM", conflicts_with = "data")]
    pub spectrum: Option<String>,
    /// Use the mean and covariance of these data: a name or a file, as for `train --data`, or a model, for its training data
    #[arg(long, value_name = "DATA")]
    pub data: Option<String>,
    /// Do not scale the rows of --data. By default they are scaled as `train` scales them: each column of a table to mean 0 and standard deviation 1, pictures to [−1, 1]
    #[arg(long, requires = "data", conflicts_with = "spectrum")]
    pub raw: bool,
    #[command(flatten)]
    pub file: FileArgs,
}

/// The range of the grids.
#[derive(Clone, Debug, Args)]
pub struct RangeArgs {
    #[arg(long, value_name = "S", value_parser = sigma, allow_negative_numbers = true, help = super::sigma_min_help())]
    pub sigma_min: Option<f64>,
    #[arg(long, value_name = "S", value_parser = sigma_or_inf, allow_negative_numbers = true, help = super::sigma_max_help())]
    pub sigma_max: Option<f64>,
}

/// Compute the exact error of samplers on Gaussian data, without sampling
///
/// Separate list entries with commas: --sampler ddim,heun:churn=40,tmin=0.05 --grid karras,beta:0.6,0.6. By default, the usual samplers are compared on the spectrum power:2:d=3072. W2 is in
/// the units named in the first line of the table, KL(data ‖ model) in nats; lower is better for both. The table is printed to stdout.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct AnalyzeArgs {
    /// The flags that were given.
    #[arg(skip)]
    pub flags: Flags,
    /// Plans written by `langevin plan --json`, or a model, which supplies the process, the noise levels and the data; with --exact a model of tokens, whose samples are compared with the density
    #[arg(value_name = "PLAN.json|MODEL")]
    pub plans: Vec<PathBuf>,
    /// An ONNX network, which supplies the process and the noise levels
    #[arg(long, value_name = "FILE", conflicts_with = "plans", requires_all = ["process", "predict"])]
    pub onnx: Option<PathBuf>,
    /// A density of tokens, such as chain:3x5, ising:8 or connected:6: the exact law of samplers of tokens on it, or of a model that learned it
    #[arg(long, value_name = "NAME", conflicts_with = "onnx")]
    pub exact: Option<String>,
    #[command(flatten)]
    pub trained_as: NetworkArgs,
    /// Samplers with their options [default: ddim,ddpm,dpmpp-2m,adams2,dpmpp-2m-sde,heun,unipc,deis]
    #[arg(long, value_name = "LIST")]
    pub sampler: Option<String>,
    #[arg(long, value_name = "LIST", help = format!("Grids [default: {}]", langevin::request::GRID))]
    pub grid: Option<String>,
    /// Steps of the grids [default: 5,10,20,50]
    #[arg(long, value_name = "LIST", value_parser = counts, allow_negative_numbers = true)]
    pub steps: Option<Counts>,
    #[arg(long, value_name = "P", help = format!("{} [default: the model's; {} without one]", super::process_help(), langevin::request::REFERENCE_PROCESS))]
    pub process: Option<String>,
    #[command(flatten)]
    pub spectrum: SpectrumArgs,
    /// Assume a network whose ε is (1 + δ) times the exact one
    #[arg(long, value_name = "δ", default_value_t = 0.0, value_parser = finite, allow_negative_numbers = true)]
    pub score_error: f64,
    #[command(flatten)]
    pub range: RangeArgs,
    /// Give budgets of network evaluations instead of steps; without values, the numbers of --steps are budgets
    #[arg(long, value_name = "LIST", num_args = 0..=1, default_missing_value = "", value_parser = evaluations, allow_negative_numbers = true)]
    pub nfe: Option<Evaluations>,
    /// Show the sources of each error (always shown for a single plan)
    #[arg(long)]
    pub sources: bool,
    /// Print the results as JSON on stdout
    #[arg(long)]
    pub json: bool,
    /// Write an HTML page with W2 plotted against evaluations
    #[arg(long, value_name = "FILE.html")]
    pub plot: Option<PathBuf>,
}

/// The error by which samplers are ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The Wasserstein distance
    W2,
    /// The KL divergence of the data from the model
    Kl,
}

/// Find the sampler and grid with the smallest exact error on Gaussian data like yours
///
/// Every linear sampler is tried on every grid, with as many steps as the budget allows. The ten best are printed, with the commands that use the first one. Plans are ranked by
/// their typical error over step counts within 25 % of their own, because the error at a single step count can be small by chance. A model saved by `langevin train` supplies the process, the noise levels and the
/// mean and covariance of its training data; the plan is made for its network, and --measure tries the first plans on it.
/// For tokens, orders and sizes of masked noise are ranked by their excess on held-out data, with --nfe, --data, --tune, --seed and --out; a figure of a random order is an upper bound.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
#[command(group = clap::ArgGroup::new("trials").args(["measure", "tune"]).multiple(true))]
pub struct RecommendArgs {
    /// The flags that were given.
    #[arg(skip)]
    pub flags: Flags,
    /// A model saved by `langevin train`
    #[arg(value_name = "MODEL")]
    pub network: Option<PathBuf>,
    #[command(flatten)]
    pub spectrum: SpectrumArgs,
    /// A density of tokens, such as chain:8x64: the best order and sizes for masked tokens
    #[arg(long, value_name = "NAME", conflicts_with_all = ["network", "model", "onnx", "spectrum", "data"])]
    pub exact: Option<String>,
    /// Same as MODEL
    #[arg(long, value_name = "MODEL", conflicts_with = "network")]
    pub model: Option<PathBuf>,
    /// An ONNX network; describe it with --process, --predict and --clock, or with --noise if it returns logits of tokens
    #[arg(long, value_name = "FILE", conflicts_with_all = ["network", "model"])]
    pub onnx: Option<PathBuf>,
    /// Tokens: the noise of an ONNX network, which must be masked
    #[arg(long, value_name = "NOISE", requires = "onnx", help_heading = "With --onnx")]
    pub noise: Option<String>,
    /// Tokens: the identifier of the mask of an ONNX network
    #[arg(long, value_name = "N", requires = "noise", help_heading = "With --onnx")]
    pub mask_id: Option<usize>,
    #[command(flatten)]
    pub trained_as: NetworkArgs,
    /// Network evaluations per sample, at most 2047
    #[arg(long, value_name = "N", value_parser = budget, allow_negative_numbers = true)]
    pub nfe: usize,
    /// Try the first K deterministic plans [default: 5] on the model, and choose the one whose samples end nearest to those of a fine reference from the same noise
    #[arg(long, value_name = "K", num_args = 0..=1, default_missing_value = "5", value_parser = super::values::count, allow_negative_numbers = true)]
    pub measure: Option<usize>,
    /// Also fit a plan to the model as `langevin tune` does; --out then writes the better plan
    #[arg(long)]
    pub tune: bool,
    #[arg(long, value_name = "P", help = format!("The process of the states [default: the model's; {} without one]", langevin::request::REFERENCE_PROCESS))]
    pub process: Option<String>,
    /// Rank by the typical error over step counts within this share of the plan's own; 0 uses the plan's own step count only
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, value_parser = super::values::part, allow_negative_numbers = true)]
    pub neighbours: f64,
    /// Assume a network whose ε is 1 ± δ times the exact one, whichever is worse
    #[arg(long, value_name = "δ", default_value_t = 0.0, value_parser = finite)]
    pub score_error: f64,
    /// The error to rank by
    #[arg(long, value_enum, value_name = "BY", default_value = "w2")]
    pub by: By,
    #[arg(long, value_name = "LIST", help = samplers_help())]
    pub sampler: Option<String>,
    #[arg(long, value_name = "LIST", help = format!("Only these grids [default: {}]", langevin_analysis::recommend::GRIDS.join(",")))]
    pub grid: Option<String>,
    #[command(flatten)]
    pub range: RangeArgs,
    /// Write the best plan to this file [default: no file is written]
    #[arg(long, value_name = "PLAN.json")]
    pub out: Option<PathBuf>,
    /// With --measure or --tune: the seed of the samples
    #[arg(long, value_name = "S", default_value = "0", requires = "trials", value_parser = super::values::seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// With --measure or --tune: threads [default: as many as there are cores]
    #[arg(long, value_name = "T", requires = "trials", value_parser = super::values::threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Print the ranking as JSON on stdout
    #[arg(long)]
    pub json: bool,
}
