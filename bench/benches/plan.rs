//! A whole plan beside its denoiser calls alone: 100,000 points of a 2-D mixture, 50 DDIM steps,
//! two threads.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Mutex;

use criterion::{Criterion, criterion_group, criterion_main};
use langevin::plan::Op;
use langevin::{Grid, Model, Process, Query, SampleId, Sampler, Sampling};
use langevin_analysis::exact::eight_gaussians;

const POINTS: usize = 100_000;
const THREADS: usize = 2;
/// The default chunk of [`Sampling`] at width 2.
const CHUNK: usize = 4096;

fn plans(c: &mut Criterion) {
    let process = Process::vp();
    let levels = Grid::karras(50).levels(&process, 0.002, 80.0).unwrap();
    let plan = Sampler::ddim(0.0).compile(&process, None, &levels).unwrap();
    let data = eight_gaussians();
    let mut group = c.benchmark_group("2-D mixture, 100000 points, 50 DDIM steps");
    group.sample_size(10);
    group.bench_function("plan", |b| {
        b.iter(|| -> Vec<f64> { Sampling::new(POINTS, 2).threads(THREADS).run(&plan, black_box(&data)).unwrap() });
    });
    group.bench_function("denoiser calls alone", |b| {
        b.iter(|| {
            // The same chunks on the same threads, asked the same questions of a fixed state.
            let chunks = Mutex::new(0..POINTS.div_ceil(CHUNK));
            std::thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        while let Some(chunk) = { chunks.lock().unwrap().next() } {
                            let count = CHUNK.min(POINTS - chunk * CHUNK);
                            let rows = vec![SampleId::default(); count];
                            let x: Vec<f64> = (0..2 * count).map(|i| (i as f64 * 0.37).sin()).collect();
                            for op in plan.ops() {
                                if let Op::Eval { level, .. } = op {
                                    black_box(data.predict(black_box(&x), &Query::new(*level, &rows)).unwrap());
                                }
                            }
                        }
                    });
                }
            });
        });
    });
    // Compiling is part of every call of a sampler.
    group.bench_function("compile", |b| {
        b.iter(|| Sampler::ddim(0.0).compile(&process, None, black_box(&levels)).unwrap())
    });
    group.finish();
}

criterion_group!(benches, plans);
criterion_main!(benches);
