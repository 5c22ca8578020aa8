//! Flags of the commands that measure: claims, objectives, likelihoods, causes of error, duality.

use super::values::{chain_steps, count, eta, grid_steps, seconds, seed, seeds, sigma, threads, tolerance};
use super::{ConditionArgs, DeviceArgs, FileArgs, GivenPlanArgs, SamplerArgs, SourceArgs, UncondArgs};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Measure the claims of the paper, one by one, on densities known in closed form
///
/// For each: the claim, what was computed, the figure, its bound, and the verdict. Exit code 1 if one does not hold.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct VerifyArgs {
    /// Only these claims, as in 1-4,17
    #[arg(long, value_name = "LIST")]
    pub only: Option<String>,
    /// Print an array of {number, claim, source, figure, bound, pass}
    #[arg(long)]
    pub json: bool,
}

/// Show what a training objective is: the weight of the squared error in ε over noise levels
///
/// Any formulation, weight and density of levels on one axis: w(λ)·p(λ). Says whether it is a bound on the likelihood.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct ObjectiveArgs {
    #[arg(long, value_name = "P", default_value = "rectified-flow", help = super::process_help())]
    pub process: String,
    /// What the network predicts: x0, epsilon, score, v, velocity, edm
    #[arg(long, value_name = "Q", default_value = "velocity")]
    pub predict: String,
    #[arg(long, value_name = "W", default_value = "plain", help = super::weight_help())]
    pub weight: String,
    #[arg(long, value_name = "D", help = super::times_help())]
    pub times: Option<String>,
    /// The cleanest noise level, in σ/α
    #[arg(long, value_name = "S", default_value = "0.002", value_parser = sigma, allow_negative_numbers = true)]
    pub sigma_min: f64,
    /// The noisiest one
    #[arg(long, value_name = "S", default_value = "80", value_parser = sigma, allow_negative_numbers = true)]
    pub sigma_max: f64,
    /// Levels to show
    #[arg(long, value_name = "N", default_value = "17", value_parser = count, allow_negative_numbers = true)]
    pub points: usize,
    /// Draw it: an HTML page
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Which likelihood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// An upper bound on −log p of the SDE model (h = g)
    Bound,
    /// The density of the ODE model (h = 0)
    Ode,
}

