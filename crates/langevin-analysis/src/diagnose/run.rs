//! Runs a diagnosis as a program: the programs of its tasks, one after another.

use super::study::{Found, Measured, Study, Task};
use super::{Diagnosis, RESIDUALS, ResidualRun, start_residuals};
use crate::likelihood::{BoundRun, OdeRun};
use langevin::drive::{Answer, Program, Question, unasked, unfinished};
use langevin::error::Result;
use langevin::formulation::Formulation;
use langevin::noise::SampleId;
use langevin::plan::{Plan, Run};
use langevin::space::RowWise;

/// A running diagnosis whose network the caller evaluates, created by
/// [`Diagnose::start`](super::Diagnose::start). It performs its tasks one after another.
///
/// # Examples
/// ```
/// use langevin::drive::Program;
/// use langevin::{Grid, LambdaRange, Process, SampleId, Sampler, SliceSpace};
/// use langevin_analysis::diagnose::Diagnose;
/// use langevin_analysis::exact::{self, Density};
/// let data = exact::named("gaussian")?;
/// let rows: Vec<SampleId> = (0..50).map(|index| SampleId { seed: 0, index }).collect();
/// let levels = Grid::karras(5).levels(&Process::ve(), 0.002, 80.0)?;
/// let plan = Sampler::ddim(0.0).compile(&Process::ve(), None, &levels)?;
/// let diagnose = Diagnose::new(&plan, LambdaRange::from_sigma_ve(0.002, 80.0)?);
/// let diagnose = diagnose.samples(20).without_likelihoods();
/// let space = SliceSpace::<f64>::new(2);
/// let mut run = diagnose.start(&space, None, &data.sample(&rows))?;
/// let mut questions = 0;
/// while let Some(question) = run.query()? {
///     let answer = question.ask_vjp(&data)?;
///     run.supply(answer)?;
///     questions += 1;
/// }
/// // Without likelihoods only the five evaluations of the plan remain.
/// assert_eq!((questions, run.finish()?.samples), (5, 20));
/// # Ok::<(), langevin::Error>(())
/// ```
pub struct DiagnoseRun<'a, Sp: RowWise> {
    study: Study<'a>,
    space: &'a Sp,
    network: Option<Formulation>,
    /// The remaining tasks, the next one last.
    tasks: Vec<Task>,
    current: Option<(Task, Current<'a, Sp>)>,
    measured: Measured,
}

/// The program of a task.
enum Current<'a, Sp: RowWise> {
    Plan(Box<Run<&'a Plan, &'a Sp, Vec<SampleId>>>),
    Bound(Box<BoundRun<&'a Sp>>),
    Density(Box<OdeRun<&'a Sp>>),
    Residuals(Box<ResidualRun<&'a Sp>>),
}

/// Evaluates an expression on the program of any variant.
macro_rules! current {
    ($current:expr, $run:ident => $call:expr) => {
        match $current {
            Current::Plan($run) => $call,
            Current::Bound($run) => $call,
            Current::Density($run) => $call,
            Current::Residuals($run) => $call,
        }
    };
}

impl<'a, Sp: RowWise> DiagnoseRun<'a, Sp> {
    pub(super) fn new(study: Study<'a>, space: &'a Sp, network: Option<Formulation>) -> Result<Self> {
        for plan in std::iter::once(study.how.plan).chain(study.how.finer) {
            plan.check_model(network.as_ref())?;
        }
        let tasks = study.tasks().into_iter().rev().collect();
        Ok(Self { study, space, network, tasks, current: None, measured: Measured::default() })
    }

    /// Starts the program of a task.
    fn start(&self, task: Task) -> Result<Current<'a, Sp>> {
        let (space, network) = (self.space, self.network.as_ref());
        if let Some(plan) = self.study.plan(task) {
            let run = Run::new(plan, space, vec![], self.study.ids(self.study.how.samples))?;
            return Ok(Current::Plan(Box::new(run)));
        }
        let x = self.study.rows(task);
        let (ids, x) = (self.study.ids(x.len() / self.study.dim), space.upload(x)?);
        Ok(match task {
            Task::Residuals => {
                let run = start_residuals(space, network, self.study.how.range, RESIDUALS[1], x, &ids)?;
                Current::Residuals(Box::new(run))
            }
            Task::Density | Task::Blurred(_) => {
                Current::Density(Box::new(self.study.ode(task).start(space, network, x, &ids)?))
            }
            _ => Current::Bound(Box::new(self.study.bound().start(space, network, x, &ids)?)),
        })
    }

    /// Advances to the next question, across tasks; returns `false` at the end.
    fn advance(&mut self) -> Result<bool> {
        loop {
            if let Some((_, current)) = &mut self.current
                && current!(current, run => Program::query(&mut **run)?.is_some())
            {
                return Ok(true);
            }
            if let Some((task, current)) = self.current.take() {
                let found = self.end(current)?;
                self.measured.put(task, found);
            }
            let Some(task) = self.tasks.pop() else { return Ok(false) };
            self.current = Some((task, self.start(task)?));
        }
    }

    /// Returns the result of a program that has no more questions.
    fn end(&self, current: Current<'a, Sp>) -> Result<Found> {
        Ok(match current {
            Current::Plan(run) => Found::Samples(self.space.download(&run.finish()?)?),
            Current::Bound(run) => Found::Likelihood(run.finish()?),
            Current::Density(run) => Found::Likelihood(run.finish()?),
            Current::Residuals(run) => Found::Residuals(run.finish()?),
        })
    }
}

impl<Sp: RowWise> Program for DiagnoseRun<'_, Sp> {
    type State = Sp::State;
    type Output = Diagnosis;

    fn query(&mut self) -> Result<Option<Question<'_, Sp::State>>> {
        if !self.advance()? {
            return Ok(None);
        }
        let Some((_, current)) = &mut self.current else { return Ok(None) };
        current!(current, run => Program::query(&mut **run))
    }

    fn supply(&mut self, answer: Answer<Sp::State>) -> Result<()> {
        let Some((_, current)) = &mut self.current else { return Err(unasked()) };
        current!(current, run => Program::supply(&mut **run, answer))
    }

    fn finish(mut self) -> Result<Diagnosis> {
        if self.advance()? {
            return Err(unfinished());
        }
        self.study.conclude(self.measured, self.network.as_ref())
    }
}
