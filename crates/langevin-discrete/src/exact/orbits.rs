//! The exact law of the graphs that an equivariant network samples, class by class.
//!
//! A state of the sampler is a graph some of whose edges are masked: 3^15 states on 6 nodes. A
//! network that treats all nodes alike gives every renumbering of a state the same probability, so
//! the sampler is a Markov process on the 25506 classes of states that differ in the numbers of
//! their nodes alone. With W the probability of a class, x one of its states and k its masks:
//!
//! ```text
//! W(class of x with letter v at the masked place i) += W(class of x) · D_i(v | x)/k
//! ```

use super::Density;
use super::connected::{MOST_NODES, pairs};
use crate::denoiser::Denoiser;
use crate::level;
use crate::space::{Letter, StateSpace};
use langevin::model::InputLevel;
use langevin::{Error, Query, Result, SampleId};

/// Rows of one evaluation.
const BATCH: usize = 256;
/// Number of states of each number of masks whose renumbering is evaluated too.
const COMPARED: usize = 32;
/// Largest difference of probabilities between renumberings: networks in single precision differ by
/// about 1e-6.
const TOLERANCE: f64 = 1e-3;
/// Mark of a state without a class.
const NONE: u32 = u32::MAX;

/// A class of graphs that differ in the numbers of their nodes alone.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GraphClass {
    /// One of the graphs, a letter for each pair of nodes.
    pub graph: Vec<Letter>,
    /// Number of graphs in the class.
    pub size: usize,
    /// Probability of the class.
    pub probability: f64,
}

/// The exact law of the graphs that an equivariant masked network samples, one token at a time in
/// random order.
///
/// The tokens are the pairs of at most 6 nodes, as those of
/// [`ConnectedGraphs`](super::ConnectedGraphs).
///
/// ```
/// use langevin_discrete::{Noise, exact::{ConnectedGraphs, GraphLaw}};
/// let graphs = ConnectedGraphs::new(4, Noise::Masked)?;
/// let law = GraphLaw::of(&graphs)?;
/// // 38 graphs in 6 classes, which the exact denoiser samples uniformly.
/// assert_eq!(law.classes().iter().filter(|class| class.probability > 0.0).count(), 6);
/// assert!(law.kl(&graphs)? < 1e-10);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GraphLaw {
    space: StateSpace,
    classes: Vec<GraphClass>,
}

impl GraphLaw {
    /// Computes the law of a model.
    ///
    /// The model is evaluated on one state of every class: 25506 rows for 6 nodes. On some states
    /// of each number of masks it is evaluated twice, to see that it is equivariant.
    ///
    /// # Errors
    /// Returns an error if the noise has no mask, the tokens are not the pairs of 2 to 6 nodes with
    /// two letters, the model is not equivariant, or it cannot be evaluated.
    pub fn of(model: &dyn Denoiser) -> Result<Self> {
        let space = model.space().clone();
        let length = space.length();
        let nodes = (2..=MOST_NODES).find(|n| n * (n - 1) / 2 == length);
        let (Some(nodes), 2, true) = (nodes, space.vocab(), space.is_masked()) else {
            return Err(Error::argument("the sequences are no small graphs")
                .expected(format!("the pairs of 2 to {MOST_NODES} nodes, 2 letters, masked noise"))
                .got(space.to_string()));
        };
        let states = States::new(nodes);
        let mut weights = vec![0.0; states.classes.len()];
        let start = states.class(0, states.all());
        weights[start as usize] = 1.0;
        for masks in (1..=length as u32).rev() {
            let of_level = |class: &usize| states.classes[*class].masked.count_ones() == masks;
            let level: Vec<usize> = (0..states.classes.len()).filter(of_level).collect();
            for (number, part) in level.chunks(BATCH).enumerate() {
                let rows: Vec<State> = part.iter().map(|class| states.classes[*class]).collect();
                let d = evaluate(model, length, &rows)?;
                if number == 0 {
                    states.compare(model, &rows[..rows.len().min(COMPARED)], &d)?;
                }
                for ((class, state), d) in part.iter().zip(&rows).zip(d.chunks_exact(length * 2)) {
                    let weight = weights[*class];
                    for place in (0..length).filter(|place| state.masked >> place & 1 == 1) {
                        let law = &d[place * 2..place * 2 + 2];
                        let share = weight / (f64::from(masks) * (law[0] + law[1]));
                        let masked = state.masked & !(1 << place);
                        weights[states.class(state.edges, masked) as usize] += share * law[0];
                        weights[states.class(state.edges | 1 << place, masked) as usize] += share * law[1];
                    }
                }
            }
        }
        let clean = states.classes.iter().zip(&weights).filter(|(state, _)| state.masked == 0);
        let classes = clean.map(|(state, probability)| GraphClass {
            graph: state.letters(length),
            size: state.size,
            probability: *probability,
        });
        Ok(Self { space, classes: classes.collect() })
    }

