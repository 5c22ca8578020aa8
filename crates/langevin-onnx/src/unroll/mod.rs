//! A plan unrolled around a network: one ONNX file from noise to samples.

mod network;
mod writer;

use crate::element;
use crate::error::{Error, Result};
use crate::options::Style;
use crate::port::{self, Port};
use crate::proto::{Extent, Graph, Model, Open, Value};
use langevin::model::Branch;
use langevin::plan::{Op, Output};
use langevin::space::Map;
use langevin::{Plan, math};
use network::{Call, Network, Often, Roles, visible};
use ort::value::TensorElementType as Kind;
use prost::Message as _;
use prost::bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use writer::Writer;

/// The largest number of nodes of an unrolled graph.
///
/// ```
/// assert_eq!(langevin_onnx::MOST_NODES, 1 << 20);
/// ```
pub const MOST_NODES: u64 = 1 << 20;
/// The largest size of a file: that of a message of Protocol Buffers.
const MOST_BYTES: u64 = i32::MAX as u64;
/// The oldest operator set whose operators are used: `Expand`, and `Min` and `Max` that broadcast.
const OLDEST: i64 = 8;
/// The oldest operator set in which the number of values that `TopK` returns is an input.
const TOP_K: i64 = 10;
/// The oldest version of the file format whose constants need not be inputs.
const OLDEST_IR: i64 = 4;

/// The arguments of [`unroll`].
///
/// # Examples
///
/// ```
/// use langevin_onnx::UnrollOptions;
/// let options = UnrollOptions::default().input("class_labels").normalization(8.0, 8.0);
/// assert!(format!("{options:?}").contains("class_labels"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct UnrollOptions {
    inputs: Vec<String>,
    output: Option<String>,
    normalization: Option<(f64, f64)>,
    style: Style,
}

impl UnrollOptions {
    /// Names a further input of the network, which is neither the states nor the time. Without such
    /// names, the further inputs are found by the names and shapes of all inputs.
    ///
    /// ```
    /// use langevin_onnx::UnrollOptions;
    /// assert!(format!("{:?}", UnrollOptions::default().input("text")).contains("text"));
    /// ```
    #[must_use]
    pub fn input(mut self, name: impl Into<String>) -> Self {
        self.inputs.push(name.into());
        self
    }

    /// Sets the name of the network's output to read, as
    /// [`Options::output`](crate::Options::output) does.
    ///
    /// ```
    /// use langevin_onnx::UnrollOptions;
    /// assert!(format!("{:?}", UnrollOptions::default().output("sample")).contains("sample"));
    /// ```
    #[must_use]
    pub fn output(mut self, name: impl Into<String>) -> Self {
        self.output = Some(name.into());
        self
    }

    /// Sets the map from the network's coordinates to the data: datum = shift + scale·x.
    ///
    /// ```
    /// use langevin_onnx::UnrollOptions;
    /// assert!(format!("{:?}", UnrollOptions::default().normalization(8.0, 2.0)).contains("2.0"));
    /// ```
    #[must_use]
    pub fn normalization(mut self, shift: f64, scale: f64) -> Self {
        self.normalization = Some((shift, scale));
        self
    }

    /// Sets the syntax in which messages name the arguments.
    ///
    /// ```
    /// use langevin_onnx::{Style, UnrollOptions};
    /// assert!(format!("{:?}", UnrollOptions::default().style(Style::Keywords)).contains("Key"));
    /// ```
    #[must_use]
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }
}

/// A plan unrolled around a network.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Unrolled {
    /// The ONNX file.
    pub file: Vec<u8>,
    /// The inputs of the graph, each with its type and shape, as in `noise (float32 [rows, 2])`.
    pub inputs: Vec<String>,
    /// The output of the graph, with its type and shape.
    pub output: String,
    /// The number of nodes.
    pub nodes: usize,
    /// The files that hold weights outside of the network's file, as the network names them. The
    /// unrolled file must lie in the folder of the network to find them.
    pub data: Vec<String>,
}

