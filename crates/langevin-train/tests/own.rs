//! Networks and tasks defined outside the crate.
#![allow(clippy::unwrap_used)]

use langevin::{Model, Query, SampleId};
use langevin_train::nn::kernels::{add_linear, linear, linear_back_w, linear_back_x};
use langevin_train::nn::{Architecture, Net, Parameter, Pass, Rows, check_gradients};
use langevin_train::task::{Denoising, Inputs, Outputs, Pairs, Task, check_task};
use langevin_train::{Budget, Dataset, MlpConfig, Network, NetworkSpec, Recipe, Result, Trainer};
use serde::{Deserialize, Serialize};

/// Network out = x W + f T, optionally with a defect.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    features: usize,
    #[serde(default)]
    fault: String,
}

impl Line {
    fn new(fault: &str) -> Self {
        Self { features: 3, fault: fault.into() }
    }
}

impl Architecture for Line {
    const NAME: &'static str = "line";

    fn build(&self, shape: &[usize]) -> Result<Box<dyn Net>> {
        let elements: usize = shape.iter().product();
        let name = if self.fault == "name" { "x" } else { "f" };
        let elements = if self.fault == "huge" { usize::MAX } else { elements };
        let mut parameters =
            Parameter::layout([("x".to_owned(), [elements, elements]), (name.to_owned(), [self.features, elements])]);
        parameters[1].start += usize::from(self.fault == "gap");
        Ok(Box::new(LineNet { parameters, line: self.clone(), elements }))
    }
}

/// The same description under another name.
#[derive(Serialize, Deserialize)]
struct Other(Line);

impl Architecture for Other {
    const NAME: &'static str = "other";

    fn build(&self, shape: &[usize]) -> Result<Box<dyn Net>> {
        self.0.build(shape)
    }
}

#[derive(Clone, Debug)]
struct LineNet {
    parameters: Vec<Parameter>,
    line: Line,
    elements: usize,
}

impl Net for LineNet {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn features(&self) -> usize {
        self.line.features
    }

    fn init(&self, seed: u64) -> Vec<f32> {
        let mut weights = Parameter::normals(&self.parameters, seed, |_| 0.5);
        weights.truncate(weights.len() - usize::from(self.line.fault == "init"));
        weights
    }

    fn chunk(&self) -> usize {
        if self.line.fault == "chunk" { 0 } else { 4 }
    }

    fn pass(&self, rows: usize) -> Box<dyn Pass> {
        Box::new(LinePass { net: self.clone(), out: vec![0.0; rows * self.elements] })
    }
}

struct LinePass {
    net: LineNet,
    out: Vec<f32>,
}

impl Pass for LinePass {
    fn forward(&mut self, weights: &[f32], rows: Rows<'_>, _: usize, _: bool) -> Result<&[f32]> {
        let ([x, f], out) = ([0, 1].map(|i| &self.net.parameters[i]), &mut self.out[..rows.x.len()]);
        linear(rows.x, x.of(weights), x.shape, out);
        add_linear(rows.features, f.of(weights), f.shape, out);
        Ok(if self.net.line.fault == "output" { &out[1..] } else { out })
    }

    fn back(
        &mut self,
        weights: &[f32],
        rows: Rows<'_>,
        cotangent: &[f32],
        gradient: Option<&mut [f32]>,
        dx: Option<&mut [f32]>,
    ) -> Result<()> {
        let [x, f] = [0, 1].map(|i| &self.net.parameters[i]);
        if let Some(gradient) = gradient {
            linear_back_w(rows.x, cotangent, x.shape, x.of_mut(gradient));
            if self.net.line.fault != "gradient" {
                linear_back_w(rows.features, cotangent, f.shape, f.of_mut(gradient));
            }
        }
        if let Some(dx) = dx {
            linear_back_x(cotangent, x.of(weights), x.shape, dx);
        }
        Ok(())
    }
}

