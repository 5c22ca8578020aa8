//! Plan JSON, version 1: the wire form, kept apart from the form in memory so that either may change alone.
//!
//! Numbers are written in the shortest form that reads back to the same bits.

use super::{Input, Move, Op, Output, Plan, Slot};
use crate::error::{Error, Result};
use crate::formulation::{FormulationSpec, Reading};
use crate::process::{Level, ProcessSpec};
use crate::space::{Draw, Map};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The arguments of a map, by name.
type Args = BTreeMap<String, f64>;

/// The version this crate writes, and the newest one that it reads.
pub(crate) const VERSION: u64 = 1;
/// A plan of a thousand steps is under a megabyte; the worst document of this size is read and linted in some 50 MiB.
const MAX_BYTES: usize = 4 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
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
    ops: Ops,
    moves: Vec<Move>,
}

/// An instruction as it is written.
#[derive(Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum WireOp {
    Eval { from: Slot, time: f64, alpha: f64, sigma: f64, out: Vec<Output>, net: Option<Reading> },
    Combine { into: Slot, terms: Vec<(f64, Slot)>, noise: Vec<(f64, Draw)> },
    Map { kind: String, from: Vec<Slot>, args: Args, into: Slot },
}

/// One value on one line. Nothing here can fail to be written: the keys are strings and a plan's numbers are finite.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Plan {
    /// The plan as JSON, version 1, one instruction a line. See `docs/plan.md` in the repository for the format.
    ///
    /// ```
    /// use langevin::{Grid, Plan, Process, Sampler};
    /// let process = Process::vp();
    /// let plan = Sampler::ddim(1.0).compile(&process, None, &Grid::karras(3).levels(&process, 0.002, 80.0)?)?;
    /// assert_eq!(Plan::from_json(&plan.to_json())?, plan);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let list = |items: Vec<String>| {
            if items.is_empty() { "[]".to_owned() } else { format!("[\n  {}\n ]", items.join(",\n  ")) }
        };
        format!(
            "{{\"version\":{VERSION},\n \"name\":{},\n \"process\":{},\n \"network\":{},\n \"nfe\":{},\"slots\":{},\"draws\":{},\"result\":{},\n \"inputs\":{},\n \"ops\":{},\n \"moves\":{}}}\n",
            text(&self.name),
            text(&self.process),
            text(&self.network),
            self.nfe(),
            self.slots,
            self.draws,
            self.result,
            text(&self.inputs),
            list(self.ops.iter().map(|op| text(&WireOp::from(op))).collect()),
            list(self.moves.iter().map(text).collect()),
        )
    }

    /// Reads a plan. Everything that running relies on is checked.
    ///
    /// # Errors
    /// Text that is no plan of a version up to 1, with what is wrong and where.
    pub fn from_json(text: &str) -> Result<Self> {
        if text.len() > MAX_BYTES {
            return Err(Error::format("the plan is too large")
                .expected(format!("at most {MAX_BYTES} bytes"))
                .got(text.len().to_string()));
        }
        // The version is read first: a newer document may differ in ways that this reader would report as mistakes.
        #[derive(Deserialize)]
        struct Version {
            version: u64,
        }
        let wrong = |error: serde_json::Error| Error::format(format!("not a plan: {error}")).caused_by(error);
        let Version { version } = serde_json::from_str(text).map_err(wrong)?;
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
            ops: wire.ops.0?,
            moves: wire.moves,
        };
        plan.validate()?;
        if plan.nfe() != wire.nfe {
            return Err(Error::format("bad plan").at("nfe").expected(plan.nfe().to_string()).got(wire.nfe.to_string()));
        }
        Ok(plan)
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
                let args = args.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
                WireOp::Map { kind, from: from.clone(), args, into: *into }
            }
        }
    }
}

/// One slot, or several.
enum Slots {
    One(Slot),
    Several(Vec<Slot>),
}