/// Unrolls a plan around the network of an ONNX file.
///
/// The network must have the formulation for which the plan is compiled, or return D if the plan
/// has no network. The graph asks it the questions of [`OnnxNetwork`](crate::OnnxNetwork): the
/// inputs, the output, the types and the times are chosen by the same rules.
///
/// # Inputs and output of the graph
///
/// | name | value |
/// |---|---|
/// | `noise` | standard normal numbers, of the shape of the samples; a plan with several draws has them along a new first axis, in the order of their numbers |
/// | the names of the plan's inputs, such as `init` or `image` | a state |
/// | the names of the network's further inputs | a value for all evaluations |
/// | the same with `_unconditional`, for guided plans | the value of the unconditional branch |
/// | `samples` (output) | the samples |
///
/// A name that the network already uses gets a `_` at its end. Noise, states and samples are
/// float32, or float64 if the network's states or output are. The arithmetic of the plan is in
/// double precision.
///
/// # Contents
///
/// Weights are kept once. Nodes that depend on the state or the time are copied for every
/// evaluation; other nodes are kept once, or once for each branch of guidance. Nodes without effect
/// on the output are left out. The documentation and metadata of nodes are kept at the first
/// evaluation. All other contents of the file are kept, except for training information, and for
/// shapes and quantisation notes of tensors that are copied.
///
/// # Errors
/// Returns an error if:
///
/// - the file is not a network that [`OnnxNetwork`](crate::OnnxNetwork) accepts;
/// - the operator set of the network is older than version 8;
/// - the plan has a hook, or a threshold for samples whose shape the file leaves open;
/// - the plan is guided, and the network has no further input;
/// - the graph would have more than [`MOST_NODES`] nodes, or the file more than 2 GiB.
///
/// # Examples
///
/// ```no_run
/// use langevin::{Formulation, Prediction, Process, Request};
/// use langevin_onnx::{UnrollOptions, unroll};
/// let formulation = Formulation::new(Process::parse("table:linear")?, Prediction::Epsilon);
/// let plan = Request::new().network(formulation).sampler("ddim").steps(8).plan()?;
/// let unrolled = unroll(&plan, "unet.onnx".as_ref(), &UnrollOptions::default())?;
/// std::fs::write("sampler.onnx", unrolled.file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn unroll(plan: &Plan, path: &Path, options: &UnrollOptions) -> Result<Unrolled> {
    let place = path.display().to_string();
    let unreadable = |got: String| Error::new("the ONNX file cannot be read").at(place.clone()).got(got);
    let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if size > MOST_BYTES {
        return Err(too_long(&place, size).hinting("keep the weights in a file of their own (external data)"));
    }
    let file = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    of_bytes(plan, file.into(), &place, options)
}

