//! The diffusion transformer: its configuration and its parameters.
//!
//! The blocks and their condition are those of every [transformer](super::transformer). An image at
//! unit variance is cut into patches, and each patch becomes a token:
//!
//! ```text
//! h = patch P + b + position,   blocks,   out = patches reassembled
//! ```
//!
//! Positions are sines and cosines of row and column.
//!
//! Source: Peebles & Xie, arXiv 2212.09748.

mod pass;
mod shape;
#[cfg(feature = "gpu")]
mod tensor;

use super::net::{Net, Parameter, Pass};
pub(crate) use shape::Dit;
pub use shape::DitConfig;

impl Net for Dit {
    fn parameters(&self) -> &[Parameter] {
        &self.body.parameters
    }

    fn features(&self) -> usize {
        self.body.features
    }

    fn classes(&self) -> usize {
        self.body.classes
    }

    fn drops_out(&self) -> bool {
        true
    }

    fn init(&self, seed: u64) -> Vec<f32> {
        self.body.init(seed, |_| None)
    }

    fn chunk(&self) -> usize {
        self.body.chunk()
    }

    fn pass(&self, rows: usize) -> Box<dyn Pass> {
        Box::new(pass::Memory::new(self, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{self, check_gradients};
    use super::super::net::{Rows, size};
    use super::*;

    fn weights(net: &Dit) -> Vec<f32> {
        // No weight is zero, and none dominates.
        let mut values = Parameter::normals(net.parameters(), 3, |parameter| 0.7 / (parameter.shape[0] as f32).sqrt());
        for parameter in net.parameters().iter().filter(|parameter| parameter.shape[0] == 1) {
            parameter.of_mut(&mut values).iter_mut().for_each(|value| *value *= 0.5);
        }
        assert_eq!(values.len(), size(net.parameters()));
        values
    }

    #[test]
    fn the_way_back_is_the_gradient() {
        let mut config = DitConfig::new(2, 12, 2, 3);
        (config.fourier, config.classes) = (4, 3);
        let net = Dit::new(config, &[4, 6, 2]).unwrap();
        check_gradients(&net, &weights(&net), 48, 5, 5e-3).unwrap();
        let net = Dit::new(DitConfig { classes: 0, ..config }, &[4, 4]).unwrap();
        check_gradients(&net, &weights(&net), 16, 3, 5e-3).unwrap();
    }

    /// Checks that images with the channels first and last give the same output.
    #[test]
    fn layouts_of_channels_agree() {
        let config = DitConfig::new(2, 8, 1, 2);
        let [last, first] = [&[4, 6, 3][..], &[3, 4, 6]].map(|shape| Dit::new(config, shape).unwrap());
        let picture = check::normals(2 * 72, 4);
        let moved = |picture: &[f32]| -> Vec<f32> {
            let get = |i: usize| picture[i % 24 * 3 + i / 24];
            (0..72).map(get).collect()
        };
        let turned: Vec<f32> = picture.chunks(72).flat_map(moved).collect();
        let weights = weights(&last);
        let f = check::normals(2 * 17, 5);
        let answer = |net: &Dit, x: &[f32]| {
            let rows = Rows::new(x, &f);
            net.pass(2).forward(&weights, rows, 2, false).unwrap().to_vec()
        };
        let [a, b] = [answer(&last, &picture), answer(&first, &turned)];
        assert!(a.iter().any(|x| *x != 0.0));
        assert_eq!(a.chunks(72).flat_map(moved).collect::<Vec<_>>(), b);
    }

    #[test]
    fn the_first_output_is_zero() {
        let net = Dit::new(DitConfig::new(4, 16, 2, 2), &[8, 8]).unwrap();
        let (x, f) = (check::normals(3 * 64, 1), check::normals(3 * 17, 2));
        let rows = Rows::new(&x, &f);
        let out = net.pass(3).forward(&net.init(1), rows, 3, false).unwrap().to_vec();
        assert_eq!(out, vec![0.0; 3 * 64]);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let refused = |config: DitConfig, shape: &[usize], words: &str| {
            let error = Dit::new(config, shape).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        let good = DitConfig::new(4, 16, 2, 2);
        refused(good, &[64], "for pictures");
        refused(good, &[8, 8, 8], "for pictures");
        refused(DitConfig { patch: 3, ..good }, &[8, 8], "a common divisor of 8 and 8");
        refused(DitConfig { patch: 0, ..good }, &[8, 8], "patch");
        refused(DitConfig { heads: 3, ..good }, &[8, 8], "a divisor of the width 16");
        refused(DitConfig { patch: 1, ..good }, &[256, 256], "larger patch");
        refused(DitConfig { width: 8192, depth: 128, ..good }, &[8, 8], "too large");
    }
}
