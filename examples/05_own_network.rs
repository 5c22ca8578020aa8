//! A network and a training task of your own: a gated residual network, trained with a robust loss,
//! saved and loaded.
//!
//!     cargo run -p langevin-examples --bin 05_own_network
//!
//! There is no framework and no tape: a network is a way forward and a way back on slices, made of
//! kernels. Finite differences hold one against the other, and from there on it is trained, sampled
//! and saved like the built-in ones. After a few seconds its samples are within an energy distance
//! of 0.12 of the data; untrained they are twice as far.

use langevin::{Request, SampleId, Sampling};
use langevin_analysis::{exact, metrics::energy_distance};
use langevin_train::nn::kernels::{
    Activation, activate, add_linear, add_linear_back_x, linear, linear_back_w, linear_back_x, modulate, modulate_back,
};
use langevin_train::nn::{Architecture, Net, Parameter, Pass, Rows, check_gradients};
use langevin_train::task::{Outputs, Task, check_task};
use langevin_train::{Budget, Dataset, Network, NetworkSpec, Recipe, Result, Trainer};
use serde::{Deserialize, Serialize};

/// What a model file keeps: the sizes, under a name.
#[derive(Serialize, Deserialize)]
struct Gated {
    width: usize,
    depth: usize,
}

impl Architecture for Gated {
    const NAME: &'static str = "gated";

    fn build(&self, shape: &[usize]) -> Result<Box<dyn Net>> {
        Ok(Box::new(GatedNet::new(self, shape.iter().product())))
    }
}

/// With x̂ the state at unit variance and f the features of the noise level, the first of which is
/// 1:
///
/// ```text
/// h   = x̂ X + f T
/// h   ← h + (u V ⊙ silu(u G + f S)) W,     u = norm(h), for each of `depth` blocks
/// out = h Y + f U
/// ```
///
/// The norm brings every row to mean 0 and variance 1, so that states far from the data grow no
/// faster than they do.
#[derive(Clone, Debug)]
struct GatedNet {
    width: usize,
    depth: usize,
    /// X and T, then V, G, S and W of each block, then Y and U.
    parameters: Vec<Parameter>,
}

/// The place of a block's parameters, and of the last two.
const fn block(index: usize) -> usize {
    2 + 4 * index
}

/// Cosines of the noise level.
const FEATURES: usize = 8;

impl GatedNet {
    fn new(Gated { width, depth }: &Gated, elements: usize) -> Self {
        let (width, depth) = (*width, *depth);
        let mut shapes = vec![("in.x".to_owned(), [elements, width]), ("in.t".to_owned(), [FEATURES, width])];
        for block in 0..depth {
            shapes.push((format!("{block}.value"), [width, width]));
            shapes.push((format!("{block}.gate"), [width, width]));
            shapes.push((format!("{block}.level"), [FEATURES, width]));
            shapes.push((format!("{block}.out"), [width, width]));
        }
        shapes.push(("out.h".to_owned(), [width, elements]));
        shapes.push(("out.t".to_owned(), [FEATURES, elements]));
        Self { width, depth, parameters: Parameter::layout(shapes) }
    }
}

impl Net for GatedNet {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn features(&self) -> usize {
        FEATURES
    }

    /// Normal with variance 1/inputs; the last layer is small, so that the first output is near
    /// zero.
    fn init(&self, seed: u64) -> Vec<f32> {
        Parameter::normals(&self.parameters, seed, |parameter| {
            let small = if parameter.name.starts_with("out") { 0.01 } else { 1.0 };
            small / (parameter.shape[0] as f32).sqrt()
        })
    }

    fn pass(&self, rows: usize) -> Box<dyn Pass> {
        let zeros = || vec![0.0; rows * self.width];
        let memory = || Block {
            h: zeros(),
            norm: vec![[0.0; 2]; rows],
            u: zeros(),
            value: zeros(),
            gate: zeros(),
            slope: zeros(),
            product: zeros(),
        };
        Box::new(Memory {
            blocks: (0..self.depth).map(|_| memory()).collect(),
            h: zeros(),
            out: vec![0.0; rows * self.parameters[0].shape[0]],
            back: [0, 1, 2, 3].map(|_| zeros()),
            plain: vec![0.0; self.width],
            unused: [0, 1].map(|_| vec![0.0; self.width]),
            net: self.clone(),
        })
    }
}

