//! Samplers recorded from other programs, as plans.
//!
//! A sampler is linear if every state is a weighted sum of its start, the network's outputs and its
//! noise. A [`Recording`] holds these weights for every call of the network and for the result.
//! They are obtained by running the sampler once on basis vectors, as `langevin.trace` in Python
//! does.
//!
//! [`Recording::plan`] turns the weights into a plan in three steps:
//!
//! 1. `draws`: noise that the sampler composes of many draws (a Brownian tree) is reduced to one
//!    draw for each independent increment.
//! 2. `states`: outputs are replaced by denoised predictions, and each call gets a noise level.
//! 3. `rows`: each state is written with as few terms as possible, from an earlier state.
//!
//! ```
//! use langevin::{Formulation, Prediction, Process};
//! use langevin_import::{Recorded, Recording, Row};
//! // Euler's method of a flow in two steps, from s = 1 over ½ to 0: x ← x − ½ u.
//! let row = |outputs: &[f64]| Row { start: 1.0, outputs: outputs.to_vec(), draws: vec![] };
//! let recording = Recording {
//!     name: "euler".to_owned(),
//!     source: "two steps on paper".to_owned(),
//!     calls: vec![
//!         Recorded { time: 1.0, input: row(&[]) },
//!         Recorded { time: 0.5, input: row(&[-0.5]) },
//!     ],
//!     result: row(&[-0.5, -0.5]),
//!     start: None,
//!     roundoff: 0.0,
//! };
//! let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
//! let plan = recording.plan(&network)?;
//! assert!(plan.lint()?.is_clean());
//! assert_eq!(plan.nfe(), 2);
//! # Ok::<(), langevin::Error>(())
//! ```

mod draws;
mod rows;
mod states;
#[cfg(test)]
mod tests;

use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::plan::{Origin, Plan};
use states::States;

/// The largest number of network calls and draws of a recording.
const MOST: usize = 1 << 14;

/// Roundings by which the coefficients of a plan may differ from exact ones, in units of the
/// original's roundoff: so many in the formulas of a step, and so many more for each step that its
/// result passes through.
const ROUNDINGS: [f64; 2] = [64.0, 4.0];

/// The precision of noise that is composed of many draws: Brownian trees place their increments
/// with a relative error of a millionth.
const TREE: f64 = 1e-6;

/// The largest tolerance that a plan may state.
const MOST_TOLERANCE: f64 = 0.01;

/// The weights of a state over the start, the outputs of the network and the draws of noise.
///
/// ```
/// use langevin_import::Row;
/// // x₁ = 0.5 x₀ + 0.5 out₀ + 0.1 z₀.
/// let row = Row { start: 0.5, outputs: vec![0.5], draws: vec![0.1] };
/// assert_eq!(row.outputs.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The weight of the start that the sampler was given.
    pub start: f64,
    /// The weights of the outputs, in the order of the calls. Missing ones are 0.
    pub outputs: Vec<f64>,
    /// The weights of the draws of standard normal noise, in their order. Missing ones are 0.
    pub draws: Vec<f64>,
}

/// One call of the network.
///
/// ```
/// use langevin_import::{Recorded, Row};
/// let call = Recorded { time: 999.0, input: Row { start: 1.0, ..Row::default() } };
/// assert!(call.input.draws.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The time that the network was given, in its own clock.
    pub time: f64,
    /// The input of the network, as it was given.
    pub input: Row,
}

/// A linear sampler of another program: the weights of every input of the network and of the
/// result.
///
/// The [module](self) has an example.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The name of the plan.
    pub name: String,
    /// The program and the function that the weights are from.
    pub source: String,
    /// The calls of the network, in their order.
    pub calls: Vec<Recorded>,
    /// The weights of the result.
    pub result: Row,
    /// The standard deviation of the start that the sampler is to be given; `None` for that of the
    /// noise at the first call, and 0 for clean data, which become the input `init` of the plan. A
    /// sampler that draws its own start ignores it.
    pub start: Option<f64>,
    /// The unit roundoff u of the arithmetic of the original, such as 2⁻²⁴ for float32.
    ///
    /// The plan's tolerance is (64 + 4n) u for n calls, plus ½ n u T. T is how much larger the
    /// terms are that the original adds up to a state than the state's weights: a sampler that adds
    /// multiples of ε on a start of standard deviation 157 loses two digits. On a table of noise
    /// levels, the rounding of the table is added.
    pub roundoff: f64,
}

