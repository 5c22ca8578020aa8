//! Exact errors on a Markov chain.
//!
//! Given revealed tokens, a token of a chain depends only on the nearest revealed token on each
//! side. With C(l, r) = H(x_r | x_l),
//!
//! $$H(x_i \mid x_l, x_r) = C(l, i) + C(i, r) - C(l, r) .$$
//!
//! A side without a revealed token is the end of the sequence: C(end, i) = H(x_i), C(i, end) = 0.

use super::sizes::Losses;
use crate::denoiser::Denoiser;
use crate::exact::{Chain, Density, normalise, step};
use crate::plan::entropy;
use langevin::{Error, Result};
use std::collections::BTreeSet;

/// Largest length of a chain: its entropies are a table of length × length.
const MOST_LENGTH: usize = 4096;

/// The entropies and laws of a Markov chain that exact errors need.
///
/// ```
/// use langevin_discrete::{Noise, exact::{Chain, Density}, recommend::Markov};
/// let chain = Chain::example(8, 64, Noise::Masked)?;
/// let markov = Markov::new(&chain)?;
/// // The profile of an exact model adds up to the entropy.
/// let sum: f64 = markov.profile().iter().sum();
/// assert!((sum - chain.entropy().unwrap()).abs() < 1e-9);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Markov {
    vocab: usize,
    length: usize,
    /// Probabilities of the letter k places later, for every k below the length.
    powers: Vec<Vec<f64>>,
    /// Law of the letter at every place.
    marginals: Vec<Vec<f64>>,
    /// H(x_r | x_l) at index (l, r).
    entropies: Vec<f64>,
    total: f64,
}

/// Laws of neighbouring tokens: a V × V table for each pair of places (i, i + 1).
pub(crate) type PairLaws = Vec<Vec<f64>>;

impl Markov {
    /// Computes the entropies of a chain.
    ///
    /// # Errors
    /// Returns an error if the chain has more than 4096 tokens.
    pub fn new(chain: &Chain) -> Result<Self> {
        let (vocab, length) = (chain.space().vocab(), chain.space().length());
        if length > MOST_LENGTH {
            return Err(Error::argument("the chain is too long for exact errors")
                .expected(format!("at most {MOST_LENGTH} tokens"))
                .got(length.to_string()));
        }
        let mut powers = vec![vec![0.0; vocab * vocab]];
        (0..vocab).for_each(|v| powers[0][v * vocab + v] = 1.0);
        let mut marginals = vec![chain.first().to_vec()];
        for k in 1..length {
            let mut power = vec![0.0; vocab * vocab];
            for (row, out) in powers[k - 1].chunks_exact(vocab).zip(power.chunks_exact_mut(vocab)) {
                step(row, chain.next(), out);
            }
            powers.push(power);
            let mut law = vec![0.0; vocab];
            step(&marginals[k - 1], chain.next(), &mut law);
            marginals.push(law);
        }
        let rows: Vec<Vec<f64>> = powers.iter().map(|power| power.chunks_exact(vocab).map(entropy).collect()).collect();
        let mut entropies = vec![0.0; length * length];
        for l in 0..length {
            for r in l + 1..length {
                let terms = marginals[l].iter().zip(&rows[r - l]);
                entropies[l * length + r] = terms.map(|(weight, entropy)| weight * entropy).sum();
            }
        }
        let total = chain.entropy().unwrap_or(f64::NAN);
        Ok(Self { vocab, length, powers, marginals, entropies, total })
    }

