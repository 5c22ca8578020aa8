//! Training steps and evaluations on demand, timed here and asked for by `compare.py`, so that two
//! programs can take turns.
//!
//! `train_steps --operations WORKLOAD` prints the multiplications and additions of the workload's
//! matrix products, and `train_steps product` is the workload of one product of two matrices of
//! 2048 × 2048: what the processor can do.
//!
//! `train_steps WORKLOAD`, then a number of repetitions on each line of stdin; the seconds of each
//! repetition, separated by spaces, on a line of stdout. At the end of stdin, the largest
//! resident memory in MiB on a last line.

use langevin::noise::{fill_normals, fill_uniforms};
use langevin::{Model as _, Query, SampleId};
use langevin_data::{TokenKind, Vocabulary};
use langevin_train::{Budget, Dataset, DitConfig, MlpConfig, NetworkSpec, Recipe, SequenceConfig, train};
use std::io::{BufRead as _, Write as _};
use std::ops::ControlFlow;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

/// A network, its data, and how many rows at once.
struct Workload {
    network: NetworkSpec,
    shape: &'static [usize],
    rows: usize,
    trains: bool,
}

fn workload(name: &str) -> Option<Workload> {
    let mlp = |width: usize| {
        let mut config = MlpConfig::new(width, 3);
        (config.fourier, config.plain) = (63, true);
        config.into()
    };
    let dit = || DitConfig::new(4, 192, 6, 6).into();
    let (plane, picture): (&[usize], &[usize]) = (&[2], &[32, 32]);
    let sequence = |width: usize| SequenceConfig::new(LETTERS, LETTERS + 1, width, 4, 4).into();
    let (network, shape, rows, trains): (NetworkSpec, &'static [usize], usize, bool) = match name {
        "mlp-256-512" => (mlp(256), plane, 512, true),
        "mlp-256-4096" => (mlp(256), plane, 4096, true),
        "mlp-128-256" => (mlp(128), plane, 256, true),
        "mlp-256-4096-infer" => (mlp(256), plane, 4096, false),
        "dit-32" => (dit(), picture, 32, true),
        "dit-16-infer" => (dit(), picture, 16, false),
        "names-256" => (sequence(64), &[12], 256, true),
        "text-32" => (sequence(128), &[128], 32, true),
        _ => return None,
    };
    Some(Workload { network, shape, rows, trains })
}

/// Letters of the workloads on tokens.
const LETTERS: usize = 27;

/// The side of the matrices that tell what the processor can do.
const SIDE: usize = 2048;

/// Multiplications and additions of the matrix products of one repetition. The way back is a
/// product for the inputs and one for the weights, but for the first layer, whose inputs need no
/// gradient; what attention computes again on the way back is not counted.
fn operations(name: &str) -> Option<f64> {
    if name == "product" {
        return Some(2.0 * (SIDE as f64).powi(3));
    }
    let work = workload(name)?;
    let rows = work.rows as f64;
    let (first, others) = match &work.network {
        NetworkSpec::Mlp(config) => {
            let (w, width) = (config.width as f64, work.shape[0] as f64);
            // The state and the features of the level, the layers between, and the answer.
            ((width + config.fourier as f64 + 1.0) * w, (config.depth - 1) as f64 * w * w + w * width)
        }
        NetworkSpec::Dit(config) => {
            let (w, patch) = (config.width as f64, (config.patch * config.patch) as f64);
            let tokens = work.shape.iter().product::<usize>() as f64 / patch;
            let block = tokens * (12.0 * w * w + 2.0 * tokens * w) + 6.0 * w * w;
            (tokens * patch * w, config.depth as f64 * block + 2.0 * w * w + tokens * patch * w)
        }
        NetworkSpec::Sequence(config) => {
            let (w, tokens) = (config.width as f64, work.shape[0] as f64);
            let block = tokens * (12.0 * w * w + 2.0 * tokens * w) + 6.0 * w * w;
            // The first layer is a table.
            (0.0, config.depth as f64 * block + 2.0 * w * w + tokens * LETTERS as f64 * w)
        }
        _ => return None,
    };
    let back = if work.trains { 3.0 } else { 1.0 };
    let inputs = if work.trains { first } else { 0.0 };
    Some(2.0 * rows * (back * (first + others) - inputs))
}

