//! The ranking of known orders with their best sizes.

use super::orders::{Dependence, places};
use super::work::Work;
use super::{Collapse, Figure, Options, Target};
use crate::likelihood::best_sizes;
use crate::plan::{Plan, Rule};
use crate::request::Request;
use crate::sampler::{Order, even_sizes};
use langevin::text::{Column, columns, number, plural};
use langevin::{Error, Result};
use std::fmt;

/// Bounds of the sampler `entropy-bound` that are tried, in nats.
const BOUNDS: [f64; 6] = [0.02, 0.1, 0.3, 0.5, 1.0, 2.0];
/// Longest text of a sampler that is shown, in characters. A longer one is not cut, since a part of
/// it is no sampler.
const SAMPLER: usize = 400;
/// Number of held-out sequences below which the ranking comes with a warning.
const FEW: usize = 64;
/// Sequences on which the dependence of places is measured.
const MOST_DEPENDENCE: usize = 32;

/// A plan of a [`Ranking`], with its errors.
///
/// ```
/// use langevin_discrete::{Denoiser, Noise, exact::Chain, recommend::{Options, Target, recommend}};
/// let chain = Chain::example(3, 6, Noise::Masked)?;
/// let ranking = recommend(Target::Density(&chain), 2, &Options::default().rows(16).samples(50))?;
/// let best = ranking.best();
/// assert_eq!(best.request.plan(chain.space())?, best.plan);
/// assert_eq!(best.sizes.iter().sum::<usize>(), 6);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// A short name: the order and how the sizes were chosen.
    pub name: String,
    /// The request that compiles the plan.
    pub request: Request,
    /// The plan.
    pub plan: Plan,
    /// Tokens of each step; empty if the number depends on the sample.
    pub sizes: Vec<usize>,
    /// KL(p‖q) of whole sequences, or its bound; `None` if the plan looks at drawn letters.
    pub excess: Option<Figure>,
    /// True if the excess is an upper bound: for random orders.
    pub is_bound: bool,
    /// Pair-KL, if the data are a Markov chain.
    pub pairs: Option<Figure>,
    /// Information of samples and of data, for a plan without an excess.
    pub collapse: Option<Collapse>,
    /// The reason for its place, in words.
    pub reason: String,
}

/// Plans from the smallest excess to the largest, and biased plans after them.
///
/// A measured excess counts with two standard errors more, so that no plan is first by chance.
///
/// Its [`Display`](fmt::Display) form is a table with a reason for each plan. [`recommend`] returns
/// it.
///
/// ```
/// use langevin_discrete::{Noise, exact::Chain, recommend::{Options, Target, recommend}};
/// let chain = Chain::example(3, 6, Noise::Masked)?;
/// let ranking = recommend(Target::Density(&chain), 2, &Options::default().rows(16).samples(50))?;
/// assert!(ranking.named("random, even").is_some() && ranking.named("confidence, even").is_some());
/// assert_eq!(ranking.table().lines().count(), 1 + ranking.candidates().len());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ranking {
    target: String,
    nfe: usize,
    relative: bool,
    /// Number of held-out sequences on which the plans were measured.
    rows: usize,
    candidates: Vec<Candidate>,
    usual: usize,
}

impl Ranking {
    /// Returns the plan of the smallest excess.
    #[must_use]
    pub fn best(&self) -> &Candidate {
        &self.candidates[0]
    }

    /// Returns the usual choice: random order with even sizes.
    #[must_use]
    pub fn usual(&self) -> &Candidate {
        &self.candidates[self.usual]
    }

