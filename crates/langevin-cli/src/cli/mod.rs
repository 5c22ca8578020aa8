//! All flags with their help texts, each defined once.

mod analysis;
pub mod config;
pub mod flags;
pub mod given;
mod plans;
mod reading;
mod theory;
pub mod train;
mod values;

pub use analysis::{AnalyzeArgs, By, Evaluations, RangeArgs, RecommendArgs, SpectrumArgs};
pub use plans::{CompareArgs, DiffusersArgs, ExplainArgs, GivenPlanArgs, LintArgs, PlanArgs};
pub use reading::FileArgs;
pub use theory::{DiagnoseArgs, EvaluateArgs, LikelihoodArgs, Method, ObjectiveArgs, VerifyArgs, VsVaeArgs};
pub use train::{AverageArgs, TrainArgs};
pub use values::{MAX_SIGMA, NamedFile};

use crate::io::npy::Width;
use clap::{Args, ValueEnum};
use given::Flags;
use langevin::grid::SIGMAS;
use langevin::request::{GRID, SAMPLER, SAMPLER_WITH_ETA, STEPS};
use std::path::PathBuf;
use values::{count, eta, finite, grid_steps, points, range, seed, sigma, sigma_or_inf, strength, threads, tolerance};

/// Data of a demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shown {
    /// Handwritten digits.
    Digits,
    /// First names.
    Names,
}

impl DemoArgs {
    /// Returns the output directory.
    pub fn folder(&self) -> PathBuf {
        let usual = match self.data {
            Shown::Digits => "langevin-demo",
            Shown::Names => "langevin-names",
        };
        self.out.clone().unwrap_or_else(|| usual.into())
    }
}

/// Train one network on handwritten digits, sample from it as four models, and write a report
///
/// The same network is used as VP-SDE, VP-ODE, VE-Karras and rectified flow, from the same noise. The model, the samples, the plans and the page report.html are written to
/// the directory; the table is printed to stdout.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct DemoArgs {
    /// The data: digits (pictures, one network read as four formulations) or names (tokens, masked diffusion beside autoregression)
    #[arg(value_enum, value_name = "WHAT", default_value = "digits")]
    pub data: Shown,
    /// Output directory [default: langevin-demo, or langevin-names]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Train for a few seconds only, to check that everything works
    #[arg(long)]
    pub quick: bool,
    /// Number of training steps [default: as many as this machine takes in two minutes, 300 to 5000]
    #[arg(long, value_name = "N", value_parser = values::steps, conflicts_with = "quick", allow_negative_numbers = true)]
    pub steps: Option<u64>,
    /// Random seed
    #[arg(long, value_name = "S", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
}

/// A trained network, or a density known in closed form.
#[derive(Debug, Args)]
#[group(skip)]
pub struct SourceArgs {
    #[command(flatten)]
    pub named: NamedArgs,
    #[command(flatten)]
    pub trained_as: TrainedAs,
}

/// One of these.
#[derive(Debug, Args)]
#[group(id = "source", required = true, multiple = false)]
pub struct NamedArgs {
    /// A model saved by `langevin train`
    #[arg(value_name = "MODEL")]
    pub model: Option<PathBuf>,
    #[arg(long, value_name = "NAME", help = exact_help())]
    pub exact: Option<String>,
    /// An ONNX network; describe it with --process, --predict and --clock, or with --noise if it returns logits of tokens
    #[arg(long, value_name = "FILE")]
    pub onnx: Option<PathBuf>,
}

