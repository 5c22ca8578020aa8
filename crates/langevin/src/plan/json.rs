//! Plan JSON, version 1.
//!
//! The wire form is separate from the form in memory, so that either can change alone. Numbers are
//! written in the shortest form that reads back to the same bits.
//!
//! A document from outside is read in two passes. The first pass keeps nothing: it reads the
//! version and counts. The second pass builds the final form directly, without an intermediate
//! tree. A document therefore takes only a small multiple of its length in memory.

mod first;

use super::{Input, Move, Op, Origin, Output, Plan, Slot};
use crate::error::{Error, Result};
use crate::formulation::{FormulationSpec, Reading};
use crate::process::{Level, ProcessSpec};
use crate::space::{Draw, Map};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

use first::{Head, broken_op, is_not_finite};

/// The version that this crate writes, and the newest version that it reads.
pub(crate) const VERSION: u64 = 1;
/// The longest document. A plan of a thousand steps takes less than a megabyte.
const MAX_BYTES: usize = 8 << 20;
/// The largest number of arguments of a map. No map has this many.
const MAX_ARGS: usize = 8;
/// The longest excerpt of a reader's message, in characters. The message may quote the document.
const MAX_WORDS: usize = 300;
/// The longest name of a field that a message quotes.
const MOST_NAME: usize = 40;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a plan, which is a JSON object")]
struct Wire {
    #[serde(rename = "version")]
    _version: u64,
    name: String,
    process: ProcessSpec,
    #[serde(deserialize_with = "Option::deserialize")] // without it a missing key would read as null
    network: Option<FormulationSpec>,
    nfe: usize,
    slots: usize,
    draws: Draw,
    result: Slot,
    inputs: Vec<Input>,
    #[serde(deserialize_with = "read_ops")]
    ops: Vec<Op>,
    moves: Vec<Move>,
    #[serde(default)]
    origin: Option<Origin>,
}

#[derive(Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum WireOp {
    Eval { from: Slot, time: f64, alpha: f64, sigma: f64, out: Vec<Output>, net: Option<Reading> },
    Combine { into: Slot, terms: Vec<(f64, Slot)>, noise: Vec<(f64, Draw)> },
    Map { kind: String, from: Vec<Slot>, args: BTreeMap<&'static str, f64>, into: Slot },
}