/// Unrolls a plan around the network of a file. `place` names the file in messages.
fn of_bytes(plan: &Plan, file: Bytes, place: &str, options: &UnrollOptions) -> Result<Unrolled> {
    let size = file.len() as u64;
    let mut model = Open::<Model>::decode(file).map_err(|error| {
        let got = error.to_string().chars().take(300).collect::<String>();
        Error::new("the ONNX file cannot be read").at(place).got(got)
    })?;
    let Some(mut graph) = model.known.graph.take() else {
        return Err(Error::new("the file is no network")
            .at(place)
            .expected("an ONNX file")
            .got("a file without a graph"));
    };
    let standard = |domain: &str| matches!(domain, "" | "ai.onnx");
    let opset = model.known.opsets.iter().map(|opset| &opset.known).find(|opset| standard(opset.domain()));
    let version = opset.map_or(0, |opset| opset.version());
    if version < OLDEST {
        return Err(Error::new("the network's operator set is too old to unroll a plan around it")
            .at(place)
            .expected(format!("version {OLDEST} or later of the standard operators"))
            .got(opset.map_or_else(|| "none".to_owned(), |opset| opset.version().to_string()))
            .hinting("convert it, as with onnx.version_converter, or export it again"));
    }
    let data = network::external(&graph.known, &model.known.functions).into_iter().collect();
    let ports = Ports::of(&graph.known, place, options)?;
    if plan.is_guided() && ports.further.is_empty() {
        return Err(Error::argument("the plan is guided, and the network has no condition to leave out")
            .at(place)
            .expected("a further input, such as class_labels")
            .got(port::listed(&ports.all))
            .hinting("make the plan without guidance"));
    }
    let further: Vec<&str> = ports.further.iter().map(|value| value.name()).collect();
    let roles = Roles {
        state: &ports.state.name,
        time: &ports.time.name,
        further: &further,
        output: &ports.output.name,
        guided: plan.is_guided(),
    };
    let network = Network::new(&mut graph.known, &roles, place)?;
    if !network.has(&ports.output.name) {
        return Err(Error::new("no node computes the network's output").at(place).got(visible(&ports.output.name)));
    }
    check_size(plan, &network, size, place)?;
    let mut steps = Loop::new(plan, &ports, network, place, (version, options.style));
    steps.run()?;
    let samples = steps.samples(options.normalization);
    let Loop { writer, network, inputs, .. } = steps;
    let known = &mut graph.known;
    let nodes = writer.nodes.len();
    let shown = |value: &Value| Port::read(value).to_string();
    let (listed, output) = (inputs.iter().map(shown).collect(), shown(&samples));
    known.nodes = writer.nodes;
    known.initializers.extend(writer.constants);
    known.inputs = inputs.into_iter().map(Open::from).collect();
    known.outputs = vec![samples.into()];
    known.values.retain(|value| network.is_shared(value.known.name()));
    known.annotations.retain(|annotation| network.is_shared(annotation.known.tensor()));
    known.name = Some(format!("{} around {}", plan.name(), known.name()));
    model.known.graph = Some(graph);
    model.known.ir_version = Some(model.known.ir_version().max(OLDEST_IR));
    model.known.producer_name = Some("langevin".to_owned());
    model.known.producer_version = Some(env!("CARGO_PKG_VERSION").to_owned());
    // It names nodes of the network, which are no longer there.
    model.known.training.clear();
    let length = model.encoded_len() as u64;
    if length > MOST_BYTES {
        return Err(too_long(place, length).hinting("make the plan with fewer steps"));
    }
    Ok(Unrolled { file: model.encode_to_vec(), inputs: listed, output, nodes, data })
}

/// Returns the error for a file that is too long.
fn too_long(place: &str, length: u64) -> Error {
    Error::new("an ONNX file would be too long")
        .at(place)
        .expected(format!("at most {MOST_BYTES} bytes"))
        .got(format!("{length} bytes"))
}

/// Checks the size of the graph before nodes are copied.
fn check_size(plan: &Plan, network: &Network, size: u64, place: &str) -> Result<()> {
    let (mut copies, mut arithmetic) = (0_u64, 0_u64);
    for op in plan.ops() {
        match op {
            Op::Eval { out, .. } => copies += out.len() as u64,
            Op::Combine { terms, noise, .. } => arithmetic += 2 * (terms.len() + noise.len()) as u64,
            Op::Map { .. } => arithmetic += 20,
        }
    }
    // The longest prefix of a copy.
    let longer = 48;
    let (own, bytes) = network.size(Often::Evaluation, longer);
    let (shared, shared_bytes) = network.size(Often::Branch, longer);
    let once = network.size(Often::Once, 0).0;
    // Conversions of the state, the time and the output.
    let nodes = (own + 12).saturating_mul(copies) + arithmetic + 2 * shared + once;
    if nodes > MOST_NODES {
        return Err(Error::argument("the unrolled graph would be too large")
            .at(place)
            .expected(format!("at most {MOST_NODES} nodes"))
            .got(format!("{nodes}: {copies} evaluations of {own} nodes, and the steps between them"))
            .hinting("make the plan with fewer steps"));
    }
    let length = bytes.saturating_mul(copies).saturating_add(2 * shared_bytes).saturating_add(size);
    if length > MOST_BYTES {
        return Err(too_long(place, length).hinting("make the plan with fewer steps"));
    }
    Ok(())
}

