//! Graphs that differ in the numbers of their nodes alone.
//!
//! Every node has a colour, first its label and its distances to all other nodes. A round replaces
//! the colour of a node by that of the node and those of its neighbours, with the labels of the
//! edges, until no round splits a colour any more. Renumbered graphs have the same colours. For the
//! converse, a search maps nodes to nodes of the same colour one by one.
//!
//! Source: Weisfeiler & Leman, Nauchno-Technicheskaya Informatsia 2 (1968).

use super::Graph;
use std::collections::HashMap;

/// Largest number of steps of a search; a pair that is undecided then counts as renumbered. Graphs
/// of 32 nodes whose colours do not decide need some thousands.
const MOST_STEPS: usize = 1 << 20;
/// Distance of nodes that no path joins.
const APART: u64 = u64::MAX;

/// A set of graphs in which renumbered graphs are the same.
///
/// ```
/// use langevin_data::GraphClasses;
/// let mut seen = GraphClasses::default();
/// // Two paths of three nodes, and a triangle.
/// assert!(seen.insert(&"Bg".parse()?) && !seen.insert(&"Bo".parse()?));
/// assert!(seen.insert(&"Bw".parse()?));
/// assert_eq!(seen.len(), 2);
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct GraphClasses {
    of: HashMap<u64, Vec<Coloured>>,
    count: usize,
}

impl GraphClasses {
    /// Adds a graph. Returns false if the set has it already, under any numbers of its nodes.
    pub fn insert(&mut self, graph: &Graph) -> bool {
        let graph = Coloured::new(graph);
        let known = self.of.entry(graph.hash()).or_default();
        if known.iter().any(|other| graph.is_renumbered(other)) {
            return false;
        }
        known.push(graph);
        self.count += 1;
        true
    }

    /// Returns true if the set has the graph, under any numbers of its nodes.
    #[must_use]
    pub fn contains(&self, graph: &Graph) -> bool {
        let graph = Coloured::new(graph);
        self.of.get(&graph.hash()).is_some_and(|known| known.iter().any(|other| graph.is_renumbered(other)))
    }

    /// Returns the number of graphs that differ by more than the numbers of their nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns true if there is no graph.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Graph {
    /// Returns true if two graphs differ in the numbers of their nodes alone.
    ///
    /// The search is exact for all graphs but rare pairs that need more than a million steps, which
    /// count as renumbered.
    ///
    /// ```
    /// use langevin_data::Graph;
    /// let [path, other, triangle] = ["Bg", "Bo", "Bw"].map(|text| text.parse::<Graph>().unwrap());
    /// assert!(path.is_isomorphic(&other) && !path.is_isomorphic(&triangle));
    /// ```
    #[must_use]
    pub fn is_isomorphic(&self, other: &Self) -> bool {
        Coloured::new(self).is_renumbered(&Coloured::new(other))
    }
}

/// A graph with the colours of its nodes.
#[derive(Clone, Debug)]
struct Coloured {
    colours: Vec<u64>,
    /// Label of each pair of nodes, row by row; 0 for no edge.
    edges: Vec<u32>,
}

impl Coloured {
    fn new(graph: &Graph) -> Self {
        let n = graph.nodes().len();
        let mut edges = vec![0; n * n];
        for (a, b, label) in graph.edges() {
            (edges[a * n + b], edges[b * n + a]) = (*label, *label);
        }
        let distances = distances(n, &edges);
        let first = |node: usize| {
            let mut own = distances[node * n..(node + 1) * n].to_vec();
            own.sort_unstable();
            mixed(u64::from(graph.nodes()[node]), &own)
        };
        let mut colours: Vec<u64> = (0..n).map(first).collect();
        let mut count = number_of(&colours);
        loop {
            let next = |node: usize| {
                let near = (0..n).filter(|other| edges[node * n + other] > 0);
                let mut own: Vec<u64> =
                    near.map(|other| mixed(u64::from(edges[node * n + other]), &[colours[other]])).collect();
                own.sort_unstable();
                mixed(colours[node], &own)
            };
            colours = (0..n).map(next).collect();
            let now = number_of(&colours);
            if now == count {
                return Self { colours, edges };
            }
            count = now;
        }
    }

