//! A model of one formulation, read as a model of another: [`ReadAs`].

use super::{Evaluation, Reader};
use crate::error::Result;
use crate::formulation::Formulation;
use crate::model::{Model, Query, Vjp};
use crate::space::Space;

/// A model of one formulation read as a model of another, exactly and with no retraining.
///
/// "Reading" a network as another formulation means converting its input, its time and its output
/// by the formulas of [`Formulation`].
///
/// # Examples
///
/// ```
/// use langevin::{Formulation, Model, Prediction, Process, Query, ReadAs, SampleId, SliceSpace};
/// use langevin_analysis::exact::Gaussian;
/// // The exact denoiser of N(0, 0.7), read as the score of the VP process: −x/v, v = 0.7 α² + σ².
/// let data = Gaussian::isotropic(vec![0.0], 0.7)?;
/// let score = Formulation::new(Process::vp(), Prediction::Score);
/// let level = score.process.level(1.0)?;
/// let model = ReadAs::new(&data, score, SliceSpace::<f64>::new(1));
/// let out = model.predict(&vec![2.0], &Query::new(level, &[SampleId::default()]))?;
/// let v = 0.7 * level.alpha * level.alpha + level.sigma * level.sigma;
/// assert!((out[0] + 2.0 / v).abs() < 1e-14);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Debug)]
pub struct ReadAs<M, Sp> {
    model: M,
    to: Formulation,
    space: Sp,
}

impl<M, Sp> ReadAs<M, Sp> {
    /// Reads `model` as a network of formulation `to`, computing in `space`.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Formulation, Model, Prediction, Process, ReadAs, SliceSpace};
    /// use langevin_analysis::exact::Gaussian;
    /// let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    /// let data = Gaussian::isotropic(vec![0.0], 1.0)?;
    /// let model = ReadAs::new(data, flow.clone(), SliceSpace::<f64>::new(1));
    /// assert_eq!(Model::<Vec<f64>>::formulation(&model), Some(&flow));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn new(model: M, to: Formulation, space: Sp) -> Self {
        Self { model, to, space }
    }
}

impl<Sp: Space, M: Model<Sp::State>> Model<Sp::State> for ReadAs<M, Sp> {
    fn formulation(&self) -> Option<&Formulation> {
        Some(&self.to)
    }

    fn predict(&self, x: &Sp::State, query: &Query<'_>) -> Result<Sp::State> {
        let open = self.open(x, query)?;
        let out = self.model.predict(open.input(x), &Query { at: open.at(), ..*query })?;
        let value = open.value(&self.space, x, out, query.rows);
        open.close(&self.space);
        value
    }
}

/// The value is a·x + b·out(k·x), so its product with v is a·v + b·k·(vᵀ ∂out).
impl<Sp: Space, M: Vjp<Sp::State>> Vjp<Sp::State> for ReadAs<M, Sp> {
    fn predict_vjps(
        &self,
        x: &Sp::State,
        query: &Query<'_>,
        cotangents: &[Sp::State],
    ) -> Result<(Sp::State, Vec<Sp::State>)> {
        let open = self.open(x, query)?;
        let inner = Query { at: open.at(), ..*query };
        let (out, products) = self.model.predict_vjps(open.input(x), &inner, cotangents)?;
        let both = cotangents.iter().zip(products);
        let products =
            both.map(|(v, product)| open.product(&self.space, v, product, query.rows)).collect::<Result<_>>()?;
        let value = open.value(&self.space, x, out, query.rows)?;
        open.close(&self.space);
        Ok((value, products))
    }
}

impl<Sp: Space, M: Model<Sp::State>> ReadAs<M, Sp> {
    /// Opens the evaluation of the inner model for a query of the requested formulation.
    fn open(&self, x: &Sp::State, query: &Query<'_>) -> Result<Evaluation<Sp::State>> {
        let reader = Reader { network: self.model.formulation(), wanted: Some(&self.to) };
        query.at.as_states(|at| Evaluation::open(&self.space, reader, at, x, query.rows))
    }
}