/// Formulation of a network whose file does not contain it.
#[derive(Debug, Args)]
#[group(skip)]
pub struct TrainedAs {
    #[arg(long, value_name = "P", requires = "onnx", help_heading = "With --onnx", help = process_help())]
    pub process: Option<String>,
    /// Tokens: the noise of an ONNX network or of an exact density, masked or uniform [default: masked for a density, or what the sampler needs]
    #[arg(long, value_name = "NOISE")]
    pub noise: Option<String>,
    /// Tokens: the identifier of the mask of an ONNX network
    #[arg(long, value_name = "N", requires = "onnx", help_heading = "With --onnx")]
    pub mask_id: Option<usize>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// [`TrainedAs`] without the process, for commands with a process of their own.
#[derive(Debug, Args)]
#[group(skip)]
pub struct NetworkArgs {
    /// Quantity that the network predicts: x0, epsilon, score, v, velocity, reverse-velocity, edm; of tokens posterior (the default), leave-one-out or score
    #[arg(long, value_name = "Q", requires = "onnx", help_heading = "With --onnx")]
    pub predict: Option<String>,
    /// The time input of the network: time (of its process), scaled:1000, remaining:1000, lambda, quarter-log-sigma, log-sigma:F, angle [default: time]
    #[arg(long, value_name = "C", requires = "onnx", help_heading = "With --onnx")]
    pub clock: Option<String>,
    /// Scale the input as EDM does, for data with this standard deviation [default: no scaling]
    #[arg(long, value_name = "S", requires = "onnx", value_parser = sigma, allow_negative_numbers = true, help_heading = "With --onnx")]
    pub input_sigma_data: Option<f64>,
    /// The noise range of the training, in σ/α [default: that of a table, otherwise unlimited]
    #[arg(long, value_name = "MIN,MAX", requires = "onnx", value_parser = values::range, allow_negative_numbers = true, help_heading = "With --onnx")]
    pub trained_range: Option<[f64; 2]>,
    /// Normalisation of the data, x = (datum − SHIFT)/SCALE [default: 0,1]
    #[arg(long, value_name = "SHIFT,SCALE", requires = "onnx", value_parser = values::pair, allow_negative_numbers = true, help_heading = "With --onnx")]
    pub normalization: Option<(f64, f64)>,
    /// Shape of a sample if the file leaves it open, as in 4,64,64, or the number of tokens
    #[arg(long, value_name = "SHAPE", requires = "onnx", value_parser = values::shape, help_heading = "With --onnx")]
    pub shape: Option<values::Shape>,
    /// Value of another input, such as encoder_hidden_states: a .npy file or FILE.npz:ARRAY, with one row for all samples or one row per sample; may be repeated
    #[arg(long, value_name = "NAME=FILE", requires = "onnx", value_parser = values::named_file, help_heading = "With --onnx")]
    pub input: Vec<NamedFile>,
    /// Output of the network [default: the one with the shape of the state]
    #[arg(long, value_name = "NAME", requires = "onnx", help_heading = "With --onnx")]
    pub output: Option<String>,
}

/// The values of further inputs without the condition, for commands that guide.
#[derive(Debug, Args)]
#[group(skip)]
pub struct UncondArgs {
    /// With guidance: value of another input for the unconditional branch [default: that of --input]; may be repeated
    #[arg(long, value_name = "NAME=FILE", requires = "onnx", group = "conditions", value_parser = values::named_file, help_heading = "With --onnx")]
    pub uncond_input: Vec<NamedFile>,
}

/// The device of a network.
#[derive(Debug, Args)]
#[group(skip)]
pub struct DeviceArgs {
    /// Device of the network: cpu, gpu (the fastest card) or gpu:N; cards need a build with `--features gpu`
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: String,
}

/// The sampler and its steps.
#[derive(Clone, Debug, Args)]
pub struct SamplerArgs {
    #[arg(long, value_name = "NAME", conflicts_with = "moves", help = sampler_help())]
    pub sampler: Option<String>,
    /// A word of moves instead of a sampler: R (reverse), F (forward), L (Langevin), as in '(R L(0.5))*20'
    #[arg(long, value_name = "WORD")]
    pub moves: Option<String>,
    /// Noise of the sampler, η = h/g; a sampler known from another library uses that library's definition of η
    #[arg(long, value_name = "H", value_parser = eta, allow_negative_numbers = true)]
    pub eta: Option<f64>,
    #[arg(long, value_name = "N", value_parser = grid_steps, allow_negative_numbers = true, help = steps_help())]
    pub steps: Option<usize>,
    /// Network evaluations per sample, instead of --steps; as many steps as fit are taken
    #[arg(long, value_name = "N", conflicts_with = "steps", value_parser = grid_steps, allow_negative_numbers = true)]
    pub nfe: Option<usize>,
    #[arg(long, value_name = "G", default_value = GRID, help = grid_help())]
    pub grid: String,
    #[arg(long, value_name = "S", value_parser = sigma, allow_negative_numbers = true, help = sigma_min_help())]
    pub sigma_min: Option<f64>,
    #[arg(long, value_name = "S", value_parser = sigma_or_inf, allow_negative_numbers = true, help = sigma_max_help())]
    pub sigma_max: Option<f64>,
}

/// Draw samples from a model
///
/// Sample i depends only on the seed and on i, not on the number of samples, the batch size or the threads.
/// A model of tokens draws texts or graphs: `langevin explain tokens` lists its samplers, and --keep fills in gaps.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct SampleArgs {
    /// The flags that were given.
    #[arg(skip)]
    pub flags: Flags,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Use the model in another formulation (process, or process:prediction), by exact conversion, as in ve or vp:score [default: as trained]
    #[arg(long = "as", value_name = "P[:Q]")]
    pub read_as: Option<String>,
    #[command(flatten)]
    pub sampler: SamplerArgs,
    #[command(flatten)]
    pub given: GivenPlanArgs,
    /// With --from-diffusers and --from: skip the first K steps, and start from the file's rows with the noise of step K
    #[arg(help_heading = "Plans and configs", long, value_name = "K", requires_all = ["from_diffusers", "from"])]
    pub start_at: Option<usize>,
    #[command(flatten)]
    pub condition: ConditionArgs,
    #[command(flatten)]
    pub unconditional: UncondArgs,
    #[command(flatten)]
    pub edit: EditArgs,
    #[command(flatten)]
    pub file: FileArgs,
    /// Choose the step size of each sample adaptively, instead of a sampler: dpm12, dpm23 or euler-heun
    #[arg(long, value_name = "PAIR", conflicts_with_all = ["sampler", "moves", "steps", "nfe", "grid"])]
    pub adaptive: Option<String>,
    /// With --adaptive: relative error tolerance of a step
    #[arg(long, value_name = "R", default_value = "0.05", requires = "adaptive", value_parser = tolerance, allow_negative_numbers = true)]
    pub rtol: f64,
    /// With --adaptive: absolute error tolerance of a step
    #[arg(long, value_name = "A", default_value = "0.0078", requires = "adaptive", value_parser = tolerance, allow_negative_numbers = true)]
    pub atol: f64,
    /// Number of samples [default: 64 pictures or sequences, or 1000 points or table rows; with --keep, one for each of several sequences]
    #[arg(short = 'n', long = "count", value_name = "COUNT", value_parser = count, allow_negative_numbers = true)]
    pub count: Option<usize>,
    /// Random seed
    #[arg(long, value_name = "S", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Batch size in samples [default: chosen for the cache]
    #[arg(long, value_name = "B", value_parser = count, allow_negative_numbers = true)]
    pub batch: Option<usize>,
    /// Number of threads [default: number of cores]
    #[arg(long, value_name = "T", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Output: .npy (array), .csv, .tsv, .csv.gz, .tsv.gz or .parquet (table with one row per sample), .png (pictures, or points in the plane), or a directory (one .png per sample). Tokens: .txt (one text a line), .csv or .npy (int32), or .g6 for graphs
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Number type of an array or table [default: f64]
    #[arg(long, value_enum, value_name = "TYPE")]
    pub dtype: Option<Width>,
    /// Print a summary as JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// Classes and guidance.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub struct ConditionArgs {
    /// Classes by name or number, separated by commas; the samples take them in turn [default: no class]
    #[arg(help_heading = "Classes", long, value_name = "CLASS", value_delimiter = ',', group = "conditions")]
    pub class: Vec<String>,
    /// Guidance weight towards the class or the --input of an ONNX network: D = D_u + W (D_c − D_u), with two evaluations instead of one
    #[arg(help_heading = "Classes", long, value_name = "W", value_parser = finite, requires = "conditions", conflicts_with = "adaptive", allow_negative_numbers = true)]
    pub guidance: Option<f64>,
    /// Draw the same samples at each of these guidance weights, one row of the picture each
    #[arg(help_heading = "Classes", long, value_name = "W,W,…", value_parser = finite, value_delimiter = ',', requires = "conditions", conflicts_with_all = ["guidance", "adaptive"], allow_negative_numbers = true)]
    pub guidance_sweep: Vec<f64>,
    /// Apply guidance only between these noise levels, in σ/α
    #[arg(help_heading = "Classes", long, value_name = "MIN,MAX", value_parser = range, requires = "conditions")]
    pub guidance_interval: Option<Interval>,
}

