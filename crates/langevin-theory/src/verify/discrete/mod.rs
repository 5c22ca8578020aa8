//! Claims on discrete data: the same triangle for tokens.
//!
//! The measurements run on spaces of at most 81 sequences, where every law is a table and every
//! transition a matrix exponential.
//!
//! | numbers | topic |
//! |---|---|
//! | D1–D6 | the rates of the reverse half, and the Langevin step |
//! | D7–D10 | the divergence between data and model; duality |
//! | D11–D19 | predictions of one token, and its steps |
//! | D20–D25 | losses and likelihood |
//! | D26–D33 | what fails for tokens |

mod case;
mod divergence;
mod fails;
mod likelihood;
mod matrix;
mod rates;
mod tokens;

use super::Claim;

/// Returns all claims of the module.
pub(super) fn claims() -> Vec<Claim> {
    [rates::CLAIMS, divergence::CLAIMS, tokens::CLAIMS, likelihood::CLAIMS, fails::CLAIMS].concat()
}
