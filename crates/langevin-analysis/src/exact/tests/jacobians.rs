//! Tests the products with Jacobians.

use super::*;

/// The Jacobian by central differences of D, of fourth order. D has the size of the data, and its
/// rounding over the step is 10⁻¹², as in `tweedie`.
#[test]
fn products_are_those_of_the_jacobian() {
    for (density, std) in all() {
        for ratio in [0.1, 0.5, 1.0, 5.0, 40.0] {
            let level = Process::rectified_flow().level_at_sigma_ve(ratio).unwrap();
            let dim = density.dim();
            let x = noised(&*density, 8, &level);
            let tangent: Vec<f64> = (0..x.len()).map(|i| ((i * i) as f64).sin()).collect();
            let (mut out, mut product) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            density.denoise_along(&x, At::One(level), &tangent, &mut out, &mut product).unwrap();
            let width = (level.alpha * std).hypot(level.sigma);
            let step = 1e-3 * width;
            let moved = |by: f64| {
                let x: Vec<f64> = x.iter().zip(&tangent).map(|(x, v)| x + by * step * v).collect();
                one(&*density, &x, level)
            };
            let near = moved(1.0).iter().zip(moved(-1.0)).map(|(a, b)| a - b).collect::<Vec<_>>();
            let far = moved(2.0).iter().zip(moved(-2.0)).map(|(a, b)| a - b).collect::<Vec<_>>();
            let plain = one(&*density, &x, level);
            for i in 0..x.len() {
                close(out[i], plain[i], 1e-12 * (1.0 + plain[i].abs()));
                let slope = (8.0 * near[i] - far[i]) / (12.0 * step);
                // The posterior covariance may be as large as α/σ² times the squared extent of the
                // data.
                let size = 1.0 + 25.0 * level.alpha / (level.sigma * level.sigma);
                close(product[i], slope, 1e-8 * size);
            }
            assert!(density.denoise_along(&x, At::One(level), &tangent[dim..], &mut out, &mut product).is_err());
        }
    }
}

#[test]
fn a_model_read_as_another_is_differentiated_through() {
    let data = named("8gaussians").unwrap();
    let flow = langevin::Formulation::new(Process::rectified_flow(), langevin::Prediction::Velocity);
    let model = ReadAs::new(&*data, flow.clone(), SliceSpace::<f64>::new(2));
    let level = flow.process.level(0.4).unwrap();
    let (x, v, rows) = (vec![0.7, -1.1], vec![0.3, 0.9], ids(0, 1));
    let query = Query::new(level, &rows);
    let (out, product) = model.predict_vjp(&x, &query, &v).unwrap();
    // D is computed in another order there.
    let plain = model.predict(&x, &query).unwrap();
    close(out[0], plain[0], 1e-13);
    close(out[1], plain[1], 1e-13);
    // u = (x − D)/s.
    let (mut d, mut along) = (vec![0.0; 2], vec![0.0; 2]);
    data.denoise_along(&x, At::One(level), &v, &mut d, &mut along).unwrap();
    for j in 0..2 {
        close(product[j], (v[j] - along[j]) / 0.4, 1e-14);
    }
}
