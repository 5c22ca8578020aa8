//! The exact law of a plan: its samples as probabilities, by enumeration.

use super::run::{blended, jump_probability};
use super::select::{scores, taken};
use super::{By, Filling, Op, Plan, Read, Slot, State, Step};
use crate::denoiser::Denoiser;
use crate::level;
use crate::space::Letter;
use langevin::{Error, Query, Result, SampleId};
use std::collections::BTreeMap;

/// Largest number of sequences whose law is computed.
const MOST_STATES: usize = 4096;
/// Largest number of branches between two instructions.
const MOST_BRANCHES: usize = 1 << 21;

/// The exact law of a plan's samples on a small space.
///
/// ```
/// use langevin_discrete::{Denoiser, Noise, exact::Chain, plan::Law, sampler};
/// let chain = Chain::example(3, 4, Noise::Masked)?;
/// let plan = sampler::sizes(chain.space(), &[1, 1, 1, 1], &sampler::Order::Random)?;
/// let law = Law::of(&plan, &chain)?;
/// // One token at a time in random order, the samples have the law of the data.
/// assert!(law.kl(&chain.probabilities()?)?.abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Law {
    letters: usize,
    probabilities: Vec<f64>,
}

/// Content of the slots that are still read, and nothing else.
type Branch = Vec<(Slot, Vec<Letter>, Vec<u64>)>;

impl Law {
    /// Computes the law of the samples of `plan` on `model`.
    ///
    /// Every random choice is followed into all its outcomes, with their probabilities. Branches
    /// with the same content are joined after each instruction.
    ///
    /// # Errors
    /// Returns an error if there are more than 4096 sequences or too many branches, if a selection
    /// has Gumbel noise, or if the model cannot be evaluated.
    pub fn of(plan: &Plan, model: &dyn Denoiser) -> Result<Self> {
        let space = &plan.space;
        let count = u32::try_from(space.length()).ok().and_then(|d| space.letters().checked_pow(d));
        let Some(count) = count.filter(|count| *count <= MOST_STATES) else {
            return Err(Error::argument("the space is too large for an exact law")
                .expected(format!("at most {MOST_STATES} sequences"))
                .got(format!("{} letters to the power {}", space.letters(), space.length())));
        };
        if plan.space() != model.space() {
            return Err(Error::argument("the plan is for other sequences than the model")
                .expected(model.space().to_string())
                .got(space.to_string()));
        }
        plan.check_masses()?;
        let mut branches: BTreeMap<Branch, f64> = BTreeMap::from([(Vec::new(), 1.0)]);
        for (number, op) in plan.ops.iter().enumerate() {
            let live = live_after(plan, number);
            let mut next: BTreeMap<Branch, f64> = BTreeMap::new();
            let mut add = |branch: &Branch, slot: Slot, state: State, weight: f64| {
                let mut branch: Branch =
                    branch.iter().filter(|(own, ..)| *own != slot && live.contains(own)).cloned().collect();
                if live.contains(&slot) {
                    let place = branch.partition_point(|(own, ..)| *own < slot);
                    branch.insert(
                        place,
                        match state {
                            State::Tokens(tokens) => (slot, tokens, vec![]),
                            State::Beliefs(values) => (slot, vec![], values.iter().map(|v| v.to_bits()).collect()),
                        },
                    );
                }
                *next.entry(branch).or_insert(0.0) += weight;
                next.len()
            };
            if let Op::Eval { from, alpha, out, .. } = op {
                // All branches are evaluated as one batch.
                let length = space.length();
                let x: Vec<Letter> = branches.keys().flat_map(|branch| letters(branch, *from).to_vec()).collect();
                let rows = vec![SampleId::default(); branches.len()];
                let mut states: Vec<Branch> = branches.keys().cloned().collect();
                for output in out {
                    let mut query = Query::new(level(*alpha), &rows);
                    query.branch = output.branch;
                    let beliefs = model.leave_one_out(&x, &query)?;
                    let parts = beliefs.chunks_exact(length * space.vocab());
                    for (branch, part) in states.iter_mut().zip(parts) {
                        branch.retain(|(own, ..)| *own != output.into);
                        let place = branch.partition_point(|(own, ..)| *own < output.into);
                        branch.insert(place, (output.into, vec![], part.iter().map(|v| v.to_bits()).collect()));
                    }
                }
                for (mut branch, weight) in states.into_iter().zip(branches.values()) {
                    branch.retain(|(own, ..)| live.contains(own));
                    *next.entry(branch).or_insert(0.0) += weight;
                }
            } else {
                for (branch, weight) in &branches {
                    let slot = op.writes()[0];
                    for (state, share) in outcomes(plan, op, branch)? {
                        if add(branch, slot, state, weight * share) > MOST_BRANCHES {
                            return Err(Error::argument("the plan has too many branches for an exact law")
                                .at(format!("ops[{number}], {}", op.name()))
                                .expected(format!("at most {MOST_BRANCHES}")));
                        }
                    }
                }
            }
            branches = next;
        }
        let letters = space.letters();
        let mut probabilities = vec![0.0; count];
        for (branch, weight) in &branches {
            let [(_, tokens, _)] = &branch[..] else { continue };
            probabilities[index(tokens, letters)] += weight;
        }
        Ok(Self { letters, probabilities })
    }

