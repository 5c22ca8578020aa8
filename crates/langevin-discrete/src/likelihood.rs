//! Likelihoods of sequences: the bound, the information profile, and the exact likelihood.
//!
//! Under masked noise the bound on −log p is a sum over the number k of revealed tokens, without
//! any schedule:
//!
//! $$-\log p(x) \le \sum_{k=0}^{d-1} h_k(x), \qquad
//!   h_k(x) = E_{|S| = k,\; i \text{ not in } S}\big[-\ln D_i(x_i \mid x_S)\big] .$$
//!
//! The list h_k is the *information profile*. The excess of a sampler that unmasks groups of sizes
//! m_j, over the sampler that unmasks one token at a time, follows from it ([`excess`]).
//!
//! Under uniform and prior noise the bound is an integral over levels. [`bound`] computes either.

mod noised;

pub use noised::{SURVIVALS, bound, bounds, quantile, rate};

use crate::chance::uniforms;
use crate::denoiser::Denoiser;
use crate::level;
use crate::space::{Letter, StateSpace};
use langevin::noise::draws;
use langevin::{Error, Query, Result, SampleId};

/// Information profile of some sequences: h_k for every number k of revealed tokens, in nats.
///
/// ```
/// use langevin::SampleId;
/// use langevin_discrete::{Noise, exact::{Chain, Density}, likelihood::profile};
/// let chain = Chain::example(3, 5, Noise::Masked)?;
/// let rows: Vec<_> = (0..2000).map(|index| SampleId { seed: 0, index }).collect();
/// let profile = profile(&chain, &chain.sample(&rows), &rows, 1)?;
/// // The bound of an exact model is the entropy of the data.
/// let bound = profile.bound();
/// assert!((bound.nats - chain.entropy().unwrap()).abs() < 4.0 * bound.standard_error);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    length: usize,
    /// Sum, sum of squares and number of the estimates of each h_k.
    terms: Vec<[f64; 3]>,
    /// Bound of each sequence.
    rows: Vec<f64>,
}

/// A bound on −log p in nats a sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Mean over the sequences, in nats a sequence.
    pub nats: f64,
    /// Standard error of the mean.
    pub standard_error: f64,
    /// Number of tokens of a sequence.
    pub length: usize,
}

impl Bound {
    /// Returns the mean of values of sequences of `length` tokens, with its standard error.
    ///
    /// ```
    /// use langevin_discrete::likelihood::Bound;
    /// let bound = Bound::of(&[3.0, 5.0], 4);
    /// assert_eq!((bound.nats, bound.standard_error), (4.0, 1.0));
    /// ```
    #[must_use]
    pub fn of(values: &[f64], length: usize) -> Self {
        let count = values.len() as f64;
        let nats = values.iter().sum::<f64>() / count;
        let square: f64 = values.iter().map(|value| (value - nats) * (value - nats)).sum();
        let standard_error = if count > 1.0 { (square / (count * (count - 1.0))).sqrt() } else { f64::NAN };
        Self { nats, standard_error, length }
    }

    /// Returns the bound in bits a token.
    #[must_use]
    pub fn bits_per_token(&self) -> f64 {
        self.nats / (self.length as f64 * std::f64::consts::LN_2)
    }

    /// Returns the bound on the perplexity, e^(nats a token).
    #[must_use]
    pub fn perplexity(&self) -> f64 {
        libm::exp(self.nats / self.length as f64)
    }
}

impl Profile {
    /// Returns h_0, …, h_(d−1) in nats.
    #[must_use]
    pub fn values(&self) -> Vec<f64> {
        self.terms.iter().map(|[sum, _, count]| if *count > 0.0 { sum / count } else { f64::NAN }).collect()
    }

    /// Returns the bound of each sequence, in nats.
    #[must_use]
    pub fn rows(&self) -> &[f64] {
        &self.rows
    }

    /// Returns the bound on the mean of −log p.
    #[must_use]
    pub fn bound(&self) -> Bound {
        Bound::of(&self.rows, self.length)
    }
}

/// Largest number of evaluations of one batch.
const BATCH: usize = 256;
/// Largest number of probabilities of one batch, which take 128 MiB.
const NUMBERS: usize = 1 << 24;

/// Returns the number of evaluations of one batch, from 1 to 256.
fn batch(space: &StateSpace) -> usize {
    (NUMBERS / (space.length() * space.vocab())).clamp(1, BATCH)
}

