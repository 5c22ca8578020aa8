//! A data set as a density, and the data set of all Shidoku grids.

use super::products::{Components, predict};
use super::{Density, each_sequence};
use crate::chance::uniforms;
use crate::denoiser::Denoiser;
use crate::space::{Letter, Noise, StateSpace};
use langevin::noise::draws;
use langevin::{Error, Query, Result, SampleId};
use std::collections::BTreeMap;

/// A data set: each of its sequences has the same weight, and repeated sequences count repeatedly.
///
/// The leave-one-out prediction is that of the data that agree with the other tokens. If no
/// sequence agrees with them, it is the marginal law of the token in the data.
///
/// ```
/// use langevin::{Query, SampleId};
/// use langevin_discrete::{Denoiser, Noise, StateSpace, exact::DataSet, level};
/// let space = StateSpace::new(Noise::Masked, 3, 2)?;
/// let data = DataSet::new(space, vec![0, 1, 0, 2, 1, 1])?;
/// let rows = [SampleId::default(); 2];
/// let d = data.predict(&[0, 3, 2, 3], &Query::new(level(0.5), &rows))?;
/// // After letter 0: letter 1 or 2. No sequence starts with letter 2: the marginal law.
/// assert_eq!(d[3..6], [0.0, 0.5, 0.5]);
/// assert!((d[10] - 2.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    space: StateSpace,
    tokens: Vec<Letter>,
    name: String,
    /// Number of times that each sequence occurs.
    counts: BTreeMap<Vec<Letter>, usize>,
}

impl DataSet {
    /// Creates the density from K × d clean letters.
    ///
    /// # Errors
    /// Returns an error if the letters are not whole sequences of clean letters.
    pub fn new(space: StateSpace, tokens: Vec<Letter>) -> Result<Self> {
        space.check(&tokens)?;
        let (length, vocab) = (space.length(), space.vocab());
        if let Some(place) = tokens.iter().position(|letter| *letter as usize >= vocab) {
            return Err(Error::argument("a token of the data is masked")
                .at(format!("sequence {}, token {}", place / length, place % length))
                .expected("clean letters"));
        }
        let mut counts = BTreeMap::new();
        for own in tokens.chunks_exact(length) {
            *counts.entry(own.to_vec()).or_insert(0) += 1;
        }
        let name = format!("data:{vocab}x{length}:{}", tokens.len() / length);
        Ok(Self { space, tokens, name, counts })
    }

    /// Returns the letters of the data, sequence after sequence.
    ///
    /// ```
    /// use langevin_discrete::{Noise, exact::shidoku};
    /// assert_eq!(shidoku(Noise::Masked)?.tokens().len(), 288 * 16);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn tokens(&self) -> &[Letter] {
        &self.tokens
    }
}

impl Components for DataSet {
    fn count(&self) -> usize {
        self.tokens.len() / self.space.length()
    }

    fn log_weight(&self, _: usize) -> f64 {
        0.0
    }

    fn seen(&self, component: usize, place: usize, emission: &[f64]) -> f64 {
        emission[self.tokens[component * self.space.length() + place] as usize]
    }

    fn add(&self, component: usize, place: usize, weight: f64, out: &mut [f64]) {
        out[self.tokens[component * self.space.length() + place] as usize] += weight;
    }
}

impl Denoiser for DataSet {
    fn space(&self) -> &StateSpace {
        &self.space
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        predict(self, &self.space, x, query)
    }
}

impl Density for DataSet {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn log_probability(&self, tokens: &[Letter]) -> f64 {
        let count = self.counts.get(tokens).copied().unwrap_or(0);
        libm::log(count as f64 / self.count() as f64)
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<Letter> {
        let (length, count) = (self.space.length(), self.count());
        let (mut out, mut u) = (Vec::with_capacity(rows.len() * length), [0.0]);
        for row in rows {
            uniforms(*row, draws::EXACT_UNIFORMS.first(), &mut u);
            let number = ((u[0] * count as f64) as usize).min(count - 1);
            out.extend_from_slice(&self.tokens[number * length..][..length]);
        }
        out
    }

    fn entropy(&self) -> Option<f64> {
        let shares: Vec<f64> = self.counts.values().map(|count| *count as f64 / self.count() as f64).collect();
        Some(crate::plan::entropy(&shares))
    }
}

/// Returns the data set of all 288 Shidoku grids: 4 × 4 cells, row by row, such that every row,
/// every column and every 2 × 2 box has each of the four letters once.
///
/// ```
/// use langevin_discrete::{Noise, exact::{Density, shidoku}};
/// let grids = shidoku(Noise::Masked)?;
/// assert_eq!(grids.tokens()[..16], [0, 1, 2, 3, 2, 3, 0, 1, 1, 0, 3, 2, 3, 2, 1, 0]);
/// assert!((grids.entropy().unwrap() - 288_f64.ln()).abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the noise does not fit four letters.
pub fn shidoku(noise: Noise) -> Result<DataSet> {
    let space = StateSpace::new(noise, 4, 16)?;
    // Rows are permutations; a grid is four of them.
    let mut rows: Vec<[Letter; 4]> = Vec::new();
    each_sequence(4, 4, |letters| {
        if differ(letters) {
            rows.push([letters[0], letters[1], letters[2], letters[3]]);
        }
    });
    let mut grids: Vec<Vec<Letter>> = vec![vec![]];
    for _ in 0..4 {
        let with = |grid: &Vec<Letter>, row: &[Letter; 4]| [&grid[..], &row[..]].concat();
        let longer = grids.iter().flat_map(|grid| rows.iter().map(move |row| with(grid, row)));
        grids = longer.filter(|grid| valid(grid)).collect();
    }
    Ok(DataSet { name: "shidoku".to_owned(), ..DataSet::new(space, grids.concat())? })
}

fn differ(letters: &[Letter]) -> bool {
    letters.iter().enumerate().all(|(place, letter)| !letters[..place].contains(letter))
}

/// Returns true if no column and no box of a grid of whole rows repeats a letter.
fn valid(grid: &[Letter]) -> bool {
    let cells = |of: &dyn Fn(usize) -> bool| {
        let own: Vec<Letter> = grid.iter().enumerate().filter(|(cell, _)| of(*cell)).map(|(_, one)| *one).collect();
        differ(&own)
    };
    (0..4).all(|k| cells(&|cell| cell % 4 == k) && cells(&|cell| cell / 8 * 2 + cell % 4 / 2 == k))
}
