//! The bytes a step moves per second, beside a plain copy that moves as many.

#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use langevin::Element;
use langevin::bench_support::{combine, combine_noise};
use langevin::noise::SampleId;

const MI: usize = 1 << 20;

/// `terms` reads beside the state, which is read and written; the copy moves equally many bytes.
fn step<T: Element>(c: &mut Criterion, name: &str, len: usize, terms: usize) {
    let bytes = (terms + 2) * len * size_of::<T>();
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes as u64));

    let from = vec![T::from_f64(1.0); (terms + 2) * len / 2];
    let mut to = from.clone();
    group.bench_function("copy", |b| {
        b.iter(|| black_box(&mut to[..]).copy_from_slice(black_box(&from)));
    });
    drop((from, to));

    let other = vec![vec![T::from_f64(0.5); len]; terms];
    let terms: Vec<(T, &[T])> = other.iter().map(|x| (T::from_f64(0.1), &x[..])).collect();
    // Coefficients of one sign and sum below one: the state settles, and never is subnormal.
    let own = Some(T::from_f64(0.5));
    let mut out = vec![T::from_f64(1.0); len];
    group.bench_function("combine", |b| {
        b.iter(|| combine(black_box(&mut out[..]), own, black_box(&terms)));
    });
    let noise = [(T::from_f64(0.1), 0)];
    let row = [SampleId::default()];
    group.bench_function("combine with noise", |b| {
        b.iter(|| combine_noise(black_box(&mut out[..]), len, own, &terms, &noise, &row));
    });
    group.finish();
}

fn steps(c: &mut Criterion) {
    step::<f32>(c, "f32, 16 Mi, own + 1 term", 16 * MI, 1);
    step::<f32>(c, "f32, 16 Mi, own + 2 terms", 16 * MI, 2);
    step::<f32>(c, "f32, 16 Mi, own + 6 terms", 16 * MI, 6);
    step::<f64>(c, "f64, 16 Mi, own + 1 term", 16 * MI, 1);
    step::<f32>(c, "f32, 64 Ki, own + 1 term", MI / 16, 1);
}

criterion_group!(benches, steps);
criterion_main!(benches);
