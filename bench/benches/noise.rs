//! Normals per second, beside a copy of as many elements.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use langevin::noise::{SampleId, fill_normals, fill_uniforms};

const MI: usize = 1 << 20;

fn normals(c: &mut Criterion) {
    let mut group = c.benchmark_group("noise");
    let shapes = [
        ("one row of 16 Mi", 1, 16 * MI),
        ("one row of 1 Mi", 1, MI),
        ("100000 rows of 2", 100_000, 2),
        ("10000 rows of 3", 10_000, 3),
        ("256 rows of 784", 256, 784),
        ("one row of 2", 1, 2),
    ];
    for (name, count, width) in shapes {
        let rows: Vec<SampleId> = (0..count).map(|index| SampleId { seed: 1, index }).collect();
        let mut out = vec![0.0_f32; rows.len() * width];
        let mut draw = 0;
        group.throughput(Throughput::Elements(out.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                draw += 1;
                fill_normals(black_box(&rows), draw, width, black_box(&mut out));
            });
        });
    }
    for (name, len) in [("copy of 16 Mi", 16 * MI), ("copy of 1 Mi", MI)] {
        let from = vec![1.0_f32; len];
        let mut to = vec![0.0_f32; len];
        group.throughput(Throughput::Elements(len as u64));
        group.bench_function(name, |b| {
            b.iter(|| black_box(&mut to).copy_from_slice(black_box(&from)));
        });
    }
    let mut out = vec![0.0_f64; MI];
    group.throughput(Throughput::Elements(MI as u64));
    group.bench_function("1 Mi uniforms", |b| {
        b.iter(|| fill_uniforms(SampleId::default(), 0, black_box(&mut out)));
    });
    group.finish();
}

criterion_group!(benches, normals);
criterion_main!(benches);
