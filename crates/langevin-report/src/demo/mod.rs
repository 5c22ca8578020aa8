//! The page of `langevin demo`: one network, read as the rows of the paper.
//!
//! One file per part of the page: `lineup` (the same draws in every row, beside the data), `strips` (noise to digit), `triangle` (forward + reverse = Langevin),
//! `results` (distances and their floors), `training`; `pictures` turns pixels into PNG data URLs.

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

/// One set of grey pictures, all of one size.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// Number of pictures.
    pub count: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// Picture after picture, row after row of pixels: `count · height · width` values, 0 (paper) to 16 (ink).
    pub values: Vec<f64>,
}

impl Pictures {
    /// The pixels of picture `index`, or nothing where there is no such picture.
    fn picture(&self, index: usize) -> Option<&[f64]> {
        let size = self.height.checked_mul(self.width).filter(|&size| size > 0)?;
        let start = index.checked_mul(size)?;
        (index < self.count).then(|| self.values.get(start..start.checked_add(size)?)).flatten()
    }

    /// How many whole pictures `values` holds, at most `limit`.
    fn shown(&self, limit: usize) -> usize {
        match self.height.saturating_mul(self.width) {
            0 => 0,
            size => self.count.min(self.values.len() / size).min(limit),
        }
    }
}

/// One way to read the network, and what it draws: a row of the paper.
#[derive(Clone, Debug)]
pub struct Reading {
    /// "VP-SDE", "VP-ODE", "VE-Karras", "Rectified flow".
    pub title: String,
    /// "vp", "vp", "ve", "rectified-flow".
    pub process: String,
    /// How the network was read: "score", "x0", "epsilon", "velocity".
    pub prediction: String,
    /// h/g of the split: 0 for an ODE, 1 for the SDE.
    pub eta: f64,
    /// Network evaluations per sample.
    pub nfe: usize,
    /// Wall time of the sampling.
    pub seconds: f64,
    /// Sliced Wasserstein-2 distance between samples and real data.
    pub sliced_w2: f64,
    /// Energy distance between samples and real data.
    pub energy: f64,
    /// Share of samples nearer to a training picture than 99 % of held-out pictures are, 0 to 1.
    pub copies: f64,
    /// At least 64 samples, those of indices 0.. (the same draws in every row).
    pub samples: Pictures,
    /// For sample 0..k: the state along the way, mapped to data units as the state x divided by α (VE state); `strips[i]` is one strip, noise first, digit last.
    pub strips: Vec<Pictures>,
    /// σ/α of each picture of a strip.
    pub strip_sigmas: Vec<f64>,
    /// The triangle at a middle level, σ/α = 1.
    pub triangle: Triangle,
}

impl Reading {
    /// Whether the row draws no noise on its way: h = 0.
    fn is_ode(&self) -> bool {
        self.eta == 0.0
    }
}

/// forward + reverse = Langevin, with numbers, at one level. Each move is three coefficients: of x in the drift, of the score in the drift, and the squared noise.
#[derive(Clone, Copy, Debug)]
pub struct Triangle {
    /// The time at which the coefficients are taken, on the clock of the row's own process.
    pub time: f64,
    /// (f, 0, g²).
    pub forward: [f64; 3],
    /// (−f, ½(g² + h²), h²).
    pub reverse: [f64; 3],
    /// (0, ½(g² + h²), g² + h²).
    pub langevin: [f64; 3],
}

/// Everything that the page shows.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Real pictures, to stand beside the samples.
    pub data: Pictures,
    /// Pictures the network was trained on.
    pub train_rows: usize,
    /// Pictures it has not seen.
    pub held_out_rows: usize,
    /// The rows of the paper, in its order.
    pub rows: Vec<Reading>,
    /// Sliced Wasserstein-2 distance between two halves of the real data.
    pub floor_sliced_w2: f64,
    /// Energy distance between two halves of the real data.
    pub floor_energy: f64,
    /// [`Reading::copies`] of held-out pictures: 0.01 by construction.
    pub held_out_copies: f64,
    /// Largest difference between the three ODE rows, in pixel units (0 to 16).
    pub ode_difference: f64,
    /// (step, smoothed loss), in the order of training.
    pub losses: Vec<(u64, f64)>,
    /// Training steps.
    pub steps: u64,
    /// Wall time of the training.
    pub train_seconds: f64,
    /// Weights of the network.
    pub parameters: usize,
    /// Smallest σ/α that was sampled.
    pub sigma_min: f64,
    /// Largest σ/α that was sampled.
    pub sigma_max: f64,
    /// The seed of training and sampling.
    pub seed: u64,
    /// "2 cores", for the reader to judge the seconds.
    pub machine: String,
    /// The command that repeats this.
    pub command: String,
    /// Library version.
    pub version: String,
}

impl Demo {
    /// Returns the page.
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
