//! Connected graphs on few nodes.

use super::Density;
use super::products::{Components, predict};
use crate::chance::uniforms;
use crate::denoiser::Denoiser;
use crate::space::{Letter, Noise, StateSpace};
use langevin::noise::draws;
use langevin::{Error, Query, Result, SampleId};

/// Largest number of nodes.
pub(super) const MOST_NODES: usize = 6;

/// All connected graphs on some nodes, each with the same weight.
///
/// A sequence has the n(n − 1)/2 pairs of nodes as tokens, in the order (0, 1), (0, 2), …, (1, 2)
/// and so on; letter 1 is an edge. Graphs that differ in the numbers of their nodes are different
/// sequences: 1, 4, 38, 728 and 26704 graphs on 2 to 6 nodes.
///
/// If no graph agrees with the other tokens, the prediction is the marginal law of the token.
///
/// ```
/// use langevin::{Query, SampleId};
/// use langevin_discrete::{Denoiser, Noise, exact::{ConnectedGraphs, Density}, level};
/// let graphs = ConnectedGraphs::new(3, Noise::Masked)?;
/// assert!((graphs.entropy().unwrap() - 4_f64.ln()).abs() < 1e-14);
/// // One edge is absent, so the others must be there.
/// let d = graphs.predict(&[0, 2, 2], &Query::new(level(0.3), &[SampleId::default()]))?;
/// assert_eq!(d[2..], [0.0, 1.0, 0.0, 1.0]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectedGraphs {
    space: StateSpace,
    nodes: usize,
    /// Edges of each graph: bit k is token k.
    graphs: Vec<u32>,
    /// Number of graphs with an edge at each place.
    edges: Vec<u32>,
}

impl ConnectedGraphs {
    /// Creates the density of the connected graphs on `nodes` nodes.
    ///
    /// # Errors
    /// Returns an error if there are fewer than two nodes or more than 6, or if the noise does not
    /// fit two letters.
    pub fn new(nodes: usize, noise: Noise) -> Result<Self> {
        if !(2..=MOST_NODES).contains(&nodes) {
            return Err(Error::argument("bad number of nodes")
                .expected(format!("2 to {MOST_NODES}"))
                .got(nodes.to_string()));
        }
        let pairs: Vec<[usize; 2]> = pairs(nodes).collect();
        let space = StateSpace::new(noise, 2, pairs.len())?;
        let graphs: Vec<u32> = (0..1 << pairs.len()).filter(|graph| is_connected(nodes, &pairs, *graph)).collect();
        let with = |place: usize| graphs.iter().filter(|graph| *graph >> place & 1 == 1).count() as u32;
        let edges = (0..pairs.len()).map(with).collect();
        Ok(Self { space, nodes, graphs, edges })
    }

    /// Returns the letters of all graphs, graph after graph.
    ///
    /// ```
    /// use langevin_discrete::{Noise, exact::ConnectedGraphs};
    /// let graphs = ConnectedGraphs::new(3, Noise::Masked)?;
    /// assert_eq!(graphs.tokens(), [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn tokens(&self) -> Vec<Letter> {
        let length = self.space.length();
        self.graphs.iter().flat_map(|graph| (0..length).map(move |place| graph >> place & 1)).collect()
    }

    /// Predicts one row of masked graphs, by counting the graphs that agree with it.
    fn count_in(&self, x: &[Letter], out: &mut [f64]) {
        let bits = |letter: Letter| x.iter().rev().fold(0, |bits, x| bits << 1 | u32::from(*x == letter));
        let (edges, known) = (bits(1), bits(0) | bits(1));
        let mut all = 0_u32;
        let mut with = vec![0_u32; x.len()];
        // Graphs that agree with everything but the token itself.
        let mut apart = vec![0_u32; x.len()];
        for graph in &self.graphs {
            let differ = (graph ^ edges) & known;
            if differ == 0 {
                all += 1;
                with.iter_mut().enumerate().for_each(|(place, with)| *with += graph >> place & 1);
            } else if differ.is_power_of_two() {
                apart[differ.trailing_zeros() as usize] += 1;
            }
        }
        for (place, out) in out.chunks_exact_mut(2).enumerate() {
            let [mut absent, mut present] = [all - with[place], with[place]];
            if edges >> place & 1 == 1 {
                absent += apart[place]
            } else {
                present += apart[place]
            }
            if absent + present == 0 {
                [absent, present] = [self.graphs.len() as u32 - self.edges[place], self.edges[place]];
            }
            let total = f64::from(absent + present);
            out.copy_from_slice(&[f64::from(absent) / total, f64::from(present) / total]);
        }
    }
}

/// Returns both nodes of each token.
pub(super) fn pairs(nodes: usize) -> impl Iterator<Item = [usize; 2]> {
    (0..nodes).flat_map(move |a| (a + 1..nodes).map(move |b| [a, b]))
}

/// Returns true if every node can be reached from node 0.
fn is_connected(nodes: usize, pairs: &[[usize; 2]], graph: u32) -> bool {
    let mut seen = 1_u32;
    for _ in 1..nodes {
        for (place, [a, b]) in pairs.iter().enumerate() {
            if graph >> place & 1 == 1 && (seen >> a | seen >> b) & 1 == 1 {
                seen |= 1 << a | 1 << b;
            }
        }
    }
    seen.count_ones() as usize == nodes
}

impl Components for ConnectedGraphs {
    fn count(&self) -> usize {
        self.graphs.len()
    }

    fn log_weight(&self, _: usize) -> f64 {
        0.0
    }

    fn seen(&self, component: usize, place: usize, emission: &[f64]) -> f64 {
        emission[(self.graphs[component] >> place & 1) as usize]
    }

    fn add(&self, component: usize, place: usize, weight: f64, out: &mut [f64]) {
        out[(self.graphs[component] >> place & 1) as usize] += weight;
    }
}

impl Denoiser for ConnectedGraphs {
    fn space(&self) -> &StateSpace {
        &self.space
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        if !self.space.is_masked() {
            return predict(self, &self.space, x, query);
        }
        self.space.check(x)?;
        let length = self.space.length();
        let mut out = vec![0.0; x.len() * 2];
        for (x, out) in x.chunks_exact(length).zip(out.chunks_exact_mut(length * 2)) {
            self.count_in(x, out);
        }
        Ok(out)
    }
}

impl Density for ConnectedGraphs {
    fn name(&self) -> String {
        format!("connected:{}", self.nodes)
    }

    fn log_probability(&self, tokens: &[Letter]) -> f64 {
        let bits = tokens.iter().rev().try_fold(0, |bits, x| (*x < 2).then_some(bits << 1 | x));
        match bits.filter(|graph| self.graphs.binary_search(graph).is_ok()) {
            Some(_) => -libm::log(self.graphs.len() as f64),
            None => f64::NEG_INFINITY,
        }
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<Letter> {
        let (length, count) = (self.space.length(), self.graphs.len());
        let (mut out, mut u) = (Vec::with_capacity(rows.len() * length), [0.0]);
        for row in rows {
            uniforms(*row, draws::EXACT_UNIFORMS.first(), &mut u);
            let graph = self.graphs[((u[0] * count as f64) as usize).min(count - 1)];
            out.extend((0..length).map(|place| graph >> place & 1));
        }
        out
    }

    fn entropy(&self) -> Option<f64> {
        Some(libm::log(self.graphs.len() as f64))
    }
}
