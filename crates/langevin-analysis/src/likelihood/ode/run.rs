//! Computes the density of the ODE model as a program, which queries D and products with its
//! Jacobian at the stages of each step.

use super::super::{Kind, Likelihood, check_data, denoiser, log_normal};
use super::tableau::{DIFFERENCE, NODES, STAGES, along, volume_error};
use super::{Divergence, Encoded, Ode};
use crate::metrics::Estimate;
use langevin::drive::{Answer, Evaluation, Program, Question, Reader, unasked, unfinished};
use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::math::{exp, ln, pow};
use langevin::model::At;
use langevin::noise::{SampleId, draws, fill_normals};
use langevin::process::{Level, ve};
use langevin::space::{Coef, RowWise};

/// A running likelihood of the ODE model whose network the caller evaluates, created by
/// [`Ode::start`].
///
/// # Examples
/// ```
/// # use langevin::{LambdaRange, SampleId};
/// # use langevin_analysis::exact::{Density, Gaussian};
/// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
/// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
/// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
/// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
/// use langevin::SliceSpace;
/// use langevin::drive::drive;
/// let run = Ode::new(range).start(SliceSpace::<f64>::new(2), None, x, &rows)?;
/// let found = drive(run, |question| question.ask_vjp(&data))?;
/// assert_eq!(found.nats.len(), 8);
/// # Ok::<(), langevin::Error>(())
/// ```
pub struct OdeRun<Sp: RowWise> {
    pub(super) encoding: EncodeRun<Sp>,
}

impl<Sp: RowWise> Program for OdeRun<Sp> {
    type State = Sp::State;
    type Output = Likelihood;

    fn query(&mut self) -> Result<Option<Question<'_, Sp::State>>> {
        self.encoding.query()
    }

    fn supply(&mut self, answer: Answer<Sp::State>) -> Result<()> {
        self.encoding.supply(answer)
    }

    fn finish(self) -> Result<Likelihood> {
        let (dim, variance) = (self.encoding.space.width(), self.encoding.ends.1.powi(2));
        let (space, encoded) = self.encoding.end()?;
        let squares = space.dots(&encoded.state, &encoded.state)?;
        let ends = squares.iter().zip(&encoded.log_volume);
        Ok(Likelihood {
            kind: Kind::Density,
            nats: ends.map(|(square, volume)| -log_normal(*square, dim, variance) - volume).collect(),
            errors: encoded.errors,
            evaluations: encoded.evaluations,
            products: encoded.products,
            dim,
        })
    }
}

/// A running encoding of data as noise whose network the caller evaluates, created by
/// [`Ode::start_encoding`].
///
/// A row leaves the batch when it reaches the noisiest level, so later questions have fewer rows.
///
/// # Examples
/// ```
/// # use langevin::{LambdaRange, SampleId};
/// # use langevin_analysis::exact::{Density, Gaussian};
/// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
/// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
/// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
/// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
/// use langevin::SliceSpace;
/// use langevin::drive::Program;
/// let ode = Ode::new(range);
/// let mut run = ode.start_encoding(SliceSpace::<f64>::new(2), None, x, &rows)?;
/// assert_eq!(run.query()?.map(|question| question.x.len()), Some(16));
/// // A run can be dropped at any time, but it has a result only at its end.
/// assert!(run.finish().is_err());
/// # Ok::<(), langevin::Error>(())
/// ```
pub struct EncodeRun<Sp: RowWise> {
    how: Ode,
    space: Sp,
    network: Option<Formulation>,
    wanted: Formulation,
    /// σ/α of the cleanest and of the noisiest level.
    ends: (f64, f64),
    /// The rows that have not arrived, with their addresses in `ids` and their states in `states`.
    active: Vec<RowState>,
    ids: Vec<SampleId>,
    states: Option<States<Sp::State>>,
    /// The number of attempts so far.
    tries: usize,
    /// The open attempt; `None` while the slope at the start is evaluated.
    attempt: Option<Attempt<Sp::State>>,
    open: Option<Open<Sp::State>>,
    out: Option<Encoded<Sp::State>>,
}

/// The states of the rows that have not arrived.
struct States<S> {
    z: S,
    /// z − D at z, once it is known.
    slope: Option<S>,
    /// The cotangents: unit vectors, or random signs.
    probes: Vec<S>,
}

/// One row that has not arrived.
struct RowState {
    /// The index of the row in the data.
    index: usize,
    /// ln y.
    at: f64,
    step: f64,
    /// The log volume, one sum per probe.
    volume: Vec<f64>,
    /// The slopes of `volume` at `at`, once they are known.
    slope: Vec<f64>,
    evaluations: usize,
}

