//! The multilayer perceptron: its configuration, its parameters, and its forward and backward
//! passes.
//!
//! x̂ is the state at unit variance. f are the [features](super::net::features) of the noise level,
//! the first of which is the constant 1, so that no layer needs a separate bias.
//!
//! ```text
//! h    = x̂ X + f T₀ + e                     plain:   h = act(x̂ X + f T₀ + e)
//! h    ← h + act(h Wₗ + f Tₗ)                        h ← act(h Wₗ + bₗ)
//! out  = h O + f T_out                               out = h O + b_out
//! ```
//!
//! There are `depth` residual blocks, or `depth` hidden layers in the plain form. If there are
//! classes, e is a row of the class table, whose last row stands for no class.
//!
//! With `waves` > 0 the input is (x̂, sin x̂, cos x̂, sin 2x̂, cos 2x̂, sin 4x̂, …). These features
//! provide fine detail that the layers learn slowly by themselves (Tancik et al., arXiv
//! 2006.10739). They help in a few dimensions.

#[cfg(feature = "gpu")]
mod tensor;

use super::kernels::activation::{Activation, activate, activate_back};
use super::kernels::matrix::{add_linear, add_linear_back_x, linear, linear_back_w, linear_back_x};
use super::kernels::rows::{add, add_rows, fill};
use super::net::{Net, Parameter, Pass, Rows, check_size};
use super::stop::Stop;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Configuration of a multilayer perceptron.
///
/// ```
/// use langevin_train::{MlpConfig, NetworkSpec};
/// let mut config = MlpConfig::new(128, 4);
/// config.classes = 10;
/// let spec: NetworkSpec = config.into();
/// assert!(matches!(spec, NetworkSpec::Mlp(config) if config.width == 128));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MlpConfig {
    /// Number of units of a hidden layer.
    pub width: usize,
    /// Number of residual blocks, or of hidden layers in the plain form.
    pub depth: usize,
    /// Number of cosine features of the noise level that every layer receives.
    pub fourier: usize,
    /// Number of sine and cosine pairs of each element that the first layer receives beside the
    /// state, at frequencies 1, 2, 4, … at unit variance.
    #[serde(default, skip_serializing_if = "super::net::is_zero")]
    pub waves: usize,
    /// Activation between two layers.
    #[serde(default, skip_serializing_if = "Activation::is_default")]
    pub activation: Activation,
    /// True for the plain form: layers without residual connections, with the noise level only in
    /// the first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plain: bool,
    /// Number of classes; 0 for an unconditional network.
    #[serde(default, skip_serializing_if = "super::net::is_zero")]
    pub classes: usize,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self { width: 256, depth: 3, fourier: 16, waves: 0, activation: Activation::Silu, plain: false, classes: 0 }
    }
}

impl MlpConfig {
    /// Returns a configuration of this width and depth, with defaults otherwise.
    ///
    /// ```
    /// use langevin_train::{Activation, MlpConfig};
    /// let mut config = MlpConfig::new(64, 3);
    /// (config.activation, config.plain) = (Activation::Selu, true);
    /// assert_eq!((config.width, config.depth, config.classes), (64, 3, 0));
    /// ```
    #[must_use]
    pub fn new(width: usize, depth: usize) -> Self {
        Self { width, depth, ..Self::default() }
    }

    /// Checks that the sizes form a network and are not excessive.
    pub(crate) fn check(&self, data_width: usize) -> Result<()> {
        let bounds = [
            ("width", self.width, 1, 1 << 14),
            ("depth", self.depth, usize::from(self.plain), 1 << 8),
            ("fourier", self.fourier, 1, 1 << 10),
            ("waves", self.waves, 0, 12),
            ("classes", self.classes, 0, 1 << 20),
        ];
        for (name, value, low, high) in bounds {
            if !(low..=high).contains(&value) {
                return Err(Error::argument("bad network size")
                    .at(name)
                    .expected(format!("{low} to {high}"))
                    .got(value.to_string()));
            }
        }
        let features = self.fourier + 1;
        let both = data_width.checked_mul(2 + 2 * self.waves);
        let ends = both.and_then(|both| both.checked_mul(self.width));
        let inner = self.depth * self.width * (self.width + features) + features * self.width;
        let total = ends
            .and_then(|ends| ends.checked_add(inner + self.classes * self.width))
            .and_then(|sum| sum.checked_add(features.checked_mul(data_width)?));
        check_size(
            total,
            format_args!(
                "for a perceptron of width {} and depth {} on samples of {data_width} numbers",
                self.width, self.depth
            ),
        )
    }

    /// Returns the number of inputs of the first layer for a state of `data_width` elements.
    fn inputs(&self, data_width: usize) -> usize {
        data_width * (1 + 2 * self.waves)
    }

