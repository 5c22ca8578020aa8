//! Tables of categories and numbers.
//!
//! | module | contents |
//! |---|---|
//! | `schema` | the columns of a table, and its rows as rows of a model |
//! | `scores` | numbers of a column as normal scores |
//! | `grid` | cells as texts, whatever the format of the file |
//! | `open` | data sets from files |
//! | `write` | rows of a table in a file |

mod grid;
mod open;
mod schema;
mod scores;
mod write;

pub(crate) use grid::{Grid, GridColumn};
pub use open::{Tabulation, open_table, open_table_as};
pub use schema::{ColumnValues, TableColumn, TableSchema};
pub use scores::NormalScores;
pub use write::write_table;