/// An attempt at one step of every row.
struct Attempt<S> {
    steps: Vec<f64>,
    /// The slopes of z at the stages so far, including the start.
    slopes: Vec<S>,
    /// The slopes of the volume of each row at these stages.
    volumes: Vec<Vec<Vec<f64>>>,
    /// The state at the last stage.
    end: Option<S>,
}

/// The open evaluation.
struct Open<S> {
    evaluation: Evaluation<S>,
    /// The state of the stage; `None` stands for z itself.
    point: Option<S>,
}

impl<Sp: RowWise> EncodeRun<Sp> {
    pub(super) fn new(
        how: Ode,
        space: Sp,
        network: Option<Formulation>,
        data: Sp::State,
        rows: &[SampleId],
    ) -> Result<Self> {
        let dim = space.width();
        check_data(&space.download(&data)?, dim, rows.len())?;
        let ends = how.check()?;
        let (products, sums) = how.divergence.sizes(dim);
        let probes = (0..products).map(|probe| probe_of(&space, how.divergence, probe, rows)).collect::<Result<_>>()?;
        let start = |index| RowState {
            index,
            at: ln(ends.0),
            step: 0.1,
            volume: vec![0.0; sums],
            slope: vec![],
            evaluations: 0,
        };
        let out = Encoded {
            state: space.combine(None, &[], &[], rows)?,
            log_volume: vec![0.0; rows.len()],
            errors: vec![0.0; rows.len()],
            evaluations: 0,
            products: 0,
        };
        Ok(Self {
            how,
            network,
            wanted: denoiser(),
            ends,
            active: (0..rows.len()).map(start).collect(),
            ids: rows.to_vec(),
            states: Some(States { z: data, slope: None, probes }),
            tries: 0,
            attempt: None,
            open: None,
            out: Some(out),
            space,
        })
    }

    fn states(&self) -> Result<&States<Sp::State>> {
        self.states.as_ref().ok_or_else(lost)
    }

    /// Opens the next evaluation, unless one is open or every row has arrived.
    fn advance(&mut self) -> Result<()> {
        if self.open.is_some() || self.active.is_empty() {
            return Ok(());
        }
        if self.attempt.is_none() {
            if self.tries == self.how.attempts {
                return Err(self.too_many());
            }
            if self.states()?.slope.is_none() {
                return self.ask(self.active.iter().map(|row| row.at).collect(), None);
            }
            self.begin()?;
        }
        let Some(attempt) = &self.attempt else { return Err(lost()) };
        let stage = attempt.slopes.len() - 1;
        let at = self.active.iter().zip(&attempt.steps).map(|(row, h)| row.at + NODES[stage] * h).collect();
        let point = self.along(attempt, STAGES[stage])?;
        self.ask(at, Some(point))
    }

    /// Begins an attempt at one step of every row.
    fn begin(&mut self) -> Result<()> {
        self.tries += 1;
        let end = ln(self.ends.1);
        let steps: Vec<f64> = self.active.iter().map(|row| row.step.min(end - row.at)).collect();
        let slope = self.states.as_mut().and_then(|states| states.slope.take()).ok_or_else(lost)?;
        let volumes = self.active.iter().map(|row| vec![row.slope.clone()]).collect();
        self.attempt = Some(Attempt { steps, slopes: vec![slope], volumes, end: None });
        Ok(())
    }

    /// Returns z + h Σ wₖ kₖ.
    fn along(&self, attempt: &Attempt<Sp::State>, weights: &[f64]) -> Result<Sp::State> {
        let used = || weights.iter().zip(&attempt.slopes).filter(|(w, _)| **w != 0.0);
        let columns: Vec<Vec<f64>> = used().map(|(w, _)| attempt.steps.iter().map(|h| h * w).collect()).collect();
        let mut terms = vec![(Coef::All(1.0), &self.states()?.z)];
        terms.extend(columns.iter().zip(used()).map(|(column, (_, k))| (Coef::PerRow(column), k)));
        self.space.combine(None, &terms, &[], &self.ids)
    }

    /// Opens the evaluation of D at a stage, each row at its own ln y.
    fn ask(&mut self, at: Vec<f64>, point: Option<Sp::State>) -> Result<()> {
        let levels: Vec<Level> = at.iter().map(|at| ve(exp(*at))).collect();
        let reader = Reader { network: self.network.as_ref(), wanted: Some(&self.wanted) };
        let x = point.as_ref().map_or_else(|| Ok::<_, Error>(&self.states()?.z), Ok)?;
        let evaluation = Evaluation::open(&self.space, reader, At::PerRow(&levels), x, &self.ids)?;
        self.open = Some(Open { evaluation, point });
        Ok(())
    }

