//! The interface of networks on tokens, and the one conversion between their parameterizations.

use crate::space::{Letter, StateSpace};
use langevin::{Error, Query, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Prediction of a network on tokens.
///
/// All three are the same information where the noise can produce every letter. The conversion goes
/// through the leave-one-out denoiser D, with the transition probabilities P of one token:
///
/// | parameterization | formula | back to D |
/// |---|---|---|
/// | leave-one-out | $D_i(v) = p(x_{0,i} = v \mid x_t \text{ without token } i)$ | |
/// | posterior | $p(x_{0,i} = v \mid x_t) \propto D_i(v) P(v, x_i)$ | posterior / P(·, x_i), normalised |
/// | score | $p(x^{i \to y}) / p(x) = (D_i P)(y) / (D_i P)(x_i)$ | (normalised score − σπ) / α |
///
/// Under masked noise the posterior and D are equal at masked tokens. A revealed token has no
/// leave-one-out prediction from the posterior, because the posterior is a point there.
///
/// ```
/// use langevin_discrete::Parameterization;
/// assert_eq!("posterior".parse::<Parameterization>()?, Parameterization::Posterior);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Parameterization {
    /// The law of the clean token given all other tokens, V numbers a token.
    #[default]
    LeaveOneOut,
    /// The law of the clean token given all tokens, V numbers a token.
    Posterior,
    /// Ratios of probabilities p(x with token i replaced by y)/p(x), one for each letter a token
    /// can have.
    Score,
}

