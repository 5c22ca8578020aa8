//! The flags of the commands about the exact error on Gaussian data.

use super::values::{finite, grid_steps, sigma, sigma_or_inf, whole};
use super::{FileArgs, NetworkArgs};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// A list in one argument.
pub type Counts = std::vec::Vec<usize>;

fn counts(text: &str) -> Result<Counts, String> {
    let counts: Result<Counts, String> = text.split(',').map(|part| grid_steps(part.trim())).collect();
    counts.map_err(|_| "expected whole numbers from 1 to 100000, with commas between them".to_owned())
}

fn evaluations(text: &str) -> Result<usize, String> {
    whole(text, langevin::recommend::MAX_NFE as u64).map(|value| value as usize)
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
    #[command(flatten)]
    pub file: FileArgs,
}

/// The range of the grids.
#[derive(Clone, Debug, Args)]
pub struct RangeArgs {
    /// The cleanest noise level before the end, in σ/α [default: 0.002, or a table's first]
    #[arg(long, value_name = "S", value_parser = sigma, allow_negative_numbers = true)]
    pub sigma_min: Option<f64>,
    /// The noise level of the start, in σ/α; inf: pure noise [default: 80, or as far as the process goes]
    #[arg(long, value_name = "S", value_parser = sigma_or_inf, allow_negative_numbers = true)]
    pub sigma_max: Option<f64>,
}

/// The exact error of samplers on Gaussian data, with no sampling
///
/// Lists take commas: --sampler ddim,heun:churn=40,tmin=0.05 --grid karras,beta:0.6,0.6. Without plans and samplers the usual samplers are compared, without --spectrum and --data on power:2:d=3072. W2 is in
/// the units of the data, KL(data ‖ model) in nats. The table goes to stdout.
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
    /// Grids [default: karras]
    #[arg(long, value_name = "LIST")]
    pub grid: Option<String>,
    /// Steps of the grids [default: 5,10,20,50]
    #[arg(long, value_name = "LIST", value_parser = counts, allow_negative_numbers = true)]
    pub steps: Option<Counts>,
    #[arg(long, value_name = "P", help = format!("{} [default: the model's; vp without one]", super::process_help()))]
    pub process: Option<String>,
    #[command(flatten)]
    pub spectrum: SpectrumArgs,
    /// The network's ε is (1 + δ) times the exact one
    #[arg(long, value_name = "δ", default_value_t = 0.0, value_parser = finite, allow_negative_numbers = true)]
    pub score_error: f64,
    #[command(flatten)]
    pub range: RangeArgs,
    /// Count evaluations in place of steps: as many steps as fit in each number of --steps
    #[arg(long)]
    pub nfe: bool,
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
/// Every linear sampler goes from noise to the data on every grid, in as many steps as fit. The ten best go to stdout, the best plan into a file. For a model
/// that `langevin train` saved, its process, its noise levels and the mean and covariance of its data are taken, and the plan is made for its network.
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
    #[arg(long, value_name = "N", value_parser = evaluations, allow_negative_numbers = true)]
    pub nfe: usize,
    /// The process of the states [default: the model's; vp without one]
    #[arg(long, value_name = "P")]
    pub process: Option<String>,
    /// The network's ε is 1 ± δ times the exact one, whichever is worse
    #[arg(long, value_name = "δ", default_value_t = 0.0, value_parser = finite)]
    pub score_error: f64,
    /// What to rank by
    #[arg(long, value_enum, value_name = "BY", default_value = "w2")]
    pub by: By,
    /// Only these samplers [default: all that go from noise to the data, but lcm, tcd, restart and annealed-langevin]
    #[arg(long, value_name = "LIST")]
    pub sampler: Option<String>,
    /// Only these grids [default: karras,uniform-lambda,uniform-t,beta,poly-exponential:2,flow-shift:1,flow-shift:3,linspace,trailing]
    #[arg(long, value_name = "LIST")]
    pub grid: Option<String>,
    #[command(flatten)]
    pub range: RangeArgs,
    /// Where to write the best plan
    #[arg(long, value_name = "PLAN.json", default_value = "recommended.json")]
    pub out: PathBuf,
    /// Print the ranking as JSON on stdout
    #[arg(long)]
    pub json: bool,
}
