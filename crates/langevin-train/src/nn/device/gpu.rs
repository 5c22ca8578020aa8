//! Networks as tensor operations on a GPU.
//!
//! The hand-written passes define a network on the processor. Here the same formulas are written as
//! operations of Burn, whose reverse mode computes the gradient.
//!
//! The weights are uploaded whenever they have changed, and their gradient is downloaded. For the
//! networks of this crate that is some tens of megabytes each way. Every other part of a training
//! run stays unchanged.

use crate::error::{Error, Result};
use crate::nn::net::{Net, Parameter, Pass, Rows};
use burn::tensor::{DeviceKind, Int, Tensor, TensorData, Transaction};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};

/// An open GPU and its name.
#[derive(Clone)]
pub(crate) struct Gpu {
    device: burn::tensor::Device,
    name: String,
}

/// GPUs that are already open, because each can be opened only once.
static OPEN: Mutex<Vec<(Option<u8>, Gpu)>> = Mutex::new(Vec::new());

impl Gpu {
    pub(crate) fn open(name: &str, index: Option<u8>) -> Result<Self> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, gpu)) = open.iter().find(|(known, _)| *known == index) {
            return Ok(gpu.clone());
        }
        let kind = index.map_or(DeviceKind::DefaultDevice, |index| DeviceKind::DiscreteGpu(index.into()));
        let device = burn::tensor::Device::wgpu_options().device_kind(kind).init().map_err(|error| {
            Error::device("no such graphics card")
                .at("device")
                .expected("a card that Vulkan, Metal or DirectX 12 reaches")
                .got(format!("{name}: {error}"))
                .hinting("check the driver (vulkaninfo --summary), or take --device cpu")
        })?;
        let gpu = Self { name: device.identity().map_or_else(|| name.to_owned(), |identity| identity.name), device };
        open.push((index, gpu.clone()));
        Ok(gpu)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Input of a network on the device: some rows.
pub(crate) struct Given {
    pub(crate) x: Tensor<2>,
    pub(crate) f: Tensor<2>,
    /// Row of the class table for each sample, if the network has classes.
    pub(crate) classes: Option<Tensor<1, Int>>,
}

/// Approximate number of values that an evaluation keeps on the GPU: one gigabyte.
pub(crate) const KEPT: usize = 1 << 28;

/// Network as tensor operations, with the same formulas as its hand-written passes.
pub(crate) trait Body: Clone {
    /// Computes the outputs, from the weights in the order of the parameters.
    fn outputs(&self, weights: &[Tensor<2>], given: Given) -> Tensor<2>;

    /// Returns the number of rows to evaluate together, so that the tape holds about [`KEPT`]
    /// numbers.
    fn rows(&self) -> usize;
}

/// Network that is evaluated on a GPU.
pub(crate) struct Placed<N> {
    net: N,
    gpu: Gpu,
}

impl<N> Placed<N> {
    pub(crate) fn new(net: N, gpu: &Gpu) -> Self {
        Self { net, gpu: gpu.clone() }
    }
}

impl<N: Net> fmt::Debug for Placed<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} on {}", self.net, self.gpu.name)
    }
}

impl<N: Net + Body + 'static> Net for Placed<N> {
    fn parameters(&self) -> &[Parameter] {
        self.net.parameters()
    }

    fn features(&self) -> usize {
        self.net.features()
    }

    fn classes(&self) -> usize {
        self.net.classes()
    }

    fn init(&self, seed: u64) -> Vec<f32> {
        self.net.init(seed)
    }

    fn chunk(&self) -> usize {
        self.net.rows()
    }

    /// Returns 1, because the GPU is parallel by itself.
    fn lanes(&self) -> usize {
        1
    }

    fn pass(&self, _: usize) -> Box<dyn Pass> {
        Box::new(Memory {
            net: self.net.clone(),
            device: self.gpu.device.clone(),
            sent: Vec::new(),
            weights: Vec::new(),
            out: Vec::new(),
            kept: None,
        })
    }
}

/// Memory of one evaluation.
struct Memory<N> {
    net: N,
    device: burn::tensor::Device,
    /// Weights that are currently on the GPU, without a tape.
    sent: Vec<f32>,
    weights: Vec<Tensor<2>>,
    out: Vec<f32>,
    kept: Option<Kept>,
}

/// Evaluation with its tape, which one backward pass consumes.
struct Kept {
    weights: Vec<Tensor<2>>,
    x: Tensor<2>,
    out: Tensor<2>,
}

fn failed(error: impl fmt::Display) -> Error {
    Error::device("the graphics card failed")
        .got(error.to_string())
        .hinting("a smaller --batch needs less of its memory; --device cpu needs none")
}

/// Runs work on the GPU and turns panics into errors.
///
/// The driver may panic if it runs out of memory or if the device is lost.
fn guarded<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        Err(failed(text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("unknown")))
    })
}

