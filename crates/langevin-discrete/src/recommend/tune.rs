//! A local search among groups of places.

use super::orders::places;
use super::ranking::{Candidate, as_sampler, ranking};
use super::work::Work;
use super::{Figure, Options, Target};
use crate::chance::uniforms;
use crate::plan::{By, Op, Plan, Take};
use crate::request::Request;
use crate::sampler::Order;
use langevin::noise::draws;
use langevin::text::number;
use langevin::{Result, SampleId};
use std::cmp::Ordering;
use std::fmt;

/// Largest number of passes over all moves of an exact search.
const PASSES: usize = 50;
/// Share of the trials that move one place; the others swap two.
const MOVES: f64 = 0.3;

/// The result of a tuning: a plan of fixed groups, or the start if nothing better was found.
///
/// ```
/// use langevin_discrete::{Noise, Plan, exact::Chain, recommend::{Options, Target, tune}};
/// let chain = Chain::example(4, 12, Noise::Masked)?;
/// let tuned = tune(Target::Density(&chain), 3, &Options::default().rows(32).samples(100))?;
/// assert!(tuned.after.nats <= tuned.before.nats);
/// assert_eq!(Plan::from_json(&tuned.plan.to_json())?, tuned.plan);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tuned {
    /// The plan.
    pub plan: Plan,
    /// The request that compiles it.
    pub request: Request,
    /// The plan from which the search started: the recommended one.
    pub start: Candidate,
    /// Excess of the start, exact or on sequences that the search has not seen.
    pub before: Figure,
    /// Excess of the plan, measured in the same way.
    pub after: Figure,
    /// Interval (95 %) of the difference after − before, on sequences that the search has not seen.
    pub interval: [f64; 2],
    /// Number of sequences of the interval.
    pub rows: usize,
    /// Number of trials, and how many of them were accepted.
    pub trials: [usize; 2],
    /// True if the plan is another one than the start.
    pub changed: bool,
}

impl fmt::Display for Tuned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, after, trials: [trials, accepted], rows, .. } = self;
        let [low, high] = self.interval.map(number);
        writeln!(f, "start: {}, excess {before}", self.start.name)?;
        match self.changed {
            true => writeln!(f, "tuned: excess {after}, {accepted} of {trials} trials accepted")?,
            false => writeln!(f, "No plan was better than the start, after {trials} trials.")?,
        }
        writeln!(f, "difference on {rows} fresh sequences: {low} to {high} (95 % interval)")?;
        as_sampler(&self.request).map_or(Ok(()), |line| writeln!(f, "{line}"))
    }
}

/// Searches for groups of places with a smaller excess than the recommended plan.
///
/// A trial swaps two places of different groups, or moves a place to another group. On a Markov
/// chain the excess is exact and all trials are made until none helps. Otherwise the excess is
/// measured on sequences, and the result is compared with the start on fresh ones: it is returned
/// only if it is better there. The result depends on the target and the options alone.
///
/// # Errors
/// Returns an error if `nfe` is 0, the noise has no mask, the data do not fit, or the model fails.
pub fn tune(target: Target<'_>, nfe: usize, options: &Options) -> Result<Tuned> {
    let work = Work::new(target, options)?;
    let ranking = ranking(&work, nfe, options, matches!(target, Target::Model { .. }))?;
    let start = ranking.best().clone();
    // The recommended plan may have no fixed groups, so the search starts from the best that does.
    let groups = ranking.candidates().iter().find_map(|candidate| groups_of(&candidate.plan)).unwrap_or_default();
    let (groups, trials) = match work.markov() {
        Some(markov) => search_exact(groups, work.model.space().length(), |rank| markov.excess_of_ranks(rank)),
        None => search(&work, groups, options)?,
    };
    let order: Vec<u32> = groups.iter().flatten().map(|place| *place as u32).collect();
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    let request = Request::new().sampler("sizes").order(&Order::Fixed(order)).sizes(&sizes);
    let plan = request.plan(work.model.space())?;
    let rows = [work.excess_rows(&start.plan)?, work.excess_rows(&plan)?];
    let count = rows[0].len();
    let exact = |plan: &Plan| -> Result<Option<Figure>> { Ok(work.excess(plan)?.filter(Figure::is_exact)) };
    let [before, after] = match (exact(&start.plan)?, exact(&plan)?) {
        (Some(before), Some(after)) => [before, after],
        _ => [&rows[0], &rows[1]].map(|rows| Figure::mean(rows)),
    };
    // NaN is no improvement.
    if !matches!(after.nats.partial_cmp(&before.nats), Some(Ordering::Less)) {
        let (plan, request) = (start.plan.clone(), start.request.clone());
        let interval = [0.0; 2];
        return Ok(Tuned {
            plan,
            request,
            start,
            before,
            after: before,
            interval,
            rows: count,
            trials,
            changed: false,
        });
    }
    let differences: Vec<f64> = rows[1].iter().zip(&rows[0]).map(|(after, before)| after - before).collect();
    let Figure { nats, standard_error } = Figure::mean(&differences);
    let half = 1.96 * standard_error.unwrap_or(0.0);
    let interval = [nats - half, nats + half];
    Ok(Tuned { plan, request, start, before, after, interval, rows: count, trials, changed: true })
}

