//! A Markov field on a rooted tree.

use super::{Density, distributions, emission, normalise, random_rows, stationary, step};
use crate::chance::{pick, uniforms};
use crate::denoiser::Denoiser;
use crate::plan::entropy;
use crate::space::{Letter, Noise, StateSpace};
use langevin::noise::draws;
use langevin::{Error, Query, Result, SampleId};

/// A Markov field on a tree: a root has its own law, and the letter of every other token depends on
/// the letter of its parent.
///
/// Messages run from the leaves to the roots and back. A chain is the tree in which the parent of
/// every token is the token before it.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, exact::{Density, Tree}};
/// // A root with two children, each equal to the root with probability 0.9.
/// let space = StateSpace::new(Noise::Masked, 2, 3)?;
/// let parents = vec![None, Some(0), Some(0)];
/// let tree = Tree::new(space, parents, vec![0.5, 0.5], vec![0.9, 0.1, 0.1, 0.9])?;
/// assert!((tree.log_probability(&[0, 0, 1]) - (0.5 * 0.9 * 0.1_f64).ln()).abs() < 1e-14);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    space: StateSpace,
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    first: Vec<f64>,
    next: Vec<f64>,
    name: Option<String>,
}

impl Tree {
    /// Creates a field from the parent of each token, which comes before the token, the law of a
    /// root's letter and the V × V probabilities of a letter given its parent's, row by row.
    ///
    /// # Errors
    /// Returns an error if a parent does not come before its child, or if a list has the wrong
    /// length or is no distribution (within 1e-9).
    pub fn new(space: StateSpace, parents: Vec<Option<usize>>, first: Vec<f64>, next: Vec<f64>) -> Result<Self> {
        let (vocab, length) = (space.vocab(), space.length());
        if parents.len() != length {
            return Err(Error::shape("a tree needs the parent of every token")
                .at("parents")
                .expected(length.to_string())
                .got(parents.len().to_string()));
        }
        let mut children = vec![vec![]; length];
        for (token, parent) in parents.iter().enumerate() {
            match parent {
                None => {}
                Some(parent) if *parent < token => children[*parent].push(token),
                Some(parent) => {
                    return Err(Error::argument("a parent must come before its child")
                        .at(format!("token {token}"))
                        .expected(format!("a token below {token}"))
                        .got(parent.to_string()));
                }
            }
        }
        distributions("first", &first, vocab, vocab)?;
        distributions("next", &next, vocab * vocab, vocab)?;
        Ok(Self { space, parents, children, first, next, name: None })
    }

    /// Creates the example: a binary tree, in which the parent of token i is (i − 1)/2 rounded
    /// down, with the probabilities of [`Chain::example`](super::Chain::example).
    ///
    /// # Errors
    /// Returns an error if a size is out of range.
    pub fn example(vocab: usize, length: usize, noise: Noise) -> Result<Self> {
        let space = StateSpace::new(noise, vocab, length)?;
        let next = random_rows(vocab as u64, vocab, vocab);
        let parents = (0..length).map(|token| token.checked_sub(1).map(|before| before / 2)).collect();
        let tree = Self::new(space, parents, stationary(&next, vocab), next)?;
        Ok(Self { name: Some(format!("tree:{vocab}x{length}")), ..tree })
    }

    /// Returns the law of a letter given its parent's.
    fn given(&self, letter: Letter) -> &[f64] {
        let vocab = self.space.vocab();
        &self.next[letter as usize * vocab..][..vocab]
    }