    /// Writes the inputs of the first layer: each row's elements, then their sines and cosines,
    /// then those of twice the angle, and so on.
    fn widen(&self, x: &[f32], data_width: usize, out: &mut Vec<f32>) {
        out.clear();
        for row in x.chunks_exact(data_width) {
            out.extend_from_slice(row);
            let mut pairs: Vec<(f32, f32)> = row.iter().map(|x| x.sin_cos()).collect();
            for _ in 0..self.waves {
                out.extend(pairs.iter().map(|(sin, _)| sin));
                out.extend(pairs.iter().map(|(_, cos)| cos));
                pairs.iter_mut().for_each(|(s, c)| (*s, *c) = (2.0 * *s * *c, 1.0 - 2.0 * *s * *s));
            }
        }
    }

    /// Converts a gradient in the output of [`widen`](Self::widen) to one in `x`.
    ///
    /// The derivative of sin ωx is ω cos ωx, and that of cos ωx is −ω sin ωx.
    fn narrow(&self, wide: &[f32], gradient: &[f32], data_width: usize, out: &mut [f32]) {
        let inputs = self.inputs(data_width);
        let rows = wide.chunks_exact(inputs).zip(gradient.chunks_exact(inputs)).zip(out.chunks_exact_mut(data_width));
        for ((x, g), out) in rows {
            for (j, out) in out.iter_mut().enumerate() {
                let mut sum = g[j];
                for wave in 0..self.waves {
                    let sin = (1 + 2 * wave) * data_width + j;
                    let cos = sin + data_width;
                    sum += (1u32 << wave) as f32 * (g[sin] * x[cos] - g[cos] * x[sin]);
                }
                *out = sum;
            }
        }
    }
}

/// Smallest number of rows whose product has the same bits as a larger product.
const ALONE: usize = 2;

/// Perceptron from rows of `width` elements to rows of `outputs` elements.
#[derive(Clone, Debug)]
pub(crate) struct Mlp {
    config: MlpConfig,
    /// Number of elements of a state.
    width: usize,
    outputs: usize,
    parameters: Vec<Parameter>,
}

impl Mlp {
    /// Builds the network; the sizes must have passed [`check`](MlpConfig::check).
    pub(crate) fn new(config: MlpConfig, width: usize, outputs: usize) -> Self {
        let features = config.fourier + 1;
        // A plain layer after the first has only a bias.
        let inner = if config.plain { 1 } else { features };
        let mut shapes = vec![
            ("in.x".to_owned(), [config.inputs(width), config.width]),
            ("in.t".to_owned(), [features, config.width]),
        ];
        for block in 0..config.depth - usize::from(config.plain) {
            shapes.push((format!("block.{block}.h"), [config.width, config.width]));
            shapes.push((format!("block.{block}.t"), [inner, config.width]));
        }
        shapes.push(("out.h".to_owned(), [config.width, outputs]));
        shapes.push(("out.t".to_owned(), [inner, outputs]));
        if config.classes > 0 {
            shapes.push(("class".to_owned(), [config.classes + 1, config.width]));
        }
        Self { config, width, outputs, parameters: Parameter::layout(shapes) }
    }
}

impl Net for Mlp {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn features(&self) -> usize {
        self.config.fourier + 1
    }

    fn classes(&self) -> usize {
        self.config.classes
    }

    /// Returns the initial weights, normal with variance 1/inputs.
    ///
    /// The last layer has a hundredth of that standard deviation, so that the first output is near
    /// zero. Biases start at zero, the class table with a standard deviation of ½.
    fn init(&self, seed: u64) -> Vec<f32> {
        Parameter::normals(&self.parameters, seed, |parameter| match parameter.shape[0] {
            1 if self.config.plain && parameter.name.ends_with(".t") => 0.0,
            _ if parameter.name == "class" => 0.5,
            inputs => (inputs as f32).sqrt().recip() * if parameter.name.starts_with("out") { 0.01 } else { 1.0 },
        })
    }

    fn chunk(&self) -> usize {
        128
    }

    fn pass(&self, rows: usize) -> Box<dyn Pass> {
        let MlpConfig { width, waves, .. } = self.config;
        let layers = self.parameters.len() / 2 - 1;
        let wide = if waves > 0 { rows * self.config.inputs(self.width) } else { 0 };
        Box::new(Memory {
            net: self.clone(),
            count: 0,
            wide: Vec::with_capacity(wide),
            h: vec![vec![0.0; rows * width]; layers],
            slopes: vec![Vec::new(); layers],
            out: vec![0.0; rows * self.outputs],
            g: Vec::new(),
            through: Vec::new(),
            stop: Stop::default(),
        })
    }
}

