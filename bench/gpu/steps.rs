//! Step time and samples per second on whatever devices are there.
//!
//! `cargo run --release -p langevin-bench --features gpu --example gpu_steps -- [DEVICE ...]`, by
//! default `cpu gpu`. A device that is not there is named and passed over.
//!
//! A step is a whole step of `train`; its median is of as many as fit into five seconds, after a
//! few that are not counted, in which a card compiles its programs. Samples are of 20 steps of
//! DDIM.

use langevin::noise::fill_normals;
use langevin::{Grid, SampleId, Sampler, Sampling};
use langevin_train::{Budget, Dataset, Device, DitConfig, MlpConfig, NetworkSpec, Recipe, Trainer};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

/// Seconds that one figure may take, and steps that are not counted.
const SECONDS: f64 = 5.0;
const WARM: usize = 3;

/// A network, the shape of its data, and the rows of a step; and the samples that are drawn at
/// once.
struct Workload {
    name: &'static str,
    network: NetworkSpec,
    shape: &'static [usize],
    rows: usize,
    samples: usize,
}

fn workloads() -> [Workload; 4] {
    let mlp = || {
        let mut config = MlpConfig::new(256, 3);
        (config.fourier, config.plain) = (63, true);
        config.into()
    };
    let dit = || DitConfig::new(4, 192, 6, 6).into();
    [
        Workload { name: "mlp 256x3, 512", network: mlp(), shape: &[2], rows: 512, samples: 8192 },
        Workload { name: "mlp 256x3, 4096", network: mlp(), shape: &[2], rows: 4096, samples: 65536 },
        Workload { name: "dit 192x6, 32", network: dit(), shape: &[32, 32], rows: 32, samples: 64 },
        Workload { name: "dit 192x6, 256", network: dit(), shape: &[32, 32], rows: 256, samples: 512 },
    ]
}

fn data(shape: &[usize]) -> Result<Dataset, Failure> {
    let (rows, width) = (4096, shape.iter().product());
    let mut values = vec![0.0f32; rows * width];
    let ids: Vec<SampleId> = (0..rows as u64).map(|index| SampleId { seed: 1, index }).collect();
    fill_normals(&ids, 0, width, &mut values);
    Ok(Dataset::new("noise", values, shape)?)
}

/// The median time of a step, and samples in a second.
fn measure(work: &Workload, device: &Device) -> Result<[f64; 2], Failure> {
    let data = data(work.shape)?;
    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1 << 40));
    (recipe.network, recipe.batch) = (work.network.clone(), work.rows);
    let mut trainer = Trainer::new(&data, &recipe)?.on(device)?;
    for _ in 0..WARM {
        trainer.step()?;
    }
    let (begun, mut steps) = (Instant::now(), Vec::new());
    while steps.is_empty() || begun.elapsed().as_secs_f64() < SECONDS {
        let step = Instant::now();
        trainer.step()?;
        steps.push(step.elapsed().as_secs_f64());
    }
    steps.sort_by(f64::total_cmp);
    let network = trainer.network()?.on(device)?;
    let formulation = network.formulation().clone();
    let levels = Grid::parse("uniform-t", Some(20))?.levels(&formulation.process, 0.002, 80.0)?;
    let plan = Sampler::parse("ddim", None)?.compile(&formulation.process, Some(&formulation), &levels)?;
    let (threads, chunk) = match device.is_cpu() {
        true => (std::thread::available_parallelism()?.get(), 256),
        false => (1, work.samples),
    };
    let sampling = Sampling::new(work.samples, data.width()).chunk(chunk).threads(threads);
    let draw = || -> Result<f64, Failure> {
        let begun = Instant::now();
        let _: Vec<f32> = sampling.run(&plan, &network)?;
        Ok(work.samples as f64 / begun.elapsed().as_secs_f64())
    };
    draw()?;
    Ok([steps[steps.len() / 2], draw()?])
}

fn main() -> Result<(), Failure> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names = ["cpu", "gpu"].map(str::to_owned).into();
    }
    for name in names {
        let device = match Device::open(&name) {
            Ok(device) => device,
            Err(error) => {
                println!("{name}: passed over: {error}");
                continue;
            }
        };
        println!("{name}: {device}");
        println!("{:18} {:>12} {:>14}", "network, rows", "ms a step", "samples/s");
        for work in workloads() {
            let [step, samples] = measure(&work, &device)?;
            println!("{:18} {:>12.2} {:>14.0}", work.name, 1e3 * step, samples);
        }
    }
    Ok(())
}