/// Pictures, or rows, that are there already.
#[derive(Debug, Args)]
#[group(skip)]
pub struct EditArgs {
    /// Start from these pictures or rows with noise added, instead of pure noise: a .png or .jpg, a folder, or a file of rows such as .npy, .csv or .parquet; the samples take them in turn. Tokens: a text or a .g6 file, with --keep
    #[arg(help_heading = "Editing", long, value_name = "FILE", conflicts_with = "adaptive")]
    pub from: Option<PathBuf>,
    /// Share of the steps that is taken, from the end; larger values change more [default: 0.6]
    #[arg(help_heading = "Editing", long, value_name = "S", requires = "from", value_parser = strength, allow_negative_numbers = true)]
    pub strength: Option<f64>,
    /// Keep these tokens of each sequence of --from and draw the rest: places from 1, as in 1-3,7. Places beyond the end of a sequence are drawn
    #[arg(help_heading = "Editing", long, value_name = "PLACES", requires = "from", conflicts_with_all = ["strength", "mask"])]
    pub keep: Option<String>,
    /// Keep the black parts of this picture and generate the rest [default sampler: repaint]
    #[arg(help_heading = "Editing", long, value_name = "FILE", requires = "from", conflicts_with = "strength")]
    pub mask: Option<PathBuf>,
}

