//! Flags of `langevin train`. Each is also a key of a configuration file.

use super::config::Effective;
use super::reading::{Extent, Names, extent, names};
use super::values::{count, minutes, number, seconds, seed, share, steps, threads, whole};
use super::{DeviceArgs, FileArgs, data_help, process_help, times_help, weight_help};
use clap::{Args, ValueEnum};
use langevin_train::{Activation, Decay, OptimizerKind};
use std::path::PathBuf;

/// Train a network on data
///
/// Ctrl-C ends the training after saving the model, and prints where it is (exit code 130). A run directory (--run) can be killed at any moment and resumed (--resume); the final model then has the same bits
/// as without the interruption.
///
/// Every flag can be set in a TOML file (--config). Flags override the file, and --set overrides both.
#[derive(Debug, Args)]
#[command(max_term_width = 100, args_override_self = true)]
pub struct TrainArgs {
    #[arg(long, value_name = "DATA", required_unless_present = "resume", help = data_help())]
    pub data: Option<String>,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Start from the weights of this model. Its process, prediction, network and normalisation are kept, and the default of --lr is 2e-4
    #[arg(long, value_name = "MODEL")]
    pub from: Option<PathBuf>,
    /// Read these flags from a TOML file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set a flag, overriding the file and other flags
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print the progress as JSON lines on stdout; the last line is the summary
    #[arg(long)]
    pub json: bool,
    /// Number of training steps [default: depends on the number of rows; 2000 for 1,700 rows or more, 700 for 240]
    #[arg(long, value_name = "N", value_parser = steps, conflicts_with = "minutes", allow_negative_numbers = true)]
    pub steps: Option<u64>,
    /// Training time in minutes, instead of a number of steps
    #[arg(long, value_name = "M", value_parser = minutes, allow_negative_numbers = true)]
    pub minutes: Option<f64>,
    /// Random seed
    #[arg(long, value_name = "S", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Number of threads; the result does not depend on it [default: number of cores]
    #[arg(long, value_name = "T", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[command(flatten)]
    pub file: FileArgs,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub objective: ObjectiveOfTraining,
    #[command(flatten)]
    pub network: ShapeArgs,
    #[command(flatten)]
    pub optimizer: OptimizerArgs,
    #[command(flatten)]
    pub keeping: KeepingArgs,
    /// All of this, as a configuration file has it.
    #[arg(skip)]
    pub effective: Effective,
}

/// The outputs.
#[derive(Debug, Args)]
#[group(id = "output", required = true, multiple = true)]
pub struct OutputArgs {
    /// File for the trained model (safetensors)
    #[arg(long, value_name = "MODEL")]
    pub out: Option<PathBuf>,
    /// Directory for the run: configuration, log, states, samples and model
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub run: Option<PathBuf>,
    /// Resume the run in this directory. The budget, the learning rate and its schedule, and the files that are kept can be changed by flags; everything else stays as configured
    #[arg(long, value_name = "DIR")]
    pub resume: Option<PathBuf>,
}

/// Reading and preparation of the data.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
#[group(skip)]
pub struct ReadingArgs {
    /// Read a file as tokens: a text as chars, bytes or words, lines of graph6 or edges as graphs, a table as columns of categories and numbers, an array as integers [default: graphs for .g6; with a noise chars for .txt, columns for .csv and .parquet, integers for .npy; otherwise numbers]
    #[arg(long, value_name = "KIND")]
    pub tokens: Option<String>,
    /// Number of tokens of a sequence of text [default: a line each if all are short, else 128]
    #[arg(long, value_name = "N", value_parser = size, allow_negative_numbers = true)]
    pub length: Option<usize>,
    /// Tables with --noise: the columns of numbers that are categories [default: those of at most ten different integers]
    #[arg(long, value_name = "COLUMN,…", value_parser = names)]
    pub categories: Option<Names>,
    /// Hold out this share of the rows from training, for evaluation. Of a running text, the windows of its end, which share no token with the others
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub hold_out: Option<f64>,
    /// Dequantise whole numbers and other evenly spaced values: add fresh uniform noise below their spacing, so that they have a density
    #[arg(long)]
    pub dequantize: bool,
    /// Do not normalise the data; for data that already have the scale of the noise
    #[arg(long)]
    pub no_normalize: bool,
    /// Train a class-conditional model; the classes are sub-folders, labels of a .npz file, or --label-column
    #[arg(long)]
    pub conditional: bool,
    /// Share of labels dropped during training, as needed for guidance
    #[arg(long, value_name = "SHARE", default_value = "0.1", value_parser = portion, allow_negative_numbers = true)]
    pub label_dropout: f64,
    /// Train on random crops of this size
    #[arg(long, value_name = "H,W", value_parser = extent)]
    pub crop: Option<Extent>,
    /// Flip pictures horizontally with probability ½
    #[arg(long)]
    pub flip: bool,
    /// Train on the logarithm of these columns, for values that span orders of magnitude; samples and likelihoods refer to the original values
    #[arg(long, value_name = "COLUMN,…", value_parser = names)]
    pub log: Option<Names>,
}

