//! The place of computation: plain slices in this crate, tensors of any library elsewhere.
//!
//! | item | purpose |
//! |---|---|
//! | [`Space`] | the operations that a plan needs; implement it for a tensor library of your own |
//! | [`SliceSpace`] | states in plain memory |
//! | [`ErrorNorms`] | error control of adaptive steps |
//! | [`RowWise`] | figures of each row, for likelihoods and diagnosis |

use crate::error::{Error, Result};
use crate::noise::SampleId;
use smallvec::SmallVec;

mod rowwise;
mod slices;

pub use crate::kernel::Element;
pub use rowwise::{ErrorNorms, RowWise};
pub use slices::{DenoiseSlices, SliceSpace};

/// A coefficient: one for the whole batch, or one for each row.
///
/// # Examples
///
/// ```
/// use langevin::space::Coef;
/// use langevin::{SampleId, SliceSpace, Space};
/// let rows = [0, 1].map(|index| SampleId { seed: 1, index });
/// let x = vec![1.0, 1.0];
/// let scaled = |coef| SliceSpace::<f64>::new(1).combine(None, &[(coef, &x)], &[], &rows);
/// assert_eq!(scaled(Coef::All(3.0))?, [3.0, 3.0]);
/// assert_eq!(scaled(Coef::PerRow(&[3.0, 5.0]))?, [3.0, 5.0]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Coef<'a> {
    /// One coefficient for every row.
    All(f64),
    /// Entry i for row i.
    PerRow(&'a [f64]),
}

impl Coef<'_> {
    /// Returns the coefficient of row `row`.
    ///
    /// # Panics
    /// Panics if `row` is beyond the entries of [`PerRow`](Self::PerRow). A [`Space`] checks their
    /// number against its rows first.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::space::Coef;
    /// assert_eq!(Coef::All(0.5).row(3), 0.5);
    /// assert_eq!(Coef::PerRow(&[1.0, 2.0]).row(1), 2.0);
    /// ```
    #[must_use]
    pub fn row(&self, row: usize) -> f64 {
        match self {
            Coef::All(value) => *value,
            Coef::PerRow(values) => values[row],
        }
    }
}

/// The number of a noise draw. Two uses of one number are two uses of the same noise.
///
/// # Examples
///
/// ```
/// use langevin::space::{Coef, Draw};
/// use langevin::{SampleId, SliceSpace, Space};
/// let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId { seed: 1, index: 0 }]);
/// let z = |draw: Draw| space.combine(None, &[], &[(Coef::All(1.0), draw)], &rows);
/// assert_eq!(z(0)?, z(0)?);
/// assert_ne!(z(0)?, z(1)?);
/// # Ok::<(), langevin::Error>(())
/// ```
pub type Draw = u32;

/// Element-wise operations that are not linear, or not linear with constant coefficients.
///
/// # Examples
///
/// ```
/// use langevin::{Map, SliceSpace, Space};
/// let space = SliceSpace::<f64>::new(4);
/// let x = vec![-3.0, -0.5, 0.5, 2.0];
/// assert_eq!(space.map(&Map::clamp(-1.0, 1.0)?, &[&x])?, [-1.0, -0.5, 0.5, 1.0]);
/// assert_eq!(space.map(&Map::Mul, &[&x, &x])?, [9.0, 0.25, 0.25, 4.0]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Map {
    /// A clamp of every element to \[min, max\].
    Clamp {
        /// The lower bound.
        min: f64,
        /// The upper bound.
        max: f64,
    },
    /// Dynamic thresholding: each row is clamped to ±s and divided by s.
    ///
    /// The scale s is the `ratio` quantile of the row's absolute values, kept within \[1, max\].
    /// Source: Saharia et al., arXiv 2205.11487.
    Threshold {
        /// The quantile, in (0, 1\].
        ratio: f64,
        /// The largest s, at least 1.
        max: f64,
    },
    /// The product of two states.
    Mul,
    /// The standard deviation c that a network learned, from its output v ∈ \[−1, 1\]: log c² =
    /// ½(1+v) log(large²) + ½(1−v) log(small²).
    LearnedStd {
        /// The smallest standard deviation.
        small: f64,
        /// The largest standard deviation.
        large: f64,
    },
    /// An operation that the program running the plan supplies under a name.
    Hook {
        /// The name of the operation.
        name: String,
    },
}