/// Find how likely data are under a model
///
/// A bound for the SDE model, or the density of the ODE model, in nats and in bits for each element, in the units of the data. A trained network makes the two
/// different distributions: neither number bounds the other. Whole numbers are dequantised: a number drawn from [0, 1) is added to each.
/// Of a plan only the noise levels are taken: the likelihood is that of the model in continuous time between them.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct LikelihoodArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[arg(long, value_name = "DATA", help = super::rows_help())]
    pub data: String,
    #[command(flatten)]
    pub file: FileArgs,
    /// Use only the part of the data that the model was not trained on (train --hold-out)
    #[arg(long)]
    pub held_out: bool,
    /// Use the first N rows
    #[arg(short = 'n', long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub count: Option<usize>,
    /// Read the model as another process and prediction, exactly: ve, vp:score, … The likelihood is the same [default: as it was trained]
    #[arg(long = "as", visible_alias = "process", value_name = "P[:Q]")]
    pub read_as: Option<String>,
    /// Which likelihood
    #[arg(long, value_enum, value_name = "M", default_value = "bound")]
    pub method: Method,
    /// The noise of the model's reverse half, h/g: 1 for the bound, 0 for the density
    #[arg(long, value_name = "H", value_parser = eta, allow_negative_numbers = true)]
    pub eta: Option<f64>,
    /// With --method bound: noise levels for each datum [default: 64]
    #[arg(long, value_name = "K", value_parser = count, allow_negative_numbers = true)]
    pub levels: Option<usize>,
    /// With --method ode: exact, or hutchinson:K for K random probes [default: exact up to 16 elements, else hutchinson:8]
    #[arg(long, value_name = "D")]
    pub divergence: Option<String>,
    /// With --method ode: the error of a step [default: 1e-5]
    #[arg(long, value_name = "T", value_parser = tolerance, allow_negative_numbers = true)]
    pub tolerance: Option<f64>,
    /// The cleanest noise level, in σ/α [default: where the training ended, or 0.002]
    #[arg(long, value_name = "S", value_parser = sigma, allow_negative_numbers = true)]
    pub sigma_min: Option<f64>,
    /// The noise level of the model's start, in σ/α [default: where the training began, or 80]
    #[arg(long, value_name = "S", value_parser = sigma, allow_negative_numbers = true)]
    pub sigma_max: Option<f64>,
    #[command(flatten)]
    pub given: GivenPlanArgs,
    /// With --from-diffusers: its steps
    #[arg(help_heading = "Plans and configs", long, value_name = "N", requires = "from_diffusers", value_parser = grid_steps, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// The seed of every draw
    #[arg(long, value_name = "S", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads [default: all cores]; they do not change the result
    #[arg(long, value_name = "T", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Write −log p of every datum, and its standard error: .csv, .tsv, .csv.gz, .tsv.gz, .parquet or .npy
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print a summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// Find where the error of a model's samples comes from: start, truncation, discretisation or score
///
/// Each cause in nats and in the units of the data, its share, and what to do about it. Start, truncation and discretisation are exact on the Gaussian with the
/// mean and covariance of the data; what comes from the model's own samples and likelihoods is called indicative. Beside them the noise of sampling.
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
    /// Use only the part of the data that the model was not trained on (train --hold-out)
    #[arg(long)]
    pub held_out: bool,
    /// Read the model as another process and prediction, exactly: ve, vp:score, … [default: as it was trained]
    #[arg(long = "as", visible_alias = "process", value_name = "P[:Q]")]
    pub read_as: Option<String>,
    #[command(flatten)]
    pub sampler: SamplerArgs,
    #[command(flatten)]
    pub given: GivenPlanArgs,
    /// How many samples
    #[arg(short = 'n', long = "count", value_name = "COUNT", default_value = "1000", value_parser = count, allow_negative_numbers = true)]
    pub count: usize,
    /// Rows of the data for the likelihoods
    #[arg(long, value_name = "N", default_value = "256", value_parser = count, allow_negative_numbers = true)]
    pub rows: usize,
    /// The seed of every draw
    #[arg(long, value_name = "S", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads [default: all cores]; they do not change the result
    #[arg(long, value_name = "T", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Print it as JSON: {causes: [{cause, share, nats, distance, …}], likelihoods, floor, …}; docs/diagnose.md has every field
    #[arg(long)]
    pub json: bool,
}

/// Measure duality against the variational autoencoder, honestly: where each of the two wins
///
/// Three terms for both, in nats: the divergence of the model from the data, the posterior gap, and the gap of the prior. On linear-Gaussian data, in closed form; on a mixture on the
/// line, with trained networks of equal size and equal time, by quadrature; and for the chain of n steps as an autoencoder of n layers. About two minutes.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct VsVaeArgs {
    /// How often both are trained, from the seeds 0, 1, … [default: 5]
    #[arg(long, value_name = "N", value_parser = seeds, allow_negative_numbers = true)]
    pub seeds: Option<u64>,
    /// The time that each network is trained for [default: 8]
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    pub seconds: Option<f64>,
    /// Steps of the diffusion model
    #[arg(long, value_name = "N", default_value = "64", value_parser = chain_steps, allow_negative_numbers = true)]
    pub steps: usize,
    /// Two seeds of one second, and short chains: a check that everything works, not a result
    #[arg(long)]
    pub quick: bool,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}

/// Measure how near samples are to data, and whether they are new
///
/// Draws as many samples as there are rows to compare with: of the model's own file those that were held out (train --hold-out), of any other file all. Compares whether five neighbours can tell the two
/// apart (leave-one-out; ½ is best), Wasserstein, sliced Wasserstein and energy distance, each beside that of real rows; and, where the training rows are known, the share of samples that are nearer to one of
/// them than 99 in 100 real rows are. Distances of tables are in standard deviations of each column. With --samples a file of samples is measured in place of a model.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct EvaluateArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// A file of samples, of any program, in place of a model
    #[arg(long, value_name = "FILE", group = "source")]
    pub samples: Option<PathBuf>,
    #[arg(long, value_name = "DATA", help = super::rows_help())]
    pub data: String,
    /// The rows that were trained on, for the share of copies and for the floor, where they are not part of --data
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
    /// The seed of every draw
    #[arg(long, value_name = "S", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads [default: as many as there are cores]
    #[arg(long, value_name = "T", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Print the result as JSON on stdout
    #[arg(long)]
    pub json: bool,
}
