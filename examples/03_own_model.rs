//! A model of your own: anything that predicts, from a formula to another framework's network.
//!
//!     cargo run -p langevin-examples --bin 03_own_model
//!
//! A [`Model`] answers a [`Query`]: states in rows of the same width, each at its noise level. Its
//! [`Formulation`] says what the output means, and from there on it can be read as any other,
//! exactly.

use langevin::{Formulation, Model, Prediction, Process, Query, ReadAs, Request, Result, Sampling, SliceSpace};

/// Predicts the noise ε in data from N(μ, s²) on the VP process: ε = σ (x − αμ)/(α²s² + σ²).
struct Bell {
    formulation: Formulation,
    mean: f64,
    deviation: f64,
}

impl Model<Vec<f64>> for Bell {
    fn formulation(&self) -> Option<&Formulation> {
        Some(&self.formulation)
    }

    /// `x` has the rows of the batch one after the other; `query.rows` says who they are, and the
    /// width is the quotient.
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let width = x.len() / query.rows.len();
        let one = |(row, x): (usize, &[f64])| {
            let level = query.at.row(row);
            let variance = (level.alpha * self.deviation).powi(2) + level.sigma.powi(2);
            x.iter().map(|x| level.sigma * (x - level.alpha * self.mean) / variance).collect::<Vec<f64>>()
        };
        Ok(x.chunks(width).enumerate().flat_map(one).collect())
    }
}

fn main() -> Result<()> {
    let epsilon = Formulation::new(Process::vp(), Prediction::Epsilon);
    let model = Bell { formulation: epsilon.clone(), mean: 3.0, deviation: 0.5 };

    // A plan for this network, and ten thousand samples of it.
    let plan = Request::new().network(epsilon).plan()?;
    let samples: Vec<f64> = Sampling::new(10_000, 1).seed(1).threads(2).run(&plan, &model)?;
    report("as it was trained, ε on VP", &samples);

    // The same network read as the velocity of rectified flow: another formulation, the same
    // samples.
    let velocity = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let read = ReadAs::new(&model, velocity.clone(), SliceSpace::<f64>::new(1));
    let plan = Request::new().network(velocity).range(0.002, 80.0).plan()?;
    let samples: Vec<f64> = Sampling::new(10_000, 1).seed(1).threads(2).run(&plan, &read)?;
    report("read as velocity of rectified flow", &samples);
    Ok(())
}

fn report(what: &str, samples: &[f64]) {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    println!("{what}: mean {mean:.3}, deviation {:.3}", variance.sqrt());
}
