//! Orders that keep dependent places apart, and the losses of an order on data.

use super::markov::Markov;
use super::script::check_clean;
use super::sizes::Losses;
use crate::chance::uniforms;
use crate::denoiser::Denoiser;
use crate::level;
use crate::plan::{By, Take, scores, taken};
use crate::sampler::{Order, bit_reversed, far_apart};
use crate::space::Letter;
use langevin::noise::draws;
use langevin::{Error, Query, Result, SampleId};

/// Rows of one batch.
const BATCH: usize = 256;

/// Returns the places of an order that is the same for every sample; `None` for other orders.
pub(crate) fn places(order: &Order, length: usize) -> Option<Vec<u32>> {
    match order {
        Order::Left => Some((0..length as u32).collect()),
        Order::Halton => Some(bit_reversed(length)),
        Order::FarApart => Some(far_apart(length)),
        Order::Fixed(order) => Some(order.clone()),
        Order::Separated | Order::Random | Order::Entropy | Order::Margin | Order::Confidence(_) => None,
    }
}

/// Dependence of pairs of places: the mean over data of the KL divergence between the predictions
/// of one token with the other one revealed and not, in nats.
///
/// For an exact model it is the mutual information of the tokens, given `k` random other tokens.
///
/// ```
/// use langevin::SampleId;
/// use langevin_discrete::{Noise, exact::{Chain, Density}, recommend::{Dependence, Markov}};
/// let chain = Chain::example(3, 8, Noise::Masked)?;
/// let rows: Vec<_> = (0..500).map(|index| SampleId { seed: 0, index }).collect();
/// let found = Dependence::measure(&chain, &chain.sample(&rows), &rows, 0)?;
/// let exact = Markov::new(&chain)?.information(2, 3);
/// assert!((found.nats(2, 3) - exact).abs() < 5.0 * found.standard_error(2, 3));
/// assert!(found.nats(2, 3) > found.nats(2, 7));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dependence {
    length: usize,
    /// Sum, sum of squares and number of the divergences of each ordered pair.
    terms: Vec<[f64; 3]>,
}

impl Dependence {
    /// Returns the mutual information of the tokens of a Markov chain, with nothing revealed.
    #[must_use]
    pub fn exact(markov: &Markov, length: usize) -> Self {
        let pairs = (0..length).flat_map(|i| (0..length).map(move |j| (i, j)));
        let term = |(i, j)| {
            let nats = markov.information(i, j);
            [nats, nats * nats, 1.0]
        };
        Self { length, terms: pairs.map(term).collect() }
    }

    /// Measures the dependence of a masked model's predictions on data, given `k` revealed tokens.
    ///
    /// It takes 1 + d − k evaluations a sequence.
    ///
    /// # Errors
    /// Returns an error if the noise has no mask, the sequences do not fit, or the model fails.
    pub fn measure(model: &dyn Denoiser, tokens: &[Letter], rows: &[SampleId], k: usize) -> Result<Self> {
        let (length, vocab) = (model.space().length(), model.space().vocab());
        let mask = mask_of(model)?;
        check_clean(model, tokens, rows.len())?;
        let mut terms = vec![[0.0; 3]; length * length];
        for (row, own) in rows.iter().zip(tokens.chunks_exact(length)) {
            let ranks = random_order(*row, length);
            let mut x = vec![mask; length];
            ranks.iter().take(k).for_each(|place| x[*place] = own[*place]);
            let masked: Vec<usize> = (0..length).filter(|place| x[*place] == mask).collect();
            let mut batch = x.clone();
            for i in &masked {
                let start = batch.len();
                batch.extend_from_slice(&x);
                batch[start + i] = own[*i];
            }
            let mut d = Vec::with_capacity(batch.len() * vocab);
            for part in batch.chunks(BATCH * length) {
                let ids = vec![*row; part.len() / length];
                d.extend(model.leave_one_out(part, &Query::new(level(k as f64 / length as f64), &ids))?);
            }
            for (number, i) in masked.iter().enumerate() {
                for j in masked.iter().filter(|j| *j != i) {
                    let [with, without] = [(number + 1) * length + j, *j].map(|token| &d[token * vocab..][..vocab]);
                    let pairs = with.iter().zip(without).filter(|(a, _)| **a > 0.0);
                    // A letter that was impossible without the token is a fault of the model.
                    let kl: f64 = pairs.map(|(a, b)| a * libm::log(a / b.max(1e-300))).sum();
                    let [sum, square, count] = &mut terms[i * length + j];
                    (*sum, *square, *count) = (*sum + kl, *square + kl * kl, *count + 1.0);
                }
            }
        }
        Ok(Self { length, terms })
    }

    /// Returns the sums of both directions of a pair.
    fn both(&self, i: usize, j: usize) -> [f64; 3] {
        let [a, b] = [self.terms[i * self.length + j], self.terms[j * self.length + i]];
        [0, 1, 2].map(|k| a[k] + b[k])
    }

    /// Returns the dependence of two places in nats, the mean of both directions.
    ///
    /// # Panics
    /// Panics if a place is not below the length.
    #[must_use]
    pub fn nats(&self, i: usize, j: usize) -> f64 {
        let [sum, _, count] = self.both(i, j);
        if count > 0.0 { sum / count } else { 0.0 }
    }

    /// Returns the standard error of [`nats`](Self::nats), both directions counted as one
    /// measurement.
    ///
    /// # Panics
    /// Panics if a place is not below the length.
    #[must_use]
    pub fn standard_error(&self, i: usize, j: usize) -> f64 {
        let [sum, square, count] = self.both(i, j);
        let variance = (square / count - (sum / count) * (sum / count)).max(0.0);
        (variance / (0.5 * count - 1.0).max(1.0)).sqrt()
    }

