//! Plans with models that they were not compiled for: the differences, and the exact conversion.

use super::{Input, Op, Plan};
use crate::error::{Error, Result};
use crate::formulation::{Clock, Formulation, FormulationSpec, InputScaling, LambdaRange, Reading};
use crate::model::Branch;
use crate::prediction::Prediction;
use crate::process::{Level, ProcessSpec, SINGLE};
use serde::Serialize;

/// The relative precision at which two readings count as equal. Imports in float32 stay above it.
const SAME: f64 = 1e-12;
/// The difference at which two λ-ranges count as equal: the rounding of a change of clock.
const SAME_RANGE: f64 = 1e-9;

/// The name of the input that [`Plan::starting_from_state`] adds.
const STATE: &str = "init";

impl Plan {
    /// Returns the plan for a network of another formulation.
    ///
    /// The states, the noise levels and the coefficients of the steps stay as they are. Every
    /// evaluation is converted exactly, $D = A x + B\thinspace \mathrm{out}(s x, m)$, so that an equally
    /// good network gives the same result. A plan of the same formulation keeps all its bits.
    ///
    /// The plan may call its own network at a rounded or shifted time, as an imported sampler does.
    /// That time becomes the same noise level of the new network. The trained λ-range is not
    /// checked: see [`outside`](Self::outside).
    ///
    /// ```
    /// use langevin::{Formulation, Grid, Prediction, Process, Sampler};
    /// let (ve, flow) = (Process::ve(), Process::rectified_flow());
    /// let network = Formulation::new(flow, Prediction::Velocity);
    /// let levels = Grid::karras(4).levels(&ve, 0.002, 80.0)?;
    /// let plan = Sampler::ddim(0.0).compile(&ve, None, &levels)?;
    /// let compiled = Sampler::ddim(0.0).compile(&ve, Some(&network), &levels)?;
    /// assert_eq!(plan.for_network(&network)?, compiled);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the plan's network has a custom process, or if an evaluation is at a
    /// level at which the network's output does not determine D.
    pub fn for_network(&self, network: &Formulation) -> Result<Self> {
        let mut plan = Self { network: Some(network.spec()), ..self.clone() };
        if self.network.as_ref().is_some_and(|own| differences(own, &network.spec(), false).is_empty()) {
            return Ok(plan);
        }
        let own = self.network.as_ref().map(Formulation::from_spec).transpose()?;
        let own = own.map(|own| Formulation { range: None, ..own });
        let network = Formulation { range: None, ..network.clone() };
        for op in &mut plan.ops {
            if let Op::Eval { level, net, .. } = op {
                *net = Some(match (&own, *net) {
                    (Some(own), Some(reading)) => reread(own, &reading, &network, level)?,
                    _ => network.denoised(level)?,
                });
            }
        }
        plan.validate()?;
        Ok(plan)
    }

    /// Returns the plan with an input in place of the noise that it draws at its start.
    ///
    /// The input is called `init`: a state at the plan's first noise level. A plan that already has
    /// an input is returned unchanged.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler};
    /// let process = Process::ve();
    /// let levels = Grid::karras(4).levels(&process, 0.002, 80.0)?;
    /// let plan = Sampler::ddim(0.0).compile(&process, None, &levels)?.starting_from_state()?;
    /// assert_eq!(plan.inputs()[0].name, "init");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the plan's first instruction does not draw the start.
    pub fn starting_from_state(&self) -> Result<Self> {
        if !self.inputs.is_empty() {
            return Ok(self.clone());
        }
        let wrong = || Error::argument("the plan does not begin by drawing its start").at("ops[0]");
        let Some(Op::Combine { into, terms, noise }) = self.ops.first() else { return Err(wrong()) };
        if !terms.is_empty() || noise.is_empty() {
            return Err(wrong());
        }
        let mut plan = self.clone();
        plan.inputs.push(Input { name: STATE.to_owned(), slot: *into });
        plan.ops.remove(0);
        for step in &mut plan.moves {
            step.ops = [step.ops[0].checked_sub(1).ok_or_else(wrong)?, step.ops[1].checked_sub(1).ok_or_else(wrong)?];
        }
        plan.validate()?;
        Ok(plan)
    }