/// Fit a plan to one model
///
/// Measures all known deterministic samplers on all grids by the distance of their samples from a fine solution from the same noise. Then fits noise levels and coefficients to that solution, and tests the result on noise that the fit has not seen. If the 95 % interval of the ratio of the errors is not below 1, or if the samples are farther from the data, the best known plan is written and the exit code is 1.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct TuneArgs {
    /// The flags that were given.
    #[arg(skip)]
    pub flags: Flags,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Read the model as another formulation: a process, or process:prediction
    #[arg(long = "as", value_name = "P[:Q]")]
    pub read_as: Option<String>,
    /// Network evaluations per sample
    #[arg(long, value_name = "N", value_parser = analysis::budget, allow_negative_numbers = true)]
    pub nfe: usize,
    #[command(flatten)]
    pub condition: ConditionArgs,
    #[command(flatten)]
    pub unconditional: UncondArgs,
    #[command(flatten)]
    pub range: RangeArgs,
    /// The parameters that are fitted: all, coefficients, times, steps (levels chosen from a fine trajectory) or bound (levels that minimise an error bound without the network)
    #[arg(long, value_name = "METHOD", default_value = "all")]
    pub method: String,
    /// Seed of the samples of the fit; those of the test have the next one
    #[arg(long, value_name = "S", default_value = "0", value_parser = values::seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Number of samples of the fit; four times as many more judge it [default: 96 to 512, more for rows of few elements]
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub samples: Option<usize>,
    /// Number of samples of the test [default: 256 to 2048, more for rows of few elements]
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub test: Option<usize>,
    /// End the fits after this many minutes, with the best plan so far
    #[arg(long, value_name = "M", value_parser = values::minutes, allow_negative_numbers = true)]
    pub minutes: Option<f64>,
    /// Compare samples with these data too [default: the exact density, or built-in training data]
    #[arg(long, value_name = "DATA")]
    pub data: Option<String>,
    #[command(flatten)]
    pub file: FileArgs,
    /// Number of threads [default: number of cores]
    #[arg(long, value_name = "T", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Write the plan to this file [default: no file is written]
    #[arg(long, value_name = "PLAN.json")]
    pub out: Option<PathBuf>,
    /// Write a page with pictures to this file
    #[arg(long, value_name = "PAGE.html")]
    pub plot: Option<PathBuf>,
    /// Print the result as JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// Encode data as noise and reconstruct it
