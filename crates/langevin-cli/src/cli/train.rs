//! Flags of `langevin train`. Each is also a key of a configuration file.

use super::config::Effective;
use super::reading::{Extent, Names, extent, names};
use super::values::{count, minutes, number, seconds, seed, share, steps, threads, whole};
use super::{DeviceArgs, FileArgs, data_help, process_help, times_help, weight_help};
use clap::{Args, ValueEnum};
use langevin_train::{Activation, Decay};
use std::path::PathBuf;

/// Train a network on data
///
/// Ctrl-C drops the step, saves what has been learned and says where (exit code 130). A run (--run) keeps everything that the next step depends on: killed at any moment and resumed (--resume), it
/// ends in the same model, bit for bit.
///
/// Every flag is a key of a configuration file (--config FILE, TOML); flags win over the file, --set over both.
#[derive(Debug, Args)]
#[command(max_term_width = 100, args_override_self = true)]
pub struct TrainArgs {
    #[arg(long, value_name = "DATA", required_unless_present = "resume", help = data_help())]
    pub data: Option<String>,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Begin with the weights of this model instead of new ones: its process, prediction, network and normalisation hold, and --lr is 2e-4 unless it is given
    #[arg(long, value_name = "MODEL")]
    pub from: Option<PathBuf>,
    /// Read these flags from a TOML file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set a flag, whatever the file and the flags before say
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print what happens as JSON on stdout, an object a line; the last is the summary
    #[arg(long)]
    pub json: bool,
    /// Training steps [default: by the rows: 2000 from 1,700 rows on, 700 for 240]
    #[arg(long, value_name = "N", value_parser = steps, conflicts_with = "minutes", allow_negative_numbers = true)]
    pub steps: Option<u64>,
    /// Train for this long instead of a number of steps
    #[arg(long, value_name = "M", value_parser = minutes, allow_negative_numbers = true)]
    pub minutes: Option<f64>,
    /// The seed of the start and of every draw
    #[arg(long, value_name = "S", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads; they change no bit [default: as many as there are cores]
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

/// Where the model goes.
#[derive(Debug, Args)]
#[group(id = "output", required = true, multiple = true)]
pub struct OutputArgs {
    /// Where to save the model (safetensors)
    #[arg(long, value_name = "MODEL")]
    pub out: Option<PathBuf>,
    /// A directory to keep the run in: configuration, log, states, samples and model
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub run: Option<PathBuf>,
    /// Go on with the run in this directory; its configuration holds but for the flags that are given, of which the budget, the learning rate and its course, and what is kept may change
    #[arg(long, value_name = "DIR")]
    pub resume: Option<PathBuf>,
}

/// How the data are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
#[group(skip)]
pub struct ReadingArgs {
    /// Hold out this share of the rows, for `likelihood --held-out` and for the loss of rows not seen
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub hold_out: Option<f64>,
    /// Add a number below the spacing of the values to each element, anew at every visit: for whole numbers and other evenly spaced values, so that they have a density
    #[arg(long)]
    pub dequantize: bool,
    /// Train on the data as they are: for data that are on the scale of the noise already
    #[arg(long)]
    pub no_normalize: bool,
    /// Learn the classes of the data (sub-folders, labels of a .npz, --label-column), so that one can be asked for
    #[arg(long)]
    pub conditional: bool,
    /// The share of the labels that are dropped, so that guidance has an answer without one
    #[arg(long, value_name = "SHARE", default_value = "0.1", value_parser = portion, allow_negative_numbers = true)]
    pub label_dropout: f64,
    /// Train on a part of each picture, at a place drawn anew at every visit
    #[arg(long, value_name = "H,W", value_parser = extent)]
    pub crop: Option<Extent>,
    /// Flip half of the pictures left to right
    #[arg(long)]
    pub flip: bool,
    /// Learn the logarithms of these columns of a table, for values that are spread over powers of ten; samples and likelihoods are of the values themselves
    #[arg(long, value_name = "COLUMN,…", value_parser = names)]
    pub log: Option<Names>,
}

/// What is minimised.
#[derive(Debug, Args)]
#[command(next_help_heading = "Objective")]
#[group(skip)]
pub struct ObjectiveOfTraining {
    #[arg(long, value_name = "P", default_value = "rectified-flow", help = process_help())]
    pub process: String,
    /// What the network predicts: x0, epsilon, score, v, velocity, edm
    #[arg(long, value_name = "Q", default_value = "velocity")]
    pub predict: String,
    #[arg(long, value_name = "W", default_value = "plain", help = weight_help())]
    pub weight: String,
    #[arg(long, value_name = "D", help = times_help())]
    pub times: Option<String>,
    /// Learn, while training, where to draw the noise levels: the same loss, with less noise
    #[arg(long)]
    pub adaptive: bool,
    /// How the noise of a batch is coupled to its data: independent, or transport (the shortest assignment: straighter ODEs, but no SDE and no bound)
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
}

/// The network.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
#[group(skip)]
pub struct ShapeArgs {
    /// A perceptron, or a transformer for pictures
    #[arg(long, value_enum, value_name = "KIND", default_value = "mlp")]
    pub network: Kind,
    /// Units of a layer, elements of a token [default: 256, dit: 192]
    #[arg(long, value_name = "N", value_parser = size, allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// Blocks [default: 3, dit: 6]
    #[arg(long, value_name = "N", value_parser = size, allow_negative_numbers = true)]
    pub depth: Option<usize>,
    /// Cosines of the noise level
    #[arg(long, value_name = "N", default_value = "16", value_parser = size, allow_negative_numbers = true)]
    pub fourier: usize,
    /// mlp: pairs of sine and cosine of each element that the first layer is given
    #[arg(long, value_name = "N", value_parser = size, allow_negative_numbers = true)]
    pub waves: Option<usize>,
    /// mlp: what is applied between two layers: silu, gelu, selu
    #[arg(long, value_name = "F", default_value = "silu", value_parser = activation)]
    pub activation: Activation,
    /// mlp: layers follow each other, with nothing added
    #[arg(long)]
    pub plain: bool,
    /// dit: pixels of a side of a patch
    #[arg(long, value_name = "N", default_value = "2", value_parser = size, allow_negative_numbers = true)]
    pub patch: usize,
    /// dit: heads of attention [default: one for 32 elements of the width]
    #[arg(long, value_name = "N", value_parser = size, allow_negative_numbers = true)]
    pub heads: Option<usize>,
}

/// The optimiser.
#[derive(Debug, Args)]
#[command(next_help_heading = "Optimiser")]
#[group(skip)]
pub struct OptimizerArgs {
    /// Rows in a step
    #[arg(long, value_name = "B", default_value = "256", value_parser = count, allow_negative_numbers = true)]
    pub batch: usize,
    /// The largest learning rate
    #[arg(long, value_name = "R", default_value = "2e-3", value_parser = positive, allow_negative_numbers = true)]
    pub lr: f64,
    /// Steps over which the learning rate rises from 0
    #[arg(long, value_name = "N", default_value = "100", allow_negative_numbers = true)]
    pub warmup: u64,
    /// How the learning rate falls over the budget: cosine, linear (both to 0) or constant
    #[arg(long, value_name = "D", default_value = "cosine", value_parser = decay)]
    pub decay: Decay,
    /// AdamW's decoupled weight decay [default: 0.01; for pictures 0.3, or few of them are learned by heart]
    #[arg(long, value_name = "R", value_parser = at_least_0, allow_negative_numbers = true)]
    pub weight_decay: Option<f64>,
    /// The decay of the weight average that becomes the model
    #[arg(long, value_name = "D", default_value = "0.999", value_parser = portion, allow_negative_numbers = true)]
    pub ema: f64,
    /// The largest norm of a gradient; inf: no clipping
    #[arg(long, value_name = "N", default_value = "1", value_parser = clip, allow_negative_numbers = true)]
    pub clip: f64,
}

/// What a run keeps.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
#[group(skip)]
pub struct KeepingArgs {
    /// Steps between two lines of the log
    #[arg(long, value_name = "N", default_value = "100", value_parser = steps, allow_negative_numbers = true)]
    pub log_every: u64,
    /// Seconds between two states of the run, and between two models
    #[arg(long, value_name = "S", default_value = "30", value_parser = seconds, allow_negative_numbers = true)]
    pub save_every: f64,
    /// Steps between two files of averages, of which a model of any other average can be made afterwards (`langevin average`)
    #[arg(long, value_name = "N", value_parser = steps, allow_negative_numbers = true)]
    pub averages_every: Option<u64>,
    /// Steps between two pictures of samples
    #[arg(long, value_name = "K", value_parser = steps, allow_negative_numbers = true)]
    pub samples_every: Option<u64>,
}

/// Make a model of another average of the weights, after the training
///
/// Of the two averages that a run kept from time to time (train --averages-every) any other is made in least squares: the model whose average is best need not be guessed before the training.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct AverageArgs {
    /// The directory of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The length: the standard deviation of the average's weight as a share of the training, 0.001 to 0.2887
    #[arg(long, value_name = "L", value_parser = portion, allow_negative_numbers = true)]
    pub length: f64,
    /// Where to save the model (safetensors)
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

fn decay(text: &str) -> Result<Decay, String> {
    named(text, &["cosine", "linear", "constant"])
}