    /// Returns the order that keeps dependent places apart: every place has the smallest possible
    /// largest dependence on earlier ones.
    ///
    /// The first place is the one with the largest sum of dependences.
    #[must_use]
    pub fn order(&self) -> Vec<u32> {
        let length = self.length;
        let nats: Vec<f64> = (0..length * length).map(|pair| self.nats(pair / length, pair % length)).collect();
        let total = |i: usize| (0..length).filter(|j| *j != i).map(|j| nats[i * length + j]).sum::<f64>();
        let totals: Vec<f64> = (0..length).map(total).collect();
        let mut place = (0..length).fold(0, |best, place| if totals[place] > totals[best] { place } else { best });
        let (mut most, mut sums) = (vec![f64::NEG_INFINITY; length], vec![0.0; length]);
        let mut left: Vec<usize> = (0..length).collect();
        let mut order = Vec::with_capacity(length);
        while !left.is_empty() {
            order.push(place as u32);
            left.retain(|other| *other != place);
            for other in &left {
                let own = nats[place * length + other];
                most[*other] = most[*other].max(own);
                sums[*other] += own;
            }
            let before = |a: usize, b: usize| most[a].total_cmp(&most[b]).then(sums[a].total_cmp(&sums[b]));
            let least =
                left.iter().copied().reduce(|best, other| if before(other, best).is_lt() { other } else { best });
            place = least.unwrap_or_default();
        }
        order
    }
}

/// Returns the mask of a model.
pub(crate) fn mask_of(model: &dyn Denoiser) -> Result<Letter> {
    model.space().mask().ok_or_else(|| {
        Error::argument("sizes and orders are those of masked noise")
            .at("noise")
            .expected("masked")
            .got(model.space().noise().name())
    })
}

/// Returns a random order of the places, a function of the row.
fn random_order(row: SampleId, length: usize) -> Vec<usize> {
    let mut u = vec![0.0; length];
    uniforms(row, draws::TOKEN_BOUND.last(), &mut u);
    let mut order: Vec<usize> = (0..length).collect();
    order.sort_by(|a, b| u[*b].total_cmp(&u[*a]));
    order
}

impl Losses {
    /// Measures the losses of an order on data: d evaluations a sequence.
    ///
    /// After k tokens, revealed one at a time, the masked places are ranked by the order and their
    /// losses are averaged over the data by rank. For an order that looks at predictions, groups
    /// reach other states than single tokens do, so the losses of groups are estimates.
    ///
    /// ```
    /// use langevin::SampleId;
    /// use langevin_discrete::{Noise, exact::{Chain, Density}, recommend::Losses, sampler::Order};
    /// let chain = Chain::example(3, 6, Noise::Masked)?;
    /// let rows: Vec<_> = (0..200).map(|index| SampleId { seed: 0, index }).collect();
    /// let losses = Losses::measure(&chain, &chain.sample(&rows), &rows, &Order::Entropy)?;
    /// assert_eq!(losses.best_sizes(3).iter().sum::<usize>(), 6);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the noise has no mask, the sequences do not fit, the order looks at
    /// drawn letters or is no permutation, or the model fails.
    pub fn measure(model: &dyn Denoiser, tokens: &[Letter], rows: &[SampleId], order: &Order) -> Result<Self> {
        let (space, length, vocab) = (model.space(), model.space().length(), model.space().vocab());
        let mask = mask_of(model)?;
        check_clean(model, tokens, rows.len())?;
        let by = match order {
            Order::Random => By::Random(draws::TOKEN_BOUND.last()),
            Order::Entropy => By::Entropy(0),
            Order::Margin => By::Margin(0),
            Order::Confidence(_) => {
                return Err(Error::argument("an order that looks at drawn letters has no losses")
                    .at("order")
                    .expected("random, left, halton, far-apart, list, entropy, margin")
                    .got(order.to_string()));
            }
            fixed => {
                let places = places(fixed, length).unwrap_or_default();
                let groups: Vec<Vec<usize>> = places.iter().map(|place| vec![*place as usize]).collect();
                super::markov::check_groups(&groups, length)?;
                By::Order(places)
            }
        };
        let mut means: Vec<Vec<f64>> = (0..length).map(|k| vec![0.0; length - k]).collect();
        for (rows, tokens) in rows.chunks(BATCH).zip(tokens.chunks(BATCH * length)) {
            let mut x = vec![mask; tokens.len()];
            for (k, means) in means.iter_mut().enumerate() {
                let d = model.leave_one_out(&x, &Query::new(level(k as f64 / length as f64), rows))?;
                for (row, id) in rows.iter().enumerate() {
                    let span = row * length..(row + 1) * length;
                    let belief = &d[row * length * vocab..][..length * vocab];
                    let mut u = vec![0.0; length];
                    if let By::Random(draw) = by {
                        uniforms(*id, draw, &mut u);
                    }
                    let own = &x[span.clone()];
                    let scores = scores(&by, vocab, own, belief, &u);
                    let ranked = taken(space, own, belief, own, &scores, Take::Count(length), None);
                    for (place, mean) in ranked.iter().zip(means.iter_mut()) {
                        *mean -= libm::log(belief[place * vocab + tokens[span.start + place] as usize]);
                    }
                    x[span.start + ranked[0]] = tokens[span.start + ranked[0]];
                }
            }
        }
        means.iter_mut().flatten().for_each(|mean| *mean /= rows.len() as f64);
        Ok(Self::new(means))
    }
}
