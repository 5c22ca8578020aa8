//! Checks of gradients against finite differences.

use super::kernels::Dropout;
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
/// A network that [drops out](Net::drops_out) is checked with and without dropout.
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
    let x = normals(count * width, 20);
    let (f, labels) = sorts(net, count);
    let rows = Rows { labels: &labels, ..Rows::new(&x, &f) };
    let keys: Vec<u64> = (0..count as u64).collect();
    for dropout in dropouts(net, &keys) {
        let rows = Rows { dropout, ..rows };
        let dx = check_weights(net, weights, rows, count, tolerance, |out| super::net::check_outputs(out, &x))?;
        let g = cotangent(x.len());
        check_gradient("states", &x, &dx, tolerance, |x| value(net, weights, Rows { x, ..rows }, count, &g))?;
    }
    Ok(())
}

/// Checks the backward pass of a network on tokens, as [`check_gradients`] does.
///
/// The `count` rows have `length` tokens each, all `letters` in turn. The outputs must have the
/// same number of logits for every token.
///
/// # Errors
/// Returns an error that names the parameter and the element, or any error of an evaluation.
///
/// # Examples
/// A bigram model: the logits of a token are its row of a table.
///
/// ```
/// use langevin_train::Result;
/// use langevin_train::nn::kernels::{embed, embed_back};
/// use langevin_train::nn::{Net, Parameter, Pass, Rows, check_token_gradients};
///
/// const LETTERS: usize = 3;
///
/// #[derive(Debug)]
/// struct Bigrams(Vec<Parameter>);
///
/// impl Net for Bigrams {
///     fn parameters(&self) -> &[Parameter] { &self.0 }
///     fn features(&self) -> usize { 0 }
///     fn init(&self, seed: u64) -> Vec<f32> { Parameter::normals(&self.0, seed, |_| 1.0) }
///     fn pass(&self, _: usize) -> Box<dyn Pass> { Box::new(Logits(Vec::new())) }
/// }
///
/// struct Logits(Vec<f32>);
///
/// impl Pass for Logits {
///     fn forward(&mut self, w: &[f32], rows: Rows<'_>, _: usize, _: bool) -> Result<&[f32]> {
///         self.0.resize(rows.tokens.len() * LETTERS, 0.0);
///         embed(w, LETTERS, rows.tokens, &mut self.0);
///         Ok(&self.0)
///     }
///
///     fn back(
///         &mut self,
///         _: &[f32],
///         rows: Rows<'_>,
///         cotangent: &[f32],
///         gradient: Option<&mut [f32]>,
///         _: Option<&mut [f32]>,
///     ) -> Result<()> {
///         if let Some(gradient) = gradient {
///             embed_back(cotangent, LETTERS, rows.tokens, gradient);
///         }
///         Ok(())
///     }
/// }
///
/// let net = Bigrams(Parameter::layout([("table".to_owned(), [LETTERS, LETTERS])]));
/// check_token_gradients(&net, &net.init(0), LETTERS, 4, 2, 1e-3)?;
/// # Ok::<(), langevin_train::Error>(())
/// ```
pub fn check_token_gradients(
    net: &dyn Net,
    weights: &[f32],
    letters: usize,
    length: usize,
    count: usize,
    tolerance: f64,
) -> Result<()> {
    let tokens = letters_in_turn(letters, count * length);
    let (f, labels) = sorts(net, count);
    let rows = Rows { labels: &labels, ..Rows::of_tokens(&tokens, &f) };
    let fits = |out: &[f32]| {
        if !out.is_empty() && out.len().is_multiple_of(tokens.len()) {
            return Ok(());
        }
        Err(Error::argument("the network's outputs do not fit its tokens")
            .expected(format!("a multiple of {} elements", tokens.len()))
            .got(out.len().to_string()))
    };
    let keys: Vec<u64> = (0..count as u64).collect();
    for dropout in dropouts(net, &keys) {
        check_weights(net, weights, Rows { dropout, ..rows }, count, tolerance, fits)?;
    }
    Ok(())
}

/// Returns no dropout, followed by a dropout if the network applies it.
fn dropouts<'a>(net: &dyn Net, keys: &'a [u64]) -> impl Iterator<Item = Dropout<'a>> + use<'a> {
    std::iter::once(Dropout::default()).chain(net.drops_out().then(|| Dropout::new(0.1, keys)))
}

/// Checks the gradient of every parameter, and returns that of the states.
fn check_weights(
    net: &dyn Net,
    weights: &[f32],
    rows: Rows<'_>,
    count: usize,
    tolerance: f64,
    fits: impl FnOnce(&[f32]) -> Result<()>,
) -> Result<Vec<f32>> {
    let mut pass = net.pass(count + 3);
    let (mut own, mut dx) = (vec![0.0; weights.len()], vec![0.0; rows.x.len()]);
    let kept = pass.forward(weights, rows, count, true)?.to_vec();
    fits(&kept)?;
    let g = cotangent(kept.len());
    pass.back(weights, rows, &g, Some(&mut own), Some(&mut dx))?;
    if pass.forward(weights, rows, count, false)? != kept {
        return Err(Error::argument("the outputs differ with and without `keep`"));
    }
    // A second backward pass into the same buffer shows that gradients are added and that memory
    // left over from the last pass has no effect.
    pass.forward(weights, rows, count, true)?;
    pass.back(weights, rows, &g, Some(&mut own), None)?;
    own.iter_mut().for_each(|g| *g *= 0.5);
    for parameter in net.parameters() {
        check_gradient(&parameter.name, parameter.of(weights), parameter.of(&own), tolerance, |part| {
            let mut weights = weights.to_vec();
            parameter.of_mut(&mut weights).copy_from_slice(part);
            value(net, &weights, rows, count, &g)
        })?;
    }
    Ok(dx)
}

/// Computes the function whose gradient is checked, Σ outᵢ gᵢ.
///
/// A failed evaluation becomes NaN, which the check rejects.
fn value(net: &dyn Net, weights: &[f32], rows: Rows<'_>, count: usize, g: &[f32]) -> f64 {
    net.pass(count).forward(weights, rows, count, false).map_or(f64::NAN, |out| dot(out, g))
}

/// Returns the gradient of `len` outputs that the checks use.
fn cotangent(len: usize) -> Vec<f32> {
    normals(len, 21)
}

/// Returns `len` tokens in which every letter occurs, in an order that differs from row to row.
pub(crate) fn letters_in_turn(letters: usize, len: usize) -> Vec<u32> {
    (0..len).map(|i| ((i + i / letters.max(1)) % letters.max(1)) as u32).collect()
}

/// Returns features and labels for `count` rows: levels from clean to noisy, every class and no
/// class.
pub(crate) fn sorts(net: &dyn Net, count: usize) -> (Vec<f32>, Vec<u32>) {
    let mut f = vec![0.0; count * net.features()];
    for (row, f) in f.chunks_exact_mut(net.features().max(1)).enumerate() {
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