/// Writes one value on one line. It cannot fail: keys are strings, and a plan's numbers are finite.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Plan {
    /// Returns the plan as JSON, version 1, one instruction per line.
    ///
    /// The format is specified in `docs/plan.md` in the repository.
    ///
    /// ```
    /// use langevin::{Plan, Request};
    /// let plan = Request::new().sampler("ddim").eta(1.0).steps(3).plan()?;
    /// let json = plan.to_json();
    /// assert!(json.starts_with("{\"version\":1,"));
    /// assert_eq!(Plan::from_json(&json)?, plan);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let list = |items: Vec<String>| {
            if items.is_empty() { "[]".to_owned() } else { format!("[\n  {}\n ]", items.join(",\n  ")) }
        };
        format!(
            "{{\"version\":{VERSION},\n \"name\":{},\n \"process\":{},\n \"network\":{},\n \"nfe\":{},\"slots\":{},\"draws\":{},\"result\":{},\n \"inputs\":{},\n \"ops\":{},\n \"moves\":{}{}}}\n",
            text(&self.name),
            text(&self.process),
            text(&self.network),
            self.nfe(),
            self.slots,
            self.draws,
            self.result,
            text(&self.inputs),
            list(self.ops.iter().map(text).collect()),
            list(self.moves.iter().map(text).collect()),
            self.origin.as_ref().map_or_else(String::new, |origin| format!(",\n \"origin\":{}", text(origin))),
        )
    }

    /// Parses a plan, and checks everything that running relies on.
    ///
    /// ```
    /// use langevin::{Plan, Request};
    /// let json = Request::new().steps(3).plan()?.to_json().replace("\"nfe\":3", "\"nfe\":4");
    /// let error = Plan::from_json(&json).unwrap_err().to_string();
    /// assert!(error.contains("nfe"), "{error}");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error that names the mistake and its place if the text is no plan of version 1.
    pub fn from_json(text: &str) -> Result<Self> {
        if text.len() > MAX_BYTES {
            return Err(Error::format("the plan is too large")
                .expected(format!("at most {MAX_BYTES} bytes"))
                .got(text.len().to_string()));
        }
        let wrong = |error: serde_json::Error| {
            let words = crate::error::json_words(&error);
            let words =
                words.char_indices().nth(MAX_WORDS).map_or(words.clone(), |(end, _)| format!("{}…", &words[..end]));
            let wrong = Error::format(format!("not a plan: {words}"));
            let wrong = match broken_op(text, &error) {
                Some(op) => wrong.at(format!("ops[{op}]")),
                None => wrong,
            };
            if is_not_finite(text, &error) { wrong.hinting("a plan has finite numbers only") } else { wrong }
        };
        if let Some(found) = crate::error::no_object(text) {
            return Err(Error::format("not a plan").expected("a JSON object").got(found));
        }
        // The version is read first: a newer document may differ in ways that this reader would
        // report as mistakes.
        let Head { version, .. } = serde_json::from_str(text).map_err(wrong)?;
        if version == 0 || version > VERSION {
            return Err(Error::format("the plan is of another version")
                .at("version")
                .expected(VERSION.to_string())
                .got(version.to_string())
                .hinting("a newer langevin reads it"));
        }
        let wire: Wire = serde_json::from_str(text).map_err(wrong)?;
        let plan = Plan {
            name: wire.name,
            process: wire.process,
            network: wire.network,
            slots: wire.slots,
            draws: wire.draws,
            result: wire.result,
            inputs: wire.inputs,
            ops: wire.ops,
            moves: wire.moves,
            origin: wire.origin,
        };
        plan.validate()?;
        if plan.nfe() != wire.nfe {
            return Err(Error::format("bad plan").at("nfe").expected(plan.nfe().to_string()).got(wire.nfe.to_string()));
        }
        Ok(plan)
    }
}

/// Writes an instruction in the form that it has in a plan's JSON.
///
/// ```
/// use langevin::plan::Op;
/// let op = Op::Combine { into: 0, terms: vec![(0.5, 1)], noise: vec![(2.0, 0)] };
/// let json = serde_json::to_string(&op).unwrap();
/// assert_eq!(json, r#"{"op":"combine","into":0,"terms":[[0.5,1]],"noise":[[2.0,0]]}"#);
/// ```
impl Serialize for Op {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WireOp::from(self).serialize(serializer)
    }
}

impl From<&Op> for WireOp {
    fn from(op: &Op) -> Self {
        match op {
            Op::Eval { from, level, out, net } => WireOp::Eval {
                from: *from,
                time: level.time,
                alpha: level.alpha,
                sigma: level.sigma,
                out: out.clone(),
                net: *net,
            },
            Op::Combine { into, terms, noise } => {
                WireOp::Combine { into: *into, terms: terms.clone(), noise: noise.clone() }
            }
            Op::Map { map, from, into } => {
                let (kind, args) = wire_map(map);
                WireOp::Map { kind, from: from.clone(), args: args.into_iter().collect(), into: *into }
            }
        }
    }
}

/// Reads the instructions. The first pass has checked that there are not too many.
fn read_ops<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Op>, D::Error> {
    struct Ops;
    impl<'de> Visitor<'de> for Ops {
        type Value = Vec<Op>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of instructions")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut ops = Vec::new();
            while let Some(op) = items.next_element_seed(OpAt(ops.len()))? {
                ops.push(op);
            }
            Ok(ops)
        }
    }
    deserializer.deserialize_seq(Ops)
}

/// A reader for the instruction with this number.
struct OpAt(usize);