    /// Returns all plans, best first.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Returns the plan with this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.name == name)
    }

    /// Returns the largest number of evaluations.
    #[must_use]
    pub fn nfe(&self) -> usize {
        self.nfe
    }

    /// Returns the plans as a table, one line each.
    #[must_use]
    pub fn table(&self) -> String {
        let pairs = self.candidates.iter().any(|candidate| candidate.pairs.is_some());
        let heads = ["", "order and sizes", "NFE", "excess, nats", "pair-KL, nats", "reason"];
        let cell = |figure: &Option<Figure>| figure.map_or_else(|| "–".to_owned(), |figure| figure.to_string());
        let row = |(rank, own): (usize, &Candidate)| {
            let Candidate { name, plan, excess, is_bound, pairs, reason, .. } = own;
            let (rank, nfe) = ((rank + 1).to_string(), plan.nfe().to_string());
            let sign = if *is_bound && excess.is_some_and(|excess| excess.nats > 0.0) { "≤ " } else { "" };
            [rank, name.clone(), nfe, format!("{sign}{}", cell(excess)), cell(pairs), reason.clone()]
        };
        let all = std::iter::once(heads.map(str::to_owned)).chain(self.candidates.iter().enumerate().map(row));
        let shown = |cells: [String; 6]| -> Vec<String> {
            cells.into_iter().enumerate().filter(|(column, _)| pairs || *column != 4).map(|(_, cell)| cell).collect()
        };
        let rows: Vec<Vec<String>> = all.map(shown).collect();
        let mut layout = vec![Column::Right(0), Column::Left(0), Column::Right(0), Column::Left(0), Column::Left(0)];
        layout.truncate(rows[0].len());
        columns(&rows, &layout)
    }

    /// Returns sentences about the best plan and the meaning of the figures.
    #[must_use]
    pub fn why(&self) -> Vec<String> {
        let (best, usual) = (self.best(), self.usual());
        let mut lines = vec![];
        if let (Some(ours), Some(theirs)) = (best.excess, usual.excess) {
            let beside = if self.usual == 0 {
                "It is the usual choice.".to_owned()
            } else {
                format!("Random order with even sizes has {}.", number(theirs.nats))
            };
            lines.push(format!(
                "Best for {}: {}, with an excess of {}. {beside}",
                self.target,
                best.name,
                number(ours.nats)
            ));
        }
        lines.extend(as_sampler(&best.request));
        let bound = "for random orders it is an upper bound (≤), so their rank may be too low.";
        lines.push(match self.relative {
            true => format!("The excess is the loss of held-out data under the plan, minus that of one token at a time in random order; {bound}"),
            false => format!("The excess is KL(data‖samples) of whole sequences; {bound}"),
        });
        if self.relative && self.rows < FEW {
            let count = plural(self.rows as u64, "held-out sequence");
            lines.push(format!(
                "Warning: the plans were measured on {count} only, so neighbours in this ranking may change places; {FEW} or more are better."
            ));
        }
        lines
    }
}

/// Returns a line with the text that names the plan of a request as a sampler.
pub(super) fn as_sampler(request: &Request) -> Option<String> {
    let text = request.to_sampler()?;
    Some(match text.chars().count() {
        0..=SAMPLER => format!("As a sampler: {text}"),
        count => format!("As a sampler it has {count} characters: save the plan instead"),
    })
}

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n", self.table(), self.why().join("\n"))
    }
}

/// The way in which sizes were chosen.
#[derive(Clone, Copy, PartialEq)]
enum Sizes {
    Even,
    Best,
}

/// Ranks known orders with even sizes and with their best sizes, for at most `nfe` evaluations.
///
/// The best sizes of an order are found by dynamic programming on its losses ([`Losses`]), which
/// are exact for a fixed or random order on a Markov chain and measured otherwise. The result
/// depends on the target and the options alone.
///
/// [`Losses`]: super::Losses
///
/// # Errors
/// Returns an error if `nfe` is 0, the noise has no mask, the data do not fit, or the model fails.
///
/// # Examples
/// The [module](super) has an example.
pub fn recommend(target: Target<'_>, nfe: usize, options: &Options) -> Result<Ranking> {
    let work = Work::new(target, options)?;
    ranking(&work, nfe, options, matches!(target, Target::Model { .. }))
}

/// Returns the ranking of the work's target.
pub(super) fn ranking(work: &Work<'_>, nfe: usize, options: &Options, relative: bool) -> Result<Ranking> {
    if nfe == 0 {
        return Err(Error::argument("no evaluation").at("nfe").expected("1 or more").got("0"));
    }
    let length = work.model.space().length();
    let steps = nfe.min(length);
    let mut candidates: Vec<Candidate> = Vec::new();
    let dependence = match work.markov() {
        Some(markov) => Dependence::exact(markov, length),
        None => {
            let count = work.fit.rows.len().min(MOST_DEPENDENCE);
            let tokens = &work.fit.tokens[..count * length];
            let revealed = options.revealed.min(length.saturating_sub(2));
            Dependence::measure(work.model, tokens, &work.fit.rows[..count], revealed)?
        }
    };
    let orders = [
        ("random", Order::Random),
        ("halton", Order::Halton),
        ("left", Order::Left),
        ("far-apart", Order::FarApart),
        ("separated", Order::Fixed(dependence.order())),
        ("entropy", Order::Entropy),
        ("margin", Order::Margin),
    ];
    let even = even_sizes(length, steps);
    let random = match work.markov() {
        Some(markov) => best_sizes(&markov.profile(), steps),
        None => work.losses(&Order::Random)?.best_sizes(steps),
    };
    for (name, order) in &orders {
        let best = match order {
            Order::Random => random.clone(),
            Order::Entropy | Order::Margin => {
                // The losses of groups are estimates, so other sizes are tried as well.
                let own = work.losses(order)?.best_sizes(steps);
                best_of(work, order, [own, random.clone(), even.clone()])?
            }
            _ => work.losses(order)?.best_sizes(steps),
        };
        for (kind, sizes) in [(Sizes::Even, even.clone()), (Sizes::Best, best)] {
            let request = Request::new().sampler("sizes").order(order).sizes(&sizes);
            let plan = request.plan(work.model.space())?;
            if candidates.iter().any(|other| other.plan.ops() == plan.ops()) {
                continue;
            }
            let words = if kind == Sizes::Even { "even" } else { "best sizes" };
            candidates.push(Candidate {
                name: format!("{name}, {words}"),
                excess: work.excess(&plan)?,
                // Without a choice of places, the bound is the excess itself.
                is_bound: *order == Order::Random && sizes.len() > 1,
                pairs: work.pairs(&plan)?,
                collapse: None,
                reason: reason(name, order, &sizes, length),
                request,
                plan,
                sizes,
            });
        }
    }
    candidates.push(entropy_bound(work, steps)?);
    candidates.push(confidence(work, steps)?);
    // Plans that differ by rounding keep their order: the simplest first.
    let rank = |candidate: &Candidate| candidate.excess.map_or(f64::INFINITY, |excess| (excess.upper() * 1e9).round());
    candidates.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
    let usual = candidates.iter().position(|candidate| candidate.name == "random, even").unwrap_or_default();
    Ok(Ranking { target: work.name(), nfe, relative, rows: work.check.rows.len(), candidates, usual })
}

