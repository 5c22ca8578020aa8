//! Flags of the commands that measure: claims, objectives, likelihoods, causes of error, duality.

use super::given::Flags;
use super::values::{chain_steps, count, eta, grid_steps, seconds, seed, seeds, sigma, threads, tolerance};
use super::{ConditionArgs, DeviceArgs, FileArgs, GivenPlanArgs, SamplerArgs, SourceArgs, UncondArgs};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Measure the paper's claims one by one, on densities known in closed form
///
/// Each line shows the claim, the computed quantity, its value, the bound and the verdict. The exit code is 1 if a claim does not hold.
/// Without a list, the 41 claims on continuous data are measured; 'discrete' stands for those on tokens, D1 and up.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct VerifyArgs {
    /// Only these claims, as in 1-4,17 or D3; 'discrete' for all on discrete data
    #[arg(value_name = "LIST", conflicts_with = "only")]
    pub list: Option<String>,
    /// Only these claims, the same as LIST
    #[arg(long, value_name = "LIST")]
    pub only: Option<String>,
    /// Print an array of {number, claim, source, figure, bound, pass}
    #[arg(long)]
    pub json: bool,
}

/// Show the effective loss weight of a training objective over noise levels
///
/// Any formulation, weight and density of noise levels is shown on one axis, as the weight w(λ)·p(λ) of the squared error in ε. The output says whether the loss bounds the likelihood.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct ObjectiveArgs {
    #[arg(long, value_name = "P", default_value = "rectified-flow", help = super::process_help())]
    pub process: String,
    /// Quantity that the network predicts: x0, epsilon, score, v, velocity, edm
    #[arg(long, value_name = "Q", default_value = "velocity")]
    pub predict: String,
    #[arg(long, value_name = "W", default_value = "plain", help = super::weight_help())]
    pub weight: String,
    #[arg(long, value_name = "D", help = super::times_help())]
    pub times: Option<String>,
    /// The cleanest noise level, in σ/α
    #[arg(long, value_name = "S", default_value = "0.002", value_parser = sigma, allow_negative_numbers = true)]
    pub sigma_min: f64,
    /// The noisiest noise level, in σ/α
    #[arg(long, value_name = "S", default_value = "80", value_parser = sigma, allow_negative_numbers = true)]
    pub sigma_max: f64,
    /// Number of levels to show
    #[arg(long, value_name = "N", default_value = "17", value_parser = count, allow_negative_numbers = true)]
    pub points: usize,
    /// Write an HTML page with the weight plotted
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Print the objective as JSON
    #[arg(long)]
    pub json: bool,
}

/// The likelihood to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// An upper bound on −log p of the SDE model (h = g)
    Bound,
    /// The density of the ODE model (h = 0)
    Ode,
}

/// Measure how likely data are under a model
///
/// Computes a bound for the SDE model or the density of the ODE model, in nats and bits per dimension, in the units of the data; lower is better. With a trained network the two models are
/// different distributions, so neither number bounds the other. Whole numbers are dequantised: a number drawn from [0, 1) is added to each.
/// A plan only sets the range of noise levels: the likelihood is that of the continuous-time model between them.
/// A model of tokens has a bound in nats a sequence, and with --exact the value itself for short sequences and small graphs.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct LikelihoodArgs {
    /// The flags that were given.
    #[arg(skip)]
    pub flags: Flags,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[arg(long, value_name = "DATA", help = super::rows_help())]
    pub data: Option<String>,
    #[command(flatten)]
    pub file: FileArgs,
    /// Tokens: the exact likelihood, summed over all orders of unmasking, for sequences of at most 16 tokens; --exact without a name means the same
    #[arg(long)]
    pub exact_likelihood: bool,
    /// Use only held-out rows (train --hold-out)
    #[arg(long)]
    pub held_out: bool,
    /// Use the first N rows
    #[arg(short = 'n', long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub count: Option<usize>,
    /// Use the model in another formulation (process, or process:prediction), by exact conversion, as in ve or vp:score; the likelihood does not change [default: as trained]
    #[arg(long = "as", visible_alias = "process", value_name = "P[:Q]")]
    pub read_as: Option<String>,
    /// The likelihood to measure
    #[arg(long, value_enum, value_name = "M", default_value = "bound")]
    pub method: Method,
    /// h/g of the model: 1 for the bound, 0 for the density
    #[arg(long, value_name = "H", value_parser = eta, allow_negative_numbers = true)]
    pub eta: Option<f64>,
    /// With --method bound: noise levels per row [default: 64]; for tokens the rounds, each of one evaluation for every number of known tokens, or of 16 noise levels without a mask [default: 1]
    #[arg(long, value_name = "K", value_parser = count, allow_negative_numbers = true)]
    pub levels: Option<usize>,
    /// With --method ode: how to compute the divergence, exact or hutchinson:K with K random probes [default: exact up to 16 elements, else hutchinson:8]
    #[arg(long, value_name = "D")]
    pub divergence: Option<String>,
    /// With --method ode: the error tolerance of a step [default: 1e-5]
    #[arg(long, value_name = "T", value_parser = tolerance, allow_negative_numbers = true)]
    pub tolerance: Option<f64>,
    /// The cleanest noise level, in σ/α [default: that of the training, or 0.002]
    #[arg(long, value_name = "S", value_parser = sigma, allow_negative_numbers = true)]
    pub sigma_min: Option<f64>,
    /// The noisiest noise level, where the model starts, in σ/α [default: that of the training, or 80]
    #[arg(long, value_name = "S", value_parser = sigma, allow_negative_numbers = true)]
    pub sigma_max: Option<f64>,
    #[command(flatten)]
    pub given: GivenPlanArgs,
    /// With --from-diffusers: number of steps
    #[arg(help_heading = "Plans and configs", long, value_name = "N", requires = "from_diffusers", value_parser = grid_steps, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Random seed
    #[arg(long, value_name = "S", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads [default: all cores]; they do not change the result
    #[arg(long, value_name = "T", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Write −log p of every row and its standard error to a .csv, .tsv, .csv.gz, .tsv.gz, .parquet or .npy file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print a summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// Find the sources of error in a model's samples: start, truncation, discretisation and score
