//! The adaptive sampler as a program: it asks for D at the stages of one attempt after another.

use super::{Adapted, Adaptive, Attempt, Progress};
use crate::drive::{Answer, Evaluation, Program, Question, Reader, unasked, unfinished};
use crate::error::{Error, Result};
use crate::formulation::Formulation;
use crate::math::pow;
use crate::model::At;
use crate::noise::SampleId;
use crate::process::{Level, ve};
use crate::sampler::form::{Form, ratio};
use crate::sampler::stages::{At as Place, Use};
use crate::space::{Coef, Draw, ErrorNorms};

/// An adaptive run with control in the caller's hands, made by [`Adaptive::start`].
///
/// ```
/// use langevin::adaptive::{Adaptive, Pair};
/// use langevin::drive::Program;
/// use langevin::{SampleId, SliceSpace};
/// let (adaptive, space) = (Adaptive::new(Pair::Dpm23), SliceSpace::<f64>::new(3));
/// let mut run = adaptive.start(&space, None, [0.002, 80.0], &[SampleId::default()])?;
/// let question = run.query()?.expect("the first evaluation");
/// assert_eq!(question.x.len(), 3);
/// // The run cannot finish before its questions are answered.
/// assert!(run.finish().is_err());
/// # Ok::<(), langevin::Error>(())
/// ```
pub struct AdaptiveRun<Sp: ErrorNorms> {
    how: Adaptive,
    space: Sp,
    network: Option<Formulation>,
    /// σ/α of the cleanest level.
    end: f64,
    rows: Vec<SampleId>,
    progress: Vec<Progress>,
    /// The state, and the low estimate of the last accepted step. `None` only while a step is
    /// judged.
    states: Option<[Sp::State; 2]>,
    /// The number of attempts so far.
    tries: usize,
    attempts: Vec<Attempt>,
    /// The levels of the stages of this attempt, and the values of the form there.
    nodes: Vec<Vec<Level>>,
    values: Vec<Sp::State>,
    open: Option<Open<Sp::State>>,
    evaluations: usize,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// Steps are attempted.
    Steps,
    /// The last step to σ = 0 is open.
    Clean,
    Done,
}

/// The open evaluation.
struct Open<S> {
    evaluation: Evaluation<S>,
    levels: Vec<Level>,
    /// The state of the stage. `None` if it is the state of the run.
    point: Option<S>,
}

impl<Sp: ErrorNorms> AdaptiveRun<Sp> {
    pub(super) fn new(
        how: Adaptive,
        space: Sp,
        network: Option<Formulation>,
        range: [f64; 2],
        rows: Vec<SampleId>,
    ) -> Result<Self> {
        how.check(range)?;
        let start = Progress { at: ve(range[1]), step: how.first, quality: None, accepted: 0, rejected: 0 };
        let noise = || space.combine(None, &[], &[(Coef::All(range[1]), 0)], &rows);
        let states = Some([noise()?, noise()?]);
        Ok(Self {
            how,
            network,
            end: range[0],
            progress: vec![start; rows.len()],
            states,
            tries: 0,
            attempts: Vec::new(),
            nodes: Vec::new(),
            values: Vec::new(),
            open: None,
            evaluations: 0,
            phase: Phase::Steps,
            space,
            rows,
        })
    }

    fn states(&self) -> Result<&[Sp::State; 2]> {
        self.states.as_ref().ok_or_else(lost)
    }

    /// Opens the next evaluation, unless one is open or the run is done.
    fn advance(&mut self) -> Result<()> {
        if self.open.is_some() || self.phase == Phase::Done {
            return Ok(());
        }
        if !self.values.is_empty() {
            return self.next_stage();
        }
        if self.tries == self.how.attempts {
            return Err(self.too_many());
        }
        self.tries += 1;
        self.attempts = self.progress.iter().map(|row| self.how.attempt(row, self.end)).collect::<Result<_>>()?;
        if !self.attempts.iter().all(|attempt| attempt.done) {
            return self.ask(self.attempts.iter().map(|attempt| attempt.from).collect(), None);
        }
        if !self.how.clean_end {
            self.phase = Phase::Done;
            return Ok(());
        }
        self.phase = Phase::Clean;
        self.ask(self.progress.iter().map(|row| row.at).collect(), None)
    }