impl Parameterization {
    /// Names of the parameterizations, in the order of the variants.
    pub const NAMES: [&'static str; 3] = ["leave-one-out", "posterior", "score"];

    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Returns the number of numbers that a token's prediction has.
    #[must_use]
    pub fn width(self, space: &StateSpace) -> usize {
        match self {
            Self::Score => space.letters(),
            Self::LeaveOneOut | Self::Posterior => space.vocab(),
        }
    }

    /// Converts one token's prediction to the leave-one-out denoiser D, V numbers with the sum 1.
    ///
    /// `x` is the letter of the token and `alpha` the survival at which the network was evaluated.
    /// A revealed token of masked noise keeps its letter: D is a point there.
    ///
    /// ```
    /// use langevin_discrete::{Noise, Parameterization, StateSpace};
    /// let space = StateSpace::new(Noise::Uniform, 2, 1)?;
    /// let d = [0.9, 0.1];
    /// let mut posterior = [0.0; 2];
    /// Parameterization::Posterior.of(&space, &d, 0, 0.5, &mut posterior)?;
    /// assert!((posterior[0] - 0.9 * 0.75 / (0.9 * 0.75 + 0.1 * 0.25)).abs() < 1e-15);
    /// let mut back = [0.0; 2];
    /// Parameterization::Posterior.to_leave_one_out(&space, &posterior, 0, 0.5, &mut back)?;
    /// assert!((back[0] - d[0]).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the prediction has the wrong number of values, is not a distribution, or
    /// cannot be converted: a posterior at survival 1, and a score at survival 0.
    pub fn to_leave_one_out(
        self,
        space: &StateSpace,
        values: &[f64],
        x: Letter,
        alpha: f64,
        out: &mut [f64],
    ) -> Result<()> {
        let (vocab, sigma) = (space.vocab(), 1.0 - alpha);
        if values.len() != self.width(space) || out.len() != vocab {
            return Err(Error::shape("the prediction of a token has the wrong size")
                .expected(format!("{} numbers", self.width(space)))
                .got(values.len().to_string()));
        }
        if let Some(mask) = space.mask()
            && x != mask
        {
            // A masked network knows nothing of a token that it sees.
            out.fill(0.0);
            out[x as usize] = 1.0;
            return Ok(());
        }
        match self {
            Self::LeaveOneOut => out.copy_from_slice(values),
            Self::Posterior if space.is_masked() => out.copy_from_slice(values),
            Self::Posterior => {
                if sigma <= 0.0 {
                    return Err(singular("a posterior", "survival below 1", alpha));
                }
                for (v, (out, value)) in out.iter_mut().zip(values).enumerate() {
                    *out = value / space.transition(alpha, v as Letter, x);
                }
            }
            Self::Score => {
                if alpha <= 0.0 {
                    return Err(singular("a score", "survival above 0", alpha));
                }
                let total: f64 = values.iter().sum();
                for (v, (out, value)) in out.iter_mut().zip(values).enumerate() {
                    // A network's score may be slightly less than the noise alone would give.
                    *out = ((value / total - sigma * space.prior(v as Letter)) / alpha).max(0.0);
                }
            }
        }
        normalise(out)
    }

    /// Converts one token's leave-one-out denoiser to this parameterization.
    ///
    /// # Errors
    /// Returns an error if the slices have the wrong lengths, or if the score of masked noise is
    /// requested at survival 1, where a masked token has probability 0.
    pub fn of(self, space: &StateSpace, d: &[f64], x: Letter, alpha: f64, out: &mut [f64]) -> Result<()> {
        if d.len() != space.vocab() || out.len() != self.width(space) {
            return Err(Error::shape("the prediction of a token has the wrong size")
                .expected(format!("{} and {} numbers", space.vocab(), self.width(space)))
                .got(format!("{} and {}", d.len(), out.len())));
        }
        match self {
            Self::LeaveOneOut => out.copy_from_slice(d),
            Self::Posterior => {
                for (v, (out, d)) in out.iter_mut().zip(d).enumerate() {
                    *out = d * space.transition(alpha, v as Letter, x);
                }
                return normalise(out);
            }
            Self::Score => {
                conditional(space, d, alpha, out);
                let own = out[x as usize];
                if own <= 0.0 {
                    return Err(singular("a score", "a letter of positive probability", alpha));
                }
                out.iter_mut().for_each(|value| *value /= own);
            }
        }
        Ok(())
    }
}

fn singular(what: &str, expected: &str, alpha: f64) -> Error {
    Error::singular(format!("{what} does not determine the leave-one-out denoiser"))
        .expected(expected)
        .got(format!("survival {alpha}"))
}

/// Divides by the sum.
fn normalise(values: &mut [f64]) -> Result<()> {
    let sum: f64 = values.iter().sum();
    if !(sum > 0.0 && sum.is_finite()) {
        return Err(Error::singular("the prediction of a token has no positive probability")
            .expected("numbers of a positive, finite sum")
            .got(format!("the sum {sum}")));
    }
    values.iter_mut().for_each(|value| *value /= sum);
    Ok(())
}

/// Computes the law of the noised token given all other tokens: (D P)(y) = α D(y) + σ π(y).
///
/// `out` has one number for each letter that a noised token can have. This is the heat bath of one
/// token.
///
/// ```
/// use langevin_discrete::{Noise, StateSpace, conditional};
/// let space = StateSpace::new(Noise::Masked, 2, 1)?;
/// let mut law = [0.0; 3];
/// conditional(&space, &[0.25, 0.75], 0.8, &mut law);
/// assert!((law[2] - 0.2).abs() < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Panics
/// Panics if `out` has another length.
pub fn conditional(space: &StateSpace, d: &[f64], alpha: f64, out: &mut [f64]) {
    assert_eq!(out.len(), space.letters(), "one number for each letter of a noised token");
    for (y, out) in out.iter_mut().enumerate() {
        *out = alpha * d.get(y).copied().unwrap_or(0.0) + (1.0 - alpha) * space.prior(y as Letter);
    }
}

impl fmt::Display for Parameterization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Parameterization {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let all = [Self::LeaveOneOut, Self::Posterior, Self::Score];
        let found = all.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| Error::unknown("parameterization", text, &Self::NAMES))
    }
}

