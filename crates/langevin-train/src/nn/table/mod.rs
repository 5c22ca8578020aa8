//! The transformer for tables: every column is a token, and has its own embedding and outputs.
//!
//! The blocks and their condition are those of every [transformer](super::transformer). A row has
//! m numbers x_j at unit variance, and then d letters:
//!
//! ```text
//! h_j = φ(x_j) A_j,   h_(m+i) = E_i[letter i],   blocks,
//! output of number j = (out h_j)_j,   logits of column i = the part of out h_(m+i) that is its own
//!
//! φ(x) = (1, x, sin x, cos x, sin 2x, cos 2x, sin 4x, cos 4x, 0)
//! ```
//!
//! A missing number is NaN, and has φ = (0, …, 0, 1). A letter that is no category of its column
//! has a logit of −∞, and hence probability 0. The last layer starts at zero.
//!
//! The blocks are those of Peebles & Xie, arXiv 2212.09748; tokens for columns: Gorishniy et al.,
//! arXiv 2106.11959.

mod pass;

use super::net::{Net, Parameter, Pass, extents, is_zero};
use super::transformer::{MAX_TOKENS, Mixing, Sizes, Transformer, check_blocks, check_bounds};
use crate::error::{Error, Result};
use langevin_data::TableSchema;
use serde::{Deserialize, Serialize};

/// Number of features of a number, φ.
const FEATURES: usize = 9;

/// Configuration of a transformer for tables.
///
/// A sample has the shape `[columns]`: the numbers, and then the letters of the categories.
///
/// ```
/// use langevin_data::{ColumnValues, TableColumn, TableSchema};
/// use langevin_train::{NetworkSpec, TableConfig};
/// let answers = ColumnValues::Categories(vec!["no".into(), "yes".into()]);
/// let schema = TableSchema::new(vec![TableColumn::new("smoker", answers)])?;
/// // Columns of 32 elements, 2 blocks with 4 heads.
/// let spec: NetworkSpec = TableConfig::new(&schema, 32, 2, 4).into();
/// assert_eq!(serde_json::to_value(&spec)?["kind"], "table");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TableConfig {
    /// Number of elements of a column.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Number of attention heads, which divide the width among them.
    pub heads: usize,
    /// Number of cosine features of the noise level; 0 for a network that does not see it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fourier: usize,
    /// Number of classes; 0 for an unconditional network.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub classes: usize,
    /// Number of columns of numbers.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub numbers: usize,
    /// Number of categories of each column of categories.
    pub categories: Vec<usize>,
}

impl TableConfig {
    /// Returns a configuration for the columns of a schema under masked noise, without classes.
    ///
    /// The arguments are the elements of a column, the blocks and the heads. The network sees the
    /// noise level if there are numbers.
    #[must_use]
    pub fn new(schema: &TableSchema, width: usize, depth: usize, heads: usize) -> Self {
        let numbers = schema.numbers();
        let fourier = if numbers > 0 { 16 } else { 0 };
        Self { width, depth, heads, fourier, classes: 0, numbers, categories: schema.letters() }
    }

    /// Returns the number of letters of the output, which all columns share.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.categories.iter().max().map_or(0, |most| *most.max(&2))
    }

    /// Checks that the sizes form a network for tables of this shape.
    fn check(&self, shape: &[usize]) -> Result<()> {
        check_blocks(self.width, self.depth, self.heads, self.classes)?;
        let columns = self.numbers.saturating_add(self.categories.len());
        let least = usize::from(self.numbers > 0);
        check_bounds(&[("fourier", self.fourier, least, 1 << 10), ("columns", columns, 1, MAX_TOKENS)])?;
        for size in &self.categories {
            check_bounds(&[("categories", *size, 1, 1 << 20)])?;
        }
        if self.categories.is_empty() {
            return Err(Error::argument("a network for tables needs a column of categories").at("categories"));
        }
        if shape == [columns] {
            return Ok(());
        }
        Err(Error::argument("the samples are no rows of this network")
            .at("network")
            .expected(format!("samples of shape [{columns}]"))
            .got(format!("[{}]", extents(shape))))
    }

    /// Returns the number of outputs of all columns.
    fn outputs(&self) -> usize {
        self.categories.iter().fold(self.numbers, |sum, size| sum.saturating_add(*size))
    }
}

/// Transformer for the rows of a table.
#[derive(Clone, Debug)]
pub(crate) struct TableNet {
    config: TableConfig,
    body: Transformer,
}

impl TableNet {
    pub(crate) fn new(config: TableConfig, shape: &[usize]) -> Result<Self> {
        config.check(shape)?;
        let TableConfig { width, depth, heads, fourier, classes, numbers, .. } = config;
        let columns = numbers + config.categories.len();
        let features = if fourier == 0 { 0 } else { fourier + 1 };
        // Every column has a row for its mask.
        let letters = config.categories.iter().fold(0_usize, |sum, size| sum.saturating_add(size + 1));
        let tables = [("number", [numbers * FEATURES, width]), ("category", [letters, width])];
        let body = Transformer::new(
            Sizes { width, heads, tokens: columns, mixing: Mixing::Tokens { causal: false, rotary: false } },
            depth,
            if numbers == 0 { &tables[1..] } else { &tables },
            [features, classes, config.outputs()],
            format_args!("for a transformer of width {width} and depth {depth} on {columns} columns"),
        )?;
        Ok(Self { config, body })
    }
}

impl Net for TableNet {
    fn parameters(&self) -> &[Parameter] {
        &self.body.parameters
    }

    fn features(&self) -> usize {
        self.body.features
    }

    fn classes(&self) -> usize {
        self.body.classes
    }

    fn drops_out(&self) -> bool {
        true
    }

    /// Returns the initial weights: those of every transformer, and embeddings with standard
    /// deviations of ½ a feature of a number, and of 1 a letter.
    fn init(&self, seed: u64) -> Vec<f32> {
        self.body.init(seed, |name| match name {
            "number" => Some(0.5),
            "category" => Some(1.0),
            _ => None,
        })
    }

    fn chunk(&self) -> usize {
        self.body.chunk()
    }

    fn pass(&self, rows: usize) -> Box<dyn Pass> {
        Box::new(pass::Memory::new(self, rows))
    }
}

#[cfg(test)]
mod tests;
