//! The page of `langevin demo`: one network, read as the rows of the paper.
//!
//! Each part of the page has a file: `lineup` (samples from the same noise in every row, beside the
//! data), `strips` (noise to digit), `triangle` (forward + reverse = Langevin), `results`
//! (distances and their floors) and `training`. `pictures` encodes pixels as PNG data URLs.

mod lineup;
mod pictures;
mod results;
mod strips;
#[cfg(test)]
pub(crate) mod tests;
mod training;
mod triangle;

use crate::numbers::{capital, in_words};
use crate::page::{Page, escape};

/// A set of grey pictures of the same size.
///
/// ```
/// use langevin_report::demo::Pictures;
/// let pictures = Pictures { count: 1, height: 2, width: 2, values: vec![0.0, 16.0, 16.0, 0.0] };
/// assert_eq!(pictures.values.len(), pictures.count * pictures.height * pictures.width);
/// ```
#[derive(Clone, Debug)]
pub struct Pictures {
    /// Number of pictures.
    pub count: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Pixel values, picture after picture and row after row: `count · height · width` values from
    /// 0 (paper) to 16 (ink).
    pub values: Vec<f64>,
}

impl Pictures {
    /// Returns the pixels of picture `index`; `None` if there is no such picture.
    fn picture(&self, index: usize) -> Option<&[f64]> {
        let size = self.height.checked_mul(self.width).filter(|&size| size > 0)?;
        let start = index.checked_mul(size)?;
        (index < self.count).then(|| self.values.get(start..start.checked_add(size)?)).flatten()
    }

    /// Returns the number of complete pictures in `values`, at most `limit`.
    fn shown(&self, limit: usize) -> usize {
        match self.height.saturating_mul(self.width) {
            0 => 0,
            size => self.count.min(self.values.len() / size).min(limit),
        }
    }
}

/// One reading of the network and its samples: a row of the paper.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Title: "VP-SDE", "VP-ODE", "VE-Karras", "Rectified flow".
    pub title: String,
    /// Name of the process: "vp", "ve", "rectified-flow".
    pub process: String,
    /// Prediction that the network is read as: "score", "x0", "epsilon", "velocity".
    pub prediction: String,
    /// h/g of the split: 0 for an ODE, 1 for the SDE.
    pub eta: f64,
    /// Network evaluations per sample.
    pub nfe: usize,
    /// Wall-clock time of the sampling, in seconds.
    pub seconds: f64,
    /// Sliced Wasserstein-2 distance between samples and real data.
    pub sliced_w2: f64,
    /// Energy distance between samples and real data.
    pub energy: f64,
    /// Share of samples that lie closer to a training picture than 99 % of held-out pictures do,
    /// from 0 to 1.
    pub copies: f64,
    /// At least 64 samples, with indices 0, 1, …. Every row starts from the same noise.
    pub samples: Pictures,
    /// For samples 0, 1, …: the states during sampling, in data units as x/α (the VE state).
    /// `strips[i]` is one strip, from noise to digit.
    pub strips: Vec<Pictures>,
    /// σ/α of each picture of a strip.
    pub strip_sigmas: Vec<f64>,
    /// The triangle at the middle noise level, σ/α = 1.
    pub triangle: Triangle,
}

impl Reading {
    /// Returns true if no noise is added during sampling: h = 0.
    fn is_ode(&self) -> bool {
        self.eta == 0.0
    }
}

/// The identity forward + reverse = Langevin at one noise level, with numbers. Each move has three
/// coefficients: of x in the drift, of the score in the drift, and the squared noise.
///
/// ```
/// use langevin_report::demo::Triangle;
/// // f = -1/2, g = h = 1
/// let triangle = Triangle {
///     time: 0.7,
///     forward: [-0.5, 0.0, 1.0],
///     reverse: [0.5, 1.0, 1.0],
///     langevin: [0.0, 1.0, 2.0],
/// };
/// for i in 0..3 {
///     assert_eq!(triangle.forward[i] + triangle.reverse[i], triangle.langevin[i]);
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Triangle {
    /// Time of the coefficients, on the clock of the row's process.
    pub time: f64,
    /// (f, 0, g²).
    pub forward: [f64; 3],
    /// (−f, ½(g² + h²), h²).
    pub reverse: [f64; 3],
    /// (0, ½(g² + h²), g² + h²).
    pub langevin: [f64; 3],
}