impl Map {
    /// Returns a clamp to \[`min`, `max`\].
    ///
    /// # Errors
    /// Returns an error unless `min` ≤ `max`; NaN is rejected too.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Map;
    /// assert_eq!(Map::clamp(-1.0, 1.0)?, Map::Clamp { min: -1.0, max: 1.0 });
    /// assert!(Map::clamp(1.0, -1.0).unwrap_err().is_argument());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn clamp(min: f64, max: f64) -> Result<Self> {
        if min <= max {
            return Ok(Self::Clamp { min, max });
        }
        Err(Error::argument("bad bounds of a clamp").expected("min ≤ max").got(format!("{min} and {max}")))
    }

    /// Returns dynamic thresholding at the quantile `ratio`, with scales up to `max`.
    ///
    /// # Errors
    /// Returns an error if the ratio is outside (0, 1\], or if `max` is below 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Map, SliceSpace, Space};
    /// let x = vec![-4.0, 1.0];
    /// // The largest absolute value is 4, so the row is divided by 4.
    /// let out = SliceSpace::<f64>::new(2).map(&Map::threshold(1.0, 10.0)?, &[&x])?;
    /// assert_eq!(out, [-1.0, 0.25]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn threshold(ratio: f64, max: f64) -> Result<Self> {
        if 0.0 < ratio && ratio <= 1.0 && max >= 1.0 {
            return Ok(Self::Threshold { ratio, max });
        }
        Err(Error::argument("bad threshold")
            .expected("a ratio in (0, 1] and a largest scale ≥ 1")
            .got(format!("{ratio} and {max}")))
    }

    /// Returns the number of states that the operation reads, or `None` for a hook, which decides
    /// itself.
    pub(crate) fn arity(&self) -> Option<usize> {
        match self {
            Map::Clamp { .. } | Map::Threshold { .. } | Map::LearnedStd { .. } => Some(1),
            Map::Mul => Some(2),
            Map::Hook { .. } => None,
        }
    }
}

/// The error that a step may make: `absolute` for small values, `relative` for large ones.
///
/// # Examples
///
/// ```
/// use langevin::space::{ErrorNorms, Tolerance};
/// use langevin::SliceSpace;
/// let (low, high) = (vec![10.0], vec![10.5]);
/// let tolerance = Tolerance { absolute: 0.01, relative: 0.1 };
/// // An error of 0.5 is half of the tolerated 0.1 · 10.
/// let norms = SliceSpace::<f64>::new(1).error_norms(&low, &high, &low, tolerance)?;
/// assert_eq!(norms, [0.5]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The tolerated error of small values.
    pub absolute: f64,
    /// The tolerated error of large values, as a share of the value.
    pub relative: f64,
}

/// A sum, and the denoised prediction in it if it is kept.
///
/// # Examples
///
/// ```
/// use langevin::space::{Denoise, WithDenoised};
/// use langevin::{Result, SampleId, SliceSpace, Space};
/// let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId::default()]);
/// let step = |keep| -> Result<WithDenoised<Vec<f64>>> {
///     let denoise = Denoise { a: 1.0, b: -1.0, x: None, out: vec![2.0], keep };
///     space.denoise_and_combine(denoise, Some((1.0, vec![5.0])), &[(1.0, None)], &[], &rows)
/// };
/// assert_eq!(step(true)?, (vec![8.0], Some(vec![3.0])));
/// assert_eq!(step(false)?, (vec![8.0], None));
/// # Ok::<(), langevin::Error>(())
/// ```
pub type WithDenoised<S> = (S, Option<S>);

/// A denoised prediction that is not yet computed: D = b·out + a·x.
///
/// # Examples
///
/// ```
/// use langevin::space::Denoise;
/// use langevin::{SampleId, SliceSpace, Space};
/// let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId::default()]);
/// // D = x − 2·out = 1; the sum is x + 10·D.
/// let denoise = Denoise { a: 1.0, b: -2.0, x: None, out: vec![2.0], keep: false };
/// let own = Some((1.0, vec![5.0]));
/// let (sum, _) = space.denoise_and_combine(denoise, own, &[(10.0, None)], &[], &rows)?;
/// assert_eq!(sum, [15.0]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Debug)]
pub struct Denoise<'a, S> {
    /// The factor of the state.
    pub a: f64,
    /// The factor of the model's output.
    pub b: f64,
    /// The state; `None` means the state that the sum begins with.
    pub x: Option<&'a S>,
    /// The model's output.
    pub out: S,
    /// `true` if D is needed later and must be returned.
    pub keep: bool,
}