/// The inputs and the output of the network.
struct Ports {
    all: Vec<Port>,
    state: Port,
    time: Port,
    output: Port,
    /// The extents of the states.
    extents: Vec<Open<Extent>>,
    /// True if the output has the shape of the states in all of its extents.
    same_shape: bool,
    further: Vec<Value>,
}

impl Ports {
    fn of(graph: &Graph, place: &str, options: &UnrollOptions) -> Result<Self> {
        let stored = network::stored(graph);
        let inputs: Vec<&Value> = graph.inputs.iter().map(|value| &value.known).collect();
        // An input that has a value in the file is a constant.
        let inputs: Vec<&Value> = inputs.into_iter().filter(|value| !stored.contains(value.name())).collect();
        let all: Vec<Port> = inputs.iter().map(|value| Port::read(value)).collect();
        let style = options.style;
        let mut names: HashSet<&str> = HashSet::new();
        if let Some(twice) = all.iter().find(|port| !names.insert(&port.name)) {
            let error = Error::new("two inputs of the network have one name").at(place);
            return Err(error.got(format!("'{}'", visible(&twice.name))));
        }
        for name in &options.inputs {
            if !names.contains(name.as_str()) {
                return Err(port::unknown("input", style.place(name, false), name, &all));
            }
        }
        let named: Vec<&str> = match &options.inputs[..] {
            [] => port::further(&all.iter().collect::<Vec<_>>()),
            named => named.iter().map(String::as_str).collect(),
        };
        let (state, time) = port::roles(place, &all, &named, style)?;
        let mut outputs: Vec<Port> = graph.outputs.iter().map(|value| Port::read(&value.known)).collect();
        for output in outputs.iter_mut().filter(|output| output.shape.is_empty()) {
            // Any shape fits an output whose shape the file does not state.
            output.shape = vec![-1; state.shape.len()];
        }
        let output = port::output(place, &outputs, &state, options.output.as_deref(), style)?;
        if !port::holds(&output.shape, &state.shape) {
            return Err(port::misshapen(place, &output, &state.shape[1..], &output.words, style));
        }
        let own = |values: &[&Value], name: &str| {
            values.iter().find(|value| value.name() == name).map_or(vec![], |value| value.extents().to_vec())
        };
        let extents = own(&inputs, &state.name);
        let outputs: Vec<&Value> = graph.outputs.iter().map(|value| &value.known).collect();
        let found = own(&outputs, &output.name);
        let same = |(a, b): (&Open<Extent>, &Open<Extent>)| a.known.is_same(&b.known);
        let same_shape = found.len() == extents.len() && found.iter().zip(&extents).all(same);
        let further = inputs.into_iter().filter(|value| value.name() != state.name && value.name() != time.name);
        let further = further.cloned().collect();
        Ok(Self { all, state, time, output, extents, same_shape, further })
    }
}

/// The loop of a plan, as it is written instruction by instruction.
struct Loop<'a> {
    plan: &'a Plan,
    ports: &'a Ports,
    network: Network,
    writer: Writer,
    place: &'a str,
    /// The version of the standard operators.
    opset: i64,
    style: Style,
    prefix: String,
    inputs: Vec<Value>,
    /// The type of noise, states and samples outside of the loop.
    face: Kind,
    /// The tensor of every slot, in double precision.
    slots: Vec<String>,
    /// The tensor of every draw that was used, in double precision.
    draws: HashMap<u32, String>,
    noise: String,
    /// The shape of the states, and the shape of the times.
    shapes: Option<(String, String)>,
    times: HashMap<u64, String>,
    /// The names of the further inputs of each branch that was evaluated.
    branches: Vec<(Branch, HashMap<String, String>)>,
    samples: String,
    evaluations: usize,
}

