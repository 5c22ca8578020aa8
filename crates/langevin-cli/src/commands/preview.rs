//! Samples during the training: a picture, lines of text, or graphs.

use crate::error::Result;
use crate::io::atomic;
use crate::io::png::{Picture, Tile};
use langevin_tasks::source::Source;
use langevin_tasks::train::{draw, draw_table, draw_tokens};
use langevin_train::Network;
use std::path::Path;

/// Number of samples that are pictures, and of points in a plane.
const PICTURES: usize = 64;
const POINTS: usize = 2000;
/// Number of samples of a text, and of graphs.
const TEXTS: usize = 24;
const GRAPHS: usize = 24;
/// Number of samples of texts of many tokens, and the number of tokens that are many.
const LONG_TEXTS: usize = 8;
const LONG: usize = 40;

/// Draws samples from the network and writes them to a file beside `path`: a picture (.png), a line
/// for each text (.txt) or a line for each graph (.g6). The noise is the same every time, so two
/// files show the progress between them.
pub fn preview(network: &mut Network, seed: u64, path: &Path) -> Result<()> {
    if network.vocabulary().is_none() {
        return picture(network, seed, path);
    }
    let lines = texts(network, seed)?;
    let ending = if lines.of_graphs { "g6" } else { "txt" };
    // A sample with several lines stays one line of the file.
    let text: String = lines.all.iter().map(|line| line.replace('\n', "⏎") + "\n").collect();
    atomic::save(&path.with_extension(ending), text.as_bytes())
}

/// Samples of tokens as texts.
pub struct Texts {
    /// The texts; a graph is in graph6.
    pub all: Vec<String>,
    /// True if the samples are graphs.
    pub of_graphs: bool,
    /// Number of samples that were drawn.
    pub drawn: usize,
}

/// Draws samples of a network on tokens. Samples that are no graph are left out.
pub fn texts(network: &mut Network, seed: u64) -> Result<Texts> {
    let shape = network.vocabulary().and_then(langevin_data::Vocabulary::graph_shape);
    let count = match shape {
        Some(_) => GRAPHS,
        None if network.width() > LONG => LONG_TEXTS,
        None => TEXTS,
    };
    if network.is_table() {
        let all = draw_table(network, seed, count)?;
        return Ok(Texts { all, of_graphs: false, drawn: count });
    }
    let tokens = draw_tokens(network, seed, count)?;
    let rows = tokens.chunks_exact(network.width().max(1));
    let all = match (shape, network.vocabulary()) {
        (Some(shape), _) => rows.filter_map(|row| Some(shape.graph(row).ok()?.to_string())).collect(),
        (None, Some(vocabulary)) => rows.map(|row| vocabulary.decode(row)).collect(),
        (None, None) => vec![],
    };
    Ok(Texts { all, of_graphs: shape.is_some(), drawn: count })
}

/// Draws samples from the network and writes a picture of them. The samples take the classes in
/// turn.
fn picture(network: &mut Network, seed: u64, path: &Path) -> Result<()> {
    let (count, tile) = match Tile::of(network.shape()) {
        Some(tile) => (PICTURES.min(Picture::most(tile.height, tile.width)), Some(tile)),
        None if network.width() == 2 => (POINTS, None),
        None => return Ok(()),
    };
    let threads = Source::Borrowed(network).threads(None);
    let samples = draw(network, seed, count, threads)?;
    match tile {
        None => Picture::scatter(&samples).write(path),
        Some(tile) => {
            let extent = Source::Borrowed(network).extent().unwrap_or([0.0, 1.0]);
            Picture::sheet(&samples, tile, extent)?.write(path)
        }
    }
}
