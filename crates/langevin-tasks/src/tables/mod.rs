//! Tasks on tables of categories and numbers.
//!
//! A table of categories alone is a data set of tokens, and its tasks are those of
//! [`tokens`](crate::tokens). This module samples models of categories and numbers together, and
//! compares samples of either kind with data.
//!
//! | module | contents |
//! |---|---|
//! | [`sample`] | samples of a model of numbers and categories |
//! | [`evaluate`] | samples compared with data, beside a Gaussian copula |
//! | [`copula`] | the Gaussian copula, the baseline |

pub mod copula;
pub mod evaluate;
mod measures;
pub mod sample;

use crate::error::{Error, Result};
use langevin_data::TableSchema;
use langevin_train::Network;

/// Returns the columns of a model of a table.
///
/// # Errors
/// Returns an error if the model is not of a table.
pub fn schema(network: &Network) -> Result<&TableSchema> {
    network
        .vocabulary()
        .and_then(|vocabulary| vocabulary.table())
        .ok_or_else(|| Error::misused("the model is not of a table of categories").expected("a model of such a table"))
}

/// Returns the cells of a row of a model as one line: `ash, 1.92`. A missing cell is `_`.
#[must_use]
pub fn line(schema: &TableSchema, row: &[f64]) -> String {
    let cells = schema.cells(row).into_iter().map(|cell| cell.unwrap_or_else(|| "_".to_owned()));
    cells.collect::<Vec<_>>().join(", ")
}