/// One slot, or a list of slots.
#[derive(Deserialize)]
#[serde(untagged)]
enum Slots {
    One(Slot),
    Many(Vec<Slot>),
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Op,
    From,
    Time,
    Alpha,
    Sigma,
    Out,
    Net,
    Into,
    Terms,
    Noise,
    Kind,
    Args,
    /// A field of no instruction. It is reported at the end, when the kind of instruction is known.
    Other(String),
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tag {
    Eval,
    Combine,
    Map,
}

impl Tag {
    /// Returns the kind of instruction and its fields, for a message.
    fn words(self) -> &'static str {
        match self {
            Self::Eval => "eval, expected one of `op`, `from`, `time`, `alpha`, `sigma`, `out`, `net`",
            Self::Combine => "combine, expected one of `op`, `into`, `terms`, `noise`",
            Self::Map => "map, expected one of `op`, `kind`, `from`, `args`, `into`",
        }
    }
}

/// The fields of an instruction, in any order.
#[derive(Default)]
struct Parts {
    tag: Option<Tag>,
    from: Option<Slots>,
    time: Option<f64>,
    alpha: Option<f64>,
    sigma: Option<f64>,
    out: Option<Vec<Output>>,
    net: Option<Option<Reading>>,
    into: Option<Slot>,
    terms: Option<Vec<(f64, Slot)>>,
    noise: Option<Vec<(f64, Draw)>>,
    kind: Option<String>,
    args: Option<Args>,
    other: Option<String>,
}

impl<'de> DeserializeSeed<'de> for OpAt {
    type Value = Op;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Op, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OpAt {
    type Value = Op;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an instruction")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Op, A::Error> {
        /// Reads the value of a field that may be present only once.
        fn put<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
            place: &mut Option<T>,
            name: &'static str,
            items: &mut A,
        ) -> Result<(), A::Error> {
            if place.is_some() {
                return Err(de::Error::duplicate_field(name));
            }
            *place = Some(items.next_value()?);
            Ok(())
        }
        let mut parts = Parts::default();
        while let Some(key) = items.next_key()? {
            match key {
                Key::Op => put(&mut parts.tag, "op", &mut items)?,
                Key::From => put(&mut parts.from, "from", &mut items)?,
                Key::Time => put(&mut parts.time, "time", &mut items)?,
                Key::Alpha => put(&mut parts.alpha, "alpha", &mut items)?,
                Key::Sigma => put(&mut parts.sigma, "sigma", &mut items)?,
                Key::Out => put(&mut parts.out, "out", &mut items)?,
                Key::Net => put(&mut parts.net, "net", &mut items)?,
                Key::Into => put(&mut parts.into, "into", &mut items)?,
                Key::Terms => put(&mut parts.terms, "terms", &mut items)?,
                Key::Noise => put(&mut parts.noise, "noise", &mut items)?,
                Key::Kind => put(&mut parts.kind, "kind", &mut items)?,
                Key::Args => put(&mut parts.args, "args", &mut items)?,
                Key::Other(name) => {
                    items.next_value::<IgnoredAny>()?;
                    parts.other.get_or_insert(name);
                }
            }
        }
        parts.into_op(self.0).map_err(|words| de::Error::custom(format!("ops[{}]: {words}", self.0)))
    }
}

impl Parts {
    fn into_op(mut self, index: usize) -> Result<Op, String> {
        fn need<T>(place: &mut Option<T>, name: &str) -> Result<T, String> {
            place.take().ok_or_else(|| format!("missing field `{name}`"))
        }
        let tag = need(&mut self.tag, "op")?;
        let unknown = |name: &str| {
            let name: String = name.chars().take(MOST_NAME).collect();
            Err(format!("unknown field `{name}` of {}", tag.words()))
        };
        if let Some(name) = &self.other {
            return unknown(name);
        }
        let op = match tag {
            Tag::Eval => Op::Eval {
                from: match need(&mut self.from, "from")? {
                    Slots::One(slot) => slot,
                    Slots::Many(_) => return Err("`from` is one slot".into()),
                },
                level: Level {
                    time: need(&mut self.time, "time")?,
                    alpha: need(&mut self.alpha, "alpha")?,
                    sigma: need(&mut self.sigma, "sigma")?,
                },
                out: need(&mut self.out, "out")?,
                net: need(&mut self.net, "net")?,
            },
            Tag::Combine => Op::Combine {
                into: need(&mut self.into, "into")?,
                terms: need(&mut self.terms, "terms")?,
                noise: need(&mut self.noise, "noise")?,
            },
            Tag::Map => Op::Map {
                map: read_map(&need(&mut self.kind, "kind")?, &need(&mut self.args, "args")?.0, index)
                    .map_err(|error| error.to_string())?,
                from: match need(&mut self.from, "from")? {
                    Slots::Many(slots) => slots,
                    Slots::One(_) => return Err("`from` is a list of slots".into()),
                },
                into: need(&mut self.into, "into")?,
            },
        };
        // A field that is left belongs to another kind of instruction.
        let left = [
            ("from", self.from.is_some()),
            ("time", self.time.is_some()),
            ("alpha", self.alpha.is_some()),
            ("sigma", self.sigma.is_some()),
            ("out", self.out.is_some()),
            ("net", self.net.is_some()),
            ("into", self.into.is_some()),
            ("terms", self.terms.is_some()),
            ("noise", self.noise.is_some()),
            ("kind", self.kind.is_some()),
            ("args", self.args.is_some()),
        ];
        match left.iter().find(|(_, there)| *there) {
            Some((name, _)) => unknown(name),
            None => Ok(op),
        }
    }
}

