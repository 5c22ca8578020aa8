//! Samples of tokens, compared with data. Graphs have [measures of their own](super::graphs).
//!
//! One number cannot judge samples of text: repetition has a small cross-entropy and no variety,
//! and noise the opposite. The measures come in pairs, beside those of real sequences:
//!
//! | measure | too small | too large |
//! |---|---|---|
//! | nats a sequence under an n-gram model of the training data | repetition | wrong spelling |
//! | entropy of neighbouring letters | repetition | noise |
//! | distance of the frequencies of neighbouring letters from those of the data | – | other letters |
//! | share of sequences that occur once | repetition | – |
//! | share of sequences that are training sequences | – | copies |

use super::sample::{Draws, Prepared};
use super::{Model, graphs, rows};
use crate::error::{Blame as _, Error, Result};
use crate::observe::Observer;
use langevin::text::{Column, columns};
use langevin_discrete::{Letter, NGram, StateSpace};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

/// Order of the n-gram model.
const ORDER: usize = 4;
/// Largest number of samples, if none is given.
const MOST: usize = 5000;

/// A measure of samples and of real sequences.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measure {
    /// Name, with its unit.
    pub name: &'static str,
    /// Value of the samples; NaN if there is none.
    pub samples: f64,
    /// Value of as many real sequences; `None` if there are none.
    pub real: Option<f64>,
}

/// Samples compared with data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// Name of the plan.
    pub plan: String,
    /// Network evaluations of a sample.
    pub nfe: usize,
    /// Number of samples.
    pub count: usize,
    /// Real sequences that the samples are compared with.
    pub against: String,
    /// Measures.
    pub measures: Vec<Measure>,
}

/// Data of an evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Data: a built-in name or a file. Of the data that a model was trained on, the rows held out
    /// are compared.
    pub data: &'a str,
    /// Number of samples; `None` for as many as there are real sequences, at most 5000. Of graphs,
    /// as many as there are training graphs, at most 1000.
    pub count: Option<usize>,
    /// Random seed.
    pub seed: u64,
}

/// Draws samples and compares them with data.
///
/// # Errors
/// Returns an error if the data cannot be read, have other letters, or are fewer than four
/// sequences.
pub fn run(
    model: &Model,
    prepared: &Prepared<'_>,
    settings: Settings<'_>,
    observer: &dyn Observer,
) -> Result<Evaluation> {
    let space = model.space()?;
    let length = space.length();
    let set = rows::open(model, settings.data, observer)?;
    let shape = graphs::shape(model);
    let held = model.network().and_then(|network| network.metadata().data.held_out);
    let own = model.network().is_some_and(|network| network.metadata().data.name == set.name());
    let (train, held_out, against) = match held.filter(|_| own) {
        Some(held) => {
            let (train, held_out) = set.split(held.share, held.seed);
            let against = if shape.is_some() { "graphs that were held out" } else { "sequences that were held out" };
            (train, held_out, against)
        }
        // Without held-out rows one half stands for the training data.
        None => {
            let (train, held_out) = set.split(0.5, settings.seed);
            (train, held_out, "a half of the data, beside the other half")
        }
    };
    if train.rows() < 2 || held_out.rows() < 2 {
        return Err(Error::misused("too few sequences to compare with")
            .at("‹data›")
            .expected("4 or more")
            .got(set.rows().to_string()));
    }
    let read = |set: &langevin_data::Dataset, most: usize| {
        set.read_tokens(&(0..set.rows().min(most)).collect::<Vec<_>>()).or_failed()
    };
    let count = settings.count.unwrap_or(match shape {
        // The bias of MMD² depends on the number of graphs, so training graphs and samples are as
        // many.
        Some(_) => train.rows().min(graphs::MOST),
        None => held_out.rows().min(MOST),
    });
    let count = count.max(1);
    let most = if shape.is_some() { graphs::MOST } else { count };
    let (train, real) = (read(&train, usize::MAX)?, read(&held_out, most)?);
    let mut drawn = Vec::with_capacity(count * length);
    prepared.draw(Draws { count, seed: settings.seed }, None, observer, &mut |letters| {
        drawn.extend(letters);
        Ok(())
    })?;
    let measures = match shape {
        Some(shape) => graphs::measures(shape, &train, &real, &drawn)?,
        None => measures(space, &train, &real, &drawn)?,
    };
    Ok(Evaluation {
        plan: prepared.name().to_owned(),
        nfe: prepared.nfe(),
        count,
        against: against.to_owned(),
        measures,
    })
}