impl Recording {
    /// Returns the plan that computes what the sampler computed, for a network of this formulation.
    ///
    /// The states are in the coordinates of the formulation's process. Each evaluation is at the
    /// level of the time that the network was given. If the state is not on the marginal of that
    /// level, but on that of a level less than one entry of a table away, the evaluation is at that
    /// level: the program rounded the time. The plan passes the network the time of the recording
    /// in any case. [`Plan::origin`] has the source, the tolerance, and the largest such
    /// difference.
    ///
    /// # Errors
    /// Returns an error that names the call if
    ///
    /// - the recording has no call or more than 16,384 calls or draws,
    /// - a weight or a time is not finite, or a call uses a later output,
    /// - the process does not reach a time,
    /// - an output does not determine D and is used, or
    /// - the first input contains no noise.
    pub fn plan(&self, network: &Formulation) -> Result<Plan> {
        self.check()?;
        let mut recording = self.clone();
        let reduced = draws::reduce(&mut recording);
        if reduced.is_some() {
            recording.roundoff = recording.roundoff.max(TREE / ROUNDINGS[0]);
        }
        let states = States::of(&recording, network)?;
        let mut source = self.source.clone();
        if let Some([from, to]) = reduced {
            source += &format!("; {from} draws reduced to {to} of the same distribution");
        }
        if let Some((call, told, own)) = states.farthest_time() {
            source += &format!("; the network is given time {told} at call {call}, where the state has time {own:.6}");
        }
        if let Some(call) = states.at_data() {
            source += &format!("; call {call} is at clean data, where its output is read at σ/α = {}", states::LEAST);
        }
        let plan = rows::write(&self.name, &states, network)?;
        let mut parts = plan.into_parts();
        let tolerance = states.tolerance().min(MOST_TOLERANCE);
        parts.origin = Some(Origin { source, tolerance, tuning: None });
        parts.plan()
    }

    /// Checks the sizes and the numbers of the recording.
    fn check(&self) -> Result<()> {
        let bad = |what: &str, at: String, expected: &str, got: String| {
            Err(Error::argument(what.to_owned()).at(at).expected(expected).got(got))
        };
        if self.calls.is_empty() {
            return bad("the sampler did not call the network", self.name.clone(), "at least one call", "none".into());
        }
        let rows = || self.calls.iter().map(|call| &call.input).chain([&self.result]);
        let draws = rows().map(|row| row.draws.len()).max().unwrap_or(0);
        for (what, count) in [("calls", self.calls.len()), ("draws", draws)] {
            if count > MOST {
                return bad("the recording is too long", what.into(), &format!("at most {MOST}"), count.to_string());
            }
        }
        for (index, row) in rows().enumerate() {
            let place = || if index < self.calls.len() { format!("call {index}") } else { "result".to_owned() };
            let weights = row.outputs.iter().chain(&row.draws).chain([&row.start]);
            if let Some(weight) = weights.copied().find(|weight| !weight.is_finite()) {
                return bad("a weight is not finite", place(), "finite weights", weight.to_string());
            }
            if row.outputs.iter().skip(index).any(|weight| *weight != 0.0) {
                return bad("an output is used before its call", place(), &format!("{index} outputs"), "more".into());
            }
        }
        match self.start {
            Some(start) if !(start.is_finite() && start >= 0.0) => {
                bad("bad standard deviation of the start", "start".into(), "a number from 0 up", start.to_string())
            }
            _ => Ok(()),
        }
    }
}