/// The training objective.
#[derive(Debug, Args)]
#[command(next_help_heading = "Objective")]
#[group(skip)]
pub struct ObjectiveOfTraining {
    #[arg(long, value_name = "P", default_value = "rectified-flow", help = process_help())]
    pub process: String,
    /// Quantity that the network predicts: x0, epsilon, score, v, velocity, edm
    #[arg(long, value_name = "Q", default_value = "velocity")]
    pub predict: String,
    /// Noise on tokens: masked, uniform, or prior (the frequencies of the letters). For data of tokens, such as names or text [default: masked]
    #[arg(long, value_name = "NOISE")]
    pub noise: Option<String>,
    /// Tokens: also train a twin of the same size that predicts each token from those before it: autoregressive. Its file has `autoregressive` in its name
    #[arg(long, value_name = "TWIN")]
    pub beside: Option<String>,
    #[arg(long, value_name = "W", default_value = "plain", help = weight_help())]
    pub weight: String,
    #[arg(long, value_name = "D", help = times_help())]
    pub times: Option<String>,
    /// Learn the density of noise levels during training, which reduces the variance of the loss without changing its minimum
    #[arg(long)]
    pub adaptive: bool,
    /// Coupling of noise and data in a batch: independent, or transport (minibatch optimal transport: straighter ODE paths, but no SDE sampling and no likelihood bound)
    #[arg(long, value_name = "C", default_value = "independent")]
    pub coupling: String,
}

/// An architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A multilayer perceptron.
    Mlp,
    /// A diffusion transformer, for pictures.
    Dit,
    /// A transformer for tokens, which are always learned by one.
    Sequence,
}

/// The network.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
#[group(skip)]
pub struct ShapeArgs {
    /// The network architecture
    #[arg(long, value_enum, value_name = "KIND", default_value = "mlp")]
    pub network: Kind,
    /// Width of a layer or token [default: 256, dit: 192, sequence: 64]
    #[arg(long, value_name = "N", value_parser = size, allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// Number of blocks [default: 3, dit: 6, sequence: 4]
    #[arg(long, value_name = "N", value_parser = size, allow_negative_numbers = true)]
    pub depth: Option<usize>,
    /// Number of cosine features of the noise level
    #[arg(long, value_name = "N", default_value = "16", value_parser = size, allow_negative_numbers = true)]
    pub fourier: usize,
    /// mlp: number of sine and cosine pairs of each input element
    #[arg(long, value_name = "N", value_parser = size, allow_negative_numbers = true)]
    pub waves: Option<usize>,
    /// mlp: activation function, silu, gelu or selu
    #[arg(long, value_name = "F", default_value = "silu", value_parser = activation)]
    pub activation: Activation,
    /// mlp: plain layers, without residual connections
    #[arg(long)]
    pub plain: bool,
    /// dit: patch size in pixels
    #[arg(long, value_name = "N", default_value = "2", value_parser = size, allow_negative_numbers = true)]
    pub patch: usize,
    /// dit, sequence: number of attention heads [default: one per 32 elements of the width; sequence: one per 16]
    #[arg(long, value_name = "N", value_parser = size, allow_negative_numbers = true)]
    pub heads: Option<usize>,
}