    /// Returns the cleanest and the noisiest level at which the plan evaluates the network, in σ/α,
    /// or `None` if the plan has no evaluation.
    ///
    /// ```
    /// use langevin::Request;
    /// let plan = Request::new().range(0.01, 50.0).plan()?;
    /// let [low, high] = plan.noise_levels().expect("evaluations");
    /// assert!((low - 0.01).abs() < 1e-12 && (high - 50.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn noise_levels(&self) -> Option<[f64; 2]> {
        self.evaluated().fold(None, |ends, level| {
            let sigma = level.sigma_ve();
            Some(ends.map_or([sigma, sigma], |[low, high]: [f64; 2]| [low.min(sigma), high.max(sigma)]))
        })
    }

    /// Returns the number of evaluations at noise levels outside a trained range.
    ///
    /// Levels that leave the range by no more than float32 rounding count as inside.
    ///
    /// ```
    /// use langevin::{LambdaRange, Request};
    /// let plan = Request::new().sampler("ddim").grid("list:80,10,1,0").plan()?;
    /// assert_eq!(plan.outside(&LambdaRange::from_sigma_ve(0.1, 20.0)?), 1);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn outside(&self, range: &LambdaRange) -> usize {
        let wide = LambdaRange { min: range.min - SINGLE, max: range.max + SINGLE };
        self.evaluated().filter(|level| !wide.contains(level.lambda())).count()
    }

    /// Returns whether an evaluation uses another branch than the main one, as guidance does.
    ///
    /// ```
    /// use langevin::Request;
    /// assert!(Request::new().guidance(2.0).plan()?.is_guided());
    /// assert!(!Request::new().plan()?.is_guided());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn is_guided(&self) -> bool {
        let other = |op: &Op| matches!(op, Op::Eval { out, .. } if out.iter().any(|out| out.branch != Branch::Main));
        self.ops.iter().any(other)
    }

    fn evaluated(&self) -> impl Iterator<Item = &Level> {
        self.ops.iter().filter_map(|op| if let Op::Eval { level, .. } = op { Some(level) } else { None })
    }

    /// Returns the differences that keep the plan from running on a model: what the plan expects
    /// and what the model has, field by field. `None` if the plan can run.
    ///
    /// A trained range that only one of the two states fits any. A plan without a network takes a
    /// model that returns D. That is a model without a formulation, or a model that predicts x0 on
    /// the plan's own process, with that process's time and unscaled states.
    ///
    /// ```
    /// use langevin::{Formulation, Grid, Prediction, Process, Sampler};
    /// let process = Process::rectified_flow();
    /// let network = |out| Formulation::new(process.clone(), out);
    /// let [flow, other] = [Prediction::Velocity, Prediction::X0].map(network);
    /// let levels = Grid::karras(4).levels(&flow.process, 0.002, 80.0)?;
    /// let plan = Sampler::ddim(0.0).compile(&flow.process, Some(&flow), &levels)?;
    /// assert_eq!(plan.differs_from(Some(&flow)), None);
    /// let differences = plan.differs_from(Some(&other));
    /// let expected = ["prediction velocity".into(), "prediction x0".into()];
    /// assert_eq!(differences, Some(expected));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn differs_from(&self, model: Option<&Formulation>) -> Option<[String; 2]> {
        let model = model.map(Formulation::spec);
        match (&self.network, &model) {
            (None, None) => None,
            (None, Some(model)) if self.reads_as_denoised(model) => None,
            (Some(own), Some(model)) => {
                let fields = differences(own, model, true);
                let each = |of: fn(&Difference) -> &str| -> String {
                    let one = |field: &Difference| format!("{} {}", field.name, of(field));
                    fields.iter().map(one).collect::<Vec<_>>().join(", ")
                };
                (!fields.is_empty()).then(|| [each(|field| &field.expected), each(|field| &field.got)])
            }
            (own, model) => Some([network_words(own.as_ref()), network_words(model.as_ref())]),
        }
    }

    /// Returns whether the output of a network is D at every evaluation of the plan, and whether
    /// the network takes the same input as a model that returns D.
    fn reads_as_denoised(&self, model: &FormulationSpec) -> bool {
        model.process == self.process
            && model.prediction == Prediction::X0
            && model.clock == Clock::Time
            && model.input == InputScaling::None
            && model.range.is_none_or(|range| self.outside(&range) == 0)
    }

    /// Checks that the plan can run on a model of this formulation.
    ///
    /// ```
    /// use langevin::{Formulation, Prediction, Process, Request};
    /// let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    /// let plan = Request::new().network(network.clone()).plan()?;
    /// assert!(plan.check_model(Some(&network)).is_ok());
    /// assert!(plan.check_model(None).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error that names each field in which the plan's network and the model differ.
    pub fn check_model(&self, model: Option<&Formulation>) -> Result<()> {
        let Some([expected, got]) = self.differs_from(model) else { return Ok(()) };
        Err(Error::argument("the plan was compiled for another model")
            .at("network")
            .expected(expected)
            .got(got)
            .hinting("compile the plan with the model's formulation"))
    }
}