/// Returns the groups of a plan with a fixed order.
fn groups_of(plan: &Plan) -> Option<Vec<Vec<usize>>> {
    let mut groups = Vec::new();
    let mut first = 0;
    for op in plan.ops() {
        let Op::Select { by, take, among, .. } = op else { continue };
        let (By::Order(order), Take::Count(count), None) = (by, take, among) else { return None };
        let order = places(&Order::Fixed(order.clone()), plan.space().length())?;
        groups.push(order.get(first..first + count)?.iter().map(|place| *place as usize).collect());
        first += count;
    }
    (!groups.is_empty()).then_some(groups)
}

/// Returns the number of each place's group.
fn ranks(groups: &[Vec<usize>], length: usize) -> Vec<usize> {
    let mut rank = vec![0; length];
    for (number, group) in groups.iter().enumerate() {
        group.iter().for_each(|place| rank[*place] = number);
    }
    rank
}

/// Returns the groups of ranks, their places in ascending order.
fn grouped(rank: &[usize], groups: usize) -> Vec<Vec<usize>> {
    (0..groups).map(|number| (0..rank.len()).filter(|place| rank[*place] == number).collect()).collect()
}

/// Makes all moves and swaps until none lowers the excess.
fn search_exact(
    groups: Vec<Vec<usize>>,
    length: usize,
    excess: impl Fn(&[usize]) -> f64,
) -> (Vec<Vec<usize>>, [usize; 2]) {
    let count = groups.len();
    let mut rank = ranks(&groups, length);
    let mut sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    let (mut least, mut trials, mut accepted) = (excess(&rank), 0, 0);
    for _ in 0..PASSES {
        let before = accepted;
        for place in 0..length {
            for to in 0..count {
                let from = rank[place];
                if to == from || sizes[from] == 1 {
                    continue;
                }
                rank[place] = to;
                trials += 1;
                let own = excess(&rank);
                if own < least - 1e-12 {
                    (least, accepted) = (own, accepted + 1);
                    sizes[from] -= 1;
                    sizes[to] += 1;
                } else {
                    rank[place] = from;
                }
            }
            for other in place + 1..length {
                if rank[other] == rank[place] {
                    continue;
                }
                rank.swap(place, other);
                trials += 1;
                let own = excess(&rank);
                if own < least - 1e-12 {
                    (least, accepted) = (own, accepted + 1);
                } else {
                    rank.swap(place, other);
                }
            }
        }
        if accepted == before {
            break;
        }
    }
    (grouped(&rank, count), [trials, accepted])
}

/// Makes random trials, each measured on the sequences that choose.
fn search(work: &Work<'_>, groups: Vec<Vec<usize>>, options: &Options) -> Result<(Vec<Vec<usize>>, [usize; 2])> {
    let (length, count) = (work.model.space().length(), groups.len());
    let compiled = |rank: &[usize]| {
        let groups = grouped(rank, count);
        let order: Vec<u32> = groups.iter().flatten().map(|place| *place as u32).collect();
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        crate::sampler::sizes(work.model.space(), &sizes, &Order::Fixed(order))
    };
    let mut rank = ranks(&groups, length);
    if count < 2 {
        return Ok((groups, [0, 0]));
    }
    let (mut least, mut trials, mut accepted) = (work.fit_loss(&compiled(&rank)?)?, 0, 0);
    for trial in 0..options.trials {
        let mut u = [0.0; 3];
        let row = SampleId { seed: options.seed, index: trial as u64 };
        uniforms(row, draws::TOKEN_BOUND.last() - 1, &mut u);
        let place = (u[0] * length as f64) as usize;
        let from = rank[place];
        let mut next = rank.clone();
        if u[2] < MOVES && rank.iter().filter(|own| **own == from).count() > 1 {
            // One of the other groups.
            next[place] = (from + 1 + (u[1] * (count - 1) as f64) as usize) % count;
        } else {
            let others: Vec<usize> = (0..length).filter(|other| rank[*other] != from).collect();
            next.swap(place, others[(u[1] * others.len() as f64) as usize]);
        }
        trials += 1;
        let own = work.fit_loss(&compiled(&next)?)?;
        if own < least {
            (least, rank, accepted) = (own, next, accepted + 1);
        }
    }
    Ok((grouped(&rank, count), [trials, accepted]))
}