/// A place of computation, which owns threads, scratch memory, device and noise.
///
/// A state is a batch of rows, one for each [`SampleId`]. The layout of a row is the space's own
/// decision. The operations belong to the space and not to the state, because a foreign tensor type
/// could not implement a trait of this crate.
///
/// # Rounding
///
/// The contract of [`combine`](Self::combine) is exact, so that every space with the same element
/// type gives the same bits:
///
/// 1. Each coefficient is converted from `f64` to the element type, and each noise element from
///    `f32`.
/// 2. Each coefficient is multiplied with its element, and the product is rounded.
/// 3. The products are added from left to right: `own`, then `terms`, then `noise`, each in the
///    listed order. The first product starts the sum, and every partial sum is rounded.
///
/// There is no fused multiply-add and no reordering.
/// [`denoise_and_combine`](Self::denoise_and_combine) rounds D = b·out + a·x to the element type
/// before D enters the sum. Noise is [`fill_normals`](crate::noise::fill_normals) of the row's
/// [`SampleId`]. A space that does not promise the samples of other spaces may use any other
/// source.
///
/// # Examples
///
/// A space whose states are rows of `f32`, each in its own vector. It gives the same bits as
/// [`SliceSpace`].
///
/// ```
/// use langevin::noise::fill_normals;
/// use langevin::space::{Coef, Draw};
/// use langevin::{Error, Map, Model, Query, Result, SampleId, Space};
/// use langevin::{Grid, Process, Sampler, Sampling};
///
/// struct Rows {
///     width: usize,
/// }
///
/// impl Space for Rows {
///     type State = Vec<Vec<f32>>;
///
///     fn combine(
///         &self,
///         own: Option<(Coef<'_>, Self::State)>,
///         terms: &[(Coef<'_>, &Self::State)],
///         noise: &[(Coef<'_>, Draw)],
///         rows: &[SampleId],
///     ) -> Result<Self::State> {
///         let others = terms.iter().map(|(_, state)| *state);
///         let states = own.iter().map(|(_, state)| state).chain(others);
///         if let Some(bad) = states.map(Vec::len).find(|len| *len != rows.len()) {
///             return Err(Error::shape("a state does not fit the batch")
///                 .expected(format!("{} rows", rows.len()))
///                 .got(bad.to_string()));
///         }
///         let mut out = vec![vec![0.0; self.width]; rows.len()];
///         for (i, (id, out)) in rows.iter().zip(&mut out).enumerate() {
///             let mut draws = vec![vec![0.0; self.width]; noise.len()];
///             for (z, (_, draw)) in draws.iter_mut().zip(noise) {
///                 fill_normals(&[*id], *draw, self.width, z);
///             }
///             let own = own.iter().map(|(coef, state)| (*coef, &state[i]));
///             let terms = terms.iter().map(|(coef, state)| (*coef, &state[i]));
///             let noise = noise.iter().zip(&draws).map(|((coef, _), z)| (*coef, z));
///             // The coefficient as f32, then the product; the first product starts the sum.
///             for (k, (coef, row)) in own.chain(terms).chain(noise).enumerate() {
///                 let coef = coef.row(i) as f32;
///                 for (out, x) in out.iter_mut().zip(row) {
///                     *out = if k == 0 { coef * x } else { *out + coef * x };
///                 }
///             }
///         }
///         Ok(out)
///     }
///
///     fn map(&self, map: &Map, args: &[&Self::State]) -> Result<Self::State> {
///         match (map, args) {
///             (Map::Clamp { min, max }, [x]) => {
///                 let clamp = |x: &f32| x.max(*min as f32).min(*max as f32);
///                 Ok(x.iter().map(|row| row.iter().map(clamp).collect()).collect())
///             }
///             _ => Err(Error::argument("this space only clamps")),
///         }
///     }
/// }
///
/// /// D of data N(0, 1) on the VE process: x/(1 + σ²).
/// struct Unit;
/// impl Model<Vec<f32>> for Unit {
///     fn predict(&self, x: &Vec<f32>, query: &Query<'_>) -> Result<Vec<f32>> {
///         let width = x.len() / query.rows.len();
///         let factor = |row| (1.0 + query.at.row(row).sigma.powi(2)) as f32;
///         Ok(x.iter().enumerate().map(|(i, x)| x / factor(i / width)).collect())
///     }
/// }
/// impl Model<Vec<Vec<f32>>> for Unit {
///     fn predict(&self, x: &Vec<Vec<f32>>, query: &Query<'_>) -> Result<Vec<Vec<f32>>> {
///         let flat = Model::<Vec<f32>>::predict(self, &x.concat(), query)?;
///         Ok(flat.chunks(flat.len() / x.len()).map(<[f32]>::to_vec).collect())
///     }
/// }
///
/// let process = Process::ve();
/// let levels = Grid::karras(6).levels(&process, 0.002, 80.0)?;
/// let plan = Sampler::ddim(1.0).compile(&process, None, &levels)?;
/// let ids: Vec<SampleId> = (0..3).map(|index| SampleId { seed: 4, index }).collect();
/// let ours = plan.run(&Rows { width: 2 }, &Unit, vec![], &ids)?;
/// let slices: Vec<f32> = Sampling::new(3, 2).seed(4).run(&plan, &Unit)?;
/// assert_eq!(ours.concat(), slices);
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait Space {
    /// A batch of states.
    type State;

    /// Computes own·c₀ + Σ cₖ·termₖ + Σ cⱼ·z(drawⱼ) for the given rows. An empty sum is zero.
    ///
    /// The method takes `own` by value, so that slices are overwritten in place and functional
    /// tensors are consumed in the same way.
    ///
    /// # Errors
    /// Returns an error if the shapes do not fit or the device fails.
    fn combine(
        &self,
        own: Option<(Coef<'_>, Self::State)>,
        terms: &[(Coef<'_>, &Self::State)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<Self::State>;

    /// Computes D = b·out + a·x together with own·c₀ + Σ cₖ·termₖ + Σ cⱼ·z(drawⱼ), in which a term
    /// that is `None` is D. Returns the sum, and D if it is kept.
    ///
    /// This is one step of a sampler. A space that can compute it in one pass over memory overrides
    /// it and keeps the bits.
    ///
    /// # Errors
    /// Returns an error if the shapes do not fit or the device fails.
    fn denoise_and_combine(
        &self,
        denoise: Denoise<'_, Self::State>,
        own: Option<(f64, Self::State)>,
        terms: &[(f64, Option<&Self::State>)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<WithDenoised<Self::State>> {
        let Denoise { a, b, x, out, keep } = denoise;
        let x = x.or(own.as_ref().map(|(_, state)| state)).ok_or_else(|| Error::shape("there is no state to read"))?;
        let d = denoised(self, [Coef::All(a), Coef::All(b)], x, out, rows)?;
        let terms: SmallVec<[_; 8]> = terms.iter().map(|(coef, term)| (Coef::All(*coef), term.unwrap_or(&d))).collect();
        let sum = self.combine(own.map(|(coef, state)| (Coef::All(coef), state)), &terms, noise, rows)?;
        drop(terms);
        if keep {
            return Ok((sum, Some(d)));
        }
        self.recycle(d);
        Ok((sum, None))
    }

    /// Applies an element-wise operation.
    ///
    /// # Errors
    /// Returns an error if the shapes do not fit, if a hook is unknown, or if the device fails.
    fn map(&self, map: &Map, args: &[&Self::State]) -> Result<Self::State>;

    /// Takes back a state that is no longer needed, to reuse its memory. The default drops it.
    fn recycle(&self, state: Self::State) {
        drop(state);
    }
}

/// Computes D = b·out + a·x. No other code turns the output of a model into a denoised prediction.
///
/// [`Space::denoise_and_combine`] may compute it within a larger pass, with the same bits.
pub(crate) fn denoised<Sp: Space + ?Sized>(
    space: &Sp,
    [a, b]: [Coef<'_>; 2],
    x: &Sp::State,
    out: Sp::State,
    rows: &[SampleId],
) -> Result<Sp::State> {
    space.combine(Some((b, out)), &[(a, x)], &[], rows)
}

/// Forwards to the borrowed space, so that a program may own its space or borrow it.
impl<Sp: Space + ?Sized> Space for &Sp {
    type State = Sp::State;

    fn combine(
        &self,
        own: Option<(Coef<'_>, Self::State)>,
        terms: &[(Coef<'_>, &Self::State)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<Self::State> {
        (**self).combine(own, terms, noise, rows)
    }

    fn denoise_and_combine(
        &self,
        denoise: Denoise<'_, Self::State>,
        own: Option<(f64, Self::State)>,
        terms: &[(f64, Option<&Self::State>)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<WithDenoised<Self::State>> {
        (**self).denoise_and_combine(denoise, own, terms, noise, rows)
    }

    fn map(&self, map: &Map, args: &[&Self::State]) -> Result<Self::State> {
        (**self).map(map, args)
    }

    fn recycle(&self, state: Self::State) {
        (**self).recycle(state);
    }
}

#[cfg(test)]
mod tests;
