//! A place to compute: plain slices here, tensors of any library elsewhere.

use crate::error::{Error, Result};
use crate::noise::SampleId;
use smallvec::SmallVec;

mod rowwise;
mod slices;

pub use crate::kernel::Element;
pub use rowwise::{ErrorNorms, RowWise};
pub use slices::{DenoiseSlices, SliceSpace};

/// A coefficient: one for the whole batch, or one for each row.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Coef<'a> {
    /// The same for every row.
    All(f64),
    /// Row i takes entry i.
    PerRow(&'a [f64]),
}

impl Coef<'_> {
    /// Returns the coefficient of row `row`.
    ///
    /// ```
    /// use langevin::space::Coef;
    /// assert_eq!(Coef::All(0.5).row(3), 0.5);
    /// assert_eq!(Coef::PerRow(&[1.0, 2.0]).row(1), 2.0);
    /// ```
    ///
    /// # Panics
    /// Panics if `row` is beyond the entries of [`PerRow`](Self::PerRow); a [`Space`] checks their
    /// number against its rows first.
    #[must_use]
    pub fn row(&self, row: usize) -> f64 {
        match self {
            Coef::All(value) => *value,
            Coef::PerRow(values) => values[row],
        }
    }
}

/// The number of a noise draw. Naming it twice is using the same noise twice.
pub type Draw = u32;

/// The element-wise operations that are not linear, or not linear with constant coefficients.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Map {
    /// Every element into \[min, max\].
    Clamp {
        /// The lower bound.
        min: f64,
        /// The upper bound.
        max: f64,
    },
    /// Dynamic thresholding (Saharia et al., arXiv 2205.11487): each row is clamped to ±s and divided by s, where s is the `ratio` quantile of its
    /// absolute values, kept within \[1, max\].
    Threshold {
        /// The quantile, in (0, 1].
        ratio: f64,
        /// The largest s, at least 1.
        max: f64,
    },
    /// The product of two states.
    Mul,
    /// The standard deviation that a network learned: from v ∈ \[−1, 1\], log c² = ½(1+v) log(large²) + ½(1−v) log(small²).
    LearnedStd {
        /// The smallest standard deviation.
        small: f64,
        /// The largest one.
        large: f64,
    },
    /// An operation that the program running the plan supplies under this name.
    Hook {
        /// Its name.
        name: String,
    },
}

impl Map {
    /// A clamp into \[`min`, `max`\].
    ///
    /// # Errors
    /// Bounds that are not numbers, or in the wrong order.
    pub fn clamp(min: f64, max: f64) -> Result<Self> {
        if min <= max {
            return Ok(Self::Clamp { min, max });
        }
        Err(Error::argument("bad bounds of a clamp").expected("min ≤ max").got(format!("{min} and {max}")))
    }

    /// Dynamic thresholding at the quantile `ratio`, with scales up to `max`.
    ///
    /// # Errors
    /// A ratio outside (0, 1\], or a largest scale below 1.
    pub fn threshold(ratio: f64, max: f64) -> Result<Self> {
        if 0.0 < ratio && ratio <= 1.0 && max >= 1.0 {
            return Ok(Self::Threshold { ratio, max });
        }
        Err(Error::argument("bad threshold")
            .expected("a ratio in (0, 1] and a largest scale ≥ 1")
            .got(format!("{ratio} and {max}")))
    }

    /// How many states it reads; `None` where the hook decides.
    pub(crate) fn arity(&self) -> Option<usize> {
        match self {
            Map::Clamp { .. } | Map::Threshold { .. } | Map::LearnedStd { .. } => Some(1),
            Map::Mul => Some(2),
            Map::Hook { .. } => None,
        }
    }
}

/// The error that a step may make: `absolute` for small values, `relative` for large ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Where values are small.
    pub absolute: f64,
    /// As a share of the value.
    pub relative: f64,
}