impl<'a> Loop<'a> {
    fn new(plan: &'a Plan, ports: &'a Ports, network: Network, place: &'a str, (opset, style): (i64, Style)) -> Self {
        let mut prefix = "langevin/".to_owned();
        let starts = |prefix: &str| plan.inputs().iter().any(|input| input.name.starts_with(prefix));
        while network.has_prefix(&prefix) || starts(&prefix) {
            prefix.insert(prefix.len() - 1, '_');
        }
        let double = [ports.state.kind, ports.output.kind].contains(&Kind::Float64);
        let mut own = Self {
            plan,
            ports,
            network,
            writer: Writer::new(prefix.clone()),
            place,
            opset,
            style,
            prefix,
            inputs: vec![],
            face: if double { Kind::Float64 } else { Kind::Float32 },
            slots: vec![String::new(); plan.slots()],
            draws: HashMap::new(),
            noise: String::new(),
            shapes: None,
            times: HashMap::new(),
            branches: vec![],
            samples: String::new(),
            evaluations: 0,
        };
        own.begin();
        own
    }

    /// Adds the inputs and the nodes that are computed once.
    fn begin(&mut self) {
        self.samples = self.free("samples");
        if self.plan.draws() > 0 {
            let mut extents = self.ports.extents.clone();
            if self.plan.draws() > 1 {
                extents.insert(0, Extent { value: Some(i64::from(self.plan.draws())), symbol: None }.into());
            }
            self.noise = self.free("noise");
            self.input(&self.noise.clone(), extents, "Standard normal numbers.");
        }
        for input in self.plan.inputs() {
            let name = self.free(&input.name);
            self.input(&name, self.ports.extents.clone(), "A state of the plan.");
            self.slots[input.slot] = self.widened(&name, self.face);
        }
        self.inputs.extend(self.ports.further.iter().cloned());
        let (empty, further) = (String::new(), HashMap::new());
        let call =
            Call { remarks: true, prefix: &empty, shared: &empty, state: &empty, time: &empty, further: &further };
        self.network.copy(Often::Once, &call, &mut self.writer.nodes);
    }

    /// Returns a name for an input or output that no tensor has.
    fn free(&self, name: &str) -> String {
        let mut name = name.to_owned();
        let taken = |name: &str| self.network.has(name) || self.inputs.iter().any(|value| value.name() == name);
        while taken(&name) || name == self.samples || name.is_empty() {
            name.push('_');
        }
        name
    }

    fn input(&mut self, name: &str, extents: Vec<Open<Extent>>, doc: &str) {
        self.inputs.push(Value::new(name, element::number(self.face), extents, doc));
    }

    /// Converts a tensor of a type to double precision.
    fn widened(&mut self, name: &str, kind: Kind) -> String {
        if kind == Kind::Float64 { name.to_owned() } else { self.writer.cast(name, Kind::Float64) }
    }

    fn run(&mut self) -> Result<()> {
        let plan = self.plan;
        for (index, op) in plan.ops().iter().enumerate() {
            match op {
                Op::Eval { from, level, out, net } => {
                    let x = self.slots[*from].clone();
                    let (scale, time) = net.map_or((1.0, level.time), |net| (net.scale, net.time));
                    let scaled = self.writer.scaled(scale, &x);
                    let state = self.writer.narrow(&scaled, self.ports.state.kind);
                    let time = self.time(time, &x)?;
                    for output in out {
                        let found = self.evaluation(output, [&state, &time], &x);
                        self.slots[output.into] = match net {
                            Some(net) if (net.a, net.b) != (0.0, 1.0) => {
                                self.writer.sum(&[(net.b, found), (net.a, x.clone())])
                            }
                            _ => found,
                        };
                    }
                    self.evaluations += 1;
                }
                Op::Combine { into, terms, noise } => {
                    let mut all: Vec<(f64, String)> = Vec::with_capacity(terms.len() + noise.len());
                    all.extend(terms.iter().map(|(factor, slot)| (*factor, self.slots[*slot].clone())));
                    for (factor, draw) in noise {
                        all.push((*factor, self.draw(*draw)));
                    }
                    self.slots[*into] = self.writer.sum(&all);
                }
                Op::Map { map, from, into } => {
                    let from: Vec<String> = from.iter().map(|slot| self.slots[*slot].clone()).collect();
                    self.slots[*into] = self.map(map, &from, index)?;
                }
            }
        }
        Ok(())
    }

