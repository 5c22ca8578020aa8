//! Comparison of two plans, instruction by instruction or by the laws of their samples.

use super::table::row;
use super::{Draw, Law, Op, Plan, Slot};
use crate::denoiser::Denoiser;
use langevin::Result;
use std::collections::BTreeMap;
use std::fmt;

/// The first difference between two plans.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The instruction, as in `ops[op]`; `None` if the spaces or the results differ.
    pub op: Option<usize>,
    /// A description of both sides.
    pub words: String,
}

/// The result of [`compare`].
///
/// ```
/// use langevin_discrete::{Noise, Request, StateSpace, plan::compare};
/// let space = StateSpace::new(Noise::Masked, 27, 12)?;
/// let plan = |text: &str| text.parse::<Request>()?.plan(&space);
/// // Under masked noise the row that keeps all noise is the ancestral sampler.
/// let same = compare(&plan("sampler=mdlm steps=4")?, &plan("sampler=row rho=1 steps=4")?);
/// assert!(same.is_same());
/// let other = compare(&plan("sampler=mdlm steps=4")?, &plan("sampler=row rho=0.9 steps=4")?);
/// assert_eq!(other.first.expect("a difference").op, Some(3));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// The first difference, if there is one.
    pub first: Option<Difference>,
    /// True if both plans number their draws in the same way, so that equal plans have equal
    /// samples and not only samples of one law.
    pub draws: bool,
    /// The largest difference of the probabilities of a sequence, if the laws were compared.
    pub law: Option<f64>,
}

impl Comparison {
    /// Returns true if the plans have the same instructions with the same numbers.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.first.is_none()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.first {
            None if self.draws => writeln!(f, "the same plan, with the same samples")?,
            None => writeln!(f, "the same plan with other draws, so the samples have one law")?,
            Some(Difference { op: Some(op), words }) => writeln!(f, "different from ops[{op}] on: {words}")?,
            Some(Difference { op: None, words }) => writeln!(f, "different: {words}")?,
        }
        match self.law {
            Some(law) => writeln!(f, "the probabilities of a sequence differ by {law:.3e} at most"),
            None => Ok(()),
        }
    }
}

/// Compares two plans. Names of plans, numbers of slots and numbers of draws are ignored.
#[must_use]
pub fn compare(a: &Plan, b: &Plan) -> Comparison {
    let [(first, one), (second, two)] = [a, b].map(canonical);
    let mut comparison = Comparison { first: None, draws: used(a) == used(b), law: None };
    let differ = |op, one: &str, two: &str| Some(Difference { op, words: format!("{one}; the second plan: {two}") });
    if a.space != b.space {
        comparison.first = differ(None, &a.space.to_string(), &b.space.to_string());
        return comparison;
    }
    let describe = |op: Option<&Op>, exact: bool| match op {
        None => "no instruction".to_owned(),
        Some(op) if exact => super::json::op_text(op),
        Some(op) => row(op).join(" "),
    };
    for number in 0..first.len().max(second.len()) {
        let (one, two) = (first.get(number), second.get(number));
        if one != two {
            let [mut left, mut right] = [one, two].map(|op| describe(op, false));
            if left == right {
                // The table rounds numbers.
                [left, right] = [one, two].map(|op| describe(op, true));
            }
            comparison.first = differ(Some(number), &left, &right);
            return comparison;
        }
    }
    if one != two {
        comparison.first = differ(None, &format!("the result is value {one}"), &format!("value {two}"));
    }
    comparison
}

/// Compares two plans, and the exact laws of their samples on a model of few sequences.
///
/// ```
/// use langevin_discrete::{Denoiser, Noise, Request, exact::Chain, plan::compare_on};
/// let chain = Chain::example(3, 4, Noise::Masked)?;
/// let plan = |text: &str| text.parse::<Request>()?.plan(chain.space());
/// // Other instructions for one law: one token at a time, in two orders.
/// let one = plan("sampler=first-hitting")?;
/// let comparison = compare_on(&one, &plan("sampler=entropy steps=4")?, &chain)?;
/// assert!(!comparison.is_same() && comparison.law.is_some_and(|law| law < 1e-14));
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if a plan has no exact law, see [`Law::of`].
pub fn compare_on(a: &Plan, b: &Plan, model: &dyn Denoiser) -> Result<Comparison> {
    let (one, two) = (Law::of(a, model)?, Law::of(b, model)?);
    let pairs = one.probabilities().iter().zip(two.probabilities());
    let law = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    Ok(Comparison { law: Some(law), ..compare(a, b) })
}