/// The optimiser.
#[derive(Debug, Args)]
#[command(next_help_heading = "Optimiser")]
#[group(skip)]
pub struct OptimizerArgs {
    /// Batch size in rows [default: 256; for sequences longer than 12 tokens, about 3,000 tokens]
    #[arg(long, value_name = "B", value_parser = count, allow_negative_numbers = true)]
    pub batch: Option<usize>,
    /// Optimiser: adamw, or muon for transformers [default: adamw; muon for sequences of tokens]
    #[arg(long, value_name = "O", value_parser = optimizer)]
    pub optimizer: Option<OptimizerKind>,
    /// Peak learning rate [default: 2e-3; 1e-2 with muon]
    #[arg(long, value_name = "R", value_parser = positive, allow_negative_numbers = true)]
    pub lr: Option<f64>,
    /// Number of warm-up steps
    #[arg(long, value_name = "N", default_value = "100", allow_negative_numbers = true)]
    pub warmup: u64,
    /// Learning rate schedule after the warm-up: cosine or linear (both to 0), or constant
    #[arg(long, value_name = "D", default_value = "cosine", value_parser = decay)]
    pub decay: Decay,
    /// Weight decay [default: 0.01; 0.3 for pictures, against memorising small data sets]
    #[arg(long, value_name = "R", value_parser = at_least_0, allow_negative_numbers = true)]
    pub weight_decay: Option<f64>,
    /// Dropout in the blocks of a transformer, against memorising small data sets [default: 0]
    #[arg(long, value_name = "P", value_parser = portion, allow_negative_numbers = true)]
    pub dropout: Option<f64>,
    /// Decay of the exponential moving average of the weights, which becomes the model
    #[arg(long, value_name = "D", default_value = "0.999", value_parser = portion, allow_negative_numbers = true)]
    pub ema: f64,
    /// Clip gradients to this norm; inf disables clipping
    #[arg(long, value_name = "N", default_value = "1", value_parser = clip, allow_negative_numbers = true)]
    pub clip: f64,
}

/// Files of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
#[group(skip)]
pub struct KeepingArgs {
    /// Steps between log lines
    #[arg(long, value_name = "N", default_value = "100", value_parser = steps, allow_negative_numbers = true)]
    pub log_every: u64,
    /// Seconds between saved states and models
    #[arg(long, value_name = "S", default_value = "30", value_parser = seconds, allow_negative_numbers = true)]
    pub save_every: f64,
    /// Steps between saved weight averages, from which `langevin average` builds other averages later
    #[arg(long, value_name = "N", value_parser = steps, allow_negative_numbers = true)]
    pub averages_every: Option<u64>,
    /// Steps between pictures of samples; of tokens, a text file or a .g6 file of samples
    #[arg(long, value_name = "K", value_parser = steps, allow_negative_numbers = true)]
    pub samples_every: Option<u64>,
}

/// Build a model with another average of the weights after training
///
/// Any averaging length is reconstructed by least squares from the averages that a run saved (`langevin train --averages-every N`), so the length need not be chosen before training.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct AverageArgs {
    /// The directory of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Length of the average: the standard deviation of its weights as a share of the training, 0.001 to 0.2887
    #[arg(long, value_name = "L", value_parser = portion, allow_negative_numbers = true)]
    pub length: f64,
    /// File for the trained model (safetensors)
    #[arg(long, value_name = "MODEL")]
    pub out: PathBuf,
    /// Print a summary as JSON on stdout
    #[arg(long)]
    pub json: bool,
}

fn size(text: &str) -> Result<usize, String> {
    whole(text, 1 << 20).map(|value| value as usize)
}

fn positive(text: &str) -> Result<f64, String> {
    number(text, "a number > 0", |value| value > 0.0)
}

fn at_least_0(text: &str) -> Result<f64, String> {
    number(text, "a number ≥ 0", |value| value >= 0.0)
}

fn portion(text: &str) -> Result<f64, String> {
    number(text, "a number from 0 to 1", |value| (0.0..=1.0).contains(&value))
}

fn clip(text: &str) -> Result<f64, String> {
    if text == "inf" { Ok(f64::INFINITY) } else { positive(text) }
}

fn named<T: serde::de::DeserializeOwned>(text: &str, names: &[&str]) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|_| format!("expected {}", names.join(", ")))
}

fn activation(text: &str) -> Result<Activation, String> {
    named(text, &["silu", "gelu", "selu"])
}

fn optimizer(text: &str) -> Result<OptimizerKind, String> {
    named(text, &OptimizerKind::NAMES)
}

fn decay(text: &str) -> Result<Decay, String> {
    named(text, &["cosine", "linear", "constant"])
}