fn matrix(values: &[f32], rows: usize, device: &burn::tensor::Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [rows, values.len() / rows.max(1)]), device)
}

fn numbers(data: &TensorData) -> Result<&[f32]> {
    data.as_slice().map_err(|error| failed(format!("{error:?}")))
}

impl<N: Net + Body> Memory<N> {
    /// Uploads the weights if they have changed.
    fn send(&mut self, weights: &[f32]) {
        if self.sent != weights {
            let send = |parameter: &Parameter| matrix(parameter.of(weights), parameter.shape[0], &self.device);
            self.weights = self.net.parameters().iter().map(send).collect();
            self.sent = weights.to_vec();
        }
    }

    fn given(&self, rows: Rows<'_>, count: usize, device: &burn::tensor::Device) -> Given {
        let classes = (self.net.classes() > 0).then(|| {
            let classes: Vec<i32> = rows.class_rows(count, self.net.classes()).map(|class| class as i32).collect();
            Tensor::from_data(TensorData::new(classes, [count]), device)
        });
        Given { x: matrix(rows.x, count, device), f: matrix(rows.features, count, device), classes }
    }

    /// Evaluates the network with a tape.
    fn taped(&mut self, weights: &[f32], rows: Rows<'_>, count: usize) -> Kept {
        let device = self.device.clone().autodiff();
        self.send(weights);
        let weights: Vec<_> = self.weights.iter().map(|weight| weight.clone().autodiff().require_grad()).collect();
        let mut given = self.given(rows, count, &device);
        given.x = given.x.require_grad();
        let x = given.x.clone();
        let out = self.net.outputs(&weights, given);
        Kept { weights, x, out }
    }
}

impl<N: Net + Body> Pass for Memory<N> {
    fn forward(&mut self, weights: &[f32], rows: Rows<'_>, count: usize, keep: bool) -> Result<&[f32]> {
        self.kept = None;
        let data = guarded(|| {
            let out = if keep {
                let kept = self.taped(weights, rows, count);
                let out = kept.out.clone().inner();
                self.kept = Some(kept);
                out
            } else {
                self.send(weights);
                self.net.outputs(&self.weights, self.given(rows, count, &self.device))
            };
            out.try_into_data().map_err(failed)
        })?;
        self.out.clear();
        self.out.extend_from_slice(numbers(&data)?);
        Ok(&self.out)
    }