/// Memory of one evaluation: the values and slopes of every layer.
struct Memory {
    net: Mlp,
    /// Number of rows in the last pass.
    count: usize,
    /// Inputs of the first layer, if they differ from the states.
    wide: Vec<f32>,
    h: Vec<Vec<f32>>,
    /// Slopes of the activations, filled if a backward pass was requested.
    slopes: Vec<Vec<f32>>,
    out: Vec<f32>,
    /// Gradient of a layer's values; the next field is the gradient of the activation's input.
    g: Vec<f32>,
    through: Vec<f32>,
    stop: Stop,
}

impl Memory {
    /// Computes out ← h W + f T with the layer's two matrices.
    fn layer(&self, layer: usize, weights: &[f32], h: &[f32], given: Rows<'_>, out: &mut [f32]) {
        let [w, t] = [&self.net.parameters[2 * layer], &self.net.parameters[2 * layer + 1]];
        let columns = w.shape[1];
        match t.shape[0] {
            1 => fill(out, t.of(weights)),
            features if given.one_level && out.len() > ALONE * columns => {
                // Two rows are computed, because the product of a single row takes another code
                // path and may differ in the last bit.
                let (first, others) = out.split_at_mut(ALONE * columns);
                linear(&given.features[..ALONE * features], t.of(weights), t.shape, first);
                fill(others, &first[..columns]);
                first.copy_within(..columns, columns);
            }
            _ => linear(given.features, t.of(weights), t.shape, out),
        }
        add_linear(h, w.of(weights), w.shape, out);
    }

    /// Adds the gradients of a layer's two matrices.
    fn layer_back(&self, layer: usize, h: &[f32], f: &[f32], g: &[f32], gradient: &mut [f32]) {
        let [w, t] = [&self.net.parameters[2 * layer], &self.net.parameters[2 * layer + 1]];
        linear_back_w(h, g, w.shape, w.of_mut(gradient));
        match t.shape[0] {
            1 => add_rows(t.of_mut(gradient), g),
            _ => linear_back_w(f, g, t.shape, t.of_mut(gradient)),
        }
    }
}

impl Pass for Memory {
    fn stop_when(&mut self, stop: Stop) {
        self.stop = stop;
    }

    fn forward(&mut self, weights: &[f32], given: Rows<'_>, count: usize, keep: bool) -> Result<&[f32]> {
        let MlpConfig { width, waves, plain, activation, .. } = self.net.config;
        self.count = count;
        if waves > 0 {
            self.net.config.widen(given.x, self.net.width, &mut self.wide);
        }
        let mut h = std::mem::take(&mut self.h);
        let last = h.len();
        for layer in 0..last {
            if self.stop.wanted() {
                break;
            }
            let (before, now) = h.split_at_mut(layer);
            let now = &mut now[0][..count * width];
            let before = match before.last() {
                Some(before) => &before[..count * width],
                None if waves > 0 => &self.wide,
                None => given.x,
            };
            self.layer(layer, weights, before, given, now);
            if let Some(table) = self.net.parameters.get(2 * (last + 1)).filter(|_| layer == 0) {
                let classes = given.class_rows(count, self.net.config.classes);
                for (h, class) in now.chunks_exact_mut(width).zip(classes) {
                    add(h, &table.of(weights)[class * width..(class + 1) * width]);
                }
            }
            if layer > 0 || plain {
                let slope = &mut self.slopes[layer];
                slope.resize(if keep { count * width } else { 0 }, 0.0);
                activate(activation, now, slope, if plain { &[] } else { before });
            }
        }
        let mut out = std::mem::take(&mut self.out);
        let last = h.last().map_or(given.x, |h| &h[..count * width]);
        self.layer(h.len(), weights, last, given, &mut out[..count * self.net.outputs]);
        (self.h, self.out) = (h, out);
        self.stop.check()?;
        Ok(&self.out[..count * self.net.outputs])
    }

