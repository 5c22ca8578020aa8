//! Plans as text: an aligned table for the terminal, and CSV for a spreadsheet.

use super::json::wire_map;
use super::{Op, Plan};
use crate::process::{Level, ProcessSpec};
use crate::text::{Column, NAME, brief, columns, plural};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// The name of each slot while the instructions are read from top to bottom.
struct Names(Vec<String>);

impl Names {
    fn new(plan: &Plan) -> Self {
        let mut names: Vec<String> = (0..plan.slots).map(|slot| format!("s{slot}")).collect();
        for input in &plan.inputs {
            names[input.slot] = brief(&input.name, NAME);
        }
        Self(names)
    }

    /// Names a slot after it is written: D with its number if an evaluation wrote it, x if it is
    /// the slot of the result, and s with its number otherwise.
    fn write(&mut self, plan: &Plan, slot: usize, denoised: Option<usize>) {
        self.0[slot] = match denoised {
            Some(eval) => format!("D{eval}"),
            None if slot == plan.result => "x".into(),
            None => format!("s{slot}"),
        };
    }
}

/// Formats λ, with ∞ for infinity.
fn lambda(value: f64) -> String {
    match value {
        f64::INFINITY => "∞".into(),
        f64::NEG_INFINITY => "−∞".into(),
        _ => format!("{value:.4}"),
    }
}

/// Formats a coefficient or a time with six digits.
fn coefficient(value: f64) -> String {
    if value == 0.0 || (1e-3..1e4).contains(&value.abs()) { format!("{value:.6}") } else { format!("{value:.5e}") }
}

/// Formats a sum such as `1.25·x − 0.5·D3 + 0.1·z2`, without the terms of coefficient 0.
fn sum(terms: impl Iterator<Item = (f64, String)>) -> String {
    let mut text = String::new();
    for (coef, name) in terms.filter(|(coef, _)| *coef != 0.0) {
        let sign = match (text.is_empty(), coef < 0.0) {
            (true, true) => "−",
            (true, false) => "",
            (false, true) => " − ",
            (false, false) => " + ",
        };
        let _ = write!(text, "{sign}{}·{name}", coefficient(coef.abs()));
    }
    if text.is_empty() { "0".into() } else { text }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = match &self.network {
            None => "given D".to_owned(),
            Some(spec) => format!("{} network", spec.prediction.name()),
        };
        let process = serde_json::to_value(&self.process).ok();
        let kind = match &self.process {
            ProcessSpec::Custom { name } => format!("{} (custom)", brief(name, NAME)),
            _ => process.as_ref().and_then(|value| value.get("kind")?.as_str()).unwrap_or("custom").to_owned(),
        };
        let (moves, nfe, draws) = (self.moves.len() as u64, self.nfe() as u64, u64::from(self.draws));
        writeln!(
            f,
            "{} on {kind}, {network}: {}, {}, {}",
            brief(&self.name, NAME),
            plural(moves, "move"),
            plural(nfe, "evaluation"),
            plural(draws, "draw")
        )?;
        let bare = self.moves.is_empty();
        let asked = if bare { self.states_of_evaluations() } else { BTreeMap::new() };
        let mut names = Names::new(self);
        let mut rows = match bare {
            true => vec![["", "time", "λ", "row"].map(String::from).to_vec()],
            false => vec![["", "move", "h/g", "time", "to", "λ", "to", "row"].map(String::from).to_vec()],
        };
        let mut evals = 0;
        let last_ops: BTreeMap<usize, usize> =
            self.moves.iter().enumerate().rev().map(|(number, note)| (note.ops[1], number)).collect();
        for (index, op) in self.ops.iter().enumerate() {
            let text = match op {
                Op::Eval { out, .. } => {
                    for output in out {
                        names.write(self, output.into, Some(evals));
                        evals += 1;
                    }
                    continue;
                }
                Op::Combine { into, terms, noise } => {
                    let terms = terms.iter().map(|(coef, slot)| (*coef, names.0[*slot].clone()));
                    let right = sum(terms.chain(noise.iter().map(|(coef, draw)| (*coef, format!("z{draw}")))));
                    names.write(self, *into, None);
                    if asked.contains_key(&index) {
                        names.0[*into] = "x".into();
                    }
                    format!("{} ← {right}", names.0[*into])
                }
                Op::Map { map, from, into } => {
                    let args: Vec<&str> = from.iter().map(|slot| names.0[*slot].as_str()).collect();
                    let (kind, numbers) = wire_map(map);
                    let numbers = numbers.iter().map(|(name, value)| format!("{name} {value}"));
                    let args: Vec<String> = args.into_iter().map(str::to_owned).chain(numbers).collect();
                    let right = format!("{}({})", brief(&kind, NAME), args.join(", "));
                    names.write(self, *into, None);
                    format!("{} ← {right}", names.0[*into])
                }
            };
            if bare {
                let at = asked.get(&index);
                let level = |of: &dyn Fn(&Level) -> String| at.map_or_else(String::new, |(_, level)| of(level));
                let number = at.map_or_else(String::new, |(number, _)| number.to_string());
                let (time, lambda) = (level(&|at| coefficient(at.time)), level(&|at| lambda(at.lambda())));
                rows.push(vec![number, time, lambda, text]);
                continue;
            }
            let found = last_ops.get(&index).map(|number| (*number, &self.moves[*number]));
            let mut cells = vec![String::new(); 7];
            if let Some((number_of, note)) = found {
                let eta = note.eta.map_or_else(|| "–".into(), |eta| format!("{eta:.4}"));
                cells = vec![
                    number_of.to_string(),
                    format!("{:?}", note.letter),
                    eta,
                    coefficient(note.from.time),
                    coefficient(note.to.time),
                    lambda(note.from.lambda()),
                    lambda(note.to.lambda()),
                ];
            } else if self.moves.first().is_some_and(|first| index < first.ops[0]) {
                cells[1] = "start".into();
            }
            cells.push(text);
            rows.push(cells);
        }
        let mut layout = vec![Column::Right(0); rows[0].len() - 1];
        layout.push(Column::Left(0));
        f.write_str(&columns(&rows, &layout))
    }
}

