//! Plan JSON, version 1: the wire form, kept apart from the form in memory so that either may change alone.
//!
//! Numbers are written in the shortest form that reads back to the same bits.

use super::{Input, Move, Op, Output, Plan, Slot};
use crate::error::{Error, Result};
use crate::formulation::{FormulationSpec, Reading};
use crate::process::{Level, ProcessSpec};
use crate::space::{Draw, Map};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The arguments of a map, by name.
type Args = BTreeMap<String, f64>;

/// The version this crate writes, and the newest one that it reads.
pub(crate) const VERSION: u64 = 1;
/// A plan of a thousand steps is under a megabyte.
const MAX_BYTES: usize = 16 << 20;

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
    ops: Vec<WireOp>,
    moves: Vec<Move>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum WireOp {
    Eval {
        from: Slot,
        time: f64,
        alpha: f64,
        sigma: f64,
        out: Vec<Output>,
        #[serde(deserialize_with = "Option::deserialize")]
        net: Option<Reading>,
    },
    Combine {
        into: Slot,
        terms: Vec<(f64, Slot)>,
        noise: Vec<(f64, Draw)>,
    },
    Map {
        kind: String,
        from: Vec<Slot>,
        args: Args,
        into: Slot,
    },
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
        let ops = wire.ops.into_iter().enumerate().map(|(index, op)| op.into_op(index)).collect::<Result<Vec<Op>>>()?;
        let plan = Plan {
            name: wire.name,
            process: wire.process,
            network: wire.network,
            slots: wire.slots,
            draws: wire.draws,
            result: wire.result,
            inputs: wire.inputs,
            ops,
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

impl WireOp {
    fn into_op(self, index: usize) -> Result<Op> {
        Ok(match self {
            WireOp::Eval { from, time, alpha, sigma, out, net } => {
                Op::Eval { from, level: Level { time, alpha, sigma }, out, net }
            }
            WireOp::Combine { into, terms, noise } => Op::Combine { into, terms, noise },
            WireOp::Map { kind, from, args, into } => Op::Map { map: read_map(&kind, &args, index)?, from, into },
        })
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