    /// Returns the classes of graphs, those of probability 0 too.
    #[must_use]
    pub fn classes(&self) -> &[GraphClass] {
        &self.classes
    }

    /// Returns the probability of the graphs for which `is_one` is true; it sees one graph of each
    /// class.
    ///
    /// ```
    /// use langevin_discrete::{Noise, exact::{ConnectedGraphs, GraphLaw}};
    /// let law = GraphLaw::of(&ConnectedGraphs::new(3, Noise::Masked)?)?;
    /// // One of the four connected graphs on three nodes is a triangle.
    /// let triangle = law.share(|graph| graph == [1, 1, 1]);
    /// assert!((triangle - 0.25).abs() < 1e-14);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn share(&self, is_one: impl Fn(&[Letter]) -> bool) -> f64 {
        self.classes.iter().filter(|class| is_one(&class.graph)).map(|class| class.probability).sum()
    }

    /// Returns KL(p‖q) in nats, from a density p that treats all nodes alike to this law q;
    /// infinite if q misses a graph of p.
    ///
    /// # Errors
    /// Returns an error if the density is of other sequences.
    pub fn kl(&self, density: &dyn Density) -> Result<f64> {
        if density.space() != &self.space {
            return Err(Error::argument("the density is of other sequences than the law")
                .expected(self.space.to_string())
                .got(density.space().to_string()));
        }
        let term = |class: &GraphClass| {
            let p = class.size as f64 * libm::exp(density.log_probability(&class.graph));
            match (p > 0.0, class.probability > 0.0) {
                (false, _) => 0.0,
                (true, true) => p * libm::log(p / class.probability),
                (true, false) => f64::INFINITY,
            }
        };
        Ok(self.classes.iter().map(term).sum())
    }
}

/// A graph some of whose edges are masked: bits of the edges and of the masks, and the number of
/// its renumberings.
#[derive(Clone, Copy, Debug)]
struct State {
    edges: u32,
    masked: u32,
    size: usize,
}

impl State {
    fn letters(&self, length: usize) -> Vec<Letter> {
        let letter = |place: usize| if self.masked >> place & 1 == 1 { 2 } else { self.edges >> place & 1 };
        (0..length).map(letter).collect()
    }
}

/// Returns D for one row of each state.
fn evaluate(model: &dyn Denoiser, length: usize, states: &[State]) -> Result<Vec<f64>> {
    let x: Vec<Letter> = states.iter().flat_map(|state| state.letters(length)).collect();
    let shown = |state: &State| 1.0 - f64::from(state.masked.count_ones()) / length as f64;
    let levels: Vec<InputLevel> = states.iter().map(|state| level(shown(state)).into()).collect();
    let rows = vec![SampleId::default(); states.len()];
    model.leave_one_out(&x, &Query::per_row(&levels, &rows))
}

/// All states of graphs on some nodes, and their classes.
struct States {
    length: usize,
    /// Σ 3^k over the bits k of a set of places.
    thirds: Vec<u32>,
    renumberings: Vec<Renumbering>,
    /// The exchange of two nodes and the shift of all nodes, which generate every renumbering.
    generators: [Renumbering; 2],
    /// Class of each state, by the number Σ 3^k letter_k.
    class: Vec<u32>,
    /// One state of each class.
    classes: Vec<State>,
}

