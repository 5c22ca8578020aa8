//! Networks: what they are given, what they give, and the memory of one pass.
//!
//! A [`Net`] is a shape without numbers. Its weights are one flat list that the optimiser, the average and the model file see as [`Slot`]s; its [`Pass`] is the memory of one
//! evaluation of some rows, kept where a way back is wanted. Forward and back are written by hand from [`kernels`](crate::kernels): the same few passes over memory in every step,
//! nothing allocated, and the gradient of every network held against finite differences.

pub(crate) mod dit;
pub(crate) mod mlp;

use crate::device::Device;
use crate::error::{Error, Result};
use crate::metadata::NetworkSpec;
use crate::stop::Stop;
use langevin::SampleId;
use langevin::noise::{draws, fill_normals_from};
use std::fmt::Debug;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// One parameter: a matrix and where it lies in the flat list of all parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) shape: [usize; 2],
    pub(crate) start: usize,
}

impl Slot {
    pub(crate) fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.start + self.len()
    }

    /// Its numbers among all.
    pub(crate) fn of<'a>(&self, values: &'a [f32]) -> &'a [f32] {
        &values[self.range()]
    }

    /// Its numbers among all, to be written.
    pub(crate) fn of_mut<'a>(&self, values: &'a mut [f32]) -> &'a mut [f32] {
        &mut values[self.range()]
    }
}

/// Slots one after another.
pub(crate) fn placed(shapes: impl IntoIterator<Item = (String, [usize; 2])>) -> Vec<Slot> {
    let mut start = 0;
    let place = |(name, shape)| {
        let slot = Slot { name, shape, start };
        start += slot.len();
        slot
    };
    shapes.into_iter().map(place).collect()
}

/// The number of parameters of some slots.
pub(crate) fn size(slots: &[Slot]) -> usize {
    slots.last().map_or(0, |slot| slot.range().end)
}

/// Normals of variance `scale(slot)`², a function of the seed.
pub(crate) fn normals(slots: &[Slot], seed: u64, scale: impl Fn(&Slot) -> f32) -> Vec<f32> {
    let mut values = vec![0.0; size(slots)];
    for (i, slot) in slots.iter().enumerate() {
        let (scale, values) = (scale(slot), slot.of_mut(&mut values));
        if scale != 0.0 {
            fill_normals_from(SampleId { seed, index: i as u64 }, draws::INITIAL_WEIGHTS.first(), 0, values);
            values.iter_mut().for_each(|value| *value *= scale);
        }
    }
    values
}

/// The largest number of parameters that is accepted: 1 GiB of them.
pub(crate) const MAX_PARAMETERS: usize = 1 << 28;

/// What a network is given: some rows, one after another in each slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    /// States at unit variance.
    pub(crate) x: &'a [f32],
    /// The [`features`] of their noise levels.
    pub(crate) f: &'a [f32],
    /// Whether all of them stand at one level: then what depends on it alone is computed once.
    pub(crate) one_level: bool,
    /// Their classes, where the network has some; none at all: no row has one.
    pub(crate) labels: &'a [u32],
}

impl Rows<'_> {
    /// The row of the class table of each of `count` rows; that of no class is the last.
    pub(crate) fn labels(&self, count: usize, classes: usize) -> impl Iterator<Item = usize> {
        (0..count).map(move |row| self.labels.get(row).map_or(classes, |label| (*label as usize).min(classes)))
    }
}

/// For serde.
pub(crate) fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// The most lanes of a batch: so many threads can work side by side, and so many gradients are held.
pub(crate) const MOST_LANES: usize = 8;

/// A network without its weights.
pub(crate) trait Net: Debug + Send + Sync {
    /// The parameters, in their order in memory.
    fn slots(&self) -> &[Slot];

    /// Numbers of the noise level that a row brings, the constant 1 first.
    fn features(&self) -> usize;

    /// Classes that it can be asked for; 0: none.
    fn classes(&self) -> usize;

    /// Initial weights.
    fn init(&self, seed: u64) -> Vec<f32>;

    /// Rows that are best evaluated together: as many as keep the caches warm.
    fn chunk(&self) -> usize;

    /// Passes that are worth running side by side.
    fn lanes(&self) -> usize {
        MOST_LANES
    }

    /// Memory for up to `rows` rows.
    fn pass(&self, rows: usize) -> Box<dyn Pass>;
}

/// The memory of one evaluation.
pub(crate) trait Pass: Send {
    /// Asks `stop` between layers from now on; once it says so, the evaluation ends with an error and its results mean nothing.
    fn stop_when(&mut self, _stop: Stop) {}

    /// The outputs of `count` rows. With `keep`, [`back`](Self::back) may be called next, more than once. Only a device may fail.
    fn forward(&mut self, weights: &[f32], rows: Rows<'_>, count: usize, keep: bool) -> Result<&[f32]>;

    /// The way back of the last [`forward`](Self::forward), which kept: from the gradient of the outputs, that of the weights, added to `gradient`, and that of the states, written to `dx`.
    fn back(
        &mut self,
        weights: &[f32],
        rows: Rows<'_>,
        cotangent: &[f32],
        gradient: Option<&mut [f32]>,
        dx: Option<&mut [f32]>,
    ) -> Result<()>;
}

/// Memory for evaluations that run side by side: as much as there were at once, used again.
pub(crate) struct Passes {
    rows: usize,
    stop: Stop,
    idle: Mutex<Vec<Box<dyn Pass>>>,
}

impl Passes {
    /// For evaluations of up to `rows` rows.
    pub(crate) fn new(rows: usize) -> Self {
        Self { rows, stop: Stop::default(), idle: Mutex::default() }
    }

