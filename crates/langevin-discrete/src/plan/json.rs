//! Plan JSON of tokens, version 1.
//!
//! The wire form is flat: every instruction is one object on one line, with the fields of its kind.

use super::{By, Draw, Filling, How, Op, Output, Plan, Read, Shape, Slot, Step, Take};
use crate::denoiser::Parameterization;
use crate::moves::Jump;
use crate::space::{Letter, StateSpace};
use langevin::{Error, Result};
use serde::{Deserialize, Serialize};

/// The version that this crate writes and reads.
const VERSION: u64 = 1;
/// The kind of the document, beside the plans of continuous data, which have none.
const KIND: &str = "tokens";
/// The longest document.
const MAX_BYTES: usize = 64 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a plan, which is a JSON object")]
struct Wire {
    kind: String,
    version: u64,
    name: String,
    space: StateSpace,
    nfe: usize,
    slots: usize,
    draws: Draw,
    result: Slot,
    ops: Vec<WireOp>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum WireOp {
    Fill(WireFill),
    Eval(WireEval),
    Blend(WireBlend),
    Draw(WireDraw),
    Jump(WireJump),
    Select(WireSelect),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireFill {
    into: Slot,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    letter: Option<Letter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    draw: Option<Draw>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEval {
    from: Slot,
    alpha: f64,
    out: Vec<Output>,
    #[serde(default)]
    net: Option<Parameterization>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireBlend {
    into: Slot,
    terms: Vec<(f64, Slot)>,
    #[serde(default, skip_serializing_if = "is_linear")]
    how: How,
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    read: Option<Reading>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<Slot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alpha: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    eta: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    top_k: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_linear(how: &How) -> bool {
    *how == How::Linear
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reading {
    Posterior,
    Conditional,
    Rates,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDraw {
    into: Slot,
    from: Slot,
    draw: Draw,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireJump {
    into: Slot,
    from: Slot,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clean: Option<Slot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alpha: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remask: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unmask: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rates: Option<Slot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<f64>,
    draw: Draw,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSelect {
    into: Slot,
    yes: Slot,
    no: Slot,
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    belief: Option<Slot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Vec<u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    draw: Option<Draw>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bound: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    above: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    among: Option<[usize; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noise: Option<(f64, Draw)>,
}

/// Returns an error about fields that do not go together.
fn fields(expected: &str) -> Error {
    Error::format("the fields of the instruction do not go together").expected(expected)
}

impl From<&Op> for WireOp {
    fn from(op: &Op) -> Self {
        match op.clone() {
            Op::Fill { into, with } => Self::Fill(match with {
                Filling::Letter(letter) => WireFill { into, letter: Some(letter), draw: None },
                Filling::Prior(draw) => WireFill { into, letter: None, draw: Some(draw) },
            }),
            Op::Eval { from, alpha, out, net } => Self::Eval(WireEval { from, alpha, out, net }),
            Op::Blend { into, terms, how, read, shape: Shape { temperature, top_k, top_p } } => {
                let (read, x, alpha, eta) = match read {
                    Read::Plain => (None, None, None, None),
                    Read::Posterior { x, alpha } => (Some(Reading::Posterior), Some(x), Some(alpha), None),
                    Read::Conditional { alpha } => (Some(Reading::Conditional), None, Some(alpha), None),
                    Read::Rates { x, alpha, eta } => (Some(Reading::Rates), Some(x), Some(alpha), Some(eta)),
                };
                Self::Blend(WireBlend { into, terms, how, read, x, alpha, eta, temperature, top_k, top_p })
            }
            Op::Draw { into, from, draw } => Self::Draw(WireDraw { into, from, draw }),
            Op::Jump { into, from, step, draw } => {
                let empty = WireJump {
                    into,
                    from,
                    clean: None,
                    alpha: None,
                    remask: None,
                    unmask: None,
                    keep: None,
                    rates: None,
                    h: None,
                    draw,
                };
                Self::Jump(match step {
                    Step::Numbers { clean, alpha, jump: Jump { remask, unmask, keep } } => WireJump {
                        clean: Some(clean),
                        alpha: Some(alpha),
                        remask: Some(remask),
                        unmask: Some(unmask),
                        keep: Some(keep),
                        ..empty
                    },
                    Step::Rates { rates, length } => WireJump { rates: Some(rates), h: Some(length), ..empty },
                })
            }
            Op::Select { into, yes, no, by, take, among, noise } => {
                let (name, belief) = (by.name().to_owned(), by.belief());
                let (order, draw) = match by {
                    By::Random(draw) => (None, Some(draw)),
                    By::Order(order) => (Some(order), None),
                    By::Entropy(_) | By::Margin(_) | By::Confidence(_) => (None, None),
                };
                let (count, bound, above) = match take {
                    Take::Count(count) => (Some(count), None, None),
                    Take::Bound(bound) => (None, Some(bound), None),
                    Take::Above(above) => (None, None, Some(above)),
                };
                Self::Select(WireSelect {
                    into,
                    yes,
                    no,
                    by: name,
                    belief,
                    order,
                    draw,
                    count,
                    bound,
                    above,
                    among,
                    noise,
                })
            }
        }
    }
}

impl TryFrom<WireOp> for Op {
    type Error = Error;

    fn try_from(op: WireOp) -> Result<Self> {
        Ok(match op {
            WireOp::Fill(WireFill { into, letter, draw }) => Self::Fill {
                into,
                with: match (letter, draw) {
                    (Some(letter), None) => Filling::Letter(letter),
                    (None, Some(draw)) => Filling::Prior(draw),
                    _ => return Err(fields("either letter or draw")),
                },
            },
            WireOp::Eval(WireEval { from, alpha, out, net }) => Self::Eval { from, alpha, out, net },
            WireOp::Blend(WireBlend { into, terms, how, read, x, alpha, eta, temperature, top_k, top_p }) => {
                let read = match (read, x, alpha, eta) {
                    (None, None, None, None) => Read::Plain,
                    (Some(Reading::Posterior), Some(x), Some(alpha), None) => Read::Posterior { x, alpha },
                    (Some(Reading::Conditional), None, Some(alpha), None) => Read::Conditional { alpha },
                    (Some(Reading::Rates), Some(x), Some(alpha), Some(eta)) => Read::Rates { x, alpha, eta },
                    _ => {
                        return Err(fields(
                            "x and alpha as posterior, alpha as conditional, x, alpha and eta as rates, else none",
                        ));
                    }
                };
                Self::Blend { into, terms, how, read, shape: Shape { temperature, top_k, top_p } }
            }
            WireOp::Draw(WireDraw { into, from, draw }) => Self::Draw { into, from, draw },
            WireOp::Jump(wire) => {
                let WireJump { into, from, clean, alpha, remask, unmask, keep, rates, h, draw } = wire;
                let step = match (clean, alpha, remask, unmask, keep, rates, h) {
                    (Some(clean), Some(alpha), Some(remask), Some(unmask), Some(keep), None, None) => {
                        Step::Numbers { clean, alpha, jump: Jump { remask, unmask, keep } }
                    }
                    (None, None, None, None, None, Some(rates), Some(length)) => Step::Rates { rates, length },
                    _ => return Err(fields("clean, alpha, remask, unmask and keep, or rates and h")),
                };
                Self::Jump { into, from, step, draw }
            }
            WireOp::Select(wire) => {
                let WireSelect { into, yes, no, by, belief, order, draw, count, bound, above, among, noise } = wire;
                let by = match (by.as_str(), belief, order, draw) {
                    ("random", None, None, Some(draw)) => By::Random(draw),
                    ("order", None, Some(order), None) => By::Order(order),
                    ("entropy", Some(slot), None, None) => By::Entropy(slot),
                    ("margin", Some(slot), None, None) => By::Margin(slot),
                    ("confidence", Some(slot), None, None) => By::Confidence(slot),
                    (name, ..) if By::NAMES.contains(&name) => {
                        return Err(fields("draw by random, order by order, belief by entropy, margin or confidence"));
                    }
                    (other, ..) => return Err(Error::unknown("order", other, &By::NAMES)),
                };
                let take = match (count, bound, above) {
                    (Some(count), None, None) => Take::Count(count),
                    (None, Some(bound), None) => Take::Bound(bound),
                    (None, None, Some(above)) => Take::Above(above),
                    _ => return Err(fields("one of count, bound and above")),
                };
                let by_belief = by.belief().is_some();
                if matches!(take, Take::Bound(_) | Take::Above(_)) && !by_belief {
                    return Err(fields("bound and above with an order by entropy, margin or confidence"));
                }
                Self::Select { into, yes, no, by, take, among, noise }
            }
        })
    }
}

/// Writes one value on one line. It cannot fail: keys are strings, and a plan's numbers are finite.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns one instruction as JSON.
pub(super) fn op_text(op: &Op) -> String {
    text(&WireOp::from(op))
}

impl Plan {
    /// Returns the plan as JSON, one instruction per line.
    ///
    /// ```
    /// use langevin_discrete::{Noise, Plan, StateSpace, sampler};
    /// let space = StateSpace::new(Noise::Masked, 27, 12)?;
    /// let plan = sampler::ancestral(&space, &sampler::even(3))?;
    /// let json = plan.to_json();
    /// assert!(json.starts_with("{\"kind\":\"tokens\",\"version\":1,"));
    /// assert_eq!(Plan::from_json(&json)?, plan);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let ops: Vec<String> = self.ops.iter().map(op_text).collect();
        format!(
            "{{\"kind\":\"{KIND}\",\"version\":{VERSION},\n \"name\":{},\n \"space\":{},\n \"nfe\":{},\"slots\":{},\"draws\":{},\"result\":{},\n \"ops\":[\n  {}\n ]}}\n",
            text(&self.name),
            text(&self.space),
            self.nfe(),
            self.slots(),
            self.draws,
            self.result,
            ops.join(",\n  "),
        )
    }

    /// Returns true if the text is a JSON document of this kind, of any version.
    #[must_use]
    pub fn is_json(text: &str) -> bool {
        #[derive(Deserialize)]
        struct Head {
            kind: String,
        }
        serde_json::from_str::<Head>(text).is_ok_and(|head| head.kind == KIND)
    }

    /// Parses a plan, and checks everything that running relies on.
    ///
    /// # Errors
    /// Returns an error that names the mistake and its place if the text is no plan of tokens of
    /// version 1.
    pub fn from_json(text: &str) -> Result<Self> {
        if text.len() > MAX_BYTES {
            return Err(Error::format("the plan is too large")
                .expected(format!("at most {MAX_BYTES} bytes"))
                .got(text.len().to_string()));
        }
        if let Some(found) = langevin::error::no_object(text) {
            return Err(Error::format("not a plan").expected("a JSON object").got(found));
        }
        let wire: Wire = serde_json::from_str(text)
            .map_err(|error| Error::format(format!("not a plan of tokens: {}", langevin::error::json_words(&error))))?;
        if wire.kind != KIND {
            return Err(Error::format("the plan is of another kind")
                .at("kind")
                .expected(format!("'{KIND}'"))
                .got(format!("'{}'", wire.kind)));
        }
        if wire.version != VERSION {
            return Err(Error::format("the plan is of another version")
                .at("version")
                .expected(VERSION.to_string())
                .got(wire.version.to_string())
                .hinting("a newer langevin reads it"));
        }
        let ops: Vec<Op> = wire
            .ops
            .into_iter()
            .enumerate()
            .map(|(number, op)| Op::try_from(op).map_err(|error| error.at(format!("ops[{number}]"))))
            .collect::<Result<_>>()?;
        let plan = Self::new(wire.name, wire.space, wire.slots, wire.result, ops)?;
        for (name, own, written) in [("nfe", plan.nfe(), wire.nfe), ("draws", plan.draws as usize, wire.draws as usize)]
        {
            if own != written {
                return Err(Error::format("the document contradicts its instructions")
                    .at(name)
                    .expected(own.to_string())
                    .got(written.to_string()));
            }
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::{self, Order};
    use crate::space::Noise;

    #[test]
    fn documents_read_back() {
        let space = StateSpace::new(Noise::Masked, 3, 5).unwrap();
        let plans = [
            sampler::ancestral(&space, &sampler::even(3)).unwrap(),
            sampler::sizes(&space, &[2, 3], &Order::Fixed(vec![4, 2, 0, 1, 3])).unwrap(),
            sampler::entropy_bound(&space, 0.5, 3).unwrap(),
            sampler::tau_leaping(&space, &sampler::even(3), 1.0).unwrap(),
        ];
        for plan in plans {
            let json = plan.to_json();
            assert_eq!(Plan::from_json(&json).unwrap(), plan, "{json}");
            assert!(Plan::is_json(&json));
        }
    }

    #[test]
    fn mistakes_are_named() {
        let space = StateSpace::new(Noise::Masked, 3, 2).unwrap();
        let json = sampler::ancestral(&space, &sampler::even(2)).unwrap().to_json();
        let refused = |from: &str, to: &str, words: &str| {
            assert!(json.contains(from), "{json}");
            let error = Plan::from_json(&json.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        refused("\"nfe\":2", "\"nfe\":3", "nfe");
        refused("\"version\":1", "\"version\":2", "version");
        refused("\"kind\":\"tokens\"", "\"kind\":\"numbers\"", "kind");
        refused("\"unmask\":0.5,", "", "ops[3]");
        refused("\"letter\":3", "\"letter\":4", "letter");
        refused("\"from\":0,\"alpha\"", "\"from\":2,\"alpha\"", "ops[1], eval");
        assert!(Plan::from_json("[]").is_err());
        assert!(!Plan::is_json("{\"version\":1}"));
    }
}