    /// Returns z − D, and d − tr ∂D/∂z of each row.
    fn slopes(&self, open: &Open<Sp::State>, answer: Answer<Sp::State>) -> Result<(Sp::State, Vec<Vec<f64>>)> {
        let (dim, space, states) = (self.space.width(), &self.space, self.states()?);
        let (_, sums) = self.how.divergence.sizes(dim);
        let mut volumes = vec![vec![0.0; sums]; self.ids.len()];
        for (probe, (v, product)) in states.probes.iter().zip(answer.products).enumerate() {
            let product = open.evaluation.product(space, v, product, &self.ids)?;
            for (volume, trace) in volumes.iter_mut().zip(space.dots(&product, v)?) {
                match self.how.divergence {
                    // The d comes as 1 from each of the d unit vectors.
                    Divergence::Exact => volume[0] += 1.0 - trace,
                    Divergence::Hutchinson(_) => volume[probe] = dim as f64 - trace,
                }
            }
            space.recycle(product);
        }
        let z = open.point.as_ref().unwrap_or(&states.z);
        let denoised = open.evaluation.value(space, z, answer.out, &self.ids)?;
        let slope = space.combine(Some((Coef::All(-1.0), denoised)), &[(Coef::All(1.0), z)], &[], &self.ids)?;
        Ok((slope, volumes))
    }

    /// Judges the attempt and keeps the steps of the rows whose error is within the tolerance.
    fn judge(&mut self, attempt: Attempt<Sp::State>) -> Result<()> {
        let Attempt { steps, mut slopes, volumes, end } = attempt;
        let (end, States { z, probes, .. }) = (end.ok_or_else(lost)?, self.states.take().ok_or_else(lost)?);
        let norms = self.norms(&z, &end, &slopes, &steps)?;
        let last = ln(self.ends.1);
        let dim = self.space.width();
        let mut taken = Vec::new();
        for (i, (row, mut k)) in self.active.iter_mut().zip(volumes).enumerate() {
            let h = steps[i];
            row.evaluations += NODES.len();
            let error = norms[i].max(volume_error(dim, &k, h)) / self.how.tolerance;
            if !error.is_finite() {
                return Err(Error::singular("the model's values are not finite").at(format!(
                    "row {}, σ/α = {:.3e}",
                    row.index,
                    exp(row.at)
                )));
            }
            if error <= 1.0 {
                // The last step ends exactly at the noisiest level.
                row.at = if row.at + h >= last - 1e-12 { last } else { row.at + h };
                row.volume = along(&row.volume, STAGES[STAGES.len() - 1], &k, h);
                row.slope = k.pop().unwrap_or_default();
                taken.push([i, i]);
            }
            row.step = h * (0.9 * pow(error.max(1e-10), -0.2)).clamp(0.2, 5.0);
        }
        let (new, old) = (slopes.pop().ok_or_else(lost)?, slopes.swap_remove(0));
        slopes.into_iter().for_each(|k| self.space.recycle(k));
        let z = self.replaced(z, end, &taken)?;
        let slope = self.replaced(old, new, &taken)?;
        self.retire(States { z, slope: Some(slope), probes })
    }

    /// Returns `old` with the rows `taken` replaced by those of `new`.
    fn replaced(&self, old: Sp::State, new: Sp::State, taken: &[[usize; 2]]) -> Result<Sp::State> {
        let (mixed, unused) = match taken.len() {
            all if all == self.active.len() => (new, old),
            _ => (self.space.put_rows(old, &new, taken)?, new),
        };
        self.space.recycle(unused);
        Ok(mixed)
    }

    /// Returns each row's root mean square error of z, relative to √(1+y²) + |z|.
    fn norms(&self, z: &Sp::State, end: &Sp::State, slopes: &[Sp::State], steps: &[f64]) -> Result<Vec<f64>> {
        let terms: Vec<_> = DIFFERENCE.iter().zip(slopes).map(|(w, k)| (Coef::All(*w), k)).collect();
        let error = self.space.combine(None, &terms, &[], &self.ids)?;
        let error = self.space.combine(Some((Coef::PerRow(steps), error)), &[], &[], &self.ids)?;
        let size = |row: &RowState| {
            let y = exp(row.at);
            (1.0 + y * y).sqrt()
        };
        let sizes: Vec<f64> = self.active.iter().map(size).collect();
        let norms = self.space.relative_norms(&error, z, end, &sizes);
        self.space.recycle(error);
        norms
    }

