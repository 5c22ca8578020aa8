//! The part of the ONNX file format that is read or written here.
//!
//! ONNX files are Protocol Buffers. The messages below have only the fields that this crate uses.
//! [`Open`] keeps all other fields of a message, also those that a later version of the format
//! adds, and writes them back unchanged.

use prost::bytes::{Buf, BufMut, Bytes};
use prost::encoding::{self, DecodeContext, WireType};
use prost::{DecodeError, Message};

/// A message with its unknown fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Open<M> {
    pub(crate) known: M,
    rest: Vec<(u32, Field)>,
}

/// The value of an unknown field. Long values share the memory of the file.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(Bytes),
}

/// The tags of the fields that a message has here.
pub(crate) trait Known: Message + Default {
    /// The tags.
    const TAGS: &'static [u32];
}

impl<M> From<M> for Open<M> {
    fn from(known: M) -> Self {
        Self { known, rest: vec![] }
    }
}

impl<M> Open<M> {
    /// Drops the unknown fields of these tags.
    pub(crate) fn forget(&mut self, tags: &[u32]) {
        self.rest.retain(|(tag, _)| !tags.contains(tag));
    }
}

impl<M: Known> Message for Open<M> {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        self.known.encode_raw(buf);
        for (tag, field) in &self.rest {
            match field {
                Field::Varint(value) => encoding::uint64::encode(*tag, value, buf),
                Field::Fixed64(value) => encoding::fixed64::encode(*tag, value, buf),
                Field::Fixed32(value) => encoding::fixed32::encode(*tag, value, buf),
                Field::Bytes(value) => encoding::bytes::encode(*tag, value, buf),
            }
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        if M::TAGS.contains(&tag) {
            return self.known.merge_field(tag, wire, buf, ctx);
        }
        let field = match wire {
            WireType::Varint => {
                let mut value = 0;
                encoding::uint64::merge(wire, &mut value, buf, ctx)?;
                Field::Varint(value)
            }
            WireType::SixtyFourBit => {
                let mut value = 0;
                encoding::fixed64::merge(wire, &mut value, buf, ctx)?;
                Field::Fixed64(value)
            }
            WireType::ThirtyTwoBit => {
                let mut value = 0;
                encoding::fixed32::merge(wire, &mut value, buf, ctx)?;
                Field::Fixed32(value)
            }
            WireType::LengthDelimited => {
                let mut value = Bytes::new();
                encoding::bytes::merge(wire, &mut value, buf, ctx)?;
                Field::Bytes(value)
            }
            // Groups are a deprecated feature that no version of the format uses.
            WireType::StartGroup | WireType::EndGroup => return encoding::skip_field(wire, tag, buf, ctx),
        };
        self.rest.push((tag, field));
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        let field = |(tag, field): &(u32, Field)| match field {
            Field::Varint(value) => encoding::uint64::encoded_len(*tag, value),
            Field::Fixed64(value) => encoding::fixed64::encoded_len(*tag, value),
            Field::Fixed32(value) => encoding::fixed32::encoded_len(*tag, value),
            Field::Bytes(value) => encoding::bytes::encoded_len(*tag, value),
        };
        self.known.encoded_len() + self.rest.iter().map(field).sum::<usize>()
    }

    fn clear(&mut self) {
        self.known.clear();
        self.rest.clear();
    }
}

/// A file (`ModelProto`). Local functions are kept as bytes.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Model {
    #[prost(int64, optional, tag = "1")]
    pub(crate) ir_version: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub(crate) producer_name: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) producer_version: Option<String>,
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<Open<Graph>>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) opsets: Vec<Open<Opset>>,
    #[prost(bytes = "bytes", repeated, tag = "20")]
    pub(crate) training: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "25")]
    pub(crate) functions: Vec<Bytes>,
}

impl Known for Model {
    const TAGS: &'static [u32] = &[1, 2, 3, 7, 8, 20, 25];
}

/// The version of an operator set (`OperatorSetIdProto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Opset {
    #[prost(string, optional, tag = "1")]
    pub(crate) domain: Option<String>,
    #[prost(int64, optional, tag = "2")]
    pub(crate) version: Option<i64>,
}

impl Known for Opset {
    const TAGS: &'static [u32] = &[1, 2];
}

