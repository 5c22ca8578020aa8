//! A place to compute: plain slices here, tensors of any library elsewhere.

use crate::error::{Error, Result};
use crate::noise::SampleId;
use smallvec::SmallVec;

mod rowwise;
mod slices;

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
    fn row(&self, row: usize) -> f64 {
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
/// A state is a batch of rows. The contract of `combine` is exact: multiply, then add, in the listed order, with no fused multiply-add.
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
pub(crate) mod tests;