    /// Returns the leave-one-out prediction of one sequence at survival `alpha`.
    fn leave_one_out(&self, x: &[Letter], alpha: f64, out: &mut [f64]) {
        let (vocab, length) = (self.space.vocab(), x.len());
        let own = |token: usize| token * vocab..(token + 1) * vocab;
        let mut seen = vec![0.0; length * vocab];
        for (x, seen) in x.iter().zip(seen.chunks_exact_mut(vocab)) {
            emission(&self.space, alpha, *x, seen);
        }
        // Messages to the parents. `below` is the product of those that a token receives.
        let (mut up, mut below) = (vec![0.0; length * vocab], vec![1.0; length * vocab]);
        for token in (0..length).rev() {
            for child in &self.children[token] {
                multiply(&mut below[own(token)], &up[own(*child)]);
            }
            let here: Vec<f64> = seen[own(token)].iter().zip(&below[own(token)]).map(|(a, b)| a * b).collect();
            for (up, next) in up[own(token)].iter_mut().zip(self.next.chunks_exact(vocab)) {
                *up = next.iter().zip(&here).map(|(next, here)| next * here).sum();
            }
            normalise(&mut up[own(token)]);
        }
        // Messages to the children, each without the child's own message.
        let mut down = vec![0.0; length * vocab];
        for token in 0..length {
            if self.parents[token].is_none() {
                down[own(token)].copy_from_slice(&self.first);
            }
            let mut before: Vec<f64> = down[own(token)].iter().zip(&seen[own(token)]).map(|(a, b)| a * b).collect();
            let mut prefixes = Vec::with_capacity(self.children[token].len());
            for child in &self.children[token] {
                prefixes.push(before.clone());
                multiply(&mut before, &up[own(*child)]);
            }
            let mut after = vec![1.0; vocab];
            for (child, mut others) in self.children[token].iter().zip(prefixes).rev() {
                multiply(&mut others, &after);
                step(&others, &self.next, &mut down[own(*child)]);
                normalise(&mut down[own(*child)]);
                multiply(&mut after, &up[own(*child)]);
            }
        }
        for (token, out) in out.chunks_exact_mut(vocab).enumerate() {
            out.copy_from_slice(&down[own(token)]);
            multiply(out, &below[own(token)]);
        }
    }
}

/// Multiplies elementwise, and normalises the result.
fn multiply(values: &mut [f64], by: &[f64]) {
    values.iter_mut().zip(by).for_each(|(value, by)| *value *= by);
    normalise(values);
}

impl Denoiser for Tree {
    fn space(&self) -> &StateSpace {
        &self.space
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        self.space.check(x)?;
        let (length, vocab) = (self.space.length(), self.space.vocab());
        let mut out = vec![0.0; x.len() * vocab];
        for (row, (x, out)) in x.chunks_exact(length).zip(out.chunks_exact_mut(length * vocab)).enumerate() {
            self.leave_one_out(x, query.at.row(row).alpha, out);
        }
        Ok(out)
    }
}

impl Density for Tree {
    fn name(&self) -> String {
        let own = || format!("field:{}x{}", self.space.vocab(), self.space.length());
        self.name.clone().unwrap_or_else(own)
    }

    fn log_probability(&self, tokens: &[Letter]) -> f64 {
        let law = |parent: &Option<usize>| parent.map_or(&self.first[..], |parent| self.given(tokens[parent]));
        tokens.iter().zip(&self.parents).map(|(own, parent)| libm::log(law(parent)[*own as usize])).sum()
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<Letter> {
        let length = self.space.length();
        let (mut out, mut u) = (Vec::with_capacity(rows.len() * length), vec![0.0; length]);
        for row in rows {
            uniforms(*row, draws::EXACT_UNIFORMS.first(), &mut u);
            let start = out.len();
            for (u, parent) in u.iter().zip(&self.parents) {
                let law = parent.map_or(&self.first[..], |parent| self.given(out[start + parent]));
                out.push(pick(law, *u).unwrap_or_default());
            }
        }
        out
    }

    fn entropy(&self) -> Option<f64> {
        let vocab = self.space.vocab();
        let rows: Vec<f64> = self.next.chunks_exact(vocab).map(entropy).collect();
        let mut laws: Vec<Vec<f64>> = Vec::with_capacity(self.parents.len());
        let mut total = 0.0;
        for parent in &self.parents {
            laws.push(match parent {
                None => {
                    total += entropy(&self.first);
                    self.first.clone()
                }
                Some(parent) => {
                    total += laws[*parent].iter().zip(&rows).map(|(weight, row)| weight * row).sum::<f64>();
                    let mut law = vec![0.0; vocab];
                    step(&laws[*parent], &self.next, &mut law);
                    law
                }
            });
        }
        Some(total)
    }
}