/// Measures the information profile of a masked model on sequences.
///
/// Every sequence is seen once for each number of revealed tokens, in `rounds` independent rounds:
/// d · `rounds` evaluations a sequence. The places that are revealed are a function of the row's
/// (seed, index).
///
/// # Errors
/// Returns an error if the noise has no mask, the sequences do not fit, or the model fails.
pub fn profile(model: &dyn Denoiser, tokens: &[Letter], rows: &[SampleId], rounds: usize) -> Result<Profile> {
    let space = model.space();
    let (length, vocab) = (space.length(), space.vocab());
    let Some(mask) = space.mask() else {
        return Err(Error::argument("the information profile is that of masked noise")
            .at("noise")
            .expected("masked")
            .got(space.noise().name()));
    };
    check_clean(model, tokens, rows.len())?;
    let rounds = rounds.max(1);
    let mut terms = vec![[0.0; 3]; length];
    let mut bounds = vec![0.0; rows.len()];
    let jobs: Vec<(usize, usize, usize)> = (0..rows.len())
        .flat_map(|row| (0..rounds).flat_map(move |round| (0..length).map(move |k| (row, round, k))))
        .collect();
    for jobs in jobs.chunks(batch(space)) {
        let mut x = Vec::with_capacity(jobs.len() * length);
        let (mut levels, mut ids) = (Vec::with_capacity(jobs.len()), Vec::with_capacity(jobs.len()));
        for (row, round, k) in jobs {
            let own = &tokens[row * length..(row + 1) * length];
            let revealed = revealed(rows[*row], *round * length + *k, length, *k);
            x.extend(own.iter().zip(&revealed).map(|(letter, shown)| if *shown { *letter } else { mask }));
            levels.push(langevin::model::InputLevel::from(level(*k as f64 / length as f64)));
            ids.push(rows[*row]);
        }
        let d = model.leave_one_out(&x, &Query::per_row(&levels, &ids))?;
        for (job, (row, _, k)) in jobs.iter().enumerate() {
            let mut sum = 0.0;
            for place in (0..length).filter(|place| x[job * length + place] == mask) {
                let letter = tokens[row * length + place] as usize;
                sum -= libm::log(d[(job * length + place) * vocab + letter]);
            }
            let mean = sum / (length - k) as f64;
            let [total, square, count] = &mut terms[*k];
            (*total, *square, *count) = (*total + mean, *square + mean * mean, *count + 1.0);
            bounds[*row] += mean / rounds as f64;
        }
    }
    Ok(Profile { length, terms, rows: bounds })
}

/// Returns which places are revealed: the `k` places of smallest uniforms.
fn revealed(row: SampleId, number: usize, length: usize, k: usize) -> Vec<bool> {
    let mut u = vec![0.0; length];
    uniforms(
        row,
        draws::TOKEN_BOUND.nth(number as u32 % (draws::TOKEN_BOUND.last() - draws::TOKEN_BOUND.first())),
        &mut u,
    );
    let mut order: Vec<usize> = (0..length).collect();
    order.sort_by(|a, b| u[*a].total_cmp(&u[*b]));
    let mut shown = vec![false; length];
    order[..k].iter().for_each(|place| shown[*place] = true);
    shown
}

fn check_clean(model: &dyn Denoiser, tokens: &[Letter], rows: usize) -> Result<()> {
    let space = model.space();
    space.check(tokens)?;
    if tokens.len() != rows * space.length() {
        return Err(Error::shape("the sequences do not fit the rows")
            .expected(format!("{rows} rows × {} tokens", space.length()))
            .got(format!("{} tokens", tokens.len())));
    }
    match tokens.iter().position(|letter| *letter as usize >= space.vocab()) {
        None => Ok(()),
        Some(place) => Err(Error::argument("a token is masked")
            .at(format!("sequence {}, token {}", place / space.length(), place % space.length()))
            .expected("clean letters")),
    }
}

/// Largest length of a sequence whose likelihood is computed exactly: 2^16 evaluations.
pub const MOST_EXACT: usize = 16;

/// Computes −log p of each sequence exactly, under the sampler that unmasks one token at a time in
/// random order.
///
/// The probability of a set S of revealed tokens is summed over all orders:
/// f(S ∪ i) += f(S) · D_i(x_i | x_S)/(d − |S|), which takes 2^d evaluations a sequence.
///
/// ```
/// use langevin_discrete::{Noise, exact::{Chain, Density}, likelihood::exact};
/// let chain = Chain::example(3, 5, Noise::Masked)?;
/// let tokens = [0, 1, 2, 1, 0];
/// let nats = exact(&chain, &tokens)?[0];
/// assert!((nats + chain.log_probability(&tokens)).abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the noise has no mask, a sequence has more than 16 tokens, or the model
/// fails.
pub fn exact(model: &dyn Denoiser, tokens: &[Letter]) -> Result<Vec<f64>> {
    let space = model.space();
    let (length, vocab) = (space.length(), space.vocab());
    let Some(mask) = space.mask() else {
        return Err(Error::argument("the exact likelihood is that of masked noise")
            .at("noise")
            .expected("masked")
            .got(space.noise().name()));
    };
    if length > MOST_EXACT {
        return Err(Error::argument("the sequences are too long for their exact likelihood")
            .expected(format!("at most {MOST_EXACT} tokens, which take 2^{MOST_EXACT} evaluations"))
            .got(length.to_string())
            .hinting("use the bound"));
    }
    check_clean(model, tokens, tokens.len() / length)?;
    tokens.chunks_exact(length).map(|own| one_exact(model, own, mask, vocab)).collect()
}

