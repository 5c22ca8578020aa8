//! Flags of the commands about the exact error on Gaussian data.

use super::values::{finite, grid_steps, sigma, sigma_or_inf, whole};
use super::{FileArgs, NetworkArgs};
use clap::{Args, ValueEnum};
use langevin::sampler::{Entry, Facts};
use std::path::PathBuf;

/// A list in one argument.
pub type Counts = std::vec::Vec<usize>;

fn counts(text: &str) -> Result<Counts, String> {
    let counts: Result<Counts, String> = text.split(',').map(|part| grid_steps(part.trim())).collect();
    counts.map_err(|_| "expected whole numbers from 1 to 100000, with commas between them".to_owned())
}

fn budget(text: &str) -> Result<usize, String> {
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
    /// The eigenvalues of the data's covariance: power:P:d=D, or a file of them (.npy or .csv of one column, .json list)
    #[arg(long, value_name = "SPECTRUM", conflicts_with = "data")]
    pub spectrum: Option<String>,
    /// The Gaussian with the mean and covariance of these data: a name or a file, as `train --data` takes, or a model, for the data that it was trained on
    #[arg(long, value_name = "DATA")]
    pub data: Option<String>,
    /// Take the rows of --data in their own units. Without it they are scaled as `train` scales them: each column of a table to mean 0 and standard deviation 1, pictures to [−1, 1]
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

/// The exact error of samplers on Gaussian data, with no sampling
///
/// Lists take commas: --sampler ddim,heun:churn=40,tmin=0.05 --grid karras,beta:0.6,0.6. Without plans and samplers the usual samplers are compared, without --spectrum and --data on power:2:d=3072. W2 is in
/// the units that the first line of the table names, KL(data ‖ model) in nats. The table goes to stdout.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct AnalyzeArgs {
    /// Plans, as `langevin plan --json` prints them; or a model, whose process, noise levels and data are taken
    #[arg(value_name = "PLAN.json|MODEL")]
    pub plans: Vec<PathBuf>,
    /// A network trained elsewhere: its process and noise levels are taken
    #[arg(long, value_name = "FILE", conflicts_with = "plans", requires_all = ["process", "predict"])]
    pub onnx: Option<PathBuf>,
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
    /// The network's ε is (1 + δ) times the exact one
    #[arg(long, value_name = "δ", default_value_t = 0.0, value_parser = finite, allow_negative_numbers = true)]
    pub score_error: f64,
    #[command(flatten)]
    pub range: RangeArgs,
    /// Count evaluations in place of steps: as many steps as fit in each of these numbers, or in each number of --steps
    #[arg(long, value_name = "LIST", num_args = 0..=1, default_missing_value = "", value_parser = evaluations, allow_negative_numbers = true)]
    pub nfe: Option<Evaluations>,
    /// Tell the sources of each error apart, as is done for a single plan
    #[arg(long)]
    pub sources: bool,
    /// Print the results as JSON on stdout
    #[arg(long)]
    pub json: bool,
    /// Draw W2 against evaluations, as a page
    #[arg(long, value_name = "FILE.html")]
    pub plot: Option<PathBuf>,
}

/// What the best sampler has least of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The Wasserstein distance
    W2,
    /// The KL divergence of the data from the model
    Kl,
}

/// Find the sampler and the grid with the smallest exact error on Gaussian data like yours
///
/// Every linear sampler goes from noise to the data on every grid, in as many steps as fit. The ten best go to stdout, with the commands that use the first. Plans are ranked by
/// their typical error over step counts within a quarter of their own, since a single count may be lucky. For a model that `langevin train` saved, its process, its noise levels and the mean and covariance
/// of its data are taken, the plan is made for its network, and --measure tries the first plans on it.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct RecommendArgs {
    /// A model saved by `langevin train`
    #[arg(value_name = "MODEL")]
    pub network: Option<PathBuf>,
    #[command(flatten)]
    pub spectrum: SpectrumArgs,
    /// The same as MODEL
    #[arg(long, value_name = "MODEL", conflicts_with = "network")]
    pub model: Option<PathBuf>,
    /// A network trained elsewhere, through ONNX Runtime: say what it is with --process, --predict and --clock
    #[arg(long, value_name = "FILE", conflicts_with_all = ["network", "model"], requires_all = ["process", "predict"])]
    pub onnx: Option<PathBuf>,
    #[command(flatten)]
    pub trained_as: NetworkArgs,
    /// Evaluations that a sample may cost, at most 2047
    #[arg(long, value_name = "N", value_parser = budget, allow_negative_numbers = true)]
    pub nfe: usize,
    /// Draw samples with the first K plans of the ranking that are deterministic [default: 5], and with a fine reference from the same noise; the plan that ends nearest is chosen. Takes a model
    #[arg(long, value_name = "K", num_args = 0..=1, default_missing_value = "5", value_parser = super::values::count, allow_negative_numbers = true)]
    pub measure: Option<usize>,
    #[arg(long, value_name = "P", help = format!("The process of the states [default: the model's; {} without one]", langevin::request::REFERENCE_PROCESS))]
    pub process: Option<String>,
    /// Rank by the typical error over step counts within this share of the plan's own; 0: by its own step count alone
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, value_parser = super::values::part, allow_negative_numbers = true)]
    pub neighbours: f64,
    /// The network's ε is 1 ± δ times the exact one, whichever is worse
    #[arg(long, value_name = "δ", default_value_t = 0.0, value_parser = finite)]
    pub score_error: f64,
    /// What to rank by
    #[arg(long, value_enum, value_name = "BY", default_value = "w2")]
    pub by: By,
    #[arg(long, value_name = "LIST", help = samplers_help())]
    pub sampler: Option<String>,
    #[arg(long, value_name = "LIST", help = format!("Only these grids [default: {}]", langevin_analysis::recommend::GRIDS.join(",")))]
    pub grid: Option<String>,
    #[command(flatten)]
    pub range: RangeArgs,
    /// Write the best plan into this file [default: no file is written]
    #[arg(long, value_name = "PLAN.json")]
    pub out: Option<PathBuf>,
    /// With --measure: the seed of the samples
    #[arg(long, value_name = "S", default_value = "0", requires = "measure", value_parser = super::values::seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// With --measure: threads [default: as many as there are cores]
    #[arg(long, value_name = "T", requires = "measure", value_parser = super::values::threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Print the ranking as JSON on stdout
    #[arg(long)]
    pub json: bool,
}
