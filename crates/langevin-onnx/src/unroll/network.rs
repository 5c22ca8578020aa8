//! The nodes of the network: which of them an evaluation needs, and their copies.

use crate::error::{Error, Result};
use crate::proto::{Attribute, FunctionHead, Graph, Node, Open, SparseHead, TensorHead};
use langevin::model::Branch;
use prost::Message as _;
use prost::bytes::Bytes;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Operators whose output is random. They are evaluated anew by every evaluation.
const RANDOM: [&str; 6] =
    ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"];

/// The number of times that a tensor is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Often {
    /// Once: it depends on neither the state nor the time.
    Once,
    /// Once for each branch of guidance: it depends on a further input.
    Branch,
    /// At every evaluation.
    Evaluation,
}

/// The roles of the network's inputs, and the output that is read.
pub(super) struct Roles<'a> {
    pub(super) state: &'a str,
    pub(super) time: &'a str,
    pub(super) further: &'a [&'a str],
    pub(super) output: &'a str,
    pub(super) guided: bool,
}

/// The nodes that the output depends on.
pub(super) struct Network {
    nodes: Vec<(Open<Node>, Often)>,
    often: HashMap<String, Often>,
    further: HashSet<String>,
    state: String,
    time: String,
    output: String,
}

/// One evaluation: the names of its inputs and the prefixes of its copies.
pub(super) struct Call<'a> {
    /// True if the nodes keep their documentation and metadata, which exporters fill with traces of
    /// the program that they read.
    pub(super) remarks: bool,
    /// The prefix of the copies of this evaluation.
    pub(super) prefix: &'a str,
    /// The prefix of what the evaluations of a branch share.
    pub(super) shared: &'a str,
    pub(super) state: &'a str,
    pub(super) time: &'a str,
    /// The names of the further inputs of this branch.
    pub(super) further: &'a HashMap<String, String>,
}

/// Returns the prefix of the copies that the evaluations of a branch share.
pub(super) fn shared(prefix: &str, branch: Branch) -> String {
    format!("{prefix}{}/", if branch == Branch::Main { "main" } else { "unconditional" })
}

impl Network {
    /// Reads the nodes of a graph, which they leave, and drops nodes without effect on the output.
    ///
    /// # Errors
    /// Returns an error if a node reads a tensor that is not defined before it, or if a tensor is
    /// defined twice.
    pub(super) fn new(graph: &mut Graph, roles: &Roles<'_>, place: &str) -> Result<Self> {
        let mut often: HashMap<String, Often> = HashMap::new();
        for name in stored(graph) {
            often.insert(name, Often::Once);
        }
        let branch = if roles.guided { Often::Branch } else { Often::Once };
        let inputs = [(roles.state, Often::Evaluation), (roles.time, Often::Evaluation)];
        let further = roles.further.iter().map(|name| (*name, branch));
        for (name, how) in inputs.into_iter().chain(further) {
            often.insert(name.to_owned(), how);
        }
        let mut nodes = Vec::with_capacity(graph.nodes.len());
        for (index, node) in std::mem::take(&mut graph.nodes).into_iter().enumerate() {
            let at = || format!("{place}, node {index} ({})", visible(node.known.op()));
            let mut how = if is_fixed(&node.known) { Often::Once } else { Often::Evaluation };
            for name in reads(&node.known) {
                let Some(own) = often.get(name) else {
                    return Err(Error::new("a node of the network reads a tensor that is not defined before it")
                        .at(at())
                        .expected("an input, an initializer or the output of an earlier node")
                        .got(format!("'{}'", visible(name))));
                };
                how = how.max(*own);
            }
            for name in node.known.outputs.iter().filter(|name| !name.is_empty()) {
                if often.insert(name.clone(), how).is_some() {
                    return Err(Error::new("a tensor of the network is defined twice")
                        .at(at())
                        .expected("one definition for each name")
                        .got(format!("'{}'", visible(name))));
                }
            }
            nodes.push((node, how));
        }
        let mut needed: HashSet<String> = HashSet::from([roles.output.to_owned()]);
        let mut kept: Vec<(Open<Node>, Often)> = Vec::with_capacity(nodes.len());
        for (node, how) in nodes.into_iter().rev() {
            if node.known.outputs.iter().any(|name| needed.contains(name)) {
                needed.extend(reads(&node.known).into_iter().map(str::to_owned));
                kept.push((node, how));
            }
        }
        kept.reverse();
        let text = str::to_owned;
        Ok(Self {
            nodes: kept,
            often,
            further: roles.further.iter().map(|name| text(name)).collect(),
            state: text(roles.state),
            time: text(roles.time),
            output: text(roles.output),
        })
    }