    /// Returns the probability of a sequence.
    #[must_use]
    pub fn probability(&self, tokens: &[Letter]) -> f64 {
        self.probabilities.get(index(tokens, self.letters)).copied().unwrap_or(0.0)
    }

    /// Returns the probabilities of all sequences, the last token changing fastest.
    ///
    /// Letters include the mask under masked noise.
    #[must_use]
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// Returns KL(p‖q) in nats, from the law p to this law q; infinite if q misses a sequence of p.
    ///
    /// # Errors
    /// Returns an error if the sizes differ.
    pub fn kl(&self, p: &[f64]) -> Result<f64> {
        if p.len() != self.probabilities.len() {
            return Err(Error::shape("the laws have different sizes")
                .expected(self.probabilities.len().to_string())
                .got(p.len().to_string()));
        }
        let terms = p.iter().zip(&self.probabilities).filter(|(p, _)| **p > 0.0);
        Ok(terms.map(|(p, q)| if *q > 0.0 { p * libm::log(p / q) } else { f64::INFINITY }).sum())
    }
}

/// Returns the number of a sequence, the last token changing fastest.
pub(crate) fn index(tokens: &[Letter], letters: usize) -> usize {
    tokens.iter().fold(0, |index, letter| index * letters + *letter as usize)
}

fn letters(branch: &Branch, slot: Slot) -> &[Letter] {
    branch.iter().find(|(own, ..)| *own == slot).map_or(&[], |(_, tokens, _)| tokens)
}

fn beliefs(branch: &Branch, slot: Slot) -> Vec<f64> {
    let bits = branch.iter().find(|(own, ..)| *own == slot).map_or(&[][..], |(.., bits)| bits);
    bits.iter().map(|bits| f64::from_bits(*bits)).collect()
}

/// Returns the slots that are read after instruction `number` before they are written again.
fn live_after(plan: &Plan, number: usize) -> Vec<Slot> {
    let mut live = Vec::new();
    for slot in 0..plan.slots() {
        let later = plan.ops[number + 1..].iter();
        let mut used = slot == plan.result;
        for op in later {
            if op.reads().contains(&slot) {
                used = true;
                break;
            }
            if op.writes().contains(&slot) {
                used = false;
                break;
            }
        }
        if used {
            live.push(slot);
        }
    }
    live
}