/// Returns the words for a network, such as `a network of epsilon on table:linear`, or for a model
/// that returns D.
fn network_words(spec: Option<&FormulationSpec>) -> String {
    spec.map_or_else(
        || "a model that gives D".to_owned(),
        |spec| format!("a network of {} on {}", spec.prediction.name(), process_name(&spec.process)),
    )
}

fn process_name(spec: &ProcessSpec) -> String {
    match spec {
        ProcessSpec::Custom { name } => format!("the custom process '{name}'"),
        _ => spec.name(),
    }
}

/// A field in which two formulations differ.
struct Difference {
    name: &'static str,
    expected: String,
    got: String,
}

/// Returns the fields that keep a plan for `own` from running on `model`. A range that only one of
/// the two has fits any.
fn differences(own: &FormulationSpec, model: &FormulationSpec, ranges: bool) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut add = |name, [expected, got]: [String; 2]| found.push(Difference { name, expected, got });
    if own.process != model.process {
        let names = [&own.process, &model.process].map(process_name);
        // Two processes with one name differ in their parameters, so the parameters are shown.
        add("process", if names[0] == names[1] { [&own.process, &model.process].map(text) } else { names });
    }
    if own.prediction != model.prediction {
        let names = [own.prediction, model.prediction].map(|prediction| prediction.name().to_owned());
        let pair = [own.prediction, model.prediction];
        add("prediction", if names[0] == names[1] { pair.map(|prediction| text(&prediction)) } else { names });
    }
    if own.clock != model.clock {
        add("clock", [own.clock, model.clock].map(|clock| clock.to_string()));
    }
    if own.input != model.input {
        add("input", [own.input, model.input].map(|input| text(&input)));
    }
    if let (true, Some(a), Some(b)) = (ranges, own.range, model.range)
        && (a.min - b.min).abs().max((a.max - b.max).abs()) > SAME_RANGE
    {
        add("lambda_range", [a, b].map(|range| format!("[{}, {}]", range.min, range.max)));
    }
    found
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns the reading of D from `network` that equals `reading` of `own`, at a level of the plan's
/// process.
fn reread(own: &Formulation, reading: &Reading, network: &Formulation, level: &Level) -> Result<Reading> {
    let near = |a: f64, b: f64| a == b || (a - b).abs() <= SAME * a.abs().max(b.abs());
    if let Ok(plain) = own.denoised(level)
        && near(plain.scale, reading.scale)
        && near(plain.time, reading.time)
        && near(plain.a, reading.a)
        && near(plain.b, reading.b)
    {
        return network.denoised(level);
    }
    // The plan calls its network at a time that its formulation would not choose. The output that
    // belongs to that time is expressed by the new network, and D is computed from it as the plan
    // does.
    let called = own.level(reading.time)?;
    let output = own.read_from(network, &called)?;
    let scale = reading.scale / own.input_scale(&called);
    Ok(Reading {
        scale: output.scale * scale,
        time: output.time,
        a: reading.a + reading.b * output.a * scale,
        b: reading.b * output.b,
    })
}
