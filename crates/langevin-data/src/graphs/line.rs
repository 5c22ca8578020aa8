//! Graphs with labels as lines of words: `1,2,1 0-1:2 1-2`.

use super::{Graph, few};
use crate::error::{Error, Result};
use std::fmt;

/// Writes the labels of the nodes and the edges.
pub(super) fn write(graph: &Graph, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (node, label) in graph.nodes.iter().enumerate() {
        write!(f, "{}{label}", if node == 0 { "" } else { "," })?;
    }
    graph.edges.iter().try_for_each(|(a, b, label)| match label {
        1 => write!(f, " {a}-{b}"),
        _ => write!(f, " {a}-{b}:{label}"),
    })
}

/// Reads what [`write`] writes.
pub(super) fn read(text: &str) -> Result<Graph> {
    let number = |word: &str, text: &str, expected: &str| {
        text.parse::<u32>().map_err(|_| {
            Error::data("a word of the graph cannot be read")
                .at(format!("'{}'", crate::words::start(word)))
                .expected(expected)
                .got(format!("'{}'", crate::words::start(text)))
        })
    };
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default();
    few(first.split(',').count())?;
    let nodes = first.split(',').map(|label| number(first, label, "labels of nodes such as 1,2,1"));
    let nodes = nodes.collect::<Result<Vec<_>>>()?;
    let most = nodes.len() * nodes.len().saturating_sub(1) / 2;
    let mut edges = Vec::new();
    for word in words {
        if edges.len() == most {
            return Err(Error::data("the graph has too many edges")
                .expected(format!("at most {most} for {} nodes", nodes.len()))
                .got("more"));
        }
        let (ends, label) = word.split_once(':').unwrap_or((word, "1"));
        let (a, b) = ends.split_once('-').unwrap_or((ends, ""));
        let [a, b, label] = [a, b, label].map(|part| number(word, part, "an edge such as 0-1 or 0-1:2"));
        edges.push((a? as usize, b? as usize, label?));
    }
    Graph::new(nodes, edges)
}