/// Returns the outcomes of an instruction with their probabilities.
fn outcomes(plan: &Plan, op: &Op, branch: &Branch) -> Result<Vec<(State, f64)>> {
    let space = &plan.space;
    let (length, vocab) = (space.length(), space.vocab());
    let sure = |tokens: Vec<Letter>| vec![(State::Tokens(tokens), 1.0)];
    Ok(match op {
        Op::Eval { .. } => vec![],
        Op::Fill { with: Filling::Letter(letter), .. } => sure(vec![*letter; length]),
        Op::Fill { with: Filling::Prior(_), .. } => {
            let law: Vec<f64> = (0..space.letters()).map(|y| space.prior(y as Letter)).collect();
            product(&vec![law; length])
        }
        Op::Blend { terms, how, read, shape, .. } => {
            let values: Vec<(f64, Vec<f64>)> = terms.iter().map(|(c, slot)| (*c, beliefs(branch, *slot))).collect();
            let inputs: Vec<(f64, &[f64])> = values.iter().map(|(c, values)| (*c, &values[..])).collect();
            let x = match read {
                Read::Posterior { x, .. } | Read::Rates { x, .. } => letters(branch, *x),
                Read::Plain | Read::Conditional { .. } => &[],
            };
            let width = inputs[0].1.len() / length;
            vec![(State::Beliefs(blended(space, &inputs, width, *how, *read, *shape, x)?), 1.0)]
        }
        Op::Draw { from, .. } => {
            let values = beliefs(branch, *from);
            let normalised = |values: &[f64]| {
                let sum: f64 = values.iter().sum();
                values.iter().map(|value| value / sum).collect()
            };
            product(&values.chunks_exact(values.len() / length).map(normalised).collect::<Vec<_>>())
        }
        Op::Jump { from, step, .. } => {
            let x = letters(branch, *from);
            let mut laws = vec![vec![0.0; space.letters()]; length];
            match step {
                Step::Numbers { clean, alpha, jump } => {
                    for ((law, x), clean) in laws.iter_mut().zip(x).zip(letters(branch, *clean)) {
                        jump.law(space, *x, *clean, *alpha, law);
                    }
                }
                Step::Rates { rates, length: h } => {
                    let values = beliefs(branch, *rates);
                    for ((law, x), rates) in laws.iter_mut().zip(x).zip(values.chunks_exact(space.letters())) {
                        let (jumps, total) = (jump_probability(rates, *h), rates.iter().sum::<f64>());
                        if total > 0.0 {
                            law.iter_mut().zip(rates).for_each(|(law, rate)| *law = jumps * rate / total);
                        }
                        law[*x as usize] += 1.0 - jumps;
                    }
                }
            }
            product(&laws)
        }
        Op::Select { yes, no, by, take, among, noise, .. } => {
            if noise.is_some() {
                return Err(Error::argument("a selection with Gumbel noise has no exact law here")
                    .expected("an order without noise"));
            }
            let (yes, no) = (letters(branch, *yes), letters(branch, *no));
            let belief = by.belief().map(|slot| beliefs(branch, slot)).unwrap_or_default();
            let after = |places: &[usize]| {
                let mut out = no.to_vec();
                places.iter().for_each(|place| out[*place] = yes[*place]);
                State::Tokens(out)
            };
            if let By::Random(_) = by {
                let zeros = vec![0.0; length];
                let all = taken(space, no, &belief, yes, &zeros, super::Take::Count(length), *among);
                let super::Take::Count(count) = take else {
                    return Err(Error::argument("a random order takes a number of tokens").expected("count"));
                };
                let sets = subsets(&all, (*count).min(all.len()));
                let share = 1.0 / sets.len() as f64;
                return Ok(sets.iter().map(|set| (after(set), share)).collect());
            }
            let scores = scores(by, vocab, yes, &belief, &[]);
            vec![(after(&taken(space, no, &belief, yes, &scores, *take, *among)), 1.0)]
        }
    })
}

/// Returns all sequences of independent tokens with their probabilities.
fn product(laws: &[Vec<f64>]) -> Vec<(State, f64)> {
    let mut all = vec![(Vec::with_capacity(laws.len()), 1.0)];
    for law in laws {
        let mut next = Vec::with_capacity(all.len() * 2);
        for (tokens, weight) in &all {
            for (letter, p) in law.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                let mut tokens: Vec<Letter> = tokens.clone();
                tokens.push(letter as Letter);
                next.push((tokens, weight * p));
            }
        }
        all = next;
    }
    all.into_iter().map(|(tokens, weight)| (State::Tokens(tokens), weight)).collect()
}

/// Returns all subsets of `count` places.
fn subsets(places: &[usize], count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![vec![]];
    }
    let Some((first, rest)) = places.split_first().filter(|_| places.len() >= count) else { return vec![] };
    let mut with = subsets(rest, count - 1);
    with.iter_mut().for_each(|set| set.insert(0, *first));
    with.extend(subsets(rest, count));
    with
}
