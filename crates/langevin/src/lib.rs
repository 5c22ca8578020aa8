//! Diffusion models as one Langevin equation, split into a forward and a reverse half; samplers as
//! tables of numbers.
//!
//! At a frozen noise level the Langevin step $dx = \Lambda s d\tau + \sqrt{2\Lambda} dW$ leaves the
//! density $p_t$ unchanged. It is the sum of a forward half, which raises the noise level, and a
//! reverse half, which lowers it. The share of the noise in the reverse half ($h/g$) distinguishes
//! ODE from SDE models. The clock in which the noise level is counted distinguishes VP, VE and
//! rectified flow.
//!
//! This crate is the mathematics of that picture as software. It contains no network framework: it
//! runs on slices, or on any tensor library through a trait with two required functions.
//!
//! # Quick start
//!
//! Choose a [`Process`], a [`Grid`] and a [`Sampler`], compile them to a [`Plan`], and run the plan
//! on anything that denoises. The plan is a table of numbers: it can be printed, checked, saved as
//! JSON, compared and run by another program.
//!
//! ```
//! use langevin::{Grid, Process, Sampler, Sampling};
//! use langevin_analysis::exact;
//!
//! let process = Process::rectified_flow();
//! let levels = Grid::karras(20).levels(&process, 0.002, 80.0)?;
//! let plan = Sampler::adams(2, 0.0)?.compile(&process, None, &levels)?;
//! println!("{plan}"); // the table
//! assert!(plan.lint()?.is_clean()); // every step keeps its marginal
//!
//! let data = exact::named("moons")?; // a density in closed form, in place of a network
//! let samples: Vec<f64> = Sampling::new(1000, 2).seed(1).threads(2).run(&plan, &data)?;
//! assert_eq!(samples.len(), 1000 * 2);
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! # Map of the modules
//!
//! | module | contents |
//! |---|---|
//! | [`process`] | noise schedules: α, σ, λ and its inverse; VP, VE, rectified flow, sub-VP, tables, your own |
//! | [`prediction`] | x0, ε, score, v, velocity and EDM as D = A x + B out |
//! | [`formulation`] | process + prediction + clock + input scaling: the convention in which a network was trained |
//! | [`model`] | the interface to networks |
//! | [`moves`] | the forward, the reverse and the Langevin move |
//! | [`grid`] | noise levels of the steps |
//! | [`sampler`] | samplers by name and by construction; the trait for samplers of your own |
//! | [`plan`] | compiled samplers: table, JSON, lint, comparison, execution |
//! | [`request`] | a sampler, grid and process in one value, with defaults, as text or JSON |
//! | [`adaptive`] | step-size control for each sample |
//! | [`drive`] | execution under the caller's control: the algorithm asks, the caller answers |
//! | [`space`] | the interface to tensor libraries; slices |
//! | [`noise`] | reproducible noise, and the registry of its draws |
//! | [`objective`] | denoising losses as weight × time density |
//! | [`error`], [`math`], [`text`] | the error type; functions with the same bits everywhere; numbers and tables as text |
//!
//! # Symbols
//!
//! | symbol | meaning | here |
//! |---|---|---|
//! | $x_t = \alpha x_0 + \sigma\varepsilon$ | a state | [`Process`], [`Level`] |
//! | $\lambda = \ln(\alpha/\sigma)$, $\sigma_{VE} = \sigma/\alpha$ | its noise level, independent of the clock | [`Level::lambda`], [`Level::sigma_ve`] |
//! | $D = E[x_0 \mid x_t]$ | the denoised prediction, to which all predictions convert | [`Prediction::to_denoised`] |
//! | $D = A x + B \mathrm{out}$ | the conversion of a network's output | [`Formulation`], [`ReadAs`] |
//! | $x' = a x + b D + c z$ | the three moves: forward, reverse, Langevin | [`Row`](moves::Row), [`Rates`](moves::Rates) |
//! | $\eta = h/g$ | the noise of the reverse half | [`moves::reverse_rho`] |
//! | $\int w(\lambda) p(\lambda) E\lVert\varepsilon-\hat\varepsilon\rVert^2 d\lambda$ | any denoising loss | [`Objective`] |
//! | $-\log p$ | the likelihood of data, as a bound or a density | `likelihood` of the crate `langevin-analysis` |
//! | $W_2$, KL(data‖model) | the exact error of a sampler on Gaussian data | `Analyze` and `Spectrum` of `langevin-analysis` |
//! | NFE | the number of network evaluations of a plan | [`Plan::nfe`] |
//!
//! # What to implement for code of your own
//!
//! - **A network:** implement [`Model`] on your states, describe the network by a [`Formulation`],
//!   and pass that to [`Sampler::compile`].
//! - **A tensor library:** implement [`Space`]. Two functions are required.
//! - **A noise schedule:** implement [`Schedule`] and pass it to [`Process::new`], which checks it.
//! - **A sampler:** implement [`Method`](sampler::Method), which writes rows of a plan.
//! - **A loop of your own**, for streaming, cancelling or a foreign runtime: use [`Plan::start`]
//!   and answer its questions. Adaptive steps and likelihoods run in the same way; see [`drive`].
//!
//! A [`Request`] holds process, grid and sampler as one value, for configuration files and command
//! lines:
//!
//! ```
//! use langevin::Request;
//! let plan = "sampler=adams2 process=vp steps=10".parse::<Request>()?.plan()?;
//! assert_eq!(plan.nfe(), 10);
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! # Guarantees
//!
//! - Coefficients are `f64`, computed with `libm` in a fixed order.
//! - Sample i depends only on its seed, its index and the model. The batch, the chunks and the
//!   thread count do not change it. See [`noise`].
//! - Bad input gives an [`Error`] that says what went wrong, where, what was expected, what was
//!   found and what to try. Documents from outside cannot make the crate allocate without bound.
//! - The crate has no `unsafe` code, opens no files, reads no clock, and starts only the threads
//!   that you request.
//!
//! Source: Zheng & Lan, "Rethinking the Diffusion Model from a Langevin Perspective", arXiv
//! 2604.10465.
#![forbid(unsafe_code)]

pub mod adaptive;
pub mod drive;
pub mod error;
pub mod formulation;
pub mod grid;
mod kernel;
pub mod math;
pub mod model;
pub mod moves;
pub mod noise;
pub mod objective;
pub mod plan;
pub mod prediction;
pub mod process;
pub mod request;
pub mod sampler;
pub mod space;
pub mod text;

pub use drive::ReadAs;
pub use error::{Error, Result};
pub use formulation::{Clock, Formulation, LambdaRange};
pub use grid::Grid;
pub use model::{Model, Query, Vjp};
pub use noise::SampleId;
pub use objective::Objective;
pub use plan::{Plan, Sampling};
pub use prediction::Prediction;
pub use process::{Level, Process, Schedule};
pub use request::Request;
pub use sampler::Sampler;
pub use space::{Map, SliceSpace, Space};

/// Runs the examples of the package's README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