/// Returns the draws of a plan in the order of their use.
fn used(plan: &Plan) -> Vec<Draw> {
    plan.ops.iter().flat_map(Op::uses).collect()
}

/// Returns the instructions with slots named by their values, in the order in which values are
/// written, and draws numbered in the order of their first use; and the value of the result.
fn canonical(plan: &Plan) -> (Vec<Op>, Slot) {
    let (mut named, mut values) = (BTreeMap::new(), 0);
    let mut draws: BTreeMap<Draw, Draw> = BTreeMap::new();
    let mut ops = plan.ops.clone();
    for op in &mut ops {
        let before = named.clone();
        let read = |slot: &mut Slot| *slot = before.get(slot).copied().unwrap_or(Slot::MAX);
        let write = |slot: &mut Slot| {
            named.insert(*slot, values);
            (*slot, values) = (values, values + 1);
        };
        op.each_slot(read, write);
        op.each_draw(|draw| {
            let next = draws.len() as Draw;
            *draw = *draws.entry(*draw).or_insert(next);
        });
    }
    (ops, named.get(&plan.result).copied().unwrap_or(Slot::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{By, Draft, Take};
    use crate::request::Request;
    use crate::space::{Noise, StateSpace};

    fn plan(text: &str) -> Plan {
        let space = StateSpace::new(Noise::Masked, 3, 6).unwrap();
        text.parse::<Request>().unwrap().plan(&space).unwrap()
    }

    #[test]
    fn slots_and_draws_are_names() {
        let one = plan("sampler=sizes steps=3");
        // The same sampler with the slots and the draws in another order.
        let mut ops = one.ops.clone();
        let rename = |slot: &mut Slot| *slot = 2 - *slot;
        for op in &mut ops {
            op.each_slot(rename, rename);
            op.each_draw(|draw| *draw = 40 - *draw);
        }
        let two = Plan::new("other".into(), one.space.clone(), 3, 2 - one.result, ops).unwrap();
        let comparison = compare(&one, &two);
        assert!(comparison.is_same() && !comparison.draws, "{comparison}");
        assert!(compare(&one, &one).to_string().starts_with("the same plan, with the same samples"));
    }

    #[test]
    fn a_shared_draw_is_no_renaming() {
        let space = StateSpace::new(Noise::Masked, 3, 2).unwrap();
        let write = |shared: bool| {
            let mut draft = Draft::new("two", &space);
            let mut x = draft.start();
            let first = draft.fresh();
            for step in 0..2 {
                let d = draft.eval(x, 0.5 * f64::from(step));
                let clean = draft.draw(d);
                let by = By::Random(if shared || step == 0 { first } else { draft.fresh() });
                x = draft.select(clean, x, by, Take::Count(1));
            }
            draft.finish(x).unwrap()
        };
        let comparison = compare(&write(true), &write(false));
        assert_eq!(comparison.first.unwrap().op, Some(6));
    }

    #[test]
    fn the_first_difference_is_named() {
        let comparison = compare(&plan("sampler=sizes steps=3"), &plan("sampler=sizes sizes=2+1+3"));
        assert!(comparison.to_string().starts_with("different from ops[6] on: select"), "{comparison}");
        assert!(comparison.to_string().contains("with 1 tokens"), "{comparison}");
        let comparison = compare(&plan("steps=3"), &plan("steps=2"));
        assert_eq!(comparison.first.unwrap().op, Some(3));
        // A difference in the last digits is written out.
        let (one, two) = (plan("sampler=euler eta=1 steps=2"), plan("sampler=euler eta=1.0000000001 steps=2"));
        assert!(compare(&one, &two).to_string().contains("1.0000000001"), "{}", compare(&one, &two));
        let other = StateSpace::new(Noise::Masked, 4, 6).unwrap();
        let other = Request::new().plan(&other).unwrap();
        assert!(compare(&plan("steps=2"), &other).to_string().contains("4 letters"));
    }

    #[test]
    fn every_split_below_one_is_one_process_under_masked_noise() {
        let chain = crate::exact::Chain::example(3, 3, Noise::Masked).unwrap();
        let plan = |text: &str| text.parse::<Request>().unwrap().plan(chain.space()).unwrap();
        let of = |eta: &str| plan(&format!("sampler=euler steps=3 eta={eta}"));
        assert!(compare_on(&of("0"), &of("1"), &chain).unwrap().law.unwrap() < 1e-15);
        assert!(compare_on(&of("1"), &of("1.5"), &chain).unwrap().law.unwrap() > 1e-5);
    }
}