    /// Opens the evaluation of the next stage of this attempt.
    fn next_stage(&mut self) -> Result<()> {
        let (table, _) = self.how.pair.table();
        let (place, how) = &table.stages[self.values.len() - 1];
        let level = |attempt: &Attempt| match place {
            _ if attempt.done => attempt.from,
            Place::Lambda(share) => ve(attempt.from.sigma * pow(ratio(&attempt.from, &attempt.down), *share)),
            Place::End | Place::MiddleTime => attempt.down,
        };
        let levels: Vec<Level> = self.attempts.iter().map(level).collect();
        let point = self.estimate(table.form, how, &levels)?;
        self.ask(levels, Some(point))
    }

    /// Opens the evaluation of D at a stage, each row at its own level.
    fn ask(&mut self, levels: Vec<Level>, point: Option<Sp::State>) -> Result<()> {
        let reader = Reader { network: self.network.as_ref(), wanted: None };
        let x = point.as_ref().map_or_else(|| Ok::<_, Error>(&self.states()?[0]), Ok)?;
        let evaluation = Evaluation::open(&self.space, reader, At::PerRow(&levels), x, &self.rows)?;
        self.open = Some(Open { evaluation, levels, point });
        Ok(())
    }

    /// Returns the values of the form at `x`, from D at `x`.
    fn value(&self, form: Form, x: &Sp::State, levels: &[Level], denoised: Sp::State) -> Result<Sp::State> {
        let parts = form.parts();
        let noise: Vec<f64> = levels.iter().map(|level| parts.noise / level.sigma).collect();
        let datum: Vec<f64> =
            levels.iter().zip(&noise).map(|(level, noise)| parts.datum - noise * level.alpha).collect();
        let x = [(Coef::PerRow(&noise), x)];
        self.space.combine(Some((Coef::PerRow(&datum), denoised)), &x, &[], &self.rows)
    }