impl Plan {
    /// Returns the instructions that write the state of an evaluation, with its number and level.
    fn states_of_evaluations(&self) -> BTreeMap<usize, (usize, Level)> {
        let (mut writers, mut found, mut number) = (vec![None; self.slots], BTreeMap::new(), 0);
        for (index, op) in self.ops.iter().enumerate() {
            match op {
                Op::Combine { into, .. } | Op::Map { into, .. } => writers[*into] = Some(index),
                Op::Eval { from, level, out, .. } => {
                    if let Some(writer) = writers[*from] {
                        found.entry(writer).or_insert((number, *level));
                    }
                    number += out.len();
                }
            }
        }
        found
    }

    /// Returns the plan as CSV, one term per line.
    ///
    /// The columns are `op,kind,into,time,alpha,sigma,coefficient,source`. `source` is `slot N`,
    /// `draw N`, or empty. An evaluation has its level, and rows for `A`, `B`, `scale` and
    /// `network_time` if the plan is for a network.
    ///
    /// ```
    /// use langevin::Request;
    /// let csv = Request::new().sampler("ddim").steps(2).plan()?.to_csv();
    /// let lines: Vec<&str> = csv.lines().collect();
    /// assert_eq!(lines[0], "op,kind,into,time,alpha,sigma,coefficient,source");
    /// assert!(lines[1].starts_with("0,combine,0,") && lines[1].ends_with("draw 0"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::from("op,kind,into,time,alpha,sigma,coefficient,source\n");
        for (index, op) in self.ops.iter().enumerate() {
            match op {
                Op::Eval { from, level, out, net } => {
                    for output in out {
                        let head =
                            format!("{index},eval,{},{},{},{}", output.into, level.time, level.alpha, level.sigma);
                        let Some(net) = net else {
                            let _ = writeln!(text, "{head},,slot {from}");
                            continue;
                        };
                        let parts = [
                            (net.a, format!("A slot {from}")),
                            (net.b, "B".into()),
                            (net.scale, "scale".into()),
                            (net.time, "network_time".into()),
                        ];
                        for (value, source) in parts {
                            let _ = writeln!(text, "{head},{value},{source}");
                        }
                    }
                }
                Op::Combine { into, terms, noise } => {
                    for (coef, slot) in terms {
                        let _ = writeln!(text, "{index},combine,{into},,,,{coef},slot {slot}");
                    }
                    for (coef, draw) in noise {
                        let _ = writeln!(text, "{index},combine,{into},,,,{coef},draw {draw}");
                    }
                }
                Op::Map { map, from, into } => {
                    let (kind, args) = wire_map(map);
                    // A hook's name is the only free text in the table, so only this field is
                    // quoted.
                    let kind = format!("\"map {}\"", kind.replace('"', "\"\""));
                    for slot in from {
                        let _ = writeln!(text, "{index},{kind},{into},,,,,slot {slot}");
                    }
                    for (name, value) in args {
                        let _ = writeln!(text, "{index},{kind},{into},,,,{value},{name}");
                    }
                }
            }
        }
        text
    }
}