/// A network on tokens, or a density on sequences that is known exactly.
///
/// A row's prediction must depend on that row, its level and its identity alone.
///
/// ```
/// use langevin::{Query, Result};
/// use langevin_discrete::{Denoiser, Letter, Noise, StateSpace, sampler};
///
/// /// Tokens that are independent: letter 0 with probability 0.9, letter 1 otherwise.
/// struct Coins(StateSpace);
///
/// impl Denoiser for Coins {
///     fn space(&self) -> &StateSpace {
///         &self.0
///     }
///
///     fn predict(&self, x: &[Letter], _: &Query<'_>) -> Result<Vec<f64>> {
///         Ok(x.iter().flat_map(|_| [0.9, 0.1]).collect())
///     }
/// }
///
/// let coins = Coins(StateSpace::new(Noise::Masked, 2, 8)?);
/// let plan = sampler::ancestral(coins.space(), &sampler::even(4))?;
/// let rows: Vec<_> = (0..1000).map(|index| langevin::SampleId { seed: 0, index }).collect();
/// let tokens = plan.run(&coins, &rows)?;
/// let zeros = tokens.iter().filter(|letter| **letter == 0).count();
/// assert!((zeros as f64 / 8000.0 - 0.9).abs() < 0.02);
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait Denoiser: Sync {
    /// Returns the space of the sequences.
    fn space(&self) -> &StateSpace;

    /// Returns what [`predict`](Self::predict) returns, the leave-one-out denoiser by default.
    fn parameterization(&self) -> Parameterization {
        Parameterization::LeaveOneOut
    }

    /// Predicts every token of the rows `x`.
    ///
    /// `x` has rows × d letters. The result has rows × d × W numbers, where W is
    /// [`Parameterization::width`]. `query.at` gives the survival of each row as `alpha`.
    ///
    /// # Errors
    /// Returns an error if the network cannot be evaluated.
    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>>;

    /// Predicts the leave-one-out denoiser of every token, rows × d × V numbers.
    ///
    /// This is the one place where predictions are converted. The default calls
    /// [`predict`](Self::predict) and checks and converts its result.
    ///
    /// # Errors
    /// Returns an error if the network cannot be evaluated, or if its prediction is no
    /// distribution.
    fn leave_one_out(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        let predicted = self.predict(x, query)?;
        leave_one_out(self.space(), self.parameterization(), x, query, predicted)
    }
}

/// Largest distance of a distribution's sum from 1, for networks in single or half precision.
const UNEVEN: f64 = 1e-2;

/// Checks a network's prediction and converts it to D.
pub(crate) fn leave_one_out(
    space: &StateSpace,
    from: Parameterization,
    x: &[Letter],
    query: &Query<'_>,
    predicted: Vec<f64>,
) -> Result<Vec<f64>> {
    let (width, vocab, length) = (from.width(space), space.vocab(), space.length());
    if predicted.len() != x.len() * width {
        return Err(Error::shape("the prediction has the wrong size")
            .expected(format!("{} tokens × {width} numbers", x.len()))
            .got(predicted.len().to_string()));
    }
    let place = |token: usize| format!("row {}, token {}", token / length, token % length);
    for (token, values) in predicted.chunks_exact(width).enumerate() {
        if let Some(value) = values.iter().find(|value| !(**value >= 0.0 && value.is_finite())) {
            return Err(Error::argument("a prediction is not a probability")
                .at(place(token))
                .expected("finite numbers, none below 0")
                .got(value.to_string()));
        }
        let sum: f64 = values.iter().sum();
        if from != Parameterization::Score && (sum - 1.0).abs() > UNEVEN {
            return Err(Error::argument("the probabilities of a token do not add up to 1")
                .at(place(token))
                .expected("a sum within 0.01 of 1")
                .got(sum.to_string()));
        }
    }
    if from == Parameterization::LeaveOneOut && !space.is_masked() {
        return Ok(predicted);
    }
    let mut out = vec![0.0; x.len() * vocab];
    for (token, (values, out)) in predicted.chunks_exact(width).zip(out.chunks_exact_mut(vocab)).enumerate() {
        let alpha = query.at.row(token / length).alpha;
        from.to_leave_one_out(space, values, x[token], alpha, out).map_err(|error| error.at(place(token)))?;
    }
    Ok(out)
}

impl<D: Denoiser + ?Sized> Denoiser for &D {
    fn space(&self) -> &StateSpace {
        (**self).space()
    }

    fn parameterization(&self) -> Parameterization {
        (**self).parameterization()
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        (**self).predict(x, query)
    }

    fn leave_one_out(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        (**self).leave_one_out(x, query)
    }
}

impl<D: Denoiser + ?Sized + Send> Denoiser for Box<D> {
    fn space(&self) -> &StateSpace {
        (**self).space()
    }

    fn parameterization(&self) -> Parameterization {
        (**self).parameterization()
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        (**self).predict(x, query)
    }

    fn leave_one_out(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        (**self).leave_one_out(x, query)
    }
}