    /// Returns the entropy of the chain in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        self.total
    }

    /// Returns H(x_r | x_l), where a missing place is an end of the sequence.
    fn conditional(&self, l: Option<usize>, r: Option<usize>) -> f64 {
        match (l, r) {
            (_, None) => 0.0,
            (None, Some(r)) => entropy(&self.marginals[r]),
            (Some(l), Some(r)) => self.entropies[l * self.length + r],
        }
    }

    /// Returns the entropy of token `i` in nats, given the nearest revealed token on each side.
    ///
    /// ```
    /// use langevin_discrete::{Noise, exact::Chain, recommend::Markov};
    /// let markov = Markov::new(&Chain::example(8, 64, Noise::Masked)?)?;
    /// // A neighbour says more than a token far away.
    /// let [near, far] = [29, 20].map(|place| markov.token_entropy(30, Some(place), None));
    /// assert!(near < far);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Panics
    /// Panics if a place is not below the length.
    #[must_use]
    pub fn token_entropy(&self, i: usize, l: Option<usize>, r: Option<usize>) -> f64 {
        self.conditional(l, Some(i)) + self.conditional(Some(i), r) - self.conditional(l, r)
    }

    /// Returns the mutual information of two tokens in nats.
    ///
    /// # Panics
    /// Panics if a place is not below the length.
    #[must_use]
    pub fn information(&self, i: usize, j: usize) -> f64 {
        let (l, r) = (i.min(j), i.max(j));
        if l == r {
            entropy(&self.marginals[l])
        } else {
            entropy(&self.marginals[r]) - self.conditional(Some(l), Some(r))
        }
    }

    /// Computes the information profile h_0, …, h_(d−1) of the exact model, without sampling.
    ///
    /// The nearest revealed tokens of a random set are at given places with a hypergeometric
    /// probability, which depends on the distances alone.
    #[must_use]
    pub fn profile(&self) -> Vec<f64> {
        let d = self.length;
        // Sums of entropies by the number of revealed ends, and of masked places between them.
        let mut sums = vec![vec![0.0; d]; 3];
        let ends = |none: bool| if none { 0 } else { 1 };
        for first in 0..=d {
            let l = first.checked_sub(1);
            for end in first + 1..=d {
                let r = Some(end).filter(|end| *end < d);
                let revealed = ends(l.is_none()) + ends(r.is_none());
                let sum: f64 = (first..end).map(|i| self.token_entropy(i, l, r)).sum();
                sums[revealed][end - first - 1] += sum;
            }
        }
        let mut logs = vec![0.0; d + 1];
        (1..=d).for_each(|k| logs[k] = logs[k - 1] + libm::log(k as f64));
        let choose = |n: usize, k: usize| logs[n] - logs[k] - logs[n - k];
        let mut profile = vec![0.0; d];
        for (k, h) in profile.iter_mut().enumerate() {
            for (revealed, sums) in sums.iter().enumerate().filter(|(revealed, _)| *revealed <= k) {
                for (between, sum) in sums.iter().enumerate() {
                    let Some(others) = (d - 1).checked_sub(between + revealed) else { continue };
                    if k - revealed <= others {
                        *h += libm::exp(choose(others, k - revealed) - choose(d - 1, k)) * sum;
                    }
                }
            }
            *h /= d as f64;
        }
        profile
    }

    /// Computes the KL divergence in nats from the chain to the samples of a plan that reveals
    /// these groups of places, in this order, with the exact model.
    ///
    /// The groups are a fixed order, so the samples have a probability that is a product of
    /// conditional probabilities. The divergence is the sum of the total correlations of the
    /// groups: Σ H(x_i | tokens revealed before) − H.
    ///
    /// ```
    /// use langevin_discrete::{Noise, exact::Chain, recommend::Markov};
    /// let markov = Markov::new(&Chain::example(3, 4, Noise::Masked)?)?;
    /// let one_at_a_time = markov.excess(&[vec![2], vec![0], vec![3], vec![1]])?;
    /// assert!(one_at_a_time.abs() < 1e-14);
    /// // Neighbours in one group are drawn as if they were independent.
    /// let [apart, neighbours] = [[vec![0, 2], vec![1, 3]], [vec![0, 1], vec![2, 3]]];
    /// assert!(markov.excess(&apart)? < markov.excess(&neighbours)?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the groups do not hold each place once.
    pub fn excess(&self, groups: &[Vec<usize>]) -> Result<f64> {
        check_groups(groups, self.length)?;
        let mut rank = vec![0; self.length];
        for (number, group) in groups.iter().enumerate() {
            group.iter().for_each(|place| rank[*place] = number);
        }
        Ok(self.excess_of_ranks(&rank))
    }

    /// Returns the excess of groups, from the number of each place's group.
    pub(crate) fn excess_of_ranks(&self, rank: &[usize]) -> f64 {
        let sum: f64 = (0..self.length)
            .map(|i| {
                let l = (0..i).rev().find(|l| rank[*l] < rank[i]);
                let r = (i + 1..self.length).find(|r| rank[*r] < rank[i]);
                self.token_entropy(i, l, r)
            })
            .sum();
        // The terms cancel up to rounding.
        let excess = sum - self.total;
        if excess < 1e-13 * self.length as f64 * self.total { 0.0 } else { excess }
    }

    /// Computes the exact losses of a fixed order, from which its best sizes follow.
    ///
    /// # Errors
    /// Returns an error if the order is no permutation of the places.
    pub fn losses(&self, order: &[u32]) -> Result<Losses> {
        let places: Vec<usize> = order.iter().map(|place| *place as usize).collect();
        check_groups(&places.iter().map(|place| vec![*place]).collect::<Vec<_>>(), self.length)?;
        let mut seen = BTreeSet::new();
        let mut rows = Vec::with_capacity(self.length);
        for k in 0..self.length {
            let loss = |i: &usize| {
                let l = seen.range(..*i).next_back().copied();
                let r = seen.range(*i..).next().copied();
                self.token_entropy(*i, l, r)
            };
            rows.push(places[k..].iter().map(loss).collect());
            seen.insert(places[k]);
        }
        Ok(Losses::new(rows))
    }

    /// Returns the exact laws of neighbouring tokens of the data.
    #[must_use]
    pub(crate) fn data_pairs(&self) -> PairLaws {
        (1..self.length)
            .map(|r| {
                let rows = self.powers[1].chunks_exact(self.vocab).zip(&self.marginals[r - 1]);
                rows.flat_map(|(row, weight)| row.iter().map(move |p| weight * p)).collect()
            })
            .collect()
    }

    /// Computes the exact laws of neighbouring tokens of the samples of a plan that reveals these
    /// groups, with the exact model.
    ///
    /// The tokens of one group between two revealed ones, x_l and x_r, are independent given both.
    /// The joint law of two ends therefore gives the joint law of every pair of ends of the next,
    /// smaller intervals, down to neighbours.
    pub(crate) fn sample_pairs(&self, groups: &[Vec<usize>]) -> Result<PairLaws> {
        check_groups(groups, self.length)?;
        if self.powers.get(1).is_some_and(|next| next.contains(&0.0)) {
            return Err(Error::argument("the exact laws of pairs need positive probabilities of the next letter"));
        }
        let mut rank = vec![0; self.length];
        for (number, group) in groups.iter().enumerate() {
            group.iter().for_each(|place| rank[*place] = number);
        }
        let mut out = vec![Vec::new(); self.length.saturating_sub(1)];
        let whole = Interval { l: None, r: None, law: vec![1.0] };
        self.split(whole, &rank, &mut out);
        Ok(out)
    }

    /// Splits an interval at the places of its first group, and its parts after that.
    fn split(&self, whole: Interval, rank: &[usize], out: &mut PairLaws) {
        let mut open = vec![whole];
        while let Some(gap) = open.pop() {
            let inside = gap.l.map_or(0, |l| l + 1)..gap.r.unwrap_or(self.length);
            let Some(first) = inside.clone().map(|place| rank[place]).min() else {
                if let (Some(l), Some(_)) = (gap.l, gap.r) {
                    out[l] = gap.law;
                }
                continue;
            };
            let places: Vec<usize> = inside.filter(|place| rank[*place] == first).collect();
            let laws: Vec<Vec<f64>> = places.iter().map(|place| self.between(&gap, *place)).collect();
            let (vocab, ends) = (self.vocab, gap.law.len());
            let width = if gap.r.is_some() { vocab } else { 1 };
            // From the left end to the first place.
            let mut law = vec![0.0; if gap.l.is_some() { vocab * vocab } else { vocab }];
            for pair in 0..ends {
                let to = if gap.l.is_some() { pair / width * vocab } else { 0 };
                for a in 0..vocab {
                    law[to + a] += gap.law[pair] * laws[0][pair * vocab + a];
                }
            }
            open.push(Interval { l: gap.l, r: Some(places[0]), law });
            for (number, pair_of) in places.windows(2).enumerate() {
                let mut law = vec![0.0; vocab * vocab];
                for pair in 0..ends {
                    let [left, right] = [0, 1].map(|k| &laws[number + k][pair * vocab..][..vocab]);
                    for (a, out) in left.iter().zip(law.chunks_exact_mut(vocab)) {
                        out.iter_mut().zip(right).for_each(|(out, b)| *out += gap.law[pair] * a * b);
                    }
                }
                open.push(Interval { l: Some(pair_of[0]), r: Some(pair_of[1]), law });
            }
            // From the last place to the right end.
            let last = &laws[laws.len() - 1];
            let mut law = vec![0.0; vocab * width];
            for pair in 0..ends {
                for a in 0..vocab {
                    law[a * width + pair % width] += gap.law[pair] * last[pair * vocab + a];
                }
            }
            open.push(Interval { l: places.last().copied(), r: gap.r, law });
        }
    }

    /// Returns the law of token `i` for all letters at the ends of an interval: ends × V numbers.
    fn between(&self, gap: &Interval, i: usize) -> Vec<f64> {
        let vocab = self.vocab;
        let width = if gap.r.is_some() { vocab } else { 1 };
        let mut out = Vec::with_capacity(gap.law.len() * vocab);
        for pair in 0..gap.law.len() {
            let start = out.len();
            match gap.l {
                Some(l) => out.extend_from_slice(&self.powers[i - l][pair / width * vocab..][..vocab]),
                None => out.extend_from_slice(&self.marginals[i]),
            }
            if let Some(r) = gap.r {
                let right = &self.powers[r - i];
                out[start..].iter_mut().enumerate().for_each(|(v, p)| *p *= right[v * vocab + pair % width]);
            }
            normalise(&mut out[start..]);
        }
        out
    }
}

/// Masked places between two revealed ones, with the joint law of the ends that exist.
struct Interval {
    l: Option<usize>,
    r: Option<usize>,
    law: Vec<f64>,
}

/// Checks that groups hold each place once, and that none is empty.
pub(crate) fn check_groups(groups: &[Vec<usize>], length: usize) -> Result<()> {
    let mut seen = vec![false; length];
    let fresh = |place: &usize| seen.get_mut(*place).is_some_and(|seen| !std::mem::replace(seen, true));
    let all = groups.iter().flatten().count() == length;
    if all && groups.iter().flatten().all(fresh) && groups.iter().all(|group| !group.is_empty()) {
        return Ok(());
    }
    Err(Error::argument("the groups do not hold each place once")
        .at("groups")
        .expected(format!("the places 0 to {} in groups that are not empty", length.saturating_sub(1)))
        .got(format!("{} places in {} groups", groups.iter().flatten().count(), groups.len())))
}
