//! Checks of gradients against finite differences.

use super::net::{Net, Rows, features};
use crate::error::{Error, Result};
use langevin::SampleId;
use langevin::noise::{draws, fill_normals_from};

/// Number of elements of a list that are checked.
const LOOKED_AT: usize = 200;
/// Half the distance between the two evaluations of a central difference.
const STEP: f32 = 1e-2;

/// Checks the gradient of a scalar function of `x` against central differences.
///
/// The check covers every element of `x`, or about 200 of them if there are more.
///
/// A function computed in single precision has an error of about 10⁻⁷ of its terms. With a step of
/// 10⁻², a difference quotient is therefore off by 10⁻⁵ of those terms. It is also off by one sixth
/// of the third derivative times 10⁻⁴. `tolerance` is a share of the largest element of the
/// gradient; 10⁻³ to 10⁻² is usual.
///
/// ```
/// use langevin_train::nn::check_gradient;
/// let x = [0.3, -1.2];
/// let square = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum();
/// check_gradient("square", &x, &[0.6, -2.4], 1e-3, square)?;
/// let error = check_gradient("square", &x, &[0.6, 2.4], 1e-3, square).unwrap_err();
/// let start = "a gradient differs from finite differences (square, element 1)";
/// assert!(error.to_string().starts_with(start));
/// # Ok::<(), langevin_train::Error>(())
/// ```
///
/// # Errors
/// Returns an error that names the first element that differs. Also returns an error if the
/// gradient is zero everywhere, is not finite, or has another length than `x`.
pub fn check_gradient(
    what: &str,
    x: &[f32],
    gradient: &[f32],
    tolerance: f64,
    f: impl Fn(&[f32]) -> f64,
) -> Result<()> {
    let refuse = |expected: &str, got: String| {
        Err(Error::argument("a gradient cannot be right").at(what).expected(expected).got(got))
    };
    if x.len() != gradient.len() {
        return refuse(&format!("{} elements", x.len()), gradient.len().to_string());
    }
    if let Some(bad) = gradient.iter().find(|g| !g.is_finite()) {
        return refuse("finite numbers", bad.to_string());
    }
    let size = gradient.iter().fold(0.0f64, |size, g| size.max(f64::from(g.abs())));
    if size == 0.0 {
        return refuse("a number other than 0", "zeros alone".into());
    }
    let mut moved = x.to_vec();
    let mut at = |i: usize, by: f32| {
        moved[i] = x[i] + by;
        let result = (f(&moved), moved[i]);
        moved[i] = x[i];
        result
    };
    for i in (0..x.len()).step_by(x.len().div_ceil(LOOKED_AT)) {
        let ((up, above), (down, below)) = (at(i, STEP), at(i, -STEP));
        let slope = (up - down) / f64::from(above - below);
        let own = f64::from(gradient[i]);
        let off = (slope - own).abs();
        if off.is_nan() || off >= tolerance * size {
            return Err(Error::argument("a gradient differs from finite differences")
                .at(format!("{what}, element {i}"))
                .expected(format!("{slope:.6}, to {:.1e}", tolerance * size))
                .got(format!("{own:.6}")));
        }
    }
    Ok(())
}

/// Checks a network's backward pass against finite differences of its forward pass.
///
/// The check covers the gradient of every parameter and of the states. It uses `count` rows of
/// `width` elements, at noise levels from clean to noisy and of every class. It also checks that
///
/// - the outputs have the right size and are equal with and without `keep`,
/// - gradients are added to the values already in the buffer.
///
/// `weights` should be non-zero everywhere: a layer that starts at zero hides the gradients of the
/// layers before it. `tolerance` is that of [`check_gradient`].
///
/// # Errors
/// Returns an error that names the parameter and the element, or any error of an evaluation.
///
/// # Examples
/// See [`Net`](super::Net) for an example.
pub fn check_gradients(net: &dyn Net, weights: &[f32], width: usize, count: usize, tolerance: f64) -> Result<()> {
    let (x, g) = (normals(count * width, 20), normals(count * width, 21));
    let (f, labels) = sorts(net, count);
    let mut pass = net.pass(count + 3);
    let (mut own, mut dx) = (vec![0.0; weights.len()], vec![0.0; x.len()]);
    let rows = Rows { x: &x, features: &f, one_level: false, labels: &labels };
    let kept = pass.forward(weights, rows, count, true)?.to_vec();
    super::net::check_outputs(&kept, &x)?;
    pass.back(weights, rows, &g, Some(&mut own), Some(&mut dx))?;
    if pass.forward(weights, rows, count, false)? != kept {
        return Err(Error::argument("the outputs differ with and without `keep`"));
    }
    // A second backward pass into the same buffer shows that gradients are added and that memory
    // left over from the last pass has no effect.
    pass.forward(weights, rows, count, true)?;
    pass.back(weights, rows, &g, Some(&mut own), None)?;
    own.iter_mut().for_each(|g| *g *= 0.5);
    // A failed evaluation becomes NaN, which the check rejects.
    let value = |weights: &[f32], x: &[f32]| {
        net.pass(count).forward(weights, Rows { x, ..rows }, count, false).map_or(f64::NAN, |out| dot(out, &g))
    };
    check_gradient("states", &x, &dx, tolerance, |x| value(weights, x))?;
    for parameter in net.parameters() {
        check_gradient(&parameter.name, parameter.of(weights), parameter.of(&own), tolerance, |part| {
            let mut weights = weights.to_vec();
            parameter.of_mut(&mut weights).copy_from_slice(part);
            value(&weights, &x)
        })?;
    }
    Ok(())
}

/// Returns features and labels for `count` rows: levels from clean to noisy, every class and no
/// class.
pub(crate) fn sorts(net: &dyn Net, count: usize) -> (Vec<f32>, Vec<u32>) {
    let mut f = vec![0.0; count * net.features()];
    for (row, f) in f.chunks_exact_mut(net.features()).enumerate() {
        let angle = 0.1 + 1.3 * row as f64 / count as f64;
        features(angle.cos(), angle.sin(), f);
    }
    (f, (0..count as u32).map(|row| row % (net.classes() as u32 + 1)).collect())
}

/// Returns `len` standard normal numbers, a function of `index`.
pub(crate) fn normals(len: usize, index: u64) -> Vec<f32> {
    let mut out = vec![0.0; len];
    fill_normals_from(SampleId { seed: 11, index }, draws::INITIAL_WEIGHTS.first(), 0, &mut out);
    out
}

/// Computes Σ aᵢ bᵢ in double precision.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