///
/// Integrates the ODE from data to noise and back. The reconstruction error shows how well the model fits the data; lower is better. --between interpolates from each row to the next through the noise.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct InvertArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Pictures or rows: a .png or .jpg, a folder, or a file of rows such as .npy, .csv or .parquet
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    #[command(flatten)]
    pub file: FileArgs,
    /// Use the first N rows
    #[arg(short = 'n', long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub count: Option<usize>,
    /// Number of interpolated points from each row to the next, both ends included
    #[arg(long, value_name = "N", value_parser = points, allow_negative_numbers = true)]
    pub between: Option<usize>,
    #[command(flatten)]
    pub sampler: SamplerArgs,
    #[command(flatten)]
    pub given: GivenPlanArgs,
    #[command(flatten)]
    pub condition: ConditionArgs,
    #[command(flatten)]
    pub unconditional: UncondArgs,
    /// Number of threads [default: number of cores]
    #[arg(long, value_name = "T", value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Output: the noise (.npy, .csv, .tsv, .csv.gz, .tsv.gz or .parquet), or the reconstruction (.png or a directory)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Print a summary as JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// Write an HTML page about a training run
///
/// Shows the training and held-out loss, samples during and after training, their distance from held-out data, and the configuration that repeats the run. The page needs no other file.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct ReportArgs {
    /// The directory of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Output file [default: RUN/report.html]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Skip the measurements
    #[arg(long)]
    pub quick: bool,
    /// Random seed of the samples
    #[arg(long, value_name = "S", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,
    #[command(flatten)]
    pub sampler: SamplerArgs,
    #[command(flatten)]
    pub condition: ConditionArgs,
}

/// Two noise levels.
pub type Interval = [f64; 2];

/// Describe a model
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub struct InfoArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    /// Print the metadata of the model as JSON
    #[arg(long)]
    pub json: bool,
}

fn exact_help() -> String {
    format!("An exact density instead of a model: {}", langevin_analysis::exact::NAMES.join(", "))
}

pub(crate) fn data_help() -> String {
    format!("Training data: {}, or {}", langevin_tasks::data::names().join(", "), langevin_data::readable_kinds())
}

/// Returns the help text of a flag that names rows, for commands that do not train on them.
pub(crate) fn rows_help() -> String {
    format!("The rows: {}, or {}", langevin_tasks::data::names().join(", "), langevin_data::readable_kinds())
}

pub(crate) fn weight_help() -> String {
    format!(
        "Loss weight over noise levels: {}; some take a number, as in min-snr:5",
        langevin::objective::Weight::NAMES.join(", ")
    )
}

pub(crate) fn times_help() -> String {
    format!(
        "Density of the noise levels: {}; the normal densities take mean,std [default: uniform-t; uniform-lambda for vp and ve, whose time is unbounded]",
        langevin::objective::TimeDensity::NAMES.join(", ")
    )
}

pub(crate) fn process_help() -> String {
    format!("The process: {}", langevin::Process::NAMES.join(", "))
}

fn sampler_help() -> String {
    format!(
        "A sampler with its options, as in dpmpp-2m or heun:churn=40,tmin=0.05; `langevin explain` lists them all, and `langevin explain tokens` those of tokens [default: {SAMPLER}; with --eta alone: {SAMPLER_WITH_ETA}; tokens: {}]",
        langevin_discrete::request::SAMPLER
    )
}

fn steps_help() -> String {
    format!("Number of steps [default: {STEPS}, or as given by the word of moves]")
}

pub(crate) fn sigma_min_help() -> String {
    format!("The cleanest noise level before the last step, in σ/α [default: {}, or the first of a table]", SIGMAS[0])
}

pub(crate) fn sigma_max_help() -> String {
    format!(
        "The noise level of the start, in σ/α; inf is pure noise [default: {}, or the end of the process]",
        SIGMAS[1]
    )
}

fn grid_help() -> String {
    format!("Spacing of the noise levels: {}", langevin::Grid::NAMES.join(", "))
}
