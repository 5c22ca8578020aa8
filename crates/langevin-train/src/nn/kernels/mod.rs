//! Building blocks of networks: forward and backward passes on slices of f32 in row-major order.
//!
//! Matrix products come from `faer` ([`linear`] and its backward passes). Everything between two
//! products is one pass in this module. A pass is a plain loop that the compiler vectorises for the
//! processor at hand; `pulp` chooses among AVX-512, AVX2 and the baseline at run time. Products and
//! sums are never contracted, and sums run in a fixed number of lanes. A pass therefore gives the
//! same bits on every processor.
//!
//! | forward | formula | backward |
//! |---|---|---|
//! | [`linear`] | x W | [`linear_back_x`], [`linear_back_w`] |
//! | [`add_linear`] | h + x W | [`add_linear_back_x`], [`linear_back_w`] |
//! | [`activate`] | f(a) + h | [`activate_back`] |
//! | [`modulate`] | layer norm with scale and shift | [`modulate_back`] |
//! | [`join`] | h + gate ⊙ (y + bias) | [`join_back`] |
//! | [`drop_out`] | random elements ← 0 | the same pass |
//! | [`fill`] | the same row repeated | [`add_rows`] |
//! | [`embed`] | rows of a table | [`embed_back`] |
//! | [`embed_near`] | h + rows of a table for neighbours | [`embed_near_back`] |
//! | [`cross_entropy`] | −ln softmax of the answer | the same pass |
//! | [`score_entropy`] | loss of reverse rates, noise without a mask | the same pass |
//! | [`softmax`] | probabilities from logits | |
//!
//! No function here starts a thread. Training and sampling distribute *rows* over threads, so a
//! pass works on memory that its core has just touched.
//!
//! # Panics
//! The functions panic if the lengths of their slices do not fit each other.

pub(crate) mod activation;
pub(crate) mod attention;
mod dropout;
pub(crate) mod math;
pub(crate) mod matrix;
pub(crate) mod norm;
mod rates;
pub(crate) mod rotary;
pub(crate) mod rows;
pub(crate) mod softmax;
mod sum;
pub(crate) mod triangle;

pub use activation::{Activation, activate, activate_back};
pub use dropout::{Dropout, drop_out};
pub use matrix::{add_linear, add_linear_back_x, linear, linear_back_w, linear_back_x};
pub use norm::{modulate, modulate_back};
pub use rates::{Noised, score_entropy};
pub use rows::{add, add_rows, embed, embed_back, embed_near, embed_near_back, fill, join, join_back};
pub use softmax::{cross_entropy, softmax};
pub(crate) use sum::{square, square_apart};

/// Finite differences for the tests of the passes.
#[cfg(test)]
pub(crate) mod check {
    pub(crate) use crate::nn::check::{dot, normals};

    /// Checks a gradient against central differences.
    pub(crate) fn gradient(what: &str, x: &[f32], own: &[f32], tolerance: f64, f: impl Fn(&[f32]) -> f64) {
        crate::nn::check::check_gradient(what, x, own, tolerance, f).unwrap();
    }
}