    /// Returns true if a tensor of the network has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.often.contains_key(name)
    }

    /// Returns true if a name of the network begins with this text.
    pub(super) fn has_prefix(&self, prefix: &str) -> bool {
        self.often.keys().any(|name| name.starts_with(prefix))
    }

    /// Returns true if the tensor has its own name in the new graph.
    pub(super) fn is_shared(&self, name: &str) -> bool {
        self.often.get(name) == Some(&Often::Once) && !self.further.contains(name)
    }

    /// Returns the number of nodes that are computed so often, and their size in bytes if every
    /// name of them is `longer` bytes longer.
    pub(super) fn size(&self, how: Often, longer: usize) -> (u64, u64) {
        let nodes = self.nodes.iter().filter(|(_, own)| *own == how).map(|(node, _)| &node.known);
        nodes.fold((0, 0), |(count, bytes), node| {
            let names = node.inputs.len() + node.outputs.len() + 1;
            (count + 1, bytes + (node.encoded_len() + names * longer) as u64)
        })
    }

    /// Adds the nodes that are computed so often to `into`, renamed for an evaluation.
    pub(super) fn copy(&self, how: Often, call: &Call<'_>, into: &mut Vec<Open<Node>>) {
        for (node, _) in self.nodes.iter().filter(|(_, own)| *own == how) {
            let mut node = node.clone();
            if !call.remarks {
                node.forget(&Node::REMARKS);
            }
            if how != Often::Once {
                self.rename(&mut node.known, call, &mut vec![]);
                let prefix = if how == Often::Branch { call.shared } else { call.prefix };
                for name in node.known.outputs.iter_mut().chain(&mut node.known.name).filter(|name| !name.is_empty()) {
                    name.insert_str(0, prefix);
                }
            }
            into.push(node);
        }
    }

    /// Returns the name of the output in an evaluation.
    pub(super) fn output(&self, call: &Call<'_>) -> String {
        self.renamed(&self.output, call)
    }

    /// Returns the name of a tensor in an evaluation.
    fn renamed(&self, name: &str, call: &Call<'_>) -> String {
        if name == self.state {
            return call.state.to_owned();
        }
        if name == self.time {
            return call.time.to_owned();
        }
        if let Some(own) = call.further.get(name) {
            return own.clone();
        }
        match self.often.get(name) {
            Some(Often::Branch) => format!("{}{name}", call.shared),
            Some(Often::Evaluation) => format!("{}{name}", call.prefix),
            Some(Often::Once) | None => name.to_owned(),
        }
    }

    /// Renames the tensors that a node reads, also those that its graphs read from outside.
    /// `inner` holds the names that the graphs around the node define.
    fn rename(&self, node: &mut Node, call: &Call<'_>, inner: &mut Vec<HashSet<String>>) {
        let rename = |name: &mut String, inner: &[HashSet<String>]| {
            if !name.is_empty() && !inner.iter().any(|names| names.contains(name)) {
                *name = self.renamed(name, call);
            }
        };
        node.inputs.iter_mut().for_each(|name| rename(name, inner));
        for attribute in &mut node.attributes {
            for graph in attribute.known.graph.iter_mut().chain(&mut attribute.known.graphs) {
                let graph = &mut graph.known;
                inner.push(defined(graph));
                graph.nodes.iter_mut().for_each(|node| self.rename(&mut node.known, call, inner));
                for value in &mut graph.outputs {
                    value.known.name.iter_mut().for_each(|name| rename(name, inner));
                }
                inner.pop();
            }
        }
    }
}