/// A sum, and the denoised prediction in it where that is kept.
pub type WithDenoised<S> = (S, Option<S>);

/// A denoised prediction that is not computed yet: D = b·out + a·x.
#[derive(Debug)]
pub struct Denoise<'a, S> {
    /// The factor of the state.
    pub a: f64,
    /// The factor of the model's output.
    pub b: f64,
    /// The state; `None`: the one that the sum begins with.
    pub x: Option<&'a S>,
    /// The model's output.
    pub out: S,
    /// Whether D is needed later.
    pub keep: bool,
}

/// A place to compute: it owns threads, scratch memory, device and noise, and lives where a foreign tensor type could not take a trait.
///
/// A state is a batch of rows, one for each [`SampleId`]; what a row looks like is the space's own matter.
///
/// # Rounding
///
/// The contract of [`combine`](Self::combine) is exact, so that every space with the same element
/// type gives the same bits:
///
/// 1. Each coefficient is converted from `f64` to the element type, and each noise element from `f32`.
/// 2. Each coefficient is multiplied with its element, and the product is rounded.
/// 3. The products are added from left to right: `own`, then `terms`, then `noise`, each in the listed
///    order. The first product starts the sum, and every partial sum is rounded.
///
/// There is no fused multiply-add and no reordering. [`denoise_and_combine`](Self::denoise_and_combine)
/// rounds D = b·out + a·x to the element type before D enters the sum. Noise is
/// [`fill_normals`](crate::noise::fill_normals) of the row's [`SampleId`], or any other source if the
/// space does not promise the samples of other spaces.
///
/// # Examples
///
/// A space whose states are rows of `f32`, each in its own vector. It has the bits of [`SliceSpace`].
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
///         let states = own.iter().map(|(_, state)| state).chain(terms.iter().map(|(_, state)| *state));
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
///         let d = |(i, x): (usize, &f32)| x / (1.0 + query.at.row(i / width).sigma.powi(2)) as f32;
///         Ok(x.iter().enumerate().map(d).collect())
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

    /// own·c₀ + Σ cₖ·termₖ + Σ cⱼ·z(drawⱼ), for the rows given; nothing at all is zero.
    ///
    /// `own` is taken by value, so that slices are overwritten in place and functional tensors are consumed alike.
    ///
    /// # Errors
    /// Shapes that do not fit, or a failure of the device.
    fn combine(
        &self,
        own: Option<(Coef<'_>, Self::State)>,
        terms: &[(Coef<'_>, &Self::State)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<Self::State>;

    /// D = b·out + a·x and, at once, own·c₀ + Σ cₖ·termₖ + Σ cⱼ·z(drawⱼ), where a term that is `None` is D; gives the sum, and D where it is kept.
    ///
    /// This is a step of a sampler. A space that can do it in one pass over memory overrides it, to the same bits.
    ///
    /// # Errors
    /// As [`combine`](Self::combine).
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

    /// An element-wise operation.
    ///
    /// # Errors
    /// Shapes that do not fit, a hook that is not known, or a failure of the device.
    fn map(&self, map: &Map, args: &[&Self::State]) -> Result<Self::State>;

    /// Takes back a state that is no longer needed, to use its memory again. Does nothing unless overridden.
    fn recycle(&self, state: Self::State) {
        drop(state);
    }
}

/// D = b·out + a·x, the only place where the output of a model becomes a denoised prediction.
///
/// [`Space::denoise_and_combine`] may do the same within a larger pass, to the same bits.
pub(crate) fn denoised<Sp: Space + ?Sized>(
    space: &Sp,
    [a, b]: [Coef<'_>; 2],
    x: &Sp::State,
    out: Sp::State,
    rows: &[SampleId],
) -> Result<Sp::State> {
    space.combine(Some((b, out)), &[(a, x)], &[], rows)
}

/// A borrowed space computes as the space itself, so a program may own its space or borrow it.
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
