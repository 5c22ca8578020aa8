//! Tasks on tokens: models of sequences, samples and likelihoods.
//!
//! A model of tokens is a trained network or an exact density ([`Model`]). The tasks have the names
//! of those for numbers: [`sample`], [`likelihood`].
//!
//! ```
//! use langevin_discrete::{Noise, Request};
//! use langevin_tasks::tokens::{Model, sample};
//! let model = Model::named("chain:3x5", Noise::Masked)?;
//! let prepared = sample::prepare(&model, sample::Chosen::Request(Request::new().steps(4)))?;
//! let mut count = 0;
//! prepared.draw(sample::Draws { count: 10, seed: 0 }, None, &(), &mut |tokens| {
//!     count += tokens.len();
//!     Ok(())
//! })?;
//! assert_eq!(count, 10 * 5);
//! # Ok::<(), langevin_tasks::Error>(())
//! ```

pub mod analyze;
pub mod evaluate;
pub mod graphs;
pub mod likelihood;
mod model;
pub mod recommend;
pub mod rows;
pub mod sample;

pub use model::{Model, Opened};