/// A graph (`GraphProto`). Tensors are kept as bytes that share the memory of the file.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(crate) nodes: Vec<Open<Node>>,
    #[prost(string, optional, tag = "2")]
    pub(crate) name: Option<String>,
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub(crate) initializers: Vec<Bytes>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) inputs: Vec<Open<Value>>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) outputs: Vec<Open<Value>>,
    #[prost(message, repeated, tag = "13")]
    pub(crate) values: Vec<Open<Value>>,
    #[prost(message, repeated, tag = "14")]
    pub(crate) annotations: Vec<Open<Annotation>>,
    #[prost(bytes = "bytes", repeated, tag = "15")]
    pub(crate) sparse: Vec<Bytes>,
}

impl Known for Graph {
    const TAGS: &'static [u32] = &[1, 2, 5, 11, 12, 13, 14, 15];
}

/// The quantisation of a tensor (`TensorAnnotation`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Annotation {
    #[prost(string, optional, tag = "1")]
    pub(crate) tensor: Option<String>,
}

impl Known for Annotation {
    const TAGS: &'static [u32] = &[1];
}

/// A node (`NodeProto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(crate) inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) outputs: Vec<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) name: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) op: Option<String>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) attributes: Vec<Open<Attribute>>,
    #[prost(string, optional, tag = "7")]
    pub(crate) domain: Option<String>,
}

impl Node {
    /// The tags of a node's documentation and metadata.
    pub(crate) const REMARKS: [u32; 2] = [6, 9];
}

impl Known for Node {
    const TAGS: &'static [u32] = &[1, 2, 3, 4, 5, 7];
}

/// An attribute (`AttributeProto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Attribute {
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    #[prost(int64, optional, tag = "3")]
    pub(crate) int: Option<i64>,
    #[prost(bytes = "bytes", optional, tag = "5")]
    pub(crate) tensor: Option<Bytes>,
    #[prost(message, optional, tag = "6")]
    pub(crate) graph: Option<Open<Graph>>,
    #[prost(bytes = "bytes", repeated, tag = "10")]
    pub(crate) tensors: Vec<Bytes>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) graphs: Vec<Open<Graph>>,
    #[prost(int32, optional, tag = "20")]
    pub(crate) kind: Option<i32>,
}

impl Known for Attribute {
    const TAGS: &'static [u32] = &[1, 3, 5, 6, 10, 11, 20];
}

/// The name and the type of a tensor (`ValueInfoProto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Value {
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub(crate) kind: Option<Open<Type>>,
    #[prost(string, optional, tag = "3")]
    pub(crate) doc: Option<String>,
}

impl Known for Value {
    const TAGS: &'static [u32] = &[1, 2, 3];
}

/// A type (`TypeProto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Type {
    #[prost(message, optional, tag = "1")]
    pub(crate) tensor: Option<Open<TensorType>>,
}

impl Known for Type {
    const TAGS: &'static [u32] = &[1];
}

/// The type of a tensor (`TypeProto.Tensor`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorType {
    #[prost(int32, optional, tag = "1")]
    pub(crate) element: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<Open<Shape>>,
}

impl Known for TensorType {
    const TAGS: &'static [u32] = &[1, 2];
}

/// A shape (`TensorShapeProto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub(crate) extents: Vec<Open<Extent>>,
}

impl Known for Shape {
    const TAGS: &'static [u32] = &[1];
}

/// An extent of a shape (`TensorShapeProto.Dimension`): a number or a symbol.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Extent {
    #[prost(int64, optional, tag = "1")]
    pub(crate) value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub(crate) symbol: Option<String>,
}

impl Known for Extent {
    const TAGS: &'static [u32] = &[1, 2];
}

/// A tensor that is written here (`TensorProto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Tensor {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub(crate) extents: Vec<i64>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) element: Option<i32>,
    #[prost(string, optional, tag = "8")]
    pub(crate) name: Option<String>,
    #[prost(bytes = "vec", optional, tag = "9")]
    pub(crate) raw: Option<Vec<u8>>,
}

/// The fields that are read of a tensor of the file (`TensorProto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorHead {
    #[prost(string, optional, tag = "8")]
    pub(crate) name: Option<String>,
    #[prost(message, repeated, tag = "13")]
    pub(crate) external: Vec<Entry>,
}

/// The fields that are read of a sparse tensor of the file (`SparseTensorProto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SparseHead {
    #[prost(message, optional, tag = "1")]
    pub(crate) values: Option<TensorHead>,
    #[prost(message, optional, tag = "2")]
    pub(crate) indices: Option<TensorHead>,
}