    /// Stops evaluations from now on where `stop` says so.
    pub(crate) fn stop_when(&mut self, stop: Stop) {
        self.stop = stop;
    }

    /// Lends memory for one evaluation.
    pub(crate) fn with<R>(&self, net: &dyn Net, work: impl FnOnce(&mut dyn Pass) -> R) -> R {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let mut pass = kept.unwrap_or_else(|| net.pass(self.rows));
        pass.stop_when(self.stop);
        let result = work(&mut *pass);
        idle().push(pass);
        result
    }
}

/// The network that a description names, for samples of this shape, evaluated on a device.
pub(crate) fn build(spec: &NetworkSpec, shape: &[usize], device: &Device) -> Result<Box<dyn Net>> {
    let width = shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size)).unwrap_or(usize::MAX);
    match spec {
        NetworkSpec::Mlp(config) => {
            config.check(width)?;
            Ok(device.place(mlp::Mlp::new(*config, width, width)))
        }
        NetworkSpec::Dit(config) => Ok(device.place(dit::Dit::new(*config, shape)?)),
    }
}

/// Refuses more parameters than are accepted.
pub(crate) fn check_size(total: Option<usize>, what: std::fmt::Arguments<'_>) -> Result<()> {
    match total {
        Some(total) if total <= MAX_PARAMETERS => Ok(()),
        _ => Err(Error::too_large("the network is too large")
            .expected(format!("at most {MAX_PARAMETERS} parameters"))
            .got(match total {
                Some(total) => format!("{total}, {what}"),
                None => format!("more than can be counted, {what}"),
            })),
    }
}

/// A shape for people: `512 × 512 × 3`.
pub(crate) fn extents(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}

/// The features of a level: with r = √σ/(√α + √σ), which runs from 0 at clean data to 1 at pure noise and whose logit is −λ/2, f = (1, cos πr, cos 2πr, …).
///
/// They are finite and well spread over every range of noise levels, whatever the clock.
pub(crate) fn features(alpha: f64, sigma: f64, out: &mut [f32]) {
    let (a, s) = (alpha.max(0.0).sqrt(), sigma.max(0.0).sqrt());
    // cos kθ by the Chebyshev recurrence: one cosine for all.
    let cos = (std::f64::consts::PI * s / (a + s)).cos();
    let (mut before, mut now) = (cos, 1.0);
    for out in out.iter_mut() {
        *out = now as f32;
        (before, now) = (now, 2.0 * cos * now - before);
    }
}

/// Features and labels of rows of all sorts: levels from clean to noisy, every class and none.
#[cfg(test)]
pub(crate) fn sorts(net: &dyn Net, count: usize) -> (Vec<f32>, Vec<u32>) {
    let mut f = vec![0.0; count * net.features()];
    for (row, f) in f.chunks_exact_mut(net.features()).enumerate() {
        let angle = 0.1 + 1.3 * row as f64 / count as f64;
        features(angle.cos(), angle.sin(), f);
    }
    (f, (0..count as u32).map(|row| row % (net.classes() as u32 + 1)).collect())
}

/// Holds the gradients of a network against finite differences.
#[cfg(test)]
pub(crate) fn check_gradients(net: &dyn Net, weights: &[f32], width: usize, count: usize, tolerance: f64) {
    use crate::kernels::check::{dot, gradient, normals};
    let (x, g) = (normals(count * width, 20), normals(count * width, 21));
    let (f, labels) = sorts(net, count);
    let mut pass = net.pass(count + 3);
    let (mut own, mut dx) = (vec![0.0; weights.len()], vec![0.0; x.len()]);
    let rows = Rows { x: &x, f: &f, one_level: false, labels: &labels };
    let kept = pass.forward(weights, rows, count, true).unwrap().to_vec();
    pass.back(weights, rows, &g, Some(&mut own), Some(&mut dx)).unwrap();
    assert_eq!(pass.forward(weights, rows, count, false).unwrap(), kept, "what is kept changes a value");
    // Again, on top: gradients are added, and memory of the last pass does no harm.
    pass.forward(weights, rows, count, true).unwrap();
    pass.back(weights, rows, &g, Some(&mut own), None).unwrap();
    own.iter_mut().for_each(|g| *g *= 0.5);
    let value = |weights: &[f32], x: &[f32]| {
        dot(net.pass(count).forward(weights, Rows { x, ..rows }, count, false).unwrap(), &g)
    };
    gradient("states", &x, &dx, tolerance, |x| value(weights, x));
    for slot in net.slots() {
        gradient(&slot.name, slot.of(weights), slot.of(&own), tolerance, |part| {
            let mut weights = weights.to_vec();
            slot.of_mut(&mut weights).copy_from_slice(part);
            value(&weights, &x)
        });
    }
}