/// The default objective under another name.
#[derive(Debug)]
struct Same(&'static str);

impl Task for Same {
    fn name(&self) -> &str {
        self.0
    }

    fn compare(&self, outputs: &Outputs<'_>, gradient: &mut [f32]) -> Result<f64> {
        Denoising.compare(outputs, gradient)
    }
}

/// Learns twice the target, with a loss of NaN if `broken`.
#[derive(Debug)]
struct Twice {
    broken: bool,
}

impl Task for Twice {
    fn name(&self) -> &str {
        "twice"
    }

    fn prepare(&self, pairs: &Pairs<'_>, inputs: &mut Inputs<'_>) -> Result<()> {
        Denoising.prepare(pairs, inputs)?;
        inputs.target.iter_mut().for_each(|target| *target *= 2.0);
        Ok(())
    }

    fn compare(&self, outputs: &Outputs<'_>, gradient: &mut [f32]) -> Result<f64> {
        let loss = Denoising.compare(outputs, gradient)?;
        Ok(if self.broken { f64::NAN } else { loss })
    }
}

fn data() -> Dataset {
    Dataset::new("corners", vec![-1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 2.0, -1.0], &[2]).unwrap()
}

fn recipe(network: NetworkSpec) -> Recipe {
    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(12));
    (recipe.network, recipe.batch, recipe.warmup) = (network, 30, 1);
    recipe
}

fn line(fault: &str) -> Recipe {
    recipe(NetworkSpec::custom(Line::new(fault)).unwrap())
}

fn run(mut trainer: Trainer, steps: u64) -> Trainer {
    (0..steps).for_each(|_| trainer.step().unwrap());
    trainer
}

fn predict(network: &Network) -> Vec<f64> {
    let rows: Vec<SampleId> = (0..3).map(|index| SampleId { seed: 1, index }).collect();
    let level = network.formulation().process.level(0.4).unwrap();
    network.predict(&vec![0.3, -0.2, 1.0, 2.0, 0.0, 0.5], &Query::new(level, &rows)).unwrap()
}

#[test]
fn a_network_of_ones_own_is_trained_and_goes_on_to_the_same_bits() {
    let data = data();
    let whole = run(Trainer::new(&data, &line("")).unwrap(), 12);
    let state = run(Trainer::new(&data, &line("")).unwrap(), 5).state().unwrap();
    let second = run(Trainer::new(&data, &line("")).unwrap().restore(&state).unwrap(), 7);
    assert_eq!(whole.state_without_time().unwrap(), second.state_without_time().unwrap());
    for threads in [1, 3] {
        let pool = rayon_threads(threads, || run(Trainer::new(&data, &line("")).unwrap(), 12).state_without_time());
        assert_eq!(pool.unwrap(), whole.state_without_time().unwrap());
    }

    // The state alone does not contain the constructor of the network.
    let error = Trainer::resume(&data, &state).err().unwrap();
    assert!(error.is_checkpoint() && error.to_string().contains("another program (network)"), "{error}");
    assert!(error.to_string().contains("got 'line'") && error.hint().unwrap().contains("Trainer::restore"), "{error}");
    // Another recipe is rejected with the name of the field that differs.
    let mut other = line("");
    other.batch = 31;
    let error = Trainer::new(&data, &other).unwrap().restore(&state).err().unwrap();
    assert!(error.to_string().contains("(batch)"), "{error}");
}

fn rayon_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[test]
fn a_model_file_keeps_the_name_and_the_description() {
    let network = run(Trainer::new(&data(), &line("")).unwrap(), 12).network().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line.safetensors");
    network.save(&path).unwrap();
    let loaded = Network::load_with::<Line>(&path).unwrap();
    assert_eq!(predict(&loaded), predict(&network));
    assert_eq!(loaded.metadata(), network.metadata());
    assert_eq!(loaded.to_bytes().unwrap(), network.to_bytes().unwrap());
    let NetworkSpec::Custom(custom) = &loaded.metadata().network else { panic!() };
    assert_eq!((custom.name.as_str(), &custom.config["features"]), ("line", &3.into()));
    // The loaded network can be fine-tuned.
    let further = Recipe::of(&loaded, Budget::Steps(3));
    run(Trainer::from_network(&data(), &further, &loaded).unwrap(), 3);

    let text = |result: Result<Network>| result.unwrap_err().to_string();
    let error = text(Network::load(&path));
    assert!(error.contains("defined by another program") && error.contains("got 'line'"), "{error}");
    let error = text(Network::load_with::<Other>(&path));
    assert!(error.contains("expected 'other', got 'line'"), "{error}");
    // Networks of this crate are read as before.
    let own = run(Trainer::new(&data(), &recipe(MlpConfig::new(8, 1).into())).unwrap(), 2).network().unwrap();
    let bytes = own.to_bytes().unwrap();
    assert_eq!(Network::from_bytes_with::<Line>(&bytes).unwrap().to_bytes().unwrap(), bytes);
}