/// Measures samples beside real sequences, each list rows × d letters; `train` is the data of the
/// n-gram model and of the copies.
///
/// ```
/// use langevin_discrete::{Noise, exact::{Chain, Density}, Denoiser};
/// use langevin_tasks::tokens::evaluate::measures;
/// let chain = Chain::example(3, 5, Noise::Masked)?;
/// let rows: Vec<_> = (0..300).map(|index| langevin::SampleId { seed: 0, index }).collect();
/// let data = chain.sample(&rows);
/// let [train, real, samples] = [&data[..500], &data[500..1000], &data[1000..]];
/// let found = measures(chain.space(), train, real, samples)?;
/// assert_eq!(found.len(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the sequences do not fit the space.
pub fn measures(space: &StateSpace, train: &[Letter], real: &[Letter], drawn: &[Letter]) -> Result<Vec<Measure>> {
    let judge = Judge::of(space, train, real)?;
    let floor = judge.distance(&train[..real.len().min(train.len())]);
    let mut measures: Vec<Measure> = NAMES
        .into_iter()
        .zip(judge.values(drawn)?)
        .zip(judge.values(real)?)
        .map(|((name, samples), real)| Measure { name, samples, real: Some(real) })
        .collect();
    measures.insert(2, Measure { name: DISTANCE, samples: judge.distance(drawn), real: Some(floor) });
    Ok(measures)
}

/// Names of the measures that are computed alike of samples and real sequences.
const NAMES: [&str; 4] =
    ["4-gram, nats a sequence", "entropy of pairs, nats", "occur once, share", "in training data, share"];
/// Name of the distance.
const DISTANCE: &str = "distance of pairs from data";

/// Frequencies of pairs of neighbouring letters.
type Pairs = BTreeMap<(Letter, Letter), f64>;

/// Statistics that samples are measured with.
struct Judge {
    gram: NGram,
    known: HashSet<Vec<Letter>>,
    pairs: Pairs,
    length: usize,
}

impl Judge {
    fn of(space: &StateSpace, train: &[Letter], real: &[Letter]) -> Result<Self> {
        let length = space.length();
        Ok(Self {
            gram: NGram::fit(space, train, ORDER).or_failed()?,
            known: train.chunks_exact(length).map(<[Letter]>::to_vec).collect(),
            pairs: pairs(real, length),
            length,
        })
    }

    fn values(&self, tokens: &[Letter]) -> Result<[f64; 4]> {
        let rows: Vec<&[Letter]> = tokens.chunks_exact(self.length).collect();
        let mut count: HashMap<&[Letter], usize> = HashMap::new();
        rows.iter().for_each(|row| *count.entry(row).or_default() += 1);
        let share = |number: usize| number as f64 / rows.len() as f64;
        let nats = self.gram.nats(tokens).or_failed()?;
        let entropy = pairs(tokens, self.length).values().map(|p| -p * p.ln()).sum();
        Ok([
            nats.iter().sum::<f64>() / nats.len() as f64,
            entropy,
            share(rows.iter().filter(|row| count[**row] == 1).count()),
            share(rows.iter().filter(|row| self.known.contains(**row)).count()),
        ])
    }

    /// Returns the total variation between the pairs of sequences and those of the data.
    fn distance(&self, tokens: &[Letter]) -> f64 {
        let own = pairs(tokens, self.length);
        let all: std::collections::BTreeSet<&(Letter, Letter)> = own.keys().chain(self.pairs.keys()).collect();
        let of = |pairs: &Pairs, pair: &(Letter, Letter)| pairs.get(pair).copied().unwrap_or(0.0);
        0.5 * all.into_iter().map(|pair| (of(&own, pair) - of(&self.pairs, pair)).abs()).sum::<f64>()
    }
}

fn pairs(tokens: &[Letter], length: usize) -> Pairs {
    let (mut count, mut total) = (Pairs::new(), 0.0);
    for row in tokens.chunks_exact(length) {
        for pair in row.windows(2) {
            *count.entry((pair[0], pair[1])).or_default() += 1.0;
            total += 1.0;
        }
    }
    count.values_mut().for_each(|value| *value /= f64::max(total, 1.0));
    count
}

/// Returns measures as a table.
#[must_use]
pub fn table(measures: &[Measure]) -> String {
    let mut rows = vec![["measure", "samples", "real"].map(String::from)];
    let number = |value: f64| if value.is_nan() { "–".to_owned() } else { format!("{value:.4}") };
    for measure in measures {
        let real = measure.real.map_or_else(|| "–".to_owned(), number);
        rows.push([measure.name.to_owned(), number(measure.samples), real]);
    }
    columns(&rows, &[Column::Left(0), Column::Right(9), Column::Right(9)])
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&table(&self.measures))
    }
}