    /// Returns a draw of noise in double precision.
    fn draw(&mut self, draw: u32) -> String {
        if let Some(name) = self.draws.get(&draw) {
            return name.clone();
        }
        let noise = self.noise.clone();
        let own = if self.plan.draws() > 1 {
            let raw = i64::from(draw).to_le_bytes().to_vec();
            let place = self.writer.constant(Kind::Int64, &[], raw);
            self.writer.node("Gather", &[&noise, &place], Some(("axis", 0)))
        } else {
            noise
        };
        let name = self.widened(&own, self.face);
        self.draws.insert(draw, name.clone());
        name
    }

    /// Returns the input of the network that holds a time, for states of the shape of `x`.
    fn time(&mut self, time: f64, x: &str) -> Result<String> {
        if let Some(name) = self.times.get(&time.to_bits()) {
            return Ok(name.clone());
        }
        let port = &self.ports.time;
        let held = port.time(self.place, time, self.style)?;
        let name = if port.is_single() {
            self.writer.constant(port.kind, &vec![1; port.shape.len()], element::bytes(port.kind, held))
        } else {
            let (_, shape) = self.shapes(x);
            let number = self.writer.real(held);
            let all = self.writer.node("Expand", &[&number, &shape], None);
            self.writer.narrow(&all, port.kind)
        };
        self.times.insert(time.to_bits(), name.clone());
        Ok(name)
    }

    /// Returns the shape of the states, and the shape of a time for each row.
    fn shapes(&mut self, x: &str) -> (String, String) {
        if let Some(shapes) = &self.shapes {
            return shapes.clone();
        }
        let all = self.writer.node("Shape", &[x], None);
        let first = self.writer.integers(&[0]);
        let mut times = self.writer.node("Gather", &[&all, &first], Some(("axis", 0)));
        let further = self.ports.time.shape.len().saturating_sub(1);
        if further > 0 {
            let ones = self.writer.integers(&vec![1; further]);
            times = self.writer.node("Concat", &[&times, &ones], Some(("axis", 0)));
        }
        self.shapes = Some((all.clone(), times.clone()));
        (all, times)
    }

    /// Adds the nodes of an evaluation on a state and a time. Returns the output in double
    /// precision, in the shape of `x`.
    fn evaluation(&mut self, output: &Output, [state, time]: [&str; 2], x: &str) -> String {
        let branch = output.branch;
        let shared = network::shared(&self.prefix, branch);
        let letter = if branch == Branch::Main { "" } else { "u" };
        let prefix = format!("{}eval{}{letter}/", self.prefix, self.evaluations);
        let known = self.branches.iter().position(|(own, _)| *own == branch);
        let place = known.unwrap_or_else(|| {
            let further = self.further(branch);
            self.branches.push((branch, further));
            self.branches.len() - 1
        });
        let further = &self.branches[place].1;
        let remarks = self.evaluations == 0;
        let call = Call { remarks, prefix: &prefix, shared: &shared, state, time, further };
        if known.is_none() {
            self.network.copy(Often::Branch, &call, &mut self.writer.nodes);
        }
        self.network.copy(Often::Evaluation, &call, &mut self.writer.nodes);
        let found = self.network.output(&call);
        let mut found = self.widened(&found, self.ports.output.kind);
        if !self.ports.same_shape {
            let (shape, _) = self.shapes(x);
            found = self.writer.node("Reshape", &[&found, &shape], None);
        }
        found
    }

    /// Returns the inputs that hold the values of the network's further inputs on a branch. The
    /// unconditional branch has inputs of its own.
    fn further(&mut self, branch: Branch) -> HashMap<String, String> {
        let mut found = HashMap::new();
        for value in &self.ports.further {
            if branch == Branch::Main {
                found.insert(value.name().to_owned(), value.name().to_owned());
                continue;
            }
            let name = self.free(&format!("{}_unconditional", value.name()));
            let mut own = value.clone();
            own.name = Some(name.clone());
            self.inputs.push(own);
            found.insert(value.name().to_owned(), name);
        }
        found
    }

