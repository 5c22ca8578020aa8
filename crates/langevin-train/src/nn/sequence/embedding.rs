//! The embedding of tokens: a sum of rows of tables.

use super::SequenceConfig;
use crate::nn::kernels::rows::{add, add_rows, embed, embed_back, embed_near, embed_near_back};
use crate::nn::net::Parameter;

/// Sum of the tables that a position looks up, and its backward pass.
pub(super) struct Embedding {
    width: usize,
    length: usize,
    letters: usize,
    /// Tables of the letters and of the positions.
    token: Parameter,
    position: Parameter,
    /// Tables of the neighbours, and their distances.
    near: Option<(Parameter, Vec<isize>)>,
    /// Tables of adjacent letters, with the distances of their first letter, followed by that of
    /// the letters on both sides if it is there.
    pair: Option<(Parameter, Vec<isize>)>,
    around: bool,
    /// Numbers of the pairs of adjacent letters, and of the letters on both sides.
    adjacent: Vec<u32>,
    sides: Vec<u32>,
}

impl Embedding {
    /// Returns the names and shapes of the tables.
    pub(super) fn tables(config: &SequenceConfig, length: usize) -> Vec<(&'static str, [usize; 2])> {
        let SequenceConfig { width, letters, .. } = *config;
        let near = letters.saturating_mul(config.shifts().count());
        let pair = pairs(letters).saturating_mul(config.pair_shifts().count() + usize::from(config.sees_around()));
        let tables = [("token", letters), ("position", length), ("near", near), ("pair", pair)];
        tables.into_iter().filter(|(_, rows)| *rows > 0).map(|(name, rows)| (name, [rows, width])).collect()
    }

    /// Returns the embedding whose tables are `parameters`, in the order of
    /// [`tables`](Self::tables).
    pub(super) fn new(config: &SequenceConfig, length: usize, parameters: &[Parameter]) -> Self {
        let of = |name: &str| parameters.iter().find(|parameter| parameter.name == name).cloned();
        Self {
            width: config.width,
            length,
            letters: config.letters,
            token: parameters[0].clone(),
            position: parameters[1].clone(),
            near: of("near").map(|table| (table, config.shifts().collect())),
            pair: of("pair").map(|table| (table, config.pair_shifts().collect())),
            around: config.sees_around(),
            adjacent: Vec::new(),
            sides: Vec::new(),
        }
    }

    /// Writes the embedded tokens to `h`.
    pub(super) fn forward(&mut self, weights: &[f32], tokens: &[u32], h: &mut [f32]) {
        self.number(tokens);
        let Self { width, length, letters, .. } = *self;
        embed(self.token.of(weights), width, tokens, h);
        let positions = self.position.of(weights);
        h.chunks_exact_mut(positions.len()).for_each(|h| add(h, positions));
        if let Some((table, shifts)) = &self.near {
            let parts = table.of(weights).chunks_exact(letters * width);
            shifts.iter().zip(parts).for_each(|(shift, part)| embed_near(part, width, length, *shift, tokens, h));
        }
        if let Some((table, shifts)) = &self.pair {
            let parts = table.of(weights).chunks_exact(pairs(letters) * width);
            for ((shift, numbers), part) in shifts_of(shifts, &self.adjacent, &self.sides).zip(parts) {
                embed_near(part, width, length, shift, numbers, h);
            }
        }
    }

    /// Adds the gradients of the tables, from the gradient `g` of the embedded tokens that the last
    /// [`forward`](Self::forward) wrote.
    pub(super) fn back(&self, tokens: &[u32], g: &[f32], gradient: &mut [f32]) {
        let Self { width, length, letters, .. } = *self;
        embed_back(g, width, tokens, self.token.of_mut(gradient));
        add_rows(self.position.of_mut(gradient), g);
        if let Some((table, shifts)) = &self.near {
            let parts = table.of_mut(gradient).chunks_exact_mut(letters * width);
            shifts.iter().zip(parts).for_each(|(shift, part)| embed_near_back(g, width, length, *shift, tokens, part));
        }
        if let Some((table, shifts)) = &self.pair {
            let parts = table.of_mut(gradient).chunks_exact_mut(pairs(letters) * width);
            for ((shift, numbers), part) in shifts_of(shifts, &self.adjacent, &self.sides).zip(parts) {
                embed_near_back(g, width, length, shift, numbers, part);
            }
        }
    }

    /// Numbers the pairs of each position.
    fn number(&mut self, tokens: &[u32]) {
        self.adjacent.clear();
        self.sides.clear();
        if self.pair.is_none() {
            return;
        }
        let outside = self.letters as u32;
        let number = |first: u32, second: u32| first * (outside + 1) + second;
        for row in tokens.chunks_exact(self.length) {
            let at = |place: usize| row.get(place).copied().unwrap_or(outside);
            self.adjacent.extend((0..row.len()).map(|t| number(at(t), at(t + 1))));
            if self.around {
                let before = |t: usize| t.checked_sub(1).map_or(outside, at);
                self.sides.extend((0..row.len()).map(|t| number(before(t), at(t + 1))));
            }
        }
    }
}

/// Returns the number of pairs of letters, one of which may be outside of the sequence.
fn pairs(letters: usize) -> usize {
    letters.saturating_add(1).saturating_pow(2)
}

/// Returns each table's distance and numbers.
fn shifts_of<'a>(
    shifts: &'a [isize],
    adjacent: &'a [u32],
    sides: &'a [u32],
) -> impl Iterator<Item = (isize, &'a [u32])> {
    let around = (!sides.is_empty()).then_some((0, sides));
    shifts.iter().map(move |shift| (*shift, adjacent)).chain(around)
}
