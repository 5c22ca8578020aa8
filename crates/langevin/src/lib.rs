//! Every diffusion model is one Langevin equation, split.
//!
//! At a frozen noise level the Langevin step $dx = \Lambda s d\tau + \sqrt{2\Lambda} dW$ leaves the density $p_t$ as it is. It is the sum of a forward half, which raises the
//! level, and a reverse half, which lowers it; how the noise is shared between them ($h/g$) makes the ODE and SDE models, and the clock in which the level is
//! counted makes VP, VE and rectified flow. This crate is that picture as software: the mathematics, with no network framework in it.
//!
//! | symbol | meaning | here |
//! |---|---|---|
//! | $x_t = \alpha x_0 + \sigma\varepsilon$ | a state | [`Process`], [`Level`] |
//! | $\lambda = \ln(\alpha/\sigma)$, $\sigma_{VE} = \sigma/\alpha$ | where it stands, in no clock | [`Level::lambda`], [`Level::sigma_ve`] |
//! | $D = E[x_0 \mid x_t]$ | the denoised prediction, to which everything converts | [`Prediction::to_denoised`] |
//! | $D = A x + B \mathrm{out}$ | what a network was trained to be, and how to read it as anything else | [`Formulation`], [`ReadAs`] |
//! | $x' = a x + b D + c z$ | the three moves: forward, reverse, Langevin | [`Row`](moves::Row), [`Rates`](moves::Rates) |
//! | $\int w(\lambda) p(\lambda) E\lVert\varepsilon-\hat\varepsilon\rVert^2 d\lambda$ | any denoising loss | [`Objective`] |
//! | $-\log p$ | how likely data are: a bound, or a density | `likelihood` of the crate `langevin-analysis` |
//! | $\eta = h/g$ | the noise of the reverse half | [`moves::reverse_rho`] |
//! | $W_2$, KL(data‖model) | the exact error of a sampler on Gaussian data | `Analyze` and `Spectrum` of `langevin-analysis` |
//!
//! # Where to start
//!
//! A sampler is a table of numbers, the [`Plan`]. Choose a [`Process`], a [`Grid`] and a [`Sampler`]; compile; run it on anything that denoises.
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
//! let data = exact::named("moons")?; // a density known in closed form, in place of a network
//! let samples: Vec<f64> = Sampling::new(1000, 2).seed(1).threads(2).run(&plan, &data)?;
//! # assert_eq!(samples.len(), 2000);
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! A [`Request`] is the same choice as one value, with defaults, as text or as JSON: `"sampler=adams2 process=vp".parse::<Request>()?.plan()?`.
//!
//! For a network of your own implement [`Model`] on your states; give it a [`Formulation`] and hand that to [`Sampler::compile`]. States that are not slices (a
//! tensor library's, say) need a [`Space`]: two functions. To keep control of the loop (for streaming, cancelling, or a foreign runtime) use
//! [`Plan::start`] and answer its questions. Adaptive steps and likelihoods run in the same way: see [`drive`].
//!
//! # Promises
//!
//! - Coefficients are `f64`, computed with `libm` in a fixed order.
//! - Sample i depends on its seed, its index and the model, and on nothing else: not on batch, chunk or thread count. See [`noise`].
//! - Bad input gives one [`Error`] that says what, where, expected, got and what to try. Documents from outside cannot make the crate allocate without bound.
//! - No `unsafe`, no files, no clock, and no threads but those you ask for.
//!
//! Source: Zheng & Lan, "Rethinking the Diffusion Model from a Langevin Perspective", arXiv 2604.10465.
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

/// The package's own README is run as it is written.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
