//! The lint of single instructions: values that are never read, levels and readings that do not fit
//! the process and the network, and moves that share instructions.

use super::{Finding, Rule, Subject};
use crate::formulation::{Formulation, Reading};
use crate::plan::{Op, Plan, Slot};
use crate::process::{Level, Process};
use std::cmp::Ordering;

/// The relative tolerance of α at a given σ/α: the rounding of tables in float32.
const OFF_LEVEL: f64 = 1e-4;
/// The tolerance of ln(σ/α) at a level's time. Imports round times to the entries of a table.
const OFF_TIME: f64 = 0.05;
/// The tolerance of D, compared with x0, for an exact network output. Imports call a network at
/// rounded times and in float32.
const OFF_READING: f64 = 0.02;

impl Plan {
    /// Returns the violations of single instructions, in their order.
    pub(super) fn lint_rows(&self) -> Vec<Finding> {
        let mut findings = self.unread();
        findings.extend(self.off_levels());
        findings.extend(self.off_readings());
        findings.extend(self.overlaps());
        findings
    }

    /// Returns the inputs that are overwritten before they are read, and the last instruction if
    /// its value is not the result.
    ///
    /// Other values may stay unread. Methods compute a stage or a correction that the last step
    /// does not use, and a start from pure noise does not use an image.
    fn unread(&self) -> Vec<Finding> {
        let finding = |subject, index, op| Finding { subject, index, op, rule: Rule::Unread, expected: 1.0, got: 0.0 };
        let mut findings = Vec::new();
        for (index, input) in self.inputs.iter().enumerate() {
            let touches = |op: &Op| {
                let (reads, writes) = slots_of(op);
                reads.contains(&input.slot).then_some(true).or(writes.contains(&input.slot).then_some(false))
            };
            let first = self.ops.iter().enumerate().find_map(|(op, row)| touches(row).map(|read| (op, read)));
            if let Some((op, false)) = first {
                findings.push(finding(Subject::Input, index, Some(op)));
            }
        }
        let last = self.ops.len().checked_sub(1);
        if let Some(last) = last.filter(|last| !slots_of(&self.ops[*last]).1.contains(&self.result)) {
            findings.push(finding(Subject::Instruction, last, Some(last)));
        }
        findings
    }

    /// Returns the evaluations, with their numbers and those of their instructions.
    fn evaluations(&self) -> impl Iterator<Item = (usize, usize, &Level, Option<&Reading>)> {
        self.ops
            .iter()
            .enumerate()
            .filter_map(|(number, op)| match op {
                Op::Eval { level, net, .. } => Some((number, level, net.as_ref())),
                _ => None,
            })
            .enumerate()
            .map(|(index, (number, level, net))| (index, number, level, net))
    }

    /// Returns the evaluations at levels that do not belong to the plan's process. A custom process
    /// is not known here, so its levels are not checked.
    fn off_levels(&self) -> Vec<Finding> {
        let Ok(process) = Process::from_spec(&self.process) else { return Vec::new() };
        let wrong = |(index, op, level, _): (usize, usize, &Level, _)| {
            let (expected, got) = off_level(&process, level)?;
            let subject = Subject::Evaluation;
            Some(Finding { subject, index, op: Some(op), rule: Rule::Level, expected, got })
        };
        self.evaluations().filter_map(wrong).collect()
    }

    /// Returns the evaluations whose reading of the network does not give D.
    fn off_readings(&self) -> Vec<Finding> {
        let network = self.network.as_ref().and_then(|network| Formulation::from_spec(network).ok());
        let Some(network) = network else { return Vec::new() };
        let wrong = |(index, op, level, net): (usize, usize, &Level, Option<&Reading>)| {
            let got = off_reading(&network, level, net?)?;
            let subject = Subject::Evaluation;
            Some(Finding { subject, index, op: Some(op), rule: Rule::Reading, expected: 0.0, got })
        };
        self.evaluations().filter_map(wrong).collect()
    }

