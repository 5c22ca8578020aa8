//! Memory of one evaluation: the embedded columns, and the outputs of each.

use super::{FEATURES, TableNet};
use crate::error::{Error, Result};
use crate::nn::net::{Parameter, Pass, Rows};
use crate::nn::stop::Stop;
use crate::nn::transformer::Trunk;
use langevin::math::{cos, sin};
use std::ops::Range;

/// Memory of one evaluation, see [`Pass`].
pub(super) struct Memory {
    /// Embeddings of the numbers, if there are any, and of the categories.
    number: Option<Parameter>,
    category: Parameter,
    width: usize,
    numbers: usize,
    vocab: usize,
    /// Number of categories of each column, and its first row of the table.
    columns: Vec<(usize, usize)>,
    /// Number of outputs of a column, of which its own are a part.
    outputs: usize,
    /// Outputs of the columns, and their gradient.
    z: Vec<f32>,
    dz: Vec<f32>,
    out: Vec<f32>,
    trunk: Trunk,
}

/// Returns φ of a number.
fn phi(x: f32) -> [f32; FEATURES] {
    if x.is_nan() {
        let mut missing = [0.0; FEATURES];
        missing[FEATURES - 1] = 1.0;
        return missing;
    }
    let [(s1, c1), (s2, c2), (s4, c4)] = [1.0, 2.0, 4.0].map(|k| {
        let kx = k * f64::from(x);
        (sin(kx) as f32, cos(kx) as f32)
    });
    [1.0, x, s1, c1, s2, c2, s4, c4, 0.0]
}

impl Memory {
    pub(super) fn new(net: &TableNet, rows: usize) -> Self {
        let config = &net.config;
        let at = usize::from(config.numbers > 0);
        let mut first = 0;
        let columns = config.categories.iter().map(|size| {
            first += size + 1;
            (*size, first - size - 1)
        });
        let columns: Vec<(usize, usize)> = columns.collect();
        let tokens = config.numbers + columns.len();
        let z = vec![0.0; rows * tokens * config.outputs()];
        let vocab = config.vocab();
        Self {
            number: net.body.parameters[..at].first().cloned(),
            category: net.body.parameters[at].clone(),
            width: config.width,
            numbers: config.numbers,
            vocab,
            outputs: config.outputs(),
            dz: z.clone(),
            z,
            out: vec![f32::NEG_INFINITY; rows * (config.numbers + columns.len() * vocab)],
            columns,
            trunk: Trunk::new(net.body.clone(), rows),
        }
    }

    /// Checks that the rows are those of the table.
    fn check(&self, given: Rows<'_>, count: usize) -> Result<()> {
        let wanted = [count * self.numbers, count * self.columns.len()];
        let got = [given.x.len(), given.tokens.len()];
        if got != wanted {
            return Err(Error::argument("the rows are no rows of the table")
                .at("network")
                .expected(format!("{} numbers and {} letters", wanted[0], wanted[1]))
                .got(format!("{} and {}", got[0], got[1])));
        }
        let length = self.columns.len();
        let known = |place: usize| self.columns[place % length].0;
        let bad = |(place, token): &(usize, &u32)| **token as usize >= known(*place) && **token as usize != self.vocab;
        match given.tokens.iter().enumerate().find(bad) {
            None => Ok(()),
            Some((place, token)) => Err(Error::argument("a token is no category of its column")
                .at(format!("row {}, column {} of categories", place / length, place % length))
                .expected(format!("a letter below {}, or the mask {}", known(place), self.vocab))
                .got(token.to_string())),
        }
    }

    /// Returns the row of the table of categories for each letter.
    fn row(columns: &[(usize, usize)], vocab: usize, place: usize, token: u32) -> usize {
        let (size, first) = columns[place];
        first + if token as usize == vocab { size } else { token as usize }
    }

    /// Returns where the outputs of a column are among those of all, and their number.
    fn span(&self, column: usize) -> Range<usize> {
        match column.checked_sub(self.numbers) {
            None => column..column + 1,
            // The rows of the table count one mask a column.
            Some(place) => {
                let (size, first) = self.columns[place];
                let first = self.numbers + first - place;
                first..first + size
            }
        }
    }

