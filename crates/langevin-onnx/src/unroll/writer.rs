//! The graph as it is written: the nodes of the plan's arithmetic, and the constants they use.

use crate::element::number;
use crate::proto::{Attribute, Node, Open, Tensor};
use ort::value::TensorElementType as Kind;
use prost::Message as _;
use prost::bytes::Bytes;
use std::collections::HashMap;

/// `AttributeProto.INT`.
const INT: i32 = 2;

/// Nodes and constants. Every name begins with the prefix, which no name of the network does.
pub(super) struct Writer {
    prefix: String,
    pub(super) nodes: Vec<Open<Node>>,
    pub(super) constants: Vec<Bytes>,
    /// The names of the scalars and shapes that are already constants, by their bytes.
    known: HashMap<(i32, Vec<i64>, Vec<u8>), String>,
    fresh: usize,
}

impl Writer {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix, nodes: vec![], constants: vec![], known: HashMap::new(), fresh: 0 }
    }

    /// Adds a node with one output and returns the output's name.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], attribute: Option<(&str, i64)>) -> String {
        let name = format!("{}{}", self.prefix, self.fresh);
        self.fresh += 1;
        self.named(op, inputs, attribute, name.clone());
        name
    }

    /// Adds a node with one output of this name.
    pub(super) fn named(&mut self, op: &str, inputs: &[&str], attribute: Option<(&str, i64)>, name: String) {
        let attribute = attribute.map(|(key, value)| {
            let (name, int, kind) = (Some(key.to_owned()), Some(value), Some(INT));
            Attribute { name, int, kind, ..Attribute::default() }.into()
        });
        let node = Node {
            inputs: inputs.iter().map(|input| (*input).to_owned()).collect(),
            outputs: vec![name.clone()],
            name: Some(name),
            op: Some(op.to_owned()),
            attributes: attribute.into_iter().collect(),
            domain: None,
        };
        self.nodes.push(node.into());
    }

    /// Gives the last node a second output, which nothing reads.
    pub(super) fn second_output(&mut self) {
        let name = format!("{}{}", self.prefix, self.fresh);
        self.fresh += 1;
        if let Some(node) = self.nodes.last_mut() {
            node.known.outputs.push(name);
        }
    }

    /// Returns the name of a constant tensor. Equal constants are written once.
    pub(super) fn constant(&mut self, kind: Kind, extents: &[i64], raw: Vec<u8>) -> String {
        let key = (number(kind), extents.to_vec(), raw);
        if let Some(name) = self.known.get(&key) {
            return name.clone();
        }
        let name = format!("{}constant{}", self.prefix, self.known.len());
        let tensor = Tensor {
            extents: extents.to_vec(),
            element: Some(key.0),
            name: Some(name.clone()),
            raw: Some(key.2.clone()),
        };
        self.constants.push(tensor.encode_to_vec().into());
        self.known.insert(key, name.clone());
        name
    }

    /// Returns the name of a number in double precision.
    pub(super) fn real(&mut self, value: f64) -> String {
        self.constant(Kind::Float64, &[], value.to_le_bytes().to_vec())
    }

    /// Returns the name of a list of integers, such as a shape.
    pub(super) fn integers(&mut self, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Kind::Int64, &[values.len() as i64], raw)
    }

    /// Converts a tensor in double precision to a type. Half precision is rounded from single
    /// precision, as it is everywhere in this crate.
    pub(super) fn narrow(&mut self, x: &str, kind: Kind) -> String {
        match kind {
            Kind::Float64 => x.to_owned(),
            Kind::Float16 | Kind::Bfloat16 => {
                let single = self.cast(x, Kind::Float32);
                self.cast(&single, kind)
            }
            _ => self.cast(x, kind),
        }
    }

    /// Converts a tensor to a type.
    pub(super) fn cast(&mut self, x: &str, kind: Kind) -> String {
        self.node("Cast", &[x], Some(("to", i64::from(number(kind)))))
    }

    /// Computes factor·x.
    pub(super) fn scaled(&mut self, factor: f64, x: &str) -> String {
        if factor == 1.0 {
            return x.to_owned();
        }
        let factor = self.real(factor);
        self.node("Mul", &[&factor, x], None)
    }

    /// Computes Σ factor·x in the listed order.
    pub(super) fn sum(&mut self, terms: &[(f64, String)]) -> String {
        let mut total: Option<String> = None;
        for (factor, x) in terms {
            let term = self.scaled(*factor, x);
            total = Some(match total {
                Some(total) => self.node("Add", &[&total, &term], None),
                None => term,
            });
        }
        total.unwrap_or_else(|| self.real(0.0))
    }
}