    fn back(
        &mut self,
        weights: &[f32],
        rows: Rows<'_>,
        cotangent: &[f32],
        gradient: Option<&mut [f32]>,
        dx: Option<&mut [f32]>,
    ) -> Result<()> {
        let count = rows.features.len() / self.net.features();
        let mut targets: Vec<&mut [f32]> = Vec::new();
        let mut on_top = 0;
        let data = guarded(|| {
            let kept = match self.kept.take() {
                Some(kept) => kept,
                None => self.taped(weights, rows, count),
            };
            let cotangent = matrix(cotangent, count, &self.device.clone().autodiff());
            let gradients = (kept.out * cotangent).sum().backward();
            // Gathers all results in one transaction, so that the host waits only once.
            let mut wanted = Transaction::default();
            if let Some(mut rest) = gradient {
                for (parameter, weight) in self.net.parameters().iter().zip(&kept.weights) {
                    let (own, others) = rest.split_at_mut(parameter.len());
                    rest = others;
                    // A weight that does not affect the output has no gradient.
                    if let Some(g) = weight.grad(&gradients) {
                        wanted = wanted.register(g);
                        targets.push(own);
                    }
                }
            }
            on_top = targets.len();
            if let Some((dx, g)) = dx.zip(kept.x.grad(&gradients)) {
                wanted = wanted.register(g);
                targets.push(dx);
            }
            wanted.try_execute().map_err(failed)
        })?;
        for (i, (target, data)) in targets.into_iter().zip(&data).enumerate() {
            let values = numbers(data)?;
            match i < on_top {
                true => target.iter_mut().zip(values).for_each(|(target, value)| *target += value),
                false => target.copy_from_slice(values),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{normals, sorts};
    use crate::nn::dit::{Dit, DitConfig};
    use crate::nn::mlp::{Mlp, MlpConfig};
    use crate::nn::net::size;
    use crate::{Activation, Budget, Dataset, Device, Network, Recipe, Trainer};

    /// Opens the GPU of this machine; prints a message and returns `None` if there is none.
    fn card() -> Option<Device> {
        Device::open("gpu").inspect_err(|error| eprintln!("skipped, no graphics card: {error}")).ok()
    }

    /// Asserts that two lists agree up to a share of the largest element. Sums of some hundred
    /// products in f32, taken in another order, differ by about 1e-6 of it.
    fn close(what: &str, a: &[f32], b: &[f32], tolerance: f32) {
        assert_eq!(a.len(), b.len(), "{what}");
        let largest = a.iter().fold(1e-3f32, |most, a| most.max(a.abs()));
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            assert!((a - b).abs() <= tolerance * largest, "{what} {i}: {a} {b}, largest {largest}");
        }
    }

    /// Asserts that the hand-written passes and the tensor operations agree: outputs, and the
    /// gradients of every weight and state.
    fn agree<N: Net + Body + 'static>(net: &N, width: usize, size_of_x: f32, device: &Device) {
        let mut weights: Vec<f32> = normals(size(net.parameters()), 1);
        for parameter in net.parameters() {
            let scale = 0.7 / (parameter.shape[0] as f32).sqrt();
            parameter.of_mut(&mut weights).iter_mut().for_each(|weight| *weight *= scale);
        }
        let count = 7;
        let x: Vec<f32> = normals(count * width, 2).iter().map(|x| size_of_x * x).collect();
        let g = normals(count * width, 3);
        let (f, labels) = sorts(net, count);
        let rows = Rows { labels: &labels, ..Rows::new(&x, &f) };
        let run = |net: &dyn Net| {
            let mut pass = net.pass(count);
            let out = pass.forward(&weights, rows, count, false).unwrap().to_vec();
            assert_eq!(pass.forward(&weights, rows, count, true).unwrap().len(), out.len());
            let (mut gradient, mut dx) = (vec![0.0; weights.len()], vec![0.0; x.len()]);
            pass.back(&weights, rows, &g, Some(&mut gradient), Some(&mut dx)).unwrap();
            // A second backward pass of the same evaluation; its gradient is added.
            pass.back(&weights, rows, &g, Some(&mut gradient), None).unwrap();
            gradient.iter_mut().for_each(|g| *g *= 0.5);
            (out, gradient, dx)
        };
        let (own, there) = (run(net), run(&*device.place(net.clone())));
        close("outputs", &own.0, &there.0, 1e-5);
        close("states", &own.2, &there.2, 1e-5);
        for parameter in net.parameters() {
            close(&parameter.name, parameter.of(&own.1), parameter.of(&there.1), 3e-5);
        }
    }

    #[test]
    fn a_card_computes_what_the_processor_computes() {
        let Some(device) = card() else { return };
        let base = MlpConfig { fourier: 5, ..MlpConfig::new(24, 3) };
        for (plain, activation, waves, classes) in [
            (false, Activation::Silu, 0, 3),
            (true, Activation::Selu, 0, 0),
            (true, Activation::Gelu, 2, 2),
            (false, Activation::Gelu, 1, 0),
        ] {
            let net = Mlp::new(MlpConfig { plain, activation, waves, classes, ..base }, 5, 5);
            agree(&net, 5, 1.0, &device);
        }
        // Far above the range in which the exponential of single precision is finite.
        let net = Mlp::new(MlpConfig { plain: true, activation: Activation::Selu, ..base }, 5, 5);
        agree(&net, 5, 300.0, &device);
        let config = DitConfig { classes: 3, fourier: 4, ..DitConfig::new(2, 12, 2, 3) };
        agree(&Dit::new(config, &[4, 6, 2]).unwrap(), 48, 1.0, &device);
        agree(&Dit::new(DitConfig { classes: 0, ..config }, &[3, 6, 6]).unwrap(), 108, 1.0, &device);
    }

    /// Runs the same training on both devices: the weights differ by rounding alone, and so do the
    /// outputs of the network.
    #[test]
    fn a_card_trains_and_answers_as_the_processor_does() {
        let Some(device) = card() else { return };
        let data = Dataset::digits();
        let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
        recipe.network = MlpConfig::new(32, 2).into();
        (recipe.batch, recipe.warmup) = (64, 1);
        let train = |device: &Device| -> Network {
            let mut trainer = Trainer::new(&data, &recipe).unwrap().on(device).unwrap();
            while !trainer.is_done() {
                trainer.step().unwrap();
            }
            trainer.network().unwrap()
        };
        let (own, there) = (train(&Device::default()), train(&device));
        // Adam may turn rounding into a step of the opposite sign where a gradient is near zero.
        // The difference is small compared with what was learned.
        let apart = |other: &[f32]| own.weights().iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
        let learned = apart(Trainer::new(&data, &recipe).unwrap().weights());
        assert!(apart(there.weights()) < 1e-2 * learned, "{} {learned}", apart(there.weights()));
        let query = |network: &Network| -> Vec<f32> {
            let ids: Vec<_> = (0..5).map(|index| langevin::SampleId { seed: 1, index }).collect();
            let level = network.formulation().process.level(0.5).unwrap();
            let query = langevin::Query::new(level, &ids);
            langevin::Model::<Vec<f32>>::predict(network, &normals(5 * 64, 4), &query).unwrap()
        };
        let moved = own.on(&device).unwrap();
        close("answers", &query(&moved), &query(&there), 1e-2);
    }
}