    fn back(
        &mut self,
        weights: &[f32],
        given: Rows<'_>,
        cotangent: &[f32],
        mut gradient: Option<&mut [f32]>,
        dx: Option<&mut [f32]>,
    ) -> Result<()> {
        let MlpConfig { width, waves, plain, .. } = self.net.config;
        let (len, last) = (self.count * width, self.h.len());
        let [mut g, mut through] = [&mut self.g, &mut self.through].map(std::mem::take);
        g.resize(len, 0.0);
        through.resize(len, 0.0);
        if let Some(gradient) = &mut gradient {
            self.layer_back(last, &self.h[last - 1][..len], given.features, cotangent, gradient);
        }
        // The loop breaks instead of returning, so that the memory is put back first. The results
        // of a stopped step are discarded.
        let stop = self.stop;
        let through_layer = |layer: usize, g: &[f32], dx: &mut [f32], add: bool| {
            let w = &self.net.parameters[2 * layer];
            let on = if add { add_linear_back_x } else { linear_back_x };
            on(g, w.of(weights), w.shape, dx);
        };
        through_layer(last, cotangent, &mut g, false);
        for layer in (1..last).rev() {
            if stop.wanted() {
                break;
            }
            activate_back(&g, &self.slopes[layer], &mut through);
            if let Some(gradient) = &mut gradient {
                self.layer_back(layer, &self.h[layer - 1][..len], given.features, &through, gradient);
            }
            through_layer(layer, &through, &mut g, !plain);
        }
        if plain {
            activate_back(&g, &self.slopes[0], &mut through);
            std::mem::swap(&mut g, &mut through);
        }
        if let Some(gradient) = gradient.as_mut().filter(|_| !stop.wanted()) {
            let x = if waves > 0 { &self.wide } else { given.x };
            self.layer_back(0, x, given.features, &g, gradient);
            if let Some(table) = self.net.parameters.get(2 * (last + 1)) {
                let table = table.of_mut(gradient);
                for (g, class) in g.chunks_exact(width).zip(given.class_rows(self.count, self.net.config.classes)) {
                    add(&mut table[class * width..(class + 1) * width], g);
                }
            }
        }
        if let Some(dx) = dx {
            if waves == 0 {
                through_layer(0, &g, dx, false);
            } else {
                let mut wide = vec![0.0; self.count * self.net.config.inputs(self.net.width)];
                through_layer(0, &g, &mut wide, false);
                self.net.config.narrow(&self.wide, &wide, self.net.width, dx);
            }
        }
        (self.g, self.through) = (g, through);
        stop.check()
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::check_gradients;
    use super::super::net::size;
    use super::*;

    /// Returns weights that are not small anywhere.
    fn weights(net: &Mlp) -> Vec<f32> {
        let mut values = Parameter::normals(net.parameters(), 3, |parameter| 1.2 / (parameter.shape[0] as f32).sqrt());
        assert_eq!(values.len(), size(net.parameters()));
        values.iter_mut().for_each(|value| *value += 0.01);
        values
    }

    /// Checks every weight and every state in each form. The sines have third derivatives that grow
    /// with the cube of their frequency, hence their wider tolerance.
    #[test]
    fn the_way_back_is_the_gradient() {
        let base = MlpConfig { width: 24, depth: 3, fourier: 5, ..MlpConfig::default() };
        for (plain, activation) in [(false, Activation::Silu), (true, Activation::Silu), (true, Activation::Gelu)] {
            let net = Mlp::new(MlpConfig { plain, activation, ..base }, 7, 7);
            check_gradients(&net, &weights(&net), 7, 9, 3e-3).unwrap();
        }
        let net = Mlp::new(MlpConfig { waves: 2, ..base }, 2, 2);
        check_gradients(&net, &weights(&net), 2, 9, 1e-2).unwrap();
        let net = Mlp::new(MlpConfig { classes: 2, ..base }, 3, 3);
        check_gradients(&net, &weights(&net), 3, 9, 3e-3).unwrap();
        let net = Mlp::new(MlpConfig { depth: 0, ..base }, 3, 3);
        check_gradients(&net, &weights(&net), 3, 5, 3e-3).unwrap();
    }

    #[test]
    fn waves_are_sines_and_cosines() {
        let config = MlpConfig { waves: 3, ..MlpConfig::default() };
        assert_eq!(config.inputs(2), 14);
        let mut wide = Vec::new();
        config.widen(&[0.3f32, -1.1, 2.0, 0.7], 2, &mut wide);
        assert_eq!(wide.len(), 28);
        assert!((wide[10] - 1.2f32.sin()).abs() < 1e-6 && (wide[12] - 1.2f32.cos()).abs() < 1e-6);
    }

    #[test]
    fn parameters_are_named_and_a_plain_layer_has_a_bias() {
        let net = Mlp::new(MlpConfig { width: 64, depth: 3, fourier: 1, plain: true, ..MlpConfig::default() }, 2, 2);
        let shapes: Vec<_> =
            net.parameters().iter().map(|parameter| (parameter.name.as_str(), parameter.shape)).collect();
        assert_eq!(
            shapes,
            [
                ("in.x", [2, 64]),
                ("in.t", [2, 64]),
                ("block.0.h", [64, 64]),
                ("block.0.t", [1, 64]),
                ("block.1.h", [64, 64]),
                ("block.1.t", [1, 64]),
                ("out.h", [64, 2]),
                ("out.t", [1, 2]),
            ]
        );
    }
}