    /// Calls `visit` with the places of the outputs of every column, in `z` and in `out`.
    fn each(&self, count: usize, mut visit: impl FnMut(Range<usize>, Range<usize>)) {
        let tokens = self.numbers + self.columns.len();
        let size = self.numbers + self.columns.len() * self.vocab;
        for row in 0..count {
            for column in 0..tokens {
                let span = self.span(column);
                let from = (row * tokens + column) * self.outputs;
                let to = row * size
                    + match column.checked_sub(self.numbers) {
                        None => column,
                        Some(place) => self.numbers + place * self.vocab,
                    };
                visit(from + span.start..from + span.end, to..to + span.len());
            }
        }
    }
}

impl Pass for Memory {
    fn stop_when(&mut self, stop: Stop) {
        self.trunk.stop_when(stop);
    }

    fn forward(&mut self, weights: &[f32], given: Rows<'_>, count: usize, keep: bool) -> Result<&[f32]> {
        self.check(given, count)?;
        let tokens = self.numbers + self.columns.len();
        let (w, m, vocab) = (self.width, self.numbers, self.vocab);
        let table = self.category.of(weights);
        let maps = self.number.as_ref().map(|number| number.of(weights)).unwrap_or_default();
        let columns = &self.columns;
        let embed = |h: &mut [f32]| {
            for (row, h) in h.chunks_exact_mut(tokens * w).enumerate() {
                let (numbers, letters) = h.split_at_mut(m * w);
                for (j, h) in numbers.chunks_exact_mut(w).enumerate() {
                    h.fill(0.0);
                    let maps = maps[j * FEATURES * w..].chunks_exact(w);
                    for (phi, map) in phi(given.x[row * m + j]).into_iter().zip(maps) {
                        h.iter_mut().zip(map).for_each(|(h, a)| *h += phi * a);
                    }
                }
                for (place, h) in letters.chunks_exact_mut(w).enumerate() {
                    let token = given.tokens[row * columns.len() + place];
                    h.copy_from_slice(&table[Self::row(columns, vocab, place, token) * w..][..w]);
                }
            }
        };
        let z = &mut self.z[..count * tokens * self.outputs];
        self.trunk.forward(weights, given, count, keep, embed, z)?;
        let mut out = std::mem::take(&mut self.out);
        self.each(count, |from, to| out[to].copy_from_slice(&self.z[from]));
        self.out = out;
        Ok(&self.out[..count * (m + self.columns.len() * vocab)])
    }

    fn back(
        &mut self,
        weights: &[f32],
        given: Rows<'_>,
        cotangent: &[f32],
        gradient: Option<&mut [f32]>,
        _dx: Option<&mut [f32]>,
    ) -> Result<()> {
        let count = self.trunk.count();
        let tokens = self.numbers + self.columns.len();
        let (w, m, vocab) = (self.width, self.numbers, self.vocab);
        let mut dz = std::mem::take(&mut self.dz);
        let dz_now = &mut dz[..count * tokens * self.outputs];
        dz_now.fill(0.0);
        self.each(count, |from, to| dz_now[from].copy_from_slice(&cotangent[to]));
        let (columns, number, category) = (&self.columns, &self.number, &self.category);
        let result = self.trunk.back(weights, given, dz_now, gradient, |g, gradient| {
            let Some(gradient) = gradient else { return };
            for (row, g) in g.chunks_exact(tokens * w).enumerate() {
                let (numbers, letters) = g.split_at(m * w);
                if let Some(number) = number {
                    let maps = number.of_mut(gradient);
                    for (j, g) in numbers.chunks_exact(w).enumerate() {
                        let maps = maps[j * FEATURES * w..].chunks_exact_mut(w);
                        for (phi, map) in phi(given.x[row * m + j]).into_iter().zip(maps) {
                            map.iter_mut().zip(g).for_each(|(a, g)| *a += phi * g);
                        }
                    }
                }
                let table = category.of_mut(gradient);
                for (place, g) in letters.chunks_exact(w).enumerate() {
                    let token = given.tokens[row * columns.len() + place];
                    let at = Self::row(columns, vocab, place, token) * w;
                    table[at..at + w].iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
                }
            }
        });
        self.dz = dz;
        result
    }
}
