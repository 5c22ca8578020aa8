//! Statistics of sets of graphs, and how far two sets are apart in them.
//!
//! Four lists describe a graph, as in the usual protocol of graph generation:
//!
//! | statistic | list of a graph | distance | σ |
//! |---|---|---|---|
//! | [`Statistic::Degree`] | share of the nodes of each degree | total variation | 1 |
//! | [`Statistic::Clustering`] | histogram of the local clustering coefficients, 100 bins on \[0, 1\] | total variation | 0.1 |
//! | [`Statistic::Orbit`] | mean number of times that a node is in each of the 15 orbits of graphlets of 2 to 4 nodes | total variation | 30 |
//! | [`Statistic::Spectrum`] | histogram of the eigenvalues of the normalised Laplacian, 200 bins on \[0, 2\] | total variation | 1 |
//!
//! Two sets are compared by the squared maximum mean discrepancy, with all pairs of both sets:
//!
//! $$\mathrm{MMD}^2 = E\,k(x, x') + E\,k(y, y') - 2 E\,k(x, y), \qquad
//!   k(x, y) = e^{-d(x, y)^2/2\sigma^2}, \qquad d = \tfrac12 \sum_i |x_i - y_i| .$$
//!
//! A published figure holds for one kernel: the earth mover's distance of GraphRNN gives other
//! numbers ([`Distance`]).
//!
//! Sources: You et al., arXiv 1802.08773; Martinkus et al., arXiv 2204.01613; Vignac et al., arXiv
//! 2209.14734. Orbits: Pržulj, Bioinformatics 23 (2007).

mod orbits;
mod spectrum;

use langevin::{Error, Result};

/// Largest number of nodes.
const MOST_NODES: usize = 64;
/// Numbers of bins of the histograms.
const CLUSTERING_BINS: usize = 100;
const SPECTRUM_BINS: usize = 200;

/// An undirected graph without loops and labels, on at most 64 nodes.
///
/// ```
/// use langevin_discrete::graphs::Adjacency;
/// let path = Adjacency::new(3, &[(0, 1), (1, 2)])?;
/// assert_eq!(path.degrees(), [1, 2, 1]);
/// assert!(path.is_connected());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjacency {
    /// Bits of the neighbours of each node.
    near: Vec<u64>,
}

impl Adjacency {
    /// Creates a graph from its edges. An edge that is given twice is one edge.
    ///
    /// # Errors
    /// Returns an error if there is no node or more than 64, or if an edge is a loop or has a node
    /// that does not exist.
    pub fn new(nodes: usize, edges: &[(usize, usize)]) -> Result<Self> {
        if !(1..=MOST_NODES).contains(&nodes) {
            return Err(Error::argument("bad number of nodes")
                .expected(format!("1 to {MOST_NODES}"))
                .got(nodes.to_string()));
        }
        let mut near = vec![0; nodes];
        for (a, b) in edges {
            if a == b || *a.max(b) >= nodes {
                return Err(Error::argument("bad edge of a graph")
                    .expected(format!("two different nodes below {nodes}"))
                    .got(format!("{a}-{b}")));
            }
            near[*a] |= 1 << b;
            near[*b] |= 1 << a;
        }
        Ok(Self { near })
    }

    /// Returns the number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.near.len()
    }

    /// Returns true if two nodes are joined by an edge.
    #[must_use]
    pub fn has_edge(&self, a: usize, b: usize) -> bool {
        self.near.get(a).is_some_and(|near| b < MOST_NODES && near >> b & 1 == 1)
    }

    /// Returns the degree of every node.
    #[must_use]
    pub fn degrees(&self) -> Vec<usize> {
        self.near.iter().map(|near| near.count_ones() as usize).collect()
    }

    /// Returns true if every node can be reached from every other.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let mut seen = 1_u64;
        for _ in 1..self.nodes() {
            let reached = self.near.iter().enumerate().filter(|(node, _)| seen >> node & 1 == 1);
            seen = reached.fold(seen, |seen, (_, near)| seen | near);
        }
        seen.count_ones() as usize == self.nodes()
    }

    /// Returns the local clustering coefficient of every node: the share of the pairs of its
    /// neighbours that are joined, and 0 for fewer than two neighbours.
    ///
    /// ```
    /// use langevin_discrete::graphs::Adjacency;
    /// // A triangle with a tail.
    /// let paw = Adjacency::new(4, &[(0, 1), (1, 2), (2, 0), (2, 3)])?;
    /// assert_eq!(paw.clustering(), [1.0, 1.0, 1.0 / 3.0, 0.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn clustering(&self) -> Vec<f64> {
        let of = |near: &u64| {
            let degree = near.count_ones();
            let others = self.near.iter().enumerate().filter(|(node, _)| near >> node & 1 == 1);
            // Every edge between two neighbours is seen from both.
            let joined: u32 = others.map(|(_, other)| (other & near).count_ones()).sum();
            if degree < 2 { 0.0 } else { f64::from(joined) / f64::from(degree * (degree - 1)) }
        };
        self.near.iter().map(of).collect()
    }

    /// Returns how many times each node is in each of the 15 orbits of the connected graphlets of 2
    /// to 4 nodes, a row of 15 numbers for each node.
    ///
    /// ```
    /// use langevin_discrete::graphs::Adjacency;
    /// let triangle = Adjacency::new(3, &[(0, 1), (1, 2), (2, 0)])?;
    /// // Two edges (orbit 0) and one triangle (orbit 3) at each node; paths are induced.
    /// assert_eq!(triangle.orbits()[0][..4], [2, 0, 0, 1]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn orbits(&self) -> Vec<[u64; 15]> {
        orbits::counts(self)
    }

    /// Returns the eigenvalues of the normalised Laplacian 1 − D^(−½) A D^(−½) in ascending order.
    /// A node without edges has eigenvalue 0.
    ///
    /// ```
    /// use langevin_discrete::graphs::Adjacency;
    /// let edge = Adjacency::new(2, &[(0, 1)])?;
    /// let [zero, two] = edge.spectrum()[..] else { panic!() };
    /// assert!(zero.abs() < 1e-12 && (two - 2.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn spectrum(&self) -> Vec<f64> {
        spectrum::eigenvalues(self)
    }
}