///
/// Reports each cause in nats and as a distance, its share, and what to do about it. Start, truncation and discretisation are exact for the Gaussian with the
/// mean and covariance of the data; figures from the model's own samples and likelihoods are marked as indicative. The sampling noise is shown beside them.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct DiagnoseArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[arg(long, value_name = "DATA", help = super::rows_help())]
    pub data: String,
    #[command(flatten)]
    pub file: FileArgs,
    /// Use only held-out rows (train --hold-out)
    #[arg(long)]
    pub held_out: bool,
    /// Use the model in another formulation (process, or process:prediction), by exact conversion, as in ve or vp:score [default: as trained]
    #[arg(long = "as", visible_alias = "process", value_name = "P[:Q]")]
    pub read_as: Option<String>,
    #[command(flatten)]
    pub sampler: SamplerArgs,
    #[command(flatten)]
    pub given: GivenPlanArgs,
    /// Number of samples
    #[arg(short = 'n', long = "count", value_name = "COUNT", default_value = "1000", value_parser = count, allow_negative_numbers = true)]
    pub count: usize,
    /// Number of rows for the likelihoods
    #[arg(long, value_name = "N", default_value = "256", value_parser = count, allow_negative_numbers = true)]
    pub rows: usize,
    /// Random seed
    #[arg(long, value_name = "S", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads [default: all cores]; they do not change the result
    #[arg(long, value_name = "T", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Print the diagnosis as JSON; docs/diagnose.md describes every field
    #[arg(long)]
    pub json: bool,
}

/// Compare diffusion models with variational autoencoders on the same data
///
/// Reports three terms in nats for both: the divergence of the model from the data, the posterior gap and the prior gap. They are computed in closed form on linear-Gaussian data, by
/// quadrature on a one-dimensional mixture with trained networks of equal size and training time, and for the chain of n steps as an autoencoder of n layers. Takes about two minutes.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct VsVaeArgs {
    /// Number of trainings of each model, with seeds 0, 1, … [default: 5]
    #[arg(long, value_name = "N", value_parser = seeds, allow_negative_numbers = true)]
    pub seeds: Option<u64>,
    /// Training time of each network, in seconds [default: 8]
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    pub seconds: Option<f64>,
    /// Sampling steps of the diffusion model
    #[arg(long, value_name = "N", default_value = "64", value_parser = chain_steps, allow_negative_numbers = true)]
    pub steps: usize,
    /// Two seeds of one second each, and short chains: checks that everything works
    #[arg(long)]
    pub quick: bool,
    /// Print all results as JSON
    #[arg(long)]
    pub json: bool,
}

/// Compare samples with data, and detect copies of training rows
///
/// Draws as many samples as there are rows to compare with: the held-out rows of the model's own data (train --hold-out), or all rows of other data. Reports the two-sample accuracy of five nearest neighbours
/// (leave-one-out; ½ is best) and the Wasserstein, sliced Wasserstein and energy distances (lower is better), each beside the value for real rows. If the training rows are known, it also reports the share of copies: samples closer to
/// a training row than 99 % of real rows are. Distances of tables are in standard deviations of each column. --samples measures a file of samples instead of a model.
/// Texts are compared by a 4-gram model, pairs of letters and copies; graphs by MMD² of degrees, clustering, orbits and spectra, and the shares that are valid, connected, unique and novel.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct EvaluateArgs {
    /// The flags that were given.
    #[arg(skip)]
    pub flags: Flags,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// A file of samples, from any program, instead of a model
    #[arg(long, value_name = "FILE", group = "source")]
    pub samples: Option<PathBuf>,
    #[arg(long, value_name = "DATA", help = super::rows_help())]
    pub data: String,
    /// The training rows, for the share of copies and the floor, if they are not part of --data
    #[arg(long, value_name = "DATA")]
    pub train: Option<String>,
    #[command(flatten)]
    pub file: FileArgs,
    /// Use the first N rows [default: all]
    #[arg(short = 'n', long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub count: Option<usize>,
    #[command(flatten)]
    pub sampler: SamplerArgs,
    #[command(flatten)]
    pub given: GivenPlanArgs,
    #[command(flatten)]
    pub condition: ConditionArgs,
    #[command(flatten)]
    pub unconditional: UncondArgs,
    /// Random seed
    #[arg(long, value_name = "S", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads [default: as many as there are cores]
    #[arg(long, value_name = "T", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Print the result as JSON on stdout
    #[arg(long)]
    pub json: bool,
}
