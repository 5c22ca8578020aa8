//! The Dormand–Prince pair, and the volume computations with plain numbers.

/// Nodes of the Dormand–Prince stages. The last stage is the fifth-order result, and the first
/// stage of the next step.
pub(super) const NODES: [f64; 6] = [0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0];
/// Weights of the Dormand–Prince stages.
pub(super) const STAGES: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
/// The fifth-order weights minus the fourth-order weights.
pub(super) const DIFFERENCE: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0, -1.0 / 40.0];

/// Returns x + h Σ wₖ kₖ.
pub(super) fn along(x: &[f64], weights: &[f64], k: &[Vec<f64>], h: f64) -> Vec<f64> {
    let mut out = x.to_vec();
    for (w, k) in weights.iter().zip(k).filter(|(w, _)| **w != 0.0) {
        for (out, k) in out.iter_mut().zip(k) {
            *out += h * w * k;
        }
    }
    out
}

/// Returns the error of a step's log volume in nats per element.
pub(super) fn volume_error(dim: usize, k: &[Vec<f64>], h: f64) -> f64 {
    let sums = k.first().map_or(0, Vec::len);
    let part = |j: usize| DIFFERENCE.iter().zip(k).map(|(w, k)| w * k[j]).sum::<f64>() * h;
    (0..sums).map(part).sum::<f64>().abs() / (sums * dim) as f64
}