    fn map(&mut self, map: &Map, from: &[String], index: usize) -> Result<String> {
        let refused = |got: String| {
            Err(Error::argument("the plan has an operation that an unrolled graph cannot have")
                .at(format!("ops[{index}]"))
                .expected("clamp, threshold, mul or learned_std")
                .got(got))
        };
        match (map, from) {
            (Map::Clamp { min, max }, [x]) => {
                let [min, max] = [*min, *max].map(|bound| self.writer.real(bound));
                let above = self.writer.node("Max", &[x, &min], None);
                Ok(self.writer.node("Min", &[&above, &max], None))
            }
            (Map::Mul, [a, b]) => Ok(self.writer.node("Mul", &[a, b], None)),
            (Map::LearnedStd { small, large }, [v]) => {
                // exp(½(1+v) ln large + ½(1−v) ln small), with the factors of 1 and of v together.
                let [small, large] = [*small, *large].map(math::ln);
                let one = self.writer.real(1.0);
                let log = self.writer.sum(&[(0.5 * (large + small), one), (0.5 * (large - small), v.clone())]);
                Ok(self.writer.node("Exp", &[&log], None))
            }
            (Map::Threshold { ratio, max }, [x]) => match self.width() {
                Some(width) => Ok(self.threshold(x, width, *ratio, *max)),
                None => Err(Error::argument("a threshold needs the shape of a sample, which the network leaves open")
                    .at(format!("ops[{index}]"))
                    .expected(format!("a fixed shape, and operators of version {TOP_K} or later"))
                    .got(self.ports.state.words.clone())
                    .hinting("make the plan with a clamp, or export the network with a fixed shape")),
            },
            (Map::Hook { name }, _) => refused(format!("hook:{}", visible(name))),
            _ => refused("an unknown map".to_owned()),
        }
    }

    /// Returns the number of elements of a sample, if the file states it and a quantile of them can
    /// be expressed.
    fn width(&self) -> Option<i64> {
        let row = self.ports.state.shape.get(1..)?;
        let width =
            row.iter().try_fold(1_i64, |width, extent| width.checked_mul(*extent).filter(|width| *width > 0))?;
        (self.opset >= TOP_K && row.iter().all(|extent| *extent > 0)).then_some(width)
    }

    /// Clamps every row to ±s and divides it by s, the quantile of its absolute values within
    /// [1, max].
    fn threshold(&mut self, x: &str, width: i64, ratio: f64, max: f64) -> String {
        let place = ratio * (width - 1) as f64;
        let low = (place.floor() as i64).clamp(0, width - 1);
        // The values from the quantile upwards, the largest first.
        let count = width - low;
        let [shape, kept] = [&[-1, width][..], &[count]].map(|values| self.writer.integers(values));
        let rows = self.writer.node("Reshape", &[x, &shape], None);
        let sizes = self.writer.node("Abs", &[&rows], None);
        let largest = self.writer.node("TopK", &[&sizes, &kept], Some(("axis", 1)));
        self.writer.second_output();
        let at = |writer: &mut Writer, place: i64| {
            let place = writer.integers(&[place]);
            writer.node("Gather", &[&largest, &place], Some(("axis", 1)))
        };
        let mut s = at(&mut self.writer, count - 1);
        if count > 1 {
            let above = at(&mut self.writer, count - 2);
            let gap = self.writer.node("Sub", &[&above, &s], None);
            s = self.writer.sum(&[(1.0, s), (place - low as f64, gap)]);
        }
        let [one, max] = [1.0, max].map(|bound| self.writer.real(bound));
        s = self.writer.node("Max", &[&s, &one], None);
        s = self.writer.node("Min", &[&s, &max], None);
        let mut shape = vec![1; self.ports.state.shape.len()];
        shape[0] = -1;
        let shape = self.writer.integers(&shape);
        s = self.writer.node("Reshape", &[&s, &shape], None);
        let below = self.writer.node("Neg", &[&s], None);
        let clamped = self.writer.node("Max", &[x, &below], None);
        let clamped = self.writer.node("Min", &[&clamped, &s], None);
        self.writer.node("Div", &[&clamped, &s], None)
    }

