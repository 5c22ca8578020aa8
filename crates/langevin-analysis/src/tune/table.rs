//! Samplers as tables that can be optimised: noise levels, and the weights of past predictions.

use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::math::{exp, ln};
use langevin::plan::{Builder, Letter, Op, Plan, Weights};
use langevin::process::{Level, Process};

/// The relative difference from the marginal at which a plan counts as one with other rows.
const SAME: f64 = 1e-6;

/// A deterministic sampler with one evaluation for each noise level, in the coordinates z = x/α and
/// y = σ/α.
///
/// Step i goes from level y_i to y_{i+1} by z ← (y_{i+1}/y_i) z + Σ_j b_ij D_j, where j runs over
/// all evaluations so far. The weights of a row sum to 1 − y_{i+1}/y_i, so every state has the mean
/// and the noise of its level, whatever the other weights are: each table passes the lint. The last
/// step goes to 0. Past states are combinations of the start and of past D, so they need no weights
/// of their own.
///
/// ```
/// use langevin::Request;
/// use langevin_analysis::tune::Table;
/// let plan = Request::new().sampler("dpmpp-2m").steps(5).plan()?;
/// let table = Table::of(&plan)?.expect("a multistep sampler is such a table");
/// assert_eq!((table.levels().len(), table.parameters().len()), (5, 4 + 10));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    levels: Vec<f64>,
    /// The cleanest level that the table may have: that of the plan it was made from.
    least: f64,
    /// The guidance weight of each evaluation: D = D₀ + w (D_c − D₀). `None` without guidance.
    guidance: Vec<Option<f64>>,
    /// The weights of step i over D_0 … D_i.
    rows: Vec<Vec<f64>>,
}

/// Returns the weights over guided D, of weights over the outputs of the evaluations.
fn guided(weights: &Weights, branches: &[usize], alpha: f64) -> Vec<f64> {
    let mut outputs = weights.evals.iter();
    branches.iter().map(|count| outputs.by_ref().take(*count).sum::<f64>() / alpha).collect()
}

impl Table {
    /// Returns the table of a plan, or `None` if the plan is not one: if it draws noise on its way,
    /// does not fall from level to level, or leaves the marginals.
    ///
    /// # Errors
    /// Returns an error if the plan has maps or is too large to unroll.
    pub fn of(plan: &Plan) -> Result<Option<Self>> {
        if plan.draws() != 1 || !plan.inputs().is_empty() {
            return Ok(None);
        }
        let unrolled = plan.unroll()?;
        let evals = plan.ops().iter().filter_map(|op| match op {
            Op::Eval { level, out, .. } => Some((*level, out.len())),
            _ => None,
        });
        let (asked, branches): (Vec<Level>, Vec<usize>) = evals.unzip();
        let levels: Vec<f64> = asked.iter().map(Level::sigma_ve).collect();
        let falls = levels.windows(2).all(|pair| pair[1] < pair[0]) && levels.iter().all(|y| y.is_finite() && *y > 0.0);
        if levels.is_empty() || !falls {
            return Ok(None);
        }
        let queries: Vec<&Weights> = match unrolled.queries.len() == levels.len() {
            true => unrolled.queries.iter().collect(),
            // One query for each output.
            false => {
                let firsts = branches.iter().scan(0, |at, count| Some(std::mem::replace(at, *at + count)));
                firsts.filter_map(|first| unrolled.queries.get(first)).collect()
            }
        };
        let states = queries.into_iter().zip(&asked).map(|(state, at)| (state, at.alpha, at.sigma_ve()));
        // Weights over D of each state and of the result, in z.
        let mut dense: Vec<Vec<f64>> = vec![];
        // The weight of each evaluation's D, and its guidance.
        let mut guidance = vec![(0.0, None); levels.len()];
        for (state, alpha, y) in states.chain([(&unrolled.result, 1.0, 0.0)]) {
            let start = state.draws[0] / alpha;
            if (start - y).abs() > SAME * y.max(1e-3) {
                return Ok(None);
            }
            let row = guided(state, &branches, alpha);
            let mut at = 0;
            for (k, count) in branches.iter().enumerate() {
                let [with, without] = [state.evals.get(at), state.evals.get(at + 1)].map(|w| w.copied().unwrap_or(0.0));
                if *count == 2 && (with + without).abs() > guidance[k].0 {
                    let weight = with / (with + without);
                    // Guidance is a property of the evaluation: all rows must agree.
                    if guidance[k].1.is_some_and(|known: f64| (known - weight).abs() > SAME * weight.abs().max(1.0)) {
                        return Ok(None);
                    }
                    guidance[k] = ((with + without).abs(), Some(weight));
                }
                at += count;
            }
            dense.push(row);
        }
        let ratio = |i: usize| levels.get(i + 1).map_or(0.0, |next| next / levels[i]);
        let row = |i: usize| -> Vec<f64> { (0..=i).map(|j| dense[i + 1][j] - ratio(i) * dense[i][j]).collect() };
        let rows: Vec<Vec<f64>> = (0..levels.len()).map(row).collect();
        let sums = rows.iter().enumerate().all(|(i, row)| (row.iter().sum::<f64>() - (1.0 - ratio(i))).abs() <= SAME);
        let least = levels.last().copied().unwrap_or_default();
        let guidance = guidance.into_iter().map(|(_, weight)| weight).collect();
        Ok(sums.then_some(Self { levels, least, guidance, rows }))
    }