fn one_exact(model: &dyn Denoiser, own: &[Letter], mask: Letter, vocab: usize) -> Result<f64> {
    let length = own.len();
    let sets = 1_usize << length;
    // In the order of the number of revealed tokens, every set comes after its subsets. Plain
    // counting has that property too, and keeps batches contiguous.
    let mut log_f = vec![f64::NEG_INFINITY; sets];
    log_f[0] = 0.0;
    let all: Vec<usize> = (0..sets - 1).collect();
    let ids = vec![SampleId::default(); BATCH];
    let mut predicted = Vec::with_capacity(sets * length);
    for sets in all.chunks(batch(model.space())) {
        let shown = |set: usize, place: usize| set >> place & 1 == 1;
        let x: Vec<Letter> = sets
            .iter()
            .flat_map(|set| (0..length).map(move |place| if shown(*set, place) { own[place] } else { mask }))
            .collect();
        let levels: Vec<langevin::model::InputLevel> =
            sets.iter().map(|set| level(f64::from(set.count_ones()) / length as f64).into()).collect();
        let d = model.leave_one_out(&x, &Query::per_row(&levels, &ids[..sets.len()]))?;
        predicted.extend(d.chunks_exact(vocab).zip(own.iter().cycle()).map(|(d, letter)| d[*letter as usize]));
    }
    for set in 0..sets - 1 {
        let left = f64::from(length as u32 - set.count_ones());
        for place in (0..length).filter(|place| set >> place & 1 == 0) {
            let term = log_f[set] + libm::log(predicted[set * length + place] / left);
            let target = &mut log_f[set | 1 << place];
            *target = add_logs(*target, term);
        }
    }
    Ok(-log_f[sets - 1])
}

/// Returns ln(e^a + e^b).
fn add_logs(a: f64, b: f64) -> f64 {
    let (most, least) = if a > b { (a, b) } else { (b, a) };
    if least == f64::NEG_INFINITY { most } else { most + libm::log1p(libm::exp(least - most)) }
}

/// Returns the excess in nats of a sampler that unmasks random groups of these sizes, over one
/// token at a time: Σ_j (m_j h_(k_j) − Σ_l h_(k_j + l)).
///
/// `profile` holds h_0, …, h_(d−1). The excess is the expected KL divergence between the laws of
/// the two samplers' paths; for an exact model it bounds KL(p‖q).
///
/// ```
/// use langevin_discrete::likelihood::excess;
/// let profile = [3.0, 2.0, 1.0];
/// assert_eq!(excess(&profile, &[1, 1, 1])?, 0.0);
/// assert_eq!(excess(&profile, &[2, 1])?, 1.0);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the sizes do not add up to the length of the profile.
pub fn excess(profile: &[f64], sizes: &[usize]) -> Result<f64> {
    let total: usize = sizes.iter().sum();
    if total != profile.len() || sizes.contains(&0) {
        return Err(Error::argument("the sizes do not fit the profile")
            .at("sizes")
            .expected(format!("positive sizes with the sum {}", profile.len()))
            .got(format!("{sizes:?}")));
    }
    let mut first = 0;
    let mut sum = 0.0;
    for size in sizes {
        sum += group(profile, first, *size);
        first += size;
    }
    Ok(sum)
}

/// Returns the excess of one group of `size` tokens after `first`.
fn group(profile: &[f64], first: usize, size: usize) -> f64 {
    size as f64 * profile[first] - profile[first..first + size].iter().sum::<f64>()
}

/// Returns the group sizes of the smallest excess for `steps` evaluations, by dynamic programming.
///
/// ```
/// use langevin_discrete::likelihood::best_sizes;
/// // Two tokens that say everything about each other, then two independent ones.
/// assert_eq!(best_sizes(&[1.0, 0.5, 0.5, 0.5], 2), [1, 3]);
/// ```
///
/// # Panics
/// Panics if the profile is empty.
#[must_use]
pub fn best_sizes(profile: &[f64], steps: usize) -> Vec<usize> {
    let (length, steps) = (profile.len(), steps.clamp(1, profile.len()));
    let mut sums = vec![0.0];
    profile.iter().for_each(|h| sums.push(sums[sums.len() - 1] + h));
    let cost = |first: usize, end: usize| (end - first) as f64 * profile[first] - (sums[end] - sums[first]);
    // best[k][e]: the smallest excess of revealing e tokens in k groups, and the group's start.
    let mut best = vec![vec![(f64::INFINITY, 0); length + 1]; steps + 1];
    best[0][0].0 = 0.0;
    for groups in 1..=steps {
        for end in groups..=length {
            let totals = (groups - 1..end).map(|first| (best[groups - 1][first].0 + cost(first, end), first));
            let least = totals.fold((f64::INFINITY, 0), |least, one| if one.0 < least.0 { one } else { least });
            best[groups][end] = least;
        }
    }
    let (mut sizes, mut end) = (Vec::with_capacity(steps), length);
    for groups in (1..=steps).rev() {
        let first = best[groups][end].1;
        sizes.push(end - first);
        end = first;
    }
    sizes.reverse();
    sizes
}