/// A statistic of a graph: a list of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statistic {
    /// Shares of the nodes by degree.
    Degree,
    /// Histogram of the local clustering coefficients.
    Clustering,
    /// Mean orbit counts of a node.
    Orbit,
    /// Histogram of the eigenvalues of the normalised Laplacian.
    Spectrum,
}

/// Distance d of two lists in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Distance {
    /// Half the sum of the differences: the protocol of SPECTRE and DiGress.
    TotalVariation,
    /// The earth mover's distance of histograms, in bins: the sum of the differences of the
    /// cumulative sums. GraphRNN scales it otherwise for other histograms than those of degrees.
    EarthMover,
}

impl Statistic {
    /// All statistics, in the order of the variants.
    pub const ALL: [Self; 4] = [Self::Degree, Self::Clustering, Self::Orbit, Self::Spectrum];

    /// Returns the width σ of the kernel.
    #[must_use]
    pub fn sigma(self) -> f64 {
        match self {
            Self::Degree | Self::Spectrum => 1.0,
            Self::Clustering => 0.1,
            Self::Orbit => 30.0,
        }
    }

    /// Computes the list of a graph.
    ///
    /// ```
    /// use langevin_discrete::graphs::{Adjacency, Statistic};
    /// let path = Adjacency::new(4, &[(0, 1), (1, 2), (2, 3)])?;
    /// assert_eq!(Statistic::Degree.of(&path), [0.0, 0.5, 0.5]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn of(self, graph: &Adjacency) -> Vec<f64> {
        let nodes = graph.nodes() as f64;
        match self {
            Self::Degree => {
                let degrees = graph.degrees();
                let mut shares = vec![0.0; degrees.iter().max().map_or(1, |most| most + 1)];
                degrees.into_iter().for_each(|degree| shares[degree] += 1.0);
                shares.iter_mut().for_each(|share| *share /= nodes);
                shares
            }
            Self::Clustering => histogram(&graph.clustering(), CLUSTERING_BINS, 1.0),
            Self::Orbit => {
                let mut means = vec![0.0; 15];
                for counts in graph.orbits() {
                    means.iter_mut().zip(counts).for_each(|(mean, count)| *mean += count as f64);
                }
                means.iter_mut().for_each(|mean| *mean /= nodes);
                means
            }
            Self::Spectrum => histogram(&graph.spectrum(), SPECTRUM_BINS, 2.0),
        }
    }
}

/// Returns the shares of values in equal bins on \[0, `end`\]; values beyond, by rounding, count to
/// the outer bins.
fn histogram(values: &[f64], bins: usize, end: f64) -> Vec<f64> {
    let mut shares = vec![0.0; bins];
    for value in values {
        let bin = (value / end * bins as f64).max(0.0) as usize;
        shares[bin.min(bins - 1)] += 1.0 / values.len() as f64;
    }
    shares
}

impl Distance {
    /// Computes the distance of two lists. The shorter one is continued by zeros.
    fn of(self, a: &[f64], b: &[f64]) -> f64 {
        let at = |list: &[f64], k: usize| list.get(k).copied().unwrap_or(0.0);
        let differences = (0..a.len().max(b.len())).map(|k| at(a, k) - at(b, k));
        match self {
            Self::TotalVariation => 0.5 * differences.map(f64::abs).sum::<f64>(),
            Self::EarthMover => {
                let moved = differences.scan(0.0, |sum, difference| {
                    *sum += difference;
                    Some(f64::abs(*sum))
                });
                moved.sum()
            }
        }
    }
}

/// Computes the squared maximum mean discrepancy of two sets of graphs in a statistic.
///
/// ```
/// use langevin_discrete::graphs::{Adjacency, Distance, Statistic, discrepancy};
/// let path = [Adjacency::new(3, &[(0, 1), (1, 2)])?];
/// let triangle = [Adjacency::new(3, &[(0, 1), (1, 2), (2, 0)])?];
/// let apart = discrepancy(&path, &triangle, Statistic::Degree, Distance::TotalVariation)?;
/// // Two thirds of the nodes have another degree.
/// assert!((apart - 2.0 * (1.0 - (-2.0_f64 / 9.0).exp())).abs() < 1e-14);
/// assert_eq!(discrepancy(&path, &path, Statistic::Degree, Distance::TotalVariation)?, 0.0);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if a set is empty.
pub fn discrepancy(a: &[Adjacency], b: &[Adjacency], statistic: Statistic, distance: Distance) -> Result<f64> {
    if a.is_empty() || b.is_empty() {
        return Err(Error::argument("a set of graphs is empty").expected("one graph or more").got("none"));
    }
    let [a, b] = [a, b].map(|graphs| graphs.iter().map(|graph| statistic.of(graph)).collect::<Vec<_>>());
    let double = 2.0 * statistic.sigma() * statistic.sigma();
    let mean = |a: &[Vec<f64>], b: &[Vec<f64>]| {
        let all = a.iter().flat_map(|x| b.iter().map(move |y| distance.of(x, y)));
        all.map(|d| libm::exp(-d * d / double)).sum::<f64>() / (a.len() * b.len()) as f64
    };
    Ok(mean(&a, &a) + mean(&b, &b) - 2.0 * mean(&a, &b))
}

#[cfg(test)]
mod tests;