/// The fields that are read of a local function of the file (`FunctionProto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FunctionHead {
    #[prost(message, repeated, tag = "7")]
    pub(crate) nodes: Vec<Open<Node>>,
}

/// A pair of texts (`StringStringEntryProto`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entry {
    #[prost(string, optional, tag = "1")]
    pub(crate) key: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) value: Option<String>,
}

impl Extent {
    /// Returns the number or the symbol for messages; `?` if the extent has neither.
    pub(crate) fn words(&self) -> String {
        match (self.value, self.symbol()) {
            (Some(value), _) if value >= 0 => value.to_string(),
            (_, "") => "?".to_owned(),
            (_, symbol) => symbol.to_owned(),
        }
    }

    /// Returns true if both extents are the same number or the same symbol.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.value == other.value && self.symbol() == other.symbol() && self.words() != "?"
    }
}

impl Value {
    /// Returns the extents of a tensor; empty if the file does not state them.
    pub(crate) fn extents(&self) -> &[Open<Extent>] {
        self.tensor().and_then(|tensor| tensor.shape.as_ref()).map_or(&[], |shape| &shape.known.extents)
    }

    /// Returns the type of a tensor.
    pub(crate) fn tensor(&self) -> Option<&TensorType> {
        self.kind.as_ref()?.known.tensor.as_ref().map(|tensor| &tensor.known)
    }

    /// Returns the value for a tensor of this name, type and shape.
    pub(crate) fn new(name: &str, element: i32, extents: Vec<Open<Extent>>, doc: &str) -> Self {
        let shape = Some(Shape { extents }.into());
        let tensor = Some(TensorType { element: Some(element), shape }.into());
        Self { name: Some(name.to_owned()), kind: Some(Type { tensor }.into()), doc: Some(doc.to_owned()) }
    }
}

impl Node {
    /// Returns the graphs in the attributes, such as the branches of `If`.
    pub(crate) fn graphs(&self) -> impl Iterator<Item = &Graph> {
        self.attributes
            .iter()
            .flat_map(|attribute| attribute.known.graph.iter().chain(&attribute.known.graphs).map(|graph| &graph.known))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_is_written_back_with_every_field() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/onnx/digits.onnx");
        let file = Bytes::from(std::fs::read(path).unwrap());
        let model = Open::<Model>::decode(file.clone()).unwrap();
        assert!(!model.known.graph.as_ref().unwrap().known.nodes.is_empty());
        let written = model.encode_to_vec();
        // The order of the fields may change, and nothing else.
        assert_eq!(written.len(), file.len());
        assert_eq!(model.encoded_len(), file.len());
        assert_eq!(Open::<Model>::decode(Bytes::from(written)).unwrap(), model);
    }

    #[test]
    fn unknown_fields_of_every_wire_type_are_kept() {
        // The fields 1000 to 1003 beside an extent of 7: a varint, 64 bits, 32 bits and bytes.
        let mut file = vec![0x08, 7];
        encoding::uint64::encode(1000, &300, &mut file);
        encoding::fixed64::encode(1001, &u64::MAX, &mut file);
        encoding::fixed32::encode(1002, &5, &mut file);
        encoding::bytes::encode(1003, &b"later".to_vec(), &mut file);
        let extent = Open::<Extent>::decode(&*file).unwrap();
        assert_eq!((extent.known.value, extent.rest.len()), (Some(7), 4));
        assert_eq!(extent.encode_to_vec(), file);
    }

    #[test]
    fn damaged_files_are_errors() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/onnx/digits.onnx");
        let file = std::fs::read(path).unwrap();
        for length in (0..2000).chain([file.len() / 2, file.len() - 1]) {
            // A file that ends between two fields is a shorter message.
            let _ = Open::<Model>::decode(&file[..length]);
        }
        assert!(Open::<Model>::decode(&file[..file.len() - 1]).is_err());
        // Graphs inside graphs, deeper than any network.
        let mut nested = Graph::default().encode_to_vec();
        for _ in 0..200 {
            for tag in [6, 5, 1] {
                let mut outer = vec![];
                encoding::bytes::encode(tag, &nested, &mut outer);
                nested = outer;
            }
        }
        assert!(Graph::decode(&*nested).unwrap_err().to_string().contains("recursion"));
    }
}