/// Seconds of one product, its lines shared between two threads.
fn product(threads: usize) -> Result<(), Failure> {
    use faer::linalg::matmul::matmul;
    use faer::{Accum, MatMut, MatRef, Par};
    let mut values = vec![0.0_f32; 2 * SIDE * SIDE];
    fill_normals(&ids(2), 0, SIDE * SIDE, &mut values);
    let (a, b) = values.split_at(SIDE * SIDE);
    let mut out = vec![0.0_f32; SIDE * SIDE];
    let share = SIDE.div_ceil(threads);
    while let Some(wanted) = asked() {
        let mut seconds = Vec::new();
        for _ in 0..wanted {
            let begun = Instant::now();
            // Columns of the result: each is a product of the whole of a with columns of b.
            std::thread::scope(|scope| {
                for (out, b) in out.chunks_mut(share * SIDE).zip(b.chunks(share * SIDE)) {
                    scope.spawn(move || {
                        let columns = b.len() / SIDE;
                        let out = MatMut::from_column_major_slice_mut(out, SIDE, columns);
                        let (a, b) = (
                            MatRef::from_column_major_slice(a, SIDE, SIDE),
                            MatRef::from_column_major_slice(b, SIDE, columns),
                        );
                        matmul(out, Accum::Replace, a, b, 1.0, Par::Seq);
                    });
                }
            });
            seconds.push(begun.elapsed().as_secs_f64());
        }
        answer(&seconds);
    }
    println!("{}", peak());
    Ok(())
}

/// Random letters.
fn letters(length: usize) -> Result<Dataset, Failure> {
    let texts = (0..LETTERS).map(|letter| letter.to_string()).collect();
    let vocabulary = Vocabulary::new(TokenKind::Words, texts, None)?;
    let mut u = vec![0.0; 4096 * length];
    fill_uniforms(SampleId { seed: 1, index: 0 }, 0, &mut u);
    let letters = u.iter().map(|u| (u * LETTERS as f64) as u32).collect();
    Ok(Dataset::of_tokens("letters", letters, length, vocabulary)?)
}

fn data(shape: &[usize]) -> Result<Dataset, Failure> {
    let (rows, width) = (4096, shape.iter().product());
    let mut values = vec![0.0f32; rows * width];
    fill_normals(&ids(rows), 0, width, &mut values);
    Ok(Dataset::new("noise", values, shape)?)
}

fn ids(rows: usize) -> Vec<SampleId> {
    (0..rows as u64).map(|index| SampleId { seed: 1, index }).collect()
}

/// How many repetitions are wanted next; `None` at the end.
fn asked() -> Option<usize> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).ok()?;
    line.trim().parse().ok()
}

fn answer(seconds: &[f64]) {
    let words: Vec<String> = seconds.iter().map(f64::to_string).collect();
    println!("{}", words.join(" "));
    let _ = std::io::stdout().flush();
}

fn main() -> Result<(), Failure> {
    let name = std::env::args().nth(1).unwrap_or_default();
    if name == "--operations" {
        let name = std::env::args().nth(2).unwrap_or_default();
        println!("{}", operations(&name).ok_or_else(|| format!("unknown workload '{name}'"))?);
        return Ok(());
    }
    if name == "product" {
        return product(std::thread::available_parallelism()?.get().min(2));
    }
    let Some(work) = workload(&name) else { return Err(format!("unknown workload '{name}'").into()) };
    let budget = Budget::Steps(1 << 40);
    let (data, mut recipe) = match work.network {
        NetworkSpec::Sequence(_) => {
            let data = letters(work.shape[0])?;
            let recipe = Recipe::of_tokens(&data, budget)?;
            (data, recipe)
        }
        _ => (data(work.shape)?, Recipe::new(Recipe::default_formulation(), budget)),
    };
    (recipe.network, recipe.batch) = (work.network, if work.trains { work.rows } else { 1 });
    let mut seconds: Vec<f64> = Vec::new();
    let mut wanted = if work.trains { asked().unwrap_or(0) } else { 1 };
    let mut last = Instant::now();
    let network = train(&data, &recipe, &mut |progress| {
        seconds.push(last.elapsed().as_secs_f64());
        if seconds.len() >= wanted {
            if !work.trains {
                return ControlFlow::Break(());
            }
            answer(&seconds);
            seconds.clear();
            match asked() {
                Some(more) => wanted = more,
                None => return ControlFlow::Break(()),
            }
        }
        let _ = progress;
        last = Instant::now();
        ControlFlow::Continue(())
    })?;
    if !work.trains {
        let threads = std::thread::available_parallelism()?.get().min(2);
        let rows = ids(work.rows);
        let x: Vec<f32> = (0..work.rows).flat_map(|row| data.row(row % data.rows()).unwrap_or_default()).collect();
        let level = network.formulation().process.level(0.5)?;
        while let Some(wanted) = asked() {
            let mut seconds = Vec::new();
            for _ in 0..wanted {
                let begun = Instant::now();
                let share = work.rows.div_ceil(threads);
                std::thread::scope(|scope| {
                    for (rows, x) in rows.chunks(share).zip(x.chunks(share * data.width())) {
                        let network = &network;
                        scope.spawn(move || network.predict(&x.to_vec(), &Query::new(level, rows)).map(drop));
                    }
                });
                seconds.push(begun.elapsed().as_secs_f64());
            }
            answer(&seconds);
        }
    }
    println!("{}", peak());
    Ok(())
}

/// The largest resident memory so far, in MiB, where the system tells.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
}
