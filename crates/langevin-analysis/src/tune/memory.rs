//! A model that counts its evaluations and answers repeated questions from memory.

use super::run::Watch;
use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::model::{At, Branch, InputLevel, Model, Query};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The answers to the questions of a run, in order, for each row.
pub(super) type Answers = Vec<Vec<Vec<f64>>>;

/// A question with its answer.
struct Call {
    level: InputLevel,
    branch: Branch,
    x: Vec<f64>,
    answer: Vec<f64>,
}

/// The use that a [`Remembering`] model makes of its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Asks the model, and keeps nothing.
    Ask,
    /// Asks the model, and keeps the answers.
    Keep,
    /// Answers from memory where the question is the same to the bit.
    Recall,
}

/// A model with a count of its evaluations, and a memory of one run of a plan.
///
/// A forward difference in a coefficient of step i leaves the evaluations before step i as they
/// are, so that a table of n steps costs about a third of its evaluations.
pub(super) struct Remembering<'a, M: ?Sized> {
    model: &'a M,
    watch: &'a dyn Watch,
    /// Evaluations so far, in rows, and the most that there may be.
    done: &'a AtomicU64,
    most: u64,
    state: Mutex<(Mode, HashMap<u64, Vec<Call>>)>,
    aside: AtomicBool,
}

impl<'a, M: ?Sized> Remembering<'a, M> {
    pub(super) fn new(model: &'a M, watch: &'a dyn Watch, done: &'a AtomicU64, most: u64) -> Self {
        let (state, aside) = (Mutex::new((Mode::Ask, HashMap::new())), AtomicBool::new(false));
        Self { model, watch, done, most, state, aside }
    }

    /// Changes the mode. `Keep` forgets what was kept before.
    pub(super) fn set(&self, mode: Mode) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = mode;
        if mode != Mode::Recall {
            state.1.clear();
        }
    }

    /// Leaves the memory as it is until it is called with `false`.
    pub(super) fn set_aside(&self, aside: bool) {
        self.aside.store(aside, Ordering::Relaxed);
    }

    /// Returns the kept answers of a run.
    pub(super) fn answers(&self, rows: usize, width: usize) -> Answers {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = vec![Vec::new(); rows];
        for (first, calls) in &state.1 {
            for call in calls {
                for (row, answer) in call.answer.chunks(width.max(1)).enumerate() {
                    if let Some(list) = all.get_mut(*first as usize + row) {
                        list.push(answer.to_vec());
                    }
                }
            }
        }
        all
    }
}

impl<M: Model<Vec<f64>> + ?Sized> Model<Vec<f64>> for Remembering<'_, M> {
    fn formulation(&self) -> Option<&Formulation> {
        self.model.formulation()
    }

    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let At::One(level) = query.at else { return self.model.predict(x, query) };
        let first = query.rows.first().map_or(0, |row| row.index);
        let mode = if self.aside.load(Ordering::Relaxed) {
            Mode::Ask
        } else {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let same = |call: &&Call| call.level == level && call.branch == query.branch && call.x == *x;
            if state.0 == Mode::Recall
                && let Some(call) = state.1.get(&first).and_then(|calls| calls.iter().find(same))
            {
                return Ok(call.answer.clone());
            }
            state.0
        };
        let answer = self.model.predict(x, query)?;
        let rows = query.rows.len() as u64;
        let done = self.done.fetch_add(rows, Ordering::Relaxed) + rows;
        self.watch.evaluated(done.min(self.most), self.most)?;
        if answer.len() != x.len() {
            return Err(Error::shape("the model's answer has another size")
                .expected(x.len().to_string())
                .got(answer.len().to_string()));
        }
        if mode == Mode::Keep {
            let call = Call { level, branch: query.branch, x: x.clone(), answer: answer.clone() };
            self.state.lock().unwrap_or_else(PoisonError::into_inner).1.entry(first).or_default().push(call);
        }
        Ok(answer)
    }
}
