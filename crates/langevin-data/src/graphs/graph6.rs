//! The format graph6: a graph without labels as one line of printable characters.
//!
//! ```text
//! N(n) R(x(0,1) x(0,2) x(1,2) x(0,3) …)
//! N(n) = n + 63                        for n ≤ 62, one character
//!      = 126, 18 bits of n             for n ≤ 258047, four characters
//!      = 126 126, 36 bits of n         for larger n, eight characters
//! R(x) = six bits a character, the first bit the highest, padded with zeros; 63 is added to each
//! ```
//!
//! Source: B. McKay, "Description of graph6, sparse6 and digraph6 encodings", formats.txt of nauty.

use super::few;
use crate::error::{Error, Result};

/// Number that is added to six bits to make a printable character.
const SHIFT: u8 = 63;
/// Optional start of a file.
pub(super) const HEADER: &str = ">>graph6<<";

/// Returns the place of the bit of edge (a, b): the columns of the upper triangle one by one.
fn bit(a: usize, b: usize) -> usize {
    let (a, b) = (a.min(b), a.max(b));
    b * b.saturating_sub(1) / 2 + a
}

/// Writes a graph of at most 62 nodes.
pub(super) fn write(nodes: usize, edges: impl Iterator<Item = (usize, usize)>) -> String {
    let mut groups = vec![0_u8; (nodes * nodes.saturating_sub(1) / 2).div_ceil(6)];
    for (a, b) in edges {
        let bit = bit(a, b);
        groups[bit / 6] |= 1 << (5 - bit % 6);
    }
    std::iter::once(nodes as u8).chain(groups).map(|group| char::from(group + SHIFT)).collect()
}

/// Reads one graph as its number of nodes and its edges.
pub(super) fn read(text: &str) -> Result<(usize, Vec<(usize, usize)>)> {
    let bad = |what: &str| Error::data(format!("the text is no graph in the format graph6: {what}"));
    let body = text.strip_prefix(HEADER).unwrap_or(text);
    match body.as_bytes().first() {
        Some(b':') => return Err(bad("it is one in the format sparse6").hinting("nauty's copyg -g converts it")),
        Some(b'&') => return Err(bad("it is a directed graph in the format digraph6")),
        _ => {}
    }
    let mut groups = Vec::with_capacity(body.len());
    for (place, byte) in body.bytes().enumerate() {
        match byte.checked_sub(SHIFT).filter(|group| *group < 64) {
            Some(group) => groups.push(group),
            None => {
                return Err(bad("a character is none of the format")
                    .at(format!("byte {}", place + 1))
                    .expected("characters from '?' to '~'")
                    .got(byte.escape_ascii().to_string()));
            }
        }
    }
    let number = |digits: &[u8]| digits.iter().fold(0_usize, |n, digit| n << 6 | usize::from(*digit));
    let (nodes, rest) = match &groups[..] {
        [63, 63, rest @ ..] if rest.len() >= 6 => (number(&rest[..6]), &rest[6..]),
        [63, 63, ..] => return Err(bad("the number of nodes is cut short")),
        [63, rest @ ..] if rest.len() >= 3 => (number(&rest[..3]), &rest[3..]),
        [63, ..] => return Err(bad("the number of nodes is cut short")),
        [nodes, rest @ ..] => (usize::from(*nodes), rest),
        [] => return Err(bad("it is empty")),
    };
    // The size of everything that follows is bounded from here on.
    few(nodes)?;
    let pairs = nodes * nodes.saturating_sub(1) / 2;
    if rest.len() != pairs.div_ceil(6) {
        return Err(bad("the edges have the wrong length")
            .expected(format!("{} characters for {nodes} nodes", pairs.div_ceil(6)))
            .got(rest.len().to_string()));
    }
    let is_set = |bit: usize| rest[bit / 6] >> (5 - bit % 6) & 1 == 1;
    if (pairs..rest.len() * 6).any(is_set) {
        return Err(bad("the bits after the last edge are not zero"));
    }
    let all = (0..nodes).flat_map(|b| (0..b).map(move |a| (a, b)));
    Ok((nodes, all.filter(|(a, b)| is_set(bit(*a, *b))).collect()))
}