    /// Returns a number that renumbered graphs share.
    fn hash(&self) -> u64 {
        let mut colours = self.colours.clone();
        colours.sort_unstable();
        mixed(colours.len() as u64, &colours)
    }

    fn is_renumbered(&self, other: &Self) -> bool {
        let sorted = |graph: &Self| {
            let mut colours = graph.colours.clone();
            colours.sort_unstable();
            colours
        };
        if sorted(self) != sorted(other) {
            return false;
        }
        let mut search = Search { a: self, b: other, order: self.order(), to: vec![], steps: 0 };
        search.goes_on()
    }

    /// Returns the nodes so that each has as many earlier neighbours as possible, rare colours
    /// first.
    fn order(&self) -> Vec<usize> {
        let n = self.colours.len();
        let rare = |node: usize| self.colours.iter().filter(|colour| **colour == self.colours[node]).count();
        let mut order: Vec<usize> = Vec::with_capacity(n);
        while order.len() < n {
            let near = |node: usize| order.iter().filter(|other| self.edges[node * n + **other] > 0).count();
            let left = (0..n).filter(|node| !order.contains(node));
            let best = left.min_by_key(|node| (std::cmp::Reverse(near(*node)), rare(*node), *node));
            order.extend(best);
        }
        order
    }
}

/// A search for a map of nodes.
struct Search<'a> {
    a: &'a Coloured,
    b: &'a Coloured,
    /// Nodes of `a` in the order in which they are mapped, and the nodes of `b` they are mapped to.
    order: Vec<usize>,
    to: Vec<usize>,
    steps: usize,
}

impl Search<'_> {
    /// Returns true if the map can be completed.
    fn goes_on(&mut self) -> bool {
        let (n, next) = (self.order.len(), self.to.len());
        if next == n {
            return true;
        }
        let node = self.order[next];
        for image in 0..n {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return true;
            }
            let fits = self.a.colours[node] == self.b.colours[image] && !self.to.contains(&image);
            let mut mapped = self.order.iter().zip(&self.to);
            if fits && mapped.all(|(own, other)| self.a.edges[node * n + own] == self.b.edges[image * n + other]) {
                self.to.push(image);
                if self.goes_on() {
                    return true;
                }
                self.to.pop();
            }
        }
        false
    }
}

/// Returns the number of edges on the shortest path between all pairs of nodes.
fn distances(n: usize, edges: &[u32]) -> Vec<u64> {
    let mut d: Vec<u64> = edges.iter().map(|label| if *label > 0 { 1 } else { APART }).collect();
    (0..n).for_each(|node| d[node * n + node] = 0);
    for by in 0..n {
        for a in 0..n {
            for b in 0..n {
                d[a * n + b] = d[a * n + b].min(d[a * n + by].saturating_add(d[by * n + b]));
            }
        }
    }
    d
}

fn number_of(colours: &[u64]) -> usize {
    let mut all = colours.to_vec();
    all.sort_unstable();
    all.dedup();
    all.len()
}