/// A renumbering of the nodes, as a map of sets of places: one table for the low byte, one for the
/// rest.
struct Renumbering {
    places: Vec<usize>,
    low: Vec<u32>,
    high: Vec<u32>,
}

impl Renumbering {
    fn new(places: Vec<usize>) -> Self {
        let image = |set: usize, first: usize| {
            places[first..].iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, to)| 1_u32 << to).sum()
        };
        let (low, high) = (places.len().min(8), places.len().saturating_sub(8));
        let (low, high) = ((0..1 << low).map(|set| image(set, 0)), (0..1 << high).map(|set| image(set, 8)));
        let (low, high) = (low.collect(), if places.len() > 8 { high.collect() } else { vec![0] });
        Self { places, low, high }
    }

    fn of(&self, set: u32) -> u32 {
        self.low[(set & 255) as usize] | self.high[(set >> 8) as usize]
    }
}

impl States {
    fn new(nodes: usize) -> Self {
        let length = nodes * (nodes - 1) / 2;
        let thirds = |set: u32| (0..length as u32).filter(|k| set >> k & 1 == 1).map(|k| 3_u32.pow(k)).sum();
        let thirds: Vec<u32> = (0..1 << length).map(thirds).collect();
        let place = |a: usize, b: usize| a * (2 * nodes - a - 1) / 2 + b - a - 1;
        let renumbering = |to: &[usize]| {
            let image = |[a, b]: [usize; 2]| place(to[a].min(to[b]), to[a].max(to[b]));
            Renumbering::new(pairs(nodes).map(image).collect())
        };
        let renumberings: Vec<Renumbering> = orders(nodes).iter().map(|to| renumbering(to)).collect();
        let mut exchange: Vec<usize> = (0..nodes).collect();
        exchange.swap(0, 1);
        let shift: Vec<usize> = (0..nodes).map(|node| (node + 1) % nodes).collect();
        let mut states = Self {
            length,
            class: vec![NONE; 3_usize.pow(length as u32)],
            thirds,
            renumberings,
            generators: [exchange, shift].map(|to| renumbering(&to)),
            classes: Vec::new(),
        };
        // Every set of masks, with every set of edges among the other places.
        for masked in 0..=states.all() {
            let others = states.all() & !masked;
            let mut edges = others;
            loop {
                states.add(edges, masked);
                if edges == 0 {
                    break;
                }
                edges = (edges - 1) & others;
            }
        }
        states
    }

    /// Returns the set of all places.
    fn all(&self) -> u32 {
        (1 << self.length) - 1
    }

    fn number(&self, edges: u32, masked: u32) -> usize {
        (self.thirds[edges as usize] + 2 * self.thirds[masked as usize]) as usize
    }

    fn class(&self, edges: u32, masked: u32) -> u32 {
        self.class[self.number(edges, masked)]
    }

    /// Adds the class of a state, unless it is known.
    fn add(&mut self, edges: u32, masked: u32) {
        if self.class(edges, masked) != NONE {
            return;
        }
        let class = self.classes.len() as u32;
        let mut size = 0;
        for renumbering in &self.renumberings {
            let [edges, masked] = [edges, masked].map(|set| self.thirds[renumbering.of(set) as usize]);
            let own = &mut self.class[(edges + 2 * masked) as usize];
            size += usize::from(*own == NONE);
            *own = class;
        }
        self.classes.push(State { edges, masked, size });
    }