/// What a block keeps for its way back.
struct Block {
    /// What enters, the mean and size of its rows, u, u V, silu(u G + f S) with its slope, and the
    /// product.
    h: Vec<f32>,
    norm: Vec<[f32; 2]>,
    u: Vec<f32>,
    value: Vec<f32>,
    gate: Vec<f32>,
    slope: Vec<f32>,
    product: Vec<f32>,
}

/// The memory of one evaluation. Nothing is allocated while it runs.
struct Memory {
    net: GatedNet,
    blocks: Vec<Block>,
    h: Vec<f32>,
    out: Vec<f32>,
    /// The gradient of h, of a block's value and gate, and of the product or u.
    back: [Vec<f32>; 4],
    /// The scale and shift of a norm that has none, and their gradients.
    plain: Vec<f32>,
    unused: [Vec<f32>; 2],
}

impl Pass for Memory {
    fn forward(&mut self, weights: &[f32], rows: Rows<'_>, count: usize, _keep: bool) -> Result<&[f32]> {
        let Self { net, blocks, h, out, plain, .. } = self;
        let len = count * net.width;
        let (h, out, last) = (&mut h[..len], &mut out[..rows.x.len()], block(net.depth));
        // to ← from P, or to + from P, with parameter P.
        let layer = |place: usize, from: &[f32], to: &mut [f32]| {
            let parameter = &net.parameters[place];
            linear(from, parameter.of(weights), parameter.shape, to);
        };
        let add = |place: usize, from: &[f32], to: &mut [f32]| {
            let parameter = &net.parameters[place];
            add_linear(from, parameter.of(weights), parameter.shape, to);
        };
        layer(0, rows.x, h);
        add(1, rows.features, h);
        for (index, memory) in blocks.iter_mut().enumerate() {
            let first = block(index);
            let Block { h: before, norm, u, value, gate, slope, product } = memory;
            let [before, u, value, gate, slope, product] =
                [before, u, value, gate, slope, product].map(|values| &mut values[..len]);
            before.copy_from_slice(h);
            modulate(before, plain, plain, u, &mut norm[..count]);
            layer(first, u, value);
            layer(first + 1, u, gate);
            add(first + 2, rows.features, gate);
            activate(Activation::Silu, gate, slope, &[]);
            for ((product, value), gate) in product.iter_mut().zip(value).zip(gate) {
                *product = *value * *gate;
            }
            add(first + 3, product, h);
        }
        layer(last, h, out);
        add(last + 1, rows.features, out);
        Ok(out)
    }

    fn back(
        &mut self,
        weights: &[f32],
        rows: Rows<'_>,
        cotangent: &[f32],
        mut gradient: Option<&mut [f32]>,
        dx: Option<&mut [f32]>,
    ) -> Result<()> {
        let Self { net, blocks, h, back, plain, unused: [dshift, dscale], .. } = self;
        let count = rows.features.len() / FEATURES;
        let len = count * net.width;
        let ([g, dvalue, dgate, du], last) = (back.each_mut().map(|values| &mut values[..len]), block(net.depth));
        // The gradient of parameter P in y = x P, added where it belongs.
        let mut learn = |place: usize, x: &[f32], dy: &[f32]| {
            if let Some(gradient) = &mut gradient {
                let parameter = &net.parameters[place];
                linear_back_w(x, dy, parameter.shape, parameter.of_mut(gradient));
            }
        };
        let weight = |place: usize| (net.parameters[place].of(weights), net.parameters[place].shape);

        learn(last, &h[..len], cotangent);
        learn(last + 1, rows.features, cotangent);
        let (w, shape) = weight(last);
        linear_back_x(cotangent, w, shape, g);
        for (index, memory) in blocks.iter().enumerate().rev() {
            let first = block(index);
            learn(first + 3, &memory.product[..len], g);
            let (w, shape) = weight(first + 3);
            linear_back_x(g, w, shape, du); // of the product, at first
            for (i, dproduct) in du.iter().enumerate() {
                dvalue[i] = dproduct * memory.gate[i];
                dgate[i] = dproduct * memory.value[i] * memory.slope[i];
            }
            learn(first, &memory.u[..len], dvalue);
            learn(first + 1, &memory.u[..len], dgate);
            learn(first + 2, rows.features, dgate);
            // h goes past the block, and into it through u.
            let (w, shape) = weight(first);
            linear_back_x(dvalue, w, shape, du);
            let (w, shape) = weight(first + 1);
            add_linear_back_x(dgate, w, shape, du);
            modulate_back(&memory.h[..len], &memory.norm[..count], plain, du, g, dshift, dscale);
        }
        learn(0, rows.x, g);
        learn(1, rows.features, g);
        if let Some(dx) = dx {
            let (w, shape) = weight(0);
            linear_back_x(g, w, shape, dx);
        }
        Ok(())
    }
}

