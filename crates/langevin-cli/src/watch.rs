//! Texts about the bound of held-out rows.

use langevin_tasks::watch::{LEVELS, ROWS};

/// Describes how the bound differs from the one that `likelihood` measures.
pub fn about_bound() -> String {
    format!(
        "the bound is an upper bound on −log p of {ROWS} held-out rows at most, from {LEVELS} noise levels; `langevin likelihood --method ode` computes the density of the ODE model, which is another figure"
    )
}

/// Returns a short form of the description, for a page.
pub fn bound_in_short() -> String {
    format!("an upper bound: {ROWS} rows at most, {LEVELS} noise levels")
}