    /// Checks that the model predicts the same for renumbered nodes, each state under one of the
    /// generators.
    fn compare(&self, model: &dyn Denoiser, states: &[State], d: &[f64]) -> Result<()> {
        let generator = |row: usize| &self.generators[row % 2];
        let moved = |(row, state): (usize, &State)| State {
            edges: generator(row).of(state.edges),
            masked: generator(row).of(state.masked),
            size: state.size,
        };
        let moved: Vec<State> = states.iter().enumerate().map(moved).collect();
        let other = evaluate(model, self.length, &moved)?;
        for (row, (d, other)) in d.chunks_exact(self.length * 2).zip(other.chunks_exact(self.length * 2)).enumerate() {
            for (from, to) in generator(row).places.iter().enumerate() {
                let (own, renumbered) = (d[from * 2 + 1], other[to * 2 + 1]);
                if (own - renumbered).abs() > TOLERANCE {
                    return Err(Error::argument("the model is not equivariant")
                        .at(format!("graph {:?}, token {from}", states[row].letters(self.length)))
                        .expected(format!("probability {renumbered}, that of renumbered nodes"))
                        .got(own.to_string()));
                }
            }
        }
        Ok(())
    }
}

/// Returns all orders of the nodes.
fn orders(nodes: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![vec![]];
    for node in 0..nodes {
        let with = |order: &Vec<usize>, place: usize| [&order[..place], &[node], &order[place..]].concat();
        all = all
            .iter()
            .flat_map(|order| (0..=order.len()).map(|place| with(order, place)).collect::<Vec<_>>())
            .collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::{Chain, ConnectedGraphs};
    use super::*;
    use crate::plan::Law;
    use crate::sampler;
    use crate::{Noise, likelihood};

    /// A network that treats all nodes alike: an edge is the likelier, the more revealed edges are
    /// at its nodes, and the more triangles it closes.
    struct Friends {
        space: StateSpace,
        nodes: usize,
        /// Influence of the number of node 0, which breaks the symmetry.
        bias: f64,
    }

    impl Friends {
        fn new(nodes: usize, bias: f64) -> Self {
            let space = StateSpace::new(Noise::Masked, 2, nodes * (nodes - 1) / 2).unwrap();
            Self { space, nodes, bias }
        }
    }

    impl Denoiser for Friends {
        fn space(&self) -> &StateSpace {
            &self.space
        }

        fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
            let pairs: Vec<[usize; 2]> = pairs(self.nodes).collect();
            let mut out = Vec::new();
            for (row, x) in x.chunks_exact(pairs.len()).enumerate() {
                let edge = |a: usize, b: usize| {
                    let place = pairs.iter().position(|pair| *pair == [a.min(b), a.max(b)]);
                    place.is_some_and(|place| x[place] == 1)
                };
                for [a, b] in &pairs {
                    let others = || (0..self.nodes).filter(|l| l != a && l != b);
                    let near = others().filter(|l| edge(*a, *l) != edge(*b, *l)).count() as f64;
                    let closed = others().filter(|l| edge(*a, *l) && edge(*b, *l)).count() as f64;
                    let alone = if *a == 0 { self.bias } else { 0.0 };
                    let score = 0.4 * near - 1.1 * closed + query.at.row(row).alpha - 0.3 + alone;
                    let p = 1.0 / (1.0 + (-score).exp());
                    out.extend([1.0 - p, p]);
                }
            }
            Ok(out)
        }
    }

    #[test]
    fn classes_have_the_known_numbers() {
        // Graphs and signed graphs up to renumbering: OEIS A000088 and A004102.
        for (nodes, graphs, states) in [(2, 2, 3), (3, 4, 10), (4, 11, 66), (5, 34, 792)] {
            let all = States::new(nodes);
            assert_eq!(all.classes.len(), states);
            assert_eq!(all.classes.iter().filter(|state| state.masked == 0).count(), graphs);
            assert_eq!(all.classes.iter().map(|state| state.size).sum::<usize>(), all.class.len());
        }
    }

    #[test]
    fn connected_graphs_have_the_known_numbers() {
        for (nodes, count, classes) in [(2, 1, 1), (3, 4, 2), (4, 38, 6), (5, 728, 21)] {
            let graphs = ConnectedGraphs::new(nodes, Noise::Masked).unwrap();
            assert_eq!(graphs.tokens().len(), count * graphs.space().length());
            let law = GraphLaw::of(&graphs).unwrap();
            let connected = |class: &&GraphClass| graphs.log_probability(&class.graph) > f64::NEG_INFINITY;
            assert_eq!(law.classes().iter().filter(connected).count(), classes);
        }
        assert!(ConnectedGraphs::new(7, Noise::Masked).is_err());
    }

    /// One token at a time, the exact denoiser samples the density itself. Its weights are sums of
    /// at most 2^15 terms, each rounded a few times.
    #[test]
    fn the_exact_denoiser_samples_uniformly() {
        for (nodes, classes) in [(3, 2), (5, 21), (6, 112)] {
            let graphs = ConnectedGraphs::new(nodes, Noise::Masked).unwrap();
            let law = GraphLaw::of(&graphs).unwrap();
            let is_connected = |graph: &[Letter]| graphs.log_probability(graph) > f64::NEG_INFINITY;
            assert_eq!(law.classes().iter().filter(|class| is_connected(&class.graph)).count(), classes);
            assert!((law.share(is_connected) - 1.0).abs() < 1e-12);
            let kl = law.kl(&graphs).unwrap();
            assert!(kl.abs() < 1e-10, "{nodes}: {kl}");
        }
    }

    #[test]
    fn the_law_is_that_of_all_states() {
        for nodes in [3, 4] {
            let model = Friends::new(nodes, 0.0);
            let law = GraphLaw::of(&model).unwrap();
            let plan = sampler::sizes(model.space(), &vec![1; model.space().length()], &sampler::Order::Random);
            let direct = Law::of(&plan.unwrap(), &model).unwrap();
            let mut total = 0.0;
            for class in law.classes() {
                let one = class.probability / class.size as f64;
                // Sums of at most 729 terms.
                assert!((one - direct.probability(&class.graph)).abs() < 1e-13, "{:?}", class.graph);
                total += class.probability;
            }
            assert!((total - 1.0).abs() < 1e-13);
        }
        // On 5 nodes the exact likelihood of single graphs tells the same.
        let model = Friends::new(5, 0.0);
        let law = GraphLaw::of(&model).unwrap();
        for class in law.classes().iter().step_by(5) {
            let nats = likelihood::exact(&model, &class.graph).unwrap()[0];
            assert!((class.probability / class.size as f64 / (-nats).exp() - 1.0).abs() < 1e-11);
        }
    }

    #[test]
    fn other_models_are_refused() {
        let refused = |model: &dyn Denoiser, words: &str| {
            let error = GraphLaw::of(model).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        refused(&Friends::new(4, 0.1), "not equivariant");
        refused(&Chain::example(2, 4, Noise::Masked).unwrap(), "no small graphs");
        refused(&Chain::example(3, 6, Noise::Masked).unwrap(), "no small graphs");
        refused(&ConnectedGraphs::new(4, Noise::Uniform).unwrap(), "masked noise");
        let law = GraphLaw::of(&Friends::new(3, 0.0)).unwrap();
        assert!(law.kl(&ConnectedGraphs::new(4, Noise::Masked).unwrap()).is_err());
    }

    /// Checks the prediction by counting against the mixture of all graphs.
    #[test]
    fn counting_is_the_mixture() {
        let graphs = ConnectedGraphs::new(4, Noise::Masked).unwrap();
        let data = super::super::DataSet::new(graphs.space().clone(), graphs.tokens()).unwrap();
        let mut x = Vec::new();
        super::super::each_sequence(3, 6, |tokens| x.extend_from_slice(tokens));
        let rows = vec![SampleId::default(); x.len() / 6];
        let query = Query::new(level(0.5), &rows);
        let [own, want] = [graphs.predict(&x, &query), data.predict(&x, &query)].map(|d| d.unwrap());
        // The mixture works in logarithms.
        assert!(own.iter().zip(&want).all(|(own, want)| (own - want).abs() < 1e-12));
        // Without noise, no graph on three nodes has fewer than two edges: the marginal law.
        let noisy = ConnectedGraphs::new(3, Noise::Uniform).unwrap();
        let d = noisy.predict(&[1, 0, 0], &Query::new(level(1.0), &rows[..1])).unwrap();
        assert_eq!(d[..2], [0.25, 0.75]);
    }
}