    /// Returns the states at `ends`. The state of each row comes from the values at the row's own
    /// nodes; rows that are done do not change.
    fn estimate(&self, form: Form, how: &Use, ends: &[Level]) -> Result<Sp::State> {
        let mut columns = vec![Vec::with_capacity(self.attempts.len()); how.of.len() + 1];
        for (row, attempt) in self.attempts.iter().enumerate() {
            let own: Vec<Level> = how.of.iter().map(|index| self.nodes[*index][row]).collect();
            let (a, b) = if attempt.done {
                (1.0, vec![0.0; own.len()])
            } else {
                how.poly.weights(form, &attempt.from, &own, &ends[row], (0.0, 1.0))
            };
            columns[0].push(a);
            b.into_iter().enumerate().for_each(|(k, b)| columns[k + 1].push(b));
        }
        let states = std::iter::once(&self.states()?[0]).chain(how.of.iter().map(|index| &self.values[*index]));
        let terms: Vec<(Coef<'_>, &Sp::State)> =
            columns.iter().map(|column| Coef::PerRow(column)).zip(states).collect();
        self.space.combine(None, &terms, &[], &self.rows)
    }

    /// Judges this attempt for every row that is not done, and keeps the accepted steps.
    fn judge(&mut self) -> Result<()> {
        let (table, low) = self.how.pair.table();
        let down: Vec<Level> = self.attempts.iter().map(|attempt| attempt.down).collect();
        let low = self.estimate(table.form, &low, &down)?;
        let high = self.estimate(table.form, &table.last, &down)?;
        let errors = self.space.error_norms(&low, &high, &self.states()?[1], self.how.tolerance)?;
        let (mut taken, mut kept) = (Vec::new(), Vec::new());
        // The number of a draw is the row's own count of accepted steps, so that a row's noise does
        // not depend on the other rows.
        let mut noise: Vec<(Draw, Vec<f64>)> = Vec::new();
        for (row, (attempt, error)) in self.attempts.iter().zip(&errors).enumerate() {
            if !attempt.done && !error.is_finite() {
                return Err(Error::singular("the model's values are not finite")
                    .at(format!("row {row}, σ/α = {}", attempt.from.sigma)));
            }
            let accepted = !attempt.done && self.how.judge(&mut self.progress[row], attempt, *error);
            taken.push(f64::from(u8::from(accepted)));
            kept.push(f64::from(u8::from(!accepted)));
            let power = attempt.to.sigma.powi(2) - attempt.down.sigma.powi(2);
            if accepted && power > 0.0 {
                let draw = self.progress[row].accepted as Draw;
                let column = match noise.iter().position(|(known, _)| *known == draw) {
                    Some(known) => known,
                    None => {
                        noise.push((draw, vec![0.0; self.attempts.len()]));
                        noise.len() - 1
                    }
                };
                noise[column].1[row] = power.sqrt();
            }
        }
        let noise: Vec<(Coef<'_>, Draw)> = noise.iter().map(|(draw, column)| (Coef::PerRow(column), *draw)).collect();
        let mix = |old, new, noise: &[(Coef<'_>, Draw)]| {
            self.space.combine(Some((Coef::PerRow(&kept), old)), &[(Coef::PerRow(&taken), new)], noise, &self.rows)
        };
        let [x, previous] = self.states.take().ok_or_else(lost)?;
        self.states = Some([mix(x, &high, &noise)?, mix(previous, &low, &[])?]);
        [low, high].into_iter().chain(self.values.drain(..)).for_each(|state| self.space.recycle(state));
        self.nodes.clear();
        Ok(())
    }

    fn too_many(&self) -> Error {
        Error::argument("the steps became too small")
            .at("adaptive sampler")
            .expected(format!("the end within {} attempts", self.how.attempts))
            .got(format!("σ/α = {}", self.progress.iter().map(|row| row.at.sigma).fold(0.0, f64::max)))
            .hinting("loosen the tolerances")
    }
}

impl<Sp: ErrorNorms> Program for AdaptiveRun<Sp> {
    type State = Sp::State;
    type Output = Adapted<Sp::State>;

    fn query(&mut self) -> Result<Option<Question<'_, Sp::State>>> {
        self.advance()?;
        let Some(open) = &self.open else { return Ok(None) };
        let x = open.point.as_ref().map_or_else(|| Ok::<_, Error>(&self.states()?[0]), Ok)?;
        Ok(Some(open.evaluation.question(x, &self.rows, &[])))
    }

    fn supply(&mut self, answer: Answer<Sp::State>) -> Result<()> {
        answer.check(0)?;
        let Open { evaluation, levels, point } = self.open.take().ok_or_else(unasked)?;
        self.evaluations += 1;
        let x = point.as_ref().map_or_else(|| Ok::<_, Error>(&self.states()?[0]), Ok)?;
        let denoised = evaluation.value(&self.space, x, answer.out, &self.rows)?;
        if self.phase == Phase::Clean {
            self.phase = Phase::Done;
            if let Some([_, previous]) = self.states.take() {
                self.states = Some([denoised, previous]);
            }
            return Ok(());
        }
        let (table, _) = self.how.pair.table();
        let value = self.value(table.form, x, &levels, denoised)?;
        evaluation.close(&self.space);
        point.into_iter().for_each(|point| self.space.recycle(point));
        self.values.push(value);
        self.nodes.push(levels);
        if self.values.len() > table.stages.len() { self.judge() } else { Ok(()) }
    }

    fn finish(mut self) -> Result<Adapted<Sp::State>> {
        self.advance()?;
        if self.phase != Phase::Done {
            return Err(unfinished());
        }
        let [state, _] = self.states.ok_or_else(lost)?;
        Ok(Adapted {
            state,
            evaluations: self.evaluations,
            accepted: self.progress.iter().map(|row| row.accepted).collect(),
            rejected: self.progress.iter().map(|row| row.rejected).collect(),
        })
    }
}

/// Returns the error of a run that continues after a failure.
fn lost() -> Error {
    Error::argument("the run failed earlier").hinting("start another one")
}
