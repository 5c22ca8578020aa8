//! The bytes a step moves per second (read and written), beside a plain copy that moves as many.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use langevin::space::{Coef, Element};
use langevin::{SampleId, SliceSpace, Space};

const MI: usize = 1 << 20;

/// `terms` reads beside the state, which is read and written; the copy moves equally many bytes.
fn step<T: Element>(c: &mut Criterion, name: &str, len: usize, terms: usize) {
    let bytes = (terms + 2) * len * size_of::<T>();
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes as u64));

    let from = vec![T::from_f64(1.0); (terms + 2) * len / 2];
    let mut to = from.clone();
    group.bench_function("copy", |b| b.iter(|| black_box(&mut to[..]).copy_from_slice(black_box(&from))));
    drop((from, to));

    let space = SliceSpace::new(len);
    let rows = [SampleId::default()];
    let others = vec![vec![T::from_f64(0.5); len]; terms];
    let terms: Vec<(Coef<'_>, &Vec<T>)> = others.iter().map(|x| (Coef::All(0.1), x)).collect();
    // Coefficients of one sign and sum below one: the state settles, and never is subnormal.
    let own = Coef::All(0.5);
    for (what, noise) in [("step", &[][..]), ("step with noise", &[(Coef::All(0.1), 0)][..])] {
        let mut state = Some(vec![T::from_f64(1.0); len]);
        group.bench_function(what, |b| {
            b.iter(|| {
                let x = state.take().map(|x| (own, x));
                state = Some(space.combine(x, black_box(&terms), noise, &rows).unwrap());
            });
        });
    }
    group.finish();
}

fn steps(c: &mut Criterion) {
    step::<f32>(c, "f32, 16 Mi, a x + b D", 16 * MI, 1);
    step::<f32>(c, "f32, 16 Mi, two histories", 16 * MI, 2);
    step::<f32>(c, "f32, 16 Mi, six histories", 16 * MI, 6);
    step::<f64>(c, "f64, 16 Mi, a x + b D", 16 * MI, 1);
    step::<f32>(c, "f32, 64 Ki, a x + b D", MI / 16, 1);
}

criterion_group!(benches, steps);
criterion_main!(benches);