    /// Returns the moves that begin before an earlier move ends.
    fn overlaps(&self) -> Vec<Finding> {
        let mut order: Vec<usize> = (0..self.moves.len()).collect();
        order.sort_by_key(|index| self.moves[*index].ops);
        let mut findings = Vec::new();
        let mut end: Option<usize> = None;
        for index in order {
            let [first, last] = self.moves[index].ops;
            if let Some(end) = end.filter(|end| first <= *end) {
                let (expected, got) = ((end + 1) as f64, first as f64);
                let subject = Subject::Move;
                findings.push(Finding { subject, index, op: Some(first), rule: Rule::Overlap, expected, got });
            }
            end = Some(end.map_or(last, |end| end.max(last)));
        }
        findings
    }
}

/// Returns the slots that an instruction reads, and those that it writes.
fn slots_of(op: &Op) -> (Vec<Slot>, Vec<Slot>) {
    match op {
        Op::Eval { from, out, .. } => (vec![*from], out.iter().map(|output| output.into).collect()),
        Op::Combine { into, terms, .. } => (terms.iter().map(|term| term.1).collect(), vec![*into]),
        Op::Map { from, into, .. } => (from.clone(), vec![*into]),
    }
}

/// Returns whether a value exceeds its tolerance or is NaN.
fn beyond(value: f64, slack: f64) -> bool {
    value.partial_cmp(&slack).is_none_or(Ordering::is_gt)
}

/// Returns the level of the continued table, with α² + σ² = 1, if `level` is noisier than the
/// table's last entry; `None` otherwise.
///
/// Samplers of other libraries go there on purpose, and pass the network the last time.
fn beyond_table(process: &Process, level: &Level) -> Option<Level> {
    if process.alpha_bars().is_none() || process.match_level(level).is_ok() {
        return None;
    }
    let y = level.sigma_ve();
    let alpha = (1.0 + y * y).sqrt().recip();
    Some(Level { time: level.time, alpha, sigma: y * alpha })
}

/// Returns α of the process and of the level if they differ, or else their times if those differ.
fn off_level(process: &Process, level: &Level) -> Option<(f64, f64)> {
    if let Some(own) = beyond_table(process, level) {
        return beyond((level.scale_to(&own) - 1.0).abs(), OFF_LEVEL).then_some((own.alpha, level.alpha));
    }
    let (_, last) = process.schedule().domain();
    let own = process.match_level(level).or_else(|_| process.level(last)).ok()?;
    if beyond((level.scale_to(&own) - 1.0).abs(), OFF_LEVEL) {
        return Some((own.alpha, level.alpha));
    }
    let there = process.level(level.time).map_or(f64::NAN, |there| there.lambda());
    let here = level.lambda();
    (there != here && beyond((there - here).abs(), OFF_TIME)).then_some((own.time, level.time))
}

/// Returns the error of D for an exact network output, if it exceeds the tolerance.
///
/// The network's own level is the one at the plan's noise level or the one at the time passed to
/// the network, whichever has the smaller error.
fn off_reading(network: &Formulation, level: &Level, reading: &Reading) -> Option<f64> {
    let own = [network.process.match_level(level), network.level(reading.time)];
    let errors = own
        .into_iter()
        .flatten()
        .chain(beyond_table(&network.process, level))
        .map(|own| reading_error(network, level, &own, reading));
    let least = errors.filter(|error| !error.is_nan()).reduce(f64::min)?;
    beyond(least, OFF_READING).then_some(least)
}

/// Returns the largest of the errors of D's weights on x0 and ε and of the input's scale.
fn reading_error(network: &Formulation, level: &Level, own: &Level, reading: &Reading) -> f64 {
    let out = network.prediction.parts(&network.process, own);
    let (signal, noise) = (reading.a * level.alpha, reading.a * level.sigma);
    let datum = (signal + reading.b * out.datum - 1.0).abs();
    let rest = (noise + reading.b * out.noise).abs() / noise.abs().max(1.0);
    let scale = (reading.scale / (level.scale_to(own) * network.input_scale(own)) - 1.0).abs();
    // The fold keeps the largest value, or NaN.
    [datum, rest, scale].into_iter().fold(0.0, |most, error| if error > most || error.is_nan() { error } else { most })
}
