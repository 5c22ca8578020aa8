//! Counts of the orbits of connected graphlets of two to four nodes, by enumeration.
//!
//! | graphlet | orbits |
//! |---|---|
//! | edge | 0 |
//! | path of three nodes | 1 ends, 2 middle |
//! | triangle | 3 |
//! | path of four nodes | 4 ends, 5 middle |
//! | star | 6 leaves, 7 centre |
//! | square | 8 |
//! | triangle with a tail | 9 end of the tail, 10 nodes of degree 2, 11 of degree 3 |
//! | square with a diagonal | 12 nodes of degree 2, 13 of degree 3 |
//! | complete graph | 14 |
//!
//! The degrees within a graphlet name it and the orbit of each node.

use super::Adjacency;

/// Returns the counts of every node.
pub(super) fn counts(graph: &Adjacency) -> Vec<[u64; 15]> {
    let nodes = graph.nodes();
    let mut counts = vec![[0; 15]; nodes];
    let mut add = |members: &[usize]| {
        let degree = |a: usize| members.iter().filter(|b| graph.has_edge(a, **b)).count();
        let degrees = members.iter().map(|node| degree(*node));
        let (edges, most, least) = degrees
            .clone()
            .fold((0, 0, 4), |(sum, most, least), degree| (sum + degree, most.max(degree), least.min(degree)));
        for (node, degree) in members.iter().zip(degrees) {
            let orbit = match (members.len(), edges / 2, most, degree) {
                // A node on its own, so the members are not connected.
                _ if least == 0 => continue,
                (2, ..) => 0,
                (3, 2, _, 1) => 1,
                (3, 2, ..) => 2,
                (3, ..) => 3,
                (_, 2, ..) => continue,
                (_, 3, 2, 1) => 4,
                (_, 3, 2, _) => 5,
                (_, 3, _, 1) => 6,
                (_, 3, ..) => 7,
                (_, 4, 2, _) => 8,
                (_, 4, _, degree) => 8 + degree,
                (_, 5, _, degree) => 10 + degree,
                _ => 14,
            };
            counts[*node][orbit] += 1;
        }
    };
    for a in 0..nodes {
        for b in a + 1..nodes {
            add(&[a, b]);
            for c in b + 1..nodes {
                add(&[a, b, c]);
                for d in c + 1..nodes {
                    add(&[a, b, c, d]);
                }
            }
        }
    }
    counts
}