/// The arguments of a map in a document, at most [`MAX_ARGS`].
struct Args(BTreeMap<String, f64>);

impl<'de> Deserialize<'de> for Args {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Few;
        impl<'de> Visitor<'de> for Few {
            type Value = Args;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the arguments of a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Args, A::Error> {
                let mut args = BTreeMap::new();
                while let Some((name, value)) = items.next_entry()? {
                    if args.len() == MAX_ARGS {
                        return Err(de::Error::custom(format!("more than {MAX_ARGS} arguments")));
                    }
                    args.insert(name, value);
                }
                Ok(Args(args))
            }
        }
        deserializer.deserialize_map(Few)
    }
}

/// Returns the name and the arguments of a map in documents.
pub(super) fn wire_map(map: &Map) -> (String, Vec<(&'static str, f64)>) {
    match map {
        Map::Clamp { min, max } => ("clamp".into(), vec![("min", *min), ("max", *max)]),
        Map::Threshold { ratio, max } => ("threshold".into(), vec![("ratio", *ratio), ("max", *max)]),
        Map::Mul => ("mul".into(), vec![]),
        Map::LearnedStd { small, large } => ("learned_std".into(), vec![("small", *small), ("large", *large)]),
        Map::Hook { name } => (format!("hook:{name}"), vec![]),
    }
}

fn read_map(kind: &str, args: &BTreeMap<String, f64>, index: usize) -> Result<Map> {
    let wrong = |expected: String| {
        Error::format("bad plan").at(format!("ops[{index}].args")).expected(expected).got(format!("{args:?}"))
    };
    let two = |names: [&str; 2], check: fn(f64, f64) -> bool| match (args.get(names[0]), args.get(names[1])) {
        (Some(a), Some(b)) if args.len() == 2 && check(*a, *b) => Ok((*a, *b)),
        _ => Err(wrong(format!("the numbers {} and {}, in their range", names[0], names[1]))),
    };
    let none = |map: Map| if args.is_empty() { Ok(map) } else { Err(wrong("no arguments".into())) };
    match kind {
        "clamp" => two(["min", "max"], |min, max| min <= max).map(|(min, max)| Map::Clamp { min, max }),
        "threshold" => two(["ratio", "max"], |ratio, max| 0.0 < ratio && ratio <= 1.0 && max >= 1.0)
            .map(|(ratio, max)| Map::Threshold { ratio, max }),
        "mul" => none(Map::Mul),
        "learned_std" => two(["small", "large"], |small, large| 0.0 < small && small <= large)
            .map(|(small, large)| Map::LearnedStd { small, large }),
        _ => match kind.strip_prefix("hook:") {
            Some(name) if !name.is_empty() => none(Map::Hook { name: name.to_owned() }),
            _ => Err(Error::unknown("map", kind, &["clamp", "threshold", "mul", "learned_std", "hook:NAME"])
                .at(format!("ops[{index}].kind"))),
        },
    }
}