/// All data of the page.
///
/// ```
/// use langevin_report::demo::{Demo, Pictures};
/// let demo = Demo {
///     data: Pictures { count: 1, height: 2, width: 2, values: vec![0.0, 16.0, 16.0, 0.0] },
///     train_rows: 100,
///     held_out_rows: 20,
///     rows: vec![],
///     floor_sliced_w2: 0.1,
///     floor_energy: 0.01,
///     held_out_copies: 0.01,
///     ode_difference: 0.0,
///     losses: vec![(1, 1.0), (2, 0.5)],
///     steps: 2,
///     train_seconds: 0.1,
///     parameters: 10,
///     sigma_min: 0.002,
///     sigma_max: 80.0,
///     seed: 0,
///     machine: "2 cores".to_owned(),
///     command: "langevin demo".to_owned(),
///     version: "0.1.0".to_owned(),
/// };
/// assert!(demo.html().contains("One network, one Langevin equation"));
/// ```
#[derive(Clone, Debug)]
pub struct Demo {
    /// Real pictures, shown beside the samples.
    pub data: Pictures,
    /// Number of training pictures.
    pub train_rows: usize,
    /// Number of held-out pictures.
    pub held_out_rows: usize,
    /// The rows, in the order of the paper.
    pub rows: Vec<Reading>,
    /// Sliced Wasserstein-2 distance between two halves of the real data.
    pub floor_sliced_w2: f64,
    /// Energy distance between two halves of the real data.
    pub floor_energy: f64,
    /// Value of [`Reading::copies`] for held-out pictures: 0.01 by construction.
    pub held_out_copies: f64,
    /// Largest difference between the three ODE rows, in pixel units (0 to 16).
    pub ode_difference: f64,
    /// Pairs (step, smoothed loss), in the order of training.
    pub losses: Vec<(u64, f64)>,
    /// Number of training steps.
    pub steps: u64,
    /// Wall-clock time of the training, in seconds.
    pub train_seconds: f64,
    /// Number of weights of the network.
    pub parameters: usize,
    /// Smallest σ/α of the sampling.
    pub sigma_min: f64,
    /// Largest σ/α of the sampling.
    pub sigma_max: f64,
    /// Seed of training and sampling.
    pub seed: u64,
    /// Description of the machine, for example "2 cores", as context for the times.
    pub machine: String,
    /// Command that reproduces the page.
    pub command: String,
    /// Library version.
    pub version: String,
}

impl Demo {
    /// Returns the page as HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let sections = [
            lineup::section(self),
            lineup::sheets(self),
            strips::section(self),
            triangle::section(self),
            results::section(self),
            training::section(self),
        ];
        Page::new("One network, one Langevin equation")
            .kicker("langevin demo")
            .lede(self.lede())
            .version(&self.version)
            .raw(&sections.join("\n"))
            .footer(&self.footer())
            .html()
    }

    fn lede(&self) -> String {
        let read = match self.rows.len() {
            0 => String::new(),
            1 => ", read one way, no retraining".into(),
            n => format!(", read {} ways, no retraining", in_words(n)),
        };
        format!("One network, trained once as a rectified flow{read}.")
    }

    fn footer(&self) -> String {
        let item = |term: &str, value: &str| format!("<div><dt>{term}</dt><dd>{}</dd></div>", escape(value));
        let items = [
            item("Version", &format!("langevin {}", self.version)),
            item("Seed", &self.seed.to_string()),
            item("Machine", &capital(&self.machine)),
        ]
        .concat();
        format!(
            "<section><h2>Repeat it</h2><pre><code>{}</code></pre><dl>{items}</dl></section>\
             <section><h2>Sources</h2>\
             <p>The equation and its rows: <a href=\"https://arxiv.org/abs/2604.10465\">Rethinking the Diffusion Model from a Langevin Perspective</a>, \
             Zheng and Lan, 2026, arXiv 2604.10465.</p>\
             <p>The pictures: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, \
             <a href=\"https://doi.org/10.24432/C50P49\">DOI 10.24432/C50P49</a>, CC BY 4.0.</p></section>",
            escape(&self.command),
        )
    }
}