    /// Adds the samples, in the units of the data, and returns the output.
    fn samples(&mut self, normalization: Option<(f64, f64)>) -> Value {
        let mut result = self.slots[self.plan.result()].clone();
        if let Some((shift, scale)) = normalization.filter(|map| *map != (0.0, 1.0)) {
            let one = self.writer.real(1.0);
            result = self.writer.sum(&[(scale, result), (shift, one)]);
        }
        let number = element::number(self.face);
        let name = self.samples.clone();
        self.writer.named("Cast", &[&result], Some(("to", i64::from(number))), name.clone());
        Value::new(&name, number, self.ports.extents.clone(), "The samples.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use langevin::plan::Builder;
    use langevin::{Formulation, Prediction, Process, Request};

    fn digits() -> Bytes {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/onnx/digits.onnx");
        std::fs::read(path).unwrap().into()
    }

    fn plan(sampler: &str, steps: usize) -> Plan {
        let network = Formulation::new(Process::parse("table:linear").unwrap(), Prediction::Epsilon);
        Request::new().network(network).sampler(sampler).range(0.02, 80.0).steps(steps).plan().unwrap()
    }

    fn unrolled(plan: &Plan, file: Bytes) -> Result<Unrolled> {
        of_bytes(plan, file, "net.onnx", &UnrollOptions::default())
    }

    #[test]
    fn a_graph_has_a_copy_for_every_evaluation() {
        let file = digits();
        let found = unrolled(&plan("heun", 5), file.clone()).unwrap();
        assert_eq!(found.inputs, ["noise (float32 [rows, 1, 8, 8])"]);
        assert_eq!(found.output, "samples (float32 [rows, 1, 8, 8])");
        let graph = |file: &[u8]| Open::<Model>::decode(file).unwrap().known.graph.unwrap().known;
        let (old, new) = (graph(&file), graph(&found.file));
        let count = |graph: &Graph, op: &str| graph.nodes.iter().filter(|node| node.known.op() == op).count();
        assert_eq!(count(&new, "Gemm"), 9 * count(&old, "Gemm"));
        assert_eq!(new.initializers[..old.initializers.len()], old.initializers);
        assert_eq!((new.nodes.len(), found.data.len()), (found.nodes, 0));
        // Noise that is drawn on the way.
        let found = unrolled(&plan("ddpm", 5), file).unwrap();
        assert_eq!(found.inputs, ["noise (float32 [5, rows, 1, 8, 8])"]);
    }

    #[test]
    fn hooks_and_large_graphs_are_refused() {
        let mut builder = Builder::new("hooked", &Process::ve(), None);
        let x = builder.input("langevin/0");
        let y = builder.map(Map::Hook { name: "mine".into() }, [x]);
        let text = unrolled(&builder.finish(y).unwrap(), digits()).unwrap_err().to_string();
        assert!(text.contains("hook:mine") && text.contains("ops[0]"), "{text}");
        let error = unrolled(&plan("ddim", 40_000), digits()).unwrap_err();
        assert!(error.is_argument() && error.to_string().contains("40000 evaluations of 24 nodes"), "{error}");
    }

    #[test]
    fn damaged_files_are_errors() {
        let (plan, file) = (plan("ddim", 2), digits());
        // The nodes and the inputs are at the ends of the file; weights are in the middle.
        let mut random = 1_u32;
        for round in 0..3000_usize {
            let mut damaged = file.to_vec();
            for _ in 0..=round % 3 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let place = (random >> 8) as usize % 12_000;
                let place = if round % 2 == 0 { place } else { damaged.len() - 1 - place % 1000 };
                damaged[place] ^= 1 << (random >> 29);
            }
            let _ = unrolled(&plan, damaged.into());
        }
        for length in 0..3000 {
            let _ = unrolled(&plan, file.slice(..length));
        }
        assert!(unrolled(&plan, Bytes::new()).unwrap_err().to_string().contains("no network"));
    }
}