#[test]
fn a_network_that_does_not_hold_together_is_refused() {
    let error = |fault: &str| Trainer::new(&data(), &line(fault)).err().unwrap().to_string();
    assert!(error("name").contains("got 'x'"), "{}", error("name"));
    assert!(error("gap").contains("one after another"), "{}", error("gap"));
    assert!(error("huge").contains("bad network"), "{}", error("huge"));
    assert!(error("chunk").contains("0 rows"), "{}", error("chunk"));
    assert!(error("init").contains("expected 10, got 9"), "{}", error("init"));
    let error = Trainer::new(&data(), &line("output")).unwrap().step().unwrap_err().to_string();
    assert!(error.contains("do not fit its states: expected 8 elements, got 7"), "{error}");
}

#[test]
fn a_wrong_way_back_is_found_by_its_name() {
    let check = |fault: &str| {
        let net = Line::new(fault).build(&[2]).unwrap();
        check_gradients(&*net, &net.init(3), 2, 5, 1e-3)
    };
    check("").unwrap();
    let error = check("gradient").unwrap_err().to_string();
    assert!(error.starts_with("a gradient cannot be right (f)"), "{error}");
    assert!(check("output").is_err());
}

#[test]
fn a_task_of_ones_own_changes_what_it_says_and_nothing_else() {
    let (data, recipe) = (data(), recipe(MlpConfig::new(8, 1).into()));
    let with = |task: Same| Trainer::new(&data, &recipe).unwrap().with_task(task);
    let plain = run(Trainer::new(&data, &recipe).unwrap(), 12);
    let same = run(with(Same("same")).unwrap(), 12);
    assert_eq!(plain.weights(), same.weights());
    assert_eq!(plain.loss_on(&data).unwrap(), same.loss_on(&data).unwrap());
    let network = same.network().unwrap();
    assert_eq!(network.metadata().training.task.as_deref(), Some("same"));
    let bytes = network.to_bytes().unwrap();
    assert_eq!(Network::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);

    let twice = run(Trainer::new(&data, &recipe).unwrap().with_task(Twice { broken: false }).unwrap(), 12);
    assert!(twice.progress().loss > 2.0 * plain.progress().loss);

    // States store the name of the task, and resume only with that task.
    let state = same.state().unwrap();
    let again = with(Same("same")).unwrap().restore(&state).unwrap();
    assert_eq!(again.state_without_time().unwrap(), same.state_without_time().unwrap());
    let text = |result: Result<Trainer>| result.err().unwrap().to_string();
    assert!(text(Trainer::resume(&data, &state)).contains("got 'same'"));
    assert!(text(with(Same("other")).unwrap().restore(&state)).contains("expected 'other', got 'same'"));
    assert!(text(with(Same("same")).unwrap().restore(&plain.state().unwrap())).contains("the recipe's own"));
}

#[test]
fn tasks_that_cannot_be_are_refused() {
    let (data, mut recipe) = (data(), recipe(MlpConfig::new(8, 1).into()));
    let text = |result: Result<Trainer>| result.err().unwrap().to_string();
    let new = |recipe: &Recipe| Trainer::new(&data, recipe).unwrap();
    assert!(text(new(&recipe).with_task(Same("denoising"))).contains("a name of its own"));
    assert!(text(run(new(&recipe), 1).with_task(Same("late"))).contains("has not begun"));
    let broken = new(&recipe).with_task(Twice { broken: true }).unwrap().step().unwrap_err();
    assert!(broken.is_diverged(), "{broken}");
    recipe.adaptive = true;
    assert!(text(new(&recipe).with_task(Same("learned"))).contains("learns neither"));
    check_task(&Denoising, 3, 5, 1e-3).unwrap();
    assert!(check_task(&Twice { broken: true }, 3, 5, 1e-3).is_err());
    assert!(check_task(&Denoising, 0, 5, 1e-3).is_err());
}
