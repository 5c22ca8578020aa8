//! A model read as another parameterization.

use crate::denoiser::{Denoiser, Parameterization};
use crate::space::{Letter, StateSpace};
use langevin::{Error, Query, Result};

/// A model that predicts another [`Parameterization`] than it was made for.
///
/// [`predict`](Denoiser::predict) converts the model's leave-one-out denoiser D, and
/// [`leave_one_out`](Denoiser::leave_one_out) converts that back. Both directions are exact, so a
/// sampler draws from the same laws. D keeps all its digits but the last few: an error of about
/// 10⁻¹⁶/σ from a posterior, and 10⁻¹⁶/α from a score. The samples are equal unless a uniform falls
/// into that gap.
///
/// Two readings are singular. A posterior at survival 1 and a score at survival 0 do not determine
/// D. And a masked model has no leave-one-out prediction of a token that it sees: `predict` returns
/// an error that names the token, while `leave_one_out` keeps its letter, as samplers need it.
///
/// ```
/// use langevin::{Query, SampleId};
/// use langevin_discrete::{Denoiser, Noise, Parameterization, ReadAs, exact::Chain, level};
/// let chain = Chain::example(3, 2, Noise::Uniform)?;
/// let score = ReadAs::new(&chain, Parameterization::Score);
/// let rows = [SampleId::default()];
/// let query = Query::new(level(0.5), &rows);
/// // The ratio of a letter to itself is 1.
/// assert_eq!(score.predict(&[2, 0], &query)?[2], 1.0);
/// let [d, back] = [chain.leave_one_out(&[2, 0], &query)?, score.leave_one_out(&[2, 0], &query)?];
/// assert!(d.iter().zip(back).all(|(d, back)| (d - back).abs() < 1e-15));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAs<D> {
    model: D,
    parameterization: Parameterization,
}

impl<D: Denoiser> ReadAs<D> {
    /// Returns the model, read as `parameterization` from now on.
    #[must_use]
    pub fn new(model: D, parameterization: Parameterization) -> Self {
        Self { model, parameterization }
    }

    /// Returns the model.
    #[must_use]
    pub fn model(&self) -> &D {
        &self.model
    }

    /// Calls `visit` with the place of every token, its D and its survival.
    fn tokens(
        &self,
        x: &[Letter],
        query: &Query<'_>,
        mut visit: impl FnMut(usize, &[f64], f64) -> Result<()>,
    ) -> Result<()> {
        let space = self.model.space();
        let d = self.model.leave_one_out(x, query)?;
        for (token, d) in d.chunks_exact(space.vocab()).enumerate() {
            let row = token / space.length();
            visit(token, d, query.at.row(row).alpha)
                .map_err(|error| error.at(format!("row {row}, token {}", token % space.length())))?;
        }
        Ok(())
    }

    /// Returns true if a masked model sees the token.
    fn is_seen(&self, letter: Letter) -> bool {
        self.model.space().mask().is_some_and(|mask| letter != mask)
    }
}

impl<D: Denoiser> Denoiser for ReadAs<D> {
    fn space(&self) -> &StateSpace {
        self.model.space()
    }

    fn parameterization(&self) -> Parameterization {
        self.parameterization
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        let (space, to) = (self.model.space(), self.parameterization);
        let width = to.width(space);
        let mut out = vec![0.0; x.len() * width];
        self.tokens(x, query, |token, d, alpha| {
            if to != Parameterization::LeaveOneOut && self.is_seen(x[token]) {
                return Err(Error::singular("a masked model has no leave-one-out prediction of a token that it sees")
                    .expected("a masked token")
                    .got(format!("letter {}", x[token])));
            }
            to.of(space, d, x[token], alpha, &mut out[token * width..(token + 1) * width])
        })?;
        Ok(out)
    }

