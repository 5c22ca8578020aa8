//! Plans on models that they were not compiled for: what differs, and the exact conversion.

use super::{Input, Op, Plan};
use crate::error::{Error, Result};
use crate::formulation::{Clock, Formulation, FormulationSpec, InputScaling, LambdaRange, Reading};
use crate::model::Branch;
use crate::prediction::Prediction;
use crate::process::{Level, ProcessSpec, SINGLE};
use serde::Serialize;

/// Readings that agree to this relative precision are the same; import in float32 stays above it.
const SAME: f64 = 1e-12;
/// Two ranges of λ that differ by less are the same: the rounding of a change of clock.
const SAME_RANGE: f64 = 1e-9;

/// The name of the input that [`Plan::starting_from_state`] adds.
const STATE: &str = "init";

impl Plan {
    /// Returns the plan for a network of another formulation.
    ///
    /// The states, the noise levels and the coefficients of the steps stay as they are. Every
    /// evaluation is read anew, $D = A x + B\,\mathrm{out}(s x, m)$, so that the result is the one that
    /// an equally good network of the plan's own formulation gives. A time at which the plan calls its
    /// own network, rounded or shifted by another library, becomes the same noise level of the new
    /// network. A plan of the same formulation keeps all its bits. The trained λ-range is not checked:
    /// see [`outside`](Self::outside).
    ///
    /// ```
    /// use langevin::{Formulation, Grid, Prediction, Process, Sampler};
    /// let (ve, flow) = (Process::ve(), Formulation::new(Process::rectified_flow(), Prediction::Velocity));
    /// let levels = Grid::karras(4).levels(&ve, 0.002, 80.0)?;
    /// let plan = Sampler::ddim(0.0).compile(&ve, None, &levels)?;
    /// assert_eq!(plan.for_network(&flow)?, Sampler::ddim(0.0).compile(&ve, Some(&flow), &levels)?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the plan's network has a process of its own program, or if an evaluation
    /// stands at a level where the network's output does not determine D.
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
    /// The input is called `init`: a state at the plan's first noise level. A plan that has an input
    /// already is returned unchanged.
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
    /// Returns an error if the plan's first instruction does not draw its start.
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

    /// The noise levels of the evaluations in σ/α, the cleanest and the noisiest; `None` without one.
    #[must_use]
    pub fn noise_levels(&self) -> Option<[f64; 2]> {
        self.evaluated().fold(None, |ends, level| {
            let sigma = level.sigma_ve();
            Some(ends.map_or([sigma, sigma], |[low, high]: [f64; 2]| [low.min(sigma), high.max(sigma)]))
        })
    }

    /// The number of evaluations at noise levels outside a trained range, by more than the rounding of float32.
    #[must_use]
    pub fn outside(&self, range: &LambdaRange) -> usize {
        let wide = LambdaRange { min: range.min - SINGLE, max: range.max + SINGLE };
        self.evaluated().filter(|level| !wide.contains(level.lambda())).count()
    }

    /// Whether an evaluation asks for another output than the main one, as guidance in the plan does.
    #[must_use]
    pub fn is_guided(&self) -> bool {
        let other = |op: &Op| matches!(op, Op::Eval { out, .. } if out.iter().any(|out| out.branch != Branch::Main));
        self.ops.iter().any(other)
    }

    fn evaluated(&self) -> impl Iterator<Item = &Level> {
        self.ops.iter().filter_map(|op| if let Op::Eval { level, .. } = op { Some(level) } else { None })
    }

    /// Returns what keeps the plan from running on a model as it is: what the plan expects and what the
    /// model has, field by field. `None` if it runs. A trained range that either leaves out fits any.
    ///
    /// A plan without a network takes a model that gives D: one without a formulation, or one of x0 on
    /// the plan's own process, passed that process's time and unscaled states.
    ///
    /// ```
    /// use langevin::{Formulation, Grid, Prediction, Process, Sampler};
    /// let [flow, other] =
    ///     [Prediction::Velocity, Prediction::X0].map(|out| Formulation::new(Process::rectified_flow(), out));
    /// let levels = Grid::karras(4).levels(&flow.process, 0.002, 80.0)?;
    /// let plan = Sampler::ddim(0.0).compile(&flow.process, Some(&flow), &levels)?;
    /// assert_eq!(plan.differs_from(Some(&flow)), None);
    /// assert_eq!(plan.differs_from(Some(&other)), Some(["prediction velocity".into(), "prediction x0".into()]));
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

    /// Whether the output of a network is D itself at every evaluation of the plan, and it is asked as a
    /// model that gives D is asked.
    fn reads_as_denoised(&self, model: &FormulationSpec) -> bool {
        model.process == self.process
            && model.prediction == Prediction::X0
            && model.clock == Clock::Time
            && model.input == InputScaling::None
            && model.range.is_none_or(|range| self.outside(&range) == 0)
    }

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

/// `a network of epsilon on table:linear`, or a model that gives D.
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

/// A field of two formulations that differs.
struct Difference {
    name: &'static str,
    expected: String,
    got: String,
}

/// The fields that keep a plan for `own` from running on `model`. A range that either leaves out fits any.
fn differences(own: &FormulationSpec, model: &FormulationSpec, ranges: bool) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut add = |name, [expected, got]: [String; 2]| found.push(Difference { name, expected, got });
    if own.process != model.process {
        let names = [&own.process, &model.process].map(process_name);
        // Two processes of one name differ in their parameters.
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

/// How D is read off `network` where the plan reads it off `own` by `reading`, at a level of its process.
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
    // The plan calls its network at a time of its own: the output that belongs there is read off the new network, and D
    // is made of it as the plan does.
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
