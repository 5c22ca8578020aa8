//! Files of graphs, one a line.

use super::graph6::HEADER;
use super::{Graph, GraphShape};
use crate::about::About;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::vocabulary::Vocabulary;
use std::path::Path;

/// Largest number of tokens of a file, 1 GiB of letters.
const MOST_TOKENS: usize = 1 << 28;

/// Reads a file of graphs, one a line, in the format graph6 or as a line of words (see [`Graph`]).
///
/// Without a shape, the shape is the smallest that the graphs fit ([`GraphShape::of`]).
///
/// ```
/// use langevin_data::open_graphs;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("graphs.g6");
/// std::fs::write(&path, ">>graph6<<Bw\nBg\n")?;
/// let data = open_graphs(&path, None)?;
/// assert_eq!((data.rows(), data.tokens(0)?), (2, vec![1, 1, 1]));
/// assert_eq!(data.vocabulary().unwrap().decode(&data.tokens(1)?), "Bg");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error that names the line if the file cannot be read, a line is no graph, or a graph
/// does not fit the shape.
pub fn open_graphs(path: &Path, shape: Option<GraphShape>) -> Result<Dataset> {
    let bytes = std::fs::read(path).map_err(|error| Error::reading(path, error))?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    read(name, &bytes, shape).map_err(|error| error.in_file(path))
}

fn read(name: String, bytes: &[u8], shape: Option<GraphShape>) -> Result<Dataset> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Error::data("the file is no text of graphs").at(format!("byte {}", error.valid_up_to() + 1))
    })?;
    let lines = || {
        let body = text.strip_prefix(HEADER).unwrap_or(text);
        body.lines().map(str::trim_end).enumerate().filter(|(_, line)| !line.is_empty())
    };
    let mut graphs = Vec::new();
    for (number, line) in lines() {
        graphs.push(line.parse::<Graph>().map_err(|error| error.at(format!("line {}", number + 1)))?);
    }
    let shape = shape.map_or_else(|| GraphShape::of(&graphs), Ok)?;
    if graphs.len().saturating_mul(shape.length()) > MOST_TOKENS {
        return Err(Error::data("the file has too many graphs")
            .expected(format!("at most {} graphs of {} nodes", MOST_TOKENS / shape.length(), shape.nodes()))
            .got(graphs.len().to_string()));
    }
    let mut tokens = Vec::with_capacity(graphs.len() * shape.length());
    for ((number, _), graph) in lines().zip(&graphs) {
        tokens.extend(shape.tokens(graph).map_err(|error| error.at(format!("line {}", number + 1)))?);
    }
    let data = Dataset::of_tokens(name, tokens, shape.length(), Vocabulary::graphs(shape))?;
    Ok(data.with_about(About::new("graphs, a line each", "nodes and edges"), vec![]))
}

impl Dataset {
    /// Builds a data set of graphs, a row of tokens each.
    ///
    /// ```
    /// use langevin_data::{Dataset, Graph, GraphShape};
    /// let graphs = ["Bw", "Bg", "A_"].map(|text| text.parse::<Graph>());
    /// let graphs = graphs.into_iter().collect::<Result<Vec<_>, _>>()?;
    /// let data = Dataset::of_graphs("small", GraphShape::of(&graphs)?, &graphs)?;
    /// // The third graph has two nodes.
    /// assert_eq!(data.tokens(2)?, [1, 1, 0, 1, 0, 0]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error that names the graph if one does not fit the shape, or if there is none.
    pub fn of_graphs(name: impl Into<String>, shape: GraphShape, graphs: &[Graph]) -> Result<Self> {
        let mut tokens = Vec::with_capacity(graphs.len() * shape.length());
        for (number, graph) in graphs.iter().enumerate() {
            tokens.extend(shape.tokens(graph).map_err(|error| error.at(format!("graph {}", number + 1)))?);
        }
        Self::of_tokens(name, tokens, shape.length(), Vocabulary::graphs(shape))
    }
}