    /// Returns the noise levels σ/α of the evaluations.
    #[must_use]
    pub fn levels(&self) -> &[f64] {
        &self.levels
    }

    pub(super) fn ratio(&self, step: usize) -> f64 {
        self.levels.get(step + 1).map_or(0.0, |next| next / self.levels[step])
    }

    /// Returns the free parameters: ln ln(y_{k-1}/y_k) of the levels after the first, then the
    /// weights of all evaluations of each row but the newest, which the sum determines.
    #[must_use]
    pub fn parameters(&self) -> Vec<f64> {
        let mut all = steps(&self.levels);
        all.extend(self.rows.iter().flat_map(|row| row[..row.len() - 1].iter().copied()));
        all
    }

    /// Returns the table with other parameters. The first level stays, and no level is cleaner than
    /// the cleanest one of the plan that the table was made from: a network may not know it.
    ///
    /// # Errors
    /// Returns an error if their number differs, or if a level is not finite.
    pub fn with_parameters(&self, parameters: &[f64]) -> Result<Self> {
        let expected = self.parameters().len();
        if parameters.len() != expected {
            return Err(Error::argument("the table has another number of parameters")
                .expected(expected.to_string())
                .got(parameters.len().to_string()));
        }
        let (steps, mut weights) = parameters.split_at(self.levels.len() - 1);
        let mut table = self.clone();
        table.levels = levels(self.levels[0], steps, self.least)?;
        for i in 0..table.rows.len() {
            let (row, rest) = weights.split_at(i);
            weights = rest;
            let ratio = table.ratio(i);
            let newest = 1.0 - ratio - row.iter().sum::<f64>();
            table.rows[i] = row.iter().copied().chain([newest]).collect();
        }
        Ok(table)
    }

    /// Returns the table with another guidance weight in all evaluations that have one.
    #[must_use]
    pub fn with_guidance(mut self, weight: f64) -> Self {
        self.guidance.iter_mut().flatten().for_each(|own| *own = weight);
        self
    }

    /// Returns the guidance weight of an evaluation.
    pub(super) fn guidance(&self, step: usize) -> Option<f64> {
        self.guidance[step]
    }

    /// Returns the weights of a step.
    pub(super) fn row(&self, step: usize) -> &[f64] {
        &self.rows[step]
    }

    pub(super) fn without_guidance(mut self) -> Self {
        self.guidance.iter_mut().for_each(|own| *own = None);
        self
    }

    pub(super) fn with_guidance_of(mut self, other: &Self) -> Self {
        self.guidance.clone_from(&other.guidance);
        self
    }

    /// Returns the table as a plan on a process, for a network of this formulation.
    ///
    /// # Errors
    /// Returns an error if the process does not reach a level, or if the network's output does not
    /// determine D there.
    pub fn plan(&self, name: &str, process: &Process, network: Option<&Formulation>) -> Result<Plan> {
        let levels =
            self.levels.iter().chain([&0.0]).map(|y| process.level_at_sigma_ve(*y)).collect::<Result<Vec<_>>>()?;
        let mut builder = Builder::new(name, process, network);
        let (mut x, mut past) = (builder.start(&levels[0]), vec![]);
        for (i, row) in self.rows.iter().enumerate() {
            let (from, to, mark) = (&levels[i], &levels[i + 1], builder.mark());
            past.push(match self.guidance[i] {
                None => builder.eval(x, from)?,
                Some(weight) => {
                    let [with, without] = builder.eval_pair(x, from)?;
                    builder.combine([(weight, with), (1.0 - weight, without)], [])
                }
            });
            let scale = to.alpha / from.alpha * self.ratio(i);
            let terms = row.iter().zip(&past).rev().map(|(weight, denoised)| (to.alpha * weight, *denoised));
            x = builder.combine([(scale, x)].into_iter().chain(terms), []);
            builder.note(Letter::R, Some(0.0), from, to, mark);
        }
        builder.finish(x)
    }
}

/// Returns ln ln(y_{k-1}/y_k) of falling levels.
pub(super) fn steps(levels: &[f64]) -> Vec<f64> {
    levels.windows(2).map(|pair| ln(ln(pair[0] / pair[1]))).collect()
}

/// Returns the levels of such steps, none of them below `least`.
pub(super) fn levels(first: f64, steps: &[f64], least: f64) -> Result<Vec<f64>> {
    let mut levels = vec![first];
    for (k, step) in steps.iter().enumerate() {
        levels.push((levels[k] * exp(-exp(*step))).max(least));
    }
    match levels.iter().all(|y| y.is_finite() && *y > 0.0) {
        true => Ok(levels),
        false => Err(Error::argument("a noise level of the table is not a positive number")),
    }
}