/// Returns true if a node without inputs that change has the same output at every evaluation.
/// Operators of other domains and local functions may be random.
fn is_fixed(node: &Node) -> bool {
    let standard = matches!(node.domain(), "" | "ai.onnx");
    let inner = |graph: &Graph| graph.nodes.iter().all(|node| is_fixed(&node.known));
    standard && !RANDOM.contains(&node.op()) && node.graphs().all(inner)
}

/// Returns the names of the tensors that a node reads, also those that its graphs read from
/// outside.
fn reads(node: &Node) -> Vec<&str> {
    fn collect<'a>(node: &'a Node, inner: &mut Vec<HashSet<String>>, found: &mut Vec<&'a str>) {
        let outside =
            |name: &str, inner: &[HashSet<String>]| !name.is_empty() && !inner.iter().any(|names| names.contains(name));
        found.extend(node.inputs.iter().map(String::as_str).filter(|name| outside(name, inner)));
        for graph in node.graphs() {
            inner.push(defined(graph));
            graph.nodes.iter().for_each(|node| collect(&node.known, inner, found));
            found.extend(graph.outputs.iter().map(|value| value.known.name()).filter(|name| outside(name, inner)));
            inner.pop();
        }
    }
    let mut found = vec![];
    collect(node, &mut vec![], &mut found);
    found
}

/// Returns the names that a graph defines.
fn defined(graph: &Graph) -> HashSet<String> {
    let inputs = graph.inputs.iter().map(|value| value.known.name().to_owned());
    let outputs = graph.nodes.iter().flat_map(|node| node.known.outputs.iter().cloned());
    inputs.chain(outputs).chain(stored(graph)).collect()
}

/// Returns the names of the tensors that a graph stores.
pub(super) fn stored(graph: &Graph) -> HashSet<String> {
    let dense = graph.initializers.iter().filter_map(|bytes| TensorHead::decode(bytes.clone()).ok()?.name);
    let sparse = graph.sparse.iter().filter_map(|bytes| SparseHead::decode(bytes.clone()).ok()?.values?.name);
    dense.chain(sparse).collect()
}

/// Returns the names of the files that hold tensors of a graph and of local functions, in order.
pub(super) fn external(own: &Graph, functions: &[Bytes]) -> BTreeSet<String> {
    fn head(tensor: &TensorHead, found: &mut BTreeSet<String>) {
        let of = |entry: &&crate::proto::Entry| entry.key() == "location";
        found.extend(tensor.external.iter().find(of).map(|entry| entry.value().to_owned()));
    }
    fn tensor(bytes: &Bytes, found: &mut BTreeSet<String>) {
        if let Ok(tensor) = TensorHead::decode(bytes.clone()) {
            head(&tensor, found);
        }
    }
    fn nodes(all: &[Open<Node>], found: &mut BTreeSet<String>) {
        for Attribute { tensor: one, tensors, graph: inner, graphs, .. } in
            all.iter().flat_map(|node| &node.known.attributes).map(|attribute| &attribute.known)
        {
            one.iter().chain(tensors).for_each(|bytes| tensor(bytes, found));
            inner.iter().chain(graphs).for_each(|inner| graph(&inner.known, found));
        }
    }
    fn graph(of: &Graph, found: &mut BTreeSet<String>) {
        of.initializers.iter().for_each(|bytes| tensor(bytes, found));
        for sparse in of.sparse.iter().filter_map(|bytes| SparseHead::decode(bytes.clone()).ok()) {
            sparse.values.iter().chain(&sparse.indices).for_each(|values| head(values, found));
        }
        nodes(&of.nodes, found);
    }
    let mut found = BTreeSet::new();
    graph(own, &mut found);
    for function in functions.iter().filter_map(|bytes| FunctionHead::decode(bytes.clone()).ok()) {
        nodes(&function.nodes, &mut found);
    }
    found
}

/// Returns the start of a name of the file, on one line.
pub(super) fn visible(name: &str) -> String {
    name.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect()
}