    /// Removes the rows that have arrived from the batch, so that no evaluation is spent on them.
    fn retire(&mut self, states: States<Sp::State>) -> Result<()> {
        let last = ln(self.ends.1);
        let (stay, arrived): (Vec<usize>, Vec<usize>) =
            (0..self.active.len()).partition(|row| self.active[*row].at < last);
        if arrived.is_empty() {
            self.states = Some(states);
            return Ok(());
        }
        let mut out = self.out.take().ok_or_else(lost)?;
        for row in arrived.iter().map(|row| &self.active[*row]) {
            let estimate = Estimate::of(&row.volume);
            out.log_volume[row.index] = estimate.mean;
            // A single sum has no standard error: it is exact, or it comes from one probe.
            out.errors[row.index] = estimate.standard_error.unwrap_or(0.0);
            out.evaluations = out.evaluations.max(row.evaluations);
        }
        let pairs: Vec<[usize; 2]> = arrived.iter().map(|row| [*row, self.active[*row].index]).collect();
        out.state = self.space.put_rows(out.state, &states.z, &pairs)?;
        self.out = Some(out);
        let take = |state: Sp::State| -> Result<Sp::State> {
            let taken = self.space.take_rows(&state, &stay);
            self.space.recycle(state);
            taken
        };
        if !stay.is_empty() {
            let States { z, slope, probes } = states;
            let probes = probes.into_iter().map(take).collect::<Result<_>>()?;
            self.states = Some(States { z: take(z)?, slope: slope.map(take).transpose()?, probes });
        }
        self.ids = stay.iter().map(|row| self.ids[*row]).collect();
        self.active.retain(|row| row.at < last);
        Ok(())
    }

    /// Returns the space and the data at the noisiest level.
    fn end(self) -> Result<(Sp, Encoded<Sp::State>)> {
        if !self.active.is_empty() {
            return Err(unfinished());
        }
        let mut out = self.out.ok_or_else(lost)?;
        let (products, _) = self.how.divergence.sizes(self.space.width());
        out.products = out.evaluations * products;
        Ok((self.space, out))
    }

    fn too_many(&self) -> Error {
        let stuck = self.active.iter().map(|row| row.at).fold(f64::INFINITY, f64::min);
        Error::argument("the steps of the ODE became too small")
            .at("likelihood")
            .expected(format!("the noise within {} attempts", self.how.attempts))
            .got(format!("σ/α = {:.3e}", exp(stuck)))
            .hinting("loosen the tolerance: a network in single precision is worth about 1e-5")
    }
}

impl<Sp: RowWise> Program for EncodeRun<Sp> {
    type State = Sp::State;
    type Output = Encoded<Sp::State>;

    fn query(&mut self) -> Result<Option<Question<'_, Sp::State>>> {
        self.advance()?;
        let Some(open) = &self.open else { return Ok(None) };
        let states = self.states()?;
        let x = open.point.as_ref().unwrap_or(&states.z);
        Ok(Some(open.evaluation.question(x, &self.ids, &states.probes)))
    }

    fn supply(&mut self, answer: Answer<Sp::State>) -> Result<()> {
        if self.open.is_none() {
            return Err(unasked());
        }
        answer.check(self.states()?.probes.len())?;
        let open = self.open.take().ok_or_else(unasked)?;
        let (slope, volumes) = self.slopes(&open, answer)?;
        let Open { evaluation, point } = open;
        evaluation.close(&self.space);
        let Some(mut attempt) = self.attempt.take() else {
            for (row, volume) in self.active.iter_mut().zip(volumes) {
                row.evaluations += 1;
                row.slope = volume;
            }
            self.states.as_mut().ok_or_else(lost)?.slope = Some(slope);
            return Ok(());
        };
        attempt.slopes.push(slope);
        attempt.volumes.iter_mut().zip(volumes).for_each(|(k, volume)| k.push(volume));
        if attempt.slopes.len() > NODES.len() {
            attempt.end = point;
            return self.judge(attempt);
        }
        point.into_iter().for_each(|point| self.space.recycle(point));
        self.attempt = Some(attempt);
        Ok(())
    }

    fn finish(self) -> Result<Encoded<Sp::State>> {
        Ok(self.end()?.1)
    }
}

/// Returns one cotangent: a unit vector in every row, or the random signs of this probe.
fn probe_of<Sp: RowWise>(space: &Sp, divergence: Divergence, probe: usize, ids: &[SampleId]) -> Result<Sp::State> {
    let dim = space.width();
    let values: Vec<f64> = match divergence {
        Divergence::Exact => (0..ids.len() * dim).map(|i| f64::from(i % dim == probe)).collect(),
        Divergence::Hutchinson(_) => {
            let mut z = vec![0.0f32; ids.len() * dim];
            fill_normals(ids, draws::LIKELIHOOD_PROBES.nth(probe as u32), dim, &mut z);
            z.into_iter().map(|z| if z < 0.0 { -1.0 } else { 1.0 }).collect()
        }
    };
    space.upload(&values)
}

/// Returns the error of a run that is continued after a failure.
fn lost() -> Error {
    Error::argument("the run failed earlier").hinting("start another one")
}