impl<'de> Deserialize<'de> for Slots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Slots;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a slot, or a list of slots")
            }
            fn visit_u64<E: serde::de::Error>(self, slot: u64) -> Result<Slots, E> {
                usize::try_from(slot).map(Slots::One).map_err(E::custom)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Slots, A::Error> {
                let mut slots = Vec::new();
                while let Some(slot) = list.next_element()? {
                    slots.push(slot);
                }
                Ok(Slots::Several(slots))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// An instruction as it is read: all fields of all kinds, so that nothing is buffered until its kind is known.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Read {
    op: Option<String>,
    from: Option<Slots>,
    time: Option<f64>,
    alpha: Option<f64>,
    sigma: Option<f64>,
    out: Option<Vec<Output>>,
    /// A missing key is not null.
    #[serde(deserialize_with = "Read::present")]
    net: Option<Option<Reading>>,
    into: Option<Slot>,
    terms: Option<Vec<(f64, Slot)>>,
    noise: Option<Vec<(f64, Draw)>>,
    kind: Option<String>,
    args: Option<Args>,
}

impl Read {
    fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Reading>>, D::Error> {
        Option::deserialize(deserializer).map(Some)
    }

    /// The names of the fields that are there, with the kind of instruction that has them.
    fn fields(&self) -> [(&'static str, bool, &'static [&'static str]); 11] {
        [
            ("from", self.from.is_some(), &["eval", "map"]),
            ("time", self.time.is_some(), &["eval"]),
            ("alpha", self.alpha.is_some(), &["eval"]),
            ("sigma", self.sigma.is_some(), &["eval"]),
            ("out", self.out.is_some(), &["eval"]),
            ("net", self.net.is_some(), &["eval"]),
            ("into", self.into.is_some(), &["combine", "map"]),
            ("terms", self.terms.is_some(), &["combine"]),
            ("noise", self.noise.is_some(), &["combine"]),
            ("kind", self.kind.is_some(), &["map"]),
            ("args", self.args.is_some(), &["map"]),
        ]
    }

    fn into_op(self, index: usize) -> Result<Op> {
        let wrong = |expected: String, got: &str| {
            Error::format("bad plan").at(format!("ops[{index}]")).expected(expected).got(got.to_owned())
        };
        let Some(op) = &self.op else {
            return Err(wrong("the field op".into(), "none"));
        };
        if !["eval", "combine", "map"].contains(&op.as_str()) {
            return Err(Error::unknown("op", op, &["eval", "combine", "map"]).at(format!("ops[{index}]")));
        }
        for (name, there, of) in self.fields() {
            if there != of.contains(&op.as_str()) {
                return Err(if there {
                    wrong(format!("no field '{name}' in {op}"), "one")
                } else {
                    wrong(format!("the field '{name}' in {op}"), "none")
                });
            }
        }
        let one_or_several = || wrong("one slot in eval's 'from', a list in map's".into(), "the other");
        Ok(match (self.from, self.out, self.terms, self.kind) {
            (Some(from), Some(out), ..) => {
                let Slots::One(from) = from else { return Err(one_or_several()) };
                let value = |value: Option<f64>| value.unwrap_or(f64::NAN);
                let level = Level { time: value(self.time), alpha: value(self.alpha), sigma: value(self.sigma) };
                Op::Eval { from, level, out, net: self.net.flatten() }
            }
            (_, _, Some(terms), _) => {
                Op::Combine { into: self.into.unwrap_or_default(), terms, noise: self.noise.unwrap_or_default() }
            }
            (Some(from), _, _, Some(kind)) => {
                let Slots::Several(from) = from else { return Err(one_or_several()) };
                let map = read_map(&kind, &self.args.unwrap_or_default(), index)?;
                Op::Map { map, from, into: self.into.unwrap_or_default() }
            }
            _ => return Err(wrong("the fields of its kind".into(), "others")),
        })
    }
}

/// The instructions, each in its final form as soon as it is read; or the first that is none.
struct Ops(Result<Vec<Op>>);

impl<'de> Deserialize<'de> for Ops {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Ops;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of instructions")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Ops, A::Error> {
                let mut ops = Vec::new();
                while let Some(read) = list.next_element::<Read>()? {
                    match read.into_op(ops.len()) {
                        Ok(op) => ops.push(op),
                        Err(error) => {
                            while list.next_element::<IgnoredAny>()?.is_some() {}
                            return Ok(Ops(Err(error)));
                        }
                    }
                }
                Ok(Ops(Ok(ops)))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// The name and the arguments of a map in documents.
pub(super) fn wire_map(map: &Map) -> (String, Vec<(&'static str, f64)>) {
    match map {
        Map::Clamp { min, max } => ("clamp".into(), vec![("min", *min), ("max", *max)]),
        Map::Threshold { ratio, max } => ("threshold".into(), vec![("ratio", *ratio), ("max", *max)]),
        Map::Mul => ("mul".into(), vec![]),
        Map::LearnedStd { small, large } => ("learned_std".into(), vec![("small", *small), ("large", *large)]),
        Map::Hook { name } => (format!("hook:{name}"), vec![]),
    }
}

fn read_map(kind: &str, args: &Args, index: usize) -> Result<Map> {
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