    fn leave_one_out(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        let (space, to) = (self.model.space(), self.parameterization);
        let vocab = space.vocab();
        let (mut out, mut read) = (vec![0.0; x.len() * vocab], vec![0.0; to.width(space)]);
        self.tokens(x, query, |token, d, alpha| {
            let out = &mut out[token * vocab..(token + 1) * vocab];
            if to == Parameterization::LeaveOneOut || self.is_seen(x[token]) {
                out.copy_from_slice(d);
                return Ok(());
            }
            to.of(space, d, x[token], alpha, &mut read)?;
            to.to_leave_one_out(space, &read, x[token], alpha, out)
        })?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::Chain;
    use crate::sampler::{ancestral, even};
    use crate::space::Noise;
    use langevin::SampleId;

    const ALL: [Parameterization; 3] =
        [Parameterization::LeaveOneOut, Parameterization::Posterior, Parameterization::Score];

    /// A model that is read as its own D at survival 0, where a score says nothing.
    struct Started<'a>(ReadAs<&'a Chain>);

    impl Denoiser for Started<'_> {
        fn space(&self) -> &StateSpace {
            self.0.space()
        }

        fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
            if query.at.row(0).alpha == 0.0 { self.0.model.predict(x, query) } else { self.0.leave_one_out(x, query) }
        }
    }

    fn chains() -> [Chain; 3] {
        [Noise::Masked, Noise::Uniform, Noise::Prior(vec![0.5, 0.3, 0.2])]
            .map(|noise| Chain::example(3, 8, noise).unwrap())
    }

    #[test]
    fn every_reading_has_the_same_samples() {
        let rows: Vec<SampleId> = (0..2000).map(|index| SampleId { seed: 4, index }).collect();
        for chain in chains() {
            let plan = ancestral(chain.space(), &even(16)).unwrap();
            let [own, posterior, score] = ALL.map(|to| plan.run(&Started(ReadAs::new(&chain, to)), &rows).unwrap());
            // 256 000 draws, each with a chance of about 10⁻¹⁵ to differ.
            assert_eq!(own, posterior, "{}", chain.space());
            assert_eq!(own, score, "{}", chain.space());
            // A posterior needs no such start, and neither does its reference.
            let read = ReadAs::new(&chain, Parameterization::Posterior);
            assert_eq!(plan.run(&read, &rows).unwrap(), plan.run(&&chain, &rows).unwrap());
        }
    }

    #[test]
    fn readings_return_to_the_denoiser() {
        let rows = [SampleId::default()];
        for chain in chains() {
            let letters = chain.space().letters() as Letter;
            let x: Vec<Letter> = (0..8).map(|place| place % letters).collect();
            for alpha in [1e-4, 0.3, 0.999] {
                let query = Query::new(crate::level(alpha), &rows);
                let d = chain.leave_one_out(&x, &query).unwrap();
                for to in ALL {
                    let read = ReadAs::new(&chain, to);
                    let back = read.leave_one_out(&x, &query).unwrap();
                    let most = 1e-15 / f64::min(alpha, 1.0 - alpha);
                    assert!(d.iter().zip(&back).all(|(d, back)| (d - back).abs() < most), "{to}, {alpha}");
                    // Two readings in a row, through references and boxes.
                    let boxed: Box<dyn Denoiser> = Box::new(&read);
                    assert_eq!(boxed.leave_one_out(&x, &query).unwrap(), back);
                }
            }
        }
    }

    #[test]
    fn singular_readings_name_the_token() {
        let [masked, uniform, _] = chains();
        let rows = [SampleId::default()];
        let mut x = [3; 8];
        x[5] = 1;
        for to in [Parameterization::Posterior, Parameterization::Score] {
            let error = ReadAs::new(&masked, to).predict(&x, &Query::new(crate::level(0.5), &rows)).unwrap_err();
            assert!(error.is_singular() && error.to_string().contains("row 0, token 5"), "{error}");
        }
        let singular = |to, alpha| {
            let error = ReadAs::new(&uniform, to).leave_one_out(&[0; 8], &Query::new(crate::level(alpha), &rows));
            let error = error.unwrap_err();
            assert!(error.is_singular() && error.to_string().contains("row 0, token 0"), "{error}");
        };
        singular(Parameterization::Posterior, 1.0);
        singular(Parameterization::Score, 0.0);
    }
}