/// Mixes numbers into one, with the finaliser of SplitMix64. A collision costs a search and changes
/// no result.
fn mixed(first: u64, rest: &[u64]) -> u64 {
    rest.iter().fold(first.wrapping_add(1), |hash, value| {
        let mut z = (hash ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(nodes: usize, edges: &[(usize, usize)]) -> Graph {
        Graph::new(vec![1; nodes], edges.iter().map(|(a, b)| (*a, *b, 1)).collect()).unwrap()
    }

    fn cycles(sizes: &[usize]) -> Graph {
        let (mut edges, mut first) = (vec![], 0);
        for size in sizes {
            edges.extend((0..*size).map(|k| (first + k, first + (k + 1) % size)));
            first += size;
        }
        graph(first, &edges)
    }

    /// The numbers of graphs on 1 to 5 nodes are those of OEIS A000088.
    #[test]
    fn classes_have_the_known_numbers() {
        for (nodes, count) in [(1, 1), (2, 2), (3, 4), (4, 11), (5, 34)] {
            let pairs: Vec<(usize, usize)> = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b))).collect();
            let mut seen = GraphClasses::default();
            for set in 0..1_usize << pairs.len() {
                let edges: Vec<_> =
                    pairs.iter().enumerate().filter(|(k, _)| set >> k & 1 == 1).map(|(_, pair)| *pair).collect();
                let one = graph(nodes, &edges);
                assert_eq!(seen.contains(&one), !seen.insert(&one));
            }
            assert_eq!(seen.len(), count, "{nodes} nodes");
        }
    }

    #[test]
    fn renumbered_graphs_are_the_same() {
        let data = crate::Dataset::communities(20, 5).unwrap();
        let shape = data.vocabulary().unwrap().graph_shape().unwrap();
        let mut seen = GraphClasses::default();
        for row in 0..20 {
            let own = shape.graph(&data.tokens(row).unwrap()).unwrap();
            let n = own.nodes().len();
            let to = |node: &usize| (node * (n - 1) + 3) % n;
            let edges = own.edges().iter().map(|(a, b, label)| (to(a), to(b), *label)).collect();
            let moved = Graph::new(own.nodes().to_vec(), edges).unwrap();
            assert!(seen.insert(&own) && !seen.insert(&moved));
            // One edge less is another graph.
            assert!(!own.is_isomorphic(&Graph::new(own.nodes().to_vec(), own.edges()[1..].to_vec()).unwrap()));
        }
        assert_eq!(seen.len(), 20);
    }

    /// Graphs whose nodes all have the same degree, which rounds of colours alone do not tell
    /// apart.
    #[test]
    fn regular_graphs_are_searched() {
        assert!(!cycles(&[3, 5]).is_isomorphic(&cycles(&[4, 4])));
        assert!(!cycles(&[8]).is_isomorphic(&cycles(&[4, 4])));
        assert!(cycles(&[3, 5, 4]).is_isomorphic(&cycles(&[4, 3, 5])));
        // The rook's graph on 4 × 4 squares, and the Shrikhande graph: both are strongly regular
        // with parameters (16, 6, 2, 2).
        let on_torus = |near: &dyn Fn(usize, usize) -> bool| {
            let pairs = (0..16).flat_map(|a| (a + 1..16).map(move |b| (a, b)));
            let step = |a: usize, b: usize| ((b / 4 + 4 - a / 4) % 4, (b % 4 + 4 - a % 4) % 4);
            let edges: Vec<_> = pairs.filter(|(a, b)| near(step(*a, *b).0, step(*a, *b).1)).collect();
            graph(16, &edges)
        };
        let rook = on_torus(&|x, y| x == 0 || y == 0);
        let shrikhande = on_torus(&|x, y| matches!((x, y), (0, 1 | 3) | (1 | 3, 0) | (1, 1) | (3, 3)));
        assert_eq!((rook.edges().len(), shrikhande.edges().len()), (48, 48));
        assert!(!rook.is_isomorphic(&shrikhande));
        assert!(graph(32, &[]).is_isomorphic(&graph(32, &[])));
    }

    #[test]
    fn labels_count() {
        let with = |nodes: [u32; 3], labels: [u32; 2]| {
            Graph::new(nodes.to_vec(), vec![(0, 1, labels[0]), (1, 2, labels[1])]).unwrap()
        };
        assert!(with([1, 2, 3], [1, 2]).is_isomorphic(&with([3, 2, 1], [2, 1])));
        assert!(!with([1, 2, 3], [1, 2]).is_isomorphic(&with([3, 2, 1], [1, 2])));
        assert!(!with([1, 2, 3], [1, 2]).is_isomorphic(&with([2, 1, 3], [1, 2])));
    }
}