/// Returns the sizes with the smallest loss on the sequences that choose.
fn best_of<const N: usize>(work: &Work<'_>, order: &Order, all: [Vec<usize>; N]) -> Result<Vec<usize>> {
    let mut best = (f64::INFINITY, vec![]);
    for sizes in all {
        let loss = work.fit_loss(&crate::sampler::sizes(work.model.space(), &sizes, order)?)?;
        if loss < best.0 {
            best = (loss, sizes);
        }
    }
    Ok(best.1)
}

/// Returns the candidate whose steps take all tokens within a bound of their entropies.
fn entropy_bound(work: &Work<'_>, steps: usize) -> Result<Candidate> {
    let of = |bound: f64| Request::new().sampler("entropy-bound").steps(steps).bound(bound);
    let mut best = (f64::INFINITY, BOUNDS[0]);
    for bound in BOUNDS {
        let loss = work.fit_loss(&of(bound).plan(work.model.space())?)?;
        if loss < best.0 {
            best = (loss, bound);
        }
    }
    let request = of(best.1);
    let plan = request.plan(work.model.space())?;
    Ok(Candidate {
        name: format!("entropy-bound {}", best.1),
        excess: work.excess(&plan)?,
        is_bound: false,
        pairs: work.pairs(&plan)?,
        collapse: None,
        reason: "takes tokens of small entropy together; the last step takes the rest".to_owned(),
        request,
        plan,
        sizes: vec![],
    })
}

/// Returns the candidate that looks at the drawn letters, with its collapse measured.
fn confidence(work: &Work<'_>, steps: usize) -> Result<Candidate> {
    let sizes = even_sizes(work.model.space().length(), steps);
    let request = Request::new().sampler("confidence").sizes(&sizes);
    let plan = request.plan(work.model.space())?;
    let biased = plan.lint().findings.iter().any(|finding| finding.rule == Rule::DrawnToken);
    let collapse = work.collapse(&plan)?;
    let verdict = if biased { "biased at any number of evaluations" } else { "one step, so no choice is made" };
    let (samples, data) = (collapse.samples.nats, collapse.data.nats);
    let words = match (100.0 * collapse.impossible).round() {
        0.0 => format!("samples {samples:.2} nats, data {data:.2}"),
        percent => format!("{percent} % of the samples are impossible"),
    };
    Ok(Candidate {
        name: "confidence, even".to_owned(),
        excess: None,
        is_bound: false,
        pairs: work.pairs(&plan)?,
        collapse: Some(collapse),
        reason: format!("looks at drawn letters: {verdict}; {words}"),
        request,
        plan,
        sizes,
    })
}

/// Returns the reason for an order in words.
fn reason(name: &str, order: &Order, sizes: &[usize], length: usize) -> String {
    let Some(places) = places(order, length) else {
        return match order {
            Order::Random => "places of one step may be neighbours".to_owned(),
            _ => "looks at predictions, not at drawn letters: exact one at a time".to_owned(),
        };
    };
    let apart = closest(&places, sizes);
    let known = if name == "separated" { "dependent places are apart; " } else { "" };
    match apart {
        None => format!("{known}one place a step"),
        Some(1) => format!("{known}some step has neighbours"),
        Some(apart) => format!("{known}places of one step are {} or more apart", plural(apart as u64, "place")),
    }
}

/// Returns the smallest distance of two places of one group.
fn closest(order: &[u32], sizes: &[usize]) -> Option<usize> {
    let (mut first, mut least) = (0, None);
    for size in sizes {
        let mut group = order[first..first + size].to_vec();
        group.sort_unstable();
        let own = group.windows(2).map(|pair| (pair[1] - pair[0]) as usize).min();
        least = [least, own].into_iter().flatten().min();
        first += size;
    }
    least
}