/// The pseudo-Huber loss of each row's error e, w · 2c²(√(1 + ‖e‖²/c²) − 1): the squared error for
/// small e, 2c‖e‖ for large ones, so that no row pulls harder than 2cw. Inputs and targets stay
/// those of denoising.
///
/// Source: Charbonnier et al. 1997; for diffusion models Song & Dhariwal, arXiv 2310.14189.
#[derive(Debug)]
struct PseudoHuber {
    c: f32,
}

impl Task for PseudoHuber {
    fn name(&self) -> &str {
        "pseudo-huber"
    }

    fn compare(&self, given: &Outputs<'_>, gradient: &mut [f32]) -> Result<f64> {
        let (width, square) = (given.width, self.c * self.c);
        let mut loss = 0.0;
        for (row, gradient) in gradient.chunks_exact_mut(width).enumerate() {
            let (span, weight) = (row * width..(row + 1) * width, given.weights[row]);
            for ((g, out), target) in gradient.iter_mut().zip(&given.out[span.clone()]).zip(&given.target[span]) {
                *g = out - target;
            }
            let root = (1.0 + gradient.iter().map(|e| e * e).sum::<f32>() / square).sqrt();
            gradient.iter_mut().for_each(|g| *g *= 2.0 * weight / root);
            loss += f64::from(2.0 * weight * square * (root - 1.0));
        }
        Ok(loss)
    }
}

fn main() -> Result<()> {
    // The gradients first. Weights of some size everywhere, so that none hides behind a layer that
    // starts small.
    let (gated, task) = (Gated { width: 32, depth: 2 }, PseudoHuber { c: 2.0 });
    let net = GatedNet::new(&gated, 2);
    let weights = Parameter::normals(&net.parameters, 1, |parameter| (parameter.shape[0] as f32).sqrt().recip());
    check_gradients(&net, &weights, 2, 8, 5e-3)?;
    check_task(&task, 2, 8, 5e-3)?;
    println!("gradients: those of finite differences, {} weights", weights.len());

    // Two moons: rows to learn from, and others to compare samples with.
    let density = exact::named("moons")?;
    let draw = |seed: u64, count: usize| {
        density.sample(&(0..count as u64).map(|index| SampleId { seed, index }).collect::<Vec<_>>())
    };
    let values = draw(1, 20_000).into_iter().map(|value| value as f32).collect();
    let data = Dataset::new("moons", values, &[2])?;

    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(800));
    recipe.network = NetworkSpec::custom(gated)?;
    recipe.learning_rate = 1e-2;
    recipe.ema = 0.99;
    let mut trainer = Trainer::new(&data, &recipe)?.with_task(task)?;
    let untrained = trainer.network()?;
    while !trainer.is_done() {
        trainer.step()?;
    }
    let network = trainer.network()?;
    println!("loss {:.4} after {} steps", trainer.progress().loss, network.metadata().training.steps);

    // Samples against fresh draws, beside the same distance of the network before, and of two sets
    // of draws.
    let (truth, samples) = (draw(2, SAMPLES), sample(&network)?);
    let far = |samples: &[f64]| energy_distance(samples, &truth, 2);
    let (before, after, floor) = (far(&sample(&untrained)?)?, far(&samples)?, far(&draw(3, SAMPLES))?);
    println!("energy distance {after:.3}, untrained {before:.3}, of two sets of data {floor:.3}");

    // A model file, and back. Programs that do not know the network refuse it by its name.
    let path = std::env::temp_dir().join(format!("05_own_network-{}.safetensors", std::process::id()));
    network.save(&path)?;
    let loaded = Network::load_with::<Gated>(&path);
    let refused = Network::load(&path).err();
    let _ = std::fs::remove_file(&path);
    println!("loaded: {}", if sample(&loaded?)? == samples { "the same to the last bit" } else { "another" });
    println!("refused: {}", refused.map_or_else(|| "not at all".into(), |error| error.to_string()));
    Ok(())
}

/// Samples that are compared.
const SAMPLES: usize = 2000;

/// Samples in the units of the data.
fn sample(network: &Network) -> Result<Vec<f64>> {
    let plan = Request::new().network(network.formulation().clone()).plan()?;
    let mut samples: Vec<f64> = Sampling::new(SAMPLES, network.width()).seed(1).threads(2).run(&plan, network)?;
    network.denormalize(&mut samples);
    Ok(samples)
}
