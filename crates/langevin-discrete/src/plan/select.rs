//! Selecting tokens: scores of the order, and how many candidates are taken.

use super::{By, Take};
use crate::space::{Letter, StateSpace};

/// Returns −Σ p ln p in nats.
pub(crate) fn entropy(p: &[f64]) -> f64 {
    p.iter().map(|p| if *p > 0.0 { -p * libm::log(*p) } else { 0.0 }).sum()
}

/// Returns the score of every place of one row; the largest comes first.
///
/// `u` holds the uniforms of a random order.
pub(crate) fn scores(by: &By, vocab: usize, yes: &[Letter], belief: &[f64], u: &[f64]) -> Vec<f64> {
    let each = |f: &dyn Fn(usize, &[f64]) -> f64| -> Vec<f64> {
        belief.chunks_exact(vocab).enumerate().map(|(place, p)| f(place, p)).collect()
    };
    match by {
        By::Random(_) => u.to_vec(),
        By::Order(order) => {
            let mut scores = vec![0.0; yes.len()];
            order.iter().enumerate().for_each(|(rank, place)| scores[*place as usize] = -(rank as f64));
            scores
        }
        By::Entropy(_) => each(&|_, p| -entropy(p)),
        By::Margin(_) => each(&|_, p| {
            let [mut first, mut second] = [0.0; 2];
            for p in p {
                if *p > first {
                    (first, second) = (*p, first);
                } else if *p > second {
                    second = *p;
                }
            }
            first - second
        }),
        By::Confidence(_) => each(&|place, p| libm::log(p.get(yes[place] as usize).copied().unwrap_or(0.0))),
    }
}

/// Returns the places of one row that are taken.
///
/// Places of equal score are taken from left to right.
pub(crate) fn taken(
    space: &StateSpace,
    no: &[Letter],
    belief: &[f64],
    yes: &[Letter],
    scores: &[f64],
    take: Take,
    among: Option<[usize; 2]>,
) -> Vec<usize> {
    let [first, end] = among.unwrap_or([0, no.len()]);
    let mut places: Vec<usize> =
        (first..end).filter(|place| space.mask().is_none_or(|mask| no[*place] == mask)).collect();
    places.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let vocab = space.vocab();
    let of = |place: usize| belief.get(place * vocab..(place + 1) * vocab).unwrap_or_default();
    let count = match take {
        Take::Count(count) => count,
        Take::Bound(bound) => {
            let mut before = 0.0;
            let fits = |place: &&usize| {
                let fits = before <= bound;
                before += entropy(of(**place));
                fits
            };
            places.iter().take_while(fits).count()
        }
        Take::Above(above) => {
            let sure = |place: &&usize| of(**place).get(yes[**place] as usize).is_some_and(|p| *p >= above);
            places.iter().take_while(sure).count().max(1)
        }
    };
    places.truncate(count);
    places
}
